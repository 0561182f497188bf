/* SPDX-License-Identifier: MIT */
/* Scenes of a close by a time in a callback, which keeps a worker: it waits for nothing that only this one could do. */
#include "hearer.h"

enum { SECONDS = 3000 /* ms */, MOMENT = 500 };

static uint64_t close_time; /* that it has taken */
static bool reuses, has_more;
static _Atomic uint32_t closes, closed;

static void close_here(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);
    uint64_t begun = sim_now();

    atomic_store(&closes, 1);
    CU_ASSERT(apm_socket_close_timeout(socket, SECONDS) == APM_ERROR_SUCCESS);
    close_time = sim_now() - begun;
    atomic_store(&closed, 1);
}

/* ---- the only worker -------------------------------------------------------------------------------------- */

static void APM_CALL disconnect_and_close(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);

    if (has_more)
        CU_ASSERT(apm_socket_begin_send(socket, much, MUCH, 0, NULL, NULL, NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_disconnect(socket, reuses, NULL, NULL, NULL) == APM_ERROR_SUCCESS);
    close_here(result);
    count_callback(result);
}

/* The packet of the disconnect is for the worker that closes. */
static void close_behind_a_disconnect(void)
{
    apm_options options = {
        .size = sizeof options, .min_workers = 1, .max_workers = 1, .callbacks_on_pool = true};
    sim_thread *peer;
    hearer hears;
    connection one;

    start_anew(&options);
    open_connection(&one);
    hears.peer = one.peer;
    peer = sim_thread_start("peer", has_more ? hear_late : hear_to_the_end, &hears);
    CU_ASSERT(apm_socket_begin_send(one.socket, much, 1000, 0, disconnect_and_close, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    wait_for(&called_back, 1);
    sim_thread_join(peer);
    one.socket = NULL;
    CU_ASSERT(hears.ended == 0 && hears.received == (has_more ? 1000 + MUCH : 1000));
    CU_ASSERT(close_time < MOMENT);
    close_connection(&one);
}

static void only_worker_waits_for_no_disconnect(void)
{
    has_more = reuses = false;
    close_behind_a_disconnect();
    atomic_store(&called_back, 0);
    reuses = true;
    close_behind_a_disconnect();
}

static void only_worker_waits_for_no_disconnect_behind_a_send(void)
{
    reuses = has_more = true;
    close_behind_a_disconnect();
}

/* ---- two workers -------------------------------------------------------------------------------------------- */

static void APM_CALL close_and_count(apm_async_result *result)
{
    close_here(result);
    count_callback(result);
}

static void APM_CALL wait_for_the_close(apm_async_result *result)
{
    wait_for(&closed, 1);
    count_callback(result);
}

/* One closes, the other one has seen the list go, and is kept by its callback: nobody is there for what comes behind
 * it, which the kernel has. */
static void last_send_is_left_to_the_kernel(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 2, .max_workers = 2};
    apm_buffer buffers[MUCH_PARTS];
    static char byte;
    sim_thread *peer;
    hearer hears;
    connection one;

    start_anew(&options);
    atomic_store(&closes, 0);
    atomic_store(&closed, 0);
    point_at_much(buffers);
    open_connection(&one);
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, close_and_count, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, wait_for_the_close, NULL,
                                            NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_send(one.socket, much, 10, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    wait_for(&closes, 1);
    peer = sim_thread_start("peer", hear_late, &hears);
    sim_thread_join(peer);
    wait_for(&called_back, 3);
    one.socket = NULL;
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH + 10);
    CU_ASSERT(close_time < MOMENT);
    close_connection(&one);
}

/* ---- the peer has ended its stream before ---------------------------------------------------------- */

/* The callback that hears of it closes; a send is in the kernel, and the peer reads late. */
static void close_at_the_peers_end(uint32_t workers, hearer *hears)
{
    apm_options options = {.size = sizeof options, .min_workers = workers, .max_workers = workers};
    static char byte;
    sim_thread *peer;
    connection one;

    start_anew(&options);
    atomic_store(&called_back, 0);
    open_connection(&one);
    hears->peer = one.peer;
    CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, close_and_count, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    sim_peer_end(one.peer);
    peer = sim_thread_start("peer", hear_late, hears);
    sim_thread_join(peer);
    wait_for(&called_back, 2);
    one.socket = NULL;
    close_connection(&one);
}

static void send_goes_on_where_another_worker_sees_its_end(void)
{
    hearer hears;

    close_at_the_peers_end(3, &hears);
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    CU_ASSERT(close_time < MOMENT);
}

static void send_that_is_cut_off_does_not_look_whole(void)
{
    hearer hears;

    close_at_the_peers_end(1, &hears);
    check_heard(&hears, MUCH);
}

static const plain_case scenes[] = {
    {"only_worker_waits_for_no_disconnect", only_worker_waits_for_no_disconnect},
    {"only_worker_waits_for_no_disconnect_behind_a_send", only_worker_waits_for_no_disconnect_behind_a_send},
    {"last_send_is_left_to_the_kernel", last_send_is_left_to_the_kernel},
    {"send_goes_on_where_another_worker_sees_its_end", send_goes_on_where_another_worker_sees_its_end},
    {"send_that_is_cut_off_does_not_look_whole", send_that_is_cut_off_does_not_look_whole},
};

int main(void)
{
    return play_scenes("interleaving_callback_close", scenes, sizeof scenes / sizeof scenes[0]);
}
