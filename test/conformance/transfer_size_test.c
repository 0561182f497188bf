/* SPDX-License-Identifier: MIT */
/* Sending and receiving by size: every class, both ways, byte for byte; a lot, by four
 * workers; more than four gigabytes. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <stdlib.h>
#include <string.h>

#include "../support/fixture.h"

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <sys/mman.h>
#endif

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static const size_t sizes[] = {0, 1, 255, 256, 4095, 4096, 64 * KIB, MIB, 16 * MIB};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* ---- one way ------------------------------------------------------------------------------------------- */

/* One Begin sends all of it, whatever its size. */
static void every_size_is_sent_whole(void)
{
    unsigned char *there = (unsigned char *)malloc(16 * MIB), *here = (unsigned char *)malloc(16 * MIB);
    pair both;
    int i;

    CHECK(there != NULL && here != NULL);
    if (there != NULL && here != NULL && pair_open(&both)) {
        for (i = 0; i < SIZES; i++) {
            uint64_t place = (uint64_t)i << 32;
            call made;

            pattern_fill(there, sizes[i], place);
            memset(here, 0, sizes[i]);
            call_prepare(&made, both.socket, CALL_SEND);
            if (CHECK_ERROR(call_send(&made, there, sizes[i]), APM_ERROR_SUCCESS)) {
                CHECK(peer_read_all(both.other, here, sizes[i], PATIENCE));
                CHECK(pattern_holds(here, sizes[i], place));
                CHECK(call_wait(&made));
                (void)CHECK_ERROR(made.error, APM_ERROR_SUCCESS);
                CHECK(made.bytes == sizes[i]);
            }
            call_dispose(&made);
        }
        check_alive(&both); /* and not a byte more */
        pair_close(&both);
    }
    free(there);
    free(here);
}

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

static void every_size_is_received_whole(void)
{
    unsigned char *there = (unsigned char *)malloc(16 * MIB), *here = (unsigned char *)malloc(16 * MIB);
    pair both;
    int i;

    CHECK(there != NULL && here != NULL);
    if (there != NULL && here != NULL && pair_open(&both)) {
        for (i = 0; i < SIZES; i++) {
            uint64_t place = (uint64_t)i << 33;
            writer one = {both.other, there, sizes[i], false};
            test_thread *thread;

            pattern_fill(there, sizes[i], place);
            memset(here, 0, sizes[i]);
            thread = test_thread_start(write_all, &one);
            (void)CHECK_ERROR(receive_all(both.socket, here, sizes[i]), APM_ERROR_SUCCESS);
            test_thread_join(thread);
            CHECK(one.written);
            CHECK(pattern_holds(here, sizes[i], place));
        }
        check_alive(&both);
        pair_close(&both);
    }
    free(there);
    free(here);
}

/* ---- both ways, a lot, by four workers -------------------------------------------------------------------- */

enum { STREAMS = 4, CHUNK = 128 * 1024 };
static const uint64_t stream_size = (uint64_t)25 * 1024 * 1024; /* each: 100 MB there, 100 MB back */

typedef struct stream {
    pair both;
    uint64_t offset;         /* of this stream in the pattern */
    uint64_t sent, received; /* each belongs to its chain of callbacks */
    apm_error send_error, receive_error;
    bool differs;
    test_gate *all_sent, *all_received;
    unsigned char out[CHUNK], in[CHUNK];
    bool echoed; /* by the peer's thread */
} stream;

static void APM_CALL on_sent(apm_async_result *result);
static void APM_CALL on_received(apm_async_result *result);

static bool send_more(stream *one)
{
    uint64_t left = stream_size - one->sent;
    size_t size = left < CHUNK ? (size_t)left : CHUNK;
    apm_error error;

    if (size == 0 || one->send_error != APM_ERROR_SUCCESS) return false;
    pattern_fill(one->out, size, one->offset + one->sent);
    error = apm_socket_begin_send(one->both.socket, one->out, size, 0, on_sent, one, NULL);
    if (error != APM_ERROR_SUCCESS) one->send_error = error;
    return error == APM_ERROR_SUCCESS;
}

/* When the next one has begun the stream is its callback's: nothing is touched after that. */
static void APM_CALL on_sent(apm_async_result *result)
{
    stream *one = (stream *)apm_async_result_state(result);
    size_t bytes = 0;

    one->send_error = apm_socket_end_send(one->both.socket, result, &bytes);
    one->sent += bytes;
    if (!send_more(one)) test_gate_open(one->all_sent);
}

static bool receive_more(stream *one)
{
    apm_error error;

    if (one->received == stream_size || one->receive_error != APM_ERROR_SUCCESS) return false;
    error = apm_socket_begin_receive(one->both.socket, one->in, CHUNK, 0, on_received, one, NULL);
    if (error != APM_ERROR_SUCCESS) one->receive_error = error;
    return error == APM_ERROR_SUCCESS;
}

static void APM_CALL on_received(apm_async_result *result)
{
    stream *one = (stream *)apm_async_result_state(result);
    size_t bytes = 0;

    one->receive_error = apm_socket_end_receive(one->both.socket, result, &bytes);
    if (!pattern_holds(one->in, bytes, one->offset + one->received)) one->differs = true;
    one->received += bytes;
    if (bytes == 0 || !receive_more(one)) test_gate_open(one->all_received);
}

static void echo(void *argument)
{
    stream *one = (stream *)argument;
    unsigned char *data = (unsigned char *)malloc(CHUNK);
    uint64_t left = stream_size;

    while (data != NULL && left != 0) {
        int64_t got = peer_read(one->both.other, data, CHUNK, PATIENCE);
        if (got <= 0 || !peer_write(one->both.other, data, (size_t)got)) break;
        left -= (uint64_t)got;
    }
    one->echoed = left == 0;
    free(data);
}

static void run_streams(stream *streams)
{
    test_thread *threads[STREAMS];
    int i, open = 0;

    for (i = 0; i < STREAMS; i++, open++) {
        streams[i].offset = (uint64_t)i << 40;
        streams[i].all_sent = test_gate_new();
        streams[i].all_received = test_gate_new();
        if (!pair_open(&streams[i].both)) break;
        threads[i] = test_thread_start(echo, &streams[i]);
    }
    CHECK(open == STREAMS);
    for (i = 0; i < open; i++) {
        CHECK(receive_more(&streams[i]));
        CHECK(send_more(&streams[i]));
    }
    for (i = 0; i < open; i++) {
        CHECK(test_gate_wait(streams[i].all_sent) && test_gate_wait(streams[i].all_received));
        test_thread_join(threads[i]);
        (void)CHECK_ERROR(streams[i].send_error, APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(streams[i].receive_error, APM_ERROR_SUCCESS);
        CHECK(streams[i].sent == stream_size);
        CHECK(streams[i].received == stream_size);
        CHECK(streams[i].echoed && !streams[i].differs);
        pair_close(&streams[i].both);
    }
}

static void hundred_megabytes_there_and_back_through_four_workers(void)
{
    stream *streams = (stream *)calloc(STREAMS, sizeof *streams);
    apm_options options = harness_options();
    int i;

    options.min_workers = options.max_workers = 4;
    CHECK(streams != NULL);
    if (streams == NULL) return;
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        run_streams(streams);
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS); /* the last callbacks have returned */
    }
    for (i = 0; i < STREAMS; i++) {
        if (streams[i].all_sent != NULL) test_gate_free(streams[i].all_sent);
        if (streams[i].all_received != NULL) test_gate_free(streams[i].all_received);
    }
    free(streams);
}

/* ---- more than four gigabytes ------------------------------------------------------------------------------ */

/* Zeros that nobody has touched, and that take no memory until somebody writes. */
static unsigned char *reserve_zeros(size_t size)
{
#ifdef _WIN32
    return (unsigned char *)VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
    void *zeros =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return zeros != MAP_FAILED ? (unsigned char *)zeros : NULL;
#endif
}

static void release_zeros(unsigned char *zeros, size_t size)
{
#ifdef _WIN32
    (void)size;
    (void)VirtualFree(zeros, 0, MEM_RELEASE);
#else
    (void)munmap(zeros, size);
#endif
}

/* Marks in the zeros, where a kernel call or a number of 32 bits might end. */
enum { MARK = 4000, GIGABYTES = 4 };
#define HUGE_SIZE (((uint64_t)GIGABYTES << 30) + MARK)

static uint64_t mark_place(int i)
{
    return i == 0 ? 0 : ((uint64_t)i << 30) - MARK / 2;
}

typedef struct counter {
    peer *other;
    uint64_t place;
    bool differs;
} counter;

/* Compares the marks only; of the rest that it is as much as it should be. */
static void count_bytes(void *argument)
{
    counter *one = (counter *)argument;
    unsigned char *here = (unsigned char *)malloc(MIB), mark[MARK];
    int64_t got;

    /* No further than there should be anything: an endless stream gets on, too. */
    while (here != NULL && one->place <= HUGE_SIZE &&
           (got = peer_read(one->other, here, MIB, PATIENCE)) > 0) {
        uint64_t end = one->place + (uint64_t)got, skipped;
        int i;

        for (i = 0; i <= GIGABYTES; i++) {
            uint64_t from = mark_place(i), to = from + MARK;

            if (to <= one->place || from >= end) continue;
            pattern_fill(mark, MARK, from);
            if (from < one->place) from = one->place;
            if (to > end) to = end;
            if (memcmp(here + (from - one->place), mark + (from - mark_place(i)), (size_t)(to - from)) != 0)
                one->differs = true;
        }
        skipped = peer_skip_hole(one->other);
        for (i = 0; i <= GIGABYTES && skipped != 0; i++)
            if (mark_place(i) < end + skipped && mark_place(i) + MARK > end) one->differs = true;
        one->place = end + skipped;
        harness_gets_on();
    }
    free(here);
}

static void send_more_than_four_gigabytes(bool by_list)
{
    uint64_t size = HUGE_SIZE;
    unsigned char *zeros;
    test_thread *thread;
    apm_buffer parts[2];
    counter one;
    pair both;
    call made;
    int i;

#ifdef _WIN32
    if (harness_one_worker() || harness_options().packet_always) {
        harness_skip("once is enough for so much");
        return;
    }
#endif
    zeros = size <= SIZE_MAX / 2 ? reserve_zeros((size_t)size) : NULL;
    if (zeros == NULL) {
        harness_skip("there is no memory for it");
        return;
    }
    if (pair_open(&both)) {
        for (i = 0; i <= GIGABYTES; i++) {
            uint64_t after = mark_place(i) + MARK;

            pattern_fill(zeros + mark_place(i), MARK, mark_place(i));
            if (i != GIGABYTES) peer_say_zeros(zeros + after, (size_t)(mark_place(i + 1) - after));
        }
        one.other = both.other;
        one.place = 0;
        one.differs = false;
        thread = test_thread_start(count_bytes, &one);
        call_prepare(&made, both.socket, CALL_SEND);
        parts[0].data = zeros;
        /* More than four by itself; of the last call a part. */
        parts[0].size = (size_t)size - MARK / 4;
        parts[1].data = zeros + parts[0].size;
        parts[1].size = (size_t)size - parts[0].size;
        (void)CHECK_ERROR(by_list ? call_send_buffers(&made, parts, 2)
                                  : call_send(&made, zeros, (size_t)size),
                          APM_ERROR_SUCCESS);
        (void)apm_async_result_wait(made.result, APM_INFINITE); /* the test's own time is the limit */
        (void)call_ends_with(&made, APM_ERROR_SUCCESS, (size_t)size);
        (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
        test_thread_join(thread);
        CHECK(one.place == size && !one.differs);
        call_dispose(&made);
        pair_close(&both);
    }
    peer_say_zeros(NULL, 0);
    release_zeros(zeros, (size_t)size);
}

static void send_of_more_than_four_gigabytes_is_one_operation(void)
{
    send_more_than_four_gigabytes(false);
}

static void list_of_more_than_four_gigabytes_is_one_operation(void)
{
#ifdef _WIN32
    harness_skip("once is enough for so much");
#else
    send_more_than_four_gigabytes(true);
#endif
}

static const test_case one_way[] = {{"every_size_is_sent_whole", every_size_is_sent_whole, false},
                                    {"every_size_is_received_whole", every_size_is_received_whole, false},
                                    {NULL, NULL, false}};

static const test_case both_ways[] = {{"hundred_megabytes_there_and_back_through_four_workers",
                                       hundred_megabytes_there_and_back_through_four_workers, true},
                                      {NULL, NULL, false}};

static const test_case huge[] = {{"send_of_more_than_four_gigabytes_is_one_operation",
                                  send_of_more_than_four_gigabytes_is_one_operation, false},
                                 {"list_of_more_than_four_gigabytes_is_one_operation",
                                  list_of_more_than_four_gigabytes_is_one_operation, false},
                                 {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"one_way", one_way}, {"both_ways", both_ways}, {"huge", huge}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
