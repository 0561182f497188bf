/* SPDX-License-Identifier: MIT */
/*
 * The end of a connection that was asked for: by a disconnect, or with a file.
 */
#ifndef APMI_DISCONNECT_H
#define APMI_DISCONNECT_H

#include "operation.h"
#include "timer.h"

/* In the operation's room. */
typedef struct apmi_farewell {
    apmi_operation *operation;
    bool reuses;  /* the socket shall be able to connect again */
    bool parts;   /* with that our stream is ended: the connection goes */
    bool waits;   /* for the peer's end */
    bool ended;   /* it has come */
    bool gave_up; /* waiting for it; under the gate */
    apmi_timer patience;
    unsigned char scratch[256]; /* what the peer still sends */
} apmi_farewell;

/* Ends our stream. Under the exclusive gate, with nothing outward in the kernel. */
apmk_code apmi_farewell_issue(apmi_operation *operation);
/* The same after a file that is on its way no more and still has its lane for itself. */
void apmi_farewell_follow(apmi_operation *operation);
/* A step of an APMI_DISCONNECT or APMI_SEND_FILE. True if it goes on. */
bool apmi_farewell_go_on(apmi_operation *operation);

#endif
