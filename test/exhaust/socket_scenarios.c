/* SPDX-License-Identifier: MIT */
/* The library and the socket, without operations. */
#include <string.h>

#include "stage.h"

static apm_error start_and_end(stage *on)
{
    apm_error error = apm_startup(NULL);

    (void)on;
    if (error == APM_ERROR_SUCCESS) expect(apm_cleanup() == APM_ERROR_SUCCESS, "it ends");
    return error;
}

/* The first socket starts the library, and whoever gets none has not. */
static apm_error create_first(stage *on)
{
    apm_socket *socket = NULL;
    apm_error error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket);
    apm_error ends;

    (void)on;
    expect((socket != NULL) == (error == APM_ERROR_SUCCESS), "a socket comes with success");
    if (socket != NULL) expect(apm_socket_close(socket) == APM_ERROR_SUCCESS, "it closes");
    ends = apm_cleanup(); /* it may have started and then found no socket */
    expect(ends == APM_ERROR_SUCCESS || (error != APM_ERROR_SUCCESS && ends == APM_ERROR_NOT_INITIALIZED),
           "what the socket started ends");
    return error;
}

static apm_error close_made(apm_error error, apm_socket *socket)
{
    expect((socket != NULL) == (error == APM_ERROR_SUCCESS), "a socket comes with success");
    if (socket != NULL) expect(apm_socket_close(socket) == APM_ERROR_SUCCESS, "it closes");
    return error;
}

static apm_error create(stage *on)
{
    apm_socket *socket = NULL;
    apm_error error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket);

    (void)on;
    return close_made(error, socket);
}

static apm_error create_dual(stage *on)
{
    apm_socket *socket = NULL;
    apm_error error = apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket);

    (void)on;
    return close_made(error, socket);
}

static apm_error create_bind(stage *on)
{
    apm_endpoint local;
    apm_error error;

    expect(apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local) == APM_ERROR_SUCCESS, "loopback");
    error = apm_socket_bind(on->socket, &local);
    point_calm(true);
    expect(apm_socket_local_endpoint(on->socket, &local) ==
               (error == APM_ERROR_SUCCESS ? APM_ERROR_SUCCESS : APM_ERROR_INVALID_ARGUMENT),
           "a local endpoint comes with success");
    point_calm(false);
    return error;
}

static apm_error end_stream(stage *on)
{
    char byte;
    apm_error error = apm_socket_shutdown(on->socket, APM_SHUTDOWN_SEND);

    if (error == APM_ERROR_SUCCESS)
        expect(sim_peer_read(on->peer, &byte, 1, PATIENCE) == SIM_END, "the peer sees the end");
    return error;
}

/* Whatever fails, it is closed in the end, and the peer sees it. */
static apm_error close_it(stage *on)
{
    apm_error error = apm_socket_close(on->socket);
    char byte;

    expect(sim_peer_read(on->peer, &byte, 1, PATIENCE) == SIM_END, "the peer sees the end");
    on->socket = NULL;
    sim_peer_close(on->peer);
    on->peer = NULL;
    return error;
}

static apm_error close_with_timeout(stage *on)
{
    apm_error error = apm_socket_close_timeout(on->socket, 100);
    char byte;

    expect(sim_peer_read(on->peer, &byte, 1, PATIENCE) != SIM_TIMEOUT, "the peer sees that it is over");
    on->socket = NULL;
    sim_peer_close(on->peer);
    on->peer = NULL;
    return error;
}

/* ---- references -------------------------------------------------------------------------------- */

enum { RECEIVE, TIMED, SEND, PENDING };

/* What is under way when the socket goes: on the simulated kernel the send, too, finds no room. */
static void begin_all(stage *on, op *ops)
{
    static const char data[1000];
    static char here[2];
    int i;

    point_calm(true);
    for (i = RECEIVE; i <= TIMED; i++) {
        ops[i] = op_of(on, on->socket, apm_socket_end_receive);
        expect(apm_socket_begin_receive(on->socket, &here[i], 1, 0, op_called, &ops[i], &ops[i].result) ==
                   APM_ERROR_SUCCESS,
               "a receive");
    }
    expect(apm_async_result_cancel_after(ops[TIMED].result, 10000000) == APM_ERROR_SUCCESS, "a deadline");
    ops[SEND] = op_of(on, on->socket, apm_socket_end_send);
    expect(apm_socket_begin_send(on->socket, data, sizeof data, 0, op_called, &ops[SEND],
                                 &ops[SEND].result) == APM_ERROR_SUCCESS,
           "a send");
    point_calm(false);
}

/* The peer sees that it is over; what was sent before may come first. */
static void leave_peer(stage *on)
{
    char here[256];
    int64_t got;

    do got = sim_peer_read(on->peer, here, sizeof here, PATIENCE);
    while (got > 0);
    expect(got != SIM_TIMEOUT, "the peer sees that it is over");
    sim_peer_close(on->peer);
    on->peer = NULL;
}

/* The last reference of a socket that nobody has closed: that closes it, and all that is under way calls
 * back. End would need the socket: each is waited for. */
static apm_error release_last(stage *on)
{
    op ops[PENDING];
    int i;

    begin_all(on, ops);
    apm_socket_retain(on->socket);
    apm_socket_release(on->socket);
    expect(apm_socket_connected(on->socket), "that was not the last one");
    apm_socket_release(on->socket);
    on->socket = NULL;
    for (i = 0; i < PENDING; i++) {
        uint64_t start = sim_now();

        on->begun++;
        expect(apm_async_result_wait(ops[i].result, PATIENCE) == APM_ERROR_SUCCESS, "it is over");
        while (atomic_load(&ops[i].callbacks) == 0 && sim_now() - start < PATIENCE) sim_sleep(1);
        expect(atomic_load(&ops[i].callbacks) == 1, "one callback");
        apm_async_result_release(ops[i].result);
    }
    leave_peer(on);
    return APM_ERROR_SUCCESS;
}

/* A close takes the creator's reference, once; who has retained still has the socket, and each End says so. */
static apm_error close_retained(stage *on)
{
    op ops[PENDING];
    apm_error error;
    int i;

    begin_all(on, ops);
    apm_socket_retain(on->socket);
    error = apm_socket_close(on->socket);
    if (error == APM_ERROR_SUCCESS) error = apm_socket_close(on->socket);
    for (i = 0; i < PENDING; i++)
        expect(op_finish(&ops[i], APM_ERROR_SUCCESS) == APM_ERROR_OBJECT_DISPOSED, "the socket was closed");
    expect(!apm_socket_connected(on->socket) && apm_socket_handle(on->socket) == ~(uintptr_t)0,
           "nothing is left of it but itself");
    apm_socket_release(on->socket);
    on->socket = NULL;
    leave_peer(on);
    return error;
}

/* ---- options ----------------------------------------------------------------------------------- */

static apm_error set_option(stage *on)
{
    int32_t value = 0;
    apm_error error = apm_socket_set_option(on->socket, APM_SOCKET_OPTION_NO_DELAY, 1);

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_get_option(on->socket, APM_SOCKET_OPTION_NO_DELAY, &value);
    if (error == APM_ERROR_SUCCESS) expect(value == 1, "the option is set");
    return error;
}

static apm_error set_keep_alive(stage *on)
{
    apm_error error = apm_socket_set_option(on->socket, APM_SOCKET_OPTION_KEEP_ALIVE, 1);

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_set_option(on->socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, 30);
    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_set_option(on->socket, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 5);
    return error;
}

static apm_error set_linger(stage *on)
{
    apm_error error = apm_socket_set_option(on->socket, APM_SOCKET_OPTION_LINGER, 1);
    int32_t value = 0;

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_set_option(on->socket, APM_SOCKET_OPTION_LINGER_TIME, 3);
    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_get_option(on->socket, APM_SOCKET_OPTION_LINGER_TIME, &value);
    if (error == APM_ERROR_SUCCESS) expect(value == 3, "the option is set");
    return error;
}

/* Kept by the library for fresh handles: that takes memory. */
static apm_error set_raw_option(stage *on)
{
    int32_t value = 8192, found = 0;
    size_t size = sizeof found;
    apm_error error = apm_socket_set_raw_option(on->socket, 0xFFFF, 0x1001, &value, sizeof value);

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_get_raw_option(on->socket, 0xFFFF, 0x1001, &found, &size);
    if (error == APM_ERROR_SUCCESS) expect(found == value, "the option is set");
    return error;
}

static apm_error control(stage *on)
{
    uint32_t values[3] = {1, 5000, 1000};

    return apm_socket_io_control(on->socket, 0x98000004u, values, sizeof values, NULL, 0, NULL);
}

static apm_error ask_available(stage *on)
{
    size_t bytes = 1;
    apm_error error = apm_socket_available(on->socket, &bytes);

    if (error == APM_ERROR_SUCCESS) expect(bytes == 0, "nothing is there");
    return error;
}

static apm_error poll_it(stage *on)
{
    bool ready = false;
    apm_error error = apm_socket_poll(on->socket, 120000, APM_POLL_READ, &ready);

    expect(!ready, "nothing is there");
    if (error == APM_ERROR_SUCCESS) error = apm_socket_poll(on->socket, 0, APM_POLL_WRITE, &ready);
    if (error == APM_ERROR_SUCCESS) expect(ready, "it has room");
    return error;
}

static apm_error ask_endpoints(stage *on)
{
    apm_endpoint local, remote;
    apm_error error = apm_socket_local_endpoint(on->socket, &local);

    if (error == APM_ERROR_SUCCESS) error = apm_socket_remote_endpoint(on->socket, &remote);
    if (error == APM_ERROR_SUCCESS) expect(apm_endpoint_equal(&remote, &on->there), "the listener's");
    return error;
}

static apm_error make_event(stage *on)
{
    apm_manual_reset_event *event = NULL;
    apm_error error = apm_manual_reset_event_create(false, &event);

    (void)on;
    expect((event != NULL) == (error == APM_ERROR_SUCCESS), "an event comes with success");
    if (event == NULL) return error;
    expect(apm_manual_reset_event_wait_one(event, 1) == APM_ERROR_TIMED_OUT, "it is not set");
    expect(apm_manual_reset_event_set(event) == APM_ERROR_SUCCESS, "it can be set");
    expect(apm_manual_reset_event_wait_one(event, 0) == APM_ERROR_SUCCESS, "it is set");
    expect(apm_manual_reset_event_reset(event) == APM_ERROR_SUCCESS, "it can be reset");
    apm_manual_reset_event_close(event);
    return error;
}

#define OPENS (FAULT(SIM_MEMORY) | FAULT(SIM_SOCKET) | FAULT(SIM_ATTACH))
#define STARTS (FAULT(SIM_START) | FAULT(SIM_PORT) | FAULT(SIM_THREAD))

const scenario socket_scenarios[] = {
    {"startup", SET_STOPPED, start_and_end, STARTS | FAULT(SIM_MEMORY), 0, 0, false},
    {"create starts the library", SET_STOPPED, create_first, STARTS | OPENS, 0, 0, false},
    {"create", SET_NOTHING, create, OPENS, 0, 0, false},
    {"create dual", SET_NOTHING, create_dual, OPENS | FAULT(SIM_SET_OPTION), 0, 0, false},
    {"bind", SET_STREAM, create_bind, FAULT(SIM_BIND), 0, 0, false},
    {"shutdown", SET_PAIR, end_stream, FAULT(SIM_SHUTDOWN), 0, 0, false},
    {"close", SET_PAIR, close_it, 0, 0, 0, false},
    {"close with a timeout", SET_PAIR, close_with_timeout, 0, 0, 0, false},
    {"the last release", SET_PAIR, release_last, 0, 0, 0, false},
    {"retain, close, release", SET_PAIR, close_retained, 0, 0, 0, false},
    {"set an option", SET_STREAM, set_option,
     FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION) | FAULT(SIM_GET_OPTION), 0, 0, false},
    {"set keep-alive", SET_STREAM, set_keep_alive, FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION),
     FAULT(SIM_CONTROL) | FAULT(SIM_GET_OPTION), 0, false},
    {"set linger", SET_STREAM, set_linger, FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION) | FAULT(SIM_GET_OPTION),
     0, 0, false},
    {"set a raw option", SET_STREAM, set_raw_option,
     FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION) | FAULT(SIM_GET_OPTION), 0, 0, false},
    {"io control", SET_STREAM, control, FAULT(SIM_CONTROL), 0, 0, false},
    {"available", SET_PAIR, ask_available, FAULT(SIM_CONTROL), 0, 0, false},
    {"poll", SET_PAIR, poll_it, FAULT(SIM_POLL), 0, 0, false},
    {"endpoints", SET_PAIR, ask_endpoints, FAULT(SIM_NAME_OF), 0, 0, false},
    {"manual reset event", SET_NOTHING, make_event, FAULT(SIM_EVENT), 0, 0, false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
