/* SPDX-License-Identifier: MIT */
/* Scenes of closing and polling: who comes first of those who close, and of those who are told. */
#include <stdlib.h>

#include "../support/disconnect_now.h"
#include "scene.h"

/* ---- a close that takes its time ------------------------------------------------------------------- */

enum { LIST = 65 }; /* buffers: one more than a call takes, so it has the lane for itself */

static void APM_CALL note_time(apm_async_result *result)
{
    *(uint64_t *)apm_async_result_state(result) = sim_now();
    atomic_fetch_add(&called_back, 1);
}

/* Nothing is left to wait for, for what has not got to the kernel. */
static void what_waits_for_its_turn_does_not_wait_for_a_close_with_a_time(void)
{
    static char first, here[LIST];
    apm_buffer buffers[LIST];
    uint64_t begun, times[2];
    connection one;

    point_at_each(buffers, here, LIST);
    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &first, 1, 0, note_time, &times[0], NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive_buffers(one.socket, buffers, LIST, 0, note_time, &times[1], NULL) ==
              APM_ERROR_SUCCESS);
    begun = sim_now();
    CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS); /* the peer does not end */
    one.socket = NULL;
    CU_ASSERT(sim_now() - begun >= 60000);
    wait_for(&called_back, 2);
    if (sim_profile_now()->faults[SIM_POST].rate == 0) CU_ASSERT(times[1] - begun < 1000);
    close_connection(&one);
}

static void APM_CALL close_and_let_go(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);
    char here;

    CU_ASSERT(apm_socket_end_receive(socket, result, NULL) == APM_ERROR_OBJECT_DISPOSED);
    CU_ASSERT(apm_socket_receive(socket, &here, 1, 0, NULL) == APM_ERROR_OBJECT_DISPOSED);
    (void)apm_socket_close(socket);
    apm_socket_release(socket);
    atomic_fetch_add(&called_back, 1);
}

/* Whoever closes uses the reference of the creator until he is done, whatever the callbacks give back. */
static void callbacks_close_and_let_go_of_a_socket_that_is_being_closed(void)
{
    static char first, here[LIST];
    apm_buffer buffers[LIST];
    connection one;

    point_at_each(buffers, here, LIST);
    open_connection(&one);
    apm_socket_retain(one.socket); /* for each of the callbacks */
    apm_socket_retain(one.socket);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &first, 1, 0, close_and_let_go, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive_buffers(one.socket, buffers, LIST, 0, close_and_let_go, one.socket,
                                               NULL) == APM_ERROR_SUCCESS);
    (void)apm_socket_close_timeout(one.socket, (int32_t)sim_draw(4) - 1);
    one.socket = NULL;
    wait_for(&called_back, 2);
    close_connection(&one);
}

/* ---- a blocking member ------------------------------------------------------------------------------- */

static void receive_into_memory_of_its_own(void *argument)
{
    char *here = (char *)malloc(1);
    apm_error error;

    CU_ASSERT_FATAL(here != NULL);
    error = apm_socket_receive((apm_socket *)argument, here, 1, 0, NULL);
    free(here);
    CU_ASSERT(error == APM_ERROR_OBJECT_DISPOSED);
}

/* A thread that uses the socket, with a reference of its own, while it is closed at any time. */
static void close_beside(const char *name, void (*use)(void *argument))
{
    connection one;
    sim_thread *thread;
    int round;

    for (round = 0; round < 5; round++) {
        open_connection(&one);
        apm_socket_retain(one.socket);
        thread = sim_thread_start(name, use, one.socket);
        let_others_go_on(20);
        CU_ASSERT(apm_socket_close(one.socket) == APM_ERROR_SUCCESS);
        sim_thread_join(thread);
        apm_socket_release(one.socket);
        one.socket = NULL;
        close_connection(&one);
    }
}

/* When it has returned the memory is the caller's, also if the socket was closed before it began to wait. */
static void blocking_receive_returns_what_the_kernel_had(void)
{
    close_beside("receiver", receive_into_memory_of_its_own);
}

/* ---- a file that takes the connection apart ------------------------------------------------------ */

enum { WHOLE = 66000 }; /* more than goes at once */

typedef struct reader {
    connection *one;
    _Atomic uint32_t all_here;
    int64_t ended;
} reader;

/* A thread of a peer's: all of the file, and what comes after it. */
static void read_file_and_end(void *argument)
{
    reader *reads = (reader *)argument;
    static char here[WHOLE];
    size_t had = 0;

    while (had < WHOLE) {
        int64_t got = sim_peer_read(reads->one->peer, here, WHOLE - had, 60000);

        CU_ASSERT_FATAL(got > 0);
        had += (size_t)got;
    }
    atomic_store(&reads->all_here, 1);
    reads->ended = sim_peer_read(reads->one->peer, here, 1, 60000);
    sim_peer_end(reads->one->peer);
}

static void begin_file(connection *one, apm_async_callback callback, apm_async_result **file)
{
    static char data[WHOLE];
    apm_buffer head = {data, WHOLE};

    CU_ASSERT(apm_socket_begin_send_file(one->socket, NULL, &head, NULL, APM_SEND_FILE_REUSE_SOCKET, callback,
                                         NULL, file) == APM_ERROR_SUCCESS);
}

/* A send that waits behind it is aborted, and its callback closes: all before its Begin has returned. */
static void close_behind_a_file(void)
{
    connection one;
    reader reads = {&one, 0, 0};
    sim_thread *peer;

    atomic_store(&called_back, 0);
    open_connection(&one);
    peer = sim_thread_start("peer", read_file_and_end, &reads);
    begin_file(&one, count_callback, NULL);
    let_others_go_on(20);
    if (apm_socket_begin_send(one.socket, "x", 1, 0, close_it, one.socket, NULL) == APM_ERROR_SUCCESS) {
        one.socket = NULL;
        wait_for(&called_back, 2);
    } else {
        wait_for(&called_back, 1);
    }
    sim_thread_join(peer);
    close_connection(&one);
}

static void socket_may_be_gone_before_a_begin_has_returned(void)
{
    int round;

    for (round = 0; round < 10; round++) close_behind_a_file();
}

static void start_without_workers(void)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.no_workers = true;
    start_anew(&options);
}

/* A disconnect that waits for its turn does not do it for the file: it may be cancelled. Without workers it is
 * cancelled when the file's packet has come and nobody has looked at it. */
static void file_ends_the_stream_whatever_becomes_of_a_disconnect(void)
{
    apm_async_result *file = NULL, *disconnect = NULL;
    connection one;
    reader reads = {&one, 0, 0};
    sim_thread *peer;
    apm_error error;

    if (sim_draw(2) == 0) start_without_workers();
    open_connection(&one);
    begin_file(&one, NULL, &file);
    CU_ASSERT(apm_socket_begin_disconnect(one.socket, true, NULL, NULL, &disconnect) == APM_ERROR_SUCCESS);
    peer = sim_thread_start("peer", read_file_and_end, &reads);
    if (sim_draw(4) != 0) wait_for(&reads.all_here, 1);
    CU_ASSERT(apm_async_result_cancel(disconnect) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_end_send_file(one.socket, file) == APM_ERROR_SUCCESS);
    error = apm_socket_end_disconnect(one.socket, disconnect);
    CU_ASSERT(error == APM_ERROR_SUCCESS || error == APM_ERROR_OPERATION_ABORTED);
    sim_thread_join(peer);
    CU_ASSERT(reads.ended == SIM_END);
    sim_peer_close(one.peer);
    connect_again(&one);
    apm_async_result_release(file);
    apm_async_result_release(disconnect);
    close_connection(&one);
}

typedef struct leaver {
    apm_socket *socket;
    apm_error error;
} leaver;

static void begin_to_leave(void *argument)
{
    leaver *one = (leaver *)argument;

    one->error = apm_socket_begin_disconnect(one->socket, true, count_callback, NULL, NULL);
}

/* One that a file has overtaken, and a connect after that, disconnects nothing of the new connection; unless it
 * was later than both, and then it has it for itself. */
static void disconnect_beside_a_file(void)
{
    connection one;
    reader reads = {&one, 0, 0};
    leaver leaves = {NULL, APM_ERROR_SUCCESS};
    apm_async_result *file = NULL;
    sim_thread *peer, *thread;
    apm_endpoint remote = {0};

    atomic_store(&called_back, 0);
    open_connection(&one);
    begin_file(&one, NULL, &file);
    leaves.socket = one.socket;
    peer = sim_thread_start("peer", read_file_and_end, &reads);
    thread = sim_thread_start("leaver", begin_to_leave, &leaves);
    CU_ASSERT(apm_socket_end_send_file(one.socket, file) == APM_ERROR_SUCCESS);
    sim_thread_join(peer);
    sim_peer_close(one.peer);
    connect_again(&one);
    sim_thread_join(thread);
    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(one.listener), remote.address);
    sim_sleep(200); /* what is aborted has called back, what waits for its peer has not */
    if (leaves.error != APM_ERROR_SUCCESS) {
        CU_ASSERT(apm_socket_connected(one.socket));
    } else if (atomic_load(&called_back) == 0) {
        CU_ASSERT(apm_socket_begin_connect(one.socket, &remote, NULL, NULL, NULL) != APM_ERROR_IS_CONNECTED);
    }
    apm_async_result_release(file);
    close_connection(&one);
    if (leaves.error == APM_ERROR_SUCCESS) wait_for(&called_back, 1);
}

static void disconnect_is_of_the_connection_that_it_has_found(void)
{
    int round;

    for (round = 0; round < 10; round++) disconnect_beside_a_file();
}

/* ---- polling ------------------------------------------------------------------------------------- */

static void poll_until_it_is_closed(void *argument)
{
    bool ready = false;

    CU_ASSERT(apm_socket_poll((apm_socket *)argument, -1, APM_POLL_ERROR, &ready) ==
              APM_ERROR_OBJECT_DISPOSED);
    CU_ASSERT(!ready);
}

/* What is aborted when a connection is taken apart, or lost, does not include who looks at its state. */
static void poll_goes_on_when_all_operations_are_aborted(void)
{
    sim_thread *poller, *peer;
    connection one;
    char here;

    open_connection(&one);
    apm_socket_retain(one.socket);
    poller = sim_thread_start("poller", poll_until_it_is_closed, one.socket);
    sim_sleep(sim_draw(3));
    if (sim_draw(2) == 0) {
        peer = sim_thread_start("peer", answer_the_end, one.peer);
        CU_ASSERT(disconnect_now(one.socket, true) == APM_ERROR_SUCCESS);
        sim_thread_join(peer);
    } else {
        CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, NULL) ==
                  APM_ERROR_SUCCESS);
        sim_peer_reset(one.peer);
        one.peer = NULL;
        wait_for(&called_back, 1);
    }
    sim_sleep(sim_draw(100));
    (void)apm_socket_close(one.socket);
    sim_thread_join(poller);
    apm_socket_release(one.socket);
    one.socket = NULL;
    close_connection(&one);
}

/* The only reference is the one that the close takes back. */
static void poll_keeps_the_socket_that_is_closed_beside_it(void)
{
    sim_thread *poller;
    connection one;

    open_connection(&one);
    poller = sim_thread_start("poller", poll_until_it_is_closed, one.socket);
    sim_sleep(1000); /* of a clock that stands still while anybody runs: the poll waits by now */
    CU_ASSERT(apm_socket_close(one.socket) == APM_ERROR_SUCCESS);
    one.socket = NULL;
    sim_thread_join(poller);
    close_connection(&one);
}

/* Whoever has begun to look at a socket before it was bound does not keep the port from the next handle. */
static void poll_leaves_the_port_to_the_next_connect(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    sim_thread *poller;
    apm_endpoint local, nobody;

    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &one.socket) ==
                    APM_ERROR_SUCCESS);
    CU_ASSERT(apm_endpoint_from_ip("127.0.0.1", 5001, &local) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_endpoint_from_ip("127.0.0.1", 1, &nobody) == APM_ERROR_SUCCESS);
    poller = sim_thread_start("poller", poll_until_it_is_connected, one.socket);
    sim_sleep(sim_draw(3));
    CU_ASSERT(apm_socket_bind(one.socket, &local) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_connect(one.socket, &nobody) == APM_ERROR_CONNECTION_REFUSED);
    connect_again(&one);
    sim_thread_join(poller);
    close_connection(&one);
}

/* And lasts as long as it was to, however long that was, of a bound socket, too. */
static void poll_does_not_end_before_its_time(void)
{
    static const int32_t times[] = {30, 50, 120};
    uint64_t milliseconds = (uint64_t)times[sim_draw(3)], begun;
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    sim_thread *peer;
    apm_endpoint local;
    bool ready = true;

    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &one.socket) ==
                    APM_ERROR_SUCCESS);
    CU_ASSERT(apm_endpoint_from_ip("127.0.0.1", 5001, &local) == APM_ERROR_SUCCESS);
    if (sim_draw(2) == 0) CU_ASSERT(apm_socket_bind(one.socket, &local) == APM_ERROR_SUCCESS);
    connect_again(&one);
    peer = sim_thread_start("peer", answer_the_end, one.peer);
    CU_ASSERT(apm_socket_begin_disconnect(one.socket, true, count_callback, NULL, NULL) == APM_ERROR_SUCCESS);
    begun = sim_now();
    CU_ASSERT(apm_socket_poll(one.socket, (int32_t)milliseconds * 1000, APM_POLL_ERROR, &ready) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(!ready && sim_now() - begun >= milliseconds);
    wait_for(&called_back, 1);
    sim_thread_join(peer);
    close_connection(&one);
}

/* ---- an io_control that waits ------------------------------------------------------------------- */

static void ask_for_a_change(void *argument)
{
    const uint32_t code = 0x28000017; /* SIO_ADDRESS_LIST_CHANGE */

    CU_ASSERT(apm_socket_io_control((apm_socket *)argument, code, NULL, 0, NULL, 0, NULL) ==
              APM_ERROR_OBJECT_DISPOSED);
}

/* Also where it is about to begin: a cancel finds nothing of it yet, and nothing ever changes. */
static void close_ends_a_code_that_waits_wherever_it_is(void)
{
    close_beside("asker", ask_for_a_change);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"what_waits_for_its_turn_does_not_wait_for_a_close_with_a_time",
     what_waits_for_its_turn_does_not_wait_for_a_close_with_a_time},
    {"callbacks_close_and_let_go_of_a_socket_that_is_being_closed",
     callbacks_close_and_let_go_of_a_socket_that_is_being_closed},
    {"blocking_receive_returns_what_the_kernel_had", blocking_receive_returns_what_the_kernel_had},
    {"socket_may_be_gone_before_a_begin_has_returned", socket_may_be_gone_before_a_begin_has_returned},
    {"file_ends_the_stream_whatever_becomes_of_a_disconnect",
     file_ends_the_stream_whatever_becomes_of_a_disconnect},
    {"disconnect_is_of_the_connection_that_it_has_found", disconnect_is_of_the_connection_that_it_has_found},
    {"poll_goes_on_when_all_operations_are_aborted", poll_goes_on_when_all_operations_are_aborted},
    {"poll_keeps_the_socket_that_is_closed_beside_it", poll_keeps_the_socket_that_is_closed_beside_it},
    {"poll_leaves_the_port_to_the_next_connect", poll_leaves_the_port_to_the_next_connect},
    {"poll_does_not_end_before_its_time", poll_does_not_end_before_its_time},
    {"close_ends_a_code_that_waits_wherever_it_is", close_ends_a_code_that_waits_wherever_it_is},
};

int main(void)
{
    return play_scenes("interleaving_close", scenes, sizeof scenes / sizeof *scenes);
}
