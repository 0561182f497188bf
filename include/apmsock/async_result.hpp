/* SPDX-License-Identifier: MIT */
/**
 * @file async_result.hpp
 * One operation, owned or not. What the members do is in async_result.h.
 */
#ifndef APMSOCK_ASYNC_RESULT_HPP
#define APMSOCK_ASYNC_RESULT_HPP

#include "async_result.h"
#include "error.hpp"

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace apm
{

/** What can be done with an operation, whoever owns it. Not a type of its own: see the two below. */
class async_result_members
{
  public:
    /** What c_callback was given; of a functor nothing that is of use. */
    void *state() const noexcept
    {
        return apm_async_result_state(result_);
    }
    bool is_completed() const noexcept
    {
        return apm_async_result_is_completed(result_);
    }
    bool completed_synchronously() const noexcept
    {
        return apm_async_result_completed_synchronously(result_);
    }
    /** A Win32 HANDLE that stays the operation's. */
    void *wait_handle() const noexcept
    {
        return apm_async_result_wait_handle(result_);
    }
    error wait(uint32_t timeout = APM_INFINITE) const noexcept
    {
        return apm_async_result_wait(result_, timeout);
    }
    error cancel() const noexcept
    {
        return apm_async_result_cancel(result_);
    }
    error cancel_after(uint32_t timeout) const noexcept
    {
        return apm_async_result_cancel_after(result_, timeout);
    }
    /** Throws std::bad_alloc. */
    std::string text() const
    {
        std::string whole(apm_async_result_message(result_, nullptr, 0), '\0');

        (void)apm_async_result_message(result_, whole.data(), whole.size() + 1);
        return whole;
    }
    apm_async_result *get() const noexcept
    {
        return result_;
    }
    explicit operator bool() const noexcept
    {
        return result_ != nullptr;
    }

  protected:
    constexpr async_result_members(apm_async_result *result) noexcept : result_(result)
    {
    }
    async_result_members(const async_result_members &) noexcept = default;
    async_result_members &operator=(const async_result_members &) noexcept = default;
    ~async_result_members() = default;

    apm_async_result *result_;
};

/** An operation that somebody else owns; what a callback gets, valid until that returns. */
class async_result_ref : public async_result_members
{
  public:
    constexpr async_result_ref(apm_async_result *result = nullptr) noexcept : async_result_members(result)
    {
    }
    async_result_ref(const async_result_members &other) noexcept : async_result_members(other)
    {
    }
    /** What a thread is given with std::ref. */
    template <class Owner, std::enable_if_t<std::is_base_of_v<async_result_members, Owner>, int> = 0>
    async_result_ref(std::reference_wrapper<Owner> other) noexcept : async_result_members(other.get())
    {
    }
};

/** Owns one reference to an operation. The operation goes on without it. */
class async_result : public async_result_members
{
  public:
    async_result() noexcept : async_result_members(nullptr)
    {
    }
    /** One reference more: keeps what a callback got. */
    explicit async_result(async_result_ref other) noexcept : async_result_members(other)
    {
        apm_async_result_retain(result_);
    }
    async_result(async_result &&other) noexcept : async_result_members(std::exchange(other.result_, nullptr))
    {
    }
    async_result &operator=(async_result &&other) noexcept
    {
        async_result taken(std::move(other));

        std::swap(result_, taken.result_);
        return *this;
    }
    ~async_result()
    {
        apm_async_result_release(result_);
    }
    void release() noexcept
    {
        apm_async_result_release(std::exchange(result_, nullptr));
    }

  private:
    friend class socket_members;
};

} // namespace apm

#endif
