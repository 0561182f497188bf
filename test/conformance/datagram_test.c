/* SPDX-License-Identifier: MIT */
/* Connected datagram sockets: two of the library's own, connected to each other. */
#include <string.h>

#include "../support/fixture.h"

static void datagram_socket_connects_inside_begin(void)
{
    apm_endpoint local, remote, found = {0};
    apm_socket *left = datagram_bound(APM_FAMILY_IPV4, &local),
               *right = datagram_bound(APM_FAMILY_IPV4, &remote);
    call made;

    if (left == NULL || right == NULL) return;
    (void)CHECK_ERROR(send_now(left, "x", 1, NULL), APM_ERROR_NOT_CONNECTED);
    call_prepare(&made, left, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &remote), APM_ERROR_SUCCESS)) {
        CHECK(apm_async_result_is_completed(made.result));
        CHECK(apm_async_result_completed_synchronously(made.result));
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(apm_socket_connected(left));
        (void)CHECK_ERROR(apm_socket_remote_endpoint(left, &found), APM_ERROR_SUCCESS);
        CHECK(apm_endpoint_equal(&found, &remote));
    }
    (void)CHECK_ERROR(apm_socket_close(left), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(right), APM_ERROR_SUCCESS);
    call_dispose(&made);
}

/* Who is bound needs no peer to receive; who is not would wait for nothing. */
static void bound_socket_receives_from_anybody(void)
{
    apm_socket *fresh = datagram_open(APM_FAMILY_IPV4);
    datagram_pair both;
    apm_buffer parts[2];
    char here[8] = {0};
    size_t bytes = 0;
    call made;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(receive_now(fresh, here, sizeof here, NULL), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(apm_socket_receive(fresh, here, sizeof here, 0, NULL), APM_ERROR_NOT_CONNECTED);
    close_now(fresh);
    call_prepare(&made, both.right, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, here, sizeof here),
                    APM_ERROR_SUCCESS)) { /* pending, and then there */
        (void)CHECK_ERROR(send_to_now(both.left, "one", 3, &both.right_at, NULL), APM_ERROR_SUCCESS);
        CHECK(call_ends_with(&made, APM_ERROR_SUCCESS, 3) && memcmp(here, "one", 3) == 0);
    }
    call_dispose(&made);
    (void)CHECK_ERROR(send_to_now(both.left, "two", 3, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_receive(both.right, here, sizeof here, 0, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 3 && memcmp(here, "two", 3) == 0);
    parts[0].data = here;
    parts[1].data = here + 4;
    parts[0].size = parts[1].size = 4;
    (void)CHECK_ERROR(send_to_now(both.left, "abcdefg", 7, &both.right_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_buffers_now(both.right, parts, 2, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 7 && memcmp(here, "abcdefg", 7) == 0);
    (void)CHECK_ERROR(send_now(both.right, "x", 1, NULL), APM_ERROR_NOT_CONNECTED);
    datagram_pair_close(&both);
}

static void datagrams_keep_their_boundaries(void)
{
    static const size_t sizes[] = {1, 2, 1000, 3, 1400, 1};
    enum { DATAGRAMS = sizeof sizes / sizeof sizes[0] };
    unsigned char there[1400], here[2000];
    datagram_pair both;
    size_t i, bytes;

    if (!datagram_pair_open(&both, true)) return;
    for (i = 0; i < DATAGRAMS; i++) {
        pattern_fill(there, sizes[i], i);
        bytes = 0;
        (void)CHECK_ERROR(send_now(both.left, there, sizes[i], &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == sizes[i]);
    }
    for (i = 0; i < DATAGRAMS; i++) { /* on loopback none is lost, and none overtakes */
        bytes = 0;
        (void)CHECK_ERROR(receive_now(both.right, here, sizeof here, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == sizes[i] && pattern_holds(here, bytes, i));
    }
    datagram_pair_close(&both);
}

static void pending_receive_gets_the_next_datagram(void)
{
    datagram_pair both;
    call made;
    char here[16] = {0};

    if (!datagram_pair_open(&both, true)) return;
    call_prepare(&made, both.right, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, here, sizeof here), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result));
        (void)CHECK_ERROR(send_now(both.left, "hello", 5, NULL), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(made.bytes == 5 && memcmp(here, "hello", 5) == 0);
    }
    call_dispose(&made);
    datagram_pair_close(&both);
}

/* Already there, and awaited: the kernel takes different ways for the two. */
static void datagram_larger_than_the_buffer_is_message_size(void)
{
    datagram_pair both;
    call made;
    char here[4] = {0};
    size_t bytes = 0;
    int pending;

    if (!datagram_pair_open(&both, true)) return;
    for (pending = 0; pending < 2; pending++) {
        apm_error error;

        memset(here, 0, sizeof here);
        call_prepare(&made, both.right, CALL_RECEIVE);
        if (pending == 0) (void)CHECK_ERROR(send_now(both.left, "abcdef", 6, NULL), APM_ERROR_SUCCESS);
        error = call_receive(&made, here, 3);
        if (pending == 1) (void)CHECK_ERROR(send_now(both.left, "abcdef", 6, NULL), APM_ERROR_SUCCESS);
        if (error == APM_ERROR_SUCCESS) {
            CHECK(call_wait(&made));
            (void)CHECK_ERROR(made.error, APM_ERROR_MESSAGE_SIZE);
            CHECK(made.bytes == 3);
        } else { /* what fails at once has no result: Begin says it */
            (void)CHECK_ERROR(error, APM_ERROR_MESSAGE_SIZE);
        }
        CHECK(memcmp(here, "abc", 4) == 0); /* filled, and not a byte more */
        call_dispose(&made);
    }
    /* The rest of it is gone; the next one is whole. */
    (void)CHECK_ERROR(send_now(both.left, "xy", 2, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(both.right, here, sizeof here, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && memcmp(here, "xy", 2) == 0);
    datagram_pair_close(&both);
}

static void pending_datagram_receives_can_be_cancelled_and_closed(void)
{
    datagram_pair both;
    call first, second;
    char here[2] = {0};

    if (!datagram_pair_open(&both, true)) return;
    call_prepare(&first, both.right, CALL_RECEIVE);
    call_prepare(&second, both.right, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&first, &here[0], 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(call_receive(&second, &here[1], 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(first.result), APM_ERROR_SUCCESS);
    CHECK(call_wait(&first));
    (void)CHECK_ERROR(first.error, APM_ERROR_OPERATION_ABORTED);
    (void)CHECK_ERROR(send_now(both.left, "z", 1, NULL), APM_ERROR_SUCCESS);
    CHECK(call_wait(&second));
    (void)CHECK_ERROR(second.error, APM_ERROR_SUCCESS);
    CHECK(second.bytes == 1 && here[1] == 'z');
    call_dispose(&first);
    call_dispose(&second);

    call_prepare(&first, both.right, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&first, &here[0], 1), APM_ERROR_SUCCESS);
    apm_socket_retain(both.right);
    (void)CHECK_ERROR(apm_socket_close(both.right), APM_ERROR_SUCCESS);
    CHECK(call_wait(&first));
    (void)CHECK_ERROR(first.error, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(both.right);
    both.right = NULL;
    call_dispose(&first);
    datagram_pair_close(&both);
}

static const test_case datagrams[] = {
    {"datagram_socket_connects_inside_begin", datagram_socket_connects_inside_begin, false},
    {"bound_socket_receives_from_anybody", bound_socket_receives_from_anybody, false},
    {"datagrams_keep_their_boundaries", datagrams_keep_their_boundaries, false},
    {"pending_receive_gets_the_next_datagram", pending_receive_gets_the_next_datagram, false},
    {"datagram_larger_than_the_buffer_is_message_size", datagram_larger_than_the_buffer_is_message_size,
     false},
    {"pending_datagram_receives_can_be_cancelled_and_closed",
     pending_datagram_receives_can_be_cancelled_and_closed, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"datagrams", datagrams}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
