/* SPDX-License-Identifier: MIT */
/* Sends and receives of streams. */
#include <string.h>

#include "stage.h"

enum { LIST = 100, LARGE = 1000 };

static char letters[LARGE + 1];

static const char *fill_letters(void)
{
    size_t i;

    for (i = 0; i < LARGE; i++) letters[i] = (char)('a' + i % 23);
    return letters;
}

static apm_error check_sent(stage *on, const op *one, apm_error error, size_t size)
{
    if (error == APM_ERROR_SUCCESS) {
        expect(one->bytes == size, "all is sent");
        check_peer_reads(on->peer, letters, size);
    }
    return error;
}

static apm_error send_one(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send);

    return check_sent(on, &one,
                      op_finish(&one, apm_socket_begin_send(on->socket, fill_letters(), 5, 0, op_called, &one,
                                                            &one.result)),
                      5);
}

/* A peer that reads while we send more than there is room for; less than `size` if it turns out that
 * less was sent. */
typedef struct reader {
    sim_peer *peer;
    char data[LARGE];
    _Atomic size_t size;
    size_t done;
} reader;

static void read_all(void *argument)
{
    reader *of = (reader *)argument;

    uint64_t start = sim_now();

    while (of->done < atomic_load(&of->size) && sim_now() - start < PATIENCE) {
        int64_t got = sim_peer_read(of->peer, of->data + of->done, sizeof of->data - of->done, 20);
        if (got == SIM_END || got == SIM_RESET) break;
        if (got > 0) of->done += (size_t)got;
    }
}

static apm_error finish_large(stage *on, op *one, apm_error begun)
{
    reader of = {on->peer, {0}, LARGE, 0};
    sim_thread *thread = begun == APM_ERROR_SUCCESS ? sim_thread_start("reader", read_all, &of) : NULL;
    apm_error error = op_finish(one, begun);

    atomic_store(&of.size, one->bytes);
    if (thread != NULL) sim_thread_join(thread);
    expect(of.done == one->bytes, "as many bytes arrive as End says");
    expect(memcmp(of.data, letters, of.done) == 0, "they are the right ones");
    if (error == APM_ERROR_SUCCESS) expect(of.done == LARGE, "all is sent");
    return error;
}

static apm_error send_large(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send);

    return finish_large(
        on, &one, apm_socket_begin_send(on->socket, fill_letters(), LARGE, 0, op_called, &one, &one.result));
}

static void make_list(apm_buffer *list, size_t count, char *data, size_t each)
{
    size_t i;

    for (i = 0; i < count; i++) {
        list[i].data = data + i * each;
        list[i].size = each;
    }
}

static apm_error send_list(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send);
    apm_buffer list[3];

    (void)fill_letters();
    make_list(list, 3, letters, 4);
    return check_sent(
        on, &one,
        op_finish(&one, apm_socket_begin_send_buffers(on->socket, list, 3, 0, op_called, &one, &one.result)),
        12);
}

/* In two calls of the kernel. */
static apm_error send_long_list(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send);
    apm_buffer list[LIST];

    (void)fill_letters();
    make_list(list, LIST, letters, LARGE / LIST);
    return finish_large(
        on, &one, apm_socket_begin_send_buffers(on->socket, list, LIST, 0, op_called, &one, &one.result));
}

/* The second waits for the first, which has to have the socket for itself. */
static apm_error send_behind(stage *on)
{
    op first = op_of(on, on->socket, apm_socket_end_send), second = first;
    reader of = {on->peer, {0}, LARGE, 0};
    apm_error begun, behind, error, others;
    apm_buffer list[LIST];
    sim_thread *thread;

    (void)fill_letters();
    make_list(list, LIST, letters, (LARGE - 23) / LIST);
    begun = apm_socket_begin_send_buffers(on->socket, list, LIST, 0, op_called, &first, &first.result);
    behind = apm_socket_begin_send(on->socket, letters, 23, 0, op_called, &second, &second.result);
    thread = sim_thread_start("reader", read_all, &of);
    error = op_finish(&first, begun);
    others = op_finish(&second, behind);
    atomic_store(&of.size, first.bytes + second.bytes);
    sim_thread_join(thread);
    expect(of.done == first.bytes + second.bytes, "as many bytes arrive as both Ends say");
    expect(memcmp(of.data, letters, first.bytes) == 0, "the first one's come first");
    expect(memcmp(of.data + first.bytes, letters, second.bytes) == 0, "and then the second one's");
    expect(others != APM_ERROR_SUCCESS || second.bytes == 23, "the second one is all there");
    expect(error == APM_ERROR_SUCCESS || others == APM_ERROR_SUCCESS || point_lasts(),
           "one that fails takes no other along");
    return error != APM_ERROR_SUCCESS ? error : others;
}

/* The other direction has an operation in flight, which is not touched. */
static apm_error send_beside(stage *on)
{
    op receive = op_of(on, on->socket, apm_socket_end_receive);
    apm_error begun, error;
    char here = 0;

    point_calm(true);
    begun = apm_socket_begin_receive(on->socket, &here, 1, 0, op_called, &receive, &receive.result);
    expect(begun == APM_ERROR_SUCCESS, "a receive");
    point_calm(false);
    error = send_one(on);
    expect(!apm_async_result_is_completed(receive.result), "the receive is pending");
    expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
    expect(op_finish(&receive, begun) == APM_ERROR_SUCCESS && here == 'x', "the receive is not touched");
    return error;
}

static apm_error check_received(stage *on, const op *one, apm_error error, const char *here, size_t size)
{
    char rest[16] = "";
    size_t done = one->bytes;

    if (error != APM_ERROR_SUCCESS) expect(done == 0, "a receive that fails has taken nothing");
    if (error == APM_ERROR_SUCCESS) expect(memcmp(here, letters, done) == 0, "the right bytes come");
    point_calm(true);
    while (done < size) { /* what was written is there for the next one */
        size_t more = 0;
        expect(apm_socket_receive(on->socket, rest, size - done, 0, &more) == APM_ERROR_SUCCESS &&
                   more != 0 && memcmp(rest, letters + done, more) == 0,
               "no byte is lost");
        if (more == 0) break;
        done += more;
    }
    point_calm(false);
    return error;
}

static apm_error receive_one(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_receive);
    apm_error begun;
    char here[8] = "";

    (void)fill_letters();
    begun = apm_socket_begin_receive(on->socket, here, 5, 0, op_called, &one, &one.result);
    expect(sim_peer_write(on->peer, letters, 5, PATIENCE) == 5, "the peer writes");
    return check_received(on, &one, op_finish(&one, begun), here, 5);
}

static apm_error receive_list(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_receive);
    apm_buffer list[3];
    apm_error begun;
    char here[12] = "";

    (void)fill_letters();
    make_list(list, 3, here, 4);
    begun = apm_socket_begin_receive_buffers(on->socket, list, 3, 0, op_called, &one, &one.result);
    expect(sim_peer_write(on->peer, letters, 12, PATIENCE) == 12, "the peer writes");
    return check_received(on, &one, op_finish(&one, begun), here, 12);
}

static apm_error send_blocking(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send);
    apm_error error = apm_socket_send(on->socket, fill_letters(), 5, 0, &one.bytes);

    return check_sent(on, &one, error, 5);
}

static apm_error receive_blocking(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_receive);
    char here[8] = "";
    apm_error error;

    (void)fill_letters();
    expect(sim_peer_write(on->peer, letters, 5, PATIENCE) == 5, "the peer writes");
    error = apm_socket_receive(on->socket, here, 5, 0, &one.bytes);
    return check_received(on, &one, error, here, 5);
}

/* Of a receive that stays pending a neighbour's cancel takes nothing away. */
static apm_error cancel_one_of_two(stage *on)
{
    op first = op_of(on, on->socket, apm_socket_end_receive), second = first;
    apm_error begun, others, error;
    char here[2] = "";

    (void)fill_letters();
    begun = apm_socket_begin_receive(on->socket, &here[0], 1, 0, op_called, &first, &first.result);
    others = apm_socket_begin_receive(on->socket, &here[1], 1, 0, op_called, &second, &second.result);
    if (begun == APM_ERROR_SUCCESS)
        expect(apm_async_result_cancel(first.result) == APM_ERROR_SUCCESS, "a cancel");
    error = op_finish(&first, begun);
    expect(begun != APM_ERROR_SUCCESS || error == APM_ERROR_OPERATION_ABORTED, "the first is cancelled");
    if (error == APM_ERROR_OPERATION_ABORTED) error = APM_ERROR_SUCCESS;
    expect(sim_peer_write(on->peer, letters, 1, PATIENCE) == 1, "the peer writes");
    begun = op_finish(&second, others);
    if (error == APM_ERROR_SUCCESS) error = begun;
    return check_received(on, &second, begun, &here[1], 1) == APM_ERROR_SUCCESS ? error : begun;
}

#define SENDS (FAULT(SIM_MEMORY) | FAULT(SIM_TRANSFER))

const scenario transfer_scenarios[] = {{"send", SET_PAIR, send_one, SENDS, 0, 0, false},
                                       {"send much", SET_PAIR, send_large, SENDS, 0, 0, false},
                                       {"send a list", SET_PAIR, send_list, SENDS, 0, 0, false},
                                       {"send a long list", SET_PAIR, send_long_list, SENDS, 0, 0, false},
                                       {"send behind a long list", SET_PAIR, send_behind, SENDS, 0, 0, false},
                                       {"send beside a receive", SET_PAIR, send_beside, SENDS, 0, 0, false},
                                       {"receive", SET_PAIR, receive_one, SENDS, 0, 0, false},
                                       {"receive a list", SET_PAIR, receive_list, SENDS, 0, 0, false},
                                       {"send, blocking", SET_PAIR, send_blocking, SENDS, 0, 0, false},
                                       {"receive, blocking", SET_PAIR, receive_blocking, SENDS, 0, 0, false},
                                       {"cancel one of two receives", SET_PAIR, cancel_one_of_two,
                                        FAULT(SIM_MEMORY), FAULT(SIM_TRANSFER), 0, false},
                                       {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
