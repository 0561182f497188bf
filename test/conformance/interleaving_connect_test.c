/* SPDX-License-Identifier: MIT */
/* Scenes of connecting: who comes first of those who connect, name a socket, and use it meanwhile. */
#include <string.h>

#include "../support/disconnect_now.h"
#include "scene.h"

/* ---- peers and names of datagram sockets ------------------------------------------------------------- */

static apm_socket *new_socket(int32_t type)
{
    apm_socket *socket = NULL;

    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV4, type, APM_PROTOCOL_UNSPECIFIED, &socket) ==
                    APM_ERROR_SUCCESS);
    return socket;
}

static apm_endpoint endpoint_of(const char *ip, uint16_t port)
{
    apm_endpoint endpoint;

    CU_ASSERT_FATAL(apm_endpoint_from_ip(ip, port, &endpoint) == APM_ERROR_SUCCESS);
    return endpoint;
}

static void change_peers(void *argument)
{
    apm_socket *socket = (apm_socket *)argument;
    int i;

    for (i = 0; i < 10; i++) {
        apm_endpoint peer = endpoint_of("127.0.0.1", (uint16_t)(9 + i % 2));

        CU_ASSERT(apm_socket_connect(socket, &peer) == APM_ERROR_SUCCESS);
    }
}

/* What is sent meanwhile goes to the one or to the other. */
static void datagram_socket_that_changes_its_peer_has_one(void)
{
    apm_socket *socket = new_socket(APM_SOCKET_DATAGRAM);
    sim_thread *thread;
    int i;

    change_peers(socket);
    thread = sim_thread_start("changer", change_peers, socket);
    for (i = 0; i < 10; i++) CU_ASSERT(apm_socket_send(socket, "x", 1, 0, NULL) == APM_ERROR_SUCCESS);
    sim_thread_join(thread);
    (void)apm_socket_close(socket);
}

static void change_peers_or_be_refused(void *argument)
{
    apm_socket *socket = (apm_socket *)argument;
    int i;

    for (i = 0; i < 10; i++) {
        apm_endpoint peer = endpoint_of("127.0.0.1", (uint16_t)(20 + i));
        apm_error error = apm_socket_connect(socket, &peer);

        CU_ASSERT(error == APM_ERROR_SUCCESS || error == APM_ERROR_INVALID_OPERATION);
    }
}

/* The socket says which peer it has, and the kernel has the same. */
static void datagram_socket_that_two_connect_has_one_peer(void)
{
    apm_socket *socket = new_socket(APM_SOCKET_DATAGRAM);
    apm_endpoint said = {0}, found = {0};
    sim_thread *thread;

    change_peers(socket);
    thread = sim_thread_start("changer", change_peers_or_be_refused, socket);
    change_peers_or_be_refused(socket);
    sim_thread_join(thread);
    CU_ASSERT(apm_socket_remote_endpoint(socket, &said) == APM_ERROR_SUCCESS);
    found.length = (int32_t)sizeof found.address;
    CU_ASSERT(apmk_socket_remote(apm_socket_handle(socket), found.address, &found.length) == APMK_SUCCESS);
    CU_ASSERT(apm_endpoint_equal(&said, &found));
    (void)apm_socket_close(socket);
}

/* While one connect is under way nobody else gives the socket a peer, whether it has one or not. */
static void datagram_socket_connects_to_one_at_a_time(void)
{
    apm_socket *socket = new_socket(APM_SOCKET_DATAGRAM);
    apm_endpoint peer = endpoint_of("127.0.0.1", 9), said = {0};
    uint32_t done = 0;

    for (; done < 2; done++) {
        uint16_t port = (uint16_t)(30 + done);

        sim_names_hold(true);
        CU_ASSERT(apm_socket_begin_connect_host(socket, "localhost", port, count_callback, NULL, NULL) ==
                  APM_ERROR_SUCCESS);
        CU_ASSERT(apm_socket_connect(socket, &peer) == APM_ERROR_INVALID_OPERATION);
        CU_ASSERT(apm_socket_begin_connect_host(socket, "localhost", 9, count_callback, NULL, NULL) ==
                  APM_ERROR_INVALID_OPERATION);
        sim_names_hold(false);
        wait_for(&called_back, done + 1);
        CU_ASSERT(apm_socket_remote_endpoint(socket, &said) == APM_ERROR_SUCCESS);
        CU_ASSERT(apm_endpoint_port(&said) == port);
    }
    (void)apm_socket_close(socket);
}

static void APM_CALL receive_at_once(apm_async_result *result)
{
    static char here;
    apm_socket *socket = (apm_socket *)apm_async_result_state(result);

    /* It may be told at once that nobody was there. */
    CU_ASSERT(apm_socket_begin_receive_from(socket, &here, 1, 0, NULL, NULL, NULL) !=
              APM_ERROR_INVALID_OPERATION);
    atomic_fetch_add(&called_back, 1);
}

static void send_to_everybody(void *argument)
{
    apm_socket *socket = (apm_socket *)argument;
    apm_endpoint everybody = endpoint_of("255.255.255.255", 9);

    /* It has not been allowed to. */
    CU_ASSERT(apm_socket_begin_send_to(socket, "x", 1, 0, &everybody, NULL, NULL, NULL) ==
              APM_ERROR_ACCESS_DENIED);
}

/* The first of two sends binds the socket, and the other one, which fails, does not take that back. */
static void datagram_socket_is_bound_whatever_fails_beside(void)
{
    apm_socket *socket = new_socket(APM_SOCKET_DATAGRAM);
    apm_endpoint peer = endpoint_of("127.0.0.1", 9), local = {0};
    sim_thread *thread = sim_thread_start("another", send_to_everybody, socket);

    CU_ASSERT(apm_socket_begin_send_to(socket, "x", 1, 0, &peer, receive_at_once, socket, NULL) ==
              APM_ERROR_SUCCESS);
    sim_thread_join(thread);
    wait_for(&called_back, 1);
    CU_ASSERT(apm_socket_local_endpoint(socket, &local) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_endpoint_port(&local) != 0);
    (void)apm_socket_close(socket);
}

/* ---- a connect after another ------------------------------------------------------------------------- */

static void connect_as_soon_as_possible(void *argument)
{
    connection *one = (connection *)argument;
    apm_endpoint remote = endpoint_of("127.0.0.1", sim_listener_port(one->listener));
    apm_error error;

    do {
        error = apm_socket_connect(one->socket, &remote);
        if (error == APM_ERROR_INVALID_OPERATION) sim_sleep(1);
    } while (error == APM_ERROR_INVALID_OPERATION);
    CU_ASSERT(error == APM_ERROR_SUCCESS);
}

/* A connect that has failed says nothing of the one that somebody has begun since. */
static void connect_that_failed_is_nothing_to_the_next_one(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    apm_endpoint nobody = endpoint_of("127.0.0.1", 1);
    sim_thread *thread;

    one.socket = new_socket(APM_SOCKET_STREAM);
    CU_ASSERT(apm_socket_begin_connect(one.socket, &nobody, count_callback, NULL, NULL) == APM_ERROR_SUCCESS);
    thread = sim_thread_start("next", connect_as_soon_as_possible, &one);
    wait_for(&called_back, 1);
    sim_thread_join(thread);
    CU_ASSERT(apm_socket_connected(one.socket));
    close_connection(&one);
}

/* It was bound to that, disconnects, and then somebody else has it. */
static void lose_local_endpoint(apm_socket *socket, const apm_endpoint *remote, const apm_endpoint *local,
                                apm_socket *other)
{
    sim_profile profile = *sim_profile_now();

    CU_ASSERT(apm_socket_bind(socket, local) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_connect(socket, remote) == APM_ERROR_SUCCESS);
    profile.faults[SIM_BIND].rate = 1000;
    sim_set_profile(&profile);
    CU_ASSERT(disconnect_now(socket, true) == APM_ERROR_NO_BUFFER_SPACE_AVAILABLE);
    profile.faults[SIM_BIND].rate = 0;
    sim_set_profile(&profile);
    CU_ASSERT(apm_socket_bind(other, local) == APM_ERROR_SUCCESS);
}

/* Where somebody else has the one that it had. */
static void another_local_endpoint_can_be_had(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    apm_endpoint remote = endpoint_of("127.0.0.1", sim_listener_port(one.listener));
    apm_endpoint first = endpoint_of("127.0.0.1", 5001), second = endpoint_of("127.0.0.1", 5002), found = {0};
    apm_socket *other = new_socket(APM_SOCKET_STREAM);

    one.socket = new_socket(APM_SOCKET_STREAM);
    lose_local_endpoint(one.socket, &remote, &first, other);
    CU_ASSERT(apm_socket_connect(one.socket, &remote) == APM_ERROR_ADDRESS_ALREADY_IN_USE);
    CU_ASSERT(apm_socket_bind(one.socket, &first) == APM_ERROR_ADDRESS_ALREADY_IN_USE);
    CU_ASSERT(apm_socket_connect(one.socket, &remote) ==
              APM_ERROR_ADDRESS_ALREADY_IN_USE); /* it still is to have it */
    CU_ASSERT(apm_socket_bind(one.socket, &second) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_connect(one.socket, &remote) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_local_endpoint(one.socket, &found) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_endpoint_equal(&found, &second));
    (void)apm_socket_close(other);
    close_connection(&one);
}

static void bind_the_first_again(void *argument)
{
    apm_endpoint first = endpoint_of("127.0.0.1", 5001);

    CU_ASSERT(apm_socket_bind((apm_socket *)argument, &first) == APM_ERROR_ADDRESS_ALREADY_IN_USE ||
              apm_socket_connected((apm_socket *)argument));
}

/* Never from another one than that which the caller has asked for. */
static void connect_beside_a_bind_that_fails_has_the_local_endpoint_or_fails(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    apm_endpoint remote = endpoint_of("127.0.0.1", sim_listener_port(one.listener));
    apm_endpoint first = endpoint_of("127.0.0.1", 5001);
    apm_socket *other = new_socket(APM_SOCKET_STREAM);
    sim_thread *thread;

    one.socket = new_socket(APM_SOCKET_STREAM);
    lose_local_endpoint(one.socket, &remote, &first, other);
    thread = sim_thread_start("binder", bind_the_first_again, one.socket);
    let_others_go_on(40);
    CU_ASSERT(apm_socket_connect(one.socket, &remote) == APM_ERROR_ADDRESS_ALREADY_IN_USE);
    sim_thread_join(thread);
    (void)apm_socket_close(other);
    close_connection(&one);
}

/* ---- a name, and a bind meanwhile ---------------------------------------------------------------------- */

/* The first address of the name refuses, or never answers; the other one is the listener's. */
static void name_two(bool first_answers)
{
    apmk_address addresses[2] = {{0}, {0}};
    apm_endpoint silent = endpoint_of("192.0.2.1", 9), refusing = endpoint_of("203.0.113.1", 9);
    const apm_endpoint *first = first_answers ? &refusing : &silent;

    addresses[0].length = first->length;
    memcpy(addresses[0].bytes, first->address, (size_t)first->length);
    addresses[1].length = sim_address(APM_FAMILY_IPV4, 9, addresses[1].bytes);
    sim_name_add("two.test", addresses, 2, 0);
}

static void fail_to_connect(apm_socket *socket, const char *ip)
{
    apm_endpoint nobody = endpoint_of(ip, 1);

    CU_ASSERT(apm_socket_connect(socket, &nobody) == APM_ERROR_CONNECTION_REFUSED);
}

/* What the caller binds while a name is looked up is bound for each of its addresses: one after the other, also if
 * they were to overlap, and whoever polls the socket. */
static void bind_while_a_name_is_looked_up_holds_for_all_addresses(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    bool refuses = sim_draw(2) == 0;
    apm_endpoint local = endpoint_of("127.0.0.1", 5001), found = {0};
    apm_async_result *result = NULL;
    sim_thread *poller;

    name_two(refuses);
    one.socket = new_socket(APM_SOCKET_STREAM);
    if (sim_draw(2) == 0) fail_to_connect(one.socket, "127.0.0.1");
    CU_ASSERT(apm_socket_set_option(one.socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM,
                                    refuses ? APM_CONNECT_SEQUENTIAL : APM_CONNECT_PARALLEL) ==
              APM_ERROR_SUCCESS);
    sim_names_hold(true);
    CU_ASSERT(apm_socket_begin_connect_host(one.socket, "two.test", sim_listener_port(one.listener), NULL,
                                            NULL, &result) == APM_ERROR_SUCCESS);
    poller = sim_thread_start("poller", poll_until_it_is_connected, one.socket);
    sim_sleep(sim_draw(3));
    CU_ASSERT(apm_socket_set_option(one.socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_bind(one.socket, &local) == APM_ERROR_SUCCESS);
    sim_names_hold(false);
    CU_ASSERT(apm_socket_end_connect(one.socket, result) == APM_ERROR_SUCCESS);
    sim_thread_join(poller);
    CU_ASSERT(apm_socket_local_endpoint(one.socket, &found) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_endpoint_equal(&found, &local));
    apm_async_result_release(result);
    one.peer = sim_accept(one.listener, 60000);
    close_connection(&one);
}

/* Whether the socket is used for the first time, or has failed to connect before; and whoever comes first. */
static void dual_mode_can_be_set_while_a_name_is_looked_up(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    apm_async_result *result = NULL;
    apm_endpoint found = {0};
    apmk_address address = {0};

    address.length = sim_address(APM_FAMILY_IPV4, 9, address.bytes);
    sim_name_add("four.test", &address, 1, 0);
    CU_ASSERT_FATAL(apm_socket_create(APM_FAMILY_IPV6, APM_SOCKET_STREAM, APM_PROTOCOL_UNSPECIFIED,
                                      &one.socket) == APM_ERROR_SUCCESS);
    if (sim_draw(2) == 0) fail_to_connect(one.socket, "::1");
    sim_names_hold(true);
    CU_ASSERT(apm_socket_begin_connect_host(one.socket, "four.test", sim_listener_port(one.listener), NULL,
                                            NULL, &result) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_local_endpoint(one.socket, &found) == APM_ERROR_INVALID_ARGUMENT);
    sim_sleep(sim_draw(3));
    CU_ASSERT(apm_socket_set_option(one.socket, APM_SOCKET_OPTION_DUAL_MODE, 1) == APM_ERROR_SUCCESS);
    sim_names_hold(false);
    CU_ASSERT(apm_socket_end_connect(one.socket, result) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    one.peer = sim_accept(one.listener, 60000);
    close_connection(&one);
}

/* ---- attempts that fail at once ------------------------------------------------------------------------- */

static _Atomic apm_error dead_end; /* what its End says */

static void APM_CALL end_dead_end(apm_async_result *result)
{
    atomic_store(&dead_end, apm_socket_end_connect((apm_socket *)apm_async_result_state(result), result));
    atomic_fetch_add(&called_back, 1);
}

/* To many endpoints that cannot be reached, with one among them, perhaps, that hangs; and whoever ends that comes
 * where he likes. It is over once, and its socket is as good as before. Another one is in nobody's way. */
static void attempts_that_fail_at_once_leave_room_for_others(void)
{
    enum { MANY = 50, CANCEL = 0, CLOSE = 1, TIME = 2 };
    static apm_endpoint remotes[MANY];
    apm_socket *socket = new_socket(APM_SOCKET_STREAM), *other = new_socket(APM_SOCKET_STREAM);
    uint32_t how = sim_draw(4), hangs = sim_draw(2 * MANY), i;
    sim_profile calm = *sim_profile_now(), short_of_memory = calm;
    apm_async_result *result = NULL;
    apm_endpoint at = {0};
    sim_thread *thread;
    apm_error error;

    short_of_memory.faults[SIM_POST].rate = sim_draw(2) * 700;
    sim_set_profile(&short_of_memory);
    for (i = 0; i < MANY; i++) remotes[i] = endpoint_of(i == hangs ? "192.0.2.1" : "198.51.100.1", 9);
    if (sim_draw(2) == 0)
        CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
                  APM_ERROR_SUCCESS);
    if (how == TIME)
        CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_TIMEOUT, 1) == APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_connect_many(other, remotes, MANY, count_callback, NULL, NULL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_connect_many(socket, remotes, MANY, end_dead_end, socket, &result) ==
              APM_ERROR_SUCCESS);
    thread = how == CANCEL ? sim_thread_start("canceller", cancel_it, result) : NULL;
    let_others_go_on(100);
    if (how == CLOSE) (void)apm_socket_close(socket);
    wait_for(&called_back, 2);
    if (thread != NULL) sim_thread_join(thread);
    sim_set_profile(&calm);
    error = atomic_load(&dead_end);
    CU_ASSERT(error == APM_ERROR_NETWORK_UNREACHABLE || error == APM_ERROR_TIMED_OUT ||
              (error == APM_ERROR_OPERATION_ABORTED && how == CANCEL) ||
              (error == APM_ERROR_OBJECT_DISPOSED && how == CLOSE));
    if (how != CLOSE) {
        CU_ASSERT(apm_socket_local_endpoint(socket, &at) == APM_ERROR_INVALID_ARGUMENT);
        at = endpoint_of("127.0.0.1", 0);
        CU_ASSERT(apm_socket_bind(socket, &at) == APM_ERROR_SUCCESS);
        (void)apm_socket_close(socket);
    }
    apm_async_result_release(result);
    (void)apm_socket_close(other);
    CU_ASSERT(atomic_load(&called_back) == 2);
}

/* ---- what a failure leaves ------------------------------------------------------------------------------- */

static void set_no_delay(void *argument)
{
    int i;

    sim_sleep(sim_draw(2) * 251); /* the time of the second attempt, if the first one hangs */
    for (i = 0; i < 40; i++) {
        (void)apm_socket_set_option((apm_socket *)argument, APM_SOCKET_OPTION_NO_DELAY, i % 2);
        let_others_go_on(6);
    }
}

/* Where the kernel makes connections, also behind a cancel, and has no room for what makes them usable. */
static void connect_that_fails_leaves_no_connection(void)
{
    sim_profile calm = *sim_profile_now(), poor = calm;
    sim_listener *listener = sim_listen(APM_FAMILY_IPV4, 16);
    apm_socket *socket = new_socket(APM_SOCKET_STREAM);
    apm_endpoint remotes[3];
    sim_thread *setter;
    sim_peer *peer;
    char byte;
    int i;

    for (i = 0; i < 3; i++) remotes[i] = endpoint_of("127.0.0.1", sim_listener_port(listener));
    if (sim_draw(4) != 0)
        CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
                  APM_ERROR_SUCCESS);
    poor.hangs = 500;
    poor.haunts = 1000;
    poor.late_cancel = 500;
    poor.faults[SIM_CONTEXT].rate = sim_draw(2) * 500;
    poor.faults[SIM_SET_OPTION].rate = 500;
    sim_set_profile(&poor);
    CU_ASSERT(apm_socket_begin_connect_many(socket, remotes, 3, end_dead_end, socket, NULL) ==
              APM_ERROR_SUCCESS);
    setter = sim_thread_start("setter", set_no_delay, socket);
    wait_for(&called_back, 1);
    while (atomic_load(&dead_end) != APM_ERROR_SUCCESS && (peer = sim_accept(listener, 0)) != NULL) {
        int64_t got = sim_peer_read(peer, &byte, 1, 1000);

        CU_ASSERT(got == SIM_END || got == SIM_RESET);
        sim_peer_close(peer);
    }
    sim_thread_join(setter);
    sim_set_profile(&calm);
    (void)apm_socket_close(socket);
    sim_listener_close(listener);
}

/* Connects another socket, and takes the only place in the listener's queue. */
static apm_socket *fill_queue(sim_listener *listener)
{
    apm_endpoint remote = endpoint_of("127.0.0.1", sim_listener_port(listener));
    apm_socket *socket = new_socket(APM_SOCKET_STREAM);

    CU_ASSERT_FATAL(apm_socket_connect(socket, &remote) == APM_ERROR_SUCCESS);
    return socket;
}

static void empty_queue(sim_listener *listener)
{
    sim_peer *peer;

    while ((peer = sim_accept(listener, 0)) != NULL) sim_peer_close(peer);
}

/* The socket's own attempt has failed, and left a fresh handle; the one that wins is under way. */
static void winner_is_what_it_was_when_it_began(void)
{
    sim_profile before = *sim_profile_now(), poor = before;
    sim_listener *listeners[2] = {sim_listen(APM_FAMILY_IPV4, 1), sim_listen(APM_FAMILY_IPV4, 1)};
    apm_socket *others[2] = {fill_queue(listeners[0]), fill_queue(listeners[1])};
    apm_socket *socket = new_socket(APM_SOCKET_STREAM);
    apm_endpoint remotes[2], local = endpoint_of("127.0.0.1", 5001);
    apm_async_result *result = NULL;
    sim_peer *first;
    int i;

    for (i = 0; i < 2; i++) remotes[i] = endpoint_of("127.0.0.1", sim_listener_port(listeners[i]));
    CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_begin_connect_many(socket, remotes, 2, NULL, NULL, &result) == APM_ERROR_SUCCESS);
    sim_sleep(1500);
    poor.faults[SIM_CONTEXT].nth = 1;
    sim_set_profile(&poor);
    first = sim_accept(listeners[0], 1000);
    sim_sleep(1500);
    sim_set_profile(&before);
    CU_ASSERT(!apm_async_result_is_completed(result));
    CU_ASSERT(apm_socket_bind(socket, &local) == APM_ERROR_INVALID_ARGUMENT);
    CU_ASSERT(apm_socket_set_option(socket, APM_SOCKET_OPTION_EXCLUSIVE_ADDRESS_USE, 1) ==
              APM_ERROR_INVALID_OPERATION);
    empty_queue(listeners[1]);
    CU_ASSERT(apm_socket_end_connect(socket, result) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    (void)apm_socket_close(socket);
    if (first != NULL) sim_peer_close(first);
    for (i = 0; i < 2; i++) {
        (void)apm_socket_close(others[i]);
        empty_queue(listeners[i]);
        sim_listener_close(listeners[i]);
    }
}

/* Asks for what there is to read, again and again. */
static void ask_what_is_there(void *argument)
{
    const uint32_t code = 0x4004667F; /* FIONREAD */
    uint32_t count;
    int i;

    for (i = 0; i < 40; i++) {
        (void)apm_socket_io_control((apm_socket *)argument, code, NULL, 0, &count, sizeof count, NULL);
        sim_sleep(1);
    }
}

/* Its port goes from one handle to the next. */
static void question_keeps_no_port(void)
{
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, new_socket(APM_SOCKET_STREAM)};
    apm_endpoint remotes[2] = {endpoint_of("127.0.0.1", 1),
                               endpoint_of("127.0.0.1", sim_listener_port(one.listener))};
    apm_endpoint local = endpoint_of("127.0.0.1", 5001);
    apm_async_result *result = NULL;
    sim_thread *asker;

    CU_ASSERT(apm_socket_bind(one.socket, &local) == APM_ERROR_SUCCESS);
    asker = sim_thread_start("asker", ask_what_is_there, one.socket);
    CU_ASSERT(apm_socket_begin_connect_many(one.socket, remotes, 2, NULL, NULL, &result) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_end_connect(one.socket, result) == APM_ERROR_SUCCESS);
    apm_async_result_release(result);
    sim_thread_join(asker);
    one.peer = sim_accept(one.listener, 60000);
    close_connection(&one);
}

/* ---- without a timer ---------------------------------------------------------------------------------- */

enum { DEAD = 17 };

/* One that never answers, more than a row of those that fail at once, and a good one: nothing can be put off where no
 * thread is to be had for timers, so it is not. */
static void row_is_gone_through_where_there_is_no_timer(void)
{
    apm_options options = {.size = sizeof options, .min_workers = 2, .max_workers = 2};
    connection one = {sim_listen(APM_FAMILY_IPV4, 4), NULL, NULL};
    sim_profile profile = *sim_profile_now();
    apm_endpoint remotes[DEAD + 1];
    apm_async_result *result = NULL;
    uint64_t begun = sim_now();
    int i;

    start_anew(&options);
    one.socket = new_socket(APM_SOCKET_STREAM);
    CU_ASSERT(apm_socket_set_option(one.socket, APM_SOCKET_OPTION_CONNECT_ALGORITHM, APM_CONNECT_PARALLEL) ==
              APM_ERROR_SUCCESS);
    remotes[0] = endpoint_of("192.0.2.1", 9);
    for (i = 1; i < DEAD; i++) remotes[i] = endpoint_of("127.0.0.1", 0);
    remotes[DEAD] = endpoint_of("127.0.0.1", sim_listener_port(one.listener));
    profile.faults[SIM_THREAD].rate = 1000;
    sim_set_profile(&profile);
    CU_ASSERT(apm_socket_begin_connect_many(one.socket, remotes, DEAD + 1, NULL, NULL, &result) ==
              APM_ERROR_SUCCESS);
    CU_ASSERT(apm_socket_end_connect(one.socket, result) == APM_ERROR_SUCCESS);
    CU_ASSERT(sim_now() - begun < 3000); /* the first one takes 21 s */
    apm_async_result_release(result);
    profile.faults[SIM_THREAD].rate = 0;
    sim_set_profile(&profile);
    one.peer = sim_accept(one.listener, 60000);
    close_connection(&one);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static const plain_case scenes[] = {
    {"datagram_socket_that_changes_its_peer_has_one", datagram_socket_that_changes_its_peer_has_one},
    {"datagram_socket_that_two_connect_has_one_peer", datagram_socket_that_two_connect_has_one_peer},
    {"datagram_socket_connects_to_one_at_a_time", datagram_socket_connects_to_one_at_a_time},
    {"datagram_socket_is_bound_whatever_fails_beside", datagram_socket_is_bound_whatever_fails_beside},
    {"connect_that_failed_is_nothing_to_the_next_one", connect_that_failed_is_nothing_to_the_next_one},
    {"another_local_endpoint_can_be_had", another_local_endpoint_can_be_had},
    {"bind_while_a_name_is_looked_up_holds_for_all_addresses",
     bind_while_a_name_is_looked_up_holds_for_all_addresses},
    {"dual_mode_can_be_set_while_a_name_is_looked_up", dual_mode_can_be_set_while_a_name_is_looked_up},
    {"connect_beside_a_bind_that_fails_has_the_local_endpoint_or_fails",
     connect_beside_a_bind_that_fails_has_the_local_endpoint_or_fails},
    {"attempts_that_fail_at_once_leave_room_for_others", attempts_that_fail_at_once_leave_room_for_others},
    {"connect_that_fails_leaves_no_connection", connect_that_fails_leaves_no_connection},
    {"winner_is_what_it_was_when_it_began", winner_is_what_it_was_when_it_began},
    {"question_keeps_no_port", question_keeps_no_port},
    {"row_is_gone_through_where_there_is_no_timer", row_is_gone_through_where_there_is_no_timer},
};

int main(void)
{
    return play_scenes("interleaving_connect", scenes, sizeof scenes / sizeof *scenes);
}
