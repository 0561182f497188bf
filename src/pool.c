/* SPDX-License-Identifier: MIT */
/*
 * The pool. Workers take packets from one port and run callbacks where they took them.
 *
 * There is always one worker waiting at the port, unless the maximum is reached, so that a
 * callback may block as it likes:
 *
 *   1. A worker that takes a packet and leaves nobody waiting starts another one before it
 *      looks at the packet. Who leaves the port counts himself out, so exactly the last one sees 0.
 *   2. A worker that got nothing for IDLE_TIME leaves, if there are more than the minimum
 *      and another one is waiting. How many there are and how many of them wait is one word (`crew`):
 *      so either it sees that the other one has gone, or that one sees that there is room for another.
 *   3. The port's concurrency value keeps the kernel from running more of them at once than
 *      there are processors, where the kernel honours it.
 *
 * A worker takes many packets at once and keeps all but the first in a batch; callbacks that have to
 * wait for their turn come there, too. They are taken from there when a callback is slow (batch.c). A
 * worker that has some looks at the port once for each APMI_BATCH of them, and then does not wait. Where
 * another one waits meanwhile that can run beside it, that one gets half of them: two that cannot run at the
 * same time would only take more time, for what comes alone costs more.
 *
 * A thread can be refused. A timer asks again after RETRY_TIME, as often as it takes: the worker
 * that asked first may be in a callback that waits for what only another worker can bring. Where
 * there is no thread for the timer either, all who call the library ask: who begins an operation,
 * and who waits for one, or for an event of the library, now and then while he does. So a callback
 * that blocks there does not do so for ever; one that blocks elsewhere does until somebody calls.
 *
 * A post can fail for want of memory. What was to be posted then goes to a list of strays,
 * linked through the operations themselves. Workers look there each time round; and a timer
 * posts them again after RETRY_TIME, as often as it takes. Where there is no thread for the
 * timer either, a worker's wait ends after IDLE_TIME at the latest: late, but never lost.
 *
 * Places. Each worker has one in an array made at the start, so growing needs no memory. A
 * worker that leaves marks its place; its thread is joined when the place is used again, which
 * it is not before it has ended, or at the end.
 */
#include "pool.h"

#include <assert.h>

#include "error.h"
#include "library.h"
#include "trace.h"

#define IDLE_TIME 5000u
#define RETRY_TIME 10u

enum { PLACE_FREE, PLACE_TAKEN, PLACE_LEFT };

struct apmi_worker {
    apmi_pool *pool;
    apmk_thread thread;
    uint32_t place; /* PLACE_... , under the pool's lock */
};

static void run_worker(void *argument);

/* Relaxed: of one word everybody sees one order. */
static uint32_t look_at_crew(apmi_pool *pool)
{
    return atomic_load_explicit(&pool->crew, memory_order_relaxed);
}

static uint32_t count_workers(apmi_pool *pool)
{
    return apmi_crew_workers(look_at_crew(pool));
}

static bool has_waiting(apmi_pool *pool)
{
    return apmi_crew_waiting(look_at_crew(pool)) != 0;
}

bool apmi_pool_has_another(apmi_pool *pool)
{
    uint32_t crew = look_at_crew(pool);

    /* Whoever has left nobody there starts another one, before he does anything else. */
    return apmi_crew_waiting(crew) != 0 || (apmi_crew_workers(crew) < pool->maximum &&
                                            !atomic_load_explicit(&pool->refused, memory_order_relaxed));
}

/* Under the lock: a place that is free, or free again; NULL if there is none. Nobody is waited for here: a
 * thread that has left may need the loader's lock to end, which somebody may hold who waits for us. */
static apmi_worker *find_place(apmi_pool *pool)
{
    apmi_worker *at, *end = pool->workers + pool->maximum;

    for (at = pool->workers; at != end && at->place != PLACE_FREE; at++) continue;
    if (at != end) return at;
    for (at = pool->workers; at != end; at++) {
        if (at->place != PLACE_LEFT || !apmk_thread_has_ended(at->thread)) continue;
        apmk_thread_join(at->thread);
        at->place = PLACE_FREE;
        return at;
    }
    return NULL;
}

/* Under the lock. The new worker counts as waiting from the start. */
static apmk_code start_worker(apmi_pool *pool)
{
    apmi_worker *worker = find_place(pool);
    apmk_code code;

    assert(count_workers(pool) < pool->maximum);
    if (worker == NULL) return APMK_NO_MEMORY; /* no thread now: a timer asks again */
    worker->pool = pool;
    atomic_fetch_add_explicit(&pool->crew, APMI_CREW_WORKER + APMI_CREW_WAITING, memory_order_relaxed);
    code = apmk_thread_start(run_worker, worker, &worker->thread);
    if (code == APMK_SUCCESS) {
        worker->place = PLACE_TAKEN;
    } else {
        atomic_fetch_sub_explicit(&pool->crew, APMI_CREW_WORKER + APMI_CREW_WAITING, memory_order_relaxed);
    }
    return code;
}

static void retry_growth(apmi_timer *timer);

/* Under the lock: nobody waits at the port. If no thread can be had the packets wait for one of us;
 * and since we may be about to block, a timer tries again, or whoever comes by. */
static apmk_code replace_waiting(apmi_pool *pool)
{
    apmk_code code = start_worker(pool);
    bool is_short = false, was_armed;

    if (code != APMK_SUCCESS)
        is_short = apmi_timer_arm(&pool->library->timers, &pool->growth, RETRY_TIME, retry_growth,
                                  &was_armed) != APMK_SUCCESS;
    atomic_store_explicit(&pool->refused, code != APMK_SUCCESS, memory_order_relaxed);
    atomic_store_explicit(&pool->short_handed, is_short, memory_order_relaxed);
    return code;
}

static void grow_pool(apmi_pool *pool)
{
    apmk_code code = APMK_SUCCESS;

    /* Takes no lock when there is nothing to do: from that number none leaves that the others need. */
    if (count_workers(pool) == pool->maximum) return;
    apmk_lock_exclusive(&pool->lock);
    if (count_workers(pool) < pool->maximum && !atomic_load_explicit(&pool->stopping, memory_order_relaxed) &&
        !has_waiting(pool)) {
        code = replace_waiting(pool);
    } else { /* whoever waits comes here himself before he leaves nobody there */
        atomic_store_explicit(&pool->refused, false, memory_order_relaxed);
        atomic_store_explicit(&pool->short_handed, false, memory_order_relaxed);
    }
    apmk_unlock_exclusive(&pool->lock);
    if (code != APMK_SUCCESS)
        apmi_trace_library(pool->library, APM_EVENT_THREAD_REFUSED, apmi_error_from_native(code),
                           count_workers(pool));
}

static void retry_growth(apmi_timer *timer)
{
    apmi_pool *pool = (apmi_pool *)(void *)((char *)timer - offsetof(apmi_pool, growth));

    if (!has_waiting(pool)) grow_pool(pool);
}

uint32_t apmi_pool_recruit(apmi_pool *pool)
{
    /* Relaxed: a callback runs after its own worker has said so. */
    if (!atomic_load_explicit(&pool->short_handed, memory_order_relaxed)) return APMI_RECRUIT_TIME;
    /* Not in a DllMain: it could not begin before that is over, and would count as waiting. */
    if (apmk_loader_state() == APMK_LOADER_FREE) grow_pool(pool);
    return RETRY_TIME;
}

/* Leaves, as it was told; otherwise not if that would bring the pool below its minimum, or leave nobody at
 * the port. */
static bool leave_pool(apmi_worker *worker, bool told)
{
    apmi_pool *pool = worker->pool;
    uint32_t crew;
    bool leaves;

    apmk_lock_exclusive(&pool->lock);
    crew = look_at_crew(pool);
    do {
        leaves = told || (apmi_crew_workers(crew) > pool->minimum && apmi_crew_waiting(crew) != 0);
    } while (leaves && !atomic_compare_exchange_weak_explicit(&pool->crew, &crew, crew - APMI_CREW_WORKER,
                                                              memory_order_relaxed, memory_order_relaxed));
    if (leaves) worker->place = PLACE_LEFT;
    apmk_unlock_exclusive(&pool->lock);
    return leaves;
}

static apmi_operation *take_stray(apmi_pool *pool)
{
    apmi_operation *operation;

    if (!atomic_load_explicit(&pool->strays, memory_order_acquire)) return NULL;
    apmk_lock_exclusive(&pool->stray_lock);
    operation = pool->stray;
    if (operation != NULL) pool->stray = operation->next;
    atomic_store_explicit(&pool->strays, pool->stray != NULL, memory_order_relaxed);
    apmk_unlock_exclusive(&pool->stray_lock);
    return operation;
}

static inline void run_strays(apmi_pool *pool)
{
    apmi_operation *operation;

    while ((operation = take_stray(pool)) != NULL) {
        if (!has_waiting(pool)) grow_pool(pool);
        operation->next = NULL;
        apmi_operation_resume(operation, operation->key);
    }
}

static void handle_packet(const apmk_packet *packet)
{
    uint8_t key;
    apmi_operation *operation = apmi_operation_of_packet(packet, &key);

    apmi_operation_resume(operation, key);
}

/* Takes those out that tell to leave: returns how many are left. */
static uint32_t take_orders(apmk_packet *packets, uint32_t count, uint32_t *orders)
{
    uint32_t left = 0, i;

    for (i = 0; i < count; i++) {
        if (packets[i].key != APMI_LEAVE)
            packets[left++] = packets[i];
        else
            (*orders)++;
    }
    return left;
}

/* For one that gets no rest: another one waits, and can run beside those that do (one that blocks in a callback counts
 * as one that runs: nobody can tell). If it cannot, what is posted for it stays there until one of those takes it back. */
static bool has_help(apmi_pool *pool)
{
    uint32_t crew = look_at_crew(pool), waiting = apmi_crew_waiting(crew);

    return waiting != 0 && apmi_crew_workers(crew) - waiting < pool->abreast;
}

/* A round of a worker: what it took, and what it has from before. */
static void run_round(apmi_pool *pool, apmi_batch *batch, const apmk_packet *packets, uint32_t count)
{
    /* The first one need not be kept, and most come alone. */
    uint32_t first = count != 0 && !apmi_batch_busy(batch);

    if (count != first) apmi_batch_keep(batch, packets + first, count - first);
    if (first != 0) handle_packet(&packets[0]);
    if (!apmi_batch_busy(batch)) return;
    apmi_batch_run(batch, APMI_BATCH);
    if (apmi_batch_left(batch) > 1 && has_help(pool)) apmi_batch_share(batch);
}

/* The workers find out by themselves when their wait ends: this only saves the time. */
static void tell_to_leave(apmi_pool *pool, uint32_t count)
{
    uint32_t tries = IDLE_TIME / RETRY_TIME, never = 0;

    while (count != 0 && tries != 0) {
        if (apmk_port_post(pool->port, APMI_LEAVE, NULL) == APMK_SUCCESS)
            count--;
        else if (--tries != 0)
            (void)apmk_wait_address(&never, 0, RETRY_TIME);
    }
}

/* One that has something to do, and only looks whether there is more, does not count. */
static void count_in(apmi_pool *pool)
{
    atomic_fetch_add_explicit(&pool->crew, APMI_CREW_WAITING, memory_order_acq_rel);
}

/* How many others wait. */
static uint32_t count_out(apmi_pool *pool)
{
    uint32_t before = atomic_fetch_sub_explicit(&pool->crew, APMI_CREW_WAITING, memory_order_acq_rel);

    return apmi_crew_waiting(before) - 1;
}

static void run_worker(void *argument)
{
    apmi_worker *worker = (apmi_worker *)argument;
    apmi_pool *pool = worker->pool;
    apmi_batch *batch = apmi_batch_open(&pool->batches, (uint32_t)(worker - pool->workers));
    apmk_packet packets[APMI_BATCH];
    bool told = false, leaves = false, has_some = false; /* from before */
    uint32_t n = 0;

    apmi_trace_library(pool->library, APM_EVENT_WORKER_STARTED, APM_ERROR_SUCCESS, count_workers(pool));
    while (!leaves) {
        uint32_t room = apmi_batch_room(batch, n), orders = 0, others;
        bool busy;

        n = apmk_port_wait(pool->port, packets, room, has_some ? 0 : IDLE_TIME);
        others = has_some ? apmi_crew_waiting(look_at_crew(pool)) : count_out(pool);
        busy = has_some || n != 0;
        if (busy) {
            if (others == 0) grow_pool(pool);
            run_round(pool, batch, packets, take_orders(packets, n, &orders));
        }
        if (orders != 0) {
            told = true;
            tell_to_leave(pool, orders - 1); /* they were for others */
        }
        if (!busy && atomic_load_explicit(&pool->stopping, memory_order_acquire))
            told = true; /* what tells it to leave could not be posted */
        if (told) {
            leaves = !apmi_batch_busy(batch) && leave_pool(worker, true);
        } else if (!busy) {
            apmi_ready_remind(pool->library);
            leaves = !apmk_thread_has_io() && leave_pool(worker, false);
        }
        if (!leaves) {
            run_strays(pool);
            has_some = apmi_batch_busy(batch);
            if (!has_some) count_in(pool);
        }
    }
    apmi_trace_library(pool->library, APM_EVENT_WORKER_LEFT, APM_ERROR_SUCCESS, count_workers(pool));
}

bool apmi_pool_work(apmi_pool *pool, uint32_t timeout, _Atomic uint32_t *waiting, uint32_t *wakes)
{
    apmk_packet packets[APMI_BATCH];
    uint32_t count = apmk_port_wait(pool->port, packets, APMI_BATCH, timeout), i;

    if (waiting != NULL) atomic_fetch_sub_explicit(waiting, 1, memory_order_relaxed);
    *wakes = 0;
    count = take_orders(packets, count, wakes);
    for (i = 0; i < count; i++) handle_packet(&packets[i]);
    run_strays(pool);
    return count != 0;
}

/* ---- posting ------------------------------------------------------------------------------- */

static void retry_strays(apmi_timer *timer)
{
    apmi_pool *pool = (apmi_pool *)(void *)((char *)timer - offsetof(apmi_pool, retry));
    apmi_operation *list;
    uint32_t count;

    apmk_lock_exclusive(&pool->stray_lock);
    list = pool->stray;
    pool->stray = NULL;
    atomic_store_explicit(&pool->strays, false, memory_order_relaxed);
    apmk_unlock_exclusive(&pool->stray_lock);
    count = apmi_pool_post_list(pool, list);
    /* The timers end after the last use of the library: it is still there. */
    if (count != 0) apmi_trace_library(pool->library, APM_EVENT_PACKETS_DELAYED, APM_ERROR_SUCCESS, count);
}

void apmi_pool_post(apmi_pool *pool, apmi_operation *operation, uint8_t key)
{
    bool was_armed;

    if (apmk_port_post(pool->port, key, &operation->overlapped) == APMK_SUCCESS) return;
    operation->key = key;
    apmk_lock_exclusive(&pool->stray_lock);
    /* Armed before anybody can take the operation: once it is over the library may be, too. */
    if (pool->stray == NULL)
        (void)apmi_timer_arm(&pool->library->timers, &pool->retry, RETRY_TIME, retry_strays, &was_armed);
    operation->next = pool->stray;
    pool->stray = operation;
    atomic_store_explicit(&pool->strays, true, memory_order_release);
    apmk_unlock_exclusive(&pool->stray_lock);
}

uint32_t apmi_pool_post_list(apmi_pool *pool, apmi_operation *list)
{
    uint32_t count = 0;

    while (list != NULL) {
        apmi_operation *operation = list;

        list = operation->next;
        operation->next = NULL;
        apmi_pool_post(pool, operation, operation->key);
        count++;
    }
    return count;
}

/* ---- start and stop ------------------------------------------------------------------------ */

apmk_code apmi_pool_start(apmi_pool *pool, apmi_library *library, uint32_t minimum, uint32_t maximum,
                          uint32_t concurrency)
{
    apmk_code code;
    uint32_t i;

    pool->library = library;
    pool->port = NULL;
    pool->minimum = minimum;
    pool->maximum = maximum;
    pool->abreast = apmk_processor_count();
    if (pool->abreast > concurrency) pool->abreast = concurrency;
    atomic_init(&pool->crew, 0);
    atomic_init(&pool->stopping, false);
    pool->lock.word = NULL;
    pool->stray_lock.word = NULL;
    atomic_init(&pool->strays, false);
    pool->stray = NULL;
    atomic_init(&pool->refused, false);
    atomic_init(&pool->short_handed, false);
    pool->retry.armed = false;
    pool->growth.armed = false;

    code = APMK_NO_MEMORY;
    pool->workers = NULL;
    if (maximum != 0) {
        pool->workers = (apmi_worker *)apmi_library_allocate(library, maximum * sizeof *pool->workers);
        if (pool->workers == NULL) return code;
    }
    for (i = 0; i < maximum; i++) pool->workers[i].place = PLACE_FREE;
    if (!apmi_batches_start(&pool->batches, pool, maximum)) goto no_batches;
    code = apmk_port_create(concurrency, &pool->port);
    if (code != APMK_SUCCESS) goto no_port;
    apmk_lock_exclusive(&pool->lock);
    for (i = 0; i < minimum && code == APMK_SUCCESS; i++) code = start_worker(pool);
    /* Under the loader's lock no thread ends, and so none can be joined: those have to do. */
    if (count_workers(pool) != 0 && apmk_loader_state() != APMK_LOADER_FREE) code = APMK_SUCCESS;
    apmk_unlock_exclusive(&pool->lock);
    if (code != APMK_SUCCESS) apmi_pool_stop(pool);
    return code;

no_port:
    apmi_batches_stop(&pool->batches);
no_batches:
    if (pool->workers != NULL) apmi_library_release_block(library, pool->workers);
    return code;
}

void apmi_pool_stop(apmi_pool *pool)
{
    uint32_t i, count;

    apmk_lock_exclusive(&pool->lock);
    atomic_store_explicit(&pool->stopping, true, memory_order_release); /* from here on it only shrinks */
    count = count_workers(pool);
    apmk_unlock_exclusive(&pool->lock);

    tell_to_leave(pool, count);
    for (i = 0; i < pool->maximum; i++) {
        bool taken;

        apmk_lock_exclusive(&pool->lock); /* not while joining: workers need it to leave */
        taken = pool->workers[i].place != PLACE_FREE;
        apmk_unlock_exclusive(&pool->lock);
        if (taken) apmk_thread_join(pool->workers[i].thread);
    }
    apmk_port_close(pool->port);
    apmi_batches_stop(&pool->batches);
    if (pool->workers != NULL) apmi_library_release_block(pool->library, pool->workers);
}
