/* SPDX-License-Identifier: MIT */
/* The reader of scripts: a text is one, or the line is said where it is none. */
#include "../stress/script.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static script made, again;
    source from = {bytes, size};
    char *text = take_text(&from), *written = NULL;
    size_t lines = 1, i;
    uint32_t line = 0;

    for (i = 0; text[i] != '\0'; i++) lines += text[i] == '\n';
    if (script_read(text, &made, &line)) {
        written = script_text(&made);
        require(written != NULL, "there is memory");
        require(script_read(written, &again, &line), "what was read can be written and read");
        require(made.seed == again.seed && made.profile == again.profile &&
                    memcmp(made.settings, again.settings, sizeof made.settings) == 0 &&
                    memcmp(made.step_counts, again.step_counts, sizeof made.step_counts) == 0,
                "and is the same");
        free(written);
    } else {
        require(line >= 1 && line <= lines, "it is said which line is wrong");
    }
    free(text);
    return 0;
}
