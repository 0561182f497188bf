/* SPDX-License-Identifier: MIT */
/* On the C library's contexts. AddressSanitizer is told which stack is in use. */
#define _GNU_SOURCE /* RTLD_NEXT */

#include "fiber.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SEES_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEES_MEMORY
#endif
#endif
#ifdef SEES_MEMORY
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_SIZE ((size_t)1 << 20)

struct fiber {
    ucontext_t context;
    void (*run)(void *argument);
    void *argument;
    char *stack; /* NULL: the system has made it */
    fiber *next; /* of those whose stack waits to be used again */
    /* The sanitizer's: */
    const void *bottom;
    size_t size;
    void *kept;
};

static fiber *spare;
static fiber *left, *entered; /* of the last switch */

/* ---- switching ---------------------------------------------------------------------------------------- */

static void announce(fiber *own, fiber *next, bool ends)
{
#ifdef SEES_MEMORY
    __sanitizer_start_switch_fiber(ends ? NULL : &own->kept, next->bottom, next->size);
#else
    (void)ends;
#endif
    left = own;
    entered = next;
}

static void arrive(fiber *own)
{
#ifdef SEES_MEMORY
    /* Of a stack that the system has made nobody else knows where it is. */
    __sanitizer_finish_switch_fiber(own->kept, &left->bottom, &left->size);
#else
    (void)own;
#endif
}

/* Under AddressSanitizer a function of its own has the name, which takes all that it knows of a stack for void
 * and warns of that. We say what it needs to know: the C library's is called. */
static int swap(ucontext_t *from, const ucontext_t *to)
{
#ifdef SEES_MEMORY
    static int (*real)(ucontext_t *, const ucontext_t *);

    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "swapcontext");
    return real != NULL ? real(from, to) : swapcontext(from, to);
#else
    return swapcontext(from, to);
#endif
}

void fiber_switch(fiber *own, fiber *next)
{
    announce(own, next, false);
    if (swap(&own->context, &next->context) != 0) abort();
    arrive(own);
}

_Noreturn void fiber_end(fiber *own, fiber *next)
{
    announce(own, next, true);
    (void)swap(&own->context, &next->context);
    abort();
}

/* ---- making ------------------------------------------------------------------------------------------- */

static void enter(void)
{
    fiber *own = entered; /* a context takes no pointer along */

    arrive(own);
    own->run(own->argument);
    abort();
}

/* With a page below that nobody may touch. */
static char *make_stack(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *stack = (char *)mmap(NULL, page + STACK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (stack == MAP_FAILED) return NULL;
    if (mprotect(stack + page, STACK_SIZE, PROT_READ | PROT_WRITE) == 0) return stack + page;
    (void)munmap(stack, page + STACK_SIZE);
    return NULL;
}

static fiber *find_fiber(void)
{
    fiber *one = spare;

    if (one != NULL) {
        spare = one->next;
#ifdef SEES_MEMORY
        ASAN_UNPOISON_MEMORY_REGION(one->stack, STACK_SIZE); /* what the last user's functions have left */
#endif
        return one;
    }
    one = (fiber *)calloc(1, sizeof *one);
    if (one == NULL) return NULL;
    one->stack = make_stack();
    if (one->stack != NULL) return one;
    free(one);
    return NULL;
}

fiber *fiber_new(void (*run)(void *argument), void *argument)
{
    fiber *one = find_fiber();

    if (one == NULL) return NULL;
    one->run = run;
    one->argument = argument;
    one->bottom = one->stack;
    one->size = STACK_SIZE;
    one->kept = NULL;
    if (getcontext(&one->context) != 0) abort();
    one->context.uc_stack.ss_sp = one->stack;
    one->context.uc_stack.ss_size = STACK_SIZE;
    one->context.uc_link = NULL;
    makecontext(&one->context, enter, 0);
    return one;
}

fiber *fiber_here(void)
{
    return (fiber *)calloc(1, sizeof(fiber));
}

void fiber_free(fiber *one)
{
    if (one->stack == NULL) {
        free(one);
        return;
    }
    one->next = spare;
    spare = one;
}
