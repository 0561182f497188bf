/* SPDX-License-Identifier: MIT */
/* Callbacks brought to a thread of the caller's by options.dispatch. */
#include <string.h>

#include "../support/pump.h"

/* What a caller's own queue is to the library. */
typedef struct inbox {
    _Atomic uint32_t calls;   /* of dispatch */
    _Atomic uint32_t refuses; /* so many of them fail */
    test_gate *message;       /* opened by each call that does not fail */
} inbox;

static bool APM_CALL post_message(void *context)
{
    inbox *box = (inbox *)context;
    bool fails = atomic_load(&box->refuses) != 0;

    atomic_fetch_add(&box->calls, 1);
    if (fails)
        atomic_fetch_sub(&box->refuses, 1);
    else
        test_gate_open(box->message);
    return !fails;
}

static bool start(inbox *box)
{
    apm_options options = harness_options();

    atomic_init(&box->calls, 0);
    atomic_init(&box->refuses, 0);
    box->message = test_gate_new();
    options.dispatch = post_message;
    options.dispatch_context = box;
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return true;
    test_gate_free(box->message);
    return false;
}

static void stop(inbox *box)
{
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    test_gate_free(box->message);
}

static bool start_pair(inbox *box, pair *both)
{
    if (!start(box)) return false;
    if (pair_open(both)) return true;
    stop(box);
    return false;
}

static void stop_pair(inbox *box, pair *both)
{
    pair_close(both);
    stop(box);
}

/* As a message loop: waits for the message, and then polls. Counts its polls. */
static bool loop_until(inbox *box, test_gate *gate, uint32_t *polls)
{
    while (apm_manual_reset_event_wait_one(gate, 0) != APM_ERROR_SUCCESS) {
        if (!test_gate_wait(box->message)) return false;
        (void)apm_manual_reset_event_reset(
            box->message); /* before the poll: what comes after it posts again */
        (void)apm_poll(0);
        (*polls)++;
    }
    return true;
}

static void callbacks_come_to_the_thread_that_polls(void)
{
    enum { ROUNDS = 50 };
    uint32_t polls = 0;
    inbox box;
    pair both;
    int i;

    if (!start_pair(&box, &both)) return;
    for (i = 0; i < ROUNDS; i++) {
        call in, out;
        char here = 0, there = (char)i;

        call_prepare(&in, both.socket, CALL_RECEIVE);
        call_prepare(&out, both.socket, CALL_SEND);
        if (CHECK_ERROR(call_receive(&in, &here, 1), APM_ERROR_SUCCESS) &&
            CHECK_ERROR(call_send(&out, &there, 1), APM_ERROR_SUCCESS)) {
            CHECK(!apm_async_result_completed_synchronously(out.result));
            CHECK(atomic_load(&out.callbacks) == 0); /* not inside Begin */
            CHECK(peer_write(both.other, &there, 1));
            CHECK(loop_until(&box, in.done, &polls) && loop_until(&box, out.done, &polls));
            CHECK(call_wait(&in) && call_wait(&out));
            CHECK(in.thread == test_thread_self() && out.thread == test_thread_self());
            CHECK(here == there && !in.synchronously && !out.synchronously);
        }
        call_dispose(&in);
        call_dispose(&out);
    }
    /* Not again before somebody has come for what it was called for. */
    CHECK(atomic_load(&box.calls) <= polls + 1);
    stop_pair(&box, &both);
}

/* Who polls in a loop of his own needs no message. */
static void polling_without_waiting_for_dispatch_does_as_well(void)
{
    enum { ROUNDS = 50 };
    inbox box;
    pair both;
    int i;

    if (!start_pair(&box, &both)) return;
    for (i = 0; i < ROUNDS; i++) {
        call made;
        char here = 0, there = (char)i;

        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS))
            CHECK(peer_write(both.other, &there, 1) && pump_call(&made) && here == there);
        call_dispose(&made);
    }
    (void)CHECK_ERROR(apm_poll(0), APM_ERROR_TIMED_OUT);
    stop_pair(&box, &both);
}

static void end_needs_no_poll(void)
{
    inbox box;
    pair both;

    if (!start_pair(&box, &both)) return;
    check_alive(&both); /* the workers complete what this thread waits for */
    CHECK(atomic_load(&box.calls) == 0);
    stop_pair(&box, &both);
}

static void dispatch_that_could_not_is_called_again(void)
{
    uint32_t polls = 0;
    inbox box;
    pair both;
    call made;
    char here = 0;

    if (!start_pair(&box, &both)) return;
    atomic_store(&box.refuses, 3);
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(peer_write(both.other, "x", 1) && loop_until(&box, made.done, &polls));
        CHECK(atomic_load(&box.calls) == 4 && polls == 1);
    }
    call_dispose(&made);
    stop_pair(&box, &both);
}

/* A callback begins the next operation: it is for the next poll, even if it is over at once. */
static void send_again(call *made)
{
    call *next = (call *)made->context;

    if (next != NULL) (void)CHECK_ERROR(call_send(next, "x", 1), APM_ERROR_SUCCESS);
}

static void poll_runs_what_was_ready_when_it_began(void)
{
    call first, next;
    inbox box;
    pair both;

    if (!start_pair(&box, &both)) return;
    call_prepare(&first, both.socket, CALL_SEND);
    call_prepare(&next, both.socket, CALL_SEND);
    first.inside = send_again;
    first.context = &next;
    if (CHECK_ERROR(call_send(&first, "x", 1), APM_ERROR_SUCCESS)) {
        CHECK(pump_call(&first));
        CHECK(atomic_load(&next.callbacks) == 0);
        CHECK(pump_call(&next));
    }
    call_dispose(&first);
    call_dispose(&next);
    stop_pair(&box, &both);
}

static void poll_is_refused_in_a_callback(call *made)
{
    (void)made;
    (void)CHECK_ERROR(apm_poll(0), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_INVALID_OPERATION);
}

static void callback_may_neither_poll_nor_end(void)
{
    inbox box;
    pair both;
    call made;

    if (!start_pair(&box, &both)) return;
    call_prepare(&made, both.socket, CALL_SEND);
    made.inside = poll_is_refused_in_a_callback;
    if (CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_SUCCESS)) CHECK(pump_call(&made));
    call_dispose(&made);
    stop_pair(&box, &both);
}

typedef struct loop {
    inbox *box;
    call *next;
} loop;

/* As a box with a loop of its own, which a callback opens: the message comes there, and is used up. */
static void run_a_loop_inside(call *made)
{
    loop *inside = (loop *)made->context;

    if (!CHECK_ERROR(call_send(inside->next, "y", 1), APM_ERROR_SUCCESS)) return;
    CHECK(test_gate_wait(inside->box->message));
    (void)apm_manual_reset_event_reset(inside->box->message);
    (void)CHECK_ERROR(apm_poll(0), APM_ERROR_INVALID_OPERATION);
}

static void message_that_comes_within_a_callback_comes_again(void)
{
    uint32_t polls = 0;
    inbox box;
    pair both;
    call first, next, after;
    loop inside = {&box, &next};

    if (!start_pair(&box, &both)) return;
    call_prepare(&first, both.socket, CALL_SEND);
    call_prepare(&next, both.socket, CALL_SEND);
    call_prepare(&after, both.socket, CALL_SEND);
    first.inside = run_a_loop_inside;
    first.context = &inside;
    if (CHECK_ERROR(call_send(&first, "x", 1), APM_ERROR_SUCCESS)) {
        CHECK(loop_until(&box, first.done, &polls) && loop_until(&box, next.done, &polls));
        (void)CHECK_ERROR(call_send(&after, "z", 1), APM_ERROR_SUCCESS);
        CHECK(loop_until(&box, after.done, &polls));
        CHECK(call_wait(&first) && call_wait(&next) && call_wait(&after));
    }
    call_dispose(&first);
    call_dispose(&next);
    call_dispose(&after);
    stop_pair(&box, &both);
}

/* ---- several threads ------------------------------------------------------------------------------- */

static void several_threads_share_the_callbacks(void)
{
    enum { PUMPS = 3, CALLS = 200 };
    static call made[CALLS];
    static char here[CALLS];
    pump pumps[PUMPS];
    inbox box;
    pair both;
    int i;

    if (!start_pair(&box, &both)) return;
    for (i = 0; i < PUMPS; i++) CHECK(pump_start(&pumps[i]));
    for (i = 0; i < CALLS; i++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
        CHECK(peer_write(both.other, "x", 1));
    }
    for (i = 0; i < CALLS; i++) {
        int at, by = 0;

        CHECK(call_wait(&made[i]));
        (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
        for (at = 0; at < PUMPS; at++) by += made[i].thread == pumps[at].self;
        CHECK(by == 1); /* on one of them, and no worker */
    }
    stop_pair(&box, &both);
    for (i = 0; i < PUMPS; i++) {
        pump_join(&pumps[i]);
        (void)CHECK_ERROR(pumps[i].last, APM_ERROR_NOT_INITIALIZED);
    }
    for (i = 0; i < CALLS; i++) {
        CHECK(atomic_load(&made[i].callbacks) == 1);
        call_dispose(&made[i]);
    }
}

/* ---- the end ------------------------------------------------------------------------------------------ */

/* Nobody polls any more: the end runs what is ready, and what it aborts itself. */
static void end_runs_what_is_left(void)
{
    enum { CALLS = 10 };
    call made[CALLS];
    char here[CALLS];
    inbox box;
    pair both;
    int i;

    if (!start_pair(&box, &both)) return;
    for (i = 0; i < CALLS; i++) {
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        made[i].keeps = true;
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    CHECK(peer_write(both.other, "x", 1));
    CHECK(test_gate_wait(box.message)); /* one at least is ready */
    CHECK(atomic_load(&made[0].callbacks) == 0);
    stop(&box);
    for (i = 0; i < CALLS; i++) {
        CHECK(atomic_load(&made[i].callbacks) == 1 && made[i].thread == test_thread_self());
        call_dispose(&made[i]);
    }
    pair_close(&both);
}

static void end_sends_away_who_sleeps(void)
{
    pump beside;
    inbox box;

    if (!start(&box)) return;
    CHECK(pump_start(&beside));
    stop(&box);
    pump_join(&beside);
    (void)CHECK_ERROR(beside.last, APM_ERROR_NOT_INITIALIZED);
    CHECK(atomic_load(&beside.runs) == 0);
}

static const test_case dispatch_cases[] = {
    {"callbacks_come_to_the_thread_that_polls", callbacks_come_to_the_thread_that_polls, true},
    {"polling_without_waiting_for_dispatch_does_as_well", polling_without_waiting_for_dispatch_does_as_well,
     true},
    {"end_needs_no_poll", end_needs_no_poll, true},
    {"dispatch_that_could_not_is_called_again", dispatch_that_could_not_is_called_again, true},
    {"poll_runs_what_was_ready_when_it_began", poll_runs_what_was_ready_when_it_began, true},
    {"callback_may_neither_poll_nor_end", callback_may_neither_poll_nor_end, true},
    {"message_that_comes_within_a_callback_comes_again", message_that_comes_within_a_callback_comes_again,
     true},
    {"several_threads_share_the_callbacks", several_threads_share_the_callbacks, true},
    {"end_runs_what_is_left", end_runs_what_is_left, true},
    {"end_sends_away_who_sleeps", end_sends_away_who_sleeps, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"dispatch", dispatch_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
