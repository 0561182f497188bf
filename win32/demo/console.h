/* SPDX-License-Identifier: MIT */
/*
 * The program's arguments and its output, all UTF-8. To a console, text goes as UTF-16, so
 * that no code page stands in between; to a file or a pipe it goes byte for byte, with the
 * line ends it has.
 */
#ifndef DEMO_CONSOLE_H
#define DEMO_CONSOLE_H

#include <apmsock/apmsock.h>

#if defined(__GNUC__)
#define CONSOLE_FORMAT(position, first) __attribute__((format(printf, position, first)))
#else
#define CONSOLE_FORMAT(position, first)
#endif

/* The process's arguments, with the program's name first; NULL when there is no memory. */
char **console_arguments(int *count);
void console_arguments_free(char **arguments, int count);

/* `text` as UTF-16; NULL when there is no memory; to be freed with free(). */
wchar_t *console_wide(const char *text);

/* Writes to the standard output, at once. False, and it has said why, when that fails. */
bool console_write(const void *text, size_t size);
bool console_print(const char *format, ...) CONSOLE_FORMAT(1, 2);

/* One line on the standard error output: "apmdemo: " and the text. */
void console_fail(const char *format, ...) CONSOLE_FORMAT(1, 2);
/* The same, followed by what the error means: ": <the system's text> (<its name>)". */
void console_fail_because(apm_error error, const char *format, ...) CONSOLE_FORMAT(2, 3);
/* The same with what the operation's own message says, which names the endpoint of a connect. */
void console_fail_operation(apm_async_result *result, apm_error error, const char *format, ...)
    CONSOLE_FORMAT(3, 4);

/* Writes to the standard error output, as it is; whether that works is nobody's concern. */
void console_report(const char *text);

/* Whether the standard output, or the standard error output, is a console. */
bool console_shows_output(void);
bool console_shows_reports(void);

/* How much of `text` does not end inside a character: all, or up to three bytes less. A
 * console is given whole characters only. */
size_t console_whole_characters(const char *text, size_t size);

#endif
