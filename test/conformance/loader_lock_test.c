/* SPDX-License-Identifier: MIT */
/*
 * In a DllMain (simulated: on Windows it takes a process, test/process/) whatever would wait
 * for another thread fails instead, and changes nothing.
 */
#include "pump.h"
#include "sim.h"

#include "kernel.h"

static void hold_loader(bool hold)
{
    sim_set_loader(hold ? APMK_LOADER_HELD : APMK_LOADER_FREE);
}

static void end_of_what_is_pending_does_not_wait(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    hold_loader(true);
    (void)CHECK_ERROR(apm_async_result_wait(one.made.result, APM_INFINITE), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_async_result_wait(one.made.result, 1), APM_ERROR_TIMED_OUT);
    (void)CHECK_ERROR(apm_socket_end_receive(one.both.socket, one.made.result, NULL),
                      APM_ERROR_INVALID_OPERATION);
    hold_loader(false);
    CHECK(peer_write(one.both.other, "x", 1));
    (void)call_ends_with(&one.made, APM_ERROR_SUCCESS, 1); /* its End was not taken */
    receiving_close(&one);
}

static void end_of_what_is_over_is_as_ever(void)
{
    apm_async_result *result = NULL;
    size_t sent = 0;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, &result), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_wait(result, PATIENCE), APM_ERROR_SUCCESS);
    hold_loader(true);
    (void)CHECK_ERROR(apm_async_result_wait(result, APM_INFINITE), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_end_send(both.socket, result, &sent), APM_ERROR_SUCCESS);
    hold_loader(false);
    CHECK(sent == 1);
    apm_async_result_release(result);
    pair_close(&both);
}

static void blocking_members_begin_nothing(void)
{
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4);
    apm_endpoint remote;
    size_t count = 7;
    pair both;
    char here;

    if (!pair_open(&both)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &remote);
    hold_loader(true);
    (void)CHECK_ERROR(apm_socket_connect(fresh, &remote), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_connect_host(fresh, "127.0.0.1", 9), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_send(both.socket, "x", 1, 0, &count), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_receive(both.socket, &here, 1, 0, &count), APM_ERROR_INVALID_OPERATION);
    hold_loader(false);
    CHECK(count == 7);
    CHECK(peer_read(both.other, &here, 1, 1) == PEER_TIMEOUT);
    check_alive(&both);
    close_now(fresh);
    pair_close(&both);
}

static void check_arguments(apm_socket *socket, apm_error expected)
{
    apm_endpoint remote;
    char here;

    peer_refusing_endpoint(APM_FAMILY_IPV4, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), expected);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, "127.0.0.1", 9), expected);
    (void)CHECK_ERROR(apm_socket_send(socket, "x", 1, 0, NULL), expected);
    (void)CHECK_ERROR(apm_socket_receive(socket, &here, 1, 0, NULL), expected);
}

/* Before it is said that one cannot wait here. */
static void arguments_of_blocking_members_are_looked_at_first(void)
{
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4), *closed = stream_new(APM_FAMILY_IPV4);
    apm_endpoint any = {0};
    char here;

    apm_socket_retain(closed);
    close_now(closed);
    hold_loader(true);
    check_arguments(NULL, APM_ERROR_ARGUMENT_NULL);
    check_arguments(closed, APM_ERROR_OBJECT_DISPOSED);
    check_arguments(fresh, APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_connect(fresh, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_connect(fresh, &any), APM_ERROR_ARGUMENT);
    (void)CHECK_ERROR(apm_endpoint_from_ip("0.0.0.0", 9, &any), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_connect(fresh, &any), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    (void)CHECK_ERROR(apm_socket_connect_host(fresh, NULL, 9), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_connect_host(fresh, "0.0.0.0", 9), APM_ERROR_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_connect_host(fresh, "::1", 9), APM_ERROR_NOT_SUPPORTED);
    (void)CHECK_ERROR(apm_socket_connect_host(fresh, "a.name", 9), APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_send(fresh, NULL, 1, 0, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_send(fresh, &here, SIZE_MAX, 0, NULL), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_receive(fresh, NULL, 1, 0, NULL), APM_ERROR_ARGUMENT_NULL);
    hold_loader(false);
    close_now(fresh);
    apm_socket_release(closed);
}

static void last_cleanup_is_refused(void)
{
    apm_options options = harness_options();

    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    hold_loader(true);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS); /* not the last one */
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_INVALID_OPERATION);
    sim_set_loader(APMK_LOADER_ENDS);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_INVALID_OPERATION);
    hold_loader(false);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
}

/* It would have to join those that have been started, which cannot end here. */
static void start_makes_do_with_the_workers_it_gets(void)
{
    apm_options options = harness_options();
    sim_profile base = sim_base_profile(), poor = base;

    options.min_workers = options.max_workers = 4;
    poor.faults[SIM_THREAD].nth = 3;
    sim_set_profile(&poor);
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_OUT_OF_MEMORY);
    sim_set_profile(&poor);
    hold_loader(true);
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    hold_loader(false);
    sim_set_profile(&base);
    CHECK(harness_threads() == 2);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* For ever it would wait for another thread; for a time, or for what is ready, it need not. */
static void poll_without_an_end_is_refused(void)
{
    apm_options options = harness_options();
    apm_socket *socket;
    apm_endpoint nobody;
    call made;

    options.max_workers = 0;
    options.no_workers = true;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    socket = stream_new(APM_FAMILY_IPV4);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    call_prepare(&made, socket, CALL_CONNECT);
    (void)CHECK_ERROR(call_connect(&made, &nobody), APM_ERROR_SUCCESS);
    hold_loader(true);
    (void)CHECK_ERROR(apm_poll(APM_INFINITE), APM_ERROR_INVALID_OPERATION);
    CHECK(atomic_load(&made.callbacks) == 0);
    CHECK(apm_poll(0) != APM_ERROR_INVALID_OPERATION);
    hold_loader(false);
    CHECK(pump_call(&made));
    call_dispose(&made);
    close_now(socket);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

typedef struct stay {
    test_gate *inside;
    _Atomic bool over;
} stay;

/* Not for an event: who waits for one recruits, too. */
static void wait_inside(call *made)
{
    stay *here = (stay *)made->context;

    test_gate_open(here->inside);
    while (!atomic_load(&here->over)) test_yield();
}

/* The pool's only worker is in a callback, another one could not be had, and the timers' thread, which would ask
 * again, neither. Whoever comes by asks, but not here: the new one may have to join one that has left. */
static void nobody_recruits_here(void)
{
    apm_options options = harness_options();
    sim_profile base = sim_base_profile(), plain;
    stay here = {test_gate_new(), false};
    receiving_pair one;
    call beside;
    char there;

    CHECK(sim_profile_named("windows", &plain)); /* which needs no timer for anything else */
    plain.faults[SIM_THREAD].nth = 2;
    plain.faults[SIM_THREAD].lasting = true;
    sim_set_profile(&plain);
    options.min_workers = 1;
    options.max_workers = 4;
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS) && receiving_open(&one)) {
        int64_t before = harness_threads();

        one.made.inside = wait_inside;
        one.made.context = &here;
        CHECK(peer_write(one.both.other, "x", 1));
        CHECK(test_gate_wait(here.inside));
        plain.faults[SIM_THREAD].nth = 0;
        plain.faults[SIM_THREAD].lasting = false;
        sim_set_profile(&plain); /* from here on there are threads again */
        call_prepare(&beside, one.both.socket, CALL_RECEIVE);
        hold_loader(true);
        (void)CHECK_ERROR(call_receive(&beside, &there, 1), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_async_result_wait(beside.result, 1), APM_ERROR_TIMED_OUT);
        CHECK(harness_threads() == before);
        hold_loader(false);
        (void)CHECK_ERROR(apm_async_result_wait(beside.result, 1), APM_ERROR_TIMED_OUT);
        CHECK(harness_threads() == before + 1);
        atomic_store(&here.over, true);
        CHECK(call_wait(&one.made));
        CHECK(peer_write(one.both.other, "x", 1));
        (void)call_ends_with(&beside, APM_ERROR_SUCCESS, 1);
        call_dispose(&beside);
        receiving_close(&one);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    test_gate_free(here.inside);
    sim_set_profile(&base);
}

static const test_case cases[] = {
    {"end_of_what_is_pending_does_not_wait", end_of_what_is_pending_does_not_wait, false},
    {"end_of_what_is_over_is_as_ever", end_of_what_is_over_is_as_ever, false},
    {"blocking_members_begin_nothing", blocking_members_begin_nothing, false},
    {"arguments_of_blocking_members_are_looked_at_first", arguments_of_blocking_members_are_looked_at_first,
     false},
    {"last_cleanup_is_refused", last_cleanup_is_refused, true},
    {"start_makes_do_with_the_workers_it_gets", start_makes_do_with_the_workers_it_gets, true},
    {"poll_without_an_end_is_refused", poll_without_an_end_is_refused, true},
    {"nobody_recruits_here", nobody_recruits_here, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"held", cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
