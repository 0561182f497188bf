/* SPDX-License-Identifier: MIT */
/* Scenes of the library: who comes first of its workers, those who look names up, start it and end it. */
#include "scene.h"

enum { MANY = 6 };

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

static void start_with_workers(uint32_t least, uint32_t most)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.min_workers = least;
    options.max_workers = most;
    start_anew(&options);
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
    start_with_workers(2, 2);
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

/* ---- leaving ----------------------------------------------------------------------------------------- */

static void APM_CALL receive_at_start(apm_async_result *result)
{
    rally *all = (rally *)apm_async_result_state(result);
    char here = 0;

    CU_ASSERT(apm_socket_receive(all->start.socket, &here, 1, 0, NULL) == APM_ERROR_SUCCESS);
    atomic_fetch_add(&all->over, 1);
}

/* There are as many workers as there may be. One of them leaves, idle for 5 s, just when the other takes a packet
 * whose callback waits for the next one: somebody has to be there for it. */
static void idle_worker_leaves_nobody_waiting_alone(void)
{
    rally all = {0};
    char here[2];

    start_with_workers(1, 2);
    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &all.let_go) == APM_ERROR_SUCCESS);
    open_connection(&all.other);
    open_connection(&all.start);
    call_by_byte(&all.other, &here[0], keep_worker, &all);
    wait_for(&all.kept, 1);
    call_by_byte(&all.start, &here[1], keep_worker, &all);
    wait_for(&all.kept, 2);
    (void)apm_manual_reset_event_set(all.let_go);
    wait_for(&all.over, 2);
    sim_sleep(4996 + sim_draw(8));
    call_by_byte(&all.other, &here[0], receive_at_start, &all);
    CU_ASSERT(sim_peer_write(all.start.peer, "x", 1, 60000) == 1);
    wait_for(&all.over, 3);
    close_connection(&all.start);
    close_connection(&all.other);
    apm_manual_reset_event_close(all.let_go);
}

/* ---- without workers ------------------------------------------------------------------------------------ */

typedef struct errand {
    connection waits, sends;
    uint64_t begun;
    _Atomic uint32_t over;
    apm_manual_reset_event *next;
} errand;

enum { ERRANDS = 4 };

static void start_without_workers(void)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.no_workers = options.callbacks_on_pool = true;
    start_anew(&options);
}

static void receive_and_help(void *argument)
{
    errand *all = (errand *)argument;
    char here = 0;

    CU_ASSERT(apm_socket_receive(all->waits.socket, &here, 1, 0, NULL) == APM_ERROR_SUCCESS);
}

static void poll_for_callbacks(void *argument)
{
    apm_error error;

    (void)argument;
    do error = apm_poll(APM_INFINITE);
    while (error == APM_ERROR_SUCCESS);
    CU_ASSERT(error == APM_ERROR_NOT_INITIALIZED);
}

static void APM_CALL be_in_time(apm_async_result *result)
{
    errand *all = (errand *)apm_async_result_state(result);

    /* What cannot be posted comes late. */
    if (sim_profile_now()->faults[SIM_POST].rate == 0) CU_ASSERT(sim_now() - all->begun < 1000);
    atomic_fetch_add(&all->over, 1);
}

/* Who helps at the port, or looks there after his callbacks, may take the packet that was to wake another one. */
static void poller_is_woken_whoever_takes_its_packet(void)
{
    sim_thread *helper, *pollers[2];
    errand all = {0};
    int i;

    start_without_workers();
    open_connection(&all.waits);
    open_connection(&all.sends);
    helper = sim_thread_start("helper", receive_and_help, &all);
    for (i = 0; i < 2; i++) pollers[i] = sim_thread_start("poller", poll_for_callbacks, NULL);
    for (i = 0; i < ERRANDS; i++) {
        sim_sleep(sim_draw(3));
        all.begun = sim_now();
        CU_ASSERT(apm_socket_begin_send(all.sends.socket, "x", 1, 0, be_in_time, &all, NULL) ==
                  APM_ERROR_SUCCESS);
        wait_for(&all.over, (uint32_t)i + 1);
    }
    CU_ASSERT(sim_peer_write(all.waits.peer, "x", 1, 60000) == 1);
    sim_thread_join(helper);
    close_connection(&all.sends);
    close_connection(&all.waits);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    for (i = 0; i < 2; i++) sim_thread_join(pollers[i]);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

static void APM_CALL wait_for_the_next(apm_async_result *result)
{
    errand *all = (errand *)apm_async_result_state(result);

    if (atomic_fetch_add(&all->over, 1) == 0) (void)apm_manual_reset_event_wait_one(all->next, APM_INFINITE);
    if (sim_profile_now()->faults[SIM_POST].rate == 0) CU_ASSERT(sim_now() - all->begun < 1000);
    (void)apm_manual_reset_event_set(all->next);
    atomic_fetch_add(&called_back, 1);
}

/* Nor is one who takes what was to wake two the only one to wake: the first callback waits for the second. */
static void each_poller_is_woken_whoever_takes_all_packets(void)
{
    sim_thread *pollers[2];
    errand all = {0};
    int i;

    start_without_workers();
    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &all.next) == APM_ERROR_SUCCESS);
    open_connection(&all.sends);
    for (i = 0; i < 2; i++) pollers[i] = sim_thread_start("poller", poll_for_callbacks, NULL);
    sim_sleep(sim_draw(3));
    all.begun = sim_now();
    for (i = 0; i < 2; i++)
        CU_ASSERT(apm_socket_begin_send(all.sends.socket, "x", 1, 0, wait_for_the_next, &all, NULL) ==
                  APM_ERROR_SUCCESS);
    wait_for(&called_back, 2);
    close_connection(&all.sends);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    for (i = 0; i < 2; i++) sim_thread_join(pollers[i]);
    apm_manual_reset_event_close(all.next);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

/* ---- no thread for a worker, nor for a timer --------------------------------------------------------- */

static void refuse_threads(uint32_t rate)
{
    sim_profile profile = *sim_profile_now();

    profile.faults[SIM_THREAD].rate = rate;
    sim_set_profile(&profile);
}

typedef struct shortage {
    connection first, second;
    apm_manual_reset_event *event;
    apmk_event over; /* the kernel's, who knows nothing of workers */
    _Atomic uint32_t inside;
} shortage;

static void APM_CALL set_event(apm_async_result *result)
{
    (void)apm_manual_reset_event_set((apm_manual_reset_event *)apm_async_result_state(result));
}

static void APM_CALL set_the_kernels(apm_async_result *result)
{
    (void)apmk_event_set(((shortage *)apm_async_result_state(result))->over);
}

/* Waits for what the main thread does when it has waited for the other one. */
static void APM_CALL wait_for_the_main_thread(apm_async_result *result)
{
    shortage *all = (shortage *)apm_async_result_state(result);

    atomic_store(&all->inside, 1);
    CU_ASSERT(apmk_event_wait(all->over, APMK_FOREVER) == APMK_SUCCESS);
    count_callback(result);
}

/* The only worker goes into a callback when there are no threads. Afterwards there are some, and something for
 * them to do. */
static void be_short_of_threads(void *argument)
{
    shortage *all = (shortage *)argument;

    sim_sleep(sim_draw(20));
    refuse_threads(1000);
    CU_ASSERT(sim_peer_write(all->second.peer, "x", 1, 60000) == 1);
    wait_for(&all->inside, 1);
    sim_sleep(sim_draw(20));
    refuse_threads(0);
    CU_ASSERT(sim_peer_write(all->first.peer, "x", 1, 60000) == 1);
}

/* Two connections, and the one worker that is left when nothing has happened for long; `there` is where the second
 * one receives. */
static void wait_with_one_worker(shortage *all, char *there)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.min_workers = 1;
    start_anew(&options);
    CU_ASSERT_FATAL(apmk_event_create(false, &all->over) == APMK_SUCCESS);
    open_connection(&all->first);
    open_connection(&all->second);
    sim_sleep(20000);
    CU_ASSERT(apm_socket_begin_receive(all->second.socket, there, 1, 0, wait_for_the_main_thread, all,
                                       NULL) == APM_ERROR_SUCCESS);
}

static void close_shortage(shortage *all)
{
    close_connection(&all->first);
    close_connection(&all->second);
    apmk_event_close(all->over);
}

/* Who waits finds a worker then, also if there was one at the port when he began to wait. */
static void wait_from_before_a_shortage_ends_after_it(void)
{
    apm_async_result *result = NULL;
    shortage all = {0};
    sim_thread *thread;
    char here[2];

    CU_ASSERT_FATAL(apm_manual_reset_event_create(false, &all.event) == APM_ERROR_SUCCESS);
    wait_with_one_worker(&all, &here[1]);
    CU_ASSERT(apm_socket_begin_receive(all.first.socket, &here[0], 1, 0, set_event, all.event, &result) ==
              APM_ERROR_SUCCESS);
    thread = sim_thread_start("shortage", be_short_of_threads, &all);
    switch (sim_draw(4)) {
    case 0: CU_ASSERT(apm_async_result_wait(result, APM_INFINITE) == APM_ERROR_SUCCESS); break;
    case 1: CU_ASSERT(apm_async_result_wait(result, 600000) == APM_ERROR_SUCCESS); break;
    case 2: CU_ASSERT(apm_manual_reset_event_wait_one(all.event, APM_INFINITE) == APM_ERROR_SUCCESS); break;
    default: CU_ASSERT(apm_manual_reset_event_wait_one(all.event, 600000) == APM_ERROR_SUCCESS); break;
    }
    CU_ASSERT(apmk_event_set(all.over) == APMK_SUCCESS);
    sim_thread_join(thread);
    wait_for(&called_back, 1);
    CU_ASSERT(apm_manual_reset_event_wait_one(all.event, APM_INFINITE) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    close_shortage(&all);
    apm_manual_reset_event_close(all.event);
}

/* So does the end of the library, and a poll, which wait for nothing else. */
static void end_from_before_a_shortage_comes(void)
{
    shortage all = {0};
    char here[2];

    wait_with_one_worker(&all, &here[1]);
    CU_ASSERT(apm_socket_begin_receive(all.first.socket, &here[0], 1, 0, set_the_kernels, &all, NULL) ==
              APM_ERROR_SUCCESS);
    refuse_threads(1000);
    CU_ASSERT(sim_peer_write(all.second.peer, "x", 1, 60000) == 1);
    wait_for(&all.inside, 1);
    refuse_threads(0);
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(atomic_load(&called_back) == 1);
    close_shortage(&all);
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

/* ---- a name ------------------------------------------------------------------------------------------ */

/* There is no thread for the second look-up, and the one of the first is at work: then it waits for that. */
static void look_up_without_a_thread_waits_for_another_ones(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 4);
    apm_socket *sockets[2];
    int i;

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

/* The thread that is idle for 5 s just when a connect counts on it stays for its name. */
static void idle_thread_stays_for_a_name_that_begins(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    sim_profile profile = *sim_profile_now();
    apm_socket *socket;
    uint32_t round;

    profile.ticks = TICKS;
    sim_set_profile(&profile);
    for (round = 1; round <= 5; round++) {
        CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
                        APM_ERROR_SUCCESS);
        CU_ASSERT(apm_socket_begin_connect_host(socket, "localhost", sim_listener_port(listener),
                                                count_callback, NULL, NULL) == APM_ERROR_SUCCESS);
        wait_for(&called_back, round);
        CU_ASSERT(apm_socket_close(socket) == APM_ERROR_SUCCESS);
        sim_sleep(4990 + sim_draw(10));
    }
    sim_listener_close(listener);
}

/* The callback gives the only hold of the socket back, perhaps before Begin has returned. */
static void callback_closes_a_socket_that_looks_a_name_up(void)
{
    apm_socket *socket = NULL;

    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
                    APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_connect_host(socket, "nobody", 9, close_it, socket, NULL) ==
              APM_ERROR_SUCCESS);
    wait_for(&called_back, 1);
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

/* That the library is being ended is the library's, and not of a socket that nobody has yet. */
static void dual_socket_is_made_or_not_made_by_an_end(void)
{
    apm_socket *socket = NULL;
    sim_thread *thread = sim_thread_start("ender", end_library, NULL);
    apm_error error = apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket);

    sim_thread_join(thread);
    CU_ASSERT((socket != NULL) == (error == APM_ERROR_SUCCESS));
    CU_ASSERT(error == APM_ERROR_SUCCESS || error == APM_ERROR_INVALID_OPERATION);
    if (socket != NULL) CU_ASSERT(apm_socket_close(socket) == APM_ERROR_SUCCESS);
    while (apm_cleanup() == APM_ERROR_SUCCESS) {
    } /* as above */
    CU_ASSERT(apm_startup(NULL) == APM_ERROR_SUCCESS);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"callbacks_that_wait_for_each_other_all_run", callbacks_that_wait_for_each_other_all_run},
    {"callback_waits_for_the_one_it_took_turns_with", callback_waits_for_the_one_it_took_turns_with},
    {"idle_worker_leaves_nobody_waiting_alone", idle_worker_leaves_nobody_waiting_alone},
    {"poller_is_woken_whoever_takes_its_packet", poller_is_woken_whoever_takes_its_packet},
    {"each_poller_is_woken_whoever_takes_all_packets", each_poller_is_woken_whoever_takes_all_packets},
    {"wait_from_before_a_shortage_ends_after_it", wait_from_before_a_shortage_ends_after_it},
    {"end_from_before_a_shortage_comes", end_from_before_a_shortage_comes},
    {"look_up_without_a_thread_waits_for_another_ones", look_up_without_a_thread_waits_for_another_ones},
    {"idle_thread_stays_for_a_name_that_begins", idle_thread_stays_for_a_name_that_begins},
    {"callback_closes_a_socket_that_looks_a_name_up", callback_closes_a_socket_that_looks_a_name_up},
    {"handle_is_adopted_or_left_alone_by_an_end", handle_is_adopted_or_left_alone_by_an_end},
    {"dual_socket_is_made_or_not_made_by_an_end", dual_socket_is_made_or_not_made_by_an_end},
};

int main(void)
{
    return play_scenes("interleaving_library", scenes, sizeof scenes / sizeof *scenes);
}
