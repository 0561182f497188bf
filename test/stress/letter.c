/* SPDX-License-Identifier: MIT */
/*
 * Letters: datagrams to and from anybody. Also what these members are on a stream: the
 * others, but for an address that nobody needs.
 */
#include <string.h>

#include "program.h"

static const place *draw_receiver(const call *made, uint64_t *stream)
{
    const place *to = &made->at->in->places[draw(stream, PLACES)];

    return to->free && to->socket != NULL && to->family == made->at->family ? to : made->at;
}

static bool is_letter(const place *at, enum call_kind kind, uint64_t *stream)
{
    if (at->free) return true;
    if (at->datagram) return kind == CALL_RECEIVE && draw(stream, 3) == 0;
    return draw(stream, 12) == 0;
}

void letter_draw(call *made, uint64_t *stream)
{
    const place *at = made->at;

    if (!is_letter(at, made->kind, stream)) return;
    made->parts = 0;
    made->files = false;
    if (made->kind == CALL_SEND) {
        made->letter = LETTER_TO;
        made->to = at->free ? draw_receiver(made, stream) : at;
    } else {
        bool details = draw(stream, at->datagram ? 2 : 20) == 0;
        made->letter = details ? LETTER_MESSAGE : LETTER_FROM;
    }
}

apm_error letter_begin(call *made, apm_async_callback callback, apm_async_result **result)
{
    apm_socket *socket = made->at->socket;
    int32_t flags = made->peeks ? APM_FLAG_PEEK : 0;
    apm_endpoint remote;
    apm_error error;

    if (made->letter == LETTER_FROM)
        return apm_socket_begin_receive_from(socket, made->data, made->size, flags, callback, made, result);
    if (made->letter == LETTER_MESSAGE)
        return apm_socket_begin_receive_message_from(socket, made->data, made->size, flags, callback, made,
                                                     result);
    remote = made->to->remote;
    error = apm_socket_begin_send_to(socket, made->data, made->size, 0, &remote, callback, made, result);
    memset(&remote, 0xEE, sizeof remote); /* it is not needed for longer */
    return error;
}

/* What it says of the sender is the caller's own until it has won. */
apm_error letter_end(call *made, apm_async_result *result, size_t *bytes)
{
    apm_socket *socket = made->at->socket;
    apm_packet_information information;
    apm_endpoint from;
    int32_t flags = 0;
    apm_error error;

    if (made->letter == LETTER_TO) return apm_socket_end_send_to(socket, result, bytes);
    memset(&from, 0, sizeof from);
    memset(&information, 0, sizeof information);
    if (made->letter == LETTER_FROM)
        error = apm_socket_end_receive_from(socket, result, bytes, &from);
    else
        error = apm_socket_end_receive_message_from(socket, result, bytes, &flags, &from, &information);
    if (error != APM_ERROR_SUCCESS && error != APM_ERROR_MESSAGE_SIZE) return error;
    made->from = from;
    made->flags = flags;
    made->information = information;
    return error;
}
