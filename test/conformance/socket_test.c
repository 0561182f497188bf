/* SPDX-License-Identifier: MIT */
/* The socket itself: making, binding, connected() as of the last operation, shutdown. */
#include "../support/fixture.h"

/* ---- making ---------------------------------------------------------------------------------------- */

static void sockets_of_no_kind_are_not_made(void)
{
    apm_socket *socket = NULL;
    apm_error error;

    (void)CHECK_ERROR(apm_socket_create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, NULL),
                      APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_create(9999, APM_SOCKET_STREAM, APM_PROTOCOL_TCP, &socket),
                      APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED);
    error = apm_socket_create(APM_FAMILY_IPV4, 9999, APM_PROTOCOL_TCP, &socket);
    /* Providers look at type and protocol in either order. */
    CHECK(error == APM_ERROR_SOCKET_NOT_SUPPORTED || error == APM_ERROR_PROTOCOL_NOT_SUPPORTED ||
          error == APM_ERROR_PROTOCOL_TYPE);
    CHECK(socket == NULL);
}

static void members_of_null_are_argument_null(void)
{
    apm_endpoint endpoint;
    char here = 0;

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 80, &endpoint);
    (void)CHECK_ERROR(apm_socket_bind(NULL, &endpoint), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_begin_send(NULL, "x", 1, 0, NULL, NULL, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_begin_receive(NULL, &here, 1, 0, NULL, NULL, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_shutdown(NULL, APM_SHUTDOWN_BOTH), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_close(NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_close_timeout(NULL, 0), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_local_endpoint(NULL, &endpoint), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(NULL, &endpoint), APM_ERROR_ARGUMENT_NULL);
    CHECK(!apm_socket_connected(NULL));
    CHECK(apm_socket_handle(NULL) == ~(uintptr_t)0);
    apm_socket_retain(NULL);
    apm_socket_release(NULL);
}

/* ---- binding ------------------------------------------------------------------------------------------ */

static void bound_socket_connects_from_where_it_was_bound(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint local, bound = {0}, connected = {0}, remote;

    CHECK(listener != NULL && socket != NULL);
    if (listener == NULL || socket == NULL) return;
    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &local);
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &bound), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_port(&bound) != 0);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(socket, &connected), APM_ERROR_NOT_CONNECTED);
    CHECK(!apm_socket_connected(socket));
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &connected), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&bound, &connected));
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

/* The port is one of those where nobody listens: outside of what the system gives out by
 * itself, so that nobody else can have got it meanwhile. */
static void binding_survives_a_refused_connect(void)
{
    peer_listener *listener = peer_listen(APM_FAMILY_IPV4);
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    apm_endpoint local, nobody, remote, connected = {0};

    CHECK(listener != NULL && socket != NULL);
    if (listener == NULL || socket == NULL) return;
    peer_refusing_endpoint(APM_FAMILY_IPV4, &local);
    peer_refusing_endpoint(APM_FAMILY_IPV4, &nobody);
    CHECK(!apm_endpoint_equal(&local, &nobody));
    (void)CHECK_ERROR(apm_socket_bind(socket, &local), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(connect_now(socket, &nobody), APM_ERROR_CONNECTION_REFUSED);
    peer_listener_endpoint(listener, &remote);
    (void)CHECK_ERROR(connect_now(socket, &remote), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &connected), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&local, &connected));
    /* Leaves no connection behind that would keep the port for minutes. */
    (void)CHECK_ERROR(apm_socket_close_timeout(socket, 0), APM_ERROR_SUCCESS);
    peer_listener_close(listener);
}

static void bind_says_what_is_wrong(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4), *second = stream_new(APM_FAMILY_IPV4);
    apm_endpoint endpoint, bound = {0}, garbage = {0};

    if (socket == NULL || second == NULL) return;
    (void)CHECK_ERROR(apm_socket_bind(socket, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_bind(socket, &garbage), APM_ERROR_ARGUMENT);
    (void)apm_endpoint_loopback(APM_FAMILY_IPV6, 0, &endpoint);
    (void)CHECK_ERROR(apm_socket_bind(socket, &endpoint), APM_ERROR_NOT_SUPPORTED);
    /* 192.0.2.0/24 is for documentation: no machine has it. */
    (void)CHECK_ERROR(apm_endpoint_from_ip("192.0.2.1", 0, &endpoint), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_bind(socket, &endpoint), APM_ERROR_ADDRESS_NOT_AVAILABLE);

    (void)apm_endpoint_loopback(APM_FAMILY_IPV4, 0, &endpoint);
    (void)CHECK_ERROR(apm_socket_bind(socket, &endpoint), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_bind(socket, &endpoint), APM_ERROR_INVALID_ARGUMENT);
    (void)CHECK_ERROR(apm_socket_local_endpoint(socket, &bound), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_bind(second, &bound), APM_ERROR_ADDRESS_ALREADY_IN_USE);

    apm_socket_retain(socket);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_bind(socket, NULL), APM_ERROR_OBJECT_DISPOSED);
    apm_socket_release(socket);
    (void)CHECK_ERROR(apm_socket_close(second), APM_ERROR_SUCCESS);
}

static void endpoints_go_nowhere_is_argument_null(void)
{
    pair both;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_local_endpoint(both.socket, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, NULL), APM_ERROR_ARGUMENT_NULL);
    pair_close(&both);
}

/* ---- connected -------------------------------------------------------------------------------------------- */

static void end_of_the_peers_stream_does_not_disconnect(void)
{
    pair both;
    apm_endpoint before = {0}, after = {0};
    char here = 0;
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &before), APM_ERROR_SUCCESS);
    peer_end(both.other);
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    CHECK(apm_socket_connected(both.socket));
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &after), APM_ERROR_SUCCESS);
    CHECK(apm_endpoint_equal(&before, &after));
    pair_close(&both);
}

static void reset_disconnects_once_it_is_noticed(void)
{
    pair both;
    call made;
    apm_endpoint before = {0}, after = {0};
    char here = 0;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &before), APM_ERROR_SUCCESS);
    call_prepare(&made, both.socket, CALL_RECEIVE);
    if (CHECK_ERROR(call_receive(&made, &here, 1), APM_ERROR_SUCCESS)) {
        CHECK(apm_socket_connected(both.socket));
        peer_reset(both.other);
        both.other = NULL;
        CHECK(call_wait(&made));
        (void)CHECK_ERROR(made.error, APM_ERROR_CONNECTION_RESET);
        CHECK(!apm_socket_connected(both.socket));
        (void)CHECK_ERROR(apm_socket_remote_endpoint(both.socket, &after), APM_ERROR_SUCCESS); /* it stays */
        CHECK(apm_endpoint_equal(&before, &after));
    }
    call_dispose(&made);
    pair_close(&both);
}

static void cancel_does_not_disconnect(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    (void)CHECK_ERROR(apm_async_result_cancel(one.made.result), APM_ERROR_SUCCESS);
    CHECK(call_wait(&one.made));
    (void)CHECK_ERROR(one.made.error, APM_ERROR_OPERATION_ABORTED);
    CHECK(apm_socket_connected(one.both.socket));
    check_alive(&one.both);
    receiving_close(&one);
}

/* ---- shutdown ----------------------------------------------------------------------------------------------- */

static void shutdown_of_sending_ends_our_stream_only(void)
{
    pair both;
    char here = 0;
    size_t bytes = 0;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(send_now(both.socket, "last", 4, NULL), APM_ERROR_SUCCESS);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(!apm_socket_connected(both.socket));
    (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SHUTDOWN);
    for (bytes = 0; bytes < 4; bytes++)
        CHECK(peer_read_all(both.other, &here, 1, PATIENCE) && here == "last"[bytes]);
    CHECK(peer_read(both.other, &here, 1, PATIENCE) == PEER_END);
    CHECK(peer_write(both.other, "x", 1)); /* the other direction goes on */
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 1 && here == 'x');
    peer_end(both.other);
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    pair_close(&both);
}

static void shutdown_of_receiving_ends_receiving(void)
{
    pair both;
    char here = 0;

    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_RECEIVE), APM_ERROR_SUCCESS);
    CHECK(!apm_socket_connected(both.socket));
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, NULL), APM_ERROR_SHUTDOWN);
    (void)CHECK_ERROR(send_now(both.socket, "x", 1, NULL), APM_ERROR_SUCCESS);
    CHECK(peer_read_all(both.other, &here, 1, PATIENCE) && here == 'x');
    pair_close(&both);
}

static void pending_receive_outlives_a_shutdown_of_sending(void)
{
    receiving_pair one;

    if (!receiving_open(&one)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(one.both.socket, APM_SHUTDOWN_SEND), APM_ERROR_SUCCESS);
    CHECK(peer_read(one.both.other, &one.here, 1, PATIENCE) == PEER_END);
    CHECK(!apm_async_result_is_completed(one.made.result));
    CHECK(peer_write(one.both.other, "x", 1) && call_wait(&one.made));
    (void)CHECK_ERROR(one.made.error, APM_ERROR_SUCCESS);
    CHECK(one.made.bytes == 1 && one.here == 'x');
    receiving_close(&one);
}

static void shutdown_looks_at_its_argument_and_the_connection(void)
{
    apm_socket *socket = stream_new(APM_FAMILY_IPV4);
    pair both;

    if (socket == NULL) return;
    (void)CHECK_ERROR(apm_socket_shutdown(socket, -1), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_shutdown(socket, 3), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    (void)CHECK_ERROR(apm_socket_shutdown(socket, APM_SHUTDOWN_SEND), APM_ERROR_NOT_CONNECTED);
    (void)CHECK_ERROR(apm_socket_close(socket), APM_ERROR_SUCCESS);
    if (!pair_open(&both)) return;
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, 3), APM_ERROR_ARGUMENT_OUT_OF_RANGE);
    CHECK(apm_socket_connected(both.socket));
    check_alive(&both);
    pair_close(&both);
}

static void shutdown_after_the_peer_has_closed_is_no_error(void)
{
    pair both;
    char here = 0;
    size_t bytes = 7;

    if (!pair_open(&both)) return;
    peer_close(both.other);
    both.other = NULL;
    (void)CHECK_ERROR(receive_now(both.socket, &here, 1, &bytes), APM_ERROR_SUCCESS);
    CHECK(bytes == 0);
    (void)CHECK_ERROR(apm_socket_shutdown(both.socket, APM_SHUTDOWN_BOTH), APM_ERROR_SUCCESS);
    pair_close(&both);
}

/* Nothing has been received: it is the shutdown that finds the reset, if the kernel says so. */
static void shutdown_after_a_reset_disconnects_whatever_it_says(void)
{
    pair both;
    bool ready = false;
    apm_error error;

    if (!pair_open(&both)) return;
    peer_reset(both.other);
    both.other = NULL;
    (void)CHECK_ERROR(apm_socket_poll(both.socket, -1, APM_POLL_READ, &ready), APM_ERROR_SUCCESS);
    CHECK(ready && apm_socket_connected(both.socket));
    error = apm_socket_shutdown(both.socket, APM_SHUTDOWN_BOTH);
    CHECK(error == APM_ERROR_SUCCESS || error == APM_ERROR_CONNECTION_RESET ||
          error == APM_ERROR_NOT_CONNECTED);
    CHECK(!apm_socket_connected(both.socket));
    pair_close(&both);
}

static const test_case making[] = {
    {"sockets_of_no_kind_are_not_made", sockets_of_no_kind_are_not_made, false},
    {"members_of_null_are_argument_null", members_of_null_are_argument_null, false},
    {NULL, NULL, false}};

static const test_case binding[] = {
    {"bound_socket_connects_from_where_it_was_bound", bound_socket_connects_from_where_it_was_bound, false},
    {"binding_survives_a_refused_connect", binding_survives_a_refused_connect, false},
    {"bind_says_what_is_wrong", bind_says_what_is_wrong, false},
    {"endpoints_go_nowhere_is_argument_null", endpoints_go_nowhere_is_argument_null, false},
    {NULL, NULL, false}};

static const test_case connected[] = {
    {"end_of_the_peers_stream_does_not_disconnect", end_of_the_peers_stream_does_not_disconnect, false},
    {"reset_disconnects_once_it_is_noticed", reset_disconnects_once_it_is_noticed, false},
    {"cancel_does_not_disconnect", cancel_does_not_disconnect, false},
    {NULL, NULL, false}};

static const test_case shutting[] = {
    {"shutdown_of_sending_ends_our_stream_only", shutdown_of_sending_ends_our_stream_only, false},
    {"shutdown_of_receiving_ends_receiving", shutdown_of_receiving_ends_receiving, false},
    {"pending_receive_outlives_a_shutdown_of_sending", pending_receive_outlives_a_shutdown_of_sending, false},
    {"shutdown_looks_at_its_argument_and_the_connection", shutdown_looks_at_its_argument_and_the_connection,
     false},
    {"shutdown_after_the_peer_has_closed_is_no_error", shutdown_after_the_peer_has_closed_is_no_error, false},
    {"shutdown_after_a_reset_disconnects_whatever_it_says",
     shutdown_after_a_reset_disconnects_whatever_it_says, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"making", making},
                                        {"binding", binding},
                                        {"connected", connected},
                                        {"shutting", shutting},
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
