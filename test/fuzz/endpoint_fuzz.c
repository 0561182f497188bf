/* SPDX-License-Identifier: MIT */
/*
 * The reader and the writer of endpoints. What is read can be written and read again; a text that
 * both know is read as inet_pton and inet_aton do; what is refused changes nothing.
 */
#define _DEFAULT_SOURCE /* inet_aton */

#include <apmsock/apmsock.h>
#include <arpa/inet.h>
#include <string.h>

#include "fuzz.h"

enum { LONGEST = 64 }; /* "[8 groups%scope]:port" is shorter */

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

static void check_endpoint(const apm_endpoint *endpoint)
{
    char text[LONGEST + 1];
    apm_endpoint again = untouched;
    size_t length = apm_endpoint_format(endpoint, text, sizeof text);

    require(length <= LONGEST && length == strlen(text), "no endpoint is longer");
    require(apm_endpoint_parse(text, &again) == APM_ERROR_SUCCESS, "what was written can be read");
    require(apm_endpoint_equal(endpoint, &again), "and is the same");
    check_room(endpoint, text, length);
}

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};
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
    } else {
        require(is_untouched(&endpoint), "a refused address changes nothing");
    }
    compare(text, &endpoint, good);
    free(text);
    return 0;
}
