/* SPDX-License-Identifier: MIT */
/* What the parts of operation_cost have in common: a scene, and what one is made of. */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <apmsock/apmsock.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim.h"

#define COST_PATIENCE 60000u /* ms */

typedef struct cost_scene {
    const char *name;
    void (*once)(void);
    void (*begin)(void);        /* before the first time; NULL: nothing */
    void (*end)(void);          /* after the last one; NULL: nothing */
    uint32_t operations;        /* of one time */
    bool shares;                /* takes locks that sockets share, and may */
    uint32_t heap;              /* blocks, and */
    uint32_t calls[SIM_FAULTS]; /* calls of the kernel, each time */
} cost_scene;

/* Under way: the connection that most scenes have, and its peer. */
extern apm_socket *cost_stream;
extern sim_peer *cost_other;
extern uint64_t cost_callbacks; /* that ran, of the scene's operations */
extern bool cost_over;          /* the scene has ended: what is pending is aborted */

void cost_check(bool condition, const char *what);
/* Until so many callbacks have run. */
void cost_await(uint64_t callbacks);
/* Connects a socket, both left to the caller. Without it there is nothing to count: ends the program then. */
sim_peer *cost_connect(apm_socket **made);
/* It is one of the scene's own: its locks are not shared ones. At most COST_BURST of them. */
void cost_own(const apm_socket *socket);
/* In a callback: that it runs on a worker. */
void cost_check_worker(void);

/* How many blocks the library has of the heap, and their bytes. */
typedef struct cost_memory {
    uint64_t blocks, bytes;
} cost_memory;
cost_memory cost_memory_now(void);

/* Connections that wait beside, each with a receive. */
void cost_crowd_gather(uint32_t size);
void cost_crowd_leave(void);
/* After the end of the library. */
void cost_crowd_forget(void);

/* ---- the scenes ----------------------------------------------------------------------------------- */

/* In the callbacks of one connection: it Ends its receive and Begins a send, whose callback Begins
 * the next receive. Each time one round trip, or a row of them that are over at once. */
enum { COST_ROW = 64 };
void cost_chain_begin(void);
void cost_chain_once(void);
void cost_chain_row(void);

/* Many connections have something to receive, and one worker takes it all with one wait: each
 * callback Ends its receive and Begins the next one. */
enum { COST_BURST = 64 };
void cost_burst_begin(void);
void cost_burst_once(void);
void cost_burst_end(void);

#endif
