/* SPDX-License-Identifier: MIT */
/* RFC 8305 where it matters: the first address is slow, or does not answer at all. */
#include "suites.h"

#include "../support/route.h"

/* An attempt that has not ended lets the next one begin after that time. */
enum { DELAY = 250, SLOW_ROUND = 2 * 600, QUICK_ROUND = 2 * 20 };

typedef struct race {
    apm_endpoint first, second;
    uint64_t took;
    const char *winner;
} race;

/* Connects to both in parallel; who has won, by its listener. */
static apm_socket *run_race(race *it, int32_t family)
{
    bool is_four = family == APM_FAMILY_IPV4;
    apm_socket *socket = is_four ? stream_new(family) : dual_new(false);
    route way = {.count = 0};
    apm_endpoint remote = {0};
    uint64_t start;

    route_add(&way, &it->first);
    route_add(&way, &it->second);
    it->winner = "nobody";
    it->took = 0;
    if (socket == NULL) return NULL;
    set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    start = test_now();
    (void)CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS);
    it->took = test_now() - start;
    (void)apm_socket_remote_endpoint(socket, &remote);
    /* A dual-mode socket may give the IPv4 address as one of IPv6. */
    it->winner = apm_endpoint_port(&remote) == apm_endpoint_port(&it->first)    ? "first"
                 : apm_endpoint_port(&remote) == apm_endpoint_port(&it->second) ? "second"
                                                                                : "nobody";
    return socket;
}

static void check_second_wins(race *it, int32_t family)
{
    apm_socket *socket = run_race(it, family);

    if (socket == NULL) return;
    CHECK(strcmp(it->winner, "second") == 0);
    CHECK(it->took >= DELAY - 20); /* clocks of two kinds */
    (void)hand_do("accept friend second");
    hand_check_alive(socket, "friend", 0);
    (void)hand_do("close friend");
    close_now(socket);
}

/* The kernel would try for two minutes. */
static void silent_first(void)
{
    race it;

    it.first = endpoint_at(SILENT, 1);
    it.second = hand_listen("second", ALIVE, 0);
    check_second_wins(&it, APM_FAMILY_IPV4);
    (void)hand_do("close second");
}

static void silent_ipv6_first(void)
{
    race it;

    it.first = endpoint_at("fd79::1:1", 1);
    it.second = hand_listen("second", ALIVE, 0);
    check_second_wins(&it, APM_FAMILY_IPV6);
    (void)hand_do("close second");
}

/* Attempts of each kind of end at once; those that lose are over with the connect, which the ledger
 * sees by their handles. */
static void all_kinds_before(void)
{
    static const char *const addresses[] = {SILENT,      "10.79.2.1", "10.79.1.2", "10.79.2.4",
                                            "10.79.4.1", "10.79.1.3", "10.79.3.2"};
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint next;
    route way = {.count = 0};
    size_t i;

    if (socket == NULL) return;
    for (i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        next = endpoint_at(addresses[i], 1);
        route_add(&way, &next);
    }
    next = hand_listen("listener", ALIVE, 0);
    route_add(&way, &next);
    set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
    if (CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept friend listener");
        hand_check_alive(socket, "friend", 0);
        (void)hand_do("close friend");
    }
    close_now(socket);
    (void)hand_do("close listener");
}

/* Its address at the far end is the first one's. */
static void lay_slow_wire(unsigned round)
{
    (void)hand_do("slow %u 0", round / 2);
}

static void slow_first(void)
{
    race it;

    lay_slow_wire(SLOW_ROUND);
    it.first = hand_listen("first", "10.78.0.2", 0);
    it.second = hand_listen("second", ALIVE, 0);
    check_second_wins(&it, APM_FAMILY_IPV4);
    (void)hand_do("close first");
    (void)hand_do("close second");
}

/* It answers before the second one has begun, which nobody hears of then. A machine that stood
 * still for so long has begun the second one: then it is tried again. */
static void quick_first(void)
{
    bool in_time = false;
    int round;

    lay_slow_wire(QUICK_ROUND);
    for (round = 0; round < 20 && !in_time; round++) {
        apm_socket *socket;
        race it;

        it.first = hand_listen("first", "10.78.0.2", 0);
        it.second = hand_listen("second", ALIVE, 0);
        socket = run_race(&it, APM_FAMILY_IPV4);
        in_time = it.took < DELAY;
        if (in_time) {
            CHECK(strcmp(it.winner, "first") == 0);
            CHECK(hand_is_unreached("second"));
        }
        close_now(socket);
        (void)hand_do("close first");
        (void)hand_do("close second");
    }
    CHECK(in_time);
}

const test_case parallel_cases[] = {
    {"the first does not answer: the second begins after the delay and wins", silent_first, false},
    {"the first is of IPv6 and does not answer: the same", silent_ipv6_first, false},
    {"several do not answer, several fail, the last one wins", all_kinds_before, false},
    {NULL, NULL, false}};

const test_case slow_parallel_cases[] = {
    {"the first is slow: the second begins after the delay and wins", slow_first, false},
    {"the first is quick enough: it wins, and nobody else is connected to", quick_first, false},
    {NULL, NULL, false}};
