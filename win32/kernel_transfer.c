/* SPDX-License-Identifier: MIT */
/*
 * The overlapped calls. Each has exactly three outcomes; the functions here do no more than
 * tell them apart:
 *
 *   0             completed now, `bytes` is set
 *   APMK_PENDING  a packet will come, and may have been taken before the call has returned
 *   other         failed, no packet
 *
 * What may be on the stack. Winsock copies the buffer's descriptor and the address while it
 * is called. The places for the byte count and for WSARecv's flags are written, if at all, by
 * Winsock's own code before it returns; an operation that completes later reports its flags
 * by WSAGetOverlappedResult. (What has to stay in place are WSARecvFrom's address and length
 * and WSARecvMsg's message: those the system does fill in at completion.)
 */
#include "compat.h"

#include <stdatomic.h>

#include "extensions.h"
#include "kernel.h"
#include "native_error.h"

_Static_assert(APMK_ABORTED == WSA_OPERATION_ABORTED, "codes are the system's");
_Static_assert(APMK_PENDING == WSA_IO_PENDING, "codes are the system's");

static OVERLAPPED *native_overlapped(apmk_overlapped *overlapped)
{
    return (OVERLAPPED *)(void *)overlapped;
}

/* ---- connect ----------------------------------------------------------------------------- */

/* Per family, and asked for when first used: each has a provider of its own, and a system may
 * well have only one of them. Any other family is asked for each time. */
enum { FAMILY_IPV4, FAMILY_IPV6, FAMILY_COUNT };

/* Relaxed throughout: the pointer is all there is, and everybody finds the same. */
static struct extensions {
    _Atomic(LPFN_CONNECTEX) connect;
} extensions[FAMILY_COUNT];

void apmk_extensions_forget(void)
{
    int i;

    for (i = 0; i < FAMILY_COUNT; i++)
        atomic_store_explicit(&extensions[i].connect, (LPFN_CONNECTEX)NULL, memory_order_relaxed);
}

static struct extensions *find_extensions(int32_t family)
{
    if (family == AF_INET) return &extensions[FAMILY_IPV4];
    return family == AF_INET6 ? &extensions[FAMILY_IPV6] : NULL;
}

static apmk_code find_connect(apmk_socket socket, int32_t family, LPFN_CONNECTEX *function)
{
    struct extensions *known = find_extensions(family);
    GUID which = WSAID_CONNECTEX;
    DWORD size = 0;

    *function = known != NULL ? atomic_load_explicit(&known->connect, memory_order_relaxed) : NULL;
    if (*function != NULL) return APMK_SUCCESS;
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &which, sizeof which, function, sizeof *function,
                 &size, NULL, NULL) != 0)
        return last_socket_error();
    if (known != NULL) atomic_store_explicit(&known->connect, *function, memory_order_relaxed);
    return APMK_SUCCESS;
}

apmk_code apmk_socket_connect(apmk_socket socket, int32_t family, const void *address, int32_t length,
                              apmk_overlapped *overlapped)
{
    LPFN_CONNECTEX function;
    apmk_code code = find_connect(socket, family, &function);

    if (code != APMK_SUCCESS) return code;
    if (function(socket, (const struct sockaddr *)address, length, NULL, 0, NULL,
                 native_overlapped(overlapped)))
        return APMK_SUCCESS;
    return last_socket_error();
}

/* ---- send and receive -------------------------------------------------------------------- */

/* STATUS_BUFFER_OVERFLOW: a warning, not an error. */
#define OVERFLOW_STATUS 0x80000005u

/* A datagram that is larger than the buffer: Winsock reports a failure, but to the kernel the
 * operation has ended with a warning, and it sends a packet. WSAEMSGSIZE alone does not tell,
 * since a datagram that cannot be sent has it too, without a packet: the status does. It is
 * safe to read, for whoever took the packet waits for our outcome before he uses it again. */
static apmk_code failed_transfer(const apmk_overlapped *overlapped)
{
    apmk_code code = last_socket_error();

    return code == WSAEMSGSIZE && (apmk_code)overlapped->internal == OVERFLOW_STATUS ? APMK_PENDING : code;
}

apmk_code apmk_socket_send(apmk_socket socket, const void *data, uint32_t size, int32_t flags,
                           apmk_overlapped *overlapped, uint32_t *bytes)
{
    WSABUF buffer;
    DWORD sent = 0;

    buffer.len = size;
    buffer.buf = (char *)(uintptr_t)data; /* Winsock has one type for both directions */
    if (WSASend(socket, &buffer, 1, &sent, (DWORD)flags, native_overlapped(overlapped), NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = sent;
    return APMK_SUCCESS;
}

apmk_code apmk_socket_receive(apmk_socket socket, void *data, uint32_t size, int32_t flags,
                              apmk_overlapped *overlapped, uint32_t *bytes)
{
    WSABUF buffer;
    DWORD received = 0, both_ways = (DWORD)flags;

    buffer.len = size;
    buffer.buf = (char *)data;
    if (WSARecv(socket, &buffer, 1, &received, &both_ways, native_overlapped(overlapped), NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = received;
    return APMK_SUCCESS;
}

/* ---- cancel and result ------------------------------------------------------------------- */

/* What it returns is of no use: it may find nothing that still goes on, and not all systems
 * say so. The packet tells. */
void apmk_socket_cancel(apmk_socket socket, apmk_overlapped *overlapped)
{
    (void)CancelIoEx((HANDLE)socket, native_overlapped(overlapped));
}

apmk_code apmk_socket_result(apmk_socket socket, apmk_overlapped *overlapped)
{
    DWORD bytes = 0, flags = 0;

    if (WSAGetOverlappedResult(socket, native_overlapped(overlapped), &bytes, FALSE, &flags))
        return APMK_SUCCESS;
    return last_socket_error();
}
