/* SPDX-License-Identifier: MIT */
/*
 * When things happen, to the millisecond: on the seeded scheduler the clock is virtual and
 * goes on only when nobody can run.
 */
#include <apmsock/apmsock.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../support/plain_suite.h"
#include "sim.h"

enum { SLACK = 20 /* ms: turns of the clock and the kernel's own work */ };

/* ---- an operation and its callback ---------------------------------------------------------- */

typedef struct timed {
    apm_socket *socket;
    uint64_t begun, over;
    apm_error error;
    _Atomic bool done;
} timed;

static void begin_time(timed *one, apm_socket *socket)
{
    one->socket = socket;
    one->done = false;
    one->begun = sim_now();
}

static void end_time(timed *one, apm_error error)
{
    one->error = error;
    one->over = sim_now();
    atomic_store(&one->done, true);
}

static void APM_CALL note_connect(apm_async_result *result)
{
    timed *one = (timed *)apm_async_result_state(result);

    end_time(one, apm_socket_end_connect(one->socket, result));
}

static apm_socket *new_stream(void)
{
    apm_socket *socket = NULL;

    CU_ASSERT(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_UNSPECIFIED, &socket) ==
              APM_ERROR_SUCCESS);
    return socket;
}

static apm_endpoint at_port(uint16_t port)
{
    apm_endpoint endpoint = {0};

    endpoint.length = sim_address(APM_FAMILY_IPV4, port, endpoint.address);
    return endpoint;
}

/* Of those addresses that never answer. */
static apm_endpoint nobody(void)
{
    apm_endpoint endpoint = {0};

    CU_ASSERT(apm_endpoint_from_ip("192.0.2.1", 9, &endpoint) == APM_ERROR_SUCCESS);
    return endpoint;
}

/* How long it took; how it ended is in `one`. */
static uint64_t wait_end(timed *one)
{
    while (!atomic_load(&one->done)) sim_sleep(1);
    return one->over - one->begun;
}

/* Connects to `remotes` and cancels after `timeout` (0: never). */
static uint64_t connect_to(apm_socket *socket, const apm_endpoint *remotes, size_t count, uint32_t timeout,
                           timed *one)
{
    apm_async_result *result = NULL;

    begin_time(one, socket);
    CU_ASSERT(apm_socket_begin_connect_many(socket, remotes, count, note_connect, one, &result) ==
              APM_ERROR_SUCCESS);
    if (timeout != 0) CU_ASSERT(apm_async_result_cancel_after(result, timeout) == APM_ERROR_SUCCESS);
    (void)wait_end(one);
    apm_async_result_release(result);
    return one->over - one->begun;
}

static bool is_near(uint64_t time, uint64_t expected)
{
    if (time >= expected && time <= expected + SLACK) return true;
    (void)printf("(%llu ms, not %llu) ", (unsigned long long)time, (unsigned long long)expected);
    return false;
}

/* ---- connecting ------------------------------------------------------------------------------- */

static void cancel_after_is_neither_early_nor_late(void)
{
    apm_endpoint remote = nobody();
    uint32_t timeout;

    for (timeout = 1; timeout < 5000; timeout *= 7) {
        apm_socket *socket = new_stream();
        timed one;

        CU_ASSERT(is_near(connect_to(socket, &remote, 1, timeout, &one), timeout));
        CU_ASSERT(one.error == APM_ERROR_TIMED_OUT);
        (void)apm_socket_close(socket);
    }
}

static void connect_timeout_bounds_all_addresses_together(void)
{
    apm_endpoint remotes[3] = {nobody(), nobody(), nobody()};
    apm_socket *socket = new_stream();
    timed one;

    CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 700) == APM_ERROR_SUCCESS);
    CU_ASSERT(is_near(connect_to(socket, remotes, 3, 0, &one), 700));
    CU_ASSERT(one.error == APM_ERROR_TIMED_OUT);
    CU_ASSERT(is_near(connect_to(socket, remotes, 3, 5000, &one), 700)); /* the nearer one */
    CU_ASSERT(is_near(connect_to(socket, remotes, 3, 300, &one), 300));
    (void)apm_socket_close(socket);
}

static void next_attempt_begins_after_250_ms(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remotes[3] = {nobody(), nobody(), at_port(sim_listener_port(listener))};
    apm_socket *socket = new_stream();
    timed one;

    CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(is_near(connect_to(socket, remotes, 3, 0, &one), 500));
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

static void addresses_in_turn_take_the_kernels_time(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remotes[2] = {nobody(), at_port(sim_listener_port(listener))};
    apm_socket *socket = new_stream();
    timed one;

    CU_ASSERT(is_near(connect_to(socket, remotes, 2, 0, &one), 21000));
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

/* Two seconds of SYNs, but not where nothing can get lost. */
static void refusal_on_loopback_is_known_at_once(void)
{
    apm_endpoint remote = at_port(sim_free_port(APM_FAMILY_IPV4));
    apm_socket *socket = new_stream();
    timed one;

    CU_ASSERT(is_near(connect_to(socket, &remote, 1, 0, &one), 0));
    CU_ASSERT(one.error == APM_ERROR_CONNECTION_REFUSED);
    (void)apm_socket_close(socket);
}

/* ---- disconnecting ------------------------------------------------------------------------------ */

static void APM_CALL note_disconnect(apm_async_result *result)
{
    timed *one = (timed *)apm_async_result_state(result);

    end_time(one, apm_socket_end_disconnect(one->socket, result));
}

/* A peer that does not end its stream is waited for, but not for long. */
static void disconnect_waits_two_seconds_for_the_peer(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    apm_socket *socket = new_stream();
    sim_peer *peer;
    timed one;

    (void)connect_to(socket, &remote, 1, 0, &one);
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    peer = sim_accept(listener, 1000);
    begin_time(&one, socket);
    CU_ASSERT(apm_socket_begin_disconnect(socket, true, note_disconnect, &one, NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(is_near(wait_end(&one), 2000));
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    sim_peer_close(peer);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

/* ---- the pool -------------------------------------------------------------------------------------- */

static void set_post_fault(uint32_t nth, uint32_t rate)
{
    sim_profile profile = sim_base_profile();

    profile.faults[SIM_POST].nth = nth;
    profile.faults[SIM_POST].rate = rate;
    sim_set_profile(&profile);
}

static void APM_CALL note_receive(apm_async_result *result)
{
    timed *one = (timed *)apm_async_result_state(result);
    size_t bytes = 0;

    end_time(one, apm_socket_end_receive(one->socket, result, &bytes));
}

/* A receive whose callback has to be posted: its byte is there, and the pool has to run it. */
static void receive_by_post(uint32_t nth, uint32_t rate, uint64_t expected)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    apm_socket *socket = new_stream();
    sim_peer *peer;
    timed one;
    char here;

    (void)connect_to(socket, &remote, 1, 0, &one);
    peer = sim_accept(listener, 1000);
    CU_ASSERT(sim_peer_write(peer, "x", 1, 1000) == 1);
    sim_sleep(100); /* until all workers are at rest */
    set_post_fault(nth, rate);
    begin_time(&one, socket);
    CU_ASSERT(apm_socket_begin_receive(socket, &here, 1, 0, note_receive, &one, NULL) == APM_ERROR_SUCCESS);
    if (rate != 0) {
        sim_sleep((uint32_t)expected);
        CU_ASSERT(!atomic_load(&one.done));
        set_post_fault(0, 0);
    }
    CU_ASSERT(is_near(wait_end(&one), expected));
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    sim_peer_close(peer);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

static void failed_post_is_made_up_for(void)
{
    receive_by_post(1, 0, 10);
}

static void failing_posts_end_when_the_system_has_memory_again(void)
{
    receive_by_post(0, 1000, 1500);
}

static void idle_workers_leave(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    apm_socket *socket = new_stream();
    timed one;

    (void)connect_to(socket, &remote, 1, 0, &one);
    sim_sleep(11000);
    CU_ASSERT(sim_census(SIM_RUNNING) == 1);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

/* Where its order cannot be posted, either, a worker still leaves with the library. */
static void cleanup_does_not_need_posts(void)
{
    uint64_t begun;

    set_post_fault(0, 1000);
    begun = sim_now();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_now() - begun <= 5000 + 2 * SLACK);
    set_post_fault(0, 0);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static void (*body)(void);

static void run_simulated(void *argument)
{
    apm_options options = {0};

    (void)argument;
    options.size = sizeof options;
    options.min_workers = 1;
    options.callbacks_on_pool = true;
    set_post_fault(0, 0);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    body();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
}

static const plain_case tests[] = {
    {"cancel_after_is_neither_early_nor_late", cancel_after_is_neither_early_nor_late},
    {"connect_timeout_bounds_all_addresses_together", connect_timeout_bounds_all_addresses_together},
    {"next_attempt_begins_after_250_ms", next_attempt_begins_after_250_ms},
    {"addresses_in_turn_take_the_kernels_time", addresses_in_turn_take_the_kernels_time},
    {"refusal_on_loopback_is_known_at_once", refusal_on_loopback_is_known_at_once},
    {"disconnect_waits_two_seconds_for_the_peer", disconnect_waits_two_seconds_for_the_peer},
    {"failed_post_is_made_up_for", failed_post_is_made_up_for},
    {"failing_posts_end_when_the_system_has_memory_again",
     failing_posts_end_when_the_system_has_memory_again},
    {"idle_workers_leave", idle_workers_leave},
    {"cleanup_does_not_need_posts", cleanup_does_not_need_posts},
};
static void run_current(void)
{
    uint64_t seed;

    body = plain_case_current(tests)->run;
    for (seed = 1; seed <= 20; seed++) {
        sim_seed(seed);
        sim_run(run_simulated, NULL);
    }
}

int main(void)
{
    return run_plain_suite("clock", tests, sizeof tests / sizeof *tests, run_current);
}
