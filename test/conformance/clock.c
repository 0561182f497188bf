/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <stdio.h>

enum { SLACK = 20 /* ms: turns of the clock and the kernel's own work */ };

static const plain_case *cases_now;
static bool posts_now;
static void (*body)(void);

void begin_time(timed *one, apm_socket *socket)
{
    one->socket = socket;
    one->done = false;
    one->begun = sim_now();
}

void end_time(timed *one, apm_error error)
{
    one->error = error;
    one->over = sim_now();
    atomic_store(&one->done, true);
}

void APM_CALL note_connect(apm_async_result *result)
{
    timed *one = (timed *)apm_async_result_state(result);

    end_time(one, apm_socket_end_connect(one->socket, result));
}

apm_socket *new_stream(void)
{
    apm_socket *socket = NULL;

    CU_ASSERT(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_UNSPECIFIED, &socket) ==
              APM_ERROR_SUCCESS);
    return socket;
}

apm_endpoint at_port(uint16_t port)
{
    apm_endpoint endpoint = {0};

    endpoint.length = sim_address(APM_FAMILY_IPV4, port, endpoint.address);
    return endpoint;
}

uint64_t wait_end(timed *one)
{
    while (!atomic_load(&one->done)) sim_sleep(1);
    return one->over - one->begun;
}

uint64_t connect_to(apm_socket *socket, const apm_endpoint *remotes, size_t count, uint32_t timeout,
                    timed *one)
{
    apm_async_result *result = NULL;

    begin_time(one, socket);
    CU_ASSERT(apm_socket_begin_connect_many(socket, remotes, count, note_connect, one, &result) ==
              APM_ERROR_SUCCESS);
    if (timeout != 0) CU_ASSERT(apm_async_result_cancel_after(result, timeout) == APM_ERROR_SUCCESS);
    (void)wait_end(one);
    apm_async_result_release(result);
    return one->over - one->begun;
}

/* Who looks at a coarse clock may wait for its next step. */
uint64_t slack(void)
{
    return SLACK + sim_profile_now()->clock_step;
}

bool is_near(uint64_t time, uint64_t expected)
{
    if (time >= expected && time <= expected + slack()) return true;
    (void)printf("(%llu ms, not %llu) ", (unsigned long long)time, (unsigned long long)expected);
    return false;
}

void APM_CALL note_receive(apm_async_result *result)
{
    timed *one = (timed *)apm_async_result_state(result);
    size_t bytes = 0;

    end_time(one, apm_socket_end_receive(one->socket, result, &bytes));
}

void set_post_fault(uint32_t nth, uint32_t rate)
{
    sim_profile profile = sim_base_profile();

    if (posts_now) {
        /* Else the kernel may make it pending, and its packet, which nobody posts, bring the callback. */
        profile.ifs_handles = true;
        profile.defers = profile.pends = profile.late_packet = 0;
        profile.reorders = 0; /* they count on who is the first */
        /* A callback that sleeps keeps its processor here: another one is left for those that it waits for. */
        if (profile.processors < 2) profile.processors = 2;
    }
    profile.faults[SIM_POST].nth = nth;
    profile.faults[SIM_POST].rate = rate;
    sim_set_profile(&profile);
}

static void run_simulated(void *argument)
{
    apm_options options = {0};

    (void)argument;
    options.size = sizeof options;
    options.min_workers = 1;
    options.callbacks_on_pool = true;
    set_post_fault(0, 0);
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    body();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
}

static void run_current(void)
{
    uint64_t seed;

    body = plain_case_current(cases_now)->run;
    for (seed = 1; seed <= 20; seed++) {
        sim_seed(seed);
        sim_run(run_simulated, NULL);
    }
}

int play_clock(const char *suite, const plain_case *cases, size_t count, bool posts)
{
    cases_now = cases;
    posts_now = posts;
    return run_plain_suite(suite, cases, count, run_current);
}
