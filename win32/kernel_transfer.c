/* SPDX-License-Identifier: MIT */
/*
 * The overlapped calls. Each has exactly three outcomes; the functions here do no more than
 * tell them apart:
 *
 *   0             completed now, `bytes` is set
 *   APMK_PENDING  a packet will come, and may have been taken before the call has returned
 *   other         failed, no packet
 *
 * What may be on the stack. Winsock copies the buffers' descriptors while it is called, and
 * Windows also the address to send to (Wine keeps that pointer until completion). The places
 * for the byte count and for WSARecv's flags are written, if at all, by Winsock's own code
 * before it returns; an operation that completes later reports its flags by
 * WSAGetOverlappedResult. (What has to stay in place are WSARecvFrom's address and length and
 * WSARecvMsg's message: those the system does fill in at completion.)
 */
#include "compat.h"

#include "extensions.h"
#include "kernel.h"
#include "native_transfer.h"
#include "provider.h"

_Static_assert(APMK_ABORTED == WSA_OPERATION_ABORTED, "codes are the system's");
_Static_assert(APMK_PENDING == WSA_IO_PENDING, "codes are the system's");

_Static_assert(sizeof(apmk_buffer) == sizeof(WSABUF), "ours is the system's");
_Static_assert(_Alignof(apmk_buffer) == _Alignof(WSABUF), "ours is the system's");
_Static_assert(offsetof(apmk_buffer, size) == offsetof(WSABUF, len), "ours is the system's");
_Static_assert(offsetof(apmk_buffer, data) == offsetof(WSABUF, buf), "ours is the system's");

/* ---- connect ----------------------------------------------------------------------------- */

apmk_code apmk_socket_connect(apmk_socket socket, int32_t family, const void *address, int32_t length,
                              apmk_overlapped *overlapped)
{
    apmk_extension_function function;
    apmk_code code = apmk_extension_find(socket, family, APMK_EXTENSION_CONNECT, &function);

    if (code != APMK_SUCCESS) return code;
    if (((LPFN_CONNECTEX)function)(socket, (const struct sockaddr *)address, length, NULL, 0, NULL,
                                   native_overlapped(overlapped)))
        return APMK_SUCCESS;
    return last_socket_error();
}

/* ---- send and receive -------------------------------------------------------------------- */

apmk_code apmk_socket_send(apmk_socket socket, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                           apmk_overlapped *overlapped, uint32_t *bytes)
{
    DWORD sent = 0;

    if (WSASend(socket, native_buffers(buffers), count, &sent, (DWORD)flags, native_overlapped(overlapped),
                NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = sent;
    return APMK_SUCCESS;
}

apmk_code apmk_socket_receive(apmk_socket socket, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                              apmk_overlapped *overlapped, uint32_t *bytes)
{
    DWORD received = 0, both_ways = (DWORD)flags;

    if (WSARecv(socket, native_buffers(buffers), count, &received, &both_ways, native_overlapped(overlapped),
                NULL) != 0)
        return failed_transfer(overlapped);
    *bytes = received;
    return APMK_SUCCESS;
}

/* ---- cancel and result ------------------------------------------------------------------- */

/* STATUS_PENDING, where the system keeps an operation's status. */
#define PENDING_STATUS 0x103u
#define CANCEL_TRIES 64     /* that give the processor away, */
#define CANCEL_PATIENCE 300 /* and then such that take a millisecond */

/* What it returns is of no use: it may find nothing that still goes on, and not all systems say so. The
 * packet tells. Only one thing is worth another try: Wine does not find an operation while it is at work on
 * it, and would then forget about the cancel. Windows has nothing to be tried again, and its status may
 * say "pending" until somebody takes the packet, who may wait for us. */
void apmk_socket_cancel(apmk_socket socket, apmk_overlapped *overlapped)
{
    int tries = 0;

    while (!CancelIoEx((HANDLE)socket, native_overlapped(overlapped)) && GetLastError() == ERROR_NOT_FOUND &&
           overlapped != NULL && apmk_provider_is_wine() &&
           *(volatile uintptr_t *)&overlapped->internal == PENDING_STATUS &&
           ++tries < CANCEL_TRIES + CANCEL_PATIENCE)
        if (tries < CANCEL_TRIES)
            (void)SwitchToThread();
        else
            Sleep(1);
}

apmk_code apmk_socket_result(apmk_socket socket, apmk_overlapped *overlapped)
{
    DWORD bytes = 0, flags = 0;

    if (WSAGetOverlappedResult(socket, native_overlapped(overlapped), &bytes, FALSE, &flags))
        return APMK_SUCCESS;
    return last_socket_error();
}
