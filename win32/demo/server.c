/* SPDX-License-Identifier: MIT */
/*
 * One thread, and nothing shared with it but two events: `stop`, and `ready`, which Winsock
 * sets when any of the sockets can go on. None of them blocks, and they take turns, so that neither a
 * silent client nor one that never stops keeps the others waiting, and the thread can always be stopped.
 */
#include "server.h"

#include "conversation.h"

#include <stdbool.h>
#include <stdlib.h>

typedef struct connection {
    struct connection *next;
    conversation *talk;
} connection;

struct server {
    SOCKET listener;
    WSAEVENT stop;
    WSAEVENT ready;
    HANDLE thread;
    bool has_clients; /* that nobody has accepted */
    connection *connections;
    apm_endpoint endpoint;
};

static void admit(server *self, SOCKET accepted)
{
    connection *one = malloc(sizeof *one);
    conversation *talk = conversation_new(accepted);
    if (one != NULL && talk != NULL &&
        WSAEventSelect(accepted, self->ready, FD_READ | FD_WRITE | FD_CLOSE) == 0) {
        *one = (connection){.next = self->connections, .talk = talk};
        self->connections = one;
        return;
    }
    if (talk != NULL) {
        conversation_free(talk);
    } else {
        closesocket(accepted);
    }
    free(one);
}

/*
 * One for each FD_ACCEPT: Winsock tells of the next client once this one has been accepted. To accept
 * what it has not told of is a mistake under Wine: its notice, which is then on its way already, finds
 * no client, and Wine tells of no other one until an accept has succeeded.
 */
static void accept_next(server *self)
{
    WSANETWORKEVENTS seen;
    if (WSAEnumNetworkEvents(self->listener, NULL, &seen) == 0 && (seen.lNetworkEvents & FD_ACCEPT) != 0)
        self->has_clients = true;
    if (!self->has_clients) return;
    SOCKET accepted = accept(self->listener, NULL, NULL);
    if (accepted != INVALID_SOCKET) {
        self->has_clients = false;
        admit(self, accepted);
    } else if (WSAGetLastError() == WSAEWOULDBLOCK) {
        self->has_clients = false;
    } else if (WSAGetLastError() == WSAECONNRESET) { /* this one has left already */
        WSASetEvent(self->ready);
    } /* what the system has too little for waits for the next turn */
}

static void advance_all(server *self)
{
    connection **link = &self->connections;
    while (*link != NULL) {
        connection *one = *link;
        conversation_state state = conversation_advance(one->talk);
        if (state == CONVERSATION_GOES_ON) WSASetEvent(self->ready); /* in its next turn */
        if (state != CONVERSATION_OVER) {
            link = &one->next;
        } else {
            *link = one->next;
            conversation_free(one->talk);
            free(one);
        }
    }
}

static DWORD WINAPI run_server(void *argument)
{
    server *self = argument;
    HANDLE events[] = {self->stop, self->ready};
    while (WaitForMultipleObjects(2, events, FALSE, INFINITE) == WAIT_OBJECT_0 + 1) {
        WSAResetEvent(self->ready); /* before looking: what happens meanwhile sets it again */
        accept_next(self);
        advance_all(self);
    }
    while (self->connections != NULL) {
        connection *one = self->connections;
        self->connections = one->next;
        conversation_free(one->talk);
        free(one);
    }
    return 0;
}

static apm_error open_listener(server *self, const apm_endpoint *local)
{
    BOOL alone = TRUE; /* nobody else may listen on the same port */
    int length = (int)sizeof self->endpoint.address;
    self->listener = socket(apm_endpoint_family(local), SOCK_STREAM, IPPROTO_TCP);
    if (self->listener == INVALID_SOCKET ||
        setsockopt(self->listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&alone, sizeof alone) !=
            0 ||
        bind(self->listener, (const struct sockaddr *)local->address, local->length) != 0 ||
        listen(self->listener, SOMAXCONN) != 0 ||
        getsockname(self->listener, (struct sockaddr *)self->endpoint.address, &length) != 0 ||
        WSAEventSelect(self->listener, self->ready, FD_ACCEPT) != 0)
        return WSAGetLastError();
    self->endpoint.length = length;
    return 0;
}

apm_error server_start(const apm_endpoint *local, server **started)
{
    WSADATA data;
    apm_error error = WSAStartup(MAKEWORD(2, 2), &data);
    if (error != 0) return error;
    server *self = calloc(1, sizeof *self);
    if (self == NULL) {
        WSACleanup();
        return APM_ERROR_OUT_OF_MEMORY;
    }
    self->listener = INVALID_SOCKET;
    self->stop = WSACreateEvent();
    self->ready = WSACreateEvent();
    if (self->stop == WSA_INVALID_EVENT || self->ready == WSA_INVALID_EVENT) {
        error = APM_ERROR_OUT_OF_MEMORY;
    } else {
        error = open_listener(self, local);
    }
    if (error == 0) {
        self->thread = CreateThread(NULL, 0, run_server, self, 0, NULL);
        if (self->thread == NULL) error = APM_ERROR_OUT_OF_MEMORY;
    }
    if (error == 0) {
        *started = self;
    } else {
        server_stop(self);
    }
    return error;
}

apm_endpoint server_endpoint(const server *self)
{
    return self->endpoint;
}

void server_wait(const server *self)
{
    WaitForSingleObject(self->thread, INFINITE);
}

void server_stop(server *self)
{
    if (self == NULL) return;
    if (self->thread != NULL) {
        WSASetEvent(self->stop);
        WaitForSingleObject(self->thread, INFINITE);
        CloseHandle(self->thread);
    }
    if (self->listener != INVALID_SOCKET) closesocket(self->listener);
    if (self->ready != WSA_INVALID_EVENT) WSACloseEvent(self->ready);
    if (self->stop != WSA_INVALID_EVENT) WSACloseEvent(self->stop);
    free(self);
    WSACleanup();
}
