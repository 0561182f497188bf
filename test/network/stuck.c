/* SPDX-License-Identifier: MIT */
#include "stuck.h"

/* What a connection may say that was cut: by the other side, or by the kernel when it gave up. */
static bool is_cut(apm_error error)
{
    return error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_CONNECTION_ABORTED ||
           error == APM_ERROR_TIMED_OUT || error == APM_ERROR_NETWORK_RESET ||
           error == APM_ERROR_HOST_UNREACHABLE || error == APM_ERROR_NETWORK_UNREACHABLE ||
           error == APM_ERROR_NETWORK_DOWN;
}

/* A file whose turn has come when the connection is gone is one of a socket that is not connected:
 * so says Wine's TransmitFile. A disconnect without reuse only ends our stream, which is no error
 * when the stream has ended already, as for apm_socket_shutdown. */
static bool may_be_cut_as(const call *made)
{
    if (made->kind == CALL_SEND_FILE && made->error == APM_ERROR_NOT_CONNECTED) return true;
    if (made->kind == CALL_DISCONNECT && made->error == APM_ERROR_SUCCESS) return true;
    return is_cut(made->error);
}

bool stuck_open(stuck *one, const char *address)
{
    one->remote = hand_listen("listener", address, 0);
    one->socket = hand_connect(&one->remote, "listener", "peer");
    one->count = 0;
    one->file.path[0] = '\0';
    one->data = (unsigned char *)test_memory(WHOLE);
    pattern_fill(one->data, WHOLE, 0);
    if (one->socket != NULL) return true;
    free(one->data);
    (void)hand_do("close listener");
    return false;
}

/* What could not begin does not count. */
static void check_begun(stuck *one, apm_error error)
{
    if (CHECK_ERROR(error, APM_ERROR_SUCCESS)) return;
    call_dispose(&one->calls[--one->count]);
}

static call *next_call(stuck *one, call_kind kind)
{
    call *made = &one->calls[one->count++];

    call_prepare(made, one->socket, kind);
    return made;
}

void begin_receive(stuck *one)
{
    call *made = next_call(one, CALL_RECEIVE);

    check_begun(one, call_receive(made, &one->here[one->count % RECEIVES], 1));
}

void begin_send(stuck *one)
{
    call *made = next_call(one, CALL_SEND);

    check_begun(one, call_send(made, one->data, WHOLE));
}

void begin_file(stuck *one)
{
    call *made;

    if (!scratch_fill(&one->file, WHOLE, 0)) return;
    made = next_call(one, CALL_SEND_FILE);
    check_begun(one, call_send_file(made, one->file.path, NULL, NULL, 0));
}

void begin_disconnect(stuck *one, bool reuse)
{
    call *made = next_call(one, CALL_DISCONNECT);

    check_begun(one, call_disconnect(made, reuse));
}

/* Receives, sends, a file and more sends; and a disconnect at the end, if somebody asks. */
void begin_all(stuck *one, bool disconnect)
{
    int i;

    for (i = 0; i < RECEIVES; i++) begin_receive(one);
    begin_send(one);
    begin_file(one);
    for (i = 1; i < SENDS; i++) begin_send(one);
    if (disconnect) begin_disconnect(one, false);
}

/* Each has ended once, with an error of a connection that was cut. */
void check_all_cut(stuck *one)
{
    size_t i;

    for (i = 0; i < one->count; i++) {
        call *made = &one->calls[i];

        if (!call_wait(made)) continue;
        CHECK(may_be_cut_as(made));
        if (!may_be_cut_as(made))
            (void)printf("(kind %d: %s) ", (int)made->kind, apm_error_name(made->error));
        if (made->kind == CALL_SEND) CHECK(made->bytes < WHOLE);
    }
}

void check_all_end(stuck *one, apm_error expected)
{
    size_t i;

    for (i = 0; i < one->count; i++) (void)call_ends(&one->calls[i], expected);
}

void check_half_ends(stuck *one, size_t first, apm_error expected)
{
    size_t i;

    for (i = first; i < one->count; i += 2) (void)call_ends(&one->calls[i], expected);
}

void stuck_forget(stuck *one)
{
    size_t i;

    for (i = 0; i < one->count; i++) call_dispose(&one->calls[i]);
    one->count = 0;
}

void stuck_close(stuck *one)
{
    close_now(one->socket);
    stuck_forget(one);
    if (one->file.path[0] != '\0') CHECK(scratch_delete(&one->file, false));
    free(one->data);
    (void)hand_do("close listener");
}

/* What comes after it has ended is no success either; a receive may see the end of the stream. */
void check_is_dead(stuck *one)
{
    size_t received = 1;
    apm_error error;
    char here;

    CHECK(send_now(one->socket, "x", 1, NULL) != APM_ERROR_SUCCESS);
    error = receive_now(one->socket, &here, 1, &received);
    CHECK(error != APM_ERROR_SUCCESS || received == 0);
}

/* A moment of it harms nobody: every byte arrives. */
void check_arrives(stuck *one)
{
    char answer[HAND_LINE];

    (void)hand_do("read peer %u", (unsigned)WHOLE);
    (void)call_ends_with(&one->calls[0], APM_ERROR_SUCCESS, WHOLE);
    (void)CHECK_ERROR(apm_socket_shutdown(one->socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    (void)snprintf(answer, sizeof answer, "end %u", (unsigned)WHOLE);
    CHECK(strcmp(hand_do("drain peer"), answer) == 0);
    (void)hand_do("close peer");
}

/* How often a segment is sent again before the kernel gives up; 15 times takes a quarter of an hour. */
void set_retries(unsigned count)
{
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_retries2=%u", count);
}
