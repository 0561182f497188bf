/* SPDX-License-Identifier: MIT */
/* A connected socket with operations that cannot get on, since nobody reads or writes. */
#ifndef TEST_NETWORK_STUCK_H
#define TEST_NETWORK_STUCK_H

#include "../support/scratch_file.h"

#include "../support/buffer_lists.h"
#include "suites.h"

/* Each more than a connection takes without a reader. */
enum { WHOLE = 8 * 1024 * 1024, RECEIVES = 3, SENDS = 3, ROOM = 8 };

typedef struct stuck {
    apm_endpoint remote;
    apm_socket *socket;
    call calls[ROOM];
    size_t count;
    unsigned char *data;
    scratch_file file;
    char here[RECEIVES];
} stuck;

/* To a listener of that name, whose connection is "peer". Checks; false, and nothing to close. */
bool stuck_open(stuck *one, const char *address);
void stuck_close(stuck *one);  /* the listener, too; the peer is the test's to close */
void stuck_forget(stuck *one); /* the calls, which have ended */

void begin_receive(stuck *one);
void begin_send(stuck *one);
void begin_file(stuck *one);
void begin_disconnect(stuck *one, bool reuse);
/* Receives, sends, a file and more sends; and a disconnect at the end, if somebody asks. */
void begin_all(stuck *one, bool disconnect);

/* Each has ended once, with an error of a connection that was cut. */
void check_all_cut(stuck *one);
void check_all_end(stuck *one, apm_error expected);
/* Each of an even (0) or odd (1) place. */
void check_half_ends(stuck *one, size_t first, apm_error expected);
/* What comes after it was cut is no success; a receive may see the end of the stream. */
void check_is_dead(stuck *one);
/* The first of the calls, a send, goes on to its end, and every byte arrives. */
void check_arrives(stuck *one);

/* How often the kernel sends a segment again before it gives up; 15 times take a quarter of an hour. */
void set_retries(unsigned count);

#endif
