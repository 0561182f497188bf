/* SPDX-License-Identifier: MIT */
/*
 * Errors: names, texts, and the border that the system's codes cross. The expected values are
 * written down a second time here, from .NET's and Windows' documentation.
 */
#include <stdio.h>
#include <string.h>

#include "../support/fixture.h"

/* What the DLL does not export is tested where the library is linked into the program. */
#ifndef APMSOCK_DLL
#include "../../src/error.h"
#endif

static void check_row(bool good, const char *row, int line)
{
    (void)CU_assertImplementation(good ? CU_TRUE : CU_FALSE, (unsigned)line, row, __FILE__, "", CU_FALSE);
}
#define CHECK_ROW(condition, row) check_row((condition), (row), __LINE__)

/* ---- names ----------------------------------------------------------------------------------- */

typedef struct named {
    apm_error constant;
    int32_t value;
    const char *name;
} named;

static const named everything[] = {
    {APM_ERROR_SUCCESS, 0, "Success"},
    {APM_ERROR_SOCKET, -1, "SocketError"},
    {APM_ERROR_OBJECT_DISPOSED, -2, "ObjectDisposed"},
    {APM_ERROR_ARGUMENT_NULL, -3, "ArgumentNull"},
    {APM_ERROR_ARGUMENT_OUT_OF_RANGE, -4, "ArgumentOutOfRange"},
    {APM_ERROR_ARGUMENT, -5, "Argument"},
    {APM_ERROR_INVALID_OPERATION, -6, "InvalidOperation"},
    {APM_ERROR_NOT_SUPPORTED, -7, "NotSupported"},
    {APM_ERROR_FILE_NOT_FOUND, -8, "FileNotFound"},
    {APM_ERROR_OUT_OF_MEMORY, -9, "OutOfMemory"},
    {APM_ERROR_FORMAT, -10, "Format"},
    {APM_ERROR_OPERATION_ABORTED, 995, "OperationAborted"},
    {APM_ERROR_IO_PENDING, 997, "IOPending"},
    {APM_ERROR_INTERRUPTED, 10004, "Interrupted"},
    {APM_ERROR_ACCESS_DENIED, 10013, "AccessDenied"},
    {APM_ERROR_FAULT, 10014, "Fault"},
    {APM_ERROR_INVALID_ARGUMENT, 10022, "InvalidArgument"},
    {APM_ERROR_TOO_MANY_OPEN_SOCKETS, 10024, "TooManyOpenSockets"},
    {APM_ERROR_WOULD_BLOCK, 10035, "WouldBlock"},
    {APM_ERROR_IN_PROGRESS, 10036, "InProgress"},
    {APM_ERROR_ALREADY_IN_PROGRESS, 10037, "AlreadyInProgress"},
    {APM_ERROR_NOT_SOCKET, 10038, "NotSocket"},
    {APM_ERROR_DESTINATION_ADDRESS_REQUIRED, 10039, "DestinationAddressRequired"},
    {APM_ERROR_MESSAGE_SIZE, 10040, "MessageSize"},
    {APM_ERROR_PROTOCOL_TYPE, 10041, "ProtocolType"},
    {APM_ERROR_PROTOCOL_OPTION, 10042, "ProtocolOption"},
    {APM_ERROR_PROTOCOL_NOT_SUPPORTED, 10043, "ProtocolNotSupported"},
    {APM_ERROR_SOCKET_NOT_SUPPORTED, 10044, "SocketNotSupported"},
    {APM_ERROR_OPERATION_NOT_SUPPORTED, 10045, "OperationNotSupported"},
    {APM_ERROR_PROTOCOL_FAMILY_NOT_SUPPORTED, 10046, "ProtocolFamilyNotSupported"},
    {APM_ERROR_ADDRESS_FAMILY_NOT_SUPPORTED, 10047, "AddressFamilyNotSupported"},
    {APM_ERROR_ADDRESS_ALREADY_IN_USE, 10048, "AddressAlreadyInUse"},
    {APM_ERROR_ADDRESS_NOT_AVAILABLE, 10049, "AddressNotAvailable"},
    {APM_ERROR_NETWORK_DOWN, 10050, "NetworkDown"},
    {APM_ERROR_NETWORK_UNREACHABLE, 10051, "NetworkUnreachable"},
    {APM_ERROR_NETWORK_RESET, 10052, "NetworkReset"},
    {APM_ERROR_CONNECTION_ABORTED, 10053, "ConnectionAborted"},
    {APM_ERROR_CONNECTION_RESET, 10054, "ConnectionReset"},
    {APM_ERROR_NO_BUFFER_SPACE_AVAILABLE, 10055, "NoBufferSpaceAvailable"},
    {APM_ERROR_IS_CONNECTED, 10056, "IsConnected"},
    {APM_ERROR_NOT_CONNECTED, 10057, "NotConnected"},
    {APM_ERROR_SHUTDOWN, 10058, "Shutdown"},
    {APM_ERROR_TIMED_OUT, 10060, "TimedOut"},
    {APM_ERROR_CONNECTION_REFUSED, 10061, "ConnectionRefused"},
    {APM_ERROR_HOST_DOWN, 10064, "HostDown"},
    {APM_ERROR_HOST_UNREACHABLE, 10065, "HostUnreachable"},
    {APM_ERROR_PROCESS_LIMIT, 10067, "ProcessLimit"},
    {APM_ERROR_SYSTEM_NOT_READY, 10091, "SystemNotReady"},
    {APM_ERROR_VERSION_NOT_SUPPORTED, 10092, "VersionNotSupported"},
    {APM_ERROR_NOT_INITIALIZED, 10093, "NotInitialized"},
    {APM_ERROR_DISCONNECTING, 10101, "Disconnecting"},
    {APM_ERROR_TYPE_NOT_FOUND, 10109, "TypeNotFound"},
    {APM_ERROR_HOST_NOT_FOUND, 11001, "HostNotFound"},
    {APM_ERROR_TRY_AGAIN, 11002, "TryAgain"},
    {APM_ERROR_NO_RECOVERY, 11003, "NoRecovery"},
    {APM_ERROR_NO_DATA, 11004, "NoData"},
};
enum { NAMED_COUNT = sizeof everything / sizeof *everything };

static void every_error_has_its_number_and_name(void)
{
    size_t i;

    CHECK(NAMED_COUNT == 56); /* 46 of SocketError but its -1, which is ours, and our 10 */
    for (i = 0; i < NAMED_COUNT; i++) {
        CHECK_ROW(everything[i].constant == everything[i].value, everything[i].name);
        CHECK_ROW(strcmp(apm_error_name(everything[i].constant), everything[i].name) == 0,
                  everything[i].name);
        /* Static text: the same at every call. */
        CHECK_ROW(apm_error_name(everything[i].constant) == apm_error_name(everything[i].constant),
                  everything[i].name);
    }
}

static bool is_named(int32_t value)
{
    size_t i;

    for (i = 0; i < NAMED_COUNT; i++)
        if (everything[i].value == value) return true;
    return false;
}

static void no_other_number_has_a_name(void)
{
    static const int32_t odd[] = {INT32_MIN, INT32_MAX, -1073741823, 65536 + 10061, -10061};
    int32_t value, wrong = 0;
    size_t i;

    for (value = -20000; value <= 20000; value++)
        if ((strcmp(apm_error_name(value), "Unknown") == 0) == is_named(value)) wrong++;
    CHECK(wrong == 0);
    for (i = 0; i < sizeof odd / sizeof *odd; i++) CHECK(strcmp(apm_error_name(odd[i]), "Unknown") == 0);
}

/* ---- texts ----------------------------------------------------------------------------------- */

enum { ROOM = 2048 };

static bool is_fallback(apm_error error, const char *text)
{
    char expected[32];

    (void)snprintf(expected, sizeof expected, "Error %ld", (long)error);
    return strcmp(text, expected) == 0;
}

/* Whole characters only, none of them a line end. */
static bool is_clean_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != 0) {
        unsigned more = *at < 0x80   ? 0
                        : *at < 0xC2 ? 9
                        : *at < 0xE0 ? 1
                        : *at < 0xF0 ? 2
                        : *at < 0xF5 ? 3
                                     : 9;

        if (more == 9 || *at == '\r' || *at == '\n') return false;
        for (at++; more != 0; more--)
            if ((*at++ & 0xC0) != 0x80) return false;
    }
    return true;
}

static void every_error_has_a_text(void)
{
    char text[ROOM];
    size_t i;

    for (i = 0; i < NAMED_COUNT; i++) {
        size_t length = apm_error_message(everything[i].constant, text, sizeof text);

        CHECK_ROW(length != 0 && length < sizeof text && strlen(text) == length, everything[i].name);
        CHECK_ROW(is_clean_utf8(text) && (unsigned char)text[length - 1] > ' ', everything[i].name);
        if (everything[i].value < 0) {
            CHECK_ROW(!is_fallback(everything[i].constant, text), everything[i].name);
            CHECK_ROW(text[length - 1] == '.', everything[i].name);
        }
    }
}

static void our_own_texts_differ(void)
{
    char one[ROOM], other[ROOM];
    apm_error a, b;

    for (a = APM_ERROR_SOCKET; a >= APM_ERROR_FORMAT; a--)
        for (b = a - 1; b >= APM_ERROR_FORMAT; b--) {
            (void)apm_error_message(a, one, sizeof one);
            (void)apm_error_message(b, other, sizeof other);
            CHECK_ROW(strcmp(one, other) != 0, one);
        }
}

static void codes_without_a_text_have_their_number(void)
{
    /* Customer codes (bit 29), which no system has texts for. */
    static const apm_error codes[] = {536870913, 987654321, -536870000, -11, -54321};
    char text[ROOM];
    size_t i;

    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t length = apm_error_message(codes[i], text, sizeof text);

        CHECK_ROW(length == strlen(text) && is_fallback(codes[i], text), text);
    }
    /* The one number whose negative is none. */
    CHECK(apm_error_message(INT32_MIN, text, sizeof text) == strlen(text) && text[0] != '\0');
    CHECK(strncmp(text, "Error ", 6) != 0 || strcmp(text, "Error -2147483648") == 0);
}

#ifdef _WIN32
static void the_systems_texts_are_told(void)
{
    /* Some that Wine has texts for, too. */
    static const apm_error codes[] = {0, 5, 64, 995, 1225, 10054, 10061};
    char text[ROOM];
    size_t i;

    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        (void)apm_error_message(codes[i], text, sizeof text);
        CHECK_ROW(!is_fallback(codes[i], text), text);
    }
}
#endif

static void text_that_does_not_fit_is_cut_between_characters(void)
{
    static const apm_error codes[] = {APM_ERROR_SOCKET, APM_ERROR_FORMAT, 10061, 0, 987654321, INT32_MIN};
    static char whole[ROOM], text[ROOM + 8];
    size_t i, size, k;

    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t length = apm_error_message(codes[i], whole, sizeof whole);

        CHECK(length != 0 && length < sizeof whole);
        CHECK(apm_error_message(codes[i], NULL, 0) == length);
        CHECK(apm_error_message(codes[i], NULL, 100) == length);
        for (size = 0; size <= length + 4; size++) {
            size_t got, room = size == 0 ? 0 : size - 1 < length ? size - 1 : length;
            bool good;

            memset(text, '#', sizeof text);
            good = apm_error_message(codes[i], text, size) == length;
            if (size != 0) {
                got = strlen(text);
                good = good && got <= room && got + 3 >= room && memcmp(text, whole, got) == 0 &&
                       is_clean_utf8(text);
                if (room == length) good = good && got == length;
            }
            for (k = size; k < sizeof text; k++) good = good && text[k] == '#';
            CHECK_ROW(good, whole);
        }
    }
}

/* ---- the border ------------------------------------------------------------------------------ */

#ifndef APMSOCK_DLL
typedef struct crossing {
    uint32_t code;
    int32_t error;
} crossing;

static const crossing crossings[] = {
    /* in packets */
    {0xC000020D, 10054},
    {0xC000013C, 10054},
    {0xC000020C, 10054},
    {0xC000013B, 10053},
    {0xC0000241, 10053},
    {0xC0000236, 10061},
    {0xC00000B5, 10060},
    {0xC000023C, 10051},
    {0xC000023D, 10065},
    {0xC000023E, 10051},
    {0xC000023F, 10054},
    {0xC0000120, 995},
    {0x8000000A, 995},
    {0x80000005, 10040},
    {0xC0000237, 10101},
    {0xC0000140, 10057},
    {0xC00000B0, 10058},
    {0xC000020A, 10048},
    {0xC0000043, 10048},
    {0xC000009A, 10055},
    {0xC0000044, 10055},
    {0xC0000141, 10049},
    {0xC0000207, 10049},
    {0xC0000022, 10013},
    {0x00000102, 10060},
    /* rarer ones */
    {0xC0000240, 995},
    {0xC000013E, 10054},
    {0xC000A012, 10052},
    {0xC000020F, 10053},
    {0xC000023A, 10057},
    {0xC000023B, 10056},
    {0xC00000BC, 10061},
    {0xC000013F, 10060},
    {0xC00000BE, 10051},
    {0xC00000BF, 10050},
    {0xC00000C3, 10050},
    {0xC00000C4, 10050},
    {0xC0000209, 10048},
    {0xC0000238, 10048},
    {0xC0000018, 10049},
    {0xC0000206, 10040},
    {0xC0000005, 10014},
    {0xC0000023, 10014},
    {0xC000000D, 10022},
    {0xC0000008, 10038},
    {0xC0000024, 10038},
    {0xC00000BB, 10045},
    {0xC0000002, 10045},
    {0xC00000A3, 10035},
    {0xC00000D0, 10035},
    {0xC00000A1, 10055},
    {0xC0000007, 10055},
    {0xC0000017, 10055},
    {0xC000012D, 10055},
    {0xC0000097, 10055},
    {0xC000013D, 10055},
    /* Win32 */
    {5, 10013},
    {8, -9},
    {14, -9},
    {64, 10054},
    {121, 10060},
    {233, 10058},
    {234, 10040},
    {258, 10060},
    {676, 995},
    {998, 10014},
    {1225, 10061},
    {1226, 10101},
    {1227, 10048},
    {1229, 10057},
    {1230, 10056},
    {1231, 10051},
    {1232, 10065},
    {1233, 10051},
    {1234, 10054},
    {1235, 995},
    {1236, 10053},
    {1450, 10055},
    {1460, 10060},
    {1453, 10055},
    {1454, 10055},
    {1455, -9},
    {1816, 10055},
};

/* What the rows say, and for all other codes that they stay as they are. */
static apm_error expected_crossing(uint32_t code)
{
    int32_t same;
    size_t i;

    for (i = 0; i < sizeof crossings / sizeof *crossings; i++)
        if (crossings[i].code == code) return crossings[i].error;
    memcpy(&same, &code, sizeof same);
    return same;
}

static void check_range(uint32_t first, uint32_t last)
{
    uint32_t code = first, wrong = 0;

    for (;; code++) {
        if (apmi_error_from_native(code) != expected_crossing(code) && wrong++ < 10) {
            char row[32];

            (void)snprintf(row, sizeof row, "%08lX", (unsigned long)code);
            CHECK_ROW(false, row);
        }
        if (code == last) break;
    }
    CHECK(wrong == 0);
}

static void codes_of_the_system_mean_what_winsock_says(void)
{
    size_t i;

    for (i = 0; i < sizeof crossings / sizeof *crossings; i++) {
        char row[32];

        (void)snprintf(row, sizeof row, "%08lX -> %ld", (unsigned long)crossings[i].code,
                       (long)crossings[i].error);
        CHECK_ROW(apmi_error_from_native(crossings[i].code) == crossings[i].error, row);
    }
}

static void codes_without_a_meaning_pass(void)
{
    check_range(0, 0x1FFFF); /* Winsock's and Win32's; 0 is success */
    check_range(0x40000000, 0x4000FFFF);
    check_range(0x7FFFFFF0, 0x8000FFFF);
    check_range(0xC0000000, 0xC000FFFF);
    check_range(0xC0010000, 0xC0010FFF);
    check_range(0xFFFE0000, 0xFFFEFFFF);
    CHECK(apmi_error_from_native(32) == 32); /* a file's */
    CHECK(apmi_error_from_native(10009) == 10009);
    CHECK(apmi_error_from_native(0xC0000001) == -1073741823);
}

static void wrapped_codes_are_unwrapped(void)
{
    uint32_t code;

    for (code = 1; code <= 0xFFFF; code += code < 2000 ? 1 : 997) {
        apm_error plain = apmi_error_from_native(code);

        if (apmi_error_from_native(0xC0070000 | code) == plain &&
            apmi_error_from_native(0x80070000 | code) == plain)
            continue;
        CHECK_ROW(false, "wrapped differs");
    }
    CHECK(apmi_error_from_native(0xC0070040) == APM_ERROR_CONNECTION_RESET);
    CHECK(apmi_error_from_native(0x8007000E) == APM_ERROR_OUT_OF_MEMORY);
    CHECK(apmi_error_from_native(0xC0070000) == -1073283072); /* nothing is in it */
    CHECK(apmi_error_from_native(0x80070000) == -2147024896);
}

/* No code of the system is taken for an exception of ours, nor for success. */
static void no_code_looks_like_one_of_ours(void)
{
    uint32_t code, wrong = 0;

    for (code = 0xFFFFFFFF; code >= 0xFFFF0000; code--)
        if (apmi_error_from_native(code) != APM_ERROR_SOCKET) wrong++;
    CHECK(wrong == 0);
    for (code = 0; code < 0xFFFF0000 - 4099; code += 4099) {
        apm_error error = apmi_error_from_native(code);

        if ((error < 0 && error > -65536 && error != APM_ERROR_OUT_OF_MEMORY) || (error == 0) != (code == 0))
            wrong++;
    }
    CHECK(wrong == 0);
}

/* What says that a file cannot be had has a meaning. All else stays what it is: also what would be a lost connection,
 * or none to be had, if a socket had said it. */
static apm_error expected_of_file(uint32_t code)
{
    static const crossing meanings[] = {{2, -8},   {3, -8},   {15, -8},   {53, -8},    {67, -8},
                                        {123, -8}, {161, -8}, {206, -8},  {267, -8},   {5, 10013},
                                        {8, -9},   {14, -9},  {1455, -9}, {32, 10013}, {33, 10013}};
    int32_t same;
    size_t i;

    for (i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code) return meanings[i].error;
    if (code >= 0xFFFF0000) return APM_ERROR_SOCKET;
    memcpy(&same, &code, sizeof same);
    return same;
}

static void errors_of_a_file_are_no_connections(void)
{
    static const uint32_t firsts[] = {0, 0x40000000, 0x7FFFFFF0, 0xC0000000, 0xFFFE0000};
    uint32_t code, wrong = 0;
    size_t i;

    for (i = 0; i < sizeof firsts / sizeof *firsts; i++)
        for (code = firsts[i]; code - firsts[i] < 0x20000 && code >= firsts[i]; code++)
            if (apmi_error_from_file(code) != expected_of_file(code) && wrong++ < 10) {
                char row[32];

                (void)snprintf(row, sizeof row, "%08lX", (unsigned long)code);
                CHECK_ROW(false, row);
            }
    CHECK(wrong == 0);
}
#endif

/* ---- lists ----------------------------------------------------------------------------------- */

static const test_case names[] = {
    {"every_error_has_its_number_and_name", every_error_has_its_number_and_name, true},
    {"no_other_number_has_a_name", no_other_number_has_a_name, true},
    {NULL, NULL, false}};

static const test_case texts[] = {
    {"every_error_has_a_text", every_error_has_a_text, true},
    {"our_own_texts_differ", our_own_texts_differ, true},
    {"codes_without_a_text_have_their_number", codes_without_a_text_have_their_number, true},
#ifdef _WIN32
    {"the_systems_texts_are_told", the_systems_texts_are_told, true},
#endif
    {"text_that_does_not_fit_is_cut_between_characters", text_that_does_not_fit_is_cut_between_characters,
     true},
    {NULL, NULL, false}};

#ifndef APMSOCK_DLL
static const test_case border[] = {
    {"codes_of_the_system_mean_what_winsock_says", codes_of_the_system_mean_what_winsock_says, true},
    {"codes_without_a_meaning_pass", codes_without_a_meaning_pass, true},
    {"wrapped_codes_are_unwrapped", wrapped_codes_are_unwrapped, true},
    {"no_code_looks_like_one_of_ours", no_code_looks_like_one_of_ours, true},
    {"errors_of_a_file_are_no_connections", errors_of_a_file_are_no_connections, true},
    {NULL, NULL, false}};
#endif

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"names", names},
                                        {"texts", texts},
#ifndef APMSOCK_DLL
                                        {"border", border},
#endif
                                        {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
