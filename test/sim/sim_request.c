/* SPDX-License-Identifier: MIT */
/*
 * A request: an overlapped call from its beginning until its packet has been taken.
 *
 *   issuing    the call decides: failed (the request goes), completed, or pending
 *   waiting    in its socket's list: bytes, a peer or an abort will finish it
 *   finished   status and count are final; the packet is on the way, at once or later
 *   returned   overlapped and data were touched for the last time; the packet can be taken
 *
 * The OVERLAPPED carries its state as the real one does, so that whoever passes one that is
 * in use, or clears it meanwhile, is found out.
 */
#include <stdlib.h>

#include "sim_network.h"

static uint64_t requests;          /* made so far, in this run */
static uint32_t listed[SIM_KINDS]; /* in the sockets' lists */

uint64_t sim_request_last(void)
{
    return requests;
}

void sim_request_reset(void)
{
    int kind;

    requests = 0;
    for (kind = 0; kind < SIM_KINDS; kind++) listed[kind] = 0;
}

sim_request *sim_request_new(sim_socket *socket, sim_kind kind, const sim_request *like,
                             apmk_overlapped *overlapped)
{
    sim_request *request = (sim_request *)sim_memory(sizeof *request);

    if (overlapped->internal == STATUS_PENDING) sim_fail("an OVERLAPPED is passed while the kernel owns it");
    if (overlapped->internal != 0 || overlapped->internal_high != 0 || overlapped->event != NULL)
        sim_fail("an OVERLAPPED is passed that is not all zero");
    if ((like == NULL || !like->is_file) && (overlapped->offset != 0 || overlapped->offset_high != 0))
        sim_fail("an OVERLAPPED is passed that has an offset for nothing");
    if (like != NULL) *request = *like;
    if (request->source_file != NULL) sim_file_use(request->source_file, 1);
    overlapped->internal = STATUS_PENDING;
    request->number = ++requests;
    request->source = socket->handle;
    request->thread = sched_self();
    request->kind = kind;
    request->overlapped = overlapped;
    request->port = socket->target;
    request->key = socket->key;
    request->issuing = true;
    if (request->port == NULL) sim_fail("an overlapped call on a socket without a port");
    sched_release(request);
    return request;
}

uint32_t sim_request_count(sim_kind kind)
{
    return listed[kind];
}

void sim_request_append(sim_socket *socket, sim_request *request)
{
    listed[request->kind]++;
    request->next = NULL;
    if (socket->first[request->kind] != NULL)
        socket->last[request->kind]->next = request;
    else
        socket->first[request->kind] = request;
    socket->last[request->kind] = request;
}

void sim_request_keep(sim_request *request, const void *data, size_t size)
{
    sim_kept *kept = &request->kept[request->kept_count];

    if (request->kept_count == SIM_KEPT) sim_fail("more to stay in place than there is room for");
    kept->data = (const unsigned char *)data;
    kept->size = size;
    request->kept_count++;
}

static void unlink_request(sim_socket *socket, sim_request *request)
{
    sim_request *before = NULL, *at = socket->first[request->kind];

    listed[request->kind]--;
    while (at != request) {
        before = at;
        at = at->next;
    }
    if (before != NULL)
        before->next = request->next;
    else
        socket->first[request->kind] = request->next;
    if (socket->last[request->kind] == request) socket->last[request->kind] = before;
    request->next = NULL;
}

static void touch(const volatile unsigned char *data, size_t size)
{
    if (data == NULL || size == 0) return;
    (void)data[0];
    (void)data[size - 1];
}

/* The data is looked at even where nothing was transferred: until now it was the kernel's. */
static void touch_data(const sim_request *request)
{
    uint32_t i;

    for (i = 0; i < request->part_count; i++) touch(request->parts[i].data, request->parts[i].size);
    for (i = 0; i < request->kept_count; i++) touch(request->kept[i].data, request->kept[i].size);
}

void sim_request_delete(sim_request *request)
{
    free(request);
}

void sim_request_return(sim_request *request)
{
    apmk_overlapped *overlapped = request->overlapped;

    if (overlapped->internal != STATUS_PENDING || overlapped->internal_high != 0)
        sim_fail("an OVERLAPPED was changed while the kernel owned it: request %llu",
                 (unsigned long long)request->number);
    touch_data(request);
    if (request->source_file != NULL) sim_file_use(request->source_file, -1);
    overlapped->internal = request->status;
    overlapped->internal_high = request->done;
    sim_note("  packet queued", request->number, request->status);
    sim_port_push(request->port, request);
}

void sim_request_deliver(sim_request *request)
{
    if (sim_work_delivers(request) || sim_chance(sim_profile_now()->late_packet))
        sim_work_add(SIM_TASK_DELIVER, (apmk_socket)request->source, request, 0);
    else
        sim_request_return(request);
}

void sim_request_finish(sim_socket *socket, sim_request *request, apmk_code status)
{
    unlink_request(socket, request);
    request->status = status;
    request->finished = true;
    /* Besides the order of the call the only one that a kernel gives: of what was received. */
    if (request->kind == SIM_RECEIVE && sim_status_code(status) == 0) sched_release(request);
    sim_note("  finished", request->number, request->done);
    if (!request->issuing) sim_request_deliver(request);
}

/* The kernel had it, and does not have it any more; no packet. */
static void take_back(sim_request *request, apmk_code status)
{
    touch_data(request);
    if (request->source_file != NULL) sim_file_use(request->source_file, -1);
    request->overlapped->internal = status;
    request->overlapped->internal_high = request->done;
    sim_request_delete(request);
}

apmk_code sim_request_answer(sim_socket *socket, sim_request *request, bool later, uint32_t *bytes)
{
    apmk_code status = request->status;
    bool warning = status == STATUS_BUFFER_OVERFLOW;

    request->issuing = false;
    if (!request->finished) {
        if (later) sim_work_add(SIM_TASK_POKE, socket->handle, NULL, 0);
        sim_note("  pending", request->number, later);
        return APMK_PENDING;
    }
    if (sim_status_code(status) != 0 && !warning) { /* it failed before anybody said that it was pending */
        take_back(request, status);
        return sim_status_code(status);
    }
    if (warning || sim_chance(sim_profile_now()->pends)) {
        sim_request_deliver(request);
        return APMK_PENDING;
    }
    *bytes = request->done;
    sim_note(socket->skips ? "  completed, no packet" : "  completed", request->number, request->done);
    if (socket->skips)
        take_back(request, status);
    else
        sim_request_deliver(request);
    return APMK_SUCCESS;
}

apmk_code sim_status_code(apmk_code status)
{
    switch (status) {
    case 0:
    case STATUS_RECEIVE_EXPEDITED: return APMK_SUCCESS;
    case STATUS_PENDING: return CODE_IO_INCOMPLETE;
    case STATUS_BUFFER_OVERFLOW: return CODE_MESSAGE_SIZE;
    case STATUS_IO_TIMEOUT: return CODE_TIMED_OUT;
    case STATUS_PORT_UNREACHABLE:
    case STATUS_CONNECTION_RESET: return CODE_RESET;
    case STATUS_CONNECTION_REFUSED: return CODE_REFUSED;
    case STATUS_LOCAL_DISCONNECT:
    case STATUS_CONNECTION_ABORTED: return CODE_ABORTED;
    default: return APMK_ABORTED;
    }
}

apmk_code apmk_socket_result(apmk_socket handle, apmk_overlapped *overlapped)
{
    apmk_code code;

    sim_enter("result", handle, overlapped->internal);
    sched_mutex_lock(&sim_network);
    (void)sim_socket_find(handle);
    code = sim_profile_now()->silent_result ? 0 : sim_status_code((apmk_code)overlapped->internal);
    sched_mutex_unlock(&sim_network);
    return code;
}
