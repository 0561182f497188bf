/* SPDX-License-Identifier: MIT */
/* What completion has to know of a connect. */
#ifndef APMI_CONNECT_H
#define APMI_CONNECT_H

#include "operation.h"

/* The post-step of a connect: makes the socket connected, or notes that it is not. May
 * change the operation's error. */
void apmi_connect_complete(apmi_operation *operation);

#endif
