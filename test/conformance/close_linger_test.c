/* SPDX-License-Identifier: MIT */
/* Close, and what LINGER makes of it for the peer. */
#include "../support/disconnect_now.h"
#include "../support/kernel_socket.h"
#include "../support/route.h"

static void check_peer_sees(bool lingers, int32_t seconds, int64_t expected)
{
    pair both;
    char here = 0;

    if (!pair_open(&both)) return;
    if (seconds >= 0) set_option(both.socket, APM_SOCKET_OPTION_LINGER_TIME, seconds);
    set_option(both.socket, APM_SOCKET_OPTION_LINGER, lingers);
    close_now(both.socket);
    both.socket = NULL;
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == expected);
    pair_close(&both);
}

static void lingering_for_no_time_resets(void)
{
    check_peer_sees(true, 0, PEER_RESET);
}

static void not_lingering_ends_the_stream(void)
{
    check_peer_sees(false, 0, PEER_END);
    check_peer_sees(false, 5, PEER_END);
}

static void lingering_for_some_time_ends_the_stream(void)
{
    uint64_t start = test_now();

    check_peer_sees(true, 30, PEER_END);
    CHECK(test_now() - start < 25000); /* there was nothing to wait for */
}

/* What was sent is not lost by it. */
static void peer_has_it_all_when_lingering(void)
{
    pair both;
    char here[5] = {0};

    if (!pair_open(&both)) return;
    set_option(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 30);
    set_option(both.socket, APM_SOCKET_OPTION_LINGER, 1);
    (void)CHECK_ERROR(send_now(both.socket, "whole", 5, NULL), APM_ERROR_SUCCESS);
    close_now(both.socket);
    both.socket = NULL;
    CHECK(peer_read_all(both.other, here, 5, PATIENCE) && memcmp(here, "whole", 5) == 0);
    CHECK(peer_read(both.other, here, 1, PATIENCE) == PEER_END);
    pair_close(&both);
}

/* Close(timeout) overrides it. */
static void close_at_once_resets_whatever_was_set(void)
{
    pair both;
    char here = 0;

    if (!pair_open(&both)) return;
    set_option(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 30);
    set_option(both.socket, APM_SOCKET_OPTION_LINGER, 1);
    (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, 0), APM_ERROR_SUCCESS);
    both.socket = NULL;
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_RESET);
    pair_close(&both);
}

static void pending_receive_calls_back_when_lingering_for_no_time(void)
{
    receiving_pair one;
    char here = 0;

    if (!receiving_open(&one)) return;
    set_option(one.both.socket, APM_SOCKET_OPTION_LINGER_TIME, 0);
    set_option(one.both.socket, APM_SOCKET_OPTION_LINGER, 1);
    close_now(one.both.socket);
    one.both.socket = NULL;
    (void)call_ends(&one.made, APM_ERROR_OBJECT_DISPOSED);
    CHECK(peer_read(one.both.other, &here, 1, PATIENCE) == PEER_RESET);
    receiving_close(&one);
}

/* That is for the caller's own close: a disconnect with reuse closes its handle under the gate, where nothing
 * may wait (only the simulated kernel tells), and still loses nothing. */
static void disconnect_with_reuse_does_not_linger(void)
{
    uint64_t start = test_now();
    int32_t value = 0;
    char here[5] = {0};
    pair both;

    if (!pair_open(&both)) return;
    set_option(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 30);
    set_option(both.socket, APM_SOCKET_OPTION_LINGER, 1);
    (void)CHECK_ERROR(send_now(both.socket, "whole", 5, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(disconnect_now(both.socket, true), APM_ERROR_SUCCESS); /* he does not end */
    CHECK(test_now() - start < 25000);
    CHECK(peer_read_all(both.other, here, 5, PATIENCE) && memcmp(here, "whole", 5) == 0);
    CHECK(peer_read(both.other, here, 1, PATIENCE) == PEER_END);
    (void)CHECK_ERROR(apm_socket_get_option(both.socket, APM_SOCKET_OPTION_LINGER, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value == 1);
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, SOCKET_LINGER) == 0x1E0001); /* the fresh one's: 30 s */
    pair_close(&both);
}

static const test_case lingering[] = {
    {"lingering_for_no_time_resets", lingering_for_no_time_resets, false},
    {"not_lingering_ends_the_stream", not_lingering_ends_the_stream, false},
    {"lingering_for_some_time_ends_the_stream", lingering_for_some_time_ends_the_stream, false},
    {"peer_has_it_all_when_lingering", peer_has_it_all_when_lingering, false},
    {"close_at_once_resets_whatever_was_set", close_at_once_resets_whatever_was_set, false},
    {"pending_receive_calls_back_when_lingering_for_no_time",
     pending_receive_calls_back_when_lingering_for_no_time, false},
    {"disconnect_with_reuse_does_not_linger", disconnect_with_reuse_does_not_linger, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"lingering", lingering}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
