/* SPDX-License-Identifier: MIT */
/* Poll: its modes, its time, and that a close ends it; and an io_control that waits. */
#include <stdlib.h>

#include "../support/disconnect_now.h"
#include "../support/fixture.h"
#ifndef _WIN32
#include "../sim/sim.h"
#endif

#define FOR_EVER (-1)
#define MILLION 1000000

static bool is_ready(apm_socket *socket, int32_t microseconds, int32_t mode)
{
    bool ready = false;

    (void)CHECK_ERROR(apm_socket_poll(socket, microseconds, mode, &ready), APM_ERROR_SUCCESS);
    return ready;
}

/* With the test's patience, so that a poll that waits for ever is a failure and no hang. */
static bool becomes_ready(apm_socket *socket, int32_t mode)
{
    return is_ready(socket, 60 * MILLION, mode);
}

/* ---- modes -------------------------------------------------------------------------------------------- */

static void bytes_are_readable_until_they_are_received(void)
{
    char here[4];
    pair both;

    if (!pair_open(&both)) return;
    CHECK(!is_ready(both.socket, 0, APM_POLL_READ));
    CHECK(peer_write(both.other, "ab", 2));
    CHECK(becomes_ready(both.socket, APM_POLL_READ));
    CHECK(becomes_ready(both.socket, APM_POLL_READ)); /* it takes nothing */
    (void)CHECK_ERROR(receive_all(both.socket, here, 1), APM_ERROR_SUCCESS);
    CHECK(becomes_ready(both.socket, APM_POLL_READ));
    (void)CHECK_ERROR(receive_all(both.socket, here, 1), APM_ERROR_SUCCESS);
    CHECK(!is_ready(both.socket, 0, APM_POLL_READ));
    pair_close(&both);
}

static void end_of_the_stream_is_readable(void)
{
    size_t bytes = 7;
    char here = 0;
    pair both;

    if (!pair_open(&both)) return;
    peer_end(both.other);
    CHECK(becomes_ready(both.socket, APM_POLL_READ));
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    CHECK(becomes_ready(both.socket, APM_POLL_READ)); /* for good */
    pair_close(&both);
}

static void reset_is_readable(void)
{
    pair both;

    if (!pair_open(&both)) return;
    peer_reset(both.other);
    both.other = NULL;
    CHECK(becomes_ready(both.socket, APM_POLL_READ));
    pair_close(&both);
}

static void connected_socket_is_writable(void)
{
    pair both;

    if (!pair_open(&both)) return;
    CHECK(becomes_ready(both.socket, APM_POLL_WRITE));
    CHECK(is_ready(both.socket, 0, APM_POLL_WRITE));
    CHECK(is_ready(both.socket, FOR_EVER, APM_POLL_WRITE));
    CHECK(!is_ready(both.socket, 0, APM_POLL_ERROR));
    pair_close(&both);
}

static void socket_that_is_not_connected_is_not_writable(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    CHECK(!is_ready(socket, 0, APM_POLL_WRITE));
    CHECK(!is_ready(socket, 0, APM_POLL_ERROR));
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void connect_that_hangs_is_neither_writable_nor_an_error(void)
{
    peer_listener *listener = peer_listen_hanging(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint remote;
    call made;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &remote), APM_ERROR_SUCCESS)) {
        CHECK(!is_ready(socket, 0, APM_POLL_WRITE));
        CHECK(!is_ready(socket, 1000, APM_POLL_ERROR));
        (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made));
    }
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    call_dispose(&made);
    peer_listener_close(listener);
}

static void connect_that_failed_is_an_error(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint nobody;

    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(apm_socket_connect(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    CHECK(becomes_ready(socket, APM_POLL_ERROR));
    CHECK(!is_ready(socket, 0, APM_POLL_WRITE));
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void datagram_is_readable(void)
{
    apm_endpoint local, remote;
    apm_socket *left = NULL, *right = NULL;
    char here[4];

    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &left),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &right),
                      APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(right, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(right, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_connect(left, &remote), APM_ERROR_SUCCESS);
    CHECK(!is_ready(right, 0, APM_POLL_READ));
    CHECK(becomes_ready(left, APM_POLL_WRITE));
    (void)CHECK_ERROR(send_now(left, "x", 1, NULL), APM_ERROR_SUCCESS);
    CHECK(becomes_ready(right, APM_POLL_READ));
    (void)CHECK_ERROR(apm_socket_local_endpoint(left, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_connect(right, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(right, here, sizeof here, NULL), APM_ERROR_SUCCESS);
    CHECK(!is_ready(right, 0, APM_POLL_READ));
    (void)CHECK_ERROR(apm_socket_close(left), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(right), APM_ERROR_SUCCESS);
}

/* ---- room ------------------------------------------------------------------------------------------------ */

enum { LARGE = 16 * 1024 * 1024 };

static void socket_without_room_is_not_writable_until_there_is_some(void)
{
    unsigned char *there = (unsigned char *)malloc(LARGE), *here = (unsigned char *)malloc(LARGE);
    pair both;
    call made;

    CHECK(there != NULL && here != NULL);
    if (there == NULL || here == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, LARGE, 0);
    call_prepare(&made, both.socket, CALL_SEND);
    if (CHECK_ERROR(call_send(&made, there, LARGE), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result)); /* nobody reads, and no buffer is that large */
        CHECK(!is_ready(both.socket, 1000, APM_POLL_WRITE));
        CHECK(peer_read_all(both.other, here, LARGE, PATIENCE));
        CHECK(pattern_holds(here, LARGE, 0));
        CHECK(call_wait(&made));
        CHECK(becomes_ready(both.socket, APM_POLL_WRITE));
    }
    call_dispose(&made);
    pair_close(&both);
done:
    free(there);
    free(here);
}

/* ---- time ------------------------------------------------------------------------------------------------- */

static void time_that_is_over_is_no_error(void)
{
    static const int32_t times[] = {0, 1, 999, 1000, 1001, 20000};
    bool ready = true;
    size_t i;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < sizeof times / sizeof *times; i++) {
        ready = true;
        (void)CHECK_ERROR(apm_socket_poll(both.socket, times[i], APM_POLL_READ, &ready), APM_ERROR_SUCCESS);
        CHECK(!ready);
    }
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both);
    pair_close(&both);
}

/* A poll on a thread of its own. */
typedef struct poller {
    apm_socket *socket;
    int32_t microseconds, mode;
    test_gate *about; /* open when it is about to begin */
    apm_error error;
    bool ready;
} poller;

static void poll_there(void *argument)
{
    poller *one = (poller *)argument;

    test_gate_open(one->about);
    one->error = apm_socket_poll(one->socket, one->microseconds, one->mode, &one->ready);
}

static test_thread *start_poll(poller *one, apm_socket *socket, int32_t microseconds, int32_t mode)
{
    one->socket = socket;
    one->microseconds = microseconds;
    one->mode = mode;
    one->about = test_gate_new();
    one->error = APM_ERROR_SOCKET;
    one->ready = false;
    return test_thread_start(poll_there, one);
}

static void end_poll(poller *one, test_thread *thread)
{
    test_thread_join(thread);
    test_gate_free(one->about);
}

static void state_that_comes_ends_the_poll(void)
{
    static const int32_t times[] = {60 * MILLION, FOR_EVER, INT32_MIN, INT32_MAX};
    poller one;
    test_thread *thread;
    size_t i;
    char here;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < sizeof times / sizeof *times; i++) {
        thread = start_poll(&one, both.socket, times[i], APM_POLL_READ);
        CHECK(test_gate_wait(one.about));
        CHECK(peer_write(both.other, "x", 1));
        end_poll(&one, thread);
        (void)CHECK_ERROR(one.error, APM_ERROR_SUCCESS);
        CHECK(one.ready);
        (void)CHECK_ERROR(receive_all(both.socket, &here, 1), APM_ERROR_SUCCESS);
    }
    pair_close(&both);
}

/* The poll may not have begun when the socket is closed; it ends the same way. Rounds differ in
 * how far it gets. */
static void close_ends_a_poll_for_ever(void)
{
    enum { ROUNDS = 12, POLLERS = 3 };
    poller some[POLLERS];
    test_thread *threads[POLLERS];
    int round, i;
    char here;
    pair both;

    for (round = 0; round < ROUNDS; round++) {
        if (!pair_open(&both)) return;
        for (i = 0; i < POLLERS; i++)
            threads[i] = start_poll(&some[i], both.socket, i == 0 ? INT32_MAX : FOR_EVER,
                                    i == 2 ? APM_POLL_ERROR : APM_POLL_READ);
        for (i = 0; i < POLLERS; i++) CHECK(test_gate_wait(some[i].about));
        for (i = 0; i < round * 30; i++) test_yield();
        apm_socket_retain(both.socket);
        (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
        for (i = 0; i < POLLERS; i++) {
            end_poll(&some[i], threads[i]);
            (void)CHECK_ERROR(some[i].error, APM_ERROR_OBJECT_DISPOSED);
            CHECK(!some[i].ready);
        }
        apm_socket_release(both.socket);
        both.socket = NULL;
        CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END); /* nothing keeps the connection */
        pair_close(&both);
    }
}

/* Everything that the connection has under way is aborted, and the poll is none of that. */
static void disconnect_for_another_connection_ends_no_poll(void)
{
    enum { ROUNDS = 6 };
    test_thread *thread;
    poller one;
    int round, i;
    pair both;

    for (round = 0; round < ROUNDS; round++) {
        if (!pair_open(&both)) return;
        thread = start_poll(&one, both.socket, FOR_EVER, APM_POLL_ERROR);
        CHECK(test_gate_wait(one.about));
        for (i = 0; i < round * 30; i++) test_yield();
        peer_end(both.other);
        (void)CHECK_ERROR(disconnect_now(both.socket, true), APM_ERROR_SUCCESS);
        apm_socket_retain(both.socket);
        (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
        end_poll(&one, thread);
        (void)CHECK_ERROR(one.error, APM_ERROR_OBJECT_DISPOSED); /* by the close, and by nothing before it */
        apm_socket_release(both.socket);
        both.socket = NULL;
        pair_close(&both);
    }
}

/* With nobody else who has started Winsock: what the poll has in its hands is gone, or given
 * back, by the time it returns. */
static void end_of_the_library_ends_a_poll_for_ever(void)
{
    apm_options options = harness_options();
    test_thread *thread;
    apm_socket *socket;
    poller one;
    int round;

    for (round = 0; round < 5; round++) {
        if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
        socket = stream_new(APM_FAMILY_IPV4);
        thread = start_poll(&one, socket, FOR_EVER, APM_POLL_READ);
        CHECK(test_gate_wait(one.about));
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
#ifndef _WIN32
        CHECK(sim_census(SIM_SOCKETS) == 0); /* every socket is closed, those of a poll, too */
#endif
        end_poll(&one, thread);
        (void)CHECK_ERROR(one.error, APM_ERROR_OBJECT_DISPOSED);
        CHECK(!one.ready);
        (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    }
}

/* A poll that waits is in nobody's way. */
/* A port on loopback that is free, at least for a moment. */
static void free_port(apm_endpoint *local)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, local);
    (void)CHECK_ERROR(apm_socket_bind(socket, local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, local), APM_ERROR_SUCCESS);
    close_now(socket);
}

/* Each connect after a failed one has a fresh kernel socket, which is to have the same port. */
static void poll_of_a_bound_socket_keeps_its_port_from_no_connect(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint local, nobody;
    test_thread *thread;
    poller one;
    int i;

    free_port(&local);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    thread = start_poll(&one, socket, FOR_EVER, APM_POLL_WRITE);
    CHECK(test_gate_wait(one.about));
    for (i = 0; i < 8; i++) (void)CHECK_ERROR(connect_now(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    apm_socket_retain(socket);
    close_now(socket);
    end_poll(&one, thread);
    CHECK(one.error == APM_ERROR_OBJECT_DISPOSED || one.error == APM_ERROR_SUCCESS);
    apm_socket_release(socket);
}

static void poll_holds_up_no_operation(void)
{
    test_thread *thread;
    poller one;
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    thread = start_poll(&one, both.socket, FOR_EVER, APM_POLL_ERROR);
    CHECK(test_gate_wait(one.about));
    check_alive(&both);
    call_prepare(&made, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
    CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
    CHECK(made.bytes == 1 && here == 'x');
    call_dispose(&made);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END);
    apm_socket_retain(both.socket);
    (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
    end_poll(&one, thread);
    (void)CHECK_ERROR(one.error, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(both.socket);
    both.socket = NULL;
    pair_close(&both);
}

/* ---- an io_control that waits ------------------------------------------------------------------------------ */

#define CODE_WAITING 0x28000017u /* SIO_ADDRESS_LIST_CHANGE */

/* One, on a thread of its own. */
typedef struct question {
    apm_socket *socket;
    atomic_bool over;
    apm_error error;
} question;

static void ask_and_wait(void *argument)
{
    question *one = (question *)argument;

    one->error = apm_socket_io_control(one->socket, CODE_WAITING, NULL, 0, NULL, 0, NULL);
    atomic_store(&one->over, true);
}

/* By then it is in the kernel. */
static test_thread *start_question(question *one, apm_socket *socket)
{
    uint64_t start = test_now();
    test_thread *thread;

    one->socket = socket;
    atomic_init(&one->over, false);
    thread = test_thread_start(ask_and_wait, one);
    while (test_now() - start < 200) test_yield();
    return thread;
}

/* The close takes the last reference back. */
static void code_that_waits_keeps_no_timer_waiting(void)
{
    receiving_pair one, two;
    test_thread *thread;
    question asked;

    if (!receiving_open(&one)) return;
    if (receiving_open(&two)) {
        thread = start_question(&asked, one.both.socket);
        (void)CHECK_ERROR(apm_async_result_cancel_after(one.made.result, 20), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_cancel_after(two.made.result, 50), APM_ERROR_SUCCESS);
        (void)call_ends(&two.made, APM_ERROR_TIMED_OUT);
        (void)call_ends(&one.made, APM_ERROR_TIMED_OUT);
        CHECK(!atomic_load(&asked.over));
        close_now(one.both.socket);
        one.both.socket = NULL;
        test_thread_join(thread);
        (void)CHECK_ERROR(asked.error, APM_ERROR_OBJECT_DISPOSED);
        receiving_close(&two);
    }
    receiving_close(&one);
}

static void close_ends_a_code_that_waits(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    test_thread *thread;
    question asked;

    thread = start_question(&asked, socket);
    close_now(socket);
    test_thread_join(thread);
    (void)CHECK_ERROR(asked.error, APM_ERROR_OBJECT_DISPOSED);
}

#ifndef _WIN32
static void code_that_the_kernel_refuses_does_not_wait(void)
{
    const uint32_t code = 0x88000015u; /* SIO_ROUTING_INTERFACE_CHANGE, which not every system has */
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    (void)CHECK_ERROR(apm_socket_io_control(socket, code, NULL, 0, NULL, 0, NULL),
                      APM_ERROR_OPERATION_NOT_SUPPORTED);
    close_now(socket); /* and has its handle closed */
}

static void end_of_the_library_ends_a_code_that_waits(void)
{
    apm_options options = harness_options();
    test_thread *thread;
    apm_socket *socket;
    question asked;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    socket = stream_new(APM_FAMILY_IPV4);
    thread = start_question(&asked, socket);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    CHECK(sim_census(SIM_SOCKETS) == 0);
    test_thread_join(thread);
    (void)CHECK_ERROR(asked.error, APM_ERROR_OBJECT_DISPOSED);
    close_now(socket);
}
#endif

/* ---- arguments ------------------------------------------------------------------------------------------- */

static void poll_looks_at_its_arguments_in_order(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    bool ready = true;

    (void)CHECK_ERROR(apm_socket_poll(NULL, 0, APM_POLL_READ, &ready), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_poll(socket, 0, APM_POLL_READ, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_poll(socket, 0, 3, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_poll(socket, FOR_EVER, 3, &ready), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_poll(socket, FOR_EVER, -1, &ready), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_poll(socket, 0, INT32_MAX, &ready), APM_ERROR_INVALID_ARGUMENT);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_poll(socket, FOR_EVER, APM_POLL_READ, &ready), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_poll(socket, FOR_EVER, 3, NULL), APM_ERROR_OBJECT_DISPOSED);
    CHECK(ready); /* untouched */
    apm_socket_release(socket);
}

static const test_case modes[] = {
    {"bytes_are_readable_until_they_are_received", bytes_are_readable_until_they_are_received, false},
    {"end_of_the_stream_is_readable", end_of_the_stream_is_readable, false},
    {"reset_is_readable", reset_is_readable, false},
    {"connected_socket_is_writable", connected_socket_is_writable, false},
    {"socket_that_is_not_connected_is_not_writable", socket_that_is_not_connected_is_not_writable, false},
    {"connect_that_hangs_is_neither_writable_nor_an_error",
     connect_that_hangs_is_neither_writable_nor_an_error, false},
    {"connect_that_failed_is_an_error", connect_that_failed_is_an_error, false},
    {"datagram_is_readable", datagram_is_readable, false},
    {"socket_without_room_is_not_writable_until_there_is_some",
     socket_without_room_is_not_writable_until_there_is_some, false},
    {NULL, NULL, false}};

static const test_case times[] = {
    {"time_that_is_over_is_no_error", time_that_is_over_is_no_error, false},
    {"state_that_comes_ends_the_poll", state_that_comes_ends_the_poll, false},
    {"close_ends_a_poll_for_ever", close_ends_a_poll_for_ever, false},
    {"disconnect_for_another_connection_ends_no_poll", disconnect_for_another_connection_ends_no_poll, false},
    {"end_of_the_library_ends_a_poll_for_ever", end_of_the_library_ends_a_poll_for_ever, true},
    {"poll_of_a_bound_socket_keeps_its_port_from_no_connect",
     poll_of_a_bound_socket_keeps_its_port_from_no_connect, false},
    {"poll_holds_up_no_operation", poll_holds_up_no_operation, false},
    {"code_that_waits_keeps_no_timer_waiting", code_that_waits_keeps_no_timer_waiting, false},
    {"close_ends_a_code_that_waits", close_ends_a_code_that_waits, false},
#ifndef _WIN32
    {"code_that_the_kernel_refuses_does_not_wait", code_that_the_kernel_refuses_does_not_wait, false},
    {"end_of_the_library_ends_a_code_that_waits", end_of_the_library_ends_a_code_that_waits, true},
#endif
    {NULL, NULL, false}};

static const test_case arguments[] = {
    {"poll_looks_at_its_arguments_in_order", poll_looks_at_its_arguments_in_order, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"modes", modes}, {"times", times}, {"arguments", arguments}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
