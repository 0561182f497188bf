/* SPDX-License-Identifier: MIT */
/* Kernel sockets made past the library, and adopted. */
#ifndef TEST_ADOPT_H
#define TEST_ADOPT_H

#include <string.h>

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

/* A stream that was connected to `remote` when it was adopted, and to whom the peer has written "early" by then. */
static inline void check_conversation(pair *both, const apm_endpoint *remote)
{
    char here[8];

    (void)CHECK_ERROR(apm_socket_connect(both->socket, remote), APM_ERROR_IS_CONNECTED);
    (void)CHECK_ERROR(receive_all(both->socket, here, 5), APM_ERROR_SUCCESS);
    CHECK(memcmp(here, "early", 5) == 0);
    check_alive(both);
    (void)CHECK_ERROR(apm_socket_shutdown(both->socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(peer_read(both->other, here, 1, PATIENCE) == PEER_END);
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
