/* SPDX-License-Identifier: MIT */
#include "scene.h"

enum { SEEDS = 200 };

/* Every other seed switches so much more rarely: then a thread that has to wait for its turn waits for long,
 * while others come far. */
enum { RARELY = 6 };

static const char *const kernels[] = {"windows", "hostile", "wine"};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static const plain_case *scenes;

_Atomic uint32_t called_back;

void APM_CALL count_callback(apm_async_result *result)
{
    (void)result;
    atomic_fetch_add(&called_back, 1);
}

void APM_CALL close_it(apm_async_result *result)
{
    CU_ASSERT(apm_socket_close((apm_socket *)apm_async_result_state(result)) == APM_ERROR_SUCCESS);
    count_callback(result);
}

void cancel_it(void *argument)
{
    CU_ASSERT(apm_async_result_cancel((apm_async_result *)argument) == APM_ERROR_SUCCESS);
}

void poll_until_it_is_connected(void *argument)
{
    bool ready = false;

    CU_ASSERT(apm_socket_poll((apm_socket *)argument, -1, APM_POLL_WRITE, &ready) == APM_ERROR_SUCCESS);
    CU_ASSERT(ready);
}

void let_others_go_on(uint32_t most)
{
    uint32_t turns;

    for (turns = sim_draw(most); turns != 0; turns--) sim_interleave();
}

void connect_again(connection *one)
{
    apm_endpoint remote = {0};

    remote.length = sim_address(APM_FAMILY_IPV4, sim_listener_port(one->listener), remote.address);
    CU_ASSERT_FATAL(apm_socket_connect(one->socket, &remote) == APM_ERROR_SUCCESS);
    one->peer = sim_accept(one->listener, 60000);
    CU_ASSERT_FATAL(one->peer != NULL);
}

void open_connection(connection *one)
{
    one->listener = sim_listen(APM_FAMILY_IPV4, 4);
    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &one->socket) ==
                    APM_ERROR_SUCCESS);
    connect_again(one);
}

void close_connection(connection *one)
{
    if (one->socket != NULL) (void)apm_socket_close(one->socket);
    if (one->peer != NULL) sim_peer_close(one->peer);
    sim_listener_close(one->listener);
}

void wait_for(_Atomic uint32_t *value, uint32_t wanted)
{
    while (atomic_load(value) < wanted) sim_sleep(1);
}

void point_at_each(apm_buffer *buffers, char *bytes, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        buffers[i].data = &bytes[i];
        buffers[i].size = 1;
    }
}

void start_anew(const apm_options *options)
{
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_startup(options) == APM_ERROR_SUCCESS);
}

void answer_the_end(void *argument)
{
    sim_peer *peer = (sim_peer *)argument;
    char byte;

    CU_ASSERT(sim_peer_read(peer, &byte, 1, 60000) == SIM_END);
    (void)sim_peer_write(peer, "late", 4, 60000);
    sim_peer_end(peer);
}

static void play_scene(void *argument)
{
    const plain_case *one = (const plain_case *)argument;
    apm_options options = {0};
    uint64_t begun;

    atomic_store(&called_back, 0);
    options.size = sizeof options;
    options.min_workers = 3;
    CU_ASSERT(apm_startup(&options) == APM_ERROR_SUCCESS);
    one->run();
    begun = sim_now();
    CU_ASSERT(apm_cleanup() == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_census(SIM_BLOCKS) == 0);
    /* Each worker is told to leave, also where one takes what was for several. */
    if (sim_profile_now()->faults[SIM_POST].rate == 0) CU_ASSERT(sim_now() - begun < 1000);
}

static void run_current(void)
{
    const plain_case *one = plain_case_current(scenes);
    sim_profile profile;
    uint64_t seed;
    size_t kernel;

    for (kernel = 0; kernel < KERNELS; kernel++) {
        for (seed = 1; seed <= SEEDS; seed++) {
            CU_ASSERT_FATAL(sim_profile_named(kernels[kernel], &profile));
            if (seed % 2 == 0) profile.switches /= RARELY;
            sim_set_profile(&profile);
            sim_seed(seed);
            sim_run(play_scene, (void *)(uintptr_t)one);
        }
    }
}

int play_scenes(const char *suite, const plain_case *cases, size_t count)
{
    scenes = cases;
    return run_plain_suite(suite, cases, count, run_current);
}
