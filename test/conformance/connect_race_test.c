/* SPDX-License-Identifier: MIT */
/*
 * Attempts that succeed at the same time: one is the connection, and the peers of all others
 * have seen the end when the callback runs. On the simulated kernel, where a listener that
 * was full can be made to answer in the same moment as another one.
 */
#include "../support/kernel_socket.h"
#include "../support/route.h"
#include "sim.h"

#include <stdatomic.h>

enum { LISTENERS = 3 };

/* Listeners with room for one connection, which another socket takes. */
typedef struct crowd {
    sim_listener *listeners[LISTENERS];
    apm_socket *fillers[LISTENERS];
    apm_endpoint endpoints[LISTENERS];
    atomic_bool open; /* what is accepted from now on is no filler */
} crowd;

static bool crowd_gather(crowd *all)
{
    bool good = true;
    int i;

    atomic_init(&all->open, false);
    for (i = 0; i < LISTENERS; i++) {
        all->listeners[i] = sim_listen(APM_FAMILY_IPV4, 1);
        (void)apm_endpoint_loopback(APM_FAMILY_IPV4, sim_listener_port(all->listeners[i]),
                                    &all->endpoints[i]);
        all->fillers[i] = stream_new(APM_FAMILY_IPV4);
        if (!CHECK_ERROR(connect_now(all->fillers[i], &all->endpoints[i]), APM_ERROR_SUCCESS)) good = false;
    }
    return good;
}

/* They have room again. */
static void crowd_open(crowd *all)
{
    int i;

    for (i = 0; i < LISTENERS; i++) {
        sim_peer *filler = sim_accept(all->listeners[i], PATIENCE);

        CHECK(filler != NULL);
        if (filler != NULL) sim_peer_close(filler);
    }
    atomic_store(&all->open, true);
}

static void crowd_leave(crowd *all)
{
    int i;

    for (i = 0; i < LISTENERS; i++) {
        close_now(all->fillers[i]);
        sim_listener_close(all->listeners[i]);
    }
}

/* What the peers see in the callback. */
typedef struct view {
    crowd *all;
    int64_t sockets; /* in the kernel */
    int connected, ended, alive;
    uint16_t port; /* where it is connected */
} view;

static void look_around(call *made)
{
    view *seen = (view *)made->context;
    uint64_t start = test_now();
    apm_endpoint remote = {0};
    int i;

    /* The first listener that opens may be enough. */
    while (!atomic_load(&seen->all->open) && test_now() - start <= PATIENCE) test_yield();

    seen->sockets = sim_census(SIM_SOCKETS);
    if (made->error == APM_ERROR_SUCCESS) (void)apm_socket_remote_endpoint(made->socket, &remote);
    seen->port = apm_endpoint_port(&remote);
    for (i = 0; i < LISTENERS; i++) {
        sim_peer *other = sim_accept(seen->all->listeners[i], 0);
        int64_t got;
        char byte;

        if (other == NULL) continue;
        seen->connected++;
        got = sim_peer_read(other, &byte, 1, 0);
        if (got == SIM_END || got == SIM_RESET) seen->ended++;
        if (got == SIM_TIMEOUT && sim_listener_port(seen->all->listeners[i]) == seen->port) seen->alive++;
        sim_peer_close(other);
    }
}

static bool wait_for_sockets(int64_t count)
{
    uint64_t start = test_now();

    while (sim_census(SIM_SOCKETS) < count)
        if (test_now() - start > PATIENCE)
            return false;
        else
            test_yield();
    return true;
}

typedef enum ending { BY_SUCCESS, BY_CANCEL, BY_CLOSE } ending;

/* All attempts are in the kernel when the listeners answer, or a cancel or a close comes then. */
static void race_once(ending how, int *several)
{
    crowd all;
    route way = {.count = 0};
    apm_socket *socket;
    view seen = {&all, -1, 0, 0, 0, 0};
    int64_t before;
    call made;
    int i;

    if (!crowd_gather(&all)) return;
    socket = stream_new(APM_FAMILY_IPV4);
    set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    for (i = 0; i < LISTENERS; i++) route_add(&way, &all.endpoints[i]);
    before = sim_census(SIM_SOCKETS);
    call_prepare(&made, socket, CALL_CONNECT);
    made.inside = look_around;
    made.context = &seen;
    if (CHECK_ERROR(call_connect_many(&made, &way), APM_ERROR_SUCCESS)) {
        CHECK(wait_for_sockets(before + LISTENERS - 1));
        crowd_open(&all);
        if (how == BY_CANCEL) (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        if (how == BY_CLOSE) close_now(socket);
        CHECK(call_wait(&made));
        CHECK(made.error == APM_ERROR_SUCCESS || how != BY_SUCCESS);
        CHECK(seen.sockets <= before);
        if (made.error == APM_ERROR_SUCCESS && how != BY_CLOSE) {
            CHECK(seen.alive == 1);
        }
        /* A close may be under way on another thread, and the socket's own handle open still: neither alive
         * any more, nor ended yet. */
        if (how == BY_CLOSE && seen.port == 0 && seen.alive == 0) {
            CHECK(seen.ended == seen.connected || seen.ended == seen.connected - 1);
        } else {
            CHECK(seen.alive + seen.ended == seen.connected);
        }
        if (seen.connected > 1) (*several)++;
    }
    if (how != BY_CLOSE) close_now(socket);
    call_dispose(&made);
    crowd_leave(&all);
}

/* In a world of its own, since its ways can be changed only before anything runs. */
static void race_in(const sim_profile *profile, ending how, int rounds)
{
    sim_profile calm = sim_base_profile();
    apm_options options = harness_options();
    int i, several = 0;

    sim_set_profile(profile);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        /* Longer, where the machine is so busy that nobody meets. */
        for (i = 0; i < rounds || (how == BY_SUCCESS && several == 0 && i < 10 * rounds); i++)
            race_once(how, &several);
        if (how == BY_SUCCESS) CHECK(several > 0); /* or there was no race */
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    sim_set_profile(&calm);
}

static sim_profile rough_profile(void)
{
    sim_profile rough = sim_base_profile();

    rough.defers = 300;
    rough.late_packet = 500;
    rough.late_cancel = 300;
    rough.reorders = 300;
    rough.haunts = 700;
    rough.delay = 20;
    return rough;
}

static void one_of_those_that_answer_at_once_is_connected(void)
{
    sim_profile calm = sim_base_profile();

    calm.late_packet = 500; /* or the first answer is known before the next one */
    calm.delay = 5;
    race_in(&calm, BY_SUCCESS, 5);
}

static void one_of_those_that_answer_at_once_is_connected_in_a_rough_world(void)
{
    sim_profile rough = rough_profile();

    race_in(&rough, BY_SUCCESS, 5);
    rough.windows = false;
    race_in(&rough, BY_SUCCESS, 4);
}

static void cancel_meets_those_that_answer_at_once(void)
{
    sim_profile rough = rough_profile();

    race_in(&rough, BY_CANCEL, 4);
}

static void close_meets_those_that_answer_at_once(void)
{
    sim_profile rough = rough_profile();

    race_in(&rough, BY_CLOSE, 4);
}

/* Some options can be set on a fresh handle only, and are not set again on one that has been bound
 * meanwhile, which would be refused. */
static void option_set_while_attempts_run_is_set_alone(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    route way = {.count = 0};
    sim_peer *filler;
    int64_t before;
    crowd all;
    call made;
    int i;

    if (!crowd_gather(&all)) return;
    set_option(socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1);
    set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    for (i = 0; i < LISTENERS; i++) route_add(&way, &all.endpoints[i]);
    before = sim_census(SIM_SOCKETS);
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect_many(&made, &way), APM_ERROR_SUCCESS)) {
        CHECK(wait_for_sockets(before + LISTENERS - 1));
        set_option(socket, APM_SOCKET_OPTION_NO_DELAY, 1);
        filler = sim_accept(all.listeners[1], PATIENCE);
        CHECK(filler != NULL);
        if (filler != NULL) sim_peer_close(filler);
        if (call_ends(&made, APM_ERROR_SUCCESS)) {
            CHECK(kernel_number(socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
            CHECK(kernel_number(socket, LEVEL_SOCKET, SOCKET_EXCLUSIVE) != 0);
        }
    }
    close_now(socket);
    if (made.result != NULL) CHECK(call_wait(&made));
    call_dispose(&made);
    crowd_leave(&all);
}

static const test_case racing[] = {
    {"one_of_those_that_answer_at_once_is_connected", one_of_those_that_answer_at_once_is_connected, true},
    {"one_of_those_that_answer_at_once_is_connected_in_a_rough_world",
     one_of_those_that_answer_at_once_is_connected_in_a_rough_world, true},
    {"cancel_meets_those_that_answer_at_once", cancel_meets_those_that_answer_at_once, true},
    {"close_meets_those_that_answer_at_once", close_meets_those_that_answer_at_once, true},
    {"option_set_while_attempts_run_is_set_alone", option_set_while_attempts_run_is_set_alone, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"racing", racing}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
