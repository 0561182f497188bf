/* SPDX-License-Identifier: MIT */
/*
 * What the runs of this process have reached, so that none of it is checked in vain: where nothing connects, say,
 * no byte is ever lost.
 */
#include "reach.h"

#include "program.h"

enum kind {
    RUNS,
    CONNECTS,
    BYTES_READ,
    BYTES_RECEIVED,
    ENDS,
    LETTERS,
    LISTS,
    FILES,
    BLOCKING,
    PARTINGS,
    ABORTS,
    TIMEOUTS,
    CLOSES,
    FLEETS,
    CALLBACKS,
    KINDS
};

/* What a thousand seeds reach at least, on each kernel and scheduler: mostly it is four times that. A hundred need a
 * tenth of it: none of what is rare. */
static const struct {
    const char *name;
    uint64_t least;
} kinds[KINDS] = {
    [RUNS] = {"runs", 700},
    [CONNECTS] = {"connects", 250},
    [BYTES_READ] = {"bytes that hosts read", 15000},
    [BYTES_RECEIVED] = {"bytes received", 6000},
    [ENDS] = {"streams received to their end", 30},
    [LETTERS] = {"datagrams received", 30},
    [LISTS] = {"lists", 120},
    [FILES] = {"files", 9},
    [BLOCKING] = {"blocking calls", 100},
    [PARTINGS] = {"disconnects", 9},
    [ABORTS] = {"aborts by a cancel", 40},
    [TIMEOUTS] = {"timeouts", 9},
    [CLOSES] = {"operations closed under way", 10},
    [FLEETS] = {"operations let go under way", 700},
    [CALLBACKS] = {"callbacks", 2000},
};

static uint64_t reached[KINDS];

/* ---- counting ------------------------------------------------------------------------------------- */

static bool has_ended(const call *made, apm_error error)
{
    return made->begun && atomic_load(&made->winners) == 1 && made->error == error;
}

static void count_bytes(const call *made)
{
    if (made->kind != CALL_RECEIVE || made->kept_size == 0 || made->peeks) return;
    if (made->at->datagram)
        reached[LETTERS]++;
    else
        reached[BYTES_RECEIVED] += made->kept_size;
}

static void count_success(const call *made)
{
    if (made->kind == CALL_CONNECT) reached[CONNECTS]++;
    if (made->kind == CALL_DISCONNECT) reached[PARTINGS]++;
    if (made->parts != 0) reached[LISTS]++;
    if (made->files) reached[FILES]++;
    if (made->blocks) reached[BLOCKING]++;
}

static void count_calls(call *const *calls, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        const call *made = calls[i];

        reached[CALLBACKS] += atomic_load(&made->callbacks);
        count_bytes(made);
        if (has_ended(made, APM_ERROR_SUCCESS)) count_success(made);
        if (has_ended(made, APM_ERROR_OPERATION_ABORTED)) reached[ABORTS]++;
        if (has_ended(made, APM_ERROR_TIMED_OUT)) reached[TIMEOUTS]++;
        if (made->is_outlived) reached[CLOSES]++;
    }
}

void reach_count(const program *run)
{
    uint32_t i;

    reached[RUNS]++;
    reached[FLEETS] += run->fleets.begun;
    for (i = 0; i < PLACES; i++) {
        const place *at = &run->places[i];
        const conversation *one;

        count_calls(at->sends, at->send_count);
        count_calls(at->receives, at->receive_count);
        count_calls(at->connects, at->connect_count);
        for (one = at->first; one != NULL; one = one->next) reached[BYTES_READ] += one->read_size;
        if (at->drained) reached[ENDS]++;
    }
}

/* ---- the end ---------------------------------------------------------------------------------------- */

void reach_print(FILE *out)
{
    uint32_t i;

    for (i = 0; i < KINDS; i++)
        (void)fprintf(out, "%s%s: %llu", i != 0 ? ", " : "", kinds[i].name, (unsigned long long)reached[i]);
}

bool reach_suffices(uint64_t seeds)
{
    bool good = true;
    uint32_t i;

    for (i = 0; i < KINDS && seeds >= 100; i++) {
        uint64_t least = seeds * kinds[i].least / 1000;

#ifdef APMI_PIECE
        if (i == LETTERS) continue; /* where pieces are small there are none */
#endif
        if (reached[i] >= least) continue;
        (void)fprintf(stderr, "%llu seeds were in vain: %s: %llu, and not at least %llu\n",
                      (unsigned long long)seeds, kinds[i].name, (unsigned long long)reached[i],
                      (unsigned long long)least);
        good = false;
    }
    return good;
}
