/* SPDX-License-Identifier: MIT */
/**
 * @file transfer.h
 * Sending and receiving over a connection. socket.h says what holds for every Begin and End.
 *
 * **On a datagram socket** that is connected a send is one datagram, and so is a receive: with a buffer
 * that is too small, of size 0 too, it ends with APM_ERROR_MESSAGE_SIZE and the rest is gone; 0 bytes
 * without an error are an empty datagram.
 *
 * **Urgent data.** A receive with APM_FLAG_OUT_OF_BAND that waits for some counts like any other: what has to wait until no
 * receive is in the kernel (into more than 64 buffers, or begun after a cancel) waits for that, too.
 *
 * **What Begin or End says.** An error of the kernel that is known at once is Begin's, and any other one
 * End's: so is what is listed at a Begin where the operation had to wait for its turn.
 */
#ifndef APMSOCK_TRANSFER_H
#define APMSOCK_TRANSFER_H

#include "async_result.h"
#include "base.h"
#include "buffer.h"

APM_BEGIN_DECLARATIONS

/** Flags of apm_socket_begin_send_file: TransmitFileOptions. */
enum {
    APM_SEND_FILE_DISCONNECT = 1,   /**< end our stream right after it, as begin_disconnect does: what
                                         is begun behind it fails with Shutdown */
    APM_SEND_FILE_REUSE_SOCKET = 2, /**< and let the socket connect again: what is begun behind it
                                         is aborted */
    APM_SEND_FILE_WRITE_BEHIND = 4, /**< complete once the kernel has it, as far as it can */
    APM_SEND_FILE_SYSTEM_THREAD = 16,
    APM_SEND_FILE_KERNEL_APC = 32
};

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
 * Begins to send `count` buffers, one after the other, as one operation: any count, all or
 * an error. The list is copied, what it points to is not. On a datagram socket they are one
 * datagram.
 *
 * Errors besides those of apm_socket_begin_send: APM_ERROR_ARGUMENT_NULL (`buffers`, or the
 * data of one with a size), APM_ERROR_ARGUMENT (`count` is 0),
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE (one of them, or all together, above half the address
 * space).
 *
 * .NET: Socket.BeginSend(IList<ArraySegment<byte>>, SocketFlags, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_send_buffers(apm_socket *socket, const apm_buffer *buffers,
                                                         size_t count, int32_t flags,
                                                         apm_async_callback callback, void *state,
                                                         apm_async_result **result);

/**
 * Ends a send. Blocks until it has completed. `sent` (may be NULL) receives the bytes the
 * kernel has taken: all, or, next to an error, what it took before.
 *
 * The operation's own errors: ConnectionReset, ConnectionAborted, Shutdown, HostUnreachable,
 * NetworkReset, OperationAborted, TimedOut and others.
 *
 * .NET: Socket.EndSend.
 */
APM_API apm_error APM_CALL apm_socket_end_send(apm_socket *socket, apm_async_result *result, size_t *sent);

/**
 * Begins to receive up to `size` bytes; it completes as soon as there is at least one, or
 * with 0 when the peer has ended its stream. Any number may be in flight; they are filled in
 * the order of Begin. With a `size` of 0 (`buffer` may be NULL) it completes when there is
 * something to receive, and takes nothing. `flags` go to Winsock as they are. A datagram socket
 * that is bound, and not connected, receives from anybody, and does not learn from whom.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT_OUT_OF_RANGE (`size` above half
 * the address space), APM_ERROR_NOT_CONNECTED (datagrams: nor bound), APM_ERROR_SHUTDOWN (after shutdown),
 * APM_ERROR_CONNECTION_RESET, _CONNECTION_ABORTED, _NETWORK_RESET or _TIMED_OUT (an earlier receive
 * already ended that way), or another SocketError.
 *
 * .NET: Socket.BeginReceive(byte[], int, int, SocketFlags, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_receive(apm_socket *socket, void *buffer, size_t size,
                                                    int32_t flags, apm_async_callback callback, void *state,
                                                    apm_async_result **result);

/**
 * Begins to receive into `count` buffers, filled one after the other: any count. It
 * completes as soon as there is at least one byte. The list is copied, what it points to is
 * not.
 *
 * Errors: as of apm_socket_begin_receive, and of the list as of
 * apm_socket_begin_send_buffers.
 *
 * .NET: Socket.BeginReceive(IList<ArraySegment<byte>>, SocketFlags, AsyncCallback, object).
 */
APM_API apm_error APM_CALL apm_socket_begin_receive_buffers(apm_socket *socket, const apm_buffer *buffers,
                                                            size_t count, int32_t flags,
                                                            apm_async_callback callback, void *state,
                                                            apm_async_result **result);

/**
 * Ends a receive. Blocks until it has completed. `received` (may be NULL) receives the
 * number of bytes in the buffer; 0 without an error is the end of the peer's stream (or the
 * readiness that a receive of size 0 waited for).
 *
 * The operation's own errors: ConnectionReset, ConnectionAborted, NetworkReset, TimedOut, MessageSize
 * (of a datagram), OperationAborted and others.
 *
 * .NET: Socket.EndReceive.
 */
APM_API apm_error APM_CALL apm_socket_end_receive(apm_socket *socket, apm_async_result *result,
                                                  size_t *received);

/**
 * Begins to send `before`, the whole file, and `after`, as one operation of any size. Each
 * may be NULL; so may `path`, or it may be empty, and then there is no file. `path` is
 * UTF-8; the file is opened inside Begin (which **blocks** as long as that takes, of a file on
 * another computer), for reading, shared with other readers, and closed before the callback runs. `flags` are APM_SEND_FILE_... values. The two apm_buffer
 * are copied, what they point to is not. On Windows a file that was cancelled may cost the
 * connection; and Windows that is no server sends no more than two files at a time, of all
 * programs together: a third one waits.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT_NULL (the data of a buffer with a
 * size), APM_ERROR_ARGUMENT_OUT_OF_RANGE (a buffer above half the address space),
 * APM_ERROR_ARGUMENT (an unknown flag), APM_ERROR_NOT_SUPPORTED (a socket that is not
 * connected, as of apm_socket_connected: also one whose apm_socket_shutdown has returned),
 * APM_ERROR_SHUTDOWN (another thread shuts it down meanwhile), APM_ERROR_NOT_CONNECTED (a datagram socket that is
 * connected; or another thread disconnects meanwhile),
 * APM_ERROR_FILE_NOT_FOUND (no such file or folder), APM_ERROR_ACCESS_DENIED (a folder, not
 * allowed, or open elsewhere for writing), or the system's code.
 *
 * .NET: Socket.BeginSendFile(string, byte[], byte[], TransmitFileOptions, ...).
 */
APM_API apm_error APM_CALL apm_socket_begin_send_file(apm_socket *socket, const char *path,
                                                      const apm_buffer *before, const apm_buffer *after,
                                                      int32_t flags, apm_async_callback callback, void *state,
                                                      apm_async_result **result);

/**
 * Ends the sending of a file. Blocks until it has completed.
 *
 * The operation's own errors: those of a send; or 38, the system's ERROR_HANDLE_EOF, of a file that has
 * become shorter meanwhile.
 *
 * .NET: Socket.EndSendFile.
 */
APM_API apm_error APM_CALL apm_socket_end_send_file(apm_socket *socket, apm_async_result *result);

/**
 * Sends, begin and end in one: all of it. Blocks until it is over, or for as long as
 * APM_SOCKET_OPTION_SEND_TIMEOUT allows: APM_ERROR_TIMED_OUT. `sent` (may be NULL): see
 * end_send.
 *
 * Errors: those of apm_socket_begin_send and of the operation.
 *
 * .NET: Socket.Send(byte[], int, int, SocketFlags).
 */
APM_API apm_error APM_CALL apm_socket_send(apm_socket *socket, const void *buffer, size_t size, int32_t flags,
                                           size_t *sent);

/**
 * Receives, begin and end in one. Blocks until it is over, or for as long as
 * APM_SOCKET_OPTION_RECEIVE_TIMEOUT allows: APM_ERROR_TIMED_OUT, and nothing is lost.
 * `received` (may be NULL): see end_receive.
 *
 * Errors: those of apm_socket_begin_receive and of the operation.
 *
 * .NET: Socket.Receive(byte[], int, int, SocketFlags).
 */
APM_API apm_error APM_CALL apm_socket_receive(apm_socket *socket, void *buffer, size_t size, int32_t flags,
                                              size_t *received);

APM_END_DECLARATIONS

#endif
