/* SPDX-License-Identifier: MIT */
#include "census.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../support/ledger.h"
#include "slot.h"

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#endif

enum { SETTLE = 20000 /* ms that threads may take to get off */, STEADY = 20 /* looks that see the same */ };

/* What private bytes may rise by from the warm-up to the end, as a line through all censuses has it:
 * heaps and stacks grow in steps, and only so far, however long it takes. */
#define RISE_LIMIT (512 << 10)
/* Blocks of the heaps that the system may take for itself after the warm-up. */
enum { HEAP_SLACK = 8, HEAPS = 64 };

static uint32_t workers_wanted;
static uint64_t numbers_before[SLOT_NUMBERS]; /* when the library was started */
static int64_t blocks_before;
static ledger level; /* as the warm-up found it */
static int64_t level_heap;
static uint64_t count;

/* Of the line: operations since the warm-up across, bytes up. */
static struct {
    double points, x, y, xx, xy, first_y, last_x, first_x;
} line;

/* ---- the library ----------------------------------------------------------------------------------------- */

apm_statistics census_ask(void)
{
    apm_statistics now = {0};

    now.size = sizeof now;
    if (apm_get_statistics(&now) != APM_ERROR_SUCCESS) endurance_fail("there are no statistics");
    if (now.begun != now.completed + now.live) endurance_fail("statistics: begun is not the sum");
    return now;
}

void census_library_started(uint32_t workers)
{
    int i;

    workers_wanted = workers;
    for (i = 0; i < SLOT_NUMBERS; i++) numbers_before[i] = atomic_load(&slot_numbers[i]);
    blocks_before = harness_live_blocks();
}

static uint64_t number_of(enum slot_number which)
{
    return atomic_load(&slot_numbers[which]) - numbers_before[which];
}

/* A slot does not know everything of what it closed: there may be so much more. */
static void require_number(const char *what, uint64_t number, uint64_t known, uint64_t more)
{
    char said[120];

    if (number >= known && number <= known + more) return;
    (void)snprintf(said, sizeof said,
                   "statistics: %s is %" PRIu64 ", the slots know of %" PRIu64 " to %" PRIu64, what, number,
                   known, known + more);
    endurance_fail(said);
}

/* A callback has to return before its operation is over, and a worker then has to get back to the port. */
static apm_statistics settle_statistics(void)
{
    uint64_t start = test_now();
    apm_statistics now = census_ask();

    while ((now.live != 0 || now.sockets != 0 || now.idle_workers != now.workers) &&
           test_now() - start < SETTLE) {
        test_yield();
        now = census_ask();
    }
    return now;
}

void census_library_idle(void)
{
    apm_statistics now = settle_statistics();
    uint64_t start = test_now();

    if (number_of(SLOT_BEGUN) != number_of(SLOT_CALLED))
        endurance_fail("not as many callbacks as operations");
    require_number("live", now.live, 0, 0);
    require_number("sockets", now.sockets, 0, 0);
    require_number("begun", now.begun, number_of(SLOT_BEGUN), 0);
    require_number("completed", now.completed, number_of(SLOT_CALLED), 0);
    require_number("cancelled", now.cancelled, number_of(SLOT_CANCELLED), 0);
    require_number("failed", now.failed, number_of(SLOT_FAILED), 0);
    require_number("bytes_sent", now.bytes_sent, number_of(SLOT_SENT), number_of(SLOT_SENT_PERHAPS));
    require_number("bytes_received", now.bytes_received, number_of(SLOT_RECEIVED),
                   number_of(SLOT_RECEIVED_PERHAPS));
    if (workers_wanted != 0) require_number("workers", now.workers, workers_wanted, 0);
    require_number("idle_workers", now.idle_workers, now.workers, 0);
    /* Memory goes with the last of a worker's steps. */
    while (harness_live_blocks() != blocks_before) {
        if (test_now() - start > SETTLE) endurance_fail("blocks are not level");
        test_yield();
    }
}

void census_library_ended(void)
{
    if (harness_live_blocks() != 0) endurance_fail("blocks are left at the end of the library");
}

/* ---- the process ------------------------------------------------------------------------------------------- */

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

/* What is allocated in all heaps of the process, whoever's it is; 0 on the simulated kernel. */
static int64_t heap_blocks(void)
{
    int64_t sum = 0;
#ifdef _WIN32
    HANDLE heaps[HEAPS];
    DWORD number = GetProcessHeaps(HEAPS, heaps), i;

    for (i = 0; i < number && i < HEAPS; i++) {
        PROCESS_HEAP_ENTRY entry;

        memset(&entry, 0, sizeof entry);
        if (!HeapLock(heaps[i])) endurance_fail("a heap cannot be looked at");
        while (HeapWalk(heaps[i], &entry)) sum += (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0;
        (void)HeapUnlock(heaps[i]);
    }
    if (sum == 0) endurance_fail("there is no heap");
#endif
    return sum;
}

/* The system counts a thread for some time after it was joined. Before the warm-up is over there is
 * nothing to compare with: then it has to stay the same for some looks. */
static ledger settle_process(void)
{
    uint64_t start = test_now();
    ledger before, now = ledger_take(harness_live_blocks());
    int same = 0;

    while ((count < CENSUS_WARM_UP ? same < STEADY : !ledger_is_balanced(&level, &now)) &&
           test_now() - start < SETTLE) {
        test_yield();
        before = now;
        now = ledger_take(harness_live_blocks());
        same = now.handles == before.handles && now.threads == before.threads ? same + 1 : 0;
    }
    return now;
}

static void add_point(double x, double y)
{
    if (line.points == 0) {
        line.first_x = x;
        line.first_y = y;
    }
    /* From the first one on: small numbers lose nothing. */
    x -= line.first_x;
    y -= line.first_y;
    line.points++;
    line.x += x;
    line.y += y;
    line.xx += x * x;
    line.xy += x * y;
    line.last_x = x;
}

void census_process(uint64_t milliseconds)
{
    ledger now = settle_process();
    int64_t bytes = private_bytes(), heap = heap_blocks();
    char said[LEDGER_ROOM];
    uint64_t operations = atomic_load(&slot_numbers[SLOT_BEGUN]);

    count++;
    if (count == CENSUS_WARM_UP) {
        level = now;
        level_heap = heap;
    }
    if (count >= CENSUS_WARM_UP) add_point((double)operations, (double)bytes);
    (void)printf("%4" PRIu64 " s: %" PRIu64 " operations, %" PRIu64 " lives, %" PRIu64 " MiB, %" PRIu64
                 " cancelled, %" PRIu64 " failed, %" PRIu64 " not begun; handles %" PRId64
                 ", threads %" PRId64 ", heap blocks %" PRId64 ", private %" PRId64 " KiB\n",
                 milliseconds / 1000, operations, atomic_load(&slot_numbers[SLOT_LIVES]),
                 (atomic_load(&slot_numbers[SLOT_RECEIVED]) + atomic_load(&slot_numbers[SLOT_SENT])) >> 20,
                 atomic_load(&slot_numbers[SLOT_CANCELLED]), atomic_load(&slot_numbers[SLOT_FAILED]),
                 atomic_load(&slot_numbers[SLOT_REFUSED]), now.handles, now.threads, heap, bytes / 1024);
    (void)fflush(stdout);
    if (count <= CENSUS_WARM_UP) return;
    if (!ledger_is_balanced(&level, &now)) {
        ledger_say(&level, &now, said);
        endurance_fail(said);
    }
    if (heap > level_heap + HEAP_SLACK) endurance_fail("the heaps are not level");
}

uint64_t census_count(void)
{
    return count;
}

void census_end(void)
{
    double spread = line.points * line.xx - line.x * line.x;
    double slope = spread > 0 ? (line.points * line.xy - line.x * line.y) / spread : 0;

    (void)printf("private bytes: %.3f per operation, %.0f in all\n", slope, slope * line.last_x);
    if (slope * line.last_x > RISE_LIMIT) endurance_fail("private bytes are not level");
}
