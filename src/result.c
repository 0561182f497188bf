/* SPDX-License-Identifier: MIT */
/*
 * The public face of an operation: IAsyncResult. The wait handle is made when first asked
 * for, by whoever asks first; the bit EVENT in the state word tells completion to signal it.
 */
#include "error.h"
#include "lane.h"
#include "library.h"
#include "operation.h"
#include "socket.h"

void *APM_CALL apm_async_result_state(const apm_async_result *result)
{
    return result != NULL ? result->user_state : NULL;
}

bool APM_CALL apm_async_result_is_completed(apm_async_result *result)
{
    return result != NULL && apmi_operation_completed(result);
}

bool APM_CALL apm_async_result_completed_synchronously(apm_async_result *result)
{
    /* Set together with COMPLETED or never, and nobody can look before Begin is past it: the
     * answer cannot change under a caller's eyes. */
    return result != NULL && (atomic_load_explicit(&result->state, memory_order_relaxed) & APMI_INSIDE) != 0;
}

void *APM_CALL apm_async_result_wait_handle(apm_async_result *result)
{
    apmk_event event, none = NULL;
    uint32_t before;

    if (result == NULL) return NULL;
    event = atomic_load_explicit(&result->event, memory_order_acquire);
    if (event == NULL) {
        if (apmk_event_create(false, &event) != APMK_SUCCESS) return NULL;
        if (!atomic_compare_exchange_strong_explicit(&result->event, &none, event, memory_order_acq_rel,
                                                     memory_order_acquire)) {
            apmk_event_close(event); /* another thread was first: its event is everybody's */
            event = none;
        }
    }
    apmk_interleave();
    before = atomic_fetch_or_explicit(&result->state, APMI_EVENT, memory_order_acq_rel);
    /* Signaled by everyone who comes late: the one whose event it is may not have got this far. */
    if (before & APMI_COMPLETED) (void)apmk_event_set(event);
    return event;
}

apm_error APM_CALL apm_async_result_wait(apm_async_result *result, uint32_t timeout)
{
    if (result == NULL) return APM_ERROR_ARGUMENT_NULL;
    return apmi_operation_wait(result, timeout) ? APM_ERROR_SUCCESS : APM_ERROR_TIMED_OUT;
}

apm_error APM_CALL apm_async_result_cancel(apm_async_result *result)
{
    if (result == NULL) return APM_ERROR_ARGUMENT_NULL;
    apmi_lane_cancel(result, APMI_CANCELLED);
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_async_result_cancel_after(apm_async_result *result, uint32_t timeout)
{
    apmi_timers *timers;
    apmk_code code;
    bool was_armed = false;

    if (result == NULL) return APM_ERROR_ARGUMENT_NULL;
    timers = &result->socket->library->timers;
    if (timeout == APM_INFINITE || timeout == 0) {
        if (apmi_timer_disarm(timers, &result->timer)) apmi_operation_release(result);
        if (timeout == 0) apmi_lane_cancel(result, APMI_TIMED_OUT);
        return APM_ERROR_SUCCESS;
    }
    if (atomic_fetch_or_explicit(&result->state, APMI_TIMED, memory_order_acquire) & APMI_COMPLETED)
        return APM_ERROR_SUCCESS;

    /* An armed timer holds the operation. Taken before, since it may expire at once. */
    apmi_operation_retain(result);
    code = apmi_timer_arm(timers, &result->timer, timeout, &was_armed);
    if (code != APMK_SUCCESS || was_armed) apmi_operation_release(result);
    /* It may have completed, and found nothing to disarm, before the timer was armed. */
    if (apmi_operation_completed(result) && apmi_timer_disarm(timers, &result->timer))
        apmi_operation_release(result);
    return apmi_error_from_native(code);
}

void APM_CALL apm_async_result_retain(apm_async_result *result)
{
    if (result != NULL) apmi_operation_retain(result);
}

void APM_CALL apm_async_result_release(apm_async_result *result)
{
    if (result != NULL) apmi_operation_release(result);
}
