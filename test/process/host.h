/* SPDX-License-Identifier: MIT */
/* The main function of a test program that is not linked to the library. */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct host_case {
    const char *name; /* the behaviour it checks; NULL after the last one */
    void (*run)(void);
} host_case;

/* Runs the cases; or, when its arguments are "--child" and more, `child` with those, whose result is
 * the exit code (NULL: there is none). A case that takes longer than two minutes ends the process. */
int host_main(int argc, char **argv, const char *suite_name, const host_case *cases,
              int (*child)(int count, char **arguments));

/* A thread, joined: false if it took too long. */
typedef void (*host_work)(void *argument);
void *host_thread_start(host_work work, void *argument);
bool host_thread_join(void *thread);

/* A gate that opens once. */
void *host_gate_new(void);
void host_gate_open(void *gate);
bool host_gate_wait(void *gate);
void host_gate_free(void *gate);

/* Waits until the word is at least that. */
bool host_reaches(uint32_t (*word)(void), uint32_t value);

/* Handles and threads are what they were, in a while: the system takes its time to end threads. */
void host_settle(int64_t handles, int64_t threads);

#endif
