/* SPDX-License-Identifier: MIT */
/**
 * @file error.h
 * Errors. Zero is success. A positive value is a .NET SocketError, the same number as
 * Winsock's. A negative value is one of .NET's other exceptions, kept apart because
 * callers test for them. A code of the system that is in neither set passes through as
 * it is; it has a message, and the name "Unknown".
 */
#ifndef APMSOCK_ERROR_H
#define APMSOCK_ERROR_H

#include "base.h"

APM_BEGIN_DECLARATIONS

enum {
    APM_ERROR_SUCCESS = 0,

    APM_ERROR_SOCKET = -1,                /**< SocketError.SocketError: unspecified */
    APM_ERROR_OBJECT_DISPOSED = -2,       /**< ObjectDisposedException: closed by us */
    APM_ERROR_ARGUMENT_NULL = -3,         /**< ArgumentNullException */
    APM_ERROR_ARGUMENT_OUT_OF_RANGE = -4, /**< ArgumentOutOfRangeException */
    APM_ERROR_ARGUMENT = -5,              /**< ArgumentException */
    APM_ERROR_INVALID_OPERATION = -6,     /**< InvalidOperationException */
    APM_ERROR_NOT_SUPPORTED = -7,         /**< NotSupportedException */
    APM_ERROR_FILE_NOT_FOUND = -8,        /**< FileNotFoundException */
    APM_ERROR_OUT_OF_MEMORY = -9,         /**< OutOfMemoryException */
    APM_ERROR_FORMAT = -10,               /**< FormatException */

    APM_ERROR_OPERATION_ABORTED = 995,
    APM_ERROR_IO_PENDING = 997,
    APM_ERROR_INTERRUPTED = 10004,
    APM_ERROR_ACCESS_DENIED = 10013,
    APM_ERROR_FAULT = 10014,
    APM_ERROR_INVALID_ARGUMENT = 10022,
    APM_ERROR_TOO_MANY_OPEN_SOCKETS = 10024,
    APM_ERROR_WOULD_BLOCK = 10035,
    APM_ERROR_IN_PROGRESS = 10036,
    APM_ERROR_ALREADY_IN_PROGRESS = 10037,
    APM_ERROR_NOT_SOCKET = 10038,
    APM_ERROR_DESTINATION_ADDRESS_REQUIRED = 10039,
    APM_ERROR_MESSAGE_SIZE = 10040,
    APM_ERROR_PROTOCOL_TYPE = 10041,
    APM_ERROR_PROTOCOL_OPTION = 10042,
    APM_ERROR_PROTOCOL_NOT_SUPPORTED = 10043,
    APM_ERROR_SOCKET_NOT_SUPPORTED = 10044,
    APM_ERROR_OPERATION_NOT_SUPPORTED = 10045,
    APM_ERROR_PROTOCOL_FAMILY_NOT_SUPPORTED = 10046,
    APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED = 10047,
    APM_ERROR_ADDRESS_ALREADY_IN_USE = 10048,
    APM_ERROR_ADDRESS_NOT_AVAILABLE = 10049,
    APM_ERROR_NETWORK_DOWN = 10050,
    APM_ERROR_NETWORK_UNREACHABLE = 10051,
    APM_ERROR_NETWORK_RESET = 10052,
    APM_ERROR_CONNECTION_ABORTED = 10053,
    APM_ERROR_CONNECTION_RESET = 10054,
    APM_ERROR_NO_BUFFER_SPACE_AVAILABLE = 10055,
    APM_ERROR_IS_CONNECTED = 10056,
    APM_ERROR_NOT_CONNECTED = 10057,
    APM_ERROR_SHUTDOWN = 10058,
    APM_ERROR_TIMED_OUT = 10060,
    APM_ERROR_CONNECTION_REFUSED = 10061,
    APM_ERROR_HOST_DOWN = 10064,
    APM_ERROR_HOST_UNREACHABLE = 10065,
    APM_ERROR_PROCESS_LIMIT = 10067,
    APM_ERROR_SYSTEM_NOT_READY = 10091,
    APM_ERROR_VERSION_NOT_SUPPORTED = 10092,
    APM_ERROR_NOT_INITIALIZED = 10093,
    APM_ERROR_DISCONNECTING = 10101,
    APM_ERROR_TYPE_NOT_FOUND = 10109,
    APM_ERROR_HOST_NOT_FOUND = 11001,
    APM_ERROR_TRY_AGAIN = 11002,
    APM_ERROR_NO_RECOVERY = 11003,
    APM_ERROR_NO_DATA = 11004
};

/**
 * The name of an error: .NET's member of SocketError ("ConnectionRefused"), or the
 * exception without its suffix ("ObjectDisposed"). "Success" for 0, "Unknown" for a code
 * without a name. The text is static; never NULL.
 *
 * .NET: SocketException.SocketErrorCode.ToString(), Exception.GetType().Name.
 */
APM_API const char *APM_CALL apm_error_name(apm_error error);

/**
 * Writes the system's text for an error, in UTF-8 and without a line end, into the `size`
 * bytes at `text`; what fits is written and always terminated, never cut inside a
 * character. `text` may be NULL when `size` is 0.
 *
 * Returns the length in bytes that the whole text needs, without its NUL.
 *
 * .NET: SocketException.Message.
 */
APM_API size_t APM_CALL apm_error_message(apm_error error, char *text, size_t size);

APM_END_DECLARATIONS

#endif
