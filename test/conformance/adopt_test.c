/* SPDX-License-Identifier: MIT */
/* Adopting: kernel sockets in every state, and what is no socket that can be adopted. */
#include <string.h>

#include "../support/adopt.h"
#include "../support/disconnect_now.h"
#include "../support/fixture.h"
#include "../support/kernel_socket.h"
#ifndef _WIN32
#include "../sim/sim.h"
#endif

/* ---- adopting ----------------------------------------------------------------------------------------- */

static uintptr_t open_stream(void)
{
    return kernel_open(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
}

static uintptr_t open_datagram(void)
{
    return kernel_open(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);
}

static void fresh_socket_is_adopted_and_connects(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {adopt(open_stream()), NULL};
    apm_endpoint found = {0}, six;

    CHECK(listener != NULL);
    if (listener == NULL || both.socket == NULL) return;
    check_unconnected(both.socket);
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_INVALID_ARGUMENT);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 80, &six);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &six),
                      APM_ERROR_NOT_SUPPORTED); /* its family is known */
    connect_it(&both, listener);
    CHECK(apm_socket_connected(both.socket));
    pair_close(&both);
    peer_listener_close(listener);
}

#ifndef _WIN32
/* Its handle has been asked to skip the port already, where the kernel does: then a connect that is over when
 * the call returns sends no packet. */
static void adopted_socket_connects_in_no_time(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    sim_profile calm = sim_base_profile(), instant = calm;
    apm_options options = harness_options();
    int several;

    CHECK(listener != NULL);
    instant.instant = 1000;
    sim_set_profile(&instant);
    if (listener != NULL && CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        for (several = 0; several <= 1; several++) {
            pair both = {adopt(open_stream()), NULL};
            apm_async_result *result = NULL;
            apm_endpoint remote;

            if (both.socket == NULL) break;
            peer_listener_endpoint(listener, &remote);
            (void)CHECK_ERROR(
                several ? apm_socket_begin_connect_many(both.socket, &remote, 1, NULL, NULL, &result)
                        : apm_socket_begin_connect(both.socket, &remote, NULL, NULL, &result),
                APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_socket_end_connect(both.socket, result), APM_ERROR_SUCCESS);
            apm_async_result_release(result);
            both.other = peer_accept(listener, PATIENCE);
            CHECK(both.other != NULL);
            if (both.other != NULL) check_alive(&both);
            pair_close(&both);
        }
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    peer_listener_close(listener);
    sim_set_profile(&calm);
}
#endif

static void adopted_socket_connects_after_a_refusal(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {adopt(open_stream()), NULL};
    apm_endpoint nobody;

    CHECK(listener != NULL);
    if (listener == NULL || both.socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1), APM_ERROR_SUCCESS);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    connect_it(&both, listener);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    pair_close(&both);
    peer_listener_close(listener);
}

static void bound_socket_is_adopted_with_its_endpoint(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uintptr_t handle = open_stream();
    apm_endpoint local, bound = {0}, found = {0};
    pair both = {NULL, NULL};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(handle, &local) && kernel_local(handle, &bound));
    both.socket = adopt(handle);
    if (both.socket != NULL) {
        check_unconnected(both.socket);
        (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_equal(&bound, &found));
        (void)CHECK_ERROR(apm_socket_bind(both.socket, &local), APM_ERROR_INVALID_ARGUMENT);
        (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1),
                          APM_ERROR_INVALID_OPERATION);
        connect_it(&both, listener);
        (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_equal(&bound, &found));
        pair_close(&both);
    }
    peer_listener_close(listener);
}

/* The order that ConnectEx asks for: with the option that shares ports Windows gives it one with the connect. */
static void socket_bound_without_a_port_connects(void)
{
    enum { REUSE_UNICAST_PORT = 0x3007 };
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uintptr_t handle = open_stream();
    apm_endpoint local, found = {0};
    pair both = {NULL, NULL};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    (void)kernel_set(handle, LEVEL_SOCKET, REUSE_UNICAST_PORT, 1); /* where there is one */
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(handle, &local));
    both.socket = adopt(handle);
    if (both.socket != NULL) {
        check_unconnected(both.socket);
        /* What fails before it is tried leaves it as it is. */
        (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_REUSE_UNICAST_PORT, 0),
                          APM_ERROR_SUCCESS);
        CHECK(apm_socket_connect_host(both.socket, "no-such-name.invalid", 9) != APM_ERROR_SUCCESS);
        connect_it(&both, listener);
        (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_port(&found) != 0);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static void options_set_before_are_there(void)
{
    uintptr_t handle = open_stream();
    apm_socket *socket;
    int32_t value = -1;

    CHECK(kernel_set(handle, LEVEL_SOCKET, SOCKET_RECEIVE_BUFFER, 98765));
    CHECK(kernel_set(handle, LEVEL_TCP, TCP_NO_DELAY, 1));
    socket = adopt(handle);
    if (socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value == 98765);
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_NO_DELAY, &value), APM_ERROR_SUCCESS);
    CHECK(value == 1);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void check_adopted_six(bool dual)
{
    uintptr_t handle = kernel_open(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    int32_t value = -1;
    pair both = {NULL, NULL};
    apm_endpoint remote;

    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, !dual));
    both.socket = adopt(handle);
    CHECK(listener != NULL);
    if (both.socket == NULL || listener == NULL) return;
    (void)CHECK_ERROR(apm_socket_get_option(both.socket, APM_SOCKET_OPTION_DUAL_MODE, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value == (int32_t)dual);
    if (dual) {
        connect_it(&both, listener);
    } else {
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(apm_socket_connect(both.socket, &remote), APM_ERROR_NOT_SUPPORTED);
    }
    pair_close(&both);
    peer_listener_close(listener);
}

static void socket_that_is_dual_is_adopted_as_that(void)
{
    if (!family_is_here(APM_FAMILY_IPV6)) return;
    check_adopted_six(true);
    check_adopted_six(false);
}

/* Also of a fresh kernel socket, which is not dual by itself. */
static void socket_that_is_dual_stays_that_after_a_refusal(void)
{
    peer_listener *listener;
    pair both = {NULL, NULL};
    apm_endpoint nobody;
    uintptr_t handle;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    listener = peer_listen(APM_FAMILY_IPV4);
    handle = kernel_open(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, 0));
    both.socket = adopt(handle);
    CHECK(listener != NULL);
    if (both.socket == NULL || listener == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV6, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    connect_it(&both, listener);
    pair_close(&both);
    peer_listener_close(listener);
}

static void datagram_sockets_are_adopted(bool connected)
{
    uintptr_t first = open_datagram(), second = open_datagram();
    apm_endpoint left, right, found = {0};
    apm_socket *one, *other;
    char here[8];
    size_t bytes = 0;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &left);
    right = left;
    CHECK(kernel_bind(first, &left) && kernel_local(first, &left));
    CHECK(kernel_bind(second, &right) && kernel_local(second, &right));
    if (connected) CHECK(kernel_connect(first, &right) && kernel_connect(second, &left));
    one = adopt(first);
    other = adopt(second);
    if (one == NULL || other == NULL) return;
    CHECK(apm_socket_connected(one) == connected);
    if (!connected) {
        check_unconnected(one);
        (void)CHECK_ERROR(apm_socket_connect(one, &right), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_connect(other, &left), APM_ERROR_SUCCESS);
    }
    (void)CHECK_ERROR(apm_socket_remote_endpoint(one, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &right));
    (void)CHECK_ERROR(apm_socket_send(one, "abc", 3, 0, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_receive(other, here, sizeof here, 0, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 3 && memcmp(here, "abc", 3) == 0);
    (void)CHECK_ERROR(apm_socket_close(one), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(other), APM_ERROR_SUCCESS);
}

static void bound_datagram_sockets_are_adopted(void)
{
    datagram_sockets_are_adopted(false);
}

static void connected_datagram_sockets_are_adopted(void)
{
    datagram_sockets_are_adopted(true);
}

static void unbound_datagram_socket_is_adopted(void)
{
    apm_socket *socket = adopt(open_datagram());
    apm_endpoint found = {0};

    if (socket == NULL) return;
    check_unconnected(socket);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &found), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* ---- connected streams --------------------------------------------------------------------------------- */

static bool connect_past_the_library(uintptr_t handle, peer_listener *listener, peer **other)
{
    apm_endpoint remote;

    peer_listener_endpoint(listener, &remote);
    *other = kernel_connect(handle, &remote) ? peer_accept(listener, PATIENCE) : NULL;
    CHECK(*other != NULL);
    return *other != NULL;
}

static void connected_stream_is_adopted(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uintptr_t handle = open_stream();
    apm_endpoint remote, found = {0};
    pair both = {NULL, NULL};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (connect_past_the_library(handle, listener, &both.other)) {
        CHECK(peer_write(both.other, "early", 5)); /* what was there before is not lost */
        both.socket = adopt(handle);
    }
    if (both.socket != NULL) {
        CHECK(apm_socket_connected(both.socket));
        (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_equal(&found, &remote));
        check_conversation(&both, &remote);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

/* Nobody has chosen the port that it has: that goes with the connection, and the next one has another. */
static void connected_stream_is_adopted_without_its_port(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uintptr_t handle = open_stream();
    apm_endpoint remote, found = {0};
    pair both = {NULL, NULL};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (connect_past_the_library(handle, listener, &both.other)) both.socket = adopt(handle);
    if (both.socket != NULL) {
        (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_port(&found) != 0);
        peer_end(both.other);
        (void)CHECK_ERROR(disconnect_now(both.socket, true), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &found), APM_ERROR_INVALID_ARGUMENT);
        peer_close(both.other);
        both.other = NULL;
        connect_it(&both, listener);
    }
    pair_close(&both);
    peer_listener_close(listener);
}

#ifdef _WIN32
/* As programs have them that were written for non-blocking sockets. */
static void non_blocking_stream_is_adopted(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uintptr_t handle = open_stream();
    pair both = {NULL, NULL};
    u_long yes = 1;
    call made;
    char here = 0;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (connect_past_the_library(handle, listener, &both.other)) {
        CHECK(ioctlsocket((SOCKET)handle, (long)FIONBIO, &yes) == 0);
        both.socket = adopt(handle);
    }
    if (both.socket != NULL) {
        call_prepare(&made, both.socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
        CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(here == 'x');
        call_dispose(&made);
        check_alive(&both);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static void adopted_socket_is_not_inherited(void)
{
    uintptr_t handle = open_stream();
    DWORD flags = 0;
    apm_socket *socket;

    CHECK(SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
    CHECK(GetHandleInformation((HANDLE)handle, &flags) && (flags & HANDLE_FLAG_INHERIT) != 0);
    socket = adopt(handle);
    CHECK(GetHandleInformation((HANDLE)handle, &flags) && (flags & HANDLE_FLAG_INHERIT) == 0);
    if (socket != NULL) (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}
#endif

static void adopted_socket_is_closed_with_ours(void)
{
    uintptr_t handle = open_stream();
    apm_socket *socket = adopt(handle);

    if (socket == NULL) return;
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    CHECK(apm_socket_handle(socket) == NO_SOCKET);
#ifdef _WIN32
    {
        apm_endpoint found;

        CHECK(!kernel_local(handle, &found) && WSAGetLastError() == WSAENOTSOCK);
    }
#endif
    apm_socket_release(socket);
}

/* ---- what cannot be adopted ---------------------------------------------------------------------------------- */

/* What can be inherited from it; 0 where nobody can tell. */
static unsigned long inheritance(uintptr_t handle)
{
#ifdef _WIN32
    DWORD flags = 0;

    return GetHandleInformation((HANDLE)handle, &flags) ? flags & HANDLE_FLAG_INHERIT : 0;
#else
    (void)handle;
    return 0;
#endif
}

static void check_not_adopted(uintptr_t handle, apm_error expected)
{
    unsigned long before = inheritance(handle);
    apm_socket *socket = NULL;

    (void)CHECK_ERROR(apm_socket_adopt(handle, &socket), expected);
    CHECK(socket == NULL);
    CHECK(inheritance(handle) == before); /* it is as it was */
}

static void what_is_no_socket_is_not_adopted(void)
{
    uintptr_t closed = open_stream();

    check_not_adopted(NO_SOCKET, APM_ERROR_NOT_SOCKET);
    check_not_adopted(0, APM_ERROR_NOT_SOCKET);
    check_not_adopted((uintptr_t)0x7654320, APM_ERROR_NOT_SOCKET);
    kernel_close(closed);
    check_not_adopted(closed, APM_ERROR_NOT_SOCKET);
#ifdef _WIN32
    {
        HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);

        check_not_adopted((uintptr_t)event, APM_ERROR_NOT_SOCKET);
        CHECK(SetEvent(event)); /* it is as it was */
        CHECK(CloseHandle(event));
    }
#endif
}

static void adopting_to_nowhere_is_argument_null(void)
{
    uintptr_t handle = open_stream();
    apm_endpoint local;

    (void)CHECK_ERROR(apm_socket_adopt(handle, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(handle, &local)); /* it is still there */
    kernel_close(handle);
}

static void sockets_of_the_library_are_not_adopted(void)
{
    apm_socket *adopted = adopt(open_stream());
    pair both;

    if (adopted == NULL) return;
    check_not_adopted(apm_socket_handle(adopted), APM_ERROR_INVALID_OPERATION); /* twice */
    (void)CHECK_ERROR(apm_socket_close(adopted), APM_ERROR_SUCCESS);
    if (!pair_open(&both)) return;
    check_not_adopted(apm_socket_handle(both.socket), APM_ERROR_INVALID_OPERATION);
    check_alive(&both); /* and nothing has happened to it */
    pair_close(&both);
}

#ifdef _WIN32
static void socket_that_is_not_overlapped_is_not_adopted(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    SOCKET handle = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
    peer *other;
    char here = 0;

    CHECK(listener != NULL && handle != INVALID_SOCKET);
    if (listener == NULL) return;
    check_not_adopted((uintptr_t)handle, APM_ERROR_INVALID_OPERATION);
    /* It is still the caller's, and works. */
    if (connect_past_the_library((uintptr_t)handle, listener, &other)) {
        CHECK(peer_write(other, "x", 1));
        CHECK(recv(handle, &here, 1, 0) == 1 && here == 'x');
        peer_close(other);
    }
    CHECK(closesocket(handle) == 0);
    peer_listener_close(listener);
}

static void listening_socket_is_not_adopted(void)
{
    uintptr_t handle = open_stream(), caller = open_stream();
    apm_endpoint local;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(handle, &local) && kernel_local(handle, &local));
    CHECK(listen((SOCKET)handle, 5) == 0);
    check_not_adopted(handle, APM_ERROR_INVALID_OPERATION);
    CHECK(kernel_connect(caller, &local)); /* it still listens */
    kernel_close(caller);
    kernel_close(handle);
}

static void socket_of_another_port_is_not_adopted(void)
{
    uintptr_t handle = open_stream();
    HANDLE port = CreateIoCompletionPort((HANDLE)handle, NULL, 1, 1);

    CHECK(port != NULL);
    check_not_adopted(handle, APM_ERROR_INVALID_OPERATION);
    CHECK(closesocket((SOCKET)handle) == 0);
    CHECK(CloseHandle(port));
}
#endif

/* Whichever allocation fails, the socket stays the caller's. */
static void adopting_without_memory_changes_nothing(void)
{
    apm_error error = APM_ERROR_OUT_OF_MEMORY;
    uint64_t nth;

    for (nth = 1; nth < 50 && error == APM_ERROR_OUT_OF_MEMORY; nth++) {
        uintptr_t handle = open_stream();
        apm_socket *socket = NULL;

        harness_fail_allocation(nth);
        error = apm_socket_adopt(handle, &socket);
        harness_fail_allocation(0);
        if (error == APM_ERROR_OUT_OF_MEMORY) {
            apm_endpoint local;

            CHECK(socket == NULL);
            (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
            CHECK(kernel_bind(handle, &local));
            kernel_close(handle);
        } else if (CHECK_ERROR(error, APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
        }
    }
    (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
    CHECK(nth > 2); /* at least one has failed */
}

static const test_case adopted[] = {
    {"fresh_socket_is_adopted_and_connects", fresh_socket_is_adopted_and_connects, false},
#ifndef _WIN32
    {"adopted_socket_connects_in_no_time", adopted_socket_connects_in_no_time, true},
#endif
    {"adopted_socket_connects_after_a_refusal", adopted_socket_connects_after_a_refusal, false},
    {"bound_socket_is_adopted_with_its_endpoint", bound_socket_is_adopted_with_its_endpoint, false},
    {"socket_bound_without_a_port_connects", socket_bound_without_a_port_connects, false},
    {"options_set_before_are_there", options_set_before_are_there, false},
    {"socket_that_is_dual_stays_that_after_a_refusal", socket_that_is_dual_stays_that_after_a_refusal, false},
    {"socket_that_is_dual_is_adopted_as_that", socket_that_is_dual_is_adopted_as_that, false},
    {"bound_datagram_sockets_are_adopted", bound_datagram_sockets_are_adopted, false},
    {"connected_datagram_sockets_are_adopted", connected_datagram_sockets_are_adopted, false},
    {"unbound_datagram_socket_is_adopted", unbound_datagram_socket_is_adopted, false},
    {"connected_stream_is_adopted", connected_stream_is_adopted, false},
    {"connected_stream_is_adopted_without_its_port", connected_stream_is_adopted_without_its_port, false},
#ifdef _WIN32
    {"non_blocking_stream_is_adopted", non_blocking_stream_is_adopted, false},
    {"adopted_socket_is_not_inherited", adopted_socket_is_not_inherited, false},
#endif
    {"adopted_socket_is_closed_with_ours", adopted_socket_is_closed_with_ours, false},
    {NULL, NULL, false}};

static const test_case refused[] = {
    {"what_is_no_socket_is_not_adopted", what_is_no_socket_is_not_adopted, false},
    {"adopting_to_nowhere_is_argument_null", adopting_to_nowhere_is_argument_null, false},
    {"sockets_of_the_library_are_not_adopted", sockets_of_the_library_are_not_adopted, false},
#ifdef _WIN32
    {"socket_that_is_not_overlapped_is_not_adopted", socket_that_is_not_overlapped_is_not_adopted, false},
    {"listening_socket_is_not_adopted", listening_socket_is_not_adopted, false},
    {"socket_of_another_port_is_not_adopted", socket_of_another_port_is_not_adopted, false},
#endif
    {"adopting_without_memory_changes_nothing", adopting_without_memory_changes_nothing, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"adopted", adopted}, {"refused", refused}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
