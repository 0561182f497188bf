/* SPDX-License-Identifier: MIT */
/*
 * Callbacks that wait: for another operation that is pending, in its End, or in a blocking member. Each
 * holds a worker, and where all are held nothing comes any more: one of them stays free.
 */
#include "program.h"

/* Where callbacks are not the workers' own, or whoever waits does their work, there is no limit. */
static uint32_t most_waiting(const program *run)
{
    return run->polls != POLLS_NOT ? UINT32_MAX : run->options.max_workers - 1;
}

static bool enter(program *run)
{
    if (atomic_fetch_add_explicit(&run->waiting, 1, memory_order_relaxed) < most_waiting(run)) return true;
    atomic_fetch_sub_explicit(&run->waiting, 1, memory_order_relaxed);
    return false;
}

static void leave(program *run)
{
    atomic_fetch_sub_explicit(&run->waiting, 1, memory_order_relaxed);
}

/* With a time limit: nobody else need ever end it. */
void await_end(program *run, call *made, apm_async_result *result, uint64_t *stream)
{
    uint32_t timeout = 1 + draw(stream, 20);

    if (!enter(run)) return;
    if (call_cancel_after(made, result, timeout) == APM_ERROR_SUCCESS) (void)call_finish(made, result);
    leave(run);
}

bool await_block(place *at, enum call_kind kind, uint64_t *stream)
{
    if (!enter(at->in)) return false;
    call_block(call_new(at, kind, stream));
    leave(at->in);
    return true;
}
