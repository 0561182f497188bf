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

#include <winternl.h>

/* Documented in the kernel's headers only: FileIoCompletionNotificationInformation, an ULONG of flags. */
#define NOTIFICATION_MODES 41
typedef NTSTATUS(NTAPI *query_function)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, int);

#define NONE_SINCE 16299u /* the build of Windows 10 from which on TCP can be told to make none */

/* Written before there is a socket. */
static bool is_wine;
static uint8_t least_retries = 1;
static query_function query_file;

/* GetVersionEx would say what the program's manifest says. */
static DWORD find_build(HMODULE module)
{
    typedef LONG(WINAPI * get_version)(RTL_OSVERSIONINFOW *);
    get_version function = (get_version)(void (*)(void))GetProcAddress(module, "RtlGetVersion");
    RTL_OSVERSIONINFOW version = {0};

    version.dwOSVersionInfoSize = sizeof version;
    return function != NULL && function(&version) == 0 ? version.dwBuildNumber : 0;
}

bool apmk_provider_find_wine(void)
{
    HMODULE module = GetModuleHandleW(L"ntdll.dll");

    return module != NULL && GetProcAddress(module, "wine_get_version") != NULL;
}

void apmk_provider_look(void)
{
    HMODULE module = GetModuleHandleW(L"ntdll.dll");

    is_wine = apmk_provider_find_wine();
    if (module == NULL) return;
    query_file = (query_function)(void (*)(void))GetProcAddress(module, "NtQueryInformationFile");
    if (find_build(module) >= NONE_SINCE) least_retries = TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS;
}

uint8_t apmk_provider_least_retries(void)
{
    return least_retries;
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

bool apmk_provider_is_told_to_skip(apmk_socket socket)
{
    IO_STATUS_BLOCK outcome;
    ULONG modes = 0;

    return query_file != NULL &&
           query_file((HANDLE)socket, &outcome, &modes, sizeof modes, NOTIFICATION_MODES) == 0 &&
           (modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0;
}
