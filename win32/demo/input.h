/* SPDX-License-Identifier: MIT */
/* The standard input: a file, a pipe, or a console, whose text comes as UTF-8. */
#ifndef DEMO_INPUT_H
#define DEMO_INPUT_H

#include <apmsock/apmsock.h>

/* Blocks until there is something, and reads that: up to `size` bytes (at least 8). *got is 0
 * at the end. One thread at a time. */
apm_error input_read(char *buffer, size_t size, size_t *got);

#endif
