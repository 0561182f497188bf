/* SPDX-License-Identifier: MIT */
/*
 * What MSVC's own start-up code is to a program: where the system enters it, and what of the C
 * library each program has for itself. All else of that is the system's (ucrtbase).
 */
#include <process.h>
#include <stdlib.h>

int _fltused = 1; /* each program that computes with floating point asks for it */

int __cdecl main(int argc, char **argv);
void mainCRTStartup(void);

int __cdecl atexit(void(__cdecl *call)(void))
{
    return _crt_atexit(call);
}

void mainCRTStartup(void)
{
    (void)_configure_narrow_argv(2); /* with wildcards as they are */
    (void)_initialize_narrow_environment();
    exit(main(__argc, __argv));
}
