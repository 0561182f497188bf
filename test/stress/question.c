/* SPDX-License-Identifier: MIT */
/* Questions to a socket and to a result, and what can be told to a socket: at any time, by anybody. */
#include "../support/kernel_socket.h"
#include "program.h"

/* What a host writes to a connection; or all datagrams that anybody sends, for Windows counts all that are there. */
static size_t most_unread(const place *at)
{
    return at->datagram ? (size_t)PLACES * CALLS * LARGEST : HOST_WRITES;
}

/* Whether this is a failure that can be; the place may be closed, and a hostile kernel has no room. */
static bool is_excused(const place *at, apm_error error)
{
    if (error == APM_ERROR_OBJECT_DISPOSED)
        return atomic_load_explicit(&at->closed, memory_order_relaxed) ||
               atomic_load_explicit(&at->in->cleaned_up, memory_order_relaxed);
    return at->in->hostile &&
           (error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE || error == APM_ERROR_OUT_OF_MEMORY);
}

/* ---- hops: an option with a memory -------------------------------------------------------------- */

static void note_hops(place *at, uint32_t hops)
{
    atomic_fetch_or_explicit(&at->hops[hops / 32], 1u << hops % 32, memory_order_relaxed);
}

void place_know_hops(place *at)
{
    if (apm_socket_get_option(at->socket, APM_SOCKET_OPTION_TTL, &at->first_hops) != APM_ERROR_SUCCESS)
        at->first_hops = -1;
}

static void set_hops(place *at, uint64_t *stream)
{
    uint32_t hops = draw(stream, 256);
    apm_error error;

    note_hops(at, hops); /* before: another one may see it at once */
    error = apm_socket_set_option(at->socket, APM_SOCKET_OPTION_TTL, (int32_t)hops);
    check_at(error == APM_ERROR_SUCCESS || is_excused(at, error), "set_option", at);
    if (error == APM_ERROR_SUCCESS) atomic_store_explicit(&at->is_hops_set, true, memory_order_relaxed);
}

/* What was set stays, whatever socket of the kernel's is below; unless that one could not be told. */
static bool is_hops(const place *at, uint32_t hops, bool was_set)
{
    bool may_forget = !was_set || at->in->profile.faults[SIM_SET_OPTION].rate != 0;

    if ((atomic_load_explicit(&at->hops[hops / 32], memory_order_relaxed) & 1u << hops % 32) != 0)
        return true;
    return at->first_hops < 0 || (may_forget && hops == (uint32_t)at->first_hops);
}

static void get_hops(const place *at)
{
    bool was_set = atomic_load_explicit(&at->is_hops_set, memory_order_relaxed);
    int32_t hops = -7;
    apm_error error = apm_socket_get_option(at->socket, APM_SOCKET_OPTION_TTL, &hops);

    if (error != APM_ERROR_SUCCESS) {
        check_at(is_excused(at, error), "get_option", at);
        check_at(hops == -7, "get_option failed and wrote", at);
        return;
    }
    check_at(hops >= 0 && hops <= 255, "a TTL that is none", at);
    check_at(is_hops(at, (uint32_t)hops, was_set), "an option that nobody set", at);
}

/* ---- other options ----------------------------------------------------------------------------------- */

/* Those that change nothing that a run looks at. */
static const apm_socket_option harmless[] = {
    APM_SOCKET_OPTION_NO_DELAY,
    APM_SOCKET_OPTION_KEEP_ALIVE,
    APM_SOCKET_OPTION_KEEP_ALIVE_TIME,
    APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL,
    APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE,
    APM_SOCKET_OPTION_SEND_BUFFER_SIZE,
    APM_SOCKET_OPTION_BROADCAST,
    APM_SOCKET_OPTION_MULTICAST_LOOPBACK,
    APM_SOCKET_OPTION_UDP_CONNECTION_RESET,
    APM_SOCKET_OPTION_REUSE_UNICAST_PORT,
    APM_SOCKET_OPTION_TYPE_OF_SERVICE,
    APM_SOCKET_OPTION_DONT_FRAGMENT,
};

static bool is_not_for_it(apm_error error)
{
    return error == APM_ERROR_PROTOCOL_OPTION || error == APM_ERROR_NOT_SUPPORTED;
}

static void set_any(place *at, uint64_t *stream)
{
    apm_socket_option option = harmless[draw(stream, sizeof harmless / sizeof *harmless)];
    int32_t value = 1 + (int32_t)draw(stream, 2);
    apm_error error = apm_socket_set_option(at->socket, option, value);

    check_at(error == APM_ERROR_SUCCESS || is_not_for_it(error) || is_excused(at, error), "set_option", at);
}

static void get_any(place *at, uint64_t *stream)
{
    int32_t value = -7;
    /* One more than there are. */
    apm_socket_option option = (apm_socket_option)draw(stream, APM_SOCKET_OPTION_TYPE_OF_SERVICE + 2);
    apm_error error = apm_socket_get_option(at->socket, option, &value);

    check_at(error == APM_ERROR_SUCCESS || is_not_for_it(error) || is_excused(at, error), "get_option", at);
    check_at(error == APM_ERROR_SUCCESS || value == -7, "get_option failed and wrote", at);
}

static void use_raw(place *at, uint64_t *stream)
{
    int32_t level = at->datagram ? LEVEL_SOCKET : LEVEL_TCP,
            name = at->datagram ? SOCKET_BROADCAST : TCP_NO_DELAY;
    int32_t value = (int32_t)draw(stream, 2);
    size_t size = sizeof value;
    apm_error error = apm_socket_set_raw_option(at->socket, level, name, &value, size);

    check_at(error == APM_ERROR_SUCCESS || is_excused(at, error), "set_raw_option", at);
    value = 0;
    error = apm_socket_get_raw_option(at->socket, level, name, &value, &size);
    check_at(error == APM_ERROR_SUCCESS || is_excused(at, error), "get_raw_option", at);
    check_at(size <= sizeof value && (value & ~1) == 0, "a truth that is none", at);
}

/* ---- state --------------------------------------------------------------------------------------------- */

static void ask_available(place *at)
{
    size_t bytes = SIZE_MAX;
    apm_error error = apm_socket_available(at->socket, &bytes);

    if (error == APM_ERROR_SUCCESS) {
        check_at(bytes <= most_unread(at), "more can be received than was ever sent", at);
        return;
    }
    check_at(is_excused(at, error), "available", at);
    check_at(bytes == SIZE_MAX, "available failed and wrote", at);
}

static void ask_control(place *at)
{
    uint32_t bytes = UINT32_MAX, one = 1;
    size_t size = SIZE_MAX;
    apm_error error =
        apm_socket_io_control(at->socket, APMK_BYTES_TO_READ, NULL, 0, &bytes, sizeof bytes, &size);

    if (error == APM_ERROR_SUCCESS)
        check_at(size == sizeof bytes && bytes <= most_unread(at), "io_control", at);
    else
        check_at(is_excused(at, error) && size == SIZE_MAX, "io_control", at);
    error = apm_socket_io_control(at->socket, APMK_NON_BLOCKING, &one, sizeof one, NULL, 0, NULL);
    check_at(error == APM_ERROR_INVALID_OPERATION || is_excused(at, error), "io_control that blocks", at);
}

static void ask_poll(place *at, uint64_t *stream)
{
    int32_t time = (int32_t)draw(stream, 4) * 700, mode = (int32_t)draw(stream, 4);
    bool ready = false;
    apm_error error = apm_socket_poll(at->socket, time, mode, &ready);

    if (mode > APM_POLL_ERROR)
        check_at(error == APM_ERROR_INVALID_ARGUMENT || is_excused(at, error), "poll", at);
    else
        check_at(error == APM_ERROR_SUCCESS || is_excused(at, error), "poll", at);
    check_at(error == APM_ERROR_SUCCESS || !ready, "poll failed and wrote", at);
}

void place_ask(place *at, uint64_t *stream)
{
    switch (draw(stream, 8)) {
    case 0: set_hops(at, stream); break;
    case 1: get_hops(at); break;
    case 2: set_any(at, stream); break;
    case 3: get_any(at, stream); break;
    case 4: use_raw(at, stream); break;
    case 5: ask_available(at); break;
    case 6: ask_control(at); break;
    default: ask_poll(at, stream); break;
    }
}

/* ---- a result -------------------------------------------------------------------------------------------- */

void result_ask(call *made, apm_async_result *result, uint64_t *stream)
{
    char text[96];
    size_t room = draw(stream, sizeof text + 1), length, i = 0;
    bool was_completed = apm_async_result_is_completed(result);

    text[0] = 'x';
    length = apm_async_result_message(result, room != 0 ? text : NULL, room);
    check(apm_async_result_state(result) == made, "the state of another one", made);
    check(!was_completed || length != 0, "completed, and no message", made);
    if (room == 0) return;
    while (i < room && text[i] != '\0') i++;
    check(i < room && i <= length, "a message without an end", made);
}
