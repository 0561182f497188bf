/* SPDX-License-Identifier: MIT */
/*
 * The resolver. The system's look-up blocks and cannot be called off, so each runs on a
 * thread that has nothing else to do:
 *
 *   1. A look-up that finds no idle thread gets a new one, up to the limit; then it queues. It gets
 *      it by a promise before it is asked, and without the lock.
 *   2. A thread with nothing to do waits for IDLE_TIME on the word `turn`, then leaves, but not while
 *      there is a promise.
 *   3. Who no longer wants an answer withdraws the look-up, or, once a thread has taken it,
 *      ignores the answer.
 *
 * A thread that leaves marks its place; it is joined when the place is used again, or at the
 * end. Not by whoever holds the loader's lock, which the thread needs to end: he takes another place.
 */
#include "resolver.h"

#include <assert.h>

#define IDLE_TIME 5000u

enum { PLACE_FREE, PLACE_TAKEN, PLACE_LEFT };

static void run_resolver(void *argument);

/* ---- the queue, under the lock ----------------------------------------------------------- */

static void append_lookup(apmi_resolver *resolver, apmi_lookup *lookup)
{
    lookup->next = NULL;
    if (resolver->first != NULL)
        resolver->last->next = lookup;
    else
        resolver->first = lookup;
    resolver->last = lookup;
    resolver->queued++;
}

static bool unlink_lookup(apmi_resolver *resolver, apmi_lookup *lookup)
{
    apmi_lookup *before = NULL, *at = resolver->first;

    while (at != NULL && at != lookup) {
        before = at;
        at = at->next;
    }
    if (at == NULL) return false;
    if (before != NULL)
        before->next = lookup->next;
    else
        resolver->first = lookup->next;
    if (resolver->last == lookup) resolver->last = before;
    resolver->queued--;
    return true;
}

/* ---- the threads --------------------------------------------------------------------------- */

/* Under the lock: a place for a thread, which is taken from then on; NULL if there is none. *left: it has to
 * be joined first, which waits for nobody: see find_place of pool.c. */
static apmi_resolver_place *take_place(apmi_resolver *resolver, bool *left)
{
    apmi_resolver_place *at, *found = NULL, *end = resolver->places + APMI_RESOLVER_THREADS;

    for (at = resolver->places; at != end && (found == NULL || found->state != PLACE_FREE); at++)
        if (at->state == PLACE_FREE ||
            (found == NULL && at->state == PLACE_LEFT && apmk_thread_has_ended(at->thread)))
            found = at;
    if (found == NULL) return NULL;
    *left = found->state == PLACE_LEFT;
    found->state = PLACE_TAKEN;
    return found;
}

/* Without the lock. The thread does not leave before the promise that it is started for is kept. */
static apmk_code start_thread(apmi_resolver *resolver, apmi_resolver_place *place, bool left)
{
    apmk_code code;

    if (left) apmk_thread_join(place->thread); /* past its last use of us */
    place->resolver = resolver;
    code = apmk_thread_start(run_resolver, place, &place->thread);
    apmk_lock_exclusive(&resolver->lock);
    if (code == APMK_SUCCESS)
        resolver->threads++;
    else
        place->state = PLACE_FREE;
    if (resolver->threads != 0) code = APMK_SUCCESS; /* then one of those will take it */
    apmk_unlock_exclusive(&resolver->lock);
    return code;
}

/* The next look-up; NULL when the thread has to leave, and then it counts no more. */
static apmi_lookup *take_lookup(apmi_resolver_place *place)
{
    apmi_resolver *resolver = place->resolver;
    apmi_lookup *lookup;
    bool waited = true; /* in time */

    apmk_lock_exclusive(&resolver->lock);
    while ((lookup = resolver->first) == NULL &&
           (waited || resolver->promised != 0 || apmk_thread_has_io()) && !resolver->stopping) {
        uint32_t turn = atomic_load_explicit(&resolver->turn, memory_order_relaxed); /* ordered by the lock */

        resolver->idle++;
        apmk_unlock_exclusive(&resolver->lock);
        waited = apmk_wait_address(&resolver->turn, turn, IDLE_TIME);
        apmk_lock_exclusive(&resolver->lock);
        resolver->idle--;
    }
    if (lookup != NULL) {
        (void)unlink_lookup(resolver, lookup);
    } else {
        resolver->threads--;
        place->state = PLACE_LEFT;
    }
    apmk_unlock_exclusive(&resolver->lock);
    return lookup;
}

static void run_resolver(void *argument)
{
    apmi_resolver_place *place = (apmi_resolver_place *)argument;
    apmi_lookup *lookup;

    while ((lookup = take_lookup(place)) != NULL) {
        lookup->code = apmk_name_find(lookup->host, lookup->found, APMI_FOUND_LIMIT, &lookup->count);
        lookup->done(lookup);
    }
}

/* ---- what others call ---------------------------------------------------------------------- */

void apmi_resolver_init(apmi_resolver *resolver)
{
    uint32_t i;

    resolver->lock.word = NULL;
    resolver->first = resolver->last = NULL;
    resolver->queued = resolver->promised = resolver->threads = resolver->idle = 0;
    atomic_init(&resolver->turn, 0);
    resolver->stopping = false;
    for (i = 0; i < APMI_RESOLVER_THREADS; i++) resolver->places[i].state = PLACE_FREE;
}

apmk_code apmi_resolver_promise(apmi_resolver *resolver)
{
    apmi_resolver_place *place = NULL;
    apmk_code code = APMK_SUCCESS;
    bool left = false;

    apmk_lock_exclusive(&resolver->lock);
    resolver->promised++;
    if (resolver->queued + resolver->promised > resolver->idle) {
        place = take_place(resolver, &left);
        if (place == NULL && resolver->threads == 0) code = APMK_NO_MEMORY;
    }
    apmk_unlock_exclusive(&resolver->lock);
    if (place != NULL) code = start_thread(resolver, place, left);
    if (code != APMK_SUCCESS) apmi_resolver_forgo(resolver);
    return code;
}

void apmi_resolver_forgo(apmi_resolver *resolver)
{
    apmk_lock_exclusive(&resolver->lock);
    resolver->promised--;
    apmk_unlock_exclusive(&resolver->lock);
}

void apmi_resolver_ask(apmi_resolver *resolver, apmi_lookup *lookup)
{
    apmk_lock_exclusive(&resolver->lock);
    assert(!resolver->stopping && resolver->promised != 0);
    resolver->promised--;
    append_lookup(resolver, lookup);
    atomic_fetch_add_explicit(&resolver->turn, 1, memory_order_relaxed);
    apmk_unlock_exclusive(&resolver->lock);
    apmk_wake_address(&resolver->turn);
}

bool apmi_resolver_withdraw(apmi_resolver *resolver, apmi_lookup *lookup)
{
    bool was_queued;

    apmk_lock_exclusive(&resolver->lock);
    was_queued = unlink_lookup(resolver, lookup);
    apmk_unlock_exclusive(&resolver->lock);
    return was_queued;
}

void apmi_resolver_stop(apmi_resolver *resolver)
{
    uint32_t i;

    apmk_lock_exclusive(&resolver->lock);
    assert(resolver->first == NULL);
    resolver->stopping = true; /* from here on nobody but us touches the places */
    atomic_fetch_add_explicit(&resolver->turn, 1, memory_order_relaxed);
    apmk_unlock_exclusive(&resolver->lock);
    apmk_wake_address(&resolver->turn);
    for (i = 0; i < APMI_RESOLVER_THREADS; i++) {
        bool taken;

        apmk_lock_exclusive(&resolver->lock); /* not while joining: a thread needs it to leave */
        taken = resolver->places[i].state != PLACE_FREE;
        apmk_unlock_exclusive(&resolver->lock);
        if (taken) apmk_thread_join(resolver->places[i].thread);
    }
}
