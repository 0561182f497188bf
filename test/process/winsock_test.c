/* SPDX-License-Identifier: MIT */
/*
 * What is asked of Winsock and the port, and what is made of their answers, where no system here answers like
 * that: layered providers, older builds of Windows, failures without a code. The kernel boundary's sources with
 * functions in the place of the system's, which answer what a test has told them and write down what they saw.
 */
#include "../../win32/compat.h"

static FARPROC WINAPI find_procedure(HMODULE module, LPCSTR name);
static BOOL WINAPI choose_modes(HANDLE handle, UCHAR modes);
static BOOL WINAPI take_packets(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG capacity, ULONG *count,
                                DWORD timeout, BOOL alertable);
static void WINAPI rest(DWORD time);
static SOCKET WINAPI make_handle(int family, int type, int protocol, WSAPROTOCOL_INFOW *provider, GROUP group,
                                 DWORD flags);
static int WINAPI close_once(SOCKET handle);
static int WINAPI end_stream(SOCKET handle, int how);
static int WINAPI read_option(SOCKET handle, int level, int name, char *value, int *size);
static int WINAPI write_option(SOCKET handle, int level, int name, const char *value, int size);
static int WINAPI give_order(SOCKET handle, long code, u_long *value);
static int WINAPI give_long_order(SOCKET handle, DWORD code, void *in, DWORD in_size, void *out,
                                  DWORD out_size, DWORD *size, WSAOVERLAPPED *overlapped,
                                  LPWSAOVERLAPPED_COMPLETION_ROUTINE then);
static int WINAPI take_bytes(SOCKET handle, char *bytes, int size, int flags);
static int WINAPI find_ready(int count, fd_set *readable, fd_set *writable, fd_set *failed,
                             const struct timeval *limit);

#define GetProcAddress find_procedure
#define SetFileCompletionNotificationModes choose_modes
#define GetQueuedCompletionStatusEx take_packets
#define Sleep rest
#undef WSASocketW
#define WSASocketW make_handle
#define closesocket close_once
#define shutdown end_stream
#define getsockopt read_option
#define setsockopt write_option
#define ioctlsocket give_order
#define WSAIoctl give_long_order
#define recv take_bytes
#define select find_ready
/* NOLINTBEGIN(bugprone-suspicious-include): with other functions than the system has */
#include "../../win32/kernel_port.c"
#include "../../win32/kernel_socket.c"
#include "../../win32/provider.c"
/* NOLINTEND(bugprone-suspicious-include) */

#include "../support/crash_filter.h"
#include "../support/plain_suite.h"

#define CHECK(condition) CU_ASSERT(condition)

/* ---- in the place of the system's ------------------------------------------------------------------ */

enum { HANDLE_NUMBER = 0x1234, PORT_NUMBER = 0x4321, OPTIONS = 8 };

typedef struct option {
    int level, name, size;
    int32_t value[2];
} option;

static struct {
    /* what it answers */
    bool is_wine, has_modes, has_options, ready, tells_modes;
    ULONG told_modes;
    NTSTATUS modes_status;
    DWORD build, service, error;
    int type, closes_at; /* the call from which on a close succeeds */
    u_long unread;
    /* what it saw */
    int asked_provider, asked_modes, closed, ordered, order_calls, rested;
    UCHAR modes;
    DWORD rest, flags;
    u_long ordered_value;
    uint32_t waited; /* ms */
    TCP_INITIAL_RTO_PARAMETERS first_time;
    option options[OPTIONS];
    int options_count;
} now;

static void begin(void)
{
    memset(&now, 0, sizeof now);
    now.has_modes = now.has_options = true;
    now.type = SOCK_STREAM;
    now.service = XP1_IFS_HANDLES | XP1_GUARANTEED_DELIVERY;
    is_wine = false;
    least_retries = 1;
}

static LONG WINAPI tell_version(RTL_OSVERSIONINFOW *version)
{
    CHECK(version->dwOSVersionInfoSize == sizeof *version);
    version->dwBuildNumber = now.build;
    return 0;
}

static NTSTATUS NTAPI tell_modes(HANDLE handle, IO_STATUS_BLOCK *outcome, void *modes, ULONG size, int kind)
{
    CHECK(handle == (HANDLE)(ULONG_PTR)HANDLE_NUMBER && outcome != NULL && kind == 41);
    CHECK(size == sizeof now.told_modes);
    memcpy(modes, &now.told_modes, sizeof now.told_modes);
    return now.modes_status;
}

static FARPROC WINAPI find_procedure(HMODULE module, LPCSTR name)
{
    CHECK(module == GetModuleHandleW(L"ntdll.dll"));
    if (strcmp(name, "wine_get_version") == 0 && !now.is_wine) return NULL;
    if (strcmp(name, "NtQueryInformationFile") == 0)
        return now.tells_modes ? (FARPROC)(void (*)(void))tell_modes : NULL;
    return (FARPROC)(void (*)(void))tell_version;
}

static BOOL WINAPI choose_modes(HANDLE handle, UCHAR modes)
{
    CHECK(handle == (HANDLE)(ULONG_PTR)HANDLE_NUMBER);
    now.asked_modes++;
    now.modes = modes;
    return now.has_modes;
}

static BOOL WINAPI take_packets(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG capacity, ULONG *count,
                                DWORD timeout, BOOL alertable)
{
    CHECK(port == (HANDLE)(ULONG_PTR)PORT_NUMBER && capacity != 0 && !alertable);
    (void)timeout;
    if (now.error != 0) {
        SetLastError(now.error);
        return FALSE;
    }
    entries[0].lpCompletionKey = 7;
    entries[0].lpOverlapped = NULL;
    entries[0].dwNumberOfBytesTransferred = 0;
    *count = 1;
    return TRUE;
}

static void WINAPI rest(DWORD time)
{
    now.rested++;
    now.rest = time;
}

static SOCKET WINAPI make_handle(int family, int type, int protocol, WSAPROTOCOL_INFOW *provider, GROUP group,
                                 DWORD flags)
{
    CHECK(family == AF_INET && type == SOCK_STREAM && protocol == IPPROTO_TCP && provider == NULL &&
          group == 0);
    now.flags = flags;
    WSASetLastError((int)now.error);
    return now.has_options ? HANDLE_NUMBER : INVALID_SOCKET;
}

static int WINAPI close_once(SOCKET handle)
{
    CHECK(handle == HANDLE_NUMBER);
    if (++now.closed >= now.closes_at) return 0;
    WSASetLastError(WSAEWOULDBLOCK);
    return SOCKET_ERROR;
}

static int fail(void)
{
    WSASetLastError((int)now.error);
    return SOCKET_ERROR;
}

static int WINAPI end_stream(SOCKET handle, int how)
{
    CHECK(handle == HANDLE_NUMBER && how == SD_SEND);
    return now.has_options ? 0 : fail();
}

static int WINAPI read_option(SOCKET handle, int level, int name, char *value, int *size)
{
    WSAPROTOCOL_INFOW *provider = (WSAPROTOCOL_INFOW *)(void *)value;

    CHECK(handle == HANDLE_NUMBER && level == SOL_SOCKET && name == SO_PROTOCOL_INFOW);
    CHECK(*size == (int)sizeof *provider);
    now.asked_provider++;
    if (!now.has_options) return fail();
    memset(provider, 0, sizeof *provider);
    provider->iSocketType = now.type;
    provider->dwServiceFlags1 = now.service;
    *size = (int)sizeof *provider;
    return 0;
}

static int WINAPI write_option(SOCKET handle, int level, int name, const char *value, int size)
{
    option *seen = &now.options[now.options_count];

    CHECK(handle == HANDLE_NUMBER && now.options_count < OPTIONS);
    CHECK((value == NULL) == (size == 0) && size <= (int)sizeof seen->value);
    if (now.options_count == OPTIONS || size > (int)sizeof seen->value) return SOCKET_ERROR;
    now.options_count++;
    seen->level = level;
    seen->name = name;
    seen->size = size;
    if (value != NULL) memcpy(seen->value, value, (size_t)size);
    return now.has_options ? 0 : fail();
}

static int WINAPI give_order(SOCKET handle, long code, u_long *value)
{
    CHECK(handle == HANDLE_NUMBER && (code == (long)FIONBIO || code == (long)FIONREAD));
    if (code == (long)FIONREAD) {
        *value = now.unread;
    } else {
        now.ordered++;
        now.ordered_value = *value;
    }
    return 0;
}

static int WINAPI give_long_order(SOCKET handle, DWORD code, void *in, DWORD in_size, void *out,
                                  DWORD out_size, DWORD *size, WSAOVERLAPPED *overlapped,
                                  LPWSAOVERLAPPED_COMPLETION_ROUTINE then)
{
    CHECK(handle == HANDLE_NUMBER && code == SIO_TCP_INITIAL_RTO && in_size == sizeof now.first_time);
    CHECK(out == NULL && out_size == 0 && size != NULL && overlapped == NULL && then == NULL);
    now.order_calls++;
    memcpy(&now.first_time, in, sizeof now.first_time);
    *size = 0;
    return now.has_options ? 0 : fail();
}

/* NOLINTNEXTLINE(readability-non-const-parameter): Winsock's type */
static int WINAPI take_bytes(SOCKET handle, char *bytes, int size, int flags)
{
    CHECK(handle == HANDLE_NUMBER && bytes != NULL && size == 0 && flags == 0);
    return now.error == 0 ? 0 : fail();
}

static int WINAPI find_ready(int count, fd_set *readable, fd_set *writable, fd_set *failed,
                             const struct timeval *limit)
{
    CHECK(count == 0 && writable == NULL && failed == NULL);
    CHECK(readable->fd_count == 1 && readable->fd_array[0] == HANDLE_NUMBER);
    now.waited = limit != NULL ? (uint32_t)(limit->tv_sec * 1000 + limit->tv_usec / 1000) : APMK_FOREVER;
    return now.ready;
}

static void check_option(int index, int level, int name, int size, int32_t value)
{
    const option *seen = &now.options[index];

    CHECK(index < now.options_count);
    CHECK(seen->level == level && seen->name == name && seen->size == size && seen->value[0] == value);
}

/* ---- the port's skipped packets ----------------------------------------------------------------------- */

static void handle_with_files_skips_the_port(void)
{
    begin();
    CHECK(apmk_socket_skip_on_success(HANDLE_NUMBER, true));
    CHECK(now.asked_provider == 1 && now.asked_modes == 1);
    CHECK(now.modes == (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE));
}

/* A layer in between has its packets sent by other means: they would come or not come regardless. */
static void handle_of_a_layer_without_files_does_not_skip(void)
{
    int own;

    for (own = 0; own <= 1; own++) {
        begin();
        now.service = XP1_GUARANTEED_DELIVERY;
        CHECK(!apmk_socket_skip_on_success(HANDLE_NUMBER, own != 0));
        CHECK(now.asked_provider == 1 && now.asked_modes == 0);
    }
}

static void datagrams_and_unknown_providers_do_not_skip(void)
{
    begin();
    now.type = SOCK_DGRAM;
    CHECK(!apmk_socket_skip_on_success(HANDLE_NUMBER, true));
    CHECK(now.asked_modes == 0);
    begin();
    now.has_options = false;
    now.error = WSAENOPROTOOPT;
    CHECK(!apmk_socket_skip_on_success(HANDLE_NUMBER, true));
    CHECK(now.asked_modes == 0);
}

static void refused_mode_is_no_mode(void)
{
    begin();
    now.has_modes = false;
    CHECK(!apmk_socket_skip_on_success(HANDLE_NUMBER, true));
    CHECK(now.asked_modes == 1);
}

/* There are no layers in Wine; but somebody may have made the handle otherwise. */
static void wine_is_not_asked_for_its_own(void)
{
    begin();
    now.is_wine = true;
    apmk_provider_look();
    CHECK(apmk_provider_is_wine());
    CHECK(apmk_socket_skip_on_success(HANDLE_NUMBER, true));
    CHECK(now.asked_provider == 0 && now.asked_modes == 1);
    now.service = 0;
    CHECK(!apmk_socket_skip_on_success(HANDLE_NUMBER, false));
    CHECK(now.asked_provider == 1 && now.asked_modes == 1);
}

static void check_skips(enum apmk_skipping expected)
{
    apmk_provider_look();
    CHECK(apmk_socket_skips(HANDLE_NUMBER) == expected);
}

static void handle_that_was_told_to_skip_is_known(void)
{
    begin();
    now.tells_modes = true;
    now.told_modes = FILE_SKIP_SET_EVENT_ON_HANDLE;
    check_skips(APMK_SKIPS_NOT);
    now.told_modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    check_skips(APMK_SKIPS);
    now.service = 0;
    check_skips(APMK_SKIPS_PERHAPS);
    now.service = XP1_IFS_HANDLES;
    now.type = SOCK_DGRAM;
    check_skips(APMK_SKIPS_PERHAPS);
    now.modes_status = (NTSTATUS)0xC0000003; /* a system that does not know what is asked */
    check_skips(APMK_SKIPS_NOT);
    now.modes_status = 0;
    now.tells_modes = false;
    check_skips(APMK_SKIPS_NOT);
    CHECK(now.asked_modes == 0);
}

/* ---- connecting ------------------------------------------------------------------------------------- */

static void check_first_time(DWORD build, uint8_t retries)
{
    begin();
    now.build = build;
    apmk_provider_look();
    CHECK(!apmk_provider_is_wine());
    apmk_socket_quick_refusal(HANDLE_NUMBER);
    CHECK(now.order_calls == 1);
    CHECK(now.first_time.Rtt == TCP_INITIAL_RTO_UNSPECIFIED_RTT);
    CHECK(now.first_time.MaxSynRetransmissions == retries);
}

/* 0xFF would be "as the system does", and 0 what older ones take for that. */
static void refusal_is_known_at_once_as_far_as_the_build_can(void)
{
    check_first_time(0, 1);
    check_first_time(7601, 1);
    check_first_time(16298, 1);
    check_first_time(16299, 0xFE);
    check_first_time(26100, 0xFE);
}

static void ask_for_quick_refusal(DWORD error, int calls)
{
    now.error = error;
    apmk_socket_quick_refusal(HANDLE_NUMBER);
    CHECK(now.order_calls == calls);
}

/* The last of these: what it finds out is kept for good. */
static void system_without_quick_refusal_is_asked_once(void)
{
    begin();
    now.has_options = false;
    ask_for_quick_refusal(WSAENOBUFS, 1); /* says nothing of the next one */
    ask_for_quick_refusal(WSAEOPNOTSUPP, 2);
    ask_for_quick_refusal(WSAEOPNOTSUPP, 2);
}

static void connect_context_is_an_order_without_a_value(void)
{
    begin();
    CHECK(apmk_socket_update_connect_context(HANDLE_NUMBER) == APMK_SUCCESS);
    CHECK(now.options_count == 1);
    check_option(0, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, 0, 0);
    now.has_options = false;
    now.error = WSAENOTCONN;
    CHECK(apmk_socket_update_connect_context(HANDLE_NUMBER) == WSAENOTCONN);
}

/* SO_REUSEADDR would let others have the port as well. */
static void port_is_shared_by_connections_only(void)
{
    begin();
    apmk_socket_reuse_unicast_port(HANDLE_NUMBER);
    CHECK(now.options_count == 1);
    check_option(0, SOL_SOCKET, 0x3007, (int)sizeof(DWORD), 1);
}

/* ---- handles ---------------------------------------------------------------------------------------- */

static void socket_is_overlapped_and_not_inherited(void)
{
    apmk_socket made = APMK_NO_SOCKET;

    begin();
    CHECK(apmk_socket_open(AF_INET, SOCK_STREAM, IPPROTO_TCP, &made) == APMK_SUCCESS);
    CHECK(made == HANDLE_NUMBER && now.flags == (WSA_FLAG_OVERLAPPED | 0x80));
    begin();
    now.has_options = false;
    now.error = WSAEMFILE;
    made = APMK_NO_SOCKET;
    CHECK(apmk_socket_open(AF_INET, SOCK_STREAM, IPPROTO_TCP, &made) == WSAEMFILE);
    CHECK(made == APMK_NO_SOCKET);
}

static void check_close(int closes_at, int closed, int ordered, int options)
{
    begin();
    now.closes_at = closes_at;
    apmk_socket_close(HANDLE_NUMBER);
    CHECK(now.closed == closed && now.ordered == ordered && now.ordered_value == 0);
    CHECK(now.options_count == options);
    if (options != 0) check_option(0, SOL_SOCKET, SO_LINGER, (int)sizeof(struct linger), 1); /* for no time */
}

static void handle_that_may_not_block_is_closed_all_the_same(void)
{
    check_close(1, 1, 0, 0);
    check_close(2, 2, 1, 0);
    check_close(3, 3, 1, 1);
    check_close(4, 3, 1, 1); /* what more could be tried */
}

/* A hook in between has lost the code. */
static void failure_without_a_code_is_one(void)
{
    apmk_socket made = APMK_NO_SOCKET;

    begin();
    now.has_options = false;
    CHECK(apmk_socket_shutdown(HANDLE_NUMBER, SD_SEND) == ERROR_GEN_FAILURE);
    CHECK(apmk_socket_update_connect_context(HANDLE_NUMBER) == ERROR_GEN_FAILURE);
    CHECK(apmk_socket_open(AF_INET, SOCK_STREAM, IPPROTO_TCP, &made) == ERROR_GEN_FAILURE);
}

/* The receive that tells does not wait: it has the least time that is not for ever. */
static void check_end(DWORD error, u_long unread, bool ended)
{
    begin();
    now.error = error;
    now.unread = unread;
    CHECK(apmk_socket_has_ended(HANDLE_NUMBER) == ended);
    CHECK(now.ordered == 1 && now.ordered_value == 0);
    check_option(0, SOL_SOCKET, SO_RCVTIMEO, (int)sizeof(DWORD), 1);
}

static void wait_for_the_end_has_its_time(void)
{
    check_end(0, 0, true);
    check_end(0, 3, false); /* something to receive is no end */
    check_end(WSAECONNRESET, 0, false);
}

/* ---- the port ---------------------------------------------------------------------------------------- */

static uint32_t wait_at_port(DWORD error, uint32_t timeout)
{
    apmk_packet packets[2];

    now.error = error;
    now.rested = 0;
    return apmk_port_wait((apmk_port)PORT_NUMBER, packets, 2, timeout);
}

/* Nobody takes a failed wait for packets, or for his end; and it does not go round as fast as it can. */
static void port_wait_that_fails_has_taken_nothing(void)
{
    static const DWORD errors[] = {ERROR_ABANDONED_WAIT_0, ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY,
                                   0xFFFF};
    size_t i;

    begin();
    for (i = 0; i < sizeof errors / sizeof *errors; i++) {
        CHECK(wait_at_port(errors[i], APMK_FOREVER) == 0);
        CHECK(now.rested == 1 && now.rest != 0 && now.rest <= 10);
        CHECK(wait_at_port(errors[i], 3) == 0);
        CHECK(now.rested == 1 && now.rest == 3);
    }
    CHECK(wait_at_port(WAIT_TIMEOUT, 3) == 0);
    CHECK(now.rested == 0);
    CHECK(wait_at_port(0, APMK_FOREVER) == 1);
    CHECK(now.rested == 0);
}

int main(void)
{
    static const plain_case cases[] = {
        {"handle_with_files_skips_the_port", handle_with_files_skips_the_port},
        {"handle_of_a_layer_without_files_does_not_skip", handle_of_a_layer_without_files_does_not_skip},
        {"datagrams_and_unknown_providers_do_not_skip", datagrams_and_unknown_providers_do_not_skip},
        {"refused_mode_is_no_mode", refused_mode_is_no_mode},
        {"wine_is_not_asked_for_its_own", wine_is_not_asked_for_its_own},
        {"handle_that_was_told_to_skip_is_known", handle_that_was_told_to_skip_is_known},
        {"refusal_is_known_at_once_as_far_as_the_build_can",
         refusal_is_known_at_once_as_far_as_the_build_can},
        {"connect_context_is_an_order_without_a_value", connect_context_is_an_order_without_a_value},
        {"port_is_shared_by_connections_only", port_is_shared_by_connections_only},
        {"socket_is_overlapped_and_not_inherited", socket_is_overlapped_and_not_inherited},
        {"handle_that_may_not_block_is_closed_all_the_same",
         handle_that_may_not_block_is_closed_all_the_same},
        {"failure_without_a_code_is_one", failure_without_a_code_is_one},
        {"wait_for_the_end_has_its_time", wait_for_the_end_has_its_time},
        {"port_wait_that_fails_has_taken_nothing", port_wait_that_fails_has_taken_nothing},
        {"system_without_quick_refusal_is_asked_once", system_without_quick_refusal_is_asked_once},
    };

    crash_filter_install();
    return run_plain_suite("winsock", cases, sizeof cases / sizeof *cases, NULL);
}
