/* SPDX-License-Identifier: MIT */
/*
 * The kernel boundary: everything the model needs from the operating system, and nothing
 * that is not the operating system's. It is a link-time seam with two implementations:
 * win32/ (Winsock and Win32) and test/sim/ (a simulated kernel in portable C).
 *
 * It speaks of ports, packets, overlapped operations, events, threads and locks, and holds
 * no policy: what a failed connect means is decided in src/.
 *
 * Codes. Functions return a native code: 0 for success, else whatever the system says (a
 * Winsock or Win32 code; in a packet, an NTSTATUS). Only apmi_error_from_native() in
 * error.c gives it a meaning for callers.
 */
#ifndef APMI_KERNEL_H
#define APMI_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t apmk_code;
typedef uintptr_t apmk_socket;                  /* SOCKET */
typedef struct apmk_event_object *apmk_event;   /* HANDLE of a manual-reset event */
typedef struct apmk_port_object *apmk_port;     /* HANDLE of a completion port */
typedef struct apmk_thread_object *apmk_thread; /* HANDLE of a thread */

typedef struct apmk_file_object *apmk_file; /* HANDLE of a file open for reading */

#define APMK_NO_SOCKET (~(apmk_socket)0)
#define APMK_FOREVER 0xFFFFFFFFu

/* The codes the model itself has to know. */
enum {
    APMK_SUCCESS = 0,
    APMK_NO_MEMORY = 8, /* ERROR_NOT_ENOUGH_MEMORY */
    APMK_ABORTED = 995, /* ERROR_OPERATION_ABORTED */
    APMK_PENDING = 997  /* WSA_IO_PENDING: a packet will come */
};

/* The kernel's OVERLAPPED. The kernel owns it from a call that returns APMK_PENDING until
 * the packet has been taken from the port. All zero before each use. */
typedef struct apmk_overlapped {
    uintptr_t internal;
    uintptr_t internal_high;
    uint32_t offset;
    uint32_t offset_high;
    void *event; /* NULL for the model: completion is by packet */
} apmk_overlapped;

/* What a port delivers: a completed operation, or what was posted. */
typedef struct apmk_packet {
    uintptr_t key; /* given at attach or post */
    apmk_overlapped *overlapped;
    uint32_t bytes;
    apmk_code status; /* NTSTATUS of the operation: 0 is success, and so is what only informs (4.......);
                         undefined if posted */
} apmk_packet;

/* One stretch of data, laid out as the system's own description (WSABUF). */
typedef struct apmk_buffer {
    uint32_t size;
    void *data;
} apmk_buffer;

/* The most stretches one call is given: every system takes that many. */
enum { APMK_BUFFERS = 64 };

/* A socket address of `length` bytes, without the room for families we do not know. */
typedef struct apmk_address {
    int32_t length; /* 0: none */
    unsigned char bytes[28];
} apmk_address;

/* ---- the system ---------------------------------------------------------------------- */

/* Starts the network (counted by the system) and whatever the boundary keeps per process, such as a hold on
 * the module: its code stays until the stop.
 * apmk_start and apmk_stop are called in pairs, one at a time, and under no lock: they may take the
 * loader's. */
apmk_code apmk_start(void);
void apmk_stop(void);

/* Those that this process may run on, as far as its affinity mask tells. */
uint32_t apmk_processor_count(void);

/* Milliseconds of a clock that never goes back. It should stand still while the machine sleeps, as its waits do,
 * but not every system has such a one. */
uint64_t apmk_now(void);

/* The process heap. */
void *apmk_allocate(size_t size);
void apmk_release(void *block);

/* The system's text for a code in UTF-8, terminated, without a line end; the length the
 * whole text needs, 0 if the system has none. Never cuts inside a character. */
size_t apmk_error_text(int32_t code, char *text, size_t size);

/* ---- threads --------------------------------------------------------------------------- */

/* Each started thread is joined once, before apmk_stop; joining waits until it has left and closes it. To
 * start one takes no lock of the loader's; to begin and to end it does. */
apmk_code apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread);
void apmk_thread_join(apmk_thread thread);
/* Whether a join would not wait: a thread that has no more to do may still need the loader's lock to end. */
bool apmk_thread_has_ended(apmk_thread thread);
/* Whether something that this thread has begun would be aborted with its end. Windows does that where somebody watches
 * what programs read and write, such as its Resource Monitor: also to a handle that is on a port. */
bool apmk_thread_has_io(void);

/* Whether this thread holds the lock of the system's loader, as inside a DllMain. While it
 * does no thread begins and none ends: waiting for one would be for ever. At the end of the
 * process there are no other threads any more, and the locks they held stay locked. */
enum apmk_loader { APMK_LOADER_FREE, APMK_LOADER_HELD, APMK_LOADER_ENDS };
enum apmk_loader apmk_loader_state(void);

/* Values per thread, 0 in a thread that has set none; valid between start and stop. */
enum apmk_local { APMK_LOCAL_DEPTH, APMK_LOCAL_BATCH, APMK_LOCAL_COUNT };
uintptr_t apmk_local_get(enum apmk_local which);
void apmk_local_set(enum apmk_local which, uintptr_t value);

/* ---- locks and waits --------------------------------------------------------------------- */

/* A slim reader-writer lock; all zero is unlocked; nothing to destroy; not recursive. */
typedef struct apmk_lock {
    void *word;
} apmk_lock;
void apmk_lock_shared(apmk_lock *lock);
void apmk_unlock_shared(apmk_lock *lock);
void apmk_lock_exclusive(apmk_lock *lock);
void apmk_unlock_exclusive(apmk_lock *lock);

/* Waits while the word at `address` (an _Atomic uint32_t) holds `value`, at most `timeout`
 * milliseconds. May return early for no reason: look again. False when the time is over. */
bool apmk_wait_address(const void *address, uint32_t value, uint32_t timeout);
/* Wakes every thread that waits on the address; only the address counts, the memory may be gone. */
void apmk_wake_address(const void *address);

/* ---- manual-reset events ------------------------------------------------------------------ */

apmk_code apmk_event_create(bool signaled, apmk_event *event);
apmk_code apmk_event_set(apmk_event event);
apmk_code apmk_event_reset(apmk_event event);
/* 0 when signaled, WAIT_TIMEOUT (258) when the time is over. */
apmk_code apmk_event_wait(apmk_event event, uint32_t timeout);
void apmk_event_close(apmk_event event);
enum { APMK_WAIT_TIMEOUT = 258 };

/* ---- the completion port ------------------------------------------------------------------- */

apmk_code apmk_port_create(uint32_t concurrency, apmk_port *port);
void apmk_port_close(apmk_port port); /* no thread may be waiting on it */
/* Queues a packet of one's own; can fail for want of memory. */
apmk_code apmk_port_post(apmk_port port, uintptr_t key, apmk_overlapped *overlapped);
/* Takes 1..capacity packets; 0 when the time is over or the wait failed, which takes a moment, too: who gets
 * nothing comes again. */
uint32_t apmk_port_wait(apmk_port port, apmk_packet *packets, uint32_t capacity, uint32_t timeout);

/* ---- sockets ------------------------------------------------------------------------------- */

/* Overlapped, not inherited by child processes. Numbers and addresses are Winsock's. */
apmk_code apmk_socket_open(int32_t family, int32_t type, int32_t protocol, apmk_socket *socket);
/* Discards a socket. What is in flight on it was cancelled before: not every system does that
 * by itself. May block as long as the linger option says. */
void apmk_socket_close(apmk_socket socket);
/* Packets of the socket's operations go to the port, with `key`. Once per socket. */
apmk_code apmk_socket_attach(apmk_socket socket, apmk_port port, uintptr_t key);
/* Asks that an operation which succeeds at once sends no packet. False if it cannot be had:
 * a provider without file handles may send one all the same. `own`: from apmk_socket_open. */
bool apmk_socket_skip_on_success(apmk_socket socket, bool own);
/* Whether somebody else has asked for it before, which nobody can take back. PERHAPS: he has, of one that may send a
 * packet all the same, such as a datagram socket's for what does not fit. */
enum apmk_skipping { APMK_SKIPS_NOT, APMK_SKIPS, APMK_SKIPS_PERHAPS };
enum apmk_skipping apmk_socket_skips(apmk_socket socket);

apmk_code apmk_socket_bind(apmk_socket socket, const void *address, int32_t length);
/* Lets many outbound connections share a local port; before an implicit bind. A hint. */
void apmk_socket_reuse_unicast_port(apmk_socket socket);
/* Lets a refusal on loopback be known at the first attempt, or soon. A hint. */
void apmk_socket_quick_refusal(apmk_socket socket);
/* A close does not linger, whatever the option says: it resets the connection, or ends the stream, for
 * which it does not wait. */
void apmk_socket_set_abortive(apmk_socket socket, bool abortive);

/* The overlapped calls. Three outcomes and no more: 0, completed now (*bytes is set; a
 * packet comes unless skip-on-success is on); APMK_PENDING, a packet will come, perhaps
 * before the call has returned; anything else, failed, no packet. The data stays in place
 * until completion, and so does an address to send to; the list of buffers need not. There
 * are 1 to APMK_BUFFERS buffers. `family` is the socket's. */
apmk_code apmk_socket_connect(apmk_socket socket, int32_t family, const void *address, int32_t length,
                              apmk_overlapped *overlapped); /* ConnectEx: never completed now */
apmk_code apmk_socket_send(apmk_socket socket, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                           apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code apmk_socket_receive(apmk_socket socket, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                              apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code apmk_socket_send_to(apmk_socket socket, const apmk_buffer *buffers, uint32_t count, int32_t flags,
                              const void *address, int32_t length, apmk_overlapped *overlapped,
                              uint32_t *bytes);

/* Where a datagram came from: in place until completion. */
typedef struct apmk_source {
    int32_t length; /* the room on entry, the address' length at completion */
    uint32_t unused;
    uint64_t address[16];
} apmk_source;
apmk_code apmk_socket_receive_from(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                   int32_t flags, apmk_source *source, apmk_overlapped *overlapped,
                                   uint32_t *bytes);

/* A receive that also tells how the datagram came; in place until completion. The boundary
 * alone knows what is in it. */
typedef struct apmk_message {
    uintptr_t header[8]; /* WSAMSG */
    apmk_buffer data;
    apmk_source source;
    uint64_t control[16];
} apmk_message;
apmk_code apmk_socket_receive_message(apmk_socket socket, int32_t family, void *data, uint32_t size,
                                      int32_t flags, apmk_message *message, apmk_overlapped *overlapped,
                                      uint32_t *bytes);
/* What a completed message says. Addresses have length 0 where it says nothing (`destination`
 * has port 0); flags are Winsock's (truncated 0x100, ...). */
typedef struct apmk_message_details {
    apmk_address source;
    apmk_address destination;
    uint32_t interface_index;
    int32_t flags;
} apmk_message_details;
void apmk_message_read(const apmk_message *message, apmk_message_details *details);

/* What goes before and after a file (TRANSMIT_FILE_BUFFERS); in place until completion. */
typedef struct apmk_file_ends {
    void *head;
    uint32_t head_size;
    void *tail;
    uint32_t tail_size;
} apmk_file_ends;
/* Sends the head, `size` bytes of the file (may be NULL, then 0) from the offset that the
 * overlapped names, and the tail: at most APMK_FILE_LIMIT bytes together. The file stays open
 * until completion. `flags` are TransmitFile's that are about how (4 write-behind, 16 system
 * thread, 32 kernel APC). */
enum { APMK_FILE_LIMIT = 0x7FFFFFFE };
apmk_code apmk_socket_send_file(apmk_socket socket, int32_t family, apmk_file file, uint32_t size,
                                apmk_file_ends *ends, int32_t flags, apmk_overlapped *overlapped,
                                uint32_t *bytes);

/* Asks for one operation, or with NULL all of the socket's, to be aborted. Never an answer. */
void apmk_socket_cancel(apmk_socket socket, apmk_overlapped *overlapped);
/* The Winsock code of an operation whose packet said it failed; 0 if the system has no more to say. */
apmk_code apmk_socket_result(apmk_socket socket, apmk_overlapped *overlapped);

apmk_code apmk_socket_connect_datagram(apmk_socket socket, const void *address, int32_t length);
apmk_code apmk_socket_update_connect_context(apmk_socket socket);
apmk_code apmk_socket_shutdown(apmk_socket socket, int32_t how);
/* *length is the room on entry and the length on return. */
apmk_code apmk_socket_local(apmk_socket socket, void *address, int32_t *length);
apmk_code apmk_socket_remote(apmk_socket socket, void *address, int32_t *length);
/* Of one that is readable: whether the peer has ended its stream, and nothing is left unread. Does not wait. */
bool apmk_socket_has_ended(apmk_socket socket);

/* Whether it is readable (mode 0: bytes, or the end, or an error to be had), writable (1) or
 * has failed to connect (2); waits for it at most `timeout` milliseconds. */
apmk_code apmk_socket_poll(apmk_socket socket, int32_t mode, uint32_t timeout, bool *ready);
/* Options by Winsock's level and name; *size is the room on entry and what was written on
 * return, though some systems write less of a boolean than they say. */
apmk_code apmk_socket_set_option(apmk_socket socket, int32_t level, int32_t name, const void *value,
                                 int32_t size);
apmk_code apmk_socket_get_option(apmk_socket socket, int32_t level, int32_t name, void *value, int32_t *size);
/* WSAIoctl, without an overlapped; and the codes the model uses itself. */
#define APMK_BYTES_TO_READ 0x4004667Fu        /* FIONREAD */
#define APMK_NON_BLOCKING 0x8004667Eu         /* FIONBIO */
#define APMK_KEEP_ALIVE_VALUES 0x98000004u    /* SIO_KEEPALIVE_VALS */
#define APMK_UDP_CONNECTION_RESET 0x9800000Cu /* SIO_UDP_CONNRESET */
apmk_code apmk_socket_io_control(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                 void *out, uint32_t out_size, uint32_t *returned);
/* A code that waits for something to change. Whoever sets `over` and then cancels all that the socket does ends
 * it, wherever it is: apmk_socket_cancel alone misses what has not begun. The handle stays open meanwhile. */
apmk_code apmk_socket_io_control_wait(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                      void *out, uint32_t out_size, uint32_t *returned,
                                      const _Atomic bool *over);
/* What a socket is that somebody else has opened. */
apmk_code apmk_socket_describe(apmk_socket socket, int32_t *family, int32_t *type, int32_t *protocol);
/* Child processes do not inherit it from here on. */
void apmk_socket_disinherit(apmk_socket socket);

/* ---- files and names --------------------------------------------------------------------------- */

/* Opens a file (UTF-8 path, not a directory) for reading in order; others may read it, too. */
apmk_code apmk_file_open(const char *path, apmk_file *file, uint64_t *size);
void apmk_file_close(apmk_file file);

/* Looks a host name (UTF-8) up, for stream sockets of both Internet families. Blocks for as
 * long as the system takes. Addresses have port 0 and come in the order to try them in; at
 * most `room` of them. A code that is none of Winsock's is WSAHOST_NOT_FOUND (11001). */
apmk_code apmk_name_find(const char *host, apmk_address *found, uint32_t room, uint32_t *count);

/* ---- watchers ---------------------------------------------------------------------------------- */

/* Whoever watches programs from outside (ETW). From start to stop `changed` is told, on any thread,
 * up to which level somebody watches; 0: nobody. In pairs, one at a time; without one to be had
 * nothing happens. */
void apmk_trace_start(void (*changed)(uint32_t level));
void apmk_trace_stop(void);
/* Tells those who watch. The texts are ASCII, and copied. */
void apmk_trace_write(const char *name, int32_t level, uint64_t keyword, const char *detail,
                      const void *socket, const void *result, int32_t error, uint64_t value);

/* ---- interleaving points --------------------------------------------------------------------- */

/* Where the model is between two atomic steps that another thread may come between. The
 * simulated kernel switches threads here; the real one has no such call. */
#ifdef APMK_SIMULATED
void apmk_interleave(void);
#else
#define apmk_interleave() ((void)0)
#endif

#endif
