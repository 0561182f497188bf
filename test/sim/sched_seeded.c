/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. Every simulated thread is a fiber of the one thread that the system
 * knows: to switch to another one takes no call of the system's scheduler. Who is next is drawn
 * from the seed among those that can run, in the order in which they were made: nothing depends
 * on addresses or on the machine.
 *
 *   RUNNABLE -> BLOCKED    a wait, a lock that is taken, a join, a sleep
 *   BLOCKED -> RUNNABLE    what it waits for has come, or its deadline
 *   RUNNABLE -> OVER       its function has returned; it goes when it is joined
 *
 * When nobody can run, the clock jumps to the next deadline. If there is none, or nothing but
 * deadlines passes for hours, the run is stuck and fails.
 */
#include "scheduler.h"

#include <stdio.h>
#include <stdlib.h>

#include "fiber.h"
#include "sim.h"

#define START_OF_TIME UINT64_C(1000000)
#define TIME_LIMIT UINT64_C(7200000) /* ms of one run: nothing takes hours */
#define STEP_LIMIT UINT64_C(5000000) /* interleavings of one run: nothing goes on for ever */
#define HELD_LIMIT 32

enum { RUNNABLE, BLOCKED, OVER };

typedef struct held_lock {
    void **word;
    bool shared;
} held_lock;

struct sched_thread {
    sched_thread *next; /* in the order in which they were made */
    sched_thread *next_waiter;
    uint32_t number;
    int state;
    const char *name;
    const char *waits_for; /* in words */
    uint64_t deadline;
    bool late;                  /* its deadline has come */
    sched_condition *condition; /* whose list it is in */
    void **wanted;              /* the lock it waits for */
    held_lock held[HELD_LIMIT];
    int held_count;
    fiber *fiber;
    sched_values values;
    void (*run)(void *argument);
    void *argument;
    sched_condition joined;
};

static sched_thread *threads;
static uint32_t thread_count;
static sched_thread *self; /* NULL: no run goes on */
static sched_values outside;
static uint64_t clock_now = START_OF_TIME, steps, stream;
static uint32_t switch_rate = 300, tick_rate;

/* ---- chance ---------------------------------------------------------------------------------- */

void sched_seed(uint64_t seed)
{
    stream = seed;
}

uint32_t sched_draw(uint32_t limit)
{
    return sim_random(&stream, limit);
}

void sched_set_rates(uint32_t switches, uint32_t ticks)
{
    switch_rate = switches;
    tick_rate = ticks;
}

bool sched_is_seeded(void)
{
    return true;
}

/* ---- who runs ---------------------------------------------------------------------------------- */

static void leave_condition(sched_thread *thread)
{
    sched_condition *condition = thread->condition;
    sched_thread *before = NULL, *at;

    if (condition == NULL) return;
    for (at = condition->first; at != thread; at = at->next_waiter) before = at;
    if (before != NULL)
        before->next_waiter = thread->next_waiter;
    else
        condition->first = thread->next_waiter;
    if (condition->last == thread) condition->last = before;
    thread->next_waiter = NULL;
    thread->condition = NULL;
}

static void make_runnable(sched_thread *thread)
{
    leave_condition(thread);
    thread->state = RUNNABLE;
    thread->deadline = SCHED_NEVER;
    thread->wanted = NULL;
}

/* How many can run; *next is the earliest deadline of the others. */
static uint32_t look_at_threads(uint64_t *next)
{
    sched_thread *thread;
    uint32_t runnable = 0;

    *next = SCHED_NEVER;
    for (thread = threads; thread != NULL; thread = thread->next) {
        if (thread->state == BLOCKED && thread->deadline <= clock_now) {
            thread->late = true;
            make_runnable(thread);
        }
        if (thread->state == RUNNABLE) runnable++;
        if (thread->state == BLOCKED && thread->deadline < *next) *next = thread->deadline;
    }
    return runnable;
}

static sched_thread *pick_thread(void)
{
    sched_thread *thread;
    uint32_t runnable, chosen;
    uint64_t next;

    while ((runnable = look_at_threads(&next)) == 0) {
        if (next == SCHED_NEVER) sim_fail("DEADLOCK: no thread can run, and none waits for a time");
        clock_now = next;
        if (clock_now - START_OF_TIME > TIME_LIMIT) sim_fail("STUCK: for hours nothing but time has passed");
    }
    chosen = runnable == 1 ? 0 : sched_draw(runnable);
    for (thread = threads; thread->state != RUNNABLE || chosen-- != 0;) thread = thread->next;
    return thread;
}

/* Lets whoever is picked run, and comes back when it is this one's turn. */
static void switch_threads(void)
{
    sched_thread *own = self, *next = pick_thread();

    if (next == own) return;
    self = next;
    fiber_switch(own->fiber, next->fiber);
}

static void block(const char *waits_for, uint64_t deadline)
{
    if (self == NULL) sim_fail("a thread that is not simulated waits: %s", waits_for);
    self->state = BLOCKED;
    self->waits_for = waits_for;
    self->deadline = deadline;
    self->late = false;
    switch_threads();
    self->waits_for = NULL;
}

void sched_interleave(void)
{
    if (self == NULL) return;
    if (++steps > STEP_LIMIT) sim_fail("STUCK: the run goes on for ever");
    if (tick_rate != 0 && sched_draw(1000) < tick_rate) clock_now++;
    if (sched_draw(1000) < switch_rate) switch_threads();
}

uint64_t sched_now(void)
{
    return clock_now;
}

uint64_t sched_deadline(uint32_t timeout)
{
    return timeout == UINT32_MAX ? SCHED_NEVER : clock_now + timeout;
}

void sched_sleep(uint32_t timeout)
{
    block("sleeps", clock_now + timeout);
}

uint32_t sched_self(void)
{
    return self != NULL ? self->number : 0;
}

sched_values *sched_own(void)
{
    return self != NULL ? &self->values : &outside;
}

/* ---- mutexes and conditions ---------------------------------------------------------------------- */

/* No switch is drawn while one is held: there is nobody to keep out. */

void sched_mutex_init(sched_mutex *mutex)
{
    (void)mutex;
}

void sched_mutex_destroy(sched_mutex *mutex)
{
    (void)mutex;
}

void sched_mutex_lock(sched_mutex *mutex)
{
    (void)mutex;
}

void sched_mutex_unlock(sched_mutex *mutex)
{
    (void)mutex;
}

void sched_release(void *object)
{
    (void)object;
}

void sched_acquire(void *object)
{
    (void)object;
}

void sched_condition_init(sched_condition *condition)
{
    condition->first = condition->last = NULL;
}

void sched_condition_destroy(sched_condition *condition)
{
    if (condition->first != NULL) sim_fail("a condition is destroyed while somebody waits");
}

bool sched_condition_wait(sched_condition *condition, sched_mutex *mutex, uint64_t deadline)
{
    sched_thread *own = self;

    (void)mutex;
    if (deadline != SCHED_NEVER && deadline <= clock_now) return false;
    if (own == NULL) sim_fail("a thread that is not simulated waits");
    own->condition = condition;
    own->next_waiter = NULL;
    if (condition->last != NULL)
        condition->last->next_waiter = own;
    else
        condition->first = own;
    condition->last = own;
    block("waits", deadline);
    return !own->late;
}

void sched_condition_signal(sched_condition *condition)
{
    sched_thread *thread;
    uint32_t count = 0, chosen;

    for (thread = condition->first; thread != NULL; thread = thread->next_waiter) count++;
    if (count == 0) return;
    chosen = count == 1 ? 0 : sched_draw(count);
    for (thread = condition->first; chosen-- != 0;) thread = thread->next_waiter;
    make_runnable(thread);
}

void sched_condition_broadcast(sched_condition *condition)
{
    while (condition->first != NULL) make_runnable(condition->first);
}

/* ---- the model's locks ------------------------------------------------------------------------------- */

/* The word: bit 0 is an exclusive holder, the rest counts shared ones. */

static uintptr_t value_of(void **word)
{
    return (uintptr_t)*word;
}

static void set_value(void **word, uintptr_t value)
{
    *word = (void *)value;
}

/* The real locks are not recursive, not even shared: a writer in between would stop both. */
static void note_held(void **word, bool shared)
{
    if (self == NULL) return;
    if (self->held_count == HELD_LIMIT) sim_fail("a thread holds too many locks");
    self->held[self->held_count].word = word;
    self->held[self->held_count].shared = shared;
    self->held_count++;
}

static void check_not_held(void **word)
{
    int i;

    if (self == NULL) return;
    for (i = 0; i < self->held_count; i++)
        if (self->held[i].word == word) sim_fail("a lock is taken twice by one thread");
}

static void forget_held(void **word, bool shared)
{
    int i = self == NULL ? -1 : self->held_count - 1;

    if (self == NULL) return;
    while (i >= 0 && (self->held[i].word != word || self->held[i].shared != shared)) i--;
    if (i < 0) sim_fail("a lock is given back by a thread that does not hold it");
    self->held[i] = self->held[--self->held_count];
}

static void wait_for_lock(void **word)
{
    if (self != NULL) self->wanted = word;
    block("waits for a lock", SCHED_NEVER);
}

/* All of them try again; the draw decides who is first. */
static void wake_for_lock(void **word)
{
    sched_thread *thread;

    for (thread = threads; thread != NULL; thread = thread->next)
        if (thread->state == BLOCKED && thread->wanted == word) make_runnable(thread);
}

void sched_lock_shared(void **word)
{
    check_not_held(word);
    while (value_of(word) & 1) wait_for_lock(word);
    set_value(word, value_of(word) + 2);
    note_held(word, true);
}

void sched_unlock_shared(void **word)
{
    forget_held(word, true);
    if (value_of(word) < 2) sim_fail("a lock is given back that nobody holds");
    set_value(word, value_of(word) - 2);
    if (value_of(word) == 0) wake_for_lock(word);
}

void sched_lock_exclusive(void **word)
{
    check_not_held(word);
    while (value_of(word) != 0) wait_for_lock(word);
    set_value(word, 1);
    note_held(word, false);
}

void sched_unlock_exclusive(void **word)
{
    forget_held(word, false);
    if (value_of(word) != 1) sim_fail("a lock is given back that nobody holds");
    set_value(word, 0);
    wake_for_lock(word);
}

/* ---- threads ----------------------------------------------------------------------------------------------- */

static void add_thread(sched_thread *thread, const char *name)
{
    sched_thread **place = &threads;

    thread->name = name;
    thread->number = ++thread_count;
    thread->state = RUNNABLE;
    thread->deadline = SCHED_NEVER;
    sched_condition_init(&thread->joined);
    while (*place != NULL) place = &(*place)->next;
    *place = thread;
}

static void remove_thread(sched_thread *thread)
{
    sched_thread **place = &threads;

    while (*place != thread) place = &(*place)->next;
    *place = thread->next;
    fiber_free(thread->fiber);
    free(thread);
}

static void run_thread(void *argument)
{
    sched_thread *thread = (sched_thread *)argument;

    thread->run(thread->argument);
    if (thread->held_count != 0) sim_fail("a thread ends while it holds a lock");
    thread->state = OVER;
    sched_condition_broadcast(&thread->joined);
    self = pick_thread();
    fiber_end(thread->fiber, self->fiber);
}

sched_thread *sched_spawn(const char *name, void (*run)(void *argument), void *argument)
{
    sched_thread *thread = (sched_thread *)calloc(1, sizeof *thread);

    if (thread == NULL) return NULL;
    thread->run = run;
    thread->argument = argument;
    thread->fiber = fiber_new(run_thread, thread);
    if (thread->fiber == NULL) {
        free(thread);
        return NULL;
    }
    add_thread(thread, name);
    return thread;
}

void sched_join(sched_thread *thread)
{
    while (thread->state != OVER) (void)sched_condition_wait(&thread->joined, NULL, SCHED_NEVER);
    remove_thread(thread);
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

void sched_run(void (*body)(void *argument), void *argument)
{
    sched_thread *thread = (sched_thread *)calloc(1, sizeof *thread);

    if (threads != NULL) sim_fail("the run before this one was left by a jump: see what failed there");
    if (thread != NULL) thread->fiber = fiber_here();
    if (thread == NULL || thread->fiber == NULL) sim_fail("no memory for the first thread");
    thread_count = 0;
    clock_now = START_OF_TIME;
    steps = 0;
    add_thread(thread, "main");
    self = thread;
    body(argument);
    if (threads != thread || thread->next != NULL) sim_fail("threads are left over at the end of the run");
    self = NULL;
    remove_thread(thread);
}

void sched_describe(void)
{
    static const char *const states[] = {"can run", "blocked", "over"};
    sched_thread *thread;

    (void)fprintf(stderr, "sim: time %llu ms, %llu interleavings; threads:\n",
                  (unsigned long long)(clock_now - START_OF_TIME), (unsigned long long)steps);
    for (thread = threads; thread != NULL; thread = thread->next) {
        (void)fprintf(stderr, "sim:   %2u %-12s %s%s%s", (unsigned)thread->number, thread->name,
                      thread == self ? "runs" : states[thread->state], thread->waits_for != NULL ? ": " : "",
                      thread->waits_for != NULL ? thread->waits_for : "");
        if (thread->state == BLOCKED && thread->deadline != SCHED_NEVER)
            (void)fprintf(stderr, " until %llu", (unsigned long long)(thread->deadline - START_OF_TIME));
        if (thread->held_count != 0) (void)fprintf(stderr, "; holds %d locks", thread->held_count);
        (void)fprintf(stderr, "\n");
    }
}
