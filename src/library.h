/* SPDX-License-Identifier: MIT */
/*
 * The library as it runs: its options, its pool and timers, its open sockets. There is one
 * at a time; a socket keeps its own one in memory beyond its end.
 */
#ifndef APMI_LIBRARY_H
#define APMI_LIBRARY_H

#include <apmsock/library.h>
#include <stdatomic.h>

#include "kernel.h"
#include "pool.h"
#include "ready.h"
#include "resolver.h"
#include "statistics.h"
#include "timer.h"

struct apmi_library {
    _Atomic uint32_t references; /* of the memory: running, and each socket in memory */
    apm_options options;         /* with the defaults filled in */
    apmi_pool pool;
    apmi_timers timers;
    apmi_resolver resolver;
    apmi_ready ready;

    apmi_statistics statistics;

    apmk_lock lock;        /* guards the list */
    apm_socket *sockets;   /* open ones, and closed ones with operations */
    _Atomic bool closing;  /* no further one may enter; written under the lock */
    _Atomic uint32_t live; /* uses that have not been left; waited on */
};

/* The running library, started if need be, for a socket: it goes on running until the
 * socket leaves, and stays in memory until the socket drops it. */
apm_error apmi_library_use(apmi_library **library);
/* The same of one that runs, and is not started: NULL if none does. */
apmi_library *apmi_library_use_running(void);
void apmi_library_hold(apmi_library *library);
void apmi_library_drop(apmi_library *library);

/* apmi_pool_recruit, for whoever has no socket at hand. */
uint32_t apmi_library_recruit(void);

/* From the options' allocator. */
void *apmi_library_allocate(apmi_library *library, size_t size);
void apmi_library_release_block(apmi_library *library, void *block);

/* An open socket enters the list, so that the end of the library shuts it; false once that
 * has begun. It leaves when it is closed and all its operations have called back. */
bool apmi_library_enter(apmi_library *library, apm_socket *socket);
/* That has begun. */
static inline bool apmi_library_closes(const apmi_library *library)
{
    /* Relaxed: a hint to whoever waits. */
    return atomic_load_explicit(&library->closing, memory_order_relaxed);
}
/* One use more, for whoever knows of one that cannot end meanwhile. */
void apmi_library_enter_use(apmi_library *library);
/* Ends a use; takes the socket (may be NULL) off the list if it is there. */
void apmi_library_leave(apmi_library *library, apm_socket *socket);

#endif
