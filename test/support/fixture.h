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

typedef enum call_kind {
    CALL_CONNECT,
    CALL_SEND,
    CALL_RECEIVE,
    CALL_SEND_TO,
    CALL_RECEIVE_FROM,
    CALL_RECEIVE_MESSAGE_FROM,
    CALL_SEND_FILE,
    CALL_DISCONNECT,
    CALL_KINDS
} call_kind;

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
    apm_error error;                       /* of End, and what it gave */
    size_t bytes;
    apm_endpoint from;                  /* of receive_from and receive_message_from */
    int32_t flags;                      /* of receive_message_from */
    apm_packet_information information; /* of receive_message_from */
};

void call_prepare(call *made, apm_socket *socket, call_kind kind);
/* Each begins the operation with call_back and keeps its result. */
apm_error call_connect(call *made, const apm_endpoint *remote);
apm_error call_send(call *made, const void *data, size_t size);
apm_error call_receive(call *made, void *data, size_t size);
apm_error call_send_buffers(call *made, const apm_buffer *buffers, size_t count);
apm_error call_receive_buffers(call *made, const apm_buffer *buffers, size_t count);
apm_error call_send_to(call *made, const void *data, size_t size, const apm_endpoint *remote);
apm_error call_receive_from(call *made, void *data, size_t size); /* or a message, by its kind */
apm_error call_send_file(call *made, const char *path, const apm_buffer *before, const apm_buffer *after,
                         int32_t flags);
apm_error call_disconnect(call *made, bool reuse);
void APM_CALL call_back(apm_async_result *result);
/* End, by the call's kind; stores error and bytes. */
apm_error call_end(call *made, apm_async_result *result);
bool call_wait(call *made); /* until the callback is over; checks that it was the only one */
/* As call_wait; checks how it ended. True if it did so. */
bool call_ends(call *made, apm_error expected);
bool call_ends_with(call *made, apm_error expected, size_t bytes);
void call_dispose(call *made);

/* The End of that kind; of what else it gives nothing is kept. */
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

/* A pair whose socket has a receive of one byte in the kernel. */
typedef struct receiving_pair {
    pair both;
    call made;
    char here;
} receiving_pair;

bool receiving_open(receiving_pair *one); /* checks; false if there is none, and nothing to close */
void receiving_close(receiving_pair *one);

apm_socket *datagram_open(int32_t family); /* checks; NULL if there is none */
/* Bound to loopback, and where. */
apm_socket *datagram_bound(int32_t family, apm_endpoint *local);
/* Two of IPv4, bound to loopback; connected to each other or not. Checks; false if there are none. */
typedef struct datagram_pair {
    apm_socket *left, *right;
    apm_endpoint left_at, right_at;
} datagram_pair;

bool datagram_pair_open(datagram_pair *both, bool connected);
void datagram_pair_close(datagram_pair *both);

/* Whether sockets of that family can be had; if not, the test says that it is skipped. */
bool family_is_here(int32_t family);
void close_now(apm_socket *socket); /* checks; NULL is harmless */

/* Begin and End in one, without a callback. */
apm_error connect_now(apm_socket *socket, const apm_endpoint *remote);
apm_error send_now(apm_socket *socket, const void *data, size_t size, size_t *sent);
apm_error receive_now(apm_socket *socket, void *data, size_t size, size_t *received);
apm_error send_buffers_now(apm_socket *socket, const apm_buffer *buffers, size_t count, size_t *sent);
apm_error receive_buffers_now(apm_socket *socket, const apm_buffer *buffers, size_t count, size_t *received);
apm_error send_to_now(apm_socket *socket, const void *data, size_t size, const apm_endpoint *remote,
                      size_t *sent);
apm_error receive_from_now(apm_socket *socket, void *data, size_t size, size_t *received, apm_endpoint *from);
/* Exactly `size` bytes. */
apm_error receive_all(apm_socket *socket, void *data, size_t size);
/* Reads until the peer's side ends; checks that it was the pattern from its beginning: how much. */
uint64_t drain_pattern(peer *other);
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
