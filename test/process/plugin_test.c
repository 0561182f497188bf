/* SPDX-License-Identifier: MIT */
/*
 * Plug-ins that use the library, in a host that does not know it: loaded and freed many times,
 * two of them side by side, with threads that outlive them. And the library freed under a
 * callback of the host.
 */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <tlhelp32.h>

#include <stdio.h>
#include <string.h>

#include "../support/harness.h"
#include "../support/peer.h"
#include "host.h"
#include "plugin.h"

#define PATIENCE 60000u
#define WARM_UP 20
#define CYCLES 200
/* Of the process heap, busy blocks. The loader and the C library keep a few of their own, some of
 * them only now and then; one block for each ten cycles would be a leak that counts. */
#define HEAP_TOLERANCE (CYCLES / 10)

/* ---- what a plug-in does -------------------------------------------------------------------------------- */

typedef struct visit {
    plugin guest;
    peer *other;
    bool quiet; /* without a callback */
} visit;

static uint16_t port_of(const peer_listener *listener)
{
    apm_endpoint endpoint;
    unsigned char port[2];

    peer_listener_endpoint(listener, &endpoint);
    memcpy(port, (const unsigned char *)endpoint.address + 2, 2); /* as in every sockaddr */
    return (uint16_t)(port[0] << 8 | port[1]);
}

static bool open_visit(visit *made, peer_listener *listener, bool quiet)
{
    made->other = NULL;
    made->quiet = quiet;
    if (made->guest.call.open == NULL || made->guest.call.open(port_of(listener), !quiet) != 0) return false;
    made->other = peer_accept(listener, PATIENCE);
    return made->other != NULL;
}

/* A byte in each direction. */
static bool talk(const visit *made)
{
    uint32_t before = made->guest.call.answers();
    char byte = 0;

    return peer_write(made->other, "y", 1) && (!made->quiet || made->guest.call.receive() == 0) &&
           host_reaches(made->guest.call.answers, before + 1) && made->guest.call.send() == 0 &&
           peer_read_all(made->other, &byte, 1, PATIENCE) && byte == 'x';
}

static bool load_talk_and_free(peer_listener *listener)
{
    visit made;
    bool good = plugin_load(&made.guest, "guest_a.dll") && made.guest.call.start() == 0 &&
                open_visit(&made, listener, false) && talk(&made);

    if (good) good = made.guest.call.close() == 0 && made.guest.call.stop() == 0;
    /* Its receive was pending: it has called back, or the end would not have come back. */
    if (good) good = made.guest.call.called() == made.guest.call.answers() + 1;
    peer_close(made.other);
    good = plugin_free(&made.guest) && good;
    return plugin_gone("guest_a.dll") && plugin_gone(NULL) && good;
}

/* ---- many times ---------------------------------------------------------------------------------------------- */

static uint32_t count_modules(void)
{
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, GetCurrentProcessId());
    MODULEENTRY32 entry;
    uint32_t count = 0;

    entry.dwSize = sizeof entry;
    if (list == INVALID_HANDLE_VALUE) return 0;
    if (Module32First(list, &entry)) do {
            count++;
        } while (Module32Next(list, &entry));
    (void)CloseHandle(list);
    return count;
}

static int64_t count_heap_blocks(void)
{
    PROCESS_HEAP_ENTRY entry;
    int64_t count = 0;

    memset(&entry, 0, sizeof entry);
    if (!HeapLock(GetProcessHeap())) return -1;
    while (HeapWalk(GetProcessHeap(), &entry))
        if (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) count++;
    (void)HeapUnlock(GetProcessHeap());
    return count;
}

static void plugin_comes_and_goes_and_leaves_nothing(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    int64_t handles, threads, blocks, more;
    uint32_t modules;
    int i;

    CU_ASSERT_FATAL(listener != NULL);
    for (i = 0; i < WARM_UP; i++) CU_ASSERT_FATAL(load_talk_and_free(listener));
    handles = harness_handles();
    threads = harness_threads();
    modules = count_modules();
    blocks = count_heap_blocks();
    for (i = 0; i < CYCLES; i++) CU_ASSERT_FATAL(load_talk_and_free(listener));
    host_settle(handles, threads);
    more = count_heap_blocks() - blocks;
    if (more != 0) (void)printf("(%lld heap blocks more) ", (long long)more);
    CU_ASSERT(blocks > 0 && more <= HEAP_TOLERANCE);
    CU_ASSERT(modules > 0 && count_modules() == modules);
    peer_listener_close(listener);
}

/* ---- two of them --------------------------------------------------------------------------------------------- */

static void plugin_that_goes_leaves_the_other_alone(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    visit first, second;
    int i;

    CU_ASSERT_FATAL(listener != NULL);
    CU_ASSERT_FATAL(plugin_load(&second.guest, "guest_b.dll"));
    CU_ASSERT(second.guest.call.start() == 0);
    CU_ASSERT_FATAL(open_visit(&second, listener, false));
    for (i = 0; i < WARM_UP; i++) {
        CU_ASSERT_FATAL(plugin_load(&first.guest, "guest_a.dll"));
        CU_ASSERT(first.guest.call.start() == 0);
        CU_ASSERT_FATAL(open_visit(&first, listener, true));
        CU_ASSERT(talk(&first) && talk(&second));
        CU_ASSERT(first.guest.call.close() == 0);
        CU_ASSERT(first.guest.call.stop() == 0);
        peer_close(first.other);
        CU_ASSERT(plugin_free(&first.guest));
        CU_ASSERT(plugin_present(NULL));
        CU_ASSERT(talk(&second));
    }
    CU_ASSERT(second.guest.call.close() == 0);
    CU_ASSERT(second.guest.call.stop() == 0);
    CU_ASSERT(second.guest.call.stop() ==
              APM_ERROR_NOT_INITIALIZED); /* the counts are even: it is not running */
    peer_close(second.other);
    CU_ASSERT(plugin_free(&second.guest));
    CU_ASSERT(plugin_gone(NULL));
    peer_listener_close(listener);
}

static void host_and_plugin_share_the_library(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    HMODULE held;
    visit made;

    CU_ASSERT_FATAL(listener != NULL);
    CU_ASSERT_FATAL(plugin_load(&made.guest, "guest_a.dll"));
    held = LoadLibraryA("apmsock.dll");
    CU_ASSERT(held != NULL);
    CU_ASSERT(plugin_library_start(false) == 0);
    CU_ASSERT_FATAL(open_visit(&made, listener, false)); /* it has not started it; the host has */
    CU_ASSERT(talk(&made));
    CU_ASSERT(plugin_library_stop() == 0); /* the only one: it ends the plug-in's socket */
    CU_ASSERT(made.guest.call.called() == made.guest.call.answers() + 1);
    CU_ASSERT(made.guest.call.send() == APM_ERROR_OBJECT_DISPOSED);
    CU_ASSERT(made.guest.call.close() == 0);
    peer_close(made.other);

    /* Both have started it: the host's stop ends nothing. */
    CU_ASSERT(plugin_library_start(false) == 0);
    CU_ASSERT(made.guest.call.start() == 0);
    CU_ASSERT_FATAL(open_visit(&made, listener, false));
    CU_ASSERT(plugin_library_stop() == 0);
    CU_ASSERT(FreeLibrary(held) != 0);
    CU_ASSERT(talk(&made));
    CU_ASSERT(made.guest.call.close() == 0);
    CU_ASSERT(made.guest.call.stop() == 0);
    peer_close(made.other);
    CU_ASSERT(plugin_free(&made.guest));
    CU_ASSERT(plugin_gone(NULL));
    peer_listener_close(listener);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

typedef struct stayer {
    visit *made;
    void *used, *leave;
    bool good;
} stayer;

/* Uses the library from a thread that ends only when it is gone. */
static void use_and_stay(void *argument)
{
    stayer *one = (stayer *)argument;

    one->good = talk(one->made);
    host_gate_open(one->used);
    one->good = host_gate_wait(one->leave) && one->good;
}

static void use_from_threads(peer_listener *listener)
{
    enum { COUNT = 8 };
    stayer stayers[COUNT];
    void *running[COUNT];
    visit made;
    int i;

    CU_ASSERT_FATAL(plugin_load(&made.guest, "guest_a.dll"));
    CU_ASSERT(made.guest.call.start() == 0);
    CU_ASSERT_FATAL(open_visit(&made, listener, false));
    for (i = 0; i < COUNT; i++) {
        stayers[i].made = &made;
        stayers[i].used = host_gate_new();
        stayers[i].leave = host_gate_new();
        running[i] = host_thread_start(use_and_stay, &stayers[i]);
        CU_ASSERT(host_gate_wait(stayers[i].used));
    }
    CU_ASSERT(made.guest.call.close() == 0);
    CU_ASSERT(made.guest.call.stop() == 0);
    peer_close(made.other);
    CU_ASSERT(plugin_free(&made.guest));
    CU_ASSERT(plugin_gone("guest_a.dll"));
    CU_ASSERT(plugin_gone(NULL));
    for (i = 0; i < COUNT; i++) {
        host_gate_open(stayers[i].leave);
        CU_ASSERT(host_thread_join(running[i]));
        CU_ASSERT(stayers[i].good);
        host_gate_free(stayers[i].used);
        host_gate_free(stayers[i].leave);
    }
}

static void thread_may_outlive_the_library_it_used(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    int64_t handles, threads;
    int i;

    CU_ASSERT_FATAL(listener != NULL);
    use_from_threads(listener); /* and the C library has what it keeps of eight threads */
    handles = harness_handles();
    threads = harness_threads();
    for (i = 0; i < 10; i++) use_from_threads(listener);
    host_settle(handles, threads);
    peer_listener_close(listener);
}

typedef struct loading {
    visit made;
    peer_listener *listener;
    bool good;
} loading;

static void load_and_open(void *argument)
{
    loading *one = (loading *)argument;

    one->good = plugin_load(&one->made.guest, "guest_a.dll") && one->made.guest.call.start() == 0 &&
                open_visit(&one->made, one->listener, false);
}

static void library_outlives_the_thread_that_loaded_it(void)
{
    loading one;
    int i;

    memset(&one, 0, sizeof one);
    one.listener = peer_listen(APM_FAMILY_IPV4);
    CU_ASSERT_FATAL(one.listener != NULL);
    for (i = 0; i < WARM_UP; i++) {
        CU_ASSERT(host_thread_join(host_thread_start(load_and_open, &one)));
        CU_ASSERT_FATAL(one.good);
        CU_ASSERT(talk(&one.made)); /* the receive was begun there */
        CU_ASSERT(one.made.guest.call.close() == 0);
        CU_ASSERT(one.made.guest.call.stop() == 0);
        peer_close(one.made.other);
        CU_ASSERT(plugin_free(&one.made.guest));
        CU_ASSERT(plugin_gone(NULL));
    }
    peer_listener_close(one.listener);
}

/* ---- a callback on the stack ------------------------------------------------------------------------------------- */

static void *inside, *may_return;
static uint32_t callbacks_over;

static void APM_CALL stay_inside(apm_async_result *result)
{
    (void)result;
    host_gate_open(inside);
    (void)host_gate_wait(may_return);
    callbacks_over++;
}

typedef apm_error(APM_CALL *create_function)(int32_t, int32_t, int32_t, apm_socket **);
typedef apm_error(APM_CALL *connect_function)(apm_socket *, const apm_endpoint *, apm_async_callback, void *,
                                              apm_async_result **);
typedef apm_error(APM_CALL *close_function)(apm_socket *);

/* The worker that runs the callback returns into a library that nobody but itself holds. */
static void library_freed_under_a_callback_stays_for_it(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    HMODULE module = LoadLibraryA("apmsock.dll");
    create_function create;
    connect_function connect;
    close_function close;
    apm_socket *socket = NULL;
    apm_endpoint remote;

    CU_ASSERT_FATAL(listener != NULL && module != NULL);
    if (!plugin_library_find("apm_socket_create", &create) ||
        !plugin_library_find("apm_socket_begin_connect", &connect) ||
        !plugin_library_find("apm_socket_close", &close)) {
        CU_FAIL("a function is not there");
        return;
    }
    peer_listener_endpoint(listener, &remote);
    inside = host_gate_new();
    may_return = host_gate_new();
    callbacks_over = 0;
    CU_ASSERT(plugin_library_start(true) == 0);
    CU_ASSERT(create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) == APM_ERROR_SUCCESS);
    CU_ASSERT(connect(socket, &remote, stay_inside, NULL, NULL) == APM_ERROR_SUCCESS);
    CU_ASSERT(host_gate_wait(inside));
    CU_ASSERT(close(socket) == APM_ERROR_SUCCESS);
    CU_ASSERT(FreeLibrary(module) != 0);
    CU_ASSERT(plugin_present(NULL));
    host_gate_open(may_return);
    CU_ASSERT(plugin_library_stop() == APM_ERROR_SUCCESS); /* joins that worker, among others */
    CU_ASSERT(callbacks_over == 1);
    CU_ASSERT(plugin_gone(NULL));
    host_gate_free(inside);
    host_gate_free(may_return);
    peer_listener_close(listener);
}

static const host_case cases[] = {
    {"plugin_comes_and_goes_and_leaves_nothing", plugin_comes_and_goes_and_leaves_nothing},
    {"plugin_that_goes_leaves_the_other_alone", plugin_that_goes_leaves_the_other_alone},
    {"host_and_plugin_share_the_library", host_and_plugin_share_the_library},
    {"thread_may_outlive_the_library_it_used", thread_may_outlive_the_library_it_used},
    {"library_outlives_the_thread_that_loaded_it", library_outlives_the_thread_that_loaded_it},
    {"library_freed_under_a_callback_stays_for_it", library_freed_under_a_callback_stays_for_it},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    return host_main(argc, argv, "plugin", cases, NULL);
}
