/* SPDX-License-Identifier: MIT */
/*
 * The course of a connect. One address after the other, or, in parallel, overlapping
 * (RFC 8305): then the next attempt begins when one has failed or DELAY is over, and the first
 * success ends it.
 *
 * An attempt is either the operation's own, on the socket's handle, or an operation of kind
 * APMI_ATTEMPT with a handle of its own, which it needs only while another one is under way.
 * So one address after the other takes no memory, and the socket's handle stays the same as
 * long as it can.
 *
 *   1. advance     begins attempts as long as one may begin: none after the first success, or
 *                  when the course has been stopped by a cancel, a timeout or a close. Each that fails
 *                  at once makes room for the next one, but all of it is under the gate: after ROW of
 *                  them the others have their turn, a cancel, a close and the time limit above all.
 *                  While attempts are under way, the next one then waits for one of them to end, or for
 *                  PAUSE. Otherwise the course rests: the operation, of which nothing is in the kernel,
 *                  is posted, and a worker goes on with it (`resting`). Until he does nobody else
 *                  begins an attempt, or finds the course over: he will, also when it is stopped meanwhile.
 *   2. end         an attempt's packet has come. A success is the winner if it is the first, and
 *                  the others are cancelled; it counts even if the course has been stopped
 *                  meanwhile. A handle that is not the winner's is closed.
 *   3. over        nothing is in the kernel, no name is being looked up, and no attempt may
 *                  begin. Exactly one thread finds that (`finishing`), and completes the connect.
 *
 * So when the callback runs, every other attempt is over and its handle closed.
 *
 * After a failed attempt a handle is spent: not every kernel lets it try again. After an abort it is
 * renewed at once: some go on connecting behind a cancelled connect, and the peer would see a
 * connection that nobody has. So it is where one was made, and cannot be used.
 *
 * References. Each attempt, the armed delay and the look-up hold the operation, so its room
 * with the course stays where it is.
 */
#include "course.h"

#include <assert.h>
#include <string.h>

#include "endpoint.h"
#include "error.h"
#include "library.h"
#include "pool.h"
#include "socket.h"

#define DELAY 250u /* ms between two attempts; RFC 8305, section 8 */
#define ROW 16u    /* attempts begun without letting others in between */
#define PAUSE 1u   /* ms, of a row beside attempts that are under way */

/* The room of an APMI_ATTEMPT. */
typedef struct attempt_room {
    apmi_operation *connect;
    apmi_operation *sibling; /* the next one in the course's list */
    apmi_handle handle;
    apmk_address remote;
} attempt_room;

static attempt_room *room_of(const apmi_operation *attempt)
{
    return (attempt_room *)apmi_annex_room(attempt);
}

apmk_socket apmi_course_handle(const apmi_operation *attempt)
{
    return room_of(attempt)->handle.kernel;
}

/* ---- making it ------------------------------------------------------------------------------ */

bool apmi_course_make(apmi_operation *operation, uint32_t room, bool looks)
{
    size_t lookup = looks ? sizeof(apmi_lookup) : 0;
    size_t size = sizeof(apmi_course) + lookup + room * sizeof(apmk_address);
    apmi_course *course = (apmi_course *)apmi_annex_make_room(operation, size);

    if (course == NULL) return false;
    memset(course, 0, sizeof *course);
    course->operation = operation;
    course->lookup = looks ? (apmi_lookup *)(void *)(course + 1) : NULL;
    course->addresses = (apmk_address *)(void *)((unsigned char *)(course + 1) + lookup);
    return true;
}

void apmi_course_add(apmi_operation *operation, const apm_endpoint *remote)
{
    apmi_course *course = apmi_course_of(operation);
    apmk_address *address = &course->addresses[course->count++];

    if (apmi_socket_fit(operation->socket, remote, address) != APM_ERROR_SUCCESS) address->length = 0;
}

/* No parallel attempts where the socket is bound to a port by then, which two handles cannot have. */
static void settle_course(apmi_operation *operation)
{
    const apm_socket *socket = operation->socket;
    apm_endpoint local;

    if (socket->local.length == 0) return;
    apmi_address_get(&socket->local, &local);
    if (apm_endpoint_port(&local) != 0) apmi_course_of(operation)->parallel = false;
}

static uint32_t family_of(const apmk_address *address)
{
    static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

    if (address->length == 0) return APMI_NO_FAMILY;
    return address->bytes[0] == APM_FAMILY_IPV6 && memcmp(&address->bytes[8], prefix, sizeof prefix) != 0
               ? APMI_SIX
               : APMI_FOUR;
}

/* Families take turns: the first that is left of another family than the one before; where there is none, of the
 * same. Each family's place only goes on, so that all addresses together are looked at no more than once for each. */
const apmk_address *apmi_course_next(apmi_course *course)
{
    uint32_t *places = course->places, found = APMI_FAMILIES, i;

    if (!course->parallel && course->family == 0) return &course->addresses[course->next++];
    for (i = APMI_NO_FAMILY; i < APMI_FAMILIES; i++) {
        while (places[i] < course->count && family_of(&course->addresses[places[i]]) != i) places[i]++;
        if (i != course->family && places[i] < course->count &&
            (found == APMI_FAMILIES || places[i] < places[found]))
            found = i;
    }
    if (found == APMI_FAMILIES) found = course->family;
    course->family = found;
    course->next++;
    return &course->addresses[places[found]++];
}

/* ---- errors -------------------------------------------------------------------------------------- */

/* What an error says of the way to a host, not of the host: there is none, it may not be taken
 * (AccessDenied, and InvalidArgument of a route that is a black hole), or nobody has answered. */
static bool is_about_the_way(apm_error error)
{
    static const apm_error errors[] = {
        APM_ERROR_NETWORK_UNREACHABLE, APM_ERROR_HOST_UNREACHABLE,  APM_ERROR_ADDRESS_NOT_AVAILABLE,
        APM_ERROR_NETWORK_DOWN,        APM_ERROR_OPERATION_ABORTED, APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED,
        APM_ERROR_HOST_DOWN,           APM_ERROR_TIMED_OUT,         APM_ERROR_ACCESS_DENIED,
        APM_ERROR_INVALID_ARGUMENT};
    size_t i;

    for (i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i] == error) return true;
    return false;
}

/* The last one counts. Of attempts that overlap none is last: there a host's answer does. */
static void note_error(apmi_course *course, const apmk_address *remote, apm_error error)
{
    bool weaker = course->parallel && is_about_the_way(error) && !is_about_the_way(course->error) &&
                  course->error != APM_ERROR_ARGUMENT;

    if (course->error == APM_ERROR_SUCCESS || !weaker) {
        course->error = error;
        course->peer = *remote;
    }
    course->due = true; /* a failure is as good as the time */
}

/* An address that cannot be tried hides no error. */
static void note_unusable(apmi_course *course)
{
    if (course->error == APM_ERROR_SUCCESS) course->error = APM_ERROR_ARGUMENT;
    course->due = true;
}

/* To a worker: where it is now, no callback is expected. */
static void post_operation(apmi_operation *operation)
{
    apmi_pool_post(&operation->socket->library->pool, operation, APMI_OVER);
}

/* Of an adopted handle, which has been asked to skip the port before it connects: the packet that does not come
 * when the kernel has connected it at once. */
static void post_packet(apmi_operation *operation)
{
    operation->status = APMK_SUCCESS;
    operation->bytes = 0;
    apmi_pool_post(&operation->socket->library->pool, operation, APMI_TAKEN);
}

/* ---- attempts -------------------------------------------------------------------------------------- */

/* The kernel call, with what has to be done before it. */
static apm_error call_kernel(apmi_operation *operation, apmk_socket kernel, const apmk_address *remote,
                             apmk_code *code)
{
    apm_socket *socket = operation->socket;
    apm_endpoint endpoint;

    apmi_address_get(remote, &endpoint);
    /* Nothing gets lost on loopback: a refusal is final there. */
    if (apmi_endpoint_is_loopback(&endpoint)) apmk_socket_quick_refusal(kernel);
    *code =
        apmk_socket_connect(kernel, socket->family, remote->bytes, remote->length, &operation->overlapped);
    return *code == APMK_SUCCESS || *code == APMK_PENDING ? APM_ERROR_SUCCESS : apmi_error_from_native(*code);
}

apm_error apmi_course_try(apmi_operation *operation, const apmk_address *remote, apmk_code *code)
{
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    apm_error error = APM_ERROR_SUCCESS;
    bool named;

    course->last = course->own = *remote;
    if (!apmi_socket_is_stream(socket)) { /* nothing goes over the network */
        *code = apmk_socket_connect_datagram(socket->handle, remote->bytes, remote->length);
        course->won = *code == APMK_SUCCESS;
        course->peer = *remote;
        return apmi_error_from_native(*code);
    }
    if (course->spent) error = apmi_handle_renew(socket);
    course->spent = true;
    if (error != APM_ERROR_SUCCESS) return error;
    named = apmi_socket_is_named(socket);
    error = apmi_handle_name(socket, socket->handle, &named);
    if (error != APM_ERROR_SUCCESS) return error;
    atomic_store_explicit(&socket->named, true, memory_order_relaxed);
    apmi_operation_arm(operation);
    error = call_kernel(operation, socket->handle, remote, code);
    if (error != APM_ERROR_SUCCESS) return error;
    if (*code == APMK_SUCCESS && apmi_socket_skips(socket) == APMI_SKIP_ON) post_packet(operation);
    course->inside = true;
    course->running++;
    return APM_ERROR_SUCCESS;
}

static apm_error try_on_the_side(apmi_operation *operation, const apmk_address *remote)
{
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    apmi_operation *attempt = apmi_operation_new(socket, APMI_ATTEMPT, NULL, NULL, false);
    apm_error error = APM_ERROR_OUT_OF_MEMORY;
    attempt_room *room;
    apmk_code code;

    course->last = *remote;
    if (attempt == NULL) return error;
    room = (attempt_room *)apmi_annex_make_room(attempt, sizeof *room);
    if (room == NULL) goto no_room;
    room->connect = operation;
    room->remote = *remote;
    error = apmi_handle_open_like(socket, &room->handle);
    if (error != APM_ERROR_SUCCESS) goto no_room;
    error = apmi_handle_name(socket, room->handle.kernel, &room->handle.named);
    if (error == APM_ERROR_SUCCESS) error = call_kernel(attempt, room->handle.kernel, remote, &code);
    if (error != APM_ERROR_SUCCESS) goto not_begun;
    apmi_operation_retain(operation);
    room->sibling = course->attempts;
    course->attempts = attempt;
    course->running++;
    if (apmi_operation_hand_over(attempt, code, 0, false)) post_operation(attempt);
    return APM_ERROR_SUCCESS;

not_begun:
    apmk_socket_close(room->handle.kernel);
no_room:
    apmi_operation_discard(attempt, error);
    return error;
}

/* ---- the delay -------------------------------------------------------------------------------------- */

static void end_delay(apmi_timer *timer)
{
    apmi_course *course = (apmi_course *)(void *)((unsigned char *)timer - offsetof(apmi_course, delay));
    apmi_operation *operation = course->operation;
    apm_socket *socket = operation->socket;
    bool over;

    apmk_lock_exclusive(&socket->gate);
    course->due = true;
    over = apmi_course_advance(operation);
    apmk_unlock_exclusive(&socket->gate);
    if (over) post_operation(operation);
    apmi_operation_release(operation);
}

static void begin_delay(apmi_operation *operation, uint32_t delay)
{
    apmi_course *course = apmi_course_of(operation);
    bool was_armed = false;

    apmi_operation_retain(operation);
    if (apmi_timer_arm(apmi_timers_of(operation), &course->delay, delay, end_delay, &was_armed) !=
        APMK_SUCCESS) {
        course->due = true; /* without a timer at once, rather than never */
        was_armed = true;
    }
    if (was_armed) apmi_operation_release(operation); /* never the last reference */
}

void apmi_course_end(apmi_operation *operation)
{
    if (apmi_timer_disarm(apmi_timers_of(operation), &apmi_course_of(operation)->delay))
        apmi_operation_release(operation);
}

/* ---- going on ------------------------------------------------------------------------------------------ */

static void begin_attempt(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);
    const apmk_address *remote = apmi_course_next(course);
    apm_endpoint endpoint;
    apm_error error;

    course->due = false;
    if (remote->length == 0) {
        note_unusable(course);
        return;
    }
    apmi_address_get(remote, &endpoint);
    if (apmi_endpoint_is_wildcard(&endpoint) || apm_endpoint_port(&endpoint) == 0) {
        course->last = *remote;
        error = APM_ERROR_ADDRESS_NOT_AVAILABLE;
    } else if (!course->inside && (!course->spent || course->running == 0)) {
        apmk_code code = APMK_SUCCESS;

        error = apmi_course_try(operation, remote, &code);
        if (course->inside && apmi_operation_hand_over(operation, code, 0, false)) post_operation(operation);
    } else {
        error = try_on_the_side(operation, remote);
    }
    if (error != APM_ERROR_SUCCESS)
        note_error(course, remote, error);
    else if (course->parallel && course->next < course->count)
        begin_delay(operation, DELAY);
}

static bool may_begin(const apmi_course *course)
{
    return !course->stopped && !course->won && course->next < course->count &&
           (course->running == 0 || (course->parallel && course->due));
}

/* A row has failed at once. False where nothing can be put off. */
static bool pause_course(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);

    if (course->running == 0) {
        course->resting = true;
        post_operation(operation);
        return true;
    }
    course->due = false;
    begin_delay(operation, PAUSE);
    return !course->due;
}

bool apmi_course_advance(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);
    uint32_t row;

    if (course->finishing || course->looking || course->resting) return false;
    if (course->parallel) settle_course(operation);
    for (row = 0; may_begin(course); row++) {
        if (row == ROW) {
            if (pause_course(operation)) return false;
            row = 0;
        }
        begin_attempt(operation);
    }
    /* What may not begin now does so when one of those that run is over, or in time. */
    course->finishing = course->running == 0;
    return course->finishing;
}

static void abort_attempts(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    apmi_operation *at;

    apmi_course_end(operation);
    /* A close has taken the socket's handle, and aborts what is on it. */
    if (course->inside && !apmi_socket_closed(socket))
        apmk_socket_cancel(socket->handle, &operation->overlapped);
    for (at = course->attempts; at != NULL; at = room_of(at)->sibling)
        apmk_socket_cancel(room_of(at)->handle.kernel, &at->overlapped);
}

bool apmi_course_wake(apmi_operation *operation)
{
    apmi_course_of(operation)->resting = false;
    return apmi_course_advance(operation);
}

bool apmi_course_stop(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);

    course->stopped = true;
    if (course->looking) {
        course->looking = false; /* the answer will be ignored */
        if (apmi_resolver_withdraw(&operation->socket->library->resolver, course->lookup))
            apmi_operation_release(operation);
    }
    abort_attempts(operation);
    return apmi_course_advance(operation);
}

/* ---- the end of an attempt ------------------------------------------------------------------------------- */

/* A connection is one only after SO_UPDATE_CONNECT_CONTEXT: without it the kernel refuses shutdown
 * and getpeername. And a handle of the attempt's own needs what the caller has set since it began. */
static apm_error accept_connection(apm_socket *socket, apmi_handle *handle)
{
    apm_error error;

    if (apmi_socket_closed(socket)) return APM_ERROR_OPERATION_ABORTED;
    error = apmi_error_from_native(apmk_socket_update_connect_context(handle->kernel));
    return error != APM_ERROR_SUCCESS ? error : apmi_settings_apply(socket, handle);
}

/* True if it is the winner. If it cannot be made what it has to be, the attempt has failed. */
static bool judge_attempt(apmi_operation *operation, apmi_handle *handle, const apmk_address *remote,
                          apm_error error)
{
    apmi_course *course = apmi_course_of(operation);

    if (error == APM_ERROR_SUCCESS && course->won) return false;
    if (error == APM_ERROR_SUCCESS) error = accept_connection(operation->socket, handle);
    if (error != APM_ERROR_SUCCESS) {
        if (!course->won) note_error(course, remote, error);
        return false;
    }
    course->won = true;
    course->peer = *remote;
    abort_attempts(operation);
    return true;
}

/* The socket's handle is good for nothing more. */
static apm_error renew_own(apmi_operation *operation)
{
    apm_error error = apmi_handle_renew(operation->socket);

    if (error == APM_ERROR_SUCCESS) apmi_course_of(operation)->spent = false;
    return error;
}

/* No attempt is under way: this handle is in nobody's hands, and nobody's connection. */
apm_error apmi_course_freshen(apmi_operation *operation)
{
    assert(apmi_course_of(operation)->running == 0);
    return apmi_course_of(operation)->spent ? renew_own(operation) : APM_ERROR_SUCCESS;
}

void apmi_course_end_own(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);
    apmi_handle handle = {0};
    bool connected = operation->error == APM_ERROR_SUCCESS;

    course->inside = false;
    course->running--;
    handle.kernel = operation->socket->handle;
    handle.settings = operation->socket->settings.state; /* it got each when it was set */
    (void)judge_attempt(operation, &handle, &course->own, operation->error);
    /* Else what the peer sees is a connection that nobody has. Where another one has won, its handle is closed soon. */
    if (connected && !course->won && !apmi_socket_closed(operation->socket)) (void)renew_own(operation);
}

static void unlink_attempt(apmi_course *course, const apmi_operation *attempt)
{
    apmi_operation **place = &course->attempts;

    while (*place != attempt) place = &room_of(*place)->sibling;
    *place = room_of(attempt)->sibling;
}

void apmi_course_end_attempt(apmi_operation *attempt)
{
    apmi_operation *operation = room_of(attempt)->connect;
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    apmi_handle handle = room_of(attempt)->handle;
    bool wins, over;

    apmk_lock_exclusive(&socket->gate);
    unlink_attempt(course, attempt);
    wins = judge_attempt(operation, &handle, &room_of(attempt)->remote, attempt->error);
    if (wins) {
        course->winner = handle;
        course->has_handle = true;
    }
    apmk_unlock_exclusive(&socket->gate);
    if (!wins) apmi_handle_drop(socket, handle.kernel); /* before it counts as over */
    apmi_operation_release(attempt);

    apmk_lock_exclusive(&socket->gate);
    course->running--;
    over = apmi_course_advance(operation);
    apmk_unlock_exclusive(&socket->gate);
    if (over) apmi_operation_complete(operation);
    apmi_operation_release(operation); /* the attempt's */
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static void set_port(apm_endpoint *endpoint, uint16_t port)
{
    unsigned char *bytes = (unsigned char *)endpoint->address; /* both families have it at the same place */

    bytes[2] = (unsigned char)(port >> 8);
    bytes[3] = (unsigned char)(port & 0xFF);
}

static void take_addresses(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);
    uint32_t i;

    if (course->lookup->code != APMK_SUCCESS) {
        course->error = apmi_error_from_native(course->lookup->code);
        return;
    }
    for (i = 0; i < course->lookup->count; i++) {
        apm_endpoint remote;

        apmi_address_get(&course->lookup->found[i], &remote);
        set_port(&remote, course->port);
        apmi_course_add(operation, &remote);
    }
    if (course->count == 0) course->error = APM_ERROR_NO_DATA;
}

/* On a thread of the resolver. Whoever stopped the course meanwhile has completed it. */
static void end_look_up(apmi_lookup *lookup)
{
    apmi_operation *operation = (apmi_operation *)lookup->context;
    apmi_course *course = apmi_course_of(operation);
    apm_socket *socket = operation->socket;
    bool over = false;

    apmk_lock_exclusive(&socket->gate);
    if (course->looking) {
        course->looking = false;
        take_addresses(operation);
        over = apmi_course_advance(operation);
    }
    apmk_unlock_exclusive(&socket->gate);
    if (over) post_operation(operation);
    apmi_operation_release(operation);
}

void apmi_course_look_up(apmi_operation *operation)
{
    apmi_course *course = apmi_course_of(operation);

    course->lookup->done = end_look_up;
    course->lookup->context = operation;
    course->looking = true;
    apmi_operation_retain(operation);
    apmi_resolver_ask(&operation->socket->library->resolver, course->lookup);
}
