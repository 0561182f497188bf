/* SPDX-License-Identifier: MIT */
/*
 * The end of the process at any moment, while other threads are anywhere in the library: each way
 * in a child of its own, whose exit code must be the one that it asked for, soon, and without a
 * crash. With the DLL and with the library inside the program.
 */
#include "../support/crash_filter.h"
#include "../support/fixture.h"
#include "child.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKEN = 3, GOOD = 42, GOOD_AT_EXIT = 43 };
enum { ROUNDS = 20, REPEATS = 4 };

/* ---- a process in full swing ------------------------------------------------------------------------------ */

static peer_listener *listener;
static peer_listener *hanging;
static apm_endpoint live, nowhere;
static _Atomic uint32_t turns[4]; /* of each of those who go round */
static _Atomic uint32_t ready;    /* who have their connection */
static unsigned char large[1024 * 1024];

/* One thread after the other: so the connection that it accepts is the one that it made. */
static apm_socket *connect_stream(peer **other)
{
    apm_socket *socket = NULL;

    if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) !=
            APM_ERROR_SUCCESS ||
        apm_socket_connect(socket, &live) != APM_ERROR_SUCCESS ||
        (*other = peer_accept(listener, PATIENCE)) == NULL)
        crash_filter_terminate(BROKEN);
    atomic_fetch_add(&ready, 1);
    return socket;
}

static void begin_and_end(void *argument)
{
    peer *other = NULL;
    apm_socket *socket = connect_stream(&other);

    (void)argument;
    for (;;) {
        apm_async_result *result = NULL;
        char byte = 'x';

        if (apm_socket_begin_send(socket, &byte, 1, 0, NULL, NULL, &result) != APM_ERROR_SUCCESS) continue;
        (void)apm_socket_end_send(socket, result, NULL);
        apm_async_result_release(result);
        (void)peer_read(other, &byte, 1, PATIENCE);
        (void)peer_write(other, &byte, 1);
        (void)apm_socket_receive(socket, &byte, 1, 0, NULL);
        atomic_fetch_add(&turns[0], 1);
    }
}

static void open_and_close(void *argument)
{
    (void)argument;
    for (;;) {
        apm_socket *socket = NULL;

        if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
            APM_ERROR_SUCCESS) {
            (void)apm_socket_begin_connect(socket, &nowhere, NULL, NULL, NULL);
            (void)apm_socket_close(socket);
        }
        atomic_fetch_add(&turns[1], 1);
    }
}

static void cancel_and_wait(void *argument)
{
    peer *other = NULL;
    apm_socket *socket = connect_stream(&other);
    char byte = 0;

    (void)argument;
    for (;;) {
        apm_async_result *result = NULL;

        if (apm_socket_begin_receive(socket, &byte, 1, 0, NULL, NULL, &result) == APM_ERROR_SUCCESS) {
            (void)apm_async_result_cancel_after(result, 1);
            (void)apm_async_result_wait(result, APM_INFINITE);
            apm_async_result_release(result);
        }
        atomic_fetch_add(&turns[2], 1);
    }
}

static void start_and_stop(void *argument)
{
    (void)argument;
    for (;;) {
        if (apm_startup(NULL) == APM_ERROR_SUCCESS) (void)apm_cleanup();
        atomic_fetch_add(&turns[3], 1);
    }
}

/* Blocked for good, in End and in a wait. */
static void wait_for_ever(void *argument)
{
    static char bytes[2];
    peer *other = NULL;
    apm_socket *socket = connect_stream(&other);
    apm_async_result *first = NULL, *second = NULL;

    if (apm_socket_begin_receive(socket, &bytes[0], 1, 0, NULL, NULL, &first) != APM_ERROR_SUCCESS ||
        apm_socket_begin_receive(socket, &bytes[1], 1, 0, NULL, NULL, &second) != APM_ERROR_SUCCESS)
        crash_filter_terminate(BROKEN);
    (void)apm_async_result_cancel_after(first, PATIENCE * 10);
    if (argument != NULL)
        (void)apm_socket_end_receive(socket, first, NULL);
    else
        (void)apm_async_result_wait(second, APM_INFINITE);
    crash_filter_terminate(BROKEN + 1); /* nobody has sent it anything */
}

static void send_for_ever(void *argument)
{
    peer *other = NULL;
    apm_socket *socket = connect_stream(&other);
    apm_async_result *result = NULL;

    (void)argument;
    while (apm_socket_begin_send(socket, large, sizeof large, 0, NULL, NULL, &result) == APM_ERROR_SUCCESS) {
        (void)apm_socket_end_send(socket, result, NULL);
        apm_async_result_release(result);
    }
    crash_filter_terminate(BROKEN + 2);
}

static void start_connected(void (*run)(void *argument), void *argument)
{
    uint32_t before = atomic_load(&ready);

    (void)test_thread_start(run, argument);
    while (atomic_load(&ready) == before) test_yield();
}

static bool start_everything(void)
{
    static int some;
    int i, again = ROUNDS;

    if (apm_startup(NULL) != APM_ERROR_SUCCESS) return false;
    listener = peer_listen(APM_FAMILY_IPV4);
    hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    if (listener == NULL || hanging == NULL) return false;
    peer_listener_endpoint(listener, &live);
    peer_listener_endpoint(hanging, &nowhere);
    start_connected(begin_and_end, NULL);
    start_connected(cancel_and_wait, NULL);
    start_connected(wait_for_ever, NULL);
    start_connected(wait_for_ever, &some);
    start_connected(send_for_ever, NULL);
    (void)test_thread_start(open_and_close, NULL);
    (void)test_thread_start(start_and_stop, NULL);
    for (i = 0; i < 4; i++)
        while (atomic_load(&turns[i]) < ROUNDS) test_yield();
    /* From another moment in each process. */
    again += (int)(GetCurrentProcessId() / 4 % 16);
    while ((int)atomic_load(&turns[0]) < again) test_yield();
    return true;
}

/* ---- ways to end ------------------------------------------------------------------------------------------- */

static const char *way_now;

static void end_here(void)
{
    if (strcmp(way_now, "exit") == 0) exit(GOOD);
    if (strcmp(way_now, "exit_process") == 0) ExitProcess(GOOD);
    if (strcmp(way_now, "_exit") == 0) _Exit(GOOD);
    if (strcmp(way_now, "terminate") == 0) crash_filter_terminate(GOOD);
    crash_filter_terminate(BROKEN + 3);
}

/* On a worker; or on the thread in Begin, if that has found it done at once. */
static void APM_CALL end_in_callback(apm_async_result *result)
{
    (void)result;
    end_here();
}

static void end_in_thread(void *argument)
{
    (void)argument;
    end_here();
}

/* atexit: the threads are alive, and the library can be ended, but not from its own callback. */
static _Atomic bool in_callback;

static void end_library(void)
{
    apm_error error;

    do error = apm_cleanup();
    while (error == APM_ERROR_SUCCESS); /* other threads have started it, too; they start it again */
    if (error != (atomic_load(&in_callback) ? APM_ERROR_INVALID_OPERATION : APM_ERROR_NOT_INITIALIZED))
        crash_filter_terminate(BROKEN + 4);
    _Exit(GOOD_AT_EXIT);
}

static void APM_CALL exit_in_callback(apm_async_result *result)
{
    (void)result;
    atomic_store(&in_callback, true);
    exit(BROKEN + 5); /* end_library has another code */
}

/* Until another thread ends the process, or whoever waits for it does. */
static int stay(void)
{
    uint64_t start = test_now();

    while (test_now() - start < PATIENCE) test_yield();
    return BROKEN + 10;
}

/* From main: its value is the exit code there. */
static int end_as_child(const char *where, const char *how)
{
    static char byte;
    apm_socket *socket = NULL;
    peer *other = NULL;

    way_now = how;
    if (strcmp(where, "atexit") == 0) {
        if (apm_startup(NULL) != APM_ERROR_SUCCESS || atexit(end_library) != 0) return BROKEN + 6;
        if (strcmp(how, "main") == 0) return BROKEN + 7; /* and end_library has another code */
        if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, 0, &socket) != APM_ERROR_SUCCESS)
            return BROKEN + 6;
        peer_refusing_endpoint(APM_FAMILY_IPV4, &live);
        (void)apm_socket_begin_connect(socket, &live, exit_in_callback, NULL, NULL);
        return stay();
    }
    if (!start_everything()) return BROKEN + 8;
    if (strcmp(where, "main") == 0) {
        if (strcmp(how, "return") == 0) return GOOD;
        end_here();
    }
    if (strcmp(where, "thread") == 0) (void)test_thread_start(end_in_thread, NULL);
    if (strcmp(where, "callback") == 0 || strcmp(where, "inline") == 0) {
        socket = connect_stream(&other);
        if (strcmp(where, "inline") == 0) {
            (void)apm_socket_begin_send(socket, "x", 1, 0, end_in_callback, NULL, NULL);
        } else {
            (void)apm_socket_begin_receive(socket, &byte, 1, 0, end_in_callback, NULL, NULL);
            (void)peer_write(other, "x", 1);
        }
    }
    if (strcmp(where, "timer") == 0) {
        apm_async_result *result = NULL;

        socket = connect_stream(&other);
        (void)apm_socket_begin_receive(socket, &byte, 1, 0, end_in_callback, NULL, &result);
        (void)apm_async_result_cancel_after(result, 5);
    }
    if (strcmp(where, "name") == 0) { /* a look-up may be under way, a thread about to start */
        if (apm_socket_create_dual(APM_SOCKET_STREAM, 0, &socket) != APM_ERROR_SUCCESS) return BROKEN + 9;
        (void)apm_socket_begin_connect_host(socket, "localhost", 9, NULL, NULL, NULL);
        end_here();
    }
    return stay();
}

/* ---- the cases ------------------------------------------------------------------------------------------------ */

static void check_end(const char *where, const char *how, uint32_t expected)
{
    char arguments[80];
    int i;

    (void)snprintf(arguments, sizeof arguments, "%s %s", where, how);
    for (i = 0; i < REPEATS; i++) {
        uint32_t code = child_run(arguments, false);

        if (code != expected) (void)printf("\nthe child \"%s\": code %lu\n", arguments, (unsigned long)code);
        CHECK(code == expected);
    }
}

static void process_may_end_from_main(void)
{
    check_end("main", "return", GOOD);
    check_end("main", "exit", GOOD);
    check_end("main", "exit_process", GOOD);
    check_end("main", "_exit", GOOD);
    check_end("main", "terminate", GOOD);
}

static void process_may_end_from_another_thread(void)
{
    check_end("thread", "exit", GOOD);
    check_end("thread", "exit_process", GOOD);
}

static void process_may_end_from_a_callback(void)
{
    check_end("callback", "exit", GOOD);
    check_end("callback", "exit_process", GOOD);
    check_end("inline", "exit", GOOD);
    check_end("inline", "exit_process", GOOD);
    check_end("timer", "exit", GOOD);
    check_end("timer", "exit_process", GOOD);
}

static void process_may_end_while_a_name_is_looked_up(void)
{
    check_end("name", "exit", GOOD);
    check_end("name", "exit_process", GOOD);
}

static void library_may_be_ended_by_an_exit_handler(void)
{
    check_end("atexit", "main", GOOD_AT_EXIT);
    check_end("atexit", "callback", GOOD_AT_EXIT);
}

static const test_case end_cases[] = {
    {"process_may_end_from_main", process_may_end_from_main, true},
    {"process_may_end_from_another_thread", process_may_end_from_another_thread, true},
    {"process_may_end_from_a_callback", process_may_end_from_a_callback, true},
    {"process_may_end_while_a_name_is_looked_up", process_may_end_while_a_name_is_looked_up, true},
    {"library_may_be_ended_by_an_exit_handler", library_may_be_ended_by_an_exit_handler, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"process_end", end_cases}, {NULL, NULL}};

    if (argc == 4 && strcmp(argv[1], "--child") == 0) {
        crash_filter_install();
        return end_as_child(argv[2], argv[3]);
    }
    return harness_main(argc, argv, suites);
}
