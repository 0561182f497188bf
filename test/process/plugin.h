/* SPDX-License-Identifier: MIT */
/* A guest (guest.h) as its host has it. */
#ifndef TEST_PLUGIN_H
#define TEST_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "guest.h"

typedef struct plugin {
    void *module;
    guest_functions call;
} plugin;

/* Loads "guest_a.dll" or "guest_b.dll", and apmsock.dll with it. */
bool plugin_load(plugin *loaded, const char *file);
bool plugin_free(plugin *loaded);

/* Whether a module is there; the system unmaps one some time after the last thread in it has
 * left, so plugin_gone waits for that. */
bool plugin_present(const char *file);
bool plugin_gone(const char *file);

/* A function of the library that the process has, for a host that is not linked to it. `place` is a
 * pointer to some function. Whoever calls it holds the module. */
bool plugin_library_find(const char *name, void *place);
/* Start and end, by somebody who holds the module for as long as it takes. 0 or the library's error;
 * PLUGIN_ABSENT if it is not there. */
enum { PLUGIN_ABSENT = -1000 };
/* `on_pool`: no callback runs inside a Begin function, so it may wait for the one who began. */
int32_t plugin_library_start(bool on_pool);
int32_t plugin_library_stop(void);

#endif
