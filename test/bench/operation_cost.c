/* SPDX-License-Identifier: MIT */
/*
 * What an operation takes in the steady state: `operation_cost SCENE COUNT [CROWD]` does the same one
 * COUNT times on the simulated kernel, one thread at a time; beside it, CROWD connections on the same
 * port wait, each with a receive. Some begin on the program's own thread, some in callbacks on a worker:
 * of those there are as many in a row, or at once, as the scene says, and COUNT is a multiple of that. It
 * fails if one of them
 *
 *   - takes something from the heap that it need not,
 *   - calls the kernel more often, or makes an event,
 *   - takes a lock that sockets share: any that is not a part of one of the scene's own.
 *
 * or if a connection more takes more memory, or more locks in the end, than the one before. cost.py runs
 * it under Callgrind and counts instructions, which must not depend on the crowd.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/number.h"
#include "cost.h"
#include "socket.h"

#define WARM_UP 64u
#define MOST 1000000u
#define LARGEST_CROWD 50000u
#define ROOM 256u /* bytes between a socket and its peer: enough, and no work to make for a crowd */

apm_socket *cost_stream;
sim_peer *cost_other;
uint64_t cost_callbacks;
bool cost_over;

static sim_listener *listener;
static apm_endpoint remote;
static uint64_t blocks;    /* that were taken */
static cost_memory memory; /* what is there of them */
static char byte_here;
static const cost_scene *playing;
static uint32_t main_thread;
static int failures;

void cost_check(bool condition, const char *what)
{
    if (condition) return;
    failures++;
    (void)fprintf(stderr, "%s: %s\n", playing->name, what);
}

void cost_check_worker(void)
{
    cost_check(sim_thread_self() != main_thread, "a callback runs where the scene does");
}

cost_memory cost_memory_now(void)
{
    return memory;
}

static void *APM_CALL allocate(size_t size, void *context)
{
    (void)context;
    max_align_t *block = (max_align_t *)malloc(sizeof *block + size); /* with its size before it */

    if (block == NULL) return NULL;
    blocks++;
    memory.blocks++;
    memory.bytes += size;
    memcpy(block, &size, sizeof size);
    return block + 1;
}

static void APM_CALL release(void *block, void *context)
{
    size_t size;

    (void)context;
    memcpy(&size, (max_align_t *)block - 1, sizeof size);
    memory.blocks--;
    memory.bytes -= size;
    free((max_align_t *)block - 1);
}

/* ---- the scenes -------------------------------------------------------------------------------- */

void cost_await(uint64_t callbacks)
{
    while (cost_callbacks < callbacks) sim_sleep(1);
}

sim_peer *cost_connect(apm_socket **made)
{
    sim_peer *peer = NULL;

    if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, made) == APM_ERROR_SUCCESS &&
        apm_socket_connect(*made, &remote) == APM_ERROR_SUCCESS)
        peer = sim_accept(listener, COST_PATIENCE);
    if (peer == NULL) {
        (void)fprintf(stderr, "%s: there is no connection\n", playing->name);
        exit(1);
    }
    return peer;
}

static void APM_CALL on_sent(apm_async_result *result)
{
    size_t sent = 0;

    cost_check(apm_socket_end_send(cost_stream, result, &sent) == APM_ERROR_SUCCESS && sent == 1,
               "the send failed");
    cost_callbacks++;
}

static void APM_CALL on_received(apm_async_result *result)
{
    size_t received = 0;

    cost_check(apm_socket_end_receive(cost_stream, result, &received) == APM_ERROR_SUCCESS && received == 1,
               "the receive failed");
    cost_callbacks++;
}

/* Over inside Begin. */
static void send_at_once(void)
{
    uint64_t before = cost_callbacks;
    char there = 0;

    cost_check(apm_socket_begin_send(cost_stream, "s", 1, APM_FLAG_NONE, on_sent, NULL, NULL) ==
                       APM_ERROR_SUCCESS &&
                   cost_callbacks == before + 1,
               "the send is not over at once");
    cost_check(sim_peer_read(cost_other, &there, 1, COST_PATIENCE) == 1, "nothing has arrived");
}

static void begin_receive(void)
{
    cost_check(apm_socket_begin_receive(cost_stream, &byte_here, 1, APM_FLAG_NONE, on_received, NULL, NULL) ==
                   APM_ERROR_SUCCESS,
               "the receive does not begin");
}

static void receive_at_once(void)
{
    uint64_t before = cost_callbacks;

    cost_check(sim_peer_write(cost_other, "r", 1, COST_PATIENCE) == 1, "the peer does not write");
    begin_receive();
    cost_check(cost_callbacks == before + 1, "the receive is not over at once");
}

/* By way of a packet, on a worker. */
static void receive_later(void)
{
    uint64_t before = cost_callbacks;

    begin_receive();
    cost_check(cost_callbacks == before, "there is nothing to receive");
    cost_check(sim_peer_write(cost_other, "r", 1, COST_PATIENCE) == 1, "the peer does not write");
    cost_await(before + 1);
}

static void APM_CALL on_connected(apm_async_result *result)
{
    cost_check(apm_socket_end_connect((apm_socket *)apm_async_result_state(result), result) ==
                   APM_ERROR_SUCCESS,
               "the connect failed");
    cost_callbacks++;
}

/* The peer of a connection that is left to the caller. */
static sim_peer *make_connection(apm_socket **made)
{
    uint64_t before = cost_callbacks;
    apm_socket *socket = NULL;
    sim_peer *peer;

    cost_check(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
                   APM_ERROR_SUCCESS,
               "there is no socket");
    cost_check(apm_socket_begin_connect(socket, &remote, on_connected, socket, NULL) == APM_ERROR_SUCCESS,
               "the connect does not begin");
    cost_await(before + 1);
    peer = sim_accept(listener, COST_PATIENCE);
    cost_check(peer != NULL, "nobody has connected");
    *made = socket;
    return peer;
}

static void connect_and_close(void)
{
    apm_socket *socket = NULL;
    sim_peer *peer = make_connection(&socket);

    cost_check(apm_socket_close(socket) == APM_ERROR_SUCCESS, "the socket does not close");
    if (peer != NULL) sim_peer_close(peer);
}

/* What a connection needs only where something is transferred is asked for then, and once. */
static void connect_and_send(void)
{
    apm_socket *socket = NULL;
    sim_peer *peer = make_connection(&socket);
    size_t sent = 0;
    int i;

    for (i = 0; i < 2; i++)
        cost_check(apm_socket_send(socket, "s", 1, APM_FLAG_NONE, &sent) == APM_ERROR_SUCCESS && sent == 1,
                   "the send failed");
    cost_check(apm_socket_close(socket) == APM_ERROR_SUCCESS, "the socket does not close");
    if (peer != NULL) sim_peer_close(peer);
}

/* The 128 callbacks of a row that is over at once: 32 inside each other, then 64 one after the other, then
 * the worker looks at its port and there are 32 more. */
static const cost_scene scenes[] = {
    {.name = "send_at_once", .once = send_at_once, .operations = 1, .calls = {[SIM_TRANSFER] = 1}},
    {.name = "receive_at_once", .once = receive_at_once, .operations = 1, .calls = {[SIM_TRANSFER] = 1}},
    {.name = "receive_later",
     .once = receive_later,
     .operations = 1,
     .calls = {[SIM_TRANSFER] = 1, [SIM_WAIT] = 1}},
    {.name = "chain_at_once",
     .begin = cost_chain_begin,
     .once = cost_chain_row,
     .operations = COST_ROW,
     .calls = {[SIM_TRANSFER] = 2 * COST_ROW, [SIM_WAIT] = 2}},
    {.name = "chain_later",
     .begin = cost_chain_begin,
     .once = cost_chain_once,
     .operations = 1,
     .calls = {[SIM_TRANSFER] = 2, [SIM_WAIT] = 1}},
    {.name = "burst",
     .begin = cost_burst_begin,
     .once = cost_burst_once,
     .end = cost_burst_end,
     .operations = COST_BURST,
     .calls = {[SIM_TRANSFER] = COST_BURST, [SIM_WAIT] = 1}},
    {.name = "connect_and_close",
     .once = connect_and_close,
     .operations = 1,
     .shares = true,
     .heap = 2, /* the socket, in one with the connect, and its course */
     .calls = {[SIM_SOCKET] = 1,
               [SIM_ATTACH] = 1,
               [SIM_BIND] = 1,
               [SIM_DIAL] = 1,
               [SIM_CONTEXT] = 1,
               [SIM_WAIT] = 1}},
    {.name = "connect_and_send",
     .once = connect_and_send,
     .operations = 1,
     .shares = true,
     .heap = 2, /* a send takes what the connect has left */
     .calls = {[SIM_SOCKET] = 1,
               [SIM_ATTACH] = 1,
               [SIM_SKIP] = 1,
               [SIM_BIND] = 1,
               [SIM_DIAL] = 1,
               [SIM_CONTEXT] = 1,
               [SIM_TRANSFER] = 2,
               [SIM_WAIT] = 1}},
};

/* ---- the locks ----------------------------------------------------------------------------------- */

static const apm_socket *own[COST_BURST + 1];
static uint32_t own_count;
static uint64_t own_locks, shared_locks; /* that were taken */

void cost_own(const apm_socket *socket)
{
    own[own_count++] = socket;
}

/* Wherever the others are: in the library, in a variable of one of its files, in the crowd. */
static void on_lock(const void *lock)
{
    uint32_t i;

    for (i = 0; i < own_count && (uintptr_t)lock - (uintptr_t)own[i] >= sizeof *own[i]; i++) continue;
    if (i != own_count)
        own_locks++;
    else
        shared_locks++;
}

static void check_locks(void)
{
    char what[96];

    (void)snprintf(what, sizeof what, "%llu locks that sockets share", (unsigned long long)shared_locks);
    cost_check(shared_locks == 0, what);
    cost_check(own_locks != 0, "no lock of the socket's: is every lock told?");
}

/* ---- a run --------------------------------------------------------------------------------------- */

static void check_counts(const cost_scene *one, uint32_t times, uint64_t blocks_before,
                         const uint32_t *calls_before)
{
    char what[96];
    int i;

    (void)snprintf(what, sizeof what, "%llu blocks from the heap, and not %u each time",
                   (unsigned long long)(blocks - blocks_before), one->heap);
    cost_check(blocks - blocks_before == (uint64_t)times * one->heap, what);
    for (i = 0; i < SIM_FAULTS; i++) {
        uint32_t calls = sim_fault_calls((enum sim_fault_kind)i) - calls_before[i];

        if (i == SIM_MEMORY) continue; /* the library's blocks are counted above: the allocator is ours */
        (void)snprintf(what, sizeof what, "%u calls of kind %d, and not %u each time", calls, i,
                       one->calls[i]);
        cost_check(calls == times * one->calls[i], what);
    }
}

static void repeat(const cost_scene *one, uint32_t times)
{
    uint32_t calls[SIM_FAULTS], i;
    uint64_t before = blocks;

    for (i = 0; i < SIM_FAULTS; i++) calls[i] = sim_fault_calls((enum sim_fault_kind)i);
    sim_on_lock(on_lock);
    for (i = 0; i < times; i++) one->once();
    sim_on_lock(NULL);
    check_counts(one, times, before, calls);
    if (!one->shares) check_locks();
}

typedef struct run {
    const cost_scene *scene;
    uint32_t operations, crowd;
} run;

static void play(void *argument)
{
    const run *wanted = (const run *)argument;
    const cost_scene *one = wanted->scene;
    apm_options options = {0};
    uint32_t i;

    main_thread = sim_thread_self();
    options.size = sizeof options;
    options.min_workers = options.max_workers = options.concurrency = 1;
    options.allocate = allocate;
    options.release = release;
    cost_check(apm_startup(&options) == APM_ERROR_SUCCESS, "the library does not start");
    listener = sim_listen(APM_FAMILY_IPV4, 4);
    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(listener), remote.address);
    cost_other = cost_connect(&cost_stream);
    cost_own(cost_stream);
    cost_crowd_gather(wanted->crowd);
    if (one->begin != NULL) one->begin();

    for (i = 0; i < WARM_UP; i++) one->once();
    repeat(one, wanted->operations / one->operations);

    cost_over = true;
    if (one->end != NULL) one->end();
    cost_crowd_leave();
    cost_check(apm_socket_close(cost_stream) == APM_ERROR_SUCCESS, "the socket does not close");
    sim_peer_close(cost_other);
    sim_listener_close(listener);
    cost_check(apm_cleanup() == APM_ERROR_SUCCESS, "the library does not end");
    cost_crowd_forget();
}

static const cost_scene *find_scene(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof scenes / sizeof *scenes; i++)
        if (strcmp(name, scenes[i].name) == 0) return &scenes[i];
    return NULL;
}

int main(int argc, char **argv)
{
    sim_profile profile = sim_base_profile();
    uint64_t count = 0, others = 0;
    run wanted = {0};

    playing = argc == 3 || argc == 4 ? find_scene(argv[1]) : NULL;
    if (playing == NULL || !number_read(argv[2], &count) || count == 0 || count > MOST ||
        count % playing->operations != 0 ||
        (argc == 4 && (!number_read(argv[3], &others) || others > LARGEST_CROWD))) {
        (void)fprintf(stderr, "usage: operation_cost SCENE COUNT [CROWD]\n");
        return 2;
    }
    wanted.scene = playing;
    wanted.operations = (uint32_t)count;
    wanted.crowd = (uint32_t)others;
    profile.switches = profile.late_cancel = 0; /* nothing by chance: two runs are the same */
    profile.send_room = profile.receive_room = ROOM;
    sim_set_profile(&profile);
    sim_seed(1);
    sim_run(play, &wanted);
    if (failures == 0) (void)printf("%s: %u times\n", playing->name, wanted.operations);
    return failures == 0 ? 0 : 1;
}
