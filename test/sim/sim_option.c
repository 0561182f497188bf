/* SPDX-License-Identifier: MIT */
/* Options: which there are, on what, with what size and default; and orders. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

enum { SOCKET_LEVEL = 0xFFFF, IPV4_LEVEL = 0, IPV6_LEVEL = 41, TCP_LEVEL = 6, ORDER_LEVEL = -1 };
enum { LINGER = 0x80, V6ONLY = 27 };
enum { ADDRESS_LIST_CHANGE = 0x28000017 };
enum { ANY_TYPE = 0, BOOLEAN = 1, READ_ONLY = 2, NEW_ONLY = 4, NOT_ON_WINE = 8, UNREAD_ON_WINE = 16 };

typedef struct row {
    int32_t level, name;
    int32_t type; /* of the socket; ANY_TYPE */
    int32_t flags, value;
} row;

static const row rows[] = {{SOCKET_LEVEL, 2, ANY_TYPE, BOOLEAN | READ_ONLY, 0}, /* it listens */
                           {SOCKET_LEVEL, 4, ANY_TYPE, BOOLEAN, 0},
                           {SOCKET_LEVEL, ~4, ANY_TYPE, BOOLEAN | NEW_ONLY, 0},
                           {SOCKET_LEVEL, 8, SIM_STREAM, BOOLEAN, 0},
                           {SOCKET_LEVEL, 0x20, SIM_DATAGRAM, BOOLEAN, 0},
                           {SOCKET_LEVEL, LINGER, SIM_STREAM, 0, 0},
                           {SOCKET_LEVEL, ~LINGER, SIM_STREAM, BOOLEAN, 1},
                           {SOCKET_LEVEL, 0x1001, ANY_TYPE, 0, 65536},
                           {SOCKET_LEVEL, 0x1002, ANY_TYPE, 0, 65536},
                           {SOCKET_LEVEL, 0x1005, ANY_TYPE, 0, 0},
                           {SOCKET_LEVEL, 0x1006, ANY_TYPE, 0, 0},
                           {SOCKET_LEVEL, 0x1007, ANY_TYPE, READ_ONLY, 0},
                           {SOCKET_LEVEL, 0x1008, SIM_STREAM, READ_ONLY, SIM_STREAM},
                           {SOCKET_LEVEL, 0x1008, SIM_DATAGRAM, READ_ONLY, SIM_DATAGRAM},
                           {SOCKET_LEVEL, SIM_REUSE_PORT, ANY_TYPE, BOOLEAN | UNREAD_ON_WINE, 0},
                           {TCP_LEVEL, 1, SIM_STREAM, BOOLEAN, 0},
                           {TCP_LEVEL, 3, SIM_STREAM, NOT_ON_WINE, 7200},
                           {TCP_LEVEL, 16, SIM_STREAM, NOT_ON_WINE, 10},
                           {TCP_LEVEL, 17, SIM_STREAM, NOT_ON_WINE, 1},
                           {IPV4_LEVEL, 3, ANY_TYPE, 0, 0},
                           {IPV4_LEVEL, 4, ANY_TYPE, 0, 128},
                           {IPV4_LEVEL, 10, SIM_DATAGRAM, 0, 1},
                           {IPV4_LEVEL, 11, SIM_DATAGRAM, BOOLEAN, 1},
                           {IPV4_LEVEL, 14, ANY_TYPE, BOOLEAN, 0},
                           {IPV4_LEVEL, 19, SIM_DATAGRAM, BOOLEAN, 0},
                           {IPV6_LEVEL, 4, ANY_TYPE, 0, 128},
                           {IPV6_LEVEL, 11, SIM_DATAGRAM, BOOLEAN, 1},
                           {IPV6_LEVEL, 19, SIM_DATAGRAM, BOOLEAN, 0},
                           {IPV6_LEVEL, V6ONLY, ANY_TYPE, BOOLEAN | NEW_ONLY, 1}};

/* IPv4's, of a socket that has nothing to do with it, are none on Windows. */
static bool has_level(const sim_socket *socket, int32_t level)
{
    if (level == IPV6_LEVEL) return socket->family == SIM_IPV6;
    return level != IPV4_LEVEL || socket->family == SIM_IPV4 || !sim_profile_now()->windows ||
           sim_option_value(socket, IPV6_LEVEL, V6ONLY) == 0;
}

static const row *find_row(const sim_socket *socket, int32_t level, int32_t name)
{
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const row *at = &rows[i];

        if (at->level != level || at->name != name) continue;
        if (at->type != ANY_TYPE && at->type != socket->type) continue;
        if ((at->flags & NOT_ON_WINE) && !sim_profile_now()->windows) return NULL;
        return has_level(socket, level) ? at : NULL;
    }
    return NULL;
}

static sim_option *find_option(const sim_socket *socket, int32_t level, int32_t name)
{
    sim_option *at = socket->options;

    while (at != NULL && (at->level != level || at->name != name)) at = at->next;
    return at;
}

void sim_option_keep(sim_socket *socket, int32_t level, int32_t name, const void *value, int32_t size)
{
    sim_option *option = find_option(socket, level, name);

    if (option == NULL) {
        option = (sim_option *)sim_memory(sizeof *option);
        option->level = level;
        option->name = name;
        option->next = socket->options;
        socket->options = option;
    }
    option->size = size < (int32_t)sizeof option->value ? size : (int32_t)sizeof option->value;
    memcpy(option->value, value, (size_t)option->size);
}

void sim_options_delete(sim_socket *socket)
{
    while (socket->options != NULL) {
        sim_option *option = socket->options;
        socket->options = option->next;
        free(option);
    }
}

int32_t sim_option_value(const sim_socket *socket, int32_t level, int32_t name)
{
    const sim_option *option = find_option(socket, level, name);
    const row *found = find_row(socket, level, name);
    int32_t value = 0;

    if (option == NULL) return found != NULL ? found->value : 0;
    memcpy(&value, option->value, (size_t)option->size < sizeof value ? (size_t)option->size : sizeof value);
    return value;
}

/* Not to linger is the other half of lingering. */
static void keep_option(sim_socket *socket, int32_t level, int32_t name, const void *value, int32_t size)
{
    sim_option_keep(socket, level, name, value, size);
    if (level == SOCKET_LEVEL && name == ~LINGER) {
        const uint16_t linger[2] = {sim_option_value(socket, level, name) == 0, 0};

        sim_option_keep(socket, level, LINGER, linger, (int32_t)sizeof linger);
    }
}

/* ---- the calls ---------------------------------------------------------------------------------- */

apmk_code apmk_socket_set_option(apmk_socket handle, int32_t level, int32_t name, const void *value,
                                 int32_t size)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;
    const row *found;

    sim_enter("set option", (uint64_t)(uint32_t)level, (uint64_t)(uint32_t)name);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    found = find_row(socket, level, name);
    if (found == NULL || (found->flags & READ_ONLY))
        code = CODE_NO_OPTION;
    else if (size < (int32_t)sizeof(int32_t))
        code = CODE_FAULT;
    else if ((found->flags & NEW_ONLY) && socket->port != 0)
        code = CODE_INVALID;
    else if (sim_fault_strikes(SIM_SET_OPTION))
        code = CODE_NO_BUFFERS;
    else
        keep_option(socket, level, name, value, size);
    sched_mutex_unlock(&sim_network);
    return code;
}

apmk_code apmk_socket_get_option(apmk_socket handle, int32_t level, int32_t name, void *value, int32_t *size)
{
    apmk_code code = APMK_SUCCESS;
    const row *found;
    sim_socket *socket;

    sim_enter("get option", (uint64_t)(uint32_t)level, (uint64_t)(uint32_t)name);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    found = find_row(socket, level, name);
    if (found == NULL || ((found->flags & UNREAD_ON_WINE) && !sim_profile_now()->windows)) {
        code = CODE_NO_OPTION;
    } else if (*size < (int32_t)sizeof(int32_t)) {
        code = CODE_FAULT;
    } else if (sim_fault_strikes(SIM_GET_OPTION)) {
        code = CODE_NO_BUFFERS;
    } else {
        int32_t now = sim_option_value(socket, level, name);

        *size = (int32_t)sizeof now;
        /* Wine writes a single byte of a boolean. */
        memcpy(value, &now, (found->flags & BOOLEAN) && !sim_profile_now()->windows ? 1 : sizeof now);
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

/* Of datagrams Windows counts all, Linux and Wine the first. */
static uint32_t unread_bytes(const sim_socket *socket)
{
    const sim_datagram *at = socket->inbox;
    uint32_t size = 0;

    if (socket->type == SIM_DATAGRAM) {
        for (; at != NULL; at = sim_profile_now()->windows ? at->next : NULL) size += at->size;
        return size;
    }
    return socket->link != NULL ? (uint32_t)socket->link->in.count : 0;
}

static apmk_code obey(sim_socket *socket, uint32_t code, const void *in, uint32_t in_size, void *out,
                      uint32_t out_size, uint32_t *returned)
{
    bool is_stream = socket->type == SIM_STREAM;
    uint32_t unread = unread_bytes(socket);
    int32_t on = 0;

    if (code == APMK_BYTES_TO_READ) {
        if (out_size < sizeof unread) return CODE_FAULT;
        memcpy(out, &unread, sizeof unread);
        *returned = sizeof unread;
        return APMK_SUCCESS;
    }
    if (code == APMK_KEEP_ALIVE_VALUES && is_stream) {
        if (in_size < 3 * sizeof(uint32_t)) return CODE_FAULT;
        memcpy(&on, in, sizeof on);
        sim_option_keep(socket, SOCKET_LEVEL, 8, &on, (int32_t)sizeof on);
        sim_option_keep(socket, ORDER_LEVEL, 4, in, 3 * (int32_t)sizeof(uint32_t));
        return APMK_SUCCESS;
    }
    if (code == APMK_UDP_CONNECTION_RESET && !is_stream) {
        if (in_size < sizeof on) return CODE_FAULT;
        memcpy(&on, in, sizeof on);
        on = on == 0; /* kept as what is not the default */
        sim_option_keep(socket, ORDER_LEVEL, 0x0C, &on, (int32_t)sizeof on);
        return APMK_SUCCESS;
    }
    return CODE_NOT_SUPPORTED;
}

apmk_code apmk_socket_io_control(apmk_socket handle, uint32_t code, const void *in, uint32_t in_size,
                                 void *out, uint32_t out_size, uint32_t *returned)
{
    apmk_code answer;

    sim_enter("io control", handle, code);
    *returned = 0;
    sched_mutex_lock(&sim_network);
    answer = sim_fault_strikes(SIM_CONTROL)
                 ? CODE_NO_BUFFERS
                 : obey(sim_socket_find(handle), code, in, in_size, out, out_size, returned);
    sched_mutex_unlock(&sim_network);
    return answer;
}

/* Until the list of addresses changes, which it never does; a cancel of all that the socket does ends it before.
 * The handle is looked at each time: nobody may close it meanwhile. */
apmk_code apmk_socket_io_control_wait(apmk_socket handle, uint32_t code, const void *in, uint32_t in_size,
                                      void *out, uint32_t out_size, uint32_t *returned,
                                      const _Atomic bool *over)
{
    bool swept;
    uint32_t sweeps;

    if (code != ADDRESS_LIST_CHANGE)
        return apmk_socket_io_control(handle, code, in, in_size, out, out_size, returned);
    sim_enter("io control that waits", handle, code);
    *returned = 0;
    if (sim_fault_strikes(SIM_CONTROL)) return CODE_NO_BUFFERS;
    sched_mutex_lock(&sim_network);
    sweeps = sim_socket_find(handle)->sweeps;
    sched_mutex_unlock(&sim_network);
    sched_interleave();
    swept = atomic_load(over);
    while (!swept) {
        sched_sleep(1);
        sched_mutex_lock(&sim_network);
        swept = sim_socket_find(handle)->sweeps != sweeps;
        sched_mutex_unlock(&sim_network);
    }
    return sim_draw(2) == 0 ? CODE_INTERRUPTED : APMK_ABORTED;
}

int32_t sim_newest_option(int32_t level, int32_t name)
{
    sim_socket *at, *newest = NULL;
    int32_t value = 0;

    sched_mutex_lock(&sim_network);
    for (at = sim_socket_next(0, NULL); at != NULL; at = sim_socket_next(0, at)) newest = at;
    if (newest != NULL) value = sim_option_value(newest, level, name);
    sched_mutex_unlock(&sim_network);
    return value;
}

/* ---- polling ------------------------------------------------------------------------------------------ */

static bool is_ready(const sim_socket *socket, int32_t mode)
{
    const sim_link *link = socket->link;

    if (mode == 2) return socket->state == SIM_FAILED || socket->state == SIM_ABANDONED;
    if (socket->type == SIM_DATAGRAM) return mode == 1 || socket->inbox != NULL || socket->unreachable;
    if (link == NULL || socket->state != SIM_LINKED) return false;
    if (mode == 0) return link->in.count != 0 || link->in.ended || link->reset || socket->ended_receive;
    /* Room that a pending send is about to take, once the kernel looks at it, is none. */
    return (socket->first[SIM_SEND] == NULL && link->out.count < link->out.room) || link->reset ||
           link->peer_gone;
}

/* On Windows a cancel of all that a socket does ends a wait of somebody else for its state, too. */
apmk_code apmk_socket_poll(apmk_socket handle, int32_t mode, uint32_t timeout, bool *ready)
{
    bool found, swept, in_time = true;
    sim_socket *socket;
    uint64_t deadline;
    uint32_t sweeps;

    sim_enter("poll", handle, (uint64_t)mode);
    if (mode < 0 || mode > 2) return CODE_INVALID;
    if (sim_fault_strikes(SIM_POLL)) return CODE_NO_BUFFERS;
    deadline = sched_deadline(timeout);
    sched_mutex_lock(&sim_network);
    sweeps = sim_socket_find(handle)->sweeps;
    sched_mutex_unlock(&sim_network);
    do {
        sched_mutex_lock(&sim_network);
        socket = sim_socket_find(handle);
        found = is_ready(socket, mode);
        swept = socket->sweeps != sweeps && sim_profile_now()->windows;
        sched_mutex_unlock(&sim_network);
        if (swept) return sim_draw(2) == 0 ? CODE_INTERRUPTED : APMK_ABORTED;
        in_time = sched_now() < deadline;
        if (!found && in_time) sched_sleep(1);
    } while (!found && in_time);
    *ready = found;
    return APMK_SUCCESS;
}
