/* SPDX-License-Identifier: MIT */
/* A trial: a child runs the script; what it says on its way out is its failure's name. */
#define _POSIX_C_SOURCE 200809L

#include "trial.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

/* Seconds: no script takes them, unless it hangs. */
#define WATCHDOG 30u
#define TEXT_LIMIT 65536u

/* ---- the child --------------------------------------------------------------------------------- */

static _Noreturn void run_child(const script *made, uint32_t seeds, int out)
{
    script one = *made;
    uint32_t i;

    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    (void)close(out);
    sim_set_trace(false);
    sim_on_failure(NULL);
    (void)signal(SIGABRT, SIG_DFL);
    for (i = 0; i < seeds; i++) {
        (void)alarm(WATCHDOG);
        (void)fprintf(stderr, "trial: seed %llu\n", (unsigned long long)one.seed);
        script_run(&one);
        one.seed = made->seed + (i + 1) * UINT64_C(1000003);
    }
    exit(0); /* and not quickly: what has leaked is looked for at the exit */
}

/* All of it, or the beginning; the rest is read and dropped, so that the child can end. */
static size_t read_all(int in, char *text)
{
    size_t size = 0;
    char dropped[512];

    for (;;) {
        bool full = size == TEXT_LIMIT - 1;
        ssize_t got = full ? read(in, dropped, sizeof dropped) : read(in, text + size, TEXT_LIMIT - 1 - size);

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (!full) size += (size_t)got;
    }
    text[size] = '\0';
    return size;
}

/* ---- what it said --------------------------------------------------------------------------------- */

/* Where a line that says why begins, behind `mark`; NULL if there is none. */
static const char *find_reason(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);

    return at != NULL ? at + strlen(mark) : NULL;
}

/* Without numbers and addresses; of a check its name, which ends at a colon. */
static void copy_headline(const char *from, bool to_colon, char *headline, size_t room)
{
    size_t size = 0;

    for (; *from != '\0' && *from != '\n' && size + 1 < room; from++) {
        if (to_colon && *from == ':') break;
        if (isdigit((unsigned char)*from)) continue;
        headline[size++] = *from;
    }
    headline[size] = '\0';
}

static void name_failure(const char *text, int status, trial *how)
{
    const char *reason = find_reason(text, "sim: FAILURE, seed ");
    const size_t room = sizeof how->headline;

    if (reason != NULL) reason = strstr(reason, ": ");
    if (reason != NULL) {
        copy_headline(reason + 2, true, how->headline, room);
    } else if ((reason = find_reason(text, "SUMMARY: ")) != NULL ||
               (reason = find_reason(text, "runtime error: ")) != NULL ||
               (reason = find_reason(text, "Assertion `")) != NULL) {
        copy_headline(reason, false, how->headline, room);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(how->headline, room, "%s", WTERMSIG(status) == SIGALRM ? "no end" : "killed");
    } else {
        (void)snprintf(how->headline, room, "an exit without a word");
    }
}

static uint64_t last_seed(const char *text, uint64_t seed)
{
    static const char mark[] = "trial: seed ";

    while ((text = find_reason(text, mark)) != NULL) seed = strtoull(text, NULL, 10);
    return seed;
}

bool trial_run(const script *made, uint32_t seeds, trial *how)
{
    static char text[TEXT_LIMIT];
    int ends[2], status = 0;
    pid_t child;

    memset(how, 0, sizeof *how);
    (void)fflush(NULL);
    if (pipe(ends) != 0) return false;
    child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        run_child(made, seeds, ends[1]);
    }
    (void)close(ends[1]);
    if (child > 0) (void)read_all(ends[0], text);
    (void)close(ends[0]);
    if (child < 0) return false;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return false;
    how->failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    how->seed = made->seed;
    if (!how->failed) return true;
    how->seed = last_seed(text, made->seed);
    name_failure(text, status, how);
    return true;
}
