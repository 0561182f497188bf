/* SPDX-License-Identifier: MIT */
/* Blocking members: Begin and End in one, of which nobody has a result. */
#include "program.h"

static apm_error connect_now(const call *made)
{
    place *at = made->at;

    if (at->datagram || made->way != WAY_HOST) return apm_socket_connect(at->socket, &at->remote);
    return apm_socket_connect_host(at->socket, at->host_name, apm_endpoint_port(&at->remote));
}

/* What only Begin says; else it may have begun. */
static bool is_begins(apm_error error)
{
    return error == APM_ERROR_INVALID_OPERATION || error == APM_ERROR_IS_CONNECTED;
}

void call_block(call *made)
{
    apm_socket *socket = made->at->socket;
    size_t bytes = SIZE_MAX;
    apm_error error;

    made->blocks = true;
    made->calls_back = made->wants_result = made->files = made->peeks = false;
    made->parts = 0;
    made->letter = LETTER_NONE;
    if (made->way == WAY_MANY) made->way = WAY_ONE;
    if (!call_enter(made)) {
        call_delete(made);
        return;
    }
    atomic_store_explicit(&made->timed, true, memory_order_relaxed);
    if (made->kind == CALL_CONNECT)
        error = connect_now(made);
    else if (made->kind == CALL_SEND)
        error = apm_socket_send(socket, made->data, made->size, 0, &bytes);
    else
        error = apm_socket_receive(socket, made->data, made->size, 0, &bytes);
    if (made->kind == CALL_CONNECT ? !is_begins(error) : bytes != SIZE_MAX) {
        made->begun = true;
        made->error = error;
        made->bytes = bytes;
        made->is_told = true;
        atomic_store_explicit(&made->winners, 1, memory_order_relaxed);
        call_check_time(made);
    } else if (error == APM_ERROR_OBJECT_DISPOSED) {
        made->begun = true; /* perhaps: a closed socket does not tell how much went out */
    } else {
        made->begin_error = error;
    }
    if (made->kind != CALL_CONNECT) call_take_data(made);
}
