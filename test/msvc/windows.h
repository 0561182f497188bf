/* SPDX-License-Identifier: MIT */
/*
 * Wine's windows.h, and what Windows' own headers declare but Wine's, which stand in for them
 * where the sources are compiled as MSVC would (ci/lib/msvc.sh), do not.
 */
#ifndef MSVC_WINDOWS_H
#define MSVC_WINDOWS_H

#include_next <windows.h>

/* winbase.h, processthreadsapi.h */
#define FILE_SKIP_COMPLETION_PORT_ON_SUCCESS 1
#define FILE_SKIP_SET_EVENT_ON_HANDLE 2
BOOL WINAPI GetProcessHandleCount(HANDLE process, DWORD *count);
BOOL WINAPI SetThreadStackGuarantee(ULONG *size);

/* winsock2.h, mstcpip.h */
#define WINSOCK_VERSION MAKEWORD(2, 2)
typedef struct TCP_INITIAL_RTO_PARAMETERS {
    USHORT Rtt;
    UCHAR MaxSynRetransmissions;
} TCP_INITIAL_RTO_PARAMETERS;

/* psapi.h */
typedef struct PROCESS_MEMORY_COUNTERS_EX {
    DWORD cb, PageFaultCount;
    SIZE_T PeakWorkingSetSize, WorkingSetSize, QuotaPeakPagedPoolUsage, QuotaPagedPoolUsage,
        QuotaPeakNonPagedPoolUsage, QuotaNonPagedPoolUsage, PagefileUsage, PeakPagefileUsage, PrivateUsage;
} PROCESS_MEMORY_COUNTERS_EX;

/* winternl.h: the one name in the thread's block that is documented. */
#define ProcessEnvironmentBlock Peb

#endif
