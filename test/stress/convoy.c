/* SPDX-License-Identifier: MIT */
/*
 * Connected streams of the fleet, with sends, receives, files and disconnects under way: what the other
 * end reads is what was sent, without a gap, up to where it was cut off; and so the other way round.
 */
#define _POSIX_C_SOURCE 200809L

#include <string.h>

#include "../support/temporary_file.h"
#include "fleet.h"

#define OUTWARD_SALT 7001u
#define INWARD_SALT 7002u
#define PATIENCE 20u /* ms, for the connection */

void convoy_connect(fleeting *one)
{
    apm_endpoint remote = {0};
    freight *dial = &one->dial;

    one->convoy = true;
    one->outcome = SIM_TIMEOUT;
    one->listener = sim_listen(APM_FAMILY_IPV4, 4);
    dial->of = one;
    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(one->listener), remote.address);
    if (apm_socket_begin_connect(one->socket, &remote, fleet_call_back, dial, &dial->result) !=
        APM_ERROR_SUCCESS)
        return;
    dial->begun = true;
    one->begun++;
    (void)apm_async_result_wait(dial->result, PATIENCE);
    apm_async_result_release(dial->result);
    dial->result = NULL;
    one->peer = sim_accept(one->listener, PATIENCE);
}

/* ---- what is under way ------------------------------------------------------------------------ */

static apm_error begin_file(fleeting *one, freight *made, apm_async_result **result, uint64_t *stream)
{
    temporary_file file = TEMPORARY_FILE;
    size_t half = made->size / 2;
    int32_t flags = draw(stream, 3) == 0 ? APM_SEND_FILE_DISCONNECT : 0;
    apm_buffer before;
    apm_error error;

    before.data = made->data;
    before.size = half;
    if (!temporary_file_write(&file, made->data + half, made->size - half)) sim_fail("no file for the test");
    error = apm_socket_begin_send_file(one->socket, file.path, &before, NULL, flags, fleet_call_back, made,
                                       result);
    if (!temporary_file_delete(&file)) sim_fail("the test's file is gone");
    return error;
}

static apm_error begin_send(fleeting *one, freight *made, apm_async_result **result, uint64_t *stream)
{
    uint64_t offset = one->sent;
    size_t size = 1 + draw(stream, FREIGHT_ROOM);
    apm_error error;

    fleet_load(made, size);
    made->offset = offset;
    pattern_fill(made->data, size, OUTWARD_SALT, offset);
    if (made->kind == FREIGHT_FILE)
        error = begin_file(one, made, result, stream);
    else
        error = apm_socket_begin_send(one->socket, made->data, size, 0, fleet_call_back, made, result);
    if (error == APM_ERROR_SUCCESS) one->sent = offset + size;
    return error;
}

apm_error convoy_begin(fleeting *one, freight *made, apm_async_result **result, uint64_t *stream)
{
    static const uint8_t kinds[] = {FREIGHT_SEND,    FREIGHT_SEND,    FREIGHT_SEND, FREIGHT_RECEIVE,
                                    FREIGHT_RECEIVE, FREIGHT_RECEIVE, FREIGHT_FILE, FREIGHT_DISCONNECT};

    made->kind = (enum freight_kind)kinds[draw(stream, sizeof kinds)];
    if (made->kind == FREIGHT_DISCONNECT)
        return apm_socket_begin_disconnect(one->socket, draw(stream, 2) == 0, fleet_call_back, made, result);
    if (made->kind != FREIGHT_RECEIVE) return begin_send(one, made, result, stream);
    fleet_load(made, 1 + draw(stream, FREIGHT_ROOM));
    return apm_socket_begin_receive(one->socket, made->data, made->size, 0, fleet_call_back, made, result);
}

/* ---- the other end ------------------------------------------------------------------------------ */

/* A send that the kernel refuses after Begin is a gap in what arrives. */
static bool may_have_gaps(const program *run)
{
    return run->profile.faults[SIM_TRANSFER].rate != 0;
}

/* At once: the last bytes that were read. What is received is left to the end: callbacks have it. */
static void check_read(const fleeting *one, size_t size)
{
    size_t offset = one->read_size - size;

    if (!may_have_gaps(one->in) && !pattern_holds(one->read + offset, size, OUTWARD_SALT, offset))
        sim_fail("fleet: what is read is not what was sent");
}

/* False when there is no more. */
static bool read_some(fleeting *one, size_t most, uint32_t timeout)
{
    size_t room = sizeof one->read - one->read_size;
    int64_t got;

    if (room == 0) sim_fail("fleet: more was read than was ever sent");
    got = sim_peer_read(one->peer, one->read + one->read_size, most < room ? most : room, timeout);
    if (got > 0) {
        one->read_size += (size_t)got;
        check_read(one, (size_t)got);
    }
    if (got == SIM_END || got == SIM_RESET) one->outcome = got;
    return got > 0;
}

static void write_some(fleeting *one, size_t size)
{
    unsigned char data[FREIGHT_ROOM];
    int64_t written;

    if (one->ended) return;
    pattern_fill(data, size, INWARD_SALT, one->written);
    written = sim_peer_write(one->peer, data, size, 0);
    if (written > 0) one->written += (uint64_t)written;
}

void convoy_stir(fleeting *one, uint64_t *stream)
{
    size_t size = 1 + draw(stream, FREIGHT_ROOM);

    if (one->peer == NULL || one->outcome != SIM_TIMEOUT) return;
    switch (draw(stream, 12)) {
    case 0:
    case 1:
    case 2: write_some(one, size); break;
    case 3:
    case 4: (void)read_some(one, size, draw(stream, 3)); break;
    case 5:
        if (draw(stream, 2) != 0) break;
        if (!one->ended) sim_peer_end(one->peer);
        one->ended = true;
        break;
    case 6:
        if (draw(stream, 3) != 0) break;
        if (draw(stream, 2) == 0)
            sim_peer_close(one->peer);
        else
            sim_peer_reset(one->peer);
        one->peer = NULL;
        break;
    default: break;
    }
}

/* ---- the bytes ---------------------------------------------------------------------------------- */

static void check_outward(const fleeting *one)
{
    uint32_t i;

    if (one->read_size > one->sent) sim_fail("fleet: more arrived than was sent");
    if (may_have_gaps(one->in)) return;
    /* What was sent before an orderly end has arrived before it. */
    for (i = 0; i < FREIGHTS && one->outcome == SIM_END; i++) {
        const freight *made = &one->freights[i];
        bool sends = made->kind == FREIGHT_SEND || made->kind == FREIGHT_FILE;

        if (made->begun && made->ends && sends && made->error == APM_ERROR_SUCCESS &&
            made->offset + made->size > one->read_size)
            sim_fail("fleet: what was sent has not arrived");
    }
}

static void check_inward(const fleeting *one)
{
    uint64_t total = 0;
    uint32_t i;

    for (i = 0; i < FREIGHTS; i++) {
        const freight *made = &one->freights[i];

        if (made->kind != FREIGHT_RECEIVE) continue;
        if (!pattern_holds(made->kept, made->kept_size, INWARD_SALT, total))
            sim_fail("fleet: what was received is not what was sent");
        total += made->kept_size;
    }
    if (total > one->written) sim_fail("fleet: more was received than was sent");
}

/* When everything is over: the other end reads what is left. */
void convoy_check(fleeting *one)
{
    bool more = one->peer != NULL && one->outcome == SIM_TIMEOUT;

    while (more) more = read_some(one, FREIGHT_ROOM, 1000);
    check_outward(one);
    check_inward(one);
    if (one->peer != NULL) {
        if (one->outcome == SIM_TIMEOUT) sim_fail("fleet: the library is over, and a connection is not");
        sim_peer_close(one->peer);
    }
    sim_listener_close(one->listener);
}
