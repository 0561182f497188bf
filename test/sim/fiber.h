/* SPDX-License-Identifier: MIT */
/* Fibers: each has a stack and a place where it stands, and runs until it switches to another one, which then
 * goes on where it has stood. All of them belong to one thread of the system, the first to call. */
#ifndef SIM_FIBER_H
#define SIM_FIBER_H

typedef struct fiber fiber;

/* Whoever calls, on the stack that he has; for the first one. NULL without memory. */
fiber *fiber_here(void);
/* One that has not begun: `run` gets the argument, and ends with fiber_end. NULL without memory. */
fiber *fiber_new(void (*run)(void *argument), void *argument);
/* From the one that runs, `own`. Comes back when somebody switches to that. */
void fiber_switch(fiber *own, fiber *next);
/* The same, and nobody switches to `own` again. */
_Noreturn void fiber_end(fiber *own, fiber *next);
/* One that has ended, has not begun, or is the caller's own of fiber_here. Its stack is used again. */
void fiber_free(fiber *one);

#endif
