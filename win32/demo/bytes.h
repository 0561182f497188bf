/* SPDX-License-Identifier: MIT */
/*
 * Bytes that arrive in pieces. They are kept as they came, and no piece is looked at on its
 * own: a UTF-8 character that is cut by the end of a receive buffer is whole again here.
 */
#ifndef DEMO_BYTES_H
#define DEMO_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is empty. */
typedef struct bytes {
    char *data;
    size_t size;
    size_t capacity;
} bytes;

/* False when there is no memory; what was there stays. */
bool bytes_append(bytes *all, const void *piece, size_t size);

/* Room for at least `size` more bytes at data + size; NULL when there is no memory. */
char *bytes_reserve(bytes *all, size_t size);

/* Whether `text` occurs at or after `from`. */
bool bytes_contain(const char *data, size_t size, const char *text, size_t from);

void bytes_free(bytes *all);

#endif
