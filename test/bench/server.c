/* SPDX-License-Identifier: MIT */
/*
 * The server that the clients of the bench talk to: native Linux, one thread, loopback only. It
 * has a port for each way to behave, one after the other from --base on:
 *
 *   +0 echo     sends back what it gets
 *   +1 sink     reads
 *   +2 source   sends for ever
 *   +3 msdn     reads to "<EOF>", sends it all back, ends the connection
 *   +4 rst      resets the connection at the first byte
 *   +5 noread   never reads
 *   +6 gate     waits for the peer to close, then resets: no port stays taken after a connection
 *   +7 stats    sends what it has counted, as a line of JSON
 *   +8 delay    an echo that comes --delay-us later: whoever receives has to wait
 *
 * It prints "ready BASE" and runs until SIGTERM, or for --max-seconds. With --base 0 it looks for
 * free ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "number.h"

typedef enum mode { ECHO, SINK, SOURCE, MSDN, RST, NOREAD, GATE, STATS, DELAY, MODES } mode;

enum {
    EVENTS = 256,
    BACKLOG = 4096,
    ROUND = 8,           /* sends of a source before the others have a turn */
    MOST_KEPT = 1 << 24, /* unsent bytes of a peer */
    FIRST_PORT = 20000,  /* of those to look for a free range in: below the ones the system gives out */
    LAST_PORT = 32000,
    BLOCK = 262144
};

typedef struct peer {
    int handle;
    mode way;
    bool listens;
    char *kept; /* what has been read and not been sent */
    size_t size, sent, room;
    uint64_t due; /* when to answer, if that has to wait */
    bool is_gone; /* while it waited for that */
    struct peer *next;
} peer;

typedef struct count {
    uint64_t accepted, closed, in, out;
} count;

static const char *const names[MODES] = {"echo",   "sink", "source", "msdn", "rst",
                                         "noread", "gate", "stats",  "delay"};
static count counts[MODES];
static uint64_t delay_time = 200000; /* ns */
static int epoll_handle;
static peer *listeners[2 * MODES]; /* those of IPv6 last; NULL where there is none */
static char block[BLOCK];
/* All wait for the same time, so the first one is due first. */
static peer *due_first, **due_end = &due_first;

static __attribute__((noreturn)) void give_up(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- peers ------------------------------------------------------------------------------------- */

static void watch(peer *p, int order, uint32_t events)
{
    struct epoll_event event = {0};

    event.events = events;
    event.data.ptr = p;
    if (epoll_ctl(epoll_handle, order, p->handle, &event) != 0) give_up("epoll_ctl");
}

static void delete_peer(peer *p)
{
    free(p->kept);
    free(p);
}

static void drop(peer *p, bool resets)
{
    struct linger linger = {1, 0};

    if (resets) (void)setsockopt(p->handle, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(p->handle);
    counts[p->way].closed++;
    if (p->due != 0)
        p->is_gone = true; /* deleted when its time has come */
    else
        delete_peer(p);
}

static bool keep(peer *p, const char *bytes, size_t size)
{
    size_t room = 2 * (p->size + size);

    if (p->size + size > p->room) {
        char *larger = room <= MOST_KEPT ? (char *)realloc(p->kept, room) : NULL;
        if (larger == NULL) return false;
        p->kept = larger;
        p->room = room;
    }
    memcpy(p->kept + p->size, bytes, size);
    p->size += size;
    return true;
}

typedef enum outcome { ALL_SENT, SOME_LEFT, LOST } outcome;

static outcome send_kept(peer *p)
{
    while (p->sent < p->size) {
        ssize_t n = send(p->handle, p->kept + p->sent, p->size - p->sent, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? SOME_LEFT : LOST;
        counts[p->way].out += (uint64_t)n;
        p->sent += (size_t)n;
    }
    p->size = p->sent = 0;
    return ALL_SENT;
}

/* Sends what is kept. While there is something left the peer is not read from. */
static void answer(peer *p, bool was_waiting)
{
    outcome how = send_kept(p);

    if (how == LOST)
        drop(p, false);
    else if (how == SOME_LEFT && !was_waiting)
        watch(p, EPOLL_CTL_MOD, EPOLLOUT);
    else if (how == ALL_SENT && p->way == MSDN) {
        (void)shutdown(p->handle, SHUT_RDWR);
        drop(p, false);
    } else if (how == ALL_SENT && was_waiting)
        watch(p, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- one function for each way ------------------------------------------------------------------- */

static void tell_counts(peer *p)
{
    char line[2048];
    struct rusage usage;
    size_t size;
    int i;

    (void)getrusage(RUSAGE_SELF, &usage);
    size = (size_t)snprintf(line, sizeof line, "{\"user_s\":%.6f,\"sys_s\":%.6f",
                            (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
                            (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6);
    for (i = 0; i < MODES; i++)
        size +=
            (size_t)snprintf(line + size, sizeof line - size,
                             ",\"%s\":{\"accepted\":%llu,\"closed\":%llu,\"in\":%llu,\"out\":%llu}", names[i],
                             (unsigned long long)counts[i].accepted, (unsigned long long)counts[i].closed,
                             (unsigned long long)counts[i].in, (unsigned long long)counts[i].out);
    line[size++] = '}';
    line[size++] = '\n';
    if (send(p->handle, line, size, MSG_NOSIGNAL) != (ssize_t)size) perror("stats");
    drop(p, false);
}

static void pour(peer *p)
{
    int i;

    for (i = 0; i < ROUND; i++) {
        ssize_t n = send(p->handle, block, sizeof block, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) drop(p, false);
            return;
        }
        counts[SOURCE].out += (uint64_t)n;
        if ((size_t)n < sizeof block) return;
    }
}

static void echo(peer *p, const char *bytes, size_t size)
{
    ssize_t n = send(p->handle, bytes, size, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN) {
        drop(p, false);
        return;
    }
    if (n < 0) n = 0;
    counts[ECHO].out += (uint64_t)n;
    if ((size_t)n == size) return;
    if (keep(p, bytes + n, size - (size_t)n))
        watch(p, EPOLL_CTL_MOD, EPOLLOUT);
    else
        drop(p, true);
}

static void converse(peer *p, const char *bytes, size_t size)
{
    if (!keep(p, bytes, size))
        drop(p, true);
    else if (memmem(p->kept, p->size, "<EOF>", 5) != NULL)
        answer(p, false);
}

static void postpone(peer *p, const char *bytes, size_t size)
{
    if (!keep(p, bytes, size)) {
        drop(p, true);
        return;
    }
    if (p->due != 0) return;
    p->due = now() + delay_time;
    p->next = NULL;
    *due_end = p;
    due_end = &p->next;
}

/* ---- events ---------------------------------------------------------------------------------------- */

static void accept_peers(const peer *listener);

/* Whoever asks for the counts after he has connected elsewhere is to find that counted, though what
 * is ready comes in any order. */
static void accept_all(void)
{
    int i;

    for (i = 0; i < 2 * MODES; i++)
        if (listeners[i] != NULL && listeners[i]->way != STATS) accept_peers(listeners[i]);
}

static void accept_peers(const peer *listener)
{
    static const uint32_t events[MODES] = {[SOURCE] = EPOLLOUT, [NOREAD] = EPOLLRDHUP};
    int handle, yes = 1;

    while ((handle = accept4(listener->handle, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        peer *p = (peer *)calloc(1, sizeof *p);

        if (p == NULL) give_up("calloc");
        p->handle = handle;
        p->way = listener->way;
        counts[p->way].accepted++;
        (void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (p->way == STATS) {
            accept_all();
            tell_counts(p);
        } else {
            watch(p, EPOLL_CTL_ADD, events[p->way] != 0 ? events[p->way] : EPOLLIN);
        }
    }
}

static void read_peer(peer *p)
{
    static char bytes[BLOCK];
    ssize_t n = recv(p->handle, bytes, sizeof bytes, 0);

    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        drop(p, p->way == GATE);
        return;
    }
    counts[p->way].in += (uint64_t)n;
    if (p->way == ECHO)
        echo(p, bytes, (size_t)n);
    else if (p->way == MSDN)
        converse(p, bytes, (size_t)n);
    else if (p->way == DELAY)
        postpone(p, bytes, (size_t)n);
    else if (p->way == RST)
        drop(p, true);
}

static void handle_event(peer *p, uint32_t events)
{
    if (p->listens)
        accept_peers(p);
    else if (p->way == NOREAD)
        drop(p, false);
    else if ((events & EPOLLIN) != 0)
        read_peer(p);
    else if ((events & EPOLLOUT) == 0)
        drop(p, false);
    else if (p->way == SOURCE)
        pour(p);
    else
        answer(p, true);
}

/* Answers what is due. False if nothing waits; otherwise how long until the next. */
static bool answer_due(struct timespec *wait)
{
    uint64_t time = now();

    while (due_first != NULL) {
        peer *p = due_first;

        if (p->due > time) {
            wait->tv_sec = (time_t)((p->due - time) / 1000000000u);
            wait->tv_nsec = (long)((p->due - time) % 1000000000u);
            return true;
        }
        due_first = p->next;
        if (due_first == NULL) due_end = &due_first;
        p->due = 0;
        if (p->is_gone)
            delete_peer(p);
        else
            answer(p, false);
    }
    return false;
}

/* ---- ports ----------------------------------------------------------------------------------------- */

/* -1 if the port is taken. */
static int listen_at(int family, uint16_t port)
{
    struct sockaddr_in6 ipv6 = {0};
    struct sockaddr_in ipv4 = {0};
    int handle = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, code;

    if (handle < 0) return -1;
    (void)setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (family == AF_INET6) {
        (void)setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_port = htons(port);
        ipv6.sin6_addr = in6addr_loopback;
        code = bind(handle, (const struct sockaddr *)&ipv6, sizeof ipv6);
    } else {
        ipv4.sin_family = AF_INET;
        ipv4.sin_port = htons(port);
        ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        code = bind(handle, (const struct sockaddr *)&ipv4, sizeof ipv4);
    }
    if (code == 0 && listen(handle, BACKLOG) == 0) return handle;
    (void)close(handle);
    return -1;
}

/* IPv6 where there is any. */
static bool open_ports(uint16_t base)
{
    int handles[2 * MODES], i;
    bool works = true;

    for (i = 0; i < MODES; i++) {
        handles[i] = listen_at(AF_INET, (uint16_t)(base + i));
        handles[MODES + i] = handles[i] < 0 ? -1 : listen_at(AF_INET6, (uint16_t)(base + i));
        works = works && handles[i] >= 0;
    }
    for (i = 0; i < 2 * MODES; i++) {
        peer *p;

        if (handles[i] < 0) continue;
        if (!works) {
            (void)close(handles[i]);
            continue;
        }
        p = (peer *)calloc(1, sizeof *p);
        if (p == NULL) give_up("calloc");
        p->handle = handles[i];
        p->way = (mode)(i % MODES);
        p->listens = true;
        listeners[i] = p;
        watch(p, EPOLL_CTL_ADD, EPOLLIN);
    }
    return works;
}

static uint16_t find_ports(void)
{
    uint16_t range = (LAST_PORT - FIRST_PORT) / MODES, first = (uint16_t)(getpid() % range), i;

    for (i = 0; i < range; i++) {
        uint16_t base = (uint16_t)(FIRST_PORT + (first + i) % range * MODES);
        if (open_ports(base)) return base;
    }
    return 0;
}

/* ---- the program ------------------------------------------------------------------------------------ */

static void end_now(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

static void serve(void)
{
    struct epoll_event events[EVENTS];
    struct timespec wait;

    for (;;) {
        bool waits = answer_due(&wait);
        int n = epoll_pwait2(epoll_handle, events, EVENTS, waits ? &wait : NULL, NULL), i;

        if (n < 0 && errno != EINTR) give_up("epoll_pwait2");
        for (i = 0; i < n; i++) handle_event((peer *)events[i].data.ptr, events[i].events);
    }
}

int main(int argc, char **argv)
{
    uint64_t base = 0, delay = 200, longest = 3600;
    bool works = argc % 2 == 1;
    int i;

    for (i = 1; works && i < argc; i += 2) {
        uint64_t *number = strcmp(argv[i], "--base") == 0          ? &base
                           : strcmp(argv[i], "--delay-us") == 0    ? &delay
                           : strcmp(argv[i], "--max-seconds") == 0 ? &longest
                                                                   : NULL;
        works = number != NULL && number_read(argv[i + 1], number);
    }
    if (!works || base > 65535 - MODES || delay > 1000000 || longest > 86400) {
        (void)fprintf(stderr, "usage: bench_server [--base PORT] [--delay-us N] [--max-seconds N]\n");
        return 1;
    }
    delay_time = delay * 1000;
    memset(block, 'x', sizeof block);
    (void)signal(SIGTERM, end_now);
    (void)signal(SIGINT, end_now);
    (void)signal(SIGALRM, end_now);
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    (void)alarm((unsigned)longest);
    epoll_handle = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_handle < 0) give_up("epoll_create1");
    if (base == 0)
        base = find_ports();
    else if (!open_ports((uint16_t)base))
        base = 0;
    if (base == 0) give_up("no free ports");
    (void)printf("ready %u\n", (unsigned)base);
    (void)fflush(stdout);
    serve();
    return 0;
}
