/* SPDX-License-Identifier: MIT */
/* What can be done with an operation while it is pending, and where its callback runs. */
#include <string.h>

#include "stage.h"

/* A receive that is pending in the act's socket until finish_receive. */
static apm_error begin_receive(stage *on, op *one, char *here)
{
    *one = op_of(on, on->socket, apm_socket_end_receive);
    return apm_socket_begin_receive(on->socket, here, 1, 0, op_called, one, &one->result);
}

static apm_error finish_receive(stage *on, op *one, apm_error begun, const char *here)
{
    apm_error error;

    if (begun == APM_ERROR_SUCCESS)
        expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
    error = op_finish(one, begun);
    if (begun == APM_ERROR_SUCCESS)
        expect(error == APM_ERROR_SUCCESS && *here == 'x', "the receive is not touched");
    return error;
}

static apm_error cancel_later(stage *on)
{
    op one;
    char here = 0;
    apm_error begun = begin_receive(on, &one, &here), error = begun, ended;

    if (begun == APM_ERROR_SUCCESS) error = apm_async_result_cancel_after(one.result, 100);
    if (error != APM_ERROR_SUCCESS) { /* nothing was changed: it goes on */
        (void)finish_receive(on, &one, begun, &here);
        return error;
    }
    ended = op_finish(&one, begun);
    expect(ended == APM_ERROR_TIMED_OUT, "it is over in time");
    return error;
}

/* Without an event there is still the wait that needs none. */
static apm_error wait_with_handle(stage *on)
{
    op one;
    char here = 0;
    apm_error begun = begin_receive(on, &one, &here), error;
    void *handle = begun == APM_ERROR_SUCCESS ? apm_async_result_wait_handle(one.result) : NULL;

    if (begun == APM_ERROR_SUCCESS) {
        expect(apm_async_result_wait(one.result, 10) == APM_ERROR_TIMED_OUT, "it is pending");
        expect(handle == NULL || apm_async_result_wait_handle(one.result) == handle, "the same each time");
        point_calm(true);
        if (handle == NULL) expect(apm_async_result_wait_handle(one.result) != NULL, "ask again");
        point_calm(false);
    }
    error = finish_receive(on, &one, begun, &here);
    if (error != APM_ERROR_SUCCESS) return error;
    return handle != NULL ? APM_ERROR_SUCCESS : APM_ERROR_OUT_OF_MEMORY;
}

/* ---- the event, asked for by several threads ---- */

enum { ASKERS = 3 };

typedef struct asker {
    apm_async_result *result;
    void *handle;
} asker;

static void ask_for_handle(void *argument)
{
    asker *one = (asker *)argument;

    one->handle = apm_async_result_wait_handle(one->result);
}

/* Each gets the one event, or none where none is to be had; it is signaled whoever has made it. */
static apm_error share_handle(stage *on)
{
    sim_thread *threads[ASKERS];
    asker askers[ASKERS];
    char here = 0;
    op one;
    apm_error begun = begin_receive(on, &one, &here), error;
    apm_manual_reset_event *event = NULL;
    int i;

    if (begun != APM_ERROR_SUCCESS) return finish_receive(on, &one, begun, &here);
    for (i = 0; i < ASKERS; i++) {
        askers[i].result = one.result;
        askers[i].handle = NULL;
        threads[i] = sim_thread_start("asker", ask_for_handle, &askers[i]);
    }
    for (i = 0; i < ASKERS; i++) sim_thread_join(threads[i]);
    for (i = 0; i < ASKERS; i++) {
        apm_manual_reset_event *got = (apm_manual_reset_event *)askers[i].handle;

        expect(got == NULL || event == NULL || got == event, "one event for all");
        if (got != NULL) event = got;
    }
    if (event != NULL)
        expect(apm_manual_reset_event_wait_one(event, 0) == APM_ERROR_TIMED_OUT, "it is not signaled");
    apm_async_result_retain(one.result); /* the event is the result's */
    error = finish_receive(on, &one, begun, &here);
    if (event != NULL)
        expect(apm_manual_reset_event_wait_one(event, 0) == APM_ERROR_SUCCESS, "it is signaled");
    apm_async_result_release(one.result);
    return event != NULL ? error : APM_ERROR_OUT_OF_MEMORY;
}

static apm_error message_of_failure(stage *on)
{
    apm_async_result *result = NULL;
    apm_endpoint refuses = refusing_endpoint();
    char text[200] = "";
    apm_error error = apm_socket_begin_connect(on->socket, &refuses, NULL, NULL, &result);

    if (error != APM_ERROR_SUCCESS) return error;
    error = apm_socket_end_connect(on->socket, result);
    if (error == APM_ERROR_CONNECTION_REFUSED) {
        expect(apm_async_result_message(result, text, sizeof text) != 0 && text[0] != '\0', "a text");
        error = APM_ERROR_SUCCESS;
    }
    apm_async_result_release(result);
    return error;
}

/* ---- a callback that waits ------------------------------------------------------------------------ */

typedef struct waiting_call {
    stage *on;
    apm_error error;
    char here;
    _Atomic bool entered, over;
} waiting_call;

static void APM_CALL wait_inside(apm_async_result *result)
{
    waiting_call *one = (waiting_call *)apm_async_result_state(result);
    size_t bytes = 0;

    atomic_fetch_add(&one->on->called, 1);
    atomic_store(&one->entered, true);
    one->error = apm_socket_receive(one->on->socket, &one->here, 1, 0, &bytes);
    atomic_store(&one->over, true);
}

/* "From a callback it holds that worker; another takes over": though it could not be started
 * when it should have been. */
static apm_error wait_in_callback(stage *on)
{
    waiting_call one = {on, APM_ERROR_SUCCESS, 0, false, false};
    char here = 0;
    apm_error error;

    sim_sleep(30000); /* all workers but one have left: the one that calls back has to start another */
    error = apm_socket_begin_receive(on->socket, &here, 1, 0, wait_inside, &one, NULL);
    if (error != APM_ERROR_SUCCESS) return error;
    on->begun++;
    expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
    while (!atomic_load(&one.entered)) sim_sleep(1);
    sim_sleep(10); /* the callback waits now: in virtual time that is certain */
    expect(sim_peer_write(on->peer, "y", 1, PATIENCE) == 1, "the peer writes");
    while (!atomic_load(&one.over)) sim_sleep(1);
    if (one.error == APM_ERROR_SUCCESS) {
        expect(here == 'x' && one.here == 'y', "both bytes");
    } else {
        size_t bytes = 0;
        point_calm(true);
        expect(apm_socket_receive(on->socket, &here, 1, 0, &bytes) == APM_ERROR_SUCCESS && here == 'y',
               "no byte is lost");
        point_calm(false);
    }
    return one.error;
}

typedef struct gate {
    stage *on;
    apm_manual_reset_event *opens;
    _Atomic bool entered, over;
} gate;

static void APM_CALL wait_for_gate(apm_async_result *result)
{
    gate *one = (gate *)apm_async_result_state(result);

    atomic_fetch_add(&one->on->called, 1);
    atomic_store(&one->entered, true);
    expect(apm_manual_reset_event_wait_one(one->opens, APM_INFINITE) == APM_ERROR_SUCCESS, "it opens");
    atomic_store(&one->over, true);
}

static void APM_CALL open_gate(apm_async_result *result)
{
    gate *one = (gate *)apm_async_result_state(result);

    atomic_fetch_add(&one->on->called, 1);
    expect(apm_manual_reset_event_set(one->opens) == APM_ERROR_SUCCESS, "it can be set");
}

/* A callback that waits for another one, which has no worker yet: and nobody else calls the library. */
static apm_error wait_for_callback(stage *on)
{
    gate one = {on, NULL, false, false};
    char here[2] = "";
    apm_error error, behind;

    sim_sleep(30000); /* as above */
    point_calm(true);
    expect(apm_manual_reset_event_create(false, &one.opens) == APM_ERROR_SUCCESS, "an event");
    point_calm(false);
    error = apm_socket_begin_receive(on->socket, &here[0], 1, 0, wait_for_gate, &one, NULL);
    if (error == APM_ERROR_SUCCESS) {
        behind = apm_socket_begin_receive(on->socket, &here[1], 1, 0, open_gate, &one, NULL);
        on->begun += behind == APM_ERROR_SUCCESS ? 2 : 1;
        expect(sim_peer_write(on->peer, "x", 1, PATIENCE) == 1, "the peer writes");
        while (!atomic_load(&one.entered)) sim_sleep(1);
        if (behind == APM_ERROR_SUCCESS)
            expect(sim_peer_write(on->peer, "y", 1, PATIENCE) == 1, "the peer writes");
        else
            expect(apm_manual_reset_event_set(one.opens) == APM_ERROR_SUCCESS, "it can be set");
        while (!atomic_load(&one.over)) sim_sleep(1);
        expect(here[0] == 'x' && (behind != APM_ERROR_SUCCESS || here[1] == 'y'), "what was written");
        error = behind;
    }
    apm_manual_reset_event_close(one.opens);
    return error;
}

#define BEGINS (FAULT(SIM_MEMORY) | FAULT(SIM_TRANSFER))

const scenario result_scenarios[] = {
    {"cancel after", SET_PAIR, cancel_later, BEGINS, FAULT(SIM_THREAD), 0, false},
    {"wait handle", SET_PAIR, wait_with_handle, BEGINS | FAULT(SIM_EVENT), 0, 0, false},
    {"wait handle, several threads", SET_PAIR, share_handle, FAULT(SIM_TRANSFER),
     FAULT(SIM_MEMORY) | FAULT(SIM_EVENT), 0, false},
    {"message", SET_STREAM, message_of_failure, FAULT(SIM_MEMORY) | FAULT(SIM_BIND) | FAULT(SIM_DIAL), 0, 0,
     false},
    {"a callback that waits", SET_PAIR, wait_in_callback, BEGINS, 0, 0, true},
    {"a callback that waits for a callback", SET_PAIR, wait_for_callback, BEGINS, 0, 0, true},
    {NULL, SET_NOTHING, NULL, 0, 0, 0, false}};
