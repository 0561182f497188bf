/* SPDX-License-Identifier: MIT */
/* Files: real ones, read when they are sent. */
#define _POSIX_C_SOURCE 200809L
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

/* How much of it there was. */
static uint32_t read_file(int descriptor, unsigned char *to, uint32_t size, uint64_t offset)
{
    uint32_t done = 0;

    while (done < size) {
        ssize_t got = pread(descriptor, to + done, size - done, (off_t)(offset + done));
        if (got <= 0) break;
        done += (uint32_t)got;
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
    like.file = (unsigned char *)sim_memory(size != 0 ? size : 1);
    like.source_file = file;
    parts[0].data = ends->head;
    parts[0].size = ends->head_size;
    parts[1].data = like.file;
    parts[1].size = file != NULL ? read_file(file->descriptor, like.file, size, offset) : 0;
    parts[2].data = ends->tail;
    parts[2].size = ends->tail_size;
    sim_parts_set(&like, parts, 3);
    sim_request_keep(&like, ends, sizeof *ends);
    like.flags = flags;
    return sim_transfer(handle, SIM_SEND, &like, overlapped, bytes);
}
