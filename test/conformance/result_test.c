/* SPDX-License-Identifier: MIT */
/* IAsyncResult: what it says of its operation, and when; its wait handle; its life. */
#include <string.h>

#include "../support/fixture.h"

/* ---- what it says ----------------------------------------------------------------------------- */

static void state_is_what_was_given_to_begin(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here = 0;
    int tag = 0;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, &tag, &result),
                    APM_ERROR_SUCCESS)) {
        CHECK(apm_async_result_state(result) == &tag);
        CHECK(peer_write(both.other, "x", 1));
        (void)CHECK_ERROR(apm_async_result_wait(result, PATIENCE), APM_ERROR_SUCCESS);
        CHECK(apm_async_result_state(result) == &tag);
        apm_async_result_release(result);
    }
    result = NULL;
    if (CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, &result), APM_ERROR_SUCCESS)) {
        CHECK(apm_async_result_state(result) == NULL);
        apm_async_result_release(result);
    }
    pair_close(&both);
}

static void nothing_is_known_of_null(void)
{
    CHECK(apm_async_result_state(NULL) == NULL);
    CHECK(!apm_async_result_is_completed(NULL));
    CHECK(!apm_async_result_completed_synchronously(NULL));
    CHECK(apm_async_result_wait_handle(NULL) == NULL);
    (void)CHECK_ERROR(apm_async_result_wait(NULL, 0), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_async_result_cancel(NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_async_result_cancel_after(NULL, 1), APM_ERROR_ARGUMENT_NULL);
    apm_async_result_retain(NULL);
    apm_async_result_release(NULL);
}

static void is_completed_turns_true_once_there_is_a_result(void)
{
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result));
        CHECK(!apm_async_result_completed_synchronously(made.result));
        CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
        CHECK(made.completed);
        CHECK(apm_async_result_is_completed(made.result));
        /* It was pending when Begin returned, and that is settled for ever. */
        CHECK(!made.synchronously);
        CHECK(!apm_async_result_completed_synchronously(made.result));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(made.bytes == 1 && here == 'x');
    }
    call_dispose(&made);
    pair_close(&both);
}

typedef struct note {
    pair both;
    char written; /* plain: what orders it is the library */
} note;

static void note_and_write(void *argument)
{
    note *one = (note *)argument;

    one->written = 'x';
    CHECK(peer_write(one->both.other, "x", 1));
}

/* Nothing but the answer itself orders what came before the packet and what is read here. */
static void whoever_sees_completed_may_read_what_was_received(void)
{
    uint64_t end = test_now() + PATIENCE;
    apm_async_result *result = NULL;
    test_thread *thread;
    char here = 0;
    static note one; /* the sanitizer sees less of what is on a stack */

    if (!pair_open(&one.both)) return;
    (void)CHECK_ERROR(apm_socket_begin_receive(one.both.socket, &here, 1, 0, NULL, NULL, &result),
                      APM_ERROR_SUCCESS);
    thread = test_thread_start(note_and_write, &one);
    while (!apm_async_result_is_completed(result) && test_now() < end) test_yield();
    CHECK(here == 'x' && one.written == 'x');
    test_thread_join(thread);
    (void)CHECK_ERROR(apm_socket_end_receive(one.both.socket, result, NULL), APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    pair_close(&one.both);
}

/* ---- the order of completion ----------------------------------------------------------------------- */

typedef struct order {
    void *handle;
    bool signaled; /* when the callback began */
} order;

static void look_at_handle(call *made)
{
    order *seen = (order *)made->context;

    seen->signaled = handle_wait(seen->handle, 0);
}

static void flag_then_event_then_callback(void)
{
    pair both;
    call made;
    order seen = {NULL, false};
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    made.context = &seen;
    made.inside = look_at_handle;
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        seen.handle = apm_async_result_wait_handle(made.result);
        CHECK(seen.handle != NULL && !handle_wait(seen.handle, 0));
        CHECK(peer_write(both.other, "x", 1));
        CHECK(handle_wait(seen.handle, PATIENCE));
        CHECK(apm_async_result_is_completed(made.result)); /* the flag was first */
        CHECK(call_wait(&made));
        CHECK(made.completed && seen.signaled); /* the callback was last */
    }
    call_dispose(&made);
    pair_close(&both);
}

typedef struct chain {
    apm_socket *socket;
    test_gate *blocked, *go;
} chain;

static void hold_callback(call *made)
{
    chain *links = (chain *)made->context;

    test_gate_open(links->blocked);
    (void)test_gate_wait(links->go);
}

static void completed_and_signaled_while_the_callback_still_runs(void)
{
    pair both;
    call made;
    chain links;
    char here = 0;

    if (!pair_open(&both)) return;
    links.blocked = test_gate_new();
    links.go = test_gate_new();
    call_prepare(&made, both.socket, CALL_RECEIVE);
    made.context = &links;
    made.inside = hold_callback;
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "x", 1) && test_gate_wait(links.blocked));
        CHECK(apm_async_result_is_completed(made.result));
        (void)CHECK_ERROR(apm_async_result_wait(made.result, 0), APM_ERROR_SUCCESS);
        CHECK(handle_wait(apm_async_result_wait_handle(made.result), 0));
        CHECK(atomic_load(&made.callbacks) == 0); /* it has not returned */
        test_gate_open(links.go);
        CHECK(call_wait(&made));
    }
    call_dispose(&made);
    test_gate_free(links.blocked);
    test_gate_free(links.go);
    pair_close(&both);
}

/* ---- the wait handle -------------------------------------------------------------------------------- */

static void wait_handle_is_the_same_at_every_call(void)
{
    pair both;
    apm_async_result *result = NULL;
    void *handle;
    char here = 0;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        handle = apm_async_result_wait_handle(result);
        CHECK(handle != NULL);
        CHECK(apm_async_result_wait_handle(result) == handle);
        CHECK(!handle_wait(handle, 0));
        CHECK(peer_write(both.other, "x", 1) && handle_wait(handle, PATIENCE));
        CHECK(apm_async_result_wait_handle(result) == handle);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, NULL), APM_ERROR_SUCCESS);
        CHECK(apm_async_result_wait_handle(result) == handle);
        CHECK(handle_wait(handle, 0)); /* it stays signaled: a manual-reset event */
        CHECK(handle_wait(handle, 0));
        apm_async_result_release(result);
    }
    pair_close(&both);
}

static void wait_handle_asked_for_late_is_signaled(void)
{
    pair both;
    apm_async_result *result = NULL;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, &result), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_end_send(both.socket, result, NULL), APM_ERROR_SUCCESS);
        CHECK(handle_wait(apm_async_result_wait_handle(result), 0));
        apm_async_result_release(result);
    }
    pair_close(&both);
}

/* Another thread asks for the handle while the operation completes; whoever gets it must find
 * it signaled in the end, and both must get the same one. */
enum { ASK_ROUNDS = 200 };

typedef struct asker {
    test_gate *go[ASK_ROUNDS];
    apm_async_result *results[ASK_ROUNDS];
    void *handles[ASK_ROUNDS];
    bool signaled[ASK_ROUNDS];
} asker;

static void ask_for_handles(void *argument)
{
    asker *asks = (asker *)argument;
    int i;

    for (i = 0; i < ASK_ROUNDS; i++) {
        if (!test_gate_wait(asks->go[i])) return;
        asks->handles[i] = apm_async_result_wait_handle(asks->results[i]);
        asks->signaled[i] = handle_wait(asks->handles[i], PATIENCE);
    }
}

static void wait_handle_may_be_asked_for_by_two_threads_while_it_completes(void)
{
    static asker asks;
    pair both;
    test_thread *thread;
    void *mine[ASK_ROUNDS] = {NULL};
    char here = 0;
    int i;

    if (!pair_open(&both)) return;
    memset(&asks, 0, sizeof asks);
    for (i = 0; i < ASK_ROUNDS; i++) asks.go[i] = test_gate_new();
    thread = test_thread_start(ask_for_handles, &asks);
    for (i = 0; i < ASK_ROUNDS; i++) {
        (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &asks.results[i]),
                          APM_ERROR_SUCCESS);
        test_gate_open(asks.go[i]);
        CHECK(peer_write(both.other, "x", 1));
        mine[i] = apm_async_result_wait_handle(asks.results[i]);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, asks.results[i], NULL), APM_ERROR_SUCCESS);
    }
    test_thread_join(thread);
    for (i = 0; i < ASK_ROUNDS; i++) {
        CHECK(mine[i] != NULL && mine[i] == asks.handles[i]);
        CHECK(asks.signaled[i]);
        apm_async_result_release(asks.results[i]);
        test_gate_free(asks.go[i]);
    }
    pair_close(&both);
}

/* One worker, so that the pool has no thread to make meanwhile: then every handle counts. */
static void no_event_is_made_unless_somebody_asks(void)
{
    enum { RESULTS = 50 };
    apm_async_result *sent[RESULTS] = {NULL}, *received[RESULTS] = {NULL};
    apm_options options = harness_options();
    unsigned char here[RESULTS];
    int64_t before;
    pair both;
    int i;

    options.min_workers = options.max_workers = 1;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        check_alive(&both);
        before = harness_handles();
        for (i = 0; i < RESULTS; i++) {
            (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here[i], 1, 0, NULL, NULL, &received[i]),
                              APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, &sent[i]),
                              APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_socket_end_send(both.socket, sent[i], NULL), APM_ERROR_SUCCESS);
            CHECK(peer_write(both.other, "y", 1));
            (void)CHECK_ERROR(apm_async_result_wait(received[i], PATIENCE), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_socket_end_receive(both.socket, received[i], NULL), APM_ERROR_SUCCESS);
        }
        CHECK(harness_handles() == before); /* all of them are still there */
        (void)apm_async_result_wait_handle(sent[0]);
        (void)apm_async_result_wait_handle(sent[0]);
        CHECK(harness_handles() == before + 1);
        for (i = 0; i < RESULTS; i++) {
            apm_async_result_release(sent[i]);
            apm_async_result_release(received[i]);
        }
        CHECK(harness_handles() == before);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- waiting ------------------------------------------------------------------------------------------ */

static void wait_ends_with_its_time_and_the_operation_goes_on(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here = 0;
    size_t bytes = 0;
    uint64_t start;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_async_result_wait(result, 0), APM_ERROR_TIMED_OUT);
        start = test_now();
        (void)CHECK_ERROR(apm_async_result_wait(result, 50), APM_ERROR_TIMED_OUT);
        CHECK(test_now() - start >= 40); /* two clocks, each with steps of its own */
        CHECK(!apm_async_result_is_completed(result));
        CHECK(peer_write(both.other, "x", 1));
        (void)CHECK_ERROR(apm_async_result_wait(result, APM_INFINITE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_wait(result, 0), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 1);
        apm_async_result_release(result);
    }
    pair_close(&both);
}

/* ---- its life ----------------------------------------------------------------------------------------- */

static void begin_may_be_asked_for_no_result(void)
{
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, call_back, &made, NULL),
                      APM_ERROR_SUCCESS);
    CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
    (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
    CHECK(made.bytes == 1 && here == 'x' && made.seen != NULL);
    call_dispose(&made);
    pair_close(&both);
}

static void result_released_at_once_still_calls_back(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    apm_async_result_release(one.made.result);
    CHECK(peer_write(one.both.other, "x", 1) && call_wait(&one.made));
    one.made.result = NULL;
    (void)CHECK_ERROR(one.made.error, APM_ERROR_SUCCESS);
    CHECK(one.made.bytes == 1);
    receiving_close(&one);
}

static void keep_result(call *made)
{
    apm_async_result_retain(made->seen);
}

static void result_retained_in_the_callback_outlives_it(void)
{
    pair both;
    call made;
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    made.keeps = true;
    made.inside = keep_result;
    (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, call_back, &made, NULL),
                      APM_ERROR_SUCCESS);
    CHECK(peer_write(both.other, "x", 1));
    if (call_wait(&made)) {
        check_alive(&both); /* other operations take blocks meanwhile: not this one */
        CHECK(apm_async_result_state(made.seen) == &made);
        (void)CHECK_ERROR(call_end(&made, made.seen), APM_ERROR_SUCCESS);
        CHECK(made.bytes == 1);
        apm_async_result_release(made.seen);
    }
    call_dispose(&made);
    pair_close(&both);
}

static void operations_nobody_ends_leave_nothing_behind(void)
{
    pair both;
    char here[8];
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < 8; i++) {
        (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here[i], 1, 0, NULL, NULL, NULL),
                          APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, NULL), APM_ERROR_SUCCESS);
    }
    CHECK(peer_write(both.other, "abcd", 4));
    pair_close(&both); /* four of the receives are pending: the harness counts what is left */
}

static void result_outlives_its_socket(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here = 0;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, &both, &result),
                    APM_ERROR_SUCCESS)) {
        pair_close(&both);
        (void)CHECK_ERROR(apm_async_result_wait(result, PATIENCE), APM_ERROR_SUCCESS);
        CHECK(apm_async_result_is_completed(result));
        CHECK(apm_async_result_state(result) == &both);
        CHECK(handle_wait(apm_async_result_wait_handle(result), 0));
        apm_async_result_release(result);
    }
    pair_close(&both);
}

static const test_case saying[] = {
    {"state_is_what_was_given_to_begin", state_is_what_was_given_to_begin, false},
    {"nothing_is_known_of_null", nothing_is_known_of_null, false},
    {"is_completed_turns_true_once_there_is_a_result", is_completed_turns_true_once_there_is_a_result, false},
    {"whoever_sees_completed_may_read_what_was_received", whoever_sees_completed_may_read_what_was_received,
     false},
    {"flag_then_event_then_callback", flag_then_event_then_callback, false},
    {"completed_and_signaled_while_the_callback_still_runs",
     completed_and_signaled_while_the_callback_still_runs, false},
    {NULL, NULL, false}};

static const test_case waiting[] = {
    {"wait_handle_is_the_same_at_every_call", wait_handle_is_the_same_at_every_call, false},
    {"wait_handle_asked_for_late_is_signaled", wait_handle_asked_for_late_is_signaled, false},
    {"wait_handle_may_be_asked_for_by_two_threads_while_it_completes",
     wait_handle_may_be_asked_for_by_two_threads_while_it_completes, false},
    {"no_event_is_made_unless_somebody_asks", no_event_is_made_unless_somebody_asks, true},
    {"wait_ends_with_its_time_and_the_operation_goes_on", wait_ends_with_its_time_and_the_operation_goes_on,
     false},
    {NULL, NULL, false}};

static const test_case living[] = {
    {"begin_may_be_asked_for_no_result", begin_may_be_asked_for_no_result, false},
    {"result_released_at_once_still_calls_back", result_released_at_once_still_calls_back, false},
    {"result_retained_in_the_callback_outlives_it", result_retained_in_the_callback_outlives_it, false},
    {"operations_nobody_ends_leave_nothing_behind", operations_nobody_ends_leave_nothing_behind, false},
    {"result_outlives_its_socket", result_outlives_its_socket, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"saying", saying}, {"waiting", waiting}, {"living", living}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
