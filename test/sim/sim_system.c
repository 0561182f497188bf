/* SPDX-License-Identifier: MIT */
/* The system: start and stop, values per thread, the clock, memory, texts, threads. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

#define HOUR 3600000u /* ms */

/* ---- the loader ---------------------------------------------------------------------------------- */

/* A lock of the process: whoever is in a DllMain has it, and a thread needs it to begin and to end, the
 * network's modules to be loaded and freed. */
static apmk_lock loader_lock;

void sim_set_loader(uint32_t state)
{
    sched_values *own = sched_own();

    sched_interleave();
    if (own->loader == APMK_LOADER_FREE && state != APMK_LOADER_FREE) apmk_lock_exclusive(&loader_lock);
    if (own->loader != APMK_LOADER_FREE && state == APMK_LOADER_FREE) apmk_unlock_exclusive(&loader_lock);
    own->loader = (enum apmk_loader)state;
    sched_interleave();
}

enum apmk_loader apmk_loader_state(void)
{
    return sched_own()->loader;
}

static void pass_loader(void)
{
    if (sched_own()->loader != APMK_LOADER_FREE) return; /* it has it */
    sched_interleave();
    apmk_lock_exclusive(&loader_lock);
    apmk_unlock_exclusive(&loader_lock);
}

/* ---- start and stop, values per thread ------------------------------------------------------- */

/* A start gives every thread zeros again. */
static _Atomic uint32_t starts, generation;

apmk_code apmk_start(void)
{
    sim_enter("start", 0, 0);
    pass_loader();
    if (sim_fault_strikes(SIM_START)) return CODE_NOT_READY;
    sim_work_start();
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&starts, 1, memory_order_relaxed) != 0) sim_fail("started twice");
    sim_count(SIM_STARTS, 1);
    return APMK_SUCCESS;
}

void apmk_stop(void)
{
    sim_enter("stop", 0, 0);
    pass_loader();
    if (atomic_fetch_sub_explicit(&starts, 1, memory_order_relaxed) != 1) sim_fail("stopped without a start");
    sim_count(SIM_STARTS, -1);
}

static uintptr_t *find_local(enum apmk_local which)
{
    uint32_t now = atomic_load_explicit(&generation, memory_order_relaxed);
    sched_values *own = sched_own();

    if (atomic_load_explicit(&starts, memory_order_relaxed) == 0)
        sim_fail("a thread's value is used before the start or after the stop");
    if (own->generation != now) {
        memset(own->locals, 0, sizeof own->locals);
        own->generation = now;
    }
    return &own->locals[which];
}

uintptr_t apmk_local_get(enum apmk_local which)
{
    return *find_local(which);
}

void apmk_local_set(enum apmk_local which, uintptr_t value)
{
    *find_local(which) = value;
}

/* ---- processors, clock, memory ------------------------------------------------------------------ */

uint32_t apmk_processor_count(void)
{
    return sim_profile_now()->processors;
}

static _Atomic uint64_t slept;

/* A run does not depend on those before it. */
void sim_clock_reset(void)
{
    atomic_store_explicit(&slept, 0, memory_order_relaxed);
}

void sim_clock_jump(uint32_t milliseconds)
{
    atomic_fetch_add_explicit(&slept, milliseconds, memory_order_relaxed);
}

/* It never goes back, but it may stand still, and jump. */
uint64_t apmk_now(void)
{
    uint32_t jumps, step;
    uint64_t now;

    sim_profile_clock(&jumps, &step);
    if (sim_chance(jumps)) atomic_fetch_add_explicit(&slept, sim_draw(HOUR), memory_order_relaxed);
    now = sched_now() + atomic_load_explicit(&slept, memory_order_relaxed);
    return step > 1 ? now - now % step : now;
}

void *apmk_allocate(size_t size)
{
    void *block;

    sim_enter("allocate", size, 0);
    if (sim_fault_strikes(SIM_MEMORY)) return NULL;
    block = malloc(size);
    if (block == NULL) return NULL;
    memset(block, 0xA5, size); /* nobody may count on zeros */
    sim_count(SIM_BLOCKS, 1);
    return block;
}

void apmk_release(void *block)
{
    if (block != NULL) sim_count(SIM_BLOCKS, -1);
    free(block);
}

/* ---- texts ---------------------------------------------------------------------------------------- */

static const char *find_text(int32_t code)
{
    switch (code) {
    case 0: return "The operation completed successfully.";
    case 5: return "Access is denied.";
    case APMK_NO_MEMORY: return "Not enough memory resources are available.";
    case APMK_ABORTED: return "The operation was aborted.";
    case CODE_NO_BUFFERS: return "No buffer space is available \xE2\x80\x93 the queue is full.";
    case CODE_TIMED_OUT: return "The peer did not answer in time: d\xC3\xA9lai d\xC3\xA9pass\xC3\xA9.";
    case CODE_REFUSED: return "The connection was refused \xF0\x9F\x94\x92 by the peer.";
    case (int32_t)STATUS_CONNECTION_RESET: return "The remote system reset the transport connection.";
    default: return NULL;
    }
}

/* As the system does: most positive codes below 16,000 have a text, others none. */
static bool compose_text(int32_t code, char *text, size_t size)
{
    const char *known = find_text(code);

    if (known != NULL)
        (void)snprintf(text, size, "%s", known);
    else if (code > 0 && code < 16000)
        (void)snprintf(text, size, "Condition %ld \xE2\x80\x93 no more is known.", (long)code);
    else
        return false;
    return true;
}

size_t apmk_error_text(int32_t code, char *text, size_t size)
{
    char whole[160] = "";
    size_t length, fits;

    if (!compose_text(code, whole, sizeof whole)) whole[0] = '\0';
    length = strlen(whole);
    if (text != NULL && size != 0) {
        fits = length < size ? length : size - 1;
        while (fits != length && ((unsigned char)whole[fits] & 0xC0) == 0x80) fits--;
        memcpy(text, whole, fits);
        text[fits] = '\0';
    }
    return length;
}

/* ---- threads ----------------------------------------------------------------------------------------- */

struct apmk_thread_object {
    sched_thread *thread;
    void (*run)(void *argument);
    void *argument;
    _Atomic bool ended;
};

static void run_thread(void *argument)
{
    struct apmk_thread_object *object = (struct apmk_thread_object *)argument;

    pass_loader();
    object->run(object->argument);
    sim_port_leave();
    sim_transfer_abandon();
    pass_loader();
    sim_count(SIM_RUNNING, -1);
    atomic_store(&object->ended, true);
}

apmk_code apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread)
{
    struct apmk_thread_object *object;

    sim_enter("thread start", 0, 0);
    if (sim_fault_strikes(SIM_THREAD)) return APMK_NO_MEMORY;
    object = (struct apmk_thread_object *)sim_memory(sizeof *object);
    object->run = run;
    object->argument = argument;
    atomic_init(&object->ended, false);
    sim_count(SIM_THREADS, 1);
    sim_count(SIM_RUNNING, 1);
    object->thread = sched_spawn("library", run_thread, object);
    if (object->thread == NULL) sim_fail("no thread for the library");
    *thread = object;
    sched_interleave(); /* it may run before the caller knows of it */
    return APMK_SUCCESS;
}

bool apmk_thread_has_ended(apmk_thread thread)
{
    sched_interleave();
    return atomic_load(&thread->ended);
}

void apmk_thread_join(apmk_thread thread)
{
    sim_enter("thread join", 0, 0);
    sim_port_pause();
    sched_join(thread->thread);
    sim_port_resume();
    free(thread);
    sim_count(SIM_THREADS, -1);
}

void apmk_interleave(void)
{
    sched_interleave();
}
