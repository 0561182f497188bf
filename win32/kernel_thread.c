/* SPDX-License-Identifier: MIT */
/*
 * Threads. Each holds the module it runs in:
 *
 *  1. The starter takes a reference on the module for the thread, so that there is no moment
 *     at which the thread exists and the reference does not.
 *  2. The thread gives it back with its very last step, FreeLibraryAndExitThread, which
 *     does not return into code that may have gone.
 *
 * So FreeLibrary of a library in use is harmless: the module stays until the last has left.
 *
 * What to run travels in a small block. The thread frees it before it runs anything, and if
 * there is no thread the starter does: it has one owner at any time, and nothing that the
 * thread does later, or that is never done to the handle, can leak it. The starter does not
 * wait for the thread to have read it: a thread does not begin while the loader's lock is
 * held, which the starter's caller may hold.
 */
#include "compat.h"

#include "kernel.h"
#include "native_error.h"

typedef struct thread_start {
    HMODULE module;
    void (*run)(void *argument);
    void *argument;
} thread_start;

/* An address inside this module. */
static const char anchor = 0;

static DWORD WINAPI run_thread(LPVOID argument)
{
    thread_start start = *(thread_start *)argument;

    apmk_release(argument);
    start.run(start.argument);
    FreeLibraryAndExitThread(start.module, 0);
}

apmk_code apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread)
{
    thread_start *start = (thread_start *)apmk_allocate(sizeof *start);
    apmk_code code;
    HANDLE handle;

    if (start == NULL) return ERROR_NOT_ENOUGH_MEMORY;
    start->run = run;
    start->argument = argument;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(const void *)&anchor,
                            &start->module)) {
        code = last_error();
        goto no_module;
    }
    handle = CreateThread(NULL, 0, run_thread, start, 0, NULL);
    if (handle == NULL) {
        code = last_error();
        goto no_thread;
    }
    *thread = (apmk_thread)handle;
    return APMK_SUCCESS;

no_thread:
    (void)FreeLibrary(start->module); /* never the last one: we run in it */
no_module:
    apmk_release(start);
    return code;
}

void apmk_thread_join(apmk_thread thread)
{
    (void)WaitForSingleObject((HANDLE)thread, INFINITE);
    (void)CloseHandle((HANDLE)thread);
}
