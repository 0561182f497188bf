/* SPDX-License-Identifier: MIT */
/* Sending and receiving on a stream: what Begin refuses, what ends a stream, order, cost. */
#include <stdlib.h>
#include <string.h>

#include "../support/fixture.h"

/* ---- what Begin refuses ------------------------------------------------------------------------------ */

/* Each Begin fails with `expected`, gives no result and does not call back. */
static void check_begins_fail(apm_socket *socket, void *data, size_t size, apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_SEND);
    (void)CHECK_ERROR(call_send(&made, data, size), expected);
    (void)CHECK_ERROR(call_receive(&made, data, size), expected);
    CHECK(made.result == NULL);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void arguments_are_checked_in_order(void)
{
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4);
    pair both;
    char byte = 0;

    if (fresh == NULL) return;
    check_begins_fail(fresh, NULL, 1, APM_ERROR_ARGUMENT_NULL);
    check_begins_fail(fresh, &byte, SIZE_MAX / 2 + 1, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_begins_fail(fresh, &byte, 1, APM_ERROR_NOT_CONNECTED);
    check_begins_fail(fresh, NULL, 0, APM_ERROR_NOT_CONNECTED);
    apm_socket_retain(fresh);
    (void)CHECK_ERROR(apm_socket_close(fresh), APM_ERROR_SUCCESS);
    check_begins_fail(fresh, NULL, 1, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(fresh);

    if (!pair_open(&both)) return;
    check_begins_fail(both.socket, NULL, 1, APM_ERROR_ARGUMENT_NULL);
    check_begins_fail(both.socket, &byte, SIZE_MAX, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_begins_fail(both.socket, &byte, SIZE_MAX / 2 + 1, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_alive(&both); /* none of it has harmed the connection */
    pair_close(&both);
}

/* ---- nothing ------------------------------------------------------------------------------------------- */

static void send_of_nothing_completes_with_nothing(void)
{
    pair both;
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(send_now(both.socket, NULL, 0, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    bytes = 7;
    (void)CHECK_ERROR(send_now(both.socket, "x", 0, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    check_alive(&both);
    pair_close(&both);
}

static void receive_of_nothing_waits_for_something_and_takes_nothing(void)
{
    pair both;
    call made;
    char here[4] = {0};
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, NULL, 0), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result));
        CHECK(peer_write(both.other, "abc", 3) && call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(made.bytes == 0);
        (void)CHECK_ERROR(receive_now(both.socket, here, 0, &bytes),
                          APM_ERROR_SUCCESS); /* it is there still */
        CHECK(bytes == 0);
        (void)CHECK_ERROR(receive_all(both.socket, here, 3), APM_ERROR_SUCCESS);
        CHECK(memcmp(here, "abc", 4) == 0);
    }
    call_dispose(&made);
    pair_close(&both);
}

static void receive_of_nothing_ends_with_the_stream(void)
{
    pair both;
    call made;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, NULL, 0), APM_ERROR_SUCCESS)) {
        peer_end(both.other);
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(made.bytes == 0);
    }
    call_dispose(&made);
    pair_close(&both);
}

/* ---- the end of the stream --------------------------------------------------------------------------------- */

static void end_of_the_peers_stream_is_zero_bytes_after_all_the_data(void)
{
    pair both;
    char here[8] = {0};
    size_t bytes = 7;
    int i;

    if (!pair_open(&both)) return;
    CHECK(peer_write(both.other, "abc", 3));
    peer_end(both.other);
    (void)CHECK_ERROR(receive_all(both.socket, here, 3), APM_ERROR_SUCCESS);
    CHECK(memcmp(here, "abc", 3) == 0);
    for (i = 0; i < 3; i++) { /* and again, as often as one asks */
        bytes = 7;
        (void)CHECK_ERROR(receive_now(both.socket, here, sizeof here, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 0);
    }
    (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS); /* ours goes on */
    CHECK(peer_read_all(both.other, here, 1, PATIENCE) && here[0] == 'x');
    pair_close(&both);
}

static void end_of_the_peers_stream_completes_all_pending_receives(void)
{
    enum { RECEIVES = 5 };
    pair both;
    call made[RECEIVES];
    char here[RECEIVES] = {0};
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < RECEIVES; i++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    CHECK(peer_write(both.other, "ab", 2));
    peer_end(both.other);
    for (i = 0; i < RECEIVES; i++) {
        CHECK(call_wait(&made[i]));
        (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
        CHECK(made[i].bytes == (i < 2 ? 1 : 0));
    }
    CHECK(here[0] == 'a' && here[1] == 'b');
    for (i = 0; i < RECEIVES; i++) call_dispose(&made[i]);
    pair_close(&both);
}

/* A send into a connection that is no more fails, if not the first one. Which of the two
 * codes it is depends on who noticed first. */
static void check_send_fails(apm_socket *socket)
{
    apm_error error = APM_ERROR_SUCCESS;
    uint64_t start = test_now();

    while (error == APM_ERROR_SUCCESS && test_now() - start < PATIENCE) {
        error = send_now(socket, "x", 1, NULL);
        test_yield();
    }
    CHECK(error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_CONNECTION_ABORTED);
}

static void reset_ends_a_pending_receive_and_all_that_follow(void)
{
    pair both;
    call made;
    char here = 0;
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        peer_reset(both.other);
        both.other = NULL;
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_CONNECTION_RESET);
        CHECK(made.bytes == 0);
        /* A stream that was cut must not look like one that has ended: wherever it says so. */
        (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_CONNECTION_RESET);
        (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_CONNECTION_RESET);
        CHECK(bytes == 7 || bytes == 0);
        check_send_fails(both.socket);
        CHECK(!apm_socket_connected(both.socket));
    }
    call_dispose(&made);
    pair_close(&both);
}

/* Also where the kernel forgets about a send that nobody will ever take. */
static void reset_ends_pending_sends(void)
{
    enum { SIZE = 32 * 1024 * 1024, SENDS = 3 };
    unsigned char *data = (unsigned char *)calloc(1, SIZE);
    call sends[SENDS], receive;
    char here = 0;
    pair both;
    int i;

    CHECK(data != NULL);
    if (data == NULL || !pair_open(&both)) goto done;
    call_prepare(&receive, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&receive, &here, 1), APM_ERROR_SUCCESS);
    for (i = 0; i < SENDS; i++) {
        call_prepare(&sends[i], both.socket, CALL_SEND);
        (void)CHECK_ERROR(call_send(&sends[i], data, SIZE), APM_ERROR_SUCCESS);
    }
    peer_reset(both.other);
    both.other = NULL;
    (void)call_ends(&receive, APM_ERROR_CONNECTION_RESET);
    for (i = 0; i < SENDS; i++) {
        CHECK(call_wait(&sends[i]));
        CHECK(sends[i].error == APM_ERROR_CONNECTION_RESET || sends[i].error == APM_ERROR_CONNECTION_ABORTED);
        CHECK(sends[i].bytes < SIZE);
        call_dispose(&sends[i]);
    }
    call_dispose(&receive);
    CHECK(!apm_socket_connected(both.socket));
    pair_close(&both);
done:
    free(data);
}

/* Nobody was receiving when the reset came. Windows says ConnectionReset; Wine has lost it by
 * then, and says that the stream has ended. */
static void reset_that_came_before_the_receive(void)
{
    pair both;
    apm_error error;
    char here = 0;
    size_t bytes = 0;

    if (!pair_open(&both)) return;
    peer_reset(both.other);
    both.other = NULL;
    check_send_fails(both.socket); /* now it is known */
    error = receive_now(both.socket, &here, 1, &bytes);
    if (peer_kernel_is_wine() && error == APM_ERROR_SUCCESS) {
        CHECK(bytes == 0);
    } else {
        CHECK(error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_CONNECTION_ABORTED);
    }
    pair_close(&both);
}

static void send_fails_after_the_peer_has_closed(void)
{
    pair both;

    if (!pair_open(&both)) return;
    peer_close(both.other);
    both.other = NULL;
    check_send_fails(both.socket);
    pair_close(&both);
}

/* ---- order ----------------------------------------------------------------------------------------------- */

static void sends_go_out_in_the_order_of_begin(void)
{
    enum { SENDS = 100, LARGEST = 5000 };
    static unsigned char there[SENDS * LARGEST], here[SENDS * LARGEST];
    static call made[SENDS];
    size_t sizes[SENDS], total = 0;
    uint64_t seed = 1;
    pair both;
    int i, begun = 0;

    if (!pair_open(&both)) return;
    pattern_fill(there, sizeof there, 0);
    for (i = 0; i < SENDS; i++, begun++) {
        sizes[i] = 1 + draw(&seed, LARGEST);
        call_prepare(&made[i], both.socket, CALL_SEND);
        if (!CHECK_ERROR(call_send(&made[i], there + total, sizes[i]), APM_ERROR_SUCCESS)) break;
        total += sizes[i];
    }
    CHECK(begun == SENDS);
    CHECK(peer_read_all(both.other, here, total, PATIENCE));
    CHECK(pattern_holds(here, total, 0));
    for (i = 0; i < begun; i++) {
        CHECK(call_wait(&made[i]));
        (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
        CHECK(made[i].bytes == sizes[i]);
        call_dispose(&made[i]);
    }
    pair_close(&both);
}

static void receives_are_filled_in_the_order_of_begin(void)
{
    enum { RECEIVES = 64, ROOM = 100 };
    static unsigned char there[RECEIVES * ROOM], here[RECEIVES][ROOM];
    static call made[RECEIVES];
    uint64_t seed = 2;
    size_t at = 0, place = 0;
    pair both;
    int i, begun = 0;

    if (!pair_open(&both)) return;
    pattern_fill(there, sizeof there, 0);
    for (i = 0; i < RECEIVES; i++, begun++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        if (!CHECK_ERROR(call_receive(&made[i], here[i], ROOM), APM_ERROR_SUCCESS)) break;
    }
    CHECK(begun == RECEIVES);
    while (at < sizeof there) {
        size_t size = 1 + draw(&seed, 2 * ROOM);
        if (size > sizeof there - at) size = sizeof there - at;
        CHECK(peer_write(both.other, there + at, size));
        at += size;
    }
    peer_end(both.other); /* some may not have been filled: they end like this */
    for (i = 0; i < begun; i++) {
        CHECK(call_wait(&made[i]));
        (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
        CHECK(made[i].bytes <= ROOM && pattern_holds(here[i], made[i].bytes, place));
        place += made[i].bytes;
        call_dispose(&made[i]);
    }
    /* What all of them together had no room for is there to be received. */
    while (place < sizeof there) {
        size_t got = 0;
        if (!CHECK_ERROR(receive_now(both.socket, here[0], ROOM, &got), APM_ERROR_SUCCESS) || got == 0) break;
        CHECK(pattern_holds(here[0], got, place));
        place += got;
    }
    CHECK(place == sizeof there);
    pair_close(&both);
}

static void receive_takes_what_is_there_and_leaves_the_rest(void)
{
    pair both;
    char here[16] = {0};
    size_t bytes = 0;

    if (!pair_open(&both)) return;
    CHECK(peer_write(both.other, "abcdef", 6));
    (void)CHECK_ERROR(receive_all(both.socket, here, 4), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(both.socket, here + 4, 12, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes >= 1 && bytes <= 2); /* it does not wait until the buffer is full */
    if (bytes == 1) (void)CHECK_ERROR(receive_all(both.socket, here + 5, 1), APM_ERROR_SUCCESS);
    CHECK(memcmp(here, "abcdef", 7) == 0);
    pair_close(&both);
}

static void peek_looks_without_taking(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here[4] = {0};
    size_t bytes = 0;

    if (!pair_open(&both)) return;
    CHECK(peer_write(both.other, "a", 1));
    (void)CHECK_ERROR(receive_now(both.socket, NULL, 0, NULL), APM_ERROR_SUCCESS); /* it has arrived */
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, here, 4, APM_FLAG_PEEK, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here[0] == 'a');
        apm_async_result_release(result);
    }
    here[0] = 0;
    (void)CHECK_ERROR(receive_now(both.socket, here, 4, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here[0] == 'a');
    pair_close(&both);
}

/* ---- cost ------------------------------------------------------------------------------------------------ */

/* A call each way, with result and callback. */
static void exchange(pair *both, call *sending, call *receiving)
{
    char here = 0;

    (void)CHECK_ERROR(call_receive(receiving, &here, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(call_send(sending, "x", 1), APM_ERROR_SUCCESS);
    CHECK(peer_write(both->other, "y", 1));
    CHECK(test_gate_wait(sending->done) && test_gate_wait(receiving->done));
    apm_async_result_release(sending->result);
    apm_async_result_release(receiving->result);
    (void)apm_manual_reset_event_reset(sending->done);
    (void)apm_manual_reset_event_reset(receiving->done);
}

/* As many at once as ever will be: two, and those whose callback is over but whose worker has
 * not quite let go of them. */
static void make_spare_blocks(pair *both)
{
    enum { DEPTH = 12 };
    call made[DEPTH];
    char here[DEPTH];
    int i;

    for (i = 0; i < DEPTH; i++) {
        call_prepare(&made[i], both->socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < DEPTH; i++) CHECK(peer_write(both->other, "z", 1));
    for (i = 0; i < DEPTH; i++) {
        CHECK(call_wait(&made[i]));
        call_dispose(&made[i]);
    }
}

static void steady_state_takes_nothing_from_the_heap(void)
{
    enum { ROUNDS = 500 };
    static unsigned char drain[ROUNDS + 64];
    pair both;
    call sending, receiving;
    uint64_t before;
    int i;

    if (!pair_open(&both)) return;
    make_spare_blocks(&both);
    call_prepare(&sending, both.socket, CALL_SEND);
    call_prepare(&receiving, both.socket, CALL_RECEIVE);
    for (i = 0; i < 64; i++) exchange(&both, &sending, &receiving);
    before = harness_allocations();
    for (i = 0; i < ROUNDS; i++) exchange(&both, &sending, &receiving);
    CHECK(harness_allocations() == before);
    CHECK(peer_read_all(both.other, drain, sizeof drain, PATIENCE));
    sending.result = receiving.result = NULL;
    call_dispose(&sending);
    call_dispose(&receiving);
    pair_close(&both);
}

static const test_case refusing[] = {
    {"arguments_are_checked_in_order", arguments_are_checked_in_order, false}, {NULL, NULL, false}};

static const test_case nothing[] = {
    {"send_of_nothing_completes_with_nothing", send_of_nothing_completes_with_nothing, false},
    {"receive_of_nothing_waits_for_something_and_takes_nothing",
     receive_of_nothing_waits_for_something_and_takes_nothing, false},
    {"receive_of_nothing_ends_with_the_stream", receive_of_nothing_ends_with_the_stream, false},
    {NULL, NULL, false}};

static const test_case ending[] = {
    {"end_of_the_peers_stream_is_zero_bytes_after_all_the_data",
     end_of_the_peers_stream_is_zero_bytes_after_all_the_data, false},
    {"end_of_the_peers_stream_completes_all_pending_receives",
     end_of_the_peers_stream_completes_all_pending_receives, false},
    {"reset_ends_a_pending_receive_and_all_that_follow", reset_ends_a_pending_receive_and_all_that_follow,
     false},
    {"reset_ends_pending_sends", reset_ends_pending_sends, false},
    {"reset_that_came_before_the_receive", reset_that_came_before_the_receive, false},
    {"send_fails_after_the_peer_has_closed", send_fails_after_the_peer_has_closed, false},
    {NULL, NULL, false}};

static const test_case order[] = {
    {"sends_go_out_in_the_order_of_begin", sends_go_out_in_the_order_of_begin, false},
    {"receives_are_filled_in_the_order_of_begin", receives_are_filled_in_the_order_of_begin, false},
    {"receive_takes_what_is_there_and_leaves_the_rest", receive_takes_what_is_there_and_leaves_the_rest,
     false},
    {"peek_looks_without_taking", peek_looks_without_taking, false},
    {NULL, NULL, false}};

static const test_case cost[] = {
    {"steady_state_takes_nothing_from_the_heap", steady_state_takes_nothing_from_the_heap, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"refusing", refusing}, {"nothing", nothing}, {"ending", ending},
                                        {"order", order},       {"cost", cost},       {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
