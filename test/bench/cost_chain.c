/* SPDX-License-Identifier: MIT */
/*
 * A chain of callbacks, as a program has it whose connection takes turns with its peer: nothing
 * begins but in a callback, on a worker.
 */
#include "cost.h"

static char ball;

static void APM_CALL on_ball(apm_async_result *result);

static void await_ball(void)
{
    cost_check(apm_socket_begin_receive(cost_stream, &ball, 1, APM_FLAG_NONE, on_ball, NULL, NULL) ==
                   APM_ERROR_SUCCESS,
               "the receive does not begin");
}

static void APM_CALL on_returned(apm_async_result *result)
{
    size_t sent = 0;

    cost_check(apm_socket_end_send(cost_stream, result, &sent) == APM_ERROR_SUCCESS && sent == 1,
               "the send failed");
    cost_check_worker();
    cost_callbacks++;
    await_ball();
}

static void APM_CALL on_ball(apm_async_result *result)
{
    size_t received = 0;
    apm_error error = apm_socket_end_receive(cost_stream, result, &received);

    if (cost_over) return;
    cost_check(error == APM_ERROR_SUCCESS && received == 1, "the receive failed");
    cost_check_worker();
    cost_callbacks++;
    cost_check(apm_socket_begin_send(cost_stream, &ball, 1, APM_FLAG_NONE, on_returned, NULL, NULL) ==
                   APM_ERROR_SUCCESS,
               "the send does not begin");
}

/* The first one alone begins elsewhere. */
void cost_chain_begin(void)
{
    await_ball();
}

static void play(int64_t balls)
{
    char there[COST_ROW] = {0};
    uint64_t before = cost_callbacks;
    int64_t got = 0, more = 1;

    cost_check(sim_peer_write(cost_other, there, (size_t)balls, COST_PATIENCE) == balls,
               "the peer does not write");
    while (got < balls && more > 0) {
        more = sim_peer_read(cost_other, there, sizeof there, COST_PATIENCE);
        got += more;
    }
    cost_check(got == balls, "not every ball has come back");
    cost_await(before + 2 * (uint64_t)balls);
}

/* What is received comes by a packet. */
void cost_chain_once(void)
{
    play(1);
}

/* All is over at once but the first receive; the library itself sees to it that a callback takes its
 * turn from time to time. */
void cost_chain_row(void)
{
    play(COST_ROW);
}
