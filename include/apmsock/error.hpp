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

/** An apm_error; true if it is one. Becomes a std::error_code of apm::error_category(). */
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
};

/* Not inside the function: that would take a lock of the C++ run-time's, and a handle for it. */
inline const category only_category;
} // namespace detail

inline const std::error_category &error_category() noexcept
{
    return detail::only_category;
}

} // namespace apm

#endif
