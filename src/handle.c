/* SPDX-License-Identifier: MIT */
/*
 * Handles. A socket of the library outlives those of the kernel: after a failed connect, for a
 * further address or after a disconnect it goes on with a fresh one, which has to be what the
 * caller has made of the old one.
 */
#include "handle.h"

#include "course.h"
#include "endpoint.h"
#include "error.h"
#include "library.h"
#include "poll.h"
#include "settings.h"
#include "socket.h"

static apmi_skip ask_to_skip(apmk_socket kernel, bool own)
{
    return apmk_socket_skip_on_success(kernel, own) ? APMI_SKIP_ON : APMI_SKIP_OFF;
}

apm_error apmi_handle_attach(apm_socket *socket, apmk_socket kernel, bool own, apmi_skip *skips)
{
    apmi_library *library = socket->library;
    enum apmk_skipping before = own ? APMK_SKIPS_NOT : apmk_socket_skips(kernel);
    apmk_code code;

    /* A packet would be waited for that does not come, or not for certain. */
    if (before == APMK_SKIPS_PERHAPS || (before == APMK_SKIPS && library->options.packet_always))
        return APM_ERROR_INVALID_OPERATION;
    code = apmk_socket_attach(kernel, library->pool.port, APMI_PACKET);
    if (code != APMK_SUCCESS) return apmi_error_from_native(code);
    /* Not for datagrams: one that is larger than the buffer may or may not send a packet. */
    if (!apmi_socket_is_stream(socket) || library->options.packet_always)
        *skips = APMI_SKIP_OFF;
    else if (before == APMK_SKIPS)
        *skips = APMI_SKIP_ON;
    else
        *skips = own ? APMI_SKIP_UNASKED : ask_to_skip(kernel, own);
    return APM_ERROR_SUCCESS;
}

/* Nobody may be in a call meanwhile: he could not tell whether its packet comes. */
void apmi_handle_ask_to_skip(apm_socket *socket)
{
    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_closed(socket) && apmi_socket_skips(socket) == APMI_SKIP_UNASKED)
        apmi_socket_set_skips(socket, ask_to_skip(socket->handle, true));
    apmk_unlock_exclusive(&socket->gate);
}

apm_error apmi_handle_open(apm_socket *socket, apmi_handle *handle)
{
    apm_error error = apmi_error_from_native(
        apmk_socket_open(socket->family, socket->type, socket->protocol, &handle->kernel));

    if (error != APM_ERROR_SUCCESS) return error;
    handle->named = false;
    handle->settings = 0;
    error = apmi_handle_attach(socket, handle->kernel, true, &handle->skips);
    if (error != APM_ERROR_SUCCESS) apmk_socket_close(handle->kernel);
    return error;
}

/* What it has to have before it is bound, whoever asked for it. */
static apm_error prepare_like(apm_socket *socket, apmi_handle *handle)
{
    apm_error error = APM_ERROR_SUCCESS;

    if (socket->settings.was_dual) error = apmi_settings_set_dual(handle->kernel);
    return error == APM_ERROR_SUCCESS ? apmi_settings_apply(socket, handle) : error;
}

static apm_error bind_like(apm_socket *socket, apmi_handle *handle)
{
    apm_error error;

    if (socket->local.length == 0) return APM_ERROR_SUCCESS;
    error =
        apmi_error_from_native(apmk_socket_bind(handle->kernel, socket->local.bytes, socket->local.length));
    handle->named = error == APM_ERROR_SUCCESS;
    return error;
}

apm_error apmi_handle_open_like(apm_socket *socket, apmi_handle *handle)
{
    apm_error error = apmi_handle_open(socket, handle);

    if (error != APM_ERROR_SUCCESS) return error;
    error = prepare_like(socket, handle);
    if (error == APM_ERROR_SUCCESS) error = bind_like(socket, handle);
    if (error != APM_ERROR_SUCCESS) apmk_socket_close(handle->kernel);
    return error;
}

apmk_socket apmi_handle_install(apm_socket *socket, const apmi_handle *handle)
{
    apmk_socket old = socket->handle;

    socket->handle = handle->kernel;
    apmi_socket_set_skips(socket, handle->skips);
    atomic_store_explicit(&socket->named, handle->named, memory_order_relaxed);
    return old;
}

apm_error apmi_handle_renew(apm_socket *socket)
{
    apmi_handle fresh;
    apm_error error = apmi_handle_open(socket, &fresh);

    if (error != APM_ERROR_SUCCESS) return error;
    apmi_handle_drop(socket, apmi_handle_install(socket, &fresh));
    error = prepare_like(socket, &fresh);
    if (error == APM_ERROR_SUCCESS) error = bind_like(socket, &fresh);
    atomic_store_explicit(&socket->named, fresh.named, memory_order_relaxed);
    return error;
}

bool apmi_handle_is_fixed(const apm_socket *socket)
{
    return apmi_socket_is_named(socket) || (socket->connect != NULL && apmi_socket_is_stream(socket) &&
                                            apmi_course_of(socket->connect)->running != 0);
}

apm_error apmi_handle_freshen(apm_socket *socket)
{
    uint32_t phase = APMI_SPENT;
    apm_error error;

    if (socket->connect != NULL && apmi_socket_is_stream(socket)) return apmi_course_freshen(socket->connect);
    if (apmi_socket_phase(socket) != APMI_SPENT) return APM_ERROR_SUCCESS;
    error = apmi_handle_renew(socket);
    if (error == APM_ERROR_SUCCESS) /* unless a connect has taken it to CONNECTING, which renews again */
        (void)atomic_compare_exchange_strong_explicit(&socket->phase, &phase, APMI_FRESH,
                                                      memory_order_acq_rel, memory_order_relaxed);
    return error;
}

apm_error apmi_handle_name(apm_socket *socket, apmk_socket kernel, bool *named)
{
    apm_endpoint any = apmi_endpoint_wildcard(socket->family);
    apm_error error;

    if (*named) return APM_ERROR_SUCCESS;
    if (socket->local.length != 0) { /* somebody has tried meanwhile to bind it to another one, in vain */
        error = apmi_error_from_native(apmk_socket_bind(kernel, socket->local.bytes, socket->local.length));
    } else {
        /* Never SO_REUSEADDR, which lets others steal the port. */
        if (apmi_settings_reuse_port(socket)) apmk_socket_reuse_unicast_port(kernel);
        error = apmi_error_from_native(apmk_socket_bind(kernel, any.address, any.length));
    }
    *named = error == APM_ERROR_SUCCESS;
    return error;
}

void apmi_handle_close(apm_socket *socket, apmk_socket kernel)
{
    if (!apmi_poll_orphan(socket, kernel)) apmk_socket_close(kernel);
}

void apmi_handle_drop(apm_socket *socket, apmk_socket kernel)
{
    apmk_socket_set_abortive(kernel, false);
    apmi_handle_close(socket, kernel);
}
