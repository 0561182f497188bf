/* SPDX-License-Identifier: MIT */
/* A loop around apm_poll, as a program's own: in the test's thread, or in threads beside it. */
#ifndef TEST_PUMP_H
#define TEST_PUMP_H

#include "fixture.h"

/* Polls here until the gate is open; checks that this comes to an end. */
bool pump_until(test_gate *gate);
/* pump_until the callback is over; checks that it was the only one. */
bool pump_call(call *made);
/* Polls until nothing is left to be done at once. */
void pump_dry(void);

/* A thread that polls until the library ends. */
typedef struct pump {
    test_thread *thread;
    uint64_t self; /* its number; once `running` is open */
    test_gate *running;
    apm_error last;        /* what made it leave; once it has been joined */
    _Atomic uint32_t runs; /* how often apm_poll had something to do */
} pump;

bool pump_start(pump *one);
void pump_join(pump *one); /* after apm_cleanup, or it is for ever */

#endif
