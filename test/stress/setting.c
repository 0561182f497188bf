/* SPDX-License-Identifier: MIT */
/* Settings: numbers of a run that a script can name. The kernel's weather, the library's options. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum setting_kind { A_BOOL, A_NUMBER };

typedef struct setting {
    const char *name;
    size_t offset; /* in the program */
    enum setting_kind kind;
    uint32_t limit;
} setting;

#define TRUTH(name, member) \
    { \
        name, offsetof(program, member), A_BOOL, 1 \
    }
#define NUMBER(name, member, limit) \
    { \
        name, offsetof(program, member), A_NUMBER, limit \
    }
#define CHANCE(name, member) NUMBER(name, member, 1000)
#define FAULT(name, kind) CHANCE("fails-" name, profile.faults[kind].rate)

/* Scripts name them; where bytes are a script their order counts. New ones come last. */
static const setting settings[] = {
    TRUTH("windows", profile.windows),
    TRUTH("ifs-handles", profile.ifs_handles),
    TRUTH("cancel-sweeps", profile.cancel_sweeps),
    TRUTH("close-resets", profile.close_resets),
    TRUTH("silent-result", profile.silent_result),
    TRUTH("enforced-concurrency", profile.concurrency),
    CHANCE("switches", profile.switches),
    CHANCE("ticks", profile.ticks),
    CHANCE("defers", profile.defers),
    CHANCE("pends", profile.pends),
    CHANCE("late-packet", profile.late_packet),
    CHANCE("late-cancel", profile.late_cancel),
    CHANCE("reorders", profile.reorders),
    CHANCE("partial", profile.partial),
    CHANCE("early-wake", profile.early_wake),
    CHANCE("refuses", profile.refuses),
    CHANCE("hangs", profile.hangs),
    CHANCE("haunts", profile.haunts),
    CHANCE("forgets", profile.forgets),
    NUMBER("clock-jumps", profile.clock_jumps, 50),
    NUMBER("delay", profile.delay, 20),
    NUMBER("clock-step", profile.clock_step, 16),
    NUMBER("send-room", profile.send_room, 65536),
    NUMBER("receive-room", profile.receive_room, 65536),
    NUMBER("processors", profile.processors, 4),
    FAULT("post", SIM_POST),
    NUMBER("fails-nth-post", profile.faults[SIM_POST].nth, 1000),
    FAULT("event", SIM_EVENT),
    FAULT("thread", SIM_THREAD),
    FAULT("socket", SIM_SOCKET),
    FAULT("port", SIM_PORT),
    FAULT("attach", SIM_ATTACH),
    FAULT("skip", SIM_SKIP),
    FAULT("file", SIM_FILE),
    FAULT("name", SIM_NAME),
    FAULT("bind", SIM_BIND),
    FAULT("dial", SIM_DIAL),
    FAULT("context", SIM_CONTEXT),
    FAULT("transfer", SIM_TRANSFER),
    FAULT("shutdown", SIM_SHUTDOWN),
    FAULT("set-option", SIM_SET_OPTION),
    FAULT("get-option", SIM_GET_OPTION),
    FAULT("control", SIM_CONTROL),
    FAULT("poll", SIM_POLL),
    NUMBER("fails-allocation", memory_failures, 200),
    NUMBER("max-workers", options.max_workers, 8),
    NUMBER("min-workers", options.min_workers, 8),
    NUMBER("concurrency", options.concurrency, 4),
    TRUTH("callbacks-on-pool", options.callbacks_on_pool),
    TRUTH("packet-always", options.packet_always),
    NUMBER("startups", users, 3),
    TRUTH("cleans-early", cleans_early),
    NUMBER("cleans-after", cleans_after, 100),
    TRUTH("drains", drains),
    NUMBER("polls", polls, 2),
    NUMBER("pollers", pollers, 3),
    TRUTH("logs", logs),
    TRUTH("settles", settles),
    FAULT("start", SIM_START),
    NUMBER("fails-wait", profile.faults[SIM_WAIT].rate, 500), /* with all of them nothing would ever come */
    FAULT("name-of", SIM_NAME_OF),
    TRUTH("binds-io", profile.binds_io),
};

_Static_assert(sizeof settings / sizeof *settings <= SETTINGS_ROOM, "a script has room for all settings");

uint32_t setting_count(void)
{
    return (uint32_t)(sizeof settings / sizeof *settings);
}

const char *setting_name(uint32_t index)
{
    return settings[index].name;
}

uint32_t setting_limit(uint32_t index)
{
    return settings[index].limit;
}

void setting_collect(const program *run, uint32_t *values)
{
    uint32_t i;

    memset(values, 0, SETTINGS_ROOM * sizeof *values);
    for (i = 0; i < setting_count(); i++) {
        const unsigned char *from = (const unsigned char *)run + settings[i].offset;
        bool truth;

        if (settings[i].kind == A_BOOL) {
            memcpy(&truth, from, sizeof truth);
            values[i] = truth ? 1 : 0;
        } else {
            memcpy(&values[i], from, sizeof values[i]);
        }
    }
}

void setting_apply(program *run, const uint32_t *values)
{
    uint32_t i;

    for (i = 0; i < setting_count(); i++) {
        unsigned char *to = (unsigned char *)run + settings[i].offset;
        bool truth = values[i] != 0;

        if (settings[i].kind == A_BOOL)
            memcpy(to, &truth, sizeof truth);
        else
            memcpy(to, &values[i], sizeof values[i]);
    }
    /* What is not to be had would not be a run. */
    if (run->profile.processors == 0) run->profile.processors = 1;
    if (run->profile.send_room == 0) run->profile.send_room = 1;
    if (run->profile.receive_room == 0) run->profile.receive_room = 1;
    if (run->options.max_workers == 0) run->options.max_workers = 1;
    if (run->options.min_workers > run->options.max_workers)
        run->options.min_workers = run->options.max_workers;
}

/* Its character is the profile's; nothing fails, nothing is late. */
void setting_calm(program *run, enum script_profile profile)
{
    sim_profile *calm = &run->profile;

    if (!sim_profile_named(script_profile_name(profile), calm)) abort();
    calm->silent_result = false;
    calm->ticks = calm->defers = calm->pends = calm->late_packet = calm->late_cancel = 0;
    calm->reorders = calm->partial = calm->early_wake = 0;
    calm->refuses = calm->hangs = calm->haunts = calm->clock_jumps = 0;
    calm->delay = calm->clock_step = 0;
    memset(calm->faults, 0, sizeof calm->faults);
    run->options.size = sizeof run->options;
    run->options.max_workers = 4;
    run->options.min_workers = 1;
}

void setting_defaults(enum script_profile profile, uint32_t *values)
{
    program calm;

    memset(&calm, 0, sizeof calm);
    setting_calm(&calm, profile);
    setting_collect(&calm, values);
}
