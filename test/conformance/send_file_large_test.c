/* SPDX-License-Identifier: MIT */
/* A file that is more than the kernel takes in one call, which is just under 2 GiB. */
#include "../support/scratch_file.h"

/* Holes, and the pattern around the place where the first call ends. */
#define LIMIT ((uint64_t)1 << 31)
enum { ENDS = 1000, AROUND = 5000 };

/* Where the pattern of each part begins. */
enum { BEFORE_AT = 1 << 20, MARK_AT = 2 << 20, AFTER_AT = 3 << 20 };

typedef struct reader {
    peer *other;
    uint64_t place; /* of the next byte that arrives */
    bool differs;
} reader;

static void fill_mark(unsigned char *mark)
{
    pattern_fill(mark, (size_t)2 * AROUND, MARK_AT);
}

static bool make_large(scratch_file *file)
{
    unsigned char mark[2 * AROUND];

    fill_mark(mark);
    if (!scratch_new(file, false)) return false;
    if (scratch_stretch(file, LIMIT - AROUND) && scratch_append(file, mark, sizeof mark)) return true;
    (void)scratch_delete(file, false);
    return false;
}

/* The byte that belongs at a place of the stream, where it is no hole. */
static unsigned char expected_byte(uint64_t place)
{
    unsigned char byte = 0;

    if (place < ENDS)
        pattern_fill(&byte, 1, BEFORE_AT + place);
    else if (place >= ENDS + LIMIT + AROUND)
        pattern_fill(&byte, 1, AFTER_AT + place - (ENDS + LIMIT + AROUND));
    else if (place >= ENDS + LIMIT - AROUND)
        pattern_fill(&byte, 1, MARK_AT + place - (ENDS + LIMIT - AROUND));
    return byte;
}

static void look_at(reader *one, const unsigned char *data, size_t size)
{
    static const unsigned char hole[1 << 16];
    size_t i = 0;

    while (i < size) {
        bool in_hole = one->place >= ENDS && one->place + sizeof hole <= ENDS + LIMIT - AROUND;

        if (in_hole && size - i >= sizeof hole) {
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

    while (here != NULL && got > 0) {
        got = peer_read(one->other, here, 1 << 20, PATIENCE);
        if (got > 0) look_at(one, here, (size_t)got);
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

    if (harness_one_worker() || harness_options().packet_always) {
        harness_skip("once is enough for so much");
        return;
    }
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
    CHECK(one.place == LIMIT + AROUND + (uint64_t)2 * ENDS);
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
