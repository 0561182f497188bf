/* SPDX-License-Identifier: MIT */
/**
 * @file library.h
 * Starting and ending the library. Neither is required: the first socket starts it with
 * the defaults, and a process may exit at any moment without ending it. End it before
 * FreeLibrary, or to get the worker threads and the memory back.
 *
 * **The DLL.** While it runs the library holds its module, which so stays loaded, whoever frees
 * it: a callback that is under way returns into code that is there. With the last apm_cleanup its
 * threads are gone, and nothing but its caller holds the module any more. So
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
 * last apm_cleanup, a start that meets another one or an end, an End and apm_async_result_wait without a
 * time limit of what has not completed, and the blocking members. (Arguments and a closed socket are
 * looked at before that.) The first apm_startup of a process starts Winsock, too, which Microsoft's documentation
 * warns of in a DllMain: where you can, let it be outside. At the end of the process (DLL_PROCESS_DETACH with a reserved argument) call nothing:
 * the system takes everything back, and apm_cleanup refuses.
 *
 * **Whose threads.** By default callbacks run on workers of the library's, or inside Begin. Two
 * options bring them to a thread of yours instead, which calls apm_poll:
 *  - `dispatch`: the workers do the work, and callbacks wait in a list. `dispatch` is called when one
 *    is ready and you do not know yet: post a message to a window, or set an event your loop waits for,
 *    and let what handles it call apm_poll(0).
 *  - `no_workers`: the library has no workers. Whatever completes does so in an apm_poll, and a
 *    callback runs there (or inside Begin, unless `callbacks_on_pool` says that none shall). A thread
 *    that blocks in an End, in apm_async_result_wait or in a blocking member does the work, too, as
 *    far as it needs it, but runs no callback. A wait for anything else, such as an event that a
 *    callback sets, is for ever unless another thread calls apm_poll. (There still is a thread for
 *    timers and there are some for names, once you use them.)
 */
#ifndef APMSOCK_LIBRARY_H
#define APMSOCK_LIBRARY_H

#include "base.h"
#include "log.h"

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
                                 default: one per processor of the process' affinity */
    bool callbacks_on_pool; /**< true: no callback runs inside a Begin function; each runs
                                 on a worker, and completed_synchronously is always false */
    /** Memory: both functions, or neither for the process heap. `allocate` returns NULL when
     *  there is none; its blocks are aligned as malloc's. They are called from any thread and must
     *  not call this library. */
    void *(APM_CALL *allocate)(size_t size, void *context);
    void(APM_CALL *release)(void *block, void *context); /**< see `allocate` */
    void *context;                                       /**< handed to both */
    bool packet_always; /**< true: an operation that succeeds at once still goes through the
                             port, as in .NET Framework; slower, for a layered provider that
                             claims file handles and does not have them */
    /** A callback has become ready for apm_poll: bring a thread there. Called once until one has
     *  come, on any thread, also inside Begin and with no lock held; it must not block, and is not the
     *  place to call apm_poll. Returns false if it could not do it: it is then called again soon. */
    bool(APM_CALL *dispatch)(void *context);
    void *dispatch_context; /**< what `dispatch` gets */
    bool no_workers;        /**< true: apm_poll does the workers' work; without `dispatch`, and
                                 with nothing said of workers and concurrency */
    apm_log_callback log;   /**< what happens is told to it; see log.h */
    void *log_context;      /**< what `log` gets */
    int32_t log_level;      /**< APM_LOG_... up to which; default APM_LOG_WARNING */
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
 * and `release` without the other; `no_workers` with what it excludes),
 * APM_ERROR_ARGUMENT_OUT_OF_RANGE (min_workers above max_workers, max_workers above 4096, an
 * unknown log_level), APM_ERROR_INVALID_OPERATION (from a callback or a
 * DllMain, while the library is being ended; from a DllMain also while it is being started),
 * APM_ERROR_OUT_OF_MEMORY, APM_ERROR_SYSTEM_NOT_READY
 * and what Winsock and the thread, port and event functions of the system return.
 *
 * .NET: has none; its runtime does this.
 */
APM_API apm_error APM_CALL apm_startup(const apm_options *options);

/**
 * Takes back one apm_startup. The last one ends the library: every socket is closed, every
 * pending operation completes and calls back, the workers end and are joined. (With `dispatch` or
 * `no_workers` callbacks that are left run here, and whoever is in apm_poll returns from it.) After it
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

/**
 * Runs the callbacks that are ready, on this thread and in the order in which they became so; what
 * they make ready is left to the next call. Where there is none it waits, for `timeout`
 * milliseconds at most (0 only looks, APM_INFINITE never ends). With `no_workers` it completes
 * operations, too, up to 64 of them in a call, and returns when it has done so even if none has a
 * callback. Several threads may be here: each callback runs on one of them.
 *
 * Blocks as said. Not from a callback.
 *
 * Errors: APM_ERROR_TIMED_OUT (nothing was to be done; poll again), APM_ERROR_NOT_INITIALIZED (the
 * library does not run, or ends: leave the loop), APM_ERROR_INVALID_OPERATION (from a callback; the
 * library was started with neither `dispatch` nor `no_workers`; without a time limit in a DllMain).
 *
 * .NET: has none; a SynchronizationContext comes nearest.
 */
APM_API apm_error APM_CALL apm_poll(uint32_t timeout);

/** "MAJOR.MINOR.PATCH" of the library in use; compare with APM_VERSION. */
APM_API const char *APM_CALL apm_version(void);

/** The version of these headers. */
#define APM_VERSION "0.1.0"

APM_END_DECLARATIONS

#endif
