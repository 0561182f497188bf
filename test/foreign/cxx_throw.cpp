/* SPDX-License-Identifier: MIT */
/* A callback that throws: the program ends by std::terminate, and the exit code says so. */
#include <apmsock/apmsock.hpp>

#include <array>
#include <cstdlib>
#include <exception>

namespace
{

enum { WAY_OWNED, WAY_SMALL, WAY_BORROWED };

[[noreturn]] void ended()
{
    std::_Exit(0);
}

apm::error begin(apm::socket &socket, const apm::endpoint &place, apm::async_result &result, int way)
{
    std::array<char, 64> more{};
    static auto borrowed = [more](apm::async_result_ref) { throw more.size(); };

    if (way == WAY_OWNED)
        return socket.begin_connect(
            place, [more](apm::async_result_ref) { throw more.size(); }, &result);
    if (way == WAY_SMALL)
        return socket.begin_connect(
            place, [](apm::async_result_ref) { throw 1; }, &result);
    return socket.begin_connect(place, std::ref(borrowed), &result);
}

} // namespace

int main(int argc, char **argv)
{
    const int way = argc > 1 ? argv[1][0] - '0' : -1;
    apm::socket socket;
    apm::async_result result;
    apm::endpoint place;

    if (way < WAY_OWNED || way > WAY_BORROWED) return 2;
    std::set_terminate(ended);
    if (socket.create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP)) return 3;
    if (apm::endpoint::loopback(APM_FAMILY_IPV4, 9, place)) return 3;
    /* A datagram socket connects inside Begin, and calls back, whoever is there: what got out of the
     * callback would come here. */
    try {
        if (begin(socket, place, result, way)) return 4;
    } catch (...) {
        return 6;
    }
    (void)result.wait(10000);
    {
        apm::library all; /* the end of the library waits for the callback */
        if (all.startup()) return 5;
        (void)apm_cleanup();
    }
    return 1;
}
