/* SPDX-License-Identifier: MIT */
/*
 * When callbacks come that have to be posted, where posts fail or callbacks are slow: to the millisecond; and what
 * the log tells of it.
 */
#include "clock.h"

/* ---- posts that fail ---------------------------------------------------------------------------------- */

/* A receive whose callback has to be posted: its byte is there, and the pool has to run it. */
static void receive_by_post(uint32_t nth, uint32_t rate, uint64_t expected)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 8);
    apm_endpoint remote = at_port(sim_listener_port(listener));
    apm_socket *socket = new_stream();
    sim_peer *peer;
    timed one;
    char here;

    (void)connect_to(socket, &remote, 1, 0, &one);
    peer = sim_accept(listener, 1000);
    CU_ASSERT(sim_peer_write(peer, "x", 1, 1000) == 1);
    sim_sleep(100); /* until all workers are at rest */
    set_post_fault(nth, rate);
    begin_time(&one, socket);
    CU_ASSERT(apm_socket_begin_receive(socket, &here, 1, 0, note_receive, &one, NULL) == APM_ERROR_SUCCESS);
    if (rate != 0) {
        sim_sleep((uint32_t)expected);
        CU_ASSERT(!atomic_load(&one.done));
        set_post_fault(0, 0);
    }
    CU_ASSERT(is_near(wait_end(&one), expected));
    CU_ASSERT(one.error == APM_ERROR_SUCCESS);
    sim_peer_close(peer);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

static void failed_post_is_made_up_for(void)
{
    receive_by_post(1, 0, 10);
}

static void failing_posts_end_when_the_system_has_memory_again(void)
{
    receive_by_post(0, 1000, 1500);
}

/* ---- what the log tells of it -------------------------------------------------------------------- */

/* Of one kind of event. */
typedef struct notes {
    int32_t event, level;
    _Atomic uint32_t count;
    uint64_t first; /* value */
    bool differ, wrong;
} notes;

static void APM_CALL note_event(const apm_log_record *record, void *context)
{
    notes *all = (notes *)context;

    if (record->event != all->event) return;
    if (record->level != all->level || record->error != APM_ERROR_SUCCESS) all->wrong = true;
    if (atomic_load(&all->count) == 0) all->first = record->value;
    if (record->value != all->first) all->differ = true;
    atomic_fetch_add(&all->count, 1);
}

static void restart_noting(notes *all, uint32_t workers)
{
    apm_options options = {0};

    options.size = sizeof options;
    options.max_workers = workers;
    options.callbacks_on_pool = true;
    options.log = note_event;
    options.log_context = all;
    options.log_level = all->level;
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
}

/* A connection, and its receive of a byte. */
typedef struct receiving {
    timed one;
    sim_listener *listener;
    sim_peer *peer;
    char here;
    apm_manual_reset_event *shut; /* NULL: the callback waits for nothing */
} receiving;

static void APM_CALL note_and_wait(apm_async_result *result)
{
    receiving *on = (receiving *)apm_async_result_state(result);
    apm_error error = apm_socket_end_receive(on->one.socket, result, NULL);

    if (on->shut != NULL) (void)apm_manual_reset_event_wait_one(on->shut, APM_INFINITE);
    end_time(&on->one, error);
}

static void open_receiving(receiving *on, bool waits)
{
    apm_endpoint remote;

    on->listener = sim_listen(APM_FAMILY_IPV4, 8);
    remote = at_port(sim_listener_port(on->listener));
    (void)connect_to(new_stream(), &remote, 1, 0, &on->one);
    CU_ASSERT(on->one.error == APM_ERROR_SUCCESS);
    on->peer = sim_accept(on->listener, 1000);
    on->shut = NULL;
    if (waits) CU_ASSERT(apm_manual_reset_event_create(false, &on->shut) == APM_ERROR_SUCCESS);
}

static void begin_receiving(receiving *on)
{
    begin_time(&on->one, on->one.socket);
    CU_ASSERT(apm_socket_begin_receive(on->one.socket, &on->here, 1, 0, note_and_wait, on, NULL) ==
              APM_ERROR_SUCCESS);
}

static void write_to(receiving *on)
{
    CU_ASSERT(sim_peer_write(on->peer, "x", 1, 1000) == 1);
}

static void let_go(receiving *on)
{
    CU_ASSERT(apm_manual_reset_event_set(on->shut) == APM_ERROR_SUCCESS);
    (void)wait_end(&on->one);
}

static void close_receiving(receiving *on)
{
    CU_ASSERT(on->one.error == APM_ERROR_SUCCESS);
    if (on->shut != NULL) apm_manual_reset_event_close(on->shut);
    sim_peer_close(on->peer);
    (void)apm_socket_close(on->one.socket);
    sim_listener_close(on->listener);
}

enum { SOME = 5 };

/* Callbacks that have to be posted. Either one of the posts fails, or all do for 45 ms, in which no worker looks
 * for what could not be posted. */
static void delay_packets(notes *all, int number, uint32_t nth, uint32_t rate)
{
    receiving many[SOME];
    int i;

    restart_noting(all, 0);
    for (i = 0; i < number; i++) {
        open_receiving(&many[i], false);
        write_to(&many[i]);
    }
    sim_sleep(100); /* until all workers are at rest */
    CU_ASSERT(atomic_load(&all->count) == 0);
    set_post_fault(nth, rate);
    for (i = 0; i < number; i++) begin_receiving(&many[i]);
    if (rate != 0) {
        sim_sleep(45);
        set_post_fault(0, 0);
    }
    for (i = 0; i < number; i++) {
        (void)wait_end(&many[i].one);
        close_receiving(&many[i]);
    }
    sim_sleep(100); /* it is told after the posts, which is after the callback perhaps */
    set_post_fault(0, 0);
    CU_ASSERT(!all->wrong && !all->differ);
}

static void delayed_packets_are_told_with_their_number(void)
{
    notes one = {.event = APM_EVENT_PACKETS_DELAYED, .level = APM_LOG_WARNING};
    notes all = {.event = APM_EVENT_PACKETS_DELAYED, .level = APM_LOG_WARNING};
    notes none = {.event = APM_EVENT_PACKETS_DELAYED, .level = APM_LOG_WARNING};

    delay_packets(&one, 1, 1, 0);
    CU_ASSERT(atomic_load(&one.count) == 1 && one.first == 1);
    /* After 10, 20, 30 and 40 ms they are posted in vain. */
    delay_packets(&all, SOME, 0, 1000);
    CU_ASSERT(atomic_load(&all.count) >= 3 && atomic_load(&all.count) <= 5 && all.first == SOME);
    /* The worker that takes the others' takes this one, too. */
    delay_packets(&none, SOME, 2, 0);
    CU_ASSERT(atomic_load(&none.count) == 0);
}

/* Both workers are in callbacks, so that what comes meanwhile is taken at once by the one who is
 * let go first. Its callback waits, and it keeps all but that one. */
static void slow_callback_is_told_with_what_it_held_up(void)
{
    notes all = {.event = APM_EVENT_CALLBACK_SLOW, .level = APM_LOG_INFORMATION};
    receiving first, second, many[SOME];
    int i;

    restart_noting(&all, 2);
    open_receiving(&first, true);
    open_receiving(&second, true);
    for (i = 0; i < SOME; i++) {
        open_receiving(&many[i], i == 0);
        begin_receiving(&many[i]);
    }
    sim_sleep(11000); /* a worker that has waited in vain takes many packets at once again */
    begin_receiving(&first);
    write_to(&first);
    sim_sleep(100);
    begin_receiving(&second);
    write_to(&second);
    sim_sleep(100);
    for (i = 0; i < SOME; i++) write_to(&many[i]);
    sim_sleep(100);
    CU_ASSERT(atomic_load(&all.count) == 0);
    let_go(&second);
    sim_sleep(100);
    for (i = 1; i < SOME; i++) CU_ASSERT(!atomic_load(&many[i].one.done));
    let_go(&first);
    for (i = 1; i < SOME; i++) (void)wait_end(&many[i].one);
    CU_ASSERT(!atomic_load(&many[0].one.done));
    let_go(&many[0]);
    CU_ASSERT(atomic_load(&all.count) == 1 && all.first == SOME - 1 && !all.wrong);
    for (i = 0; i < SOME; i++) close_receiving(&many[i]);
    close_receiving(&second);
    close_receiving(&first);
}

/* ---- what is put off -------------------------------------------------------------------------------- */

enum { ROW = 40 /* more than a worker calls back in a row inside Begin */ };

/* A callback that begins so many sends, all over at once, and waits until they have called back. */
typedef struct series {
    receiving on;
    _Atomic uint32_t count;
    bool waits; /* for some that had not before the last Begin was over */
} series;

static void APM_CALL count_sent(apm_async_result *result)
{
    atomic_fetch_add(&((series *)apm_async_result_state(result))->count, 1);
}

static void APM_CALL send_series(apm_async_result *result)
{
    series *all = (series *)apm_async_result_state(result);
    apm_socket *socket = all->on.one.socket;
    apm_error error = apm_socket_end_receive(socket, result, NULL);
    int i;

    for (i = 0; i < ROW && error == APM_ERROR_SUCCESS; i++)
        error = apm_socket_begin_send(socket, "x", 1, 0, count_sent, all, NULL);
    all->waits = atomic_load(&all->count) != ROW;
    while (atomic_load(&all->count) != ROW) sim_sleep(1);
    end_time(&all->on.one, error);
}

static bool series_waits(series *all)
{
    atomic_store(&all->count, 0);
    begin_time(&all->on.one, all->on.one.socket);
    CU_ASSERT(apm_socket_begin_receive(all->on.one.socket, &all->on.here, 1, 0, send_series, all, NULL) ==
              APM_ERROR_SUCCESS);
    write_to(&all->on);
    (void)wait_end(&all->on.one);
    return all->waits;
}

/* What a worker puts off waits for the watch if a callback is slow. After that nobody puts anything
 * off, so that the next slow one holds up nothing; but not for ever. */
static void after_a_slow_callback_nothing_is_put_off_for_a_while(void)
{
    apm_options options = {0};
    series all;

    options.size = sizeof options;
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    open_receiving(&all.on, false);
    CU_ASSERT(series_waits(&all));
    CU_ASSERT(!series_waits(&all));
    sim_sleep(1000);
    CU_ASSERT(series_waits(&all));
    close_receiving(&all.on);
}

static const plain_case tests[] = {
    {"failed_post_is_made_up_for", failed_post_is_made_up_for},
    {"failing_posts_end_when_the_system_has_memory_again",
     failing_posts_end_when_the_system_has_memory_again},
    {"delayed_packets_are_told_with_their_number", delayed_packets_are_told_with_their_number},
    {"slow_callback_is_told_with_what_it_held_up", slow_callback_is_told_with_what_it_held_up},
    {"after_a_slow_callback_nothing_is_put_off_for_a_while",
     after_a_slow_callback_nothing_is_put_off_for_a_while},
};

int main(void)
{
    return play_clock("clock_posts", tests, sizeof tests / sizeof *tests, true);
}
