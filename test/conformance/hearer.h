/* SPDX-License-Identifier: MIT */
/* A peer that hears how a stream ends, in scenes: what there was of it, and whether its end was a good one. */
#ifndef TEST_HEARER_H
#define TEST_HEARER_H

#include "scene.h"

typedef struct hearer {
    sim_peer *peer;
    int64_t received, ended;
} hearer;

/* A thread of the peer's: to the end of the stream; then it ends its own. */
static inline void hear_to_the_end(void *argument)
{
    hearer *hears = (hearer *)argument;
    static char here[65536];

    hears->received = 0;
    while ((hears->ended = sim_peer_read(hears->peer, here, sizeof here, 600000)) > 0)
        hears->received += hears->ended;
    if (hears->ended == 0) sim_peer_end(hears->peer);
}

static inline void hear_late(void *argument)
{
    sim_sleep(100);
    hear_to_the_end(argument);
}

/* What it has to find: all of it, or no good end. */
static inline void check_heard(const hearer *hears, int64_t whole)
{
    CU_ASSERT(hears->ended != 0 || hears->received == whole);
}

/* A list that is too much for what is on its way. */
enum { MUCH = 100 * 3000, MUCH_PARTS = 100 };

static char much[MUCH];

static inline void point_at_much(apm_buffer *buffers)
{
    int i;

    for (i = 0; i < MUCH_PARTS; i++) {
        buffers[i].data = much + (size_t)i * (MUCH / MUCH_PARTS);
        buffers[i].size = MUCH / MUCH_PARTS;
    }
}

#endif
