/* SPDX-License-Identifier: MIT */
/* Sending files: what Begin refuses, what goes out and in which order, disconnecting after it. */
#include "../support/scratch_file.h"

#include "../support/buffer_lists.h"

/* ---- what Begin refuses ------------------------------------------------------------------------------ */

static void check_refused(apm_socket *socket, const char *path, const apm_buffer *before,
                          const apm_buffer *after, int32_t flags, apm_error expected)
{
    call made;

    call_prepare(&made, socket, CALL_SEND_FILE);
    (void)CHECK_ERROR(call_send_file(&made, path, before, after, flags), expected);
    CHECK(made.result == NULL && atomic_load(&made.callbacks) == 0);
    call_dispose(&made);
}

static void arguments_are_looked_at_in_order(void)
{
    static const char missing[] = "apmsock-no-such-file.tmp";
    char byte = 0;
    const apm_buffer good = {&byte, 1}, placeless = {NULL, 1}, huge = {&byte, SIZE_MAX / 2 + 1};
    apm_socket *fresh = stream_new(APM_FAMILY_IPV4);
    pair both;

    if (fresh == NULL) return;
    check_refused(NULL, missing, NULL, NULL, 0, APM_ERROR_ARGUMENT_NULL);
    check_refused(fresh, missing, &placeless, NULL, 8, APM_ERROR_ARGUMENT_NULL);
    check_refused(fresh, missing, &good, &placeless, 8, APM_ERROR_ARGUMENT_NULL);
    check_refused(fresh, missing, &huge, NULL, 8, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_refused(fresh, missing, &huge, &placeless, 8, APM_ERROR_ARGUMENT_NULL);
    check_refused(fresh, missing, NULL, &huge, 8, APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    check_refused(fresh, missing, &good, &good, 8, APM_ERROR_ARGUMENT);
    check_refused(fresh, missing, NULL, NULL, 0x40, APM_ERROR_ARGUMENT);
    check_refused(fresh, missing, NULL, NULL, -1, APM_ERROR_ARGUMENT);
    check_refused(fresh, missing, &good, &good, 0, APM_ERROR_NOT_SUPPORTED); /* not connected */
    check_refused(fresh, NULL, NULL, NULL, 0, APM_ERROR_NOT_SUPPORTED);
    apm_socket_retain(fresh);
    close_now(fresh);
    check_refused(fresh, missing, &placeless, &huge, 8, APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(fresh);

    if (!pair_open(&both)) return;
    check_refused(both.socket, missing, &placeless, NULL, 8, APM_ERROR_ARGUMENT_NULL);
    check_refused(both.socket, missing, &good, &good, 0x100, APM_ERROR_ARGUMENT);
    check_refused(both.socket, missing, &good, &good, 0, APM_ERROR_FILE_NOT_FOUND);
    check_alive(&both);
    pair_close(&both);
}

/* The connection as of the last operation decides: the library's word, not the kernel's. */
static void file_wants_a_connected_stream(void)
{
    apm_endpoint at, to;
    apm_socket *datagram = datagram_bound(APM_FAMILY_IPV4, &at);
    apm_socket *other = datagram_bound(APM_FAMILY_IPV4, &to);
    char byte = 'x';
    const apm_buffer some = {&byte, 1};
    pair both;

    if (datagram != NULL && other != NULL) {
        check_refused(datagram, NULL, &some, NULL, 0, APM_ERROR_NOT_SUPPORTED);
        (void)CHECK_ERROR(connect_now(datagram, &to), APM_ERROR_SUCCESS);
        check_refused(datagram, NULL, &some, NULL, 0,
                      APM_ERROR_NOT_CONNECTED); /* in a way that files can use */
    }
    close_now(datagram);
    close_now(other);

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    check_refused(both.socket, NULL, &some, NULL, 0, APM_ERROR_NOT_SUPPORTED);
    pair_close(&both);
}

static void file_that_cannot_be_opened_fails_in_begin(void)
{
    static const char *const missing[] = {"apmsock-no-such-file.tmp", "apmsock-no-such-folder/file.tmp",
                                          "apmsock-no-such-\xC3\xA9-\xF0\x9F\x93\x84.tmp",
                                          "apmsock-\xC3.tmp", /* no UTF-8 */
                                          "apmsock<no>name?.tmp"};
    char longest[5001];
    char byte = 'x';
    const apm_buffer some = {&byte, 1};
    scratch_file folder;
    size_t i;
    call made;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < sizeof missing / sizeof missing[0]; i++)
        check_refused(both.socket, missing[i], &some, &some, 0, APM_ERROR_FILE_NOT_FOUND);
    if (scratch_new(&folder, true)) {
        check_refused(both.socket, folder.path, &some, &some, 0, APM_ERROR_ACCESS_DENIED);
        CHECK(scratch_delete(&folder, true));
    } else {
        CU_FAIL("no folder could be made");
    }
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    call_prepare(&made, both.socket, CALL_SEND_FILE);
    CHECK(call_send_file(&made, longest, &some, NULL, 0) != APM_ERROR_SUCCESS); /* systems differ how */
    call_dispose(&made);
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both); /* and nothing has gone out */
    pair_close(&both);
}

static void file_without_memory_is_out_of_memory_and_closed(void)
{
    enum { WHOLE = 100, TRIES = 20 };
    apm_error error = APM_ERROR_OUT_OF_MEMORY;
    unsigned char here[WHOLE];
    scratch_file file;
    uint64_t nth;
    pair both;

    if (!pair_open(&both)) return;
    if (scratch_fill(&file, WHOLE, 3)) {
        for (nth = 1; nth < TRIES && error == APM_ERROR_OUT_OF_MEMORY; nth++) {
            call made;

            call_prepare(&made, both.socket, CALL_SEND_FILE);
            harness_fail_allocation(nth);
            error = call_send_file(&made, file.path, NULL, NULL, 0);
            harness_fail_allocation(0);
            if (error == APM_ERROR_SUCCESS) (void)call_ends(&made, APM_ERROR_SUCCESS);
            call_dispose(&made);
        }
        (void)CHECK_ERROR(error, APM_ERROR_SUCCESS);
        CHECK(nth > 2); /* there was something to fail */
        CHECK(peer_read_all(both.other, here, WHOLE, PATIENCE) && pattern_holds(here, WHOLE, 3));
        check_alive(&both);
        CHECK(scratch_delete(&file, false)); /* nobody has it open any more */
    }
    pair_close(&both);
}

/* ---- what goes out ------------------------------------------------------------------------------------ */

/* Sends before, file and after as one stretch of the pattern; size 0 without a place is NULL. */
static void send_three(pair *both, const char *path, size_t before_size, size_t file_size, size_t after_size,
                       int32_t flags, bool spoil)
{
    size_t total = before_size + file_size + after_size;
    unsigned char *there = (unsigned char *)test_memory(total), *here = (unsigned char *)test_memory(total);
    apm_buffer before = {there, before_size}, after = {there + before_size + file_size, after_size};
    call made;

    pattern_fill(there, total, 0);
    memset(there + before_size, UNTOUCHED, file_size); /* only the file has it */
    call_prepare(&made, both->socket, CALL_SEND_FILE);
    if (CHECK_ERROR(call_send_file(&made, path, before_size == 0 && !spoil ? NULL : &before,
                                   after_size == 0 && !spoil ? NULL : &after, flags),
                    APM_ERROR_SUCCESS)) {
        memset(&before, 0xFF, sizeof before); /* they were copied */
        memset(&after, 0xFF, sizeof after);
        CHECK(peer_read_all(both->other, here, total, PATIENCE));
        CHECK(pattern_holds(here, total, 0));
        (void)call_ends(&made, APM_ERROR_SUCCESS);
    }
    call_dispose(&made);
    free(there);
    free(here);
}

static void before_file_and_after_go_out_in_this_order(void)
{
    static const size_t sizes[] = {0, 1, 1000, 300000};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    pair both;
    size_t b, f, a;

    if (!pair_open(&both)) return;
    for (b = 0; b < SIZES; b++)
        for (f = 0; f < SIZES; f++) {
            scratch_file file;

            if (!scratch_fill(&file, sizes[f], sizes[b])) break;
            for (a = 0; a < SIZES; a++)
                send_three(&both, file.path, sizes[b], sizes[f], sizes[a], 0, a % 2 != 0);
            CHECK(scratch_delete(&file, false));
        }
    check_alive(&both); /* and not a byte more */
    pair_close(&both);
}

static void without_a_path_only_the_buffers_go_out(void)
{
    static const size_t sizes[] = {0, 1, 100000};
    pair both;
    size_t b, a;

    if (!pair_open(&both)) return;
    for (b = 0; b < 3; b++)
        for (a = 0; a < 3; a++) {
            send_three(&both, NULL, sizes[b], 0, sizes[a], 0, false);
            send_three(&both, "", sizes[b], 0, sizes[a], 0, true);
        }
    check_alive(&both);
    pair_close(&both);
}

static void flags_about_how_change_nothing_of_what_arrives(void)
{
    static const int32_t flags[] = {APM_SEND_FILE_WRITE_BEHIND, APM_SEND_FILE_SYSTEM_THREAD,
                                    APM_SEND_FILE_KERNEL_APC,
                                    APM_SEND_FILE_WRITE_BEHIND | APM_SEND_FILE_SYSTEM_THREAD};
    enum { WHOLE = 70000 };
    scratch_file file;
    pair both;
    size_t i;

    if (!pair_open(&both)) return;
    if (scratch_fill(&file, WHOLE, 10)) {
        for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
            send_three(&both, file.path, 10, WHOLE, 10, flags[i], false);
        CHECK(scratch_delete(&file, false));
    }
    check_alive(&both);
    pair_close(&both);
}

/* More than a connection takes at once, with a reader that comes late. */
static void large_file_waits_for_its_reader(void)
{
    enum { WHOLE = 24 * 1024 * 1024, ENDS = 5000 };
    static unsigned char ends[ENDS];
    unsigned char *here;
    apm_buffer before = {ends, ENDS}, after = {ends, ENDS};
    scratch_file file;
    pair both;
    call made;

    if (!pair_open(&both)) return;
    here = (unsigned char *)test_memory(WHOLE);
    pattern_fill(ends, ENDS, 1);
    call_prepare(&made, both.socket, CALL_SEND_FILE);
    if (scratch_fill(&file, WHOLE, 2) &&
        CHECK_ERROR(call_send_file(&made, file.path, &before, &after, 0), APM_ERROR_SUCCESS)) {
        CHECK(!apm_async_result_is_completed(made.result));
        CHECK(peer_read_all(both.other, here, ENDS, PATIENCE) && pattern_holds(here, ENDS, 1));
        CHECK(peer_read_all(both.other, here, WHOLE, PATIENCE) && pattern_holds(here, WHOLE, 2));
        CHECK(peer_read_all(both.other, here, ENDS, PATIENCE) && pattern_holds(here, ENDS, 1));
        (void)call_ends(&made, APM_ERROR_SUCCESS);
        CHECK(scratch_delete(&file, false));
    }
    call_dispose(&made);
    check_alive(&both);
    free(here);
    pair_close(&both);
}

static void files_keep_their_place_among_other_sends(void)
{
    enum { SENDS = 60, FILES = 4, FILE_SIZE = 3000 };
    static unsigned char data[SENDS][FILE_SIZE], here[SENDS * FILE_SIZE];
    call made[SENDS];
    scratch_file files[FILES];
    uint64_t seed = 6;
    size_t total = 0;
    int i, begun = 0;
    pair both;

    if (!pair_open(&both)) return;
    for (i = 0; i < FILES; i++) (void)scratch_fill(&files[i], FILE_SIZE, 0);
    for (i = 0; i < SENDS; i++, begun++) {
        size_t size = 1 + draw(&seed, FILE_SIZE);
        apm_buffer parts[2] = {{data[i], size / 2}, {data[i] + size / 2, size - size / 2}};
        apm_error error;

        memset(data[i], i, size);
        call_prepare(&made[i], both.socket, i % 3 == 0 ? CALL_SEND_FILE : CALL_SEND);
        if (i % 3 == 0) {
            error = call_send_file(&made[i], files[i % FILES].path, &parts[0], &parts[1], 0);
            size += FILE_SIZE;
        } else if (i % 3 == 1) {
            error = call_send(&made[i], data[i], size);
        } else {
            error = call_send_buffers(&made[i], parts, 2);
        }
        if (!CHECK_ERROR(error, APM_ERROR_SUCCESS)) break;
        total += size;
    }
    CHECK(begun == SENDS && total <= sizeof here);
    seed = 6;
    for (i = 0; i < begun; i++) {
        size_t size = 1 + draw(&seed, FILE_SIZE), k, file = i % 3 == 0 ? FILE_SIZE : 0;
        bool same = peer_read_all(both.other, here, size + file, PATIENCE);

        CHECK(pattern_holds(here + size / 2, file, 0));
        for (k = 0; k < size && same; k++) same = here[k < size / 2 ? k : k + file] == (unsigned char)i;
        CHECK(same);
        (void)call_ends(&made[i], APM_ERROR_SUCCESS);
        call_dispose(&made[i]);
    }
    for (i = 0; i < FILES; i++) CHECK(scratch_delete(&files[i], false));
    check_alive(&both);
    pair_close(&both);
}

/* ---- disconnecting -------------------------------------------------------------------------------------- */

static void disconnect_flag_ends_our_stream_after_the_file(void)
{
    enum { WHOLE = 100000 };
    unsigned char *here;
    apm_endpoint remote;
    scratch_file file;
    size_t bytes = 0;
    pair both;
    call made;

    if (!pair_open(&both)) return;
    here = (unsigned char *)test_memory(WHOLE);
    call_prepare(&made, both.socket, CALL_SEND_FILE);
    if (scratch_fill(&file, WHOLE, 4) &&
        CHECK_ERROR(call_send_file(&made, file.path, NULL, NULL, APM_SEND_FILE_DISCONNECT),
                    APM_ERROR_SUCCESS)) {
        CHECK(peer_read_all(both.other, here, WHOLE, PATIENCE) && pattern_holds(here, WHOLE, 4));
        CHECK(peer_read(both.other, here, 1, PATIENCE) == PEER_END);
        (void)call_ends(&made, APM_ERROR_SUCCESS);
        CHECK(!apm_socket_connected(both.socket));
        (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &remote), APM_ERROR_NOT_CONNECTED);
        check_refused(both.socket, NULL, NULL, NULL, 0, APM_ERROR_NOT_SUPPORTED);
        /* What the peer still sends can be received. */
        CHECK(peer_write(both.other, "x", 1));
        (void)CHECK_ERROR(receive_now(both.socket, here, 1, &bytes), APM_ERROR_SUCCESS);
        CHECK(bytes == 1 && here[0] == 'x');
        CHECK(scratch_delete(&file, false));
    }
    call_dispose(&made);
    free(here);
    pair_close(&both);
}

static void reuse_flag_lets_the_socket_connect_again(void)
{
    enum { WHOLE = 5000, ROUNDS = 3 };
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    unsigned char here[WHOLE];
    apm_endpoint remote;
    scratch_file file;
    pair both;
    int i;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    peer_listener_endpoint(listener, &remote);
    if (scratch_fill(&file, WHOLE, 5) && pair_open_with(&both, listener)) {
        for (i = 0; i < ROUNDS && both.other != NULL; i++) {
            call made;

            call_prepare(&made, both.socket, CALL_SEND_FILE);
            if (CHECK_ERROR(call_send_file(&made, file.path, NULL, NULL, APM_SEND_FILE_REUSE_SOCKET),
                            APM_ERROR_SUCCESS)) {
                CHECK(peer_read_all(both.other, here, WHOLE, PATIENCE) && pattern_holds(here, WHOLE, 5));
                CHECK(peer_read(both.other, here, 1, PATIENCE) == PEER_END);
                peer_close(both.other);
                both.other = NULL;
                (void)call_ends(&made, APM_ERROR_SUCCESS);
                CHECK(!apm_socket_connected(both.socket));
                (void)CHECK_ERROR(connect_now(both.socket, &remote), APM_ERROR_SUCCESS);
                both.other = peer_accept(listener, PATIENCE);
                CHECK(both.other != NULL);
                if (both.other != NULL) check_alive(&both);
            }
            call_dispose(&made);
        }
        CHECK(scratch_delete(&file, false));
        pair_close(&both);
    }
    peer_listener_close(listener);
}

static const test_case refusing[] = {
    {"arguments_are_looked_at_in_order", arguments_are_looked_at_in_order, false},
    {"file_wants_a_connected_stream", file_wants_a_connected_stream, false},
    {"file_that_cannot_be_opened_fails_in_begin", file_that_cannot_be_opened_fails_in_begin, false},
    {"file_without_memory_is_out_of_memory_and_closed", file_without_memory_is_out_of_memory_and_closed,
     false},
    {NULL, NULL, false}};

static const test_case sending[] = {
    {"before_file_and_after_go_out_in_this_order", before_file_and_after_go_out_in_this_order, false},
    {"without_a_path_only_the_buffers_go_out", without_a_path_only_the_buffers_go_out, false},
    {"flags_about_how_change_nothing_of_what_arrives", flags_about_how_change_nothing_of_what_arrives, false},
    {"large_file_waits_for_its_reader", large_file_waits_for_its_reader, false},
    {"files_keep_their_place_among_other_sends", files_keep_their_place_among_other_sends, false},
    {NULL, NULL, false}};

static const test_case disconnecting[] = {
    {"disconnect_flag_ends_our_stream_after_the_file", disconnect_flag_ends_our_stream_after_the_file, false},
    {"reuse_flag_lets_the_socket_connect_again", reuse_flag_lets_the_socket_connect_again, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {
        {"refusing", refusing}, {"sending", sending}, {"disconnecting", disconnecting}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
