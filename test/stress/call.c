/* SPDX-License-Identifier: MIT */
/* A call: Begin, callback, End, and what each of them has to see. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* ms; where nobody has said that a refusal is final, the kernel tries again for longer. */
#define REFUSAL_LIMIT 1500u
/* Five addresses, 250 ms after each other; the slowest takes 20 s. */
#define PARALLEL_LIMIT 5000u

static void *test_memory(size_t size)
{
    void *block = calloc(1, size);

    if (block == NULL) sim_fail("no memory for the test");
    return block;
}

/* ---- making and deleting ---------------------------------------------------------------------- */

static enum call_deed draw_deed(uint64_t *stream)
{
    if (draw(stream, 2) == 0) return (enum call_deed)draw(stream, DEEDS);
    return draw(stream, 3) == 0 ? DEED_AWAIT : DEED_NONE;
}

call *call_new(place *at, enum call_kind kind, uint64_t *stream)
{
    call *made = (call *)test_memory(sizeof *made);

    made->at = at;
    made->kind = kind;
    made->stream = ((uint64_t)draw(stream, UINT32_MAX) << 32) + (uint64_t)kind;
    made->calls_back = draw(stream, 5) != 0;
    made->wants_result = draw(stream, 4) != 0;
    made->end = (enum call_end)draw(stream, 3);
    made->deed = draw_deed(stream);
    made->way = (enum call_way)draw(stream, 3);
    made->reuses = draw(stream, 5) != 0;
    if (kind == CALL_CONNECT || kind == CALL_DISCONNECT) return made;

    made->size = draw(stream, 12) == 0 ? 0 : 1 + draw(stream, draw(stream, 8) == 0 ? LARGEST : 40);
    if (made->size != 0 && draw(stream, 4) == 0)
        made->parts = 1 + draw(stream, draw(stream, 4) == 0 ? PARTS : 8);
    if (made->parts > 8) made->size += made->parts; /* or the last of them would have it all */
    made->files = kind == CALL_SEND && made->size != 0 && made->parts == 0 && draw(stream, 10) == 0;
    if (made->files) parcel_draw(made, stream);
    made->peeks = kind == CALL_RECEIVE && draw(stream, 25) == 0;
    letter_draw(made, stream);
    if (made->size != 0 || draw(stream, 2) == 0) {
        made->data = (unsigned char *)malloc(made->size != 0 ? made->size : 1);
        if (made->data == NULL) sim_fail("no memory for the test");
        memset(made->data, 0xFF, made->size);
    }
    return made;
}

/* What was received shows in the buffer, also where no End could say it. */
void call_take_data(call *made)
{
    size_t i = 0;

    if (made->data != NULL && made->kind == CALL_RECEIVE && made->size != 0) {
        while (i < made->size && made->data[i] != 0xFF) i++;
        made->kept_size = i;
        made->kept = (unsigned char *)test_memory(made->size);
        memcpy(made->kept, made->data, i);
        for (; i < made->size; i++)
            if (made->data[i] != 0xFF) made->damaged = true;
    }
    free(made->data);
    made->data = NULL;
    trail_receive(made);
}

void call_delete(call *made)
{
    free(made->data);
    free(made->kept);
    free(made);
}

bool call_wait(const call *made)
{
    uint32_t tries;

    for (tries = 0; tries < 100; tries++)
        if (apm_async_result_wait(made->result, 60000) == APM_ERROR_SUCCESS) return true;
    return false;
}

void call_release(call *made)
{
    if (made->result != NULL && !made->released) apm_async_result_release(made->result);
    made->released = true;
}

/* ---- End ----------------------------------------------------------------------------------------- */

apm_error call_finish(call *made, apm_async_result *result)
{
    apm_socket *socket = made->at->socket;
    size_t bytes = SIZE_MAX;
    apm_error error;

    switch (made->kind) {
    case CALL_CONNECT: error = apm_socket_end_connect(socket, result); break;
    case CALL_SEND:
        if (made->letter != LETTER_NONE)
            error = letter_end(made, result, &bytes);
        else
            error = made->files ? apm_socket_end_send_file(socket, result)
                                : apm_socket_end_send(socket, result, &bytes);
        if (made->files && error == APM_ERROR_SUCCESS) bytes = made->size;
        break;
    case CALL_RECEIVE:
        error = made->letter != LETTER_NONE ? letter_end(made, result, &bytes)
                                            : apm_socket_end_receive(socket, result, &bytes);
        break;
    case CALL_DISCONNECT: error = apm_socket_end_disconnect(socket, result); break;
    default: error = APM_ERROR_SOCKET; break;
    }
    if (error == APM_ERROR_INVALID_OPERATION) return error; /* another one was first */
    if (error == APM_ERROR_OBJECT_DISPOSED && bytes == SIZE_MAX) return error;
    check(atomic_fetch_add_explicit(&made->winners, 1, memory_order_relaxed) == 0, "ended twice", made);
    check(apm_async_result_is_completed(result), "End returned before completion", made);
    made->error = error;
    made->bytes = made->files && bytes == SIZE_MAX ? 0 : bytes; /* a file says no number */
    made->is_told = true;
    return error;
}

/* ---- asking --------------------------------------------------------------------------------------- */

apm_error call_cancel(call *made, apm_async_result *result)
{
    atomic_store_explicit(&made->cancelled, true, memory_order_relaxed);
    return apm_async_result_cancel(result);
}

apm_error call_cancel_after(call *made, apm_async_result *result, uint32_t timeout)
{
    if (timeout != APM_INFINITE) atomic_store_explicit(&made->timed, true, memory_order_relaxed);
    return apm_async_result_cancel_after(result, timeout);
}

void call_ask_for_handle(call *made, apm_async_result *result, uint64_t *stream)
{
    void *handle = apm_async_result_wait_handle(result);

    if (handle == NULL) {
        check(made->at->in->hostile, "no event is to be had", made);
        return;
    }
    check(apm_async_result_wait_handle(result) == handle, "another wait handle", made);
    atomic_store_explicit(&made->handle, handle, memory_order_release);
    if (apm_manual_reset_event_wait_one((apm_manual_reset_event *)handle, draw(stream, 4)) ==
        APM_ERROR_SUCCESS)
        check(apm_async_result_is_completed(result), "the event before completion", made);
}

/* ---- the callback ----------------------------------------------------------------------------------- */

static void begin_next(place *at, enum call_kind kind, uint64_t *stream)
{
    bool chained = kind == CALL_SEND ? at->chained_sends : at->chained_receives;
    uint32_t *left = &at->chain_left[kind == CALL_SEND];
    call *next;

    if (kind == CALL_CONNECT || kind == CALL_DISCONNECT || !chained || *left == 0) return;
    --*left;
    if (draw(stream, 6) == 0 && await_block(at, kind, stream)) {
        if (*left == 0) return;
        --*left;
    }
    next = call_new(at, kind, stream);
    next->wants_result = false; /* nobody would give it back */
    next->calls_back = true;
    (void)call_begin(next);
}

static void do_deed(call *made, apm_async_result *result)
{
    program *run = made->at->in;

    switch (made->deed) {
    case DEED_CLOSE:
        if (draw(&made->stream, 4) == 0) place_close(made->at, true, &made->stream);
        break;
    case DEED_BLOCK: sim_sleep(draw(&made->stream, 4)); break;
    case DEED_MEDDLE: slot_meddle(run, &made->stream); break;
    case DEED_SHARE: slot_share(run, result, &made->stream); break;
    case DEED_LIBRARY: {
        apm_error error = apm_cleanup();
        check(error == APM_ERROR_INVALID_OPERATION || error == APM_ERROR_NOT_INITIALIZED,
              "cleanup inside a callback", made);
        break;
    }
    case DEED_ASK:
        place_ask(made->at, &made->stream);
        result_ask(made, result, &made->stream);
        tally_ask(run);
        break;
    case DEED_AWAIT: slot_await(run, &made->stream); break;
    case DEED_NONE:
    case DEED_NEXT:
    case DEEDS: break;
    }
}

/* In virtual time, that is; and not where the port has no memory, or waits at it fail, which delays everything,
 * nor where the clock jumps. */
void call_check_time(const call *made)
{
    const place *at = made->at;
    const sim_fault *post = &at->in->profile.faults[SIM_POST], *wait = &at->in->profile.faults[SIM_WAIT];
    uint64_t time = sim_now() - made->begin_time;

    if (!sim_is_seeded() || post->rate != 0 || post->nth != 0 || wait->rate != 0 ||
        made->kind != CALL_CONNECT)
        return;
    if (made->error == APM_ERROR_CONNECTION_REFUSED && made->way == WAY_ONE)
        check(time < REFUSAL_LIMIT, "a refusal that takes its time", made);
    if (at->in->profile.clock_jumps != 0 || at->datagram || at->bound) return;
    /* The good one may be among those that hang, and be answered in the end. */
    if (made->error == APM_ERROR_SUCCESS && at->parallel && at->in->profile.hangs == 0)
        check(time < PARALLEL_LIMIT, "a connect that waits for those that are slower", made);
}

static void APM_CALL call_back(apm_async_result *result)
{
    call *made = (call *)apm_async_result_state(result);
    place *at = made->at;
    uint64_t stream = made->stream;
    enum call_kind kind = made->kind;
    void *handle;

    made->callback_thread = sim_thread_self();
    made->is_outlived = made->is_early && atomic_load_explicit(&at->closed, memory_order_relaxed);
    check(atomic_fetch_add_explicit(&made->callbacks, 1, memory_order_relaxed) == 0, "called back twice",
          made);
    check(!made->wants_result || made->result == result, "the result was not there before the callback",
          made);
    check(apm_async_result_is_completed(result), "called back before completion", made);
    made->seen_synchronously = apm_async_result_completed_synchronously(result);
    handle = atomic_load_explicit(&made->handle, memory_order_acquire);
    if (handle != NULL)
        check(apm_manual_reset_event_wait_one((apm_manual_reset_event *)handle, 0) == APM_ERROR_SUCCESS,
              "called back before the event", made);
    check(apm_async_result_wait(result, 0) == APM_ERROR_SUCCESS, "a wait in the callback", made);
    if (made->end == END_IN_CALLBACK) {
        apm_error error = call_finish(made, result);
        if (error == APM_ERROR_SUCCESS || error == APM_ERROR_CONNECTION_REFUSED) call_check_time(made);
    }
    if (made->end != END_IN_THREAD || !made->wants_result) call_take_data(made);
    do_deed(made, result);
    check(apm_async_result_completed_synchronously(result) == made->seen_synchronously,
          "completed_synchronously has changed in the callback", made);
    /* Last: the next callback may be running before this one has returned. */
    begin_next(at, kind, &stream);
}

/* ---- Begin --------------------------------------------------------------------------------------------- */

/* The call's data in so many parts, some of them of nothing: the list is not needed for longer
 * than Begin takes. */
static uint32_t cut_data(const call *made, apm_buffer *list)
{
    size_t at = 0, part = made->size / made->parts;
    uint32_t i;

    for (i = 0; i < made->parts; i++) {
        size_t size = i + 1 == made->parts ? made->size - at : i % 3 == 2 ? 0 : part;

        list[i].data = size != 0 ? made->data + at : NULL;
        list[i].size = size;
        at += size;
    }
    return made->parts;
}

static apm_error begin_list(call *made, apm_async_callback callback, apm_async_result **result)
{
    apm_buffer list[PARTS];
    uint32_t count = cut_data(made, list);
    apm_error error;

    if (made->kind == CALL_SEND)
        error = apm_socket_begin_send_buffers(made->at->socket, list, count, 0, callback, made, result);
    else
        error = apm_socket_begin_receive_buffers(made->at->socket, list, count,
                                                 made->peeks ? APM_FLAG_PEEK : 0, callback, made, result);
    memset(list, 0xEE, sizeof list);
    return error;
}

static apm_error begin_connect(call *made, apm_async_callback callback, apm_async_result **result)
{
    place *at = made->at;

    if (at->datagram || made->way == WAY_ONE)
        return apm_socket_begin_connect(at->socket, &at->remote, callback, made, result);
    if (made->way == WAY_MANY)
        return apm_socket_begin_connect_many(at->socket, at->remotes, at->remote_count, callback, made,
                                             result);
    return apm_socket_begin_connect_host(at->socket, at->host_name, apm_endpoint_port(&at->remote), callback,
                                         made, result);
}

static apm_error begin(call *made)
{
    place *at = made->at;
    apm_async_callback callback = made->calls_back ? call_back : NULL;
    apm_async_result **result = made->wants_result ? &made->result : NULL;

    if (made->letter != LETTER_NONE) return letter_begin(made, callback, result);
    if (made->parts != 0) return begin_list(made, callback, result);
    if (made->files) return parcel_begin(made, callback, result);
    switch (made->kind) {
    case CALL_CONNECT: return begin_connect(made, callback, result);
    case CALL_DISCONNECT:
        return apm_socket_begin_disconnect(at->socket, made->reuses, callback, made, result);
    case CALL_SEND:
        return apm_socket_begin_send(at->socket, made->data, made->size, 0, callback, made, result);
    case CALL_RECEIVE:
        return apm_socket_begin_receive(at->socket, made->data, made->size, made->peeks ? APM_FLAG_PEEK : 0,
                                        callback, made, result);
    default: return APM_ERROR_SOCKET;
    }
}

bool call_enter(call *made)
{
    place *at = made->at;
    call **list = made->kind == CALL_SEND      ? at->sends
                  : made->kind == CALL_RECEIVE ? at->receives
                                               : at->connects;
    uint32_t *count = made->kind == CALL_SEND      ? &at->send_count
                      : made->kind == CALL_RECEIVE ? &at->receive_count
                                                   : &at->connect_count;

    if (*count == CALLS) return false;
    if (made->kind == CALL_DISCONNECT) {
        /* Where they are its own thread's; else they are in nobody's order. */
        if (at->receiver == at->sender && !at->chained_receives) made->begun_before[0] = at->receive_count;
        if (!at->chained_sends) made->begun_before[1] = at->send_count;
    }
    if (made->kind == CALL_SEND) {
        made->offset = at->offset;
        pattern_fill(made->data, made->size, at->salt, at->offset);
        at->offset += made->size; /* before Begin: a callback may begin the next one */
    }
    trail_hold(at);
    list[(*count)++] = made;
    trail_let_go(at);
    made->is_early = !atomic_load_explicit(&at->closed, memory_order_relaxed);
    made->begin_thread = sim_thread_self();
    made->begin_time = sim_now();
    return true;
}

/* Of the call itself only what nobody else writes is touched after Begin. */
bool call_begin(call *made)
{
    bool wants = made->wants_result;
    apm_error error;

    if (!call_enter(made)) {
        call_delete(made);
        return false;
    }
    error = begin(made);
    made->begin_error = error;
    made->begun = error == APM_ERROR_SUCCESS;
    if (!made->begun) {
        check(made->result == NULL, "Begin failed and gave a result", made);
        if (made->data != NULL) memset(made->data, 0xFF, made->size);
        trail_receive(made);
        return false;
    }
    made->precedes_end = !atomic_load(&made->at->is_ended);
    made->precedes_close = !atomic_load(&made->at->closed);
    check(!wants || made->result != NULL, "Begin gave no result", made);
    if (wants) made->synchronously = apm_async_result_completed_synchronously(made->result);
    return true;
}
