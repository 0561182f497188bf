/* SPDX-License-Identifier: MIT */
/*
 * Short scenes whose outcome depends on who comes first, on the seeded scheduler: each in some
 * hundred interleavings, on every kind of kernel. A thread that waits for ever, and memory that
 * is touched too late, end the process.
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include <apmsock/apmsock.h>
#include <stdatomic.h>

#include "../support/plain_suite.h"
#include "kernel.h"
#include "sim.h"

typedef struct connection {
    sim_listener *listener;
    sim_peer *peer;
    apm_socket *socket;
} connection;

void open_connection(connection *one);
/* Its socket is connected to its listener, again. */
void connect_again(connection *one);
/* Of the socket and the peer what there is still. */
void close_connection(connection *one);
void wait_for(_Atomic uint32_t *value, uint32_t wanted);
/* Each buffer is one of the bytes. */
void point_at_each(apm_buffer *buffers, char *bytes, int count);
/* The library ends, and starts with other options. */
void start_anew(const apm_options *options);
/* A thread of a peer's: when our stream has ended it says something more, and ends its own. */
void answer_the_end(void *argument);

/* A callback that counts itself; each scene begins with 0. */
extern _Atomic uint32_t called_back;
void APM_CALL count_callback(apm_async_result *result);

/* One that closes the socket which is its state, too. */
void APM_CALL close_it(apm_async_result *result);
/* A thread that cancels an operation. */
void cancel_it(void *argument);
/* A thread that polls a socket. */
void poll_until_it_is_connected(void *argument);
/* Fewer than `most` turns of others. */
void let_others_go_on(uint32_t most);

/* A program of nothing but scenes; each finds the library started. The exit code. */
int play_scenes(const char *suite, const plain_case *cases, size_t count);

#endif
