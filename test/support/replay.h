/* SPDX-License-Identifier: MIT */
/* A socket whose kernel socket is replaced: options, a connect that is refused, one that works. */
#ifndef TEST_REPLAY_H
#define TEST_REPLAY_H

#include "fixture.h"

/* A connect that is refused: the next one has a fresh kernel socket. */
static inline void be_refused(apm_socket *socket, int32_t family)
{
    apm_endpoint nobody;

    peer_refusing_endpoint(family, &nobody);
    (void)CHECK_ERROR(connect_now(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
}

/* One that works. */
static inline void be_connected(pair *both)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;

    both->other = NULL;
    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (CHECK_ERROR(connect_now(both->socket, &remote), APM_ERROR_SUCCESS)) {
        both->other = peer_accept(listener, PATIENCE);
        CHECK(both->other != NULL);
        if (both->other != NULL) check_alive(both);
    }
    peer_listener_close(listener);
}

static inline void set(apm_socket *socket, apm_socket_option option, int32_t value)
{
    (void)CHECK_ERROR(apm_socket_set_option(socket, option, value), APM_ERROR_SUCCESS);
}

static inline void set_raw(apm_socket *socket, int32_t level, int32_t name, int32_t value)
{
    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, level, name, &value, sizeof value),
                      APM_ERROR_SUCCESS);
}

static inline int32_t get(apm_socket *socket, apm_socket_option option)
{
    int32_t value = -1;

    (void)CHECK_ERROR(apm_socket_get_option(socket, option, &value), APM_ERROR_SUCCESS);
    return value;
}

#endif
