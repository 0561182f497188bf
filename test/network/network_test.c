/* SPDX-License-Identifier: MIT */
/*
 * What a network does to connections: run by network.py, in a network that can be broken. All
 * waiting is for something to happen, with the watchdogs of the harness.
 */
#include "suites.h"

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"silent", silent_cases},
                                        {"unreachable", unreachable_cases},
                                        {"parallel", parallel_cases},
                                        {"reset", reset_cases},
                                        {"silence", silence_cases},
                                        {"link", link_cases},
                                        {"slow_parallel", slow_parallel_cases},
                                        {"relay", relay_cases},
                                        {"name", name_cases},
                                        {"slow_name", slow_name_cases},
                                        {"keep_alive", keep_alive_cases},
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
