/* SPDX-License-Identifier: MIT */
/*
 * The host of a place: accepts connections one after the other and talks to each as chance has
 * it. It notes what it wrote and what it read.
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { PIECE = 64 };

static conversation *begin_conversation(place *at)
{
    conversation *one = (conversation *)calloc(1, sizeof *one);

    if (one == NULL) sim_fail("no memory for the test");
    one->salt = (at->last != NULL ? at->last->salt : (at->salt + 1) * 1000) + 1;
    one->outcome = SIM_TIMEOUT;
    if (at->last != NULL)
        at->last->next = one;
    else
        at->first = one;
    at->last = one;
    trail_meet(at, one);
    return one;
}

static void keep_bytes(conversation *one, const unsigned char *data, size_t size)
{
    if (one->read_size + size > one->read_room) {
        one->read_room = (one->read_size + size) * 2;
        one->read = (unsigned char *)realloc(one->read, one->read_room);
        if (one->read == NULL) sim_fail("no memory for the test");
    }
    memcpy(one->read + one->read_size, data, size);
    one->read_size += size;
}

/* False when the connection is over. */
static bool read_some(place *at, conversation *one, sim_peer *peer, size_t size, uint32_t timeout)
{
    unsigned char data[PIECE];
    int64_t got = sim_peer_read(peer, data, size, timeout);

    if (got > 0) {
        keep_bytes(one, data, (size_t)got);
        trail_read(at, one, data, (size_t)got);
    }
    if (got == SIM_END || got == SIM_RESET) one->outcome = got;
    return got > 0 || got == SIM_TIMEOUT;
}

/* A reset shows when it is read. */
static void write_some(conversation *one, sim_peer *peer, size_t size, uint32_t timeout)
{
    unsigned char data[PIECE];
    int64_t written;

    if (one->ended || one->written + size > HOST_WRITES) return;
    pattern_fill(data, size, one->salt, one->written);
    written = sim_peer_write(peer, data, size, timeout);
    if (written > 0) one->written += (uint64_t)written;
}

static void end_stream(conversation *one, sim_peer *peer)
{
    if (!one->ended) sim_peer_end(peer);
    one->ended = true;
}

/* True if it left by itself, and how does not matter any more. */
static bool leaves(conversation *one, sim_peer *peer, uint64_t *stream)
{
    switch (draw(stream, 60)) {
    case 0: end_stream(one, peer); return false;
    case 1:
        if (draw(stream, 3) != 0) return false;
        sim_peer_reset(peer);
        return true;
    case 2:
        if (draw(stream, 3) != 0) return false;
        one->ended = true;
        sim_peer_close(peer);
        return true;
    default: return false;
    }
}

static void converse(place *at, sim_peer *peer)
{
    conversation *one = begin_conversation(at);
    uint64_t *stream = &at->host_stream;
    uint32_t size, timeout;

    while (!atomic_load_explicit(&at->in->stopping, memory_order_relaxed)) {
        if (atomic_load_explicit(&at->finishing, memory_order_relaxed)) {
            end_stream(one, peer);
            if (!read_some(at, one, peer, PIECE, 20)) break;
            continue;
        }
        if (leaves(one, peer, stream)) return;
        /* One draw after the other: compilers differ in the order of arguments. */
        size = 1 + draw(stream, PIECE);
        timeout = draw(stream, 4);
        if (draw(stream, 2) == 0) write_some(one, peer, size, timeout);
        size = 1 + draw(stream, PIECE);
        timeout = draw(stream, 6);
        if (!read_some(at, one, peer, size, timeout)) break;
    }
    /* Longer than anybody's patience, where time costs nothing. */
    if (sim_is_seeded() && draw(stream, 20) == 0) sim_sleep(2500);
    if (one->outcome != SIM_TIMEOUT) atomic_store_explicit(&at->over, true, memory_order_relaxed);
    sim_peer_close(peer);
}

void host_run(void *argument)
{
    place *at = (place *)argument;

    while (!atomic_load_explicit(&at->in->stopping, memory_order_relaxed)) {
        sim_peer *peer = sim_accept(at->listener, 20);
        if (peer != NULL) converse(at, peer);
    }
    /* Those that nobody has got round to: something may have been sent to them. */
    for (;;) {
        sim_peer *peer = sim_accept(at->listener, 0);
        if (peer == NULL) break;
        converse(at, peer);
    }
}
