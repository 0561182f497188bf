/* SPDX-License-Identifier: MIT */
/* Waiting in the kernel with a socket's handle, which may be closed meanwhile. */
#ifndef APMI_POLL_H
#define APMI_POLL_H

#include <apmsock/base.h>

#include "kernel.h"

/* Whoever waits, for as long as he does. */
typedef struct apmi_poller {
    struct apmi_poller *next;
    apmk_socket kernel;
    _Atomic bool orphan; /* the handle is the pollers' to close; written under the list's lock */
} apmi_poller;

/* Under the gate of an open socket: from here on the handle is `kernel`, and stays open, also without the gate.
 * The caller holds the socket. */
void apmi_poll_enter(apm_socket *socket, apmi_poller *poller);
/* Not under the gate. */
void apmi_poll_leave(apm_socket *socket, const apmi_poller *poller);
/* The handle is to be closed: true if somebody polls it, who then closes it. */
bool apmi_poll_orphan(apm_socket *socket, apmk_socket kernel);

#endif
