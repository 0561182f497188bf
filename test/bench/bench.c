/* SPDX-License-Identifier: MIT */
/*
 * Counting costs what all clients pay: a look at the clock and a few additions for each
 * operation. Each thread has figures of its own.
 */
#include "bench.h"

#include <process.h>
#define PSAPI_VERSION 2
#include <psapi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

#define SECOND UINT64_C(1000000000)
#define WATCH_SECONDS 20.0   /* that a client may take longer than it was told to */
#define COUNTED_SECONDS 60.0 /* for a number of operations */
#define HOLD_MILLISECONDS 300
#define LOOK_MILLISECONDS 20

enum { THREADS = 128, SWITCHES = 32, KEY_ROOM = 24 };

/* Latencies by size: 64 steps within each power of two, up to 2^42 ns. */
enum { STEP_BITS = 6, STEPS = 1 << STEP_BITS, POWERS = 42, BUCKETS = STEPS * (POWERS - STEP_BITS + 1) };
enum { FIRST_STEPS = 2 * STEPS }; /* of a nanosecond each */

typedef struct figures {
    uint64_t all;        /* operations, those of the warm-up included */
    uint64_t operations; /* that were over within the time */
    uint64_t bytes;
    uint64_t last; /* when the last one was over */
    uint32_t latencies[BUCKETS];
} figures;

typedef struct usage {
    double user, system; /* seconds */
    uint64_t resident, most_resident, committed;
} usage;

typedef struct option {
    char key[KEY_ROOM];
    long value;
    bool known;
} option;

typedef struct kind {
    const char *name;
    bench_workload workload;
    uint32_t connections, size;
} kind;

static const kind kinds[] = {
    {"pingpong", BENCH_PINGPONG, 1, 64},     {"pingpong_many", BENCH_PINGPONG, 64, 64},
    {"stream_send", BENCH_SEND, 1, 65536},   {"stream_recv", BENCH_RECEIVE, 1, 65536},
    {"connect_rate", BENCH_CONNECT, 1, 0},   {"msdn", BENCH_MSDN, 1, 4096},
    {"idle_memory", BENCH_IDLE, 1000, 4096},
};

bench_plan bench;
char bench_message[BENCH_MESSAGE_SIZE + 1] = "This is a test<EOF>";

static const char *client = "", *client_version = "", *workload = "";
static double seconds = 2.0, warm_up = 0.3;
static uint64_t operations; /* to do in all; 0: as many as the time allows */
static option options[SWITCHES];
static uint32_t option_count;

static uint64_t began_at, warm_at, over_at, opened_at;
static usage at_begin, at_open;
static atomic_uint_fast64_t begun; /* with `operations` only */
static atomic_uint lanes_left, errors, thread_count;
static figures *by_thread[THREADS];
static DWORD figures_slot;

/* ---- the end ----------------------------------------------------------------------------------- */

/* Without tearing down: the system takes it all back. */
static _Noreturn void end_process(int code)
{
    (void)fflush(stdout);
    _exit(code);
}

void bench_fail(const char *what, long code)
{
    (void)printf("{\"impl\":\"%s\",\"workload\":\"%s\",\"error\":\"%s\",\"code\":%ld}\n", client, workload,
                 what, code);
    end_process(2);
}

static unsigned __stdcall watch(void *unused)
{
    (void)unused;
    Sleep((DWORD)((seconds + warm_up + WATCH_SECONDS) * 1000.0));
    bench_fail("watchdog", 0);
}

/* ---- the command line -------------------------------------------------------------------------- */

static _Noreturn void refuse(const char *argument)
{
    (void)fprintf(stderr,
                  "%s: %s?\nusage: %s WORKLOAD --port P [--host 127.0.0.1|::1] [--conns N] [--size BYTES]\n"
                  "  [--seconds S] [--warmup S] [--threads N] [--ops N] [--opt KEY[=VALUE],...]\n"
                  "workloads: pingpong pingpong_many stream_send stream_recv connect_rate msdn idle_memory\n",
                  client, argument, client);
    end_process(1);
}

static uint64_t read_number(const char *text, uint64_t least, uint64_t most)
{
    uint64_t number;

    if (!number_read(text, &number) || number < least || number > most) refuse(text);
    return number;
}

static double read_seconds(const char *text)
{
    char *end = NULL;
    double number = strtod(text, &end);

    if (end == text || *end != '\0' || !(number >= 0.0 && number <= 3600.0)) refuse(text);
    return number;
}

static void add_switch(const char *text, size_t length)
{
    const char *equals = (const char *)memchr(text, '=', length);
    size_t key = equals != NULL ? (size_t)(equals - text) : length;
    option *added = &options[option_count];

    if (option_count == SWITCHES || key == 0 || key >= KEY_ROOM) refuse(text);
    memcpy(added->key, text, key);
    added->value = equals != NULL ? strtol(equals + 1, NULL, 10) : 1;
    option_count++;
}

static void read_switches(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, ",");

        add_switch(text, length);
        text += length;
        if (*text == ',') text++;
    }
}

static void read_option(const char *name, const char *value)
{
    if (strcmp(name, "--host") == 0)
        bench.host = value;
    else if (strcmp(name, "--port") == 0)
        bench.port = (uint16_t)read_number(value, 1, 65535);
    else if (strcmp(name, "--conns") == 0)
        bench.connections = (uint32_t)read_number(value, 1, 1000000);
    else if (strcmp(name, "--size") == 0)
        bench.size = (uint32_t)read_number(value, 0, 1u << 30);
    else if (strcmp(name, "--threads") == 0)
        bench.threads = (uint32_t)read_number(value, 1, 64);
    else if (strcmp(name, "--ops") == 0)
        operations = read_number(value, 0, UINT32_MAX);
    else if (strcmp(name, "--seconds") == 0)
        seconds = read_seconds(value);
    else if (strcmp(name, "--warmup") == 0)
        warm_up = read_seconds(value);
    else if (strcmp(name, "--opt") == 0)
        read_switches(value);
    else
        refuse(name);
}

static void read_arguments(int argc, char **argv)
{
    size_t i;
    int at;

    for (i = 0; argc > 1 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[1], kinds[i].name) != 0) continue;
        workload = kinds[i].name;
        bench.workload = kinds[i].workload;
        bench.connections = kinds[i].connections;
        bench.size = kinds[i].size;
    }
    if (workload[0] == '\0') refuse(argc > 1 ? argv[1] : "WORKLOAD");
    bench.host = "127.0.0.1";
    bench.threads = 1;
    for (at = 2; at < argc; at += 2) {
        if (at + 1 == argc) refuse(argv[at]);
        read_option(argv[at], argv[at + 1]);
    }
    /* Nowhere else: this is no tool to load other machines with. */
    if (strcmp(bench.host, "127.0.0.1") != 0 && strcmp(bench.host, "::1") != 0) refuse(bench.host);
    if (bench.port == 0) refuse("--port");
    if (bench.size == 0 && bench.workload != BENCH_CONNECT) refuse("--size 0");
    if (bench.workload == BENCH_MSDN && bench.size < BENCH_MESSAGE_SIZE) refuse("--size");
    if (operations == 0) return;
    seconds = COUNTED_SECONDS;
    warm_up = 0.0;
    if (operations < bench.connections) operations = bench.connections; /* each lane does one */
}

void bench_start(const char *name, const char *version, int argc, char **argv)
{
    WSADATA data;
    uintptr_t thread;
    int code;

    client = name;
    client_version = version;
    read_arguments(argc, argv);
    code = WSAStartup(MAKEWORD(2, 2), &data);
    if (code != 0) bench_fail("WSAStartup", code);
    figures_slot = TlsAlloc();
    if (figures_slot == TLS_OUT_OF_INDEXES) bench_fail("TlsAlloc", (long)GetLastError());
    thread = _beginthreadex(NULL, 65536, watch, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread == 0) bench_fail("thread", (long)GetLastError());
    (void)CloseHandle((HANDLE)thread);
}

long bench_switch(const char *key, long otherwise)
{
    uint32_t i;

    for (i = 0; i < option_count; i++) {
        if (strcmp(options[i].key, key) != 0) continue;
        options[i].known = true;
        otherwise = options[i].value;
    }
    return otherwise;
}

void bench_check_switches(void)
{
    uint32_t i;

    (void)bench_switch("hold_ms", 0);
    for (i = 0; i < option_count; i++)
        if (!options[i].known) refuse(options[i].key);
}

/* ---- what clients need ---------------------------------------------------------------------------- */

int bench_address(struct sockaddr_storage *address)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)address;

    memset(address, 0, sizeof *address);
    if (strcmp(bench.host, "::1") == 0) {
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(bench.port);
        ipv6->sin6_addr.s6_addr[15] = 1;
        return (int)sizeof *ipv6;
    }
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(bench.port);
    ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (int)sizeof *ipv4;
}

char *bench_buffer(void)
{
    char *buffer = (char *)calloc(1, (size_t)bench.size + 64);

    if (buffer == NULL) bench_fail("memory", 0);
    return buffer;
}

bool bench_connects(void)
{
    return bench.workload == BENCH_CONNECT || bench.workload == BENCH_MSDN;
}

bool bench_receives_first(void)
{
    return bench.workload == BENCH_RECEIVE || bench.workload == BENCH_IDLE;
}

char *bench_request(char *buffer)
{
    return bench.workload == BENCH_MSDN ? bench_message : buffer;
}

size_t bench_request_size(void)
{
    return bench.workload == BENCH_MSDN ? BENCH_MESSAGE_SIZE : bench.size;
}

void bench_check_answer(const char *buffer, size_t size)
{
    if (size != BENCH_MESSAGE_SIZE || memcmp(buffer, bench_message, BENCH_MESSAGE_SIZE) != 0)
        bench_note_error();
}

uint64_t bench_now(void)
{
    static uint64_t frequency; /* the same whoever writes it */
    LARGE_INTEGER ticks;

    if (frequency == 0) {
        (void)QueryPerformanceFrequency(&ticks);
        frequency = (uint64_t)ticks.QuadPart;
    }
    (void)QueryPerformanceCounter(&ticks);
    if (SECOND % frequency == 0) return (uint64_t)ticks.QuadPart * (SECOND / frequency);
    return (uint64_t)((double)ticks.QuadPart * 1e9 / (double)frequency);
}

/* ---- counting ------------------------------------------------------------------------------------- */

static double seconds_of(const FILETIME *time)
{
    return (double)((uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime) / 1e7;
}

/* Wine tells the times in steps of 10 ms: there the runner takes its own from outside. */
static usage look_at_process(void)
{
    PROCESS_MEMORY_COUNTERS_EX memory;
    FILETIME created, ended, kernel, user;
    usage now = {0};

    if (GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) {
        now.user = seconds_of(&user);
        now.system = seconds_of(&kernel);
    }
    memset(&memory, 0, sizeof memory);
    memory.cb = sizeof memory;
    if (GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)(void *)&memory,
                             sizeof memory)) {
        now.resident = memory.WorkingSetSize;
        now.most_resident = memory.PeakWorkingSetSize;
        now.committed = memory.PrivateUsage != 0 ? memory.PrivateUsage : memory.PagefileUsage;
    }
    return now;
}

static figures *mine(void)
{
    figures *found = (figures *)TlsGetValue(figures_slot);
    uint32_t place;

    if (found != NULL) return found;
    place = atomic_fetch_add(&thread_count, 1);
    if (place >= THREADS) bench_fail("more threads than the bench counts", (long)place);
    found = (figures *)calloc(1, sizeof *found);
    if (found == NULL || !TlsSetValue(figures_slot, found)) bench_fail("memory", 0);
    by_thread[place] = found;
    return found;
}

static uint32_t bucket_of(uint64_t time)
{
    uint32_t power = 0;

    while (time >> power >= FIRST_STEPS && power < POWERS - STEP_BITS - 1) power++;
    if (time >> power >= FIRST_STEPS) return BUCKETS - 1;
    return power * STEPS + (uint32_t)(time >> power);
}

static double middle_of(uint32_t bucket)
{
    uint32_t power;

    if (bucket < FIRST_STEPS) return bucket;
    power = bucket / STEPS - 1;
    return ((double)(STEPS + bucket % STEPS) + 0.5) * (double)(UINT64_C(1) << power);
}

void bench_open(void)
{
    at_open = look_at_process();
    opened_at = bench_now();
}

void bench_begin(void)
{
    atomic_store(&lanes_left, bench.connections);
    atomic_store(&begun, bench.connections);
    (void)puts("begins"); /* whoever looks from outside: what came before is not what is measured */
    (void)fflush(stdout);
    at_begin = look_at_process();
    began_at = bench_now();
    warm_at = began_at + (uint64_t)(warm_up * 1e9);
    over_at = warm_at + (uint64_t)(seconds * 1e9);
}

bool bench_finish(uint64_t *began, uint64_t bytes)
{
    uint64_t now = bench_now();
    figures *own = mine();

    own->all++;
    if (now >= warm_at && now <= over_at) {
        own->operations++;
        own->bytes += bytes;
        own->last = now;
        own->latencies[bucket_of(now - *began)]++;
    }
    *began = now;
    if (now >= over_at) return false;
    return operations == 0 || atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed) < operations;
}

bool bench_leave(void)
{
    return atomic_fetch_sub(&lanes_left, 1) == 1;
}

void bench_note_error(void)
{
    (void)atomic_fetch_add(&errors, 1);
}

/* ---- the result ------------------------------------------------------------------------------------ */

/* In microseconds. */
static double find_quantile(const figures *sum, double quantile)
{
    uint64_t rank = (uint64_t)(quantile * (double)sum->operations), seen = 0;
    uint32_t i;

    for (i = 0; i < BUCKETS; i++) {
        seen += sum->latencies[i];
        if (seen > rank) return middle_of(i) / 1000.0;
    }
    return 0.0;
}

static void add_figures(figures *sum, const figures *part)
{
    uint32_t i;

    sum->all += part->all;
    sum->operations += part->operations;
    sum->bytes += part->bytes;
    if (part->last > sum->last) sum->last = part->last;
    for (i = 0; i < BUCKETS; i++) sum->latencies[i] += part->latencies[i];
}

static void print_result(const figures *sum, double time, const char *more)
{
    usage now = look_at_process();
    double user = now.user - at_begin.user, system_time = now.system - at_begin.system;
    double each = sum->all != 0 ? (user + system_time) * 1e6 / (double)sum->all : 0.0;

    if (time <= 0.0) time = 1e-9; /* a clock that has not moved is no reason to divide by 0 */
    (void)printf("{\"impl\":\"%s\",\"version\":\"%s\",\"workload\":\"%s\",\"ops\":%llu,\"bytes\":%llu,"
                 "\"seconds\":%.4f,\"ops_per_s\":%.1f,\"MB_per_s\":%.2f,\"p50_us\":%.2f,\"p99_us\":%.2f,"
                 "\"peak_ws_kb\":%llu,",
                 client, client_version, workload, (unsigned long long)sum->operations,
                 (unsigned long long)sum->bytes, time, (double)sum->operations / time,
                 (double)sum->bytes / 1e6 / time, find_quantile(sum, 0.5), find_quantile(sum, 0.99),
                 (unsigned long long)(now.most_resident / 1024));
    (void)printf("\"user_s\":%.3f,\"sys_s\":%.3f,\"cpu_us_per_op\":%.3f,\"conns\":%lu,\"size\":%lu,"
                 "\"threads\":%lu,\"ops_all\":%llu,\"errors\":%u%s}\n",
                 user, system_time, each, (unsigned long)bench.connections, (unsigned long)bench.size,
                 (unsigned long)bench.threads, (unsigned long long)sum->all, atomic_load(&errors), more);
    (void)fflush(stdout);
    Sleep(LOOK_MILLISECONDS); /* whoever looks from outside: its end is not what is measured, either */
    end_process(0);
}

void bench_report(void)
{
    static figures sum;
    uint32_t count = atomic_load(&thread_count), i;

    /* Every lane has left, so no figures change any more. */
    for (i = 0; i < count && i < THREADS; i++)
        if (by_thread[i] != NULL) add_figures(&sum, by_thread[i]);
    print_result(&sum, operations != 0 ? (double)(sum.last - began_at) / 1e9 : seconds, "");
    end_process(0);
}

static double bytes_each(uint64_t before, uint64_t now)
{
    return ((double)now - (double)before) / (double)bench.connections;
}

void bench_report_idle(void)
{
    static figures sum;
    usage now = look_at_process();
    double time = (double)(bench_now() - opened_at) / 1e9;
    char more[256];

    sum.all = sum.operations = bench.connections;
    (void)snprintf(
        more, sizeof more, ",\"ws_per_conn\":%.0f,\"priv_per_conn\":%.0f,\"ws0_kb\":%llu,\"priv0_kb\":%llu",
        bytes_each(at_open.resident, now.resident), bytes_each(at_open.committed, now.committed),
        (unsigned long long)(at_open.resident / 1024), (unsigned long long)(at_open.committed / 1024));
    Sleep((DWORD)bench_switch("hold_ms", HOLD_MILLISECONDS)); /* the runner looks at the server's memory */
    print_result(&sum, time, more);
    end_process(0);
}
