/* SPDX-License-Identifier: MIT */
/*
 * apmdemo: the asynchronous client socket sample of .NET, on apmsock. The part to read, and to
 * copy, is client.c; the rest is what a program around it needs. `apmdemo get` is a program for
 * daily use on the same interface: get.c.
 */
#include "arguments.h"
#include "client.h"
#include "console.h"
#include "get.h"
#include "message.h"
#include "resolver.h"
#include "server.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* A server on loopback, on the port that was asked for; or, if none was, on any port when the
 * usual one is not to be had. NULL, and it has said why, when there is none. */
static server *start_server(const arguments *asked)
{
    char text[APM_ENDPOINT_TEXT_SIZE];
    server *started = NULL;
    apm_endpoint local;
    int32_t family = asked->ipv6 ? APM_FAMILY_IPV6 : APM_FAMILY_IPV4;
    apm_error error = apm_endpoint_loopback(family, asked->port, &local);
    if (error == 0) error = server_start(&local, &started);
    if (error != 0 && !asked->port_given && apm_endpoint_loopback(family, 0, &local) == 0)
        error = server_start(&local, &started);
    if (error == 0) return started;
    apm_endpoint_format(&local, text, sizeof text);
    console_fail_because(error, "cannot listen on %s", text);
    return NULL;
}

static bool serve(const arguments *asked)
{
    char text[APM_ENDPOINT_TEXT_SIZE];
    server *own = start_server(asked);
    if (own == NULL) return false;
    apm_endpoint local = server_endpoint(own);
    apm_endpoint_format(&local, text, sizeof text);
    if (console_print("Listening on %s\n", text)) {
        server_wait(own);
        console_fail("the server on %s has ended", text);
    }
    server_stop(own);
    return false;
}

/* Talks to the host that was named. */
static bool talk_to_host(const arguments *asked, client_task task)
{
    apm_endpoint addresses[RESOLVER_MOST];
    char name[300];
    int32_t family = asked->ipv6 ? APM_FAMILY_IPV6 : APM_FAMILY_UNSPECIFIED;
    task.addresses = addresses;
    task.address_count = 1;
    if (apm_endpoint_from_ip(asked->host, asked->port, &addresses[0]) == 0) {
        if (!asked->ipv6 || apm_endpoint_family(&addresses[0]) == APM_FAMILY_IPV6) return client_run(&task);
        console_fail("cannot connect to %s:%u: that is not an IPv6 address", asked->host,
                     (unsigned)asked->port);
        return false;
    }
    snprintf(name, sizeof name, "%s:%u", asked->host, (unsigned)asked->port);
    task.name = name;
    apm_error error = resolver_find(asked->host, asked->port, family, deadline_left(&task.limit), addresses,
                                    &task.address_count);
    if (error == 0) return client_run(&task);
    if (error == APM_ERROR_TIMED_OUT) {
        console_fail("cannot find the host of %s: no answer within %u ms (%s)", name,
                     (unsigned)task.limit.timeout, apm_error_name(error));
    } else {
        console_fail_because(error, "cannot find the host of %s", name);
    }
    return false;
}

/* Talks to a server of our own. */
static bool talk_to_self(const arguments *asked, client_task task)
{
    server *own = start_server(asked);
    if (own == NULL) return false;
    apm_endpoint address = server_endpoint(own);
    task.addresses = &address;
    task.address_count = 1;
    bool good = client_run(&task);
    server_stop(own);
    return good;
}

static bool talk(const arguments *asked)
{
    bytes message = {0};
    bool good = message_load(asked, &message);
    if (good) {
        client_task task = {.message = &message, .limit = deadline_after(asked->timeout)};
        task.end_stream = !asked->keep_open && !bytes_contain(message.data, message.size, MESSAGE_END, 0);
        good = asked->host != NULL ? talk_to_host(asked, task) : talk_to_self(asked, task);
    }
    bytes_free(&message);
    return good;
}

static int run(int count, char **values)
{
    arguments asked;
    char problem[512];
    bool good;
    if (!arguments_parse(count, values, &asked, problem, sizeof problem)) {
        console_fail("%s; %s", problem, arguments_usage);
        return EXIT_USAGE;
    }
    if (asked.help) {
        good =
            console_print("%s\n\n", arguments_usage) && console_write(arguments_help, strlen(arguments_help));
    } else if (asked.version) {
        good = console_print("apmdemo %s\n", apm_version());
    } else if (asked.serve) {
        good = serve(&asked);
    } else {
        apm_error error = apm_startup(NULL);
        if (error != 0) {
            console_fail_because(error, "cannot start the library");
            return EXIT_FAILED;
        }
        good = asked.get ? get_run(&asked) : talk(&asked);
        /* Joins the workers. Not after a failed get: a callback of it may be writing to a pipe
         * that nobody reads. A process may end at any moment. */
        if (good || !asked.get) apm_cleanup();
    }
    return good ? EXIT_GOOD : EXIT_FAILED;
}

int main(void)
{
    int count = 0;
    char **values = console_arguments(&count);
    if (values == NULL) {
        console_fail("out of memory");
        return EXIT_FAILED;
    }
    int code = run(count, values);
    console_arguments_free(values, count);
    return code;
}
