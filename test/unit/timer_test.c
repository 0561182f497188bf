/* SPDX-License-Identifier: MIT */
/* Timers: each expires once, in the order of their times, unless it is disarmed. */
#include <stdatomic.h>

#include "../../src/timer.h"
#include "../support/fixture.h"

enum { COUNT = 64, ROUNDS = 300 };

static _Atomic uint32_t expired_count, disorder;
static _Atomic uint64_t last_due;

static void note_alarm(apmi_timer *timer)
{
    (void)timer;
    atomic_fetch_add(&expired_count, 1);
}

/* Of timers that nobody arms again. */
static void note_order(apmi_timer *timer)
{
    if (timer->due < atomic_exchange(&last_due, timer->due)) atomic_fetch_add(&disorder, 1);
    note_alarm(timer);
}

static void start_over(void)
{
    atomic_store(&expired_count, 0);
    atomic_store(&last_due, 0);
    atomic_store(&disorder, 0);
}

static void await_alarms(uint32_t count)
{
    uint64_t end = test_now() + PATIENCE;

    while (atomic_load(&expired_count) < count && test_now() < end) test_yield();
    CHECK(atomic_load(&expired_count) == count);
}

/* ---- the heap ------------------------------------------------------------------------------------------ */

/* Armed in an order that is not that of their times, and every other one taken out again. What
 * has expired before it could be taken out expired rightly, and is counted as such. */
static void timers_expire_by_their_times_and_not_when_disarmed(void)
{
    static const apmi_timer none;
    static apmi_timer alarms[COUNT];
    uint32_t wanted = 0, i;
    apmi_timers timers;

    start_over();
    apmi_timers_init(&timers);
    for (i = 0; i < COUNT; i++) {
        bool was_armed = true;

        alarms[i] = none;
        CHECK(apmi_timer_arm(&timers, &alarms[i], 100 + i * 37 % COUNT * 3, note_order, &was_armed) == 0);
        CHECK(!was_armed);
        wanted++;
    }
    for (i = 0; i < COUNT; i += 2)
        if (apmi_timer_disarm(&timers, &alarms[i])) wanted--;
    await_alarms(wanted);
    CHECK(atomic_load(&disorder) == 0);
    for (i = 0; i < COUNT; i++) CHECK(!apmi_timer_disarm(&timers, &alarms[i]));
    apmi_timers_stop(&timers);
    CHECK(atomic_load(&expired_count) == wanted);
}

/* ---- the thread ------------------------------------------------------------------------------------------ */

/* Each arming that found it off expires once, or is armed anew: none is lost, none is doubled. */
static void timer_may_be_armed_while_it_expires(void)
{
    static apmi_timer one;
    uint32_t armings = 0, i;
    apmi_timers timers;

    start_over();
    apmi_timers_init(&timers);
    for (i = 0; i < ROUNDS; i++) {
        uint32_t before = atomic_load(&expired_count);
        uint64_t end = test_now() + PATIENCE;

        /* Again and again around the moment it expires. */
        do {
            bool was_armed = false;
            CHECK(apmi_timer_arm(&timers, &one, 0, note_alarm, &was_armed) == 0);
            if (!was_armed) armings++;
            test_yield();
            if (i % 2 == 0) continue;
            if (apmi_timer_disarm(&timers, &one)) armings--;
        } while (i % 2 == 0 && atomic_load(&expired_count) == before && test_now() < end);
    }
    await_alarms(armings);
    apmi_timers_stop(&timers);
    CHECK(atomic_load(&expired_count) == armings);
}

static void nothing_is_armed_after_the_stop(void)
{
    static apmi_timer one, other;
    apmi_timers timers;
    bool was_armed = false;

    start_over();
    apmi_timers_init(&timers);
    CHECK(apmi_timer_arm(&timers, &one, PATIENCE, note_alarm, &was_armed) == 0);
    apmi_timers_stop(&timers);
    CHECK(apmi_timer_arm(&timers, &other, 0, note_alarm, &was_armed) == APMK_ABORTED);
    CHECK(apmi_timer_disarm(&timers, &one)); /* it was left as it was */
    CHECK(atomic_load(&expired_count) == 0);
}

int main(int argc, char **argv)
{
    static const test_case heap[] = {{"timers_expire_by_their_times_and_not_when_disarmed",
                                      timers_expire_by_their_times_and_not_when_disarmed, false},
                                     {NULL, NULL, false}};
    static const test_case thread[] = {
        {"timer_may_be_armed_while_it_expires", timer_may_be_armed_while_it_expires, false},
        {"nothing_is_armed_after_the_stop", nothing_is_armed_after_the_stop, false},
        {NULL, NULL, false}};
    static const test_suite suites[] = {{"heap", heap}, {"thread", thread}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
