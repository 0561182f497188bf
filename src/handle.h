/* SPDX-License-Identifier: MIT */
/*
 * The kernel's handles of a socket: made with what the caller has set, named, replaced and
 * closed. All but apmi_handle_close and apmi_handle_ask_to_skip are called under the socket's
 * exclusive gate.
 */
#ifndef APMI_HANDLE_H
#define APMI_HANDLE_H

#include <apmsock/base.h>

#include "kernel.h"

/* Whether what succeeds at once sends no packet. It is asked for when it first matters: many a
 * connection never transfers anything. Until then it does send one. */
typedef enum apmi_skip { APMI_SKIP_UNASKED, APMI_SKIP_OFF, APMI_SKIP_ON } apmi_skip;

typedef struct apmi_handle {
    apmk_socket kernel;
    apmi_skip skips;   /* the port on success */
    bool named;        /* has a local address */
    uint32_t settings; /* the state of the settings it has been given */
} apmi_handle;

/* A fresh handle, attached to the port; without any settings. */
apm_error apmi_handle_open(apm_socket *socket, apmi_handle *handle);
/* A fresh handle with the caller's settings and local address. */
apm_error apmi_handle_open_like(apm_socket *socket, apmi_handle *handle);
/* Replaces the socket's handle by a fresh one like it. The old one is closed first, because the
 * new one may want its port; so when this fails the socket may be left with one unnamed. */
apm_error apmi_handle_renew(apm_socket *socket);
/* Under the gate: it comes too late to say what a handle has to know before it is bound. It is; or attempts of a connect
 * are under way, whose handles have got what was said before. */
bool apmi_handle_is_fixed(const apm_socket *socket);
/* Renews one that is not fixed where a failed connect has used it up, which may be bound; and beside one that has not
 * come to it yet. */
apm_error apmi_handle_freshen(apm_socket *socket);
/* The handle of the socket from here on; returns the old one, for the caller to close. */
apmk_socket apmi_handle_install(apm_socket *socket, const apmi_handle *handle);
/* ConnectEx wants a bound handle: binds it, if it is not, to the caller's local endpoint or the wildcard. */
apm_error apmi_handle_name(apm_socket *socket, apmk_socket kernel, bool *named);

/* Before a transfer, not under the gate: asks for its handle, unless that has been done. */
void apmi_handle_ask_to_skip(apm_socket *socket);
/* Attaches; the rest of opening one that is there already. */
apm_error apmi_handle_attach(apm_socket *socket, apmk_socket kernel, bool own, apmi_skip *skips);
/* Closes it, or leaves that to whoever still polls it. */
void apmi_handle_close(apm_socket *socket, apmk_socket kernel);
/* The same for one that the socket goes on without. It does not linger: the caller has set that for his own
 * close, and this one may be under the gate. */
void apmi_handle_drop(apm_socket *socket, apmk_socket kernel);

#endif
