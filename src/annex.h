/* SPDX-License-Identifier: MIT */
/*
 * The annex of an operation: what few of them need, in a block of its own, which is made when something of it
 * is first needed. A connection that waits in a receive has none. With the spare block it stays, unless it is
 * large or was a connect's.
 */
#ifndef APMI_ANNEX_H
#define APMI_ANNEX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

#include "operation.h"
#include "timer.h"

struct apmi_annex {
    apmi_operation *operation; /* whose it is */
    _Atomic(apmk_event) event; /* made when first asked for; closed with the operation */
    uint64_t limit;            /* the latest time for `deadline`, set in a connect's Begin; 0: none */
    apmi_timer deadline;       /* while it is armed it holds a reference on the operation */
    size_t room_size;
    alignas(max_align_t) unsigned char room[]; /* for what only some kinds need */
};

/* NULL: it has none. */
static inline apmi_annex *apmi_annex_of(const apmi_operation *operation)
{
    /* Acquire: whoever made it has made it ready. */
    return atomic_load_explicit(&operation->annex, memory_order_acquire);
}

/* In Begin, before anybody else knows the operation: the room that was made there. */
static inline void *apmi_annex_room(const apmi_operation *operation)
{
    /* Relaxed: the operation has come here from Begin, and its room with it. */
    return atomic_load_explicit(&operation->annex, memory_order_relaxed)->room;
}

/* Makes one if there is none; on any thread that has a reference. NULL when there is no memory. */
apmi_annex *apmi_annex_need(apmi_operation *operation);
/* In Begin, before anybody else knows the operation: room of at least `size` bytes, not cleared; NULL when there is
 * no memory. */
void *apmi_annex_make_room(apmi_operation *operation, size_t size);
/* The operation is over, and its block becomes a spare one. */
void apmi_annex_leave(apmi_operation *operation);
/* Gives the memory back. */
void apmi_annex_delete(apmi_library *library, apmi_annex *annex);

#endif
