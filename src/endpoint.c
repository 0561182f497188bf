/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: Windows' sockaddr_in and sockaddr_in6, put together byte by byte, so that they
 * look the same wherever the model is compiled.
 *
 *     sockaddr_in   (16)  family 0, port 2, address 4, zeros 8
 *     sockaddr_in6  (28)  family 0, port 2, flow 4, address 8, scope 24
 *
 * Family and scope are little-endian, being the host's; port and address are the network's.
 */
#include "endpoint.h"

#include <apmsock/error.h>
#include <string.h>

#include "ip_text.h"
#include "text.h"

enum {
    V4_LENGTH = 16,
    V6_LENGTH = 28,
    PORT_AT = 2,
    V4_ADDRESS_AT = 4,
    V4_ADDRESS_SIZE = 4,
    V6_ADDRESS_AT = 8,
    V6_ADDRESS_SIZE = 16,
    SCOPE_AT = 24
};

_Static_assert(sizeof(apm_endpoint) == 136, "its layout is part of the contract");

/* Bytes of `address` in use; 0 for what is too short for a family or does not fit. */
static size_t held_length(const apm_endpoint *endpoint)
{
    if (endpoint->length < PORT_AT || endpoint->length > (int32_t)sizeof endpoint->address) return 0;
    return (size_t)endpoint->length;
}

static int32_t read_family(const apm_endpoint *endpoint)
{
    unsigned char bytes[PORT_AT];

    if (held_length(endpoint) == 0) return APM_FAMILY_UNSPECIFIED;
    memcpy(bytes, endpoint->address, sizeof bytes);
    return bytes[0] | bytes[1] << 8;
}

bool apmi_endpoint_is_valid(const apm_endpoint *endpoint)
{
    int32_t family = read_family(endpoint);

    return (family == APM_FAMILY_IPV4 && endpoint->length == V4_LENGTH) ||
           (family == APM_FAMILY_IPV6 && endpoint->length == V6_LENGTH);
}

/* False if it holds none. */
static bool read_endpoint(const apm_endpoint *endpoint, apmi_ip *ip, uint16_t *port)
{
    unsigned char bytes[V6_LENGTH];

    if (!apmi_endpoint_is_valid(endpoint)) return false;
    memcpy(bytes, endpoint->address, sizeof bytes);
    memset(ip, 0, sizeof *ip);
    ip->is_v6 = endpoint->length == V6_LENGTH;
    if (ip->is_v6) {
        memcpy(ip->bytes, bytes + V6_ADDRESS_AT, V6_ADDRESS_SIZE);
        ip->scope = bytes[SCOPE_AT] | (uint32_t)bytes[SCOPE_AT + 1] << 8 |
                    (uint32_t)bytes[SCOPE_AT + 2] << 16 | (uint32_t)bytes[SCOPE_AT + 3] << 24;
    } else {
        memcpy(ip->bytes, bytes + V4_ADDRESS_AT, V4_ADDRESS_SIZE);
    }
    *port = (uint16_t)(bytes[PORT_AT] << 8 | bytes[PORT_AT + 1]);
    return true;
}

static apm_endpoint make_endpoint(const apmi_ip *ip, uint16_t port)
{
    unsigned char bytes[V6_LENGTH] = {0};
    apm_endpoint made = {0};

    bytes[0] = ip->is_v6 ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    bytes[PORT_AT] = (unsigned char)(port >> 8);
    bytes[PORT_AT + 1] = (unsigned char)(port & 0xFF);
    if (ip->is_v6) {
        unsigned i;

        memcpy(bytes + V6_ADDRESS_AT, ip->bytes, V6_ADDRESS_SIZE);
        for (i = 0; i < 4; i++) bytes[SCOPE_AT + i] = (unsigned char)(ip->scope >> (8 * i) & 0xFF);
    } else {
        memcpy(bytes + V4_ADDRESS_AT, ip->bytes, V4_ADDRESS_SIZE);
    }
    made.length = ip->is_v6 ? V6_LENGTH : V4_LENGTH;
    memcpy(made.address, bytes, sizeof bytes);
    return made;
}

/* ---- from text ----------------------------------------------------------------------------- */

apm_error APM_CALL apm_endpoint_from_ip(const char *ip, uint16_t port, apm_endpoint *endpoint)
{
    apmi_ip address;

    if (ip == NULL || endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (!apmi_ip_parse(ip, strlen(ip), &address)) return APM_ERROR_FORMAT;
    *endpoint = make_endpoint(&address, port);
    return APM_ERROR_SUCCESS;
}

/* The colon before the port: behind a bracket, or the only one. NULL if there is no port. */
static const char *find_port(const char *text)
{
    const char *last = strrchr(text, ':');

    if (last == NULL || last == text) return NULL;
    return last[-1] == ']' || strchr(text, ':') == last ? last : NULL;
}

apm_error APM_CALL apm_endpoint_parse(const char *text, apm_endpoint *endpoint)
{
    const char *colon;
    size_t length;
    uint32_t port = 0;
    apmi_ip address;

    if (text == NULL || endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;
    colon = find_port(text);
    length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (!apmi_ip_parse(text, length, &address)) return APM_ERROR_FORMAT;
    if (colon != NULL && !apmi_decimal_parse(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
        return APM_ERROR_FORMAT;
    *endpoint = make_endpoint(&address, (uint16_t)port);
    return APM_ERROR_SUCCESS;
}

/* ---- well-known ones ------------------------------------------------------------------------- */

apm_endpoint apmi_endpoint_wildcard(int32_t family)
{
    apmi_ip any = {.is_v6 = family == APM_FAMILY_IPV6};
    apm_endpoint none = {0};

    return family == APM_FAMILY_IPV4 || family == APM_FAMILY_IPV6 ? make_endpoint(&any, 0) : none;
}

apm_error APM_CALL apm_endpoint_any(int32_t family, uint16_t port, apm_endpoint *endpoint)
{
    apmi_ip any = {.is_v6 = family == APM_FAMILY_IPV6};

    if (endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (family != APM_FAMILY_IPV4 && family != APM_FAMILY_IPV6) return APM_ERROR_NOT_SUPPORTED;
    *endpoint = make_endpoint(&any, port);
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_endpoint_loopback(int32_t family, uint16_t port, apm_endpoint *endpoint)
{
    static const apmi_ip v4 = {{127, 0, 0, 1}, 0, false};
    static const apmi_ip v6 = {{[V6_ADDRESS_SIZE - 1] = 1}, 0, true};

    if (endpoint == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (family != APM_FAMILY_IPV4 && family != APM_FAMILY_IPV6) return APM_ERROR_NOT_SUPPORTED;
    *endpoint = make_endpoint(family == APM_FAMILY_IPV6 ? &v6 : &v4, port);
    return APM_ERROR_SUCCESS;
}

/* The address as IPv6: IPv4 in its mapped form, so that one comparison serves both. */
static bool read_mapped(const apm_endpoint *endpoint, unsigned char *bytes)
{
    static const unsigned char prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    uint16_t port;
    apmi_ip ip;

    if (!read_endpoint(endpoint, &ip, &port)) return false;
    if (ip.is_v6) {
        memcpy(bytes, ip.bytes, V6_ADDRESS_SIZE);
    } else {
        memcpy(bytes, prefix, sizeof prefix);
        memcpy(bytes + sizeof prefix, ip.bytes, V4_ADDRESS_SIZE);
    }
    return true;
}

bool apmi_endpoint_is_wildcard(const apm_endpoint *endpoint)
{
    static const unsigned char any[V6_ADDRESS_SIZE] = {0};
    static const unsigned char mapped[V6_ADDRESS_SIZE] = {[10] = 0xFF, [11] = 0xFF};
    unsigned char bytes[V6_ADDRESS_SIZE];

    if (!read_mapped(endpoint, bytes)) return false;
    return memcmp(bytes, any, sizeof any) == 0 || memcmp(bytes, mapped, sizeof mapped) == 0;
}

bool apmi_endpoint_is_loopback(const apm_endpoint *endpoint)
{
    static const unsigned char loopback[V6_ADDRESS_SIZE] = {[V6_ADDRESS_SIZE - 1] = 1};
    static const unsigned char mapped[13] = {[10] = 0xFF, [11] = 0xFF, [12] = 127};
    unsigned char bytes[V6_ADDRESS_SIZE];

    if (!read_mapped(endpoint, bytes)) return false;
    return memcmp(bytes, loopback, sizeof loopback) == 0 || memcmp(bytes, mapped, sizeof mapped) == 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

int32_t APM_CALL apm_endpoint_family(const apm_endpoint *endpoint)
{
    return endpoint != NULL ? read_family(endpoint) : APM_FAMILY_UNSPECIFIED;
}

uint16_t APM_CALL apm_endpoint_port(const apm_endpoint *endpoint)
{
    uint16_t port = 0;
    apmi_ip ip;

    return endpoint != NULL && read_endpoint(endpoint, &ip, &port) ? port : 0;
}

bool APM_CALL apm_endpoint_equal(const apm_endpoint *a, const apm_endpoint *b)
{
    uint16_t a_port = 0, b_port = 0;
    apmi_ip a_ip, b_ip;
    bool a_known, b_known;

    if (a == NULL || b == NULL) return a == b;
    a_known = read_endpoint(a, &a_ip, &a_port);
    b_known = read_endpoint(b, &b_ip, &b_port);
    if (a_known != b_known) return false;
    /* Of a family unknown to us every byte counts. */
    if (!a_known)
        return held_length(a) == held_length(b) && memcmp(a->address, b->address, held_length(a)) == 0;
    /* Padding and IPv6's flow do not: .NET has no place for them. */
    return a_ip.is_v6 == b_ip.is_v6 && a_port == b_port && a_ip.scope == b_ip.scope &&
           memcmp(a_ip.bytes, b_ip.bytes, sizeof a_ip.bytes) == 0;
}

size_t APM_CALL apm_endpoint_format(const apm_endpoint *endpoint, char *text, size_t size)
{
    char whole[APM_ENDPOINT_TEXT_SIZE];
    size_t length = 0;
    uint16_t port = 0;
    apmi_ip ip;

    _Static_assert(sizeof whole > APMI_IP_TEXT_SIZE + sizeof "[]:65535", "room for all of it");
    if (endpoint != NULL && read_endpoint(endpoint, &ip, &port)) {
        if (ip.is_v6) whole[length++] = '[';
        length += apmi_ip_format(&ip, whole + length);
        if (ip.is_v6) whole[length++] = ']';
        whole[length++] = ':';
        length += apmi_text_decimal(port, whole + length);
    }
    return apmi_text_fit(whole, length, text, size);
}
