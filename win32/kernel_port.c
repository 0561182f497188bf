/* SPDX-License-Identifier: MIT */
/* The completion port. */
#include "compat.h"

#include "kernel.h"
#include "native_error.h"

_Static_assert(sizeof(apmk_overlapped) == sizeof(OVERLAPPED), "ours is the system's");
_Static_assert(_Alignof(apmk_overlapped) == _Alignof(OVERLAPPED), "ours is the system's");
_Static_assert(offsetof(apmk_overlapped, internal) == offsetof(OVERLAPPED, Internal), "ours is the system's");
_Static_assert(offsetof(apmk_overlapped, internal_high) == offsetof(OVERLAPPED, InternalHigh),
               "ours is the system's");
_Static_assert(offsetof(apmk_overlapped, offset) == offsetof(OVERLAPPED, Offset), "ours is the system's");
_Static_assert(offsetof(apmk_overlapped, offset_high) == offsetof(OVERLAPPED, OffsetHigh),
               "ours is the system's");
_Static_assert(offsetof(apmk_overlapped, event) == offsetof(OVERLAPPED, hEvent), "ours is the system's");

/* The most packets one call takes, however many are asked for: they pass over the stack. */
#define BATCH 64u
/* How long a failed wait takes, in milliseconds. */
#define FAILURE_TIME 10u

apmk_code apmk_port_create(uint32_t concurrency, apmk_port *port)
{
    HANDLE handle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, concurrency);

    if (handle == NULL) return last_error();
    *port = (apmk_port)handle;
    return APMK_SUCCESS;
}

void apmk_port_close(apmk_port port)
{
    (void)CloseHandle((HANDLE)port);
}

apmk_code apmk_port_post(apmk_port port, uintptr_t key, apmk_overlapped *overlapped)
{
    if (PostQueuedCompletionStatus((HANDLE)port, 0, key, (OVERLAPPED *)(void *)overlapped))
        return APMK_SUCCESS;
    return last_error();
}

uint32_t apmk_port_wait(apmk_port port, apmk_packet *packets, uint32_t capacity, uint32_t timeout)
{
    OVERLAPPED_ENTRY entries[BATCH];
    ULONG count = 0, i;

    if (!GetQueuedCompletionStatusEx((HANDLE)port, entries, capacity < BATCH ? capacity : BATCH, &count,
                                     timeout, FALSE)) {
        /* A caller looks again when it got nothing. If somebody has closed our handle he would
         * do so as fast as he can, for ever: let a failure take its time. */
        if (GetLastError() != WAIT_TIMEOUT) Sleep(timeout < FAILURE_TIME ? timeout : FAILURE_TIME);
        return 0;
    }
    for (i = 0; i < count; i++) {
        apmk_packet *packet = &packets[i];

        packet->key = entries[i].lpCompletionKey;
        packet->overlapped = (apmk_overlapped *)(void *)entries[i].lpOverlapped;
        packet->bytes = entries[i].dwNumberOfBytesTransferred;
        /* From the operation, not the entry, whose own copy is reserved. A posted packet may
         * come without one. */
        packet->status = packet->overlapped != NULL ? (apmk_code)packet->overlapped->internal : APMK_SUCCESS;
    }
    return (uint32_t)count;
}
