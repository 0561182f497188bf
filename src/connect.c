/* SPDX-License-Identifier: MIT */
/*
 * Connecting. The phase (socket.h) is the lock: whoever takes it to CONNECTING owns the
 * handle's state until the connect is over; what happens meanwhile is told in course.c.
 *
 * A connect to one endpoint that cannot begin fails in Begin. With several, or a name, what
 * the kernel says of an address is the operation's, which then completes on a worker.
 *
 * The phase moves on before the operation completes, so that a callback may connect again.
 */
#include "connect.h"

#include <apmsock/connect.h>
#include <apmsock/socket_option.h>
#include <string.h>

#include "course.h"
#include "deadline.h"
#include "endpoint.h"
#include "error.h"
#include "library.h"
#include "pool.h"
#include "socket.h"

/* ---- the phase ------------------------------------------------------------------------------- */

/* Takes the phase to CONNECTING. */
static apm_error claim_phase(apm_socket *socket, apmi_phase *before)
{
    uint32_t phase = (uint32_t)apmi_socket_phase(socket);

    do {
        if (phase == APMI_CONNECTING || phase == APMI_LEAVING) return APM_ERROR_INVALID_OPERATION;
        if (phase == APMI_CONNECTED && apmi_socket_is_stream(socket)) return APM_ERROR_IS_CONNECTED;
        /* A datagram socket may change its mind about its peer, and has one meanwhile: see enter_connect. */
        if (phase == APMI_CONNECTED) break;
    } while (!atomic_compare_exchange_weak_explicit(&socket->phase, &phase, APMI_CONNECTING,
                                                    memory_order_acq_rel, memory_order_acquire));
    *before = (apmi_phase)phase;
    return APM_ERROR_SUCCESS;
}

/* Under the exclusive gate. The kernel is not asked for the peer: it was told. */
static void note_connection(apm_socket *socket, const apmk_address *remote)
{
    socket->remote = *remote;
    atomic_store_explicit(&socket->named, true, memory_order_relaxed);
    atomic_store_explicit(&socket->lost, APM_ERROR_SUCCESS, memory_order_relaxed);
    atomic_store_explicit(&socket->connected, true, memory_order_relaxed);
    apmi_socket_set_phase(socket, APMI_CONNECTED);
}

/* Under the exclusive gate: the connect has failed. */
static void note_failure(apmi_operation *operation)
{
    const apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    apmi_phase phase = APMI_SPENT;

    if (!apmi_socket_is_stream(socket))
        phase = (apmi_phase)course->before;
    else if (!course->spent) /* or no longer */
        phase = APMI_FRESH;
    else if ((operation->error == APM_ERROR_OPERATION_ABORTED || course->won) &&
             apmi_handle_renew(socket) == APM_ERROR_SUCCESS)
        phase = APMI_FRESH;
    /* The local endpoint that the library has given it is gone with the attempt. */
    if (course->spent && socket->local.length == 0 && apmi_socket_is_stream(socket))
        atomic_store_explicit(&socket->named, false, memory_order_relaxed);
    apmi_socket_set_phase(socket, phase);
}

/* ---- begin ----------------------------------------------------------------------------------- */

static apmi_operation *new_connect(apm_socket *socket, uint32_t room, bool looks, apmi_phase before,
                                   apm_async_callback callback, void *state, bool wanted)
{
    apmi_operation *operation = apmi_operation_new(socket, APMI_CONNECT, callback, state, wanted);
    apmi_course *course;

    if (operation == NULL) return NULL;
    if (!apmi_course_make(operation, room, looks)) {
        apmi_operation_discard(operation, APM_ERROR_OUT_OF_MEMORY);
        return NULL;
    }
    course = apmi_course_of(operation);
    course->before = (uint32_t)before;
    course->spent = before == APMI_SPENT;
    course->parallel = atomic_load_explicit(&socket->settings.connect_algorithm, memory_order_relaxed) ==
                       APM_CONNECT_PARALLEL;
    return operation;
}

/* Under the exclusive gate: the operation is the socket's connect, within its time. */
static apm_error enter_connect(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;
    int32_t limit = atomic_load_explicit(&socket->settings.connect_timeout, memory_order_relaxed);

    /* Of a datagram socket that has a peer the phase has not told. */
    if (socket->connect != NULL) return APM_ERROR_INVALID_OPERATION;
    socket->connect = operation;
    /* Its expiry waits for the gate, and finds the connect begun, or gone. */
    return limit > 0 ? apmi_deadline_limit(operation, (uint32_t)limit) : APM_ERROR_SUCCESS;
}

/* Under the exclusive gate: Begin fails. */
static void fail_to_begin(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;

    if (socket->connect == operation) socket->connect = NULL;
    note_failure(operation);
}

/* Begin fails: nobody has seen the operation. */
static void leave_connect(apmi_operation *operation, bool entered, apm_error error)
{
    apm_socket *socket = operation->socket;

    if (entered) apmi_socket_undo(socket);
    apmi_operation_discard(operation, error);
}

apm_error apmi_connect_check(const apm_socket *socket, const apm_endpoint *remote, apmk_address *address)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    return apmi_socket_fit_remote(socket, remote, address);
}

apm_error APM_CALL apm_socket_begin_connect(apm_socket *socket, const apm_endpoint *remote,
                                            apm_async_callback callback, void *state,
                                            apm_async_result **result)
{
    apmi_operation *operation;
    apmk_code code = APMK_SUCCESS;
    apmk_address address;
    apmi_phase before;
    apm_error error;
    bool entered, skips;

    error = apmi_connect_check(socket, remote, &address);
    if (error == APM_ERROR_SUCCESS) error = claim_phase(socket, &before);
    if (error != APM_ERROR_SUCCESS) return error;
    operation = new_connect(socket, 0, false, before, callback, state, result != NULL);
    if (operation == NULL) {
        apmi_socket_set_phase(socket, before);
        return APM_ERROR_OUT_OF_MEMORY;
    }
    apmi_course_of(operation)->one = true;

    apmk_lock_exclusive(&socket->gate);
    entered = apmi_socket_begin(socket);
    error = entered ? enter_connect(operation) : APM_ERROR_OBJECT_DISPOSED;
    if (error == APM_ERROR_SUCCESS) error = apmi_course_try(operation, &address, &code);
    if (entered && error != APM_ERROR_SUCCESS) fail_to_begin(operation);
    skips = !apmi_socket_is_stream(socket); /* a datagram socket is connected by now: it is ours */
    if (skips) apmi_course_of(operation)->finishing = true;
    apmk_unlock_exclusive(&socket->gate);

    if (error != APM_ERROR_SUCCESS) {
        leave_connect(operation, entered, error);
        return error;
    }
    if (result != NULL) *result = operation;
    if (apmi_operation_hand_over(operation, code, 0, skips)) apmi_operation_complete_inside(operation);
    return APM_ERROR_SUCCESS;
}

/* Before the gate: somebody to look the name up. The library does not end meanwhile. */
static apm_error promise_look_up(apm_socket *socket)
{
    apm_error error;
    bool open;

    apmk_lock_shared(&socket->gate);
    open = !apmi_socket_disposed(socket);
    if (open) apmi_library_enter_use(socket->library); /* an open socket is one, too */
    apmk_unlock_shared(&socket->gate);
    if (!open) return APM_ERROR_OBJECT_DISPOSED;
    error = apmi_error_from_native(apmi_resolver_promise(&socket->library->resolver));
    if (error != APM_ERROR_SUCCESS) apmi_library_leave(socket->library, NULL);
    return error;
}

/* The rest of Begin for several addresses or a name: from here on every failure is the
 * operation's, but for a look-up that cannot begin. */
static apm_error enter_course(apmi_operation *operation, apm_async_result **result)
{
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    bool entered, over = false, looks = course->lookup != NULL;
    apm_error error;

    apmk_lock_exclusive(&socket->gate);
    entered = apmi_socket_begin(socket);
    error = entered ? enter_connect(operation) : APM_ERROR_OBJECT_DISPOSED;
    if (error == APM_ERROR_SUCCESS) {
        if (looks) apmi_course_look_up(operation);
        if (result != NULL) *result = operation;
        over = apmi_course_advance(operation);
    } else if (entered) {
        fail_to_begin(operation);
    }
    apmk_unlock_exclusive(&socket->gate);

    if (looks && error != APM_ERROR_SUCCESS) apmi_resolver_forgo(&socket->library->resolver);
    if (over) apmi_operation_post_all(operation);
    if (error != APM_ERROR_SUCCESS) leave_connect(operation, entered, error);
    return error;
}

static apm_error begin_course(apmi_operation *operation, apm_async_result **result)
{
    apm_socket *socket = operation->socket;
    apmi_library *library = socket->library;
    apmi_phase before = (apmi_phase)apmi_course_of(operation)->before;
    apm_error error;

    if (apmi_course_of(operation)->lookup == NULL) return enter_course(operation, result);
    error = promise_look_up(socket);
    if (error != APM_ERROR_SUCCESS) {
        apmi_operation_discard(operation, error);
        apmi_socket_set_phase(socket, before);
        return error;
    }
    error = enter_course(operation, result);
    apmi_library_leave(library, NULL); /* the socket may be gone: its callback may have closed it */
    return error;
}

static bool is_of_the_internet(const apm_socket *socket)
{
    return socket->family == APM_FAMILY_IPV4 || socket->family == APM_FAMILY_IPV6;
}

apm_error APM_CALL apm_socket_begin_connect_many(apm_socket *socket, const apm_endpoint *remotes,
                                                 size_t count, apm_async_callback callback, void *state,
                                                 apm_async_result **result)
{
    apmi_operation *operation;
    apmi_phase before;
    apm_error error;
    size_t i;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (remotes == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (count == 0) return APM_ERROR_ARGUMENT;
    if (count > UINT16_MAX) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    for (i = 0; i < count; i++)
        if (!apmi_endpoint_is_valid(&remotes[i])) return APM_ERROR_ARGUMENT;
    if (!is_of_the_internet(socket)) return APM_ERROR_NOT_SUPPORTED;
    error = claim_phase(socket, &before);
    if (error != APM_ERROR_SUCCESS) return error;
    operation = new_connect(socket, (uint32_t)count, false, before, callback, state, result != NULL);
    if (operation == NULL) {
        apmi_socket_set_phase(socket, before);
        return APM_ERROR_OUT_OF_MEMORY;
    }
    for (i = 0; i < count; i++) apmi_course_add(operation, &remotes[i]);
    return begin_course(operation, result);
}

apm_error apmi_connect_check_host(const apm_socket *socket, const char *host, uint16_t port,
                                  apm_endpoint *literal, bool *is_literal)
{
    apmk_address unused;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (host == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (strlen(host) >= APMI_HOST_ROOM) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (!is_of_the_internet(socket)) return APM_ERROR_NOT_SUPPORTED;
    *is_literal = apm_endpoint_from_ip(host, port, literal) == APM_ERROR_SUCCESS;
    if (!*is_literal) return APM_ERROR_SUCCESS;
    return apmi_endpoint_is_wildcard(literal) ? APM_ERROR_ARGUMENT
                                              : apmi_socket_fit(socket, literal, &unused);
}

apm_error APM_CALL apm_socket_begin_connect_host(apm_socket *socket, const char *host, uint16_t port,
                                                 apm_async_callback callback, void *state,
                                                 apm_async_result **result)
{
    apmi_operation *operation;
    apm_endpoint literal;
    apmi_phase before;
    apm_error error;
    bool is_literal;

    error = apmi_connect_check_host(socket, host, port, &literal, &is_literal);
    if (error == APM_ERROR_SUCCESS) error = claim_phase(socket, &before);
    if (error != APM_ERROR_SUCCESS) return error;
    operation = new_connect(socket, is_literal ? 1 : APMI_FOUND_LIMIT, !is_literal, before, callback, state,
                            result != NULL);
    if (operation == NULL) {
        apmi_socket_set_phase(socket, before);
        return APM_ERROR_OUT_OF_MEMORY;
    }
    if (is_literal) {
        apmi_course_add(operation, &literal);
    } else {
        apmi_course_of(operation)->port = port;
        memcpy(apmi_course_of(operation)->lookup->host, host, strlen(host) + 1);
    }
    return begin_course(operation, result);
}

/* ---- completion, cancel, end -------------------------------------------------------------------- */

/* Under the exclusive gate: the winner becomes the socket's handle, which is returned for a close.
 * What was set while the other attempts ended is set on it, too; if the kernel refuses that it is
 * the winner that goes, since a socket that is not what the caller has made of it is of no use. */
static apmk_socket install_winner(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);

    operation->error = apmi_settings_apply(operation->socket, &course->winner);
    if (operation->error != APM_ERROR_SUCCESS) return course->winner.kernel;
    return apmi_handle_install(operation->socket, &course->winner);
}

/* Under the exclusive gate: the course is over. Returns a handle to close. */
static apmk_socket settle_connect(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    apmk_socket discarded = APMK_NO_SOCKET;

    apmi_course_end(operation);
    if (socket->connect == operation) socket->connect = NULL;
    operation->status = APMK_SUCCESS;
    operation->error = APM_ERROR_SUCCESS;
    if (apmi_socket_closed(socket)) {
        operation->error = APM_ERROR_OPERATION_ABORTED;
        if (course->has_handle) discarded = course->winner.kernel;
    } else if (course->won) {
        if (course->has_handle) discarded = install_winner(operation);
        if (operation->error == APM_ERROR_SUCCESS) {
            note_connection(socket, &course->peer);
        } else {
            course->last = course->peer;
            note_failure(operation);
        }
    } else {
        /* One address: what became of it. Of several it is not known what the rest would have said. */
        bool unknown = course->stopped && !course->one;

        operation->error = unknown ? APM_ERROR_OPERATION_ABORTED : course->error;
        if (!unknown && course->peer.length != 0) course->last = course->peer; /* whose error it is */
        note_failure(operation);
    }
    return discarded;
}

bool apmi_connect_go_on(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;
    apmk_socket discarded = APMK_NO_SOCKET;
    bool goes_on = false;

    apmi_socket_hold(socket); /* if it goes on, the operation and its hold may be gone at once */
    apmk_lock_exclusive(&socket->gate);
    if (apmi_course_of(operation)->inside) {
        apmi_course_end_own(operation);
        goes_on = !apmi_course_advance(operation);
    } else if (apmi_course_of(operation)->resting) {
        goes_on = !apmi_course_wake(operation);
    }
    if (!goes_on) discarded = settle_connect(operation);
    apmk_unlock_exclusive(&socket->gate);
    if (discarded != APMK_NO_SOCKET) apmi_handle_drop(socket, discarded);
    apmi_socket_drop(socket);
    return goes_on;
}

void apmi_connect_cancel(apmi_operation *operation, uint32_t label)
{
    apm_socket *socket = operation->socket;
    bool over = false;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_closed(socket) && socket->connect == operation) {
        apmi_operation_label(operation, label);
        over = apmi_course_stop(operation);
    }
    apmk_unlock_exclusive(&socket->gate);
    if (over) apmi_operation_post_all(operation);
}

bool apmi_connect_remote(const apmi_operation *operation, apm_endpoint *remote)
{
    const apmk_address *last = &apmi_course_of(operation)->last;

    if (last->length == 0) return false;
    apmi_address_get(last, remote);
    return true;
}

apm_error APM_CALL apm_socket_end_connect(apm_socket *socket, apm_async_result *result)
{
    return apmi_operation_end(socket, result, APMI_CONNECT, NULL);
}
