/* SPDX-License-Identifier: MIT */
/* What the server sends, on its way to the standard output. */
#ifndef DEMO_DOWNLOAD_H
#define DEMO_DOWNLOAD_H

#include <apmsock/apmsock.h>

typedef struct download download;

/* Begins to receive from a connected socket until its peer ends its stream. The caller gives
 * it back with download_leave. */
apm_error download_begin(apm_socket *socket, download **begun);

/* Set when it is over, for whatever reason. */
apm_manual_reset_event *download_over(const download *self);

/* How it ended; once it is over. *told says whether the user knows about the error already. */
apm_error download_error(const download *self, bool *told);

/* Bytes, so far. */
uint64_t download_received(download *self);

/* Waits for nothing: what is under way goes on, until the socket is closed. NULL is harmless. */
void download_leave(download *self);

#endif
