/* SPDX-License-Identifier: MIT */
/* The simulated kernel's objects and threads: those that the library has made. */
#include "harness.h"
#include "sim.h"

int64_t harness_handles(void)
{
    return sim_census(SIM_EVENTS) + sim_census(SIM_SOCKETS) + sim_census(SIM_FILES) + sim_census(SIM_PORTS) +
           sim_census(SIM_THREADS);
}

int64_t harness_threads(void)
{
    return sim_census(SIM_RUNNING);
}

int64_t harness_sockets(void)
{
    return sim_census(SIM_SOCKETS);
}
