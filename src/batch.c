/* SPDX-License-Identifier: MIT */
/*
 * Taking packets in batches saves most of what a packet costs. But a packet that is held by a
 * worker whose callback blocks is lost to the others, and may be the very one that the
 * callback waits for. So what a worker holds can be taken from it:
 *
 *  - Each packet of a batch is a word. The worker exchanges it for 0 when it comes to it.
 *  - While there are batches a timer looks at them every PACE ms. One that does not advance, or
 *    is many looks old, is emptied by it: by the same exchange, back into the port, where
 *    another worker waits (rule 1 of the pool).
 *  - Callbacks that were slow once may be so again. For a while, longer each time it turns
 *    out to be true, workers then take one packet at a time, which nobody else waits for.
 *
 * The watch costs a look at a word per batch, and sleeps while there are none. A worker shows
 * its batch and then looks whether there is a watch; a watch says that it goes and then
 * looks at the batches again. Both in sequential order, so one of them sees the other.
 *
 * Where there is no watch to be had the packets go back to the port at once.
 */
#include "batch.h"

#include <assert.h>

#include "library.h"
#include "pool.h"
#include "trace.h"

#define PACE 10u
#define STUCK 2u /* looks: more than that of time without a processor is rare */
#define OLD 8u
#define CAUTION_LEAST 50u
#define CAUTION_MOST 1600u

/* So many workers have a batch; that more of them are busy at once says that callbacks block. */
#define BATCHES 16u

#define KEYS ((uintptr_t)3)
static_assert(APMI_OVER <= 3 && APMI_CALLBACK <= 3 && APMI_TAKEN <= 3, "keys fit into the lowest bits");
static_assert(_Alignof(struct apm_async_result) > 3, "of an operation's address");

static void watch_batches(apmi_timer *timer);

/* ---- the words ----------------------------------------------------------------------------- */

static uintptr_t make_word(const apmk_packet *packet)
{
    uint8_t key;
    apmi_operation *operation = apmi_operation_of_packet(packet, &key);

    return (uintptr_t)operation | key;
}

static uintptr_t take_word(apmi_batch *batch, uint32_t place)
{
    /* Acquire: whoever put it there has written to the operation. */
    return atomic_exchange_explicit(&batch->packets[place], 0, memory_order_acquire);
}

static apmi_operation *operation_of(uintptr_t word)
{
    return (apmi_operation *)(word & ~KEYS);
}

/* ---- the watch ------------------------------------------------------------------------------- */

static bool has_packets(apmi_batch *batch)
{
    return atomic_load_explicit(&batch->turn, memory_order_seq_cst) % 2 != 0;
}

/* Back to the port with what is left of it: how much it was. */
static uint32_t empty_batch(apmi_batches *batches, apmi_batch *batch)
{
    uint32_t place, count = 0;

    for (place = 0; place < APMI_BATCH; place++) {
        uintptr_t word = take_word(batch, place);
        if (word == 0) continue;
        apmi_pool_post(batches->pool, operation_of(word), (uint8_t)(word & KEYS));
        count++;
    }
    return count;
}

/* How far the worker is. */
static uint32_t find_place(apmi_batch *batch)
{
    uint32_t place = 0;

    while (place < APMI_BATCH && atomic_load_explicit(&batch->packets[place], memory_order_relaxed) == 0)
        place++;
    return place;
}

/* Whether it should have come further since; remembers how far it is. */
static bool is_stuck(apmi_batch *batch)
{
    uint32_t turn = atomic_load_explicit(&batch->turn, memory_order_seq_cst), place = find_place(batch);
    bool same = turn == batch->seen_turn;

    batch->age = same ? batch->age + 1 : 0;
    batch->rest = same && place == batch->seen_place ? batch->rest + 1 : 0;
    batch->seen_turn = turn;
    batch->seen_place = place;
    return turn % 2 != 0 && (batch->rest >= STUCK || batch->age >= OLD);
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

    return apmi_timer_arm(batches->pool->timers, &batches->watch, PACE, watch_batches, &was_armed) ==
           APMK_SUCCESS;
}

static void watch_batches(apmi_timer *timer)
{
    apmi_batches *batches = (apmi_batches *)(void *)((char *)timer - offsetof(apmi_batches, watch));
    uint64_t now = apmk_now();
    bool busy = false;
    uint32_t i;

    for (i = 0; i < batches->count; i++) {
        apmi_batch *batch = &batches->first[i];
        uint32_t taken = is_stuck(batch) ? empty_batch(batches, batch) : 0;

        if (taken != 0) {
            take_care(batches, now);
            apmi_trace_library(apmi_pool_library(batches->pool), APM_EVENT_CALLBACK_SLOW, APM_ERROR_SUCCESS,
                               taken);
        }
        busy = busy || has_packets(batch);
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
        for (i = 0; i < batches->count && !busy; i++) busy = has_packets(&batches->first[i]);
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
    for (i = 0; i < batches->count; i++)
        if (has_packets(&batches->first[i])) (void)empty_batch(batches, &batches->first[i]);
}

/* ---- the worker's side ------------------------------------------------------------------------- */

uint32_t apmi_batch_room(apmi_batches *batches, const apmi_batch *batch)
{
    if (batches->count == 0) return APMI_BATCH; /* one worker: there is nobody to lose it to */
    return batch != NULL ? atomic_load_explicit(&batches->most, memory_order_relaxed) : 1;
}

void apmi_batch_keep(apmi_batches *batches, apmi_batch *batch, const apmk_packet *packets, uint32_t count)
{
    /* Relaxed: nobody else writes it. */
    uint32_t turn = atomic_load_explicit(&batch->turn, memory_order_relaxed), i;

    assert(turn % 2 == 0 && count <= APMI_BATCH);
    for (i = 0; i < count; i++)
        atomic_store_explicit(&batch->packets[i], make_word(&packets[i]), memory_order_release);
    atomic_store_explicit(&batch->turn, turn + 1, memory_order_seq_cst);
    apmk_interleave();
    if (!atomic_load_explicit(&batches->watched, memory_order_seq_cst)) start_watch(batches);
}

void apmi_batch_run(apmi_batch *batch, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        uintptr_t word = take_word(batch, i);
        if (word != 0) apmi_operation_resume(operation_of(word), (uint8_t)(word & KEYS));
    }
    atomic_fetch_add_explicit(&batch->turn, 1, memory_order_relaxed); /* empty: there is nothing to order */
}

/* ---- start and stop ---------------------------------------------------------------------------- */

bool apmi_batches_start(apmi_batches *batches, apmi_pool *pool, apmi_library *library, uint32_t maximum)
{
    uint32_t i, place;

    batches->pool = pool;
    batches->first = NULL;
    batches->count = maximum == 1 ? 0 : maximum < BATCHES ? maximum : BATCHES;
    batches->careful_until = 0;
    batches->caution = CAUTION_LEAST;
    batches->watch.armed = false;
    atomic_init(&batches->most, APMI_BATCH);
    atomic_init(&batches->watched, false);
    if (batches->count == 0) return true;
    batches->first = (apmi_batch *)apmi_library_allocate(library, batches->count * sizeof *batches->first);
    if (batches->first == NULL) return false;
    for (i = 0; i < batches->count; i++) {
        apmi_batch *batch = &batches->first[i];

        atomic_init(&batch->turn, 0);
        batch->seen_turn = batch->seen_place = batch->age = batch->rest = 0;
        for (place = 0; place < APMI_BATCH; place++) atomic_init(&batch->packets[place], 0);
    }
    return true;
}

void apmi_batches_stop(apmi_batches *batches, apmi_library *library)
{
    if (batches->first != NULL) apmi_library_release_block(library, batches->first);
}

apmi_batch *apmi_batch_of(apmi_batches *batches, uint32_t worker)
{
    return worker < batches->count ? &batches->first[worker] : NULL;
}
