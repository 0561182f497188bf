/* SPDX-License-Identifier: MIT */
/* Connections that always have something to do, on one worker and on many: each has its turn. */
#include <string.h>

#include "../support/fixture.h"

enum { LANES = 8, TURNS = 120 };

/* How many turns one connection may have while another one waits for its own: where packets come in order
 * it is one or two. One that goes on as long as it can has 49. */
enum { LEAD = 16 };

typedef struct crowd crowd;

/* A connection whose callbacks send the next byte. */
typedef struct lane {
    crowd *all;
    pair both;
    call first;
    char here;
    uint32_t turns;
    uint32_t row[LANES]; /* turns of the others since its last one */
    bool in_begin;
} lane;

struct crowd {
    lane lanes[LANES];
    int open;
    test_gate *go;
    _Atomic uint32_t inside, over;
    uint32_t most, told_wrong, failed; /* with one worker only: it alone counts */
};

/* A turn of one is one more that all others wait, once they had their first. */
static void count_turn(lane *here)
{
    crowd *all = here->all;
    int number = (int)(here - all->lanes), i;

    here->turns++;
    memset(here->row, 0, sizeof here->row);
    for (i = 0; i < all->open; i++) {
        lane *other = &all->lanes[i];

        if (other == here || other->turns == 0 || other->turns == TURNS) continue;
        if (++other->row[number] > all->most) all->most = other->row[number];
    }
}

static void take_turn(lane *here);

static void APM_CALL on_sent(apm_async_result *result)
{
    lane *here = (lane *)apm_async_result_state(result);
    size_t sent = 0;

    /* What is said to have been over in Begin calls back there. (But for the 50th inside another, to which
     * it does not come on a worker.) */
    if (apm_async_result_completed_synchronously(result) != here->in_begin) here->all->told_wrong++;
    if (apm_socket_end_send(here->both.socket, result, &sent) != APM_ERROR_SUCCESS || sent != 1)
        here->all->failed++;
    count_turn(here);
    take_turn(here);
}

static void take_turn(lane *here)
{
    if (here->turns == TURNS) {
        atomic_fetch_add(&here->all->over, 1);
        return;
    }
    here->in_begin = true;
    if (apm_socket_begin_send(here->both.socket, "x", 1, 0, on_sent, here, NULL) != APM_ERROR_SUCCESS)
        here->all->failed++;
    here->in_begin = false;
}

static void start_turns(call *made)
{
    take_turn((lane *)made->context);
}

static void wait_at_gate(call *made)
{
    crowd *all = (crowd *)made->context;

    atomic_fetch_add(&all->inside, 1);
    CHECK(test_gate_wait(all->go));
}

static bool wait_for_count(_Atomic uint32_t *value, uint32_t wanted)
{
    uint64_t start = test_now();

    while (atomic_load(value) < wanted && test_now() - start < PATIENCE) test_yield();
    return atomic_load(value) >= wanted;
}

static void crowd_open(crowd *all, void (*inside)(call *made))
{
    int i;

    all->go = test_gate_new();
    atomic_init(&all->inside, 0);
    atomic_init(&all->over, 0);
    all->most = all->told_wrong = all->failed = 0;
    for (i = 0, all->open = 0; i < LANES; i++, all->open++) {
        lane *here = &all->lanes[i];

        here->all = all;
        here->turns = 0;
        memset(here->row, 0, sizeof here->row);
        here->in_begin = false;
        if (!pair_open(&here->both)) break;
        call_prepare(&here->first, here->both.socket, CALL_RECEIVE);
        here->first.inside = inside;
        here->first.context = here;
        (void)CHECK_ERROR(call_receive(&here->first, &here->here, 1), APM_ERROR_SUCCESS);
    }
    CHECK(all->open == LANES);
}

static void crowd_close(crowd *all)
{
    int i;

    for (i = 0; i < all->open; i++) {
        call_dispose(&all->lanes[i].first);
        pair_close(&all->lanes[i].both);
    }
    test_gate_free(all->go);
}

/* Whether sends that go at once are over in Begin: not by a packet that was quick, once in a while. */
static bool sends_at_once(const pair *both)
{
    enum { SENDS = 24 };
    apm_async_result *result = NULL;
    bool at_once = true;
    char sent[SENDS];
    int i;

    for (i = 0; i < SENDS; i++) {
        (void)CHECK_ERROR(apm_socket_begin_send(both->socket, "x", 1, 0, NULL, NULL, &result),
                          APM_ERROR_SUCCESS);
        at_once = apm_async_result_completed_synchronously(result) && at_once;
        (void)CHECK_ERROR(apm_socket_end_send(both->socket, result, NULL), APM_ERROR_SUCCESS);
        apm_async_result_release(result);
    }
    CHECK(peer_read_all(both->other, sent, sizeof sent, PATIENCE));
    return at_once;
}

/* The only worker is kept in a callback until there is something for all of them. */
static void connections_take_turns(void)
{
    apm_options options = harness_options();
    crowd all;
    pair kept;
    call keeper;
    bool at_once;
    char here = 0;
    int i;

    options.min_workers = options.max_workers = 1;
    options.callbacks_on_pool = false;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    crowd_open(&all, start_turns);
    if (pair_open(&kept)) {
        at_once = sends_at_once(&kept);
        call_prepare(&keeper, kept.socket, CALL_RECEIVE);
        keeper.inside = wait_at_gate;
        keeper.context = &all;
        (void)CHECK_ERROR(call_receive(&keeper, &here, 1), APM_ERROR_SUCCESS);
        CHECK(peer_write(kept.other, "x", 1) && wait_for_count(&all.inside, 1));
        for (i = 0; i < all.open; i++) CHECK(peer_write(all.lanes[i].both.other, "x", 1));
        test_gate_open(all.go);
        CHECK(call_wait(&keeper));
        CHECK(wait_for_count(&all.over, (uint32_t)all.open));
        for (i = 0; i < all.open; i++) {
            char sent[TURNS];

            CHECK(call_wait(&all.lanes[i].first));
            CHECK(peer_read_all(all.lanes[i].both.other, sent, TURNS, PATIENCE));
        }
        /* Where each takes a packet, their order is the kernel's. */
        CHECK(!at_once || all.most <= LEAD);
        CHECK(all.told_wrong == 0);
        CHECK(all.failed == 0);
        call_dispose(&keeper);
        pair_close(&kept);
    }
    crowd_close(&all);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- a callback that waits for one that was put off ------------------------------------------------- */

static void APM_CALL open_gate(apm_async_result *result)
{
    test_gate_open((test_gate *)apm_async_result_state(result));
}

/* Begins what is over at once, whose callback takes its turn behind what this worker has; and waits
 * for it, as nobody should. */
static void wait_for_another(call *made)
{
    lane *here = (lane *)made->context;
    test_gate *called = test_gate_new();

    if (apm_socket_begin_send(here->both.socket, "x", 1, 0, open_gate, called, NULL) == APM_ERROR_SUCCESS)
        CHECK(test_gate_wait(called));
    atomic_fetch_add(&here->all->over, 1);
    test_gate_free(called);
}

static void callback_may_wait_for_one_that_was_put_off(void)
{
    apm_options options = harness_options();
    crowd all;
    int i, round;

    options.max_workers = 0;
    options.callbacks_on_pool = false;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    for (round = 0; round < 3; round++) {
        crowd_open(&all, wait_for_another);
        for (i = 0; i < all.open; i++) CHECK(peer_write(all.lanes[i].both.other, "x", 1));
        CHECK(wait_for_count(&all.over, (uint32_t)all.open));
        for (i = 0; i < all.open; i++) CHECK(call_wait(&all.lanes[i].first));
        crowd_close(&all);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- a callback that is slow, again and again --------------------------------------------------------- */

/* A connection that receives byte after byte, each the answer to one that it sent. */
typedef struct talker {
    struct talk *all;
    pair both;
    char here;
    _Atomic uint32_t left; /* steps that the pause waits for */
    test_thread *other;    /* who answers */
} talker;

enum { TALKERS = 6, PAUSES = 5, STEPS = 20 };

typedef struct talk {
    talker talkers[TALKERS];
    int open;
    _Atomic bool enough;
    _Atomic uint32_t over, failed;
    _Atomic uint32_t missing; /* talkers that the pause waits for */
    test_gate *rest;
    uint32_t pauses, starved;
} talk;

static void listen_on(talker *here);

static void APM_CALL on_received(apm_async_result *result)
{
    talker *here = (talker *)apm_async_result_state(result);
    size_t received = 0;

    if (apm_socket_end_receive(here->both.socket, result, &received) != APM_ERROR_SUCCESS || received != 1)
        atomic_fetch_add(&here->all->failed, 1);
    if (atomic_load(&here->left) != 0 && atomic_fetch_sub(&here->left, 1) == 1 &&
        atomic_fetch_sub(&here->all->missing, 1) == 1)
        test_gate_open(here->all->rest);
    listen_on(here);
}

static void APM_CALL on_said(apm_async_result *result)
{
    talker *here = (talker *)apm_async_result_state(result);

    if (apm_socket_end_send(here->both.socket, result, NULL) != APM_ERROR_SUCCESS)
        atomic_fetch_add(&here->all->failed, 1);
    if (apm_socket_begin_receive(here->both.socket, &here->here, 1, 0, on_received, here, NULL) !=
        APM_ERROR_SUCCESS)
        atomic_fetch_add(&here->all->failed, 1);
}

static void listen_on(talker *here)
{
    if (atomic_load(&here->all->enough)) {
        atomic_fetch_add(&here->all->over, 1);
        return;
    }
    if (apm_socket_begin_send(here->both.socket, "x", 1, 0, on_said, here, NULL) != APM_ERROR_SUCCESS)
        atomic_fetch_add(&here->all->failed, 1);
}

/* Answers a byte with a byte, on a thread of its own for each. */
static void answer(void *argument)
{
    talker *here = (talker *)argument;
    char byte;

    while (peer_read(here->both.other, &byte, 1, PATIENCE) == 1 && peer_write(here->both.other, &byte, 1)) {
    }
}

/* Does not return before all others have gone on for many steps. */
static void pause_here(call *made)
{
    talk *all = (talk *)made->context;
    int i;

    all->rest = test_gate_new();
    atomic_store(&all->missing, (uint32_t)all->open);
    for (i = 0; i < all->open; i++) atomic_store(&all->talkers[i].left, STEPS);
    if (!test_gate_wait(all->rest)) all->starved++;
    test_gate_free(all->rest);
    all->pauses++;
}

static void slow_callback_holds_up_nobody(void)
{
    apm_options options = harness_options();
    talk all = {.open = 0};
    pair slow;
    int i;

    options.max_workers = 0;
    options.callbacks_on_pool = false;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    for (i = 0; i < TALKERS; i++, all.open++) {
        all.talkers[i].all = &all;
        if (!pair_open(&all.talkers[i].both)) break;
        all.talkers[i].other = test_thread_start(answer, &all.talkers[i]);
    }
    CHECK(all.open == TALKERS);
    if (pair_open(&slow)) {
        for (i = 0; i < all.open; i++) listen_on(&all.talkers[i]);
        for (i = 0; i < PAUSES; i++) {
            call made;
            char here = 0;

            call_prepare(&made, slow.socket, CALL_RECEIVE);
            made.inside = pause_here;
            made.context = &all;
            if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS))
                CHECK(peer_write(slow.other, "x", 1) && call_wait(&made));
            call_dispose(&made);
        }
        atomic_store(&all.enough, true);
        CHECK(wait_for_count(&all.over, (uint32_t)all.open));
        CHECK(all.pauses == PAUSES && all.starved == 0);
        CHECK(atomic_load(&all.failed) == 0);
        pair_close(&slow);
    }
    for (i = 0; i < all.open; i++) {
        close_now(all.talkers[i].both.socket);
        test_thread_join(all.talkers[i].other);
        all.talkers[i].both.socket = NULL;
        pair_close(&all.talkers[i].both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static const test_case turns[] = {
    {"connections_take_turns", connections_take_turns, true},
    {"callback_may_wait_for_one_that_was_put_off", callback_may_wait_for_one_that_was_put_off, true},
    {"slow_callback_holds_up_nobody", slow_callback_holds_up_nobody, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"turns", turns}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
