/* SPDX-License-Identifier: MIT */
/* The reader of scripts: a text is one, or the line is said where it is none. */
#include "../stress/script.h"

#include <string.h>

#include "fuzz.h"

/* What runs it looks at no number again. */
static void check_limits(const script *made)
{
    size_t i, j;

    require(made->profile < PROFILES, "one of the kernels");
    for (i = 0; i < setting_count(); i++)
        require(made->settings[i] <= setting_limit((uint32_t)i), "each setting has a limit");
    for (i = 0; i < PLACES; i++)
        require(made->places[i].sender < ACTORS && made->places[i].receiver < ACTORS &&
                    made->places[i].chain <= CHAIN && made->places[i].traits < 1u << TRAITS,
                "and each number of a place");
    for (i = 0; i < ACTORS; i++) {
        require(made->step_counts[i] <= STEPS, "there is room for each step");
        for (j = 0; j < made->step_counts[i]; j++)
            require(made->steps[i][j].kind < STEP_KINDS && made->steps[i][j].place < PLACES,
                    "which is one, somewhere");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static script made, again;
    source from = {bytes, size};
    char *text = take_text(&from), *written = NULL;
    size_t lines = 1, i;
    uint32_t line = 0;

    for (i = 0; text[i] != '\0'; i++) lines += text[i] == '\n';
    if (script_read(text, &made, &line)) {
        check_limits(&made);
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
