/* SPDX-License-Identifier: MIT */
/* End: once, with the right result, of the right socket and kind; blocking when it has to. */
#include "../support/fixture.h"

static const call_kind kinds[] = {CALL_CONNECT, CALL_SEND, CALL_RECEIVE};
enum { KINDS = 3 };

/* One completed operation of each kind on one connected socket, none of them ended. */
typedef struct trio {
    pair both;
    apm_async_result *results[KINDS];
    char byte;
} trio;

static void release_trio(trio *all)
{
    int i;

    for (i = 0; i < KINDS; i++) apm_async_result_release(all->results[i]);
    pair_close(&all->both);
}

static bool open_trio(trio *all)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;
    int i;

    all->both.other = NULL;
    all->both.socket = stream_new(APM_FAMILY_IPV4);
    for (i = 0; i < KINDS; i++) all->results[i] = NULL;
    if (listener != NULL && all->both.socket != NULL) {
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(apm_socket_begin_connect(all->both.socket, &remote, NULL, NULL, &all->results[0]),
                          APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_wait(all->results[0], PATIENCE), APM_ERROR_SUCCESS);
        all->both.other = peer_accept(listener, PATIENCE);
    }
    peer_listener_close(listener);
    CHECK(all->both.other != NULL);
    if (all->both.other != NULL) {
        (void)CHECK_ERROR(apm_socket_begin_send(all->both.socket, "x", 1, 0, NULL, NULL, &all->results[1]),
                          APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(
            apm_socket_begin_receive(all->both.socket, &all->byte, 1, 0, NULL, NULL, &all->results[2]),
            APM_ERROR_SUCCESS);
        CHECK(peer_write(all->both.other, "y", 1));
        (void)CHECK_ERROR(apm_async_result_wait(all->results[1], PATIENCE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_wait(all->results[2], PATIENCE), APM_ERROR_SUCCESS);
    }
    if (all->results[2] != NULL) return true;
    release_trio(all);
    return false;
}

static void end_works_once(void)
{
    trio all;
    int i;

    if (!open_trio(&all)) return;
    for (i = 0; i < KINDS; i++) {
        size_t bytes = 77;

        (void)CHECK_ERROR(end_kind(kinds[i], all.both.socket, all.results[i], &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == (kinds[i] == CALL_CONNECT ? 77 : 1));
        bytes = 78;
        (void)CHECK_ERROR(end_kind(kinds[i], all.both.socket, all.results[i], &bytes),
                          APM_ERROR_INVALID_OPERATION);
        (void)CHECK_ERROR(end_kind(kinds[i], all.both.socket, all.results[i], &bytes),
                          APM_ERROR_INVALID_OPERATION);
        CHECK(bytes == 78);
    }
    release_trio(&all);
}

static void end_of_null_is_argument_null(void)
{
    trio all;
    int i;

    if (!open_trio(&all)) return;
    for (i = 0; i < KINDS; i++) {
        size_t bytes = 77;

        (void)CHECK_ERROR(end_kind(kinds[i], all.both.socket, NULL, &bytes), APM_ERROR_ARGUMENT_NULL);
        (void)CHECK_ERROR(end_kind(kinds[i], NULL, all.results[i], &bytes), APM_ERROR_ARGUMENT_NULL);
        CHECK(bytes == 77);
        /* That has ended nothing. */
        (void)CHECK_ERROR(end_kind(kinds[i], all.both.socket, all.results[i], &bytes), APM_ERROR_SUCCESS);
    }
    release_trio(&all);
}

static void end_of_another_kind_is_argument(void)
{
    trio all;
    int i, j;

    if (!open_trio(&all)) return;
    for (i = 0; i < KINDS; i++) {
        for (j = 0; j < KINDS; j++) {
            size_t bytes = 77;

            if (i == j) continue;
            (void)CHECK_ERROR(end_kind(kinds[j], all.both.socket, all.results[i], &bytes),
                              APM_ERROR_ARGUMENT);
            CHECK(bytes == 77);
        }
        (void)CHECK_ERROR(end_kind(kinds[i], all.both.socket, all.results[i], NULL), APM_ERROR_SUCCESS);
        /* The kind is looked at before whether it was ended. */
        (void)CHECK_ERROR(end_kind(kinds[(i + 1) % KINDS], all.both.socket, all.results[i], NULL),
                          APM_ERROR_ARGUMENT);
    }
    release_trio(&all);
}

static void end_of_another_sockets_result_is_argument(void)
{
    trio mine, other;
    int i;

    if (!open_trio(&mine)) return;
    if (open_trio(&other)) {
        for (i = 0; i < KINDS; i++) {
            (void)CHECK_ERROR(end_kind(kinds[i], other.both.socket, mine.results[i], NULL),
                              APM_ERROR_ARGUMENT);
            (void)CHECK_ERROR(end_kind(kinds[i], mine.both.socket, mine.results[i], NULL), APM_ERROR_SUCCESS);
        }
        release_trio(&other);
    }
    release_trio(&mine);
}

/* Closed comes before everything that may be wrong with the result. */
static void end_after_close_is_object_disposed_whatever_is_passed(void)
{
    trio mine, other;
    int i, j;

    if (!open_trio(&mine)) return;
    if (open_trio(&other)) {
        apm_socket_retain(mine.both.socket);
        (void)CHECK_ERROR(apm_socket_end_send(mine.both.socket, mine.results[1], NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_close(mine.both.socket), APM_ERROR_SUCCESS);
        for (i = 0; i < KINDS; i++) {
            size_t bytes = 77;

            (void)CHECK_ERROR(end_kind(kinds[i], mine.both.socket, NULL, &bytes), APM_ERROR_OBJECT_DISPOSED);
            for (j = 0; j < KINDS; j++) {
                (void)CHECK_ERROR(end_kind(kinds[j], mine.both.socket, mine.results[i], &bytes),
                                  APM_ERROR_OBJECT_DISPOSED);
                (void)CHECK_ERROR(end_kind(kinds[j], mine.both.socket, other.results[i], &bytes),
                                  APM_ERROR_OBJECT_DISPOSED);
            }
            CHECK(bytes == 77);
        }
        release_trio(&other);
        apm_socket_release(mine.both.socket);
        mine.both.socket = NULL;
    }
    release_trio(&mine);
}

/* ---- blocking ------------------------------------------------------------------------------------ */

typedef struct ender {
    apm_socket *socket;
    apm_async_result *result;
    test_gate *begun;
    apm_error error;
    size_t bytes;
    _Atomic bool returned;
} ender;

static void prepare_ender(ender *one, apm_socket *socket, apm_async_result *result)
{
    one->socket = socket;
    one->result = result;
    one->begun = test_gate_new();
    one->error = APM_ERROR_SUCCESS;
    one->bytes = 0;
    atomic_init(&one->returned, false);
}

static void end_receive(void *argument)
{
    ender *one = (ender *)argument;

    test_gate_open(one->begun);
    one->error = apm_socket_end_receive(one->socket, one->result, &one->bytes);
    atomic_store(&one->returned, true);
}

static void end_blocks_until_the_operation_has_completed(void)
{
    pair both;
    ender one;
    apm_async_result *result = NULL;
    test_thread *thread;
    char here[8] = {0};
    int i;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, here, sizeof here, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        prepare_ender(&one, both.socket, result);
        thread = test_thread_start(end_receive, &one);
        CHECK(test_gate_wait(one.begun));
        /* It cannot have returned: nothing has been sent. Given some chances to be wrong. */
        for (i = 0; i < 20; i++) {
            test_yield();
            CHECK(!atomic_load(&one.returned));
        }
        CHECK(peer_write(both.other, "hello", 5));
        test_thread_join(thread);
        (void)CHECK_ERROR(one.error, APM_ERROR_SUCCESS);
        CHECK(one.bytes >= 1 && one.bytes <= 5 && here[0] == 'h');
        test_gate_free(one.begun);
        apm_async_result_release(result);
    }
    pair_close(&both);
}

static void of_two_threads_that_end_at_once_one_wins(void)
{
    enum { ROUNDS = 100, THREADS = 2 };
    pair both;
    int round, i, won = 0, lost = 0;

    if (!pair_open(&both)) return;
    for (round = 0; round < ROUNDS; round++) {
        ender enders[THREADS];
        test_thread *threads[THREADS];
        apm_async_result *result = NULL;
        char here = 0;

        if (!CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                         APM_ERROR_SUCCESS))
            break;
        for (i = 0; i < THREADS; i++) prepare_ender(&enders[i], both.socket, result);
        for (i = 0; i < THREADS; i++) threads[i] = test_thread_start(end_receive, &enders[i]);
        if (round % 2 == 0) /* before the byte comes, or while it comes */
            for (i = 0; i < THREADS; i++) CHECK(test_gate_wait(enders[i].begun));
        CHECK(peer_write(both.other, "x", 1));
        for (i = 0; i < THREADS; i++) {
            test_thread_join(threads[i]);
            test_gate_free(enders[i].begun);
            if (enders[i].error == APM_ERROR_SUCCESS && enders[i].bytes == 1)
                won++;
            else if (enders[i].error == APM_ERROR_INVALID_OPERATION && enders[i].bytes == 0)
                lost++;
        }
        apm_async_result_release(result);
    }
    CHECK(won == ROUNDS);
    CHECK(lost == ROUNDS);
    pair_close(&both);
}

static void operation_without_a_callback_is_ended_by_waiting(void)
{
    pair both;
    apm_async_result *result = NULL;
    char here = 0;
    size_t bytes = 0;

    if (!pair_open(&both)) return;
    if (CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "x", 1));
        (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here == 'x');
        apm_async_result_release(result);
    }
    pair_close(&both);
}

static void byte_count_may_go_nowhere(void)
{
    trio all;

    if (!open_trio(&all)) return;
    (void)CHECK_ERROR(apm_socket_end_send(all.both.socket, all.results[1], NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_receive(all.both.socket, all.results[2], NULL), APM_ERROR_SUCCESS);
    release_trio(&all);
}

static const test_case rules[] = {
    {"end_works_once", end_works_once, false},
    {"end_of_null_is_argument_null", end_of_null_is_argument_null, false},
    {"end_of_another_kind_is_argument", end_of_another_kind_is_argument, false},
    {"end_of_another_sockets_result_is_argument", end_of_another_sockets_result_is_argument, false},
    {"end_after_close_is_object_disposed_whatever_is_passed",
     end_after_close_is_object_disposed_whatever_is_passed, false},
    {"byte_count_may_go_nowhere", byte_count_may_go_nowhere, false},
    {NULL, NULL, false}};

static const test_case blocking[] = {
    {"end_blocks_until_the_operation_has_completed", end_blocks_until_the_operation_has_completed, false},
    {"of_two_threads_that_end_at_once_one_wins", of_two_threads_that_end_at_once_one_wins, false},
    {"operation_without_a_callback_is_ended_by_waiting", operation_without_a_callback_is_ended_by_waiting,
     false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"rules", rules}, {"blocking", blocking}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
