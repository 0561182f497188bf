/* SPDX-License-Identifier: MIT */
/* Without workers: everything comes about in apm_poll, and callbacks nowhere else. */
#include <string.h>

#include "../support/pump.h"

static apm_options no_workers(void)
{
    apm_options options = harness_options();

    options.max_workers = 0; /* which the mode may have set */
    options.no_workers = true;
    return options;
}

static bool start(void)
{
    apm_options options = no_workers();

    return CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
}

static void stop(void)
{
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static bool start_pair(pair *both)
{
    if (!start()) return false;
    if (pair_open(both)) return true;
    stop();
    return false;
}

static void stop_pair(pair *both)
{
    pair_close(both);
    stop();
}

/* ---- where callbacks run ------------------------------------------------------------------------- */

static void callbacks_run_in_poll_and_there_only(void)
{
    enum { ROUNDS = 50 };
    int64_t threads = harness_threads();
    pair both;
    int i;

    if (!start_pair(&both)) return;
    CHECK(harness_threads() == threads); /* there are no workers */
    for (i = 0; i < ROUNDS; i++) {
        call made;
        char here = 0, there = (char)i;

        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
            CHECK(atomic_load(&made.callbacks) == 0);
            (void)CHECK_ERROR(apm_poll(0), APM_ERROR_TIMED_OUT);
            CHECK(peer_write(both.other, &there, 1));
            CHECK(pump_call(&made));
            CHECK(made.thread == test_thread_self() && !made.synchronously);
            (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
            CHECK(here == there && made.stored && made.completed);
        }
        call_dispose(&made);
    }
    CHECK(harness_threads() == threads);
    stop_pair(&both);
}

/* A receive that has to wait at the port for its byte. */
static bool receive_later(pair *both, char *there)
{
    apm_async_result *result = NULL;
    size_t got = 0;
    bool good;

    if (!CHECK_ERROR(apm_socket_begin_receive(both->socket, there, 1, APM_FLAG_NONE, NULL, NULL, &result),
                     APM_ERROR_SUCCESS))
        return false;
    good = peer_write(both->other, "b", 1) &&
           CHECK_ERROR(apm_socket_end_receive(both->socket, result, &got), APM_ERROR_SUCCESS);
    CHECK(got == 1 && *there == 'b');
    apm_async_result_release(result);
    return good;
}

/* The packet of one operation is taken by who waits for another one: its callback waits for a poll. */
static void waiting_completes_and_calls_nobody_back(void)
{
    pair one, other;
    call made;
    char here = 0, there = 0;

    if (!start_pair(&one)) return;
    if (pair_open(&other)) {
        call_prepare(&made, one.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
            CHECK(peer_write(one.other, "a", 1));
            while (!apm_async_result_is_completed(made.result))
                if (!receive_later(&other, &there)) break;
            CHECK(atomic_load(&made.callbacks) == 0);
            (void)CHECK_ERROR(apm_async_result_wait(made.result, 0), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_poll(0), APM_ERROR_SUCCESS);
            CHECK(atomic_load(&made.callbacks) == 1 && here == 'a');
        }
        call_dispose(&made);
        pair_close(&other);
    }
    stop_pair(&one);
}

typedef struct more_calls {
    pair both;
    call send, receive;
} more_calls;

static void make_more_ready(call *made)
{
    more_calls *more = (more_calls *)made->context;

    CHECK(peer_write(more->both.other, "b", 1));
    (void)CHECK_ERROR(call_send(&more->send, "c", 1), APM_ERROR_SUCCESS);
}

/* One that completes inside Begin is in the list, another one's packet at the port. */
static void what_callbacks_make_ready_is_left_to_the_next_poll(void)
{
    apm_options options = no_workers();
    more_calls more;
    pair one;
    call made;
    char here = 0, there = 0, byte = 0;

    options.callbacks_on_pool = true;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&one)) {
        if (pair_open(&more.both)) {
            call_prepare(&made, one.socket, CALL_RECEIVE);
            call_prepare(&more.send, more.both.socket, CALL_SEND);
            call_prepare(&more.receive, more.both.socket, CALL_RECEIVE);
            made.inside = make_more_ready;
            made.context = &more;
            (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
            CHECK(peer_write(one.other, "a", 1));
            while (!apm_async_result_is_completed(made.result))
                if (!receive_later(&more.both, &there)) break;
            (void)CHECK_ERROR(call_receive(&more.receive, &byte, 1), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_poll(0), APM_ERROR_SUCCESS);
            CHECK(atomic_load(&made.callbacks) == 1);
            CHECK(atomic_load(&more.send.callbacks) == 0 && atomic_load(&more.receive.callbacks) == 0);
            CHECK(pump_call(&more.send) && pump_call(&more.receive) && byte == 'b');
            call_dispose(&made);
            call_dispose(&more.send);
            call_dispose(&more.receive);
            pair_close(&more.both);
        }
        pair_close(&one);
    }
    stop();
}

static void wait_inside(call *made)
{
    char there = 0;

    (void)CHECK_ERROR(apm_poll(0), APM_ERROR_INVALID_OPERATION);
    CHECK(receive_later((pair *)made->context, &there));
}

static void callback_may_wait_but_not_poll(void)
{
    pair one, other;
    call made;
    char here = 0;

    if (!start_pair(&one)) return;
    if (pair_open(&other)) {
        call_prepare(&made, one.socket, CALL_RECEIVE);
        made.inside = wait_inside;
        made.context = &other;
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
            CHECK(peer_write(one.other, "a", 1) && pump_call(&made));
            (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        }
        call_dispose(&made);
        pair_close(&other);
    }
    stop_pair(&one);
}

/* ---- callbacks inside Begin ------------------------------------------------------------------------ */

typedef struct chain {
    apm_socket *socket;
    uint32_t left, depth, deepest;
    bool at_once; /* a send completed inside Begin */
    test_gate *done;
} chain;

static void APM_CALL send_next(apm_async_result *result)
{
    chain *all = (chain *)apm_async_result_state(result);

    all->depth++;
    if (all->depth > all->deepest) all->deepest = all->depth;
    if (apm_async_result_completed_synchronously(result)) all->at_once = true;
    (void)CHECK_ERROR(apm_socket_end_send(all->socket, result, NULL), APM_ERROR_SUCCESS);
    if (--all->left == 0)
        test_gate_open(all->done);
    else
        (void)CHECK_ERROR(apm_socket_begin_send(all->socket, "x", 1, APM_FLAG_NONE, send_next, all, NULL),
                          APM_ERROR_SUCCESS);
    all->depth--;
}

/* 300 sends, each begun by the callback of the one before: how deep they nested; 0 if none was at once. */
static uint32_t nest_sends(bool on_pool)
{
    apm_options options = no_workers();
    chain all = {0};
    pair both;

    options.callbacks_on_pool = on_pool;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return 0;
    if (pair_open(&both)) {
        all.socket = both.socket;
        all.left = 300;
        all.done = test_gate_new();
        (void)CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, APM_FLAG_NONE, send_next, &all, NULL),
                          APM_ERROR_SUCCESS);
        CHECK(pump_until(all.done));
        test_gate_free(all.done);
        pair_close(&both);
    }
    stop();
    CHECK(!on_pool || !all.at_once);
    return all.deepest;
}

static void callbacks_inside_begin_nest_only_so_far(void)
{
    CHECK(nest_sends(false) < 50);
}

static void callbacks_on_pool_run_in_poll(void)
{
    CHECK(nest_sends(true) == 1);
}

static void note_place(call *made)
{
    uint32_t *seen = (uint32_t *)made->context;

    made->flags = (int32_t)(*seen)++;
}

static void order_is_that_of_becoming_ready(void)
{
    enum { CALLS = 40 };
    apm_options options = no_workers();
    call made[CALLS];
    bool at_once[CALLS];
    uint32_t seen = 0;
    pair both;
    int i;

    options.callbacks_on_pool = true;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        for (i = 0; i < CALLS; i++) {
            call_prepare(&made[i], both.socket, CALL_SEND);
            (void)CHECK_ERROR(call_send(&made[i], "x", 1), APM_ERROR_SUCCESS);
        }
        for (i = 0; i < CALLS; i++) {
            /* Nobody polls: those that are over were ready in the order of Begin. */
            at_once[i] = apm_async_result_is_completed(made[i].result);
            CHECK(atomic_load(&made[i].callbacks) == 0);
            made[i].context = &seen;
            made[i].inside = note_place;
        }
        for (i = 0; i < CALLS; i++) CHECK(pump_call(&made[i]));
        for (i = 0, seen = 0; i < CALLS; i++) {
            (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
            CHECK(made[i].thread == test_thread_self());
            CHECK(!at_once[i] || made[i].flags == (int32_t)seen++);
            call_dispose(&made[i]);
        }
        pair_close(&both);
    }
    stop();
}

/* ---- what else completes --------------------------------------------------------------------------- */

static void timers_and_cancels_complete_in_poll(void)
{
    pair both;
    call late, gone;
    char here[2];

    if (!start_pair(&both)) return;
    call_prepare(&late, both.socket, CALL_RECEIVE);
    call_prepare(&gone, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&late, &here[0], 1), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_async_result_cancel_after(late.result, 1), APM_ERROR_SUCCESS);
        CHECK(pump_call(&late));
        (void)CHECK_ERROR(late.error, APM_ERROR_TIMED_OUT);
    }
    if (CHECK_ERROR(call_receive(&gone, &here[1], 1), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_async_result_cancel(gone.result), APM_ERROR_SUCCESS);
        CHECK(pump_call(&gone));
        (void)CHECK_ERROR(gone.error, APM_ERROR_OPERATION_ABORTED);
    }
    check_alive(&both);
    call_dispose(&late);
    call_dispose(&gone);
    stop_pair(&both);
}

static void names_and_refusals_complete_in_poll(void)
{
    apm_endpoint nowhere;
    apm_socket *socket;
    call made;

    if (!start()) return;
    socket = stream_new(APM_FAMILY_IPV4);
    if (socket != NULL) {
        peer_refusing_endpoint(APM_FAMILY_IPV4, &nowhere);
        call_prepare(&made, socket, CALL_CONNECT);
        if (CHECK_ERROR(apm_socket_begin_connect_host(socket, "localhost", apm_endpoint_port(&nowhere),
                                                      call_back, &made, &made.result),
                        APM_ERROR_SUCCESS)) {
            CHECK(pump_call(&made));
            (void)CHECK_ERROR(made.error, APM_ERROR_CONNECTION_REFUSED);
        }
        call_dispose(&made);
        close_now(socket);
    }
    stop();
}

/* ---- several threads --------------------------------------------------------------------------------- */

static void several_threads_share_the_work(void)
{
    enum { PUMPS = 3, ROUNDS = 20 };
    pump pumps[PUMPS];
    pair both;
    int i;

    if (!start_pair(&both)) return;
    for (i = 0; i < PUMPS; i++) CHECK(pump_start(&pumps[i]));
    for (i = 0; i < ROUNDS; i++) {
        call made;
        char here = 0, there = (char)i;

        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
            CHECK(peer_write(both.other, &there, 1) && call_wait(&made));
            CHECK(made.thread != test_thread_self() && here == there);
        }
        call_dispose(&made);
        check_alive(&both); /* which waits here while they sleep at the port */
    }
    stop_pair(&both);
    for (i = 0; i < PUMPS; i++) {
        pump_join(&pumps[i]);
        (void)CHECK_ERROR(pumps[i].last, APM_ERROR_NOT_INITIALIZED);
    }
}

/* Who takes the packet is not who sleeps in apm_poll: he has to be woken for the callback. */
static void sleeper_is_woken_for_what_another_thread_made_ready(void)
{
    enum { ROUNDS = 60 };
    apm_options options = no_workers();
    pump beside;
    pair both;
    int i;

    options.callbacks_on_pool = true; /* what completes inside Begin is ready at once */
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        CHECK(pump_start(&beside));
        for (i = 0; i < ROUNDS; i++) {
            call made;

            call_prepare(&made, both.socket, CALL_SEND);
            if (CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_SUCCESS)) CHECK(call_wait(&made));
            CHECK(made.thread == beside.self);
            call_dispose(&made);
        }
        pair_close(&both);
        stop();
        pump_join(&beside);
        (void)CHECK_ERROR(beside.last, APM_ERROR_NOT_INITIALIZED);
        return;
    }
    stop();
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static void end_runs_what_is_left(void)
{
    enum { CALLS = 10 };
    pair both;
    call made[CALLS];
    char here[CALLS];
    int i;

    if (!start_pair(&both)) return;
    for (i = 0; i < CALLS; i++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        made[i].keeps = true;
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    CHECK(peer_write(both.other, "xyz", 3));
    stop();
    for (i = 0; i < CALLS; i++) {
        CHECK(atomic_load(&made[i].callbacks) == 1);
        CHECK(made[i].thread == test_thread_self());
        call_dispose(&made[i]);
    }
    pair_close(&both);
}

/* ---- what is refused -------------------------------------------------------------------------------------- */

static void poll_says_why_not(void)
{
    apm_options options = harness_options();

    (void)CHECK_ERROR(apm_poll(0), APM_ERROR_NOT_INITIALIZED);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_poll(0), APM_ERROR_INVALID_OPERATION); /* the workers do it */
        stop();
    }
    if (start()) {
        uint64_t before = test_now();

        (void)CHECK_ERROR(apm_poll(0), APM_ERROR_TIMED_OUT);
        (void)CHECK_ERROR(apm_poll(20), APM_ERROR_TIMED_OUT);
        CHECK(test_now() - before >= 20);
        stop();
    }
    (void)CHECK_ERROR(apm_poll(APM_INFINITE), APM_ERROR_NOT_INITIALIZED);
}

static bool APM_CALL never(void *context)
{
    (void)context;
    return true;
}

static void options_that_exclude_each_other_are_refused(void)
{
    apm_options options = no_workers();

    options.min_workers = 1;
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_ARGUMENT);
    options = no_workers();
    options.max_workers = 1;
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_ARGUMENT);
    options = no_workers();
    options.concurrency = 1;
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_ARGUMENT);
    options = no_workers();
    options.dispatch = never;
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_ARGUMENT);
    options = no_workers();
    options.size = offsetof(apm_options, dispatch); /* as one who does not know of it */
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_poll(0), APM_ERROR_INVALID_OPERATION);
        stop();
    }
}

static const test_case no_workers_cases[] = {
    {"callbacks_run_in_poll_and_there_only", callbacks_run_in_poll_and_there_only, true},
    {"waiting_completes_and_calls_nobody_back", waiting_completes_and_calls_nobody_back, true},
    {"what_callbacks_make_ready_is_left_to_the_next_poll", what_callbacks_make_ready_is_left_to_the_next_poll,
     true},
    {"callback_may_wait_but_not_poll", callback_may_wait_but_not_poll, true},
    {"callbacks_inside_begin_nest_only_so_far", callbacks_inside_begin_nest_only_so_far, true},
    {"callbacks_on_pool_run_in_poll", callbacks_on_pool_run_in_poll, true},
    {"order_is_that_of_becoming_ready", order_is_that_of_becoming_ready, true},
    {"timers_and_cancels_complete_in_poll", timers_and_cancels_complete_in_poll, true},
    {"names_and_refusals_complete_in_poll", names_and_refusals_complete_in_poll, true},
    {"several_threads_share_the_work", several_threads_share_the_work, true},
    {"sleeper_is_woken_for_what_another_thread_made_ready",
     sleeper_is_woken_for_what_another_thread_made_ready, true},
    {"end_runs_what_is_left", end_runs_what_is_left, true},
    {"poll_says_why_not", poll_says_why_not, true},
    {"options_that_exclude_each_other_are_refused", options_that_exclude_each_other_are_refused, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"no_workers", no_workers_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
