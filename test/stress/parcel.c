/* SPDX-License-Identifier: MIT */
/* A send as a file: the call's data, with its middle in a file that is gone when Begin is over. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <unistd.h>

#include "program.h"

/* Its path into `path`, which is a template of mkstemp's. */
static void write_file(char *path, const unsigned char *data, size_t size)
{
    int descriptor = mkstemp(path);

    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size || close(descriptor) != 0)
        sim_fail("no file for the test");
}

apm_error parcel_begin(call *made, apm_async_callback callback, apm_async_result **result)
{
    char path[] = "/tmp/apmsock-parcel-XXXXXX";
    size_t third = made->size / 3;
    apm_buffer before, after;
    apm_error error;

    before.data = made->data;
    before.size = third;
    after.data = made->data + (made->size - third);
    after.size = third;
    write_file(path, made->data + third, made->size - 2 * third);
    error = apm_socket_begin_send_file(made->at->socket, path, &before, &after, 0, callback, made, result);
    if (unlink(path) != 0) sim_fail("the test's file is gone");
    return error;
}
