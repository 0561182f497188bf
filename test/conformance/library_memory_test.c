/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out: at the n-th call of the allocator, for every n, and from the n-th call
 * on. Whoever asked is told, what had begun completes, nothing is lost, the next try works.
 */
#include <string.h>

#include "../support/fixture.h"

/* ---- an allocator that fails --------------------------------------------------------------------------- */

/* It passes on to the harness's, which counts. */
typedef struct allocator {
    apm_options below;
    _Atomic uint32_t calls;
    uint32_t fails_at; /* 0: never */
    bool fails_on;     /* and at every call after that */
} allocator;

static void *APM_CALL allocate(size_t size, void *context)
{
    allocator *memory = (allocator *)context;
    uint32_t call_number = atomic_fetch_add(&memory->calls, 1) + 1;

    if (memory->fails_at != 0 &&
        (call_number == memory->fails_at || (memory->fails_on && call_number > memory->fails_at)))
        return NULL;
    return memory->below.allocate(size, memory->below.context);
}

static void APM_CALL release(void *block, void *context)
{
    allocator *memory = (allocator *)context;

    memory->below.release(block, memory->below.context);
}

/* ---- a whole conversation --------------------------------------------------------------------------------- */

enum { EXCHANGES = 3 };

typedef struct conversation {
    peer_listener *listener;
    uint32_t begun;
    _Atomic uint32_t callbacks;
    bool fails; /* an operation that began ended in an error */
    char there[EXCHANGES], here[EXCHANGES];
} conversation;

static void APM_CALL count_callback(apm_async_result *result)
{
    conversation *talk = (conversation *)apm_async_result_state(result);

    atomic_fetch_add(&talk->callbacks, 1);
}

static void note_begin(conversation *talk, apm_error error)
{
    if (error == APM_ERROR_SUCCESS) talk->begun++;
}

/* All results are asked for, so that all blocks are there at once. The first error of a Begin
 * ends it; what had begun goes on. */
static apm_error exchange_bytes(conversation *talk, apm_socket *socket, peer *other)
{
    apm_async_result *sent[EXCHANGES] = {NULL}, *received[EXCHANGES] = {NULL};
    apm_error error = APM_ERROR_SUCCESS;
    char drain[EXCHANGES];
    int i;

    for (i = 0; i < EXCHANGES && error == APM_ERROR_SUCCESS; i++) {
        error = apm_socket_begin_receive(socket, &talk->here[i], 1, 0, count_callback, talk, &received[i]);
        note_begin(talk, error);
        if (error == APM_ERROR_SUCCESS) error = apm_async_result_cancel_after(received[i], PATIENCE);
        if (error == APM_ERROR_SUCCESS) {
            error = apm_socket_begin_send(socket, &talk->there[i], 1, 0, count_callback, talk, &sent[i]);
            note_begin(talk, error);
        }
    }
    if (!peer_write(other, "abc", EXCHANGES)) talk->fails = true;
    for (i = 0; i < EXCHANGES; i++) {
        if (received[i] != NULL && apm_socket_end_receive(socket, received[i], NULL) != APM_ERROR_SUCCESS)
            talk->fails = true;
        if (sent[i] != NULL && (apm_socket_end_send(socket, sent[i], NULL) != APM_ERROR_SUCCESS ||
                                !peer_read_all(other, &drain[i], 1, PATIENCE)))
            talk->fails = true;
        apm_async_result_release(received[i]);
        apm_async_result_release(sent[i]);
    }
    return error;
}

/* The socket is as good as before: it connects as soon as there is memory again. */
static void connect_once_more(conversation *talk, apm_socket *socket, const apm_endpoint *remote)
{
    apm_async_result *result = NULL;
    apm_error error = apm_socket_begin_connect(socket, remote, count_callback, talk, &result);

    if (error == APM_ERROR_OUT_OF_MEMORY) return;
    note_begin(talk, error);
    if (error != APM_ERROR_SUCCESS || apm_socket_end_connect(socket, result) != APM_ERROR_SUCCESS)
        talk->fails = true;
    apm_async_result_release(result);
    if (error == APM_ERROR_SUCCESS) peer_close(peer_accept(talk->listener, PATIENCE));
}

static apm_error connect_and_exchange(conversation *talk, apm_socket *socket)
{
    apm_async_result *result = NULL;
    apm_endpoint remote;
    apm_error error;
    peer *other;

    peer_listener_endpoint(talk->listener, &remote);
    error = apm_socket_begin_connect(socket, &remote, count_callback, talk, &result);
    if (error != APM_ERROR_SUCCESS) {
        connect_once_more(talk, socket, &remote);
        return error;
    }
    talk->begun++;
    if (apm_socket_end_connect(socket, result) != APM_ERROR_SUCCESS) talk->fails = true;
    apm_async_result_release(result);
    other = peer_accept(talk->listener, PATIENCE);
    if (other == NULL) {
        talk->fails = true;
        return APM_ERROR_SUCCESS;
    }
    error = exchange_bytes(talk, socket, other);
    peer_close(other);
    return error;
}

/* From startup to cleanup; returns the first error of what asks for memory. */
static apm_error converse(conversation *talk, const apm_options *options)
{
    apm_socket *first = NULL, *second = NULL;
    apm_error error = apm_startup(options);

    talk->begun = 0;
    atomic_init(&talk->callbacks, 0);
    talk->fails = false;
    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &first);
    if (error == APM_ERROR_SUCCESS) error = connect_and_exchange(talk, first);
    if (error == APM_ERROR_SUCCESS)
        error = apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &second);
    if (error == APM_ERROR_SUCCESS) error = connect_and_exchange(talk, second);
    if (first != NULL) (void)apm_socket_close(first);
    if (second != NULL) (void)apm_socket_close(second);
    if (apm_cleanup() != APM_ERROR_SUCCESS) talk->fails = true;
    return error;
}

/* ---- the tests ------------------------------------------------------------------------------------------------ */

static void run_out_of_memory(bool fails_on)
{
    allocator memory = {harness_options(), 0, 0, false};
    apm_options options = harness_options();
    conversation talk;
    uint32_t n;
    bool failed = true;

    memset(&talk, 0, sizeof talk);
    talk.listener = peer_listen(APM_FAMILY_IPV4);
    CHECK(talk.listener != NULL);
    if (talk.listener == NULL) return;
    options.allocate = allocate;
    options.release = release;
    options.context = &memory;
    memory.fails_on = fails_on;
    for (n = 1; failed; n++) {
        int64_t live = harness_live_blocks();
        apm_error error;

        memory.fails_at = n;
        atomic_store(&memory.calls, 0);
        error = converse(&talk, &options);
        failed = atomic_load(&memory.calls) >= n; /* otherwise it has come through with less */
        (void)CHECK_ERROR(error, failed ? APM_ERROR_OUT_OF_MEMORY : APM_ERROR_SUCCESS);
        CHECK(!talk.fails); /* what had begun went well */
        CHECK(atomic_load(&talk.callbacks) == talk.begun);
        CHECK(harness_live_blocks() == live);

        memory.fails_at = 0;
        (void)CHECK_ERROR(converse(&talk, &options), APM_ERROR_SUCCESS);
        CHECK(!talk.fails && harness_live_blocks() == live);
    }
    CHECK(n > 5); /* the library, two sockets, operations: it has asked several times */
    peer_listener_close(talk.listener);
}

static void allocation_that_fails_once_is_out_of_memory(void)
{
    run_out_of_memory(false);
}

static void memory_that_is_gone_is_out_of_memory(void)
{
    run_out_of_memory(true);
}

/* Operations that were begun complete without memory: there is none to be had any more. */
static void completion_needs_no_memory(void)
{
    enum { CALLS = 20, SPARE = 4 };
    allocator memory = {harness_options(), 0, 0, true};
    apm_options options = harness_options();
    call made[CALLS], extra[SPARE];
    char here[CALLS] = {0}, more[SPARE];
    apm_error error = APM_ERROR_SUCCESS;
    pair both;
    int i, spare;

    options.allocate = allocate;
    options.release = release;
    options.context = &memory;
    if (!CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) return;
    if (pair_open(&both)) {
        for (i = 0; i < CALLS; i++) {
            call_prepare(&made[i], both.socket, CALL_RECEIVE);
            (void)CHECK_ERROR(call_receive(&made[i], &here[i], 1), APM_ERROR_SUCCESS);
        }
        atomic_store(&memory.calls, 1);
        memory.fails_at = 1;
        for (spare = 0; spare < SPARE && error == APM_ERROR_SUCCESS; spare++) { /* some blocks may be left */
            call_prepare(&extra[spare], both.socket, CALL_RECEIVE);
            error = call_receive(&extra[spare], &more[spare], 1);
        }
        (void)CHECK_ERROR(error, APM_ERROR_OUT_OF_MEMORY);
        CHECK(extra[spare - 1].result == NULL);
        for (i = 0; i < CALLS / 2; i++) CHECK(peer_write(both.other, "x", 1));
        for (i = 0; i < CALLS / 2; i++) {
            CHECK(call_wait(&made[i]));
            (void)CHECK_ERROR(made[i].error, APM_ERROR_SUCCESS);
            CHECK(made[i].bytes == 1);
        }
        (void)CHECK_ERROR(apm_async_result_cancel(made[CALLS / 2].result), APM_ERROR_SUCCESS);
        CHECK(call_wait(&made[CALLS / 2]));
        (void)CHECK_ERROR(made[CALLS / 2].error, APM_ERROR_OPERATION_ABORTED);
        apm_socket_retain(both.socket);
        (void)CHECK_ERROR(apm_socket_close(both.socket), APM_ERROR_SUCCESS);
        for (i = CALLS / 2 + 1; i < CALLS; i++) {
            CHECK(call_wait(&made[i]));
            (void)CHECK_ERROR(made[i].error, APM_ERROR_OBJECT_DISPOSED);
        }
        for (i = 0; i < CALLS; i++) call_dispose(&made[i]);
        for (i = 0; i < spare; i++) {
            if (i < spare - 1) CHECK(call_wait(&extra[i]));
            if (i == spare - 1) CHECK(atomic_load(&extra[i].callbacks) == 0);
            call_dispose(&extra[i]);
        }
        apm_socket_release(both.socket);
        both.socket = NULL;
        pair_close(&both);
    }
    (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
}

/* What made the connection is gone when it is there: one block is all that it takes as long as nothing is begun. */
static void idle_connection_is_one_block(void)
{
    apm_options options = harness_options();
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    int64_t before;
    uint64_t start;
    pair both;

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (CHECK_ERROR(apm_startup(&options), APM_ERROR_SUCCESS)) {
        start = test_now();
        before = harness_live_blocks();
        if (pair_open_with(&both, listener)) {
            /* A worker may be about to give back what is over. */
            while (harness_live_blocks() > before + 1 && test_now() - start < PATIENCE / 2) test_yield();
            CHECK(harness_live_blocks() == before + 1);
            pair_close(&both);
        }
        (void)CHECK_ERROR(apm_cleanup(), APM_ERROR_SUCCESS);
    }
    peer_listener_close(listener);
}

static const test_case memory_cases[] = {
    {"allocation_that_fails_once_is_out_of_memory", allocation_that_fails_once_is_out_of_memory, true},
    {"memory_that_is_gone_is_out_of_memory", memory_that_is_gone_is_out_of_memory, true},
    {"completion_needs_no_memory", completion_needs_no_memory, true},
    {"idle_connection_is_one_block", idle_connection_is_one_block, true},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"memory", memory_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
