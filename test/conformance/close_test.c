/* SPDX-License-Identifier: MIT */
/* Close with operations pending: from callbacks, from threads, in the middle of everything. */
#include <stdlib.h>
#include <string.h>

#include "../support/fixture.h"

/* ---- from a callback ---------------------------------------------------------------------------------- */

typedef struct closing {
    bool first;      /* close before End, not after it */
    apm_error error; /* of close */
} closing;

static void close_here(call *made)
{
    closing *how = (closing *)made->context;

    how->error = apm_socket_close(made->socket);
    if (how->first) (void)call_end(made, made->seen);
}

/* One operation of each kind and outcome. */
typedef enum moment { AT_CONNECT, AT_REFUSAL, AT_SEND, AT_RECEIVE, AT_END, MOMENTS } moment;

static apm_error begin_at(moment when, call *made, const apm_endpoint *remote, char *here)
{
    switch (when) {
    case AT_CONNECT:
    case AT_REFUSAL: return call_connect(made, remote);
    case AT_SEND: return call_send(made, "x", 1);
    case AT_RECEIVE:
    case AT_END:
    case MOMENTS: break;
    }
    return call_receive(made, here, 1);
}

static void close_in_the_callback_of(moment when, bool first)
{
    static const call_kind kinds[MOMENTS] = {CALL_CONNECT, CALL_CONNECT, CALL_SEND, CALL_RECEIVE,
                                             CALL_RECEIVE};
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {NULL, NULL};
    closing how = {first, APM_ERROR_SOCKET};
    apm_endpoint remote;
    call made;
    char here = 0;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (when == AT_REFUSAL) peer_refusing_endpoint(APM_FAMILY_IPV4, &remote);
    if (when <= AT_REFUSAL)
        both.socket = stream_new(APM_FAMILY_IPV4);
    else
        (void)pair_open_with(&both, listener);
    if (both.socket == NULL) goto done;
    call_prepare(&made, both.socket, kinds[when]);
    made.inside = close_here;
    made.context = &how;
    made.keeps = first;
    if (CHECK_ERROR(begin_at(when, &made, &remote, &here), APM_ERROR_SUCCESS)) {
        if (when == AT_RECEIVE) CHECK(peer_write(both.other, "x", 1));
        if (when == AT_END) peer_end(both.other);
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(how.error, APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(made.error, first                ? APM_ERROR_OBJECT_DISPOSED
                                      : when == AT_REFUSAL ? APM_ERROR_CONNECTION_REFUSED
                                                           : APM_ERROR_SUCCESS);
        CHECK(apm_async_result_is_completed(made.result));
        both.socket = NULL;
    }
    call_dispose(&made);
    pair_close(&both);
done:
    peer_listener_close(listener);
}

static void socket_may_be_closed_in_every_callback(void)
{
    int when;

    for (when = 0; when < MOMENTS; when++) {
        close_in_the_callback_of((moment)when, false);
        close_in_the_callback_of((moment)when, true);
    }
}

static void socket_may_be_closed_in_every_callback_of_the_only_worker(void)
{
    apm_options options = harness_options();

    options.min_workers = options.max_workers = 1;
    options.callbacks_on_pool = true;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    socket_may_be_closed_in_every_callback();
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- with everything pending ------------------------------------------------------------------------------ */

enum { RECEIVES = 4, SENDS = 3, LARGE = 8 * 1024 * 1024 };

static void everything_pending_calls_back_once_and_is_object_disposed(void)
{
    unsigned char *there = (unsigned char *)calloc(1, LARGE);
    call receives[RECEIVES], sends[SENDS];
    char here[RECEIVES];
    void *handle;
    pair both;
    int i;

    CHECK(there != NULL);
    if (there == NULL || !pair_open(&both)) goto done;
    for (i = 0; i < RECEIVES; i++) {
        call_prepare(&receives[i], both.socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&receives[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < SENDS; i++) { /* nobody reads: what no buffer takes stays pending */
        call_prepare(&sends[i], both.socket, CALL_SEND);
        (void)CHECK_ERROR(call_send(&sends[i], there, LARGE), APM_ERROR_SUCCESS);
    }
    CHECK(!apm_async_result_is_completed(sends[SENDS - 1].result));
    handle = apm_async_result_wait_handle(receives[0].result);
    (void)CHECK_ERROR(apm_async_result_cancel_after(receives[1].result, PATIENCE), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(receives[2].result), APM_ERROR_SUCCESS);

    apm_socket_retain(both.socket);
    (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
    CHECK(handle_wait(handle, PATIENCE));
    for (i = 0; i < RECEIVES; i++) {
        CHECK(call_wait(&receives[i]));
        CHECK(receives[i].completed);
        /* The one that was cancelled may have been over before the close. */
        if (i != 2 || receives[i].error != APM_ERROR_OPERATION_ABORTED)
            (void)CHECK_ERROR(receives[i].error, APM_ERROR_OBJECT_DISPOSED);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, receives[i].result, NULL),
                          APM_ERROR_OBJECT_DISPOSED);
        call_dispose(&receives[i]);
    }
    for (i = 0; i < SENDS; i++) {
        CHECK(call_wait(&sends[i]));
        /* The first ones may have been taken whole before. */
        if (i == SENDS - 1 || sends[i].error != APM_ERROR_SUCCESS)
            (void)CHECK_ERROR(sends[i].error, APM_ERROR_OBJECT_DISPOSED);
        call_dispose(&sends[i]);
    }
    apm_socket_release(both.socket);
    both.socket = NULL;
    pair_close(&both);
done:
    free(there);
}

static void what_completed_before_the_close_is_object_disposed_at_its_end(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here = 0;
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "x", 1));
        (void)CHECK_ERROR(apm_async_result_wait(result, PATIENCE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
        /* The result holds the socket: it is still good for this. */
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, &bytes), APM_ERROR_OBJECT_DISPOSED);
        CHECK(bytes == 7);
        apm_async_result_release(result);
        both.socket = NULL;
    }
    pair_close(&both);
}

/* ---- members of a closed socket ------------------------------------------------------------------------------ */

static void every_member_of_a_closed_socket_is_object_disposed(void)
{
    pair both;
    apm_socket *socket;
    apm_async_result *result = NULL;
    apm_endpoint endpoint = {0}, loopback;
    char here = 0;
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    socket = both.socket;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &loopback);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);

    (void)CHECK_ERROR(apm_socket_bind(socket, &loopback), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_begin_connect(socket, &loopback, NULL, NULL, &result),
                      APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_begin_send(socket, "x", 1, 0, NULL, NULL, &result),
                      APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_begin_receive(socket, &here, 1, 0, NULL, NULL, &result),
                      APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_end_connect(socket, NULL), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_end_send(socket, NULL, &bytes), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_end_receive(socket, NULL, &bytes), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_shutdown(socket, APM_SHUTDOWN_BOTH), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_shutdown(socket, 99), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &endpoint), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &endpoint), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, NULL), APM_ERROR_OBJECT_DISPOSED);
    CHECK(result == NULL && bytes == 7 && endpoint.length == 0);
    CHECK(!apm_socket_connected(socket));
    CHECK(apm_socket_handle(socket) == ~(uintptr_t)0);
    /* Closing is the one thing that can be done again, in every form. */
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close_timeout(socket, 0), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close_timeout(socket, 1000), APM_ERROR_SUCCESS);
    apm_socket_release(socket);
    both.socket = NULL;
    pair_close(&both);
}

/* ---- from another thread ---------------------------------------------------------------------------------------- */

typedef struct ender {
    apm_socket *socket;
    apm_async_result *result;
    test_gate *begun;
    apm_error error;
} ender;

static void end_receive(void *argument)
{
    ender *one = (ender *)argument;

    test_gate_open(one->begun);
    one->error = apm_socket_end_receive(one->socket, one->result, NULL);
}

static void end_that_blocks_is_released_by_close(void)
{
    pair both;
    ender one;
    test_thread *thread;
    char here = 0;

    if (!pair_open(&both)) return;
    one.socket = both.socket;
    one.result = NULL;
    one.begun = test_gate_new();
    one.error = APM_ERROR_SUCCESS;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &one.result),
                    APM_ERROR_SUCCESS)) {
        apm_socket_retain(both.socket);
        thread = test_thread_start(end_receive, &one);
        CHECK(test_gate_wait(one.begun));
        (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
        test_thread_join(thread);
        (void)CHECK_ERROR(one.error, APM_ERROR_OBJECT_DISPOSED);
        apm_socket_release(both.socket);
        apm_async_result_release(one.result);
        both.socket = NULL;
    }
    test_gate_free(one.begun);
    pair_close(&both);
}

/* Begins and cancels as fast as it can, until the socket is closed under its hands. */
typedef struct hammer {
    apm_socket *socket;
    test_gate *begun;
    unsigned char here[16];
    uint64_t begins;
    apm_error last;
    _Atomic uint64_t callbacks;
} hammer;

static void APM_CALL count_callback(apm_async_result *result)
{
    hammer *one = (hammer *)apm_async_result_state(result);

    atomic_fetch_add(&one->callbacks, 1);
}

static void hammer_socket(void *argument)
{
    hammer *one = (hammer *)argument;
    bool sends = false;

    for (one->last = APM_ERROR_SUCCESS; one->last == APM_ERROR_SUCCESS; sends = !sends) {
        apm_async_result *result = NULL;

        if (sends)
            one->last = apm_socket_begin_send(one->socket, "x", 1, 0, count_callback, one, NULL);
        else
            one->last = apm_socket_begin_receive(one->socket, one->here, 1, 0, count_callback, one, &result);
        if (one->last == APM_ERROR_SUCCESS) one->begins++;
        if (result != NULL) (void)apm_async_result_cancel(result);
        apm_async_result_release(result);
        if (one->begins == 8) test_gate_open(one->begun);
    }
}

static void close_under_the_hands_of_other_threads(void)
{
    enum { ROUNDS = 60, THREADS = 2 };
    apm_options options = harness_options();
    hammer *hammers = (hammer *)calloc((size_t)ROUNDS * THREADS, sizeof *hammers);
    int round, i;

    CHECK(hammers != NULL);
    if (hammers == NULL) return;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) goto done;
    for (round = 0; round < ROUNDS; round++) {
        hammer *these = &hammers[(size_t)round * THREADS];
        test_thread *threads[THREADS];
        pair both;

        if (!pair_open(&both)) break;
        for (i = 0; i < THREADS; i++) {
            apm_socket_retain(both.socket);
            these[i].socket = both.socket;
            these[i].begun = test_gate_new();
            threads[i] = test_thread_start(hammer_socket, &these[i]);
        }
        CHECK(test_gate_wait(these[round % THREADS].begun));
        (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
        for (i = 0; i < THREADS; i++) {
            test_thread_join(threads[i]);
            (void)CHECK_ERROR(these[i].last, APM_ERROR_OBJECT_DISPOSED);
            apm_socket_release(both.socket);
            test_gate_free(these[i].begun);
        }
        both.socket = NULL;
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS); /* now nothing can call back any more */
    for (i = 0; i < ROUNDS * THREADS; i++) CHECK(atomic_load(&hammers[i].callbacks) == hammers[i].begins);
done:
    free(hammers);
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static void last_release_of_a_socket_nobody_closed_closes_it(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    apm_socket_retain(one.both.socket);
    apm_socket_release(one.both.socket);
    CHECK(!apm_async_result_is_completed(one.made.result)); /* it was not the last one */
    CHECK(apm_socket_connected(one.both.socket));
    apm_socket_release(one.both.socket); /* the creator's: now it is */
    one.both.socket = NULL;
    CHECK(call_wait(&one.made));
    (void)CHECK_ERROR(one.made.error, APM_ERROR_OBJECT_DISPOSED);
    CHECK(peer_read(one.both.other, &one.here, 1, PATIENCE) <= 0); /* it has ended, one way or the other */
    receiving_close(&one);
}

static void retained_socket_lives_on_after_a_close_by_its_creator(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    if (socket == NULL) return;
    apm_socket_retain(socket);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    apm_socket_release(socket);
    CHECK(!apm_socket_connected(socket));                           /* there is a socket to ask */
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS); /* takes no reference back */
    CHECK(apm_socket_handle(socket) == ~(uintptr_t)0);
    apm_socket_release(socket);
}

static const test_case from_callbacks[] = {
    {"socket_may_be_closed_in_every_callback", socket_may_be_closed_in_every_callback, false},
    {"socket_may_be_closed_in_every_callback_of_the_only_worker",
     socket_may_be_closed_in_every_callback_of_the_only_worker, true},
    {NULL, NULL, false}};

static const test_case pending[] = {{"everything_pending_calls_back_once_and_is_object_disposed",
                                     everything_pending_calls_back_once_and_is_object_disposed, false},
                                    {"what_completed_before_the_close_is_object_disposed_at_its_end",
                                     what_completed_before_the_close_is_object_disposed_at_its_end, false},
                                    {"every_member_of_a_closed_socket_is_object_disposed",
                                     every_member_of_a_closed_socket_is_object_disposed, false},
                                    {NULL, NULL, false}};

static const test_case threads[] = {
    {"end_that_blocks_is_released_by_close", end_that_blocks_is_released_by_close, false},
    {"close_under_the_hands_of_other_threads", close_under_the_hands_of_other_threads, true},
    {NULL, NULL, false}};

static const test_case references[] = {{"last_release_of_a_socket_nobody_closed_closes_it",
                                        last_release_of_a_socket_nobody_closed_closes_it, false},
                                       {"retained_socket_lives_on_after_a_close_by_its_creator",
                                        retained_socket_lives_on_after_a_close_by_its_creator, false},
                                       {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"from_callbacks", from_callbacks},
                                        {"pending", pending},
                                        {"threads", threads},
                                        {"references", references},
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
