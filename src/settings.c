/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <string.h>

#include "error.h"
#include "library.h"
#include "socket.h"

struct apmi_setting {
    struct apmi_setting *next;
    int32_t level, name, size;
    unsigned char value[APMI_SETTING_ROOM];
};

enum { LEVEL_SOCKET = 0xFFFF, NAME_KEEP_ALIVE = 8, NAME_LINGER = 0x80, LEVEL_IPV6 = 41, NAME_V6ONLY = 27 };

/* What Windows uses when it was not told otherwise; seconds. */
enum { DEFAULT_TIME = 7200, DEFAULT_INTERVAL = 1 };

/* The kept one, or a new one at the end of the list; NULL when there is no memory. */
static struct apmi_setting *find_setting(apm_socket *socket, int32_t level, int32_t name, bool *is_new)
{
    struct apmi_setting **place = &socket->settings.first;

    while (*place != NULL && ((*place)->level != level || (*place)->name != name)) place = &(*place)->next;
    *is_new = *place == NULL;
    if (!*is_new) return *place;
    *place = (struct apmi_setting *)apmi_library_allocate(socket->library, sizeof **place);
    if (*place == NULL) return NULL;
    (*place)->next = NULL;
    (*place)->level = level;
    (*place)->name = name;
    return *place;
}

static void drop_last_setting(apm_socket *socket, const struct apmi_setting *setting)
{
    struct apmi_setting **place = &socket->settings.first;

    while (*place != setting) place = &(*place)->next;
    apmi_library_release_block(socket->library, *place);
    *place = NULL;
}

/* The memory first: what the kernel has been told has to be kept. */
apm_error apmi_settings_set_locked(apm_socket *socket, int32_t level, int32_t name, const void *value,
                                   int32_t size)
{
    bool is_new = false, keeps = size <= APMI_SETTING_ROOM;
    struct apmi_setting *setting = keeps ? find_setting(socket, level, name, &is_new) : NULL;
    apm_error error;

    if (keeps && setting == NULL) return APM_ERROR_OUT_OF_MEMORY;
    error = apmi_error_from_native(apmk_socket_set_option(socket->handle, level, name, value, size));
    if (error != APM_ERROR_SUCCESS) {
        if (is_new) drop_last_setting(socket, setting);
        return error;
    }
    if (keeps) {
        setting->size = size;
        memcpy(setting->value, value, (size_t)size);
        socket->settings.state++;
    }
    if (level == LEVEL_IPV6 && name == NAME_V6ONLY && size != 0)
        atomic_store_explicit(&socket->dual, *(const unsigned char *)value == 0, memory_order_relaxed);
    if (level == LEVEL_SOCKET && name == NAME_LINGER && size == (int32_t)sizeof socket->settings.lingers) {
        memcpy(socket->settings.lingers, value, sizeof socket->settings.lingers);
        socket->settings.lingers_known = true;
    }
    if (level == LEVEL_SOCKET && name == NAME_KEEP_ALIVE)
        error = apmi_settings_apply_values(socket, socket->handle);
    return error;
}

apm_error apmi_settings_set(apm_socket *socket, int32_t level, int32_t name, const void *value, int32_t size)
{
    apm_error error = APM_ERROR_OBJECT_DISPOSED;

    apmk_lock_exclusive(&socket->gate);
    if (!apmi_socket_closed(socket)) error = apmi_settings_set_locked(socket, level, name, value, size);
    apmk_unlock_exclusive(&socket->gate);
    return error;
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

apm_error apmi_settings_apply(apm_socket *socket, apmi_handle *handle)
{
    const struct apmi_setting *setting;
    apm_error error = APM_ERROR_SUCCESS;

    if (handle->settings == socket->settings.state) return APM_ERROR_SUCCESS;
    for (setting = socket->settings.first; setting != NULL && error == APM_ERROR_SUCCESS;
         setting = setting->next)
        error = apmi_error_from_native(apmk_socket_set_option(handle->kernel, setting->level, setting->name,
                                                              setting->value, setting->size));
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
