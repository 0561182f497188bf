/* SPDX-License-Identifier: MIT */
/* Begins that fail, with what the headers say of them, in their order; and then nothing has begun. */
#include <string.h>

#include "transfer.h"

/* Of a socket that is there, and nothing else that is wrong. */
apm_error transfer_expected(enum way way)
{
    if (now.closed) return APM_ERROR_OBJECT_DISPOSED;
    if (way == PLAIN || way == LISTED)
        return now.connected || (!now.stream && now.bound) ? APM_ERROR_SUCCESS : APM_ERROR_NOT_CONNECTED;
    if (!now.bound) return APM_ERROR_INVALID_OPERATION;
    if (now.stream && way == MESSAGE) return APM_ERROR_OPERATION_NOT_SUPPORTED;
    return now.stream && !now.connected ? APM_ERROR_NOT_CONNECTED : APM_ERROR_SUCCESS;
}

apm_error transfer_send_expected(void)
{
    if (now.closed) return APM_ERROR_OBJECT_DISPOSED;
    return now.connected ? APM_ERROR_SUCCESS : APM_ERROR_NOT_CONNECTED;
}

/* Nothing may have begun. */
static void check_refused(apm_error error, apm_error expected, const apm_async_result *result)
{
    char why[120];

    (void)snprintf(why, sizeof why, "a Begin that fails: %s, expected %s", apm_error_name(error),
                   apm_error_name(expected));
    require(error == expected && expected != APM_ERROR_SUCCESS, why);
    require(result == (const apm_async_result *)&now, "without a result");
}

static void refuse_send(const void *data, size_t size, apm_error expected)
{
    apm_async_result *result = (apm_async_result *)&now;
    apm_endpoint to = now.self;
    apm_error error;

    if (expected == APM_ERROR_SUCCESS) expected = transfer_send_expected();
    if (now.closed) expected = APM_ERROR_OBJECT_DISPOSED;
    if (expected != APM_ERROR_SUCCESS) {
        error = apm_socket_begin_send(now.socket, data, size, 0, transfer_call_back, &now, &result);
        check_refused(error, expected, result);
    }
    if (expected == APM_ERROR_ARGUMENT_NULL || expected == APM_ERROR_ARGUMENT_OUT_OF_RANGE) {
        error = apm_socket_begin_send_to(now.socket, data, size, 0, &to, transfer_call_back, &now, &result);
        check_refused(error, expected, result);
    }
}

static void refuse_receive(void *data, size_t size, apm_error expected)
{
    apm_async_result *result = (apm_async_result *)&now;
    apm_error wrong = now.closed ? APM_ERROR_OBJECT_DISPOSED : expected, error;
    apm_error plain = wrong != APM_ERROR_SUCCESS ? wrong : transfer_expected(PLAIN);
    apm_error from = wrong != APM_ERROR_SUCCESS ? wrong : transfer_expected(FROM);
    apm_error message = wrong != APM_ERROR_SUCCESS ? wrong : transfer_expected(MESSAGE);

    if (plain != APM_ERROR_SUCCESS) {
        error = apm_socket_begin_receive(now.socket, data, size, 0, transfer_call_back, &now, &result);
        check_refused(error, plain, result);
    }
    if (from != APM_ERROR_SUCCESS) {
        error = apm_socket_begin_receive_from(now.socket, data, size, 0, transfer_call_back, &now, &result);
        check_refused(error, from, result);
    }
    if (message != APM_ERROR_SUCCESS) {
        error = apm_socket_begin_receive_message_from(now.socket, data, size, 0, transfer_call_back, &now,
                                                      &result);
        check_refused(error, message, result);
    }
}

/* Buffers that no memory has, NULL for something, or anything at all in the wrong state. */
void transfer_refuse_buffers(void)
{
    static unsigned char bytes[4];
    uint8_t what = take_byte(&now.input);
    bool null = what % 3 == 0, large = what % 3 == 1;
    size_t size = large  ? SIZE_MAX / 2 + 1 + take_word(&now.input)
                  : null ? 1 + take_byte(&now.input)
                         : sizeof bytes;
    apm_error wrong = null    ? APM_ERROR_ARGUMENT_NULL
                      : large ? APM_ERROR_ARGUMENT_OUT_OF_RANGE
                              : APM_ERROR_SUCCESS;

    if (null && what >= 128) size = SIZE_MAX; /* what is not there comes before its size */
    refuse_send(null ? NULL : bytes, size, wrong);
    refuse_receive(null ? NULL : bytes, size, wrong);
}

/* More than a datagram holds, in more buffers than a call takes. */
static void refuse_large_list(void)
{
    static unsigned char bytes[1000];
    apm_async_result *result = (apm_async_result *)&now;
    apm_buffer list[100];
    size_t i;

    if (now.stream || transfer_send_expected() != APM_ERROR_SUCCESS) return;
    for (i = 0; i < 100; i++) list[i] = (apm_buffer){bytes, sizeof bytes};
    check_refused(apm_socket_begin_send_buffers(now.socket, list, 100, 0, transfer_call_back, &now, &result),
                  APM_ERROR_MESSAGE_SIZE, result);
}

void transfer_refuse_lists(void)
{
    static unsigned char bytes[4];
    apm_buffer list[4] = {{bytes, 1}, {NULL, 0}, {bytes, 4}, {bytes, 0}};
    apm_async_result *result = (apm_async_result *)&now;
    apm_error wrong = APM_ERROR_SUCCESS, expected, error;
    const apm_buffer *given = list;
    size_t count = 4, at = take_byte(&now.input) % 4;

    switch (take_byte(&now.input) % 6) {
    case 0:
        given = NULL;
        wrong = APM_ERROR_ARGUMENT_NULL;
        break;
    case 1:
        count = 0;
        wrong = APM_ERROR_ARGUMENT;
        break;
    case 2:
        list[at].data = NULL;
        list[at].size = 1 + take_byte(&now.input);
        wrong = APM_ERROR_ARGUMENT_NULL;
        break;
    case 3:
        list[at].data = bytes;
        list[at].size = SIZE_MAX / 2 + 1 + take_word(&now.input);
        wrong = APM_ERROR_ARGUMENT_OUT_OF_RANGE;
        break;
    case 4: /* each of them is possible, and all together are not */
        list[0].size = SIZE_MAX / 2 - take_byte(&now.input) % 4;
        wrong = APM_ERROR_ARGUMENT_OUT_OF_RANGE;
        break;
    default: break;
    }
    if (now.closed) wrong = APM_ERROR_OBJECT_DISPOSED;
    expected = wrong != APM_ERROR_SUCCESS ? wrong : transfer_send_expected();
    if (expected == APM_ERROR_SUCCESS) {
        refuse_large_list();
    } else {
        error = apm_socket_begin_send_buffers(now.socket, given, count, 0, transfer_call_back, &now, &result);
        check_refused(error, expected, result);
    }
    expected = wrong != APM_ERROR_SUCCESS ? wrong : transfer_expected(LISTED);
    if (expected == APM_ERROR_SUCCESS) return;
    error = apm_socket_begin_receive_buffers(now.socket, given, count, 0, transfer_call_back, &now, &result);
    check_refused(error, expected, result);
}

/* Addresses that no datagram can go to. */
void transfer_refuse_remote(void)
{
    static unsigned char bytes[HUGE_DATAGRAM];
    apm_async_result *result = (apm_async_result *)&now;
    int32_t other = now.family == APM_FAMILY_IPV4 ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    uint16_t port = (uint16_t)(1 + take_byte(&now.input));
    uint8_t what = take_byte(&now.input) % 6;
    size_t size = what == 5 ? sizeof bytes : 4;
    apm_error expected = APM_ERROR_ADDRESS_NOT_AVAILABLE, error;
    apm_endpoint to = {0};

    require(apm_endpoint_loopback(now.family, what == 1 ? 0 : port, &to) == APM_ERROR_SUCCESS, "an address");
    if (what == 0) require(apm_endpoint_any(now.family, port, &to) == APM_ERROR_SUCCESS, "another one");
    if (what == 2) {
        if (now.dual) return; /* it is one of both */
        require(apm_endpoint_loopback(other, port, &to) == APM_ERROR_SUCCESS, "one of the other family");
        expected = APM_ERROR_NOT_SUPPORTED;
    }
    if (what == 3) {
        to.length += take_byte(&now.input) % 2 != 0 ? 1 : -(int32_t)(1 + take_byte(&now.input));
        expected = APM_ERROR_ARGUMENT;
    }
    if (what == 5) {
        /* A stream is not one of datagrams, and its kernel takes any number of bytes. */
        if (now.stream && now.connected) return;
        expected = now.stream ? APM_ERROR_NOT_CONNECTED : APM_ERROR_MESSAGE_SIZE;
    }
    if (what == 4) expected = APM_ERROR_ARGUMENT_NULL;
    if (now.closed) expected = APM_ERROR_OBJECT_DISPOSED;
    error = apm_socket_begin_send_to(now.socket, bytes, size, 0, what == 4 ? NULL : &to, transfer_call_back,
                                     &now, &result);
    check_refused(error, expected, result);
}

/* A file's flags, buffers and state; nothing of it is ever opened. */
void transfer_refuse_file(void)
{
    static unsigned char bytes[4];
    apm_async_result *result = (apm_async_result *)&now;
    apm_buffer good = {bytes, sizeof bytes}, null = {NULL, 1}, large = {bytes, SIZE_MAX / 2 + 1};
    const apm_buffer *before = &good, *after = NULL;
    int32_t flags = take_byte(&now.input) & 55;
    uint8_t what = take_byte(&now.input) % 4;
    /* Of the socket as of its last operation, which a datagram that was cut has ended. */
    apm_error expected =
        now.stream || !apm_socket_connected(now.socket) ? APM_ERROR_NOT_SUPPORTED : APM_ERROR_NOT_CONNECTED;
    apm_error error;

    if (what == 0) flags |= (int32_t)(8u << 3 * (take_byte(&now.input) % 4));
    if (what == 0) expected = APM_ERROR_ARGUMENT;
    if (what == 1) before = &null;
    if (what == 1) expected = APM_ERROR_ARGUMENT_NULL;
    if (what == 2) after = &large;
    if (what == 2) expected = APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (what == 3 && now.stream && now.connected) {
        expected = APM_ERROR_FILE_NOT_FOUND; /* the one thing that is wrong */
        flags &= ~(APM_SEND_FILE_DISCONNECT | APM_SEND_FILE_REUSE_SOCKET);
    }
    if (now.closed) expected = APM_ERROR_OBJECT_DISPOSED;
    error = apm_socket_begin_send_file(now.socket, "no such file", before, after, flags, transfer_call_back,
                                       &now, &result);
    check_refused(error, expected, result);
}

/* No socket at all comes before all else. */
void transfer_refuse_nothing(void)
{
    apm_async_result *result = (apm_async_result *)&now;
    apm_endpoint from;

    check_refused(apm_socket_begin_send(NULL, NULL, SIZE_MAX, 0, transfer_call_back, &now, &result),
                  APM_ERROR_ARGUMENT_NULL, result);
    check_refused(apm_socket_begin_receive_message_from(NULL, NULL, 1, 0, transfer_call_back, &now, &result),
                  APM_ERROR_ARGUMENT_NULL, result);
    check_refused(apm_socket_begin_send_buffers(NULL, NULL, 0, 0, transfer_call_back, &now, &result),
                  APM_ERROR_ARGUMENT_NULL, result);
    check_refused(apm_socket_begin_send_file(NULL, NULL, NULL, NULL, -1, transfer_call_back, &now, &result),
                  APM_ERROR_ARGUMENT_NULL, result);
    if (now.closed) return;
    require(apm_socket_end_receive_from(now.socket, NULL, NULL, NULL) == APM_ERROR_ARGUMENT_NULL &&
                apm_socket_end_receive_from(now.socket, NULL, NULL, &from) == APM_ERROR_ARGUMENT_NULL &&
                apm_socket_end_send_to(now.socket, NULL, NULL) == APM_ERROR_ARGUMENT_NULL,
            "an End of something");
}
