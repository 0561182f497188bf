/* SPDX-License-Identifier: MIT */
/* Lists of buffers on a stream: what Begin refuses, gather and scatter whatever their number, order. */
#include "../support/buffer_lists.h"

/* One call of the kernel takes 64: below, at and above it, and far above. */
static const size_t counts[] = {1, 16, 64, 65, 128, 129, 2000, 20000};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/* ---- what Begin refuses ------------------------------------------------------------------------------ */

/* Each Begin fails with `expected`, gives no result and does not call back. */
static void check_begins_fail(apm_socket *socket, const apm_buffer *buffers, size_t count, apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_SEND);
    (void)CHECK_ERROR(call_send_buffers(&made, buffers, count), expected);
    (void)CHECK_ERROR(call_receive_buffers(&made, buffers, count), expected);
    CHECK(made.result == NULL);
    CHECK(atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void check_lists_are_refused(apm_socket *socket)
{
    char byte = 0;
    const apm_buffer placeless[] = {{&byte, 1}, {NULL, 0}, {NULL, 1}};
    const apm_buffer huge[] = {{&byte, 1}, {&byte, SIZE_MAX / 2 + 1}};
    const apm_buffer together[] = {{&byte, SIZE_MAX / 2}, {&byte, 1}};
    const apm_buffer wrapping[] = {{&byte, SIZE_MAX / 2}, {&byte, SIZE_MAX / 2}, {&byte, 4}};
    const apm_buffer both[] = {{&byte, SIZE_MAX}, {NULL, 1}};

    check_begins_fail(socket, NULL, 1, APM_ERROR_ARGUMENT_NULL);
    check_begins_fail(socket, NULL, 0, APM_ERROR_ARGUMENT_NULL); /* before the count */
    check_begins_fail(socket, placeless, 0, APM_ERROR_ARGUMENT);
    check_begins_fail(socket, placeless, 3, APM_ERROR_ARGUMENT_NULL);
    check_begins_fail(socket, huge, 2, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_begins_fail(socket, together, 2, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_begins_fail(socket, wrapping, 3, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_begins_fail(socket, both, 2, APM_ERROR_ARGUMENT_NULL); /* before the range */
}

static void list_arguments_are_checked_in_order(void)
{
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4);
    char byte = 0;
    const apm_buffer good = {&byte, 1};
    pair both;

    check_begins_fail(NULL, &good, 1, APM_ERROR_ARGUMENT_NULL);
    if (fresh == NULL) return;
    check_lists_are_refused(fresh); /* all of it before the state */
    check_begins_fail(fresh, &good, 1, APM_ERROR_NOT_CONNECTED);
    apm_socket_retain(fresh);
    close_now(fresh);
    check_begins_fail(fresh, NULL, 0, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(fresh);

    if (!pair_open(&both)) return;
    check_lists_are_refused(both.socket);
    check_alive(&both); /* none of it has harmed the connection */
    pair_close(&both);
}

/* Whatever it is that cannot be allocated. */
static void list_that_cannot_be_copied_is_out_of_memory(void)
{
    enum { MANY = 500, TRIES = 20 };
    apm_error error = APM_ERROR_OUT_OF_MEMORY;
    buffer_list list;
    size_t sent = 0;
    uint64_t nth;
    pair both;

    if (!pair_open(&both)) return;
    list_make(&list, MANY, 1, 1, 0, 1);
    memset(list.data, 'm', list.size);
    for (nth = 1; nth < TRIES && error == APM_ERROR_OUT_OF_MEMORY; nth++) {
        harness_fail_allocation(nth);
        error = send_buffers_now(both.socket, list.buffers, list.count, &sent);
        harness_fail_allocation(0);
    }
    (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
    CHECK(nth > 2); /* there was something to fail */
    CHECK(sent == list.size);
    CHECK(peer_read_all(both.other, list.data, list.size, PATIENCE));
    check_alive(&both); /* nothing of the failed ones has gone out */
    list_free(&list);
    pair_close(&both);
}

/* ---- gather ------------------------------------------------------------------------------------------- */

static void send_list(pair *both, buffer_list *list, uint64_t place)
{
    unsigned char *here = (unsigned char *)test_memory(list->size);
    call made;

    pattern_fill(list->data, list->size, place);
    call_prepare(&made, both->socket, CALL_SEND);
    if (CHECK_ERROR(call_send_buffers(&made, list->buffers, list->count), APM_ERROR_SUCCESS)) {
        list_spoil(list); /* it was copied */
        CHECK(peer_read_all(both->other, here, list->size, PATIENCE));
        CHECK(pattern_holds(here, list->size, place));
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, list->size);
    }
    call_dispose(&made);
    free(here);
}

/* One operation, in the list's order, and none of it twice. */
static void list_of_any_length_is_sent_whole(void)
{
    static const struct {
        uint32_t least, most, empty_in;
    } shapes[] = {{1, 1, 0}, {1, 1, 2}, {0, 40, 3}, {500, 1500, 0}};
    pair both;
    size_t i, k;

    if (!pair_open(&both)) return;
    for (i = 0; i < COUNTS; i++)
        for (k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            buffer_list list;

            list_make(&list, counts[i], shapes[k].least, shapes[k].most, shapes[k].empty_in, i + k);
            send_list(&both, &list, (uint64_t)i << 32);
            list_free(&list);
        }
    check_alive(&both); /* and not a byte more */
    pair_close(&both);
}

/* The same memory may stand in a list as often as one likes: it is only read. */
static void list_may_name_the_same_bytes_again_and_again(void)
{
    enum { TIMES = 300 };
    unsigned char there[7], here[TIMES * sizeof there];
    apm_buffer list[TIMES];
    size_t sent = 0;
    pair both;
    int i;

    if (!pair_open(&both)) return;
    pattern_fill(there, sizeof there, 5);
    for (i = 0; i < TIMES; i++) {
        list[i].data = there;
        list[i].size = sizeof there;
    }
    (void)CHECK_ERROR(send_buffers_now(both.socket, list, TIMES, &sent), APM_ERROR_SUCCESS);
    CHECK(sent == sizeof here);
    CHECK(peer_read_all(both.other, here, sizeof here, PATIENCE));
    for (i = 0; i < TIMES; i++) CHECK(memcmp(here + (size_t)i * sizeof there, there, sizeof there) == 0);
    pair_close(&both);
}

/* ---- scatter ------------------------------------------------------------------------------------------ */

typedef struct writer {
    peer *other;
    const unsigned char *data;
    size_t size;
    bool written;
} writer;

static void write_all(void *argument)
{
    writer *one = (writer *)argument;

    one->written = peer_write(one->other, one->data, one->size);
}

/* Receives until all is there; each time into what is left of the list. */
static void receive_list(pair *both, buffer_list *list, const unsigned char *there, uint64_t place)
{
    apm_buffer *rest = (apm_buffer *)test_memory(list->count * sizeof *rest);
    writer one = {both->other, there, list->size, false};
    test_thread *thread = test_thread_start(write_all, &one);
    size_t done = 0;

    while (done < list->size) {
        size_t count = list_rest(list, done, rest), got = 0;

        if (!CHECK_ERROR(receive_buffers_now(both->socket, rest, count, &got), APM_ERROR_SUCCESS)) break;
        CHECK(got != 0 && got <= list->size - done);
        if (got == 0 || got > list->size - done) break;
        done += got;
    }
    test_thread_join(thread);
    CHECK(one.written);
    CHECK(done == list->size && list_holds(list, done, place));
    free(rest);
}

static void list_of_any_length_is_filled_in_its_order(void)
{
    pair both;
    size_t i, k;

    if (!pair_open(&both)) return;
    for (i = 0; i < COUNTS; i++)
        for (k = 0; k < 2; k++) {
            uint64_t place = (uint64_t)(2 * i + k) << 32;
            unsigned char *there;
            buffer_list list;

            list_make(&list, counts[i], k == 0 ? 1 : 0, k == 0 ? 1 : 60, 3, i + 100);
            there = (unsigned char *)test_memory(list.size);
            pattern_fill(there, list.size, place);
            receive_list(&both, &list, there, place);
            free(there);
            list_free(&list);
        }
    check_alive(&both);
    pair_close(&both);
}

/* Waits until the kernel has `bytes` to receive. */
static bool wait_available(apm_socket *socket, size_t bytes)
{
    uint64_t start = test_now();
    size_t there = 0;

    while (apm_socket_available(socket, &there) == APM_ERROR_SUCCESS && there < bytes) {
        if (test_now() - start > PATIENCE) return false;
        test_yield();
    }
    return there == bytes;
}

static void list_takes_all_that_is_there_whatever_its_length(void)
{
    size_t i;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < COUNTS; i++) {
        unsigned char *there;
        buffer_list list;
        call made;

        list_make(&list, counts[i], 1, 1, 0, i);
        there = (unsigned char *)test_memory(list.size);
        pattern_fill(there, list.size, i);
        CHECK(peer_write(both.other, there, list.size) && wait_available(both.socket, list.size));
        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
            list_spoil(&list);
            (void)call_ends_with(&made, APM_ERROR_SUCCESS, list.size);
            CHECK(list_holds(&list, list.size, i));
        }
        call_dispose(&made);
        free(there);
        list_free(&list);
    }
    check_alive(&both);
    pair_close(&both);
}

/* Also when what there is fills the first kernel call to its last byte: the next one would wait. */
static void list_does_not_wait_for_more_than_there_is(void)
{
    enum { BUFFERS = 200, EACH = 4, CALL = 64 * EACH }; /* one kernel call is filled by CALL */
    static const size_t arriving[] = {1, 5, CALL - EACH, CALL, CALL + 1, 2 * (size_t)CALL};
    unsigned char there[2 * CALL];
    pair both;
    size_t i;

    if (!pair_open(&both)) return;
    pattern_fill(there, sizeof there, 9);
    for (i = 0; i < sizeof arriving / sizeof arriving[0]; i++) {
        buffer_list list;
        call made;

        list_make(&list, BUFFERS, EACH, EACH, 0, i);
        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
            CHECK(!apm_async_result_is_completed(made.result));
            CHECK(peer_write(both.other, there, arriving[i]));
            (void)call_ends(&made, APM_ERROR_SUCCESS);
            CHECK(made.bytes >= 1 && made.bytes <= arriving[i]);
            CHECK(list_holds(&list, made.bytes, 9));
            if (made.bytes < arriving[i]) /* it came in two parts */
                (void)CHECK_ERROR(receive_all(both.socket, list.data + made.bytes, arriving[i] - made.bytes),
                                  APM_ERROR_SUCCESS);
        }
        call_dispose(&made);
        CHECK(list_holds(&list, arriving[i], 9));
        list_free(&list);
    }
    check_alive(&both);
    pair_close(&both);
}

static void list_ends_with_the_stream(void)
{
    buffer_list list;
    pair both;
    call made;

    if (!pair_open(&both)) return;
    list_make(&list, 100, 1, 1, 0, 3);
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive_buffers(&made, list.buffers, list.count), APM_ERROR_SUCCESS)) {
        peer_end(both.other);
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, 0);
        CHECK(list_holds(&list, 0, 0));
    }
    call_dispose(&made);
    list_free(&list);
    pair_close(&both);
}

static void peek_into_a_list_takes_nothing(void)
{
    static const size_t lengths[] = {3, 100};
    apm_async_result *result = NULL;
    unsigned char there[100];
    pair both;
    size_t i;

    if (!pair_open(&both)) return;
    for (i = 0; i < 2; i++) {
        buffer_list list;
        size_t got = 0;

        list_make(&list, lengths[i], 1, 1, 0, i);
        pattern_fill(there, sizeof there, 77);
        CHECK(peer_write(both.other, there, list.size) && wait_available(both.socket, list.size));
        if (CHECK_ERROR(apm_socket_begin_receive_buffers(both.socket, list.buffers, list.count, APM_FLAG_PEEK,
                                                         NULL, NULL, &result),
                        APM_ERROR_SUCCESS)) {
            (void)CHECK_ERROR(apm_socket_end_receive(both.socket, result, &got), APM_ERROR_SUCCESS);
            CHECK(got >= 1 && list_holds(&list, got, 77)); /* of a long list perhaps the beginning */
            apm_async_result_release(result);
        }
        CHECK(wait_available(both.socket, list.size));
        (void)CHECK_ERROR(receive_all(both.socket, list.data, list.size), APM_ERROR_SUCCESS);
        CHECK(list_holds(&list, list.size, 77));
        list_free(&list);
    }
    pair_close(&both);
}

/* ---- nothing ------------------------------------------------------------------------------------------ */

static void list_of_nothing_is_a_transfer_of_nothing(void)
{
    static const size_t lengths[] = {1, 2, 65, 300};
    apm_buffer list[300];
    pair both;
    char here = 0;
    size_t i, sent;

    if (!pair_open(&both)) return;
    memset(list, 0, sizeof list);
    list[1].data = &here;
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        call made;

        sent = 7;
        (void)CHECK_ERROR(send_buffers_now(both.socket, list, lengths[i], &sent), APM_ERROR_SUCCESS);
        CHECK(sent == 0);
        call_prepare(&made, both.socket, CALL_RECEIVE);
        if (CHECK_ERROR(call_receive_buffers(&made, list, lengths[i]), APM_ERROR_SUCCESS)) {
            CHECK(!apm_async_result_is_completed(made.result)); /* it waits for something */
            CHECK(peer_write(both.other, "x", 1));
            (void)call_ends_with(&made, APM_ERROR_SUCCESS, 0);
        }
        call_dispose(&made);
        (void)CHECK_ERROR(receive_all(both.socket, &here, 1), APM_ERROR_SUCCESS);
        CHECK(here == 'x'); /* and has taken nothing */
    }
    check_alive(&both);
    pair_close(&both);
}

/* ---- order -------------------------------------------------------------------------------------------- */

static void lists_and_plain_sends_keep_their_order(void)
{
    enum { SENDS = 120, LONGEST = 200 };
    static call made[SENDS];
    static buffer_list lists[SENDS];
    uint64_t seed = 4, place = 0;
    unsigned char *here;
    int i, begun = 0;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < SENDS; i++) {
        bool plain = draw(&seed, 3) == 0;

        list_make(&lists[i], plain ? 1 : 1 + draw(&seed, LONGEST), plain ? 1 : 0, plain ? 4000 : 60, 0, seed);
        pattern_fill(lists[i].data, lists[i].size, place);
        place += lists[i].size;
    }
    for (i = 0; i < SENDS; i++, begun++) {
        apm_error error;

        call_prepare(&made[i], both.socket, CALL_SEND);
        error = i % 3 == 0 ? call_send(&made[i], lists[i].data, lists[i].size)
                           : call_send_buffers(&made[i], lists[i].buffers, lists[i].count);
        if (!CHECK_ERROR(error, APM_ERROR_SUCCESS)) break;
        list_spoil(&lists[i]);
    }
    CHECK(begun == SENDS);
    here = (unsigned char *)test_memory((size_t)place);
    CHECK(peer_read_all(both.other, here, (size_t)place, PATIENCE) && pattern_holds(here, (size_t)place, 0));
    for (i = 0; i < begun; i++) {
        (void)call_ends_with(&made[i], APM_ERROR_SUCCESS, lists[i].size);
        call_dispose(&made[i]);
    }
    for (i = 0; i < SENDS; i++) list_free(&lists[i]);
    free(here);
    check_alive(&both);
    pair_close(&both);
}

static void lists_and_plain_receives_are_filled_in_order(void)
{
    enum { RECEIVES = 60, LONGEST = 150, STREAM = 30000 };
    static call made[RECEIVES];
    static buffer_list lists[RECEIVES];
    static unsigned char there[STREAM], rest[STREAM];
    uint64_t seed = 5, place = 0;
    size_t at = 0;
    int i, begun = 0;
    pair both;

    if (!pair_open(&both)) return;
    pattern_fill(there, sizeof there, 0);
    for (i = 0; i < RECEIVES; i++, begun++) {
        apm_error error;

        list_make(&lists[i], 1 + draw(&seed, LONGEST), 1, 20, 4, seed);
        call_prepare(&made[i], both.socket, CALL_RECEIVE);
        error = i % 3 == 0 ? call_receive(&made[i], lists[i].data, lists[i].size)
                           : call_receive_buffers(&made[i], lists[i].buffers, lists[i].count);
        list_spoil(&lists[i]);
        if (!CHECK_ERROR(error, APM_ERROR_SUCCESS)) break;
    }
    CHECK(begun == RECEIVES);
    while (at < sizeof there) {
        size_t size = 1 + draw(&seed, 2000);
        if (size > sizeof there - at) size = sizeof there - at;
        CHECK(peer_write(both.other, there + at, size));
        at += size;
    }
    peer_end(both.other); /* those that got nothing end like this */
    for (i = 0; i < begun; i++) {
        (void)call_ends(&made[i], APM_ERROR_SUCCESS);
        CHECK(list_holds(&lists[i], made[i].bytes, place));
        place += made[i].bytes;
        call_dispose(&made[i]);
    }
    for (i = 0; i < RECEIVES && lists[i].data != NULL; i++) list_free(&lists[i]);
    /* What all of them together had no room for is there to be received. */
    CHECK(place <= sizeof there);
    if (place <= sizeof there) {
        (void)CHECK_ERROR(receive_all(both.socket, rest, sizeof there - (size_t)place), APM_ERROR_SUCCESS);
        CHECK(pattern_holds(rest, sizeof there - (size_t)place, place));
    }
    pair_close(&both);
}

static const test_case refusing[] = {
    {"list_arguments_are_checked_in_order", list_arguments_are_checked_in_order, false},
    {"list_that_cannot_be_copied_is_out_of_memory", list_that_cannot_be_copied_is_out_of_memory, false},
    {NULL, NULL, false}};

static const test_case gather[] = {
    {"list_of_any_length_is_sent_whole", list_of_any_length_is_sent_whole, false},
    {"list_may_name_the_same_bytes_again_and_again", list_may_name_the_same_bytes_again_and_again, false},
    {NULL, NULL, false}};

static const test_case scatter[] = {
    {"list_of_any_length_is_filled_in_its_order", list_of_any_length_is_filled_in_its_order, false},
    {"list_takes_all_that_is_there_whatever_its_length", list_takes_all_that_is_there_whatever_its_length,
     false},
    {"list_does_not_wait_for_more_than_there_is", list_does_not_wait_for_more_than_there_is, false},
    {"list_ends_with_the_stream", list_ends_with_the_stream, false},
    {"peek_into_a_list_takes_nothing", peek_into_a_list_takes_nothing, false},
    {"list_of_nothing_is_a_transfer_of_nothing", list_of_nothing_is_a_transfer_of_nothing, false},
    {NULL, NULL, false}};

static const test_case order[] = {
    {"lists_and_plain_sends_keep_their_order", lists_and_plain_sends_keep_their_order, false},
    {"lists_and_plain_receives_are_filled_in_order", lists_and_plain_receives_are_filled_in_order, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"refusing", refusing}, {"gather", gather}, {"scatter", scatter}, {"order", order}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
