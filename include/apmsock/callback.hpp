/* SPDX-License-Identifier: MIT */
/**
 * @file callback.hpp
 * What can be given for a callback, and how it gets to the C interface; see apmsock.hpp.
 */
#ifndef APMSOCK_CALLBACK_HPP
#define APMSOCK_CALLBACK_HPP

#include "async_result.hpp"

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace apm
{

/** A callback of the C interface, and its state. */
struct c_callback {
    apm_async_callback function;
    void *state;
};

namespace detail
{

/** What the C interface is given for a callback: how to call it, and how to drop it uncalled. */
struct bound {
    apm_async_callback function = nullptr;
    void *state = nullptr;
    void (*drop)(void *state) = nullptr; /* nullptr: there is nothing to drop */
    bool failed = false;                 /* no memory */
};

template <class Functor>
inline constexpr bool fits_pointer = std::is_trivially_copyable_v<Functor> &&
                                     sizeof(Functor) <= sizeof(void *) && alignof(Functor) <= alignof(void *);

/* noexcept is what turns an exception into std::terminate; (void) drops what a functor returns, also an error. */
template <class Functor> void APM_CALL call_owned(apm_async_result *result) noexcept
{
    Functor *functor = static_cast<Functor *>(apm_async_result_state(result));

    (void)(*functor)(async_result_ref(result));
    delete functor;
}

template <class Functor> void drop_owned(void *state)
{
    delete static_cast<Functor *>(state);
}

template <class Functor> void APM_CALL call_borrowed(apm_async_result *result) noexcept
{
    (void)(*static_cast<Functor *>(apm_async_result_state(result)))(async_result_ref(result));
}

/* The state is the functor's bytes. */
template <class Functor> void APM_CALL call_small(apm_async_result *result) noexcept
{
    alignas(Functor) unsigned char bytes[sizeof(Functor)];
    void *state = apm_async_result_state(result);

    std::memcpy(bytes, &state, sizeof(Functor));
    (void)(*std::launder(reinterpret_cast<Functor *>(bytes)))(async_result_ref(result));
}

inline bound bind_callback(std::nullptr_t) noexcept
{
    return bound();
}

inline bound bind_callback(c_callback callback) noexcept
{
    bound made;

    made.function = callback.function;
    made.state = callback.state;
    return made;
}

template <class Functor> bound bind_callback(std::reference_wrapper<Functor> callback) noexcept
{
    static_assert(std::is_invocable_v<Functor &, async_result_ref>, "a callback takes an async_result_ref");
    static_assert(!std::is_const_v<Functor> && !std::is_function_v<Functor>,
                  "refer to an object that is not const");
    bound made;

    made.function = call_borrowed<Functor>;
    made.state = std::addressof(callback.get());
    return made;
}

template <class Callback> bound bind_callback(Callback &&callback) noexcept
{
    using Functor = std::decay_t<Callback>;
    static_assert(std::is_invocable_v<Functor &, async_result_ref>, "a callback takes an async_result_ref");
    static_assert(std::is_nothrow_constructible_v<Functor, Callback>,
                  "a functor must get into the operation without an exception: move it, or use std::ref");
    bound made;

    if constexpr (fits_pointer<Functor>) {
        Functor copy(std::forward<Callback>(callback));

        made.function = call_small<Functor>;
        std::memcpy(&made.state, static_cast<const void *>(std::addressof(copy)), sizeof copy);
    } else {
        made.function = call_owned<Functor>;
        made.drop = drop_owned<Functor>;
        made.state = new (std::nothrow) Functor(std::forward<Callback>(callback));
        made.failed = made.state == nullptr;
    }
    return made;
}

} // namespace detail

} // namespace apm

#endif
