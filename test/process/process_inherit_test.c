/* SPDX-License-Identifier: MIT */
/*
 * Child processes inherit no socket of the library, however it was made and whatever it is about:
 * the peer sees the end when we close, although the child lives. And a process that is killed
 * leaves nothing behind: its peers see the end.
 */
#include "../support/crash_filter.h"
#include "../support/kernel_socket.h"
#include "../support/route.h"
#include "child.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

enum { BROKEN = 90, SPAWNS = 12, STREAMS = 8 };

/* ---- the children --------------------------------------------------------------------------------------- */

/* How many sockets a process that has opened none has, but for those with that local port: they are
 * a peer's, whose accepted sockets any child gets. */
static int count_sockets(uint16_t but)
{
    WSADATA data;
    uintptr_t value;
    int count = 0;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return BROKEN;
    for (value = 4; value < 4096; value += 4) {
        struct sockaddr_storage local;
        struct sockaddr_in four;

        if (!kernel_is_socket(value, &local)) continue;
        memcpy(&four, &local, sizeof four); /* in both families the port has the same place */
        if (but == 0 || ntohs(four.sin_port) != but) count++;
    }
    return count < BROKEN ? count : BROKEN - 1;
}

static int wait_as_child(const char *text)
{
    HANDLE gate = (HANDLE)(uintptr_t)strtoull(text, NULL, 10);

    return WaitForSingleObject(gate, PATIENCE) == WAIT_OBJECT_0 ? 0 : BROKEN;
}

/* In the middle of everything, until it is killed. */
static int talk_as_child(const char *text)
{
    static apm_socket *sockets[STREAMS];
    static unsigned char large[1024 * 1024];
    static char bytes[STREAMS];
    apm_endpoint remote;
    int i;

    if (apm_endpoint_loopback(APM_FAMILY_IPV4, (uint16_t)strtoul(text, NULL, 10), &remote) !=
        APM_ERROR_SUCCESS)
        return BROKEN;
    for (i = 0; i < STREAMS; i++) {
        if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, 0, &sockets[i]) != APM_ERROR_SUCCESS ||
            apm_socket_connect(sockets[i], &remote) != APM_ERROR_SUCCESS)
            return BROKEN;
        (void)apm_socket_begin_receive(sockets[i], &bytes[i], 1, 0, NULL, NULL, NULL);
        if (i % 2 == 0)
            (void)apm_socket_begin_send(sockets[i], large, sizeof large, 0, NULL, NULL, NULL);
        else
            (void)apm_socket_send(sockets[i], large, 1, 0, NULL);
    }
    for (;;) {
        apm_socket *socket = NULL;

        if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, 0, &socket) == APM_ERROR_SUCCESS)
            (void)apm_socket_close(socket);
    }
}

static int run_child(const char *what, const char *text)
{
    if (strcmp(what, "count") == 0) return count_sockets((uint16_t)strtoul(text, NULL, 10));
    if (strcmp(what, "wait") == 0) return wait_as_child(text);
    if (strcmp(what, "talk") == 0) return talk_as_child(text);
    return BROKEN;
}

/* ---- a child that lives until it is told ------------------------------------------------------------------------ */

typedef struct resident {
    HANDLE leave;
    child process;
} resident;

static bool resident_start(resident *one)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    char arguments[40];

    one->process.process = NULL;
    one->leave = CreateEventW(&inherited, TRUE, FALSE, NULL);
    if (one->leave == NULL) return false;
    (void)snprintf(arguments, sizeof arguments, "wait %llu", (unsigned long long)(uintptr_t)one->leave);
    return child_start(&one->process, arguments, true);
}

static void resident_end(resident *one)
{
    CHECK(child_runs(&one->process)); /* it has lived up to here */
    (void)SetEvent(one->leave);
    CHECK(child_wait(&one->process) == 0);
    (void)CloseHandle(one->leave);
}

static uint32_t count_in_child(uint16_t but)
{
    char arguments[40];

    (void)snprintf(arguments, sizeof arguments, "count %u", (unsigned)but);
    return child_run(arguments, true);
}

/* The child is there while the socket is connected, and after it is closed. */
static void check_end_seen(apm_socket *socket, peer *other)
{
    apm_endpoint remote;
    resident one;
    char byte;

    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_SUCCESS);
    CHECK(count_in_child(apm_endpoint_port(&remote)) == 0);
    CHECK(resident_start(&one));
    close_now(socket);
    CHECK(peer_read(other, &byte, 1, PATIENCE) == PEER_END);
    resident_end(&one);
    peer_close(other);
}

/* ---- handles of each kind --------------------------------------------------------------------------------------- */

/* That it can be seen when a child has inherited a socket. */
static void inherited_socket_would_be_counted(void)
{
    WSADATA data;
    SOCKET handle;

    CHECK(WSAStartup(MAKEWORD(2, 2), &data) == 0);
    CHECK(count_in_child(0) == 0);
    handle = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    CHECK(handle != INVALID_SOCKET);
    CHECK(count_in_child(0) == 1);
    (void)closesocket(handle);
    (void)WSACleanup();
}

static void created_socket_is_not_inherited(void)
{
    pair both;

    if (pair_open(&both)) check_end_seen(both.socket, both.other);
}

static void adopted_socket_is_not_inherited(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = NULL;
    struct sockaddr_in address;
    apm_endpoint remote;
    SOCKET handle;

    CHECK(listener != NULL);
    peer_listener_endpoint(listener, &remote);
    memcpy(&address, remote.address, sizeof address);
    handle = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    CHECK(handle != INVALID_SOCKET);
    CHECK(connect(handle, (const struct sockaddr *)&address, (int)sizeof address) == 0);
    (void)CHECK_ERROR(apm_socket_adopt(handle, &socket), APM_ERROR_SUCCESS);
    if (socket != NULL) check_end_seen(socket, peer_accept(listener, PATIENCE));
    peer_listener_close(listener);
}

static void dual_socket_is_not_inherited(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = NULL;
    apm_endpoint remote;

    CHECK(listener != NULL);
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
                      APM_ERROR_SUCCESS);
    if (CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS))
        check_end_seen(socket, peer_accept(listener, PATIENCE));
    else
        close_now(socket);
    peer_listener_close(listener);
}

static void datagram_socket_is_not_inherited(void)
{
    apm_endpoint local;
    apm_socket *socket = datagram_bound(APM_FAMILY_IPV4, &local);

    CHECK(count_in_child(0) == 0);
    close_now(socket);
}

/* Handles of their own: the first ones wait for ever, the last one wins. */
static void parallel_attempts_are_not_inherited(void)
{
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint live;
    route way = {0};
    resident one;
    call made;
    char byte;

    CHECK(hanging != NULL && listener != NULL);
    peer_listener_endpoint(listener, &live);
    route_listener(&way, hanging);
    route_listener(&way, hanging);
    set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, 1);
    call_prepare(&made, socket, CALL_CONNECT);
    /* Under way for as long as we like. */
    (void)CHECK_ERROR(call_connect_many(&made, &way), APM_ERROR_SUCCESS);
    (void)apm_async_result_wait(made.result, 400); /* the second attempt begins after 250 ms */
    CHECK(count_in_child(0) == 0);
    (void)apm_async_result_cancel(made.result);
    CHECK(call_ends(&made, APM_ERROR_OPERATION_ABORTED));
    call_dispose(&made);

    /* The winner, with a child from while there were several. */
    route_listener(&way, listener);
    call_prepare(&made, socket, CALL_CONNECT);
    (void)CHECK_ERROR(call_connect_many(&made, &way), APM_ERROR_SUCCESS);
    CHECK(resident_start(&one));
    CHECK(call_ends(&made, APM_ERROR_SUCCESS));
    call_dispose(&made);
    {
        peer *other = peer_accept(listener, PATIENCE);

        CHECK(other != NULL);
        CHECK(count_in_child(apm_endpoint_port(&live)) == 0);
        close_now(socket);
        CHECK(other != NULL && peer_read(other, &byte, 1, PATIENCE) == PEER_END);
        resident_end(&one);
        peer_close(other);
    }
    peer_listener_close(hanging);
    peer_listener_close(listener);
}

static void renewed_socket_is_not_inherited(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    pair both;
    call made;

    CHECK(listener != NULL);
    peer_listener_endpoint(listener, &remote);
    if (pair_open_with(&both, listener)) {
        peer_end(both.other);
        call_prepare(&made, both.socket, CALL_DISCONNECT);
        (void)CHECK_ERROR(call_disconnect(&made, true), APM_ERROR_SUCCESS);
        CHECK(call_ends(&made, APM_ERROR_SUCCESS));
        call_dispose(&made);
        peer_close(both.other);
        CHECK(count_in_child(apm_endpoint_port(&remote)) == 0); /* fresh */
        if (CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS))
            check_end_seen(both.socket, peer_accept(listener, PATIENCE));
        else
            close_now(both.socket);
    }
    peer_listener_close(listener);
}

/* A connect to several addresses takes a fresh handle for each. */
static void further_attempt_is_not_inherited(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    route way = {0};

    CHECK(listener != NULL);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_listener(&way, listener);
    if (CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS))
        check_end_seen(socket, peer_accept(listener, PATIENCE));
    else
        close_now(socket);
    peer_listener_close(listener);
}

/* ---- while another thread spawns --------------------------------------------------------------------------------- */

typedef struct spawner {
    uint16_t port;
    _Atomic bool over;
    uint32_t worst, children;
} spawner;

static void spawn_children(void *argument)
{
    spawner *all = (spawner *)argument;
    int i;

    for (i = 0; i < SPAWNS; i++) {
        uint32_t found = count_in_child(all->port);

        all->children++;
        if (found > all->worst) all->worst = found;
    }
    atomic_store(&all->over, true);
}

static void socket_opened_while_another_thread_spawns_is_not_inherited(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    test_thread *thread;
    apm_endpoint remote;
    uint32_t opened = 0;
    spawner all = {0};

    CHECK(listener != NULL);
    peer_listener_endpoint(listener, &remote);
    all.port = apm_endpoint_port(&remote);
    thread = test_thread_start(spawn_children, &all);
    while (!atomic_load(&all.over)) {
        apm_socket *socket = NULL;
        peer *other;

        if (!CHECK_ERROR(opened % 2 == 0 ? apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, 0, &socket)
                                         : apm_socket_create_dual(APM_SOCKET_STREAM, 0, &socket),
                         APM_ERROR_SUCCESS))
            break;
        opened++;
        if (CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS)) {
            other = peer_accept(listener, PATIENCE);
            CHECK(other != NULL);
            peer_close(other);
        }
        close_now(socket);
    }
    test_thread_join(thread);
    CHECK(all.children == SPAWNS);
    CHECK(opened > SPAWNS);
    CHECK(all.worst == 0);
    peer_listener_close(listener);
}

/* ---- killed ------------------------------------------------------------------------------------------------------ */

static void killed_process_ends_its_connections(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    static unsigned char room[65536];
    peer *others[STREAMS] = {NULL};
    apm_endpoint remote;
    char arguments[40];
    int64_t got;
    child made;
    int i;

    CHECK(listener != NULL);
    peer_listener_endpoint(listener, &remote);
    (void)snprintf(arguments, sizeof arguments, "talk %u", (unsigned)apm_endpoint_port(&remote));
    CHECK(child_start(&made, arguments, false));
    for (i = 0; i < STREAMS; i++) {
        others[i] = peer_accept(listener, PATIENCE);
        CHECK(others[i] != NULL && peer_read(others[i], room, 1, PATIENCE) == 1);
    }
    CHECK(child_runs(&made));
    child_kill(&made);
    CHECK(child_wait(&made) == CHILD_HUNG);
    for (i = 0; i < STREAMS; i++) {
        if (others[i] == NULL) continue;
        do got = peer_read(others[i], room, sizeof room, PATIENCE);
        while (got > 0);
        CHECK(got == PEER_END || got == PEER_RESET);
        peer_close(others[i]);
    }
    peer_listener_close(listener);
}

static const test_case inherit_cases[] = {
    {"inherited_socket_would_be_counted", inherited_socket_would_be_counted, false},
    {"created_socket_is_not_inherited", created_socket_is_not_inherited, false},
    {"adopted_socket_is_not_inherited", adopted_socket_is_not_inherited, false},
    {"dual_socket_is_not_inherited", dual_socket_is_not_inherited, false},
    {"datagram_socket_is_not_inherited", datagram_socket_is_not_inherited, false},
    {"parallel_attempts_are_not_inherited", parallel_attempts_are_not_inherited, false},
    {"renewed_socket_is_not_inherited", renewed_socket_is_not_inherited, false},
    {"further_attempt_is_not_inherited", further_attempt_is_not_inherited, false},
    {"socket_opened_while_another_thread_spawns_is_not_inherited",
     socket_opened_while_another_thread_spawns_is_not_inherited, false},
    {NULL, NULL, false}};
static const test_case kill_cases[] = {
    {"killed_process_ends_its_connections", killed_process_ends_its_connections, true}, {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"inherit", inherit_cases}, {"kill", kill_cases}, {NULL, NULL}};

    if (argc == 4 && strcmp(argv[1], "--child") == 0) {
        crash_filter_install();
        return run_child(argv[2], argv[3]);
    }
    return harness_main(argc, argv, suites);
}
