/* SPDX-License-Identifier: MIT */
/* Connected datagram sockets, on loopback: none is lost as long as the inbox has room. */
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

#define INBOX_LIMIT 1024u

apmk_code apmk_socket_connect_datagram(apmk_socket handle, const void *address, int32_t length)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;
    uint16_t port = 0;
    bool any = false;

    sim_enter("connect datagram", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->type != SIM_DATAGRAM) sim_fail("a stream socket is connected as a datagram socket");
    if (sim_chance(sim_profile_now()->connect_fails))
        code = CODE_NO_BUFFERS;
    else if (!sim_address_read(socket->family, address, length, &port, &any))
        code = CODE_UNREACHABLE;
    else if (any || port == 0)
        code = CODE_NO_ADDRESS;
    if (code == APMK_SUCCESS) {
        if (socket->port == 0) socket->port = sim_port_free(socket->family, SIM_DATAGRAM);
        socket->remote_port = port;
        socket->state = SIM_LINKED;
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

static sim_socket *find_receiver(const sim_socket *sender)
{
    sim_socket *at;

    for (at = sim_socket_next(0, NULL); at != NULL; at = sim_socket_next(0, at)) {
        if (at->type != SIM_DATAGRAM || at->family != sender->family || at->port != sender->remote_port)
            continue;
        if (at->state != SIM_LINKED || at->remote_port == sender->port) return at;
    }
    return NULL;
}

/* What nobody receives is gone. */
void sim_datagram_send(sim_socket *socket, sim_request *request)
{
    sim_socket *receiver = find_receiver(socket);
    sim_datagram *datagram;

    request->done = request->size;
    if (receiver != NULL && receiver->inbox_count < INBOX_LIMIT) {
        datagram = (sim_datagram *)sim_memory(sizeof *datagram + request->size);
        datagram->size = request->size;
        if (request->size != 0) memcpy(datagram->data, request->data, request->size);
        if (receiver->inbox != NULL)
            receiver->inbox_last->next = datagram;
        else
            receiver->inbox = datagram;
        receiver->inbox_last = datagram;
        receiver->inbox_count++;
        sim_socket_poke(receiver);
    }
    sim_request_finish(socket, request, 0);
}

void sim_datagram_settle(sim_socket *socket)
{
    while (socket->first[SIM_RECEIVE] != NULL && socket->inbox != NULL) {
        sim_request *request = socket->first[SIM_RECEIVE];
        sim_datagram *datagram = socket->inbox;
        bool too_large = datagram->size > request->size;

        request->done = too_large ? request->size : datagram->size;
        if (request->done != 0) memcpy(request->data, datagram->data, request->done);
        if ((request->flags & 2) == 0) {
            socket->inbox = datagram->next;
            socket->inbox_count--;
            free(datagram);
        }
        sim_request_finish(socket, request, too_large ? STATUS_BUFFER_OVERFLOW : 0);
    }
}
