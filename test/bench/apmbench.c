/* SPDX-License-Identifier: MIT */
/*
 * The bench's client on apmsock, as a user would write it: callbacks that End their operation and
 * Begin the next one. The library is told how many workers to have, and nothing else:
 *
 *   --threads N             so many workers
 *   --opt default=1         as many as the library likes
 *   --opt on_pool=1         no callback inside Begin
 *   --opt packet_always=1   what is over at once goes through the port all the same
 */
#include "bench.h"

#include <apmsock/apmsock.h>
#include <stdlib.h>

typedef struct lane {
    apm_socket *socket;
    char *buffer;
    size_t filled;  /* of the buffer */
    uint64_t began; /* the operation under way */
} lane;

static apm_endpoint server;
static apm_manual_reset_event *all_done;
static lane *lanes;
static uint32_t opened; /* connections; they are opened one after the other */

static void check(apm_error error, const char *what)
{
    if (error != APM_ERROR_SUCCESS) bench_fail(what, error);
}

static void send_next(lane *l);
static void receive_next(lane *l);
static void dial(lane *l);
static void begin_lanes(void);

/* ---- operations -------------------------------------------------------------------------------- */

static bool go_on(lane *l, size_t bytes)
{
    if (bench_finish(&l->began, bytes)) return true;
    if (bench_leave()) check(apm_manual_reset_event_set(all_done), "event");
    return false;
}

static void hang_up(lane *l)
{
    size_t size = l->filled;

    l->filled = 0;
    check(apm_socket_close(l->socket), "close");
    if (go_on(l, size)) dial(l);
}

static void end_msdn(lane *l)
{
    bench_check_answer(l->buffer, l->filled);
    check(apm_socket_shutdown(l->socket, APM_SHUTDOWN_BOTH), "shutdown");
    hang_up(l);
}

static void APM_CALL on_received(apm_async_result *result)
{
    lane *l = (lane *)apm_async_result_state(result);
    size_t size = 0;

    check(apm_socket_end_receive(l->socket, result, &size), "receive");
    if (size == 0) {
        if (bench.workload != BENCH_MSDN) bench_fail("end of the stream", 0);
        end_msdn(l);
        return;
    }
    if (bench.workload == BENCH_IDLE) bench_fail("an idle connection received", (long)size);
    if (bench.workload == BENCH_RECEIVE) {
        if (go_on(l, size)) receive_next(l);
        return;
    }
    l->filled += size;
    if (bench.workload == BENCH_MSDN || l->filled < bench.size) {
        receive_next(l);
        return;
    }
    l->filled = 0;
    if (go_on(l, bench.size)) send_next(l);
}

static void receive_next(lane *l)
{
    check(apm_socket_begin_receive(l->socket, l->buffer + l->filled, bench.size - l->filled, APM_FLAG_NONE,
                                   on_received, l, NULL),
          "begin receive");
}

static void APM_CALL on_sent(apm_async_result *result)
{
    lane *l = (lane *)apm_async_result_state(result);
    size_t size = 0;

    check(apm_socket_end_send(l->socket, result, &size), "send");
    if (size != bench_request_size()) bench_note_error();
    if (bench.workload != BENCH_SEND)
        receive_next(l);
    else if (go_on(l, size))
        send_next(l);
}

static void send_next(lane *l)
{
    check(apm_socket_begin_send(l->socket, bench_request(l->buffer), bench_request_size(), APM_FLAG_NONE,
                                on_sent, l, NULL),
          "begin send");
}

/* ---- connections --------------------------------------------------------------------------------- */

static void APM_CALL on_connected(apm_async_result *result)
{
    lane *l = (lane *)apm_async_result_state(result);

    check(apm_socket_end_connect(l->socket, result), "connect");
    check(apm_socket_set_option(l->socket, APM_SOCKET_OPTION_NO_DELAY, 1), "no delay");
    if (bench.workload == BENCH_CONNECT)
        hang_up(l);
    else if (bench.workload == BENCH_MSDN)
        send_next(l);
    else if (++opened < bench.connections)
        dial(&lanes[opened]);
    else
        begin_lanes(); /* where all that follows runs, too: on a worker */
}

static void dial(lane *l)
{
    check(apm_socket_create(apm_endpoint_family(&server), APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &l->socket),
          "socket");
    check(apm_socket_begin_connect(l->socket, &server, on_connected, l, NULL), "begin connect");
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

static void begin_lanes(void)
{
    uint32_t i;

    bench_begin();
    for (i = 0; i < bench.connections; i++) begin_lane(&lanes[i]);
    if (bench.workload == BENCH_IDLE) bench_report_idle();
}

/* ---- the program ---------------------------------------------------------------------------------- */

static void start_library(void)
{
    apm_options options = {0};

    options.size = sizeof options;
    if (bench_switch("default", 0) == 0)
        options.min_workers = options.max_workers = options.concurrency = bench.threads;
    options.callbacks_on_pool = bench_switch("on_pool", 0) != 0;
    options.packet_always = bench_switch("packet_always", 0) != 0;
    bench_check_switches();
    check(apm_startup(&options), "startup");
}

static void APM_CALL on_refused(apm_async_result *result)
{
    (void)result;
    check(apm_manual_reset_event_set(all_done), "event");
}

/* A connect that nobody answers. What the first socket and the first callback load into the process is not
 * what a connection takes. */
static void warm_up(void)
{
    apm_endpoint nobody;
    apm_socket *socket = NULL;

    check(apm_endpoint_loopback(apm_endpoint_family(&server), 1, &nobody), "endpoint");
    check(apm_socket_create(apm_endpoint_family(&server), APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
          "socket");
    check(apm_socket_begin_connect(socket, &nobody, on_refused, NULL, NULL), "begin connect");
    check(apm_manual_reset_event_wait_one(all_done, APM_INFINITE), "wait");
    check(apm_manual_reset_event_reset(all_done), "event");
    check(apm_socket_close(socket), "close");
}

int main(int argc, char **argv)
{
    uint32_t i;

    bench_start("apmsock", apm_version(), argc, argv);
    start_library();
    check(apm_endpoint_from_ip(bench.host, bench.port, &server), "endpoint");
    check(apm_manual_reset_event_create(false, &all_done), "event");
    warm_up();

    bench_open();
    lanes = (lane *)calloc(bench.connections, sizeof *lanes);
    if (lanes == NULL) bench_fail("memory", 0);
    for (i = 0; i < bench.connections; i++) lanes[i].buffer = bench_buffer();
    if (bench_connects())
        begin_lanes();
    else
        dial(&lanes[0]);
    check(apm_manual_reset_event_wait_one(all_done, APM_INFINITE), "wait");
    bench_report();
}
