/* SPDX-License-Identifier: MIT */
/* Windows only: a crash ends the process with a code of its own and says where it happened. */
#ifndef TEST_CRASH_FILTER_H
#define TEST_CRASH_FILTER_H

/* From now on a crash prints its chain of callers and ends the process with code 70, whatever
 * debugger the system would start otherwise. */
void crash_filter_install(void);

/* Ends the process at once: no exit handlers, no DllMain, no waiting for anything. */
void crash_filter_terminate(int code);

#endif
