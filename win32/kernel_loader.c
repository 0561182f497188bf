/* SPDX-License-Identifier: MIT */
/*
 * Whether this thread holds the loader's lock, as it does inside any module's DllMain.
 *
 * Windows has no documented question for that. The lock is a critical section whose address
 * stands in the process's own block, at a place that has been the same since Windows XP (and
 * is in Wine); a debugger's extensions find it there, too. Only its owner is looked at, and
 * only compared with ourselves, which needs no lock: nobody else can make it us, or not us.
 */
#include "compat.h"

#include <winternl.h>

#include "kernel.h"

#if defined(_WIN64)
#define LOADER_LOCK 0x110
#else
#define LOADER_LOCK 0xA0
#endif

typedef BOOLEAN(NTAPI *ending_function)(void);

/* Not linked to: import libraries of older tools do not have it. */
static bool process_ends(void)
{
    HMODULE module = GetModuleHandleW(L"ntdll.dll");
    ending_function ending = NULL;

    if (module != NULL)
        ending = (ending_function)(void (*)(void))GetProcAddress(module, "RtlDllShutdownInProgress");
    return ending != NULL && ending() != 0;
}

/* GCC takes what it reads, relative to the thread's own segment, for something at address 0. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#endif
enum apmk_loader apmk_loader_state(void)
{
    const unsigned char *process =
        (const unsigned char *)((const TEB *)(const void *)NtCurrentTeb())->ProcessEnvironmentBlock;
    const CRITICAL_SECTION *lock = *(CRITICAL_SECTION *const *)(const void *)(process + LOADER_LOCK);

    if (lock == NULL || lock->OwningThread != (HANDLE)(ULONG_PTR)GetCurrentThreadId())
        return APMK_LOADER_FREE;
    return process_ends() ? APMK_LOADER_ENDS : APMK_LOADER_HELD;
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
