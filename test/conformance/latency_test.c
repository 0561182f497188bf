/* SPDX-License-Identifier: MIT */
/*
 * How long a connection waits, beside a callback that is slow and beside many others, on the virtual clock: it
 * goes on only when nobody can run, so what a connection waits is what the library makes it wait.
 */
#include <apmsock/apmsock.h>
#include <stdatomic.h>
#include <stdio.h>

#include "../support/plain_suite.h"
#include "sim.h"

enum {
    TALKERS = 16,
    QUESTIONS = 600, /* of each; an answer takes 1 ms */
    PAUSE = 100,     /* ms; of each callback of the slow connection */
    CROWD = 1000,    /* connections that all have something to do, */
    TURNS = 12,      /* so often each, */
    WORK = 1,        /* and for so many ms each time */
    LONGEST = 8000   /* ms that are told apart */
};

typedef struct talker {
    apm_socket *socket;
    sim_peer *peer;
    char here;
    uint64_t asked;
    uint32_t questions;
} talker;

static talker talkers[CROWD], slow;
static _Atomic uint32_t over, pauses, failed;
static _Atomic uint32_t waits[LONGEST]; /* how many answers took so long */
static uint16_t port;

static void check(bool holds)
{
    if (!holds) atomic_fetch_add(&failed, 1);
}

/* ---- those that ask ---------------------------------------------------------------------------- */

static void ask(talker *here);

static void APM_CALL on_answer(apm_async_result *result)
{
    talker *here = (talker *)apm_async_result_state(result);
    uint64_t wait = sim_now() - here->asked;
    size_t bytes = 0;

    check(apm_socket_end_receive(here->socket, result, &bytes) == APM_ERROR_SUCCESS && bytes == 1);
    atomic_fetch_add(&waits[wait < LONGEST ? wait : LONGEST - 1], 1);
    if (++here->questions < QUESTIONS)
        ask(here);
    else
        atomic_fetch_add(&over, 1);
}

static void APM_CALL on_asked(apm_async_result *result)
{
    talker *here = (talker *)apm_async_result_state(result);

    check(apm_socket_end_send(here->socket, result, NULL) == APM_ERROR_SUCCESS);
    check(apm_socket_begin_receive(here->socket, &here->here, 1, 0, on_answer, here, NULL) ==
          APM_ERROR_SUCCESS);
}

static void ask(talker *here)
{
    here->asked = sim_now();
    check(apm_socket_begin_send(here->socket, "?", 1, 0, on_asked, here, NULL) == APM_ERROR_SUCCESS);
}

/* ---- the one that is slow ---------------------------------------------------------------------- */

static void APM_CALL on_poke(apm_async_result *result)
{
    apm_error error = apm_socket_end_receive(slow.socket, result, NULL);

    if (error == APM_ERROR_SUCCESS) {
        sim_sleep(PAUSE);
        atomic_fetch_add(&pauses, 1);
        error = apm_socket_begin_receive(slow.socket, &slow.here, 1, 0, on_poke, NULL, NULL);
    }
    check(error == APM_ERROR_SUCCESS || error == APM_ERROR_OBJECT_DISPOSED);
}

/* ---- the other side ------------------------------------------------------------------------------ */

static void open_talker(talker *here, sim_listener *listener)
{
    apm_endpoint remote = {0};

    remote.length = sim_address(APM_FAMILY_IPV4, port, remote.address);
    here->questions = 0;
    CU_ASSERT(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &here->socket) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_connect(here->socket, &remote) == APM_ERROR_SUCCESS);
    here->peer = sim_accept(listener, 1000);
    CU_ASSERT_FATAL(here->peer != NULL);
}

static void close_talker(talker *here)
{
    CU_ASSERT(apm_socket_close(here->socket) == APM_ERROR_SUCCESS);
    sim_peer_close(here->peer);
}

/* So many that talk, and the slow one. */
static sim_listener *open_all(uint32_t count)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, count + 1);
    uint32_t i;

    port = sim_listener_port(listener);
    for (i = 0; i < count; i++) open_talker(&talkers[i], listener);
    open_talker(&slow, listener);
    return listener;
}

static void close_all(sim_listener *listener, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) close_talker(&talkers[i]);
    close_talker(&slow);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(atomic_load(&failed) == 0);
    sim_listener_close(listener);
}

/* Answers each question a millisecond later. The slow connection gets a byte each PAUSE, in between the
 * others: so that what a worker takes at once has some of them behind it. */
static void answer_all(bool beside)
{
    uint32_t round = 0;

    while (atomic_load(&over) != TALKERS) {
        uint32_t i;

        sim_sleep(1);
        round++;
        for (i = 0; i < TALKERS; i++) {
            char byte = 0;

            if (beside && round % PAUSE == 1 && i == round / PAUSE % TALKERS)
                check(sim_peer_write(slow.peer, "!", 1, 0) == 1);
            if (sim_peer_read(talkers[i].peer, &byte, 1, 0) == 1)
                check(sim_peer_write(talkers[i].peer, "!", 1, 0) == 1);
        }
    }
}

/* ---- what is looked at --------------------------------------------------------------------------- */

static uint32_t expected; /* answers */

/* The time within which so many of a thousand answers came. */
static uint32_t quantile(uint32_t of_thousand)
{
    uint32_t all = 0, sum = 0, time = 0, i;

    for (i = 0; i < LONGEST; i++) all += atomic_load(&waits[i]);
    CU_ASSERT(all == expected);
    while (time < LONGEST && (sum += atomic_load(&waits[time])) < all * of_thousand / 1000) time++;
    return time;
}

static void forget_waits(uint32_t answers)
{
    int i;

    expected = answers;
    for (i = 0; i < LONGEST; i++) atomic_store(&waits[i], 0);
    atomic_store(&over, 0);
    atomic_store(&failed, 0);
}

static bool with_slow;

static void talk(void *argument)
{
    sim_profile profile = sim_base_profile();
    apm_options options = {0};
    sim_listener *listener;
    int i;

    (void)argument;
    /* The slow callback keeps its processor while it sleeps here: with one the port would let nobody else run. */
    if (profile.processors < 2) profile.processors = 2;
    profile.switches = 5; /* many answers are there before a worker takes the first: it takes them all */
    sim_set_profile(&profile);
    options.size = sizeof options;
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    listener = open_all(TALKERS);
    forget_waits(TALKERS * QUESTIONS);
    atomic_store(&pauses, 0);
    check(apm_socket_begin_receive(slow.socket, &slow.here, 1, 0, on_poke, NULL, NULL) == APM_ERROR_SUCCESS);
    for (i = 0; i < TALKERS; i++) ask(&talkers[i]);
    answer_all(with_slow);
    close_all(listener, TALKERS);
}

static void slow_callback_moves_no_other_quantile(void)
{
    uint64_t seed;

    for (seed = 1; seed <= 3; seed++) {
        uint32_t p50, p99;

        with_slow = false;
        sim_seed(seed);
        sim_run(talk, NULL);
        p50 = quantile(500);
        p99 = quantile(990);
        CU_ASSERT(p99 <= 4 * p50 + sim_profile_now()->delay); /* the kernel is late by so much */

        with_slow = true;
        sim_seed(seed);
        sim_run(talk, NULL);
        (void)printf("(%u ms, %u ms; beside: %u ms, %u ms, %u ms) ", p50, p99, quantile(500), quantile(990),
                     quantile(1000));
        CU_ASSERT(atomic_load(&pauses) >= 3);
        CU_ASSERT(quantile(500) <= p50);
        CU_ASSERT(quantile(990) <= p99 + 1);
        CU_ASSERT(quantile(1000) < PAUSE);
    }
}

/* ---- many connections that always have something to do -------------------------------------------- */

static uint32_t crowd, workers; /* that can run at once */
static uint32_t beside;         /* so many more, which wait at the port */

static void take_turn(talker *here);

static void APM_CALL on_turn(apm_async_result *result)
{
    talker *here = (talker *)apm_async_result_state(result);
    uint64_t wait = sim_now() - here->asked;

    check(apm_socket_end_send(here->socket, result, NULL) == APM_ERROR_SUCCESS);
    atomic_fetch_add(&waits[wait < LONGEST ? wait : LONGEST - 1], 1);
    sim_sleep(WORK);
    if (++here->questions < TURNS)
        take_turn(here);
    else
        atomic_fetch_add(&over, 1);
}

static void take_turn(talker *here)
{
    here->asked = sim_now();
    check(apm_socket_begin_send(here->socket, "!", 1, 0, on_turn, here, NULL) == APM_ERROR_SUCCESS);
}

/* On a worker, where all of them go on. */
static void APM_CALL on_start(apm_async_result *result)
{
    uint32_t i;

    check(apm_socket_end_receive(slow.socket, result, NULL) == APM_ERROR_SUCCESS);
    for (i = 0; i < crowd; i++) take_turn(&talkers[i]);
}

static void take_turns(void *argument)
{
    sim_profile profile = sim_base_profile();
    apm_options options = {0};
    sim_listener *listener;

    (void)argument;
    profile.processors = workers;
    sim_set_profile(&profile);
    options.size = sizeof options;
    options.min_workers = options.max_workers = workers + beside;
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    listener = open_all(crowd);
    forget_waits(crowd * TURNS);
    CU_ASSERT(apm_socket_begin_receive(slow.socket, &slow.here, 1, 0, on_start, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(slow.peer, "!", 1, 0) == 1);
    while (atomic_load(&over) != crowd) sim_sleep(1);
    close_all(listener, crowd);
}

static void check_crowd(uint32_t number)
{
    crowd = number;
    for (workers = 1; workers <= 2; workers++) {
        for (beside = 0; beside <= 1; beside++) {
            sim_seed(number);
            sim_run(take_turns, NULL);
            (void)printf("(%u ms, %u ms) ", quantile(500), quantile(1000));
            /* They do wait for each other; some kernels let all workers run. */
            CU_ASSERT(quantile(500) * (workers + beside) >= crowd * WORK / 2);
            CU_ASSERT(quantile(1000) <= 4 * quantile(500));
        }
    }
}

static void none_of_many_waits_much_longer_than_another(void)
{
    check_crowd(64);
    check_crowd(128);
    check_crowd(256);
    check_crowd(CROWD);
}

static const plain_case tests[] = {
    {"none_of_many_waits_much_longer_than_another", none_of_many_waits_much_longer_than_another},
    {"slow_callback_moves_no_other_quantile", slow_callback_moves_no_other_quantile},
};

int main(void)
{
    return run_plain_suite("latency", tests, sizeof tests / sizeof *tests, NULL);
}
