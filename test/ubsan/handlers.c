/* SPDX-License-Identifier: MIT */
/*
 * The functions that code compiled with -fsanitize=undefined calls: those that do not return, as
 * -fno-sanitize-recover asks for them. What another check calls is missing here, and does not link.
 * Nor is there what only C++ has: the end of a function without a return, enumerations' values.
 */
#include "handlers.h"

static _Noreturn void overflow(const place_and_type *data, source_value left, const char *sign,
                               source_value right)
{
    report(&data->where, "%s integer overflow: %s %s %s cannot be represented in type %s",
           (data->type->info & 1) != 0 ? "signed" : "unsigned", text_of(data->type, left).text, sign,
           text_of(data->type, right).text, data->type->name);
}

void __ubsan_handle_add_overflow_abort(const place_and_type *data, source_value left, source_value right)
{
    overflow(data, left, "+", right);
}

void __ubsan_handle_sub_overflow_abort(const place_and_type *data, source_value left, source_value right)
{
    overflow(data, left, "-", right);
}

void __ubsan_handle_mul_overflow_abort(const place_and_type *data, source_value left, source_value right)
{
    overflow(data, left, "*", right);
}

void __ubsan_handle_negate_overflow_abort(const place_and_type *data, source_value old)
{
    report(&data->where, "negation of %s cannot be represented in type %s", text_of(data->type, old).text,
           data->type->name);
}

void __ubsan_handle_divrem_overflow_abort(const place_and_type *data, source_value left, source_value right)
{
    if (is_negative(data->type, right))
        report(&data->where, "division of %s by %s cannot be represented in type %s",
               text_of(data->type, left).text, text_of(data->type, right).text, data->type->name);
    report(&data->where, "division by zero");
}

void __ubsan_handle_shift_out_of_bounds_abort(const place_and_two_types *data, source_value left,
                                              source_value right)
{
    const source_type *type = data->first;

    if (is_negative(data->second, right))
        report(&data->where, "shift exponent %s is negative", text_of(data->second, right).text);
    if (value_bits(data->second, right) >= type_bits(type))
        report(&data->where, "shift exponent %s is too large for %u-bit type %s",
               text_of(data->second, right).text, type_bits(type), type->name);
    if (is_negative(type, left))
        report(&data->where, "left shift of negative value %s", text_of(type, left).text);
    report(&data->where, "left shift of %s by %s places cannot be represented in type %s",
           text_of(type, left).text, text_of(data->second, right).text, type->name);
}

void __ubsan_handle_out_of_bounds_abort(const place_and_two_types *data, source_value index)
{
    report(&data->where, "index %s out of bounds for type %s", text_of(data->second, index).text,
           data->first->name);
}

void __ubsan_handle_type_mismatch_v1_abort(const place_and_access *data, source_value address)
{
    static const char *const does[] = {"load of", "store to", "reference binding to", "member access within"};
    const char *what = data->kind < sizeof does / sizeof *does ? does[data->kind] : "use of";
    source_value alignment = (source_value)1 << data->log_alignment;

    if (address == 0) report(&data->where, "%s null pointer of type %s", what, data->type->name);
    if ((address & (alignment - 1)) != 0)
        report(&data->where,
               "%s misaligned address 0x%" PRIxPTR " for type %s, which requires %" PRIuPTR " byte alignment",
               what, address, data->type->name, alignment);
    report(&data->where, "%s address 0x%" PRIxPTR " with insufficient space for an object of type %s", what,
           address, data->type->name);
}

void __ubsan_handle_load_invalid_value_abort(const place_and_type *data, source_value value)
{
    report(&data->where, "load of value %s, which is not a valid value for type %s",
           text_of(data->type, value).text, data->type->name);
}

void __ubsan_handle_pointer_overflow_abort(const place *data, source_value base, source_value result)
{
    if (base == 0) report(&data->where, "applying non-zero offset to null pointer");
    if (result == 0)
        report(&data->where,
               "applying non-zero offset to non-null pointer 0x%" PRIxPTR " produced null pointer", base);
    report(&data->where, "pointer index expression with base 0x%" PRIxPTR " overflowed to 0x%" PRIxPTR, base,
           result);
}

void __ubsan_handle_builtin_unreachable(const place *data)
{
    report(&data->where, "execution reached an unreachable program point");
}

void __ubsan_handle_vla_bound_not_positive_abort(const place_and_type *data, source_value bound)
{
    report(&data->where, "variable length array bound evaluates to non-positive value %s",
           text_of(data->type, bound).text);
}

void __ubsan_handle_float_cast_overflow_abort(const place_and_two_types *data, source_value from)
{
    report(&data->where, "%s is outside the range of representable values of type %s",
           text_of(data->first, from).text, data->second->name);
}

void __ubsan_handle_nonnull_arg_abort(const place_and_argument *data)
{
    report(&data->where, "null pointer passed as argument %d, which is declared to never be null",
           data->number);
}

void __ubsan_handle_nonnull_return_v1_abort(const void *attribute, const source_place *where)
{
    (void)attribute;
    report(where, "null pointer returned from function declared to never return null");
}

void __ubsan_handle_invalid_builtin_abort(const place_and_builtin *data)
{
    report(&data->where, "passing zero to %s(), which is not a valid argument",
           data->kind == 0 ? "ctz" : "clz");
}

void __ubsan_handle_alignment_assumption_abort(const place_and_assumption *data, source_value address,
                                               source_value alignment, source_value offset)
{
    report(&data->where,
           "assumption of %" PRIuPTR " byte alignment of 0x%" PRIxPTR " (offset %" PRIuPTR
           ") for pointer of type %s failed",
           alignment, address, offset, data->type->name);
}
