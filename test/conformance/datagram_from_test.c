/* SPDX-License-Identifier: MIT */
/* Datagrams to and from anybody: what Begin refuses, binding, senders, sizes, strangers, aborts. */
#include <string.h>

#include "../support/disconnect_now.h"
#include "../support/fixture.h"

static const call_kind receive_kinds[] = {CALL_RECEIVE_FROM, CALL_RECEIVE_MESSAGE_FROM};
enum { RECEIVE_KINDS = 2, LARGEST = 65507 };

/* ---- what Begin refuses ------------------------------------------------------------------------------ */

static void check_send_fails(apm_socket *socket, const void *data, size_t size, const apm_endpoint *remote,
                             apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_SEND_TO);
    (void)CHECK_ERROR(call_send_to(&made, data, size, remote), expected);
    CHECK(made.result == NULL && atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void check_receives_fail(apm_socket *socket, void *data, size_t size, apm_error expected)
{
    call made;
    int i;

    for (i = 0; i < RECEIVE_KINDS; i++) {
        call_prepare(&made, socket, receive_kinds[i]);
        (void)CHECK_ERROR(call_receive_from(&made, data, size), expected);
        CHECK(made.result == NULL && atomic_load(&made.callbacks) == 0);
        call_dispose(&made);
    }
}

static void check_unbound(apm_socket *socket)
{
    apm_endpoint found;
    char here = 0;

    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_INVALID_ARGUMENT);
    check_receives_fail(socket, &here, 1, APM_ERROR_INVALID_OPERATION);
}

static void send_to_looks_at_its_arguments_in_order(void)
{
    static const char byte[65536];
    apm_endpoint somewhere, nowhere, broken, wildcard, six;
    apm_socket *socket = datagram_open(APM_FAMILY_IPV4);

    if (socket == NULL) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 9, &somewhere);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &nowhere);
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 9, &wildcard);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 9, &six);
    memset(&broken, 0, sizeof broken);

    check_send_fails(NULL, byte, 1, &somewhere, APM_ERROR_ARGUMENT_NULL);
    check_send_fails(socket, NULL, 1, &somewhere, APM_ERROR_ARGUMENT_NULL);
    check_send_fails(socket, byte, 1, NULL, APM_ERROR_ARGUMENT_NULL);
    check_send_fails(socket, byte, SIZE_MAX, NULL, APM_ERROR_ARGUMENT_NULL);
    check_send_fails(socket, byte, SIZE_MAX / 2 + 1, &broken, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_send_fails(socket, byte, 1, &broken, APM_ERROR_ARGUMENT);
    check_send_fails(socket, byte, 1, &six, APM_ERROR_NOT_SUPPORTED);
    check_send_fails(socket, byte, 1, &nowhere, APM_ERROR_ADDRESS_NOT_AVAILABLE);
    check_send_fails(socket, byte, 1, &wildcard, APM_ERROR_ADDRESS_NOT_AVAILABLE);
    check_send_fails(socket, byte, sizeof byte, &nowhere, APM_ERROR_ADDRESS_NOT_AVAILABLE);
    check_send_fails(socket, byte, sizeof byte, &somewhere, APM_ERROR_MESSAGE_SIZE);
    check_unbound(socket); /* nothing of it has bound the socket */

    apm_socket_retain(socket);
    close_now(socket);
    check_send_fails(socket, NULL, 1, NULL, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(socket);
}

static void receive_from_looks_at_its_arguments_in_order(void)
{
    apm_socket *socket = datagram_open(APM_FAMILY_IPV4);
    apm_endpoint local;
    char byte = 0;

    if (socket == NULL) return;
    check_receives_fail(NULL, &byte, 1, APM_ERROR_ARGUMENT_NULL);
    check_receives_fail(socket, NULL, 1, APM_ERROR_ARGUMENT_NULL);
    check_receives_fail(socket, NULL, SIZE_MAX, APM_ERROR_ARGUMENT_NULL);
    check_receives_fail(socket, &byte, SIZE_MAX / 2 + 1, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_receives_fail(socket, &byte, 1, APM_ERROR_INVALID_OPERATION); /* not bound */
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    check_receives_fail(socket, NULL, 1, APM_ERROR_ARGUMENT_NULL);
    check_receives_fail(socket, &byte, SIZE_MAX, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    apm_socket_retain(socket);
    close_now(socket);
    check_receives_fail(socket, NULL, 1, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(socket);
}

/* Whether a connection is there decides, and the place is the peer whatever was said. */
static void stream_sends_to_and_receives_from_its_peer_only(void)
{
    apm_endpoint elsewhere, peer_at, from;
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4);
    size_t bytes = 0;
    char here[4] = {0};
    pair both;
    call made;

    if (fresh == NULL) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 9, &elsewhere);
    check_send_fails(fresh, "x", 1, &elsewhere, APM_ERROR_NOT_CONNECTED);
    check_send_fails(fresh, "x", 1, NULL, APM_ERROR_ARGUMENT_NULL);
    check_receives_fail(fresh, here, 1, APM_ERROR_INVALID_OPERATION);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &from);
    (void)CHECK_ERROR(apm_socket_bind(fresh, &from), APM_ERROR_SUCCESS);
    call_prepare(&made, fresh, CALL_RECEIVE_FROM);
    (void)CHECK_ERROR(call_receive_from(&made, here, 1), APM_ERROR_NOT_CONNECTED);
    call_dispose(&made);
    close_now(fresh);

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(send_to_now(both.socket, "abc", 3, &elsewhere, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 3);
    CHECK(peer_read_all(both.other, here, 3, PATIENCE) && memcmp(here, "abc", 3) == 0);
    CHECK(peer_write(both.other, "z", 1));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &peer_at), APM_ERROR_SUCCESS);
    memset(&from, 0, sizeof from);
    (void)CHECK_ERROR(receive_from_now(both.socket, here, 4, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here[0] == 'z' && apm_endpoint_equal(&from, &peer_at));
    call_prepare(&made, both.socket, CALL_RECEIVE_MESSAGE_FROM);
    (void)CHECK_ERROR(call_receive_from(&made, here, 1), APM_ERROR_OPERATION_NOT_SUPPORTED);
    call_dispose(&made);
    check_alive(&both);
    pair_close(&both);
}

/* Bytes that came before a disconnect are the old peer's, whenever the End comes; after one without reuse nobody
 * knows any more whose they are. */
static void stream_says_who_was_its_peer(void)
{
    apm_async_result *result;
    apm_endpoint peer_at, from;
    size_t bytes;
    char here;
    pair both;
    int reuse;

    for (reuse = 0; reuse <= 1; reuse++) {
        if (!pair_open(&both)) return;
        result = NULL;
        (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &peer_at), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_begin_receive_from(both.socket, &here, 1, 0, NULL, NULL, &result),
                          APM_ERROR_SUCCESS);
        CHECK(peer_write(both.other, "xy", 2));
        CHECK(apm_async_result_wait(result, PATIENCE) == APM_ERROR_SUCCESS);
        if (reuse) peer_end(both.other);
        (void)CHECK_ERROR(disconnect_now(both.socket, reuse != 0), APM_ERROR_SUCCESS);
        memset(&from, 0x55, sizeof from);
        (void)CHECK_ERROR(apm_socket_end_receive_from(both.socket, result, &bytes, &from), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here == 'x' && apm_endpoint_equal(&from, &peer_at));
        apm_async_result_release(result);
        if (!reuse) {
            memset(&from, 0x55, sizeof from);
            (void)CHECK_ERROR(receive_from_now(both.socket, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
            CHECK(bytes == 1 && here == 'y' && from.length == 0);
        }
        pair_close(&both);
    }
}

/* ---- binding ------------------------------------------------------------------------------------------ */

typedef struct naming {
    call made;
    apm_error error;
    apm_endpoint found;
} naming;

static void ask_for_name(call *made)
{
    naming *one = (naming *)made->context;

    one->error = apm_socket_local_endpoint(made->socket, &one->found);
}

/* As soon as there is a callback or a return from Begin. */
static void send_to_binds_a_socket_that_is_not_bound(void)
{
    enum { ROUNDS = 30 };
    apm_endpoint at, local, from;
    apm_socket *receiver = datagram_bound(APM_FAMILY_IPV4, &at);
    size_t bytes = 0;
    char here = 0;
    int i;

    if (receiver == NULL) return;
    for (i = 0; i < ROUNDS; i++) {
        apm_socket *socket = datagram_open(APM_FAMILY_IPV4);
        naming one;

        if (socket == NULL) break;
        memset(&one, 0, sizeof one);
        check_unbound(socket);
        call_prepare(&one.made, socket, CALL_SEND_TO);
        one.made.inside = ask_for_name;
        one.made.context = &one;
        if (CHECK_ERROR(call_send_to(&one.made, "x", 1, &at), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &local), APM_ERROR_SUCCESS);
            CHECK(apm_endpoint_port(&local) != 0);
            (void)call_ends_with(&one.made, APM_ERROR_SUCCESS, 1);
            (void)CHECK_ERROR(one.error, APM_ERROR_SUCCESS);
            CHECK(apm_endpoint_equal(&local, &one.found));
            (void)CHECK_ERROR(receive_from_now(receiver, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
            CHECK(apm_endpoint_port(&from) == apm_endpoint_port(&local));
            /* And back. */
            (void)CHECK_ERROR(send_to_now(receiver, "y", 1, &from, NULL), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(receive_from_now(socket, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
            CHECK(bytes == 1 && here == 'y' && apm_endpoint_equal(&from, &at));
        }
        call_dispose(&one.made);
        close_now(socket);
    }
    close_now(receiver);
}

static void broadcast_has_to_be_allowed(void)
{
    apm_socket *socket = datagram_open(APM_FAMILY_IPV4);
    apm_endpoint everybody;

    if (socket == NULL) return;
    (void)CHECK_ERROR(apm_endpoint_from_ip("255.255.255.255", 9, &everybody), APM_ERROR_SUCCESS);
    check_send_fails(socket, "x", 1, &everybody, APM_ERROR_ACCESS_DENIED);
    check_unbound(socket);
    close_now(socket);
}

/* ---- senders and sizes ---------------------------------------------------------------------------------- */

static void every_datagram_says_who_sent_it(void)
{
    enum { SENDERS = 10 };
    apm_endpoint at, from, locals[SENDERS];
    apm_socket *senders[SENDERS], *receiver = datagram_bound(APM_FAMILY_IPV4, &at);
    size_t bytes;
    char here[8];
    int i, k;

    if (receiver == NULL) return;
    for (i = 0; i < SENDERS; i++) senders[i] = datagram_bound(APM_FAMILY_IPV4, &locals[i]);
    for (i = 0; i < SENDERS; i++) {
        char number = (char)('0' + i);
        (void)CHECK_ERROR(send_to_now(senders[i], &number, 1, &at, NULL), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < SENDERS; i++) { /* on loopback none is lost, and none overtakes */
        bytes = 0;
        memset(&from, 0, sizeof from);
        (void)CHECK_ERROR(receive_from_now(receiver, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
        k = here[0] - '0';
        CHECK(bytes == 1 && k == i);
        if (k == i) CHECK(apm_endpoint_equal(&from, &locals[k]));
    }
    for (i = 0; i < SENDERS; i++) close_now(senders[i]);
    close_now(receiver);
}

static void waiting_receive_gets_the_next_datagram_and_its_sender(void)
{
    datagram_pair both;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < RECEIVE_KINDS; i++) {
        char here[16] = {0};
        call made;

        call_prepare(&made, both.right, receive_kinds[i]);
        if (CHECK_ERROR(call_receive_from(&made, here, sizeof here), APM_ERROR_SUCCESS)) {
            CHECK(!apm_async_result_is_completed(made.result));
            (void)CHECK_ERROR(send_to_now(both.left, "hello", 5, &both.right_at, NULL), APM_ERROR_SUCCESS);
            (void)call_ends_with(&made, APM_ERROR_SUCCESS, 5);
            CHECK(memcmp(here, "hello", 6) == 0);
            CHECK(apm_endpoint_equal(&made.from, &both.left_at));
        }
        call_dispose(&made);
    }
    datagram_pair_close(&both);
}

static void datagrams_of_every_size_go_whole(void)
{
    static const size_t sizes[] = {0, 1, 1400, 9000, 0, LARGEST};
    static unsigned char there[LARGEST], here[LARGEST + 1];
    size_t i, bytes;
    apm_endpoint from;
    datagram_pair both;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pattern_fill(there, sizes[i], i);
        bytes = 7;
        (void)CHECK_ERROR(send_to_now(both.left, there, sizes[i], &both.right_at, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == sizes[i]);
        bytes = 7;
        memset(&from, 0, sizeof from);
        (void)CHECK_ERROR(receive_from_now(both.right, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
        CHECK(bytes == sizes[i] && pattern_holds(here, bytes, i));
        CHECK(apm_endpoint_equal(&from, &both.left_at)); /* an empty one is no end of anything */
    }
    datagram_pair_close(&both);
}

static void datagram_that_is_too_large_is_message_size(void)
{
    static unsigned char there[LARGEST + 1];
    datagram_pair both;
    apm_endpoint from;
    size_t bytes = 0;
    char here = 0;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(send_to_now(both.left, there, sizeof there, &both.right_at, NULL),
                      APM_ERROR_MESSAGE_SIZE);
    (void)CHECK_ERROR(send_to_now(both.left, "y", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.right, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here == 'y'); /* nothing of the other one */
    datagram_pair_close(&both);
}

/* Already there, and awaited: the kernel takes different ways for the two. */
static void datagram_larger_than_the_buffer_still_says_its_sender(void)
{
    datagram_pair both;
    apm_endpoint from;
    char here[4];
    size_t bytes = 0;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < 4; i++) {
        bool awaited = (i & 1) != 0, is_message = (i & 2) != 0;
        call made;

        memset(here, 0, sizeof here);
        call_prepare(&made, both.right, is_message ? CALL_RECEIVE_MESSAGE_FROM : CALL_RECEIVE_FROM);
        if (!awaited)
            (void)CHECK_ERROR(send_to_now(both.left, "abcdef", 6, &both.right_at, NULL), APM_ERROR_SUCCESS);
        if (CHECK_ERROR(call_receive_from(&made, here, 3), APM_ERROR_SUCCESS)) {
            if (awaited)
                (void)CHECK_ERROR(send_to_now(both.left, "abcdef", 6, &both.right_at, NULL),
                                  APM_ERROR_SUCCESS);
            (void)call_ends_with(&made, is_message ? APM_ERROR_SUCCESS : APM_ERROR_MESSAGE_SIZE, 3);
            CHECK(apm_endpoint_equal(&made.from, &both.left_at));
            CHECK(((made.flags & APM_FLAG_TRUNCATED) != 0) == is_message);
            CHECK(memcmp(here, "abc", 4) == 0); /* filled, and not a byte more */
        }
        call_dispose(&made);
    }
    /* The rest of it is gone; the next one is whole. */
    (void)CHECK_ERROR(send_to_now(both.left, "xy", 2, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.right, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && memcmp(here, "xy", 2) == 0);
    datagram_pair_close(&both);
}

static void peek_shows_the_datagram_and_leaves_it(void)
{
    apm_async_result *result = NULL;
    apm_endpoint from = {0};
    size_t bytes = 0;
    char here[4] = {0};
    datagram_pair both;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(send_to_now(both.left, "p", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
    if (CHECK_ERROR(apm_socket_begin_receive_from(both.right, here, 4, APM_FLAG_PEEK, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_end_receive_from(both.right, result, &bytes, &from), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here[0] == 'p' && apm_endpoint_equal(&from, &both.left_at));
        apm_async_result_release(result);
    }
    here[0] = 0;
    (void)CHECK_ERROR(receive_from_now(both.right, here, 4, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here[0] == 'p');
    datagram_pair_close(&both);
}

/* ---- the End ------------------------------------------------------------------------------------------ */

static void end_wants_a_place_for_the_sender(void)
{
    apm_endpoint from = {0};
    datagram_pair both;
    call made;
    char here = 0;
    int i;

    if (!datagram_pair_open(&both, false)) return;
    for (i = 0; i < RECEIVE_KINDS; i++) {
        call_prepare(&made, both.right, receive_kinds[i]);
        made.keeps = true;
        (void)CHECK_ERROR(send_to_now(both.left, "x", 1, &both.right_at, NULL), APM_ERROR_SUCCESS);
        if (CHECK_ERROR(call_receive_from(&made, &here, 1), APM_ERROR_SUCCESS)) {
            CHECK(call_wait(&made));
            if (i == 0) {
                (void)CHECK_ERROR(apm_socket_end_receive_from(both.right, NULL, NULL, NULL),
                                  APM_ERROR_ARGUMENT_NULL);
                (void)CHECK_ERROR(apm_socket_end_receive_from(both.right, made.result, NULL, NULL),
                                  APM_ERROR_ARGUMENT_NULL);
                (void)CHECK_ERROR(apm_socket_end_receive_from(both.right, NULL, NULL, &from),
                                  APM_ERROR_ARGUMENT_NULL);
                /* None of that was its End. */
                (void)CHECK_ERROR(apm_socket_end_receive_from(both.right, made.result, NULL, &from),
                                  APM_ERROR_SUCCESS);
            } else {
                (void)CHECK_ERROR(
                    apm_socket_end_receive_message_from(both.right, made.result, NULL, NULL, NULL, NULL),
                    APM_ERROR_ARGUMENT_NULL);
                (void)CHECK_ERROR(
                    apm_socket_end_receive_message_from(both.right, made.result, NULL, NULL, &from, NULL),
                    APM_ERROR_SUCCESS);
            }
            CHECK(apm_endpoint_equal(&from, &both.left_at));
        }
        call_dispose(&made);
    }
    datagram_pair_close(&both);
}

/* All kinds of a datagram socket, on one that is connected and so can have all of them. */
static void each_end_takes_its_own_kind_only(void)
{
    static const call_kind kinds[] = {CALL_SEND, CALL_RECEIVE, CALL_SEND_TO, CALL_RECEIVE_FROM,
                                      CALL_RECEIVE_MESSAGE_FROM};
    datagram_pair both;
    size_t i;
    char here = 0;
    int k;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(connect_now(both.left, &both.right_at), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(connect_now(both.right, &both.left_at), APM_ERROR_SUCCESS);
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        call made;
        apm_error error;

        call_prepare(&made, both.left, kinds[i]);
        made.keeps = true;
        (void)CHECK_ERROR(send_now(both.right, "k", 1, NULL), APM_ERROR_SUCCESS);
        if (kinds[i] == CALL_SEND)
            error = call_send(&made, "x", 1);
        else if (kinds[i] == CALL_SEND_TO)
            error = call_send_to(&made, "x", 1, &both.right_at);
        else if (kinds[i] == CALL_RECEIVE)
            error = call_receive(&made, &here, 1);
        else
            error = call_receive_from(&made, &here, 1);
        if (CHECK_ERROR(error, APM_ERROR_SUCCESS)) {
            size_t bytes = 7;

            CHECK(call_wait(&made));
            for (k = 0; k < CALL_KINDS; k++)
                if ((call_kind)k != kinds[i])
                    (void)CHECK_ERROR(end_kind((call_kind)k, both.left, made.result, &bytes),
                                      APM_ERROR_ARGUMENT);
            (void)CHECK_ERROR(end_kind(kinds[i], both.right, made.result, &bytes), APM_ERROR_ARGUMENT);
            CHECK(bytes == 7);
            (void)CHECK_ERROR(end_kind(kinds[i], both.left, made.result, &bytes), APM_ERROR_SUCCESS);
            CHECK(bytes == 1);
            (void)CHECK_ERROR(end_kind(kinds[i], both.left, made.result, &bytes),
                              APM_ERROR_INVALID_OPERATION);
        }
        call_dispose(&made);
    }
    datagram_pair_close(&both);
}

static const test_case refusing[] = {
    {"send_to_looks_at_its_arguments_in_order", send_to_looks_at_its_arguments_in_order, false},
    {"receive_from_looks_at_its_arguments_in_order", receive_from_looks_at_its_arguments_in_order, false},
    {"stream_says_who_was_its_peer", stream_says_who_was_its_peer, false},
    {"stream_sends_to_and_receives_from_its_peer_only", stream_sends_to_and_receives_from_its_peer_only,
     false},
    {NULL, NULL, false}};

static const test_case binding[] = {
    {"send_to_binds_a_socket_that_is_not_bound", send_to_binds_a_socket_that_is_not_bound, false},
    {"broadcast_has_to_be_allowed", broadcast_has_to_be_allowed, false},
    {NULL, NULL, false}};

static const test_case receiving[] = {
    {"every_datagram_says_who_sent_it", every_datagram_says_who_sent_it, false},
    {"waiting_receive_gets_the_next_datagram_and_its_sender",
     waiting_receive_gets_the_next_datagram_and_its_sender, false},
    {"datagrams_of_every_size_go_whole", datagrams_of_every_size_go_whole, false},
    {"datagram_that_is_too_large_is_message_size", datagram_that_is_too_large_is_message_size, false},
    {"datagram_larger_than_the_buffer_still_says_its_sender",
     datagram_larger_than_the_buffer_still_says_its_sender, false},
    {"peek_shows_the_datagram_and_leaves_it", peek_shows_the_datagram_and_leaves_it, false},
    {NULL, NULL, false}};

static const test_case ending[] = {
    {"end_wants_a_place_for_the_sender", end_wants_a_place_for_the_sender, false},
    {"each_end_takes_its_own_kind_only", each_end_takes_its_own_kind_only, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"refusing", refusing},
                                        {"binding", binding},
                                        {"receiving", receiving},
                                        {"ending", ending},
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
