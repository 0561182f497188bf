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

/* Of one kind or another, with what it gives. */
static apm_error end_any(call_kind kind, apm_socket *socket, apm_async_result *result, call *gives)
{
    switch (kind) {
    case CALL_CONNECT: return apm_socket_end_connect(socket, result);
    case CALL_SEND: return apm_socket_end_send(socket, result, &gives->bytes);
    case CALL_RECEIVE: return apm_socket_end_receive(socket, result, &gives->bytes);
    case CALL_SEND_TO: return apm_socket_end_send_to(socket, result, &gives->bytes);
    case CALL_RECEIVE_FROM: return apm_socket_end_receive_from(socket, result, &gives->bytes, &gives->from);
    case CALL_RECEIVE_MESSAGE_FROM:
        return apm_socket_end_receive_message_from(socket, result, &gives->bytes, &gives->flags, &gives->from,
                                                   &gives->information);
    case CALL_SEND_FILE: return apm_socket_end_send_file(socket, result);
    case CALL_DISCONNECT: return apm_socket_end_disconnect(socket, result);
    case CALL_KINDS: break;
    }
    return APM_ERROR_SOCKET; /* no operation says this */
}

apm_error end_kind(call_kind kind, apm_socket *socket, apm_async_result *result, size_t *bytes)
{
    call gives;
    apm_error error;

    memset(&gives, 0, sizeof gives);
    if (bytes != NULL) gives.bytes = *bytes; /* what is not written stays as it was */
    error = end_any(kind, socket, result, &gives);
    if (bytes != NULL) *bytes = gives.bytes;
    return error;
}

apm_error call_end(call *made, apm_async_result *result)
{
    made->error = end_any(made->kind, made->socket, result, made);
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

apm_error call_send_buffers(call *made, const apm_buffer *buffers, size_t count)
{
    return apm_socket_begin_send_buffers(made->socket, buffers, count, APM_FLAG_NONE, call_back, made,
                                         &made->result);
}

apm_error call_receive_buffers(call *made, const apm_buffer *buffers, size_t count)
{
    return apm_socket_begin_receive_buffers(made->socket, buffers, count, APM_FLAG_NONE, call_back, made,
                                            &made->result);
}

apm_error call_send_to(call *made, const void *data, size_t size, const apm_endpoint *remote)
{
    return apm_socket_begin_send_to(made->socket, data, size, APM_FLAG_NONE, remote, call_back, made,
                                    &made->result);
}

apm_error call_receive_from(call *made, void *data, size_t size)
{
    if (made->kind == CALL_RECEIVE_MESSAGE_FROM)
        return apm_socket_begin_receive_message_from(made->socket, data, size, APM_FLAG_NONE, call_back, made,
                                                     &made->result);
    return apm_socket_begin_receive_from(made->socket, data, size, APM_FLAG_NONE, call_back, made,
                                         &made->result);
}

apm_error call_send_file(call *made, const char *path, const apm_buffer *before, const apm_buffer *after,
                         int32_t flags)
{
    return apm_socket_begin_send_file(made->socket, path, before, after, flags, call_back, made,
                                      &made->result);
}

apm_error call_disconnect(call *made, bool reuse)
{
    return apm_socket_begin_disconnect(made->socket, reuse, call_back, made, &made->result);
}

bool call_wait(call *made)
{
    if (!test_gate_wait(made->done)) return false;
    CHECK(atomic_load(&made->callbacks) == 1);
    return true;
}

bool call_ends(call *made, apm_error expected)
{
    bool over = call_wait(made);

    CHECK(over);
    return over && CHECK_ERROR(made->error, expected);
}

bool call_ends_with(call *made, apm_error expected, size_t bytes)
{
    bool good = call_ends(made, expected);

    CHECK(made->bytes == bytes);
    return good && made->bytes == bytes;
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

bool receiving_open(receiving_pair *one)
{
    one->here = 0;
    if (!pair_open(&one->both)) return false;
    call_prepare(&one->made, one->both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&one->made, &one->here, 1), APM_ERROR_SUCCESS)) return true;
    receiving_close(one);
    return false;
}

void receiving_close(receiving_pair *one)
{
    call_dispose(&one->made);
    pair_close(&one->both);
}

apm_socket *datagram_open(int32_t family)
{
    apm_socket *socket = NULL;

    (void)CHECK_ERROR(apm_socket_create(family, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &socket),
                      APM_ERROR_SUCCESS);
    return socket;
}

apm_socket *datagram_bound(int32_t family, apm_endpoint *local)
{
    apm_socket *socket = datagram_open(family);

    memset(local, 0, sizeof *local);
    if (socket == NULL) return NULL;
    (void)apm_endpoint_loopback(family, 0, local);
    (void)CHECK_ERROR(apm_socket_bind(socket, local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, local), APM_ERROR_SUCCESS);
    return socket;
}

bool datagram_pair_open(datagram_pair *both, bool connected)
{
    both->left = datagram_bound(APM_FAMILY_IPV4, &both->left_at);
    both->right = datagram_bound(APM_FAMILY_IPV4, &both->right_at);
    if (both->left != NULL && both->right != NULL &&
        (!connected || (CHECK_ERROR(connect_now(both->left, &both->right_at), APM_ERROR_SUCCESS) &&
                        CHECK_ERROR(connect_now(both->right, &both->left_at), APM_ERROR_SUCCESS))))
        return true;
    datagram_pair_close(both);
    return false;
}

void datagram_pair_close(datagram_pair *both)
{
    close_now(both->left);
    close_now(both->right);
}

/* A system may have the family's sockets, and no address of it. */
bool family_is_here(int32_t family)
{
    peer_listener *listener = peer_listen(family);

    if (listener == NULL) harness_skip("that family of addresses is not to be had here");
    peer_listener_close(listener);
    return listener != NULL;
}

void close_now(apm_socket *socket)
{
    if (socket != NULL) (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* ---- begin and end in one -------------------------------------------------------------------------- */

/* The End of what has begun, if it has. */
static apm_error end_now(apm_error begun, call_kind kind, apm_socket *socket, apm_async_result *result,
                         size_t *bytes)
{
    apm_error error;

    if (begun != APM_ERROR_SUCCESS) return begun;
    error = end_kind(kind, socket, result, bytes);
    apm_async_result_release(result);
    return error;
}

apm_error connect_now(apm_socket *socket, const apm_endpoint *remote)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_connect(socket, remote, NULL, NULL, &result);

    return end_now(error, CALL_CONNECT, socket, result, NULL);
}

apm_error send_now(apm_socket *socket, const void *data, size_t size, size_t *sent)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_send(socket, data, size, APM_FLAG_NONE, NULL, NULL, &result);

    return end_now(error, CALL_SEND, socket, result, sent);
}

apm_error receive_now(apm_socket *socket, void *data, size_t size, size_t *received)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_receive(socket, data, size, APM_FLAG_NONE, NULL, NULL, &result);

    return end_now(error, CALL_RECEIVE, socket, result, received);
}

apm_error send_buffers_now(apm_socket *socket, const apm_buffer *buffers, size_t count, size_t *sent)
{
    apm_async_result *result = NULL;
    apm_error error =
        apm_socket_begin_send_buffers(socket, buffers, count, APM_FLAG_NONE, NULL, NULL, &result);

    return end_now(error, CALL_SEND, socket, result, sent);
}

apm_error receive_buffers_now(apm_socket *socket, const apm_buffer *buffers, size_t count, size_t *received)
{
    apm_async_result *result = NULL;
    apm_error error =
        apm_socket_begin_receive_buffers(socket, buffers, count, APM_FLAG_NONE, NULL, NULL, &result);

    return end_now(error, CALL_RECEIVE, socket, result, received);
}

apm_error send_to_now(apm_socket *socket, const void *data, size_t size, const apm_endpoint *remote,
                      size_t *sent)
{
    apm_async_result *result = NULL;
    apm_error error =
        apm_socket_begin_send_to(socket, data, size, APM_FLAG_NONE, remote, NULL, NULL, &result);

    return end_now(error, CALL_SEND_TO, socket, result, sent);
}

apm_error receive_from_now(apm_socket *socket, void *data, size_t size, size_t *received, apm_endpoint *from)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_receive_from(socket, data, size, APM_FLAG_NONE, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_receive_from(socket, result, received, from);
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

uint64_t drain_pattern(peer *other)
{
    static unsigned char here[65536];
    uint64_t place = 0;
    int64_t got;

    while ((got = peer_read(other, here, sizeof here, PATIENCE)) > 0) {
        CHECK(pattern_holds(here, (size_t)got, place));
        place += (uint64_t)got;
    }
    CHECK(got == PEER_END);
    return place;
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
