/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <shellapi.h>

enum { LINE_SIZE = 2048, PIECE_SIZE = 1024, WRITE_SIZE = 1 << 20 };

static char *to_utf8(const wchar_t *wide)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = size > 0 ? malloc((size_t)size) : NULL;
    if (text != NULL) WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, size, NULL, NULL);
    return text;
}

wchar_t *console_wide(const char *text)
{
    int size = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *wide = size > 0 ? malloc((size_t)size * sizeof *wide) : NULL;
    if (wide != NULL) MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, size);
    return wide;
}

/* Not main's own arguments: those have been through the code page, which has no room for
 * most characters. */
char **console_arguments(int *count)
{
    int found = 0, done = 0;
    char **arguments = NULL;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &found);
    if (wide == NULL) return NULL;
    arguments = calloc((size_t)found + 1, sizeof *arguments);
    while (arguments != NULL && done < found) {
        arguments[done] = to_utf8(wide[done]);
        if (arguments[done] == NULL) {
            console_arguments_free(arguments, done);
            arguments = NULL;
        }
        done++;
    }
    LocalFree(wide);
    *count = found;
    return arguments;
}

void console_arguments_free(char **arguments, int count)
{
    for (int i = 0; i < count; i++) free(arguments[i]);
    free(arguments);
}

/* The largest part of `text` up to `size` bytes that does not end inside a character. */
static size_t whole_characters(const char *text, size_t size, size_t limit)
{
    if (size <= limit) return size;
    size_t end = limit;
    for (int back = 0; back < 3 && ((unsigned char)text[end] & 0xC0) == 0x80; back++) end--;
    return end;
}

static bool write_console(HANDLE console, const char *text, size_t size)
{
    wchar_t wide[PIECE_SIZE];
    while (size > 0) {
        size_t piece = whole_characters(text, size, PIECE_SIZE);
        int left = MultiByteToWideChar(CP_UTF8, 0, text, (int)piece, wide, PIECE_SIZE);
        if (left <= 0) return false;
        for (const wchar_t *next = wide; left > 0;) {
            DWORD written = 0;
            if (!WriteConsoleW(console, next, (DWORD)left, &written, NULL) || written == 0) return false;
            next += written;
            left -= (int)written;
        }
        text += piece;
        size -= piece;
    }
    return true;
}

static bool write_file(HANDLE file, const char *text, size_t size)
{
    while (size > 0) {
        DWORD written = 0;
        if (!WriteFile(file, text, size < WRITE_SIZE ? (DWORD)size : WRITE_SIZE, &written, NULL))
            return false;
        if (written == 0) {
            SetLastError(ERROR_WRITE_FAULT); /* a full pipe that does not block */
            return false;
        }
        text += written;
        size -= written;
    }
    return true;
}

static bool write_output(DWORD which, const char *text, size_t size)
{
    HANDLE output = GetStdHandle(which);
    DWORD mode;
    return GetConsoleMode(output, &mode) ? write_console(output, text, size) : write_file(output, text, size);
}

/* Appends to a line as much as there is room for, and keeps room for the line end. */
static void append(char *line, size_t *length, const char *text)
{
    size_t size = strlen(text);
    size_t part = whole_characters(text, size, LINE_SIZE - 2 - *length);
    memcpy(line + *length, text, part);
    *length += part;
}

/* Arguments and the system's texts may hold anything: a line stays one line. */
static void finish_line(char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < ' ' || c == 0x7F) line[i] = ' ';
    }
    line[length] = '\n';
    write_output(STD_ERROR_HANDLE, line, length + 1);
}

static CONSOLE_FORMAT(3, 0) void start_line(char *line, size_t *length, const char *format, va_list values)
{
    char text[LINE_SIZE];
    int size = vsnprintf(text, sizeof text, format, values);
    if (size < 0) text[0] = '\0';
    *length = 0;
    append(line, length, "apmdemo: ");
    append(line, length, text);
}

void console_fail(const char *format, ...)
{
    char line[LINE_SIZE];
    size_t length;
    va_list values;
    va_start(values, format);
    start_line(line, &length, format, values);
    va_end(values);
    finish_line(line, length);
}

/* ": <reason> (<name>)", in place of the full stop that the system's texts have. */
static void append_reason(char *line, size_t *length, char *reason, apm_error error)
{
    char number[32];
    const char *name = apm_error_name(error);
    size_t end = strlen(reason);
    while (end > 0 && (reason[end - 1] == '.' || reason[end - 1] == ' ')) reason[--end] = '\0';
    if (end > 0) {
        append(line, length, ": ");
        append(line, length, reason);
    }
    if (strcmp(name, "Unknown") == 0) {
        snprintf(number, sizeof number, "error %d", (int)error);
        name = number;
    }
    append(line, length, " (");
    append(line, length, name);
    append(line, length, ")");
}

void console_fail_because(apm_error error, const char *format, ...)
{
    char line[LINE_SIZE], reason[512];
    size_t length;
    va_list values;
    va_start(values, format);
    start_line(line, &length, format, values);
    va_end(values);
    apm_error_message(error, reason, sizeof reason);
    append_reason(line, &length, reason, error);
    finish_line(line, length);
}

void console_fail_operation(apm_async_result *result, apm_error error, const char *format, ...)
{
    char line[LINE_SIZE], reason[512];
    size_t length;
    va_list values;
    va_start(values, format);
    start_line(line, &length, format, values);
    va_end(values);
    apm_async_result_message(result, reason, sizeof reason);
    append_reason(line, &length, reason, error);
    finish_line(line, length);
}

void console_report(const char *text)
{
    write_output(STD_ERROR_HANDLE, text, strlen(text));
}

static bool is_console(DWORD which)
{
    DWORD mode;
    return GetConsoleMode(GetStdHandle(which), &mode) != 0;
}

bool console_shows_output(void)
{
    return is_console(STD_OUTPUT_HANDLE);
}

bool console_shows_reports(void)
{
    return is_console(STD_ERROR_HANDLE);
}

size_t console_whole_characters(const char *text, size_t size)
{
    /* A character has four bytes at most, and the first one says how many. */
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        unsigned char c = (unsigned char)text[size - back];
        if ((c & 0xC0) == 0x80) continue;
        size_t needed = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return back < needed ? size - back : size;
    }
    return size;
}

bool console_write(const void *text, size_t size)
{
    if (write_output(STD_OUTPUT_HANDLE, text, size)) return true;
    console_fail_because((apm_error)GetLastError(), "cannot write to the standard output");
    return false;
}

bool console_print(const char *format, ...)
{
    char text[LINE_SIZE];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    return length >= 0 && length < (int)sizeof text && console_write(text, (size_t)length);
}
