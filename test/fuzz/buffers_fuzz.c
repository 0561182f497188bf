/* SPDX-License-Identifier: MIT */
/*
 * Lists of buffers against the plain bytes they stand for: whatever the sizes, the limit of a call
 * and how much each call moves, all bytes come once and in order.
 */
#include "buffers.h"

#include <string.h>

#include "fuzz.h"

enum { MOST_BUFFERS = 200, MOST_BYTES = 4096 };

typedef struct listed {
    apm_buffer list[MOST_BUFFERS];
    unsigned char *parts[MOST_BUFFERS]; /* each of its very size: ASan sees a byte too far */
    size_t count, size;
    unsigned char plain[MOST_BYTES];
} listed;

static void make_list(listed *made, source *from)
{
    size_t i, j;

    made->count = 1 + take_byte(from) % MOST_BUFFERS;
    made->size = 0;
    for (i = 0; i < made->count; i++) {
        size_t size = take_byte(from) % 40;

        if (size > MOST_BYTES - made->size) size = MOST_BYTES - made->size;
        made->parts[i] = (unsigned char *)malloc(size != 0 ? size : 1);
        require(made->parts[i] != NULL, "there is memory");
        for (j = 0; j < size; j++)
            made->parts[i][j] = made->plain[made->size + j] = (unsigned char)(made->size + j);
        made->list[i].data = size != 0 || take_byte(from) % 2 != 0 ? made->parts[i] : NULL;
        made->list[i].size = size;
        made->size += size;
    }
}

static void free_list(listed *made)
{
    while (made->count != 0) free(made->parts[--made->count]);
}

/* What a call was given is what comes next of the plain bytes. */
static void check_stretches(const listed *made, size_t at, const apmk_buffer *next, uint32_t count)
{
    uint32_t i;

    require(count >= 1 && count <= APMK_BUFFERS, "a call takes at least one, and no more than it can");
    for (i = 0; i < count; i++) {
        require(next[i].size != 0 || count == 1, "an empty stretch comes alone");
        require(next[i].size <= made->size - at, "not more than there is");
        if (next[i].size != 0)
            require(memcmp(next[i].data, made->plain + at, next[i].size) == 0, "the next bytes");
        at += next[i].size;
    }
}

/* A call of what is left when all is done, be it of empty buffers: one stretch, of nothing. */
static void check_nothing(const apmi_buffers *left, size_t limit)
{
    apmk_buffer next[APMK_BUFFERS];
    size_t size = 77;

    memset(next, '~', sizeof next);
    require(apmi_buffers_next(left, limit, next, &size) == 1 && next[0].size == 0 && size == 0,
            "nothing is left");
}

/* A transfer of nothing is a call, too. */
static void check_empty(void)
{
    static unsigned char byte;
    apm_buffer list[3] = {{&byte, 0}, {NULL, 0}, {&byte, 0}};
    apmk_buffer next[APMK_BUFFERS];
    apmi_buffers left;
    size_t size = 77;

    apmi_buffers_set_list(&left, list, 3);
    require(apmi_buffers_next(&left, 1, next, &size) == 1 && next[0].data == &byte && size == 0,
            "an empty list is one call of its first buffer");
    apmi_buffers_advance(&left, 0);
    require(left.count == 0, "and done with at once");
    check_nothing(&left, 1);
}

/* A list of one buffer. */
static void check_one(const listed *made, source *from)
{
    size_t at = take_byte(from) % made->count, done = 0;
    apmi_buffers left;

    apmi_buffers_set_list(&left, &made->list[at], 1);
    while (done < made->list[at].size) {
        apmk_buffer next[APMK_BUFFERS];
        size_t size = 0, limit = 1 + take_byte(from);

        require(apmi_buffers_next(&left, limit, next, &size) == 1 && next[0].size == size && size <= limit,
                "in one stretch");
        require(next[0].data == (unsigned char *)made->list[at].data + done, "from where the last one ended");
        require(size == limit || done + size == made->list[at].size, "as long as it can be");
        apmi_buffers_advance(&left, size);
        done += size;
    }
    check_nothing(&left, 1);
}

/* In calls that move some of what they are given, until all is done. */
static void check_calls(const listed *made, source *from)
{
    apmi_buffers left;
    size_t at = 0, calls = 0;

    apmi_buffers_set_list(&left, made->list, made->count);
    while (at < made->size) {
        apmk_buffer next[APMK_BUFFERS];
        size_t limit = 1 + take_byte(from), size = 0, moved, i;
        uint32_t count = apmi_buffers_next(&left, limit, next, &size);
        size_t sum = 0;

        check_stretches(made, at, next, count);
        for (i = 0; i < count; i++) sum += next[i].size;
        require(sum == size && size != 0 && size <= limit, "as many bytes as it says");
        require(size == limit || at + size == made->size || count == APMK_BUFFERS,
                "and as many as the call can take");
        moved = 1 + take_byte(from) % size;
        apmi_buffers_advance(&left, moved);
        at += moved;
        require(++calls <= made->size, "each call moves something");
    }
    check_nothing(&left, take_byte(from));
}

static void check_copies(listed *made, source *from)
{
    unsigned char *whole = (unsigned char *)malloc(made->size + 1);
    size_t part = made->size != 0 ? take_word(from) % (made->size + 1) : 0, i;

    require(whole != NULL, "there is memory");
    apmi_buffers_gather(made->list, made->count, whole);
    require(memcmp(whole, made->plain, made->size) == 0, "gathered, they are the plain bytes");
    for (i = 0; i < part; i++) whole[i] = (unsigned char)~whole[i];
    apmi_buffers_scatter(made->list, made->count, whole, part);
    apmi_buffers_gather(made->list, made->count, whole);
    for (i = 0; i < made->size; i++)
        require(whole[i] == (i < part ? (unsigned char)~made->plain[i] : made->plain[i]),
                "scattered, so many are changed and no others");
    free(whole);
}

/* Lists as callers may make them, with sizes that no memory has. */
static void check_nonsense(source *from)
{
    apm_buffer list[4];
    size_t count = take_byte(from) % 5, size = 77, i, sum = 0;
    bool wrong = false, large = false;
    static char byte;
    apm_error error;

    for (i = 0; i < count; i++) {
        uint32_t word = take_word(from);

        list[i].data = word % 3 == 0 ? NULL : &byte;
        list[i].size = word % 5 == 0 ? 0 : word % 7 == 0 ? SIZE_MAX / 2 - word % 11 : word;
        wrong = wrong || (list[i].data == NULL && list[i].size != 0);
        large = large || list[i].size > SIZE_MAX / 2 - sum;
        if (!large) sum += list[i].size;
    }
    require(apmi_buffers_check(NULL, count, &size) == APM_ERROR_ARGUMENT_NULL, "a list");
    require(apmi_buffers_check(list, SIZE_MAX / 2 / sizeof *list + 1 + count, &size) ==
                APM_ERROR_ARGUMENT_OUT_OF_RANGE,
            "of what memory can hold");
    error = apmi_buffers_check(list, count, &size);
    require(error == (count == 0 ? APM_ERROR_ARGUMENT
                      : wrong    ? APM_ERROR_ARGUMENT_NULL
                      : large    ? APM_ERROR_ARGUMENT_OUT_OF_RANGE
                                 : APM_ERROR_SUCCESS),
            "a list is refused where it has to be");
    require(size == (error == APM_ERROR_SUCCESS ? sum : 77), "and its size is that of its buffers");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};
    static listed made;

    check_empty();
    check_nonsense(&from);
    make_list(&made, &from);
    check_one(&made, &from);
    check_calls(&made, &from);
    check_copies(&made, &from);
    free_list(&made);
    return 0;
}
