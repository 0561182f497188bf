/* SPDX-License-Identifier: MIT */
/* Handles that were there before the library: in whatever state they are, they are adopted in it, or stay the
 * caller's. */
#include <string.h>

#include "../support/kernel_socket.h"
#include "stage.h"

/* Made while nothing fails: it is not ours that would fail. */
static uintptr_t open_handle(int32_t family, int32_t type, int32_t protocol)
{
    uintptr_t handle;

    point_calm(true);
    handle = kernel_open(family, type, protocol);
    expect(handle != NO_SOCKET, "a handle");
    return handle;
}

static uintptr_t open_stream(void)
{
    return open_handle(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
}

/* A handle that was not adopted is as it was: it can be adopted yet. Nothing fails before and after it. */
static apm_error adopt(uintptr_t handle, apm_socket **adopted)
{
    apm_socket *socket = NULL;
    apm_error error, again;

    point_calm(false);
    error = apm_socket_adopt(handle, &socket);
    point_calm(true);
    expect((socket != NULL) == (error == APM_ERROR_SUCCESS), "a socket comes with success");
    if (error != APM_ERROR_SUCCESS) {
        again = apm_socket_adopt(handle, &socket);
        expect(again == APM_ERROR_SUCCESS && socket != NULL, "it can be adopted now");
    }
    if (socket == NULL)
        kernel_close(handle);
    else
        expect(apm_socket_handle(socket) == handle, "it is this one");
    *adopted = socket;
    return error;
}

static apm_error adopt_fresh(stage *on)
{
    apm_error error = adopt(open_stream(), &on->socket);

    if (on->socket != NULL) (void)use_connection(on, apm_socket_connect(on->socket, &on->there));
    stage_discard(on);
    point_calm(false);
    return error;
}

/* That it is in dual mode is not overlooked. */
static apm_error adopt_dual(stage *on)
{
    uintptr_t handle = open_handle(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
    apm_error error;

    expect(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, 0), "dual mode");
    error = adopt(handle, &on->socket);
    if (on->socket != NULL) {
        apm_error connected = apm_socket_connect(on->socket, &on->there);

        expect(connected == APM_ERROR_SUCCESS, "it connects to an address of IPv4");
        (void)use_connection(on, connected);
    }
    stage_discard(on);
    point_calm(false);
    return error;
}

/* Nor that it is connected; and what has come is there. */
static apm_error adopt_connected(stage *on)
{
    uintptr_t handle = open_stream();
    apm_endpoint remote = {0};
    apm_error error;
    size_t bytes = 0;
    char here = 0;

    expect(kernel_connect(handle, &on->there), "it connects past the library");
    on->peer = sim_accept(on->listener, PATIENCE);
    expect(on->peer != NULL && sim_peer_write(on->peer, "e", 1, PATIENCE) == 1, "the peer writes");
    error = adopt(handle, &on->socket);
    if (on->socket != NULL) {
        expect(apm_socket_connected(on->socket), "it is connected");
        expect(apm_socket_remote_endpoint(on->socket, &remote) == APM_ERROR_SUCCESS &&
                   apm_endpoint_equal(&remote, &on->there),
               "it has its peer");
        expect(apm_socket_receive(on->socket, &here, 1, 0, &bytes) == APM_ERROR_SUCCESS && here == 'e',
               "what was there is not lost");
        expect(apm_socket_send(on->socket, "abc", 3, 0, &bytes) == APM_ERROR_SUCCESS && bytes == 3,
               "it sends");
        check_peer_reads(on->peer, "abc", 3);
    }
    stage_discard(on);
    point_calm(false);
    return error;
}

static void check_datagram(apm_socket *socket, const apm_endpoint *local, apm_socket *other,
                           const apm_endpoint *other_at, bool connected)
{
    apm_endpoint found = {0};
    apm_async_result *result = NULL;
    size_t bytes = 0;
    char here[4] = "";

    expect(apm_socket_local_endpoint(socket, &found) == APM_ERROR_SUCCESS &&
               apm_endpoint_equal(&found, local),
           "it is bound where it was");
    expect(apm_socket_connected(socket) == connected, "it is connected if it was");
    if (connected)
        expect(apm_socket_remote_endpoint(socket, &found) == APM_ERROR_SUCCESS &&
                   apm_endpoint_equal(&found, other_at),
               "it has its peer");
    else
        expect(apm_socket_connect(socket, other_at) == APM_ERROR_SUCCESS, "it can be connected");
    expect(apm_socket_send(socket, "abc", 3, 0, &bytes) == APM_ERROR_SUCCESS && bytes == 3, "it sends");
    expect(apm_socket_begin_receive_from(other, here, sizeof here, 0, NULL, NULL, &result) ==
                   APM_ERROR_SUCCESS &&
               apm_socket_end_receive_from(other, result, &bytes, &found) == APM_ERROR_SUCCESS,
           "the other one receives");
    expect(bytes == 3 && memcmp(here, "abc", 3) == 0 && apm_endpoint_equal(&found, local),
           "what it has sent");
    apm_async_result_release(result);
}

static apm_error adopt_datagram(stage *on, bool connected)
{
    uintptr_t handle = open_handle(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);
    apm_socket *socket = NULL;
    apm_endpoint local;
    apm_error error;

    expect(apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local) == APM_ERROR_SUCCESS, "loopback");
    expect(kernel_bind(handle, &local), "it is bound");
    if (connected) expect(kernel_connect(handle, &on->other_at), "it has a peer");
    expect(kernel_local(handle, &local), "it is bound somewhere");
    error = adopt(handle, &socket);
    if (socket != NULL) {
        check_datagram(socket, &local, on->other, &on->other_at, connected);
        expect(apm_socket_close(socket) == APM_ERROR_SUCCESS, "it closes");
    }
    point_calm(false);
    return error;
}

static apm_error adopt_bound_datagram(stage *on)
{
    return adopt_datagram(on, false);
}

static apm_error adopt_connected_datagram(stage *on)
{
    return adopt_datagram(on, true);
}

#define ADOPTS (FAULT(SIM_MEMORY) | FAULT(SIM_ATTACH) | FAULT(SIM_NAME_OF))

/* And whether it listens, of dual mode. */
#define ADOPTS_STREAM (ADOPTS | FAULT(SIM_GET_OPTION))

const scenario adopt_scenarios[] = {
    {"adopt", SET_NOTHING, adopt_fresh, ADOPTS_STREAM, 0, 0, false},
    {"adopt, dual mode", SET_NOTHING, adopt_dual, ADOPTS_STREAM, 0, 0, false},
    {"adopt, connected", SET_NOTHING, adopt_connected, ADOPTS_STREAM, 0, 0, false},
    {"adopt, datagrams, bound", SET_DATAGRAMS, adopt_bound_datagram, ADOPTS, 0, 0, false},
    {"adopt, datagrams, connected", SET_DATAGRAMS, adopt_connected_datagram, ADOPTS, 0, 0, false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
