/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. Each is a function of any bytes, and checks properties: not
 * only that nothing crashes.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's, which declares it nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* libFuzzer keeps the bytes. */
static inline _Noreturn void end_process(const char *what)
{
    (void)fprintf(stderr, "fuzz: not so: %s\n", what);
    abort();
}

/* Ends the process when `good` is false. */
static inline void require(bool good, const char *what)
{
    if (!good) end_process(what);
}

/* Bytes that are taken one after the other; zeros when there are no more. */
typedef struct source {
    const uint8_t *bytes;
    size_t size;
} source;

static inline uint8_t take_byte(source *from)
{
    if (from->size == 0) return 0;
    from->size--;
    return *from->bytes++;
}

static inline uint32_t take_word(source *from)
{
    uint32_t word = take_byte(from);

    word |= (uint32_t)take_byte(from) << 8;
    word |= (uint32_t)take_byte(from) << 16;
    return word | (uint32_t)take_byte(from) << 24;
}

/* The rest as a text, to be freed. */
static inline char *take_text(source *from)
{
    char *text = (char *)malloc(from->size + 1);
    size_t i;

    require(text != NULL, "there is memory");
    for (i = 0; i < from->size; i++) text[i] = (char)from->bytes[i];
    text[from->size] = '\0';
    from->size = 0;
    return text;
}

#endif
