/* SPDX-License-Identifier: MIT */
/*
 * 1. CONNECTING: by name, over IPv6 and IPv4 at once; the first address that answers wins.
 * 2. TALKING: both directions on their own, each in its file. This thread waits for either.
 * 3. Over, when the server has ended its stream or something went wrong. The server's stream
 *    has the last word: a server that has said all it wanted may well have closed before it has
 *    taken what we still send, and that is no failure. It is one where a file was to be sent.
 * A failure ends the connection by a reset, so that the server does not take a part for the whole.
 */
#include "get.h"

#include "console.h"
#include "deadline.h"
#include "download.h"
#include "progress.h"
#include "upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

typedef struct get {
    const arguments *asked;
    char server[320]; /* as the user named it, and its port */
    apm_socket *socket;
    download *incoming;
    upload *outgoing;
    HANDLE file;    /* held from before the connect to the end, if there is one: nobody changes it */
    progress shown; /* of it */
} get;

/* ---- the file -------------------------------------------------------------------------- */

/* Shared as the library will open it, so that what is wrong is known before anybody is connected to. */
static apm_error open_file(get *self, uint64_t *size)
{
    LARGE_INTEGER found;
    wchar_t *wide = console_wide(self->asked->file);
    if (wide == NULL) return APM_ERROR_OUT_OF_MEMORY;
    self->file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                             SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    DWORD code = GetLastError();
    free(wide);
    if (self->file == INVALID_HANDLE_VALUE) {
        bool missing = code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
        return missing ? APM_ERROR_FILE_NOT_FOUND : (apm_error)code;
    }
    if (!GetFileSizeEx(self->file, &found)) return (apm_error)GetLastError();
    *size = (uint64_t)found.QuadPart;
    return 0;
}

/* ---- connecting ------------------------------------------------------------------------ */

static void name_server(get *self)
{
    const char *host = self->asked->host;
    bool bare = strchr(host, ':') != NULL && host[0] != '['; /* an IPv6 address */
    snprintf(self->server, sizeof self->server, bare ? "[%s]:%u" : "%s:%u", host,
             (unsigned)self->asked->port);
}

static apm_error open_socket(get *self)
{
    apm_error error =
        self->asked->ipv6
            ? apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &self->socket)
            : apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &self->socket);
    if (error == 0)
        error =
            apm_socket_set_option(self->socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    if (error == 0)
        error = apm_socket_set_option(self->socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT,
                                      (int32_t)self->asked->timeout);
    return error;
}

static bool connect_to_server(get *self)
{
    apm_async_result *result = NULL;
    apm_error error = open_socket(self);
    if (error == 0)
        error = apm_socket_begin_connect_host(self->socket, self->asked->host, self->asked->port, NULL, NULL,
                                              &result);
    if (error != 0) {
        console_fail_because(error, "cannot connect to %s", self->server);
        return false;
    }
    error = apm_socket_end_connect(self->socket, result);   /* waits, as long as the option allows */
    if (self->asked->ipv6 && error == APM_ERROR_ARGUMENT) { /* none of its addresses is of use */
        console_fail("cannot connect to %s: it has no IPv6 address (%s)", self->server,
                     apm_error_name(error));
    } else if (error != 0) {
        console_fail_operation(result, error, "cannot connect to %s", self->server);
    }
    apm_async_result_release(result);
    return error == 0;
}

/* ---- talking --------------------------------------------------------------------------- */

static bool is_set(apm_manual_reset_event *event)
{
    return apm_manual_reset_event_wait_one(event, 0) == 0;
}

/* Whether the connection is gone. If so the receiving side is told, too, and knows best why;
 * any other error is nobody else's. */
static bool is_broken(apm_error error)
{
    return error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_CONNECTION_ABORTED ||
           error == APM_ERROR_NOT_CONNECTED || error == APM_ERROR_SHUTDOWN;
}

/* Waits until there is nothing more to wait for. */
static void await_end(get *self)
{
    HANDLE events[2] = {apm_manual_reset_event_handle(download_over(self->incoming)),
                        apm_manual_reset_event_handle(upload_over(self->outgoing))};
    bool with_file = self->asked->file != NULL;
    DWORD interval = with_file ? progress_interval(&self->shown) : INFINITE;
    DWORD count = 2; /* the second one is of interest once */
    bool sent = false;
    for (;;) {
        DWORD which = WaitForMultipleObjects(count, events, FALSE, interval);
        if (which == WAIT_OBJECT_0 + 1) {
            upload_step step;
            apm_error error = upload_error(self->outgoing, &step);
            if (error != 0 && (step == UPLOAD_READ || !is_broken(error))) return;
            sent = error == 0;
            count = 1;
        }
        if (with_file) progress_show(&self->shown, sent, download_received(self->incoming));
        if (which == WAIT_OBJECT_0 || which == WAIT_FAILED) return;
    }
}

/* What the rest of the file has come to when the server has ended its stream. */
static bool check_file(get *self)
{
    upload_step step;
    apm_manual_reset_event *over = upload_over(self->outgoing);
    bool in_time = apm_manual_reset_event_wait_one(over, self->asked->timeout) == 0;
    apm_error error = in_time ? upload_error(self->outgoing, &step) : APM_ERROR_TIMED_OUT;
    progress_show(&self->shown, error == 0, download_received(self->incoming));
    progress_end(&self->shown);
    if (in_time && error != 0)
        console_fail_because(error, "cannot send %s to %s", self->asked->file, self->server);
    if (!in_time)
        console_fail(
            "cannot send %s to %s: it has ended its stream, and not taken everything within %u ms (%s)",
            self->asked->file, self->server, (unsigned)self->asked->timeout, apm_error_name(error));
    return error == 0;
}

/* Says what went wrong, if something did. */
static bool judge(get *self)
{
    bool told = false;
    upload_step step = UPLOAD_SEND;
    bool received_all = is_set(download_over(self->incoming));
    apm_error error =
        received_all ? download_error(self->incoming, &told) : upload_error(self->outgoing, &step);
    if (received_all && error == 0) return self->asked->file == NULL || check_file(self);
    progress_end(&self->shown);
    if (told) return false;
    if (received_all) {
        console_fail_because(error, "cannot receive from %s", self->server);
    } else if (step == UPLOAD_READ) {
        console_fail_because(error, "cannot read the standard input");
    } else {
        console_fail_because(error, "cannot send to %s", self->server);
    }
    return false;
}

static bool talk(get *self)
{
    apm_error error = download_begin(self->socket, &self->incoming);
    if (error != 0) {
        console_fail_because(error, "cannot receive from %s", self->server);
        return false;
    }
    error = upload_begin(self->socket, self->asked->file, &self->outgoing);
    if (error == 0) {
        await_end(self);
        return judge(self);
    }
    progress_end(&self->shown);
    if (is_set(download_over(self->incoming))) { /* then that is why */
        bool told;
        apm_error reason = download_error(self->incoming, &told);
        if (told) return false;
        if (reason != 0) error = reason;
    }
    console_fail_because(error, "cannot send %s to %s",
                         self->asked->file != NULL ? self->asked->file : "the standard input", self->server);
    return false;
}

bool get_run(const arguments *asked)
{
    get self = {.asked = asked, .file = INVALID_HANDLE_VALUE};
    uint64_t size = 0;
    name_server(&self);
    apm_error error = asked->file != NULL ? open_file(&self, &size) : 0;
    if (error != 0) console_fail_because(error, "cannot read the file %s", asked->file);
    bool good = error == 0 && connect_to_server(&self);
    if (good && asked->file != NULL) progress_begin(&self.shown, size);
    good = good && talk(&self);
    if (good) apm_socket_shutdown(self.socket, APM_SHUTDOWN_BOTH);
    /* A reset where something went wrong: what the server has got must not look like all of it. */
    if (self.socket != NULL) apm_socket_close_timeout(self.socket, good ? -1 : 0);
    download_leave(self.incoming);
    upload_leave(self.outgoing);
    if (self.file != INVALID_HANDLE_VALUE) CloseHandle(self.file);
    return good;
}
