/* SPDX-License-Identifier: MIT */
/* Kernel sockets made past the library, and adopted. */
#ifndef TEST_ADOPT_H
#define TEST_ADOPT_H

#include "fixture.h"
#include "kernel_socket.h"

/* A kernel socket made past the library, and adopted; NULL if there is none. */
static inline apm_socket *adopt(uintptr_t handle)
{
    apm_socket *socket = NULL;

    CHECK(handle != NO_SOCKET);
    if (handle == NO_SOCKET) return NULL;
    if (CHECK_ERROR(apm_socket_adopt(handle, &socket), APM_ERROR_SUCCESS)) {
        CHECK(apm_socket_handle(socket) == handle);
    } else {
        kernel_close(handle);
    }
    return socket;
}

static inline void connect_it(pair *both, peer_listener *listener)
{
    apm_endpoint remote;

    peer_listener_endpoint(listener, &remote);
    if (!CHECK_ERROR(apm_socket_connect(both->socket, &remote), APM_ERROR_SUCCESS)) return;
    both->other = peer_accept(listener, PATIENCE);
    CHECK(both->other != NULL);
    if (both->other != NULL) check_alive(both);
}

static inline void check_unconnected(apm_socket *socket)
{
    apm_endpoint found = {0};

    CHECK(!apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &found), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(send_now(socket, "x", 1, NULL), APM_ERROR_NOT_CONNECTED);
    CHECK(found.length == 0);
}

#endif
