/* SPDX-License-Identifier: MIT */
/*
 * Sending a file: a head, the file, a tail. The kernel takes just under 2 GiB in one call, so
 * it goes in pieces, and has its lane for itself (lane.c): as much of what comes next as one
 * call takes, in the order head, file, tail.
 */
#include "file.h"

#include <apmsock/transfer.h>
#include <string.h>

#include "annex.h"
#include "error.h"
#include "lane.h"
#include "socket.h"

/* The most one kernel call is given; tests make it small. */
#ifndef APMI_FILE_PIECE
#define APMI_FILE_PIECE ((uint32_t)APMK_FILE_LIMIT)
#endif

/* What the system says of one that ends too early. */
enum { FILE_SHRUNK = 38 };

enum {
    KERNEL_FLAGS = APM_SEND_FILE_WRITE_BEHIND | APM_SEND_FILE_SYSTEM_THREAD | APM_SEND_FILE_KERNEL_APC,
    OWN_FLAGS = APM_SEND_FILE_DISCONNECT | APM_SEND_FILE_REUSE_SOCKET
};

typedef struct file_room {
    apmi_farewell farewell; /* first: a disconnect's room is nothing else */
    apmk_file file;         /* NULL: none, or closed */
    uint64_t offset, file_left;
    apm_buffer head, tail; /* what is left of them */
    apmk_file_ends ends;   /* of the call in the kernel */
    uint32_t file_size;    /* and its part of the file */
} file_room;

static file_room *room_of(const apmi_operation *operation)
{
    return (file_room *)apmi_annex_room(operation);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static uint32_t take_part(uint64_t left, uint32_t *room)
{
    uint32_t part = left < *room ? (uint32_t)left : *room;

    *room -= part;
    return part;
}

/* The tail only when the file is in this call to its end. */
apmk_code apmi_file_issue(apmi_operation *operation, uint32_t *bytes)
{
    file_room *room = room_of(operation);
    apm_socket *socket = operation->socket;
    uint32_t left = APMI_FILE_PIECE, size;

    room->ends.head = room->head.data;
    room->ends.head_size = take_part(room->head.size, &left);
    size = room->ends.head_size == room->head.size ? take_part(room->file_left, &left) : 0;
    room->ends.tail = room->tail.data;
    room->ends.tail_size = room->ends.head_size == room->head.size && size == room->file_left
                               ? take_part(room->tail.size, &left)
                               : 0;
    room->file_size = size;
    operation->overlapped.offset = (uint32_t)room->offset;
    operation->overlapped.offset_high = (uint32_t)(room->offset >> 32);
    if (size == 0) { /* no file in this call: a send like any other */
        apmk_buffer ends[2];

        ends[0].data = room->ends.head;
        ends[0].size = room->ends.head_size;
        ends[1].data = room->ends.tail;
        ends[1].size = room->ends.tail_size;
        operation->overlapped.offset = operation->overlapped.offset_high = 0;
        return apmk_socket_send(socket->handle, ends, 2, 0, &operation->overlapped, bytes);
    }
    return apmk_socket_send_file(socket->handle, socket->family, room->file, size, &room->ends,
                                 operation->flags & KERNEL_FLAGS, &operation->overlapped, bytes);
}

static size_t advance_buffer(apm_buffer *buffer, size_t bytes)
{
    size_t part = bytes < buffer->size ? bytes : buffer->size;

    if (part != 0) buffer->data = (unsigned char *)buffer->data + part;
    buffer->size -= part;
    return bytes - part;
}

void apmi_file_advance(apmi_operation *operation, size_t bytes)
{
    file_room *room = room_of(operation);
    uint64_t part;

    /* It ends before its end: to go on would be for ever, or with a hole in it. */
    if (operation->error == APM_ERROR_SUCCESS &&
        bytes != (uint64_t)room->ends.head_size + room->file_size + room->ends.tail_size)
        operation->error = FILE_SHRUNK;
    bytes = advance_buffer(&room->head, bytes);
    part = bytes < room->file_left ? bytes : room->file_left;
    room->offset += part;
    room->file_left -= part;
    (void)advance_buffer(&room->tail, bytes - (size_t)part);
}

bool apmi_file_has_more(const apmi_operation *operation)
{
    const file_room *room = room_of(operation);

    return room->head.size != 0 || room->file_left != 0 || room->tail.size != 0;
}

void apmi_file_close(apmi_operation *operation)
{
    file_room *room = room_of(operation);

    if (room->file != NULL) apmk_file_close(room->file);
    room->file = NULL;
}

apmi_farewell *apmi_file_farewell(apmi_operation *operation)
{
    return operation->flags & OWN_FLAGS ? &room_of(operation)->farewell : NULL;
}

/* ---- begin and end ------------------------------------------------------------------------------ */

static bool lacks_data(const apm_buffer *part)
{
    return part != NULL && part->data == NULL && part->size != 0;
}

static bool is_too_large(const apm_buffer *part)
{
    return part != NULL && part->size > SIZE_MAX / 2;
}

/* Fills the room; the file is open if this succeeds. */
static apm_error open_file(apmi_operation *operation, const char *path, const apm_buffer *before,
                           const apm_buffer *after)
{
    file_room *room = (file_room *)apmi_annex_make_room(operation, sizeof *room);

    if (room == NULL) return APM_ERROR_OUT_OF_MEMORY;
    memset(room, 0, sizeof *room);
    room->farewell.reuses = (operation->flags & APM_SEND_FILE_REUSE_SOCKET) != 0;
    if (before != NULL) room->head = *before;
    if (after != NULL) room->tail = *after;
    if (path == NULL || path[0] == '\0') return APM_ERROR_SUCCESS;
    return apmi_error_from_file(apmk_file_open(path, &room->file, &room->file_left));
}

apm_error APM_CALL apm_socket_begin_send_file(apm_socket *socket, const char *path, const apm_buffer *before,
                                              const apm_buffer *after, int32_t flags,
                                              apm_async_callback callback, void *state,
                                              apm_async_result **result)
{
    apmi_operation *operation;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (lacks_data(before) || lacks_data(after)) return APM_ERROR_ARGUMENT_NULL;
    if (is_too_large(before) || is_too_large(after)) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if ((flags & ~(KERNEL_FLAGS | OWN_FLAGS)) != 0) return APM_ERROR_ARGUMENT;
    if (!apm_socket_connected(socket) || apmi_socket_phase(socket) != APMI_CONNECTED)
        return APM_ERROR_NOT_SUPPORTED;
    if (!apmi_socket_is_stream(socket)) return APM_ERROR_NOT_CONNECTED;

    operation = apmi_operation_new(socket, APMI_SEND_FILE, callback, state, result != NULL);
    if (operation == NULL) return APM_ERROR_OUT_OF_MEMORY;
    operation->flags = flags;
    error = open_file(operation, path, before, after);
    if (error != APM_ERROR_SUCCESS) {
        apmi_operation_discard(operation, error);
        return error;
    }
    apmi_operation_retain(operation); /* for the file, should there be no beginning */
    error = apmi_lane_begin(operation, result);
    if (error != APM_ERROR_SUCCESS) apmi_file_close(operation);
    apmi_operation_release(operation);
    return error;
}

apm_error APM_CALL apm_socket_end_send_file(apm_socket *socket, apm_async_result *result)
{
    return apmi_operation_end(socket, result, APMI_SEND_FILE, NULL);
}
