/* SPDX-License-Identifier: MIT */
/*
 * Failures between the model and the real kernel: the linker (--wrap) lets the model call these
 * instead of the boundary's functions, and these call on, unless it is their turn to fail. With the
 * codes that the simulated kernel has for it (sim.h). The names are the linker's.
 */
#include "fault_win32.h"

#include <stdatomic.h>

#include "kernel.h"

enum {
    CODE_NO_RESOURCES = 1450,
    CODE_TOO_MANY = 10024,
    CODE_NO_BUFFERS = 10055,
    CODE_NOT_READY = 10091,
    CODE_TRY_AGAIN = 11002
};

static struct {
    _Atomic uint32_t nth, calls;
    _Atomic bool lasting;
} faults[SIM_FAULTS];
static _Atomic uint32_t strikes;
static _Atomic int64_t blocks;
/* A thread is a resource of its own, its block belongs to it: whether the pool starts one during an
 * act is up to the system's scheduler. */
static _Thread_local bool starts_thread;

void fault_set(enum sim_fault_kind kind, uint32_t nth, bool lasting)
{
    atomic_store(&faults[kind].nth, 0);
    atomic_store(&faults[kind].calls, 0);
    atomic_store(&faults[kind].lasting, lasting);
    atomic_store(&faults[kind].nth, nth);
}

uint32_t fault_calls(enum sim_fault_kind kind)
{
    return atomic_load(&faults[kind].calls);
}

uint32_t fault_strikes(void)
{
    return atomic_load(&strikes);
}

int64_t fault_blocks(void)
{
    return atomic_load(&blocks);
}

static bool is_struck(enum sim_fault_kind kind)
{
    uint32_t call = atomic_fetch_add(&faults[kind].calls, 1) + 1, nth = atomic_load(&faults[kind].nth);
    bool struck = nth != 0 && (call == nth || (call > nth && atomic_load(&faults[kind].lasting)));

    if (struck) atomic_fetch_add(&strikes, 1);
    return struck;
}

/* ---- memory, and what has no code ------------------------------------------------------------------ */

void *__real_apmk_allocate(size_t size);
void *__wrap_apmk_allocate(size_t size);
void *__wrap_apmk_allocate(size_t size)
{
    void *block = !starts_thread && is_struck(SIM_MEMORY) ? NULL : __real_apmk_allocate(size);

    if (block != NULL) atomic_fetch_add(&blocks, 1);
    return block;
}

void __real_apmk_release(void *block);
void __wrap_apmk_release(void *block);
void __wrap_apmk_release(void *block)
{
    if (block != NULL) atomic_fetch_sub(&blocks, 1);
    __real_apmk_release(block);
}

bool __real_apmk_socket_skip_on_success(apmk_socket socket, bool own);
bool __wrap_apmk_socket_skip_on_success(apmk_socket socket, bool own);
bool __wrap_apmk_socket_skip_on_success(apmk_socket socket, bool own)
{
    return !is_struck(SIM_SKIP) && __real_apmk_socket_skip_on_success(socket, own);
}

/* The failure is the system's own, at a port that is none; so it takes its time, too. */
uint32_t __real_apmk_port_wait(apmk_port port, apmk_packet *packets, uint32_t capacity, uint32_t timeout);
uint32_t __wrap_apmk_port_wait(apmk_port port, apmk_packet *packets, uint32_t capacity, uint32_t timeout);
uint32_t __wrap_apmk_port_wait(apmk_port port, apmk_packet *packets, uint32_t capacity, uint32_t timeout)
{
    return __real_apmk_port_wait(is_struck(SIM_WAIT) ? NULL : port, packets, capacity, timeout);
}

/* ---- the rest ---------------------------------------------------------------------------------------- */

apmk_code __real_apmk_start(void);
apmk_code __wrap_apmk_start(void);
apmk_code __wrap_apmk_start(void)
{
    return is_struck(SIM_START) ? CODE_NOT_READY : __real_apmk_start();
}

apmk_code __real_apmk_port_post(apmk_port port, uintptr_t key, apmk_overlapped *overlapped);
apmk_code __wrap_apmk_port_post(apmk_port port, uintptr_t key, apmk_overlapped *overlapped);
apmk_code __wrap_apmk_port_post(apmk_port port, uintptr_t key, apmk_overlapped *overlapped)
{
    return is_struck(SIM_POST) ? APMK_NO_MEMORY : __real_apmk_port_post(port, key, overlapped);
}

apmk_code __real_apmk_event_create(bool signaled, apmk_event *event);
apmk_code __wrap_apmk_event_create(bool signaled, apmk_event *event);
apmk_code __wrap_apmk_event_create(bool signaled, apmk_event *event)
{
    return is_struck(SIM_EVENT) ? APMK_NO_MEMORY : __real_apmk_event_create(signaled, event);
}

apmk_code __real_apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread);
apmk_code __wrap_apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread);
apmk_code __wrap_apmk_thread_start(void (*run)(void *argument), void *argument, apmk_thread *thread)
{
    apmk_code code = APMK_NO_MEMORY;

    if (is_struck(SIM_THREAD)) return code;
    starts_thread = true;
    code = __real_apmk_thread_start(run, argument, thread);
    starts_thread = false;
    return code;
}

apmk_code __real_apmk_socket_open(int32_t family, int32_t type, int32_t protocol, apmk_socket *socket);
apmk_code __wrap_apmk_socket_open(int32_t family, int32_t type, int32_t protocol, apmk_socket *socket);
apmk_code __wrap_apmk_socket_open(int32_t family, int32_t type, int32_t protocol, apmk_socket *socket)
{
    return is_struck(SIM_SOCKET) ? CODE_TOO_MANY : __real_apmk_socket_open(family, type, protocol, socket);
}

apmk_code __real_apmk_port_create(uint32_t concurrency, apmk_port *port);
apmk_code __wrap_apmk_port_create(uint32_t concurrency, apmk_port *port);
apmk_code __wrap_apmk_port_create(uint32_t concurrency, apmk_port *port)
{
    return is_struck(SIM_PORT) ? CODE_NO_RESOURCES : __real_apmk_port_create(concurrency, port);
}

apmk_code __real_apmk_socket_attach(apmk_socket socket, apmk_port port, uintptr_t key);
apmk_code __wrap_apmk_socket_attach(apmk_socket socket, apmk_port port, uintptr_t key);
apmk_code __wrap_apmk_socket_attach(apmk_socket socket, apmk_port port, uintptr_t key)
{
    return is_struck(SIM_ATTACH) ? CODE_NO_RESOURCES : __real_apmk_socket_attach(socket, port, key);
}

apmk_code __real_apmk_file_open(const char *path, apmk_file *file, uint64_t *size);
apmk_code __wrap_apmk_file_open(const char *path, apmk_file *file, uint64_t *size);
apmk_code __wrap_apmk_file_open(const char *path, apmk_file *file, uint64_t *size)
{
    return is_struck(SIM_FILE) ? CODE_NO_RESOURCES : __real_apmk_file_open(path, file, size);
}

apmk_code __real_apmk_name_find(const char *host, apmk_address *found, uint32_t room, uint32_t *count);
apmk_code __wrap_apmk_name_find(const char *host, apmk_address *found, uint32_t room, uint32_t *count);
apmk_code __wrap_apmk_name_find(const char *host, apmk_address *found, uint32_t room, uint32_t *count)
{
    return is_struck(SIM_NAME) ? CODE_TRY_AGAIN : __real_apmk_name_find(host, found, room, count);
}

apmk_code __real_apmk_socket_bind(apmk_socket socket, const void *address, int32_t length);
apmk_code __wrap_apmk_socket_bind(apmk_socket socket, const void *address, int32_t length);
apmk_code __wrap_apmk_socket_bind(apmk_socket socket, const void *address, int32_t length)
{
    return is_struck(SIM_BIND) ? CODE_NO_BUFFERS : __real_apmk_socket_bind(socket, address, length);
}

apmk_code __real_apmk_socket_connect(apmk_socket socket, int32_t family, const void *address, int32_t length,
                                     apmk_overlapped *overlapped);
apmk_code __wrap_apmk_socket_connect(apmk_socket socket, int32_t family, const void *address, int32_t length,
                                     apmk_overlapped *overlapped);
apmk_code __wrap_apmk_socket_connect(apmk_socket socket, int32_t family, const void *address, int32_t length,
                                     apmk_overlapped *overlapped)
{
    return is_struck(SIM_DIAL) ? CODE_NO_BUFFERS
                               : __real_apmk_socket_connect(socket, family, address, length, overlapped);
}

apmk_code __real_apmk_socket_connect_datagram(apmk_socket socket, const void *address, int32_t length);
apmk_code __wrap_apmk_socket_connect_datagram(apmk_socket socket, const void *address, int32_t length);
apmk_code __wrap_apmk_socket_connect_datagram(apmk_socket socket, const void *address, int32_t length)
{
    return is_struck(SIM_DIAL) ? CODE_NO_BUFFERS
                               : __real_apmk_socket_connect_datagram(socket, address, length);
}

apmk_code __real_apmk_socket_update_connect_context(apmk_socket socket);
apmk_code __wrap_apmk_socket_update_connect_context(apmk_socket socket);
apmk_code __wrap_apmk_socket_update_connect_context(apmk_socket socket)
{
    return is_struck(SIM_CONTEXT) ? CODE_NO_BUFFERS : __real_apmk_socket_update_connect_context(socket);
}

apmk_code __real_apmk_socket_send(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                  int32_t flags, apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_send(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                  int32_t flags, apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_send(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                  int32_t flags, apmk_overlapped *overlapped, uint32_t *bytes)
{
    return is_struck(SIM_TRANSFER)
               ? CODE_NO_BUFFERS
               : __real_apmk_socket_send(socket, buffers, count, flags, overlapped, bytes);
}

apmk_code __real_apmk_socket_receive(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                     int32_t flags, apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_receive(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                     int32_t flags, apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_receive(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                     int32_t flags, apmk_overlapped *overlapped, uint32_t *bytes)
{
    return is_struck(SIM_TRANSFER)
               ? CODE_NO_BUFFERS
               : __real_apmk_socket_receive(socket, buffers, count, flags, overlapped, bytes);
}

apmk_code __real_apmk_socket_send_to(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                     int32_t flags, const void *address, int32_t length,
                                     apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_send_to(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                     int32_t flags, const void *address, int32_t length,
                                     apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_send_to(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                     int32_t flags, const void *address, int32_t length,
                                     apmk_overlapped *overlapped, uint32_t *bytes)
{
    return is_struck(SIM_TRANSFER) ? CODE_NO_BUFFERS
                                   : __real_apmk_socket_send_to(socket, buffers, count, flags, address,
                                                                length, overlapped, bytes);
}

apmk_code __real_apmk_socket_receive_from(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                          int32_t flags, apmk_source *source, apmk_overlapped *overlapped,
                                          uint32_t *bytes);
apmk_code __wrap_apmk_socket_receive_from(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                          int32_t flags, apmk_source *source, apmk_overlapped *overlapped,
                                          uint32_t *bytes);
apmk_code __wrap_apmk_socket_receive_from(apmk_socket socket, const apmk_buffer *buffers, uint32_t count,
                                          int32_t flags, apmk_source *source, apmk_overlapped *overlapped,
                                          uint32_t *bytes)
{
    return is_struck(SIM_TRANSFER)
               ? CODE_NO_BUFFERS
               : __real_apmk_socket_receive_from(socket, buffers, count, flags, source, overlapped, bytes);
}

apmk_code __real_apmk_socket_receive_message(apmk_socket socket, int32_t family, void *data, uint32_t size,
                                             int32_t flags, apmk_message *message,
                                             apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_receive_message(apmk_socket socket, int32_t family, void *data, uint32_t size,
                                             int32_t flags, apmk_message *message,
                                             apmk_overlapped *overlapped, uint32_t *bytes);
apmk_code __wrap_apmk_socket_receive_message(apmk_socket socket, int32_t family, void *data, uint32_t size,
                                             int32_t flags, apmk_message *message,
                                             apmk_overlapped *overlapped, uint32_t *bytes)
{
    return is_struck(SIM_TRANSFER) ? CODE_NO_BUFFERS
                                   : __real_apmk_socket_receive_message(socket, family, data, size, flags,
                                                                        message, overlapped, bytes);
}

apmk_code __real_apmk_socket_send_file(apmk_socket socket, int32_t family, apmk_file file, uint32_t size,
                                       apmk_file_ends *ends, int32_t flags, apmk_overlapped *overlapped,
                                       uint32_t *bytes);
apmk_code __wrap_apmk_socket_send_file(apmk_socket socket, int32_t family, apmk_file file, uint32_t size,
                                       apmk_file_ends *ends, int32_t flags, apmk_overlapped *overlapped,
                                       uint32_t *bytes);
apmk_code __wrap_apmk_socket_send_file(apmk_socket socket, int32_t family, apmk_file file, uint32_t size,
                                       apmk_file_ends *ends, int32_t flags, apmk_overlapped *overlapped,
                                       uint32_t *bytes)
{
    return is_struck(SIM_TRANSFER)
               ? CODE_NO_BUFFERS
               : __real_apmk_socket_send_file(socket, family, file, size, ends, flags, overlapped, bytes);
}

apmk_code __real_apmk_socket_shutdown(apmk_socket socket, int32_t how);
apmk_code __wrap_apmk_socket_shutdown(apmk_socket socket, int32_t how);
apmk_code __wrap_apmk_socket_shutdown(apmk_socket socket, int32_t how)
{
    return is_struck(SIM_SHUTDOWN) ? CODE_NO_BUFFERS : __real_apmk_socket_shutdown(socket, how);
}

apmk_code __real_apmk_socket_set_option(apmk_socket socket, int32_t level, int32_t name, const void *value,
                                        int32_t size);
apmk_code __wrap_apmk_socket_set_option(apmk_socket socket, int32_t level, int32_t name, const void *value,
                                        int32_t size);
apmk_code __wrap_apmk_socket_set_option(apmk_socket socket, int32_t level, int32_t name, const void *value,
                                        int32_t size)
{
    return is_struck(SIM_SET_OPTION) ? CODE_NO_BUFFERS
                                     : __real_apmk_socket_set_option(socket, level, name, value, size);
}

apmk_code __real_apmk_socket_get_option(apmk_socket socket, int32_t level, int32_t name, void *value,
                                        int32_t *size);
apmk_code __wrap_apmk_socket_get_option(apmk_socket socket, int32_t level, int32_t name, void *value,
                                        int32_t *size);
apmk_code __wrap_apmk_socket_get_option(apmk_socket socket, int32_t level, int32_t name, void *value,
                                        int32_t *size)
{
    return is_struck(SIM_GET_OPTION) ? CODE_NO_BUFFERS
                                     : __real_apmk_socket_get_option(socket, level, name, value, size);
}

apmk_code __real_apmk_socket_io_control(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                        void *out, uint32_t out_size, uint32_t *returned);
apmk_code __wrap_apmk_socket_io_control(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                        void *out, uint32_t out_size, uint32_t *returned);
apmk_code __wrap_apmk_socket_io_control(apmk_socket socket, uint32_t code, const void *in, uint32_t in_size,
                                        void *out, uint32_t out_size, uint32_t *returned)
{
    return is_struck(SIM_CONTROL)
               ? CODE_NO_BUFFERS
               : __real_apmk_socket_io_control(socket, code, in, in_size, out, out_size, returned);
}

apmk_code __real_apmk_socket_poll(apmk_socket socket, int32_t mode, uint32_t timeout, bool *ready);
apmk_code __wrap_apmk_socket_poll(apmk_socket socket, int32_t mode, uint32_t timeout, bool *ready);
apmk_code __wrap_apmk_socket_poll(apmk_socket socket, int32_t mode, uint32_t timeout, bool *ready)
{
    return is_struck(SIM_POLL) ? CODE_NO_BUFFERS : __real_apmk_socket_poll(socket, mode, timeout, ready);
}

apmk_code __real_apmk_socket_local(apmk_socket socket, void *address, int32_t *length);
apmk_code __wrap_apmk_socket_local(apmk_socket socket, void *address, int32_t *length);
apmk_code __wrap_apmk_socket_local(apmk_socket socket, void *address, int32_t *length)
{
    return is_struck(SIM_NAME_OF) ? CODE_NO_BUFFERS : __real_apmk_socket_local(socket, address, length);
}

apmk_code __real_apmk_socket_remote(apmk_socket socket, void *address, int32_t *length);
apmk_code __wrap_apmk_socket_remote(apmk_socket socket, void *address, int32_t *length);
apmk_code __wrap_apmk_socket_remote(apmk_socket socket, void *address, int32_t *length)
{
    return is_struck(SIM_NAME_OF) ? CODE_NO_BUFFERS : __real_apmk_socket_remote(socket, address, length);
}

apmk_code __real_apmk_socket_describe(apmk_socket socket, int32_t *family, int32_t *type, int32_t *protocol);
apmk_code __wrap_apmk_socket_describe(apmk_socket socket, int32_t *family, int32_t *type, int32_t *protocol);
apmk_code __wrap_apmk_socket_describe(apmk_socket socket, int32_t *family, int32_t *type, int32_t *protocol)
{
    return is_struck(SIM_NAME_OF) ? CODE_NO_BUFFERS
                                  : __real_apmk_socket_describe(socket, family, type, protocol);
}
