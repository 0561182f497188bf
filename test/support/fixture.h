/* SPDX-License-Identifier: MIT */
/*
 * What conformance tests are made of: a call (one operation and what its callback saw), a pair
 * (a connected socket and its peer), blocking shorthands, and bytes whose place is known.
 */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <stdatomic.h>

#include "harness.h"
#include "peer.h"

#define PATIENCE 60000u /* ms; longer than anything that works takes */

/* ---- a call ------------------------------------------------------------------------------------- */

typedef enum call_kind { CALL_CONNECT, CALL_SEND, CALL_RECEIVE } call_kind;

typedef struct call call;
struct call {
    apm_socket *socket;
    call_kind kind;
    bool keeps;                 /* the callback leaves End to the test */
    void (*inside)(call *made); /* what else the callback does, after End */
    void *context;              /* for `inside` */
    test_gate *done;            /* open when the callback is over */
    apm_async_result *result;   /* what Begin gave */
    _Atomic uint32_t callbacks; /* how often it was called back */

    /* What the callback saw; for the test to read once `done` is open. */
    apm_async_result *seen; /* its argument */
    uint64_t thread;
    bool completed, synchronously, stored; /* stored: `result` was there already */
    apm_error error;                       /* of End */
    size_t bytes;
};

void call_prepare(call *made, apm_socket *socket, call_kind kind);
/* Each begins the operation with call_back and keeps its result. */
apm_error call_connect(call *made, const apm_endpoint *remote);
apm_error call_send(call *made, const void *data, size_t size);
apm_error call_receive(call *made, void *data, size_t size);
void APM_CALL call_back(apm_async_result *result);
/* End, by the call's kind; stores error and bytes. */
apm_error call_end(call *made, apm_async_result *result);
bool call_wait(call *made); /* until the callback is over; checks that it was the only one */
void call_dispose(call *made);

/* The End of that kind. */
apm_error end_kind(call_kind kind, apm_socket *socket, apm_async_result *result, size_t *bytes);

/* ---- a pair --------------------------------------------------------------------------------------- */

typedef struct pair {
    apm_socket *socket;
    peer *other;
} pair;

apm_socket *stream_new(int32_t family); /* checks; NULL if there is none */
bool pair_open(pair *both);             /* checks; false if there is no connection */
bool pair_open_with(pair *both, peer_listener *listener);
void pair_close(pair *both); /* what is not NULL of it */

/* Begin and End in one, without a callback. */
apm_error connect_now(apm_socket *socket, const apm_endpoint *remote);
apm_error send_now(apm_socket *socket, const void *data, size_t size, size_t *sent);
apm_error receive_now(apm_socket *socket, void *data, size_t size, size_t *received);
/* Exactly `size` bytes. */
apm_error receive_all(apm_socket *socket, void *data, size_t size);
/* Checks that a byte goes through in both directions. */
void check_alive(pair *both);

/* ---- wait handles, bytes ----------------------------------------------------------------------------- */

/* Waits on what apm_async_result_wait_handle gave: true if it is signaled in time. */
bool handle_wait(void *handle, uint32_t timeout);

/* The byte at each place of an endless stream; neighbours and far places differ. */
void pattern_fill(unsigned char *data, size_t size, uint64_t place);
bool pattern_holds(const unsigned char *data, size_t size, uint64_t place);

/* A small reproducible source of variety: the next number below `limit`. */
uint32_t draw(uint64_t *seed, uint32_t limit);

#endif
