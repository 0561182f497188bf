/* SPDX-License-Identifier: MIT */
/**
 * @file endpoint.h
 * An address and a port, as a value: System.Net.IPEndPoint. Copy it, compare it, keep it
 * where you like. These functions are pure: they start nothing and ask nobody.
 */
#ifndef APMSOCK_ENDPOINT_H
#define APMSOCK_ENDPOINT_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/** Winsock's numbers for families; those for types, protocols, flags and shutdown are in socket.h. */
enum { APM_FAMILY_UNSPECIFIED = 0, APM_FAMILY_IPV4 = 2, APM_FAMILY_IPV6 = 23 };

/** Room for every endpoint's text with its NUL: "[...%scope]:port". */
#define APM_ENDPOINT_TEXT_SIZE 80

/** `address` is a Windows sockaddr of `length` bytes; `reserved` is 0. */
typedef struct apm_endpoint {
    int32_t length;       /**< of what is in `address`, in bytes; 0: no endpoint */
    int32_t reserved;     /**< 0 */
    uint64_t address[16]; /**< the sockaddr */
} apm_endpoint;

/**
 * From an IP literal and a port. IPv4 has one to four parts, each decimal, 0x-hexadecimal
 * or 0-octal, the last one filling what is left ("127.1" is 127.0.0.1); IPv6 may stand in
 * brackets and may end in a numeric %scope.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_FORMAT.
 *
 * .NET: new IPEndPoint(IPAddress.Parse(ip), port).
 */
APM_API apm_error APM_CALL apm_endpoint_from_ip(const char *ip, uint16_t port, apm_endpoint *endpoint);

/**
 * From "1.2.3.4:500" or "[::1]:500". Without a port ("1.2.3.4", "::1") it is 0.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_FORMAT.
 *
 * .NET: IPEndPoint.Parse (of .NET Core 3.0 and later).
 */
APM_API apm_error APM_CALL apm_endpoint_parse(const char *text, apm_endpoint *endpoint);

/**
 * The wildcard address, 0.0.0.0 or ::, for apm_socket_bind.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_NOT_SUPPORTED (neither IPv4 nor IPv6).
 *
 * .NET: new IPEndPoint(IPAddress.Any, port), IPAddress.IPv6Any.
 */
APM_API apm_error APM_CALL apm_endpoint_any(int32_t family, uint16_t port, apm_endpoint *endpoint);

/**
 * 127.0.0.1 or ::1.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_NOT_SUPPORTED (neither IPv4 nor IPv6).
 *
 * .NET: new IPEndPoint(IPAddress.Loopback, port), IPAddress.IPv6Loopback.
 */
APM_API apm_error APM_CALL apm_endpoint_loopback(int32_t family, uint16_t port, apm_endpoint *endpoint);

/** The family, or 0 for NULL and for an endpoint that holds none. .NET: EndPoint.AddressFamily. */
APM_API int32_t APM_CALL apm_endpoint_family(const apm_endpoint *endpoint);

/** The port in the host's byte order, or 0 where there is none. .NET: IPEndPoint.Port. */
APM_API uint16_t APM_CALL apm_endpoint_port(const apm_endpoint *endpoint);

/**
 * Same family, address, scope and port. NULL equals NULL only.
 *
 * .NET: IPEndPoint.Equals.
 */
APM_API bool APM_CALL apm_endpoint_equal(const apm_endpoint *a, const apm_endpoint *b);

/**
 * Writes "1.2.3.4:500" or "[::1%2]:500" into the `size` bytes at `text`; what fits is
 * written and always terminated. `text` may be NULL when `size` is 0.
 * APM_ENDPOINT_TEXT_SIZE bytes are always enough.
 *
 * Returns the length in bytes that the whole text needs, without its NUL; 0 (and an empty
 * text) for NULL and for an endpoint that holds no IP address.
 *
 * .NET: IPEndPoint.ToString().
 */
APM_API size_t APM_CALL apm_endpoint_format(const apm_endpoint *endpoint, char *text, size_t size);

APM_END_DECLARATIONS

#endif
