/* SPDX-License-Identifier: MIT */
/* What can be asked of a socket and told to it at once: its names, its state, its handle. */
#include <string.h>

#include "end.h"
#include "endpoint.h"
#include "error.h"
#include "handle.h"
#include "library.h"
#include "poll.h"
#include "socket.h"

/* Under the exclusive gate. The local endpoint that it had, and that cannot be had again, is no reason not to get
 * another one; and it stays the socket's if that cannot be had either. */
static apm_error bind_anew(apm_socket *socket, const apmk_address *address)
{
    apmk_address before = socket->local;
    uint32_t phase = APMI_FRESH;
    apm_error error;

    if (apmi_handle_is_fixed(socket)) return APM_ERROR_INVALID_ARGUMENT;
    socket->local.length = 0;
    error = apmi_handle_freshen(socket);
    if (error == APM_ERROR_SUCCESS)
        error = apmi_error_from_native(apmk_socket_bind(socket->handle, address->bytes, address->length));
    if (error == APM_ERROR_SUCCESS) {
        atomic_store_explicit(&socket->named, true, memory_order_relaxed);
        socket->local = *address;
        return APM_ERROR_SUCCESS;
    }
    socket->local = before;
    if (before.length != 0) /* a connect tries again to bind it */
        (void)atomic_compare_exchange_strong_explicit(&socket->phase, &phase, APMI_SPENT,
                                                      memory_order_acq_rel, memory_order_relaxed);
    return error;
}

apm_error APM_CALL apm_socket_bind(apm_socket *socket, const apm_endpoint *local)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    apmk_address address;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (local == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (!apmi_endpoint_is_valid(local)) return APM_ERROR_ARGUMENT;
    if (apmi_socket_fit(socket, local, &address) != APM_ERROR_SUCCESS) return APM_ERROR_NOT_SUPPORTED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket)) error = bind_anew(socket, &address);
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

/* There is something to shut down: a connection, or a datagram socket that can receive. */
static bool has_directions(const apm_socket *socket)
{
    return apmi_socket_phase(socket) == APMI_CONNECTED ||
           (!apmi_socket_is_stream(socket) && apmi_socket_is_named(socket));
}

apm_error APM_CALL apm_socket_shutdown(apm_socket *socket, int32_t how)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (how < APM_SHUTDOWN_RECEIVE || how > APM_SHUTDOWN_BOTH) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (!has_directions(socket)) return APM_ERROR_NOT_CONNECTED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket) && !has_directions(socket)) {
        error = APM_ERROR_NOT_CONNECTED; /* it was left meanwhile */
    } else if (!apmi_socket_disposed(socket)) {
        error = apmi_error_from_native(apmi_end_shutdown(socket, how));
        if (!apmi_error_is_passing(error) && error != APM_ERROR_TIMED_OUT) /* also where it found a reset */
            atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
    }
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

bool APM_CALL apm_socket_connected(const apm_socket *socket)
{
    return socket != NULL && !apmi_socket_disposed(socket) &&
           atomic_load_explicit(&socket->connected, memory_order_acquire);
}

apm_error APM_CALL apm_socket_local_endpoint(apm_socket *socket, apm_endpoint *endpoint)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket) && !apmi_socket_is_named(socket)) {
        error = APM_ERROR_INVALID_ARGUMENT;
    } else if (!apmi_socket_disposed(socket)) {
        apm_endpoint found = {0};
        found.length = (int32_t)sizeof found.address;
        error = apmi_error_from_native(apmk_socket_local(socket->handle, found.address, &found.length));
        if (error == APM_ERROR_SUCCESS) *endpoint = found;
    }
    apmk_unlock_shared(&socket->gate);
    return error;
}

apm_error APM_CALL apm_socket_remote_endpoint(apm_socket *socket, apm_endpoint *endpoint)
{
    apm_error error = APM_ERROR_NOT_CONNECTED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;

    apmk_lock_shared(&socket->gate);
    if (socket->remote.length != 0) {
        apmi_address_get(&socket->remote, endpoint);
        error = APM_ERROR_SUCCESS;
    }
    apmk_unlock_shared(&socket->gate);
    return error;
}

uintptr_t APM_CALL apm_socket_handle(const apm_socket *socket)
{
    apm_socket *itself = (apm_socket *)(uintptr_t)socket; /* looking takes the gate, which is not const */
    uintptr_t handle = APMK_NO_SOCKET;

    if (itself == NULL) return handle;
    apmk_lock_shared(&itself->gate);
    handle = itself->handle; /* closing leaves "none" there */
    apmk_unlock_shared(&itself->gate);
    return handle;
}

apm_error APM_CALL apm_socket_available(apm_socket *socket, size_t *bytes)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    uint32_t found = 0, size = 0;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (bytes == NULL) return APM_ERROR_ARGUMENT_NULL;

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket))
        error = apmi_error_from_native(
            apmk_socket_io_control(socket->handle, APMK_BYTES_TO_READ, NULL, 0, &found, sizeof found, &size));
    apmk_unlock_shared(&socket->gate);
    if (error == APM_ERROR_SUCCESS) *bytes = found;
    return error;
}

/* Codes that wait, for something to change. */
static bool code_waits(uint32_t code)
{
    switch (code) {
    case 0x28000017u: /* SIO_ADDRESS_LIST_CHANGE */
    case 0x88000015u: /* SIO_ROUTING_INTERFACE_CHANGE */
    case 0x88000019u: /* SIO_NSP_NOTIFY_CHANGE */
    case 0x2000747Au: /* SIO_IDEAL_SEND_BACKLOG_CHANGE */ return true;
    default: return false;
    }
}

static apm_error control_at_once(apm_socket *socket, uint32_t code, const void *in, uint32_t in_size,
                                 void *out, uint32_t out_size, uint32_t *returned)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket))
        error = apmi_error_from_native(
            apmk_socket_io_control(socket->handle, code, in, in_size, out, out_size, returned));
    apmk_unlock_shared(&socket->gate);
    return error;
}

/* Not under the gate, for which a timer of the socket would wait, and with it all others. */
static apm_error control_and_wait(apm_socket *socket, uint32_t code, const void *in, uint32_t in_size,
                                  void *out, uint32_t out_size, uint32_t *returned)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    apmi_poller poller;
    bool open;

    apmk_lock_shared(&socket->gate);
    open = !apmi_socket_disposed(socket);
    if (open) apmi_poll_enter(socket, &poller);
    apmk_unlock_shared(&socket->gate);
    if (!open) return error;

    error = apmi_error_from_native(apmk_socket_io_control_wait(poller.kernel, code, in, in_size, out,
                                                               out_size, returned, &poller.orphan));
    apmi_poll_leave(socket, &poller);
    if (error != APM_ERROR_SUCCESS && apmi_socket_disposed(socket)) error = APM_ERROR_OBJECT_DISPOSED;
    return error;
}

apm_error APM_CALL apm_socket_io_control(apm_socket *socket, uint32_t code, const void *in, size_t in_size,
                                         void *out, size_t out_size, size_t *returned)
{
    uint32_t size = 0;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if ((in == NULL && in_size != 0) || (out == NULL && out_size != 0)) return APM_ERROR_ARGUMENT_NULL;
    if (in_size > INT32_MAX || out_size > INT32_MAX) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (code == APMK_NON_BLOCKING) return APM_ERROR_INVALID_OPERATION;

    apmi_socket_hold(socket); /* a close, which takes the creator's reference back, does not wait for it */
    error = (code_waits(code) ? control_and_wait : control_at_once)(socket, code, in, (uint32_t)in_size, out,
                                                                    (uint32_t)out_size, &size);
    apmi_socket_drop(socket);
    if (error == APM_ERROR_SUCCESS && returned != NULL) *returned = size;
    return error;
}
