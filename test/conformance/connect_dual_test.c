/* SPDX-License-Identifier: MIT */
/* Sockets in dual mode: IPv6 sockets that use IPv4 addresses, too, mapped into theirs. */
#include <stdio.h>

#include "../support/route.h"

/* The same address as IPv6 has it. */
static apm_endpoint mapped(const apm_endpoint *four)
{
    char text[APM_ENDPOINT_TEXT_SIZE], address[APM_ENDPOINT_TEXT_SIZE + 16];
    apm_endpoint six = {0};

    (void)apm_endpoint_format(four, text, sizeof text);
    *strchr(text, ':') = '\0';
    (void)snprintf(address, sizeof address, "[::ffff:%s]", text);
    (void)CHECK_ERROR(apm_endpoint_from_ip(address, apm_endpoint_port(four), &six), APM_ERROR_SUCCESS);
    return six;
}

/* NULL, and it is said, if there is no IPv6 here. */
static apm_socket *dual_if_here(void)
{
    return family_is_here(APM_FAMILY_IPV6) ? dual_new(false) : NULL;
}

/* A listener of IPv4 and a socket in dual mode. */
typedef struct twin {
    peer_listener *listener;
    apm_socket *socket;
    apm_endpoint four, six;
} twin;

static void twin_leave(twin *here)
{
    close_now(here->socket);
    peer_listener_close(here->listener);
}

static bool twin_enter(twin *here)
{
    here->socket = dual_if_here();
    if (here->socket == NULL) return false;
    here->listener = peer_listen(APM_FAMILY_IPV4);
    CHECK(here->listener != NULL);
    if (here->listener != NULL) {
        peer_listener_endpoint(here->listener, &here->four);
        here->six = mapped(&here->four);
        return true;
    }
    twin_leave(here);
    return false;
}

/* ---- connecting ------------------------------------------------------------------------------- */

static void check_mapped(twin *here)
{
    apm_endpoint remote = {0}, local = {0}, loopback = {0};

    CHECK(apm_socket_connected(here->socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(here->socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&remote, &here->six));
    (void)CHECK_ERROR(apm_socket_local_endpoint(here->socket, &local), APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, apm_endpoint_port(&local), &loopback);
    loopback = mapped(&loopback);
    CHECK(apm_endpoint_equal(&local, &loopback));
    check_talks(here->socket, here->listener);
}

static void connects_to_ipv4_and_says_so_in_ipv6(void)
{
    twin here;

    if (!twin_enter(&here)) return;
    (void)CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
}

static void connects_to_a_mapped_endpoint(void)
{
    twin here;

    if (!twin_enter(&here)) return;
    (void)CHECK_ERROR(connect_now(here.socket, &here.six), APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
}

static void connects_to_ipv6(void)
{
    apm_socket *socket = dual_if_here();
    peer_listener *listener;
    apm_endpoint remote;

    if (socket == NULL) return;
    listener = peer_listen(APM_FAMILY_IPV6);
    CHECK(listener != NULL);
    if (listener != NULL) {
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS);
        check_reached(socket, listener);
    }
    close_now(socket);
    peer_listener_close(listener);
}

/* Whatever it was refused by before. */
static void connects_to_either_family_after_refusals_of_both(void)
{
    twin here;
    route way = {.count = 0};
    apm_endpoint nobody;

    if (!twin_enter(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(connect_now(here.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    peer_refusing_endpoint(APM_FAMILY_IPV6, &nobody);
    (void)CHECK_ERROR(connect_now(here.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    route_refusing(&way, APM_FAMILY_IPV6);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_refusing(&way, APM_FAMILY_IPV6);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_CONNECTION_REFUSED);
    route_add(&way, &here.four);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
}

static void connects_by_name_and_by_text(void)
{
    twin here;

    if (!twin_enter(&here)) return;
    (void)CHECK_ERROR(connect_host(here.socket, "127.0.0.1", apm_endpoint_port(&here.four)),
                      APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
    if (!twin_enter(&here)) return;
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", apm_endpoint_port(&here.four)),
                      APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
}

static void connects_again_after_a_disconnect(void)
{
    twin here;
    call made;
    pair both;
    char byte = 0;

    if (!twin_enter(&here)) return;
    both.socket = here.socket;
    if (CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_SUCCESS)) {
        both.other = peer_accept(here.listener, PATIENCE);
        CHECK(both.other != NULL);
        call_prepare(&made, here.socket, CALL_DISCONNECT);
        if (both.other != NULL && CHECK_ERROR(call_disconnect(&made, true), APM_ERROR_SUCCESS)) {
            CHECK(peer_read(both.other, &byte, 1, PATIENCE) == PEER_END);
            peer_end(both.other);
            (void)call_ends(&made, APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_SUCCESS);
            check_mapped(&here);
        }
        peer_close(both.other);
        call_dispose(&made);
    }
    twin_leave(&here);
}

/* ---- binding ------------------------------------------------------------------------------------- */

static void binds_to_ipv4_and_says_so_in_ipv6(void)
{
    twin here;
    apm_endpoint local = {0}, found = {0}, wanted;

    if (!twin_enter(&here)) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, apm_endpoint_port(&found), &local);
    wanted = mapped(&local);
    CHECK(apm_endpoint_equal(&found, &wanted));
    CHECK(apm_endpoint_port(&found) != 0);
    (void)CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &wanted));
    check_mapped(&here);
    twin_leave(&here);
}

static void binds_to_the_wildcard_of_ipv6_and_connects_to_ipv4(void)
{
    twin here;
    apm_endpoint local = {0};

    if (!twin_enter(&here)) return;
    (void)apm_endpoint_any(APM_FAMILY_IPV6, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
}

/* ---- what it cannot ---------------------------------------------------------------------------------- */

static void wildcard_is_no_place_to_connect_to_in_either_form(void)
{
    twin here;
    apm_endpoint any = {0};

    if (!twin_enter(&here)) return;
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 80, &any);
    (void)CHECK_ERROR(connect_now(here.socket, &any), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    any = mapped(&any);
    (void)CHECK_ERROR(connect_now(here.socket, &any), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    (void)apm_endpoint_any(APM_FAMILY_IPV6, 80, &any);
    (void)CHECK_ERROR(connect_now(here.socket, &any), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    (void)CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_SUCCESS);
    check_mapped(&here);
    twin_leave(&here);
}

static void without_dual_mode_ipv4_is_not_supported(void)
{
    twin here;
    route way = {.count = 0};

    if (!twin_enter(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_DUAL_MODE, 0);
    (void)CHECK_ERROR(connect_now(here.socket, &here.four), APM_ERROR_NOT_SUPPORTED);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &here.four), APM_ERROR_NOT_SUPPORTED);
    (void)CHECK_ERROR(connect_host(here.socket, "127.0.0.1", 80), APM_ERROR_NOT_SUPPORTED);
    route_add(&way, &here.four);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_ARGUMENT);
    route_refusing(&way, APM_FAMILY_IPV6);
    route_add(&way, &here.four);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_CONNECTION_REFUSED);
    check_unreached(here.listener);
    twin_leave(&here);
}

/* It is .NET's constructor without a family: there is always a socket, and it is one of the two. */
static void there_is_always_a_socket(void)
{
    apm_socket *socket = NULL;
    int32_t value = -1;

    if (!CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket), APM_ERROR_SUCCESS))
        return;
    if (apm_socket_get_option(socket, APM_SOCKET_OPTION_DUAL_MODE, &value) == APM_ERROR_SUCCESS)
        CHECK(value == 1);
    {
        peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
        apm_endpoint remote;

        CHECK(listener != NULL);
        if (listener != NULL) {
            peer_listener_endpoint(listener, &remote);
            (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS);
            check_talks(socket, listener);
        }
        peer_listener_close(listener);
    }
    close_now(socket);
    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    socket = NULL;
    CHECK(apm_socket_create_dual(77, APM_PROTOCOL_TCP, &socket) > 0); /* a SocketError */
    CHECK(socket == NULL);
}

static const test_case connecting[] = {
    {"connects_to_ipv4_and_says_so_in_ipv6", connects_to_ipv4_and_says_so_in_ipv6, false},
    {"connects_to_a_mapped_endpoint", connects_to_a_mapped_endpoint, false},
    {"connects_to_ipv6", connects_to_ipv6, false},
    {"connects_to_either_family_after_refusals_of_both", connects_to_either_family_after_refusals_of_both,
     false},
    {"connects_by_name_and_by_text", connects_by_name_and_by_text, false},
    {"connects_again_after_a_disconnect", connects_again_after_a_disconnect, false},
    {NULL, NULL, false}};

static const test_case binding[] = {
    {"binds_to_ipv4_and_says_so_in_ipv6", binds_to_ipv4_and_says_so_in_ipv6, false},
    {"binds_to_the_wildcard_of_ipv6_and_connects_to_ipv4", binds_to_the_wildcard_of_ipv6_and_connects_to_ipv4,
     false},
    {NULL, NULL, false}};

static const test_case limits[] = {
    {"wildcard_is_no_place_to_connect_to_in_either_form", wildcard_is_no_place_to_connect_to_in_either_form,
     false},
    {"without_dual_mode_ipv4_is_not_supported", without_dual_mode_ipv4_is_not_supported, false},
    {"there_is_always_a_socket", there_is_always_a_socket, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"connecting", connecting}, {"binding", binding}, {"limits", limits}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
