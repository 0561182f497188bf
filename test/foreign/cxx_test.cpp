/* SPDX-License-Identifier: MIT */
/* Every member of the C++ headers against the other end of a connection. */
#include "cxx.hpp"

#include <array>
#include <functional>
#include <set>
#include <string>
#include <type_traits>

namespace
{

/* ---- values and handles ---------------------------------------------------------------------------- */

void errors_are_values()
{
    const apm::error none, refused = APM_ERROR_CONNECTION_REFUSED;
    const std::error_code code = refused;

    CHECK(!none);
    CHECK(bool(refused));
    CHECK(refused == apm::error(10061));
    CHECK(refused != none);
    CHECK(std::strcmp(refused.name(), "ConnectionRefused") == 0);
    CHECK(!refused.message().empty());
    CHECK(refused.message().size() == apm_error_message(refused.code(), nullptr, 0));
    CHECK(std::strlen(refused.message().c_str()) == refused.message().size());
    CHECK(bool(code));
    CHECK(code.value() == 10061);
    CHECK(code.category() == apm::error_category());
    CHECK(std::strcmp(code.category().name(), "apmsock") == 0);
    CHECK(code.message() == refused.message());
    CHECK(!std::error_code(none));
    CHECK(code == std::errc::connection_refused);
    CHECK(code != std::errc::timed_out);
    CHECK(std::error_code(apm::error(APM_ERROR_OUT_OF_MEMORY)) == std::errc::not_enough_memory);
    CHECK(std::error_code(apm::error(APM_ERROR_HOST_NOT_FOUND)) != std::errc::host_unreachable);
}

/* Nothing that owns can be overwritten by what does not, and be given back by nobody. */
static_assert(!std::is_convertible_v<apm::async_result &, apm::async_result_ref &>);
static_assert(!std::is_convertible_v<apm::socket &, apm::socket_ref &>);
static_assert(!std::is_convertible_v<apm::shared_socket &, apm::socket_ref &>);
static_assert(!std::is_assignable_v<apm::socket_members &, apm::socket_ref>);
static_assert(!std::is_assignable_v<apm::async_result_members &, apm::async_result_ref>);
static_assert(std::is_convertible_v<apm::async_result &, apm::async_result_ref>);
static_assert(std::is_convertible_v<apm::socket &, apm::socket_ref>);
static_assert(std::is_convertible_v<std::reference_wrapper<apm::socket>, apm::socket_ref>);
static_assert(std::is_convertible_v<std::reference_wrapper<apm::async_result>, apm::async_result_ref>);
static_assert(std::is_constructible_v<apm::shared_socket, std::reference_wrapper<apm::shared_socket>>);
static_assert(std::is_constructible_v<apm::shared_socket, std::reference_wrapper<apm::socket>>);
static_assert(std::is_trivially_copyable_v<apm::socket_ref> &&
              std::is_trivially_copyable_v<apm::async_result_ref>);

void endpoints_are_values()
{
    apm::endpoint a, b, c;

    CHECK(a.family() == 0);
    CHECK(a.text().empty());
    CHECK_IS(apm::endpoint::from_ip("127.1", 500, a), APM_ERROR_SUCCESS);
    CHECK_IS(apm::endpoint::parse("127.0.0.1:500", b), APM_ERROR_SUCCESS);
    CHECK_IS(apm::endpoint::loopback(APM_FAMILY_IPV6, 7, c), APM_ERROR_SUCCESS);
    CHECK(a == b);
    CHECK(a != c);
    CHECK(b.text() == "127.0.0.1:500");
    CHECK(c.text() == "[::1]:7");
    CHECK(a.port() == 500);
    CHECK(c.family() == APM_FAMILY_IPV6);
    CHECK_IS(apm::endpoint::any(APM_FAMILY_IPV4, 9, c), APM_ERROR_SUCCESS);
    CHECK(c.text() == "0.0.0.0:9");
    CHECK_IS(apm::endpoint::parse("nowhere", c), APM_ERROR_FORMAT);
    CHECK(c.port() == 9);
}

void events_are_owned()
{
    apm::manual_reset_event one, other;

    CHECK(!one);
    CHECK_IS(one.set(), APM_ERROR_ARGUMENT_NULL);
    CHECK_IS(one.create(false), APM_ERROR_SUCCESS);
    CHECK_IS(one.wait_one(0), APM_ERROR_TIMED_OUT);
    CHECK_IS(one.set(), APM_ERROR_SUCCESS);
    CHECK_IS(one.wait_one(), APM_ERROR_SUCCESS);
    CHECK_IS(one.reset(), APM_ERROR_SUCCESS);
    CHECK_IS(one.wait_one(0), APM_ERROR_TIMED_OUT);
    CHECK(one.handle() != nullptr);
    CHECK_IS(one.create(true), APM_ERROR_SUCCESS); /* the first one goes */
    CHECK_IS(one.wait_one(0), APM_ERROR_SUCCESS);
    other = std::move(one);
    CHECK(!one);
    CHECK(bool(other));
    apm::manual_reset_event third(std::move(other));
    CHECK(third.get() != nullptr);
    CHECK(other.get() == nullptr);
    third.close();
    CHECK(!third);
}

void library_is_watched()
{
    apm::library one;
    apm_statistics now = {};
    apm_log_record record = {};

    CHECK_IS(apm::library::statistics(now), APM_ERROR_NOT_INITIALIZED);
    CHECK_IS(apm::library::poll(0), APM_ERROR_NOT_INITIALIZED);
    CHECK_IS(one.startup(), APM_ERROR_SUCCESS);
    CHECK_IS(apm::library::statistics(now), APM_ERROR_SUCCESS);
    CHECK(now.size == sizeof now && now.begun == 0 && now.workers >= 1);
    CHECK_IS(apm::library::poll(0), APM_ERROR_INVALID_OPERATION); /* it has workers */
    record.name = "Connected";
    record.value = 7;
    CHECK(apm::text(record) == "Connected value=7 error=Success");
}

void libraries_count()
{
    apm::library one, other;

    CHECK(std::strcmp(apm::library::version(), APM_VERSION) == 0);
    CHECK_IS(one.cleanup(), APM_ERROR_SUCCESS); /* it has started nothing */
    CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
    CHECK_IS(one.startup(), APM_ERROR_SUCCESS);
    CHECK_IS(one.startup(), APM_ERROR_SUCCESS); /* counts once */
    other = std::move(one);
    CHECK_IS(one.cleanup(), APM_ERROR_SUCCESS);
    {
        apm::library third(std::move(other));
        apm_options options = {};

        CHECK_IS(one.startup(&options), APM_ERROR_ARGUMENT); /* a size of 0 */
        CHECK_IS(one.cleanup(), APM_ERROR_SUCCESS);
    }
    CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
}

void sockets_are_owned()
{
    apm::socket one, other;
    apm::shared_socket kept;
    char here = 0;

    CHECK(!one);
    CHECK_IS(one.close(), APM_ERROR_ARGUMENT_NULL);
    CHECK_IS(one.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_UDP),
             APM_ERROR_PROTOCOL_NOT_SUPPORTED);
    CHECK(!one);
    CHECK_IS(one.create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
    CHECK_IS(one.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
    apm_socket *const raw = one.get();
    other = std::move(one);
    CHECK(!one);
    CHECK(other.get() == raw);
    {
        apm::socket third(std::move(other));

        kept = apm::shared_socket(third);
        apm::shared_socket copy(kept);
        CHECK(copy.get() == raw);
        CHECK(kept.handle() != ~uintptr_t{0});
    }
    /* Closed with its owner, and still there. */
    CHECK(kept.handle() == ~uintptr_t{0});
    CHECK_IS(kept.receive(&here, 1, 0), APM_ERROR_OBJECT_DISPOSED);
    CHECK_IS(kept.close(), APM_ERROR_SUCCESS);
    CHECK_IS(one.adopt(~uintptr_t{0}), APM_ERROR_NOT_SOCKET);
}

/* ---- connections -------------------------------------------------------------------------------------- */

void connects_in_every_way()
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm::endpoint place, refusing;

    CU_ASSERT_FATAL(listener != nullptr);
    peer_listener_endpoint(listener, &place);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &refusing);
    for (int way = 0; way < 5; way++) {
        apm::socket socket;
        apm::async_result result;
        apm::endpoint local, remote;
        const std::array<apm_endpoint, 2> both = {refusing, place};
        gate done;
        apm::error begun = -1, ended = -1;
        auto finish = [&](apm::async_result_ref got) {
            ended = socket.end_connect(got);
            done.open();
        };

        CHECK_IS(socket.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
        if (way == 0) begun = socket.begin_connect(place, finish, &result);
        if (way == 1) begun = socket.begin_connect_many(both.data(), both.size(), finish, &result);
        if (way == 2) begun = socket.begin_connect_host("127.0.0.1", place.port(), finish, &result);
        if (way == 3) begun = ended = socket.connect(place);
        if (way == 4) begun = ended = socket.connect_host("127.0.0.1", place.port());
        CHECK_IS(begun, APM_ERROR_SUCCESS);
        CHECK(way > 2 || done.wait());
        CHECK_IS(ended, APM_ERROR_SUCCESS);
        CHECK(socket.connected());
        CHECK_IS(socket.remote_endpoint(remote), APM_ERROR_SUCCESS);
        CHECK(remote == place);
        CHECK_IS(socket.local_endpoint(local), APM_ERROR_SUCCESS);
        peer *other = peer_accept(listener, patience);
        CHECK(other != nullptr && peer_port(other) == local.port());
        peer_close(other);
    }
    peer_listener_close(listener);
}

void results_tell()
{
    apm::endpoint refusing;
    apm::socket socket, other;
    apm::async_result result, kept;
    gate done;

    peer_refusing_endpoint(APM_FAMILY_IPV4, &refusing);
    CHECK_IS(socket.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
    CHECK_IS(socket.begin_connect(
                 refusing,
                 [&](apm::async_result_ref got) {
                     kept = apm::async_result(got);
                     done.open();
                 },
                 &result),
             APM_ERROR_SUCCESS);
    CHECK_IS(result.wait(patience), APM_ERROR_SUCCESS);
    CHECK(done.wait());
    CHECK(kept.get() == result.get());
    CHECK(result.is_completed());
    CHECK(result.wait_handle() != nullptr && result.wait_handle() == kept.wait_handle());
    CHECK(result.completed_synchronously() == kept.completed_synchronously());
    CHECK(result.text().find(refusing.text()) != std::string::npos);
    result.release();
    CHECK(!result);
    CHECK(result.text().empty());
    CHECK_IS(socket.end_send(kept), APM_ERROR_ARGUMENT);
    CHECK_IS(socket.end_connect(kept), APM_ERROR_CONNECTION_REFUSED);
    CHECK_IS(socket.end_connect(kept), APM_ERROR_INVALID_OPERATION);
    apm::async_result moved(std::move(kept));
    CHECK(!kept && bool(moved));
    moved = apm::async_result();
    CHECK(!moved);
    CHECK_IS(result.wait(0), APM_ERROR_ARGUMENT_NULL);
}

void sends_and_receives()
{
    connection both;
    apm::async_result result;
    std::array<char, 16> here{};
    char left[] = "ab", right[] = "cde";
    apm_buffer list[] = {{left, 2}, {right, 3}};
    size_t count = 0;

    if (!both.open()) return;
    CHECK_IS(both.socket.begin_send("hello", 5, 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_send(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 5);
    CHECK_IS(both.socket.begin_send_buffers(list, 2, 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_send(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 5);
    CHECK_IS(both.socket.begin_send_file(nullptr, &list[1], &list[0], 0, nullptr, &result),
             APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_send_file(result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.send("!", 1, 0, &count), APM_ERROR_SUCCESS);
    CHECK(count == 1);
    CHECK(peer_read_all(both.other, here.data(), 16, patience));
    CHECK(std::memcmp(here.data(), "helloabcdecdeab!", 16) == 0);

    CHECK(peer_write(both.other, "12345", 5));
    CHECK_IS(both.socket.begin_receive(here.data(), 2, 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_receive(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 2 && std::memcmp(here.data(), "12", 2) == 0);
    CHECK_IS(both.socket.begin_receive_buffers(list, 2, 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_receive(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 3 && left[0] == '3' && left[1] == '4' && right[0] == '5');
    CHECK(peer_write(both.other, "6", 1));
    CHECK_IS(both.socket.receive(here.data(), 16, 0, &count), APM_ERROR_SUCCESS);
    CHECK(count == 1 && here[0] == '6');
    CHECK_IS(both.socket.available(count), APM_ERROR_SUCCESS);
    CHECK(count == 0);
    CHECK_IS(both.socket.shutdown(APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, here.data(), 1, patience) == PEER_END);
}

void disconnects()
{
    connection both;
    apm::async_result result;
    apm::endpoint place;
    char here = 0;

    if (!both.open()) return;
    CHECK_IS(both.socket.begin_disconnect(false, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_disconnect(result), APM_ERROR_SUCCESS);
    CHECK(!both.socket.connected());
    CHECK_IS(both.socket.remote_endpoint(place), APM_ERROR_NOT_CONNECTED);
    CHECK(peer_read(both.other, &here, 1, patience) == PEER_END);
}

/* ---- datagrams -------------------------------------------------------------------------------------------- */

void datagrams_have_a_sender()
{
    apm::socket left, right;
    apm::async_result result;
    apm::endpoint any, left_at, right_at, from;
    apm_packet_information information = {};
    std::array<char, 8> here{};
    size_t count = 0;
    int32_t flags = -1;

    CHECK_IS(apm::endpoint::loopback(APM_FAMILY_IPV4, 0, any), APM_ERROR_SUCCESS);
    CHECK_IS(left.create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP), APM_ERROR_SUCCESS);
    CHECK_IS(right.create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP), APM_ERROR_SUCCESS);
    CHECK_IS(left.bind(any), APM_ERROR_SUCCESS);
    CHECK_IS(right.bind(any), APM_ERROR_SUCCESS);
    CHECK_IS(left.local_endpoint(left_at), APM_ERROR_SUCCESS);
    CHECK_IS(right.local_endpoint(right_at), APM_ERROR_SUCCESS);

    CHECK_IS(left.begin_send_to("one", 3, 0, right_at, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(left.end_send_to(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 3);
    CHECK_IS(right.begin_receive_from(here.data(), here.size(), 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(right.end_receive_from(result, &count, from), APM_ERROR_SUCCESS);
    CHECK(count == 3 && std::memcmp(here.data(), "one", 3) == 0);
    CHECK(from == left_at);

    CHECK_IS(left.begin_send_to("longer", 6, 0, right_at, nullptr), APM_ERROR_SUCCESS);
    CHECK_IS(right.begin_receive_message_from(here.data(), 4, 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(right.end_receive_message_from(result, &count, &flags, from, &information), APM_ERROR_SUCCESS);
    CHECK(count == 4 && std::memcmp(here.data(), "long", 4) == 0);
    CHECK((flags & APM_FLAG_TRUNCATED) != 0);
    CHECK(from == left_at);
}

/* ---- options ----------------------------------------------------------------------------------------------- */

void options_are_kept()
{
    apm::socket socket;
    int32_t value = -1, raw = -1;
    size_t size = sizeof raw;
    const int32_t level = 6 /* IPPROTO_TCP */, no_delay = 1;
    uint32_t waiting = 99;
    size_t returned = 0;

    CHECK_IS(socket.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
    CHECK_IS(socket.get_option(APM_SOCKET_OPTION_NO_DELAY, value), APM_ERROR_SUCCESS);
    CHECK(value == 0);
    CHECK_IS(socket.set_option(APM_SOCKET_OPTION_NO_DELAY, 1), APM_ERROR_SUCCESS);
    CHECK_IS(socket.get_option(APM_SOCKET_OPTION_NO_DELAY, value), APM_ERROR_SUCCESS);
    CHECK(value == 1);
    raw = 0;
    CHECK_IS(socket.set_raw_option(level, no_delay, &raw, sizeof raw), APM_ERROR_SUCCESS);
    CHECK_IS(socket.get_option(APM_SOCKET_OPTION_NO_DELAY, value), APM_ERROR_SUCCESS);
    CHECK(value == 0);
    CHECK_IS(socket.set_option(APM_SOCKET_OPTION_NO_DELAY, 1), APM_ERROR_SUCCESS);
    CHECK_IS(socket.get_raw_option(level, no_delay, &raw, size), APM_ERROR_SUCCESS);
    CHECK(raw == 1);
    CHECK(size >= 1 && size <= sizeof raw);
    CHECK_IS(socket.io_control(0x4004667Fu /* FIONREAD */, nullptr, 0, &waiting, sizeof waiting, &returned),
             APM_ERROR_SUCCESS);
    CHECK(returned == sizeof waiting && waiting == 0);
}

/* ---- C++20 --------------------------------------------------------------------------------------------------- */

void spans_are_buffers()
{
#if defined(__cpp_lib_span)
    connection both;
    apm::async_result result;
    const std::array<char, 3> text = {'a', 'b', 'c'};
    std::array<char, 3> here{}, more{};
    const apm_buffer list[] = {{here.data(), 1}, {more.data(), 2}};
    size_t count = 0;

    if (!both.open()) return;
    CHECK_IS(both.socket.begin_send(std::as_bytes(std::span(text)), 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_send(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 3);
    CHECK_IS(both.socket.send(std::as_bytes(std::span(text)), 0), APM_ERROR_SUCCESS);
    CHECK(peer_read_all(both.other, here.data(), 3, patience) && here == text);
    CHECK(peer_read_all(both.other, more.data(), 3, patience) && more == text);
    CHECK(peer_write(both.other, "xyzuvw", 6));
    CHECK_IS(both.socket.begin_receive(std::as_writable_bytes(std::span(here)), 0, nullptr, &result),
             APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_receive(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 3 && std::memcmp(here.data(), "xyz", 3) == 0);
    CHECK_IS(both.socket.begin_receive_buffers(std::span(list), 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_receive(result, &count), APM_ERROR_SUCCESS);
    CHECK(count == 3 && here[0] == 'u' && more[0] == 'v' && more[1] == 'w');
    CHECK_IS(both.socket.begin_send_buffers(std::span(list), 0, nullptr, &result), APM_ERROR_SUCCESS);
    CHECK_IS(both.socket.end_send(result, &count), APM_ERROR_SUCCESS);
    CHECK(peer_read_all(both.other, here.data(), 3, patience) && std::memcmp(here.data(), "uvw", 3) == 0);
    CHECK(peer_write(both.other, "n", 1));
    CHECK_IS(both.socket.receive(std::as_writable_bytes(std::span(here)), 0, &count), APM_ERROR_SUCCESS);
    CHECK(count == 1 && here[0] == 'n');
#else
    harness_skip("std::span is of C++20");
#endif
}

const test_case value_cases[] = {{"errors are values, and error codes", errors_are_values, false},
                                 {"endpoints are values", endpoints_are_values, false},
                                 {"events are owned", events_are_owned, false},
                                 {"the library is watched", library_is_watched, true},
                                 {"libraries count", libraries_count, true},
                                 {"sockets are owned, and shared", sockets_are_owned, false},
                                 {nullptr, nullptr, false}};
const test_case transfer_cases[] = {{"connects in every way", connects_in_every_way, false},
                                    {"results tell what became of them", results_tell, false},
                                    {"sends and receives in every way", sends_and_receives, false},
                                    {"disconnects", disconnects, false},
                                    {"datagrams have a sender", datagrams_have_a_sender, false},
                                    {"options are kept", options_are_kept, false},
                                    {"spans are buffers", spans_are_buffers, false},
                                    {nullptr, nullptr, false}};

} // namespace

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"value", value_cases}, {"transfer", transfer_cases}, {nullptr, nullptr}};

    return harness_main(argc, argv, suites);
}
