/* SPDX-License-Identifier: MIT */
/* Threads of the tests, above the simulated kernel with real threads. */
#define _POSIX_C_SOURCE 200809L

#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct test_thread {
    pthread_t native;
    void (*run)(void *argument);
    void *argument;
};

/* A test that cannot have what it is made of is no test. */
static void give_up(const char *what)
{
    (void)fprintf(stderr, "test support: no %s to be had\n", what);
    abort();
}

static void *run_thread(void *argument)
{
    test_thread *thread = (test_thread *)argument;

    thread->run(thread->argument);
    return NULL;
}

test_thread *test_thread_start(void (*run)(void *argument), void *argument)
{
    test_thread *thread = (test_thread *)malloc(sizeof *thread);

    if (thread == NULL) give_up("memory");
    thread->run = run;
    thread->argument = argument;
    if (pthread_create(&thread->native, NULL, run_thread, thread) != 0) give_up("thread");
    return thread;
}

/* One that does not end is the watchdog's. */
void test_thread_join(test_thread *thread)
{
    if (pthread_join(thread->native, NULL) != 0) CU_FAIL("a thread of the test did not end");
    free(thread);
}

uint64_t test_thread_self(void)
{
    static _Atomic uint64_t seen;
    static _Thread_local uint64_t own;

    /* Relaxed: only the number counts. */
    if (own == 0) own = atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed) + 1;
    return own;
}

void test_yield(void)
{
    struct timespec time = {0, 1000000};

    /* Not only yielding: polling must leave the processor to those it waits for. */
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

uint64_t test_now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}
