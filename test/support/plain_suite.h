/* SPDX-License-Identifier: MIT */
/*
 * A program of one CUnit suite without the harness: what runs on the seeded scheduler starts the
 * library inside of a simulated run, and cannot have it started before.
 */
#ifndef TEST_PLAIN_SUITE_H
#define TEST_PLAIN_SUITE_H

#include <CUnit/Basic.h>
#include <stddef.h>
#include <string.h>

typedef struct plain_case {
    const char *name;
    void (*run)(void);
} plain_case;

/* CUnit's tests take no argument: a test that stands for several cases finds its own by its name. */
static inline const plain_case *plain_case_current(const plain_case *cases)
{
    const char *name = CU_get_current_test()->pName;

    while (strcmp(cases->name, name) != 0) cases++;
    return cases;
}

/* Runs them all, each by its own function, or each by `each` if there is one. The exit code: a run
 * that checked nothing has failed. */
static inline int run_plain_suite(const char *suite_name, const plain_case *cases, size_t count,
                                  void (*each)(void))
{
    unsigned failures = 1;
    size_t i;

    if (CU_initialize_registry() == CUE_SUCCESS) {
        CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);

        for (i = 0; suite != NULL && i < count; i++)
            if (CU_add_test(suite, cases[i].name, each != NULL ? each : cases[i].run) == NULL) suite = NULL;
        if (suite != NULL) {
            CU_basic_set_mode(CU_BRM_VERBOSE);
            (void)CU_basic_run_tests();
            failures = CU_get_number_of_failures() + (CU_get_number_of_asserts() == 0);
        }
    }
    CU_cleanup_registry();
    return failures == 0 ? 0 : 1;
}

#endif
