/* SPDX-License-Identifier: MIT */
/* Whoever watches from outside: gets the same events as a log, and may come and go. */
#include <string.h>

#include "../sim/sim.h"
#include "../support/fixture.h"

static _Atomic uint32_t connects, completions, others;
static _Atomic uint64_t bytes;

static void see(const char *name, const char *detail, int32_t error, uint64_t value)
{
    if (strcmp(name, "Connected") == 0 && error == APM_ERROR_SUCCESS)
        atomic_fetch_add(&connects, 1);
    else if (strcmp(name, "OperationCompleted") == 0)
        atomic_fetch_add(&completions, 1);
    else
        atomic_fetch_add(&others, 1);
    if (strcmp(name, "OperationCompleted") == 0 && strcmp(detail, "send") == 0)
        atomic_fetch_add(&bytes, value);
}

static void forget(void)
{
    atomic_store(&connects, 0);
    atomic_store(&completions, 0);
    atomic_store(&others, 0);
    atomic_store(&bytes, 0);
}

static void watcher_comes_and_goes(void)
{
    pair both;

    forget();
    sim_watch(APM_LOG_DEBUG, see);
    if (!pair_open(&both)) return;
    CHECK(atomic_load(&connects) == 1 && atomic_load(&completions) == 0);
    sim_watch(APM_LOG_TRACE, see);
    check_alive(&both);
    CHECK(atomic_load(&completions) == 2 && atomic_load(&bytes) == 1);
    sim_watch(0, NULL);
    forget();
    check_alive(&both);
    pair_close(&both);
    CHECK(atomic_load(&connects) + atomic_load(&completions) + atomic_load(&others) == 0);
}

/* Who watches before there is a library sees it start, and end. */
static void watcher_is_there_before_the_library(void)
{
    apm_options options = harness_options();

    forget();
    sim_watch(APM_LOG_INFORMATION, see);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        CHECK(atomic_load(&others) == 1);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        CHECK(atomic_load(&others) == 2);
    }
    sim_watch(0, NULL);
}

/* The library starts with a connection, and ends. */
static void live_once(const apm_options *options)
{
    pair both;

    if (!CHECK_ERROR(apm_startup(options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        check_alive(&both);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static _Atomic uint32_t told, told_too_much;

static void APM_CALL note_level(const apm_log_record *record, void *context)
{
    (void)context;
    atomic_fetch_add(record->level <= APM_LOG_INFORMATION ? &told : &told_too_much, 1);
}

/* The library then tells more than the log has asked for. */
static void log_gets_no_more_where_somebody_watches(void)
{
    apm_options options = harness_options();

    forget();
    atomic_store(&told, 0);
    atomic_store(&told_too_much, 0);
    options.log = note_level;
    options.log_level = APM_LOG_INFORMATION;
    sim_watch(APM_LOG_TRACE, see);
    live_once(&options);
    sim_watch(0, NULL);
    CHECK(atomic_load(&told) >= 2); /* it starts, and ends */
    CHECK(atomic_load(&completions) != 0 && atomic_load(&told_too_much) == 0);
}

static _Atomic uint32_t refusals;

static void see_refusals(const char *name, const char *detail, int32_t error, uint64_t value)
{
    (void)detail;
    if (strcmp(name, "ThreadRefused") != 0) return;
    CHECK(error == APM_ERROR_OUT_OF_MEMORY && value >= 1); /* another attempt may be under way */
    atomic_fetch_add(&refusals, 1);
}

/* One worker, and never another thread, not even one for timers. */
static void refused_thread_is_told(void)
{
    sim_profile calm = sim_base_profile(), poor = calm;
    apm_options options = harness_options();

    atomic_store(&refusals, 0);
    options.min_workers = 1;
    options.max_workers = 0; /* there is room for a further one, whatever the mode */
    poor.faults[SIM_THREAD].nth = 2;
    poor.faults[SIM_THREAD].lasting = true;
    sim_set_profile(&poor);
    sim_watch(APM_LOG_WARNING, see_refusals);
    live_once(&options);
    CHECK(atomic_load(&refusals) != 0);
    sim_watch(0, NULL);
    sim_set_profile(&calm);
}

static _Atomic uint32_t refused_sends;

static void see_refused_sends(const char *name, const char *detail, int32_t error, uint64_t value)
{
    if (strcmp(name, "OperationRefused") != 0) return;
    CHECK(strcmp(detail, "send") == 0 && value == 0 && error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE);
    atomic_fetch_add(&refused_sends, 1);
}

/* By the kernel, once the operation is there. */
static void refused_operation_is_told(void)
{
    sim_profile calm = sim_base_profile(), poor = calm;
    apm_error error;
    pair both;

    atomic_store(&refused_sends, 0);
    if (!pair_open(&both)) return;
    sim_watch(APM_LOG_TRACE, see_refused_sends);
    poor.faults[SIM_TRANSFER].nth = 1;
    sim_set_profile(&poor);
    error = apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, NULL);
    sim_set_profile(&calm);
    (void)CHECK_ERROR(error, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE);
    CHECK(atomic_load(&refused_sends) == 1);
    sim_watch(0, NULL);
    pair_close(&both);
}

static const test_case watch_cases[] = {
    {"watcher_comes_and_goes", watcher_comes_and_goes, false},
    {"watcher_is_there_before_the_library", watcher_is_there_before_the_library, true},
    {"refused_operation_is_told", refused_operation_is_told, false},
    {"log_gets_no_more_where_somebody_watches", log_gets_no_more_where_somebody_watches, true},
    {"refused_thread_is_told", refused_thread_is_told, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"watch", watch_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
