/* SPDX-License-Identifier: MIT */
/*
 * The lane keeps the order of Begin where the kernel alone would not:
 *
 *  - Windows aborts every receive of a socket when one is cancelled. Those that nobody asked
 *    to cancel go back to the kernel, in their old order, before any younger one gets there.
 *  - A send that is more than one kernel call goes in pieces, and so does a file; a disconnect
 *    comes after all sends. No other send may get between. A receive into more buffers than a
 *    call takes goes in pieces as long as there are bytes.
 *
 * The word counts the operations in the kernel (from before the call until the packet has
 * been looked at) and gives each operation a ticket: its place in the order.
 *
 *   open   Begin calls the kernel directly. No lock but the shared gate.
 *   HELD   Begin queues. Only a flush, when nothing is in the kernel, sends the queue there.
 *
 *   1. open -> HELD   a receive is cancelled; an operation has to wait; one goes in pieces.
 *   2. count -> 0 while HELD   whoever takes it there flushes: exactly one does, because the
 *      word has one order. Cancel and queueing count themselves in while they work, so there
 *      always is such a one.
 *   3. flush          sends the queue in ticket order; one that goes in pieces goes alone,
 *      and the lane stays HELD until its last piece.
 *   4. HELD -> open   a flush that leaves the queue empty. If our stream is to end behind what has
 *      waited, the lane stays HELD until the kernel has nothing of it, either: the flush then ends the stream.
 *
 * HELD is set and cleared under the exclusive gate, Begin looks at it under the shared one: a
 * Begin is wholly before or wholly after. Why receives wait although the kernel would take
 * them: a stream's older receive gets its bytes first in any case, so nothing is lost, and
 * nothing has to be known about whether this kernel aborted the siblings or not.
 *
 * An operation that comes to its end outside the kernel (cancelled or closed while queued,
 * or over by the time a flush has issued it) goes to the pool, not to a callback: the thread
 * here may be in a cancel or a close, where no callback is expected.
 */
#include "lane.h"

#include <assert.h>

#include "datagram.h"
#include "disconnect.h"
#include "end.h"
#include "error.h"
#include "file.h"
#include "handle.h"
#include "socket.h"
#include "transfer.h"

/* The most one kernel call is given. A power of two far below the kernel's 4 GiB; tests make
 * it small. */
#ifndef APMI_PIECE
#define APMI_PIECE ((size_t)1 << 30)
#endif

#define TICKET (UINT64_C(1) << 32)
#define HELD UINT64_C(0x80000000)
#define COUNT UINT64_C(0x7FFFFFFF)

static apmi_way way_of(const apmi_operation *operation)
{
    return operation->kind >= APMI_RECEIVE ? APMI_INWARD : APMI_OUTWARD;
}

static apmi_lane *lane_of(const apmi_operation *operation)
{
    return &operation->socket->lanes[way_of(operation)];
}

static bool lane_is_held(apmi_lane *lane)
{
    /* Relaxed: the gate orders it. */
    return (atomic_load_explicit(&lane->word, memory_order_relaxed) & HELD) != 0;
}

/* Counts one in. Relaxed: it is followed by the kernel call or done under the gate. */
static uint32_t count_in(apmi_lane *lane)
{
    return (uint32_t)(atomic_fetch_add_explicit(&lane->word, TICKET + 1, memory_order_relaxed) >> 32);
}

static void hold_lane(apmi_lane *lane)
{
    atomic_fetch_or_explicit(&lane->word, HELD, memory_order_relaxed);
}

static apmi_lane_queue *queue_of(const apmi_operation *operation)
{
    return &operation->socket->queues[way_of(operation)];
}

/* ---- the kernel call -------------------------------------------------------------------------- */

/* What most are: one call, with one buffer. */
static inline bool is_plain(const apmi_operation *operation)
{
    return (operation->kind == APMI_SEND || operation->kind == APMI_RECEIVE) &&
           operation->shape == APMI_ONE && operation->size <= APMI_PIECE;
}

/* What has to have the lane for itself until it is over. Only streams go in pieces: a datagram
 * is one or none. */
static bool wants_lane(const apmi_operation *operation)
{
    if (operation->kind == APMI_SEND_FILE || operation->kind == APMI_DISCONNECT) return true;
    if (!apmi_socket_is_stream(operation->socket)) return false;
    if (operation->shape == APMI_LIST && apmi_transfer_list(operation)->count > APMK_BUFFERS) return true;
    return operation->size > APMI_PIECE && way_of(operation) == APMI_OUTWARD;
}

/* What the next call is given: how many stretches, and how many bytes. */
static uint32_t next_stretches(const apmi_operation *operation, apmk_buffer *next, size_t *size)
{
    size_t left = operation->size - operation->transferred;

    if (operation->shape != APMI_ONE)
        return apmi_buffers_next(apmi_transfer_list(operation), APMI_PIECE, next, size);
    *size = left < APMI_PIECE ? left : APMI_PIECE;
    next->size = (uint32_t)*size;
    next->data = operation->data;
    if (operation->transferred != 0) next->data = (unsigned char *)next->data + operation->transferred;
    return 1;
}

static apmk_code call_kernel_otherwise(apmi_operation *operation, uint32_t *bytes)
{
    apmk_socket handle = operation->socket->handle;
    apmk_overlapped *overlapped = &operation->overlapped;
    apmk_buffer next[APMK_BUFFERS];
    uint32_t count;
    size_t size;

    if (operation->kind == APMI_SEND_FILE) return apmi_file_issue(operation, bytes);
    if (operation->kind == APMI_DISCONNECT) return apmi_farewell_issue(operation);
    count = next_stretches(operation, next, &size);
    if (operation->kind == APMI_SEND)
        return apmk_socket_send(handle, next, count, operation->flags, overlapped, bytes);
    if (operation->kind == APMI_RECEIVE)
        return apmk_socket_receive(handle, next, count, operation->flags, overlapped, bytes);
    return apmi_datagram_issue(operation, next, count, bytes);
}

static apmk_code call_kernel(apmi_operation *operation, uint32_t *bytes)
{
    apmk_socket handle = operation->socket->handle;
    apmk_buffer all;

    *bytes = 0;
    if (!is_plain(operation)) return call_kernel_otherwise(operation, bytes);
    all.data = operation->data; /* nothing of it has gone before */
    all.size = (uint32_t)operation->size;
    return (operation->kind == APMI_SEND ? apmk_socket_send : apmk_socket_receive)(
        handle, &all, 1, operation->flags, &operation->overlapped, bytes);
}

static bool has_failed(apmk_code code)
{
    return code != APMK_SUCCESS && code != APMK_PENDING;
}

/* Whether a call that succeeds at once sends no packet. */
static bool call_skips(const apmi_operation *operation)
{
    return apmi_socket_skips(operation->socket) == APMI_SKIP_ON || operation->kind == APMI_DISCONNECT;
}

/* ---- flush and leave --------------------------------------------------------------------------- */

/* Under the exclusive gate: what keeps one from going to the kernel when its turn comes. A disconnect that takes
 * the connection apart has aborted what is older than itself; and what comes after a reset must not look like
 * the end of the stream: not every kernel says it twice. */
static apm_error find_obstacle(const apmi_operation *operation)
{
    apm_socket *socket = operation->socket;

    if (operation->connection != socket->connection) return APM_ERROR_OPERATION_ABORTED;
    if (way_of(operation) == APMI_OUTWARD) return APM_ERROR_SUCCESS;
    return atomic_load_explicit(&socket->lost, memory_order_acquire);
}

/* Under the exclusive gate, when nothing waits in it. */
static bool lane_stays_held(apm_socket *socket, const apmi_lane *lane)
{
    return lane == &socket->lanes[APMI_OUTWARD] &&
           apmi_end_keeps_lane(socket,
                               (atomic_load_explicit(&lane->word, memory_order_relaxed) & COUNT) != 0);
}

static void flush_lane(apm_socket *socket, apmi_lane *lane)
{
    apmi_lane_queue *queue = &socket->queues[lane - socket->lanes];
    apmi_operation *over = NULL, **end = &over;
    bool alone = false;

    apmk_lock_exclusive(&socket->gate);
    /* Somebody may have counted himself in since: then he flushes when he leaves. */
    if ((atomic_load_explicit(&lane->word, memory_order_acquire) & (HELD | COUNT)) == HELD &&
        !apmi_socket_closed(socket)) {
        while (queue->first != NULL && !alone) {
            apmi_operation *operation = queue->first;
            apmk_code code = APMK_SUCCESS;
            uint32_t bytes = 0;
            apm_error error;

            alone = operation->alone;
            if (alone && (atomic_load_explicit(&lane->word, memory_order_relaxed) & COUNT) != 0) break;
            apmi_lane_queue_remove(queue_of(operation), operation);
            atomic_fetch_add_explicit(&lane->word, 1, memory_order_relaxed);
            if (alone && way_of(operation) == APMI_OUTWARD) socket->alone = operation;
            apmi_operation_arm(operation);
            error = find_obstacle(operation);
            if (error == APM_ERROR_SUCCESS) code = call_kernel(operation, &bytes);
            if (has_failed(code)) error = apmi_error_from_native(code);
            if (error != APM_ERROR_SUCCESS) operation->error = error;
            if (error != APM_ERROR_SUCCESS ||
                apmi_operation_hand_over(operation, code, bytes, call_skips(operation))) {
                *end = operation;
                end = &operation->next;
            }
        }
        *end = NULL;
        if (queue->first == NULL && !alone && !lane_stays_held(socket, lane)) {
            atomic_fetch_and_explicit(&lane->word, ~HELD, memory_order_relaxed);
            if (lane == &socket->lanes[APMI_OUTWARD]) apmi_end_say(socket);
        }
    }
    apmk_unlock_exclusive(&socket->gate);
    apmi_operation_post_all(over);
}

static void leave_lane(apm_socket *socket, apmi_lane *lane)
{
    /* Release what was done during the stay; whoever flushes acquires it. */
    uint64_t before = atomic_fetch_sub_explicit(&lane->word, 1, memory_order_acq_rel);

    assert((before & COUNT) != 0);
    if ((before & (HELD | COUNT)) == (HELD | 1)) flush_lane(socket, lane);
}

/* ---- begin ---------------------------------------------------------------------------------------- */

/* Under the gate. Whoever has asked for the state before may have been overtaken since, by a disconnect that
 * takes the connection apart. */
static inline bool is_overtaken(const apmi_operation *operation)
{
    return apmi_socket_phase(operation->socket) != APMI_CONNECTED && operation->kind != APMI_DISCONNECT &&
           apmi_socket_is_stream(operation->socket);
}

/* Under the gate. As the kernel says of one behind a shutdown. */
static inline bool is_behind_the_end(const apmi_operation *operation)
{
    return apmi_end_now(operation->socket) != APMI_END_NONE && way_of(operation) == APMI_OUTWARD &&
           operation->kind != APMI_DISCONNECT;
}

/* A disconnect is of the connection that it has found. */
static bool is_too_late(const apmi_operation *operation)
{
    return operation->kind == APMI_DISCONNECT && operation->connection != operation->socket->connection;
}

/* Not under the gate: for that reason, or because of a close. */
static apm_error refuse_operation(apmi_operation *operation, apm_error error)
{
    if (apmi_socket_disposed(operation->socket)) error = APM_ERROR_OBJECT_DISPOSED;
    apmi_operation_discard(operation, error);
    return error;
}

static apm_error queue_operation(apmi_operation *operation, apm_async_result **result)
{
    apm_socket *socket = operation->socket;
    apmi_lane *lane = lane_of(operation);
    bool behind;

    apmk_lock_exclusive(&socket->gate);
    behind = is_behind_the_end(operation);
    if (behind || is_overtaken(operation) || is_too_late(operation) || !apmi_socket_begin(socket)) {
        apmk_unlock_exclusive(&socket->gate);
        return refuse_operation(operation, behind ? APM_ERROR_SHUTDOWN : APM_ERROR_NOT_CONNECTED);
    }
    operation->connection = socket->connection;
    operation->ticket = count_in(lane); /* and ourselves, until we leave */
    hold_lane(lane);
    apmi_lane_queue_insert(queue_of(operation), operation);
    if (result != NULL) *result = operation;
    apmi_socket_hold(socket); /* the operation, and its hold, may be gone before we leave */
    apmk_unlock_exclusive(&socket->gate);
    leave_lane(socket, lane);
    apmi_socket_drop(socket);
    return APM_ERROR_SUCCESS;
}

apm_error apmi_lane_begin(apmi_operation *operation, apm_async_result **result)
{
    apm_socket *socket = operation->socket;
    apmi_lane *lane = lane_of(operation);
    uint32_t bytes;
    apmk_code code;
    bool skips;

    operation->alone = !is_plain(operation) && wants_lane(operation);
    if (apmi_socket_skips(socket) == APMI_SKIP_UNASKED) apmi_handle_ask_to_skip(socket);
    apmk_lock_shared(&socket->gate);
    if (lane_is_held(lane) || operation->alone) {
        apmk_unlock_shared(&socket->gate);
        return queue_operation(operation, result);
    }
    if (is_overtaken(operation) || !apmi_socket_begin(socket)) {
        apmk_unlock_shared(&socket->gate);
        return refuse_operation(operation, APM_ERROR_NOT_CONNECTED);
    }
    operation->connection = socket->connection;
    operation->ticket = count_in(lane);
    skips = call_skips(operation);
    code = call_kernel(operation, &bytes);
    apmk_unlock_shared(&socket->gate);

    if (has_failed(code)) {
        apm_error error = apmi_error_from_native(code);
        apmi_socket_note_error(operation, error);
        leave_lane(socket, lane);
        apmi_socket_undo(socket);
        apmi_operation_discard(operation, error);
        return error;
    }
    if (result != NULL) *result = operation;
    if (apmi_operation_hand_over(operation, code, bytes, skips)) apmi_operation_complete_inside(operation);
    return APM_ERROR_SUCCESS;
}

/* ---- after the packet -------------------------------------------------------------------------------- */

/* A receive that got nothing and failed in nothing: the stream has ended, and not well if one before it was told so.
 * Not every kernel says it twice, and this one may have gone to it before anybody knew. */
static void doubt_the_end(apmi_operation *operation)
{
    if (way_of(operation) == APMI_INWARD && operation->error == APM_ERROR_SUCCESS && operation->size != 0 &&
        apmi_socket_is_stream(operation->socket))
        operation->error = apmi_socket_lost_before(operation);
}

static inline void add_bytes(apmi_operation *operation, apmi_lane *lane, size_t bytes)
{
    atomic_fetch_add_explicit(&lane->bytes, bytes, memory_order_relaxed); /* only counted */
    operation->transferred += bytes;
    operation->bytes = 0;
}

/* Takes note of the bytes that a call has moved; true if it moved all it was given. */
static bool count_bytes(apmi_operation *operation, apmi_lane *lane)
{
    apmk_buffer next[APMK_BUFFERS];
    size_t bytes = operation->bytes, size = 0;
    bool in_pieces;

    if (bytes != 0 && !operation->alone) {
        add_bytes(operation, lane, bytes);
        return false;
    }
    in_pieces = operation->kind != APMI_SEND_FILE && (operation->flags & APM_FLAG_PEEK) == 0;
    if (bytes == 0) {
        if (operation->kind == APMI_SEND_FILE) apmi_file_advance(operation, 0);
        if (operation->transferred == 0) doubt_the_end(operation);
        return false;
    }
    if (in_pieces) (void)next_stretches(operation, next, &size);
    add_bytes(operation, lane, bytes);
    if (operation->kind == APMI_SEND_FILE)
        apmi_file_advance(operation, bytes);
    else if (in_pieces && operation->shape != APMI_ONE)
        apmi_buffers_advance(apmi_transfer_list(operation), bytes);
    return bytes == size;
}

/* Whether a call gets what is there at once. */
static bool has_bytes(apm_socket *socket)
{
    uint32_t bytes = 0, size = 0;

    return !apmi_socket_closed(socket) &&
           apmk_socket_io_control(socket->handle, APMK_BYTES_TO_READ, NULL, 0, &bytes, sizeof bytes, &size) ==
               APMK_SUCCESS &&
           bytes != 0;
}

/* Under the exclusive gate: whether an operation in pieces has another one to come. */
static bool has_more(const apmi_operation *operation, bool filled)
{
    if (operation->kind == APMI_SEND_FILE) return apmi_file_has_more(operation);
    if (operation->transferred == operation->size) return false;
    /* A receive never waits for more than its first byte. */
    return way_of(operation) == APMI_OUTWARD || (filled && has_bytes(operation->socket));
}

/* The socket remembers an error that lasts, before the next receive goes to the kernel. One that has got
 * something is what it was for, also where a cancel or the end of the connection finds it between two calls. */
static void keep_received(apmi_operation *operation)
{
    if (way_of(operation) != APMI_INWARD || !apmi_socket_is_stream(operation->socket)) return;
    apmi_socket_note_error(operation, operation->error);
    if (operation->transferred != 0) operation->error = APM_ERROR_SUCCESS;
}

/* Under the exclusive gate: a part of the stream is missing, and an end that comes after it must know. So it stays
 * counted in its lane until its error can be seen: no close finds it neither here nor there. */
static bool is_missing(const apmi_operation *operation)
{
    return way_of(operation) == APMI_OUTWARD && operation->kind != APMI_DISCONNECT &&
           operation->error != APM_ERROR_SUCCESS && apmi_socket_is_stream(operation->socket) &&
           operation->connection == operation->socket->connection;
}

/* Under a lane of its own, or held since before a cancel reached the kernel, and so while we count; or something
 * that was sent has failed: whether it goes on. */
static bool look_again(apmi_operation *operation, apmi_lane *lane, bool filled)
{
    apm_socket *socket = operation->socket;
    bool outward = way_of(operation) == APMI_OUTWARD, goes_on = false, more;
    bool in_pieces = operation->alone && operation->error == APM_ERROR_SUCCESS;
    bool swept = operation->error == APM_ERROR_OPERATION_ABORTED && operation->status != APMK_SUCCESS &&
                 !outward && lane_is_held(lane) &&
                 atomic_load_explicit(&socket->lost, memory_order_acquire) == APM_ERROR_SUCCESS;

    apmk_lock_exclusive(&socket->gate);
    if (socket->alone == operation) socket->alone = NULL;
    more = in_pieces && has_more(operation, filled);
    if (apmi_socket_closed(socket) || operation->connection != socket->connection ||
        apmi_operation_labelled(operation)) {
        if (more && outward) operation->error = APM_ERROR_OPERATION_ABORTED; /* not all of it has gone */
    } else if (swept && operation->transferred != 0) {
        operation->error = APM_ERROR_SUCCESS; /* swept, but with bytes: a receive like any other */
    } else {
        goes_on = swept || more;
    }
    if (!goes_on && operation->kind == APMI_SEND_FILE) apmi_farewell_follow(operation);
    operation->missing = !goes_on && is_missing(operation);
    if (goes_on) {
        hold_lane(lane);
        apmi_lane_queue_insert(queue_of(operation), operation);
        apmi_socket_hold(socket); /* the operation, and its hold, may be gone before we leave */
    }
    apmk_unlock_exclusive(&socket->gate);
    apmk_interleave();
    return goes_on;
}

bool apmi_lane_put_back(apmi_operation *operation)
{
    apm_socket *socket = operation->socket;
    apmi_lane *lane = lane_of(operation);
    bool filled = count_bytes(operation, lane), goes_on = false;

    if (operation->alone ||
        (operation->error != APM_ERROR_SUCCESS && (way_of(operation) == APMI_OUTWARD || lane_is_held(lane))))
        goes_on = look_again(operation, lane, filled);
    if (!goes_on && operation->error != APM_ERROR_SUCCESS) keep_received(operation);
    if (!goes_on && operation->missing) return false; /* apmi_lane_miss */
    leave_lane(socket, lane);
    if (goes_on) apmi_socket_drop(socket);
    return goes_on;
}

void apmi_lane_miss(apmi_operation *operation)
{
    leave_lane(operation->socket, lane_of(operation));
}

/* What a cancel may have kept from being sent. */
static bool is_sent(const apmi_operation *operation)
{
    return operation->kind >= APMI_SEND && operation->kind <= APMI_SEND_FILE;
}

void apmi_lane_settle_cancel(apmi_operation *operation)
{
    /* Relaxed: the gate orders it, but for one that has come too late to be asked for. */
    if (is_sent(operation)) atomic_fetch_sub_explicit(&operation->socket->doubtful, 1, memory_order_relaxed);
}

void apmi_lane_cancel(apmi_operation *operation, uint32_t label)
{
    apm_socket *socket = operation->socket;
    apmi_lane *lane = lane_of(operation);
    bool was_queued;

    apmk_lock_exclusive(&socket->gate);
    if (apmi_socket_closed(socket) || apmi_operation_completed(operation) ||
        (way_of(operation) == APMI_OUTWARD && apmi_end_relies_on_kernel(socket))) {
        apmk_unlock_exclusive(&socket->gate);
        return;
    }
    if (apmi_operation_label(operation, label) && is_sent(operation))
        atomic_fetch_add_explicit(&socket->doubtful, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->word, 1, memory_order_relaxed);
    was_queued = operation->queued;
    if (was_queued) {
        apmi_lane_queue_remove(queue_of(operation), operation); /* our count is now its own */
        operation->error = APM_ERROR_OPERATION_ABORTED;
    } else {
        if (way_of(operation) == APMI_INWARD) hold_lane(lane);
        apmk_socket_cancel(socket->handle, &operation->overlapped);
    }
    apmk_unlock_exclusive(&socket->gate);

    if (was_queued)
        apmi_operation_post_all(operation);
    else
        leave_lane(socket, lane);
}

bool apmi_lane_hold_outward(apm_socket *socket)
{
    apmi_lane *lane = &socket->lanes[APMI_OUTWARD];

    /* In one step: the last one that leaves either comes before it, or sees it and flushes. */
    return (atomic_fetch_or_explicit(&lane->word, HELD, memory_order_acq_rel) & COUNT) != 0;
}

bool apmi_lane_has_outward(const apm_socket *socket)
{
    return socket->queues[APMI_OUTWARD].first != NULL || socket->alone != NULL;
}

bool apmi_lane_has_to_send(const apm_socket *socket)
{
    const apmi_operation *at = socket->alone;

    if (at != NULL && at->kind != APMI_DISCONNECT) return true;
    for (at = socket->queues[APMI_OUTWARD].first; at != NULL; at = at->next)
        if (at->kind != APMI_DISCONNECT) return true;
    return false;
}

bool apmi_lane_sends(apm_socket *socket)
{
    if (socket->alone != NULL && socket->alone->kind == APMI_DISCONNECT)
        return false; /* it is the only one */
    return !apmi_lane_is_outward_over(socket);
}

bool apmi_lane_is_outward_over(apm_socket *socket)
{
    return (atomic_load_explicit(&socket->lanes[APMI_OUTWARD].word, memory_order_acquire) & COUNT) == 0;
}

bool apmi_lane_in_kernel(apm_socket *socket)
{
    uint64_t counts = 0;
    int way;

    /* Relaxed: whoever counts himself in does so under the gate. */
    for (way = 0; way < APMI_WAYS; way++)
        counts |= atomic_load_explicit(&socket->lanes[way].word, memory_order_relaxed);
    return (counts & COUNT) != 0;
}

apmi_operation *apmi_lane_abandon(apm_socket *socket)
{
    apmi_operation *list = NULL;
    int way;

    for (way = 0; way < APMI_WAYS; way++) {
        apmi_operation *operation;

        while ((operation = socket->queues[way].first) != NULL) {
            apmi_lane_queue_remove(queue_of(operation), operation);
            atomic_fetch_add_explicit(&socket->lanes[way].word, 1, memory_order_relaxed);
            operation->error = APM_ERROR_OPERATION_ABORTED;
            operation->next = list;
            list = operation;
        }
    }
    return list;
}
