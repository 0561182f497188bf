/* SPDX-License-Identifier: MIT */
/*
 * A burst: what many connections have to receive is there at once, as for a program that was
 * busy meanwhile. One worker takes it all with one wait, and does it one after the other.
 */
#include "cost.h"

typedef struct member {
    apm_socket *socket;
    sim_peer *peer;
    char here;
} member;

static member members[COST_BURST];
static uint32_t aborted;

static void APM_CALL on_come(apm_async_result *result);

static void await_byte(member *one)
{
    cost_check(apm_socket_begin_receive(one->socket, &one->here, 1, APM_FLAG_NONE, on_come, one, NULL) ==
                   APM_ERROR_SUCCESS,
               "the receive does not begin");
}

static void APM_CALL on_come(apm_async_result *result)
{
    member *one = (member *)apm_async_result_state(result);
    size_t received = 0;
    apm_error error = apm_socket_end_receive(one->socket, result, &received);

    if (cost_over) {
        aborted++;
        return;
    }
    cost_check(error == APM_ERROR_SUCCESS && received == 1, "the receive failed");
    cost_check_worker();
    cost_callbacks++;
    await_byte(one);
}

void cost_burst_begin(void)
{
    uint32_t i;

    for (i = 0; i < COST_BURST; i++) {
        members[i].peer = cost_connect(&members[i].socket);
        cost_own(members[i].socket);
        await_byte(&members[i]);
    }
}

/* Nobody else runs before this thread waits: all packets are there when the worker comes for the first. */
void cost_burst_once(void)
{
    uint64_t before = cost_callbacks;
    uint32_t i;

    for (i = 0; i < COST_BURST; i++)
        cost_check(sim_peer_write(members[i].peer, "r", 1, COST_PATIENCE) == 1, "the peer does not write");
    cost_check(cost_callbacks == before, "the worker has not waited for all of them");
    cost_await(before + COST_BURST);
}

void cost_burst_end(void)
{
    uint32_t i;

    for (i = 0; i < COST_BURST; i++) {
        (void)apm_socket_close(members[i].socket);
        sim_peer_close(members[i].peer);
    }
    while (aborted != COST_BURST) sim_sleep(1);
}
