/* SPDX-License-Identifier: MIT */
/* Thousands of connects, one after the other, which leave handles, threads and memory as they are. */
#include "../support/route.h"

enum { CONNECTS = 10000, ENOUGH = 2000, WARM = 200 };
#define TIME_LIMIT 30000u /* ms; after which ENOUGH are enough */

/* Fewer threads, and handles with them, are the system's own doing. */
typedef struct level {
    int64_t handles, threads, blocks;
} level;

static level take_level(void)
{
    level now;

    now.handles = harness_handles();
    now.threads = harness_threads();
    now.blocks = harness_live_blocks();
    return now;
}

/* Threads of the pool come and go, and a worker may still hold the last socket: what is flat does
 * not grow with the number of connects. */
static void check_level(const level *before)
{
    enum { THREADS = 4, HANDLES = 8, BLOCKS = 8 };
    level now = take_level();

    CHECK(now.blocks <= before->blocks + BLOCKS);
    CHECK(now.threads <= before->threads + THREADS);
    CHECK(now.handles <= before->handles + HANDLES);
}

/* The end by a reset leaves no port behind that is kept for minutes. */
static bool connect_once(peer_listener *listener, apm_endpoint *remote)
{
    apm_socket *socket = NULL;
    peer *other = NULL;
    bool good =
        apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) == APM_ERROR_SUCCESS;

    if (!good) return false;
    if (connect_now(socket, remote) == APM_ERROR_SUCCESS) other = peer_accept(listener, PATIENCE);
    good = other != NULL && apm_socket_connected(socket);
    if (apm_socket_close_timeout(socket, 0) != APM_ERROR_SUCCESS) good = false;
    peer_close(other);
    return good;
}

static void sockets_that_connect_and_close(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uint64_t start = test_now();
    apm_endpoint remote;
    level before = {0, 0, 0};
    int made = 0;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    while (made < CONNECTS && connect_once(listener, &remote)) {
        made++;
        if (made == WARM) before = take_level();
        if (made >= ENOUGH && test_now() - start > TIME_LIMIT) break;
    }
    CHECK(made >= ENOUGH);
    if (made < CONNECTS) harness_skip("the time was over before 10,000 connects were made");
    check_level(&before);
    peer_listener_close(listener);
}

/* By lists, of which the first one refuses: each connect has a fresh kernel socket. */
static void connects_past_a_refusal(void)
{
    enum { ROUNDS = 500 };
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    level before = {0, 0, 0};
    route way = {.count = 0};
    int i;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    route_refusing(&way, APM_FAMILY_IPV4);
    route_listener(&way, listener);
    for (i = 0; i < ROUNDS; i++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);
        peer *other;

        if (socket == NULL) break;
        if (i % 2 == 0) set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
        if (!CHECK_ERROR(connect_route(socket, &way), APM_ERROR_SUCCESS)) i = ROUNDS;
        other = peer_accept(listener, PATIENCE);
        CHECK(other != NULL);
        (void)CHECK_ERROR(apm_socket_close_timeout(socket, 0), APM_ERROR_SUCCESS);
        peer_close(other);
        if (i == ROUNDS / 10) before = take_level();
    }
    check_level(&before);
    peer_listener_close(listener);
}

static void connects_by_a_name(void)
{
    enum { ROUNDS = 300 };
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    level before = {0, 0, 0};
    apm_endpoint remote;
    int i;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    for (i = 0; i < ROUNDS; i++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);
        peer *other;

        if (socket == NULL) break;
        if (!CHECK_ERROR(connect_host(socket, "localhost", apm_endpoint_port(&remote)), APM_ERROR_SUCCESS))
            i = ROUNDS;
        other = peer_accept(listener, PATIENCE);
        CHECK(other != NULL);
        (void)CHECK_ERROR(apm_socket_close_timeout(socket, 0), APM_ERROR_SUCCESS);
        peer_close(other);
        if (i == ROUNDS / 10) before = take_level();
    }
    check_level(&before);
    peer_listener_close(listener);
}

static void refusals(void)
{
    enum { ROUNDS = 1000 };
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    level before = {0, 0, 0};
    apm_endpoint nobody;
    int i;

    if (socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    for (i = 0; i < ROUNDS; i++) {
        if (!CHECK_ERROR(connect_now(socket, &nobody), APM_ERROR_CONNECTION_REFUSED)) break;
        if (i == ROUNDS / 10) before = take_level();
    }
    check_level(&before);
    close_now(socket);
}

static const test_case flat[] = {{"sockets_that_connect_and_close", sockets_that_connect_and_close, false},
                                 {"connects_past_a_refusal", connects_past_a_refusal, false},
                                 {"connects_by_a_name", connects_by_a_name, false},
                                 {"refusals", refusals, false},
                                 {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"flat", flat}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
