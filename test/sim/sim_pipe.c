/* SPDX-License-Identifier: MIT */
/* Bytes on their way, in a ring; and the link that is made of two such ways. */
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

void sim_pipe_init(sim_pipe *pipe, size_t room)
{
    pipe->data = (unsigned char *)sim_memory(room);
    pipe->room = room;
    pipe->head = pipe->count = 0;
    pipe->hole = 0;
    pipe->ended = false;
}

void sim_pipe_destroy(sim_pipe *pipe)
{
    free(pipe->data);
    pipe->data = NULL;
}

static size_t smallest(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t sim_pipe_left(const sim_pipe *pipe)
{
    return pipe->hole != 0 ? 0 : pipe->room - pipe->count;
}

bool sim_pipe_is_empty(const sim_pipe *pipe)
{
    return pipe->count == 0 && pipe->hole == 0;
}

void sim_pipe_put_hole(sim_pipe *pipe, uint64_t size)
{
    sched_release(pipe);
    pipe->hole += size;
}

uint64_t sim_pipe_get_hole(sim_pipe *pipe)
{
    uint64_t got = pipe->count == 0 ? pipe->hole : 0;

    if (got != 0) sched_acquire(pipe);
    pipe->hole -= got;
    return got;
}

size_t sim_pipe_put(sim_pipe *pipe, const unsigned char *data, size_t size)
{
    size_t put = smallest(size, sim_pipe_left(pipe)), tail = (pipe->head + pipe->count) % pipe->room;
    size_t straight = smallest(put, pipe->room - tail);

    if (put == 0) return 0;
    sched_release(pipe); /* what its sender did before is seen by who receives it */
    memcpy(pipe->data + tail, data, straight);
    memcpy(pipe->data, data + straight, put - straight);
    pipe->count += put;
    return put;
}

/* For who reads a hole as what it stands for. */
static size_t get_zeros(sim_pipe *pipe, unsigned char *data, size_t size)
{
    size_t got = pipe->hole < size ? (size_t)pipe->hole : size;

    if (got == 0) return 0;
    sched_acquire(pipe);
    memset(data, 0, got);
    pipe->hole -= got;
    return got;
}

size_t sim_pipe_get(sim_pipe *pipe, unsigned char *data, size_t size, bool peek)
{
    size_t got = smallest(size, pipe->count), straight = smallest(got, pipe->room - pipe->head);

    if (got == 0) return peek ? 0 : get_zeros(pipe, data, size);
    sched_acquire(pipe);
    memcpy(data, pipe->data + pipe->head, straight);
    memcpy(data + straight, pipe->data, got - straight);
    if (!peek) {
        pipe->head = (pipe->head + got) % pipe->room;
        pipe->count -= got;
    }
    return got;
}

/* ---- the link --------------------------------------------------------------------------------- */

static void delete_link(sim_link *link)
{
    sched_condition_destroy(&link->changed);
    sim_pipe_destroy(&link->out);
    sim_pipe_destroy(&link->in);
    free(link);
}

void sim_link_leave_socket(sim_link *link)
{
    link->socket = NULL;
    if (link->peer_gone)
        delete_link(link);
    else
        sched_condition_broadcast(&link->changed);
}

void sim_link_leave_peer(sim_link *link)
{
    link->peer_gone = true;
    if (link->socket == NULL)
        delete_link(link);
    else
        sched_condition_broadcast(&link->changed);
}

void sim_link_reset(sim_link *link)
{
    link->reset = true;
    if (link->socket != NULL) sim_socket_poke(link->socket);
    sim_link_leave_peer(link);
}
