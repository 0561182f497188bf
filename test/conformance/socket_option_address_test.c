/* SPDX-License-Identifier: MIT */
/* What has to do with a socket's address is set again on a fresh kernel socket, too, before that is bound. */
#include "../support/fixture.h"
#include "../support/kernel_socket.h"
#include "../support/replay.h"
#ifndef _WIN32
#include "../sim/sim.h"
#endif

/* ---- dual mode ----------------------------------------------------------------------------------------------- */

static void dual_mode_survives_a_refusal(void)
{
    peer_listener *listener;
    pair both = {NULL, NULL};
    apm_endpoint remote;

    if (apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &both.socket) !=
        APM_ERROR_SUCCESS) {
        harness_skip("no IPv6 here");
        return;
    }
    set(both.socket, APM_SOCKET_OPTION_DUAL_MODE, 1);
    be_refused(both.socket, APM_FAMILY_IPV6);
    be_refused(both.socket, APM_FAMILY_IPV4);
    CHECK(get(both.socket, APM_SOCKET_OPTION_DUAL_MODE) == 1);
    CHECK(kernel_number(both.socket, LEVEL_IPV6, IPV6_ONLY) == 0);
    listener = peer_listen(APM_FAMILY_IPV4);
    CHECK(listener != NULL);
    if (listener != NULL) {
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS);
        both.other = peer_accept(listener, PATIENCE);
        CHECK(both.other != NULL);
        if (both.other != NULL) check_alive(&both);
        peer_listener_close(listener);
    }
    CHECK(get(both.socket, APM_SOCKET_OPTION_DUAL_MODE) == 1);
    pair_close(&both);
}

/* The socket is not bound, whatever its kernel socket was. */
static void dual_mode_can_be_set_after_a_refusal(void)
{
    pair both = {stream_new(APM_FAMILY_IPV6), NULL};

    if (both.socket == NULL) return;
    be_refused(both.socket, APM_FAMILY_IPV6);
    set(both.socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1);
    set(both.socket, APM_SOCKET_OPTION_DUAL_MODE, 1);
    be_connected(&both); /* to an IPv4 endpoint */
    pair_close(&both);
}

/* IPv4's options, which on Windows a socket for IPv6 only has not got. */
static int32_t hops_of_plain_socket(void)
{
    uintptr_t handle = kernel_open(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
    int32_t hops = -1;

    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, 0) && kernel_set(handle, LEVEL_IP, IP_HOPS, 21));
    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, 1) && kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, 0));
    CHECK(kernel_get(handle, LEVEL_IP, IP_HOPS, &hops, (int32_t)sizeof hops));
    kernel_close(handle);
    return hops;
}

/* What was set while the socket was dual does not keep it from getting a fresh kernel socket later. */
static void dual_mode_that_was_left_does_not_keep_a_fresh_socket_away(void)
{
    pair both = {NULL, NULL};
    apm_endpoint remote;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    both.socket = stream_new(APM_FAMILY_IPV6);
    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_DUAL_MODE, 1);
    set_raw(both.socket, LEVEL_IP, IP_HOPS, 21);
    set(both.socket, APM_SOCKET_OPTION_DUAL_MODE, 0);
    be_refused(both.socket, APM_FAMILY_IPV6);
    be_refused(both.socket, APM_FAMILY_IPV6);
    CHECK(get(both.socket, APM_SOCKET_OPTION_DUAL_MODE) == 0);
    CHECK(kernel_number(both.socket, LEVEL_IPV6, IPV6_ONLY) == 1);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 9, &remote);
    (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_NOT_SUPPORTED);
    set(both.socket, APM_SOCKET_OPTION_DUAL_MODE, 1);
    be_refused(both.socket, APM_FAMILY_IPV6);
    be_connected(&both); /* to an IPv4 endpoint */
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_HOPS) == hops_of_plain_socket());
    pair_close(&both);
}

/* Of the raw value only the number counts, however much is given. */
static void dual_mode_set_by_a_large_value_survives_a_refusal(void)
{
    pair both = {NULL, NULL};
    unsigned char value[200] = {0};

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    both.socket = stream_new(APM_FAMILY_IPV6);
    if (both.socket == NULL) return;
    memset(value + sizeof(int32_t), 'x', sizeof value - sizeof(int32_t));
    (void)CHECK_ERROR(apm_socket_set_raw_option(both.socket, LEVEL_IPV6, IPV6_ONLY, value, sizeof value),
                      APM_ERROR_SUCCESS);
    set_raw(both.socket, LEVEL_IP, IP_HOPS, 21);
    be_refused(both.socket, APM_FAMILY_IPV6);
    be_connected(&both); /* to an IPv4 endpoint */
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_HOPS) == 21);
    pair_close(&both);
}

/* By a send of a datagram, too, whoever has asked for its address or not. */
static void socket_that_a_send_has_bound_cannot_change_how_it_is_bound(void)
{
    apm_socket *socket = NULL;
    apm_endpoint nobody;

    if (!CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &socket),
                     APM_ERROR_SUCCESS))
        return;
    set(socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 9, &nobody);
    (void)CHECK_ERROR(apm_socket_begin_send_to(socket, "x", 1, 0, &nobody, NULL, NULL, NULL),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_set_option(socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 0),
                      APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_bind(socket, &nobody), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* A bound socket binds the fresh kernel socket, too: what has to be set before, is. */
static void options_of_a_bound_socket_survive_a_refusal(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    apm_endpoint local, found;

    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1);
    set(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    (void)CHECK_ERROR(apm_socket_bind(both.socket, &local), APM_ERROR_SUCCESS);
    set(both.socket, APM_SOCKET_OPTION_TTL, 40);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&local, &found));
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, SOCKET_EXCLUSIVE) != 0);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_HOPS) == 40);
    /* Leaves no connection behind that would keep the port for minutes. */
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, 0), APM_ERROR_SUCCESS);
    both.socket = NULL;
    pair_close(&both);
}

/* ---- shared ports --------------------------------------------------------------------------------------------- */

#ifndef _WIN32
/* Whether the kernel has been asked to let other connections have the port, too, when the socket connects: once
 * after a refusal, and once more. The simulated kernel takes that before a bind to no port only. */
static void check_port_shared(bool is_bound, bool may_share, bool shared)
{
    enum { REUSE_UNICAST_PORT = 0x3007, REUSE_ADDRESS = 4 };
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    apm_endpoint local;

    if (both.socket == NULL) return;
    if (!may_share) set(both.socket, APM_SOCKET_OPTION_REUSE_UNICAST_PORT, 0);
    if (is_bound && CHECK_ERROR(apm_endpoint_from_ip("127.0.0.1", 0, &local), APM_ERROR_SUCCESS))
        (void)CHECK_ERROR(apm_socket_bind(both.socket, &local), APM_ERROR_SUCCESS);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK((sim_newest_option(LEVEL_SOCKET, REUSE_UNICAST_PORT) == 1) == shared);
    /* What Wine is told it does not tell. */
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, REUSE_UNICAST_PORT) ==
          (peer_kernel_is_wine() ? -1 : shared));
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, REUSE_ADDRESS) == 0); /* others could steal it */
    pair_close(&both);
}

static void port_that_nobody_chose_may_be_shared(void)
{
    check_port_shared(false, true, true);
}

static void port_is_not_shared_against_the_callers_will(void)
{
    check_port_shared(false, false, false);
    check_port_shared(true, true, false);
    check_port_shared(true, false, false);
}
#endif

static const test_case addresses[] = {
    {"dual_mode_survives_a_refusal", dual_mode_survives_a_refusal, false},
    {"dual_mode_can_be_set_after_a_refusal", dual_mode_can_be_set_after_a_refusal, false},
    {"dual_mode_that_was_left_does_not_keep_a_fresh_socket_away",
     dual_mode_that_was_left_does_not_keep_a_fresh_socket_away, false},
    {"dual_mode_set_by_a_large_value_survives_a_refusal", dual_mode_set_by_a_large_value_survives_a_refusal,
     false},
    {"socket_that_a_send_has_bound_cannot_change_how_it_is_bound",
     socket_that_a_send_has_bound_cannot_change_how_it_is_bound, false},
    {"options_of_a_bound_socket_survive_a_refusal", options_of_a_bound_socket_survive_a_refusal, false},
#ifndef _WIN32
    {"port_that_nobody_chose_may_be_shared", port_that_nobody_chose_may_be_shared, false},
    {"port_is_not_shared_against_the_callers_will", port_is_not_shared_against_the_callers_will, false},
#endif
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"addresses", addresses}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
