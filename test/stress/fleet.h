/* SPDX-License-Identifier: MIT */
/* A socket of the fleet: what it has under way, and, of a connected stream, who is at the other end. */
#ifndef STRESS_FLEET_H
#define STRESS_FLEET_H

#include "program.h"

enum { FREIGHTS = 5, FREIGHT_ROOM = 16 };

typedef struct fleeting fleeting;

enum freight_kind {
    FREIGHT_CONNECT,
    FREIGHT_LETTER_FROM,
    FREIGHT_LETTER_TO,
    FREIGHT_SEND,
    FREIGHT_FILE,
    FREIGHT_RECEIVE,
    FREIGHT_DISCONNECT
};

/* One operation. */
typedef struct freight {
    fleeting *of;
    enum freight_kind kind;
    bool begun, ends; /* its callback calls End */
    apm_async_result *result;
    unsigned char *data; /* of its own, until its callback */
    size_t size;
    uint64_t offset;                  /* of a send in the stream */
    unsigned char kept[FREIGHT_ROOM]; /* what a receive found in it */
    size_t kept_size;
    apm_error error; /* what End said */
} freight;

struct fleeting {
    fleeting *next;
    const program *in;
    apm_socket *socket;
    freight freights[FREIGHTS];
    uint32_t begun;
    _Atomic uint32_t callbacks;
    _Atomic bool is_callbacks; /* one reference is for a callback to give back */

    bool convoy; /* a connected stream; the rest is what its other end knows */
    sim_listener *listener;
    sim_peer *peer;
    freight dial;  /* its connect */
    uint64_t sent; /* bytes of all sends that began */
    uint64_t written;
    bool ended;
    unsigned char read[FREIGHTS * FREIGHT_ROOM + 1];
    size_t read_size;
    int64_t outcome; /* SIM_END, SIM_RESET; SIM_TIMEOUT: not yet, or it was the other end that left */
};

/* fleet.c: the callback of each; Begin's data. */
void APM_CALL fleet_call_back(apm_async_result *result);
void fleet_load(freight *made, size_t size);

/* convoy.c: connects it; begins something; lets the other end do something; what has to hold of the bytes. */
void convoy_connect(fleeting *one);
apm_error convoy_begin(fleeting *one, freight *made, apm_async_result **result, uint64_t *stream);
void convoy_stir(fleeting *one, uint64_t *stream);
void convoy_check(fleeting *one);

#endif
