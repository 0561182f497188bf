/* SPDX-License-Identifier: MIT */
/* A file for as long as a Begin takes, on the simulated kernel: anew each time, and by a name that no other
 * process has. (For a file with a name to be tested: scratch_file.h.) _POSIX_C_SOURCE has to be defined. */
#ifndef TEST_TEMPORARY_FILE_H
#define TEST_TEMPORARY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct temporary_file {
    char path[32];
} temporary_file;

/* What mkstemp puts its own letters into. */
#define TEMPORARY_FILE \
    { \
        "/tmp/apmsock-test-XXXXXX" \
    }

static inline bool temporary_file_write(temporary_file *file, const void *data, size_t size)
{
    int descriptor = mkstemp(file->path);
    bool good = descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size;

    if (descriptor >= 0 && close(descriptor) != 0) good = false;
    return good;
}

static inline bool temporary_file_delete(const temporary_file *file)
{
    return unlink(file->path) == 0;
}

#endif
