/* SPDX-License-Identifier: MIT */
/*
 * The end of our stream. The kernel puts it behind what it has to send, and has no notion of what waits in the
 * outward lane: there it is said by the flush that finds nothing more to send, and the kernel with nothing of it.
 */
#ifndef APMI_END_H
#define APMI_END_H

#include "kernel.h"
#include "socket.h"

/* Under the gate: APMI_END_... */
static inline uint32_t apmi_end_now(const apm_socket *socket)
{
    /* Relaxed: the gate orders it. */
    return atomic_load_explicit(&socket->end, memory_order_relaxed);
}

/* What follows, down to apmi_end_relies_on_kernel, under the exclusive gate. */
void apmi_end_set(apm_socket *socket, uint32_t end);
/* Whether a close by a time is about to reset the connection, since not all was sent: the peer must not find a good
 * end before that, whoever asks for one. */
bool apmi_end_is_reset(const apm_socket *socket);
/* Whether the outward lane, where nothing waits, stays held: until the kernel has nothing of it that could fail before
 * an end that waits; and after it if the socket is being closed. */
bool apmi_end_keeps_lane(apm_socket *socket, bool in_kernel);
/* A part of the stream is missing, and is about to be seen as such: an end that is to come after it is none. */
void apmi_end_miss(const apmi_operation *operation);
/* Nothing is left to be sent: says the end that has waited, if one has. */
void apmi_end_say(apm_socket *socket);
/* As the kernel's shutdown, but the end of our stream comes after what waits to be sent. Nothing else is sent from
 * then on. */
apmk_code apmi_end_shutdown(apm_socket *socket, int32_t how);
/* The next connection has an end of its own. */
void apmi_end_forget(apm_socket *socket);
/* Somebody else closes the socket: a close by a time need not wait any more. Whether the connection is to be reset. */
bool apmi_end_cut_off(apm_socket *socket);
/* Whether a close by a time has left the rest to the kernel: nobody may ask for an abort of that any more. */
bool apmi_end_relies_on_kernel(const apm_socket *socket);
/* Whether there is a stream that can be ended. */
bool apmi_end_has_connection(apmi_phase phase);
/* A close by a time: if there is something to be sent, ends our stream behind it and waits for that. What is left of
 * the time; 0, which aborts, if not all of it went: the peer must not take a part for the whole. */
int32_t apmi_end_await(apm_socket *socket, int32_t timeout);
/* The same for the kernel's part, of a handle that nobody else has any more. */
void apmi_end_force(apm_socket *socket, apmk_socket handle, bool is_connected, int32_t timeout);

#endif
