/* SPDX-License-Identifier: MIT */
/* The suites of the network test program. */
#ifndef TEST_NETWORK_SUITES_H
#define TEST_NETWORK_SUITES_H

#include "hand.h"

extern const test_case silent_cases[];
extern const test_case unreachable_cases[];
extern const test_case parallel_cases[];
extern const test_case reset_cases[];
extern const test_case silence_cases[];
extern const test_case link_cases[];
extern const test_case slow_parallel_cases[];
extern const test_case relay_cases[];
extern const test_case name_cases[];
extern const test_case slow_name_cases[];
extern const test_case keep_alive_cases[];

#endif
