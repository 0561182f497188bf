/* SPDX-License-Identifier: MIT */
/**
 * @file socket.hpp
 * The socket. What the members do is in socket.h, connect.h, transfer.h, datagram.h and
 * socket_option.h, under their names; what can be a callback, in apmsock.hpp.
 *
 * Buffers belong to an operation from Begin until it has completed, as in C. A callback may be
 * called, and destroyed, before Begin has returned.
 */
#ifndef APMSOCK_SOCKET_HPP
#define APMSOCK_SOCKET_HPP

#include "async_result.hpp"
#include "callback.hpp"
#include "connect.h"
#include "datagram.h"
#include "endpoint.hpp"
#include "error.hpp"
#include "socket.h"
#include "socket_option.h"
#include "transfer.h"

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif

namespace apm
{

#if defined(__cpp_lib_span)
using bytes = std::span<std::byte>;
using const_bytes = std::span<const std::byte>;
#endif

/** Everything that can be done with a socket, whoever owns it. Not a type of its own: see the three below. */
class socket_members
{
  public:
    apm_socket *get() const noexcept
    {
        return socket_;
    }
    explicit operator bool() const noexcept
    {
        return socket_ != nullptr;
    }

    error bind(const apm_endpoint &local) const noexcept
    {
        return apm_socket_bind(socket_, &local);
    }
    error shutdown(int32_t how) const noexcept
    {
        return apm_socket_shutdown(socket_, how);
    }
    /** May be called by several, and again: the socket stays valid for its End members. */
    error close() const noexcept
    {
        return apm_socket_close(socket_);
    }
    /** See apm_socket_close_timeout: it may block. */
    error close_timeout(int32_t milliseconds) const noexcept
    {
        return apm_socket_close_timeout(socket_, milliseconds);
    }
    bool connected() const noexcept
    {
        return apm_socket_connected(socket_);
    }
    error local_endpoint(apm_endpoint &place) const noexcept
    {
        return apm_socket_local_endpoint(socket_, &place);
    }
    error remote_endpoint(apm_endpoint &place) const noexcept
    {
        return apm_socket_remote_endpoint(socket_, &place);
    }
    error available(size_t &count) const noexcept
    {
        return apm_socket_available(socket_, &count);
    }
    error poll(int32_t microseconds, int32_t mode, bool &ready) const noexcept
    {
        return apm_socket_poll(socket_, microseconds, mode, &ready);
    }
    error io_control(uint32_t code, const void *in, size_t in_size, void *out, size_t out_size,
                     size_t *returned = nullptr) const noexcept
    {
        return apm_socket_io_control(socket_, code, in, in_size, out, out_size, returned);
    }
    /** The kernel's SOCKET, which stays the library's. */
    uintptr_t handle() const noexcept
    {
        return apm_socket_handle(socket_);
    }
    error set_option(apm_socket_option option, int32_t value) const noexcept
    {
        return apm_socket_set_option(socket_, option, value);
    }
    error get_option(apm_socket_option option, int32_t &value) const noexcept
    {
        return apm_socket_get_option(socket_, option, &value);
    }
    error set_raw_option(int32_t level, int32_t name, const void *value, size_t size) const noexcept
    {
        return apm_socket_set_raw_option(socket_, level, name, value, size);
    }
    error get_raw_option(int32_t level, int32_t name, void *value, size_t &size) const noexcept
    {
        return apm_socket_get_raw_option(socket_, level, name, value, &size);
    }

    /* Operations. `result` receives a reference of its own before any callback can run. */

    template <class Callback>
    error begin_connect(const apm_endpoint &remote, Callback &&callback, async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_connect(socket_, &remote, function, state, place);
                     });
    }
    template <class Callback>
    error begin_connect_many(const apm_endpoint *remotes, size_t count, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_connect_many(socket_, remotes, count, function, state,
                                                              place);
                     });
    }
    template <class Callback>
    error begin_connect_host(const char *host, uint16_t port, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_connect_host(socket_, host, port, function, state, place);
                     });
    }
    template <class Callback>
    error begin_disconnect(bool reuse, Callback &&callback, async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_disconnect(socket_, reuse, function, state, place);
                     });
    }
    template <class Callback>
    error begin_send(const void *buffer, size_t size, int32_t flags, Callback &&callback,
                     async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_send(socket_, buffer, size, flags, function, state, place);
                     });
    }
    template <class Callback>
    error begin_send_buffers(const apm_buffer *buffers, size_t count, int32_t flags, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_send_buffers(socket_, buffers, count, flags, function, state,
                                                              place);
                     });
    }
    template <class Callback>
    error begin_send_file(const char *path, const apm_buffer *before, const apm_buffer *after, int32_t flags,
                          Callback &&callback, async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_send_file(socket_, path, before, after, flags, function,
                                                           state, place);
                     });
    }
    template <class Callback>
    error begin_send_to(const void *buffer, size_t size, int32_t flags, const apm_endpoint &remote,
                        Callback &&callback, async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_send_to(socket_, buffer, size, flags, &remote, function,
                                                         state, place);
                     });
    }
    template <class Callback>
    error begin_receive(void *buffer, size_t size, int32_t flags, Callback &&callback,
                        async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_receive(socket_, buffer, size, flags, function, state,
                                                         place);
                     });
    }
    template <class Callback>
    error begin_receive_buffers(const apm_buffer *buffers, size_t count, int32_t flags, Callback &&callback,
                                async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_receive_buffers(socket_, buffers, count, flags, function,
                                                                 state, place);
                     });
    }
    template <class Callback>
    error begin_receive_from(void *buffer, size_t size, int32_t flags, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_receive_from(socket_, buffer, size, flags, function, state,
                                                              place);
                     });
    }
    template <class Callback>
    error begin_receive_message_from(void *buffer, size_t size, int32_t flags, Callback &&callback,
                                     async_result *result = nullptr) const
    {
        return begin(std::forward<Callback>(callback), result,
                     [&](apm_async_callback function, void *state, apm_async_result **place) {
                         return apm_socket_begin_receive_message_from(socket_, buffer, size, flags, function,
                                                                      state, place);
                     });
    }

#if defined(__cpp_lib_span)
    template <class Callback>
    error begin_send(const_bytes data, int32_t flags, Callback &&callback,
                     async_result *result = nullptr) const
    {
        return begin_send(data.data(), data.size(), flags, std::forward<Callback>(callback), result);
    }
    template <class Callback>
    error begin_receive(bytes data, int32_t flags, Callback &&callback, async_result *result = nullptr) const
    {
        return begin_receive(data.data(), data.size(), flags, std::forward<Callback>(callback), result);
    }
    template <class Callback>
    error begin_send_buffers(std::span<const apm_buffer> buffers, int32_t flags, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin_send_buffers(buffers.data(), buffers.size(), flags, std::forward<Callback>(callback),
                                  result);
    }
    template <class Callback>
    error begin_receive_buffers(std::span<const apm_buffer> buffers, int32_t flags, Callback &&callback,
                                async_result *result = nullptr) const
    {
        return begin_receive_buffers(buffers.data(), buffers.size(), flags, std::forward<Callback>(callback),
                                     result);
    }
    template <class Callback>
    error begin_send_to(const_bytes data, int32_t flags, const apm_endpoint &remote, Callback &&callback,
                        async_result *result = nullptr) const
    {
        return begin_send_to(data.data(), data.size(), flags, remote, std::forward<Callback>(callback),
                             result);
    }
    template <class Callback>
    error begin_receive_from(bytes data, int32_t flags, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin_receive_from(data.data(), data.size(), flags, std::forward<Callback>(callback), result);
    }
    template <class Callback>
    error begin_receive_message_from(bytes data, int32_t flags, Callback &&callback,
                                     async_result *result = nullptr) const
    {
        return begin_receive_message_from(data.data(), data.size(), flags, std::forward<Callback>(callback),
                                          result);
    }
    template <class Callback>
    error begin_connect_many(std::span<const apm_endpoint> remotes, Callback &&callback,
                             async_result *result = nullptr) const
    {
        return begin_connect_many(remotes.data(), remotes.size(), std::forward<Callback>(callback), result);
    }
#endif

    /* Ends: at most one for each operation; each blocks until that has completed. */

    error end_connect(async_result_ref result) const noexcept
    {
        return apm_socket_end_connect(socket_, result.get());
    }
    error end_disconnect(async_result_ref result) const noexcept
    {
        return apm_socket_end_disconnect(socket_, result.get());
    }
    error end_send(async_result_ref result, size_t *sent = nullptr) const noexcept
    {
        return apm_socket_end_send(socket_, result.get(), sent);
    }
    error end_receive(async_result_ref result, size_t *received = nullptr) const noexcept
    {
        return apm_socket_end_receive(socket_, result.get(), received);
    }
    error end_send_file(async_result_ref result) const noexcept
    {
        return apm_socket_end_send_file(socket_, result.get());
    }
    error end_send_to(async_result_ref result, size_t *sent = nullptr) const noexcept
    {
        return apm_socket_end_send_to(socket_, result.get(), sent);
    }
    error end_receive_from(async_result_ref result, size_t *received, apm_endpoint &remote) const noexcept
    {
        return apm_socket_end_receive_from(socket_, result.get(), received, &remote);
    }
    error end_receive_message_from(async_result_ref result, size_t *received, int32_t *flags,
                                   apm_endpoint &remote,
                                   apm_packet_information *information = nullptr) const noexcept
    {
        return apm_socket_end_receive_message_from(socket_, result.get(), received, flags, &remote,
                                                   information);
    }

    /* Begin and End in one; each blocks. */

    error connect(const apm_endpoint &remote) const noexcept
    {
        return apm_socket_connect(socket_, &remote);
    }
    error connect_host(const char *host, uint16_t port) const noexcept
    {
        return apm_socket_connect_host(socket_, host, port);
    }
    error send(const void *buffer, size_t size, int32_t flags, size_t *sent = nullptr) const noexcept
    {
        return apm_socket_send(socket_, buffer, size, flags, sent);
    }
    error receive(void *buffer, size_t size, int32_t flags, size_t *received = nullptr) const noexcept
    {
        return apm_socket_receive(socket_, buffer, size, flags, received);
    }
#if defined(__cpp_lib_span)
    error send(const_bytes data, int32_t flags, size_t *sent = nullptr) const noexcept
    {
        return send(data.data(), data.size(), flags, sent);
    }
    error receive(bytes data, int32_t flags, size_t *received = nullptr) const noexcept
    {
        return receive(data.data(), data.size(), flags, received);
    }
#endif

  protected:
    constexpr socket_members(apm_socket *socket) noexcept : socket_(socket)
    {
    }
    socket_members(const socket_members &) noexcept = default;
    socket_members &operator=(const socket_members &) noexcept = default;
    ~socket_members() = default;

    apm_socket *socket_;

  private:
    template <class Callback, class Start>
    static error begin(Callback &&callback, async_result *result, Start start)
    {
        const detail::bound made = detail::bind_callback(std::forward<Callback>(callback));
        apm_async_result *before = result != nullptr ? result->result_ : nullptr;

        if (made.failed) return APM_ERROR_OUT_OF_MEMORY;
        /* Straight into its place: the callback may look there. */
        const apm_error code =
            start(made.function, made.state, result != nullptr ? &result->result_ : nullptr);

        if (code == APM_ERROR_SUCCESS)
            apm_async_result_release(before);
        else if (made.drop != nullptr)
            made.drop(made.state);
        return code;
    }
};

/** A socket that somebody else owns. */
class socket_ref : public socket_members
{
  public:
    constexpr socket_ref(apm_socket *socket = nullptr) noexcept : socket_members(socket)
    {
    }
    socket_ref(const socket_members &other) noexcept : socket_members(other)
    {
    }
    /** What a thread is given with std::ref. */
    template <class Owner, std::enable_if_t<std::is_base_of_v<socket_members, Owner>, int> = 0>
    socket_ref(std::reference_wrapper<Owner> other) noexcept : socket_members(other.get())
    {
    }
};

/** Owns a reference to a socket: it stays valid as long as this does, closed or not. Can be copied. */
class shared_socket : public socket_members
{
  public:
    shared_socket() noexcept : socket_members(nullptr)
    {
    }
    explicit shared_socket(socket_ref other) noexcept : socket_members(other)
    {
        apm_socket_retain(socket_);
    }
    template <class Owner, std::enable_if_t<std::is_base_of_v<socket_members, Owner>, int> = 0>
    explicit shared_socket(std::reference_wrapper<Owner> other) noexcept
        : shared_socket(socket_ref(other.get()))
    {
    }
    shared_socket(const shared_socket &other) noexcept : shared_socket(socket_ref(other))
    {
    }
    shared_socket(shared_socket &&other) noexcept : socket_members(std::exchange(other.socket_, nullptr))
    {
    }
    shared_socket &operator=(shared_socket other) noexcept
    {
        std::swap(socket_, other.socket_);
        return *this;
    }
    ~shared_socket()
    {
        apm_socket_release(socket_);
    }
};

/**
 * Owns a socket and closes it in the end. It is still good for the End of what is pending when
 * it was closed, and gone with this: a callback that uses it afterwards holds a shared_socket.
 */
class socket : public socket_members
{
  public:
    socket() noexcept : socket_members(nullptr)
    {
    }
    socket(socket &&other) noexcept : socket_members(std::exchange(other.socket_, nullptr))
    {
    }
    socket &operator=(socket &&other) noexcept
    {
        socket taken(std::move(other));

        std::swap(socket_, taken.socket_);
        return *this;
    }
    ~socket()
    {
        give_back();
    }
    error create(int32_t family, int32_t type, int32_t protocol) noexcept
    {
        apm_socket *fresh = nullptr;
        const apm_error code = apm_socket_create(family, type, protocol, &fresh);

        if (code == APM_ERROR_SUCCESS) take(fresh);
        return code;
    }
    error create_dual(int32_t type, int32_t protocol) noexcept
    {
        apm_socket *fresh = nullptr;
        const apm_error code = apm_socket_create_dual(type, protocol, &fresh);

        if (code == APM_ERROR_SUCCESS) take(fresh);
        return code;
    }
    error adopt(uintptr_t handle) noexcept
    {
        apm_socket *fresh = nullptr;
        const apm_error code = apm_socket_adopt(handle, &fresh);

        if (code == APM_ERROR_SUCCESS) take(fresh);
        return code;
    }

  private:
    /* Close takes one reference back; the other one keeps what is closed valid. */
    void take(apm_socket *fresh) noexcept
    {
        apm_socket_retain(fresh);
        give_back();
        socket_ = fresh;
    }
    void give_back() noexcept
    {
        if (socket_ == nullptr) return;
        (void)apm_socket_close(socket_);
        apm_socket_release(socket_);
        socket_ = nullptr;
    }
};

} // namespace apm

#endif
