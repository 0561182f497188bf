/* SPDX-License-Identifier: MIT */
/* Manual-reset events: they stay signaled until they are reset, for everybody. */
#include <stdatomic.h>

#include "../support/fixture.h"

static apm_manual_reset_event *event_new(bool signaled)
{
    apm_manual_reset_event *event = NULL;

    (void)CHECK_ERROR(apm_manual_reset_event_create(signaled, &event), APM_ERROR_SUCCESS);
    CHECK(event != NULL);
    return event;
}

/* ---- one thread ------------------------------------------------------------------------------ */

static void event_begins_as_it_was_asked_for(void)
{
    apm_manual_reset_event *set = event_new(true), *unset = event_new(false);

    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(set, 0), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(unset, 0), APM_ERROR_TIMED_OUT);
    apm_manual_reset_event_close(set);
    apm_manual_reset_event_close(unset);
}

static void signal_stays_until_it_is_taken_back(void)
{
    apm_manual_reset_event *event = event_new(false);
    unsigned i;

    for (i = 0; i < 3; i++) {
        (void)CHECK_ERROR(apm_manual_reset_event_set(event), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_set(event), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_wait_one(event, 0), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_wait_one(event, 1), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_wait_one(event, APM_INFINITE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_reset(event), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_reset(event), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_wait_one(event, 0), APM_ERROR_TIMED_OUT);
    }
    apm_manual_reset_event_close(event);
}

static void wait_lasts_as_long_as_it_was_told(void)
{
    apm_manual_reset_event *event = event_new(false);
    uint64_t start = test_now(), took;

    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(event, 120), APM_ERROR_TIMED_OUT);
    took = test_now() - start;
    CHECK(took >= 100); /* clocks of different grain */
    CHECK(took < PATIENCE);
    apm_manual_reset_event_close(event);
}

static void null_is_answered(void)
{
    (void)CHECK_ERROR(apm_manual_reset_event_create(true, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_manual_reset_event_set(NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_manual_reset_event_reset(NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(NULL, 0), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(NULL, APM_INFINITE), APM_ERROR_ARGUMENT_NULL);
    CHECK(apm_manual_reset_event_handle(NULL) == NULL);
    apm_manual_reset_event_close(NULL);
}

static void handle_is_the_kernels(void)
{
    apm_manual_reset_event *event = event_new(false);
    void *handle = apm_manual_reset_event_handle(event);

    CHECK(handle != NULL);
    CHECK(apm_manual_reset_event_handle(event) == handle);
    CHECK(!handle_wait(handle, 0));
    (void)apm_manual_reset_event_set(event);
    CHECK(handle_wait(handle, 0));
    CHECK(handle_wait(handle, APM_INFINITE));
    (void)apm_manual_reset_event_reset(event);
    CHECK(!handle_wait(handle, 1));
    apm_manual_reset_event_close(event);
}

static void event_is_one_handle_and_no_memory(void)
{
    enum { COUNT = 20 };
    apm_manual_reset_event *events[COUNT];
    int64_t handles = harness_handles();
    uint64_t allocations = harness_allocations();
    unsigned i, k;

    for (i = 0; i < COUNT; i++) events[i] = event_new(false);
    CHECK(harness_handles() == handles + COUNT);
    for (i = 0; i < COUNT; i++)
        for (k = 0; k < i; k++) CHECK(events[i] != events[k]);

    /* Each is its own. */
    (void)apm_manual_reset_event_set(events[COUNT / 2]);
    for (i = 0; i < COUNT; i++)
        (void)CHECK_ERROR(apm_manual_reset_event_wait_one(events[i], 0),
                          i == COUNT / 2 ? APM_ERROR_SUCCESS : APM_ERROR_TIMED_OUT);
    for (i = 0; i < COUNT; i++) apm_manual_reset_event_close(events[i]);
    CHECK(harness_handles() == handles);
    CHECK(harness_allocations() == allocations);
}

/* ---- several --------------------------------------------------------------------------------- */

enum { WAITERS = 6, ROUNDS = 200 };

typedef struct crowd {
    apm_manual_reset_event *start;
    _Atomic bool allowed;
    _Atomic uint32_t passed, early, failed;
} crowd;

static void wait_in_crowd(void *argument)
{
    crowd *all = (crowd *)argument;

    if (apm_manual_reset_event_wait_one(all->start, PATIENCE) != APM_ERROR_SUCCESS)
        atomic_fetch_add(&all->failed, 1);
    if (!atomic_load(&all->allowed)) atomic_fetch_add(&all->early, 1);
    atomic_fetch_add(&all->passed, 1);
}

static void signal_lets_everybody_go(void)
{
    crowd all = {.start = event_new(false)};
    test_thread *threads[WAITERS];
    unsigned i;

    for (i = 0; i < WAITERS; i++) threads[i] = test_thread_start(wait_in_crowd, &all);
    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(all.start, 20), APM_ERROR_TIMED_OUT);
    CHECK(atomic_load(&all.passed) == 0);
    atomic_store(&all.allowed, true);
    (void)CHECK_ERROR(apm_manual_reset_event_set(all.start), APM_ERROR_SUCCESS);
    for (i = 0; i < WAITERS; i++) test_thread_join(threads[i]);
    CHECK(atomic_load(&all.passed) == WAITERS);
    CHECK(atomic_load(&all.early) == 0);
    CHECK(atomic_load(&all.failed) == 0);
    (void)CHECK_ERROR(apm_manual_reset_event_wait_one(all.start, 0),
                      APM_ERROR_SUCCESS); /* nobody has used it up */
    apm_manual_reset_event_close(all.start);
}

/* Two threads that hand a turn to each other, each way through an event of its own. */
typedef struct rally {
    apm_manual_reset_event *there, *back;
    uint32_t turns; /* guarded by whose turn it is */
    _Atomic uint32_t failed;
} rally;

static void return_turns(void *argument)
{
    rally *game = (rally *)argument;
    uint32_t i;

    for (i = 0; i < ROUNDS; i++) {
        if (apm_manual_reset_event_wait_one(game->there, PATIENCE) != APM_ERROR_SUCCESS ||
            apm_manual_reset_event_reset(game->there) != APM_ERROR_SUCCESS || game->turns != 2 * i + 1)
            atomic_fetch_add(&game->failed, 1);
        game->turns++;
        if (apm_manual_reset_event_set(game->back) != APM_ERROR_SUCCESS) atomic_fetch_add(&game->failed, 1);
    }
}

static void signals_carry_what_was_written_before(void)
{
    rally game = {.there = event_new(false), .back = event_new(false)};
    test_thread *other = test_thread_start(return_turns, &game);
    uint32_t i;

    for (i = 0; i < ROUNDS; i++) {
        game.turns++;
        (void)CHECK_ERROR(apm_manual_reset_event_set(game.there), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_wait_one(game.back, PATIENCE), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_manual_reset_event_reset(game.back), APM_ERROR_SUCCESS);
        CHECK(game.turns == 2 * i + 2);
    }
    test_thread_join(other);
    CHECK(atomic_load(&game.failed) == 0);
    apm_manual_reset_event_close(game.there);
    apm_manual_reset_event_close(game.back);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Without the library having been started, and with it. */
static const test_case alone[] = {
    {"event_begins_as_it_was_asked_for", event_begins_as_it_was_asked_for, true},
    {"signal_stays_until_it_is_taken_back", signal_stays_until_it_is_taken_back, true},
    {"wait_lasts_as_long_as_it_was_told", wait_lasts_as_long_as_it_was_told, true},
    {"null_is_answered", null_is_answered, true},
    {"handle_is_the_kernels", handle_is_the_kernels, true},
    {"event_is_one_handle_and_no_memory", event_is_one_handle_and_no_memory, true},
    {NULL, NULL, false}};

static const test_case shared[] = {
    {"signal_lets_everybody_go", signal_lets_everybody_go, true},
    {"signals_carry_what_was_written_before", signals_carry_what_was_written_before, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"alone", alone}, {"shared", shared}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
