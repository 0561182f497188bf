/* SPDX-License-Identifier: MIT */
/**
 * @file apmsock.hpp
 * The library for C++17 and later: handles that give themselves back, and lambdas as callbacks.
 * Header only, over the C interface; each member does what the C function of its name does, and
 * the C headers say what that is. Errors are values: every member that can fail returns an
 * apm::error, and nothing here throws, but the text() members, text(record) and message(), which
 * make a std::string.
 *
 * **Callbacks.** Wherever an operation begins, `callback` is one of
 *  - nullptr: none;
 *  - anything that can be called with an async_result_ref, a lambda above all. It is moved (or
 *    copied) into the operation, lives until it has returned, and is destroyed right after, on
 *    the thread that called it. One that is trivially copyable and not larger than a pointer
 *    costs no allocation, every other one exactly one (by `new (std::nothrow)`). When Begin
 *    fails it is destroyed without having been called;
 *  - std::ref(functor): the caller keeps the functor, which must stay until it has returned. No
 *    allocation, whatever its size;
 *  - apm::c_callback{function, state}: handed to the C interface as it is.
 *
 * Callbacks run on threads of the library's pool, or inside Begin (async_result.h). **A callback
 * that throws ends the program** by std::terminate: it is called from a noexcept function, and no
 * exception gets into the library.
 *
 * **Handles.** socket, async_result, manual_reset_event and library own and can be moved, not
 * copied. socket_ref and async_result_ref own nothing and are as cheap as a pointer: pass them
 * by value, and use them only as long as somebody owns what they stand for. A member that fills a handle gives back what
 * that held before, when it has succeeded; otherwise the handle is as it was.
 */
#ifndef APMSOCK_HPP
#define APMSOCK_HPP

#include "apmsock.h"
#include "async_result.hpp"
#include "callback.hpp"
#include "endpoint.hpp"
#include "error.hpp"
#include "library.hpp"
#include "log.hpp"
#include "manual_reset_event.hpp"
#include "socket.hpp"

#endif
