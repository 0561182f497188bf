/* SPDX-License-Identifier: MIT */
/*
 * A slot: one socket after the other, each with up to SLOT_OPERATIONS operations in flight and a
 * peer on loopback. One thread drives it, socket and peer; callbacks come from wherever they come.
 */
#ifndef TEST_SLOT_H
#define TEST_SLOT_H

#include "../support/fixture.h"

enum { SLOT_OPERATIONS = 64, SLOT_ROOM = 4096, SLOT_SEGMENTS = 128, SLOT_DATA = 256 * 1024 };

/* What a sent operation puts into the stream: a stretch of the shared data. */
typedef struct segment {
    size_t place, size;
} segment;

typedef struct operation {
    call_kind kind;
    size_t size; /* of what it sends, at most of what it receives */
    apm_async_result *result;
    apm_socket *socket; /* it was begun on; held */
    bool busy;
    _Atomic uint32_t callbacks;
    apm_error error;
    size_t bytes;
    unsigned char room[SLOT_ROOM];
} operation;

typedef struct slot {
    uint64_t seed;
    bool datagram;
    apm_socket *socket;
    peer_listener *listener;
    peer *other; /* NULL: not connected */
    apm_endpoint remote;
    bool exact;   /* nothing that was sent may be missing at the end of the stream */
    bool ordered; /* what arrives is what was sent, in its order */
    uint64_t written, received;
    segment segments[SLOT_SEGMENTS];
    uint32_t first, count; /* of the segments that the peer has not seen whole */
    operation operations[SLOT_OPERATIONS];
    operation *reads[SLOT_OPERATIONS]; /* receives of a stream, in the order of their Begin */
    uint32_t first_read, read_count;
} slot;

/* What all slots have done. The End of an operation whose socket is closed says nothing; nor does that of a
 * file say how much of it was sent. */
enum slot_number {
    SLOT_BEGUN,
    SLOT_CALLED,
    SLOT_REFUSED, /* by Begin */
    SLOT_LIVES,
    SLOT_SENT, /* bytes: what there is at least */
    SLOT_RECEIVED,
    SLOT_SENT_PERHAPS, /* and what there may be beyond */
    SLOT_RECEIVED_PERHAPS,
    SLOT_CANCELLED, /* by whomever, or timed out */
    SLOT_FAILED,
    SLOT_NUMBERS
};
extern _Atomic uint64_t slot_numbers[SLOT_NUMBERS];

/* Ends the process, with what to say; from any thread. */
_Noreturn void endurance_fail(const char *what);

/* Before anything else: the shared data, and a file of it. */
void slot_prepare(const char *path);
/* The library is running, for all four. */
void slot_open(slot *one, uint64_t seed, bool datagram);
void slot_fill(slot *one);  /* at the begin of a life: SLOT_OPERATIONS are in flight, and stay there */
void slot_step(slot *one);  /* one or a few random actions; never blocks for long */
void slot_drain(slot *one); /* ends the life; all its operations have called back */
void slot_close(slot *one);

#endif
