/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <windows.h>

enum { WIDE_SIZE = 4096, MOST_BYTES = 3, END_MARK = 0x1A };

static bool is_first_half(wchar_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

/* Lines as they are typed. Ctrl-Z at the beginning of one is the end, as everywhere on Windows. */
static apm_error read_console(HANDLE console, char *buffer, size_t size, size_t *got)
{
    wchar_t wide[WIDE_SIZE];
    DWORD units = 0, more = 0;
    DWORD most = size / MOST_BYTES < WIDE_SIZE ? (DWORD)(size / MOST_BYTES) : WIDE_SIZE;
    if (!ReadConsoleW(console, wide, most - 1, &units, NULL)) return (apm_error)GetLastError();
    /* The other half of a character that the end of the buffer has cut. */
    if (units > 0 && is_first_half(wide[units - 1]) && ReadConsoleW(console, wide + units, 1, &more, NULL))
        units += more;
    if (units == 0 || wide[0] == END_MARK) {
        *got = 0;
        return 0;
    }
    int length = WideCharToMultiByte(CP_UTF8, 0, wide, (int)units, buffer, (int)size, NULL, NULL);
    if (length <= 0) return (apm_error)GetLastError();
    *got = (size_t)length;
    return 0;
}

apm_error input_read(char *buffer, size_t size, size_t *got)
{
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    DWORD mode, length = 0;
    *got = 0;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): that is how Windows defines it */
    if (input == NULL || input == INVALID_HANDLE_VALUE) return 0; /* started without one */
    if (GetConsoleMode(input, &mode)) return read_console(input, buffer, size, got);
    if (!ReadFile(input, buffer, (DWORD)size, &length, NULL)) {
        DWORD error = GetLastError();
        /* The first is how a pipe ends, the second how a file does on some systems. */
        return error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF ? 0 : (apm_error)error;
    }
    *got = length;
    return 0;
}
