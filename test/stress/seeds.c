/* SPDX-License-Identifier: MIT */
/*
 * Random programs on the simulated kernel, one per seed.
 *
 *   seeds [--profile NAME] [--from N] [--count N]      runs the seeds N, N+1 ...
 *   seeds [--profile NAME] --replay N [--trace]        runs one, with every event printed
 *
 * The profile is windows, wine or hostile: what the kernel is like, and what may fail.
 * A seed that fails says so, with the command that runs it again, and ends the process. On
 * the seeded scheduler it does then exactly the same; with real threads only nearly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/number.h"
#include "program.h"

static const char *command, *profile = "hostile";
static uint64_t seed_now, passed;

static void explain(void)
{
    (void)fprintf(stderr, "seed %llu failed. To see it again:\n    %s --profile %s --replay %llu --trace\n",
                  (unsigned long long)seed_now, command, profile, (unsigned long long)seed_now);
    if (!sim_is_seeded()) (void)fprintf(stderr, "(These are real threads: it need not fail again.)\n");
    (void)fprintf(stderr, "%llu passed, 1 failed\n", (unsigned long long)passed);
    (void)printf("%llu passed, 1 failed\n", (unsigned long long)passed);
    (void)fflush(stdout);
}

static void run_seed(uint64_t seed)
{
    static program run;

    seed_now = seed;
    memset(&run, 0, sizeof run);
    program_draw(&run, profile, seed);
    sim_seed(seed);
    sim_set_profile(&run.profile);
    sim_run(program_run, &run);
    passed++;
}

static bool read_arguments(int argc, char **argv, uint64_t *from, uint64_t *count)
{
    sim_profile known;
    int i;

    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--trace") == 0) {
            sim_set_trace(true);
        } else if (strcmp(argv[i], "--profile") == 0 && value != NULL && sim_profile_named(value, &known)) {
            profile = value;
            i++;
        } else if (strcmp(argv[i], "--from") == 0 && number_read(value, from)) {
            i++;
        } else if (strcmp(argv[i], "--count") == 0 && number_read(value, count)) {
            i++;
        } else if (strcmp(argv[i], "--replay") == 0 && number_read(value, from)) {
            *count = 1;
            i++;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, count = 2000, i;

    command = argv[0];
    if (!read_arguments(argc, argv, &from, &count)) {
        (void)fprintf(stderr, "usage: %s [--profile NAME] [--from N] [--count N] [--replay N] [--trace]\n",
                      command);
        return 2;
    }
    sim_on_failure(explain);
    for (i = 0; i < count; i++) run_seed(from + i);
    (void)printf("%llu passed, 0 failed\n", (unsigned long long)passed);
    return passed == 0 ? 1 : 0;
}
