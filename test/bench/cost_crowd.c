/* SPDX-License-Identifier: MIT */
/* The crowd: connections on the same port that wait meanwhile, each with a receive. */
#include <stdio.h>
#include <stdlib.h>

#include "cost.h"
#include "socket.h"

typedef struct bystander {
    apm_socket *socket;
    sim_peer *peer;
    char here;
} bystander;

static bystander *crowd;
static uint32_t crowd_size, crowd_callbacks;

static void APM_CALL on_left(apm_async_result *result)
{
    (void)result;
    crowd_callbacks++;
}

static void join_crowd(bystander *one)
{
    one->peer = cost_connect(&one->socket);
    cost_check(apm_socket_begin_receive(one->socket, &one->here, 1, APM_FLAG_NONE, on_left, NULL, NULL) ==
                   APM_ERROR_SUCCESS,
               "the receive does not begin");
}

/* Each is as dear as the first: a socket and its receive, and nothing is left of its connect. */
void cost_crowd_gather(uint32_t size)
{
    cost_memory first = {0, 0};
    uint32_t i;

    crowd_size = size;
    crowd = (bystander *)calloc(crowd_size + 1, sizeof *crowd);
    if (crowd == NULL) abort();
    for (i = 0; i < crowd_size; i++) {
        cost_memory before = cost_memory_now(), more;

        join_crowd(&crowd[i]);
        more = cost_memory_now();
        more.blocks -= before.blocks;
        more.bytes -= before.bytes;
        if (i == 0) first = more;
        cost_check(more.blocks == first.blocks && more.bytes == first.bytes,
                   "a connection more takes more memory");
    }
    cost_check(crowd_size == 0 || (first.blocks == 1 && first.bytes == sizeof(struct apm_socket)),
               "a connection that waits takes more than its socket and its receive");
    if (crowd_size != 0)
        (void)printf("%u connections wait: %llu blocks and %llu bytes each\n", crowd_size,
                     (unsigned long long)first.blocks, (unsigned long long)first.bytes);
}

void cost_crowd_leave(void)
{
    uint32_t i;

    cost_check(crowd_callbacks == 0, "the crowd was disturbed");
    for (i = 0; i < crowd_size; i++) {
        (void)apm_socket_close(crowd[i].socket);
        sim_peer_close(crowd[i].peer);
    }
}

void cost_crowd_forget(void)
{
    cost_check(crowd_callbacks == crowd_size, "not everyone of the crowd was called back");
    free(crowd);
}
