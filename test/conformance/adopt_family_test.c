/* SPDX-License-Identifier: MIT */
/* Adopting kernel sockets of IPv6: those for it alone, and dual ones, whose peer is of either family. */
#include <string.h>

#include "../support/adopt.h"
#include "../support/fixture.h"
#include "../support/kernel_socket.h"

typedef struct way {
    bool dual;
    int32_t peer; /* its family */
} way;

static void in_each_way(void (*check)(const way *one))
{
    static const way ways[] = {{false, APM_FAMILY_IPV6}, {true, APM_FAMILY_IPV6}, {true, APM_FAMILY_IPV4}};
    size_t i;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    for (i = 0; i < sizeof ways / sizeof *ways; i++) check(&ways[i]);
}

static uintptr_t open_it(const way *one, bool stream)
{
    uintptr_t handle = stream ? kernel_open(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP)
                              : kernel_open(APM_FAMILY_IPV6, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);

    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, !one->dual));
    return handle;
}

/* Loopback as its kernel socket is told of it, and tells it. */
static apm_endpoint as_seen(const way *one, uint16_t port)
{
    apm_endpoint seen;

    if (one->peer == APM_FAMILY_IPV4)
        (void)apm_endpoint_from_ip("::ffff:127.0.0.1", port, &seen);
    else
        (void)apm_endpoint_loopback(APM_FAMILY_IPV6, port, &seen);
    return seen;
}

/* Where one can be bound to be reached in that way. */
static apm_endpoint to_bind(const way *one)
{
    apm_endpoint local;

    if (one->dual)
        (void)apm_endpoint_any(APM_FAMILY_IPV6, 0, &local);
    else
        (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 0, &local);
    return local;
}

static void check_kind(const way *one, apm_socket *socket)
{
    int32_t dual = -1;

    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_DUAL_MODE, &dual), APM_ERROR_SUCCESS);
    CHECK(dual == one->dual);
    CHECK((kernel_number(socket, LEVEL_IPV6, IPV6_ONLY) == 0) == one->dual);
}

static void check_remote(const way *one, apm_socket *socket, uint16_t port)
{
    apm_endpoint found = {0}, seen = as_seen(one, port);

    CHECK(apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &seen));
}

/* ---- streams -------------------------------------------------------------------------------------- */

/* To a peer of the way's family, which is the only one, or the other one. */
static void connect_in_the_way(const way *one, pair *both)
{
    peer_listener *listener = peer_listen(one->peer);
    apm_endpoint there;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    connect_it(both, listener);
    peer_listener_endpoint(listener, &there);
    check_remote(one, both->socket, apm_endpoint_port(&there));
    check_kind(one, both->socket);
    peer_listener_close(listener);
}

static void check_fresh(const way *one)
{
    pair both = {adopt(open_it(one, true)), NULL};
    apm_endpoint found = {0}, four;

    if (both.socket == NULL) return;
    check_unconnected(both.socket);
    check_kind(one, both.socket);
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_INVALID_ARGUMENT);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &four);
    if (!one->dual) (void)CHECK_ERROR(apm_socket_connect(both.socket, &four), APM_ERROR_NOT_SUPPORTED);
    connect_in_the_way(one, &both);
    pair_close(&both);
}

static void fresh_sockets_are_adopted_and_connect(void)
{
    in_each_way(check_fresh);
}

static void check_bound(const way *one)
{
    apm_endpoint local = to_bind(one), bound = {0}, found = {0}, seen;
    uintptr_t handle = open_it(one, true);
    pair both = {NULL, NULL};

    CHECK(kernel_bind(handle, &local) && kernel_local(handle, &bound));
    both.socket = adopt(handle);
    if (both.socket == NULL) return;
    check_unconnected(both.socket);
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&bound, &found));
    (void)CHECK_ERROR(apm_socket_bind(both.socket, &local), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_DUAL_MODE, !one->dual),
                      APM_ERROR_INVALID_OPERATION);
    connect_in_the_way(one, &both);
    /* The wildcard has become the address that the peer sees. */
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
    seen = as_seen(one, apm_endpoint_port(&bound));
    CHECK(apm_endpoint_equal(&found, &seen));
    pair_close(&both);
}

static void bound_sockets_are_adopted_with_their_endpoint(void)
{
    in_each_way(check_bound);
}

/* Their kernel socket is another one then. */
static void check_refused(const way *one)
{
    pair both = {adopt(open_it(one, true)), NULL};
    apm_endpoint nobody;

    if (both.socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_TTL, 77), APM_ERROR_SUCCESS);
    peer_refusing_endpoint(APM_FAMILY_IPV6, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    peer_refusing_endpoint(one->peer, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    connect_in_the_way(one, &both);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    CHECK(kernel_number(both.socket, LEVEL_IPV6, IPV6_HOPS) == 77);
    pair_close(&both);
}

static void adopted_sockets_connect_after_a_refusal(void)
{
    in_each_way(check_refused);
}

/* Which on a dual socket is the caller's to end: what was there before is then no longer so. */
static void adopted_dual_mode_can_be_left(void)
{
    static const way dual = {true, APM_FAMILY_IPV6}, only = {false, APM_FAMILY_IPV6};
    pair both = {NULL, NULL};
    apm_endpoint nobody, four;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    both.socket = adopt(open_it(&dual, true));
    if (both.socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_DUAL_MODE, 0), APM_ERROR_SUCCESS);
    peer_refusing_endpoint(APM_FAMILY_IPV6, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &four);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &four), APM_ERROR_NOT_SUPPORTED);
    connect_in_the_way(&only, &both);
    pair_close(&both);
}

static void check_options(const way *one)
{
    uintptr_t handle = open_it(one, true);
    apm_socket *socket;
    int32_t value = -1;

    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_HOPS, 33));
    CHECK(kernel_set(handle, LEVEL_TCP, TCP_NO_DELAY, 1));
    socket = adopt(handle);
    if (socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_TTL, &value), APM_ERROR_SUCCESS);
    CHECK(value == 33);
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_NO_DELAY, &value), APM_ERROR_SUCCESS);
    CHECK(value == 1);
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_TYPE_OF_SERVICE, &value),
                      APM_ERROR_NOT_SUPPORTED);
    check_kind(one, socket);
    close_now(socket);
}

static void options_set_before_are_there(void)
{
    in_each_way(check_options);
}

static void check_connected(const way *one)
{
    peer_listener *listener = peer_listen(one->peer);
    uintptr_t handle = open_it(one, true);
    pair both = {NULL, NULL};
    apm_endpoint there;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &there);
    there = as_seen(one, apm_endpoint_port(&there));
    CHECK(kernel_connect(handle, &there));
    both.other = peer_accept(listener, PATIENCE);
    CHECK(both.other != NULL);
    if (both.other != NULL) {
        CHECK(peer_write(both.other, "early", 5)); /* what was there before is not lost */
        both.socket = adopt(handle);
    } else {
        kernel_close(handle);
    }
    if (both.socket != NULL) {
        check_remote(one, both.socket, apm_endpoint_port(&there));
        check_kind(one, both.socket);
        check_conversation(&both, &there);
    }
    pair_close(&both);
    peer_listener_close(listener);
}

static void connected_streams_are_adopted(void)
{
    in_each_way(check_connected);
}

/* ---- datagrams --------------------------------------------------------------------------------------- */

/* One of the kernel's, adopted, and one of the library's of the peer's family. */
typedef struct meeting {
    apm_socket *adopted, *other;
    apm_endpoint there;  /* the other's, as the adopted one sees it */
    apm_endpoint for_it; /* the adopted one's, as the other sees it */
} meeting;

static bool meet(const way *one, meeting *both, bool connected)
{
    apm_endpoint local = to_bind(one), at;
    uintptr_t handle = open_it(one, false);

    both->other = datagram_bound(one->peer, &at);
    both->there = as_seen(one, apm_endpoint_port(&at));
    CHECK(kernel_bind(handle, &local) && kernel_local(handle, &local));
    (void)apm_endpoint_loopback(one->peer, apm_endpoint_port(&local), &both->for_it);
    if (connected) CHECK(kernel_connect(handle, &both->there));
    both->adopted = adopt(handle);
    if (both->adopted != NULL && both->other != NULL) return true;
    close_now(both->adopted);
    close_now(both->other);
    return false;
}

static void part(meeting *both)
{
    close_now(both->adopted);
    close_now(both->other);
}

/* To whom the other one's datagrams are known to be from, and back. */
static void check_exchange(const meeting *both)
{
    apm_endpoint from = {0};
    char here[8] = {0};
    size_t bytes = 0;

    (void)CHECK_ERROR(send_to_now(both->other, "in", 2, &both->for_it, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both->adopted, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && memcmp(here, "in", 2) == 0 && apm_endpoint_equal(&from, &both->there));
    (void)CHECK_ERROR(apm_socket_send(both->adopted, "out", 3, 0, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both->other, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 3 && memcmp(here, "out", 3) == 0 && apm_endpoint_equal(&from, &both->for_it));
}

static void check_bound_datagram(const way *one)
{
    meeting both;

    if (!meet(one, &both, false)) return;
    check_unconnected(both.adopted);
    check_kind(one, both.adopted);
    (void)CHECK_ERROR(apm_socket_connect(both.adopted, &both.there), APM_ERROR_SUCCESS);
    check_remote(one, both.adopted, apm_endpoint_port(&both.there));
    check_exchange(&both);
    part(&both);
}

static void bound_datagram_sockets_are_adopted(void)
{
    in_each_way(check_bound_datagram);
}

static void check_connected_datagram(const way *one)
{
    meeting both;

    if (!meet(one, &both, true)) return;
    check_kind(one, both.adopted);
    check_remote(one, both.adopted, apm_endpoint_port(&both.there));
    check_exchange(&both);
    part(&both);
}

static void connected_datagram_sockets_are_adopted(void)
{
    in_each_way(check_connected_datagram);
}

/* Its first datagram binds it. */
static void check_unbound_datagram(const way *one)
{
    apm_socket *socket = adopt(open_it(one, false)), *other;
    apm_endpoint at, found = {0};
    size_t bytes = 0;
    char here = 0;

    if (socket == NULL) return;
    check_unconnected(socket);
    check_kind(one, socket);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_INVALID_ARGUMENT);
    other = datagram_bound(one->peer, &at);
    if (other != NULL) {
        (void)CHECK_ERROR(send_to_now(socket, "x", 1, &at, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(receive_from_now(other, &here, 1, &bytes, &found), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here == 'x');
    }
    close_now(other);
    close_now(socket);
}

static void unbound_datagram_sockets_are_adopted(void)
{
    in_each_way(check_unbound_datagram);
}

static const test_case streams[] = {
    {"fresh_sockets_are_adopted_and_connect", fresh_sockets_are_adopted_and_connect, false},
    {"bound_sockets_are_adopted_with_their_endpoint", bound_sockets_are_adopted_with_their_endpoint, false},
    {"adopted_sockets_connect_after_a_refusal", adopted_sockets_connect_after_a_refusal, false},
    {"adopted_dual_mode_can_be_left", adopted_dual_mode_can_be_left, false},
    {"options_set_before_are_there", options_set_before_are_there, false},
    {"connected_streams_are_adopted", connected_streams_are_adopted, false},
    {NULL, NULL, false}};

static const test_case datagrams[] = {
    {"bound_datagram_sockets_are_adopted", bound_datagram_sockets_are_adopted, false},
    {"connected_datagram_sockets_are_adopted", connected_datagram_sockets_are_adopted, false},
    {"unbound_datagram_sockets_are_adopted", unbound_datagram_sockets_are_adopted, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"streams", streams}, {"datagrams", datagrams}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
