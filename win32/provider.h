/* SPDX-License-Identifier: MIT */
/* Whoever makes the sockets: Winsock's own provider, or a layer above it. Private to win32/. */
#ifndef APMK_PROVIDER_H
#define APMK_PROVIDER_H

#include "kernel.h"

/* At the start of the library. Not later: it takes the loader's lock, which must not be waited for
 * under a socket's gate, since a close in a DllMain waits for that. */
void apmk_provider_look(void);
bool apmk_provider_is_wine(void);
/* The same before the start; takes the loader's lock. */
bool apmk_provider_find_wine(void);
/* The least number of further attempts of a connect that TCP can be told, as SIO_TCP_INITIAL_RTO has it. */
uint8_t apmk_provider_least_retries(void);
/* Whether a stream's handle is a file's, which can be told to skip the port. `own`: it is from
 * apmk_socket_open. */
bool apmk_provider_has_files(apmk_socket socket, bool own);
/* Whether its handle has been told to skip the port; false if the system does not say. */
bool apmk_provider_is_told_to_skip(apmk_socket socket);

#endif
