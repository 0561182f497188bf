/* SPDX-License-Identifier: MIT */
/* Scenes of the loader's lock: who begins, ends and waits while a module is being loaded. */
#include "scene.h"

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

/* ---- threads that cannot end yet ----------------------------------------------------------------------- */

static void APM_CALL wait_for_the_event(apm_async_result *result)
{
    (void)apm_manual_reset_event_wait_one((apm_manual_reset_event *)apm_async_result_state(result), 60000);
    atomic_fetch_add(&called_back, 1);
}

static void APM_CALL set_the_event(apm_async_result *result)
{
    (void)apm_manual_reset_event_set((apm_manual_reset_event *)apm_async_result_state(result));
    atomic_fetch_add(&called_back, 1);
}

static void receive_a_byte(connection *one, char *here, apm_async_callback callback, void *state)
{
    CU_ASSERT(apm_socket_begin_receive(one->socket, here, 1, 0, callback, state, NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(one->peer, "x", 1, 60000) == 1);
}

/* Both workers that there may be run. */
static void use_both_workers(connection *both, char *here)
{
    apm_manual_reset_event *event = NULL;

    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &event) == APM_ERROR_SUCCESS);
    receive_a_byte(&both[0], &here[0], wait_for_the_event, event);
    receive_a_byte(&both[1], &here[1], set_the_event, event);
    wait_for(&called_back, 2);
    sim_sleep(1);
    apm_manual_reset_event_close(event);
}

static void receive_in_a_dll_main(void *argument)
{
    connection *one = (connection *)argument;
    apm_async_result *result = NULL;
    char here;

    sim_set_loader(APMK_LOADER_HELD);
    CU_ASSERT(apm_socket_begin_receive(one->socket, &here, 1, 0, NULL, NULL, &result) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_async_result_wait(result, 1000) == APM_ERROR_SUCCESS);
    sim_set_loader(APMK_LOADER_FREE);
    apm_async_result_release(result);
}

/* One of two workers has left, and cannot end before the loader's lock is free: the other one does not wait for
 * that, but does what somebody waits for who has the lock. */
static void worker_that_cannot_end_holds_nobody_up(void)
{
    static char here[2];
    apm_options options = {0};
    connection both[2];
    sim_thread *thread;

    options.size = sizeof options;
    options.min_workers = 1;
    options.max_workers = 2;
    start_anew(&options);
    open_connection(&both[0]);
    open_connection(&both[1]);
    use_both_workers(both, here);
    sim_sleep(4990 + sim_draw(20));
    thread = sim_thread_start("module", receive_in_a_dll_main, &both[0]);
    sim_sleep(sim_draw(20));
    CU_ASSERT(sim_peer_write(both[0].peer, "x", 1, 60000) == 1);
    sim_thread_join(thread);
    close_connection(&both[1]);
    close_connection(&both[0]);
}

static void load_for_long(void *argument)
{
    (void)argument;
    sim_set_loader(APMK_LOADER_HELD);
    sim_sleep(5000);
    sim_set_loader(APMK_LOADER_FREE);
}

static void begin_look_up(sim_listener *listener, apm_socket **socket)
{
    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, socket) ==
                    APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_connect_host(*socket, "localhost", sim_listener_port(listener), count_callback,
                                            NULL, NULL) == APM_ERROR_SUCCESS);
}

/* Nor does one who begins a look-up wait for the thread of an earlier one, which cannot end; and who was about to
 * leave does what it was promised for. */
static void look_up_begins_when_its_thread_leaves(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 4);
    bool loads = sim_draw(2) == 0;
    sim_thread *thread = NULL;
    apm_socket *sockets[2];
    uint64_t begun;

    begin_look_up(listener, &sockets[0]);
    wait_for(&called_back, 1);
    sim_sleep(4990 + sim_draw(20));
    if (loads) thread = sim_thread_start("module", load_for_long, NULL);
    if (loads) sim_sleep(sim_draw(20));
    begun = sim_now();
    begin_look_up(listener, &sockets[1]);
    CU_ASSERT(sim_now() - begun < 1000);
    wait_for(&called_back, 2);
    CU_ASSERT(apm_socket_connected(sockets[1]));
    if (loads) sim_thread_join(thread);
    (void)apm_socket_close(sockets[0]);
    (void)apm_socket_close(sockets[1]);
    sim_listener_close(listener);
}

enum { LOOK_UPS = 64 }; /* as many as there may be threads for them */

/* All of them have left, and none can end: then there is no thread for another one, and it is not waited for. */
static void look_up_waits_for_no_place(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, LOOK_UPS + 1);
    apm_socket *sockets[LOOK_UPS + 1];
    sim_thread *thread;
    apm_error error;
    uint64_t begun;
    int i;

    if (sim_draw(8) != 0) { /* 64 threads take their time */
        sim_listener_close(listener);
        return;
    }
    sim_names_hold(true);
    for (i = 0; i < LOOK_UPS; i++) begin_look_up(listener, &sockets[i]);
    while (sim_names_waiting() < LOOK_UPS) sim_sleep(1);
    sim_names_hold(false);
    wait_for(&called_back, LOOK_UPS);
    sim_sleep(4990 + sim_draw(20));
    thread = sim_thread_start("module", load_for_long, NULL);
    sim_sleep(sim_draw(20));
    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &sockets[i]) ==
                    APM_ERROR_SUCCESS);
    begun = sim_now();
    error = apm_socket_begin_connect_host(sockets[i], "localhost", sim_listener_port(listener),
                                          count_callback, NULL, NULL);
    CU_ASSERT(sim_now() - begun < 1000);
    if (error == APM_ERROR_SUCCESS) wait_for(&called_back, LOOK_UPS + 1);
    sim_thread_join(thread);
    for (i = 0; i <= LOOK_UPS; i++) (void)apm_socket_close(sockets[i]);
    sim_listener_close(listener);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"library_begins_and_ends_beside_a_dll_main", library_begins_and_ends_beside_a_dll_main},
    {"connect_by_name_is_begun_beside_a_dll_main", connect_by_name_is_begun_beside_a_dll_main},
    {"connect_by_name_is_begun_in_a_dll_main", connect_by_name_is_begun_in_a_dll_main},
    {"worker_that_cannot_end_holds_nobody_up", worker_that_cannot_end_holds_nobody_up},
    {"look_up_begins_when_its_thread_leaves", look_up_begins_when_its_thread_leaves},
    {"look_up_waits_for_no_place", look_up_waits_for_no_place},
};

int main(void)
{
    return play_scenes("interleaving_loader", scenes, sizeof scenes / sizeof *scenes);
}
