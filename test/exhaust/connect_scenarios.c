/* SPDX-License-Identifier: MIT */
/* Connecting and disconnecting. */
#include "stage.h"

#include <string.h>

static apm_error connect_one(stage *on)
{
    op one = op_of(on, on->socket, end_connect);

    return use_connection(
        on, op_finish(&one, apm_socket_begin_connect(on->socket, &on->there, op_called, &one, &one.result)));
}

/* The first address refuses. */
static apm_error connect_many(stage *on)
{
    op one = op_of(on, on->socket, end_connect);
    apm_endpoint remotes[2];

    remotes[0] = refusing_endpoint();
    remotes[1] = on->there;
    return use_connection(on, op_finish(&one, apm_socket_begin_connect_many(on->socket, remotes, 2, op_called,
                                                                            &one, &one.result)));
}

/* The first address does not answer: attempts overlap, on handles of their own. If the second one fails,
 * there is nothing left but to wait: not as long as a kernel would. */
static apm_error connect_parallel(stage *on)
{
    op one = op_of(on, on->socket, end_connect);
    apm_endpoint remotes[2];

    point_calm(true);
    expect(apm_socket_set_option(on->socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
                   APM_ERROR_SUCCESS &&
               apm_socket_set_option(on->socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 400) ==
                   APM_ERROR_SUCCESS &&
               apm_socket_set_option(on->socket, APM_SOCKET_OPTION_NO_DELAY, 1) == APM_ERROR_SUCCESS,
           "parallel, and an option for the further handles");
    point_calm(false);
    remotes[0] = world_silent_endpoint();
    remotes[1] = on->there;
    return use_connection(on, op_finish(&one, apm_socket_begin_connect_many(on->socket, remotes, 2, op_called,
                                                                            &one, &one.result)));
}

/* ---- an option that is set while attempts are under way ---- */

typedef struct late_option {
    stage *on;
    apm_error error;
} late_option;

static void set_late(void *argument)
{
    late_option *late = (late_option *)argument;

    late->error = apm_socket_set_option(late->on->socket, APM_SOCKET_OPTION_NO_DELAY, 1);
}

/* The attempt that will win has its handle when the option is set: it waits in the queue of a listener
 * that another connection fills. `before`: set while it waits, and there is one more address, for when
 * that handle refuses the option; otherwise at some moment from then on. */
static apm_error connect_with_late_option(stage *on, bool before)
{
    late_option late = {on, APM_ERROR_SUCCESS};
    op one = op_of(on, on->socket, end_connect);
    apm_socket *filler = NULL;
    sim_listener *narrow;
    sim_peer *first, *second;
    apm_endpoint remotes[3] = {{0}};
    sim_thread *thread = NULL;
    int32_t value = 0;
    apm_error error;

    point_calm(true);
    narrow = sim_listen(APM_FAMILY_IPV4, 1);
    remotes[0] = world_silent_endpoint();
    remotes[1].length = sim_address(APM_FAMILY_IPV4, sim_listener_port(narrow), (void *)remotes[1].address);
    expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &filler) ==
                   APM_ERROR_SUCCESS &&
               apm_socket_connect(filler, &remotes[1]) == APM_ERROR_SUCCESS,
           "a connection that fills the queue");
    expect(apm_socket_set_option(on->socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
               APM_ERROR_SUCCESS,
           "parallel");
    remotes[2] = on->there;
    error = apm_socket_begin_connect_many(on->socket, remotes, before ? 3 : 2, op_called, &one, &one.result);
    expect(error == APM_ERROR_SUCCESS, "a connect");
    sim_sleep(300); /* the second attempt begins after 250 ms, on a handle of its own */
    point_calm(false);
    if (before)
        set_late(&late);
    else
        thread = sim_thread_start("setter", set_late, &late);
    first = sim_accept(narrow, PATIENCE);
    second = sim_accept(narrow, PATIENCE);
    error = op_finish(&one, error);
    if (thread != NULL) sim_thread_join(thread);
    point_calm(true);
    if (before)
        expect(error == APM_ERROR_SUCCESS || point_lasts(), "the next address is tried, and connects");
    if (error == APM_ERROR_SUCCESS && late.error == APM_ERROR_SUCCESS)
        expect(apm_socket_get_option(on->socket, APM_SOCKET_OPTION_NO_DELAY, &value) == APM_ERROR_SUCCESS &&
                   value == 1,
               "what was set holds for the handle that won");
    expect(apm_socket_connected(on->socket) == (error == APM_ERROR_SUCCESS), "connected, or not");
    expect(first != NULL && second != NULL, "both connections are there");
    expect(apm_socket_close(filler) == APM_ERROR_SUCCESS, "it closes");
    if (error == APM_ERROR_SUCCESS) stage_discard(on); /* connected: the act cannot be done twice on it */
    stage_renew(on, SET_STREAM);
    if (first != NULL) sim_peer_close(first);
    if (second != NULL) sim_peer_close(second);
    sim_listener_close(narrow);
    point_calm(false);
    return late.error != APM_ERROR_SUCCESS ? late.error : error;
}

static apm_error connect_then_option(stage *on)
{
    return connect_with_late_option(on, true);
}

static apm_error connect_beside_option(stage *on)
{
    return connect_with_late_option(on, false);
}

static apm_error connect_host(stage *on)
{
    op one = op_of(on, on->socket, end_connect);

    return use_connection(on, op_finish(&one, apm_socket_begin_connect_host(on->socket, "localhost",
                                                                            apm_endpoint_port(&on->there),
                                                                            op_called, &one, &one.result)));
}

static apm_error connect_blocking(stage *on)
{
    return use_connection(on, apm_socket_connect(on->socket, &on->there));
}

static apm_error connect_host_blocking(stage *on)
{
    return use_connection(on,
                          apm_socket_connect_host(on->socket, "localhost", apm_endpoint_port(&on->there)));
}

static apm_error connect_timed(stage *on)
{
    op one = op_of(on, on->socket, end_connect);

    expect(apm_socket_set_option(on->socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 50000) == APM_ERROR_SUCCESS,
           "a connect timeout");
    return use_connection(
        on, op_finish(&one, apm_socket_begin_connect(on->socket, &on->there, op_called, &one, &one.result)));
}

/* It is never answered, and over in time; the socket connects then. */
static apm_error connect_times_out(stage *on)
{
    op one = op_of(on, on->socket, end_connect);
    apm_endpoint nobody = world_silent_endpoint();
    apm_error error;

    expect(apm_socket_set_option(on->socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 100) == APM_ERROR_SUCCESS,
           "a connect timeout");
    error = op_finish(&one, apm_socket_begin_connect(on->socket, &nobody, op_called, &one, &one.result));
    expect(apm_socket_set_option(on->socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 0) == APM_ERROR_SUCCESS,
           "no connect timeout");
    if (error != APM_ERROR_TIMED_OUT) return error;
    return use_connection(on, apm_socket_connect(on->socket, &on->there));
}

static apm_error connect_datagram(stage *on)
{
    op one = op_of(on, on->socket, end_connect);

    return op_finish(&one, apm_socket_begin_connect(on->socket, &on->other_at, op_called, &one, &one.result));
}

static apm_error disconnect(stage *on)
{
    op one = op_of(on, on->socket, end_disconnect);
    apm_error error =
        op_finish(&one, apm_socket_begin_disconnect(on->socket, false, op_called, &one, &one.result));
    char byte = 0;

    if (error == APM_ERROR_SUCCESS)
        expect(sim_peer_read(on->peer, &byte, 1, PATIENCE) == SIM_END, "the peer sees the end");
    return error;
}

static void end_peer(void *argument)
{
    stage *on = (stage *)argument;
    char byte;

    expect(sim_peer_read(on->peer, &byte, 1, PATIENCE) != SIM_TIMEOUT, "the peer sees that it is over");
    sim_peer_close(on->peer);
    on->peer = NULL;
}

/* The old connection goes in any case; with an error there is no new handle yet, and the next
 * connect sees to it. So the connect is what the act is tried again with. */
static apm_error disconnect_for_reuse(stage *on)
{
    op one = op_of(on, on->socket, end_disconnect);
    apm_error error = APM_ERROR_SUCCESS;

    if (on->peer != NULL) {
        apm_error begun = apm_socket_begin_disconnect(on->socket, true, op_called, &one, &one.result);
        sim_thread *thread = begun == APM_ERROR_SUCCESS ? sim_thread_start("peer", end_peer, on) : NULL;

        error = op_finish(&one, begun);
        if (thread != NULL) sim_thread_join(thread);
    }
    if (error != APM_ERROR_SUCCESS) return error;
    return use_connection(on, apm_socket_connect(on->socket, &on->there));
}

/* The peer does not answer the end of our stream: it is waited for for some time, and where there
 * is no thread to look at the clock not at all; never for ever. */
static apm_error disconnect_from_silence(stage *on)
{
    op one = op_of(on, on->socket, end_disconnect);
    apm_error error = APM_ERROR_SUCCESS;

    if (on->peer != NULL) {
        error = op_finish(&one, apm_socket_begin_disconnect(on->socket, true, op_called, &one, &one.result));
        if (one.result != NULL) {
            sim_peer_close(on->peer);
            on->peer = NULL;
        }
    }
    return error;
}

/* What the kernel has refused is not tried on the next handle. */
static apm_error set_and_connect(stage *on)
{
    int32_t value = 8192;
    apm_error error = apm_socket_set_raw_option(on->socket, 0xFFFF, 0x1001, &value, sizeof value);

    point_calm(true);
    expect(use_connection(on, apm_socket_connect(on->socket, &on->there)) == APM_ERROR_SUCCESS,
           "it connects, whatever became of the option");
    stage_discard(on);
    stage_renew(on, SET_SPENT);
    point_calm(false);
    return error;
}

/* A cancel is a request that cannot fail: the socket can connect again after it. */
static apm_error cancel_connect(stage *on)
{
    op one = op_of(on, on->socket, end_connect);
    apm_endpoint nobody = world_silent_endpoint();
    apm_error error;

    error = apm_socket_begin_connect(on->socket, &nobody, op_called, &one, &one.result);
    if (error == APM_ERROR_SUCCESS)
        expect(apm_async_result_cancel(one.result) == APM_ERROR_SUCCESS, "a cancel");
    error = op_finish(&one, error);
    return error == APM_ERROR_OPERATION_ABORTED ? APM_ERROR_SUCCESS : error;
}

#define CONNECTS \
    (FAULT(SIM_MEMORY) | FAULT(SIM_BIND) | FAULT(SIM_DIAL) | FAULT(SIM_CONTEXT) | FAULT(SIM_TRANSFER))
#define OPENS (FAULT(SIM_SOCKET) | FAULT(SIM_ATTACH))

const scenario connect_scenarios[] = {
    {"connect", SET_STREAM, connect_one, CONNECTS, 0, 0, false},
    {"connect again", SET_SPENT, connect_one, CONNECTS | OPENS | FAULT(SIM_SET_OPTION), 0, 0, false},
    {"connect, dual mode", SET_DUAL, connect_one, CONNECTS, 0, 0, false},
    {"connect, many", SET_STREAM, connect_many, 0, CONNECTS | OPENS, 0, false},
    {"connect, parallel", SET_STREAM, connect_parallel, 0,
     CONNECTS | OPENS | FAULT(SIM_THREAD) | FAULT(SIM_SET_OPTION), APM_ERROR_TIMED_OUT, false},
    {"connect, parallel, an option set meanwhile", SET_STREAM, connect_then_option, FAULT(SIM_MEMORY),
     FAULT(SIM_SET_OPTION) | FAULT(SIM_CONTEXT), 0, true},
    {"connect, parallel, an option set beside", SET_STREAM, connect_beside_option, 0,
     FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION) | FAULT(SIM_CONTEXT), 0, true},
    {"connect, host", SET_STREAM, connect_host, FAULT(SIM_NAME), CONNECTS | OPENS | FAULT(SIM_THREAD), 0,
     false},
    {"connect, blocking", SET_STREAM, connect_blocking, CONNECTS, 0, 0, false},
    {"connect, host, blocking", SET_STREAM, connect_host_blocking, FAULT(SIM_NAME),
     CONNECTS | OPENS | FAULT(SIM_THREAD), 0, false},
    {"connect with a timeout", SET_STREAM, connect_timed, CONNECTS, FAULT(SIM_THREAD), 0, false},
    {"connect that times out", SET_STREAM, connect_times_out, 0, CONNECTS | OPENS | FAULT(SIM_THREAD), 0,
     false},
    {"connect, datagrams", SET_DATAGRAMS, connect_datagram, FAULT(SIM_MEMORY) | FAULT(SIM_DIAL), 0, 0, false},
    {"disconnect", SET_PAIR, disconnect, FAULT(SIM_MEMORY) | FAULT(SIM_SHUTDOWN), 0, 0, false},
    {"disconnect for reuse", SET_PAIR, disconnect_for_reuse, 0,
     CONNECTS | OPENS | FAULT(SIM_SHUTDOWN) | FAULT(SIM_SET_OPTION), 0, false},
    {"disconnect for reuse, silent peer", SET_PAIR, disconnect_from_silence, 0,
     CONNECTS | OPENS | FAULT(SIM_SHUTDOWN) | FAULT(SIM_SET_OPTION), 0, true},
    {"set an option, connect", SET_SPENT, set_and_connect, FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION), 0, 0,
     false},
    {"cancel a connect", SET_STREAM, cancel_connect, 0, CONNECTS, 0, false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
