/* SPDX-License-Identifier: MIT */
/*
 * The demo's command line, an argument for each line: it is understood, or the problem is said in
 * the room that there is for it. What is understood are the caller's own strings. And a command line
 * that is made of options and values, whose meaning is known beforehand.
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
        if (room != 0) require(memchr(problem, '\0', room) != NULL, "what is wrong has an end");
        require(room < 2 || *problem != '\0', "what is wrong is said");
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

static void check_lines(source from)
{
    size_t room = take_byte(&from) % ROOM;
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
    check_arguments(values, 0, room);
    free(text);
}

/* ---- what is known beforehand ------------------------------------------------------------------- */

typedef struct made_line {
    char texts[2 * MOST][64];
    char *values[2 * MOST + 1];
    int count;
    arguments meant;
    bool good;
} made_line;

static char *add_argument(made_line *made, const char *text)
{
    char *place = made->texts[made->count];

    (void)snprintf(place, sizeof made->texts[0], "%s", text);
    made->values[made->count++] = place;
    made->values[made->count] = NULL;
    return place;
}

/* An option and its value, in one argument or in two: where the value is. */
static const char *add_option(made_line *made, const char *name, const char *value, bool joined)
{
    char text[64];

    if (!joined) {
        (void)add_argument(made, name);
        return add_argument(made, value);
    }
    (void)snprintf(text, sizeof text, "%s=%s", name, value);
    return strchr(add_argument(made, text), '=') + 1;
}

/* A number as it is written, mostly; near what a port or a time can be. */
static void draw_number(source *from, char *text, size_t size)
{
    static const char *const odd[] = {"",   "+1",          "-1",         "0x10",      " 1",
                                      "1 ", "00000000001", "4294967297", "9999999999"};
    static const uint32_t near[] = {0, 1, 65535, 65536, 2000000000, 2000000001, UINT32_MAX};
    uint8_t how = take_byte(from);

    if (how < 40)
        (void)snprintf(text, size, "%s", odd[how % (sizeof odd / sizeof *odd)]);
    else if (how < 140)
        (void)snprintf(text, size, "%lu", (unsigned long)near[how % (sizeof near / sizeof *near)]);
    else
        (void)snprintf(text, size, how < 160 ? "%010lu" : "%lu", (unsigned long)take_word(from));
}

/* What C's library makes of it, where it is up to ten digits and nothing else. */
static bool is_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    size_t length = strlen(text);

    if (length == 0 || length > 10 || strspn(text, "0123456789") != length) return false;
    *number = strtoull(text, NULL, 10);
    return *number >= least && *number <= most;
}

static void add_port(made_line *made, const char *text)
{
    uint64_t number = 0;

    made->good = made->good && is_number(text, 0, UINT16_MAX, &number);
    made->meant.port = (uint16_t)number;
    made->meant.port_given = true;
}

static void add_drawn(made_line *made, source *from)
{
    static const char *const names[] = {"a", "::1", "-", "--file", "a=b", "get", ""};
    uint8_t what = take_byte(from);
    const char *name = names[take_byte(from) % (sizeof names / sizeof *names)];
    arguments *meant = &made->meant;
    bool joined = what >= 128, known = true;
    uint64_t time = 0;
    char number[24];

    switch (what % 10) {
    case 0: meant->file = add_option(made, "--file", name, joined); break;
    case 1:
        known = !meant->get && *name != '\0';
        meant->host = add_option(made, "--host", name, joined);
        break;
    case 2:
        known = !meant->get;
        meant->message = add_option(made, "--message", name, joined);
        break;
    case 3:
        draw_number(from, number, sizeof number);
        known = !meant->get;
        add_port(made, add_option(made, "--port", number, joined));
        break;
    case 4:
        draw_number(from, number, sizeof number);
        known = is_number(add_option(made, "--timeout", number, joined), 1, 2000000000, &time);
        meant->timeout = (uint32_t)time;
        break;
    case 5:
        (void)add_argument(made, joined ? "--ipv6=" : "--ipv6");
        known = !joined;
        meant->ipv6 = true;
        break;
    case 6:
        (void)add_argument(made, "--keep-open");
        known = !meant->get;
        meant->keep_open = true;
        break;
    case 7:
        (void)add_argument(made, "--serve");
        known = !meant->get;
        meant->serve = true;
        break;
    case 8:
        (void)add_argument(made, joined ? "--help" : *name == 'a' ? "-h" : "/?");
        meant->help = true;
        break;
    default:
        (void)add_argument(made, "--version");
        meant->version = true;
        break;
    }
    made->good = made->good && known;
}

/* get's own: the host, and then the port. */
static void add_operands(made_line *made, source *from)
{
    char number[24];

    made->meant.host = add_argument(made, "host");
    draw_number(from, number, sizeof number);
    if (*number == '-') (void)add_argument(made, "--");
    add_port(made, add_argument(made, number));
}

/* What the usage says of options together. */
static bool go_together(const arguments *meant)
{
    if (meant->help || meant->version) return true;
    if (meant->message != NULL && meant->file != NULL) return false;
    if (meant->host != NULL && meant->port_given && meant->port == 0) return false;
    if (!meant->serve) return true;
    return meant->host == NULL && meant->message == NULL && meant->file == NULL && !meant->keep_open;
}

static void check_made(source from)
{
    static made_line made;
    char problem[ROOM];
    arguments asked;
    uint8_t form = take_byte(&from);
    bool good;

    memset(&made, 0, sizeof made);
    made.good = true;
    made.meant.port = 11000;
    made.meant.timeout = 10000;
    made.meant.get = form % 2 != 0;
    (void)add_argument(&made, "apmdemo");
    if (made.meant.get) (void)add_argument(&made, "get");
    while (from.size != 0 && made.count < MOST) add_drawn(&made, &from);
    if (made.meant.get) add_operands(&made, &from);
    good = arguments_parse(made.count, made.values, &asked, problem, sizeof problem);
    require(good == (made.good && go_together(&made.meant)), "it is understood if it makes sense");
    if (!good) return;
    require(asked.host == made.meant.host && asked.message == made.meant.message &&
                asked.file == made.meant.file,
            "the last of each text");
    require(asked.port == made.meant.port && asked.port_given == made.meant.port_given &&
                asked.timeout == made.meant.timeout,
            "the last of each number");
    require(asked.ipv6 == made.meant.ipv6 && asked.keep_open == made.meant.keep_open &&
                asked.serve == made.meant.serve && asked.get == made.meant.get &&
                asked.help == made.meant.help && asked.version == made.meant.version,
            "and what was asked for");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    source from = {bytes, size};

    check_lines(from);
    check_made(from);
    return 0;
}
