/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *bytes_reserve(bytes *all, size_t size)
{
    if (size > SIZE_MAX / 2 - all->size) return NULL;
    size_t needed = all->size + size;
    if (all->data == NULL || needed > all->capacity) {
        size_t capacity = all->capacity < 1024 ? 1024 : all->capacity;
        while (capacity < needed) capacity *= 2; /* needed is at most half of what size_t holds */
        char *data = realloc(all->data, capacity);
        if (data == NULL) return NULL;
        all->data = data;
        all->capacity = capacity;
    }
    return all->data + all->size;
}

bool bytes_append(bytes *all, const void *piece, size_t size)
{
    char *end = bytes_reserve(all, size);
    if (end == NULL) return false;
    memcpy(end, piece, size);
    all->size += size;
    return true;
}

bool bytes_contain(const char *data, size_t size, const char *text, size_t from)
{
    size_t length = strlen(text);
    while (from < size && size - from >= length) {
        const char *found = memchr(data + from, text[0], size - from - length + 1);
        if (found == NULL) return false;
        if (memcmp(found, text, length) == 0) return true;
        from = (size_t)(found - data) + 1;
    }
    return false;
}

void bytes_free(bytes *all)
{
    free(all->data);
    *all = (bytes){0};
}
