/* SPDX-License-Identifier: MIT */
/* The kernel's manual-reset events. */
#include <stdlib.h>

#include "sim_network.h"

#define ALIVE 0xE7E27A11u

struct apmk_event_object {
    uint32_t mark;
    uint32_t waiting;
    uint32_t sets; /* a set lets go all who wait, whatever a reset does next */
    bool signaled;
    sched_mutex mutex;
    sched_condition condition;
};

/* Under its mutex. */
static void check_event(apmk_event event)
{
    if (event->mark != ALIVE) sim_fail("a handle is used as an event that is none");
}

apmk_code apmk_event_create(bool signaled, apmk_event *event)
{
    apmk_event object;

    sim_enter("event create", signaled, 0);
    if (sim_fault_strikes(SIM_EVENT)) return APMK_NO_MEMORY;
    object = (apmk_event)sim_memory(sizeof *object);
    object->mark = ALIVE;
    object->signaled = signaled;
    sched_mutex_init(&object->mutex);
    sched_condition_init(&object->condition);
    sim_count(SIM_EVENTS, 1);
    *event = object;
    return APMK_SUCCESS;
}

apmk_code apmk_event_set(apmk_event event)
{
    sim_enter("event set", 0, 0);
    sched_mutex_lock(&event->mutex);
    check_event(event);
    event->signaled = true;
    event->sets++;
    sched_release(event);
    sched_condition_broadcast(&event->condition);
    sched_mutex_unlock(&event->mutex);
    sched_interleave();
    return APMK_SUCCESS;
}

apmk_code apmk_event_reset(apmk_event event)
{
    sim_enter("event reset", 0, 0);
    sched_mutex_lock(&event->mutex);
    check_event(event);
    event->signaled = false;
    sched_mutex_unlock(&event->mutex);
    return APMK_SUCCESS;
}

apmk_code apmk_event_wait(apmk_event event, uint32_t timeout)
{
    uint64_t deadline;
    uint32_t before;
    bool in_time = true, signaled;

    sim_enter("event wait", timeout, 0);
    deadline = sched_deadline(timeout);
    sched_mutex_lock(&event->mutex);
    check_event(event);
    event->waiting++;
    before = event->sets;
    while (!event->signaled && event->sets == before && in_time && timeout != 0)
        in_time = sim_block(&event->condition, &event->mutex, deadline);
    event->waiting--;
    signaled = event->signaled || event->sets != before;
    if (signaled) sched_acquire(event);
    sched_mutex_unlock(&event->mutex);
    return signaled ? APMK_SUCCESS : APMK_WAIT_TIMEOUT;
}

void apmk_event_close(apmk_event event)
{
    sim_enter("event close", 0, 0);
    sched_mutex_lock(&event->mutex);
    check_event(event);
    if (event->waiting != 0) sim_fail("an event is closed while somebody waits for it");
    event->mark = 0;
    sched_mutex_unlock(&event->mutex);
    sched_mutex_destroy(&event->mutex);
    sched_condition_destroy(&event->condition);
    free(event);
    sim_count(SIM_EVENTS, -1);
}
