/* SPDX-License-Identifier: MIT */
/* Scenes of a close by a time in a callback, which keeps a worker: it waits for nothing that only this one could do. */
#include "hearer.h"

enum { SECONDS = 3000 /* ms */, MOMENT = 500 };

static uint64_t close_time; /* that it has taken */
static bool reuses, has_more;
static bool is_sent, has_send, has_list;
static _Atomic uint32_t closes, closed, taken;
static apm_manual_reset_event *is_closed;

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

/* The callback that hears of it closes; a send is in the kernel, and the peer reads late. With 0 workers apm_poll does
 * the work. */
static void close_at_the_peers_end(uint32_t workers, hearer *hears)
{
    apm_options options = {
        .size = sizeof options, .min_workers = workers, .max_workers = workers, .no_workers = workers == 0};
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
    while (workers == 0 && atomic_load(&called_back) < 2) (void)apm_poll(10);
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

static void send_goes_on_where_whoever_closes_does_the_work(void)
{
    hearer hears;

    close_at_the_peers_end(0, &hears);
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    CU_ASSERT(close_time < MOMENT);
}

static void send_that_is_cut_off_does_not_look_whole(void)
{
    hearer hears;

    close_at_the_peers_end(1, &hears);
    check_heard(&hears, MUCH);
}

/* What the kernel had of it is complete before the close begins; only the disconnect is left, whose packet is for the
 * worker that closes. */
static void APM_CALL send_disconnect_and_close(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);
    apm_async_result *sent = NULL;

    CU_ASSERT(apm_socket_begin_send(socket, much, 1000, 0, NULL, NULL, &sent) == APM_ERROR_SUCCESS);
    is_sent = apm_async_result_completed_synchronously(sent);
    apm_async_result_release(sent);
    CU_ASSERT(apm_socket_begin_disconnect(socket, false, NULL, NULL, NULL) == APM_ERROR_SUCCESS);
    close_here(result);
    count_callback(result);
}

static void disconnect_of_the_only_worker_resets_nothing(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 1};
    static char byte;
    sim_thread *peer;
    hearer hears;
    connection one;

    start_anew(&options);
    open_connection(&one);
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, send_disconnect_and_close, one.socket,
                                       NULL) == APM_ERROR_SUCCESS);
    sim_peer_end(one.peer);
    peer = sim_thread_start("peer", hear_late, &hears);
    sim_thread_join(peer);
    wait_for(&called_back, 1);
    one.socket = NULL;
    check_heard(&hears, 1000);
    if (is_sent) CU_ASSERT(hears.ended == 0 && hears.received == 1000);
    close_connection(&one);
}

/* ---- others come and go ------------------------------------------------------------------------------------- */

enum { OTHERS = 3 };

static void APM_CALL note_byte(apm_async_result *result)
{
    (void)result;
    let_others_go_on(20);
    atomic_fetch_add(&taken, 1);
}

/* While it closes the workers that wait take what comes for other connections. For a moment none waits; but more may
 * be started, and are. */
static void worker_that_is_about_to_be_started_is_there(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 2, .max_workers = 3 + OTHERS};
    static char bytes[OTHERS], byte;
    connection one, others[OTHERS];
    sim_thread *peer;
    hearer hears;
    int i;

    start_anew(&options);
    atomic_store(&taken, 0);
    atomic_store(&closes, 0);
    open_connection(&one);
    for (i = 0; i < OTHERS; i++) {
        open_connection(&others[i]);
        CU_ASSERT(apm_socket_begin_receive(others[i].socket, &bytes[i], 1, 0, note_byte, NULL, NULL) ==
                  APM_ERROR_SUCCESS);
    }
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, close_and_count, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    sim_peer_end(one.peer);
    for (i = 0; i < OTHERS; i++) {
        CU_ASSERT(sim_peer_write(others[i].peer, "x", 1, 60000) == 1);
        let_others_go_on(10);
    }
    peer = sim_thread_start("peer", hear_late, &hears);
    sim_thread_join(peer);
    wait_for(&called_back, 2);
    wait_for(&taken, OTHERS);
    one.socket = NULL;
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    close_connection(&one);
    for (i = 0; i < OTHERS; i++) close_connection(&others[i]);
}

/* More may be started, but none is to be had. */
static void worker_that_is_refused_is_not_waited_for(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 4};
    sim_profile profile = *sim_profile_now(), poor = profile;
    static char byte;
    sim_thread *peer;
    hearer hears;
    connection one;

    start_anew(&options);
    poor.faults[SIM_THREAD].nth = 1;
    poor.faults[SIM_THREAD].lasting = true;
    sim_set_profile(&poor);
    open_connection(&one);
    hears.peer = one.peer;
    peer = sim_thread_start("peer", hear_late, &hears);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, close_and_count, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    sim_thread_join(peer);
    wait_for(&called_back, 2);
    one.socket = NULL;
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    CU_ASSERT(close_time < MOMENT);
    close_connection(&one);
    sim_set_profile(&profile);
}

static void APM_CALL close_slowly(apm_async_result *result)
{
    uint64_t begun = sim_now();

    atomic_store(&closes, 1);
    CU_ASSERT(apm_socket_close_timeout((apm_socket *)apm_async_result_state(result), 20000) ==
              APM_ERROR_SUCCESS);
    close_time = sim_now() - begun;
    CU_ASSERT(apm_manual_reset_event_set(is_closed) == APM_ERROR_SUCCESS);
    count_callback(result);
}

static void APM_CALL wait_for_its_end(apm_async_result *result)
{
    CU_ASSERT(apm_manual_reset_event_wait_one(is_closed, APM_INFINITE) == APM_ERROR_SUCCESS);
    count_callback(result);
}

/* There are no more than two. The other one is there when the close begins to wait, and then not any more: its
 * callback waits for the one that closes. */
static void worker_that_is_kept_meanwhile_is_not_waited_for(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 2, .max_workers = 2};
    static char bytes[2];
    connection one, other;
    sim_thread *peer;
    hearer hears;

    start_anew(&options);
    atomic_store(&closes, 0);
    CU_ASSERT(apm_manual_reset_event_create(false, &is_closed) == APM_ERROR_SUCCESS);
    open_connection(&one);
    open_connection(&other);
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(one.socket, &bytes[0], 1, 0, close_slowly, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_receive(other.socket, &bytes[1], 1, 0, wait_for_its_end, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    wait_for(&closes, 1);
    sim_sleep(20);
    CU_ASSERT(sim_peer_write(other.peer, "x", 1, 60000) == 1);
    peer = sim_thread_start("peer", hear_late, &hears);
    sim_thread_join(peer);
    wait_for(&called_back, 3);
    one.socket = NULL;
    CU_ASSERT(hears.ended == 0 && hears.received == MUCH);
    CU_ASSERT(close_time < 1000);
    close_connection(&one);
    close_connection(&other);
    apm_manual_reset_event_close(is_closed);
}

/* ---- what was asked to abort ------------------------------------------------------------------------------- */

/* The kernel has a send, of which a part has gone, and maybe a list waits behind it. The cancel of the last one has been
 * asked for when the close begins; what became of it only this worker could see. */
static void APM_CALL cancel_and_close(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);
    apm_buffer buffers[MUCH_PARTS];
    apm_async_result *last = NULL;

    if (has_send)
        CU_ASSERT(apm_socket_begin_send(socket, much, MUCH, 0, count_callback, NULL,
                                        has_list ? NULL : &last) == APM_ERROR_SUCCESS);
    point_at_much(buffers);
    if (has_list)
        CU_ASSERT(apm_socket_begin_send_buffers(socket, buffers, MUCH_PARTS, 0, count_callback, NULL,
                                                &last) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_async_result_cancel(last) == APM_ERROR_SUCCESS);
    close_here(result);
    apm_async_result_release(last);
    count_callback(result);
}

static void cancel_and_close_in_a_callback(bool no_workers, bool send, bool list)
{
    apm_options options = {.size = sizeof options, .no_workers = no_workers};
    const uint32_t calls = 1 + send + list;
    static char byte;
    sim_thread *peer;
    hearer hears;
    connection one;

    if (!no_workers) options.min_workers = options.max_workers = 1;
    has_send = send;
    has_list = list;
    start_anew(&options);
    atomic_store(&called_back, 0);
    open_connection(&one);
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, cancel_and_close, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    peer = sim_thread_start("peer", hear_late, &hears);
    while (no_workers && atomic_load(&called_back) < calls) (void)apm_poll(10);
    sim_thread_join(peer);
    wait_for(&called_back, calls);
    one.socket = NULL;
    check_heard(&hears, (int64_t)(send + list) * MUCH);
    close_connection(&one);
}

static void cancelled_send_of_the_only_worker_has_no_good_end(void)
{
    cancel_and_close_in_a_callback(false, true, false);
}

static void cancelled_list_of_the_only_worker_has_no_good_end(void)
{
    cancel_and_close_in_a_callback(false, true, true);
    CU_ASSERT(close_time < MOMENT);
    cancel_and_close_in_a_callback(false, false, true);
    CU_ASSERT(close_time < MOMENT);
}

static apm_async_result *sending;

static void APM_CALL send_and_close_beside_a_cancel(apm_async_result *result)
{
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);

    CU_ASSERT(apm_socket_begin_send(socket, much, MUCH, 0, count_callback, NULL, &sending) ==
              APM_ERROR_SUCCESS);
    atomic_store(&taken, 1);
    let_others_go_on(10);
    close_here(result);
    count_callback(result);
}

/* Somebody else asks for the abort, while the close begins or as it goes on: where nobody looks at what became of it,
 * it is asked for before the stream is at its end, or not at all. */
static void cancel_beside_the_only_worker_gives_no_good_end(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 1};
    static char byte;
    sim_thread *peer;
    hearer hears;
    connection one;
    int round;

    start_anew(&options);
    for (round = 0; round < 12; round++) {
        atomic_store(&called_back, 0);
        atomic_store(&taken, 0);
        sending = NULL;
        open_connection(&one);
        hears.peer = one.peer;
        CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, send_and_close_beside_a_cancel,
                                           one.socket, NULL) == APM_ERROR_SUCCESS);
        CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
        peer = sim_thread_start("peer", hear_late, &hears);
        wait_for(&taken, 1);
        let_others_go_on(20);
        cancel_it(sending);
        sim_thread_join(peer);
        wait_for(&called_back, 2);
        one.socket = NULL;
        check_heard(&hears, MUCH);
        apm_async_result_release(sending);
        close_connection(&one);
    }
}

static void APM_CALL send_and_close(apm_async_result *result)
{
    CU_ASSERT(apm_socket_begin_send((apm_socket *)apm_async_result_state(result), much, 1000, 0,
                                    count_callback, NULL, NULL) == APM_ERROR_SUCCESS);
    close_here(result);
    count_callback(result);
}

/* What came of it is known: the program sends on, and ends its stream. */
static void cancel_that_is_over_is_no_doubt(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 1, .max_workers = 1};
    apm_async_result *cancelled = NULL;
    static char byte;
    sim_thread *peer;
    hearer hears;
    connection one;
    size_t sent = 0;

    start_anew(&options);
    open_connection(&one);
    hears.peer = one.peer;
    CU_ASSERT(apm_socket_begin_receive(one.socket, &byte, 1, 0, send_and_close, one.socket, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_send(one.socket, much, MUCH, 0, count_callback, NULL, &cancelled) ==
              APM_ERROR_SUCCESS);
    cancel_it(cancelled);
    wait_for(&called_back, 1);
    CU_ASSERT(apm_socket_end_send(one.socket, cancelled, &sent) == APM_ERROR_OPERATION_ABORTED);
    CU_ASSERT(sim_peer_write(one.peer, "x", 1, 60000) == 1);
    peer = sim_thread_start("peer", hear_late, &hears);
    sim_thread_join(peer);
    wait_for(&called_back, 3);
    one.socket = NULL;
    CU_ASSERT(hears.ended == 0 && hears.received == (int64_t)sent + 1000);
    CU_ASSERT(close_time < MOMENT);
    apm_async_result_release(cancelled);
    close_connection(&one);
}

/* Whoever closes does the work himself. */
static void what_is_cancelled_without_workers_has_no_good_end(void)
{
    cancel_and_close_in_a_callback(true, true, false);
    cancel_and_close_in_a_callback(true, true, true);
    cancel_and_close_in_a_callback(true, false, true);
}

static const plain_case scenes[] = {
    {"only_worker_waits_for_no_disconnect", only_worker_waits_for_no_disconnect},
    {"only_worker_waits_for_no_disconnect_behind_a_send", only_worker_waits_for_no_disconnect_behind_a_send},
    {"last_send_is_left_to_the_kernel", last_send_is_left_to_the_kernel},
    {"send_goes_on_where_another_worker_sees_its_end", send_goes_on_where_another_worker_sees_its_end},
    {"send_goes_on_where_whoever_closes_does_the_work", send_goes_on_where_whoever_closes_does_the_work},
    {"send_that_is_cut_off_does_not_look_whole", send_that_is_cut_off_does_not_look_whole},
    {"disconnect_of_the_only_worker_resets_nothing", disconnect_of_the_only_worker_resets_nothing},
    {"worker_that_is_about_to_be_started_is_there", worker_that_is_about_to_be_started_is_there},
    {"worker_that_is_refused_is_not_waited_for", worker_that_is_refused_is_not_waited_for},
    {"worker_that_is_kept_meanwhile_is_not_waited_for", worker_that_is_kept_meanwhile_is_not_waited_for},
    {"cancelled_send_of_the_only_worker_has_no_good_end", cancelled_send_of_the_only_worker_has_no_good_end},
    {"cancelled_list_of_the_only_worker_has_no_good_end", cancelled_list_of_the_only_worker_has_no_good_end},
    {"cancel_that_is_over_is_no_doubt", cancel_that_is_over_is_no_doubt},
    {"cancel_beside_the_only_worker_gives_no_good_end", cancel_beside_the_only_worker_gives_no_good_end},
    {"what_is_cancelled_without_workers_has_no_good_end", what_is_cancelled_without_workers_has_no_good_end},
};

int main(void)
{
    return play_scenes("interleaving_callback_close", scenes, sizeof scenes / sizeof scenes[0]);
}
