/* SPDX-License-Identifier: MIT */
/* What has to fail, say so, and change nothing. */
#include "program.h"

/* A closed socket says so first. */
static void expect(apm_error error, apm_error expected, const call *made, const char *what)
{
    check(error == expected || error == APM_ERROR_OBJECT_DISPOSED, what, made);
}

static apm_socket *other_socket(const call *made)
{
    place *places = made->at->in->places;
    uint32_t i;

    for (i = 0; i < PLACES; i++)
        if (&places[i] != made->at && places[i].socket != NULL) return places[i].socket;
    return NULL;
}

/* The End of another kind; the result stays as it is. */
static void end_wrongly(const call *made)
{
    apm_socket *socket = made->at->socket;
    apm_async_result *result = made->result;
    apm_endpoint from;

    if (made->kind != CALL_CONNECT)
        expect(apm_socket_end_connect(socket, result), APM_ERROR_ARGUMENT, made, "end_connect of it");
    if (made->kind != CALL_DISCONNECT)
        expect(apm_socket_end_disconnect(socket, result), APM_ERROR_ARGUMENT, made, "end_disconnect of it");
    if (made->kind != CALL_SEND || made->letter != LETTER_NONE || made->files)
        expect(apm_socket_end_send(socket, result, NULL), APM_ERROR_ARGUMENT, made, "end_send of it");
    if (made->kind != CALL_RECEIVE || made->letter != LETTER_NONE)
        expect(apm_socket_end_receive(socket, result, NULL), APM_ERROR_ARGUMENT, made, "end_receive of it");
    if (!made->files)
        expect(apm_socket_end_send_file(socket, result), APM_ERROR_ARGUMENT, made, "end_send_file of it");
    if (made->letter != LETTER_FROM)
        expect(apm_socket_end_receive_from(socket, result, NULL, &from), APM_ERROR_ARGUMENT, made,
               "end_receive_from of it");
}

static void end_elsewhere(const call *made)
{
    apm_socket *other = other_socket(made);

    if (other == NULL) return;
    if (made->kind == CALL_RECEIVE)
        expect(apm_socket_end_receive(other, made->result, NULL), APM_ERROR_ARGUMENT, made,
               "the End of another socket");
    else
        expect(apm_socket_end_connect(other, made->result), APM_ERROR_ARGUMENT, made,
               "the End of another socket");
}

static void APM_CALL never(apm_async_result *result)
{
    (void)result;
    sim_fail("a callback of what was never begun");
}

static void begin_nonsense(const call *made)
{
    apm_socket *socket = made->at->socket;
    apm_endpoint nowhere = {0};
    apm_async_result *result = NULL;
    unsigned char byte = 0;

    expect(apm_socket_begin_send(socket, NULL, 1, 0, never, NULL, &result), APM_ERROR_ARGUMENT_NULL, made,
           "a send of nothing there");
    expect(apm_socket_begin_receive(socket, &byte, SIZE_MAX, 0, never, NULL, &result),
           APM_ERROR_ARGUMENT_OUT_OF_RANGE, made, "a receive of too much");
    expect(apm_socket_begin_connect(socket, &nowhere, never, NULL, &result), APM_ERROR_ARGUMENT, made,
           "a connect to no endpoint");
    expect(apm_socket_begin_connect_many(socket, NULL, 1, never, NULL, &result), APM_ERROR_ARGUMENT_NULL,
           made, "a connect to no list");
    expect(apm_socket_begin_send_to(socket, &byte, 1, 0, NULL, never, NULL, &result), APM_ERROR_ARGUMENT_NULL,
           made, "a datagram to nobody");
    expect(apm_socket_begin_send_buffers(socket, NULL, 1, 0, never, NULL, &result), APM_ERROR_ARGUMENT_NULL,
           made, "a send of no list");
    check(result == NULL, "Begin failed and gave a result", made);
}

void call_misuse(call *made, uint64_t *stream)
{
    switch (draw(stream, 4)) {
    case 0: end_wrongly(made); break;
    case 1: end_elsewhere(made); break;
    case 2: begin_nonsense(made); break;
    default:
        expect(apm_socket_end_receive(made->at->socket, NULL, NULL), APM_ERROR_ARGUMENT_NULL, made,
               "an End of nothing");
        check(apm_socket_end_send(NULL, made->result, NULL) == APM_ERROR_ARGUMENT_NULL, "an End of no socket",
              made);
        break;
    }
}
