/* SPDX-License-Identifier: MIT */
/*
 * The portable part of the harness: modes, the counting allocator, gates, the ledger
 * around each test, the watchdog, CUnit's main.
 *
 * CUnit is not made for threads: checks belong on the thread that runs the test. Callbacks and
 * helper threads record what they saw, and the test checks it afterwards.
 */
#include "harness.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "peer.h"
#ifdef _WIN32
#include "crash_filter.h"
#else
#include "sim.h"
#endif

#define TEST_LIMIT 120000u  /* ms a test may take */
#define SETTLE_LIMIT 10000u /* ms the system may take to retire threads */
#define GATE_LIMIT 60000u   /* ms a gate may stay shut */
#define WATCHDOG_STEP 500u
#define WATCHDOG_CODE 71
#define LIVE_BLOCK UINT64_C(0xA110CA7EDB10C000)
#define DEAD_BLOCK UINT64_C(0xDEADB10CDEADB10C)

/* ---- ends that nothing can hold up ---------------------------------------------------------- */

static void end_process(int code)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
#ifdef _WIN32
    crash_filter_terminate(code);
#endif
    _Exit(code);
}

/* ---- modes -------------------------------------------------------------------------------------- */

static bool mode_is(const char *variable, const char *value)
{
    const char *text = getenv(variable);

    return text != NULL && strcmp(text, value) == 0;
}

bool harness_one_worker(void)
{
    return mode_is("APMTEST_WORKERS", "1");
}

/* ---- the counting allocator ----------------------------------------------------------------------- */

typedef union block_head {
    struct {
        uint64_t mark;
        size_t size;
    } is;
    max_align_t alignment;
} block_head;

static _Atomic int64_t live_blocks;
static _Atomic uint64_t allocations;
static _Atomic uint64_t until_failure; /* 1: the next one fails; 0: none does */

static bool allocation_fails(void)
{
    uint64_t left = atomic_load(&until_failure);

    while (left != 0)
        if (atomic_compare_exchange_weak(&until_failure, &left, left - 1)) return left == 1;
    return false;
}

static void *APM_CALL allocate_block(size_t size, void *context)
{
    block_head *head;

    (void)context;
    atomic_fetch_add(&allocations, 1);
    if (allocation_fails()) return NULL;
    head = (block_head *)malloc(sizeof *head + size);
    if (head == NULL) return NULL;
    head->is.mark = LIVE_BLOCK;
    head->is.size = size;
    memset(head + 1, 0xA5, size); /* nobody may count on zeros */
    atomic_fetch_add(&live_blocks, 1);
    return head + 1;
}

static void APM_CALL release_block(void *block, void *context)
{
    block_head *head = (block_head *)block - 1;

    (void)context;
    if (head->is.mark != LIVE_BLOCK) {
        (void)fprintf(stderr, "harness: released what is no live block: %p\n", block);
        end_process(WATCHDOG_CODE);
    }
    head->is.mark = DEAD_BLOCK;
    memset(block, 0xEE, head->is.size);
    atomic_fetch_sub(&live_blocks, 1);
    free(head);
}

apm_options harness_options(void)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.max_workers = harness_one_worker() ? 1 : 0;
    options.packet_always = mode_is("APMTEST_SKIP", "off");
    options.allocate = allocate_block;
    options.release = release_block;
    return options;
}

int64_t harness_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

uint64_t harness_allocations(void)
{
    return atomic_load(&allocations);
}

void harness_fail_allocation(uint64_t nth)
{
    atomic_store(&until_failure, nth);
}

/* ---- checks ---------------------------------------------------------------------------------------- */

static void report(bool good, const char *text, const char *file, int line)
{
    (void)CU_assertImplementation(good ? CU_TRUE : CU_FALSE, (unsigned)line, text, file, "", CU_FALSE);
}

bool harness_check_error(apm_error actual, apm_error expected, const char *text, const char *file, int line)
{
    char said[400];

    if (actual == expected) {
        report(true, text, file, line);
        return true;
    }
    (void)snprintf(said, sizeof said, "%s: %s (%ld), expected %s (%ld)", text, apm_error_name(actual),
                   (long)actual, apm_error_name(expected), (long)expected);
    report(false, said, file, line);
    return false;
}

/* Calls of harness_skip, and tests of which nothing else was checked. */
static unsigned skips, skipped_cases;

void harness_skip(const char *why)
{
    skips++;
    (void)printf("(skipped: %s) ", why);
    CU_PASS(why);
}

/* ---- gates ------------------------------------------------------------------------------------------ */

test_gate *test_gate_new(void)
{
    test_gate *gate = NULL;

    if (apm_manual_reset_event_create(false, &gate) == APM_ERROR_SUCCESS) return gate;
    (void)fprintf(stderr, "harness: no event to be had\n");
    abort(); /* a test that cannot have what it is made of is no test */
}

void test_gate_open(test_gate *gate)
{
    (void)apm_manual_reset_event_set(gate);
}

bool test_gate_wait(test_gate *gate)
{
    bool open = apm_manual_reset_event_wait_one(gate, GATE_LIMIT) == APM_ERROR_SUCCESS;

    if (!open) CU_FAIL("a gate stayed shut");
    return open;
}

void test_gate_free(test_gate *gate)
{
    apm_manual_reset_event_close(gate);
}

/* ---- the ledger --------------------------------------------------------------------------------------- */

/* The system counts a thread for some time after it was joined; nothing tells when it is gone. */
static void check_ledger(const ledger *before)
{
    ledger now = ledger_take(harness_live_blocks());
    uint64_t start = test_now();
    char said[LEDGER_ROOM];

    while (!ledger_is_balanced(before, &now) && test_now() - start < SETTLE_LIMIT) {
        test_yield();
        now = ledger_take(harness_live_blocks());
    }
    ledger_say(before, &now, said);
    report(ledger_is_balanced(before, &now), said, __FILE__, __LINE__);
}

/* ---- the watchdog ------------------------------------------------------------------------------------------ */

static _Atomic uint64_t test_began; /* or has got on; 0: none is running */
static _Atomic(const char *) test_name;
static test_gate *watchdog_end;

void harness_gets_on(void)
{
    if (atomic_load(&test_began) != 0) atomic_store(&test_began, test_now());
}

static void watch_tests(void *argument)
{
    (void)argument;
    while (apm_manual_reset_event_wait_one(watchdog_end, WATCHDOG_STEP) != APM_ERROR_SUCCESS) {
        uint64_t began = atomic_load(&test_began);

        if (began != 0 && test_now() - began > TEST_LIMIT) {
            (void)fprintf(stderr, "\nharness: \"%s\" takes longer than %u s\n", atomic_load(&test_name),
                          TEST_LIMIT / 1000u);
            end_process(WATCHDOG_CODE);
        }
    }
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static const test_suite *all_suites;

static const test_case *find_case(const char *suite_name, const char *name)
{
    const test_suite *suite = all_suites;
    const test_case *found;

    while (strcmp(suite->name, suite_name) != 0) suite++;
    for (found = suite->cases; strcmp(found->name, name) != 0;) found++;
    return found;
}

static void run_case(void)
{
    const test_case *test = find_case(CU_get_current_suite()->pName, CU_get_current_test()->pName);
    apm_options options = harness_options();
    unsigned asserts, skips_before = skips;
    ledger before;

    (void)fflush(stdout); /* so that a crash is seen where it belongs */
    before = ledger_take(harness_live_blocks());
    atomic_store(&test_name, test->name);
    atomic_store(&test_began, test_now());
    if (test->bare || CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        asserts = CU_get_number_of_asserts();
        test->run();
        if (skips != skips_before && CU_get_number_of_asserts() - asserts == skips - skips_before)
            skipped_cases++;
        harness_fail_allocation(0);
        if (!test->bare) (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    check_ledger(&before);
    atomic_store(&test_began, 0);
}

/* One conversation before the first ledger: the system makes handles of its own at first use,
 * and keeps them. */
static void warm_up(int32_t family)
{
    apm_options options = harness_options();
    peer_listener *listener = peer_listen(family);
    apm_socket *socket = NULL;
    apm_async_result *result = NULL;
    peer *other = NULL;
    apm_endpoint remote;
    char byte = 0;

    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (apm_startup(&options) == APM_ERROR_SUCCESS) {
        if (apm_socket_create(family, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) == APM_ERROR_SUCCESS &&
            apm_socket_begin_connect(socket, &remote, NULL, NULL, &result) == APM_ERROR_SUCCESS) {
            (void)apm_async_result_cancel_after(result, TEST_LIMIT);
            if (apm_socket_end_connect(socket, result) == APM_ERROR_SUCCESS)
                other = peer_accept(listener, TEST_LIMIT);
            apm_async_result_release(result);
            result = NULL;
        }
        if (other != NULL && peer_write(other, &byte, 1) &&
            apm_socket_begin_receive(socket, &byte, 1, 0, NULL, NULL, &result) == APM_ERROR_SUCCESS) {
            (void)apm_socket_end_receive(socket, result, NULL);
            apm_async_result_release(result);
        }
        if (socket != NULL) (void)apm_socket_close(socket);
        (void)apm_cleanup();
    }
    peer_close(other);
    peer_listener_close(listener);
}

static bool is_wanted(const test_suite *suite, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], suite->name) == 0) return true;
    return argc < 2;
}

/* False if CUnit will not have them. Counts the suites. */
static bool register_suites(const test_suite *suites, int argc, char **argv, int *count)
{
    const test_suite *suite;
    const test_case *test;

    for (suite = suites; suite->name != NULL; suite++) {
        CU_pSuite added;

        if (!is_wanted(suite, argc, argv)) continue;
        (*count)++;
        added = CU_add_suite(suite->name, NULL, NULL);
        if (added == NULL) return false;
        for (test = suite->cases; test->name != NULL; test++)
            if (CU_add_test(added, test->name, run_case) == NULL) return false;
    }
    return true;
}

static void set_up_process(void)
{
#ifdef _WIN32
    crash_filter_install();
    if (!peer_keep_network()) abort(); /* the ledger would be blind for sockets */
#else
    sim_profile base = sim_base_profile();

    sim_set_profile(&base);
#endif
}

enum { ALL_SKIPPED = 77 }; /* as CTest is told */

int harness_main(int argc, char **argv, const test_suite *suites)
{
    test_thread *watchdog;
    int count = 0, code = 1;

    set_up_process();
    all_suites = suites;
    if (CU_initialize_registry() != CUE_SUCCESS) return code;
    if (!register_suites(suites, argc, argv, &count)) {
        (void)fprintf(stderr, "harness: %s\n", CU_get_error_msg());
        goto done;
    }
    if (argc > 1 && count != argc - 1) {
        (void)fprintf(stderr, "harness: no such suite; there are:");
        for (; suites->name != NULL; suites++) (void)fprintf(stderr, " %s", suites->name);
        (void)fprintf(stderr, "\n");
        goto done;
    }
    watchdog_end = test_gate_new();
    watchdog = test_thread_start(watch_tests, NULL);
    warm_up(APM_FAMILY_IPV4);
    warm_up(APM_FAMILY_IPV6);

    CU_basic_set_mode(CU_BRM_VERBOSE);
    (void)CU_basic_run_tests();
    /* A run of nothing proves nothing. */
    if (CU_get_number_of_asserts() != 0 && CU_get_number_of_failures() == 0 &&
        CU_get_number_of_tests_failed() == 0)
        code = skipped_cases == CU_get_number_of_tests_run() ? ALL_SKIPPED : 0;
    test_gate_open(watchdog_end);
    test_thread_join(watchdog);
    test_gate_free(watchdog_end);
done:
    CU_cleanup_registry();
    (void)fflush(stdout);
    return code;
}
