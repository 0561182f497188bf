/* SPDX-License-Identifier: MIT */
/*
 * The resolver: threads that look names up. They are not the pool's, so that a system that
 * takes its time over a name takes no worker away from sends and receives.
 */
#ifndef APMI_RESOLVER_H
#define APMI_RESOLVER_H

#include <stdatomic.h>

#include "kernel.h"

enum {
    APMI_HOST_ROOM = 256,  /* bytes of a name, with its NUL */
    APMI_FOUND_LIMIT = 64, /* addresses kept of one name */
    APMI_RESOLVER_THREADS = 64
};

/* One look-up, part of whoever asks. */
typedef struct apmi_lookup {
    struct apmi_lookup *next;
    void (*done)(struct apmi_lookup *lookup); /* called once, on a thread of the resolver */
    void *context;
    apmk_code code;
    uint32_t count;
    apmk_address found[APMI_FOUND_LIMIT];
    char host[APMI_HOST_ROOM];
} apmi_lookup;

typedef struct apmi_resolver apmi_resolver;

typedef struct apmi_resolver_place {
    apmi_resolver *resolver;
    apmk_thread thread;
    uint32_t state;
} apmi_resolver_place;

struct apmi_resolver {
    apmk_lock lock;
    apmi_lookup *first, *last; /* those that no thread has taken */
    uint32_t queued, promised, threads, idle;
    _Atomic uint32_t turn; /* changes when an idle thread has to look again */
    bool stopping;
    apmi_resolver_place places[APMI_RESOLVER_THREADS];
};

void apmi_resolver_init(apmi_resolver *resolver);
/* Promises a thread to one look-up, which is then asked or forgone. Fails if there is none for it and none
 * can be started. Under no lock: a thread takes the loader's to begin and to end, and whoever holds that may
 * wait for one of ours. For a use of the library. */
apmk_code apmi_resolver_promise(apmi_resolver *resolver);
/* `host` and `done` are set. */
void apmi_resolver_ask(apmi_resolver *resolver, apmi_lookup *lookup);
void apmi_resolver_forgo(apmi_resolver *resolver);
/* True if no thread had taken it yet: `done` will not be called. */
bool apmi_resolver_withdraw(apmi_resolver *resolver, apmi_lookup *lookup);
/* Ends the threads and joins them, after the look-ups that are under way. None may be queued. */
void apmi_resolver_stop(apmi_resolver *resolver);

#endif
