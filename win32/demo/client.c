/* SPDX-License-Identifier: MIT */
/*
 * The sample's client: begin an operation, and wait for the event which its callback sets.
 *
 * 1. A callback Ends its operation, notes how that went and sets the event, on an error as
 *    much as on success: whoever waits always goes on. It does nothing slow, such as
 *    printing; that is for the thread that waits.
 * 2. Setting the event is the last thing a callback does with the client, which may be gone
 *    a moment later.
 * 3. An event is reset before its Begin, and set again if Begin fails, since there is no
 *    callback then. So a set event means: nothing of the kind is under way.
 * 4. Every wait gets what is left of the time. When that is over the socket is closed; every
 *    operation still under way then calls back, soon and once; and only after that does the
 *    client go away. Nothing comes late to memory that has been freed.
 */
#include "client.h"

#include "console.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RECEIVE_SIZE = 256 };

typedef struct client {
    apm_socket *socket;
    apm_manual_reset_event *connect_done;
    apm_manual_reset_event *send_done;
    apm_manual_reset_event *receive_done;
    apm_error connect_error; /* each is the callback's until its event is set */
    apm_error send_error;
    apm_error receive_error;
    size_t sent;
    bytes response;
    char buffer[RECEIVE_SIZE];
} client;

/* ---- connect --------------------------------------------------------------------------- */

static void APM_CALL on_connected(apm_async_result *result)
{
    client *self = apm_async_result_state(result);
    self->connect_error = apm_socket_end_connect(self->socket, result);
    apm_manual_reset_event_set(self->connect_done);
}

static apm_error begin_connect(client *self, const apm_endpoint *remote)
{
    apm_manual_reset_event_reset(self->connect_done);
    apm_error error = apm_socket_begin_connect(self->socket, remote, on_connected, self, NULL);
    if (error != 0) apm_manual_reset_event_set(self->connect_done);
    return error;
}

/* ---- send ------------------------------------------------------------------------------ */

static void APM_CALL on_sent(apm_async_result *result)
{
    client *self = apm_async_result_state(result);
    self->send_error = apm_socket_end_send(self->socket, result, &self->sent);
    apm_manual_reset_event_set(self->send_done);
}

/* One Begin is enough for a message of any size: it completes when all of it is sent. */
static apm_error begin_send(client *self, const bytes *message)
{
    apm_manual_reset_event_reset(self->send_done);
    apm_error error =
        apm_socket_begin_send(self->socket, message->data, message->size, 0, on_sent, self, NULL);
    if (error != 0) apm_manual_reset_event_set(self->send_done);
    return error;
}

/* ---- receive --------------------------------------------------------------------------- */

static void APM_CALL on_received(apm_async_result *result)
{
    client *self = apm_async_result_state(result);
    size_t received = 0;
    apm_error error = apm_socket_end_receive(self->socket, result, &received);
    if (error == 0 && received > 0) {
        error = APM_ERROR_OUT_OF_MEMORY;
        if (bytes_append(&self->response, self->buffer, received))
            error = apm_socket_begin_receive(self->socket, self->buffer, sizeof self->buffer, 0, on_received,
                                             self, NULL);
        if (error == 0) return; /* the next callback is in charge, and may have run already */
    }
    self->receive_error = error;
    apm_manual_reset_event_set(self->receive_done);
}

/* Begins to receive until the server ends its stream. */
static apm_error begin_receive(client *self)
{
    apm_manual_reset_event_reset(self->receive_done);
    apm_error error =
        apm_socket_begin_receive(self->socket, self->buffer, sizeof self->buffer, 0, on_received, self, NULL);
    if (error != 0) apm_manual_reset_event_set(self->receive_done);
    return error;
}

/* ---- the client ------------------------------------------------------------------------ */

/* The events are born set: nothing is under way. */
static apm_error open_client(client *self)
{
    *self = (client){0};
    apm_error error = apm_manual_reset_event_create(true, &self->connect_done);
    if (error == 0) error = apm_manual_reset_event_create(true, &self->send_done);
    if (error == 0) error = apm_manual_reset_event_create(true, &self->receive_done);
    return error;
}

/* Closes the socket, and waits until no callback has anything to do with it any more. */
static void close_socket(client *self)
{
    if (self->socket == NULL) return;
    apm_socket_close(self->socket);
    apm_manual_reset_event_wait_one(self->connect_done, APM_INFINITE);
    apm_manual_reset_event_wait_one(self->send_done, APM_INFINITE);
    apm_manual_reset_event_wait_one(self->receive_done, APM_INFINITE);
    self->socket = NULL;
}

static void close_client(client *self)
{
    close_socket(self);
    apm_manual_reset_event_close(self->connect_done);
    apm_manual_reset_event_close(self->send_done);
    apm_manual_reset_event_close(self->receive_done);
    bytes_free(&self->response);
}

/* ---- the conversation ------------------------------------------------------------------ */

/* What to call the server: its address, after its name if it has one. */
static void describe(const client_task *task, const apm_endpoint *remote, char *text, size_t size)
{
    char address[APM_ENDPOINT_TEXT_SIZE];
    apm_endpoint_format(remote, address, sizeof address);
    if (task->name != NULL) {
        snprintf(text, size, "%s (%s)", task->name, address);
    } else {
        snprintf(text, size, "%s", address);
    }
}

/* On success the client has a connected socket, otherwise none. *in_time is false when the
 * error is that the time was over. */
static apm_error try_address(client *self, const apm_endpoint *remote, uint32_t timeout, bool *in_time)
{
    *in_time = true;
    apm_error error =
        apm_socket_create(apm_endpoint_family(remote), APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &self->socket);
    if (error != 0) return error;
    error = begin_connect(self, remote);
    if (error == 0) {
        error = apm_manual_reset_event_wait_one(self->connect_done, timeout);
        *in_time = error != APM_ERROR_TIMED_OUT;
        if (error == 0) error = self->connect_error;
    }
    if (error != 0) close_socket(self);
    return error;
}

/* One address after the other. Each gets its part of the time that is left, so that one
 * which does not answer leaves time for the next. */
static bool connect_to_server(client *self, const client_task *task, char *server, size_t size)
{
    apm_error error = APM_ERROR_HOST_NOT_FOUND;
    bool in_time = true;
    for (size_t i = 0; i < task->address_count; i++) {
        uint32_t part = deadline_left(&task->limit) / (uint32_t)(task->address_count - i);
        describe(task, &task->addresses[i], server, size);
        error = try_address(self, &task->addresses[i], part, &in_time);
        if (error == 0) return true;
    }
    if (in_time) {
        console_fail_because(error, "cannot connect to %s", server);
    } else {
        console_fail("cannot connect to %s: no answer within %" PRIu32 " ms (%s)", server,
                     task->limit.timeout, apm_error_name(APM_ERROR_TIMED_OUT));
    }
    return false;
}

static bool print_endpoint(client *self)
{
    char text[APM_ENDPOINT_TEXT_SIZE];
    apm_endpoint remote;
    apm_error error = apm_socket_remote_endpoint(self->socket, &remote);
    if (error != 0) {
        console_fail_because(error, "cannot tell who the server is");
        return false;
    }
    apm_endpoint_format(&remote, text, sizeof text);
    return console_print("Socket connected to %s\n", text);
}

/* How the send went. When the time is over the socket is closed and *in_time is false. */
static apm_error await_send(client *self, uint32_t timeout, bool *in_time)
{
    *in_time = true;
    apm_error error = apm_manual_reset_event_wait_one(self->send_done, timeout);
    if (error == 0) return self->send_error;
    if (error != APM_ERROR_TIMED_OUT) return error;
    close_socket(self);
    /* Not every system tells a waiting send that the connection has broken, but a waiting receive
     * is always told. */
    *in_time = self->receive_error != 0 && self->receive_error != APM_ERROR_OBJECT_DISPOSED;
    return *in_time ? self->receive_error : error;
}

static bool send_message(client *self, const client_task *task, const char *server)
{
    bool in_time = true;
    apm_error error = begin_send(self, task->message);
    if (error == 0) error = await_send(self, deadline_left(&task->limit), &in_time);
    if (error == 0 && !console_print("Sent %" PRIu64 " bytes to server.\n", (uint64_t)self->sent))
        return false;
    if (error == 0 && task->end_stream) error = apm_socket_shutdown(self->socket, APM_SHUTDOWN_SEND);
    if (!in_time) {
        console_fail("cannot send to %s: not everything was taken within %" PRIu32 " ms (%s)", server,
                     task->limit.timeout, apm_error_name(error));
    } else if (error != 0) {
        console_fail_because(error, "cannot send to %s", server);
    }
    return error == 0;
}

static bool await_response(client *self, const client_task *task, const char *server)
{
    apm_error error = apm_manual_reset_event_wait_one(self->receive_done, deadline_left(&task->limit));
    if (error == APM_ERROR_TIMED_OUT) {
        close_socket(self); /* from here on the client is ours alone */
        if (self->response.size == 0) {
            console_fail("no answer from %s within %" PRIu32 " ms (%s)", server, task->limit.timeout,
                         apm_error_name(error));
        } else {
            console_fail("%s has sent %" PRIu64 " bytes, but not closed the connection within %" PRIu32
                         " ms (%s)",
                         server, (uint64_t)self->response.size, task->limit.timeout, apm_error_name(error));
        }
        return false;
    }
    if (error == 0) error = self->receive_error;
    if (error != 0) console_fail_because(error, "cannot receive from %s", server);
    return error == 0;
}

/* The response as it came: what is not UTF-8 is somebody else's to judge. */
static bool print_response(const bytes *response)
{
    return console_write("Response received : ", 20) && console_write(response->data, response->size) &&
           console_write("\n", 1);
}

bool client_run(const client_task *task)
{
    client self;
    char server[512];
    bool good = false;
    apm_error error = open_client(&self);
    if (error != 0) console_fail_because(error, "cannot make an event");
    if (error == 0 && connect_to_server(&self, task, server, sizeof server) && print_endpoint(&self)) {
        /* Before the send, not after it: a server may answer while a long message is still on
         * its way, and would otherwise wait for us while we wait for it. */
        error = begin_receive(&self);
        if (error != 0) console_fail_because(error, "cannot receive from %s", server);
        good = error == 0 && send_message(&self, task, server) && await_response(&self, task, server);
        if (good) {
            apm_socket_shutdown(self.socket, APM_SHUTDOWN_BOTH);
            close_socket(&self);
            good = print_response(&self.response);
        }
    }
    close_client(&self);
    return good;
}
