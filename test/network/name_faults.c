/* SPDX-License-Identifier: MIT */
/* Names that fail, that are slow, that have many addresses: from a name server of the tests' own
 * (names.py). */
#include "suites.h"

#include "../support/route.h"

/* ---- names that fail -------------------------------------------------------------------------------- */

typedef struct bad_name {
    const char *host;
    apm_error error;
} bad_name;

/* As measured under Wine 8: Windows says NoData of a name that exists and has no address. */
static const bad_name bad_names[] = {
    {"missing.test", APM_ERROR_HOST_NOT_FOUND}, {"broken.test", APM_ERROR_TRY_AGAIN},
    {"refused.test", APM_ERROR_TRY_AGAIN},      {"empty.test", APM_ERROR_HOST_NOT_FOUND},
    {"dropped.test", APM_ERROR_TRY_AGAIN},      {"dead.test", APM_ERROR_NETWORK_UNREACHABLE}};

static void each_has_its_error(void)
{
    size_t i;

    (void)hand_do("patience 1 1");
    (void)hand_listen("listener", ALIVE, 80);
    for (i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);

        if (socket == NULL) break;
        if (!CHECK_ERROR(connect_host(socket, bad_names[i].host, 80), bad_names[i].error))
            (void)printf("(%s) ", bad_names[i].host);
        check_failed(socket);
        (void)CHECK_ERROR(connect_host(socket, "alive.test", 80), APM_ERROR_SUCCESS);
        close_now(socket);
    }
    (void)hand_do("close listener");
}

/* ---- names of many addresses ------------------------------------------------------------------------- */

static void check_host(apm_socket *socket, const char *host, uint16_t port, const char *reached)
{
    apm_endpoint remote = {0}, wanted = endpoint_at(reached, port);

    if (socket == NULL) return;
    if (!CHECK_ERROR(connect_host(socket, host, port), APM_ERROR_SUCCESS)) (void)printf("(%s) ", host);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&remote, &wanted));
    close_now(socket);
}

static void last_one_is_alive(void)
{
    static const char *const hosts[] = {"last-alive.test", "hosted.test", "crowd.test"};
    apm_endpoint alive = hand_listen("listener", ALIVE, 0);
    uint16_t port = apm_endpoint_port(&alive);
    apm_socket *socket;
    size_t i;

    for (i = 0; i < 2 * sizeof hosts / sizeof hosts[0]; i++) {
        socket = stream_new(APM_FAMILY_IPV4);
        if (socket != NULL && i % 2 != 0)
            set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
        check_host(socket, hosts[i / 2], port, ALIVE);
    }
    /* It would be the 71st, and 64 are tried. */
    socket = stream_new(APM_FAMILY_IPV4);
    if (socket != NULL)
        (void)CHECK_ERROR(connect_host(socket, "crowded-out.test", port), APM_ERROR_CONNECTION_REFUSED);
    close_now(socket);
    (void)hand_do("close listener");
}

/* ---- IPv6 first --------------------------------------------------------------------------------------- */

static void ipv6_comes_first(void)
{
    apm_endpoint six = hand_listen("six", "fd79::3:1", 0);
    uint16_t port = apm_endpoint_port(&six);

    (void)hand_listen("four", ALIVE, port);
    check_host(dual_new(false), "both.test", port, "fd79::3:1");
    check_host(dual_new(true), "both.test", port, "fd79::3:1");
    CHECK(hand_is_unreached("four"));
    /* Each socket has the addresses that it can use. */
    check_host(stream_new(APM_FAMILY_IPV4), "both.test", port, ALIVE);
    check_host(stream_new(APM_FAMILY_IPV6), "both.test", port, "fd79::3:1");
    (void)hand_do("close six");
    (void)hand_do("close four");
}

static void check_falls_back(const char *host, bool parallel)
{
    apm_socket *socket = dual_new(parallel);

    if (socket == NULL) return;
    if (CHECK_ERROR(connect_host(socket, host, 80), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept friend four");
        hand_check_alive(socket, "friend", 0);
        (void)hand_do("close friend");
    }
    close_now(socket);
}

static void ipv4_is_tried_after_a_refusal(void)
{
    (void)hand_listen("four", ALIVE, 80);
    check_falls_back("six-refuses.test", false);
    check_falls_back("six-refuses.test", true);
    (void)hand_do("close four");
}

static void ipv4_is_tried_after_silence(void)
{
    (void)hand_listen("four", ALIVE, 80);
    check_falls_back("six-dead.test", true);
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=1");
    check_falls_back("six-dead.test", false);
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_syn_retries=6");
    (void)hand_do("close four");
}

/* Each is passed over, as in a list of addresses. */
static void name_of_another_family_is_no_argument(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    if (socket == NULL) return;
    (void)CHECK_ERROR(connect_host(socket, "six.test", 80), APM_ERROR_ARGUMENT);
    check_failed(socket);
    close_now(socket);
}

const test_case name_cases[] = {
    {"a name that fails has its error, and the socket connects to another", each_has_its_error, false},
    {"the last of many addresses is alive; the first 64 are tried", last_one_is_alive, false},
    {"an IPv6 address comes before those of IPv4", ipv6_comes_first, false},
    {"it refuses: IPv4 is tried", ipv4_is_tried_after_a_refusal, false},
    {"it does not answer: IPv4 is tried", ipv4_is_tried_after_silence, false},
    {"a name without addresses of the socket's family: Argument", name_of_another_family_is_no_argument,
     false},
    {NULL, NULL, false}};

/* ---- names that are slow ------------------------------------------------------------------------------- */

enum { CROWD = 8, HELD_PORT = 80 };

/* The look-up of a name that is not answered until the test says so; the resolver itself would wait
 * for longer than the test may take. */
static apm_socket *begin_held(call *made, unsigned asked)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    call_prepare(made, socket, CALL_CONNECT);
    if (socket == NULL) return NULL;
    (void)CHECK_ERROR(call_connect_host(made, "held.test", HELD_PORT), APM_ERROR_SUCCESS);
    (void)hand_do("asked held.test %u", asked);
    return socket;
}

static void hold(void)
{
    (void)hand_do("patience 30 5");
    (void)hand_do("hold");
}

static void cancel_does_not_wait(void)
{
    call made;
    apm_socket *socket;

    hold();
    socket = begin_held(&made, 1);
    if (socket != NULL) {
        (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        (void)call_ends(&made, APM_ERROR_OPERATION_ABORTED);
    }
    (void)hand_do("free 0");
    call_dispose(&made);
    close_now(socket);
}

static void times_do_not_wait(void)
{
    apm_socket *socket;
    call made;

    hold();
    socket = begin_held(&made, 1);
    if (socket != NULL) {
        (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 50), APM_ERROR_SUCCESS);
        (void)call_ends(&made, APM_ERROR_TIMED_OUT);
        check_failed(socket);
        call_dispose(&made);
        set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 50);
        (void)CHECK_ERROR(connect_host(socket, "held.test", HELD_PORT), APM_ERROR_TIMED_OUT);
        close_now(socket);
    }
    (void)hand_do("free 0");
}

static void close_does_not_wait(void)
{
    call made;
    apm_socket *socket;

    hold();
    socket = begin_held(&made, 1);
    close_now(socket);
    if (socket != NULL) (void)call_ends(&made, APM_ERROR_OBJECT_DISPOSED);
    (void)hand_do("free 0");
    call_dispose(&made);
}

static void others_go_on(void)
{
    apm_socket *sockets[CROWD], *other;
    call made[CROWD];
    size_t i;

    hold();
    (void)hand_listen("listener", ALIVE, HELD_PORT);
    for (i = 0; i < CROWD; i++) sockets[i] = begin_held(&made[i], 1);
    other = stream_new(APM_FAMILY_IPV4);
    (void)CHECK_ERROR(connect_host(other, "alive.test", HELD_PORT), APM_ERROR_SUCCESS);
    (void)hand_do("accept friend listener");
    hand_check_alive(other, "friend", 0);
    for (i = 0; i < CROWD; i++) CHECK(!apm_async_result_is_completed(made[i].result));
    (void)hand_do("free 0");
    for (i = 0; i < CROWD; i++) {
        (void)call_ends(&made[i], APM_ERROR_SUCCESS);
        call_dispose(&made[i]);
        close_now(sockets[i]);
    }
    (void)hand_do("close friend");
    close_now(other);
    (void)hand_do("close listener");
}

/* Cleanup waits for the answer, which comes after a while; the connect is over before. */
static void cleanup_ends(void)
{
    apm_options options = harness_options();
    apm_socket *socket;
    call made;

    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    hold();
    socket = begin_held(&made, 1);
    (void)hand_do("free 500");
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    if (socket != NULL) (void)call_ends(&made, APM_ERROR_OBJECT_DISPOSED);
    call_dispose(&made);
    close_now(socket);
}

const test_case slow_name_cases[] = {
    {"cancel does not wait for the answer", cancel_does_not_wait, false},
    {"neither do cancel_after and CONNECT_TIMEOUT", times_do_not_wait, false},
    {"neither does close", close_does_not_wait, false},
    {"others are found and connected to meanwhile; then each gets its answer", others_go_on, false},
    {"cleanup ends with the answer", cleanup_ends, true},
    {NULL, NULL, false}};
