/* SPDX-License-Identifier: MIT */
/*
 * Polling. The kernel's wait blocks with the handle in its hands, and it must not be closed
 * then: its number could be somebody else's by the time the kernel looks. So whoever polls is
 * on a list, and a close that finds him there leaves the handle to him. He waits in slices,
 * and looks for a close after each. Meanwhile he is a use of the library, so that it does not
 * end before the handle is closed.
 *
 * The port of a bound socket goes on to its next handle, and is not free before the old one is
 * closed. So nobody waits with that one in his hands, nor with one that may be bound meanwhile: he
 * looks, under the gate, and waits without it.
 *
 * An io_control whose code waits is on the list, too, but cannot look for a close: whoever leaves the handle
 * to it cancels what is in the kernel with it. Of a bound socket it keeps the port until it returns.
 */
#include "poll.h"

#include "error.h"
#include "library.h"
#include "socket.h"

#define SLICE 50u      /* ms */
#define NAMED_SLICE 5u /* of a socket that has a port of its own, or may get one */

bool apmi_poll_orphan(apm_socket *socket, apmk_socket kernel)
{
    apmi_poller *at;
    bool found = false;

    apmk_lock_exclusive(&socket->side_lock);
    for (at = socket->pollers; at != NULL; at = at->next) {
        if (at->kernel != kernel) continue;
        atomic_store(&at->orphan, true); /* before the cancel: see apmk_socket_io_control_wait */
        found = true;
    }
    if (found) apmk_socket_cancel(kernel, NULL); /* while it is open: an io_control looks for no close */
    apmk_unlock_exclusive(&socket->side_lock);
    return found;
}

void apmi_poll_enter(apm_socket *socket, apmi_poller *poller)
{
    apmi_library_enter_use(socket->library); /* an open socket is one, too */
    poller->kernel = socket->handle;
    atomic_init(&poller->orphan, false);
    apmk_lock_exclusive(&socket->side_lock);
    poller->next = socket->pollers;
    socket->pollers = poller;
    apmk_unlock_exclusive(&socket->side_lock);
}

/* The last one closes what was left to the pollers. */
void apmi_poll_leave(apm_socket *socket, const apmi_poller *poller)
{
    apmi_poller **place = &socket->pollers, *at;
    bool last;

    apmk_lock_exclusive(&socket->side_lock);
    while (*place != poller) place = &(*place)->next;
    *place = poller->next;
    last = atomic_load_explicit(&poller->orphan, memory_order_relaxed);
    for (at = socket->pollers; at != NULL; at = at->next)
        if (at->kernel == poller->kernel) last = false;
    apmk_unlock_exclusive(&socket->side_lock);
    if (last) apmk_socket_close(poller->kernel);
    apmi_library_leave(socket->library, NULL);
}

/* Looks, or waits. A cancel of everything that a handle does, when a connection is taken apart or lost, ends the
 * kernel's wait, too, and before its time: then *again. */
static apm_error ask_kernel(apmk_socket kernel, int32_t mode, uint32_t timeout, bool *found, bool *again)
{
    apm_error error = apmi_error_from_native(apmk_socket_poll(kernel, mode, timeout, found));

    *again = error == APM_ERROR_INTERRUPTED || error == APM_ERROR_OPERATION_ABORTED;
    if (!*again) return error;
    *found = false;
    return APM_ERROR_SUCCESS;
}

/* Under the gate: the handle has a port of the caller's, or may have one by the time that it is replaced. */
static bool may_keep_port(apm_socket *socket)
{
    return socket->local.length != 0 || (apmi_socket_is_stream(socket) && !apmi_socket_is_named(socket));
}

/* One look at a handle. Waits, for `timeout` at most, but where that could keep a port from the next
 * handle; there *slice is how long to wait for the next look. */
static apm_error poll_once(apm_socket *socket, int32_t mode, uint32_t timeout, bool *found, uint32_t *slice,
                           bool *again)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    apmi_poller poller;
    bool waits = false;

    *slice = 0;
    *again = false;
    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        waits = !may_keep_port(socket);
        if (waits) {
            apmi_poll_enter(socket, &poller);
        } else {
            error = ask_kernel(socket->handle, mode, 0, found, again);
            *slice = timeout < NAMED_SLICE ? timeout : NAMED_SLICE;
        }
    }
    apmk_unlock_shared(&socket->gate);
    if (!waits) return error;

    error = ask_kernel(poller.kernel, mode, timeout, found, again);
    apmi_poll_leave(socket, &poller);
    return error;
}

/* Milliseconds, rounded up; a negative number has no end. */
static uint64_t poll_time(int32_t microseconds)
{
    return microseconds < 0 ? UINT64_MAX / 2 : ((uint64_t)(uint32_t)microseconds + 999) / 1000;
}

apm_error APM_CALL apm_socket_poll(apm_socket *socket, int32_t microseconds, int32_t mode, bool *ready)
{
    uint64_t deadline;
    bool found = false, again, over;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (ready == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (mode < APM_POLL_READ || mode > APM_POLL_ERROR) return APM_ERROR_INVALID_ARGUMENT;

    apmi_socket_hold(socket); /* a close, which takes the creator's reference back, ends this */
    deadline = apmk_now() + poll_time(microseconds);
    do {
        uint64_t now = apmk_now(), left = deadline > now ? deadline - now : 0;
        uint32_t phase = apmi_socket_phase(socket), slice;

        (void)apmi_pool_recruit(&socket->library->pool); /* what is waited for may be a callback's doing */
        over = left <= SLICE;
        error = poll_once(socket, mode, over ? (uint32_t)left : SLICE, &found, &slice, &again);
        if (error == APM_ERROR_SUCCESS && !found && slice != 0) {
            (void)apmk_wait_address(&socket->phase, phase, slice);
            over = false; /* one more look, at least at the end of the time */
        }
        if (again && left != 0) over = false;
    } while (error == APM_ERROR_SUCCESS && !found && !over && !apmi_socket_disposed(socket));
    if (apmi_socket_disposed(socket))
        error = APM_ERROR_OBJECT_DISPOSED;
    else if (error == APM_ERROR_SUCCESS)
        *ready = found;
    apmi_socket_drop(socket);
    return error;
}
