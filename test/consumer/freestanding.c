/* SPDX-License-Identifier: MIT */
/*
 * Uses the DLL without a C run-time, so that it can be compiled for MSVC's linkers where there is no
 * MSVC. Its exit code is 0, or says what failed.
 */
#include <apmsock/apmsock.h>

__declspec(dllimport) void __stdcall ExitProcess(unsigned int code);
void start(void);

void start(void)
{
    apm_options options = {0};
    unsigned int code = 0;

    options.size = sizeof options;
    if (apm_version()[0] != APM_VERSION[0]) code = 1;
    if (code == 0 && apm_startup(&options) != APM_ERROR_SUCCESS) code = 2;
    if (code == 0 && apm_cleanup() != APM_ERROR_SUCCESS) code = 3;
    ExitProcess(code);
}
