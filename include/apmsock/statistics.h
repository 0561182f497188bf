/* SPDX-License-Identifier: MIT */
/**
 * @file statistics.h
 * What the library has done since it was started, and what it is doing now.
 */
#ifndef APMSOCK_STATISTICS_H
#define APMSOCK_STATISTICS_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/**
 * Numbers since the library's start. Set `size` to sizeof(apm_statistics) before the call:
 *
 *     apm_statistics now = {0};
 *     now.size = sizeof now;
 *
 * An operation is what a Begin function or a blocking member has begun; one whose Begin fails is none
 * (but may be counted as begun and live while that is under way).
 */
typedef struct apm_statistics {
    size_t size;             /**< of this struct, as the caller compiled it */
    uint64_t begun;          /**< operations: `completed` and `live` together */
    uint64_t completed;      /**< whose callback has returned, if they have one */
    uint64_t cancelled;      /**< of those that completed: aborted by a cancel, a time limit, a close or
                                  a disconnect; counted just before the callback runs */
    uint64_t failed;         /**< that ended with another error; likewise */
    uint64_t live;           /**< that have not called back yet */
    uint64_t bytes_sent;     /**< that left: what Ends of sends give, files included */
    uint64_t bytes_received; /**< that came: what Ends of receives give, also if only looked at */
    uint32_t sockets;        /**< open ones, and closed ones with live operations (and a moment longer) */
    uint32_t workers;        /**< threads of the pool */
    uint32_t idle_workers;   /**< that wait for something to do */
} apm_statistics;

/**
 * Fills `statistics`. The numbers of one socket are of one moment; those of several are not. When
 * nothing is under way they are exact. What a struct of a later version asks for beyond is 0.
 *
 * Costs a look at every socket; creating and closing sockets waits meanwhile, operations do not. What is
 * counted costs operations a few instructions, and no lock.
 *
 * Errors: APM_ERROR_ARGUMENT_NULL, APM_ERROR_ARGUMENT (`size` is not that of a known version),
 * APM_ERROR_NOT_INITIALIZED (it does not run, or is being ended). Nothing is written then.
 *
 * .NET: the counters of System.Net.Sockets' EventSource and the performance counters.
 */
APM_API apm_error APM_CALL apm_get_statistics(apm_statistics *statistics);

APM_END_DECLARATIONS

#endif
