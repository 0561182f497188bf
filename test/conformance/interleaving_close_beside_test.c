/* SPDX-License-Identifier: MIT */
/* Scenes of a close by a time and of what is beside it: an abort that was asked for just before, whoever asks for
 * something else, the end of the library. */
#include "hearer.h"

enum { MINUTE = 60000 /* ms */, ROUNDS = 4 };

/* ---- an abort that was asked for before ------------------------------------------------------------------- */

/* What is begun, in this order; the last one is cancelled. */
typedef enum what {
    A_SEND,
    A_LIST,           /* goes in pieces */
    A_SEND_AND_A_LIST /* which waits for its turn */
} what;

typedef struct cancelling {
    connection one;
    hearer hears;
    apm_async_result *last;
    uint32_t begun;
    int64_t whole;
} cancelling;

static void begin_send(cancelling *all, bool is_last)
{
    CU_ASSERT(apm_socket_begin_send(all->one.socket, much, MUCH, 0, count_callback, NULL,
                                    is_last ? &all->last : NULL) == APM_ERROR_SUCCESS);
    all->begun++;
    all->whole += MUCH;
}

static void begin_list(cancelling *all)
{
    apm_buffer buffers[MUCH_PARTS];

    point_at_much(buffers);
    CU_ASSERT(apm_socket_begin_send_buffers(all->one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL,
                                            &all->last) == APM_ERROR_SUCCESS);
    all->begun++;
    all->whole += MUCH;
}

/* How many turns the worker has who takes what was aborted. */
static uint32_t draw_turns(void)
{
    static const uint32_t most[] = {1, 8, 30, 100};

    return most[sim_draw(4)];
}

/* The close comes when a worker is anywhere between the packet of what was aborted and its end. Where the caller could
 * not see that it has failed, the peer gets no good end of a part. */
static void cancel_right_before(what begins, bool beside)
{
    cancelling all;
    sim_thread *peer, *canceller;
    bool could_be_seen;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        all.begun = 0;
        all.whole = 0;
        all.last = NULL;
        canceller = NULL;
        atomic_store(&called_back, 0);
        open_connection(&all.one);
        all.hears.peer = all.one.peer;
        if (begins != A_LIST) begin_send(&all, begins == A_SEND);
        if (begins != A_SEND) begin_list(&all);
        peer = sim_thread_start("peer", hear_late, &all.hears);
        if (beside)
            canceller = sim_thread_start("canceller", cancel_it, all.last);
        else
            cancel_it(all.last);
        let_others_go_on(draw_turns());
        could_be_seen = apm_async_result_is_completed(all.last);
        CU_ASSERT(apm_socket_close_timeout(all.one.socket, MINUTE) == APM_ERROR_SUCCESS);
        all.one.socket = NULL;
        if (canceller != NULL) sim_thread_join(canceller);
        sim_thread_join(peer);
        wait_for(&called_back, all.begun);
        if (!could_be_seen) check_heard(&all.hears, all.whole);
        apm_async_result_release(all.last);
        close_connection(&all.one);
    }
}

static void send_that_was_cancelled_has_no_good_end(void)
{
    cancel_right_before(A_SEND, false);
    cancel_right_before(A_SEND, true);
}

static void list_that_was_cancelled_has_no_good_end(void)
{
    cancel_right_before(A_LIST, false);
    cancel_right_before(A_LIST, true);
}

static void list_that_was_cancelled_before_its_turn_has_no_good_end(void)
{
    cancel_right_before(A_SEND_AND_A_LIST, false);
    cancel_right_before(A_SEND_AND_A_LIST, true);
}

/* ---- whoever asks for something else ------------------------------------------------------------------------- */

typedef struct asking {
    apm_socket *socket;
    apm_async_result *received; /* is complete, and has not been ended */
} asking;

static void expect_disposed(apm_error error)
{
    CU_ASSERT(error == APM_ERROR_OBJECT_DISPOSED);
}

/* While the close waits, for the peer to read and then for it to end its stream. */
static void ask_for_everything(void *argument)
{
    const asking *asks = (const asking *)argument;
    apm_socket *socket = asks->socket;
    apm_buffer buffers[MUCH_PARTS];
    apm_endpoint where = {0};
    uint8_t raw[4] = {0};
    size_t size = sizeof raw, bytes = 0;
    int32_t value = 0;
    bool ready = false;
    char here = 0;

    point_at_much(buffers);
    CU_ASSERT(!apm_socket_connected(socket));
    expect_disposed(apm_socket_begin_send(socket, much, 1, 0, NULL, NULL, NULL));
    expect_disposed(apm_socket_begin_send_buffers(socket, buffers, MUCH_PARTS, 0, NULL, NULL, NULL));
    expect_disposed(apm_socket_begin_receive(socket, &here, 1, 0, NULL, NULL, NULL));
    expect_disposed(apm_socket_begin_disconnect(socket, false, NULL, NULL, NULL));
    expect_disposed(apm_socket_send(socket, much, 1, 0, NULL));
    expect_disposed(apm_socket_receive(socket, &here, 1, 0, NULL));
    expect_disposed(apm_socket_end_receive(socket, asks->received, &bytes));
    expect_disposed(apm_socket_shutdown(socket, APM_SHUTDOWN_SEND));
    expect_disposed(apm_socket_poll(socket, 0, APM_POLL_WRITE, &ready));
    expect_disposed(apm_socket_available(socket, &bytes));
    expect_disposed(apm_socket_set_option(socket, APM_SOCKET_OPTION_NO_DELAY, 1));
    expect_disposed(apm_socket_get_option(socket, APM_SOCKET_OPTION_NO_DELAY, &value));
    expect_disposed(apm_socket_set_raw_option(socket, 0xFFFF, 8, raw, sizeof raw));
    expect_disposed(apm_socket_get_raw_option(socket, 0xFFFF, 8, raw, &size));
    expect_disposed(apm_socket_local_endpoint(socket, &where));
    expect_disposed(apm_socket_remote_endpoint(socket, &where));
    expect_disposed(apm_socket_bind(socket, &where));
    CU_ASSERT(apm_socket_close(socket) == APM_ERROR_SUCCESS);
}

/* First it does not read, and then it does not end its stream. */
static void hear_late_and_end_later(void *argument)
{
    hearer *hears = (hearer *)argument;
    static char here[65536];

    sim_sleep(100);
    hears->received = 0;
    while ((hears->ended = sim_peer_read(hears->peer, here, sizeof here, 600000)) > 0)
        hears->received += hears->ended;
    sim_sleep(200);
    sim_peer_end(hears->peer);
}

static void ask_again_and_again(void *argument)
{
    int i;

    for (i = 0; i < 5; i++) {
        sim_sleep(50); /* it waits, and later than the 100 ms for which nobody reads it has nothing to send */
        ask_for_everything(argument);
    }
}

/* It is what it will be when the close is over: nothing can be asked of it any more. What was begun before goes on. */
static void socket_is_closed_for_others_from_the_start(void)
{
    asking asks = {NULL, NULL};
    apm_buffer buffers[MUCH_PARTS];
    sim_thread *peer, *asker;
    connection one;
    hearer hears;
    char here;

    open_connection(&one);
    asks.socket = one.socket;
    apm_socket_retain(one.socket);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, NULL, NULL, &asks.received) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    CU_ASSERT(apm_async_result_wait(asks.received, APM_INFINITE) == APM_ERROR_SUCCESS);
    point_at_much(buffers);
    CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    hears.peer = one.peer;
    peer = sim_thread_start("peer", hear_late_and_end_later, &hears);
    asker = sim_thread_start("asker", ask_again_and_again, &asks);
    CU_ASSERT(apm_socket_close_timeout(one.socket, MINUTE) == APM_ERROR_SUCCESS);
    sim_thread_join(asker);
    sim_thread_join(peer);
    wait_for(&called_back, 1);
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    apm_async_result_release(asks.received);
    apm_socket_release(one.socket);
    one.socket = NULL;
    close_connection(&one);
}

/* ---- the end of the library --------------------------------------------------------------------------------- */

static void close_by_a_minute(void *argument)
{
    CU_ASSERT(apm_socket_close_timeout((apm_socket *)argument, MINUTE) == APM_ERROR_SUCCESS);
}

/* All that there was is sent, and the peer says nothing: it does not wait for that, and what is given up is reset. */
static void end_of_the_library_waits_for_no_peer(void)
{
    apm_options options = {.size = sizeof options};
    sim_thread *closer;
    connection one;
    uint64_t begun;
    char here[16];

    open_connection(&one);
    CU_ASSERT(apm_socket_send(one.socket, much, sizeof here, 0, NULL) == APM_ERROR_SUCCESS);
    closer = sim_thread_start("closer", close_by_a_minute, one.socket);
    one.socket = NULL;
    sim_sleep(300);
    begun = sim_now();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_now() - begun < 500);
    sim_thread_join(closer);
    CU_ASSERT(sim_now() - begun < 500);
    CU_ASSERT(sim_peer_read(one.peer, here, sizeof here, 0) == SIM_RESET);
    close_connection(&one);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"send_that_was_cancelled_has_no_good_end", send_that_was_cancelled_has_no_good_end},
    {"list_that_was_cancelled_has_no_good_end", list_that_was_cancelled_has_no_good_end},
    {"list_that_was_cancelled_before_its_turn_has_no_good_end",
     list_that_was_cancelled_before_its_turn_has_no_good_end},
    {"socket_is_closed_for_others_from_the_start", socket_is_closed_for_others_from_the_start},
    {"end_of_the_library_waits_for_no_peer", end_of_the_library_waits_for_no_peer},
};

int main(void)
{
    return play_scenes("interleaving_close_beside", scenes, sizeof scenes / sizeof scenes[0]);
}
