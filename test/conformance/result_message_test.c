/* SPDX-License-Identifier: MIT */
/* The message of a result: the system's text, and the endpoint that a connect is about. */
#include <string.h>

#include "../support/fixture.h"

enum { ROOM = 2048 };

/* The text that a code has, with the endpoint (may be NULL) behind it; its length. */
static size_t compose(apm_error error, const apm_endpoint *remote, char *text)
{
    size_t length = apm_error_message(error, text, ROOM);

    if (remote == NULL) return length;
    text[length++] = ' ';
    return length + apm_endpoint_format(remote, text + length, ROOM - length);
}

/* The whole message, and that it needs no more than it says. */
static void check_message(apm_async_result *result, apm_error error, const apm_endpoint *remote)
{
    char expected[ROOM], text[ROOM];
    size_t length = compose(error, remote, expected);

    CHECK(apm_async_result_message(result, text, sizeof text) == length);
    CHECK(strlen(text) == length && strcmp(text, expected) == 0);
    CHECK(apm_async_result_message(result, NULL, 0) == length);
    CHECK(apm_async_result_message(result, text, length + 1) == length && strcmp(text, expected) == 0);
}

static apm_async_result *connect_to(apm_socket *socket, const apm_endpoint *remote)
{
    apm_async_result *result = NULL;

    (void)CHECK_ERROR(apm_socket_begin_connect(socket, remote, NULL, NULL, &result), APM_ERROR_SUCCESS);
    return result;
}

/* A connect that was refused; what it went to. */
static apm_async_result *be_refused(apm_socket *socket, int32_t family, apm_endpoint *nobody)
{
    apm_async_result *result;

    peer_refusing_endpoint(family, nobody);
    result = connect_to(socket, nobody);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, result), APM_ERROR_CONNECTION_REFUSED);
    return result;
}

/* ---- what it says ------------------------------------------------------------------------------------- */

static void refused_connect_names_the_endpoint(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    char text[ROOM], tail[64];
    apm_endpoint nobody;
    apm_async_result *result = be_refused(socket, APM_FAMILY_IPV4, &nobody);
    size_t length, more;

    check_message(result, APM_ERROR_CONNECTION_REFUSED, &nobody);
    length = apm_async_result_message(result, text, sizeof text);
    tail[0] = ' ';
    more = 1 + apm_endpoint_format(&nobody, tail + 1, sizeof tail - 1);
    CHECK(length > more && strcmp(text + length - more, tail) == 0);
    CHECK(strncmp(tail, " 127.0.0.1:", 11) == 0);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    check_message(result, APM_ERROR_CONNECTION_REFUSED, &nobody); /* it stays */
    apm_async_result_release(result);
}

static void endpoints_of_ipv6_are_in_brackets(void)
{
    apm_async_result *result;
    apm_socket *socket = NULL;
    apm_endpoint nobody;
    char text[ROOM];

    if (apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) !=
        APM_ERROR_SUCCESS) {
        harness_skip("no IPv6 here");
        return;
    }
    result = be_refused(socket, APM_FAMILY_IPV6, &nobody);
    check_message(result, APM_ERROR_CONNECTION_REFUSED, &nobody);
    (void)apm_async_result_message(result, text, sizeof text);
    CHECK(strstr(text, " [::1]:") != NULL);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void connect_that_took_too_long_names_the_endpoint(void)
{
    peer_listener *listener = peer_listen_hanging(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_async_result *result;
    apm_endpoint remote;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    result = connect_to(socket, &remote);
    (void)CHECK_ERROR(apm_async_result_cancel_after(result, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, result), APM_ERROR_TIMED_OUT);
    check_message(result, APM_ERROR_TIMED_OUT, &remote);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

static void connect_that_worked_names_nobody(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_async_result *result;
    apm_endpoint remote;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    result = connect_to(socket, &remote);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, result), APM_ERROR_SUCCESS);
    check_message(result, APM_ERROR_SUCCESS, NULL);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

/* The last one: its error is the operation's. */
static void connect_to_many_names_the_one_whose_error_it_is(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_async_result *result = NULL;
    apm_endpoint nobody[3];
    int i;

    for (i = 0; i < 3; i++) peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody[i]);
    (void)CHECK_ERROR(apm_socket_begin_connect_many(socket, nobody, 3, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, result), APM_ERROR_CONNECTION_REFUSED);
    check_message(result, APM_ERROR_CONNECTION_REFUSED, &nobody[2]);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* Of attempts that overlap not the last one, but whose error counts. */
static void parallel_connect_names_the_one_whose_error_it_is(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_async_result *result = NULL;
    apm_endpoint remotes[2];

    (void)CHECK_ERROR(
        apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL),
        APM_ERROR_SUCCESS);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remotes[0]);
    (void)apm_endpoint_any(APM_FAMILY_IPV4, 80, &remotes[1]); /* no place to connect to */
    (void)CHECK_ERROR(apm_socket_begin_connect_many(socket, remotes, 2, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, result), APM_ERROR_CONNECTION_REFUSED);
    check_message(result, APM_ERROR_CONNECTION_REFUSED, &remotes[0]);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void connect_to_a_host_names_its_endpoint(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_async_result *result = NULL;
    apm_endpoint nobody;

    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(
        apm_socket_begin_connect_host(socket, "127.0.0.1", apm_endpoint_port(&nobody), NULL, NULL, &result),
        APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, result), APM_ERROR_CONNECTION_REFUSED);
    check_message(result, APM_ERROR_CONNECTION_REFUSED, &nobody);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* Nobody was reached, and there is no endpoint to name. */
static void name_that_is_not_found_names_no_endpoint(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_async_result *result = NULL;
    apm_error error;

    (void)CHECK_ERROR(apm_socket_begin_connect_host(socket, "no-such-host.invalid", 80, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    error = apm_socket_end_connect(socket, result);
    /* Without a name server it is the other one. */
    CHECK(error == APM_ERROR_HOST_NOT_FOUND || error == APM_ERROR_TRY_AGAIN);
    check_message(result, error, NULL);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void other_operations_name_nobody(void)
{
    apm_async_result *result = NULL;
    char here = 0;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(result), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, NULL), APM_ERROR_OPERATION_ABORTED);
    check_message(result, APM_ERROR_OPERATION_ABORTED, NULL);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, &result), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_send(both.socket, result, NULL), APM_ERROR_SUCCESS);
    check_message(result, APM_ERROR_SUCCESS, NULL);
    apm_async_result_release(result);
    pair_close(&both);
}

/* ---- when --------------------------------------------------------------------------------------------- */

static void pending_operation_has_no_message(void)
{
    apm_async_result *result = NULL;
    char text[8] = "before", here = 0;
    pair both;

    CHECK(apm_async_result_message(NULL, text, sizeof text) == 0 && text[0] == '\0');
    CHECK(apm_async_result_message(NULL, NULL, 0) == 0);
    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    memcpy(text, "before", sizeof "before");
    CHECK(apm_async_result_message(result, text, sizeof text) == 0 && text[0] == '\0');
    memcpy(text, "before", sizeof "before");
    CHECK(apm_async_result_message(result, text, 0) == 0 && strcmp(text, "before") == 0);
    CHECK(apm_async_result_message(result, NULL, 100) == 0);
    CHECK(peer_write(both.other, "x", 1));
    (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, NULL), APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    pair_close(&both);
}

typedef struct told {
    char text[ROOM];
    size_t length;
} told;

static void tell(call *made)
{
    told *what = (told *)made->context;

    what->length = apm_async_result_message(made->seen, what->text, sizeof what->text);
}

static void callback_can_ask_before_end_was_called(void)
{
    static told what;
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    char expected[ROOM];
    apm_endpoint nobody;
    call made;

    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    call_prepare(&made, socket, CALL_CONNECT);
    made.keeps = true;
    made.inside = tell;
    made.context = &what;
    if (CHECK_ERROR(call_connect(&made, &nobody), APM_ERROR_SUCCESS)) {
        CHECK(call_wait(&made));
        CHECK(what.length == compose(APM_ERROR_CONNECTION_REFUSED, &nobody, expected));
        CHECK(strcmp(what.text, expected) == 0);
        (void)CHECK_ERROR(call_end(&made, made.result), APM_ERROR_CONNECTION_REFUSED);
    }
    call_dispose(&made);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* ---- the room for it -------------------------------------------------------------------------------------- */

/* Whole characters only. */
static bool is_clean_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != 0) {
        unsigned more = *at < 0x80   ? 0
                        : *at < 0xC2 ? 9
                        : *at < 0xE0 ? 1
                        : *at < 0xF0 ? 2
                        : *at < 0xF5 ? 3
                                     : 9;

        if (more == 9) return false;
        for (at++; more != 0; more--)
            if ((*at++ & 0xC0) != 0x80) return false;
    }
    return true;
}

/* As much of `whole` as fits into `size` bytes, in whole characters, and nothing behind it. */
static void check_cut(apm_async_result *result, const char *whole, size_t length, size_t size)
{
    size_t fits = size == 0 ? 0 : size - 1 < length ? size - 1 : length, got, i;
    static char text[ROOM + 16];
    bool good = true;

    memset(text, '#', sizeof text);
    CHECK(apm_async_result_message(result, text, size) == length);
    if (size != 0) {
        got = strlen(text);
        CHECK(got <= fits && got + 3 >= fits && is_clean_utf8(text));
        CHECK(memcmp(text, whole, got) == 0);
        if (((unsigned char)whole[fits] & 0xC0) != 0x80)
            CHECK(got == fits); /* there is no need to cut more */
    }
    for (i = size; i < sizeof text; i++) good = good && text[i] == '#';
    CHECK(good);
}

static void message_that_does_not_fit_is_cut_between_characters(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint nobody;
    apm_async_result *result = be_refused(socket, APM_FAMILY_IPV4, &nobody);
    static char whole[ROOM];
    size_t length = apm_async_result_message(result, whole, sizeof whole), size;

    CHECK(length < sizeof whole && is_clean_utf8(whole));
    for (size = 0; size <= length + 8; size++) check_cut(result, whole, length, size);
    CHECK(apm_async_result_message(result, NULL, 10) == length);
    apm_async_result_release(result);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static const test_case says[] = {
    {"refused_connect_names_the_endpoint", refused_connect_names_the_endpoint, false},
    {"endpoints_of_ipv6_are_in_brackets", endpoints_of_ipv6_are_in_brackets, false},
    {"connect_that_took_too_long_names_the_endpoint", connect_that_took_too_long_names_the_endpoint, false},
    {"connect_that_worked_names_nobody", connect_that_worked_names_nobody, false},
    {"connect_to_many_names_the_one_whose_error_it_is", connect_to_many_names_the_one_whose_error_it_is,
     false},
    {"parallel_connect_names_the_one_whose_error_it_is", parallel_connect_names_the_one_whose_error_it_is,
     false},
    {"connect_to_a_host_names_its_endpoint", connect_to_a_host_names_its_endpoint, false},
    {"name_that_is_not_found_names_no_endpoint", name_that_is_not_found_names_no_endpoint, false},
    {"other_operations_name_nobody", other_operations_name_nobody, false},
    {NULL, NULL, false}};

static const test_case moments[] = {
    {"pending_operation_has_no_message", pending_operation_has_no_message, false},
    {"callback_can_ask_before_end_was_called", callback_can_ask_before_end_was_called, false},
    {NULL, NULL, false}};

static const test_case room[] = {{"message_that_does_not_fit_is_cut_between_characters",
                                  message_that_does_not_fit_is_cut_between_characters, false},
                                 {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"says", says}, {"moments", moments}, {"room", room}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
