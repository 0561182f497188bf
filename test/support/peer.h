/* SPDX-License-Identifier: MIT */
/*
 * The other end of a connection, scripted by a test: blocking calls with a watchdog. Two
 * implementations: peer_winsock.c (real sockets on loopback, sharing nothing with the
 * library) and peer_sim.c (the simulated network).
 */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include <apmsock/apmsock.h>

typedef struct peer_listener peer_listener;
typedef struct peer peer;

enum { PEER_END = 0, PEER_RESET = -1, PEER_TIMEOUT = -2 };

/* Listens on loopback on a free port. NULL when the family is not to be had here. */
peer_listener *peer_listen(int32_t family);
/* As peer_listen, but its queue is full: a connect to it stays pending until it is closed. */
peer_listener *peer_listen_hanging(int32_t family);
void peer_listener_endpoint(const peer_listener *listener, apm_endpoint *endpoint);
void peer_listener_close(peer_listener *listener); /* NULL is harmless */

/* An endpoint on loopback where nobody listens. */
void peer_refusing_endpoint(int32_t family, apm_endpoint *endpoint);
/* An IPv4 endpoint to which there is no way: a connect fails with NetworkUnreachable. Nothing
 * goes over the network. */
void peer_unreachable_endpoint(apm_endpoint *endpoint);

/* The next connection; NULL after `timeout` milliseconds. */
peer *peer_accept(peer_listener *listener, uint32_t timeout);
uint16_t peer_port(const peer *other); /* the other side's */
/* Up to `size` bytes: their number, PEER_END, PEER_RESET or PEER_TIMEOUT. */
int64_t peer_read(peer *other, void *data, size_t size, uint32_t timeout);
/* Exactly `size` bytes; false if it ended otherwise. */
bool peer_read_all(peer *other, void *data, size_t size, uint32_t timeout);
/* Zeros that come next and that the network has carried as their number: how many. Where it carries each byte
 * there are none. Else they are what is a hole in a file, and what it was told of in memory (NULL: nothing). */
uint64_t peer_skip_hole(peer *other);
void peer_say_zeros(const void *data, size_t size);
bool peer_write(peer *other, const void *data, size_t size); /* all of it */
void peer_end(peer *other);                                  /* ends its stream: FIN */
void peer_close(peer *other);                                /* FIN; frees it; NULL is harmless */
void peer_reset(peer *other);                                /* RST; frees it */

/* Windows only. From now on Winsock is in use until the end of the process: otherwise the library's
 * WSACleanup is the last one, which closes every socket, also those that it has forgotten. */
bool peer_keep_network(void);

/* Whether the kernel below does as Wine does, where Wine differs from real Windows. */
bool peer_kernel_is_wine(void);

#endif
