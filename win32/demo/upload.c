/* SPDX-License-Identifier: MIT */
/*
 * The standard input cannot be read without blocking, whatever it is, so a thread of its own
 * reads it. Its buffers go round:
 *
 * 1. FREE: the event is set. The thread waits for that, and reads into the buffer.
 * 2. SENDING: the event is reset. The thread goes on with the next buffer, which may be under
 *    way, too: sends go out in the order of Begin.
 * 3. The callback sets the event: FREE again.
 *
 * So there are BUFFERS times BUFFER_SIZE bytes in flight at most, and a server that does not
 * read keeps the input from being read. The stream is ended when all buffers are free.
 *
 * Nobody waits for the thread, which may wait for somebody to type. So the memory belongs to
 * the caller, the thread and each operation under way; who leaves last frees it.
 */
#include "upload.h"

#include "input.h"

#include <stdlib.h>

#include <windows.h>

enum { BUFFERS = 4, BUFFER_SIZE = 1 << 16 };

typedef struct outgoing {
    upload *whole;
    apm_manual_reset_event *is_free;
    char data[BUFFER_SIZE];
} outgoing;

struct upload {
    LONG owners;
    apm_socket *socket;
    apm_manual_reset_event *over;
    volatile LONG settled; /* whether it is known how it ended; volatile as Interlocked wants it */
    apm_error error;       /* these two are for the one who settles it, until it is over */
    upload_step step;
    outgoing buffers[BUFFERS];
};

void upload_leave(upload *self)
{
    if (self == NULL || InterlockedDecrement(&self->owners) > 0) return;
    for (size_t i = 0; i < BUFFERS; i++) apm_manual_reset_event_close(self->buffers[i].is_free);
    apm_manual_reset_event_close(self->over);
    apm_socket_release(self->socket);
    free(self);
}

/* How it ended, for whoever comes first: a send may fail while the thread waits for input. */
static void settle(upload *self, apm_error error, upload_step step)
{
    if (InterlockedExchange(&self->settled, 1) != 0) return;
    self->error = error;
    self->step = step;
    apm_manual_reset_event_set(self->over);
}

static bool is_settled(upload *self)
{
    return InterlockedCompareExchange(&self->settled, 0, 0) != 0;
}

/* Everything is sent. */
static void end_stream(upload *self)
{
    settle(self, apm_socket_shutdown(self->socket, APM_SHUTDOWN_SEND), UPLOAD_SEND);
}

/* ---- the standard input ---------------------------------------------------------------- */

static void APM_CALL on_sent(apm_async_result *result)
{
    outgoing *buffer = apm_async_result_state(result);
    upload *self = buffer->whole;
    apm_error error = apm_socket_end_send(self->socket, result, NULL);
    if (error != 0) settle(self, error, UPLOAD_SEND);
    apm_manual_reset_event_set(buffer->is_free);
    upload_leave(self);
}

static void begin_send(upload *self, outgoing *buffer, size_t size)
{
    apm_manual_reset_event_reset(buffer->is_free);
    InterlockedIncrement(&self->owners);
    apm_error error = apm_socket_begin_send(self->socket, buffer->data, size, 0, on_sent, buffer, NULL);
    if (error == 0) return;
    settle(self, error, UPLOAD_SEND);
    apm_manual_reset_event_set(buffer->is_free); /* there is no callback that does it */
    upload_leave(self);
}

/* Returns at the end of the input, or as soon as it is settled that something went wrong. */
static void send_input(upload *self)
{
    for (size_t i = 0;; i = (i + 1) % BUFFERS) {
        outgoing *buffer = &self->buffers[i];
        size_t got = 0;
        apm_manual_reset_event_wait_one(buffer->is_free, APM_INFINITE);
        if (is_settled(self)) return;
        apm_error error = input_read(buffer->data, BUFFER_SIZE, &got);
        if (error != 0) settle(self, error, UPLOAD_READ);
        if (error != 0 || got == 0) return;
        begin_send(self, buffer, got);
    }
}

static DWORD WINAPI run_input(void *argument)
{
    upload *self = argument;
    send_input(self);
    for (size_t i = 0; i < BUFFERS; i++)
        apm_manual_reset_event_wait_one(self->buffers[i].is_free, APM_INFINITE);
    if (!is_settled(self)) end_stream(self);
    upload_leave(self);
    return 0;
}

static apm_error begin_input(upload *self)
{
    HANDLE thread = CreateThread(NULL, 0, run_input, self, 0, NULL);
    if (thread == NULL) return (apm_error)GetLastError();
    CloseHandle(thread);
    return 0;
}

/* ---- a file ---------------------------------------------------------------------------- */

static void APM_CALL on_file_sent(apm_async_result *result)
{
    upload *self = apm_async_result_state(result);
    apm_error error = apm_socket_end_send_file(self->socket, result);
    if (error == 0) {
        end_stream(self);
    } else {
        settle(self, error, UPLOAD_SEND);
    }
    upload_leave(self);
}

/* ---- both ------------------------------------------------------------------------------ */

static upload *new_upload(apm_socket *socket, size_t buffers)
{
    upload *self = calloc(1, sizeof *self);
    if (self == NULL) return NULL;
    self->owners = 1;
    apm_socket_retain(socket);
    self->socket = socket;
    apm_error error = apm_manual_reset_event_create(false, &self->over);
    for (size_t i = 0; error == 0 && i < buffers; i++) {
        self->buffers[i].whole = self;
        error = apm_manual_reset_event_create(true, &self->buffers[i].is_free);
    }
    if (error == 0) return self;
    upload_leave(self);
    return NULL;
}

apm_error upload_begin(apm_socket *socket, const char *path, upload **begun)
{
    upload *self = new_upload(socket, path == NULL ? BUFFERS : 0);
    if (self == NULL) return APM_ERROR_OUT_OF_MEMORY;
    apm_error error;
    self->owners = 2; /* the other one is the thread, or the sending of the file */
    if (path == NULL) {
        error = begin_input(self);
    } else {
        error = apm_socket_begin_send_file(socket, path, NULL, NULL, 0, on_file_sent, self, NULL);
    }
    if (error != 0) {
        self->owners = 1;
        upload_leave(self);
        return error;
    }
    *begun = self;
    return 0;
}

apm_manual_reset_event *upload_over(const upload *self)
{
    return self->over;
}

apm_error upload_error(const upload *self, upload_step *step)
{
    *step = self->step;
    return self->error;
}
