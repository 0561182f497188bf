/* SPDX-License-Identifier: MIT */
/* The server's side of one connection. */
#ifndef DEMO_CONVERSATION_H
#define DEMO_CONVERSATION_H

#include <winsock2.h>

typedef struct conversation conversation;

/* Takes over a connected socket that does not block; NULL when there is no memory, and the
 * socket is still the caller's. */
conversation *conversation_new(SOCKET socket);

typedef enum conversation_state {
    CONVERSATION_OVER,
    CONVERSATION_WAITS,
    CONVERSATION_GOES_ON
} conversation_state;

/* Goes on as far as it can without waiting, but not for long: others have their turn, too. */
conversation_state conversation_advance(conversation *self);

/* Closes the connection. */
void conversation_free(conversation *self);

#endif
