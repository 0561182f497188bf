/* SPDX-License-Identifier: MIT */
/* Sockets: the table of handles, ports, open and close, shutdown. */
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

sched_mutex sim_network = SCHED_MUTEX_INITIAL;

/* ---- the table ------------------------------------------------------------------------------- */

/* Handles are not used again, so that every use of an old one is found. */
#define STEP 4u

static sim_socket **table;
static size_t table_size, table_used;
static uint16_t last_port; /* that was given out, */
static bool ports_mixed;   /* and whether others than those may be in use */

static sim_socket *look_up(apmk_socket handle)
{
    size_t index = handle / STEP;

    return handle % STEP == 0 && index != 0 && index <= table_used ? table[index - 1] : NULL;
}

sim_socket *sim_socket_look(apmk_socket handle)
{
    return look_up(handle);
}

sim_socket *sim_socket_find(apmk_socket handle)
{
    sim_socket *socket = look_up(handle);

    if (socket == NULL) sim_fail("socket %llu is used but not open", (unsigned long long)handle);
    return socket;
}

sim_socket *sim_socket_next(apmk_socket after, sim_socket *at)
{
    size_t index = (at != NULL ? at->handle : after) / STEP;

    for (; index < table_used; index++)
        if (table[index] != NULL) return table[index];
    return NULL;
}

static void enter_table(sim_socket *socket)
{
    if (table_used == table_size) {
        size_t size = table_size == 0 ? 64 : table_size * 2;
        sim_socket **larger = (sim_socket **)sim_memory(size * sizeof *larger);

        if (table_used != 0) memcpy(larger, table, table_used * sizeof *larger);
        free(table);
        table = larger;
        table_size = size;
    }
    table[table_used++] = socket;
    socket->handle = (apmk_socket)table_used * STEP;
}

void sim_socket_reset_table(void)
{
    free(table);
    table = NULL;
    table_size = table_used = 0;
    last_port = 0;
    ports_mixed = false;
}

/* ---- ports -------------------------------------------------------------------------- */

static bool is_taken(int32_t family, int32_t type, uint16_t port)
{
    sim_socket *at;

    if (type == SIM_STREAM && sim_listener_taken(family, port)) return true;
    for (at = sim_socket_next(0, NULL); at != NULL; at = sim_socket_next(0, at))
        if (at->family == family && at->type == type && at->port == port) return true;
    return false;
}

bool sim_port_taken(int32_t family, int32_t type, uint16_t port)
{
    ports_mixed = true; /* whoever asks will have it, if he can */
    return is_taken(family, type, port);
}

/* In their order; what has not been given out yet nobody has, unless he has chosen it. */
uint16_t sim_port_free(int32_t family, int32_t type)
{
    do {
        if (last_port == 65535) ports_mixed = true;
        last_port = last_port < 16384 || last_port == 65535 ? 16384 : (uint16_t)(last_port + 1);
    } while (ports_mixed && is_taken(family, type, last_port));
    return last_port;
}

/* ---- open and close ---------------------------------------------------------------------------------- */

apmk_code apmk_socket_open(int32_t family, int32_t type, int32_t protocol, apmk_socket *handle)
{
    sim_socket *socket;

    sim_enter("socket open", (uint64_t)family, (uint64_t)type);
    if (sim_census(SIM_STARTS) == 0) sim_fail("a socket is opened without a start");
    if (family != SIM_IPV4 && (family != SIM_IPV6 || sim_profile_now()->only_ipv4)) return CODE_FAMILY;
    if (type != SIM_STREAM && type != SIM_DATAGRAM) return CODE_SOCKET_TYPE;
    if (protocol != 0 && protocol != (type == SIM_STREAM ? 6 : 17)) return CODE_PROTOCOL;
    if (sim_fault_strikes(SIM_SOCKET)) return CODE_TOO_MANY;
    socket = (sim_socket *)sim_memory(sizeof *socket);
    socket->family = family;
    socket->type = type;
    sched_mutex_lock(&sim_network);
    enter_table(socket);
    *handle = socket->handle;
    sim_note("  is socket", socket->handle, 0);
    sched_mutex_unlock(&sim_network);
    sim_count(SIM_SOCKETS, 1);
    return APMK_SUCCESS;
}

/* What a pending operation says of a close of ours; or that it was cancelled, if that was first. */
static apmk_code draw_status(void)
{
    static const apmk_code statuses[] = {STATUS_HANDLES_CLOSED, STATUS_CANCELLED, STATUS_LOCAL_DISCONNECT,
                                         STATUS_CONNECTION_ABORTED};

    if (sim_profile_now()->any_close) return statuses[sim_draw(4)];
    /* The first is Wine's only, the last two are Windows'. */
    return sim_profile_now()->windows ? statuses[1 + sim_draw(3)] : statuses[sim_draw(2)];
}

/* By lingering for no time. */
static bool is_abortive(const sim_socket *socket)
{
    int32_t linger = sim_option_value(socket, 0xFFFF, 0x80); /* two halves: whether, and seconds */

    return (linger & 0xFFFF) != 0 && (linger >> 16) == 0;
}

/* Lingering for some time: the call then waits until the peer has it all. */
static bool may_block(const sim_socket *socket)
{
    int32_t linger = sim_option_value(socket, 0xFFFF, 0x80);

    return socket->link != NULL && (linger & 0xFFFF) != 0 && (linger >> 16) != 0;
}

/* The peer sees the end of the stream, or a reset if something is lost. A receive that is
 * pending resets it only as long as our own stream has not been ended by a shutdown. */
static void hang_up(sim_socket *socket, bool receives)
{
    sim_link *link = socket->link;
    bool rude = is_abortive(socket) || link->in.count != 0 || socket->state == SIM_ABANDONED ||
                (receives && !socket->ended_send && sim_profile_now()->close_resets);

    if (rude && !link->peer_reset)
        link->peer_reset = true;
    else
        link->out.ended = true;
    sim_link_leave_socket(link);
}

void apmk_socket_close(apmk_socket handle)
{
    sim_socket *socket;
    bool receives;
    int kind;

    sim_enter("socket close", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (may_block(socket) && sim_locks_held() != 0) sim_fail("a socket that lingers is closed under a lock");
    receives = socket->first[SIM_RECEIVE] != NULL;
    for (kind = 0; kind < SIM_KINDS; kind++)
        while (socket->first[kind] != NULL) {
            if (!socket->first[kind]->cancelled)
                sim_fail("a socket is closed while something is in flight that nobody has cancelled");
            sim_request_finish(socket, socket->first[kind], draw_status());
        }
    if (socket->link != NULL) hang_up(socket, receives);
    while (socket->inbox != NULL) {
        sim_datagram *datagram = socket->inbox;
        socket->inbox = datagram->next;
        free(datagram);
    }
    sim_options_delete(socket);
    table[handle / STEP - 1] = NULL;
    free(socket);
    sched_mutex_unlock(&sim_network);
    sim_count(SIM_SOCKETS, -1);
    sched_interleave();
}

/* ---- the port, options ---------------------------------------------------------------------------------- */

apmk_code apmk_socket_attach(apmk_socket handle, apmk_port port, uintptr_t key)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;

    sim_enter("attach", handle, key);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->target != NULL) {
        code = CODE_INVALID_PARAMETER;
    } else if (sim_fault_strikes(SIM_ATTACH)) {
        code = CODE_NO_RESOURCES;
    } else {
        socket->target = port;
        socket->key = key;
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

bool apmk_socket_skip_on_success(apmk_socket handle, bool own)
{
    sim_socket *socket;
    bool skips;

    (void)own; /* there is one provider */
    sim_enter("skip on success", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->calls != 0)
        sim_fail("skip-on-success is asked for beside a call, which may or may not send its packet then");
    skips = sim_profile_now()->ifs_handles && !sim_fault_strikes(SIM_SKIP);
    socket->skips = socket->skips || skips;
    sched_mutex_unlock(&sim_network);
    return skips;
}

enum apmk_skipping apmk_socket_skips(apmk_socket handle)
{
    enum apmk_skipping skipping = APMK_SKIPS_NOT;
    sim_socket *socket;

    sim_enter("skips", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->skips)
        skipping =
            socket->type == SIM_STREAM && sim_profile_now()->ifs_handles ? APMK_SKIPS : APMK_SKIPS_PERHAPS;
    sched_mutex_unlock(&sim_network);
    return skipping;
}

void apmk_socket_reuse_unicast_port(apmk_socket handle)
{
    const int32_t yes = 1; /* and no more than that: ports are not scarce here */
    sim_socket *socket;

    sim_enter("reuse unicast port", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->port != 0) sim_fail("a port is to be shared that the socket has already");
    sim_option_keep(socket, 0xFFFF, SIM_REUSE_PORT, &yes, (int32_t)sizeof yes);
    sched_mutex_unlock(&sim_network);
}

void apmk_socket_quick_refusal(apmk_socket handle)
{
    sim_enter("quick refusal", handle, 0);
    sched_mutex_lock(&sim_network);
    sim_socket_find(handle)->quick = true;
    sched_mutex_unlock(&sim_network);
}

void apmk_socket_set_abortive(apmk_socket handle, bool abortive)
{
    const uint16_t linger[2] = {abortive, 0}; /* it does, for no time */

    sim_enter("set abortive", handle, 0);
    sched_mutex_lock(&sim_network);
    sim_option_keep(sim_socket_find(handle), 0xFFFF, 0x80, linger, (int32_t)sizeof linger);
    sched_mutex_unlock(&sim_network);
}

apmk_code apmk_socket_describe(apmk_socket handle, int32_t *family, int32_t *type, int32_t *protocol)
{
    apmk_code code = CODE_NOT_SOCKET;
    sim_socket *socket;

    sim_enter("describe", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = look_up(handle);
    if (socket != NULL && sim_fault_strikes(SIM_NAME_OF)) {
        code = CODE_NO_BUFFERS;
    } else if (socket != NULL) {
        *family = socket->family;
        *type = socket->type;
        *protocol = socket->type == SIM_STREAM ? 6 : 17;
        code = APMK_SUCCESS;
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

void apmk_socket_disinherit(apmk_socket handle)
{
    sim_enter("disinherit", handle, 0);
    sched_mutex_lock(&sim_network);
    (void)sim_socket_find(handle); /* there are no child processes */
    sched_mutex_unlock(&sim_network);
}

/* ---- the end of the stream --------------------------------------------------------------------------------- */

apmk_code apmk_socket_shutdown(apmk_socket handle, int32_t how)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;

    sim_enter("shutdown", handle, (uint64_t)how);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->type == SIM_DATAGRAM ? socket->port == 0
                                     : socket->state != SIM_LINKED || sim_socket_is_in_limbo(socket)) {
        code = CODE_NOT_CONNECTED;
    } else if (socket->link != NULL && socket->link->reset) {
        code = sim_profile_now()->windows ? CODE_RESET : CODE_NOT_CONNECTED;
    } else if (sim_fault_strikes(SIM_SHUTDOWN)) {
        code = CODE_NO_BUFFERS;
    } else {
        if (how != 1) socket->ended_receive = true;
        if (how != 0) socket->ended_send = true;
        sim_socket_settle(socket);
    }
    sched_mutex_unlock(&sim_network);
    sched_interleave();
    return code;
}

bool apmk_socket_has_ended(apmk_socket handle)
{
    const sim_link *link;
    bool ended;

    sim_enter("has ended", handle, 0);
    sched_mutex_lock(&sim_network);
    link = sim_socket_find(handle)->link;
    ended = link != NULL && !link->reset && link->in.count == 0 && link->in.ended;
    sched_mutex_unlock(&sim_network);
    return ended;
}
