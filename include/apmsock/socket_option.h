/* SPDX-License-Identifier: MIT */
/**
 * @file socket_option.h
 * Options of a socket. What a caller has set with the functions here is set again on every fresh
 * kernel socket that the library gives the same apm_socket (a further address, a connect after a
 * failed one, a disconnect with reuse); of raw options those of up to 64 bytes.
 */
#ifndef APMSOCK_SOCKET_OPTION_H
#define APMSOCK_SOCKET_OPTION_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/** Booleans are 0 or 1; when set, everything but 0 is 1. */
typedef enum apm_socket_option {
    APM_SOCKET_OPTION_NO_DELAY,               /**< bool; TCP; default 0. Socket.NoDelay */
    APM_SOCKET_OPTION_KEEP_ALIVE,             /**< bool; default 0 */
    APM_SOCKET_OPTION_KEEP_ALIVE_TIME,        /**< seconds until the first probe, from 1 */
    APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL,    /**< seconds between probes, from 1 */
    APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, /**< probes, from 1; ProtocolOption where the system lacks it */
    APM_SOCKET_OPTION_LINGER,                 /**< bool: close blocks for LINGER_TIME. LingerState.Enabled */
    APM_SOCKET_OPTION_LINGER_TIME,            /**< seconds, 0 to 65535; 0 aborts. LingerState.LingerTime */
    APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE,    /**< bytes, from 0 */
    APM_SOCKET_OPTION_SEND_BUFFER_SIZE,       /**< bytes, from 0 */
    APM_SOCKET_OPTION_RECEIVE_TIMEOUT,        /**< ms, of the blocking members only; 0 or -1: none */
    APM_SOCKET_OPTION_SEND_TIMEOUT,           /**< ms, of the blocking members only; 0 or -1: none */
    APM_SOCKET_OPTION_TTL,                    /**< hops, 0 to 255. Socket.Ttl */
    APM_SOCKET_OPTION_DUAL_MODE,              /**< bool; IPv6: can use IPv4, too; before it is bound */
    APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE,  /**< bool; before it is bound */
    APM_SOCKET_OPTION_BROADCAST,              /**< bool; datagrams; default 0. Socket.EnableBroadcast */
    APM_SOCKET_OPTION_DONT_FRAGMENT,          /**< bool; IPv4; the default is the system's. Windows keeps to
                                                   it for datagrams only */
    APM_SOCKET_OPTION_MULTICAST_LOOPBACK,     /**< bool; datagrams; default 1. Windows asks it of the socket
                                                   that receives */
    APM_SOCKET_OPTION_CONNECT_TIMEOUT,        /**< ms, of the whole of each connect; 0 or -1: none */
    APM_SOCKET_OPTION_CONNECT_ALGORITHM,      /**< an APM_CONNECT_... value; see connect.h */
    APM_SOCKET_OPTION_UDP_CONNECTION_RESET,   /**< bool; datagrams; default 1; see datagram.h */
    APM_SOCKET_OPTION_REUSE_UNICAST_PORT,     /**< bool; whether the port of an unbound socket that connects
                                                   may be shared between connections; default 1 */
    APM_SOCKET_OPTION_TYPE_OF_SERVICE         /**< 0 to 255; IPv4. Windows takes it, and sends another value
                                                   unless it was told to by policy */
} apm_socket_option;

/** Values of APM_SOCKET_OPTION_CONNECT_ALGORITHM. */
enum {
    APM_CONNECT_SEQUENTIAL = 0, /**< one address after the other, as .NET Framework does; the default */
    APM_CONNECT_PARALLEL = 1    /**< RFC 8305 */
};

/**
 * Sets an option. On an older system the keep-alive times are set together, in another way,
 * and the one that was not set has the system's default.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL,
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE (the value), APM_ERROR_ARGUMENT (LINGER_TIME),
 * APM_ERROR_NOT_SUPPORTED (an option of another family), APM_ERROR_INVALID_OPERATION
 * (EXCLUSIVE_ADDRESS_USE or DUAL_MODE of a bound socket), APM_ERROR_PROTOCOL_OPTION (an
 * unknown option, or one of another protocol), APM_ERROR_OUT_OF_MEMORY, or another SocketError.
 *
 * .NET: Socket.NoDelay, LingerState, ReceiveBufferSize, SendTimeout, Ttl, DualMode ...;
 * Socket.SetSocketOption(SocketOptionLevel, SocketOptionName, int).
 */
APM_API apm_error APM_CALL apm_socket_set_option(apm_socket *socket, apm_socket_option option, int32_t value);

/**
 * Reads an option, from the kernel where it is the kernel's.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL, APM_ERROR_NOT_SUPPORTED,
 * APM_ERROR_PROTOCOL_OPTION, or another SocketError.
 *
 * .NET: the properties' getters; Socket.GetSocketOption.
 */
APM_API apm_error APM_CALL apm_socket_get_option(apm_socket *socket, apm_socket_option option,
                                                 int32_t *value);

/**
 * Sets an option by Winsock's level and name, as it is. It is set again on fresh kernel
 * sockets, too, unless `size` is above 64 bytes.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL (`socket`), APM_ERROR_FAULT
 * (`value` is NULL, or too short), APM_ERROR_ARGUMENT_OUT_OF_RANGE (`size`),
 * APM_ERROR_OUT_OF_MEMORY, or another SocketError.
 *
 * .NET: Socket.SetSocketOption(SocketOptionLevel, SocketOptionName, byte[]).
 */
APM_API apm_error APM_CALL apm_socket_set_raw_option(apm_socket *socket, int32_t level, int32_t name,
                                                     const void *value, size_t size);

/**
 * Reads an option by Winsock's level and name. `*size` is the room at `value` on entry, and
 * what was written on return.
 *
 * Errors: APM_ERROR_OBJECT_DISPOSED, APM_ERROR_ARGUMENT_NULL (`socket`, `size`),
 * APM_ERROR_FAULT (`value` is NULL, or too short), APM_ERROR_ARGUMENT_OUT_OF_RANGE (`*size`),
 * or another SocketError.
 *
 * .NET: Socket.GetSocketOption(SocketOptionLevel, SocketOptionName, byte[]).
 */
APM_API apm_error APM_CALL apm_socket_get_raw_option(apm_socket *socket, int32_t level, int32_t name,
                                                     void *value, size_t *size);

APM_END_DECLARATIONS

#endif
