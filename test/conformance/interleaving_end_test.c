/* SPDX-License-Identifier: MIT */
/* Scenes of ends: what the end of our stream comes behind, and whose end it is; and beside the library's. */
#include "../support/disconnect_now.h"
#include "hearer.h"

enum { LONG = 150 }; /* buffers: three calls */

/* A list, and the end of the stream while it is at any place. Whatever becomes of the list, the end comes. */
static void end_a_list(bool cancels)
{
    static char there[LONG];
    apm_buffer buffers[LONG];
    apm_async_result *result = NULL;
    sim_thread *peer, *canceller = NULL;
    hearer hears;
    connection one;
    apm_error error;
    size_t sent = 0;
    int round;

    point_at_each(buffers, there, LONG);
    for (round = 0; round < 5; round++) {
        open_connection(&one);
        hears.peer = one.peer;
        peer = sim_thread_start("peer", hear_to_the_end, &hears);
        CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, LONG, 0, count_callback, NULL,
                                                &result) == APM_ERROR_SUCCESS);
        if (cancels) canceller = sim_thread_start("canceller", cancel_it, result);
        let_others_go_on(20);
        CU_ASSERT(apm_socket_shutdown(one.socket, APM_SHUTDOWN_SEND) == APM_ERROR_SUCCESS);
        CU_ASSERT(apm_socket_begin_send(one.socket, there, 1, 0, NULL, NULL, NULL) == APM_ERROR_SHUTDOWN);
        sim_thread_join(peer);
        if (cancels) sim_thread_join(canceller);
        CU_ASSERT(hears.ended == 0);
        error = apm_socket_end_send(one.socket, result, &sent);
        CU_ASSERT(cancels || error == APM_ERROR_SUCCESS);
        CU_ASSERT(error != APM_ERROR_SUCCESS || (sent == LONG && hears.received == LONG));
        wait_for(&called_back, (uint32_t)round + 1);
        apm_async_result_release(result);
        close_connection(&one);
    }
}

static void shutdown_comes_behind_a_list(void)
{
    end_a_list(false);
}

static void shutdown_comes_behind_a_list_that_is_cancelled(void)
{
    end_a_list(true);
}

/* ---- the next connection ---------------------------------------------------------------------------- */

static void shut_down_late(void *argument)
{
    apm_error error;

    let_others_go_on(60);
    error = apm_socket_shutdown((apm_socket *)argument, APM_SHUTDOWN_SEND);
    CU_ASSERT(error == APM_ERROR_SUCCESS || error == APM_ERROR_NOT_CONNECTED);
}

/* The end of a connection is none of the next one's, whoever comes late with it. */
static void late_shutdown_ends_no_other_connection(void)
{
    apm_buffer head = {much, 100}, buffers[MUCH_PARTS];
    apm_async_result *result;
    sim_thread *peer, *late;
    hearer hears;
    connection one;
    int round;

    point_at_each(buffers, much, MUCH_PARTS);
    for (round = 0; round < 6; round++) {
        result = NULL;
        open_connection(&one);
        hears.peer = one.peer;
        peer = sim_thread_start("peer", hear_to_the_end, &hears);
        late = sim_thread_start("late", shut_down_late, one.socket);
        if (round % 2 == 0 &&
            apm_socket_begin_send_file(one.socket, NULL, &head, NULL, APM_SEND_FILE_REUSE_SOCKET, NULL, NULL,
                                       &result) == APM_ERROR_SUCCESS) {
            (void)apm_socket_end_send_file(one.socket, result);
            apm_async_result_release(result);
        } else {
            (void)disconnect_now(one.socket, true);
        }
        sim_thread_join(late);
        sim_thread_join(peer);
        sim_peer_close(one.peer);
        one.peer = NULL;
        if (!apm_socket_connected(one.socket) &&
            apm_socket_remote_endpoint(one.socket, &(apm_endpoint){0}) == APM_ERROR_NOT_CONNECTED) {
            connect_again(&one);
            result = NULL;
            CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, NULL, NULL,
                                                    &result) == APM_ERROR_SUCCESS);
            CU_ASSERT(apm_socket_end_send(one.socket, result, NULL) == APM_ERROR_SUCCESS);
            apm_async_result_release(result);
        }
        close_connection(&one);
    }
}

/* ---- a time limit ------------------------------------------------------------------------------------ */

static void limit_it(void *argument)
{
    CU_ASSERT(apm_async_result_cancel_after((apm_async_result *)argument, 1000000) == APM_ERROR_SUCCESS);
}

/* Of what is over it is none, and no failure, also where the end of the library lets no timer begin. */
static void limit_of_what_the_end_has_aborted_is_none(void)
{
    apm_async_result *result = NULL;
    sim_thread *thread;
    connection one;
    char here;

    open_connection(&one);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here, 1, 0, count_callback, NULL, &result) ==
              APM_ERROR_SUCCESS);
    thread = sim_thread_start("limiter", limit_it, result);
    let_others_go_on(10);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    sim_thread_join(thread);
    CU_ASSERT(called_back == 1);
    apm_async_result_release(result);
    close_connection(&one);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

/* ---- the end of the peer's ---------------------------------------------------------------------------- */

static _Atomic uint32_t holds, lets_go;

static void APM_CALL hold_the_worker(apm_async_result *result)
{
    (void)result;
    atomic_store(&holds, 1);
    wait_for(&lets_go, 1);
    atomic_fetch_add(&called_back, 1);
}

/* The receive before the one that is told of a reset had the end of the stream already, and nobody has looked at its
 * packet yet: it ended well. */
static void end_that_came_before_a_reset_is_a_good_one(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 1};
    apm_async_result *first = NULL, *second = NULL;
    connection one, other;
    char here[3];
    size_t bytes = 1;
    apm_error error;

    start_anew(&options);
    atomic_store(&holds, 0);
    atomic_store(&lets_go, 0);
    open_connection(&one);
    open_connection(&other);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &here[0], 1, 0, NULL, NULL, &first) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(other.socket, &here[1], 1, 0, hold_the_worker, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(other.peer, "x", 1, 60000) == 1);
    wait_for(&holds, 1);
    sim_peer_end(one.peer);
    sim_sleep(50); /* now the kernel has said it */
    sim_peer_reset(one.peer);
    one.peer = NULL;
    sim_sleep(50);
    error = apm_socket_begin_receive(one.socket, &here[2], 1, 0, NULL, NULL, &second);
    /* Wine says that it is the end once more. */
    CU_ASSERT(error == APM_ERROR_CONNECTION_RESET || !sim_profile_now()->windows);
    atomic_store(&lets_go, 1);
    CU_ASSERT(apm_socket_end_receive(one.socket, first, &bytes) == APM_ERROR_SUCCESS && bytes == 0);
    wait_for(&called_back, 1);
    apm_async_result_release(first);
    if (second != NULL) apm_async_result_release(second);
    close_connection(&one);
    close_connection(&other);
}

static const plain_case scenes[] = {
    {"shutdown_comes_behind_a_list", shutdown_comes_behind_a_list},
    {"shutdown_comes_behind_a_list_that_is_cancelled", shutdown_comes_behind_a_list_that_is_cancelled},
    {"late_shutdown_ends_no_other_connection", late_shutdown_ends_no_other_connection},
    {"limit_of_what_the_end_has_aborted_is_none", limit_of_what_the_end_has_aborted_is_none},
    {"end_that_came_before_a_reset_is_a_good_one", end_that_came_before_a_reset_is_a_good_one},
};

int main(void)
{
    return play_scenes("interleaving_end", scenes, sizeof scenes / sizeof scenes[0]);
}
