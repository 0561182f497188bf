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
    switch (draw(stream, 6)) {
    case 0: return endpoint_of(at, "192.0.2.1");    /* nobody ever answers */
    case 1: return endpoint_of(at, "198.51.100.1"); /* no way there */
    case 2: return endpoint_of(at, "203.0.113.1");  /* a refusal that takes its time */
    case 3: return endpoint_of(at, "::1");          /* not for this socket */
    case 4: return endpoint_of(at, "0.0.0.0");
    default: return at->remote;
    }
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
