/* SPDX-License-Identifier: MIT */
/* The plug-in: see guest.h. */
#include "guest.h"

#include <apmsock/apmsock.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_TIME 20u

static apm_socket *talking;
static char received;
static _Atomic uint32_t answer_count, call_count, script_count;
static char script_name[24];
static uint16_t script_port;

/* ---- as a plug-in uses it ------------------------------------------------------------------------ */

static apm_error receive_next(void);

static void APM_CALL take_answer(apm_async_result *result)
{
    size_t bytes = 0;
    bool more = apm_socket_end_receive(talking, result, &bytes) == APM_ERROR_SUCCESS && bytes == 1;

    if (more) atomic_fetch_add(&answer_count, 1);
    if (more) (void)receive_next();
    atomic_fetch_add(&call_count, 1);
}

static apm_error receive_next(void)
{
    return apm_socket_begin_receive(talking, &received, 1, APM_FLAG_NONE, take_answer, NULL, NULL);
}

__declspec(dllexport) int32_t guest_start(void);
__declspec(dllexport) int32_t guest_start(void)
{
    return apm_startup(NULL);
}

__declspec(dllexport) int32_t guest_stop(void);
__declspec(dllexport) int32_t guest_stop(void)
{
    return apm_cleanup();
}

__declspec(dllexport) int32_t guest_open(uint16_t port, int32_t calls_back);
__declspec(dllexport) int32_t guest_open(uint16_t port, int32_t calls_back)
{
    apm_endpoint remote;
    apm_error error = apm_endpoint_loopback(APM_FAMILY_IPV4, port, &remote);

    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &talking);
    if (error == APM_ERROR_SUCCESS) error = apm_socket_connect(talking, &remote);
    return error == APM_ERROR_SUCCESS && calls_back ? receive_next() : error;
}

__declspec(dllexport) int32_t guest_send(void);
__declspec(dllexport) int32_t guest_send(void)
{
    return apm_socket_send(talking, "x", 1, APM_FLAG_NONE, NULL);
}

__declspec(dllexport) int32_t guest_receive(void);
__declspec(dllexport) int32_t guest_receive(void)
{
    size_t bytes = 0;
    apm_error error = apm_socket_receive(talking, &received, 1, APM_FLAG_NONE, &bytes);

    if (error == APM_ERROR_SUCCESS && bytes == 1) atomic_fetch_add(&answer_count, 1);
    return error;
}

__declspec(dllexport) int32_t guest_close(void);
__declspec(dllexport) int32_t guest_close(void)
{
    return apm_socket_close(talking);
}

__declspec(dllexport) uint32_t guest_answers(void);
__declspec(dllexport) uint32_t guest_answers(void)
{
    return atomic_load(&answer_count);
}

__declspec(dllexport) uint32_t guest_called(void);
__declspec(dllexport) uint32_t guest_called(void)
{
    return atomic_load(&call_count);
}

/* ---- in its DllMain --------------------------------------------------------------------------------- */

__declspec(dllexport) void guest_script(const char *name, uint16_t port);
__declspec(dllexport) void guest_script(const char *name, uint16_t port)
{
    size_t i;

    for (i = 0; i + 1 < sizeof script_name && name[i] != '\0'; i++) script_name[i] = name[i];
    script_name[i] = '\0';
    script_port = port;
}

__declspec(dllexport) uint32_t guest_scripted(void);
__declspec(dllexport) uint32_t guest_scripted(void)
{
    return atomic_load(&script_count);
}

static void expect(int step, apm_error actual, apm_error expected)
{
    if (actual != expected) (void)TerminateProcess(GetCurrentProcess(), (UINT)(GUEST_BROKEN + step));
}

/* Everything that would have to wait says so; everything else works. The connect is to somebody
 * who does not answer. It has no callback: this module may be gone before it ends. */
static void use_library(bool shared)
{
    apm_socket *socket = NULL;
    apm_async_result *result = NULL;
    apm_endpoint remote;
    char byte = 0;

    expect(0, apm_endpoint_loopback(APM_FAMILY_IPV4, script_port, &remote), APM_ERROR_SUCCESS);
    expect(1, apm_startup(NULL), APM_ERROR_SUCCESS);
    expect(2, apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
           APM_ERROR_SUCCESS);
    expect(3, apm_socket_begin_connect(socket, &remote, NULL, NULL, &result), APM_ERROR_SUCCESS);
    expect(4, apm_async_result_wait(result, SHORT_TIME), APM_ERROR_TIMED_OUT);
    expect(5, apm_async_result_wait(result, APM_INFINITE), APM_ERROR_INVALID_OPERATION);
    expect(6, apm_socket_end_connect(socket, result), APM_ERROR_INVALID_OPERATION);
    expect(7, apm_socket_end_connect(socket, result), APM_ERROR_INVALID_OPERATION); /* not yet ended */
    expect(8, apm_socket_connect(socket, &remote), APM_ERROR_INVALID_OPERATION);
    expect(9, apm_socket_connect_host(socket, "localhost", script_port), APM_ERROR_INVALID_OPERATION);
    expect(10, apm_socket_send(socket, "x", 1, APM_FLAG_NONE, NULL), APM_ERROR_INVALID_OPERATION);
    expect(11, apm_socket_receive(socket, &byte, 1, APM_FLAG_NONE, NULL), APM_ERROR_INVALID_OPERATION);
    expect(12, apm_async_result_cancel(result), APM_ERROR_SUCCESS);
    expect(13, apm_socket_close(socket), APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    /* Only the last one ends it, and would have to wait. */
    expect(14, apm_cleanup(), shared ? APM_ERROR_SUCCESS : APM_ERROR_INVALID_OPERATION);
}

static void run_script(const char *now)
{
    if (strcmp(script_name, now) != 0) return;
    atomic_fetch_add(&script_count, 1);
    /* At the end of the process nothing but this is called: see library.h. */
    if (strcmp(now, "exit") == 0)
        expect(15, apm_cleanup(), APM_ERROR_INVALID_OPERATION);
    else if (strcmp(now, "attach_while_ending") == 0)
        expect(1, apm_startup(NULL), APM_ERROR_INVALID_OPERATION);
    else
        use_library(strcmp(now, "attach_shared") == 0);
    /* Once: the threads that it starts come by here, too. */
    script_name[0] = '\0';
}

/* "name:port", where nothing has been loaded yet that could be called. */
static void read_environment(void)
{
    char text[40], *colon;
    DWORD length = GetEnvironmentVariableA("APMTEST_GUEST", text, sizeof text);

    if (length == 0 || length >= sizeof text) return;
    colon = strchr(text, ':');
    if (colon == NULL) return;
    *colon = '\0';
    guest_script(text, (uint16_t)strtoul(colon + 1, NULL, 10));
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved);

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)instance;
    switch (reason) {
    case DLL_PROCESS_ATTACH:
        read_environment();
        run_script("attach");
        run_script("attach_shared");
        run_script("attach_while_ending");
        break;
    case DLL_THREAD_ATTACH: run_script("thread_attach"); break;
    case DLL_THREAD_DETACH: run_script("thread_detach"); break;
    case DLL_PROCESS_DETACH: run_script(reserved != NULL ? "exit" : "detach"); break;
    default: break;
    }
    return TRUE;
}
