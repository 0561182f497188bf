/* SPDX-License-Identifier: MIT */
/* Adopting what was told before to skip its port on success: nobody can take that back. */
#include "../support/adopt.h"
#include "../support/fixture.h"
#include "../support/kernel_socket.h"

static void check_refused(uintptr_t handle)
{
    apm_socket *socket = NULL;
    apm_endpoint local;

    (void)CHECK_ERROR(apm_socket_adopt(handle, &socket), APM_ERROR_INVALID_OPERATION);
    CHECK(socket == NULL);
    if (socket != NULL) {
        (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
        return;
    }
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    CHECK(kernel_bind(handle, &local)); /* it is still the caller's */
    kernel_close(handle);
}

/* A send that succeeds at once would send no packet, and its End wait for ever. */
static void datagram_socket_that_skips_is_not_adopted(void)
{
    uintptr_t handle = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_DATAGRAM, APM_PROTOCOL_UDP);

    if (kernel_skip(handle))
        check_refused(handle);
    else
        kernel_close(handle);
}

static void stream_that_skips_is_adopted(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    uintptr_t handle = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
    pair both = {NULL, NULL};

    CHECK(listener != NULL);
    if (listener == NULL) return;
    if (kernel_skip(handle) && harness_options().packet_always) {
        check_refused(handle);
    } else {
        both.socket = adopt(handle);
        if (both.socket != NULL) {
            connect_it(&both, listener);
            pair_close(&both);
        }
    }
    peer_listener_close(listener);
}

#ifndef _WIN32
/* To ask for it again may fail: it is on none the less. */
static void stream_that_skips_is_not_asked_again(void)
{
    sim_profile base = sim_base_profile(), refusing = base;
    uintptr_t handle = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    pair both = {NULL, NULL};

    refusing.faults[SIM_SKIP].rate = 1000;
    CHECK(listener != NULL);
    if (listener != NULL && kernel_skip(handle) && !harness_options().packet_always) {
        sim_set_profile(&refusing);
        both.socket = adopt(handle);
        sim_set_profile(&base);
        if (both.socket != NULL) {
            connect_it(&both, listener);
            pair_close(&both);
        }
    } else {
        kernel_close(handle);
    }
    peer_listener_close(listener);
}

/* The layer may send packets all the same. */
static void stream_of_a_layer_that_skips_is_not_adopted(void)
{
    sim_profile base = sim_base_profile(), layered = base, plain = base;
    uintptr_t handle = kernel_open(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP);

    plain.ifs_handles = true;
    layered.ifs_handles = false;
    sim_set_profile(&plain);
    CHECK(kernel_skip(handle));
    sim_set_profile(&layered);
    check_refused(handle);
    sim_set_profile(&base);
}
#endif

static const test_case skipping[] = {
    {"datagram_socket_that_skips_is_not_adopted", datagram_socket_that_skips_is_not_adopted, false},
    {"stream_that_skips_is_adopted", stream_that_skips_is_adopted, false},
#ifndef _WIN32
    {"stream_that_skips_is_not_asked_again", stream_that_skips_is_not_asked_again, false},
    {"stream_of_a_layer_that_skips_is_not_adopted", stream_of_a_layer_that_skips_is_not_adopted, false},
#endif
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"skipping", skipping}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
