/* SPDX-License-Identifier: MIT */
/*
 * The server of the .NET sample, on a thread: it sends back what it got, once that contains
 * <EOF> or the client has ended its stream, and closes. Plain Winsock: apmsock is for clients.
 */
#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include <apmsock/apmsock.h>

typedef struct server server;

/* Listens on `local` (port 0: any free one). The caller gives it back with server_stop. */
apm_error server_start(const apm_endpoint *local, server **started);

/* Where it listens. */
apm_endpoint server_endpoint(const server *self);

/* Blocks for as long as it serves. */
void server_wait(const server *self);

/* Closes everything; joins the thread. NULL is harmless. */
void server_stop(server *self);

#endif
