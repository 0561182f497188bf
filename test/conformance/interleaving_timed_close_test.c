/* SPDX-License-Identifier: MIT */
/* Scenes of a close by a time: the peer gets all that was begun to be sent, or sees a reset. A part of it never has a
 * good end. */
#include "hearer.h"

enum { MINUTE = 60000 }; /* ms */

/* A connection with a peer that hears it. */
typedef struct scene {
    connection one;
    hearer hears;
    sim_thread *peer;
    apm_async_result *result; /* of the first list or send that is begun */
    uint32_t begun;           /* operations, in all rounds */
} scene;

static void hear_very_late(void *argument)
{
    sim_sleep(6000);
    hear_to_the_end(argument);
}

static void open_scene(scene *all, void (*hear)(void *argument))
{
    all->result = NULL;
    open_connection(&all->one);
    all->hears.peer = all->one.peer;
    all->peer = sim_thread_start("peer", hear, &all->hears);
}

/* Somebody who uses the socket beside; he has a reference of his own, and gives it back. NULL: nobody. */
static sim_thread *start_beside(const scene *all, void (*beside)(void *argument))
{
    if (beside == NULL) return NULL;
    apm_socket_retain(all->one.socket);
    return sim_thread_start("beside", beside, all->one.socket);
}

static void begin_a_list(scene *all)
{
    apm_buffer buffers[MUCH_PARTS];

    point_at_much(buffers);
    CU_ASSERT(apm_socket_begin_send_buffers(all->one.socket, buffers, MUCH_PARTS, 0, count_callback, NULL,
                                            all->result == NULL ? &all->result : NULL) == APM_ERROR_SUCCESS);
    all->begun++;
}

static void begin_a_send(scene *all, size_t size)
{
    CU_ASSERT(apm_socket_begin_send(all->one.socket, much, size, 0, count_callback, NULL,
                                    all->result == NULL ? &all->result : NULL) == APM_ERROR_SUCCESS);
    all->begun++;
}

static void begin_a_disconnect(scene *all, bool reuse, apm_async_result **result)
{
    CU_ASSERT(apm_socket_begin_disconnect(all->one.socket, reuse, count_callback, NULL, result) ==
              APM_ERROR_SUCCESS);
    all->begun++;
}

static void close_scene(scene *all)
{
    CU_ASSERT(apm_socket_close_timeout(all->one.socket, MINUTE) == APM_ERROR_SUCCESS);
    all->one.socket = NULL;
}

/* `other` is a thread beside the close; NULL: there is none. */
static void end_scene(scene *all, sim_thread *other)
{
    if (other != NULL) sim_thread_join(other);
    sim_thread_join(all->peer);
    wait_for(&called_back, all->begun);
    if (all->result != NULL) apm_async_result_release(all->result);
    close_connection(&all->one);
}

static void check_good_end(const scene *all, int64_t whole)
{
    CU_ASSERT(all->hears.ended == 0 && all->hears.received == whole);
}

/* ---- all of it goes ------------------------------------------------------------------------------------ */

/* A list, and somebody beside. */
static void close_a_list(void (*hear)(void *argument), void (*beside)(void *argument))
{
    scene all = {.begun = 0};
    sim_thread *other;
    int round;

    for (round = 0; round < 2; round++) {
        open_scene(&all, hear);
        begin_a_list(&all);
        other = start_beside(&all, beside);
        close_scene(&all);
        end_scene(&all, other);
        check_good_end(&all, MUCH);
    }
}

static void list_goes(void)
{
    close_a_list(hear_to_the_end, NULL);
}

static void close_in_the_middle(void *argument)
{
    let_others_go_on(60);
    CU_ASSERT(apm_socket_close((apm_socket *)argument) == APM_ERROR_SUCCESS);
    apm_socket_release((apm_socket *)argument);
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
    close_a_list(hear_to_the_end, close_in_the_middle);
}

static void disconnect_soon(void *argument)
{
    sim_sleep(20);
    (void)apm_socket_begin_disconnect((apm_socket *)argument, true, NULL, NULL, NULL);
    apm_socket_release((apm_socket *)argument);
}

/* Longer than the close waits without a look. */
static void disconnect_that_begins_beside_it_cuts_nothing_off(void)
{
    close_a_list(hear_very_late, disconnect_soon);
}

/* What comes before a disconnect with reuse goes, too. */
static void close_behind_a_disconnect(bool list)
{
    scene all = {.begun = 0};

    open_scene(&all, hear_late);
    if (list)
        begin_a_list(&all);
    else
        begin_a_send(&all, MUCH);
    begin_a_disconnect(&all, true, NULL);
    close_scene(&all);
    end_scene(&all, NULL);
    check_good_end(&all, MUCH);
}

static void list_before_a_disconnect_goes(void)
{
    close_behind_a_disconnect(true);
}

static void send_before_a_disconnect_goes(void)
{
    close_behind_a_disconnect(false);
}

static void cancel_soon(void *argument)
{
    sim_sleep(20);
    (void)apm_async_result_cancel((apm_async_result *)argument);
}

/* A disconnect is nothing that the peer could miss. */
static void cancelled_disconnect_cuts_nothing_off(void)
{
    scene all = {.begun = 0};
    apm_async_result *farewell = NULL;

    open_scene(&all, hear_late);
    begin_a_list(&all);
    begin_a_disconnect(&all, false, &farewell);
    sim_thread *canceller = sim_thread_start("canceller", cancel_soon, farewell);
    close_scene(&all);
    end_scene(&all, canceller);
    apm_async_result_release(farewell);
    check_good_end(&all, MUCH);
}

/* The peer has ended its stream before, and the kernel has all that there is to send. */
static void peer_that_has_ended_gets_to_read(void)
{
    scene all = {.begun = 0};
    char here;

    open_scene(&all, hear_late);
    sim_peer_end(all.one.peer);
    CU_ASSERT(apm_socket_receive(all.one.socket, &here, 1, 0, NULL) == APM_ERROR_SUCCESS);
    begin_a_send(&all, MUCH);
    close_scene(&all);
    end_scene(&all, NULL);
    check_good_end(&all, MUCH);
}

/* The sends behind a file that takes the connection apart are aborted, some of them late: that is nothing to the next
 * connection. */
static void late_abort_of_the_last_connection_cuts_nothing_off(void)
{
    apm_buffer head = {much, 100};
    scene all = {.begun = 0};
    apm_async_result *file;
    int round, i;

    for (round = 0; round < 4; round++) {
        file = NULL;
        open_scene(&all, hear_to_the_end);
        CU_ASSERT(apm_socket_begin_send_file(all.one.socket, NULL, &head, NULL, APM_SEND_FILE_REUSE_SOCKET,
                                             NULL, NULL, &file) == APM_ERROR_SUCCESS);
        for (i = 0; i < 6; i++) (void)apm_socket_begin_send(all.one.socket, much, 10, 0, NULL, NULL, NULL);
        CU_ASSERT(apm_socket_end_send_file(all.one.socket, file) == APM_ERROR_SUCCESS);
        apm_async_result_release(file);
        sim_thread_join(all.peer);
        sim_peer_close(all.one.peer);
        connect_again(&all.one);
        all.hears.peer = all.one.peer;
        all.peer = sim_thread_start("peer", hear_to_the_end, &all.hears);
        CU_ASSERT(apm_socket_send(all.one.socket, much, 1000, 0, NULL) == APM_ERROR_SUCCESS);
        close_scene(&all);
        end_scene(&all, NULL);
        check_good_end(&all, 1000);
    }
}

/* ---- something fails ------------------------------------------------------------------------------------- */

/* The first of so many lists is cancelled, of which nobody has read anything, when the close waits for them. */
static void cancel_the_first_of(int lists, void (*beside)(void *argument))
{
    scene all = {.begun = 0};
    sim_thread *canceller, *other;
    int i;

    open_scene(&all, hear_late);
    for (i = 0; i < lists; i++) begin_a_list(&all);
    canceller = sim_thread_start("canceller", cancel_soon, all.result);
    other = start_beside(&all, beside);
    close_scene(&all);
    sim_thread_join(canceller);
    end_scene(&all, other);
    check_heard(&all.hears, (int64_t)lists * MUCH);
}

static void cancelled_list_has_no_good_end(void)
{
    cancel_the_first_of(1, NULL);
}

static void next_list_gives_a_cancelled_one_no_good_end(void)
{
    cancel_the_first_of(2, NULL);
}

/* The connection is going to be reset: there is nothing to wait for in what comes behind. */
static void close_does_not_wait_behind_a_failure(void)
{
    scene all = {.begun = 0};
    uint64_t begun = sim_now();
    sim_thread *canceller;

    open_scene(&all, hear_very_late);
    begin_a_list(&all);
    begin_a_list(&all);
    canceller = sim_thread_start("canceller", cancel_soon, all.result);
    close_scene(&all);
    CU_ASSERT(sim_now() - begun < 1000);
    end_scene(&all, canceller);
    check_heard(&all.hears, 2 * (int64_t)MUCH);
}

static void shut_down_soon(void *argument)
{
    sim_sleep(20);
    (void)apm_socket_shutdown((apm_socket *)argument, APM_SHUTDOWN_SEND);
    apm_socket_release((apm_socket *)argument);
}

/* Until the socket is closed. */
static void shut_down_again_and_again(void *argument)
{
    uint32_t turn;

    sim_sleep(20);
    for (turn = 1; apm_socket_shutdown((apm_socket *)argument, APM_SHUTDOWN_SEND) == APM_ERROR_SUCCESS;
         turn++)
        if (turn % 8 == 0) sim_sleep(1);
    apm_socket_release((apm_socket *)argument);
}

static void shutdown_gives_a_cancelled_list_no_good_end(void)
{
    cancel_the_first_of(1, shut_down_soon);
    atomic_store(&called_back, 0);
    cancel_the_first_of(2, shut_down_soon);
}

/* A disconnect waits behind the list that is cancelled. */
static void disconnect_gives_a_cancelled_list_no_good_end(void)
{
    scene all = {.begun = 0};
    sim_thread *canceller;
    int round;

    for (round = 0; round < 4; round++) {
        open_scene(&all, hear_late);
        begin_a_list(&all);
        begin_a_disconnect(&all, round % 2 != 0, NULL);
        canceller = sim_thread_start("canceller", cancel_soon, all.result);
        close_scene(&all);
        end_scene(&all, canceller);
        check_heard(&all.hears, MUCH);
    }
}

/* What waits behind a list cannot begin when its turn comes; the peer has all of the list. */
static void send_that_fails_at_its_turn_has_no_good_end(void)
{
    sim_profile profile = *sim_profile_now(), poor = profile;
    scene all = {.begun = 0};

    poor.faults[SIM_TRANSFER].nth = 3; /* the list is two */
    open_scene(&all, hear_late);
    sim_set_profile(&poor);
    begin_a_list(&all);
    begin_a_send(&all, 1);
    close_scene(&all);
    end_scene(&all, NULL);
    CU_ASSERT(sim_fault_calls(SIM_TRANSFER) == 3);
    check_heard(&all.hears, MUCH + 1);
    sim_set_profile(&profile);
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

/* The kernel has a send, and the list before it has gone, when it is cancelled: the end waits for it, too. */
static void cancel_in_the_kernel(bool list, void (*beside)(void *argument))
{
    scene all = {.begun = 0};
    late_cancel cancels;
    sim_thread *canceller, *other;
    uint32_t round;

    for (round = 0; round < 4; round++) {
        cancels.result = NULL;
        cancels.after = 99 + round; /* that is when it is read */
        open_scene(&all, hear_late);
        if (list) begin_a_list(&all);
        CU_ASSERT(apm_socket_begin_send(all.one.socket, much, MUCH, 0, count_callback, NULL,
                                        &cancels.result) == APM_ERROR_SUCCESS);
        all.begun++;
        canceller = sim_thread_start("canceller", cancel_late, &cancels);
        other = start_beside(&all, beside);
        close_scene(&all);
        sim_thread_join(canceller);
        end_scene(&all, other);
        apm_async_result_release(cancels.result);
        check_heard(&all.hears, list ? 2 * MUCH : MUCH);
    }
}

static void send_that_is_cancelled_in_the_kernel_has_no_good_end(void)
{
    cancel_in_the_kernel(true, NULL);
}

static void shutdown_gives_a_cancelled_send_no_good_end(void)
{
    cancel_in_the_kernel(false, shut_down_soon);
    atomic_store(&called_back, 0);
    cancel_in_the_kernel(false, shut_down_again_and_again);
}

/* ---- what begins beside it --------------------------------------------------------------------------------- */

typedef struct beginner {
    apm_socket *socket;
    bool list;
    apm_error error;
} beginner;

static void begin_beside(void *argument)
{
    beginner *begins = (beginner *)argument;
    apm_buffer buffers[MUCH_PARTS];

    point_at_much(buffers);
    let_others_go_on(30);
    begins->error = apm_socket_begin_send_buffers(begins->socket, buffers, begins->list ? MUCH_PARTS : 50, 0,
                                                  count_callback, NULL, NULL);
    apm_socket_release(begins->socket);
}

/* It begins before the close, or not at all: also where the peer has ended its stream, for which the close does not
 * wait. */
static void begin_beside_a_close(bool list, bool peer_has_ended, int before)
{
    apm_buffer bytes[3 * APMK_BUFFERS];
    beginner begins = {NULL, list, APM_ERROR_SUCCESS};
    scene all = {.begun = 0};
    sim_thread *other;
    char here;
    int round;

    for (round = 0; round < 3; round++) {
        open_scene(&all, peer_has_ended ? hear_late : hear_to_the_end);
        if (peer_has_ended) {
            sim_peer_end(all.one.peer);
            CU_ASSERT(apm_socket_receive(all.one.socket, &here, 1, 0, NULL) == APM_ERROR_SUCCESS);
        }
        point_at_each(bytes, much, before);
        if (before != 0) { /* this goes by itself */
            CU_ASSERT(apm_socket_begin_send_buffers(all.one.socket, bytes, (size_t)before, 0, count_callback,
                                                    NULL, NULL) == APM_ERROR_SUCCESS);
            all.begun++;
        }
        begins.socket = all.one.socket;
        apm_socket_retain(all.one.socket);
        other = sim_thread_start("beginner", begin_beside, &begins);
        let_others_go_on(30);
        close_scene(&all);
        sim_thread_join(other);
        if (begins.error == APM_ERROR_SUCCESS) all.begun++;
        end_scene(&all, NULL);
        check_heard(&all.hears, before + (begins.error != APM_ERROR_SUCCESS ? 0 : list ? MUCH : MUCH / 2));
        CU_ASSERT(all.hears.ended == 0); /* there is all the time for it */
    }
}

static void list_that_begins_beside_it(void)
{
    begin_beside_a_close(true, false, 0);
}

static void send_that_begins_beside_it(void)
{
    begin_beside_a_close(false, true, 0);
    atomic_store(&called_back, 0);
    begin_beside_a_close(false, true, 3 * APMK_BUFFERS);
}

/* ---- the end of the library ---------------------------------------------------------------------------------- */

static void close_by_a_minute(void *argument)
{
    CU_ASSERT(apm_socket_close_timeout((apm_socket *)argument, MINUTE) == APM_ERROR_SUCCESS);
}

/* It closes all sockets; who waits for one of them does so no longer. */
static void end_of_the_library_ends_it(void)
{
    apm_options options = {.size = sizeof options};
    scene all = {.begun = 0};
    sim_thread *closer;
    uint64_t begun;

    open_scene(&all, hear_very_late);
    begin_a_list(&all);
    closer = sim_thread_start("closer", close_by_a_minute, all.one.socket);
    sim_sleep(300);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    begun = sim_now();
    all.one.socket = NULL;
    sim_thread_join(closer);
    CU_ASSERT(sim_now() - begun <= 1000);
    end_scene(&all, NULL);
    check_heard(&all.hears, MUCH);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
}

static const plain_case scenes[] = {
    {"list_goes", list_goes},
    {"second_close_cuts_nothing_off", second_close_cuts_nothing_off},
    {"disconnect_that_begins_beside_it_cuts_nothing_off", disconnect_that_begins_beside_it_cuts_nothing_off},
    {"list_before_a_disconnect_goes", list_before_a_disconnect_goes},
    {"send_before_a_disconnect_goes", send_before_a_disconnect_goes},
    {"cancelled_disconnect_cuts_nothing_off", cancelled_disconnect_cuts_nothing_off},
    {"peer_that_has_ended_gets_to_read", peer_that_has_ended_gets_to_read},
    {"late_abort_of_the_last_connection_cuts_nothing_off",
     late_abort_of_the_last_connection_cuts_nothing_off},
    {"cancelled_list_has_no_good_end", cancelled_list_has_no_good_end},
    {"next_list_gives_a_cancelled_one_no_good_end", next_list_gives_a_cancelled_one_no_good_end},
    {"close_does_not_wait_behind_a_failure", close_does_not_wait_behind_a_failure},
    {"shutdown_gives_a_cancelled_list_no_good_end", shutdown_gives_a_cancelled_list_no_good_end},
    {"shutdown_gives_a_cancelled_send_no_good_end", shutdown_gives_a_cancelled_send_no_good_end},
    {"disconnect_gives_a_cancelled_list_no_good_end", disconnect_gives_a_cancelled_list_no_good_end},
    {"send_that_fails_at_its_turn_has_no_good_end", send_that_fails_at_its_turn_has_no_good_end},
    {"send_that_is_cancelled_in_the_kernel_has_no_good_end",
     send_that_is_cancelled_in_the_kernel_has_no_good_end},
    {"list_that_begins_beside_it", list_that_begins_beside_it},
    {"send_that_begins_beside_it", send_that_begins_beside_it},
    {"end_of_the_library_ends_it", end_of_the_library_ends_it},
};

int main(void)
{
    return play_scenes("interleaving_timed_close", scenes, sizeof scenes / sizeof scenes[0]);
}
