/* SPDX-License-Identifier: MIT */
/*
 * The reader and the writer of endpoints. What is read can be written and read again; a text that
 * both know is read as inet_pton and inet_aton do, and written as inet_ntop does; an address and a
 * port are the endpoint of both; what is refused changes nothing. The same bytes are also an
 * endpoint as a caller may hand it over, of any length and family.
 */
#define _DEFAULT_SOURCE /* inet_aton */

#include <apmsock/apmsock.h>
#include <arpa/inet.h>
#include <string.h>

#include "endpoint.h"
#include "fuzz.h"

enum { LONGEST = 64 }; /* "[8 groups%scope]:port" is shorter */
enum {
    V4_LENGTH = 16,
    V6_LENGTH = 28,
    V6_SIZE = 16,
    QUAD_AT = 12,
    ROOM = sizeof((apm_endpoint *)0)->address
};

static const apm_endpoint untouched = {.length = 12345};

static bool is_untouched(const apm_endpoint *endpoint)
{
    return memcmp(endpoint, &untouched, sizeof untouched) == 0;
}

/* All of it fits, or as much as there is room for: never more, and always with its end. */
static void check_room(const apm_endpoint *endpoint, const char *whole, size_t length)
{
    char room[LONGEST + 1];
    size_t size;

    for (size = 0; size <= LONGEST; size++) {
        memset(room, '~', sizeof room);
        require(apm_endpoint_format(endpoint, room, size) == length,
                "the length does not depend on the room");
        require(room[size] == '~', "nothing is written behind the room");
        if (size == 0) continue;
        require(memchr(room, '\0', size) != NULL, "what is written has an end");
        require(strncmp(room, whole, strlen(room)) == 0, "what is written is the beginning");
        require(strlen(room) == (length < size ? length : size - 1), "as much as fits is written");
    }
}

/* ---- what is written ------------------------------------------------------------------------- */

/* RFC 5214's half of an address; or RFC 4291's and 2765's prefixes, before what is no 0.0.x.x. */
static bool ends_in_quad(const unsigned char *v6)
{
    static const unsigned char isatap[4] = {0, 0, 0x5E, 0xFE}, none[8] = {0},
                               prefixes[3][4] = {{0, 0, 0, 0}, {0, 0, 0xFF, 0xFF}, {0xFF, 0xFF, 0, 0}};
    size_t i;

    if (memcmp(v6 + 8, isatap, sizeof isatap) == 0) return true;
    if (memcmp(v6, none, sizeof none) != 0 || (v6[12] | v6[13]) == 0) return false;
    for (i = 0; i < 3; i++)
        if (memcmp(v6 + 8, prefixes[i], sizeof prefixes[i]) == 0) return true;
    return false;
}

/* As inet_ntop, but for the addresses that end in a dotted quad: which those are is .NET's rule. */
static void write_v6(const unsigned char *v6, char *text, size_t size)
{
    unsigned char changed[V6_SIZE];
    char *tail;

    memcpy(changed, v6, sizeof changed);
    /* With a tail of ones no run of zeros reaches into it, and one without a quad has two groups. */
    if (ends_in_quad(v6)) memset(changed + QUAD_AT, 0xFF, V6_SIZE - QUAD_AT);
    require(inet_ntop(AF_INET6, changed, text, (socklen_t)size) != NULL, "it has a text");
    tail = strrchr(text, ':');
    if (ends_in_quad(v6)) {
        if (strchr(text, '.') == NULL)
            while (tail[-1] != ':') tail--;
        else
            tail++;
        require(inet_ntop(AF_INET, v6 + QUAD_AT, tail, (socklen_t)(size - (size_t)(tail - text))) != NULL,
                "so has its quad");
    } else if (strchr(text, '.') != NULL) {
        (void)snprintf(tail + 1, size - (size_t)(tail + 1 - text), "%x:%x", v6[12] << 8 | v6[13],
                       v6[14] << 8 | v6[15]);
        /* Zeros before it may be of a longer run then. */
        if ((v6[12] | v6[13]) == 0) *text = '\0';
    }
}

static void check_text(const apm_endpoint *endpoint, const char *text)
{
    unsigned char bytes[V6_LENGTH];
    char address[LONGEST] = "", expected[2 * LONGEST], scope[16] = "";
    bool is_v6 = endpoint->length == V6_LENGTH;
    unsigned port;

    memcpy(bytes, endpoint->address, sizeof bytes);
    port = (unsigned)(bytes[2] << 8 | bytes[3]);
    if (is_v6) {
        uint32_t number =
            bytes[24] | (uint32_t)bytes[25] << 8 | (uint32_t)bytes[26] << 16 | (uint32_t)bytes[27] << 24;

        write_v6(bytes + 8, address, sizeof address);
        if (number != 0) (void)snprintf(scope, sizeof scope, "%%%lu", (unsigned long)number);
    } else {
        require(inet_ntop(AF_INET, bytes + 4, address, sizeof address) != NULL, "it has a text");
    }
    (void)snprintf(expected, sizeof expected, is_v6 ? "[%s%s]:%u" : "%s%s:%u", address, scope, port);
    require(*address == '\0' || strcmp(text, expected) == 0, "it is written as inet_ntop does");
}

static void check_endpoint(const apm_endpoint *endpoint)
{
    char text[LONGEST + 1];
    apm_endpoint again = untouched;
    size_t length = apm_endpoint_format(endpoint, text, sizeof text);

    require(length != 0 && length <= LONGEST && length == strlen(text), "no endpoint is longer");
    check_text(endpoint, text);
    require(apm_endpoint_parse(text, &again) == APM_ERROR_SUCCESS, "what was written can be read");
    require(apm_endpoint_equal(endpoint, &again), "and is the same");
    check_room(endpoint, text, length);
}

/* ---- what is read ------------------------------------------------------------------------------ */

/* Brackets, scopes and decimal parts with zeros before them are .NET's only. */
static bool is_of_both(const char *text)
{
    const char *last = strrchr(text, ':'), *at;

    if (last == NULL || strpbrk(text, "[]%") != NULL) return false;
    for (at = last; at != NULL; at = strchr(at + 1, '.'))
        if (at[1] == '0' && at[2] >= '0' && at[2] <= '9') return false;
    return true;
}

static void compare_ipv6(const char *text, const apm_endpoint *ours, bool we)
{
    unsigned char theirs[16];
    bool they = inet_pton(AF_INET6, text, theirs) == 1;

    require(they == we, "an IPv6 address is one here and there");
    if (we)
        require(memcmp((const unsigned char *)ours->address + 8, theirs, sizeof theirs) == 0,
                "and is the same address");
}

/* inet_aton does not mind what follows a space. */
static void compare_ipv4(const char *text, const apm_endpoint *ours, bool we)
{
    struct in_addr theirs;
    bool they = inet_aton(text, &theirs) != 0;

    require(they == we, "an IPv4 address is one here and there");
    if (we)
        require(memcmp((const unsigned char *)ours->address + 4, &theirs, sizeof theirs) == 0,
                "and is the same address");
}

/* ADDRESS%SCOPE is the address with that scope, if both can be. */
static void compare_scope(const char *text, const apm_endpoint *ours, bool we)
{
    const char *mark = strchr(text, '%');
    size_t digits = strspn(mark + 1, "0123456789"), length = (size_t)(mark - text);
    apm_endpoint plain;
    char *address;
    uint64_t scope;
    uint32_t found;

    if (digits == 0 || mark[1 + digits] != '\0' || digits > 12 || strchr(text, '[') != NULL) return;
    address = (char *)malloc(length + 1);
    require(address != NULL, "there is memory");
    memcpy(address, text, length);
    address[length] = '\0';
    scope = strtoull(mark + 1, NULL, 10);
    require(we == (strchr(address, ':') != NULL && scope <= UINT32_MAX &&
                   apm_endpoint_from_ip(address, 0, &plain) == APM_ERROR_SUCCESS),
            "an address with a scope is an IPv6 address and a number");
    if (we) {
        memcpy(&found, (const unsigned char *)ours->address + 24, sizeof found);
        require(found == scope, "which is its scope");
    }
    free(address);
}

static void compare(const char *text, const apm_endpoint *ours, bool we)
{
    if (strchr(text, '%') != NULL)
        compare_scope(text, ours, we);
    else if (strchr(text, ':') != NULL && is_of_both(text))
        compare_ipv6(text, ours, we);
    else if (strpbrk(text, ":[] \t\n\v\f\r") == NULL)
        compare_ipv4(text, ours, we);
}

/* ADDRESS:PORT or [ADDRESS]:PORT is the endpoint of both, if the port is one. */
static void check_port(const char *address, uint32_t port, const apm_endpoint *expected)
{
    size_t size = strlen(address) + 16;
    char *text = (char *)malloc(size);
    apm_endpoint endpoint = untouched;
    bool good;

    require(text != NULL, "there is memory");
    (void)snprintf(text, size, strchr(address, ':') != NULL ? "[%s]:%lu" : "%s:%lu", address,
                   (unsigned long)port);
    good = apm_endpoint_parse(text, &endpoint) == APM_ERROR_SUCCESS;
    require(good == (port <= UINT16_MAX), "a port has 16 bits");
    require(good ? apm_endpoint_equal(&endpoint, expected) && apm_endpoint_port(&endpoint) == port
                 : is_untouched(&endpoint),
            "an address and a port are the endpoint of both");
    free(text);
}

static void check_text_of_bytes(source from)
{
    uint16_t port = (uint16_t)(take_byte(&from) << 8 | take_byte(&from));
    char *text = take_text(&from);
    apm_endpoint endpoint = untouched;
    bool good = apm_endpoint_parse(text, &endpoint) == APM_ERROR_SUCCESS;

    if (good)
        check_endpoint(&endpoint);
    else
        require(is_untouched(&endpoint), "a refused text changes nothing");

    endpoint = untouched;
    good = apm_endpoint_from_ip(text, port, &endpoint) == APM_ERROR_SUCCESS;
    if (good) {
        require(apm_endpoint_port(&endpoint) == port, "the port is the one that was given");
        check_endpoint(&endpoint);
        if (*text != '[') {
            check_port(text, port, &endpoint);
            check_port(text, UINT16_MAX + UINT32_C(1) + port, &endpoint);
        }
    } else {
        require(is_untouched(&endpoint), "a refused address changes nothing");
    }
    compare(text, &endpoint, good);
    free(text);
}

/* ---- as a caller may hand it over ---------------------------------------------------------------- */

static bool is_zero(const unsigned char *bytes, size_t size)
{
    while (size != 0 && bytes[size - 1] == 0) size--;
    return size == 0;
}

static void check_address(const apm_endpoint *endpoint, const unsigned char *bytes, bool is_v6)
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    const unsigned char *v4 = bytes + 4;
    bool has_v4 = !is_v6, any, loopback;

    if (is_v6 && memcmp(bytes + 8, mapped, sizeof mapped) == 0) {
        v4 = bytes + 8 + sizeof mapped;
        has_v4 = true;
    }
    any = has_v4 ? is_zero(v4, 4) : is_zero(bytes + 8, V6_SIZE);
    loopback = has_v4 ? v4[0] == 127 : is_zero(bytes + 8, V6_SIZE - 1) && bytes[8 + V6_SIZE - 1] == 1;
    require(apmi_endpoint_is_wildcard(endpoint) == any, "nothing else is the wildcard address");
    require(apmi_endpoint_is_loopback(endpoint) == loopback, "nothing else is a loopback address");
    check_endpoint(endpoint);
}

/* Which byte does not tell two apart: behind the end; .NET has no place for padding and flow. */
static bool counts(const apm_endpoint *endpoint, bool valid, size_t held, size_t at)
{
    if (at >= held) return false;
    if (!valid) return true;
    return endpoint->length == V4_LENGTH ? at < 8 : at < 4 || at >= 8;
}

static void check_given(source from)
{
    unsigned char bytes[ROOM] = {0};
    int32_t length = take_byte(&from), family;
    size_t at = take_byte(&from) % ROOM, held, i;
    unsigned char mask = take_byte(&from);
    apm_endpoint endpoint = {0}, other;
    bool valid;

    if (length == 255) length = (int32_t)take_word(&from);
    for (i = 0; i < ROOM; i++) bytes[i] = take_byte(&from);
    endpoint.length = length;
    memcpy(endpoint.address, bytes, sizeof bytes);
    held = length < 2 || length > ROOM ? 0 : (size_t)length;
    family = held != 0 ? bytes[0] | bytes[1] << 8 : APM_FAMILY_UNSPECIFIED;
    valid = (family == APM_FAMILY_IPV4 && length == V4_LENGTH) ||
            (family == APM_FAMILY_IPV6 && length == V6_LENGTH);

    require(apm_endpoint_family(&endpoint) == family, "its family is the first two bytes");
    require(apmi_endpoint_is_valid(&endpoint) == valid, "an endpoint has its family's length");
    require(apm_endpoint_port(&endpoint) == (valid ? bytes[2] << 8 | bytes[3] : 0), "and a port");
    if (valid) {
        check_address(&endpoint, bytes, family == APM_FAMILY_IPV6);
    } else {
        char text[2] = "~";

        require(apm_endpoint_format(&endpoint, text, sizeof text) == 0 && *text == '\0',
                "what is no endpoint has no text");
        require(!apmi_endpoint_is_wildcard(&endpoint) && !apmi_endpoint_is_loopback(&endpoint),
                "and no address");
    }

    other = endpoint;
    bytes[at] ^= mask;
    memcpy(other.address, bytes, sizeof bytes);
    require(apm_endpoint_equal(&endpoint, &endpoint), "each is equal to itself");
    require(apm_endpoint_equal(&endpoint, &other) == (mask == 0 || !counts(&endpoint, valid, held, at)),
            "each byte that means something counts");
    require(apm_endpoint_equal(&other, &endpoint) == apm_endpoint_equal(&endpoint, &other), "both ways");
}

/* Nothing at all, and the well-known ones of a family. */
static void check_known(source from)
{
    int32_t family = take_byte(&from);
    uint16_t port = (uint16_t)take_word(&from);
    bool known = family == APM_FAMILY_IPV4 || family == APM_FAMILY_IPV6;
    apm_error expected = known ? APM_ERROR_SUCCESS : APM_ERROR_NOT_SUPPORTED;
    apm_endpoint any = untouched, loopback = untouched, wildcard = apmi_endpoint_wildcard(family);

    require(apm_endpoint_any(family, port, &any) == expected, "two families have a wildcard address");
    require(apm_endpoint_loopback(family, port, &loopback) == expected, "and one of loopback");
    if (known) {
        require(apmi_endpoint_is_wildcard(&any) && apmi_endpoint_is_wildcard(&wildcard), "which is that");
        require(apmi_endpoint_is_loopback(&loopback), "and this");
        require(apm_endpoint_family(&any) == family && apm_endpoint_family(&loopback) == family,
                "of the family");
        require(apm_endpoint_port(&any) == port && apm_endpoint_port(&loopback) == port, "with the port");
        require(apm_endpoint_equal(&any, &wildcard) == (port == 0), "or with none");
    } else {
        require(is_untouched(&any) && is_untouched(&loopback), "others change nothing");
        require(apm_endpoint_format(&wildcard, NULL, 0) == 0, "and have none");
    }
    require(apm_endpoint_any(family, port, NULL) == APM_ERROR_ARGUMENT_NULL, "somewhere to write it to");
    require(apm_endpoint_loopback(family, port, NULL) == APM_ERROR_ARGUMENT_NULL, "and it");
    require(apm_endpoint_parse(NULL, &any) == APM_ERROR_ARGUMENT_NULL, "something to read");
    require(apm_endpoint_parse("::1", NULL) == APM_ERROR_ARGUMENT_NULL, "somewhere to write that to");
    require(apm_endpoint_from_ip(NULL, port, &any) == APM_ERROR_ARGUMENT_NULL, "an address to read");
    require(apm_endpoint_from_ip("::1", port, NULL) == APM_ERROR_ARGUMENT_NULL, "and somewhere for it");
    require(apm_endpoint_equal(NULL, NULL) && !apm_endpoint_equal(&any, NULL) &&
                !apm_endpoint_equal(NULL, &any),
            "nothing is equal to nothing only");
    require(apm_endpoint_family(NULL) == 0 && apm_endpoint_port(NULL) == 0 &&
                apm_endpoint_format(NULL, NULL, 0) == 0,
            "and has neither family nor port nor text");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};

    check_text_of_bytes(from);
    check_given(from);
    check_known(from);
    return 0;
}
