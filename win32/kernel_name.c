/* SPDX-License-Identifier: MIT */
/*
 * Names. The plain, blocking look-up: the system's overlapped one is of no use, since its
 * threads may outlive us, and it cannot be called off on every system.
 */
#include "compat.h"

#include <string.h>

#include "kernel.h"
#include "native_error.h"
#include "wide_text.h"

_Static_assert(sizeof(((apmk_address *)NULL)->bytes) >= sizeof(struct sockaddr_in6), "an address fits");

/* Past the last of Winsock's codes. */
#define WINSOCK_END (WSABASEERR + 2000)

/* The look-up's own kind of code: some are not Winsock's (a file's, a resolver's that nobody
 * has translated), and mean that there is no such name as far as one can tell. */
static apmk_code judge_failure(int code)
{
    if (code == WSA_NOT_ENOUGH_MEMORY) return ERROR_NOT_ENOUGH_MEMORY;
    return code > WSABASEERR && code < WINSOCK_END ? (apmk_code)code : WSAHOST_NOT_FOUND;
}

static bool is_internet(const ADDRINFOW *entry)
{
    if (entry->ai_addr == NULL) return false;
    if (entry->ai_family == AF_INET) return entry->ai_addrlen >= sizeof(struct sockaddr_in);
    return entry->ai_family == AF_INET6 && entry->ai_addrlen >= sizeof(struct sockaddr_in6);
}

static void copy_address(const ADDRINFOW *entry, apmk_address *address)
{
    size_t length = entry->ai_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

    memset(address, 0, sizeof *address);
    memcpy(address->bytes, entry->ai_addr, length);
    address->length = (int32_t)length;
}

static apmk_code find_wide(const WCHAR *host, apmk_address *found, uint32_t room, uint32_t *count)
{
    ADDRINFOW hints, *first = NULL, *at;
    bool any = false;
    uint32_t used = 0;
    int code;

    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM; /* else each address comes once for every type */
    hints.ai_protocol = IPPROTO_TCP;
    code = GetAddrInfoW(host, NULL, &hints, &first);
    if (code != 0) return judge_failure(code);

    for (at = first; at != NULL; at = at->ai_next) {
        if (!is_internet(at)) continue;
        any = true;
        if (used < room) copy_address(at, &found[used++]);
    }
    if (first != NULL) FreeAddrInfoW(first);
    if (!any) return WSANO_DATA;
    *count = used;
    return APMK_SUCCESS;
}

apmk_code apmk_name_find(const char *host, apmk_address *found, uint32_t room, uint32_t *count)
{
    WCHAR *wide = NULL;
    apmk_code code = apmk_wide_text(host, &wide);

    if (code != APMK_SUCCESS) return code == ERROR_NOT_ENOUGH_MEMORY ? code : WSAHOST_NOT_FOUND;
    code = find_wide(wide, found, room, count);
    apmk_release(wide);
    return code;
}
