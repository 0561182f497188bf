/* SPDX-License-Identifier: MIT */
/* Called by the compilers' code only; their names and their data are the compilers'. */
#ifndef TEST_UBSAN_HANDLERS_H
#define TEST_UBSAN_HANDLERS_H

#include <inttypes.h>

#include "report.h"

typedef struct place {
    source_place where;
} place;

typedef struct place_and_type {
    source_place where;
    const source_type *type;
} place_and_type;

typedef struct place_and_two_types {
    source_place where;
    const source_type *first, *second;
} place_and_two_types;

typedef struct place_and_access {
    source_place where;
    const source_type *type;
    uint8_t log_alignment, kind;
} place_and_access;

typedef struct place_and_argument {
    source_place where, attribute;
    int number;
} place_and_argument;

typedef struct place_and_builtin {
    source_place where;
    uint8_t kind;
} place_and_builtin;

typedef struct place_and_assumption {
    source_place where, assumption;
    const source_type *type;
} place_and_assumption;

_Noreturn void __ubsan_handle_add_overflow_abort(const place_and_type *data, source_value left,
                                                 source_value right);
_Noreturn void __ubsan_handle_sub_overflow_abort(const place_and_type *data, source_value left,
                                                 source_value right);
_Noreturn void __ubsan_handle_mul_overflow_abort(const place_and_type *data, source_value left,
                                                 source_value right);
_Noreturn void __ubsan_handle_negate_overflow_abort(const place_and_type *data, source_value old);
_Noreturn void __ubsan_handle_divrem_overflow_abort(const place_and_type *data, source_value left,
                                                    source_value right);
_Noreturn void __ubsan_handle_shift_out_of_bounds_abort(const place_and_two_types *data, source_value left,
                                                        source_value right);
_Noreturn void __ubsan_handle_out_of_bounds_abort(const place_and_two_types *data, source_value index);
_Noreturn void __ubsan_handle_type_mismatch_v1_abort(const place_and_access *data, source_value address);
_Noreturn void __ubsan_handle_load_invalid_value_abort(const place_and_type *data, source_value value);
_Noreturn void __ubsan_handle_pointer_overflow_abort(const place *data, source_value base,
                                                     source_value result);
_Noreturn void __ubsan_handle_builtin_unreachable(const place *data);
_Noreturn void __ubsan_handle_vla_bound_not_positive_abort(const place_and_type *data, source_value bound);
_Noreturn void __ubsan_handle_float_cast_overflow_abort(const place_and_two_types *data, source_value from);
_Noreturn void __ubsan_handle_nonnull_arg_abort(const place_and_argument *data);
_Noreturn void __ubsan_handle_nonnull_return_v1_abort(const void *attribute, const source_place *where);
_Noreturn void __ubsan_handle_invalid_builtin_abort(const place_and_builtin *data);
_Noreturn void __ubsan_handle_alignment_assumption_abort(const place_and_assumption *data,
                                                         source_value address, source_value alignment,
                                                         source_value offset);

#endif
