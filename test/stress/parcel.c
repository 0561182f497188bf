/* SPDX-License-Identifier: MIT */
/* A send as a file: the call's data, with its middle in a file that is gone when Begin is over. */
#define _POSIX_C_SOURCE 200809L

#include "../support/temporary_file.h"
#include "program.h"

apm_error parcel_begin(call *made, apm_async_callback callback, apm_async_result **result)
{
    temporary_file file = TEMPORARY_FILE;
    size_t third = made->size / 3;
    apm_buffer before, after;
    apm_error error;

    before.data = made->data;
    before.size = third;
    after.data = made->data + (made->size - third);
    after.size = third;
    if (!temporary_file_write(&file, made->data + third, made->size - 2 * third))
        sim_fail("no file for the test");
    error =
        apm_socket_begin_send_file(made->at->socket, file.path, &before, &after, 0, callback, made, result);
    if (!temporary_file_delete(&file)) sim_fail("the test's file is gone");
    return error;
}
