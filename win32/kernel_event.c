/* SPDX-License-Identifier: MIT */
/* The kernel's manual-reset events. */
#include "compat.h"

#include "kernel.h"
#include "native_error.h"

_Static_assert(APMK_WAIT_TIMEOUT == WAIT_TIMEOUT, "codes are the system's");

apmk_code apmk_event_create(bool signaled, apmk_event *event)
{
    HANDLE handle = CreateEventW(NULL, TRUE, signaled, NULL);

    if (handle == NULL) return last_error();
    *event = (apmk_event)handle;
    return APMK_SUCCESS;
}

apmk_code apmk_event_set(apmk_event event)
{
    return SetEvent((HANDLE)event) ? APMK_SUCCESS : last_error();
}

apmk_code apmk_event_reset(apmk_event event)
{
    return ResetEvent((HANDLE)event) ? APMK_SUCCESS : last_error();
}

apmk_code apmk_event_wait(apmk_event event, uint32_t timeout)
{
    DWORD outcome = WaitForSingleObject((HANDLE)event, timeout);

    return outcome == WAIT_FAILED ? last_error() : outcome;
}

void apmk_event_close(apmk_event event)
{
    (void)CloseHandle((HANDLE)event);
}
