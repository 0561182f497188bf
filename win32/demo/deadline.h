/* SPDX-License-Identifier: MIT */
/* One moment that bounds many waits: each wait gets what the ones before it have left. */
#ifndef DEMO_DEADLINE_H
#define DEMO_DEADLINE_H

#include <stdint.h>

typedef struct deadline {
    uint64_t end;
    uint32_t timeout; /* what was asked for, to say it */
} deadline;

deadline deadline_after(uint32_t timeout);

/* Milliseconds; 0 once it is over. */
uint32_t deadline_left(const deadline *limit);

#endif
