/* SPDX-License-Identifier: MIT */
/*
 * The peer as plain sockets on loopback. It shares nothing with the library, not even a
 * start of Winsock: each listener and each peer starts it for itself and gives that back, so
 * that a library which does not start it, or ends it too often, is found out.
 *
 * Sockets are non-blocking with select as the clock, so that every wait has an end.
 */
#include "peer.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <ws2tcpip.h>

#include <windows.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifndef SO_CONDITIONAL_ACCEPT
#define SO_CONDITIONAL_ACCEPT 0x3002
#endif

#define PATIENCE 60000u  /* ms without progress */
#define STEP 100u        /* ms after which a send is tried again */
#define PENDING_TIME 30u /* ms in which a connect on loopback would be over */
#define FILLERS 8

struct peer {
    SOCKET handle;
};

struct peer_listener {
    SOCKET handle;
    int32_t family;
    apm_endpoint endpoint;
    SOCKET fillers[FILLERS]; /* what fills its queue */
    int filler_count;
};

/* ---- sockets ----------------------------------------------------------------------------------- */

static bool start_winsock(void)
{
    WSADATA data;

    return WSAStartup(MAKEWORD(2, 2), &data) == 0;
}

bool peer_keep_network(void)
{
    return start_winsock();
}

static void make_loopback(int32_t family, uint16_t port, struct sockaddr_storage *address, int *length)
{
    memset(address, 0, sizeof *address);
    if (family == APM_FAMILY_IPV6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)address;
        six->sin6_family = AF_INET6;
        six->sin6_addr.s6_addr[15] = 1;
        six->sin6_port = htons(port);
        *length = (int)sizeof *six;
    } else {
        struct sockaddr_in *four = (struct sockaddr_in *)(void *)address;
        four->sin_family = AF_INET;
        four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        four->sin_port = htons(port);
        *length = (int)sizeof *four;
    }
}

static void make_endpoint(const struct sockaddr_storage *address, int length, apm_endpoint *endpoint)
{
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->length = length;
    memcpy(endpoint->address, address, (size_t)length);
}

static bool set_nonblocking(SOCKET handle)
{
    u_long yes = 1;

    return ioctlsocket(handle, (long)FIONBIO, &yes) == 0;
}

static SOCKET open_socket(int32_t family)
{
    SOCKET handle = WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                               WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);

    if (handle != INVALID_SOCKET && !set_nonblocking(handle)) {
        (void)closesocket(handle);
        handle = INVALID_SOCKET;
    }
    return handle;
}

/* Waits until it can be read (or written); false when the time is over. */
static bool wait_socket(SOCKET handle, bool writing, uint32_t timeout)
{
    struct timeval time;
    fd_set wanted, failed;

    time.tv_sec = (long)(timeout / 1000);
    time.tv_usec = (long)(timeout % 1000) * 1000;
    FD_ZERO(&wanted);
    FD_ZERO(&failed); /* where a connect reports that it failed */
    wanted.fd_array[0] = failed.fd_array[0] = handle;
    wanted.fd_count = failed.fd_count = 1;
    return select(0, writing ? NULL : &wanted, writing ? &wanted : NULL, writing ? &failed : NULL, &time) > 0;
}

/* ---- listening ------------------------------------------------------------------------------------ */

static peer_listener *open_listener(int32_t family, bool conditional, int backlog)
{
    peer_listener *listener = (peer_listener *)calloc(1, sizeof *listener);
    struct sockaddr_storage address;
    int length, yes = 1;

    if (listener == NULL) return NULL;
    if (!start_winsock()) goto no_winsock;
    listener->family = family;
    listener->handle = open_socket(family);
    if (listener->handle == INVALID_SOCKET) goto no_socket;
    if (conditional && setsockopt(listener->handle, SOL_SOCKET, SO_CONDITIONAL_ACCEPT, (const char *)&yes,
                                  (int)sizeof yes) != 0)
        goto failed;
    make_loopback(family, 0, &address, &length);
    if (bind(listener->handle, (const struct sockaddr *)&address, length) != 0) goto failed;
    if (listen(listener->handle, backlog) != 0) goto failed;
    length = (int)sizeof address;
    if (getsockname(listener->handle, (struct sockaddr *)&address, &length) != 0) goto failed;
    make_endpoint(&address, length, &listener->endpoint);
    return listener;

failed:
    (void)closesocket(listener->handle);
no_socket:
    (void)WSACleanup();
no_winsock:
    free(listener);
    return NULL;
}

peer_listener *peer_listen(int32_t family)
{
    return open_listener(family, false, SOMAXCONN);
}

/* One more connection of our own, which may be pending. */
static bool add_filler(peer_listener *listener)
{
    SOCKET handle = open_socket(listener->family);
    struct sockaddr_storage address;

    if (handle == INVALID_SOCKET) return false;
    listener->fillers[listener->filler_count++] = handle;
    memset(&address, 0, sizeof address);
    memcpy(&address, listener->endpoint.address, (size_t)listener->endpoint.length);
    return connect(handle, (const struct sockaddr *)&address, listener->endpoint.length) == 0 ||
           WSAGetLastError() == WSAEWOULDBLOCK;
}

/* Windows answers for a listener that decides about each connection by itself only when that
 * decides, and refuses when a queue is full. Elsewhere it is the other way round: there is no
 * such decision, and whoever finds the queue full is left waiting. There are more fillers than
 * the shortest queue has room for, so that it is full whatever the machine's pace; that the
 * last one waits is looked at for good measure. */
peer_listener *peer_listen_hanging(int32_t family)
{
    peer_listener *listener = open_listener(family, true, SOMAXCONN);
    bool good = true;

    if (listener != NULL) return listener;
    listener = open_listener(family, false, 0);
    if (listener == NULL) return NULL;
    while (good && listener->filler_count < FILLERS) good = add_filler(listener);
    if (good && !wait_socket(listener->fillers[FILLERS - 1], true, PENDING_TIME)) return listener;
    peer_listener_close(listener);
    return NULL;
}

void peer_listener_endpoint(const peer_listener *listener, apm_endpoint *endpoint)
{
    *endpoint = listener->endpoint;
}

void peer_listener_close(peer_listener *listener)
{
    if (listener == NULL) return;
    (void)closesocket(listener->handle);
    while (listener->filler_count > 0) (void)closesocket(listener->fillers[--listener->filler_count]);
    (void)WSACleanup();
    free(listener);
}

/* Below the ports that systems give out by themselves: otherwise a socket that connects here
 * might have been given this very port, and connect to itself. Another one at each call. */
void peer_refusing_endpoint(int32_t family, apm_endpoint *endpoint)
{
    static _Atomic uint32_t calls;
    struct sockaddr_storage address;
    int length = 0, tries;

    if (!start_winsock()) return;
    for (tries = 0; tries < 1000; tries++) {
        uint32_t n = (uint32_t)GetCurrentProcessId() * 61u + atomic_fetch_add(&calls, 1);
        SOCKET handle = open_socket(family);
        bool free_port;

        make_loopback(family, (uint16_t)(12000u + n % 18000u), &address, &length);
        free_port = handle != INVALID_SOCKET && bind(handle, (const struct sockaddr *)&address, length) == 0;
        if (handle != INVALID_SOCKET) (void)closesocket(handle);
        if (free_port) break;
    }
    make_endpoint(&address, length, endpoint);
    (void)WSACleanup();
}

/* No stream goes to everybody. */
void peer_unreachable_endpoint(apm_endpoint *endpoint)
{
    struct sockaddr_storage address;
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&address;

    memset(&address, 0, sizeof address);
    four->sin_family = AF_INET;
    four->sin_addr.s_addr = htonl(INADDR_BROADCAST);
    four->sin_port = htons(9);
    make_endpoint(&address, (int)sizeof *four, endpoint);
}

/* ---- connections -------------------------------------------------------------------------------------- */

peer *peer_accept(peer_listener *listener, uint32_t timeout)
{
    peer *other;
    SOCKET handle;

    if (!wait_socket(listener->handle, false, timeout)) return NULL;
    handle = accept(listener->handle, NULL, NULL);
    if (handle == INVALID_SOCKET) return NULL;
    other = (peer *)malloc(sizeof *other);
    if (other == NULL || !start_winsock() || !set_nonblocking(handle)) abort();
    other->handle = handle;
    return other;
}

uint16_t peer_port(const peer *other)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four; /* in both families the port has the same place */
        struct sockaddr_storage room;
    } remote;
    int length = (int)sizeof remote;

    memset(&remote, 0, sizeof remote);
    (void)getpeername(other->handle, &remote.any, &length);
    return ntohs(remote.four.sin_port);
}

/* A reset that came while nobody was reading looks like an end on some systems. Sending nothing
 * tells them apart, and the other side does not notice: after an end it is in order. */
static int64_t tell_end(const peer *other)
{
    return send(other->handle, "", 0, 0) == 0 || WSAGetLastError() == WSAESHUTDOWN ? PEER_END : PEER_RESET;
}

int64_t peer_read(peer *other, void *data, size_t size, uint32_t timeout)
{
    int room = size > (1u << 30) ? 1 << 30 : (int)size;
    int got;

    for (;;) {
        if (!wait_socket(other->handle, false, timeout)) return PEER_TIMEOUT;
        got = recv(other->handle, (char *)data, room, 0);
        if (got > 0) return got;
        if (got == 0) return tell_end(other);
        if (WSAGetLastError() != WSAEWOULDBLOCK) return PEER_RESET;
    }
}

bool peer_read_all(peer *other, void *data, size_t size, uint32_t timeout)
{
    unsigned char *at = (unsigned char *)data;

    while (size != 0) {
        int64_t got = peer_read(other, at, size, timeout);
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

uint64_t peer_skip_hole(peer *other)
{
    (void)other;
    return 0;
}

void peer_say_zeros(const void *data, size_t size)
{
    (void)data;
    (void)size;
}

/* Not every kernel ends a wait for room when the connection is reset (Wine 10 does not): the next send says so. */
bool peer_write(peer *other, const void *data, size_t size)
{
    const char *at = (const char *)data;
    uint32_t waited = 0; /* ms without progress */

    while (size != 0) {
        int sent = send(other->handle, at, size > (1u << 20) ? 1 << 20 : (int)size, 0);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
            waited = 0;
        } else if (WSAGetLastError() != WSAEWOULDBLOCK || waited >= PATIENCE) {
            return false;
        } else if (!wait_socket(other->handle, true, STEP)) {
            waited += STEP;
        }
    }
    return true;
}

void peer_end(peer *other)
{
    (void)shutdown(other->handle, SD_SEND);
}

void peer_close(peer *other)
{
    if (other == NULL) return;
    (void)closesocket(other->handle);
    (void)WSACleanup();
    free(other);
}

void peer_reset(peer *other)
{
    struct linger linger = {1, 0};

    (void)setsockopt(other->handle, SOL_SOCKET, SO_LINGER, (const char *)&linger, (int)sizeof linger);
    peer_close(other);
}

bool peer_kernel_is_wine(void)
{
    HMODULE module = GetModuleHandleW(L"ntdll.dll");

    return module != NULL && GetProcAddress(module, "wine_get_version") != NULL;
}
