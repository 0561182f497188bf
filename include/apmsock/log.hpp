/* SPDX-License-Identifier: MIT */
/**
 * @file log.hpp
 * What apm_options.log gets, as text. What it is, is in log.h.
 */
#ifndef APMSOCK_LOG_HPP
#define APMSOCK_LOG_HPP

#include "log.h"

#include <string>

namespace apm
{

/** One line for a record. Throws std::bad_alloc. */
inline std::string text(const apm_log_record &record)
{
    std::string whole(apm_log_format(&record, nullptr, 0), '\0');

    (void)apm_log_format(&record, whole.data(), whole.size() + 1);
    return whole;
}

} // namespace apm

#endif
