/* SPDX-License-Identifier: MIT */
/* Replays: that a seed is the same run each time, in this process and in another one. */
#ifndef STRESS_REPLAY_H
#define STRESS_REPLAY_H

#include "script.h"

/* Prints what each of the seeds is as a number, one a line. */
void replay_print(enum script_profile profile, uint64_t from, uint64_t count);
/* Runs each twice, and has another process of this program run it. False, and says which, if they differ. */
bool replay_compare(enum script_profile profile, uint64_t from, uint64_t count);

#endif
