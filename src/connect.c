/* SPDX-License-Identifier: MIT */
/*
 * Connecting. The phase (socket.h) is the lock: whoever takes it to CONNECTING owns the
 * handle's state until the connect is over.
 *
 *  1. After a failed connect the handle is spent (not every kernel lets it try again): a
 *     fresh one takes its place, bound as the caller had bound the old one. After an abort
 *     at once: some kernels go on connecting behind a cancelled connect, and the peer would
 *     see a connection that nobody has.
 *  2. ConnectEx wants a bound handle: the wildcard, if the caller has not bound it. Ports
 *     may be shared then, by SO_REUSE_UNICASTPORT; never by SO_REUSEADDR, which lets others
 *     steal them.
 *  3. On loopback a refusal is final: retrying for seconds helps nobody.
 *  4. A connection is one only after SO_UPDATE_CONNECT_CONTEXT: without it the kernel refuses
 *     shutdown and getpeername. If that fails, the connect has failed.
 *
 * The phase moves on before the operation completes, so that a callback may connect again.
 */
#include "connect.h"

#include "endpoint.h"
#include "error.h"
#include "lane.h"
#include "library.h"
#include "socket.h"

static void set_phase(apm_socket *socket, apmi_phase phase)
{
    /* Release: whoever sees it connected sees the peer's address. */
    atomic_store_explicit(&socket->phase, phase, memory_order_release);
}

/* Takes the phase to CONNECTING. */
static apm_error claim_phase(apm_socket *socket, apmi_phase *before)
{
    uint32_t phase = atomic_load_explicit(&socket->phase, memory_order_acquire);

    do {
        if (phase == APMI_CONNECTING) return APM_ERROR_INVALID_OPERATION;
        /* A datagram socket may change its mind about its peer. */
        if (phase == APMI_CONNECTED && apmi_socket_is_stream(socket)) return APM_ERROR_IS_CONNECTED;
    } while (!atomic_compare_exchange_weak_explicit(&socket->phase, &phase, APMI_CONNECTING,
                                                    memory_order_acq_rel, memory_order_acquire));
    *before = (apmi_phase)phase;
    return APM_ERROR_SUCCESS;
}

/* Under the exclusive gate. The old handle is closed first: the new one may want its port. */
static apm_error renew_handle(apm_socket *socket)
{
    apmk_socket fresh;
    bool skips = false;
    apm_error error = apmi_socket_open_handle(socket, &fresh, &skips);

    if (error != APM_ERROR_SUCCESS) return error;
    apmk_socket_close(socket->handle);
    socket->handle = fresh;
    socket->skips = skips;
    socket->named = false;
    if (socket->local.length == 0) return APM_ERROR_SUCCESS;
    error = apmi_error_from_native(apmk_socket_bind(fresh, socket->local.bytes, socket->local.length));
    socket->named = error == APM_ERROR_SUCCESS;
    return error;
}

/* Under the exclusive gate. */
static apm_error name_handle(apm_socket *socket)
{
    apm_endpoint any = apmi_endpoint_wildcard(socket->family);
    apm_error error;

    if (socket->named) return APM_ERROR_SUCCESS;
    apmk_socket_reuse_unicast_port(socket->handle);
    error = apmi_error_from_native(apmk_socket_bind(socket->handle, any.address, any.length));
    socket->named = error == APM_ERROR_SUCCESS;
    return error;
}

/* Under the exclusive gate. */
static void note_connection(apm_socket *socket)
{
    apm_endpoint remote = {0};

    remote.length = (int32_t)sizeof remote.address;
    if (apmk_socket_remote(socket->handle, remote.address, &remote.length) == APMK_SUCCESS &&
        apmi_endpoint_is_valid(&remote))
        apmi_address_set(&socket->remote, &remote);
    socket->named = true;
    atomic_store_explicit(&socket->lost, APM_ERROR_SUCCESS, memory_order_relaxed);
    atomic_store_explicit(&socket->connected, true, memory_order_relaxed);
    set_phase(socket, APMI_CONNECTED);
}

/* Under the exclusive gate: the kernel call, with what has to be done before it. */
static apm_error start_connect(apmi_operation *operation, const apm_endpoint *remote, apmi_phase before,
                               apmk_code *code)
{
    apm_socket *socket = operation->socket;
    apm_error error = APM_ERROR_SUCCESS;

    if (!apmi_socket_is_stream(socket)) {
        *code = apmk_socket_connect_datagram(socket->handle, remote->address, remote->length);
        if (*code == APMK_SUCCESS) note_connection(socket);
        return apmi_error_from_native(*code);
    }
    if (before == APMI_SPENT) error = renew_handle(socket);
    if (error == APM_ERROR_SUCCESS) error = name_handle(socket);
    if (error != APM_ERROR_SUCCESS) return error;
    if (apmi_endpoint_is_loopback(remote)) apmk_socket_quick_refusal(socket->handle);
    *code = apmk_socket_connect(socket->handle, socket->family, remote->address, remote->length,
                                &operation->overlapped);
    if (*code != APMK_SUCCESS && *code != APMK_PENDING) error = apmi_error_from_native(*code);
    return error;
}

static apm_error check_remote(const apm_socket *socket, const apm_endpoint *remote)
{
    if (remote == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (!apmi_endpoint_is_valid(remote)) return APM_ERROR_ARGUMENT;
    if (apm_endpoint_family(remote) != socket->family) return APM_ERROR_NOT_SUPPORTED;
    /* Some kernels take these for loopback, or for a refusal. */
    if (apmi_endpoint_is_wildcard(remote) || apm_endpoint_port(remote) == 0)
        return APM_ERROR_ADDRESS_NOT_AVAILABLE;
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_socket_begin_connect(apm_socket *socket, const apm_endpoint *remote,
                                            apm_async_callback callback, void *state,
                                            apm_async_result **result)
{
    apmi_operation *operation;
    apmi_phase before;
    apmk_code code = APMK_SUCCESS;
    apm_error error;
    bool open, skips;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_closed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    error = check_remote(socket, remote);
    if (error != APM_ERROR_SUCCESS) return error;
    error = claim_phase(socket, &before);
    if (error != APM_ERROR_SUCCESS) return error;
    operation = apmi_operation_new(socket, APMI_CONNECT, callback, state, result != NULL);
    if (operation == NULL) {
        set_phase(socket, before);
        return APM_ERROR_OUT_OF_MEMORY;
    }

    apmk_lock_exclusive(&socket->gate);
    open = apmi_socket_begin(socket);
    error = APM_ERROR_OBJECT_DISPOSED;
    if (open) {
        apmi_lane_enter(operation);
        error = start_connect(operation, remote, before, &code);
        if (error != APM_ERROR_SUCCESS)
            set_phase(socket, apmi_socket_is_stream(socket) ? APMI_SPENT : before);
    }
    skips = socket->skips || !apmi_socket_is_stream(socket); /* a datagram socket is connected by now */
    apmk_unlock_exclusive(&socket->gate);

    if (error != APM_ERROR_SUCCESS) {
        if (open) {
            apmi_lane_leave(socket, APMI_CONNECT);
            apmi_socket_done(socket);
        }
        apmi_operation_discard(operation);
        return error;
    }
    if (result != NULL) *result = operation;
    if (apmi_operation_hand_over(operation, code, 0, skips)) apmi_operation_complete_inside(operation);
    return APM_ERROR_SUCCESS;
}

void apmi_connect_complete(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;

    if (!apmi_socket_is_stream(socket)) return; /* it was connected in Begin */
    apmk_lock_exclusive(&socket->gate);
    if (operation->error == APM_ERROR_SUCCESS) {
        if (apmi_socket_closed(socket))
            operation->error = APM_ERROR_OPERATION_ABORTED;
        else
            operation->error = apmi_error_from_native(apmk_socket_update_connect_context(socket->handle));
        if (operation->error == APM_ERROR_SUCCESS) note_connection(socket);
    }
    if (operation->error != APM_ERROR_SUCCESS) {
        bool aborted = operation->error == APM_ERROR_OPERATION_ABORTED && !apmi_socket_closed(socket);
        set_phase(socket, aborted && renew_handle(socket) == APM_ERROR_SUCCESS ? APMI_FRESH : APMI_SPENT);
    }
    apmk_unlock_exclusive(&socket->gate);
}

apm_error APM_CALL apm_socket_end_connect(apm_socket *socket, apm_async_result *result)
{
    return apmi_operation_end(socket, result, APMI_CONNECT, NULL);
}
