/* SPDX-License-Identifier: MIT */
#include "end.h"

#include "lane.h"
#include "library.h"
#include "pool.h"
#include "ready.h"

void apmi_end_set(apm_socket *socket, uint32_t end)
{
    uint32_t before = apmi_end_now(socket);

    atomic_store_explicit(&socket->end, end, memory_order_relaxed);
    if (before & APMI_END_WAITS) apmk_wake_address(&socket->end);
}

/* Who asked for it has been told that it works: where it does not, the connection is lost, and its operations say
 * so. */
void apmi_end_say(apm_socket *socket)
{
    uint32_t end = apmi_end_now(socket);

    if (!(end & APMI_END_WAITS)) return;
    (void)apmk_socket_shutdown(socket->handle, APM_SHUTDOWN_SEND);
    apmi_end_set(socket, APMI_END_SAID | (end & APMI_END_CUT));
}

apmk_code apmi_end_shutdown(apm_socket *socket, int32_t how)
{
    bool waits = !(apmi_end_now(socket) & APMI_END_SAID) && apmi_lane_has_outward(socket);
    apmk_code code = APMK_SUCCESS;

    if (how == APM_SHUTDOWN_RECEIVE || !waits)
        code = apmk_socket_shutdown(socket->handle, how);
    else if (how == APM_SHUTDOWN_BOTH)
        code = apmk_socket_shutdown(socket->handle, APM_SHUTDOWN_RECEIVE);
    if (how != APM_SHUTDOWN_RECEIVE && code == APMK_SUCCESS)
        apmi_end_set(socket, waits ? APMI_END_WAITS : APMI_END_SAID);
    return code;
}

/* Under the exclusive gate: whether there is something to wait for before our stream is at its end. */
static bool comes_later(apm_socket *socket, bool in_callback)
{
    if (apmi_socket_closed(socket) || apmi_socket_phase(socket) != APMI_CONNECTED) return false;
    if (!apmi_lane_has_outward(socket) && (in_callback || !apmi_lane_hold_outward(socket))) return false;
    apmi_end_set(socket, APMI_END_WAITS | (apmi_end_now(socket) & APMI_END_CUT));
    return true;
}

static void wait_for_it(apm_socket *socket, uint32_t end, uint32_t timeout)
{
    apmi_library *library = socket->library;
    uint32_t pause = apmi_pool_recruit(&library->pool);

    if (library->options.no_workers)
        apmi_ready_help_for(&socket->end, end, timeout);
    else
        (void)apmk_wait_address(&socket->end, end, timeout < pause ? timeout : pause);
}

bool apmi_end_drain(apm_socket *socket, uint32_t timeout)
{
    bool in_callback = apmk_local_get(APMK_LOCAL_DEPTH) != 0, waits;
    uint64_t start = apmk_now(), past = 0;
    uint32_t end;

    apmk_lock_exclusive(&socket->gate);
    apmi_end_set(socket,
                 apmi_end_now(socket) & ~(uint32_t)APMI_END_CUT); /* what failed before this is known */
    apmk_unlock_exclusive(&socket->gate);
    do {
        apmk_lock_exclusive(&socket->gate);
        waits = comes_later(socket, in_callback);
        end = apmi_end_now(socket);
        apmk_unlock_exclusive(&socket->gate);
        if (waits) wait_for_it(socket, end, timeout - (uint32_t)past);
        past = apmk_now() - start;
    } while (waits && past < timeout);
    return !waits && !(end & APMI_END_CUT);
}
