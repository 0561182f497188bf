/* SPDX-License-Identifier: MIT */
/*
 * What has to hold of the bytes of a place that parts and meets again: its sends, in order, are what its
 * conversations read, one after the other, each of them in one conversation; and its receives are a part of
 * what they wrote, each conversation's from its beginning on and without a gap.
 *
 * Of a send that nobody ended nobody knows how much went out, and nobody says where one conversation gave way
 * to the next, but a disconnect that succeeded: what began before it is no part of what came after. So all
 * places are followed where the calls so far may have led.
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef struct course {
    const place *at;
    const conversation **all;
    size_t *first;        /* of each the number of its first place; its last is behind its last byte */
    size_t count, places; /* the last is behind all of them */
    bool *here, *next;    /* where it may be */
} course;

static void *test_memory(size_t count, size_t size)
{
    void *block = calloc(count, size);

    if (block == NULL) sim_fail("no memory for the test");
    return block;
}

static size_t length_of(const conversation *one, bool outward)
{
    return outward ? one->read_size : (size_t)one->written;
}

static void open_course(course *way, const place *at, bool outward)
{
    const conversation *one;
    size_t i = 0;

    memset(way, 0, sizeof *way);
    way->at = at;
    for (one = at->first; one != NULL; one = one->next) way->count++;
    way->all = (const conversation **)test_memory(way->count + 1, sizeof(const conversation *));
    way->first = (size_t *)test_memory(way->count + 1, sizeof *way->first);
    for (one = at->first; one != NULL; one = one->next, i++) {
        way->all[i] = one;
        way->first[i] = way->places;
        way->places += length_of(one, outward) + 1;
    }
    way->first[i] = way->places++;
    way->here = (bool *)test_memory(way->places, sizeof *way->here);
    way->next = (bool *)test_memory(way->places, sizeof *way->next);
    way->here[0] = true;
}

static void close_course(course *way)
{
    free(way->all);
    free(way->first);
    free(way->here);
    free(way->next);
}

/* What `next` says is so from now on. */
static void go_on(course *way)
{
    bool *was = way->here;

    way->here = way->next;
    way->next = was;
    memset(was, 0, way->places * sizeof *was);
}

/* Whether this disconnect has parted what began before it from what began after it. */
static bool has_parted(const call *made)
{
    return made->kind == CALL_DISCONNECT && made->begun && made->reuses && atomic_load(&made->winners) == 1 &&
           made->error == APM_ERROR_SUCCESS;
}

/* How many of them had parted the place when so many sends, or receives, had begun. */
static uint32_t count_partings(const place *at, bool outward, uint32_t begun)
{
    uint32_t count = 0, i;

    for (i = 0; i < at->connect_count; i++) {
        const call *made = at->connects[i];
        if (has_parted(made) && made->begun_before[outward] == begun) count++;
    }
    return count;
}

/* ---- what was sent ------------------------------------------------------------------------------- */

/* Where all of one conversation was explained the next may begin. */
static void meet_again(course *way)
{
    size_t i;

    for (i = 1; i <= way->count; i++)
        if (way->here[way->first[i] - 1]) way->here[way->first[i]] = true;
}

/* It has begun, and there is no way back; where nothing is said in one, it is skipped. */
static void part_after_sends(course *way)
{
    size_t i;

    for (i = 1; i <= way->count; i++)
        if (way->here[way->first[i] - 1]) way->next[way->first[i]] = true;
    way->next[way->places - 1] = way->next[way->places - 1] || way->here[way->places - 1];
    go_on(way);
    meet_again(way);
}

static void send_from(course *way, size_t i, size_t where, const call *made)
{
    const conversation *to = way->all[i];
    size_t offset = where - way->first[i], left = to->read_size - offset, match = 0;
    int64_t known = call_sent_bytes(made);
    size_t most = known < 0 ? made->size : (size_t)known, here = most < left ? most : left;

    while (match < here && pattern_holds(to->read + offset + match, 1, way->at->salt, made->offset + match))
        match++;
    if (known < 0)
        memset(way->next + where, true, (match + 1) * sizeof *way->next);
    else if (match == most)
        way->next[where + match] = true;
    else if (match == left && to->outcome != SIM_END)
        way->next[where + match] = true; /* cut off: the rest is lost */
}

/* A disconnect that waits for its turn does it in a file's stead. */
static bool has_heir(const place *at, uint32_t sends)
{
    uint32_t i;

    for (i = 0; i < at->connect_count; i++) {
        const call *made = at->connects[i];
        if (made->kind == CALL_DISCONNECT && made->begun &&
            (at->chained_sends || made->begun_before[1] >= sends))
            return true;
    }
    return false;
}

/* A file that disconnects with reuse: the `number`th send. */
static bool has_parted_itself(const place *at, uint32_t number)
{
    const int32_t both = APM_SEND_FILE_DISCONNECT | APM_SEND_FILE_REUSE_SOCKET;
    const call *made = at->sends[number - 1];

    return made->files && (made->file_flags & both) == both && atomic_load(&made->winners) == 1 &&
           made->error == APM_ERROR_SUCCESS && !has_heir(at, number);
}

static void send_one(course *way, const call *made)
{
    size_t where, k;

    if (!made->begun) return;
    way->next[way->places - 1] = way->here[way->places - 1] && call_sent_bytes(made) <= 0;
    for (k = 0; k < way->count; k++)
        for (where = way->first[k]; where < way->first[k + 1]; where++)
            if (way->here[where]) send_from(way, k, where, made);
    go_on(way);
    meet_again(way);
}

static void check_sends(const place *at)
{
    course way;
    uint32_t i, partings;

    open_course(&way, at, true);
    meet_again(&way);
    for (i = 0; i <= at->send_count && way.count != 0; i++) {
        /* Callbacks that begin the next send are in nobody's order. */
        partings = at->chained_sends ? 0 : count_partings(at, true, i);
        for (; partings != 0; partings--) part_after_sends(&way);
        if (i == at->send_count) break;
        send_one(&way, at->sends[i]);
        if (has_parted_itself(at, i + 1)) part_after_sends(&way);
    }
    check_at(way.count == 0 || way.here[way.places - 1], "what was sent is not what its conversations read",
             at);
    close_course(&way);
}

/* ---- what was received ----------------------------------------------------------------------------- */

/* What of the one before was still to come may have been dropped; if they have parted, it was. */
static void leave_rest(course *way, bool parted)
{
    bool any = false;
    size_t i, where;

    for (i = 0; i < way->count; i++) {
        bool before = any;

        for (where = way->first[i]; where < way->first[i + 1]; where++) {
            any = any || way->here[where];
            way->next[where] = !parted && way->here[where];
        }
        way->next[way->first[i]] = way->next[way->first[i]] || before;
    }
    way->next[way->places - 1] = any || way->here[way->places - 1];
    go_on(way);
}

static void receive_from(course *way, size_t i, size_t where, const call *made)
{
    const conversation *from = way->all[i];
    size_t offset = where - way->first[i];

    if (made->kept_size > from->written - offset) return;
    if (!pattern_holds(made->kept, made->kept_size, from->salt, offset)) return;
    way->next[made->peeks ? where : where + made->kept_size] = true;
}

static void receive_one(course *way, const call *made)
{
    size_t where, k;

    if (made->kept_size == 0) return;
    leave_rest(way, false);
    for (k = 0; k < way->count; k++)
        for (where = way->first[k]; where < way->first[k + 1]; where++)
            if (way->here[where]) receive_from(way, k, where, made);
    check(memchr(way->next, true, way->places * sizeof *way->next) != NULL,
          "received what no conversation wrote next", made);
    go_on(way);
}

/* A disconnect is the sender's, and comes in the order of the receives where those are his, too. */
static void check_receives(const place *at)
{
    bool ordered = at->sender == at->receiver && !at->chained_receives;
    uint32_t i, partings;
    course way;

    open_course(&way, at, false);
    for (i = 0; i < at->receive_count; i++) {
        partings = ordered ? count_partings(at, false, i) : 0;
        for (; partings != 0; partings--) leave_rest(&way, true);
        receive_one(&way, at->receives[i]);
    }
    close_course(&way);
}

void check_partings(const place *at)
{
    check_sends(at);
    check_receives(at);
}
