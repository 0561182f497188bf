/* SPDX-License-Identifier: MIT */
/* UTF-8 as the system's own kind of text. Private to win32/. */
#ifndef APMK_WIDE_TEXT_H
#define APMK_WIDE_TEXT_H

#include "compat.h"

#include "kernel.h"

/* Release the copy with apmk_release. ERROR_NO_UNICODE_TRANSLATION if it is not UTF-8. */
apmk_code apmk_wide_text(const char *text, WCHAR **copy);

#endif
