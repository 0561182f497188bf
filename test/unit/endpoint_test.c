/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: what is an address and what is not, how it is written, how it lies in memory.
 * All of it pure; every test runs without the library having been started.
 */
#include <string.h>

#include "../support/fixture.h"
#include "address_texts.h"

/* What the DLL does not export is tested where the library is linked into the program. */
#ifndef APMSOCK_DLL
#include "../../src/endpoint.h"
#endif

/* CHECK for a row of a table: says which one. */
static void check_row(bool good, const char *row, int line)
{
    (void)CU_assertImplementation(good ? CU_TRUE : CU_FALSE, (unsigned)line, row, __FILE__, "", CU_FALSE);
}
#define CHECK_ROW(condition, row) check_row((condition), (row), __LINE__)

static apm_endpoint marked_endpoint(void)
{
    apm_endpoint endpoint;

    memset(&endpoint, 0x5A, sizeof endpoint);
    return endpoint;
}

static bool is_marked(const apm_endpoint *endpoint)
{
    apm_endpoint marked = marked_endpoint();

    return memcmp(endpoint, &marked, sizeof marked) == 0;
}

static bool is_written(const apm_endpoint *endpoint, const char *expected)
{
    char text[APM_ENDPOINT_TEXT_SIZE];

    return apm_endpoint_format(endpoint, text, sizeof text) == strlen(expected) &&
           strcmp(text, expected) == 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void addresses_are_read_as_net_reads_them(void)
{
    size_t i;

    for (i = 0; i < sizeof good_addresses / sizeof *good_addresses; i++) {
        apm_endpoint endpoint = marked_endpoint();

        CHECK_ROW(apm_endpoint_from_ip(good_addresses[i].text, 80, &endpoint) == APM_ERROR_SUCCESS,
                  good_addresses[i].text);
        CHECK_ROW(is_written(&endpoint, good_addresses[i].written), good_addresses[i].text);
        CHECK_ROW(endpoint.reserved == 0, good_addresses[i].text);
    }
}

static void what_is_no_address_is_a_format_error(void)
{
    size_t i;

    for (i = 0; i < sizeof bad_addresses / sizeof *bad_addresses; i++) {
        apm_endpoint endpoint = marked_endpoint();

        CHECK_ROW(apm_endpoint_from_ip(bad_addresses[i], 80, &endpoint) == APM_ERROR_FORMAT,
                  bad_addresses[i]);
        CHECK_ROW(is_marked(&endpoint), bad_addresses[i]);
    }
}

static void very_long_texts_are_no_addresses(void)
{
    static char text[70000];
    apm_endpoint endpoint = marked_endpoint();

    memset(text, '0', sizeof text - 1);
    (void)CHECK_ERROR(apm_endpoint_from_ip(text, 80, &endpoint), APM_ERROR_SUCCESS); /* an octal zero */
    CHECK(is_written(&endpoint, "0.0.0.0:80"));
    endpoint = marked_endpoint();
    memset(text, '9', sizeof text - 1);
    (void)CHECK_ERROR(apm_endpoint_from_ip(text, 80, &endpoint), APM_ERROR_FORMAT);
    memset(text, ':', sizeof text - 1);
    (void)CHECK_ERROR(apm_endpoint_from_ip(text, 80, &endpoint), APM_ERROR_FORMAT);
    (void)CHECK_ERROR(apm_endpoint_parse(text, &endpoint), APM_ERROR_FORMAT);
    memset(text, '[', sizeof text - 1);
    (void)CHECK_ERROR(apm_endpoint_parse(text, &endpoint), APM_ERROR_FORMAT);
    CHECK(is_marked(&endpoint));
}

/* ---- addresses with ports -------------------------------------------------------------------- */

static const text_pair good_endpoints[] = {
    {"1.2.3.4:500", "1.2.3.4:500"},
    {"1.2.3.4", "1.2.3.4:0"},
    {"127.1:80", "127.0.0.1:80"},
    {"1:2", "0.0.0.1:2"},
    {"0x7f000001:65535", "127.0.0.1:65535"},
    {"1.2.3.4:00080", "1.2.3.4:80"},
    {"1.2.3.4:0", "1.2.3.4:0"},
    {"::1", "[::1]:0"},
    {"::", "[::]:0"},
    {"::1:500", "[::0.1.5.0]:0"}, /* no brackets: a group */
    {"1::", "[1::]:0"},
    {"[::1]", "[::1]:0"},
    {"[::1]:500", "[::1]:500"},
    {"[::]:65535", "[::]:65535"},
    {"[fe80::1%7]:1", "[fe80::1%7]:1"},
    {"fe80::1%7", "[fe80::1%7]:0"},
    {"[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80"},
    {"::ffff:1.2.3.4", "[::ffff:1.2.3.4]:0"},
};

static const char *const bad_endpoints[] = {
    "",
    ":",
    ":80",
    "1.2.3.4:",
    "1.2.3.4:65536",
    "1.2.3.4:-1",
    "1.2.3.4:+1",
    "1.2.3.4: 80",
    "1.2.3.4:80 ",
    " 1.2.3.4:80",
    "1.2.3.4:0x50",
    "1.2.3.4:8a",
    "1.2.3.4::1",
    "1.2.3.4:1:2",
    "[::1]:",
    "[::1]:65536",
    "[::1]:0x50",
    "[::1]:-1",
    "[::1]: 1",
    "[::1]:1 ",
    "[::1]::1",
    "[::1]x:1",
    "[::1]]:1",
    "[[::1]]:1",
    "::1]:80",
    "[1.2.3.4]:1",
    "[1.2.3.4]",
    "localhost:80",
    "1.2.3.4:99999999999999999999",
    "[]:80",
    "[:80",
    "]:80",
    "[::1]:80]:90",
    "1.2.3.4:4294967376",
    "1.2.3.4/80",
    "1.2.3.4%1:5",
    "[::1]:80:90",
    "[::1]:\342\200\21280",
};

static void endpoints_are_read_with_and_without_port(void)
{
    size_t i;

    for (i = 0; i < sizeof good_endpoints / sizeof *good_endpoints; i++) {
        apm_endpoint endpoint = marked_endpoint();

        CHECK_ROW(apm_endpoint_parse(good_endpoints[i].text, &endpoint) == APM_ERROR_SUCCESS,
                  good_endpoints[i].text);
        CHECK_ROW(is_written(&endpoint, good_endpoints[i].written), good_endpoints[i].text);
    }
}

static void what_is_no_endpoint_is_a_format_error(void)
{
    size_t i;

    for (i = 0; i < sizeof bad_endpoints / sizeof *bad_endpoints; i++) {
        apm_endpoint endpoint = marked_endpoint();

        CHECK_ROW(apm_endpoint_parse(bad_endpoints[i], &endpoint) == APM_ERROR_FORMAT, bad_endpoints[i]);
        CHECK_ROW(is_marked(&endpoint), bad_endpoints[i]);
    }
}

/* What was accepted, however odd, is written so that it is read as the same endpoint again. */
static void what_is_written_is_read_again(void)
{
    static const char alphabet[] = "0123456789abcdefABCDEFx:.%[]/ -";
    uint64_t seed = 1;
    unsigned accepted = 0, i;

    for (i = 0; i < 200000; i++) {
        const text_pair *from = &good_endpoints[draw(&seed, sizeof good_endpoints / sizeof *good_endpoints)];
        uint32_t changes = draw(&seed, 3);
        apm_endpoint first, second;
        char text[64], written[APM_ENDPOINT_TEXT_SIZE], again[APM_ENDPOINT_TEXT_SIZE];
        size_t length = strlen(from->text);

        memcpy(text, from->text, length + 1);
        while (changes-- != 0)
            text[draw(&seed, (uint32_t)length)] = alphabet[draw(&seed, sizeof alphabet - 1)];
        if (apm_endpoint_parse(text, &first) != APM_ERROR_SUCCESS) continue;
        accepted++;
        if (apm_endpoint_format(&first, written, sizeof written) < sizeof written &&
            apm_endpoint_parse(written, &second) == APM_ERROR_SUCCESS &&
            apm_endpoint_equal(&first, &second) &&
            apm_endpoint_format(&second, again, sizeof again) == strlen(written) &&
            strcmp(written, again) == 0)
            continue;
        CHECK_ROW(false, text);
    }
    CHECK(accepted > 20000);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void endpoints_are_windows_addresses(void)
{
    static const unsigned char v4[16] = {2, 0, 0x12, 0x34, 1, 2, 3, 4};
    static const unsigned char v6[28] = {23,   0,    0xFE,        0xDC,        0, 0, 0, 0,
                                         0xFE, 0x80, [22] = 0xAB, [23] = 0xCD, 4, 3, 2, 1};
    static const unsigned char none[128] = {0};
    apm_endpoint endpoint = marked_endpoint();
    unsigned char bytes[128];

    (void)CHECK_ERROR(apm_endpoint_from_ip("1.2.3.4", 0x1234, &endpoint), APM_ERROR_SUCCESS);
    memcpy(bytes, endpoint.address, sizeof bytes);
    CHECK(sizeof endpoint.address == sizeof bytes);
    CHECK(endpoint.length == 16 && endpoint.reserved == 0);
    CHECK(memcmp(bytes, v4, sizeof v4) == 0);
    CHECK(memcmp(bytes + 16, none, sizeof bytes - 16) == 0);

    endpoint = marked_endpoint();
    (void)CHECK_ERROR(apm_endpoint_from_ip("fe80::abcd%16909060", 0xFEDC, &endpoint), APM_ERROR_SUCCESS);
    memcpy(bytes, endpoint.address, sizeof bytes);
    CHECK(endpoint.length == 28 && endpoint.reserved == 0);
    CHECK(memcmp(bytes, v6, sizeof v6) == 0);
    CHECK(memcmp(bytes + 28, none, sizeof bytes - 28) == 0);
}

static void well_known_addresses(void)
{
    apm_endpoint endpoint = marked_endpoint();

    (void)CHECK_ERROR(apm_endpoint_any(APM_FAMILY_IPV4, 65535, &endpoint), APM_ERROR_SUCCESS);
    CHECK(is_written(&endpoint, "0.0.0.0:65535"));
    (void)CHECK_ERROR(apm_endpoint_any(APM_FAMILY_IPV6, 1, &endpoint), APM_ERROR_SUCCESS);
    CHECK(is_written(&endpoint, "[::]:1"));
    (void)CHECK_ERROR(apm_endpoint_loopback(APM_FAMILY_IPV4, 256, &endpoint), APM_ERROR_SUCCESS);
    CHECK(is_written(&endpoint, "127.0.0.1:256"));
    (void)CHECK_ERROR(apm_endpoint_loopback(APM_FAMILY_IPV6, 0, &endpoint), APM_ERROR_SUCCESS);
    CHECK(is_written(&endpoint, "[::1]:0"));
    CHECK(apm_endpoint_family(&endpoint) == APM_FAMILY_IPV6 && apm_endpoint_port(&endpoint) == 0);
}

static void other_families_are_not_supported(void)
{
    static const int32_t families[] = {0, 1, 3, 22, 24, 10, -1, 2 + 65536, INT32_MAX, INT32_MIN};
    size_t i;

    for (i = 0; i < sizeof families / sizeof *families; i++) {
        apm_endpoint endpoint = marked_endpoint();

        (void)CHECK_ERROR(apm_endpoint_any(families[i], 80, &endpoint), APM_ERROR_NOT_SUPPORTED);
        (void)CHECK_ERROR(apm_endpoint_loopback(families[i], 80, &endpoint), APM_ERROR_NOT_SUPPORTED);
        CHECK(is_marked(&endpoint));
    }
}

static void null_is_answered(void)
{
    apm_endpoint endpoint = marked_endpoint();
    char text[4] = "abc";

    (void)CHECK_ERROR(apm_endpoint_from_ip(NULL, 80, &endpoint), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_endpoint_from_ip("1.2.3.4", 80, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_endpoint_from_ip("nonsense", 80, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_endpoint_parse(NULL, &endpoint), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_endpoint_parse("1.2.3.4:5", NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_endpoint_any(APM_FAMILY_IPV4, 80, NULL), APM_ERROR_ARGUMENT_NULL);
    (void)CHECK_ERROR(apm_endpoint_loopback(APM_FAMILY_IPV6, 80, NULL), APM_ERROR_ARGUMENT_NULL);
    CHECK(is_marked(&endpoint));
    CHECK(apm_endpoint_family(NULL) == APM_FAMILY_UNSPECIFIED);
    CHECK(apm_endpoint_port(NULL) == 0);
    CHECK(apm_endpoint_equal(NULL, NULL));
    CHECK(!apm_endpoint_equal(&endpoint, NULL) && !apm_endpoint_equal(NULL, &endpoint));
    CHECK(apm_endpoint_format(NULL, text, sizeof text) == 0 && text[0] == '\0');
    CHECK(apm_endpoint_format(NULL, NULL, 0) == 0);
}

/* ---- equality ------------------------------------------------------------------------------- */

static bool texts_are_equal(const char *a, const char *b)
{
    apm_endpoint first, second;

    if (!CHECK_ERROR(apm_endpoint_parse(a, &first), APM_ERROR_SUCCESS)) return false;
    if (!CHECK_ERROR(apm_endpoint_parse(b, &second), APM_ERROR_SUCCESS)) return false;
    CHECK(apm_endpoint_equal(&first, &second) == apm_endpoint_equal(&second, &first));
    return apm_endpoint_equal(&first, &second);
}

static void equal_is_family_address_scope_and_port(void)
{
    CHECK(texts_are_equal("1.2.3.4:5", "1.2.772:5"));
    CHECK(!texts_are_equal("1.2.3.4:5", "1.2.3.4:6"));
    CHECK(!texts_are_equal("1.2.3.4:5", "1.2.3.5:5"));
    CHECK(!texts_are_equal("1.2.3.4:5", "0.2.3.4:5"));
    CHECK(texts_are_equal("[fe80::1%2]:5", "[FE80:0::1%02]:5"));
    CHECK(!texts_are_equal("[fe80::1%2]:5", "[fe80::1%3]:5"));
    CHECK(!texts_are_equal("[fe80::1%1]:5", "[fe80::1%16777217]:5"));
    CHECK(!texts_are_equal("[fe80::1%2]:5", "[fe80::1]:5"));
    CHECK(!texts_are_equal("[fe80::1]:5", "[fe80::1]:261"));
    CHECK(!texts_are_equal("[::1]:5", "[::2]:5"));
    CHECK(!texts_are_equal("[100::1]:5", "[::1]:5"));
    CHECK(!texts_are_equal("1.2.3.4:5", "[::ffff:1.2.3.4]:5"));
    CHECK(!texts_are_equal("0.0.0.0:0", "[::]:0"));
}

static void set_byte(apm_endpoint *endpoint, size_t at, unsigned char value)
{
    unsigned char bytes[sizeof endpoint->address];

    memcpy(bytes, endpoint->address, sizeof bytes);
    bytes[at] = value;
    memcpy(endpoint->address, bytes, sizeof bytes);
}

static void padding_flow_and_what_lies_behind_do_not_count(void)
{
    apm_endpoint a, b;

    (void)apm_endpoint_from_ip("1.2.3.4", 80, &a);
    b = a;
    b.reserved = 7;
    set_byte(&b, 8, 1);
    set_byte(&b, 15, 1);
    set_byte(&b, 16, 1);
    CHECK(apm_endpoint_equal(&a, &b));
    (void)apm_endpoint_from_ip("::1", 80, &a);
    b = a;
    set_byte(&b, 4, 1);
    set_byte(&b, 7, 1);
    set_byte(&b, 28, 1);
    set_byte(&b, 127, 1);
    CHECK(apm_endpoint_equal(&a, &b));
}

/* ---- endpoints that hold no address --------------------------------------------------------- */

static void check_length(const char *ip, int32_t length)
{
    bool held = length >= 2 && length <= 128;
    apm_endpoint endpoint, whole;
    char text[8] = "abc";
    int32_t family;

    (void)apm_endpoint_from_ip(ip, 80, &whole);
    if (length == whole.length) return;
    family = apm_endpoint_family(&whole);
    endpoint = whole;
    endpoint.length = length;
    CHECK_ROW(apm_endpoint_format(&endpoint, text, sizeof text) == 0 && text[0] == '\0', ip);
    CHECK_ROW(apm_endpoint_port(&endpoint) == 0, ip);
    CHECK_ROW(apm_endpoint_family(&endpoint) == (held ? family : APM_FAMILY_UNSPECIFIED), ip);
    CHECK_ROW(apm_endpoint_equal(&endpoint, &endpoint), ip);
    CHECK_ROW(!apm_endpoint_equal(&endpoint, &whole) && !apm_endpoint_equal(&whole, &endpoint), ip);
#ifndef APMSOCK_DLL
    CHECK_ROW(!apmi_endpoint_is_valid(&endpoint), ip);
    CHECK_ROW(!apmi_endpoint_is_wildcard(&endpoint) && !apmi_endpoint_is_loopback(&endpoint), ip);
#endif
}

static void other_lengths_hold_no_address(void)
{
    static const int32_t lengths[] = {INT32_MIN, -1, 0,  1,  2,  3,   4,   8,        15,
                                      16,        17, 27, 28, 29, 128, 129, INT32_MAX};
    size_t i;

    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        check_length("0.0.0.0", lengths[i]);
        check_length("127.0.0.1", lengths[i]);
        check_length("::", lengths[i]);
        check_length("::1", lengths[i]);
    }
}

static void other_families_hold_no_address(void)
{
    apm_endpoint endpoint, other;

    /* Bytes of a family we do not know count, all of them and no others. */
    (void)apm_endpoint_from_ip("1.2.3.4", 80, &endpoint);
    set_byte(&endpoint, 0, 1);
    other = endpoint;
    CHECK(apm_endpoint_family(&endpoint) == 1 && apm_endpoint_port(&endpoint) == 0);
    CHECK(apm_endpoint_equal(&endpoint, &other));
    set_byte(&other, 16, 9);
    CHECK(apm_endpoint_equal(&endpoint, &other));
    set_byte(&other, 15, 9);
    CHECK(!apm_endpoint_equal(&endpoint, &other));

    /* An IPv6 family in an IPv4 length, a family above 255. */
    (void)apm_endpoint_from_ip("1.2.3.4", 80, &endpoint);
    set_byte(&endpoint, 0, APM_FAMILY_IPV6);
    CHECK(apm_endpoint_port(&endpoint) == 0 && apm_endpoint_format(&endpoint, NULL, 0) == 0);
    (void)apm_endpoint_from_ip("1.2.3.4", 80, &endpoint);
    set_byte(&endpoint, 1, 1);
    CHECK(apm_endpoint_family(&endpoint) == 256 + APM_FAMILY_IPV4 && apm_endpoint_port(&endpoint) == 0);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void text_that_does_not_fit_is_cut_and_terminated(void)
{
    static const char *const texts[] = {"1.2.3.4:5", "255.255.255.255:65535", "[::]:0",
                                        "[2001:db8:1:2:0:5efe:255.255.255.255%4294967295]:65535"};
    size_t i, size, k;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t length = strlen(texts[i]);
        apm_endpoint endpoint;

        (void)CHECK_ERROR(apm_endpoint_parse(texts[i], &endpoint), APM_ERROR_SUCCESS);
        CHECK(length < APM_ENDPOINT_TEXT_SIZE);
        CHECK(apm_endpoint_format(&endpoint, NULL, 0) == length);
        CHECK(apm_endpoint_format(&endpoint, NULL, 100) == length);
        for (size = 0; size <= length + 3; size++) {
            char text[APM_ENDPOINT_TEXT_SIZE + 4];
            size_t fits = size == 0 ? 0 : size - 1 < length ? size - 1 : length;
            bool good;

            memset(text, '#', sizeof text);
            good = apm_endpoint_format(&endpoint, text, size) == length && memcmp(text, texts[i], fits) == 0;
            if (size != 0) good = good && text[fits++] == '\0';
            for (k = fits; k < sizeof text; k++) good = good && text[k] == '#';
            CHECK_ROW(good, texts[i]);
        }
    }
}

/* ---- what the model asks -------------------------------------------------------------------- */

#ifndef APMSOCK_DLL
typedef struct nature {
    const char *text;
    bool wildcard, loopback;
} nature;

static void wildcards_and_loopbacks(void)
{
    static const nature natures[] = {
        {"0.0.0.0:0", true, false},
        {"0.0.0.0:80", true, false},
        {"0.0.0.1:80", false, false},
        {"1.0.0.0:80", false, false},
        {"127.0.0.1:80", false, true},
        {"127.0.0.0:80", false, true},
        {"127.255.255.255:80", false, true},
        {"126.255.255.255:80", false, false},
        {"128.0.0.1:80", false, false},
        {"1.0.0.127:80", false, false},
        {"255.255.255.255:80", false, false},
        {"[::]:0", true, false},
        {"[::%5]:80", true, false},
        {"[::1]:80", false, true},
        {"[::1%1]:80", false, true},
        {"[::2]:80", false, false},
        {"[1::]:80", false, false},
        {"[1::1]:80", false, false},
        {"[::1:1]:80", false, false},
        {"[::ffff:0.0.0.0]:80", true, false},
        {"[::ffff:127.0.0.1]:80", false, true},
        {"[::ffff:127.9.8.7]:80", false, true},
        {"[::ffff:126.0.0.1]:80", false, false},
        {"[::ffff:0.0.0.1]:80", false, false},
        {"[::127.0.0.1]:80", false, false},
        {"[1::ffff:127.0.0.1]:80", false, false},
        {"[::fffe:127.0.0.1]:80", false, false},
        {"[fe80::1]:80", false, false},
    };
    size_t i;

    for (i = 0; i < sizeof natures / sizeof *natures; i++) {
        apm_endpoint endpoint;

        CHECK_ROW(apm_endpoint_parse(natures[i].text, &endpoint) == APM_ERROR_SUCCESS, natures[i].text);
        CHECK_ROW(apmi_endpoint_is_valid(&endpoint), natures[i].text);
        CHECK_ROW(apmi_endpoint_is_wildcard(&endpoint) == natures[i].wildcard, natures[i].text);
        CHECK_ROW(apmi_endpoint_is_loopback(&endpoint) == natures[i].loopback, natures[i].text);
    }
}

static void wildcard_of_each_family(void)
{
    apm_endpoint any = apmi_endpoint_wildcard(APM_FAMILY_IPV4);

    CHECK(is_written(&any, "0.0.0.0:0"));
    any = apmi_endpoint_wildcard(APM_FAMILY_IPV6);
    CHECK(is_written(&any, "[::]:0"));
    any = apmi_endpoint_wildcard(1);
    CHECK(any.length == 0 && !apmi_endpoint_is_valid(&any));
}
#endif

/* ---- lists ----------------------------------------------------------------------------------- */

static const test_case reading[] = {
    {"addresses_are_read_as_net_reads_them", addresses_are_read_as_net_reads_them, true},
    {"what_is_no_address_is_a_format_error", what_is_no_address_is_a_format_error, true},
    {"very_long_texts_are_no_addresses", very_long_texts_are_no_addresses, true},
    {"endpoints_are_read_with_and_without_port", endpoints_are_read_with_and_without_port, true},
    {"what_is_no_endpoint_is_a_format_error", what_is_no_endpoint_is_a_format_error, true},
    {"what_is_written_is_read_again", what_is_written_is_read_again, true},
    {NULL, NULL, false}};

static const test_case asking[] = {
    {"endpoints_are_windows_addresses", endpoints_are_windows_addresses, true},
    {"well_known_addresses", well_known_addresses, true},
    {"other_families_are_not_supported", other_families_are_not_supported, true},
    {"null_is_answered", null_is_answered, true},
    {"equal_is_family_address_scope_and_port", equal_is_family_address_scope_and_port, true},
    {"padding_flow_and_what_lies_behind_do_not_count", padding_flow_and_what_lies_behind_do_not_count, true},
    {"other_lengths_hold_no_address", other_lengths_hold_no_address, true},
    {"other_families_hold_no_address", other_families_hold_no_address, true},
    {"text_that_does_not_fit_is_cut_and_terminated", text_that_does_not_fit_is_cut_and_terminated, true},
#ifndef APMSOCK_DLL
    {"wildcards_and_loopbacks", wildcards_and_loopbacks, true},
    {"wildcard_of_each_family", wildcard_of_each_family, true},
#endif
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"reading", reading}, {"asking", asking}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
