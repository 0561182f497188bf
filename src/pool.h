/* SPDX-License-Identifier: MIT */
/*
 * The pool: the completion port and the workers that take its packets. With a maximum of none the
 * caller's threads take them (ready.c).
 */
#ifndef APMI_POOL_H
#define APMI_POOL_H

#include <stdatomic.h>

#include "batch.h"
#include "kernel.h"
#include "operation.h"
#include "timer.h"

typedef struct apmi_worker apmi_worker;

struct apmi_pool {
    apmi_library *library; /* whose it is */
    apmk_port port;
    uint32_t minimum;
    uint32_t maximum;
    uint32_t abreast; /* workers that can run at the same time */
    _Atomic bool stopping;

    unsigned char before[APMI_LINE]; /* for all workers write that: */
    _Atomic uint32_t crew;           /* workers, changed under the lock | those that wait, or are about to */
    unsigned char after[APMI_LINE];

    apmk_lock lock;       /* guards growing and leaving */
    apmi_worker *workers; /* `maximum` places */
    apmi_batches batches;

    apmk_lock stray_lock;
    _Atomic bool strays;       /* `stray` is not empty */
    apmi_operation *stray;     /* what the port had no memory for, in no order */
    _Atomic bool refused;      /* nobody waits, and no thread was to be had; written under the lock */
    _Atomic bool short_handed; /* nor does a timer ask again; as above */
    apmi_timer retry;          /* posts the strays */
    apmi_timer growth;         /* starts the worker that could not be started */
};

/* The parts of `crew`. */
#define APMI_CREW_WAITING 1u
#define APMI_CREW_WORKER (1u << 16)
static inline uint32_t apmi_crew_waiting(uint32_t crew)
{
    return crew % APMI_CREW_WORKER;
}
static inline uint32_t apmi_crew_workers(uint32_t crew)
{
    return crew / APMI_CREW_WORKER;
}

/* Makes the port and starts the minimum of workers. On failure nothing is left. */
apmk_code apmi_pool_start(apmi_pool *pool, apmi_library *library, uint32_t minimum, uint32_t maximum,
                          uint32_t concurrency);
/* Ends and joins the workers, after they have done what was given to them. */
void apmi_pool_stop(apmi_pool *pool);
/* Gives a worker something to do with an operation. Cannot fail, allocates nothing. */
void apmi_pool_post(apmi_pool *pool, apmi_operation *operation, uint8_t key);
/* The same with each of a list, whose keys are in them: how many there were. */
uint32_t apmi_pool_post_list(apmi_pool *pool, apmi_operation *list);
/* How long somebody waits at most before he looks again whether a worker is missing; milliseconds. */
#define APMI_RECRUIT_TIME 5000u
/* For whoever comes by: starts the worker that is missing and that no timer asks for; a look at a
 * word where none is. Whoever waits has to come again after so many milliseconds. */
uint32_t apmi_pool_recruit(apmi_pool *pool);
/* Whether a worker but one's own waits at the port for what comes next, or will: one that may be started. */
bool apmi_pool_has_another(apmi_pool *pool);
/* Without workers: waits at the port, at most so many milliseconds, and does what it brought; false
 * if that was nothing. No callback runs. `waiting` (may be NULL) is counted down after the wait. *wakes: how
 * many packets came that only wake. */
bool apmi_pool_work(apmi_pool *pool, uint32_t timeout, _Atomic uint32_t *waiting, uint32_t *wakes);

#endif
