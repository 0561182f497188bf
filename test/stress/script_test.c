/* SPDX-License-Identifier: MIT */
/* Scripts: text and bytes of them, trials, and that a failing one shrinks to what fails. */
#include <stdlib.h>
#include <string.h>

#include "../support/plain_suite.h"
#include "sim.h"
#include "trial.h"

#define SEEDS 300u
#define NO_STEP 99 /* a kind that there is not: whoever takes that step fails */

/* ---- text ---------------------------------------------------------------------------------------- */

static void check_text(const script *made)
{
    char *text = script_text(made), *again;
    script read;
    uint32_t line = 0;

    if (text == NULL) {
        CU_FAIL("no memory for the text");
        return;
    }
    CU_ASSERT(script_read(text, &read, &line));
    again = script_text(&read);
    CU_ASSERT(again != NULL && strcmp(text, again) == 0);
    CU_ASSERT(read.profile == made->profile && read.seed == made->seed);
    CU_ASSERT(memcmp(read.settings, made->settings, sizeof read.settings) == 0);
    CU_ASSERT(memcmp(read.step_counts, made->step_counts, sizeof read.step_counts) == 0);
    free(again);
    free(text);
}

static void text_says_all_of_a_script(void)
{
    uint64_t seed;
    int profile;
    script made;

    for (profile = 0; profile < PROFILES; profile++)
        for (seed = 1; seed <= SEEDS; seed++) {
            script_draw(seed, (enum script_profile)profile, &made);
            check_text(&made);
        }
}

static void text_that_is_none_is_refused_with_its_line(void)
{
    static const struct {
        const char *text;
        uint32_t line;
    } wrong[] = {
        {"profile linux\n", 1},
        {"profile wine\nseed -1\n", 2},
        {"profile wine\nseed 1 2\n", 2},
        {"profile wine\n\n# so\nset weather 3\n", 4},
        {"set partial 1001\n", 1},
        {"set partial\n", 1},
        {"place 3 sender 0\n", 1},
        {"place 0 sender 3\n", 1},
        {"place 0 large\n", 1},
        {"place 0\nplace 0\n", 2},
        {"step 0 fly 0 1\n", 1},
        {"step 3 send 0 1\n", 1},
        {"step 0 send 3 1\n", 1},
        {"step 0 send 0\n", 1},
        {"step 0 send 0 4294967296\n", 1},
        {"step 0 send 0 1 1\n", 1},
        {"a", 1},
        {"averyveryveryveryveryveryveryverylongword\n", 1},
    };
    uint32_t line;
    script made;
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT(!script_read(wrong[i].text, &made, &line));
        CU_ASSERT(line == wrong[i].line);
    }
    CU_ASSERT(script_read("", &made, &line));
    CU_ASSERT(script_read("# nothing\n\t \r\nprofile wine # 8\nseed 18446744073709551615", &made, &line));
    CU_ASSERT(made.profile == PROFILE_WINE && made.seed == UINT64_MAX);
}

/* Whether their texts are one. */
static bool is_same(const script *a, const script *b)
{
    char *one = script_text(a), *other = script_text(b);
    bool same = one != NULL && other != NULL && strcmp(one, other) == 0;

    free(one);
    free(other);
    return same;
}

static void same_seed_is_the_same_script(void)
{
    script a, b, c;

    script_draw(7, PROFILE_HOSTILE, &a);
    script_draw(7, PROFILE_HOSTILE, &b);
    script_draw(8, PROFILE_HOSTILE, &c);
    CU_ASSERT(is_same(&a, &b));
    c.seed = a.seed;
    CU_ASSERT(!is_same(&a, &c));
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

static void check_bounds(const script *made)
{
    uint32_t actor, i;

    CU_ASSERT(made->profile < PROFILES);
    for (i = 0; i < setting_count(); i++) CU_ASSERT(made->settings[i] <= setting_limit(i));
    for (i = 0; i < PLACES; i++) {
        const script_place *at = &made->places[i];
        CU_ASSERT(at->sender < ACTORS && at->receiver < ACTORS && at->chain <= CHAIN);
        CU_ASSERT(at->traits >> TRAITS == 0);
    }
    for (actor = 0; actor < ACTORS; actor++) {
        CU_ASSERT_FATAL(made->step_counts[actor] <= STEPS);
        for (i = 0; i < made->step_counts[actor]; i++)
            CU_ASSERT(made->steps[actor][i].kind < STEP_KINDS && made->steps[actor][i].place < PLACES);
    }
}

static size_t random_bytes(uint64_t *stream, uint8_t *bytes, size_t room)
{
    size_t size = sim_random(stream, (uint32_t)room + 1), i;

    for (i = 0; i < size; i++) bytes[i] = (uint8_t)sim_random(stream, 256);
    return size;
}

static void any_bytes_are_a_script(void)
{
    uint64_t stream = 1;
    uint8_t bytes[700];
    script made;
    uint32_t i;

    script_from_bytes(NULL, 0, &made);
    check_bounds(&made);
    for (i = 0; i < 2000; i++) {
        script_from_bytes(bytes, random_bytes(&stream, bytes, sizeof bytes), &made);
        check_bounds(&made);
        if (i % 10 == 0) check_text(&made);
    }
}

/* What a fuzzer would do, from a few bytes. */
static void any_bytes_run(void)
{
    uint64_t stream = 3;
    uint8_t bytes[300];
    script made;
    uint32_t i;

    for (i = 0; i < 200; i++) {
        script_from_bytes(bytes, random_bytes(&stream, bytes, sizeof bytes), &made);
        script_run(&made);
    }
    CU_PASS("each has ended well");
}

static uint32_t count_differences(const script *a, const script *b)
{
    uint32_t count = 0, actor, i;

    for (actor = 0; actor < ACTORS; actor++)
        for (i = 0; i < STEPS; i++) {
            const step *x = &a->steps[actor][i], *y = &b->steps[actor][i];
            if (x->kind != y->kind || x->place != y->place || x->chance != y->chance) count++;
        }
    return count;
}

/* Its kind, its place or its chance; not the actor's number, which moves it. */
static void changed_byte_changes_one_step(void)
{
    enum { SIZE = 200, FROM = 160 };
    uint64_t stream = 2;
    uint8_t bytes[SIZE];
    script before, after;
    uint32_t i;

    for (i = 0; i < SIZE; i++) bytes[i] = (uint8_t)sim_random(&stream, 256);
    script_from_bytes(bytes, SIZE, &before);
    for (i = FROM; i < SIZE; i++) {
        uint8_t was = bytes[i];

        bytes[i] = (uint8_t)(was >= 128 ? was - ACTORS : was + ACTORS);
        script_from_bytes(bytes, SIZE, &after);
        CU_ASSERT(count_differences(&before, &after) <= 1);
        CU_ASSERT(memcmp(before.step_counts, after.step_counts, sizeof before.step_counts) == 0);
        bytes[i] = was;
    }
}

/* ---- trials ------------------------------------------------------------------------------------------- */

static void break_script(script *made, uint32_t actor, uint32_t index)
{
    script_draw(12, PROFILE_WINDOWS, made);
    CU_ASSERT_FATAL(index < made->step_counts[actor]);
    made->steps[actor][index].kind = NO_STEP;
}

static void trial_says_how_it_failed(void)
{
    script made;
    trial how;

    script_draw(12, PROFILE_WINDOWS, &made);
    CU_ASSERT(trial_run(&made, 3, &how) && !how.failed);
    break_script(&made, 0, 2);
    CU_ASSERT(trial_run(&made, 3, &how) && how.failed);
    CU_ASSERT(strcmp(how.headline, "a step that is none") == 0);
    CU_ASSERT(how.seed == made.seed);
}

static void failing_script_shrinks_to_what_fails(void)
{
    uint32_t calm[SETTINGS_ROOM], trials, steps = 0, places = 0, i;
    script made;
    trial how;

    break_script(&made, 0, 5);
    CU_ASSERT(trial_run(&made, 1, &how) && how.failed);
    trials = script_shrink(&made, &how, 200);
    CU_ASSERT(trials > 0 && trials < 200);
    for (i = 0; i < ACTORS; i++) steps += made.step_counts[i];
    for (i = 0; i < PLACES; i++) places += made.places[i].present;
    CU_ASSERT(steps == 1 && made.step_counts[0] == 1 && made.steps[0][0].kind == NO_STEP);
    CU_ASSERT(places == 1);
    setting_defaults(made.profile, calm);
    CU_ASSERT(memcmp(calm, made.settings, setting_count() * sizeof *calm) == 0);
    CU_ASSERT(trial_run(&made, 1, &how) && how.failed);
    CU_ASSERT(strcmp(how.headline, "a step that is none") == 0);
}

static void shrinking_ends_when_no_trials_are_left(void)
{
    script made, before;
    trial how;

    break_script(&made, 0, 5);
    before = made;
    CU_ASSERT(trial_run(&made, 1, &how) && how.failed);
    CU_ASSERT(script_shrink(&made, &how, 0) == 0);
    CU_ASSERT(made.step_counts[0] == before.step_counts[0] && made.seed == before.seed);
    CU_ASSERT(script_shrink(&made, &how, 1) == 1);
}

static const plain_case tests[] = {
    {"text_says_all_of_a_script", text_says_all_of_a_script},
    {"text_that_is_none_is_refused_with_its_line", text_that_is_none_is_refused_with_its_line},
    {"same_seed_is_the_same_script", same_seed_is_the_same_script},
    {"any_bytes_are_a_script", any_bytes_are_a_script},
    {"any_bytes_run", any_bytes_run},
    {"changed_byte_changes_one_step", changed_byte_changes_one_step},
    {"trial_says_how_it_failed", trial_says_how_it_failed},
    {"failing_script_shrinks_to_what_fails", failing_script_shrinks_to_what_fails},
    {"shrinking_ends_when_no_trials_are_left", shrinking_ends_when_no_trials_are_left},
};

int main(void)
{
    return run_plain_suite("script", tests, sizeof tests / sizeof *tests, NULL);
}
