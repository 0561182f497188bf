/* SPDX-License-Identifier: MIT */
/*
 * The end of our stream behind what was begun to be sent, also where that does not fit in one call of the
 * kernel's and waits for its turn: a list, a file, what comes behind them.
 */
#include "../support/scratch_file.h"

#include "../support/buffer_lists.h"
#include "../support/disconnect_now.h"

enum {
    PARTS = 200,  /* of a list: four calls of the kernel */
    PART = 20000, /* bytes of each: more than is on its way at a time */
    WHOLE = PARTS * PART,
    BEFORE = 3000, /* a send before it */
    BEHIND = 7     /* and one behind it */
};

/* What is begun to be sent, in this order: a send, a list or a file, and a send. */
typedef struct outgoing {
    pair both;
    unsigned char *data;
    scratch_file file;
    call before, middle, behind;
} outgoing;

static void point_at_parts(apm_buffer *parts, unsigned char *data)
{
    size_t i;

    for (i = 0; i < PARTS; i++) {
        parts[i].data = data + i * PART;
        parts[i].size = PART;
    }
}

static bool begin_middle(outgoing *one, bool file)
{
    apm_buffer parts[PARTS];

    if (file) {
        return scratch_fill(&one->file, WHOLE, BEFORE) &&
               CHECK_ERROR(call_send_file(&one->middle, one->file.path, NULL, NULL, 0), APM_ERROR_SUCCESS);
    }
    point_at_parts(parts, one->data + BEFORE);
    return CHECK_ERROR(call_send_buffers(&one->middle, parts, PARTS), APM_ERROR_SUCCESS);
}

/* False if it could not be: then there is nothing to end. */
static bool begin_all(outgoing *one, bool file)
{
    bool begun = false;

    memset(one, 0, sizeof *one);
    one->data = (unsigned char *)malloc(BEFORE + WHOLE + BEHIND);
    CHECK(one->data != NULL);
    if (one->data == NULL || !pair_open(&one->both)) {
        free(one->data);
        return false;
    }
    pattern_fill(one->data, BEFORE + WHOLE + BEHIND, 0);
    call_prepare(&one->before, one->both.socket, CALL_SEND);
    call_prepare(&one->middle, one->both.socket, file ? CALL_SEND_FILE : CALL_SEND);
    call_prepare(&one->behind, one->both.socket, CALL_SEND);
    if (CHECK_ERROR(call_send(&one->before, one->data, BEFORE), APM_ERROR_SUCCESS) && begin_middle(one, file))
        begun = CHECK_ERROR(call_send(&one->behind, one->data + BEFORE + WHOLE, BEHIND), APM_ERROR_SUCCESS);
    return begun;
}

static void end_all(outgoing *one)
{
    call_dispose(&one->before);
    call_dispose(&one->middle);
    call_dispose(&one->behind);
    pair_close(&one->both);
    if (one->file.path[0] != '\0') CHECK(scratch_delete(&one->file, false));
    free(one->data);
}

static void check_all_sent(outgoing *one)
{
    (void)call_ends_with(&one->before, APM_ERROR_SUCCESS, BEFORE);
    (void)call_ends(&one->middle, APM_ERROR_SUCCESS);
    (void)call_ends_with(&one->behind, APM_ERROR_SUCCESS, BEHIND);
}

/* ---- order --------------------------------------------------------------------------------------------- */

static void peer_gets_it_all_before_the_end(bool file, int32_t how)
{
    outgoing one;
    call late;

    if (!begin_all(&one, file)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, how), APM_ERROR_SUCCESS);
    CHECK(!apm_socket_connected(one.both.socket));
    call_prepare(&late, one.both.socket, CALL_SEND);
    (void)CHECK_ERROR(call_send(&late, one.data, 1), APM_ERROR_SHUTDOWN);
    CHECK(atomic_load(&late.callbacks) == 0);
    (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, APM_SHUTDOWN_SEND),
                      APM_ERROR_SUCCESS); /* once more */
    CHECK(drain_pattern(one.both.other) == BEFORE + WHOLE + BEHIND);
    check_all_sent(&one);
    (void)CHECK_ERROR(call_send(&late, one.data, 1), APM_ERROR_SHUTDOWN); /* now from the kernel */
    call_dispose(&late);
    end_all(&one);
}

static void shutdown_comes_after_a_list(void)
{
    peer_gets_it_all_before_the_end(false, APM_SHUTDOWN_SEND);
}

static void shutdown_comes_after_a_file(void)
{
    peer_gets_it_all_before_the_end(true, APM_SHUTDOWN_SEND);
}

static void shutdown_of_both_ways_comes_after_a_list(void)
{
    peer_gets_it_all_before_the_end(false, APM_SHUTDOWN_BOTH);
}

/* Only our stream ends: what the peer answers to all of it is received. */
static void answer_is_received_after_it(void)
{
    char here[6];
    outgoing one;

    if (!begin_all(&one, false)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(drain_pattern(one.both.other) == BEFORE + WHOLE + BEHIND);
    CHECK(peer_write(one.both.other, "answer", 6));
    (void)CHECK_ERROR(receive_all(one.both.socket, here, 6), APM_ERROR_SUCCESS);
    CHECK(memcmp(here, "answer", 6) == 0);
    check_all_sent(&one);
    end_all(&one);
}

/* A shutdown that waits is one of its connection. */
static void next_connection_is_not_ended_by_it(void)
{
    apm_buffer parts[PARTS];
    static unsigned char there[WHOLE];
    outgoing one;
    call leaving, again;
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_endpoint remote;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (begin_all(&one, false)) {
        call_prepare(&leaving, one.both.socket, CALL_DISCONNECT);
        (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(call_disconnect(&leaving, true), APM_ERROR_SUCCESS);
        CHECK(drain_pattern(one.both.other) == BEFORE + WHOLE + BEHIND);
        peer_close(one.both.other);
        one.both.other = NULL;
        check_all_sent(&one);
        (void)call_ends(&leaving, APM_ERROR_SUCCESS);
        peer_listener_endpoint(listener, &remote);
        (void)CHECK_ERROR(connect_now(one.both.socket, &remote), APM_ERROR_SUCCESS);
        one.both.other = peer_accept(listener, PATIENCE);
        CHECK(one.both.other != NULL);
        if (one.both.other != NULL) {
            check_alive(&one.both);
            point_at_parts(parts, one.data);
            call_prepare(&again, one.both.socket, CALL_SEND);
            (void)CHECK_ERROR(call_send_buffers(&again, parts, PARTS), APM_ERROR_SUCCESS);
            CHECK(peer_read_all(one.both.other, there, WHOLE, PATIENCE));
            (void)call_ends_with(&again, APM_ERROR_SUCCESS, WHOLE);
            call_dispose(&again);
        }
        call_dispose(&leaving);
        end_all(&one);
    }
    peer_listener_close(listener);
}

/* ---- closing ------------------------------------------------------------------------------------------- */

/* Reads on a thread of its own, and ends its stream when ours has ended. */
typedef struct reader {
    peer *other;
    uint64_t received;
} reader;

static void read_and_end(void *argument)
{
    reader *one = (reader *)argument;

    one->received = drain_pattern(one->other);
    peer_end(one->other);
}

static void close_by_a_time_lets_it_all_go(bool file)
{
    reader reading = {NULL, 0};
    test_thread *thread;
    outgoing one;

    if (!begin_all(&one, file)) return;
    reading.other = one.both.other;
    thread = test_thread_start(read_and_end, &reading);
    (void)CHECK_ERROR(apm_socket_close_timeout(one.both.socket, (int32_t)PATIENCE), APM_ERROR_SUCCESS);
    one.both.socket = NULL;
    test_thread_join(thread);
    CHECK(reading.received == BEFORE + WHOLE + BEHIND);
    CHECK(call_wait(&one.before) && call_wait(&one.middle) && call_wait(&one.behind));
    end_all(&one);
}

static void close_by_a_time_lets_a_list_go(void)
{
    close_by_a_time_lets_it_all_go(false);
}

static void close_by_a_time_lets_a_file_go(void)
{
    close_by_a_time_lets_it_all_go(true);
}

/* A part of it must not look like the whole. */
static void close_by_a_time_resets_in_the_middle_of_a_list(void)
{
    static unsigned char here[65536];
    uint64_t place = 0;
    int64_t got;
    outgoing one;

    if (!begin_all(&one, false)) return;
    (void)CHECK_ERROR(apm_socket_close_timeout(one.both.socket, 100), APM_ERROR_SUCCESS);
    one.both.socket = NULL;
    while ((got = peer_read(one.both.other, here, sizeof here, PATIENCE)) > 0) {
        CHECK(pattern_holds(here, (size_t)got, place));
        place += (uint64_t)got;
    }
    CHECK(got == PEER_RESET);
    CHECK(call_ends(&one.middle, APM_ERROR_OBJECT_DISPOSED) && call_wait(&one.before) &&
          call_wait(&one.behind));
    end_all(&one);
}

/* Which has closed it, and asked what it asks threads for the last time. */
static void close_by_a_time_after_the_end_of_the_library(void)
{
    apm_options options = harness_options();
    pair both;

    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(apm_socket_close_timeout(both.socket, (int32_t)PATIENCE), APM_ERROR_SUCCESS);
        both.socket = NULL;
        pair_close(&both);
    } else {
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
}

static const test_case order[] = {
    {"shutdown_comes_after_a_list", shutdown_comes_after_a_list, false},
    {"shutdown_comes_after_a_file", shutdown_comes_after_a_file, false},
    {"shutdown_of_both_ways_comes_after_a_list", shutdown_of_both_ways_comes_after_a_list, false},
    {"answer_is_received_after_it", answer_is_received_after_it, false},
    {"next_connection_is_not_ended_by_it", next_connection_is_not_ended_by_it, false},
    {NULL, NULL, false}};

static const test_case closing[] = {
    {"close_by_a_time_lets_a_list_go", close_by_a_time_lets_a_list_go, false},
    {"close_by_a_time_lets_a_file_go", close_by_a_time_lets_a_file_go, false},
    {"close_by_a_time_resets_in_the_middle_of_a_list", close_by_a_time_resets_in_the_middle_of_a_list, false},
    {"close_by_a_time_after_the_end_of_the_library", close_by_a_time_after_the_end_of_the_library, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"order", order}, {"closing", closing}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
