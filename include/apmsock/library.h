/* SPDX-License-Identifier: MIT */
/**
 * @file library.h
 * Starting and ending the library. Neither is required: the first socket starts it with
 * the defaults, and a process may exit at any moment without ending it. End it before
 * FreeLibrary, or to get the worker threads and the memory back.
 *
 * **The DLL.** Each of the library's threads holds the module, so it stays loaded as long as one
 * runs, whoever frees it: a callback that is under way returns into code that is there. With
 * the last apm_cleanup they are gone, and nothing but its caller holds the module any more. So
 * whoever calls apm_cleanup must hold it (linked to it, or a LoadLibrary of his own that no
 * FreeLibrary has taken back) until apm_cleanup has returned, as every caller of any other
 * function must. A module whose code is a callback has to stay, too: that the callback has left
 * it is certain when the last apm_cleanup has returned.
 *
 * **In a DllMain** (of another DLL; in constructors and destructors that run there, too) the
 * library can be used, but nothing can be waited for that needs another thread to begin or to
 * end. Begin, close, cancel and release are as ever, and so are apm_startup and an apm_cleanup
 * that is not the last one; callbacks come when DllMain has returned if no worker runs yet. What
 * would have to wait fails instead, with APM_ERROR_INVALID_OPERATION and nothing changed: the
 * last apm_cleanup, a start that meets an end, an End and apm_async_result_wait without a time
 * limit of what has not completed, and the blocking members. (Arguments and a closed socket are
 * looked at before that.) At the end of the process (DLL_PROCESS_DETACH with a reserved argument) call nothing:
 * the system takes everything back, and apm_cleanup refuses.
 */
#ifndef APMSOCK_LIBRARY_H
#define APMSOCK_LIBRARY_H

#include "base.h"

APM_BEGIN_DECLARATIONS

/**
 * How the library starts. Set `size` to sizeof(apm_options) and leave at zero (or NULL)
 * whatever shall have its default:
 *
 *     apm_options options = {0};
 *     options.size = sizeof options;
 */
typedef struct apm_options {
    size_t size;            /**< of this struct, as the caller compiled it */
    uint32_t min_workers;   /**< threads kept while idle; default 1 */
    uint32_t max_workers;   /**< threads at most; default 512, at least min_workers. With 1 a
                                 callback that waits for another operation waits for ever */
    uint32_t concurrency;   /**< the completion port's value: threads that run at once;
                                 default: one per processor */
    bool callbacks_on_pool; /**< true: no callback runs inside a Begin function; each runs
                                 on a worker, and completed_synchronously is always false */
    /** Memory: both functions, or neither for the process heap. `allocate` returns NULL when
     *  there is none. They are called from any thread and must not call this library. */
    void *(APM_CALL *allocate)(size_t size, void *context);
    void(APM_CALL *release)(void *block, void *context);
    void *context;
    bool packet_always; /**< true: an operation that succeeds at once still goes through the
                             port, as in .NET Framework; slower, for a layered provider that
                             claims file handles and does not have them */
} apm_options;

/**
 * Starts the library, or counts one more user of it. `options` may be NULL. Options take
 * effect when this call is what starts the library; while it runs they are checked and
 * have no further effect.
 *
 * Blocks while another thread is starting or ending the library. Each success is paired
 * with one apm_cleanup.
 *
 * Errors: APM_ERROR_ARGUMENT (`size` is not that of a known version; one of `allocate`
 * and `release` without the other), APM_ERROR_ARGUMENT_OUT_OF_RANGE (min_workers above
 * max_workers, max_workers above 4096), APM_ERROR_INVALID_OPERATION (from a callback or a
 * DllMain, while the library is being ended), APM_ERROR_OUT_OF_MEMORY, APM_ERROR_SYSTEM_NOT_READY
 * and what Winsock and the thread, port and event functions of the system return.
 *
 * .NET: has none; its runtime does this.
 */
APM_API apm_error APM_CALL apm_startup(const apm_options *options);

/**
 * Takes back one apm_startup. The last one ends the library: every socket is closed, every
 * pending operation completes and calls back, the workers end and are joined. After it
 * FreeLibrary is safe, and the library can be started again. A program that never called
 * apm_startup ends what its first socket started with a single call: starting it that way
 * counts as one apm_startup.
 *
 * Sockets and results the caller still holds stay valid: their functions return
 * APM_ERROR_OBJECT_DISPOSED, and release gives their memory back.
 *
 * Blocks until the last callback has returned. Not from a callback, and the last one not from
 * a DllMain. The caller has to hold the DLL until it has returned (see above).
 *
 * Errors: APM_ERROR_NOT_INITIALIZED (it is not running), APM_ERROR_INVALID_OPERATION
 * (called from a callback, or the last one from a DllMain; nothing was changed).
 */
APM_API apm_error APM_CALL apm_cleanup(void);

/** "MAJOR.MINOR.PATCH" of the library in use; compare with APM_VERSION. */
APM_API const char *APM_CALL apm_version(void);

/** The version of these headers. */
#define APM_VERSION "0.1.0"

APM_END_DECLARATIONS

#endif
