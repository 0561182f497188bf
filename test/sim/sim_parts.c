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

/* ---- holes in memory -------------------------------------------------------------------------- */

enum { ZEROS = 8 };
static struct {
    const unsigned char *data;
    size_t size;
} zeros[ZEROS]; /* under sim_network */
static uint32_t zero_count;

void sim_say_zeros(const void *data, size_t size)
{
    sched_mutex_lock(&sim_network);
    if (data == NULL) {
        zero_count = 0;
    } else if (zero_count == ZEROS) {
        sim_fail("more zeros are told of than there is room for");
    } else {
        zeros[zero_count].data = (const unsigned char *)data;
        zeros[zero_count++].size = size;
    }
    sched_mutex_unlock(&sim_network);
}

/* Up to `size` bytes: how many are of one kind, and whether they are zeros that were told of. */
static uint32_t find_run(const unsigned char *data, uint32_t size, bool *hole)
{
    uint32_t i;

    *hole = false;
    for (i = 0; i < zero_count; i++) {
        uintptr_t from = (uintptr_t)zeros[i].data, at = (uintptr_t)data, to = from + zeros[i].size;

        if (at >= from && at < to) {
            *hole = true;
            return to - at < size ? (uint32_t)(to - at) : size;
        }
        if (at < from && from - at < size) size = (uint32_t)(from - at);
    }
    return size;
}

static uint32_t put_memory(const unsigned char *data, uint32_t size, sim_pipe *pipe)
{
    uint32_t done = 0, run, put;

    for (; done < size; done += put) {
        bool hole;

        run = find_run(data + done, size - done, &hole);
        put = hole ? run : (uint32_t)sim_pipe_put(pipe, data + done, run);
        if (hole) sim_pipe_put_hole(pipe, run);
        if (put < run) return done + put;
    }
    return done;
}

/* ---- parts --------------------------------------------------------------------------------------- */

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
    uint32_t left = request->size - at, part = find_part(request, &at), rest = request->parts[part].size - at;
    uint32_t hole = 0;

    if (is_of_file(request, part)) {
        hole = sim_file_hole(request->source_file, request->file_offset + at, rest);
    } else {
        bool is_hole;
        uint32_t run = find_run((const unsigned char *)request->parts[part].data + at, rest, &is_hole);

        if (is_hole) hole = run;
    }
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
            put = put_memory((const unsigned char *)request->parts[i].data + at, left, pipe);
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
