/* SPDX-License-Identifier: MIT */
/*
 * Events for ETW, as bytes: the kernel boundary's source with functions in the place of ntdll's, which
 * Wine only has as stubs. What is written is read back as a reader of TraceLogging would.
 */
#include "../../win32/compat.h"

static FARPROC find_stand_in(HMODULE module, const char *name);
#define GetProcAddress find_stand_in
/* NOLINTNEXTLINE(bugprone-suspicious-include): with other functions than the system has */
#include "../../win32/trace.c"
#undef GetProcAddress

#include <CUnit/Basic.h>
#include <stdio.h>

#include "../support/crash_filter.h"

#define CHECK(condition) CU_ASSERT(condition)

/* ---- in the place of ntdll's ---------------------------------------------------------------------- */

static struct {
    GUID id;
    PENABLECALLBACK enable;
    int registered, traits, written;
    bool refuses, is_old;
    EVENT_DESCRIPTOR event;
    unsigned char blocks[7][256];
    ULONG sizes[7], kinds[7], count;
} etw;

static ULONG WINAPI begin_stand_in(const GUID *id, PENABLECALLBACK enable, void *context, REGHANDLE *handle)
{
    (void)context;
    if (etw.refuses) return ERROR_NOT_ENOUGH_MEMORY;
    etw.id = *id;
    etw.enable = enable;
    etw.registered++;
    *handle = 77;
    return ERROR_SUCCESS;
}

static ULONG WINAPI end_stand_in(REGHANDLE handle)
{
    CHECK(handle == 77);
    etw.registered--;
    return ERROR_SUCCESS;
}

static ULONG WINAPI inform_stand_in(REGHANDLE handle, ULONG what, void *data, ULONG size)
{
    CHECK(handle == 77 && what == 2 && size == 10 && memcmp(data, "\12\0apmsock", 10) == 0);
    etw.traits++;
    return ERROR_SUCCESS;
}

static ULONG WINAPI write_stand_in(REGHANDLE handle, const EVENT_DESCRIPTOR *event, const GUID *activity,
                                   const GUID *related, ULONG count, EVENT_DATA_DESCRIPTOR *data)
{
    ULONG i;

    CHECK(handle == 77 && activity == NULL && related == NULL && count == 7);
    etw.event = *event;
    etw.count = count;
    etw.written++;
    for (i = 0; i < count && i < 7; i++) {
        etw.sizes[i] = data[i].Size;
        etw.kinds[i] = data[i].Reserved;
        CHECK(data[i].Size <= sizeof etw.blocks[i]);
        memcpy(etw.blocks[i], (const void *)(uintptr_t)data[i].Ptr, data[i].Size);
    }
    return ERROR_SUCCESS;
}

static FARPROC find_stand_in(HMODULE module, const char *name)
{
    CHECK(module != NULL);
    if (etw.is_old) return NULL;
    if (strcmp(name, "EtwEventRegister") == 0) return (FARPROC)(void (*)(void))begin_stand_in;
    if (strcmp(name, "EtwEventUnregister") == 0) return (FARPROC)(void (*)(void))end_stand_in;
    if (strcmp(name, "EtwEventSetInformation") == 0) return (FARPROC)(void (*)(void))inform_stand_in;
    if (strcmp(name, "EtwEventWriteTransfer") == 0) return (FARPROC)(void (*)(void))write_stand_in;
    CHECK(false);
    return NULL;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static uint32_t level_now;

static void note_level(uint32_t level)
{
    level_now = level;
}

static void begin(void)
{
    memset(&etw, 0, sizeof etw);
    level_now = 99;
    apmk_trace_start(note_level);
}

static void provider_is_registered_and_taken_back(void)
{
    begin();
    CHECK(etw.registered == 1 && etw.traits == 1);
    CHECK(IsEqualGUID(&etw.id, &provider_id));
    CHECK(level_now == 99); /* nobody listens: nothing is said */
    apmk_trace_stop();
    CHECK(etw.registered == 0);
    apmk_trace_write("Late", 4, 1, "", NULL, NULL, 0, 0);
    CHECK(etw.written == 0);
}

static void sessions_change_the_level(void)
{
    static const struct {
        ULONG enabled;
        UCHAR level;
        ULONGLONG any;
        uint32_t expected;
    } sessions[] = {{1, 4, 0, 4},   {1, 5, 0, 6}, {1, 5, 3, 5}, {1, 5, 4, 6}, {1, 0, 0, 6},
                    {1, 255, 1, 5}, {1, 3, 4, 3}, {2, 5, 0, 3}, {0, 5, 0, 0}};
    size_t i;

    begin();
    CHECK(etw.enable != NULL);
    if (etw.enable == NULL) return;
    for (i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        etw.enable(&etw.id, sessions[i].enabled, sessions[i].level, sessions[i].any, 0, NULL, NULL);
        CHECK(level_now == sessions[i].expected);
    }
    apmk_trace_stop();
}

/* The names of the fields and their types, as they stand in the block. */
static void event_describes_itself(void)
{
    static const char *const names[] = {"detail", "socket", "result", "error", "value"};
    static const unsigned char types[] = {2, 21, 21, 7, 10};
    const unsigned char *at = etw.blocks[1];
    uint64_t number = 0;
    int32_t error = 0;
    size_t i;

    begin();
    apmk_trace_write("OperationCompleted", 6, 4, "send", (void *)(uintptr_t)0x1234, (void *)(uintptr_t)0x5678,
                     -7, UINT64_C(0x123456789A));
    CHECK(etw.written == 1);
    CHECK(etw.event.Channel == 11 && etw.event.Level == 5 && etw.event.Keyword == 4 && etw.event.Id == 0);
    CHECK(etw.kinds[0] == 2 && etw.sizes[0] == 10 && memcmp(etw.blocks[0], "\12\0apmsock", 10) == 0);
    CHECK(etw.kinds[1] == 1 && at[0] + 256u * at[1] == etw.sizes[1] && at[2] == 0);
    CHECK(strcmp((const char *)at + 3, "OperationCompleted") == 0);
    at += 3 + sizeof "OperationCompleted";
    for (i = 0; i < 5; i++) {
        CHECK(strcmp((const char *)at, names[i]) == 0);
        at += strlen(names[i]) + 1;
        CHECK(*at++ == types[i]);
    }
    CHECK(at == etw.blocks[1] + etw.sizes[1]);
    for (i = 2; i < 7; i++) CHECK(etw.kinds[i] == 0);
    CHECK(etw.sizes[2] == 5 && memcmp(etw.blocks[2], "send", 5) == 0);
    memcpy(&number, etw.blocks[3], 8);
    CHECK(etw.sizes[3] == 8 && number == 0x1234);
    memcpy(&number, etw.blocks[4], 8);
    CHECK(etw.sizes[4] == 8 && number == 0x5678);
    memcpy(&error, etw.blocks[5], 4);
    CHECK(etw.sizes[5] == 4 && error == -7);
    memcpy(&number, etw.blocks[6], 8);
    CHECK(etw.sizes[6] == 8 && number == UINT64_C(0x123456789A));
    apmk_trace_stop();
}

static void system_without_it_is_none(void)
{
    int round;

    for (round = 0; round < 2; round++) {
        memset(&etw, 0, sizeof etw);
        etw.is_old = round == 0;
        etw.refuses = round == 1;
        apmk_trace_start(note_level);
        apmk_trace_write("Nobody", 4, 1, "", NULL, NULL, 0, 0);
        apmk_trace_stop();
        CHECK(etw.registered == 0 && etw.written == 0);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"provider_is_registered_and_taken_back", provider_is_registered_and_taken_back},
        {"sessions_change_the_level", sessions_change_the_level},
        {"event_describes_itself", event_describes_itself},
        {"system_without_it_is_none", system_without_it_is_none},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"trace", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    unsigned failures;

    crash_filter_install();
    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    if (CU_basic_run_tests() != CUE_SUCCESS) return 2;
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
