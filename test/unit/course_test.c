/* SPDX-License-Identifier: MIT */
/* The order in which the addresses of a connect are tried. */
#include <string.h>

#include "../../src/course.h"
#include "../support/fixture.h"

enum { MOST = 40, ROUNDS = 3000 };

/* What is in `address`, which says its number where no family says anything. */
static void make_address(apmk_address *address, uint32_t kind, uint32_t number)
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};

    memset(address, 0, sizeof *address);
    if (kind != APMI_NO_FAMILY) {
        address->length = kind == APMI_FOUR ? 16 : 28;
        address->bytes[0] = kind == APMI_FOUR ? APM_FAMILY_IPV4 : APM_FAMILY_IPV6;
    }
    if (kind == APMI_FAMILIES) memcpy(&address->bytes[8], mapped, sizeof mapped); /* counts as one of IPv4 */
    if (kind == APMI_SIX) address->bytes[8] = 0x20;
    memcpy(&address->bytes[20], &number, sizeof number);
}

static uint32_t number_of(const apmk_address *address)
{
    uint32_t number;

    memcpy(&number, &address->bytes[20], sizeof number);
    return number;
}

/* The rule, as it is said: for each place the first that is left of another family than the one before it, and if
 * there is none, the first that is left. `kinds` go with their numbers. */
static void order_by_the_rule(uint32_t *kinds, uint32_t *numbers, uint32_t count)
{
    uint32_t i, k;

    for (i = 1; i < count; i++) {
        uint32_t kind, number;

        for (k = i; k < count && kinds[k] == kinds[i - 1]; k++) continue;
        if (k == count) continue;
        kind = kinds[k];
        number = numbers[k];
        memmove(&kinds[i + 1], &kinds[i], (k - i) * sizeof *kinds);
        memmove(&numbers[i + 1], &numbers[i], (k - i) * sizeof *numbers);
        kinds[i] = kind;
        numbers[i] = number;
    }
}

static void check_order(uint64_t *seed, uint32_t count, bool parallel)
{
    static apmk_address addresses[MOST];
    uint32_t kinds[MOST], numbers[MOST], i;
    uint32_t common = draw(seed, APMI_FAMILIES); /* often the same one */
    apmi_course course;

    memset(&course, 0, sizeof course);
    course.parallel = parallel;
    course.count = count;
    course.addresses = addresses;
    for (i = 0; i < count; i++) {
        uint32_t kind = 1 + (draw(seed, 2) == 0 ? common : draw(seed, APMI_FAMILIES));

        make_address(&addresses[i], kind, i);
        kinds[i] = kind == APMI_FAMILIES ? (uint32_t)APMI_FOUR : kind;
        numbers[i] = i;
    }
    if (parallel) order_by_the_rule(kinds, numbers, count);
    for (i = 0; i < count; i++) {
        CHECK(course.next == i);
        CHECK(number_of(apmi_course_next(&course)) == numbers[i]);
        course.parallel =
            course.parallel && draw(seed, MOST) != 0; /* a bind ends that, and not their order */
    }
    CHECK(course.next == count);
}

static void families_take_turns_and_keep_their_order(void)
{
    uint64_t seed = 1;
    int i;

    for (i = 0; i < ROUNDS; i++) check_order(&seed, draw(&seed, MOST + 1), true);
}

static void one_after_the_other_they_come_as_they_are(void)
{
    uint64_t seed = 1;
    int i;

    for (i = 0; i < 100; i++) check_order(&seed, draw(&seed, MOST + 1), false);
}

/* Each place only goes on: by the rule as it is said half a billion are looked at and moved. */
static void order_of_many_is_known_at_once(void)
{
    enum { MANY = 65534 };
    static apmk_address addresses[MANY];
    uint64_t start = test_now();
    apmi_course course;
    uint32_t i;

    memset(&course, 0, sizeof course);
    course.parallel = true;
    course.count = MANY;
    course.addresses = addresses;
    for (i = 0; i < MANY; i++) make_address(&addresses[i], i < MANY / 2 ? APMI_SIX : APMI_FOUR, i);
    for (i = 0; i < MANY; i++)
        CHECK(number_of(apmi_course_next(&course)) == (i % 2 != 0 ? MANY / 2 : 0) + i / 2);
    CHECK(test_now() - start < 5000);
}

static const test_case order[] = {
    {"families_take_turns_and_keep_their_order", families_take_turns_and_keep_their_order, false},
    {"one_after_the_other_they_come_as_they_are", one_after_the_other_they_come_as_they_are, false},
    {"order_of_many_is_known_at_once", order_of_many_is_known_at_once, false},
    {NULL, NULL, false}};

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"order", order}, {NULL, NULL}};

    return harness_main(argc, argv, suites);
}
