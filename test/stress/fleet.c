/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are let go with everything under way: closed or not, the references to the
 * socket and to the results given back in any order, the last one perhaps by a callback. Each
 * operation that began calls back once all the same, and nothing is left.
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { MOST_OPERATIONS = 5, ROOM = 16 };

typedef struct fleeting {
    struct fleeting *next;
    apm_socket *socket;
    apm_async_result *results[MOST_OPERATIONS];
    uint32_t begun;
    _Atomic uint32_t callbacks;
    _Atomic bool is_callbacks; /* one reference is for a callback to give back */
    unsigned char data[MOST_OPERATIONS][ROOM];
} fleeting;

static void APM_CALL call_back(apm_async_result *result)
{
    fleeting *one = (fleeting *)apm_async_result_state(result);

    if (!apm_async_result_is_completed(result)) sim_fail("fleet: called back before completion");
    atomic_fetch_add_explicit(&one->callbacks, 1, memory_order_relaxed);
    if (atomic_exchange_explicit(&one->is_callbacks, false, memory_order_acq_rel))
        apm_socket_release(one->socket);
    apm_async_result_retain(result);
    apm_async_result_release(result);
}

/* ---- what it does --------------------------------------------------------------------------------- */

/* A connect that nobody answers, and one that is refused. */
static apm_error begin_connect(fleeting *one, uint64_t *stream, apm_async_result **result)
{
    apm_endpoint remote = {0};
    bool silent = draw(stream, 2) == 0;

    (void)apm_endpoint_from_ip(silent ? "192.0.2.1" : "127.0.0.1", sim_free_port(APM_FAMILY_IPV4), &remote);
    return apm_socket_begin_connect(one->socket, &remote, call_back, one, result);
}

static apm_error begin_datagram(fleeting *one, uint32_t i, uint64_t *stream, apm_async_result **result)
{
    apm_endpoint local;

    if (draw(stream, 3) != 0)
        return apm_socket_begin_receive_from(one->socket, one->data[i], ROOM, 0, call_back, one, result);
    if (apm_socket_local_endpoint(one->socket, &local) != APM_ERROR_SUCCESS) return APM_ERROR_SOCKET;
    return apm_socket_begin_send_to(one->socket, one->data[i], ROOM, 0, &local, call_back, one, result);
}

static void begin_all(fleeting *one, bool datagram, uint64_t *stream)
{
    uint32_t count = 1 + draw(stream, MOST_OPERATIONS), i;

    if (!datagram) count = 1;
    for (i = 0; i < count; i++) {
        apm_async_result **result = draw(stream, 2) == 0 ? &one->results[i] : NULL;
        apm_error error =
            datagram ? begin_datagram(one, i, stream, result) : begin_connect(one, stream, result);

        if (error == APM_ERROR_SUCCESS)
            one->begun++;
        else if (one->results[i] != NULL)
            sim_fail("fleet: Begin failed and gave a result");
    }
}

/* ---- letting go -------------------------------------------------------------------------------------- */

static void give_back(fleeting *one, uint32_t i, uint64_t *stream)
{
    apm_async_result *result = one->results[i];

    if (result == NULL) return;
    if (draw(stream, 3) == 0) (void)apm_async_result_cancel(result);
    if (draw(stream, 4) == 0) (void)apm_async_result_cancel_after(result, draw(stream, 5));
    apm_async_result_release(result);
}

/* The creator's reference goes with a close, or as any other. */
static void let_go(fleeting *one, uint64_t *stream)
{
    uint32_t place_of_close = draw(stream, MOST_OPERATIONS + 1), i;
    bool closes = draw(stream, 2) == 0;

    for (i = 0; i <= MOST_OPERATIONS; i++) {
        if (i == place_of_close) {
            if (closes)
                (void)apm_socket_close(one->socket);
            else
                apm_socket_release(one->socket);
        }
        if (i < MOST_OPERATIONS) give_back(one, i, stream);
        if (draw(stream, 4) == 0) sim_interleave();
    }
    /* If no callback comes that would take it. */
    if (one->begun == 0 && atomic_exchange_explicit(&one->is_callbacks, false, memory_order_acq_rel))
        apm_socket_release(one->socket);
}

static void launch(actor *one, uint64_t *stream)
{
    bool datagram = draw(stream, 3) != 0;
    int32_t type = datagram ? APM_SOCKET_DATAGRAM : APM_SOCKET_STREAM;
    fleeting *made = (fleeting *)calloc(1, sizeof *made);
    apm_endpoint local;

    if (made == NULL) sim_fail("no memory for the test");
    if (apm_socket_create(APM_FAMILY_IPV4, type, APM_PROTOCOL_UNSPECIFIED, &made->socket) !=
        APM_ERROR_SUCCESS) {
        free(made);
        return;
    }
    made->next = one->fleet;
    one->fleet = made;
    memset(made->data, 1, sizeof made->data);
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
    if (one->in->users == 0 || apm_startup(NULL) != APM_ERROR_SUCCESS) return;
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

void fleet_check(actor *one)
{
    while (one->fleet != NULL) {
        fleeting *made = one->fleet;

        one->fleet = made->next;
        if (atomic_load(&made->callbacks) != made->begun)
            sim_fail("fleet: %u operations called back %u times", (unsigned)made->begun,
                     (unsigned)atomic_load(&made->callbacks));
        free(made);
    }
}
