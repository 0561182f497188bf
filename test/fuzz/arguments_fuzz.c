/* SPDX-License-Identifier: MIT */
/*
 * The demo's command line, an argument for each line: it is understood, or the problem is said in
 * the room that there is for it. What is understood are the caller's own strings.
 */
#include "arguments.h"

#include <string.h>

#include "fuzz.h"

enum { MOST = 24, ROOM = 200 };

static bool is_one_of(const char *text, char *const *values, int count)
{
    int i;

    if (text == NULL) return true;
    for (i = 0; i < count; i++) {
        /* Also its end, of an argument such as --name=value. */
        if (text >= values[i] && text <= values[i] + strlen(values[i])) return true;
    }
    return false;
}

static void check_arguments(char **values, int count, size_t room)
{
    char problem[ROOM + 1], same[ROOM + 1];
    arguments asked, again;
    bool good;

    memset(problem, '~', sizeof problem);
    memset(&asked, 0, sizeof asked);
    memset(&again, 0, sizeof again);
    good = arguments_parse(count, values, &asked, problem, room);
    require(problem[room] == '~', "nothing is written behind the room");
    if (!good) {
        require(memchr(problem, '\0', room) != NULL && *problem != '\0', "what is wrong is said");
        return;
    }
    require(is_one_of(asked.host, values, count), "the host is an argument");
    require(is_one_of(asked.message, values, count), "the message is an argument");
    require(is_one_of(asked.file, values, count), "the file is an argument");
    require(asked.help || asked.version || asked.message == NULL || asked.file == NULL,
            "a message or a file");
    require(asked.timeout != 0 && asked.timeout <= 2000000000, "a time that can be waited for");
    require(asked.help || asked.version || !asked.get || (asked.host != NULL && asked.port_given),
            "get has both");
    require(arguments_parse(count, values, &again, same, ROOM), "it is understood a second time");
    require(again.host == asked.host && again.port == asked.port && again.timeout == asked.timeout,
            "in the same way");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};
    size_t room = 2 + take_byte(&from) % (ROOM - 2);
    char *text = take_text(&from), *values[MOST + 1], *at = text;
    int count = 0;

    values[count++] = text + strlen(text); /* the program's name, which is not looked at */
    while (at != NULL && count < MOST) {
        char *end = strchr(at, '\n');

        values[count++] = at;
        if (end != NULL) *end++ = '\0';
        at = end;
    }
    values[count] = NULL;
    check_arguments(values, count, room);
    free(text);
    return 0;
}
