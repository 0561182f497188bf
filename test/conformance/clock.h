/* SPDX-License-Identifier: MIT */
/*
 * What the programs of the clock share: on the seeded scheduler the clock is virtual and goes on only when nobody can
 * run, so that what happens after a time is known to the millisecond.
 */
#ifndef TEST_CLOCK_H
#define TEST_CLOCK_H

#include <apmsock/apmsock.h>
#include <stdatomic.h>

#include "../support/plain_suite.h"
#include "sim.h"

/* An operation and its callback. */
typedef struct timed {
    apm_socket *socket;
    uint64_t begun, over;
    apm_error error;
    _Atomic bool done;
} timed;

void begin_time(timed *one, apm_socket *socket);
void end_time(timed *one, apm_error error);
/* How long it took; how it ended is in `one`. */
uint64_t wait_end(timed *one);

/* Callbacks whose state is one of those. */
void APM_CALL note_connect(apm_async_result *result);
void APM_CALL note_receive(apm_async_result *result);

apm_socket *new_stream(void);
apm_endpoint at_port(uint16_t port);
/* Connects to `remotes` and cancels after `timeout` (0: never). */
uint64_t connect_to(apm_socket *socket, const apm_endpoint *remotes, size_t count, uint32_t timeout,
                    timed *one);

/* How much later than expected anything may be, in ms. */
uint64_t slack(void);
bool is_near(uint64_t time, uint64_t expected);

/* Posts fail, and nothing else: the kernel's own do not. */
void set_post_fault(uint32_t nth, uint32_t rate);

/* A program of such cases, each with twenty seeds, on the kernel that APMTEST_PROFILE names. With `posts` it is one
 * where callbacks have to be posted: where a receive finds its byte, and that is over at once. The exit code. */
int play_clock(const char *suite, const plain_case *cases, size_t count, bool posts);

#endif
