/* SPDX-License-Identifier: MIT */
/*
 * Connecting by names of which the test knows what the system will say, and when: on the
 * simulated kernel only.
 */
#include "../support/route.h"
#include "kernel.h"
#include "sim.h"

/* Addresses of the simulated network (sim.h). */
#define LIVE "127.0.0.1"
#define SILENT "192.0.2.1"         /* never answers */
#define UNREACHABLE "198.51.100.1" /* there is no way to it */
#define LATE "203.0.113.1"         /* refuses, after a while */
#define SILENT_SIX "2001:db8::1"

enum { ADDRESSES = 80 };

static void name_add(const char *host, const char *const *texts, uint32_t count, uint32_t delay)
{
    static apmk_address addresses[ADDRESSES];
    uint32_t i;

    CHECK(count <= ADDRESSES);
    for (i = 0; i < count; i++) {
        apm_endpoint endpoint = {0};

        (void)CHECK_ERROR(apm_endpoint_from_ip(texts[i], 0, &endpoint), APM_ERROR_SUCCESS);
        addresses[i].length = endpoint.length;
        memcpy(addresses[i].bytes, endpoint.address, (size_t)endpoint.length);
    }
    sim_name_add(host, addresses, count, delay);
}

/* A listener, its port, and a socket. */
typedef struct inn {
    peer_listener *listener;
    apm_socket *socket;
    uint16_t port;
} inn;

static void inn_leave(inn *here)
{
    close_now(here->socket);
    peer_listener_close(here->listener);
    sim_names_clear();
}

static bool inn_enter(inn *here)
{
    apm_endpoint endpoint = {0};

    here->listener = peer_listen(APM_FAMILY_IPV4);
    here->socket = stream_new(APM_FAMILY_IPV4);
    peer_listener_endpoint(here->listener, &endpoint);
    here->port = apm_endpoint_port(&endpoint);
    if (here->socket == NULL) inn_leave(here);
    return here->socket != NULL;
}

static void be_dual(inn *here)
{
    close_now(here->socket);
    here->socket = NULL;
    (void)CHECK_ERROR(apm_socket_create_dual(APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &here->socket),
                      APM_ERROR_SUCCESS);
}

static void be_parallel(inn *here)
{
    set_option(here->socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
}

/* ---- what it says -------------------------------------------------------------------------------- */

static void dead_address_is_passed_over(void)
{
    static const char *const late[] = {LATE, LIVE}, *const unreachable[] = {UNREACHABLE, LIVE};
    inn here;

    if (!inn_enter(&here)) return;
    name_add("late.test", late, 2, 0);
    name_add("unreachable.test", unreachable, 2, 0);
    (void)CHECK_ERROR(connect_host(here.socket, "late.test", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
    if (!inn_enter(&here)) return;
    name_add("unreachable.test", unreachable, 2, 0);
    (void)CHECK_ERROR(connect_host(here.socket, "unreachable.test", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

static void address_that_never_answers_is_given_up_by_the_kernel_first(void)
{
    static const char *const both[] = {SILENT, LIVE};
    sim_profile calm = sim_base_profile(), hasty = calm;
    apm_options options = harness_options();
    inn here;

    hasty.syn_time = 2000; /* no kernel's own: here the time is real */
    sim_set_profile(&hasty);
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        if (inn_enter(&here)) {
            uint64_t start = test_now();

            name_add("silent.test", both, 2, 0);
            (void)CHECK_ERROR(connect_host(here.socket, "silent.test", here.port), APM_ERROR_SUCCESS);
            CHECK(test_now() - start >= 1990);
            check_reached(here.socket, here.listener);
            inn_leave(&here);
        }
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    sim_set_profile(&calm);
}

static void address_that_never_answers_holds_nobody_up_in_parallel(void)
{
    static const char *const four[] = {SILENT, LIVE}, *const six[] = {SILENT_SIX, LIVE};
    uint64_t start = test_now();
    inn here;

    if (!inn_enter(&here)) return;
    name_add("silent.test", four, 2, 0);
    be_parallel(&here);
    (void)CHECK_ERROR(connect_host(here.socket, "silent.test", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
    if (!inn_enter(&here)) return;
    name_add("silent.test", six, 2, 0);
    be_dual(&here);
    be_parallel(&here);
    (void)CHECK_ERROR(connect_host(here.socket, "silent.test", here.port), APM_ERROR_SUCCESS);
    check_talks(here.socket, here.listener);
    inn_leave(&here);
    CHECK(test_now() - start < 15000);
}

static void first_address_of_the_name_is_tried_first(void)
{
    static const char *const two[] = {"127.0.0.3", "127.0.0.2"};
    apm_endpoint remote = {0}, wanted = {0};
    inn here;

    if (!inn_enter(&here)) return;
    name_add("two.test", two, 2, 0);
    (void)CHECK_ERROR(connect_host(here.socket, "two.test", here.port), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(here.socket, &remote), APM_ERROR_SUCCESS);
    (void)apm_endpoint_from_ip(two[0], here.port, &wanted);
    CHECK(apm_endpoint_equal(&remote, &wanted));
    check_talks(here.socket, here.listener);
    inn_leave(&here);
}

static void address_of_another_family_is_passed_over(void)
{
    static const char *const both[] = {"::1", LIVE, "::1"}, *const six[] = {"::1", "::2"};
    inn here;

    if (!inn_enter(&here)) return;
    name_add("both.test", both, 3, 0);
    name_add("six.test", six, 2, 0);
    (void)CHECK_ERROR(connect_host(here.socket, "six.test", here.port), APM_ERROR_ARGUMENT);
    check_failed(here.socket);
    (void)CHECK_ERROR(connect_host(here.socket, "both.test", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

static void families_of_a_name_take_turns_in_parallel(void)
{
    static const char *const mixed[] = {SILENT_SIX, SILENT_SIX, SILENT_SIX, SILENT_SIX, SILENT_SIX,
                                        SILENT_SIX, "::1",      SILENT_SIX, SILENT_SIX, LIVE};
    inn here;
    apm_endpoint remote = {0};
    char text[APM_ENDPOINT_TEXT_SIZE];

    if (!inn_enter(&here)) return;
    name_add("mixed.test", mixed, 10, 0);
    be_dual(&here);
    be_parallel(&here);
    (void)CHECK_ERROR(connect_host(here.socket, "mixed.test", here.port), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(here.socket, &remote), APM_ERROR_SUCCESS);
    (void)apm_endpoint_format(&remote, text, sizeof text);
    CHECK(strstr(text, "127.0.0.1") != NULL);
    check_talks(here.socket, here.listener);
    inn_leave(&here);
}

static void sixty_addresses_are_tried(void)
{
    const char *texts[60];
    inn here;
    int i;

    if (!inn_enter(&here)) return;
    for (i = 0; i < 59; i++) texts[i] = UNREACHABLE;
    texts[59] = LIVE;
    name_add("many.test", texts, 60, 0);
    (void)CHECK_ERROR(connect_host(here.socket, "many.test", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

/* A name can have more than are kept; the first ones count. */
static void name_may_have_more_addresses_than_are_kept(void)
{
    const char *texts[ADDRESSES];
    inn here;
    int i;

    if (!inn_enter(&here)) return;
    for (i = 0; i < ADDRESSES; i++) texts[i] = UNREACHABLE;
    name_add("too-many.test", texts, ADDRESSES, 0);
    (void)CHECK_ERROR(connect_host(here.socket, "too-many.test", here.port), APM_ERROR_NETWORK_UNREACHABLE);
    check_connects(here.socket);
    inn_leave(&here);
}

static void each_failure_keeps_its_name(void)
{
    static const apm_error codes[] = {APM_ERROR_HOST_NOT_FOUND, APM_ERROR_TRY_AGAIN, APM_ERROR_NO_RECOVERY,
                                      APM_ERROR_NO_DATA};
    inn here;
    size_t i;

    if (!inn_enter(&here)) return;
    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        sim_names_clear();
        sim_name_fail("fails.test", (apmk_code)codes[i], 5);
        (void)CHECK_ERROR(connect_host(here.socket, "fails.test", here.port), codes[i]);
        check_failed(here.socket);
    }
    check_connects(here.socket);
    inn_leave(&here);
}

/* ---- and when ------------------------------------------------------------------------------------------ */

static bool wait_for_look_ups(uint32_t count)
{
    uint64_t start = test_now();

    while (sim_names_waiting() < count)
        if (test_now() - start > PATIENCE)
            return false;
        else
            test_yield();
    return true;
}

static void name_that_takes_its_time_connects(void)
{
    static const char *const live[] = {LIVE};
    inn here;

    if (!inn_enter(&here)) return;
    name_add("slow.test", live, 1, 300);
    (void)CHECK_ERROR(connect_host(here.socket, "slow.test", here.port), APM_ERROR_SUCCESS);
    check_reached(here.socket, here.listener);
    inn_leave(&here);
}

/* As many look-ups as there are threads for them, and more than that. */
static void slow_resolver_holds_up_nobody_else(void)
{
    enum { NAMES = 64, MORE = 100, ROUNDS = 50 };
    static call made[MORE];
    receiving_pair one;
    pair both;
    inn here;
    int i, begun;

    if (!inn_enter(&here)) return;
    if (!pair_open(&both)) goto no_pair;
    sim_names_hold(true);
    for (begun = 0; begun < MORE; begun++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);

        call_prepare(&made[begun], socket, CALL_CONNECT);
        if (socket == NULL ||
            !CHECK_ERROR(call_connect_host(&made[begun], "localhost", here.port), APM_ERROR_SUCCESS))
            break;
        if (begun + 1 == NAMES) CHECK(wait_for_look_ups(NAMES));
        if (begun + 1 >= NAMES) check_alive(&both);
    }
    CHECK(begun == MORE);
    for (i = 0; i < ROUNDS; i++) check_alive(&both);
    if (receiving_open(&one)) { /* a new connection, and a callback */
        CHECK(peer_write(one.both.other, "x", 1));
        (void)call_ends_with(&one.made, APM_ERROR_SUCCESS, 1);
        receiving_close(&one);
    }
    (void)CHECK_ERROR(connect_host(here.socket, LIVE, here.port), APM_ERROR_SUCCESS); /* needs no look-up */
    check_reached(here.socket, here.listener);
    for (i = 0; i < begun; i++) CHECK(!apm_async_result_is_completed(made[i].result));
    sim_names_hold(false);
    for (i = 0; i < begun; i++) (void)call_ends(&made[i], APM_ERROR_SUCCESS);
    for (i = 0; i < begun; i++) {
        peer *other = peer_accept(here.listener, PATIENCE);

        CHECK(other != NULL);
        peer_close(other);
        close_now(made[i].socket);
        call_dispose(&made[i]);
    }
    pair_close(&both);
no_pair:
    inn_leave(&here);
}

typedef enum ending { BY_CANCEL, BY_TIME, BY_OPTION, BY_CLOSE, ENDINGS } ending;

/* The look-up is still under way when it has ended, and its answer comes to nobody. */
static void look_up_ends_at_once(ending how)
{
    static const apm_error errors[ENDINGS] = {APM_ERROR_OPERATION_ABORTED, APM_ERROR_TIMED_OUT,
                                              APM_ERROR_TIMED_OUT, APM_ERROR_OBJECT_DISPOSED};
    inn here;
    call made;

    if (!inn_enter(&here)) return;
    sim_names_hold(true);
    if (how == BY_OPTION) set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 100);
    call_prepare(&made, here.socket, CALL_CONNECT);
    if (CHECK_ERROR(call_connect_host(&made, "localhost", here.port), APM_ERROR_SUCCESS)) {
        CHECK(wait_for_look_ups(1));
        CHECK(how == BY_OPTION || !apm_async_result_is_completed(made.result));
        if (how == BY_CANCEL) (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
        if (how == BY_TIME)
            (void)CHECK_ERROR(apm_async_result_cancel_after(made.result, 20), APM_ERROR_SUCCESS);
        if (how == BY_CLOSE) {
            close_now(here.socket);
            here.socket = NULL;
        }
        (void)call_ends(&made, errors[how]);
        CHECK(sim_names_waiting() == 1);
        if (how != BY_CLOSE) {
            check_failed(here.socket);
            check_connects(here.socket); /* while it is under way */
        }
    }
    sim_names_hold(false);
    call_dispose(&made);
    check_unreached(here.listener);
    inn_leave(&here);
}

static void cancel_does_not_wait_for_the_answer(void)
{
    look_up_ends_at_once(BY_CANCEL);
}

static void cancel_after_a_time_does_not_wait_for_the_answer(void)
{
    look_up_ends_at_once(BY_TIME);
}

static void connect_timeout_covers_the_look_up(void)
{
    look_up_ends_at_once(BY_OPTION);
}

static void close_does_not_wait_for_the_answer(void)
{
    look_up_ends_at_once(BY_CLOSE);
}

/* The look-up takes its part of the time, the attempt the rest. */
static void connect_timeout_is_one_for_look_up_and_attempts(void)
{
    static const char *const silent[] = {SILENT};
    uint64_t start = test_now();
    inn here;

    if (!inn_enter(&here)) return;
    name_add("slow.test", silent, 1, 100);
    set_option(here.socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 300);
    (void)CHECK_ERROR(connect_host(here.socket, "slow.test", here.port), APM_ERROR_TIMED_OUT);
    CHECK(test_now() - start >= 290 && test_now() - start < 15000);
    check_connects(here.socket);
    inn_leave(&here);
}

/* Those that no thread has taken yet, too. */
static void look_ups_that_wait_for_their_turn_end_at_once(void)
{
    enum { NAMES = 64, QUEUED = 6 };
    static call made[NAMES + QUEUED];
    inn here;
    int i, begun;

    if (!inn_enter(&here)) return;
    sim_names_hold(true);
    for (begun = 0; begun < NAMES + QUEUED; begun++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);

        call_prepare(&made[begun], socket, CALL_CONNECT);
        if (socket == NULL ||
            !CHECK_ERROR(call_connect_host(&made[begun], "localhost", here.port), APM_ERROR_SUCCESS))
            break;
        if (begun + 1 == NAMES) CHECK(wait_for_look_ups(NAMES));
    }
    CHECK(begun == NAMES + QUEUED);
    for (i = begun - 1; i >= 0; i -= 2) { /* every other one, from the last that was begun */
        if (i % 4 < 2)
            (void)CHECK_ERROR(apm_async_result_cancel(made[i].result), APM_ERROR_SUCCESS);
        else
            (void)CHECK_ERROR(apm_async_result_cancel_after(made[i].result, 1), APM_ERROR_SUCCESS);
        (void)call_ends(&made[i], i % 4 < 2 ? APM_ERROR_OPERATION_ABORTED : APM_ERROR_TIMED_OUT);
    }
    CHECK(sim_names_waiting() == NAMES);
    sim_names_hold(false);
    for (i = 0; i < begun; i++) {
        if ((begun - 1 - i) % 2 != 0) {
            peer *other;

            if (!call_ends(&made[i], APM_ERROR_SUCCESS)) continue;
            other = peer_accept(here.listener, PATIENCE);
            CHECK(other != NULL);
            peer_close(other);
        }
        close_now(made[i].socket);
        call_dispose(&made[i]);
    }
    check_unreached(here.listener);
    inn_leave(&here);
}

static void end_library(void *argument)
{
    *(apm_error *)argument = apm_cleanup();
}

/* The connects end at once, the library with the last answer. */
static void library_ends_with_look_ups_under_way(void)
{
    enum { NAMES = 5 };
    static call made[NAMES];
    apm_options options = harness_options();
    apm_error error = APM_ERROR_SOCKET;
    test_thread *thread;
    int i;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    sim_names_hold(true);
    for (i = 0; i < NAMES; i++) {
        call_prepare(&made[i], stream_new(APM_FAMILY_IPV4), CALL_CONNECT);
        (void)CHECK_ERROR(call_connect_host(&made[i], "localhost", 80), APM_ERROR_SUCCESS);
    }
    CHECK(wait_for_look_ups(NAMES));
    thread = test_thread_start(end_library, &error);
    for (i = 0; i < NAMES; i++) (void)call_ends(&made[i], APM_ERROR_OBJECT_DISPOSED);
    CHECK(sim_names_waiting() == NAMES);
    sim_names_hold(false);
    test_thread_join(thread);
    (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
    for (i = 0; i < NAMES; i++) {
        close_now(made[i].socket);
        call_dispose(&made[i]);
    }
}

/* The library's threads are started in an order that is its own business; one of them is the
 * look-up's. */
static void look_up_without_a_thread_fails_begin(void)
{
    enum { THREADS = 8 };
    sim_profile calm = sim_base_profile(), poor;
    int nth, failures = 0;

    for (nth = 1; nth <= THREADS; nth++) {
        apm_options options = harness_options();
        inn here;

        poor = calm;
        poor.faults[SIM_THREAD].nth = (uint32_t)nth;
        sim_set_profile(&poor);
        if (apm_startup(&options) != APM_ERROR_SUCCESS) continue;
        if (inn_enter(&here)) {
            call made;
            apm_error error;

            call_prepare(&made, here.socket, CALL_CONNECT);
            error = call_connect_host(&made, "localhost", here.port);
            if (error == APM_ERROR_SUCCESS) {
                (void)call_ends(&made, APM_ERROR_SUCCESS);
            } else {
                failures++;
                CHECK(made.result == NULL && atomic_load(&made.callbacks) == 0);
                check_failed(here.socket);
                (void)CHECK_ERROR(connect_host(here.socket, "localhost", here.port), APM_ERROR_SUCCESS);
            }
            check_reached(here.socket, here.listener);
            call_dispose(&made);
            inn_leave(&here);
        }
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    CHECK(failures > 0);
    sim_set_profile(&calm);
}

/* Wherever they meet the answer, everything calls back once and nothing is left. */
static void cancel_and_close_meet_the_answer_anywhere(void)
{
    enum { ROUNDS = 100 };
    static const char *const texts[] = {UNREACHABLE, LIVE};
    uint64_t seed = 3;
    inn here;
    int i;

    if (!inn_enter(&here)) return;
    name_add("close.test", texts, 2, 0);
    for (i = 0; i < ROUNDS; i++) {
        apm_socket *socket = stream_new(APM_FAMILY_IPV4);
        peer *other;
        call made;

        if (socket == NULL) break;
        if (i % 3 == 0) set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL);
        sim_names_hold(true);
        call_prepare(&made, socket, CALL_CONNECT);
        if (CHECK_ERROR(call_connect_host(&made, "close.test", here.port), APM_ERROR_SUCCESS)) {
            CHECK(wait_for_look_ups(1));
            sim_names_hold(false);
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

static const test_case answers[] = {
    {"dead_address_is_passed_over", dead_address_is_passed_over, false},
    {"address_that_never_answers_is_given_up_by_the_kernel_first",
     address_that_never_answers_is_given_up_by_the_kernel_first, true},
    {"address_that_never_answers_holds_nobody_up_in_parallel",
     address_that_never_answers_holds_nobody_up_in_parallel, false},
    {"first_address_of_the_name_is_tried_first", first_address_of_the_name_is_tried_first, false},
    {"address_of_another_family_is_passed_over", address_of_another_family_is_passed_over, false},
    {"families_of_a_name_take_turns_in_parallel", families_of_a_name_take_turns_in_parallel, false},
    {"sixty_addresses_are_tried", sixty_addresses_are_tried, false},
    {"name_may_have_more_addresses_than_are_kept", name_may_have_more_addresses_than_are_kept, false},
    {"each_failure_keeps_its_name", each_failure_keeps_its_name, false},
    {NULL, NULL, false}};

static const test_case slowness[] = {
    {"name_that_takes_its_time_connects", name_that_takes_its_time_connects, false},
    {"slow_resolver_holds_up_nobody_else", slow_resolver_holds_up_nobody_else, false},
    {"cancel_does_not_wait_for_the_answer", cancel_does_not_wait_for_the_answer, false},
    {"cancel_after_a_time_does_not_wait_for_the_answer", cancel_after_a_time_does_not_wait_for_the_answer,
     false},
    {"connect_timeout_covers_the_look_up", connect_timeout_covers_the_look_up, false},
    {"close_does_not_wait_for_the_answer", close_does_not_wait_for_the_answer, false},
    {"connect_timeout_is_one_for_look_up_and_attempts", connect_timeout_is_one_for_look_up_and_attempts,
     false},
    {"look_ups_that_wait_for_their_turn_end_at_once", look_ups_that_wait_for_their_turn_end_at_once, false},
    {"library_ends_with_look_ups_under_way", library_ends_with_look_ups_under_way, true},
    {"look_up_without_a_thread_fails_begin", look_up_without_a_thread_fails_begin, true},
    {"cancel_and_close_meet_the_answer_anywhere", cancel_and_close_meet_the_answer_anywhere, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"answers", answers}, {"slowness", slowness}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
