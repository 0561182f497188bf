/* SPDX-License-Identifier: MIT */
/* The simulated kernel itself, past the library: each profile answers as its system does. */
#include <string.h>

#include "../sim/sim.h"
#include "../support/fixture.h"
#include "../support/kernel_socket.h"

enum {
    CODE_INVALID = 10022,
    CODE_RESET = 10054,
    CODE_NOT_CONNECTED = 10057,
    SHUT_RECEIVE = 0,
    SHUT_SEND = 1
};

static uintptr_t open_stream(int32_t family)
{
    return kernel_open(family, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
}

/* Measured under Wine 8: WSASend, WSARecv, TransmitFile; WSASend of a datagram. */
static void socket_without_a_connection_says_so(void)
{
    uintptr_t handle = open_stream(APM_FAMILY_IPV4);
    uintptr_t datagram = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);
    apmk_overlapped overlapped;
    apmk_file_ends ends;
    apmk_buffer buffer;
    uint32_t bytes = 0;
    char here = 'x';

    memset(&overlapped, 0, sizeof overlapped);
    memset(&ends, 0, sizeof ends);
    buffer.data = &here;
    buffer.size = 1;
    CHECK(apmk_socket_send(handle, &buffer, 1, 0, &overlapped, &bytes) ==
          (peer_kernel_is_wine() ? CODE_RESET : CODE_NOT_CONNECTED));
    CHECK(apmk_socket_receive(handle, &buffer, 1, 0, &overlapped, &bytes) == CODE_NOT_CONNECTED);
    CHECK(apmk_socket_send_file(handle, APM_FAMILY_IPV4, NULL, 0, &ends, 0, &overlapped, &bytes) ==
          CODE_NOT_CONNECTED);
    CHECK(apmk_socket_send(datagram, &buffer, 1, 0, &overlapped, &bytes) ==
          (peer_kernel_is_wine() ? CODE_INVALID : CODE_NOT_CONNECTED));
    kernel_close(datagram);
    kernel_close(handle);
}

static apmk_code ask_for_peer(uintptr_t handle)
{
    unsigned char address[28];
    int32_t length = (int32_t)sizeof address;

    return apmk_socket_remote(handle, address, &length);
}

static void peer_is_forgotten_after_both_shutdowns_on_wine(void)
{
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 1);
    uintptr_t handle = open_stream(APM_FAMILY_IPV4);
    apm_endpoint remote;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, sim_listener_port(listener), &remote);
    CHECK(kernel_connect(handle, &remote));
    CHECK(apmk_socket_shutdown(handle, SHUT_RECEIVE) == APMK_SUCCESS);
    CHECK(ask_for_peer(handle) == APMK_SUCCESS);
    CHECK(apmk_socket_shutdown(handle, SHUT_SEND) == APMK_SUCCESS);
    CHECK(ask_for_peer(handle) == (peer_kernel_is_wine() ? CODE_NOT_CONNECTED : APMK_SUCCESS));
    kernel_close(handle);
    sim_listener_close(listener);
}

static void socket_for_ipv6_only_has_no_options_of_ipv4_on_windows(void)
{
    uintptr_t handle = open_stream(APM_FAMILY_IPV6);
    int32_t hops = 0;

    CHECK(kernel_set(handle, LEVEL_IP, IP_HOPS, 21) == peer_kernel_is_wine());
    CHECK(kernel_get(handle, LEVEL_IP, IP_HOPS, &hops, (int32_t)sizeof hops) == peer_kernel_is_wine());
    CHECK(kernel_set(handle, LEVEL_IPV6, IPV6_ONLY, 0));
    CHECK(kernel_set(handle, LEVEL_IP, IP_HOPS, 22));
    CHECK(kernel_get(handle, LEVEL_IP, IP_HOPS, &hops, (int32_t)sizeof hops) && hops == 22);
    kernel_close(handle);
}

/* ---- what is available ------------------------------------------------------------------------------ */

static void send_datagram(uintptr_t handle, apmk_port port, uint32_t size)
{
    apmk_overlapped overlapped;
    apmk_packet packet;
    apmk_buffer buffer;
    uint32_t bytes = 0;
    char data[16] = {0};
    apmk_code code;

    memset(&overlapped, 0, sizeof overlapped);
    buffer.data = data;
    buffer.size = size;
    code = apmk_socket_send(handle, &buffer, 1, 0, &overlapped, &bytes);
    CHECK(code == APMK_SUCCESS || code == APMK_PENDING);
    while (apmk_port_wait(port, &packet, 1, PATIENCE) == 0) continue;
    CHECK(packet.overlapped == &overlapped && packet.status == APMK_SUCCESS);
}

static uint32_t ask_for_amount(uintptr_t handle)
{
    uint32_t amount = 99, size = 0;

    CHECK(apmk_socket_io_control(handle, APMK_BYTES_TO_READ, NULL, 0, &amount, sizeof amount, &size) ==
          APMK_SUCCESS);
    return amount;
}

static void all_datagrams_are_available_on_windows(void)
{
    uintptr_t from = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);
    uintptr_t to = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);
    apm_endpoint local;
    apmk_port port = NULL;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(to, &local) && kernel_local(to, &local) && kernel_connect(from, &local));
    CHECK(apmk_port_create(1, &port) == APMK_SUCCESS && apmk_socket_attach(from, port, 1) == APMK_SUCCESS);
    CHECK(ask_for_amount(to) == 0);
    send_datagram(from, port, 7);
    CHECK(ask_for_amount(to) == 7);
    send_datagram(from, port, 3);
    CHECK(ask_for_amount(to) == (peer_kernel_is_wine() ? 7 : 10));
    kernel_close(from);
    kernel_close(to);
    apmk_port_close(port);
}

/* ---- a close of ours ---------------------------------------------------------------------------- */

typedef struct close_status {
    uint32_t status;
    bool on_windows, on_wine;
    bool seen;
} close_status;

static void close_beside_a_late_cancel(apmk_port port, close_status *all, int count)
{
    uintptr_t handle = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);
    apmk_overlapped overlapped;
    apm_endpoint local;
    apmk_packet packet;
    apmk_buffer buffer;
    uint32_t bytes = 0;
    char here;
    int i;

    memset(&overlapped, 0, sizeof overlapped);
    buffer.data = &here;
    buffer.size = 1;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(handle, &local) && apmk_socket_attach(handle, port, 1) == APMK_SUCCESS);
    CHECK(apmk_socket_receive(handle, &buffer, 1, 0, &overlapped, &bytes) == APMK_PENDING);
    apmk_socket_cancel(handle, NULL);
    kernel_close(handle);
    while (apmk_port_wait(port, &packet, 1, PATIENCE) == 0) continue;
    CHECK(packet.overlapped == &overlapped);
    for (i = 0; i < count && all[i].status != packet.status; i++) continue;
    CHECK(i < count);
    if (i < count) all[i].seen = true;
}

static void close_ends_what_is_pending_in_the_systems_words(void)
{
    close_status all[] = {{0xC0000120, true, true, false},
                          {0x8000000A, false, true, false},
                          {0xC000013B, true, false, false},
                          {0xC0000241, true, false, false}};
    enum { ALL = sizeof all / sizeof *all, ROUNDS = 150 };
    sim_profile calm = sim_base_profile(), late = calm;
    apm_options options = harness_options();
    apmk_port port = NULL;
    int i;

    late.late_cancel = 1000;
    late.delay = 20;
    sim_set_profile(&late);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        CHECK(apmk_port_create(1, &port) == APMK_SUCCESS);
        for (i = 0; i < ROUNDS && port != NULL; i++) close_beside_a_late_cancel(port, all, ALL);
        for (i = 0; i < ALL; i++)
            CHECK(all[i].seen == (calm.any_close || (calm.windows ? all[i].on_windows : all[i].on_wine)));
        if (port != NULL) apmk_port_close(port);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    sim_set_profile(&calm);
}

static const test_case answers[] = {
    {"socket_without_a_connection_says_so", socket_without_a_connection_says_so, false},
    {"peer_is_forgotten_after_both_shutdowns_on_wine", peer_is_forgotten_after_both_shutdowns_on_wine, false},
    {"socket_for_ipv6_only_has_no_options_of_ipv4_on_windows",
     socket_for_ipv6_only_has_no_options_of_ipv4_on_windows, false},
    {"all_datagrams_are_available_on_windows", all_datagrams_are_available_on_windows, false},
    {"close_ends_what_is_pending_in_the_systems_words", close_ends_what_is_pending_in_the_systems_words,
     true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"answers", answers}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
