/* SPDX-License-Identifier: MIT */
/*
 * What is told to whoever listens: the caller's log, and watchers outside the process. Nothing is
 * told under a lock that an operation needs.
 */
#ifndef APMI_TRACE_H
#define APMI_TRACE_H

#include <apmsock/log.h>
#include <stdatomic.h>

#include "kernel.h"

typedef struct apmi_library apmi_library;

/* The highest level that somebody listens to; 0: nobody does. */
extern _Atomic uint32_t apmi_trace_level;

static inline bool apmi_traces(int32_t level)
{
    /* Relaxed: who begins to listen may miss something. */
    return atomic_load_explicit(&apmi_trace_level, memory_order_relaxed) >= (uint32_t)level;
}

/* The library starts, and what it has been told to tell; it has stopped. One at a time. */
void apmi_trace_start(const apmi_library *library);
void apmi_trace_stop(void);

/* Each asks for the event's level first: called where that is high, it costs no more than asking. */
void apmi_trace_library(const apmi_library *library, int32_t event, apm_error error, uint64_t value);
void apmi_trace_socket(const apm_socket *socket, int32_t event, apm_error error, uint64_t value);
void apmi_trace_operation(const apm_async_result *operation, int32_t event);

#endif
