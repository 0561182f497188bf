/* SPDX-License-Identifier: MIT */
/* An actor: a thread that does one thing after the other to sockets and results. */
#include "program.h"

/* ---- places --------------------------------------------------------------------------------- */

enum close_way { CLOSE_SENDS_ALL = 1, CLOSE_OTHERWISE = 2 };

/* Mostly short of what the other end takes; or long enough, where time costs nothing. */
static int32_t draw_patience(uint64_t *stream)
{
    int32_t drawn = 1 + (int32_t)draw(stream, 8);

    return drawn <= 4 ? drawn : sim_is_seeded() ? 1000 : 20;
}

/* A close with a time, but in a callback, is the only one that lets everything be sent before; where others
 * come meanwhile nobody knows which of them it was that closed. */
void place_close(place *at, bool calls_back, uint64_t *stream)
{
    uint32_t kind = draw(stream, 4);
    bool sends_all = kind == 1 && !calls_back;
    apm_error error;

    atomic_fetch_or(&at->ways, sends_all ? CLOSE_SENDS_ALL : CLOSE_OTHERWISE);
    atomic_store(&at->closed, true);
    switch (kind) {
    case 0: error = apm_socket_close_timeout(at->socket, 0); break;
    case 1: error = apm_socket_close_timeout(at->socket, draw_patience(stream)); break;
    default: error = apm_socket_close(at->socket); break;
    }
    check_at(error == APM_ERROR_SUCCESS, "close", at);
    if (atomic_load(&at->ways) == CLOSE_SENDS_ALL && !atomic_load(&at->in->cleaned_up))
        atomic_store(&at->sends_all, true);
}

static void keep_call(actor *one, call *made)
{
    if (one->own_count < CALLS)
        one->own[one->own_count++] = made;
    else
        call_release(made);
}

static void start_call(actor *one, place *at, enum call_kind kind)
{
    call *made = call_new(at, kind, &one->stream);

    if (call_begin(made) && made->wants_result) {
        if (draw(&one->stream, 3) == 0) slot_share(one->in, made->result, &one->stream);
        keep_call(one, made);
    }
}

/* Of a chain only the first is the actor's: the callbacks begin the others. */
static void transfer(actor *one, place *at, enum call_kind kind)
{
    bool sends = kind == CALL_SEND;
    bool chained = sends ? at->chained_sends : at->chained_receives;

    if ((sends ? at->sender : at->receiver) != one->index || at->chain_begun[sends]) return;
    if (chained) {
        call *made = call_new(at, kind, &one->stream);
        made->wants_result = false;
        made->calls_back = true;
        at->chain_begun[sends] = call_begin(made);
        return;
    }
    start_call(one, at, kind);
}

/* Several receives in flight, one of them cancelled, and another one after that: where the
 * kernel aborts all of them, the others have to be back before it gets the last one. */
static void receive_in_a_row(actor *one, place *at)
{
    uint32_t first = one->own_count, count = 2 + draw(&one->stream, 3);

    while (count-- != 0) transfer(one, at, CALL_RECEIVE);
    if (one->own_count > first) {
        call *victim = one->own[first + draw(&one->stream, one->own_count - first)];
        (void)call_cancel(victim, victim->result);
    }
    transfer(one, at, CALL_RECEIVE);
}

/* Until the last call there is over, but not for ever. */
static void wait_for_last(const actor *one, const place *at, uint32_t patience)
{
    const call *last = one->own_count != 0 ? one->own[one->own_count - 1] : NULL;

    if (last != NULL && last->at == at && !last->released)
        (void)apm_async_result_wait(last->result, patience);
}

static void try_connect(actor *one, place *at)
{
    if (at->sender != one->index || at->free) return;
    start_call(one, at, CALL_CONNECT);
    /* Mostly nothing else makes sense before it has connected. */
    if (draw(&one->stream, 4) != 0) wait_for_last(one, at, 20);
}

static bool may_answer(const place *at, apm_error error)
{
    return error == APM_ERROR_SUCCESS || error == APM_ERROR_OBJECT_DISPOSED ||
           (error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE && at->in->hostile);
}

/* A socket that says it is connected has both endpoints, until somebody closes it. */
static void look_at_endpoints(place *at)
{
    bool connected = apm_socket_connected(at->socket);
    apm_endpoint local, remote;
    apm_error here = apm_socket_local_endpoint(at->socket, &local);
    apm_error there = apm_socket_remote_endpoint(at->socket, &remote);

    /* Windows gives a port that is shared with the connection. */
    check_at(here != APM_ERROR_SUCCESS || apm_endpoint_port(&local) != 0 || sim_profile_now()->windows,
             "local endpoint", at);
    check_at(there != APM_ERROR_SUCCESS || at->dual || apm_endpoint_equal(&remote, &at->remote),
             "remote endpoint", at);
    if (!connected || at->parts_ways) return;
    check_at(may_answer(at, here), "connected from nowhere", at);
    check_at(here != APM_ERROR_SUCCESS || apm_endpoint_port(&local) != 0, "connected without a port", at);
    check_at(may_answer(at, there), "connected to nobody", at);
}

/* Another conversation, of which something is said at once. */
static void meet_again(actor *one, place *at)
{
    uint32_t count = 1 + draw(&one->stream, 3);

    /* The other end has its time to leave, where time costs nothing. */
    wait_for_last(one, at, sim_is_seeded() ? 3000 : 20);
    if (!apm_socket_connected(at->socket)) try_connect(one, at);
    while (count-- != 0) transfer(one, at, draw(&one->stream, 3) == 0 ? CALL_RECEIVE : CALL_SEND);
}

static void disconnect(actor *one, place *at)
{
    if (!at->parts_ways || at->datagram || at->sender != one->index || draw(&one->stream, 2) == 0) return;
    start_call(one, at, CALL_DISCONNECT);
    if (draw(&one->stream, 3) != 0) meet_again(one, at);
}

static void shut_down(actor *one, place *at)
{
    bool connected = apm_socket_connected(at->socket);
    int32_t how = (int32_t)draw(&one->stream, 3);
    apm_error error;

    if (how != APM_SHUTDOWN_RECEIVE) atomic_store(&at->is_ended, true);
    error = apm_socket_shutdown(at->socket, how);
    if (error == APM_ERROR_NOT_CONNECTED && (!connected || at->parts_ways)) return;
    /* It may be who finds a reset. */
    if (error == APM_ERROR_CONNECTION_RESET || error == APM_ERROR_NOT_CONNECTED) {
        check_at(!apm_socket_connected(at->socket), "shutdown after a reset", at);
        return;
    }
    if (error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE && one->in->hostile) return;
    check_at(error == APM_ERROR_SUCCESS || error == APM_ERROR_OBJECT_DISPOSED, "shutdown", at);
}

/* With something under way, mostly. */
static void leave(actor *one, place *at)
{
    uint32_t count = draw(&one->stream, 3);

    while (count-- != 0) transfer(one, at, CALL_SEND);
    place_close(at, false, &one->stream);
}

static void use_place(actor *one, place *at)
{
    switch (draw(&one->stream, 8)) {
    case 0:
    case 1:
    case 2: look_at_endpoints(at); break;
    case 3:
        (void)apm_socket_handle(at->socket);
        tally_ask(one->in);
        break;
    case 4:
        apm_socket_retain(at->socket);
        (void)apm_socket_connected(at->socket);
        apm_socket_release(at->socket);
        break;
    case 5:
        if (draw(&one->stream, 3) == 0) shut_down(one, at);
        break;
    case 6:
        /* A further user; or, when it has ended, a first one. Not where no user is counted. */
        if (one->in->users == 0) break;
        if (apm_startup(NULL) == APM_ERROR_SUCCESS)
            check_at(apm_cleanup() == APM_ERROR_SUCCESS, "startup and cleanup", at);
        else
            check_at(one->in->hostile, "another startup", at);
        break;
    default:
        if (draw(&one->stream, 4) == 0) leave(one, at);
        break;
    }
}

/* ---- its own calls ----------------------------------------------------------------------------- */

/* Ends it at last, even if that takes a cancel. */
static void end_call(actor *one, call *made)
{
    if (apm_async_result_wait(made->result, draw(&one->stream, 4)) != APM_ERROR_SUCCESS)
        (void)call_cancel(made, made->result);
    (void)call_finish(made, made->result);
    check(call_wait(made), "a cancelled operation goes on", made);
    if (made->end == END_IN_THREAD || !made->calls_back) call_take_data(made);
    call_release(made);
}

static void do_to_call(actor *one)
{
    uint32_t i;
    call *made;

    if (one->own_count == 0) return;
    i = draw(&one->stream, one->own_count);
    made = one->own[i];
    check(apm_async_result_completed_synchronously(made->result) == made->synchronously,
          "completed_synchronously has changed", made);
    switch (draw(&one->stream, 9)) {
    case 0: check(call_cancel(made, made->result) == APM_ERROR_SUCCESS, "cancel", made); return;
    case 1: (void)call_cancel_after(made, made->result, draw(&one->stream, 30)); return;
    case 2: (void)apm_async_result_wait(made->result, draw(&one->stream, 6)); return;
    case 3: call_ask_for_handle(made, made->result, &one->stream); return;
    case 4: slot_share(one->in, made->result, &one->stream); return;
    case 6: result_ask(made, made->result, &one->stream); return;
    case 5: /* gives it back, whatever becomes of it */
        if (made->end == END_IN_THREAD) return;
        call_release(made);
        break;
    default: end_call(one, made); break;
    }
    one->own[i] = one->own[--one->own_count];
}

static void misuse(actor *one)
{
    if (one->own_count != 0) call_misuse(one->own[draw(&one->stream, one->own_count)], &one->stream);
}

/* ---- blocking members ------------------------------------------------------------------------------- */

/* With a time limit, where time costs something. Chains are the callbacks' alone. */
static void block(actor *one, place *at)
{
    enum call_kind kind = (enum call_kind)draw(&one->stream, 3);
    bool may =
        kind == CALL_RECEIVE ? at->receiver == one->index && !at->chained_receives : at->sender == one->index;

    if (!may || at->free || (kind == CALL_SEND && at->chained_sends)) return;
    if (kind == CALL_CONNECT && apm_socket_connected(at->socket)) return;
    if (kind == CALL_CONNECT && at->connect_timeout == 0 && !sim_is_seeded()) return;
    call_block(call_new(at, kind, &one->stream));
}

/* ---- the actor ------------------------------------------------------------------------------------ */

/* Now and then long enough for idle workers to leave, where time costs nothing. */
static void rest(actor *one)
{
    sim_sleep(sim_is_seeded() && draw(&one->stream, 6) == 0 ? 6000 : draw(&one->stream, 3));
}

static void take_step(actor *one, const step *next)
{
    place *at = &one->in->places[next->place];

    one->stream = next->chance;
    if (at->socket == NULL) return;
    switch (next->kind) {
    case STEP_CONNECT:
        if (!apm_socket_connected(at->socket)) try_connect(one, at);
        break;
    case STEP_SEND: transfer(one, at, CALL_SEND); break;
    case STEP_RECEIVE: transfer(one, at, CALL_RECEIVE); break;
    case STEP_RECEIVES: receive_in_a_row(one, at); break;
    case STEP_OWN: do_to_call(one); break;
    case STEP_SLOT: slot_meddle(one->in, &one->stream); break;
    case STEP_USE: use_place(one, at); break;
    case STEP_REST: rest(one); break;
    case STEP_DISCONNECT: disconnect(one, at); break;
    case STEP_BLOCK: block(one, at); break;
    case STEP_ASK: place_ask(at, &one->stream); break;
    case STEP_MISUSE: misuse(one); break;
    case STEP_GATE: gate_use(one->in, &one->stream); break;
    case STEP_FLEET: fleet_launch(one); break;
    default: sim_fail("a step that is none: %u", (unsigned)next->kind);
    }
    sim_interleave();
}

void actor_run(void *argument)
{
    actor *one = (actor *)argument;
    uint32_t i;

    for (i = 0; i < one->step_count; i++) take_step(one, &one->steps[i]);
    fleet_wait(one);
    for (i = 0; i < one->own_count; i++)
        if (one->own[i]->end == END_IN_THREAD) end_call(one, one->own[i]);
}
