/* SPDX-License-Identifier: MIT */
/* Files that do not get to their end: cancelled, closed, cut off; and that the file is let go of. */
#define _POSIX_C_SOURCE 200809L /* truncate */
#include "../support/scratch_file.h"

#include "../support/buffer_lists.h"

#ifndef _WIN32
#include "sim.h"
#endif

/* More than a connection takes without a reader. */
enum { WHOLE = 24 * 1024 * 1024 };

/* A file on its way that cannot get on: nobody reads. Its callback deletes it, which the system
 * refuses as long as it is open. */
typedef struct stuck_file {
    pair both;
    scratch_file file;
    call made;
    int others; /* that may be open in the callback besides */
    bool deleted;
} stuck_file;

/* The simulated kernel's files are those of a system that deletes what is open: it counts them. */
static bool is_closed(const stuck_file *one)
{
#ifdef _WIN32
    (void)one;
    return true;
#else
    return sim_census(SIM_FILES) <= one->others;
#endif
}

static void delete_inside(call *made)
{
    stuck_file *one = (stuck_file *)made->context;

    one->deleted = is_closed(one) && scratch_delete(&one->file, false);
}

static void prepare_call(stuck_file *one)
{
    one->deleted = false;
    one->others = 0;
    call_prepare(&one->made, one->both.socket, CALL_SEND_FILE);
    one->made.inside = delete_inside;
    one->made.context = one;
}

static void close_stuck(stuck_file *one)
{
    call_dispose(&one->made);
    pair_close(&one->both);
}

static bool open_stuck_with(stuck_file *one, int32_t flags)
{
    if (!pair_open(&one->both)) return false;
    prepare_call(one);
    if (scratch_fill(&one->file, WHOLE, 0)) {
        if (CHECK_ERROR(call_send_file(&one->made, one->file.path, NULL, NULL, flags), APM_ERROR_SUCCESS))
            return true;
        (void)scratch_delete(&one->file, false);
    }
    close_stuck(one);
    return false;
}

static bool open_stuck(stuck_file *one)
{
    return open_stuck_with(one, 0);
}

/* ---- the file is free in the callback ------------------------------------------------------------------ */

static void file_can_be_deleted_in_the_callback(void)
{
    static const size_t sizes[] = {0, 1, 50000};
    stuck_file one;
    size_t i;

    if (!pair_open(&one.both)) return;
    for (i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i / 2];
        unsigned char *here = (unsigned char *)test_memory(size);

        if (scratch_fill(&one.file, size, i)) {
            prepare_call(&one);
            one.made.keeps = i % 2 != 0; /* also before its End */
            if (CHECK_ERROR(call_send_file(&one.made, one.file.path, NULL, NULL, 0), APM_ERROR_SUCCESS)) {
                CHECK(call_wait(&one.made));
                CHECK(one.deleted);
                if (one.made.keeps) (void)call_end(&one.made, one.made.result);
                (void)CHECK_ERROR(one.made.error, APM_ERROR_SUCCESS);
                CHECK(peer_read_all(one.both.other, here, size, PATIENCE) && pattern_holds(here, size, i));
            }
            call_dispose(&one.made);
        }
        free(here);
    }
    pair_close(&one.both);
}

static void file_is_free_when_nobody_asks_for_anything(void)
{
    enum { SMALL = 1000 };
    unsigned char here[SMALL];
    uint64_t start = test_now();
    scratch_file file;
    pair both;

    if (!pair_open(&both)) return;
    if (scratch_fill(&file, SMALL, 1)) {
        (void)CHECK_ERROR(apm_socket_begin_send_file(both.socket, file.path, NULL, NULL, 0, NULL, NULL, NULL),
                          APM_ERROR_SUCCESS);
        CHECK(peer_read_all(both.other, here, SMALL, PATIENCE) && pattern_holds(here, SMALL, 1));
        while (!scratch_delete(&file, false) && test_now() - start < PATIENCE) test_yield();
        CHECK(file.path[0] == '\0');
    }
    pair_close(&both);
}

static void same_file_goes_over_several_connections_at_once(void)
{
    enum { PAIRS = 4, EACH = 200000 };
    unsigned char *here = (unsigned char *)test_memory(EACH);
    pair both[PAIRS];
    call made[PAIRS];
    scratch_file file;
    int i, open = 0;

    if (!scratch_fill(&file, EACH, 8)) open = PAIRS + 1;
    for (i = 0; i < PAIRS && open == i; i++)
        if (pair_open(&both[i])) open++;
    CHECK(open == PAIRS);
    for (i = 0; i < open && open <= PAIRS; i++) {
        call_prepare(&made[i], both[i].socket, CALL_SEND_FILE);
        (void)CHECK_ERROR(call_send_file(&made[i], file.path, NULL, NULL, 0), APM_ERROR_SUCCESS);
    }
    for (i = 0; i < open && open <= PAIRS; i++) {
        CHECK(peer_read_all(both[i].other, here, EACH, PATIENCE) && pattern_holds(here, EACH, 8));
        (void)call_ends(&made[i], APM_ERROR_SUCCESS);
        call_dispose(&made[i]);
        pair_close(&both[i]);
    }
    CHECK(scratch_delete(&file, false));
    free(here);
}

#ifdef _WIN32
static void nobody_can_write_the_file_while_it_is_sent(void)
{
    stuck_file one;

    if (!open_stuck(&one)) return;
    CHECK(!scratch_append(&one.file, "x", 1));
    CHECK(!scratch_delete(&one.file, false));
    CHECK(!apm_async_result_is_completed(one.made.result));
    (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
    (void)call_ends(&one.made, APM_ERROR_OPERATION_ABORTED);
    CHECK(one.deleted);
    close_stuck(&one);
}
#endif

/* ---- aborts ------------------------------------------------------------------------------------------- */

/* Windows may have given the connection up. */
static void check_part_has_gone(const stuck_file *one)
{
    if (!apm_socket_connected(one->both.socket)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(one->both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(drain_pattern(one->both.other) < WHOLE);
}

static void cancelled_file_stops_where_it_is(void)
{
    stuck_file one;

    if (!open_stuck(&one)) return;
    (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
    (void)call_ends(&one.made, APM_ERROR_OPERATION_ABORTED);
    CHECK(one.deleted);
    check_part_has_gone(&one);
    close_stuck(&one);
}

static void file_that_takes_too_long_is_timed_out(void)
{
    stuck_file one;

    if (!open_stuck(&one)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(one.made.result, 30), APM_ERROR_SUCCESS);
    (void)call_ends(&one.made, APM_ERROR_TIMED_OUT);
    CHECK(one.deleted);
    check_part_has_gone(&one);
    close_stuck(&one);
}

/* Behind it sends wait their turn; a file among them has not begun, and sends nothing. */
static void file_cancelled_before_its_turn_sends_nothing(void)
{
    unsigned char after[1000], *here;
    stuck_file one, behind;
    call follows;

    if (!open_stuck(&one)) return;
    here = (unsigned char *)test_memory(WHOLE + sizeof after);
    behind.both = one.both;
    prepare_call(&behind);
    behind.others = 1;
    call_prepare(&follows, one.both.socket, CALL_SEND);
    pattern_fill(after, sizeof after, WHOLE); /* right after the stuck one */
    if (scratch_fill(&behind.file, 5000, 1)) {
        (void)CHECK_ERROR(call_send_file(&behind.made, behind.file.path, NULL, NULL, 0), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(call_send(&follows, after, sizeof after), APM_ERROR_SUCCESS);
        CHECK(!apm_async_result_is_completed(behind.made.result));
        (void)CHECK_ERROR(apm_async_result_cancel(behind.made.result), APM_ERROR_SUCCESS);
        (void)call_ends(&behind.made, APM_ERROR_OPERATION_ABORTED);
        CHECK(behind.deleted);
        CHECK(peer_read_all(one.both.other, here, WHOLE + sizeof after, PATIENCE));
        CHECK(pattern_holds(here, WHOLE + sizeof after, 0));
        (void)call_ends(&one.made, APM_ERROR_SUCCESS);
        (void)call_ends_with(&follows, APM_ERROR_SUCCESS, sizeof after);
        CHECK(one.deleted);
    }
    call_dispose(&follows);
    call_dispose(&behind.made);
    free(here);
    close_stuck(&one);
}

/* Windows lets nobody write to it meanwhile; a file system of somebody else's may. It would be for ever, or with
 * a hole. */
#ifndef _WIN32
static void file_that_has_become_shorter_is_an_error(void)
{
    enum { LEFT = 2000, NO_MORE = 38 /* ERROR_HANDLE_EOF */ };
    stuck_file one, behind;
    unsigned char *here;

    if (!open_stuck(&one)) return;
    here = (unsigned char *)test_memory(WHOLE + LEFT);
    behind.both = one.both;
    prepare_call(&behind);
    one.others = behind.others = 1;                /* they may call back in any order */
    if (scratch_fill(&behind.file, 5000, WHOLE)) { /* the pattern goes on */
        (void)CHECK_ERROR(call_send_file(&behind.made, behind.file.path, NULL, NULL, 0), APM_ERROR_SUCCESS);
        CHECK(truncate(behind.file.path, LEFT) == 0); /* it waits for its turn */
        CHECK(peer_read_all(one.both.other, here, WHOLE + LEFT, PATIENCE));
        CHECK(pattern_holds(here, WHOLE + LEFT, 0));
        (void)call_ends(&one.made, APM_ERROR_SUCCESS);
        (void)call_ends(&behind.made, (apm_error)NO_MORE);
        CHECK(one.deleted && behind.deleted);
        check_alive(&one.both);
    }
    call_dispose(&behind.made);
    free(here);
    close_stuck(&one);
}
#endif

/* The one in the kernel, and one that waits for it. */
static void close_half_way_is_object_disposed(void)
{
    unsigned char here[5000];
    stuck_file one, behind;

    if (!open_stuck(&one)) return;
    behind.both = one.both;
    prepare_call(&behind);
    one.others = behind.others = 1; /* they are over at the same time */
    if (scratch_fill(&behind.file, 5000, 1))
        (void)CHECK_ERROR(call_send_file(&behind.made, behind.file.path, NULL, NULL, 0), APM_ERROR_SUCCESS);
    CHECK(peer_read_all(one.both.other, here, sizeof here, PATIENCE));
    apm_socket_retain(one.both.socket);
    close_now(one.both.socket);
    (void)call_ends(&one.made, APM_ERROR_OBJECT_DISPOSED);
    (void)call_ends(&behind.made, APM_ERROR_OBJECT_DISPOSED);
    CHECK(one.deleted && behind.deleted);
    apm_socket_release(one.both.socket);
    one.both.socket = NULL;
    call_dispose(&behind.made);
    close_stuck(&one);
}

static void reset_half_way_is_an_error(void)
{
    unsigned char here[5000];
    stuck_file one;

    if (!open_stuck(&one)) return;
    CHECK(peer_read_all(one.both.other, here, sizeof here, PATIENCE));
    peer_reset(one.both.other);
    one.both.other = NULL;
    /* Wine does not always tell of it what transmits a file; a cancel is heard all the same. */
    if (peer_kernel_is_wine() && apm_async_result_wait(one.made.result, 2000) == APM_ERROR_TIMED_OUT) {
        (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
        CHECK(call_wait(&one.made));
        CHECK(one.made.error != APM_ERROR_SUCCESS);
    } else {
        CHECK(call_wait(&one.made));
        CHECK(one.made.error == APM_ERROR_CONNECTION_RESET || one.made.error == APM_ERROR_CONNECTION_ABORTED);
        CHECK(!apm_socket_connected(one.both.socket));
    }
    CHECK(one.deleted);
    close_stuck(&one);
}

/* Who is told of the reset by a receive is told by the file, too, whatever the kernel forgets. */
static void reset_that_a_receive_is_told_of_ends_the_file(void)
{
    unsigned char here[5000];
    call receive;
    stuck_file one;
    char byte;

    if (!open_stuck(&one)) return;
    call_prepare(&receive, one.both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&receive, &byte, 1), APM_ERROR_SUCCESS)) {
        CHECK(peer_read_all(one.both.other, here, sizeof here, PATIENCE));
        peer_reset(one.both.other);
        one.both.other = NULL;
        CHECK(call_wait(&receive));
        if (peer_kernel_is_wine() && receive.error == APM_ERROR_SUCCESS) {
            /* There the file may be who is told, and the receive sees the end of the stream. */
            CHECK(receive.bytes == 0);
            (void)apm_async_result_cancel(one.made.result); /* if it was forgotten after all */
            CHECK(call_wait(&one.made));
            CHECK(one.made.error != APM_ERROR_SUCCESS);
        } else {
            (void)CHECK_ERROR(receive.error, APM_ERROR_CONNECTION_RESET);
            CHECK(call_wait(&one.made));
            CHECK(one.made.error == APM_ERROR_CONNECTION_RESET ||
                  one.made.error == APM_ERROR_CONNECTION_ABORTED);
        }
        CHECK(one.deleted);
    }
    call_dispose(&receive);
    close_stuck(&one);
}

static const int32_t disconnecting[] = {APM_SEND_FILE_DISCONNECT, APM_SEND_FILE_REUSE_SOCKET};

/* A file that was to disconnect and did not get there has not disconnected. */
static void cancelled_file_does_not_disconnect(void)
{
    stuck_file one;
    int i;

    for (i = 0; i < 2; i++) {
        unsigned char byte = 0;
        apm_endpoint remote;

        if (!open_stuck_with(&one, disconnecting[i])) return;
        (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
        (void)call_ends(&one.made, APM_ERROR_OPERATION_ABORTED);
        CHECK(one.deleted);
        if (apm_socket_connected(one.both.socket)) { /* see check_part_has_gone */
            CHECK(peer_write(one.both.other, "x", 1));
            (void)CHECK_ERROR(receive_all(one.both.socket, &byte, 1), APM_ERROR_SUCCESS);
            CHECK(byte == 'x');
        } else {
            CHECK(apm_socket_remote_endpoint(one.both.socket, &remote) == APM_ERROR_SUCCESS);
        }
        close_stuck(&one);
    }
}

/* The end of our stream comes right after such a file, whatever was begun behind it. */
static void nothing_gets_between_a_file_and_its_disconnect(void)
{
    static const apm_error errors[] = {APM_ERROR_SHUTDOWN, APM_ERROR_OPERATION_ABORTED};
    unsigned char *here = (unsigned char *)test_memory(WHOLE);
    stuck_file one;
    int i;

    for (i = 0; i < 2 && open_stuck_with(&one, disconnecting[i]); i++) {
        call behind;

        call_prepare(&behind, one.both.socket, CALL_SEND);
        (void)CHECK_ERROR(call_send(&behind, "x", 1), APM_ERROR_SUCCESS);
        CHECK(peer_read_all(one.both.other, here, WHOLE, PATIENCE) && pattern_holds(here, WHOLE, 0));
        CHECK(peer_read(one.both.other, here, 1, PATIENCE) == PEER_END);
        peer_close(one.both.other);
        one.both.other = NULL;
        (void)call_ends_with(&behind, errors[i], 0);
        (void)call_ends(&one.made, APM_ERROR_SUCCESS);
        CHECK(one.deleted);
        CHECK(!apm_socket_connected(one.both.socket));
        call_dispose(&behind);
        close_stuck(&one);
    }
    free(here);
}

/* ---- the End ------------------------------------------------------------------------------------------ */

/* The kinds that only a stream has. */
static void each_end_takes_its_own_kind_only(void)
{
    static const call_kind kinds[] = {CALL_SEND_FILE, CALL_SEND, CALL_SEND_TO, CALL_DISCONNECT};
    apm_buffer some = {NULL, 0};
    apm_endpoint at;
    size_t i, bytes = 7;
    char byte = 'k';
    pair both;
    int k;

    if (!pair_open(&both)) return;
    some.data = &byte;
    some.size = 1;
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &at), APM_ERROR_SUCCESS);
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        apm_error error;
        call made;

        call_prepare(&made, both.socket, kinds[i]);
        made.keeps = true;
        if (kinds[i] == CALL_SEND_FILE)
            error = call_send_file(&made, NULL, &some, NULL, 0);
        else if (kinds[i] == CALL_SEND)
            error = call_send(&made, &byte, 1);
        else if (kinds[i] == CALL_SEND_TO)
            error = call_send_to(&made, &byte, 1, &at);
        else
            error = call_disconnect(&made, false);
        if (CHECK_ERROR(error, APM_ERROR_SUCCESS)) {
            CHECK(call_wait(&made));
            for (k = 0; k < CALL_KINDS; k++)
                if ((call_kind)k != kinds[i])
                    (void)CHECK_ERROR(end_kind((call_kind)k, both.socket, made.result, &bytes),
                                      APM_ERROR_ARGUMENT);
            CHECK(bytes == 7);
            (void)CHECK_ERROR(end_kind(kinds[i], both.socket, made.result, NULL), APM_ERROR_SUCCESS);
            (void)CHECK_ERROR(end_kind(kinds[i], both.socket, made.result, NULL),
                              APM_ERROR_INVALID_OPERATION);
        }
        call_dispose(&made);
    }
    pair_close(&both);
}

static const test_case letting_go[] = {
    {"file_can_be_deleted_in_the_callback", file_can_be_deleted_in_the_callback, false},
    {"file_is_free_when_nobody_asks_for_anything", file_is_free_when_nobody_asks_for_anything, false},
    {"same_file_goes_over_several_connections_at_once", same_file_goes_over_several_connections_at_once,
     false},
#ifdef _WIN32
    {"nobody_can_write_the_file_while_it_is_sent", nobody_can_write_the_file_while_it_is_sent, false},
#endif
    {NULL, NULL, false}};

static const test_case aborts[] = {
    {"cancelled_file_stops_where_it_is", cancelled_file_stops_where_it_is, false},
    {"file_that_takes_too_long_is_timed_out", file_that_takes_too_long_is_timed_out, false},
    {"file_cancelled_before_its_turn_sends_nothing", file_cancelled_before_its_turn_sends_nothing, false},
#ifndef _WIN32
    {"file_that_has_become_shorter_is_an_error", file_that_has_become_shorter_is_an_error, false},
#endif
    {"close_half_way_is_object_disposed", close_half_way_is_object_disposed, false},
    {"reset_half_way_is_an_error", reset_half_way_is_an_error, false},
    {"reset_that_a_receive_is_told_of_ends_the_file", reset_that_a_receive_is_told_of_ends_the_file, false},
    {"cancelled_file_does_not_disconnect", cancelled_file_does_not_disconnect, false},
    {"nothing_gets_between_a_file_and_its_disconnect", nothing_gets_between_a_file_and_its_disconnect, false},
    {NULL, NULL, false}};

static const test_case ending[] = {
    {"each_end_takes_its_own_kind_only", each_end_takes_its_own_kind_only, false}, {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"letting_go", letting_go}, {"aborts", aborts}, {"ending", ending}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
