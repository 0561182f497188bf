/* SPDX-License-Identifier: MIT */
/* Properties: available, the handle, endpoints, connected, dual sockets; and io_control. */
#include "../support/fixture.h"
#include "../support/kernel_socket.h"
#ifndef _WIN32
#include "sim.h"
#endif

#define CODE_BLOCKING 0x8004667Eu   /* FIONBIO */
#define CODE_AVAILABLE 0x4004667Fu  /* FIONREAD */
#define CODE_KEEP_ALIVE 0x98000004u /* SIO_KEEPALIVE_VALS */
#define CODE_UNKNOWN 0xD80000EEu

#define UNTOUCHED ((size_t)4711)

static apm_socket *datagram_new(apm_endpoint *local)
{
    apm_socket *socket = NULL;

    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &socket),
                      APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, local);
    (void)CHECK_ERROR(apm_socket_bind(socket, local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, local), APM_ERROR_SUCCESS);
    return socket;
}

static size_t available(apm_socket *socket)
{
    size_t bytes = UNTOUCHED;

    (void)CHECK_ERROR(apm_socket_available(socket, &bytes), APM_ERROR_SUCCESS);
    return bytes;
}

/* Until that many are there, or the time is over. */
static bool becomes_available(apm_socket *socket, size_t bytes)
{
    uint64_t start = test_now();

    while (available(socket) != bytes) {
        if (test_now() - start > PATIENCE) return false;
        test_yield();
    }
    return true;
}

/* ---- available ------------------------------------------------------------------------------------- */

static void available_counts_what_can_be_received(void)
{
    char here[8];
    size_t bytes = 0;
    pair both;

    if (!pair_open(&both)) return;
    CHECK(available(both.socket) == 0);
    CHECK(peer_write(both.other, "hello", 5));
    CHECK(becomes_available(both.socket, 5));
    (void)CHECK_ERROR(apm_socket_receive(both.socket, here, 2, APM_FLAG_NONE, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && available(both.socket) == 3);
    (void)CHECK_ERROR(apm_socket_receive(both.socket, here, 2, APM_FLAG_PEEK, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && available(both.socket) == 3);
    (void)CHECK_ERROR(receive_all(both.socket, here, 3), APM_ERROR_SUCCESS);
    CHECK(available(both.socket) == 0);
    CHECK(peer_write(both.other, "x", 1));
    peer_end(both.other);
    CHECK(becomes_available(both.socket, 1)); /* the end of the stream is no byte */
    (void)CHECK_ERROR(receive_all(both.socket, here, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(both.socket, here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0 && available(both.socket) == 0);
    pair_close(&both);
}

static void available_is_zero_on_a_fresh_socket(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    CHECK(available(socket) == 0);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* Windows counts all of them, other systems the first one. */
static void available_of_datagrams_counts_the_first_at_least(void)
{
    apm_endpoint local, remote;
    apm_socket *left = datagram_new(&local), *right = datagram_new(&remote);
    char here[16];
    size_t there;

    CHECK(available(right) == 0);
    (void)CHECK_ERROR(connect_now(left, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(connect_now(right, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(send_now(left, "seven..", 7, NULL), APM_ERROR_SUCCESS);
    CHECK(becomes_available(right, 7));
    (void)CHECK_ERROR(send_now(left, "three", 3, NULL), APM_ERROR_SUCCESS);
    there = available(right);
    CHECK(there == 7 || there == 10);
    (void)CHECK_ERROR(receive_now(right, here, sizeof here, NULL), APM_ERROR_SUCCESS);
    CHECK(becomes_available(right, 3));
    (void)CHECK_ERROR(apm_socket_close(left), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(right), APM_ERROR_SUCCESS);
}

static void available_looks_at_its_arguments(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    size_t bytes = UNTOUCHED;

    (void)CHECK_ERROR(apm_socket_available(NULL, &bytes), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_available(socket, NULL), APM_ERROR_ARGUMENT_NULL);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_available(socket, &bytes), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_available(socket, NULL), APM_ERROR_OBJECT_DISPOSED);
    CHECK(bytes == UNTOUCHED);
    apm_socket_release(socket);
}

/* ---- io_control -------------------------------------------------------------------------------------- */

static void io_control_asks_the_kernel(void)
{
    uint32_t bytes = 99;
    size_t returned = UNTOUCHED;
    pair both;

    if (!pair_open(&both)) return;
    CHECK(peer_write(both.other, "abc", 3));
    CHECK(becomes_available(both.socket, 3));
    (void)CHECK_ERROR(
        apm_socket_io_control(both.socket, CODE_AVAILABLE, NULL, 0, &bytes, sizeof bytes, &returned),
        APM_ERROR_SUCCESS);
    CHECK(bytes == 3 && returned == sizeof bytes);
    bytes = 99;
    (void)CHECK_ERROR(apm_socket_io_control(both.socket, CODE_AVAILABLE, NULL, 0, &bytes, sizeof bytes, NULL),
                      APM_ERROR_SUCCESS);
    CHECK(bytes == 3);
    pair_close(&both);
}

static void io_control_tells_the_kernel(void)
{
    static const uint32_t times[3] = {1, 60000, 5000};
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_KEEP_ALIVE, times, sizeof times, NULL, 0, NULL),
                      APM_ERROR_SUCCESS);
    CHECK(kernel_number(socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) != 0);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void io_control_of_blocking_is_invalid_operation(void)
{
    uint32_t yes = 1;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_io_control(both.socket, CODE_BLOCKING, &yes, sizeof yes, NULL, 0, NULL),
                      APM_ERROR_INVALID_OPERATION);
    yes = 0;
    (void)CHECK_ERROR(apm_socket_io_control(both.socket, CODE_BLOCKING, &yes, sizeof yes, NULL, 0, NULL),
                      APM_ERROR_INVALID_OPERATION);
    check_alive(&both);
    pair_close(&both);
}

static void unknown_codes_are_the_kernels_to_refuse(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    size_t returned = UNTOUCHED;
    uint32_t here = 0;

    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_UNKNOWN, NULL, 0, &here, sizeof here, &returned),
                      APM_ERROR_OPERATION_NOT_SUPPORTED);
    CHECK(returned == UNTOUCHED);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void io_control_looks_at_its_arguments_in_order(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    size_t huge = (size_t)1 << (sizeof(size_t) * 8 - 1), returned = UNTOUCHED;
    uint32_t here = 0;

    huge++; /* above 2 GiB in 32 bits, too */
    (void)CHECK_ERROR(apm_socket_io_control(NULL, CODE_AVAILABLE, NULL, 0, &here, sizeof here, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_AVAILABLE, NULL, 4, &here, sizeof here, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_AVAILABLE, NULL, 0, NULL, sizeof here, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_AVAILABLE, NULL, huge, &here, sizeof here, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(
        apm_socket_io_control(socket, CODE_AVAILABLE, &here, huge, &here, sizeof here, &returned),
        APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_AVAILABLE, NULL, 0, &here, SIZE_MAX, &returned),
                      APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_BLOCKING, &here, SIZE_MAX, NULL, 0, NULL),
                      APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_BLOCKING, NULL, 4, NULL, 0, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_AVAILABLE, NULL, 0, &here, sizeof here, &returned),
                      APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_io_control(socket, CODE_BLOCKING, NULL, SIZE_MAX, NULL, 1, NULL),
                      APM_ERROR_OBJECT_DISPOSED);
    CHECK(returned == UNTOUCHED);
    apm_socket_release(socket);
}

/* ---- the handle, endpoints -------------------------------------------------------------------------------- */

static void handle_is_the_kernels_socket(void)
{
    apm_endpoint found = {0}, below = {0};
    uintptr_t handle;
    pair both;

    if (!pair_open(&both)) return;
    handle = apm_socket_handle(both.socket);
    CHECK(handle != NO_SOCKET && handle == apm_socket_handle(both.socket));
    CHECK(kernel_local(handle, &below));
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &below));
#ifdef _WIN32
    {
        DWORD flags = HANDLE_FLAG_INHERIT;

        CHECK(GetHandleInformation((HANDLE)handle, &flags));
        CHECK((flags & HANDLE_FLAG_INHERIT) == 0);
    }
#endif
    pair_close(&both);
}

static void refused_connect_leaves_no_local_endpoint(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint nobody, found = {0};

    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &found), APM_ERROR_NOT_CONNECTED);
    CHECK(found.length == 0);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* The kernel's socket had to be bound to something for that. */
static void socket_can_be_bound_after_a_refused_connect(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint nobody, local, remote, found = {0};
    peer *other;

    CHECK(listener != NULL);
    if (listener == NULL || socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &local));
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), APM_ERROR_SUCCESS);
    other = peer_accept(listener, PATIENCE);
    CHECK(other != NULL && peer_port(other) == apm_endpoint_port(&local));
    /* Leaves nothing behind that would keep the port for minutes. */
    (void)CHECK_ERROR(apm_socket_close_timeout(socket, 0), APM_ERROR_SUCCESS);
    peer_close(other);
    peer_listener_close(listener);
}

static void wildcard_becomes_an_address_by_connecting(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint local, found, remote;

    CHECK(listener != NULL);
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_SUCCESS);
    (void)apm_endpoint_any(APM_FAMILY_IPV4, apm_endpoint_port(&found), &local);
    CHECK(apm_endpoint_port(&found) != 0 && apm_endpoint_equal(&found, &local));
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, apm_endpoint_port(&found), &local);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &local));
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

static void remote_endpoint_stays_when_the_connection_is_gone(void)
{
    apm_endpoint before = {0}, after = {0};
    char here = 0;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &before), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_BOTH), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END);
    peer_close(both.other);
    both.other = NULL;
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &after), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&before, &after));
    pair_close(&both);
}

/* ---- connected ----------------------------------------------------------------------------------------------- */

static void what_goes_well_keeps_connected(void)
{
    char here[4];
    size_t bytes = 0;
    pair both;

    if (!pair_open(&both)) return;
    check_alive(&both);
    CHECK(apm_socket_connected(both.socket));
    (void)CHECK_ERROR(send_now(both.socket, NULL, 0, &bytes), APM_ERROR_SUCCESS);
    CHECK(apm_socket_connected(both.socket));
    peer_end(both.other);
    (void)CHECK_ERROR(receive_now(both.socket, here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0 && apm_socket_connected(both.socket));
    pair_close(&both);
}

static void refused_arguments_keep_connected(void)
{
    char here = 0;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_send(both.socket, NULL, 1, 0, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_receive(both.socket, &here, SIZE_MAX, 0, NULL),
                      APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, 9), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_end_send(both.socket, NULL, NULL), APM_ERROR_ARGUMENT_NULL);
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both);
    pair_close(&both);
}

static void time_that_is_over_keeps_connected(void)
{
    apm_async_result *result = NULL;
    char here = 0;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(result, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, NULL), APM_ERROR_TIMED_OUT);
    apm_async_result_release(result);
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both);
    pair_close(&both);
}

/* Not every error means that nobody is there any more; .NET says so all the same. */
static void datagram_that_was_cut_ends_connected(void)
{
    apm_endpoint local, remote;
    apm_socket *left = datagram_new(&local), *right = datagram_new(&remote);
    char here[4];

    (void)CHECK_ERROR(connect_now(left, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(connect_now(right, &local), APM_ERROR_SUCCESS);
    CHECK(apm_socket_connected(left) && apm_socket_connected(right));
    (void)CHECK_ERROR(send_now(left, "abcdef", 6, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(right, here, 3, NULL), APM_ERROR_MESSAGE_SIZE);
    CHECK(!apm_socket_connected(right) && apm_socket_connected(left));
    (void)CHECK_ERROR(send_now(left, "x", 1, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(right, here, 1, NULL), APM_ERROR_SUCCESS);
    CHECK(here[0] == 'x');
    (void)CHECK_ERROR(apm_socket_close(left), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(right), APM_ERROR_SUCCESS);
}

static void send_into_a_reset_connection_ends_connected(void)
{
    apm_error error = APM_ERROR_SUCCESS;
    uint64_t start = test_now();
    pair both;

    if (!pair_open(&both)) return;
    peer_reset(both.other);
    both.other = NULL;
    /* The first ones may go out before the reset is known. */
    while (error == APM_ERROR_SUCCESS && test_now() - start < PATIENCE)
        error = send_now(both.socket, "x", 1, NULL);
    CHECK(error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_CONNECTION_ABORTED);
    CHECK(!apm_socket_connected(both.socket));
    pair_close(&both);
}

/* ---- dual sockets ------------------------------------------------------------------------------------------------ */

static void dual_socket_is_ipv6_that_can_use_ipv4(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = NULL, *six = NULL;
    apm_endpoint remote, found;
    int32_t dual = -1;

    CHECK(listener != NULL);
    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
                      APM_ERROR_SUCCESS);
    if (listener == NULL || socket == NULL) return;
    if (apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &six) == APM_ERROR_SUCCESS) {
        (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_DUAL_MODE, &dual),
                          APM_ERROR_SUCCESS);
        CHECK(dual == 1 && kernel_number(socket, LEVEL_IPV6, IPV6_ONLY) == 0);
        (void)CHECK_ERROR(apm_socket_close(six), APM_ERROR_SUCCESS);
    } else { /* without IPv6 it is of the family that there is */
        (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_DUAL_MODE, &dual),
                          APM_ERROR_NOT_SUPPORTED);
    }
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_port(&found) == apm_endpoint_port(&remote));
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

static void dual_sockets_of_no_kind_are_not_made(void)
{
    apm_socket *socket = NULL;

    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    CHECK(apm_socket_create_dual(9999, APM_PROTOCOL_TCP, &socket) > 0);
    CHECK(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_UDP, &socket) > 0);
    CHECK(socket == NULL);
}

static void dual_datagram_socket_is_made(void)
{
    apm_socket *socket = NULL;
    apm_endpoint local;

    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &socket),
                      APM_ERROR_SUCCESS);
    if (socket == NULL) return;
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 0, &local); /* it can use it */
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &local), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_port(&local) != 0);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

#ifndef _WIN32
static void dual_sockets_are_ipv4_where_there_is_no_ipv6(void)
{
    sim_profile base = sim_base_profile(), poor = base;
    apm_socket *socket = NULL;

    poor.only_ipv4 = true;
    sim_set_profile(&poor);
    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
                      APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED);
    dual_socket_is_ipv6_that_can_use_ipv4();
    dual_datagram_socket_is_made();
    dual_sockets_of_no_kind_are_not_made();
    sim_set_profile(&base);
}
#endif

/* ---- lists --------------------------------------------------------------------------------------------------------- */

static const test_case amount[] = {
    {"available_counts_what_can_be_received", available_counts_what_can_be_received, false},
    {"available_is_zero_on_a_fresh_socket", available_is_zero_on_a_fresh_socket, false},
    {"available_of_datagrams_counts_the_first_at_least", available_of_datagrams_counts_the_first_at_least,
     false},
    {"available_looks_at_its_arguments", available_looks_at_its_arguments, false},
    {NULL, NULL, false}};

static const test_case controls[] = {
    {"io_control_asks_the_kernel", io_control_asks_the_kernel, false},
    {"io_control_tells_the_kernel", io_control_tells_the_kernel, false},
    {"io_control_of_blocking_is_invalid_operation", io_control_of_blocking_is_invalid_operation, false},
    {"unknown_codes_are_the_kernels_to_refuse", unknown_codes_are_the_kernels_to_refuse, false},
    {"io_control_looks_at_its_arguments_in_order", io_control_looks_at_its_arguments_in_order, false},
    {NULL, NULL, false}};

static const test_case endpoints[] = {
    {"handle_is_the_kernels_socket", handle_is_the_kernels_socket, false},
    {"refused_connect_leaves_no_local_endpoint", refused_connect_leaves_no_local_endpoint, false},
    {"socket_can_be_bound_after_a_refused_connect", socket_can_be_bound_after_a_refused_connect, false},
    {"wildcard_becomes_an_address_by_connecting", wildcard_becomes_an_address_by_connecting, false},
    {"remote_endpoint_stays_when_the_connection_is_gone", remote_endpoint_stays_when_the_connection_is_gone,
     false},
    {NULL, NULL, false}};

static const test_case connected[] = {
    {"what_goes_well_keeps_connected", what_goes_well_keeps_connected, false},
    {"refused_arguments_keep_connected", refused_arguments_keep_connected, false},
    {"time_that_is_over_keeps_connected", time_that_is_over_keeps_connected, false},
    {"datagram_that_was_cut_ends_connected", datagram_that_was_cut_ends_connected, false},
    {"send_into_a_reset_connection_ends_connected", send_into_a_reset_connection_ends_connected, false},
    {NULL, NULL, false}};

static const test_case dual[] = {
    {"dual_socket_is_ipv6_that_can_use_ipv4", dual_socket_is_ipv6_that_can_use_ipv4, false},
    {"dual_sockets_of_no_kind_are_not_made", dual_sockets_of_no_kind_are_not_made, false},
    {"dual_datagram_socket_is_made", dual_datagram_socket_is_made, false},
#ifndef _WIN32
    {"dual_sockets_are_ipv4_where_there_is_no_ipv6", dual_sockets_are_ipv4_where_there_is_no_ipv6, false},
#endif
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"amount", amount},       {"controls", controls},
                                        {"endpoints", endpoints}, {"connected", connected},
                                        {"dual", dual},           {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
