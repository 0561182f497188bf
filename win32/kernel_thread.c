/* SPDX-License-Identifier: MIT */
/*
 * Threads. Whoever starts one joins it before apmk_stop, until which the module is held
 * (kernel_system.c): so a thread needs no hold of its own, which only the loader could give, with its lock.
 * Threads are started under locks of ours, and a DllMain may wait for those.
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
    void (*run)(void *argument);
    void *argument;
} thread_start;

static DWORD WINAPI run_thread(LPVOID argument)
{
    thread_start start = *(thread_start *)argument;

    apmk_release(argument);
    start.run(start.argument);
    return 0;
}

apmk_code apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread)
{
    thread_start *start = (thread_start *)apmk_allocate(sizeof *start);
    apmk_code code;
    HANDLE handle;

    if (start == NULL) return ERROR_NOT_ENOUGH_MEMORY;
    start->run = run;
    start->argument = argument;
    handle = CreateThread(NULL, 0, run_thread, start, 0, NULL);
    if (handle == NULL) {
        code = last_error();
        apmk_release(start);
        return code;
    }
    *thread = (apmk_thread)handle;
    return APMK_SUCCESS;
}

bool apmk_thread_has_ended(apmk_thread thread)
{
    return WaitForSingleObject((HANDLE)thread, 0) == WAIT_OBJECT_0;
}

bool apmk_thread_has_io(void)
{
    BOOL pending = FALSE;

    return GetThreadIOPendingFlag(GetCurrentThread(), &pending) && pending;
}

void apmk_thread_join(apmk_thread thread)
{
    (void)WaitForSingleObject((HANDLE)thread, INFINITE);
    (void)CloseHandle((HANDLE)thread);
}
