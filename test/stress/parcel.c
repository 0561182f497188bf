/* SPDX-License-Identifier: MIT */
/* A send as a file: the call's data, with its middle in a file that is gone when Begin is over. */
#define _POSIX_C_SOURCE 200809L

#include "../support/temporary_file.h"
#include "program.h"

void parcel_draw(call *made, uint64_t *stream)
{
    static const int32_t flags[] = {0, APM_SEND_FILE_WRITE_BEHIND, APM_SEND_FILE_SYSTEM_THREAD,
                                    APM_SEND_FILE_KERNEL_APC};

    made->file_flags = flags[draw(stream, sizeof flags / sizeof *flags)];
    made->is_pathless = draw(stream, 5) == 0;
    if (!made->at->parts_ways || draw(stream, 2) == 0) return;
    made->file_flags |= APM_SEND_FILE_DISCONNECT;
    if (draw(stream, 2) == 0) made->file_flags |= APM_SEND_FILE_REUSE_SOCKET;
}

apm_error parcel_begin(call *made, apm_async_callback callback, apm_async_result **result)
{
    temporary_file file = TEMPORARY_FILE;
    size_t third = made->size / 3, middle = made->is_pathless ? 0 : made->size - 2 * third;
    const char *path = made->is_pathless ? NULL : file.path;
    apm_buffer before, after;
    apm_error error;

    before.data = made->data;
    before.size = third;
    after.data = made->data + third + middle;
    after.size = made->size - third - middle;
    if (path != NULL && !temporary_file_write(&file, made->data + third, middle))
        sim_fail("no file for the test");
    error = apm_socket_begin_send_file(made->at->socket, path, &before, &after, made->file_flags, callback,
                                       made, result);
    if (path != NULL && !temporary_file_delete(&file)) sim_fail("the test's file is gone");
    return error;
}
