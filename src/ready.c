/* SPDX-License-Identifier: MIT */
/*
 * Callbacks where the caller wants them. Two kinds of libraries keep ready callbacks in a list,
 * for apm_poll to run:
 *
 *   options.dispatch     workers take the packets and complete the operations. The callback goes to
 *                        the list, and `dispatch` is called when the list was empty before, so that
 *                        the caller's own queue can bring one of his threads to apm_poll.
 *   options.no_workers   nobody takes packets but apm_poll, which runs the callbacks of what it took;
 *                        and whoever waits for an operation (apmi_ready_help), who leaves them to
 *                        the next apm_poll: a callback never runs where none is expected.
 *
 * Nothing is lost. Who sleeps in apm_poll counts himself in `sleep`, then looks at the list under its
 * lock; who puts one there under that lock looks at `sleep` afterwards. So one of them sees the
 * other. A sleeper waits on `turn`, or at the port, and is woken there by a packet that says nothing;
 * if that cannot be posted he wakes up by himself, late. Who waits for an operation keeps away from
 * the port while somebody sleeps there, so as not to take that packet from him. Whoever has taken more of them
 * than the one that made him look at the list posts the others again. A `dispatch` that refuses is called
 * again by a timer, and where there is no thread for one, by a worker whose wait has brought nothing: late.
 *
 * The library's end waits for its `live` uses. Each who may come to the port, or calls `dispatch`, is
 * one of them meanwhile. He gets to be one while another use cannot go: the operation's that he
 * waits for or has in his hands, or the library's lock.
 */
#include "ready.h"

#include "library.h"
#include "pool.h"
#include "trace.h"

#define SLICE 10u      /* ms: of a wait that something else may end than what it waits on */
#define LONGEST 5000u  /* ms: of a wait at the port, if nothing could be posted */
#define RETRY_TIME 10u /* ms */

void apmi_ready_init(apmi_ready *ready, bool used)
{
    ready->used = used;
    ready->lock.word = NULL;
    ready->first = ready->last = NULL;
    ready->count = 0;
    ready->told = ready->refused = ready->missed = false;
    atomic_init(&ready->ended, false);
    atomic_init(&ready->turn, 0);
    atomic_init(&ready->sleep, 0);
    ready->retry.armed = false;
}

static bool has_workers(const apmi_library *library)
{
    return library->pool.maximum != 0;
}

static uint32_t shorter(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- telling whoever waits, or the caller's queue ---------------------------------------------- */

static void wake_sleepers(apmi_library *library)
{
    /* Relaxed: the list's lock orders it. */
    if (atomic_load_explicit(&library->ready.sleep, memory_order_relaxed) == 0) return;
    if (has_workers(library))
        apmk_wake_address(&library->ready.turn);
    else
        (void)apmk_port_post(library->pool.port, APMI_LEAVE, NULL);
}

static void retry_dispatch(apmi_timer *timer);

/* Without a lock: it is the caller's code. */
static void call_dispatch(apmi_library *library)
{
    apmi_ready *ready = &library->ready;
    bool was_armed;

    if (library->options.dispatch(library->options.dispatch_context)) return;
    apmi_trace_library(library, APM_EVENT_DISPATCH_REFUSED, APM_ERROR_SUCCESS, 0);
    apmk_lock_exclusive(&ready->lock);
    ready->told = false;
    ready->refused = ready->first != NULL;
    if (ready->refused) /* if there is no timer either, a worker that is idle tries again */
        (void)apmi_timer_arm(&library->timers, &ready->retry, RETRY_TIME, retry_dispatch, &was_armed);
    apmk_unlock_exclusive(&ready->lock);
}

void apmi_ready_remind(apmi_library *library)
{
    apmi_ready *ready = &library->ready;
    bool tells;

    if (library->options.dispatch == NULL) return;
    apmk_lock_exclusive(&ready->lock);
    tells = ready->refused && !ready->told && ready->first != NULL;
    if (tells) ready->told = true;
    apmk_unlock_exclusive(&ready->lock);
    if (tells) call_dispatch(library); /* timers and workers end after the last use of the library */
}

void apmi_ready_miss(apmi_library *library)
{
    apmi_ready *ready = &library->ready;

    apmk_lock_exclusive(&ready->lock);
    ready->missed = true;
    apmk_unlock_exclusive(&ready->lock);
}

/* The callbacks that one has come for are over: who came meanwhile, and was sent away, was called for what is there
 * still, or for nothing. */
static void call_missed(apmi_library *library)
{
    apmi_ready *ready = &library->ready;
    bool tells;

    if (library->options.dispatch == NULL) return;
    apmk_lock_exclusive(&ready->lock);
    tells = ready->missed && ready->first != NULL;
    if (ready->missed) ready->told = tells;
    ready->missed = false;
    apmk_unlock_exclusive(&ready->lock);
    if (tells) call_dispatch(library);
}

static void retry_dispatch(apmi_timer *timer)
{
    apmi_ready_remind((apmi_library *)(void *)((char *)timer - offsetof(apmi_library, ready) -
                                               offsetof(apmi_ready, retry)));
}

/* ---- the list ------------------------------------------------------------------------------------- */

void apmi_ready_put(apmi_library *library, apmi_operation *operation)
{
    apmi_ready *ready = &library->ready;
    bool tells;

    apmi_library_enter_use(library);
    apmk_lock_exclusive(&ready->lock);
    operation->next = NULL;
    if (ready->last != NULL)
        ready->last->next = operation;
    else
        ready->first = operation;
    ready->last = operation;
    ready->count++;
    tells = library->options.dispatch != NULL && !ready->told;
    if (tells) ready->told = true;
    atomic_fetch_add_explicit(&ready->turn, 1, memory_order_relaxed);
    apmk_unlock_exclusive(&ready->lock);
    apmk_interleave();
    wake_sleepers(library);
    if (tells) call_dispatch(library);
    apmi_library_leave(library, NULL);
}

/* Somebody has come: how many there are for him. */
static uint32_t count_ready(apmi_ready *ready)
{
    uint32_t count;

    apmk_lock_exclusive(&ready->lock);
    count = ready->count;
    ready->told = ready->refused = false;
    apmk_unlock_exclusive(&ready->lock);
    return count;
}

static apmi_operation *take_ready(apmi_ready *ready)
{
    apmi_operation *operation;

    apmk_lock_exclusive(&ready->lock);
    operation = ready->first;
    if (operation != NULL) {
        ready->first = operation->next;
        if (ready->first == NULL) ready->last = NULL;
        ready->count--;
        operation->next = NULL;
    }
    apmk_unlock_exclusive(&ready->lock);
    return operation;
}

/* Runs those that are ready now, and not what they make ready: false if there was none. */
static bool run_ready(apmi_ready *ready)
{
    uint32_t left = count_ready(ready);
    bool some = false;

    for (; left != 0; left--) {
        apmi_operation *operation = take_ready(ready);

        if (operation == NULL) break; /* another thread has them */
        apmi_operation_call_back(operation);
        some = true;
    }
    return some;
}

/* ---- apm_poll ----------------------------------------------------------------------------------------- */

/* Without workers: does what the port brings. `looks`: the caller looks at the list after that. */
static bool work(apmi_library *library, uint32_t timeout, _Atomic uint32_t *waiting, bool looks)
{
    uint32_t wakes;
    bool worked = apmi_pool_work(&library->pool, timeout, waiting, &wakes);

    for (wakes -= looks && wakes != 0; wakes != 0; wakes--) wake_sleepers(library);
    return worked;
}

/* Waits until there is something to do. With no workers, also does what the port brings: true then. The caller looks at
 * the list after that. */
static bool sleep_or_work(apmi_library *library, uint32_t timeout)
{
    apmi_ready *ready = &library->ready;
    uint32_t turn;
    bool sleeps;

    atomic_fetch_add_explicit(&ready->sleep, 1, memory_order_relaxed);
    apmk_interleave();
    apmk_lock_exclusive(&ready->lock);
    turn = atomic_load_explicit(&ready->turn, memory_order_relaxed);
    sleeps = ready->first == NULL && !atomic_load_explicit(&ready->ended, memory_order_relaxed);
    apmk_unlock_exclusive(&ready->lock);
    if (!has_workers(library))
        return work(library, sleeps ? shorter(timeout, LONGEST) : 0, &ready->sleep, true);
    if (sleeps) (void)apmk_wait_address(&ready->turn, turn, timeout);
    atomic_fetch_sub_explicit(&ready->sleep, 1, memory_order_relaxed);
    return false;
}

apm_error apmi_ready_poll(apmi_library *library, uint32_t timeout)
{
    apmi_ready *ready = &library->ready;
    uint64_t start = apmk_now();
    uint32_t left = timeout;

    for (;;) {
        bool worked = false;
        /* Without workers the port comes first: what it brings runs behind what was ready, and after that what the
         * callbacks have made ready is not looked for. */
        bool ran = has_workers(library) && run_ready(ready);

        if (!ran) {
            worked = sleep_or_work(library, left);
            ran = run_ready(ready);
        }
        if (ran) call_missed(library);
        if (ran || worked) return APM_ERROR_SUCCESS;
        if (atomic_load_explicit(&ready->ended, memory_order_relaxed)) return APM_ERROR_NOT_INITIALIZED;
        if (timeout != APM_INFINITE) {
            uint64_t past = apmk_now() - start;

            /* Not at: the clock's milliseconds are whole ones. */
            if (timeout == 0 || past > timeout) return APM_ERROR_TIMED_OUT;
            left = timeout - (uint32_t)past;
            if (left < APM_INFINITE - 1) left++;
        }
    }
}

/* ---- without workers: who waits for an operation ------------------------------------------------------ */

/* Does a little of the work, or leaves the port to who sleeps there and waits for the word. */
static void work_or_wait(apmi_library *library, const _Atomic uint32_t *word, uint32_t value, uint32_t slice)
{
    if (atomic_load_explicit(&library->ready.sleep, memory_order_relaxed) == 0)
        (void)work(library, slice, NULL, false);
    else
        (void)apmk_wait_address(word, value, slice);
}

void apmi_ready_help(apmi_library *library, apmi_operation *operation, uint32_t timeout)
{
    uint32_t state, slice = shorter(timeout, SLICE);

    apmi_library_enter_use(library);
    apmk_interleave();
    /* A change of the word, so that its completion comes after our being a use, or is seen here. */
    state = atomic_fetch_or_explicit(&operation->state, APMI_WAITER, memory_order_acq_rel) | APMI_WAITER;
    if (!(state & APMI_COMPLETED)) work_or_wait(library, &operation->state, state, slice);
    apmi_library_leave(library, NULL);
}

void apmi_ready_help_for(const apmi_library *library, const _Atomic uint32_t *word, uint32_t value,
                         uint32_t timeout)
{
    apmi_library *running = apmi_library_use_running();
    uint32_t slice = shorter(timeout, SLICE);

    if (running == library)
        work_or_wait(running, word, value, slice);
    else
        (void)apmk_wait_address(word, value, slice);
    if (running == NULL) return;
    apmi_library_leave(running, NULL);
    apmi_library_drop(running);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

void apmi_ready_drain(apmi_library *library, uint32_t live)
{
    apmi_ready *ready = &library->ready;

    apmk_lock_exclusive(&ready->lock);
    atomic_store_explicit(&ready->ended, true, memory_order_relaxed);
    atomic_fetch_add_explicit(&ready->turn, 1, memory_order_relaxed);
    apmk_unlock_exclusive(&ready->lock);
    wake_sleepers(library);
    /* Not to take the packet from those that it is to wake. */
    if (!has_workers(library) && atomic_load_explicit(&ready->sleep, memory_order_relaxed) == 0)
        (void)work(library, SLICE, NULL, false);
    else
        (void)apmk_wait_address(&library->live, live, SLICE);
    (void)run_ready(ready);
}
