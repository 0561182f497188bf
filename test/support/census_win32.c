/* SPDX-License-Identifier: MIT */
/*
 * The process's kernel handles and threads, exactly. A census makes no handle.
 *
 * Wine 8 has no count of handles: GetProcessHandleCount always says 0, and its list of all
 * processes' handles crashes its server when another process is just starting or ending. So
 * there each possible handle is asked whether it is one.
 */
#include "harness.h"
#include "kernel_socket.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <windows.h>

#include <stdlib.h>
#include <string.h>

/* The system's own structure; its headers do not declare it in full. */
typedef struct process_entry {
    ULONG next; /* offset of the next one; 0: none */
    ULONG threads;
    unsigned char times[48];
    USHORT name_length, name_room;
    WCHAR *name;
    LONG priority;
    ULONG_PTR process;
} process_entry;

enum { ASK_PROCESSES = 5 };

/* Handles are given out from the lowest free one on: after so many that are none, none follow. */
enum { HANDLE_STEP = 4, HANDLE_GAP = 1024 };

#define TOO_SMALL ((LONG)0xC0000004)

typedef LONG(WINAPI *query_function)(ULONG which, void *data, ULONG size, ULONG *needed);

/* Free with VirtualFree. Not from the heap: growing that is no business of a census. */
static void *query_system(ULONG which)
{
    static query_function query;
    SIZE_T size = 1u << 20;

    if (query == NULL) {
        HMODULE module = GetModuleHandleW(L"ntdll.dll");
        query = (query_function)(void (*)(void))GetProcAddress(module, "NtQuerySystemInformation");
    }
    for (;;) {
        void *data = VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
        LONG status = data != NULL ? query(which, data, (ULONG)size, NULL) : TOO_SMALL;

        if (data != NULL && status >= 0) return data;
        if (data == NULL || status != TOO_SMALL || size > 1u << 29) abort();
        (void)VirtualFree(data, 0, MEM_RELEASE);
        size *= 2;
    }
}

int64_t harness_handles(void)
{
    int64_t count = 0;
    uintptr_t value = 0;
    DWORD counted = 0, flags;
    int misses = 0;

    if (GetProcessHandleCount(GetCurrentProcess(), &counted) && counted != 0) return (int64_t)counted;
    while (misses < HANDLE_GAP) {
        value += HANDLE_STEP;
        if (GetHandleInformation((HANDLE)value, &flags)) {
            count++;
            misses = 0;
        } else {
            misses++;
        }
    }
    return count;
}

int64_t harness_sockets(void)
{
    int64_t count = 0;
    uintptr_t value = 0;
    int misses = 0;

    while (misses < HANDLE_GAP) {
        struct sockaddr_storage local;

        value += HANDLE_STEP;
        if (kernel_is_socket(value, &local)) {
            count++;
            misses = 0;
        } else {
            misses++;
        }
    }
    return count;
}

int64_t harness_threads(void)
{
    unsigned char *all = (unsigned char *)query_system(ASK_PROCESSES);
    const unsigned char *next = all;
    ULONG_PTR self = GetCurrentProcessId();
    process_entry entry;
    int64_t count = 0;

    /* Copied: Wine 8 puts an entry at any address. */
    memcpy(&entry, next, sizeof entry);
    while (entry.process != self && entry.next != 0) {
        next += entry.next;
        memcpy(&entry, next, sizeof entry);
    }
    if (entry.process == self) count = (int64_t)entry.threads;
    (void)VirtualFree(all, 0, MEM_RELEASE);
    return count;
}
