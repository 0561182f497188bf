/* SPDX-License-Identifier: MIT */
/* What is drawn before a run: the kernel's behaviour, the library's options, the cast. */
#include <stdlib.h>
#include <string.h>

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
    sim_fault fault = {0, 0};

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
        [SIM_GET_OPTION] = 150, [SIM_CONTROL] = 150,  [SIM_POLL] = 150};
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
}

static void draw_options(program *run)
{
    uint64_t *stream = &run->stream;

    run->options.size = sizeof run->options;
    run->options.max_workers = 1 + draw(stream, 4);
    run->options.min_workers = 1 + draw(stream, run->options.max_workers);
    run->options.concurrency = draw(stream, 3);
    run->options.callbacks_on_pool = draw(stream, 5) == 0;
    run->options.packet_always = draw(stream, 5) == 0;
    ledger_install(&run->options, run->hostile ? draw_rare(stream, 120) : 0);
}

static void draw_place(program *run, place *at, uint32_t index)
{
    uint64_t *stream = &run->stream;

    at->in = run;
    at->index = index;
    at->sender = draw(stream, run->actor_count);
    at->receiver = draw(stream, run->actor_count);
    at->datagram = draw(stream, 8) == 0;
#ifdef APMI_PIECE
    at->datagram = false; /* where pieces are small, a datagram would be cut into them */
#endif
    at->bound = draw(stream, 6) == 0;
    at->nobody = draw(stream, 10) == 0;
    at->parts_ways = draw(stream, 6) == 0;
    at->parallel = draw(stream, 2) == 0;
    at->connect_timeout = draw(stream, 4) == 0 ? 1 + (int32_t)draw(stream, 600) : 0;
    at->chained_sends = draw(stream, 4) == 0;
    at->chained_receives = draw(stream, 4) == 0;
    at->chain_left[0] = at->chain_left[1] = 1 + draw(stream, 24);
    at->salt = 1000 + index;
    at->host_stream = ((uint64_t)draw(stream, UINT32_MAX) << 32) + index;
}

void program_draw(program *run, const char *profile, uint64_t seed)
{
    uint32_t i;

    run->seed = run->stream = seed;
    if (!sim_profile_named(profile, &run->profile)) abort();
    run->hostile = strcmp(profile, "hostile") == 0;
    draw_pace(&run->profile, &run->stream);
    if (run->hostile) draw_hostility(&run->profile, &run->stream);
    draw_options(run);
    run->place_count = 1 + draw(&run->stream, PLACES);
    run->actor_count = 1 + draw(&run->stream, ACTORS);
    run->cleans_early = draw(&run->stream, 6) == 0;
    run->drains = !run->cleans_early && draw(&run->stream, 2) == 0;
    run->users = draw(&run->stream, 3);
    for (i = 0; i < run->place_count; i++) draw_place(run, &run->places[i], i);
    for (i = 0; i < run->actor_count; i++) {
        run->actors[i].in = run;
        run->actors[i].index = i;
        run->actors[i].stream = ((uint64_t)draw(&run->stream, UINT32_MAX) << 32) + i;
        run->actors[i].steps = 4 + draw(&run->stream, 30);
    }
}
