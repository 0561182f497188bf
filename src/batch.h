/* SPDX-License-Identifier: MIT */
/*
 * A batch: what a worker has to do next, kept where it can be taken from it: the packets that it took
 * at once, and callbacks that it puts off. What watches over them is in batch.c.
 */
#ifndef APMI_BATCH_H
#define APMI_BATCH_H

#include <stdatomic.h>

#include "kernel.h"
#include "operation.h"
#include "timer.h"

#define APMI_BATCH 64u

/* A line of a processor's cache. What one worker writes all the time is so far from what others read. */
#define APMI_LINE 64u

typedef struct apmi_pool apmi_pool;
typedef struct apmi_batches apmi_batches;

typedef struct apmi_batch {
    apmi_batches *batches;
    const _Atomic uint32_t *most; /* packets to take at once; 1: and nothing is put off */
    /* The list, linked through the operations, each with its key. Whoever exchanges it for NULL has it;
     * the worker alone puts something there. */
    _Atomic(apmi_operation *) first;
    apmi_operation *last; /* the worker's own; nothing while `first` is NULL */
    /* How many were put there, and how many the worker was done with: its own to write. */
    _Atomic uint32_t kept, done;
    /* The worker's own: waits in a row that brought one packet; callbacks in a row inside Begin. */
    uint32_t lone, row;
    /* The watch's own: what it saw when it last looked, done and kept; how often that was the same; what has
     * to be done by and by, and how often it was not. */
    uint32_t seen, came, rest, mark, age;
    unsigned char apart[APMI_LINE]; /* from the next worker's */
} apmi_batch;

struct apmi_batches {
    apmi_pool *pool;
    apmi_batch *first;     /* one for each worker */
    uint32_t count;        /* of those, the ones that are used */
    _Atomic uint32_t most; /* for those; 1 for a while after callbacks were slow */
    _Atomic bool watched;  /* the watch is armed, or about to be; or there is nobody to watch for */
    apmi_timer watch;
    uint64_t careful_until; /* the watch's own */
    uint32_t caution;
};

/* For a pool of `maximum` workers: false when there is no memory. */
bool apmi_batches_start(apmi_batches *batches, apmi_pool *pool, uint32_t maximum);
void apmi_batches_stop(apmi_batches *batches);

/* The batch of a worker, who says so on its thread. */
apmi_batch *apmi_batch_open(apmi_batches *batches, uint32_t worker);
/* A round begins, after one in which so many packets came: how many to take at once. */
uint32_t apmi_batch_room(apmi_batch *batch, uint32_t came);
/* Keeps packets of operations, after what is there. They may be gone when it returns. */
void apmi_batch_keep(apmi_batch *batch, const apmk_packet *packets, uint32_t count);
/* The worker goes on with at most so many of them. */
void apmi_batch_run(apmi_batch *batch, uint32_t most);
/* Gives half of them, if there are two, to whoever waits at the port; who takes that packet accepts the list, on a
 * worker. */
void apmi_batch_share(apmi_batch *batch);
void apmi_batch_accept(const apmi_batches *batches, apmi_operation *list);

/* Before a callback inside Begin, on any thread: its batch, if it is a worker of that pool that has more
 * to do, or should have a look whether there is. The callback then takes its turn. */
apmi_batch *apmi_batch_of_turn(const apmi_batches *batches);
/* Puts the callback of a completed operation off, until it is its turn. */
void apmi_batch_put_off(apmi_batch *batch, apmi_operation *operation);

/* For the worker: false if there was nothing left to do when it last looked. */
static inline bool apmi_batch_busy(apmi_batch *batch)
{
    /* Relaxed: nobody else writes them. */
    return atomic_load_explicit(&batch->done, memory_order_relaxed) !=
           atomic_load_explicit(&batch->kept, memory_order_relaxed);
}

/* How much there was. */
static inline uint32_t apmi_batch_left(apmi_batch *batch)
{
    return atomic_load_explicit(&batch->kept, memory_order_relaxed) -
           atomic_load_explicit(&batch->done, memory_order_relaxed);
}

#endif
