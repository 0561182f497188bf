/* SPDX-License-Identifier: MIT */
/* Connecting: to somebody, to nobody, to nonsense; again; what the socket says of it. */
#include <string.h>

#include "../support/fixture.h"
#ifndef _WIN32
#include "../sim/sim.h"
#endif

#define NO_SOCKET (~(uintptr_t)0)

/* ---- success -------------------------------------------------------------------------------------- */

static void check_unconnected(apm_socket *socket)
{
    apm_endpoint endpoint = {0};

    CHECK(!apm_socket_connected(socket));
    CHECK(apm_socket_handle(socket) != NO_SOCKET);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &endpoint), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &endpoint), APM_ERROR_NOT_CONNECTED);
    CHECK(endpoint.length == 0); /* untouched */
}

static void check_connected(apm_socket *socket, const apm_endpoint *remote)
{
    apm_endpoint endpoint = {0}, loopback = {0};

    CHECK(apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &endpoint), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&endpoint, remote));
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &endpoint), APM_ERROR_SUCCESS);
    /* No longer the wildcard that it was bound to on the way. */
    (void)apm_endpoint_loopback(apm_endpoint_family(remote), apm_endpoint_port(&endpoint), &loopback);
    CHECK(apm_endpoint_port(&endpoint) != 0);
    CHECK(apm_endpoint_equal(&endpoint, &loopback));
}

static void connect_over(int32_t family)
{
    peer_listener *listener = peer_listen(family);
    apm_endpoint remote, endpoint = {0};
    apm_socket *socket;
    peer *other;
    call made;
    char here = 0;

    if (listener == NULL) { /* this machine has no such family */
        harness_skip("not to be had here");
        return;
    }
    peer_listener_endpoint(listener, &remote);
    socket = stream_new(family);
    if (socket == NULL) goto no_socket;
    check_unconnected(socket);
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &remote), APM_ERROR_SUCCESS)) {
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        check_connected(socket, &remote);
        other = peer_accept(listener, PATIENCE);
        CHECK(other != NULL);
        if (other != NULL) {
            (void)CHECK_ERROR(send_now(socket, "x", 1, NULL), APM_ERROR_SUCCESS);
            CHECK(peer_read_all(other, &here, 1, PATIENCE) && here == 'x');
            peer_close(other);
        }
    }
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    CHECK(!apm_socket_connected(socket));
    CHECK(apm_socket_handle(socket) == NO_SOCKET);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &endpoint), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &endpoint), APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(socket);
    call_dispose(&made);
no_socket:
    peer_listener_close(listener);
}

static void connects_over_ipv4(void)
{
    connect_over(APM_FAMILY_IPV4);
}

static void connects_over_ipv6(void)
{
    connect_over(APM_FAMILY_IPV6);
}

static void many_sockets_connect_at_once(void)
{
    enum { SOCKETS = 40 };
    static call calls[SOCKETS];
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    peer *others[SOCKETS];
    apm_endpoint remote;
    int i, begun = 0;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    for (i = 0; i < SOCKETS; i++, begun++) {
        call_prepare(&calls[i], stream_new(APM_FAMILY_IPV4), CALL_CONNECT);
        if (calls[i].socket == NULL || !CHECK_ERROR(call_connect(&calls[i], &remote), APM_ERROR_SUCCESS))
            break;
    }
    CHECK(begun == SOCKETS);
    for (i = 0; i < begun; i++) {
        others[i] = peer_accept(listener, PATIENCE);
        CHECK(others[i] != NULL);
    }
    for (i = 0; i < begun; i++) {
        CHECK(call_wait(&calls[i]));
        (void)CHECK_ERROR(calls[i].error, APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_close(calls[i].socket), APM_ERROR_SUCCESS);
        call_dispose(&calls[i]);
        peer_close(others[i]);
    }
    peer_listener_close(listener);
}

/* The handle is nothing that a forgotten SO_UPDATE_CONNECT_CONTEXT would allow. */
static void connected_socket_can_be_shut_down_at_once(void)
{
    pair both;
    char here = 0;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END);
    pair_close(&both);
}

/* ---- refusal --------------------------------------------------------------------------------------- */

static void refused_connect_says_so(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint nobody, endpoint = {0};
    call made;
    uint64_t start = test_now();

    if (socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &nobody), APM_ERROR_SUCCESS)) {
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_CONNECTION_REFUSED);
        CHECK(test_now() - start < 10000); /* not after the retries that a distant host is given */
        CHECK(!apm_socket_connected(socket));
        (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &endpoint), APM_ERROR_NOT_CONNECTED);
        (void)CHECK_ERROR(send_now(socket, "x", 1, NULL), APM_ERROR_NOT_CONNECTED);
        (void)CHECK_ERROR(apm_socket_shutdown(socket, APM_SHUTDOWN_BOTH), APM_ERROR_NOT_CONNECTED);
    }
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    call_dispose(&made);
}

static void socket_connects_after_refusals(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {NULL, NULL};
    apm_endpoint nobody, remote;
    int i;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    both.socket = stream_new(APM_FAMILY_IPV4);
    if (both.socket != NULL) {
        for (i = 0; i < 3; i++) {
            peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
            (void)CHECK_ERROR(connect_now(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
        }
        (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS);
        check_connected(both.socket, &remote);
        both.other = peer_accept(listener, PATIENCE);
        CHECK(both.other != NULL);
        if (both.other != NULL) check_alive(&both);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

typedef struct second_try {
    call *next;
    apm_endpoint remote;
    apm_error error;
} second_try;

static void try_elsewhere(call *made)
{
    second_try *other = (second_try *)made->context;

    other->error = call_connect(other->next, &other->remote);
}

static void callback_of_a_refused_connect_may_connect_elsewhere(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    second_try other;
    apm_endpoint nobody;
    call made, next;

    CHECK(listener != NULL && socket != NULL);
    if (listener == NULL || socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    peer_listener_endpoint(listener, &other.remote);
    other.error = APM_ERROR_SOCKET;
    other.next = &next;
    call_prepare(&made, socket, CALL_CONNECT);
    call_prepare(&next, socket, CALL_CONNECT);
    made.inside = try_elsewhere;
    made.context = &other;
    if (CHECK_ERROR(call_connect(&made, &nobody), APM_ERROR_SUCCESS)) {
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_CONNECTION_REFUSED);
        if (CHECK_ERROR(other.error, APM_ERROR_SUCCESS)) {
            CHECK(call_wait(&next));
            (void)CHECK_ERROR(next.error, APM_ERROR_SUCCESS);
            check_connected(socket, &other.remote);
        }
    }
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    call_dispose(&made);
    call_dispose(&next);
    peer_listener_close(listener);
}

/* ---- nonsense ----------------------------------------------------------------------------------------- */

/* Begin fails with `expected`, and nothing else happens. */
static void check_begin_fails(apm_socket *socket, const apm_endpoint *remote, apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_CONNECT);
    (void)CHECK_ERROR(call_connect(&made, remote), expected);
    CHECK(made.result == NULL);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void endpoints_that_cannot_be_connected_to_are_refused_by_begin(void)
{
    apm_socket *four = stream_new(APM_FAMILY_IPV4), *six = NULL;
    apm_endpoint endpoint, garbage;
    int32_t length;

    if (four == NULL) return;
    check_begin_fails(four, NULL, APM_ERROR_ARGUMENT_NULL);
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 80, &endpoint);
    check_begin_fails(four, &endpoint, APM_ERROR_ADDRESS_NOT_AVAILABLE);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &endpoint);
    check_begin_fails(four, &endpoint, APM_ERROR_ADDRESS_NOT_AVAILABLE);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 80, &endpoint);
    check_begin_fails(four, &endpoint, APM_ERROR_NOT_SUPPORTED);

    memset(&garbage, 0, sizeof garbage);
    check_begin_fails(four, &garbage, APM_ERROR_ARGUMENT);
    memset(&garbage, 0xFF, sizeof garbage);
    check_begin_fails(four, &garbage, APM_ERROR_ARGUMENT);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &endpoint);
    for (length = -1; length <= 129; length++) {
        garbage = endpoint;
        garbage.length = length;
        if (length != endpoint.length) check_begin_fails(four, &garbage, APM_ERROR_ARGUMENT);
    }
    (void)CHECK_ERROR(apm_socket_begin_connect(NULL, &endpoint, NULL, NULL, NULL), APM_ERROR_ARGUMENT_NULL);
    CHECK(!apm_socket_connected(four));
    (void)CHECK_ERROR(apm_socket_close(four), APM_ERROR_SUCCESS);

    if (apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &six) == APM_ERROR_SUCCESS) {
        check_begin_fails(six, &endpoint, APM_ERROR_NOT_SUPPORTED);
        (void)apm_endpoint_any(APM_FAMILY_IPV6, 80, &endpoint);
        check_begin_fails(six, &endpoint, APM_ERROR_ADDRESS_NOT_AVAILABLE);
        (void)CHECK_ERROR(apm_socket_close(six), APM_ERROR_SUCCESS);
    }
}

static void socket_connects_after_nonsense(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint endpoint;

    CHECK(listener != NULL && socket != NULL);
    if (listener == NULL || socket == NULL) return;
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 80, &endpoint);
    check_begin_fails(socket, &endpoint, APM_ERROR_ADDRESS_NOT_AVAILABLE);
    check_unconnected(socket);
    peer_listener_endpoint(listener, &endpoint);
    (void)CHECK_ERROR(connect_now(socket, &endpoint), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

static void connected_socket_connects_no_further(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (pair_open_with(&both, listener)) {
        peer_listener_endpoint(listener, &remote);
        check_begin_fails(both.socket, &remote, APM_ERROR_IS_CONNECTED);
        check_connected(both.socket, &remote);
        check_alive(&both);
        /* Not after the connection has ended either: that is another socket's business. */
        (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_BOTH), APM_ERROR_SUCCESS);
        check_begin_fails(both.socket, &remote, APM_ERROR_IS_CONNECTED);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static void closed_socket_connects_nowhere(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint endpoint;

    if (socket == NULL) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &endpoint);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    check_begin_fails(socket, &endpoint, APM_ERROR_OBJECT_DISPOSED);
    check_begin_fails(socket, NULL, APM_ERROR_OBJECT_DISPOSED); /* closed is looked at first */
    apm_socket_release(socket);
}

#ifndef _WIN32
/* The connection is made, but the kernel has no room to let it be used: its peer sees the end of it. */
static void connection_that_cannot_be_used_is_given_up(void)
{
    sim_profile calm = sim_base_profile(), bad = calm;
    apm_options options = harness_options();
    apm_endpoint remote;
    pair both = {NULL, NULL};
    uintptr_t handle;
    char byte;

    bad.faults[SIM_CONTEXT].nth = 1;
    sim_set_profile(&bad);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        peer_listener *listener = peer_listen(APM_FAMILY_IPV4);

        both.socket = stream_new(APM_FAMILY_IPV4);
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_NO_BUFFER_SPACE_AVAILABLE);
        check_unconnected(both.socket);
        both.other = peer_accept(listener, PATIENCE);
        CHECK(both.other != NULL && peer_read(both.other, &byte, 1, 3000) == PEER_END);
        peer_close(both.other);
        both.other = NULL;
        handle = apm_socket_handle(both.socket);
        (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS);
        CHECK(apm_socket_handle(both.socket) == handle); /* a fresh one, by then */
        check_connected(both.socket, &remote);
        pair_close(&both);
        peer_listener_close(listener);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    sim_set_profile(&calm);
}
#endif

static const test_case success[] = {
    {"connects_over_ipv4", connects_over_ipv4, false},
    {"connects_over_ipv6", connects_over_ipv6, false},
    {"many_sockets_connect_at_once", many_sockets_connect_at_once, false},
    {"connected_socket_can_be_shut_down_at_once", connected_socket_can_be_shut_down_at_once, false},
#ifndef _WIN32
    {"connection_that_cannot_be_used_is_given_up", connection_that_cannot_be_used_is_given_up, true},
#endif
    {NULL, NULL, false}};

static const test_case refusal[] = {{"refused_connect_says_so", refused_connect_says_so, false},
                                    {"socket_connects_after_refusals", socket_connects_after_refusals, false},
                                    {"callback_of_a_refused_connect_may_connect_elsewhere",
                                     callback_of_a_refused_connect_may_connect_elsewhere, false},
                                    {NULL, NULL, false}};

static const test_case nonsense[] = {
    {"endpoints_that_cannot_be_connected_to_are_refused_by_begin",
     endpoints_that_cannot_be_connected_to_are_refused_by_begin, false},
    {"socket_connects_after_nonsense", socket_connects_after_nonsense, false},
    {"connected_socket_connects_no_further", connected_socket_connects_no_further, false},
    {"closed_socket_connects_nowhere", closed_socket_connects_nowhere, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"success", success}, {"refusal", refusal}, {"nonsense", nonsense}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
