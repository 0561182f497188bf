/* SPDX-License-Identifier: MIT */
/* Options: their defaults, values, ranges, families and protocols; when they can be set; raw ones. */
#include "../support/fixture.h"
#include "../support/kernel_socket.h"

#define UNTOUCHED 0x5EAF00D
#define UNKNOWN_OPTION ((apm_socket_option)4711)

static void check_row(bool good, const char *row, int line)
{
    (void)CU_assertImplementation(good ? CU_TRUE : CU_FALSE, (unsigned)line, row, __FILE__, "", CU_FALSE);
}
#define CHECK_ROW(condition, row) check_row((condition), (row), __LINE__)

/* ---- the table -------------------------------------------------------------------------------------- */

enum { STREAM4 = 1, DATAGRAM4 = 2, STREAM6 = 4, DATAGRAM6 = 8, KINDS = 4 };
enum { STREAMS = STREAM4 | STREAM6, DATAGRAMS = DATAGRAM4 | DATAGRAM6, ALL = STREAMS | DATAGRAMS };
enum { FOUR = STREAM4 | DATAGRAM4, SIX = STREAM6 | DATAGRAM6 };
enum { OWN = -1, ANY_DEFAULT = -1 };

typedef struct row {
    apm_socket_option option;
    const char *name;
    int kinds;                  /* the sockets that it is tested on */
    int32_t standard;           /* its default, or ANY_DEFAULT */
    int32_t first, last;        /* its range */
    apm_error outside;          /* beyond it; APM_ERROR_SUCCESS: it is a bool */
    int32_t level, key;         /* where the kernel has it for IPv4; OWN: it is the library's */
    int32_t level_six, key_six; /* for IPv6 */
} row;

#define BOOL 0, 1, APM_ERROR_SUCCESS
#define BOTH(level, key) level, key, level, key
#define LIBRARY BOTH(OWN, OWN)
#define RANGE APM_ERROR_ARGUMENT_OUT_OF_RANGE

static const row table[] = {
    {APM_SOCKET_OPTION_NO_DELAY, "NO_DELAY", STREAMS, 0, BOOL, BOTH(LEVEL_TCP, TCP_NO_DELAY)},
    {APM_SOCKET_OPTION_KEEP_ALIVE, "KEEP_ALIVE", STREAMS, 0, BOOL, BOTH(LEVEL_SOCKET, SOCKET_KEEP_ALIVE)},
    {APM_SOCKET_OPTION_KEEP_ALIVE_TIME, "KEEP_ALIVE_TIME", STREAMS, 7200, 1, 32767, RANGE,
     BOTH(LEVEL_TCP, TCP_IDLE)},
    {APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, "KEEP_ALIVE_INTERVAL", STREAMS, 1, 1, 32767, RANGE,
     BOTH(LEVEL_TCP, TCP_INTERVAL)},
    {APM_SOCKET_OPTION_LINGER, "LINGER", STREAMS, 0, BOOL, LIBRARY},
    {APM_SOCKET_OPTION_LINGER_TIME, "LINGER_TIME", STREAMS, 0, 0, 65535, APM_ERROR_ARGUMENT, LIBRARY},
    {APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE, "RECEIVE_BUFFER_SIZE", ALL, ANY_DEFAULT, 0, 1 << 20, RANGE,
     BOTH(LEVEL_SOCKET, SOCKET_RECEIVE_BUFFER)},
    {APM_SOCKET_OPTION_SEND_BUFFER_SIZE, "SEND_BUFFER_SIZE", ALL, ANY_DEFAULT, 0, 1 << 20, RANGE,
     BOTH(LEVEL_SOCKET, SOCKET_SEND_BUFFER)},
    {APM_SOCKET_OPTION_RECEIVE_TIMEOUT, "RECEIVE_TIMEOUT", ALL, 0, -1, INT32_MAX, RANGE, LIBRARY},
    {APM_SOCKET_OPTION_SEND_TIMEOUT, "SEND_TIMEOUT", ALL, 0, -1, INT32_MAX, RANGE, LIBRARY},
    {APM_SOCKET_OPTION_TTL, "TTL", ALL, ANY_DEFAULT, 0, 255, RANGE, LEVEL_IP, IP_HOPS, LEVEL_IPV6, IPV6_HOPS},
    {APM_SOCKET_OPTION_DUAL_MODE, "DUAL_MODE", SIX, 0, BOOL, LIBRARY},
    {APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, "EXCLUSIVE_ADDRESS_USE", ALL, ANY_DEFAULT, BOOL,
     BOTH(LEVEL_SOCKET, SOCKET_EXCLUSIVE)},
    {APM_SOCKET_OPTION_BROADCAST, "BROADCAST", DATAGRAMS, 0, BOOL, BOTH(LEVEL_SOCKET, SOCKET_BROADCAST)},
    {APM_SOCKET_OPTION_DONT_FRAGMENT, "DONT_FRAGMENT", FOUR, ANY_DEFAULT, BOOL, BOTH(LEVEL_IP, IP_WHOLE)},
    {APM_SOCKET_OPTION_MULTICAST_LOOPBACK, "MULTICAST_LOOPBACK", DATAGRAMS, 1, BOOL, LEVEL_IP, IP_LOOPBACK,
     LEVEL_IPV6, IPV6_LOOPBACK},
    {APM_SOCKET_OPTION_CONNECT_TIMEOUT, "CONNECT_TIMEOUT", ALL, 0, -1, INT32_MAX, RANGE, LIBRARY},
    {APM_SOCKET_OPTION_CONNECT_ALGORITHM, "CONNECT_ALGORITHM", ALL, 0, 0, 1, RANGE, LIBRARY},
    {APM_SOCKET_OPTION_UDP_CONNECTION_RESET, "UDP_CONNECTION_RESET", DATAGRAMS, 1, BOOL, LIBRARY},
    {APM_SOCKET_OPTION_REUSE_UNICAST_PORT, "REUSE_UNICAST_PORT", STREAMS, 1, BOOL, LIBRARY},
    {APM_SOCKET_OPTION_TYPE_OF_SERVICE, "TYPE_OF_SERVICE", FOUR, 0, 0, 255, RANGE,
     BOTH(LEVEL_IP, IP_SERVICE)}};
enum { ROWS = sizeof table / sizeof *table };

/* A fresh socket of the kind; NULL if this machine has none. */
static apm_socket *kind_new(int kind)
{
    bool stream = (kind & STREAMS) != 0, four = (kind & FOUR) != 0;
    apm_socket *socket = NULL;
    apm_error error = apm_socket_create(four ? APM_FAMILY_IPV4 : APM_FAMILY_IPV6,
                                        stream ? APM_SOCKET_STREAM : APM_SOCKET_DATAGRAM,
                                        stream ? APM_PROTOCOL_TCP : APM_PROTOCOL_UDP, &socket);

    if (four || error != APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED) (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
    return socket;
}

/* Each row on each kind of socket that it is for. */
static void for_each_row(void (*check)(apm_socket *socket, const row *one, bool six))
{
    int kind, i;

    for (i = 0; i < ROWS; i++)
        for (kind = 1; kind < 1 << KINDS; kind <<= 1) {
            apm_socket *socket = (table[i].kinds & kind) != 0 ? kind_new(kind) : NULL;

            if (socket == NULL) continue;
            check(socket, &table[i], (kind & SIX) != 0);
            (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
        }
}

static int32_t read_option(apm_socket *socket, apm_socket_option option, const char *name)
{
    int32_t value = UNTOUCHED;
    apm_error error = apm_socket_get_option(socket, option, &value);

    CHECK_ROW(error == APM_ERROR_SUCCESS, name);
    return value;
}

/* ---- values ------------------------------------------------------------------------------------------ */

/* Wine tells the one of the system below it, where it tells any. */
static bool interval_is_another(const apm_socket *socket)
{
    return peer_kernel_is_wine() && kernel_has_keep_alive(socket);
}

static void check_default(apm_socket *socket, const row *one, bool six)
{
    int32_t value = read_option(socket, one->option, one->name);

    (void)six;
    if (one->standard != ANY_DEFAULT &&
        !(one->option == APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL && interval_is_another(socket)))
        CHECK_ROW(value == one->standard, one->name);
    else
        CHECK_ROW(value >= one->first, one->name);
}

static void fresh_socket_has_the_defaults(void)
{
    for_each_row(check_default);
}

/* Sets it and looks at it through the library and, where the kernel tells it, past it. */
static void set_and_look(apm_socket *socket, const row *one, bool six, int32_t value, int32_t expected)
{
    int32_t level = six ? one->level_six : one->level, key = six ? one->key_six : one->key;
    int32_t below;

    CHECK_ROW(apm_socket_set_option(socket, one->option, value) == APM_ERROR_SUCCESS, one->name);
    CHECK_ROW(read_option(socket, one->option, one->name) == expected, one->name);
    if (level == OWN) return;
    below = kernel_number(socket, level, key);
    if (level == LEVEL_TCP && key != TCP_NO_DELAY && !kernel_has_keep_alive(socket))
        CHECK_ROW(below == -1, one->name); /* the times are set in another way there */
    else
        CHECK_ROW(one->outside == APM_ERROR_SUCCESS ? (below != 0) == (expected != 0) : below == expected,
                  one->name);
}

static void check_values(apm_socket *socket, const row *one, bool six)
{
    if (one->outside == APM_ERROR_SUCCESS) {
        static const int32_t yes[] = {1, 42, -1, INT32_MAX, INT32_MIN, 256};
        size_t i;

        for (i = 0; i < sizeof yes / sizeof *yes; i++) {
            set_and_look(socket, one, six, yes[i], 1);
            set_and_look(socket, one, six, 0, 0);
        }
        return;
    }
    if (one->option == APM_SOCKET_OPTION_TYPE_OF_SERVICE) {
        set_and_look(socket, one, six, 252, 252); /* the lowest two bits are the network's on some systems */
        set_and_look(socket, one, six, 8, 8);
    } else {
        set_and_look(socket, one, six, one->last, one->last);
        if (one->last > 5) set_and_look(socket, one, six, 5, 5);
    }
    if (one->option == APM_SOCKET_OPTION_TTL)
        set_and_look(socket, one, six, 1, 1); /* not every system sends with 0 */
    else
        set_and_look(socket, one, six, one->first, one->first < 0 ? 0 : one->first);
}

static void what_is_set_is_read_back(void)
{
    for_each_row(check_values);
}

static void check_range(apm_socket *socket, const row *one, bool six)
{
    int32_t before, beyond[4];
    size_t i, count = 0;

    (void)six;
    if (one->outside == APM_ERROR_SUCCESS) return;
    before = read_option(socket, one->option, one->name);
    /* How large a buffer or a time may be is the system's business. */
    if (one->last == 1 || one->last == 255 || one->last == 65535) {
        beyond[count++] = one->last + 1;
        beyond[count++] = INT32_MAX;
    }
    beyond[count++] = one->first - 1;
    beyond[count++] = INT32_MIN;
    for (i = 0; i < count; i++)
        CHECK_ROW(apm_socket_set_option(socket, one->option, beyond[i]) == one->outside, one->name);
    CHECK_ROW(read_option(socket, one->option, one->name) == before, one->name);
}

static void values_out_of_range_are_refused_and_change_nothing(void)
{
    for_each_row(check_range);
}

static void hop_limit_of_zero_is_in_range(void)
{
    apm_socket *socket = kind_new(STREAM4);
    apm_error error = apm_socket_set_option(socket, APM_SOCKET_OPTION_TTL, 0);

    /* Not every kernel has it, but that is the kernel's to say. */
    CHECK(error == APM_ERROR_SUCCESS || error == APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* ---- where they are not ------------------------------------------------------------------------------- */

static void check_refused(int kind, apm_socket_option option, int32_t value, apm_error expected)
{
    apm_socket *socket = kind_new(kind);
    int32_t got = UNTOUCHED;

    if (socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_set_option(socket, option, value), expected);
    (void)CHECK_ERROR(apm_socket_get_option(socket, option, &got), expected);
    CHECK(got == UNTOUCHED);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void options_of_another_family_are_not_supported(void)
{
    check_refused(STREAM4, APM_SOCKET_OPTION_DUAL_MODE, 1, APM_ERROR_NOT_SUPPORTED);
    check_refused(DATAGRAM4, APM_SOCKET_OPTION_DUAL_MODE, 0, APM_ERROR_NOT_SUPPORTED);
    check_refused(STREAM6, APM_SOCKET_OPTION_DONT_FRAGMENT, 1, APM_ERROR_NOT_SUPPORTED);
    check_refused(DATAGRAM6, APM_SOCKET_OPTION_DONT_FRAGMENT, 0, APM_ERROR_NOT_SUPPORTED);
    check_refused(STREAM6, APM_SOCKET_OPTION_TYPE_OF_SERVICE, 8, APM_ERROR_NOT_SUPPORTED);
}

static void options_of_another_protocol_are_protocol_option(void)
{
    check_refused(DATAGRAM4, APM_SOCKET_OPTION_NO_DELAY, 1, APM_ERROR_PROTOCOL_OPTION);
    check_refused(DATAGRAM4, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, 5, APM_ERROR_PROTOCOL_OPTION);
    check_refused(DATAGRAM4, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 5, APM_ERROR_PROTOCOL_OPTION);
    check_refused(DATAGRAM6, APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, 5, APM_ERROR_PROTOCOL_OPTION);
    check_refused(STREAM4, APM_SOCKET_OPTION_BROADCAST, 1, APM_ERROR_PROTOCOL_OPTION);
    check_refused(STREAM6, APM_SOCKET_OPTION_MULTICAST_LOOPBACK, 0, APM_ERROR_PROTOCOL_OPTION);
    check_refused(STREAM4, APM_SOCKET_OPTION_MULTICAST_LOOPBACK, 0, APM_ERROR_PROTOCOL_OPTION);
    check_refused(STREAM4, APM_SOCKET_OPTION_UDP_CONNECTION_RESET, 0, APM_ERROR_PROTOCOL_OPTION);
}

static void unknown_options_are_protocol_option(void)
{
    check_refused(STREAM4, UNKNOWN_OPTION, 1, APM_ERROR_PROTOCOL_OPTION);
    check_refused(STREAM4, (apm_socket_option)(APM_SOCKET_OPTION_TYPE_OF_SERVICE + 1), 1,
                  APM_ERROR_PROTOCOL_OPTION);
    check_refused(DATAGRAM4, (apm_socket_option)INT32_MAX, 1, APM_ERROR_PROTOCOL_OPTION);
}

/* The only one that a system may have not at all. */
static void number_of_keep_alive_probes_is_the_kernels(void)
{
    apm_socket *socket;
    int32_t value = UNTOUCHED;

    socket = kind_new(STREAM4);
    if (socket == NULL) return;
    if (!kernel_has_keep_alive(socket)) {
        CHECK(peer_kernel_is_wine());
        (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
        check_refused(STREAM4, APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, 5, APM_ERROR_PROTOCOL_OPTION);
        return;
    }
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value >= 1);
    (void)CHECK_ERROR(apm_socket_set_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, 0), RANGE);
    (void)CHECK_ERROR(apm_socket_set_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, 7),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_RETRY_COUNT, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value == 7 && kernel_number(socket, LEVEL_TCP, TCP_COUNT) == 7);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* ---- when ---------------------------------------------------------------------------------------------- */

static void closed_comes_first_then_null(void)
{
    apm_socket *socket = kind_new(STREAM4);
    size_t size = sizeof(int32_t);
    int32_t value = UNTOUCHED;
    int i;

    (void)CHECK_ERROR(apm_socket_set_option(NULL, APM_SOCKET_OPTION_TTL, -1), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_get_option(NULL, APM_SOCKET_OPTION_TTL, &value), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_get_option(socket, APM_SOCKET_OPTION_TTL, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_get_option(socket, UNKNOWN_OPTION, NULL), APM_ERROR_ARGUMENT_NULL);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    for (i = 0; i < ROWS; i++) {
        CHECK_ROW(apm_socket_set_option(socket, table[i].option, 1) == APM_ERROR_OBJECT_DISPOSED,
                  table[i].name);
        CHECK_ROW(apm_socket_set_option(socket, table[i].option, INT32_MIN) == APM_ERROR_OBJECT_DISPOSED,
                  table[i].name);
        CHECK_ROW(apm_socket_get_option(socket, table[i].option, &value) == APM_ERROR_OBJECT_DISPOSED,
                  table[i].name);
    }
    (void)CHECK_ERROR(apm_socket_set_option(socket, UNKNOWN_OPTION, 1), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_get_option(socket, UNKNOWN_OPTION, NULL), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, 0, 0, NULL, 0), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, 0, 0, NULL, NULL), APM_ERROR_OBJECT_DISPOSED);
    CHECK(value == UNTOUCHED && size == sizeof value);
    apm_socket_release(socket);
}

static void check_set(apm_socket *socket, apm_socket_option option, int32_t value)
{
    int32_t got = UNTOUCHED;

    (void)CHECK_ERROR(apm_socket_set_option(socket, option, value), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_get_option(socket, option, &got), APM_ERROR_SUCCESS);
    CHECK(got == value);
}

static void bound_socket_cannot_change_how_it_is_bound(void)
{
    apm_socket *four = kind_new(STREAM4), *six = kind_new(STREAM6);
    apm_endpoint local;
    int32_t value = UNTOUCHED;

    check_set(four, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(four, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_set_option(four, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 0),
                      APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_get_option(four, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, &value),
                      APM_ERROR_SUCCESS);
    CHECK(value == 1);
    check_set(four, APM_SOCKET_OPTION_NO_DELAY, 1); /* others can be set at any time */
    (void)CHECK_ERROR(apm_socket_close(four), APM_ERROR_SUCCESS);

    if (six == NULL) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(six, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_set_option(six, APM_SOCKET_OPTION_DUAL_MODE, 1),
                      APM_ERROR_INVALID_OPERATION);
    (void)CHECK_ERROR(apm_socket_get_option(six, APM_SOCKET_OPTION_DUAL_MODE, &value), APM_ERROR_SUCCESS);
    CHECK(value == 0);
    (void)CHECK_ERROR(apm_socket_close(six), APM_ERROR_SUCCESS);
}

static void connected_socket_takes_options(void)
{
    int32_t value = UNTOUCHED;
    pair both;

    if (!pair_open(&both)) return;
    check_set(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    check_set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE, 1);
    check_set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, 60);
    check_set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 10);
    check_set(both.socket, APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE, 100000);
    check_set(both.socket, APM_SOCKET_OPTION_SEND_BUFFER_SIZE, 0); /* the kernel keeps no copy */
    check_set(both.socket, APM_SOCKET_OPTION_TTL, 9);
    check_set(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 3);
    check_set(both.socket, APM_SOCKET_OPTION_LINGER, 0);
    check_set(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 100000);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 0),
                      APM_ERROR_INVALID_OPERATION);
    /* Refusals leave the connection as it is. */
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_TTL, 256), RANGE);
    (void)CHECK_ERROR(apm_socket_get_option(both.socket, APM_SOCKET_OPTION_DUAL_MODE, &value),
                      APM_ERROR_NOT_SUPPORTED);
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both);
    pair_close(&both);
}

/* Keep-alive and its times are three options, whichever way the system has them. */
static void keep_alive_times_do_not_switch_keep_alive(void)
{
    apm_socket *socket = kind_new(STREAM4);

    check_set(socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, 30);
    CHECK(kernel_number(socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) == 0);
    CHECK(read_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE, "off") == 0);
    CHECK(interval_is_another(socket) ||
          read_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, "the other") == 1);
    check_set(socket, APM_SOCKET_OPTION_KEEP_ALIVE, 1);
    CHECK(kernel_number(socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) != 0);
    check_set(socket, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 7);
    CHECK(kernel_number(socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) != 0);
    CHECK(read_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE, "on") == 1);
    CHECK(read_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, "the time") == 30);
    check_set(socket, APM_SOCKET_OPTION_KEEP_ALIVE, 0);
    CHECK(read_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, "the time") == 30);
    CHECK(read_option(socket, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, "the interval") == 7);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void exclusive_address_is_taken(void)
{
    apm_socket *first = kind_new(DATAGRAM4), *second = kind_new(DATAGRAM4);
    apm_endpoint local;

    check_set(first, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(first, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(first, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_bind(second, &local), APM_ERROR_ADDRESS_ALREADY_IN_USE);
    (void)CHECK_ERROR(apm_socket_close(first), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(second), APM_ERROR_SUCCESS);
}

/* ---- linger ---------------------------------------------------------------------------------------------- */

typedef struct linger_pair {
    uint16_t on, seconds;
} linger_pair;

static linger_pair linger_below(const apm_socket *socket)
{
    linger_pair now;

    CHECK(kernel_get(apm_socket_handle(socket), LEVEL_SOCKET, SOCKET_LINGER, &now, (int32_t)sizeof now));
    return now;
}

static void linger_and_its_time_keep_each_other(void)
{
    apm_socket *socket = kind_new(STREAM4);
    linger_pair below;

    check_set(socket, APM_SOCKET_OPTION_LINGER_TIME, 5);
    CHECK(read_option(socket, APM_SOCKET_OPTION_LINGER, "off") == 0);
    check_set(socket, APM_SOCKET_OPTION_LINGER, 1);
    CHECK(read_option(socket, APM_SOCKET_OPTION_LINGER_TIME, "5") == 5);
    below = linger_below(socket);
    CHECK(below.on != 0 && below.seconds == 5);
    check_set(socket, APM_SOCKET_OPTION_LINGER_TIME, 65535);
    below = linger_below(socket);
    CHECK(below.on != 0 && below.seconds == 65535);
    check_set(socket, APM_SOCKET_OPTION_LINGER, 0);
    CHECK(linger_below(socket).on == 0);
    CHECK(read_option(socket, APM_SOCKET_OPTION_LINGER_TIME, "65535") == 65535);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void close_as_linger_says(bool linger, int32_t seconds, int64_t expected)
{
    char here[8];
    pair both;

    if (!pair_open(&both)) return;
    check_set(both.socket, APM_SOCKET_OPTION_LINGER_TIME, seconds);
    check_set(both.socket, APM_SOCKET_OPTION_LINGER, linger);
    (void)CHECK_ERROR(send_now(both.socket, "last", 4, NULL), APM_ERROR_SUCCESS);
    CHECK(peer_read_all(both.other, here, 4, PATIENCE));
    (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
    both.socket = NULL;
    CHECK(peer_read(both.other, here, sizeof here, PATIENCE) == expected);
    pair_close(&both);
}

static void close_with_linger_for_no_time_resets(void)
{
    close_as_linger_says(true, 0, PEER_RESET);
}

static void close_with_linger_for_some_time_ends(void)
{
    close_as_linger_says(true, 30, PEER_END);
}

static void close_without_linger_ends_whatever_its_time(void)
{
    close_as_linger_says(false, 0, PEER_END);
    close_as_linger_says(false, 30, PEER_END);
}

/* ---- raw options ------------------------------------------------------------------------------------------- */

static void raw_options_and_ours_are_the_same(void)
{
    apm_socket *socket = kind_new(STREAM4);
    int32_t value = 1, large[100] = {-1};
    size_t size = sizeof large;

    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, &value, sizeof value),
                      APM_ERROR_SUCCESS);
    CHECK(read_option(socket, APM_SOCKET_OPTION_NO_DELAY, "set raw") == 1);
    /* Nothing of what was there before, though some systems write a single byte of it. */
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, large, &size),
                      APM_ERROR_SUCCESS);
    CHECK(large[0] == 1 && size <= sizeof value);
    size = sizeof value;
    check_set(socket, APM_SOCKET_OPTION_TTL, 77);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_IP, IP_HOPS, &value, &size), APM_ERROR_SUCCESS);
    CHECK(value == 77 && size == sizeof value);
    value = 0;
    size = sizeof value;
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_SOCKET, SOCKET_TYPE, &value, &size),
                      APM_ERROR_SUCCESS);
    CHECK(value == APM_SOCKET_STREAM && size == sizeof value);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void raw_linger_and_ours_are_the_same(void)
{
    apm_socket *socket = kind_new(STREAM4);
    linger_pair value = {1, 12};
    size_t size = sizeof value;

    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, LEVEL_SOCKET, SOCKET_LINGER, &value, sizeof value),
                      APM_ERROR_SUCCESS);
    CHECK(read_option(socket, APM_SOCKET_OPTION_LINGER, "set raw") == 1);
    CHECK(read_option(socket, APM_SOCKET_OPTION_LINGER_TIME, "set raw") == 12);
    check_set(socket, APM_SOCKET_OPTION_LINGER_TIME, 13);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_SOCKET, SOCKET_LINGER, &value, &size),
                      APM_ERROR_SUCCESS);
    CHECK(size == sizeof value && value.on != 0 && value.seconds == 13);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

static void raw_options_look_at_their_arguments(void)
{
    apm_socket *socket = kind_new(STREAM4);
    int32_t value = 1;
    size_t size = sizeof value, huge = SIZE_MAX;

    (void)CHECK_ERROR(apm_socket_set_raw_option(NULL, LEVEL_TCP, TCP_NO_DELAY, &value, sizeof value),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_get_raw_option(NULL, LEVEL_TCP, TCP_NO_DELAY, &value, &size),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, &value, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, &value, SIZE_MAX), RANGE);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, &value, &huge), RANGE);
    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, NULL, sizeof value),
                      APM_ERROR_FAULT);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, NULL, &size),
                      APM_ERROR_FAULT);
    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, LEVEL_TCP, TCP_NO_DELAY, &value, 0), APM_ERROR_FAULT);
    size = 1;
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_SOCKET, SOCKET_LINGER, &value, &size),
                      APM_ERROR_FAULT);
    CHECK(value == 1 && huge == SIZE_MAX);
    size = sizeof value;
    (void)CHECK_ERROR(apm_socket_set_raw_option(socket, LEVEL_TCP, 9999, &value, sizeof value),
                      APM_ERROR_PROTOCOL_OPTION);
    (void)CHECK_ERROR(apm_socket_get_raw_option(socket, LEVEL_TCP, 9999, &value, &size),
                      APM_ERROR_PROTOCOL_OPTION);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
}

/* ---- lists ------------------------------------------------------------------------------------------------- */

static const test_case values[] = {{"fresh_socket_has_the_defaults", fresh_socket_has_the_defaults, false},
                                   {"what_is_set_is_read_back", what_is_set_is_read_back, false},
                                   {"values_out_of_range_are_refused_and_change_nothing",
                                    values_out_of_range_are_refused_and_change_nothing, false},
                                   {"hop_limit_of_zero_is_in_range", hop_limit_of_zero_is_in_range, false},
                                   {NULL, NULL, false}};

static const test_case absent[] = {
    {"options_of_another_family_are_not_supported", options_of_another_family_are_not_supported, false},
    {"options_of_another_protocol_are_protocol_option", options_of_another_protocol_are_protocol_option,
     false},
    {"unknown_options_are_protocol_option", unknown_options_are_protocol_option, false},
    {"number_of_keep_alive_probes_is_the_kernels", number_of_keep_alive_probes_is_the_kernels, false},
    {NULL, NULL, false}};

static const test_case moments[] = {
    {"closed_comes_first_then_null", closed_comes_first_then_null, false},
    {"bound_socket_cannot_change_how_it_is_bound", bound_socket_cannot_change_how_it_is_bound, false},
    {"connected_socket_takes_options", connected_socket_takes_options, false},
    {"keep_alive_times_do_not_switch_keep_alive", keep_alive_times_do_not_switch_keep_alive, false},
    {"exclusive_address_is_taken", exclusive_address_is_taken, false},
    {NULL, NULL, false}};

static const test_case lingering[] = {
    {"linger_and_its_time_keep_each_other", linger_and_its_time_keep_each_other, false},
    {"close_with_linger_for_no_time_resets", close_with_linger_for_no_time_resets, false},
    {"close_with_linger_for_some_time_ends", close_with_linger_for_some_time_ends, false},
    {"close_without_linger_ends_whatever_its_time", close_without_linger_ends_whatever_its_time, false},
    {NULL, NULL, false}};

static const test_case raw[] = {
    {"raw_options_and_ours_are_the_same", raw_options_and_ours_are_the_same, false},
    {"raw_linger_and_ours_are_the_same", raw_linger_and_ours_are_the_same, false},
    {"raw_options_look_at_their_arguments", raw_options_look_at_their_arguments, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"values", values},       {"absent", absent}, {"moments", moments},
                                        {"lingering", lingering}, {"raw", raw},       {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
