/* SPDX-License-Identifier: MIT */
/* The bench's client on NNG's streams, which are TCP and nothing more: one nng_aio for each kind of
 * operation. NNG chooses its threads by itself. */
#include "bench.h"

#include <nng/nng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct lane {
    nng_stream *stream;
    nng_aio *connect, *write, *read;
    char *buffer;
    size_t filled;
    uint64_t began;
} lane;

static nng_stream_dialer *dialer;
static HANDLE all_done;
static lane *lanes;
static uint32_t opened;

static void check(int code, const char *what)
{
    if (code != 0) bench_fail(what, code);
}

static bool go_on(lane *l, uint64_t bytes)
{
    if (bench_finish(&l->began, bytes)) return true;
    if (bench_leave()) (void)SetEvent(all_done);
    return false;
}

static void send_next(lane *l)
{
    nng_iov bytes;

    bytes.iov_buf = bench_request(l->buffer);
    bytes.iov_len = bench_request_size();
    check(nng_aio_set_iov(l->write, 1, &bytes), "bytes");
    nng_stream_send(l->stream, l->write);
}

static void receive_next(lane *l)
{
    nng_iov bytes;

    bytes.iov_buf = l->buffer + l->filled;
    bytes.iov_len = bench.size - l->filled;
    check(nng_aio_set_iov(l->read, 1, &bytes), "bytes");
    nng_stream_recv(l->stream, l->read);
}

static void dial(lane *l)
{
    nng_stream_dialer_dial(dialer, l->connect);
}

static void hang_up(lane *l)
{
    size_t size = l->filled;

    l->filled = 0;
    nng_stream_close(l->stream);
    nng_stream_free(l->stream);
    if (go_on(l, size)) dial(l);
}

static void on_connected(void *argument)
{
    lane *l = (lane *)argument;

    check(nng_aio_result(l->connect), "connect");
    l->stream = (nng_stream *)nng_aio_get_output(l->connect, 0);
    if (bench.workload == BENCH_CONNECT)
        hang_up(l);
    else if (bench.workload == BENCH_MSDN)
        send_next(l);
    else if (++opened < bench.connections)
        dial(&lanes[opened]);
    else
        (void)SetEvent(all_done);
}

static void on_sent(void *argument)
{
    lane *l = (lane *)argument;
    size_t size = nng_aio_count(l->write);

    check(nng_aio_result(l->write), "send");
    if (size != bench_request_size()) bench_note_error();
    if (bench.workload != BENCH_SEND)
        receive_next(l);
    else if (go_on(l, size))
        send_next(l);
}

static void on_received(void *argument)
{
    lane *l = (lane *)argument;
    int code = nng_aio_result(l->read);

    if (code == NNG_ECONNSHUT && bench.workload == BENCH_MSDN) { /* the end of the stream */
        bench_check_answer(l->buffer, l->filled);
        hang_up(l);
        return;
    }
    check(code, "receive");
    if (bench.workload == BENCH_IDLE) bench_fail("an idle connection received", 0);
    if (bench.workload == BENCH_RECEIVE) {
        if (go_on(l, nng_aio_count(l->read))) receive_next(l);
        return;
    }
    l->filled += nng_aio_count(l->read);
    if (bench.workload == BENCH_MSDN || l->filled < bench.size) {
        receive_next(l);
        return;
    }
    l->filled = 0;
    if (go_on(l, bench.size)) send_next(l);
}

static void make_lane(lane *l)
{
    check(nng_aio_alloc(&l->connect, on_connected, l), "aio");
    check(nng_aio_alloc(&l->write, on_sent, l), "aio");
    check(nng_aio_alloc(&l->read, on_received, l), "aio");
    nng_aio_set_timeout(l->read, NNG_DURATION_INFINITE);
    l->buffer = bench_buffer();
}

static void begin_lane(lane *l)
{
    l->began = bench_now();
    if (bench_connects())
        dial(l);
    else if (bench_receives_first())
        receive_next(l);
    else
        send_next(l);
}

int main(int argc, char **argv)
{
    char url[64];
    uint32_t i;

    bench_start("nng", nng_version(), argc, argv);
    bench_check_switches();
    (void)snprintf(url, sizeof url, strchr(bench.host, ':') != NULL ? "tcp://[%s]:%u" : "tcp://%s:%u",
                   bench.host, (unsigned)bench.port);
    check(nng_stream_dialer_alloc(&dialer, url), "dialer");
    check(nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true), "no delay");
    all_done = CreateEventW(NULL, FALSE, FALSE, NULL);

    bench_open();
    lanes = (lane *)calloc(bench.connections, sizeof *lanes);
    if (lanes == NULL || all_done == NULL) bench_fail("memory", 0);
    for (i = 0; i < bench.connections; i++) make_lane(&lanes[i]);
    if (!bench_connects()) {
        dial(&lanes[0]);
        (void)WaitForSingleObject(all_done, INFINITE);
    }

    bench_begin();
    for (i = 0; i < bench.connections; i++) begin_lane(&lanes[i]);
    if (bench.workload == BENCH_IDLE) bench_report_idle();
    (void)WaitForSingleObject(all_done, INFINITE);
    bench_report();
}
