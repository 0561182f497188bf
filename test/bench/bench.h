/* SPDX-License-Identifier: MIT */
/*
 * What the clients of the bench share: the command line, the clock, what is counted, and the one
 * line of JSON in which a client says how it went. For C and C++, on Windows. Include it first:
 * Winsock has to come before windows.h.
 *
 * A client opens its connections between bench_open and bench_begin. Then each of its lanes (a
 * connection, or a loop that connects again and again) does one operation after the other and
 * tells bench_finish of each. That says when to stop; the last lane that does reports.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#include <winsock2.h>
/* In this order. */
#include <mswsock.h>
#include <windows.h>
#include <ws2tcpip.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bench_workload {
    BENCH_PINGPONG, /* send a message, receive it again */
    BENCH_SEND,     /* one send after the other */
    BENCH_RECEIVE,  /* one receive after the other */
    BENCH_CONNECT,  /* connect, close */
    BENCH_MSDN,     /* connect, send a request, receive the answer to its end, close */
    BENCH_IDLE      /* connections that only wait to receive: how much memory is that? */
} bench_workload;

/* What the command line asks for. */
typedef struct bench_plan {
    bench_workload workload;
    const char *host; /* 127.0.0.1 or ::1 */
    uint16_t port;
    uint32_t connections; /* lanes */
    uint32_t size;        /* bytes of a message, a send or a receive */
    uint32_t threads;     /* workers, where the client has any */
} bench_plan;

extern bench_plan bench;

/* What an msdn client sends, and gets back. */
#define BENCH_MESSAGE_SIZE 19
extern char bench_message[BENCH_MESSAGE_SIZE + 1];

/* Reads the command line; starts Winsock and a watchdog. `name` is the client's in the result, and
 * `version` that of its library, or "". Neither is copied. */
void bench_start(const char *name, const char *version, int argc, char **argv);

/* The value of `--opt key=value`, or `otherwise`. */
long bench_switch(const char *key, long otherwise);

/* After the last bench_switch: whatever else was given is unknown, and the end. */
void bench_check_switches(void);

/* The server's address; returns its length. */
int bench_address(struct sockaddr_storage *address);

/* Memory for a lane to send from and to receive into. */
char *bench_buffer(void);

/* Whether each lane connects for each operation by itself. */
bool bench_connects(void);

/* Whether a lane that is connected begins by receiving; the others begin by sending. */
bool bench_receives_first(void);

/* What a lane sends, and how much of it. */
char *bench_request(char *buffer);
size_t bench_request_size(void);

/* Notes an error where an msdn client's answer, which is here, is not its request. */
void bench_check_answer(const char *buffer, size_t size);

/* Nanoseconds of a clock that only goes forward. */
uint64_t bench_now(void);

/* Before anything is opened: what memory is compared with. */
void bench_open(void);

/* The lanes begin. Before the warm-up is over their operations are not counted. */
void bench_begin(void);

/* One operation of `bytes` is over, which began at *began; the next one begins now, and *began says
 * when. False if there is to be no next one. */
bool bench_finish(uint64_t *began, uint64_t bytes);

/* A lane has stopped. True for the last one. */
bool bench_leave(void);

/* What ought not to be: a send that was cut, an answer that was not asked for. */
void bench_note_error(void);

/* C's word is none of C++, and the other way round. */
#ifdef __cplusplus
#define BENCH_NO_RETURN [[noreturn]]
#else
#define BENCH_NO_RETURN _Noreturn
#endif

/* Prints the result and ends the process. The second one is for BENCH_IDLE. */
BENCH_NO_RETURN void bench_report(void);
BENCH_NO_RETURN void bench_report_idle(void);

/* Prints what failed and ends the process with code 2. */
BENCH_NO_RETURN void bench_fail(const char *what, long code);

#ifdef __cplusplus
}
#endif

#endif
