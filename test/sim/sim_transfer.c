/* SPDX-License-Identifier: MIT */
/* Sending and receiving: where requests and bytes meet; cancelling. */
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

#define LARGEST_DATAGRAM 65507u

/* ---- requests and bytes --------------------------------------------------------------------- */

/* As much as there is, or, by chance, less. */
static uint32_t draw_part(size_t size)
{
    uint32_t whole = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;

    return whole > 1 && sim_chance(sim_profile_now()->partial) ? 1 + sim_draw(whole) : whole;
}

static void take_bytes(sim_link *link, sim_request *request, bool peek)
{
    uint32_t most = draw_part(request->size < link->in.count ? request->size : link->in.count);
    unsigned char *bytes = (unsigned char *)sim_memory(most != 0 ? most : 1);

    request->done = (uint32_t)sim_pipe_get(&link->in, bytes, most, peek);
    sim_parts_scatter(request, bytes, request->done);
    free(bytes);
}

/* Of data that was asked for as urgent (here all of it is) Windows says so, and that is a success. */
static apmk_code received_status(const sim_request *request)
{
    return (request->flags & 1) != 0 && sim_profile_now()->windows ? STATUS_RECEIVE_EXPEDITED : 0;
}

static void settle_receives(sim_socket *socket)
{
    sim_link *link = socket->link;
    sim_request *request;

    while ((request = socket->first[SIM_RECEIVE]) != NULL) {
        bool peek = (request->flags & 2) != 0;

        if (link->reset && (sim_profile_now()->windows || link->in.count == 0)) {
            sim_request_finish(socket, request, STATUS_CONNECTION_RESET);
        } else if (link->in.count != 0) {
            take_bytes(link, request, peek);
            sim_request_finish(socket, request, received_status(request));
        } else if (link->in.ended) {
            sim_request_finish(socket, request, 0);
        } else {
            return;
        }
    }
}

/* Drawn once, for all that are pending: only a cancel or a close ends them then. */
static bool is_forgotten(const sim_request *request)
{
    return request->is_file && !request->issuing && request->number % 1000 < sim_profile_now()->forgets;
}

static void settle_sends(sim_socket *socket)
{
    sim_link *link = socket->link;
    sim_request *request;

    while ((request = socket->first[SIM_SEND]) != NULL) {
        if (link->reset) {
            if (is_forgotten(request)) return;
            sim_request_finish(socket, request, STATUS_CONNECTION_RESET);
        } else if (link->peer_gone) {
            /* The first one is taken and answered with a reset, which comes after. Its packet may be
             * taken, and the request gone, as soon as it is finished. */
            bool says_something = request->size != 0;

            request->done = request->size;
            sim_request_finish(socket, request, 0);
            if (says_something) link->reset = true;
        } else {
            uint32_t left = request->size - request->done;

            if (left != 0) {
                uint32_t room = sim_parts_room(request, request->done, &link->out);

                if (room == 0) return;
                request->done += sim_parts_put(request, request->done, draw_part(room), &link->out);
            }
            if (request->done == request->size) sim_request_finish(socket, request, 0);
        }
    }
    if (socket->ended_send) link->out.ended = true;
}

/* Sends may find out that the peer is gone, which receives then notice. */
void sim_stream_settle(sim_socket *socket)
{
    if (socket->link == NULL || socket->state != SIM_LINKED) return;
    settle_sends(socket);
    settle_receives(socket);
    sched_condition_broadcast(&socket->link->changed);
}

void sim_socket_settle(sim_socket *socket)
{
    if (socket->type == SIM_STREAM)
        sim_stream_settle(socket);
    else
        sim_datagram_settle(socket);
}

void sim_socket_poke(sim_socket *socket)
{
    if (sim_chance(sim_profile_now()->defers))
        sim_work_add(SIM_TASK_POKE, socket->handle, NULL, 0);
    else
        sim_socket_settle(socket);
}

/* ---- the calls --------------------------------------------------------------------------------- */

/* For want of a connection; Wine makes it of what Linux says. */
static apmk_code unconnected(apmk_code on_wine)
{
    return sim_profile_now()->windows ? CODE_NOT_CONNECTED : on_wine;
}

static apmk_code check_datagram(const sim_socket *socket, sim_kind kind, const sim_request *like)
{
    if (kind == SIM_RECEIVE) return socket->port == 0 ? CODE_INVALID : APMK_SUCCESS;
    if (like->to.port == 0 && socket->state != SIM_LINKED) return unconnected(CODE_INVALID);
    if (like->to.net == SIM_BROADCAST && sim_option_value(socket, 0xFFFF, 0x20) == 0) return CODE_DENIED;
    if (like->to.net == SIM_UNREACHABLE) return CODE_UNREACHABLE;
    return like->size > LARGEST_DATAGRAM ? CODE_MESSAGE_SIZE : APMK_SUCCESS;
}

static apmk_code check_transfer(const sim_socket *socket, sim_kind kind, const sim_request *like)
{
    if (socket->type == SIM_DATAGRAM) {
        apmk_code code = check_datagram(socket, kind, like);
        if (code != APMK_SUCCESS) return code;
    } else if (socket->state != SIM_LINKED) {
        return unconnected(kind == SIM_SEND && !like->is_file ? CODE_RESET : CODE_NOT_CONNECTED);
    }
    if (kind == SIM_SEND ? socket->ended_send : socket->ended_receive) return CODE_SHUT_DOWN;
    if (sim_fault_strikes(SIM_TRANSFER)) return CODE_NO_BUFFERS;
    if (socket->link == NULL || !socket->link->reset) return APMK_SUCCESS;
    if (kind == SIM_SEND) return sim_draw(2) == 0 ? CODE_RESET : CODE_ABORTED;
    return sim_profile_now()->windows ? CODE_RESET : APMK_SUCCESS;
}

/* On Wine a receive after a reset looks like the end of the stream. */
static bool looks_like_end(const sim_socket *socket, const sim_request *request)
{
    return request->kind == SIM_RECEIVE && socket->link != NULL && socket->link->reset &&
           socket->link->in.count == 0 && !sim_profile_now()->windows &&
           socket->first[SIM_RECEIVE] == request;
}

apmk_code sim_transfer(apmk_socket handle, sim_kind kind, const sim_request *like,
                       apmk_overlapped *overlapped, uint32_t *bytes)
{
    sim_request *request;
    sim_socket *socket;
    apmk_code code;
    bool later;

    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    code = check_transfer(socket, kind, like);
    if (code != APMK_SUCCESS) {
        sched_mutex_unlock(&sim_network);
        return code;
    }
    request = sim_request_new(socket, kind, like, overlapped);
    sim_note("  is request", request->number, request->size);
    later = sim_chance(sim_profile_now()->defers);
    sim_request_append(socket, request);
    if (looks_like_end(socket, request))
        sim_request_finish(socket, request, 0);
    else if (kind == SIM_SEND && socket->type == SIM_DATAGRAM)
        sim_datagram_send(socket, request);
    else if (!later)
        sim_socket_settle(socket);
    code = sim_request_answer(socket, request, later, bytes);
    sched_mutex_unlock(&sim_network);
    /* Here a packet may be taken before the call has returned. */
    sched_interleave();
    return code;
}

static void change_calls(apmk_socket handle, int change)
{
    sched_mutex_lock(&sim_network);
    sim_socket_find(handle)->calls += (uint32_t)change; /* nobody closes it during a call */
    sched_mutex_unlock(&sim_network);
}

/* While it lasts its caller relies on whether a success sends a packet. */
static apmk_code transfer_bytes(const char *what, apmk_socket handle, sim_kind kind,
                                const apmk_buffer *buffers, uint32_t count, int32_t flags,
                                apmk_overlapped *overlapped, uint32_t *bytes)
{
    sim_request like = {0};
    apmk_code code;

    sim_parts_set(&like, buffers, count);
    like.flags = flags;
    change_calls(handle, 1);
    sim_enter(what, handle, like.size);
    code = sim_transfer(handle, kind, &like, overlapped, bytes);
    change_calls(handle, -1);
    return code;
}

apmk_code apmk_socket_send(apmk_socket handle, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                           apmk_overlapped *overlapped, uint32_t *bytes)
{
    return transfer_bytes("send", handle, SIM_SEND, buffers, count, flags, overlapped, bytes);
}

apmk_code apmk_socket_receive(apmk_socket handle, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                              apmk_overlapped *overlapped, uint32_t *bytes)
{
    return transfer_bytes("receive", handle, SIM_RECEIVE, buffers, count, flags, overlapped, bytes);
}

/* ---- cancel --------------------------------------------------------------------------------------- */

/* Windows gives another reason for a file that it was told to stop sending. */
static apmk_code aborted_status(const sim_request *request, apmk_code status)
{
    return request->is_file && status == STATUS_CANCELLED && sim_profile_now()->windows
               ? STATUS_CONNECTION_ABORTED
               : status;
}

void sim_socket_abort(sim_socket *socket, sim_kind kind, const apmk_overlapped *only, apmk_code status)
{
    sim_request *at, *next;
    bool found = only == NULL;

    for (at = socket->first[kind]; at != NULL && !found; at = at->next) found = at->overlapped == only;
    if (!found) return;
    if (kind == SIM_CONNECT) {
        sim_connect_abort(socket, status);
        return;
    }
    if (kind == SIM_RECEIVE && socket->type == SIM_STREAM && sim_profile_now()->cancel_sweeps) only = NULL;
    for (at = socket->first[kind]; at != NULL; at = next) {
        next = at->next;
        if (only == NULL || at->overlapped == only)
            sim_request_finish(socket, at, aborted_status(at, status));
    }
    sim_socket_settle(socket); /* those behind it may go on */
}

static sim_request *find_request(sim_socket *socket, const apmk_overlapped *overlapped)
{
    sim_request *at;
    int kind;

    for (kind = 0; kind < SIM_KINDS; kind++)
        for (at = socket->first[kind]; at != NULL; at = at->next)
            if (at->overlapped == overlapped) return at;
    return NULL;
}

/* The one, or with NULL all of the socket's. */
static void mark_cancelled(const sim_socket *socket, const apmk_overlapped *only)
{
    sim_request *at;
    int kind;

    for (kind = 0; kind < SIM_KINDS; kind++)
        for (at = socket->first[kind]; at != NULL; at = at->next)
            if (only == NULL || at->overlapped == only) at->cancelled = true;
}

void apmk_socket_cancel(apmk_socket handle, apmk_overlapped *overlapped)
{
    sim_socket *socket;
    sim_request *request;
    int kind;

    sim_enter("cancel", handle, overlapped != NULL);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    request = overlapped != NULL ? find_request(socket, overlapped) : NULL;
    mark_cancelled(socket, overlapped);
    if (overlapped == NULL) socket->sweeps++;
    if (overlapped != NULL && request == NULL)
        sim_note("  finds nothing", handle, 0);
    else if (sim_chance(sim_profile_now()->late_cancel))
        sim_work_add(SIM_TASK_CANCEL, handle, request, 0);
    else
        for (kind = 0; kind < SIM_KINDS; kind++)
            sim_socket_abort(socket, (sim_kind)kind, overlapped, STATUS_CANCELLED);
    sched_mutex_unlock(&sim_network);
    sched_interleave();
}

/* ---- the end of a thread ------------------------------------------------------------------------------ */

static sim_request *find_request_of(uint32_t thread, sim_socket **socket)
{
    sim_request *at;
    int kind;

    for (*socket = sim_socket_next(0, NULL); *socket != NULL; *socket = sim_socket_next(0, *socket))
        for (kind = 0; kind < SIM_KINDS; kind++)
            for (at = (*socket)->first[kind]; at != NULL; at = at->next)
                if (at->thread == thread) return at;
    return NULL;
}

bool apmk_thread_has_io(void)
{
    sim_socket *socket;
    bool found;

    sim_enter("thread has io", 0, 0);
    sched_mutex_lock(&sim_network);
    found = sim_profile_now()->binds_io && find_request_of(sched_self(), &socket) != NULL;
    sched_mutex_unlock(&sim_network);
    return found;
}

void sim_transfer_abandon(void)
{
    sim_request *request;
    sim_socket *socket;

    if (!sim_profile_now()->binds_io) return;
    sched_mutex_lock(&sim_network);
    while ((request = find_request_of(sched_self(), &socket)) != NULL) {
        sim_note("  ends with its thread", request->number, 0);
        if (request->kind == SIM_CONNECT)
            sim_connect_abort(socket, STATUS_CANCELLED);
        else
            sim_request_finish(socket, request, aborted_status(request, STATUS_CANCELLED));
        sim_socket_settle(socket);
    }
    sched_mutex_unlock(&sim_network);
}
