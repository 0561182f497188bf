/* SPDX-License-Identifier: MIT */
/* A connection that is cut with a receive, sends, a file and a disconnect on their way: by a reset,
 * or since nothing arrives any more. */
#include "stuck.h"

/* ---- the peer resets ------------------------------------------------------------------------------ */

static void reset_ends_a_receive(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    begin_receive(&one);
    (void)hand_do("reset peer");
    check_all_end(&one, APM_ERROR_CONNECTION_RESET);
    check_is_dead(&one);
    stuck_close(&one);
}

static void reset_ends_sends(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    begin_send(&one);
    begin_send(&one);
    (void)hand_do("read peer 100000");
    (void)hand_do("reset peer");
    check_all_cut(&one);
    check_is_dead(&one);
    stuck_close(&one);
}

static void reset_ends_a_file(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    begin_file(&one);
    (void)hand_do("read peer 100000");
    (void)hand_do("reset peer");
    check_all_cut(&one);
    check_is_dead(&one);
    stuck_close(&one);
}

/* It waits for the peer's end of the stream, and takes a reset for that: the socket is as new. */
static void reset_ends_a_disconnect(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    begin_disconnect(&one, true);
    (void)hand_do("reset peer");
    check_all_end(&one, APM_ERROR_SUCCESS);
    stuck_forget(&one);
    if (CHECK_ERROR(connect_now(one.socket, &one.remote), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept peer listener");
        hand_check_alive(one.socket, "peer", 0);
        (void)hand_do("close peer");
    }
    stuck_close(&one);
}

static void reset_ends_everything(void)
{
    static const char *const addresses[] = {ALIVE, "fd79::3:1"};
    size_t i;

    for (i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        stuck one;

        if (!stuck_open(&one, addresses[i])) return;
        begin_all(&one, true);
        (void)hand_do("reset peer");
        check_all_cut(&one);
        check_is_dead(&one);
        stuck_close(&one);
    }
}

/* Somebody on the way, who takes the connection for dead: he answers the next segment, or the
 * question whether there is room again. Nothing comes from the peer that could be received. */
static void reset_by_a_router_ends_everything(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    begin_all(&one, true);
    (void)hand_do("far nft add rule inet filter cut tcp dport %u reject with tcp reset",
                  (unsigned)apm_endpoint_port(&one.remote));
    check_all_cut(&one);
    check_is_dead(&one);
    (void)hand_do("far nft flush chain inet filter cut");
    (void)hand_do("close peer");
    stuck_close(&one);
}

const test_case reset_cases[] = {
    {"a receive", reset_ends_a_receive, false},
    {"sends", reset_ends_sends, false},
    {"a file", reset_ends_a_file, false},
    {"a disconnect with reuse, and the socket connects again", reset_ends_a_disconnect, false},
    {"receives, sends, a file and a disconnect", reset_ends_everything, false},
    {"the same by somebody on the way", reset_by_a_router_ends_everything, false},
    {NULL, NULL, false}};

/* ---- the way becomes a black hole -------------------------------------------------------------------- */

static void fall_silent(const stuck *one)
{
    (void)hand_do("far nft add rule inet filter cut tcp dport %u drop",
                  (unsigned)apm_endpoint_port(&one->remote));
}

static void speak_again(void)
{
    (void)hand_do("far nft flush chain inet filter cut");
}

/* The peer, whose end of it all is not looked at, may hear of the end again. */
static void leave_silence(stuck *one)
{
    speak_again();
    (void)hand_do("close peer");
    stuck_close(one);
}

static void kernel_gives_up(void)
{
    stuck one;

    set_retries(3);
    if (stuck_open(&one, ALIVE)) {
        fall_silent(&one);
        begin_all(&one, true);
        check_all_cut(&one);
        CHECK(one.calls[0].error == APM_ERROR_TIMED_OUT);
        check_is_dead(&one);
        leave_silence(&one);
    }
    set_retries(15);
}

static void cancel_ends_each(void)
{
    stuck one;
    size_t i;

    if (!stuck_open(&one, ALIVE)) return;
    fall_silent(&one);
    begin_all(&one, false);
    for (i = 0; i < one.count; i++)
        (void)CHECK_ERROR(apm_async_result_cancel(one.calls[i].result), APM_ERROR_SUCCESS);
    check_all_end(&one, APM_ERROR_OPERATION_ABORTED);
    leave_silence(&one);
}

static void time_ends_each(void)
{
    stuck one;
    size_t i;

    if (!stuck_open(&one, ALIVE)) return;
    fall_silent(&one);
    begin_all(&one, false);
    for (i = 0; i < one.count; i++)
        (void)CHECK_ERROR(apm_async_result_cancel_after(one.calls[i].result, 100), APM_ERROR_SUCCESS);
    check_all_end(&one, APM_ERROR_TIMED_OUT);
    leave_silence(&one);
}

static void close_ends_each(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    fall_silent(&one);
    begin_all(&one, true);
    close_now(one.socket);
    one.socket = NULL;
    check_all_end(&one, APM_ERROR_OBJECT_DISPOSED);
    leave_silence(&one);
}

static void close_with_a_time_limit_aborts(void)
{
    apm_socket *socket;
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    fall_silent(&one);
    (void)CHECK_ERROR(send_now(one.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
    socket = one.socket;
    one.socket = NULL;
    (void)CHECK_ERROR(apm_socket_close_timeout(socket, 300), APM_ERROR_SUCCESS);
    leave_silence(&one);
}

/* It waits for two seconds at most, and the socket can be used again. */
static void disconnect_loses_patience(void)
{
    apm_endpoint other;
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    fall_silent(&one);
    begin_disconnect(&one, true);
    check_all_end(&one, APM_ERROR_SUCCESS);
    stuck_forget(&one);
    other = hand_listen("other", ALIVE, 0);
    if (CHECK_ERROR(connect_now(one.socket, &other), APM_ERROR_SUCCESS)) {
        (void)hand_do("accept friend other");
        hand_check_alive(one.socket, "friend", 0);
        (void)hand_do("close friend");
    }
    (void)hand_do("close other");
    leave_silence(&one);
}

static void moment_harms_nobody(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    fall_silent(&one);
    begin_send(&one);
    speak_again();
    check_arrives(&one);
    stuck_close(&one);
}

const test_case silence_cases[] = {
    {"the kernel gives up: each operation ends, the receives as TimedOut", kernel_gives_up, false},
    {"cancel ends each at once", cancel_ends_each, false},
    {"cancel_after ends each in time", time_ends_each, false},
    {"close ends each at once", close_ends_each, false},
    {"a close with a time limit ends", close_with_a_time_limit_aborts, false},
    {"a disconnect with reuse loses its patience, and the socket connects again", disconnect_loses_patience,
     false},
    {"a moment of it harms nobody", moment_harms_nobody, false},
    {NULL, NULL, false}};
