/* SPDX-License-Identifier: MIT */
/*
 * The system: Winsock's start and stop, the values per thread, processors, the clock, the
 * heap, the texts of error codes.
 */
#include "compat.h"

#include <stdatomic.h>

#include "extensions.h"
#include "kernel.h"
#include "native_error.h"
#include "provider.h"

/* ---- the clock ---------------------------------------------------------------------------- */

/* Since Windows 10 there is a clock that counts what waits count: not the time that the machine sleeps. One for the
 * whole process: what is measured begins and ends by the same. It is looked for by whoever measures first, which
 * is nobody who holds a lock: waits without a library, and the start of one. */
typedef VOID(WINAPI *unbiased_clock)(PULONGLONG time);
enum { UNKNOWN, NO_CLOCK }; /* no function has these addresses */
static _Atomic uintptr_t chosen_clock = UNKNOWN;

static unbiased_clock find_clock(void)
{
    uintptr_t clock = atomic_load_explicit(&chosen_clock, memory_order_relaxed);

    if (clock == UNKNOWN) {
        HMODULE module = GetModuleHandleW(L"kernelbase.dll");

        /* Wine 10's is precise by name alone. */
        if (module != NULL && !apmk_provider_find_wine())
            clock = (uintptr_t)(void (*)(void))GetProcAddress(module, "QueryUnbiasedInterruptTimePrecise");
        if (clock == UNKNOWN) clock = NO_CLOCK;
        atomic_store_explicit(&chosen_clock, clock, memory_order_relaxed);
    }
    return clock == NO_CLOCK ? NULL : (unbiased_clock)(void (*)(void))clock;
}

/* ---- start and stop, values per thread --------------------------------------------------- */

/* Not _Thread_local: some compilers implement that with heap calls that abort when they fail. */
static DWORD locals[APMK_LOCAL_COUNT];

/* From start to stop: whoever frees it, it stays for the threads that run in it. */
static HMODULE own_module;

/* An address inside of it. */
static const char anchor = 0;

static void free_locals(unsigned count)
{
    while (count != 0) (void)TlsFree(locals[--count]);
}

apmk_code apmk_start(void)
{
    WSADATA data;
    apmk_code code;
    unsigned i = 0;

    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(const void *)&anchor,
                            &own_module))
        return last_error();
    code = (apmk_code)WSAStartup(WINSOCK_VERSION, &data);
    if (code != APMK_SUCCESS) goto no_network;
    if (data.wVersion != WINSOCK_VERSION) {
        code = WSAVERNOTSUPPORTED;
        goto failed;
    }
    for (i = 0; i < APMK_LOCAL_COUNT; i++) {
        locals[i] = TlsAlloc();
        if (locals[i] == TLS_OUT_OF_INDEXES) {
            code = last_error();
            goto failed;
        }
    }
    apmk_provider_look();
    (void)find_clock(); /* later somebody may hold a lock who asks */
    return APMK_SUCCESS;

failed:
    free_locals(i);
    (void)WSACleanup();
no_network:
    (void)FreeLibrary(own_module);
    return code;
}

void apmk_stop(void)
{
    free_locals(APMK_LOCAL_COUNT);
    apmk_extensions_forget();
    (void)WSACleanup();
    (void)FreeLibrary(own_module); /* never the last hold: our caller has one */
}

uintptr_t apmk_local_get(enum apmk_local which)
{
    return (uintptr_t)TlsGetValue(locals[which]);
}

void apmk_local_set(enum apmk_local which, uintptr_t value)
{
    (void)TlsSetValue(locals[which], (LPVOID)value);
}

/* ---- processors, clock, heap ------------------------------------------------------------- */

uint32_t apmk_processor_count(void)
{
    DWORD_PTR ours = 0, all = 0;
    DWORD count = 0;

    /* Both are those of one group, or nothing where the process runs in several. */
    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) && ours != all)
        for (; ours != 0; ours &= ours - 1) count++;
    else
        count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count != 0 ? count : 1;
}

#define UNBIASED_PER_MILLISECOND 10000u

/* Not GetTickCount64, nor the clock above without its precision: they go in steps of 16 ms, which short timeouts
 * would notice. */
uint64_t apmk_now(void)
{
    unbiased_clock clock = find_clock();
    LARGE_INTEGER ticks, frequency;
    uint64_t whole, rest, per_second;

    if (clock != NULL) {
        ULONGLONG time = 0;

        clock(&time);
        return time / UNBIASED_PER_MILLISECOND;
    }
    /* Neither fails on a system that runs us. */
    (void)QueryPerformanceFrequency(&frequency);
    (void)QueryPerformanceCounter(&ticks);
    per_second = (uint64_t)frequency.QuadPart;
    whole = (uint64_t)ticks.QuadPart / per_second;
    rest = (uint64_t)ticks.QuadPart % per_second;
    return whole * 1000 + rest * 1000 / per_second; /* in two parts, which do not overflow */
}

void *apmk_allocate(size_t size)
{
    return HeapAlloc(GetProcessHeap(), 0, size);
}

void apmk_release(void *block)
{
    if (block != NULL) (void)HeapFree(GetProcessHeap(), 0, block);
}

/* ---- texts ------------------------------------------------------------------------------- */

static bool is_pair(const WCHAR *text, size_t left)
{
    return left >= 2 && (text[0] & 0xFC00) == 0xD800 && (text[1] & 0xFC00) == 0xDC00;
}

/* Bytes that the text's first characters need in UTF-8, as many characters as fit into `room`
 * bytes; *count is the number of units on entry, of those that fit on return. */
static size_t measure_text(const WCHAR *text, size_t *count, size_t room)
{
    size_t bytes = 0, i = 0;

    while (i < *count) {
        size_t units = is_pair(text + i, *count - i) ? 2 : 1;
        size_t need = units == 2 ? 4u : text[i] < 0x80 ? 1u : text[i] < 0x800 ? 2u : 3u;

        if (need > room - bytes) break;
        bytes += need;
        i += units;
    }
    *count = i;
    return bytes;
}

/* Status codes (negative ones) have their texts in the system's lowest module. */
static DWORD find_text(int32_t code, WCHAR **wide)
{
    DWORD flags = FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM |
                  FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK; /* one line */
    HMODULE module = code < 0 ? GetModuleHandleW(L"ntdll.dll") : NULL;

    if (module != NULL) flags |= FORMAT_MESSAGE_FROM_HMODULE;
    return FormatMessageW(flags, module, (DWORD)code, 0, (LPWSTR)(void *)wide, 0, NULL);
}

size_t apmk_error_text(int32_t code, char *text, size_t size)
{
    WCHAR *wide = NULL;
    size_t units = find_text(code, &wide), needed;

    while (units != 0 && wide[units - 1] <= L' ') units--;
    needed = measure_text(wide, &units, SIZE_MAX);
    if (text != NULL && size != 0) {
        size_t bytes = measure_text(wide, &units, size - 1);

        if (bytes != 0) (void)WideCharToMultiByte(CP_UTF8, 0, wide, (int)units, text, (int)bytes, NULL, NULL);
        text[bytes] = '\0';
    }
    if (wide != NULL) (void)LocalFree(wide);
    return needed;
}
