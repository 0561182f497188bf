/* SPDX-License-Identifier: MIT */
/*
 * Cancels against data, many thousand times: whatever a cancel meets, each operation completes
 * once, and the bytes that were received are the bytes that were sent.
 */
#include <string.h>

#include "../support/fixture.h"

/* The peer writes an endless pattern, a few bytes at a time, as far as the test allows: data
 * must stay scarce, or no cancel would ever meet an operation that waits. */
typedef struct source {
    peer *other;
    _Atomic uint64_t allowed; /* place in the pattern up to which it may write */
    _Atomic bool stops;
    test_gate *began; /* opened when the first bytes are written */
    uint64_t seed, written;
    bool broken;
} source;

static void prepare_source(source *from, peer *other, uint64_t seed)
{
    from->other = other;
    atomic_init(&from->allowed, 0);
    atomic_init(&from->stops, false);
    from->began = test_gate_new();
    from->seed = seed;
    from->written = 0;
    from->broken = false;
}

static void write_what_is_allowed(void *argument)
{
    source *from = (source *)argument;
    unsigned char data[64];

    while (!atomic_load(&from->stops) && !from->broken) {
        uint64_t allowed = atomic_load(&from->allowed); /* less than written, sometimes */
        uint64_t room = allowed > from->written ? allowed - from->written : 0;
        size_t size = 1 + draw(&from->seed, sizeof data);

        if (room == 0) {
            test_yield();
            continue;
        }
        if (size > room) size = (size_t)room;
        pattern_fill(data, size, from->written);
        from->broken = !peer_write(from->other, data, size);
        from->written += size;
        test_gate_open(from->began);
    }
    peer_end(from->other);
}

/* What is left of the stream; returns its whole length. */
static uint64_t drain(apm_socket *socket, uint64_t place, bool *same)
{
    unsigned char here[4096];
    size_t got = 1;

    while (got != 0) {
        if (!CHECK_ERROR(receive_now(socket, here, sizeof here, &got), APM_ERROR_SUCCESS)) break;
        if (!pattern_holds(here, got, place)) *same = false;
        place += got;
    }
    return place;
}

/* The many ways to ask. */
static void ask_to_cancel(apm_async_result *result, uint32_t way)
{
    switch (way) {
    case 0: (void)apm_async_result_cancel(result); break;
    case 1: (void)apm_async_result_cancel_after(result, 0); break;
    case 2: (void)apm_async_result_cancel_after(result, 1); break;
    case 3:
        test_yield();
        (void)apm_async_result_cancel(result);
        break;
    default: break;
    }
}

static void cancels_of_a_receive_lose_no_byte(void)
{
    enum { ROUNDS = 20000, QUIET = 100 };
    unsigned char here[48];
    uint64_t seed = 3, place = 0, start;
    int round, aborted = 0, received = 0, other = 0;
    source from;
    test_thread *thread = NULL;
    bool same = true;
    pair both;

    if (!pair_open(&both)) return;
    prepare_source(&from, both.other, 4);
    start = harness_allocations();
    for (round = 0; round < ROUNDS; round++) {
        /* Waits are rare, so that the rounds stay short: of 200 ways 2 have one. */
        uint32_t way = draw(&seed, 200);
        apm_async_result *result = NULL;
        apm_error error;
        size_t bytes = 0;

        if (round == QUIET) thread = test_thread_start(write_what_is_allowed, &from);
        if (round >= QUIET)
            atomic_fetch_add(&from.allowed, draw(&seed, sizeof here)); /* half of what is asked for */
        if (round == QUIET) { /* or it might not run before all rounds are over */
            atomic_fetch_add(&from.allowed, 1);
            if (!test_gate_wait(from.began)) break;
        }
        if (apm_socket_begin_receive(both.socket, here, 1 + draw(&seed, sizeof here), 0, NULL, NULL,
                                     &result) != APM_ERROR_SUCCESS) {
            other++;
            break;
        }
        ask_to_cancel(result, way < 2 ? way + 2 : way % 2);
        error = apm_socket_end_receive(both.socket, result, &bytes);
        if (error == APM_ERROR_SUCCESS && bytes != 0) {
            received++;
        } else if ((error == APM_ERROR_OPERATION_ABORTED || error == APM_ERROR_TIMED_OUT) && bytes == 0) {
            aborted++;
        } else {
            other++;
        }
        if (!pattern_holds(here, bytes, place)) same = false;
        place += bytes;
        apm_async_result_release(result);
    }
    CHECK(other == 0);
    CHECK(aborted >= QUIET && aborted + received == ROUNDS); /* the first ones met no data */
    CHECK(place > 0);                                        /* and some did not come too late */
    CHECK(harness_allocations() - start <= 16);              /* cancels cost no memory either */
    if (thread != NULL) {
        atomic_store(&from.stops, true);
        place = drain(both.socket, place, &same);
        test_thread_join(thread);
    }
    CHECK(same && !from.broken);
    CHECK(place == from.written);
    test_gate_free(from.began);
    pair_close(&both);
}

/* ---- several in flight --------------------------------------------------------------------------------- */

enum { DEEP = 4, ROOM = 24 };

static void cancels_among_several_receives_keep_their_order(void)
{
    enum { ROUNDS = 2000, QUIET = 50 };
    static unsigned char here[DEEP][ROOM];
    call made[DEEP];
    uint64_t seed = 5, place = 0;
    int round, i, aborted = 0, unasked = 0;
    source from;
    test_thread *thread;
    bool same = true;
    pair both;

    if (!pair_open(&both)) return;
    prepare_source(&from, both.other, 6);
    for (i = 0; i < DEEP; i++) call_prepare(&made[i], both.socket, CALL_RECEIVE);
    thread = test_thread_start(write_what_is_allowed, &from);
    for (round = 0; round < ROUNDS; round++) {
        /* In the first rounds nothing comes and all are cancelled; then whoever is not cancelled
         * gets at least a byte, whatever the others take. */
        uint32_t victims = round < QUIET ? (1u << DEEP) - 1 : draw(&seed, 1u << DEEP);
        uint64_t asked = 0;

        for (i = 0; i < DEEP; i++) {
            size_t size = 1 + draw(&seed, ROOM);

            atomic_store(&made[i].callbacks, 0);
            (void)apm_manual_reset_event_reset(made[i].done);
            asked += size;
            if (!CHECK_ERROR(call_receive(&made[i], here[i], size), APM_ERROR_SUCCESS)) goto out;
        }
        if (round >= QUIET) atomic_store(&from.allowed, place + asked);
        for (i = 0; i < DEEP; i++)
            if (victims >> i & 1) (void)apm_async_result_cancel(made[i].result);
        for (i = 0; i < DEEP; i++) { /* in the order of Begin, whatever the order of callbacks */
            if (!call_wait(&made[i])) goto out;
            if (made[i].error == APM_ERROR_OPERATION_ABORTED) {
                aborted++;
                if (!(victims >> i & 1)) unasked++;
            } else {
                (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
            }
            if (!pattern_holds(here[i], made[i].bytes, place)) same = false;
            place += made[i].bytes;
            apm_async_result_release(made[i].result);
            made[i].result = NULL;
        }
    }
    CHECK(unasked == 0); /* nobody else was aborted */
    CHECK(aborted >= QUIET * DEEP);
out:
    atomic_store(&from.stops, true);
    place = drain(both.socket, place, &same);
    test_thread_join(thread);
    CHECK(same && !from.broken);
    CHECK(place == from.written);
    test_gate_free(from.began);
    for (i = 0; i < DEEP; i++) call_dispose(&made[i]);
    pair_close(&both);
}

/* ---- from other threads ---------------------------------------------------------------------------------- */

/* Cancels whatever is the current receive, as fast as it can. */
typedef struct canceller {
    apm_async_result *_Atomic target; /* with a reference for whoever takes it */
    _Atomic bool stops;
    uint64_t asked;
} canceller;

static void cancel_targets(void *argument)
{
    canceller *one = (canceller *)argument;

    while (!atomic_load(&one->stops)) {
        apm_async_result *target = atomic_exchange(&one->target, NULL);

        if (target == NULL) {
            test_yield();
            continue;
        }
        (void)apm_async_result_cancel(target);
        apm_async_result_release(target);
        one->asked++;
    }
    apm_async_result_release(atomic_exchange(&one->target, NULL));
}

static void cancels_from_another_thread_lose_no_byte(void)
{
    enum { ROUNDS = 2000 };
    unsigned char here[48];
    uint64_t seed = 7, place = 0;
    int round, other = 0;
    source from;
    canceller one;
    test_thread *writer, *asker;
    bool same = true;
    pair both;

    if (!pair_open(&both)) return;
    prepare_source(&from, both.other, 8);
    atomic_init(&one.target, NULL);
    atomic_init(&one.stops, false);
    one.asked = 0;
    writer = test_thread_start(write_what_is_allowed, &from);
    asker = test_thread_start(cancel_targets, &one);
    for (round = 0; round < ROUNDS; round++) {
        apm_async_result *result = NULL, *before;
        size_t bytes = 0, size = 1 + draw(&seed, sizeof here);
        apm_error error;

        if (apm_socket_begin_receive(both.socket, here, size, 0, NULL, NULL, &result) != APM_ERROR_SUCCESS) {
            other++;
            break;
        }
        apm_async_result_retain(result);
        before = atomic_exchange(&one.target, result);
        apm_async_result_release(before);
        /* Should it not be cancelled; but the first one is, so that the other thread has run. */
        if (round != 0) atomic_store(&from.allowed, place + size);
        error = apm_socket_end_receive(both.socket, result, &bytes);
        if (error != APM_ERROR_SUCCESS && (error != APM_ERROR_OPERATION_ABORTED || bytes != 0)) other++;
        if (!pattern_holds(here, bytes, place)) same = false;
        place += bytes;
        apm_async_result_release(result);
    }
    atomic_store(&one.stops, true);
    test_thread_join(asker);
    CHECK(other == 0);
    CHECK(one.asked > 0);
    atomic_store(&from.stops, true);
    place = drain(both.socket, place, &same);
    test_thread_join(writer);
    CHECK(same && !from.broken);
    CHECK(place == from.written);
    test_gate_free(from.began);
    pair_close(&both);
}

static const test_case storm[] = {
    {"cancels_of_a_receive_lose_no_byte", cancels_of_a_receive_lose_no_byte, false},
    {"cancels_among_several_receives_keep_their_order", cancels_among_several_receives_keep_their_order,
     false},
    {"cancels_from_another_thread_lose_no_byte", cancels_from_another_thread_lose_no_byte, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"storm", storm}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
