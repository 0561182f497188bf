/* SPDX-License-Identifier: MIT */
/* Datagrams: what ends a receive that waits, connected sockets and strangers, nobody there, cost. */
#include <string.h>

#include "../support/fixture.h"

static const call_kind receive_kinds[] = {CALL_RECEIVE_FROM, CALL_RECEIVE_MESSAGE_FROM};
enum { RECEIVE_KINDS = 2 };

/* ---- cancel, time, close ------------------------------------------------------------------------------- */

static void cancelled_receive_leaves_its_siblings_alone(void)
{
    enum { CALLS = 6, CANCELLED = 2 };
    datagram_pair both;
    call made[CALLS];
    char here[CALLS] = {0};
    int i, next = 'a';

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < CALLS; i++) {
        call_prepare(&made[i], both.right, receive_kinds[i % RECEIVE_KINDS]);
        (void)CHECK_ERROR(call_receive_from(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    (void)CHECK_ERROR(apm_async_result_cancel(made[CANCELLED].result), APM_ERROR_SUCCESS);
    (void)call_ends_with(&made[CANCELLED], APM_ERROR_OPERATION_ABORTED, 0);
    for (i = 0; i < CALLS - 1; i++) {
        char byte = (char)('a' + i);
        (void)CHECK_ERROR(send_to_now(both.left, &byte, 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < CALLS; i++) {
        if (i != CANCELLED) {
            (void)call_ends_with(&made[i], APM_ERROR_SUCCESS, 1);
            CHECK(here[i] == next++); /* in the order of Begin */
            CHECK(apm_endpoint_equal(&made[i].from, &both.left_at));
        }
        call_dispose(&made[i]);
    }
    CHECK(here[CANCELLED] == 0);
    datagram_pair_close(&both);
}

static void receive_that_takes_too_long_is_timed_out(void)
{
    datagram_pair both;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < RECEIVE_KINDS; i++) {
        char here = 0;
        call made;

        call_prepare(&made, both.right, receive_kinds[i]);
        if (CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 20), APM_ERROR_SUCCESS);
            (void)call_ends_with(&made, APM_ERROR_TIMED_OUT, 0);
        }
        call_dispose(&made);
    }
    datagram_pair_close(&both);
}

/* Not one of them is lost, nor any that came meanwhile. */
static void datagrams_survive_a_storm_of_cancels(void)
{
    enum { ROUNDS = 150 };
    datagram_pair both;
    int i, got = 0;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < ROUNDS; i++) {
        unsigned char there = (unsigned char)i, here = 0;
        call made;

        call_prepare(&made, both.right, receive_kinds[i % RECEIVE_KINDS]);
        if (CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(send_to_now(both.left, &there, 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            CHECK(call_wait(&made));
            if (made.error == APM_ERROR_SUCCESS) {
                CHECK(made.bytes == 1 && here == (unsigned char)got);
                got++;
            } else {
                (void)CHECK_ERROR(made.error, APM_ERROR_OPERATION_ABORTED);
            }
        }
        call_dispose(&made);
    }
    for (; got < ROUNDS; got++) {
        apm_endpoint from;
        unsigned char here = 0;
        if (!CHECK_ERROR(receive_from_now(both.right, &here, 1, NULL, &from), APM_ERROR_SUCCESS)) break;
        CHECK(here == (unsigned char)got);
    }
    datagram_pair_close(&both);
}

static void close_ends_everything_that_waits(void)
{
    enum { CALLS = 4 };
    datagram_pair both;
    call made[CALLS];
    char here[CALLS];
    int i;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < CALLS; i++) {
        call_prepare(&made[i], both.right, receive_kinds[i % RECEIVE_KINDS]);
        (void)CHECK_ERROR(call_receive_from(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    apm_socket_retain(both.right);
    close_now(both.right);
    for (i = 0; i < CALLS; i++) {
        (void)call_ends(&made[i], APM_ERROR_OBJECT_DISPOSED);
        call_dispose(&made[i]);
    }
    apm_socket_release(both.right);
    both.right = NULL;
    datagram_pair_close(&both);
}

/* ---- connected ----------------------------------------------------------------------------------------- */

static void connected_socket_hears_its_peer_only(void)
{
    apm_endpoint stranger_at;
    apm_socket *stranger;
    datagram_pair both;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    stranger = datagram_bound(APM_FAMILY_IPV4, &stranger_at);
    (void)CHECK_ERROR(connect_now(both.left, &both.right_at), APM_ERROR_SUCCESS);
    for (i = 0; i < RECEIVE_KINDS && stranger != NULL; i++) {
        char here = 0;
        call made;

        call_prepare(&made, both.left, receive_kinds[i]);
        if (CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(send_to_now(stranger, "s", 1, &both.left_at, NULL), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(send_to_now(both.right, "p", 1, &both.left_at, NULL), APM_ERROR_SUCCESS);
            (void)call_ends_with(&made, APM_ERROR_SUCCESS, 1);
            CHECK(here == 'p' && apm_endpoint_equal(&made.from, &both.right_at));
        }
        call_dispose(&made);
    }
    close_now(stranger);
    datagram_pair_close(&both);
}

static void connected_socket_mixes_plain_and_addressed_datagrams(void)
{
    apm_endpoint from;
    size_t bytes = 0;
    char here = 0;
    datagram_pair both;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(connect_now(both.left, &both.right_at), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(send_now(both.left, "1", 1, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(send_to_now(both.left, "2", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(here == '1' && apm_endpoint_equal(&from, &both.left_at));
    (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(here == '2' && apm_endpoint_equal(&from, &both.left_at));
    (void)CHECK_ERROR(send_to_now(both.right, "3", 1, &both.left_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(both.left, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(here == '3' && bytes == 1);
    datagram_pair_close(&both);
}

/* It need not be connected, as on Windows. */
static void shutdown_ends_a_direction_of_a_bound_socket(void)
{
    apm_socket *fresh = datagram_open(APM_FAMILY_IPV4);
    apm_endpoint from;
    datagram_pair both;
    size_t bytes = 0;
    char here = 0;
    call made;

    (void)CHECK_ERROR(apm_socket_shutdown(fresh, APM_SHUTDOWN_BOTH), APM_ERROR_NOT_CONNECTED); /* not bound */
    close_now(fresh);
    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.left, APM_SHUTDOWN_RECEIVE), APM_ERROR_SUCCESS);
    call_prepare(&made, both.left, CALL_RECEIVE_FROM);
    (void)CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SHUTDOWN);
    call_dispose(&made);
    (void)CHECK_ERROR(send_to_now(both.left, "1", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(here == '1' && bytes == 1 && apm_endpoint_equal(&from, &both.left_at));
    datagram_pair_close(&both);

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.left, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    call_prepare(&made, both.left, CALL_SEND_TO);
    (void)CHECK_ERROR(call_send_to(&made, "x", 1, &both.right_at), APM_ERROR_SHUTDOWN);
    call_dispose(&made);
    (void)CHECK_ERROR(send_to_now(both.right, "2", 1, &both.left_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.left, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(here == '2' && bytes == 1 && apm_endpoint_equal(&from, &both.right_at));
    datagram_pair_close(&both);
}

static void shutdown_ends_a_direction_of_a_connected_socket(void)
{
    datagram_pair both;
    call made;
    char here = 0;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(connect_now(both.left, &both.right_at), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_shutdown(both.left, APM_SHUTDOWN_RECEIVE), APM_ERROR_SUCCESS);
    for (i = 0; i < RECEIVE_KINDS; i++) {
        call_prepare(&made, both.left, receive_kinds[i]);
        (void)CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SHUTDOWN);
        CHECK(made.result == NULL && atomic_load(&made.callbacks) == 0);
        call_dispose(&made);
    }
    (void)CHECK_ERROR(send_now(both.left, "x", 1, NULL), APM_ERROR_SUCCESS); /* the other one goes on */
    (void)CHECK_ERROR(apm_socket_shutdown(both.left, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    call_prepare(&made, both.left, CALL_SEND_TO);
    (void)CHECK_ERROR(call_send_to(&made, "x", 1, &both.right_at), APM_ERROR_SHUTDOWN);
    call_dispose(&made);
    datagram_pair_close(&both);
}

/* ---- nobody there ---------------------------------------------------------------------------------------- */

/* A place where nobody is: it was somebody's, who has gone. */
static bool find_empty_place(apm_endpoint *place)
{
    apm_socket *gone = datagram_bound(APM_FAMILY_IPV4, place);

    close_now(gone);
    return gone != NULL;
}

/* The kernel tells of it through a receive that has nothing to do with it. */
static void datagram_to_nobody_ends_a_receive(void)
{
    apm_endpoint place, from;
    size_t bytes = 0;
    char here = 0;
    datagram_pair both;
    call made;

    if (peer_kernel_is_wine()) {
        harness_skip("this kernel says nothing of it");
        return;
    }
    if (!find_empty_place(&place) || !datagram_pair_open(&both, false)) return;
    call_prepare(&made, both.right, CALL_RECEIVE_FROM);
    if (CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SUCCESS)) { /* it waits */
        (void)CHECK_ERROR(send_to_now(both.right, "x", 1, &place, NULL), APM_ERROR_SUCCESS);
        (void)call_ends_with(&made, APM_ERROR_CONNECTION_RESET, 0);
    }
    call_dispose(&made);
    (void)CHECK_ERROR(send_to_now(both.right, "x", 1, &place, NULL), APM_ERROR_SUCCESS); /* the next one */
    (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_CONNECTION_RESET);
    /* The socket is none the worse for it. */
    (void)CHECK_ERROR(send_to_now(both.left, "y", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here == 'y');
    datagram_pair_close(&both);
}

static void datagram_to_nobody_is_not_noticed_when_told_so(void)
{
    apm_endpoint place, from;
    size_t bytes = 0;
    char here = 0;
    datagram_pair both;
    call made;

    if (!find_empty_place(&place) || !datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.right, APM_SOCKET_OPTION_UDP_CONNECTION_RESET, 0),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(send_to_now(both.right, "x", 1, &place, NULL), APM_ERROR_SUCCESS);
    call_prepare(&made, both.right, CALL_RECEIVE_FROM);
    if (CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(send_to_now(both.right, "x", 1, &place, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(send_to_now(both.left, "y", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, 1);
        CHECK(here == 'y');
    }
    call_dispose(&made);
    if (!peer_kernel_is_wine()) { /* and noticed again */
        (void)CHECK_ERROR(apm_socket_set_option(both.right, APM_SOCKET_OPTION_UDP_CONNECTION_RESET, 1),
                          APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(send_to_now(both.right, "x", 1, &place, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_CONNECTION_RESET);
    }
    datagram_pair_close(&both);
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

static void datagram_without_memory_is_out_of_memory(void)
{
    enum { TRIES = 20 };
    apm_endpoint from;
    char here = 0;
    datagram_pair both;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < 1 + RECEIVE_KINDS; i++) {
        apm_error error = APM_ERROR_OUT_OF_MEMORY;
        uint64_t nth;

        for (nth = 1; nth < TRIES && error == APM_ERROR_OUT_OF_MEMORY; nth++) {
            call made;

            call_prepare(&made, both.right, i == 0 ? CALL_SEND_TO : receive_kinds[i - 1]);
            if (i != 0)
                (void)CHECK_ERROR(send_to_now(both.left, "x", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
            harness_fail_allocation(nth);
            error = i == 0 ? call_send_to(&made, "x", 1, &both.left_at) : call_receive_from(&made, &here, 1);
            harness_fail_allocation(0);
            if (error == APM_ERROR_SUCCESS) {
                (void)call_ends_with(&made, APM_ERROR_SUCCESS, 1);
            } else {
                CHECK(made.result == NULL && atomic_load(&made.callbacks) == 0);
            }
            call_dispose(&made);
        }
        (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
        CHECK(nth > 2); /* there was something to fail */
    }
    (void)CHECK_ERROR(receive_from_now(both.left, &here, 1, NULL, &from), APM_ERROR_SUCCESS);
    datagram_pair_close(&both);
}

/* As many at once as ever will be: one of each, and those whose callback is over but whose worker
 * has not quite let go of them. */
static void make_spare_blocks(datagram_pair *both)
{
    enum { DEPTH = 10 };
    call sends[DEPTH], receives[DEPTH];
    char here[DEPTH];
    int i;

    for (i = 0; i < DEPTH; i++) {
        call_prepare(&receives[i], both->right, receive_kinds[i % RECEIVE_KINDS]);
        (void)CHECK_ERROR(call_receive_from(&receives[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < DEPTH; i++) {
        call_prepare(&sends[i], both->left, CALL_SEND_TO);
        sends[i].keeps = true;
        (void)CHECK_ERROR(call_send_to(&sends[i], "x", 1, &both->right_at), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < DEPTH; i++) {
        (void)call_ends_with(&receives[i], APM_ERROR_SUCCESS, 1);
        CHECK(call_wait(&sends[i]));
        call_dispose(&receives[i]);
        call_dispose(&sends[i]);
    }
}

static void steady_state_takes_nothing_from_the_heap(void)
{
    enum { ROUNDS = 300 };
    uint64_t before = 0;
    char here = 0;
    datagram_pair both;
    call sending, receiving;
    int i, k;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < 4; i++) make_spare_blocks(&both);
    for (i = 0; i < ROUNDS; i++) {
        if (i == ROUNDS / 3) before = harness_allocations();
        for (k = 0; k < RECEIVE_KINDS; k++) {
            call_prepare(&sending, both.left, CALL_SEND_TO);
            call_prepare(&receiving, both.right, receive_kinds[k]);
            (void)CHECK_ERROR(call_receive_from(&receiving, &here, 1), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(call_send_to(&sending, "x", 1, &both.right_at), APM_ERROR_SUCCESS);
            CHECK(test_gate_wait(sending.done) && test_gate_wait(receiving.done));
            apm_async_result_release(sending.result);
            apm_async_result_release(receiving.result);
            sending.result = receiving.result = NULL;
            call_dispose(&sending);
            call_dispose(&receiving);
        }
    }
    CHECK(harness_allocations() == before);
    datagram_pair_close(&both);
}

static const test_case ending[] = {
    {"cancelled_receive_leaves_its_siblings_alone", cancelled_receive_leaves_its_siblings_alone, false},
    {"receive_that_takes_too_long_is_timed_out", receive_that_takes_too_long_is_timed_out, false},
    {"datagrams_survive_a_storm_of_cancels", datagrams_survive_a_storm_of_cancels, false},
    {"close_ends_everything_that_waits", close_ends_everything_that_waits, false},
    {NULL, NULL, false}};

static const test_case connected[] = {
    {"connected_socket_hears_its_peer_only", connected_socket_hears_its_peer_only, false},
    {"connected_socket_mixes_plain_and_addressed_datagrams",
     connected_socket_mixes_plain_and_addressed_datagrams, false},
    {"shutdown_ends_a_direction_of_a_bound_socket", shutdown_ends_a_direction_of_a_bound_socket, false},
    {"shutdown_ends_a_direction_of_a_connected_socket", shutdown_ends_a_direction_of_a_connected_socket,
     false},
    {NULL, NULL, false}};

static const test_case nobody[] = {
    {"datagram_to_nobody_ends_a_receive", datagram_to_nobody_ends_a_receive, false},
    {"datagram_to_nobody_is_not_noticed_when_told_so", datagram_to_nobody_is_not_noticed_when_told_so, false},
    {NULL, NULL, false}};

static const test_case memory[] = {
    {"datagram_without_memory_is_out_of_memory", datagram_without_memory_is_out_of_memory, false},
    {"steady_state_takes_nothing_from_the_heap", steady_state_takes_nothing_from_the_heap, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"ending", ending}, {"connected", connected}, {"nobody", nobody}, {"memory", memory}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
