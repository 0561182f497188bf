/* SPDX-License-Identifier: MIT */
/*
 * The floor: the least that a client of a completion port can do. The OVERLAPPED is part of the
 * connection, nothing is allocated, what is over at once sends no packet, packets are taken many
 * at a time, and a worker gives every connection its turn. A library is this and something more.
 *
 * Each switch adds or drops one habit, to see what it costs (--opt key=value,...):
 *
 *   skip=1     no packet for what is over at once (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS)
 *   batch=64   so many packets at once
 *   inl=1      operations of one connection that may be over at once before it has to queue
 *   poll=32    turns of such connections before the port is looked at
 *   event=0    1: an event is made and closed for each operation; 2: one is kept
 *   alloc=0    1: the OVERLAPPED of each operation is allocated
 *   try=0      a call that does not wait comes first: 1 always, 2 to send, 3 to receive
 *   cxdata=0   msdn: the request goes with the connect
 *   update=1   SO_UPDATE_CONNECT_CONTEXT
 *   nodelay=1  TCP_NODELAY
 *   shut=1     msdn: shutdown before the close
 */
#include "bench.h"

#include <process.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PACKETS = 256 };

typedef enum call { CALL_CONNECT, CALL_SEND, CALL_RECEIVE, CALL_NONE } call;

typedef struct lane lane;

typedef struct request {
    OVERLAPPED overlapped; /* first: an OVERLAPPED is a request */
    lane *owner;
    call kind;
    HANDLE event;
} request;

struct lane {
    SOCKET socket;
    request inward, outward;
    char *buffer;
    DWORD filled;
    uint64_t began;
    lane *next; /* in a queue; what is over: */
    call over;
    DWORD moved;
};

/* Connections that go on without a packet. Each worker has its own. */
typedef struct queue {
    lane *first, **end;
} queue;

static struct switches {
    long skip, batch, inl, poll, event, alloc, try_first, cxdata, update, nodelay, shut;
} with;

static HANDLE port;
static LPFN_CONNECTEX connect_ex;
static struct sockaddr_storage server, anywhere;
static int address_size;
static lane *lanes;

/* ---- sockets ----------------------------------------------------------------------------------- */

static void open_socket(lane *l)
{
    l->socket = WSASocketW(server.ss_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                           WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (l->socket == INVALID_SOCKET) bench_fail("socket", WSAGetLastError());
    if (CreateIoCompletionPort((HANDLE)l->socket, port, 0, 0) == NULL)
        bench_fail("port", (long)GetLastError());
    if (with.skip != 0 &&
        !SetFileCompletionNotificationModes((HANDLE)l->socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                                   FILE_SKIP_SET_EVENT_ON_HANDLE))
        bench_fail("skip", (long)GetLastError());
}

static void tune_socket(lane *l)
{
    BOOL yes = TRUE;
    u_long no_wait = 1;

    if (with.nodelay != 0) (void)setsockopt(l->socket, IPPROTO_TCP, TCP_NODELAY, (char *)&yes, sizeof yes);
    if (with.try_first != 0) (void)ioctlsocket(l->socket, (long)FIONBIO, &no_wait);
}

/* For connections that are not what is measured. */
static void connect_socket(lane *l)
{
    open_socket(l);
    if (connect(l->socket, (struct sockaddr *)&server, address_size) != 0)
        bench_fail("connect", WSAGetLastError());
    tune_socket(l);
}

static void prepare_connect(lane *l)
{
    open_socket(l);
    if (bind(l->socket, (struct sockaddr *)&anywhere, address_size) != 0)
        bench_fail("bind", WSAGetLastError());
}

/* ---- calls ------------------------------------------------------------------------------------- */

static request *take_request(lane *l, call kind)
{
    request *taken = kind == CALL_RECEIVE ? &l->inward : &l->outward;
    HANDLE kept = taken->event;

    if (with.alloc != 0) {
        taken = (request *)malloc(sizeof *taken);
        if (taken == NULL) bench_fail("memory", 0);
        kept = NULL;
    }
    memset(&taken->overlapped, 0, sizeof taken->overlapped);
    taken->owner = l;
    taken->kind = kind;
    taken->event = NULL;
    if (with.event != 0) {
        taken->event = kept != NULL ? kept : CreateEventW(NULL, TRUE, FALSE, NULL);
        taken->overlapped.hEvent = taken->event;
    }
    return taken;
}

static void give_request(request *given)
{
    const lane *l = given->owner;
    bool allocated = given != &l->inward && given != &l->outward;

    if (given->event != NULL && (with.event == 1 || allocated)) {
        (void)CloseHandle(given->event);
        given->event = NULL;
    }
    if (allocated) free(given);
}

/* A call that does not wait: whether that was enough. */
static bool try_call(lane *l, call kind, const WSABUF *buffer, DWORD *moved)
{
    int n = kind == CALL_SEND ? send(l->socket, buffer->buf, (int)buffer->len, 0)
                              : recv(l->socket, buffer->buf, (int)buffer->len, 0);

    if (n >= 0 && kind == CALL_SEND && (ULONG)n != buffer->len) bench_fail("a part was sent", n);
    if (n < 0 && WSAGetLastError() != WSAEWOULDBLOCK) bench_fail("try", WSAGetLastError());
    if (n >= 0) *moved = (DWORD)n;
    return n >= 0;
}

static WSABUF buffer_for(const lane *l, call kind)
{
    bool receives = kind == CALL_RECEIVE;
    WSABUF buffer;

    buffer.buf = receives ? l->buffer + l->filled : bench_request(l->buffer);
    buffer.len = receives ? bench.size - l->filled : (ULONG)bench_request_size();
    return buffer;
}

/* Begins; true if it was over at once and no packet comes. */
static bool begin_call(lane *l, call kind, DWORD *moved)
{
    WSABUF buffer = buffer_for(l, kind);
    DWORD flags = 0;
    request *asked;
    bool failed;

    *moved = 0;
    if (kind != CALL_CONNECT && (with.try_first == 1 || with.try_first == (kind == CALL_SEND ? 2 : 3)) &&
        try_call(l, kind, &buffer, moved))
        return true;
    asked = take_request(l, kind);
    if (kind == CALL_SEND)
        failed = WSASend(l->socket, &buffer, 1, moved, 0, &asked->overlapped, NULL) != 0;
    else if (kind == CALL_RECEIVE)
        failed = WSARecv(l->socket, &buffer, 1, moved, &flags, &asked->overlapped, NULL) != 0;
    else
        failed = !connect_ex(l->socket, (struct sockaddr *)&server, address_size,
                             with.cxdata != 0 ? bench_message : NULL,
                             with.cxdata != 0 ? BENCH_MESSAGE_SIZE : 0, moved, &asked->overlapped);
    if (failed && WSAGetLastError() != WSA_IO_PENDING) bench_fail("call", WSAGetLastError());
    if (failed || with.skip == 0) return false;
    give_request(asked);
    return true;
}

/* ---- what comes next --------------------------------------------------------------------------- */

/* The operation is over: its successor's first call. */
static call finish(lane *l, uint64_t bytes, call next)
{
    if (bench_finish(&l->began, bytes)) {
        if (next == CALL_CONNECT) prepare_connect(l);
        return next;
    }
    if (bench_leave()) bench_report();
    return CALL_NONE;
}

static call hang_up(lane *l)
{
    DWORD filled = l->filled;

    l->filled = 0;
    if (closesocket(l->socket) != 0) bench_fail("close", WSAGetLastError());
    return finish(l, filled, CALL_CONNECT);
}

static call after_connect(lane *l)
{
    if (with.update != 0 && setsockopt(l->socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0) != 0)
        bench_fail("update", WSAGetLastError());
    tune_socket(l);
    if (bench.workload == BENCH_CONNECT) return hang_up(l);
    return with.cxdata != 0 ? CALL_RECEIVE : CALL_SEND;
}

static call after_send(lane *l, DWORD size)
{
    if (size != bench_request_size()) bench_note_error();
    return bench.workload == BENCH_SEND ? finish(l, size, CALL_SEND) : CALL_RECEIVE;
}

static call after_receive(lane *l, DWORD size)
{
    if (bench.workload == BENCH_IDLE) bench_fail("an idle connection received", (long)size);
    if (size == 0 && bench.workload != BENCH_MSDN) bench_fail("end of the stream", 0);
    if (bench.workload == BENCH_RECEIVE) return finish(l, size, CALL_RECEIVE);
    l->filled += size;
    if (bench.workload == BENCH_MSDN) {
        if (size != 0) return CALL_RECEIVE;
        bench_check_answer(l->buffer, l->filled);
        if (with.shut != 0) (void)shutdown(l->socket, SD_BOTH);
        return hang_up(l);
    }
    if (l->filled < bench.size) return CALL_RECEIVE;
    l->filled = 0;
    return finish(l, bench.size, CALL_SEND);
}

static call first_call(lane *l)
{
    l->began = bench_now();
    if (bench_connects()) {
        prepare_connect(l);
        return CALL_CONNECT;
    }
    return bench_receives_first() ? CALL_RECEIVE : CALL_SEND;
}

static call next_call(lane *l, call over, DWORD moved)
{
    if (over == CALL_CONNECT) return after_connect(l);
    if (over == CALL_SEND) return after_send(l, moved);
    if (over == CALL_RECEIVE) return after_receive(l, moved);
    return first_call(l);
}

/* ---- workers ----------------------------------------------------------------------------------- */

static void put_last(queue *q, lane *l, call over, DWORD moved)
{
    l->over = over;
    l->moved = moved;
    l->next = NULL;
    *q->end = l;
    q->end = &l->next;
}

static lane *take_first(queue *q)
{
    lane *l = q->first;

    q->first = l->next;
    if (q->first == NULL) q->end = &q->first;
    return l;
}

/* Goes on until a packet has to come, or until it is somebody else's turn. */
static void advance(queue *q, lane *l, call over, DWORD moved)
{
    long at_once = 0;

    for (;;) {
        call next = next_call(l, over, moved);

        if (next == CALL_NONE || !begin_call(l, next, &moved)) return;
        over = next;
        if (++at_once < with.inl) continue;
        put_last(q, l, over, moved);
        return;
    }
}

static void take_packets(queue *q)
{
    OVERLAPPED_ENTRY entries[MOST_PACKETS];
    DWORD wait = q->first != NULL ? 0 : INFINITE;
    ULONG count = 0, i;

    if (!GetQueuedCompletionStatusEx(port, entries, (ULONG)with.batch, &count, wait, FALSE)) {
        if (GetLastError() != WAIT_TIMEOUT) bench_fail("dequeue", (long)GetLastError());
        return;
    }
    for (i = 0; i < count; i++) {
        request *over = (request *)(void *)entries[i].lpOverlapped;
        call kind = over->kind;
        lane *l = over->owner;

        if (over->overlapped.Internal != 0) bench_fail("packet", (long)over->overlapped.Internal);
        give_request(over);
        advance(q, l, kind, entries[i].dwNumberOfBytesTransferred);
    }
}

static void work(queue *q)
{
    for (;;) {
        long turns = with.poll;

        while (q->first != NULL && turns-- > 0) {
            lane *l = take_first(q);

            advance(q, l, l->over, l->moved);
        }
        take_packets(q);
    }
}

static unsigned __stdcall run_worker(void *unused)
{
    queue own;

    (void)unused;
    own.first = NULL;
    own.end = &own.first;
    work(&own);
    return 0;
}

/* ---- the program -------------------------------------------------------------------------------- */

static void read_switches(void)
{
    with.skip = bench_switch("skip", 1);
    with.batch = bench_switch("batch", 64);
    with.inl = bench_switch("inl", 1);
    with.poll = bench_switch("poll", 32);
    with.event = bench_switch("event", 0);
    with.alloc = bench_switch("alloc", 0);
    with.try_first = bench_switch("try", 0);
    with.cxdata = bench_switch("cxdata", 0);
    with.update = bench_switch("update", 1);
    with.nodelay = bench_switch("nodelay", 1);
    with.shut = bench_switch("shut", 1);
    bench_check_switches();
    if (with.batch < 1 || with.batch > MOST_PACKETS) bench_fail("batch", with.batch);
    if (bench.workload != BENCH_MSDN) with.cxdata = 0;
}

static void find_connect(void)
{
    SOCKET socket_handle = socket(server.ss_family, SOCK_STREAM, IPPROTO_TCP);
    GUID name = WSAID_CONNECTEX;
    DWORD size = 0;

    if (WSAIoctl(socket_handle, SIO_GET_EXTENSION_FUNCTION_POINTER, &name, sizeof name, &connect_ex,
                 sizeof connect_ex, &size, NULL, NULL) != 0)
        bench_fail("ConnectEx", WSAGetLastError());
    (void)closesocket(socket_handle);
}

int main(int argc, char **argv)
{
    queue own;
    uint32_t i;

    bench_start("floor_iocp", "", argc, argv);
    read_switches();
    address_size = bench_address(&server);
    anywhere.ss_family = server.ss_family;
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, bench.threads);
    if (port == NULL) bench_fail("port", (long)GetLastError());
    find_connect();

    bench_open();
    lanes = (lane *)calloc(bench.connections, sizeof *lanes);
    if (lanes == NULL) bench_fail("memory", 0);
    for (i = 0; i < bench.connections; i++) {
        lanes[i].buffer = bench_buffer();
        if (!bench_connects()) connect_socket(&lanes[i]);
    }

    bench_begin();
    own.first = NULL;
    own.end = &own.first;
    for (i = 0; i < bench.connections; i++) {
        if (bench.workload == BENCH_IDLE)
            advance(&own, &lanes[i], CALL_NONE, 0);
        else
            put_last(&own, &lanes[i], CALL_NONE, 0);
    }
    if (bench.workload == BENCH_IDLE) bench_report_idle();
    for (i = 1; i < bench.threads; i++)
        if (_beginthreadex(NULL, 0, run_worker, NULL, 0, NULL) == 0)
            bench_fail("thread", (long)GetLastError());
    work(&own); /* the last lane that stops ends the process */
    return 0;
}
