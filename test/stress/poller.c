/* SPDX-License-Identifier: MIT */
/*
 * The threads that poll, where the options bring callbacks to them. With `dispatch` and one thread it
 * comes only when it was told to, as a message loop does; several poll by themselves.
 */
#include <stdlib.h>

#include "program.h"

static bool APM_CALL tell(void *context)
{
    program *run = (program *)context;
    uint32_t times = atomic_fetch_add_explicit(&run->tells, 1, memory_order_relaxed);

    if (run->hostile && times % 4 == 3) return false;
    atomic_store_explicit(&run->told, true, memory_order_release);
    return true;
}

void poller_install(program *run)
{
    if (run->polls == POLLS_NOT) return;
    if (run->polls == POLLS_WORKLESS) {
        run->options.no_workers = true;
        run->options.min_workers = run->options.max_workers = run->options.concurrency = 0;
    } else {
        run->options.dispatch = tell;
        run->options.dispatch_context = run;
    }
    if (run->pollers == 0) run->pollers = 1;
}

/* The library ends, or has done so: the rest is the end's. */
static bool goes_on(apm_error error)
{
    if (error == APM_ERROR_SUCCESS || error == APM_ERROR_TIMED_OUT) return true;
    if (error != APM_ERROR_NOT_INITIALIZED && error != APM_ERROR_INVALID_OPERATION)
        sim_fail("poll: %s", apm_error_name(error));
    return false;
}

static void wait_to_be_told(program *run)
{
    while (!atomic_load_explicit(&run->told, memory_order_acquire) &&
           !atomic_load_explicit(&run->cleaned_up, memory_order_relaxed))
        sim_sleep(1);
    atomic_store_explicit(&run->told, false, memory_order_relaxed);
}

static void poll_on(void *argument)
{
    program *run = (program *)argument;
    uint64_t stream = 77;
    apm_error error;

    do {
        bool is_told = run->polls == POLLS_TOLD && run->pollers == 1;

        if (is_told) wait_to_be_told(run);
        error = apm_poll(is_told ? 0 : draw(&stream, 3) == 0 ? APM_INFINITE : 1 + draw(&stream, 20));
    } while (goes_on(error) &&
             !(error == APM_ERROR_TIMED_OUT && atomic_load_explicit(&run->cleaned_up, memory_order_relaxed)));
}

void poller_start(program *run)
{
    uint32_t i;

    if (run->polls == POLLS_NOT || run->users == 0) return;
    for (i = 0; i < run->pollers; i++) run->poller[i] = sim_thread_start("poller", poll_on, run);
}

void poller_join(program *run)
{
    uint32_t i;

    for (i = 0; i < POLLERS; i++)
        if (run->poller[i] != NULL) sim_thread_join(run->poller[i]);
}
