/* SPDX-License-Identifier: MIT */
/*
 * The bench's client on libuv, in its own style: one loop, a read callback for as long as a
 * connection is read from, write requests from a list.
 */
#include "bench.h"

#include <stdlib.h>
#include <uv.h>

typedef struct lane {
    uv_tcp_t connection;
    uv_connect_t connect;
    char *buffer;
    uint32_t filled;
    uint64_t began;
} lane;

/* An answer may be read before the callback of its write has run: so there may be two. */
typedef struct write_request {
    uv_write_t write; /* first */
    lane *owner;
    struct write_request *next;
} write_request;

static uv_loop_t loop;
static struct sockaddr_storage server;
static write_request *spare;
static lane *lanes;
static uint32_t opened;

static void check(int code, const char *what)
{
    if (code < 0) bench_fail(what, code);
}

static void dial(lane *l);
static void send_next(lane *l);

static bool go_on(lane *l, uint64_t bytes)
{
    if (bench_finish(&l->began, bytes)) return true;
    if (bench_leave()) bench_report();
    return false;
}

static void on_closed(uv_handle_t *handle)
{
    lane *l = (lane *)handle->data;
    uint32_t size = l->filled;

    l->filled = 0;
    if (go_on(l, size)) dial(l);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    lane *l = (lane *)handle->data;

    (void)suggested;
    *buffer = uv_buf_init(l->buffer + l->filled, bench.size - l->filled);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    lane *l = (lane *)stream->data;

    (void)buffer;
    if (size == UV_EOF && bench.workload == BENCH_MSDN) {
        bench_check_answer(l->buffer, l->filled);
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    check((int)size, "read");
    if (size == 0) return; /* nothing yet */
    if (bench.workload == BENCH_IDLE) bench_fail("an idle connection received", (long)size);
    if (bench.workload == BENCH_RECEIVE) {
        if (!go_on(l, (uint64_t)size)) check(uv_read_stop(stream), "read stop");
        return;
    }
    l->filled += (uint32_t)size;
    if (bench.workload == BENCH_MSDN || l->filled < bench.size) return;
    l->filled = 0;
    if (go_on(l, bench.size)) send_next(l);
}

static void on_written(uv_write_t *write, int code)
{
    write_request *written = (write_request *)(void *)write;
    lane *l = written->owner;

    check(code, "write");
    written->next = spare;
    spare = written;
    if (bench.workload == BENCH_SEND && go_on(l, bench.size)) send_next(l);
}

static void send_next(lane *l)
{
    uv_buf_t buffer = uv_buf_init(bench_request(l->buffer), (unsigned)bench_request_size());
    write_request *taken = spare;

    if (taken != NULL)
        spare = taken->next;
    else
        taken = (write_request *)malloc(sizeof *taken);
    if (taken == NULL) bench_fail("memory", 0);
    taken->owner = l;
    check(uv_write(&taken->write, (uv_stream_t *)&l->connection, &buffer, 1, on_written), "begin write");
}

static void begin_lane(lane *l)
{
    l->began = bench_now();
    if (bench_connects()) {
        dial(l);
        return;
    }
    if (bench.workload != BENCH_SEND)
        check(uv_read_start((uv_stream_t *)&l->connection, on_room_wanted, on_read), "read start");
    if (bench.workload == BENCH_PINGPONG || bench.workload == BENCH_SEND) send_next(l);
}

static void begin_all(void)
{
    uint32_t i;

    bench_begin();
    for (i = 0; i < bench.connections; i++) begin_lane(&lanes[i]);
    if (bench.workload != BENCH_IDLE) return;
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    bench_report_idle();
}

static void on_connected(uv_connect_t *connect, int code)
{
    lane *l = (lane *)connect->data;

    check(code, "connect");
    check(uv_tcp_nodelay(&l->connection, 1), "no delay");
    if (bench.workload == BENCH_CONNECT) {
        uv_close((uv_handle_t *)&l->connection, on_closed);
    } else if (bench.workload == BENCH_MSDN) {
        check(uv_read_start((uv_stream_t *)&l->connection, on_room_wanted, on_read), "read start");
        send_next(l);
    } else if (++opened < bench.connections) {
        dial(&lanes[opened]);
    } else {
        begin_all();
    }
}

static void dial(lane *l)
{
    check(uv_tcp_init(&loop, &l->connection), "socket");
    l->connection.data = l->connect.data = l;
    check(uv_tcp_connect(&l->connect, &l->connection, (const struct sockaddr *)&server, on_connected),
          "begin connect");
}

int main(int argc, char **argv)
{
    uint32_t i;

    bench_start("libuv", uv_version_string(), argc, argv);
    bench_check_switches();
    bench.threads = 1; /* a loop has one */
    (void)bench_address(&server);
    check(uv_loop_init(&loop), "loop");

    bench_open();
    lanes = (lane *)calloc(bench.connections, sizeof *lanes);
    if (lanes == NULL) bench_fail("memory", 0);
    for (i = 0; i < bench.connections; i++) lanes[i].buffer = bench_buffer();
    if (bench_connects())
        begin_all();
    else
        dial(&lanes[0]); /* the last connection begins all lanes */
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    bench_fail("the loop ended", 0);
}
