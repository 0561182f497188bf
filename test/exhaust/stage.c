/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <stdio.h>
#include <string.h>

static uint32_t failures;
static uint64_t checks;

void expect(bool good, const char *what)
{
    checks++;
    if (good) return;
    failures++;
    (void)printf("\n    not so: %s\n    ", what);
    point_print();
}

uint32_t expect_failures(void)
{
    return failures;
}

uint64_t expect_count(void)
{
    return checks;
}

/* ---- operations ------------------------------------------------------------------------------------- */

op op_of(stage *on, apm_socket *socket, end_function end)
{
    op one;

    memset(&one, 0, sizeof one);
    atomic_init(&one.callbacks, 0);
    one.on = on;
    one.socket = socket;
    one.end = end;
    return one;
}

void APM_CALL op_called(apm_async_result *result)
{
    op *one = (op *)apm_async_result_state(result);

    atomic_fetch_add(&one->on->called, 1);
    atomic_fetch_add(&one->callbacks, 1);
}

apm_error op_finish(op *one, apm_error begun)
{
    uint64_t start;
    apm_error error;

    if (begun != APM_ERROR_SUCCESS) {
        expect(one->result == NULL, "a Begin that fails gives no result");
        expect(atomic_load(&one->callbacks) == 0, "a Begin that fails calls nobody back");
        return begun;
    }
    one->on->begun++;
    expect(one->result != NULL, "Begin gives a result");
    error = one->end(one->socket, one->result, &one->bytes);
    start = sim_now(); /* a connect that nobody answers may have taken minutes */
    while (atomic_load(&one->callbacks) == 0 && sim_now() - start < PATIENCE) sim_sleep(1);
    expect(atomic_load(&one->callbacks) == 1, "one callback");
    apm_async_result_release(one->result);
    return error;
}

apm_error end_connect(apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    *bytes = 0;
    return apm_socket_end_connect(socket, result);
}

apm_error end_disconnect(apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    *bytes = 0;
    return apm_socket_end_disconnect(socket, result);
}

apm_error end_send_file(apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    *bytes = 0;
    return apm_socket_end_send_file(socket, result);
}

/* ---- peers ------------------------------------------------------------------------------------------- */

sim_peer *accept_from(const stage *on, apm_socket *socket)
{
    apm_endpoint local = {0};
    bool calm = point_calm(true);
    sim_peer *peer;

    expect(apm_socket_local_endpoint(socket, &local) == APM_ERROR_SUCCESS, "it has a local endpoint");
    (void)point_calm(calm);
    for (;;) {
        peer = sim_accept(on->listener, PATIENCE);
        if (peer == NULL || sim_peer_port(peer) == apm_endpoint_port(&local)) break;
        sim_peer_close(peer); /* of a connect that failed after the kernel's had succeeded */
    }
    expect(peer != NULL, "the connection is there");
    return peer;
}

void check_peer_reads(sim_peer *peer, const char *data, size_t size)
{
    char found[256];
    size_t done = 0;
    bool same = true;

    while (done < size && same) {
        size_t most = size - done < sizeof found ? size - done : sizeof found;
        int64_t got = sim_peer_read(peer, found, most, PATIENCE);

        same = got > 0 && memcmp(found, data + done, (size_t)got) == 0;
        if (same) done += (size_t)got;
    }
    expect(same && done == size, "the peer gets the bytes that were sent, in order");
}

apm_endpoint refusing_endpoint(void)
{
    apm_endpoint endpoint = {0};

    endpoint.length = sim_address(APM_FAMILY_IPV4, sim_free_port(APM_FAMILY_IPV4), (void *)endpoint.address);
    return endpoint;
}

apm_error use_connection(stage *on, apm_error error)
{
    size_t bytes = 0;
    char byte = 0;

    if (error != APM_ERROR_SUCCESS) {
        expect(!apm_socket_connected(on->socket), "what has failed to connect is not connected");
        return error;
    }
    expect(apm_socket_connected(on->socket), "it is connected");
    on->peer = accept_from(on, on->socket);
    if (on->peer == NULL) return error;
    /* Plain calls: what fails in them fails this scenario as a send does, so the peer begins. */
    expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
    error = apm_socket_receive(on->socket, &byte, 1, 0, &bytes);
    if (error == APM_ERROR_SUCCESS) expect(bytes == 1 && byte == 'x', "it receives");
    if (error != APM_ERROR_SUCCESS) { /* connected: the act cannot be done twice on it */
        point_calm(true);
        expect(apm_socket_receive(on->socket, &byte, 1, 0, &bytes) == APM_ERROR_SUCCESS && byte == 'x',
               "the byte is not lost");
        stage_discard(on);
        point_calm(false);
    }
    return error;
}

/* ---- the stage ------------------------------------------------------------------------------------------ */

static apm_socket *connect_one(const stage *on, sim_peer **peer)
{
    apm_socket *socket = NULL;

    expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket) ==
               APM_ERROR_SUCCESS,
           "a socket");
    expect(apm_socket_connect(socket, &on->there) == APM_ERROR_SUCCESS, "a connection");
    *peer = accept_from(on, socket);
    return socket;
}

static apm_socket *bind_datagram(apm_endpoint *at)
{
    apm_socket *socket = NULL;

    expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &socket) ==
               APM_ERROR_SUCCESS,
           "a datagram socket");
    expect(apm_endpoint_loopback(APM_FAMILY_IPV4, 0, at) == APM_ERROR_SUCCESS, "loopback");
    expect(apm_socket_bind(socket, at) == APM_ERROR_SUCCESS, "bound");
    expect(apm_socket_local_endpoint(socket, at) == APM_ERROR_SUCCESS, "bound somewhere");
    return socket;
}

static void APM_CALL count_call(apm_async_result *result)
{
    stage *on = (stage *)apm_async_result_state(result);

    atomic_fetch_add(&on->called, 1);
}

/* More than the connection has room for, in two sends; and a receive of what is not there. */
static void busy_bystander(stage *on)
{
    size_t half = sizeof on->sent / 2, i;

    for (i = 0; i < sizeof on->sent; i++) on->sent[i] = (char)(i * 7 + i / 100);
    on->bystander = connect_one(on, &on->friend);
    for (i = 0; i < 2; i++)
        expect(apm_socket_begin_send(on->bystander, on->sent + i * half, half, 0, count_call, on,
                                     &on->sends[i]) == APM_ERROR_SUCCESS,
               "the bystander sends");
    expect(apm_socket_begin_receive(on->bystander, &on->here, 1, 0, count_call, on, &on->receive) ==
               APM_ERROR_SUCCESS,
           "the bystander receives");
    on->begun += 3;
}

void stage_renew(stage *on, stage_set set)
{
    apm_endpoint refuses;

    if (on->socket != NULL) return;
    switch (set) {
    case SET_NOTHING:
    case SET_STOPPED: break;
    case SET_STREAM:
    case SET_SPENT:
        expect(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &on->socket) ==
                   APM_ERROR_SUCCESS,
               "a socket");
        if (set == SET_STREAM) break;
        refuses = refusing_endpoint();
        /* What has to be made again on the fresh handle. */
        expect(apm_socket_set_option(on->socket, APM_SOCKET_OPTION_NO_DELAY, 1) == APM_ERROR_SUCCESS,
               "an option");
        expect(apm_socket_connect(on->socket, &refuses) == APM_ERROR_CONNECTION_REFUSED, "a refusal");
        break;
    case SET_DUAL:
        expect(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &on->socket) == APM_ERROR_SUCCESS,
               "a socket");
        break;
    case SET_PAIR: on->socket = connect_one(on, &on->peer); break;
    case SET_DATAGRAMS: {
        apm_endpoint unused;
        on->socket = bind_datagram(&unused);
        on->other = bind_datagram(&on->other_at);
        break;
    }
    }
}

void stage_open(stage *on, stage_set set)
{
    on->listener = sim_listen(APM_FAMILY_IPV4, 16);
    on->there.length =
        sim_address(APM_FAMILY_IPV4, sim_listener_port(on->listener), (void *)on->there.address);
    if (set == SET_STOPPED) return;
    expect(apm_startup(NULL) == APM_ERROR_SUCCESS, "the library starts");
    busy_bystander(on);
    stage_renew(on, set);
}

void stage_discard(stage *on)
{
    if (on->socket != NULL) expect(apm_socket_close(on->socket) == APM_ERROR_SUCCESS, "it closes");
    if (on->other != NULL) expect(apm_socket_close(on->other) == APM_ERROR_SUCCESS, "it closes");
    if (on->peer != NULL) sim_peer_close(on->peer);
    on->socket = on->other = NULL;
    on->peer = NULL;
}

/* Of the statistics' operations. */
static bool is_settled(const stage *on, uint32_t others)
{
    apm_statistics now = {0};
    uint32_t live = others + !apm_async_result_is_completed(on->receive), i;

    for (i = 0; i < 2; i++) live += !apm_async_result_is_completed(on->sends[i]);
    now.size = sizeof now;
    return apm_get_statistics(&now) == APM_ERROR_SUCCESS && now.live == live;
}

void stage_settle(stage *on, uint32_t others)
{
    uint64_t start = sim_now();
    bool settled;

    while (!(settled = is_settled(on, others)) && sim_now() - start < PATIENCE) sim_sleep(1);
    expect(settled, "what has begun has ended, and is counted so");
}

void stage_check_bystander(stage *on)
{
    size_t bytes = 0, i;

    if (on->bystander == NULL) return;
    stage_settle(on, 0);
    expect(!apm_async_result_is_completed(on->receive), "the bystander's receive is pending");
    expect(sim_peer_write(on->friend, "!", 1, PATIENCE) == 1, "the bystander's peer writes");
    expect(apm_socket_end_receive(on->bystander, on->receive, &bytes) == APM_ERROR_SUCCESS && bytes == 1 &&
               on->here == '!',
           "the bystander receives what was written");
    check_peer_reads(on->friend, on->sent, sizeof on->sent);
    for (i = 0; i < 2; i++) {
        expect(apm_socket_end_send(on->bystander, on->sends[i], &bytes) == APM_ERROR_SUCCESS &&
                   bytes == sizeof on->sent / 2,
               "the bystander has sent it all");
        apm_async_result_release(on->sends[i]);
    }
    apm_async_result_release(on->receive);
}

void stage_close(stage *on, bool running)
{
    stage_discard(on);
    if (on->bystander != NULL) expect(apm_socket_close(on->bystander) == APM_ERROR_SUCCESS, "it closes");
    if (on->friend != NULL) sim_peer_close(on->friend);
    expect(apm_cleanup() == (running ? APM_ERROR_SUCCESS : APM_ERROR_NOT_INITIALIZED), "the library ends");
    expect(atomic_load(&on->called) == on->begun, "each operation that began called back once, no other did");
    sim_listener_close(on->listener);
}
