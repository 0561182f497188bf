/* SPDX-License-Identifier: MIT */
/*
 * Failing resources: every scenario, with the n-th call for every resource failing, for n from 1
 * on until a run needs fewer than n. Each point is a run of its own, from an empty kernel, and
 * afterwards nothing may be left of it: sim_run looks. On the seeded scheduler a wake-up that is
 * lost is a run that is stuck, and fails.
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
    {"file", APM_ERROR_NO_BUFFER_SPACE_AVAILABLE},
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
};

enum { MOST = 200 /* of n: a scenario that asks for more never comes to an end */ };

static struct {
    const scenario *of;
    enum sim_fault_kind kind;
    uint32_t nth;
    uint64_t seed;
    uint32_t calls; /* up to the last calm */
    bool struck;
} point;

static sim_profile base;
static uint64_t seeds = 4, points;
static uint64_t strikes[SIM_FAULTS];

void point_print(void)
{
    (void)printf("%s, %s number %u, seed %" PRIu64 "\n", point.of != NULL ? point.of->name : "(nothing)",
                 resources[point.kind].name, (unsigned)point.nth, point.seed);
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

    profile.faults[point.kind].nth = nth;
    sim_set_profile(&profile);
}

/* Nothing of the library runs at either time: workers wait, and the scheduler has one thread. */
void point_calm(bool calm)
{
    if (calm) {
        point.calls += sim_fault_calls(point.kind);
        set_fault(0);
    } else {
        set_fault(point.calls < point.nth ? point.nth - point.calls : 0);
    }
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
    uint32_t nth = point.nth;
    apm_error error;

    (void)argument;
    memset(&on, 0, sizeof on);
    atomic_init(&on.called, 0);
    set_fault(0);
    stage_open(&on, point.of->set);
    point.calls = 0;
    point_calm(false);
    error = point.of->act(&on);
    point_calm(true);
    point.struck = point.calls >= point.nth;
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

static void exhaust(const scenario *of, enum sim_fault_kind kind)
{
    uint64_t seed;

    for (seed = 1; seed <= seeds; seed++) {
        uint32_t nth = 1;

        do {
            point.of = of;
            point.kind = kind;
            point.nth = nth++;
            point.seed = seed;
            point.struck = false;
            sim_seed(seed);
            set_fault(0);
            sim_run(run_point, NULL);
            points += point.struck;
            strikes[kind] += point.struck;
        } while (point.struck && nth <= MOST);
        expect(nth <= MOST, "a scenario comes to an end");
    }
}

static void exhaust_all(const scenario *list)
{
    uint32_t before = expect_failures();
    const scenario *of;
    int kind;

    for (of = list; of->name != NULL; of++)
        for (kind = 0; kind < SIM_FAULTS; kind++) exhaust(of, (enum sim_fault_kind)kind);
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
    {"sockets", sockets},     {"connects", connects},
    {"transfers", transfers}, {"datagrams", datagrams},
    {"results", results},     {"every_resource_has_failed", every_resource_has_failed},
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
