/* SPDX-License-Identifier: MIT */
/**
 * @file manual_reset_event.hpp
 * An event that is given back by itself. What the members do is in manual_reset_event.h.
 */
#ifndef APMSOCK_MANUAL_RESET_EVENT_HPP
#define APMSOCK_MANUAL_RESET_EVENT_HPP

#include "error.hpp"
#include "manual_reset_event.h"

#include <utility>

namespace apm
{

/** Owns an apm_manual_reset_event. */
class manual_reset_event
{
  public:
    manual_reset_event() noexcept = default;
    manual_reset_event(manual_reset_event &&other) noexcept : event_(std::exchange(other.event_, nullptr))
    {
    }
    manual_reset_event &operator=(manual_reset_event &&other) noexcept
    {
        manual_reset_event taken(std::move(other));

        std::swap(event_, taken.event_);
        return *this;
    }
    ~manual_reset_event()
    {
        apm_manual_reset_event_close(event_);
    }
    error create(bool signaled) noexcept
    {
        apm_manual_reset_event *fresh = nullptr;
        apm_error code = apm_manual_reset_event_create(signaled, &fresh);

        if (code == APM_ERROR_SUCCESS) apm_manual_reset_event_close(std::exchange(event_, fresh));
        return code;
    }
    void close() noexcept
    {
        apm_manual_reset_event_close(std::exchange(event_, nullptr));
    }
    error set() noexcept
    {
        return apm_manual_reset_event_set(event_);
    }
    error reset() noexcept
    {
        return apm_manual_reset_event_reset(event_);
    }
    error wait_one(uint32_t timeout = APM_INFINITE) noexcept
    {
        return apm_manual_reset_event_wait_one(event_, timeout);
    }
    /** The Win32 HANDLE. */
    void *handle() const noexcept
    {
        return apm_manual_reset_event_handle(event_);
    }
    apm_manual_reset_event *get() const noexcept
    {
        return event_;
    }
    explicit operator bool() const noexcept
    {
        return event_ != nullptr;
    }

  private:
    apm_manual_reset_event *event_ = nullptr;
};

} // namespace apm

#endif
