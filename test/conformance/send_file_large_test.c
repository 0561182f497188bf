/* SPDX-License-Identifier: MIT */
/*
 * A file that is more than the kernel takes in one call, which is just under 2 GiB. It is nearly all holes, which
 * the simulated network carries as their length: there it is larger than 32 bits can say.
 */
#include "../support/scratch_file.h"

/* Holes, and the pattern around the places where a call ends, and where numbers of 31 and 32 bits do. */
#define LIMIT ((uint64_t)1 << 31)
enum { ENDS = 1000, AROUND = 5000 };
#ifdef _WIN32
enum { MARKS = 1 }; /* every byte of it is carried */
#else
enum { MARKS = 3 }; /* so that a call begins behind 4 GiB */
#endif
#define FILE_SIZE (MARKS * LIMIT + AROUND)
#define WHOLE (FILE_SIZE + (uint64_t)2 * ENDS)

/* Where the pattern of each part begins. */
enum { BEFORE_AT = 1 << 20, AFTER_AT = 2 << 20, MARK_AT = 3 << 20 };

typedef struct reader {
    peer *other;
    uint64_t place; /* of the next byte that arrives */
    bool differs;
} reader;

static uint64_t mark_pattern(uint64_t number)
{
    return MARK_AT * number;
}

static bool make_large(scratch_file *file)
{
    unsigned char mark[2 * AROUND];
    uint64_t i;
    bool good;

    if (!scratch_new(file, false)) return false;
    for (i = 1, good = true; i <= MARKS && good; i++) {
        pattern_fill(mark, sizeof mark, mark_pattern(i));
        good = scratch_stretch(file, i * LIMIT - AROUND) && scratch_append(file, mark, sizeof mark);
    }
    if (!good) (void)scratch_delete(file, false);
    return good;
}

/* The mark that is next to a place of the file, perhaps around it; 0: none. */
static uint64_t mark_near(uint64_t at)
{
    return (at + AROUND) / LIMIT;
}

/* Whether none of these bytes of the stream has a pattern. */
static bool is_hole(uint64_t place, uint64_t size)
{
    uint64_t at = place - ENDS, mark;

    if (place < ENDS || size >= LIMIT) return false;
    mark = mark_near(at);
    return (mark == 0 || at >= mark * LIMIT + AROUND) && at + size <= (mark + 1) * LIMIT - AROUND &&
           at + size <= FILE_SIZE;
}

/* The byte that belongs at a place of the stream. */
static unsigned char expected_byte(uint64_t place)
{
    uint64_t at = place - ENDS, mark = mark_near(at);
    unsigned char byte = 0;

    if (place < ENDS)
        pattern_fill(&byte, 1, BEFORE_AT + place);
    else if (at >= FILE_SIZE)
        pattern_fill(&byte, 1, AFTER_AT + at - FILE_SIZE);
    else if (!is_hole(place, 1))
        pattern_fill(&byte, 1, mark_pattern(mark) + at - (mark * LIMIT - AROUND));
    return byte;
}

static void look_at(reader *one, const unsigned char *data, size_t size)
{
    static const unsigned char hole[1 << 16];
    size_t i = 0;

    while (i < size) {
        if (size - i >= sizeof hole && is_hole(one->place, sizeof hole)) {
            if (memcmp(data + i, hole, sizeof hole) != 0) one->differs = true;
            i += sizeof hole;
            one->place += sizeof hole;
        } else {
            if (data[i] != expected_byte(one->place)) one->differs = true;
            i++;
            one->place++;
        }
    }
}

static void read_all(void *argument)
{
    reader *one = (reader *)argument;
    unsigned char *here = (unsigned char *)malloc(1 << 20);
    int64_t got = 1;

    /* No further than there should be anything: an endless stream gets on, too. */
    while (here != NULL && got > 0 && one->place <= WHOLE) {
        uint64_t skipped = peer_skip_hole(one->other);

        if (skipped != 0 && !is_hole(one->place, skipped)) one->differs = true;
        one->place += skipped;
        got = peer_read(one->other, here, 1 << 20, PATIENCE);
        if (got > 0) look_at(one, here, (size_t)got);
        harness_gets_on();
    }
    free(here);
}

/* Among other sends, so that the order of its pieces is seen, too. */
static void file_of_more_than_two_gigabytes_is_sent_whole(void)
{
    static unsigned char before[ENDS], after[ENDS];
    apm_buffer head = {before, ENDS / 2}, tail = {after, ENDS / 2};
    scratch_file file;
    test_thread *thread;
    reader one;
    pair both;
    call made;

#ifdef _WIN32
    if (harness_one_worker() || harness_options().packet_always) {
        harness_skip("once is enough for so much");
        return;
    }
#endif
    if (!make_large(&file)) {
        harness_skip("there is no room for the file");
        return;
    }
    if (!pair_open(&both)) return;
    pattern_fill(before, ENDS, BEFORE_AT);
    pattern_fill(after, ENDS, AFTER_AT);
    one.other = both.other;
    one.place = 0;
    one.differs = false;
    thread = test_thread_start(read_all, &one);
    (void)CHECK_ERROR(send_now(both.socket, before, ENDS / 2, NULL), APM_ERROR_SUCCESS);
    head.data = before + ENDS / 2;
    call_prepare(&made, both.socket, CALL_SEND_FILE);
    if (CHECK_ERROR(call_send_file(&made, file.path, &head, &tail, 0), APM_ERROR_SUCCESS))
        (void)CHECK_ERROR(send_now(both.socket, after + ENDS / 2, ENDS / 2, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    test_thread_join(thread);
    (void)call_ends(&made, APM_ERROR_SUCCESS);
    CHECK(one.place == WHOLE);
    CHECK(!one.differs);
    CHECK(scratch_delete(&file, false));
    call_dispose(&made);
    pair_close(&both);
}

static const test_case large[] = {
    {"file_of_more_than_two_gigabytes_is_sent_whole", file_of_more_than_two_gigabytes_is_sent_whole, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"large", large}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
