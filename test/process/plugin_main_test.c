/* SPDX-License-Identifier: MIT */
/*
 * The library used from the DllMain of a plug-in: nothing hangs, what would have to wait says so,
 * and what was begun there ends afterwards. Each case is a child process, whose exit code tells
 * at which step it went wrong (guest.h).
 */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/harness.h"
#include "../support/peer.h"
#include "child.h"
#include "host.h"
#include "plugin.h"

enum { GOOD = 41, BROKEN = 3 };

static uint16_t hanging_port(void)
{
    peer_listener *listener = peer_listen_hanging(APM_FAMILY_IPV4); /* ends with the process */
    apm_endpoint endpoint;
    unsigned char port[2];

    if (listener == NULL) return 0;
    peer_listener_endpoint(listener, &endpoint);
    memcpy(port, (const unsigned char *)endpoint.address + 2, 2);
    return (uint16_t)(port[0] << 8 | port[1]);
}

/* ---- the children --------------------------------------------------------------------------------------- */

static void do_nothing(void *argument)
{
    (void)argument;
}

static void set_script(const char *name, uint16_t port)
{
    char text[40];

    (void)snprintf(text, sizeof text, "%s:%u", name, (unsigned)port);
    (void)SetEnvironmentVariableA("APMTEST_GUEST", text);
}

/* What its DllMain has begun is over when the library ends, and then it is gone. */
static int end_library(void)
{
    if (!plugin_present(NULL)) return BROKEN;
    return plugin_library_stop() == 0 ? GOOD : BROKEN + 1;
}

static int attach_as_child(uint16_t port)
{
    plugin guest;
    int code;

    set_script("attach", port);
    if (!plugin_load(&guest, "guest_a.dll") || guest.call.scripted() != 1) return BROKEN + 3;
    code = end_library();
    if (code != GOOD) return code;
    return plugin_free(&guest) && plugin_gone(NULL) ? GOOD : BROKEN + 4;
}

static int thread_as_child(const char *when, uint16_t port)
{
    plugin guest;
    int code;

    if (!plugin_load(&guest, "guest_a.dll")) return BROKEN + 3;
    guest.call.script(when, port);
    if (!host_thread_join(host_thread_start(do_nothing, NULL)) || guest.call.scripted() != 1)
        return BROKEN + 5;
    code = end_library();
    if (code != GOOD) return code;
    return plugin_free(&guest) && plugin_gone(NULL) ? GOOD : BROKEN + 4;
}

/* The plug-in goes and leaves the library running: its workers hold it. */
static int detach_as_child(uint16_t port)
{
    plugin guest;
    int code;

    if (!plugin_load(&guest, "guest_a.dll")) return BROKEN + 3;
    guest.call.script("detach", port);
    if (!plugin_free(&guest) || !plugin_gone("guest_a.dll")) return BROKEN + 4;
    code = end_library();
    return code == GOOD && !plugin_gone(NULL) ? BROKEN + 6 : code;
}

static volatile LONG turning;

/* Other threads are anywhere in the library, with its locks in their hands, when the process ends. */
static void start_and_stop(void *argument)
{
    const plugin *guest = (const plugin *)argument;

    for (;;) {
        (void)guest->call.start();
        (void)guest->call.stop();
        (void)InterlockedIncrement(&turning);
    }
}

static int exit_as_child(const char *way)
{
    static plugin guest;
    int i;

    if (!plugin_load(&guest, "guest_a.dll")) return BROKEN + 3;
    guest.call.script("exit", 0);
    for (i = 0; i < 3; i++) (void)host_thread_start(start_and_stop, &guest);
    while (turning < 20) Sleep(1);
    if (strcmp(way, "exit_process") == 0) ExitProcess(GOOD);
    if (strcmp(way, "exit") == 0) exit(GOOD);
    return GOOD;
}

/* Others have started it. */
static int share_as_child(uint16_t port)
{
    plugin first, second;

    if (!plugin_load(&first, "guest_a.dll") || first.call.start() != 0) return BROKEN + 3;
    set_script("attach_shared", port);
    if (!plugin_load(&second, "guest_b.dll") || second.call.scripted() != 1) return BROKEN + 7;
    if (first.call.stop() != 0) return BROKEN + 1;
    if (first.call.stop() != APM_ERROR_NOT_INITIALIZED) return BROKEN + 2; /* the counts are even */
    return plugin_free(&first) && plugin_free(&second) && plugin_gone(NULL) ? GOOD : BROKEN + 4;
}

static void *inside, *may_return;

static void APM_CALL stay_inside(apm_async_result *result)
{
    (void)result;
    host_gate_open(inside);
    (void)host_gate_wait(may_return);
}

static void end_it(void *argument)
{
    *(int32_t *)argument = plugin_library_stop();
}

/* A thread ends the library; that waits for a callback, which waits for us; and we load a plug-in
 * whose DllMain starts the library. */
static int end_as_child(void)
{
    apm_error(APM_CALL * create)(int32_t family, int32_t type, int32_t protocol, apm_socket * *socket);
    apm_error(APM_CALL * connect)(apm_socket * socket, const apm_endpoint *remote,
                                  apm_async_callback callback, void *state, apm_async_result **result);
    apm_error(APM_CALL * close)(apm_socket * socket);
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = NULL, *probe = NULL;
    plugin first, second;
    apm_endpoint remote;
    apm_error error;
    int32_t ended = 0;
    void *ender;

    if (!plugin_load(&first, "guest_a.dll") || listener == NULL) return BROKEN + 3;
    if (!plugin_library_find("apm_socket_create", &create) ||
        !plugin_library_find("apm_socket_begin_connect", &connect) ||
        !plugin_library_find("apm_socket_close", &close))
        return BROKEN + 3;
    inside = host_gate_new();
    may_return = host_gate_new();
    peer_listener_endpoint(listener, &remote);
    if (plugin_library_start(true) != 0) return BROKEN + 12;
    if (create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) != APM_ERROR_SUCCESS ||
        connect(socket, &remote, stay_inside, NULL, NULL) != APM_ERROR_SUCCESS || !host_gate_wait(inside))
        return BROKEN + 8;
    ender = host_thread_start(end_it, &ended);
    /* No socket is to be had from when it is being ended. */
    while ((error = create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &probe)) ==
           APM_ERROR_SUCCESS)
        (void)close(probe);
    if (error != APM_ERROR_INVALID_OPERATION) return BROKEN + 9;
    set_script("attach_while_ending", 1);
    if (!plugin_load(&second, "guest_b.dll") || second.call.scripted() != 1) return BROKEN + 7;
    host_gate_open(may_return);
    if (!host_thread_join(ender) || ended != APM_ERROR_SUCCESS) return BROKEN + 1;
    if (close(socket) != APM_ERROR_SUCCESS) return BROKEN + 2;
    return plugin_free(&first) && plugin_free(&second) && plugin_gone(NULL) ? GOOD : BROKEN + 4;
}

static int run_child(int count, char **arguments)
{
    const char *way = arguments[0];
    uint16_t port = hanging_port();

    if (port == 0) return BROKEN + 10;
    if (strcmp(way, "attach") == 0) return attach_as_child(port);
    if (strcmp(way, "thread_attach") == 0 || strcmp(way, "thread_detach") == 0)
        return thread_as_child(way, port);
    if (strcmp(way, "detach") == 0) return detach_as_child(port);
    if (strcmp(way, "share") == 0) return share_as_child(port);
    if (strcmp(way, "end") == 0) return end_as_child();
    if (strcmp(way, "exit") == 0 && count == 2) return exit_as_child(arguments[1]);
    return BROKEN + 11;
}

/* ---- the cases ----------------------------------------------------------------------------------------------- */

static uint32_t run_often(const char *arguments, int times)
{
    uint32_t code = GOOD;

    while (times-- > 0 && code == GOOD) code = child_run(arguments, false);
    return code;
}

/* Wine 8 ends a thread anywhere, also with a spin lock of its ntdll in its hands, and then the end of the process
 * may wait for that: once in 2,500. What hangs more often is ours. */
static uint32_t run_to_the_end(const char *arguments)
{
    uint32_t code = child_run(arguments, false);

    return code == CHILD_HUNG && peer_kernel_is_wine() ? run_often(arguments, 40) : code;
}

static void check_child(const char *arguments, int times)
{
    while (times-- > 0) {
        uint32_t code = run_to_the_end(arguments);

        if (code != GOOD) (void)printf("\nthe child \"%s\": code %lu\n", arguments, (unsigned long)code);
        CU_ASSERT(code == GOOD);
    }
}

static void library_can_be_used_while_a_plugin_is_attached(void)
{
    check_child("attach", 3);
}

static void library_can_be_used_while_threads_come_and_go(void)
{
    check_child("thread_attach", 3);
    check_child("thread_detach", 3);
}

static void library_can_be_used_while_a_plugin_is_detached(void)
{
    check_child("detach", 3);
}

static void library_that_others_use_can_be_used_while_a_plugin_is_attached(void)
{
    check_child("share", 3);
}

static void library_that_is_being_ended_cannot_be_started_by_a_plugin_that_is_attached(void)
{
    check_child("end", 3);
}

static void plugin_detached_by_the_end_of_the_process_does_not_hang(void)
{
    check_child("exit return", 5);
    check_child("exit exit", 5);
    check_child("exit exit_process", 5);
}

static const host_case cases[] = {
    {"library_can_be_used_while_a_plugin_is_attached", library_can_be_used_while_a_plugin_is_attached},
    {"library_can_be_used_while_threads_come_and_go", library_can_be_used_while_threads_come_and_go},
    {"library_can_be_used_while_a_plugin_is_detached", library_can_be_used_while_a_plugin_is_detached},
    {"library_that_others_use_can_be_used_while_a_plugin_is_attached",
     library_that_others_use_can_be_used_while_a_plugin_is_attached},
    {"library_that_is_being_ended_cannot_be_started_by_a_plugin_that_is_attached",
     library_that_is_being_ended_cannot_be_started_by_a_plugin_that_is_attached},
    {"plugin_detached_by_the_end_of_the_process_does_not_hang",
     plugin_detached_by_the_end_of_the_process_does_not_hang},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    return host_main(argc, argv, "plugin_main", cases, run_child);
}
