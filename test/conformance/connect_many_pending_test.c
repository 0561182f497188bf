/* SPDX-License-Identifier: MIT */
/*
 * Connecting to several endpoints of which one does not answer: cancelled, timed out, closed,
 * and in the way of others; and what each attempt has of the socket.
 */
#include "../support/kernel_socket.h"
#include "../support/route.h"

/* A socket that hangs on the way: to somebody who does not answer, then to somebody who does. */
typedef struct limbo {
    peer_listener *hanging, *listener;
    apm_socket *socket;
    route way;
    call made;
    bool begun;
} limbo;

static void limbo_leave(limbo *here)
{
    close_now(here->socket);
    if (here->begun) CHECK(call_wait(&here->made));
    call_dispose(&here->made);
    peer_listener_close(here->listener);
    peer_listener_close(here->hanging);
}

/* Not begun yet. */
static bool limbo_prepare(limbo *here)
{
    here->hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    here->listener = peer_listen(APM_FAMILY_IPV4);
    here->socket = stream_new(APM_FAMILY_IPV4);
    here->begun = false;
    here->way.count = 0;
    call_prepare(&here->made, here->socket, CALL_CONNECT);
    CHECK(here->hanging != NULL && here->listener != NULL);
    if (here->hanging == NULL || here->listener == NULL || here->socket == NULL) {
        limbo_leave(here);
        return false;
    }
    route_refusing(&here->way, APM_FAMILY_IPV4);
    route_listener(&here->way, here->hanging);
    route_listener(&here->way, here->listener);
    return true;
}

static bool limbo_begin(limbo *here)
{
    here->begun = CHECK_ERROR(call_connect_many(&here->made, &here->way), APM_ERROR_SUCCESS);
    CHECK(!apm_async_result_is_completed(here->made.result));
    return here->begun;
}

static bool limbo_enter(limbo *here)
{
    if (!limbo_prepare(here)) return false;
    if (limbo_begin(here)) return true;
    limbo_leave(here);
    return false;
}

/* It has ended like that, nobody was connected to, and the socket can connect again. */
static void check_given_up(limbo *here, apm_error expected)
{
    (void)call_ends(&here->made, expected);
    check_unreached(here->listener);
    check_failed(here->socket);
    check_connects(here->socket);
}

/* ---- hanging ---------------------------------------------------------------------------------------- */

static void cancel_ends_it_and_tries_nobody_else(void)
{
    limbo here;

    if (!limbo_enter(&here)) return;
    (void)CHECK_ERROR(apm_async_result_cancel(here.made.result), APM_ERROR_SUCCESS);
    check_given_up(&here, APM_ERROR_OPERATION_ABORTED);
    limbo_leave(&here);
}

static void cancel_after_a_time_is_timed_out(void)
{
    limbo here;

    if (!limbo_enter(&here)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(here.made.result, 50), APM_ERROR_SUCCESS);
    check_given_up(&here, APM_ERROR_TIMED_OUT);
    limbo_leave(&here);
}

static void connect_timeout_bounds_the_whole(void)
{
    limbo here;
    uint64_t start = test_now();

    if (!limbo_prepare(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 200);
    if (limbo_begin(&here)) {
        check_given_up(&here, APM_ERROR_TIMED_OUT);
        CHECK(test_now() - start >= 190);
    }
    limbo_leave(&here);
}

/* Longer than the connect takes; a further one has its own. */
static void connect_timeout_that_is_long_enough_does_nothing(void)
{
    limbo here;
    route way = {.count = 0};

    if (!limbo_prepare(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, (int32_t)PATIENCE);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_refusing(&way, APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_CONNECTION_REFUSED);
    route_listener(&way, here.listener);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    limbo_leave(&here);
}

static void shorter_of_two_times_ends_it(bool option_is_shorter)
{
    limbo here;

    if (!limbo_prepare(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, option_is_shorter ? 100 : (int32_t)PATIENCE);
    if (limbo_begin(&here)) {
        (void)CHECK_ERROR(
            apm_async_result_cancel_after(here.made.result, option_is_shorter ? APM_INFINITE : 100),
            APM_ERROR_SUCCESS);
        check_given_up(&here, APM_ERROR_TIMED_OUT);
    }
    limbo_leave(&here);
}

static void connect_timeout_is_not_taken_back_by_cancel_after(void)
{
    shorter_of_two_times_ends_it(true);
}

static void cancel_after_ends_it_before_the_connect_timeout(void)
{
    shorter_of_two_times_ends_it(false);
}

static void close_ends_it_as_object_disposed(void)
{
    limbo here;

    if (!limbo_enter(&here)) return;
    apm_socket_retain(here.socket);
    close_now(here.socket);
    (void)call_ends(&here.made, APM_ERROR_OBJECT_DISPOSED);
    check_unreached(here.listener);
    (void)CHECK_ERROR(apm_socket_end_connect(here.socket, here.made.result), APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(here.socket);
    here.socket = NULL;
    limbo_leave(&here);
}

static void second_connect_of_any_kind_is_invalid_operation(void)
{
    limbo here;
    int round;

    if (!limbo_prepare(&here)) return;
    for (round = 0; round < 3; round++) { /* behind each kind of connect */
        apm_endpoint next;

        call_dispose(&here.made);
        call_prepare(&here.made, here.socket, CALL_CONNECT);
        peer_listener_endpoint(here.hanging, &next);
        switch (round) {
        case 0: here.begun = limbo_begin(&here); break;
        case 1: here.begun = CHECK_ERROR(call_connect(&here.made, &next), APM_ERROR_SUCCESS); break;
        default:
            here.begun = CHECK_ERROR(call_connect_host(&here.made, "127.0.0.1", apm_endpoint_port(&next)),
                                     APM_ERROR_SUCCESS);
        }
        if (!here.begun) break;
        (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_INVALID_OPERATION);
        (void)CHECK_ERROR(connect_now(here.socket, &next), APM_ERROR_INVALID_OPERATION);
        (void)CHECK_ERROR(connect_host(here.socket, "localhost", 80), APM_ERROR_INVALID_OPERATION);
        CHECK(!apm_async_result_is_completed(here.made.result)); /* the first one does not mind */
        (void)CHECK_ERROR(apm_async_result_cancel(here.made.result), APM_ERROR_SUCCESS);
        (void)call_ends(&here.made, APM_ERROR_OPERATION_ABORTED);
    }
    check_connects(here.socket);
    limbo_leave(&here);
}

/* The one that hung is refused in the end: the next one is tried. */
static void attempt_that_fails_late_is_followed_by_the_next(void)
{
    limbo here;

    if (!limbo_enter(&here)) return;
    peer_listener_close(here.hanging);
    here.hanging = NULL;
    if (call_ends(&here.made, APM_ERROR_SUCCESS)) check_reached(here.socket, here.listener);
    limbo_leave(&here);
}

/* Wherever the cancel meets it: aborted, or done. Nothing is left of it either way. */
static void cancel_meets_an_attempt_anywhere(void)
{
    enum { MANY = 200, ROUNDS = 20 };
    static apm_endpoint remotes[MANY];
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    uint64_t seed = 7;
    int i;

    if (socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remotes[0]);
    for (i = 1; i < MANY; i++) remotes[i] = remotes[0];
    for (i = 0; i < ROUNDS; i++) {
        call made;

        call_prepare(&made, socket, CALL_CONNECT);
        if (CHECK_ERROR(apm_socket_begin_connect_many(socket, remotes, MANY, call_back, &made, &made.result),
                        APM_ERROR_SUCCESS)) {
            dawdle(&seed);
            if (i % 2 == 0)
                (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            else
                (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 1), APM_ERROR_SUCCESS);
            CHECK(call_wait(&made));
            CHECK(made.error == APM_ERROR_CONNECTION_REFUSED ||
                  made.error == (i % 2 == 0 ? APM_ERROR_OPERATION_ABORTED : APM_ERROR_TIMED_OUT));
        }
        call_dispose(&made);
    }
    check_connects(socket);
    close_now(socket);
}

/* ---- what an attempt has of the socket ------------------------------------------------------------------ */

static void check_option(apm_socket *socket, apm_socket_option option, int32_t expected)
{
    int32_t value = -1;

    (void)CHECK_ERROR(apm_socket_get_option(socket, option, &value), APM_ERROR_SUCCESS);
    CHECK(value == expected);
}

static void last_attempt_has_every_option(void)
{
    limbo here;
    route way = {.count = 0};

    if (!limbo_prepare(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    set_option(here.socket, APM_SOCKET_OPTION_KEEP_ALIVE, 1);
    set_option(here.socket, APM_SOCKET_OPTION_TTL, 21);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_unreachable(&way);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_listener(&way, here.listener);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_SUCCESS);
    check_option(here.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    check_option(here.socket, APM_SOCKET_OPTION_TTL, 21);
    CHECK(kernel_number(here.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    CHECK(kernel_number(here.socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) != 0);
    CHECK(kernel_number(here.socket, LEVEL_IP, IP_HOPS) == 21);
    check_reached(here.socket, here.listener);
    limbo_leave(&here);
}

/* Set while an earlier attempt hangs. */
static void option_set_on_the_way_holds_for_the_connection(void)
{
    limbo here;

    if (!limbo_enter(&here)) return;
    set_option(here.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    set_option(here.socket, APM_SOCKET_OPTION_TTL, 19);
    peer_listener_close(here.hanging);
    here.hanging = NULL;
    if (call_ends(&here.made, APM_ERROR_SUCCESS)) {
        CHECK(kernel_number(here.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
        CHECK(kernel_number(here.socket, LEVEL_IP, IP_HOPS) == 19);
        check_reached(here.socket, here.listener);
    }
    limbo_leave(&here);
}

static void last_attempt_has_the_local_endpoint(void)
{
    limbo here;
    route way = {.count = 0};
    apm_endpoint local, found = {0};

    if (!limbo_prepare(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_SUCCESS);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_listener(&way, here.listener);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &local));
    check_reached(here.socket, here.listener);
    /* Leaves nothing behind that would keep the port for minutes. */
    (void)CHECK_ERROR(apm_socket_close_timeout(here.socket, 0), APM_ERROR_SUCCESS);
    here.socket = NULL;
    limbo_leave(&here);
}

static void bound_socket_is_still_bound_after_all_have_failed(void)
{
    limbo here;
    route way = {.count = 0};
    apm_endpoint local, found = {0};

    if (!limbo_prepare(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_SUCCESS);
    route_refusing(&way, APM_FAMILY_IPV4);
    route_refusing(&way, APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_CONNECTION_REFUSED);
    (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &local));
    (void)CHECK_ERROR(apm_socket_bind(here.socket, &local), APM_ERROR_INVALID_ARGUMENT);
    route_listener(&way, here.listener);
    (void)CHECK_ERROR(connect_route(here.socket, &way), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(here.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &local));
    (void)CHECK_ERROR(apm_socket_close_timeout(here.socket, 0), APM_ERROR_SUCCESS);
    here.socket = NULL;
    limbo_leave(&here);
}

/* ---- failing at once ------------------------------------------------------------------------------------- */

enum { MANY = 65535, SOME = 40 };

static apm_endpoint unreachable[MANY];

/* A socket, and a connect to so many endpoints to which there is no way; not begun yet. */
static bool dead_end_prepare(limbo *here, size_t count)
{
    size_t i;

    if (!limbo_prepare(here)) return false;
    peer_unreachable_endpoint(&unreachable[0]);
    for (i = 1; i < count; i++) unreachable[i] = unreachable[0];
    return true;
}

static bool dead_end_begin(limbo *here, size_t count)
{
    here->begun = CHECK_ERROR(apm_socket_begin_connect_many(here->socket, unreachable, count, call_back,
                                                            &here->made, &here->made.result),
                              APM_ERROR_SUCCESS);
    return here->begun;
}

/* They do not have to wait until all have failed, which would be the connect's end. */
static void time_and_cancel_come_between_those_that_fail_at_once(void)
{
    int timed, parallel;

    for (timed = 0; timed < 2; timed++) {
        for (parallel = 0; parallel < 2; parallel++) {
            uint64_t start;
            limbo here;

            if (!dead_end_prepare(&here, MANY)) return;
            start = test_now();
            if (parallel) set_option(here.socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
            if (timed) set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 20);
            if (dead_end_begin(&here, MANY)) {
                if (!timed) (void)CHECK_ERROR(apm_async_result_cancel(here.made.result), APM_ERROR_SUCCESS);
                check_given_up(&here, timed ? APM_ERROR_TIMED_OUT : APM_ERROR_OPERATION_ABORTED);
                CHECK(test_now() - start < 5000);
            }
            limbo_leave(&here);
        }
    }
}

static void close_comes_between_those_that_fail_at_once(void)
{
    uint64_t start;
    limbo here;

    if (!dead_end_prepare(&here, MANY)) return;
    start = test_now();
    if (dead_end_begin(&here, MANY)) {
        close_now(here.socket);
        here.socket = NULL;
        (void)call_ends(&here.made, APM_ERROR_OBJECT_DISPOSED);
        CHECK(test_now() - start < 5000);
    }
    limbo_leave(&here);
}

/* Behind one that hangs they wait for each other now and then. */
static void those_that_fail_at_once_are_passed(void)
{
    int parallel, hangs;

    for (parallel = 0; parallel < 2; parallel++) {
        for (hangs = 0; hangs <= parallel; hangs++) {
            limbo here;

            if (!dead_end_prepare(&here, SOME)) return;
            if (parallel) set_option(here.socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
            if (hangs) peer_listener_endpoint(here.hanging, &unreachable[0]);
            peer_listener_endpoint(here.listener, &unreachable[SOME - 1]);
            if (dead_end_begin(&here, SOME) && call_ends(&here.made, APM_ERROR_SUCCESS))
                check_reached(here.socket, here.listener);
            limbo_leave(&here);
        }
    }
}

static void all_that_fail_at_once_fail_the_connect(void)
{
    limbo here;

    if (!dead_end_prepare(&here, SOME)) return;
    if (dead_end_begin(&here, SOME)) check_given_up(&here, APM_ERROR_NETWORK_UNREACHABLE);
    limbo_leave(&here);
}

static const test_case failing_at_once[] = {
    {"time_and_cancel_come_between_those_that_fail_at_once",
     time_and_cancel_come_between_those_that_fail_at_once, false},
    {"close_comes_between_those_that_fail_at_once", close_comes_between_those_that_fail_at_once, false},
    {"those_that_fail_at_once_are_passed", those_that_fail_at_once_are_passed, false},
    {"all_that_fail_at_once_fail_the_connect", all_that_fail_at_once_fail_the_connect, false},
    {NULL, NULL, false}};

static const test_case hanging[] = {
    {"cancel_ends_it_and_tries_nobody_else", cancel_ends_it_and_tries_nobody_else, false},
    {"cancel_after_a_time_is_timed_out", cancel_after_a_time_is_timed_out, false},
    {"connect_timeout_bounds_the_whole", connect_timeout_bounds_the_whole, false},
    {"connect_timeout_that_is_long_enough_does_nothing", connect_timeout_that_is_long_enough_does_nothing,
     false},
    {"connect_timeout_is_not_taken_back_by_cancel_after", connect_timeout_is_not_taken_back_by_cancel_after,
     false},
    {"cancel_after_ends_it_before_the_connect_timeout", cancel_after_ends_it_before_the_connect_timeout,
     false},
    {"close_ends_it_as_object_disposed", close_ends_it_as_object_disposed, false},
    {"second_connect_of_any_kind_is_invalid_operation", second_connect_of_any_kind_is_invalid_operation,
     false},
    {"attempt_that_fails_late_is_followed_by_the_next", attempt_that_fails_late_is_followed_by_the_next,
     false},
    {"cancel_meets_an_attempt_anywhere", cancel_meets_an_attempt_anywhere, false},
    {NULL, NULL, false}};

static const test_case attempts[] = {
    {"last_attempt_has_every_option", last_attempt_has_every_option, false},
    {"option_set_on_the_way_holds_for_the_connection", option_set_on_the_way_holds_for_the_connection, false},
    {"last_attempt_has_the_local_endpoint", last_attempt_has_the_local_endpoint, false},
    {"bound_socket_is_still_bound_after_all_have_failed", bound_socket_is_still_bound_after_all_have_failed,
     false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"hanging", hanging}, {"attempts", attempts}, {"failing_at_once", failing_at_once}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
