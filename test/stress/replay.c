/* SPDX-License-Identifier: MIT */
/*
 * A seed replays exactly if nothing but the seed decides: no address, no clock, no rest of the run before.
 * The heap is another one in a second run, and everything lies elsewhere in another process.
 */
#define _POSIX_C_SOURCE 200809L

#include "replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

static uint64_t run_seed(enum script_profile profile, uint64_t seed)
{
    script made;

    script_draw(seed, profile, &made);
    script_run(&made);
    return sim_trace_hash();
}

void replay_print(enum script_profile profile, uint64_t from, uint64_t count)
{
    uint64_t i;

    for (i = 0; i < count; i++) (void)printf("%016" PRIx64 "\n", run_seed(profile, from + i));
}

/* ---- the other process --------------------------------------------------------------------------- */

static _Noreturn void become_another(enum script_profile profile, uint64_t from, uint64_t count, int out)
{
    char first[24], number[24];

    (void)snprintf(first, sizeof first, "%" PRIu64, from);
    (void)snprintf(number, sizeof number, "%" PRIu64, count);
    if (dup2(out, STDOUT_FILENO) >= 0)
        (void)execl("/proc/self/exe", "seeds", "--profile", script_profile_name(profile), "--from", first,
                    "--count", number, "--hashes", (char *)NULL);
    _exit(127);
}

/* Its output; NULL if there is no other process to be had. */
static FILE *start_another(enum script_profile profile, uint64_t from, uint64_t count, pid_t *child)
{
    FILE *in;
    int ends[2];

    (void)fflush(NULL);
    if (pipe(ends) != 0) return NULL;
    *child = fork();
    if (*child == 0) {
        (void)close(ends[0]);
        become_another(profile, from, count, ends[1]);
    }
    (void)close(ends[1]);
    in = *child > 0 ? fdopen(ends[0], "r") : NULL;
    if (in == NULL) (void)close(ends[0]);
    return in;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static bool compare_seed(enum script_profile profile, uint64_t seed, FILE *in)
{
    uint64_t first = run_seed(profile, seed), second = run_seed(profile, seed), other;
    char line[40];

    if (first != second) {
        (void)fprintf(stderr, "seed %" PRIu64 ": the second run is another one\n", seed);
        return false;
    }
    other = fgets(line, sizeof line, in) != NULL ? strtoull(line, NULL, 16) : 0;
    if (first == other) return true;
    (void)fprintf(stderr, "seed %" PRIu64 ": in another process it is another run\n", seed);
    return false;
}

bool replay_compare(enum script_profile profile, uint64_t from, uint64_t count)
{
    pid_t child = -1;
    FILE *in = start_another(profile, from, count, &child);
    bool same = in != NULL;
    int status = 0;
    uint64_t i;

    if (in == NULL) (void)fprintf(stderr, "no other process is to be had\n");
    for (i = 0; i < count && same; i++) same = compare_seed(profile, from + i, in);
    if (in != NULL) (void)fclose(in);
    if (child > 0 && waitpid(child, &status, 0) == child && status != 0 && same) {
        (void)fprintf(stderr, "the other process failed\n");
        return false;
    }
    return same;
}
