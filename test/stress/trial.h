/* SPDX-License-Identifier: MIT */
/* Trials: scripts run by child processes, which may fail. Shrinking is made of them. */
#ifndef STRESS_TRIAL_H
#define STRESS_TRIAL_H

#include "script.h"

typedef struct trial {
    bool failed;
    uint64_t seed;      /* the one that failed */
    char headline[160]; /* how: without numbers, which differ */
} trial;

/* Runs it with up to `seeds` seeds, its own first, until one fails. False if no child was to be had. */
bool trial_run(const script *made, uint32_t seeds, trial *how);

/* Leaves out of it whatever is not needed to fail as `how` says, with at most so many trials. How many
 * it took. */
uint32_t script_shrink(script *made, const trial *how, uint32_t trials);

#endif
