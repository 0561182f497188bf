/* SPDX-License-Identifier: MIT */
/*
 * Endurance: sockets full of operations, for as long as one likes, and level at the end.
 *
 *   endurance [--seconds N] [--seed S]
 *
 * SLOTS sockets with up to 64 operations each are driven by a few threads. Every few seconds all
 * lives end and the census is taken: as many callbacks as operations; as many blocks as at the
 * first census, exactly, while the library runs; none, and as many handles and threads as before
 * it was started, when it is ended, which happens each time. The process's private bytes may grow by
 * BYTES_TOLERANCE after the WARM_UP first censuses: heaps and stacks that have been larger stay
 * so, in steps; a block that is lost per operation would be more within seconds.
 *
 * The seed draws what is done; when it is done the machine decides, so that a run cannot be
 * replayed exactly.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot.h"

#ifdef _WIN32
#include "../support/crash_filter.h"
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#endif

#include "../support/number.h"
#include "../support/scratch_file.h"

enum {
    SLOTS = 32,
    DRIVERS = 4,
    EACH = 8 /* slots of a driver */,
    DATAGRAM_EACH = 8,
    CENSUS_EACH = 3000,
    CENSUS_LEAST = 300,
    WARM_UP = 2,
    CENSUSES_LEAST = 4, /* however long they take: with fewer nothing can be told */
    SETTLE = 20000
};
#define BYTES_TOLERANCE (INT64_C(8) << 20)

static slot slots[SLOTS];
static uint64_t seed_now = 1;
static scratch_file file;
static _Atomic bool draining;
static test_gate *no_end; /* stays shut */

void endurance_fail(const char *what)
{
    (void)printf("FAILED: %s\nseed %" PRIu64 "; 0 passed, 1 failed\n", what, seed_now);
    (void)fflush(stdout);
#ifdef _WIN32
    crash_filter_terminate(1);
#endif
    _Exit(1);
}

static void drive(void *argument)
{
    slot *mine = (slot *)argument;
    int i;

    while (!atomic_load(&draining)) {
        for (i = 0; i < EACH; i++) slot_step(&mine[i]);
        test_yield();
    }
    for (i = 0; i < EACH; i++) slot_drain(&mine[i]);
}

/* What the process has committed for itself: by a look at all of its memory, since not every
 * system counts it. On the simulated kernel the sanitizers look for leaks. */
static int64_t private_bytes(void)
{
    int64_t sum = 0;
#ifdef _WIN32
    MEMORY_BASIC_INFORMATION region;
    const unsigned char *at = NULL;

    while (VirtualQuery(at, &region, sizeof region) == sizeof region) {
        if (region.State == MEM_COMMIT && region.Type == MEM_PRIVATE) sum += (int64_t)region.RegionSize;
        at = (const unsigned char *)region.BaseAddress + region.RegionSize;
    }
    if (sum == 0) endurance_fail("the process's memory cannot be looked at");
#endif
    return sum;
}

typedef struct census {
    int64_t blocks, handles, threads, bytes;
} census;

/* A machine that was slow once may have little time left, or none. */
static uint64_t stage_time(uint64_t passed, uint64_t whole)
{
    uint64_t left = passed < whole ? whole - passed : 0;

    return left < CENSUS_LEAST ? CENSUS_LEAST : left < CENSUS_EACH ? left : CENSUS_EACH;
}

/* While it runs: sockets and operations are gone, but memory goes with the last of a worker's steps. */
static void settle_blocks(int64_t expected, census *now)
{
    uint64_t start = test_now();
    uint32_t same = 0;

    do {
        int64_t before = now->blocks;

        now->blocks = harness_live_blocks();
        same = now->blocks == before ? same + 1 : 0;
        if (now->blocks == expected || (expected < 0 && same > 100)) return;
        test_yield();
    } while (test_now() - start < SETTLE);
}

static void settle_process(const census *first, census *now)
{
    uint64_t start = test_now();

    do {
        now->handles = harness_handles();
        now->threads = harness_threads();
        if (now->handles == first->handles && now->threads <= first->threads) return;
        test_yield();
    } while (test_now() - start < SETTLE);
}

static void run_stage(uint64_t milliseconds)
{
    test_thread *drivers[DRIVERS];
    slot *mine = slots;
    int i;

    atomic_store(&draining, false);
    for (i = 0; i < DRIVERS; i++, mine += EACH) drivers[i] = test_thread_start(drive, mine);
    /* Without taking the processor from the drivers. */
    (void)apm_manual_reset_event_wait_one(no_end, (uint32_t)milliseconds);
    atomic_store(&draining, true);
    for (i = 0; i < DRIVERS; i++) test_thread_join(drivers[i]);
    if (atomic_load(&slot_tally.begun) != atomic_load(&slot_tally.called))
        endurance_fail("not as many callbacks as operations");
}

static void compare(const census *first, const census *now, int64_t warm_bytes)
{
    if (now->blocks != first->blocks) endurance_fail("blocks are not level");
    if (harness_live_blocks() != 0) endurance_fail("blocks are left at the end of the library");
    if (now->handles != first->handles) endurance_fail("handles are not level");
    if (now->threads > first->threads) endurance_fail("threads are not level");
    if (warm_bytes != 0 && now->bytes - warm_bytes > BYTES_TOLERANCE)
        endurance_fail("private bytes are not level");
}

static void endure(uint64_t seconds)
{
    uint64_t start = test_now(), number = 0;
    census first = {-1, 0, 0, 0};
    int64_t warm_bytes = 0;
    apm_options options = harness_options();

    do {
        census now = {0, 0, 0, 0};

        if (apm_startup(&options) != APM_ERROR_SUCCESS) endurance_fail("the library does not start");
        run_stage(stage_time(test_now() - start, seconds * 1000));
        settle_blocks(first.blocks, &now);
        if (apm_cleanup() != APM_ERROR_SUCCESS) endurance_fail("the library does not end");
        if (number == 0) {
            /* What the system makes at first use is there now. */
            now.handles = harness_handles();
            now.threads = harness_threads();
            first = now;
        }
        settle_process(&first, &now);
        if (number == 0) first = now;
        now.bytes = private_bytes();
        number++;
        if (number == WARM_UP) warm_bytes = now.bytes;
        (void)printf("%4" PRIu64 " s: %" PRIu64 " operations, %" PRIu64 " lives, %" PRIu64 " MiB, %" PRIu64
                     " cancelled, %" PRIu64 " not begun; blocks %" PRId64 ", handles %" PRId64
                     ", threads %" PRId64 ", private %" PRId64 " KiB\n",
                     (test_now() - start) / 1000, atomic_load(&slot_tally.begun),
                     atomic_load(&slot_tally.lives), atomic_load(&slot_tally.bytes) >> 20,
                     atomic_load(&slot_tally.cancelled), atomic_load(&slot_tally.failed), now.blocks,
                     now.handles, now.threads, now.bytes / 1024);
        (void)fflush(stdout);
        compare(&first, &now, warm_bytes);
    } while (test_now() - start < seconds * 1000 || number < CENSUSES_LEAST);
    (void)printf("seed %" PRIu64 ": %" PRIu64 " operations, each called back once; %" PRIu64
                 " censuses level\n",
                 seed_now, atomic_load(&slot_tally.begun), number);
}

static bool read_arguments(int argc, char **argv, uint64_t *seconds)
{
    int i;

    for (i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--seconds") == 0 && number_read(value, seconds)) continue;
        if (strcmp(argv[i], "--seed") == 0 && number_read(value, &seed_now)) continue;
        return false;
    }
    return true;
}

static bool make_file(void)
{
    static unsigned char data[SLOT_DATA];

    pattern_fill(data, sizeof data, 0);
    return scratch_new(&file, false) && scratch_append(&file, data, sizeof data);
}

int main(int argc, char **argv)
{
    uint64_t seconds = 30;
    int i;

#ifdef _WIN32
    crash_filter_install();
#endif
    if (!read_arguments(argc, argv, &seconds)) {
        (void)fprintf(stderr, "usage: endurance [--seconds N] [--seed S]\n");
        return 2;
    }
    (void)printf("endurance: %d sockets of %d operations for %" PRIu64 " s, seed %" PRIu64 "\n", SLOTS,
                 SLOT_OPERATIONS, seconds, seed_now);
    (void)fflush(stdout);
    if (!make_file()) endurance_fail("no file");
    no_end = test_gate_new();
    slot_prepare(file.path);
    for (i = 0; i < SLOTS; i++)
        slot_open(&slots[i], seed_now * SLOTS + (uint64_t)i, i % DATAGRAM_EACH == DATAGRAM_EACH - 1);
    endure(seconds);
    for (i = 0; i < SLOTS; i++) slot_close(&slots[i]);
    test_gate_free(no_end);
    if (!scratch_delete(&file, false)) endurance_fail("the file is still open");
    (void)printf("1 passed, 0 failed\n");
    return 0;
}
