/* SPDX-License-Identifier: MIT */
/* Scenes of the end of our stream: what it comes behind, who says it, and that a part never looks like the whole. */
#include "../support/disconnect_now.h"
#include "scene.h"

enum { LONG = 150 }; /* buffers: three calls */

/* A thread of a peer's: how much there was, and how it ended; then it ends its own stream. */
typedef struct hearer {
    sim_peer *peer;
    int64_t received, ended;
} hearer;

static void hear_to_the_end(void *argument)
{
    hearer *hears = (hearer *)argument;
    static char here[65536];

    hears->received = 0;
    while ((hears->ended = sim_peer_read(hears->peer, here, sizeof here, 600000)) > 0)
        hears->received += hears->ended;
    if (hears->ended == 0) sim_peer_end(hears->peer);
}

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

/* ---- close by a time --------------------------------------------------------------------------------- */

/* A list that is too much for what is on its way, and somebody beside who closes by a time. */
enum { MUCH = 100 * 3000, MUCH_PARTS = 100 };

static char much[MUCH];

static void point_at_much(apm_buffer *buffers)
{
    int i;

    for (i = 0; i < MUCH_PARTS; i++) {
        buffers[i].data = much + (size_t)i * (MUCH / MUCH_PARTS);
        buffers[i].size = MUCH / MUCH_PARTS;
    }
}

/* What the peer has to find: all of it, or no good end. */
static void check_heard(const hearer *hears, int64_t whole)
{
    CU_ASSERT(hears->ended != 0 || hears->received == whole);
}

static void close_a_list_by_a_time(void (*beside)(void *argument))
{
    apm_buffer buffers[MUCH_PARTS];
    sim_thread *peer, *other;
    hearer hears;
    connection one;
    int round;

    point_at_much(buffers);
    for (round = 0; round < 2; round++) {
        open_connection(&one);
        hears.peer = one.peer;
        CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL,
                                                NULL) == APM_ERROR_SUCCESS);
        peer = sim_thread_start("peer", hear_to_the_end, &hears);
        apm_socket_retain(one.socket);
        other = beside == NULL ? NULL : sim_thread_start("beside", beside, one.socket);
        CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS);
        if (other != NULL) sim_thread_join(other);
        sim_thread_join(peer);
        CU_ASSERT(hears.ended == 0);
        check_heard(&hears, MUCH);
        wait_for(&called_back, (uint32_t)round + 1);
        apm_socket_release(one.socket);
        one.socket = NULL;
        close_connection(&one);
    }
}

static void close_by_a_time_lets_a_list_go(void)
{
    close_a_list_by_a_time(NULL);
}

static void close_in_the_middle(void *argument)
{
    let_others_go_on(60);
    CU_ASSERT(apm_socket_close((apm_socket *)argument) == APM_ERROR_SUCCESS);
}

/* A second close does nothing, also while the first one waits. */
static void second_close_cuts_nothing_off(void)
{
    connection one;

    open_connection(&one);
    apm_socket_retain(one.socket); /* for the second one, which must not take the creator's place */
    CU_ASSERT(apm_socket_close(one.socket) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_close(one.socket) == APM_ERROR_SUCCESS);
    apm_socket_release(one.socket);
    one.socket = NULL;
    close_connection(&one);
    close_a_list_by_a_time(close_in_the_middle);
}

static void hear_late(void *argument)
{
    sim_sleep(100);
    hear_to_the_end(argument);
}

static void cancel_soon(void *argument)
{
    sim_sleep(20);
    (void)apm_async_result_cancel((apm_async_result *)argument);
}

/* The close waits for the list, of which nobody has read anything, when that is cancelled. */
static void list_that_fails_meanwhile_has_no_good_end(void)
{
    apm_buffer buffers[MUCH_PARTS];
    apm_async_result *result = NULL;
    sim_thread *peer, *canceller;
    hearer hears;
    connection one;

    point_at_much(buffers);
    open_connection(&one);
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL,
                                            &result) == APM_ERROR_SUCCESS);
    peer = sim_thread_start("peer", hear_late, &hears);
    canceller = sim_thread_start("canceller", cancel_soon, result);
    CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS);
    one.socket = NULL;
    sim_thread_join(canceller);
    sim_thread_join(peer);
    check_heard(&hears, MUCH);
    wait_for(&called_back, 1);
    apm_async_result_release(result);
    close_connection(&one);
}

/* What waits behind a list cannot begin when its turn comes: the peer, which has all of the list, must not take
 * that for the whole. */
static void send_that_fails_at_its_turn_has_no_good_end(void)
{
    apm_buffer buffers[MUCH_PARTS];
    apm_async_result *result = NULL;
    sim_profile profile = *sim_profile_now(), poor = profile;
    sim_thread *peer;
    hearer hears;
    connection one;

    point_at_much(buffers);
    poor.faults[SIM_TRANSFER].nth = 3; /* the list is two */
    open_connection(&one);
    hears.peer = one.peer;
    sim_set_profile(&poor);
    CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_send(one.socket, much, 1, 0, count_callback, NULL, &result) ==
              APM_ERROR_SUCCESS);
    peer = sim_thread_start("peer", hear_late, &hears);
    CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS);
    one.socket = NULL;
    sim_thread_join(peer);
    CU_ASSERT(sim_fault_calls(SIM_TRANSFER) == 3);
    check_heard(&hears, MUCH + 1);
    wait_for(&called_back, 2);
    apm_async_result_release(result);
    sim_set_profile(&profile);
    close_connection(&one);
}

typedef struct late_cancel {
    apm_async_result *result;
    uint32_t after;
} late_cancel;

static void cancel_late(void *argument)
{
    const late_cancel *cancels = (const late_cancel *)argument;

    sim_sleep(cancels->after);
    (void)apm_async_result_cancel(cancels->result);
}

/* The list has gone, and the kernel has what comes behind it, when that is cancelled: the end waits for it, too. */
static void send_that_is_cancelled_in_the_kernel_has_no_good_end(void)
{
    apm_buffer buffers[MUCH_PARTS];
    sim_thread *peer, *canceller;
    late_cancel cancels;
    hearer hears;
    connection one;
    uint32_t round;

    point_at_much(buffers);
    for (round = 0; round < 4; round++) {
        cancels.result = NULL;
        cancels.after = 99 + round; /* that is when it is read */
        open_connection(&one);
        hears.peer = one.peer;
        CU_ASSERT(apm_socket_begin_send_buffers(one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL,
                                                NULL) == APM_ERROR_SUCCESS);
        CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, &cancels.result) ==
                  APM_ERROR_SUCCESS);
        peer = sim_thread_start("peer", hear_late, &hears);
        canceller = sim_thread_start("canceller", cancel_late, &cancels);
        CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS);
        one.socket = NULL;
        sim_thread_join(canceller);
        sim_thread_join(peer);
        check_heard(&hears, MUCH + MUCH);
        wait_for(&called_back, 2 * (round + 1));
        apm_async_result_release(cancels.result);
        close_connection(&one);
    }
}

/* The peer has ended its stream before, and the kernel has all that there is to send. */
static void close_by_a_time_waits_for_a_peer_that_has_ended_to_read(void)
{
    sim_thread *peer;
    hearer hears;
    connection one;
    char here;

    open_connection(&one);
    hears.peer = one.peer;
    sim_peer_end(one.peer);
    CU_ASSERT(apm_socket_receive(one.socket, &here, 1, 0, NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    peer = sim_thread_start("peer", hear_to_the_end, &hears);
    CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS);
    one.socket = NULL;
    sim_thread_join(peer);
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    wait_for(&called_back, 1);
    close_connection(&one);
}

typedef struct beginner {
    apm_socket *socket;
    apm_error error;
} beginner;

static void begin_a_list(void *argument)
{
    beginner *begins = (beginner *)argument;
    apm_buffer buffers[MUCH_PARTS];

    point_at_much(buffers);
    let_others_go_on(30);
    begins->error =
        apm_socket_begin_send_buffers(begins->socket, buffers, MUCH_PARTS, 0, count_callback, NULL, NULL);
    apm_socket_release(begins->socket);
}

/* It begins before the close, or not at all, or is cut off and the peer sees it. */
static void list_that_begins_beside_a_close_by_a_time(void)
{
    sim_thread *peer, *other;
    beginner begins;
    hearer hears;
    connection one;
    uint32_t begun = 0;
    int round;

    for (round = 0; round < 3; round++) {
        open_connection(&one);
        hears.peer = one.peer;
        peer = sim_thread_start("peer", hear_to_the_end, &hears);
        begins.socket = one.socket;
        apm_socket_retain(one.socket);
        other = sim_thread_start("beginner", begin_a_list, &begins);
        let_others_go_on(30);
        CU_ASSERT(apm_socket_close_timeout(one.socket, 60000) == APM_ERROR_SUCCESS);
        one.socket = NULL;
        sim_thread_join(other);
        sim_thread_join(peer);
        if (begins.error == APM_ERROR_SUCCESS) wait_for(&called_back, ++begun);
        check_heard(&hears, begins.error == APM_ERROR_SUCCESS ? MUCH : 0);
        close_connection(&one);
    }
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

static const plain_case scenes[] = {
    {"shutdown_comes_behind_a_list", shutdown_comes_behind_a_list},
    {"shutdown_comes_behind_a_list_that_is_cancelled", shutdown_comes_behind_a_list_that_is_cancelled},
    {"close_by_a_time_lets_a_list_go", close_by_a_time_lets_a_list_go},
    {"second_close_cuts_nothing_off", second_close_cuts_nothing_off},
    {"list_that_fails_meanwhile_has_no_good_end", list_that_fails_meanwhile_has_no_good_end},
    {"send_that_fails_at_its_turn_has_no_good_end", send_that_fails_at_its_turn_has_no_good_end},
    {"send_that_is_cancelled_in_the_kernel_has_no_good_end",
     send_that_is_cancelled_in_the_kernel_has_no_good_end},
    {"close_by_a_time_waits_for_a_peer_that_has_ended_to_read",
     close_by_a_time_waits_for_a_peer_that_has_ended_to_read},
    {"list_that_begins_beside_a_close_by_a_time", list_that_begins_beside_a_close_by_a_time},
    {"late_shutdown_ends_no_other_connection", late_shutdown_ends_no_other_connection},
};

int main(void)
{
    return play_scenes("interleaving_end", scenes, sizeof scenes / sizeof scenes[0]);
}
