/* SPDX-License-Identifier: MIT */
/*
 * The socket: the kernel's handle behind its gate, the lanes, the counts that keep it alive.
 */
#ifndef APMI_SOCKET_H
#define APMI_SOCKET_H

#include <apmsock/endpoint.h>
#include <apmsock/socket.h>
#include <assert.h>
#include <stdatomic.h>

#include "handle.h"
#include "kernel.h"
#include "lane.h"
#include "lane_queue.h"
#include "library.h"
#include "operation.h"
#include "settings.h"

/* Where a socket is on its way to a connection. */
typedef enum apmi_phase {
    APMI_FRESH,      /* its handle has not been tried */
    APMI_CONNECTING, /* a connect is pending: it owns the handle's state */
    APMI_CONNECTED,  /* was connected once; only a close or a disconnect with reuse ends this */
    APMI_SPENT,      /* a connect failed: the next one needs a fresh handle */
    APMI_LEAVING     /* a disconnect with reuse is pending */
} apmi_phase;

/* How far a close is. */
enum {
    APMI_DISPOSED = 1, /* apm_socket_close was called: nothing more can be asked of the socket */
    APMI_DRAINS = 2,   /* as one that waits for what is to be sent; set with that */
    APMI_CLOSED = 4    /* it has no handle any more; set under the exclusive gate */
};

/* The end of our stream. */
enum {
    APMI_END_NONE,
    APMI_END_WAITS, /* for what is to be sent before it */
    APMI_END_SAID,
    /* Beside these: */
    APMI_END_CUT = 4,    /* something has failed meanwhile that was to be sent before it, */
    APMI_END_CLOSES = 8, /* and it is a close by a time that waits: the connection is reset then */
    APMI_END_ISSUED = 16 /* what it waits for is all in the kernel */
};

struct apm_socket {
    /* What every transfer looks at: two lines of a processor's cache. */
    _Atomic uint32_t references; /* of the memory: each user, each operation, and being open */
    _Atomic uint32_t phase;      /* apmi_phase */
    _Atomic uint64_t active;     /* operations begun | being open | those that have not called back */
    apmi_library *library;

    /* The gate. Whoever uses the handle holds it shared; whoever takes the handle away or
     * changes what is said to be under it holds it exclusively. Nothing under it blocks and no
     * callback runs under it. */
    apmk_lock gate;
    apmk_socket handle;
    _Atomic uint8_t gone;              /* APMI_DISPOSED ...; read anywhere */
    _Atomic uint8_t skips;             /* apmi_skip; written under the exclusive gate */
    _Atomic bool named;                /* the handle has a local address */
    _Atomic bool dual;                 /* IPv6, and can use IPv4 */
    _Atomic bool detailed;             /* the kernel tells how a datagram came */
    _Atomic bool connected;            /* what apm_socket_connected says */
    _Atomic bool first_spare;          /* `first` is a block without an operation; taken by exchange */
    bool listed;                       /* is in the library's list, whose lock guards this */
    _Atomic int32_t lost;              /* the error that ended the stream for receives; 0: none */
    uint32_t connection;               /* which one it is; changes when one is taken apart */
    int16_t family, type, protocol;    /* as the kernel's numbers, which are small */
    uint16_t spare_count;              /* of `spare`; under the side lock */
    _Atomic(apmi_operation *) at_hand; /* and so is another one; as that */
    apmi_lane lanes[APMI_WAYS];

    _Atomic uint32_t users;    /* the creator, until close, and whoever retained */
    _Atomic uint32_t end;      /* written under the gate; waited on */
    _Atomic uint32_t doubtful; /* sends that were asked to abort and have not completed */
    uint32_t lost_ticket;      /* of the receive that was told of `lost`; under the gate, as what follows */
    apmi_lane_queue queues[APMI_WAYS]; /* those that wait */
    apmi_operation *alone;             /* the one that has the outward lane for itself */
    apmi_operation *connect;           /* the one that is pending; NULL: none */
    apmk_address local;                /* what the caller bound it to; length 0: nothing */
    apmk_address remote;               /* the peer; length 0: none yet */
    apmi_settings settings;

    apmk_lock side_lock;         /* guards `spare` and the pollers */
    apmi_operation *spare;       /* further blocks without an operation */
    struct apmi_poller *pollers; /* those who wait for a state of a handle */
    apm_socket *next, *previous; /* in the library's list of open sockets */

    apmi_operation first; /* one block with the socket: all that most sockets ever need */
};

/* Parts of `active`. */
#define APMI_BEGUN (UINT64_C(1) << 32)
#define APMI_OPEN (UINT64_C(1) << 31)

/* For what follows: the last reference is gone; nothing is active any more; too many have begun for the word. */
void apmi_socket_delete(apm_socket *socket);
void apmi_socket_leave(apm_socket *socket);
void apmi_socket_carry(apm_socket *socket);

/* References of the memory. */
static inline void apmi_socket_hold(apm_socket *socket)
{
    /* Relaxed: whoever holds already has the socket from someone who does. */
    atomic_fetch_add_explicit(&socket->references, 1, memory_order_relaxed);
}

static inline void apmi_socket_drop(apm_socket *socket)
{
    uint32_t before = atomic_fetch_sub_explicit(&socket->references, 1, memory_order_acq_rel);

    assert(before != 0);
    if (before == 1) apmi_socket_delete(socket);
}

static inline void apmi_socket_count_down(apm_socket *socket, uint64_t by)
{
    uint64_t before = atomic_fetch_sub_explicit(&socket->active, by, memory_order_acq_rel);

    assert((uint32_t)before >= (uint32_t)by);
    if ((uint32_t)before == (uint32_t)by) apmi_socket_leave(socket);
}

static inline bool apmi_socket_closed(const apm_socket *socket)
{
    /* Acquire: what the closing thread did before is seen. The gate decides the close calls. */
    return (atomic_load_explicit(&socket->gone, memory_order_acquire) & APMI_CLOSED) != 0;
}

/* For whoever calls: a close by a time has at once what others have when it is over. */
static inline bool apmi_socket_disposed(const apm_socket *socket)
{
    /* Acquire: as above. */
    return atomic_load_explicit(&socket->gone, memory_order_acquire) != 0;
}

/* Under the gate: counts one more active operation; false if the socket is closed. */
static inline bool apmi_socket_begin(apm_socket *socket)
{
    uint64_t before;

    if (apmi_socket_disposed(socket)) return false;
    /* Relaxed: under the gate, an open socket counts itself. */
    before = atomic_fetch_add_explicit(&socket->active, APMI_BEGUN + 1, memory_order_relaxed);
    if (before >> 32 == INT32_MAX) apmi_socket_carry(socket);
    return true;
}

/* Its Begin has failed after all: it is none. */
static inline void apmi_socket_undo(apm_socket *socket)
{
    apmi_socket_count_down(socket, APMI_BEGUN + 1);
}

/* It has called back. */
static inline void apmi_socket_done(apm_socket *socket)
{
    apmi_socket_count_down(socket, 1);
}

/* What `active` says. More than 2^31 begun go to the library's statistics: signed, so that two who do
 * that at once are right together. */
static inline uint64_t apmi_socket_begun(uint64_t active)
{
    return (uint64_t)(int64_t)(int32_t)(uint32_t)(active >> 32);
}
static inline uint32_t apmi_socket_live(uint64_t active)
{
    return (uint32_t)active & 0x7FFFFFFFu;
}

/* Closes the kernel's handle and aborts what is pending; `timeout` as apm_socket_close_timeout.
 * False if it was closed before. Takes no reference back. */
bool apmi_socket_shut(apm_socket *socket, int32_t timeout);
/* What an operation's error says of the connection that it belongs to. */
void apmi_socket_note_error(const apmi_operation *operation, apm_error error);
/* The error that has ended that connection's stream; 0: none, or the socket is past it. */
apm_error apmi_socket_lost(const apmi_operation *operation);
/* The same, but of one that a receive before this one was told of. */
apm_error apmi_socket_lost_before(const apmi_operation *operation);

apmi_operation *apmi_socket_take_spare(apm_socket *socket);
void apmi_socket_give_spare(apm_socket *socket, apmi_operation *operation);

void apmi_address_set(apmk_address *address, const apm_endpoint *endpoint);
void apmi_address_get(const apmk_address *address, apm_endpoint *endpoint);
/* The address as the socket's family has it: IPv4 is mapped for a dual-mode socket.
 * APM_ERROR_NOT_SUPPORTED for one it cannot use. */
apm_error apmi_socket_fit(const apm_socket *socket, const apm_endpoint *endpoint, apmk_address *address);
/* The same for a place to send or connect to: what a public function checks of it. */
apm_error apmi_socket_fit_remote(const apm_socket *socket, const apm_endpoint *remote, apmk_address *address);

/* The timers that serve an operation. */
static inline apmi_timers *apmi_timers_of(const apmi_operation *operation)
{
    return &operation->socket->library->timers;
}

static inline bool apmi_socket_is_stream(const apm_socket *socket)
{
    return socket->type == APM_SOCKET_STREAM;
}

static inline apmi_phase apmi_socket_phase(const apm_socket *socket)
{
    /* Acquire: whoever sees it connected sees the peer's address. */
    return (apmi_phase)atomic_load_explicit(&socket->phase, memory_order_acquire);
}

static inline void apmi_socket_set_phase(apm_socket *socket, apmi_phase phase)
{
    /* Release: see above. */
    atomic_store_explicit(&socket->phase, phase, memory_order_release);
}

static inline apmi_skip apmi_socket_skips(const apm_socket *socket)
{
    /* Relaxed: the gate orders it with the calls it is about; outside it is a hint. */
    return (apmi_skip)atomic_load_explicit(&socket->skips, memory_order_relaxed);
}

static inline void apmi_socket_set_skips(apm_socket *socket, apmi_skip skips)
{
    atomic_store_explicit(&socket->skips, (uint8_t)skips, memory_order_relaxed);
}

static inline bool apmi_socket_is_named(const apm_socket *socket)
{
    /* Relaxed: the kernel knows; this only spares asking. */
    return atomic_load_explicit(&socket->named, memory_order_relaxed);
}

#endif
