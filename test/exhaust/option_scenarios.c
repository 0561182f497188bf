/* SPDX-License-Identifier: MIT */
/* The library with its options: started, used, and ended with an operation under way. Its log, its blocks and
 * its dispatches add up, whatever has failed. */
#include <string.h>

#include "kernel.h"
#include "stage.h"

enum { LONG = 100, LEFT = 3 };

typedef struct life {
    stage *on;
    apm_options options;
    bool polls;         /* callbacks come in apm_poll: */
    bool has_poller;    /* in that of a thread which does nothing else */
    bool none_in_begin; /* no callback runs inside Begin */
    op connect, receive, send, left[LEFT];
    char here, never;
    _Atomic uint32_t events[APM_EVENT_OPERATION_COMPLETED + 1];
    _Atomic uint32_t unread; /* records that have no line */
    _Atomic int64_t blocks;
    _Atomic uint32_t told, refuses; /* dispatches; how many of them to refuse */
} life;

/* ---- what the options call --------------------------------------------------------------------------- */

static void APM_CALL keep_record(const apm_log_record *record, void *context)
{
    life *of = (life *)context;
    char text[200] = "";
    size_t length = apm_log_format(record, text, sizeof text);

    if (length == 0 || strncmp(text, record->name, strlen(record->name)) != 0)
        atomic_fetch_add(&of->unread, 1);
    if (record->event > 0 && record->event <= APM_EVENT_OPERATION_COMPLETED)
        atomic_fetch_add(&of->events[record->event], 1);
}

/* From where the library has them by itself: they run out likewise. */
static void *APM_CALL take_block(size_t size, void *context)
{
    life *of = (life *)context;
    void *block = apmk_allocate(size);

    if (block != NULL) atomic_fetch_add(&of->blocks, 1);
    return block;
}

static void APM_CALL give_block(void *block, void *context)
{
    life *of = (life *)context;

    atomic_fetch_sub(&of->blocks, 1);
    apmk_release(block);
}

static bool APM_CALL tell(void *context)
{
    life *of = (life *)context;

    if (atomic_load(&of->refuses) != 0) {
        atomic_fetch_sub(&of->refuses, 1);
        return false;
    }
    atomic_fetch_add(&of->told, 1);
    return true;
}

/* ---- a life ------------------------------------------------------------------------------------------ */

static life life_of(stage *on)
{
    life of;

    memset(&of, 0, sizeof of);
    of.on = on;
    of.options.size = sizeof of.options;
    of.options.log = keep_record;
    of.options.log_level = APM_LOG_TRACE;
    return of;
}

static void poll_till_end(void *argument)
{
    apm_error error;

    (void)argument;
    do error = apm_poll(APM_INFINITE);
    while (error == APM_ERROR_SUCCESS);
    expect(error == APM_ERROR_NOT_INITIALIZED, "apm_poll ends with the library");
}

/* Whoever has dispatch polls when he was told, and there is something then. */
static void poll_once(life *of)
{
    bool dispatches = of->options.dispatch != NULL;
    apm_error error;

    if (dispatches && atomic_exchange(&of->told, 0) == 0) {
        sim_sleep(1);
        return;
    }
    error = apm_poll(dispatches ? 0 : 10);
    expect(error == APM_ERROR_SUCCESS || (!dispatches && error == APM_ERROR_TIMED_OUT), "it polls");
}

/* Begin, poll, End. */
static apm_error finish(life *of, op *one, apm_error begun)
{
    uint64_t start = sim_now();

    if (begun == APM_ERROR_SUCCESS && of->polls && !of->has_poller) {
        while (atomic_load(&one->callbacks) == 0 && sim_now() - start < PATIENCE) poll_once(of);
        expect(apm_async_result_is_completed(one->result), "who was called back has completed");
    }
    if (begun == APM_ERROR_SUCCESS && of->none_in_begin)
        expect(!apm_async_result_completed_synchronously(one->result), "no callback runs inside Begin");
    return op_finish(one, begun);
}

static apm_error transfer(life *of)
{
    stage *on = of->on;
    apm_error begun, error, received;

    of->receive = op_of(on, on->socket, apm_socket_end_receive);
    of->send = op_of(on, on->socket, apm_socket_end_send);
    begun =
        apm_socket_begin_receive(on->socket, &of->here, 1, 0, op_called, &of->receive, &of->receive.result);
    error = finish(of, &of->send,
                   apm_socket_begin_send(on->socket, "abc", 3, 0, op_called, &of->send, &of->send.result));
    if (error == APM_ERROR_SUCCESS) {
        expect(of->send.bytes == 3, "all is sent");
        check_peer_reads(on->peer, "abc", 3);
    }
    expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
    received = finish(of, &of->receive, begun);
    if (received == APM_ERROR_SUCCESS) expect(of->here == 'x', "it receives");
    return error != APM_ERROR_SUCCESS ? error : received;
}

/* For the end of the library: a receive; and, where there is a kernel that has no room for it, a list that goes
 * in pieces and a send behind it, which has not got to the kernel. */
static void leave_behind(life *of)
{
    static char data[LONG * 10];
    apm_socket *socket = of->on->socket;
    apm_buffer list[LONG];
    op *left = of->left;
    int i;

    point_calm(true);
    for (i = 0; i < LEFT; i++)
        left[i] = op_of(of->on, socket, i == 0 ? apm_socket_end_receive : apm_socket_end_send);
    expect(apm_socket_begin_receive(socket, &of->never, 1, 0, op_called, &left[0], &left[0].result) ==
               APM_ERROR_SUCCESS,
           "a receive");
    if (world_is_simulated()) {
        for (i = 0; i < LONG; i++) {
            list[i].data = data + (size_t)i * 10;
            list[i].size = 10;
        }
        expect(apm_socket_begin_send_buffers(socket, list, LONG, 0, op_called, &left[1], &left[1].result) ==
                       APM_ERROR_SUCCESS &&
                   apm_socket_begin_send(socket, data, 1, 0, op_called, &left[2], &left[2].result) ==
                       APM_ERROR_SUCCESS,
               "two sends");
    }
    point_calm(false);
}

static apm_error use_library(life *of)
{
    stage *on = of->on;
    apm_error error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &on->socket);

    if (error != APM_ERROR_SUCCESS) return error;
    of->connect = op_of(on, on->socket, end_connect);
    error = finish(
        of, &of->connect,
        apm_socket_begin_connect(on->socket, &on->there, op_called, &of->connect, &of->connect.result));
    if (error != APM_ERROR_SUCCESS) return error;
    on->peer = accept_from(on, on->socket);
    if (on->peer == NULL) return error;
    error = transfer(of);
    if (error == APM_ERROR_SUCCESS) leave_behind(of);
    return error;
}

static uint32_t seen(life *of, int32_t event)
{
    return atomic_load(&of->events[event]);
}

/* What was told adds up when all is over. */
static void check_log(life *of, bool started)
{
    expect(atomic_load(&of->unread) == 0, "each record is a line");
    expect(seen(of, APM_EVENT_LIBRARY_STARTED) == started && seen(of, APM_EVENT_LIBRARY_STOPPED) == started,
           "a library that has started has stopped");
    expect(seen(of, APM_EVENT_WORKER_STARTED) == seen(of, APM_EVENT_WORKER_LEFT), "each worker has left");
    expect(seen(of, APM_EVENT_SOCKET_OPENED) == seen(of, APM_EVENT_SOCKET_CLOSED),
           "each socket that was opened was closed");
    expect(seen(of, APM_EVENT_OPERATION_BEGINS) ==
               seen(of, APM_EVENT_OPERATION_REFUSED) + seen(of, APM_EVENT_OPERATION_COMPLETED),
           "each operation was refused or has completed");
}

static apm_error live(life *of)
{
    stage *on = of->on;
    sim_thread *poller = NULL;
    apm_error error;
    bool started;
    int i;

    /* Where this thread does all of the work no other one is needed. */
    if (of->polls && !of->has_poller && of->options.no_workers) point_fail_also(FAULT(SIM_THREAD));
    of->options.context = of->options.dispatch_context = of->options.log_context = of;
    error = apm_startup(&of->options);
    started = error == APM_ERROR_SUCCESS;
    if (started) {
        if (of->has_poller) poller = sim_thread_start("poller", poll_till_end, NULL);
        error = use_library(of);
    }
    expect(apm_cleanup() == (started ? APM_ERROR_SUCCESS : APM_ERROR_NOT_INITIALIZED), "what started ends");
    if (poller != NULL) sim_thread_join(poller);
    for (i = 0; i < LEFT; i++) {
        if (of->left[i].result == NULL) continue;
        expect(atomic_load(&of->left[i].callbacks) == 1, "what is under way calls back before the end");
        expect(op_finish(&of->left[i], APM_ERROR_SUCCESS) == APM_ERROR_OBJECT_DISPOSED,
               "its socket was closed");
    }
    point_fail_also(0);
    stage_discard(on);
    check_log(of, started);
    expect(atomic_load(&of->blocks) == 0, "each block was given back");
    return error;
}

/* ---- the options ------------------------------------------------------------------------------------- */

static apm_error live_with_log(stage *on)
{
    life of = life_of(on);

    return live(&of);
}

static apm_error live_with_allocator(stage *on)
{
    life of = life_of(on);

    of.options.allocate = take_block;
    of.options.release = give_block;
    return live(&of);
}

static apm_error live_on_pool(stage *on)
{
    life of = life_of(on);

    of.options.callbacks_on_pool = of.options.packet_always = of.none_in_begin = true;
    return live(&of);
}

static apm_error live_with_one_worker(stage *on)
{
    life of = life_of(on);

    of.options.max_workers = of.options.concurrency = 1;
    return live(&of);
}

/* Nothing else is done: each is one of those that it begins with. */
static apm_error start_many_workers(stage *on)
{
    life of = life_of(on);
    apm_error error;

    of.options.min_workers = 3;
    of.options.max_workers = 4;
    of.options.log_context = &of;
    error = apm_startup(&of.options);
    expect(apm_cleanup() == (error == APM_ERROR_SUCCESS ? error : APM_ERROR_NOT_INITIALIZED),
           "what started ends");
    check_log(&of, error == APM_ERROR_SUCCESS);
    return error;
}

static apm_error live_without_workers(stage *on)
{
    life of = life_of(on);

    of.options.no_workers = of.polls = true;
    return live(&of);
}

static apm_error live_without_workers_on_poll(stage *on)
{
    life of = life_of(on);

    of.options.no_workers = of.options.callbacks_on_pool = of.polls = of.none_in_begin = true;
    return live(&of);
}

static apm_error live_with_poller(stage *on)
{
    life of = life_of(on);

    of.options.no_workers = of.polls = of.has_poller = true;
    return live(&of);
}

static apm_error live_with_dispatch(stage *on)
{
    life of = life_of(on);

    of.options.dispatch = tell;
    of.polls = of.none_in_begin = true;
    return live(&of);
}

/* It is called again, also where no timer can be had for that. */
static apm_error live_with_refusing_dispatch(stage *on)
{
    life of = life_of(on);

    of.options.dispatch = tell;
    of.polls = of.none_in_begin = true;
    atomic_store(&of.refuses, 1);
    return live(&of);
}

#define USES \
    (FAULT(SIM_START) | FAULT(SIM_PORT) | FAULT(SIM_MEMORY) | FAULT(SIM_SOCKET) | FAULT(SIM_ATTACH) | \
     FAULT(SIM_BIND) | FAULT(SIM_DIAL) | FAULT(SIM_CONTEXT) | FAULT(SIM_TRANSFER))
/* Without its first thread there is no library; of the others each can be done without. */
#define THREADS FAULT(SIM_THREAD)

const scenario option_scenarios[] = {
    {"with a log", SET_STOPPED, live_with_log, USES, THREADS, 0, false},
    {"with an allocator", SET_STOPPED, live_with_allocator, USES, THREADS, 0, false},
    {"callbacks on the pool", SET_STOPPED, live_on_pool, USES, THREADS, 0, false},
    {"one worker", SET_STOPPED, live_with_one_worker, USES | THREADS, 0, 0, false},
    {"start many workers", SET_STOPPED, start_many_workers,
     FAULT(SIM_START) | FAULT(SIM_PORT) | FAULT(SIM_MEMORY) | THREADS, 0, 0, false},
    {"no workers, polled", SET_STOPPED, live_without_workers, USES, 0, 0, false},
    {"no workers, nothing inside Begin", SET_STOPPED, live_without_workers_on_poll, USES, 0, 0, false},
    {"no workers, a thread that polls", SET_STOPPED, live_with_poller, USES, 0, 0, false},
    {"dispatch, polled", SET_STOPPED, live_with_dispatch, USES, THREADS, 0, false},
    {"dispatch that refuses once", SET_STOPPED, live_with_refusing_dispatch, USES, THREADS, 0, false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
