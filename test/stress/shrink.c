/* SPDX-License-Identifier: MIT */
/*
 * Shrinking: one thing after the other is left out of a script that fails, and stays out if what
 * is left fails in the same way. Since the kernel's chance falls differently then, each trial
 * has several seeds, and the one that failed goes on. Large parts first; again from the
 * beginning for as long as that helps.
 */
#include <string.h>

#include "trial.h"

/* Runs per trial. More find more; most take some milliseconds. */
#define SEEDS 40u

typedef struct shrinking {
    script *best;
    const trial *wanted;
    uint32_t trials; /* left */
    bool helped;
} shrinking;

/* Keeps it if it fails in the way that is wanted. */
static bool keeps(shrinking *of, const script *smaller)
{
    trial how;

    if (of->trials == 0) return false;
    of->trials--;
    if (!trial_run(smaller, SEEDS, &how) || !how.failed || strcmp(how.headline, of->wanted->headline) != 0)
        return false;
    *of->best = *smaller;
    of->best->seed = how.seed;
    of->helped = true;
    return true;
}

/* ---- steps -------------------------------------------------------------------------------------- */

static void remove_step(script *from, uint32_t actor, uint32_t index)
{
    step *steps = from->steps[actor];

    from->step_counts[actor]--;
    memmove(steps + index, steps + index + 1, (from->step_counts[actor] - index) * sizeof *steps);
}

static uint32_t count_steps(const script *of)
{
    uint32_t count = 0, i;

    for (i = 0; i < ACTORS; i++) count += of->step_counts[i];
    return count;
}

/* All steps in a row, actor by actor: `count` of them from `first` on. */
static void remove_steps(script *from, uint32_t first, uint32_t count)
{
    uint32_t actor;

    for (actor = 0; actor < ACTORS; actor++) {
        while (count != 0 && first < from->step_counts[actor]) {
            remove_step(from, actor, first);
            count--;
        }
        if (count == 0) return;
        first -= from->step_counts[actor];
    }
}

static void drop_actors(shrinking *of)
{
    uint32_t actor;

    for (actor = 0; actor < ACTORS; actor++) {
        script smaller = *of->best;

        if (smaller.step_counts[actor] == 0) continue;
        smaller.step_counts[actor] = 0;
        (void)keeps(of, &smaller);
    }
}

static void drop_steps(shrinking *of)
{
    uint32_t chunk = (count_steps(of->best) + 1) / 2, first;

    for (; chunk != 0; chunk /= 2)
        for (first = 0; first < count_steps(of->best);) {
            script smaller = *of->best;

            remove_steps(&smaller, first, chunk);
            if (!keeps(of, &smaller)) first += chunk;
            if (of->trials == 0) return;
        }
}

/* ---- places --------------------------------------------------------------------------------------- */

static void drop_places(shrinking *of)
{
    uint32_t place, actor, i;

    for (place = 0; place < PLACES; place++) {
        script smaller = *of->best;

        if (!smaller.places[place].present) continue;
        memset(&smaller.places[place], 0, sizeof smaller.places[place]);
        for (actor = 0; actor < ACTORS; actor++)
            for (i = smaller.step_counts[actor]; i-- != 0;)
                if (smaller.steps[actor][i].place == place) remove_step(&smaller, actor, i);
        (void)keeps(of, &smaller);
    }
}

static void flatten_places(shrinking *of)
{
    uint32_t place, trait;

    for (place = 0; place < PLACES; place++) {
        for (trait = 0; trait < TRAITS; trait++) {
            script smaller = *of->best;

            if ((smaller.places[place].traits & 1u << trait) == 0) continue;
            smaller.places[place].traits &= ~(1u << trait);
            (void)keeps(of, &smaller);
        }
        if (of->best->places[place].timeout != 0) {
            script smaller = *of->best;

            smaller.places[place].timeout = 0;
            (void)keeps(of, &smaller);
        }
        if (of->best->places[place].chain != 0) {
            script smaller = *of->best;

            smaller.places[place].chain = 0;
            (void)keeps(of, &smaller);
        }
    }
}

/* ---- the weather ------------------------------------------------------------------------------------ */

/* From `count` that are not calm, the ones from `first` on. True if there were any. */
static bool calm_down(script *from, uint32_t first, uint32_t count)
{
    uint32_t calm[SETTINGS_ROOM], i;
    bool any = false;

    setting_defaults(from->profile, calm);
    for (i = 0; i < setting_count() && count != 0; i++) {
        if (from->settings[i] == calm[i]) continue;
        if (first != 0) {
            first--;
            continue;
        }
        from->settings[i] = calm[i];
        count--;
        any = true;
    }
    return any;
}

static void calm_weather(shrinking *of)
{
    uint32_t chunk, first;

    for (chunk = SETTINGS_ROOM; chunk != 0; chunk /= 4)
        for (first = 0;;) {
            script smaller = *of->best;

            if (!calm_down(&smaller, first, chunk)) break;
            if (!keeps(of, &smaller)) first += chunk;
            if (of->trials == 0) return;
        }
}

/* ---- all of it -------------------------------------------------------------------------------------- */

uint32_t script_shrink(script *made, const trial *how, uint32_t trials)
{
    shrinking of = {made, how, trials, true};

    made->seed = how->seed;
    while (of.helped && of.trials != 0) {
        of.helped = false;
        drop_actors(&of);
        drop_places(&of);
        drop_steps(&of);
        calm_weather(&of);
        flatten_places(&of);
    }
    return trials - of.trials;
}
