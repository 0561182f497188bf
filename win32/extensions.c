/* SPDX-License-Identifier: MIT */
/*
 * The functions Winsock hands out at run time: asked for when first used, and kept per
 * family. Each family has a provider of its own, and a system may well have only one of them.
 * In any other family a socket is asked each time.
 */
#include "extensions.h"

#include "compat.h"

#include <stdatomic.h>

#include "native_error.h"

enum { FAMILY_IPV4, FAMILY_IPV6, FAMILY_COUNT };

/* Relaxed throughout: the pointer is all there is, and everybody finds the same. */
static _Atomic(apmk_extension_function) known[FAMILY_COUNT][APMK_EXTENSION_COUNT];

static const GUID names[APMK_EXTENSION_COUNT] = {
    [APMK_EXTENSION_CONNECT] = WSAID_CONNECTEX,
    [APMK_EXTENSION_RECEIVE_MESSAGE] = WSAID_WSARECVMSG,
    [APMK_EXTENSION_TRANSMIT_FILE] = WSAID_TRANSMITFILE,
};

static _Atomic(apmk_extension_function) *find_place(int32_t family, enum apmk_extension which)
{
    if (family == AF_INET) return &known[FAMILY_IPV4][which];
    return family == AF_INET6 ? &known[FAMILY_IPV6][which] : NULL;
}

apmk_code apmk_extension_find(apmk_socket socket, int32_t family, enum apmk_extension which,
                              apmk_extension_function *function)
{
    _Atomic(apmk_extension_function) *place = find_place(family, which);
    apmk_extension_function found =
        place != NULL ? atomic_load_explicit(place, memory_order_relaxed) : (apmk_extension_function)NULL;
    GUID name = names[which];
    DWORD size = 0;

    if (found == NULL) {
        if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &name, sizeof name, &found, sizeof found,
                     &size, NULL, NULL) != 0)
            return last_socket_error();
        if (place != NULL) atomic_store_explicit(place, found, memory_order_relaxed);
    }
    *function = found;
    return APMK_SUCCESS;
}

void apmk_extensions_forget(void)
{
    int family, which;

    for (family = 0; family < FAMILY_COUNT; family++)
        for (which = 0; which < APMK_EXTENSION_COUNT; which++)
            atomic_store_explicit(&known[family][which], (apmk_extension_function)NULL, memory_order_relaxed);
}
