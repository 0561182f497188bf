/* SPDX-License-Identifier: MIT */
/*
 * Sending and receiving: the checks, in .NET's order, before the lane takes over.
 */
#include "error.h"
#include "lane.h"
#include "operation.h"
#include "socket.h"

static apm_error begin_transfer(apm_socket *socket, apmi_kind kind, unsigned char *data, size_t size,
                                int32_t flags, apm_async_callback callback, void *state,
                                apm_async_result **result)
{
    apmi_operation *operation;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_closed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (data == NULL && size != 0) return APM_ERROR_ARGUMENT_NULL;
    if (size > SIZE_MAX / 2) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    /* Asked of ourselves: kernels disagree about what a transfer without a connection is. */
    if (atomic_load_explicit(&socket->phase, memory_order_acquire) != APMI_CONNECTED)
        return APM_ERROR_NOT_CONNECTED;
    if (kind == APMI_RECEIVE) {
        apm_error lost = atomic_load_explicit(&socket->lost, memory_order_acquire);
        if (lost != APM_ERROR_SUCCESS) return lost;
    }
    operation = apmi_operation_new(socket, kind, callback, state, result != NULL);
    if (operation == NULL) return APM_ERROR_OUT_OF_MEMORY;
    operation->data = data;
    operation->size = size;
    operation->flags = flags;
    return apmi_lane_begin(operation, result);
}

apm_error APM_CALL apm_socket_begin_send(apm_socket *socket, const void *buffer, size_t size, int32_t flags,
                                         apm_async_callback callback, void *state, apm_async_result **result)
{
    /* The kernel only reads it; one operation serves both directions. */
    unsigned char *data = (unsigned char *)(uintptr_t)buffer;

    return begin_transfer(socket, APMI_SEND, data, size, flags, callback, state, result);
}

apm_error APM_CALL apm_socket_end_send(apm_socket *socket, apm_async_result *result, size_t *sent)
{
    return apmi_operation_end(socket, result, APMI_SEND, sent);
}

apm_error APM_CALL apm_socket_begin_receive(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                            apm_async_callback callback, void *state,
                                            apm_async_result **result)
{
    return begin_transfer(socket, APMI_RECEIVE, (unsigned char *)buffer, size, flags, callback, state,
                          result);
}

apm_error APM_CALL apm_socket_end_receive(apm_socket *socket, apm_async_result *result, size_t *received)
{
    return apmi_operation_end(socket, result, APMI_RECEIVE, received);
}
