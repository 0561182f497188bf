/* SPDX-License-Identifier: MIT */
/* What the tests of the C++ headers share: the harness, a connection, waiting. */
#ifndef TEST_CXX_HPP
#define TEST_CXX_HPP

#include <apmsock/apmsock.hpp>

#include <atomic>
#include <cstring>

extern "C" {
#include "harness.h"
#include "peer.h"
}

inline constexpr uint32_t patience = 60000; /* ms; longer than anything that works takes */

/* The harness compares codes. */
#define CHECK_IS(actual, expected) CHECK_ERROR((actual).code(), expected)

/* What opens a gate once, and the wait for it. */
class gate
{
  public:
    gate() : gate_(test_gate_new())
    {
    }
    gate(const gate &) = delete;
    gate &operator=(const gate &) = delete;
    ~gate()
    {
        test_gate_free(gate_);
    }
    void open()
    {
        test_gate_open(gate_);
    }
    bool wait()
    {
        return test_gate_wait(gate_);
    }

  private:
    test_gate *gate_;
};

/* A connected socket and the other end. */
struct connection {
    apm::socket socket;
    peer *other = nullptr;

    connection() = default;
    connection(const connection &) = delete;
    connection &operator=(const connection &) = delete;
    ~connection()
    {
        peer_close(other);
    }
    /* Checks; false if there is none. */
    bool open()
    {
        peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
        apm::endpoint place;

        CU_ASSERT_FATAL(listener != nullptr);
        peer_listener_endpoint(listener, &place);
        CHECK_IS(socket.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
        CHECK_IS(socket.connect(place), APM_ERROR_SUCCESS);
        other = peer_accept(listener, patience);
        peer_listener_close(listener);
        CHECK(other != nullptr);
        return other != nullptr;
    }
};

/* Until it is so: what follows a callback has no event of its own. */
template <class Condition> bool comes_true(Condition condition)
{
    const uint64_t start = test_now();

    while (!condition() && test_now() - start < patience) test_yield();
    return condition();
}

#endif
