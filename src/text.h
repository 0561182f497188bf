/* SPDX-License-Identifier: MIT */
/*
 * Small pieces of ASCII text. By hand: the C library's way depends on the locale, and knows
 * no way to ask for a text's length that every compiler agrees on.
 */
#ifndef APMI_TEXT_H
#define APMI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define APMI_DECIMAL_SIZE 10 /* digits of UINT32_MAX */

/* Writes the number's digits, without a NUL; returns how many. */
static inline size_t apmi_text_decimal(uint32_t number, char *text)
{
    char digits[APMI_DECIMAL_SIZE];
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    memcpy(text, digits + first, sizeof digits - first);
    return sizeof digits - first;
}

/* Writes what fits of the `length` bytes at `whole`, and always a NUL if there is room for one.
 * Returns `length`. `text` may be NULL. */
static inline size_t apmi_text_fit(const char *whole, size_t length, char *text, size_t size)
{
    if (text != NULL && size != 0) {
        size_t fitting = length < size ? length : size - 1;

        memcpy(text, whole, fitting);
        text[fitting] = '\0';
    }
    return length;
}

#endif
