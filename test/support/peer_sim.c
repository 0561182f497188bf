/* SPDX-License-Identifier: MIT */
/* The other end of a connection, on the simulated network. */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define PATIENCE 60000u /* ms without progress */

struct peer_listener {
    sim_listener *queue;
    apm_endpoint endpoint;
};

struct peer {
    sim_peer *end;
};

static void make_endpoint(int32_t family, uint16_t port, apm_endpoint *endpoint)
{
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->length = sim_address(family, port, endpoint->address);
}

static peer_listener *open_listener(int32_t family, uint32_t backlog)
{
    peer_listener *listener = (peer_listener *)malloc(sizeof *listener);

    if (listener == NULL) return NULL;
    listener->queue = sim_listen(family, backlog);
    make_endpoint(family, sim_listener_port(listener->queue), &listener->endpoint);
    return listener;
}

peer_listener *peer_listen(int32_t family)
{
    return open_listener(family, 200);
}

peer_listener *peer_listen_hanging(int32_t family)
{
    return open_listener(family, 0);
}

void peer_listener_endpoint(const peer_listener *listener, apm_endpoint *endpoint)
{
    *endpoint = listener->endpoint;
}

void peer_listener_close(peer_listener *listener)
{
    if (listener == NULL) return;
    sim_listener_close(listener->queue);
    free(listener);
}

void peer_refusing_endpoint(int32_t family, apm_endpoint *endpoint)
{
    make_endpoint(family, sim_free_port(family), endpoint);
}

/* Of the addresses that the simulated network knows (sim.h). */
void peer_unreachable_endpoint(apm_endpoint *endpoint)
{
    if (apm_endpoint_from_ip("198.51.100.1", 9, endpoint) != APM_ERROR_SUCCESS) abort();
}

peer *peer_accept(peer_listener *listener, uint32_t timeout)
{
    sim_peer *end = sim_accept(listener->queue, timeout);
    peer *other;

    if (end == NULL) return NULL;
    other = (peer *)malloc(sizeof *other);
    if (other == NULL) abort();
    other->end = end;
    return other;
}

uint16_t peer_port(const peer *other)
{
    return sim_peer_port(other->end);
}

int64_t peer_read(peer *other, void *data, size_t size, uint32_t timeout)
{
    int64_t got = sim_peer_read(other->end, data, size, timeout);

    switch (got) {
    case SIM_END: return PEER_END;
    case SIM_RESET: return PEER_RESET;
    case SIM_TIMEOUT: return PEER_TIMEOUT;
    default: return got;
    }
}

bool peer_read_all(peer *other, void *data, size_t size, uint32_t timeout)
{
    unsigned char *at = (unsigned char *)data;

    while (size != 0) {
        int64_t got = peer_read(other, at, size, timeout);
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

uint64_t peer_skip_hole(peer *other)
{
    return sim_peer_skip_hole(other->end);
}

void peer_say_zeros(const void *data, size_t size)
{
    sim_say_zeros(data, size);
}

bool peer_write(peer *other, const void *data, size_t size)
{
    const unsigned char *at = (const unsigned char *)data;

    while (size != 0) {
        int64_t written = sim_peer_write(other->end, at, size, PATIENCE);
        if (written <= 0) return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

void peer_end(peer *other)
{
    sim_peer_end(other->end);
}

void peer_close(peer *other)
{
    if (other == NULL) return;
    sim_peer_close(other->end);
    free(other);
}

void peer_reset(peer *other)
{
    sim_peer_reset(other->end);
    free(other);
}

bool peer_kernel_is_wine(void)
{
    return !sim_profile_now()->windows;
}
