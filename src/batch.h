/* SPDX-License-Identifier: MIT */
/*
 * A batch: the packets that a worker took at once and has not come to yet, kept where they
 * can be taken from it. What watches over them is in batch.c.
 */
#ifndef APMI_BATCH_H
#define APMI_BATCH_H

#include <stdatomic.h>

#include "kernel.h"
#include "operation.h"
#include "timer.h"

#define APMI_BATCH 64u

typedef struct apmi_pool apmi_pool;
typedef struct apmi_library apmi_library;

typedef struct apmi_batch {
    _Atomic uint32_t turn; /* odd while there are packets: another number for each batch */
    /* The watch's own: what it saw when it last looked, how often it has seen this batch, and
     * how often this place. */
    uint32_t seen_turn, seen_place, age, rest;
    /* Operations, each with its key in the lowest bits. Whoever exchanges one for 0 has it. */
    _Atomic uintptr_t packets[APMI_BATCH];
} apmi_batch;

typedef struct apmi_batches {
    apmi_pool *pool;
    apmi_batch *first;
    uint32_t count;        /* workers that have one */
    _Atomic uint32_t most; /* packets to take at once: 1 for a while after callbacks were slow */
    _Atomic bool watched;  /* the watch is armed, or about to be */
    apmi_timer watch;
    uint64_t careful_until; /* the watch's own */
    uint32_t caution;
} apmi_batches;

/* For a pool of `maximum` workers: false when there is no memory. */
bool apmi_batches_start(apmi_batches *batches, apmi_pool *pool, apmi_library *library, uint32_t maximum);
void apmi_batches_stop(apmi_batches *batches, apmi_library *library);

/* The batch of a worker; NULL where it has none: that one takes a packet at a time. */
apmi_batch *apmi_batch_of(apmi_batches *batches, uint32_t worker);
/* How many packets to take at once into it. */
uint32_t apmi_batch_room(apmi_batches *batches, const apmi_batch *batch);
/* Keeps the packets of operations; the batch is empty before. They may be gone when it
 * returns. */
void apmi_batch_keep(apmi_batches *batches, apmi_batch *batch, const apmk_packet *packets, uint32_t count);
/* The worker is done with what was kept: completes what was left to it. */
void apmi_batch_run(apmi_batch *batch, uint32_t count);

#endif
