/* SPDX-License-Identifier: MIT */
#include "report.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTEGER = 0, FLOATING = 1, POINTER_BITS = sizeof(source_value) * 8 };

_Noreturn void report(const source_place *where, const char *format, ...)
{
    const char *file = where->file != NULL ? where->file : "<unknown>";
    char what[400], text[660];
    va_list arguments;
    DWORD written;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)snprintf(text, sizeof text, "%.200s:%" PRIu32 ":%" PRIu32 ": runtime error: %s\n", file,
                   where->line, where->column, what);
    /* Neither the C library's streams nor what runs at its exit: whoever got here may hold their locks. */
    (void)WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written, NULL);
    (void)TerminateProcess(GetCurrentProcess(), UBSAN_EXIT_CODE);
    abort();
}

unsigned type_bits(const source_type *type)
{
    return type->kind == INTEGER ? 1u << (type->info >> 1) : type->info;
}

uint64_t value_bits(const source_type *type, source_value value)
{
    unsigned bits = type_bits(type);
    uint64_t whole = value;

    if (bits > POINTER_BITS) memcpy(&whole, (const void *)value, sizeof whole);
    return bits >= 64 ? whole : whole & ((UINT64_C(1) << bits) - 1);
}

bool is_negative(const source_type *type, source_value value)
{
    bool has_sign = type->kind == INTEGER && (type->info & 1) != 0;

    return has_sign && type_bits(type) <= 64 && (value_bits(type, value) >> (type_bits(type) - 1)) != 0;
}

static double floating(const source_type *type, source_value value)
{
    uint64_t bits;
    long double longest;
    double number;
    float small;

    if (type_bits(type) > 64) {
        memcpy(&longest, (const void *)value, sizeof longest);
        return (double)longest;
    }
    bits = value_bits(type, value);
    if (type_bits(type) == 64) {
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    memcpy(&small, &bits, sizeof small);
    return (double)small;
}

value_text text_of(const source_type *type, source_value value)
{
    value_text made;
    uint64_t bits;

    if (type->kind == FLOATING && type_bits(type) >= 32)
        (void)snprintf(made.text, sizeof made.text, "%g", floating(type, value));
    else if (type->kind != INTEGER || type_bits(type) > 64)
        (void)snprintf(made.text, sizeof made.text, "<a value>");
    else {
        bits = value_bits(type, value);
        if (is_negative(type, value))
            (void)snprintf(made.text, sizeof made.text, "-%" PRIu64,
                           (type_bits(type) == 64 ? 0 : UINT64_C(1) << type_bits(type)) - bits);
        else
            (void)snprintf(made.text, sizeof made.text, "%" PRIu64, bits);
    }
    return made;
}
