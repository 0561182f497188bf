/* SPDX-License-Identifier: MIT */
/*
 * Inside the simulated kernel: sockets, links, requests, the work that is done later. All of
 * it is under one mutex, sim_network; a port has its own, taken inside that one.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "kernel.h"
#include "scheduler.h"
#include "sim.h"

extern sched_mutex sim_network;

enum { SIM_IPV4 = 2, SIM_IPV6 = 23, SIM_STREAM = 1, SIM_DATAGRAM = 2, SIM_ADDRESS_ROOM = 28 };

/* NTSTATUS values. */
#define STATUS_PENDING 0x00000103u
#define STATUS_RECEIVE_EXPEDITED 0x40000010u /* a success */
#define STATUS_BUFFER_OVERFLOW 0x80000005u
#define STATUS_HANDLES_CLOSED 0x8000000Au
#define STATUS_IO_TIMEOUT 0xC00000B5u
#define STATUS_CANCELLED 0xC0000120u
#define STATUS_LOCAL_DISCONNECT 0xC000013Bu
#define STATUS_CONNECTION_RESET 0xC000020Du
#define STATUS_CONNECTION_REFUSED 0xC0000236u
#define STATUS_PORT_UNREACHABLE 0xC000023Fu
#define STATUS_CONNECTION_ABORTED 0xC0000241u

/* Winsock's and Win32's codes that calls return. */
enum {
    CODE_NO_FILE = 2,
    CODE_NO_ACCESS = 5,
    CODE_INVALID_PARAMETER = 87,
    CODE_IO_INCOMPLETE = 996,
    CODE_NO_RESOURCES = 1450,
    CODE_INTERRUPTED = 10004,
    CODE_DENIED = 10013,
    CODE_FAULT = 10014,
    CODE_INVALID = 10022,
    CODE_TOO_MANY = 10024,
    CODE_NOT_SOCKET = 10038,
    CODE_MESSAGE_SIZE = 10040,
    CODE_NO_OPTION = 10042,
    CODE_PROTOCOL = 10043,
    CODE_SOCKET_TYPE = 10044,
    CODE_NOT_SUPPORTED = 10045,
    CODE_FAMILY = 10047,
    CODE_ADDRESS_IN_USE = 10048,
    CODE_NO_ADDRESS = 10049,
    CODE_UNREACHABLE = 10051,
    CODE_ABORTED = 10053,
    CODE_RESET = 10054,
    CODE_NO_BUFFERS = 10055,
    CODE_IS_CONNECTED = 10056,
    CODE_NOT_CONNECTED = 10057,
    CODE_SHUT_DOWN = 10058,
    CODE_TIMED_OUT = 10060,
    CODE_REFUSED = 10061,
    CODE_NOT_READY = 10091,
    CODE_NO_HOST = 11001,
    CODE_TRY_AGAIN = 11002
};

/* ---- addresses -------------------------------------------------------------------------------- */

/* Where an address leads. The documentation's networks stand for hosts of a kind. */
enum sim_net {
    SIM_LOOPBACK,
    SIM_SILENT,      /* 192.0.2.0/24, 2001:db8::/32: never answers */
    SIM_UNREACHABLE, /* 198.51.100.0/24, and all else */
    SIM_REFUSING,    /* 203.0.113.0/24: refuses, in its own time */
    SIM_BROADCAST    /* 255.255.255.255 */
};

typedef struct sim_place {
    int32_t family; /* SIM_IPV4 for a mapped address */
    enum sim_net net;
    bool any;      /* the wildcard */
    uint32_t host; /* an IPv4 address */
    uint16_t port;
    unsigned char far[16]; /* an IPv6 address that is not this host's */
} sim_place;

/* ---- bytes on their way ---------------------------------------------------------------------- */

/* A hole is carried as its length: it takes no room and no work, and nothing gets in behind it before it is
 * out. */
typedef struct sim_pipe {
    unsigned char *data;
    size_t room, head, count;
    uint64_t hole; /* zeros that come after these */
    bool ended;    /* nothing comes after what is in it */
} sim_pipe;

void sim_pipe_init(sim_pipe *pipe, size_t room);
void sim_pipe_destroy(sim_pipe *pipe);
/* As much as fits, or is there: how much. */
size_t sim_pipe_put(sim_pipe *pipe, const unsigned char *data, size_t size);
void sim_pipe_put_hole(sim_pipe *pipe, uint64_t size);
size_t sim_pipe_get(sim_pipe *pipe, unsigned char *data, size_t size, bool peek);
/* The whole hole, if it is what comes next; otherwise 0. */
uint64_t sim_pipe_get_hole(sim_pipe *pipe);
bool sim_pipe_is_empty(const sim_pipe *pipe);
size_t sim_pipe_left(const sim_pipe *pipe); /* the room for bytes */

/* A stream between a socket and a peer; goes when both are gone. */
typedef struct sim_socket sim_socket;
typedef struct sim_link {
    struct sim_link *next; /* in the listener's queue */
    sim_socket *socket;    /* NULL: closed */
    bool peer_gone;        /* closed; or nobody ever accepted it */
    bool reset;            /* the socket's side has been reset */
    bool peer_reset;       /* the peer's side has */
    uint16_t port;         /* the socket's */
    sim_pipe out, in;      /* as the socket sees it */
    sched_condition changed;
} sim_link;

/* Either side is gone. */
void sim_link_leave_socket(sim_link *link);
void sim_link_leave_peer(sim_link *link);
/* The peer's side resets it, and is gone. */
void sim_link_reset(sim_link *link);

struct sim_peer {
    sim_link *link;
};

/* ---- requests ---------------------------------------------------------------------------------- */

/* Files and datagrams to anybody are sends, datagrams from anybody receives. */
typedef enum sim_kind { SIM_CONNECT, SIM_SEND, SIM_RECEIVE, SIM_KINDS } sim_kind;

/* What has to stay in place besides the data. */
enum { SIM_KEPT = 2, SIM_FILE_PART = 1 };
typedef struct sim_kept {
    const unsigned char *data;
    size_t size;
} sim_kept;

/* An overlapped call, from its beginning until its packet has been taken; or what was posted. */
typedef struct sim_request {
    struct sim_request *next; /* in the one list it can be in */
    uint64_t number;
    uint64_t source; /* the socket; 0: posted */
    uint32_t thread; /* that has begun it */
    sim_kind kind;
    apmk_overlapped *overlapped;
    apmk_buffer parts[APMK_BUFFERS]; /* the caller's list, as of the call */
    uint32_t part_count;
    uint32_t size, done;
    int32_t flags;
    sim_place to;          /* of a datagram */
    apmk_source *sender;   /* a receive's: where it came from, */
    apmk_message *message; /* and how */
    bool is_file;
    apmk_file source_file; /* of which parts[SIM_FILE_PART] is, from the offset on; it must stay open */
    uint64_t file_offset;
    sim_kept kept[SIM_KEPT];
    uint32_t kept_count;
    apmk_port port;
    uintptr_t key;
    apmk_code status;
    bool issuing;   /* its call is still deciding what to return */
    bool finished;  /* status and done are final */
    bool cancelled; /* somebody has asked for it */
} sim_request;

/* `like` has the data and what else is the caller's; NULL for a connect. */
sim_request *sim_request_new(sim_socket *socket, sim_kind kind, const sim_request *like,
                             apmk_overlapped *overlapped);
void sim_request_delete(sim_request *request);
/* Looked at when the kernel gives the request back. */
void sim_request_keep(sim_request *request, const void *data, size_t size);
/* A file must not be closed while a request uses it. */
void sim_file_use(apmk_file file, int change);
/* Off its socket's list, and its packet is on the way; or, if it is being issued, noted. */
void sim_request_finish(sim_socket *socket, sim_request *request, apmk_code status);
/* The kernel gives it back: overlapped and data are touched for the last time. */
void sim_request_return(sim_request *request);
void sim_request_deliver(sim_request *request); /* the packet, now or later */
void sim_request_append(sim_socket *socket, sim_request *request);
uint32_t sim_request_count(sim_kind kind); /* in the lists of all sockets */
/* What the issuing call returns. `later`: the request was not looked at. */
apmk_code sim_request_answer(sim_socket *socket, sim_request *request, bool later, uint32_t *bytes);
apmk_code sim_status_code(apmk_code status);
uint64_t sim_request_last(void); /* the number of the last one that was made */

uint32_t sim_locks_held(void); /* the library's, by the calling thread */

/* To the end of the port's queue. */
void sim_port_push(apmk_port port, sim_request *packet);
/* A wait in the kernel: meanwhile, the thread does not count among those that run for a port. */
bool sim_block(sched_condition *condition, sched_mutex *mutex, uint64_t deadline);
void sim_port_pause(void);
void sim_port_resume(void);
void sim_port_leave(void); /* the thread ends */
void sim_port_reset(void); /* at the end of the run */

/* ---- sockets -------------------------------------------------------------------------------------- */

enum sim_state { SIM_IDLE, SIM_CONNECTING, SIM_LINKED, SIM_FAILED, SIM_ABANDONED };

typedef struct sim_datagram {
    struct sim_datagram *next;
    sim_place from, to;
    uint32_t size;
    unsigned char data[];
} sim_datagram;

typedef struct sim_option {
    struct sim_option *next;
    int32_t level, name, size;
    unsigned char value[64];
} sim_option;

struct sim_socket {
    apmk_socket handle;
    int32_t family, type;
    enum sim_state state;
    bool updated; /* its context */
    bool any;     /* bound to the wildcard */
    bool late;    /* its port is none for others before it is connected */
    bool skips, quick;
    uint32_t calls;                 /* sends and receives that have not returned */
    uint32_t sweeps;                /* cancels of all that it does */
    bool ended_send, ended_receive; /* by shutdown */
    bool unreachable;               /* a datagram of its has found nobody: to be told */
    uint16_t port, remote_port;     /* 0: none */
    uint32_t host;                  /* its own IPv4 address */
    sim_place remote;
    struct sim_option *options; /* those that were set */
    apmk_port target;           /* NULL: none */
    uintptr_t key;
    sim_link *link;
    sim_request *first[SIM_KINDS], *last[SIM_KINDS];
    sim_datagram *inbox, *inbox_last;
    uint32_t inbox_count;
};

/* Uses of a handle that is none end the process. */
sim_socket *sim_socket_find(apmk_socket handle);
sim_socket *sim_socket_look(apmk_socket handle); /* NULL if it is closed */
/* Windows knows nothing of a connection that ConnectEx has made until it is told. */
bool sim_socket_is_in_limbo(const sim_socket *socket);
sim_socket *sim_socket_next(apmk_socket after, sim_socket *at); /* each open one, in order of age */
bool sim_port_taken(int32_t family, int32_t type, uint16_t port);
uint16_t sim_port_free(int32_t family, int32_t type);
/* False if it is no address that a socket can use; one of IPv4 is mapped for a dual-mode one. */
bool sim_address_read(const sim_socket *socket, const void *address, int32_t length, sim_place *place);
int32_t sim_address_write(int32_t family, uint16_t port, bool any, void *address);
/* As a socket of that family sees it. */
int32_t sim_place_write(int32_t family, const sim_place *place, void *address);

/* The bytes of a request. */
void sim_parts_set(sim_request *request, const apmk_buffer *buffers, uint32_t count);
/* How many of those from `at` on the pipe takes now; and putting `size` of them there: how many it took. */
uint32_t sim_parts_room(const sim_request *request, uint32_t at, const sim_pipe *pipe);
uint32_t sim_parts_put(const sim_request *request, uint32_t at, uint32_t size, sim_pipe *pipe);
/* Into contiguous memory, or from there. */
void sim_parts_gather(const sim_request *request, unsigned char *to);
void sim_parts_scatter(const sim_request *request, const unsigned char *from, uint32_t size);

/* Files. Up to `size` bytes from the offset on: those of a hole that begins there, and putting them. */
uint32_t sim_file_hole(apmk_file file, uint64_t offset, uint32_t size);
uint32_t sim_file_put(apmk_file file, uint64_t offset, uint32_t size, sim_pipe *pipe);

/* What an option was set to, or its default. */
int32_t sim_option_value(const sim_socket *socket, int32_t level, int32_t name);
void sim_option_keep(sim_socket *socket, int32_t level, int32_t name, const void *value, int32_t size);
/* Of level 0xFFFF: connections may share the port that a bind to none finds. */
enum { SIM_REUSE_PORT = 0x3007 };
void sim_options_delete(sim_socket *socket);
/* The calls of sends and receives. */
apmk_code sim_transfer(apmk_socket handle, sim_kind kind, const sim_request *like,
                       apmk_overlapped *overlapped, uint32_t *bytes);

/* Lets requests and bytes meet. */
void sim_socket_settle(sim_socket *socket);
/* Now, or later, as chance has it. */
void sim_socket_poke(sim_socket *socket);
void sim_stream_settle(sim_socket *socket);
void sim_datagram_settle(sim_socket *socket);
void sim_datagram_send(sim_socket *socket, sim_request *request);
void sim_datagram_write_details(const sim_socket *socket, sim_request *request, const sim_datagram *datagram);
/* The calling thread ends: so does what it has begun, where the profile has it so. */
void sim_transfer_abandon(void);
/* Aborts one kind's requests, or only one request; NULL for all of the kind. */
void sim_socket_abort(sim_socket *socket, sim_kind kind, const apmk_overlapped *only, apmk_code status);

/* A connect that is due: answered, refused or left alone. */
void sim_connect_try(sim_socket *socket);
/* It was asked to be aborted. */
void sim_connect_abort(sim_socket *socket, apmk_code status);

sim_listener *sim_listener_find(int32_t family, uint16_t port);
bool sim_listener_taken(int32_t family, uint16_t port);
bool sim_listener_has_room(const sim_listener *listener);
void sim_listener_queue(sim_listener *listener, sim_link *link);

/* ---- what is done later ------------------------------------------------------------------------------ */

enum sim_task {
    SIM_TASK_POKE,
    SIM_TASK_CONNECT,
    SIM_TASK_TIMEOUT, /* of a connect */
    SIM_TASK_CANCEL,  /* of one request, or with none of all */
    SIM_TASK_DELIVER
};

/* By a thread of the kernel's own, started at the first need. */
void sim_work_start(void);
void sim_work_stop(void);
/* After `after` milliseconds and a delay by chance. */
void sim_work_add(enum sim_task task, apmk_socket socket, sim_request *request, uint32_t after);
/* Whether a packet of this source and kind is on the way: those behind it must not overtake. */
bool sim_work_delivers(const sim_request *like);

/* ---- the rest ------------------------------------------------------------------------------------------ */

/* Every call of the boundary begins with it. */
void sim_enter(const char *what, uint64_t a, uint64_t b);
bool sim_fault_strikes(enum sim_fault_kind kind);
/* Of the profile in force. */
void sim_profile_clock(uint32_t *jumps, uint32_t *step);
void sim_count(enum sim_object kind, int64_t change);
uint32_t sim_delay(void);
/* Memory of the simulated kernel itself: never fails, and is zero. */
void *sim_memory(size_t size);
/* A run begins from nothing. */
void sim_request_reset(void);
void sim_socket_reset_table(void);
void sim_listener_check_table(void);
void sim_names_reset(void);
void sim_clock_reset(void);

#endif
