/* SPDX-License-Identifier: MIT */
/*
 * Failing resources: what the scenarios are made of. A scenario is one member of the public
 * API, to be called on a stage: a library that runs, a listener, and a bystander, whose
 * operations are in flight all the time and have to come through whatever fails.
 */
#ifndef EXHAUST_STAGE_H
#define EXHAUST_STAGE_H

#include <apmsock/apmsock.h>
#include <stdatomic.h>

#include "sim.h"
#include "world.h"

#define PATIENCE 60000u /* ms; of the virtual clock where there is one */

/* What a scenario begins with, made while nothing fails. */
typedef enum stage_set {
    SET_NOTHING,  /* the library runs */
    SET_STOPPED,  /* it does not */
    SET_STREAM,   /* a fresh stream socket */
    SET_DUAL,     /* of dual mode */
    SET_PAIR,     /* connected to a peer */
    SET_SPENT,    /* whose connect was refused: the next one needs a fresh handle */
    SET_DATAGRAMS /* two datagram sockets, bound */
} stage_set;

typedef struct stage {
    sim_listener *listener;
    apm_endpoint there; /* the listener's */
    apm_socket *socket, *other;
    apm_endpoint other_at;
    sim_peer *peer;

    apm_socket *bystander;
    sim_peer *friend;
    apm_async_result *sends[2], *receive;
    char sent[1000], here;

    uint32_t begun; /* operations */
    _Atomic uint32_t called;
} stage;

typedef struct scenario {
    const char *name;
    stage_set set;
    /* Calls the member and what it needs to be seen through; cleans up behind itself. Again on
     * the same socket when it has failed. */
    apm_error (*act)(stage *on);
    uint32_t fails; /* of these resources (bits of sim_fault_kind), it ends in the resource's error */
    uint32_t may;   /* of these, in that error or well; of all others it ends well */
    apm_error also; /* what else it may end in when it was struck: an error of the network */
    bool simulated; /* it needs the simulated kernel: a clock that costs nothing, or its network */
} scenario;

#define FAULT(kind) (1u << (kind))

/* Each ends with a NULL name. */
extern const scenario socket_scenarios[], connect_scenarios[], transfer_scenarios[], datagram_scenarios[],
    result_scenarios[], file_scenarios[], library_scenarios[], adopt_scenarios[], option_scenarios[],
    frugal_scenarios[];

/* What was expected and is not is said with the point where it is, and counted. */
void expect(bool good, const char *what);
/* Prints where we are: scenario, resource, n. In the driver. */
void point_print(void);
/* Between true and false nothing fails, and no call counts: for what the act needs of others.
 * What it was. In the driver. */
bool point_calm(bool calm);
/* Between true and false all fails that can. What was asked for since the last change, but for waits at the port: those
 * are the workers'. In the driver, while it is calm. */
uint32_t point_deny(bool deny);
/* These kinds (bits) fail besides, all along; 0: none does. In the driver. */
void point_fail_also(uint32_t kinds);
/* Whether what fails goes on failing. In the driver. */
bool point_lasts(void);
uint32_t expect_failures(void);
uint64_t expect_count(void);

void stage_open(stage *on, stage_set set);
/* What the act needs, if the last act has used it up. */
void stage_renew(stage *on, stage_set set);
void stage_discard(stage *on); /* what stage_renew made */
/* Waits until the callbacks of all operations have returned but for those of the bystander and `others`. */
void stage_settle(stage *on, uint32_t others);
void stage_check_bystander(stage *on);
void stage_close(stage *on, bool running);

/* ---- operations ------------------------------------------------------------------------------- */

typedef apm_error (*end_function)(apm_socket *socket, apm_async_result *result, size_t *bytes);

typedef struct op {
    stage *on;
    apm_socket *socket;
    end_function end;
    apm_async_result *result;
    _Atomic uint32_t callbacks;
    size_t bytes;
} op;

op op_of(stage *on, apm_socket *socket, end_function end);
void APM_CALL op_called(apm_async_result *result);
/* After Begin: waits for End and for the callback, which comes once; or, if Begin has failed,
 * says so. The operation's error. */
apm_error op_finish(op *one, apm_error begun);
apm_error end_connect(apm_socket *socket, apm_async_result *result, size_t *bytes);
apm_error end_disconnect(apm_socket *socket, apm_async_result *result, size_t *bytes);
apm_error end_send_file(apm_socket *socket, apm_async_result *result, size_t *bytes);

/* The connection that the socket has made is accepted, others are dropped; bytes go through. */
sim_peer *accept_from(const stage *on, apm_socket *socket);
void check_peer_reads(sim_peer *peer, const char *data, size_t size);
apm_endpoint refusing_endpoint(void);
/* Of a connect that has succeeded, or of its error: bytes go through both ways. */
apm_error use_connection(stage *on, apm_error error);

#endif
