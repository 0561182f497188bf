/* SPDX-License-Identifier: MIT */
/*
 * A script: all that a run is made of, as data. Whatever is left out of it leaves the rest as
 * it is: each step has a chance of its own. Only the kernel's and the scheduler's draws, which
 * come from the seed one after the other, fall differently then.
 *
 * As text, one line each, with # for the rest of a line that is a comment:
 *
 *   profile NAME                   the first line: it sets what is calm
 *   seed NUMBER
 *   set NAME NUMBER                the weather, the library's options; else what is calmest
 *   place INDEX [sender ACTOR] [receiver ACTOR] [chance NUMBER] [timeout MILLISECONDS]
 *         [chain NUMBER] [TRAIT ...]
 *   step ACTOR KIND PLACE CHANCE
 */
#ifndef STRESS_SCRIPT_H
#define STRESS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PLACES = 3, ACTORS = 3, STEPS = 40, CHAIN = 24, SETTINGS_ROOM = 64 };

enum script_profile { PROFILE_WINDOWS, PROFILE_WINE, PROFILE_HOSTILE, PROFILES };

enum step_kind {
    STEP_CONNECT,
    STEP_SEND,
    STEP_RECEIVE,
    STEP_RECEIVES, /* several, one of them cancelled */
    STEP_OWN,      /* something to a call of its own */
    STEP_SLOT,     /* something to a result that is shared */
    STEP_USE,      /* something to the socket: endpoints, shutdown, close ... */
    STEP_REST,
    STEP_DISCONNECT,
    STEP_BLOCK,  /* a blocking member */
    STEP_ASK,    /* options, state, what can be received; and sets them */
    STEP_MISUSE, /* what has to fail, and change nothing */
    STEP_GATE,   /* manual-reset events */
    STEP_FLEET,  /* a socket that is let go with everything under way */
    STEP_KINDS
};

/* What is unusual about a place: bits. */
enum place_trait {
    TRAIT_DATAGRAM,         /* connected to itself */
    TRAIT_BOUND,            /* to a port, by itself */
    TRAIT_NOBODY,           /* listens */
    TRAIT_PARTS_WAYS,       /* disconnects, too, and meets again */
    TRAIT_PARALLEL,         /* connects */
    TRAIT_CHAINED_SENDS,    /* begun by the callbacks of those before */
    TRAIT_CHAINED_RECEIVES, /* so, too */
    TRAIT_FREE,             /* of a datagram socket: connected to nobody; to and from any other such place */
    TRAIT_DUAL,             /* a stream of both families */
    TRAIT_ADOPTED,          /* opened by somebody else */
    TRAIT_IPV6,             /* of that family alone */
    TRAITS
};

typedef struct step {
    uint8_t kind, place;
    uint32_t chance;
} step;

typedef struct script_place {
    bool present;
    uint8_t sender, receiver; /* actors */
    uint8_t chain;            /* how many calls callbacks may begin, each way */
    uint16_t timeout;         /* ms, of connects; 0: none */
    uint32_t traits;
    uint32_t chance;
} script_place;

typedef struct script {
    enum script_profile profile;
    uint64_t seed;
    uint32_t settings[SETTINGS_ROOM]; /* setting.c knows which */
    script_place places[PLACES];
    step steps[ACTORS][STEPS];
    uint32_t step_counts[ACTORS];
} script;

const char *script_profile_name(enum script_profile profile);
/* False if there is none of that name. */
bool script_profile_named(const char *name, enum script_profile *profile);

/* The same for the same seed and profile. */
void script_draw(uint64_t seed, enum script_profile profile, script *made);
/* Every sequence of bytes is a script. Each four bytes behind the head are a step. */
void script_from_bytes(const uint8_t *bytes, size_t size, script *made);
/* False if the text is none; *line is then where. */
bool script_read(const char *text, script *made, uint32_t *line);
void script_write(const script *made, FILE *out);
/* As it is written, to be freed; NULL when there is no memory. */
char *script_text(const script *made);

/* setting.c: what can be set, by its place in a script. */
uint32_t setting_count(void);
const char *setting_name(uint32_t index);
uint32_t setting_limit(uint32_t index); /* the largest */
/* What each is if nothing is said: the kernel of that profile on a calm day. */
void setting_defaults(enum script_profile profile, uint32_t *values);

/* Runs it on the simulated kernel; ends the process when something is wrong. */
void script_run(const script *made);

#endif
