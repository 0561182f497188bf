/* SPDX-License-Identifier: MIT */
/*
 * The public face of an operation: IAsyncResult. The wait handle is made when first asked
 * for, by whoever asks first; the bit EVENT in the state word tells completion to signal it.
 */
#include <apmsock/endpoint.h>
#include <apmsock/error.h>
#include <string.h>

#include "annex.h"
#include "connect.h"
#include "deadline.h"
#include "operation.h"

/* "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535" and its NUL, rounded up. */
#define ENDPOINT_ROOM 64

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
    apmi_annex *annex = result != NULL ? apmi_annex_need(result) : NULL;
    uint32_t before;

    if (annex == NULL) return NULL;
    event = atomic_load_explicit(&annex->event, memory_order_acquire);
    if (event == NULL) {
        if (apmk_event_create(false, &event) != APMK_SUCCESS) return NULL;
        if (!atomic_compare_exchange_strong_explicit(&annex->event, &none, event, memory_order_acq_rel,
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
    if (timeout == APM_INFINITE && !apmi_operation_completed(result) && !apmi_operation_may_wait())
        return APM_ERROR_INVALID_OPERATION;
    return apmi_operation_wait(result, timeout) ? APM_ERROR_SUCCESS : APM_ERROR_TIMED_OUT;
}

apm_error APM_CALL apm_async_result_cancel(apm_async_result *result)
{
    if (result == NULL) return APM_ERROR_ARGUMENT_NULL;
    apmi_operation_cancel(result, APMI_CANCELLED);
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_async_result_cancel_after(apm_async_result *result, uint32_t timeout)
{
    if (result == NULL) return APM_ERROR_ARGUMENT_NULL;
    return apmi_deadline_set(result, timeout);
}

/* The endpoint a failed connect is about, after a space; nothing for other operations. */
static size_t format_remote(apm_async_result *result, char *text, size_t size)
{
    apm_endpoint remote;

    if (result->kind != APMI_CONNECT || result->error == APM_ERROR_SUCCESS ||
        !apmi_connect_remote(result, &remote))
        return 0;
    text[0] = ' ';
    return 1 + apm_endpoint_format(&remote, text + 1, size - 1);
}

size_t APM_CALL apm_async_result_message(apm_async_result *result, char *text, size_t size)
{
    char remote[1 + ENDPOINT_ROOM];
    size_t length, more;

    if (text != NULL && size != 0) text[0] = '\0';
    if (result == NULL || !apmi_operation_completed(result)) return 0;
    length = apm_error_message(result->error, text, size);
    more = format_remote(result, remote, sizeof remote);
    if (text != NULL && length < size) {
        size_t part = more < size - 1 - length ? more : size - 1 - length;
        memcpy(text + length, remote, part);
        text[length + part] = '\0';
    }
    return length + more;
}

void APM_CALL apm_async_result_retain(apm_async_result *result)
{
    if (result != NULL) apmi_operation_retain(result);
}

void APM_CALL apm_async_result_release(apm_async_result *result)
{
    if (result != NULL) apmi_operation_release(result);
}
