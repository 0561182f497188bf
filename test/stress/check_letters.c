/* SPDX-License-Identifier: MIT */
/*
 * What has to hold of datagrams: each that was received is one that was sent to here, whole, or
 * cut and said to be; those of one sender come in their order, and none comes twice. Some are
 * received by nobody.
 */
#include "program.h"

bool place_has_letters(const place *at)
{
    return at->present && at->datagram && at->socket != NULL;
}

/* Whether somebody's End said so. */
static bool is_told(const call *made)
{
    return atomic_load(&made->winners) == 1 &&
           (made->error == APM_ERROR_SUCCESS || made->error == APM_ERROR_MESSAGE_SIZE);
}

static bool was_cut(const call *made)
{
    return made->error == APM_ERROR_MESSAGE_SIZE || (made->flags & APM_FLAG_TRUNCATED) != 0;
}

/* Whether `made` can be what became of `sent`. */
static bool matches(const call *made, const call *sent, const place *sender)
{
    size_t fits = sent->size < made->size ? sent->size : made->size;
    bool goes_here = sent->letter == LETTER_TO ? sent->to == made->at : sender == made->at;

    if (!sent->begun || !goes_here || fits != made->kept_size) return false;
    if (is_told(made) && was_cut(made) != (sent->size > made->size)) return false;
    return pattern_holds(made->kept, fits, sender->salt, sent->offset);
}

static bool is_of(const call *made, const place *sender)
{
    uint32_t k;

    for (k = 0; k < sender->send_count; k++)
        if (matches(made, sender->sends[k], sender)) return true;
    return false;
}

/* What does not say from whom it is comes from the place itself when that is connected, or from anybody before that. */
static bool is_from(const call *made, const place *sender)
{
    if (made->letter != LETTER_FROM && made->letter != LETTER_MESSAGE)
        return sender == made->at && is_of(made, sender);
    return apm_endpoint_equal(&made->from, &sender->remote);
}

static bool is_from_any(const call *made, const program *run)
{
    uint32_t i;

    for (i = 0; i < PLACES; i++)
        if (place_has_letters(&run->places[i]) && is_of(made, &run->places[i])) return true;
    return false;
}

/* Those that say that they are from this one: each the next that it can be. */
static void check_from(const place *at, const place *sender)
{
    uint32_t i, next = 0;

    for (i = 0; i < at->receive_count; i++) {
        const call *made = at->receives[i];
        bool found = false;

        if (made->kept_size == 0 || made->peeks || !is_told(made) || !is_from(made, sender)) continue;
        while (!found && next < sender->send_count) found = matches(made, sender->sends[next++], sender);
        check(found, "a datagram that was not sent, or not then", made);
    }
}

/* A nameless sender is one that nobody knows. */
static bool is_known(const call *made)
{
    const program *run = made->at->in;
    uint32_t i;

    for (i = 0; i < PLACES; i++) {
        const place *sender = &run->places[i];

        if (place_has_letters(sender) && (sender->nameless || is_from(made, sender))) return true;
    }
    return false;
}

static void check_details(const call *made)
{
    apm_endpoint here = made->at->remote;
    char text[APM_ENDPOINT_TEXT_SIZE];

    check(made->error != APM_ERROR_MESSAGE_SIZE, "a message has flags for it", made);
    check(apm_endpoint_port(&made->information.address) == 0, "the destination has a port", made);
    check(made->information.interface_index != 0, "no interface", made);
    /* The same address, without the port. */
    (void)apm_endpoint_format(&made->information.address, text, sizeof text);
    (void)apm_endpoint_parse(text, &here);
    check(apm_endpoint_family(&here) == made->at->family, "the destination is none", made);
}

void check_letters(const place *at)
{
    uint32_t i;

    for (i = 0; i < at->receive_count; i++) {
        const call *made = at->receives[i];

        if (made->kept_size != 0) check(is_from_any(made, at->in), "a datagram that nobody sent", made);
        if (!is_told(made)) continue;
        if (made->letter != LETTER_NONE) check(is_known(made), "a datagram from nobody", made);
        if (made->letter == LETTER_MESSAGE) check_details(made);
    }
    for (i = 0; i < PLACES; i++)
        if (place_has_letters(&at->in->places[i]) && !at->in->places[i].nameless)
            check_from(at, &at->in->places[i]);
}
