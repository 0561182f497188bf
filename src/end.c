/* SPDX-License-Identifier: MIT */
#include "end.h"

#include "lane.h"
#include "library.h"
#include "pool.h"
#include "ready.h"

/* Waits are not longer, where what ends them may not wake us; ms. */
#define SLICE 50u

void apmi_end_set(apm_socket *socket, uint32_t end)
{
    uint32_t before = apmi_end_now(socket);

    atomic_store_explicit(&socket->end, end, memory_order_relaxed);
    if (before & APMI_END_WAITS) apmk_wake_address(&socket->end);
}

static bool has_both(const apm_socket *socket, uint32_t one, uint32_t other)
{
    return (apmi_end_now(socket) & (one | other)) == (one | other);
}

bool apmi_end_is_reset(const apm_socket *socket)
{
    return has_both(socket, APMI_END_CUT, APMI_END_CLOSES);
}

bool apmi_end_keeps_lane(apm_socket *socket, bool in_kernel)
{
    uint32_t end = apmi_end_now(socket);

    if (!(end & APMI_END_WAITS)) return (end & APMI_END_CLOSES) != 0;
    if (in_kernel)
        apmi_end_set(socket, end | APMI_END_ISSUED); /* who closes in a callback does not wait for that */
    return in_kernel;
}

/* What is beside the state stays when that changes. */
static void set_state(apm_socket *socket, uint32_t state)
{
    apmi_end_set(socket, state | (apmi_end_now(socket) & (APMI_END_CUT | APMI_END_CLOSES)));
}

/* A close by a time has been asked for: what has failed before is known, what fails from here on resets the
 * connection. */
static void begin_to_close(apm_socket *socket)
{
    if (!(apmi_end_now(socket) & APMI_END_CLOSES))
        apmi_end_set(socket, (apmi_end_now(socket) & ~(uint32_t)APMI_END_CUT) | APMI_END_CLOSES);
}

void apmi_end_miss(const apmi_operation *operation)
{
    apm_socket *socket = operation->socket;

    if (operation->connection != socket->connection) return;
    /* It may have been asked for, and not have come to the gate. */
    if (atomic_load_explicit(&socket->gone, memory_order_acquire) & APMI_DRAINS) begin_to_close(socket);
    if (apmi_end_now(socket) & (APMI_END_WAITS | APMI_END_CLOSES))
        apmi_end_set(socket, apmi_end_now(socket) | APMI_END_CUT);
}

/* Who asked for it has been told that it works: where it does not, the connection is lost, and its operations say
 * so. */
void apmi_end_say(apm_socket *socket)
{
    if (!(apmi_end_now(socket) & APMI_END_WAITS)) return;
    if (!apmi_end_is_reset(socket)) (void)apmk_socket_shutdown(socket->handle, APM_SHUTDOWN_SEND);
    set_state(socket, APMI_END_SAID);
}

apmk_code apmi_end_shutdown(apm_socket *socket, int32_t how)
{
    uint32_t end = apmi_end_now(socket);
    bool waits = (end & APMI_END_WAITS) || (!(end & APMI_END_SAID) && apmi_lane_has_outward(socket));
    apmk_code code = APMK_SUCCESS;

    if (how == APM_SHUTDOWN_RECEIVE || !(waits || apmi_end_is_reset(socket)))
        code = apmk_socket_shutdown(socket->handle, how);
    else if (how == APM_SHUTDOWN_BOTH)
        code = apmk_socket_shutdown(socket->handle, APM_SHUTDOWN_RECEIVE);
    if (how != APM_SHUTDOWN_RECEIVE && code == APMK_SUCCESS)
        set_state(socket, waits ? APMI_END_WAITS : APMI_END_SAID);
    return code;
}

void apmi_end_forget(apm_socket *socket)
{
    apmi_end_set(socket, apmi_end_now(socket) & APMI_END_CLOSES);
}

bool apmi_end_cut_off(apm_socket *socket)
{
    if (has_both(socket, APMI_END_WAITS, APMI_END_CLOSES))
        apmi_end_set(socket, APMI_END_SAID | APMI_END_CUT | APMI_END_CLOSES);
    return apmi_end_is_reset(socket);
}

bool apmi_end_relies_on_kernel(const apm_socket *socket)
{
    return has_both(socket, APMI_END_SAID, APMI_END_CLOSES);
}

bool apmi_end_has_connection(apmi_phase phase)
{
    return phase == APMI_CONNECTED || phase == APMI_LEAVING;
}

/* Under the exclusive gate: whether there is something to wait for before our stream is at its end. If not, the close
 * that follows says it, and nothing gets to the kernel until then. */
static bool comes_later(apm_socket *socket)
{
    apmi_library *library = socket->library;
    bool on_its_own, in_kernel, waits;
    uint32_t cut = 0;

    if (apmi_socket_closed(socket) || !apmi_end_has_connection(apmi_socket_phase(socket))) return false;
    /* The library has not ended: it closes all sockets first. */
    on_its_own = apmk_local_get(APMK_LOCAL_DEPTH) != 0 && !library->options.no_workers &&
                 !apmi_pool_has_another(&library->pool);
    in_kernel = apmi_lane_hold_outward(socket);
    waits = on_its_own ? apmi_lane_has_to_send(socket) : in_kernel || apmi_lane_has_outward(socket);
    /* What nobody will look at may have been aborted. */
    if (on_its_own && in_kernel && atomic_load_explicit(&socket->doubtful, memory_order_relaxed) != 0)
        cut = APMI_END_CUT;
    set_state(socket, (waits ? APMI_END_WAITS : APMI_END_SAID) | cut);
    return waits;
}

static void wait_for_it(apm_socket *socket, uint32_t end, uint32_t timeout)
{
    apmi_library *library = socket->library;
    uint32_t pause = apmi_pool_recruit(&library->pool);

    if (apmk_local_get(APMK_LOCAL_DEPTH) != 0 && pause > SLICE)
        pause = SLICE; /* it may be on its own by then */
    if (library->options.no_workers)
        apmi_ready_help_for(library, &socket->end, end, timeout);
    else
        (void)apmk_wait_address(&socket->end, end, timeout < pause ? timeout : pause);
}

/* False if not all of it went, or not in time. In a callback, and while no other worker is there, it does not wait for
 * what the kernel has, nor for a disconnect, whose packets may be for this thread. */
static bool drain(apm_socket *socket, uint32_t timeout, uint64_t start)
{
    uint64_t past = 0;
    uint32_t end;
    bool waits;

    do {
        apmk_lock_exclusive(&socket->gate);
        begin_to_close(socket);
        waits = comes_later(socket);
        end = apmi_end_now(socket);
        apmk_unlock_exclusive(&socket->gate);
        if (waits && !(end & APMI_END_CUT)) wait_for_it(socket, end, timeout - (uint32_t)past);
        past = apmk_now() - start;
    } while (waits && !(end & APMI_END_CUT) && past < timeout);
    return !waits && !(end & APMI_END_CUT);
}

int32_t apmi_end_await(apm_socket *socket, int32_t timeout)
{
    uint64_t start = apmk_now(), past;

    if (!drain(socket, (uint32_t)timeout, start)) return 0;
    past = apmk_now() - start;
    return past < (uint64_t)timeout ? timeout - (int32_t)past : 1;
}

/* Whether the peer ends its stream in time. The end of the library does not wait for that. */
static bool wait_for_peer(apm_socket *socket, apmk_socket handle, uint32_t timeout)
{
    uint64_t start = apmk_now(), past = 0;
    apmk_code code;
    bool ready = false;

    do {
        uint32_t left = timeout - (uint32_t)past + 1; /* the clock's milliseconds are whole ones */

        code = apmk_socket_poll(handle, APM_POLL_READ, left < SLICE ? left : SLICE, &ready);
        past = apmk_now() - start;
    } while (code == APMK_SUCCESS && !ready && past <= timeout && !apmi_library_closes(socket->library));
    return ready && apmk_socket_has_ended(handle);
}

void apmi_end_force(apm_socket *socket, apmk_socket handle, bool is_connected, int32_t timeout)
{
    bool ended = timeout != 0;

    if (ended && is_connected) {
        (void)apmk_socket_shutdown(handle, APM_SHUTDOWN_SEND);
        ended = wait_for_peer(socket, handle, (uint32_t)timeout);
    }
    if (!ended) apmk_socket_set_abortive(handle, true);
}
