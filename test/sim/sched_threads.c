/* SPDX-License-Identifier: MIT */
/*
 * Real threads. ThreadSanitizer sees the model through this file: every mutex, condition and
 * buffer of the simulated kernel is hidden from it, since the real kernel's are no business
 * of the model either. What is left are the edges the model may rely on: sched_release and
 * sched_acquire (packets, events), the model's own locks, starting and joining threads.
 * Without that a single mutex in a completion port would order everything, and a missing
 * memory order in the model would never show.
 */
#define _POSIX_C_SOURCE 200809L

#include "scheduler.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim.h"

#if defined(__SANITIZE_THREAD__)
#define SEES_RACES
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEES_RACES
#endif
#endif

#ifdef SEES_RACES
/* Of the sanitizer's run-time library, which comes with no header for the first four. */
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void __tsan_acquire(void *object);
void __tsan_release(void *object);
#endif

static void hide(void)
{
#ifdef SEES_RACES
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
}

static void show(void)
{
#ifdef SEES_RACES
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
#endif
}

/* The edges are said where the mutexes are hidden, so they have to be unhidden for a moment. */
void sched_release(void *object)
{
#ifdef SEES_RACES
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    __tsan_release(object);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
#else
    (void)object;
#endif
}

void sched_acquire(void *object)
{
#ifdef SEES_RACES
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    __tsan_acquire(object);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
#else
    (void)object;
#endif
}

static void must(int outcome, const char *what)
{
    if (outcome != 0) sim_fail("%s: %d", what, outcome);
}

/* ---- mutexes and conditions ---------------------------------------------------------------- */

void sched_mutex_init(sched_mutex *mutex)
{
    must(pthread_mutex_init(&mutex->native, NULL), "mutex");
}

void sched_mutex_destroy(sched_mutex *mutex)
{
    must(pthread_mutex_destroy(&mutex->native), "mutex in use");
}

void sched_mutex_lock(sched_mutex *mutex)
{
    hide();
    must(pthread_mutex_lock(&mutex->native), "lock");
}

void sched_mutex_unlock(sched_mutex *mutex)
{
    must(pthread_mutex_unlock(&mutex->native), "unlock");
    show();
}

void sched_condition_init(sched_condition *condition)
{
    pthread_condattr_t attributes;

    must(pthread_condattr_init(&attributes), "condition");
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "clock");
    must(pthread_cond_init(&condition->native, &attributes), "condition");
    must(pthread_condattr_destroy(&attributes), "condition");
    condition->first = condition->last = NULL;
}

void sched_condition_destroy(sched_condition *condition)
{
    must(pthread_cond_destroy(&condition->native), "condition in use");
}

bool sched_condition_wait(sched_condition *condition, sched_mutex *mutex, uint64_t deadline)
{
    struct timespec time;
    int outcome;

    if (deadline == SCHED_NEVER) {
        must(pthread_cond_wait(&condition->native, &mutex->native), "wait");
        return true;
    }
    time.tv_sec = (time_t)(deadline / 1000);
    time.tv_nsec = (long)(deadline % 1000) * 1000000;
    outcome = pthread_cond_timedwait(&condition->native, &mutex->native, &time);
    if (outcome != ETIMEDOUT) must(outcome, "wait");
    return outcome == 0;
}

void sched_condition_signal(sched_condition *condition)
{
    must(pthread_cond_signal(&condition->native), "signal");
}

void sched_condition_broadcast(sched_condition *condition)
{
    must(pthread_cond_broadcast(&condition->native), "broadcast");
}

/* ---- the model's locks ------------------------------------------------------------------------- */

/* A lock of the model needs no destruction, so what stands behind it stays until the end: one
 * per lock that was ever used. The sanitizer knows this kind, and its exact order. */
typedef struct lock_body {
    pthread_rwlock_t native;
    struct lock_body *next;
} lock_body;

static _Atomic(lock_body *) lock_bodies; /* so that no leak is found */

static lock_body *make_body(_Atomic(void *) *place)
{
    lock_body *body = (lock_body *)malloc(sizeof *body);
    void *other = NULL;

    if (body == NULL) sim_fail("no memory for a lock");
    must(pthread_rwlock_init(&body->native, NULL), "rwlock");
    if (!atomic_compare_exchange_strong_explicit(place, &other, body, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        must(pthread_rwlock_destroy(&body->native), "rwlock");
        free(body);
        return (lock_body *)other;
    }
    body->next = atomic_load_explicit(&lock_bodies, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&lock_bodies, &body->next, body, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return body;
}

static pthread_rwlock_t *find_lock(void **word)
{
    _Atomic(void *) *place = (_Atomic(void *) *)(void *)word;
    lock_body *body = (lock_body *)atomic_load_explicit(place, memory_order_acquire);

    if (body == NULL) body = make_body(place);
    return &body->native;
}

void sched_lock_shared(void **word)
{
    must(pthread_rwlock_rdlock(find_lock(word)), "shared lock");
}

void sched_unlock_shared(void **word)
{
    must(pthread_rwlock_unlock(find_lock(word)), "shared unlock");
}

void sched_lock_exclusive(void **word)
{
    must(pthread_rwlock_wrlock(find_lock(word)), "exclusive lock");
}

void sched_unlock_exclusive(void **word)
{
    must(pthread_rwlock_unlock(find_lock(word)), "exclusive unlock");
}

/* ---- threads ------------------------------------------------------------------------------------- */

struct sched_thread {
    pthread_t native;
    void (*run)(void *argument);
    void *argument;
};

static void *run_thread(void *argument)
{
    sched_thread *thread = (sched_thread *)argument;

    thread->run(thread->argument);
    return NULL;
}

sched_thread *sched_spawn(const char *name, void (*run)(void *argument), void *argument)
{
    sched_thread *thread = (sched_thread *)malloc(sizeof *thread);

    (void)name;
    if (thread == NULL) return NULL;
    thread->run = run;
    thread->argument = argument;
    if (pthread_create(&thread->native, NULL, run_thread, thread) != 0) {
        free(thread);
        return NULL;
    }
    return thread;
}

void sched_join(sched_thread *thread)
{
    must(pthread_join(thread->native, NULL), "join");
    free(thread);
}

static _Atomic uint32_t threads_seen;
static _Thread_local uint32_t own_number;

uint32_t sched_self(void)
{
    if (own_number == 0) own_number = atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed) + 1;
    return own_number;
}

sched_values *sched_own(void)
{
    static _Thread_local sched_values own;

    return &own;
}

/* ---- clock and chance ------------------------------------------------------------------------------ */

uint64_t sched_now(void)
{
    struct timespec time;

    must(clock_gettime(CLOCK_MONOTONIC, &time), "clock");
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

uint64_t sched_deadline(uint32_t timeout)
{
    return timeout == UINT32_MAX ? SCHED_NEVER : sched_now() + timeout;
}

void sched_sleep(uint32_t timeout)
{
    struct timespec time;

    time.tv_sec = (time_t)(timeout / 1000);
    time.tv_nsec = (long)(timeout % 1000) * 1000000;
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

void sched_interleave(void)
{
    if (sched_draw(4) == 0) (void)sched_yield();
}

/* Each thread has a stream of its own: a common one would order them. */
static _Atomic uint64_t seed_now, seeds_set;
static _Thread_local uint64_t own_stream, own_seed;

void sched_seed(uint64_t seed)
{
    atomic_store_explicit(&seed_now, seed, memory_order_relaxed);
    atomic_fetch_add_explicit(&seeds_set, 1, memory_order_relaxed);
}

uint32_t sched_draw(uint32_t limit)
{
    uint64_t current = atomic_load_explicit(&seeds_set, memory_order_relaxed) + 1;

    if (own_seed != current) {
        own_seed = current;
        own_stream = atomic_load_explicit(&seed_now, memory_order_relaxed) ^ ((uint64_t)sched_self() << 32);
    }
    return sim_random(&own_stream, limit);
}

/* ---- runs -------------------------------------------------------------------------------------------- */

void sched_run(void (*body)(void *argument), void *argument)
{
    body(argument);
}

void sched_set_rates(uint32_t switches, uint32_t ticks)
{
    (void)switches;
    (void)ticks;
}

bool sched_is_seeded(void)
{
    return false;
}

void sched_describe(void)
{
    (void)fprintf(stderr, "sim: real threads; this one is number %u\n", (unsigned)sched_self());
}
