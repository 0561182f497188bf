/* SPDX-License-Identifier: MIT */
/*
 * What every test program shares: its main, the modes, the ledger that each test must leave
 * as it found it.
 *
 * Modes come from the environment, so that one program runs in all of them:
 *   APMTEST_WORKERS=1     one worker at most; otherwise (unset, "many") the default
 *   APMTEST_SKIP=off      apm_options.packet_always; otherwise skip-on-success
 *
 * Before each test harness_main starts the library with a counting allocator in the chosen
 * mode; after it ends the library and checks that blocks, sockets, kernel handles and
 * threads are where they were. A test that wants to start it itself is listed with
 * `bare` = true and gets only the check. A watchdog ends the process with code 71 when a
 * test takes longer than 120 s, naming it; or, where it says that it gets on, when it has not
 * for so long.
 */
#ifndef TEST_HARNESS_H
#define TEST_HARNESS_H

#include <CUnit/Basic.h>
#include <apmsock/apmsock.h>

typedef struct test_case {
    const char *name; /* the behaviour it checks */
    void (*run)(void);
    bool bare;
} test_case;

typedef struct test_suite {
    const char *name;
    const test_case *cases; /* ends with a NULL name */
} test_suite;

/* Runs `suites` (ends with a NULL name), or only the suites named on the command line, with
 * CUnit's basic interface; returns the exit code. Installs the crash filter first. */
int harness_main(int argc, char **argv, const test_suite *suites);

/* The options of the current mode, with the counting allocator. */
apm_options harness_options(void);
bool harness_one_worker(void);

/* The counting allocator's ledger. */
int64_t harness_live_blocks(void);
uint64_t harness_allocations(void);         /* calls so far */
void harness_fail_allocation(uint64_t nth); /* the nth call from now fails; 0 = none */

/* The process's kernel handles and threads (exact; on the simulated kernel, its objects). */
int64_t harness_handles(void);
int64_t harness_threads(void);
int64_t harness_sockets(void); /* of those handles; also peers' where they are in the process */

/* Threads and gates for tests; a wait of more than 60 s fails the test and returns false. */
typedef struct test_thread test_thread;
test_thread *test_thread_start(void (*run)(void *argument), void *argument);
void test_thread_join(test_thread *thread);
uint64_t test_thread_self(void); /* a number of the calling thread */
typedef apm_manual_reset_event test_gate;
test_gate *test_gate_new(void);
void test_gate_open(test_gate *gate);
bool test_gate_wait(test_gate *gate);
void test_gate_free(test_gate *gate);
void test_yield(void);   /* lets other threads run; for polling loops with a watchdog */
uint64_t test_now(void); /* milliseconds */

/* CHECK also reports the values. */
#define CHECK_ERROR(actual, expected) harness_check_error((actual), (expected), #actual, __FILE__, __LINE__)
bool harness_check_error(apm_error actual, apm_error expected, const char *text, const char *file, int line);
#define CHECK(condition) CU_ASSERT(condition)

/* From any thread of a test that has a lot to do: so that a slow machine may take its time. */
void harness_gets_on(void);

/* The rest of the test cannot be run here: no failure, but seen. */
void harness_skip(const char *why);

#endif
