/* SPDX-License-Identifier: MIT */
/* What the overlapped calls share: the system's view of our structs, and how one has failed. */
#ifndef APMK_NATIVE_TRANSFER_H
#define APMK_NATIVE_TRANSFER_H

#include "compat.h"

#include "kernel.h"
#include "native_error.h"

/* STATUS_BUFFER_OVERFLOW: a warning, not an error. */
#define OVERFLOW_STATUS 0x80000005u

static inline OVERLAPPED *native_overlapped(apmk_overlapped *overlapped)
{
    return (OVERLAPPED *)(void *)overlapped;
}

/* Winsock only reads the list, but its prototypes do not say so. */
static inline WSABUF *native_buffers(const apmk_buffer *buffers)
{
    return (WSABUF *)(uintptr_t)buffers;
}

/* A datagram that is larger than the buffer: Winsock reports a failure, but to the kernel the
 * operation has ended with a warning, and it sends a packet. WSAEMSGSIZE alone does not tell,
 * since a datagram that cannot be sent has it too, without a packet: the status does. It is
 * safe to read, for whoever took the packet waits for our outcome before he uses it again. */
static inline apmk_code failed_transfer(const apmk_overlapped *overlapped)
{
    apmk_code code = last_socket_error();

    return code == WSAEMSGSIZE && (apmk_code)overlapped->internal == OVERFLOW_STATUS ? APMK_PENDING : code;
}

#endif
