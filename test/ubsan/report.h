/* SPDX-License-Identifier: MIT */
/*
 * What the compilers hand to the run-time of -fsanitize=undefined, and how it is reported. The
 * layout is that of GCC's and LLVM's own run-times, which mingw-w64 has none of in Debian.
 */
#ifndef TEST_UBSAN_REPORT_H
#define TEST_UBSAN_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { UBSAN_EXIT_CODE = 86 }; /* no test program ends with it by itself */

typedef struct source_place {
    const char *file;
    uint32_t line, column;
} source_place;

typedef struct source_type {
    uint16_t kind; /* 0: an integer, 1: a floating-point number */
    uint16_t info; /* the size; of an integer, whether it has a sign */
    char name[];   /* in quotes */
} source_type;

/* A value, where it fits into a pointer; otherwise the address of one. */
typedef uintptr_t source_value;

/* "FILE:LINE:COLUMN: runtime error: ..." to the standard error, and the end of the process. */
_Noreturn void report(const source_place *where, const char *format, ...)
    __attribute__((format(__MINGW_PRINTF_FORMAT, 2, 3)));

typedef struct value_text {
    char text[48];
} value_text;
value_text text_of(const source_type *type, source_value value);

bool is_negative(const source_type *type, source_value value);
unsigned type_bits(const source_type *type);
/* Without a sign, as it is in memory; of at most 64 bits. */
uint64_t value_bits(const source_type *type, source_value value);

#endif
