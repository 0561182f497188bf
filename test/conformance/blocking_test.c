/* SPDX-License-Identifier: MIT */
/* The blocking members: what they do, their arguments, their time. */
#include <stdlib.h>
#include <string.h>

#include "../support/fixture.h"

#define UNTOUCHED ((size_t)4711)

enum { LARGE = 24 * 1024 * 1024 };

/* ---- connecting ------------------------------------------------------------------------------------------ */

static void connect_is_over_when_it_returns(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    apm_endpoint remote, found = {0};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &remote), APM_ERROR_SUCCESS);
    CHECK(apm_socket_connected(both.socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &remote));
    both.other = peer_accept(listener, PATIENCE);
    CHECK(both.other != NULL);
    if (both.other != NULL) check_alive(&both);
    (void)CHECK_ERROR(apm_socket_connect(both.socket, &remote), APM_ERROR_IS_CONNECTED);
    (void)CHECK_ERROR(apm_socket_connect_host(both.socket, "127.0.0.1", apm_endpoint_port(&remote)),
                      APM_ERROR_IS_CONNECTED);
    pair_close(&both);
    peer_listener_close(listener);
}

static void refused_connect_can_be_tried_again(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint nobody, remote;
    int i;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    for (i = 0; i < 3; i++)
        (void)CHECK_ERROR(apm_socket_connect(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, "127.0.0.1", apm_endpoint_port(&nobody)),
                      APM_ERROR_CONNECTION_REFUSED);
    CHECK(!apm_socket_connected(socket));
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

static void connect_to_host(const char *host)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    apm_endpoint remote, found = {0};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect_host(both.socket, host, apm_endpoint_port(&remote)),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &found), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&found, &remote));
    both.other = peer_accept(listener, PATIENCE);
    CHECK(both.other != NULL);
    if (both.other != NULL) check_alive(&both);
    pair_close(&both);
    peer_listener_close(listener);
}

static void host_may_be_the_text_of_an_address(void)
{
    connect_to_host("127.0.0.1");
    connect_to_host("127.1");
}

static void host_may_be_a_name(void)
{
    connect_to_host("localhost");
}

static void connect_timeout_ends_a_connect(void)
{
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4), *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint remote;

    CHECK(hanging != NULL && listener != NULL);
    if (hanging == NULL || listener == NULL) return;
    (void)CHECK_ERROR(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 50),
                      APM_ERROR_SUCCESS);
    peer_listener_endpoint(hanging, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), APM_ERROR_TIMED_OUT);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, "127.0.0.1", apm_endpoint_port(&remote)),
                      APM_ERROR_TIMED_OUT);
    CHECK(!apm_socket_connected(socket));
    (void)CHECK_ERROR(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, (int32_t)PATIENCE),
                      APM_ERROR_SUCCESS);
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(apm_socket_connect(socket, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(hanging);
    peer_listener_close(listener);
}

/* ---- sending and receiving -------------------------------------------------------------------------------- */

typedef struct reader {
    peer *other;
    size_t size; /* to be read */
    bool good;
} reader;

static void read_pattern(void *argument)
{
    reader *one = (reader *)argument;
    unsigned char *here = (unsigned char *)malloc(one->size);

    one->good = here != NULL && peer_read_all(one->other, here, one->size, PATIENCE) &&
                pattern_holds(here, one->size, 0);
    free(here);
}

static void send_sends_all_of_it(void)
{
    unsigned char *there = (unsigned char *)malloc(LARGE);
    reader one = {NULL, LARGE, false};
    test_thread *thread;
    size_t sent = 0;
    pair both;

    CHECK(there != NULL);
    if (there == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, LARGE, 0);
    one.other = both.other;
    thread = test_thread_start(read_pattern, &one);
    (void)CHECK_ERROR(apm_socket_send(both.socket, there, LARGE, APM_FLAG_NONE, &sent), APM_ERROR_SUCCESS);
    test_thread_join(thread);
    CHECK(sent == LARGE && one.good);
    pair_close(&both);
done:
    free(there);
}

static void receive_gives_what_there_is_and_then_the_end(void)
{
    char here[16] = {0};
    size_t bytes = UNTOUCHED;
    pair both;

    if (!pair_open(&both)) return;
    CHECK(peer_write(both.other, "hello", 5));
    (void)CHECK_ERROR(apm_socket_receive(both.socket, here, 3, APM_FLAG_PEEK, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes >= 1 && bytes <= 3 && memcmp(here, "hello", bytes) == 0);
    (void)CHECK_ERROR(apm_socket_receive(both.socket, here, 1, APM_FLAG_NONE, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here[0] == 'h');
    (void)CHECK_ERROR(apm_socket_receive(both.socket, NULL, 0, APM_FLAG_NONE, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    (void)CHECK_ERROR(receive_all(both.socket, here, 4), APM_ERROR_SUCCESS);
    CHECK(memcmp(here, "ello", 4) == 0);
    peer_end(both.other);
    bytes = UNTOUCHED;
    (void)CHECK_ERROR(apm_socket_receive(both.socket, here, sizeof here, APM_FLAG_NONE, &bytes),
                      APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    (void)CHECK_ERROR(apm_socket_send(both.socket, "ab", 2, APM_FLAG_NONE, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_send(both.socket, NULL, 0, APM_FLAG_NONE, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0 && peer_read_all(both.other, here, 2, PATIENCE));
    (void)CHECK_ERROR(apm_socket_receive(both.socket, here, 1, APM_FLAG_NONE, NULL), APM_ERROR_SUCCESS);
    pair_close(&both);
}

typedef struct writer {
    peer *other;
    test_gate *about;
} writer;

static void write_one(void *argument)
{
    writer *one = (writer *)argument;

    (void)test_gate_wait(one->about);
    (void)peer_write(one->other, "x", 1);
}

static void open_gate(void *argument)
{
    test_gate_open((test_gate *)argument);
}

/* A time that is long enough, or none. */
static void receive_waits_for_a_byte(void)
{
    static const int32_t times[] = {0, -1, (int32_t)PATIENCE, INT32_MAX};
    size_t i, bytes;
    char here;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < sizeof times / sizeof *times; i++) {
        writer one = {both.other, test_gate_new()};
        test_thread *thread = test_thread_start(write_one, &one), *opener;

        (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, times[i]),
                          APM_ERROR_SUCCESS);
        opener = test_thread_start(open_gate, one.about);
        here = 0;
        bytes = 0;
        (void)CHECK_ERROR(apm_socket_receive(both.socket, &here, 1, APM_FLAG_NONE, &bytes),
                          APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here == 'x');
        test_thread_join(opener);
        test_thread_join(thread);
        test_gate_free(one.about);
    }
    pair_close(&both);
}

static void datagrams_go_through_blocking_members(void)
{
    apm_socket *left = NULL, *right = NULL;
    apm_endpoint local, remote;
    char here[8];
    size_t bytes = 0;

    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &left),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP, &right),
                      APM_ERROR_SUCCESS);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(right, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(right, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_connect(left, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(left, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_connect(right, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_set_option(right, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 30), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_receive(right, here, sizeof here, APM_FLAG_NONE, &bytes),
                      APM_ERROR_TIMED_OUT);
    (void)CHECK_ERROR(apm_socket_send(left, "four", 4, APM_FLAG_NONE, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 4);
    (void)CHECK_ERROR(apm_socket_set_option(right, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 0), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_receive(right, here, sizeof here, APM_FLAG_NONE, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 4 && memcmp(here, "four", 4) == 0);
    (void)CHECK_ERROR(apm_socket_close(left), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_close(right), APM_ERROR_SUCCESS);
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

static void receive_that_took_too_long_loses_nothing(void)
{
    unsigned char here[64];
    size_t bytes, place = 0;
    int i;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 20),
                      APM_ERROR_SUCCESS);
    for (i = 0; i < 5; i++) {
        bytes = 0;
        (void)CHECK_ERROR(apm_socket_receive(both.socket, here, sizeof here, APM_FLAG_NONE, &bytes),
                          APM_ERROR_TIMED_OUT);
        CHECK(bytes == 0);
        CHECK(apm_socket_connected(both.socket));
        pattern_fill(here, 10, place);
        CHECK(peer_write(both.other, here, 10));
        (void)CHECK_ERROR(receive_all(both.socket, here, 10), APM_ERROR_SUCCESS); /* it has no time limit */
        CHECK(pattern_holds(here, 10, place));
        place += 10;
    }
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 0),
                      APM_ERROR_SUCCESS);
    check_alive(&both);
    pair_close(&both);
}

/* The times are those of the blocking members only, and each direction's own. */
static void times_bind_nothing_else(void)
{
    char here = 0, there = 0;
    pair both;
    call made;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 20),
                      APM_ERROR_SUCCESS);
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        (void)CHECK_ERROR(apm_socket_receive(both.socket, &there, 1, APM_FLAG_NONE, NULL),
                          APM_ERROR_TIMED_OUT);
        CHECK(!apm_async_result_is_completed(made.result));
        CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
        CHECK(made.bytes == 1 && here == 'x' && there == 0);
    }
    call_dispose(&made);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 0),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_SEND_TIMEOUT, 1),
                      APM_ERROR_SUCCESS);
    CHECK(peer_write(both.other, "y", 1));
    (void)CHECK_ERROR(apm_socket_receive(both.socket, &there, 1, APM_FLAG_NONE, NULL), APM_ERROR_SUCCESS);
    CHECK(there == 'y');
    pair_close(&both);
}

typedef struct dribbler {
    peer *other;
    bool good;
} dribbler;

enum { STREAM = 20000 };

/* In pieces of all sizes, with pauses of no certain length. */
static void write_in_dribs(void *argument)
{
    dribbler *one = (dribbler *)argument;
    unsigned char piece[128];
    uint64_t seed = 7;
    size_t place = 0;

    one->good = true;
    while (place < STREAM && one->good) {
        size_t size = 1 + draw(&seed, sizeof piece), pauses = draw(&seed, 4);

        if (size > STREAM - place) size = STREAM - place;
        pattern_fill(piece, size, place);
        one->good = peer_write(one->other, piece, size);
        place += size;
        while (pauses-- != 0) test_yield();
    }
}

/* Some of the bytes come just when the time is over. */
static void receives_with_hardly_any_time_lose_nothing(void)
{
    static unsigned char here[STREAM];
    dribbler one = {NULL, false};
    test_thread *thread;
    size_t place = 0, bytes;
    apm_error error = APM_ERROR_SUCCESS;
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 1),
                      APM_ERROR_SUCCESS);
    one.other = both.other;
    thread = test_thread_start(write_in_dribs, &one);
    while (place < STREAM && (error == APM_ERROR_SUCCESS || error == APM_ERROR_TIMED_OUT)) {
        bytes = 0;
        error = apm_socket_receive(both.socket, here + place, STREAM - place, APM_FLAG_NONE, &bytes);
        place += bytes;
        if (error == APM_ERROR_SUCCESS && bytes == 0) break;
    }
    test_thread_join(thread);
    CHECK(one.good && place == STREAM && pattern_holds(here, STREAM, 0));
    pair_close(&both);
}

/* What the peer gets is what the count says, and the other direction goes on. */
static void send_that_took_too_long_says_how_much_has_gone(void)
{
    unsigned char *there = (unsigned char *)malloc(LARGE);
    size_t sent = UNTOUCHED;
    char here = 0;
    reader one;
    pair both;

    CHECK(there != NULL);
    if (there == NULL || !pair_open(&both)) goto done;
    pattern_fill(there, LARGE, 0);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_SEND_TIMEOUT, 200),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_send(both.socket, there, LARGE, APM_FLAG_NONE, &sent), APM_ERROR_TIMED_OUT);
    CHECK(sent < LARGE);
    CHECK(apm_socket_connected(both.socket));
    CHECK(peer_write(both.other, "x", 1));
    (void)CHECK_ERROR(apm_socket_receive(both.socket, &here, 1, APM_FLAG_NONE, NULL), APM_ERROR_SUCCESS);
    CHECK(here == 'x');
    if (sent > 0 && sent < LARGE) {
        one.other = both.other;
        one.size = sent;
        read_pattern(&one);
        CHECK(one.good);
    }
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END); /* and not a byte more */
    pair_close(&both);
done:
    free(there);
}

/* ---- arguments ---------------------------------------------------------------------------------------------- */

static void arguments_are_looked_at_in_order(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint remote, garbage = {0};
    size_t bytes = UNTOUCHED, huge = SIZE_MAX / 2 + 1;
    char long_name[300], here = 0;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &remote);
    memset(long_name, 'a', sizeof long_name);
    long_name[256] = '\0';
    (void)CHECK_ERROR(apm_socket_connect(NULL, &remote), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_connect(socket, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_connect(socket, &garbage), APM_ERROR_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_connect_host(NULL, "localhost", 80), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, NULL, 80), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, long_name, 80), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, "0.0.0.0", 80), APM_ERROR_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, "::", 80), APM_ERROR_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, "::1", 80), APM_ERROR_NOT_SUPPORTED);
    (void)CHECK_ERROR(apm_socket_send(NULL, "x", 1, 0, &bytes), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_send(socket, NULL, 1, 0, &bytes), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_send(socket, NULL, huge, 0, &bytes), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_send(socket, "x", huge, 0, &bytes), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_send(socket, "x", 1, 0, &bytes), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(apm_socket_receive(NULL, &here, 1, 0, &bytes), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_receive(socket, NULL, 1, 0, &bytes), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_receive(socket, &here, huge, 0, &bytes), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_receive(socket, &here, 1, 0, &bytes), APM_ERROR_NOT_CONNECTED);
    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_connect(socket, NULL), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, NULL, 80), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_connect_host(socket, long_name, 80), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_send(socket, NULL, huge, 0, &bytes), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_receive(socket, NULL, huge, 0, &bytes), APM_ERROR_OBJECT_DISPOSED);
    CHECK(bytes == UNTOUCHED);
    apm_socket_release(socket);
}

/* ---- lists --------------------------------------------------------------------------------------------------- */

static const test_case connecting[] = {
    {"connect_is_over_when_it_returns", connect_is_over_when_it_returns, false},
    {"refused_connect_can_be_tried_again", refused_connect_can_be_tried_again, false},
    {"host_may_be_the_text_of_an_address", host_may_be_the_text_of_an_address, false},
    {"host_may_be_a_name", host_may_be_a_name, false},
    {"connect_timeout_ends_a_connect", connect_timeout_ends_a_connect, false},
    {NULL, NULL, false}};

static const test_case transfers[] = {
    {"send_sends_all_of_it", send_sends_all_of_it, false},
    {"receive_gives_what_there_is_and_then_the_end", receive_gives_what_there_is_and_then_the_end, false},
    {"receive_waits_for_a_byte", receive_waits_for_a_byte, false},
    {"datagrams_go_through_blocking_members", datagrams_go_through_blocking_members, false},
    {NULL, NULL, false}};

static const test_case times[] = {
    {"receive_that_took_too_long_loses_nothing", receive_that_took_too_long_loses_nothing, false},
    {"receives_with_hardly_any_time_lose_nothing", receives_with_hardly_any_time_lose_nothing, false},
    {"times_bind_nothing_else", times_bind_nothing_else, false},
    {"send_that_took_too_long_says_how_much_has_gone", send_that_took_too_long_says_how_much_has_gone, false},
    {NULL, NULL, false}};

static const test_case arguments[] = {
    {"arguments_are_looked_at_in_order", arguments_are_looked_at_in_order, false}, {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"connecting", connecting},
                                        {"transfers", transfers},
                                        {"times", times},
                                        {"arguments", arguments},
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
