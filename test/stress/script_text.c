/* SPDX-License-Identifier: MIT */
/* A script as text. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */

#include <stdlib.h>
#include <string.h>

#include "../support/number.h"
#include "script.h"

static const char *const kind_names[STEP_KINDS] = {
    [STEP_CONNECT] = "connect", [STEP_SEND] = "send",
    [STEP_RECEIVE] = "receive", [STEP_RECEIVES] = "receives",
    [STEP_OWN] = "own",         [STEP_SLOT] = "slot",
    [STEP_USE] = "use",         [STEP_BLOCK] = "block",
    [STEP_ASK] = "ask",         [STEP_MISUSE] = "misuse",
    [STEP_GATE] = "gate",       [STEP_FLEET] = "fleet",
    [STEP_REST] = "rest",       [STEP_DISCONNECT] = "disconnect",
};

static const char *const trait_names[TRAITS] = {
    [TRAIT_DATAGRAM] = "datagram",
    [TRAIT_BOUND] = "bound",
    [TRAIT_NOBODY] = "nobody",
    [TRAIT_PARTS_WAYS] = "parts-ways",
    [TRAIT_PARALLEL] = "parallel",
    [TRAIT_CHAINED_SENDS] = "chained-sends",
    [TRAIT_CHAINED_RECEIVES] = "chained-receives",
    [TRAIT_FREE] = "free",
    [TRAIT_DUAL] = "dual",
    [TRAIT_ADOPTED] = "adopted",
    [TRAIT_IPV6] = "ipv6",
};

/* ---- writing ----------------------------------------------------------------------------------- */

static void write_place(const script_place *at, uint32_t index, FILE *out)
{
    uint32_t i;

    (void)fprintf(out, "place %u sender %u receiver %u chance %u", (unsigned)index, (unsigned)at->sender,
                  (unsigned)at->receiver, (unsigned)at->chance);
    if (at->timeout != 0) (void)fprintf(out, " timeout %u", (unsigned)at->timeout);
    if (at->chain != 0) (void)fprintf(out, " chain %u", (unsigned)at->chain);
    for (i = 0; i < TRAITS; i++)
        if (at->traits & 1u << i) (void)fprintf(out, " %s", trait_names[i]);
    (void)fprintf(out, "\n");
}

void script_write(const script *made, FILE *out)
{
    uint32_t calm[SETTINGS_ROOM], actor, i;

    (void)fprintf(out, "profile %s\nseed %llu\n", script_profile_name(made->profile),
                  (unsigned long long)made->seed);
    setting_defaults(made->profile, calm);
    for (i = 0; i < setting_count(); i++)
        if (made->settings[i] != calm[i])
            (void)fprintf(out, "set %s %u\n", setting_name(i), (unsigned)made->settings[i]);
    for (i = 0; i < PLACES; i++)
        if (made->places[i].present) write_place(&made->places[i], i, out);
    for (actor = 0; actor < ACTORS; actor++)
        for (i = 0; i < made->step_counts[actor]; i++) {
            const step *one = &made->steps[actor][i];

            (void)fprintf(out, "step %u %s %u %u\n", (unsigned)actor, kind_names[one->kind],
                          (unsigned)one->place, (unsigned)one->chance);
        }
}

/* ---- reading -------------------------------------------------------------------------------------- */

enum { WORDS = 40, WORD_SIZE = 32 };

typedef struct words {
    char text[WORDS][WORD_SIZE];
    uint32_t count, next;
} words;

/* False if a word is too long, or there are too many. */
static bool split_line(const char *line, size_t size, words *made)
{
    size_t i = 0;

    made->count = made->next = 0;
    for (;;) {
        size_t from;

        while (i < size && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r')) i++;
        if (i == size || line[i] == '#') return true;
        for (from = i; i < size && line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '#';)
            i++;
        if (made->count == WORDS || i - from >= WORD_SIZE) return false;
        memcpy(made->text[made->count], line + from, i - from);
        made->text[made->count++][i - from] = '\0';
    }
}

static const char *next_word(words *line)
{
    return line->next < line->count ? line->text[line->next++] : NULL;
}

/* The next word is a number up to `limit`. */
static bool take_number(words *line, uint64_t limit, uint64_t *number)
{
    return number_read(next_word(line), number) && *number <= limit;
}

static bool take_index(words *line, uint32_t limit, uint32_t *index)
{
    uint64_t number = 0;

    if (!take_number(line, limit, &number)) return false;
    *index = (uint32_t)number;
    return true;
}

static bool take_name(words *line, const char *const *names, uint32_t count, uint32_t *index)
{
    const char *word = next_word(line);

    for (*index = 0; word != NULL && *index < count; ++*index)
        if (strcmp(word, names[*index]) == 0) return true;
    return false;
}

static bool read_profile(words *line, script *made)
{
    const char *word = next_word(line);

    if (word == NULL || !script_profile_named(word, &made->profile)) return false;
    setting_defaults(made->profile, made->settings);
    return true;
}

static bool read_setting(words *line, script *made)
{
    const char *word = next_word(line);
    uint32_t i;

    for (i = 0; word != NULL && i < setting_count(); i++)
        if (strcmp(word, setting_name(i)) == 0) return take_index(line, setting_limit(i), &made->settings[i]);
    return false;
}

/* A number that has a name, or a trait. */
static bool read_feature(words *line, script_place *at)
{
    const char *word = line->text[line->next];
    uint32_t value = 0, i;

    if (take_name(line, trait_names, TRAITS, &i)) {
        at->traits |= 1u << i;
        return true;
    }
    if (strcmp(word, "sender") == 0 && take_index(line, ACTORS - 1, &value))
        at->sender = (uint8_t)value;
    else if (strcmp(word, "receiver") == 0 && take_index(line, ACTORS - 1, &value))
        at->receiver = (uint8_t)value;
    else if (strcmp(word, "chance") == 0 && take_index(line, UINT32_MAX, &value))
        at->chance = value;
    else if (strcmp(word, "timeout") == 0 && take_index(line, UINT16_MAX, &value))
        at->timeout = (uint16_t)value;
    else if (strcmp(word, "chain") == 0 && take_index(line, CHAIN, &value))
        at->chain = (uint8_t)value;
    else
        return false;
    return true;
}

static bool read_place(words *line, script *made)
{
    uint32_t index;
    script_place *at;

    if (!take_index(line, PLACES - 1, &index)) return false;
    at = &made->places[index];
    if (at->present) return false;
    at->present = true;
    while (line->next < line->count)
        if (!read_feature(line, at)) return false;
    return true;
}

static bool read_step(words *line, script *made)
{
    uint32_t actor, kind, place, chance;
    step *next;

    if (!take_index(line, ACTORS - 1, &actor) || !take_name(line, kind_names, STEP_KINDS, &kind) ||
        !take_index(line, PLACES - 1, &place) || !take_index(line, UINT32_MAX, &chance))
        return false;
    if (made->step_counts[actor] == STEPS) return false;
    next = &made->steps[actor][made->step_counts[actor]++];
    next->kind = (uint8_t)kind;
    next->place = (uint8_t)place;
    next->chance = chance;
    return true;
}

static bool read_line(words *line, script *made)
{
    const char *word = next_word(line);
    bool good;

    if (word == NULL) return true;
    if (strcmp(word, "profile") == 0)
        good = read_profile(line, made);
    else if (strcmp(word, "seed") == 0)
        good = take_number(line, UINT64_MAX, &made->seed);
    else if (strcmp(word, "set") == 0)
        good = read_setting(line, made);
    else if (strcmp(word, "place") == 0)
        good = read_place(line, made);
    else
        good = strcmp(word, "step") == 0 && read_step(line, made);
    return good && line->next == line->count;
}

bool script_read(const char *text, script *made, uint32_t *line)
{
    words split;

    memset(made, 0, sizeof *made);
    setting_defaults(made->profile, made->settings);
    for (*line = 1; *text != '\0'; ++*line) {
        size_t size = strcspn(text, "\n");

        if (!split_line(text, size, &split) || !read_line(&split, made)) return false;
        text += size;
        if (*text == '\n') text++;
    }
    return true;
}

char *script_text(const script *made)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) return NULL;
    script_write(made, out);
    (void)fclose(out);
    return text;
}
