/* SPDX-License-Identifier: MIT */
/* What goes to the server: the standard input, or a file, and then the end of our stream. */
#ifndef DEMO_UPLOAD_H
#define DEMO_UPLOAD_H

#include <apmsock/apmsock.h>

typedef struct upload upload;

/* What went wrong: it is said in different words. */
typedef enum upload_step { UPLOAD_READ, UPLOAD_SEND } upload_step;

/* Begins to send the standard input, or the file if `path` (UTF-8) is not NULL, over a
 * connected socket. The caller gives it back with upload_leave. */
apm_error upload_begin(apm_socket *socket, const char *path, upload **begun);

/* Set when everything is sent, or something went wrong. */
apm_manual_reset_event *upload_over(const upload *self);

/* How it ended; once it is over. */
apm_error upload_error(const upload *self, upload_step *step);

/* Waits for nothing, not even for somebody who types: what is under way goes on until the
 * socket is closed, or the process ends. NULL is harmless. */
void upload_leave(upload *self);

#endif
