/* SPDX-License-Identifier: MIT */
/* The bytes of a request, which lie in the buffers of its list, one after the other. */
#include <string.h>

#include "sim_network.h"

void sim_parts_set(sim_request *request, const apmk_buffer *buffers, uint32_t count)
{
    uint32_t i;

    if (count == 0 || count > APMK_BUFFERS) sim_fail("a call with %u buffers", (unsigned)count);
    memcpy(request->parts, buffers, count * sizeof *buffers);
    request->part_count = count;
    for (i = 0; i < count; i++) {
        if (buffers[i].size > UINT32_MAX - request->size) sim_fail("a call with more than 4 GiB");
        request->size += buffers[i].size;
    }
}

size_t sim_parts_put(const sim_request *request, uint32_t at, uint32_t size, sim_pipe *pipe)
{
    size_t put = 0;
    uint32_t i;

    for (i = 0; i < request->part_count && size != 0; i++) {
        uint32_t left = request->parts[i].size;

        if (at >= left) {
            at -= left;
            continue;
        }
        left = left - at < size ? left - at : size;
        put += sim_pipe_put(pipe, (const unsigned char *)request->parts[i].data + at, left);
        size -= left;
        at = 0;
    }
    return put;
}

void sim_parts_gather(const sim_request *request, unsigned char *to)
{
    uint32_t i;

    for (i = 0; i < request->part_count; i++) {
        if (request->parts[i].size != 0) memcpy(to, request->parts[i].data, request->parts[i].size);
        to += request->parts[i].size;
    }
}

void sim_parts_scatter(const sim_request *request, const unsigned char *from, uint32_t size)
{
    uint32_t i;

    for (i = 0; i < request->part_count && size != 0; i++) {
        uint32_t part = request->parts[i].size < size ? request->parts[i].size : size;

        if (part != 0) memcpy(request->parts[i].data, from, part);
        from += part;
        size -= part;
    }
}
