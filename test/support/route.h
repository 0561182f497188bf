/* SPDX-License-Identifier: MIT */
/*
 * The endpoints of one connect, in the order to try them in, and a connect by them or by a name.
 */
#ifndef TEST_ROUTE_H
#define TEST_ROUTE_H

#include <string.h>

#include "fixture.h"

enum { ROUTE_ROOM = 24 };

typedef struct route {
    apm_endpoint at[ROUTE_ROOM];
    size_t count;
} route;

static inline void route_add(route *way, const apm_endpoint *next)
{
    CHECK(way->count < ROUTE_ROOM);
    if (way->count < ROUTE_ROOM) way->at[way->count++] = *next;
}

static inline void route_listener(route *way, const peer_listener *listener)
{
    apm_endpoint next;

    peer_listener_endpoint(listener, &next);
    route_add(way, &next);
}

static inline void route_refusing(route *way, int32_t family)
{
    apm_endpoint next;

    peer_refusing_endpoint(family, &next);
    route_add(way, &next);
}

static inline void route_unreachable(route *way)
{
    apm_endpoint next;

    peer_unreachable_endpoint(&next);
    route_add(way, &next);
}

static inline void route_loopback(route *way, int32_t family, uint16_t port)
{
    apm_endpoint next = {0};

    (void)apm_endpoint_loopback(family, port, &next);
    route_add(way, &next);
}

static inline void route_wildcard(route *way, int32_t family, uint16_t port)
{
    apm_endpoint next = {0};

    (void)apm_endpoint_any(family, port, &next);
    route_add(way, &next);
}

/* ---- connecting ------------------------------------------------------------------------------- */

static inline apm_error call_connect_many(call *made, const route *way)
{
    return apm_socket_begin_connect_many(made->socket, way->at, way->count, call_back, made, &made->result);
}

static inline apm_error call_connect_host(call *made, const char *host, uint16_t port)
{
    return apm_socket_begin_connect_host(made->socket, host, port, call_back, made, &made->result);
}

/* Begin, and End in the callback: how it ended, or what Begin said. */
static inline apm_error connect_route(apm_socket *socket, const route *way)
{
    apm_error error;
    call made;

    call_prepare(&made, socket, CALL_CONNECT);
    error = call_connect_many(&made, way);
    if (error == APM_ERROR_SUCCESS) {
        CHECK(call_wait(&made));
        error = made.error;
    }
    call_dispose(&made);
    return error;
}

static inline apm_error connect_host(apm_socket *socket, const char *host, uint16_t port)
{
    apm_error error;
    call made;

    call_prepare(&made, socket, CALL_CONNECT);
    error = call_connect_host(&made, host, port);
    if (error == APM_ERROR_SUCCESS) {
        CHECK(call_wait(&made));
        error = made.error;
    }
    call_dispose(&made);
    return error;
}

static inline void set_option(apm_socket *socket, apm_socket_option option, int32_t value)
{
    (void)CHECK_ERROR(apm_socket_set_option(socket, option, value), APM_ERROR_SUCCESS);
}

/* For both families; checks. NULL if there is none. */
static inline apm_socket *dual_new(bool parallel)
{
    apm_socket *socket = NULL;

    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
                      APM_ERROR_SUCCESS);
    if (socket != NULL && parallel)
        set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    return socket;
}

/* Lets a little time pass, another one each time, so that what follows meets what has been begun
 * at any of its steps. No test counts on where that is. */
static inline void dawdle(uint64_t *seed)
{
    uint32_t steps = draw(seed, 2) == 0 ? draw(seed, 1000) : draw(seed, 100000);

    while (steps-- != 0) (void)harness_live_blocks();
}

/* ---- what came of it ----------------------------------------------------------------------------- */

/* The socket talks to the next connection of the listener, which is closed then. */
static inline void check_talks(apm_socket *socket, peer_listener *listener)
{
    pair both;

    CHECK(apm_socket_connected(socket));
    both.socket = socket;
    both.other = peer_accept(listener, PATIENCE);
    CHECK(both.other != NULL);
    if (both.other != NULL) check_alive(&both);
    peer_close(both.other);
}

static inline void check_reached(apm_socket *socket, peer_listener *listener)
{
    apm_endpoint wanted, remote = {0};

    peer_listener_endpoint(listener, &wanted);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&remote, &wanted));
    check_talks(socket, listener);
}

/* Nobody has connected there. */
static inline void check_unreached(peer_listener *listener)
{
    peer *other = peer_accept(listener, 0);

    CHECK(other == NULL);
    peer_close(other);
}

/* What a socket is after a connect that failed. */
static inline void check_failed(apm_socket *socket)
{
    apm_endpoint endpoint = {0};

    CHECK(!apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &endpoint), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(send_now(socket, "x", 1, NULL), APM_ERROR_NOT_CONNECTED);
    CHECK(endpoint.length == 0);
}

/* It is as good as new: it connects to somebody who answers, and talks to him. */
static inline void check_connects(apm_socket *socket)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS)) check_talks(socket, listener);
    peer_listener_close(listener);
}

#endif
