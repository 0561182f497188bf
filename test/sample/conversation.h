/* SPDX-License-Identifier: MIT */
/*
 * What the samples do: send a line to a server and print what it answers, to its end. Every step is
 * a callback that begins the next one, so this is the same wherever callbacks run.
 */
#ifndef SAMPLE_CONVERSATION_H
#define SAMPLE_CONVERSATION_H

#include <apmsock/apmsock.h>

typedef struct conversation {
    apm_socket *socket;
    const char *line;
    char answer[256];
    apm_error error;             /* what it ended with */
    void (*over)(void *context); /* called at its end, as a callback */
    void *context;
} conversation;

/* `server` is "ADDRESS:PORT". What is returned is no callback's: nothing has begun then. */
apm_error conversation_begin(conversation *talk, const char *server, const char *line);

#endif
