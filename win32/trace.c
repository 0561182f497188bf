/* SPDX-License-Identifier: MIT */
/*
 * Event Tracing for Windows. The events describe themselves (TraceLogging): each carries two blocks
 * before its fields, one with the provider's name and one with the event's name and the names and
 * types of its fields, so that nobody needs a manifest to read them.
 *
 * The functions are ntdll's, of which advapi32's are other names: that module is always there, and
 * programs need no further library.
 */
#include "compat.h"

#include <evntprov.h>
#include <string.h>

#include "kernel.h"

/* What TraceLogging makes of the provider's name, so that tools find it by name. */
static const GUID provider_id = {
    0xf1404ea9, 0x7cad, 0x5df1, {0x5b, 0xbd, 0xfb, 0xf6, 0xee, 0xc8, 0x59, 0x7a}};

/* Types of fields. */
enum { FIELD_INT32 = 7, FIELD_UINT64 = 10, FIELD_HEX64 = 21, FIELD_ANSI = 2 };
/* Of a block of data: what it is. */
enum { DATA_EVENT = 1, DATA_PROVIDER = 2 };
enum { CHANNEL_TRACELOGGING = 11, INFORMATION_TRAITS = 2, KEYWORD_OPERATION = 4, LEVEL_VERBOSE = 5 };

/* Its own size, its name, no traits. */
static const unsigned char provider_block[] = {10, 0, 'a', 'p', 'm', 's', 'o', 'c', 'k', 0};

/* Behind an event's name: the names of its fields, each with its type. */
static const char field_block[] = "detail\0\2"
                                  "socket\0\25"
                                  "result\0\25"
                                  "error\0\7"
                                  "value\0\12";
enum { FIELDS = 5, FIELD_BLOCK = sizeof field_block - 1, LONGEST_NAME = 32 };

typedef ULONG(WINAPI *register_function)(const GUID *id, PENABLECALLBACK enable, void *context,
                                         REGHANDLE *handle);
typedef ULONG(WINAPI *unregister_function)(REGHANDLE handle);
typedef ULONG(WINAPI *information_function)(REGHANDLE handle, ULONG what, void *data, ULONG size);
typedef ULONG(WINAPI *write_function)(REGHANDLE handle, const EVENT_DESCRIPTOR *event, const GUID *activity,
                                      const GUID *related, ULONG count, EVENT_DATA_DESCRIPTOR *data);

static REGHANDLE provider; /* 0: there is none */
static unregister_function end_provider;
static write_function write_event;
static void (*tell_level)(uint32_t level);

/* By the system, on any thread: a session begins to listen, ends, or wants something else. */
static void NTAPI change_level(const GUID *source, ULONG enabled, UCHAR level, ULONGLONG any, ULONGLONG all,
                               EVENT_FILTER_DESCRIPTOR *filter, void *context)
{
    uint32_t wanted = level == 0 || level > LEVEL_VERBOSE ? LEVEL_VERBOSE : level; /* 0: everything */

    (void)source;
    (void)all;
    (void)filter;
    (void)context;
    if (wanted == LEVEL_VERBOSE && (any == 0 || (any & KEYWORD_OPERATION) != 0)) wanted++;
    if (enabled <= 1) tell_level(enabled != 0 ? wanted : 0); /* 2: only asks for a capture of the state */
}

static FARPROC find(const char *name)
{
    HMODULE module = GetModuleHandleW(L"ntdll.dll");

    return module != NULL ? GetProcAddress(module, name) : NULL;
}

void apmk_trace_start(void (*changed)(uint32_t level))
{
    /* By way of a function without a type: the compilers warn of any other cast. */
    register_function begin = (register_function)(void (*)(void))find("EtwEventRegister");
    information_function inform = (information_function)(void (*)(void))find("EtwEventSetInformation");

    provider = 0;
    tell_level = changed;
    end_provider = (unregister_function)(void (*)(void))find("EtwEventUnregister");
    write_event = (write_function)(void (*)(void))find("EtwEventWriteTransfer");
    if (begin == NULL || end_provider == NULL || write_event == NULL) return;
    if (begin(&provider_id, change_level, NULL, &provider) != ERROR_SUCCESS) {
        provider = 0;
        return;
    }
    if (inform != NULL) /* else each event says it all the same */
        (void)inform(provider, INFORMATION_TRAITS, (void *)(uintptr_t)provider_block, sizeof provider_block);
}

void apmk_trace_stop(void)
{
    if (provider != 0) (void)end_provider(provider); /* waits for change_level */
    provider = 0;
}

static void describe(EVENT_DATA_DESCRIPTOR *data, const void *bytes, size_t size, ULONG what)
{
    data->Ptr = (ULONGLONG)(uintptr_t)bytes;
    data->Size = (ULONG)size;
    data->Reserved = what; /* its lowest byte is the block's type */
}

/* Its own size, no tags, its name and its fields; the size that it has. */
static size_t make_event_block(const char *name, unsigned char *block)
{
    size_t length = strlen(name) + 1, size = 3 + length + FIELD_BLOCK;

    block[0] = (unsigned char)size;
    block[1] = 0;
    block[2] = 0;
    memcpy(block + 3, name, length);
    memcpy(block + 3 + length, field_block, FIELD_BLOCK);
    return size;
}

void apmk_trace_write(const char *name, int32_t level, uint64_t keyword, const char *detail,
                      const void *socket, const void *result, int32_t error, uint64_t value)
{
    unsigned char block[3 + LONGEST_NAME + FIELD_BLOCK];
    uint64_t place[2] = {(uintptr_t)socket, (uintptr_t)result};
    EVENT_DESCRIPTOR event = {0};
    EVENT_DATA_DESCRIPTOR data[2 + FIELDS];

    if (provider == 0 || strlen(name) >= LONGEST_NAME) return;
    event.Channel = CHANNEL_TRACELOGGING;
    event.Level = (UCHAR)(level < LEVEL_VERBOSE ? level : LEVEL_VERBOSE);
    event.Keyword = keyword;
    describe(&data[0], provider_block, sizeof provider_block, DATA_PROVIDER);
    describe(&data[1], block, make_event_block(name, block), DATA_EVENT);
    describe(&data[2], detail, strlen(detail) + 1, 0);
    describe(&data[3], &place[0], sizeof place[0], 0);
    describe(&data[4], &place[1], sizeof place[1], 0);
    describe(&data[5], &error, sizeof error, 0);
    describe(&data[6], &value, sizeof value, 0);
    (void)write_event(provider, &event, NULL, NULL, 2 + FIELDS, data); /* without listeners: nothing */
}
