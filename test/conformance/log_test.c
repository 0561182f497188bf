/* SPDX-License-Identifier: MIT */
/* The log: which events come, in which order, up to which level; and their text. */
#include <stdio.h>
#include <string.h>

#include "../support/pump.h"

enum { MOST = 4096 };

/* What was told, in the order in which it was. */
typedef struct notebook {
    _Atomic uint32_t count;
    _Atomic uint32_t completed; /* the one number that can be asked for while it is written */
    apm_log_record records[MOST];
    uint64_t threads[MOST];
} notebook;

static void APM_CALL note_down(const apm_log_record *record, void *context)
{
    notebook *book = (notebook *)context;
    uint32_t place = atomic_fetch_add(&book->count, 1);

    if (record->event == APM_EVENT_OPERATION_COMPLETED) atomic_fetch_add(&book->completed, 1);
    if (place >= MOST) return;
    book->records[place] = *record;
    book->threads[place] = test_thread_self();
}

static notebook book;

static bool start(int32_t level)
{
    apm_options options = harness_options();

    memset(&book, 0, sizeof book);
    options.log = note_down;
    options.log_context = &book;
    options.log_level = level;
    return CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
}

static void stop(void)
{
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    CHECK(atomic_load(&book.count) <= MOST);
}

static uint32_t count_events(int32_t event, const char *detail)
{
    uint32_t count = 0, i;

    for (i = 0; i < atomic_load(&book.count) && i < MOST; i++)
        count +=
            book.records[i].event == event && (detail == NULL || strcmp(book.records[i].detail, detail) == 0);
    return count;
}

static const apm_log_record *find_event(int32_t event, const char *detail)
{
    uint32_t i;

    for (i = 0; i < atomic_load(&book.count) && i < MOST; i++)
        if (book.records[i].event == event && (detail == NULL || strcmp(book.records[i].detail, detail) == 0))
            return &book.records[i];
    return NULL;
}

/* ---- what comes -------------------------------------------------------------------------------------- */

static void converse(void)
{
    apm_endpoint nowhere;
    apm_socket *socket;
    char byte = 0;
    pair both;

    if (pair_open(&both)) {
        check_alive(&both);
        /* This one the kernel is not asked for. */
        CHECK(apm_socket_begin_connect(both.socket, NULL, NULL, NULL, NULL) == APM_ERROR_ARGUMENT_NULL);
        pair_close(&both);
    }
    socket = stream_new(APM_FAMILY_IPV4);
    if (socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nowhere);
    (void)CHECK_ERROR(connect_now(socket, &nowhere), APM_ERROR_CONNECTION_REFUSED);
    (void)CHECK_ERROR(apm_socket_begin_receive(socket, &byte, 1, 0, NULL, NULL, NULL),
                      APM_ERROR_NOT_CONNECTED);
    close_now(socket);
}

static void everything_is_told_at_the_highest_level(void)
{
    const apm_log_record *begins, *completed, *failed;

    if (!start(APM_LOG_TRACE)) return;
    converse();
    stop();
    CHECK(count_events(APM_EVENT_LIBRARY_STARTED, NULL) == 1);
    CHECK(count_events(APM_EVENT_LIBRARY_STOPPED, NULL) == 1);
    CHECK(count_events(APM_EVENT_WORKER_STARTED, NULL) >= 1);
    CHECK(count_events(APM_EVENT_WORKER_STARTED, NULL) == count_events(APM_EVENT_WORKER_LEFT, NULL));
    CHECK(count_events(APM_EVENT_SOCKET_OPENED, NULL) == 2 &&
          count_events(APM_EVENT_SOCKET_CLOSED, NULL) == 2);
    CHECK(count_events(APM_EVENT_CONNECTED, "connect") == 1 &&
          count_events(APM_EVENT_CONNECT_FAILED, "connect") == 1);
    CHECK(count_events(APM_EVENT_OPERATION_BEGINS, NULL) ==
          count_events(APM_EVENT_OPERATION_COMPLETED, NULL) +
              count_events(APM_EVENT_OPERATION_REFUSED, NULL));
    CHECK(count_events(APM_EVENT_OPERATION_COMPLETED, "connect") == 2);

    begins = find_event(APM_EVENT_OPERATION_BEGINS, "send");
    completed = find_event(APM_EVENT_OPERATION_COMPLETED, "send");
    if (begins != NULL && completed != NULL) {
        CHECK(begins < completed && begins->result == completed->result &&
              begins->socket == completed->socket);
        CHECK(completed->value == 1 && completed->error == APM_ERROR_SUCCESS);
        CHECK(completed->size == sizeof *completed && completed->level == APM_LOG_TRACE);
        CHECK(strcmp(completed->name, "OperationCompleted") == 0);
    } else {
        CHECK(false);
    }
    failed = find_event(APM_EVENT_CONNECT_FAILED, NULL);
    CHECK(failed != NULL && failed->error == APM_ERROR_CONNECTION_REFUSED);
    CHECK(book.records[atomic_load(&book.count) - 1].event == APM_EVENT_LIBRARY_STOPPED);
}

static void each_level_leaves_out_what_is_above_it(void)
{
    static const int32_t levels[] = {0, APM_LOG_ERROR, APM_LOG_WARNING, APM_LOG_INFORMATION, APM_LOG_DEBUG};
    size_t i;

    for (i = 0; i < sizeof levels / sizeof *levels; i++) {
        uint32_t at;

        if (!start(levels[i])) return;
        converse();
        stop();
        for (at = 0; at < atomic_load(&book.count); at++)
            CHECK(book.records[at].level <= (levels[i] != 0 ? levels[i] : APM_LOG_WARNING));
        CHECK((count_events(APM_EVENT_CONNECT_FAILED, NULL) == 1) == (levels[i] >= APM_LOG_INFORMATION));
        CHECK((count_events(APM_EVENT_CONNECTED, NULL) == 1) == (levels[i] >= APM_LOG_DEBUG));
        CHECK(count_events(APM_EVENT_OPERATION_BEGINS, NULL) == 0);
    }
}

static void look_from_the_callback(call *made)
{
    *(uint32_t *)made->context = atomic_load(&book.completed);
}

static void operation_is_told_before_its_callback(void)
{
    uint32_t before, inside = 0;
    receiving_pair one;

    if (!start(APM_LOG_TRACE)) return;
    if (receiving_open(&one)) {
        before = atomic_load(&book.completed);
        one.made.inside = look_from_the_callback;
        one.made.context = &inside;
        CHECK(peer_write(one.both.other, "x", 1) && call_wait(&one.made));
        CHECK(inside == before + 1);
        receiving_close(&one);
    }
    stop();
    CHECK(count_events(APM_EVENT_OPERATION_COMPLETED, "receive") == 1);
}

static void reset_is_told_as_a_loss(void)
{
    apm_error error = APM_ERROR_SUCCESS;
    receiving_pair one;

    if (!start(APM_LOG_INFORMATION)) return;
    if (receiving_open(&one)) {
        peer_reset(one.both.other);
        one.both.other = NULL;
        CHECK(call_wait(&one.made));
        error = one.made.error;
        receiving_close(&one);
    }
    stop();
    /* Not every kernel tells a reset from an end. */
    CHECK((count_events(APM_EVENT_CONNECTION_LOST, NULL) == 1) ==
          (error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_CONNECTION_ABORTED));
}

static bool APM_CALL refuse(void *context)
{
    return atomic_fetch_add((_Atomic uint32_t *)context, 1) != 0;
}

static void shortage_is_told(void)
{
    static _Atomic uint32_t calls;
    apm_options options = harness_options();
    pair both;
    call made;

    memset(&book, 0, sizeof book);
    atomic_store(&calls, 0);
    options.log = note_down;
    options.log_context = &book;
    options.dispatch = refuse;
    options.dispatch_context = &calls;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        call_prepare(&made, both.socket, CALL_SEND);
        (void)CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_SUCCESS);
        CHECK(pump_call(&made));
        call_dispose(&made);
        pair_close(&both);
    }
    stop();
    CHECK(count_events(APM_EVENT_DISPATCH_REFUSED, NULL) == 1);
    CHECK(atomic_load(&book.count) == 1); /* by default warnings, and no more */
}

/* ---- options and text ------------------------------------------------------------------------------------ */

static void level_that_is_none_is_refused(void)
{
    apm_options options = harness_options();

    options.log_level = APM_LOG_TRACE + 1;
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    options.log_level = -1;
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
}

static void record_has_a_text(void)
{
    static const char whole[] = "OperationCompleted send socket=1f result=ab0 value=512 error=Success";
    apm_log_record record = {0};
    char text[100], small[8];

    record.name = "OperationCompleted";
    record.detail = "send";
    record.socket = (const void *)(uintptr_t)0x1F;
    record.result = (const void *)(uintptr_t)0xAB0;
    record.value = 512;
    CHECK(apm_log_format(&record, text, sizeof text) == sizeof whole - 1 && strcmp(text, whole) == 0);
    CHECK(apm_log_format(&record, small, sizeof small) == sizeof whole - 1 && strcmp(small, "Operati") == 0);
    CHECK(apm_log_format(&record, NULL, 0) == sizeof whole - 1);
    CHECK(apm_log_format(NULL, text, sizeof text) == 0 && text[0] == '\0');
    memset(&record, 0, sizeof record);
    record.value = UINT64_MAX;
    record.error = APM_ERROR_CONNECTION_REFUSED;
    (void)apm_log_format(&record, text, sizeof text);
    CHECK(strcmp(text, "? value=18446744073709551615 error=ConnectionRefused") == 0);
}

static const test_case log_cases[] = {
    {"everything_is_told_at_the_highest_level", everything_is_told_at_the_highest_level, true},
    {"each_level_leaves_out_what_is_above_it", each_level_leaves_out_what_is_above_it, true},
    {"operation_is_told_before_its_callback", operation_is_told_before_its_callback, true},
    {"reset_is_told_as_a_loss", reset_is_told_as_a_loss, true},
    {"shortage_is_told", shortage_is_told, true},
    {"level_that_is_none_is_refused", level_that_is_none_is_refused, true},
    {"record_has_a_text", record_has_a_text, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"log", log_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
