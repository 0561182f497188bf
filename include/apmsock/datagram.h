/* SPDX-License-Identifier: MIT */
/**
 * @file datagram.h
 * Datagrams to and from anybody. socket.h says what holds for every Begin and End. A
 * datagram socket that is connected can also use transfer.h; it then receives from its peer
 * only. One that is bound can receive with transfer.h, too.
 *
 * On Windows a datagram that finds nobody at its destination ends one of the socket's next
 * receives with APM_ERROR_CONNECTION_RESET; APM_SOCKET_OPTION_UDP_CONNECTION_RESET at 0
 * stops that.
 */
#ifndef APMSOCK_DATAGRAM_H
#define APMSOCK_DATAGRAM_H

#include "async_result.h"
#include "base.h"
#include "endpoint.h"

APM_BEGIN_DECLARATIONS

/** How a datagram came in. .NET: IPPacketInformation. */
typedef struct apm_packet_information {
    apm_endpoint address;     /**< the local address it was sent to, with port 0; length 0: unknown. Of an
                                   IPv4 datagram an IPv4 address, on a dual-mode socket, too */
    uint32_t interface_index; /**< of the network interface; 0: unknown */
} apm_packet_information;

/**
 * Begins to send one datagram to `remote` (which is copied). Binds the socket to a free port
 * if it is not bound. On a stream socket, which has to be connected, `remote` is looked at
 * and ignored.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT (not an endpoint),
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE (`size` above half the address space),
 * APM_ERROR_NOT_SUPPORTED (of a family that the socket cannot use),
 * APM_ERROR_ADDRESS_NOT_AVAILABLE (the wildcard address, or port 0),
 * APM_ERROR_NOT_CONNECTED (a stream that is not),
 * APM_ERROR_MESSAGE_SIZE (too large for a datagram), APM_ERROR_ACCESS_DENIED (a broadcast
 * address without APM_SOCKET_OPTION_BROADCAST), or another SocketError.
 *
 * .NET: Socket.BeginSendTo.
 */
APM_API apm_error APM_CALL apm_socket_begin_send_to(apm_socket *socket, const void *buffer, size_t size,
                                                    int32_t flags, const apm_endpoint *remote,
                                                    apm_async_callback callback, void *state,
                                                    apm_async_result **result);

/**
 * Ends a send of a datagram. Blocks until it has completed. `sent` may be NULL. The operation's own
 * errors: HostUnreachable, NetworkUnreachable, MessageSize, OperationAborted and others.
 *
 * .NET: Socket.EndSendTo.
 */
APM_API apm_error APM_CALL apm_socket_end_send_to(apm_socket *socket, apm_async_result *result, size_t *sent);

/**
 * Begins to receive one datagram and where it came from. The socket has to be bound, by
 * apm_socket_bind, a connect or a send_to.
 *
 * Errors besides those of every Begin: APM_ERROR_ARGUMENT_OUT_OF_RANGE (`size` above half
 * the address space), APM_ERROR_INVALID_OPERATION (not bound), APM_ERROR_NOT_CONNECTED (a
 * stream that is not), APM_ERROR_SHUTDOWN, or another SocketError.
 *
 * .NET: Socket.BeginReceiveFrom.
 */
APM_API apm_error APM_CALL apm_socket_begin_receive_from(apm_socket *socket, void *buffer, size_t size,
                                                         int32_t flags, apm_async_callback callback,
                                                         void *state, apm_async_result **result);

/**
 * Ends a receive of a datagram. Blocks until it has completed. `received` (may be NULL) is
 * the number of bytes in the buffer. `remote` receives the sender, also next to
 * APM_ERROR_MESSAGE_SIZE: the datagram was larger than the buffer, which holds its beginning;
 * the rest is gone. On a stream it is the peer of when the receive began, and empty (`length` 0) if the
 * socket had been disconnected by then.
 *
 * Errors besides those of every End: APM_ERROR_ARGUMENT_NULL (`remote`, looked at before
 * `result`).
 *
 * .NET: Socket.EndReceiveFrom.
 */
APM_API apm_error APM_CALL apm_socket_end_receive_from(apm_socket *socket, apm_async_result *result,
                                                       size_t *received, apm_endpoint *remote);

/**
 * Begins to receive one datagram, where it came from and how.
 *
 * Errors: as of apm_socket_begin_receive_from; APM_ERROR_OPERATION_NOT_SUPPORTED on a
 * stream.
 *
 * .NET: Socket.BeginReceiveMessageFrom.
 */
APM_API apm_error APM_CALL apm_socket_begin_receive_message_from(apm_socket *socket, void *buffer,
                                                                 size_t size, int32_t flags,
                                                                 apm_async_callback callback, void *state,
                                                                 apm_async_result **result);

/**
 * Ends it. Blocks until it has completed. A datagram larger than the buffer is no error
 * here: `flags` has APM_FLAG_TRUNCATED, and the rest is gone. `received`, `flags` and
 * `information` may be NULL.
 *
 * Errors besides those of every End: APM_ERROR_ARGUMENT_NULL (`remote`, looked at before
 * `result`).
 *
 * .NET: Socket.EndReceiveMessageFrom.
 */
APM_API apm_error APM_CALL apm_socket_end_receive_message_from(apm_socket *socket, apm_async_result *result,
                                                               size_t *received, int32_t *flags,
                                                               apm_endpoint *remote,
                                                               apm_packet_information *information);

APM_END_DECLARATIONS

#endif
