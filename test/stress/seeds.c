/* SPDX-License-Identifier: MIT */
/*
 * Random programs on the simulated kernel, one per seed, or one script (script.h).
 *
 *   seeds [--profile NAME] [--from N] [--count N]      runs the seeds N, N+1 ...
 *   seeds [--profile NAME] --replay N [--trace]        runs one, with every event printed
 *   seeds [--profile NAME] --print N                   prints its script
 *   seeds [--profile NAME] --shrink N                  prints a small script that fails as it does
 *   seeds [--profile NAME] [--from N] [--count N] --exactly
 *                                                      runs each seed twice, and once in another process:
 *                                                      is it the same run?
 *   seeds [--profile NAME] [--from N] [--count N] --hashes
 *                                                      prints what each run is as a number
 *   seeds --script FILE [--trace]                      runs a script
 *   seeds --script FILE --smaller                      prints a smaller one that fails as it does
 *
 * The profile is windows, wine or hostile: what the kernel is like, and what may fail.
 * A hundred seeds and more have to reach what they are to check (reach.h): the last line has the totals.
 * A seed that fails says so, with the command that runs it again, and ends the process. On
 * the seeded scheduler it does then exactly the same; with real threads only nearly.
 */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../support/number.h"
#include "reach.h"
#include "replay.h"
#include "sim.h"
#include "trial.h"

#define TRIALS 400u
#define TEXT_LIMIT 65536u

enum deed { DEED_RUN, DEED_PRINT, DEED_SHRINK, DEED_COMPARE, DEED_HASH };

typedef struct wish {
    enum deed deed;
    enum script_profile profile;
    uint64_t from, count;
    const char *file;
} wish;

static const char *command;
static wish wished = {DEED_RUN, PROFILE_HOSTILE, 1, 2000, NULL};
static uint64_t passed;

/* ---- what is said of a failure --------------------------------------------------------------------- */

/* Written before each run: a signal handler can do no more than show it. */
static char explanation[1024];

static void prepare_explanation(uint64_t seed_of)
{
    const char *profile = script_profile_name(wished.profile);
    unsigned long long seed = (unsigned long long)seed_of;
    char again[512];

    if (wished.file != NULL)
        (void)snprintf(again, sizeof again, "To see it again:\n    %s --script %s --trace\n", command,
                       wished.file);
    else
        (void)snprintf(again, sizeof again,
                       "seed %llu failed. To see it again:\n    %s --profile %s --replay %llu --trace\n"
                       "For a small script that fails in the same way:\n    %s --profile %s --shrink %llu\n",
                       seed, command, profile, seed, command, profile, seed);
    (void)snprintf(explanation, sizeof explanation, "%s%s%llu passed, 1 failed\n", again,
                   sim_is_seeded() ? "" : "(These are real threads: it need not fail again.)\n",
                   (unsigned long long)passed);
}

/* Once. */
static void explain(void)
{
    size_t size = 0;

    while (explanation[size] != '\0') size++;
    if (write(STDERR_FILENO, explanation, size) < 0) return; /* and nobody to tell */
    explanation[0] = '\0';
}

static void explain_abort(int number)
{
    (void)signal(number, SIG_DFL);
    explain();
}

/* A sanitizer's, where there is one. */
#if defined(__GNUC__)
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
#endif

/* Also of what ends the process by itself: an assertion, a sanitizer. */
static void explain_failures(void)
{
    sim_on_failure(explain);
    (void)signal(SIGABRT, explain_abort);
#if defined(__GNUC__)
    if (__sanitizer_set_death_callback != NULL) __sanitizer_set_death_callback(explain);
#endif
}

/* ---- the command line -------------------------------------------------------------------------- */

/* One that needs nothing after it. */
static bool read_flag(const char *name)
{
    if (strcmp(name, "--trace") == 0)
        sim_set_trace(true);
    else if (strcmp(name, "--smaller") == 0)
        wished.deed = DEED_SHRINK;
    else if (strcmp(name, "--exactly") == 0)
        wished.deed = DEED_COMPARE;
    else if (strcmp(name, "--hashes") == 0)
        wished.deed = DEED_HASH;
    else
        return false;
    return true;
}

static bool read_one_seed(const char *name, const char *value)
{
    static const struct {
        const char *name;
        enum deed deed;
    } known[] = {{"--replay", DEED_RUN}, {"--print", DEED_PRINT}, {"--shrink", DEED_SHRINK}};
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        wished.deed = known[i].deed;
        wished.count = 1;
        return number_read(value, &wished.from);
    }
    return false;
}

static bool read_option(const char *name, const char *value)
{
    if (value == NULL) return false;
    if (strcmp(name, "--profile") == 0) return script_profile_named(value, &wished.profile);
    if (strcmp(name, "--from") == 0) return number_read(value, &wished.from);
    if (strcmp(name, "--count") == 0) return number_read(value, &wished.count);
    if (strcmp(name, "--script") != 0) return read_one_seed(name, value);
    wished.file = value;
    return true;
}

static bool read_arguments(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (read_flag(argv[i])) continue;
        if (!read_option(argv[i], i + 1 < argc ? argv[i + 1] : NULL)) return false;
        i++;
    }
    return true;
}

/* ---- a script ------------------------------------------------------------------------------------- */

static bool read_file(const char *path, script *made)
{
    static char text[TEXT_LIMIT];
    FILE *file = fopen(path, "rb");
    uint32_t line = 0;
    size_t size;

    if (file == NULL) {
        (void)fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    if (strlen(text) == size && size != sizeof text - 1 && script_read(text, made, &line)) return true;
    (void)fprintf(stderr, "%s:%u: this is no script\n", path, (unsigned)line);
    return false;
}

/* 0 if a smaller one was found: one that fails. */
static int shrink(script *made)
{
    uint32_t trials;
    trial how;

    if (!sim_is_seeded()) {
        (void)fprintf(stderr, "with real threads what fails need not fail again: use the seeded program\n");
        return 2;
    }
    if (!trial_run(made, 1, &how) || !how.failed) {
        (void)fprintf(stderr, "it does not fail\n");
        return 1;
    }
    trials = script_shrink(made, &how, TRIALS);
    (void)printf("# %s\n# found with %u trials\n", how.headline, (unsigned)trials);
    script_write(made, stdout);
    return 0;
}

static int run_seeds(void)
{
    script made;
    uint64_t i;

    for (i = 0; i < wished.count; i++) {
        script_draw(wished.from + i, wished.profile, &made);
        prepare_explanation(wished.from + i);
        script_run(&made);
        passed++;
    }
    (void)printf("%llu passed, 0 failed; ", (unsigned long long)passed);
    reach_print(stdout);
    (void)printf("\n");
    return passed != 0 && reach_suffices(passed) ? 0 : 1;
}

/* With real threads no run is another one's like. */
static int run_again(void)
{
    if (!sim_is_seeded()) {
        (void)fprintf(stderr, "with real threads each run is another one: use the seeded program\n");
        return 2;
    }
    prepare_explanation(wished.from);
    if (wished.deed == DEED_HASH) {
        replay_print(wished.profile, wished.from, wished.count);
        return 0;
    }
    if (!replay_compare(wished.profile, wished.from, wished.count)) return 1;
    (void)printf("%llu passed, 0 failed\n", (unsigned long long)wished.count);
    return 0;
}

static int run_wish(void)
{
    script made;

    if (wished.deed == DEED_COMPARE || wished.deed == DEED_HASH) return run_again();
    if (wished.file == NULL && wished.deed == DEED_RUN) return run_seeds();
    if (wished.file == NULL)
        script_draw(wished.from, wished.profile, &made);
    else if (!read_file(wished.file, &made))
        return 2;
    if (wished.deed == DEED_SHRINK) return shrink(&made);
    if (wished.deed == DEED_PRINT) {
        script_write(&made, stdout);
        return 0;
    }
    prepare_explanation(0);
    script_run(&made);
    (void)printf("1 passed, 0 failed\n");
    return 0;
}

int main(int argc, char **argv)
{
    command = argv[0];
    if (!read_arguments(argc, argv)) {
        (void)fprintf(
            stderr,
            "usage: %s [--profile NAME] [--from N] [--count N] [--trace] [--replay N | --print N |\n"
            "           --shrink N | --exactly | --hashes | --script FILE [--smaller]]\n",
            command);
        return 2;
    }
    explain_failures();
    return run_wish();
}
