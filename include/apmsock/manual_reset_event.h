/* SPDX-License-Identifier: MIT */
/**
 * @file manual_reset_event.h
 * A kernel event that stays signaled until it is reset: System.Threading.ManualResetEvent.
 * It needs no started library, and it allocates nothing: it is the kernel's object.
 */
#ifndef APMSOCK_MANUAL_RESET_EVENT_H
#define APMSOCK_MANUAL_RESET_EVENT_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/**
 * Makes an event. The caller owns it and gives it back with apm_manual_reset_event_close.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_OUT_OF_MEMORY, or the system's code.
 *
 * .NET: new ManualResetEvent(signaled).
 */
APM_API apm_error APM_CALL apm_manual_reset_event_create(bool signaled, apm_manual_reset_event **event);

/**
 * Signals: every waiting thread goes on, and so does whoever waits later.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, or the system's code. .NET: EventWaitHandle.Set.
 */
APM_API apm_error APM_CALL apm_manual_reset_event_set(apm_manual_reset_event *event);

/**
 * Takes the signal back.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, or the system's code. .NET: EventWaitHandle.Reset.
 */
APM_API apm_error APM_CALL apm_manual_reset_event_reset(apm_manual_reset_event *event);

/**
 * Blocks until the event is signaled, or for `timeout` milliseconds (0 only looks,
 * APM_INFINITE never ends). From a callback it holds that worker; another takes over. A signal
 * that is taken back at once can be missed by a thread that has waited for seconds, as by one that the
 * system interrupts: let it stand until whoever waits has answered.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_TIMED_OUT, or the system's code.
 *
 * .NET: WaitHandle.WaitOne(timeout).
 */
APM_API apm_error APM_CALL apm_manual_reset_event_wait_one(apm_manual_reset_event *event, uint32_t timeout);

/** The Win32 HANDLE, for WaitForMultipleObjects and the like; NULL for NULL. It stays the
 *  event's: do not close it. .NET: WaitHandle.SafeWaitHandle. */
APM_API void *APM_CALL apm_manual_reset_event_handle(apm_manual_reset_event *event);

/** Gives the event back. No thread may be waiting on it. NULL is harmless. .NET: WaitHandle.Close. */
APM_API void APM_CALL apm_manual_reset_event_close(apm_manual_reset_event *event);

APM_END_DECLARATIONS

#endif
