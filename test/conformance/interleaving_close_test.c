/* SPDX-License-Identifier: MIT */
/* Scenes of closing and polling: who comes first of those who close, and of those who are told. */
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

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"what_waits_for_its_turn_does_not_wait_for_a_close_with_a_time",
     what_waits_for_its_turn_does_not_wait_for_a_close_with_a_time},
    {"callbacks_close_and_let_go_of_a_socket_that_is_being_closed",
     callbacks_close_and_let_go_of_a_socket_that_is_being_closed},
    {"poll_goes_on_when_all_operations_are_aborted", poll_goes_on_when_all_operations_are_aborted},
    {"poll_does_not_end_before_its_time", poll_does_not_end_before_its_time},
};

int main(void)
{
    return play_scenes("interleaving_close", scenes, sizeof scenes / sizeof *scenes);
}
