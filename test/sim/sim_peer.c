/* SPDX-License-Identifier: MIT */
/* Peers: the other end of a stream, for tests. */
#include <stdlib.h>

#include "sim_network.h"

uint16_t sim_peer_port(const sim_peer *peer)
{
    return peer->link->port; /* never changes */
}

/* What the socket's side sees of it, now or later. */
static void tell_socket(sim_link *link)
{
    if (link->socket != NULL) sim_socket_poke(link->socket);
    sched_condition_broadcast(&link->changed);
}

int64_t sim_peer_read(sim_peer *peer, void *data, size_t size, uint32_t timeout)
{
    sim_link *link = peer->link;
    uint64_t deadline;
    int64_t got = SIM_TIMEOUT;
    bool in_time = true;

    sched_interleave();
    deadline = sched_deadline(timeout);
    sched_mutex_lock(&sim_network);
    while (!link->peer_reset && sim_pipe_is_empty(&link->out) && !link->out.ended && in_time && timeout != 0)
        in_time = sim_block(&link->changed, &sim_network, deadline);
    if (link->peer_reset) {
        got = SIM_RESET;
    } else if (!sim_pipe_is_empty(&link->out)) {
        got = (int64_t)sim_pipe_get(&link->out, (unsigned char *)data, size, false);
        tell_socket(link);
    } else if (link->out.ended) {
        got = SIM_END;
    }
    sim_note("peer reads", link->port, (uint64_t)got);
    sched_mutex_unlock(&sim_network);
    return got;
}

uint64_t sim_peer_skip_hole(sim_peer *peer)
{
    uint64_t got;

    sched_interleave();
    sched_mutex_lock(&sim_network);
    got = sim_pipe_get_hole(&peer->link->out);
    if (got != 0) tell_socket(peer->link);
    sim_note("peer skips", peer->link->port, got);
    sched_mutex_unlock(&sim_network);
    return got;
}

int64_t sim_peer_write(sim_peer *peer, const void *data, size_t size, uint32_t timeout)
{
    sim_link *link = peer->link;
    uint64_t deadline;
    size_t written = 0;
    bool in_time = true, lost;

    sched_interleave();
    deadline = sched_deadline(timeout);
    sched_mutex_lock(&sim_network);
    for (;;) {
        /* What is written to a socket that is closed is answered by a reset. */
        lost = link->peer_reset || link->socket == NULL || link->in.ended;
        if (lost) break;
        written += sim_pipe_put(&link->in, (const unsigned char *)data + written, size - written);
        tell_socket(link);
        if (written == size || !in_time || timeout == 0) break;
        if (link->in.count == link->in.room) in_time = sim_block(&link->changed, &sim_network, deadline);
    }
    if (lost) link->peer_reset = true;
    sim_note("peer writes", link->port, written);
    sched_mutex_unlock(&sim_network);
    return lost && written == 0 ? SIM_RESET : (int64_t)written;
}

void sim_peer_end(sim_peer *peer)
{
    sched_interleave();
    sched_mutex_lock(&sim_network);
    sim_note("peer ends", peer->link->port, 0);
    peer->link->in.ended = true;
    tell_socket(peer->link);
    sched_mutex_unlock(&sim_network);
}

/* What nobody has read turns the end into a reset, here as elsewhere. */
void sim_peer_close(sim_peer *peer)
{
    sim_link *link = peer->link;

    sched_interleave();
    sched_mutex_lock(&sim_network);
    sim_note("peer closes", link->port, link->out.count);
    link->in.ended = true;
    if (!sim_pipe_is_empty(&link->out)) {
        sim_link_reset(link);
    } else {
        if (link->socket != NULL) sim_socket_poke(link->socket);
        sim_link_leave_peer(link);
    }
    sched_mutex_unlock(&sim_network);
    free(peer);
    sched_interleave();
}

void sim_peer_reset(sim_peer *peer)
{
    sched_interleave();
    sched_mutex_lock(&sim_network);
    sim_note("peer resets", peer->link->port, 0);
    sim_link_reset(peer->link);
    sched_mutex_unlock(&sim_network);
    free(peer);
    sched_interleave();
}
