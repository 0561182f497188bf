/* SPDX-License-Identifier: MIT */
/*
 * How far a file is, on the standard error output: "apmdemo: sending 1000 bytes, received 20",
 * and "sent" once the connection has taken all of it. A line for each change; or, where somebody
 * watches, one line that changes.
 */
#ifndef DEMO_PROGRESS_H
#define DEMO_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    uint64_t total;    /* bytes of the file */
    uint64_t received; /* these two as of the last line */
    bool sent;
    bool begun;
    bool in_place;
} progress;

void progress_begin(progress *self, uint64_t total);

/* How often to show it, in milliseconds. */
uint32_t progress_interval(const progress *self);

/* Nothing unless something has changed. */
void progress_show(progress *self, bool sent, uint64_t received);

/* What follows begins on a line of its own. */
void progress_end(progress *self);

#endif
