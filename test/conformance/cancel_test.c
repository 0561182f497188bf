/* SPDX-License-Identifier: MIT */
/* Cancelling, at once and after a time: a request, whose answer is the operation's own. */
#include <stdlib.h>
#include <string.h>

#include "../support/fixture.h"

/* ---- one operation --------------------------------------------------------------------------------- */

static void cancelled_receive_is_aborted_and_loses_nothing(void)
{
    pair both;
    call made;
    char here[4] = {0};

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, here, 4), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_OPERATION_ABORTED);
        CHECK(made.bytes == 0);
        (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS); /* again: nothing */
        CHECK(peer_write(both.other, "abc", 3));
        (void)CHECK_ERROR(receive_all(both.socket, here, 3), APM_ERROR_SUCCESS);
        CHECK(memcmp(here, "abc", 4) == 0);
        check_alive(&both);
    }
    call_dispose(&made);
    pair_close(&both);
}

static void cancel_of_what_has_completed_changes_nothing(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here[4] = {0};
    size_t bytes = 0;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, here, 3, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "a", 1));
        (void)CHECK_ERROR(apm_async_result_wait(result, PATIENCE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_cancel(result), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_cancel_after(result, 0), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_cancel_after(result, 1), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here[0] == 'a');
        (void)CHECK_ERROR(apm_async_result_cancel(result), APM_ERROR_SUCCESS); /* nor after End */
        apm_async_result_release(result);
    }
    check_alive(&both);
    pair_close(&both);
}

static void cancel_itself(call *made)
{
    made->error = apm_async_result_cancel(made->seen);
    if (made->error == APM_ERROR_SUCCESS) made->error = apm_async_result_cancel_after(made->seen, 1);
}

static void cancel_in_the_callback_changes_nothing(void)
{
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    made.inside = cancel_itself;
    made.keeps = true;
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(call_end(&made, made.result), APM_ERROR_SUCCESS);
        CHECK(made.bytes == 1 && here == 'x');
    }
    call_dispose(&made);
    pair_close(&both);
}

static void cancelled_send_tells_how_much_it_sent(void)
{
    enum { SIZE = 64 * 1024 * 1024, CHUNK = 1 << 20 };
    unsigned char *there = (unsigned char *)malloc(SIZE), *here = (unsigned char *)malloc(CHUNK);
    size_t arrived = 0;
    int64_t got;
    pair both;
    call made;
    bool same = true;

    CHECK(there != NULL && here != NULL);
    if (there == NULL || here == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, SIZE, 0);
    call_prepare(&made, both.socket, CALL_SEND);
    if (CHECK_ERROR(call_send(&made, there, SIZE), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result)); /* nobody reads: it cannot all be gone */
        CHECK(peer_read_all(both.other, here, 1, PATIENCE) && pattern_holds(here, 1, 0)); /* some of it is */
        arrived = 1;
        (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_OPERATION_ABORTED);
        CHECK(made.bytes < SIZE);
    }
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    while ((got = peer_read(both.other, here, CHUNK, PATIENCE)) > 0) {
        if (!pattern_holds(here, (size_t)got, arrived)) same = false;
        arrived += (size_t)got;
    }
    CHECK(same);
    /* Wine counts what it has given to its kernel. Windows sends from the caller's buffer and may
     * not know what had gone out: there the count may be less, and the connection is cut. */
    CHECK(made.bytes <= arrived && arrived < SIZE);
    if (peer_kernel_is_wine()) CHECK(made.bytes == arrived && got == PEER_END);
    call_dispose(&made);
    pair_close(&both);
done:
    free(there);
    free(here);
}

/* ---- one of several ---------------------------------------------------------------------------------- */

static void cancel_of_one_receive_leaves_the_others_in_their_order(void)
{
    enum { RECEIVES = 6 };
    pair both;
    call made[RECEIVES];
    char here[RECEIVES];
    int victim, i;

    if (!pair_open(&both)) return;
    for (victim = 0; victim < RECEIVES; victim++) {
        char next = 'a';

        memset(here, 0, sizeof here);
        for (i = 0; i < RECEIVES; i++) {
            call_prepare(&made[i], both.socket, CALL_RECEIVE);
            (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
        }
        (void)CHECK_ERROR(apm_async_result_cancel(made[victim].result), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made[victim]));
        (void)CHECK_ERROR(made[victim].error, APM_ERROR_OPERATION_ABORTED);
        for (i = 0; i < RECEIVES; i++)
            if (i != victim) CHECK(!apm_async_result_is_completed(made[i].result));
        CHECK(peer_write(both.other, "abcde", RECEIVES - 1));
        for (i = 0; i < RECEIVES; i++) {
            if (i == victim) continue;
            CHECK(call_wait(&made[i]));
            (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
            CHECK(made[i].bytes == 1 && here[i] == next);
            next++;
        }
        for (i = 0; i < RECEIVES; i++) call_dispose(&made[i]);
    }
    pair_close(&both);
}

static void receives_begun_after_a_cancel_queue_up_behind_the_others(void)
{
    pair both;
    call made[4];
    char here[4] = {0};
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < 4; i++) call_prepare(&made[i], both.socket, CALL_RECEIVE);
    for (i = 0; i < 2; i++) (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(made[0].result), APM_ERROR_SUCCESS);
    for (i = 2; i < 4; i++) (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    /* One of those that may wait for its turn is cancelled, too. */
    (void)CHECK_ERROR(apm_async_result_cancel(made[2].result), APM_ERROR_SUCCESS);
    CHECK(call_wait(&made[0]) && call_wait(&made[2]));
    (void)CHECK_ERROR(made[0].error, APM_ERROR_OPERATION_ABORTED);
    (void)CHECK_ERROR(made[2].error, APM_ERROR_OPERATION_ABORTED);
    CHECK(peer_write(both.other, "xy", 2));
    CHECK(call_wait(&made[1]) && call_wait(&made[3]));
    CHECK(made[1].error == APM_ERROR_SUCCESS && here[1] == 'x');
    CHECK(made[3].error == APM_ERROR_SUCCESS && here[3] == 'y');
    for (i = 0; i < 4; i++) call_dispose(&made[i]);
    pair_close(&both);
}

/* ---- after a time --------------------------------------------------------------------------------------- */

static void receive_times_out_when_it_was_told_to(void)
{
    pair both;
    call made;
    char here = 0;
    uint64_t start;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        start = test_now();
        (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 60), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made));
        CHECK(test_now() - start >= 50 && test_now() - start < PATIENCE / 2);
        (void)CHECK_ERROR(made.error, APM_ERROR_TIMED_OUT);
        CHECK(made.bytes == 0);
        CHECK(apm_socket_connected(both.socket));
        check_alive(&both);
    }
    call_dispose(&made);
    pair_close(&both);
}

static void zero_time_cancels_now(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(one.made.result, 0), APM_ERROR_SUCCESS);
    CHECK(call_wait(&one.made));
    (void)CHECK_ERROR(one.made.error, APM_ERROR_TIMED_OUT);
    receiving_close(&one);
}

/* Receives on sockets of their own, so that each lives or dies by its own timer. */
enum { CLOCKS = 3 };

typedef struct clocks {
    pair both[CLOCKS];
    call made[CLOCKS];
    char here[CLOCKS];
} clocks;

static bool start_clocks(clocks *all)
{
    int i;

    for (i = 0; i < CLOCKS; i++) {
        if (!pair_open(&all->both[i])) return false;
        call_prepare(&all->made[i], all->both[i].socket, CALL_RECEIVE);
        if (!CHECK_ERROR(call_receive(&all->made[i], &all->here[i], 1), APM_ERROR_SUCCESS)) return false;
    }
    return true;
}

/* What is still pending has to be alive: it gets its byte. */
static void stop_clocks(clocks *all, int pending)
{
    int i;

    for (i = 0; i < CLOCKS; i++) {
        if (i == pending) {
            CHECK(!apm_async_result_is_completed(all->made[i].result));
            CHECK(peer_write(all->both[i].other, "x", 1) && call_wait(&all->made[i]));
            (void)CHECK_ERROR(all->made[i].error, APM_ERROR_SUCCESS);
            CHECK(all->made[i].bytes == 1 && all->here[i] == 'x');
        } else {
            CHECK(call_wait(&all->made[i]));
            (void)CHECK_ERROR(all->made[i].error, APM_ERROR_TIMED_OUT);
        }
        call_dispose(&all->made[i]);
        pair_close(&all->both[i]);
    }
}

/* The first timer is taken back. That a later one has expired shows that it would have, too. */
static void timer_that_was_taken_back_does_not_expire(void)
{
    clocks all;

    if (!start_clocks(&all)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[0].result, 20), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[0].result, APM_INFINITE), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[1].result, 60), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[2].result, 10), APM_ERROR_SUCCESS);
    CHECK(test_gate_wait(all.made[1].done));
    stop_clocks(&all, 0);
}

static void timer_is_replaced_by_a_later_one(void)
{
    clocks all;

    if (!start_clocks(&all)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[0].result, 20), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[0].result, PATIENCE), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[1].result, 60), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(all.made[2].result, 40), APM_ERROR_SUCCESS);
    CHECK(test_gate_wait(all.made[1].done));
    stop_clocks(&all, 0);
}

static void timer_is_replaced_by_an_earlier_one(void)
{
    pair both;
    call made;
    char here = 0;
    uint64_t start = test_now();

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, PATIENCE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 20), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_TIMED_OUT);
        CHECK(test_now() - start < PATIENCE / 2);
    }
    call_dispose(&made);
    pair_close(&both);
}

static void many_timers_each_expire_in_their_own_time(void)
{
    enum { TIMERS = 24, STEP = 20 };
    pair both[TIMERS];
    call made[TIMERS];
    char here[TIMERS];
    uint64_t start;
    int i, open = 0;

    for (i = 0; i < TIMERS; i++, open++) {
        if (!pair_open(&both[i])) break;
        call_prepare(&made[i], both[i].socket, CALL_RECEIVE);
        if (!CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS)) break;
    }
    CHECK(open == TIMERS);
    start = test_now();
    for (i = 0; i < open; i++) /* in a wild order: 7 and 24 have no common divisor */
        (void)CHECK_ERROR(
            apm_async_result_cancel_after(made[i * 7 % TIMERS].result, (uint32_t)(STEP + STEP * i)),
            APM_ERROR_SUCCESS);
    for (i = 0; i < open; i++) {
        call *next = &made[i * 7 % TIMERS];

        CHECK(call_wait(next));
        (void)CHECK_ERROR(next->error, APM_ERROR_TIMED_OUT);
        CHECK(test_now() - start >= (uint64_t)(STEP + STEP * i - STEP / 2)); /* not before its time */
        call_dispose(next);
        pair_close(&both[i * 7 % TIMERS]);
    }
}

/* Neither the memory nor the end of the library waits for the time. */
static void operation_that_completes_leaves_no_timer_behind(void)
{
    apm_options options = harness_options();
    int64_t before = harness_live_blocks();
    uint64_t start = test_now();
    pair both;
    call made;
    char here = 0;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, PATIENCE), APM_ERROR_SUCCESS);
            CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
            (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        }
        call_dispose(&made);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    CHECK(harness_live_blocks() == before);
    CHECK(test_now() - start < PATIENCE / 2);
}

static void who_asks_first_gives_the_error(void)
{
    pair both;
    call made;
    char here = 0;
    int first;

    if (!pair_open(&both)) return;
    for (first = 0; first < 2; first++) {
        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
            if (first == 0) (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 0), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            CHECK(call_wait(&made));
            (void)CHECK_ERROR(made.error, first == 0 ? APM_ERROR_OPERATION_ABORTED : APM_ERROR_TIMED_OUT);
        }
        call_dispose(&made);
    }
    pair_close(&both);
}

static const test_case one[] = {
    {"cancelled_receive_is_aborted_and_loses_nothing", cancelled_receive_is_aborted_and_loses_nothing, false},
    {"cancel_of_what_has_completed_changes_nothing", cancel_of_what_has_completed_changes_nothing, false},
    {"cancel_in_the_callback_changes_nothing", cancel_in_the_callback_changes_nothing, false},
    {"cancelled_send_tells_how_much_it_sent", cancelled_send_tells_how_much_it_sent, false},
    {NULL, NULL, false}};

static const test_case several[] = {{"cancel_of_one_receive_leaves_the_others_in_their_order",
                                     cancel_of_one_receive_leaves_the_others_in_their_order, false},
                                    {"receives_begun_after_a_cancel_queue_up_behind_the_others",
                                     receives_begun_after_a_cancel_queue_up_behind_the_others, false},
                                    {NULL, NULL, false}};

static const test_case timed[] = {
    {"receive_times_out_when_it_was_told_to", receive_times_out_when_it_was_told_to, false},
    {"zero_time_cancels_now", zero_time_cancels_now, false},
    {"timer_that_was_taken_back_does_not_expire", timer_that_was_taken_back_does_not_expire, false},
    {"timer_is_replaced_by_a_later_one", timer_is_replaced_by_a_later_one, false},
    {"timer_is_replaced_by_an_earlier_one", timer_is_replaced_by_an_earlier_one, false},
    {"many_timers_each_expire_in_their_own_time", many_timers_each_expire_in_their_own_time, false},
    {"operation_that_completes_leaves_no_timer_behind", operation_that_completes_leaves_no_timer_behind,
     true},
    {"who_asks_first_gives_the_error", who_asks_first_gives_the_error, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"one", one}, {"several", several}, {"timed", timed}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
