/* SPDX-License-Identifier: MIT */
/* Files, as far as they are sent. */
#include "compat.h"

#include "extensions.h"
#include "kernel.h"
#include "native_transfer.h"
#include "wide_text.h"

_Static_assert(sizeof(apmk_file_ends) == sizeof(TRANSMIT_FILE_BUFFERS), "ours is the system's");
_Static_assert(_Alignof(apmk_file_ends) == _Alignof(TRANSMIT_FILE_BUFFERS), "ours is the system's");
_Static_assert(offsetof(apmk_file_ends, head) == offsetof(TRANSMIT_FILE_BUFFERS, Head),
               "ours is the system's");
_Static_assert(offsetof(apmk_file_ends, head_size) == offsetof(TRANSMIT_FILE_BUFFERS, HeadLength),
               "ours is the system's");
_Static_assert(offsetof(apmk_file_ends, tail) == offsetof(TRANSMIT_FILE_BUFFERS, Tail),
               "ours is the system's");
_Static_assert(offsetof(apmk_file_ends, tail_size) == offsetof(TRANSMIT_FILE_BUFFERS, TailLength),
               "ours is the system's");
_Static_assert(TF_WRITE_BEHIND == 4 && TF_USE_SYSTEM_THREAD == 16 && TF_USE_KERNEL_APC == 32,
               "flags are the system's");

/* ---- open and close ---------------------------------------------------------------------- */

/* Whoever listens at a path that turns out to be a pipe does not get to act in our name. And no
 * window asks for the disk that belongs into a drive: an error says so. */
static HANDLE open_handle(const WCHAR *path)
{
    DWORD before = GetThreadErrorMode(), code;
    HANDLE handle;

    (void)SetThreadErrorMode(before | SEM_FAILCRITICALERRORS, NULL);
    handle = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                         FILE_FLAG_SEQUENTIAL_SCAN | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    code = GetLastError();
    (void)SetThreadErrorMode(before, NULL);
    SetLastError(code);
    return handle;
}

static apmk_code open_wide(const WCHAR *path, apmk_file *file, uint64_t *size)
{
    HANDLE handle = open_handle(path);
    LARGE_INTEGER length;

    if (handle == INVALID_HANDLE_VALUE) return last_error();
    if (!GetFileSizeEx(handle, &length)) {
        apmk_code code = last_error();
        (void)CloseHandle(handle);
        return code;
    }
    *file = (apmk_file)handle;
    *size = (uint64_t)length.QuadPart;
    return APMK_SUCCESS;
}

apmk_code apmk_file_open(const char *path, apmk_file *file, uint64_t *size)
{
    WCHAR *wide = NULL;
    apmk_code code = apmk_wide_text(path, &wide);

    /* No file has a name that is not text. */
    if (code == ERROR_NO_UNICODE_TRANSLATION) return ERROR_INVALID_NAME;
    if (code != APMK_SUCCESS) return code;
    code = open_wide(wide, file, size);
    apmk_release(wide);
    return code;
}

void apmk_file_close(apmk_file file)
{
    (void)CloseHandle((HANDLE)file);
}

/* ---- send -------------------------------------------------------------------------------- */

/* To TransmitFile a size of 0 is the whole file, so a file of which nothing is to be sent is
 * not given to it. It has no place for the byte count: it is in the operation, which whoever
 * took the packet does not use again before he has our outcome. */
apmk_code apmk_socket_send_file(apmk_socket socket, int32_t family, apmk_file file, uint32_t size,
                                apmk_file_ends *ends, int32_t flags, apmk_overlapped *overlapped,
                                uint32_t *bytes)
{
    TRANSMIT_FILE_BUFFERS *native_ends = (TRANSMIT_FILE_BUFFERS *)(void *)ends;
    HANDLE handle = size != 0 ? (HANDLE)file : NULL;
    apmk_extension_function function;
    apmk_code code = apmk_extension_find(socket, family, APMK_EXTENSION_TRANSMIT_FILE, &function);

    if (code != APMK_SUCCESS) return code;
    if (!((LPFN_TRANSMITFILE)function)(socket, handle, size, 0, native_overlapped(overlapped), native_ends,
                                       (DWORD)flags))
        return last_socket_error();
    *bytes = (uint32_t)overlapped->internal_high;
    return APMK_SUCCESS;
}
