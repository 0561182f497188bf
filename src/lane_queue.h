/* SPDX-License-Identifier: MIT */
/*
 * Those of a lane that wait outside the kernel, in the order of their tickets; under the socket's gate.
 */
#ifndef APMI_LANE_QUEUE_H
#define APMI_LANE_QUEUE_H

#include "operation.h"

typedef struct apmi_lane_queue {
    apmi_operation *first; /* linked by `next` */
    apmi_operation *last;
} apmi_lane_queue;

/* Where its ticket belongs. */
void apmi_lane_queue_insert(apmi_lane_queue *queue, apmi_operation *operation);
/* It has to be there. */
void apmi_lane_queue_remove(apmi_lane_queue *queue, apmi_operation *operation);

#endif
