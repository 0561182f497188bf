/* SPDX-License-Identifier: MIT */
#include "buffers.h"

#include <string.h>

void apmi_buffers_set_list(apmi_buffers *buffers, const apm_buffer *list, size_t count)
{
    buffers->list = list;
    buffers->count = count;
    buffers->offset = 0;
}

apm_error apmi_buffers_check(const apm_buffer *list, size_t count, size_t *size)
{
    size_t total = 0, i;

    if (list == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (count == 0) return APM_ERROR_ARGUMENT;
    if (count > SIZE_MAX / 2 / sizeof *list) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    for (i = 0; i < count; i++)
        if (list[i].data == NULL && list[i].size != 0) return APM_ERROR_ARGUMENT_NULL;
    for (i = 0; i < count; i++) {
        if (list[i].size > SIZE_MAX / 2 - total) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
        total += list[i].size;
    }
    *size = total;
    return APM_ERROR_SUCCESS;
}

uint32_t apmi_buffers_next(const apmi_buffers *buffers, size_t limit, apmk_buffer *next, size_t *size)
{
    size_t offset = buffers->offset, total = 0, i;
    uint32_t n = 0;

    for (i = 0; i < buffers->count && n < APMK_BUFFERS && total < limit; i++) {
        size_t left = buffers->list[i].size - offset;

        if (left > limit - total) left = limit - total;
        if (left != 0) {
            next[n].data = (unsigned char *)buffers->list[i].data + offset;
            next[n].size = (uint32_t)left; /* a limit is below 4 GiB */
            n++;
        }
        total += left;
        offset = 0;
    }
    if (n == 0) { /* a transfer of nothing is one, too */
        next[0].data = buffers->count != 0 ? buffers->list[0].data : NULL;
        next[0].size = 0;
        n = 1;
    }
    *size = total;
    return n;
}

void apmi_buffers_advance(apmi_buffers *buffers, size_t bytes)
{
    while (buffers->count != 0) {
        size_t left = buffers->list->size - buffers->offset;

        if (bytes < left) {
            buffers->offset += bytes;
            return;
        }
        bytes -= left;
        buffers->list++;
        buffers->count--;
        buffers->offset = 0;
    }
}

void apmi_buffers_scatter(const apm_buffer *list, size_t count, const unsigned char *from, size_t size)
{
    size_t i;

    for (i = 0; i < count && size != 0; i++) {
        size_t part = list[i].size < size ? list[i].size : size;

        if (part != 0) memcpy(list[i].data, from, part);
        from += part;
        size -= part;
    }
}

void apmi_buffers_gather(const apm_buffer *list, size_t count, unsigned char *to)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (list[i].size != 0) memcpy(to, list[i].data, list[i].size);
        to += list[i].size;
    }
}
