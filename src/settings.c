/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <string.h>

#include "error.h"
#include "library.h"
#include "socket.h"

struct apmi_setting {
    struct apmi_setting *next;
    int32_t level, name, size;
    uint32_t state;        /* of the settings, since it was set */
    unsigned char value[]; /* no more than it needs: a connection has one or two for as long as it lives */
};

enum { LEVEL_IPV4 = 0, LEVEL_TCP = 6, NAME_NO_DELAY = 1 };
enum { LEVEL_SOCKET = 0xFFFF, NAME_KEEP_ALIVE = 8, NAME_LINGER = 0x80, NAME_DONT_LINGER = ~NAME_LINGER };

/* What Windows uses when it was not told otherwise; seconds. */
enum { DEFAULT_TIME = 7200, DEFAULT_INTERVAL = 1 };

/* Where the option is kept, or is to be: at the end of the list. */
static struct apmi_setting **find_setting(apm_socket *socket, int32_t level, int32_t name)
{
    struct apmi_setting **place = &socket->settings.first;

    while (*place != NULL && ((*place)->level != level || (*place)->name != name)) place = &(*place)->next;
    return place;
}

/* Where there is none, or one too small: memory for one, or NULL. */
static struct apmi_setting *new_setting(apm_socket *socket, int32_t level, int32_t name, int32_t size)
{
    struct apmi_setting *setting =
        (struct apmi_setting *)apmi_library_allocate(socket->library, sizeof *setting + (size_t)size);

    if (setting == NULL) return NULL;
    setting->level = level;
    setting->name = name;
    return setting;
}

/* Two names of one setting of the kernel's: the last one counts. */
static void forget_other_name(apm_socket *socket, int32_t level, int32_t name)
{
    if (level == LEVEL_SOCKET && (name == NAME_LINGER || name == NAME_DONT_LINGER)) {
        struct apmi_setting **place = find_setting(socket, level, ~name), *other = *place;

        if (other == NULL) return;
        *place = other->next;
        apmi_library_release_block(socket->library, other);
    }
}

static bool is_no_delay(int32_t level, int32_t name)
{
    return level == LEVEL_TCP && name == NAME_NO_DELAY;
}

static apm_error tell_no_delay(apmk_socket kernel, int32_t value)
{
    return apmi_error_from_native(
        apmk_socket_set_option(kernel, LEVEL_TCP, NAME_NO_DELAY, &value, (int32_t)sizeof value));
}

static apm_error set_no_delay(apm_socket *socket, int32_t value)
{
    apm_error error = tell_no_delay(socket->handle, value);

    if (error != APM_ERROR_SUCCESS) return error;
    socket->settings.no_delay = value != 0 ? APMI_SET_ON : APMI_SET_OFF;
    socket->settings.state++;
    return APM_ERROR_SUCCESS;
}

/* The memory first: what the kernel has been told has to be kept. */
static apm_error set_and_keep(apm_socket *socket, int32_t level, int32_t name, const void *value,
                              int32_t size)
{
    struct apmi_setting **place = find_setting(socket, level, name), *kept = *place, *setting = kept;
    bool is_dual_mode = level == APMI_LEVEL_IPV6 && name == APMI_NAME_V6ONLY, keeps;
    apm_error error;

    /* A fresh handle has to have this one; what may be behind it the kernel does not look at. */
    if (is_dual_mode && size > (int32_t)sizeof(int32_t)) size = (int32_t)sizeof(int32_t);
    keeps = size <= APMI_SETTING_ROOM;
    if (keeps && (kept == NULL || kept->size < size)) {
        setting = new_setting(socket, level, name, size);
        if (setting == NULL) return APM_ERROR_OUT_OF_MEMORY;
    }
    error = apmi_error_from_native(apmk_socket_set_option(socket->handle, level, name, value, size));
    if (error != APM_ERROR_SUCCESS) {
        if (setting != kept) apmi_library_release_block(socket->library, setting);
        return error;
    }
    if (keeps) {
        if (setting != kept) setting->next = kept != NULL ? kept->next : NULL;
        *place = setting;
        if (kept != NULL && setting != kept) apmi_library_release_block(socket->library, kept);
        setting->size = size;
        memcpy(setting->value, value, (size_t)size);
        setting->state = ++socket->settings.state;
        forget_other_name(socket, level, name);
    } else if (kept != NULL) { /* what it was set to before is no more than a part of the truth */
        *place = kept->next;
        apmi_library_release_block(socket->library, kept);
    }
    if (is_dual_mode && size != 0)
        atomic_store_explicit(&socket->dual, *(const unsigned char *)value == 0, memory_order_relaxed);
    if (level == LEVEL_SOCKET && name == NAME_LINGER) {
        /* Four bytes count, also of more. What is not kept a fresh handle does not have. */
        socket->settings.lingers_known = keeps && size >= (int32_t)sizeof socket->settings.lingers;
        if (socket->settings.lingers_known)
            memcpy(socket->settings.lingers, value, sizeof socket->settings.lingers);
    }
    if (level == LEVEL_SOCKET && name == NAME_DONT_LINGER) socket->settings.lingers_known = false;
    if (level == LEVEL_SOCKET && name == NAME_KEEP_ALIVE)
        error = apmi_settings_apply_values(socket, socket->handle);
    if (is_no_delay(level, name))
        socket->settings.no_delay = APMI_NOT_SET; /* in a form of its own, which is newer */
    return error;
}

apm_error apmi_settings_set_locked(apm_socket *socket, int32_t level, int32_t name, const void *value,
                                   int32_t size)
{
    int32_t whole;

    if (!is_no_delay(level, name) || size != (int32_t)sizeof whole)
        return set_and_keep(socket, level, name, value, size);
    memcpy(&whole, value, sizeof whole);
    return set_no_delay(socket, whole);
}

apm_error apmi_settings_set(apm_socket *socket, int32_t level, int32_t name, const void *value, int32_t size)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_disposed(socket)) error = apmi_settings_set_locked(socket, level, name, value, size);
    apmk_unlock_exclusive(&socket->gate);
    return error;
}

apm_error apmi_settings_set_dual(apmk_socket kernel)
{
    int32_t no = 0;

    return apmi_error_from_native(
        apmk_socket_set_option(kernel, APMI_LEVEL_IPV6, APMI_NAME_V6ONLY, &no, (int32_t)sizeof no));
}

/* The order switches keep-alive on, too: only where it is on. */
apm_error apmi_settings_apply_values(apm_socket *socket, apmk_socket kernel)
{
    const apmi_settings *settings = &socket->settings;
    uint32_t on = 0, values[3], unused = 0;
    int32_t size = (int32_t)sizeof on;

    if (!settings->by_values ||
        apmk_socket_get_option(kernel, LEVEL_SOCKET, NAME_KEEP_ALIVE, &on, &size) != APMK_SUCCESS || on == 0)
        return APM_ERROR_SUCCESS;
    values[0] = 1;
    values[1] = settings->keep_alive_time != 0 ? settings->keep_alive_time : DEFAULT_TIME;
    values[2] = settings->keep_alive_interval != 0 ? settings->keep_alive_interval : DEFAULT_INTERVAL;
    values[1] = values[1] < UINT32_MAX / 1000 ? values[1] * 1000 : UINT32_MAX; /* in milliseconds */
    values[2] = values[2] < UINT32_MAX / 1000 ? values[2] * 1000 : UINT32_MAX;
    return apmi_error_from_native(
        apmk_socket_io_control(kernel, APMK_KEEP_ALIVE_VALUES, values, sizeof values, NULL, 0, &unused));
}

static apm_error give(const apmi_handle *handle, const struct apmi_setting *setting)
{
    return apmi_error_from_native(
        apmk_socket_set_option(handle->kernel, setting->level, setting->name, setting->value, setting->size));
}

/* After the list, where an older one may be. */
static apm_error give_no_delay(const apm_socket *socket, const apmi_handle *handle)
{
    if (socket->settings.no_delay == APMI_NOT_SET) return APM_ERROR_SUCCESS;
    return tell_no_delay(handle->kernel, socket->settings.no_delay == APMI_SET_ON);
}

/* The end of dual mode, if the handle has yet to be told of it and of options of IPv4 that were set before; or NULL.
 * Not every system takes those without dual mode. */
static const struct apmi_setting *find_end_of_dual(apm_socket *socket, const apmi_handle *handle)
{
    const struct apmi_setting *only = *find_setting(socket, APMI_LEVEL_IPV6, APMI_NAME_V6ONLY), *at;

    if (only == NULL || only->state <= handle->settings ||
        atomic_load_explicit(&socket->dual, memory_order_relaxed))
        return NULL;
    for (at = socket->settings.first; at != NULL; at = at->next)
        if (at->level == LEVEL_IPV4 && at->state > handle->settings && at->state < only->state) return only;
    return NULL;
}

/* Only what it has not got: some options cannot be set again once it is bound. */
apm_error apmi_settings_apply(apm_socket *socket, apmi_handle *handle)
{
    const struct apmi_setting *setting, *last;
    apm_error error = APM_ERROR_SUCCESS;

    if (handle->settings == socket->settings.state) return APM_ERROR_SUCCESS;
    last = find_end_of_dual(socket, handle);
    if (last != NULL) error = apmi_settings_set_dual(handle->kernel);
    for (setting = socket->settings.first; setting != NULL && error == APM_ERROR_SUCCESS;
         setting = setting->next)
        if (setting->state > handle->settings && setting != last) error = give(handle, setting);
    if (error == APM_ERROR_SUCCESS && last != NULL) error = give(handle, last);
    if (error == APM_ERROR_SUCCESS) error = give_no_delay(socket, handle);
    if (error == APM_ERROR_SUCCESS) error = apmi_settings_apply_values(socket, handle->kernel);
    if (error == APM_ERROR_SUCCESS) handle->settings = socket->settings.state;
    return error;
}

bool apmi_settings_reuse_port(const apm_socket *socket)
{
    return !atomic_load_explicit(&socket->settings.port_not_shared, memory_order_relaxed);
}

void apmi_settings_clear(apm_socket *socket)
{
    struct apmi_setting *setting;

    while ((setting = socket->settings.first) != NULL) {
        socket->settings.first = setting->next;
        apmi_library_release_block(socket->library, setting);
    }
}
