/* SPDX-License-Identifier: MIT */
/**
 * @file library.hpp
 * Starting and ending the library by scope. What that does is in library.h.
 */
#ifndef APMSOCK_LIBRARY_HPP
#define APMSOCK_LIBRARY_HPP

#include "error.hpp"
#include "library.h"
#include "statistics.h"

#include <utility>

namespace apm
{

/** One apm_startup, taken back when it is destroyed. Not needed: the first socket starts the library. */
class library
{
  public:
    library() noexcept = default;
    library(library &&other) noexcept : started_(std::exchange(other.started_, false))
    {
    }
    library &operator=(library &&other) noexcept
    {
        library taken(std::move(other));

        std::swap(started_, taken.started_);
        return *this;
    }
    /** Blocks as apm_cleanup does. Where that refuses (a callback, a DllMain) the library stays started. */
    ~library()
    {
        (void)cleanup();
    }
    /** Nothing happens if this one has started it already. */
    error startup(const apm_options *options = nullptr) noexcept
    {
        apm_error code = started_ ? APM_ERROR_SUCCESS : apm_startup(options);

        started_ = code == APM_ERROR_SUCCESS;
        return code;
    }
    /** Nothing happens if this one has not started it. */
    error cleanup() noexcept
    {
        apm_error code = started_ ? apm_cleanup() : APM_ERROR_SUCCESS;

        if (code == APM_ERROR_SUCCESS) started_ = false;
        return code;
    }
    /** Runs callbacks here; see apm_poll. */
    static error poll(uint32_t timeout = APM_INFINITE) noexcept
    {
        return apm_poll(timeout);
    }
    static error statistics(apm_statistics &place) noexcept
    {
        place.size = sizeof place;
        return apm_get_statistics(&place);
    }
    static const char *version() noexcept
    {
        return apm_version();
    }

  private:
    bool started_ = false;
};

} // namespace apm

#endif
