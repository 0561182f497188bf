/* SPDX-License-Identifier: MIT */
/* When things happen, to the millisecond. */
#include <string.h>

#include "clock.h"
#include "kernel.h"

/* Of those addresses that never answer. */
static apm_endpoint nobody(void)
{
    apm_endpoint endpoint = {0};

    CU_ASSERT(apm_endpoint_from_ip("192.0.2.1", 9, &endpoint) == APM_ERROR_SUCCESS);
    return endpoint;
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

/* The operation that follows has the block of the connect, and a time of its own. */
static void limit_of_a_connect_ends_with_it(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    apm_socket *socket = new_stream();
    apm_async_result *result = NULL;
    timed one;
    char here;

    CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 700) == APM_ERROR_SUCCESS);
    (void)connect_to(socket, &remote, 1, 0, &one);
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    begin_time(&one, socket);
    CU_ASSERT(apm_socket_begin_receive(socket, &here, 1, 0, note_receive, &one, &result) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_async_result_cancel_after(result, 3000) == APM_ERROR_SUCCESS);
    CU_ASSERT(is_near(wait_end(&one), 3000));
    CU_ASSERT(one.error == APM_ERROR_TIMED_OUT);
    apm_async_result_release(result);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

static apm_async_result *begin_connect(timed *one, const apm_endpoint *remote, uint32_t timeout)
{
    apm_async_result *result = NULL;

    begin_time(one, new_stream());
    CU_ASSERT(apm_socket_begin_connect(one->socket, remote, note_connect, one, &result) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_async_result_cancel_after(result, timeout) == APM_ERROR_SUCCESS);
    return result;
}

/* The clock has gone on meanwhile, and the wait for the earlier one has not; `slept` is more or less than it has. */
static void check_after_a_sleep(uint32_t slept, uint32_t timeout)
{
    apm_endpoint remote = nobody();
    timed before, after;
    apm_async_result *results[2];

    results[0] = begin_connect(&before, &remote, 20000);
    sim_sleep(1000);
    sim_clock_jump(slept);
    results[1] = begin_connect(&after, &remote, timeout);
    CU_ASSERT(is_near(wait_end(&after), timeout));
    CU_ASSERT(after.error == APM_ERROR_TIMED_OUT);
    (void)wait_end(&before);
    CU_ASSERT(before.over <= after.over && before.error == APM_ERROR_TIMED_OUT);
    apm_async_result_release(results[0]);
    apm_async_result_release(results[1]);
    (void)apm_socket_close(before.socket);
    (void)apm_socket_close(after.socket);
}

static void sleep_of_the_machine_makes_nothing_later_that_begins_after_it(void)
{
    check_after_a_sleep(60000, 200);
    check_after_a_sleep(15000, 6000); /* the earlier one has still four seconds */
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

    CU_ASSERT(is_near(connect_to(socket, remotes, 2, 0, &one), sim_profile_now()->windows ? 21000 : 127000));
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

/* Beside one that hangs those that fail at once take no time, also where there are many. */
static void row_that_fails_at_once_takes_no_time(void)
{
    enum { MANY = 40 };
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_socket *socket = new_stream();
    apm_endpoint remotes[MANY];
    timed one;
    int i;

    remotes[0] = nobody();
    for (i = 1; i < MANY - 1; i++) (void)apm_endpoint_from_ip("198.51.100.1", 9, &remotes[i]);
    remotes[MANY - 1] = at_port(sim_listener_port(listener));
    CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(connect_to(socket, remotes, MANY, 0, &one) <= 250 + 4 * slack());
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
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

/* ---- threads that end -------------------------------------------------------------------------------- */

/* From here on what a thread has begun ends with it. */
static void watch_io(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .callbacks_on_pool = true};
    sim_profile profile = sim_base_profile();

    profile.binds_io = true;
    profile.processors = 2; /* two callbacks at the same time */
    sim_set_profile(&profile);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS); /* it looks at that when it starts */
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
}

static uint32_t count_workers(void)
{
    apm_statistics now = {.size = sizeof now};

    CU_ASSERT(apm_get_statistics(&now) == APM_ERROR_SUCCESS);
    return now.workers;
}

typedef struct waiting_pair {
    _Atomic uint32_t inside;
    timed ends[2];
    char here[2];
} waiting_pair;

static waiting_pair *pair_now;

/* Each of the two callbacks begins a receive, and waits for the other one: they are on two workers. */
static void APM_CALL receive_on_this_worker(apm_async_result *result)
{
    timed *one = (timed *)apm_async_result_state(result);

    CU_ASSERT(apm_socket_end_connect(one->socket, result) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(one->socket, &pair_now->here[one - pair_now->ends], 1, 0, note_receive,
                                       one, NULL) == APM_ERROR_SUCCESS);
    atomic_fetch_add(&pair_now->inside, 1);
    while (atomic_load(&pair_now->inside) < 2) sim_sleep(1);
}

/* One of them is more than there have to be, and idle; its receive outlives that. */
static void idle_worker_stays_for_what_it_has_begun(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    waiting_pair all = {.inside = 0};
    sim_peer *peers[2];
    int i;

    watch_io();
    pair_now = &all;
    for (i = 0; i < 2; i++) {
        begin_time(&all.ends[i], new_stream());
        CU_ASSERT(apm_socket_begin_connect(all.ends[i].socket, &remote, receive_on_this_worker, &all.ends[i],
                                           NULL) == APM_ERROR_SUCCESS);
        peers[i] = sim_accept(listener, 1000);
    }
    sim_sleep(11000);
    for (i = 0; i < 2; i++) CU_ASSERT(!atomic_load(&all.ends[i].done));
    CU_ASSERT(count_workers() >= 2);
    for (i = 0; i < 2; i++) CU_ASSERT(sim_peer_write(peers[i], "x", 1, 1000) == 1);
    for (i = 0; i < 2; i++) {
        (void)wait_end(&all.ends[i]);
        CU_ASSERT(all.ends[i].error == APM_ERROR_SUCCESS);
    }
    sim_sleep(11000); /* now it can go */
    CU_ASSERT(count_workers() == 1);
    for (i = 0; i < 2; i++) {
        (void)apm_socket_close(all.ends[i].socket);
        sim_peer_close(peers[i]);
    }
    sim_listener_close(listener);
}

/* A connect by name is begun by the thread that has found the address, and takes longer than that is idle. */
static void idle_resolver_stays_for_what_it_has_begun(void)
{
    apm_endpoint remote = nobody();
    apmk_address address = {0};
    apm_socket *socket;
    timed one;

    watch_io();
    socket = new_stream();
    address.length = remote.length;
    memcpy(address.bytes, remote.address, (size_t)remote.length);
    sim_name_add("silent", &address, 1, 0);
    begin_time(&one, socket);
    CU_ASSERT(apm_socket_begin_connect_host(socket, "silent", 9, note_connect, &one, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(is_near(wait_end(&one), sim_profile_now()->syn_time));
    CU_ASSERT(one.error == APM_ERROR_TIMED_OUT);
    (void)apm_socket_close(socket);
    sim_names_clear();
}

/* Where its order cannot be posted, either, a worker still leaves with the library. */
static void cleanup_does_not_need_posts(void)
{
    uint64_t begun;

    set_post_fault(0, 1000);
    begun = sim_now();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_now() - begun <= 5000 + 2 * slack());
    set_post_fault(0, 0);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

static const plain_case tests[] = {
    {"cancel_after_is_neither_early_nor_late", cancel_after_is_neither_early_nor_late},
    {"connect_timeout_bounds_all_addresses_together", connect_timeout_bounds_all_addresses_together},
    {"limit_of_a_connect_ends_with_it", limit_of_a_connect_ends_with_it},
    {"sleep_of_the_machine_makes_nothing_later_that_begins_after_it",
     sleep_of_the_machine_makes_nothing_later_that_begins_after_it},
    {"next_attempt_begins_after_250_ms", next_attempt_begins_after_250_ms},
    {"addresses_in_turn_take_the_kernels_time", addresses_in_turn_take_the_kernels_time},
    {"refusal_on_loopback_is_known_at_once", refusal_on_loopback_is_known_at_once},
    {"row_that_fails_at_once_takes_no_time", row_that_fails_at_once_takes_no_time},
    {"disconnect_waits_two_seconds_for_the_peer", disconnect_waits_two_seconds_for_the_peer},
    {"idle_workers_leave", idle_workers_leave},
    {"idle_worker_stays_for_what_it_has_begun", idle_worker_stays_for_what_it_has_begun},
    {"idle_resolver_stays_for_what_it_has_begun", idle_resolver_stays_for_what_it_has_begun},
    {"cleanup_does_not_need_posts", cleanup_does_not_need_posts},
};

int main(void)
{
    return play_clock("clock", tests, sizeof tests / sizeof *tests, false);
}
