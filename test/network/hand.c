/* SPDX-License-Identifier: MIT */
#include "hand.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The hand's answer to the line, without its end. */
static bool converse(const char *line, char *answer, size_t room)
{
    const char *port = getenv("APMTEST_HAND");
    apm_endpoint door;
    apm_socket *socket;
    size_t length = 0, received = 0;

    if (port == NULL || apm_endpoint_loopback(APM_FAMILY_IPV4, (uint16_t)strtoul(port, NULL, 10), &door) != 0)
        return false;
    socket = stream_new(APM_FAMILY_IPV4);
    if (socket == NULL) return false;
    if (CHECK_ERROR(apm_socket_connect(socket, &door), APM_ERROR_SUCCESS) &&
        CHECK_ERROR(apm_socket_send(socket, line, strlen(line), 0, NULL), APM_ERROR_SUCCESS)) {
        while (length + 1 < room &&
               apm_socket_receive(socket, answer + length, room - 1 - length, 0, &received) == 0 &&
               received != 0)
            length += received;
    }
    close_now(socket);
    if (length == 0 || answer[length - 1] != '\n') return false;
    answer[length - 1] = '\0';
    return true;
}

const char *hand_do(const char *format, ...)
{
    static char answer[HAND_LINE];
    char line[HAND_LINE];
    va_list arguments;
    size_t at;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    CHECK(length > 0 && (size_t)length < sizeof line - 1);
    at = strlen(line);
    line[at] = '\n';
    line[at + 1] = '\0';
    if (!converse(line, answer, sizeof answer) || strncmp(answer, "no ", 3) == 0) {
        CU_FAIL("the hand has not done it");
        (void)printf("%.200s", line);
        return "";
    }
    return strncmp(answer, "ok", 2) == 0 ? answer + (answer[2] == ' ' ? 3 : 2) : answer;
}

apm_endpoint endpoint_at(const char *address, uint16_t port)
{
    apm_endpoint endpoint = {0};

    (void)CHECK_ERROR(apm_endpoint_from_ip(address, port, &endpoint), APM_ERROR_SUCCESS);
    return endpoint;
}

apm_endpoint hand_listen(const char *name, const char *address, uint16_t port)
{
    return endpoint_at(
        address, (uint16_t)strtoul(hand_do("listen %s %s %u", name, address, (unsigned)port), NULL, 10));
}

bool hand_is_unreached(const char *listener)
{
    return strcmp(hand_do("waiting %s", listener), "0") == 0;
}

apm_socket *hand_connect(const apm_endpoint *remote, const char *listener, const char *name)
{
    apm_socket *socket = stream_new(apm_endpoint_family(remote));

    if (socket == NULL) return NULL;
    if (CHECK_ERROR(connect_now(socket, remote), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept %s %s", name, listener);
        return socket;
    }
    close_now(socket);
    return NULL;
}

void hand_check_alive(apm_socket *socket, const char *name, uint64_t place)
{
    unsigned char byte;

    pattern_fill(&byte, 1, place);
    (void)CHECK_ERROR(send_now(socket, &byte, 1, NULL), APM_ERROR_SUCCESS);
    (void)hand_do("read %s 1", name);
    (void)hand_do("write %s 1", name);
    (void)CHECK_ERROR(receive_all(socket, &byte, 1), APM_ERROR_SUCCESS);
    CHECK(pattern_holds(&byte, 1, place));
}
