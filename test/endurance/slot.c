/* SPDX-License-Identifier: MIT */
/*
 * A life of a stream: it connects; then sends, receives, cancels and what the peer does come as
 * they are drawn; then it ends in one way or another.
 *
 * What is sent is checked by the peer, stretch by stretch, up to a send that was cancelled: that
 * may have sent a part of itself. What is received is checked to the last byte always: a cancel
 * of a receive loses nothing.
 */
#include "slot.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that the peer writes ahead of what we have received: any kernel has room for them, so that
 * it never has to wait for us. */
enum { AHEAD = 8192, STEPS = 40 /* of a life, about */, TEXT_ROOM = 400 };

_Atomic uint64_t slot_numbers[SLOT_NUMBERS];
static unsigned char shared[SLOT_DATA];
static const char *file_path;

static void require(bool good, const char *what)
{
    if (!good) endurance_fail(what);
}

void slot_prepare(const char *path)
{
    pattern_fill(shared, sizeof shared, 0);
    file_path = path;
}

/* ---- operations ------------------------------------------------------------------------------------------ */

static void count(enum slot_number which, uint64_t by)
{
    atomic_fetch_add(&slot_numbers[which], by);
}

/* `least` is sure, and there may be up to `most`. */
static void count_between(enum slot_number which, uint64_t least, uint64_t most)
{
    count(which, least);
    count(which == SLOT_SENT ? SLOT_SENT_PERHAPS : SLOT_RECEIVED_PERHAPS, most - least);
}

/* What the End of an operation would have said if its socket had not been closed before: its message does. */
static apm_error told_error(const operation *made)
{
    static const apm_error known[] = {APM_ERROR_SUCCESS, APM_ERROR_OPERATION_ABORTED, APM_ERROR_TIMED_OUT};
    char said[TEXT_ROOM], text[TEXT_ROOM];
    size_t i, length;

    (void)apm_async_result_message(made->result, said, sizeof said);
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        length = apm_error_message(known[i], text, sizeof text);
        if (length != 0 && strncmp(said, text, length) == 0) return known[i]; /* a connect's has more */
    }
    return APM_ERROR_OBJECT_DISPOSED;
}

/* For the census: what the library's statistics have to say of it, too. */
static void count_end(const operation *made)
{
    bool sends = made->kind == CALL_SEND || made->kind == CALL_SEND_FILE || made->kind == CALL_SEND_TO;
    bool receives = made->kind == CALL_RECEIVE || made->kind == CALL_RECEIVE_FROM;
    bool told = made->error != APM_ERROR_OBJECT_DISPOSED;
    apm_error error = told ? made->error : told_error(made);

    if (error == APM_ERROR_OPERATION_ABORTED || error == APM_ERROR_TIMED_OUT)
        count(SLOT_CANCELLED, 1);
    else if (error != APM_ERROR_SUCCESS)
        count(SLOT_FAILED, 1);
    if (sends && error == APM_ERROR_SUCCESS)
        count(SLOT_SENT, made->size); /* all, or an error */
    else if (sends)
        count_between(SLOT_SENT, made->bytes,
                      told && made->kind != CALL_SEND_FILE ? made->bytes : made->size);
    else if (receives)
        count_between(SLOT_RECEIVED, made->bytes,
                      told || error != APM_ERROR_SUCCESS ? made->bytes : made->size);
}

static void APM_CALL call_over(apm_async_result *result)
{
    operation *made = (operation *)apm_async_result_state(result);
    size_t bytes = 0;

    require(made->result == result, "a callback with another result than Begin gave");
    require(apm_async_result_is_completed(result), "a callback before completion");
    made->error = end_kind(made->kind, made->socket, result, &bytes);
    made->bytes = bytes;
    require(made->error != APM_ERROR_SUCCESS || made->kind != CALL_SEND || bytes == made->size,
            "a send was good, but not whole");
    count_end(made);
    count(SLOT_CALLED, 1);
    require(atomic_fetch_add(&made->callbacks, 1) == 0, "a second callback");
}

static operation *take_operation(slot *one, call_kind kind, size_t size)
{
    int i;

    for (i = 0; i < SLOT_OPERATIONS; i++) {
        operation *made = &one->operations[i];

        if (made->busy) continue;
        made->kind = kind;
        made->size = size;
        made->socket = one->socket;
        made->result = NULL;
        atomic_store(&made->callbacks, 0);
        return made;
    }
    return NULL;
}

/* After Begin. */
static bool keep_operation(operation *made, apm_error error)
{
    if (error != APM_ERROR_SUCCESS) {
        require(atomic_load(&made->callbacks) == 0, "a callback of what did not begin");
        count(SLOT_REFUSED, 1);
        return false;
    }
    apm_socket_retain(made->socket);
    made->busy = true;
    count(SLOT_BEGUN, 1);
    return true;
}

static bool is_over(const operation *made)
{
    return atomic_load(&made->callbacks) != 0;
}

static void free_operation(operation *made)
{
    apm_async_result_release(made->result);
    apm_socket_release(made->socket);
    made->busy = false;
}

static void check_stream(slot *one, const unsigned char *data, size_t size)
{
    while (size != 0) {
        size_t place = (size_t)(one->received % SLOT_DATA);
        size_t part = size < SLOT_DATA - place ? size : SLOT_DATA - place;

        require(memcmp(data, shared + place, part) == 0, "received bytes are wrong, or out of order");
        data += part;
        size -= part;
        one->received += part;
    }
    require(one->received <= one->written, "more was received than the peer has written");
}

static void reap(slot *one)
{
    int i;

    while (one->read_count != 0 && is_over(one->reads[one->first_read])) {
        operation *made = one->reads[one->first_read];

        /* Once it is closed, what was received before its callback is not told. */
        if (made->socket == one->socket) check_stream(one, made->room, made->bytes);
        one->first_read = (one->first_read + 1) % SLOT_OPERATIONS;
        one->read_count--;
        made->kind = CALL_KINDS; /* checked */
    }
    for (i = 0; i < SLOT_OPERATIONS; i++) {
        operation *made = &one->operations[i];

        if (!made->busy || !is_over(made) || made->kind == CALL_RECEIVE) continue;
        if (one->exact && made->socket == one->socket &&
            (made->kind == CALL_SEND || made->kind == CALL_SEND_FILE) &&
            made->error != APM_ERROR_OPERATION_ABORTED && made->error != APM_ERROR_TIMED_OUT)
            require(made->error == APM_ERROR_SUCCESS, "a send failed although the connection lives");
        if (made->kind == CALL_RECEIVE_FROM && made->error == APM_ERROR_SUCCESS)
            require(made->bytes != 0 && memcmp(made->room, shared + made->bytes, made->bytes) == 0,
                    "a datagram is not as it was sent");
        free_operation(made);
    }
}

static uint32_t count_busy(const slot *one)
{
    uint32_t count = 0;
    int i;

    for (i = 0; i < SLOT_OPERATIONS; i++) count += one->operations[i].busy;
    return count;
}

static void wait_for_all(slot *one, bool (*meanwhile)(slot *one))
{
    uint64_t start = test_now();

    for (;;) {
        reap(one);
        if ((meanwhile == NULL || meanwhile(one)) && count_busy(one) == 0) return;
        require(test_now() - start < PATIENCE, "an operation has not called back");
        test_yield();
    }
}

/* ---- the peer -------------------------------------------------------------------------------------------- */

/* Whatever has come, without waiting. False once the stream has ended. */
static bool peer_reads(slot *one)
{
    unsigned char data[SLOT_ROOM];
    int64_t got;
    int64_t at;

    if (one->other == NULL) return false;
    while ((got = peer_read(one->other, data, sizeof data, 0)) > 0) {
        for (at = 0; at < got && one->ordered;) {
            segment *next = &one->segments[one->first];
            size_t part = (size_t)(got - at);

            require(one->count != 0, "the peer got more than was sent");
            if (part > next->size) part = next->size;
            require(memcmp(data + at, shared + next->place, part) == 0, "the peer got wrong bytes");
            next->place += part;
            next->size -= part;
            at += (int64_t)part;
            if (next->size == 0) {
                one->first = (one->first + 1) % SLOT_SEGMENTS;
                one->count--;
            }
        }
    }
    return got == PEER_TIMEOUT;
}

static bool peer_has_read_all(slot *one)
{
    return !peer_reads(one);
}

static void peer_writes(slot *one)
{
    size_t place = (size_t)(one->written % SLOT_DATA), size = 1 + draw(&one->seed, 3000);

    if (one->written - one->received + size > AHEAD) return;
    if (size > SLOT_DATA - place) size = SLOT_DATA - place;
    one->written += size;
    require(peer_write(one->other, shared + place, size), "the peer cannot write");
}

/* ---- actions --------------------------------------------------------------------------------------------- */

static void push_segment(slot *one, size_t place, size_t size)
{
    segment *last = &one->segments[(one->first + one->count) % SLOT_SEGMENTS];

    if (!one->ordered || size == 0) return;
    last->place = place;
    last->size = size;
    one->count++;
}

static void begin_send(slot *one)
{
    uint32_t how = draw(&one->seed, 12);
    size_t size = draw(&one->seed, how == 0 ? 65536 : 3000), place = draw(&one->seed, SLOT_DATA / 2);
    operation *made =
        take_operation(one, how == 11 ? CALL_SEND_FILE : CALL_SEND, how == 11 ? SLOT_DATA : size);
    apm_buffer list[3];
    apm_error error;

    if (made == NULL || one->count + 1 >= SLOT_SEGMENTS) return;
    list[0].data = shared + place;
    list[0].size = size / 3;
    list[1].data = shared + place + size / 3;
    list[1].size = size / 2;
    list[2].data = shared + place + size / 3 + size / 2;
    list[2].size = size - size / 3 - size / 2;
    if (how == 11) {
        place = 0;
        size = SLOT_DATA;
        error =
            apm_socket_begin_send_file(one->socket, file_path, NULL, NULL, 0, call_over, made, &made->result);
    } else if (how > 7) {
        error = apm_socket_begin_send_buffers(one->socket, list, 3, 0, call_over, made, &made->result);
    } else {
        error = apm_socket_begin_send(one->socket, shared + place, size, 0, call_over, made, &made->result);
    }
    if (keep_operation(made, error)) push_segment(one, place, size);
}

static void begin_receive(slot *one)
{
    size_t size = 1 + draw(&one->seed, SLOT_ROOM - 1);
    operation *made = take_operation(one, CALL_RECEIVE, size);
    apm_buffer list[2];
    apm_error error;

    if (made == NULL) return;
    list[0].data = made->room;
    list[0].size = size / 2;
    list[1].data = made->room + size / 2;
    list[1].size = size - size / 2;
    if (draw(&one->seed, 3) == 0)
        error = apm_socket_begin_receive_buffers(one->socket, list, 2, 0, call_over, made, &made->result);
    else
        error = apm_socket_begin_receive(one->socket, made->room, size, 0, call_over, made, &made->result);
    if (!keep_operation(made, error)) return;
    one->reads[(one->first_read + one->read_count) % SLOT_OPERATIONS] = made;
    one->read_count++;
}

static void begin_receive_from(slot *one)
{
    operation *made = take_operation(one, CALL_RECEIVE_FROM, SLOT_ROOM);

    if (made != NULL)
        (void)keep_operation(made, apm_socket_begin_receive_from(one->socket, made->room, SLOT_ROOM, 0,
                                                                 call_over, made, &made->result));
}

static void cancel_some(slot *one)
{
    operation *made = &one->operations[draw(&one->seed, SLOT_OPERATIONS)];

    if (!made->busy) return;
    if (made->kind == CALL_SEND || made->kind == CALL_SEND_FILE) {
        if (one->exact) return;
        one->ordered = false; /* it may have sent a part of itself */
    }
    if (draw(&one->seed, 2) == 0)
        (void)apm_async_result_cancel(made->result);
    else
        (void)apm_async_result_cancel_after(made->result, draw(&one->seed, 30));
}

static void step_datagram(slot *one)
{
    size_t size = 1 + draw(&one->seed, SLOT_ROOM - 1);
    operation *made;

    switch (draw(&one->seed, 5)) {
    case 0:
    case 1:
        made = take_operation(one, CALL_SEND_TO, size);
        if (made != NULL)
            (void)keep_operation(made,
                                 apm_socket_begin_send_to(one->socket, shared + size, size, 0, &one->remote,
                                                          call_over, made, &made->result));
        break;
    case 2:
    case 3: begin_receive_from(one); break;
    default: cancel_some(one); break;
    }
}

/* ---- lives ------------------------------------------------------------------------------------------------- */

/* `socket` may be one that has disconnected. */
static void begin_life(slot *one)
{
    apm_endpoint remotes[2];
    operation *made;
    apm_error error;

    count(SLOT_LIVES, 1);
    if (one->datagram) {
        require(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, 0, &one->socket) ==
                        APM_ERROR_SUCCESS &&
                    apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &remotes[0]) == APM_ERROR_SUCCESS &&
                    apm_socket_bind(one->socket, &remotes[0]) == APM_ERROR_SUCCESS &&
                    apm_socket_local_endpoint(one->socket, &one->remote) == APM_ERROR_SUCCESS,
                "no datagram socket");
        return;
    }
    if (one->socket == NULL)
        require(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, 0, &one->socket) == APM_ERROR_SUCCESS,
                "no socket");
    peer_listener_endpoint(one->listener, &remotes[1]);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remotes[0]);
    made = take_operation(one, CALL_CONNECT, 0);
    switch (draw(&one->seed, 12)) {
    case 0: /* seldom: Windows takes 2 s to refuse, and the other slots of this driver wait */
        error = apm_socket_begin_connect_many(one->socket, remotes, 2, call_over, made, &made->result);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        error = apm_socket_begin_connect_host(one->socket, "127.0.0.1", apm_endpoint_port(&remotes[1]),
                                              call_over, made, &made->result);
        break;
    default:
        error = apm_socket_begin_connect(one->socket, &remotes[1], call_over, made, &made->result);
        break;
    }
    require(keep_operation(made, error), "a connect does not begin");
    while (!is_over(made)) {
        require(apm_async_result_wait(made->result, PATIENCE) == APM_ERROR_SUCCESS, "a connect does not end");
        test_yield();
    }
    require(made->error == APM_ERROR_SUCCESS, "a connect failed");
    one->other = peer_accept(one->listener, PATIENCE);
    require(one->other != NULL, "the peer sees no connection");
    one->written = one->received = 0;
    one->count = one->first = 0;
    one->exact = draw(&one->seed, 2) == 0;
    one->ordered = true;
}

static void close_socket(slot *one, int32_t timeout)
{
    require(apm_socket_close_timeout(one->socket, timeout) == APM_ERROR_SUCCESS, "close failed");
    one->socket = NULL;
}

/* Everything that was sent arrives; then perhaps the socket goes on. */
static void end_orderly(slot *one)
{
    bool reuse = draw(&one->seed, 2) == 0;
    operation *made = NULL;

    /* Room for the disconnect. Receives are taken note of in their order: the oldest one, then. */
    while ((made = take_operation(one, CALL_DISCONNECT, 0)) == NULL) {
        if (one->read_count != 0) {
            (void)apm_async_result_cancel(one->reads[one->first_read]->result);
        } else {
            (void)apm_async_result_cancel(one->operations[0].result);
            one->exact = one->ordered = false;
        }
        (void)peer_reads(one);
        reap(one);
        test_yield();
    }
    if (!keep_operation(made,
                        apm_socket_begin_disconnect(one->socket, false, call_over, made, &made->result))) {
        one->exact = false; /* the connection is lost */
        reuse = false;
    }
    if (one->exact) {
        uint64_t start = test_now();

        while (peer_reads(one)) {
            require(test_now() - start < PATIENCE, "the peer does not see the end");
            test_yield();
        }
        require(one->count == 0, "the peer has not got all that was sent");
    }
    peer_end(one->other);
    if (!one->exact) (void)peer_reads(one);
    if (reuse) {
        wait_for_all(one, peer_has_read_all);
        require(one->received == one->written, "not all that the peer has written was received");
        made = take_operation(one, CALL_DISCONNECT, 0);
        if (keep_operation(made,
                           apm_socket_begin_disconnect(one->socket, true, call_over, made, &made->result)))
            wait_for_all(one, NULL);
        else
            close_socket(one, -1);
    } else {
        close_socket(one, -1);
    }
}

static void end_life(slot *one)
{
    uint64_t start;

    if (one->datagram) {
        close_socket(one, -1);
        wait_for_all(one, NULL);
        return;
    }
    switch (one->exact ? 0 : draw(&one->seed, 5)) {
    case 0:
        /* What the peer has written is there to be received: by receives that are never too few. */
        start = test_now();
        while (one->received != one->written) {
            require(test_now() - start < PATIENCE, "what the peer has written does not arrive");
            if (one->read_count == 0) begin_receive(one);
            (void)peer_reads(one);
            reap(one);
            test_yield();
        }
        end_orderly(one);
        break;
    case 1: close_socket(one, -1); break;
    case 2: close_socket(one, 0); break;
    case 3:
        peer_reset(one->other);
        one->other = NULL;
        close_socket(one, -1);
        break;
    default:
        peer_close(one->other);
        one->other = NULL;
        close_socket(one, -1);
        break;
    }
    wait_for_all(one, NULL);
    peer_close(one->other);
    one->other = NULL;
}

void slot_open(slot *one, uint64_t seed, bool datagram)
{
    memset(one, 0, sizeof *one);
    one->seed = seed;
    one->datagram = datagram;
    one->listener = peer_listen(APM_FAMILY_IPV4);
    require(one->listener != NULL, "no listener");
}

void slot_fill(slot *one)
{
    begin_life(one);
    reap(one);
    /* Nobody sends yet. */
    while (count_busy(one) != SLOT_OPERATIONS) {
        if (one->datagram)
            begin_receive_from(one);
        else
            begin_receive(one);
    }
}

void slot_step(slot *one)
{
    uint32_t turns = 1 + draw(&one->seed, 30);

    if (one->socket == NULL || (!one->datagram && one->other == NULL)) begin_life(one);
    while (turns-- != 0) {
        if (one->datagram) {
            step_datagram(one);
            continue;
        }
        switch (draw(&one->seed, 10)) {
        case 0:
        case 1:
        case 2: begin_send(one); break;
        case 3:
        case 4:
        case 5: begin_receive(one); break;
        case 6: peer_writes(one); break;
        case 7: cancel_some(one); break;
        default: (void)peer_reads(one); break;
        }
    }
    reap(one);
    if (draw(&one->seed, STEPS) == 0) end_life(one);
}

void slot_drain(slot *one)
{
    if (one->socket != NULL && (one->datagram || one->other != NULL)) end_life(one);
    if (one->socket != NULL) close_socket(one, -1); /* it was about to connect again */
    wait_for_all(one, NULL);
}

void slot_close(slot *one)
{
    peer_listener_close(one->listener);
}
