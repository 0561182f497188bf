/* SPDX-License-Identifier: MIT */
/* Datagrams. */
#include <apmsock/datagram.h>
#include <string.h>

#include "stage.h"

enum { LIST = 100 };

/* The other socket has what was sent. */
static void check_other_gets(stage *on, const char *data, size_t size)
{
    apm_endpoint from;
    char here[LIST + 1] = "";
    apm_async_result *result = NULL;
    size_t bytes = 0;

    point_calm(true);
    expect(apm_socket_begin_receive_from(on->other, here, sizeof here, 0, NULL, NULL, &result) ==
               APM_ERROR_SUCCESS,
           "the other one receives");
    expect(apm_socket_end_receive_from(on->other, result, &bytes, &from) == APM_ERROR_SUCCESS &&
               bytes == size && memcmp(here, data, size) == 0,
           "what was sent");
    apm_async_result_release(result);
    point_calm(false);
}

/* A datagram is there to be received, be it that the last act did not take it. */
static void await_bytes(stage *on, const char *data, size_t size)
{
    apm_async_result *result = NULL;
    apm_endpoint to;
    size_t bytes = 0;

    point_calm(true);
    expect(apm_socket_available(on->socket, &bytes) == APM_ERROR_SUCCESS, "it can be asked");
    if (bytes == 0) {
        expect(apm_socket_local_endpoint(on->socket, &to) == APM_ERROR_SUCCESS, "it is bound");
        expect(apm_socket_begin_send_to(on->other, data, size, 0, &to, NULL, NULL, &result) ==
                   APM_ERROR_SUCCESS,
               "the other one sends");
        expect(apm_socket_end_send_to(on->other, result, &bytes) == APM_ERROR_SUCCESS && bytes == size,
               "all");
        apm_async_result_release(result);
    }
    point_calm(false);
}

static apm_error send_to(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send_to);
    apm_error error = op_finish(
        &one, apm_socket_begin_send_to(on->socket, "abc", 3, 0, &on->other_at, op_called, &one, &one.result));

    if (error == APM_ERROR_SUCCESS) check_other_gets(on, "abc", 3);
    return error;
}

/* The kernel binds the socket that sends; one that has not sent is not bound. */
static apm_error send_unbound(stage *on)
{
    apm_socket *socket = NULL;
    apm_error error;
    char here;
    op one;

    point_calm(true);
    expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &socket) ==
               APM_ERROR_SUCCESS,
           "a datagram socket");
    point_calm(false);
    one = op_of(on, socket, apm_socket_end_send_to);
    error = op_finish(
        &one, apm_socket_begin_send_to(socket, "abc", 3, 0, &on->other_at, op_called, &one, &one.result));
    if (error != APM_ERROR_SUCCESS)
        expect(apm_socket_begin_receive_from(socket, &here, 1, 0, NULL, NULL, NULL) ==
                   APM_ERROR_INVALID_OPERATION,
               "what could not send is not bound");
    if (error == APM_ERROR_SUCCESS) check_other_gets(on, "abc", 3);
    expect(apm_socket_close(socket) == APM_ERROR_SUCCESS, "it closes");
    return error;
}

/* More buffers than a call of the kernel takes: they go by way of a copy. */
static apm_error send_long_list(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_send);
    apm_buffer list[LIST];
    char data[LIST];
    apm_error error = APM_ERROR_SUCCESS;
    size_t i;

    for (i = 0; i < LIST; i++) {
        data[i] = (char)('a' + i % 23);
        list[i].data = &data[i];
        list[i].size = 1;
    }
    if (!apm_socket_connected(on->socket)) error = apm_socket_connect(on->socket, &on->other_at);
    if (error != APM_ERROR_SUCCESS) return error;
    error = op_finish(&one,
                      apm_socket_begin_send_buffers(on->socket, list, LIST, 0, op_called, &one, &one.result));
    if (error == APM_ERROR_SUCCESS) check_other_gets(on, data, LIST);
    return error;
}

/* As many buffers to receive into: a datagram is cut into them from the copy. What could not be
 * received is there for the next one. */
static apm_error receive_long_list(stage *on)
{
    op one = op_of(on, on->socket, apm_socket_end_receive);
    char data[LIST], here[LIST] = "";
    apm_buffer list[LIST];
    apm_error error;
    size_t i;

    for (i = 0; i < LIST; i++) {
        data[i] = (char)('a' + i % 23);
        list[i].data = &here[i];
        list[i].size = 1;
    }
    if (!apm_socket_connected(on->socket)) {
        error = apm_socket_connect(on->socket, &on->other_at);
        if (error != APM_ERROR_SUCCESS) return error;
    }
    await_bytes(on, data, LIST);
    error = op_finish(
        &one, apm_socket_begin_receive_buffers(on->socket, list, LIST, 0, op_called, &one, &one.result));
    if (error == APM_ERROR_SUCCESS)
        expect(one.bytes == LIST && memcmp(here, data, LIST) == 0, "the datagram, over all buffers");
    return error;
}

static apm_endpoint source;
static int32_t flags_seen;
static apm_packet_information information_seen;

static apm_error end_from(apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    return apm_socket_end_receive_from(socket, result, bytes, &source);
}

static apm_error end_message(apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    return apm_socket_end_receive_message_from(socket, result, bytes, &flags_seen, &source,
                                               &information_seen);
}

typedef apm_error(APM_CALL *begin_function)(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                            apm_async_callback callback, void *state,
                                            apm_async_result **result);

static apm_error receive_by(stage *on, begin_function begin, end_function end)
{
    op one = op_of(on, on->socket, end);
    char here[8] = "";
    apm_error error;

    await_bytes(on, "xyz", 3);
    error = op_finish(&one, begin(on->socket, here, sizeof here, 0, op_called, &one, &one.result));
    if (error != APM_ERROR_SUCCESS) return error;
    expect(one.bytes == 3 && memcmp(here, "xyz", 3) == 0, "the datagram");
    expect(apm_endpoint_equal(&source, &on->other_at), "from the other one");
    return error;
}

static apm_error receive_from(stage *on)
{
    return receive_by(on, apm_socket_begin_receive_from, end_from);
}

static apm_error receive_message_from(stage *on)
{
    return receive_by(on, apm_socket_begin_receive_message_from, end_message);
}

static apm_error set_broadcast(stage *on)
{
    return apm_socket_set_option(on->socket, APM_SOCKET_OPTION_BROADCAST, 1);
}

static apm_error set_connection_reset(stage *on)
{
    return apm_socket_set_option(on->socket, APM_SOCKET_OPTION_UDP_CONNECTION_RESET, 0);
}

#define MOVES (FAULT(SIM_MEMORY) | FAULT(SIM_TRANSFER))

const scenario datagram_scenarios[] = {
    {"send to", SET_DATAGRAMS, send_to, MOVES, 0, 0, false},
    {"send to, unbound", SET_DATAGRAMS, send_unbound, MOVES, 0, 0, false},
    {"send a long list, datagrams", SET_DATAGRAMS, send_long_list, MOVES | FAULT(SIM_DIAL), 0, 0, false},
    {"receive a long list, datagrams", SET_DATAGRAMS, receive_long_list, MOVES | FAULT(SIM_DIAL), 0, 0,
     false},
    {"receive from", SET_DATAGRAMS, receive_from, MOVES, 0, 0, false},
    {"receive message from", SET_DATAGRAMS, receive_message_from, MOVES | FAULT(SIM_SET_OPTION), 0, 0, false},
    {"set broadcast", SET_DATAGRAMS, set_broadcast, FAULT(SIM_MEMORY) | FAULT(SIM_SET_OPTION), 0, 0, false},
    {"set the connection reset", SET_DATAGRAMS, set_connection_reset, FAULT(SIM_CONTROL), 0, 0, false},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
