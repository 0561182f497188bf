/* SPDX-License-Identifier: MIT */
/*
 * Telling. Two may listen: the caller's log, which the library's options name, and whoever watches from
 * outside, of whom the kernel boundary tells how much he wants. One word has the higher of both.
 */
#include "trace.h"

#include <apmsock/error.h>

#include "error.h"
#include "library.h"
#include "operation.h"
#include "socket.h"
#include "text.h"

_Atomic uint32_t apmi_trace_level;

static apmk_lock level_lock; /* guards the two that make the one */
static uint32_t log_level;
static _Atomic uint32_t watch_level; /* also read without it */

/* Held shared while something is told: the end waits until nobody does. A Begin that meets the end on
 * another thread has nothing else that the end would wait for. */
static apmk_lock tell_lock;
static const apmi_library *teller; /* the library that runs; NULL: nothing is told any more */

typedef struct event_kind {
    const char *name;
    int32_t level;
    uint64_t keyword; /* of a watcher: library, socket, operation */
} event_kind;

enum { KEYWORD_LIBRARY = 1, KEYWORD_SOCKET = 2, KEYWORD_OPERATION = 4 };

static const event_kind events[] = {
    [APM_EVENT_LIBRARY_STARTED] = {"LibraryStarted", APM_LOG_INFORMATION, KEYWORD_LIBRARY},
    [APM_EVENT_LIBRARY_STOPPED] = {"LibraryStopped", APM_LOG_INFORMATION, KEYWORD_LIBRARY},
    [APM_EVENT_THREAD_REFUSED] = {"ThreadRefused", APM_LOG_WARNING, KEYWORD_LIBRARY},
    [APM_EVENT_PACKETS_DELAYED] = {"PacketsDelayed", APM_LOG_WARNING, KEYWORD_LIBRARY},
    [APM_EVENT_CALLBACK_SLOW] = {"CallbackSlow", APM_LOG_INFORMATION, KEYWORD_LIBRARY},
    [APM_EVENT_DISPATCH_REFUSED] = {"DispatchRefused", APM_LOG_WARNING, KEYWORD_LIBRARY},
    [APM_EVENT_WORKER_STARTED] = {"WorkerStarted", APM_LOG_DEBUG, KEYWORD_LIBRARY},
    [APM_EVENT_WORKER_LEFT] = {"WorkerLeft", APM_LOG_DEBUG, KEYWORD_LIBRARY},
    [APM_EVENT_SOCKET_OPENED] = {"SocketOpened", APM_LOG_DEBUG, KEYWORD_SOCKET},
    [APM_EVENT_SOCKET_CLOSED] = {"SocketClosed", APM_LOG_DEBUG, KEYWORD_SOCKET},
    [APM_EVENT_CONNECTED] = {"Connected", APM_LOG_DEBUG, KEYWORD_SOCKET},
    [APM_EVENT_CONNECT_FAILED] = {"ConnectFailed", APM_LOG_INFORMATION, KEYWORD_SOCKET},
    [APM_EVENT_CONNECTION_LOST] = {"ConnectionLost", APM_LOG_INFORMATION, KEYWORD_SOCKET},
    [APM_EVENT_OPERATION_BEGINS] = {"OperationBegins", APM_LOG_TRACE, KEYWORD_OPERATION},
    [APM_EVENT_OPERATION_REFUSED] = {"OperationRefused", APM_LOG_TRACE, KEYWORD_OPERATION},
    [APM_EVENT_OPERATION_COMPLETED] = {"OperationCompleted", APM_LOG_TRACE, KEYWORD_OPERATION},
};

static const char *const kinds[] = {
    [APMI_CONNECT] = "connect",
    [APMI_ATTEMPT] = "attempt",
    [APMI_SEND] = "send",
    [APMI_SEND_TO] = "send_to",
    [APMI_SEND_FILE] = "send_file",
    [APMI_DISCONNECT] = "disconnect",
    [APMI_RECEIVE] = "receive",
    [APMI_RECEIVE_FROM] = "receive_from",
    [APMI_RECEIVE_MESSAGE_FROM] = "receive_message_from",
};

/* ---- who listens ------------------------------------------------------------------------------------ */

static void set_levels(const uint32_t *log, const uint32_t *watch)
{
    uint32_t watched;

    apmk_lock_exclusive(&level_lock);
    if (log != NULL) log_level = *log;
    if (watch != NULL) atomic_store_explicit(&watch_level, *watch, memory_order_relaxed);
    watched = atomic_load_explicit(&watch_level, memory_order_relaxed);
    atomic_store_explicit(&apmi_trace_level, log_level > watched ? log_level : watched, memory_order_relaxed);
    apmk_unlock_exclusive(&level_lock);
}

static void change_watch(uint32_t level)
{
    set_levels(NULL, &level);
}

void apmi_trace_start(const apmi_library *library)
{
    const apm_options *options = &library->options;
    uint32_t level = options->log != NULL ? (uint32_t)options->log_level : 0;

    apmk_lock_exclusive(&tell_lock);
    teller = library;
    apmk_unlock_exclusive(&tell_lock);
    set_levels(&level, NULL);
    apmk_trace_start(change_watch);
}

void apmi_trace_stop(void)
{
    const uint32_t nobody = 0;

    apmk_lock_exclusive(&tell_lock);
    teller = NULL;
    apmk_unlock_exclusive(&tell_lock);
    apmk_trace_stop();
    set_levels(&nobody, &nobody);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static void tell(const apmi_library *library, apm_log_record *record)
{
    const event_kind *kind = &events[record->event];

    if (!apmi_traces(kind->level)) return;
    record->size = sizeof *record;
    record->level = kind->level;
    record->name = kind->name;
    if (record->detail == NULL) record->detail = "";
    apmk_lock_shared(&tell_lock);
    if (library == teller) {
        if (library->options.log != NULL && kind->level <= library->options.log_level)
            library->options.log(record, library->options.log_context);
        /* Relaxed: as apmi_traces. */
        if (atomic_load_explicit(&watch_level, memory_order_relaxed) >= (uint32_t)kind->level)
            apmk_trace_write(record->name, record->level, kind->keyword, record->detail, record->socket,
                             record->result, record->error, record->value);
    }
    apmk_unlock_shared(&tell_lock);
}

void apmi_trace_library(const apmi_library *library, int32_t event, apm_error error, uint64_t value)
{
    apm_log_record record = {.event = event, .error = error, .value = value};

    tell(library, &record);
}

void apmi_trace_socket(const apm_socket *socket, int32_t event, apm_error error, uint64_t value)
{
    apm_log_record record = {.event = event, .socket = socket, .error = error, .value = value};

    tell(socket->library, &record);
}

void apmi_trace_operation(const apm_async_result *operation, int32_t event)
{
    apm_log_record record = {.event = event,
                             .detail = kinds[operation->kind],
                             .socket = operation->socket,
                             .result = operation,
                             .error = operation->error,
                             .value = operation->transferred};

    tell(operation->socket->library, &record);
}

/* ---- as text ---------------------------------------------------------------------------------------------- */

typedef struct line {
    char text[256]; /* longer than any */
    size_t length;
} line;

static void add_text(line *one, const char *text)
{
    size_t length = strlen(text), room = sizeof one->text - one->length;

    if (length > room) length = room; /* of a record that is not ours */
    memcpy(one->text + one->length, text, length);
    one->length += length;
}

static void add_number(line *one, const char *name, uint64_t number, uint32_t base)
{
    char digits[21];
    size_t first = sizeof digits;

    digits[--first] = '\0';
    do {
        digits[--first] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    add_text(one, name);
    add_text(one, digits + first);
}

size_t APM_CALL apm_log_format(const apm_log_record *record, char *text, size_t size)
{
    line one;

    if (text != NULL && size != 0) text[0] = '\0';
    if (record == NULL) return 0;
    one.length = 0;
    add_text(&one, record->name != NULL ? record->name : "?");
    if (record->detail != NULL && record->detail[0] != '\0') {
        add_text(&one, " ");
        add_text(&one, record->detail);
    }
    if (record->socket != NULL) add_number(&one, " socket=", (uintptr_t)record->socket, 16);
    if (record->result != NULL) add_number(&one, " result=", (uintptr_t)record->result, 16);
    add_number(&one, " value=", record->value, 10);
    add_text(&one, " error=");
    add_text(&one, apm_error_name(record->error));
    return apmi_text_fit(one.text, one.length, text, size);
}
