/* SPDX-License-Identifier: MIT */
/* Lists of buffers that do not get to their end: cancelled, closed, cut off; all of it, or an error. */
#include "../support/buffer_lists.h"

/* More than a connection takes without a reader, in more buffers than a kernel call takes. */
enum { BUFFERS = 3000, EACH = 8192 };

typedef struct stuck {
    pair both;
    buffer_list list;
    call made;
} stuck;

/* A list on its way that cannot get on: nobody reads. */
static bool open_stuck(stuck *one)
{
    if (!pair_open(&one->both)) return false;
    list_make(&one->list, BUFFERS, EACH, EACH, 0, 1);
    pattern_fill(one->list.data, one->list.size, 0);
    call_prepare(&one->made, one->both.socket, CALL_SEND);
    if (CHECK_ERROR(call_send_buffers(&one->made, one->list.buffers, one->list.count), APM_ERROR_SUCCESS)) {
        list_spoil(&one->list);
        return true;
    }
    call_dispose(&one->made);
    list_free(&one->list);
    pair_close(&one->both);
    return false;
}

static void close_stuck(stuck *one)
{
    call_dispose(&one->made);
    list_free(&one->list);
    pair_close(&one->both);
}

/* Some of it has arrived: it is half way. */
static void read_a_little(const stuck *one, unsigned char *here, size_t size)
{
    CHECK(peer_read_all(one->both.other, here, size, PATIENCE));
    CHECK(pattern_holds(here, size, 0));
    CHECK(!apm_async_result_is_completed(one->made.result));
}

static void cancelled_list_says_how_much_of_it_has_gone(void)
{
    stuck one;
    uint64_t arrived;

    if (!open_stuck(&one)) return;
    (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
    (void)call_ends(&one.made, APM_ERROR_OPERATION_ABORTED);
    CHECK(one.made.bytes < one.list.size);
    (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    arrived = drain_pattern(one.both.other);
    CHECK(arrived == one.made.bytes); /* neither more nor less than End has said */
    close_stuck(&one);
}

static void list_that_takes_too_long_is_timed_out(void)
{
    stuck one;

    if (!open_stuck(&one)) return;
    (void)CHECK_ERROR(apm_async_result_cancel_after(one.made.result, 30), APM_ERROR_SUCCESS);
    (void)call_ends(&one.made, APM_ERROR_TIMED_OUT);
    CHECK(one.made.bytes < one.list.size);
    (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(drain_pattern(one.both.other) == one.made.bytes);
    close_stuck(&one);
}

/* What waits behind it has not begun: nothing of it is sent, and what comes after it goes on. */
static void list_cancelled_before_its_turn_sends_nothing(void)
{
    unsigned char after[1000], *here;
    call waits, follows;
    buffer_list behind;
    stuck one;

    if (!open_stuck(&one)) return;
    list_make(&behind, 100, 10, 10, 0, 2);
    pattern_fill(after, sizeof after, one.list.size); /* right after the stuck one */
    call_prepare(&waits, one.both.socket, CALL_SEND);
    call_prepare(&follows, one.both.socket, CALL_SEND);
    (void)CHECK_ERROR(call_send_buffers(&waits, behind.buffers, behind.count), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(call_send(&follows, after, sizeof after), APM_ERROR_SUCCESS);
    CHECK(!apm_async_result_is_completed(waits.result));
    (void)CHECK_ERROR(apm_async_result_cancel(waits.result), APM_ERROR_SUCCESS);
    (void)call_ends_with(&waits, APM_ERROR_OPERATION_ABORTED, 0);
    here = (unsigned char *)test_memory(one.list.size + sizeof after);
    CHECK(peer_read_all(one.both.other, here, one.list.size + sizeof after, PATIENCE));
    CHECK(pattern_holds(here, one.list.size + sizeof after, 0));
    free(here);
    (void)call_ends_with(&one.made, APM_ERROR_SUCCESS, one.list.size);
    (void)call_ends_with(&follows, APM_ERROR_SUCCESS, sizeof after);
    call_dispose(&waits);
    call_dispose(&follows);
    list_free(&behind);
    close_stuck(&one);
}

static void close_half_way_is_object_disposed(void)
{
    unsigned char here[5000];
    stuck one;

    if (!open_stuck(&one)) return;
    read_a_little(&one, here, sizeof here);
    apm_socket_retain(one.both.socket);
    close_now(one.both.socket);
    (void)call_ends(&one.made, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(one.both.socket);
    one.both.socket = NULL;
    close_stuck(&one);
}

static void reset_half_way_is_an_error(void)
{
    unsigned char here[5000];
    stuck one;

    if (!open_stuck(&one)) return;
    read_a_little(&one, here, sizeof here);
    peer_reset(one.both.other);
    one.both.other = NULL;
    CHECK(call_wait(&one.made));
    CHECK(one.made.error == APM_ERROR_CONNECTION_RESET || one.made.error == APM_ERROR_CONNECTION_ABORTED);
    CHECK(one.made.bytes < one.list.size);
    CHECK(!apm_socket_connected(one.both.socket));
    close_stuck(&one);
}

/* ---- receiving --------------------------------------------------------------------------------------- */

static void cancelled_list_has_lost_nothing(void)
{
    enum { ROUNDS = 200, LENGTH = 130, BURST = 100 };
    unsigned char there[BURST];
    uint64_t place = 0, written = 0;
    pair both;
    int i;

    if (!pair_open(&both)) return;
    for (i = 0; i < ROUNDS; i++) {
        buffer_list list;
        call made;

        list_make(&list, LENGTH, 1, 1, 0, 1);
        pattern_fill(there, sizeof there, written);
        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
            if (i % 4 != 0) CHECK(peer_write(both.other, there, sizeof there));
            if (i % 4 != 0) written += sizeof there;
            if (i % 4 != 1 || place == written)
                (void)CHECK_ERROR(apm_async_result_cancel(made.result), APM_ERROR_SUCCESS);
            CHECK(call_wait(&made));
            CHECK(made.error == APM_ERROR_SUCCESS || made.error == APM_ERROR_OPERATION_ABORTED);
            CHECK(made.error != APM_ERROR_SUCCESS || made.bytes != 0);
            CHECK(list_holds(&list, made.bytes, place));
            place += made.bytes;
        }
        call_dispose(&made);
        list_free(&list);
    }
    while (place < written) {
        size_t got = 0, left = (size_t)(written - place);

        if (!CHECK_ERROR(receive_now(both.socket, there, left < BURST ? left : BURST, &got),
                         APM_ERROR_SUCCESS) ||
            got == 0)
            break;
        CHECK(pattern_holds(there, got, place));
        place += got;
    }
    CHECK(place == written);
    check_alive(&both);
    pair_close(&both);
}

static void cancelled_list_leaves_its_siblings_alone(void)
{
    enum { LENGTH = 100 };
    buffer_list first, second;
    call cancelled, other;
    unsigned char there[LENGTH];
    pair both;

    if (!pair_open(&both)) return;
    list_make(&first, LENGTH, 1, 1, 0, 1);
    list_make(&second, LENGTH, 1, 1, 0, 2);
    call_prepare(&cancelled, both.socket, CALL_RECEIVE);
    call_prepare(&other, both.socket, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive_buffers(&cancelled, first.buffers, first.count), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(call_receive_buffers(&other, second.buffers, second.count), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(cancelled.result), APM_ERROR_SUCCESS);
    (void)call_ends_with(&cancelled, APM_ERROR_OPERATION_ABORTED, 0);
    CHECK(!apm_async_result_is_completed(other.result));
    pattern_fill(there, sizeof there, 3);
    CHECK(peer_write(both.other, there, sizeof there));
    (void)call_ends(&other, APM_ERROR_SUCCESS);
    CHECK(other.bytes != 0 && list_holds(&second, other.bytes, 3));
    (void)CHECK_ERROR(receive_all(both.socket, second.data + other.bytes, LENGTH - other.bytes),
                      APM_ERROR_SUCCESS);
    CHECK(list_holds(&first, 0, 0) && list_holds(&second, LENGTH, 3));
    call_dispose(&cancelled);
    call_dispose(&other);
    list_free(&first);
    list_free(&second);
    pair_close(&both);
}

static void reset_ends_a_waiting_list(void)
{
    buffer_list list;
    pair both;
    call made;

    if (!pair_open(&both)) return;
    list_make(&list, 100, 1, 1, 0, 1);
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
        peer_reset(both.other);
        both.other = NULL;
        (void)call_ends_with(&made, APM_ERROR_CONNECTION_RESET, 0);
    }
    call_dispose(&made);
    list_free(&list);
    pair_close(&both);
}

static const test_case sending[] = {
    {"cancelled_list_says_how_much_of_it_has_gone", cancelled_list_says_how_much_of_it_has_gone, false},
    {"list_that_takes_too_long_is_timed_out", list_that_takes_too_long_is_timed_out, false},
    {"list_cancelled_before_its_turn_sends_nothing", list_cancelled_before_its_turn_sends_nothing, false},
    {"close_half_way_is_object_disposed", close_half_way_is_object_disposed, false},
    {"reset_half_way_is_an_error", reset_half_way_is_an_error, false},
    {NULL, NULL, false}};

static const test_case receiving[] = {
    {"cancelled_list_has_lost_nothing", cancelled_list_has_lost_nothing, false},
    {"cancelled_list_leaves_its_siblings_alone", cancelled_list_leaves_its_siblings_alone, false},
    {"reset_ends_a_waiting_list", reset_ends_a_waiting_list, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"sending", sending}, {"receiving", receiving}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
