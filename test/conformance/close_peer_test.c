/* SPDX-License-Identifier: MIT */
/* Close as the peer sees it, and Close(timeout) in each of its forms. */
#include <stdlib.h>

#include "../support/fixture.h"

enum { SIZE = 1024 * 1024 };

/* A peer that reads, on a thread of its own, until there is no more. */
typedef struct reader {
    peer *other;
    uint64_t received;
    int64_t ended;      /* PEER_END, PEER_RESET or PEER_TIMEOUT */
    bool same, answers; /* ends its own stream when ours has ended */
} reader;

static void read_to_the_end(void *argument)
{
    reader *one = (reader *)argument;
    unsigned char *here = (unsigned char *)malloc(65536);
    int64_t got = PEER_TIMEOUT;

    one->received = 0;
    one->same = true;
    while (here != NULL && (got = peer_read(one->other, here, 65536, PATIENCE)) > 0) {
        if (!pattern_holds(here, (size_t)got, one->received)) one->same = false;
        one->received += (uint64_t)got;
    }
    one->ended = got;
    if (one->answers) peer_end(one->other);
    free(here);
}

/* ---- orderly ------------------------------------------------------------------------------------------- */

/* A megabyte, and then the end: whether it is said first, and whether a receive is pending. */
static void close_lets_the_peer_have_it_all(bool says_so, bool pending)
{
    unsigned char *there = (unsigned char *)malloc(SIZE);
    reader one = {NULL, 0, 0, false, false};
    test_thread *thread;
    size_t sent = 0;
    pair both;
    call made;
    char here = 0;

    CHECK(there != NULL);
    if (there == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, SIZE, 0);
    one.other = both.other;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (pending) (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
    thread = test_thread_start(read_to_the_end, &one);
    (void)CHECK_ERROR(send_now(both.socket, there, SIZE, &sent), APM_ERROR_SUCCESS);
    CHECK(sent == SIZE);
    if (says_so) (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
    both.socket = NULL;
    test_thread_join(thread);
    CHECK(one.received == SIZE && one.same);
    CHECK(one.ended == PEER_END);
    if (pending) {
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_OBJECT_DISPOSED);
    }
    call_dispose(&made);
    pair_close(&both);
done:
    free(there);
}

static void peer_has_it_all_after_close(void)
{
    close_lets_the_peer_have_it_all(false, false);
}

static void peer_has_it_all_after_shutdown_and_close(void)
{
    close_lets_the_peer_have_it_all(true, false);
}

static void peer_has_it_all_after_shutdown_and_close_with_a_receive_pending(void)
{
    close_lets_the_peer_have_it_all(true, true);
}

/* ---- by a time ------------------------------------------------------------------------------------------- */

static void time_below_minus_one_is_out_of_range_and_closes_nothing(void)
{
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, -2), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, INT32_MIN), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both);
    pair_close(&both);
}

static void close_at_once_resets(void)
{
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, 0), APM_ERROR_SUCCESS);
    both.socket = NULL;
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_RESET);
    CHECK(call_wait(&made));
    (void)CHECK_ERROR(made.error, APM_ERROR_OBJECT_DISPOSED);
    call_dispose(&made);
    pair_close(&both);
}

static void close_by_a_time_waits_for_the_peer_to_end(void)
{
    unsigned char *there = (unsigned char *)malloc(SIZE);
    reader one = {NULL, 0, 0, false, true};
    test_thread *thread;
    uint64_t start;
    pair both;

    CHECK(there != NULL);
    if (there == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, SIZE, 0);
    one.other = both.other;
    thread = test_thread_start(read_to_the_end, &one);
    (void)CHECK_ERROR(send_now(both.socket, there, SIZE, NULL), APM_ERROR_SUCCESS);
    start = test_now();
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, (int32_t)PATIENCE), APM_ERROR_SUCCESS);
    CHECK(test_now() - start < PATIENCE / 2); /* it did not wait for the time */
    both.socket = NULL;
    test_thread_join(thread);
    CHECK(one.received == SIZE && one.same);
    CHECK(one.ended == PEER_END);
    pair_close(&both);
done:
    free(there);
}

static void close_by_a_time_resets_when_the_time_is_over(void)
{
    pair both;
    uint64_t start = test_now(), past;
    char here = 0;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, 100), APM_ERROR_SUCCESS);
    past = test_now() - start;
    CHECK(past >= 90 && past < 10000);
    both.socket = NULL;
    /* Where the reset is fast it has swept the byte away. */
    if (peer_read(both.other, &here, 1, PATIENCE) == 1) {
        CHECK(here == 'x');
        CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_RESET);
    }
    pair_close(&both);
}

static void close_by_a_time_resets_when_something_is_left_unread(void)
{
    pair both;
    uint64_t start = test_now();
    char here = 0;

    if (!pair_open(&both)) return;
    CHECK(peer_write(both.other, "unread", 6));
    (void)CHECK_ERROR(receive_now(both.socket, NULL, 0, NULL), APM_ERROR_SUCCESS); /* it has arrived */
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, (int32_t)PATIENCE), APM_ERROR_SUCCESS);
    CHECK(test_now() - start < PATIENCE / 2);
    both.socket = NULL;
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_RESET);
    pair_close(&both);
}

static void close_by_a_time_with_a_receive_pending_calls_it_back(void)
{
    reader one = {NULL, 0, 0, false, true};
    test_thread *thread;
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    one.other = both.other;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
    thread = test_thread_start(read_to_the_end, &one);
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, (int32_t)PATIENCE), APM_ERROR_SUCCESS);
    both.socket = NULL;
    CHECK(call_wait(&made));
    (void)CHECK_ERROR(made.error, APM_ERROR_OBJECT_DISPOSED);
    test_thread_join(thread);
    CHECK(one.ended == PEER_END);
    call_dispose(&made);
    pair_close(&both);
}

static void unconnected_socket_closes_at_once_whatever_the_time(void)
{
    static const int32_t times[] = {-1, 0, 1, 30000};
    uint64_t start = test_now();
    size_t i;

    for (i = 0; i < sizeof times / sizeof times[0]; i++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);

        if (socket != NULL) (void)CHECK_ERROR(apm_socket_close_timeout(socket, times[i]), APM_ERROR_SUCCESS);
    }
    CHECK(test_now() - start < 15000);
}

static const test_case orderly[] = {
    {"peer_has_it_all_after_close", peer_has_it_all_after_close, false},
    {"peer_has_it_all_after_shutdown_and_close", peer_has_it_all_after_shutdown_and_close, false},
    {"peer_has_it_all_after_shutdown_and_close_with_a_receive_pending",
     peer_has_it_all_after_shutdown_and_close_with_a_receive_pending, false},
    {NULL, NULL, false}};

static const test_case by_a_time[] = {
    {"time_below_minus_one_is_out_of_range_and_closes_nothing",
     time_below_minus_one_is_out_of_range_and_closes_nothing, false},
    {"close_at_once_resets", close_at_once_resets, false},
    {"close_by_a_time_waits_for_the_peer_to_end", close_by_a_time_waits_for_the_peer_to_end, false},
    {"close_by_a_time_resets_when_the_time_is_over", close_by_a_time_resets_when_the_time_is_over, false},
    {"close_by_a_time_resets_when_something_is_left_unread",
     close_by_a_time_resets_when_something_is_left_unread, false},
    {"close_by_a_time_with_a_receive_pending_calls_it_back",
     close_by_a_time_with_a_receive_pending_calls_it_back, false},
    {"unconnected_socket_closes_at_once_whatever_the_time",
     unconnected_socket_closes_at_once_whatever_the_time, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"orderly", orderly}, {"by_a_time", by_a_time}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
