/* SPDX-License-Identifier: MIT */
/* Lists of buffers whose bytes, one after the other, are a stretch of the pattern. */
#ifndef TEST_BUFFER_LISTS_H
#define TEST_BUFFER_LISTS_H

#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define UNTOUCHED 0xEE

typedef struct buffer_list {
    unsigned char *data; /* all of it; the buffers are stretches of it */
    size_t size;
    apm_buffer *buffers;
    size_t count;
} buffer_list;

static inline void *test_memory(size_t size)
{
    void *memory = malloc(size != 0 ? size : 1);

    if (memory == NULL) abort(); /* no test without it */
    return memory;
}

/* `count` buffers of `least` to `most` bytes, drawn from `seed`; one in `empty_in` is empty (0:
 * none), and has a place or none. */
static inline void list_make(buffer_list *list, size_t count, uint32_t least, uint32_t most,
                             uint32_t empty_in, uint64_t seed)
{
    size_t i, at = 0;

    list->count = count;
    list->size = 0;
    list->buffers = (apm_buffer *)test_memory(count * sizeof *list->buffers);
    for (i = 0; i < count; i++) {
        bool empty = empty_in != 0 && draw(&seed, empty_in) == 0;
        list->buffers[i].size = empty ? 0 : least + draw(&seed, most - least + 1);
        list->size += list->buffers[i].size;
    }
    list->data = (unsigned char *)test_memory(list->size);
    memset(list->data, UNTOUCHED, list->size);
    for (i = 0; i < count; i++) {
        bool placeless = list->buffers[i].size == 0 && draw(&seed, 2) == 0;
        list->buffers[i].data = placeless ? NULL : list->data + at;
        at += list->buffers[i].size;
    }
}

static inline void list_free(buffer_list *list)
{
    free(list->data);
    free(list->buffers);
}

/* What a caller may do to his list once Begin has returned. */
static inline void list_spoil(buffer_list *list)
{
    memset(list->buffers, 0xFF, list->count * sizeof *list->buffers);
}

/* Whether the first `bytes` are the pattern from `place`, and the rest is as it was made. */
static inline bool list_holds(const buffer_list *list, size_t bytes, uint64_t place)
{
    size_t i;

    if (bytes > list->size || !pattern_holds(list->data, bytes, place)) return false;
    for (i = bytes; i < list->size; i++)
        if (list->data[i] != UNTOUCHED) return false;
    return true;
}

/* From its first byte on that is at `done`: the same buffers, shorter at the front. */
static inline size_t list_rest(const buffer_list *list, size_t done, apm_buffer *rest)
{
    size_t i, count = 0;

    for (i = 0; i < list->count; i++) {
        size_t part = list->buffers[i].size < done ? list->buffers[i].size : done;

        done -= part;
        if (part != 0 && part == list->buffers[i].size) continue;
        rest[count] = list->buffers[i];
        if (part != 0) rest[count].data = (unsigned char *)rest[count].data + part;
        rest[count].size -= part;
        count++;
    }
    return count;
}

#endif
