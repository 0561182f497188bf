/* SPDX-License-Identifier: MIT */
/* The numbers of apm_get_statistics: exact when nothing is under way, never going back. */
#include <string.h>

#include "../support/fixture.h"

static apm_statistics ask(void)
{
    apm_statistics now;

    memset(&now, 0xAA, sizeof now);
    now.size = sizeof now;
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_SUCCESS);
    CHECK(now.begun == now.completed + now.live);
    return now;
}

/* A callback has to return before its operation is no longer live. */
static apm_statistics ask_when_live(uint64_t live)
{
    uint64_t end = test_now() + PATIENCE;
    apm_statistics now = ask();

    while (now.live != live && test_now() < end) {
        test_yield();
        now = ask();
    }
    CHECK(now.live == live);
    return now;
}

static void check_numbers(const apm_statistics *now, uint64_t begun, uint64_t cancelled, uint64_t failed)
{
    CHECK(now->begun == begun);
    CHECK(now->cancelled == cancelled);
    CHECK(now->failed == failed);
}

/* ---- what counts -------------------------------------------------------------------------------- */

static void operations_and_bytes_are_counted(void)
{
    apm_statistics now = ask();
    char here[8], text[] = "0123456789";
    apm_buffer parts[2] = {{text, 4}, {text + 4, 3}};
    call in, out;
    pair both;

    check_numbers(&now, 0, 0, 0);
    CHECK(now.sockets == 0 && now.bytes_sent == 0 && now.bytes_received == 0);
    CHECK(now.workers >= 1 && now.idle_workers <= now.workers);
    if (!pair_open(&both)) return;
    now = ask_when_live(0);
    check_numbers(&now, 1, 0, 0); /* the connect */
    CHECK(now.sockets == 1);

    call_prepare(&in, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&in, here, sizeof here), APM_ERROR_SUCCESS);
    now = ask();
    check_numbers(&now, 2, 0, 0);
    CHECK(now.live == 1);
    call_prepare(&out, both.socket, CALL_SEND);
    (void)CHECK_ERROR(call_send_buffers(&out, parts, 2), APM_ERROR_SUCCESS);
    (void)call_ends_with(&out, APM_ERROR_SUCCESS, 7);
    CHECK(peer_write(both.other, "abcde", 5));
    (void)call_wait(&in);
    now = ask_when_live(0);
    check_numbers(&now, 3, 0, 0);
    CHECK(now.bytes_sent == 7 && now.bytes_received == in.bytes);
    call_dispose(&in);
    call_dispose(&out);

    if (in.bytes < 5) (void)CHECK_ERROR(receive_all(both.socket, here, 5 - in.bytes), APM_ERROR_SUCCESS);
    pair_close(&both);
    now = ask_when_live(0);
    CHECK(now.bytes_sent == 7 && now.bytes_received == 5); /* of a socket that is gone, too */
    CHECK(now.sockets == 0);
}

static void datagrams_are_counted(void)
{
    apm_statistics now;
    datagram_pair both;
    apm_endpoint from;
    char here[16];
    size_t size = 0;

    if (!datagram_pair_open(&both, false)) return;
    (void)CHECK_ERROR(send_to_now(both.left, "abc", 3, &both.right_at, &size), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(both.right, here, sizeof here, &size, &from), APM_ERROR_SUCCESS);
    now = ask_when_live(0);
    check_numbers(&now, 2, 0, 0);
    CHECK(now.bytes_sent == 3 && now.bytes_received == 3 && now.sockets == 2);
    datagram_pair_close(&both);
}

static void aborts_and_failures_are_told_apart(void)
{
    apm_endpoint nowhere;
    apm_statistics now;
    apm_socket *socket;
    call made[4];
    char here[4];
    pair both;
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < 3; i++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        made[i].keeps = i == 2; /* the socket is closed then */
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    (void)CHECK_ERROR(apm_async_result_cancel(made[0].result), APM_ERROR_SUCCESS);
    (void)call_ends(&made[0], APM_ERROR_OPERATION_ABORTED);
    (void)CHECK_ERROR(apm_async_result_cancel_after(made[1].result, 1), APM_ERROR_SUCCESS);
    (void)call_ends(&made[1], APM_ERROR_TIMED_OUT);
    now = ask_when_live(1);
    check_numbers(&now, 4, 2, 0);

    socket = stream_new(APM_FAMILY_IPV4);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nowhere);
    call_prepare(&made[3], socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made[3], &nowhere), APM_ERROR_SUCCESS))
        (void)call_ends(&made[3], APM_ERROR_CONNECTION_REFUSED);
    now = ask_when_live(1);
    check_numbers(&now, 5, 2, 1);
    close_now(socket);

    pair_close(&both);
    CHECK(call_wait(&made[2]));
    now = ask_when_live(0);
    check_numbers(&now, 5, 3, 1);
    for (i = 0; i < 4; i++) call_dispose(&made[i]);
}

static void begin_that_fails_is_none(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4), *datagram = datagram_open(APM_FAMILY_IPV4);
    apm_statistics now;
    char byte = 0;

    if (socket == NULL || datagram == NULL) return;
    (void)CHECK_ERROR(apm_socket_begin_receive(socket, &byte, 1, 0, NULL, NULL, NULL),
                      APM_ERROR_NOT_CONNECTED);
    CHECK(apm_socket_begin_receive_from(datagram, &byte, 1, -1, NULL, NULL, NULL) != APM_ERROR_SUCCESS);
    now = ask();
    check_numbers(&now, 0, 0, 0);
    CHECK(now.live == 0 && now.sockets == 2);
    close_now(datagram);
    close_now(socket);
    now = ask();
    check_numbers(&now, 0, 0, 0);
    CHECK(now.sockets == 0);
}

/* Waiting in apm_socket_poll is no operation, and keeps the library all the same. */
static void asking_a_socket_is_no_operation(void)
{
    apm_statistics now;
    bool ready = true;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_poll(both.socket, 1000, APM_POLL_READ, &ready), APM_ERROR_SUCCESS);
    now = ask_when_live(0);
    check_numbers(&now, 1, 0, 0);
    pair_close(&both);
}

/* ---- while others work ----------------------------------------------------------------------------- */

typedef struct reader {
    _Atomic bool stop;
    test_gate *looked; /* since it was shut last */
} reader;

static void look_on(void *argument)
{
    reader *one = (reader *)argument;
    apm_statistics before = ask();

    while (!atomic_load(&one->stop)) {
        apm_statistics now = ask();

        CHECK(now.completed >= before.completed);
        CHECK(now.bytes_sent >= before.bytes_sent && now.bytes_received >= before.bytes_received);
        CHECK(now.cancelled >= before.cancelled);
        before = now;
        test_gate_open(one->looked);
        test_yield();
    }
}

/* A thread that was started need not have run. */
static void await_look(reader *one)
{
    (void)CHECK_ERROR(apm_manual_reset_event_reset(one->looked), APM_ERROR_SUCCESS);
    (void)test_gate_wait(one->looked);
}

static void numbers_never_go_back(void)
{
    enum { SOCKETS = 20, ROUNDS = 10, SENT = SOCKETS * ROUNDS, BEGUN = SOCKETS + 2 * SENT };
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_statistics now;
    reader beside = {0};
    test_thread *thread;
    int i, round;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    beside.looked = test_gate_new();
    thread = test_thread_start(look_on, &beside);
    for (i = 0; i < SOCKETS; i++) {
        pair both;
        call made;
        char here;

        if (!pair_open_with(&both, listener)) break;
        await_look(&beside); /* so that there are looks from the beginning to the end */
        for (round = 0; round < ROUNDS; round++) {
            call_prepare(&made, both.socket, CALL_RECEIVE);
            (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
            CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
            call_dispose(&made);
            (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
        }
        pair_close(&both);
    }
    atomic_store(&beside.stop, true);
    test_thread_join(thread);
    test_gate_free(beside.looked);
    now = ask_when_live(0);
    check_numbers(&now, BEGUN, 0, 0);
    CHECK(now.bytes_sent == SENT && now.bytes_received == SENT);
    peer_listener_close(listener);
}

/* ---- the struct, the library -------------------------------------------------------------------------- */

typedef struct later {
    apm_statistics known;
    uint64_t more[4];
} later;

static void struct_of_another_version_is_understood(void)
{
    const size_t first = offsetof(apm_statistics, idle_workers) + sizeof(uint32_t);
    later wide;
    apm_statistics now;
    size_t i;

    (void)CHECK_ERROR(apm_get_statistics(NULL), APM_ERROR_ARGUMENT_NULL);
    memset(&now, 0x55, sizeof now);
    now.size = 0;
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_ARGUMENT);
    now.size = offsetof(apm_statistics, idle_workers);
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_ARGUMENT);
    now.size = 4097;
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_ARGUMENT);
    CHECK(now.begun == UINT64_C(0x5555555555555555)); /* nothing was written */
    memset(&wide, 0x55, sizeof wide);
    wide.known.size = sizeof wide;
    (void)CHECK_ERROR(apm_get_statistics(&wide.known), APM_ERROR_SUCCESS);
    CHECK(wide.known.size == sizeof wide && wide.known.begun == 0 && wide.more[0] == 0 && wide.more[3] == 0);
    /* The first version without the bytes that fill the struct up: whatever is behind it is the caller's. */
    memset(&wide, 0x55, sizeof wide);
    wide.known.size = first;
    (void)CHECK_ERROR(apm_get_statistics(&wide.known), APM_ERROR_SUCCESS);
    for (i = first; i < sizeof wide; i++) CHECK(((const unsigned char *)&wide)[i] == 0x55);
}

static void numbers_are_of_one_run(void)
{
    apm_options options = harness_options();
    apm_statistics now = {0};
    pair both;

    now.size = sizeof now;
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_NOT_INITIALIZED);
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) pair_close(&both);
    now = ask_when_live(0);
    check_numbers(&now, 1, 0, 0);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_NOT_INITIALIZED);
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    now = ask();
    check_numbers(&now, 0, 0, 0);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static const test_case statistics_cases[] = {
    {"operations_and_bytes_are_counted", operations_and_bytes_are_counted, false},
    {"datagrams_are_counted", datagrams_are_counted, false},
    {"aborts_and_failures_are_told_apart", aborts_and_failures_are_told_apart, false},
    {"begin_that_fails_is_none", begin_that_fails_is_none, false},
    {"asking_a_socket_is_no_operation", asking_a_socket_is_no_operation, false},
    {"numbers_never_go_back", numbers_never_go_back, false},
    {"struct_of_another_version_is_understood", struct_of_another_version_is_understood, false},
    {"numbers_are_of_one_run", numbers_are_of_one_run, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"statistics", statistics_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
