/* SPDX-License-Identifier: MIT */
/*
 * What the library has done: its own part of the numbers. The sockets' part is in socket.h and lane.h.
 */
#ifndef APMI_STATISTICS_H
#define APMI_STATISTICS_H

#include <apmsock/statistics.h>
#include <stdatomic.h>

typedef struct apmi_statistics {
    apm_statistics gone;              /* the sums of the sockets that have left; under the lock of the list */
    _Atomic uint64_t carried;         /* of those begun: what a socket's word has no room for */
    _Atomic uint64_t aborted, failed; /* operations */
} apmi_statistics;

void apmi_statistics_init(apmi_statistics *statistics);
/* Under the lock of the list: a socket leaves that has done all it will do. */
void apmi_statistics_take(apmi_statistics *statistics, const apm_socket *socket);

#endif
