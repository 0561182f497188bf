/* SPDX-License-Identifier: MIT */
/*
 * The DLL's entry point. Only the DLL has it, the static library does not.
 *
 * It does nothing, on purpose. It runs under the loader's lock, where a thread can neither be
 * started to the point of running nor be waited for. At FreeLibrary nobody runs in here any
 * more, since the module is held while the library runs; at the end of the process the other threads are
 * gone, perhaps with locks in their hands, and the system takes back the rest.
 *
 * No DisableThreadLibraryCalls: a C runtime that is linked statically keeps its values per
 * thread by these calls.
 */
#include "compat.h"

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved);

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)instance;
    (void)reason;
    (void)reserved;
    return TRUE;
}
