/* SPDX-License-Identifier: MIT */
/*
 * The blocking members: each is Begin, a wait, and End. The wait is for the operation even if
 * the socket is closed meanwhile, when End alone would not wait: the buffer is the caller's
 * again when the function has returned. So where a wait could be for ever nothing is begun; what
 * Begin would say of the arguments is said all the same.
 */
#include <apmsock/connect.h>
#include <apmsock/transfer.h>

#include "connect.h"
#include "operation.h"
#include "socket.h"
#include "transfer.h"

/* Where one cannot wait: `argument` is what is wrong without that. */
static apm_error refuse_wait(apm_error argument)
{
    return argument != APM_ERROR_SUCCESS ? argument : APM_ERROR_INVALID_OPERATION;
}

static apm_error finish_connect(apm_socket *socket, apm_async_result *result)
{
    apm_error error;

    (void)apmi_operation_wait(result, APM_INFINITE);
    error = apm_socket_end_connect(socket, result);
    apm_async_result_release(result);
    return error;
}

apm_error APM_CALL apm_socket_connect(apm_socket *socket, const apm_endpoint *remote)
{
    apm_async_result *result = NULL;
    apmk_address address;
    apm_error error;

    if (!apmi_operation_may_wait()) return refuse_wait(apmi_connect_check(socket, remote, &address));
    error = apm_socket_begin_connect(socket, remote, NULL, NULL, &result);
    return error != APM_ERROR_SUCCESS ? error : finish_connect(socket, result);
}

apm_error APM_CALL apm_socket_connect_host(apm_socket *socket, const char *host, uint16_t port)
{
    apm_async_result *result = NULL;
    apm_endpoint literal;
    bool is_literal;
    apm_error error;

    if (!apmi_operation_may_wait())
        return refuse_wait(apmi_connect_check_host(socket, host, port, &literal, &is_literal));
    error = apm_socket_begin_connect_host(socket, host, port, NULL, NULL, &result);
    return error != APM_ERROR_SUCCESS ? error : finish_connect(socket, result);
}

/* A timeout asks for an abort, and then it waits for what comes of it: what had been transferred by
 * then is told, and nothing is lost. */
static apm_error finish_transfer(apm_socket *socket, apm_async_result *result, apmi_kind kind,
                                 const _Atomic int32_t *timeout, size_t *bytes)
{
    int32_t limit = atomic_load_explicit(timeout, memory_order_relaxed);
    apm_error error;

    if (limit > 0 && !apmi_operation_wait(result, (uint32_t)limit))
        apmi_operation_cancel(result, APMI_TIMED_OUT);
    (void)apmi_operation_wait(result, APM_INFINITE);
    error = apmi_operation_end(socket, result, kind, bytes);
    apm_async_result_release(result);
    return error;
}

apm_error APM_CALL apm_socket_send(apm_socket *socket, const void *buffer, size_t size, int32_t flags,
                                   size_t *sent)
{
    apm_async_result *result = NULL;
    apm_error error;

    if (!apmi_operation_may_wait()) return refuse_wait(apmi_transfer_check(socket, buffer, size));
    error = apm_socket_begin_send(socket, buffer, size, flags, NULL, NULL, &result);
    if (error != APM_ERROR_SUCCESS) return error;
    return finish_transfer(socket, result, APMI_SEND, &socket->settings.send_timeout, sent);
}

apm_error APM_CALL apm_socket_receive(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                      size_t *received)
{
    apm_async_result *result = NULL;
    apm_error error;

    if (!apmi_operation_may_wait()) return refuse_wait(apmi_transfer_check(socket, buffer, size));
    error = apm_socket_begin_receive(socket, buffer, size, flags, NULL, NULL, &result);
    if (error != APM_ERROR_SUCCESS) return error;
    return finish_transfer(socket, result, APMI_RECEIVE, &socket->settings.receive_timeout, received);
}
