/* SPDX-License-Identifier: MIT */
/* The simulated world. */
#define _POSIX_C_SOURCE 200809L
#include "world.h"

#include "../support/temporary_file.h"

apm_endpoint world_silent_endpoint(void)
{
    apm_endpoint endpoint = {0};

    (void)apm_endpoint_from_ip("192.0.2.1", 9, &endpoint);
    return endpoint;
}

static temporary_file file;

const char *world_file_make(const void *data, size_t size)
{
    static const temporary_file fresh = TEMPORARY_FILE;

    file = fresh;
    return temporary_file_write(&file, data, size) ? file.path : NULL;
}

bool world_file_delete(void)
{
    return temporary_file_delete(&file);
}

/* Longer than a worker is idle and a peer is waited for, shorter than anybody's patience. */
uint32_t world_shortage_time(void)
{
    return 40000;
}

bool world_is_simulated(void)
{
    return true;
}
