/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are let go with everything under way: closed or not, the references to the
 * socket and to the results given back in any order, the last one perhaps by a callback. Each
 * operation that began calls back once all the same, and nothing is left. What a connected stream carries is
 * in convoy.c.
 */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

/* ---- an operation --------------------------------------------------------------------------------- */

void fleet_load(freight *made, size_t size)
{
    made->size = size;
    made->data = (unsigned char *)malloc(size);
    if (made->data == NULL) sim_fail("no memory for the test");
    memset(made->data, 0xFF, size);
}

/* What was received shows in the buffer, whoever has closed the socket. */
static void unload(freight *made)
{
    if (made->kind == FREIGHT_RECEIVE)
        while (made->kept_size < made->size && made->data[made->kept_size] != 0xFF) {
            made->kept[made->kept_size] = made->data[made->kept_size];
            made->kept_size++;
        }
    free(made->data);
    made->data = NULL;
}

/* The socket is good for that, also if nobody has a reference to it any more. */
static apm_error end(freight *made, apm_async_result *result)
{
    apm_socket *socket = made->of->socket;
    apm_endpoint from;
    size_t bytes = 0;

    switch (made->kind) {
    case FREIGHT_CONNECT: return apm_socket_end_connect(socket, result);
    case FREIGHT_LETTER_FROM: return apm_socket_end_receive_from(socket, result, &bytes, &from);
    case FREIGHT_LETTER_TO: return apm_socket_end_send_to(socket, result, &bytes);
    case FREIGHT_SEND: return apm_socket_end_send(socket, result, &bytes);
    case FREIGHT_FILE: return apm_socket_end_send_file(socket, result);
    case FREIGHT_RECEIVE: return apm_socket_end_receive(socket, result, &bytes);
    case FREIGHT_DISCONNECT: return apm_socket_end_disconnect(socket, result);
    default: return APM_ERROR_SOCKET;
    }
}

void APM_CALL fleet_call_back(apm_async_result *result)
{
    freight *made = (freight *)apm_async_result_state(result);
    fleeting *one = made->of;

    if (!apm_async_result_is_completed(result)) sim_fail("fleet: called back before completion");
    if (made->ends) {
        made->error = end(made, result);
        if (made->error == APM_ERROR_INVALID_OPERATION) sim_fail("fleet: ended by nobody else, and yet");
    }
    unload(made);
    atomic_fetch_add_explicit(&one->callbacks, 1, memory_order_relaxed);
    if (made != &one->dial && atomic_exchange_explicit(&one->is_callbacks, false, memory_order_acq_rel))
        apm_socket_release(one->socket);
    apm_async_result_retain(result);
    apm_async_result_release(result);
}

/* ---- what it does --------------------------------------------------------------------------------- */

/* A connect that nobody answers, and one that is refused. */
static apm_error begin_connect(fleeting *one, freight *made, apm_async_result **result, uint64_t *stream)
{
    apm_endpoint remote = {0};
    bool silent = draw(stream, 2) == 0;

    made->kind = FREIGHT_CONNECT;
    (void)apm_endpoint_from_ip(silent ? "192.0.2.1" : "127.0.0.1", sim_free_port(APM_FAMILY_IPV4), &remote);
    return apm_socket_begin_connect(one->socket, &remote, fleet_call_back, made, result);
}

static apm_error begin_datagram(fleeting *one, freight *made, apm_async_result **result, uint64_t *stream)
{
    apm_endpoint local;

    fleet_load(made, FREIGHT_ROOM);
    made->kind = draw(stream, 3) != 0 ? FREIGHT_LETTER_FROM : FREIGHT_LETTER_TO;
    if (made->kind == FREIGHT_LETTER_FROM)
        return apm_socket_begin_receive_from(one->socket, made->data, FREIGHT_ROOM, 0, fleet_call_back, made,
                                             result);
    if (apm_socket_local_endpoint(one->socket, &local) != APM_ERROR_SUCCESS) return APM_ERROR_SOCKET;
    return apm_socket_begin_send_to(one->socket, made->data, FREIGHT_ROOM, 0, &local, fleet_call_back, made,
                                    result);
}

static void begin_one(fleeting *one, freight *made, bool datagram, uint64_t *stream)
{
    apm_async_result **result = draw(stream, 2) == 0 ? &made->result : NULL;
    apm_error error;

    made->of = one;
    made->ends = draw(stream, 2) == 0;
    if (one->convoy)
        error = convoy_begin(one, made, result, stream);
    else
        error =
            datagram ? begin_datagram(one, made, result, stream) : begin_connect(one, made, result, stream);
    made->begun = error == APM_ERROR_SUCCESS;
    if (made->begun) {
        one->begun++;
        return;
    }
    if (made->result != NULL) sim_fail("fleet: Begin failed and gave a result");
    free(made->data);
    made->data = NULL;
}

static void begin_all(fleeting *one, bool datagram, uint64_t *stream)
{
    uint32_t count = 1 + draw(stream, FREIGHTS), i;

    if (!datagram && !one->convoy) count = 1;
    for (i = 0; i < count; i++) {
        if (one->convoy) convoy_stir(one, stream);
        begin_one(one, &one->freights[i], datagram, stream);
    }
}

/* ---- letting go -------------------------------------------------------------------------------------- */

/* A cancelled send would leave a gap in what arrives. */
static bool may_cancel(const freight *made)
{
    return made->kind != FREIGHT_SEND && made->kind != FREIGHT_FILE;
}

static void give_back(const freight *made, uint64_t *stream)
{
    bool cancels = draw(stream, 3) == 0, limits = draw(stream, 4) == 0;

    if (made->result == NULL) return;
    if (cancels && may_cancel(made)) (void)apm_async_result_cancel(made->result);
    if (limits && may_cancel(made)) (void)apm_async_result_cancel_after(made->result, draw(stream, 5));
    apm_async_result_release(made->result);
}

static bool has_begun_any(const fleeting *one)
{
    uint32_t i;

    for (i = 0; i < FREIGHTS; i++)
        if (one->freights[i].begun) return true;
    return false;
}

/* The creator's reference goes with a close, or as any other. */
static void let_go(fleeting *one, uint64_t *stream)
{
    uint32_t place_of_close = draw(stream, FREIGHTS + 1), i;
    bool closes = draw(stream, 2) == 0;

    for (i = 0; i <= FREIGHTS; i++) {
        if (i == place_of_close) {
            if (closes)
                (void)apm_socket_close(one->socket);
            else
                apm_socket_release(one->socket);
        }
        if (i < FREIGHTS) give_back(&one->freights[i], stream);
        if (draw(stream, 4) == 0) sim_interleave();
        if (one->convoy && draw(stream, 4) == 0) convoy_stir(one, stream);
    }
    /* If no callback comes that would take it. */
    if (!has_begun_any(one) && atomic_exchange_explicit(&one->is_callbacks, false, memory_order_acq_rel))
        apm_socket_release(one->socket);
}

static void launch(actor *one, uint64_t *stream)
{
    bool datagram = draw(stream, 2) == 0, convoy = !datagram && draw(stream, 4) != 0;
    int32_t type = datagram ? APM_SOCKET_DATAGRAM : APM_SOCKET_STREAM;
    fleeting *made = (fleeting *)calloc(1, sizeof *made);
    apm_endpoint local;

    if (made == NULL) sim_fail("no memory for the test");
    if (apm_socket_create(APM_FAMILY_IPV4, type, APM_PROTOCOL_UNSPECIFIED, &made->socket) !=
        APM_ERROR_SUCCESS) {
        if (!one->in->hostile) sim_fail("fleet: create");
        free(made);
        return;
    }
    made->in = one->in;
    made->next = one->fleet;
    one->fleet = made;
    if (convoy) convoy_connect(made);
    if (draw(stream, 2) == 0) {
        apm_socket_retain(made->socket);
        atomic_store_explicit(&made->is_callbacks, true, memory_order_release);
    }
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    if (datagram) (void)apm_socket_bind(made->socket, &local);
    begin_all(made, datagram, stream);
    let_go(made, stream);
}

/* Where no user is counted the first socket would start the library again, and nobody end it. */
void fleet_launch(actor *one)
{
    if (one->in->users == 0) return;
    if (apm_startup(NULL) != APM_ERROR_SUCCESS) {
        if (!one->in->hostile) sim_fail("fleet: startup");
        return;
    }
    launch(one, &one->stream);
    if (apm_cleanup() != APM_ERROR_SUCCESS) sim_fail("fleet: cleanup");
}

/* Whom nobody has a reference to any more is closed: its operations do not wait for the library's end. */
void fleet_wait(const actor *one)
{
    const fleeting *made;
    uint32_t patience;

    if (!sim_is_seeded()) return; /* where time costs something */
    for (made = one->fleet; made != NULL; made = made->next) {
        if (atomic_load_explicit(&made->is_callbacks, memory_order_relaxed)) continue;
        for (patience = 60000; atomic_load(&made->callbacks) != made->begun; patience--) {
            if (patience == 0) sim_fail("fleet: what nobody has goes on");
            sim_sleep(1);
        }
    }
}

bool fleet_is_open(const actor *one)
{
    const fleeting *made;

    for (made = one->fleet; made != NULL; made = made->next)
        if (atomic_load_explicit(&made->is_callbacks, memory_order_relaxed)) return true;
    return false;
}

static void tally(program *run, const fleeting *one)
{
    uint32_t i;

    run->fleets.begun += one->begun;
    run->fleets.sent += one->sent;
    for (i = 0; i < FREIGHTS; i++) {
        const freight *made = &one->freights[i];

        run->fleets.received += made->kept_size;
        if (!made->begun) continue;
        if (made->kind == FREIGHT_LETTER_FROM) run->fleets.letters += FREIGHT_ROOM;
        if (made->kind == FREIGHT_LETTER_TO) run->fleets.sent += FREIGHT_ROOM;
    }
}

void fleet_check(actor *one)
{
    while (one->fleet != NULL) {
        fleeting *made = one->fleet;

        one->fleet = made->next;
        if (atomic_load(&made->callbacks) != made->begun)
            sim_fail("fleet: %u operations called back %u times", (unsigned)made->begun,
                     (unsigned)atomic_load(&made->callbacks));
        tally(one->in, made);
        if (made->convoy) convoy_check(made);
        free(made);
    }
}
