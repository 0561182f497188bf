/* SPDX-License-Identifier: MIT */
/* Whoever watches from outside: a test, which sees what was written. */
#include <stdatomic.h>
#include <stddef.h>

#include "sim_network.h"

static void (*_Atomic tell_level)(uint32_t level);
static void (*_Atomic show)(const char *name, const char *detail, int32_t error, uint64_t value);
static _Atomic uint32_t watched;

void sim_watch(uint32_t level,
               void (*seen)(const char *name, const char *detail, int32_t error, uint64_t value))
{
    void (*tell)(uint32_t level) = atomic_load(&tell_level);

    atomic_store(&show, seen);
    atomic_store(&watched, level);
    if (tell != NULL) tell(level);
}

void apmk_trace_start(void (*changed)(uint32_t level))
{
    if (atomic_exchange(&tell_level, changed) != NULL) sim_fail("traces are started twice");
    if (atomic_load(&watched) != 0) changed(atomic_load(&watched));
}

void apmk_trace_stop(void)
{
    if (atomic_exchange(&tell_level, NULL) == NULL) sim_fail("traces are stopped without a start");
}

void apmk_trace_write(const char *name, int32_t level, uint64_t keyword, const char *detail,
                      const void *socket, const void *result, int32_t error, uint64_t value)
{
    void (*seen)(const char *name, const char *detail, int32_t error, uint64_t value) = atomic_load(&show);

    (void)keyword;
    (void)socket;
    (void)result;
    if (atomic_load(&tell_level) == NULL) sim_fail("an event is written when traces are stopped");
    if (seen != NULL && (uint32_t)level <= atomic_load(&watched)) seen(name, detail, error, value);
}
