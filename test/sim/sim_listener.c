/* SPDX-License-Identifier: MIT */
/* Listeners: who answers a connect, and the queue from which peers are accepted. */
#include <stdlib.h>

#include "sim_network.h"

struct sim_listener {
    sim_listener *next;
    int32_t family;
    uint16_t port;
    uint32_t backlog;
    sim_link *first, *last;
    uint32_t count;
    sched_condition changed;
};

static sim_listener *listeners;

sim_listener *sim_listener_find(int32_t family, uint16_t port)
{
    sim_listener *at = listeners;

    while (at != NULL && (at->family != family || at->port != port)) at = at->next;
    return at;
}

bool sim_listener_taken(int32_t family, uint16_t port)
{
    return sim_listener_find(family, port) != NULL;
}

void sim_listener_check_table(void)
{
    if (listeners != NULL) sim_fail("a listener is left over");
}

bool sim_listener_has_room(const sim_listener *listener)
{
    return listener->count < listener->backlog;
}

void sim_listener_queue(sim_listener *listener, sim_link *link)
{
    if (listener->first != NULL)
        listener->last->next = link;
    else
        listener->first = link;
    listener->last = link;
    listener->count++;
    sched_condition_broadcast(&listener->changed);
}

/* ---- listeners ------------------------------------------------------------------------------------------ */

sim_listener *sim_listen(int32_t family, uint32_t backlog)
{
    sim_listener *listener = (sim_listener *)sim_memory(sizeof *listener);

    sim_work_start();
    listener->family = family;
    listener->backlog = backlog;
    sched_condition_init(&listener->changed);
    sched_mutex_lock(&sim_network);
    listener->port = sim_port_free(family, SIM_STREAM);
    listener->next = listeners;
    listeners = listener;
    sched_mutex_unlock(&sim_network);
    return listener;
}

uint16_t sim_listener_port(const sim_listener *listener)
{
    return listener->port; /* never changes */
}

uint16_t sim_free_port(int32_t family)
{
    uint16_t port;

    sched_mutex_lock(&sim_network);
    port = sim_port_free(family, SIM_STREAM);
    sched_mutex_unlock(&sim_network);
    return port;
}

int32_t sim_address(int32_t family, uint16_t port, void *address)
{
    return sim_address_write(family, port, false, address);
}

/* Connects that wait for it get another chance, or their refusal. */
static void retry_connects(int32_t family, uint16_t port)
{
    sim_socket *at;

    if (sim_request_count(SIM_CONNECT) == 0) return; /* most often: nobody looks through all sockets then */
    for (at = sim_socket_next(0, NULL); at != NULL; at = sim_socket_next(0, at))
        if (at->state == SIM_CONNECTING && at->remote.net == SIM_LOOPBACK && at->remote.family == family &&
            at->remote_port == port)
            sim_work_add(SIM_TASK_CONNECT, at->handle, NULL, 0);
}

static sim_link *take_link(sim_listener *listener)
{
    sim_link *link = listener->first;

    listener->first = link->next;
    listener->count--;
    link->next = NULL;
    return link;
}

void sim_listener_close(sim_listener *listener)
{
    sim_listener **place = &listeners;

    sched_interleave();
    sched_mutex_lock(&sim_network);
    while (*place != listener) place = &(*place)->next;
    *place = listener->next;
    while (listener->first != NULL) sim_link_reset(take_link(listener));
    retry_connects(listener->family, listener->port);
    sched_mutex_unlock(&sim_network);
    sched_condition_destroy(&listener->changed);
    free(listener);
}

/* ---- accepting -------------------------------------------------------------------------------------------- */

sim_peer *sim_accept(sim_listener *listener, uint32_t timeout)
{
    uint64_t deadline;
    sim_peer *peer = NULL;
    bool in_time = true;

    sched_interleave();
    deadline = sched_deadline(timeout);
    sched_mutex_lock(&sim_network);
    while (listener->first == NULL && in_time)
        in_time = sim_block(&listener->changed, &sim_network, deadline);
    if (listener->first != NULL) {
        peer = (sim_peer *)sim_memory(sizeof *peer);
        peer->link = take_link(listener);
        retry_connects(listener->family, listener->port);
        sim_note("peer accepts", listener->port, peer->link->port);
    }
    sched_mutex_unlock(&sim_network);
    return peer;
}
