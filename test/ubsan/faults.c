/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the compiler cannot know. */
static volatile int zero = 0, one = 1, minus_one = -1, four = 4, biggest = INT_MAX, smallest = INT_MIN;
static volatile long long biggest_long = LLONG_MAX;
static volatile double huge = 1e10;
static int *volatile nowhere = NULL;
static char *volatile low = (char *)(uintptr_t)16;
static volatile ptrdiff_t far_back = -64;
static volatile int taken;
static volatile long long taken_long;

/* The fault is in the next line. */
#define NEXT_LINE() say_line(__LINE__ + 1)

static void say_line(int line)
{
    (void)fprintf(stderr, "%d\n", line);
    (void)fflush(stderr);
}

static void add(void)
{
    NEXT_LINE();
    taken = biggest + one;
}

static void add_long(void)
{
    NEXT_LINE();
    taken_long = biggest_long + biggest_long;
}

static void subtract(void)
{
    NEXT_LINE();
    taken = smallest - one;
}

static void multiply(void)
{
    NEXT_LINE();
    taken = biggest * four;
}

static void negate(void)
{
    NEXT_LINE();
    taken = -smallest;
}

static void divide_by_zero(void)
{
    NEXT_LINE();
    taken = one / zero;
}

static void divide_smallest(void)
{
    NEXT_LINE();
    taken = smallest / minus_one;
}

static void shift_too_far(void)
{
    int places = four * 8;

    NEXT_LINE();
    taken = one << places;
}

static void shift_backwards(void)
{
    NEXT_LINE();
    taken = one << minus_one;
}

static void shift_negative(void)
{
    NEXT_LINE();
    taken = minus_one << one;
}

static void shift_out(void)
{
    NEXT_LINE();
    taken = biggest << one;
}

static void load_null(void)
{
    int *from = nowhere;

    NEXT_LINE();
    taken = *from;
}

static void store_null(void)
{
    int *to = nowhere;

    NEXT_LINE();
    *to = one;
}

static void load_misaligned(void)
{
    static union {
        int whole[2];
        unsigned char bytes[8];
    } room;
    const int *from = (const int *)(const void *)&room.bytes[one];

    NEXT_LINE();
    taken = *from;
}

static void index_too_big(void)
{
    static int numbers[4];
    int index = four;

    NEXT_LINE();
    taken = numbers[index];
}

static void load_bad_bool(void)
{
    static union {
        unsigned char byte;
        volatile bool truth;
    } either;

    either.byte = (unsigned char)four;
    NEXT_LINE();
    taken = either.truth ? 5 : 7;
}

static void wrap_pointer(void)
{
    char *from = low;

    NEXT_LINE();
    low = from + far_back;
}

static void reach_unreachable(void)
{
    if (one == 1) {
        NEXT_LINE();
        __builtin_unreachable();
    }
}

static void make_nothing(void)
{
    int size = minus_one;

    NEXT_LINE();
    volatile unsigned char bytes[size];
    bytes[zero] = 0;
    taken = bytes[zero];
}

static void cast_huge(void)
{
    NEXT_LINE();
    taken = (int)huge;
}

__attribute__((nonnull(2), noinline)) static void want(int number, const void *something)
{
    taken = number + (something != (void *)low);
}

static void pass_null(void)
{
    NEXT_LINE();
    want(one, nowhere);
}

__attribute__((returns_nonnull, noinline)) static int *give(int *something)
{
    if (something == NULL) NEXT_LINE();
    return something;
}

static void return_null(void)
{
    taken = give(nowhere) == (int *)(void *)low;
}

static void count_zeros_of_zero(void)
{
    NEXT_LINE();
    taken = __builtin_clz((unsigned)zero);
}

#ifdef __clang__ /* GCC believes it */
static void assume_aligned(void)
{
    char *byte = low + one;

    NEXT_LINE();
    byte = __builtin_assume_aligned(byte, 16);
    taken = byte == low;
}
#endif

const fault faults[] = {
    {"add", add, "signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'"},
    {"add_long", add_long,
     "signed integer overflow: 9223372036854775807 + 9223372036854775807 cannot be represented in type 'long "
     "long"},
    {"subtract", subtract, "signed integer overflow: -2147483648 - 1 cannot be represented in type 'int'"},
    {"multiply", multiply, "signed integer overflow: 2147483647 * 4 cannot be represented in type 'int'"},
    {"negate", negate, "negation of -2147483648 cannot be represented in type 'int'"},
    {"divide_by_zero", divide_by_zero, "division by zero"},
    {"divide_smallest", divide_smallest, "division of -2147483648 by -1 cannot be represented in type 'int'"},
    {"shift_too_far", shift_too_far, "shift exponent 32 is too large for 32-bit type 'int'"},
    {"shift_backwards", shift_backwards, "shift exponent -1 is negative"},
    {"shift_negative", shift_negative, "left shift of negative value -1"},
    {"shift_out", shift_out, "left shift of 2147483647 by 1 places cannot be represented in type 'int'"},
    {"load_null", load_null, "load of null pointer of type 'int'"},
    {"store_null", store_null, "store to null pointer of type 'int'"},
    {"load_misaligned", load_misaligned, "load of misaligned address 0x"},
    {"index_too_big", index_too_big, "index 4 out of bounds for type 'int"},
    {"load_bad_bool", load_bad_bool, "load of value 4, which is not a valid value for type"},
    {"wrap_pointer", wrap_pointer, "pointer index expression with base 0x10 overflowed to 0xff"},
    {"reach_unreachable", reach_unreachable, "execution reached an unreachable program point"},
    {"make_nothing", make_nothing, "variable length array bound evaluates to non-positive value -1"},
    {"cast_huge", cast_huge, "1e+10 is outside the range of representable values of type 'int'"},
    {"pass_null", pass_null, "null pointer passed as argument 2, which is declared to never be null"},
    {"return_null", return_null, "null pointer returned from function declared to never return null"},
    {"count_zeros_of_zero", count_zeros_of_zero, "passing zero to clz(), which is not a valid argument"},
#ifdef __clang__
    {"assume_aligned", assume_aligned,
     "assumption of 16 byte alignment of 0x11 (offset 0) for pointer of type"},
#endif
    {NULL, NULL, NULL}};

void commit_nothing(void)
{
    static int numbers[4] = {1, 2, 3, 4};
    int *from = &numbers[four - one];

    taken = (biggest - one) * one + smallest / one + (one << four) + *from + (int)(huge / 1e9);
    taken = -biggest + numbers[zero] + __builtin_clz((unsigned)one) + (give(from) == from);
    want(one, from);
}
