/* SPDX-License-Identifier: MIT */
/* How a datagram came in: its address and interface; IPv6, and both families on one socket. */
#include <string.h>

#include "../support/fixture.h"
#include "../support/kernel_socket.h"

/* A receiver bound to the wildcard, and where it is reached; a sender bound to loopback. */
typedef struct meeting {
    apm_socket *here, *there;
    apm_endpoint here_at, there_at;
} meeting;

static void close_meeting(meeting *one)
{
    close_now(one->here);
    close_now(one->there);
}

static bool open_meeting(meeting *one, int32_t family)
{
    apm_endpoint local;

    one->here = datagram_open(family);
    one->there = datagram_bound(family, &one->there_at);
    (void)apm_endpoint_any(family, 0, &local);
    if (one->here != NULL && one->there != NULL &&
        CHECK_ERROR(apm_socket_bind(one->here, &local), APM_ERROR_SUCCESS) &&
        CHECK_ERROR(apm_socket_local_endpoint(one->here, &local), APM_ERROR_SUCCESS)) {
        (void)apm_endpoint_loopback(family, apm_endpoint_port(&local), &one->here_at);
        return true;
    }
    close_meeting(one);
    return false;
}

/* A receive of `room` bytes, into which a datagram of `size` comes; awaited, or already there. */
static void receive_message(meeting *one, call *made, size_t room, size_t size, bool awaited)
{
    static unsigned char there[2000], here[2000];

    pattern_fill(there, size, size);
    memset(here, 0, sizeof here);
    call_prepare(made, one->here, CALL_RECEIVE_MESSAGE_FROM);
    if (!awaited)
        (void)CHECK_ERROR(send_to_now(one->there, there, size, &one->here_at, NULL), APM_ERROR_SUCCESS);
    if (!CHECK_ERROR(call_receive_from(made, here, room), APM_ERROR_SUCCESS)) return;
    if (awaited)
        (void)CHECK_ERROR(send_to_now(one->there, there, size, &one->here_at, NULL), APM_ERROR_SUCCESS);
    (void)call_ends_with(made, APM_ERROR_SUCCESS, size < room ? size : room);
    CHECK(pattern_holds(here, made->bytes, size));
    CHECK(here[room] == 0);
}

static void check_details(int32_t family)
{
    static const size_t sizes[] = {0, 1, 500, 900};
    enum { ROOM = 500 };
    apm_endpoint expected;
    meeting one;
    size_t i;

    if (!family_is_here(family) || !open_meeting(&one, family)) return;
    (void)apm_endpoint_loopback(family, 0, &expected);
    for (i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i / 2];
        call made;

        /* The first one is awaited: what tells the details is on when its datagram comes. */
        receive_message(&one, &made, ROOM, size, i % 2 == 0);
        CHECK(apm_endpoint_equal(&made.from, &one.there_at));
        CHECK(made.information.address.length != 0);
        CHECK(apm_endpoint_equal(&made.information.address, &expected)); /* and port 0 */
        CHECK(made.information.interface_index != 0);
        CHECK(made.flags == (size > ROOM ? APM_FLAG_TRUNCATED : APM_FLAG_NONE));
        call_dispose(&made);
    }
    close_meeting(&one);
}

static void message_says_where_it_came_in(void)
{
    check_details(APM_FAMILY_IPV4);
}

static void message_over_ipv6_says_where_it_came_in(void)
{
    check_details(APM_FAMILY_IPV6);
}

static void message_is_ended_without_asking_for_details(void)
{
    apm_async_result *result = NULL;
    apm_endpoint from;
    size_t bytes = 0;
    meeting one;
    char here = 0;

    if (!open_meeting(&one, APM_FAMILY_IPV4)) return;
    (void)CHECK_ERROR(send_to_now(one.there, "x", 1, &one.here_at, NULL), APM_ERROR_SUCCESS);
    if (CHECK_ERROR(apm_socket_begin_receive_message_from(one.here, &here, 1, 0, NULL, NULL, &result),
                    APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_end_receive_message_from(one.here, result, &bytes, NULL, &from, NULL),
                          APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here == 'x' && apm_endpoint_equal(&from, &one.there_at));
        apm_async_result_release(result);
    }
    close_meeting(&one);
}

/* Of several in flight each has the details of its own datagram. */
static void each_message_has_its_own_details(void)
{
    enum { MESSAGES = 20 };
    apm_endpoint locals[MESSAGES];
    apm_socket *senders[MESSAGES];
    call made[MESSAGES];
    char here[MESSAGES][8];
    meeting one;
    int i;

    if (!open_meeting(&one, APM_FAMILY_IPV4)) return;
    for (i = 0; i < MESSAGES; i++) {
        call_prepare(&made[i], one.here, CALL_RECEIVE_MESSAGE_FROM);
        (void)CHECK_ERROR(call_receive_from(&made[i], here[i], (size_t)(1 + i % 2)), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < MESSAGES; i++) {
        char text[2] = {(char)('a' + i), '!'};

        senders[i] = datagram_bound(APM_FAMILY_IPV4, &locals[i]);
        (void)CHECK_ERROR(send_to_now(senders[i], text, 2, &one.here_at, NULL), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < MESSAGES; i++) {
        (void)call_ends_with(&made[i], APM_ERROR_SUCCESS, (size_t)(1 + i % 2));
        CHECK(here[i][0] == 'a' + i);
        CHECK(apm_endpoint_equal(&made[i].from, &locals[i]));
        CHECK(made[i].flags == (i % 2 == 0 ? APM_FLAG_TRUNCATED : APM_FLAG_NONE));
        call_dispose(&made[i]);
        close_now(senders[i]);
    }
    close_meeting(&one);
}

/* ---- IPv6, and both --------------------------------------------------------------------------------- */

static void datagrams_go_over_ipv6(void)
{
    apm_endpoint left_at, right_at, from = {0}, four;
    apm_socket *left, *right;
    size_t bytes = 0;
    char here[4] = {0};

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    left = datagram_bound(APM_FAMILY_IPV6, &left_at);
    right = datagram_bound(APM_FAMILY_IPV6, &right_at);
    if (left != NULL && right != NULL) {
        (void)CHECK_ERROR(send_to_now(left, "six", 3, &right_at, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(receive_from_now(right, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
        CHECK(bytes == 3 && memcmp(here, "six", 4) == 0 && apm_endpoint_equal(&from, &left_at));
        /* Of one family only, as nobody has asked for both. */
        (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 9, &four);
        (void)CHECK_ERROR(send_to_now(left, "x", 1, &four, NULL), APM_ERROR_NOT_SUPPORTED);
    }
    close_now(left);
    close_now(right);
}

typedef struct dual_meeting {
    apm_socket *dual, *four;
    uint16_t port; /* of the dual one */
    apm_endpoint four_at, four_mapped;
} dual_meeting;

static bool open_dual(dual_meeting *one)
{
    apm_endpoint local;

    one->dual = NULL;
    one->four = datagram_bound(APM_FAMILY_IPV4, &one->four_at);
    (void)apm_endpoint_any(APM_FAMILY_IPV6, 0, &local);
    if (one->four != NULL &&
        CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &one->dual),
                    APM_ERROR_SUCCESS) &&
        CHECK_ERROR(apm_socket_bind(one->dual, &local), APM_ERROR_SUCCESS) &&
        CHECK_ERROR(apm_socket_local_endpoint(one->dual, &local), APM_ERROR_SUCCESS)) {
        one->port = apm_endpoint_port(&local);
        (void)apm_endpoint_from_ip("::ffff:127.0.0.1", apm_endpoint_port(&one->four_at), &one->four_mapped);
        return true;
    }
    close_now(one->dual);
    close_now(one->four);
    return false;
}

/* Under Wine's packet information it is the IPv4 address, elsewhere that or the mapped one. */
static bool is_ipv4_loopback(const apm_endpoint *address)
{
    apm_endpoint plain, mapped;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &plain);
    (void)apm_endpoint_from_ip("::ffff:127.0.0.1", 0, &mapped);
    return apm_endpoint_equal(address, &plain) || apm_endpoint_equal(address, &mapped);
}

static void dual_socket_exchanges_datagrams_with_ipv4(void)
{
    apm_endpoint at, from;
    dual_meeting one;
    size_t bytes;
    char here[8];
    call made;

    if (!family_is_here(APM_FAMILY_IPV6) || !open_dual(&one)) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, one.port, &at);

    /* It is sent to with the plain address, and knows the sender by the mapped one. */
    (void)CHECK_ERROR(send_to_now(one.four, "in", 2, &at, NULL), APM_ERROR_SUCCESS);
    memset(here, 0, sizeof here);
    (void)CHECK_ERROR(receive_from_now(one.dual, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && memcmp(here, "in", 3) == 0 && apm_endpoint_equal(&from, &one.four_mapped));

    /* It takes both forms to send to. */
    (void)CHECK_ERROR(send_to_now(one.dual, "a", 1, &from, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(send_to_now(one.dual, "b", 1, &one.four_at, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_from_now(one.four, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here[0] == 'a' && apm_endpoint_equal(&from, &at));
    (void)CHECK_ERROR(receive_from_now(one.four, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here[0] == 'b' && apm_endpoint_equal(&from, &at));

    call_prepare(&made, one.dual, CALL_RECEIVE_MESSAGE_FROM);
    if (CHECK_ERROR(call_receive_from(&made, here, sizeof here), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(send_to_now(one.four, "info", 4, &at, NULL), APM_ERROR_SUCCESS);
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, 4);
        CHECK(apm_endpoint_equal(&made.from, &one.four_mapped));
        CHECK(is_ipv4_loopback(&made.information.address));
        CHECK(made.information.interface_index != 0);
    }
    call_dispose(&made);
    close_now(one.dual);
    close_now(one.four);
}

static void dual_socket_exchanges_datagrams_with_ipv6(void)
{
    apm_endpoint at, six_at, from, loopback;
    apm_socket *six;
    dual_meeting one;
    size_t bytes = 0;
    char here[8] = {0};
    call made;

    if (!family_is_here(APM_FAMILY_IPV6) || !open_dual(&one)) return;
    six = datagram_bound(APM_FAMILY_IPV6, &six_at);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, one.port, &at);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 0, &loopback);
    call_prepare(&made, one.dual, CALL_RECEIVE_MESSAGE_FROM);
    if (CHECK_ERROR(call_receive_from(&made, here, sizeof here), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(send_to_now(six, "six", 3, &at, NULL), APM_ERROR_SUCCESS);
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, 3);
        CHECK(apm_endpoint_equal(&made.from, &six_at));
        CHECK(apm_endpoint_equal(&made.information.address, &loopback));
        (void)CHECK_ERROR(send_to_now(one.dual, "back", 4, &made.from, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(receive_from_now(six, here, sizeof here, &bytes, &from), APM_ERROR_SUCCESS);
        CHECK(bytes == 4 && memcmp(here, "back", 4) == 0);
        CHECK(apm_endpoint_equal(&from, &at));
    }
    call_dispose(&made);
    close_now(six);
    close_now(one.dual);
    close_now(one.four);
}

/* A receive that cannot begin changes nothing: what a datagram says of itself is asked for later, of both
 * families. */
static void receive_that_is_refused_asks_for_nothing(void)
{
    apm_endpoint at, four_at, local = {0};
    apm_socket *dual = NULL, *four;
    char here[8] = {0};
    call made;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    dual = datagram_open(APM_FAMILY_IPV6);
    four = datagram_bound(APM_FAMILY_IPV4, &four_at);
    call_prepare(&made, dual, CALL_RECEIVE_MESSAGE_FROM);
    (void)CHECK_ERROR(call_receive_from(&made, here, sizeof here), APM_ERROR_INVALID_OPERATION);
    CHECK(kernel_number(dual, LEVEL_IPV6, IPV6_DETAILS) == 0);
    (void)CHECK_ERROR(apm_socket_set_option(dual, APM_SOCKET_OPTION_DUAL_MODE, 1), APM_ERROR_SUCCESS);
    (void)apm_endpoint_any(APM_FAMILY_IPV6, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(dual, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(dual, &local), APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, apm_endpoint_port(&local), &at);
    if (CHECK_ERROR(call_receive_from(&made, here, sizeof here), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(send_to_now(four, "info", 4, &at, NULL), APM_ERROR_SUCCESS);
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, 4);
        CHECK(is_ipv4_loopback(&made.information.address));
    }
    CHECK(kernel_number(dual, LEVEL_IPV6, IPV6_DETAILS) != 0);
    CHECK(kernel_number(dual, LEVEL_IP, IP_DETAILS) != 0);
    call_dispose(&made);
    close_now(four);
    close_now(dual);
}

/* Not bound before: its first datagram, to whichever family, binds it for both. */
static void dual_socket_is_bound_by_its_first_datagram(void)
{
    static const int32_t families[] = {APM_FAMILY_IPV4, APM_FAMILY_IPV6};
    int i;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    for (i = 0; i < 2; i++) {
        apm_endpoint at, from, local;
        apm_socket *dual = NULL, *other = datagram_bound(families[i], &at);
        size_t bytes = 0;
        char here = 0;

        if (CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &dual),
                        APM_ERROR_SUCCESS) &&
            other != NULL) {
            (void)CHECK_ERROR(send_to_now(dual, "x", 1, &at, NULL), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(receive_from_now(other, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(apm_socket_local_endpoint(dual, &local), APM_ERROR_SUCCESS);
            CHECK(apm_endpoint_port(&local) == apm_endpoint_port(&from));
            (void)CHECK_ERROR(send_to_now(other, "y", 1, &from, NULL), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(receive_from_now(dual, &here, 1, &bytes, &from), APM_ERROR_SUCCESS);
            CHECK(bytes == 1 && here == 'y');
        }
        close_now(dual);
        close_now(other);
    }
}

static const test_case details[] = {
    {"message_says_where_it_came_in", message_says_where_it_came_in, false},
    {"message_over_ipv6_says_where_it_came_in", message_over_ipv6_says_where_it_came_in, false},
    {"message_is_ended_without_asking_for_details", message_is_ended_without_asking_for_details, false},
    {"each_message_has_its_own_details", each_message_has_its_own_details, false},
    {NULL, NULL, false}};

static const test_case families[] = {
    {"datagrams_go_over_ipv6", datagrams_go_over_ipv6, false},
    {"receive_that_is_refused_asks_for_nothing", receive_that_is_refused_asks_for_nothing, false},
    {"dual_socket_exchanges_datagrams_with_ipv4", dual_socket_exchanges_datagrams_with_ipv4, false},
    {"dual_socket_exchanges_datagrams_with_ipv6", dual_socket_exchanges_datagrams_with_ipv6, false},
    {"dual_socket_is_bound_by_its_first_datagram", dual_socket_is_bound_by_its_first_datagram, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"details", details}, {"families", families}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
