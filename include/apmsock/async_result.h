/* SPDX-License-Identifier: MIT */
/**
 * @file async_result.h
 * One asynchronous operation: System.IAsyncResult.
 *
 * **Lifetime.** A Begin function that was given a place for the result hands out one
 * counted reference; give it back with apm_async_result_release, after End. The result
 * that a callback gets is valid until the callback returns; retain it to keep it longer.
 * End ends the operation and frees nothing. A result that nobody asked for and nobody Ends
 * is dropped silently.
 *
 * **Order.** When an operation completes, its error and byte count are stored, then
 * is_completed turns true, then the wait handle (if somebody asked for one) is signaled,
 * then the callback runs. Each happens exactly once, whatever happens to the socket. A
 * Begin function stores the result before any callback of that operation can run.
 *
 * **Which thread calls back.** A worker of the pool; or, when the operation completed
 * inside its Begin function, the caller's own thread, before Begin returns
 * (completed_synchronously is then true). Callbacks may nest that way; from the 50th level
 * on, a worker runs them. Where a worker has other callbacks to run, and after 32 in a row, one
 * that would nest on it takes its turn behind what else there is (completed_synchronously is then
 * false), so that no connection keeps the others from going on. apm_options.callbacks_on_pool turns callbacks
 * inside Begin off; `dispatch` and `no_workers` bring callbacks to a thread of yours
 * (library.h).
 */
#ifndef APMSOCK_ASYNC_RESULT_H
#define APMSOCK_ASYNC_RESULT_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/**
 * Called once when an operation has completed. `result` is valid until it returns. It may
 * call every function of the library but apm_cleanup and apm_poll, may block, and may close the
 * socket.
 *
 * .NET: AsyncCallback.
 */
typedef void(APM_CALL *apm_async_callback)(apm_async_result *result);

/** What was passed to Begin as `state`; NULL for NULL. .NET: IAsyncResult.AsyncState. */
APM_API void *APM_CALL apm_async_result_state(const apm_async_result *result);

/** Whether the operation has completed; false for NULL. .NET: IAsyncResult.IsCompleted. */
APM_API bool APM_CALL apm_async_result_is_completed(apm_async_result *result);

/**
 * Whether it completed inside its Begin function, on the caller's thread. Settled when
 * Begin returns; the same answer ever after. False for NULL.
 *
 * .NET: IAsyncResult.CompletedSynchronously.
 */
APM_API bool APM_CALL apm_async_result_completed_synchronously(apm_async_result *result);

/**
 * The Win32 HANDLE of a manual-reset event that is signaled once the operation has
 * completed. Made when first asked for, the same at every call; NULL for NULL, and when
 * the system has no event left (ask again, or use apm_async_result_wait, which needs none).
 * The result owns it and closes it when the last reference goes: do not close it.
 *
 * .NET: IAsyncResult.AsyncWaitHandle.
 */
APM_API void *APM_CALL apm_async_result_wait_handle(apm_async_result *result);

/**
 * Blocks until the operation has completed, or for `timeout` milliseconds (0 only looks,
 * APM_INFINITE never ends). Makes no event. The callback may still be running, or not have begun:
 * where it calls End, do not close the socket because this has returned. From a callback it
 * holds that worker; another takes over.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_TIMED_OUT (the operation goes on),
 * APM_ERROR_INVALID_OPERATION (without a time limit, in a DllMain: see library.h).
 *
 * .NET: IAsyncResult.AsyncWaitHandle.WaitOne(timeout).
 */
APM_API apm_error APM_CALL apm_async_result_wait(apm_async_result *result, uint32_t timeout);

/**
 * Asks for the operation to be cancelled. A request: the operation completes in its own
 * time, once, and if it was done before the request took effect it has succeeded, bytes
 * and all. Otherwise End returns APM_ERROR_OPERATION_ABORTED. A cancelled send may have
 * sent a part, whose size End gives (Windows may have sent more than it says, and may give the
 * connection up); a cancelled receive has lost nothing, and other
 * receives of the socket go on. Success, and nothing done, on a completed operation.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL.
 *
 * .NET: has none; later versions have a CancellationToken.
 */
APM_API apm_error APM_CALL apm_async_result_cancel(apm_async_result *result);

/**
 * Cancels the operation after `timeout` milliseconds, unless it has completed; End then
 * returns APM_ERROR_TIMED_OUT. A further call replaces the time, APM_INFINITE takes it
 * back, 0 cancels now; none of them gives a connect more than its CONNECT_TIMEOUT. A request like apm_async_result_cancel; whichever asks first gives
 * the error. The first use starts one thread for all timers. Time that the computer sleeps does not count, here and for
 * all other timeouts; before Windows 10 it may.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_OUT_OF_MEMORY or the system's code (the timer
 * thread could not be started; nothing was changed).
 *
 * .NET: has none.
 */
APM_API apm_error APM_CALL apm_async_result_cancel_after(apm_async_result *result, uint32_t timeout);

/**
 * The message of a completed operation: the system's text for its error, and for a connect
 * the endpoint it is about, as .NET's exceptions have it ("... actively refused it
 * 127.0.0.1:11000"). Otherwise as apm_error_message. Empty for NULL and while it is pending. It tells of the
 * operation, and not of its End: after a close, whose End is APM_ERROR_OBJECT_DISPOSED, it still says how the
 * operation ended, also that it succeeded.
 *
 * .NET: SocketException.Message.
 */
APM_API size_t APM_CALL apm_async_result_message(apm_async_result *result, char *text, size_t size);

/** Takes one more reference. NULL is harmless. */
APM_API void APM_CALL apm_async_result_retain(apm_async_result *result);

/** Gives one reference back. NULL is harmless. The operation goes on without it. */
APM_API void APM_CALL apm_async_result_release(apm_async_result *result);

APM_END_DECLARATIONS

#endif
