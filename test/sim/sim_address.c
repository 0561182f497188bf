/* SPDX-License-Identifier: MIT */
/* Addresses: what they mean here, and who has which. */
#include <string.h>

#include "sim_network.h"

#define LOOPBACK_HOST 0x7F000001u

/* ---- reading and writing ------------------------------------------------------------------- */

static enum sim_net net_of(uint32_t host)
{
    if (host >> 24 == 127) return SIM_LOOPBACK;
    if (host >> 8 == 0xC00002) return SIM_SILENT;
    if (host >> 8 == 0xCB0071) return SIM_REFUSING;
    return host == UINT32_MAX ? SIM_BROADCAST : SIM_UNREACHABLE;
}

static uint32_t read_host(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void read_ipv4(const unsigned char *bytes, sim_place *place)
{
    place->family = SIM_IPV4;
    place->host = read_host(bytes);
    place->any = place->host == 0;
    place->net = place->any ? SIM_LOOPBACK : net_of(place->host);
}

static void read_ipv6(const unsigned char *bytes, sim_place *place)
{
    static const unsigned char one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    static const unsigned char documentation[4] = {0x20, 0x01, 0x0D, 0xB8};

    place->family = SIM_IPV6;
    place->any = memcmp(bytes, one, 15) == 0 && bytes[15] == 0;
    place->net = place->any || memcmp(bytes, one, 16) == 0 ? SIM_LOOPBACK
                 : memcmp(bytes, documentation, 4) == 0    ? SIM_SILENT
                                                           : SIM_UNREACHABLE;
    memcpy(place->far, bytes, sizeof place->far);
}

/* As Windows lays them out: family in the host's order, port in the network's. */
bool sim_address_read(const sim_socket *socket, const void *address, int32_t length, sim_place *place)
{
    static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    const unsigned char *bytes = (const unsigned char *)address;
    uint16_t family;

    memset(place, 0, sizeof *place);
    if (length < (socket->family == SIM_IPV4 ? 16 : 28)) return false;
    memcpy(&family, bytes, sizeof family);
    if (family != socket->family) return false;
    place->port = (uint16_t)(bytes[2] << 8 | bytes[3]);
    if (family == SIM_IPV4) {
        read_ipv4(bytes + 4, place);
    } else if (memcmp(bytes + 8, prefix, sizeof prefix) == 0) {
        read_ipv4(bytes + 20, place);
        if (sim_option_value(socket, 41, 27) != 0) place->net = SIM_UNREACHABLE; /* IPv6 only */
    } else {
        read_ipv6(bytes + 8, place);
    }
    return true;
}

int32_t sim_place_write(int32_t family, const sim_place *place, void *address)
{
    unsigned char *bytes = (unsigned char *)address;
    uint16_t small = (uint16_t)family;
    int32_t length = family == SIM_IPV4 ? 16 : 28;
    uint32_t host = place->host != 0 ? place->host : LOOPBACK_HOST;

    memset(bytes, 0, (size_t)length);
    memcpy(bytes, &small, sizeof small);
    bytes[2] = (unsigned char)(place->port >> 8);
    bytes[3] = (unsigned char)(place->port & 0xFF);
    if (place->family == SIM_IPV4 && !place->any) {
        unsigned char *at = family == SIM_IPV4 ? bytes + 4 : bytes + 20;

        if (family == SIM_IPV6) bytes[18] = bytes[19] = 0xFF;
        at[0] = (unsigned char)(host >> 24);
        at[1] = (unsigned char)(host >> 16);
        at[2] = (unsigned char)(host >> 8);
        at[3] = (unsigned char)host;
    } else if (!place->any && place->net != SIM_LOOPBACK) {
        memcpy(bytes + 8, place->far, sizeof place->far);
    } else if (!place->any) {
        bytes[23] = 1;
    }
    return length;
}

int32_t sim_address_write(int32_t family, uint16_t port, bool any, void *address)
{
    sim_place place = {0};

    place.family = family;
    place.port = port;
    place.any = any;
    return sim_place_write(family, &place, address);
}

/* ---- a socket's own and its peer's ------------------------------------------------------------ */

apmk_code apmk_socket_bind(apmk_socket handle, const void *address, int32_t length)
{
    apmk_code code = APMK_SUCCESS;
    sim_socket *socket;
    sim_place place;

    sim_enter("bind", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->port != 0)
        code = CODE_INVALID;
    else if (sim_fault_strikes(SIM_BIND))
        code = CODE_NO_BUFFERS;
    else if (length < (socket->family == SIM_IPV4 ? 16 : 28))
        code = CODE_FAULT;
    else if (!sim_address_read(socket, address, length, &place) || place.net != SIM_LOOPBACK)
        code = CODE_NO_ADDRESS;
    else if (place.port != 0 && sim_option_value(socket, 0xFFFF, SIM_REUSE_PORT) != 0)
        sim_fail("a port that the caller has chosen is to be shared");
    else if (place.port != 0 && sim_port_taken(socket->family, socket->type, place.port))
        code = CODE_ADDRESS_IN_USE;
    if (code == APMK_SUCCESS) {
        socket->port = place.port != 0 ? place.port : sim_port_free(socket->family, socket->type);
        socket->any = place.any;
        socket->late = place.any && place.port == 0 && sim_profile_now()->windows &&
                       sim_option_value(socket, 0xFFFF, SIM_REUSE_PORT) != 0;
        socket->host = place.host;
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

static apmk_code write_place(const sim_socket *socket, const sim_place *place, void *address, int32_t *length)
{
    unsigned char whole[SIM_ADDRESS_ROOM];
    int32_t size = sim_place_write(socket->family, place, whole);

    if (*length < size) return CODE_FAULT;
    memcpy(address, whole, (size_t)size);
    *length = size;
    return APMK_SUCCESS;
}

bool sim_socket_is_in_limbo(const sim_socket *socket)
{
    return sim_profile_now()->windows && socket->type == SIM_STREAM && socket->state == SIM_LINKED &&
           !socket->updated;
}

/* Where it is connected, the wildcard has become an address of the peer's family. */
static sim_place own_place(const sim_socket *socket)
{
    bool linked = socket->state == SIM_LINKED;
    sim_place place = {0};

    place.family = linked ? socket->remote.family : socket->host != 0 ? SIM_IPV4 : socket->family;
    place.any = socket->any && !linked;
    place.host = socket->host;
    place.port = socket->late && !linked ? 0 : socket->port;
    return place;
}

apmk_code apmk_socket_local(apmk_socket handle, void *address, int32_t *length)
{
    apmk_code code;
    sim_socket *socket;

    sim_enter("local address", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->port == 0) {
        code = CODE_INVALID;
    } else if (sim_socket_is_in_limbo(socket)) {
        code = CODE_NOT_CONNECTED;
    } else if (sim_fault_strikes(SIM_NAME_OF)) {
        code = CODE_NO_BUFFERS;
    } else {
        sim_place place = own_place(socket);
        code = write_place(socket, &place, address, length);
    }
    sched_mutex_unlock(&sim_network);
    return code;
}

/* As Linux does after the second of both shutdowns. */
static bool forgets_peer(const sim_socket *socket)
{
    return socket->type == SIM_STREAM && socket->ended_send && socket->ended_receive &&
           !sim_profile_now()->windows;
}

apmk_code apmk_socket_remote(apmk_socket handle, void *address, int32_t *length)
{
    apmk_code code = CODE_NOT_CONNECTED;
    sim_socket *socket;

    sim_enter("remote address", handle, 0);
    sched_mutex_lock(&sim_network);
    socket = sim_socket_find(handle);
    if (socket->state == SIM_LINKED && !sim_socket_is_in_limbo(socket) && !forgets_peer(socket))
        code = sim_fault_strikes(SIM_NAME_OF) ? CODE_NO_BUFFERS
                                              : write_place(socket, &socket->remote, address, length);
    sched_mutex_unlock(&sim_network);
    return code;
}
