/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <string.h>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#endif

/* ---- a call -------------------------------------------------------------------------------------- */

void call_prepare(call *made, apm_socket *socket, call_kind kind)
{
    memset(made, 0, sizeof *made);
    atomic_init(&made->callbacks, 0);
    made->socket = socket;
    made->kind = kind;
    made->done = test_gate_new();
}

apm_error end_kind(call_kind kind, apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    switch (kind) {
    case CALL_CONNECT: return apm_socket_end_connect(socket, result);
    case CALL_SEND: return apm_socket_end_send(socket, result, bytes);
    case CALL_RECEIVE: break;
    }
    return apm_socket_end_receive(socket, result, bytes);
}

apm_error call_end(call *made, apm_async_result *result)
{
    made->error = end_kind(made->kind, made->socket, result, &made->bytes);
    return made->error;
}

/* The last step opens the gate: from then on the call is the test's, which may be gone. */
void APM_CALL call_back(apm_async_result *result)
{
    call *made = (call *)apm_async_result_state(result);
    test_gate *done = made->done;

    made->seen = result;
    made->thread = test_thread_self();
    made->completed = apm_async_result_is_completed(result);
    made->synchronously = apm_async_result_completed_synchronously(result);
    made->stored = made->result == result;
    if (!made->keeps) (void)call_end(made, result);
    if (made->inside != NULL) made->inside(made);
    atomic_fetch_add(&made->callbacks, 1);
    test_gate_open(done);
}

apm_error call_connect(call *made, const apm_endpoint *remote)
{
    return apm_socket_begin_connect(made->socket, remote, call_back, made, &made->result);
}

apm_error call_send(call *made, const void *data, size_t size)
{
    return apm_socket_begin_send(made->socket, data, size, APM_FLAG_NONE, call_back, made, &made->result);
}

apm_error call_receive(call *made, void *data, size_t size)
{
    return apm_socket_begin_receive(made->socket, data, size, APM_FLAG_NONE, call_back, made, &made->result);
}

bool call_wait(call *made)
{
    if (!test_gate_wait(made->done)) return false;
    CHECK(atomic_load(&made->callbacks) == 1);
    return true;
}

void call_dispose(call *made)
{
    apm_async_result_release(made->result);
    made->result = NULL;
    test_gate_free(made->done);
}

/* ---- a pair ---------------------------------------------------------------------------------------- */

apm_socket *stream_new(int32_t family)
{
    apm_socket *socket = NULL;

    (void)CHECK_ERROR(apm_socket_create(family, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
                      APM_ERROR_SUCCESS);
    return socket;
}

bool pair_open_with(pair *both, peer_listener *listener)
{
    apm_endpoint remote;

    both->other = NULL;
    both->socket = stream_new(APM_FAMILY_IPV4);
    if (both->socket == NULL) return false;
    peer_listener_endpoint(listener, &remote);
    if (CHECK_ERROR(connect_now(both->socket, &remote), APM_ERROR_SUCCESS)) {
        both->other = peer_accept(listener, PATIENCE);
        CHECK(both->other != NULL);
    }
    if (both->other == NULL) pair_close(both);
    return both->other != NULL;
}

bool pair_open(pair *both)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    bool open = listener != NULL && pair_open_with(both, listener);

    CHECK(listener != NULL);
    peer_listener_close(listener);
    return open;
}

void pair_close(pair *both)
{
    if (both->socket != NULL) (void)CHECK_ERROR(apm_socket_close(both->socket), APM_ERROR_SUCCESS);
    peer_close(both->other);
    both->socket = NULL;
    both->other = NULL;
}

apm_error connect_now(apm_socket *socket, const apm_endpoint *remote)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_connect(socket, remote, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_connect(socket, result);
    apm_async_result_release(result);
    return error;
}

apm_error send_now(apm_socket *socket, const void *data, size_t size, size_t *sent)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_send(socket, data, size, APM_FLAG_NONE, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_send(socket, result, sent);
    apm_async_result_release(result);
    return error;
}

apm_error receive_now(apm_socket *socket, void *data, size_t size, size_t *received)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_receive(socket, data, size, APM_FLAG_NONE, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_receive(socket, result, received);
    apm_async_result_release(result);
    return error;
}

apm_error receive_all(apm_socket *socket, void *data, size_t size)
{
    unsigned char *at = (unsigned char *)data;

    while (size != 0) {
        size_t got = 0;
        apm_error error = receive_now(socket, at, size, &got);

        if (error != APM_ERROR_SUCCESS) return error;
        if (got == 0) return APM_ERROR_DISCONNECTING; /* ended too early; no operation says this */
        at += got;
        size -= got;
    }
    return APM_ERROR_SUCCESS;
}

void check_alive(pair *both)
{
    unsigned char there = 0x5A, here = 0;
    size_t sent = 0;

    (void)CHECK_ERROR(send_now(both->socket, &there, 1, &sent), APM_ERROR_SUCCESS);
    CHECK(sent == 1);
    CHECK(peer_read_all(both->other, &here, 1, PATIENCE));
    CHECK(here == there);
    there = 0xC3;
    CHECK(peer_write(both->other, &there, 1));
    (void)CHECK_ERROR(receive_all(both->socket, &here, 1), APM_ERROR_SUCCESS);
    CHECK(here == there);
}

/* ---- wait handles, bytes ------------------------------------------------------------------------------- */

bool handle_wait(void *handle, uint32_t timeout)
{
#ifdef _WIN32
    return WaitForSingleObject(handle, timeout) == WAIT_OBJECT_0; /* as a user would */
#else
    /* On the simulated kernel a wait handle and a manual-reset event are the same object. */
    return apm_manual_reset_event_wait_one((apm_manual_reset_event *)handle, timeout) == APM_ERROR_SUCCESS;
#endif
}

static unsigned char pattern_byte(uint64_t place)
{
    uint64_t mixed = place * UINT64_C(0x9E3779B97F4A7C15);

    return (unsigned char)(mixed >> 56);
}

void pattern_fill(unsigned char *data, size_t size, uint64_t place)
{
    size_t i;

    for (i = 0; i < size; i++) data[i] = pattern_byte(place + i);
}

bool pattern_holds(const unsigned char *data, size_t size, uint64_t place)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (data[i] != pattern_byte(place + i)) return false;
    return true;
}

uint32_t draw(uint64_t *seed, uint32_t limit)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % limit);
}
