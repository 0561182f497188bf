/* SPDX-License-Identifier: MIT */
/*
 * The DLL and the loader: loaded and freed, with workers alive or not; the process ended at any
 * moment; children that inherit nothing. This program is linked to no apmsock: it loads the DLL
 * named by APMTEST_DLL, or apmsock.dll from where Windows looks for it.
 *
 * It starts itself with an argument as the child that is ended.
 */
#include <CUnit/Basic.h>

#include "../support/crash_filter.h"
#include "../support/harness.h"
#include "../support/module.h"
#include "../support/peer.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <windows.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE 60000u
#define CYCLES 20
#define QUICK 15000u /* ms, for a child; a busy machine */
#define CHILD_CODE 0
#define CHILD_BROKEN 3 /* it did not get to where it was to be ended */

/* ---- the DLL ---------------------------------------------------------------------------------------- */

typedef struct library {
    HMODULE module;
    apm_error(APM_CALL *startup)(const apm_options *options);
    apm_error(APM_CALL *cleanup)(void);
    apm_error(APM_CALL *create)(int32_t family, int32_t type, int32_t protocol, apm_socket **socket);
    apm_error(APM_CALL *begin_connect)(apm_socket *socket, const apm_endpoint *remote,
                                       apm_async_callback callback, void *state, apm_async_result **result);
    apm_error(APM_CALL *end_connect)(apm_socket *socket, apm_async_result *result);
    apm_error(APM_CALL *begin_send)(apm_socket *socket, const void *buffer, size_t size, int32_t flags,
                                    apm_async_callback callback, void *state, apm_async_result **result);
    apm_error(APM_CALL *begin_receive)(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                       apm_async_callback callback, void *state, apm_async_result **result);
    apm_error(APM_CALL *cancel_after)(apm_async_result *result, uint32_t timeout);
    void(APM_CALL *release)(apm_async_result *result);
    apm_error(APM_CALL *close)(apm_socket *socket);
    uintptr_t(APM_CALL *handle)(const apm_socket *socket);
} library;

static bool load_library(library *dll)
{
    HMODULE module = LoadLibraryA(module_library());

    memset(dll, 0, sizeof *dll);
    if (module == NULL) return false;
    dll->module = module;
    return module_find(module, "apm_startup", &dll->startup) &&
           module_find(module, "apm_cleanup", &dll->cleanup) &&
           module_find(module, "apm_socket_create", &dll->create) &&
           module_find(module, "apm_socket_begin_connect", &dll->begin_connect) &&
           module_find(module, "apm_socket_end_connect", &dll->end_connect) &&
           module_find(module, "apm_socket_begin_send", &dll->begin_send) &&
           module_find(module, "apm_socket_begin_receive", &dll->begin_receive) &&
           module_find(module, "apm_async_result_cancel_after", &dll->cancel_after) &&
           module_find(module, "apm_async_result_release", &dll->release) &&
           module_find(module, "apm_socket_close", &dll->close) &&
           module_find(module, "apm_socket_handle", &dll->handle);
}

/* ---- a conversation that is never finished ------------------------------------------------------------ */

typedef struct unfinished {
    peer_listener *listener;
    peer *other;
    apm_socket *talking, *waiting;
    char here[2];
} unfinished;

static unsigned char large[8 * 1024 * 1024]; /* more than any buffer takes */

/* With everything pending: a receive with a timer, a send that nobody reads, a connect that
 * nobody answers, which is `hanging`'s part. `callback` is the receive's. */
static bool begin_everything(library *dll, unfinished *all, const peer_listener *hanging,
                             apm_async_callback callback)
{
    apm_async_result *result = NULL;
    apm_endpoint remote, nowhere;

    memset(all, 0, sizeof *all);
    all->listener = peer_listen(APM_FAMILY_IPV4);
    if (all->listener == NULL || hanging == NULL) return false;
    peer_listener_endpoint(all->listener, &remote);
    peer_listener_endpoint(hanging, &nowhere);
    if (dll->create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &all->talking) !=
            APM_ERROR_SUCCESS ||
        dll->create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &all->waiting) !=
            APM_ERROR_SUCCESS ||
        dll->begin_connect(all->talking, &remote, NULL, NULL, &result) != APM_ERROR_SUCCESS ||
        dll->end_connect(all->talking, result) != APM_ERROR_SUCCESS)
        return false;
    dll->release(result);
    all->other = peer_accept(all->listener, PATIENCE);
    if (all->other == NULL ||
        dll->begin_receive(all->talking, &all->here[0], 1, 0, callback, NULL, &result) != APM_ERROR_SUCCESS ||
        dll->cancel_after(result, PATIENCE) != APM_ERROR_SUCCESS)
        return false;
    dll->release(result);
    return dll->begin_receive(all->talking, &all->here[1], 1, 0, NULL, NULL, NULL) == APM_ERROR_SUCCESS &&
           dll->begin_send(all->talking, large, sizeof large, 0, NULL, NULL, NULL) == APM_ERROR_SUCCESS &&
           dll->begin_connect(all->waiting, &nowhere, NULL, NULL, NULL) == APM_ERROR_SUCCESS;
}

static void end_peers(unfinished *all)
{
    peer_close(all->other);
    peer_listener_close(all->listener);
}

/* ---- loading and freeing -------------------------------------------------------------------------------- */

static void settle(int64_t handles, int64_t threads)
{
    ULONGLONG start = GetTickCount64();

    while ((harness_handles() != handles || harness_threads() > threads) && GetTickCount64() - start < 10000)
        Sleep(1);
    CU_ASSERT(harness_handles() == handles);
    CU_ASSERT(harness_threads() <= threads);
}

/* Once with everything in the middle, as an application would end it: cleanup, then FreeLibrary. */
static bool load_talk_and_free(const peer_listener *hanging)
{
    library dll;
    unfinished all;
    bool good = load_library(&dll);

    if (good) {
        good = begin_everything(&dll, &all, hanging, NULL);
        good = dll.cleanup() == APM_ERROR_SUCCESS && good;
        if (all.talking != NULL) good = dll.close(all.talking) == APM_ERROR_SUCCESS && good;
        if (all.waiting != NULL) good = dll.close(all.waiting) == APM_ERROR_SUCCESS && good;
        end_peers(&all);
    }
    if (dll.module != NULL) good = FreeLibrary(dll.module) && good;
    return good && module_goes(module_library());
}

static void freed_library_is_gone_and_leaves_nothing(void)
{
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    int64_t handles, threads;
    int i;

    CU_ASSERT(load_talk_and_free(hanging)); /* what the system makes at first use is its own */
    handles = harness_handles();
    threads = harness_threads();
    for (i = 0; i < CYCLES; i++) CU_ASSERT(load_talk_and_free(hanging));
    settle(handles, threads);
    peer_listener_close(hanging);
}

/* Nobody has ended it: the workers hold it, so that it is still there for them. */
static void library_freed_in_the_middle_stays_until_it_is_ended(void)
{
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    int64_t handles = harness_handles(), threads = harness_threads();
    unfinished all;
    library dll;
    int i;

    if (!load_library(&dll)) {
        CU_FAIL("the DLL cannot be loaded, or lacks a function");
        return;
    }
    CU_ASSERT(begin_everything(&dll, &all, hanging, NULL));
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(GetModuleHandleA("apmsock.dll") == dll.module);
    CU_ASSERT(peer_write(all.other, "x", 1)); /* the workers work */
    for (i = 0; i < CYCLES; i++) {
        library again;

        CU_ASSERT(load_library(&again));
        CU_ASSERT(again.module == dll.module); /* it is the one that runs */
        CU_ASSERT(FreeLibrary(again.module) != 0);
    }
    CU_ASSERT(load_library(&dll));
    CU_ASSERT(dll.cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(dll.close(all.talking) == APM_ERROR_SUCCESS);
    CU_ASSERT(dll.close(all.waiting) == APM_ERROR_SUCCESS);
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(module_goes(module_library()));
    end_peers(&all);
    settle(handles, threads);
    peer_listener_close(hanging);
}

static void idle_library_freed_with_live_workers_does_no_harm(void)
{
    int64_t handles = harness_handles(), threads = harness_threads();
    library dll;
    int i;

    for (i = 0; i < CYCLES; i++) {
        if (!load_library(&dll)) {
            CU_FAIL("the DLL cannot be loaded, or lacks a function");
            return;
        }
        CU_ASSERT(dll.startup(NULL) == APM_ERROR_SUCCESS);
        CU_ASSERT(FreeLibrary(dll.module) != 0);
    }
    CU_ASSERT(load_library(&dll));
    for (i = 0; i < CYCLES; i++) CU_ASSERT(dll.cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(dll.cleanup() == APM_ERROR_NOT_INITIALIZED);
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(module_goes(module_library()));
    settle(handles, threads);
}

/* No thread is in it, but sockets may be in the kernel. */
static void library_without_workers_stays_until_it_is_ended(void)
{
    apm_options options = {0};
    library dll;

    options.size = sizeof options;
    options.no_workers = true;
    if (!load_library(&dll)) {
        CU_FAIL("the DLL cannot be loaded, or lacks a function");
        return;
    }
    CU_ASSERT(dll.startup(&options) == APM_ERROR_SUCCESS);
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(GetModuleHandleA("apmsock.dll") == dll.module);
    CU_ASSERT(load_library(&dll));
    CU_ASSERT(dll.cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(module_goes(module_library()));
}

/* Nobody else here has started it: every peer is closed. */
static bool network_is_stopped(void)
{
    SOCKET handle = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);

    if (handle == INVALID_SOCKET) return WSAGetLastError() == WSANOTINITIALISED;
    (void)closesocket(handle);
    return false;
}

static void library_starts_the_network_and_gives_it_back(void)
{
    library dll;
    int i;

    CU_ASSERT(network_is_stopped());
    if (!load_library(&dll)) {
        CU_FAIL("the DLL cannot be loaded, or lacks a function");
        return;
    }
    CU_ASSERT(network_is_stopped()); /* loading starts nothing */
    for (i = 0; i < 3; i++) {
        CU_ASSERT(dll.startup(NULL) == APM_ERROR_SUCCESS);
        CU_ASSERT(!network_is_stopped());
        CU_ASSERT(dll.cleanup() == APM_ERROR_SUCCESS);
        CU_ASSERT(network_is_stopped());
    }
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(module_goes(module_library()));
}

/* ---- handles ------------------------------------------------------------------------------------------------ */

static void sockets_are_not_inherited_by_children(void)
{
    apm_socket *socket = NULL;
    DWORD flags = HANDLE_FLAG_INHERIT;
    library dll;

    if (!load_library(&dll)) {
        CU_FAIL("the DLL cannot be loaded, or lacks a function");
        return;
    }
    CU_ASSERT(dll.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) == APM_ERROR_SUCCESS);
    if (socket != NULL) {
        CU_ASSERT(GetHandleInformation((HANDLE)dll.handle(socket), &flags) != 0);
        CU_ASSERT((flags & HANDLE_FLAG_INHERIT) == 0);
        CU_ASSERT(dll.close(socket) == APM_ERROR_SUCCESS);
        CU_ASSERT(dll.cleanup() == APM_ERROR_SUCCESS);
    }
    CU_ASSERT(FreeLibrary(dll.module) != 0);
    CU_ASSERT(module_goes(module_library()));
}

/* ---- the end of the process ------------------------------------------------------------------------------------ */

static void APM_CALL exit_here(apm_async_result *result)
{
    (void)result;
    exit(CHILD_CODE);
}

/* The child: everything is pending, and then it ends, in one way or another. Only from main is
 * the return value its exit code. */
static int end_as_child(const char *way)
{
    static unfinished all; /* the operations outlive this function */
    library dll;

    if (!load_library(&dll)) return CHILD_BROKEN;
    if (strcmp(way, "idle") == 0) return dll.startup(NULL) == APM_ERROR_SUCCESS ? CHILD_CODE : CHILD_BROKEN;
    if (!begin_everything(&dll, &all, peer_listen_hanging(APM_FAMILY_IPV4),
                          strcmp(way, "callback") == 0 ? exit_here : NULL))
        return CHILD_BROKEN;
    if (strcmp(way, "return") == 0) return CHILD_CODE;
    if (strcmp(way, "exit") == 0) exit(CHILD_CODE);
    if (strcmp(way, "exit_process") == 0) ExitProcess(CHILD_CODE);
    if (strcmp(way, "freed") == 0) return FreeLibrary(dll.module) != 0 ? CHILD_CODE : CHILD_BROKEN;
    if (strcmp(way, "callback") == 0 && peer_write(all.other, "x", 1)) Sleep(PATIENCE);
    return CHILD_BROKEN;
}

static void check_child(const char *way)
{
    char path[MAX_PATH], command[MAX_PATH + 40];
    PROCESS_INFORMATION child;
    STARTUPINFOA startup;
    ULONGLONG start = GetTickCount64();
    DWORD code = 99;
    DWORD length = GetModuleFileNameA(NULL, path, MAX_PATH);

    CU_ASSERT(length > 0 && length < MAX_PATH);
    if (length == 0 || length >= MAX_PATH) return;
    (void)snprintf(command, sizeof command, "\"%s\" --child %s", path, way);
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    if (!CreateProcessA(path, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child)) {
        CU_FAIL("no child to be had");
        return;
    }
    if (WaitForSingleObject(child.hProcess, PATIENCE / 2) == WAIT_OBJECT_0)
        (void)GetExitCodeProcess(child.hProcess, &code);
    else
        (void)TerminateProcess(child.hProcess, 98);
    if (code != CHILD_CODE) (void)printf("\nthe child that ends by \"%s\": code %lu\n", way, code);
    CU_ASSERT(code == CHILD_CODE);
    CU_ASSERT(GetTickCount64() - start < QUICK); /* and without waiting for anything */
    (void)CloseHandle(child.hThread);
    (void)CloseHandle(child.hProcess);
}

static void process_may_end_with_idle_workers(void)
{
    check_child("idle");
}

static void process_may_end_with_operations_pending(void)
{
    check_child("return");
    check_child("exit");
    check_child("exit_process");
}

static void process_may_end_after_the_library_was_freed_in_the_middle(void)
{
    check_child("freed");
}

static void process_may_be_ended_by_a_callback(void)
{
    check_child("callback");
}

/* ---- running --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"freed_library_is_gone_and_leaves_nothing", freed_library_is_gone_and_leaves_nothing},
    {"library_freed_in_the_middle_stays_until_it_is_ended",
     library_freed_in_the_middle_stays_until_it_is_ended},
    {"idle_library_freed_with_live_workers_does_no_harm", idle_library_freed_with_live_workers_does_no_harm},
    {"library_without_workers_stays_until_it_is_ended", library_without_workers_stays_until_it_is_ended},
    {"library_starts_the_network_and_gives_it_back", library_starts_the_network_and_gives_it_back},
    {"sockets_are_not_inherited_by_children", sockets_are_not_inherited_by_children},
    {"process_may_end_with_idle_workers", process_may_end_with_idle_workers},
    {"process_may_end_with_operations_pending", process_may_end_with_operations_pending},
    {"process_may_end_after_the_library_was_freed_in_the_middle",
     process_may_end_after_the_library_was_freed_in_the_middle},
    {"process_may_be_ended_by_a_callback", process_may_be_ended_by_a_callback}};

int main(int argc, char **argv)
{
    CU_pSuite suite;
    size_t i;
    int code = 1;

    crash_filter_install();
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    if (argc == 3 && strcmp(argv[1], "--child") == 0) return end_as_child(argv[2]);
    if (CU_initialize_registry() != CUE_SUCCESS) return code;
    suite = CU_add_suite("loader", NULL, NULL);
    for (i = 0; i < sizeof cases / sizeof cases[0] && suite != NULL; i++)
        if (CU_add_test(suite, cases[i].name, cases[i].run) == NULL) suite = NULL;
    if (suite != NULL) {
        CU_basic_set_mode(CU_BRM_VERBOSE);
        (void)CU_basic_run_tests();
        if (CU_get_number_of_asserts() != 0 && CU_get_number_of_failures() == 0) code = 0;
    }
    CU_cleanup_registry();
    return code;
}
