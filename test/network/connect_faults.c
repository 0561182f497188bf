/* SPDX-License-Identifier: MIT */
/*
 * Connects to hosts that do not answer, that cannot be reached, and that may not.
 *
 * On real Windows a connect passes over an ICMP message and goes on until its time is over,
 * unless TCP_FAIL_CONNECT_ON_ICMP_ERROR is set; under Wine it ends the connect, as on Linux. What
 * is checked here is that the library says what the kernel says.
 */
#include "suites.h"

#include "../support/route.h"

/* ---- nobody answers ----------------------------------------------------------------------------- */

/* The socket is as good as new. */
static void check_usable(apm_socket *socket)
{
    apm_endpoint alive = hand_listen("usable", ALIVE, 0);

    check_failed(socket);
    if (CHECK_ERROR(connect_now(socket, &alive), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept friend usable");
        hand_check_alive(socket, "friend", 0);
        (void)hand_do("close friend");
    }
    (void)hand_do("close usable");
}

static void kernel_gives_up(void)
{
    apm_endpoint silent = endpoint_at(SILENT, 80);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    call made;

    if (socket == NULL) return;
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=1");
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &silent), APM_ERROR_SUCCESS))
        (void)call_ends(&made, APM_ERROR_TIMED_OUT);
    call_dispose(&made);
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=6");
    check_failed(socket);
    check_usable(socket);
    close_now(socket);
}

typedef enum ending { BY_OPTION, BY_CANCEL, BY_CANCEL_AFTER, BY_CLOSE, ENDINGS } ending;

/* By itself the kernel gives up after more than two minutes, which is beyond the test's own time. */
static void check_ending(const char *address, int32_t family, ending how)
{
    static const apm_error expected[ENDINGS] = {APM_ERROR_TIMED_OUT, APM_ERROR_OPERATION_ABORTED,
                                                APM_ERROR_TIMED_OUT, APM_ERROR_OBJECT_DISPOSED};
    apm_endpoint silent = endpoint_at(address, 80);
    apm_socket *socket = stream_new(family);
    call made;

    if (socket == NULL) return;
    if (how == BY_OPTION) set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 300);
    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect(&made, &silent), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result));
        if (how == BY_CANCEL) (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        if (how == BY_CANCEL_AFTER)
            (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 300), APM_ERROR_SUCCESS);
        if (how == BY_CLOSE) close_now(socket);
        (void)call_ends(&made, expected[how]);
    }
    call_dispose(&made);
    if (how == BY_CLOSE) return;
    if (family == APM_FAMILY_IPV4) check_usable(socket);
    close_now(socket);
}

static void each_ends_it(void)
{
    ending how;

    for (how = BY_OPTION; how < ENDINGS; how++) {
        check_ending(SILENT, APM_FAMILY_IPV4, how);
        check_ending("fd79::1:1", APM_FAMILY_IPV6, how);
    }
}

static void cleanup_ends_it(void)
{
    apm_endpoint silent = endpoint_at(SILENT, 80);
    apm_options options = harness_options();
    apm_socket *socket = NULL;
    call made;

    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    socket = stream_new(APM_FAMILY_IPV4);
    if (socket != NULL) {
        call_prepare(&made, socket, CALL_CONNECT);
        CHECK(call_connect(&made, &silent) == APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        (void)call_ends(&made, APM_ERROR_OBJECT_DISPOSED);
        call_dispose(&made);
        close_now(socket);
    }
}

/* Sequentially: the kernel has to give up on the first one. */
static void next_is_tried_when_the_kernel_has_given_up(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    route way = {.count = 0};
    apm_endpoint next, remote = {0};

    if (socket == NULL) return;
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=1");
    next = endpoint_at(SILENT, 80);
    route_add(&way, &next);
    next = hand_listen("listener", ALIVE, 0);
    route_add(&way, &next);
    (void)CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&remote, &next));
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=6");
    (void)hand_do("close listener");
    close_now(socket);
}

const test_case silent_cases[] = {
    {"the kernel gives up on a host that does not answer: TimedOut", kernel_gives_up, false},
    {"CONNECT_TIMEOUT, cancel, cancel_after and close end it long before", each_ends_it, false},
    {"cleanup ends it", cleanup_ends_it, true},
    {"of several the next is tried when the kernel has given up", next_is_tried_when_the_kernel_has_given_up,
     false},
    {NULL, NULL, false}};

/* ---- there is no way ------------------------------------------------------------------------------ */

enum { CLOSED_PORT = 9 };

typedef struct dead_end {
    const char *address;
    apm_error error;
} dead_end;

/* As measured under Wine 8. Of those with a route of ours or none at all the kernel says so inside
 * the call, and no packet goes out; the others are ICMP messages that come later, one that a host
 * refuses, and one that is the neighbour who does not answer. */
static const dead_end dead_ends[] = {
    {"10.79.2.1", APM_ERROR_HOST_UNREACHABLE},    /* host unreachable */
    {"10.79.2.2", APM_ERROR_NETWORK_UNREACHABLE}, /* network unreachable */
    {"10.79.2.3", APM_ERROR_HOST_UNREACHABLE},    /* administratively prohibited */
    {"10.79.2.4", APM_ERROR_CONNECTION_REFUSED},  /* port unreachable */
    {"10.79.2.5", APM_ERROR_HOST_UNREACHABLE},    /* host prohibited */
    {"10.79.2.6", APM_ERROR_NETWORK_UNREACHABLE}, /* network prohibited */
    {ALIVE, APM_ERROR_CONNECTION_REFUSED},        /* a reset */
    {"10.77.0.200", APM_ERROR_HOST_UNREACHABLE},  /* no such neighbour */
    {"10.79.4.1", APM_ERROR_HOST_UNREACHABLE},    /* the route says unreachable */
    {"10.79.4.2", APM_ERROR_ACCESS_DENIED},       /* the route says prohibit */
    {"10.79.4.3", APM_ERROR_INVALID_ARGUMENT},    /* the route says blackhole */
    {"10.99.0.1", APM_ERROR_NETWORK_UNREACHABLE}, /* no route */
    {"fd79::2:1", APM_ERROR_HOST_UNREACHABLE},    /* address unreachable */
    {"fd79::2:2", APM_ERROR_NETWORK_UNREACHABLE}, /* no route, says a router */
    {"fd79::2:3", APM_ERROR_ACCESS_DENIED},       /* administratively prohibited */
    {"fd79::2:4", APM_ERROR_CONNECTION_REFUSED},  /* port unreachable */
    {"fd79::3:1", APM_ERROR_CONNECTION_REFUSED},  /* a reset */
    {"fd99::1", APM_ERROR_NETWORK_UNREACHABLE},   /* no route */
};
enum { DEAD_ENDS = sizeof dead_ends / sizeof dead_ends[0] };

static void each_has_its_error(void)
{
    size_t i;

    for (i = 0; i < DEAD_ENDS; i++) {
        apm_endpoint remote = endpoint_at(dead_ends[i].address, CLOSED_PORT);
        apm_socket *socket = stream_new(apm_endpoint_family(&remote));

        if (socket == NULL) return;
        if (!CHECK_ERROR(connect_now(socket, &remote), dead_ends[i].error))
            (void)printf("(%s) ", dead_ends[i].address);
        check_failed(socket);
        if (apm_endpoint_family(&remote) == APM_FAMILY_IPV4) check_usable(socket);
        close_now(socket);
    }
}

/* The way leads to `listener`, which is its last endpoint. */
static void check_leads_to(const route *way, bool parallel, const char *listener)
{
    apm_socket *socket = dual_new(parallel);

    if (socket == NULL) return;
    if (CHECK_ERROR(connect_route(socket, way), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept friend %s", listener);
        hand_check_alive(socket, "friend", 0);
        (void)hand_do("close friend");
    }
    close_now(socket);
}

static void live_address_behind(bool parallel)
{
    route all = {.count = 0}, two;
    apm_endpoint alive = hand_listen("listener", ALIVE, 0), next;
    size_t i;

    for (i = 0; i < DEAD_ENDS; i++) {
        next = endpoint_at(dead_ends[i].address, CLOSED_PORT);
        two.count = 0;
        route_add(&two, &next);
        route_add(&two, &alive);
        check_leads_to(&two, parallel, "listener");
        route_add(&all, &next);
    }
    route_add(&all, &alive);
    check_leads_to(&all, parallel, "listener");
    CHECK(hand_is_unreached("listener"));
    (void)hand_do("close listener");
}

static void live_address_behind_one_after_the_other(void)
{
    live_address_behind(false);
}

static void live_address_behind_in_parallel(void)
{
    live_address_behind(true);
}

/* In that order; the last one has the time the kernel needs to give up. */
static void check_all_dead(const char *const *addresses, size_t count, bool parallel, apm_error expected)
{
    apm_socket *socket = dual_new(parallel);
    route way = {.count = 0};
    size_t i;

    if (socket == NULL) return;
    for (i = 0; i < count; i++) {
        apm_endpoint next = endpoint_at(addresses[i], CLOSED_PORT);

        route_add(&way, &next);
    }
    (void)CHECK_ERROR(connect_route(socket, &way), expected);
    check_failed(socket);
    close_now(socket);
}

/* A refusal in the middle of errors about the way there. */
static const char *const all_dead[] = {"10.79.2.1", "10.79.2.4", "10.79.4.1", "10.79.2.2"};
enum { ALL_DEAD = sizeof all_dead / sizeof all_dead[0] };

static void last_error_is_told(void)
{
    check_all_dead(all_dead, ALL_DEAD, false, APM_ERROR_NETWORK_UNREACHABLE);
}

static void error_of_a_host_is_told(void)
{
    /* Each of these comes after the refusal: of a host that does not answer, and of our own routes. */
    static const char *const last[] = {SILENT, "10.79.4.2", "10.79.4.3", "10.99.0.1"};
    const char *two[2] = {ALIVE, NULL};
    size_t i;

    check_all_dead(all_dead, ALL_DEAD, true, APM_ERROR_CONNECTION_REFUSED);
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=1");
    for (i = 0; i < sizeof last / sizeof last[0]; i++) {
        two[1] = last[i];
        check_all_dead(two, 2, true, APM_ERROR_CONNECTION_REFUSED);
    }
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=6");
}

const test_case unreachable_cases[] = {
    {"each dead end has its own error, and the socket connects afterwards", each_has_its_error, false},
    {"a live address behind each of them, and behind all", live_address_behind_one_after_the_other, false},
    {"the same in parallel", live_address_behind_in_parallel, false},
    {"all dead, one after the other: the last error", last_error_is_told, false},
    {"all dead, in parallel: the error of a host that answered", error_of_a_host_is_told, false},
    {NULL, NULL, false}};
