/* SPDX-License-Identifier: MIT */
/*
 * The system's look-up blocks for as long as it likes and cannot be called off. So a thread
 * of its own does it, on memory that belongs to both threads: who leaves last frees it, and
 * the caller may leave first.
 */
#include "resolver.h"

#include "console.h"

#include <stdlib.h>
#include <string.h>

#include <winsock2.h>

#include <ws2tcpip.h>

typedef struct lookup {
    LONG owners;
    wchar_t *host;
    uint16_t port;
    int32_t family;
    apm_error error;
    size_t count;
    apm_endpoint endpoints[RESOLVER_MOST];
} lookup;

static void leave(lookup *shared)
{
    if (InterlockedDecrement(&shared->owners) > 0) return;
    free(shared->host);
    free(shared);
}

static void keep_addresses(lookup *shared, const ADDRINFOW *all)
{
    for (const ADDRINFOW *one = all; one != NULL && shared->count < RESOLVER_MOST; one = one->ai_next) {
        apm_endpoint *endpoint = &shared->endpoints[shared->count];
        if (one->ai_addrlen > sizeof endpoint->address) continue;
        void *address = one->ai_addr;
        if (one->ai_family == AF_INET) {
            ((struct sockaddr_in *)address)->sin_port = htons(shared->port);
        } else if (one->ai_family == AF_INET6) {
            ((struct sockaddr_in6 *)address)->sin6_port = htons(shared->port);
        } else {
            continue;
        }
        memcpy(endpoint->address, address, one->ai_addrlen);
        endpoint->length = (int32_t)one->ai_addrlen;
        shared->count++;
    }
}

static DWORD WINAPI run_lookup(void *argument)
{
    lookup *shared = argument;
    WSADATA data;
    ADDRINFOW *all = NULL;
    ADDRINFOW hints = {.ai_family = shared->family, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    shared->error = WSAStartup(MAKEWORD(2, 2), &data);
    if (shared->error == 0) {
        shared->error = GetAddrInfoW(shared->host, NULL, &hints, &all);
        if (shared->error == 0) {
            keep_addresses(shared, all);
            FreeAddrInfoW(all);
            if (shared->count == 0) shared->error = APM_ERROR_NO_DATA;
        } else if (shared->error < 0) {
            shared->error = APM_ERROR_HOST_NOT_FOUND; /* Wine passes some codes on as they are */
        }
        WSACleanup();
    }
    leave(shared);
    return 0;
}

apm_error resolver_find(const char *host, uint16_t port, int32_t family, uint32_t timeout,
                        apm_endpoint *endpoints, size_t *count)
{
    apm_error error = APM_ERROR_OUT_OF_MEMORY;
    lookup *shared = calloc(1, sizeof *shared);
    if (shared == NULL) return error;
    shared->owners = 2;
    shared->port = port;
    shared->family = family;
    shared->host = console_wide(host);
    HANDLE thread = shared->host != NULL ? CreateThread(NULL, 0, run_lookup, shared, 0, NULL) : NULL;
    if (thread == NULL) {
        shared->owners = 1;
    } else if (WaitForSingleObject(thread, timeout) == WAIT_OBJECT_0) {
        error = shared->error;
        *count = shared->count;
        memcpy(endpoints, shared->endpoints, shared->count * sizeof *endpoints);
    } else {
        error = APM_ERROR_TIMED_OUT;
    }
    if (thread != NULL) CloseHandle(thread);
    leave(shared);
    return error;
}
