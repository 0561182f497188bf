/* SPDX-License-Identifier: MIT */
/*
 * Two reasons for a worker to hold more than what it does at the moment:
 *
 *  - Taking packets many at a time saves most of what a packet costs.
 *  - What is over at once calls back inside Begin. A connection whose operations always are would
 *    never let another one have its turn. So where a worker has more to do, such a callback goes
 *    behind that, as if a packet had come for it. It also does after ROW in a row: the worker then
 *    looks whether there is more to do.
 *
 * But what is held by a worker whose callback blocks is lost to the others, and may be the very thing
 * that the callback waits for. So it can be taken:
 *
 *  - The list of a batch is a word. The worker exchanges it for NULL, does with the list what it
 *    likes, and puts the rest back. Whoever else finds a list there by the same exchange has all of
 *    it. Nobody but the worker puts one there, so what it put back is what it left.
 *  - While there are batches a timer looks at them every PACE ms. One that neither advances nor grows, or
 *    in which something waits for long behind slow callbacks, is emptied by it: back into the port, where
 *    another worker waits (rule 1 of the pool).
 *  - Callbacks that were slow once may be so again. For a while, longer each time it turns
 *    out to be true, workers then take one packet at a time, which nobody else waits for, and put
 *    nothing off.
 *
 * The watch costs a look at two words per batch, and sleeps while there are none. A worker whose batch
 * was empty shows what it has and then looks whether there is a watch; a watch says that it goes and then
 * looks at the batches again. Both in sequential order, so one of them sees the other. A worker that
 * adds to what is not done needs not look: `done` is read before `kept`, so a watch that sees the one
 * after it sees the other, too.
 *
 * Where there is no watch to be had the lists go back to the port at once. A pool of one worker has
 * none, and nobody to lose anything to.
 */
#include "batch.h"

#include <assert.h>

#include "library.h"
#include "pool.h"
#include "trace.h"

#define PACE 10u
#define STUCK 2u /* looks: more than that of time without a processor is rare */
#define OLD 8u   /* looks in which a worker came to less than FAST callbacks */
#define FAST 8u
#define CAUTION_LEAST 50u
#define CAUTION_MOST 1600u

/* So many waits in a row that bring one packet say that there will be one: then a wait for one is
 * enough, which some systems do with less. Now and then it looks whether there are more. */
#define LONE 4u
#define LONE_LOOK 8u

/* Callbacks in a row inside Begin, on a worker. */
#define ROW 32u

/* So many workers use their batch; that more of them are busy at once says that callbacks block. */
#define BATCHES 16u

static const _Atomic uint32_t one = 1;

static void watch_batches(apmi_timer *timer);

/* What is not done: as the watch may read it. */
static bool is_busy(apmi_batch *batch)
{
    /* In this order; acquire: whoever is done with one has counted what was put there before. */
    uint32_t done = atomic_load_explicit(&batch->done, memory_order_acquire);

    apmk_interleave();
    return atomic_load_explicit(&batch->kept, memory_order_seq_cst) != done;
}

/* ---- the watch ------------------------------------------------------------------------------- */

/* Acquire: whoever put it there has written to the operations. */
static apmi_operation *take_list(apmi_batch *batch)
{
    return atomic_exchange_explicit(&batch->first, NULL, memory_order_acquire);
}

/* Back to the port with what is left of it: how much it was. */
static uint32_t empty_batch(apmi_batch *batch)
{
    return apmi_pool_post_list(batch->batches->pool, take_list(batch));
}

/* Whether it should have come further since; remembers how far it is. */
static bool is_stuck(apmi_batch *batch)
{
    uint32_t done = atomic_load_explicit(&batch->done, memory_order_acquire);
    uint32_t kept = atomic_load_explicit(&batch->kept, memory_order_relaxed);
    uint32_t advance = done - batch->seen;
    bool busy = kept != done;

    /* A callback that goes on putting something there is at work, and not blocked. */
    batch->rest = busy && advance == 0 && kept == batch->came ? batch->rest + 1 : 0;
    if (!busy || (int32_t)(done - batch->mark) >= 0) {
        batch->mark = kept;
        batch->age = 0;
    } else if (advance < FAST) {
        batch->age++;
    }
    batch->seen = done;
    batch->came = kept;
    return busy && (batch->rest >= STUCK || batch->age >= OLD);
}

static void take_care(apmi_batches *batches, uint64_t now)
{
    bool again = now < batches->careful_until + 4 * (uint64_t)batches->caution;
    uint32_t doubled = batches->caution < CAUTION_MOST ? 2 * batches->caution : CAUTION_MOST;

    batches->caution = again ? doubled : CAUTION_LEAST;
    batches->careful_until = now + batches->caution;
    atomic_store_explicit(&batches->most, 1, memory_order_relaxed);
}

static bool arm_watch(apmi_batches *batches)
{
    bool was_armed;

    return apmi_timer_arm(&batches->pool->library->timers, &batches->watch, PACE, watch_batches,
                          &was_armed) == APMK_SUCCESS;
}

static void watch_batches(apmi_timer *timer)
{
    apmi_batches *batches = (apmi_batches *)(void *)((char *)timer - offsetof(apmi_batches, watch));
    uint64_t now = apmk_now();
    bool busy = false;
    uint32_t i;

    for (i = 0; i < batches->count; i++) {
        apmi_batch *batch = &batches->first[i];
        uint32_t taken = is_stuck(batch) ? empty_batch(batch) : 0;

        if (taken != 0) {
            take_care(batches, now);
            apmi_trace_library(batches->pool->library, APM_EVENT_CALLBACK_SLOW, APM_ERROR_SUCCESS, taken);
        }
        busy = busy || is_busy(batch);
    }
    if (atomic_load_explicit(&batches->most, memory_order_relaxed) == 1) {
        busy = true; /* until the time is over */
        if (now >= batches->careful_until)
            atomic_store_explicit(&batches->most, APMI_BATCH, memory_order_relaxed);
    }
    if (!busy) {
        apmk_interleave();
        atomic_store_explicit(&batches->watched, false, memory_order_seq_cst);
        apmk_interleave();
        for (i = 0; i < batches->count && !busy; i++) busy = is_busy(&batches->first[i]);
        if (!busy || atomic_exchange_explicit(&batches->watched, true, memory_order_seq_cst)) return;
    }
    (void)arm_watch(batches); /* fails at the end of the library only, when nothing is left */
}

/* Where there is none to be had nobody keeps a batch. */
static void start_watch(apmi_batches *batches)
{
    uint32_t i;

    if (atomic_exchange_explicit(&batches->watched, true, memory_order_seq_cst) || arm_watch(batches)) return;
    /* Others may have relied on it since. */
    atomic_store_explicit(&batches->watched, false, memory_order_seq_cst);
    for (i = 0; i < batches->count; i++) (void)empty_batch(&batches->first[i]);
}

/* ---- the worker's side ------------------------------------------------------------------------- */

/* Relaxed: the worker alone writes them. */
static uint32_t own_count(_Atomic uint32_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* The list was empty, or somebody has taken it: the worker is done with all of it. */
static void forget_list(apmi_batch *batch)
{
    atomic_store_explicit(&batch->done, own_count(&batch->kept), memory_order_release);
}

/* Puts the rest of a list back. Release: what was done to the operations is done. */
static void give_list(apmi_batch *batch, apmi_operation *first)
{
    apmk_interleave();
    atomic_store_explicit(&batch->first, first, memory_order_release);
}

static void add_list(apmi_batch *batch, apmi_operation *first, apmi_operation *last, uint32_t count)
{
    apmi_batches *batches = batch->batches;
    apmi_operation *list = take_list(batch);
    uint32_t kept = own_count(&batch->kept);
    bool was_busy;

    if (list == NULL) {
        list = first;
        forget_list(batch);
    } else {
        batch->last->next = first;
    }
    batch->last = last;
    was_busy = own_count(&batch->done) != kept;
    give_list(batch, list);
    atomic_store_explicit(&batch->kept, kept + count, memory_order_seq_cst);
    apmk_interleave();
    if (!was_busy && !atomic_load_explicit(&batches->watched, memory_order_seq_cst)) start_watch(batches);
}

static apmi_operation *take_first(apmi_batch *batch)
{
    apmi_operation *operation = take_list(batch);

    if (operation == NULL) {
        forget_list(batch);
        return NULL;
    }
    give_list(batch, operation->next);
    operation->next = NULL;
    atomic_store_explicit(&batch->done, own_count(&batch->done) + 1, memory_order_release);
    return operation;
}

/* To the last one of a list: how many come before it. */
static uint32_t go_to_end(apmi_operation **at)
{
    uint32_t count = 0;

    for (; (*at)->next != NULL; *at = (*at)->next) count++;
    return count;
}

uint32_t apmi_batch_room(apmi_batch *batch, uint32_t came)
{
    batch->row = 0;
    batch->lone = came == 1 ? batch->lone + 1 : 0;
    if (batch->lone >= LONE && batch->lone % LONE_LOOK != 0 && !apmi_batch_busy(batch)) return 1;
    return atomic_load_explicit(batch->most, memory_order_relaxed);
}

void apmi_batch_keep(apmi_batch *batch, const apmk_packet *packets, uint32_t count)
{
    apmi_operation *first = NULL, *last = NULL;
    uint32_t i, shared = 0;

    for (i = 0; i < count; i++) {
        uint8_t key;
        apmi_operation *operation = apmi_operation_of_packet(&packets[i], &key);

        if (last != NULL)
            last->next = operation;
        else
            first = operation;
        if (key != APMI_SHARED) {
            operation->key = key;
            operation->next = NULL;
        } else {
            shared += go_to_end(&operation);
        }
        last = operation;
    }
    if (count != 0) add_list(batch, first, last, count + shared);
}

void apmi_batch_run(apmi_batch *batch, uint32_t most)
{
    for (; most != 0 && apmi_batch_busy(batch); most--) {
        apmi_operation *operation = take_first(batch);

        if (operation != NULL) apmi_operation_resume(operation, operation->key);
    }
}

/* The half that comes last: whoever takes it back has lost nobody's turn. */
void apmi_batch_share(apmi_batch *batch)
{
    apmi_operation *list, *middle, *end = batch->last, *half;
    uint32_t left = apmi_batch_left(batch), kept = 1;

    if (atomic_load_explicit(batch->most, memory_order_relaxed) == 1) return; /* nobody shall hold much */
    list = take_list(batch);
    if (list == NULL) {
        forget_list(batch);
        return;
    }
    for (middle = list; kept < left - left / 2; kept++) middle = middle->next;
    half = middle->next;
    middle->next = NULL;
    batch->last = middle;
    /* Once it is posted it may be gone. */
    if (apmk_port_post(batch->batches->pool->port, APMI_SHARED, &half->overlapped) == APMK_SUCCESS) {
        atomic_store_explicit(&batch->done, own_count(&batch->done) + left - kept, memory_order_release);
    } else {
        middle->next = half;
        batch->last = end;
    }
    give_list(batch, list);
}

void apmi_batch_accept(const apmi_batches *batches, apmi_operation *list)
{
    apmi_batch *batch = (apmi_batch *)apmk_local_get(APMK_LOCAL_BATCH);
    apmi_operation *last = list;
    uint32_t before = go_to_end(&last);

    /* Where it could be held up, or nobody watches, it goes to all. */
    if (batch == NULL || atomic_load_explicit(batch->most, memory_order_relaxed) == 1)
        (void)apmi_pool_post_list(batches->pool, list);
    else
        add_list(batch, list, last, before + 1);
}

apmi_batch *apmi_batch_of_turn(const apmi_batches *batches)
{
    apmi_batch *batch = (apmi_batch *)apmk_local_get(APMK_LOCAL_BATCH);

    if (batch == NULL || batch->batches != batches) return NULL;
    if (!apmi_batch_busy(batch) && ++batch->row < ROW) return NULL;
    return atomic_load_explicit(batch->most, memory_order_relaxed) != 1 ? batch : NULL;
}

void apmi_batch_put_off(apmi_batch *batch, apmi_operation *operation)
{
    operation->key = APMI_CALLBACK;
    operation->next = NULL;
    add_list(batch, operation, operation, 1);
}

/* ---- start and stop ---------------------------------------------------------------------------- */

bool apmi_batches_start(apmi_batches *batches, apmi_pool *pool, uint32_t maximum)
{
    uint32_t i;

    batches->pool = pool;
    batches->first = NULL;
    batches->count = maximum < BATCHES ? maximum : BATCHES;
    batches->careful_until = 0;
    batches->caution = CAUTION_LEAST;
    batches->watch.armed = false;
    atomic_init(&batches->most, APMI_BATCH);
    atomic_init(&batches->watched, maximum == 1);
    if (maximum == 0) return true;
    batches->first = (apmi_batch *)apmi_library_allocate(pool->library, maximum * sizeof *batches->first);
    if (batches->first == NULL) return false;
    for (i = 0; i < maximum; i++) {
        apmi_batch *batch = &batches->first[i];

        batch->batches = batches;
        batch->most = i < batches->count ? &batches->most : &one;
        atomic_init(&batch->first, NULL);
        batch->last = NULL;
        atomic_init(&batch->kept, 0);
        atomic_init(&batch->done, 0);
        batch->lone = batch->row = batch->seen = batch->came = batch->rest = batch->mark = batch->age = 0;
    }
    return true;
}

void apmi_batches_stop(apmi_batches *batches)
{
    if (batches->first != NULL) apmi_library_release_block(batches->pool->library, batches->first);
}

apmi_batch *apmi_batch_open(apmi_batches *batches, uint32_t worker)
{
    apmi_batch *batch = &batches->first[worker];

    apmk_local_set(APMK_LOCAL_BATCH, (uintptr_t)batch);
    return batch;
}
