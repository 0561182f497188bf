/* SPDX-License-Identifier: MIT */
/* What the lane and completion have to know of datagrams. */
#ifndef APMI_DATAGRAM_H
#define APMI_DATAGRAM_H

#include "operation.h"

/* The kernel call of a send_to, receive_from or receive_message_from. Under the gate. */
apmk_code apmi_datagram_issue(apmi_operation *operation, const apmk_buffer *buffers, uint32_t count,
                              uint32_t *bytes);
/* A receive_message_from is over: what was cut off is a flag there, not an error. */
void apmi_datagram_complete_message(apmi_operation *operation);
/* A packet of a send_to was taken, perhaps before the call that began it has returned: as apmi_lane_put_back. */
bool apmi_datagram_go_on(apmi_operation *operation);

#endif
