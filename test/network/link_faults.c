/* SPDX-License-Identifier: MIT */
/* A link that goes away: it is down, or gone, or its address is, or the host at its other end. */
#include "stuck.h"

/* ---- keep-alive ------------------------------------------------------------------------------------ */

/* A probe after a second, and one more; SIO_KEEPALIVE_VALS knows no count, so that it is the system's. */
static void keep_alive(apm_socket *socket)
{
    static const apm_socket_option options[] = {APM_SOCKET_OPTION_KEEP_ALIVE,
                                                APM_SOCKET_OPTION_KEEP_ALIVE_TIME,
                                                APM_SOCKET_OPTION_KEEP_ALIVE_INTERVAL};
    size_t i;

    for (i = 0; i < sizeof options / sizeof options[0]; i++)
        (void)CHECK_ERROR(apm_socket_set_option(socket, options[i], 1), APM_ERROR_SUCCESS);
}

static void set_probes(unsigned count)
{
    (void)hand_do("near sysctl -q -w net.ipv4.tcp_keepalive_probes=%u", count);
}

/* What an idle connection has pending: receives only. Keep-alive finds out. */
static void check_keep_alive_ends(const char *how)
{
    stuck one;
    int i;

    set_probes(2);
    if (stuck_open(&one, ALIVE)) {
        keep_alive(one.socket);
        for (i = 0; i < RECEIVES; i++) begin_receive(&one);
        (void)hand_do("%s", how);
        check_all_cut(&one);
        check_is_dead(&one);
        (void)hand_do("lay");
        (void)hand_do("close peer");
        stuck_close(&one);
    }
    set_probes(9);
}

static void keep_alive_finds_a_link_that_is_down(void)
{
    check_keep_alive_ends("near ip link set wire down");
}

static void keep_alive_finds_a_link_that_is_gone(void)
{
    check_keep_alive_ends("near ip link delete wire");
}

static void keep_alive_finds_a_lost_address(void)
{
    check_keep_alive_ends("near ip address delete 10.77.0.1/24 dev wire");
}

static void keep_alive_finds_a_host_that_is_gone(void)
{
    check_keep_alive_ends("far ip link set wire down");
}

static void keep_alive_finds_a_way_that_is_closed(void)
{
    check_keep_alive_ends("near ip route replace unreachable 10.79.3.1");
    (void)hand_do("near ip route delete unreachable 10.79.3.1");
}

const test_case keep_alive_cases[] = {
    {"finds a link that is down", keep_alive_finds_a_link_that_is_down, false},
    {"finds a link that is gone", keep_alive_finds_a_link_that_is_gone, false},
    {"finds that the address is gone", keep_alive_finds_a_lost_address, false},
    {"finds that the host is gone", keep_alive_finds_a_host_that_is_gone, false},
    {"finds that the way is closed", keep_alive_finds_a_way_that_is_closed, false},
    {NULL, NULL, false}};

/* ---- without keep-alive ------------------------------------------------------------------------------ */

static void sends_end_when_the_link_is_down(void)
{
    stuck one;

    set_retries(3);
    if (stuck_open(&one, ALIVE)) {
        begin_all(&one, true);
        (void)hand_do("near ip link set wire down");
        check_all_cut(&one);
        check_is_dead(&one);
        (void)hand_do("lay");
        (void)hand_do("close peer");
        stuck_close(&one);
    }
    set_retries(15);
}

static void cancel_and_close_work_without_a_link(void)
{
    stuck one;
    size_t i;

    if (!stuck_open(&one, ALIVE)) return;
    begin_all(&one, false);
    (void)hand_do("near ip link set wire down");
    for (i = 0; i < one.count; i += 2)
        (void)CHECK_ERROR(apm_async_result_cancel(one.calls[i].result), APM_ERROR_SUCCESS);
    check_half_ends(&one, 0, APM_ERROR_OPERATION_ABORTED);
    close_now(one.socket);
    one.socket = NULL;
    check_half_ends(&one, 1, APM_ERROR_OBJECT_DISPOSED);
    (void)hand_do("lay");
    (void)hand_do("close peer");
    stuck_close(&one);
}

static void connect_without_a_link_fails(void)
{
    apm_endpoint remote = endpoint_at(ALIVE, 80);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);

    if (socket == NULL) return;
    (void)hand_do("near ip link set wire down");
    (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_NETWORK_UNREACHABLE);
    (void)hand_do("lay");
    remote = hand_listen("listener", ALIVE, 0);
    (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS);
    (void)hand_do("close listener");
    close_now(socket);
}

static void short_outage_harms_nobody(void)
{
    stuck one;

    if (!stuck_open(&one, ALIVE)) return;
    begin_send(&one);
    (void)hand_do("near ip link set wire down");
    (void)hand_do("lay");
    check_arrives(&one);
    stuck_close(&one);
}

const test_case link_cases[] = {
    {"sends, a file and a disconnect end when the kernel gives up", sends_end_when_the_link_is_down, false},
    {"cancel and close work at once", cancel_and_close_work_without_a_link, false},
    {"a connect says NetworkUnreachable, and works again with the link", connect_without_a_link_fails, false},
    {"a short outage harms nobody", short_outage_harms_nobody, false},
    {NULL, NULL, false}};
