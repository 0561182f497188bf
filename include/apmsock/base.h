/* SPDX-License-Identifier: MIT */
/**
 * @file base.h
 * What every header of apmsock shares: the calling convention, linkage and the
 * opaque types. Include apmsock.h, or the one header whose noun you need.
 *
 * Unless its own text says otherwise, every function of the library
 *  - may be called from every thread at any time, on a handle that is still held;
 *  - may be called from a callback;
 *  - does not block;
 *  - leaves its out-parameters untouched when it fails.
 */
#ifndef APMSOCK_BASE_H
#define APMSOCK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The calling convention of functions and callbacks; it matters on 32-bit x86 only. */
#if defined(_WIN32)
#define APM_CALL __cdecl
#else
#define APM_CALL
#endif

/** Define APMSOCK_DLL when you link the import library: calls then skip a jump. Optional. */
#if defined(_WIN32) && defined(APMSOCK_DLL)
#define APM_API __declspec(dllimport)
#else
#define APM_API
#endif

#ifdef __cplusplus
#define APM_BEGIN_DECLARATIONS extern "C" {
#define APM_END_DECLARATIONS }
#else
#define APM_BEGIN_DECLARATIONS
#define APM_END_DECLARATIONS
#endif

/** A timeout that never ends. */
#define APM_INFINITE 0xFFFFFFFFu

APM_BEGIN_DECLARATIONS

/** A socket: System.Net.Sockets.Socket. Counted; see socket.h. */
typedef struct apm_socket apm_socket;

/** One asynchronous operation: System.IAsyncResult. Counted; see async_result.h. */
typedef struct apm_async_result apm_async_result;

/** A kernel event: System.Threading.ManualResetEvent; see manual_reset_event.h. */
typedef struct apm_manual_reset_event apm_manual_reset_event;

/** 0, a SocketError (positive) or another of .NET's exceptions (negative); see error.h. */
typedef int32_t apm_error;

APM_END_DECLARATIONS

#endif
