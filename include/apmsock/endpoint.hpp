/* SPDX-License-Identifier: MIT */
/**
 * @file endpoint.hpp
 * An address and a port. What the members do is in endpoint.h.
 */
#ifndef APMSOCK_ENDPOINT_HPP
#define APMSOCK_ENDPOINT_HPP

#include "endpoint.h"
#include "error.hpp"

#include <string>

namespace apm
{

/** An apm_endpoint: a value, and what the C interface takes. */
struct endpoint : apm_endpoint {
    endpoint() noexcept : apm_endpoint()
    {
    }
    endpoint(const apm_endpoint &value) noexcept : apm_endpoint(value)
    {
    }
    static error from_ip(const char *ip, uint16_t port, apm_endpoint &place) noexcept
    {
        return apm_endpoint_from_ip(ip, port, &place);
    }
    static error parse(const char *text, apm_endpoint &place) noexcept
    {
        return apm_endpoint_parse(text, &place);
    }
    static error any(int32_t family, uint16_t port, apm_endpoint &place) noexcept
    {
        return apm_endpoint_any(family, port, &place);
    }
    static error loopback(int32_t family, uint16_t port, apm_endpoint &place) noexcept
    {
        return apm_endpoint_loopback(family, port, &place);
    }
    int32_t family() const noexcept
    {
        return apm_endpoint_family(this);
    }
    uint16_t port() const noexcept
    {
        return apm_endpoint_port(this);
    }
    /** "1.2.3.4:500"; empty if it holds no address. Throws std::bad_alloc. */
    std::string text() const
    {
        char here[APM_ENDPOINT_TEXT_SIZE];

        return std::string(here, apm_endpoint_format(this, here, sizeof here));
    }
    friend bool operator==(const endpoint &a, const endpoint &b) noexcept
    {
        return apm_endpoint_equal(&a, &b);
    }
    friend bool operator!=(const endpoint &a, const endpoint &b) noexcept
    {
        return !(a == b);
    }
};

} // namespace apm

#endif
