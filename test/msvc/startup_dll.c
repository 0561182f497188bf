/* SPDX-License-Identifier: MIT */
/* As startup.c, for a DLL. */
#include <windows.h>

int _fltused = 1;

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved);
BOOL WINAPI _DllMainCRTStartup(HINSTANCE instance, DWORD reason, void *reserved);

BOOL WINAPI _DllMainCRTStartup(HINSTANCE instance, DWORD reason, void *reserved)
{
    return DllMain(instance, reason, reserved);
}
