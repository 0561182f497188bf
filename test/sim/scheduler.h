/* SPDX-License-Identifier: MIT */
/*
 * The scheduler below the simulated kernel: threads, mutexes, conditions, the clock, chance.
 * Two implementations, chosen at link time:
 *
 *   sched_threads.c  real threads, the real clock. Nothing the simulated kernel does for
 *                    itself orders the threads of a test in ThreadSanitizer's eyes; only
 *                    what sched_release and sched_acquire say does.
 *   sched_seeded.c   fibers: one runs at a time, each switch is drawn from the seed, the
 *                    clock is virtual and jumps when nobody can run. Same seed, same run.
 *
 * A mutex here guards state of the simulated kernel, and is held for short: no switch is
 * drawn under it but in a wait. The locks of the model are the sched_lock_... functions.
 */
#ifndef SIM_SCHEDULER_H
#define SIM_SCHEDULER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"

#define SCHED_NEVER UINT64_MAX

typedef struct sched_thread sched_thread;

typedef struct sched_mutex {
    pthread_mutex_t native;
} sched_mutex;
#define SCHED_MUTEX_INITIAL \
    { \
        PTHREAD_MUTEX_INITIALIZER \
    }

typedef struct sched_condition {
    pthread_cond_t native;
    sched_thread *first, *last; /* who waits; seeded only */
} sched_condition;

void sched_mutex_init(sched_mutex *mutex);
void sched_mutex_destroy(sched_mutex *mutex);
void sched_mutex_lock(sched_mutex *mutex);
void sched_mutex_unlock(sched_mutex *mutex);

void sched_condition_init(sched_condition *condition);
void sched_condition_destroy(sched_condition *condition);
/* Until `deadline` in milliseconds of sched_now(); false when that is over. May return early. */
bool sched_condition_wait(sched_condition *condition, sched_mutex *mutex, uint64_t deadline);
void sched_condition_signal(sched_condition *condition); /* one of them, any */
void sched_condition_broadcast(sched_condition *condition);

/* What the kernel's packets, events and the like give to two threads: what came before the
 * release is seen after the acquire. */
void sched_release(void *object);
void sched_acquire(void *object);

/* The model's locks: a word that is zero when nobody holds it. */
void sched_lock_shared(void **word);
void sched_unlock_shared(void **word);
void sched_lock_exclusive(void **word);
void sched_unlock_exclusive(void **word);

/* NULL if there is no further one. Each is joined once. */
sched_thread *sched_spawn(const char *name, void (*run)(void *argument), void *argument);
void sched_join(sched_thread *thread);
uint32_t sched_self(void); /* a number of the calling thread */

/* What the simulated kernel keeps of the calling thread; zeros at first. */
typedef struct sched_values {
    enum apmk_loader loader;
    uint32_t generation; /* of the locals */
    uintptr_t locals[APMK_LOCAL_COUNT];
    uint32_t locks; /* how many of the model's it holds */
    apmk_port port; /* that it runs on account of */
} sched_values;
sched_values *sched_own(void);

uint64_t sched_now(void); /* milliseconds */
uint64_t sched_deadline(uint32_t timeout);
void sched_sleep(uint32_t timeout);
/* Another thread may run now. */
void sched_interleave(void);

/* Chance, below `limit`. */
void sched_seed(uint64_t seed);
uint32_t sched_draw(uint32_t limit);

/* Runs `body` as the first simulated thread; all others must have been joined when it ends. */
void sched_run(void (*body)(void *argument), void *argument);
/* Of 1000 interleavings, how many switch, and how many let a millisecond pass. Seeded only. */
void sched_set_rates(uint32_t switches, uint32_t ticks);
bool sched_is_seeded(void);
/* What every thread is doing, on stderr; for a failure. */
void sched_describe(void);

#endif
