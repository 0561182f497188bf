/* SPDX-License-Identifier: MIT */
/* A slow wire that loses packets (relay.py): every byte arrives, in order. */
#include "../support/scratch_file.h"

#include "../support/buffer_lists.h"
#include "suites.h"

enum { DELAY = 10, LOSS = 2, PIECE = 4096, PIECES = 96, WHOLE = PIECE * PIECES, LINES = 4, QUEUE = 8 };

#define FAR_END "10.78.0.2"

/* A connection over the slow wire, with the pattern to send. */
typedef struct line {
    char name[16];
    apm_socket *socket;
    unsigned char *data;
} line;

static void lay_wire(void)
{
    (void)hand_do("slow %d %d", DELAY, LOSS);
}

static bool line_open(line *one, int number)
{
    apm_endpoint remote = hand_listen("listener", FAR_END, 0);

    (void)snprintf(one->name, sizeof one->name, "peer%d", number);
    one->socket = hand_connect(&remote, "listener", one->name);
    (void)hand_do("close listener");
    one->data = (unsigned char *)test_memory(WHOLE);
    pattern_fill(one->data, WHOLE, 0);
    return one->socket != NULL;
}

static void line_close(line *one)
{
    close_now(one->socket);
    free(one->data);
}

/* The peer has seen the whole stream to its end, and nothing else. */
static void check_arrives(line *one)
{
    char wanted[40];

    (void)snprintf(wanted, sizeof wanted, "end %d", WHOLE);
    CHECK(strcmp(hand_do("drain %s", one->name), wanted) == 0);
    (void)hand_do("close %s", one->name);
}

/* Somebody has to read, so that it all gets on. */
static void read_whole(const line *one)
{
    (void)hand_do("read %s %d", one->name, WHOLE);
}

static void end_stream(line *one)
{
    (void)CHECK_ERROR(apm_socket_shutdown(one->socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
}

static void list_arrives(void)
{
    apm_buffer pieces[PIECES];
    call made;
    line one;
    size_t i;

    lay_wire();
    if (!line_open(&one, 0)) return;
    for (i = 0; i < PIECES; i++) {
        pieces[i].data = one.data + i * PIECE;
        pieces[i].size = PIECE;
    }
    call_prepare(&made, one.socket, CALL_SEND);
    if (CHECK_ERROR(call_send_buffers(&made, pieces, PIECES), APM_ERROR_SUCCESS)) {
        read_whole(&one);
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, WHOLE);
    }
    call_dispose(&made);
    end_stream(&one);
    check_arrives(&one);
    line_close(&one);
}

/* All of them at once. */
static void begin_sends(line *one, call made[PIECES])
{
    size_t i;

    for (i = 0; i < PIECES; i++) {
        call_prepare(&made[i], one->socket, CALL_SEND);
        (void)CHECK_ERROR(call_send(&made[i], one->data + i * PIECE, PIECE), APM_ERROR_SUCCESS);
    }
}

static void check_sent(call made[PIECES])
{
    size_t i;

    for (i = 0; i < PIECES; i++) {
        (void)call_ends_with(&made[i], APM_ERROR_SUCCESS, PIECE);
        call_dispose(&made[i]);
    }
}

static void pipelined_sends_arrive(void)
{
    static call made[LINES][PIECES];
    line lines[LINES];
    int i, count;

    lay_wire();
    for (count = 0; count < LINES && line_open(&lines[count], count);) count++;
    CHECK(count == LINES);
    for (i = 0; i < count; i++) begin_sends(&lines[i], made[i]);
    for (i = 0; i < count; i++) {
        read_whole(&lines[i]);
        check_sent(made[i]);
        end_stream(&lines[i]);
        check_arrives(&lines[i]);
        line_close(&lines[i]);
    }
}

static void file_arrives(void)
{
    scratch_file file;
    call made;
    line one;

    lay_wire();
    if (!line_open(&one, 0)) return;
    if (scratch_fill(&file, WHOLE, 0)) {
        call_prepare(&made, one.socket, CALL_SEND_FILE);
        if (CHECK_ERROR(call_send_file(&made, file.path, NULL, NULL, APM_SEND_FILE_DISCONNECT),
                        APM_ERROR_SUCCESS))
            check_arrives(&one);
        (void)call_ends(&made, APM_ERROR_SUCCESS);
        call_dispose(&made);
        CHECK(scratch_delete(&file, false));
    }
    line_close(&one);
}

/* A disconnect right behind the sends. */
static void disconnect_loses_nothing(bool reuse)
{
    static call made[PIECES];
    call last;
    line one;

    lay_wire();
    if (!line_open(&one, 0)) return;
    begin_sends(&one, made);
    call_prepare(&last, one.socket, CALL_DISCONNECT);
    (void)CHECK_ERROR(call_disconnect(&last, reuse), APM_ERROR_SUCCESS);
    check_arrives(&one);
    check_sent(made);
    (void)call_ends(&last, APM_ERROR_SUCCESS);
    call_dispose(&last);
    line_close(&one);
}

static void plain_disconnect_loses_nothing(void)
{
    disconnect_loses_nothing(false);
}

static void disconnect_with_reuse_loses_nothing(void)
{
    disconnect_loses_nothing(true);
}

/* What has been received of a stream by receives of which some are always pending. */
typedef struct inflow {
    call made[QUEUE];
    unsigned char *here; /* QUEUE pieces */
    uint64_t place;
} inflow;

static void begin_next(inflow *in, const line *one, size_t slot)
{
    call_prepare(&in->made[slot], one->socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive(&in->made[slot], in->here + slot * PIECE, PIECE), APM_ERROR_SUCCESS);
}

/* The oldest one has ended: what it got follows what came before. False at the end. */
static bool take_oldest(inflow *in, size_t slot)
{
    call *made = &in->made[slot];
    bool more = call_ends(made, APM_ERROR_SUCCESS) && made->bytes != 0;

    CHECK(pattern_holds(in->here + slot * PIECE, made->bytes, in->place));
    in->place += made->bytes;
    call_dispose(made);
    return more;
}

static void pipelined_receives_get_all(void)
{
    inflow in = {.place = 0};
    size_t slot, turn;
    line one;

    lay_wire();
    if (!line_open(&one, 0)) return;
    in.here = (unsigned char *)test_memory((size_t)QUEUE * PIECE);
    for (slot = 0; slot < QUEUE; slot++) begin_next(&in, &one, slot);
    (void)hand_do("pour %s %d", one.name, WHOLE);
    for (turn = 0; take_oldest(&in, turn % QUEUE); turn++) begin_next(&in, &one, turn % QUEUE);
    CHECK(in.place == WHOLE);
    for (slot = 1; slot < QUEUE; slot++) CHECK(!take_oldest(&in, (turn + slot) % QUEUE));
    (void)hand_do("close %s", one.name);
    free(in.here);
    line_close(&one);
}

static void packets_were_lost(void)
{
    CHECK(strtoul(hand_do("lost"), NULL, 10) != 0);
}

const test_case relay_cases[] = {
    {"one large list", list_arrives, false},
    {"pipelined sends of several connections", pipelined_sends_arrive, false},
    {"a file", file_arrives, false},
    {"sends and a disconnect", plain_disconnect_loses_nothing, false},
    {"sends and a disconnect with reuse", disconnect_with_reuse_loses_nothing, false},
    {"pipelined receives", pipelined_receives_get_all, false},
    {"and packets were lost", packets_were_lost, false},
    {NULL, NULL, false}};
