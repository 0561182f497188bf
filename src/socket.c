/* SPDX-License-Identifier: MIT */
/*
 * The socket.
 *
 * Counts. `references` keep the memory: one for each user, one for each operation, one for
 * being open. `users` are those who may call: the creator (until apm_socket_close) and
 * whoever retained; when the last one goes without a close, the socket is shut. `active`
 * counts the operations that have not called back yet, and being open: at 0 the socket
 * leaves the library, whose end waits for that.
 *
 * Close. Under the exclusive gate the socket is marked closed and loses its handle and the
 * operations that wait in its lanes: from there on nobody can reach the handle, and the
 * closing thread has it for itself. Then, without the gate, everything that is pending is
 * cancelled and the handle is closed; the packets come in as they like, and each finds the
 * mark. Cancelling first lets the peer see an orderly end where a close with receives
 * pending would reset the connection. Nothing is waited for.
 */
#include "socket.h"

#include <assert.h>
#include <string.h>

#include "endpoint.h"
#include "error.h"
#include "library.h"
#include "pool.h"

/* Spare blocks kept per socket; a test may set 0 to see every use after the end. */
#ifndef APMI_SPARE_LIMIT
#define APMI_SPARE_LIMIT 1024u
#endif

/* ---- counts ------------------------------------------------------------------------------- */

void apmi_socket_hold(apm_socket *socket)
{
    /* Relaxed: whoever holds already has the socket from someone who does. */
    atomic_fetch_add_explicit(&socket->references, 1, memory_order_relaxed);
}

static void delete_socket(apm_socket *socket)
{
    apmi_library *library = socket->library;

    assert(apmi_socket_closed(socket));
    while (socket->spare != NULL) {
        apmi_operation *operation = socket->spare;
        socket->spare = operation->next;
        apmi_library_release_block(library, operation);
    }
    apmi_library_release_block(library, socket);
    apmi_library_drop(library);
}

void apmi_socket_drop(apm_socket *socket)
{
    uint32_t before = atomic_fetch_sub_explicit(&socket->references, 1, memory_order_acq_rel);

    assert(before != 0);
    if (before == 1) delete_socket(socket);
}

bool apmi_socket_begin(apm_socket *socket)
{
    if (apmi_socket_closed(socket)) return false;
    /* Relaxed: under the gate, an open socket counts itself. */
    atomic_fetch_add_explicit(&socket->active, 1, memory_order_relaxed);
    return true;
}

void apmi_socket_done(apm_socket *socket)
{
    uint32_t before = atomic_fetch_sub_explicit(&socket->active, 1, memory_order_acq_rel);

    assert(before != 0);
    if (before != 1) return;
    apmi_library_leave(socket->library, socket);
    apmi_socket_drop(socket);
}

/* ---- spare blocks ----------------------------------------------------------------------------- */

apmi_operation *apmi_socket_take_spare(apm_socket *socket)
{
    apmi_operation *operation;

    apmk_lock_exclusive(&socket->spare_lock);
    operation = socket->spare;
    if (operation != NULL) {
        socket->spare = operation->next;
        socket->spare_count--;
    }
    apmk_unlock_exclusive(&socket->spare_lock);
    return operation;
}

void apmi_socket_give_spare(apm_socket *socket, apmi_operation *operation)
{
    bool kept;

#ifndef NDEBUG
    memset(operation, 0xDD, sizeof *operation); /* a late look finds nonsense */
#endif
    apmk_lock_exclusive(&socket->spare_lock);
    kept = socket->spare_count < APMI_SPARE_LIMIT;
    if (kept) {
        operation->next = socket->spare;
        socket->spare = operation;
        socket->spare_count++;
    }
    apmk_unlock_exclusive(&socket->spare_lock);
    if (!kept) apmi_library_release_block(socket->library, operation);
}

/* ---- addresses -------------------------------------------------------------------------------- */

void apmi_address_set(apmi_address *address, const apm_endpoint *endpoint)
{
    assert(endpoint->length >= 0 && (size_t)endpoint->length <= sizeof address->bytes);
    address->length = endpoint->length;
    memcpy(address->bytes, endpoint->address, (size_t)endpoint->length);
}

void apmi_address_get(const apmi_address *address, apm_endpoint *endpoint)
{
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->length = address->length;
    memcpy(endpoint->address, address->bytes, (size_t)address->length);
}

/* ---- create ------------------------------------------------------------------------------------ */

apm_error apmi_socket_open_handle(apm_socket *socket, apmk_socket *handle, bool *skips)
{
    apmi_library *library = socket->library;
    apmk_code code = apmk_socket_open(socket->family, socket->type, socket->protocol, handle);

    if (code == APMK_SUCCESS) {
        code = apmk_socket_attach(*handle, library->pool.port, APMI_PACKET);
        if (code != APMK_SUCCESS) apmk_socket_close(*handle);
    }
    if (code != APMK_SUCCESS) return apmi_error_from_native(code);
    /* Not for datagrams: one that is larger than the buffer may or may not send a packet. */
    *skips = apmi_socket_is_stream(socket) && !library->options.packet_always &&
             apmk_socket_skip_on_success(*handle);
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_socket_create(int32_t family, int32_t type, int32_t protocol, apm_socket **socket)
{
    apmi_library *library = NULL;
    apm_socket *made;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    error = apmi_library_use(&library);
    if (error != APM_ERROR_SUCCESS) return error;

    error = APM_ERROR_OUT_OF_MEMORY;
    made = (apm_socket *)apmi_library_allocate(library, sizeof *made);
    if (made == NULL) goto no_memory;
    memset(made, 0, sizeof *made);
    atomic_init(&made->references, 2); /* the creator, and being open */
    atomic_init(&made->users, 1);
    atomic_init(&made->active, 1);
    made->library = library; /* takes over our use and our reference */
    made->family = family;
    made->type = type;
    made->protocol = protocol;
    error = apmi_socket_open_handle(made, &made->handle, &made->skips);
    if (error != APM_ERROR_SUCCESS) goto no_handle;
    if (!apmi_library_enter(library, made)) {
        error = APM_ERROR_INVALID_OPERATION; /* it is being ended */
        goto not_entered;
    }
    *socket = made;
    return APM_ERROR_SUCCESS;

not_entered:
    apmk_socket_close(made->handle);
no_handle:
    apmi_library_release_block(library, made);
no_memory:
    apmi_library_leave(library, NULL);
    apmi_library_drop(library);
    return error;
}

/* ---- close ---------------------------------------------------------------------------------------- */

bool apmi_socket_shut(apm_socket *socket, int32_t timeout)
{
    apmi_operation *list = NULL;
    apmk_socket handle;
    bool orderly;
    int kind;

    apmk_lock_exclusive(&socket->gate);
    if (apmi_socket_closed(socket)) {
        apmk_unlock_exclusive(&socket->gate);
        return false;
    }
    atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
    atomic_store_explicit(&socket->closed, true, memory_order_release);
    handle = socket->handle;
    socket->handle = APMK_NO_SOCKET;
    orderly = apmi_socket_is_stream(socket) &&
              atomic_load_explicit(&socket->phase, memory_order_relaxed) == APMI_CONNECTED;
    for (kind = 0; kind < APMI_KIND_COUNT; kind++) list = apmi_lane_abandon(socket, (apmi_kind)kind, list);
    apmk_unlock_exclusive(&socket->gate);

    if (timeout > 0 && orderly) {
        (void)apmk_socket_shutdown(handle, APM_SHUTDOWN_SEND);
        if (!apmk_socket_wait_end(handle, (uint32_t)timeout)) apmk_socket_set_abortive(handle);
    } else if (timeout == 0) {
        apmk_socket_set_abortive(handle);
    }
    apmk_socket_cancel(handle, NULL);
    apmk_socket_close(handle);
    while (list != NULL) {
        apmi_operation *operation = list;
        list = operation->next;
        operation->next = NULL;
        apmi_pool_post(&socket->library->pool, operation, APMI_OVER);
    }
    apmi_socket_done(socket); /* it is not open any more */
    return true;
}

static apm_error close_socket(apm_socket *socket, int32_t timeout)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (timeout < -1) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    (void)apmi_socket_shut(socket, timeout); /* the end of the library may have done it */
    if (!atomic_exchange_explicit(&socket->creator_gone, true, memory_order_relaxed))
        apm_socket_release(socket);
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_socket_close(apm_socket *socket)
{
    return close_socket(socket, -1);
}

apm_error APM_CALL apm_socket_close_timeout(apm_socket *socket, int32_t timeout)
{
    return close_socket(socket, timeout);
}

void APM_CALL apm_socket_retain(apm_socket *socket)
{
    if (socket == NULL) return;
    atomic_fetch_add_explicit(&socket->users, 1, memory_order_relaxed);
    apmi_socket_hold(socket);
}

void APM_CALL apm_socket_release(apm_socket *socket)
{
    if (socket == NULL) return;
    if (atomic_fetch_sub_explicit(&socket->users, 1, memory_order_acq_rel) == 1)
        (void)apmi_socket_shut(socket, -1);
    apmi_socket_drop(socket);
}

/* ---- state and properties ------------------------------------------------------------------------- */

void apmi_socket_note_error(apm_socket *socket, apmi_kind kind, apm_error error)
{
    switch (error) {
    case APM_ERROR_OPERATION_ABORTED: /* a cancel leaves the connection as it is */
    case APM_ERROR_WOULD_BLOCK:
    case APM_ERROR_IO_PENDING:
    case APM_ERROR_NO_BUFFER_SPACE_AVAILABLE: return;
    case APM_ERROR_CONNECTION_RESET:
    case APM_ERROR_CONNECTION_ABORTED:
    case APM_ERROR_NETWORK_RESET:
    case APM_ERROR_TIMED_OUT:
        /* A stream that ended like this must not look like one that ended well: not every
         * kernel says it twice. Only after a receive: before that there may be bytes to read. */
        if (kind == APMI_RECEIVE && apmi_socket_is_stream(socket))
            atomic_store_explicit(&socket->lost, error, memory_order_release);
        if (error == APM_ERROR_TIMED_OUT) return;
        break;
    default: break;
    }
    atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
}

apm_error APM_CALL apm_socket_bind(apm_socket *socket, const apm_endpoint *local)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_closed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (local == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (!apmi_endpoint_is_valid(local)) return APM_ERROR_ARGUMENT;
    if (apm_endpoint_family(local) != socket->family) return APM_ERROR_NOT_SUPPORTED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_closed(socket)) {
        error = socket->named
                    ? APM_ERROR_INVALID_ARGUMENT
                    : apmi_error_from_native(apmk_socket_bind(socket->handle, local->address, local->length));
        if (error == APM_ERROR_SUCCESS) {
            socket->named = true;
            apmi_address_set(&socket->local, local);
        }
    }
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

apm_error APM_CALL apm_socket_shutdown(apm_socket *socket, int32_t how)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_closed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (how < APM_SHUTDOWN_RECEIVE || how > APM_SHUTDOWN_BOTH) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (atomic_load_explicit(&socket->phase, memory_order_acquire) != APMI_CONNECTED)
        return APM_ERROR_NOT_CONNECTED;

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_closed(socket)) {
        error = apmi_error_from_native(apmk_socket_shutdown(socket->handle, how));
        if (error == APM_ERROR_SUCCESS)
            atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
    }
    apmk_unlock_shared(&socket->gate);
    return error;
}

bool APM_CALL apm_socket_connected(const apm_socket *socket)
{
    return socket != NULL && atomic_load_explicit(&socket->connected, memory_order_acquire);
}

apm_error APM_CALL apm_socket_local_endpoint(apm_socket *socket, apm_endpoint *endpoint)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_closed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_closed(socket) && !socket->named) {
        error = APM_ERROR_INVALID_ARGUMENT;
    } else if (!apmi_socket_closed(socket)) {
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
    if (apmi_socket_closed(socket)) return APM_ERROR_OBJECT_DISPOSED;
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
