/* SPDX-License-Identifier: MIT */
/**
 * @file socket.h
 * The socket: System.Net.Sockets.Socket, its client side: its life, its state, and what
 * holds for every Begin and End. The operations are in connect.h, transfer.h and datagram.h,
 * options in socket_option.h.
 *
 * **Begin and End.** A Begin function checks its arguments and starts the operation; it
 * never waits. If it fails there is no result and no callback. If it succeeds, the callback
 * (may be NULL) is called exactly once with the result, whose state is `state`. `result`
 * may be NULL; if not, it receives a reference for the caller (see async_result.h). Data
 * buffers belong to the operation from Begin until it has completed, also after a cancel.
 *
 * End is called at most once for each operation, from the callback or any thread. It
 * returns the operation's error and, where there is one, the byte count, whose place may be
 * NULL: it is written with the operation's own outcome (the last of the list below), also next
 * to an error; next to the others it means nothing. **It blocks until the operation has completed**, unless
 * the socket is closed; inside the operation's own callback it never waits.
 *
 * The End of a closed socket returns at once, and the operation may still be under way: its
 * buffer is yours again when the callback has come, or apm_async_result_wait or the wait handle
 * says that it has completed.
 *
 * Errors of every End, in the order they are looked for:
 *  - APM_ERROR_OBJECT_DISPOSED: the socket was closed, whatever the operation did;
 *  - APM_ERROR_ARGUMENT_NULL: `result` (or `socket`) is NULL;
 *  - APM_ERROR_ARGUMENT: the result of another socket or of another kind of operation;
 *  - APM_ERROR_INVALID_OPERATION: End was called before for this operation, or it would have
 *    to wait in a DllMain (library.h), and can be called again;
 *  - then the operation's own: 0, APM_ERROR_OPERATION_ABORTED (cancelled),
 *    APM_ERROR_TIMED_OUT (cancel_after, or the network), or a SocketError.
 *
 * Errors of every Begin: APM_ERROR_OBJECT_DISPOSED first, then APM_ERROR_ARGUMENT_NULL,
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE, the address and the state, then
 * APM_ERROR_OUT_OF_MEMORY and the kernel's.
 *
 * **Lifetime.** apm_socket_create gives one reference, apm_socket_close takes it back.
 * Operations hold the socket for themselves: close may be called at any time, and the
 * socket is still good for the End of each of them. After it use the socket only in the callbacks of
 * its operations, or while you hold a reference of your own to it or to one of their results.
 *
 * **Dual mode.** A dual-mode socket tells IPv4 endpoints as IPv4-mapped IPv6 ones, as .NET does:
 * to apm_endpoint_equal that is another one than the IPv4 endpoint that it was given.
 */
#ifndef APMSOCK_SOCKET_H
#define APMSOCK_SOCKET_H

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
    APM_FLAG_TRUNCATED = 0x100,
    APM_FLAG_CONTROL_DATA_TRUNCATED = 0x200,
    APM_FLAG_BROADCAST = 0x400,
    APM_FLAG_MULTICAST = 0x800,
    APM_FLAG_PARTIAL = 0x8000,

    APM_SHUTDOWN_RECEIVE = 0,
    APM_SHUTDOWN_SEND = 1,
    APM_SHUTDOWN_BOTH = 2,

    APM_POLL_READ = 0,
    APM_POLL_WRITE = 1,
    APM_POLL_ERROR = 2
};

/**
 * Makes a socket, with Winsock's numbers. It is overlapped and no child process inherits
 * it. Starts the library if nobody has, and blocks while another thread does that or is in the
 * last step of ending it. The caller owns one reference.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_OUT_OF_MEMORY, APM_ERROR_INVALID_OPERATION
 * (the library is being ended; in a DllMain also: being started), what apm_startup returns, or a SocketError
 * (AddressFamilyNotSupported, ProtocolNotSupported, SocketNotSupported, TooManyOpenSockets ...).
 *
 * .NET: new Socket(AddressFamily, SocketType, ProtocolType).
 */
APM_API apm_error APM_CALL apm_socket_create(int32_t family, int32_t type, int32_t protocol,
                                             apm_socket **socket);

/**
 * Makes an IPv6 socket in dual mode, which can use IPv4 addresses, too; or, on a system
 * without IPv6, an IPv4 socket. Otherwise as apm_socket_create; and APM_ERROR_PROTOCOL_OPTION where the system has IPv6
 * and no dual mode.
 *
 * .NET: new Socket(SocketType, ProtocolType).
 */
APM_API apm_error APM_CALL apm_socket_create_dual(int32_t type, int32_t protocol, apm_socket **socket);

/**
 * Takes over a SOCKET that the caller has opened, in whatever state it is: fresh, bound or
 * connected; but no overlapped operation may be pending on it. From here on it is the library's to close, and no child
 * process inherits it. On failure it stays the caller's. What options it has are its own: a fresh kernel socket (a connect
 * after a failed one, a disconnect with reuse) is given those that were set by the library, and
 * dual mode; and the local endpoint that it was bound to, unless it was connected: that one goes with the connection.
 *
 * Errors: those of apm_socket_create, APM_ERROR_NOT_SOCKET (no socket at all),
 * APM_ERROR_NOT_SUPPORTED (neither IPv4 nor IPv6), APM_ERROR_INVALID_OPERATION (it was not opened for overlapped I/O, or it belongs to a
 * completion port already, or it listens; or FILE_SKIP_COMPLETION_PORT_ON_SUCCESS was set on it, which cannot be taken
 * back: of a datagram socket, with apm_options.packet_always, or where a layered provider has made it), or another SocketError where the system cannot say in what state it is.
 *
 * .NET: new Socket(SafeSocketHandle) of later versions; new Socket(SocketInformation).
 */
APM_API apm_error APM_CALL apm_socket_adopt(uintptr_t handle, apm_socket **socket);

/**
 * Binds to a local endpoint. Rarely needed: connecting binds by itself.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_ARGUMENT (not an
 * endpoint), APM_ERROR_NOT_SUPPORTED (of a family that it cannot use), or a SocketError
 * (AddressAlreadyInUse, AddressNotAvailable, AccessDenied; InvalidArgument when it is
 * already bound).
 *
 * .NET: Socket.Bind.
 */
APM_API apm_error APM_CALL apm_socket_bind(apm_socket *socket, const apm_endpoint *local);

/**
 * Ends one or both directions: APM_SHUTDOWN_RECEIVE, _SEND (the peer sees the end of our
 * stream once everything is delivered whose Begin has returned, lists and files included; a send that
 * is begun after that is APM_ERROR_SHUTDOWN) or _BOTH. apm_socket_connected is false afterwards, also when
 * it failed because the connection is lost. A pending receive is not ended by it. No error if the
 * peer has closed. A datagram socket need not be connected, but bound.
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
 * Only with APM_SOCKET_OPTION_LINGER on and a LINGER_TIME it **blocks**, for as long as the kernel
 * then takes to deliver what was sent; so does the last apm_socket_release of a socket that nobody
 * has closed, and apm_cleanup for each open one.
 * For an orderly end let every send be over and call apm_socket_shutdown first: a send that is aborted is
 * cut off, also behind a shutdown. A second call, by somebody who retained the socket, is success and does
 * nothing.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL.
 *
 * .NET: Socket.Close(), Socket.Dispose().
 */
APM_API apm_error APM_CALL apm_socket_close(apm_socket *socket);

/**
 * Closes with a say in how: -1 is apm_socket_close; 0 aborts (the peer sees a reset); a
 * positive number of milliseconds ends our stream behind everything that was begun to be sent, **blocks**
 * until the peer has ended its own or the time is over, and aborts in the latter case or when data is
 * left unread: the peer gets all of it, or sees a reset. What is pending meanwhile goes on, and is aborted
 * after that; for everybody else the socket is closed from the start, and Begin and End return
 * APM_ERROR_OBJECT_DISPOSED. What had ended in an error before the close is its caller's to know and counts for
 * nothing; what ends in one later, also by an earlier cancel, resets the connection. apm_cleanup does not wait
 * for the peer: it aborts.
 * A worker has to see that a send is over: where callbacks keep all of them for all of the time, that is over,
 * too. In a callback it keeps one itself: where that is the only one, of a list or a file nothing goes on,
 * and if a send is in the kernel and the peer has ended its stream before, or one was asked to abort, the
 * connection is reset.
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
 * until shutdown, disconnect, close, or an operation but a connect (also one whose Begin the kernel refused)
 * that ended in an error other than WouldBlock, IOPending, NoBufferSpaceAvailable, TimedOut and a cancel.
 * It says nothing about the present. False for NULL.
 *
 * .NET: Socket.Connected.
 */
APM_API bool APM_CALL apm_socket_connected(const apm_socket *socket);

/**
 * The local endpoint. Before it is connected its port may be 0: Windows chooses one that connections can
 * share when it knows the peer (APM_SOCKET_OPTION_REUSE_UNICAST_PORT).
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_INVALID_ARGUMENT
 * (it has none yet: neither bound nor connected), or a SocketError.
 *
 * .NET: Socket.LocalEndPoint.
 */
APM_API apm_error APM_CALL apm_socket_local_endpoint(apm_socket *socket, apm_endpoint *endpoint);

/**
 * The peer's endpoint, as of the connect; it stays when the connection is gone, until a
 * disconnect.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_NOT_CONNECTED.
 *
 * .NET: Socket.RemoteEndPoint.
 */
APM_API apm_error APM_CALL apm_socket_remote_endpoint(apm_socket *socket, apm_endpoint *endpoint);

/**
 * How many bytes there are to be received. Of a datagram socket that is not the size of the next one: Windows counts
 * all datagrams that are there, other systems (Wine) the first one only, and an empty one counts for nothing.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, or a SocketError.
 *
 * .NET: Socket.Available.
 */
APM_API apm_error APM_CALL apm_socket_available(apm_socket *socket, size_t *bytes);

/**
 * Asks for a state, and waits for it at most `microseconds` (rounded up to milliseconds; a
 * negative number: for ever). APM_POLL_READ: there is something to receive, or the end of
 * the stream, or an error; APM_POLL_WRITE: it is connected and has room; APM_POLL_ERROR: a
 * connect has failed. *ready says whether the state is there; not being there in time is no
 * error. **Blocks** for that time, but no close: that ends it with
 * APM_ERROR_OBJECT_DISPOSED within a moment.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_INVALID_ARGUMENT
 * (`mode`), or a SocketError.
 *
 * .NET: Socket.Poll.
 */
APM_API apm_error APM_CALL apm_socket_poll(apm_socket *socket, int32_t microseconds, int32_t mode,
                                           bool *ready);

/**
 * WSAIoctl with a code of Winsock's: `in_size` bytes at `in`, and room for `out_size` at
 * `out`; `returned` (may be NULL) receives how many are there. What is set this way is not
 * set again on a fresh kernel socket. **Blocks** only for a code that waits by itself, and with
 * SIO_ADDRESS_LIST_CHANGE, SIO_ROUTING_INTERFACE_CHANGE, SIO_NSP_NOTIFY_CHANGE and SIO_IDEAL_SEND_BACKLOG_CHANGE
 * nobody else meanwhile: a close does not wait for the call, but asks the kernel to end it, with
 * APM_ERROR_OBJECT_DISPOSED. The kernel may do that or not. Until the call has returned the
 * kernel's socket stays, and with it the connection and the port that it may have: apm_cleanup waits for that, the peer
 * sees the end, or the reset, of a close then, and what needs the same port (a fresh kernel socket of this one, for a
 * connect after a failed one, or a disconnect with reuse) may be APM_ERROR_ADDRESS_ALREADY_IN_USE. Where the kernel's socket is replaced, or the connection is lost, the call may end, too, as
 * APM_ERROR_OPERATION_ABORTED or APM_ERROR_INTERRUPTED. Another code that waits keeps a close, time limits and
 * apm_cleanup waiting.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL (`socket`, or a buffer with a
 * size), APM_ERROR_ARGUMENT_OUT_OF_RANGE (a size above 2 GiB), APM_ERROR_INVALID_OPERATION
 * (FIONBIO: the library's sockets never block and need not be told), or a SocketError.
 *
 * .NET: Socket.IOControl.
 */
APM_API apm_error APM_CALL apm_socket_io_control(apm_socket *socket, uint32_t code, const void *in,
                                                 size_t in_size, void *out, size_t out_size,
                                                 size_t *returned);

/**
 * The kernel's SOCKET, or ~0 (INVALID_SOCKET) for NULL and when it is closed. It stays the
 * library's: do not close it, and begin no overlapped operation on it. A connect
 * that follows a failed one, a further address and a disconnect with reuse bring a fresh one.
 *
 * .NET: Socket.Handle.
 */
APM_API uintptr_t APM_CALL apm_socket_handle(const apm_socket *socket);

APM_END_DECLARATIONS

#endif
