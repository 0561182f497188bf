/* SPDX-License-Identifier: MIT */
/* What fails between the model and the real kernel. */
#ifndef EXHAUST_FAULT_WIN32_H
#define EXHAUST_FAULT_WIN32_H

#include <stdint.h>

#include "sim.h"

/* From now on the n-th call (0: none), and with `lasting` all that follow, fails; counts from 0 again. */
void fault_set(enum sim_fault_kind kind, uint32_t nth, bool lasting);
uint32_t fault_calls(enum sim_fault_kind kind);
/* How many have failed so far. */
uint32_t fault_strikes(void);
/* Blocks of the library that are live. */
int64_t fault_blocks(void);

#endif
