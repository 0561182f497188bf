/* SPDX-License-Identifier: MIT */
/* What is drawn before a run: the kernel's behaviour, the library's options. */

#include "program.h"

/* Mostly nothing, sometimes a little, now and then a lot. */
static uint32_t draw_rate(uint64_t *stream, uint32_t most)
{
    uint32_t how = draw(stream, 10);

    if (how < 4) return 0;
    return how < 8 ? draw(stream, most / 6 + 1) : draw(stream, most + 1);
}

static uint32_t draw_rare(uint64_t *stream, uint32_t most)
{
    return draw(stream, 8) == 0 ? 1 + draw(stream, most) : 0;
}

/* A worker that is not told to leave finds out after seconds: with real threads that is long. */
static sim_fault draw_post_fault(uint64_t *stream)
{
    sim_fault fault = {0, 0, false};

    if (sim_is_seeded())
        fault.rate = draw_rare(stream, 400);
    else if (draw(stream, 100) == 0)
        fault.nth = 1 + draw(stream, 20);
    return fault;
}

/* When things happen: on any kernel. */
static void draw_pace(sim_profile *profile, uint64_t *stream)
{
    profile->silent_result = draw(stream, 6) == 0;
    profile->switches = 50 + draw(stream, 700);
    profile->ticks = draw(stream, 3) == 0 ? draw(stream, 60) : 0;
    profile->defers = draw_rate(stream, 700);
    profile->pends = draw_rate(stream, 700);
    profile->late_packet = draw_rate(stream, 700);
    profile->late_cancel = draw_rate(stream, 700);
    profile->reorders = draw_rate(stream, 700);
    profile->partial = draw_rate(stream, 800);
    profile->early_wake = draw_rate(stream, 300);
    profile->refuses = draw_rare(stream, 500);
    profile->hangs = draw_rare(stream, 500);
    profile->haunts = draw_rate(stream, 800);
    profile->delay = draw(stream, 2) == 0 ? 0 : draw(stream, 4);
    profile->clock_step = draw(stream, 3) == 0 ? 16 : 0;
    profile->send_room = 1 + draw(stream, draw(stream, 2) == 0 ? 24 : 1000);
    profile->receive_room = 1 + draw(stream, draw(stream, 2) == 0 ? 24 : 1000);
    profile->processors = 1 + draw(stream, 3);
}

/* A kernel that is no system's in particular, and runs out of everything. */
static void draw_hostility(sim_profile *profile, uint64_t *stream)
{
    /* How often, at most, in 1000. Where nothing stands nothing fails by chance. */
    static const uint32_t most[SIM_FAULTS] = {
        [SIM_EVENT] = 400,      [SIM_THREAD] = 400,   [SIM_SOCKET] = 200,   [SIM_PORT] = 150,
        [SIM_ATTACH] = 150,     [SIM_SKIP] = 150,     [SIM_FILE] = 150,     [SIM_DIAL] = 300,
        [SIM_CONTEXT] = 300,    [SIM_TRANSFER] = 150, [SIM_SHUTDOWN] = 150, [SIM_SET_OPTION] = 150,
        [SIM_GET_OPTION] = 150, [SIM_CONTROL] = 150,  [SIM_POLL] = 150,     [SIM_NAME] = 300,
        [SIM_BIND] = 150,       [SIM_START] = 300,    [SIM_WAIT] = 300,     [SIM_NAME_OF] = 150};
    int i;

    profile->windows = draw(stream, 4) != 0;
    profile->ifs_handles = draw(stream, 5) != 0;
    profile->cancel_sweeps = draw(stream, 4) != 0;
    profile->close_resets = draw(stream, 2) == 0;
    profile->concurrency = draw(stream, 2) == 0;
    profile->forgets = draw_rare(stream, 1000);
    profile->clock_jumps = draw_rare(stream, 50);
    for (i = 0; i < SIM_FAULTS; i++)
        if (most[i] != 0) profile->faults[i].rate = draw_rare(stream, most[i]);
    profile->faults[SIM_POST] = draw_post_fault(stream);
    profile->binds_io = draw(stream, 2) == 0;
}

static void draw_options(program *run, uint64_t *stream)
{
    run->options.max_workers = 1 + draw(stream, 4);
    run->options.min_workers = 1 + draw(stream, run->options.max_workers);
    run->options.concurrency = draw(stream, 3);
    run->options.callbacks_on_pool = draw(stream, 5) == 0;
    run->options.packet_always = draw(stream, 5) == 0;
}

void weather_draw(program *run, enum script_profile profile, uint64_t *stream)
{
    draw_pace(&run->profile, stream);
    draw_options(run, stream);
    run->users = draw(stream, 3);
    run->cleans_early = draw(stream, 6) == 0;
    run->cleans_after = run->cleans_early ? draw(stream, 6) : 0;
    run->drains = !run->cleans_early && draw(stream, 2) == 0;
    if (profile == PROFILE_HOSTILE) {
        draw_hostility(&run->profile, stream);
        run->memory_failures = draw_rare(stream, 120);
    }
    if (draw(stream, 3) == 0) run->polls = 1 + draw(stream, 2);
    if (run->polls != POLLS_NOT) run->pollers = 1 + draw(stream, POLLERS);
    run->logs = draw(stream, 4) == 0;
    run->settles = draw(stream, 4) == 0;
}
