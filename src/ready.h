/* SPDX-License-Identifier: MIT */
/*
 * The ready callbacks: those that wait for a thread of the caller's, which comes for them by
 * apm_poll. See ready.c.
 */
#ifndef APMI_READY_H
#define APMI_READY_H

#include <stdatomic.h>

#include "kernel.h"
#include "operation.h"
#include "timer.h"

typedef struct apmi_ready {
    bool used; /* callbacks wait here: options.dispatch, or options.no_workers */
    apmk_lock lock;
    apmi_operation *first, *last; /* in the order in which they became ready */
    uint32_t count;
    bool told;              /* dispatch was called, and nobody has come since */
    bool refused;           /* it could not do it, likewise */
    bool missed;            /* somebody came from within a callback, and was sent away */
    _Atomic bool ended;     /* the library ends: nobody is to sleep */
    _Atomic uint32_t turn;  /* another number for each that comes; waited on */
    _Atomic uint32_t sleep; /* how many wait in apm_poll */
    apmi_timer retry;       /* calls dispatch again, which could not */
} apmi_ready;

void apmi_ready_init(apmi_ready *ready, bool used);
/* Leaves a completed operation's callback to apm_poll. The operation is not the caller's any more. */
void apmi_ready_put(apmi_library *library, apmi_operation *operation);
/* Calls `dispatch` again if it has refused and nobody has come since. */
void apmi_ready_remind(apmi_library *library);
/* Somebody has come who may not poll, from within a callback: what brought him is used up. */
void apmi_ready_miss(apmi_library *library);
/* The whole of apm_poll, for a library that stays while it runs. */
apm_error apmi_ready_poll(apmi_library *library, uint32_t timeout);
/* Without workers: waits for an operation, at most `timeout` ms and not for long, by doing what a
 * worker would do but for callbacks. */
void apmi_ready_help(apmi_library *library, apmi_operation *operation, uint32_t timeout);
/* The same, for a word that another value is to come to; the library need not run any more, and another one may. */
void apmi_ready_help_for(const apmi_library *library, const _Atomic uint32_t *word, uint32_t value,
                         uint32_t timeout);
/* The library ends: nobody stays in apm_poll, and this thread runs what is ready. Returns now and
 * then, or when `live` is another number than that. */
void apmi_ready_drain(apmi_library *library, uint32_t live);

#endif
