/* SPDX-License-Identifier: MIT */
/*
 * The settings of a socket: the kernel's options that the caller has set, kept so that a fresh
 * handle can be given them, and the library's own. option.c is their public face.
 */
#ifndef APMI_SETTINGS_H
#define APMI_SETTINGS_H

#include <apmsock/base.h>
#include <stdatomic.h>

#include "handle.h"
#include "kernel.h"

enum { APMI_SETTING_ROOM = 64 }; /* larger ones are not kept */

/* IPV6_V6ONLY. */
enum { APMI_LEVEL_IPV6 = 41, APMI_NAME_V6ONLY = 27 };

/* Whether an option of two values was set, and to what. */
typedef enum apmi_switch { APMI_NOT_SET, APMI_SET_OFF, APMI_SET_ON } apmi_switch;

typedef struct apmi_settings {
    /* Under the exclusive gate. */
    struct apmi_setting *first;                    /* those that need memory */
    uint32_t state;                                /* changes with every one that is set */
    uint16_t lingers[2];                           /* what SO_LINGER has been set to: whether, and seconds */
    uint32_t keep_alive_time, keep_alive_interval; /* seconds, 0: not set */

    /* Read anywhere; relaxed, as each stands for itself. */
    _Atomic int32_t receive_timeout, send_timeout, connect_timeout; /* ms; 0: none */
    _Atomic int32_t connect_algorithm;
    _Atomic bool port_not_shared;
    _Atomic bool resets_ignored; /* of datagrams */

    /* Under the exclusive gate, too. */
    bool lingers_known; /* `lingers` is: some kernels forget the time while it is off */
    bool was_dual;      /* an adopted handle was in dual mode, as a fresh one is not by itself */
    bool by_values;     /* the system has no options for the keep-alive times: it is told both at once */
    uint8_t no_delay;   /* apmi_switch: TCP_NODELAY, which most connections have set, needs no memory */
} apmi_settings;

/* Sets an option of the kernel's, and keeps it. The second one under the exclusive gate, on an
 * open socket. */
apm_error apmi_settings_set(apm_socket *socket, int32_t level, int32_t name, const void *value, int32_t size);
apm_error apmi_settings_set_locked(apm_socket *socket, int32_t level, int32_t name, const void *value,
                                   int32_t size);
/* Takes a handle that is not bound to dual mode. */
apm_error apmi_settings_set_dual(apmk_socket kernel);
/* Gives a handle what was set since it was last given it. Under the exclusive gate, as the next one. */
apm_error apmi_settings_apply(apm_socket *socket, apmi_handle *handle);
/* Gives a handle the keep-alive times where there are no options for them. */
apm_error apmi_settings_apply_values(apm_socket *socket, apmk_socket kernel);
bool apmi_settings_reuse_port(const apm_socket *socket);
/* Gives the memory back. */
void apmi_settings_clear(apm_socket *socket);

#endif
