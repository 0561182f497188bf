/* SPDX-License-Identifier: MIT */
/* What completion has to know of a transfer. */
#ifndef APMI_TRANSFER_H
#define APMI_TRANSFER_H

#include "operation.h"

/* A datagram went by way of the library's own memory: its bytes go where the caller wants. */
void apmi_transfer_scatter(apmi_operation *operation);

#endif
