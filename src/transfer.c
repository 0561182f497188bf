/* SPDX-License-Identifier: MIT */
/*
 * Sending and receiving over a connection: the checks, in .NET's order, before the lane takes
 * over.
 */
#include "transfer.h"

#include <apmsock/transfer.h>
#include <string.h>

#include "annex.h"
#include "error.h"
#include "lane.h"
#include "socket.h"

/* No datagram is larger. */
#define LARGEST_DATAGRAM 65535u

/* A list in an operation's room: the caller's own may change when Begin has returned. */
typedef struct list_copy {
    apmi_buffers left; /* of the list; or of */
    apm_buffer bounce; /* APMI_BOUNCED: memory behind the list */
    size_t count;
    apm_buffer buffers[];
} list_copy;

apmi_buffers *apmi_transfer_list(const apmi_operation *operation)
{
    return &((list_copy *)apmi_annex_room(operation))->left;
}

apm_error apmi_transfer_check(const apm_socket *socket, const void *data, size_t size)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (data == NULL && size != 0) return APM_ERROR_ARGUMENT_NULL;
    return size > SIZE_MAX / 2 ? APM_ERROR_ARGUMENT_OUT_OF_RANGE : APM_ERROR_SUCCESS;
}

/* Who has a port of his own receives datagrams from anybody. */
static apm_error check_unconnected(const apm_socket *socket, apmi_kind kind)
{
    return kind == APMI_RECEIVE && !apmi_socket_is_stream(socket) && apmi_socket_is_named(socket)
               ? APM_ERROR_SUCCESS
               : APM_ERROR_NOT_CONNECTED;
}

static inline apm_error check_state(const apm_socket *socket, apmi_kind kind)
{
    /* Asked of ourselves: kernels disagree about what a transfer without a connection is. */
    if (apmi_socket_phase(socket) != APMI_CONNECTED) return check_unconnected(socket, kind);
    return kind == APMI_RECEIVE ? atomic_load_explicit(&socket->lost, memory_order_acquire)
                                : APM_ERROR_SUCCESS;
}

/* Copies the list. One that is longer than a call takes goes in pieces on a stream; a datagram
 * cannot, so it goes by way of memory that is in one piece. */
static apm_error take_list(apmi_operation *operation, const apm_buffer *buffers, size_t count)
{
    bool bounced = count > APMK_BUFFERS && !apmi_socket_is_stream(operation->socket);
    size_t bounce = !bounced ? 0 : operation->size < LARGEST_DATAGRAM ? operation->size : LARGEST_DATAGRAM;
    list_copy *copy;

    if (bounced && operation->kind == APMI_SEND && operation->size > LARGEST_DATAGRAM)
        return APM_ERROR_MESSAGE_SIZE;
    copy = (list_copy *)apmi_annex_make_room(operation, sizeof *copy + count * sizeof *buffers + bounce);
    if (copy == NULL) return APM_ERROR_OUT_OF_MEMORY;
    memcpy(copy->buffers, buffers, count * sizeof *buffers);
    copy->count = count;
    copy->bounce.data = &copy->buffers[count];
    copy->bounce.size = bounce;
    operation->shape = bounced ? APMI_BOUNCED : APMI_LIST;
    if (!bounced) {
        apmi_buffers_set_list(&copy->left, copy->buffers, count);
        return APM_ERROR_SUCCESS;
    }
    if (operation->kind == APMI_SEND)
        apmi_buffers_gather(copy->buffers, count, (unsigned char *)copy->bounce.data);
    apmi_buffers_set_list(&copy->left, &copy->bounce, 1);
    return APM_ERROR_SUCCESS;
}

void apmi_transfer_scatter(apmi_operation *operation)
{
    const list_copy *copy = (const list_copy *)apmi_annex_room(operation);

    if (operation->kind == APMI_RECEIVE)
        apmi_buffers_scatter(copy->buffers, copy->count, (const unsigned char *)copy->bounce.data,
                             operation->transferred);
}

static apm_error begin_one(apm_socket *socket, apmi_kind kind, void *data, size_t size, int32_t flags,
                           apm_async_callback callback, void *state, apm_async_result **result)
{
    apmi_operation *operation;
    apm_error error = apmi_transfer_check(socket, data, size);

    if (error == APM_ERROR_SUCCESS) error = check_state(socket, kind);
    if (error != APM_ERROR_SUCCESS) return error;

    operation = apmi_operation_new(socket, kind, callback, state, result != NULL);
    if (operation == NULL) return APM_ERROR_OUT_OF_MEMORY;
    operation->data = data;
    operation->size = size;
    operation->flags = flags;
    return apmi_lane_begin(operation, result);
}

static apm_error begin_list(apm_socket *socket, apmi_kind kind, const apm_buffer *buffers, size_t count,
                            int32_t flags, apm_async_callback callback, void *state,
                            apm_async_result **result)
{
    apmi_operation *operation;
    size_t size = 0;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    error = apmi_buffers_check(buffers, count, &size);
    if (error == APM_ERROR_SUCCESS) error = check_state(socket, kind);
    if (error != APM_ERROR_SUCCESS) return error;

    operation = apmi_operation_new(socket, kind, callback, state, result != NULL);
    if (operation == NULL) return APM_ERROR_OUT_OF_MEMORY;
    operation->size = size;
    operation->flags = flags;
    error = take_list(operation, buffers, count);
    if (error == APM_ERROR_SUCCESS) return apmi_lane_begin(operation, result);
    apmi_operation_discard(operation, error);
    return error;
}

apm_error APM_CALL apm_socket_begin_send(apm_socket *socket, const void *buffer, size_t size, int32_t flags,
                                         apm_async_callback callback, void *state, apm_async_result **result)
{
    /* The kernel only reads it; one operation serves both directions. */
    return begin_one(socket, APMI_SEND, (void *)(uintptr_t)buffer, size, flags, callback, state, result);
}

apm_error APM_CALL apm_socket_begin_send_buffers(apm_socket *socket, const apm_buffer *buffers, size_t count,
                                                 int32_t flags, apm_async_callback callback, void *state,
                                                 apm_async_result **result)
{
    return begin_list(socket, APMI_SEND, buffers, count, flags, callback, state, result);
}

apm_error APM_CALL apm_socket_end_send(apm_socket *socket, apm_async_result *result, size_t *sent)
{
    return apmi_operation_end(socket, result, APMI_SEND, sent);
}

apm_error APM_CALL apm_socket_begin_receive(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                            apm_async_callback callback, void *state,
                                            apm_async_result **result)
{
    return begin_one(socket, APMI_RECEIVE, buffer, size, flags, callback, state, result);
}

apm_error APM_CALL apm_socket_begin_receive_buffers(apm_socket *socket, const apm_buffer *buffers,
                                                    size_t count, int32_t flags, apm_async_callback callback,
                                                    void *state, apm_async_result **result)
{
    return begin_list(socket, APMI_RECEIVE, buffers, count, flags, callback, state, result);
}

apm_error APM_CALL apm_socket_end_receive(apm_socket *socket, apm_async_result *result, size_t *received)
{
    return apmi_operation_end(socket, result, APMI_RECEIVE, received);
}
