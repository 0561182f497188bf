/* SPDX-License-Identifier: MIT */
/*
 * What the model asks of an endpoint. None of these takes NULL.
 */
#ifndef APMI_ENDPOINT_H
#define APMI_ENDPOINT_H

#include <apmsock/endpoint.h>

/* Whether it holds an IPv4 or IPv6 sockaddr of just that family's length. Whatever a caller
 * or the kernel has filled in is safe to ask about. */
bool apmi_endpoint_is_valid(const apm_endpoint *endpoint);

/* 0.0.0.0, :: or ::ffff:0.0.0.0, with any port or scope. */
bool apmi_endpoint_is_wildcard(const apm_endpoint *endpoint);

/* 127.0.0.0/8, ::1 or ::ffff:127.0.0.0/104, with any port or scope. */
bool apmi_endpoint_is_loopback(const apm_endpoint *endpoint);

/* The family's wildcard with port 0; an empty endpoint for a family that is not of IP. */
apm_endpoint apmi_endpoint_wildcard(int32_t family);

#endif
