/* SPDX-License-Identifier: MIT */
/*
 * The simulated kernel, for tests: how it behaves, runs, failures, peers.
 *
 * It implements src/kernel.h for one process. What it does is drawn from a profile; the draws
 * come from a seed. Rules that the model has to keep towards the real kernel are checked:
 * a use of a closed handle, a second close, an OVERLAPPED that is passed while the kernel
 * owns it or changed meanwhile, a port closed too early, a handle asked to skip its port
 * while somebody is in a call. Each ends the process with the seed, the last events and the
 * state of the threads.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- how it behaves ------------------------------------------------------------------------ */

/* Fails with a chance of `rate` in 1000, and at the `nth` call from when the profile was set; with
 * `lasting` at all that follow, too. */
typedef struct sim_fault {
    uint32_t rate;
    uint32_t nth;
    bool lasting;
} sim_fault;

/* What fails, and with what, where it is not for want of memory (8). */
enum sim_fault_kind {
    SIM_POST,
    SIM_EVENT,
    SIM_THREAD,
    SIM_MEMORY,
    SIM_SOCKET,   /* 10024 */
    SIM_PORT,     /* ERROR_NO_SYSTEM_RESOURCES (1450) */
    SIM_ATTACH,   /* 1450 */
    SIM_SKIP,     /* skip-on-success cannot be had: no code */
    SIM_FILE,     /* 1450 */
    SIM_NAME,     /* 11002 */
    SIM_BIND,     /* 10055, and so on */
    SIM_DIAL,     /* a connect, at once */
    SIM_CONTEXT,  /* SO_UPDATE_CONNECT_CONTEXT */
    SIM_TRANSFER, /* a send or receive, at once */
    SIM_SHUTDOWN,
    SIM_SET_OPTION,
    SIM_GET_OPTION,
    SIM_CONTROL, /* WSAIoctl */
    SIM_POLL,
    SIM_START,   /* of the network: 10091 */
    SIM_WAIT,    /* for packets: there are none, after a moment; no code */
    SIM_NAME_OF, /* what a socket is, its endpoint, its peer's */
    SIM_FAULTS
};

/* Numbers without a unit are chances in 1000. */
typedef struct sim_profile {
    bool windows;       /* where Wine answers differently: this is the real one */
    bool ifs_handles;   /* the provider's sockets are file handles */
    bool cancel_sweeps; /* cancelling one TCP receive aborts all of the socket */
    bool close_resets;  /* closing with receives pending resets, unless shut down */
    bool any_close;     /* a local close ends what is pending as on Windows or as on Wine */
    bool silent_result; /* the system has no more to say than the packet */
    bool binds_io;      /* with a thread of the library's ends what it has begun */
    bool concurrency;   /* the port's value is enforced */
    bool only_ipv4;     /* there is no IPv6 */

    uint32_t switches; /* an interleaving switches threads (seeded) */
    uint32_t ticks;    /* and lets a millisecond pass (seeded) */

    uint32_t defers;      /* what could complete at once, or be delivered, is looked at later */
    uint32_t pends;       /* what has completed at once is reported as pending */
    uint32_t late_packet; /* the packet of what is complete comes later */
    uint32_t late_cancel; /* a cancel takes effect later */
    uint32_t reorders;    /* packets of different sockets overtake each other */
    uint32_t partial;     /* a receive takes, or the network carries, less than there is */
    uint32_t early_wake;  /* a wait on an address ends for no reason */

    uint32_t instant;     /* a connect that somebody answers is over when the call returns */
    uint32_t refuses;     /* a connect is refused although somebody listens */
    uint32_t hangs;       /* a connect is never answered, and times out */
    uint32_t haunts;      /* a cancelled connect goes on behind our back */
    uint32_t forgets;     /* a file that a reset finds half sent is never heard of again */
    uint32_t clock_jumps; /* the clock goes forward by up to an hour, as after a sleep */
    sim_fault faults[SIM_FAULTS];

    uint32_t delay;        /* ms: the most that what comes later is late */
    uint32_t refusal_time; /* ms that a connect is tried again which is refused */
    uint32_t syn_time;     /* ms until a connect that nobody answers times out */
    uint32_t clock_step;   /* ms: the clock stands still in between; 0 or 1: it does not */
    uint32_t send_room;    /* bytes between a socket and its peer */
    uint32_t receive_room; /* and between the peer and the socket */
    uint32_t processors;
} sim_profile;

/* Three of them:
 *   windows  real Windows: the port's concurrency, sweeping cancels, late refusals
 *   wine     Wine 8, where it answers otherwise
 *   hostile  all that a caller cannot tell from a slow machine: no provider with file handles,
 *            nothing completes when one would expect it, posts fail, the clock is coarse
 * False if there is none of that name. */
bool sim_profile_named(const char *name, sim_profile *profile);
/* The one that APMTEST_PROFILE names, or windows: in force until another one is set. */
sim_profile sim_base_profile(void);
/* While nothing else runs. */
void sim_set_profile(const sim_profile *profile);
const sim_profile *sim_profile_now(void);
/* How many calls could have failed that way since the profile was set. */
uint32_t sim_fault_calls(enum sim_fault_kind kind);

/* ---- runs ------------------------------------------------------------------------------------ */

/* Where all draws of the next run come from. */
void sim_seed(uint64_t seed);
/* Runs `body` from an empty kernel; afterwards nothing of it may be left. With the seeded
 * scheduler everything simulated has to happen inside. */
void sim_run(void (*body)(void *argument), void *argument);
/* All events of the last run in one number, with their threads and times: with the seeded scheduler the
 * same for the same seed, in every process. */
uint64_t sim_trace_hash(void);

/* A generator of one's own: the next number below `limit`, which is not 0. */
uint32_t sim_random(uint64_t *stream, uint32_t limit);
/* The world's: a number, a chance in 1000. */
uint32_t sim_draw(uint32_t limit);
bool sim_chance(uint32_t rate);

/* Threads and time of the simulated world. */
typedef struct sched_thread sim_thread;
sim_thread *sim_thread_start(const char *name, void (*run)(void *argument), void *argument);
void sim_thread_join(sim_thread *thread);
uint32_t sim_thread_self(void);
uint64_t sim_now(void);
void sim_sleep(uint32_t milliseconds);
/* The machine has slept for so long: the clock has gone on, and nobody's wait. */
void sim_clock_jump(uint32_t milliseconds);
/* Watches from outside, up to that level, as a session of ETW does; 0 ends it. */
void sim_watch(uint32_t level,
               void (*seen)(const char *name, const char *detail, int32_t error, uint64_t value));
void sim_interleave(void);
bool sim_is_seeded(void);

/* Told of every lock of the model's that a thread is about to take. Set while nothing else runs; NULL ends it. */
void sim_on_lock(void (*taken)(const void *lock));

/* ---- failures ---------------------------------------------------------------------------------- */

/* Prints the text, the seed, the last events, the threads; then aborts. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
_Noreturn void
sim_fail(const char *format, ...);
/* Called in between, to say how to see it again. */
void sim_on_failure(void (*explain)(void));
/* An event for the trace; `what` is static text, and a and b are what it says of them. */
void sim_note(const char *what, uint64_t a, uint64_t b);
/* Prints events as they happen. */
void sim_set_trace(bool on);

/* ---- what is alive -------------------------------------------------------------------------------- */

/* Threads are counted until they are joined, and, as running, until they are over. */
enum sim_object {
    SIM_EVENTS,
    SIM_SOCKETS,
    SIM_PORTS,
    SIM_THREADS,
    SIM_RUNNING,
    SIM_BLOCKS,
    SIM_STARTS,
    SIM_FILES,
    SIM_OBJECTS
};
int64_t sim_census(enum sim_object kind);

/* ---- names and options ------------------------------------------------------------------------- */

/* A name has these addresses, or the look-up fails with Winsock's code; the answer comes after
 * `delay` milliseconds. "localhost" and "" are always known, as ::1 and 127.0.0.1. All of it is
 * forgotten at the end of a run. */
struct apmk_address;
void sim_name_add(const char *host, const struct apmk_address *addresses, uint32_t count, uint32_t delay);
void sim_name_fail(const char *host, uint32_t code, uint32_t delay);
void sim_names_clear(void);
/* While they are held, look-ups wait; and how many of them are under way. */
void sim_names_hold(bool hold);
uint32_t sim_names_waiting(void);

/* What an option of the socket that was opened last is. */
int32_t sim_newest_option(int32_t level, int32_t name);

/* What apmk_loader_state says to the calling thread: as if it were in a DllMain. */
void sim_set_loader(uint32_t state);

/* ---- peers ------------------------------------------------------------------------------------------ */

/* The other end of stream connections. Families are Windows' numbers, addresses its sockaddr,
 * timeouts milliseconds. Calls block the calling thread only. */
typedef struct sim_listener sim_listener;
typedef struct sim_peer sim_peer;

enum { SIM_END = 0, SIM_RESET = -1, SIM_TIMEOUT = -2 };

/* A connection waits in the queue until it is accepted; when there are `backlog` of them, a
 * further one is left without an answer. With 0 all are. */
sim_listener *sim_listen(int32_t family, uint32_t backlog);
uint16_t sim_listener_port(const sim_listener *listener);
/* Those that wait in its queue are reset, those without an answer refused. */
void sim_listener_close(sim_listener *listener);
uint16_t sim_free_port(int32_t family); /* nobody listens there, and nobody will by himself */
/* A loopback address; returns its length. `address` has room for 28 bytes. */
int32_t sim_address(int32_t family, uint16_t port, void *address);
/* Connects a stream of the kernel's that is not the library's yet, as connect() does. False if it cannot, or no
 * listener there has room. */
bool sim_connect(uintptr_t socket, const void *address, int32_t length);

sim_peer *sim_accept(sim_listener *listener, uint32_t timeout);
uint16_t sim_peer_port(const sim_peer *peer); /* the other side's */
/* At most `size` bytes: their number, or one of the above. */
int64_t sim_peer_read(sim_peer *peer, void *data, size_t size, uint32_t timeout);
/* A hole, if that is what comes next: its length, or 0. sim_peer_read reads zeros there. What a file has not got
 * is a hole, and so are zeros in memory that were said to be one: they are not looked at. NULL forgets those. */
uint64_t sim_peer_skip_hole(sim_peer *peer);
void sim_say_zeros(const void *data, size_t size);
/* All of it, or what could be written in the time; SIM_RESET if the connection is gone and
 * nothing of it was written. */
int64_t sim_peer_write(sim_peer *peer, const void *data, size_t size, uint32_t timeout);
void sim_peer_end(sim_peer *peer); /* ends its stream */
/* Both free it. */
void sim_peer_close(sim_peer *peer);
void sim_peer_reset(sim_peer *peer);

#endif
