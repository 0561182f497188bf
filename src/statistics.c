/* SPDX-License-Identifier: MIT */
/*
 * Statistics. Sockets count for themselves, so that counting takes nothing that two of them share:
 * operations begun and live are one word (socket.c), bytes are a word of each lane. When a socket
 * leaves the library its numbers are added to the library's, under the lock of the list; whoever asks
 * adds those of the list, under the same lock. What ends in an error is rare: the library counts it.
 */
#include "statistics.h"

#include <apmsock/error.h>
#include <assert.h>
#include <string.h>

#include "library.h"
#include "socket.h"

/* The first version ended with `idle_workers`. */
#define FIRST_SIZE (offsetof(apm_statistics, idle_workers) + sizeof(uint32_t))
#define LARGEST_SIZE 4096u

/* ---- counting ------------------------------------------------------------------------------------ */

void apmi_statistics_init(apmi_statistics *statistics)
{
    memset(&statistics->gone, 0, sizeof statistics->gone);
    atomic_init(&statistics->carried, 0);
    atomic_init(&statistics->aborted, 0);
    atomic_init(&statistics->failed, 0);
}

/* Relaxed, here and below: each number for itself. */
static uint64_t read_number(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

/* What a socket has done and does. */
static void add_socket(apm_statistics *sum, const apm_socket *socket)
{
    uint64_t active = read_number(&socket->active);

    sum->begun += apmi_socket_begun(active);
    sum->live += apmi_socket_live(active);
    sum->bytes_sent += read_number(&socket->lanes[APMI_OUTWARD].bytes);
    sum->bytes_received += read_number(&socket->lanes[APMI_INWARD].bytes);
}

void apmi_statistics_take(apmi_statistics *statistics, const apm_socket *socket)
{
    assert(apmi_socket_live(read_number(&socket->active)) == 0);
    add_socket(&statistics->gone, socket);
}

/* ---- asking ---------------------------------------------------------------------------------------- */

/* False if the library is being ended. */
static bool add_sockets(apmi_library *library, apm_statistics *sum)
{
    const apm_socket *socket;
    bool ends;

    apmk_lock_exclusive(&library->lock);
    ends = library->closing;
    *sum = library->statistics.gone;
    for (socket = library->sockets; socket != NULL; socket = socket->next) {
        add_socket(sum, socket);
        sum->sockets++;
    }
    apmk_unlock_exclusive(&library->lock);
    sum->begun += read_number(&library->statistics.carried);
    return !ends;
}

static bool count_all(apmi_library *library, apm_statistics *sum)
{
    uint32_t crew;

    if (!add_sockets(library, sum)) return false;
    sum->completed = sum->begun - sum->live;
    sum->cancelled = read_number(&library->statistics.aborted);
    sum->failed = read_number(&library->statistics.failed);
    crew = atomic_load_explicit(&library->pool.crew, memory_order_relaxed); /* as of one moment */
    sum->workers = apmi_crew_workers(crew);
    sum->idle_workers = apmi_crew_waiting(crew);
    return true;
}

apm_error APM_CALL apm_get_statistics(apm_statistics *statistics)
{
    apm_statistics sum;
    apmi_library *library;
    size_t size;
    bool good;

    if (statistics == NULL) return APM_ERROR_ARGUMENT_NULL;
    size = statistics->size;
    if (size < FIRST_SIZE || size > LARGEST_SIZE) return APM_ERROR_ARGUMENT;
    library = apmi_library_use_running();
    if (library == NULL) return APM_ERROR_NOT_INITIALIZED;
    good = count_all(library, &sum);
    apmi_library_leave(library, NULL);
    apmi_library_drop(library);
    if (!good) return APM_ERROR_NOT_INITIALIZED;
    memset(statistics, 0, size);
    memcpy(statistics, &sum, size < sizeof sum ? size : sizeof sum);
    statistics->size = size;
    return APM_ERROR_SUCCESS;
}
