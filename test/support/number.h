/* SPDX-License-Identifier: MIT */
/* Numbers on the command line of a test program. */
#ifndef TEST_NUMBER_H
#define TEST_NUMBER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Decimal digits and nothing else. */
static inline bool number_read(const char *text, uint64_t *number)
{
    char *end = NULL;

    if (text == NULL || *text < '0' || *text > '9') return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

#endif
