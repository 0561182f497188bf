/* SPDX-License-Identifier: MIT */
/* Starting and ending the library: counted, checked, repeated, in the middle of everything. */
#include <stdlib.h>
#include <string.h>

#include "../support/fixture.h"

/* ---- counting -------------------------------------------------------------------------------------------- */

static void startups_are_counted(void)
{
    apm_options options = harness_options();
    pair both;

    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_startup(NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    if (pair_open(&both)) {
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        check_alive(&both);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        check_alive(&both); /* one user is left */
        pair_close(&both);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
}

static void first_socket_starts_the_library(void)
{
    pair both;

    if (pair_open(&both)) {
        check_alive(&both);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS); /* one is enough */
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
}

/* Two parts of a program that know nothing of each other: one starts it by its first socket, the
 * other one by name. Neither's end is the other's. */
static void library_that_a_socket_started_outlives_somebody_elses_start_and_end(void)
{
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_startup(NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    check_alive(&both);
    pair_close(&both);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_NOT_INITIALIZED);
}

static void library_is_started_and_ended_again_and_again(void)
{
    int i;

    for (i = 0; i < 20; i++) {
        apm_options options = harness_options();
        pair both;

        if (!CHECK_ERROR(apm_startup(i % 3 == 0 ? NULL : &options), APM_ERROR_SUCCESS)) return;
        if (pair_open(&both)) {
            check_alive(&both);
            pair_close(&both);
        }
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
}

static void version_is_that_of_the_headers(void)
{
    CHECK(strcmp(apm_version(), APM_VERSION) == 0);
}

/* ---- options ----------------------------------------------------------------------------------------------- */

/* A later version's options: this one's, and something that this one does not know. */
typedef struct later_options {
    apm_options known;
    uint64_t unknown[2];
} later_options;

/* Refused: if it is not, the library runs and has to be ended. */
static void check_refused(const apm_options *options, apm_error expected)
{
    if (!CHECK_ERROR(apm_startup(options), expected)) (void)apm_cleanup();
}

static void check_taken(const apm_options *options)
{
    if (CHECK_ERROR(apm_startup(options), APM_ERROR_SUCCESS))
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static void check_all_options(void)
{
    apm_options options = harness_options();
    later_options later;

    options.size = 0;
    check_refused(&options, APM_ERROR_ARGUMENT);
    options.size = sizeof(size_t);
    check_refused(&options, APM_ERROR_ARGUMENT);
    options.size = SIZE_MAX;
    check_refused(&options, APM_ERROR_ARGUMENT);

    options = harness_options();
    options.release = NULL;
    check_refused(&options, APM_ERROR_ARGUMENT);
    options = harness_options();
    options.allocate = NULL;
    check_refused(&options, APM_ERROR_ARGUMENT);

    options = harness_options();
    options.min_workers = 3;
    options.max_workers = 2;
    check_refused(&options, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    options.min_workers = 0;
    options.max_workers = 4097;
    check_refused(&options, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    options.max_workers = UINT32_MAX;
    check_refused(&options, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    options.min_workers = UINT32_MAX;
    options.max_workers = 0;
    check_refused(&options, APM_ERROR_ARGUMENT_OUT_OF_RANGE);

    options = harness_options();
    options.min_workers = options.max_workers = 2;
    check_taken(&options);
    check_taken(NULL);

    memset(&later, 0, sizeof later);
    later.known = harness_options();
    later.known.size = sizeof later;
    check_taken(&later.known); /* what is not known is not asked for */
    later.unknown[1] = 1;
    check_refused(&later.known, APM_ERROR_ARGUMENT);
}

static void options_are_checked_when_they_start_the_library(void)
{
    check_all_options();
}

static void options_are_checked_while_it_runs_and_change_nothing(void)
{
    apm_options options = harness_options();
    int64_t threads;
    pair both;

    options.min_workers = options.max_workers = 1;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    threads = harness_threads();
    check_all_options();
    CHECK(harness_threads() == threads);
    if (pair_open(&both)) {
        check_alive(&both);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

static void allocator_of_the_options_is_used_and_given_everything_back(void)
{
    apm_options options = harness_options();
    int64_t live = harness_live_blocks();
    uint64_t calls = harness_allocations();
    pair both;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        CHECK(harness_live_blocks() > live);
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    CHECK(harness_allocations() > calls);
    CHECK(harness_live_blocks() == live);
}

/* ---- ending in the middle -------------------------------------------------------------------------------------- */

enum { RECEIVES = 3, LARGE = 16 * 1024 * 1024 };

static void cleanup_ends_everything_that_is_pending(void)
{
    apm_options options = harness_options();
    unsigned char *there = (unsigned char *)calloc(1, LARGE);
    peer_listener *hanging = peer_listen_hanging(APM_FAMILY_IPV4);
    call receives[RECEIVES], sending, connecting;
    char here[RECEIVES];
    apm_endpoint nowhere;
    pair both;
    int i;

    CHECK(there != NULL && hanging != NULL);
    if (there == NULL || hanging == NULL || !CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) goto done;
    peer_listener_endpoint(hanging, &nowhere);
    if (!pair_open(&both)) goto no_pair;
    for (i = 0; i < RECEIVES; i++) {
        call_prepare(&receives[i], both.socket, CALL_RECEIVE);
        (void)CHECK_ERROR(call_receive(&receives[i], &here[i], 1), APM_ERROR_SUCCESS);
    }
    (void)CHECK_ERROR(apm_async_result_cancel_after(receives[0].result, PATIENCE), APM_ERROR_SUCCESS);
    call_prepare(&sending, both.socket, CALL_SEND);
    (void)CHECK_ERROR(call_send(&sending, there, LARGE), APM_ERROR_SUCCESS);
    call_prepare(&connecting, stream_new(APM_FAMILY_IPV4), CALL_CONNECT);
    (void)CHECK_ERROR(call_connect(&connecting, &nowhere), APM_ERROR_SUCCESS);

    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    /* It has waited for all of them. */
    for (i = 0; i < RECEIVES; i++) {
        CHECK(atomic_load(&receives[i].callbacks) == 1);
        (void)CHECK_ERROR(receives[i].error, APM_ERROR_OBJECT_DISPOSED);
    }
    CHECK(atomic_load(&sending.callbacks) == 1);
    (void)CHECK_ERROR(sending.error, APM_ERROR_OBJECT_DISPOSED);
    CHECK(atomic_load(&connecting.callbacks) == 1);
    (void)CHECK_ERROR(connecting.error, APM_ERROR_OBJECT_DISPOSED);

    for (i = 0; i < RECEIVES; i++) call_dispose(&receives[i]);
    call_dispose(&sending);
    (void)CHECK_ERROR(apm_socket_close(connecting.socket), APM_ERROR_SUCCESS);
    call_dispose(&connecting);
    pair_close(&both);
    goto done;
no_pair:
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
done:
    peer_listener_close(hanging);
    free(there);
}

static void handles_stay_valid_after_the_cleanup(void)
{
    apm_options options = harness_options();
    apm_async_result *result = NULL;
    apm_endpoint endpoint;
    apm_socket *second;
    pair both;
    char here = 0;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    second = stream_new(APM_FAMILY_IPV4);
    if (second == NULL || !pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_begin_receive(both.socket, &here, 1, 0, NULL, &both, &result),
                      APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);

    CHECK(apm_async_result_is_completed(result));
    CHECK(apm_async_result_state(result) == &both);
    CHECK(!apm_async_result_completed_synchronously(result));
    (void)CHECK_ERROR(apm_async_result_wait(result, PATIENCE), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(result), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(result, 1), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel_after(result, 0), APM_ERROR_SUCCESS);
    CHECK(handle_wait(apm_async_result_wait_handle(result), 0));
    (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, NULL), APM_ERROR_OBJECT_DISPOSED);
    apm_async_result_release(result);

    CHECK(!apm_socket_connected(both.socket));
    CHECK(apm_socket_handle(both.socket) == ~(uintptr_t)0);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &endpoint);
    (void)CHECK_ERROR(apm_socket_begin_connect(second, &endpoint, NULL, NULL, NULL),
                      APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_begin_send(both.socket, "x", 1, 0, NULL, NULL, NULL),
                      APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_BOTH), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, &endpoint), APM_ERROR_OBJECT_DISPOSED);

    /* A library that runs again is another one: the old handles stay closed. */
    (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_bind(second, &endpoint), APM_ERROR_OBJECT_DISPOSED);
    (void)CHECK_ERROR(apm_socket_close(second), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    pair_close(&both);
}

typedef struct cleaning {
    apm_error cleanup;
} cleaning;

static void clean_up_here(call *made)
{
    cleaning *seen = (cleaning *)made->context;

    seen->cleanup = apm_cleanup();
}

static void cleanup_in_a_callback_is_invalid_operation_and_changes_nothing(void)
{
    cleaning seen = {APM_ERROR_SUCCESS};
    apm_options options = harness_options();
    pair both;
    call made;
    char here = 0;
    int users;

    for (users = 1; users <= 2; users++) { /* not even when it would only count down */
        if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
        if (users == 2) (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
        if (pair_open(&both)) {
            call_prepare(&made, both.socket, CALL_RECEIVE);
            made.inside = clean_up_here;
            made.context = &seen;
            if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
                CHECK(peer_write(both.other, "x", 1) && call_wait(&made));
                (void)CHECK_ERROR(seen.cleanup, APM_ERROR_INVALID_OPERATION);
                check_alive(&both);
            }
            call_dispose(&made);
            pair_close(&both);
        }
        if (users == 2) (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
}

/* ---- ending while others begin ------------------------------------------------------------------------------------ */

typedef struct maker {
    _Atomic bool stops;
    _Atomic uint32_t made;
    uint64_t refused, wrong;
} maker;

/* Makes sockets and closes them: either there is a library, or it is being ended. */
static void make_sockets(void *argument)
{
    maker *one = (maker *)argument;

    while (!atomic_load(&one->stops)) {
        apm_socket *socket = NULL;
        apm_error error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket);

        if (error == APM_ERROR_SUCCESS) {
            atomic_fetch_add(&one->made, 1);
            if (apm_socket_close(socket) != APM_ERROR_SUCCESS) one->wrong++;
        } else if (error == APM_ERROR_INVALID_OPERATION) {
            one->refused++;
        } else {
            one->wrong++;
        }
    }
}

static void sockets_are_made_or_refused_while_the_library_ends(void)
{
    enum { ROUNDS = 40, THREADS = 2 };
    apm_options options = harness_options();
    maker makers[THREADS];
    test_thread *threads[THREADS];
    apm_error error;
    int i;

    for (i = 0; i < THREADS; i++) {
        atomic_init(&makers[i].stops, false);
        atomic_init(&makers[i].made, 0);
        makers[i].refused = makers[i].wrong = 0;
        threads[i] = test_thread_start(make_sockets, &makers[i]);
    }
    /* Until both have had a chance to do something; the harness watches the time. */
    for (i = 0; i < ROUNDS || atomic_load(&makers[i % THREADS].made) == 0; i++) {
        (void)CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < THREADS; i++) {
        atomic_store(&makers[i].stops, true);
        test_thread_join(threads[i]);
        CHECK(makers[i].wrong == 0);
    }
    /* The last socket may have started it once more. */
    error = apm_cleanup();
    CHECK(error == APM_ERROR_SUCCESS || error == APM_ERROR_NOT_INITIALIZED);
}

/* ---- the host's own sockets ------------------------------------------------------------------------------------------ */

/* The peer's sockets are none of the library's. If its starts and stops of the network did not
 * balance, they would be gone after the cleanup. */
static void hosts_own_sockets_outlive_the_library(void)
{
    apm_options options = harness_options();
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both;
    char here = 0;
    int i;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    for (i = 0; i < 5; i++) {
        if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) break;
        if (!pair_open_with(&both, listener)) break;
        check_alive(&both);
        (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END); /* it works, and has seen our end */
        pair_close(&both);
    }
    CHECK(i == 5);
    peer_listener_close(listener);
}

static const test_case counting[] = {
    {"startups_are_counted", startups_are_counted, true},
    {"first_socket_starts_the_library", first_socket_starts_the_library, true},
    {"library_that_a_socket_started_outlives_somebody_elses_start_and_end",
     library_that_a_socket_started_outlives_somebody_elses_start_and_end, true},
    {"library_is_started_and_ended_again_and_again", library_is_started_and_ended_again_and_again, true},
    {"version_is_that_of_the_headers", version_is_that_of_the_headers, true},
    {NULL, NULL, false}};

static const test_case choosing[] = {{"options_are_checked_when_they_start_the_library",
                                      options_are_checked_when_they_start_the_library, true},
                                     {"options_are_checked_while_it_runs_and_change_nothing",
                                      options_are_checked_while_it_runs_and_change_nothing, true},
                                     {"allocator_of_the_options_is_used_and_given_everything_back",
                                      allocator_of_the_options_is_used_and_given_everything_back, true},
                                     {NULL, NULL, false}};

static const test_case ending[] = {
    {"cleanup_ends_everything_that_is_pending", cleanup_ends_everything_that_is_pending, true},
    {"handles_stay_valid_after_the_cleanup", handles_stay_valid_after_the_cleanup, true},
    {"cleanup_in_a_callback_is_invalid_operation_and_changes_nothing",
     cleanup_in_a_callback_is_invalid_operation_and_changes_nothing, true},
    {"sockets_are_made_or_refused_while_the_library_ends", sockets_are_made_or_refused_while_the_library_ends,
     true},
    {"hosts_own_sockets_outlive_the_library", hosts_own_sockets_outlive_the_library, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"counting", counting}, {"choosing", choosing}, {"ending", ending}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
