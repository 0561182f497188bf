/* SPDX-License-Identifier: MIT */
/*
 * IP addresses as text, as .NET's IPAddress reads and writes them. Pure: no locale, no
 * system, the same answer everywhere.
 */
#ifndef APMI_IP_TEXT_H
#define APMI_IP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct apmi_ip {
    unsigned char bytes[16]; /* in network order; IPv4 has the first four */
    uint32_t scope;          /* 0: none; IPv4 has none */
    bool is_v6;
} apmi_ip;

/* Room for every address: six groups, a dotted quad and a scope. */
#define APMI_IP_TEXT_SIZE 64

/* Reads all of the `length` bytes. *ip is untouched when they are no address. */
bool apmi_ip_parse(const char *text, size_t length, apmi_ip *ip);

/* Writes the address, without a NUL, into APMI_IP_TEXT_SIZE bytes; returns its length. */
size_t apmi_ip_format(const apmi_ip *ip, char *text);

/* Reads decimal digits and nothing else, up to and including `limit`. */
bool apmi_decimal_parse(const char *text, size_t length, uint32_t limit, uint32_t *number);

#endif
