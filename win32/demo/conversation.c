/* SPDX-License-Identifier: MIT */
/*
 * 1. LISTENING: collect until the text contains <EOF>, or the client has ended its stream.
 * 2. ANSWERING: send all of it back, then end the stream.
 * 3. PARTING: discard what still comes until the client has ended its stream, too. To close
 *    before that would send a reset, which can destroy the answer on its way.
 * A reset, at any time, is a client that has left: it ends this conversation and no more.
 */
#include "conversation.h"

#include "bytes.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

enum { RECEIVE_SIZE = 1 << 16, SEND_SIZE = 1 << 20 };

typedef enum phase { LISTENING, ANSWERING, PARTING } phase;

struct conversation {
    SOCKET socket;
    phase phase;
    bytes text;
    size_t answered;
};

enum { STEPS = 16 }; /* in a row */

typedef conversation_state step;

static step step_after_failure(void)
{
    return WSAGetLastError() == WSAEWOULDBLOCK ? CONVERSATION_WAITS : CONVERSATION_OVER;
}

static step listen_on(conversation *self)
{
    size_t before = self->text.size;
    char *end = bytes_reserve(&self->text, RECEIVE_SIZE);
    if (end == NULL) return CONVERSATION_OVER;
    int got = recv(self->socket, end, RECEIVE_SIZE, 0);
    if (got == SOCKET_ERROR) return step_after_failure();
    self->text.size += (size_t)got;
    /* The mark may have begun in what came earlier. */
    size_t overlap = sizeof MESSAGE_END - 2;
    size_t from = before > overlap ? before - overlap : 0;
    if (got == 0 || bytes_contain(self->text.data, self->text.size, MESSAGE_END, from))
        self->phase = ANSWERING;
    return CONVERSATION_GOES_ON;
}

static step answer(conversation *self)
{
    size_t left = self->text.size - self->answered;
    if (left > 0) {
        int size = left < SEND_SIZE ? (int)left : SEND_SIZE;
        int sent = send(self->socket, self->text.data + self->answered, size, 0);
        if (sent == SOCKET_ERROR) return step_after_failure();
        self->answered += (size_t)sent;
        return CONVERSATION_GOES_ON;
    }
    self->phase = PARTING;
    return shutdown(self->socket, SD_SEND) == 0 ? CONVERSATION_GOES_ON : CONVERSATION_OVER;
}

static step part(conversation *self)
{
    char rest[4096];
    int got = recv(self->socket, rest, sizeof rest, 0);
    if (got == SOCKET_ERROR) return step_after_failure();
    return got > 0 ? CONVERSATION_GOES_ON : CONVERSATION_OVER;
}

conversation *conversation_new(SOCKET socket)
{
    conversation *self = calloc(1, sizeof *self);
    if (self != NULL) self->socket = socket;
    return self;
}

conversation_state conversation_advance(conversation *self)
{
    step next = CONVERSATION_GOES_ON;
    for (int i = 0; i < STEPS && next == CONVERSATION_GOES_ON; i++) {
        switch (self->phase) {
        case LISTENING: next = listen_on(self); break;
        case ANSWERING: next = answer(self); break;
        case PARTING: next = part(self); break;
        }
    }
    return next;
}

void conversation_free(conversation *self)
{
    closesocket(self->socket);
    bytes_free(&self->text);
    free(self);
}
