/* SPDX-License-Identifier: MIT */
/*
 * Sockets: their opening and closing, addresses, waiting. The overlapped calls are in
 * kernel_transfer.c, kernel_datagram.c and kernel_file.c, options by number in kernel_option.c.
 */
#include "compat.h"

#include <stdatomic.h>

#include "kernel.h"
#include "native_error.h"
#include "provider.h"

_Static_assert(sizeof(apmk_socket) == sizeof(SOCKET), "a socket is a SOCKET");
_Static_assert(APMK_NO_SOCKET == INVALID_SOCKET, "no socket is INVALID_SOCKET");

static int set_option(apmk_socket socket, int option, const void *value, size_t size)
{
    return setsockopt(socket, SOL_SOCKET, option, (const char *)value, (int)size);
}

static int set_blocking(apmk_socket socket)
{
    u_long no = 0;

    return ioctlsocket(socket, (long)FIONBIO, &no);
}

/* ---- open and close ---------------------------------------------------------------------- */

/* Not inherited from the start: a child process made in between would keep the connection. */
apmk_code apmk_socket_open(int32_t family, int32_t type, int32_t protocol, apmk_socket *socket)
{
    SOCKET handle =
        WSASocketW(family, type, protocol, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);

    if (handle == INVALID_SOCKET) return last_socket_error();
    *socket = handle;
    return APMK_SUCCESS;
}

/* False if the socket is still there and another try makes sense. */
static bool close_handle(apmk_socket socket)
{
    return closesocket(socket) == 0 || WSAGetLastError() != WSAEWOULDBLOCK;
}

/* A socket that lingers but may not block (somebody has changed it by its handle) refuses to
 * be closed. It may block, then; and if it still refuses it does not linger. */
void apmk_socket_close(apmk_socket socket)
{
    if (close_handle(socket)) return;
    (void)set_blocking(socket);
    if (close_handle(socket)) return;
    apmk_socket_set_abortive(socket, true);
    (void)close_handle(socket);
}

apmk_code apmk_socket_shutdown(apmk_socket socket, int32_t how)
{
    return socket_outcome(shutdown(socket, how));
}

/* ---- the port ---------------------------------------------------------------------------- */

apmk_code apmk_socket_attach(apmk_socket socket, apmk_port port, uintptr_t key)
{
    return CreateIoCompletionPort((HANDLE)socket, (HANDLE)port, key, 0) != NULL ? APMK_SUCCESS : last_error();
}

bool apmk_socket_skip_on_success(apmk_socket socket, bool own)
{
    if (!apmk_provider_has_files(socket, own)) return false;
    return SetFileCompletionNotificationModes((HANDLE)socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                                  FILE_SKIP_SET_EVENT_ON_HANDLE) != 0;
}

enum apmk_skipping apmk_socket_skips(apmk_socket socket)
{
    if (!apmk_provider_is_told_to_skip(socket)) return APMK_SKIPS_NOT;
    return apmk_provider_has_files(socket, false) ? APMK_SKIPS : APMK_SKIPS_PERHAPS;
}

/* ---- options ----------------------------------------------------------------------------- */

void apmk_socket_reuse_unicast_port(apmk_socket socket)
{
    DWORD yes = 1;

    (void)set_option(socket, SO_REUSE_UNICASTPORT, &yes, sizeof yes);
}

/* Nothing gets lost on loopback: a refusal (or a full backlog, which Windows answers in the same way) is known at the
 * first attempt. The time for a lost packet stays the system's. One that does not take this is asked once. */
void apmk_socket_quick_refusal(apmk_socket socket)
{
    static _Atomic bool is_unknown;
    TCP_INITIAL_RTO_PARAMETERS parameters;
    DWORD size = 0;

    if (atomic_load_explicit(&is_unknown, memory_order_relaxed)) return;

    parameters.Rtt = TCP_INITIAL_RTO_UNSPECIFIED_RTT;
    parameters.MaxSynRetransmissions = apmk_provider_least_retries();
    if (WSAIoctl(socket, SIO_TCP_INITIAL_RTO, &parameters, sizeof parameters, NULL, 0, &size, NULL, NULL) ==
        0)
        return;
    if (WSAGetLastError() == WSAEOPNOTSUPP || WSAGetLastError() == WSAEINVAL)
        atomic_store_explicit(&is_unknown, true, memory_order_relaxed);
}

void apmk_socket_set_abortive(apmk_socket socket, bool abortive)
{
    struct linger linger = {abortive, 0};

    (void)set_option(socket, SO_LINGER, &linger, sizeof linger);
}

/* Without a value, not with an empty one: it is an order, not an option. */
apmk_code apmk_socket_update_connect_context(apmk_socket socket)
{
    return socket_outcome(set_option(socket, SO_UPDATE_CONNECT_CONTEXT, NULL, 0));
}

/* ---- addresses --------------------------------------------------------------------------- */

apmk_code apmk_socket_bind(apmk_socket socket, const void *address, int32_t length)
{
    return socket_outcome(bind(socket, (const struct sockaddr *)address, length));
}

apmk_code apmk_socket_connect_datagram(apmk_socket socket, const void *address, int32_t length)
{
    return socket_outcome(connect(socket, (const struct sockaddr *)address, length));
}

apmk_code apmk_socket_local(apmk_socket socket, void *address, int32_t *length)
{
    int room = *length;
    apmk_code code = socket_outcome(getsockname(socket, (struct sockaddr *)address, &room));

    if (code == APMK_SUCCESS) *length = room;
    return code;
}

apmk_code apmk_socket_remote(apmk_socket socket, void *address, int32_t *length)
{
    int room = *length;
    apmk_code code = socket_outcome(getpeername(socket, (struct sockaddr *)address, &room));

    if (code == APMK_SUCCESS) *length = room;
    return code;
}

/* ---- polling ----------------------------------------------------------------------------- */

enum { READABLE, WRITABLE, FAILED };

/* By select, not WSAPoll, which before Windows 10 did not report that a connect has failed. */
apmk_code apmk_socket_poll(apmk_socket socket, int32_t mode, uint32_t timeout, bool *ready)
{
    struct timeval limit;
    fd_set set;
    int found;

    if (mode < READABLE || mode > FAILED) return WSAEINVAL;
    set.fd_array[0] = socket;
    set.fd_count = 1;
    limit.tv_sec = (long)(timeout / 1000);
    limit.tv_usec = (long)(timeout % 1000 * 1000);
    found = select(0, mode == READABLE ? &set : NULL, mode == WRITABLE ? &set : NULL,
                   mode == FAILED ? &set : NULL, timeout != APMK_FOREVER ? &limit : NULL);
    if (found == SOCKET_ERROR) return last_socket_error();
    *ready = found != 0;
    return APMK_SUCCESS;
}

/* ---- the end of the peer's stream -------------------------------------------------------- */

#define ONCE_MORE 1u /* ms: to SO_RCVTIMEO 0 is for ever */

/* A receive of nothing says whether there is something to receive, or nothing any more; what is unread tells which.
 * It does not wait for that: to a receive Windows gives half a second at least. */
bool apmk_socket_has_ended(apmk_socket socket)
{
    const DWORD limit = ONCE_MORE;
    u_long unread = 0;
    char nothing = 0;

    (void)set_blocking(socket);
    if (set_option(socket, SO_RCVTIMEO, &limit, sizeof limit) != 0) return false;
    if (recv(socket, &nothing, 0, 0) != 0) return false;
    return ioctlsocket(socket, (long)FIONREAD, &unread) == 0 && unread == 0;
}
