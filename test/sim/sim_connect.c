/* SPDX-License-Identifier: MIT */
/*
 * Connecting: ConnectEx, and how it is answered.
 *
 *   IDLE, FAILED -> CONNECTING   ConnectEx; a packet will come
 *   CONNECTING -> LINKED         a listener has room: the connection is there
 *   CONNECTING -> FAILED         nobody listens
 *   CONNECTING -> ABANDONED      cancelled or timed out: the handle is good for nothing but a
 *                                close. The connection may be made all the same.
 */
#include "sim_network.h"

/* ---- the answer ---------------------------------------------------------------------------------- */

static void establish(sim_socket *socket, sim_listener *listener)
{
    sim_link *link = (sim_link *)sim_memory(sizeof *link);

    sim_pipe_init(&link->out, sim_profile_now()->send_room);
    sim_pipe_init(&link->in, sim_profile_now()->receive_room);
    sched_condition_init(&link->changed);
    link->socket = socket;
    link->port = socket->port;
    socket->link = link;
    sim_listener_queue(listener, link);
}

static sim_listener *find_listener(const sim_socket *socket)
{
    if (socket->remote.net != SIM_LOOPBACK) return NULL;
    return sim_listener_find(socket->remote.family, socket->remote_port);
}

/* Left alone it waits, for room in the queue or for its timeout. */
void sim_connect_try(sim_socket *socket)
{
    sim_request *request = socket->first[SIM_CONNECT];
    sim_listener *listener = find_listener(socket);

    if (request == NULL || socket->state != SIM_CONNECTING) return;
    if (listener == NULL || (!request->issuing && sim_chance(sim_profile_now()->refuses))) {
        socket->state = SIM_FAILED;
        sim_request_finish(socket, request, STATUS_CONNECTION_REFUSED);
    } else if (sim_listener_has_room(listener)) {
        establish(socket, listener);
        socket->state = SIM_LINKED;
        sim_request_finish(socket, request, 0);
    }
}

void sim_connect_abort(sim_socket *socket, apmk_code status)
{
    sim_request *request = socket->first[SIM_CONNECT];
    sim_listener *listener = find_listener(socket);

    if (request == NULL) return;
    socket->state = SIM_ABANDONED;
    if (status == STATUS_CANCELLED && listener != NULL && sim_listener_has_room(listener) &&
        sim_chance(sim_profile_now()->haunts))
        establish(socket, listener);
    sim_request_finish(socket, request, status);
}

/* ---- the call --------------------------------------------------------------------------------------- */

static apmk_code check_connect(sim_socket *socket, const void *address, int32_t length)
{
    sim_place place;

    if (socket->type != SIM_STREAM) return CODE_NOT_SUPPORTED;
    if (socket->state == SIM_LINKED) return CODE_IS_CONNECTED;
    if (socket->port == 0 || socket->state == SIM_CONNECTING || socket->state == SIM_ABANDONED)
        return CODE_INVALID;
    if (socket->state == SIM_FAILED && !sim_profile_now()->windows) {
        socket->state = SIM_IDLE; /* once */
        return CODE_ABORTED;
    }
    if (sim_fault_strikes(SIM_DIAL)) return CODE_NO_BUFFERS;
    if (!sim_address_read(socket, address, length, &place) || place.net == SIM_UNREACHABLE ||
        place.net == SIM_BROADCAST)
        return CODE_UNREACHABLE;
    if (place.any || place.port == 0) return CODE_NO_ADDRESS;
    socket->remote_port = place.port;
    socket->remote = place;
    return APMK_SUCCESS;
}

apmk_code apmk_socket_connect(apmk_socket handle, int32_t family, const void *address, int32_t length,
                              apmk_overlapped *overlapped)
{
    sim_request *request;
    sim_socket *socket;
    apmk_code code;
    uint32_t after = 0, bytes = 0;
    bool at_once;

    sim_enter("connect", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (family != socket->family) sim_fail("a connect gives another family than the socket's");
    code = check_connect(socket, address, length);
    if (code == APMK_SUCCESS) {
        request = sim_request_new(socket, SIM_CONNECT, NULL, overlapped);
        sim_note("  is request", request->number, 0);
        sim_request_append(socket, request);
        /* Of Microsoft's own ConnectEx nobody has seen that; its packet may come at once, though. */
        at_once = find_listener(socket) != NULL && sim_chance(sim_profile_now()->instant);
        request->issuing = at_once;
        socket->state = SIM_CONNECTING;
        if (socket->remote.net == SIM_REFUSING || (!socket->quick && find_listener(socket) == NULL))
            after = sim_profile_now()->refusal_time;
        if (socket->remote.net == SIM_SILENT || sim_chance(sim_profile_now()->hangs))
            sim_work_add(SIM_TASK_TIMEOUT, handle, NULL, sim_profile_now()->syn_time);
        else if (!at_once && (after != 0 || sim_chance(500)))
            sim_work_add(SIM_TASK_CONNECT, handle, NULL, after);
        else
            sim_connect_try(socket);
        code = at_once ? sim_request_answer(socket, request, false, &bytes) : APMK_PENDING;
    }
    sched_mutex_unlock(&sim_network);
    sched_interleave();
    return code;
}

apmk_code apmk_socket_update_connect_context(apmk_socket handle)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;

    sim_enter("update connect context", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->state != SIM_LINKED || socket->type != SIM_STREAM)
        code = CODE_NOT_CONNECTED;
    else if (sim_fault_strikes(SIM_CONTEXT))
        code = CODE_NO_BUFFERS;
    else
        socket->updated = true;
    sched_mutex_unlock(&sim_network);
    return code;
}

/* ---- past the library ------------------------------------------------------------------------------- */

bool sim_connect(uintptr_t handle, const void *address, int32_t length)
{
    sim_listener *listener;
    sim_socket *socket;
    sim_place place;
    bool good;

    sched_interleave();
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    good = socket->type == SIM_STREAM && socket->state == SIM_IDLE &&
           sim_address_read(socket, address, length, &place) && place.net == SIM_LOOPBACK && !place.any;
    listener = good ? sim_listener_find(place.family, place.port) : NULL;
    good = listener != NULL && sim_listener_has_room(listener);
    if (good) {
        if (socket->port == 0) socket->port = sim_port_free(socket->family, SIM_STREAM);
        socket->remote = place;
        socket->remote_port = place.port;
        establish(socket, listener);
        socket->state = SIM_LINKED;
        socket->updated = true;
    }
    sched_mutex_unlock(&sim_network);
    sched_interleave();
    return good;
}
