/* SPDX-License-Identifier: MIT */
/*
 * Disconnecting to connect again: what becomes of the old connection, of what is pending, and
 * what the socket keeps.
 */
#include <stdlib.h>

#include "../support/disconnect_now.h"
#include "../support/kernel_socket.h"
#include "../support/route.h"

/* Disconnects, from a peer that ends its stream when ours has ended. */
static void part(pair *both)
{
    char here = 0;
    call made;

    call_prepare(&made, both->socket, CALL_DISCONNECT);
    if (CHECK_ERROR(call_disconnect(&made, true), APM_ERROR_SUCCESS)) {
        CHECK(peer_read(both->other, &here, 1, PATIENCE) == PEER_END);
        peer_close(both->other);
        both->other = NULL;
        (void)call_ends(&made, APM_ERROR_SUCCESS);
    }
    call_dispose(&made);
}

/* Like a socket that has never been connected. */
static void check_fresh(apm_socket *socket)
{
    apm_endpoint endpoint = {0};
    char here = 0;

    check_failed(socket);
    (void)CHECK_ERROR(receive_now(socket, &here, 1, NULL), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &endpoint), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_shutdown(socket, APM_SHUTDOWN_BOTH), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(disconnect_now(socket, true), APM_ERROR_NOT_CONNECTED);
}

/* ---- again ------------------------------------------------------------------------------------ */

static void socket_connects_again_to_the_same_and_to_another(void)
{
    peer_listener *same = peer_listen(APM_FAMILY_IPV4), *another = peer_listen(APM_FAMILY_IPV4);
    route way = {.count = 0};
    apm_endpoint remote;
    pair both;

    CHECK(same != NULL && another != NULL);
    if (same == NULL || another == NULL) return;
    if (pair_open_with(&both, same)) {
        check_alive(&both);
        part(&both);
        check_fresh(both.socket);
        peer_listener_endpoint(same, &remote);
        (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS);
        both.other = peer_accept(same, PATIENCE);
        CHECK(both.other != NULL);
        if (both.other != NULL) {
            check_alive(&both);
            part(&both);
        }
        route_refusing(&way, APM_FAMILY_IPV4);
        route_listener(&way, another);
        (void)CHECK_ERROR(connect_route(both.socket, &way), APM_ERROR_SUCCESS);
        check_reached(both.socket, another);
        pair_close(&both);
    }
    peer_listener_close(another);
    peer_listener_close(same);
}

static void blocking_connect_works_after_it(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (pair_open_with(&both, listener)) {
        part(&both);
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(apm_socket_connect(both.socket, &remote), APM_ERROR_SUCCESS);
        check_reached(both.socket, listener);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static void options_are_still_set(void)
{
    pair both;
    int32_t value = 0;

    if (!pair_open(&both)) return;
    set_option(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    set_option(both.socket, APM_SOCKET_OPTION_TTL, 27);
    set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 12345);
    part(&both);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    check_connects(both.socket);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_HOPS) == 27);
    (void)CHECK_ERROR(apm_socket_get_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value == 12345);
    pair_close(&both);
}

/* The peer ends first: who ends first keeps the port for some time. */
static void socket_is_still_bound(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint local, found = {0}, remote;
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    char here = 0;
    int round;

    CHECK(listener != NULL);
    if (both.socket == NULL || listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    (void)CHECK_ERROR(apm_socket_bind(both.socket, &local), APM_ERROR_SUCCESS);
    for (round = 0; round < 2; round++) {
        (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_equal(&found, &local));
        if (!CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS)) break;
        both.other = peer_accept(listener, PATIENCE);
        CHECK(both.other != NULL);
        if (both.other == NULL) break;
        peer_end(both.other);
        (void)CHECK_ERROR(receive_now(both.socket, &here, 1, NULL), APM_ERROR_SUCCESS);
        part(&both);
    }
    pair_close(&both);
    peer_listener_close(listener);
}

static void hundred_times(void)
{
    enum { ROUNDS = 100, WARM = 5 };
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    int64_t handles = 0, blocks = 0;
    apm_endpoint remote;
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    int i;

    CHECK(listener != NULL);
    if (both.socket == NULL || listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    for (i = 0; i < ROUNDS; i++) {
        if (!CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS)) break;
        both.other = peer_accept(listener, PATIENCE);
        CHECK(both.other != NULL);
        if (both.other == NULL) break;
        (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
        {
            char here = 0;
            CHECK(peer_read_all(both.other, &here, 1, PATIENCE));
        }
        part(&both);
        if (i == WARM) {
            handles = harness_handles();
            blocks = harness_live_blocks();
        }
    }
    CHECK(harness_live_blocks() <= blocks + 4); /* an operation that is just being given back */
    CHECK(harness_handles() <= handles + 4);    /* a thread more or less */
    pair_close(&both);
    peer_listener_close(listener);
}

/* ---- the old connection ----------------------------------------------------------------------------- */

static void pending_receives_are_aborted(void)
{
    enum { RECEIVES = 5 };
    call made[RECEIVES], leaving;
    char here[RECEIVES];
    pair both;
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < RECEIVES; i++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    call_prepare(&leaving, both.socket, CALL_DISCONNECT);
    (void)CHECK_ERROR(call_disconnect(&leaving, true), APM_ERROR_SUCCESS);
    for (i = 0; i < RECEIVES; i++) { /* not by the peer: he does not end before */
        (void)call_ends_with(&made[i], APM_ERROR_OPERATION_ABORTED, 0);
        call_dispose(&made[i]);
    }
    peer_end(both.other);
    (void)call_ends(&leaving, APM_ERROR_SUCCESS);
    call_dispose(&leaving);
    check_fresh(both.socket);
    check_connects(both.socket);
    pair_close(&both);
}

/* Also when there is something unread, which is dropped: the peer still has all of ours. */
static void unread_bytes_are_dropped_and_ours_arrive(void)
{
    enum { SIZE = 200000 };
    unsigned char *there = (unsigned char *)malloc(SIZE), *here = (unsigned char *)malloc(SIZE);
    pair both;
    call made;

    CHECK(there != NULL && here != NULL);
    if (there == NULL || here == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, SIZE, 0);
    CHECK(peer_write(both.other, there, 5000));
    (void)CHECK_ERROR(receive_now(both.socket, NULL, 0, NULL), APM_ERROR_SUCCESS); /* it has arrived */
    call_prepare(&made, both.socket, CALL_SEND);
    (void)CHECK_ERROR(call_send(&made, there, SIZE), APM_ERROR_SUCCESS);
    {
        call leaving;

        call_prepare(&leaving, both.socket, CALL_DISCONNECT);
        if (CHECK_ERROR(call_disconnect(&leaving, true), APM_ERROR_SUCCESS)) {
            CHECK(peer_read_all(both.other, here, SIZE, PATIENCE) && pattern_holds(here, SIZE, 0));
            CHECK(peer_read(both.other, here, 1, PATIENCE) == PEER_END);
            CHECK(peer_write(both.other, there, 5000)); /* and more of it */
            peer_end(both.other);
            (void)call_ends(&leaving, APM_ERROR_SUCCESS);
        }
        call_dispose(&leaving);
    }
    (void)call_ends_with(&made, APM_ERROR_SUCCESS, SIZE);
    call_dispose(&made);
    check_fresh(both.socket);
    check_connects(both.socket);
    pair_close(&both);
done:
    free(there);
    free(here);
}

static void peer_that_does_not_end_is_waited_for_a_short_time(void)
{
    uint64_t start;
    char here = 0;
    pair both;

    if (!pair_open(&both)) return;
    start = test_now();
    (void)CHECK_ERROR(disconnect_now(both.socket, true), APM_ERROR_SUCCESS);
    CHECK(test_now() - start < 20000); /* 2 s, and a busy machine */
    check_fresh(both.socket);
    check_connects(both.socket);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) <= PEER_END);
    pair_close(&both);
}

/* Sends until it cannot. */
static void chatter(void *argument)
{
    pair *both = (pair *)argument;
    static unsigned char noise[65536];

    while (peer_write(both->other, noise, sizeof noise)) {
    }
}

static void peer_that_does_not_stop_sending_is_not_listened_to_for_ever(void)
{
    uint64_t start;
    test_thread *thread;
    pair both;

    if (!pair_open(&both)) return;
    thread = test_thread_start(chatter, &both);
    start = test_now();
    (void)CHECK_ERROR(disconnect_now(both.socket, true), APM_ERROR_SUCCESS);
    CHECK(test_now() - start < 20000);
    test_thread_join(thread); /* it was reset */
    check_fresh(both.socket);
    check_connects(both.socket);
    pair_close(&both);
}

static void connection_that_was_reset_can_be_left(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    receiving_pair one;

    CHECK(listener != NULL);
    if (listener == NULL || !receiving_open(&one)) return;
    peer_reset(one.both.other);
    one.both.other = NULL;
    (void)call_ends(&one.made, APM_ERROR_CONNECTION_RESET);
    CHECK(!apm_socket_connected(one.both.socket));
    (void)CHECK_ERROR(disconnect_now(one.both.socket, true), APM_ERROR_SUCCESS);
    check_fresh(one.both.socket);
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(connect_now(one.both.socket, &remote), APM_ERROR_SUCCESS);
    one.both.other = peer_accept(listener, PATIENCE);
    CHECK(one.both.other != NULL);
    if (one.both.other != NULL) check_alive(&one.both); /* it knows nothing of that reset */
    receiving_close(&one);
    peer_listener_close(listener);
}

static void connection_that_was_shut_down_can_be_left(void)
{
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_BOTH), APM_ERROR_SUCCESS);
    part(&both);
    check_fresh(both.socket);
    check_connects(both.socket);
    pair_close(&both);
}

/* ---- in the middle -------------------------------------------------------------------------------------- */

/* A disconnect that waits for the peer's end. */
typedef struct goodbye {
    pair both;
    call made;
} goodbye;

static bool goodbye_enter(goodbye *here)
{
    char byte = 0;

    if (!pair_open(&here->both)) return false;
    call_prepare(&here->made, here->both.socket, CALL_DISCONNECT);
    if (CHECK_ERROR(call_disconnect(&here->made, true), APM_ERROR_SUCCESS)) {
        CHECK(peer_read(here->both.other, &byte, 1, PATIENCE) == PEER_END);
        return true;
    }
    call_dispose(&here->made);
    pair_close(&here->both);
    return false;
}

static void goodbye_leave(goodbye *here)
{
    call_dispose(&here->made);
    pair_close(&here->both);
}

/* The peer may know it before we do. */
static bool wait_until_left(apm_socket *socket)
{
    uint64_t start = test_now();

    while (apm_socket_connected(socket))
        if (test_now() - start > PATIENCE)
            return false;
        else
            test_yield();
    return true;
}

static void nothing_begins_meanwhile(void)
{
    goodbye here;
    apm_endpoint remote = {0};
    char byte = 0;

    if (!goodbye_enter(&here)) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &remote);
    (void)CHECK_ERROR(connect_now(here.both.socket, &remote), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(connect_host(here.both.socket, "localhost", 80), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(disconnect_now(here.both.socket, true), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_begin_disconnect(here.both.socket, false, NULL, NULL, NULL),
                      APM_ERROR_INVALID_OPERATION);
    CHECK(send_now(here.both.socket, "x", 1, NULL) != APM_ERROR_SUCCESS);
    CHECK(receive_now(here.both.socket, &byte, 1, NULL) != APM_ERROR_SUCCESS);
    CHECK(wait_until_left(here.both.socket));
    peer_end(here.both.other);
    (void)call_ends(&here.made, APM_ERROR_SUCCESS);
    check_fresh(here.both.socket);
    check_connects(here.both.socket);
    goodbye_leave(&here);
}

/* It has the last word, as everywhere: it was done, or it was not. The socket is fresh anyhow. */
static void cancelled_while_it_waits(bool by_time)
{
    goodbye here;
    apm_error expected = by_time ? APM_ERROR_TIMED_OUT : APM_ERROR_OPERATION_ABORTED;

    if (!goodbye_enter(&here)) return;
    (void)CHECK_ERROR(by_time ? apm_async_result_cancel_after(here.made.result, 1)
                              : apm_async_result_cancel(here.made.result),
                      APM_ERROR_SUCCESS);
    CHECK(call_wait(&here.made));
    CHECK(here.made.error == expected || here.made.error == APM_ERROR_SUCCESS);
    check_fresh(here.both.socket);
    check_connects(here.both.socket);
    goodbye_leave(&here);
}

static void cancel_while_it_waits_for_the_peer(void)
{
    cancelled_while_it_waits(false);
}

static void cancel_after_a_time_while_it_waits_for_the_peer(void)
{
    cancelled_while_it_waits(true);
}

static void close_while_it_waits_for_the_peer(void)
{
    goodbye here;

    if (!goodbye_enter(&here)) return;
    close_now(here.both.socket);
    here.both.socket = NULL;
    (void)call_ends(&here.made, APM_ERROR_OBJECT_DISPOSED);
    goodbye_leave(&here);
}

/* Wherever they meet it, everything calls back once and nothing is left. */
static void close_and_cancel_meet_it_anywhere(void)
{
    enum { ROUNDS = 60 };
    uint64_t seed = 5;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        receiving_pair one;
        call made;

        if (!receiving_open(&one)) return;
        call_prepare(&made, one.both.socket, CALL_DISCONNECT);
        if (CHECK_ERROR(call_disconnect(&made, true), APM_ERROR_SUCCESS)) {
            if (i % 3 != 0) peer_end(one.both.other);
            dawdle(&seed);
            if (i % 2 == 0) {
                (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            } else {
                close_now(one.both.socket);
                one.both.socket = NULL;
            }
            CHECK(call_wait(&made) && call_wait(&one.made));
            CHECK(made.error == APM_ERROR_SUCCESS ||
                  made.error == (i % 2 == 0 ? APM_ERROR_OPERATION_ABORTED : APM_ERROR_OBJECT_DISPOSED));
        }
        call_dispose(&made);
        receiving_close(&one);
    }
}

static void connect_in_the_callback(call *made)
{
    call *next = (call *)made->context;
    apm_endpoint remote = *(apm_endpoint *)next->context;
    apm_error error = call_connect(next, &remote);

    /* Begun, it is its own callback's, which may be running already. */
    if (error != APM_ERROR_SUCCESS) next->error = error;
}

static void callback_may_connect_again(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    call made, next;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (pair_open_with(&both, listener)) {
        call_prepare(&made, both.socket, CALL_DISCONNECT);
        call_prepare(&next, both.socket, CALL_CONNECT);
        made.inside = connect_in_the_callback;
        made.context = &next;
        next.context = &remote;
        next.error = APM_ERROR_SOCKET;
        if (CHECK_ERROR(call_disconnect(&made, true), APM_ERROR_SUCCESS)) {
            peer_end(both.other);
            (void)call_ends(&made, APM_ERROR_SUCCESS);
            if (next.result != NULL && call_ends(&next, APM_ERROR_SUCCESS))
                check_reached(both.socket, listener);
            CHECK(next.result != NULL);
        }
        call_dispose(&made);
        call_dispose(&next);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static const test_case again[] = {{"socket_connects_again_to_the_same_and_to_another",
                                   socket_connects_again_to_the_same_and_to_another, false},
                                  {"blocking_connect_works_after_it", blocking_connect_works_after_it, false},
                                  {"options_are_still_set", options_are_still_set, false},
                                  {"socket_is_still_bound", socket_is_still_bound, false},
                                  {"hundred_times", hundred_times, false},
                                  {NULL, NULL, false}};

static const test_case old_connection[] = {
    {"pending_receives_are_aborted", pending_receives_are_aborted, false},
    {"unread_bytes_are_dropped_and_ours_arrive", unread_bytes_are_dropped_and_ours_arrive, false},
    {"peer_that_does_not_end_is_waited_for_a_short_time", peer_that_does_not_end_is_waited_for_a_short_time,
     false},
    {"peer_that_does_not_stop_sending_is_not_listened_to_for_ever",
     peer_that_does_not_stop_sending_is_not_listened_to_for_ever, false},
    {"connection_that_was_reset_can_be_left", connection_that_was_reset_can_be_left, false},
    {"connection_that_was_shut_down_can_be_left", connection_that_was_shut_down_can_be_left, false},
    {NULL, NULL, false}};

static const test_case in_the_middle[] = {
    {"nothing_begins_meanwhile", nothing_begins_meanwhile, false},
    {"cancel_while_it_waits_for_the_peer", cancel_while_it_waits_for_the_peer, false},
    {"cancel_after_a_time_while_it_waits_for_the_peer", cancel_after_a_time_while_it_waits_for_the_peer,
     false},
    {"close_while_it_waits_for_the_peer", close_while_it_waits_for_the_peer, false},
    {"close_and_cancel_meet_it_anywhere", close_and_cancel_meet_it_anywhere, false},
    {"callback_may_connect_again", callback_may_connect_again, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"again", again}, {"old_connection", old_connection}, {"in_the_middle", in_the_middle}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
