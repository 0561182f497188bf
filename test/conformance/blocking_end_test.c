/* SPDX-License-Identifier: MIT */
/* What ends a blocking member before its time: a close by somebody else, the end of the library. */
#include <stdlib.h>

#include "../support/fixture.h"

enum { LARGE = 24 * 1024 * 1024 };

typedef enum member { CONNECT, CONNECT_HOST, SEND, RECEIVE, RECEIVE_TIMED, MEMBERS } member;

typedef struct blocked {
    apm_socket *socket;
    member which;
    apm_endpoint remote;
    unsigned char *data; /* LARGE bytes */
    test_gate *about;
    apm_error error;
} blocked;

static void block_there(void *argument)
{
    blocked *one = (blocked *)argument;

    test_gate_open(one->about);
    switch (one->which) {
    case CONNECT: one->error = apm_socket_connect(one->socket, &one->remote); break;
    case CONNECT_HOST:
        one->error = apm_socket_connect_host(one->socket, "localhost", apm_endpoint_port(&one->remote));
        break;
    case SEND: one->error = apm_socket_send(one->socket, one->data, LARGE, APM_FLAG_NONE, NULL); break;
    case RECEIVE_TIMED:
        (void)apm_socket_set_option(one->socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, INT32_MAX);
        one->error = apm_socket_receive(one->socket, one->data, 1, APM_FLAG_NONE, NULL);
        break;
    case RECEIVE:
    case MEMBERS: one->error = apm_socket_receive(one->socket, one->data, 1, APM_FLAG_NONE, NULL); break;
    }
}

/* The close may come before the member is called, too; it says the same. `patience`: how far it
 * gets before. */
static void close_while_blocked(member which, int patience, unsigned char *data)
{
    bool connects = which == CONNECT || which == CONNECT_HOST;
    peer_listener *hanging = connects ? peer_listen_hanging(APM_FAMILY_IPV4) : NULL;
    pair both = {NULL, NULL};
    blocked one = {NULL, which, {0}, NULL, NULL, APM_ERROR_SOCKET};
    test_thread *thread;
    int i;

    if (connects) {
        CHECK(hanging != NULL);
        if (hanging == NULL) return;
        peer_listener_endpoint(hanging, &one.remote);
        both.socket = stream_new(APM_FAMILY_IPV4);
    } else if (!pair_open(&both)) {
        return;
    }
    one.socket = both.socket;
    one.data = data;
    one.about = test_gate_new();
    apm_socket_retain(both.socket);
    thread = test_thread_start(block_there, &one);
    CHECK(test_gate_wait(one.about));
    for (i = 0; i < patience; i++) test_yield();
    (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
    test_thread_join(thread);
    (void)CHECK_ERROR(one.error, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(both.socket);
    both.socket = NULL;
    pair_close(&both);
    test_gate_free(one.about);
    peer_listener_close(hanging);
}

static void close_frees_whoever_is_blocked(void)
{
    unsigned char *data = (unsigned char *)calloc(1, LARGE);
    int which, round;

    CHECK(data != NULL);
    if (data == NULL) return;
    for (round = 0; round < 4; round++)
        for (which = 0; which < MEMBERS; which++) close_while_blocked((member)which, round * 50, data);
    free(data);
}

static void end_of_the_stream_frees_a_blocked_receive(void)
{
    unsigned char here = 0;
    blocked one = {NULL, RECEIVE, {0}, &here, NULL, APM_ERROR_SOCKET};
    test_thread *thread;
    pair both;

    if (!pair_open(&both)) return;
    one.socket = both.socket;
    one.about = test_gate_new();
    thread = test_thread_start(block_there, &one);
    CHECK(test_gate_wait(one.about));
    peer_end(both.other);
    test_thread_join(thread);
    (void)CHECK_ERROR(one.error, APM_ERROR_SUCCESS); /* the end of the stream */
    test_gate_free(one.about);
    pair_close(&both);
}

static void end_of_the_library_frees_a_blocked_receive(void)
{
    apm_options options = harness_options();
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    unsigned char here = 0;
    blocked one = {NULL, RECEIVE, {0}, &here, NULL, APM_ERROR_SOCKET};
    test_thread *thread;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL || !CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open_with(&both, listener)) {
        one.socket = both.socket;
        one.about = test_gate_new();
        thread = test_thread_start(block_there, &one);
        CHECK(test_gate_wait(one.about));
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        test_thread_join(thread);
        (void)CHECK_ERROR(one.error, APM_ERROR_OBJECT_DISPOSED);
        test_gate_free(one.about);
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static const test_case ends[] = {
    {"close_frees_whoever_is_blocked", close_frees_whoever_is_blocked, false},
    {"end_of_the_stream_frees_a_blocked_receive", end_of_the_stream_frees_a_blocked_receive, false},
    {"end_of_the_library_frees_a_blocked_receive", end_of_the_library_frees_a_blocked_receive, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"ends", ends}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
