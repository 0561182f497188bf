/* SPDX-License-Identifier: MIT */
/* Waiting for a state of a socket's handle, which may be closed meanwhile. */
#ifndef APMI_POLL_H
#define APMI_POLL_H

#include <apmsock/base.h>

#include "kernel.h"

/* The handle is to be closed: true if somebody polls it, who then closes it. */
bool apmi_poll_orphan(apm_socket *socket, apmk_socket kernel);

#endif
