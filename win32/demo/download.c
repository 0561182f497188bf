/* SPDX-License-Identifier: MIT */
/*
 * Each callback writes what it got and only then begins the next receive. So there is one
 * buffer, and a server that sends faster than somebody reads our output has to wait: that
 * is what the connection's flow control is for. A callback may block; the pool has others.
 *
 * The memory has two owners, the caller and the chain of receives. Who leaves last frees it.
 */
#include "download.h"

#include "console.h"

#include <stdlib.h>
#include <string.h>

#include <windows.h>

enum { RECEIVE_SIZE = 1 << 16, LONGEST_CHARACTER = 4 };

struct download {
    LONG owners;
    apm_socket *socket;
    apm_manual_reset_event *over;
    apm_error error; /* these two are the chain's until it is over */
    bool told;
    bool to_console;
    volatile LONG64 received; /* volatile is what the Interlocked functions ask for */
    size_t kept;              /* bytes of a character that the last receive has cut */
    char buffer[LONGEST_CHARACTER + RECEIVE_SIZE];
};

static void APM_CALL on_received(apm_async_result *result);

void download_leave(download *self)
{
    if (self == NULL || InterlockedDecrement(&self->owners) > 0) return;
    apm_manual_reset_event_close(self->over);
    apm_socket_release(self->socket);
    free(self);
}

static apm_error begin_receive(download *self)
{
    return apm_socket_begin_receive(self->socket, self->buffer + self->kept, RECEIVE_SIZE, 0, on_received,
                                    self, NULL);
}

/* Writes what is in the buffer; to a console, whole characters only unless it is the end. */
static apm_error write_all(download *self, size_t size, bool end)
{
    size_t whole = self->to_console && !end ? console_whole_characters(self->buffer, size) : size;
    if (whole > 0 && !console_write(self->buffer, whole)) {
        self->told = true;
        return APM_ERROR_OPERATION_ABORTED;
    }
    self->kept = size - whole;
    memmove(self->buffer, self->buffer + whole, self->kept);
    return 0;
}

static void APM_CALL on_received(apm_async_result *result)
{
    download *self = apm_async_result_state(result);
    size_t got = 0;
    apm_error error = apm_socket_end_receive(self->socket, result, &got);
    InterlockedExchangeAdd64(&self->received, (LONG64)got);
    if (error == 0) error = write_all(self, self->kept + got, got == 0);
    if (error == 0 && got > 0) {
        error = begin_receive(self);
        if (error == 0) return; /* the next callback is in charge, and may have run already */
    }
    self->error = error;
    apm_manual_reset_event_set(self->over);
    download_leave(self);
}

apm_error download_begin(apm_socket *socket, download **begun)
{
    download *self = calloc(1, sizeof *self);
    if (self == NULL) return APM_ERROR_OUT_OF_MEMORY;
    apm_socket_retain(socket);
    self->socket = socket;
    self->owners = 2;
    self->to_console = console_shows_output();
    apm_error error = apm_manual_reset_event_create(false, &self->over);
    if (error == 0) error = begin_receive(self);
    if (error != 0) {
        self->owners = 1;
        download_leave(self);
        return error;
    }
    *begun = self;
    return 0;
}

apm_manual_reset_event *download_over(const download *self)
{
    return self->over;
}

apm_error download_error(const download *self, bool *told)
{
    *told = self->told;
    return self->error;
}

uint64_t download_received(download *self)
{
    return (uint64_t)InterlockedExchangeAdd64(&self->received, 0);
}
