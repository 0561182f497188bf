/* SPDX-License-Identifier: MIT */
/**
 * @file buffer.h
 * A stretch of memory: ArraySegment<byte>, and one element of a list of them.
 */
#ifndef APMSOCK_BUFFER_H
#define APMSOCK_BUFFER_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/** `data` may be NULL where `size` is 0. The library reads what it sends and nothing else. */
typedef struct apm_buffer {
    void *data;  /**< its first byte */
    size_t size; /**< in bytes */
} apm_buffer;

APM_END_DECLARATIONS

#endif
