/* SPDX-License-Identifier: MIT */
#include "annex.h"

#include <string.h>

#include "library.h"
#include "socket.h"

/* No more room stays with a spare block: enough for a datagram. */
#define ROOM_KEPT 512u

static apmi_annex *make_annex(apmi_operation *operation, size_t room)
{
    apmi_annex *annex =
        (apmi_annex *)apmi_library_allocate(operation->socket->library, sizeof(apmi_annex) + room);

    if (annex == NULL) return NULL;
    memset(annex, 0, sizeof *annex);
    atomic_init(&annex->event, NULL);
    annex->operation = operation;
    annex->room_size = room;
    return annex;
}

void apmi_annex_delete(apmi_library *library, apmi_annex *annex)
{
    if (annex != NULL) apmi_library_release_block(library, annex);
}

apmi_annex *apmi_annex_need(apmi_operation *operation)
{
    apmi_annex *annex = apmi_annex_of(operation), *none = NULL;

    if (annex != NULL) return annex;
    annex = make_annex(operation, 0);
    if (annex == NULL) return NULL;
    apmk_interleave();
    if (atomic_compare_exchange_strong_explicit(&operation->annex, &none, annex, memory_order_acq_rel,
                                                memory_order_acquire))
        return annex;
    apmi_annex_delete(operation->socket->library,
                      annex); /* another thread was first: its annex is everybody's */
    return none;
}

void *apmi_annex_make_room(apmi_operation *operation, size_t size)
{
    apmi_annex *old = apmi_annex_of(operation), *annex;

    if (old != NULL && old->room_size >= size) return old->room;
    annex = make_annex(operation, size);
    if (annex == NULL) return NULL;
    atomic_store_explicit(&operation->annex, annex, memory_order_relaxed);
    apmi_annex_delete(operation->socket->library, old); /* of an operation before: there is nothing in it */
    return annex->room;
}

void apmi_annex_leave(apmi_operation *operation)
{
    /* Relaxed, here and in what follows: the last reference is gone, nobody else looks at the block. */
    apmi_annex *annex = atomic_load_explicit(&operation->annex, memory_order_relaxed);
    apmk_event event = atomic_load_explicit(&annex->event, memory_order_relaxed);

    if (event != NULL) apmk_event_close(event);
    atomic_store_explicit(&annex->event, NULL, memory_order_relaxed);
    /* A connect's is for that alone, and the connection that follows may be idle for long. */
    if (annex->room_size <= ROOM_KEPT && operation->kind != APMI_CONNECT) return;
    apmi_annex_delete(operation->socket->library, annex);
    atomic_store_explicit(&operation->annex, NULL, memory_order_relaxed);
}
