/* SPDX-License-Identifier: MIT */
/* Disconnecting: what the peer sees of it, what the socket is afterwards, and what is none. */
#include <stdlib.h>

#include "../support/disconnect_now.h"
#include "../support/route.h"

enum { SIZE = 8 * 1024 * 1024, CHUNK = 65536 };

/* A peer that reads to the end, on a thread of its own, and then ends its own stream. */
typedef struct reader {
    peer *other;
    uint64_t received;
    int64_t ended; /* PEER_END, PEER_RESET or PEER_TIMEOUT */
    bool same;
} reader;

static void read_to_the_end(void *argument)
{
    reader *one = (reader *)argument;
    unsigned char *here = (unsigned char *)malloc(CHUNK);
    int64_t got = PEER_TIMEOUT;

    one->received = 0;
    one->same = true;
    while (here != NULL && (got = peer_read(one->other, here, CHUNK, PATIENCE)) > 0) {
        if (!pattern_holds(here, (size_t)got, one->received)) one->same = false;
        one->received += (uint64_t)got;
    }
    one->ended = got;
    peer_end(one->other);
    free(here);
}

/* ---- what the peer sees ---------------------------------------------------------------------- */

static void check_left(apm_socket *socket)
{
    apm_endpoint remote = {0};

    CHECK(!apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_NOT_CONNECTED);
    CHECK(remote.length == 0);
}

/* In the callback it has happened. */
static void check_in_callback(call *made)
{
    apm_endpoint remote;

    if (made->error == APM_ERROR_SUCCESS &&
        (apm_socket_connected(made->socket) ||
         apm_socket_remote_endpoint(made->socket, &remote) != APM_ERROR_NOT_CONNECTED))
        made->error = APM_ERROR_SOCKET;
}

/* Sends that are still under way when the disconnect begins go first. */
static void peer_sees_everything_then_the_end(bool reuse)
{
    enum { SENDS = 4 };
    unsigned char *there = (unsigned char *)malloc(SIZE);
    reader one = {NULL, 0, 0, false};
    call sending[SENDS], made;
    test_thread *thread;
    pair both;
    size_t i, part = SIZE / SENDS;

    CHECK(there != NULL);
    if (there == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, SIZE, 0);
    one.other = both.other;
    for (i = 0; i < SENDS; i++) {
        call_prepare(&sending[i], both.socket, CALL_SEND);
        (void)CHECK_ERROR(call_send(&sending[i], there + i * part, part), APM_ERROR_SUCCESS);
    }
    CHECK(!apm_async_result_is_completed(sending[SENDS - 1].result)); /* nobody has read yet */
    call_prepare(&made, both.socket, CALL_DISCONNECT);
    made.inside = check_in_callback;
    if (CHECK_ERROR(call_disconnect(&made, reuse), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result));
        thread = test_thread_start(read_to_the_end, &one);
        (void)call_ends(&made, APM_ERROR_SUCCESS);
        test_thread_join(thread);
        CHECK(one.received == SIZE && one.same);
        CHECK(one.ended == PEER_END);
        check_left(both.socket);
    }
    for (i = 0; i < SENDS; i++) {
        (void)call_ends_with(&sending[i], APM_ERROR_SUCCESS, part);
        call_dispose(&sending[i]);
    }
    call_dispose(&made);
    pair_close(&both);
done:
    free(there);
}

static void peer_sees_everything_that_was_sent_then_the_end(void)
{
    peer_sees_everything_then_the_end(false);
}

static void peer_sees_everything_that_was_sent_then_the_end_with_reuse(void)
{
    peer_sees_everything_then_the_end(true);
}

/* ---- the socket afterwards ----------------------------------------------------------------------- */

static void what_the_peer_still_sends_is_received(void)
{
    pair both;
    char here[8] = {0};
    size_t got = 1;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(disconnect_now(both.socket, false), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, here, 1, PATIENCE) == PEER_END);
    CHECK(peer_write(both.other, "late", 4));
    (void)CHECK_ERROR(receive_all(both.socket, here, 4), APM_ERROR_SUCCESS);
    CHECK(memcmp(here, "late", 4) == 0);
    peer_end(both.other);
    (void)CHECK_ERROR(receive_now(both.socket, here, 1, &got), APM_ERROR_SUCCESS);
    CHECK(got == 0);
    pair_close(&both);
}

static void pending_receive_goes_on(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    (void)CHECK_ERROR(disconnect_now(one.both.socket, false), APM_ERROR_SUCCESS);
    CHECK(!apm_async_result_is_completed(one.made.result));
    CHECK(peer_write(one.both.other, "x", 1));
    (void)call_ends_with(&one.made, APM_ERROR_SUCCESS, 1);
    CHECK(one.here == 'x');
    receiving_close(&one);
}

static void nothing_is_sent_any_more(void)
{
    pair both;
    char here = 0;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(disconnect_now(both.socket, false), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SHUTDOWN);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END);
    pair_close(&both);
}

static void socket_cannot_connect_again_without_reuse(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    route way = {.count = 0};
    apm_endpoint remote;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (pair_open_with(&both, listener)) {
        peer_listener_endpoint(listener, &remote);
        route_add(&way, &remote);
        (void)CHECK_ERROR(disconnect_now(both.socket, false), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_IS_CONNECTED);
        (void)CHECK_ERROR(connect_route(both.socket, &way), APM_ERROR_IS_CONNECTED);
        (void)CHECK_ERROR(connect_host(both.socket, "localhost", 80), APM_ERROR_IS_CONNECTED);
        check_left(both.socket);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static void disconnect_of_a_connection_that_the_peer_has_ended(void)
{
    pair both;
    char here = 0;
    size_t got = 1;

    if (!pair_open(&both)) return;
    peer_end(both.other);
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &got), APM_ERROR_SUCCESS);
    CHECK(got == 0);
    (void)CHECK_ERROR(disconnect_now(both.socket, false), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END);
    check_left(both.socket);
    pair_close(&both);
}

/* ---- in the middle --------------------------------------------------------------------------------- */

/* A disconnect that waits for a send which nobody reads. */
typedef struct queue {
    pair both;
    unsigned char *there;
    call sending, made;
} queue;

static void queue_leave(queue *here)
{
    pair_close(&here->both);
    CHECK(call_wait(&here->sending)); /* until then the bytes are the operation's */
    call_dispose(&here->sending);
    call_dispose(&here->made);
    free(here->there);
}

static bool queue_enter(queue *here, bool reuse)
{
    here->there = (unsigned char *)malloc(8 * (size_t)SIZE);
    CHECK(here->there != NULL);
    if (here->there == NULL || !pair_open(&here->both)) {
        free(here->there);
        return false;
    }
    pattern_fill(here->there, 8 * (size_t)SIZE, 0);
    call_prepare(&here->sending, here->both.socket, CALL_SEND);
    call_prepare(&here->made, here->both.socket, CALL_DISCONNECT);
    (void)CHECK_ERROR(call_send(&here->sending, here->there, 8 * (size_t)SIZE), APM_ERROR_SUCCESS);
    if (CHECK_ERROR(call_disconnect(&here->made, reuse), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(here->made.result));
        return true;
    }
    queue_leave(here);
    return false;
}

/* The connection is what it was: the send goes on, and another one is possible. */
static void check_goes_on(queue *here)
{
    reader one = {here->both.other, 0, 0, false};
    unsigned char last[1];
    test_thread *thread;

    CHECK(apm_socket_connected(here->both.socket));
    thread = test_thread_start(read_to_the_end, &one);
    (void)call_ends_with(&here->sending, APM_ERROR_SUCCESS, 8 * (size_t)SIZE);
    pattern_fill(last, 1, 8 * (uint64_t)SIZE);
    (void)CHECK_ERROR(send_now(here->both.socket, last, 1, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(disconnect_now(here->both.socket, false), APM_ERROR_SUCCESS);
    test_thread_join(thread);
    CHECK(one.received == 8 * (uint64_t)SIZE + 1 && one.same);
    CHECK(one.ended == PEER_END);
}

static void cancelled_before_its_turn(bool reuse, bool by_time)
{
    queue here;

    if (!queue_enter(&here, reuse)) return;
    (void)CHECK_ERROR(by_time ? apm_async_result_cancel_after(here.made.result, 20)
                              : apm_async_result_cancel(here.made.result),
                      APM_ERROR_SUCCESS);
    (void)call_ends(&here.made, by_time ? APM_ERROR_TIMED_OUT : APM_ERROR_OPERATION_ABORTED);
    check_goes_on(&here);
    queue_leave(&here);
}

static void cancel_before_its_turn_leaves_the_connection(void)
{
    cancelled_before_its_turn(false, false);
    cancelled_before_its_turn(false, true);
}

static void cancel_before_its_turn_leaves_the_connection_with_reuse(void)
{
    cancelled_before_its_turn(true, false);
    cancelled_before_its_turn(true, true);
}

static void close_before_its_turn_is_object_disposed(bool reuse)
{
    queue here;

    if (!queue_enter(&here, reuse)) return;
    close_now(here.both.socket);
    here.both.socket = NULL;
    (void)call_ends(&here.made, APM_ERROR_OBJECT_DISPOSED);
    (void)call_ends(&here.sending, APM_ERROR_OBJECT_DISPOSED);
    queue_leave(&here);
}

static void close_in_the_middle_is_object_disposed(void)
{
    close_before_its_turn_is_object_disposed(false);
    close_before_its_turn_is_object_disposed(true);
}

/* ---- nonsense ---------------------------------------------------------------------------------------- */

static void check_begin_fails(apm_socket *socket, bool reuse, apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_DISCONNECT);
    (void)CHECK_ERROR(call_disconnect(&made, reuse), expected);
    CHECK(made.result == NULL);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void socket_without_a_connection_is_not_connected(void)
{
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint remote;
    call made;
    int reuse;

    CHECK(hanging != NULL);
    if (socket == NULL || hanging == NULL) return;
    for (reuse = 0; reuse < 2; reuse++) {
        check_begin_fails(NULL, reuse != 0, APM_ERROR_ARGUMENT_NULL);
        check_begin_fails(socket, reuse != 0, APM_ERROR_NOT_CONNECTED);
    }
    peer_listener_endpoint(hanging, &remote);
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &remote), APM_ERROR_SUCCESS)) {
        for (reuse = 0; reuse < 2; reuse++) check_begin_fails(socket, reuse != 0, APM_ERROR_NOT_CONNECTED);
        (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        (void)call_ends(&made, APM_ERROR_OPERATION_ABORTED);
    }
    call_dispose(&made);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remote);
    (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_CONNECTION_REFUSED);
    for (reuse = 0; reuse < 2; reuse++) check_begin_fails(socket, reuse != 0, APM_ERROR_NOT_CONNECTED);
    apm_socket_retain(socket);
    close_now(socket);
    for (reuse = 0; reuse < 2; reuse++) check_begin_fails(socket, reuse != 0, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(socket);
    peer_listener_close(hanging);
}

static void end_has_its_order_of_errors(void)
{
    apm_async_result *result = NULL;
    pair both, other;

    if (!pair_open(&both)) return;
    if (!pair_open(&other)) goto done;
    (void)CHECK_ERROR(apm_socket_end_disconnect(NULL, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_end_disconnect(both.socket, NULL), APM_ERROR_ARGUMENT_NULL);
    if (CHECK_ERROR(apm_socket_begin_disconnect(both.socket, false, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_end_disconnect(other.socket, result), APM_ERROR_ARGUMENT);
        (void)CHECK_ERROR(apm_socket_end_connect(both.socket, result), APM_ERROR_ARGUMENT);
        (void)CHECK_ERROR(apm_socket_end_send(both.socket, result, NULL), APM_ERROR_ARGUMENT);
        (void)CHECK_ERROR(apm_socket_end_send_file(both.socket, result), APM_ERROR_ARGUMENT);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, NULL), APM_ERROR_ARGUMENT);
        (void)CHECK_ERROR(apm_socket_end_disconnect(both.socket, result), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_end_disconnect(both.socket, result), APM_ERROR_INVALID_OPERATION);
        apm_socket_retain(both.socket);
        close_now(both.socket);
        (void)CHECK_ERROR(apm_socket_end_disconnect(both.socket, result), APM_ERROR_OBJECT_DISPOSED);
        (void)CHECK_ERROR(apm_socket_end_disconnect(both.socket, NULL), APM_ERROR_OBJECT_DISPOSED);
        apm_socket_release(both.socket);
        both.socket = NULL;
        apm_async_result_release(result);
    }
    check_alive(&other);
    pair_close(&other);
done:
    pair_close(&both);
}

static void results_of_other_kinds_are_none_of_a_disconnect(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    (void)CHECK_ERROR(apm_socket_end_disconnect(one.both.socket, one.made.result), APM_ERROR_ARGUMENT);
    CHECK(peer_write(one.both.other, "x", 1));
    (void)call_ends_with(&one.made, APM_ERROR_SUCCESS, 1);
    receiving_close(&one);
}

static void datagram_socket_has_nothing_to_disconnect(void)
{
    apm_socket *socket = datagram_open(APM_FAMILY_IPV4);

    if (socket == NULL) return;
    CHECK(disconnect_now(socket, false) != APM_ERROR_SUCCESS);
    CHECK(disconnect_now(socket, true) != APM_ERROR_SUCCESS);
    close_now(socket);
}

static const test_case the_peer[] = {{"peer_sees_everything_that_was_sent_then_the_end",
                                      peer_sees_everything_that_was_sent_then_the_end, false},
                                     {"peer_sees_everything_that_was_sent_then_the_end_with_reuse",
                                      peer_sees_everything_that_was_sent_then_the_end_with_reuse, false},
                                     {NULL, NULL, false}};

static const test_case afterwards[] = {
    {"what_the_peer_still_sends_is_received", what_the_peer_still_sends_is_received, false},
    {"pending_receive_goes_on", pending_receive_goes_on, false},
    {"nothing_is_sent_any_more", nothing_is_sent_any_more, false},
    {"socket_cannot_connect_again_without_reuse", socket_cannot_connect_again_without_reuse, false},
    {"disconnect_of_a_connection_that_the_peer_has_ended", disconnect_of_a_connection_that_the_peer_has_ended,
     false},
    {NULL, NULL, false}};

static const test_case in_the_middle[] = {
    {"cancel_before_its_turn_leaves_the_connection", cancel_before_its_turn_leaves_the_connection, false},
    {"cancel_before_its_turn_leaves_the_connection_with_reuse",
     cancel_before_its_turn_leaves_the_connection_with_reuse, false},
    {"close_in_the_middle_is_object_disposed", close_in_the_middle_is_object_disposed, false},
    {NULL, NULL, false}};

static const test_case nonsense[] = {
    {"socket_without_a_connection_is_not_connected", socket_without_a_connection_is_not_connected, false},
    {"end_has_its_order_of_errors", end_has_its_order_of_errors, false},
    {"results_of_other_kinds_are_none_of_a_disconnect", results_of_other_kinds_are_none_of_a_disconnect,
     false},
    {"datagram_socket_has_nothing_to_disconnect", datagram_socket_has_nothing_to_disconnect, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"the_peer", the_peer},
                                        {"afterwards", afterwards},
                                        {"in_the_middle", in_the_middle},
                                        {"nonsense", nonsense},
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
