/* SPDX-License-Identifier: MIT */
/* The blocking disconnect, which the library does not have. */
#ifndef TEST_DISCONNECT_NOW_H
#define TEST_DISCONNECT_NOW_H

#include <apmsock/apmsock.h>

static inline apm_error disconnect_now(apm_socket *socket, bool reuse)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_disconnect(socket, reuse, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_disconnect(socket, result);
    apm_async_result_release(result);
    return error;
}

#endif
