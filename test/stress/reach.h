/* SPDX-License-Identifier: MIT */
/* Totals over the runs of a process: whether they have reached what they are to check. */
#ifndef STRESS_REACH_H
#define STRESS_REACH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* All of it, in one line without its end. */
void reach_print(FILE *out);
/* Whether it is what so many seeds reach; what is missing is said. Of fewer than a hundred anything is enough. */
bool reach_suffices(uint64_t seeds);

#endif
