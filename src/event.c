/* SPDX-License-Identifier: MIT */
/*
 * Manual-reset events. The public handle is the kernel's own: no memory of ours stands
 * between, so that it can be waited for by whatever else waits for the kernel's handles.
 */
#include <apmsock/error.h>
#include <apmsock/manual_reset_event.h>

#include "error.h"
#include "kernel.h"
#include "library.h"

_Static_assert(APM_INFINITE == APMK_FOREVER, "a timeout goes through as it is");

static apmk_event kernel_event(apm_manual_reset_event *event)
{
    return (apmk_event)event;
}

apm_error APM_CALL apm_manual_reset_event_create(bool signaled, apm_manual_reset_event **event)
{
    apmk_event made;
    apmk_code code;

    if (event == NULL) return APM_ERROR_ARGUMENT_NULL;
    code = apmk_event_create(signaled, &made);
    if (code != APMK_SUCCESS) return apmi_error_from_native(code);
    *event = (apm_manual_reset_event *)made;
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_manual_reset_event_set(apm_manual_reset_event *event)
{
    if (event == NULL) return APM_ERROR_ARGUMENT_NULL;
    return apmi_error_from_native(apmk_event_set(kernel_event(event)));
}

apm_error APM_CALL apm_manual_reset_event_reset(apm_manual_reset_event *event)
{
    if (event == NULL) return APM_ERROR_ARGUMENT_NULL;
    return apmi_error_from_native(apmk_event_reset(kernel_event(event)));
}

apm_error APM_CALL apm_manual_reset_event_wait_one(apm_manual_reset_event *event, uint32_t timeout)
{
    uint32_t left = timeout, slice;
    uint64_t begun = 0, past;
    apmk_code code;

    if (event == NULL) return APM_ERROR_ARGUMENT_NULL;
    for (;;) {
        /* What sets it may be a callback that has no worker yet. */
        slice = left != 0 ? apmi_library_recruit() : 0;
        if (slice >= left && timeout != APM_INFINITE)
            return apmi_error_from_native(apmk_event_wait(kernel_event(event), left));
        if (timeout != APM_INFINITE) begun = apmk_now();
        code = apmk_event_wait(kernel_event(event), slice);
        if (code != APMK_WAIT_TIMEOUT) return apmi_error_from_native(code);
        if (timeout == APM_INFINITE) continue;
        past = apmk_now() - begun; /* a short wait takes longer than it was told to */
        left -= past < left ? (uint32_t)past : left;
    }
}

void *APM_CALL apm_manual_reset_event_handle(apm_manual_reset_event *event)
{
    return event;
}

void APM_CALL apm_manual_reset_event_close(apm_manual_reset_event *event)
{
    if (event != NULL) apmk_event_close(kernel_event(event));
}
