/* SPDX-License-Identifier: MIT */
/* What a process has, before and after: what a test has to leave as it found it. */
#ifndef TEST_LEDGER_H
#define TEST_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness.h"

typedef struct ledger {
    int64_t blocks, handles, threads;
} ledger;

enum { LEDGER_ROOM = 200 };

static inline ledger ledger_take(int64_t blocks)
{
    ledger now;

    now.blocks = blocks;
    now.handles = harness_handles();
    now.threads = harness_threads();
    return now;
}

/* Fewer threads, and handles with them, are no leak of ours: the system ends its own idle ones.
 * Fewer handles alone are: somebody has closed what is not his. */
static inline bool ledger_is_balanced(const ledger *before, const ledger *now)
{
    if (now->blocks != before->blocks || now->threads > before->threads) return false;
    return now->threads < before->threads ? now->handles <= before->handles : now->handles == before->handles;
}

/* What is checked, with the figures. */
static inline void ledger_say(const ledger *before, const ledger *now, char said[LEDGER_ROOM])
{
    (void)snprintf(said, LEDGER_ROOM,
                   "left as found: blocks %lld (were %lld), handles %lld (%lld), threads %lld (%lld)",
                   (long long)now->blocks, (long long)before->blocks, (long long)now->handles,
                   (long long)before->handles, (long long)now->threads, (long long)before->threads);
}

#endif
