/* SPDX-License-Identifier: MIT */
/*
 * The part of sim.h that the scenarios and their driver use, over the real kernel: peers are those
 * of test/support, threads and the clock real. A run is checked by the census of the process: the
 * blocks of the library, kernel handles, threads.
 */
#include "world.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <windows.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/crash_filter.h"
#include "../support/harness.h"
#include "../support/ledger.h"
#include "../support/peer.h"
#include "fault_win32.h"
#include "stage.h"

#define RUN_LIMIT 60000u    /* ms of one run */
#define SETTLE_LIMIT 10000u /* ms that the system may take to retire threads */
#define WATCHDOG_CODE 71

/* ---- what fails ------------------------------------------------------------------------------------ */

void sim_set_profile(const sim_profile *profile)
{
    int kind;

    for (kind = 0; kind < SIM_FAULTS; kind++)
        fault_set((enum sim_fault_kind)kind, profile->faults[kind].nth, profile->faults[kind].lasting);
}

uint32_t sim_fault_calls(enum sim_fault_kind kind)
{
    return fault_calls(kind);
}

bool sim_profile_named(const char *name, sim_profile *profile)
{
    (void)name;
    (void)profile;
    return false; /* there is one, and we have it */
}

void sim_seed(uint64_t seed)
{
    (void)seed; /* nothing is drawn */
}

void sim_set_trace(bool on)
{
    (void)on;
}

void sim_on_failure(void (*explain)(void))
{
    (void)explain; /* whoever ends the process says where it was by himself */
}

/* ---- threads and time -------------------------------------------------------------------------------- */

uint64_t sim_now(void)
{
    return test_now();
}

void sim_sleep(uint32_t milliseconds)
{
    Sleep(milliseconds);
}

sim_thread *sim_thread_start(const char *name, void (*run)(void *argument), void *argument)
{
    (void)name;
    return (sim_thread *)(void *)test_thread_start(run, argument);
}

void sim_thread_join(sim_thread *thread)
{
    test_thread_join((test_thread *)(void *)thread);
}

/* ---- peers -------------------------------------------------------------------------------------------- */

struct sim_listener {
    peer_listener *is;
};

struct sim_peer {
    peer *is;
};

static void *must_have(void *block)
{
    if (block == NULL) abort(); /* a test that cannot have what it is made of is no test */
    return block;
}

sim_listener *sim_listen(int32_t family, uint32_t backlog)
{
    sim_listener *listener = (sim_listener *)must_have(malloc(sizeof *listener));

    (void)backlog;
    listener->is = (peer_listener *)must_have(peer_listen(family));
    return listener;
}

uint16_t sim_listener_port(const sim_listener *listener)
{
    apm_endpoint endpoint;

    peer_listener_endpoint(listener->is, &endpoint);
    return apm_endpoint_port(&endpoint);
}

void sim_listener_close(sim_listener *listener)
{
    peer_listener_close(listener->is);
    free(listener);
}

uint16_t sim_free_port(int32_t family)
{
    apm_endpoint endpoint;

    peer_refusing_endpoint(family, &endpoint);
    return apm_endpoint_port(&endpoint);
}

int32_t sim_address(int32_t family, uint16_t port, void *address)
{
    apm_endpoint endpoint = {0};

    if (apm_endpoint_loopback(family, port, &endpoint) != APM_ERROR_SUCCESS) abort();
    memcpy(address, endpoint.address, (size_t)endpoint.length);
    return endpoint.length;
}

sim_peer *sim_accept(sim_listener *listener, uint32_t timeout)
{
    peer *accepted = peer_accept(listener->is, timeout);
    sim_peer *other;

    if (accepted == NULL) return NULL;
    other = (sim_peer *)must_have(malloc(sizeof *other));
    other->is = accepted;
    return other;
}

/* `peer`, as sim.h calls it, is a type here.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
uint16_t sim_peer_port(const sim_peer *other)
{
    return peer_port(other->is);
}

int64_t sim_peer_read(sim_peer *other, void *data, size_t size, uint32_t timeout)
{
    return peer_read(other->is, data, size, timeout); /* the same numbers for what is no byte */
}

_Static_assert((int)SIM_END == (int)PEER_END && (int)SIM_RESET == (int)PEER_RESET &&
                   (int)SIM_TIMEOUT == (int)PEER_TIMEOUT,
               "ends are called alike");

int64_t sim_peer_write(sim_peer *other, const void *data, size_t size, uint32_t timeout)
{
    (void)timeout; /* it has its own patience */
    return peer_write(other->is, data, size) ? (int64_t)size : SIM_RESET;
}

void sim_peer_close(sim_peer *other)
{
    peer_close(other->is);
    free(other);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- the rest of the world ------------------------------------------------------------------------------ */

static peer_listener *silent;
static char file[MAX_PATH + 40];

apm_endpoint world_silent_endpoint(void)
{
    apm_endpoint endpoint;

    peer_listener_endpoint(silent, &endpoint);
    return endpoint;
}

const char *world_file_make(const void *data, size_t size)
{
    char folder[MAX_PATH];
    DWORD length = GetTempPathA(MAX_PATH, folder);
    FILE *made;
    bool good;

    if (length == 0 || length >= MAX_PATH) return NULL;
    (void)snprintf(file, sizeof file, "%sapmsock-test-%lu.tmp", folder, GetCurrentProcessId());
    made = fopen(file, "wb");
    if (made == NULL) return NULL;
    good = fwrite(data, 1, size, made) == size;
    return fclose(made) == 0 && good ? file : NULL;
}

bool world_file_delete(void)
{
    return DeleteFileA(file) != 0;
}

uint32_t world_shortage_time(void)
{
    return 300;
}

bool world_is_simulated(void)
{
    return false;
}

/* ---- runs ------------------------------------------------------------------------------------------------ */

/* Threads first: to count handles takes its time, and those of threads go with them. */
static ledger settle(const ledger *before)
{
    uint64_t start = test_now();
    ledger now;

    while (harness_threads() > before->threads && test_now() - start < SETTLE_LIMIT) Sleep(1);
    now = ledger_take(fault_blocks());
    while (!ledger_is_balanced(before, &now) && test_now() - start < SETTLE_LIMIT) {
        Sleep(1);
        now = ledger_take(fault_blocks());
    }
    return now;
}

static _Atomic uint64_t run_began; /* 0: none is under way */

static void watch_runs(void *argument)
{
    (void)argument;
    for (;;) {
        uint64_t began = atomic_load(&run_began);

        Sleep(500);
        if (began == 0 || test_now() - began < RUN_LIMIT) continue;
        (void)printf("\n    does not end: ");
        point_print();
        crash_filter_terminate(WATCHDOG_CODE);
    }
}

sim_profile sim_base_profile(void)
{
    sim_profile profile;

    memset(&profile, 0, sizeof profile);
    profile.ifs_handles = true;
    if (silent != NULL) return profile;
    crash_filter_install();
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    if (!peer_keep_network()) abort();
    silent = (peer_listener *)must_have(peer_listen_hanging(APM_FAMILY_IPV4));
    (void)test_thread_start(watch_runs, NULL); /* it ends with the process */
    return profile;
}

/* The first run is for what the system makes at first use, and keeps. */
void sim_run(void (*body)(void *argument), void *argument)
{
    static ledger before;
    static bool is_warm;
    char said[LEDGER_ROOM];
    ledger now;

    atomic_store(&run_began, test_now());
    body(argument);
    if (!is_warm) before = ledger_take(fault_blocks());
    is_warm = true;
    now = settle(&before);
    ledger_say(&before, &now, said);
    if (!ledger_is_balanced(&before, &now)) (void)printf("\n    %s", said);
    expect(ledger_is_balanced(&before, &now), "nothing is left of it");
    before = now;
    atomic_store(&run_began, 0);
}
