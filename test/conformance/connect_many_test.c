/* SPDX-License-Identifier: MIT */
/* Connecting to one of several endpoints: their order, their errors, and lists that are none. */
#include "../support/route.h"

/* ---- order ------------------------------------------------------------------------------------- */

/* Two listeners and a socket. */
typedef struct scene {
    peer_listener *one, *two;
    apm_socket *socket;
    route way;
} scene;

static void scene_leave(scene *here)
{
    close_now(here->socket);
    peer_listener_close(here->two);
    peer_listener_close(here->one);
}

static bool scene_enter(scene *here)
{
    here->one = peer_listen(APM_FAMILY_IPV4);
    here->two = peer_listen(APM_FAMILY_IPV4);
    here->socket = stream_new(APM_FAMILY_IPV4);
    here->way.count = 0;
    CHECK(here->one != NULL && here->two != NULL);
    if (here->one != NULL && here->two != NULL && here->socket != NULL) return true;
    scene_leave(here);
    return false;
}

static void first_that_answers_is_connected_and_the_rest_left_alone(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_listener(&here.way, here.one);
    route_listener(&here.way, here.two);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_unreached(here.two);
    check_reached(here.socket, here.one);
    scene_leave(&here);
}

static void those_that_refuse_are_passed(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_unreachable(&here.way);
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_listener(&here.way, here.two);
    route_listener(&here.way, here.one);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_unreached(here.one);
    check_reached(here.socket, here.two);
    scene_leave(&here);
}

static void list_of_one_is_a_connect_to_it(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
    check_failed(here.socket);
    here.way.count = 0;
    route_listener(&here.way, here.one);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.one);
    scene_leave(&here);
}

static void same_endpoint_may_stand_there_twice(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_add(&here.way, &here.way.at[0]);
    route_listener(&here.way, here.one);
    route_listener(&here.way, here.one);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.one);
    check_unreached(here.one); /* no second connection */
    scene_leave(&here);
}

/* The first one is answered only after the list has gone. */
static void list_is_copied(void)
{
    scene here;
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    call made;

    CHECK(hanging != NULL);
    if (hanging == NULL) return;
    if (!scene_enter(&here)) goto done;
    route_listener(&here.way, hanging);
    route_listener(&here.way, here.one);
    call_prepare(&made, here.socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect_many(&made, &here.way), APM_ERROR_SUCCESS)) {
        memset(&here.way, 0xEE, sizeof here.way);
        peer_listener_close(hanging); /* refuses from here on */
        hanging = NULL;
        if (call_ends(&made, APM_ERROR_SUCCESS)) check_reached(here.socket, here.one);
    }
    call_dispose(&made);
    scene_leave(&here);
done:
    peer_listener_close(hanging);
}

static void thousand_endpoints_are_tried(void)
{
    enum { MANY = 1000 };
    static apm_endpoint remotes[MANY];
    scene here;
    call made;
    int i;

    if (!scene_enter(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remotes[0]);
    for (i = 1; i < MANY; i++) remotes[i] = remotes[0];
    call_prepare(&made, here.socket, CALL_CONNECT);
    if (CHECK_ERROR(apm_socket_begin_connect_many(here.socket, remotes, MANY, call_back, &made, &made.result),
                    APM_ERROR_SUCCESS))
        (void)call_ends(&made, APM_ERROR_CONNECTION_REFUSED);
    call_dispose(&made);
    check_failed(here.socket);

    peer_listener_endpoint(here.two, &remotes[MANY - 1]);
    call_prepare(&made, here.socket, CALL_CONNECT);
    if (CHECK_ERROR(apm_socket_begin_connect_many(here.socket, remotes, MANY, call_back, &made, &made.result),
                    APM_ERROR_SUCCESS) &&
        call_ends(&made, APM_ERROR_SUCCESS))
        check_reached(here.socket, here.two);
    call_dispose(&made);
    scene_leave(&here);
}

/* A connect without a connection: the first that the socket can use. */
static void datagram_socket_takes_the_first_of_its_family(void)
{
    apm_socket *socket = datagram_open(APM_FAMILY_IPV4), *other = NULL;
    apm_endpoint local, remote = {0};
    route way = {.count = 0};

    other = datagram_bound(APM_FAMILY_IPV4, &local);
    if (socket == NULL || other == NULL) return;
    route_loopback(&way, APM_FAMILY_IPV6, 9);
    route_add(&way, &local);
    (void)CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS);
    CHECK(apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&remote, &local));
    close_now(other);
    close_now(socket);
}

/* ---- errors --------------------------------------------------------------------------------------- */

static void last_error_is_the_connects(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_unreachable(&here.way);
    route_refusing(&here.way, APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
    check_failed(here.socket);
    here.way.count = 0;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_unreachable(&here.way);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_NETWORK_UNREACHABLE);
    check_failed(here.socket);
    check_connects(here.socket);
    scene_leave(&here);
}

static void family_that_cannot_be_used_hides_no_error(void)
{
    scene here;
    int at;

    if (!scene_enter(&here)) return;
    for (at = 0; at < 3; at++) { /* behind, before and on both sides of the refusal */
        here.way.count = 0;
        if (at != 0) route_loopback(&here.way, APM_FAMILY_IPV6, 80);
        route_refusing(&here.way, APM_FAMILY_IPV4);
        if (at != 1) route_loopback(&here.way, APM_FAMILY_IPV6, 80);
        (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
    }
    here.way.count = 0;
    route_loopback(&here.way, APM_FAMILY_IPV6, 80);
    route_listener(&here.way, here.one);
    route_loopback(&here.way, APM_FAMILY_IPV6, 80);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.one);
    scene_leave(&here);
}

static void nothing_but_other_families_is_an_argument_error_of_the_operation(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_loopback(&here.way, APM_FAMILY_IPV6, 80);
    route_loopback(&here.way, APM_FAMILY_IPV6, 81);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_ARGUMENT);
    check_failed(here.socket);
    check_connects(here.socket);
    scene_leave(&here);
}

static void no_place_to_connect_to_is_a_failed_attempt(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_wildcard(&here.way, APM_FAMILY_IPV4, 80);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    here.way.count = 0;
    route_loopback(&here.way, APM_FAMILY_IPV4, 0);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    route_refusing(&here.way, APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
    route_wildcard(&here.way, APM_FAMILY_IPV4, 80);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    check_failed(here.socket);
    route_listener(&here.way, here.one);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.one);
    scene_leave(&here);
}

static void socket_connects_again_after_all_have_failed(void)
{
    scene here;
    int i;

    if (!scene_enter(&here)) return;
    for (i = 0; i < 3; i++) {
        route_refusing(&here.way, APM_FAMILY_IPV4);
        (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_CONNECTION_REFUSED);
        check_failed(here.socket);
    }
    check_connects(here.socket);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_IS_CONNECTED);
    scene_leave(&here);
}

/* ---- nonsense ---------------------------------------------------------------------------------------- */

static void check_begin_fails(apm_socket *socket, const apm_endpoint *remotes, size_t count,
                              apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_CONNECT);
    (void)CHECK_ERROR(apm_socket_begin_connect_many(socket, remotes, count, call_back, &made, &made.result),
                      expected);
    CHECK(made.result == NULL);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void lists_that_are_none_are_refused_by_begin(void)
{
    scene here;
    apm_endpoint garbage;
    size_t at;

    if (!scene_enter(&here)) return;
    for (at = 0; at < 3; at++) route_listener(&here.way, here.one);
    check_begin_fails(here.socket, NULL, 3, APM_ERROR_ARGUMENT_NULL);
    check_begin_fails(here.socket, NULL, 0, APM_ERROR_ARGUMENT_NULL); /* that is looked at first */
    check_begin_fails(here.socket, here.way.at, 0, APM_ERROR_ARGUMENT);
    check_begin_fails(here.socket, here.way.at, SIZE_MAX, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    for (at = 0; at < 3; at++) {
        apm_endpoint good = here.way.at[at];

        memset(&here.way.at[at], 0, sizeof good);
        check_begin_fails(here.socket, here.way.at, 3, APM_ERROR_ARGUMENT);
        memset(&garbage, 0xFF, sizeof garbage);
        here.way.at[at] = garbage;
        check_begin_fails(here.socket, here.way.at, 3, APM_ERROR_ARGUMENT);
        here.way.at[at] = good;
        here.way.at[at].length = 15;
        check_begin_fails(here.socket, here.way.at, 3, APM_ERROR_ARGUMENT);
        here.way.at[at] = good;
    }
    (void)CHECK_ERROR(apm_socket_begin_connect_many(NULL, here.way.at, 3, NULL, NULL, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    check_unreached(here.one);
    (void)CHECK_ERROR(connect_route(here.socket, &here.way), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.one);
    check_begin_fails(here.socket, here.way.at, 3, APM_ERROR_IS_CONNECTED);
    check_begin_fails(here.socket, here.way.at, 0, APM_ERROR_ARGUMENT); /* before the state */
    scene_leave(&here);
}

static void closed_socket_says_so_before_anything_else(void)
{
    scene here;

    if (!scene_enter(&here)) return;
    route_listener(&here.way, here.one);
    apm_socket_retain(here.socket);
    close_now(here.socket);
    check_begin_fails(here.socket, here.way.at, 1, APM_ERROR_OBJECT_DISPOSED);
    check_begin_fails(here.socket, NULL, 0, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(here.socket);
    here.socket = NULL;
    scene_leave(&here);
}

static void socket_of_no_internet_family_is_not_supported(void)
{
    enum { FAMILY_UNIX = 1 };
    apm_socket *socket = NULL;
    route way = {.count = 0};

    if (apm_socket_create(FAMILY_UNIX, APM_SOCKET_STREAM, 0, &socket) != APM_ERROR_SUCCESS) {
        harness_skip("no family but those of the Internet is to be had here");
        return;
    }
    route_loopback(&way, APM_FAMILY_IPV4, 80);
    check_begin_fails(socket, way.at, way.count, APM_ERROR_NOT_SUPPORTED);
    (void)CHECK_ERROR(connect_host(socket, "localhost", 80), APM_ERROR_NOT_SUPPORTED);
    close_now(socket);
}

/* Whatever fails for want of memory: Begin says so, or the attempt fails; and the socket goes on. */
static void want_of_memory_leaves_the_socket_as_it_was(void)
{
    scene here;
    uint64_t nth;
    int failures = 0;

    if (!scene_enter(&here)) return;
    route_refusing(&here.way, APM_FAMILY_IPV4);
    route_refusing(&here.way, APM_FAMILY_IPV4);
    for (nth = 1; nth <= 12; nth++) {
        apm_error error;

        harness_fail_allocation(nth);
        error = connect_route(here.socket, &here.way);
        harness_fail_allocation(0);
        CHECK(error == APM_ERROR_OUT_OF_MEMORY || error == APM_ERROR_CONNECTION_REFUSED);
        if (error == APM_ERROR_OUT_OF_MEMORY) failures++;
        check_failed(here.socket);
    }
    CHECK(failures > 0);
    check_connects(here.socket);
    scene_leave(&here);
}

static const test_case order[] = {
    {"first_that_answers_is_connected_and_the_rest_left_alone",
     first_that_answers_is_connected_and_the_rest_left_alone, false},
    {"those_that_refuse_are_passed", those_that_refuse_are_passed, false},
    {"list_of_one_is_a_connect_to_it", list_of_one_is_a_connect_to_it, false},
    {"same_endpoint_may_stand_there_twice", same_endpoint_may_stand_there_twice, false},
    {"list_is_copied", list_is_copied, false},
    {"thousand_endpoints_are_tried", thousand_endpoints_are_tried, false},
    {"datagram_socket_takes_the_first_of_its_family", datagram_socket_takes_the_first_of_its_family, false},
    {NULL, NULL, false}};

static const test_case errors[] = {
    {"last_error_is_the_connects", last_error_is_the_connects, false},
    {"family_that_cannot_be_used_hides_no_error", family_that_cannot_be_used_hides_no_error, false},
    {"nothing_but_other_families_is_an_argument_error_of_the_operation",
     nothing_but_other_families_is_an_argument_error_of_the_operation, false},
    {"no_place_to_connect_to_is_a_failed_attempt", no_place_to_connect_to_is_a_failed_attempt, false},
    {"socket_connects_again_after_all_have_failed", socket_connects_again_after_all_have_failed, false},
    {NULL, NULL, false}};

static const test_case nonsense[] = {
    {"lists_that_are_none_are_refused_by_begin", lists_that_are_none_are_refused_by_begin, false},
    {"closed_socket_says_so_before_anything_else", closed_socket_says_so_before_anything_else, false},
    {"socket_of_no_internet_family_is_not_supported", socket_of_no_internet_family_is_not_supported, false},
    {"want_of_memory_leaves_the_socket_as_it_was", want_of_memory_leaves_the_socket_as_it_was, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"order", order}, {"errors", errors}, {"nonsense", nonsense}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
