/* SPDX-License-Identifier: MIT */
/* The callback: exactly once, on which thread, how deep; what it may do. */
#include <string.h>

#include "../support/fixture.h"

/* ---- exactly once, with the result in place -------------------------------------------------- */

static void each_operation_calls_back_exactly_once(void)
{
    enum { ROUNDS = 200 };
    static call sends[ROUNDS], receives[ROUNDS];
    static unsigned char there[ROUNDS], here[ROUNDS];
    apm_options options = harness_options();
    pair both;
    int i, begun = 0;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (!pair_open(&both)) goto no_pair;
    pattern_fill(there, ROUNDS, 0);
    for (i = 0; i < ROUNDS; i++) {
        call_prepare(&sends[i], both.socket, CALL_SEND);
        call_prepare(&receives[i], both.socket, CALL_RECEIVE);
    }
    for (i = 0; i < ROUNDS; i++, begun++) {
        if (i % 2 == 0) CHECK(peer_write(both.other, &there[i], 1)); /* before it is received, or after */
        if (!CHECK_ERROR(call_receive(&receives[i], &here[i], 1), APM_ERROR_SUCCESS)) break;
        if (i % 2 != 0) CHECK(peer_write(both.other, &there[i], 1));
        if (!CHECK_ERROR(call_send(&sends[i], &there[i], 1), APM_ERROR_SUCCESS)) break;
    }
    CHECK(begun == ROUNDS);
    for (i = 0; i < begun; i++) {
        CHECK(call_wait(&sends[i]) && call_wait(&receives[i]));
        /* The result was stored before the callback ran, and it was the same. */
        CHECK(sends[i].stored && receives[i].stored);
        CHECK(sends[i].completed && receives[i].completed);
        (void)CHECK_ERROR(sends[i].error, APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(receives[i].error, APM_ERROR_SUCCESS);
        CHECK(sends[i].bytes == 1 && receives[i].bytes == 1);
    }
    CHECK(pattern_holds(here, ROUNDS, 0));
    for (i = 0; i < ROUNDS; i++) {
        apm_async_result_release(sends[i].result);
        apm_async_result_release(receives[i].result);
        sends[i].result = receives[i].result = NULL;
    }
    pair_close(&both);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS); /* after it no callback can come */
    for (i = 0; i < ROUNDS; i++) {
        CHECK(atomic_load(&sends[i].callbacks) == 1);
        CHECK(atomic_load(&receives[i].callbacks) == 1);
        call_dispose(&sends[i]);
        call_dispose(&receives[i]);
    }
    return;
no_pair:
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static void failed_begin_gives_no_result_and_no_callback(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    call made;
    char here = 0;

    if (socket == NULL) return;
    call_prepare(&made, socket, CALL_SEND);
    made.result = (apm_async_result *)(void *)&made; /* must stay what it is */
    (void)CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(call_connect(&made, NULL), APM_ERROR_ARGUMENT_NULL);
    CHECK(made.result == (apm_async_result *)(void *)&made);
    made.result = NULL;
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

/* ---- which thread --------------------------------------------------------------------------------- */

static void completed_synchronously_tells_which_thread_calls_back(void)
{
    enum { ROUNDS = 100 };
    pair both;
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < ROUNDS; i++) {
        call made;
        bool before;

        call_prepare(&made, both.socket, CALL_SEND);
        if (!CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_SUCCESS)) break;
        before = apm_async_result_completed_synchronously(made.result);
        /* What completed inside Begin has called back there, too. */
        if (before) CHECK(atomic_load(&made.callbacks) == 1);
        CHECK(call_wait(&made));
        CHECK((made.thread == test_thread_self()) == before);
        CHECK(made.synchronously == before);
        CHECK(apm_async_result_completed_synchronously(made.result) == before);
        call_dispose(&made);
    }
    pair_close(&both);
}

static void pending_operation_calls_back_on_a_worker(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    CHECK(peer_write(one.both.other, "x", 1) && call_wait(&one.made));
    CHECK(one.made.thread != test_thread_self());
    receiving_close(&one);
}

static void callbacks_on_pool_keeps_them_out_of_begin(void)
{
    enum { ROUNDS = 100 };
    apm_options options = harness_options();
    pair both;
    int i;

    options.callbacks_on_pool = true;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        for (i = 0; i < ROUNDS; i++) {
            call made;

            call_prepare(&made, both.socket, CALL_SEND);
            if (CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_SUCCESS)) {
                CHECK(!apm_async_result_completed_synchronously(made.result));
                CHECK(call_wait(&made));
                CHECK(made.thread != test_thread_self());
                CHECK(!made.synchronously);
                CHECK(!apm_async_result_completed_synchronously(made.result));
            }
            call_dispose(&made);
        }
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- how deep ----------------------------------------------------------------------------------------- */

enum { DIVE_LENGTH = 500, DEEPEST = 49 };

/* A chain of receives of what is already there: each callback begins the next one. */
typedef struct dive {
    apm_socket *socket;
    test_gate *done;
    unsigned char here[DIVE_LENGTH];
    uint64_t threads[DIVE_LENGTH];
    int levels[DIVE_LENGTH]; /* of callbacks on that thread's stack */
    int count, failures, synchronous;
} dive;

/* How many callbacks each thread is in. One chain: a thread that is in none is not in the list. */
typedef struct diver {
    uint64_t thread;
    int level;
} diver;

static diver divers[DIVE_LENGTH];
static atomic_flag divers_lock = ATOMIC_FLAG_INIT;

static int change_level(uint64_t thread, int by)
{
    int i = 0, level;

    while (atomic_flag_test_and_set(&divers_lock)) test_yield();
    while (i < DIVE_LENGTH && divers[i].thread != thread) i++;
    if (i == DIVE_LENGTH) /* it is new here */
        for (i = 0; divers[i].level != 0;) i++;
    divers[i].thread = thread;
    divers[i].level += by;
    level = divers[i].level;
    atomic_flag_clear(&divers_lock);
    return level;
}

static void APM_CALL dive_on(apm_async_result *result)
{
    dive *down = (dive *)apm_async_result_state(result);
    uint64_t self = test_thread_self();
    int at = down->count++;
    bool over;
    size_t bytes = 0;

    down->threads[at] = self;
    down->levels[at] = change_level(self, 1);
    if (apm_async_result_completed_synchronously(result)) down->synchronous++;
    if (apm_socket_end_receive(down->socket, result, &bytes) != APM_ERROR_SUCCESS || bytes != 1)
        down->failures++;
    over = at + 1 == DIVE_LENGTH || down->failures != 0;
    /* If it begins, `down` is the next callback's. */
    if (!over && apm_socket_begin_receive(down->socket, &down->here[at + 1], 1, 0, dive_on, down, NULL) !=
                     APM_ERROR_SUCCESS) {
        down->failures++;
        over = true;
    }
    (void)change_level(self, -1);
    if (over) test_gate_open(down->done);
}

static void check_dive(const dive *down)
{
    int i, deepest = 0;

    CHECK(down->failures == 0);
    CHECK(down->count == DIVE_LENGTH);
    CHECK(pattern_holds(down->here, DIVE_LENGTH, 0));
    for (i = 0; i < down->count; i++) {
        if (down->levels[i] > deepest) deepest = down->levels[i];
        /* What would have come below the deepest level ran at the bottom of a worker's stack. (The
         * same worker's, if it had unwound before another one came.) */
        if (i > 0 && down->levels[i - 1] == DEEPEST) {
            CHECK(down->levels[i] == 1);
            CHECK(down->threads[i] != test_thread_self());
        }
    }
    CHECK(deepest <= DEEPEST);
    /* Where everything completes at once the guard is what ends each dive. */
    if (down->synchronous == DIVE_LENGTH) CHECK(deepest == DEEPEST);
}

static void callbacks_nest_49_deep_at_most(void)
{
    static dive down;
    static unsigned char there[DIVE_LENGTH];
    apm_options options = harness_options();
    pair both;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    memset(&down, 0, sizeof down);
    down.done = test_gate_new();
    if (pair_open(&both)) {
        pattern_fill(there, DIVE_LENGTH, 0);
        CHECK(peer_write(both.other, there, DIVE_LENGTH));
        /* Once there is something to receive, all of it is: it came in one piece. */
        (void)CHECK_ERROR(receive_now(both.socket, NULL, 0, NULL), APM_ERROR_SUCCESS);
        down.socket = both.socket;
        if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &down.here[0], 1, 0, dive_on, &down, NULL),
                        APM_ERROR_SUCCESS))
            CHECK(test_gate_wait(down.done));
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS); /* all callbacks have returned */
    check_dive(&down);
    test_gate_free(down.done);
}

/* ---- what it may do -------------------------------------------------------------------------------------- */

typedef struct reaction {
    call *answer;
    unsigned char byte;
    apm_error error;
} reaction;

static void send_the_answer(call *made)
{
    reaction *react = (reaction *)made->context;

    react->error = call_send(react->answer, &react->byte, 1);
}

static void callback_may_begin_another_operation(void)
{
    pair both;
    call question, answer;
    reaction react = {NULL, 0, APM_ERROR_SUCCESS};
    unsigned char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&question, both.socket, CALL_RECEIVE);
    call_prepare(&answer, both.socket, CALL_SEND);
    react.answer = &answer;
    react.byte = 0x7E;
    question.context = &react;
    question.inside = send_the_answer;
    if (CHECK_ERROR(call_receive(&question, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "?", 1) && call_wait(&question));
        if (CHECK_ERROR(react.error, APM_ERROR_SUCCESS)) {
            CHECK(call_wait(&answer));
            (void)CHECK_ERROR(answer.error, APM_ERROR_SUCCESS);
            CHECK(peer_read_all(both.other, &here, 1, PATIENCE) && here == 0x7E);
        }
    }
    call_dispose(&question);
    call_dispose(&answer);
    pair_close(&both);
}

static void end_twice(call *made)
{
    reaction *react = (reaction *)made->context;

    react->error = apm_socket_end_receive(made->socket, made->seen, NULL);
}

static void end_in_the_callback_is_the_only_one(void)
{
    pair both;
    call made;
    reaction react = {NULL, 0, APM_ERROR_SUCCESS};
    char here = 0;

    if (!pair_open(&both)) return;
    call_prepare(&made, both.socket, CALL_RECEIVE);
    made.context = &react;
    made.inside = end_twice;
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(react.error, APM_ERROR_INVALID_OPERATION);
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, made.result, NULL),
                          APM_ERROR_INVALID_OPERATION);
    }
    call_dispose(&made);
    pair_close(&both);
}

static const test_case once[] = {
    {"each_operation_calls_back_exactly_once", each_operation_calls_back_exactly_once, true},
    {"failed_begin_gives_no_result_and_no_callback", failed_begin_gives_no_result_and_no_callback, false},
    {NULL, NULL, false}};

static const test_case where[] = {
    {"completed_synchronously_tells_which_thread_calls_back",
     completed_synchronously_tells_which_thread_calls_back, false},
    {"pending_operation_calls_back_on_a_worker", pending_operation_calls_back_on_a_worker, false},
    {"callbacks_on_pool_keeps_them_out_of_begin", callbacks_on_pool_keeps_them_out_of_begin, true},
    {"callbacks_nest_49_deep_at_most", callbacks_nest_49_deep_at_most, true},
    {NULL, NULL, false}};

static const test_case inside[] = {
    {"callback_may_begin_another_operation", callback_may_begin_another_operation, false},
    {"end_in_the_callback_is_the_only_one", end_in_the_callback_is_the_only_one, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"once", once}, {"where", where}, {"inside", inside}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
