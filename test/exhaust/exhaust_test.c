/* SPDX-License-Identifier: MIT */
/*
 * Failing resources: every scenario, with the n-th call for every resource failing, for n from 1
 * on until a run needs fewer than n; or all calls from the n-th on, until the act is over, or has had
 * its time. Each point is a run of its own, from an empty kernel, and afterwards nothing may be left
 * of it: sim_run looks. On the seeded scheduler a wake-up that is lost is a run that is stuck, and
 * fails.
 *
 * The same on the real kernel (world_win32.c): there without what only the simulated one can do, and
 * with one failure at a time.
 *
 *   exhaust [--profile NAME] [--seeds N] [--trace]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/number.h"
#include "../support/plain_suite.h"
#include "stage.h"

/* In the order of sim_fault_kind: what a caller is told. */
static const struct {
    const char *name;
    apm_error error;
} resources[SIM_FAULTS] = {
    {"post", APM_ERROR_SUCCESS}, /* never: it is made up for */
    {"event", APM_ERROR_OUT_OF_MEMORY},
    {"thread", APM_ERROR_OUT_OF_MEMORY},
    {"memory", APM_ERROR_OUT_OF_MEMORY},
    {"socket", APM_ERROR_TOO_MANY_OPEN_SOCKETS},
    {"port", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"attach", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"skip", APM_ERROR_SUCCESS}, /* never: packets come then */
    {"file", 1450},              /* as the system has it: it is not the network's memory */
    {"name", APM_ERROR_TRY_AGAIN},
    {"bind", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"dial", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"context", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"transfer", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"shutdown", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"set option", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"get option", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"control", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"poll", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
    {"start", APM_ERROR_SYSTEM_NOT_READY},
    {"wait", APM_ERROR_SUCCESS}, /* never: whoever waits looks again */
    {"name of", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
};

enum { MOST = 200 /* of n: a scenario that asks for more never comes to an end */ };

static struct {
    const scenario *of;
    enum sim_fault_kind kind;
    uint32_t nth;  /* 0: nothing fails */
    uint32_t also; /* bits of what fails besides, all along */
    uint64_t seed;
    bool lasting;                   /* those that follow fail, too */
    uint32_t calls[SIM_FAULTS];     /* up to the last calm */
    _Atomic bool calm, over, eased; /* eased: nothing fails any more */
    bool struck;
} point;

static sim_profile base;
static uint64_t seeds = 4, points;
static uint64_t strikes[SIM_FAULTS];

void point_print(void)
{
    (void)printf("%s, %s number %u%s, seed %" PRIu64 "\n", point.of != NULL ? point.of->name : "(nothing)",
                 resources[point.kind].name, (unsigned)point.nth, point.lasting ? " and on" : "", point.seed);
    (void)fflush(stdout);
}

static void explain(void)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "at: ");
    point_print();
}

static void set_fault(uint32_t nth)
{
    sim_profile profile = base;
    int kind;

    profile.faults[point.kind].nth = nth;
    profile.faults[point.kind].lasting = point.lasting;
    for (kind = 0; kind < SIM_FAULTS; kind++)
        if (point.also & FAULT(kind)) profile.faults[kind].nth = profile.faults[kind].lasting = true;
    sim_set_profile(&profile);
}

static void count_calls(void)
{
    int kind;

    for (kind = 0; kind < SIM_FAULTS; kind++) point.calls[kind] += sim_fault_calls((enum sim_fault_kind)kind);
}

/* Nothing of the library runs at either time: workers wait, and the scheduler has one thread. */
bool point_calm(bool calm)
{
    uint32_t calls = point.calls[point.kind];

    if (atomic_load(&point.calm) == calm) return calm;
    if (calm) count_calls();
    atomic_store(&point.calm, calm);
    if (calm || point.nth == 0 || atomic_load(&point.eased))
        set_fault(0);
    else if (calls < point.nth)
        set_fault(point.nth - calls);
    else
        set_fault(point.lasting ? 1 : 0);
    return !calm;
}

uint32_t point_deny(bool deny)
{
    sim_profile profile = base;
    uint32_t calls = 0;
    int kind;

    for (kind = 0; kind < SIM_FAULTS; kind++) {
        if (kind != SIM_WAIT) calls += sim_fault_calls((enum sim_fault_kind)kind);
        profile.faults[kind].nth = deny;
        profile.faults[kind].lasting = deny;
    }
    sim_set_profile(&profile);
    return calls;
}

void point_fail_also(uint32_t kinds)
{
    bool calm = point_calm(true);

    point.also = kinds;
    (void)point_calm(false);
    (void)point_calm(calm);
}

bool point_lasts(void)
{
    return point.lasting;
}

/* A shortage does not last for ever: what waits for its end has to go on then. */
static void ease(void *argument)
{
    uint32_t step = world_shortage_time() / 20, past;

    (void)argument;
    for (past = 0; past < world_shortage_time() && !atomic_load(&point.over); past += step) sim_sleep(step);
    if (!atomic_load(&point.calm)) {
        count_calls();
        set_fault(0);
    }
    atomic_store(&point.eased, true);
}

/* What the act says must be what the table says of it. */
static void judge(apm_error error)
{
    uint32_t bit = FAULT(point.kind);
    apm_error wanted = resources[point.kind].error;
    char said[120];
    bool good;

    if (!point.struck)
        good = error == APM_ERROR_SUCCESS;
    else if (point.of->fails & bit)
        good = error == wanted;
    else if (point.of->may & bit)
        good = error == APM_ERROR_SUCCESS || error == wanted || error == point.of->also;
    else
        good = error == APM_ERROR_SUCCESS;
    (void)snprintf(said, sizeof said, "it ends as the table says: %s (%s)", apm_error_name(error),
                   point.struck ? "struck" : "not struck");
    expect(good, said);
}

static void run_point(void *argument)
{
    static stage on;
    bool running = point.of->set != SET_STOPPED;
    sim_thread *easing = NULL;
    uint32_t nth = point.nth;
    apm_error error;

    (void)argument;
    memset(&on, 0, sizeof on);
    atomic_init(&on.called, 0);
    set_fault(0);
    atomic_store(&point.calm, true);
    stage_open(&on, point.of->set);
    memset(point.calls, 0, sizeof point.calls);
    atomic_store(&point.over, false);
    atomic_store(&point.eased, false);
    (void)point_calm(false);
    if (point.lasting) easing = sim_thread_start("ease", ease, NULL);
    error = point.of->act(&on);
    (void)point_calm(true);
    point.struck = nth != 0 && point.calls[point.kind] >= nth;
    atomic_store(&point.over, true);
    if (easing != NULL) sim_thread_join(easing);
    judge(error);
    /* Used up; otherwise it goes on with the same one, or closes it just as it is. */
    if (error == APM_ERROR_SUCCESS || point.seed % 2 == 0) stage_discard(&on);
    stage_renew(&on, point.of->set);
    point.nth = 0; /* the act's own calms bring nothing back */
    error = point.of->act(&on);
    point.nth = nth;
    if (error != APM_ERROR_SUCCESS) {
        (void)printf("\n    the next call: %s", apm_error_name(error));
        expect(false, "the next call works");
    }
    stage_check_bystander(&on);
    stage_close(&on, running);
}

static void run(enum sim_fault_kind kind, uint32_t nth)
{
    point.kind = kind;
    point.nth = nth;
    point.struck = false;
    sim_seed(point.seed);
    set_fault(0);
    sim_run(run_point, NULL);
}

static void exhaust_kind(enum sim_fault_kind kind)
{
    uint32_t nth = 1;

    do {
        run(kind, nth++);
        points += point.struck;
        strikes[kind] += point.struck;
    } while (point.struck && nth <= MOST);
    expect(nth <= MOST, "a scenario comes to an end");
}

/* First with nothing that fails: up to its n-th call a run is the same, whichever fails then. */
static void exhaust(const scenario *of, uint64_t seed, bool lasting)
{
    uint32_t calls[SIM_FAULTS];
    int kind;

    point.of = of;
    point.seed = seed;
    point.lasting = lasting;
    run(SIM_POST, 0);
    memcpy(calls, point.calls, sizeof calls);
    for (kind = 0; kind < SIM_FAULTS; kind++)
        if (calls[kind] != 0) exhaust_kind((enum sim_fault_kind)kind);
}

static void exhaust_all(const scenario *list)
{
    uint32_t before = expect_failures();
    const scenario *of;
    uint64_t seed;

    for (of = list; of->name != NULL; of++) {
        if (of->simulated && !world_is_simulated()) {
            (void)printf("\n    (skipped: not on the real kernel: %s)", of->name);
            continue;
        }
        for (seed = 1; seed <= seeds; seed++) exhaust(of, seed, false);
        /* On a real clock a shortage that lasts takes too long. */
        for (seed = 1; seed <= (seeds + 1) / 2 && world_is_simulated(); seed++) exhaust(of, seed, true);
    }
    if (!world_is_simulated()) (void)printf("\n    (skipped: not on the real kernel: shortages that last) ");
    CU_ASSERT(expect_failures() == before);
}

static void sockets(void)
{
    exhaust_all(socket_scenarios);
}

static void connects(void)
{
    exhaust_all(connect_scenarios);
}

static void transfers(void)
{
    exhaust_all(transfer_scenarios);
}

static void files(void)
{
    exhaust_all(file_scenarios);
}

static void libraries(void)
{
    exhaust_all(library_scenarios);
}

static void adoptions(void)
{
    exhaust_all(adopt_scenarios);
}

static void options(void)
{
    exhaust_all(option_scenarios);
}

static void frugal(void)
{
    exhaust_all(frugal_scenarios);
}

static void datagrams(void)
{
    exhaust_all(datagram_scenarios);
}

static void results(void)
{
    exhaust_all(result_scenarios);
}

/* Otherwise the test may have become one of nothing. */
static void every_resource_has_failed(void)
{
    int kind;

    (void)printf("\n");
    for (kind = 0; kind < SIM_FAULTS; kind++) {
        bool asked = kind != SIM_SKIP || base.ifs_handles; /* elsewhere it is not even asked for */

        (void)printf("    %-10s %6" PRIu64 "\n", resources[kind].name, strikes[kind]);
        CU_ASSERT(strikes[kind] != 0 || !asked);
    }
    (void)printf("    %" PRIu64 " points (scenario, resource, n, seed), %" PRIu64 " checks ", points,
                 expect_count());
}

static bool read_arguments(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            sim_set_trace(true);
        else if (strcmp(argv[i], "--profile") == 0 && i + 1 < argc && sim_profile_named(argv[i + 1], &base))
            i++;
        else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc && number_read(argv[i + 1], &seeds) &&
                 seeds != 0)
            i++;
        else
            return false;
    }
    return true;
}

static const plain_case cases[] = {
    {"sockets", sockets},
    {"connects", connects},
    {"transfers", transfers},
    {"datagrams", datagrams},
    {"files", files},
    {"libraries", libraries},
    {"adoptions", adoptions},
    {"options", options},
    {"frugal", frugal},
    {"results", results},
    {"every_resource_has_failed", every_resource_has_failed},
};

int main(int argc, char **argv)
{
    base = sim_base_profile();
    if (!read_arguments(argc, argv)) {
        (void)fprintf(stderr, "usage: %s [--profile NAME] [--seeds N] [--trace]\n", argv[0]);
        return 2;
    }
    base.faults[SIM_POST].rate = 0; /* one failure at a time */
    base.send_room = base.receive_room = 256;
    sim_on_failure(explain);
    return run_plain_suite("exhaust", cases, sizeof cases / sizeof *cases, NULL);
}
