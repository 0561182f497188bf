/* SPDX-License-Identifier: MIT */
/*
 * Programs over the public interface: every sequence of bytes is a script, which is run on the
 * simulated kernel with all the checks of the seeds; and its text says all of it.
 */
#include <string.h>

#include "../stress/program.h"
#include "../stress/script.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static script made, read;
    uint32_t line = 0;
    char *text, *again;

    script_from_bytes(bytes, size, &made);
    text = script_text(&made);
    require(text != NULL, "there is memory");
    require(script_read(text, &read, &line), "a script's text is a script");
    again = script_text(&read);
    require(again != NULL && strcmp(text, again) == 0, "and says all of it");
    free(again);
    free(text);
    script_run(&made);
    return 0;
}
