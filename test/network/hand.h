/* SPDX-License-Identifier: MIT */
/*
 * The hand that breaks the network: hand.py, outside of the program. Each call sends it one line,
 * over the loopback and with a socket of the library's, and blocks until that is done. What the
 * lines are is said there, and the addresses in wire.py.
 */
#ifndef TEST_HAND_H
#define TEST_HAND_H

#include "../support/fixture.h"

#define ALIVE "10.79.3.1"
#define SILENT "10.79.1.1"

/* Room for a line, and for an answer. */
enum { HAND_LINE = 300 };

#if defined(__GNUC__)
#define HAND_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define HAND_PRINTF
#endif

/* Checks that it was done. The answer without its "ok ", or empty; valid until the next call. */
const char *hand_do(const char *format, ...) HAND_PRINTF;

/* Listens as `name` at that address and port (0: any); where that is. */
apm_endpoint hand_listen(const char *name, const char *address, uint16_t port);
/* An endpoint; checks that the text is one. */
apm_endpoint endpoint_at(const char *address, uint16_t port);
/* Whether nobody has connected to that listener. */
bool hand_is_unreached(const char *listener);

/* A connection to `listener`'s next peer, which is called `name` from now on; checks. NULL if none. */
apm_socket *hand_connect(const apm_endpoint *remote, const char *listener, const char *name);
/* A byte goes through in both directions: `name` has read and written `place` bytes before. */
void hand_check_alive(apm_socket *socket, const char *name, uint64_t place);

#endif
