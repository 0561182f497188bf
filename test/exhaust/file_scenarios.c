/* SPDX-License-Identifier: MIT */
/* Files, and what can come after one. */
#include <string.h>

#include "stage.h"

static char head[] = "a", tail[] = "gh";

/* "bcdef" between "a" and "gh"; anew each time, so that nothing has to be remembered. */
static apm_error begin_file(stage *on, op *one, int32_t flags)
{
    apm_buffer before = {head, 1}, after = {tail, 2};
    const char *path;

    *one = op_of(on, on->socket, end_send_file);
    path = world_file_make("bcdef", 5);
    expect(path != NULL, "a file");
    return apm_socket_begin_send_file(on->socket, path, &before, &after, flags, op_called, one, &one->result);
}

static apm_error finish_file(op *one, apm_error begun)
{
    apm_error error = op_finish(one, begun);

    expect(world_file_delete(), "the file is there, and nobody has it open");
    return error;
}

static apm_error send_with(stage *on, int32_t flags)
{
    op one;
    apm_error error = begin_file(on, &one, flags);

    error = finish_file(&one, error);
    if (error == APM_ERROR_SUCCESS) check_peer_reads(on->peer, "abcdefgh", 8);
    return error;
}

static apm_error send_file(stage *on)
{
    return send_with(on, 0);
}

static apm_error send_file_behind(stage *on)
{
    return send_with(on, APM_SEND_FILE_WRITE_BEHIND | APM_SEND_FILE_SYSTEM_THREAD);
}

static apm_error send_no_file(stage *on)
{
    apm_buffer before = {head, 1}, after = {tail, 2};
    op one = op_of(on, on->socket, end_send_file);
    apm_error error = op_finish(
        &one, apm_socket_begin_send_file(on->socket, NULL, &before, &after, 0, op_called, &one, &one.result));

    if (error == APM_ERROR_SUCCESS) check_peer_reads(on->peer, "agh", 3);
    return error;
}

/* What has begun and failed may have sent it all: the next act has another connection. */
static apm_error send_file_and_disconnect(stage *on)
{
    char byte;
    op one;
    apm_error error = begin_file(on, &one, APM_SEND_FILE_DISCONNECT);
    bool begun = error == APM_ERROR_SUCCESS;

    error = finish_file(&one, error);
    if (error == APM_ERROR_SUCCESS) {
        check_peer_reads(on->peer, "abcdefgh", 8);
        expect(sim_peer_read(on->peer, &byte, 1, PATIENCE) == SIM_END, "the peer sees the end");
        expect(!apm_socket_connected(on->socket), "it is not connected any more");
    } else if (begun) {
        stage_discard(on);
    }
    return error;
}

typedef struct reading_peer {
    sim_peer *peer;
    char data[16];
    size_t count;
} reading_peer;

static void read_and_end(void *argument)
{
    reading_peer *one = (reading_peer *)argument;
    int64_t got;

    do {
        got = sim_peer_read(one->peer, one->data + one->count, sizeof one->data - one->count, PATIENCE);
        if (got > 0) one->count += (size_t)got;
    } while (got > 0);
    expect(got != SIM_TIMEOUT, "the peer sees that it is over");
    sim_peer_close(one->peer);
}

static apm_error send_file_for_reuse(stage *on)
{
    reading_peer other = {on->peer, "", 0};
    op one;
    apm_error error = begin_file(on, &one, APM_SEND_FILE_DISCONNECT | APM_SEND_FILE_REUSE_SOCKET);

    if (error == APM_ERROR_SUCCESS) {
        sim_thread *thread = sim_thread_start("peer", read_and_end, &other);

        on->peer = NULL;
        error = finish_file(&one, error);
        if (error != APM_ERROR_SUCCESS) stage_discard(on); /* or the peer would wait */
        sim_thread_join(thread);
        if (error != APM_ERROR_SUCCESS) return error;
        expect(other.count == 8 && memcmp(other.data, "abcdefgh", 8) == 0, "the peer gets all of it");
    } else {
        return finish_file(&one, error);
    }
    error = use_connection(on, apm_socket_connect(on->socket, &on->there));
    if (error != APM_ERROR_SUCCESS) stage_discard(on); /* it has no peer to send to */
    return error;
}

#define SENDS (FAULT(SIM_MEMORY) | FAULT(SIM_TRANSFER))
#define CONNECTS \
    (FAULT(SIM_BIND) | FAULT(SIM_DIAL) | FAULT(SIM_CONTEXT) | FAULT(SIM_SOCKET) | FAULT(SIM_ATTACH) | \
     FAULT(SIM_SET_OPTION) | FAULT(SIM_SHUTDOWN))

const scenario file_scenarios[] = {
    {"send a file", SET_PAIR, send_file, SENDS | FAULT(SIM_FILE), 0, 0, false},
    {"send a file, write behind", SET_PAIR, send_file_behind, SENDS | FAULT(SIM_FILE), 0, 0, false},
    {"send no file", SET_PAIR, send_no_file, SENDS, 0, 0, false},
    {"send a file, disconnect", SET_PAIR, send_file_and_disconnect,
     SENDS | FAULT(SIM_FILE) | FAULT(SIM_SHUTDOWN), 0, 0, false},
    {"send a file, reuse the socket", SET_PAIR, send_file_for_reuse, FAULT(SIM_FILE), SENDS | CONNECTS, 0,
     false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
