/* SPDX-License-Identifier: MIT */
/* The members that need nothing: while everything fails that can they do their work, and ask for nothing. */
#include <string.h>

#include "stage.h"

static void use_texts(void)
{
    apm_log_record record = {
        sizeof record, APM_LOG_DEBUG, APM_EVENT_CONNECTED, "Connected", "", NULL, NULL, 0, 0};
    char text[200] = "";

    expect(strcmp(apm_version(), APM_VERSION) == 0, "the version");
    expect(strcmp(apm_error_name(APM_ERROR_TIMED_OUT), "TimedOut") == 0, "an error's name");
    expect(apm_error_message(APM_ERROR_TIMED_OUT, text, sizeof text) != 0 && text[0] != '\0',
           "an error's text");
    expect(apm_log_format(&record, text, sizeof text) == strlen(text) && strncmp(text, "Connected ", 10) == 0,
           "a record's line");
}

static void use_endpoints(void)
{
    apm_endpoint one = {0}, other = {0};
    char text[APM_ENDPOINT_TEXT_SIZE] = "";

    expect(apm_endpoint_from_ip("127.0.0.1", 80, &one) == APM_ERROR_SUCCESS, "from an address");
    expect(apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &other) == APM_ERROR_SUCCESS, "loopback");
    expect(apm_endpoint_equal(&one, &other), "the same");
    expect(apm_endpoint_family(&one) == APM_FAMILY_IPV4 && apm_endpoint_port(&one) == 80, "its parts");
    expect(apm_endpoint_any(APM_FAMILY_IPV6, 7, &one) == APM_ERROR_SUCCESS, "the wildcard");
    expect(apm_endpoint_format(&one, text, sizeof text) == 6 && strcmp(text, "[::]:7") == 0, "its text");
    expect(apm_endpoint_parse(text, &other) == APM_ERROR_SUCCESS && apm_endpoint_equal(&one, &other),
           "and back");
}

/* One that is pending, and one that is over. */
static void use_results(op *pending, op *over)
{
    char text[200] = "";

    expect(apm_async_result_state(pending->result) == pending, "its state");
    expect(!apm_async_result_is_completed(pending->result), "it is pending");
    expect(!apm_async_result_completed_synchronously(pending->result), "nor has it completed inside Begin");
    expect(apm_async_result_wait(pending->result, 0) == APM_ERROR_TIMED_OUT, "nor meanwhile");
    expect(apm_async_result_message(pending->result, text, sizeof text) == 0, "it has no text yet");
    apm_async_result_retain(pending->result);
    apm_async_result_release(pending->result);
    expect(apm_async_result_is_completed(over->result), "it is over");
    expect(apm_async_result_wait(over->result, APM_INFINITE) == APM_ERROR_SUCCESS, "also for who waits");
    expect(apm_async_result_message(over->result, text, sizeof text) != 0, "it has a text");
    expect(over->end(over->socket, over->result, &over->bytes) == APM_ERROR_SUCCESS && over->bytes == 1,
           "its end");
    apm_async_result_retain(over->result);
    apm_async_result_release(over->result);
}

static void use_socket(stage *on)
{
    apm_endpoint remote = {0};

    expect(apm_socket_connected(on->socket), "it is connected");
    expect(apm_socket_handle(on->socket) != ~(uintptr_t)0, "it has a handle");
    expect(apm_socket_remote_endpoint(on->socket, &remote) == APM_ERROR_SUCCESS &&
               apm_endpoint_equal(&remote, &on->there),
           "it has its peer");
    apm_socket_retain(on->socket);
    apm_socket_release(on->socket);
    expect(apm_socket_connected(on->socket), "that was not the last reference");
}

static void use_event(apm_manual_reset_event *event)
{
    expect(apm_manual_reset_event_handle(event) != NULL, "it has a handle");
    expect(apm_manual_reset_event_wait_one(event, 0) == APM_ERROR_TIMED_OUT, "it is not set");
    expect(apm_manual_reset_event_set(event) == APM_ERROR_SUCCESS, "it can be set");
    expect(apm_manual_reset_event_wait_one(event, APM_INFINITE) == APM_ERROR_SUCCESS, "it is set");
    expect(apm_manual_reset_event_reset(event) == APM_ERROR_SUCCESS, "it can be reset");
}

/* A further start, and what is refused before anything is asked for. */
static void use_library(stage *on)
{
    apm_statistics now = {0};
    apm_options wrong = {0};
    apm_socket *none = NULL;

    now.size = sizeof now;
    expect(apm_get_statistics(&now) == APM_ERROR_SUCCESS && now.sockets == 2 && now.workers != 0,
           "the statistics: ours, and the bystander");
    expect(apm_startup(NULL) == APM_ERROR_SUCCESS, "one more user");
    expect(apm_cleanup() == APM_ERROR_SUCCESS, "and one less");
    expect(apm_startup(&wrong) == APM_ERROR_ARGUMENT, "options without a size");
    expect(apm_poll(0) == APM_ERROR_INVALID_OPERATION, "the workers do it");
    expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, NULL) ==
               APM_ERROR_ARGUMENT_NULL,
           "nowhere to put a socket");
    expect(apm_socket_adopt(~(uintptr_t)0, &none) == APM_ERROR_NOT_SOCKET, "no socket to adopt");
    expect(apm_socket_begin_send(on->socket, NULL, 1, 0, NULL, NULL, NULL) == APM_ERROR_ARGUMENT_NULL,
           "nothing to send");
    expect(apm_socket_begin_connect(on->socket, NULL, NULL, NULL, NULL) == APM_ERROR_ARGUMENT_NULL,
           "nowhere to connect to");
}

static apm_error need_nothing(stage *on)
{
    apm_manual_reset_event *event = NULL;
    op over = op_of(on, on->socket, apm_socket_end_receive), pending = over;
    char here[2] = "";
    uint32_t asked;

    point_calm(true);
    expect(apm_manual_reset_event_create(false, &event) == APM_ERROR_SUCCESS, "an event");
    expect(apm_socket_begin_receive(on->socket, &here[0], 1, 0, op_called, &over, &over.result) ==
               APM_ERROR_SUCCESS,
           "a receive");
    expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
    expect(apm_async_result_wait(over.result, PATIENCE) == APM_ERROR_SUCCESS, "it is over");
    expect(apm_socket_begin_receive(on->socket, &here[1], 1, 0, op_called, &pending, &pending.result) ==
               APM_ERROR_SUCCESS,
           "another one");
    stage_settle(on, 1);

    (void)point_deny(true);
    use_texts();
    use_endpoints();
    use_results(&pending, &over);
    use_socket(on);
    use_event(event);
    use_library(on);
    asked = point_deny(false);
    expect(asked == 0, "nothing was asked for");

    apm_manual_reset_event_close(event);
    on->begun++; /* its End was among them */
    expect(atomic_load(&over.callbacks) == 1 && here[0] == 'x', "the first");
    apm_async_result_release(over.result);
    expect(sim_peer_write(on->peer, "y", 1, PATIENCE) == 1, "the peer writes");
    expect(op_finish(&pending, APM_ERROR_SUCCESS) == APM_ERROR_SUCCESS && here[1] == 'y', "the second");
    point_calm(false);
    return APM_ERROR_SUCCESS;
}

const scenario frugal_scenarios[] = {{"what needs nothing", SET_PAIR, need_nothing, 0, 0, 0, false},
                                     {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
