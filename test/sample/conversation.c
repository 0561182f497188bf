/* SPDX-License-Identifier: MIT */
#include "conversation.h"

#include <stdio.h>
#include <string.h>

static void end_conversation(conversation *talk, apm_error error)
{
    talk->error = error;
    (void)apm_socket_close(talk->socket);
    talk->over(talk->context);
}

static void APM_CALL on_received(apm_async_result *result)
{
    conversation *talk = (conversation *)apm_async_result_state(result);
    size_t received = 0;
    apm_error error = apm_socket_end_receive(talk->socket, result, &received);

    if (error == APM_ERROR_SUCCESS && received != 0) {
        (void)fwrite(talk->answer, 1, received, stdout);
        error = apm_socket_begin_receive(talk->socket, talk->answer, sizeof talk->answer, APM_FLAG_NONE,
                                         on_received, talk, NULL);
        if (error == APM_ERROR_SUCCESS) return;
    }
    end_conversation(talk, error); /* the server's end, or an error */
}

static void APM_CALL on_sent(apm_async_result *result)
{
    conversation *talk = (conversation *)apm_async_result_state(result);
    apm_error error = apm_socket_end_send(talk->socket, result, NULL);

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_begin_receive(talk->socket, talk->answer, sizeof talk->answer, APM_FLAG_NONE,
                                         on_received, talk, NULL);
    if (error != APM_ERROR_SUCCESS) end_conversation(talk, error);
}

static void APM_CALL on_connected(apm_async_result *result)
{
    conversation *talk = (conversation *)apm_async_result_state(result);
    apm_error error = apm_socket_end_connect(talk->socket, result);

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_begin_send(talk->socket, talk->line, strlen(talk->line), APM_FLAG_NONE, on_sent,
                                      talk, NULL);
    if (error != APM_ERROR_SUCCESS) end_conversation(talk, error);
}

apm_error conversation_begin(conversation *talk, const char *server, const char *line)
{
    apm_endpoint remote;
    apm_error error = apm_endpoint_parse(server, &remote);

    if (error != APM_ERROR_SUCCESS) return error;
    error =
        apm_socket_create(apm_endpoint_family(&remote), APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &talk->socket);
    if (error != APM_ERROR_SUCCESS) return error;
    talk->line = line;
    error = apm_socket_begin_connect(talk->socket, &remote, on_connected, talk, NULL);
    if (error != APM_ERROR_SUCCESS) (void)apm_socket_close(talk->socket);
    return error;
}
