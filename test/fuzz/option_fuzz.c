/* SPDX-License-Identifier: MIT */
/*
 * Options of sockets on the simulated kernel: what was set is what is read, also from a fresh
 * handle; what was refused changes nothing; nothing is written behind the room there is.
 */
#include <apmsock/apmsock.h>
#include <string.h>

#include "fuzz.h"
#include "sim.h"

enum { MOST_STEPS = 60, OPTIONS = APM_SOCKET_OPTION_TYPE_OF_SERVICE + 3, RAW = 64, UNTOUCHED = -777 };

static source input;

static int32_t get(apm_socket *socket, apm_socket_option option, apm_error *error)
{
    int32_t value = UNTOUCHED;

    *error = apm_socket_get_option(socket, option, &value);
    require(*error == APM_ERROR_SUCCESS || value == UNTOUCHED, "what cannot be read is not written");
    return value;
}

static bool is_truth(apm_socket_option option)
{
    switch (option) {
    case APM_SOCKET_OPTION_NO_DELAY:
    case APM_SOCKET_OPTION_KEEP_ALIVE:
    case APM_SOCKET_OPTION_LINGER:
    case APM_SOCKET_OPTION_DUAL_MODE:
    case APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE:
    case APM_SOCKET_OPTION_BROADCAST:
    case APM_SOCKET_OPTION_DONT_FRAGMENT:
    case APM_SOCKET_OPTION_MULTICAST_LOOPBACK:
    case APM_SOCKET_OPTION_UDP_CONNECTION_RESET:
    case APM_SOCKET_OPTION_REUSE_UNICAST_PORT: return true;
    case APM_SOCKET_OPTION_KEEP_ALIVE_TIME:
    case APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL:
    case APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT:
    case APM_SOCKET_OPTION_LINGER_TIME:
    case APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE:
    case APM_SOCKET_OPTION_SEND_BUFFER_SIZE:
    case APM_SOCKET_OPTION_RECEIVE_TIMEOUT:
    case APM_SOCKET_OPTION_SEND_TIMEOUT:
    case APM_SOCKET_OPTION_TTL:
    case APM_SOCKET_OPTION_CONNECT_TIMEOUT:
    case APM_SOCKET_OPTION_CONNECT_ALGORITHM:
    case APM_SOCKET_OPTION_TYPE_OF_SERVICE: break;
    }
    return false;
}

/* -1 and 0 are both "none" of a time. */
static bool is_time(apm_socket_option option)
{
    return option == APM_SOCKET_OPTION_RECEIVE_TIMEOUT || option == APM_SOCKET_OPTION_SEND_TIMEOUT ||
           option == APM_SOCKET_OPTION_CONNECT_TIMEOUT;
}

static void set_typed(apm_socket *socket)
{
    apm_socket_option option = (apm_socket_option)(take_byte(&input) % OPTIONS);
    uint8_t size = take_byte(&input);
    int32_t value = size < 128 ? (int32_t)(size % 20) - 2 : (int32_t)take_word(&input), before, after;
    apm_error readable, error, again;

    before = get(socket, option, &readable);
    error = apm_socket_set_option(socket, option, value);
    after = get(socket, option, &again);
    require(readable == again, "setting an option makes it neither readable nor unreadable");
    if (readable != APM_ERROR_SUCCESS) return;
    if (error != APM_ERROR_SUCCESS)
        require(after == before, "what was refused changes nothing");
    else if (is_truth(option))
        require(after == (value != 0), "a truth is what was set");
    else if (!(is_time(option) && value <= 0))
        require(after == value, "a number is what was set");
}

static void set_raw(apm_socket *socket)
{
    static const int32_t levels[] = {0xFFFF, 6, 0, 41, 17, 4711};
    int32_t level = levels[take_byte(&input) % (sizeof levels / sizeof *levels)],
            name = (int16_t)take_word(&input);
    unsigned char value[RAW], read[RAW + 1];
    size_t size = take_byte(&input) % (RAW + 1), room = take_byte(&input) % (RAW + 1), i, given = room;
    apm_error error;

    for (i = 0; i < size; i++) value[i] = take_byte(&input);
    (void)apm_socket_set_raw_option(socket, level, name, size != 0 ? value : NULL, size);
    memset(read, '~', sizeof read);
    error = apm_socket_get_raw_option(socket, level, name, read, &given);
    require(read[room] == '~', "nothing is written behind the room");
    if (error == APM_ERROR_SUCCESS)
        require(given <= room, "no more is written than there is room for");
    else
        require(given == room, "what cannot be read says no size");
}

/* A connect that is refused, and another one: the second has a fresh handle. */
static void renew(apm_socket *socket, int32_t family)
{
    int32_t before[OPTIONS], after;
    apm_error readable[OPTIONS], error;
    apm_endpoint nobody = {0};
    int i;

    for (i = 0; i < OPTIONS; i++) before[i] = get(socket, (apm_socket_option)i, &readable[i]);
    nobody.length = sim_address(family, sim_free_port(family), nobody.address);
    for (i = 0; i < 2; i++) (void)apm_socket_connect(socket, &nobody);
    for (i = 0; i < OPTIONS; i++) {
        after = get(socket, (apm_socket_option)i, &error);
        require(error == readable[i], "a fresh handle has the options of the one before");
        require(after == before[i], "and their values");
    }
}

static void play(void *argument)
{
    int32_t family = take_byte(&input) % 2 != 0 ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    bool stream = take_byte(&input) % 4 != 0;
    apm_socket *socket = NULL;
    int steps = MOST_STEPS;

    (void)argument;
    require(apm_socket_create(family, stream ? APM_SOCKET_STREAM : APM_SOCKET_DATAGRAM, 0, &socket) ==
                APM_ERROR_SUCCESS,
            "there is a socket");
    while (input.size != 0 && steps-- != 0) {
        uint8_t what = take_byte(&input) % 16;

        if (what < 10)
            set_typed(socket);
        else if (what < 15)
            set_raw(socket);
        else if (stream)
            renew(socket, family);
    }
    require(apm_socket_close(socket) == APM_ERROR_SUCCESS, "it can be closed");
    require(apm_cleanup() == APM_ERROR_SUCCESS, "and the library ended");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const profiles[] = {"windows", "wine"};
    sim_profile profile;

    input.bytes = bytes;
    input.size = size;
    require(sim_profile_named(profiles[take_byte(&input) % 2], &profile), "there is the profile");
    sim_set_profile(&profile);
    sim_seed(1);
    sim_run(play, NULL);
    return 0;
}
