/* SPDX-License-Identifier: MIT */
/*
 * Options of sockets on the simulated kernel, by their names and by Winsock's numbers: what is
 * refused is what socket_option.h says, and changes nothing; what was set is what is read, also from a
 * fresh handle; nothing is written behind the room there is. Some runs have a kernel that fails.
 */
#include <apmsock/apmsock.h>
#include <string.h>

#include "fuzz.h"
#include "sim.h"

enum { MOST_STEPS = 60, OPTIONS = APM_SOCKET_OPTION_TYPE_OF_SERVICE + 3, UNTOUCHED = -777 };
enum { ROOM = 300, KEPT = 64 }; /* a value of more bytes is not set again on a fresh handle */
enum { LEVEL_SOCKET = 0xFFFF, LEVEL_IPV4 = 0, LEVEL_IPV6 = 41, LEVEL_TCP = 6, V6ONLY = 27 };

/* Winsock's numbers of those there are; the kernel decides what has which. */
typedef struct raw_name {
    int32_t level, name;
    bool is_truth;
} raw_name;

static const raw_name raw_names[] = {{LEVEL_SOCKET, 2, true},       {LEVEL_SOCKET, 4, true},
                                     {LEVEL_SOCKET, ~4, true},      {LEVEL_SOCKET, 8, true},
                                     {LEVEL_SOCKET, 0x20, true},    {LEVEL_SOCKET, 0x80, false},
                                     {LEVEL_SOCKET, 0x1001, false}, {LEVEL_SOCKET, 0x1002, false},
                                     {LEVEL_SOCKET, 0x1005, false}, {LEVEL_SOCKET, 0x1006, false},
                                     {LEVEL_SOCKET, 0x1008, false}, {LEVEL_TCP, 1, true},
                                     {LEVEL_TCP, 3, false},         {LEVEL_TCP, 16, false},
                                     {LEVEL_TCP, 17, false},        {LEVEL_IPV4, 3, false},
                                     {LEVEL_IPV4, 4, false},        {LEVEL_IPV4, 10, false},
                                     {LEVEL_IPV4, 11, true},        {LEVEL_IPV4, 14, true},
                                     {LEVEL_IPV4, 19, true},        {LEVEL_IPV6, 4, false},
                                     {LEVEL_IPV6, 11, true},        {LEVEL_IPV6, 19, true},
                                     {LEVEL_IPV6, V6ONLY, true},    {4711, 1, false}};
enum { RAW_NAMES = sizeof raw_names / sizeof *raw_names };

static source input;

/* What a run knows of its socket. */
static struct {
    int32_t family;
    bool stream;
    bool fails;         /* the kernel, now and then, at anything it is asked */
    bool bound, dialed; /* dialed: perhaps bound */
    bool lost[RAW_NAMES];
} now;

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

/* What socket_option.h says of an option of this socket, whatever the value. */
static apm_error expected_of(apm_socket_option option)
{
    switch (option) {
    case APM_SOCKET_OPTION_NO_DELAY:
    case APM_SOCKET_OPTION_KEEP_ALIVE:
    case APM_SOCKET_OPTION_KEEP_ALIVE_TIME:
    case APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL:
    case APM_SOCKET_OPTION_LINGER:
    case APM_SOCKET_OPTION_LINGER_TIME: return now.stream ? APM_ERROR_SUCCESS : APM_ERROR_PROTOCOL_OPTION;
    case APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT:
        return now.stream && sim_profile_now()->windows ? APM_ERROR_SUCCESS : APM_ERROR_PROTOCOL_OPTION;
    case APM_SOCKET_OPTION_BROADCAST:
    case APM_SOCKET_OPTION_MULTICAST_LOOPBACK:
    case APM_SOCKET_OPTION_UDP_CONNECTION_RESET:
        return now.stream ? APM_ERROR_PROTOCOL_OPTION : APM_ERROR_SUCCESS;
    case APM_SOCKET_OPTION_DUAL_MODE:
        return now.family == APM_FAMILY_IPV6 ? APM_ERROR_SUCCESS : APM_ERROR_NOT_SUPPORTED;
    case APM_SOCKET_OPTION_DONT_FRAGMENT:
    case APM_SOCKET_OPTION_TYPE_OF_SERVICE:
        return now.family == APM_FAMILY_IPV4 ? APM_ERROR_SUCCESS : APM_ERROR_NOT_SUPPORTED;
    case APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE:
    case APM_SOCKET_OPTION_SEND_BUFFER_SIZE:
    case APM_SOCKET_OPTION_RECEIVE_TIMEOUT:
    case APM_SOCKET_OPTION_SEND_TIMEOUT:
    case APM_SOCKET_OPTION_TTL:
    case APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE:
    case APM_SOCKET_OPTION_CONNECT_TIMEOUT:
    case APM_SOCKET_OPTION_CONNECT_ALGORITHM:
    case APM_SOCKET_OPTION_REUSE_UNICAST_PORT: return APM_ERROR_SUCCESS;
    }
    return APM_ERROR_PROTOCOL_OPTION;
}

/* And of a value that such an option can have. */
static apm_error expected_of_value(apm_socket_option option, int32_t value)
{
    int32_t least = INT32_MIN, most = INT32_MAX;

    if (option == APM_SOCKET_OPTION_LINGER_TIME)
        return value < 0 || value > 65535 ? APM_ERROR_ARGUMENT : APM_ERROR_SUCCESS;
    if (option == APM_SOCKET_OPTION_KEEP_ALIVE_TIME || option == APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL ||
        option == APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT)
        least = 1;
    if (option == APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE || option == APM_SOCKET_OPTION_SEND_BUFFER_SIZE)
        least = 0;
    if (is_time(option)) least = -1;
    if (option == APM_SOCKET_OPTION_TTL || option == APM_SOCKET_OPTION_TYPE_OF_SERVICE) {
        least = 0;
        most = 255;
    }
    if (option == APM_SOCKET_OPTION_CONNECT_ALGORITHM) {
        least = APM_CONNECT_SEQUENTIAL;
        most = APM_CONNECT_PARALLEL;
    }
    return value < least || value > most ? APM_ERROR_ARGUMENT_OUT_OF_RANGE : APM_ERROR_SUCCESS;
}

static bool is_settled_by_bind(apm_socket_option option)
{
    return option == APM_SOCKET_OPTION_DUAL_MODE || option == APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE;
}

static int32_t take_value(void)
{
    static const int32_t edges[] = {255, 256, 65535, 65536, INT32_MAX, INT32_MIN, -65535, 127};
    uint8_t form = take_byte(&input);

    if (form < 128) return (int32_t)(form % 20) - 2;
    if (form < 192) return edges[form % (sizeof edges / sizeof *edges)];
    return (int32_t)take_word(&input);
}

static void set_typed(apm_socket *socket)
{
    apm_socket_option option = (apm_socket_option)(take_byte(&input) % OPTIONS);
    int32_t value = take_value(), before, after;
    apm_error readable, error, again, expected = expected_of(option);
    char why[120] = "";

    before = get(socket, option, &readable);
    require(now.fails || readable == expected, "an option is readable where there is one");
    error = apm_socket_set_option(socket, option, value);
    /* Its range comes before the kernel that knows it not. */
    if (expected == APM_ERROR_SUCCESS || (option == APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT && now.stream))
        expected = expected_of_value(option, value) != APM_ERROR_SUCCESS ? expected_of_value(option, value)
                                                                         : expected;
    if (expected == APM_ERROR_SUCCESS && is_settled_by_bind(option) && now.bound)
        expected = APM_ERROR_INVALID_OPERATION;
    /* The kernel's socket is bound by a connect that failed, and says so itself. */
    if (expected == APM_ERROR_SUCCESS && is_settled_by_bind(option) && now.dialed &&
        error == APM_ERROR_INVALID_ARGUMENT)
        expected = error;
    if (error != expected)
        (void)snprintf(why, sizeof why, "option %d, value %ld: %s, expected %s", (int)option, (long)value,
                       apm_error_name(error), apm_error_name(expected));
    require(error == expected || (now.fails && (expected == APM_ERROR_SUCCESS ||
                                                option == APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT)),
            why);
    after = get(socket, option, &again);
    if (now.fails) return; /* a value that could not be read says nothing of another one */
    require(readable == again, "setting an option makes it neither readable nor unreadable");
    if (readable != APM_ERROR_SUCCESS) return;
    if (error != APM_ERROR_SUCCESS)
        require(after == before, "what was refused changes nothing");
    else if (is_truth(option))
        require(after == (value != 0), "a truth is what was set");
    else
        require(after == (is_time(option) && value < 0 ? 0 : value), "a number is what was set");
}

/* ---- by number ------------------------------------------------------------------------------- */

typedef struct raw_value {
    apm_error error;
    size_t size;
    unsigned char bytes[ROOM + 1];
} raw_value;

static raw_value get_raw(apm_socket *socket, int32_t level, int32_t name, size_t room)
{
    raw_value read;
    size_t i;

    memset(&read, '~', sizeof read);
    read.size = room;
    read.error = apm_socket_get_raw_option(socket, level, name, read.bytes, &read.size);
    require(read.bytes[room] == '~', "nothing is written behind the room");
    if (read.error == APM_ERROR_SUCCESS) {
        require(read.size <= room && read.size >= sizeof(int32_t), "a value has some of the room");
    } else {
        require(read.size == room, "what cannot be read says no size");
        for (i = 0; i < room; i++) require(read.bytes[i] == '~', "and is not written");
    }
    return read;
}

static bool is_equal(const raw_value *one, const raw_value *other)
{
    return one->error == other->error && one->size == other->size &&
           memcmp(one->bytes, other->bytes, sizeof one->bytes) == 0;
}

/* Wine writes a single byte of a truth: the others are zeros all the same. */
static bool is_same(const raw_value *read, const unsigned char *value, bool truth)
{
    static const unsigned char zeros[3] = {0};

    if (!truth || sim_profile_now()->windows) return memcmp(read->bytes, value, sizeof(int32_t)) == 0;
    return read->bytes[0] == value[0] && memcmp(read->bytes + 1, zeros, sizeof zeros) == 0;
}

static void set_raw(apm_socket *socket)
{
    int which = take_byte(&input) % (RAW_NAMES + 1);
    raw_name option = {0};
    size_t size = take_byte(&input), room = take_byte(&input) % 4 != 0 ? 8 : take_word(&input) % ROOM, i;
    unsigned char value[ROOM] = {0};
    apm_error error;
    raw_value before, after;
    char why[120];

    if (which < RAW_NAMES) {
        option = raw_names[which];
    } else { /* any other one */
        option.level = (int32_t)take_word(&input);
        option.name = (int32_t)take_word(&input);
        for (which = 0; which < RAW_NAMES; which++)
            if (raw_names[which].level == option.level && raw_names[which].name == option.name) return;
    }
    for (i = 0; i < size; i++) value[i] = i < 8 ? take_byte(&input) : (unsigned char)i;
    if (option.is_truth) {
        /* What else there may be in a truth the kernel keeps, or it does not. */
        value[0] &= 1;
        value[1] = value[2] = value[3] = 0;
    }
    before = get_raw(socket, option.level, option.name, room);
    require(room >= sizeof(int32_t) || before.error != APM_ERROR_SUCCESS, "no value is as short");
    error = apm_socket_set_raw_option(socket, option.level, option.name, value, size);
    require(size >= sizeof(int32_t) || error != APM_ERROR_SUCCESS, "a value has its length");
    after = get_raw(socket, option.level, option.name, room);
    if (error == APM_ERROR_SUCCESS && which < RAW_NAMES)
        now.lost[which] = size > KEPT && !(option.level == LEVEL_IPV6 && option.name == V6ONLY);
    if (now.fails) return;
    (void)snprintf(why, sizeof why, "level %ld, name %ld, size %u, room %u: what was set is read",
                   (long)option.level, (long)option.name, (unsigned)size, (unsigned)room);
    require(before.error == after.error, "setting an option makes it neither readable nor unreadable");
    if (error != APM_ERROR_SUCCESS)
        require(is_equal(&before, &after), "what was refused changes nothing");
    else if (after.error == APM_ERROR_SUCCESS)
        require(is_same(&after, value, option.is_truth), why);
    else
        require(room < sizeof(int32_t), "what can be set can be read");
}

/* Arguments that are none. */
static void misuse(apm_socket *socket)
{
    unsigned char value[8] = {0};
    size_t size = sizeof value, huge = (size_t)INT32_MAX + 1;
    apm_socket_option option = (apm_socket_option)(take_byte(&input) % OPTIONS);

    require(apm_socket_set_option(NULL, option, 1) == APM_ERROR_ARGUMENT_NULL, "a socket to set");
    require(apm_socket_get_option(NULL, option, NULL) == APM_ERROR_ARGUMENT_NULL, "a socket to get");
    require(apm_socket_get_option(socket, option, NULL) == APM_ERROR_ARGUMENT_NULL, "a place");
    require(apm_socket_set_raw_option(NULL, 6, 1, value, 4) == APM_ERROR_ARGUMENT_NULL, "a socket, too");
    require(apm_socket_set_raw_option(socket, 6, 1, NULL, 4) == APM_ERROR_FAULT, "a value");
    require(apm_socket_set_raw_option(socket, 6, 1, value, huge) == APM_ERROR_ARGUMENT_OUT_OF_RANGE,
            "of a size");
    require(apm_socket_get_raw_option(NULL, 6, 1, value, &size) == APM_ERROR_ARGUMENT_NULL, "a socket");
    require(apm_socket_get_raw_option(socket, 6, 1, value, NULL) == APM_ERROR_ARGUMENT_NULL, "a size");
    require(apm_socket_get_raw_option(socket, 6, 1, NULL, &size) == APM_ERROR_FAULT, "a room");
    require(apm_socket_get_raw_option(socket, 6, 1, value, &huge) == APM_ERROR_ARGUMENT_OUT_OF_RANGE,
            "of a size that there is");
}

static void check_closed(apm_socket *socket)
{
    unsigned char value[8] = {0};
    size_t size = sizeof value;
    int32_t number = UNTOUCHED;

    require(apm_socket_set_option(socket, APM_SOCKET_OPTION_TTL, 1) == APM_ERROR_OBJECT_DISPOSED &&
                apm_socket_get_option(socket, APM_SOCKET_OPTION_TTL, &number) == APM_ERROR_OBJECT_DISPOSED &&
                apm_socket_set_raw_option(socket, 6, 1, value, 4) == APM_ERROR_OBJECT_DISPOSED &&
                apm_socket_get_raw_option(socket, 6, 1, value, &size) == APM_ERROR_OBJECT_DISPOSED,
            "a closed socket has no options");
    require(number == UNTOUCHED && size == sizeof value, "and says none");
}

/* ---- what a run does -------------------------------------------------------------------------- */

static bool has_lost(void)
{
    size_t i;

    for (i = 0; i < RAW_NAMES; i++)
        if (now.lost[i]) return true;
    return false;
}

/* A connect that is refused, and another one: the second has a fresh handle. */
static void renew(apm_socket *socket)
{
    int32_t before[OPTIONS], after;
    apm_error readable[OPTIONS], error;
    raw_value raw[RAW_NAMES], again;
    apm_endpoint nobody = {0};
    int i;

    for (i = 0; i < OPTIONS; i++) before[i] = get(socket, (apm_socket_option)i, &readable[i]);
    for (i = 0; i < RAW_NAMES; i++) raw[i] = get_raw(socket, raw_names[i].level, raw_names[i].name, 8);
    nobody.length = sim_address(now.family, sim_free_port(now.family), nobody.address);
    for (i = 0; i < 2; i++)
        require(apm_socket_connect(socket, &nobody) != APM_ERROR_SUCCESS, "nobody is there");
    now.dialed = true;
    if (now.fails) {
        now.bound = false; /* if the fresh handle could not be made like the one before */
        return;
    }
    for (i = 0; i < RAW_NAMES; i++) {
        again = get_raw(socket, raw_names[i].level, raw_names[i].name, 8);
        require(now.lost[i] || is_equal(&again, &raw[i]),
                "a fresh handle has what was set on the one before");
    }
    for (i = 0; i < OPTIONS; i++) {
        after = get(socket, (apm_socket_option)i, &error);
        require(error == readable[i], "a fresh handle has the options of the one before");
        if (has_lost()) continue;
        require(after == before[i], "and their values");
    }
}

static void bind_it(apm_socket *socket)
{
    apm_endpoint any;

    require(apm_endpoint_any(now.family, 0, &any) == APM_ERROR_SUCCESS, "there is a wildcard address");
    if (apm_socket_bind(socket, &any) == APM_ERROR_SUCCESS) now.bound = true;
}

static void step(apm_socket *socket)
{
    uint8_t what = take_byte(&input) % 32;

    if (what < 16)
        set_typed(socket);
    else if (what < 27)
        set_raw(socket);
    else if (what < 28)
        misuse(socket);
    else if (what < 29)
        bind_it(socket);
    else if (now.stream)
        renew(socket);
}

static void play(void *argument)
{
    uint8_t kind = take_byte(&input);
    apm_socket *socket = NULL;
    int steps = MOST_STEPS;
    apm_error error;

    (void)argument;
    now.family = kind % 2 != 0 ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    now.stream = kind / 2 % 4 != 0;
    error = apm_socket_create(now.family, now.stream ? APM_SOCKET_STREAM : APM_SOCKET_DATAGRAM, 0, &socket);
    require(now.fails || error == APM_ERROR_SUCCESS, "there is a socket");
    if (error == APM_ERROR_SUCCESS) {
        while (input.size != 0 && steps-- != 0) step(socket);
        apm_socket_retain(socket);
        require(apm_socket_close(socket) == APM_ERROR_SUCCESS, "it can be closed");
        check_closed(socket);
        apm_socket_release(socket);
    }
    /* Where nothing could be had it has not been started. */
    require(apm_cleanup() == APM_ERROR_SUCCESS || error != APM_ERROR_SUCCESS, "and the library ended");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const enum sim_fault_kind failing[] = {SIM_SET_OPTION, SIM_GET_OPTION, SIM_CONTROL, SIM_MEMORY};
    static const char *const profiles[] = {"windows", "wine", "hostile"};
    sim_profile profile;
    uint8_t how;
    size_t i;

    input.bytes = bytes;
    input.size = size;
    memset(&now, 0, sizeof now);
    how = take_byte(&input);
    require(sim_profile_named(profiles[how % 3], &profile), "there is the profile");
    now.fails = how >= 192;
    if (now.fails)
        for (i = 0; i < sizeof failing / sizeof *failing; i++) profile.faults[failing[i]].rate = 150;
    sim_set_profile(&profile);
    sim_seed(1 + (uint64_t)how);
    sim_run(play, NULL);
    return 0;
}
