/* SPDX-License-Identifier: MIT */
/* The simulated world: its chance, its trace, its runs, its census. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

static uint64_t seed_now;

/* ---- chance ------------------------------------------------------------------------------------ */

/* splitmix64: any seed is a good one. */
uint32_t sim_random(uint64_t *stream, uint32_t limit)
{
    uint64_t mixed = *stream += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    mixed ^= mixed >> 31;
    return (uint32_t)((mixed >> 32) * limit >> 32);
}

uint32_t sim_draw(uint32_t limit)
{
    return sched_draw(limit);
}

bool sim_chance(uint32_t rate)
{
    return rate != 0 && sched_draw(1000) < rate;
}

uint32_t sim_delay(void)
{
    uint32_t most = sim_profile_now()->delay;

    return most == 0 ? 0 : sched_draw(most + 1);
}

/* ---- trace --------------------------------------------------------------------------------------- */

/* The last events. Relaxed words, so that writing here orders nobody. */
#define EVENTS 4096u
#define SHOWN 60u

typedef struct event {
    _Atomic(const char *) what;
    _Atomic uint64_t a, b, time;
    _Atomic uint32_t thread;
} event;

static event events[EVENTS];
static _Atomic uint32_t events_seen;
static bool tracing;
static uint64_t trace_hash; /* of all of them, seeded only */

static void print_event(const event *one)
{
    (void)fprintf(stderr, "sim: %8llu  thread %2u  %-24s %llu %llu\n",
                  (unsigned long long)atomic_load_explicit(&one->time, memory_order_relaxed),
                  (unsigned)atomic_load_explicit(&one->thread, memory_order_relaxed),
                  atomic_load_explicit(&one->what, memory_order_relaxed),
                  (unsigned long long)atomic_load_explicit(&one->a, memory_order_relaxed),
                  (unsigned long long)atomic_load_explicit(&one->b, memory_order_relaxed));
}

/* By what it says, and not by where it stands: that differs from process to process. */
static void hash_number(uint64_t number)
{
    trace_hash = (trace_hash ^ number) * UINT64_C(0x9E3779B97F4A7C15);
    trace_hash ^= trace_hash >> 32;
}

static void hash_event(const char *what, uint64_t a, uint64_t b)
{
    for (; *what != '\0'; what++) hash_number((unsigned char)*what);
    hash_number(a);
    hash_number(b);
    hash_number(sched_now());
    hash_number(sched_self());
}

uint64_t sim_trace_hash(void)
{
    return trace_hash;
}

void sim_note(const char *what, uint64_t a, uint64_t b)
{
    event *one = &events[atomic_fetch_add_explicit(&events_seen, 1, memory_order_relaxed) % EVENTS];

    atomic_store_explicit(&one->what, what, memory_order_relaxed);
    atomic_store_explicit(&one->a, a, memory_order_relaxed);
    atomic_store_explicit(&one->b, b, memory_order_relaxed);
    atomic_store_explicit(&one->time, sched_is_seeded() ? sched_now() : 0, memory_order_relaxed);
    atomic_store_explicit(&one->thread, sched_self(), memory_order_relaxed);
    if (tracing) print_event(one);
    if (sched_is_seeded()) hash_event(what, a, b);
}

void sim_set_trace(bool on)
{
    tracing = on;
}

void sim_enter(const char *what, uint64_t a, uint64_t b)
{
    sim_note(what, a, b);
    sched_interleave();
}

/* ---- failures -------------------------------------------------------------------------------------- */

static void (*explain_failure)(void);

void sim_on_failure(void (*explain)(void))
{
    explain_failure = explain;
}

_Noreturn void sim_fail(const char *format, ...)
{
    uint32_t seen = atomic_load_explicit(&events_seen, memory_order_relaxed), i;
    va_list arguments;

    (void)fflush(stdout);
    (void)fprintf(stderr, "\nsim: FAILURE, seed %llu: ", (unsigned long long)seed_now);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n");
    if (!tracing)
        for (i = seen > SHOWN ? seen - SHOWN : 0; i != seen; i++) print_event(&events[i % EVENTS]);
    sched_describe();
    if (explain_failure != NULL) explain_failure();
    (void)fflush(stderr);
    abort();
}

/* ---- census ------------------------------------------------------------------------------------------ */

static _Atomic int64_t census[SIM_OBJECTS];

void sim_count(enum sim_object kind, int64_t change)
{
    atomic_fetch_add_explicit(&census[kind], change, memory_order_relaxed);
}

int64_t sim_census(enum sim_object kind)
{
    return atomic_load_explicit(&census[kind], memory_order_relaxed);
}

void *sim_memory(size_t size)
{
    void *block = calloc(1, size);

    if (block == NULL) sim_fail("no memory for the simulation itself");
    return block;
}

/* ---- runs ---------------------------------------------------------------------------------------------- */

void sim_seed(uint64_t seed)
{
    seed_now = seed;
    sched_seed(seed);
}

typedef struct run {
    void (*body)(void *argument);
    void *argument;
} run;

static void run_body(void *argument)
{
    static const char *const names[SIM_OBJECTS] = {"events",  "sockets", "ports",  "threads",
                                                   "running", "blocks",  "starts", "files"};
    run *one = (run *)argument;
    int i;

    sim_work_start();
    one->body(one->argument);
    sim_work_stop();
    for (i = 0; i < SIM_OBJECTS; i++)
        if (sim_census((enum sim_object)i) != 0)
            sim_fail("%lld %s are left over", (long long)sim_census((enum sim_object)i), names[i]);
    sim_request_reset();
    sim_port_reset();
    sim_names_reset();
    sim_clock_reset();
    sim_socket_reset_table();
    sim_listener_check_table();
}

void sim_run(void (*body)(void *argument), void *argument)
{
    run one;

    one.body = body;
    one.argument = argument;
    atomic_store_explicit(&events_seen, 0, memory_order_relaxed);
    trace_hash = 0;
    sched_run(run_body, &one);
    hash_number(sched_draw(UINT32_MAX)); /* and how much was drawn that shows in no event */
}

sim_thread *sim_thread_start(const char *name, void (*body)(void *argument), void *argument)
{
    sim_thread *thread = sched_spawn(name, body, argument);

    if (thread == NULL) sim_fail("no thread for the test");
    return thread;
}

void sim_thread_join(sim_thread *thread)
{
    sched_join(thread);
}

uint32_t sim_thread_self(void)
{
    return sched_self();
}

uint64_t sim_now(void)
{
    return sched_now();
}

void sim_sleep(uint32_t milliseconds)
{
    sched_sleep(milliseconds);
}

void sim_interleave(void)
{
    sched_interleave();
}

bool sim_is_seeded(void)
{
    return sched_is_seeded();
}
