/* SPDX-License-Identifier: MIT */
/* Manual-reset events: one of everybody's, whose state is anybody's guess, and one of one's own. */
#include "program.h"

/* False if a hostile system has none. */
static bool make(const program *run, bool signaled, apm_manual_reset_event **made)
{
    if (apm_manual_reset_event_create(signaled, made) == APM_ERROR_SUCCESS) return true;
    if (!run->hostile) sim_fail("no event is to be had");
    if (*made != NULL) sim_fail("create failed and gave an event");
    return false;
}

void gate_make(program *run)
{
    (void)make(run, false, &run->gate);
}

void gate_close(program *run)
{
    apm_manual_reset_event_close(run->gate);
}

static void expect(apm_error error, apm_error expected)
{
    if (error != expected) sim_fail("an event: %s", apm_error_name(error));
}

static void use_own(const program *run, uint64_t *stream)
{
    bool signaled = draw(stream, 2) == 0;
    apm_manual_reset_event *own = NULL;

    if (!make(run, signaled, &own)) return;
    if (apm_manual_reset_event_handle(own) == NULL) sim_fail("an event without a handle");
    expect(apm_manual_reset_event_wait_one(own, 0), signaled ? APM_ERROR_SUCCESS : APM_ERROR_TIMED_OUT);
    expect(apm_manual_reset_event_set(own), APM_ERROR_SUCCESS);
    expect(apm_manual_reset_event_wait_one(own, APM_INFINITE), APM_ERROR_SUCCESS);
    expect(apm_manual_reset_event_wait_one(own, 0), APM_ERROR_SUCCESS); /* it stays signaled */
    expect(apm_manual_reset_event_reset(own), APM_ERROR_SUCCESS);
    expect(apm_manual_reset_event_wait_one(own, draw(stream, 2)), APM_ERROR_TIMED_OUT);
    apm_manual_reset_event_close(own);
}

void gate_use(program *run, uint64_t *stream)
{
    apm_error error;

    if (run->gate == NULL || draw(stream, 4) == 0) {
        use_own(run, stream);
        return;
    }
    switch (draw(stream, 3)) {
    case 0: expect(apm_manual_reset_event_set(run->gate), APM_ERROR_SUCCESS); break;
    case 1: expect(apm_manual_reset_event_reset(run->gate), APM_ERROR_SUCCESS); break;
    default:
        error = apm_manual_reset_event_wait_one(run->gate, draw(stream, 4));
        if (error != APM_ERROR_TIMED_OUT) expect(error, APM_ERROR_SUCCESS);
        break;
    }
}
