/* SPDX-License-Identifier: MIT */
/* This program once more, as a child process with other arguments. */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <stdbool.h>
#include <stdint.h>

enum { CHILD_HUNG = 98, CHILD_MISSING = 99 }; /* it had to be ended; there was none */

typedef struct child {
    void *process;
} child;

/* With `inherits` it gets every handle of ours that can be inherited. */
bool child_start(child *started, const char *arguments, bool inherits);
bool child_runs(const child *started);
void child_kill(const child *started);
/* Its exit code; it is ended after a time in which everything that works is over. */
uint32_t child_wait(child *started);
/* Both. */
uint32_t child_run(const char *arguments, bool inherits);

#endif
