/* SPDX-License-Identifier: MIT */
/*
 * Datagrams to and from anybody. What the kernel fills in at completion (the sender, the
 * packet's details) is in the operation's room, where it stays in place.
 */
#include "datagram.h"

#include <apmsock/datagram.h>
#include <string.h>

#include "annex.h"
#include "endpoint.h"
#include "error.h"
#include "lane.h"
#include "socket.h"

enum { LEVEL_IPV4 = 0, LEVEL_IPV6 = 41, NAME_PACKET_INFORMATION = 19 };

/* A receive_from's room. The peer as of the call: no kernel tells the sender on a stream. */
typedef struct source_room {
    apmk_source source;
    apmk_address peer;
} source_room;

/* A receive_message_from's room. */
typedef struct message_room {
    apmk_message message;
    bool truncated;
} message_room;

static void prepare_source(apmk_source *source)
{
    memset(source, 0, sizeof *source);
    source->length = (int32_t)sizeof source->address;
}

/* The kernel has bound it, if nobody had. One that fails may have been bound, too, but not for the caller, as in
 * .NET. */
static void note_name(apm_socket *socket)
{
    if (!apmi_socket_is_named(socket)) atomic_store_explicit(&socket->named, true, memory_order_relaxed);
}

bool apmi_datagram_go_on(apmi_operation *operation)
{
    if (operation->error == APM_ERROR_SUCCESS) note_name(operation->socket);
    return apmi_lane_put_back(operation);
}

/* ---- the kernel call ------------------------------------------------------------------------ */

apmk_code apmi_datagram_issue(apmi_operation *operation, const apmk_buffer *buffers, uint32_t count,
                              uint32_t *bytes)
{
    apm_socket *socket = operation->socket;
    apmk_overlapped *overlapped = &operation->overlapped;

    if (operation->kind == APMI_SEND_TO) {
        const apmk_address *to = (const apmk_address *)apmi_annex_room(operation);
        apmk_code code = apmk_socket_send_to(socket->handle, buffers, count, operation->flags, to->bytes,
                                             to->length, overlapped, bytes);

        if (code == APMK_SUCCESS || code == APMK_PENDING) note_name(socket);
        return code;
    }
    if (operation->kind == APMI_RECEIVE_FROM) {
        source_room *room = (source_room *)apmi_annex_room(operation);
        prepare_source(&room->source);
        room->peer = socket->remote; /* under the gate */
        return apmk_socket_receive_from(socket->handle, buffers, count, operation->flags, &room->source,
                                        overlapped, bytes);
    }
    {
        message_room *room = (message_room *)apmi_annex_room(operation);
        memset(room, 0, sizeof *room);
        prepare_source(&room->message.source);
        return apmk_socket_receive_message(socket->handle, socket->family, buffers[0].data, buffers[0].size,
                                           operation->flags, &room->message, overlapped, bytes);
    }
}

/* ---- begin ------------------------------------------------------------------------------------ */

static apm_error check_buffer(const apm_socket *socket, const void *data, size_t size)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    return data == NULL && size != 0 ? APM_ERROR_ARGUMENT_NULL : APM_ERROR_SUCCESS;
}

static apmi_operation *new_operation(apm_socket *socket, apmi_kind kind, void *data, size_t size,
                                     int32_t flags, size_t room, apm_async_callback callback, void *state,
                                     bool wanted)
{
    apmi_operation *operation = apmi_operation_new(socket, kind, callback, state, wanted);

    if (operation == NULL) return NULL;
    if (apmi_annex_make_room(operation, room) == NULL) {
        apmi_operation_discard(operation, APM_ERROR_OUT_OF_MEMORY);
        return NULL;
    }
    operation->size = size;
    operation->flags = flags;
    operation->data = data;
    return operation;
}

apm_error APM_CALL apm_socket_begin_send_to(apm_socket *socket, const void *buffer, size_t size,
                                            int32_t flags, const apm_endpoint *remote,
                                            apm_async_callback callback, void *state,
                                            apm_async_result **result)
{
    apmi_operation *operation;
    apmk_address to;
    apm_error error = check_buffer(socket, buffer, size);

    if (error != APM_ERROR_SUCCESS) return error;
    if (remote == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (size > SIZE_MAX / 2) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    error = apmi_socket_fit_remote(socket, remote, &to);
    if (error != APM_ERROR_SUCCESS) return error;
    if (apmi_socket_is_stream(socket) && apmi_socket_phase(socket) != APMI_CONNECTED)
        return APM_ERROR_NOT_CONNECTED;
    /* One kernel call takes no more than 4 GiB, and no datagram is as large. */
    if (!apmi_socket_is_stream(socket) && size > UINT16_MAX) return APM_ERROR_MESSAGE_SIZE;

    operation = new_operation(socket, APMI_SEND_TO, (void *)(uintptr_t)buffer, size, flags, sizeof to,
                              callback, state, result != NULL);
    if (operation == NULL) return APM_ERROR_OUT_OF_MEMORY;
    *(apmk_address *)apmi_annex_room(operation) = to;
    return apmi_lane_begin(operation, result);
}

/* Asks the kernel for the packets' details, of either family that the socket can use: of one
 * that is bound, and so cannot get another one any more. Once is enough, and more does no harm. */
static apm_error ask_for_details(apm_socket *socket)
{
    int32_t yes = 1, size = (int32_t)sizeof yes;
    bool is_ipv6 = socket->family == APM_FAMILY_IPV6;
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    if (atomic_load_explicit(&socket->detailed, memory_order_relaxed)) return APM_ERROR_SUCCESS;
    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        error = apmi_error_from_native(apmk_socket_set_option(
            socket->handle, is_ipv6 ? LEVEL_IPV6 : LEVEL_IPV4, NAME_PACKET_INFORMATION, &yes, size));
        /* Not every system has the other one on the same socket. */
        if (is_ipv6 && atomic_load_explicit(&socket->dual, memory_order_relaxed))
            (void)apmk_socket_set_option(socket->handle, LEVEL_IPV4, NAME_PACKET_INFORMATION, &yes, size);
    }
    apmk_unlock_shared(&socket->gate);
    if (error == APM_ERROR_SUCCESS) atomic_store_explicit(&socket->detailed, true, memory_order_relaxed);
    return error;
}

static apm_error begin_receive(apm_socket *socket, apmi_kind kind, void *buffer, size_t size, int32_t flags,
                               apm_async_callback callback, void *state, apm_async_result **result)
{
    size_t room = kind == APMI_RECEIVE_FROM ? sizeof(source_room) : sizeof(message_room);
    apmi_operation *operation;
    apm_error error = check_buffer(socket, buffer, size);

    if (error != APM_ERROR_SUCCESS) return error;
    if (size > SIZE_MAX / 2) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (!apmi_socket_is_named(socket)) return APM_ERROR_INVALID_OPERATION;
    if (apmi_socket_is_stream(socket)) {
        apm_error lost = atomic_load_explicit(&socket->lost, memory_order_acquire);

        if (kind == APMI_RECEIVE_MESSAGE_FROM) return APM_ERROR_OPERATION_NOT_SUPPORTED;
        if (apmi_socket_phase(socket) != APMI_CONNECTED) return APM_ERROR_NOT_CONNECTED;
        if (lost != APM_ERROR_SUCCESS) return lost;
    }
    if (kind == APMI_RECEIVE_MESSAGE_FROM) error = ask_for_details(socket);
    if (error != APM_ERROR_SUCCESS) return error;
    operation = new_operation(socket, kind, buffer, size, flags, room, callback, state, result != NULL);
    if (operation == NULL) return APM_ERROR_OUT_OF_MEMORY;
    return apmi_lane_begin(operation, result);
}

apm_error APM_CALL apm_socket_begin_receive_from(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                                 apm_async_callback callback, void *state,
                                                 apm_async_result **result)
{
    return begin_receive(socket, APMI_RECEIVE_FROM, buffer, size, flags, callback, state, result);
}

apm_error APM_CALL apm_socket_begin_receive_message_from(apm_socket *socket, void *buffer, size_t size,
                                                         int32_t flags, apm_async_callback callback,
                                                         void *state, apm_async_result **result)
{
    return begin_receive(socket, APMI_RECEIVE_MESSAGE_FROM, buffer, size, flags, callback, state, result);
}

/* ---- completion and end ------------------------------------------------------------------------- */

void apmi_datagram_complete_message(apmi_operation *operation)
{
    message_room *room = (message_room *)apmi_annex_room(operation);

    if (operation->error != APM_ERROR_MESSAGE_SIZE) return;
    operation->error = APM_ERROR_SUCCESS;
    room->truncated = true;
}

/* What the kernel wrote as the sender, or the peer of then. */
static void read_source(const source_room *room, apm_endpoint *remote)
{
    const apmk_source *source = &room->source;
    apm_endpoint found = {0};

    if (source->length > 0 && (size_t)source->length <= sizeof found.address) {
        found.length = source->length;
        memcpy(found.address, source->address, (size_t)source->length);
    }
    if (apmi_endpoint_is_valid(&found))
        *remote = found;
    else
        apmi_address_get(&room->peer, remote);
}

apm_error APM_CALL apm_socket_end_send_to(apm_socket *socket, apm_async_result *result, size_t *sent)
{
    return apmi_operation_end(socket, result, APMI_SEND_TO, sent);
}

static apm_error check_end(const apm_socket *socket, const apm_endpoint *remote)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    return remote == NULL ? APM_ERROR_ARGUMENT_NULL : APM_ERROR_SUCCESS;
}

/* Whether a datagram came, be it larger than the buffer. */
static bool has_datagram(apm_error error)
{
    return error == APM_ERROR_SUCCESS || error == APM_ERROR_MESSAGE_SIZE;
}

apm_error APM_CALL apm_socket_end_receive_from(apm_socket *socket, apm_async_result *result, size_t *received,
                                               apm_endpoint *remote)
{
    apm_error error = check_end(socket, remote);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apmi_operation_end(socket, result, APMI_RECEIVE_FROM, received);
    if (has_datagram(error)) read_source((const source_room *)apmi_annex_room(result), remote);
    return error;
}

apm_error APM_CALL apm_socket_end_receive_message_from(apm_socket *socket, apm_async_result *result,
                                                       size_t *received, int32_t *flags, apm_endpoint *remote,
                                                       apm_packet_information *information)
{
    apm_error error = check_end(socket, remote);
    apmk_message_details details;
    const message_room *room;

    if (error != APM_ERROR_SUCCESS) return error;
    error = apmi_operation_end(socket, result, APMI_RECEIVE_MESSAGE_FROM, received);
    if (!has_datagram(error)) return error;

    room = (const message_room *)apmi_annex_room(result);
    memset(&details, 0, sizeof details);
    apmk_message_read(&room->message, &details);
    apmi_address_get(&details.source, remote);
    if (flags != NULL) *flags = details.flags | (room->truncated ? APM_FLAG_TRUNCATED : 0);
    if (information != NULL) {
        apmi_address_get(&details.destination, &information->address);
        information->interface_index = details.interface_index;
    }
    return error;
}
