/* SPDX-License-Identifier: MIT */
/*
 * Timers: a pairing heap of deadlines under one lock, and a thread that sleeps until the
 * first of them.
 *
 * The heap. `child` is a node's first child; siblings are linked by `next`; `previous` is
 * the sibling before, or the parent of a first child: what makes removal from the middle
 * possible. Arming is O(1), removal O(log n) amortised.
 *
 * The thread. It waits on the word `turn`, which takes nothing from the kernel that could
 * run out. Whoever puts a new first deadline into the heap changes the word and wakes it.
 *   1. With the lock: take the first timer off if it is due, else compute the time to it.
 *   2. Without the lock: call `expired`, or wait for that time or for the word to change.
 * The word is read in step 1, under the lock, so that a change between the two steps ends
 * the wait at once.
 *
 * Where the clock goes on while the machine sleeps, a wait does not: it would keep later deadlines waiting that
 * are armed after that. So whoever arms one wakes a thread that has not looked for a while.
 */
#include "timer.h"

#define LOOKS_ENOUGH 1000u /* ms: not more often than that for nothing */

/* ---- the heap -------------------------------------------------------------------------- */

static apmi_timer *meld_timers(apmi_timer *a, apmi_timer *b)
{
    if (a == NULL) return b;
    if (b == NULL) return a;
    if (b->due < a->due) {
        apmi_timer *other = a;
        a = b;
        b = other;
    }
    b->next = a->child;
    b->previous = a;
    if (a->child != NULL) a->child->previous = b;
    a->child = b;
    return a;
}

/* Melds the siblings that begin with `first`: in pairs from the left, then all from the right. */
static apmi_timer *meld_siblings(apmi_timer *first)
{
    apmi_timer *pairs = NULL, *whole = NULL;

    while (first != NULL) {
        apmi_timer *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b != NULL) b->next = b->previous = NULL;
        a = meld_timers(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        apmi_timer *a = pairs;
        pairs = a->next;
        a->next = NULL;
        whole = meld_timers(whole, a);
    }
    return whole;
}

static void insert_timer(apmi_timers *timers, apmi_timer *timer)
{
    timer->child = timer->next = timer->previous = NULL;
    timer->armed = true;
    timers->root = meld_timers(timers->root, timer);
}

static void remove_timer(apmi_timers *timers, apmi_timer *timer)
{
    apmi_timer *below = meld_siblings(timer->child);

    if (timer == timers->root) {
        timers->root = below;
    } else {
        if (timer->previous->child == timer)
            timer->previous->child = timer->next;
        else
            timer->previous->next = timer->next;
        if (timer->next != NULL) timer->next->previous = timer->previous;
        timers->root = meld_timers(timers->root, below);
    }
    timer->child = timer->next = timer->previous = NULL;
    timer->armed = false;
}

/* ---- the thread -------------------------------------------------------------------------- */

static void run_timers(void *argument)
{
    apmi_timers *timers = (apmi_timers *)argument;

    for (;;) {
        apmi_timer *timer = NULL;
        void (*expired)(apmi_timer * timer) = NULL;
        uint32_t turn, pause = APMK_FOREVER;
        bool stopping;

        apmk_lock_exclusive(&timers->lock);
        stopping = timers->stopping;
        turn = atomic_load_explicit(&timers->turn, memory_order_relaxed); /* ordered by the lock */
        if (timers->root != NULL) {
            uint64_t now = apmk_now(), due = timers->root->due;
            timers->looked = now;
            if (due <= now) {
                timer = timers->root;
                expired = timer->expired; /* once it is off the heap another may arm it again */
                remove_timer(timers, timer);
            } else {
                pause = due - now < APMK_FOREVER ? (uint32_t)(due - now) : APMK_FOREVER - 1;
            }
        }
        apmk_unlock_exclusive(&timers->lock);

        if (timer != NULL)
            expired(timer);
        else if (stopping)
            return;
        else
            (void)apmk_wait_address(&timers->turn, turn, pause);
    }
}

/* ---- what others call ---------------------------------------------------------------------- */

void apmi_timers_init(apmi_timers *timers)
{
    timers->lock.word = NULL;
    timers->root = NULL;
    timers->looked = 0;
    atomic_init(&timers->turn, 0);
    timers->running = false;
    timers->stopping = false;
    timers->thread = NULL;
}

apmk_code apmi_timer_arm(apmi_timers *timers, apmi_timer *timer, uint32_t timeout,
                         void (*expired)(apmi_timer *timer), bool *was_armed)
{
    apmk_code code = APMK_SUCCESS;
    bool wakes = false;

    apmk_lock_exclusive(&timers->lock);
    if (timers->stopping) {
        code = APMK_ABORTED;
    } else if (!timers->running) {
        code = apmk_thread_start(run_timers, timers, &timers->thread);
        timers->running = code == APMK_SUCCESS;
    }
    if (code == APMK_SUCCESS) {
        uint64_t now = apmk_now();

        *was_armed = timer->armed;
        if (timer->armed) remove_timer(timers, timer);
        timer->expired = expired;
        timer->due = now + timeout + 1; /* never early, by a clock of whole milliseconds */
        insert_timer(timers, timer);
        wakes = timers->root == timer || now - timers->looked >= LOOKS_ENOUGH;
        if (wakes) atomic_fetch_add_explicit(&timers->turn, 1, memory_order_relaxed);
    }
    apmk_unlock_exclusive(&timers->lock);
    if (wakes) apmk_wake_address(&timers->turn);
    return code;
}

bool apmi_timer_disarm(apmi_timers *timers, apmi_timer *timer)
{
    bool was_armed;

    apmk_lock_exclusive(&timers->lock);
    was_armed = timer->armed;
    if (was_armed) remove_timer(timers, timer);
    apmk_unlock_exclusive(&timers->lock);
    return was_armed;
}

void apmi_timers_stop(apmi_timers *timers)
{
    bool running;

    apmk_lock_exclusive(&timers->lock);
    running = timers->running;
    timers->running = false;
    timers->stopping = true;
    atomic_fetch_add_explicit(&timers->turn, 1, memory_order_relaxed);
    apmk_unlock_exclusive(&timers->lock);
    if (!running) return;
    apmk_wake_address(&timers->turn);
    apmk_thread_join(timers->thread);
}
