/* SPDX-License-Identifier: MIT */
/*
 * The library's statistics: asked for at any time they never go back, and when nothing is under way any more
 * they are what the calls of the run know of themselves.
 */
#include "program.h"

#define PATIENCE 60000u /* ms, where time costs nothing */

/* False if the library does not run, or is being ended. */
static bool ask(apm_statistics *now)
{
    apm_error error;

    now->size = sizeof *now;
    error = apm_get_statistics(now);
    if (error == APM_ERROR_SUCCESS) {
        if (now->begun != now->completed + now->live) sim_fail("statistics: begun is not the sum");
        if (now->idle_workers > now->workers) sim_fail("statistics: more idle workers than workers");
        return true;
    }
    if (error != APM_ERROR_NOT_INITIALIZED) sim_fail("statistics: %s", apm_error_name(error));
    return false;
}

/* ---- at any time --------------------------------------------------------------------------------- */

/* Those that only grow. A Begin that fails has been counted as begun meanwhile, and is taken back. */
static uint64_t number_of(const apm_statistics *now, enum tally_number which)
{
    switch (which) {
    case TALLY_COMPLETED: return now->completed;
    case TALLY_CANCELLED: return now->cancelled;
    case TALLY_FAILED: return now->failed;
    case TALLY_SENT: return now->bytes_sent;
    case TALLY_RECEIVED: return now->bytes_received;
    case TALLY_NUMBERS:
    default: return 0;
    }
}

static void raise_to(_Atomic uint64_t *to, uint64_t number)
{
    uint64_t seen = atomic_load_explicit(to, memory_order_relaxed);
    bool done = seen >= number;

    while (!done)
        done = atomic_compare_exchange_weak_explicit(to, &seen, number, memory_order_release,
                                                     memory_order_relaxed) ||
               seen >= number;
}

/* No less than what somebody has seen before we asked. */
void tally_ask(program *run)
{
    uint64_t before[TALLY_NUMBERS];
    apm_statistics now;
    int i;

    for (i = 0; i < TALLY_NUMBERS; i++)
        before[i] = atomic_load_explicit(&run->tally[i], memory_order_acquire);
    if (!ask(&now) || atomic_load_explicit(&run->cleaned_up, memory_order_relaxed)) return;
    for (i = 0; i < TALLY_NUMBERS; i++) {
        uint64_t number = number_of(&now, (enum tally_number)i);

        if (number < before[i]) sim_fail("statistics: number %d goes back", i);
        raise_to(&run->tally[i], number);
    }
}

/* ---- at the end ---------------------------------------------------------------------------------- */

/* Closes all there is, now and then, and waits until it has called back. */
void tally_settle(program *run)
{
    uint32_t patience = sim_is_seeded() ? PATIENCE : 2000, i;

    if (!run->settles || run->cleans_early) return;
    for (i = 0; i < ACTORS; i++)
        if (fleet_is_open(&run->actors[i])) return;
    for (i = 0; i < PLACES; i++)
        if (run->places[i].socket != NULL) place_close(&run->places[i], false, &run->places[i].stream);
    for (; patience != 0; patience--) {
        if (!ask(&run->settled)) return;
        /* A socket leaves just after the last of its operations. */
        if (run->settled.live == 0 && run->settled.sockets == 0) break;
        sim_sleep(1);
    }
    if (patience == 0 && sim_is_seeded()) sim_fail("statistics: what is closed goes on");
    run->is_settled = patience != 0; /* else the machine is slow */
}

/* What a number has to be: at least, and at most, where some calls do not know. */
typedef struct bounds {
    uint64_t least, most;
} bounds;

static void add(bounds *sum, uint64_t least, uint64_t most)
{
    sum->least += least;
    sum->most += most;
}

static void compare(const char *what, uint64_t number, bounds sum)
{
    if (number < sum.least || number > sum.most)
        sim_fail("statistics: %s is %llu, and not %llu to %llu", what, (unsigned long long)number,
                 (unsigned long long)sum.least, (unsigned long long)sum.most);
}

enum { BEGUN, UNHAPPY, OUTWARD, INWARD, SUMS };

static void add_call(bounds *sums, const call *made)
{
    bool known = atomic_load(&made->winners) == 1, unhappy;
    int64_t sent = call_sent_bytes(made);

    if (!made->begun) return;
    unhappy = !known || made->error != APM_ERROR_SUCCESS;
    /* A blocking member does not say whether it was its Begin that failed. */
    add(&sums[BEGUN], !made->blocks || !unhappy, 1);
    add(&sums[UNHAPPY], known && unhappy && !made->blocks, unhappy);
    if (made->kind == CALL_SEND)
        add(&sums[OUTWARD], sent < 0 ? 0 : (uint64_t)sent, sent < 0 ? made->size : (uint64_t)sent);
    if (made->kind == CALL_RECEIVE) add(&sums[INWARD], made->kept_size, made->kept_size);
}

static void add_calls(bounds *sums, call *const *calls, uint32_t count)
{
    while (count != 0) add_call(sums, calls[--count]);
}

void tally_check(const program *run)
{
    const apm_statistics *now = &run->settled;
    bounds sums[SUMS] = {{0, 0}};
    uint32_t i;

    if (!run->is_settled) return;
    for (i = 0; i < PLACES; i++) {
        const place *at = &run->places[i];

        add_calls(sums, at->sends, at->send_count);
        add_calls(sums, at->receives, at->receive_count);
        add_calls(sums, at->connects, at->connect_count);
    }
    add(&sums[BEGUN], run->fleets.begun, run->fleets.begun);
    add(&sums[UNHAPPY], 0, run->fleets.begun);
    add(&sums[OUTWARD], 0, run->fleets.sent);
    add(&sums[INWARD], run->fleets.received, run->fleets.received + run->fleets.letters);
    compare("begun", now->begun, sums[BEGUN]);
    compare("completed", now->completed, sums[BEGUN]);
    compare("cancelled and failed", now->cancelled + now->failed, sums[UNHAPPY]);
    compare("bytes_sent", now->bytes_sent, sums[OUTWARD]);
    compare("bytes_received", now->bytes_received, sums[INWARD]);
}
