/* SPDX-License-Identifier: MIT */
/* Undefined behaviour, one kind of it in each function. */
#ifndef TEST_UBSAN_FAULTS_H
#define TEST_UBSAN_FAULTS_H

#define FAULTS_FILE "faults.c"

typedef struct fault {
    const char *name;
    void (*commit)(void); /* first says in which line */
    const char *message;  /* what its report begins with */
} fault;

extern const fault faults[]; /* ends with a NULL name */

/* The same sorts of code, and nothing wrong with it. */
void commit_nothing(void);

#endif
