/* SPDX-License-Identifier: MIT */
/*
 * Endurance: sockets full of operations, for as long as one likes, and level at the end.
 *
 *   endurance [--lives] [--seconds N] [--seed S]
 *
 * SLOTS sockets with up to 64 operations each are driven by a few threads, in stages. A stage begins with
 * 64 operations on each: the library's statistics have to see them all. Then come sends, receives,
 * cancels, closes and resets as they are drawn, while the main thread looks how many are in flight.
 * At its end all is closed and the census is taken (census.c): what the statistics say is what the
 * slots know, there are as many blocks as when the library was started, and as many handles and threads as
 * after the first stages. Private bytes are told at the end.
 *
 * The library is started once, with a fixed number of workers, so that nothing may come or go.
 * With --lives it is started and ended for each stage, with the workers it likes.
 *
 * The seed draws what is done; when it is done the machine decides, so that a run cannot be
 * replayed exactly.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "slot.h"

#ifdef _WIN32
#include "../support/crash_filter.h"
#else
#include "sim.h"
#endif

#include "../support/number.h"
#include "../support/scratch_file.h"

enum {
    SLOTS = 32,
    DRIVERS = 4,
    EACH = 8 /* slots of a driver */,
    DATAGRAM_EACH = 8,
    FULL = SLOTS * SLOT_OPERATIONS,
    WORKERS = 4,
    STAGE_LEAST = 300,
    STAGE_MOST = 3000,
    STAGES = 12, /* unless those are longer or shorter */
    LOOK_EACH = 20,
    MEAN_LEAST = FULL / 4
};

static slot slots[SLOTS];
static uint64_t seed_now = 1;
static scratch_file file;
static bool lives;
static _Atomic bool draining;
static _Atomic uint32_t drivers_full; /* whose slots are */
static test_gate *all_full;
static uint32_t workers;
static _Atomic uint32_t workers_met;
static test_gate *all_met;
static struct {
    uint64_t looks, sum, peak;
} in_flight;
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

static void await(test_gate *gate, const char *what)
{
    if (apm_manual_reset_event_wait_one(gate, PATIENCE) != APM_ERROR_SUCCESS) endurance_fail(what);
}

/* ---- the workers ------------------------------------------------------------------------------------------ */

static void APM_CALL meet(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);
    size_t size = 0, left = 0;
    apm_endpoint from;

    if (apm_socket_end_receive_from(socket, result, &size, &from) != APM_ERROR_SUCCESS || size != 1 ||
        apm_socket_available(socket, &left) != APM_ERROR_SUCCESS)
        endurance_fail("a worker cannot receive");
    if (atomic_fetch_add(&workers_met, 1) + 1 == workers) test_gate_open(all_met);
    await(all_met, "the workers do not meet");
}

static apm_socket *call_worker(unsigned char *byte)
{
    apm_socket *socket = NULL;
    apm_async_result *sent = NULL;
    apm_endpoint here;

    if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, 0, &socket) != APM_ERROR_SUCCESS ||
        apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &here) != APM_ERROR_SUCCESS ||
        apm_socket_bind(socket, &here) != APM_ERROR_SUCCESS ||
        apm_socket_local_endpoint(socket, &here) != APM_ERROR_SUCCESS ||
        apm_socket_begin_receive_from(socket, byte, 1, 0, meet, socket, NULL) != APM_ERROR_SUCCESS ||
        apm_socket_begin_send_to(socket, "x", 1, 0, &here, NULL, NULL, &sent) != APM_ERROR_SUCCESS ||
        apm_socket_end_send_to(socket, sent, NULL) != APM_ERROR_SUCCESS)
        endurance_fail("a worker cannot be called");
    apm_async_result_release(sent);
    return socket;
}

/* Wine has an event for each thread that has asked a socket something. All workers do that at once, so that
 * none of them comes to have it later. */
static void meet_workers(void)
{
    static unsigned char bytes[WORKERS];
    static apm_socket *sockets[WORKERS];
    uint32_t i;

    for (i = 0; i < workers; i++) {
        sockets[i] = call_worker(&bytes[i]);
        atomic_fetch_add(&slot_numbers[SLOT_BEGUN], 2);
        atomic_fetch_add(&slot_numbers[SLOT_CALLED], 2);
        atomic_fetch_add(&slot_numbers[SLOT_SENT], 1);
        atomic_fetch_add(&slot_numbers[SLOT_RECEIVED], 1);
    }
    await(all_met, "the workers do not meet");
    for (i = 0; i < workers; i++) (void)apm_socket_close(sockets[i]);
}

static void start_library(void)
{
    apm_options options = harness_options();

    if (!lives) options.min_workers = options.max_workers = workers;
    if (apm_startup(&options) != APM_ERROR_SUCCESS) endurance_fail("the library does not start");
    census_library_started(lives ? 0 : workers);
    if (!lives) meet_workers();
}

static void end_library(void)
{
    if (apm_cleanup() != APM_ERROR_SUCCESS) endurance_fail("the library does not end");
    census_library_ended();
}

/* ---- a stage ---------------------------------------------------------------------------------------------- */

static void drive(void *argument)
{
    slot *mine = (slot *)argument;
    int i;

    for (i = 0; i < EACH; i++) slot_fill(&mine[i]);
    atomic_fetch_add(&drivers_full, 1);
    await(all_full, "the slots do not get full");
    while (!atomic_load(&draining)) {
        for (i = 0; i < EACH; i++) slot_step(&mine[i]);
        test_yield();
    }
    for (i = 0; i < EACH; i++) slot_drain(&mine[i]);
}

/* A machine that was slow once may have little time left, or none. */
static uint64_t stage_time(uint64_t passed, uint64_t whole)
{
    uint64_t left = passed < whole ? whole - passed : 0, time = whole / STAGES;

    if (time > STAGE_MOST) time = STAGE_MOST;
    if (time > left) time = left;
    return time < STAGE_LEAST ? STAGE_LEAST : time;
}

static void look(void)
{
    apm_statistics now = census_ask();

    in_flight.looks++;
    in_flight.sum += now.live;
    if (now.live > in_flight.peak) in_flight.peak = now.live;
}

/* Waits until every slot is; a connect counts until its callback has returned. */
static void await_full(void)
{
    uint64_t start = test_now();
    apm_statistics now;

    while (atomic_load(&drivers_full) != DRIVERS || (now = census_ask()).live != FULL ||
           now.sockets != SLOTS) {
        if (test_now() - start > PATIENCE)
            endurance_fail("not every socket has all its operations in flight");
        test_yield();
    }
    look();
}

static void run_stage(uint64_t milliseconds)
{
    test_thread *drivers[DRIVERS];
    slot *mine = slots;
    uint64_t start;
    int i;

    atomic_store(&draining, false);
    atomic_store(&drivers_full, 0);
    (void)apm_manual_reset_event_reset(all_full);
    for (i = 0; i < DRIVERS; i++, mine += EACH) drivers[i] = test_thread_start(drive, mine);
    await_full();
    test_gate_open(all_full);
    start = test_now();
    do {
        /* Without taking the processor from the drivers. */
        (void)apm_manual_reset_event_wait_one(no_end, LOOK_EACH);
        look();
    } while (test_now() - start < milliseconds);
    atomic_store(&draining, true);
    for (i = 0; i < DRIVERS; i++) test_thread_join(drivers[i]);
}

static void endure(uint64_t seconds)
{
    uint64_t start = test_now();

    if (!lives) start_library();
    do {
        if (lives) start_library();
        run_stage(stage_time(test_now() - start, seconds * 1000));
        census_library_idle();
        if (lives) end_library();
        census_process(test_now() - start);
    } while (test_now() - start < seconds * 1000 || census_count() < CENSUSES_LEAST);
    if (!lives) end_library();
    (void)printf("in flight: %" PRIu64 " at most, %" PRIu64 " on average, of %d; %" PRIu64 " looks\n",
                 in_flight.peak, in_flight.sum / in_flight.looks, FULL, in_flight.looks);
    census_end();
    if (in_flight.sum / in_flight.looks < MEAN_LEAST) endurance_fail("too little is in flight");
    (void)printf("seed %" PRIu64 ": %" PRIu64 " operations, each called back once; %" PRIu64
                 " censuses level\n",
                 seed_now, atomic_load(&slot_numbers[SLOT_BEGUN]), census_count());
}

static bool read_arguments(int argc, char **argv, uint64_t *seconds)
{
    int i;

    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--lives") == 0) {
            lives = true;
            continue;
        }
        if (strcmp(argv[i], "--seconds") == 0 && number_read(value, seconds))
            i++;
        else if (strcmp(argv[i], "--seed") == 0 && number_read(value, &seed_now))
            i++;
        else
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
#else
    sim_profile base = sim_base_profile();

    base.refusal_time = 10; /* a slot that waits for one is not full */
    sim_set_profile(&base);
#endif
    if (!read_arguments(argc, argv, &seconds)) {
        (void)fprintf(stderr, "usage: endurance [--lives] [--seconds N] [--seed S]\n");
        return 2;
    }
    (void)printf("endurance: %d sockets of %d operations for %" PRIu64 " s, %s, seed %" PRIu64 "\n", SLOTS,
                 SLOT_OPERATIONS, seconds, lives ? "a life of the library for each stage" : "in one life",
                 seed_now);
    (void)fflush(stdout);
    if (!make_file()) endurance_fail("no file");
    no_end = test_gate_new();
    all_full = test_gate_new();
    all_met = test_gate_new();
    workers = harness_one_worker() ? 1 : WORKERS;
    slot_prepare(file.path);
    for (i = 0; i < SLOTS; i++)
        slot_open(&slots[i], seed_now * SLOTS + (uint64_t)i, i % DATAGRAM_EACH == DATAGRAM_EACH - 1);
    endure(seconds);
    for (i = 0; i < SLOTS; i++) slot_close(&slots[i]);
    test_gate_free(all_met);
    test_gate_free(all_full);
    test_gate_free(no_end);
    if (!scratch_delete(&file, false)) endurance_fail("the file is still open");
    (void)printf("1 passed, 0 failed\n");
    return 0;
}
