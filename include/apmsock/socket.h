/* SPDX-License-Identifier: MIT */
/**
 * @file socket.h
 * The socket: System.Net.Sockets.Socket, its client side.
 *
 * **Begin and End.** A Begin function checks its arguments and starts the operation; it
 * never waits. If it fails there is no result and no callback. If it succeeds, the callback
 * (may be NULL) is called exactly once with the result, whose state is `state`. `result`
 * may be NULL; if not, it receives a reference for the caller (see async_result.h). Data
 * buffers belong to the operation from Begin until it has completed, also after a cancel.
 *
 * End is called at most once for each operation, from the callback or any thread. It
 * returns the operation's error and, where there is one, the byte count: the count is
 * written whenever the operation had completed, also next to an error, and its place may be
 * NULL. **It blocks until the operation has completed**; inside the operation's own callback
 * it never waits. Errors of every End, in the order they are looked for:
 *  - APM_ERROR_OBJECT_DISPOSED: the socket was closed, whatever the operation did;
 *  - APM_ERROR_ARGUMENT_NULL: `result` (or `socket`) is NULL;
 *  - APM_ERROR_ARGUMENT: the result of another socket or of another kind of operation;
 *  - APM_ERROR_INVALID_OPERATION: End was called before for this operation;
 *  - then the operation's own: 0, APM_ERROR_OPERATION_ABORTED (cancelled),
 *    APM_ERROR_TIMED_OUT (cancel_after, or the network), or a SocketError.
 *
 * Errors of every Begin: APM_ERROR_OBJECT_DISPOSED first, then APM_ERROR_ARGUMENT_NULL,
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE, the address and the state, then
 * APM_ERROR_OUT_OF_MEMORY and the kernel's.
 *
 * **Lifetime.** apm_socket_create gives one reference, apm_socket_close takes it back.
 * Operations hold the socket for themselves: close may be called at any time, and the
 * socket is still good for the End of each of them.
 */
#ifndef APMSOCK_SOCKET_H
#define APMSOCK_SOCKET_H

#include "async_result.h"
#include "base.h"
#include "endpoint.h"

APM_BEGIN_DECLARATIONS

enum {
    APM_SOCKET_STREAM = 1,
    APM_SOCKET_DATAGRAM = 2,

    APM_PROTOCOL_UNSPECIFIED = 0,
    APM_PROTOCOL_TCP = 6,
    APM_PROTOCOL_UDP = 17,

    APM_FLAG_NONE = 0,
    APM_FLAG_OUT_OF_BAND = 1,
    APM_FLAG_PEEK = 2,
    APM_FLAG_DONT_ROUTE = 4,

    APM_SHUTDOWN_RECEIVE = 0,
    APM_SHUTDOWN_SEND = 1,
    APM_SHUTDOWN_BOTH = 2
};

/**
 * Makes a socket, with Winsock's numbers. It is overlapped and no child process inherits
 * it. Starts the library if nobody has. The caller owns one reference.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_OUT_OF_MEMORY, APM_ERROR_INVALID_OPERATION
 * (the library is being ended), what apm_startup returns, or a SocketError
 * (AddressFamilyNotSupported, ProtocolNotSupported, SocketNotSupported, TooManyOpenSockets ...).
 *
 * .NET: new Socket(AddressFamily, SocketType, ProtocolType).
 */
APM_API apm_error APM_CALL apm_socket_create(int32_t family, int32_t type, int32_t protocol,
                                             apm_socket **socket);

/**
 * Binds to a local endpoint. Rarely needed: connecting binds by itself.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_ARGUMENT (not an
 * endpoint), APM_ERROR_NOT_SUPPORTED (of another family), or a SocketError
 * (AddressAlreadyInUse, AddressNotAvailable, AccessDenied; InvalidArgument when it is
 * already bound).
 *
 * .NET: Socket.Bind.
 */
APM_API apm_error APM_CALL apm_socket_bind(apm_socket *socket, const apm_endpoint *local);

/**
 * Begins to connect. When it fails the socket can begin another connect; a second one while
 * one is pending cannot. A datagram socket connects inside Begin.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT (not an endpoint),
 * APM_ERROR_NOT_SUPPORTED (of a family that the socket cannot use),
 * APM_ERROR_ADDRESS_NOT_AVAILABLE (the wildcard address, or port 0),
 * APM_ERROR_INVALID_OPERATION (a connect is pending), APM_ERROR_IS_CONNECTED.
 *
 * .NET: Socket.BeginConnect(EndPoint, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_connect(apm_socket *socket, const apm_endpoint *remote,
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
 * Begins to send `size` bytes, all of them: on a stream the operation completes when the
 * kernel has taken every byte, or with an error. Any number may be in flight; they go out
 * in the order of Begin. `buffer` may be NULL when `size` is 0; a send of nothing completes
 * with 0 bytes. `flags` go to Winsock as they are.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT_OUT_OF_RANGE (`size` above half
 * the address space), APM_ERROR_NOT_CONNECTED, APM_ERROR_SHUTDOWN (after shutdown),
 * APM_ERROR_CONNECTION_RESET, APM_ERROR_CONNECTION_ABORTED, or another SocketError.
 *
 * .NET: Socket.BeginSend(byte[], int, int, SocketFlags, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_send(apm_socket *socket, const void *buffer, size_t size,
                                                 int32_t flags, apm_async_callback callback, void *state,
                                                 apm_async_result **result);

/**
 * Ends a send. Blocks until it has completed. `sent` (may be NULL) receives the bytes the
 * kernel has taken: all, or, next to an error, what it took before.
 *
 * .NET: Socket.EndSend.
 */
APM_API apm_error APM_CALL apm_socket_end_send(apm_socket *socket, apm_async_result *result, size_t *sent);

/**
 * Begins to receive up to `size` bytes; it completes as soon as there is at least one, or
 * with 0 when the peer has ended its stream. Any number may be in flight; they are filled in
 * the order of Begin. With a `size` of 0 (`buffer` may be NULL) it completes when there is
 * something to receive, and takes nothing. `flags` go to Winsock as they are.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT_OUT_OF_RANGE (`size` above half
 * the address space), APM_ERROR_NOT_CONNECTED, APM_ERROR_SHUTDOWN (after shutdown),
 * APM_ERROR_CONNECTION_RESET (an earlier receive already ended that way), or another
 * SocketError.
 *
 * .NET: Socket.BeginReceive(byte[], int, int, SocketFlags, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_receive(apm_socket *socket, void *buffer, size_t size,
                                                    int32_t flags, apm_async_callback callback, void *state,
                                                    apm_async_result **result);

/**
 * Ends a receive. Blocks until it has completed. `received` (may be NULL) receives the
 * number of bytes in the buffer; 0 without an error is the end of the peer's stream (or the
 * readiness that a receive of size 0 waited for).
 *
 * .NET: Socket.EndReceive.
 */
APM_API apm_error APM_CALL apm_socket_end_receive(apm_socket *socket, apm_async_result *result,
                                                  size_t *received);

/**
 * Ends one or both directions: APM_SHUTDOWN_RECEIVE, _SEND (the peer sees the end of our
 * stream once everything is delivered) or _BOTH. apm_socket_connected is false afterwards.
 * A pending receive is not ended by it. No error if the peer has closed.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL,
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE (`how`), APM_ERROR_NOT_CONNECTED, or a SocketError.
 *
 * .NET: Socket.Shutdown.
 */
APM_API apm_error APM_CALL apm_socket_shutdown(apm_socket *socket, int32_t how);

/**
 * Closes: marks the socket closed, aborts what is pending, closes the kernel's socket and
 * takes back the creator's reference. Never waits for an operation or a callback; each
 * pending operation still calls back once, and its End returns APM_ERROR_OBJECT_DISPOSED.
 * For an orderly end call apm_socket_shutdown first. A second call, by somebody who retained
 * the socket, is success and does nothing.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL.
 *
 * .NET: Socket.Close(), Socket.Dispose().
 */
APM_API apm_error APM_CALL apm_socket_close(apm_socket *socket);

/**
 * Closes with a say in how: -1 is apm_socket_close; 0 aborts (the peer sees a reset); a
 * positive number of milliseconds ends our stream, **blocks** until the peer has ended its
 * own or the time is over, and aborts in the latter case or when data is left unread.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_ARGUMENT_OUT_OF_RANGE (below -1; the socket is
 * untouched).
 *
 * .NET: Socket.Close(int).
 */
APM_API apm_error APM_CALL apm_socket_close_timeout(apm_socket *socket, int32_t timeout);

/** Takes one more reference to the socket, for shared ownership. NULL is harmless. */
APM_API void APM_CALL apm_socket_retain(apm_socket *socket);

/** Gives back a reference taken with apm_socket_retain. It does not close; if it is the
 *  last one of a socket that nobody closed, the socket is closed first. NULL is harmless. */
APM_API void APM_CALL apm_socket_release(apm_socket *socket);

/**
 * Whether the socket was connected as of its last operation: true from a successful connect
 * until shutdown, close, or an operation that ended in an error other than WouldBlock,
 * IOPending, NoBufferSpaceAvailable, TimedOut and a cancel. It says nothing about the
 * present. False for NULL.
 *
 * .NET: Socket.Connected.
 */
APM_API bool APM_CALL apm_socket_connected(const apm_socket *socket);

/**
 * The local endpoint.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_INVALID_ARGUMENT
 * (it has none yet: neither bound nor connected), or a SocketError.
 *
 * .NET: Socket.LocalEndPoint.
 */
APM_API apm_error APM_CALL apm_socket_local_endpoint(apm_socket *socket, apm_endpoint *endpoint);

/**
 * The peer's endpoint, as of the connect; it stays when the connection is gone.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_NOT_CONNECTED.
 *
 * .NET: Socket.RemoteEndPoint.
 */
APM_API apm_error APM_CALL apm_socket_remote_endpoint(apm_socket *socket, apm_endpoint *endpoint);

/**
 * The kernel's SOCKET, or ~0 (INVALID_SOCKET) for NULL and when it is closed. It stays the
 * library's: do not close it, and begin no overlapped operation on it. A connect that
 * follows a failed connect gets a fresh one.
 *
 * .NET: Socket.Handle.
 */
APM_API uintptr_t APM_CALL apm_socket_handle(const apm_socket *socket);

APM_END_DECLARATIONS

#endif
