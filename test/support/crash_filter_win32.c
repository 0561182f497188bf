/* SPDX-License-Identifier: MIT */
/*
 * A crash must fail a test, whatever the system does with crashes: a debugger that is started
 * for it may show a dialog, hang, or report success. Each caller is printed as an address, and
 * as module+offset for addr2line, which needs no symbols here.
 */
#include "crash_filter.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdint.h>
#include <stdio.h>

#define CRASH_CODE 70
#define CALLERS 40
#define STACK_RESERVE 32768 /* for the filter itself, should the stack be what ran out */

/* Straight to the handle: the C library's buffers may be what broke. */
static void print_text(const char *text, int length)
{
    DWORD written;

    if (length > 0) (void)WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)length, &written, NULL);
}

static void print_address(const char *what, uintptr_t address)
{
    char text[MAX_PATH + 80], path[MAX_PATH] = "?";
    const char *name = path;
    HMODULE module = NULL;
    size_t i;

    if (GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                               GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           (LPCSTR)address, &module))
        (void)GetModuleFileNameA(module, path, MAX_PATH);
    path[MAX_PATH - 1] = '\0';
    for (i = 0; path[i] != '\0'; i++)
        if (path[i] == '\\' || path[i] == '/') name = path + i + 1;
    print_text(text, snprintf(text, sizeof text, "%s %p %s+0x%llx\n", what, (void *)address, name,
                              (unsigned long long)(address - (uintptr_t)module)));
}

#if defined(_M_X64) || defined(__x86_64__)
static void print_callers(CONTEXT context)
{
    int i;

    for (i = 0; i < CALLERS && context.Rip != 0; i++) {
        DWORD64 base = 0, frame = 0;
        void *data = NULL;
        RUNTIME_FUNCTION *function;

        print_address("  at", (uintptr_t)context.Rip);
        function = RtlLookupFunctionEntry(context.Rip, &base, NULL);
        if (function != NULL) {
            (void)RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context.Rip, function, &context, &data, &frame,
                                   NULL);
        } else { /* a leaf: the return address is on top of the stack */
            context.Rip = *(const DWORD64 *)(uintptr_t)context.Rsp;
            context.Rsp += sizeof(DWORD64);
        }
    }
}
#elif defined(_M_IX86) || defined(__i386__)
static void print_callers(CONTEXT context)
{
    const uintptr_t *frame = (const uintptr_t *)(uintptr_t)context.Ebp;
    int i;

    print_address("  at", (uintptr_t)context.Eip);
    for (i = 0; i < CALLERS && frame != NULL; i++) {
        const uintptr_t *above;
        MEMORY_BASIC_INFORMATION memory;

        if (VirtualQuery(frame, &memory, sizeof memory) == 0 || memory.Protect != PAGE_READWRITE) break;
        print_address("  at", frame[1]);
        above = (const uintptr_t *)frame[0];
        if (above <= frame) break;
        frame = above;
    }
}
#else
static void print_callers(CONTEXT context)
{
    (void)context;
}
#endif

static LONG WINAPI report_crash(EXCEPTION_POINTERS *pointers)
{
    char text[80];

    print_text(text, snprintf(text, sizeof text, "\ncrash: exception 0x%08lx on thread %lu\n",
                              pointers->ExceptionRecord->ExceptionCode, GetCurrentThreadId()));
    print_address("  in", (uintptr_t)pointers->ExceptionRecord->ExceptionAddress);
    print_callers(*pointers->ContextRecord);
    crash_filter_terminate(CRASH_CODE);
    return EXCEPTION_EXECUTE_HANDLER;
}

void crash_filter_install(void)
{
    ULONG reserve = STACK_RESERVE;

    (void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    (void)SetThreadStackGuarantee(&reserve);
    (void)SetUnhandledExceptionFilter(report_crash);
}

void crash_filter_terminate(int code)
{
    (void)TerminateProcess(GetCurrentProcess(), (UINT)code);
}
