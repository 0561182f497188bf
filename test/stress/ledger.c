/* SPDX-License-Identifier: MIT */
/* The allocator that the library is given: it counts, and it fails as chance has it. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static _Atomic int64_t live;
static uint32_t failure_rate;

static void *APM_CALL allocate(size_t size, void *context)
{
    void *block;

    (void)context;
    if (sim_chance(failure_rate)) return NULL;
    block = malloc(size);
    if (block == NULL) return NULL;
    memset(block, 0xA5, size); /* nobody may count on zeros */
    /* Relaxed: only the number counts, and it orders nobody. */
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return block;
}

static void APM_CALL release(void *block, void *context)
{
    (void)context;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(block);
}

void ledger_install(apm_options *options, uint32_t failures)
{
    failure_rate = failures;
    options->allocate = allocate;
    options->release = release;
}

int64_t ledger_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}
