/* SPDX-License-Identifier: MIT */
/*
 * The reader and writer of addresses against the C library's: inet_aton, inet_pton and
 * inet_ntop, on many generated texts and addresses. Where .NET differs from them it is said
 * here, and only there may they disagree. Not for Windows, whose inet_aton is another.
 */
#define _DEFAULT_SOURCE /* inet_aton */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "../support/fixture.h"
#include "address_texts.h"

enum { TEXTS = 400000, ADDRESSES = 300000, TEXT_ROOM = 160 };

static void complain(const char *text, int line)
{
    (void)CU_assertImplementation(CU_FALSE, (unsigned)line, text, __FILE__, "", CU_FALSE);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Decimal parts may begin with zeros at the end of .NET's IPv6 address, and not of inet_pton's. */
static bool has_part_with_leading_zero(const char *text)
{
    const char *at = strrchr(text, ':');

    for (at = at != NULL ? at + 1 : text; at != NULL;
         at = strchr(at, '.') != NULL ? strchr(at, '.') + 1 : NULL)
        if (at[0] == '0' && at[1] >= '0' && at[1] <= '9') return true;
    return false;
}

typedef struct tally {
    uint32_t read, refused;
} tally;

static void compare_reading(const char *text, tally *count)
{
    unsigned char theirs[16], ours[28];
    apm_endpoint endpoint;
    bool is_v6 = strchr(text, ':') != NULL, they, we;

    /* Brackets and scopes are .NET's; inet_aton does not mind what follows a space. */
    if (strpbrk(text, "[]% \t\n") != NULL) return;
    they = is_v6 ? inet_pton(AF_INET6, text, theirs) == 1
                 : inet_aton(text, (struct in_addr *)(void *)theirs) != 0;
    we = apm_endpoint_from_ip(text, 0, &endpoint) == APM_ERROR_SUCCESS;
    if (they != we) {
        if (!(we && is_v6 && has_part_with_leading_zero(text))) complain(text, __LINE__);
        return;
    }
    if (we) {
        memcpy(ours, endpoint.address, sizeof ours);
        if (endpoint.length != (is_v6 ? 28 : 16) ||
            memcmp(ours + (is_v6 ? 8 : 4), theirs, is_v6 ? 16 : 4) != 0)
            complain(text, __LINE__);
        count->read++;
    } else {
        count->refused++;
    }
}

/* A text of the tables with up to three bytes replaced, left out or put in. */
static void mutate_text(uint64_t *seed, char *text)
{
    static const char alphabet[] = "0123456789abcdefABCDEFgxX:.%/-+";
    const uint32_t good = sizeof good_addresses / sizeof *good_addresses;
    const uint32_t bad = sizeof bad_addresses / sizeof *bad_addresses;
    uint32_t changes = draw(seed, 4), which = draw(seed, good + bad);
    const char *from = which < good ? good_addresses[which].text : bad_addresses[which - good];
    size_t length = strlen(from);

    memcpy(text, from, length + 1);
    for (; changes != 0; changes--) {
        size_t at = draw(seed, (uint32_t)length + 1);
        char byte = alphabet[draw(seed, sizeof alphabet - 1)];
        uint32_t kind = draw(seed, 3);

        if (kind == 0) {
            memmove(text + at + 1, text + at, length + 1 - at);
            text[at] = byte;
            length++;
        } else if (at != length && kind == 1) {
            memmove(text + at, text + at + 1, length - at);
            length--;
        } else if (at != length) {
            text[at] = byte;
        }
    }
}

static uint32_t draw_word(uint64_t *seed)
{
    return draw(seed, 65536) << 16 | draw(seed, 65536);
}

/* A number in one of the three bases, near a limit more often than not. */
static size_t write_number(uint64_t *seed, char *text)
{
    static const uint32_t limits[] = {0,   1,     7,     8,        9,        10, 255,
                                      256, 65535, 65536, 16777215, 16777216, 63, UINT32_MAX};
    uint64_t number =
        draw(seed, 3) != 0 ? limits[draw(seed, sizeof limits / sizeof *limits)] : draw_word(seed);
    uint32_t form = draw(seed, 8);
    int length;

    if (draw(seed, 50) == 0) number += UINT64_C(1) << 32;
    if (form == 0)
        length = sprintf(text, "0%llo", (unsigned long long)number);
    else if (form == 1)
        length = sprintf(text, "0x%llx", (unsigned long long)number);
    else if (form == 2)
        length = sprintf(text, "0X00%llX", (unsigned long long)number);
    else
        length = sprintf(text, "%llu", (unsigned long long)number);
    return (size_t)length;
}

static void write_v4(uint64_t *seed, char *text)
{
    uint32_t parts = 1 + draw(seed, 5), i;
    size_t length = 0;

    for (i = 0; i < parts; i++) {
        if (i != 0) text[length++] = '.';
        /* Mostly small where only small ones are good. */
        if (i + 1 < parts && draw(seed, 8) != 0)
            length += (size_t)sprintf(text + length, "%u", (unsigned)draw(seed, 256));
        else
            length += write_number(seed, text + length);
    }
    text[length] = '\0';
}

static void write_v6(uint64_t *seed, char *text)
{
    uint32_t groups = 1 + draw(seed, 9), gap = draw(seed, 12), i;
    bool dotted = draw(seed, 4) == 0;
    size_t length = 0;

    for (i = 0; i < groups; i++) {
        if (i == gap)
            length += (size_t)sprintf(text + length, "::");
        else if (i != 0)
            text[length++] = ':';
        length +=
            (size_t)sprintf(text + length, draw(seed, 2) != 0 ? "%x" : "%04X", (unsigned)draw(seed, 65536));
    }
    if (gap == groups || draw(seed, 40) == 0) length += (size_t)sprintf(text + length, "::");
    if (dotted) {
        if (gap != groups) text[length++] = ':';
        for (i = 0; i < 4; i++)
            length += (size_t)sprintf(text + length, i != 0 ? ".%u" : "%u", (unsigned)draw(seed, 260));
    }
    text[length] = '\0';
}

static void texts_are_read_as_the_c_library_reads_them(void)
{
    uint64_t seed = 20;
    tally all = {0};
    char text[TEXT_ROOM];
    uint32_t i;

    for (i = 0; i < TEXTS; i++) {
        uint32_t kind = draw(&seed, 3);

        if (kind == 0)
            mutate_text(&seed, text);
        else if (kind == 1)
            write_v4(&seed, text);
        else
            write_v6(&seed, text);
        compare_reading(text, &all);
    }
    CHECK(all.read > TEXTS / 5); /* or it would compare refusals only */
    CHECK(all.refused > TEXTS / 5);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* .NET and Windows write translated (::ffff:0:a.b.c.d) and ISATAP addresses with a dotted quad,
 * and mapped ones without where the quad begins with 0.0. */
static bool is_written_otherwise(const uint32_t *groups)
{
    bool prefixed = (groups[0] | groups[1] | groups[2] | groups[3]) == 0;

    if (groups[4] == 0 && groups[5] == 0x5EFE) return true;
    if (prefixed && groups[4] == 0xFFFF && groups[5] == 0) return true;
    return prefixed && groups[4] == 0 && groups[5] == 0xFFFF && groups[6] == 0;
}

static void draw_groups(uint64_t *seed, uint32_t *groups)
{
    static const uint32_t usual[] = {0xFFFF, 0x5EFE, 1, 0x10, 0x100, 0x1000, 0xFE80};
    uint32_t zeros = 1 + draw(seed, 8), i;

    for (i = 0; i < 8; i++) {
        if (draw(seed, 8) < zeros)
            groups[i] = 0;
        else if (draw(seed, 2) != 0)
            groups[i] = usual[draw(seed, sizeof usual / sizeof *usual)];
        else
            groups[i] = draw(seed, 65536);
    }
}

static void addresses_are_written_as_the_c_library_writes_them(void)
{
    uint64_t seed = 4;
    uint32_t compared = 0, i, k;

    for (i = 0; i < ADDRESSES; i++) {
        unsigned char bytes[28] = {23, 0, 0, 80};
        char ours[APM_ENDPOINT_TEXT_SIZE], theirs[INET6_ADDRSTRLEN], expected[APM_ENDPOINT_TEXT_SIZE];
        apm_endpoint endpoint = {.length = 28}, again;
        uint32_t groups[8];

        draw_groups(&seed, groups);
        for (k = 0; k < 8; k++) {
            bytes[8 + 2 * k] = (unsigned char)(groups[k] >> 8);
            bytes[9 + 2 * k] = (unsigned char)(groups[k] & 0xFF);
        }
        memcpy(endpoint.address, bytes, sizeof bytes);
        (void)apm_endpoint_format(&endpoint, ours, sizeof ours);
        if (apm_endpoint_parse(ours, &again) != APM_ERROR_SUCCESS || !apm_endpoint_equal(&endpoint, &again))
            complain(ours, __LINE__);
        if (is_written_otherwise(groups)) continue;
        compared++;
        (void)snprintf(expected, sizeof expected, "[%s]:80",
                       inet_ntop(AF_INET6, bytes + 8, theirs, sizeof theirs));
        if (strcmp(ours, expected) != 0) complain(ours, __LINE__);
    }
    CHECK(compared > ADDRESSES / 2);
}

static void v4_addresses_are_written_as_the_c_library_writes_them(void)
{
    uint64_t seed = 5;
    uint32_t i;

    for (i = 0; i < ADDRESSES; i++) {
        unsigned char bytes[28] = {2, 0, 0, 0};
        char ours[APM_ENDPOINT_TEXT_SIZE], theirs[INET_ADDRSTRLEN], expected[APM_ENDPOINT_TEXT_SIZE];
        apm_endpoint endpoint = {.length = 16};
        uint32_t address = draw_word(&seed), port = draw(&seed, 65536);

        bytes[2] = (unsigned char)(port >> 8);
        bytes[3] = (unsigned char)(port & 0xFF);
        bytes[4] = (unsigned char)(address >> 24);
        bytes[5] = (unsigned char)(address >> 16 & 0xFF);
        bytes[6] = (unsigned char)(address >> 8 & 0xFF);
        bytes[7] = (unsigned char)(address & 0xFF);
        memcpy(endpoint.address, bytes, sizeof bytes);
        (void)apm_endpoint_format(&endpoint, ours, sizeof ours);
        (void)snprintf(expected, sizeof expected, "%s:%u",
                       inet_ntop(AF_INET, bytes + 4, theirs, sizeof theirs), (unsigned)port);
        if (strcmp(ours, expected) != 0) complain(ours, __LINE__);
    }
    CHECK(i == ADDRESSES);
}

static const test_case differential[] = {
    {"texts_are_read_as_the_c_library_reads_them", texts_are_read_as_the_c_library_reads_them, true},
    {"addresses_are_written_as_the_c_library_writes_them", addresses_are_written_as_the_c_library_writes_them,
     true},
    {"v4_addresses_are_written_as_the_c_library_writes_them",
     v4_addresses_are_written_as_the_c_library_writes_them, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"differential", differential}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
