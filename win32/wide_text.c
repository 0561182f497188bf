/* SPDX-License-Identifier: MIT */
/* UTF-8 as the system's own kind of text. */
#include "wide_text.h"

#include "native_error.h"

apmk_code apmk_wide_text(const char *text, WCHAR **copy)
{
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    WCHAR *wide;

    if (units == 0) return last_error();
    wide = (WCHAR *)apmk_allocate((size_t)units * sizeof *wide);
    if (wide == NULL) return ERROR_NOT_ENOUGH_MEMORY;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, units) == 0) {
        apmk_code code = last_error();

        apmk_release(wide);
        return code;
    }
    *copy = wide;
    return APMK_SUCCESS;
}
