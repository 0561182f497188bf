/* SPDX-License-Identifier: MIT */
/*
 * The census: what is left when all operations have called back and all sockets are closed. Each
 * part ends the process, with what to say, when something is not as it has to be.
 */
#ifndef TEST_CENSUS_H
#define TEST_CENSUS_H

#include <apmsock/apmsock.h>
#include <stdint.h>

enum {
    CENSUS_WARM_UP = 4, /* the census that handles, threads and bytes are measured by */
    CENSUSES_LEAST = 8  /* with fewer nothing can be told */
};

/* The library has just been started and nothing used it yet. `workers`: it has so many, always; 0: it varies. */
void census_library_started(uint32_t workers);
/* While the library runs: its statistics against what the slots know of themselves, and its blocks. */
void census_library_idle(void);
void census_library_ended(void);
/* Handles, threads, heap blocks and private bytes of the process, always in the same state. Counts, and says a line. */
void census_process(uint64_t milliseconds);
uint64_t census_count(void);
/* How private bytes have risen from the warm-up to here. */
void census_end(void);

apm_statistics census_ask(void);

#endif
