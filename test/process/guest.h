/* SPDX-License-Identifier: MIT */
/*
 * A DLL that uses the library, as a plug-in would: linked to apmsock.dll, loaded and freed by
 * the tests. It is built twice, since one process cannot load one DLL as two guests.
 *
 * Its DllMain uses the library, too, if guest_set_script has said so (or, for what happens
 * before that can be called, the environment variable APMTEST_GUEST): "attach", "thread_attach",
 * "thread_detach", "detach", "exit"; "attach_shared" where others have started the library,
 * "attach_while_ending" where it is being ended. What comes out otherwise than promised there ends the
 * process with GUEST_BROKEN and the number of the step.
 */
#ifndef TEST_GUEST_H
#define TEST_GUEST_H

#include <stdint.h>

enum { GUEST_BROKEN = 80, GUEST_STEPS = 16 };

/* What it exports: each of these names. Errors are the library's. */
typedef struct guest_functions {
    int32_t (*start)(void);
    int32_t (*stop)(void);
    /* A connection to that port of this computer; with a receive whose callback is the guest's,
     * or not: nothing tells a guest when its callback has left its code, unless it is the one that
     * ends the library. One that goes before that has none. */
    int32_t (*open)(uint16_t port, int32_t calls_back);
    int32_t (*send)(void);    /* one byte, and waits for it to be sent */
    int32_t (*receive)(void); /* one byte, and waits for it; where there is no callback */
    int32_t (*close)(void);
    uint32_t (*answers)(void); /* bytes that its callback has received */
    uint32_t (*called)(void);  /* callbacks so far */
    void (*script)(const char *name, uint16_t port);
    uint32_t (*scripted)(void); /* how often the script has run */
} guest_functions;

#endif
