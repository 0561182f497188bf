/* SPDX-License-Identifier: MIT */
/* The named profiles, and the one in force. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

#define ROOM 65536u           /* bytes between a socket and its peer, each way */
#define REFUSAL_TIME 2000u    /* Windows sends three SYNs */
#define SYN_TIME 21000u       /* for which it waits so long */
#define SYN_TIME_WINE 127000u /* Linux sends seven */
#define TICK 16u              /* of GetTickCount64 */

/* What is in force until another one is set. */
#define WINDOWS \
    { \
        .windows = true, .ifs_handles = true, .cancel_sweeps = true, .close_resets = true, \
        .concurrency = true, .switches = 300, .late_cancel = 250, .delay = 1, .refusal_time = REFUSAL_TIME, \
        .syn_time = SYN_TIME, .send_room = ROOM, .receive_room = ROOM, .processors = 2 \
    }

static const struct {
    const char *name;
    sim_profile profile;
} profiles[] = {
    {"windows", WINDOWS},
    {"wine",
     {.ifs_handles = true,
      .forgets = 300,
      .switches = 300,
      .syn_time = SYN_TIME_WINE,
      .send_room = ROOM,
      .receive_room = ROOM,
      .processors = 2}},
    {"hostile",
     {.windows = true,
      .cancel_sweeps = true,
      .close_resets = true,
      .any_close = true,
      .silent_result = true,
      .binds_io = true,
      .concurrency = true,
      .switches = 500,
      .defers = 300,
      .pends = 300,
      .late_packet = 300,
      .late_cancel = 300,
      .reorders = 500,
      .early_wake = 200,
      .haunts = 500,
      .instant = 100,
      .faults = {[SIM_POST] = {.rate = 20}},
      .delay = 2,
      .refusal_time = REFUSAL_TIME,
      .syn_time = SYN_TIME,
      .clock_step = TICK,
      .send_room = ROOM,
      .receive_room = ROOM,
      .processors = 1}},
};

bool sim_profile_named(const char *name, sim_profile *profile)
{
    size_t i;

    for (i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, name) != 0) continue;
        *profile = profiles[i].profile;
        return true;
    }
    return false;
}

sim_profile sim_base_profile(void)
{
    const char *name = getenv("APMTEST_PROFILE");
    sim_profile profile;

    if (name == NULL || *name == '\0') name = profiles[0].name;
    if (!sim_profile_named(name, &profile)) sim_fail("APMTEST_PROFILE names no profile: %s", name);
    return profile;
}

/* ---- the one in force ----------------------------------------------------------------------------- */

static sim_profile now = WINDOWS;
static _Atomic uint32_t fault_calls[SIM_FAULTS];
/* Its faults and its clock: idle workers, and who waits outside of the library, look at those while another profile
 * is set. */
static _Atomic uint32_t clock_jumps, clock_step;
static _Atomic uint32_t fault_rates[SIM_FAULTS], fault_turns[SIM_FAULTS];
static _Atomic bool faults_last[SIM_FAULTS];

void sim_set_profile(const sim_profile *wanted)
{
    int i;

    now = *wanted;
    for (i = 0; i < SIM_FAULTS; i++) {
        atomic_store_explicit(&fault_calls[i], 0, memory_order_relaxed);
        atomic_store_explicit(&fault_rates[i], wanted->faults[i].rate, memory_order_relaxed);
        atomic_store_explicit(&fault_turns[i], wanted->faults[i].nth, memory_order_relaxed);
        atomic_store_explicit(&faults_last[i], wanted->faults[i].lasting, memory_order_relaxed);
    }
    atomic_store_explicit(&clock_jumps, wanted->clock_jumps, memory_order_relaxed);
    atomic_store_explicit(&clock_step, wanted->clock_step, memory_order_relaxed);
    sched_set_rates(now.switches, now.ticks);
}

void sim_profile_clock(uint32_t *jumps, uint32_t *step)
{
    *jumps = atomic_load_explicit(&clock_jumps, memory_order_relaxed);
    *step = atomic_load_explicit(&clock_step, memory_order_relaxed);
}

const sim_profile *sim_profile_now(void)
{
    return &now;
}

uint32_t sim_fault_calls(enum sim_fault_kind kind)
{
    return atomic_load_explicit(&fault_calls[kind], memory_order_relaxed);
}

bool sim_fault_strikes(enum sim_fault_kind kind)
{
    uint32_t nth = atomic_load_explicit(&fault_turns[kind], memory_order_relaxed);
    uint32_t call = atomic_fetch_add_explicit(&fault_calls[kind], 1, memory_order_relaxed) + 1;

    if (nth != 0 &&
        (call == nth || (call > nth && atomic_load_explicit(&faults_last[kind], memory_order_relaxed))))
        return true;
    return sim_chance(atomic_load_explicit(&fault_rates[kind], memory_order_relaxed));
}
