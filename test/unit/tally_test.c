/* SPDX-License-Identifier: MIT */
/* A socket's count of operations begun: what its word has no room for is carried over. */
#include "../../src/socket.h"
#include "../sim/sim.h"
#include "../support/fixture.h"

static uint64_t ask_begun(void)
{
    apm_statistics now = {0};

    now.size = sizeof now;
    (void)CHECK_ERROR(apm_get_statistics(&now), APM_ERROR_SUCCESS);
    return now.begun;
}

/* An End may be over before the worker is done with the operation. */
static bool wait_until_none_is_live(apm_socket *socket)
{
    uint64_t end = test_now() + PATIENCE;

    while (apmi_socket_live(atomic_load(&socket->active)) != 0 && test_now() < end) test_yield();
    return apmi_socket_live(atomic_load(&socket->active)) == 0;
}

/* As if it had begun and completed so many already. */
static void pretend_begun(apm_socket *socket, uint64_t count)
{
    atomic_fetch_add(&socket->active, count << 32);
}

static void count_goes_on_behind_the_word(void)
{
    const uint64_t almost = (UINT64_C(1) << 31) - 2; /* with the connect, one is left */
    uint64_t before;
    pair both;
    int round;

    if (!pair_open(&both)) return;
    for (round = 0; round < 3; round++) {
        pretend_begun(both.socket, almost - (round != 0 ? 3 : 0));
        before = ask_begun();
        (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
        CHECK(ask_begun() == before + 1);
        (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
        (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
        CHECK(ask_begun() == before + 4);
        CHECK(wait_until_none_is_live(both.socket));
    }
    before = ask_begun();
    pair_close(&both);
    CHECK(ask_begun() == before);
}

/* The kernel has the last word, when the operation has been counted already. */
static void begin_that_the_kernel_refuses_is_none(void)
{
    sim_profile calm = sim_base_profile(), poor = calm;
    apm_error error;
    uint64_t before;
    pair both;

    if (!pair_open(&both)) return;
    before = ask_begun();
    poor.faults[SIM_TRANSFER].nth = 1;
    sim_set_profile(&poor);
    error = apm_socket_begin_send(both.socket, "x", 1, APM_FLAG_NONE, NULL, NULL, NULL);
    sim_set_profile(&calm);
    (void)CHECK_ERROR(error, APM_ERROR_NO_BUFFER_SPACE_AVAILABLE);
    CHECK(ask_begun() == before);
    CHECK(wait_until_none_is_live(both.socket));
    (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
    CHECK(ask_begun() == before + 1);
    pair_close(&both);
}

static const test_case tally_cases[] = {
    {"count_goes_on_behind_the_word", count_goes_on_behind_the_word, false},
    {"begin_that_the_kernel_refuses_is_none", begin_that_the_kernel_refuses_is_none, false},
    {NULL, NULL, false},
};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"tally", tally_cases}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
