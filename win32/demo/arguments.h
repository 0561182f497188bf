/* SPDX-License-Identifier: MIT */
/* What the command line asks for. */
#ifndef DEMO_ARGUMENTS_H
#define DEMO_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct arguments {
    const char *host;    /* NULL: talk to a server of one's own */
    const char *message; /* NULL: what the sample says, unless there is a file */
    const char *file;
    uint32_t timeout;
    uint16_t port;
    bool port_given;
    bool ipv6;
    bool keep_open;
    bool serve;
    bool get; /* its host and port are in the fields of the options */
    bool help;
    bool version;
} arguments;

extern const char arguments_usage[]; /* one line, without its end */
extern const char arguments_help[];

/* The strings stay the caller's. False when the command line makes no sense: `problem` then
 * says why, in the `size` bytes there. */
bool arguments_parse(int count, char **values, arguments *asked, char *problem, size_t size);

#endif
