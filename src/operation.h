/* SPDX-License-Identifier: MIT */
/*
 * The operation: one block of memory that is the kernel's OVERLAPPED, the description of
 * the data, the public result and the word that holds its state. Its life is told in
 * operation.c.
 */
#ifndef APMI_OPERATION_H
#define APMI_OPERATION_H

#include <apmsock/async_result.h>
#include <apmsock/error.h>
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "kernel.h"

/* Strict: each End takes its own kind only. In the order of their lanes. */
typedef enum apmi_kind {
    APMI_CONNECT,
    APMI_ATTEMPT, /* the library's own: one address of a connect; see course.c */
    APMI_SEND,
    APMI_SEND_TO,
    APMI_SEND_FILE,
    APMI_DISCONNECT,
    APMI_RECEIVE,
    APMI_RECEIVE_FROM,
    APMI_RECEIVE_MESSAGE_FROM
} apmi_kind;

/* How the data of a transfer came. */
typedef enum apmi_shape {
    APMI_ONE,    /* as one buffer */
    APMI_LIST,   /* as a list, whose copy is in the room */
    APMI_BOUNCED /* as a list longer than the kernel takes of a datagram, which is in the room, too */
} apmi_shape;

/* Bits of the state word. */
enum {
    APMI_ISSUED = 0x01,     /* the initiator is done with the kernel call */
    APMI_ARRIVED = 0x02,    /* the kernel is done: the packet has been taken */
    APMI_COMPLETED = 0x04,  /* error and byte count may be read */
    APMI_INSIDE = 0x08,     /* it completed inside Begin */
    APMI_ENDED = 0x10,      /* End was called */
    APMI_EVENT = 0x20,      /* the annex has an event: signal it at completion */
    APMI_WAITER = 0x40,     /* somebody waits on the word itself: wake it at completion */
    APMI_CANCELLED = 0x80,  /* asked to be aborted by a cancel ... */
    APMI_TIMED_OUT = 0x100, /* ... or by its timer; never both */
    APMI_TIMED = 0x200      /* a timer was armed: disarm it at completion */
};

/* Keys of packets: what a worker has to do. */
enum {
    APMI_PACKET,   /* the kernel is done with an operation */
    APMI_OVER,     /* complete an operation that came to its end outside the kernel */
    APMI_CALLBACK, /* run the callback of a completed operation */
    APMI_TAKEN,    /* as APMI_PACKET; what the packet said is in the operation */
    APMI_SHARED,   /* a list, each with its key, that a worker has for another one */
    APMI_LEAVE     /* leave the pool */
};

typedef apm_async_result apmi_operation;
typedef struct apmi_library apmi_library;
typedef struct apmi_annex apmi_annex;

struct apm_async_result {
    /* What every transfer looks at: two lines of a processor's cache. Cleared for each operation. */
    apmk_overlapped overlapped; /* first: a packet's overlapped is the operation */

    _Atomic uint32_t state;
    _Atomic uint32_t references; /* the model's, and the callers' */
    apm_socket *socket;          /* holds a reference on it */
    apm_async_callback callback;
    void *user_state;

    void *data;         /* transfers: APMI_ONE, the buffer; */
    size_t size;        /* how much there is in all, */
    size_t transferred; /* and how far it is */

    apmi_operation *next; /* in the one list it can be in: spare, lane, or the pool's */

    int32_t flags;
    apm_error error;     /* what End returns */
    apmk_code status;    /* what the packet said, handed from one party to the other */
    uint32_t bytes;      /* and how many bytes it said */
    uint32_t connection; /* the socket's that it belongs to */
    uint32_t ticket;     /* its place in the order of Begin, within its lane */
    uint8_t kind;        /* apmi_kind */
    uint8_t shape;       /* apmi_shape */
    uint8_t key;         /* what a worker has to do with it, while it is in `next` of the pool */
    bool wanted;         /* one of the references is the caller's */
    bool alone;          /* has its lane for itself until it is over */
    bool queued;         /* waits in its lane, outside the kernel; under the socket's gate */
    bool missing;        /* it has failed, and what comes after it in the stream must know; see lane.c */

    /* A block keeps it from one operation to the next. */
    _Atomic(apmi_annex *) annex; /* what few need; NULL: nothing of that */
};

/* Tickets wrap; those in one lane at one time are never far apart. */
static inline bool apmi_ticket_is_older(uint32_t ticket, uint32_t than)
{
    return (int32_t)(ticket - than) < 0;
}

/* The first part of a block. */
#define APMI_OPERATION_CLEARED offsetof(struct apm_async_result, annex)

/* A block from the socket's spare ones, or the heap: one reference for the model, and one
 * for the caller if he `wants` the result. NULL when there is no memory. */
apmi_operation *apmi_operation_new(apm_socket *socket, apmi_kind kind, apm_async_callback callback,
                                   void *state, bool wanted);
/* Begin failed, with that error, and nobody has seen the operation. */
void apmi_operation_discard(apmi_operation *operation, apm_error error);
/* Gives the memory of a socket's spare block back, which is not its first. */
void apmi_operation_delete(apm_socket *socket, apmi_operation *operation);

/* Makes it ready for a (further) kernel call. */
void apmi_operation_arm(apmi_operation *operation);
/* After a kernel call that did not fail: the initiator's side of the hand-over. True if the
 * operation is over and the initiator has to complete it; otherwise it is no longer his. */
static inline bool apmi_operation_hand_over(apmi_operation *operation, apmk_code code, uint32_t bytes,
                                            bool skips)
{
    uint32_t before;

    if (code == APMK_SUCCESS && skips) {
        operation->bytes = bytes; /* no packet will come: there is no other party */
        return true;
    }
    apmk_interleave();
    before = atomic_fetch_or_explicit(&operation->state, APMI_ISSUED, memory_order_acq_rel);
    assert(!(before & (APMI_ISSUED | APMI_COMPLETED)));
    return (before & APMI_ARRIVED) != 0;
}
/* Completes inside Begin, on the caller's thread; or on a worker. */
void apmi_operation_complete_inside(apmi_operation *operation);
void apmi_operation_complete(apmi_operation *operation);
/* Gives the operations of a list to the pool, to complete there. */
void apmi_operation_post_all(apmi_operation *list);

/* A worker's side. Whose packet it is, and with what key it goes on: what the packet said is in
 * the operation then. */
apmi_operation *apmi_operation_of_packet(const apmk_packet *packet, uint8_t *key);
/* Goes on with what was given to the pool with that key, or with a packet. */
void apmi_operation_resume(apmi_operation *operation, uint8_t key);
/* Runs the callback that a completed operation has, here and now. */
void apmi_operation_call_back(apmi_operation *operation);

/* Labels the operation, unless it has a label or has completed: what an abort will be called. True if it did. */
bool apmi_operation_label(apmi_operation *operation, uint32_t label);
bool apmi_operation_labelled(const apmi_operation *operation);
/* Asks for an abort, with a label for it. */
void apmi_operation_cancel(apmi_operation *operation, uint32_t label);
bool apmi_operation_completed(const apmi_operation *operation);
/* False where a wait could be for ever: under the loader's lock, which a further worker needs. */
bool apmi_operation_may_wait(void);
/* False when the time is over. */
bool apmi_operation_wait(apmi_operation *operation, uint32_t timeout);
/* The whole of an End function. `bytes` may be NULL. */
apm_error apmi_operation_end(apm_socket *socket, apmi_operation *operation, apmi_kind kind, size_t *bytes);

void apmi_operation_retain(apmi_operation *operation);
void apmi_operation_release(apmi_operation *operation);

#endif
