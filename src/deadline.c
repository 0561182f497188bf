/* SPDX-License-Identifier: MIT */
/*
 * A deadline is a timer in the operation's annex; while it is armed it holds a reference. The
 * bit TIMED tells completion that there may be one to disarm: set before arming, so that
 * either completion sees it, or whoever arms sees that the operation has completed.
 */
#include "deadline.h"

#include <apmsock/base.h>

#include "annex.h"
#include "error.h"
#include "library.h"
#include "socket.h"

static void expire_operation(apmi_timer *timer)
{
    apmi_annex *annex = (apmi_annex *)(void *)((unsigned char *)timer - offsetof(apmi_annex, deadline));
    apmi_operation *operation = annex->operation;

    apmi_operation_cancel(operation, APMI_TIMED_OUT);
    apmi_operation_release(operation);
}

void apmi_deadline_clear(apmi_operation *operation)
{
    apmi_annex *annex = apmi_annex_of(operation);

    if (annex != NULL && apmi_timer_disarm(apmi_timers_of(operation), &annex->deadline))
        apmi_operation_release(operation);
}

static apm_error arm_deadline(apmi_annex *annex, uint32_t timeout)
{
    apmi_operation *operation = annex->operation;
    apmk_code code;
    bool was_armed = false;

    /* Release: who sees the bit sees the annex. */
    if (atomic_fetch_or_explicit(&operation->state, APMI_TIMED, memory_order_acq_rel) & APMI_COMPLETED)
        return APM_ERROR_SUCCESS;
    /* Taken before, since it may expire at once. */
    apmi_operation_retain(operation);
    apmk_interleave();
    code = apmi_timer_arm(apmi_timers_of(operation), &annex->deadline, timeout, expire_operation, &was_armed);
    if (code != APMK_SUCCESS || was_armed) apmi_operation_release(operation);
    if (!apmi_operation_completed(operation)) return apmi_error_from_native(code);
    /* It may have found nothing to disarm, before the timer was armed; and whether that could be is nothing to it. */
    apmi_deadline_clear(operation);
    return APM_ERROR_SUCCESS;
}

apm_error apmi_deadline_set(apmi_operation *operation, uint32_t timeout)
{
    apmi_annex *annex = apmi_annex_of(operation);

    if (timeout == 0) {
        apmi_deadline_clear(operation);
        apmi_operation_cancel(operation, APMI_TIMED_OUT);
        return APM_ERROR_SUCCESS;
    }
    if (annex != NULL && annex->limit != 0) {
        uint64_t now = apmk_now(), left = annex->limit > now ? annex->limit - now : 0;
        if (timeout == APM_INFINITE || timeout > left) timeout = (uint32_t)left;
    }
    if (timeout == APM_INFINITE) {
        apmi_deadline_clear(operation);
        return APM_ERROR_SUCCESS;
    }
    annex = apmi_annex_need(operation);
    if (annex != NULL) return arm_deadline(annex, timeout);
    return apmi_operation_completed(operation) ? APM_ERROR_SUCCESS : APM_ERROR_OUT_OF_MEMORY;
}

apm_error apmi_deadline_limit(apmi_operation *operation, uint32_t timeout)
{
    apmi_annex *annex = apmi_annex_need(operation);

    if (annex == NULL) return APM_ERROR_OUT_OF_MEMORY;
    annex->limit = apmk_now() + timeout;
    return arm_deadline(annex, timeout);
}
