/* SPDX-License-Identifier: MIT */
/* What is known of the one socket of a run of the target `transfer`; and what has to be refused. */
#ifndef FUZZ_TRANSFER_H
#define FUZZ_TRANSFER_H

#include <apmsock/apmsock.h>

#include "fuzz.h"
#include "sim.h"

enum { MOST_STEPS = 40, MOST_PARTS = 150, MOST_BYTES = 600, MOST_WAITING = 8, PATIENCE = 60000 };
/* A datagram goes in one call, and here a call takes no more (APMI_PIECE). */
enum { MOST_DATAGRAM = 64, HUGE_DATAGRAM = 70000 };

/* A kind of receive. */
enum way { PLAIN, LISTED, FROM, MESSAGE };

/* What was sent to the socket and not received: of a stream, so many bytes; or datagrams, of these sizes. */
typedef struct expectation {
    unsigned char next; /* what the next byte is */
    unsigned char last; /* and the one after the last */
    size_t bytes;
    size_t sizes[MOST_STEPS];
    size_t first, count;
} expectation;

/* Memory for a transfer: parts of their very sizes, so that a byte too far is seen. */
typedef struct room {
    apm_buffer parts[MOST_PARTS];
    size_t count, size;
} room;

typedef struct receive {
    apm_async_result *result;
    room into;
    enum way way;
    bool peeks;
} receive;

typedef struct transfer_run {
    source input;
    apm_socket *socket;
    sim_peer *peer; /* of a connected stream */
    int32_t family;
    bool stream, dual, connected, bound, closed;
    apm_endpoint self;             /* where it is bound */
    expectation due;               /* to it */
    receive waiting[MOST_WAITING]; /* for what is not sent yet */
    size_t waiting_count;
    uint32_t begun, called_back;
} transfer_run;

extern transfer_run now;

/* Every callback: counted. */
void APM_CALL transfer_call_back(apm_async_result *result);

/* What the Begin of a receive says of the socket's state; and that of a send, in the first two ways. */
apm_error transfer_expected(enum way way);
apm_error transfer_send_expected(void);

/* Begins that have to fail: of whatever is wrong with buffers, lists, addresses, files or the state. */
void transfer_refuse_buffers(void);
void transfer_refuse_lists(void);
void transfer_refuse_remote(void);
void transfer_refuse_file(void);
void transfer_refuse_nothing(void);

#endif
