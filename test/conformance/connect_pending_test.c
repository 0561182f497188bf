/* SPDX-License-Identifier: MIT */
/* A connect that nobody answers: cancelled, timed out, closed, and in the way of others. */
#include "../support/fixture.h"

/* A socket whose connect is pending, to a listener that does not answer. */
typedef struct limbo {
    peer_listener *hanging;
    apm_endpoint remote;
    apm_socket *socket;
    call made;
    bool begun;
} limbo;

/* Not before the connect has called back: the call is the callback's until then. */
static void leave_limbo(limbo *nowhere)
{
    if (nowhere->socket != NULL) (void)CHECK_ERROR(apm_socket_close(nowhere->socket), APM_ERROR_SUCCESS);
    if (nowhere->begun) CHECK(call_wait(&nowhere->made));
    call_dispose(&nowhere->made);
    peer_listener_close(nowhere->hanging);
}

/* `keeps`: the test calls End itself. */
static bool enter_limbo(limbo *nowhere, bool keeps)
{
    nowhere->begun = false;
    nowhere->hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    CHECK(nowhere->hanging != NULL);
    if (nowhere->hanging == NULL) return false;
    peer_listener_endpoint(nowhere->hanging, &nowhere->remote);
    nowhere->socket = stream_new(APM_FAMILY_IPV4);
    call_prepare(&nowhere->made, nowhere->socket, CALL_CONNECT);
    nowhere->made.keeps = keeps;
    nowhere->begun = nowhere->socket != NULL &&
                     CHECK_ERROR(call_connect(&nowhere->made, &nowhere->remote), APM_ERROR_SUCCESS);
    if (nowhere->begun) {
        CHECK(!apm_async_result_is_completed(nowhere->made.result));
        return true;
    }
    leave_limbo(nowhere);
    return false;
}

/* It is as good as new: it connects to somebody who answers, and talks to him. */
static void check_reusable(limbo *nowhere)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    both.socket = nowhere->socket;
    if (CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS)) {
        both.other = peer_accept(listener, PATIENCE);
        CHECK(both.other != NULL);
        if (both.other != NULL) check_alive(&both);
        peer_close(both.other);
    }
    peer_listener_close(listener);
}

static void cancelled_connect_is_aborted(void)
{
    limbo nowhere;

    if (!enter_limbo(&nowhere, false)) return;
    (void)CHECK_ERROR(apm_async_result_cancel(nowhere.made.result), APM_ERROR_SUCCESS);
    CHECK(call_wait(&nowhere.made));
    (void)CHECK_ERROR(nowhere.made.error, APM_ERROR_OPERATION_ABORTED);
    CHECK(!apm_socket_connected(nowhere.socket));
    check_reusable(&nowhere);
    leave_limbo(&nowhere);
}

static void connect_times_out_when_it_was_told_to(void)
{
    limbo nowhere;
    uint64_t start = test_now(), past;

    if (!enter_limbo(&nowhere, false)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(nowhere.made.result, 100), APM_ERROR_SUCCESS);
    CHECK(call_wait(&nowhere.made));
    past = test_now() - start;
    (void)CHECK_ERROR(nowhere.made.error, APM_ERROR_TIMED_OUT);
    CHECK(past >= 90 && past < 10000); /* two clocks; and a busy machine */
    CHECK(!apm_socket_connected(nowhere.socket));
    check_reusable(&nowhere);
    leave_limbo(&nowhere);
}

static void connect_of_a_socket_that_is_closed_meanwhile_is_object_disposed(void)
{
    limbo nowhere;

    if (!enter_limbo(&nowhere, false)) return;
    apm_socket_retain(nowhere.socket);
    (void)CHECK_ERROR(apm_socket_close(nowhere.socket), APM_ERROR_SUCCESS);
    CHECK(call_wait(&nowhere.made));
    (void)CHECK_ERROR(nowhere.made.error, APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_end_connect(nowhere.socket, nowhere.made.result), APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(nowhere.socket);
    nowhere.socket = NULL;
    leave_limbo(&nowhere);
}

static void second_connect_while_one_is_pending_is_invalid_operation(void)
{
    limbo nowhere;
    call second;

    if (!enter_limbo(&nowhere, false)) return;
    call_prepare(&second, nowhere.socket, CALL_CONNECT);
    (void)CHECK_ERROR(call_connect(&second, &nowhere.remote), APM_ERROR_INVALID_OPERATION);
    CHECK(second.result == NULL);
    CHECK(!apm_async_result_is_completed(nowhere.made.result)); /* the first one does not mind */
    (void)CHECK_ERROR(apm_async_result_cancel(nowhere.made.result), APM_ERROR_SUCCESS);
    CHECK(call_wait(&nowhere.made));
    (void)CHECK_ERROR(nowhere.made.error, APM_ERROR_OPERATION_ABORTED);
    CHECK(atomic_load(&second.callbacks) == 0);
    call_dispose(&second);
    leave_limbo(&nowhere);
}

static void nothing_can_be_sent_while_a_connect_is_pending(void)
{
    limbo nowhere;
    apm_endpoint endpoint = {0};
    char here = 0;

    if (!enter_limbo(&nowhere, false)) return;
    CHECK(!apm_socket_connected(nowhere.socket));
    (void)CHECK_ERROR(send_now(nowhere.socket, "x", 1, NULL), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(receive_now(nowhere.socket, &here, 1, NULL), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(apm_socket_shutdown(nowhere.socket, APM_SHUTDOWN_BOTH), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(nowhere.socket, &endpoint), APM_ERROR_NOT_CONNECTED);
    leave_limbo(&nowhere);
}

typedef struct blocked_end {
    limbo *nowhere;
    test_gate *begun;
    apm_error error;
} blocked_end;

static void end_connect(void *argument)
{
    blocked_end *one = (blocked_end *)argument;

    test_gate_open(one->begun);
    one->error = apm_socket_end_connect(one->nowhere->socket, one->nowhere->made.result);
}

/* Not by the connect: that is never answered. */
static void end_of_a_pending_connect_is_released_by_a_cancel(void)
{
    limbo nowhere;
    blocked_end one;
    test_thread *thread;

    if (!enter_limbo(&nowhere, true)) return;
    nowhere.made.keeps = true; /* the thread's End is the only one */
    one.nowhere = &nowhere;
    one.begun = test_gate_new();
    one.error = APM_ERROR_SUCCESS;
    thread = test_thread_start(end_connect, &one);
    CHECK(test_gate_wait(one.begun));
    (void)CHECK_ERROR(apm_async_result_cancel(nowhere.made.result), APM_ERROR_SUCCESS);
    test_thread_join(thread);
    (void)CHECK_ERROR(one.error, APM_ERROR_OPERATION_ABORTED);
    CHECK(call_wait(&nowhere.made));
    test_gate_free(one.begun);
    leave_limbo(&nowhere);
}

static void pending_connects_are_cancelled_and_begun_again_and_again(void)
{
    limbo nowhere;
    int i;

    if (!enter_limbo(&nowhere, false)) return;
    (void)CHECK_ERROR(apm_async_result_cancel(nowhere.made.result), APM_ERROR_SUCCESS);
    CHECK(call_wait(&nowhere.made));
    for (i = 0; i < 20; i++) {
        call made;

        call_prepare(&made, nowhere.socket, CALL_CONNECT);
        if (CHECK_ERROR(call_connect(&made, &nowhere.remote), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, i % 2 == 0 ? 0 : 2),
                              APM_ERROR_SUCCESS);
            CHECK(call_wait(&made));
            (void)CHECK_ERROR(made.error, APM_ERROR_TIMED_OUT);
        }
        call_dispose(&made);
    }
    check_reusable(&nowhere);
    leave_limbo(&nowhere);
}

static const test_case hanging[] = {
    {"cancelled_connect_is_aborted", cancelled_connect_is_aborted, false},
    {"connect_times_out_when_it_was_told_to", connect_times_out_when_it_was_told_to, false},
    {"connect_of_a_socket_that_is_closed_meanwhile_is_object_disposed",
     connect_of_a_socket_that_is_closed_meanwhile_is_object_disposed, false},
    {"second_connect_while_one_is_pending_is_invalid_operation",
     second_connect_while_one_is_pending_is_invalid_operation, false},
    {"nothing_can_be_sent_while_a_connect_is_pending", nothing_can_be_sent_while_a_connect_is_pending, false},
    {"end_of_a_pending_connect_is_released_by_a_cancel", end_of_a_pending_connect_is_released_by_a_cancel,
     false},
    {"pending_connects_are_cancelled_and_begun_again_and_again",
     pending_connects_are_cancelled_and_begun_again_and_again, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"hanging", hanging}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
