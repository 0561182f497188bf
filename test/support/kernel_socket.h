/* SPDX-License-Identifier: MIT */
/*
 * Sockets past the library: the kernel's own, to be adopted, and the kernel's view of what the
 * library has made. With Winsock, or on the simulated kernel.
 */
#ifndef TEST_KERNEL_SOCKET_H
#define TEST_KERNEL_SOCKET_H

#include <apmsock/apmsock.h>
#include <string.h>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <ws2tcpip.h>

#include <windows.h>
#else
#include "kernel.h"
#include "sim.h"
#endif

#define NO_SOCKET (~(uintptr_t)0)

/* Levels and names, Winsock's numbers. */
enum {
    LEVEL_IP = 0,
    LEVEL_TCP = 6,
    LEVEL_IPV6 = 41,
    LEVEL_SOCKET = 0xFFFF,

    SOCKET_KEEP_ALIVE = 8,
    SOCKET_BROADCAST = 0x20,
    SOCKET_LINGER = 0x80,
    SOCKET_SEND_BUFFER = 0x1001,
    SOCKET_RECEIVE_BUFFER = 0x1002,
    SOCKET_TYPE = 0x1008,
    SOCKET_EXCLUSIVE = ~4,

    TCP_NO_DELAY = 1,
    TCP_IDLE = 3,
    TCP_COUNT = 16,
    TCP_INTERVAL = 17,

    IP_SERVICE = 3,
    IP_HOPS = 4,
    IP_LOOPBACK = 11,
    IP_WHOLE = 14,
    IP_DETAILS = 19,

    IPV6_HOPS = 4,
    IPV6_LOOPBACK = 11,
    IPV6_DETAILS = 19,
    IPV6_ONLY = 27
};

/* Overlapped; NO_SOCKET if there is none. */
static inline uintptr_t kernel_open(int32_t family, int32_t type, int32_t protocol)
{
#ifdef _WIN32
    return (uintptr_t)WSASocketW(family, type, protocol, NULL, 0, WSA_FLAG_OVERLAPPED);
#else
    apmk_socket handle = NO_SOCKET;

    return apmk_socket_open(family, type, protocol, &handle) == APMK_SUCCESS ? handle : NO_SOCKET;
#endif
}

static inline void kernel_close(uintptr_t handle)
{
#ifdef _WIN32
    (void)closesocket((SOCKET)handle);
#else
    apmk_socket_close(handle);
#endif
}

static inline bool kernel_bind(uintptr_t handle, const apm_endpoint *local)
{
#ifdef _WIN32
    struct sockaddr_storage address;

    memset(&address, 0, sizeof address);
    memcpy(&address, local->address, (size_t)local->length);
    return bind((SOCKET)handle, (const struct sockaddr *)&address, local->length) == 0;
#else
    return apmk_socket_bind(handle, local->address, local->length) == APMK_SUCCESS;
#endif
}

static inline bool kernel_connect(uintptr_t handle, const apm_endpoint *remote)
{
#ifdef _WIN32
    struct sockaddr_storage address;

    memset(&address, 0, sizeof address);
    memcpy(&address, remote->address, (size_t)remote->length);
    return connect((SOCKET)handle, (const struct sockaddr *)&address, remote->length) == 0;
#else
    int32_t family, type, protocol;

    if (apmk_socket_describe(handle, &family, &type, &protocol) != APMK_SUCCESS) return false;
    if (type == APM_SOCKET_STREAM) return sim_connect(handle, remote->address, remote->length);
    return apmk_socket_connect_datagram(handle, remote->address, remote->length) == APMK_SUCCESS;
#endif
}

static inline bool kernel_local(uintptr_t handle, apm_endpoint *local)
{
    memset(local, 0, sizeof *local);
    local->length = (int32_t)sizeof local->address;
#ifdef _WIN32
    return getsockname((SOCKET)handle, (struct sockaddr *)(void *)local->address, &local->length) == 0;
#else
    return apmk_socket_local(handle, local->address, &local->length) == APMK_SUCCESS;
#endif
}

/* An option that is a number, or a struct of at most 8 bytes. Cleared first: not every system
 * writes the whole of a boolean. */
static inline bool kernel_get(uintptr_t handle, int32_t level, int32_t name, void *value, int32_t size)
{
    memset(value, 0, (size_t)size);
#ifdef _WIN32
    return getsockopt((SOCKET)handle, level, name, (char *)value, &size) == 0;
#else
    return apmk_socket_get_option(handle, level, name, value, &size) == APMK_SUCCESS;
#endif
}

static inline bool kernel_set(uintptr_t handle, int32_t level, int32_t name, int32_t value)
{
#ifdef _WIN32
    return setsockopt((SOCKET)handle, level, name, (const char *)&value, (int)sizeof value) == 0;
#else
    return apmk_socket_set_option(handle, level, name, &value, (int32_t)sizeof value) == APMK_SUCCESS;
#endif
}

/* Tells its handle to skip its port on success; false if that cannot be had. */
static inline bool kernel_skip(uintptr_t handle)
{
#ifdef _WIN32
    return SetFileCompletionNotificationModes((HANDLE)handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0;
#else
    return apmk_socket_skip_on_success(handle, false);
#endif
}

#ifdef _WIN32
/* Whether it is a handle of a socket, and its name; which one that is not bound has not. Not by an
 * option: Wine has those only in the process where the socket was opened. */
static inline bool kernel_is_socket(uintptr_t handle, struct sockaddr_storage *local)
{
    int size = (int)sizeof *local;

    memset(local, 0, sizeof *local);
    /* One that is not bound says so, and what is no socket says something else. */
    return getsockname((SOCKET)handle, (struct sockaddr *)local, &size) == 0 ||
           WSAGetLastError() == WSAEINVAL;
}
#endif

/* What the kernel has under a socket of the library's; -1 if it says nothing. */
static inline int32_t kernel_number(const apm_socket *socket, int32_t level, int32_t name)
{
    int32_t value = 0;

    return kernel_get(apm_socket_handle(socket), level, name, &value, (int32_t)sizeof value) ? value : -1;
}

/* Whether it has the times of keep-alive as options of a stream; with Wine 8 they are set in another way. */
static inline bool kernel_has_keep_alive(const apm_socket *socket)
{
    return kernel_number(socket, LEVEL_TCP, TCP_COUNT) != -1;
}

#endif
