/* SPDX-License-Identifier: MIT */
/*
 * Starting and ending.
 *
 *   STOPPED -> CHANGING   apm_startup, or the first socket.
 *   CHANGING -> RUNNING   it has made the library; or back to STOPPED.
 *   RUNNING -> STOPPING   the last apm_cleanup:
 *                         1. no socket may enter any more;
 *                         2. each socket is shut, as if its user had closed it;
 *                         3. wait until the last use is over: every operation has called back;
 *                         4. end the timers, the resolver, then the workers.
 *   STOPPING -> CHANGING  from here on no callback runs that could ask for the library.
 *                         5. Give the network back.
 *   CHANGING -> STOPPED   The memory goes when the last socket's does.
 *
 * The phase changes under the lock, and all else is done without it: callbacks that still run may ask
 * for the library, and to load or free the network's modules takes the loader's lock, whose owner (in a
 * DllMain) may ask for it, too. The phase is a word that one can wait on, so a start that meets another
 * one or an end waits for it; a DllMain cannot.
 */
#include "library.h"

#include <assert.h>
#include <string.h>

#include "error.h"
#include "socket.h"
#include "trace.h"

#define DEFAULT_MINIMUM 1u
#define DEFAULT_MAXIMUM 512u
#define LIMIT 4096u

enum { STOPPED, RUNNING, STOPPING, CHANGING };

static apmk_lock library_lock;
static _Atomic uint32_t library_phase; /* written under the lock */
static uint32_t library_users;         /* of apm_startup */
static apmi_library *library_now;

/* ---- memory -------------------------------------------------------------------------------- */

static void *APM_CALL allocate_default(size_t size, void *context)
{
    (void)context;
    return apmk_allocate(size);
}

static void APM_CALL release_default(void *block, void *context)
{
    (void)context;
    apmk_release(block);
}

void *apmi_library_allocate(apmi_library *library, size_t size)
{
    return library->options.allocate(size, library->options.context);
}

void apmi_library_release_block(apmi_library *library, void *block)
{
    library->options.release(block, library->options.context);
}

void apmi_library_hold(apmi_library *library)
{
    /* Relaxed: whoever calls this holds a reference, or the lock. */
    atomic_fetch_add_explicit(&library->references, 1, memory_order_relaxed);
}

void apmi_library_drop(apmi_library *library)
{
    if (atomic_fetch_sub_explicit(&library->references, 1, memory_order_acq_rel) == 1)
        apmi_library_release_block(library, library);
}

/* ---- options -------------------------------------------------------------------------------- */

/* Reads the options of a caller who may know fewer or more of them than we do. */
static apm_error read_options(const apm_options *given, apm_options *options)
{
    memset(options, 0, sizeof *options);
    if (given != NULL) {
        const unsigned char *bytes = (const unsigned char *)given;
        size_t i, size = given->size;

        /* The first version ended with `packet_always`; what comes later may be missing. */
        if (size < offsetof(apm_options, packet_always) || size > 4096) return APM_ERROR_ARGUMENT;
        for (i = sizeof *options; i < size; i++)
            if (bytes[i] != 0) return APM_ERROR_ARGUMENT; /* asks for what this version has not */
        memcpy(options, given, size < sizeof *options ? size : sizeof *options);
    }
    if ((options->allocate == NULL) != (options->release == NULL)) return APM_ERROR_ARGUMENT;
    if (options->allocate == NULL) {
        options->allocate = allocate_default;
        options->release = release_default;
    }
    if (options->log_level < 0 || options->log_level > APM_LOG_TRACE) return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (options->log_level == 0) options->log_level = APM_LOG_WARNING;
    if (options->no_workers) {
        if (options->min_workers != 0 || options->max_workers != 0 || options->concurrency != 0 ||
            options->dispatch != NULL)
            return APM_ERROR_ARGUMENT;
        /* No limit: a thread that once polled may be busy while another one has to come to the port. */
        options->concurrency = LIMIT;
        return APM_ERROR_SUCCESS;
    }
    if (options->dispatch != NULL) options->callbacks_on_pool = true; /* none runs inside Begin */
    if (options->max_workers == 0)
        options->max_workers =
            options->min_workers > DEFAULT_MAXIMUM ? options->min_workers : DEFAULT_MAXIMUM;
    if (options->min_workers == 0) options->min_workers = DEFAULT_MINIMUM;
    if (options->max_workers > LIMIT || options->min_workers > options->max_workers)
        return APM_ERROR_ARGUMENT_OUT_OF_RANGE;
    if (options->concurrency == 0) options->concurrency = apmk_processor_count();
    return APM_ERROR_SUCCESS;
}

/* ---- start ------------------------------------------------------------------------------------ */

static uint32_t phase_now(void)
{
    /* Relaxed: under the lock. */
    return atomic_load_explicit(&library_phase, memory_order_relaxed);
}

/* With the lock. */
static void change_phase(uint32_t phase)
{
    atomic_store_explicit(&library_phase, phase, memory_order_release);
    apmk_wake_address(&library_phase);
}

static apm_error make_library(const apm_options *options, apmi_library **made)
{
    apmi_library *library = (apmi_library *)options->allocate(sizeof *library, options->context);
    apmk_code code;

    if (library == NULL) return APM_ERROR_OUT_OF_MEMORY;
    memset(library, 0, sizeof *library);
    atomic_init(&library->references, 1);
    atomic_init(&library->live, 0);
    library->options = *options;
    apmi_timers_init(&library->timers);
    apmi_resolver_init(&library->resolver);
    apmi_statistics_init(&library->statistics);
    apmi_ready_init(&library->ready, options->dispatch != NULL || options->no_workers);

    code = apmk_start();
    if (code != APMK_SUCCESS) goto no_network;
    apmi_trace_start(library);
    code = apmi_pool_start(&library->pool, library, options->min_workers, options->max_workers,
                           options->concurrency);
    if (code != APMK_SUCCESS) goto no_pool;
    *made = library;
    return APM_ERROR_SUCCESS;

no_pool:
    apmi_trace_stop();
    apmk_stop();
no_network:
    apmi_library_drop(library);
    return apmi_error_from_native(code);
}

/* With the lock, while it is stopped. Counts as one apm_startup. */
static apm_error start_library(const apm_options *options)
{
    apmi_library *library = NULL;
    apm_error error;

    change_phase(CHANGING);
    apmk_unlock_exclusive(&library_lock);
    error = make_library(options, &library);
    apmk_lock_exclusive(&library_lock);
    library_now = library;
    library_users = 1;
    change_phase(error == APM_ERROR_SUCCESS ? RUNNING : STOPPED);
    return error;
}

/* With the lock: its phase, once that does not change by itself; STOPPING is one such for who only wants to
 * know whether it runs. Otherwise that, without waiting, where one cannot. */
static uint32_t settle_phase(bool waits_for_end)
{
    uint32_t phase;

    while ((phase = phase_now()) == CHANGING || (phase == STOPPING && waits_for_end)) {
        /* The end waits for this very callback, or somebody for the loader's lock that we hold. */
        if (apmk_loader_state() != APMK_LOADER_FREE ||
            (phase == STOPPING && apmk_local_get(APMK_LOCAL_DEPTH) != 0))
            break;
        apmk_unlock_exclusive(&library_lock);
        (void)apmk_wait_address(&library_phase, phase, APMK_FOREVER);
        apmk_lock_exclusive(&library_lock);
    }
    return phase;
}

static void tell_started(const apmi_library *library)
{
    apmi_trace_library(library, APM_EVENT_LIBRARY_STARTED, APM_ERROR_SUCCESS, library->options.max_workers);
}

apm_error APM_CALL apm_startup(const apm_options *options)
{
    apmi_library *started = NULL;
    apm_options wanted;
    apm_error error = read_options(options, &wanted);
    uint32_t phase;

    if (error != APM_ERROR_SUCCESS) return error;
    apmk_lock_exclusive(&library_lock);
    phase = settle_phase(true);
    if (phase == STOPPED)
        error = start_library(&wanted);
    else if (phase == RUNNING)
        library_users++;
    else
        error = APM_ERROR_INVALID_OPERATION;
    if (error == APM_ERROR_SUCCESS && phase == STOPPED) {
        started = library_now;
        apmi_library_hold(started);
    }
    apmk_unlock_exclusive(&library_lock);
    if (started != NULL) {
        tell_started(started);
        apmi_library_drop(started);
    }
    return error;
}

apm_error apmi_library_use(apmi_library **library)
{
    apm_error error = APM_ERROR_SUCCESS;
    uint32_t phase;

    apmk_lock_exclusive(&library_lock);
    phase = settle_phase(false);
    if (phase == STOPPED) {
        apm_options options;
        error = read_options(NULL, &options);
        /* Counts as a start: somebody else's start and end must not end it under the socket. */
        if (error == APM_ERROR_SUCCESS) error = start_library(&options);
    } else if (phase != RUNNING) {
        error = APM_ERROR_INVALID_OPERATION;
    }
    if (error == APM_ERROR_SUCCESS) {
        apmi_library_hold(library_now);
        apmi_library_enter_use(library_now); /* the end of the library takes the lock before it looks */
        *library = library_now;
    }
    apmk_unlock_exclusive(&library_lock);
    if (error == APM_ERROR_SUCCESS && phase == STOPPED) tell_started(*library);
    return error;
}

uint32_t apmi_library_recruit(void)
{
    apmi_library *library = NULL;
    uint32_t pause;

    apmk_lock_shared(&library_lock);
    if (library_now != NULL && atomic_load_explicit(&library_now->pool.short_handed, memory_order_relaxed)) {
        library = library_now;
        apmi_library_hold(library);
    }
    apmk_unlock_shared(&library_lock);
    if (library == NULL) return APMI_RECRUIT_TIME;
    pause = apmi_pool_recruit(&library->pool);
    apmi_library_drop(library);
    return pause;
}

apmi_library *apmi_library_use_running(void)
{
    apmi_library *library = NULL;

    apmk_lock_shared(&library_lock);
    if (phase_now() == RUNNING) {
        library = library_now;
        apmi_library_hold(library);
        apmi_library_enter_use(library);
    }
    apmk_unlock_shared(&library_lock);
    return library;
}

apm_error APM_CALL apm_poll(uint32_t timeout)
{
    apmi_library *library = apmi_library_use_running();
    apm_error error;
    bool nests;

    if (library == NULL) return APM_ERROR_NOT_INITIALIZED;
    nests = apmk_local_get(APMK_LOCAL_DEPTH) != 0;
    if (nests) apmi_ready_miss(library);
    if (!library->ready.used || nests || (timeout == APM_INFINITE && apmk_loader_state() != APMK_LOADER_FREE))
        error = APM_ERROR_INVALID_OPERATION;
    else
        error = apmi_ready_poll(library, timeout);
    apmi_library_leave(library, NULL);
    apmi_library_drop(library);
    return error;
}

/* ---- the open sockets ---------------------------------------------------------------------------- */

bool apmi_library_enter(apmi_library *library, apm_socket *socket)
{
    bool enters;

    apmk_lock_exclusive(&library->lock);
    enters = !apmi_library_closes(library);
    if (enters) {
        socket->previous = NULL;
        socket->next = library->sockets;
        if (socket->next != NULL) socket->next->previous = socket;
        library->sockets = socket;
        socket->listed = true;
    }
    apmk_unlock_exclusive(&library->lock);
    return enters;
}

/* Under the list's lock. */
static void unlist_socket(apmi_library *library, apm_socket *socket)
{
    if (socket->previous != NULL)
        socket->previous->next = socket->next;
    else
        library->sockets = socket->next;
    if (socket->next != NULL) socket->next->previous = socket->previous;
    socket->next = socket->previous = NULL;
    socket->listed = false;
}

void apmi_library_enter_use(apmi_library *library)
{
    /* Relaxed: the use that is known of orders it. */
    atomic_fetch_add_explicit(&library->live, 1, memory_order_relaxed);
}

void apmi_library_leave(apmi_library *library, apm_socket *socket)
{
    if (socket != NULL) {
        apmk_lock_exclusive(&library->lock);
        if (socket->listed) unlist_socket(library, socket);
        apmi_statistics_take(&library->statistics, socket);
        apmk_unlock_exclusive(&library->lock);
    }
    /* Release: all that the socket's operations did is done. */
    if (atomic_fetch_sub_explicit(&library->live, 1, memory_order_acq_rel) == 1)
        apmk_wake_address(&library->live);
}

/* ---- end ---------------------------------------------------------------------------------------------- */

static void shut_sockets(apmi_library *library)
{
    apm_socket *socket;

    do {
        apmk_lock_exclusive(&library->lock);
        atomic_store_explicit(&library->closing, true, memory_order_relaxed);
        socket = library->sockets;
        if (socket != NULL) {
            /* Listed, so it is still active and holds its memory. */
            unlist_socket(library, socket);
            apmi_socket_hold(socket);
        }
        apmk_unlock_exclusive(&library->lock);
        if (socket != NULL) {
            (void)apmi_socket_shut(socket, -1);
            apmi_socket_drop(socket);
        }
    } while (socket != NULL);
}

static void wait_for_sockets(apmi_library *library)
{
    uint32_t live;

    while ((live = atomic_load_explicit(&library->live, memory_order_acquire)) != 0) {
        if (library->ready.used)
            apmi_ready_drain(library, live);
        else
            (void)apmk_wait_address(&library->live, live, apmi_pool_recruit(&library->pool));
    }
}

apm_error APM_CALL apm_cleanup(void)
{
    apmi_library *library = NULL;
    enum apmk_loader loader = apmk_loader_state();
    apm_error error = APM_ERROR_SUCCESS;

    /* Whoever held the lock may be gone with it. */
    if (loader == APMK_LOADER_ENDS) return APM_ERROR_INVALID_OPERATION;
    apmk_lock_exclusive(&library_lock);
    if (phase_now() != RUNNING) {
        error = APM_ERROR_NOT_INITIALIZED;
    } else if (apmk_local_get(APMK_LOCAL_DEPTH) != 0) {
        error = APM_ERROR_INVALID_OPERATION; /* it would wait for its own callback */
    } else if (library_users > 1) {
        library_users--;
    } else if (loader != APMK_LOADER_FREE) {
        error = APM_ERROR_INVALID_OPERATION; /* it would wait for threads that cannot end */
    } else {
        library_users = 0;
        library = library_now;
        change_phase(STOPPING);
    }
    apmk_unlock_exclusive(&library_lock);
    if (library == NULL) return error;

    shut_sockets(library);
    wait_for_sockets(library);
    apmi_timers_stop(&library->timers);
    apmi_resolver_stop(&library->resolver);
    apmi_pool_stop(&library->pool);

    apmi_trace_library(library, APM_EVENT_LIBRARY_STOPPED, APM_ERROR_SUCCESS, 0);

    apmk_lock_exclusive(&library_lock);
    library_now = NULL;
    change_phase(CHANGING);
    apmk_unlock_exclusive(&library_lock);
    apmi_trace_stop();
    apmk_stop();
    apmk_lock_exclusive(&library_lock);
    change_phase(STOPPED);
    apmk_unlock_exclusive(&library_lock);
    apmi_library_drop(library);
    return APM_ERROR_SUCCESS;
}

const char *APM_CALL apm_version(void)
{
    return APM_VERSION;
}
