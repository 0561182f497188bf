/* SPDX-License-Identifier: MIT */
#include "lane_queue.h"

static bool is_older(const apmi_operation *a, const apmi_operation *b)
{
    return apmi_ticket_is_older(a->ticket, b->ticket);
}

void apmi_lane_queue_insert(apmi_lane_queue *queue, apmi_operation *operation)
{
    apmi_operation *before = NULL, *after = queue->first;

    if (queue->last != NULL && is_older(queue->last, operation)) { /* the youngest: at the end */
        before = queue->last;
        after = NULL;
    }
    while (after != NULL && is_older(after, operation)) {
        before = after;
        after = after->next;
    }
    operation->next = after;
    if (before != NULL)
        before->next = operation;
    else
        queue->first = operation;
    if (after == NULL) queue->last = operation;
    operation->queued = true;
}

void apmi_lane_queue_remove(apmi_lane_queue *queue, apmi_operation *operation)
{
    apmi_operation *before = NULL, *at = queue->first;

    while (at != operation) {
        before = at;
        at = at->next;
    }
    if (before != NULL)
        before->next = operation->next;
    else
        queue->first = operation->next;
    if (queue->last == operation) queue->last = before;
    operation->next = NULL;
    operation->queued = false;
}
