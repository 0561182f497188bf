/* SPDX-License-Identifier: MIT */
#include "host.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <process.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/crash_filter.h"
#include "../support/harness.h"

#define PATIENCE 60000u
#define CASE_LIMIT 120000u
#define WATCHDOG_CODE 71

/* ---- threads and gates ----------------------------------------------------------------------------- */

typedef struct work_start {
    host_work work;
    void *argument;
} work_start;

static unsigned __stdcall run_work(void *argument)
{
    work_start start = *(work_start *)argument;

    free(argument);
    start.work(start.argument);
    return 0;
}

void *host_thread_start(host_work work, void *argument)
{
    work_start *start = (work_start *)malloc(sizeof *start);
    void *thread = NULL;

    if (start != NULL) {
        start->work = work;
        start->argument = argument;
        thread = (void *)_beginthreadex(NULL, 0, run_work, start, 0, NULL);
    }
    if (thread == NULL) abort(); /* a test that cannot have what it is made of is no test */
    return thread;
}

bool host_thread_join(void *thread)
{
    bool ended = WaitForSingleObject(thread, PATIENCE) == WAIT_OBJECT_0;

    (void)CloseHandle(thread);
    return ended;
}

void *host_gate_new(void)
{
    void *gate = CreateEventW(NULL, TRUE, FALSE, NULL);

    if (gate == NULL) abort();
    return gate;
}

void host_gate_open(void *gate)
{
    (void)SetEvent(gate);
}

bool host_gate_wait(void *gate)
{
    return WaitForSingleObject(gate, PATIENCE) == WAIT_OBJECT_0;
}

void host_gate_free(void *gate)
{
    (void)CloseHandle(gate);
}

bool host_reaches(uint32_t (*word)(void), uint32_t value)
{
    ULONGLONG start = GetTickCount64();

    while (word() < value && GetTickCount64() - start < PATIENCE) Sleep(1);
    return word() >= value;
}

void host_settle(int64_t handles, int64_t threads)
{
    ULONGLONG start = GetTickCount64();

    while ((harness_handles() != handles || harness_threads() > threads) && GetTickCount64() - start < 10000)
        Sleep(1);
    if (harness_handles() != handles || harness_threads() > threads)
        (void)printf("\nhandles %lld (were %lld), threads %lld (%lld)\n", (long long)harness_handles(),
                     (long long)handles, (long long)harness_threads(), (long long)threads);
    CU_ASSERT(harness_handles() == handles);
    CU_ASSERT(harness_threads() <= threads);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static _Atomic ULONGLONG case_began;
static const host_case *all_cases;

static void watch_cases(void *argument)
{
    (void)argument;
    for (;;) {
        ULONGLONG began = atomic_load(&case_began);

        Sleep(500);
        if (began == 0 || GetTickCount64() - began < CASE_LIMIT) continue;
        (void)fprintf(stderr, "\nhost: a test takes longer than %u s\n", CASE_LIMIT / 1000u);
        (void)fflush(stderr);
        crash_filter_terminate(WATCHDOG_CODE);
    }
}

static void run_case(void)
{
    const host_case *found = all_cases;

    while (strcmp(found->name, CU_get_current_test()->pName) != 0) found++;
    atomic_store(&case_began, GetTickCount64());
    found->run();
    atomic_store(&case_began, 0);
}

int host_main(int argc, char **argv, const char *suite_name, const host_case *cases,
              int (*child)(int count, char **arguments))
{
    CU_pSuite suite;
    int code = 1;

    crash_filter_install();
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 2 && child != NULL && strcmp(argv[1], "--child") == 0) return child(argc - 2, argv + 2);
    if (CU_initialize_registry() != CUE_SUCCESS) return code;
    suite = CU_add_suite(suite_name, NULL, NULL);
    for (all_cases = cases; cases->name != NULL && suite != NULL; cases++)
        if (CU_add_test(suite, cases->name, run_case) == NULL) suite = NULL;
    if (suite != NULL) {
        (void)CloseHandle(host_thread_start(watch_cases, NULL)); /* it ends with the process */
        CU_basic_set_mode(CU_BRM_VERBOSE);
        (void)CU_basic_run_tests();
        if (CU_get_number_of_asserts() != 0 && CU_get_number_of_failures() == 0) code = 0;
    }
    CU_cleanup_registry();
    return code;
}
