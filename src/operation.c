/* SPDX-License-Identifier: MIT */
/*
 * The life of one operation.
 *
 *  1. Begin takes a block (apmi_operation_new), and a reference on the socket with it. The
 *     operation belongs to the thread in Begin: the initiator.
 *  2. The initiator makes the kernel call. If it fails, no packet comes: the block is
 *     discarded and Begin returns the error. If it succeeds at once on a handle that skips
 *     the port, no packet comes either: the operation is still the initiator's, who
 *     completes it inside Begin.
 *  3. Otherwise a packet comes, and a worker may take it before the call has returned. Two
 *     parties, one word: the initiator sets ISSUED when it is done with the call, the worker
 *     sets ARRIVED when it has stored what the packet said. Whoever comes second completes
 *     the operation; whoever comes first must not touch it again. If the initiator is second
 *     the operation has completed inside Begin, and that is what settles
 *     completed_synchronously: nobody else has seen the result before.
 *     (The caller's variable is written after the call and before ISSUED. So no callback
 *     runs before it is written, and nobody can cancel before the kernel has the operation.)
 *  4. complete_operation(): the true error is recovered; its kind decides whether it goes on,
 *     and then it is back at step 2: a transfer that returns to its lane (lane.c), a connect
 *     with a further address (course.c), a disconnect that waits for the peer (disconnect.c).
 *     If it is over, an abort gets its label.
 *     Error and bytes are stored, then COMPLETED is set, then the event and the waiters are
 *     told, then the callback runs: on this thread, or on a worker if it would be the 50th
 *     nested one or the caller wants none inside Begin; or behind what this worker has to do
 *     already, if it would nest (batch.c); or in apm_poll, where the caller wants that (ready.c).
 *  5. End sets ENDED (one exchange: only one caller wins), waits for COMPLETED, and returns
 *     error and bytes. It frees nothing.
 *  6. After the callback the model gives its reference back. With the last reference the
 *     block returns to the socket's spare ones, and the socket loses a reference.
 *
 * Memory order. Setting COMPLETED releases what was stored before; whoever sees it has
 * acquired it. ISSUED and ARRIVED do both, since either party may be the one that goes on.
 * EVENT and WAITER are bits of the same word on purpose: a single word has a single order, so
 * either completion sees the bit, or whoever sets it sees COMPLETED.
 */
#include "operation.h"

#include <assert.h>
#include <string.h>

#include "annex.h"
#include "batch.h"
#include "connect.h"
#include "course.h"
#include "datagram.h"
#include "deadline.h"
#include "disconnect.h"
#include "end.h"
#include "error.h"
#include "lane.h"
#include "library.h"
#include "pool.h"
#include "ready.h"
#include "socket.h"
#include "trace.h"
#include "transfer.h"

/* Callbacks nested this deep on one thread are given to a worker, as in .NET. */
#define DEPTH_LIMIT 50

/* ---- the block --------------------------------------------------------------------------- */

apmi_operation *apmi_operation_new(apm_socket *socket, apmi_kind kind, apm_async_callback callback,
                                   void *state, bool wanted)
{
    apmi_operation *operation = apmi_socket_take_spare(socket);

    /* Not for an attempt, which begins under the gate: starting a worker may take time. */
    if (kind != APMI_ATTEMPT) (void)apmi_pool_recruit(&socket->library->pool);
    if (operation == NULL) {
        operation = (apmi_operation *)apmi_library_allocate(socket->library, sizeof *operation);
        if (operation == NULL) return NULL;
        atomic_init(&operation->annex, NULL);
    }
    memset(operation, 0, APMI_OPERATION_CLEARED);
    atomic_init(&operation->state, 0);
    atomic_init(&operation->references, wanted ? 2 : 1);
    apmi_socket_hold(socket);
    operation->socket = socket;
    operation->kind = (uint8_t)kind;
    operation->wanted = wanted;
    operation->callback = callback;
    operation->user_state = state;
    if (apmi_traces(APM_LOG_TRACE) && kind != APMI_ATTEMPT)
        apmi_trace_operation(operation, APM_EVENT_OPERATION_BEGINS);
    return operation;
}

void apmi_operation_delete(apm_socket *socket, apmi_operation *operation)
{
    apmi_annex_delete(socket->library, apmi_annex_of(operation));
    apmi_library_release_block(socket->library, operation);
}

static void recycle_operation(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;

    if (apmi_annex_of(operation) != NULL) apmi_annex_leave(operation);
    apmi_socket_give_spare(socket, operation);
    apmi_socket_drop(socket);
}

void apmi_operation_retain(apmi_operation *operation)
{
    /* Relaxed: whoever retains already holds a reference. */
    atomic_fetch_add_explicit(&operation->references, 1, memory_order_relaxed);
}

void apmi_operation_release(apmi_operation *operation)
{
    uint32_t before = 1;

    /* Who has the only reference is alone: nobody can take another one. Acquire: what all others did to the block
     * is done; release: so is what we did. */
    if (atomic_load_explicit(&operation->references, memory_order_acquire) != 1)
        before = atomic_fetch_sub_explicit(&operation->references, 1, memory_order_acq_rel);
    assert(before != 0);
    if (before == 1) recycle_operation(operation);
}

void apmi_operation_discard(apmi_operation *operation, apm_error error)
{
    operation->error = error; /* to be told; End has nobody to tell it to */
    /* An attempt begins and fails under the gate, and is part of a connect. */
    if (operation->kind != APMI_ATTEMPT) apmi_trace_operation(operation, APM_EVENT_OPERATION_REFUSED);
    /* A deadline may be about to find that there is nothing to cancel. */
    if (atomic_load_explicit(&operation->state, memory_order_relaxed) & APMI_TIMED)
        apmi_deadline_clear(operation);
    if (operation->wanted) atomic_fetch_sub_explicit(&operation->references, 1, memory_order_relaxed);
    apmi_operation_release(operation);
}

/* ---- completion ---------------------------------------------------------------------------- */

static void finish_operation(apmi_operation *operation)
{
    apmi_socket_done(operation->socket);
    apmi_operation_release(operation);
}

/* `depth` is how many callbacks run on this thread already. */
static void run_callback(apmi_operation *operation, uintptr_t depth)
{
    apmk_local_set(APMK_LOCAL_DEPTH, depth + 1);
    operation->callback(operation);
    apmk_local_set(APMK_LOCAL_DEPTH, depth);
    finish_operation(operation);
}

void apmi_operation_call_back(apmi_operation *operation)
{
    run_callback(operation, apmk_local_get(APMK_LOCAL_DEPTH));
}

/* `depth`: as above. */
static void call_back(apmi_operation *operation, bool inside, uintptr_t depth)
{
    apmi_library *library = operation->socket->library;
    bool elsewhere = inside ? library->options.callbacks_on_pool : library->ready.used;

    if (operation->callback == NULL)
        finish_operation(operation);
    else if (depth + 1 < DEPTH_LIMIT && !elsewhere)
        run_callback(operation, depth);
    else if (library->ready.used)
        apmi_ready_put(library, operation);
    else
        apmi_pool_post(&library->pool, operation, APMI_CALLBACK);
}

/* The severity of an NTSTATUS that tells of a success: the data was urgent, or a part of a message. */
enum { INFORMATION = 1 };

/* What the packet said is the Win32 image of the truth, and says nothing of a close of ours. */
static apm_error recover_error(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;
    apm_error error = APM_ERROR_OPERATION_ABORTED;

    if (operation->status >> 30 == INFORMATION) {
        operation->status = APMK_SUCCESS;
        return APM_ERROR_SUCCESS;
    }
    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_closed(socket)) {
        apmk_socket handle = operation->kind == APMI_ATTEMPT ? apmi_course_handle(operation) : socket->handle;
        apmk_code code = apmk_socket_result(handle, &operation->overlapped);
        error = apmi_error_from_native(code != APMK_SUCCESS ? code : operation->status);
    }
    apmk_unlock_shared(&socket->gate);
    return error;
}

/* Those who had something to do with it before it completed. */
static void tell_others(apmi_operation *operation, uint32_t before)
{
    if (before & APMI_EVENT) {
        /* It may have been closed by the user, who was told not to: no reason to fail. */
        (void)apmk_event_set(atomic_load_explicit(&apmi_annex_of(operation)->event, memory_order_acquire));
    }
    if (before & APMI_WAITER) apmk_wake_address(&operation->state);
    if (before & APMI_TIMED) apmi_deadline_clear(operation);
    if (before & (APMI_CANCELLED | APMI_TIMED_OUT)) apmi_lane_settle_cancel(operation);
}

static void publish_completion(apmi_operation *operation, bool at_once)
{
    const uint32_t others = APMI_EVENT | APMI_WAITER | APMI_TIMED | APMI_CANCELLED | APMI_TIMED_OUT;
    uint32_t bits = at_once ? APMI_COMPLETED | APMI_INSIDE : APMI_COMPLETED;
    uint32_t before = atomic_load_explicit(&operation->state, memory_order_relaxed);

    /* Where nobody else knows the operation nobody else writes the word. */
    if (operation->wanted || (before & APMI_TIMED))
        before = atomic_fetch_or_explicit(&operation->state, bits, memory_order_acq_rel);
    else
        atomic_store_explicit(&operation->state, before | bits, memory_order_release);
    assert(!(before & APMI_COMPLETED));
    apmk_interleave();
    if (before & others) tell_others(operation, before);
}

/* Whoever closes has either begun before it can be seen, and knows; or finds it over. */
static void publish_missing(apmi_operation *operation, bool at_once)
{
    apm_socket *socket = operation->socket;

    apmk_lock_exclusive(&socket->gate);
    apmi_end_miss(operation);
    publish_completion(operation, at_once);
    apmk_unlock_exclusive(&socket->gate);
    apmk_interleave();
    apmi_lane_miss(operation);
}

/* Nobody has asked for the abort of this one: it was a close, or the connection was lost. */
static apm_error explain_abort(const apmi_operation *operation)
{
    bool is_transfer = operation->kind != APMI_CONNECT && operation->kind != APMI_DISCONNECT;
    apm_error lost = is_transfer ? apmi_socket_lost(operation) : APM_ERROR_SUCCESS;

    return lost != APM_ERROR_SUCCESS ? lost : APM_ERROR_OPERATION_ABORTED;
}

/* What its kind does next. True if the operation goes on, and is not the caller's any more. */
static bool go_on(apmi_operation *operation)
{
    switch ((apmi_kind)operation->kind) {
    case APMI_CONNECT: return apmi_connect_go_on(operation);
    case APMI_ATTEMPT: apmi_course_end_attempt(operation); return true;
    case APMI_SEND_FILE:
    case APMI_DISCONNECT: return apmi_farewell_go_on(operation);
    case APMI_SEND_TO: return apmi_datagram_go_on(operation);
    case APMI_SEND:
    case APMI_RECEIVE:
    case APMI_RECEIVE_FROM:
    case APMI_RECEIVE_MESSAGE_FROM: break;
    }
    return apmi_lane_put_back(operation);
}

/* An abort gets its name; what is wrong is noted, and counted. */
static void settle_error(apmi_operation *operation)
{
    uint32_t state = atomic_load_explicit(&operation->state, memory_order_relaxed); /* just a label */
    apmi_statistics *statistics = &operation->socket->library->statistics;
    bool aborted;

    /* What Windows says of a file that it was told to stop sending; it may give the connection up, too. */
    if (operation->kind == APMI_SEND_FILE && operation->error == APM_ERROR_CONNECTION_ABORTED) {
        bool asked = (state & (APMI_CANCELLED | APMI_TIMED_OUT)) != 0;
        apm_error reason = asked ? APM_ERROR_OPERATION_ABORTED : apmi_socket_lost(operation);

        apmi_socket_note_error(operation, operation->error);
        if (reason != APM_ERROR_SUCCESS) operation->error = reason;
    }
    if (operation->error == APM_ERROR_OPERATION_ABORTED && !(state & (APMI_CANCELLED | APMI_TIMED_OUT)))
        operation->error = explain_abort(operation);
    aborted = operation->error == APM_ERROR_OPERATION_ABORTED;
    if (aborted && (state & APMI_TIMED_OUT))
        operation->error = APM_ERROR_TIMED_OUT;
    else
        apmi_socket_note_error(operation, operation->error);
    atomic_fetch_add_explicit(aborted ? &statistics->aborted : &statistics->failed, 1, memory_order_relaxed);
}

static void trace_completion(const apmi_operation *operation)
{
    if (operation->kind == APMI_CONNECT)
        apmi_trace_operation(operation, operation->error == APM_ERROR_SUCCESS ? APM_EVENT_CONNECTED
                                                                              : APM_EVENT_CONNECT_FAILED);
    apmi_trace_operation(operation, APM_EVENT_OPERATION_COMPLETED);
}

static void complete_operation(apmi_operation *operation, bool inside)
{
    apmi_library *library = operation->socket->library;
    apmi_batch *turn = NULL;
    uintptr_t depth = 0;
    bool at_once;

    if (operation->error == APM_ERROR_SUCCESS && operation->status != APMK_SUCCESS)
        operation->error = recover_error(operation);
    if (go_on(operation)) return;

    if (operation->shape == APMI_BOUNCED) apmi_transfer_scatter(operation);
    if (operation->kind == APMI_RECEIVE_MESSAGE_FROM) apmi_datagram_complete_message(operation);
    if (operation->error != APM_ERROR_SUCCESS) settle_error(operation);
    if (apmi_traces(APM_LOG_INFORMATION)) trace_completion(operation);

    at_once = inside && !library->options.callbacks_on_pool;
    if (operation->callback != NULL) depth = apmk_local_get(APMK_LOCAL_DEPTH);
    /* Where others wait for this thread, too, a callback inside another one would push in: it is told,
     * and called, as if a packet had come. */
    if (at_once && depth != 0) turn = apmi_batch_of_turn(&library->pool.batches);
    (operation->missing ? publish_missing : publish_completion)(operation, at_once && turn == NULL);
    if (turn != NULL)
        apmi_batch_put_off(turn, operation);
    else
        call_back(operation, inside, depth);
}

/* ---- the hand-over -------------------------------------------------------------------------- */

void apmi_operation_arm(apmi_operation *operation)
{
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    operation->status = APMK_SUCCESS;
    operation->error = APM_ERROR_SUCCESS;
    /* Relaxed: until the call that follows, the operation is the caller's alone but for labels. */
    atomic_fetch_and_explicit(&operation->state, ~(uint32_t)(APMI_ISSUED | APMI_ARRIVED),
                              memory_order_relaxed);
}

void apmi_operation_complete_inside(apmi_operation *operation)
{
    complete_operation(operation, true);
}

void apmi_operation_complete(apmi_operation *operation)
{
    complete_operation(operation, false);
}

void apmi_operation_post_all(apmi_operation *list)
{
    while (list != NULL) {
        apmi_operation *operation = list;
        list = operation->next;
        operation->next = NULL;
        apmi_pool_post(&operation->socket->library->pool, operation, APMI_OVER);
    }
}

static void take_arrival(apmi_operation *operation)
{
    uint32_t before = atomic_fetch_or_explicit(&operation->state, APMI_ARRIVED, memory_order_acq_rel);

    assert(!(before & (APMI_ARRIVED | APMI_COMPLETED)));
    if (before & APMI_ISSUED) complete_operation(operation, false);
}

apmi_operation *apmi_operation_of_packet(const apmk_packet *packet, uint8_t *key)
{
    apmi_operation *operation = (apmi_operation *)(void *)packet->overlapped;

    *key = (uint8_t)packet->key;
    if (*key == APMI_PACKET) {
        operation->status = packet->status;
        operation->bytes = packet->bytes;
        *key = APMI_TAKEN;
    }
    return operation;
}

void apmi_operation_resume(apmi_operation *operation, uint8_t key)
{
    if (key == APMI_TAKEN)
        take_arrival(operation);
    else if (key == APMI_CALLBACK)
        call_back(operation, false, apmk_local_get(APMK_LOCAL_DEPTH));
    else if (key == APMI_OVER)
        complete_operation(operation, false);
    else
        apmi_batch_accept(&operation->socket->library->pool.batches, operation);
}

/* ---- looking, waiting, ending ---------------------------------------------------------------- */

bool apmi_operation_label(apmi_operation *operation, uint32_t label)
{
    /* Relaxed: the socket's gate orders it with everything that reads it to decide. */
    uint32_t state = atomic_load_explicit(&operation->state, memory_order_relaxed);

    while (!(state & (APMI_CANCELLED | APMI_TIMED_OUT | APMI_COMPLETED)))
        if (atomic_compare_exchange_weak_explicit(&operation->state, &state, state | label,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

bool apmi_operation_labelled(const apmi_operation *operation)
{
    /* Relaxed: as above. */
    return (atomic_load_explicit(&operation->state, memory_order_relaxed) &
            (APMI_CANCELLED | APMI_TIMED_OUT)) != 0;
}

void apmi_operation_cancel(apmi_operation *operation, uint32_t label)
{
    if (operation->kind == APMI_CONNECT)
        apmi_connect_cancel(operation, label);
    else
        apmi_lane_cancel(operation, label);
}

bool apmi_operation_completed(const apmi_operation *operation)
{
    return (atomic_load_explicit(&operation->state, memory_order_acquire) & APMI_COMPLETED) != 0;
}

bool apmi_operation_may_wait(void)
{
    return apmk_loader_state() == APMK_LOADER_FREE;
}

bool apmi_operation_wait(apmi_operation *operation, uint32_t timeout)
{
    uint32_t state = atomic_load_explicit(&operation->state, memory_order_acquire);
    apmi_library *library = operation->socket->library;
    uint32_t left = timeout, pause;
    uint64_t start = 0;

    if ((state & APMI_COMPLETED) || timeout == 0) return (state & APMI_COMPLETED) != 0;
    if (timeout != APMK_FOREVER) start = apmk_now();
    state = atomic_fetch_or_explicit(&operation->state, APMI_WAITER, memory_order_acquire) | APMI_WAITER;
    while (!(state & APMI_COMPLETED)) {
        if (timeout != APMK_FOREVER) {
            uint64_t past = apmk_now() - start;
            if (past > timeout) return false; /* not at: the clock's milliseconds are whole ones */
            left = timeout - (uint32_t)past;
            if (left < APMK_FOREVER - 1) left++;
        }
        pause = apmi_pool_recruit(&library->pool);
        if (library->options.no_workers)
            apmi_ready_help(library, operation, left);
        else
            (void)apmk_wait_address(&operation->state, state, left < pause ? left : pause);
        state = atomic_load_explicit(&operation->state, memory_order_acquire);
    }
    return true;
}

apm_error apmi_operation_end(apm_socket *socket, apmi_operation *operation, apmi_kind kind, size_t *bytes)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (operation == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (operation->socket != socket || operation->kind != kind) return APM_ERROR_ARGUMENT;
    if (!apmi_operation_completed(operation) && !apmi_operation_may_wait())
        return APM_ERROR_INVALID_OPERATION;
    /* Relaxed: it only picks a winner. */
    if (atomic_fetch_or_explicit(&operation->state, APMI_ENDED, memory_order_relaxed) & APMI_ENDED)
        return APM_ERROR_INVALID_OPERATION;
    if (!apmi_operation_completed(operation)) (void)apmi_operation_wait(operation, APMK_FOREVER);
    if (bytes != NULL) *bytes = operation->transferred;
    if (operation->error == APM_ERROR_OPERATION_ABORTED && apmi_socket_disposed(socket))
        return APM_ERROR_OBJECT_DISPOSED; /* closed while we waited */
    return operation->error;
}

/* As of a socket (socket.c). */
_Static_assert(sizeof(struct apm_async_result) <= (sizeof(void *) > 4 ? 136 : 92), "bytes of an operation");
