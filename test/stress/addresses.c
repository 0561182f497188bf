/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a place's host: the one that answers, and others that are dead, out of
 * reach, slow to refuse, or nonsense. The same list under a name.
 */
#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "program.h"

/* What a text of an address with the place's port is. */
static apm_endpoint endpoint_of(const place *at, const char *text)
{
    apm_endpoint endpoint = {0};

    (void)apm_endpoint_from_ip(text, apm_endpoint_port(&at->remote), &endpoint);
    return endpoint;
}

static apm_endpoint other_address(const place *at, uint64_t *stream)
{
    static const char *const ipv4[] = {
        "192.0.2.1",    /* nobody ever answers */
        "198.51.100.1", /* no way there */
        "203.0.113.1",  /* a refusal that takes its time */
        "::1",          /* not for this socket */
        "0.0.0.0",
    };
    static const char *const ipv6[] = {
        "2001:db8::1", "2001:470::1", "::ffff:203.0.113.1", "127.0.0.1", "::", /* the same */
    };
    uint32_t which = draw(stream, 6);

    if (which == 5) return at->remote;
    return endpoint_of(at, at->family == APM_FAMILY_IPV6 ? ipv6[which] : ipv4[which]);
}

static void name_addresses(const place *at, uint64_t *stream)
{
    apmk_address addresses[ADDRESSES];
    uint32_t i;

    memset(addresses, 0, sizeof addresses);
    for (i = 0; i < at->remote_count; i++) {
        addresses[i].length = at->remotes[i].length;
        memcpy(addresses[i].bytes, at->remotes[i].address, (size_t)at->remotes[i].length);
    }
    if (draw(stream, 8) == 0)
        sim_name_fail(at->host_name, 11001, draw(stream, 10));
    else
        sim_name_add(at->host_name, addresses, at->remote_count, draw(stream, 2) == 0 ? 0 : draw(stream, 10));
}

void addresses_draw(place *at, uint64_t *stream)
{
    uint32_t i, real;

    at->remote_count = 1 + draw(stream, ADDRESSES);
    real = draw(stream, at->remote_count);
    for (i = 0; i < at->remote_count; i++)
        at->remotes[i] = i == real ? at->remote : other_address(at, stream);
    (void)snprintf(at->host_name, sizeof at->host_name, "place%u", (unsigned)at->index);
    name_addresses(at, stream);
}
