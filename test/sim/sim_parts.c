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

static bool is_of_file(const sim_request *request, uint32_t part)
{
    return request->source_file != NULL && part == SIM_FILE_PART;
}

/* Which part a byte is in, and where there; past all of them, the number of parts. */
static uint32_t find_part(const sim_request *request, uint32_t *at)
{
    uint32_t i;

    for (i = 0; i < request->part_count && *at >= request->parts[i].size; i++) *at -= request->parts[i].size;
    return i;
}

uint32_t sim_parts_room(const sim_request *request, uint32_t at, const sim_pipe *pipe)
{
    uint32_t left = request->size - at, part = find_part(request, &at), hole = 0;

    if (is_of_file(request, part))
        hole = sim_file_hole(request->source_file, request->file_offset + at, request->parts[part].size - at);
    if (hole != 0) return hole;
    return left < sim_pipe_left(pipe) ? left : (uint32_t)sim_pipe_left(pipe);
}

uint32_t sim_parts_put(const sim_request *request, uint32_t at, uint32_t size, sim_pipe *pipe)
{
    uint32_t done = 0, i = find_part(request, &at);

    for (; i < request->part_count && done < size; i++) {
        uint32_t left = request->parts[i].size - at, put;

        if (left > size - done) left = size - done;
        if (is_of_file(request, i))
            put = sim_file_put(request->source_file, request->file_offset + at, left, pipe);
        else
            put = (uint32_t)sim_pipe_put(pipe, (const unsigned char *)request->parts[i].data + at, left);
        done += put;
        if (put < left) break;
        at = 0;
    }
    return done;
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
