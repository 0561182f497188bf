/* SPDX-License-Identifier: MIT */
/* What a caller has set is set again on the fresh kernel socket that a further connect gets. */
#include <stdatomic.h>

#include "../support/fixture.h"
#include "../support/kernel_socket.h"
#include "../support/replay.h"
#ifndef _WIN32
#include "../sim/sim.h"
#endif

static void check_linger(apm_socket *socket, uint16_t on, uint16_t seconds)
{
    uint16_t below[2];

    CHECK(kernel_get(apm_socket_handle(socket), LEVEL_SOCKET, SOCKET_LINGER, below, (int32_t)sizeof below));
    CHECK((below[0] != 0) == (on != 0) && below[1] == seconds);
    CHECK(get(socket, APM_SOCKET_OPTION_LINGER) == on);
    CHECK(get(socket, APM_SOCKET_OPTION_LINGER_TIME) == seconds);
}

/* ---- options --------------------------------------------------------------------------------------------- */

typedef struct setting {
    apm_socket_option option;
    int32_t value;      /* none is the default */
    int32_t level, key; /* 0, 0: the library's own */
} setting;

static const setting settings[] = {
    {APM_SOCKET_OPTION_NO_DELAY, 1, LEVEL_TCP, TCP_NO_DELAY},
    {APM_SOCKET_OPTION_KEEP_ALIVE, 1, LEVEL_SOCKET, SOCKET_KEEP_ALIVE},
    {APM_SOCKET_OPTION_KEEP_ALIVE_TIME, 77, LEVEL_TCP, TCP_IDLE},
    {APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 11, LEVEL_TCP, TCP_INTERVAL},
    {APM_SOCKET_OPTION_RECEIVE_BUFFER_SIZE, 123456, LEVEL_SOCKET, SOCKET_RECEIVE_BUFFER},
    {APM_SOCKET_OPTION_SEND_BUFFER_SIZE, 54321, LEVEL_SOCKET, SOCKET_SEND_BUFFER},
    {APM_SOCKET_OPTION_TTL, 33, LEVEL_IP, IP_HOPS},
    {APM_SOCKET_OPTION_DONT_FRAGMENT, 1, LEVEL_IP, IP_WHOLE},
    {APM_SOCKET_OPTION_TYPE_OF_SERVICE, 16, LEVEL_IP, IP_SERVICE},
    {APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1, LEVEL_SOCKET, SOCKET_EXCLUSIVE},
    {APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 98765, 0, 0},
    {APM_SOCKET_OPTION_SEND_TIMEOUT, 98764, 0, 0},
    {APM_SOCKET_OPTION_CONNECT_TIMEOUT, 98763, 0, 0},
    {APM_SOCKET_OPTION_CONNECT_ALGORITHM, 1, 0, 0},
    {APM_SOCKET_OPTION_REUSE_UNICAST_PORT, 0, 0, 0}};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void check_settings(apm_socket *socket)
{
    int i;

    for (i = 0; i < SETTINGS; i++) {
        const setting *one = &settings[i];
        int32_t below;

        CHECK(get(socket, one->option) == one->value);
        if (one->level == 0 && one->key == 0) continue;
        below = kernel_number(socket, one->level, one->key);
        if (one->level == LEVEL_TCP && one->key != TCP_NO_DELAY && !kernel_has_keep_alive(socket)) continue;
        CHECK(one->value == 1 ? below != 0 && below != -1 : below == one->value);
    }
}

static void everything_that_was_set_survives_refusals(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    int i;

    if (both.socket == NULL) return;
    for (i = 0; i < SETTINGS; i++) set(both.socket, settings[i].option, settings[i].value);
    set(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 9);
    set(both.socket, APM_SOCKET_OPTION_LINGER, 1);
    check_settings(both.socket);
    for (i = 0; i < 2; i++) {
        be_refused(both.socket, APM_FAMILY_IPV4);
        check_settings(both.socket);
        check_linger(both.socket, 1, 9);
    }
    be_connected(&both);
    check_settings(both.socket);
    check_linger(both.socket, 1, 9);
    pair_close(&both);
}

static void what_was_not_set_has_the_default_after_a_refusal(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4);
    int i;

    if (both.socket == NULL || fresh == NULL) return;
    be_refused(both.socket, APM_FAMILY_IPV4);
    for (i = 0; i < SETTINGS; i++)
        CHECK(get(both.socket, settings[i].option) == get(fresh, settings[i].option));
    be_connected(&both);
    CHECK(get(both.socket, APM_SOCKET_OPTION_NO_DELAY) == 0);
    CHECK(get(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE) == 0);
    check_linger(both.socket, 0, 0);
    (void)CHECK_ERROR(apm_socket_close(fresh), APM_ERROR_SUCCESS);
    pair_close(&both);
}

static void what_was_set_back_is_set_back(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};

    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE, 1);
    set(both.socket, APM_SOCKET_OPTION_LINGER, 1);
    set(both.socket, APM_SOCKET_OPTION_NO_DELAY, 0);
    be_refused(both.socket, APM_FAMILY_IPV4);
    set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE, 0);
    set(both.socket, APM_SOCKET_OPTION_LINGER, 0);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) == 0);
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) == 0);
    check_linger(both.socket, 0, 0);
    pair_close(&both);
}

/* Between the refusal and the next connect the old kernel socket is still there, or the fresh
 * one is already: either way the option holds for the connection. */
static void option_set_after_a_refusal_holds_for_the_next_connect(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};

    if (both.socket == NULL) return;
    be_refused(both.socket, APM_FAMILY_IPV4);
    set(both.socket, APM_SOCKET_OPTION_NO_DELAY, 1);
    set(both.socket, APM_SOCKET_OPTION_TTL, 21);
    set_raw(both.socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE, 1);
    CHECK(get(both.socket, APM_SOCKET_OPTION_NO_DELAY) == 1);
    CHECK(get(both.socket, APM_SOCKET_OPTION_TTL) == 21);
    be_connected(&both);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) != 0);
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_HOPS) == 21);
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, SOCKET_KEEP_ALIVE) != 0);
    pair_close(&both);
}

/* ---- raw options ------------------------------------------------------------------------------------------ */

static void raw_options_survive_a_refusal(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    uint16_t linger[2] = {1, 6};

    if (both.socket == NULL) return;
    set_raw(both.socket, LEVEL_TCP, TCP_NO_DELAY, 1);
    set_raw(both.socket, LEVEL_SOCKET, SOCKET_RECEIVE_BUFFER, 77777);
    set_raw(both.socket, LEVEL_IP, IP_SERVICE, 8);
    (void)CHECK_ERROR(
        apm_socket_set_raw_option(both.socket, LEVEL_SOCKET, SOCKET_LINGER, linger, sizeof linger),
        APM_ERROR_SUCCESS);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(get(both.socket, APM_SOCKET_OPTION_NO_DELAY) == 1);
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, SOCKET_RECEIVE_BUFFER) == 77777);
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_SERVICE) == 8);
    check_linger(both.socket, 1, 6);
    pair_close(&both);
}

/* Set both ways, the one that was set last holds. */
static void last_setting_wins_whichever_way_it_was_made(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};

    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_TTL, 10);
    set_raw(both.socket, LEVEL_IP, IP_HOPS, 20);
    set_raw(both.socket, LEVEL_TCP, TCP_NO_DELAY, 1);
    set(both.socket, APM_SOCKET_OPTION_NO_DELAY, 0);
    set_raw(both.socket, LEVEL_IP, IP_SERVICE, 4);
    set_raw(both.socket, LEVEL_IP, IP_SERVICE, 12);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(get(both.socket, APM_SOCKET_OPTION_TTL) == 20);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_NO_DELAY) == 0);
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_SERVICE) == 12);
    pair_close(&both);
}

/* SO_DONTLINGER, .NET's DontLinger: the other half of one setting of the kernel's. */
static void linger_by_its_other_name_is_the_same_setting(void)
{
    enum { DONT_LINGER = ~0x80 };
    int again;

    for (again = 0; again < 2; again++) {
        pair both = {stream_new(APM_FAMILY_IPV4), NULL};

        if (both.socket == NULL) return;
        set(both.socket, APM_SOCKET_OPTION_LINGER, 1);
        set_raw(both.socket, LEVEL_SOCKET, DONT_LINGER, 1);
        CHECK(get(both.socket, APM_SOCKET_OPTION_LINGER) == 0);
        if (again != 0) set(both.socket, APM_SOCKET_OPTION_LINGER, 1);
        be_refused(both.socket, APM_FAMILY_IPV4);
        be_connected(&both);
        CHECK(get(both.socket, APM_SOCKET_OPTION_LINGER) == again);
        CHECK((kernel_number(both.socket, LEVEL_SOCKET, SOCKET_LINGER) & 0xFFFF) == again);
        pair_close(&both);
    }
}

static void linger_goes_on_from_what_was_set_raw(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    uint16_t linger[2] = {1, 6};

    if (both.socket == NULL) return;
    (void)CHECK_ERROR(
        apm_socket_set_raw_option(both.socket, LEVEL_SOCKET, SOCKET_LINGER, linger, sizeof linger),
        APM_ERROR_SUCCESS);
    set(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 14);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    check_linger(both.socket, 1, 14);
    pair_close(&both);
}

/* What may be behind the value is nothing to the kernel, and the socket says what the kernel has; a fresh handle gets
 * it, unless it was so large that it is not kept. */
static void linger_may_be_set_raw_with_something_behind_it(void)
{
    static const size_t sizes[] = {8, 200};
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pair both = {stream_new(APM_FAMILY_IPV4), NULL};
        uint16_t linger[100] = {1, 6, 77};
        bool kept = sizes[i] == 8;

        if (both.socket == NULL) return;
        set(both.socket, APM_SOCKET_OPTION_LINGER_TIME, 30);
        (void)CHECK_ERROR(
            apm_socket_set_raw_option(both.socket, LEVEL_SOCKET, SOCKET_LINGER, linger, sizes[i]),
            APM_ERROR_SUCCESS);
        check_linger(both.socket, 1, 6);
        be_refused(both.socket, APM_FAMILY_IPV4);
        be_connected(&both);
        check_linger(both.socket, kept ? 1 : 0, kept ? 6 : 0);
        set(both.socket, APM_SOCKET_OPTION_LINGER, 1);
        check_linger(both.socket, 1, kept ? 6 : 0);
        pair_close(&both);
    }
}

static void what_the_kernel_refused_is_not_set_again(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    int32_t value = 1;

    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_TTL, 12);
    (void)CHECK_ERROR(apm_socket_set_raw_option(both.socket, LEVEL_TCP, 9999, &value, sizeof value),
                      APM_ERROR_PROTOCOL_OPTION);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_BROADCAST, 1),
                      APM_ERROR_PROTOCOL_OPTION);
    (void)CHECK_ERROR(apm_socket_set_option(both.socket, APM_SOCKET_OPTION_TTL, 1000),
                      APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(get(both.socket, APM_SOCKET_OPTION_TTL) == 12);
    pair_close(&both);
}

/* More of them than anybody sets; each is kept once. */
static void option_set_many_times_is_kept_once(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    int64_t before;
    int32_t i;

    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_TTL, 99);
    set_raw(both.socket, LEVEL_SOCKET, SOCKET_SEND_BUFFER, 4096);
    before = harness_live_blocks();
    for (i = 0; i < 300; i++) {
        set(both.socket, APM_SOCKET_OPTION_TTL, 1 + i % 255);
        set_raw(both.socket, LEVEL_SOCKET, SOCKET_SEND_BUFFER, 4096 + i);
    }
    CHECK(harness_live_blocks() == before);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(get(both.socket, APM_SOCKET_OPTION_TTL) == 45);
    CHECK(kernel_number(both.socket, LEVEL_SOCKET, SOCKET_SEND_BUFFER) == 4395);
    pair_close(&both);
}

/* ---- threads ---------------------------------------------------------------------------------------------- */

typedef struct setter {
    apm_socket *socket;
    _Atomic bool over;
    apm_error error; /* the first one */
} setter;

static void set_on_and_on(void *argument)
{
    setter *one = (setter *)argument;
    int32_t value, i;
    apm_error error = APM_ERROR_SUCCESS;

    for (i = 0; !atomic_load(&one->over) && error == APM_ERROR_SUCCESS; i++) {
        error = apm_socket_set_option(one->socket, APM_SOCKET_OPTION_TTL, 1 + i % 255);
        if (error == APM_ERROR_SUCCESS)
            error = apm_socket_set_option(one->socket, APM_SOCKET_OPTION_LINGER_TIME, i % 1000);
        if (error == APM_ERROR_SUCCESS)
            error = apm_socket_get_option(one->socket, APM_SOCKET_OPTION_TTL, &value);
        if (error == APM_ERROR_SUCCESS && value == 0) error = APM_ERROR_SOCKET;
    }
    if (error == APM_ERROR_SUCCESS) error = apm_socket_set_option(one->socket, APM_SOCKET_OPTION_TTL, 111);
    one->error = error;
}

/* Two threads set options while the kernel socket under them is replaced time and again. What was
 * set last holds, wherever it was caught. */
static void options_may_be_set_while_connects_fail(void)
{
    enum { SETTERS = 2, ROUNDS = 30 };
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};
    test_thread *threads[SETTERS];
    setter some[SETTERS];
    int i;

    if (both.socket == NULL) return;
    for (i = 0; i < SETTERS; i++) {
        some[i].socket = both.socket;
        some[i].error = APM_ERROR_SOCKET;
        atomic_init(&some[i].over, false);
        threads[i] = test_thread_start(set_on_and_on, &some[i]);
    }
    for (i = 0; i < ROUNDS; i++) be_refused(both.socket, APM_FAMILY_IPV4);
    for (i = 0; i < SETTERS; i++) {
        atomic_store(&some[i].over, true);
        test_thread_join(threads[i]);
        (void)CHECK_ERROR(some[i].error, APM_ERROR_SUCCESS);
    }
    CHECK(get(both.socket, APM_SOCKET_OPTION_TTL) == 111);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(kernel_number(both.socket, LEVEL_IP, IP_HOPS) == 111);
    pair_close(&both);
}

/* ---- an older system ------------------------------------------------------------------------------------------ */

#ifndef _WIN32
enum { ORDERS = -1, KEEP_ALIVE_ORDER = 4 }; /* where the simulated kernel keeps what it was ordered */

/* Without options for the keep-alive times they are given together, where keep-alive is on; so is
 * the fresh kernel socket. */
static void keep_alive_times_by_order_survive_a_refusal(void)
{
    pair both = {stream_new(APM_FAMILY_IPV4), NULL};

    if (both.socket == NULL) return;
    set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME, 30);
    CHECK(sim_newest_option(ORDERS, KEEP_ALIVE_ORDER) == 0);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_refused(both.socket, APM_FAMILY_IPV4);
    CHECK(sim_newest_option(ORDERS, KEEP_ALIVE_ORDER) == 0);
    set(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE, 1);
    CHECK(sim_newest_option(ORDERS, KEEP_ALIVE_ORDER) == 1);
    be_refused(both.socket, APM_FAMILY_IPV4);
    be_connected(&both);
    CHECK(sim_newest_option(ORDERS, KEEP_ALIVE_ORDER) == 1);
    CHECK(kernel_number(both.socket, LEVEL_TCP, TCP_IDLE) == -1);
    CHECK(get(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE_TIME) == 30);
    CHECK(get(both.socket, APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL) == 1);
    pair_close(&both);
}

static void older_system_keeps_them_all_the_same(void)
{
    sim_profile calm = sim_base_profile(), older = calm;
    apm_options options = harness_options();

    older.windows = false;
    sim_set_profile(&older);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        keep_alive_times_by_order_survive_a_refusal();
        everything_that_was_set_survives_refusals();
        what_was_not_set_has_the_default_after_a_refusal();
        what_was_set_back_is_set_back();
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    sim_set_profile(&calm);
}
#endif

static const test_case options[] = {
    {"everything_that_was_set_survives_refusals", everything_that_was_set_survives_refusals, false},
    {"what_was_not_set_has_the_default_after_a_refusal", what_was_not_set_has_the_default_after_a_refusal,
     false},
    {"what_was_set_back_is_set_back", what_was_set_back_is_set_back, false},
    {"option_set_after_a_refusal_holds_for_the_next_connect",
     option_set_after_a_refusal_holds_for_the_next_connect, false},
#ifndef _WIN32
    {"older_system_keeps_them_all_the_same", older_system_keeps_them_all_the_same, true},
#endif
    {NULL, NULL, false}};

static const test_case raw[] = {
    {"raw_options_survive_a_refusal", raw_options_survive_a_refusal, false},
    {"last_setting_wins_whichever_way_it_was_made", last_setting_wins_whichever_way_it_was_made, false},
    {"linger_by_its_other_name_is_the_same_setting", linger_by_its_other_name_is_the_same_setting, false},
    {"linger_goes_on_from_what_was_set_raw", linger_goes_on_from_what_was_set_raw, false},
    {"linger_may_be_set_raw_with_something_behind_it", linger_may_be_set_raw_with_something_behind_it, false},
    {"what_the_kernel_refused_is_not_set_again", what_the_kernel_refused_is_not_set_again, false},
    {"option_set_many_times_is_kept_once", option_set_many_times_is_kept_once, false},
    {NULL, NULL, false}};

static const test_case threads[] = {
    {"options_may_be_set_while_connects_fail", options_may_be_set_while_connects_fail, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"options", options}, {"raw", raw}, {"threads", threads}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
