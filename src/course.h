/* SPDX-License-Identifier: MIT */
/*
 * The course of a connect: its addresses, and the attempts at them. All of it is under the
 * socket's exclusive gate.
 */
#ifndef APMI_COURSE_H
#define APMI_COURSE_H

#include <apmsock/endpoint.h>
#include <apmsock/error.h>

#include "annex.h"
#include "handle.h"
#include "operation.h"
#include "resolver.h"

/* That take turns in parallel attempts: an IPv4-mapped address is one of IPv4. 0 is none of them. */
enum { APMI_NO_FAMILY = 1, APMI_FOUR, APMI_SIX, APMI_FAMILIES };

/* In the room of an APMI_CONNECT. */
typedef struct apmi_course {
    uint32_t before;                /* the socket's phase */
    bool one;                       /* a single address: an attempt that cannot begin fails Begin */
    bool parallel;                  /* attempts may overlap */
    bool looking;                   /* the name is being looked up */
    bool resting;                   /* nothing is in the kernel, and a worker is about to go on */
    bool stopped;                   /* no further attempt */
    bool due;                       /* the time between two attempts is over */
    bool spent;                     /* the socket's own handle has been tried */
    bool inside;                    /* the operation itself is in the kernel, with that handle */
    bool won;                       /* one has succeeded: */
    bool has_handle;                /* ... an attempt on a handle of its own, which is `winner` */
    bool finishing;                 /* it is over, and somebody completes it */
    uint32_t running;               /* attempts in the kernel */
    uint32_t count, next;           /* addresses; how many have had their turn */
    uint32_t family;                /* of the last one, in parallel; 0: there was none */
    uint32_t places[APMI_FAMILIES]; /* where to look for the next one of each, in parallel */
    apm_error error;                /* of those that failed */
    apmi_handle winner;
    apmi_operation *operation;
    apmi_operation *attempts; /* those with a handle of their own */
    uint16_t port;            /* for the addresses of a name */
    apmi_timer delay;
    apmk_address last;       /* the one tried last, */
    apmk_address own;        /* by the operation itself, */
    apmk_address peer;       /* and with success; or, as long as there is none, whose `error` is */
    apmk_address *addresses; /* length 0: of a family that the socket cannot use */
    apmi_lookup *lookup;     /* NULL: no name */
} apmi_course;

static inline apmi_course *apmi_course_of(const apmi_operation *operation)
{
    return (apmi_course *)apmi_annex_room(operation);
}

/* Makes the course in a connect's room, for so many addresses, or with a look-up: false when
 * there is no memory. */
bool apmi_course_make(apmi_operation *operation, uint32_t room, bool looks);
/* One more address; what the socket cannot use is kept as such. */
void apmi_course_add(apmi_operation *operation, const apm_endpoint *remote);
/* The address that is to be tried next: in their order; or families take turns, for parallel attempts. There has to
 * be one. */
const apmk_address *apmi_course_next(apmi_course *course);

/* Begins an attempt on the socket's own handle; APMK_PENDING in *code if a packet will come. The
 * caller hands it over. */
apm_error apmi_course_try(apmi_operation *operation, const apmk_address *remote, apmk_code *code);
/* Asks for the addresses of the name; a thread for that has been promised. */
void apmi_course_look_up(apmi_operation *operation);
/* Begins what is to begin. True if the connect is over: the caller has to complete it. */
bool apmi_course_advance(apmi_operation *operation);
/* The course was resting, and a worker has come. True as above. */
bool apmi_course_wake(apmi_operation *operation);
/* The operation's own attempt is over, with the operation's error. */
void apmi_course_end_own(apmi_operation *operation);
/* Renews the socket's handle if it has been used up. It has no local address. */
apm_error apmi_course_freshen(apmi_operation *operation);
/* The course is over: nothing of it is armed any more. */
void apmi_course_end(apmi_operation *operation);
/* No further attempt, and those under way are asked to abort. True as above. */
bool apmi_course_stop(apmi_operation *operation);

/* Not under the gate: an APMI_ATTEMPT is over. It is gone afterwards. */
void apmi_course_end_attempt(apmi_operation *attempt);
/* The handle of an APMI_ATTEMPT. */
apmk_socket apmi_course_handle(const apmi_operation *attempt);

#endif
