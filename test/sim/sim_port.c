/* SPDX-License-Identifier: MIT */
/*
 * The completion port. Packets of one socket and kind are taken in the order in which they
 * were queued; those of different ones may overtake each other. Whoever takes a packet
 * sees what was done before its operation began, or before it was posted.
 *
 * Concurrency. A thread that has taken packets runs on account of the port until it is back,
 * blocks, or ends; while as many run as the port allows, packets wait. A thread that has
 * blocked goes on in any case, as on Windows.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "sim_network.h"

#define FAILURE_TIME 10u /* ms that a wait takes at most which fails, as in win32/ */

struct apmk_port_object {
    sched_mutex mutex;
    sched_condition condition;
    sim_request *first, *last;
    uint32_t waiting;
    uint32_t running, most; /* threads on its account; how many may be */
    bool closed;
    apmk_port next; /* of those that are closed */
};

/* Closed ones stay in memory to the end of the run: threads that polled may be on their account. */
static _Atomic(apmk_port) closed_ports;

/* Under the port's mutex. */
static void change_running(apmk_port port, int change)
{
    port->running += (uint32_t)change;
    if (change < 0 && port->first != NULL) sched_condition_signal(&port->condition);
}

/* The calling thread stops running for the port, or goes on; while it does not matter. */
static void charge(int change)
{
    apmk_port port = sched_own()->port;

    if (port == NULL) return;
    sched_mutex_lock(&port->mutex);
    change_running(port, change);
    sched_mutex_unlock(&port->mutex);
}

void sim_port_pause(void)
{
    charge(-1);
}

void sim_port_resume(void)
{
    charge(1);
}

void sim_port_leave(void)
{
    charge(-1);
    sched_own()->port = NULL;
}

bool sim_block(sched_condition *condition, sched_mutex *mutex, uint64_t deadline)
{
    bool in_time;

    charge(-1);
    in_time = sched_condition_wait(condition, mutex, deadline);
    charge(1);
    return in_time;
}

apmk_code apmk_port_create(uint32_t concurrency, apmk_port *port)
{
    apmk_port object;

    sim_enter("port create", concurrency, 0);
    if (sim_fault_strikes(SIM_PORT)) return CODE_NO_RESOURCES;
    object = (apmk_port)sim_memory(sizeof *object);
    sched_mutex_init(&object->mutex);
    sched_condition_init(&object->condition);
    object->most = concurrency != 0 ? concurrency : sim_profile_now()->processors;
    if (!sim_profile_now()->concurrency) object->most = UINT32_MAX;
    sim_count(SIM_PORTS, 1);
    *port = object;
    return APMK_SUCCESS;
}

void apmk_port_close(apmk_port port)
{
    sim_enter("port close", 0, 0);
    sched_mutex_lock(&port->mutex);
    if (port->waiting != 0) sim_fail("a port is closed while somebody waits at it");
    if (sched_own()->port == port) sched_own()->port = NULL;
    while (port->first != NULL) {
        sim_request *packet = port->first;
        if (packet->overlapped != NULL) sim_fail("a port is closed with the packet of an operation in it");
        port->first = packet->next;
        sim_request_delete(packet);
    }
    port->closed = true;
    sched_mutex_unlock(&port->mutex);
    port->next = atomic_load_explicit(&closed_ports, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&closed_ports, &port->next, port, memory_order_release,
                                                  memory_order_relaxed)) {
    }
    sim_count(SIM_PORTS, -1);
}

void sim_port_reset(void)
{
    apmk_port port = atomic_exchange_explicit(&closed_ports, NULL, memory_order_acquire);

    sched_own()->port = NULL;
    while (port != NULL) {
        apmk_port next = port->next;

        sched_mutex_destroy(&port->mutex);
        sched_condition_destroy(&port->condition);
        free(port);
        port = next;
    }
}

/* Under the port's mutex. */
static void check_open(apmk_port port)
{
    if (port->closed) sim_fail("a closed port is used");
}

void sim_port_push(apmk_port port, sim_request *packet)
{
    sched_mutex_lock(&port->mutex);
    check_open(port);
    packet->next = NULL;
    if (port->first != NULL)
        port->last->next = packet;
    else
        port->first = packet;
    port->last = packet;
    sched_condition_signal(&port->condition);
    sched_mutex_unlock(&port->mutex);
}

apmk_code apmk_port_post(apmk_port port, uintptr_t key, apmk_overlapped *overlapped)
{
    sim_request *packet;

    sim_enter("post", key, 0);
    if (sim_fault_strikes(SIM_POST)) return APMK_NO_MEMORY;
    packet = (sim_request *)sim_memory(sizeof *packet);
    packet->key = key;
    packet->overlapped = overlapped;
    packet->status = (apmk_code)0xBADC0DE; /* what was posted has none */
    sched_mutex_lock(&port->mutex);
    sched_release(packet);
    sched_mutex_unlock(&port->mutex);
    sim_port_push(port, packet);
    sched_interleave();
    return APMK_SUCCESS;
}

static bool has_sibling_before(apmk_port port, const sim_request *packet)
{
    const sim_request *at;

    for (at = port->first; at != packet; at = at->next)
        if (at->source == packet->source && at->kind == packet->kind) return true;
    return false;
}

/* The first one, or one that overtakes. */
static sim_request *choose_packet(apmk_port port)
{
    sim_request *chosen = port->first, *at, *before = NULL;
    uint32_t count = 0, skip;

    if (chosen->next != NULL && sim_chance(sim_profile_now()->reorders)) {
        for (at = chosen; at != NULL; at = at->next) count++;
        for (skip = sim_draw(count); skip != 0; skip--) chosen = chosen->next;
        if (has_sibling_before(port, chosen)) chosen = port->first;
    }
    for (at = port->first; at != chosen; at = at->next) before = at;
    if (before != NULL)
        before->next = chosen->next;
    else
        port->first = chosen->next;
    if (port->last == chosen) port->last = before;
    return chosen;
}

/* Under the port's mutex, in which nothing is looked at. */
static void fail_to_wait(apmk_port port, uint32_t timeout)
{
    sched_mutex_unlock(&port->mutex);
    sched_sleep(timeout < FAILURE_TIME ? timeout : FAILURE_TIME);
    sched_mutex_lock(&port->mutex);
}

uint32_t apmk_port_wait(apmk_port port, apmk_packet *packets, uint32_t capacity, uint32_t timeout)
{
    uint32_t taken = 0;
    uint64_t deadline;
    bool in_time = true, fails;

    if (capacity == 0) sim_fail("a wait for no packets");
    sim_enter("port wait", timeout, 0);
    fails = sim_fault_strikes(SIM_WAIT);
    deadline = sched_deadline(timeout);
    sched_mutex_lock(&port->mutex);
    check_open(port);
    port->waiting++;
    if (sched_own()->port == port) change_running(port, -1);
    sched_own()->port = NULL;
    if (fails) fail_to_wait(port, timeout);
    while ((port->first == NULL || port->running >= port->most) && in_time && !fails)
        in_time = sched_condition_wait(&port->condition, &port->mutex, deadline);
    while (port->first != NULL && port->running < port->most && taken < capacity && !fails) {
        sim_request *packet = choose_packet(port);

        packets[taken].key = packet->key;
        packets[taken].overlapped = packet->overlapped;
        packets[taken].bytes = packet->source != 0 ? packet->done : 0;
        packets[taken].status = packet->status;
        sched_acquire(packet);
        sim_note("  takes packet", packet->number, packet->status);
        sim_request_delete(packet);
        taken++;
    }
    if (taken != 0) {
        sched_own()->port = port;
        change_running(port, 1);
    }
    port->waiting--;
    sched_mutex_unlock(&port->mutex);
    sched_interleave();
    return taken;
}
