/* SPDX-License-Identifier: MIT */
/* Lists of buffers on datagram sockets: one datagram each, whatever the number of buffers. */
#include "../support/buffer_lists.h"

enum { LARGEST = 65507 };

/* One call of the kernel takes 64 buffers: below, at and above it. */
static const size_t counts[] = {1, 16, 64, 65, 2000, 20000};
enum { COUNTS = sizeof counts / sizeof counts[0] };

static void list_is_one_datagram_whatever_its_length(void)
{
    static unsigned char here[LARGEST];
    datagram_pair both;
    size_t i;

    if (!datagram_pair_open(&both, true)) return;
    for (i = 0; i < COUNTS; i++) {
        buffer_list list;
        call made;
        size_t got = 0;

        list_make(&list, counts[i], 0, 3, 3, i);
        pattern_fill(list.data, list.size, i);
        call_prepare(&made, both.left, CALL_SEND);
        if (CHECK_ERROR(call_send_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
            list_spoil(&list);
            (void)call_ends_with(&made, APM_ERROR_SUCCESS, list.size);
            (void)CHECK_ERROR(receive_now(both.right, here, sizeof here, &got), APM_ERROR_SUCCESS);
            CHECK(got == list.size && pattern_holds(here, got, i));
        }
        call_dispose(&made);
        list_free(&list);
    }
    datagram_pair_close(&both);
}

/* Already there, and awaited. */
static void datagram_is_scattered_over_a_list_of_any_length(void)
{
    datagram_pair both;
    size_t i;

    if (!datagram_pair_open(&both, true)) return;
    for (i = 0; i < (size_t)2 * COUNTS; i++) {
        bool awaited = i % 2 != 0;
        unsigned char *there;
        size_t size;
        buffer_list list;
        call made;

        list_make(&list, counts[i / 2], 1, 3, 5, i);
        size = list.size - list.size / 3; /* the last ones are not reached */
        there = (unsigned char *)test_memory(size);
        pattern_fill(there, size, i);
        call_prepare(&made, both.right, CALL_RECEIVE);
        if (!awaited) (void)CHECK_ERROR(send_now(both.left, there, size, NULL), APM_ERROR_SUCCESS);
        if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
            list_spoil(&list);
            if (awaited) (void)CHECK_ERROR(send_now(both.left, there, size, NULL), APM_ERROR_SUCCESS);
            (void)call_ends_with(&made, APM_ERROR_SUCCESS, size);
            CHECK(list_holds(&list, size, i));
        }
        call_dispose(&made);
        free(there);
        list_free(&list);
    }
    datagram_pair_close(&both);
}

static void datagram_larger_than_the_list_is_message_size(void)
{
    static const size_t lengths[] = {3, 64, 65, 300};
    unsigned char there[1000];
    datagram_pair both;
    size_t i, bytes = 0;
    char here[4];

    if (!datagram_pair_open(&both, true)) return;
    pattern_fill(there, sizeof there, 1);
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        buffer_list list;
        call made;

        list_make(&list, lengths[i], 1, 2, 0, i);
        call_prepare(&made, both.right, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(send_now(both.left, there, sizeof there, NULL), APM_ERROR_SUCCESS);
            (void)call_ends_with(&made, APM_ERROR_MESSAGE_SIZE, list.size);
            CHECK(list_holds(&list, list.size, 1)); /* filled with its beginning */
        }
        call_dispose(&made);
        list_free(&list);
    }
    (void)CHECK_ERROR(send_now(both.left, "xy", 2, NULL), APM_ERROR_SUCCESS); /* the next one is whole */
    (void)CHECK_ERROR(receive_now(both.right, here, sizeof here, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 2 && memcmp(here, "xy", 2) == 0);
    datagram_pair_close(&both);
}

static void list_that_is_too_large_for_a_datagram_is_message_size(void)
{
    static const size_t lengths[] = {2, 64, 65, 500};
    size_t i, bytes = 0;
    datagram_pair both;
    char here = 0;

    if (!datagram_pair_open(&both, true)) return;
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint32_t each = (uint32_t)(LARGEST / lengths[i] + 1); /* together a little above it */
        buffer_list list;

        list_make(&list, lengths[i], each, each, 0, i);
        (void)CHECK_ERROR(send_buffers_now(both.left, list.buffers, list.count, NULL),
                          APM_ERROR_MESSAGE_SIZE);
        list_free(&list);
        list_make(&list, lengths[i], 2 * each, 2 * each, 0, i); /* and far above */
        (void)CHECK_ERROR(send_buffers_now(both.left, list.buffers, list.count, NULL),
                          APM_ERROR_MESSAGE_SIZE);
        list_free(&list);
    }
    (void)CHECK_ERROR(send_now(both.left, "y", 1, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(receive_now(both.right, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here == 'y'); /* nothing of the others */
    datagram_pair_close(&both);
}

static void largest_datagram_goes_in_a_list_both_ways(void)
{
    enum { BUFFERS = 700, EACH = 100 };
    buffer_list out, in;
    datagram_pair both;
    size_t bytes = 0;

    if (!datagram_pair_open(&both, true)) return;
    list_make(&out, BUFFERS, EACH, EACH, 0, 1);
    list_make(&in, BUFFERS, EACH, EACH, 0, 2); /* room for more than a datagram can be */
    pattern_fill(out.data, out.size, 8);
    while (out.size > LARGEST) { /* the last ones get shorter */
        size_t over = out.size - LARGEST, cut = over < EACH ? over : EACH;

        out.buffers[--out.count].size -= cut;
        out.size -= cut;
    }
    out.count = BUFFERS; /* some of them empty */
    (void)CHECK_ERROR(send_buffers_now(both.left, out.buffers, out.count, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == LARGEST);
    (void)CHECK_ERROR(receive_buffers_now(both.right, in.buffers, in.count, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == LARGEST && list_holds(&in, LARGEST, 8));
    list_free(&out);
    list_free(&in);
    datagram_pair_close(&both);
}

static void list_of_nothing_is_an_empty_datagram(void)
{
    static const size_t lengths[] = {1, 3, 100};
    apm_buffer list[100];
    datagram_pair both;
    size_t i, bytes;
    char here[4];

    if (!datagram_pair_open(&both, true)) return;
    memset(list, 0, sizeof list);
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        bytes = 7;
        (void)CHECK_ERROR(send_buffers_now(both.left, list, lengths[i], &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 0);
        (void)CHECK_ERROR(send_now(both.left, "z", 1, NULL), APM_ERROR_SUCCESS);
        bytes = 7;
        (void)CHECK_ERROR(receive_now(both.right, here, sizeof here, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 0);
        (void)CHECK_ERROR(receive_now(both.right, here, sizeof here, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here[0] == 'z');
    }
    datagram_pair_close(&both);
}

static void waiting_lists_can_be_cancelled_and_closed(void)
{
    enum { LENGTH = 200 };
    buffer_list first, second;
    call cancelled, other;
    datagram_pair both;

    if (!datagram_pair_open(&both, true)) return;
    list_make(&first, LENGTH, 1, 1, 0, 1);
    list_make(&second, LENGTH, 1, 1, 0, 2);
    call_prepare(&cancelled, both.right, CALL_RECEIVE);
    call_prepare(&other, both.right, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive_buffers(&cancelled, first.buffers, first.count), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(call_receive_buffers(&other, second.buffers, second.count), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_async_result_cancel(cancelled.result), APM_ERROR_SUCCESS);
    (void)call_ends_with(&cancelled, APM_ERROR_OPERATION_ABORTED, 0);
    (void)CHECK_ERROR(send_now(both.left, "z", 1, NULL), APM_ERROR_SUCCESS);
    (void)call_ends_with(&other, APM_ERROR_SUCCESS, 1);
    CHECK(second.data[0] == 'z' && second.data[1] == UNTOUCHED && list_holds(&first, 0, 0));
    call_dispose(&cancelled);
    call_dispose(&other);

    call_prepare(&other, both.right, CALL_RECEIVE);
    (void)CHECK_ERROR(call_receive_buffers(&other, first.buffers, first.count), APM_ERROR_SUCCESS);
    apm_socket_retain(both.right);
    close_now(both.right);
    (void)call_ends(&other, APM_ERROR_OBJECT_DISPOSED);
    CHECK(list_holds(&first, 0, 0));
    apm_socket_release(both.right);
    both.right = NULL;
    call_dispose(&other);
    list_free(&first);
    list_free(&second);
    datagram_pair_close(&both);
}

static const test_case lists[] = {
    {"list_is_one_datagram_whatever_its_length", list_is_one_datagram_whatever_its_length, false},
    {"datagram_is_scattered_over_a_list_of_any_length", datagram_is_scattered_over_a_list_of_any_length,
     false},
    {"datagram_larger_than_the_list_is_message_size", datagram_larger_than_the_list_is_message_size, false},
    {"list_that_is_too_large_for_a_datagram_is_message_size",
     list_that_is_too_large_for_a_datagram_is_message_size, false},
    {"largest_datagram_goes_in_a_list_both_ways", largest_datagram_goes_in_a_list_both_ways, false},
    {"list_of_nothing_is_an_empty_datagram", list_of_nothing_is_an_empty_datagram, false},
    {"waiting_lists_can_be_cancelled_and_closed", waiting_lists_can_be_cancelled_and_closed, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"lists", lists}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
