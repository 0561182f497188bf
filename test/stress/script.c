/* SPDX-License-Identifier: MIT */
/* A script from a seed, or from any bytes. */
#include "script.h"

#include <string.h>

#include "program.h"

static const char *const profile_names[PROFILES] = {"windows", "wine", "hostile"};

const char *script_profile_name(enum script_profile profile)
{
    return profile_names[profile];
}

bool script_profile_named(const char *name, enum script_profile *profile)
{
    uint32_t i;

    for (i = 0; i < PROFILES; i++) {
        if (strcmp(name, profile_names[i]) != 0) continue;
        *profile = (enum script_profile)i;
        return true;
    }
    return false;
}

/* ---- from a seed ------------------------------------------------------------------------------- */

/* Each as often as it stands there. */
static const uint8_t kinds_drawn[] = {
    STEP_SEND,    STEP_SEND,    STEP_SEND,    STEP_SEND,     STEP_SEND,    STEP_RECEIVE,
    STEP_RECEIVE, STEP_RECEIVE, STEP_RECEIVE, STEP_RECEIVES, STEP_OWN,     STEP_OWN,
    STEP_OWN,     STEP_SLOT,    STEP_USE,     STEP_REST,     STEP_CONNECT, STEP_DISCONNECT,
    STEP_BLOCK,   STEP_BLOCK,   STEP_ASK,     STEP_MISUSE,   STEP_GATE,    STEP_FLEET,
};

static void draw_traits(script_place *at, uint64_t *stream)
{
    static const uint8_t one_in[TRAITS] = {
        [TRAIT_DATAGRAM] = 6,         [TRAIT_BOUND] = 6,    [TRAIT_NOBODY] = 10,
        [TRAIT_PARTS_WAYS] = 5,       [TRAIT_PARALLEL] = 2, [TRAIT_CHAINED_SENDS] = 4,
        [TRAIT_CHAINED_RECEIVES] = 4, [TRAIT_FREE] = 2,     [TRAIT_DUAL] = 8,
        [TRAIT_ADOPTED] = 10,         [TRAIT_IPV6] = 6,
    };
    uint32_t i;

    for (i = 0; i < TRAITS; i++)
        if (draw(stream, one_in[i]) == 0) at->traits |= 1u << i;
}

static void draw_place(script_place *at, uint32_t actors, uint64_t *stream)
{
    at->present = true;
    at->sender = (uint8_t)draw(stream, actors);
    at->receiver = (uint8_t)draw(stream, actors);
    draw_traits(at, stream);
    at->timeout = (uint16_t)(draw(stream, 4) == 0 ? 1 + draw(stream, 600) : 0);
    at->chain = (uint8_t)(1 + draw(stream, CHAIN));
    at->chance = draw(stream, UINT32_MAX);
}

static void add_step(script *made, uint32_t who, uint32_t kind, uint32_t where, uint32_t chance)
{
    step *next = &made->steps[who][made->step_counts[who]];

    if (made->step_counts[who] == STEPS) return;
    next->kind = (uint8_t)kind;
    next->place = (uint8_t)where;
    next->chance = chance;
    made->step_counts[who]++;
}

/* Of a seed, an actor and a number: no step's chance is another one's. */
static uint32_t chance_of(uint64_t seed, uint32_t who, uint32_t number)
{
    uint64_t stream = seed ^ ((uint64_t)(who + 1) << 56) ^ ((uint64_t)(number + 1) << 40);

    return draw(&stream, UINT32_MAX);
}

static void draw_steps(script *made, uint32_t who, uint32_t places, uint64_t *stream)
{
    uint32_t count = 4 + draw(stream, 30), i;

    for (i = 0; i < places; i++)
        if (draw(stream, 10) != 0) add_step(made, who, STEP_CONNECT, i, chance_of(made->seed, who, i));
    for (i = 0; i < count; i++) {
        uint32_t kind = kinds_drawn[draw(stream, sizeof kinds_drawn)];
        uint32_t where = draw(stream, places);
        const script_place *at = &made->places[where];

        /* Only its sender disconnects it, and after the first conversation a second one takes steps, too. */
        if ((at->traits & 1u << TRAIT_PARTS_WAYS) != 0 && at->sender == who && draw(stream, 5) == 0)
            kind = STEP_DISCONNECT;
        add_step(made, who, kind, where, chance_of(made->seed, who, PLACES + i));
    }
}

void script_draw(uint64_t seed, enum script_profile profile, script *made)
{
    uint64_t stream = seed;
    uint32_t places, actors, i;
    program run;

    memset(made, 0, sizeof *made);
    made->profile = profile;
    made->seed = seed;
    memset(&run, 0, sizeof run);
    setting_calm(&run, profile);
    weather_draw(&run, profile, &stream);
    setting_collect(&run, made->settings);
    places = 1 + draw(&stream, PLACES);
    actors = 1 + draw(&stream, ACTORS);
    for (i = 0; i < places; i++) draw_place(&made->places[i], actors, &stream);
    for (i = 0; i < actors; i++) draw_steps(made, i, places, &stream);
}

/* ---- from bytes ------------------------------------------------------------------------------------ */

/* Zeros where there are no more. */
typedef struct reader {
    const uint8_t *at;
    size_t left;
} reader;

static uint32_t read_byte(reader *from)
{
    if (from->left == 0) return 0;
    from->left--;
    return *from->at++;
}

static uint32_t read_pair(reader *from)
{
    uint32_t low = read_byte(from);

    return low | read_byte(from) << 8;
}

static void read_setting(reader *from, script *made)
{
    uint32_t i = read_byte(from) % setting_count();

    made->settings[i] = read_pair(from) % (setting_limit(i) + 1);
}

static void read_place(reader *from, script_place *at)
{
    uint32_t roles = read_byte(from);

    at->present = true;
    at->sender = (uint8_t)(roles % ACTORS);
    at->receiver = (uint8_t)(roles / ACTORS % ACTORS);
    at->traits = read_pair(from) & ((1u << TRAITS) - 1);
    at->timeout = (uint16_t)(read_pair(from) % 1000);
    at->chain = (uint8_t)(read_byte(from) % (CHAIN + 1));
    at->chance = read_pair(from);
}

void script_from_bytes(const uint8_t *bytes, size_t size, script *made)
{
    reader from = {bytes, size};
    uint32_t places, settings, i;

    memset(made, 0, sizeof *made);
    made->profile = (enum script_profile)(read_byte(&from) % PROFILES);
    setting_defaults(made->profile, made->settings);
    made->seed = read_pair(&from);
    made->seed |= (uint64_t)read_pair(&from) << 16;
    settings = read_byte(&from) % 16;
    places = 1 + read_byte(&from) % PLACES;
    for (i = 0; i < settings; i++) read_setting(&from, made);
    for (i = 0; i < places; i++) read_place(&from, &made->places[i]);
    while (from.left != 0) {
        uint32_t what = read_byte(&from), where = read_byte(&from) % places;

        add_step(made, what % ACTORS, what / ACTORS % STEP_KINDS, where, read_pair(&from));
    }
}
