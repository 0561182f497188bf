/* SPDX-License-Identifier: MIT */
/*
 * What the scenarios need of the world they run in besides what sim.h says. That is there twice:
 * the simulated kernel, and world_win32.c, which is the part of sim.h that is used here over the
 * real one, with real threads and the real clock.
 */
#ifndef EXHAUST_WORLD_H
#define EXHAUST_WORLD_H

#include <apmsock/apmsock.h>

#include "sim.h"

/* An endpoint that answers no connect. */
apm_endpoint world_silent_endpoint(void);

/* A file with these bytes; its path, or NULL. There is one at a time. */
const char *world_file_make(const void *data, size_t size);
bool world_file_delete(void);

/* How long (ms) what fails from the n-th call on goes on failing while the act is not over. */
uint32_t world_shortage_time(void);
/* Whether this is the simulated one. */
bool world_is_simulated(void);

#endif
