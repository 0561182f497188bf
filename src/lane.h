/* SPDX-License-Identifier: MIT */
/*
 * The lane: the operations of one direction of one socket, in the order of Begin. Nearly always
 * a lane is two atomic additions around an operation's stay in the kernel; see lane.c for
 * when it is more.
 */
#ifndef APMI_LANE_H
#define APMI_LANE_H

#include "operation.h"

typedef enum apmi_way { APMI_OUTWARD, APMI_INWARD, APMI_WAYS } apmi_way;

typedef struct apmi_lane {
    _Atomic uint64_t word;  /* tickets given out | held | operations in the kernel */
    _Atomic uint64_t bytes; /* that its operations have moved */
} apmi_lane;

/* Begins a transfer: it goes to the kernel, or waits for its turn. On failure the operation
 * has been discarded and the caller returns the error. */
apm_error apmi_lane_begin(apmi_operation *operation, apm_async_result **result);
/* A packet was taken. True if the operation goes on: it waits in its lane, or is in the
 * kernel, and is not the caller's any more. False: it is over and has left. */
bool apmi_lane_put_back(apmi_operation *operation);
/* One that is `missing` has completed: now it leaves. */
void apmi_lane_miss(apmi_operation *operation);
/* One that was asked to abort has completed. */
void apmi_lane_settle_cancel(apmi_operation *operation);
/* Asks for an abort, with a label for it. */
void apmi_lane_cancel(apmi_operation *operation, uint32_t label);
/* Under the exclusive gate: whether anything waits for its turn to be sent, or is in pieces. */
bool apmi_lane_has_outward(const apm_socket *socket);
/* The same, but for a disconnect: that is nothing which the peer could miss. */
bool apmi_lane_has_to_send(const apm_socket *socket);
/* Under the exclusive gate: nothing more goes to the kernel past the queue. True if it has anything to send: there will
 * be a flush when it has not. */
bool apmi_lane_hold_outward(apm_socket *socket);
/* Under the exclusive gate: whether the kernel has anything of either lane. */
bool apmi_lane_in_kernel(apm_socket *socket);
/* Under the exclusive gate: whether the kernel has anything to send whose end nobody has looked at. */
bool apmi_lane_sends(apm_socket *socket);
/* At any time: whether all that the kernel had of the outward one has been looked at. */
bool apmi_lane_is_outward_over(apm_socket *socket);
/* The connection is going: takes what waits in either lane, aborted, linked by `next`. Under
 * the exclusive gate; the caller gives them to the pool. */
apmi_operation *apmi_lane_abandon(apm_socket *socket);

#endif
