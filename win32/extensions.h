/* SPDX-License-Identifier: MIT */
/* The functions Winsock hands out at run time. Private to win32/. */
#ifndef APMK_EXTENSIONS_H
#define APMK_EXTENSIONS_H

#include "kernel.h"

enum apmk_extension {
    APMK_EXTENSION_CONNECT,         /* LPFN_CONNECTEX */
    APMK_EXTENSION_RECEIVE_MESSAGE, /* LPFN_WSARECVMSG */
    APMK_EXTENSION_TRANSMIT_FILE,   /* LPFN_TRANSMITFILE */
    APMK_EXTENSION_COUNT
};

/* To be converted to the extension's own type. */
typedef void (*apmk_extension_function)(void);

/* `family` is the socket's. */
apmk_code apmk_extension_find(apmk_socket socket, int32_t family, enum apmk_extension which,
                              apmk_extension_function *function);

/* Forgets them. They live in the provider's module, which the last WSACleanup may unload. */
void apmk_extensions_forget(void);

#endif
