/* SPDX-License-Identifier: MIT */
/* The client: one conversation with a server, the .NET sample's three steps. */
#ifndef DEMO_CLIENT_H
#define DEMO_CLIENT_H

#include "bytes.h"
#include "deadline.h"

#include <apmsock/apmsock.h>

typedef struct client_task {
    const char *name;              /* the server as the user named it, to say so; NULL: by its address */
    const apm_endpoint *addresses; /* of the server; tried in this order */
    size_t address_count;
    const bytes *message;
    bool end_stream; /* whether to end our stream after the message */
    deadline limit;  /* for everything together */
} client_task;

/* Prints three lines and returns true; or says in one line on the standard error output
 * what went wrong and returns false. Blocks for not much longer than the limit. */
bool client_run(const client_task *task);

#endif
