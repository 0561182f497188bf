/* SPDX-License-Identifier: MIT */
/*
 * Connecting to several endpoints by attempts that overlap: who is waited for and who is not,
 * whose error counts, and that nothing of the others is left when the callback runs.
 */
#include "../support/route.h"

enum { DEAD = 10 }; /* attempts that nobody answers; each is given a quarter of a second */

static apm_socket *parallel_new(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    if (socket != NULL) set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    return socket;
}

static bool wait_for_sockets(int64_t count)
{
    uint64_t start = test_now();

    while (harness_sockets() < count)
        if (test_now() - start > PATIENCE)
            return false;
        else
            test_yield();
    return true;
}

/* Somebody who does not answer, somebody who does, and a socket that tries several at once. */
typedef struct race {
    peer_listener *hanging, *listener;
    apm_socket *socket;
    route way;
    call made;
    int64_t sockets, in_callback;
} race;

static void race_leave(race *here)
{
    close_now(here->socket);
    if (here->made.result != NULL) CHECK(call_wait(&here->made));
    call_dispose(&here->made);
    peer_listener_close(here->listener);
    peer_listener_close(here->hanging);
}

static void note_sockets(call *made)
{
    race *here = (race *)made->context;

    here->in_callback = harness_sockets();
}

static bool race_enter(race *here)
{
    here->hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    here->listener = peer_listen(APM_FAMILY_IPV4);
    here->socket = parallel_new();
    here->way.count = 0;
    here->in_callback = -1;
    call_prepare(&here->made, here->socket, CALL_CONNECT);
    here->made.inside = note_sockets;
    here->made.context = here;
    here->sockets = harness_sockets();
    CHECK(here->hanging != NULL && here->listener != NULL);
    if (here->hanging != NULL && here->listener != NULL && here->socket != NULL) return true;
    race_leave(here);
    return false;
}

static void add_dead(race *here, int count)
{
    while (count-- != 0) route_listener(&here->way, here->hanging);
}

static bool race_begin(race *here)
{
    return CHECK_ERROR(call_connect_many(&here->made, &here->way), APM_ERROR_SUCCESS);
}

/* How it ended; and that all attempts but one were gone in the callback. */
static bool race_ends(race *here, apm_error expected)
{
    bool good = call_ends(&here->made, expected);

    CHECK(here->in_callback >= 0 && here->in_callback <= here->sockets);
    return good;
}

/* ---- who is waited for ------------------------------------------------------------------------------- */

static void dead_first_does_not_keep_the_second_waiting(void)
{
    race here;
    uint64_t start = test_now();

    if (!race_enter(&here)) return;
    add_dead(&here, 1);
    route_listener(&here.way, here.listener);
    if (race_begin(&here) && race_ends(&here, APM_ERROR_SUCCESS)) check_reached(here.socket, here.listener);
    CHECK(test_now() - start < 15000); /* not the time after which the first one is given up */
    race_leave(&here);
}

static void many_dead_are_closed_before_the_callback(void)
{
    race here;

    if (!race_enter(&here)) return;
    add_dead(&here, DEAD);
    route_listener(&here.way, here.listener);
    if (race_begin(&here)) {
        CHECK(wait_for_sockets(here.sockets + 2)); /* they do overlap */
        if (race_ends(&here, APM_ERROR_SUCCESS)) check_reached(here.socket, here.listener);
    }
    race_leave(&here);
}

/* With a quarter of a second for each it would be longer than anybody waits. */
static void refused_one_is_followed_at_once(void)
{
    enum { REFUSALS = 400 };
    static apm_endpoint remotes[REFUSALS + 1];
    race here;
    int i;

    if (!race_enter(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remotes[0]);
    for (i = 1; i < REFUSALS; i++) remotes[i] = remotes[0];
    peer_listener_endpoint(here.listener, &remotes[REFUSALS]);
    if (CHECK_ERROR(apm_socket_begin_connect_many(here.socket, remotes, REFUSALS + 1, call_back, &here.made,
                                                  &here.made.result),
                    APM_ERROR_SUCCESS) &&
        race_ends(&here, APM_ERROR_SUCCESS))
        check_reached(here.socket, here.listener);
    race_leave(&here);
}

static void of_two_that_answer_one_is_connected(void)
{
    race here;
    peer_listener *second = peer_listen(APM_FAMILY_IPV4), *winner, *loser;
    apm_endpoint remote = {0}, first;
    peer *other;
    char byte;

    CHECK(second != NULL);
    if (second == NULL || !race_enter(&here)) return;
    route_listener(&here.way, here.listener);
    route_listener(&here.way, second);
    if (race_begin(&here) && race_ends(&here, APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_remote_endpoint(here.socket, &remote), APM_ERROR_SUCCESS);
        peer_listener_endpoint(here.listener, &first);
        winner = apm_endpoint_equal(&first, &remote) ? here.listener : second;
        loser = winner == second ? here.listener : second;
        check_reached(here.socket, winner);
        other = peer_accept(loser, 0); /* on a slow machine its turn may have come, too */
        if (other != NULL) CHECK(peer_read(other, &byte, 1, PATIENCE) <= PEER_END);
        peer_close(other);
    }
    race_leave(&here);
    peer_listener_close(second);
}

/* Three of IPv6, of which the second would answer; the first of IPv4 has its turn before. */
static void families_take_turns(bool parallel)
{
    peer_listener *four = peer_listen(APM_FAMILY_IPV4), *six = peer_listen(APM_FAMILY_IPV6);
    apm_socket *socket = NULL;
    apm_endpoint remote = {0}, wanted = {0};
    route way = {.count = 0};

    if (four == NULL || six == NULL) {
        harness_skip("not both families of addresses are to be had here");
        goto done;
    }
    socket = dual_new(parallel);
    route_refusing(&way, APM_FAMILY_IPV6);
    route_listener(&way, six);
    route_listener(&way, six);
    route_listener(&way, four);
    (void)CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_SUCCESS);
    peer_listener_endpoint(parallel ? four : six, &wanted);
    CHECK(apm_endpoint_port(&remote) == apm_endpoint_port(&wanted));
    check_talks(socket, parallel ? four : six);
    close_now(socket);
done:
    peer_listener_close(six);
    peer_listener_close(four);
}

static void families_take_turns_in_parallel(void)
{
    families_take_turns(true);
}

static void families_keep_their_order_one_after_the_other(void)
{
    families_take_turns(false);
}

static void bound_port_forces_one_at_a_time(void)
{
    race here;
    apm_endpoint local, found = {0};

    if (!race_enter(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_SUCCESS);
    add_dead(&here, 1);
    route_listener(&here.way, here.listener);
    if (race_begin(&here)) {
        (void)CHECK_ERROR(apm_async_result_cancel_after(here.made.result, 1000), APM_ERROR_SUCCESS);
        (void)race_ends(&here, APM_ERROR_TIMED_OUT);
        check_unreached(here.listener);
    }
    here.way.count = 0;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_listener(&here.way, here.listener);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &local));
    check_reached(here.socket, here.listener);
    /* Leaves nothing behind that would keep the port for minutes. */
    (void)CHECK_ERROR(apm_socket_close_timeout(here.socket, 0), APM_ERROR_SUCCESS);
    here.socket = NULL;
    race_leave(&here);
}

/* Its address is every attempt's; the ports are their own. */
static void bound_address_does_not(void)
{
    race here;
    apm_endpoint local = {0}, found = {0};

    if (!race_enter(&here)) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_SUCCESS);
    add_dead(&here, 2);
    route_listener(&here.way, here.listener);
    if (race_begin(&here) && race_ends(&here, APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
        (void)apm_endpoint_loopback(APM_FAMILY_IPV4, apm_endpoint_port(&found), &local);
        CHECK(apm_endpoint_equal(&found, &local));
        check_reached(here.socket, here.listener);
    }
    race_leave(&here);
}

/* On a handle of its own: an attempt that wins is the socket. */
static void options_are_those_of_the_socket(void)
{
    race here;
    int32_t value = 0;

    if (!race_enter(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    add_dead(&here, 1);
    route_listener(&here.way, here.listener);
    if (race_begin(&here)) {
        set_option(here.socket, APM_SOCKET_OPTION_TTL, 23);
        if (race_ends(&here, APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_socket_get_option(here.socket, APM_SOCKET_OPTION_NO_DELAY, &value),
                              APM_ERROR_SUCCESS);
            CHECK(value == 1);
            (void)CHECK_ERROR(apm_socket_get_option(here.socket, APM_SOCKET_OPTION_TTL, &value),
                              APM_ERROR_SUCCESS);
            CHECK(value == 23);
            check_reached(here.socket, here.listener);
        }
    }
    race_leave(&here);
}

/* ---- when all fail --------------------------------------------------------------------------------------- */

static void answer_of_a_host_counts_more_than_one_about_the_way(void)
{
    race here;

    if (!race_enter(&here)) return;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_unreachable(&here.way);
    route_wildcard(&here.way, APM_FAMILY_IPV4, 80);
    route_loopback(&here.way, APM_FAMILY_IPV6, 80);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
    here.way.count = 0;
    route_unreachable(&here.way);
    route_refusing(&here.way, APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
    here.way.count = 0;
    route_unreachable(&here.way);
    route_loopback(&here.way, APM_FAMILY_IPV6, 80);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_NETWORK_UNREACHABLE);
    here.way.count = 0;
    route_loopback(&here.way, APM_FAMILY_IPV6, 80);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_ARGUMENT);
    check_failed(here.socket);
    check_connects(here.socket);
    race_leave(&here);
}

static void connect_timeout_ends_all_attempts(void)
{
    race here;

    if (!race_enter(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 900);
    add_dead(&here, DEAD);
    if (race_begin(&here)) {
        (void)race_ends(&here, APM_ERROR_TIMED_OUT);
        check_failed(here.socket);
        check_connects(here.socket);
    }
    race_leave(&here);
}

static void cancel_ends_all_attempts(void)
{
    race here;

    if (!race_enter(&here)) return;
    add_dead(&here, DEAD);
    route_listener(&here.way, here.listener);
    if (race_begin(&here)) {
        CHECK(wait_for_sockets(here.sockets + 2));
        (void)CHECK_ERROR(apm_async_result_cancel(here.made.result), APM_ERROR_SUCCESS);
        (void)race_ends(&here, APM_ERROR_OPERATION_ABORTED);
        check_unreached(here.listener);
        check_failed(here.socket);
        check_connects(here.socket);
    }
    race_leave(&here);
}

static void close_ends_all_attempts(void)
{
    race here;

    if (!race_enter(&here)) return;
    add_dead(&here, DEAD);
    route_listener(&here.way, here.listener);
    if (race_begin(&here)) {
        CHECK(wait_for_sockets(here.sockets + 2));
        close_now(here.socket);
        here.socket = NULL;
        (void)race_ends(&here, APM_ERROR_OBJECT_DISPOSED);
        check_unreached(here.listener);
    }
    race_leave(&here);
}

static void close_in_the_callback_is_after_all_attempts(call *made)
{
    note_sockets(made);
    made->error = made->error == APM_ERROR_SUCCESS ? apm_socket_close(made->socket) : made->error;
}

static void socket_can_be_closed_in_the_callback(void)
{
    race here;

    if (!race_enter(&here)) return;
    here.made.inside = close_in_the_callback_is_after_all_attempts;
    add_dead(&here, 2);
    route_listener(&here.way, here.listener);
    if (race_begin(&here)) {
        (void)race_ends(&here, APM_ERROR_SUCCESS);
        here.socket = NULL; /* closed */
    }
    race_leave(&here);
}

/* The same socket, again and again; with the kernel's sockets where they were each time. */
static void connects_are_cancelled_and_begun_again_and_again(void)
{
    enum { ROUNDS = 30 };
    race here;
    int i;

    if (!race_enter(&here)) return;
    add_dead(&here, 3);
    for (i = 0; i < ROUNDS; i++) {
        call_dispose(&here.made);
        call_prepare(&here.made, here.socket, CALL_CONNECT);
        here.made.inside = note_sockets;
        here.made.context = &here;
        if (!race_begin(&here)) break;
        (void)CHECK_ERROR(apm_async_result_cancel_after(here.made.result, i % 5 == 0 ? 260 : (uint32_t)i),
                          APM_ERROR_SUCCESS);
        (void)race_ends(&here, APM_ERROR_TIMED_OUT);
    }
    check_connects(here.socket);
    race_leave(&here);
}

static const test_case waiting_for[] = {
    {"dead_first_does_not_keep_the_second_waiting", dead_first_does_not_keep_the_second_waiting, false},
    {"many_dead_are_closed_before_the_callback", many_dead_are_closed_before_the_callback, false},
    {"refused_one_is_followed_at_once", refused_one_is_followed_at_once, false},
    {"of_two_that_answer_one_is_connected", of_two_that_answer_one_is_connected, false},
    {"families_take_turns_in_parallel", families_take_turns_in_parallel, false},
    {"families_keep_their_order_one_after_the_other", families_keep_their_order_one_after_the_other, false},
    {"bound_port_forces_one_at_a_time", bound_port_forces_one_at_a_time, false},
    {"bound_address_does_not", bound_address_does_not, false},
    {"options_are_those_of_the_socket", options_are_those_of_the_socket, false},
    {NULL, NULL, false}};

static const test_case failing[] = {
    {"answer_of_a_host_counts_more_than_one_about_the_way",
     answer_of_a_host_counts_more_than_one_about_the_way, false},
    {"connect_timeout_ends_all_attempts", connect_timeout_ends_all_attempts, false},
    {"cancel_ends_all_attempts", cancel_ends_all_attempts, false},
    {"close_ends_all_attempts", close_ends_all_attempts, false},
    {"socket_can_be_closed_in_the_callback", socket_can_be_closed_in_the_callback, false},
    {"connects_are_cancelled_and_begun_again_and_again", connects_are_cancelled_and_begun_again_and_again,
     false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"waiting_for", waiting_for}, {"failing", failing}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
