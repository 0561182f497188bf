/* SPDX-License-Identifier: MIT */
/* The functions Winsock hands out at run time. Private to win32/. */
#ifndef APMK_EXTENSIONS_H
#define APMK_EXTENSIONS_H

/* Forgets them. They live in the provider's module, which the last WSACleanup may unload. */
void apmk_extensions_forget(void);

#endif
