/* SPDX-License-Identifier: MIT */
/* Scenes of a connection: who comes first of those who transfer, cancel, close and disconnect. */
#include "../support/disconnect_now.h"
#include "scene.h"

/* ---- the last reference ------------------------------------------------------------------------- */

/* When the one that was cancelled has called back. */
static void close_then(void *argument)
{
    uint32_t turns = 0;

    /* Now and then time has to go on. */
    while (atomic_load(&called_back) == 0)
        if (++turns % 100 == 0)
            sim_sleep(1);
        else
            sim_interleave();
    (void)apm_socket_close((apm_socket *)argument);
}

/* The cancel sweeps the other receives out of the kernel, and while they are put back the socket
 * is closed by the only one who has it. */
static void socket_goes_while_its_receives_are_put_back(void)
{
    apm_async_result *result = NULL;
    sim_thread *thread;
    connection one;
    char here[3];
    int i;

    open_connection(&one);
    for (i = 0; i < 3; i++)
        CU_ASSERT(apm_socket_begin_receive(one.socket, &here[i], 1, 0, count_callback, NULL,
                                           i == 1 ? &result : NULL) == APM_ERROR_SUCCESS);
    thread = sim_thread_start("closer", close_then, one.socket);
    (void)apm_async_result_cancel(result);
    apm_async_result_release(result); /* from here on only the operations hold the socket */
    sim_thread_join(thread);
    wait_for(&called_back, 3);
    CU_ASSERT(atomic_load(&called_back) == 3);
    one.socket = NULL;
    close_connection(&one);
}

/* Of 64 buffers in a call, each call one byte longer than a piece. */
enum { PIECE = 64, PIECES = 24, LIST = PIECE * PIECES };

/* A send goes on in its lane, piece by piece, and is what holds the socket when that is closed in between: it may
 * be over, by another worker, before the one who has put it back leaves the lane. */
static void socket_goes_while_its_send_is_put_back(void)
{
    apm_buffer list[LIST];
    connection one;
    char byte = 0;
    int i;

    open_connection(&one);
    for (i = 0; i < LIST; i++) {
        list[i].data = &byte;
        list[i].size = 1;
    }
    CU_ASSERT(apm_socket_begin_send_buffers(one.socket, list, LIST, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    let_others_go_on(300);
    (void)apm_socket_close(one.socket);
    one.socket = NULL;
    wait_for(&called_back, 1);
    close_connection(&one);
}

/* ---- the lane ---------------------------------------------------------------------------------------- */

/* A cancel makes later receives wait for their turn. When it is over they do not any more, and
 * complete inside Begin where the bytes are there. */
static void lane_is_open_again_after_a_cancel(void)
{
    apm_async_result *result = NULL;
    connection one;
    char here;

    if (!sim_profile_now()->ifs_handles) return; /* there everything goes through the port */
    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, &result) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_async_result_cancel(result) == APM_ERROR_SUCCESS);
    wait_for(&called_back, 1);
    apm_async_result_release(result);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, NULL, NULL, &result) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_async_result_completed_synchronously(result));
    apm_async_result_release(result);
    close_connection(&one);
}

/* ---- receives in a row ----------------------------------------------------------------------------- */

enum { ROUNDS = 8, EACH = 3, RECEIVES = ROUNDS * EACH };

typedef struct receiving {
    apm_socket *socket;
    apm_error error;
    size_t bytes;
    unsigned char here;
    bool cancelled;
} receiving;

static void APM_CALL note_receive(apm_async_result *result)
{
    receiving *on = (receiving *)apm_async_result_state(result);

    on->error = apm_socket_end_receive(on->socket, result, &on->bytes);
    atomic_fetch_add(&called_back, 1);
}

/* Of each three the second one is cancelled, when all three have begun. */
static void begin_three(receiving *three, apm_socket *socket)
{
    apm_async_result *result = NULL;
    int i;

    for (i = 0; i < EACH; i++) {
        three[i].socket = socket;
        three[i].cancelled = i == 1;
        CU_ASSERT(apm_socket_begin_receive(socket, &three[i].here, 1, 0, note_receive, &three[i],
                                           i == 1 ? &result : NULL) == APM_ERROR_SUCCESS);
    }
    CU_ASSERT(apm_async_result_cancel(result) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
}

/* One cancel after the other, each while what the one before has swept out of the kernel is on its way back. Those
 * that nobody cancels are not aborted, and get the bytes in the order in which they began. */
static void receives_that_nobody_cancels_keep_their_order(void)
{
    receiving all[RECEIVES];
    unsigned char bytes[RECEIVES], next = 0;
    connection one;
    int i;

    open_connection(&one);
    for (i = 0; i < RECEIVES; i += EACH) begin_three(&all[i], one.socket);
    for (i = 0; i < RECEIVES; i++) bytes[i] = (unsigned char)i;
    CU_ASSERT(sim_peer_write(one.peer, bytes, RECEIVES, 60000) == RECEIVES);
    wait_for(&called_back, RECEIVES);
    for (i = 0; i < RECEIVES; i++) {
        if (all[i].cancelled && all[i].error == APM_ERROR_OPERATION_ABORTED) continue;
        CU_ASSERT(all[i].error == APM_ERROR_SUCCESS && all[i].bytes == 1 && all[i].here == next);
        next++;
    }
    close_connection(&one);
}

/* ---- a receive in pieces ------------------------------------------------------------------------------- */

enum { BUFFERS = 100 }; /* more than a kernel call takes */

/* Between two of its calls a cancel or the end of the connection finds a receive that has got something:
 * that is what it was for. The rest is for the next one. */
static void receive_in_pieces_keeps_what_it_has(bool resets)
{
    apm_buffer buffers[BUFFERS];
    char here[BUFFERS], there[BUFFERS] = {0};
    apm_async_result *result = NULL;
    size_t got = 0;
    apm_error error;
    sim_thread *thread;
    connection one;

    point_at_each(buffers, here, BUFFERS);
    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive_buffers(one.socket, buffers, BUFFERS, 0, NULL, NULL, &result) ==
              APM_ERROR_SUCCESS);
    thread = resets ? NULL : sim_thread_start("canceller", cancel_it, result);
    CU_ASSERT(sim_peer_write(one.peer, there, BUFFERS, 60000) == BUFFERS);
    if (resets) sim_peer_reset(one.peer);
    error = apm_socket_end_receive(one.socket, result, &got);
    CU_ASSERT(got != 0 ? error == APM_ERROR_SUCCESS : error != APM_ERROR_SUCCESS);
    if (thread != NULL) sim_thread_join(thread);
    apm_async_result_release(result);
    if (resets) {
        do error = apm_socket_receive(one.socket, here, sizeof here, 0, &got);
        while (error == APM_ERROR_SUCCESS && got != 0);
        CU_ASSERT(error == APM_ERROR_CONNECTION_RESET || !sim_profile_now()->windows);
        one.peer = NULL;
    }
    close_connection(&one);
}

static void receive_in_pieces_that_is_cancelled_keeps_what_it_has(void)
{
    receive_in_pieces_keeps_what_it_has(false);
}

static void receive_in_pieces_that_is_reset_keeps_what_it_has(void)
{
    receive_in_pieces_keeps_what_it_has(true);
}

/* ---- a success with a word to it --------------------------------------------------------------------- */

static void write_later(void *argument)
{
    sim_sleep(1);
    CU_ASSERT(sim_peer_write((sim_peer *)argument, "x", 1, 60000) == 1);
}

/* The packet's status is not 0, and no error. */
static void urgent_data_is_received_as_any_other(void)
{
    apm_async_result *result = NULL;
    sim_thread *thread;
    connection one;
    size_t got = 0;
    char here = 0;

    open_connection(&one);
    thread = sim_thread_start("writer", write_later, one.peer);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, APM_FLAG_OUT_OF_BAND, NULL, NULL, &result) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_end_receive(one.socket, result, &got) == APM_ERROR_SUCCESS);
    CU_ASSERT(got == 1 && here == 'x');
    CU_ASSERT(apm_socket_connected(one.socket));
    apm_async_result_release(result);
    sim_thread_join(thread);
    close_connection(&one);
}

/* ---- a connection and the next one ---------------------------------------------------------------- */

/* The packet of a receive that the reset has ended may be looked at when the socket is connected again. */
static void reset_of_a_connection_is_nothing_to_the_next_one(void)
{
    connection one;
    size_t got = 0;
    char here, there = 0;

    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    sim_peer_reset(one.peer);
    CU_ASSERT(disconnect_now(one.socket, true) == APM_ERROR_SUCCESS);
    connect_again(&one);
    wait_for(&called_back, 1);
    CU_ASSERT(apm_socket_connected(one.socket));
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    CU_ASSERT(apm_socket_receive(one.socket, &there, 1, 0, &got) == APM_ERROR_SUCCESS);
    CU_ASSERT(got == 1 && there == 'x');
    close_connection(&one);
}

static void end_with_nothing(apm_async_result *result, apm_error error)
{
    size_t bytes = 0;

    CU_ASSERT(apm_socket_end_receive((apm_socket *)apm_async_result_state(result), result, &bytes) == error);
    CU_ASSERT(bytes == 0);
    atomic_fetch_add(&called_back, 1);
}

static void APM_CALL expect_reset(apm_async_result *result)
{
    end_with_nothing(result, APM_ERROR_CONNECTION_RESET);
}

/* Of two receives, of which the second one waits for its turn, each is told, also by a kernel that tells only one. */
static void reset_is_told_to_what_waits_for_its_turn(void)
{
    static char first, here[BUFFERS];
    apm_buffer buffers[BUFFERS];
    connection one;

    point_at_each(buffers, here, BUFFERS);
    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &first, 1, 0, expect_reset, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive_buffers(one.socket, buffers, BUFFERS, 0, expect_reset, one.socket,
                                               NULL) == APM_ERROR_SUCCESS);
    sim_peer_reset(one.peer);
    one.peer = NULL;
    wait_for(&called_back, 2);
    close_connection(&one);
}

static _Atomic uint32_t worker_is_kept, worker_may_go;

static void APM_CALL keep_the_worker(apm_async_result *result)
{
    atomic_store(&worker_is_kept, 1);
    wait_for(&worker_may_go, 1);
    count_callback(result);
}

/* The second one goes to the kernel when that has told the first one, and nobody has looked: some kernels say then
 * that the stream has ended. */
static void end_that_comes_behind_a_reset_is_none(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 1, .packet_always = true};
    connection one, other;
    char bytes[3];

    start_anew(&options);
    atomic_store(&worker_is_kept, 0);
    atomic_store(&worker_may_go, 0);
    open_connection(&other);
    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &bytes[0], 1, 0, expect_reset, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(other.socket, &bytes[1], 1, 0, keep_the_worker, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(other.peer, "x", 1, 60000) == 1);
    wait_for(&worker_is_kept, 1);
    sim_peer_reset(one.peer);
    one.peer = NULL;
    sim_sleep(100); /* the kernel's own delays */
    if (apm_socket_begin_receive(one.socket, &bytes[2], 1, 0, expect_reset, one.socket, NULL) !=
        APM_ERROR_SUCCESS)
        count_callback(NULL); /* this kernel says it again, and so at once */
    atomic_store(&worker_may_go, 1);
    wait_for(&called_back, 3);
    close_connection(&one);
    close_connection(&other);
}

/* It is aborted before the peer knows of the disconnect, and there was nothing to receive until then. */
static void APM_CALL expect_no_success(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);
    size_t bytes = 0;
    apm_error error = apm_socket_end_receive(socket, result, &bytes);

    /* The socket may be closed by now. */
    CU_ASSERT(error == APM_ERROR_OPERATION_ABORTED || error == APM_ERROR_OBJECT_DISPOSED ||
              (error == APM_ERROR_SUCCESS && sim_profile_now()->late_cancel != 0));
}

static void receive_until_it_is_over(void *argument)
{
    apm_socket *socket = (apm_socket *)argument;
    static char here;
    apm_error error;

    do error = apm_socket_begin_receive(socket, &here, 1, 0, expect_no_success, socket, NULL);
    while (error == APM_ERROR_SUCCESS);
    CU_ASSERT(error == APM_ERROR_NOT_CONNECTED);
}

/* Who is about to begin when the connection is taken apart begins nothing on what is left of it: that would get
 * what the peer says to our end, or still be in the kernel when its handle is closed. */
static void receive_is_begun_before_a_disconnect_or_not_at_all(void)
{
    enum { RECEIVERS = 3 };
    sim_thread *receivers[RECEIVERS], *peer;
    connection one;
    int i;

    open_connection(&one);
    peer = sim_thread_start("peer", answer_the_end, one.peer);
    for (i = 0; i < RECEIVERS; i++)
        receivers[i] = sim_thread_start("receiver", receive_until_it_is_over, one.socket);
    sim_interleave();
    CU_ASSERT(disconnect_now(one.socket, true) == APM_ERROR_SUCCESS);
    for (i = 0; i < RECEIVERS; i++) sim_thread_join(receivers[i]);
    sim_thread_join(peer);
    close_connection(&one);
}

static void APM_CALL expect_abort(apm_async_result *result)
{
    end_with_nothing(result, APM_ERROR_OPERATION_ABORTED);
}

/* The one that it waits for is aborted before the peer knows, and that is no reason for it to begin. */
static void receive_that_waits_for_its_turn_is_aborted_by_a_disconnect(void)
{
    static char first, here[BUFFERS];
    apm_buffer buffers[BUFFERS];
    sim_thread *peer;
    connection one;

    point_at_each(buffers, here, BUFFERS);
    open_connection(&one);
    peer = sim_thread_start("peer", answer_the_end, one.peer);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &first, 1, 0, expect_no_success, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive_buffers(one.socket, buffers, BUFFERS, 0, expect_abort, one.socket,
                                               NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(disconnect_now(one.socket, true) == APM_ERROR_SUCCESS);
    wait_for(&called_back, 1);
    sim_thread_join(peer);
    close_connection(&one);
}

/* ---- a deadline ---------------------------------------------------------------------------------- */

static void write_a_byte(void *argument)
{
    connection *one = (connection *)argument;

    CU_ASSERT(sim_peer_write(one->peer, "x", 1, 60000) == 1);
}

/* What is over has no deadline any more, whoever was first: an armed one would keep the operation. */
static void deadline_of_what_completes_meanwhile_is_not_kept(void)
{
    apm_async_result *result = NULL;
    sim_thread *thread;
    connection one;
    char here;

    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, &result) ==
              APM_ERROR_SUCCESS);
    thread = sim_thread_start("writer", write_a_byte, &one);
    CU_ASSERT(apm_async_result_cancel_after(result, 1000000) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    wait_for(&called_back, 1);
    sim_thread_join(thread);
    close_connection(&one);
}

/* ---- the first transfer ---------------------------------------------------------------------------------- */

static void send_first(void *argument)
{
    connection *one = (connection *)argument;

    CU_ASSERT(apm_socket_begin_send(one->socket, "x", 1, 0, count_callback, NULL, NULL) == APM_ERROR_SUCCESS);
}

enum { SENDERS = 4 };

/* With its first transfer a connection asks the kernel for what makes a packet come or not. If another one is
 * in a call then, the simulated kernel fails. */
static void several_transfers_are_the_first_one(void)
{
    sim_thread *threads[SENDERS];
    connection one;
    int i;

    open_connection(&one);
    for (i = 0; i < SENDERS; i++) threads[i] = sim_thread_start("sender", send_first, &one);
    for (i = 0; i < SENDERS; i++) sim_thread_join(threads[i]);
    wait_for(&called_back, SENDERS);
    close_connection(&one);
}

/* ---- what few operations need --------------------------------------------------------------------------- */

enum { ASKERS = 4 };

typedef struct asking {
    apm_async_result *result;
    void *event;
    bool by_a_limit;
} asking;

static void ask_for_more(void *argument)
{
    asking *asks = (asking *)argument;

    if (!asks->by_a_limit) asks->event = apm_async_result_wait_handle(asks->result);
    if (asks->by_a_limit) CU_ASSERT(apm_async_result_cancel_after(asks->result, 60000) == APM_ERROR_SUCCESS);
}

/* Each may be the first that needs more of the operation than it has. There is one event for all, and the limit is of
 * the operation that has it. */
static void several_need_more_of_one_operation(void)
{
    sim_thread *threads[ASKERS];
    asking asks[ASKERS];
    apm_async_result *result = NULL;
    connection one;
    char here;
    int i;

    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, &result) ==
              APM_ERROR_SUCCESS);
    for (i = 0; i < ASKERS; i++) {
        asks[i].result = result;
        asks[i].event = NULL;
        asks[i].by_a_limit = i % 2 == 0;
        threads[i] = sim_thread_start("asker", ask_for_more, &asks[i]);
    }
    for (i = 0; i < ASKERS; i++) sim_thread_join(threads[i]);
    CU_ASSERT(asks[1].event != NULL && asks[1].event == asks[3].event);
    CU_ASSERT(asks[1].event == apm_async_result_wait_handle(result));
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    CU_ASSERT(apm_manual_reset_event_wait_one((apm_manual_reset_event *)asks[1].event, 60000) ==
              APM_ERROR_SUCCESS);
    wait_for(&called_back, 1);
    CU_ASSERT(apm_socket_end_receive(one.socket, result, NULL) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    close_connection(&one);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"socket_goes_while_its_receives_are_put_back", socket_goes_while_its_receives_are_put_back},
    {"socket_goes_while_its_send_is_put_back", socket_goes_while_its_send_is_put_back},
    {"lane_is_open_again_after_a_cancel", lane_is_open_again_after_a_cancel},
    {"receives_that_nobody_cancels_keep_their_order", receives_that_nobody_cancels_keep_their_order},
    {"deadline_of_what_completes_meanwhile_is_not_kept", deadline_of_what_completes_meanwhile_is_not_kept},
    {"receive_in_pieces_that_is_cancelled_keeps_what_it_has",
     receive_in_pieces_that_is_cancelled_keeps_what_it_has},
    {"receive_in_pieces_that_is_reset_keeps_what_it_has", receive_in_pieces_that_is_reset_keeps_what_it_has},
    {"urgent_data_is_received_as_any_other", urgent_data_is_received_as_any_other},
    {"reset_is_told_to_what_waits_for_its_turn", reset_is_told_to_what_waits_for_its_turn},
    {"end_that_comes_behind_a_reset_is_none", end_that_comes_behind_a_reset_is_none},
    {"reset_of_a_connection_is_nothing_to_the_next_one", reset_of_a_connection_is_nothing_to_the_next_one},
    {"receive_is_begun_before_a_disconnect_or_not_at_all",
     receive_is_begun_before_a_disconnect_or_not_at_all},
    {"receive_that_waits_for_its_turn_is_aborted_by_a_disconnect",
     receive_that_waits_for_its_turn_is_aborted_by_a_disconnect},
    {"several_transfers_are_the_first_one", several_transfers_are_the_first_one},
    {"several_need_more_of_one_operation", several_need_more_of_one_operation},
};

int main(void)
{
    return play_scenes("interleaving", scenes, sizeof scenes / sizeof *scenes);
}
