/* SPDX-License-Identifier: MIT */
/* Locks, and waits on an address. */
#include <stdatomic.h>

#include "sim_network.h"

/* ---- locks ------------------------------------------------------------------------------------- */

static void (*tell_lock)(const void *lock);

void sim_on_lock(void (*taken)(const void *lock))
{
    tell_lock = taken;
}

static void before_lock(const apmk_lock *lock)
{
    if (tell_lock != NULL) tell_lock(lock);
    sched_interleave();
}

uint32_t sim_locks_held(void)
{
    return sched_own()->locks;
}

void apmk_lock_shared(apmk_lock *lock)
{
    before_lock(lock);
    sched_lock_shared(&lock->word);
    sched_own()->locks++;
}

void apmk_unlock_shared(apmk_lock *lock)
{
    sched_own()->locks--;
    sched_unlock_shared(&lock->word);
    sched_interleave();
}

void apmk_lock_exclusive(apmk_lock *lock)
{
    before_lock(lock);
    sched_lock_exclusive(&lock->word);
    sched_own()->locks++;
}

void apmk_unlock_exclusive(apmk_lock *lock)
{
    sched_own()->locks--;
    sched_unlock_exclusive(&lock->word);
    sched_interleave();
}

/* ---- waits on an address ------------------------------------------------------------------------- */

/* Who waits is told apart by address, so that the buckets decide nothing. */
typedef struct waiter {
    struct waiter *next;
    const void *address;
    bool woken;
    sched_condition condition;
} waiter;

typedef struct bucket {
    sched_mutex mutex;
    waiter *first, **end;
} bucket;

#define B \
    { \
        SCHED_MUTEX_INITIAL, NULL, NULL \
    }
static bucket buckets[16] = {B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B};
#undef B

static bucket *find_bucket(const void *address)
{
    uintptr_t value = (uintptr_t)address;

    return &buckets[(value >> 4 ^ value >> 10 ^ value >> 16) % 16];
}

static void enter_bucket(bucket *at, waiter *own)
{
    own->next = NULL;
    if (at->first == NULL) at->end = &at->first;
    *at->end = own;
    at->end = &own->next;
}

static void leave_bucket(bucket *at, waiter *own)
{
    waiter **place = &at->first;

    while (*place != own) place = &(*place)->next;
    *place = own->next;
    if (own->next == NULL) at->end = place;
}

bool apmk_wait_address(const void *address, uint32_t value, uint32_t timeout)
{
    const _Atomic uint32_t *word = (const _Atomic uint32_t *)address;
    bucket *at = find_bucket(address);
    uint64_t deadline;
    bool in_time = true;
    waiter own;

    sim_enter("wait address", value, timeout);
    if (sim_chance(sim_profile_now()->early_wake)) return true;
    deadline = sched_deadline(timeout);
    sched_condition_init(&own.condition);
    own.address = address;
    own.woken = false;
    sched_mutex_lock(&at->mutex);
    /* Relaxed: the wait gives no order, the caller's own look does. */
    if (atomic_load_explicit(word, memory_order_relaxed) == value) {
        enter_bucket(at, &own);
        while (in_time && !own.woken) in_time = sim_block(&own.condition, &at->mutex, deadline) || own.woken;
        leave_bucket(at, &own);
    }
    sched_mutex_unlock(&at->mutex);
    sched_condition_destroy(&own.condition);
    sched_interleave();
    return in_time;
}

void apmk_wake_address(const void *address)
{
    bucket *at = find_bucket(address);
    waiter *one;

    sim_enter("wake address", 0, 0);
    sched_mutex_lock(&at->mutex);
    for (one = at->first; one != NULL; one = one->next) {
        if (one->address != address) continue;
        one->woken = true;
        sched_condition_broadcast(&one->condition);
    }
    sched_mutex_unlock(&at->mutex);
    sched_interleave();
}
