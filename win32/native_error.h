/* SPDX-License-Identifier: MIT */
/*
 * The calling thread's last error, of a call that has failed. Never 0: a failure that left no
 * code (a provider or a hook in between has lost it) must not be taken for success, or
 * somebody waits for a packet that never comes.
 */
#ifndef APMK_NATIVE_ERROR_H
#define APMK_NATIVE_ERROR_H

#include "compat.h"

#include "kernel.h"

static inline apmk_code last_error(void)
{
    DWORD code = GetLastError();

    return code != 0 ? code : ERROR_GEN_FAILURE;
}

static inline apmk_code last_socket_error(void)
{
    int code = WSAGetLastError();

    return code != 0 ? (apmk_code)code : ERROR_GEN_FAILURE;
}

/* What a Winsock call that returns 0 or SOCKET_ERROR says. */
static inline apmk_code socket_outcome(int result)
{
    return result == 0 ? APMK_SUCCESS : last_socket_error();
}

#endif
