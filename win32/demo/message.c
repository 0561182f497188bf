/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "console.h"

#include <stdlib.h>
#include <string.h>

#include <windows.h>

enum { READ_SIZE = 1 << 16 };

/* Reads until the end, so that it does not matter whether the size is known beforehand. */
static apm_error read_all(HANDLE file, bytes *message)
{
    for (;;) {
        DWORD got = 0;
        char *end = bytes_reserve(message, READ_SIZE);
        if (end == NULL) return APM_ERROR_OUT_OF_MEMORY;
        if (!ReadFile(file, end, READ_SIZE, &got, NULL)) {
            DWORD error = GetLastError();
            return error == ERROR_BROKEN_PIPE ? 0 : (apm_error)error; /* how a pipe ends */
        }
        if (got == 0) return 0;
        message->size += got;
    }
}

static bool load_file(const char *path, bytes *message)
{
    apm_error error = APM_ERROR_OUT_OF_MEMORY;
    wchar_t *wide = console_wide(path);
    if (wide != NULL) {
        HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                  NULL, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): that is how Windows defines it */
        if (file != INVALID_HANDLE_VALUE) {
            error = read_all(file, message);
            CloseHandle(file);
        } else {
            error = (apm_error)GetLastError();
        }
        free(wide);
    }
    if (error == 0) return true;
    console_fail_because(error, "cannot read the file %s", path);
    return false;
}

bool message_load(const arguments *asked, bytes *message)
{
    if (asked->file != NULL) return load_file(asked->file, message);
    const char *text = asked->message != NULL ? asked->message : "This is a test" MESSAGE_END;
    if (bytes_append(message, text, strlen(text))) return true;
    console_fail("out of memory");
    return false;
}
