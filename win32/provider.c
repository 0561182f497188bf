/* SPDX-License-Identifier: MIT */
/*
 * A layered provider whose sockets are no file handles gets its completions by other means: to
 * skip the port would be set on something else, and packets come or do not come regardless. And
 * a datagram that was cut is no success to Winsock, but one to the mode on some systems: nobody
 * could say whether its packet comes.
 *
 * Layers may come and go while the process runs, so each socket is asked. Wine has none, and
 * asking it takes two round trips.
 */
#include "provider.h"

#include "compat.h"

static bool is_wine; /* written before there is a socket */

void apmk_provider_look(void)
{
    HMODULE module = GetModuleHandleW(L"ntdll.dll");

    is_wine = module != NULL && GetProcAddress(module, "wine_get_version") != NULL;
}

bool apmk_provider_is_wine(void)
{
    return is_wine;
}

bool apmk_provider_has_files(apmk_socket socket, bool own)
{
    WSAPROTOCOL_INFOW provider;
    int length = (int)sizeof provider;

    if (own && is_wine) return true;
    if (getsockopt(socket, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&provider, &length) != 0) return false;
    return provider.iSocketType == SOCK_STREAM && (provider.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}
