/* SPDX-License-Identifier: MIT */
/* Names: a table for tests, with answers that take their time. */
#include <stdlib.h>
#include <string.h>

#include "sim_network.h"

typedef struct name {
    struct name *next;
    char host[256];
    apmk_address *addresses;
    uint32_t count, delay;
    apmk_code code;
} name;

static name *names;
static bool held;
static uint32_t waiting;
static sched_condition names_changed;
static bool condition_made;

static void make_condition(void)
{
    if (!condition_made) sched_condition_init(&names_changed);
    condition_made = true;
}

static void add_name(const char *host, const apmk_address *addresses, uint32_t count, apmk_code code,
                     uint32_t delay)
{
    name *made = (name *)sim_memory(sizeof *made);

    if (strlen(host) >= sizeof made->host) sim_fail("a name that is too long");
    memcpy(made->host, host, strlen(host) + 1);
    if (count != 0) {
        made->addresses = (apmk_address *)sim_memory(count * sizeof *addresses);
        memcpy(made->addresses, addresses, count * sizeof *addresses);
    }
    made->count = count;
    made->delay = delay;
    made->code = code;
    sched_mutex_lock(&sim_network);
    made->next = names; /* the last one of a name counts */
    names = made;
    sched_mutex_unlock(&sim_network);
}

void sim_name_add(const char *host, const apmk_address *addresses, uint32_t count, uint32_t delay)
{
    add_name(host, addresses, count, APMK_SUCCESS, delay);
}

void sim_name_fail(const char *host, uint32_t code, uint32_t delay)
{
    add_name(host, NULL, 0, code, delay);
}

void sim_names_hold(bool hold)
{
    sched_mutex_lock(&sim_network);
    make_condition();
    held = hold;
    sched_condition_broadcast(&names_changed);
    sched_mutex_unlock(&sim_network);
}

uint32_t sim_names_waiting(void)
{
    uint32_t count;

    sched_mutex_lock(&sim_network);
    count = waiting;
    sched_mutex_unlock(&sim_network);
    return count;
}

void sim_names_clear(void)
{
    sched_mutex_lock(&sim_network);
    while (names != NULL) {
        name *one = names;
        names = one->next;
        free(one->addresses);
        free(one);
    }
    make_condition();
    held = false;
    sched_condition_broadcast(&names_changed);
    sched_mutex_unlock(&sim_network);
}

void sim_names_reset(void)
{
    sim_names_clear();
    if (waiting != 0) sim_fail("a look-up is left over");
    sched_condition_destroy(&names_changed);
    condition_made = false;
}

/* ---- the look-up ------------------------------------------------------------------------------- */

static int lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter;
}

/* The case of ASCII letters does not count. */
static bool is_same_name(const char *a, const char *b)
{
    for (; lower(*a) == lower(*b); a++, b++)
        if (*a == '\0') return true;
    return false;
}

/* This computer, as it is known everywhere. */
static uint32_t find_localhost(apmk_address *found, uint32_t room)
{
    uint32_t count = 0;

    memset(found, 0, room * sizeof *found);
    if (count < room) found[count++].length = sim_address_write(SIM_IPV6, 0, false, found[0].bytes);
    if (count < room) {
        found[count].length = sim_address_write(SIM_IPV4, 0, false, found[count].bytes);
        count++;
    }
    return count;
}

static apmk_code answer(const char *host, apmk_address *found, uint32_t room, uint32_t *count,
                        uint32_t *delay)
{
    const name *at = names;
    uint32_t i;

    while (at != NULL && !is_same_name(at->host, host)) at = at->next;
    *delay = 0;
    if (at == NULL) {
        bool is_us = host[0] == '\0' || is_same_name(host, "localhost");

        if (is_us) *count = find_localhost(found, room);
        return is_us ? APMK_SUCCESS : CODE_NO_HOST;
    }
    *delay = at->delay;
    if (at->code != APMK_SUCCESS) return at->code;
    *count = at->count < room ? at->count : room;
    for (i = 0; i < *count; i++) {
        found[i] = at->addresses[i];
        found[i].bytes[2] = found[i].bytes[3] = 0; /* the port is the caller's */
    }
    return APMK_SUCCESS;
}

apmk_code apmk_name_find(const char *host, apmk_address *found, uint32_t room, uint32_t *count)
{
    apmk_code code;
    uint32_t delay;

    sim_enter("name find", 0, 0);
    sched_mutex_lock(&sim_network);
    make_condition();
    waiting++;
    while (held) (void)sim_block(&names_changed, &sim_network, SCHED_NEVER);
    code = answer(host, found, room, count, &delay);
    if (sim_fault_strikes(SIM_NAME)) code = CODE_TRY_AGAIN;
    sched_mutex_unlock(&sim_network);
    if (delay != 0) sched_sleep(delay);
    sched_mutex_lock(&sim_network);
    waiting--;
    sched_mutex_unlock(&sim_network);
    return code;
}
