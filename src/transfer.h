/* SPDX-License-Identifier: MIT */
/* What completion has to know of a transfer. */
#ifndef APMI_TRANSFER_H
#define APMI_TRANSFER_H

#include "buffers.h"
#include "operation.h"

/* What a Begin says of the socket and its arguments, before it looks at the socket's state. */
apm_error apmi_transfer_check(const apm_socket *socket, const void *data, size_t size);
/* What is left of one that is no APMI_ONE. */
apmi_buffers *apmi_transfer_list(const apmi_operation *operation);
/* A datagram went by way of the library's own memory: its bytes go where the caller wants. */
void apmi_transfer_scatter(apmi_operation *operation);

#endif
