/* SPDX-License-Identifier: MIT */
/*
 * IP addresses as text. Two grammars; a colon decides which.
 *
 * IPv4, as inet_aton has it: one to four parts between dots, each decimal, 0x-hexadecimal
 * or 0-octal; the last one fills the bytes that are left.
 *
 * IPv6, in RFC 4291's forms, with what .NET allows around them:
 *  1. Brackets, and behind them a port, which is checked and dropped: whoever reads an
 *     address only is not told its port.
 *  2. A numeric scope. Names of interfaces would have to be looked up, and mean something
 *     else on the next machine.
 *  3. A dotted quad at the end is decimal only: leading zeros are no octal there.
 *
 * Written in RFC 5952's form. Which addresses end in a dotted quad is .NET's and Windows'
 * rule, where other systems have theirs; see ends_dotted.
 */
#include "ip_text.h"

#include <string.h>

#include "text.h"

enum { V4_SIZE = 4, V6_SIZE = 16, GROUPS = 8, QUAD_GROUP = 6, NO_GAP = V6_SIZE + 1 };

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct reader {
    const char *at, *end;
} reader;

static bool is_next(const reader *from, char wanted)
{
    return from->at != from->end && *from->at == wanted;
}

static bool skip(reader *from, char wanted)
{
    if (!is_next(from, wanted)) return false;
    from->at++;
    return true;
}

static bool skip_two(reader *from, char first, char second)
{
    if (from->end - from->at < 2 || from->at[0] != first || from->at[1] != second) return false;
    from->at += 2;
    return true;
}

/* 16 for what is no digit in any base. */
static uint32_t digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') return (uint32_t)(digit - '0');
    if (digit >= 'a' && digit <= 'f') return (uint32_t)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F') return (uint32_t)(digit - 'A') + 10;
    return 16;
}

/* Reads the digits up to the first that is none in this base. Returns how many; 0 also when
 * the number is above `limit`. */
static size_t read_number(reader *from, uint32_t base, uint32_t limit, uint32_t *number)
{
    const char *start = from->at;
    uint32_t value = 0;

    while (from->at != from->end) {
        uint32_t digit = digit_value(*from->at);

        if (digit >= base) break;
        if (digit > limit || value > (limit - digit) / base) return 0;
        value = value * base + digit;
        from->at++;
    }
    *number = value;
    return (size_t)(from->at - start);
}

bool apmi_decimal_parse(const char *text, size_t length, uint32_t limit, uint32_t *number)
{
    reader from = {text, text + length};
    uint32_t value = 0;

    if (read_number(&from, 10, limit, &value) == 0 || from.at != from.end) return false;
    *number = value;
    return true;
}

static bool skip_hexadecimal_mark(reader *from)
{
    return skip_two(from, '0', 'x') || skip_two(from, '0', 'X');
}

static bool parse_v4(reader from, unsigned char *bytes)
{
    uint32_t address = 0, part;
    unsigned parts;

    for (parts = 0; parts < V4_SIZE; parts++) {
        uint32_t base = skip_hexadecimal_mark(&from) ? 16 : is_next(&from, '0') ? 8 : 10;

        if (read_number(&from, base, UINT32_MAX >> (8 * parts), &part) == 0) return false;
        if (from.at == from.end) {
            address |= part;
            bytes[0] = (unsigned char)(address >> 24);
            bytes[1] = (unsigned char)(address >> 16 & 0xFF);
            bytes[2] = (unsigned char)(address >> 8 & 0xFF);
            bytes[3] = (unsigned char)(address & 0xFF);
            return true;
        }
        if (part > 0xFF || !skip(&from, '.')) return false;
        address |= part << (24 - 8 * parts);
    }
    return false; /* a fifth part */
}

/* Up to three digits each: what is longer is not meant as a byte. */
static bool read_quad(reader *from, unsigned char *bytes)
{
    uint32_t part;
    unsigned i;

    for (i = 0; i < V4_SIZE; i++) {
        size_t digits;

        if (i != 0 && !skip(from, '.')) return false;
        digits = read_number(from, 10, 0xFF, &part);
        if (digits == 0 || digits > 3) return false;
        bytes[i] = (unsigned char)part;
    }
    return true;
}

static bool at_end_of_v6(const reader *from)
{
    return from->at == from->end || *from->at == '%';
}

/* One group, or the dotted quad that ends the address. */
static bool read_group(reader *from, unsigned char *bytes, size_t *filled)
{
    reader start = *from;
    uint32_t group;
    size_t digits = read_number(from, 16, 0xFFFF, &group);

    if (digits == 0 || digits > 4) return false;
    if (is_next(from, '.')) {
        *from = start;
        if (*filled > V6_SIZE - V4_SIZE || !read_quad(from, bytes + *filled) || !at_end_of_v6(from))
            return false;
        *filled += V4_SIZE;
        return true;
    }
    if (*filled == V6_SIZE) return false;
    bytes[*filled] = (unsigned char)(group >> 8);
    bytes[*filled + 1] = (unsigned char)(group & 0xFF);
    *filled += 2;
    return true;
}

/* Reads the groups; what follows "::" is moved to the end. */
static bool read_groups(reader *from, unsigned char *bytes)
{
    size_t filled = 0, gap = NO_GAP, tail;

    for (;;) {
        if (skip_two(from, ':', ':')) {
            if (gap != NO_GAP) return false;
            gap = filled;
            if (at_end_of_v6(from)) break;
        } else if (filled != 0) {
            if (at_end_of_v6(from)) break;
            if (!skip(from, ':')) return false;
        }
        if (!read_group(from, bytes, &filled)) return false;
    }
    if (gap == NO_GAP) return filled == V6_SIZE;
    if (filled == V6_SIZE) return false; /* "::" stands for one group at least */
    tail = filled - gap;
    memmove(bytes + V6_SIZE - tail, bytes + gap, tail);
    memset(bytes + gap, 0, V6_SIZE - filled);
    return true;
}

static bool parse_v6(reader from, apmi_ip *ip)
{
    apmi_ip read = {.is_v6 = true};

    if (!read_groups(&from, read.bytes)) return false;
    if (skip(&from, '%') && read_number(&from, 10, UINT32_MAX, &read.scope) == 0) return false;
    if (from.at != from.end) return false;
    *ip = read;
    return true;
}

/* Nothing, or a colon and a port. */
static bool is_port_or_nothing(reader from)
{
    uint32_t port;

    if (from.at == from.end) return true;
    if (!skip(&from, ':')) return false;
    return read_number(&from, skip_hexadecimal_mark(&from) ? 16 : 10, 0xFFFF, &port) != 0 &&
           from.at == from.end;
}

bool apmi_ip_parse(const char *text, size_t length, apmi_ip *ip)
{
    reader from = {text, text + length};
    apmi_ip read = {.is_v6 = false};

    if (is_next(&from, '[')) {
        const char *close = memchr(text, ']', length);

        if (close == NULL || !is_port_or_nothing((reader){close + 1, from.end})) return false;
        return parse_v6((reader){text + 1, close}, ip);
    }
    if (memchr(text, ':', length) != NULL) return parse_v6(from, ip);
    if (!parse_v4(from, read.bytes)) return false;
    *ip = read;
    return true;
}

/* ---- writing ------------------------------------------------------------------------------- */

static size_t format_v4(const unsigned char *bytes, char *text)
{
    size_t length = 0;
    unsigned i;

    for (i = 0; i < V4_SIZE; i++) {
        if (i != 0) text[length++] = '.';
        length += apmi_text_decimal(bytes[i], text + length);
    }
    return length;
}

static size_t format_group(uint32_t group, char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    unsigned shift = 12;

    while (shift != 0 && group >> shift == 0) shift -= 4;
    for (;; shift -= 4) {
        text[length++] = digits[group >> shift & 0xF];
        if (shift == 0) return length;
    }
}

static bool ends_dotted(const uint32_t *groups)
{
    bool prefixed = (groups[0] | groups[1] | groups[2] | groups[3]) == 0;

    /* ISATAP (RFC 5214): it is the interface's half that tells. */
    if (groups[4] == 0 && groups[5] == 0x5EFE) return true;
    /* 0.0.x.x is no address of a host: "::1" is the loopback, and no 0.0.0.1. */
    if (!prefixed || groups[6] == 0) return false;
    /* Compatible and mapped (RFC 4291), translated (RFC 2765). */
    if (groups[4] == 0) return groups[5] == 0 || groups[5] == 0xFFFF;
    return groups[4] == 0xFFFF && groups[5] == 0;
}

/* The longest run of two or more zero groups, the first of several; its length, or 0. */
static size_t find_gap(const uint32_t *groups, size_t count, size_t *gap)
{
    size_t best = 1, run = 0, i;

    *gap = count;
    for (i = 0; i < count; i++) {
        run = groups[i] == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *gap = i + 1 - run;
        }
    }
    return best > 1 ? best : 0;
}

static size_t format_v6(const apmi_ip *ip, char *text)
{
    uint32_t groups[GROUPS];
    size_t count = GROUPS, length = 0, gap, run, i;
    bool parted = true; /* no colon is due */

    for (i = 0; i < GROUPS; i++) groups[i] = (uint32_t)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
    if (ends_dotted(groups)) count = QUAD_GROUP;
    run = find_gap(groups, count, &gap);
    for (i = 0; i < count;) {
        if (i == gap) {
            text[length++] = ':';
            text[length++] = ':';
            i += run;
            parted = true;
            continue;
        }
        if (!parted) text[length++] = ':';
        length += format_group(groups[i++], text + length);
        parted = false;
    }
    if (count == QUAD_GROUP) {
        if (!parted) text[length++] = ':';
        length += format_v4(ip->bytes + V6_SIZE - V4_SIZE, text + length);
    }
    if (ip->scope != 0) {
        text[length++] = '%';
        length += apmi_text_decimal(ip->scope, text + length);
    }
    return length;
}

size_t apmi_ip_format(const apmi_ip *ip, char *text)
{
    return ip->is_v6 ? format_v6(ip, text) : format_v4(ip->bytes, text);
}
