/* SPDX-License-Identifier: MIT */
/* What has to hold when everything is over: of each call, and of the bytes of each place. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static const char *const kinds[] = {"connect", "send", "receive", "disconnect"};

void check(bool good, const char *text, const call *made)
{
    if (good) return;
    sim_fail("%s: %s of %zu bytes at place %u (Begin: %s; End: %s, %zu bytes)", text, kinds[made->kind],
             made->size, (unsigned)made->at->index, apm_error_name(made->begin_error),
             apm_error_name(made->error), made->bytes);
}

void check_at(bool good, const char *text, const place *at)
{
    if (!good) sim_fail("%s: place %u", text, (unsigned)at->index);
}

/* ---- one call -------------------------------------------------------------------------------- */

static bool is_ended(const call *made)
{
    return atomic_load(&made->winners) == 1;
}

/* An abort has been asked for, by the name that it has. */
static void check_abort(const call *made)
{
    bool closed = atomic_load(&made->at->closed) || atomic_load(&made->at->in->cleaned_up);

    switch (made->error) {
    case APM_ERROR_OPERATION_ABORTED:
        check(atomic_load(&made->cancelled) || made->at->parts_ways, "aborted, and nobody asked", made);
        break;
    case APM_ERROR_TIMED_OUT:
        check(atomic_load(&made->timed) || made->kind == CALL_CONNECT, "timed out, and nobody asked", made);
        break;
    case APM_ERROR_OBJECT_DISPOSED: check(closed, "disposed, and nobody closed", made); break;
    default: break;
    }
}

/* What goes on with a fresh socket of the kernel's. */
static bool disconnects(const call *made)
{
    return made->kind == CALL_DISCONNECT ||
           (made->files && (made->file_flags & APM_SEND_FILE_DISCONNECT) != 0);
}

/* The system's own code, of a file that could not be opened: it is not the network's memory that is short. */
enum { NO_RESOURCES = 1450 };

/* Only a hostile system runs out of anything. */
static void check_shortage(const call *made, apm_error error)
{
    check(made->at->in->hostile ||
              (error != APM_ERROR_OUT_OF_MEMORY && error != APM_ERROR_NO_BUFFER_SPACE_AVAILABLE &&
               error != APM_ERROR_TOO_MANY_OPEN_SOCKETS && error != NO_RESOURCES),
          "a shortage where nothing is short", made);
}

static void check_error(const call *made)
{
    check_shortage(made, made->error);
    switch (made->error) {
    case APM_ERROR_SUCCESS:
    case APM_ERROR_OPERATION_ABORTED:
    case APM_ERROR_TIMED_OUT:
    case APM_ERROR_OBJECT_DISPOSED: return;
    case APM_ERROR_CONNECTION_REFUSED: check(made->kind == CALL_CONNECT, "refused", made); return;
    case APM_ERROR_NETWORK_UNREACHABLE:
    case APM_ERROR_ADDRESS_NOT_AVAILABLE:
    case APM_ERROR_OUT_OF_MEMORY:
    case APM_ERROR_TOO_MANY_OPEN_SOCKETS:
    case APM_ERROR_HOST_NOT_FOUND:
        check(made->kind == CALL_CONNECT ? made->way != WAY_ONE || made->blocks : disconnects(made),
              "unreachable", made);
        return;
    case APM_ERROR_TRY_AGAIN:
        check(made->kind == CALL_CONNECT && made->way == WAY_HOST && made->at->in->hostile, "try again",
              made);
        return;
    case APM_ERROR_NOT_CONNECTED: check(made->at->parts_ways, "not connected", made); return;
    case APM_ERROR_CONNECTION_RESET:
    case APM_ERROR_CONNECTION_ABORTED:
    case APM_ERROR_SHUTDOWN:
        check(made->kind != CALL_CONNECT, "reset", made);
        check(made->error != APM_ERROR_SHUTDOWN || made->kind != CALL_SEND || !made->precedes_end ||
                  made->at->parts_ways,
              "the end of the stream has overtaken it", made);
        return;
    case APM_ERROR_NO_BUFFER_SPACE_AVAILABLE: return;
    case APM_ERROR_MESSAGE_SIZE:
        check(made->at->datagram && made->kind == CALL_RECEIVE, "message size", made);
        return;
    default: check(false, "an error that no kernel gave", made);
    }
}

/* What Begin may say. The kernel's complaints about a handle that has been used up are not
 * among them: the model has to see to a fresh one. */
static void check_begin_error(const call *made)
{
    bool connects = made->kind == CALL_CONNECT || disconnects(made);

    check_shortage(made, made->begin_error);
    switch (made->begin_error) {
    case APM_ERROR_SUCCESS:
    case APM_ERROR_OBJECT_DISPOSED:
    case APM_ERROR_OUT_OF_MEMORY:
    case APM_ERROR_NO_BUFFER_SPACE_AVAILABLE: return;
    case APM_ERROR_INVALID_OPERATION:
        check(connects || made->letter != LETTER_NONE, "Begin fails oddly", made); /* not bound */
        return;
    case APM_ERROR_OPERATION_NOT_SUPPORTED:
        check(made->letter == LETTER_MESSAGE && !made->at->datagram, "Begin fails oddly", made);
        return;
    case APM_ERROR_IS_CONNECTED:
    case APM_ERROR_TOO_MANY_OPEN_SOCKETS: check(connects, "Begin fails oddly", made); return;
    case APM_ERROR_NOT_SUPPORTED:
    case NO_RESOURCES: check(made->files, "Begin fails oddly", made); return;
    case APM_ERROR_NOT_CONNECTED:
    case APM_ERROR_SHUTDOWN:
    case APM_ERROR_CONNECTION_RESET:
    case APM_ERROR_CONNECTION_ABORTED: check(made->kind != CALL_CONNECT, "Begin fails oddly", made); return;
    default: check(false, "Begin fails with what no kernel said", made);
    }
}

static void check_bytes(const call *made)
{
    switch (made->kind) {
    case CALL_SEND:
        check(made->bytes <= made->size, "more than all was sent", made);
        check(made->error != APM_ERROR_SUCCESS || made->bytes == made->size, "not all was sent", made);
        break;
    case CALL_RECEIVE: check(made->bytes == made->kept_size, "bytes and buffer differ", made); break;
    case CALL_CONNECT:
    case CALL_DISCONNECT: break;
    }
}

static void check_call(const call *made)
{
    uint32_t callbacks = atomic_load(&made->callbacks);

    sim_note(made->begun ? "a call began" : "Begin failed", (uint64_t)made->begin_error, callbacks);
    sim_note(is_ended(made) ? "and ended" : "not ended", (uint64_t)made->error, made->bytes);
    check(callbacks == (made->begun && made->calls_back ? 1u : 0u), "not called back as it has to be", made);
    check(!made->damaged, "bytes behind the received ones have changed", made);
    check(made->begun || made->kept_size == 0, "Begin failed, and bytes were received", made);
    check_begin_error(made);
    if (is_ended(made)) {
        check_abort(made);
        check_error(made);
        check_bytes(made);
    }
    if (!made->begun || !made->wants_result) return;
    check(!made->synchronously || made->at->in->users == 0 ||
              (!made->at->in->options.callbacks_on_pool && made->at->in->options.dispatch == NULL),
          "completed inside Begin, which the options rule out", made);
    if (!made->calls_back) return;
    check(made->seen_synchronously == made->synchronously, "completed_synchronously is two things", made);
    check(!made->synchronously || made->callback_thread == made->begin_thread,
          "completed inside Begin, and called back elsewhere", made);
}

/* ---- what was received ------------------------------------------------------------------------------ */

/* Whether all that was received is the beginning of this conversation. Where bytes were only
 * looked at they have to be those that come next. */
static bool is_received(const place *at, const conversation *from, uint64_t *total)
{
    uint32_t i;

    *total = 0;
    for (i = 0; i < at->receive_count; i++) {
        const call *made = at->receives[i];

        if (made->kept_size == 0) continue;
        if (!pattern_holds(made->kept, made->kept_size, from->salt, *total)) return false;
        if (*total + made->kept_size > from->written) return false;
        if (!made->peeks) *total += made->kept_size;
    }
    return true;
}

static bool has_received(const place *at)
{
    uint32_t i;

    for (i = 0; i < at->receive_count; i++)
        if (at->receives[i]->kept_size != 0) return true;
    return false;
}

static void check_received(const place *at)
{
    const conversation *from;
    uint64_t total = 0;

    for (from = at->first; from != NULL; from = from->next) {
        if (!is_received(at, from, &total)) continue;
        if (total == 0 && from->next != NULL) continue; /* it may be any of them */
        check_at(!at->drained || total == from->written || at->first->next != NULL, "bytes were lost", at);
        return;
    }
    check_at(!has_received(at), "what was received is not what was sent", at);
}

/* ---- what was sent -------------------------------------------------------------------------------------- */

int64_t call_sent_bytes(const call *made)
{
    if (!made->begun) return 0;
    if (made->files && made->error != APM_ERROR_SUCCESS) return -1;
    return is_ended(made) ? (int64_t)made->bytes : -1;
}

/* Whether all of it has to be there where the stream ends well: it was under way when a close came that lets
 * everything be sent. What had failed before that is none of the close's, and that nobody may know. */
static bool is_due(const call *made)
{
    if (!atomic_load(&made->at->sends_all) || !made->begun || !made->precedes_close || !made->precedes_end)
        return false;
    if (is_ended(made)) return made->error == APM_ERROR_OBJECT_DISPOSED;
    return !made->at->in->hostile && !atomic_load(&made->cancelled) && !atomic_load(&made->timed);
}

/* Whether what was read from `place` on is the sends from `i` on, in order, up to where the
 * reading ended. Where nobody knows how much of a send went out, each length is tried. */
static bool is_sent(const place *at, const conversation *to, uint32_t i, size_t where)
{
    for (; i < at->send_count; i++) {
        const call *made = at->sends[i];
        int64_t known = to->outcome == SIM_END && is_due(made) ? (int64_t)made->size : call_sent_bytes(made);
        size_t left = to->read_size - where, most = known < 0 ? made->size : (size_t)known;
        size_t here = most < left ? most : left, match = 0;

        while (match < here && pattern_holds(to->read + where + match, 1, at->salt, made->offset + match))
            match++;
        if (known < 0) {
            for (;; match--) {
                if (is_sent(at, to, i + 1, where + match)) return true;
                if (match == 0) return false;
            }
        }
        if (match < here) return false;
        if (here < most) return to->outcome != SIM_END; /* cut off: all of it came, if it ended well */
        where += here;
    }
    return where == to->read_size;
}

static void check_sent(const place *at)
{
    const conversation *to, *real = NULL;

    for (to = at->first; to != NULL; to = to->next) {
        if (to->read_size == 0) continue;
        check_at(real == NULL, "sent to two peers", at);
        real = to;
    }
    if (real == NULL && at->first != NULL && at->first->next == NULL) real = at->first;
    if (real != NULL) check_at(is_sent(at, real, 0, 0), "what was sent is not what arrived", at);
}

/* ---- datagrams -------------------------------------------------------------------------------------------- */

/* Of a place that talks to itself: each that was received is one that was sent, after the one
 * before; some are received by nobody. */
static void check_datagrams(const place *at)
{
    uint32_t i, next = 0;

    for (i = 0; i < at->receive_count; i++) {
        const call *made = at->receives[i];
        bool found = made->kept_size == 0 || made->peeks;

        while (!found && next < at->send_count) {
            const call *sent = at->sends[next++];
            size_t fits = sent->size < made->size ? sent->size : made->size;

            found = sent->begun && fits == made->kept_size &&
                    pattern_holds(made->kept, fits, at->salt, sent->offset);
        }
        check(found, "a datagram that nobody sent", made);
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

static void check_calls(call *const *calls, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) check_call(calls[i]);
}

void check_program(program *run)
{
    uint32_t i;

    for (i = 0; i < PLACES; i++) {
        const place *at = &run->places[i];

        check_calls(at->sends, at->send_count);
        check_calls(at->receives, at->receive_count);
        check_calls(at->connects, at->connect_count);
        if (at->datagram) {
            if (!at->free) check_datagrams(at);
            check_letters(at);
        } else if (at->parts_ways) {
            check_partings(at);
        } else {
            check_received(at);
            check_sent(at);
        }
    }
}
