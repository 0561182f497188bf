/* SPDX-License-Identifier: MIT */
/* What workers do with callbacks that they have put off: who gets some of them, and when one is taken for slow. */
#include "clock.h"

enum { LANES = 8, TURNS = 800, ROW = 32 /* callbacks in a row inside Begin: the next one is put off */ };

typedef struct batch_plan {
    uint32_t processors, workers, concurrency;
    uint32_t refused; /* posts of a thousand */
    bool waits;       /* another worker's callback waits until all others have had a turn */
} batch_plan;

static _Atomic uint32_t slow; /* times that the log told of a slow callback */

static void APM_CALL note_slow(const apm_log_record *record, void *context)
{
    (void)context;
    if (record->event == APM_EVENT_CALLBACK_SLOW) atomic_fetch_add(&slow, 1);
}

static void restart(const batch_plan *plan)
{
    sim_profile profile = *sim_profile_now();
    apm_options options = {0};

    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    profile.processors = plan->processors;
    profile.faults[SIM_POST].rate = plan->refused;
    sim_set_profile(&profile);
    options.size = sizeof options;
    options.min_workers = options.max_workers = plan->workers;
    options.concurrency = plan->concurrency;
    options.log = note_slow;
    options.log_level = APM_LOG_INFORMATION;
    atomic_store(&slow, 0);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
}

/* ---- who does it ------------------------------------------------------------------------------------ */

enum { THREADS = 64, PATIENCE = 2000 /* ms */ };

/* A connection whose callbacks send the next byte. */
typedef struct lane {
    apm_socket *socket;
    sim_peer *peer;
    _Atomic uint32_t turns;
} lane;

static lane lanes[LANES];
static _Atomic uint32_t over, failed;
static _Atomic uint32_t slowest;        /* turns of the slowest one when the first one was over */
static _Atomic uint32_t works[THREADS]; /* how many callbacks ran on each */

static void APM_CALL on_sent(apm_async_result *result);

static void note_over(void)
{
    uint32_t least = TURNS;
    int i;

    if (atomic_fetch_add(&over, 1) != 0) return;
    for (i = 0; i < LANES; i++) {
        uint32_t turns = atomic_load(&lanes[i].turns);

        if (turns < least) least = turns;
    }
    atomic_store(&slowest, least);
}

static void take_turn(lane *here)
{
    if (atomic_load(&here->turns) == TURNS)
        note_over();
    else if (apm_socket_begin_send(here->socket, "x", 1, 0, on_sent, here, NULL) != APM_ERROR_SUCCESS)
        atomic_fetch_add(&failed, 1);
}

static _Atomic bool waits; /* the next callback on another thread than this: */
static uint32_t starter;

/* Who has it in his hands what the others wait for, does not keep it. */
static void wait_for_others(const lane *here)
{
    uint32_t before[LANES];
    uint64_t begun = sim_now();
    int i;

    for (i = 0; i < LANES; i++) before[i] = atomic_load(&lanes[i].turns);
    for (i = 0; i < LANES; i++)
        while (&lanes[i] != here && before[i] != TURNS && atomic_load(&lanes[i].turns) == before[i] &&
               sim_now() - begun < PATIENCE)
            sim_sleep(1);
    if (sim_now() - begun >= PATIENCE) atomic_fetch_add(&failed, 1);
}

static void APM_CALL on_sent(apm_async_result *result)
{
    lane *here = (lane *)apm_async_result_state(result);

    if (atomic_load(&waits) && sim_thread_self() != starter && atomic_exchange(&waits, false))
        wait_for_others(here);

    atomic_fetch_add(&works[sim_thread_self() % THREADS], 1);
    if (apm_socket_end_send(here->socket, result, NULL) != APM_ERROR_SUCCESS) atomic_fetch_add(&failed, 1);
    atomic_fetch_add(&here->turns, 1);
    take_turn(here);
}

/* All begin in the callback of a worker. */
static void APM_CALL start_turns(apm_async_result *result)
{
    int i;

    if (apm_socket_end_receive(lanes[0].socket, result, NULL) != APM_ERROR_SUCCESS)
        atomic_fetch_add(&failed, 1);
    starter = sim_thread_self();
    for (i = 0; i < LANES; i++) take_turn(&lanes[i]);
}

/* How many workers have a fair part in it, which is half of an equal one. */
static uint32_t count_workers(const batch_plan *plan)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, LANES);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    uint32_t count = 0;
    char here;
    int i;

    restart(plan);
    atomic_store(&over, 0);
    atomic_store(&failed, 0);
    atomic_store(&waits, plan->waits);
    for (i = 0; i < THREADS; i++) atomic_store(&works[i], 0);
    for (i = 0; i < LANES; i++) {
        lanes[i].socket = new_stream();
        atomic_store(&lanes[i].turns, 0);
        CU_ASSERT(apm_socket_connect(lanes[i].socket, &remote) == APM_ERROR_SUCCESS);
        lanes[i].peer = sim_accept(listener, 1000);
    }
    CU_ASSERT(apm_socket_begin_receive(lanes[0].socket, &here, 1, 0, start_turns, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    sim_sleep(100); /* until all workers are at rest */
    CU_ASSERT(sim_peer_write(lanes[0].peer, "x", 1, 1000) == 1);
    while (atomic_load(&over) != LANES) sim_sleep(1);
    CU_ASSERT(atomic_load(&failed) == 0 && (plan->waits || atomic_load(&slow) == 0));
    CU_ASSERT(!atomic_load(&waits));
    for (i = 0; i < LANES; i++) {
        (void)apm_socket_close(lanes[i].socket);
        sim_peer_close(lanes[i].peer);
    }
    sim_listener_close(listener);
    for (i = 0; i < THREADS; i++) count += atomic_load(&works[i]) >= LANES * TURNS / plan->workers / 2;
    return count;
}

static void busy_worker_gives_half_to_one_that_waits(void)
{
    const batch_plan two = {2, 2, 2, 0, false}, four = {4, 4, 4, 0, false};

    CU_ASSERT(count_workers(&two) == 2);
    CU_ASSERT(atomic_load(&slowest) >= TURNS / 4); /* none waits much longer than another one */
    CU_ASSERT(count_workers(&four) == 4);
}

static void what_cannot_be_given_away_is_kept(void)
{
    const batch_plan some = {2, 2, 2, 500, false}, all = {2, 2, 2, 1000, false};

    CU_ASSERT(count_workers(&some) == 2); /* what could not be given away is, the next time */
    CU_ASSERT(count_workers(&all) == 1);
}

/* Of twenty workers four have none to watch over what they hold. */
static void callback_may_wait_for_what_came_with_it(void)
{
    const batch_plan few = {2, 2, 2, 0, true}, many = {20, 20, 20, 0, true};

    (void)count_workers(&few);
    (void)count_workers(&many);
}

static void where_one_runs_at_a_time_it_keeps_all(void)
{
    const batch_plan processor = {1, 2, 2, 0, false}, concurrency = {2, 2, 1, 0, false};

    CU_ASSERT(count_workers(&processor) == 1);
    CU_ASSERT(count_workers(&concurrency) == 1);
}

/* ---- a callback that takes its time ------------------------------------------------------------------- */

/* Its callback begins so many sends, a millisecond after each other. */
typedef struct series {
    timed one;
    uint32_t number;
    _Atomic uint32_t count; /* that have called back */
    char here;
} series;

static void APM_CALL count_sent(apm_async_result *result)
{
    series *all = (series *)apm_async_result_state(result);

    if (apm_socket_end_send(all->one.socket, result, NULL) == APM_ERROR_SUCCESS)
        atomic_fetch_add(&all->count, 1);
}

static void APM_CALL send_slowly(apm_async_result *result)
{
    series *all = (series *)apm_async_result_state(result);
    apm_error error = apm_socket_end_receive(all->one.socket, result, NULL);
    uint32_t i;

    for (i = 0; i < all->number && error == APM_ERROR_SUCCESS; i++) {
        error = apm_socket_begin_send(all->one.socket, "x", 1, 0, count_sent, all, NULL);
        sim_sleep(1);
    }
    end_time(&all->one, error);
}

/* Whether what such a callback has put off was taken from its worker. */
static bool is_taken_for_slow(uint32_t number)
{
    const batch_plan plan = {2, 2, 2, 0, false};
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 1);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    series all = {.number = number};
    sim_peer *peer;

    restart(&plan);
    (void)connect_to(new_stream(), &remote, 1, 0, &all.one);
    peer = sim_accept(listener, 1000);
    begin_time(&all.one, all.one.socket);
    CU_ASSERT(apm_socket_begin_receive(all.one.socket, &all.here, 1, 0, send_slowly, &all, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(sim_peer_write(peer, "x", 1, 1000) == 1);
    (void)wait_end(&all.one);
    CU_ASSERT(all.one.error == APM_ERROR_SUCCESS);
    while (atomic_load(&all.count) != number) sim_sleep(1);
    (void)apm_socket_close(all.one.socket);
    sim_peer_close(peer);
    sim_listener_close(listener);
    return atomic_load(&slow) != 0;
}

/* The watch looks each 10 ms, and has patience with what does not advance for one look; and with what others
 * wait behind for eight. */
static void callback_that_begins_operations_is_not_taken_for_one_that_waits(void)
{
    CU_ASSERT(!is_taken_for_slow(ROW + 50));
}

static void callback_that_begins_operations_without_end_is_slow(void)
{
    CU_ASSERT(is_taken_for_slow(ROW + 400));
}

static const plain_case tests[] = {
    {"busy_worker_gives_half_to_one_that_waits", busy_worker_gives_half_to_one_that_waits},
    {"what_cannot_be_given_away_is_kept", what_cannot_be_given_away_is_kept},
    {"callback_may_wait_for_what_came_with_it", callback_may_wait_for_what_came_with_it},
    {"where_one_runs_at_a_time_it_keeps_all", where_one_runs_at_a_time_it_keeps_all},
    {"callback_that_begins_operations_is_not_taken_for_one_that_waits",
     callback_that_begins_operations_is_not_taken_for_one_that_waits},
    {"callback_that_begins_operations_without_end_is_slow",
     callback_that_begins_operations_without_end_is_slow},
};

int main(void)
{
    return play_clock("batch", tests, sizeof tests / sizeof *tests, true);
}
