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

#include <apmsock/socket_option.h>
#include <assert.h>
#include <string.h>

#include "course.h"
#include "end.h"
#include "endpoint.h"
#include "error.h"
#include "handle.h"
#include "library.h"
#include "trace.h"

/* Winsock's and the system's numbers that adopting needs. */
enum { LEVEL_SOCKET = 0xFFFF, NAME_LISTENS = 2, CANNOT_ATTACH = 87 };

/* Spare blocks kept per socket: two at hand, and so many further ones. */
enum { FURTHER_SPARES = 1022 };

/* ---- counts ------------------------------------------------------------------------------- */

void apmi_socket_delete(apm_socket *socket)
{
    apmi_library *library = socket->library;
    apmi_operation *operation;

    assert(apmi_socket_closed(socket));
    apmi_annex_delete(library, apmi_annex_of(&socket->first));
    operation = atomic_load_explicit(&socket->at_hand, memory_order_relaxed); /* nobody else has the socket */
    if (operation != NULL) apmi_operation_delete(socket, operation);
    while ((operation = socket->spare) != NULL) {
        socket->spare = operation->next;
        apmi_operation_delete(socket, operation);
    }
    apmi_settings_clear(socket);
    apmi_library_release_block(library, socket);
    apmi_library_drop(library);
}

/* The word's half that counts operations begun is half full: its upper half is the library's. */
void apmi_socket_carry(apm_socket *socket)
{
    atomic_fetch_sub_explicit(&socket->active, APMI_BEGUN << 31, memory_order_relaxed);
    atomic_fetch_add_explicit(&socket->library->statistics.carried, UINT64_C(1) << 31, memory_order_relaxed);
}

void apmi_socket_leave(apm_socket *socket)
{
    apmi_library_leave(socket->library, socket);
    apmi_socket_drop(socket);
}

/* ---- spare blocks ----------------------------------------------------------------------------- */

/* Two need no lock. A connection that answers what it gets begins an operation in the callback of the other one,
 * and, where that is over at once, a third one in there. */

apmi_operation *apmi_socket_take_spare(apm_socket *socket)
{
    apmi_operation *operation = NULL;

    /* A look first: an exchange that finds nothing costs as much as one that does. Acquire: who had it is done
     * with it. */
    if (atomic_load_explicit(&socket->first_spare, memory_order_relaxed) &&
        atomic_exchange_explicit(&socket->first_spare, false, memory_order_acquire))
        return &socket->first;
    if (atomic_load_explicit(&socket->at_hand, memory_order_relaxed) != NULL)
        operation = atomic_exchange_explicit(&socket->at_hand, NULL, memory_order_acquire);
    if (operation != NULL) return operation;
    apmk_interleave();
    apmk_lock_exclusive(&socket->side_lock);
    operation = socket->spare;
    if (operation != NULL) {
        socket->spare = operation->next;
        socket->spare_count--;
    }
    apmk_unlock_exclusive(&socket->side_lock);
    return operation;
}

static bool put_at_hand(apm_socket *socket, apmi_operation *operation)
{
    apmi_operation *none = NULL;

    /* Release: see above. Of `first` there is one, so its place is free. */
    if (operation == &socket->first) {
        atomic_store_explicit(&socket->first_spare, true, memory_order_release);
        return true;
    }
    return atomic_load_explicit(&socket->at_hand, memory_order_relaxed) == NULL &&
           atomic_compare_exchange_strong_explicit(&socket->at_hand, &none, operation, memory_order_release,
                                                   memory_order_relaxed);
}

void apmi_socket_give_spare(apm_socket *socket, apmi_operation *operation)
{
    bool kept;

#ifndef NDEBUG
    memset(operation, 0xDD, APMI_OPERATION_CLEARED); /* a late look finds nonsense */
#endif
    if (put_at_hand(socket, operation)) return;
    apmk_interleave();
    apmk_lock_exclusive(&socket->side_lock);
    kept = socket->spare_count < FURTHER_SPARES;
    if (kept) {
        operation->next = socket->spare;
        socket->spare = operation;
        socket->spare_count++;
    }
    apmk_unlock_exclusive(&socket->side_lock);
    if (!kept) apmi_operation_delete(socket, operation);
}

/* ---- addresses -------------------------------------------------------------------------------- */

void apmi_address_set(apmk_address *address, const apm_endpoint *endpoint)
{
    assert(endpoint->length >= 0 && (size_t)endpoint->length <= sizeof address->bytes);
    address->length = endpoint->length;
    memcpy(address->bytes, endpoint->address, (size_t)endpoint->length);
}

void apmi_address_get(const apmk_address *address, apm_endpoint *endpoint)
{
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->length = address->length;
    memcpy(endpoint->address, address->bytes, (size_t)address->length);
}

/* ::ffff:a.b.c.d, with the same port. */
static void map_address(const apm_endpoint *endpoint, apmk_address *address)
{
    const unsigned char *from = (const unsigned char *)endpoint->address;

    memset(address, 0, sizeof *address);
    address->length = (int32_t)sizeof address->bytes;
    address->bytes[0] = APM_FAMILY_IPV6;
    memcpy(&address->bytes[2], &from[2], 2); /* the port; both begin alike */
    address->bytes[18] = address->bytes[19] = 0xFF;
    memcpy(&address->bytes[20], &from[4], 4);
}

apm_error apmi_socket_fit(const apm_socket *socket, const apm_endpoint *endpoint, apmk_address *address)
{
    int32_t family = apm_endpoint_family(endpoint);

    if (family == socket->family)
        apmi_address_set(address, endpoint);
    else if (family == APM_FAMILY_IPV4 && atomic_load_explicit(&socket->dual, memory_order_relaxed))
        map_address(endpoint, address);
    else
        return APM_ERROR_NOT_SUPPORTED;
    return APM_ERROR_SUCCESS;
}

apm_error apmi_socket_fit_remote(const apm_socket *socket, const apm_endpoint *remote, apmk_address *address)
{
    if (remote == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (!apmi_endpoint_is_valid(remote)) return APM_ERROR_ARGUMENT;
    if (apmi_socket_fit(socket, remote, address) != APM_ERROR_SUCCESS) return APM_ERROR_NOT_SUPPORTED;
    /* Some kernels take these for loopback, or for a refusal. */
    if (apmi_endpoint_is_wildcard(remote) || apm_endpoint_port(remote) == 0)
        return APM_ERROR_ADDRESS_NOT_AVAILABLE;
    return APM_ERROR_SUCCESS;
}

/* ---- create ------------------------------------------------------------------------------------ */

/* "There is none" is an answer, whatever else stands in the way of one is an error: a socket that is taken for
 * less than it is would lose its connection. */
static apm_error excuse(apmk_code code, apm_error none, apm_error also)
{
    apm_error error = apmi_error_from_native(code);

    return error == none || error == also ? APM_ERROR_SUCCESS : error;
}

static apm_error look_at_dual_mode(apm_socket *socket, apmk_socket handle)
{
    int32_t only_ipv6 = 1, size = (int32_t)sizeof only_ipv6;
    apmk_code code = APMK_SUCCESS;

    if (socket->family == APM_FAMILY_IPV6)
        code = apmk_socket_get_option(handle, APMI_LEVEL_IPV6, APMI_NAME_V6ONLY, &only_ipv6, &size);
    if (code != APMK_SUCCESS) /* an old system has no such option */
        return excuse(code, APM_ERROR_PROTOCOL_OPTION, APM_ERROR_INVALID_ARGUMENT);
    socket->settings.was_dual = only_ipv6 == 0;
    atomic_store_explicit(&socket->dual, only_ipv6 == 0, memory_order_relaxed);
    return APM_ERROR_SUCCESS;
}

/* In what state an adopted handle is. */
static apm_error look_at_handle(apm_socket *socket, apmk_socket handle)
{
    apm_error error = look_at_dual_mode(socket, handle);
    apm_endpoint found = {0};
    apmk_code code;

    if (error != APM_ERROR_SUCCESS) return error;
    found.length = (int32_t)sizeof found.address;
    code = apmk_socket_local(handle, found.address, &found.length);
    if (code != APMK_SUCCESS) return excuse(code, APM_ERROR_INVALID_ARGUMENT, APM_ERROR_NOT_CONNECTED);
    atomic_store_explicit(&socket->named, true, memory_order_relaxed);
    /* It may get its port with the connect only. */
    if (apmi_endpoint_is_valid(&found) &&
        (apm_endpoint_port(&found) != 0 || !apmi_endpoint_is_wildcard(&found)))
        apmi_address_set(&socket->local, &found);
    found.length = (int32_t)sizeof found.address;
    code = apmk_socket_remote(handle, found.address, &found.length);
    if (code != APMK_SUCCESS) return excuse(code, APM_ERROR_NOT_CONNECTED, APM_ERROR_INVALID_ARGUMENT);
    if (!apmi_endpoint_is_valid(&found)) return APM_ERROR_SUCCESS;
    socket->local.length = 0; /* nobody may have chosen it, and of an accepted socket it is the listener's */
    apmi_address_set(&socket->remote, &found);
    atomic_store_explicit(&socket->connected, true, memory_order_relaxed);
    apmi_socket_set_phase(socket, APMI_CONNECTED);
    return APM_ERROR_SUCCESS;
}

/* One's own to open; or one that is there, which stays the caller's, and as it was, on failure. */
static apm_error take_handle(apm_socket *socket, apmk_socket given)
{
    apmi_handle handle;
    apm_error error;

    if (given == APMK_NO_SOCKET) {
        error = apmi_handle_open(socket, &handle);
        if (error == APM_ERROR_SUCCESS) (void)apmi_handle_install(socket, &handle);
        return error;
    }
    error = look_at_handle(socket, given);
    if (error == APM_ERROR_SUCCESS) error = apmi_handle_attach(socket, given, false, &handle.skips);
    if (error != APM_ERROR_SUCCESS) return error;
    apmi_socket_set_skips(socket, handle.skips);
    apmk_socket_disinherit(given);
    socket->handle = given;
    return APM_ERROR_SUCCESS;
}

/* A number that no kernel has stays one: that has to say what is wrong with it. */
static int16_t narrow(int32_t number)
{
    if (number < INT16_MIN || number > INT16_MAX) return -1;
    return (int16_t)number;
}

/* Makes the socket around a handle, which is opened if there is none yet. It enters the library
 * first: nothing takes the handle off the port again, so that must be the last step that can fail.
 * The end of the library, which finds the socket from then on, waits at the gate. */
static apm_error make_socket(int32_t family, int32_t type, int32_t protocol, apmk_socket given,
                             apm_socket **socket)
{
    apmi_library *library = NULL;
    apm_socket *made;
    apm_error error = apmi_library_use(&library);

    if (error != APM_ERROR_SUCCESS) return error;
    made = (apm_socket *)apmi_library_allocate(library, sizeof *made);
    if (made == NULL) {
        apmi_library_leave(library, NULL);
        apmi_library_drop(library);
        return APM_ERROR_OUT_OF_MEMORY;
    }
    memset(made, 0, sizeof *made);
    atomic_init(&made->references, 2); /* the creator, and being open */
    atomic_init(&made->users, 1);
    atomic_init(&made->active, APMI_OPEN);
    made->library = library; /* takes over our use and our reference */
    made->handle = APMK_NO_SOCKET;
    made->family = narrow(family);
    made->type = narrow(type);
    made->protocol = narrow(protocol);
    atomic_init(&made->first.annex, NULL);
    atomic_init(&made->first_spare, true);

    apmk_lock_exclusive(&made->gate);
    error = APM_ERROR_INVALID_OPERATION; /* the library is being ended */
    if (apmi_library_enter(library, made)) error = take_handle(made, given);
    if (error != APM_ERROR_SUCCESS) atomic_store_explicit(&made->gone, APMI_CLOSED, memory_order_release);
    apmk_unlock_exclusive(&made->gate);

    if (error == APM_ERROR_SUCCESS) {
        if (apmi_traces(APM_LOG_DEBUG))
            apmi_trace_socket(made, APM_EVENT_SOCKET_OPENED, error, apm_socket_handle(made));
        *socket = made;
    } else {
        apmi_socket_count_down(made, APMI_OPEN);
        apmi_socket_drop(made);
    }
    return error;
}

apm_error APM_CALL apm_socket_create(int32_t family, int32_t type, int32_t protocol, apm_socket **socket)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    return make_socket(family, type, protocol, APMK_NO_SOCKET, socket);
}

apm_error APM_CALL apm_socket_create_dual(int32_t type, int32_t protocol, apm_socket **socket)
{
    apm_socket *made = NULL;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    error = make_socket(APM_FAMILY_IPV6, type, protocol, APMK_NO_SOCKET, &made);
    if (error == APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED)
        return make_socket(APM_FAMILY_IPV4, type, protocol, APMK_NO_SOCKET, socket);
    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_set_option(made, APM_SOCKET_OPTION_DUAL_MODE, 1);
    if (error == APM_ERROR_SUCCESS)
        *socket = made;
    else
        (void)apm_socket_close(made);
    /* The end of the library has closed it: no socket that anybody had. */
    return error == APM_ERROR_OBJECT_DISPOSED ? APM_ERROR_INVALID_OPERATION : error;
}

apm_error APM_CALL apm_socket_adopt(uintptr_t handle, apm_socket **socket)
{
    int32_t family = 0, type = 0, protocol = 0, listens = 0, size = (int32_t)sizeof listens;
    apmi_library *library = NULL;
    apm_socket *made = NULL;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (handle == APMK_NO_SOCKET) return APM_ERROR_NOT_SOCKET;
    error = apmi_library_use(&library); /* nothing can be asked before the library runs */
    if (error != APM_ERROR_SUCCESS) return error;
    error = apmi_error_from_native(apmk_socket_describe(handle, &family, &type, &protocol));
    /* Of another family no endpoint could be told. */
    if (error == APM_ERROR_SUCCESS && family != APM_FAMILY_IPV4 && family != APM_FAMILY_IPV6)
        error = APM_ERROR_NOT_SUPPORTED;
    if (error == APM_ERROR_SUCCESS && type == APM_SOCKET_STREAM)
        error = excuse(apmk_socket_get_option(handle, LEVEL_SOCKET, NAME_LISTENS, &listens, &size),
                       APM_ERROR_PROTOCOL_OPTION, APM_ERROR_PROTOCOL_OPTION);
    if (error == APM_ERROR_SUCCESS && listens != 0) error = APM_ERROR_INVALID_OPERATION;
    if (error == APM_ERROR_SUCCESS) {
        error = make_socket(family, type, protocol, handle, &made);
        /* The system's "invalid parameter": not overlapped, or attached to a port already. */
        if (error == APM_ERROR_INVALID_ARGUMENT || error == (apm_error)CANNOT_ATTACH)
            error = APM_ERROR_INVALID_OPERATION;
    }
    if (error == APM_ERROR_SUCCESS) *socket = made;
    apmi_library_leave(library, NULL);
    apmi_library_drop(library);
    return error;
}

/* ---- close ---------------------------------------------------------------------------------------- */

/* Aborts what is in the kernel. Not every system does that when the handle is closed: there a send
 * would live on for as long as the peer does not read. `alone` is asked for by itself, because a
 * system may overlook one that it is just at work on when it is asked for all (kernel_transfer.c). */
static void abort_all(apmk_socket handle, apmi_operation *alone)
{
    if (alone != NULL) apmk_socket_cancel(handle, &alone->overlapped);
    apmk_socket_cancel(handle, NULL);
}

bool apmi_socket_shut(apm_socket *socket, int32_t timeout)
{
    apmi_operation *list, *connect, *alone;
    apmk_socket handle;
    apmi_phase phase;
    bool busy, sends;

    apmk_lock_exclusive(&socket->gate);
    if (apmi_socket_closed(socket)) {
        apmk_unlock_exclusive(&socket->gate);
        return false;
    }
    atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
    atomic_fetch_or_explicit(&socket->gone, APMI_CLOSED, memory_order_release);
    /* The library may end beside a close by a time. */
    if (timeout < 0 && apmi_end_now(socket) != APMI_END_NONE && apmi_end_cut_off(socket)) timeout = 0;
    handle = socket->handle;
    socket->handle = APMK_NO_SOCKET;
    phase = apmi_socket_phase(socket);
    connect = socket->connect;
    /* A disconnect that waits for the peer has left its lane. */
    busy = connect != NULL || phase == APMI_LEAVING || apmi_lane_in_kernel(socket);
    sends = apmi_socket_is_stream(socket) && apmi_lane_sends(socket);
    list = apmi_lane_abandon(socket);
    alone = socket->alone;
    if (alone != NULL) apmi_operation_retain(alone);
    if (connect != NULL && apmi_course_stop(connect)) { /* nothing of it is in the kernel */
        connect->next = list;
        list = connect;
    }
    apmk_unlock_exclusive(&socket->gate);

    apmi_operation_post_all(list); /* what follows may take its time */
    if (timeout >= 0) {
        apmi_end_force(socket, handle, apmi_socket_is_stream(socket) && apmi_end_has_connection(phase),
                       timeout);
        /* What is cut off now, of a peer that had ended its stream before, must not look whole. */
        if (sends && !apmi_lane_is_outward_over(socket)) apmk_socket_set_abortive(handle, true);
    }
    if (busy) abort_all(handle, alone);
    apmi_handle_close(socket, handle);
    if (alone != NULL) apmi_operation_release(alone);
    if (apmi_traces(APM_LOG_DEBUG)) apmi_trace_socket(socket, APM_EVENT_SOCKET_CLOSED, APM_ERROR_SUCCESS, 0);
    apmi_socket_count_down(socket, APMI_OPEN);
    return true;
}

static apm_error close_socket(apm_socket *socket, int32_t timeout)
{
    bool waits = timeout > 0 && socket != NULL && apmi_socket_is_stream(socket);
    uint8_t gone = waits ? APMI_DISPOSED | APMI_DRAINS : APMI_DISPOSED;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (timeout < -1) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    /* The creator's reference is ours from here on, and keeps the socket while we close it: whoever else
     * closes meanwhile, a callback above all, has one of his own. */
    gone = atomic_fetch_or_explicit(&socket->gone, gone, memory_order_acq_rel);
    if (gone & APMI_DISPOSED) return APM_ERROR_SUCCESS;
    if (waits) timeout = apmi_end_await(socket, timeout);
    (void)apmi_socket_shut(socket, timeout); /* the end of the library may have done it */
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

/* ---- errors ------------------------------------------------------------------------- */

/* Under the gate: the socket has not gone on to another connection since. The packet of a receive may
 * well be looked at after that, and what it says is nothing to the next one. */
static bool is_current(const apmi_operation *operation)
{
    const apm_socket *socket = operation->socket;

    return !apmi_socket_closed(socket) && operation->connection == socket->connection;
}

/* The connection is lost, and what is pending on it can only end. Not every kernel ends it by
 * itself: there a send would wait for ever for a peer that is gone. */
static void note_loss(const apmi_operation *operation, apm_error error)
{
    apm_socket *socket = operation->socket;
    bool lost;

    apmk_lock_exclusive(&socket->gate);
    lost = is_current(operation) &&
           atomic_load_explicit(&socket->lost, memory_order_relaxed) == APM_ERROR_SUCCESS;
    if (lost) { /* by others it is known already */
        socket->lost_ticket = operation->ticket;
        atomic_store_explicit(&socket->lost, error, memory_order_release);
        abort_all(socket->handle, socket->alone);
    }
    apmk_unlock_exclusive(&socket->gate);
    if (lost) apmi_trace_socket(socket, APM_EVENT_CONNECTION_LOST, error, 0);
}

static void note_end(const apmi_operation *operation)
{
    apm_socket *socket = operation->socket;

    apmk_lock_shared(&socket->gate);
    if (is_current(operation)) atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
    apmk_unlock_shared(&socket->gate);
}

void apmi_socket_note_error(const apmi_operation *operation, apm_error error)
{
    /* A connect that failed has connected nothing, and another one may have begun since. */
    if (operation->kind == APMI_CONNECT || apmi_error_is_passing(error)) return;
    switch (error) {
    case APM_ERROR_CONNECTION_RESET:
    case APM_ERROR_CONNECTION_ABORTED:
    case APM_ERROR_NETWORK_RESET:
    case APM_ERROR_TIMED_OUT:
        /* A stream that ended like this must not look like one that ended well: not every
         * kernel says it twice. Only after a receive: before that there may be bytes to read. */
        if (operation->kind >= APMI_RECEIVE && apmi_socket_is_stream(operation->socket))
            note_loss(operation, error);
        if (error == APM_ERROR_TIMED_OUT) return;
        break;
    default: break;
    }
    note_end(operation);
}

static apm_error look_at_loss(const apmi_operation *operation, bool before)
{
    apm_socket *socket = operation->socket;
    apm_error lost = APM_ERROR_SUCCESS;

    apmk_lock_shared(&socket->gate);
    if (is_current(operation) && (!before || apmi_ticket_is_older(socket->lost_ticket, operation->ticket)))
        lost = atomic_load_explicit(&socket->lost, memory_order_relaxed);
    apmk_unlock_shared(&socket->gate);
    return lost;
}

apm_error apmi_socket_lost(const apmi_operation *operation)
{
    return look_at_loss(operation, false);
}

apm_error apmi_socket_lost_before(const apmi_operation *operation)
{
    return look_at_loss(operation, true);
}

/* What every socket of a program takes as long as it lives. A change may lower it; what raises it has to be
 * worth it. */
_Static_assert(sizeof(struct apm_socket) <= (sizeof(void *) > 4 ? 456 : 360), "bytes of a socket");
