/* SPDX-License-Identifier: MIT */
/* Threads of the tests, on Windows. */
#include "harness.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <process.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE 60000u

struct test_thread {
    HANDLE handle;
    void (*run)(void *argument);
    void *argument;
};

/* A test that cannot have what it is made of is no test. */
static void give_up(const char *what)
{
    (void)fprintf(stderr, "test support: no %s to be had\n", what);
    abort();
}

static unsigned __stdcall run_thread(void *argument)
{
    test_thread *thread = (test_thread *)argument;

    thread->run(thread->argument);
    return 0;
}

test_thread *test_thread_start(void (*run)(void *argument), void *argument)
{
    test_thread *thread = (test_thread *)malloc(sizeof *thread);

    if (thread == NULL) give_up("memory");
    thread->run = run;
    thread->argument = argument;
    /* Not CreateThread: the C library wants to know of its threads. */
    thread->handle = (HANDLE)_beginthreadex(NULL, 0, run_thread, thread, 0, NULL);
    if (thread->handle == NULL) give_up("thread");
    return thread;
}

void test_thread_join(test_thread *thread)
{
    if (WaitForSingleObject(thread->handle, PATIENCE) != WAIT_OBJECT_0)
        CU_FAIL("a thread of the test did not end");
    (void)CloseHandle(thread->handle);
    free(thread);
}

uint64_t test_thread_self(void)
{
    return GetCurrentThreadId();
}

void test_yield(void)
{
    Sleep(1); /* not 0: polling must leave the processor to those it waits for */
}

uint64_t test_now(void)
{
    LARGE_INTEGER ticks, frequency;

    (void)QueryPerformanceFrequency(&frequency);
    (void)QueryPerformanceCounter(&ticks);
    return (uint64_t)(ticks.QuadPart / frequency.QuadPart * 1000 +
                      ticks.QuadPart % frequency.QuadPart * 1000 / frequency.QuadPart);
}
