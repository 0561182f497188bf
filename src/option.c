/* SPDX-License-Identifier: MIT */
/*
 * Options by their public names: one table says what each is to the kernel, or that it is
 * ours. Numbers are Winsock's. What an option cannot be set on is decided here, as kernels do
 * not agree about it.
 */
#include <apmsock/error.h>
#include <apmsock/socket_option.h>
#include <string.h>

#include "error.h"
#include "settings.h"
#include "socket.h"

enum { LEVEL_SOCKET = 0xFFFF, LEVEL_IPV4 = 0, LEVEL_IPV6 = 41, LEVEL_TCP = 6, NONE = -1 };
enum { LINGER_NAME = 0x80, OPTION_UNKNOWN = 10042 };

typedef enum form {
    FLAG,        /* the kernel's, 0 or 1 */
    OPPOSITE,    /* the kernel's, 1 or 0 */
    NUMBER,      /* the kernel's, as it is */
    SECONDS,     /* NUMBER, and one of the keep-alive times */
    LINGER_ON,   /* the two halves of SO_LINGER */
    LINGER_TIME, /* ... */
    TIMEOUT,     /* ours; ms, -1 is 0 */
    CHOICE,      /* ours */
    PORT_SHARED, /* ours: a flag that is kept the other way round */
    RESETS       /* an order to the kernel, kept the other way round */
} form;

enum {
    STREAMS = 1,
    DATAGRAMS = 2,
    UNBOUND = 4 /* may be set until the socket is bound */
};

typedef struct option_row {
    form form;
    unsigned flags;          /* STREAMS or DATAGRAMS: of these only */
    int32_t level, name;     /* on IPv4 and other families; name NONE: not there */
    int32_t level_6, name_6; /* on IPv6 */
    int32_t least, most;     /* values */
} option_row;

#define EVERY_FLAG INT32_MIN, INT32_MAX
#define SAME(level, name) (level), (name), (level), (name)
#define OURS 0, NONE, 0, NONE

static const option_row options[] = {
    [APM_SOCKET_OPTION_NO_DELAY] = {FLAG, STREAMS, SAME(LEVEL_TCP, 1), EVERY_FLAG},
    [APM_SOCKET_OPTION_KEEP_ALIVE] = {FLAG, STREAMS, SAME(LEVEL_SOCKET, 8), EVERY_FLAG},
    [APM_SOCKET_OPTION_KEEP_ALIVE_TIME] = {SECONDS, STREAMS, SAME(LEVEL_TCP, 3), 1, INT32_MAX},
    [APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL] = {SECONDS, STREAMS, SAME(LEVEL_TCP, 17), 1, INT32_MAX},
    [APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT] = {NUMBER, STREAMS, SAME(LEVEL_TCP, 16), 1, INT32_MAX},
    [APM_SOCKET_OPTION_LINGER] = {LINGER_ON, STREAMS, SAME(LEVEL_SOCKET, LINGER_NAME), EVERY_FLAG},
    [APM_SOCKET_OPTION_LINGER_TIME] = {LINGER_TIME, STREAMS, SAME(LEVEL_SOCKET, LINGER_NAME), 0, 65535},
    [APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE] = {NUMBER, 0, SAME(LEVEL_SOCKET, 0x1002), 0, INT32_MAX},
    [APM_SOCKET_OPTION_SEND_BUFFER_SIZE] = {NUMBER, 0, SAME(LEVEL_SOCKET, 0x1001), 0, INT32_MAX},
    [APM_SOCKET_OPTION_RECEIVE_TIMEOUT] = {TIMEOUT, 0, OURS, -1, INT32_MAX},
    [APM_SOCKET_OPTION_SEND_TIMEOUT] = {TIMEOUT, 0, OURS, -1, INT32_MAX},
    [APM_SOCKET_OPTION_TTL] = {NUMBER, 0, LEVEL_IPV4, 4, LEVEL_IPV6, 4, 0, 255},
    [APM_SOCKET_OPTION_DUAL_MODE] = {OPPOSITE, UNBOUND, 0, NONE, LEVEL_IPV6, 27, EVERY_FLAG},
    [APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE] = {FLAG, UNBOUND, SAME(LEVEL_SOCKET, ~4), EVERY_FLAG},
    [APM_SOCKET_OPTION_BROADCAST] = {FLAG, DATAGRAMS, SAME(LEVEL_SOCKET, 0x20), EVERY_FLAG},
    [APM_SOCKET_OPTION_DONT_FRAGMENT] = {FLAG, 0, LEVEL_IPV4, 14, 0, NONE, EVERY_FLAG},
    [APM_SOCKET_OPTION_MULTICAST_LOOPBACK] = {FLAG, DATAGRAMS, LEVEL_IPV4, 11, LEVEL_IPV6, 11, EVERY_FLAG},
    [APM_SOCKET_OPTION_CONNECT_TIMEOUT] = {TIMEOUT, 0, OURS, -1, INT32_MAX},
    [APM_SOCKET_OPTION_CONNECT_ALGORITHM] = {CHOICE, 0, OURS, APM_CONNECT_SEQUENTIAL, APM_CONNECT_PARALLEL},
    [APM_SOCKET_OPTION_UDP_CONNECTION_RESET] = {RESETS, DATAGRAMS, OURS, EVERY_FLAG},
    [APM_SOCKET_OPTION_REUSE_UNICAST_PORT] = {PORT_SHARED, 0, OURS, EVERY_FLAG},
    [APM_SOCKET_OPTION_TYPE_OF_SERVICE] = {NUMBER, 0, LEVEL_IPV4, 3, 0, NONE, 0, 255}};

/* The row, and whether the socket can have it. */
static apm_error find_option(const apm_socket *socket, apm_socket_option option, const option_row **row,
                             int32_t *level, int32_t *name)
{
    bool is_ipv6 = socket->family == APM_FAMILY_IPV6, is_kernels;
    const option_row *found;

    if ((uint32_t)option >= sizeof options / sizeof options[0]) return APM_ERROR_PROTOCOL_OPTION;
    found = &options[option];
    is_kernels = found->name != NONE || found->name_6 != NONE;
    *level = is_ipv6 ? found->level_6 : found->level;
    *name = is_ipv6 ? found->name_6 : found->name;
    if (is_kernels && *name == NONE) return APM_ERROR_NOT_SUPPORTED;
    if ((found->flags & STREAMS) && !apmi_socket_is_stream(socket)) return APM_ERROR_PROTOCOL_OPTION;
    if ((found->flags & DATAGRAMS) && apmi_socket_is_stream(socket)) return APM_ERROR_PROTOCOL_OPTION;
    *row = found;
    return APM_ERROR_SUCCESS;
}

/* Where one of ours is kept. */
static _Atomic int32_t *find_own(apm_socket *socket, apm_socket_option option)
{
    apmi_settings *settings = &socket->settings;

    if (option == APM_SOCKET_OPTION_RECEIVE_TIMEOUT) return &settings->receive_timeout;
    if (option == APM_SOCKET_OPTION_SEND_TIMEOUT) return &settings->send_timeout;
    return option == APM_SOCKET_OPTION_CONNECT_TIMEOUT ? &settings->connect_timeout
                                                       : &settings->connect_algorithm;
}

/* ---- those with a way of their own -------------------------------------------------------- */

/* SO_LINGER: whether, and how many seconds. Under the gate. */
static apm_error read_linger(apm_socket *socket, uint16_t *linger)
{
    int32_t size = 2 * (int32_t)sizeof *linger;

    memcpy(linger, socket->settings.lingers, sizeof socket->settings.lingers);
    if (socket->settings.lingers_known) return APM_ERROR_SUCCESS;
    return apmi_error_from_native(
        apmk_socket_get_option(socket->handle, LEVEL_SOCKET, LINGER_NAME, linger, &size));
}

static apm_error set_linger(apm_socket *socket, form half, int32_t value)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    uint16_t linger[2];

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        error = read_linger(socket, linger);
        linger[half == LINGER_ON ? 0 : 1] = (uint16_t)(half == LINGER_ON ? value != 0 : value);
        if (error == APM_ERROR_SUCCESS)
            error =
                apmi_settings_set_locked(socket, LEVEL_SOCKET, LINGER_NAME, linger, (int32_t)sizeof linger);
    }
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

static apm_error get_linger(apm_socket *socket, form half, int32_t *value)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    uint16_t linger[2];

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        error = read_linger(socket, linger);
        *value = half == LINGER_ON ? linger[0] != 0 : linger[1];
    }
    apmk_unlock_shared(&socket->gate);
    return error;
}

static uint32_t *find_seconds(apm_socket *socket, apm_socket_option option)
{
    return option == APM_SOCKET_OPTION_KEEP_ALIVE_TIME ? &socket->settings.keep_alive_time
                                                       : &socket->settings.keep_alive_interval;
}

/* Older systems have no options for these, but an order for both of them. */
static apm_error set_seconds(apm_socket *socket, apm_socket_option option, int32_t level, int32_t name,
                             int32_t value)
{
    apm_error error = apmi_settings_set(socket, level, name, &value, (int32_t)sizeof value);

    if (error != (apm_error)OPTION_UNKNOWN) return error;
    error = APM_ERROR_OBJECT_DISPOSED;
    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        uint32_t *seconds = find_seconds(socket, option), before = *seconds;

        socket->settings.by_values = true;
        *seconds = (uint32_t)value;
        error = apmi_settings_apply_values(socket, socket->handle);
        if (error != APM_ERROR_SUCCESS)
            *seconds = before;
        else
            socket->settings.state++;
    }
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

/* Of a socket that is not bound; the handle that a failed connect has used up may be. */
static apm_error set_unbound(apm_socket *socket, int32_t level, int32_t name, int32_t value)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        error = apmi_handle_is_fixed(socket) ? APM_ERROR_INVALID_OPERATION : apmi_handle_freshen(socket);
        if (error == APM_ERROR_SUCCESS)
            error = apmi_settings_set_locked(socket, level, name, &value, (int32_t)sizeof value);
    }
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

static apm_error set_resets(apm_socket *socket, bool on)
{
    uint32_t value = on, unused = 0;
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket))
        error = apmi_error_from_native(apmk_socket_io_control(socket->handle, APMK_UDP_CONNECTION_RESET,
                                                              &value, sizeof value, NULL, 0, &unused));
    if (error == APM_ERROR_SUCCESS)
        atomic_store_explicit(&socket->settings.resets_ignored, !on, memory_order_relaxed);
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

/* ---- set and get ---------------------------------------------------------------------------- */

static apm_error check_value(const option_row *row, int32_t value)
{
    if (value < row->least || value > row->most)
        return row->form == LINGER_TIME ? APM_ERROR_ARGUMENT : APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    return APM_ERROR_SUCCESS;
}

apm_error APM_CALL apm_socket_set_option(apm_socket *socket, apm_socket_option option, int32_t value)
{
    const option_row *row;
    int32_t level, name;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    error = find_option(socket, option, &row, &level, &name);
    if (error == APM_ERROR_SUCCESS) error = check_value(row, value);
    if (error != APM_ERROR_SUCCESS) return error;

    switch (row->form) {
    case FLAG: value = value != 0; break;
    case OPPOSITE: value = value == 0; break;
    case NUMBER: break;
    case SECONDS: return set_seconds(socket, option, level, name, value);
    case LINGER_ON:
    case LINGER_TIME: return set_linger(socket, row->form, value);
    case TIMEOUT:
    case CHOICE:
        atomic_store_explicit(find_own(socket, option), value > 0 ? value : 0, memory_order_relaxed);
        return APM_ERROR_SUCCESS;
    case PORT_SHARED:
        atomic_store_explicit(&socket->settings.port_not_shared, value == 0, memory_order_relaxed);
        return APM_ERROR_SUCCESS;
    case RESETS: return set_resets(socket, value != 0);
    }
    if (row->flags & UNBOUND) return set_unbound(socket, level, name, value);
    return apmi_settings_set(socket, level, name, &value, (int32_t)sizeof value);
}

/* The kernel's value. Zero beforehand: some systems write a single byte of a boolean. */
static apm_error get_number(apm_socket *socket, apm_socket_option option, const option_row *row,
                            int32_t level, int32_t name, int32_t *value)
{
    int32_t size = (int32_t)sizeof *value, found = 0;
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket)) {
        error = apmi_error_from_native(apmk_socket_get_option(socket->handle, level, name, &found, &size));
        if (error == (apm_error)OPTION_UNKNOWN && row->form == SECONDS) {
            uint32_t seconds = *find_seconds(socket, option);
            found = (int32_t)(seconds != 0                                  ? seconds
                              : option == APM_SOCKET_OPTION_KEEP_ALIVE_TIME ? 7200u
                                                                            : 1u);
            error = APM_ERROR_SUCCESS;
        }
    }
    apmk_unlock_shared(&socket->gate);
    if (error == APM_ERROR_SUCCESS) *value = found;
    return error;
}

apm_error APM_CALL apm_socket_get_option(apm_socket *socket, apm_socket_option option, int32_t *value)
{
    const option_row *row;
    int32_t level, name, found = 0;
    apm_error error;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (value == NULL) return APM_ERROR_ARGUMENT_NULL;
    error = find_option(socket, option, &row, &level, &name);
    if (error != APM_ERROR_SUCCESS) return error;

    switch (row->form) {
    case FLAG:
    case OPPOSITE:
    case NUMBER:
    case SECONDS:
        error = get_number(socket, option, row, level, name, &found);
        if (row->form == FLAG) found = found != 0;
        if (row->form == OPPOSITE) found = found == 0;
        break;
    case LINGER_ON:
    case LINGER_TIME: error = get_linger(socket, row->form, &found); break;
    case TIMEOUT:
    case CHOICE: found = atomic_load_explicit(find_own(socket, option), memory_order_relaxed); break;
    case PORT_SHARED: found = apmi_settings_reuse_port(socket); break;
    case RESETS: found = !atomic_load_explicit(&socket->settings.resets_ignored, memory_order_relaxed); break;
    }
    if (error == APM_ERROR_SUCCESS) *value = found;
    return error;
}

/* ---- as they are ------------------------------------------------------------------------------ */

apm_error APM_CALL apm_socket_set_raw_option(apm_socket *socket, int32_t level, int32_t name,
                                             const void *value, size_t size)
{
    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (value == NULL) return APM_ERROR_FAULT;
    if (size > INT32_MAX) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    return apmi_settings_set(socket, level, name, value, (int32_t)size);
}

apm_error APM_CALL apm_socket_get_raw_option(apm_socket *socket, int32_t level, int32_t name, void *value,
                                             size_t *size)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;
    unsigned char found[256]; /* nearly all options are smaller; a failure leaves `value` as it is */
    const size_t head = sizeof(int32_t);
    void *place = found;
    int32_t room;

    if (socket == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (apmi_socket_disposed(socket)) return APM_ERROR_OBJECT_DISPOSED;
    if (size == NULL) return APM_ERROR_ARGUMENT_NULL;
    if (value == NULL) return APM_ERROR_FAULT;
    if (*size > INT32_MAX) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;

    room = (int32_t)*size;
    if (*size > sizeof found) {
        place = value;
        memcpy(found, value, head);
    }
    memset(place, 0, place == value ? head : *size); /* some systems write a single byte of a boolean */
    apmk_lock_shared(&socket->gate);
    if (!apmi_socket_disposed(socket))
        error = apmi_error_from_native(apmk_socket_get_option(socket->handle, level, name, place, &room));
    apmk_unlock_shared(&socket->gate);
    if (error != APM_ERROR_SUCCESS) {
        if (place == value) memcpy(value, found, head);
        return error;
    }
    if (place == found) memcpy(value, found, (size_t)room);
    *size = (size_t)room;
    return APM_ERROR_SUCCESS;
}
