/* SPDX-License-Identifier: MIT */
/*
 * What is done later, by a thread of the kernel's own. Which of the things that are due comes
 * first is chance, but that packets of one socket and kind keep their order.
 */
#include <stdlib.h>

#include "sim_network.h"

typedef struct work {
    struct work *next;
    uint64_t due;
    enum sim_task task;
    apmk_socket socket;
    sim_request *request; /* to deliver; to cancel: NULL or not, it may be gone */
    uint64_t number;      /* its number, which is not used again; or the last one there was */
    uint32_t older;       /* packets of its kind that come first */
} work;

static work *first_work;
static sched_condition work_changed;
static sched_thread *worker;
static bool stopping;

static bool delivers_like(const work *item, const sim_request *like)
{
    return item->task == SIM_TASK_DELIVER && item->request->source == like->source &&
           item->request->kind == like->kind;
}

void sim_work_add(enum sim_task task, apmk_socket socket, sim_request *request, uint32_t after)
{
    work *item = (work *)sim_memory(sizeof *item), **place = &first_work;

    item->due = sched_now() + after + sim_delay();
    item->task = task;
    item->socket = socket;
    item->request = request;
    item->number = request != NULL ? request->number : sim_request_last();
    for (; *place != NULL; place = &(*place)->next)
        if (task == SIM_TASK_DELIVER && delivers_like(*place, request)) item->older++;
    *place = item;
    sched_condition_broadcast(&work_changed);
}

bool sim_work_delivers(const sim_request *like)
{
    const work *item;

    for (item = first_work; item != NULL; item = item->next)
        if (delivers_like(item, like)) return true;
    return false;
}

/* A packet's turn comes when no older one of its kind is left. */
static bool is_due(const work *item, uint64_t now)
{
    return item->due <= now && item->older == 0;
}

/* One of those that are due, off the list; NULL and the time to look again if there is none. */
static work *take_work(uint64_t *next)
{
    uint64_t now = sched_now();
    uint32_t due = 0, chosen;
    work *item, *newer, **place;

    *next = SCHED_NEVER;
    for (item = first_work; item != NULL; item = item->next) {
        if (is_due(item, now))
            due++;
        else if (item->due > now && item->due < *next)
            *next = item->due;
    }
    if (due == 0) return NULL;
    chosen = due == 1 ? 0 : sim_draw(due);
    for (place = &first_work; !is_due(*place, now) || chosen-- != 0;) place = &(*place)->next;
    item = *place;
    *place = item->next;
    if (item->task == SIM_TASK_DELIVER)
        for (newer = item->next; newer != NULL; newer = newer->next)
            if (delivers_like(newer, item->request)) newer->older--;
    return item;
}

static void cancel_later(sim_socket *socket, const work *item)
{
    sim_request *at, *next;
    int kind;

    for (kind = 0; kind < SIM_KINDS; kind++) {
        for (at = socket->first[kind]; at != NULL; at = next) {
            next = at->next;
            if (item->request == NULL ? at->number > item->number : at->number != item->number) continue;
            sim_socket_abort(socket, (sim_kind)kind, at->overlapped, STATUS_CANCELLED);
            next = socket->first[kind]; /* its siblings may be gone, too */
            if (item->request != NULL) return;
        }
    }
}

static void do_work(const work *item)
{
    sim_socket *socket = sim_socket_look(item->socket);

    sim_note("kernel's own work", (uint64_t)item->task, item->socket);
    if (item->task == SIM_TASK_DELIVER) {
        sim_request_return(item->request);
        return;
    }
    if (socket == NULL) return;
    switch (item->task) {
    case SIM_TASK_POKE: sim_socket_settle(socket); break;
    case SIM_TASK_CONNECT: sim_connect_try(socket); break;
    case SIM_TASK_TIMEOUT: sim_connect_abort(socket, STATUS_IO_TIMEOUT); break;
    case SIM_TASK_CANCEL: cancel_later(socket, item); break;
    case SIM_TASK_DELIVER: break;
    }
}

static void run_work(void *argument)
{
    (void)argument;
    sched_mutex_lock(&sim_network);
    while (!stopping || first_work != NULL) {
        uint64_t next;
        work *item = take_work(&next);

        if (item != NULL) {
            do_work(item);
            free(item);
            sched_mutex_unlock(&sim_network);
            sched_interleave();
            sched_mutex_lock(&sim_network);
        } else if (stopping) { /* what is not due is not awaited: its socket is gone */
            while (first_work != NULL) {
                item = first_work;
                first_work = item->next;
                if (item->task == SIM_TASK_DELIVER) sim_fail("a packet is on its way to nobody");
                free(item);
            }
        } else {
            (void)sched_condition_wait(&work_changed, &sim_network, next);
        }
    }
    sched_mutex_unlock(&sim_network);
}

void sim_work_start(void)
{
    sched_mutex_lock(&sim_network);
    if (worker == NULL) {
        sched_condition_init(&work_changed);
        stopping = false;
        worker = sched_spawn("kernel", run_work, NULL);
        if (worker == NULL) sim_fail("no thread for the kernel");
    }
    sched_mutex_unlock(&sim_network);
}

void sim_work_stop(void)
{
    sched_mutex_lock(&sim_network);
    stopping = true;
    sched_condition_broadcast(&work_changed);
    sched_mutex_unlock(&sim_network);
    sched_join(worker);
    sched_condition_destroy(&work_changed);
    worker = NULL;
}
