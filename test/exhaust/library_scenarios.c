/* SPDX-License-Identifier: MIT */
/* The end of the library. */
#include <string.h>

#include "stage.h"

/* ---- the end ------------------------------------------------------------------------------------- */

enum { RECEIVE, TIMED, SEND, DIAL, COURSE, NAME, OPERATIONS };

typedef struct ending {
    apm_socket *sockets[4]; /* connected, and three that connect */
    sim_peer *peer;
    op ops[OPERATIONS];
    char here[2];
} ending;

static void begin_connects(stage *on, ending *all)
{
    apm_endpoint remotes[2];
    op *ops = all->ops;
    int i;

    for (i = 1; i < 4; i++)
        expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &all->sockets[i]) ==
                   APM_ERROR_SUCCESS,
               "a socket");
    for (i = DIAL; i <= NAME; i++) ops[i] = op_of(on, all->sockets[1 + i - DIAL], end_connect);
    remotes[0] = remotes[1] = world_silent_endpoint();
    expect(apm_socket_begin_connect(ops[DIAL].socket, &remotes[0], op_called, &ops[DIAL],
                                    &ops[DIAL].result) == APM_ERROR_SUCCESS,
           "a connect");
    expect(apm_socket_set_option(ops[COURSE].socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM,
                                 APM_CONNECT_PARALLEL) == APM_ERROR_SUCCESS,
           "an option");
    expect(apm_socket_begin_connect_many(ops[COURSE].socket, remotes, 2, op_called, &ops[COURSE],
                                         &ops[COURSE].result) == APM_ERROR_SUCCESS,
           "a connect, parallel");
    expect(apm_socket_begin_connect_host(ops[NAME].socket, "localhost", apm_endpoint_port(&on->there),
                                         op_called, &ops[NAME], &ops[NAME].result) == APM_ERROR_SUCCESS,
           "a connect by name");
}

static void begin_everything(stage *on, ending *all)
{
    static char data[1000];
    op *ops = all->ops;
    apm_socket *socket = NULL;
    int i;

    memset(all, 0, sizeof *all);
    expect(apm_startup(NULL) == APM_ERROR_SUCCESS, "the library starts");
    expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
               APM_ERROR_SUCCESS,
           "a socket");
    expect(apm_socket_connect(socket, &on->there) == APM_ERROR_SUCCESS, "a connection");
    all->sockets[0] = socket;
    all->peer = accept_from(on, socket);
    ops[SEND] = op_of(on, socket, apm_socket_end_send);
    for (i = RECEIVE; i <= TIMED; i++) {
        ops[i] = op_of(on, socket, apm_socket_end_receive);
        expect(apm_socket_begin_receive(socket, &all->here[i], 1, 0, op_called, &ops[i], &ops[i].result) ==
                   APM_ERROR_SUCCESS,
               "a receive");
    }
    expect(apm_async_result_cancel_after(ops[TIMED].result, 10000000) == APM_ERROR_SUCCESS, "a deadline");
    /* On the simulated kernel there is no room for it. */
    expect(apm_socket_begin_send(socket, data, sizeof data, 0, op_called, &ops[SEND], &ops[SEND].result) ==
               APM_ERROR_SUCCESS,
           "a send");
    begin_connects(on, all);
}

/* Whatever fails meanwhile, it ends: each operation has called back, and nothing is left. */
static apm_error end_library(stage *on)
{
    ending all;
    apm_error error;
    int i;

    point_calm(true);
    begin_everything(on, &all);
    point_calm(false);
    error = apm_cleanup();
    point_calm(true);
    for (i = 0; i < OPERATIONS; i++) {
        on->begun++;
        expect(atomic_load(&all.ops[i].callbacks) == 1, "it has called back");
        expect(all.ops[i].end(all.ops[i].socket, all.ops[i].result, &all.ops[i].bytes) ==
                   APM_ERROR_OBJECT_DISPOSED,
               "its socket was closed");
        apm_async_result_release(all.ops[i].result);
    }
    for (i = 0; i < 4; i++) expect(apm_socket_close(all.sockets[i]) == APM_ERROR_SUCCESS, "it closes");
    sim_peer_close(all.peer);
    point_calm(false);
    return error;
}

const scenario library_scenarios[] = {
    {"cleanup with everything under way", SET_STOPPED, end_library, 0, 0, 0, false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
