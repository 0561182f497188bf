/* SPDX-License-Identifier: MIT */
/* The run: start, cast, drain, end, and what is left for the end. */
#include <stdlib.h>
#include <string.h>

#include "../support/kernel_socket.h"
#include "program.h"

uint32_t draw(uint64_t *stream, uint32_t limit)
{
    return sim_random(stream, limit);
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static unsigned char pattern_byte(uint64_t salt, uint64_t offset)
{
    uint64_t mixed = (offset + 1) * UINT64_C(0x9E3779B97F4A7C15) + salt * UINT64_C(0xD6E8FEB86659FD93);

    mixed ^= mixed >> 29;
    mixed *= UINT64_C(0xBF58476D1CE4E5B9);
    return (unsigned char)(mixed >> 57);
}

void pattern_fill(unsigned char *data, size_t size, uint64_t salt, uint64_t offset)
{
    size_t i;

    for (i = 0; i < size; i++) data[i] = pattern_byte(salt, offset + i);
}

bool pattern_holds(const unsigned char *data, size_t size, uint64_t salt, uint64_t offset)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (data[i] != pattern_byte(salt, offset + i)) return false;
    return true;
}

/* ---- places --------------------------------------------------------------------------------------- */

/* Nothing but a kernel that has no room keeps it from that. */
static bool bind_socket(place *at, apm_endpoint *local)
{
    apm_error error = apm_socket_bind(at->socket, local);

    if (error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE && at->in->hostile) return false;
    check_at(error == APM_ERROR_SUCCESS, "bind", at);
    check_at(apm_socket_bind(at->socket, local) == APM_ERROR_INVALID_ARGUMENT, "bind twice", at);
    return true;
}

/* Where it is, unless a hostile kernel does not say. */
static bool learn_name(place *at)
{
    apm_error error = apm_socket_local_endpoint(at->socket, &at->remote);

    if (error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE && at->in->hostile) return false;
    check_at(error == APM_ERROR_SUCCESS, "a name", at);
    return true;
}

/* A datagram socket talks to itself; where it cannot be bound, or does not know to where, to nobody. */
static void name_remote(place *at)
{
    uint16_t port = at->datagram || at->nobody ? sim_free_port(at->family) : sim_listener_port(at->listener);
    apm_endpoint local;

    memset(&at->remote, 0, sizeof at->remote);
    at->remote.length = sim_address(at->family, port, at->remote.address);
    if (!at->datagram) return;
    (void)apm_endpoint_loopback(at->family, 0, &local);
    at->nameless = (!at->is_named && !bind_socket(at, &local)) || !learn_name(at);
}

/* A connect after a failed one has to be from there, too. */
static void bind_place(place *at)
{
    apm_endpoint local;

    (void)apm_endpoint_loopback(at->family, sim_free_port(at->family), &local);
    (void)bind_socket(at, &local);
}

/* Bound already, or not. What fails stays the one's who opened it. */
static apm_error adopt_socket(place *at, int32_t type)
{
    uintptr_t handle = kernel_open(at->family, type, APM_PROTOCOL_UNSPECIFIED);
    apm_endpoint local;
    apm_error error;

    if (handle == NO_SOCKET) return APM_ERROR_TOO_MANY_OPEN_SOCKETS;
    (void)apm_endpoint_loopback(at->family, sim_free_port(at->family), &local);
    if (at->bound) at->is_named = kernel_bind(handle, &local);
    error = apm_socket_adopt(handle, &at->socket);
    if (error != APM_ERROR_SUCCESS) kernel_close(handle);
    return error;
}

static apm_error create_socket(place *at)
{
    int32_t type = at->datagram ? APM_SOCKET_DATAGRAM : APM_SOCKET_STREAM;

    /* Before the library runs nobody can open one. */
    if (at->adopted && at->in->users != 0) return adopt_socket(at, type);
    if (at->dual) return apm_socket_create_dual(type, APM_PROTOCOL_UNSPECIFIED, &at->socket);
    return apm_socket_create(at->family, type, APM_PROTOCOL_UNSPECIFIED, &at->socket);
}

static void set_number(place *at, apm_socket_option option, int32_t value)
{
    check_at(apm_socket_set_option(at->socket, option, value) == APM_ERROR_SUCCESS, "options", at);
}

static void open_place(place *at)
{
    apm_error error;

    at->listener = sim_listen(at->family, 4);
    error = create_socket(at);
    check_at(error == APM_ERROR_SUCCESS || at->in->hostile, "create failed", at);
    check_at(error == APM_ERROR_SUCCESS || at->socket == NULL, "create failed and gave a socket", at);
    if (at->socket != NULL) {
        apm_socket_retain(at->socket); /* the run's own, until everything is over */
        if (at->bound && !at->datagram && !at->is_named) bind_place(at);
        name_remote(at);
        addresses_draw(at, &at->stream);
        set_number(at, APM_SOCKET_OPTION_CONNECT_ALGORITHM, at->parallel);
        set_number(at, APM_SOCKET_OPTION_CONNECT_TIMEOUT, at->connect_timeout);
        set_number(at, APM_SOCKET_OPTION_SEND_TIMEOUT, 1 + (int32_t)draw(&at->stream, 12));
        set_number(at, APM_SOCKET_OPTION_RECEIVE_TIMEOUT, 1 + (int32_t)draw(&at->stream, 12));
        place_know_hops(at);
    }
    at->host = sim_thread_start("host", host_run, at);
}

static void close_host(place *at)
{
    if (at->host != NULL) sim_thread_join(at->host);
    if (at->listener != NULL) sim_listener_close(at->listener);
}

static void delete_calls(call **calls, uint32_t count)
{
    while (count != 0) call_delete(calls[--count]);
}

static void delete_place(place *at)
{
    delete_calls(at->sends, at->send_count);
    delete_calls(at->receives, at->receive_count);
    delete_calls(at->connects, at->connect_count);
    while (at->first != NULL) {
        conversation *one = at->first;
        at->first = one->next;
        free(one->read);
        free(one);
    }
    free(at->trail);
}

/* ---- the drain ---------------------------------------------------------------------------------------- */

/* Receives until the end of the host's stream. No further one follows an error. */
static void drain_place(place *at, uint64_t *stream)
{
    uint32_t tries;

    for (tries = 0; tries < 60 && !at->drained; tries++) {
        call *made = call_new(at, CALL_RECEIVE, stream);
        apm_error error;

        made->calls_back = made->peeks = false;
        made->letter = LETTER_NONE;
        made->wants_result = true;
        made->end = END_IN_THREAD;
        if (made->size == 0 || at->receive_count == CALLS) {
            call_delete(made);
            continue;
        }
        if (!call_begin(made)) {
            if (made->begin_error == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE) continue;
            return;
        }
        check(call_wait(made), "the end of the stream does not come", made);
        error = call_finish(made, made->result);
        call_take_data(made);
        call_release(made);
        if (error != APM_ERROR_SUCCESS) return;
        at->drained = made->kept_size == 0;
    }
}

static void finish_place(place *at)
{
    uint32_t patience = 200;

    if (at->socket == NULL || at->datagram || at->parts_ways || at->chained_sends || at->chained_receives)
        return;
    if (!apm_socket_connected(at->socket)) return;
    atomic_store_explicit(&at->finishing, true, memory_order_relaxed);
    drain_place(at, &at->stream);
    if (!at->drained) return;
    atomic_store(&at->is_ended, true);
    if (apm_socket_shutdown(at->socket, APM_SHUTDOWN_SEND) != APM_ERROR_SUCCESS) return;
    /* The host reads to the end in its own time; a close might cut it short. */
    while (!atomic_load_explicit(&at->over, memory_order_relaxed) && patience-- != 0) sim_sleep(1);
}

/* ---- the end --------------------------------------------------------------------------------------------- */

static bool has_socket(const program *run)
{
    uint32_t i;

    for (i = 0; i < PLACES; i++)
        if (run->places[i].socket != NULL) return true;
    return false;
}

/* Where nobody started it, a socket did; or tried, and the system had not what it needs. */
static void clean_up(program *run)
{
    uint32_t users = run->users != 0 ? run->users : 1;

    atomic_store_explicit(&run->cleaned_up, true, memory_order_relaxed);
    while (users-- != 0) {
        apm_error error = apm_cleanup();
        if (error == APM_ERROR_NOT_INITIALIZED && run->users == 0 && !has_socket(run)) return;
        if (error != APM_ERROR_SUCCESS) sim_fail("cleanup: %s", apm_error_name(error));
    }
}

/* Results and sockets outlive the library. */
static void check_outliving(call **calls, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        call *made = calls[i];

        if (made->result == NULL || made->released) continue;
        check(apm_async_result_is_completed(made->result), "pending after the end of the library", made);
        check(apm_async_result_completed_synchronously(made->result) == made->synchronously,
              "completed_synchronously has changed", made);
        check(call_finish(made, made->result) == APM_ERROR_OBJECT_DISPOSED, "End after the end", made);
        (void)apm_async_result_cancel(made->result);
        (void)apm_async_result_cancel_after(made->result, 1);
        call_release(made);
    }
}

static void leave_place(place *at)
{
    uint32_t i;

    check_outliving(at->sends, at->send_count);
    check_outliving(at->receives, at->receive_count);
    check_outliving(at->connects, at->connect_count);
    for (i = 0; i < at->receive_count; i++) call_take_data(at->receives[i]);
    if (at->socket == NULL) return;
    check_at(!apm_socket_connected(at->socket), "connected after the end", at);
    check_at(apm_socket_begin_receive(at->socket, NULL, 0, 0, NULL, NULL, NULL) == APM_ERROR_OBJECT_DISPOSED,
             "Begin after the end", at);
    check_at(apm_socket_close(at->socket) == APM_ERROR_SUCCESS, "close after the end", at);
    apm_socket_release(at->socket);
}

static void check_nothing_runs(void)
{
    if (sim_census(SIM_RUNNING) != 0 || sim_census(SIM_THREADS) != 0) sim_fail("threads outlive the library");
    if (sim_census(SIM_SOCKETS) != 0) sim_fail("sockets outlive the library");
    if (sim_census(SIM_PORTS) != 0) sim_fail("the port outlives the library");
    if (sim_census(SIM_STARTS) != 0) sim_fail("the network outlives the library");
}

/* ---- the run ------------------------------------------------------------------------------------------------ */

/* False if a hostile system does not have what the library needs: there is no run then. */
static bool start_library(program *run)
{
    uint32_t i;

    for (i = 0; i < run->users; i++) {
        apm_error error = apm_startup(&run->options);
        if (error == APM_ERROR_SUCCESS) continue;
        if (i != 0 || !run->hostile) sim_fail("startup %u: %s", (unsigned)i + 1, apm_error_name(error));
        return false;
    }
    return true;
}

static void play(program *run)
{
    uint32_t i;

    gate_make(run);
    poller_start(run);
    for (i = 0; i < PLACES; i++)
        if (run->places[i].present) open_place(&run->places[i]);
    for (i = 0; i < ACTORS; i++)
        if (run->actors[i].step_count != 0)
            run->actors[i].thread = sim_thread_start("actor", actor_run, &run->actors[i]);
    if (run->cleans_early) {
        sim_sleep(run->cleans_after);
        clean_up(run);
    }
    for (i = 0; i < ACTORS; i++)
        if (run->actors[i].thread != NULL) sim_thread_join(run->actors[i].thread);
    for (i = 0; i < PLACES && run->drains; i++) finish_place(&run->places[i]);
    tally_settle(run);
    if (!run->cleans_early) clean_up(run);
    poller_join(run);
    check_nothing_runs();

    atomic_store_explicit(&run->stopping, true, memory_order_relaxed);
    for (i = 0; i < PLACES; i++) close_host(&run->places[i]);
    slot_empty(run);
    gate_close(run);
    for (i = 0; i < ACTORS; i++) fleet_check(&run->actors[i]);
    for (i = 0; i < PLACES; i++) leave_place(&run->places[i]);
}

static void program_run(void *argument)
{
    program *run = (program *)argument;
    uint32_t i;

    bool plays = start_library(run);

    if (plays) play(run);
    if (ledger_live() != 0) sim_fail("%lld blocks are left over", (long long)ledger_live());
    if (sim_census(SIM_BLOCKS) != 0) sim_fail("blocks of the heap are left over");
    if (sim_census(SIM_EVENTS) != 0) sim_fail("events are left over");
    log_check(run);
    check_program(run);
    tally_check(run);
    if (plays) reach_count(run);
    for (i = 0; i < PLACES; i++) delete_place(&run->places[i]);
}

/* ---- from a script ---------------------------------------------------------------------------------- */

static bool has_trait(const script_place *from, enum place_trait trait)
{
    return (from->traits & 1u << trait) != 0;
}

static void load_place(place *at, const script_place *from)
{
    at->present = true;
    at->sender = from->sender;
    at->receiver = from->receiver;
    at->datagram = has_trait(from, TRAIT_DATAGRAM);
#ifdef APMI_PIECE
    at->datagram = false; /* where pieces are small, a datagram would be cut into them */
#endif
    at->free = at->datagram && has_trait(from, TRAIT_FREE);
    at->dual = !at->datagram && has_trait(from, TRAIT_DUAL);
    at->family = !at->dual && has_trait(from, TRAIT_IPV6) ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    at->adopted = has_trait(from, TRAIT_ADOPTED);
    at->bound = has_trait(from, TRAIT_BOUND);
    at->nobody = has_trait(from, TRAIT_NOBODY);
    at->parts_ways = has_trait(from, TRAIT_PARTS_WAYS);
    at->parallel = has_trait(from, TRAIT_PARALLEL);
    at->chained_sends = has_trait(from, TRAIT_CHAINED_SENDS);
    at->chained_receives = has_trait(from, TRAIT_CHAINED_RECEIVES);
    at->connect_timeout = from->timeout;
    at->chain_left[0] = at->chain_left[1] = from->chain;
    at->salt = 1000 + at->index;
    at->stream = from->chance;
    at->trail = trail_new();
    at->host_stream = ((uint64_t)draw(&at->stream, UINT32_MAX) << 32) + at->index;
}

/* Whether anything may fail that no system of the profile's kind lets fail. */
static bool is_hostile(const program *run)
{
    bool any = run->memory_failures != 0;
    int i;

    for (i = 0; i < SIM_FAULTS; i++)
        any = any || run->profile.faults[i].rate != 0 || run->profile.faults[i].nth != 0;
    return any;
}

static void load_script(program *run, const script *from)
{
    uint32_t i;

    memset(run, 0, sizeof *run);
    setting_calm(run, from->profile);
    setting_apply(run, from->settings);
    run->hostile = from->profile == PROFILE_HOSTILE || is_hostile(run);
    ledger_install(&run->options, run->memory_failures);
    poller_install(run);
    log_install(run);
    for (i = 0; i < PLACES; i++) {
        run->places[i].in = run;
        run->places[i].index = i;
        if (from->places[i].present) load_place(&run->places[i], &from->places[i]);
    }
    for (i = 0; i < ACTORS; i++) {
        run->actors[i].in = run;
        run->actors[i].index = i;
        run->actors[i].steps = from->steps[i];
        run->actors[i].step_count = from->step_counts[i];
    }
}

void script_run(const script *made)
{
    static program run;

    load_script(&run, made);
    sim_seed(made->seed);
    sim_set_profile(&run.profile);
    sim_run(program_run, &run);
}
