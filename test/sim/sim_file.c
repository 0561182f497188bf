/* SPDX-License-Identifier: MIT */
/* Files: real ones, read when their bytes are carried; their holes are not read at all. */
#define _GNU_SOURCE /* SEEK_DATA */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim_network.h"

struct apmk_file_object {
    int descriptor;
    int uses; /* requests that are not given back; under sim_network */
};

apmk_code apmk_file_open(const char *path, apmk_file *file, uint64_t *size)
{
    struct stat about;
    int descriptor;

    sim_enter("file open", 0, 0);
    if (sim_fault_strikes(SIM_FILE)) return CODE_NO_RESOURCES;
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno == ENOENT || errno == ENOTDIR ? CODE_NO_FILE : CODE_NO_ACCESS;
    if (fstat(descriptor, &about) != 0 || S_ISDIR(about.st_mode)) {
        (void)close(descriptor);
        return CODE_NO_ACCESS;
    }
    *file = (apmk_file)sim_memory(sizeof **file);
    (*file)->descriptor = descriptor;
    *size = (uint64_t)about.st_size;
    sim_count(SIM_FILES, 1);
    return APMK_SUCCESS;
}

void apmk_file_close(apmk_file file)
{
    sim_enter("file close", 0, 0);
    sched_mutex_lock(&sim_network);
    if (file->uses != 0) sim_fail("a file is closed while it is being sent");
    sched_mutex_unlock(&sim_network);
    (void)close(file->descriptor);
    free(file);
    sim_count(SIM_FILES, -1);
}

void sim_file_use(apmk_file file, int change)
{
    file->uses += change;
}

/* How much of it there is. */
static uint32_t measure(int descriptor, uint32_t size, uint64_t offset)
{
    struct stat about;
    uint64_t end = fstat(descriptor, &about) == 0 ? (uint64_t)about.st_size : 0;

    if (offset >= end) return 0;
    return end - offset < size ? (uint32_t)(end - offset) : size;
}

static uint32_t least(uint32_t size, off_t end, uint64_t offset)
{
    uint64_t length = end > (off_t)offset ? (uint64_t)end - offset : 0;

    return length < size ? (uint32_t)length : size;
}

/* Up to `size` bytes that are all in a hole of the file. Where the system knows of none there are none. */
uint32_t sim_file_hole(apmk_file file, uint64_t offset, uint32_t size)
{
    off_t data = lseek(file->descriptor, (off_t)offset, SEEK_DATA);

    if (data >= 0) return least(size, data, offset);
    return errno == ENXIO ? size : 0; /* nothing but a hole up to its end */
}

/* Up to `size` bytes before the next hole. */
static uint32_t find_data(apmk_file file, uint64_t offset, uint32_t size)
{
    off_t hole = lseek(file->descriptor, (off_t)offset, SEEK_HOLE);

    return hole < 0 ? size : least(size, hole, offset);
}

static void read_file(int descriptor, unsigned char *to, uint32_t size, uint64_t offset)
{
    uint32_t done = 0;

    while (done < size) {
        ssize_t got = pread(descriptor, to + done, size - done, (off_t)(offset + done));
        if (got <= 0) sim_fail("a file gets shorter while it is being sent");
        done += (uint32_t)got;
    }
}

uint32_t sim_file_put(apmk_file file, uint64_t offset, uint32_t size, sim_pipe *pipe)
{
    uint32_t done = 0;

    while (done < size) {
        uint32_t part = sim_file_hole(file, offset + done, size - done), put = part;

        if (part != 0) {
            sim_pipe_put_hole(pipe, part);
        } else {
            unsigned char *bytes;

            part = find_data(file, offset + done, size - done);
            if (part > sim_pipe_left(pipe)) part = (uint32_t)sim_pipe_left(pipe);
            if (part == 0) break;
            bytes = (unsigned char *)sim_memory(part);
            read_file(file->descriptor, bytes, part, offset + done);
            put = (uint32_t)sim_pipe_put(pipe, bytes, part);
            free(bytes);
        }
        done += put;
    }
    return done;
}

apmk_code apmk_socket_send_file(apmk_socket handle, int32_t family, apmk_file file, uint32_t size,
                                apmk_file_ends *ends, int32_t flags, apmk_overlapped *overlapped,
                                uint32_t *bytes)
{
    uint64_t offset = (uint64_t)overlapped->offset_high << 32 | overlapped->offset;
    uint64_t whole = (uint64_t)ends->head_size + size + ends->tail_size;
    sim_request like = {0};
    apmk_buffer parts[3];

    sim_enter("send file", handle, whole);
    (void)family;
    if (whole > APMK_FILE_LIMIT) return CODE_INVALID_PARAMETER;
    if (file == NULL && size != 0) sim_fail("a part of no file is sent");
    like.is_file = true;
    like.source_file = file;
    like.file_offset = offset;
    parts[0].data = ends->head;
    parts[0].size = ends->head_size;
    parts[SIM_FILE_PART].data = NULL; /* read when it is carried: no memory holds so much at once */
    parts[SIM_FILE_PART].size = file != NULL ? measure(file->descriptor, size, offset) : 0;
    parts[2].data = ends->tail;
    parts[2].size = ends->tail_size;
    sim_parts_set(&like, parts, 3);
    sim_request_keep(&like, ends, sizeof *ends);
    like.flags = flags;
    return sim_transfer(handle, SIM_SEND, &like, overlapped, bytes);
}
