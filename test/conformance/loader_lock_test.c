/* SPDX-License-Identifier: MIT */
/*
 * In a DllMain (simulated: on Windows it takes a process, test/process/) whatever would wait
 * for another thread fails instead, and changes nothing.
 */
#include "fixture.h"
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

static const test_case cases[] = {
    {"end_of_what_is_pending_does_not_wait", end_of_what_is_pending_does_not_wait, false},
    {"end_of_what_is_over_is_as_ever", end_of_what_is_over_is_as_ever, false},
    {"blocking_members_begin_nothing", blocking_members_begin_nothing, false},
    {"arguments_of_blocking_members_are_looked_at_first", arguments_of_blocking_members_are_looked_at_first,
     false},
    {"last_cleanup_is_refused", last_cleanup_is_refused, true},
    {"start_makes_do_with_the_workers_it_gets", start_makes_do_with_the_workers_it_gets, true},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"held", cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
