/* SPDX-License-Identifier: MIT */
/**
 * @file error.hpp
 * Errors as values, and as std::error_code. What they mean is in error.h.
 */
#ifndef APMSOCK_ERROR_HPP
#define APMSOCK_ERROR_HPP

#include "error.h"

#include <string>
#include <system_error>

namespace apm
{

class error;
inline const std::error_category &error_category() noexcept;

/** An apm_error; true if it is one. Becomes a std::error_code of apm::error_category(), which a std::errc can be
 * compared with. */
class [[nodiscard]] error
{
  public:
    constexpr error() noexcept = default;
    constexpr error(apm_error code) noexcept : code_(code)
    {
    }
    constexpr apm_error code() const noexcept
    {
        return code_;
    }
    constexpr explicit operator bool() const noexcept
    {
        return code_ != APM_ERROR_SUCCESS;
    }
    /** "ConnectionRefused"; static. */
    const char *name() const noexcept
    {
        return apm_error_name(code_);
    }
    /** The system's text. Throws std::bad_alloc. */
    std::string message() const
    {
        std::string whole(apm_error_message(code_, nullptr, 0), '\0');

        // A std::string has room for a NUL behind its characters.
        (void)apm_error_message(code_, whole.data(), whole.size() + 1);
        return whole;
    }
    operator std::error_code() const noexcept
    {
        return std::error_code(code_, error_category());
    }
    friend constexpr bool operator==(error a, error b) noexcept
    {
        return a.code_ == b.code_;
    }
    friend constexpr bool operator!=(error a, error b) noexcept
    {
        return a.code_ != b.code_;
    }

  private:
    apm_error code_ = APM_ERROR_SUCCESS;
};

namespace detail
{
class category final : public std::error_category
{
  public:
    const char *name() const noexcept override
    {
        return "apmsock";
    }
    std::string message(int code) const override
    {
        return error(code).message();
    }
    /** So that it can be compared with a std::errc. */
    std::error_condition default_error_condition(int code) const noexcept override
    {
        switch (code) {
        case APM_ERROR_ARGUMENT_NULL:
        case APM_ERROR_ARGUMENT_OUT_OF_RANGE:
        case APM_ERROR_ARGUMENT:
        case APM_ERROR_INVALID_ARGUMENT: return std::errc::invalid_argument;
        case APM_ERROR_FILE_NOT_FOUND: return std::errc::no_such_file_or_directory;
        case APM_ERROR_OUT_OF_MEMORY: return std::errc::not_enough_memory;
        case APM_ERROR_OPERATION_ABORTED: return std::errc::operation_canceled;
        case APM_ERROR_INTERRUPTED: return std::errc::interrupted;
        case APM_ERROR_ACCESS_DENIED: return std::errc::permission_denied;
        case APM_ERROR_FAULT: return std::errc::bad_address;
        case APM_ERROR_TOO_MANY_OPEN_SOCKETS: return std::errc::too_many_files_open;
        case APM_ERROR_WOULD_BLOCK: return std::errc::operation_would_block;
        case APM_ERROR_IN_PROGRESS: return std::errc::operation_in_progress;
        case APM_ERROR_ALREADY_IN_PROGRESS: return std::errc::connection_already_in_progress;
        case APM_ERROR_NOT_SOCKET: return std::errc::not_a_socket;
        case APM_ERROR_DESTINATION_ADDRESS_REQUIRED: return std::errc::destination_address_required;
        case APM_ERROR_MESSAGE_SIZE: return std::errc::message_size;
        case APM_ERROR_PROTOCOL_TYPE: return std::errc::wrong_protocol_type;
        case APM_ERROR_PROTOCOL_OPTION: return std::errc::no_protocol_option;
        case APM_ERROR_PROTOCOL_NOT_SUPPORTED: return std::errc::protocol_not_supported;
        case APM_ERROR_OPERATION_NOT_SUPPORTED: return std::errc::operation_not_supported;
        case APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED: return std::errc::address_family_not_supported;
        case APM_ERROR_ADDRESS_ALREADY_IN_USE: return std::errc::address_in_use;
        case APM_ERROR_ADDRESS_NOT_AVAILABLE: return std::errc::address_not_available;
        case APM_ERROR_NETWORK_DOWN: return std::errc::network_down;
        case APM_ERROR_NETWORK_UNREACHABLE: return std::errc::network_unreachable;
        case APM_ERROR_NETWORK_RESET: return std::errc::network_reset;
        case APM_ERROR_CONNECTION_ABORTED: return std::errc::connection_aborted;
        case APM_ERROR_CONNECTION_RESET: return std::errc::connection_reset;
        case APM_ERROR_NO_BUFFER_SPACE_AVAILABLE: return std::errc::no_buffer_space;
        case APM_ERROR_IS_CONNECTED: return std::errc::already_connected;
        case APM_ERROR_NOT_CONNECTED: return std::errc::not_connected;
        case APM_ERROR_SHUTDOWN: return std::errc::broken_pipe;
        case APM_ERROR_TIMED_OUT: return std::errc::timed_out;
        case APM_ERROR_CONNECTION_REFUSED: return std::errc::connection_refused;
        case APM_ERROR_HOST_UNREACHABLE: return std::errc::host_unreachable;
        default: return std::error_condition(code, *this);
        }
    }
};

/* Never destroyed: while the process exits a callback may still ask, and so may the destructor of a global. */
union category_place {
    constexpr category_place() noexcept : value()
    {
    }
    ~category_place()
    {
    }
    category value;
};

/* Not inside the function: that would take a lock of the C++ run-time's, and a handle for it. */
inline const category_place only_category;
} // namespace detail

inline const std::error_category &error_category() noexcept
{
    return detail::only_category.value;
}

} // namespace apm

#endif
