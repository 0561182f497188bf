/* SPDX-License-Identifier: MIT */
#include "child.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdio.h>
#include <string.h>

#define PATIENCE 30000u

bool child_start(child *started, const char *arguments, bool inherits)
{
    char path[MAX_PATH], command[MAX_PATH + 200];
    PROCESS_INFORMATION process;
    STARTUPINFOA startup;
    DWORD length = GetModuleFileNameA(NULL, path, MAX_PATH);

    started->process = NULL;
    if (length == 0 || length >= MAX_PATH) return false;
    (void)snprintf(command, sizeof command, "\"%s\" --child %s", path, arguments);
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    if (!CreateProcessA(path, command, NULL, NULL, inherits, 0, NULL, NULL, &startup, &process)) return false;
    (void)CloseHandle(process.hThread);
    started->process = process.hProcess;
    return true;
}

bool child_runs(const child *started)
{
    return started->process != NULL && WaitForSingleObject(started->process, 0) == WAIT_TIMEOUT;
}

void child_kill(const child *started)
{
    if (started->process != NULL) (void)TerminateProcess(started->process, CHILD_HUNG);
}

uint32_t child_wait(child *started)
{
    DWORD code = CHILD_MISSING;

    if (started->process == NULL) return CHILD_MISSING;
    if (WaitForSingleObject(started->process, PATIENCE) != WAIT_OBJECT_0) {
        (void)TerminateProcess(started->process, CHILD_HUNG);
        (void)WaitForSingleObject(started->process, PATIENCE);
    }
    (void)GetExitCodeProcess(started->process, &code);
    (void)CloseHandle(started->process);
    started->process = NULL;
    return code;
}

uint32_t child_run(const char *arguments, bool inherits)
{
    child made;

    return child_start(&made, arguments, inherits) ? child_wait(&made) : CHILD_MISSING;
}
