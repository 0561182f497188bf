/* SPDX-License-Identifier: MIT */
/**
 * @file log.h
 * What happens inside, for a log of yours (apm_options.log) and for Event Tracing for Windows. It costs
 * a look at a word where nobody listens.
 *
 * The same events go to both. ETW has them as self-describing events (TraceLogging) of the provider
 * "apmsock", {f1404ea9-7cad-5df1-5bbd-fbf6eec8597a}, with their names, and with the fields detail,
 * socket, result, error and value.
 */
#ifndef APMSOCK_LOG_H
#define APMSOCK_LOG_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/** How much there is to say; also the levels of ETW. */
enum {
    APM_LOG_ERROR = 2,       /**< nothing says this so far */
    APM_LOG_WARNING = 3,     /**< the system is short of something; the library goes on, later */
    APM_LOG_INFORMATION = 4, /**< worth knowing, rare */
    APM_LOG_DEBUG = 5,       /**< of each socket, connection and worker */
    APM_LOG_TRACE = 6        /**< of each operation; ETW: level 5, too, and the keyword 4 */
};

/** Events. Their numbers and names stay as they are. */
enum {
    APM_EVENT_LIBRARY_STARTED = 1, /**< information; value: most workers */
    APM_EVENT_LIBRARY_STOPPED = 2, /**< information */
    APM_EVENT_THREAD_REFUSED = 3, /**< warning: no further worker, it is tried again; error; value: workers */
    APM_EVENT_PACKETS_DELAYED = 4, /**< warning: the port had no memory for packets; value: how many */
    APM_EVENT_CALLBACK_SLOW =
        5, /**< information: packets were taken back from a busy worker; value: how many */
    APM_EVENT_DISPATCH_REFUSED = 6,    /**< warning: apm_options.dispatch returned false, it is tried again */
    APM_EVENT_WORKER_STARTED = 7,      /**< debug; value: workers */
    APM_EVENT_WORKER_LEFT = 8,         /**< debug; value: workers that are left */
    APM_EVENT_SOCKET_OPENED = 9,       /**< debug; value: the kernel's handle */
    APM_EVENT_SOCKET_CLOSED = 10,      /**< debug */
    APM_EVENT_CONNECTED = 11,          /**< debug */
    APM_EVENT_CONNECT_FAILED = 12,     /**< information; error */
    APM_EVENT_CONNECTION_LOST = 13,    /**< information: it was reset or has timed out; error */
    APM_EVENT_OPERATION_BEGINS = 14,   /**< trace; before the kernel has it */
    APM_EVENT_OPERATION_REFUSED = 15,  /**< trace: its Begin has failed; error */
    APM_EVENT_OPERATION_COMPLETED = 16 /**< trace: before its callback; error; value: bytes */
};

/** What a log gets; valid until it returns. */
typedef struct apm_log_record {
    size_t size;        /**< of this struct, as the library was compiled */
    int32_t level;      /**< APM_LOG_... */
    int32_t event;      /**< APM_EVENT_... */
    const char *name;   /**< of the event: "OperationCompleted"; static */
    const char *detail; /**< of an operation what it is: "send"; otherwise empty; static */
    const void *socket; /**< which one it is about; NULL: none. To tell it from others, not to use it */
    const void *result; /**< which operation, likewise */
    uint64_t value;     /**< the event says what it is */
    apm_error error;    /**< likewise */
} apm_log_record;

/**
 * Called for each event of apm_options.log_level and below, on the thread where it happens; nothing
 * but the end of the library waits for it. It must be quick and must not call the library, but for
 * apm_log_format and the functions of error.h. None comes after the last apm_cleanup has returned.
 */
typedef void(APM_CALL *apm_log_callback)(const apm_log_record *record, void *context);

/**
 * One line of text for a record, without a line end: "OperationCompleted send socket=1f2e0
 * result=1f4c8 value=512 error=Success". Writes what fits of it and always a NUL where there is room
 * for one; `text` may be NULL. Returns the length that the whole text needs; 0 for NULL.
 */
APM_API size_t APM_CALL apm_log_format(const apm_log_record *record, char *text, size_t size);

APM_END_DECLARATIONS

#endif
