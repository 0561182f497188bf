/* SPDX-License-Identifier: MIT */
/*
 * Short scenes whose outcome depends on who comes first, on the seeded scheduler: each in some
 * hundred interleavings, on Windows and on the hostile kernel. A thread that waits for ever, and
 * memory that is touched too late, end the process.
 */
#include <apmsock/apmsock.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../support/plain_suite.h"
#include "kernel.h"
#include "sim.h"

enum { SEEDS = 300, MANY = 6 };

static const char *const kernels[] = {"windows", "hostile", "wine"};
/* Every other seed switches so much more rarely: then a thread that has to wait for its turn waits for long,
 * while others come far. */
enum { RARELY = 6 };

static const char *const kernels[] = {"windows", "hostile"};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* ---- a connection ------------------------------------------------------------------------------ */

typedef struct connection {
    sim_listener *listener;
    sim_peer *peer;
    apm_socket *socket;
} connection;

static void open_connection(connection *one)
{
    apm_endpoint remote = {0};

    one->listener = sim_listen(APM_FAMILY_IPV4, 4);
    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(one->listener), remote.address);
    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &one->socket) ==
                    APM_ERROR_SUCCESS);
    CU_ASSERT_FATAL(apm_socket_connect(one->socket, &remote) == APM_ERROR_SUCCESS);
    one->peer = sim_accept(one->listener, 60000);
    CU_ASSERT_FATAL(one->peer != NULL);
}

static void close_connection(connection *one)
{
    if (one->socket != NULL) (void)apm_socket_close(one->socket);
    if (one->peer != NULL) sim_peer_close(one->peer);
    sim_listener_close(one->listener);
}

static void wait_for(_Atomic uint32_t *value, uint32_t wanted)
{
    while (atomic_load(value) < wanted) sim_sleep(1);
}

/* ---- the last reference ------------------------------------------------------------------------- */

static _Atomic uint32_t called_back;

static void APM_CALL count_callback(apm_async_result *result)
{
    (void)result;
    atomic_fetch_add(&called_back, 1);
}

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

    atomic_store(&called_back, 0);
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
    uint32_t turns;
    char byte = 0;
    int i;

    atomic_store(&called_back, 0);
    open_connection(&one);
    for (i = 0; i < LIST; i++) {
        list[i].data = &byte;
        list[i].size = 1;
    }
    CU_ASSERT(apm_socket_begin_send_buffers(one.socket, list, LIST, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    for (turns = sim_draw(300); turns != 0; turns--) sim_interleave();
    (void)apm_socket_close(one.socket);
    one.socket = NULL;
    wait_for(&called_back, 1);
    close_connection(&one);
}

/* ---- taken together -------------------------------------------------------------------------------- */

typedef struct gathering {
    apm_manual_reset_event *all_here;
    _Atomic uint32_t here, over;
} gathering;

static void APM_CALL wait_for_the_others(apm_async_result *result)
{
    gathering *all = (gathering *)apm_async_result_state(result);

    if (atomic_fetch_add(&all->here, 1) + 1 == MANY)
        (void)apm_manual_reset_event_set(all->all_here);
    else
        (void)apm_manual_reset_event_wait_one(all->all_here, APM_INFINITE);
    atomic_fetch_add(&all->over, 1);
}

static void APM_CALL pass_by(apm_async_result *result)
{
    gathering *all = (gathering *)apm_async_result_state(result);

    atomic_fetch_add(&all->over, 1);
}

static void gather(connection *many, gathering *all, apm_async_callback callback)
{
    char here[MANY];
    int i;

    atomic_store(&all->over, 0);
    for (i = 0; i < MANY; i++)
        CU_ASSERT(apm_socket_begin_receive(many[i].socket, &here[i], 1, 0, callback, all, NULL) ==
                  APM_ERROR_SUCCESS);
    for (i = 0; i < MANY; i++) CU_ASSERT(sim_peer_write(many[i].peer, "x", 1, 60000) == 1);
    wait_for(&all->over, MANY);
}

/* One worker may take the packets of all, but each callback waits for all: whatever a worker holds
 * has to get to others. Also where those who watch over it are just about to go, as they do some
 * 10 ms after the last time. */
static void callbacks_that_wait_for_each_other_all_run(void)
{
    connection many[MANY];
    gathering all = {NULL, 0, 0};
    int i;

    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &all.all_here) == APM_ERROR_SUCCESS);
    for (i = 0; i < MANY; i++) open_connection(&many[i]);
    gather(many, &all, pass_by);
    sim_sleep(5 + sim_draw(8));
    gather(many, &all, wait_for_the_others);
    for (i = 0; i < MANY; i++) close_connection(&many[i]);
    apm_manual_reset_event_close(all.all_here);
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
    atomic_store(&called_back, 0);
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

/* ---- a receive in pieces ------------------------------------------------------------------------------- */

enum { BUFFERS = 100 }; /* more than a kernel call takes */

static void cancel_it(void *argument)
{
    CU_ASSERT(apm_async_result_cancel((apm_async_result *)argument) == APM_ERROR_SUCCESS);
}

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
    int i;

    for (i = 0; i < BUFFERS; i++) {
        buffers[i].data = &here[i];
        buffers[i].size = 1;
    }
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

static void connect_again(connection *one)
{
    apm_endpoint remote = {0};

    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(one->listener), remote.address);
    CU_ASSERT_FATAL(apm_socket_connect(one->socket, &remote) == APM_ERROR_SUCCESS);
    one->peer = sim_accept(one->listener, 60000);
    CU_ASSERT_FATAL(one->peer != NULL);
}

static apm_error disconnect_to_reuse(apm_socket *socket)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_disconnect(socket, true, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_disconnect(socket, result);
    apm_async_result_release(result);
    return error;
}

/* The packet of a receive that the reset has ended may be looked at when the socket is connected again. */
static void reset_of_a_connection_is_nothing_to_the_next_one(void)
{
    connection one;
    size_t got = 0;
    char here, there = 0;

    atomic_store(&called_back, 0);
    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    sim_peer_reset(one.peer);
    CU_ASSERT(disconnect_to_reuse(one.socket) == APM_ERROR_SUCCESS);
    connect_again(&one);
    wait_for(&called_back, 1);
    CU_ASSERT(apm_socket_connected(one.socket));
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    CU_ASSERT(apm_socket_receive(one.socket, &there, 1, 0, &got) == APM_ERROR_SUCCESS);
    CU_ASSERT(got == 1 && there == 'x');
    close_connection(&one);
}

static void receive_until_it_is_over(void *argument)
{
    apm_socket *socket = (apm_socket *)argument;
    static char here;
    apm_error error;

    do error = apm_socket_begin_receive(socket, &here, 1, 0, NULL, NULL, NULL);
    while (error == APM_ERROR_SUCCESS);
    CU_ASSERT(error == APM_ERROR_NOT_CONNECTED);
}

/* Who is about to begin when the connection is taken apart begins nothing on what is left of it: that
 * would still be in the kernel when its handle is closed. */
static void receive_is_begun_before_a_disconnect_or_not_at_all(void)
{
    sim_thread *thread;
    connection one;

    open_connection(&one);
    thread = sim_thread_start("receiver", receive_until_it_is_over, one.socket);
    sim_interleave();
    CU_ASSERT(disconnect_to_reuse(one.socket) == APM_ERROR_SUCCESS);
    sim_thread_join(thread);
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

    atomic_store(&called_back, 0);
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

/* ---- taking turns ------------------------------------------------------------------------------------ */

/* A worker puts callbacks off after 32 inside Begin, and then each one while it has another. */
enum { ROW = 32, TURNS = 300, TICKS = 200 };

typedef struct rally rally;

/* A connection whose sends are always over at once, each begun by the callback of the one before. */
typedef struct player {
    rally *all;
    connection both;
    uint32_t turns;
} player;

struct rally {
    connection other, start;
    player first, second;
    uint32_t pause; /* the turn of the first one that waits for the second one's next */
    _Atomic bool pauses;
    _Atomic uint32_t kept, over;
    apm_manual_reset_event *next, *let_go;
};

static void APM_CALL play_on(apm_async_result *result);

static void take_turn(player *one)
{
    rally *all = one->all;

    if (one->turns++ == TURNS) {
        if (one == &all->second) (void)apm_manual_reset_event_set(all->next);
        atomic_fetch_add(&all->over, 1);
        return;
    }
    CU_ASSERT(apm_socket_begin_send(one->both.socket, "x", 1, 0, play_on, one, NULL) == APM_ERROR_SUCCESS);
}

static void APM_CALL play_on(apm_async_result *result)
{
    player *one = (player *)apm_async_result_state(result);
    rally *all = one->all;

    if (one == &all->first && one->turns == all->pause) {
        atomic_store(&all->pauses, true);
        (void)apm_manual_reset_event_set(all->let_go);
        (void)apm_manual_reset_event_wait_one(all->next, APM_INFINITE);
    } else if (one == &all->second && atomic_load(&all->pauses)) {
        (void)apm_manual_reset_event_set(all->next);
    }
    take_turn(one);
}

static void APM_CALL start_rally(apm_async_result *result)
{
    rally *all = (rally *)apm_async_result_state(result);
    int i;

    for (i = 0; i < ROW; i++)
        CU_ASSERT(apm_socket_begin_send(all->start.socket, "x", 1, 0, count_callback, NULL, NULL) ==
                  APM_ERROR_SUCCESS);
    take_turn(&all->first);
    take_turn(&all->second);
}

static void APM_CALL keep_worker(apm_async_result *result)
{
    rally *all = (rally *)apm_async_result_state(result);

    atomic_fetch_add(&all->kept, 1);
    (void)apm_manual_reset_event_wait_one(all->let_go, APM_INFINITE);
    atomic_fetch_add(&all->over, 1);
}

static void start_anew(uint32_t workers)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.min_workers = options.max_workers = workers;
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
}

static void call_by_byte(connection *one, char *here, apm_async_callback callback, rally *all)
{
    CU_ASSERT(apm_socket_begin_receive(one->socket, here, 1, 0, callback, all, NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one->peer, "x", 1, 60000) == 1);
}

/* Two connections take turns on the one worker there is, so that it always has something, but never for long the
 * same, whenever those who watch over it look. Then a callback of one waits for the other's. There is another
 * worker by then, but it gets that one only if those who watch have not gone. */
static void callback_waits_for_the_one_it_took_turns_with(void)
{
    sim_profile profile = *sim_profile_now();
    rally all = {0};
    char here[2];

    if (!profile.ifs_handles) return; /* there everything goes through the port */
    start_anew(2);
    profile.ticks = TICKS;
    sim_set_profile(&profile);
    all.pause = TURNS - sim_draw(8);
    all.first.all = all.second.all = &all;
    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &all.next) == APM_ERROR_SUCCESS);
    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &all.let_go) == APM_ERROR_SUCCESS);
    open_connection(&all.other);
    open_connection(&all.start);
    open_connection(&all.first.both);
    open_connection(&all.second.both);
    call_by_byte(&all.other, &here[0], keep_worker, &all);
    wait_for(&all.kept, 1);
    call_by_byte(&all.start, &here[1], start_rally, &all);
    wait_for(&all.over, 3);
    close_connection(&all.second.both);
    close_connection(&all.first.both);
    close_connection(&all.start);
    close_connection(&all.other);
    apm_manual_reset_event_close(all.let_go);
    apm_manual_reset_event_close(all.next);
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

    atomic_store(&called_back, 0);
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

    atomic_store(&called_back, 0);
    open_connection(&one);
    for (i = 0; i < SENDERS; i++) threads[i] = sim_thread_start("sender", send_first, &one);
    for (i = 0; i < SENDERS; i++) sim_thread_join(threads[i]);
    wait_for(&called_back, SENDERS);
    close_connection(&one);
}

/* ---- a name ------------------------------------------------------------------------------------------ */

static void refuse_threads(uint32_t rate)
{
    sim_profile profile = *sim_profile_now();

    profile.faults[SIM_THREAD].rate = rate;
    sim_set_profile(&profile);
}

/* There is no thread for the second look-up, and the one of the first is at work: then it waits for that. */
static void look_up_without_a_thread_waits_for_another_ones(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 4);
    apm_socket *sockets[2];
    int i;

    atomic_store(&called_back, 0);
    sim_names_hold(true);
    for (i = 0; i < 2; i++) {
        CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP,
                                          &sockets[i]) == APM_ERROR_SUCCESS);
        if (i == 1) refuse_threads(1000);
        CU_ASSERT(apm_socket_begin_connect_host(sockets[i], "localhost", sim_listener_port(listener),
                                                count_callback, NULL, NULL) == APM_ERROR_SUCCESS);
        while (sim_names_waiting() == 0) sim_sleep(1);
    }
    refuse_threads(0);
    sim_names_hold(false);
    wait_for(&called_back, 2);
    for (i = 0; i < 2; i++) {
        CU_ASSERT(apm_socket_connected(sockets[i]));
        (void)apm_socket_close(sockets[i]);
    }
    sim_listener_close(listener);
}

/* ---- adopting ---------------------------------------------------------------------------------------- */

static void end_library(void *argument)
{
    (void)argument;
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
}

/* A handle that the end of the library keeps from being adopted is the caller's, and can still be given
 * to a port; one that was adopted before is the library's to close. */
static void handle_is_adopted_or_left_alone_by_an_end(void)
{
    apm_socket *socket = NULL;
    sim_thread *thread;
    apmk_socket handle;
    apmk_port port;
    apm_error error;

    CU_ASSERT_FATAL(apmk_socket_open(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &handle) ==
                    APMK_SUCCESS);
    thread = sim_thread_start("ender", end_library, NULL);
    error = apm_socket_adopt(handle, &socket);
    sim_thread_join(thread);
    CU_ASSERT((socket != NULL) == (error == APM_ERROR_SUCCESS));
    if (error == APM_ERROR_SUCCESS) {
        CU_ASSERT(apm_socket_close(socket) == APM_ERROR_SUCCESS);
    } else {
        CU_ASSERT(error == APM_ERROR_INVALID_OPERATION);
        CU_ASSERT(apmk_port_create(1, &port) == APMK_SUCCESS);
        CU_ASSERT(apmk_socket_attach(handle, port, 0) == APMK_SUCCESS);
        apmk_socket_close(handle);
        apmk_port_close(port);
    }
    while (apm_cleanup() == APM_ERROR_SUCCESS) {
    } /* it may have started the library anew */
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

/* ---- in a DllMain -------------------------------------------------------------------------------------- */

/* Whoever is in one waits for nobody: who he would wait for needs the loader's lock, which he has. */
static void make_a_socket_in_a_dll_main(void *argument)
{
    apm_socket *socket = NULL;
    apm_error error;

    (void)argument;
    sim_set_loader(APMK_LOADER_HELD);
    error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket);
    CU_ASSERT((socket != NULL) == (error == APM_ERROR_SUCCESS));
    CU_ASSERT(error == APM_ERROR_SUCCESS || error == APM_ERROR_INVALID_OPERATION);
    if (socket != NULL) CU_ASSERT(apm_socket_close(socket) == APM_ERROR_SUCCESS);
    sim_set_loader(APMK_LOADER_FREE);
}

static void library_begins_and_ends_beside_a_dll_main(void)
{
    sim_thread *thread;

    thread = sim_thread_start("module", make_a_socket_in_a_dll_main, NULL);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    sim_thread_join(thread);
    (void)apm_cleanup(); /* it may have started the library anew */
    thread = sim_thread_start("module", make_a_socket_in_a_dll_main, NULL);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
    sim_thread_join(thread);
    while (apm_cleanup() == APM_ERROR_SUCCESS) {
    }
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

static void close_in_a_dll_main(void *argument)
{
    sim_set_loader(APMK_LOADER_HELD);
    CU_ASSERT(apm_socket_close((apm_socket *)argument) == APM_ERROR_SUCCESS);
    sim_set_loader(APMK_LOADER_FREE);
}

/* Also where the thread that looks names up is just about to leave, as it does after 5 s. */
static void connect_by_name_is_begun_beside_a_dll_main(void)
{
    sim_thread *thread;
    apm_socket *socket = NULL;
    int round;

    for (round = 0; round < 2; round++) {
        CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
                        APM_ERROR_SUCCESS);
        apm_socket_retain(socket);
        thread = sim_thread_start("module", close_in_a_dll_main, socket);
        (void)apm_socket_begin_connect_host(socket, "nobody", 9, NULL, NULL, NULL);
        sim_thread_join(thread);
        apm_socket_release(socket);
        if (round == 0) sim_sleep(4990 + sim_draw(20));
    }
}

/* The thread that is about to leave cannot before the loader's lock is free: its place is not to be had. */
static void connect_by_name_is_begun_in_a_dll_main(void)
{
    apm_socket *socket = NULL;
    int round;

    for (round = 0; round < 2; round++) {
        CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
                        APM_ERROR_SUCCESS);
        if (round != 0) sim_sleep(4990 + sim_draw(20));
        if (round != 0) sim_set_loader(APMK_LOADER_HELD);
        CU_ASSERT(apm_socket_begin_connect_host(socket, "nobody", 9, NULL, NULL, NULL) == APM_ERROR_SUCCESS);
        CU_ASSERT(apm_socket_close(socket) == APM_ERROR_SUCCESS);
        sim_set_loader(APMK_LOADER_FREE);
    }
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"socket_goes_while_its_receives_are_put_back", socket_goes_while_its_receives_are_put_back},
    {"socket_goes_while_its_send_is_put_back", socket_goes_while_its_send_is_put_back},
    {"callbacks_that_wait_for_each_other_all_run", callbacks_that_wait_for_each_other_all_run},
    {"lane_is_open_again_after_a_cancel", lane_is_open_again_after_a_cancel},
    {"receives_that_nobody_cancels_keep_their_order", receives_that_nobody_cancels_keep_their_order},
    {"callback_waits_for_the_one_it_took_turns_with", callback_waits_for_the_one_it_took_turns_with},
    {"deadline_of_what_completes_meanwhile_is_not_kept", deadline_of_what_completes_meanwhile_is_not_kept},
    {"receive_in_pieces_that_is_cancelled_keeps_what_it_has",
     receive_in_pieces_that_is_cancelled_keeps_what_it_has},
    {"receive_in_pieces_that_is_reset_keeps_what_it_has", receive_in_pieces_that_is_reset_keeps_what_it_has},
    {"urgent_data_is_received_as_any_other", urgent_data_is_received_as_any_other},
    {"reset_of_a_connection_is_nothing_to_the_next_one", reset_of_a_connection_is_nothing_to_the_next_one},
    {"receive_is_begun_before_a_disconnect_or_not_at_all",
     receive_is_begun_before_a_disconnect_or_not_at_all},
    {"several_transfers_are_the_first_one", several_transfers_are_the_first_one},
    {"look_up_without_a_thread_waits_for_another_ones", look_up_without_a_thread_waits_for_another_ones},
    {"handle_is_adopted_or_left_alone_by_an_end", handle_is_adopted_or_left_alone_by_an_end},
    {"library_begins_and_ends_beside_a_dll_main", library_begins_and_ends_beside_a_dll_main},
    {"connect_by_name_is_begun_beside_a_dll_main", connect_by_name_is_begun_beside_a_dll_main},
    {"connect_by_name_is_begun_in_a_dll_main", connect_by_name_is_begun_in_a_dll_main},
};
static void play_scene(void *argument)
{
    const plain_case *one = (const plain_case *)argument;
    apm_options options = {0};
    uint64_t begun;

    options.size = sizeof options;
    options.min_workers = 3;
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    one->run();
    begun = sim_now();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_census(SIM_BLOCKS) == 0);
    /* Each worker is told to leave, also where one takes what was for several. */
    if (sim_profile_now()->faults[SIM_POST].rate == 0) CU_ASSERT(sim_now() - begun < 1000);
}

static void run_current(void)
{
    const plain_case *one = plain_case_current(scenes);
    sim_profile profile;
    uint64_t seed;
    size_t kernel;

    for (kernel = 0; kernel < KERNELS; kernel++) {
        for (seed = 1; seed <= SEEDS; seed++) {
            CU_ASSERT_FATAL(sim_profile_named(kernels[kernel], &profile));
            if (seed % 2 == 0) profile.switches /= RARELY;
            sim_set_profile(&profile);
            sim_seed(seed);
            sim_run(play_scene, (void *)(uintptr_t)one);
        }
    }
}

int main(void)
{
    return run_plain_suite("interleaving", scenes, sizeof scenes / sizeof *scenes, run_current);
}
