/* SPDX-License-Identifier: MIT */
/* Datagrams, on loopback: none is lost as long as the inbox has room. */
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

#define INBOX_LIMIT 1024u
#define TRUNCATED 0x100 /* MSG_TRUNC */

enum { IPV4_LEVEL = 0, IPV6_LEVEL = 41, PACKET_INFORMATION = 19, UDP_RESETS = 0x0C };

apmk_code apmk_socket_connect_datagram(apmk_socket handle, const void *address, int32_t length)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;
    sim_place place;

    sim_enter("connect datagram", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->type != SIM_DATAGRAM) sim_fail("a stream socket is connected as a datagram socket");
    if (sim_fault_strikes(SIM_DIAL))
        code = CODE_NO_BUFFERS;
    else if (!sim_address_read(socket, address, length, &place) || place.net == SIM_UNREACHABLE)
        code = CODE_UNREACHABLE;
    else if (place.any || place.port == 0)
        code = CODE_NO_ADDRESS;
    else if (place.net == SIM_BROADCAST && sim_option_value(socket, 0xFFFF, 0x20) == 0)
        code = CODE_DENIED;
    if (code == APMK_SUCCESS) {
        if (socket->port == 0) socket->port = sim_port_free(socket->family, SIM_DATAGRAM);
        socket->remote_port = place.port;
        socket->remote = place;
        socket->state = SIM_LINKED;
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* In dual mode: bound to the wildcard, or on the IPv4 side of it. */
static bool hears_ipv4(const sim_socket *at)
{
    if (at->family == SIM_IPV4) return true;
    if (sim_option_value(at, IPV6_LEVEL, 27) != 0) return false;
    return at->any || at->host != 0 || at->state == SIM_LINKED;
}

static bool hears(const sim_socket *at, const sim_socket *sender, const sim_place *to)
{
    if (at->type != SIM_DATAGRAM || at->port != to->port) return false;
    if (at->state == SIM_LINKED && (at->remote.family != to->family || at->remote_port != sender->port))
        return false;
    return to->family == SIM_IPV4 ? hears_ipv4(at) : at->family == SIM_IPV6 && at->host == 0;
}

/* One of both families is second to one of the datagram's. */
static sim_socket *find_receiver(const sim_socket *sender, const sim_place *to)
{
    sim_socket *at, *found = NULL;

    for (at = sim_socket_next(0, NULL); at != NULL; at = sim_socket_next(0, at))
        if (hears(at, sender, to) && (found == NULL || at->family == to->family)) {
            found = at;
            if (at->family == to->family) break;
        }
    return found;
}

static sim_datagram *new_datagram(const sim_socket *sender, const sim_request *request, const sim_place *to)
{
    sim_datagram *datagram = (sim_datagram *)sim_memory(sizeof *datagram + request->size);

    datagram->size = request->size;
    datagram->to = *to;
    datagram->from.family = to->family;
    datagram->from.host = sender->host;
    datagram->from.port = sender->port;
    sim_parts_gather(request, datagram->data);
    return datagram;
}

/* What nobody receives is gone. */
void sim_datagram_send(sim_socket *socket, sim_request *request)
{
    sim_place to = request->to.port != 0 ? request->to : socket->remote;
    sim_socket *receiver;

    if (socket->port == 0) {
        socket->port = sim_port_free(socket->family, SIM_DATAGRAM);
        socket->any = true;
    }
    receiver = to.net == SIM_LOOPBACK ? find_receiver(socket, &to) : NULL;
    request->done = request->size;
    if (receiver != NULL && receiver->inbox_count < INBOX_LIMIT) {
        sim_datagram *datagram = new_datagram(socket, request, &to);

        if (receiver->inbox != NULL)
            receiver->inbox_last->next = datagram;
        else
            receiver->inbox = datagram;
        receiver->inbox_last = datagram;
        receiver->inbox_count++;
        sim_socket_poke(receiver);
    }
    sim_request_finish(socket, request, 0);
    /* The answer that nobody is there. */
    if (receiver == NULL && to.net == SIM_LOOPBACK && sim_profile_now()->windows &&
        !sim_option_value(socket, -1, UDP_RESETS)) {
        socket->unreachable = true;
        sim_socket_poke(socket);
    }
}

/* ---- receiving ------------------------------------------------------------------------------ */

static apmk_address address_of(const sim_socket *socket, const sim_place *place)
{
    apmk_address address = {0};

    address.length = sim_place_write(socket->family, place, address.bytes);
    return address;
}

/* Where the socket has been told to tell it, of datagrams of that family. The destination of IPv4 is an IPv4
 * address. */
static void write_destination(const sim_socket *socket, const sim_place *to, apmk_message_details *details)
{
    sim_place place = *to;

    if (sim_option_value(socket, to->family == SIM_IPV4 ? IPV4_LEVEL : IPV6_LEVEL, PACKET_INFORMATION) == 0)
        return;
    place.port = 0;
    details->destination.length = sim_place_write(place.family, &place, details->destination.bytes);
    details->interface_index = 1;
}

/* The boundary's own form: the details are in the room for the control data. */
void sim_datagram_write_details(const sim_socket *socket, sim_request *request, const sim_datagram *datagram)
{
    apmk_address from = address_of(socket, &datagram->from);
    apmk_message_details details;

    if (request->sender != NULL) {
        if (request->sender->length < from.length) sim_fail("no room for the source of a datagram");
        memcpy(request->sender->address, from.bytes, (size_t)from.length);
        request->sender->length = from.length;
    }
    if (request->message == NULL) return;
    memset(&details, 0, sizeof details);
    details.source = from;
    details.flags = datagram->size > request->size && sim_profile_now()->windows ? TRUNCATED : 0;
    write_destination(socket, &datagram->to, &details);
    _Static_assert(sizeof details <= sizeof request->message->control, "the details fit");
    memcpy(request->message->control, &details, sizeof details);
}

void apmk_message_read(const apmk_message *message, apmk_message_details *details)
{
    memcpy(details, message->control, sizeof *details);
}

void sim_datagram_settle(sim_socket *socket)
{
    sim_request *request;

    while ((request = socket->first[SIM_RECEIVE]) != NULL && (socket->unreachable || socket->inbox != NULL)) {
        sim_datagram *datagram = socket->inbox;
        bool too_large;

        if (socket->unreachable) {
            socket->unreachable = false;
            sim_request_finish(socket, request, STATUS_PORT_UNREACHABLE);
            continue;
        }
        too_large = datagram->size > request->size;
        request->done = too_large ? request->size : datagram->size;
        sim_parts_scatter(request, datagram->data, request->done);
        sim_datagram_write_details(socket, request, datagram);
        if ((request->flags & 2) == 0) {
            socket->inbox = datagram->next;
            socket->inbox_count--;
            free(datagram);
        }
        sim_request_finish(socket, request, too_large ? STATUS_BUFFER_OVERFLOW : 0);
    }
}

/* ---- the calls --------------------------------------------------------------------------------- */

apmk_code apmk_socket_send_to(apmk_socket handle, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                              const void *address, int32_t length, apmk_overlapped *overlapped,
                              uint32_t *bytes)
{
    sim_request like = {0};
    bool good;

    sim_parts_set(&like, buffers, count);
    like.flags = flags;
    sim_request_keep(&like, address, (size_t)length);
    sim_enter("send to", handle, like.size);
    sched_mutex_lock(&sim_network);
    good = sim_address_read(sim_socket_find(handle), address, length, &like.to);
    sched_mutex_unlock(&sim_network);
    if (!good) return CODE_FAULT;
    if (like.to.any || like.to.port == 0) return CODE_NO_ADDRESS;
    return sim_transfer(handle, SIM_SEND, &like, overlapped, bytes);
}

apmk_code apmk_socket_receive_from(apmk_socket handle, const apmk_buffer *buffers, uint32_t count,
                                   int32_t flags, apmk_source *source, apmk_overlapped *overlapped,
                                   uint32_t *bytes)
{
    sim_request like = {0};

    sim_parts_set(&like, buffers, count);
    like.flags = flags;
    like.sender = source;
    sim_request_keep(&like, source, sizeof *source);
    sim_enter("receive from", handle, like.size);
    return sim_transfer(handle, SIM_RECEIVE, &like, overlapped, bytes);
}

apmk_code apmk_socket_receive_message(apmk_socket handle, int32_t family, void *data, uint32_t size,
                                      int32_t flags, apmk_message *message, apmk_overlapped *overlapped,
                                      uint32_t *bytes)
{
    sim_request like = {0};
    apmk_buffer buffer;

    buffer.data = data;
    buffer.size = size;
    sim_parts_set(&like, &buffer, 1);
    like.flags = flags;
    like.message = message;
    sim_request_keep(&like, message, sizeof *message);
    sim_enter("receive message", handle, (uint64_t)family);
    return sim_transfer(handle, SIM_RECEIVE, &like, overlapped, bytes);
}
