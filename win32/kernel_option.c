/* SPDX-License-Identifier: MIT */
/* Options and orders of a socket, by Winsock's numbers, and what a socket is. */
#include "compat.h"

#include <stdatomic.h>

#include "kernel.h"
#include "native_error.h"
#include "native_transfer.h"

_Static_assert(APMK_BYTES_TO_READ == FIONREAD, "codes are Winsock's");
_Static_assert(APMK_NON_BLOCKING == FIONBIO, "codes are Winsock's");
_Static_assert(APMK_KEEP_ALIVE_VALUES == SIO_KEEPALIVE_VALS, "codes are Winsock's");
_Static_assert(APMK_UDP_CONNECTION_RESET == SIO_UDP_CONNRESET, "codes are Winsock's");

apmk_code apmk_socket_set_option(apmk_socket socket, int32_t level, int32_t name, const void *value,
                                 int32_t size)
{
    return socket_outcome(setsockopt(socket, level, name, (const char *)value, size));
}

apmk_code apmk_socket_get_option(apmk_socket socket, int32_t level, int32_t name, void *value, int32_t *size)
{
    int room = *size;
    apmk_code code = socket_outcome(getsockopt(socket, level, name, (char *)value, &room));

    /* Wine 10 leaves the size of SO_LINGER to chance in a 32-bit process on a 64-bit system. No
     * provider has written more than there was room for. */
    if (code == APMK_SUCCESS && room >= 0 && room < *size) *size = room;
    return code;
}

/* A call without an overlapped sends no packet, whatever port the socket has. */
apmk_code apmk_socket_io_control(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                 void *out, uint32_t out_size, uint32_t *returned)
{
    DWORD size = 0;
    void *unchanged = (void *)(uintptr_t)in; /* the prototype does not say so */

    if (WSAIoctl(socket, code, unchanged, in_size, out, out_size, &size, NULL, NULL) != 0)
        return last_socket_error();
    *returned = size;
    return APMK_SUCCESS;
}

/* Overlapped, so that what looks whether it is over can come between beginning and waiting: either that look finds
 * it so, or the cancel finds the operation. */
apmk_code apmk_socket_io_control_wait(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                      void *out, uint32_t out_size, uint32_t *returned,
                                      const _Atomic bool *over)
{
    void *unchanged = (void *)(uintptr_t)in;
    apmk_overlapped overlapped = {0};
    DWORD size = 0, flags = 0;
    apmk_event event;
    apmk_code outcome = apmk_event_create(false, &event);

    if (outcome != APMK_SUCCESS) return outcome;
    overlapped.event = (void *)((uintptr_t)event | 1); /* its port gets no packet */
    outcome = socket_outcome(WSAIoctl(socket, code, unchanged, in_size, out, out_size, &size,
                                      native_overlapped(&overlapped), NULL));
    if (outcome == APMK_PENDING) {
        if (atomic_load(over)) apmk_socket_cancel(socket, &overlapped);
        (void)apmk_event_wait(event, APMK_FOREVER);
        outcome = WSAGetOverlappedResult(socket, native_overlapped(&overlapped), &size, FALSE, &flags)
                      ? APMK_SUCCESS
                      : last_socket_error();
    }
    apmk_event_close(event);
    if (outcome == APMK_SUCCESS) *returned = size;
    return outcome;
}

apmk_code apmk_socket_describe(apmk_socket socket, int32_t *family, int32_t *type, int32_t *protocol)
{
    WSAPROTOCOL_INFOW provider;
    int length = (int)sizeof provider;

    if (getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&provider, &length) != 0)
        return last_socket_error();
    *family = provider.iAddressFamily;
    *type = provider.iSocketType;
    *protocol = provider.iProtocol;
    return APMK_SUCCESS;
}

void apmk_socket_disinherit(apmk_socket socket)
{
    (void)SetHandleInformation((HANDLE)socket, HANDLE_FLAG_INHERIT, 0);
}
