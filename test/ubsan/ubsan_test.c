/* SPDX-License-Identifier: MIT */
/*
 * The run-time of -fsanitize=undefined itself: a child process for each kind of undefined behaviour
 * says where it is and what it is, and ends with the run-time's code; and one that does nothing of
 * the sort says nothing.
 */
#include "../process/child.h"
#include "faults.h"
#include "report.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a child wrote to its standard error; its exit code. */
static uint32_t run_child(const char *name, char *text, size_t room)
{
    HANDLE standard = GetStdHandle(STD_ERROR_HANDLE), from = NULL, to = NULL;
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    uint32_t code = CHILD_MISSING;
    size_t length = 0;
    DWORD got = 0;

    text[0] = '\0';
    if (!CreatePipe(&from, &to, &inherited, (DWORD)room)) return CHILD_MISSING;
    (void)SetStdHandle(STD_ERROR_HANDLE, to);
    code = child_run(name, true); /* the pipe has room for all that it says */
    (void)SetStdHandle(STD_ERROR_HANDLE, standard);
    (void)CloseHandle(to);
    while (length < room - 1 && ReadFile(from, text + length, (DWORD)(room - 1 - length), &got, NULL) &&
           got != 0)
        length += got;
    text[length] = '\0';
    (void)CloseHandle(from);
    return code;
}

/* "LINE" of the fault, and then "PATH/faults.c:LINE:COLUMN: runtime error: MESSAGE". */
static bool is_report(const char *text, const char *message)
{
    const char *where = strstr(text, FAULTS_FILE ":"), *what;
    long line = strtol(text, NULL, 10), column;
    char *end;

    if (where == NULL || line <= 0) return false;
    if (strtol(where + strlen(FAULTS_FILE ":"), &end, 10) != line || *end != ':') return false;
    column = strtol(end + 1, &end, 10);
    what = strstr(end, ": runtime error: ");
    return column > 0 && what == end &&
           strncmp(what + strlen(": runtime error: "), message, strlen(message)) == 0;
}

static void each_kind_is_reported(void)
{
    char text[1024];
    const fault *one;

    for (one = faults; one->name != NULL; one++) {
        uint32_t code = run_child(one->name, text, sizeof text);

        if (code != UBSAN_EXIT_CODE || !is_report(text, one->message)) {
            (void)printf("\n%s: exit code %u, and it said: %s", one->name, (unsigned)code, text);
            CU_FAIL("no report, or another one");
        } else {
            CU_PASS("reported");
        }
    }
}

static void nothing_is_not_reported(void)
{
    char text[1024];

    CU_ASSERT(run_child("nothing", text, sizeof text) == 0);
    CU_ASSERT_STRING_EQUAL(text, "");
}

static int run_as_child(const char *name)
{
    const fault *one;

    for (one = faults; one->name != NULL; one++)
        if (strcmp(one->name, name) == 0) one->commit();
    if (strcmp(name, "nothing") == 0) commit_nothing();
    return 0;
}

int main(int argc, char **argv)
{
    CU_pSuite suite;

    if (argc == 3 && strcmp(argv[1], "--child") == 0) return run_as_child(argv[2]);
    if (CU_initialize_registry() != CUE_SUCCESS) return EXIT_FAILURE;
    suite = CU_add_suite("ubsan", NULL, NULL);
    if (suite == NULL || CU_add_test(suite, "each_kind_is_reported", each_kind_is_reported) == NULL ||
        CU_add_test(suite, "nothing_is_not_reported", nothing_is_not_reported) == NULL)
        return EXIT_FAILURE;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    if (CU_basic_run_tests() != CUE_SUCCESS) return EXIT_FAILURE;
    return CU_get_number_of_tests_run() == 2 && CU_get_number_of_failures() == 0 ? EXIT_SUCCESS
                                                                                 : EXIT_FAILURE;
}
