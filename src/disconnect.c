/* SPDX-License-Identifier: MIT */
/*
 * Disconnecting. The system's own DisconnectEx is not used: not every kernel lets a handle be
 * used again after it, some take minutes for it, and whether it sends a packet when it
 * succeeds at once is a matter of taste among them. Instead:
 *
 *   1. The operation waits in the outward lane until every send before it has gone, has the
 *      lane for itself, and ends our stream (lane.c makes that call).
 *   2. It leaves the lane. Without reuse it is over: the handle stays for what the peer still
 *      sends.
 *   3. With reuse the connection is taken apart. Receives are aborted before step 1's call, from
 *      which on nothing that waits in a lane reaches the kernel, and now what waits there. Then
 *      the operation itself receives, and drops, what the peer still sends: closing a handle with
 *      unread bytes would reset the connection, and the peer could lose what we have sent. It
 *      ends with the peer's stream, an error, or after PATIENCE.
 *   4. A fresh handle takes the place of the old one.
 *
 * A disconnect with reuse holds the phase at LEAVING, so nothing else begins meanwhile. What a
 * file is sent with goes the same way: the file has the lane for itself, and makes step 1's call
 * before it leaves.
 */
#include "disconnect.h"

#include <apmsock/connect.h>
#include <assert.h>
#include <string.h>

#include "annex.h"
#include "end.h"
#include "error.h"
#include "file.h"
#include "handle.h"
#include "lane.h"
#include "library.h"
#include "socket.h"

#define PATIENCE 2000u /* ms */

static apmi_farewell *farewell_of(apmi_operation *operation)
{
    return operation->kind == APMI_DISCONNECT ? (apmi_farewell *)apmi_annex_room(operation)
                                              : apmi_file_farewell(operation);
}

/* ---- waiting for the peer ----------------------------------------------------------------- */

static void lose_patience(apmi_timer *timer)
{
    apmi_farewell *farewell =
        (apmi_farewell *)(void *)((unsigned char *)timer - offsetof(apmi_farewell, patience));
    apmi_operation *operation = farewell->operation;
    apm_socket *socket = operation->socket;

    apmk_lock_exclusive(&socket->gate);
    if (farewell->waits && !apmi_socket_closed(socket)) {
        farewell->gave_up = true;
        apmk_socket_cancel(socket->handle, &operation->overlapped);
    }
    apmk_unlock_exclusive(&socket->gate);
    apmi_operation_release(operation);
}

/* Under the gate. An armed timer holds the operation. Without one the wait is for nothing. */
static void begin_waiting(apmi_operation *operation, apmi_farewell *farewell)
{
    bool was_armed = false;

    farewell->waits = true;
    farewell->operation = operation;
    apmi_operation_retain(operation);
    if (apmi_timer_arm(apmi_timers_of(operation), &farewell->patience, PATIENCE, lose_patience, &was_armed) ==
        APMK_SUCCESS)
        return;
    apmi_operation_release(operation);
    farewell->gave_up = true;
}

/* Receives until a call is left pending: then true, and a packet will come. False when there
 * is nothing more to wait for. */
static bool wait_for_peer(apmi_operation *operation, apmi_farewell *farewell)
{
    apm_socket *socket = operation->socket;

    for (;;) {
        apmk_buffer scratch;
        apmk_code code;
        uint32_t bytes = 0;
        bool ends, skips = false;

        scratch.data = farewell->scratch;
        scratch.size = sizeof farewell->scratch;
        apmk_lock_exclusive(&socket->gate);
        ends = apmi_socket_closed(socket) || farewell->gave_up || apmi_operation_labelled(operation);
        code = APMK_ABORTED;
        if (!ends) {
            apmi_operation_arm(operation);
            code = apmk_socket_receive(socket->handle, &scratch, 1, 0, &operation->overlapped, &bytes);
            skips = apmi_socket_skips(socket) == APMI_SKIP_ON;
        }
        apmk_unlock_exclusive(&socket->gate);
        if (code != APMK_SUCCESS && code != APMK_PENDING) return false;
        if (!apmi_operation_hand_over(operation, code, bytes, skips)) return true;
        /* It is over, with or without a packet that has been here already. */
        if (operation->status != APMK_SUCCESS) return false;
        if (operation->bytes == 0) {
            farewell->ended = true;
            return false;
        }
        operation->bytes = 0;
    }
}

/* ---- the steps -------------------------------------------------------------------------------- */

/* Step 4. A fresh handle, whatever the old connection came to. */
static void finish_farewell(apmi_operation *operation, apmi_farewell *farewell)
{
    apm_socket *socket = operation->socket;

    if (apmi_timer_disarm(apmi_timers_of(operation), &farewell->patience)) apmi_operation_release(operation);
    apmk_lock_exclusive(&socket->gate);
    farewell->waits = false;
    operation->status = APMK_SUCCESS;
    operation->error = APM_ERROR_SUCCESS;
    if (apmi_socket_closed(socket) ||
        (apmi_operation_labelled(operation) && !farewell->ended && !farewell->gave_up))
        operation->error = APM_ERROR_OPERATION_ABORTED;
    if (!apmi_socket_closed(socket)) {
        apm_error error;

        apmk_socket_cancel(socket->handle, NULL); /* not every system has found all of them before */
        error = apmi_handle_renew(socket);
        atomic_store_explicit(&socket->lost, APM_ERROR_SUCCESS, memory_order_relaxed);
        apmi_socket_set_phase(socket, error == APM_ERROR_SUCCESS ? APMI_FRESH : APMI_SPENT);
        if (operation->error == APM_ERROR_SUCCESS) operation->error = error;
    }
    apmk_unlock_exclusive(&socket->gate);
}

/* Step 1, and the beginning of step 3: receives are aborted before the peer can answer the end
 * of our stream with the end of its own. */
apmk_code apmi_farewell_issue(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;
    apmk_code code;

    if (apmi_end_is_reset(socket)) return APMK_ABORTED;
    if (farewell_of(operation)->reuses) {
        farewell_of(operation)->parts = true;
        socket->connection++; /* nothing of this one goes back into a lane */
        apmi_end_forget(socket);
        apmk_socket_cancel(socket->handle, NULL);
    }
    code = apmk_socket_shutdown(socket->handle, APM_SHUTDOWN_SEND);
    if (code == APMK_SUCCESS || farewell_of(operation)->reuses) {
        atomic_store_explicit(&socket->connected, false, memory_order_relaxed);
        socket->remote.length = 0;
    }
    return code;
}

/* Step 3. True if the operation waits. */
static bool take_apart(apmi_operation *operation, apmi_farewell *farewell)
{
    apm_socket *socket = operation->socket;
    apmi_operation *list;

    apmk_lock_exclusive(&socket->gate);
    list = apmi_lane_abandon(socket);
    begin_waiting(operation, farewell);
    apmk_unlock_exclusive(&socket->gate);
    apmi_operation_post_all(list);
    if (wait_for_peer(operation, farewell)) return true;
    finish_farewell(operation, farewell);
    return false;
}

/* With reuse the phase is taken to LEAVING: nothing else begins from here on. */
static apm_error claim_phase(apm_socket *socket, bool reuse)
{
    uint32_t phase = APMI_CONNECTED;

    if (reuse && atomic_compare_exchange_strong_explicit(&socket->phase, &phase, APMI_LEAVING,
                                                         memory_order_acq_rel, memory_order_acquire))
        return APM_ERROR_SUCCESS;
    if (!reuse) phase = (uint32_t)apmi_socket_phase(socket);
    if (phase == APMI_LEAVING) return APM_ERROR_INVALID_OPERATION;
    return phase == APMI_CONNECTED ? APM_ERROR_SUCCESS : APM_ERROR_NOT_CONNECTED;
}

void apmi_farewell_follow(apmi_operation *operation)
{
    apmi_farewell *farewell = farewell_of(operation);
    apm_socket *socket = operation->socket;

    if (farewell == NULL || operation->error != APM_ERROR_SUCCESS) return;
    if (apmi_socket_closed(socket)) {
        operation->error = APM_ERROR_OPERATION_ABORTED;
        return;
    }
    assert(operation->connection == socket->connection);
    operation->error = apmi_error_from_native(apmi_farewell_issue(operation));
    /* Maybe a disconnect has claimed it that waits for its turn, and is aborted like all that does. */
    if (farewell->parts) apmi_socket_set_phase(socket, APMI_LEAVING);
}

/* Whether the connection goes, after a disconnect has tried to end our stream. Under the gate. */
static bool connection_goes(apmi_operation *operation, const apmi_farewell *farewell)
{
    apm_socket *socket = operation->socket;

    if (apmi_socket_closed(socket)) {
        operation->error = APM_ERROR_OPERATION_ABORTED;
        return false;
    }
    if (operation->error == APM_ERROR_SUCCESS || !farewell->reuses)
        return operation->error == APM_ERROR_SUCCESS;
    /* A connection that was lost is one that can be replaced. */
    if (operation->error != APM_ERROR_OPERATION_ABORTED || farewell->parts) return true;
    /* Unless a file before it has taken it apart. */
    if (operation->connection == socket->connection) apmi_socket_set_phase(socket, APMI_CONNECTED);
    return false;
}

bool apmi_farewell_go_on(apmi_operation *operation)
{
    apmi_farewell *farewell = farewell_of(operation);
    apm_socket *socket = operation->socket;
    bool goes;

    if (farewell != NULL && farewell->waits) {
        bool more = operation->error == APM_ERROR_SUCCESS && operation->bytes != 0;

        farewell->ended = operation->error == APM_ERROR_SUCCESS && operation->bytes == 0;
        operation->bytes = 0;
        if (more && wait_for_peer(operation, farewell)) return true;
        finish_farewell(operation, farewell);
        return false;
    }
    if (apmi_lane_put_back(operation)) return true;
    if (operation->kind == APMI_SEND_FILE) apmi_file_close(operation);
    if (farewell == NULL) return false;

    goes = farewell->parts;
    if (operation->kind == APMI_DISCONNECT) {
        apmk_lock_exclusive(&socket->gate);
        goes = connection_goes(operation, farewell) && farewell->reuses;
        apmk_unlock_exclusive(&socket->gate);
    }
    return goes && take_apart(operation, farewell);
}

/* ---- begin and end ------------------------------------------------------------------------------ */

apm_error APM_CALL apm_socket_begin_disconnect(apm_socket *socket, bool reuse, apm_async_callback callback,
                                               void *state, apm_async_result **result)
{
    apmi_operation *operation;
    apmi_farewell *farewell;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (!apmi_socket_is_stream(socket)) return APM_ERROR_OPERATION_NOT_SUPPORTED;
    error = claim_phase(socket, false);
    if (error != APM_ERROR_SUCCESS) return error;

    operation = apmi_operation_new(socket, APMI_DISCONNECT, callback, state, result != NULL);
    farewell = operation != NULL ? (apmi_farewell *)apmi_annex_make_room(operation, sizeof *farewell) : NULL;
    if (farewell == NULL) {
        if (operation != NULL) apmi_operation_discard(operation, APM_ERROR_OUT_OF_MEMORY);
        return APM_ERROR_OUT_OF_MEMORY;
    }
    memset(farewell, 0, sizeof *farewell);
    farewell->reuses = reuse;
    apmk_lock_shared(&socket->gate);
    error = claim_phase(socket, reuse);
    operation->connection = socket->connection;
    apmk_unlock_shared(&socket->gate);
    if (error == APM_ERROR_SUCCESS) return apmi_lane_begin(operation, result);
    apmi_operation_discard(operation, error);
    return error;
}

apm_error APM_CALL apm_socket_end_disconnect(apm_socket *socket, apm_async_result *result)
{
    return apmi_operation_end(socket, result, APMI_DISCONNECT, NULL);
}
