/* SPDX-License-Identifier: MIT */
#include "pump.h"

bool pump_until(test_gate *gate)
{
    while (apm_manual_reset_event_wait_one(gate, 0) != APM_ERROR_SUCCESS)
        if (!CHECK_ERROR(apm_poll(PATIENCE), APM_ERROR_SUCCESS)) return false;
    return true;
}

bool pump_call(call *made)
{
    return pump_until(made->done) && call_wait(made);
}

void pump_dry(void)
{
    apm_error error;

    do error = apm_poll(0);
    while (error == APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(error, APM_ERROR_TIMED_OUT);
}

static void run_pump(void *argument)
{
    pump *one = (pump *)argument;
    apm_error error;

    one->self = test_thread_self();
    test_gate_open(one->running);
    while ((error = apm_poll(APM_INFINITE)) == APM_ERROR_SUCCESS) atomic_fetch_add(&one->runs, 1);
    one->last = error;
}

bool pump_start(pump *one)
{
    atomic_init(&one->runs, 0);
    one->last = APM_ERROR_SUCCESS;
    one->running = test_gate_new();
    one->thread = test_thread_start(run_pump, one);
    CHECK(one->thread != NULL);
    return one->thread != NULL && test_gate_wait(one->running);
}

void pump_join(pump *one)
{
    if (one->thread != NULL) test_thread_join(one->thread);
    test_gate_free(one->running);
}
