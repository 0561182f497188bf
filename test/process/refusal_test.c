/* SPDX-License-Identifier: MIT */
/*
 * When the system refuses something, what was taken before it is given back: the kernel boundary's sources
 * with functions in the place of the system's, which count, and refuse what they are told to.
 */
#include "../../win32/compat.h"

static BOOL WINAPI find_module(DWORD flags, LPCWSTR address, HMODULE *module);
static BOOL WINAPI free_module(HMODULE module);
static HANDLE WINAPI start_thread(LPSECURITY_ATTRIBUTES security, SIZE_T stack, LPTHREAD_START_ROUTINE run,
                                  LPVOID argument, DWORD flags, const DWORD *number);
static LPVOID WINAPI take_block(HANDLE heap, DWORD flags, SIZE_T size);
static BOOL WINAPI give_block(HANDLE heap, DWORD flags, LPVOID block);
static DWORD WINAPI take_slot(void);
static BOOL WINAPI give_slot(DWORD slot);
static int WINAPI start_network(WORD version, WSADATA *data);
static int WINAPI stop_network(void);
static FARPROC WINAPI find_function(HMODULE module, LPCSTR name);
static BOOL WINAPI look_at_mask(HANDLE process, PDWORD_PTR ours, PDWORD_PTR all);
static DWORD WINAPI count_processors(WORD group);

#undef GetModuleHandleExW
#define GetModuleHandleExW find_module
#define FreeLibrary free_module
#define CreateThread start_thread
#define HeapAlloc take_block
#define HeapFree give_block
#define TlsAlloc take_slot
#define TlsFree give_slot
#define WSAStartup start_network
#define WSACleanup stop_network
#define GetProcAddress find_function
#define GetProcessAffinityMask look_at_mask
#define GetActiveProcessorCount count_processors
/* NOLINTBEGIN(bugprone-suspicious-include): with other functions than the system has */
#include "../../win32/kernel_system.c"
#include "../../win32/kernel_thread.c"
/* NOLINTEND(bugprone-suspicious-include) */
#undef HeapAlloc
#undef HeapFree

#include "../support/crash_filter.h"
#include "../support/plain_suite.h"

#define CHECK(condition) CU_ASSERT(condition)

/* ---- in the place of the system's ------------------------------------------------------------------ */

enum { MODULE, THREAD, BLOCK, SLOT, NETWORK, KINDS };

static struct {
    int taken[KINDS];   /* and not given back */
    int refuses[KINDS]; /* the nth from now; 0: none */
    int forgotten;      /* extension functions, while the network is there */
    WORD version;
    bool is_wine, has_clock;
    ULONGLONG time; /* that the clock tells, in 100 ns */
    bool has_mask;
    DWORD_PTR ours, all; /* the process' processors, and those of its group */
    DWORD processors;    /* of all groups */
} system_now;

static bool takes(int kind)
{
    if (system_now.refuses[kind] != 0 && --system_now.refuses[kind] == 0) {
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
        return false;
    }
    system_now.taken[kind]++;
    return true;
}

static BOOL WINAPI find_module(DWORD flags, LPCWSTR address, HMODULE *module)
{
    CHECK(flags == GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS && address != NULL);
    *module = GetModuleHandleW(NULL);
    return takes(MODULE);
}

static BOOL WINAPI free_module(HMODULE module)
{
    CHECK(module == GetModuleHandleW(NULL));
    system_now.taken[MODULE]--;
    return TRUE;
}

static HANDLE WINAPI start_thread(LPSECURITY_ATTRIBUTES security, SIZE_T stack, LPTHREAD_START_ROUTINE run,
                                  LPVOID argument, DWORD flags, const DWORD *number)
{
    CHECK(security == NULL && run != NULL && argument != NULL && flags == 0 && number == NULL);
    (void)stack;
    return takes(THREAD) ? GetCurrentThread() : NULL;
}

static LPVOID WINAPI take_block(HANDLE heap, DWORD flags, SIZE_T size)
{
    return takes(BLOCK) ? HeapAlloc(heap, flags, size) : NULL;
}

static BOOL WINAPI give_block(HANDLE heap, DWORD flags, LPVOID block)
{
    system_now.taken[BLOCK]--;
    return HeapFree(heap, flags, block);
}

static DWORD WINAPI take_slot(void)
{
    return takes(SLOT) ? (DWORD)system_now.taken[SLOT] : TLS_OUT_OF_INDEXES;
}

static BOOL WINAPI give_slot(DWORD slot)
{
    CHECK(slot == (DWORD)system_now.taken[SLOT]); /* each of them, the last one first */
    system_now.taken[SLOT]--;
    return TRUE;
}

static int WINAPI start_network(WORD version, WSADATA *data)
{
    CHECK(version == MAKEWORD(2, 2));
    data->wVersion = system_now.version;
    return takes(NETWORK) ? 0 : WSASYSNOTREADY;
}

static int WINAPI stop_network(void)
{
    system_now.taken[NETWORK]--;
    return 0;
}

static VOID WINAPI tell_time(PULONGLONG time)
{
    *time = system_now.time;
}

static FARPROC WINAPI find_function(HMODULE module, LPCSTR name)
{
    CHECK(module == GetModuleHandleW(L"kernelbase.dll"));
    CHECK(strcmp(name, "QueryUnbiasedInterruptTimePrecise") == 0);
    return system_now.has_clock ? (FARPROC)(void (*)(void))tell_time : NULL;
}

static BOOL WINAPI look_at_mask(HANDLE process, PDWORD_PTR ours, PDWORD_PTR all)
{
    CHECK(process == GetCurrentProcess());
    if (!system_now.has_mask) return FALSE;
    *ours = system_now.ours;
    *all = system_now.all;
    return TRUE;
}

static DWORD WINAPI count_processors(WORD group)
{
    CHECK(group == ALL_PROCESSOR_GROUPS);
    return system_now.processors;
}

bool apmk_provider_find_wine(void)
{
    return system_now.is_wine;
}

void apmk_extensions_forget(void)
{
    CHECK(system_now.taken[NETWORK] == 1);
    system_now.forgotten++;
}

void apmk_provider_look(void)
{
    CHECK(system_now.taken[NETWORK] == 1);
}

static void begin(void)
{
    memset(&system_now, 0, sizeof system_now);
    system_now.version = MAKEWORD(2, 2);
    chosen_clock = UNKNOWN;
}

static void check_nothing_taken(void)
{
    int kind;

    for (kind = 0; kind < KINDS; kind++) CHECK(system_now.taken[kind] == 0);
}

/* ---- threads ---------------------------------------------------------------------------------------- */

static void run_nothing(void *argument)
{
    (void)argument;
}

static void check_refused(int kind, apmk_code expected)
{
    apmk_thread thread = NULL;

    begin();
    system_now.refuses[kind] = 1;
    CHECK(apmk_thread_start(run_nothing, NULL, &thread) == expected);
    CHECK(thread == NULL);
    check_nothing_taken();
}

static void refused_thread_leaves_nothing(void)
{
    check_refused(THREAD, ERROR_NO_SYSTEM_RESOURCES);
}

static void thread_without_its_block_is_none(void)
{
    check_refused(BLOCK, ERROR_NOT_ENOUGH_MEMORY);
}

/* ---- start and stop ----------------------------------------------------------------------------------- */

static void stop_gives_back_what_start_took(void)
{
    int i;

    begin();
    for (i = 1; i <= 3; i++) {
        CHECK(apmk_start() == APMK_SUCCESS);
        CHECK(system_now.taken[NETWORK] == 1 && system_now.taken[SLOT] == APMK_LOCAL_COUNT);
        CHECK(system_now.taken[MODULE] == 1);
        apmk_stop();
        CHECK(system_now.forgotten == i);
        check_nothing_taken();
    }
}

static void start_that_fails_leaves_nothing(void)
{
    int nth;

    for (nth = 1; nth <= APMK_LOCAL_COUNT; nth++) {
        begin();
        system_now.refuses[SLOT] = nth;
        CHECK(apmk_start() == ERROR_NO_SYSTEM_RESOURCES);
        check_nothing_taken();
    }
    begin();
    system_now.refuses[NETWORK] = 1;
    CHECK(apmk_start() == WSASYSNOTREADY);
    check_nothing_taken();
    begin();
    system_now.refuses[MODULE] = 1;
    CHECK(apmk_start() == ERROR_NO_SYSTEM_RESOURCES);
    check_nothing_taken();
}

static void older_network_is_none(void)
{
    begin();
    system_now.version = MAKEWORD(1, 1);
    CHECK(apmk_start() == WSAVERNOTSUPPORTED);
    check_nothing_taken();
}

/* ---- the clock ------------------------------------------------------------------------------------------ */

enum { AN_HOUR = 3600000, PER_MILLISECOND = 10000 };

/* One that stands still while the machine sleeps, where there is one and it is precise. */
static void clock_is_the_one_of_the_waits(void)
{
    begin();
    system_now.has_clock = true;
    system_now.time = (ULONGLONG)AN_HOUR * PER_MILLISECOND + PER_MILLISECOND - 1;
    CHECK(apmk_now() == AN_HOUR);
    system_now.time++;
    CHECK(apmk_now() == AN_HOUR + 1);
    system_now.has_clock = false; /* it was chosen once for all */
    CHECK(apmk_now() == AN_HOUR + 1);
}

static void check_own_clock(bool has_clock, bool is_wine)
{
    uint64_t begun;

    begin();
    system_now.has_clock = has_clock;
    system_now.is_wine = is_wine;
    begun = apmk_now();
    CHECK(begun != 0);
    Sleep(20);
    CHECK(apmk_now() >= begun + 19);
    system_now.has_clock = !has_clock;
    CHECK(apmk_now() >= begun + 19);
}

static void clock_is_another_one_elsewhere(void)
{
    check_own_clock(false, false);
    check_own_clock(true, true);
}

/* ---- processors ----------------------------------------------------------------------------------------- */

static uint32_t processors_of(DWORD_PTR ours, DWORD_PTR all, DWORD processors)
{
    begin();
    system_now.has_mask = true;
    system_now.ours = ours;
    system_now.all = all;
    system_now.processors = processors;
    return apmk_processor_count();
}

static void processors_are_those_of_the_process(void)
{
    CHECK(processors_of(0x5, 0xFF, 8) == 2);
    CHECK(processors_of((DWORD_PTR)1 << 31, UINT32_MAX, 32) == 1);
    CHECK(processors_of(0xFF, 0xFF, 8) == 8);
    CHECK(processors_of(0xFF, 0xFF, 16) == 16); /* in two groups, and the process may use both */
    CHECK(processors_of(0, 0, 16) == 16);       /* it does */
    CHECK(processors_of(0, 0, 0) == 1);
    begin();
    system_now.processors = 3;
    CHECK(apmk_processor_count() == 3);
}

int main(void)
{
    static const plain_case cases[] = {
        {"refused_thread_leaves_nothing", refused_thread_leaves_nothing},
        {"thread_without_its_block_is_none", thread_without_its_block_is_none},
        {"stop_gives_back_what_start_took", stop_gives_back_what_start_took},
        {"start_that_fails_leaves_nothing", start_that_fails_leaves_nothing},
        {"older_network_is_none", older_network_is_none},
        {"clock_is_the_one_of_the_waits", clock_is_the_one_of_the_waits},
        {"clock_is_another_one_elsewhere", clock_is_another_one_elsewhere},
        {"processors_are_those_of_the_process", processors_are_those_of_the_process},
    };

    crash_filter_install();
    return run_plain_suite("refusal", cases, sizeof cases / sizeof *cases, NULL);
}
