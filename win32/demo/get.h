/* SPDX-License-Identifier: MIT */
/* apmdemo get: the standard input, or a file, to a server; and from there to the standard output. */
#ifndef DEMO_GET_H
#define DEMO_GET_H

#include "arguments.h"

/* Returns true once the server has ended its stream; or says in one line on the standard error
 * output what went wrong, and returns false. Callbacks may still be under way then. */
bool get_run(const arguments *asked);

#endif
