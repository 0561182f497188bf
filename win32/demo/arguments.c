/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_PORT = 11000, DEFAULT_TIMEOUT = 10000, LONGEST_TIMEOUT = 2000000000 };

const char arguments_usage[] = "usage: apmdemo [--host NAME] [--port N] [--message TEXT | --file PATH] "
                               "[--keep-open] [--timeout MS] [--ipv6] | --serve | --help | --version | "
                               "get HOST PORT [--file PATH] [--timeout MS] [--ipv6]";

const char arguments_help[] =
    "Connects to a server, sends a message, receives until the server closes, and\n"
    "prints what it received. Without --host it starts a server of its own and talks\n"
    "to that.\n"
    "\n"
    "  --host NAME     the server: a host name or an IP address\n"
    "  --port N        its port; default 11000. Without --host: the port of the own\n"
    "                  server; default 11000, or a free one if that is taken\n"
    "  --message TEXT  what to send, as UTF-8; default \"This is a test<EOF>\"\n"
    "  --file PATH     send what the file holds instead, byte for byte\n"
    "  --keep-open     keep the sending side open until the answer is complete\n"
    "  --timeout MS    the longest time for everything together, in milliseconds;\n"
    "                  default 10000\n"
    "  --ipv6          use IPv6 only\n"
    "  --serve         be the server only: print where, and serve until killed\n"
    "  --help          print this\n"
    "  --version       print the version\n"
    "\n"
    "A message that contains <EOF> says by itself where it ends, and the sending\n"
    "side stays open until the answer is complete. After any other message the\n"
    "sending side is shut down, because nothing else tells the server that no more\n"
    "follows; --keep-open is for servers that take this for a client that has left.\n"
    "\n"
    "The server sends back what it got, once it has seen <EOF> or the end of the\n"
    "client's stream, and closes.\n"
    "\n"
    "apmdemo get HOST PORT connects to a server, sends it the standard input, and\n"
    "writes what the server sends to the standard output, both byte for byte and of\n"
    "any length. At the end of the input it ends the sending side. It is over when\n"
    "the server ends its stream, also if there is more input.\n"
    "\n"
    "  --file PATH     send the file instead, and tell the progress on the standard\n"
    "                  error output; a failure unless the server takes all of it\n"
    "  --timeout MS    the longest time for the connect; and for the rest of the\n"
    "                  file, once the server has ended its stream; default 10000\n"
    "  --ipv6          use IPv6 only\n"
    "  --              what follows is HOST or PORT, whatever it begins with\n"
    "\n"
    "Exit code: 0, 1 if something failed, 2 if the command line makes no sense.\n";

typedef enum option {
    OPTION_FILE,
    OPTION_HELP,
    OPTION_HOST,
    OPTION_IPV6,
    OPTION_KEEP_OPEN,
    OPTION_MESSAGE,
    OPTION_PORT,
    OPTION_SERVE,
    OPTION_TIMEOUT,
    OPTION_VERSION
} option;

typedef struct option_name {
    const char *name;
    option meaning;
    bool takes_value;
    bool goes_with_get;
} option_name;

static const option_name option_names[] = {
    {"--file", OPTION_FILE, true, true},
    {"--help", OPTION_HELP, false, true},
    {"--host", OPTION_HOST, true, false},
    {"--ipv6", OPTION_IPV6, false, true},
    {"--keep-open", OPTION_KEEP_OPEN, false, false},
    {"--message", OPTION_MESSAGE, true, false},
    {"--port", OPTION_PORT, true, false},
    {"--serve", OPTION_SERVE, false, false},
    {"--timeout", OPTION_TIMEOUT, true, true},
    {"--version", OPTION_VERSION, false, true},
    {"-h", OPTION_HELP, false, true},
    {"/?", OPTION_HELP, false, true},
};

/* Only digits: no sign, no blanks, no hexadecimal. */
static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
    uint64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits] != '\0') return false;
    for (const char *digit = text; *digit != '\0'; digit++) value = value * 10 + (uint64_t)(*digit - '0');
    if (value < least || value > most) return false;
    *number = (uint32_t)value;
    return true;
}

static const option_name *find_option(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof option_names / sizeof option_names[0]; i++) {
        const char *name = option_names[i].name;
        if (strlen(name) == length && memcmp(name, text, length) == 0) return &option_names[i];
    }
    return NULL;
}

/* False when the value is not one that the option can have. */
static bool apply(arguments *asked, option meaning, const char *value)
{
    uint32_t number = 0;
    bool good = true;
    switch (meaning) {
    case OPTION_FILE: asked->file = value; break;
    case OPTION_HELP: asked->help = true; break;
    case OPTION_HOST:
        good = value[0] != '\0';
        asked->host = value;
        break;
    case OPTION_IPV6: asked->ipv6 = true; break;
    case OPTION_KEEP_OPEN: asked->keep_open = true; break;
    case OPTION_MESSAGE: asked->message = value; break;
    case OPTION_PORT:
        good = parse_number(value, 0, UINT16_MAX, &number);
        asked->port = (uint16_t)number;
        asked->port_given = true;
        break;
    case OPTION_SERVE: asked->serve = true; break;
    case OPTION_TIMEOUT:
        good = parse_number(value, 1, LONGEST_TIMEOUT, &number);
        asked->timeout = number;
        break;
    case OPTION_VERSION: asked->version = true; break;
    }
    return good;
}

/* What is fine alone and makes no sense together; NULL if there is nothing of the kind. */
static const char *find_contradiction(const arguments *asked)
{
    if (asked->get && !asked->port_given) return "get needs a host and a port";
    if (asked->message != NULL && asked->file != NULL) return "--message and --file exclude each other";
    if (asked->host != NULL && asked->port_given && asked->port == 0) return "no server has port 0";
    if (asked->serve &&
        (asked->host != NULL || asked->message != NULL || asked->file != NULL || asked->keep_open))
        return "--serve goes with --port and --ipv6 only";
    return NULL;
}

/* What get is told without an option: the host, then the port. */
static bool take_operand(arguments *asked, const char *text, char *problem, size_t size)
{
    bool first = asked->host == NULL;
    if (!asked->get || asked->port_given) {
        snprintf(problem, size, "unknown argument \"%s\"", text);
        return false;
    }
    if (apply(asked, first ? OPTION_HOST : OPTION_PORT, text)) return true;
    snprintf(problem, size, "\"%s\" is no %s", text, first ? "host" : "port");
    return false;
}

/* The option at values[*at], and its value, which may be the argument after it. */
static bool take_option(arguments *asked, int count, char **values, int *at, char *problem, size_t size)
{
    const char *text = values[*at], *value = "";
    size_t length = strcspn(text, "=");
    bool joined = text[length] == '=';
    const option_name *found = find_option(text, length);
    if (found == NULL) {
        snprintf(problem, size, "unknown argument \"%s\"", text);
        return false;
    }
    if (asked->get && !found->goes_with_get) {
        snprintf(problem, size, "%s does not go with get", found->name);
        return false;
    }
    if (joined && !found->takes_value) {
        snprintf(problem, size, "%s takes no value", found->name);
        return false;
    }
    if (joined) {
        value = text + length + 1;
    } else if (found->takes_value) {
        ++*at;
        if (*at == count) {
            snprintf(problem, size, "%s needs a value", found->name);
            return false;
        }
        value = values[*at];
    }
    if (apply(asked, found->meaning, value)) return true;
    snprintf(problem, size, "\"%s\" is no value for %s", value, found->name);
    return false;
}

bool arguments_parse(int count, char **values, arguments *asked, char *problem, size_t size)
{
    *asked = (arguments){.port = DEFAULT_PORT, .timeout = DEFAULT_TIMEOUT};
    asked->get = count > 1 && strcmp(values[1], "get") == 0;
    bool options = true; /* until "--" */
    for (int i = asked->get ? 2 : 1; i < count; i++) {
        const char *text = values[i];
        if (asked->get && options && strcmp(text, "--") == 0) {
            options = false;
            continue;
        }
        bool is_option = options && (text[0] == '-' || find_option(text, strlen(text)) != NULL);
        bool good = is_option ? take_option(asked, count, values, &i, problem, size)
                              : take_operand(asked, text, problem, size);
        if (!good) return false;
    }
    const char *contradiction = asked->help || asked->version ? NULL : find_contradiction(asked);
    if (contradiction != NULL) snprintf(problem, size, "%s", contradiction);
    return contradiction == NULL;
}
