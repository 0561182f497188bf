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

#endif
