/* SPDX-License-Identifier: MIT */
/*
 * Sends and receives of one socket on the simulated kernel: of a stream or of datagrams, connected or
 * not, of plain buffers, lists and datagrams, with whatever sizes, flags and addresses. A Begin fails
 * with what the headers say of it, in their order, and then nothing has begun; otherwise it calls back
 * once and moves the very bytes, in order, and no others.
 */
#include "transfer.h"

#include <string.h>

transfer_run now;

void APM_CALL transfer_call_back(apm_async_result *result)
{
    require(apm_async_result_state(result) == &now, "the state is the caller's");
    require(apm_async_result_is_completed(result), "what calls back has completed");
    now.called_back++;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void add_part(room *made, size_t size)
{
    unsigned char *data = (unsigned char *)malloc(size != 0 ? size : 1);

    if (data == NULL) abort();
    memset(data, '~', size);
    made->parts[made->count++] = (apm_buffer){data, size};
    made->size += size;
}

static void free_room(room *made)
{
    while (made->count != 0) free(made->parts[--made->count].data);
}

static void make_room(room *made, bool listed)
{
    size_t count = listed ? 1 + take_byte(&now.input) % MOST_PARTS : 1, i;
    size_t left = now.stream ? MOST_BYTES : MOST_DATAGRAM;

    made->count = made->size = 0;
    for (i = 0; i < count; i++) {
        size_t size = listed && count > 8 ? take_byte(&now.input) % 6 : take_byte(&now.input);

        if (size > left) size = left;
        left -= size;
        add_part(made, size);
    }
}

/* Bytes that count on from those before. */
static unsigned char fill(const room *made, unsigned char byte)
{
    size_t i, j;

    for (i = 0; i < made->count; i++)
        for (j = 0; j < made->parts[i].size; j++) ((unsigned char *)made->parts[i].data)[j] = byte++;
    return byte;
}

/* So many of them, from there on; and behind them what was there before. */
static void check_room(const room *made, size_t size, unsigned char byte)
{
    size_t i, j, at = 0;

    for (i = 0; i < made->count; i++)
        for (j = 0; j < made->parts[i].size; j++, at++)
            require(((const unsigned char *)made->parts[i].data)[j] == (at < size ? byte++ : '~'),
                    "the very bytes, and no others");
}

/* ---- sends ------------------------------------------------------------------------------------------ */

static apm_async_callback draw_callback(void)
{
    bool wanted = take_byte(&now.input) % 4 != 0;

    if (wanted) now.begun++;
    return wanted ? transfer_call_back : NULL;
}

static bool is_due(void)
{
    return now.stream ? now.due.bytes != 0 : now.due.first != now.due.count;
}

static apm_error begin_send(enum way way, const room *from, apm_async_result **result)
{
    apm_async_callback callback = draw_callback();
    const apm_buffer *only = &from->parts[0];

    if (way == PLAIN)
        return apm_socket_begin_send(now.socket, only->data, only->size, 0, callback, &now, result);
    if (way == LISTED)
        return apm_socket_begin_send_buffers(now.socket, from->parts, from->count, 0, callback, &now, result);
    return apm_socket_begin_send_to(now.socket, only->data, only->size, 0, &now.self, callback, &now, result);
}

/* Before and after no file. */
static apm_error begin_file(const room *from, apm_async_result **result)
{
    const apm_buffer *after = from->count > 1 ? &from->parts[1] : NULL;
    int32_t flags = take_byte(&now.input) &
                    (APM_SEND_FILE_WRITE_BEHIND | APM_SEND_FILE_SYSTEM_THREAD | APM_SEND_FILE_KERNEL_APC);

    return apm_socket_begin_send_file(now.socket, take_byte(&now.input) % 2 != 0 ? "" : NULL, &from->parts[0],
                                      after, flags, draw_callback(), &now, result);
}

static void check_end_of_send(apm_async_result *result, enum way way, bool file, size_t size)
{
    size_t sent = SIZE_MAX;
    apm_error error = file          ? apm_socket_end_send_file(now.socket, result)
                      : way == FROM ? apm_socket_end_send_to(now.socket, result, &sent)
                                    : apm_socket_end_send(now.socket, result, &sent);

    require(error == APM_ERROR_SUCCESS, "what was begun is sent");
    require(file || sent == size, "all of it");
    require((file ? apm_socket_end_send_file(now.socket, result)
                  : apm_socket_end_send_to(now.socket, result, &sent)) ==
                (file || way == FROM ? APM_ERROR_INVALID_OPERATION : APM_ERROR_ARGUMENT),
            "and its End is called once");
    apm_async_result_release(result);
}

/* All of it arrives at the peer of a stream. */
static void check_arrival(size_t size, unsigned char byte)
{
    unsigned char bytes[MOST_BYTES];
    size_t at = 0, i;

    while (at < size) {
        int64_t some = sim_peer_read(now.peer, bytes, size - at, PATIENCE);

        require(some > 0, "the peer gets what was sent");
        for (i = 0; i < (size_t)some; i++) require(bytes[i] == byte++, "byte by byte");
        at += (size_t)some;
    }
}

static void settle(receive *one);

static void settle_waiting(void)
{
    while (now.waiting_count != 0 && is_due()) {
        receive first = now.waiting[0];

        memmove(now.waiting, now.waiting + 1, --now.waiting_count * sizeof first);
        settle(&first);
    }
}

static void send_some(void)
{
    enum way way = (enum way)(take_byte(&now.input) % 3);
    bool file = now.stream && take_byte(&now.input) % 4 == 0;
    unsigned char byte = now.stream ? take_byte(&now.input) : now.due.last;
    apm_async_result *result = NULL;
    apm_error error;
    room from;

    if (now.closed || !(now.connected || (!now.stream && now.bound))) return;
    if (!now.connected) way = FROM;
    if (file) way = PLAIN;
    make_room(&from, way == LISTED);
    if (file && from.size <= MOST_BYTES / 2) add_part(&from, from.size);
    byte = fill(&from, byte);
    error = file ? begin_file(&from, &result) : begin_send(way, &from, &result);
    require(error == APM_ERROR_SUCCESS && result != NULL, "a send of what there is begins");
    if (now.stream) {
        check_arrival(from.size, (unsigned char)(byte - from.size));
    } else {
        now.due.sizes[now.due.count++] = from.size;
        now.due.last = byte;
    }
    check_end_of_send(result, way, file, from.size);
    free_room(&from);
    settle_waiting();
}

/* The peer's, to a stream. */
static void write_some(void)
{
    unsigned char bytes[MOST_BYTES];
    size_t size = 1 + take_word(&now.input) % MOST_BYTES, i;
    int64_t some;

    if (now.peer == NULL || now.closed) return;
    for (i = 0; i < size; i++) bytes[i] = (unsigned char)(now.due.last + i);
    some = sim_peer_write(now.peer, bytes, size, 10); /* as many as there is room for */
    require(some >= 0, "the peer can write");
    now.due.bytes += (size_t)some;
    now.due.last = (unsigned char)(now.due.last + some);
    settle_waiting();
}

/* ---- receives ------------------------------------------------------------------------------------------ */

static apm_error begin_receive(receive *one)
{
    int32_t flags = one->peeks ? APM_FLAG_PEEK : 0;
    apm_async_callback callback = draw_callback();
    const apm_buffer *only = &one->into.parts[0];
    /* Nothing may stand for no bytes. */
    void *data = only->size == 0 && take_byte(&now.input) % 2 != 0 ? NULL : only->data;

    switch (one->way) {
    case PLAIN:
        return apm_socket_begin_receive(now.socket, data, only->size, flags, callback, &now, &one->result);
    case LISTED:
        return apm_socket_begin_receive_buffers(now.socket, one->into.parts, one->into.count, flags, callback,
                                                &now, &one->result);
    case FROM:
        return apm_socket_begin_receive_from(now.socket, data, only->size, flags, callback, &now,
                                             &one->result);
    case MESSAGE: break;
    }
    return apm_socket_begin_receive_message_from(now.socket, data, only->size, flags, callback, &now,
                                                 &one->result);
}

typedef struct received {
    apm_error error;
    size_t size;
    int32_t flags;
    apm_endpoint remote;
    apm_packet_information information;
} received;

static received end_receive(receive *one)
{
    received got;

    memset(&got, 0, sizeof got);
    got.size = SIZE_MAX;
    if (one->way == FROM)
        got.error = apm_socket_end_receive_from(now.socket, one->result, &got.size, &got.remote);
    else if (one->way == MESSAGE)
        got.error = apm_socket_end_receive_message_from(now.socket, one->result, &got.size, &got.flags,
                                                        &got.remote, &got.information);
    else
        got.error = apm_socket_end_receive(now.socket, one->result, &got.size);
    return got;
}

static void check_datagram(const receive *one, const received *got)
{
    size_t size = now.due.sizes[now.due.first];
    bool cut = size > one->into.size;
    apm_endpoint here = now.self;

    require(got->error == (cut && one->way != MESSAGE ? APM_ERROR_MESSAGE_SIZE : APM_ERROR_SUCCESS),
            "one that is too large is cut, and it is said");
    require(got->size == (cut ? one->into.size : size), "as much as there is, or as fits");
    check_room(&one->into, got->size, now.due.next);
    if (one->way == FROM || one->way == MESSAGE)
        require(apm_endpoint_equal(&got->remote, &now.self), "from where it was sent");
    if (one->way == MESSAGE) {
        require(((got->flags & APM_FLAG_TRUNCATED) != 0) == cut, "that it was cut, or not");
        require(apm_endpoint_any(now.family, 0, &here) == APM_ERROR_SUCCESS, "there is an address");
        require(apm_endpoint_family(&got->information.address) == now.family &&
                    apm_endpoint_port(&got->information.address) == 0 &&
                    !apm_endpoint_equal(&got->information.address, &here),
                "to an address of ours");
    }
    if (one->peeks) return;
    now.due.next = (unsigned char)(now.due.next + size);
    now.due.first++;
}

static void check_stretch(const receive *one, const received *got)
{
    require(got->error == APM_ERROR_SUCCESS, "there is something to receive");
    require(got->size <= now.due.bytes && got->size <= one->into.size, "no more than that, or than fits");
    require((got->size == 0) == (one->into.size == 0), "something, where there is room for it");
    check_room(&one->into, got->size, now.due.next);
    if (one->peeks) return;
    now.due.next = (unsigned char)(now.due.next + got->size);
    now.due.bytes -= got->size;
}

static void settle(receive *one)
{
    received got = end_receive(one);

    if (now.closed) {
        require(got.error == APM_ERROR_OBJECT_DISPOSED, "a closed socket has no more Ends");
        return;
    }
    if (now.stream)
        check_stretch(one, &got);
    else
        check_datagram(one, &got);
    require(end_receive(one).error == APM_ERROR_INVALID_OPERATION, "its End is called once");
    apm_async_result_release(one->result);
    free_room(&one->into);
}

static void receive_some(void)
{
    receive one = {0};
    uint8_t how = take_byte(&now.input);

    one.way = (enum way)(how % 4);
    if (now.stream && one.way == MESSAGE) one.way = PLAIN;
    if (transfer_expected(one.way) != APM_ERROR_SUCCESS) return;
    if (!is_due() && now.waiting_count == (now.stream ? 1 : MOST_WAITING)) return;
    one.peeks = is_due() && how >= 192;
    make_room(&one.into, one.way == LISTED);
    /* Of datagrams, a receive of nothing is one that is cut; systems do not agree about it. */
    if (!now.stream && one.into.size == 0) {
        free_room(&one.into);
        add_part(&one.into, 1);
    }
    require(begin_receive(&one) == APM_ERROR_SUCCESS && one.result != NULL, "a receive begins");
    if (is_due())
        settle(&one);
    else
        now.waiting[now.waiting_count++] = one;
}

/* ---- a run ---------------------------------------------------------------------------------------------- */

static void close_it(void)
{
    size_t i;

    if (now.closed) return;
    now.closed = true;
    require(apm_socket_close(now.socket) == APM_ERROR_SUCCESS, "it can be closed");
    for (i = 0; i < now.waiting_count; i++) settle(&now.waiting[i]);
}

static void step(void)
{
    switch (take_byte(&now.input) % 16) {
    case 0: transfer_refuse_buffers(); break;
    case 1: transfer_refuse_lists(); break;
    case 2: transfer_refuse_remote(); break;
    case 3: transfer_refuse_file(); break;
    case 4: transfer_refuse_nothing(); break;
    case 5:
        if (take_byte(&now.input) % 8 == 0) close_it();
        break;
    case 6:
    case 7:
    case 8: write_some(); break;
    case 9:
    case 10:
    case 11: send_some(); break;
    default: receive_some(); break;
    }
}

static void bind_it(void)
{
    apm_endpoint here;

    require(apm_endpoint_loopback(now.family, 0, &here) == APM_ERROR_SUCCESS, "there is an address");
    require(apm_socket_bind(now.socket, &here) == APM_ERROR_SUCCESS, "it can be bound");
    require(apm_socket_local_endpoint(now.socket, &now.self) == APM_ERROR_SUCCESS, "and is then");
    now.bound = true;
}

/* A stream to a peer, or datagrams to itself. */
static void connect_it(void)
{
    sim_listener *listener = now.stream ? sim_listen(now.family, 1) : NULL;

    if (!now.stream) bind_it();
    if (now.stream)
        require(apm_endpoint_loopback(now.family, sim_listener_port(listener), &now.self) ==
                    APM_ERROR_SUCCESS,
                "there is an address");
    require(apm_socket_connect(now.socket, &now.self) == APM_ERROR_SUCCESS, "it can be connected");
    now.connected = now.bound = true;
    if (!now.stream) return;
    now.peer = sim_accept(listener, PATIENCE);
    require(now.peer != NULL, "with a peer");
    sim_listener_close(listener);
}

static void play(void *argument)
{
    uint8_t kind = take_byte(&now.input);
    int steps = MOST_STEPS;
    size_t i;

    (void)argument;
    now.family = kind % 2 != 0 ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    now.stream = kind / 2 % 2 != 0;
    require(apm_socket_create(now.family, now.stream ? APM_SOCKET_STREAM : APM_SOCKET_DATAGRAM, 0,
                              &now.socket) == APM_ERROR_SUCCESS,
            "there is a socket");
    apm_socket_retain(now.socket);
    now.dual = now.family == APM_FAMILY_IPV6 && kind / 16 % 2 != 0;
    if (now.dual)
        require(apm_socket_set_option(now.socket, APM_SOCKET_OPTION_DUAL_MODE, 1) == APM_ERROR_SUCCESS,
                "of both families, perhaps");
    if (kind / 4 % 4 == 0) bind_it();
    if (kind / 4 % 4 > 1) connect_it();
    while (now.input.size != 0 && steps-- != 0) step();
    close_it();
    if (now.peer != NULL) sim_peer_close(now.peer);
    for (i = 0; i < now.waiting_count; i++) apm_async_result_release(now.waiting[i].result);
    apm_socket_release(now.socket);
    require(apm_cleanup() == APM_ERROR_SUCCESS, "the library can be ended");
    require(now.called_back == now.begun, "each operation has called back once");
    for (i = 0; i < now.waiting_count; i++) {
        check_room(&now.waiting[i].into, 0, 0);
        free_room(&now.waiting[i].into);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const profiles[] = {"windows", "wine", "hostile"};
    sim_profile profile;
    uint8_t how;

    memset(&now, 0, sizeof now);
    now.input.bytes = bytes;
    now.input.size = size;
    how = take_byte(&now.input);
    require(sim_profile_named(profiles[how % 3], &profile), "there is the profile");
    sim_set_profile(&profile);
    sim_seed(1 + (uint64_t)how);
    sim_run(play, NULL);
    return 0;
}
