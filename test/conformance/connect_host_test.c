/* SPDX-License-Identifier: MIT */
/* Connecting to a host by its name, or by the text of an address. */
#include "../support/route.h"

/* A listener of a family, its port, and a socket: by default both of IPv4. */
typedef struct inn {
    peer_listener *listener;
    apm_socket *socket;
    uint16_t port;
} inn;

static void inn_leave(inn *here)
{
    close_now(here->socket);
    peer_listener_close(here->listener);
}

static bool inn_enter(inn *here)
{
    apm_endpoint endpoint = {0};

    here->listener = peer_listen(APM_FAMILY_IPV4);
    here->socket = stream_new(APM_FAMILY_IPV4);
    CHECK(here->listener != NULL);
    if (here->listener != NULL && here->socket != NULL) {
        peer_listener_endpoint(here->listener, &endpoint);
        here->port = apm_endpoint_port(&endpoint);
        return true;
    }
    inn_leave(here);
    return false;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void localhost_is_found(void)
{
    inn here;

    if (!inn_enter(&here)) return;
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

/* If it has an IPv6 address, too, nobody listens there. */
static void name_with_a_dead_and_a_live_address_connects(bool parallel)
{
    inn here;
    apm_socket *dual = NULL;

    if (!inn_enter(&here)) return;
    dual = dual_new(parallel);
    (void)CHECK_ERROR(connect_host(dual, "localhost", here.port), APM_ERROR_SUCCESS);
    check_talks(dual, here.listener);
    close_now(dual);
    inn_leave(&here);
}

static void dual_mode_socket_finds_the_address_that_answers(void)
{
    name_with_a_dead_and_a_live_address_connects(false);
}

static void dual_mode_socket_finds_the_address_that_answers_in_parallel(void)
{
    name_with_a_dead_and_a_live_address_connects(true);
}

static void empty_name_is_this_computer(void)
{
    inn here;
    apm_error error;
    bool is_loopback = true; /* what the system calls this computer */

#ifdef _WIN32
    is_loopback = peer_kernel_is_wine();
#endif
    if (!inn_enter(&here)) return;
    error = connect_host(here.socket, "", here.port);
    /* Nobody listens at the other addresses that this computer has. */
    if (is_loopback || error != APM_ERROR_CONNECTION_REFUSED) (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
    if (error == APM_ERROR_SUCCESS) check_talks(here.socket, here.listener);
    inn_leave(&here);
}

static void check_not_found(apm_socket *socket, const char *host)
{
    call made;

    call_prepare(&made, socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect_host(&made, host, 80), APM_ERROR_SUCCESS)) {
        CHECK(call_wait(&made));
        if (made.error == APM_ERROR_TRY_AGAIN)
            harness_skip("there is no name server that could say so");
        else
            (void)CHECK_ERROR(made.error, APM_ERROR_HOST_NOT_FOUND);
    }
    call_dispose(&made);
    check_failed(socket);
}

static void name_that_cannot_be_found_is_the_operations_error(void)
{
    static char longest[256];
    inn here;

    if (!inn_enter(&here)) return;
    check_not_found(here.socket, "no-such-host.invalid");
    check_not_found(here.socket, "no such host");
    check_not_found(here.socket, "\xC3\x28\xFF"); /* no UTF-8 */
    check_not_found(here.socket, "1.2.3.4.5");
    memset(longest, 'a', 255); /* as long as a name can be, and longer than its parts may be */
    check_not_found(here.socket, longest);
    check_connects(here.socket);
    inn_leave(&here);
}

static void name_is_copied(void)
{
    char name[] = "localhost";
    inn here;
    call made;

    if (!inn_enter(&here)) return;
    call_prepare(&made, here.socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect_host(&made, name, here.port), APM_ERROR_SUCCESS)) {
        memset(name, 'x', sizeof name);
        if (call_ends(&made, APM_ERROR_SUCCESS)) check_reached(here.socket, here.listener);
    }
    call_dispose(&made);
    inn_leave(&here);
}

static void many_names_at_once(void)
{
    enum { NAMES = 40 };
    static call made[NAMES];
    inn here;
    int i, begun;

    if (!inn_enter(&here)) return;
    for (begun = 0; begun < NAMES; begun++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);

        call_prepare(&made[begun], socket, CALL_CONNECT);
        if (socket == NULL ||
            !CHECK_ERROR(call_connect_host(&made[begun], "localhost", here.port), APM_ERROR_SUCCESS))
            break;
    }
    CHECK(begun == NAMES);
    for (i = 0; i < begun; i++) (void)call_ends(&made[i], APM_ERROR_SUCCESS);
    for (i = 0; i < begun; i++) {
        peer *other = peer_accept(here.listener, PATIENCE);

        CHECK(other != NULL);
        peer_close(other);
        close_now(made[i].socket);
        call_dispose(&made[i]);
    }
    inn_leave(&here);
}

/* The state of the socket is the same as after any connect. */
static void connected_socket_connects_to_no_host(void)
{
    inn here;

    if (!inn_enter(&here)) return;
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", here.port), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", here.port), APM_ERROR_IS_CONNECTED);
    (void)CHECK_ERROR(connect_host(here.socket, "127.0.0.1", here.port), APM_ERROR_IS_CONNECTED);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

/* The look-up cannot be made to hang here; wherever the request meets it, it ends. */
static void cancel_and_close_meet_a_look_up_anywhere(void)
{
    enum { ROUNDS = 40 };
    inn here;
    uint64_t seed = 11;
    int i;

    if (!inn_enter(&here)) return;
    for (i = 0; i < ROUNDS; i++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);
        peer *other;
        call made;

        if (socket == NULL) break;
        call_prepare(&made, socket, CALL_CONNECT);
        if (CHECK_ERROR(call_connect_host(&made, "localhost", here.port), APM_ERROR_SUCCESS)) {
            dawdle(&seed);
            if (i % 2 == 0)
                (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            else
                close_now(socket);
            CHECK(call_wait(&made));
            CHECK(made.error == APM_ERROR_SUCCESS ||
                  made.error == (i % 2 == 0 ? APM_ERROR_OPERATION_ABORTED : APM_ERROR_OBJECT_DISPOSED));
        }
        if (i % 2 == 0) close_now(socket);
        call_dispose(&made);
        while ((other = peer_accept(here.listener, 0)) != NULL) peer_close(other);
    }
    inn_leave(&here);
}

/* ---- the text of an address ------------------------------------------------------------------------ */

static void text_of_an_address_needs_no_look_up(void)
{
    static const char *const texts[] = {"127.0.0.1", "127.1", "0x7F000001"};
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        inn here;

        if (!inn_enter(&here)) return;
        (void)CHECK_ERROR(connect_host(here.socket, texts[i], here.port), APM_ERROR_SUCCESS);
        check_reached(here.socket, here.listener);
        inn_leave(&here);
    }
}

static void text_of_an_ipv6_address_needs_none_either(void)
{
    static const char *const texts[] = {"::1", "[::1]", "0:0::0:1"};
    size_t i;

    if (!family_is_here(APM_FAMILY_IPV6)) return;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        peer_listener *listener = peer_listen(APM_FAMILY_IPV6);
        apm_socket *socket = stream_new(APM_FAMILY_IPV6);
        apm_endpoint remote = {0};

        CHECK(listener != NULL);
        if (listener == NULL || socket == NULL) return;
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(connect_host(socket, texts[i], apm_endpoint_port(&remote)), APM_ERROR_SUCCESS);
        check_reached(socket, listener);
        close_now(socket);
        peer_listener_close(listener);
    }
}

static void refused_address_says_so(void)
{
    inn here;
    apm_endpoint nobody;

    if (!inn_enter(&here)) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    (void)CHECK_ERROR(connect_host(here.socket, "127.0.0.1", apm_endpoint_port(&nobody)),
                      APM_ERROR_CONNECTION_REFUSED);
    check_failed(here.socket);
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", apm_endpoint_port(&nobody)),
                      APM_ERROR_CONNECTION_REFUSED);
    check_connects(here.socket);
    inn_leave(&here);
}

static void port_0_is_the_operations_error(void)
{
    inn here;

    if (!inn_enter(&here)) return;
    (void)CHECK_ERROR(connect_host(here.socket, "127.0.0.1", 0), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", 0), APM_ERROR_ADDRESS_NOT_AVAILABLE);
    check_connects(here.socket);
    inn_leave(&here);
}

/* ---- what is no host -------------------------------------------------------------------------------- */

static void check_begin_fails(apm_socket *socket, const char *host, apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_CONNECT);
    (void)CHECK_ERROR(call_connect_host(&made, host, 80), expected);
    CHECK(made.result == NULL);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void hosts_that_are_none_are_refused_by_begin(void)
{
    static char too_long[300];
    inn here;

    if (!inn_enter(&here)) return;
    check_begin_fails(here.socket, NULL, APM_ERROR_ARGUMENT_NULL);
    memset(too_long, 'a', 256);
    check_begin_fails(here.socket, too_long, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_begin_fails(here.socket, "0.0.0.0", APM_ERROR_ARGUMENT);
    check_begin_fails(here.socket, "0", APM_ERROR_ARGUMENT);
    check_begin_fails(here.socket, "::", APM_ERROR_ARGUMENT);
    check_begin_fails(here.socket, "[::]", APM_ERROR_ARGUMENT);
    check_begin_fails(here.socket, "::1", APM_ERROR_NOT_SUPPORTED);
    (void)CHECK_ERROR(apm_socket_begin_connect_host(NULL, "localhost", 80, NULL, NULL, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(connect_host(here.socket, "localhost", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

static void address_of_the_other_family_is_refused_by_an_ipv6_socket(void)
{
    apm_socket *six = NULL;

    if (apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &six) != APM_ERROR_SUCCESS) {
        harness_skip("no IPv6 here");
        return;
    }
    check_begin_fails(six, "127.0.0.1", APM_ERROR_NOT_SUPPORTED);
    check_begin_fails(six, "0.0.0.0", APM_ERROR_ARGUMENT);
    close_now(six);
}

static void closed_socket_says_so_before_anything_else(void)
{
    inn here;

    if (!inn_enter(&here)) return;
    apm_socket_retain(here.socket);
    close_now(here.socket);
    check_begin_fails(here.socket, "localhost", APM_ERROR_OBJECT_DISPOSED);
    check_begin_fails(here.socket, NULL, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(here.socket);
    here.socket = NULL;
    inn_leave(&here);
}

static void want_of_memory_leaves_the_socket_as_it_was(void)
{
    inn here;
    uint64_t nth;
    int failures = 0;

    if (!inn_enter(&here)) return;
    for (nth = 1; nth <= 8; nth++) {
        apm_error error;

        harness_fail_allocation(nth);
        error = connect_host(here.socket, "127.0.0.1", 0);
        if (error == APM_ERROR_ADDRESS_NOT_AVAILABLE) error = connect_host(here.socket, "localhost", 0);
        harness_fail_allocation(0);
        CHECK(error == APM_ERROR_OUT_OF_MEMORY || error == APM_ERROR_ADDRESS_NOT_AVAILABLE);
        if (error == APM_ERROR_OUT_OF_MEMORY) failures++;
    }
    CHECK(failures > 0);
    check_connects(here.socket);
    inn_leave(&here);
}

static const test_case names[] = {
    {"localhost_is_found", localhost_is_found, false},
    {"dual_mode_socket_finds_the_address_that_answers", dual_mode_socket_finds_the_address_that_answers,
     false},
    {"dual_mode_socket_finds_the_address_that_answers_in_parallel",
     dual_mode_socket_finds_the_address_that_answers_in_parallel, false},
    {"empty_name_is_this_computer", empty_name_is_this_computer, false},
    {"name_that_cannot_be_found_is_the_operations_error", name_that_cannot_be_found_is_the_operations_error,
     false},
    {"name_is_copied", name_is_copied, false},
    {"many_names_at_once", many_names_at_once, false},
    {"connected_socket_connects_to_no_host", connected_socket_connects_to_no_host, false},
    {"cancel_and_close_meet_a_look_up_anywhere", cancel_and_close_meet_a_look_up_anywhere, false},
    {NULL, NULL, false}};

static const test_case texts_of_addresses[] = {
    {"text_of_an_address_needs_no_look_up", text_of_an_address_needs_no_look_up, false},
    {"text_of_an_ipv6_address_needs_none_either", text_of_an_ipv6_address_needs_none_either, false},
    {"refused_address_says_so", refused_address_says_so, false},
    {"port_0_is_the_operations_error", port_0_is_the_operations_error, false},
    {NULL, NULL, false}};

static const test_case nonsense[] = {
    {"hosts_that_are_none_are_refused_by_begin", hosts_that_are_none_are_refused_by_begin, false},
    {"address_of_the_other_family_is_refused_by_an_ipv6_socket",
     address_of_the_other_family_is_refused_by_an_ipv6_socket, false},
    {"closed_socket_says_so_before_anything_else", closed_socket_says_so_before_anything_else, false},
    {"want_of_memory_leaves_the_socket_as_it_was", want_of_memory_leaves_the_socket_as_it_was, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"names", names}, {"texts_of_addresses", texts_of_addresses}, {"nonsense", nonsense}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
