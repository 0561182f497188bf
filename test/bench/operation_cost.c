/* SPDX-License-Identifier: MIT */
/*
 * What an operation takes in the steady state: `operation_cost SCENE COUNT [CROWD]` does the same one
 * COUNT times on the simulated kernel, one thread at a time; beside it, CROWD connections on the same
 * port wait, each with a receive. It fails if one of them
 *
 *   - takes something from the heap that it need not,
 *   - calls the kernel more often, or makes an event,
 *   - takes a lock that sockets share: all of them are held meanwhile, and it would wait for ever.
 *
 * or if a connection more takes more memory, or more locks in the end, than the one before. cost.py runs
 * it under Callgrind and counts instructions, which must not depend on the crowd.
 */
#include <apmsock/apmsock.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/number.h"
#include "library.h"
#include "sim.h"
#include "socket.h"

#define PATIENCE 60000u
#define WARM_UP 64u
#define MOST 1000000u
#define LARGEST_CROWD 50000u

/* What every socket and every operation of a program takes as long as it lives. A change may lower
 * them; what raises them has to be worth it. */
#if UINTPTR_MAX > 0xFFFFFFFFu
_Static_assert(sizeof(struct apm_socket) <= 320, "bytes of a socket");
_Static_assert(sizeof(struct apm_async_result) <= 208, "bytes of an operation");
#else
_Static_assert(sizeof(struct apm_socket) <= 256, "bytes of a socket");
_Static_assert(sizeof(struct apm_async_result) <= 144, "bytes of an operation");
#endif

typedef struct scene {
    const char *name;
    void (*once)(void);
    bool shares;                /* takes locks that sockets share, and may */
    uint32_t heap;              /* blocks, and */
    uint32_t calls[SIM_FAULTS]; /* calls of the kernel, each time */
} scene;

static sim_listener *listener;
static sim_peer *other;
static apm_socket *stream;
static apm_endpoint remote;
static uint64_t blocks;            /* that were taken */
static uint64_t held_blocks, held; /* that are there, and their bytes */
static char byte_here;
static uint64_t callbacks;
static const scene *playing;
static uint32_t wanted;
static int failures;

static void check(bool condition, const char *what)
{
    if (condition) return;
    failures++;
    (void)fprintf(stderr, "%s: %s\n", playing->name, what);
}

static void *APM_CALL allocate(size_t size, void *context)
{
    (void)context;
    max_align_t *block = (max_align_t *)malloc(sizeof *block + size); /* with its size before it */

    if (block == NULL) return NULL;
    blocks++;
    held_blocks++;
    held += size;
    memcpy(block, &size, sizeof size);
    return block + 1;
}

static void APM_CALL release(void *block, void *context)
{
    size_t size;

    (void)context;
    memcpy(&size, (max_align_t *)block - 1, sizeof size);
    held_blocks--;
    held -= size;
    free((max_align_t *)block - 1);
}

/* ---- the scenes -------------------------------------------------------------------------------- */

static void await(uint64_t before)
{
    while (callbacks == before) sim_sleep(1);
}

static void APM_CALL on_sent(apm_async_result *result)
{
    size_t sent = 0;

    check(apm_socket_end_send(stream, result, &sent) == APM_ERROR_SUCCESS && sent == 1, "the send failed");
    callbacks++;
}

static void APM_CALL on_received(apm_async_result *result)
{
    size_t received = 0;

    check(apm_socket_end_receive(stream, result, &received) == APM_ERROR_SUCCESS && received == 1,
          "the receive failed");
    callbacks++;
}

/* Over inside Begin. */
static void send_at_once(void)
{
    uint64_t before = callbacks;
    char there = 0;

    check(apm_socket_begin_send(stream, "s", 1, APM_FLAG_NONE, on_sent, NULL, NULL) == APM_ERROR_SUCCESS &&
              callbacks == before + 1,
          "the send is not over at once");
    check(sim_peer_read(other, &there, 1, PATIENCE) == 1, "nothing has arrived");
}

static void begin_receive(void)
{
    check(apm_socket_begin_receive(stream, &byte_here, 1, APM_FLAG_NONE, on_received, NULL, NULL) ==
              APM_ERROR_SUCCESS,
          "the receive does not begin");
}

static void receive_at_once(void)
{
    uint64_t before = callbacks;

    check(sim_peer_write(other, "r", 1, PATIENCE) == 1, "the peer does not write");
    begin_receive();
    check(callbacks == before + 1, "the receive is not over at once");
}

/* By way of a packet, on a worker. */
static void receive_later(void)
{
    uint64_t before = callbacks;

    begin_receive();
    check(callbacks == before, "there is nothing to receive");
    check(sim_peer_write(other, "r", 1, PATIENCE) == 1, "the peer does not write");
    await(before);
}

static void APM_CALL on_connected(apm_async_result *result)
{
    check(apm_socket_end_connect((apm_socket *)apm_async_result_state(result), result) == APM_ERROR_SUCCESS,
          "the connect failed");
    callbacks++;
}

/* The peer of a connection that is left to the caller. */
static sim_peer *make_connection(apm_socket **made)
{
    uint64_t before = callbacks;
    apm_socket *socket = NULL;
    sim_peer *peer;

    check(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
              APM_ERROR_SUCCESS,
          "there is no socket");
    check(apm_socket_begin_connect(socket, &remote, on_connected, socket, NULL) == APM_ERROR_SUCCESS,
          "the connect does not begin");
    await(before);
    peer = sim_accept(listener, PATIENCE);
    check(peer != NULL, "nobody has connected");
    *made = socket;
    return peer;
}

static void connect_and_close(void)
{
    apm_socket *socket = NULL;
    sim_peer *peer = make_connection(&socket);

    check(apm_socket_close(socket) == APM_ERROR_SUCCESS, "the socket does not close");
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
        check(apm_socket_send(socket, "s", 1, APM_FLAG_NONE, &sent) == APM_ERROR_SUCCESS && sent == 1,
              "the send failed");
    check(apm_socket_close(socket) == APM_ERROR_SUCCESS, "the socket does not close");
    if (peer != NULL) sim_peer_close(peer);
}

/* ---- the crowd ----------------------------------------------------------------------------------- */

typedef struct bystander {
    apm_socket *socket;
    sim_peer *peer;
    char here;
} bystander;

static bystander *crowd;
static uint32_t crowd_size, crowd_callbacks;

static void APM_CALL on_left(apm_async_result *result)
{
    (void)result;
    crowd_callbacks++;
}

static bool join_crowd(bystander *one)
{
    if (apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &one->socket) !=
            APM_ERROR_SUCCESS ||
        apm_socket_connect(one->socket, &remote) != APM_ERROR_SUCCESS)
        return false;
    one->peer = sim_accept(listener, PATIENCE);
    return one->peer != NULL && apm_socket_begin_receive(one->socket, &one->here, 1, APM_FLAG_NONE, on_left,
                                                         NULL, NULL) == APM_ERROR_SUCCESS;
}

/* Each is as dear as the first: a socket and its receive, and nothing is left of its connect. */
static void gather_crowd(void)
{
    uint64_t first_blocks = 0, first_bytes = 0;
    uint32_t i;

    crowd = (bystander *)calloc(crowd_size + 1, sizeof *crowd);
    if (crowd == NULL) abort();
    for (i = 0; i < crowd_size; i++) {
        uint64_t blocks_before = held_blocks, bytes_before = held;

        if (!join_crowd(&crowd[i])) {
            check(false, "the crowd does not connect");
            return;
        }
        if (i == 0) {
            first_blocks = held_blocks - blocks_before;
            first_bytes = held - bytes_before;
        }
        check(held_blocks - blocks_before == first_blocks && held - bytes_before == first_bytes,
              "a connection more takes more memory");
    }
    check(crowd_size == 0 || (first_blocks == 2 &&
                              first_bytes == sizeof(struct apm_socket) + sizeof(struct apm_async_result)),
          "a connection that waits takes more than its socket and its receive");
    if (crowd_size != 0)
        (void)printf("%u connections wait: %llu blocks and %llu bytes each\n", crowd_size,
                     (unsigned long long)first_blocks, (unsigned long long)first_bytes);
}

static void send_crowd_home(void)
{
    uint32_t i;

    check(crowd_callbacks == 0, "the crowd was disturbed");
    for (i = 0; i < crowd_size; i++) {
        (void)apm_socket_close(crowd[i].socket);
        if (crowd[i].peer != NULL) sim_peer_close(crowd[i].peer);
    }
}

static const scene scenes[] = {
    {"send_at_once", send_at_once, false, 0, {[SIM_TRANSFER] = 1}},
    {"receive_at_once", receive_at_once, false, 0, {[SIM_TRANSFER] = 1}},
    {"receive_later", receive_later, false, 0, {[SIM_TRANSFER] = 1}},
    {"connect_and_close",
     connect_and_close,
     true,
     3, /* the socket, the connect, its course */
     {[SIM_SOCKET] = 1, [SIM_ATTACH] = 1, [SIM_BIND] = 1, [SIM_DIAL] = 1, [SIM_CONTEXT] = 1}},
    {"connect_and_send",
     connect_and_send,
     true,
     3, /* a send takes what the connect has left */
     {[SIM_SOCKET] = 1,
      [SIM_ATTACH] = 1,
      [SIM_SKIP] = 1,
      [SIM_BIND] = 1,
      [SIM_DIAL] = 1,
      [SIM_CONTEXT] = 1,
      [SIM_TRANSFER] = 2}},
};

/* ---- the shared locks --------------------------------------------------------------------------- */

typedef void lock_change(apmk_lock *lock);

static void change_shared_locks(lock_change *change)
{
    apmi_library *library = stream->library;

    change(&library->lock);
    change(&library->resolver.lock);
    change(&library->pool.lock);
    change(&library->pool.stray_lock);
    change(&library->timers.lock);
}

/* ---- a run --------------------------------------------------------------------------------------- */

static void check_counts(const scene *one, uint64_t blocks_before, const uint32_t *calls_before)
{
    char what[96];
    int i;

    (void)snprintf(what, sizeof what, "%llu blocks from the heap, and not %u each time",
                   (unsigned long long)(blocks - blocks_before), one->heap);
    check(blocks - blocks_before == (uint64_t)wanted * one->heap, what);
    for (i = 0; i < SIM_FAULTS; i++) {
        uint32_t calls = sim_fault_calls((enum sim_fault_kind)i) - calls_before[i];

        /* The library's blocks are counted above: the allocator is ours. A wait brings as many packets as there
         * are. */
        if (i == SIM_MEMORY || i == SIM_WAIT) continue;
        (void)snprintf(what, sizeof what, "%u calls of kind %d, and not %u each time", calls, i,
                       one->calls[i]);
        check(calls == wanted * one->calls[i], what);
    }
}

static void play(void *argument)
{
    const scene *one = (const scene *)argument;
    apm_options options = {0};
    uint32_t calls[SIM_FAULTS], i;
    uint64_t before;

    options.size = sizeof options;
    options.min_workers = options.max_workers = options.concurrency = 1;
    options.allocate = allocate;
    options.release = release;
    check(apm_startup(&options) == APM_ERROR_SUCCESS, "the library does not start");
    listener = sim_listen(APM_FAMILY_IPV4, 4);
    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(listener), remote.address);
    check(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &stream) ==
                  APM_ERROR_SUCCESS &&
              apm_socket_connect(stream, &remote) == APM_ERROR_SUCCESS,
          "there is no connection");
    other = sim_accept(listener, PATIENCE);
    gather_crowd();

    for (i = 0; i < WARM_UP; i++) one->once();
    before = blocks;
    for (i = 0; i < SIM_FAULTS; i++) calls[i] = sim_fault_calls((enum sim_fault_kind)i);
    if (!one->shares) change_shared_locks(apmk_lock_exclusive);
    for (i = 0; i < wanted; i++) one->once();
    if (!one->shares) change_shared_locks(apmk_unlock_exclusive);
    check_counts(one, before, calls);

    send_crowd_home();
    check(apm_socket_close(stream) == APM_ERROR_SUCCESS, "the socket does not close");
    sim_peer_close(other);
    sim_listener_close(listener);
    check(apm_cleanup() == APM_ERROR_SUCCESS, "the library does not end");
    check(crowd_callbacks == crowd_size, "not everyone of the crowd was called back");
    free(crowd);
}

static const scene *find_scene(const char *name)
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

    playing = argc == 3 || argc == 4 ? find_scene(argv[1]) : NULL;
    if (playing == NULL || !number_read(argv[2], &count) || count == 0 || count > MOST ||
        (argc == 4 && (!number_read(argv[3], &others) || others > LARGEST_CROWD))) {
        (void)fprintf(stderr, "usage: operation_cost SCENE COUNT [CROWD]\n");
        return 2;
    }
    wanted = (uint32_t)count;
    crowd_size = (uint32_t)others;
    profile.switches = 0; /* nothing by chance: two runs are the same */
    sim_set_profile(&profile);
    sim_seed(1);
    sim_run(play, (void *)(uintptr_t)playing);
    if (failures == 0) (void)printf("%s: %u times\n", playing->name, wanted);
    return failures == 0 ? 0 : 1;
}
