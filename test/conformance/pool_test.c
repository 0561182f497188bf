/* SPDX-License-Identifier: MIT */
/* The pool as its users notice it: callbacks that block, workers that come and go. */
#include "../support/fixture.h"

#define IDLE_LIMIT 12000u   /* ms; an idle worker thinks of leaving after about five seconds */
#define RETIRE_LIMIT 40000u /* and is gone long before this */

/* Receives on sockets of their own, whose callbacks all wait for one gate. */
enum { BLOCKERS = 8 };

typedef struct blockers {
    int count;
    pair both[BLOCKERS];
    call made[BLOCKERS];
    char here[BLOCKERS];
    test_gate *go;
    _Atomic uint32_t inside; /* callbacks that are blocked */
} blockers;

static void block_callback(call *made)
{
    blockers *all = (blockers *)made->context;

    atomic_fetch_add(&all->inside, 1);
    (void)apm_manual_reset_event_wait_one(all->go, PATIENCE);
}

static bool wait_for_count(_Atomic uint32_t *value, uint32_t wanted)
{
    uint64_t start = test_now();

    while (atomic_load(value) < wanted && test_now() - start < PATIENCE) test_yield();
    return atomic_load(value) >= wanted;
}

static bool prepare_blockers(blockers *all, int count)
{
    int i;

    all->count = 0;
    all->go = test_gate_new();
    atomic_init(&all->inside, 0);
    for (i = 0; i < count; i++, all->count++) {
        if (!pair_open(&all->both[i])) break;
        call_prepare(&all->made[i], all->both[i].socket, CALL_RECEIVE);
        all->made[i].inside = block_callback;
        all->made[i].context = all;
        (void)CHECK_ERROR(call_receive(&all->made[i], &all->here[i], 1), APM_ERROR_SUCCESS);
    }
    CHECK(all->count == count);
    return all->count == count;
}

static void write_to_blockers(const blockers *all)
{
    int i;

    for (i = 0; i < all->count; i++) CHECK(peer_write(all->both[i].other, "x", 1));
}

/* `blocked` of them are to be in their callbacks, at least, when it returns. */
static bool start_blockers(blockers *all, int count, uint32_t blocked)
{
    bool good = prepare_blockers(all, count);

    write_to_blockers(all);
    CHECK(wait_for_count(&all->inside, blocked));
    return good;
}

static void stop_blockers(blockers *all)
{
    int i;

    test_gate_open(all->go);
    for (i = 0; i < all->count; i++) {
        CHECK(call_wait(&all->made[i]));
        (void)CHECK_ERROR(all->made[i].error, APM_ERROR_SUCCESS);
        CHECK(all->made[i].bytes == 1 && all->here[i] == 'x');
        call_dispose(&all->made[i]);
        pair_close(&all->both[i]);
    }
    test_gate_free(all->go);
}

/* With as many workers as the default allows, in every mode: these are about the others. */
static bool start_with_many(void)
{
    apm_options options = harness_options();

    options.max_workers = 0;
    return CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
}

/* Also the thread of the library's timers, which comes when it is first needed: where threads
 * are counted it is always there. */
enum { TIMERS = 1 };

static bool start_with_timers(const apm_options *options)
{
    receiving_pair one;

    if (!CHECK_ERROR(apm_startup(options), APM_ERROR_SUCCESS)) return false;
    if (!receiving_open(&one)) return true;
    (void)CHECK_ERROR(apm_async_result_cancel_after(one.made.result, PATIENCE), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
    CHECK(call_ends(&one.made, APM_ERROR_OPERATION_ABORTED));
    receiving_close(&one);
    return true;
}

/* ---- callbacks that block ------------------------------------------------------------------------------- */

static void others_go_on_while_callbacks_block(void)
{
    blockers all;
    pair both;

    if (!start_with_many()) return;
    if (start_blockers(&all, BLOCKERS, BLOCKERS) && pair_open(&both)) {
        check_alive(&both);
        pair_close(&both);
    }
    stop_blockers(&all);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* The gate of the others is opened by the last one: it must not be stuck behind them. */
static void open_the_gate(call *made)
{
    test_gate_open((test_gate *)made->context);
}

static void blocked_callbacks_may_wait_for_a_later_one(void)
{
    blockers all;
    pair both;
    call last;
    char here = 0;

    if (!start_with_many()) return;
    if (start_blockers(&all, BLOCKERS, BLOCKERS) && pair_open(&both)) {
        call_prepare(&last, both.socket, CALL_RECEIVE);
        last.inside = open_the_gate;
        last.context = all.go;
        if (CHECK_ERROR(call_receive(&last, &here, 1), APM_ERROR_SUCCESS))
            CHECK(peer_write(both.other, "x", 1) && call_wait(&last));
        call_dispose(&last);
        pair_close(&both);
    }
    stop_blockers(&all);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* A callback that keeps its processor until it is told to go. */
static void keep_processor(call *made)
{
    _Atomic uint32_t *stage = (_Atomic uint32_t *)made->context; /* 1 more: here; from 100 on: go */
    uint64_t end = test_now() + PATIENCE;

    atomic_fetch_add(stage, 1);
    while (atomic_load(stage) < 100 && test_now() < end) test_yield();
}

/* Where the kernel lets no more workers run than there are processors, packets gather while
 * those are kept; then one worker takes them all, and its first callback blocks. */
static void callbacks_may_wait_for_those_that_were_taken_with_them(void)
{
    enum { KEEPERS = 2 };
    _Atomic uint32_t stage = 0;
    pair kept[KEEPERS];
    call keepers[KEEPERS];
    char here[KEEPERS];
    blockers all;
    int i, count;

    if (!start_with_many()) return;
    (void)prepare_blockers(&all, BLOCKERS);
    for (count = 0; count < KEEPERS && pair_open(&kept[count]); count++) {
        call_prepare(&keepers[count], kept[count].socket, CALL_RECEIVE);
        keepers[count].inside = keep_processor;
        keepers[count].context = &stage;
        (void)CHECK_ERROR(call_receive(&keepers[count], &here[count], 1), APM_ERROR_SUCCESS);
    }
    CHECK(count == KEEPERS);
    for (i = 0; i < count; i++) CHECK(peer_write(kept[i].other, "x", 1));
    CHECK(wait_for_count(&stage, 1)); /* with one processor there is no second */
    write_to_blockers(&all);
    atomic_fetch_add(&stage, 100);
    CHECK(wait_for_count(&all.inside, BLOCKERS)); /* all of them at the same time */
    stop_blockers(&all);
    for (i = 0; i < count; i++) {
        CHECK(call_wait(&keepers[i]));
        call_dispose(&keepers[i]);
        pair_close(&kept[i]);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

typedef struct nested {
    pair both;
    char here;
    size_t bytes;
    apm_error error;
    test_gate *begun;
} nested;

/* Begins another operation in the callback and waits for its end there. */
static void end_another_operation(call *made)
{
    nested *other = (nested *)made->context;
    apm_async_result *result = NULL;

    other->error = apm_socket_begin_receive(other->both.socket, &other->here, 1, 0, NULL, NULL, &result);
    test_gate_open(other->begun);
    if (other->error == APM_ERROR_SUCCESS)
        other->error = apm_socket_end_receive(other->both.socket, result, &other->bytes);
    apm_async_result_release(result);
}

static void end_in_a_callback_may_wait_for_another_operation(void)
{
    enum { DEPTH = 4 };
    pair both[DEPTH];
    nested others[DEPTH];
    call made[DEPTH];
    char here[DEPTH];
    int i, open = 0;

    if (!start_with_many()) return;
    for (i = 0; i < DEPTH; i++, open++) {
        if (!pair_open(&both[i]) || !pair_open(&others[i].both)) break;
        others[i].here = 0;
        others[i].bytes = 0;
        others[i].error = APM_ERROR_SOCKET;
        others[i].begun = test_gate_new();
        call_prepare(&made[i], both[i].socket, CALL_RECEIVE);
        made[i].inside = end_another_operation;
        made[i].context = &others[i];
        (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
        CHECK(peer_write(both[i].other, "x", 1));
    }
    CHECK(open == DEPTH);
    for (i = 0; i < open; i++) CHECK(test_gate_wait(others[i].begun)); /* all of them wait now */
    for (i = open - 1; i >= 0; i--) {
        CHECK(peer_write(others[i].both.other, "y", 1));
        CHECK(call_wait(&made[i]));
        (void)CHECK_ERROR(others[i].error, APM_ERROR_SUCCESS);
        CHECK(others[i].bytes == 1 && others[i].here == 'y');
    }
    for (i = 0; i < open; i++) {
        call_dispose(&made[i]);
        test_gate_free(others[i].begun);
        pair_close(&both[i]);
        pair_close(&others[i].both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- how many workers -------------------------------------------------------------------------------------- */

static void minimum_is_there_from_the_start(void)
{
    apm_options options = harness_options();
    int64_t before = harness_threads();

    options.min_workers = options.max_workers = 4;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    CHECK(harness_threads() == before + 4);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static void pool_grows_while_callbacks_block_and_shrinks_when_they_are_done(void)
{
    apm_options options = harness_options();
    int64_t before = harness_threads() + TIMERS;
    uint64_t start;
    blockers all;

    options.min_workers = 2;
    options.max_workers = 0;
    if (!start_with_timers(&options)) return;
    (void)start_blockers(&all, BLOCKERS, BLOCKERS);
    CHECK(harness_threads() >= before + BLOCKERS); /* each has a worker to itself */
    stop_blockers(&all);
    start = test_now();
    while (harness_threads() > before + 2 && test_now() - start < RETIRE_LIMIT) test_yield();
    CHECK(harness_threads() == before + 2); /* down to the minimum ... */
    start = test_now();
    while (test_now() - start < 200) { /* ... and no further: all of them became idle together */
        test_yield();
        CHECK(harness_threads() >= before + 2);
    }
    if (start_blockers(&all, 3, 3)) CHECK(harness_threads() >= before + 3); /* and it can grow again */
    stop_blockers(&all);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* A worker that waits while all others are in their callbacks is the only one who can take the
 * next packet: it stays, for all the time it has been idle. */
static void last_one_at_the_port_does_not_retire(void)
{
    enum { BLOCKED = 2 };
    apm_options options = harness_options();
    int64_t before = harness_threads() + TIMERS;
    uint64_t start;
    blockers all;
    pair both;

    options.max_workers = 0;
    if (!start_with_timers(&options)) return;
    (void)start_blockers(&all, BLOCKED, BLOCKED);
    start = test_now();
    while (test_now() - start < IDLE_LIMIT) test_yield();
    CHECK(harness_threads() == before + BLOCKED + 1); /* one waits, and no more than one */
    if (pair_open(&both)) {
        check_alive(&both);
        pair_close(&both);
    }
    stop_blockers(&all);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static void maximum_is_kept_and_nobody_is_forgotten(void)
{
    enum { MOST = 3 };
    apm_options options = harness_options();
    int64_t before = harness_threads() + TIMERS;
    blockers all;

    options.min_workers = 1;
    options.max_workers = MOST;
    if (!start_with_timers(&options)) return;
    (void)start_blockers(&all, BLOCKERS, MOST);
    CHECK(harness_threads() == before + MOST);
    CHECK(atomic_load(&all.inside) == MOST); /* the others have to wait */
    stop_blockers(&all);                     /* and get their turn */
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static void only_worker_serves_everybody(void)
{
    enum { CALLS = 40 };
    apm_options options = harness_options();
    pair both;
    call made[CALLS];
    char here[CALLS];
    int i;

    options.min_workers = options.max_workers = 1;
    options.callbacks_on_pool = true;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        for (i = 0; i < CALLS; i++) {
            call_prepare(&made[i], both.socket, CALL_RECEIVE);
            (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
        }
        for (i = 0; i < CALLS; i++) CHECK(peer_write(both.other, "x", 1));
        for (i = 0; i < CALLS; i++) {
            CHECK(call_wait(&made[i]));
            (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
            CHECK(made[i].thread == made[0].thread);
            CHECK(made[i].thread != test_thread_self());
        }
        for (i = 0; i < CALLS; i++) call_dispose(&made[i]);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- what they cost ------------------------------------------------------------------------------------------ */

/* One worker, so that no thread is made meanwhile, and every handle counts. */
static void operations_make_no_kernel_object(void)
{
    enum { ROUNDS = 300 };
    apm_options options = harness_options();
    pair both;
    call made;
    int64_t before;
    int i;

    options.min_workers = options.max_workers = 1;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        call_prepare(&made, both.socket, CALL_SEND);
        check_alive(&both);
        before = harness_handles();
        for (i = 0; i < ROUNDS; i++) {
            char here = 0;

            made.kind = CALL_SEND;
            (void)CHECK_ERROR(call_send(&made, "x", 1), APM_ERROR_SUCCESS);
            CHECK(test_gate_wait(made.done));
            (void)apm_manual_reset_event_reset(made.done);
            apm_async_result_release(made.result);
            made.kind = CALL_RECEIVE;
            (void)CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS);
            CHECK(peer_write(both.other, "y", 1) && test_gate_wait(made.done));
            (void)apm_manual_reset_event_reset(made.done);
            if (i % 50 == 0) CHECK(harness_handles() == before); /* also while one is there */
            apm_async_result_release(made.result);
        }
        CHECK(harness_handles() == before);
        made.result = NULL;
        call_dispose(&made);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* ---- threads that come and go ---------------------------------------------------------------------------------- */

typedef struct visitor {
    call made;
    char here;
    apm_error error;
} visitor;

static void begin_and_leave(void *argument)
{
    visitor *one = (visitor *)argument;

    one->error = call_receive(&one->made, &one->here, 1);
}

static void operation_outlives_the_thread_that_began_it(void)
{
    pair both;
    visitor one;

    if (!pair_open(&both)) return;
    call_prepare(&one.made, both.socket, CALL_RECEIVE);
    one.here = 0;
    test_thread_join(test_thread_start(begin_and_leave, &one));
    if (CHECK_ERROR(one.error, APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(one.made.result));
        CHECK(peer_write(both.other, "x", 1) && call_wait(&one.made));
        (void)CHECK_ERROR(one.made.error, APM_ERROR_SUCCESS);
        CHECK(one.made.bytes == 1 && one.here == 'x');
    }
    call_dispose(&one.made);
    pair_close(&both);
}

static const test_case blocking[] = {
    {"others_go_on_while_callbacks_block", others_go_on_while_callbacks_block, true},
    {"blocked_callbacks_may_wait_for_a_later_one", blocked_callbacks_may_wait_for_a_later_one, true},
    {"callbacks_may_wait_for_those_that_were_taken_with_them",
     callbacks_may_wait_for_those_that_were_taken_with_them, true},
    {"end_in_a_callback_may_wait_for_another_operation", end_in_a_callback_may_wait_for_another_operation,
     true},
    {NULL, NULL, false}};

static const test_case workers[] = {
    {"minimum_is_there_from_the_start", minimum_is_there_from_the_start, true},
    {"pool_grows_while_callbacks_block_and_shrinks_when_they_are_done",
     pool_grows_while_callbacks_block_and_shrinks_when_they_are_done, true},
    {"last_one_at_the_port_does_not_retire", last_one_at_the_port_does_not_retire, true},
    {"maximum_is_kept_and_nobody_is_forgotten", maximum_is_kept_and_nobody_is_forgotten, true},
    {"only_worker_serves_everybody", only_worker_serves_everybody, true},
    {NULL, NULL, false}};

static const test_case cost[] = {
    {"operations_make_no_kernel_object", operations_make_no_kernel_object, true},
    {"operation_outlives_the_thread_that_began_it", operation_outlives_the_thread_that_began_it, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"blocking", blocking}, {"workers", workers}, {"cost", cost}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
