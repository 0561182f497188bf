/* SPDX-License-Identifier: MIT */
/*
 * Programs over the public interface: every sequence of bytes is a script, which is run on the
 * simulated kernel with all the checks of the seeds; and its text says all of it.
 */
#define _POSIX_C_SOURCE 200809L

#include <string.h>

#include "../stress/program.h"
#include "../stress/script.h"
#include "fuzz.h"

/* As it is written; to be freed. */
static char *text_of(const script *made)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    require(out != NULL, "there is memory");
    script_write(made, out);
    (void)fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static script made, read;
    uint32_t line = 0;
    char *text, *again;

    script_from_bytes(bytes, size, &made);
    text = text_of(&made);
    require(script_read(text, &read, &line), "a script's text is a script");
    again = text_of(&read);
    require(strcmp(text, again) == 0, "and says all of it");
    free(again);
    free(text);
    script_run(&made);
    return 0;
}
