/* SPDX-License-Identifier: MIT */
/**
 * @file connect.h
 * Connecting and disconnecting. socket.h says what holds for every Begin and End.
 *
 * **Addresses.** A socket can use the endpoints of its own family, and a dual-mode socket
 * (APM_SOCKET_OPTION_DUAL_MODE) IPv4 endpoints, too. The wildcard address and port 0 are
 * no place to connect to: APM_ERROR_ADDRESS_NOT_AVAILABLE.
 *
 * **Several addresses.** They are tried in their order, each on a fresh kernel socket with
 * every option and the local endpoint that the caller has set. The first success ends it.
 * When all have failed, the last error is the operation's; an address of a family that the
 * socket cannot use is passed over and hides no other error (if there is nothing else,
 * APM_ERROR_ARGUMENT). With APM_SOCKET_OPTION_CONNECT_ALGORITHM at 1 the attempts overlap
 * (RFC 8305, Happy Eyeballs): families take turns, the next attempt begins when the one
 * before has failed or after 250 ms, the first success wins, and all others are over before
 * the callback runs; when all fail, an error from a host that answered counts more than one
 * about the way there. A socket bound to a port of its own has one attempt at a time.
 *
 * **On loopback** a refusal is known at once, or after one further attempt, where the system can be told so;
 * so is, on Windows, that the listener's backlog is full.
 *
 * **Time.** APM_SOCKET_OPTION_CONNECT_TIMEOUT bounds the whole, the look-up of the name
 * included: APM_ERROR_TIMED_OUT.
 */
#ifndef APMSOCK_CONNECT_H
#define APMSOCK_CONNECT_H

#include "async_result.h"
#include "base.h"
#include "endpoint.h"

APM_BEGIN_DECLARATIONS

/**
 * Begins to connect. When it fails the socket can begin another connect; a second one while
 * one is pending cannot. A datagram socket connects inside Begin.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT (not an endpoint),
 * APM_ERROR_NOT_SUPPORTED (of a family that the socket cannot use),
 * APM_ERROR_ADDRESS_NOT_AVAILABLE (the wildcard address, or port 0),
 * APM_ERROR_INVALID_OPERATION (a connect, or a disconnect with reuse, is pending),
 * APM_ERROR_IS_CONNECTED.
 *
 * .NET: Socket.BeginConnect(EndPoint, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_connect(apm_socket *socket, const apm_endpoint *remote,
                                                    apm_async_callback callback, void *state,
                                                    apm_async_result **result);

/**
 * Begins to connect to the first of `count` endpoints that answers. The list is copied.
 *
 * What the kernel says of an address is the operation's, never Begin's. Errors besides those
 * of every Begin: APM_ERROR_ARGUMENT (`count` is 0, or one of them is not an endpoint),
 * APM_ERROR_NOT_SUPPORTED (the socket is not of an Internet family),
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE (more than 65535 of them),
 * APM_ERROR_INVALID_OPERATION (a connect, or a disconnect with reuse, is pending),
 * APM_ERROR_IS_CONNECTED.
 *
 * .NET: Socket.BeginConnect(IPAddress[], int, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_connect_many(apm_socket *socket, const apm_endpoint *remotes,
                                                         size_t count, apm_async_callback callback,
                                                         void *state, apm_async_result **result);

/**
 * Begins to connect to a host by its name (UTF-8, at most 255 bytes; copied). A thread of
 * the library's own asks the system for its addresses, and then they (the first 64) are tried
 * as those of apm_socket_begin_connect_many. The text of an IP address needs no look-up; an
 * empty name is this computer. A name that cannot be found is the operation's error:
 * APM_ERROR_HOST_NOT_FOUND, APM_ERROR_NO_DATA, APM_ERROR_TRY_AGAIN or
 * APM_ERROR_NO_RECOVERY. A cancel, a timeout or a close does not wait for the system's
 * answer; apm_cleanup does. At most 64 names are looked up at a time; a further one waits for that.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT_OUT_OF_RANGE (more than 255
 * bytes), APM_ERROR_ARGUMENT (the text of a wildcard address),
 * APM_ERROR_NOT_SUPPORTED (the text of an address that the socket cannot use, or the socket
 * is not of an Internet family), APM_ERROR_INVALID_OPERATION (a connect, or a disconnect with
 * reuse, is pending), APM_ERROR_IS_CONNECTED, or the system's code if no thread can be started.
 *
 * .NET: Socket.BeginConnect(string, int, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_connect_host(apm_socket *socket, const char *host, uint16_t port,
                                                         apm_async_callback callback, void *state,
                                                         apm_async_result **result);

/**
 * Ends a connect. Blocks until it has completed.
 *
 * The operation's own errors: ConnectionRefused, TimedOut, HostUnreachable,
 * NetworkUnreachable, AddressAlreadyInUse and others.
 *
 * .NET: Socket.EndConnect.
 */
APM_API apm_error APM_CALL apm_socket_end_connect(apm_socket *socket, apm_async_result *result);

/**
 * Connects: begin and end in one. Blocks until the connect is over; see end_connect.
 *
 * Errors: those of apm_socket_begin_connect and of the operation.
 *
 * .NET: Socket.Connect(EndPoint).
 */
APM_API apm_error APM_CALL apm_socket_connect(apm_socket *socket, const apm_endpoint *remote);

/**
 * Connects to a host by its name. Blocks until the connect is over.
 *
 * Errors: those of apm_socket_begin_connect_host and of the operation.
 *
 * .NET: Socket.Connect(string, int).
 */
APM_API apm_error APM_CALL apm_socket_connect_host(apm_socket *socket, const char *host, uint16_t port);

/**
 * Begins to disconnect: the peer sees the end of our stream after everything that was sent.
 * apm_socket_connected is false afterwards and there is no remote endpoint any more.
 *
 * Without `reuse` the operation completes when what was sent before has gone to the kernel;
 * what the peer still sends can be received, a send fails with APM_ERROR_SHUTDOWN, and this
 * socket cannot connect again (it can still disconnect with `reuse`). With
 * `reuse` it can: pending receives end with APM_ERROR_OPERATION_ABORTED, the operation waits for the peer's end of
 * its stream (at most 2 seconds; what it still sends is dropped), and the socket goes on with
 * a fresh kernel socket that has every option and the local endpoint that the caller has set. A port
 * that the caller has chosen may be the old connection's until the peer has ended its stream, and for
 * connections to the same peer some minutes longer: until then the disconnect, and each connect after
 * it, ends in APM_ERROR_ADDRESS_ALREADY_IN_USE.
 *
 * While one with `reuse` is pending a send or receive fails with APM_ERROR_NOT_CONNECTED, a file with
 * APM_ERROR_NOT_SUPPORTED and a connect with APM_ERROR_INVALID_OPERATION. While one without is, what is begun is
 * as it will be afterwards.
 *
 * Cancelled while sends before it are still going, it leaves the connection as it was. Cancelled while
 * it waits for the peer it ends with APM_ERROR_OPERATION_ABORTED (or, by its time,
 * APM_ERROR_TIMED_OUT), and the socket can connect again all the same. LINGER plays no part in it.
 *
 * Errors besides those of every Begin: APM_ERROR_OPERATION_NOT_SUPPORTED (a datagram socket),
 * APM_ERROR_NOT_CONNECTED, APM_ERROR_INVALID_OPERATION (a disconnect with reuse is pending).
 *
 * .NET: Socket.BeginDisconnect.
 */
APM_API apm_error APM_CALL apm_socket_begin_disconnect(apm_socket *socket, bool reuse,
                                                       apm_async_callback callback, void *state,
                                                       apm_async_result **result);

/**
 * Ends a disconnect. Blocks until it has completed.
 *
 * The operation's own errors: OperationAborted, TimedOut, or what the kernel says of the end of our
 * stream or of the fresh kernel socket.
 *
 * .NET: Socket.EndDisconnect.
 */
APM_API apm_error APM_CALL apm_socket_end_disconnect(apm_socket *socket, apm_async_result *result);

APM_END_DECLARATIONS

#endif
