/* SPDX-License-Identifier: MIT */
/*
 * Timers: one heap of deadlines and one thread for the whole library, started by the first
 * timer. A timer is part of the thing it times; arming allocates nothing.
 */
#ifndef APMI_TIMER_H
#define APMI_TIMER_H

#include <stdatomic.h>

#include "kernel.h"

typedef struct apmi_timer {
    uint64_t due;             /* in milliseconds of apmk_now() */
    struct apmi_timer *child; /* the heap's shape; see timer.c */
    struct apmi_timer *next;
    struct apmi_timer *previous;
    void (*expired)(struct apmi_timer *timer);
    bool armed;
} apmi_timer;

typedef struct apmi_timers {
    apmk_lock lock;
    apmi_timer *root;
    uint64_t looked;       /* when the thread has looked at the clock last */
    _Atomic uint32_t turn; /* changes when the thread has to look again */
    bool running;
    bool stopping;
    apmk_thread thread;
} apmi_timers;

void apmi_timers_init(apmi_timers *timers);
/* Arms, or arms anew: *was_armed says which. `expired` will be called on the timer thread,
 * without the lock. Fails if the thread cannot be started, or is being stopped. */
apmk_code apmi_timer_arm(apmi_timers *timers, apmi_timer *timer, uint32_t timeout,
                         void (*expired)(apmi_timer *timer), bool *was_armed);
/* True if it was armed: `expired` will not be called for it. */
bool apmi_timer_disarm(apmi_timers *timers, apmi_timer *timer);
/* Ends the thread and joins it. What is still armed does not expire any more. */
void apmi_timers_stop(apmi_timers *timers);

#endif
