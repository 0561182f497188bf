/* SPDX-License-Identifier: MIT */
/*
 * What is left to transfer of a list of buffers, as the kernel is told of it.
 */
#ifndef APMI_BUFFERS_H
#define APMI_BUFFERS_H

#include <apmsock/buffer.h>
#include <apmsock/error.h>

#include "kernel.h"

typedef struct apmi_buffers {
    const apm_buffer *list; /* from the one that is not done with */
    size_t count;
    size_t offset; /* how far into the first */
} apmi_buffers;

/* The list stays the caller's. */
void apmi_buffers_set_list(apmi_buffers *buffers, const apm_buffer *list, size_t count);

/* What a caller's list has to be; and its size in bytes. */
apm_error apmi_buffers_check(const apm_buffer *list, size_t count, size_t *size);
/* The next stretches for one kernel call, at least one and at most `limit` bytes; how many, and
 * how many bytes they are. */
uint32_t apmi_buffers_next(const apmi_buffers *buffers, size_t limit, apmk_buffer *next, size_t *size);
/* So many bytes of them have been transferred. */
void apmi_buffers_advance(apmi_buffers *buffers, size_t bytes);
/* Copies contiguous bytes into the buffers, or the buffers' into contiguous memory. */
void apmi_buffers_scatter(const apm_buffer *list, size_t count, const unsigned char *from, size_t size);
void apmi_buffers_gather(const apm_buffer *list, size_t count, unsigned char *to);

#endif
