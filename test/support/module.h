/* SPDX-License-Identifier: MIT */
/* Modules of the process, for tests that are not linked to the library but load it. */
#ifndef TEST_MODULE_H
#define TEST_MODULE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

/* The library's file, by the environment or as it is called. */
static inline const char *module_library(void)
{
    const char *name = getenv("APMTEST_DLL");

    return name != NULL ? name : "apmsock.dll";
}

/* `place` is a pointer to some function: copied, since it is of another type each time. */
static inline bool module_find(HMODULE module, const char *name, void *place)
{
    FARPROC found = module != NULL ? GetProcAddress(module, name) : NULL;

    memcpy(place, &found, sizeof found);
    return found != NULL;
}

/* The system unmaps it some time after the last thread in it has left: join does not cover that. */
static inline bool module_goes(const char *file)
{
    ULONGLONG start = GetTickCount64();

    while (GetModuleHandleA(file) != NULL && GetTickCount64() - start < 60000) Sleep(1);
    return GetModuleHandleA(file) == NULL;
}

#endif
