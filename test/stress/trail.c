/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a stream, followed while the run goes on: what a receive found has to be what comes next of a
 * conversation, and what a host reads what comes next of the sends, as soon as anybody knows. So a byte that is
 * lost, doubled or out of order is found where that happens.
 *
 * Left to the end (check.c, check_partings.c), where all is known: whether a conversation was written to where its
 * receives have come, and read to its end; what of a place that parts was begun before which disconnect; datagrams,
 * of which any may be lost. With real threads a call's outcome is its owner's until then, so that any send may have
 * ended anywhere, and receives are judged up to the first whose buffer nobody has looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { CONVERSATIONS = 16, POSITIONS = 64 };

/* So many bytes of a send have been read. */
typedef struct position {
    uint32_t index;
    size_t bytes;
} position;

struct trail {
    _Atomic bool held; /* for as long as somebody looks at what follows, and at the place's lists of calls */

    uint32_t conversations; /* that have begun */
    uint64_t salts[CONVERSATIONS];
    uint32_t judged;   /* receives */
    bool has_received; /* some of a conversation */
    bool here[CONVERSATIONS][HOST_WRITES + 1],
        next[CONVERSATIONS][HOST_WRITES + 1]; /* where they have come */

    const conversation *reader;
    uint32_t first;    /* the first send that it may have read of */
    bool is_fresh;     /* it has read nothing */
    bool is_uncertain; /* there are too many places */
    position at[POSITIONS], then[POSITIONS];
    uint32_t count, then_count;
};

trail *trail_new(void)
{
    trail *made = (trail *)calloc(1, sizeof *made);

    if (made == NULL) sim_fail("no memory for the test");
    return made;
}

void trail_hold(place *at)
{
    /* On the seeded scheduler nobody else runs in between. */
    while (atomic_exchange_explicit(&at->trail->held, true, memory_order_acquire)) sim_interleave();
}

void trail_let_go(place *at)
{
    atomic_store_explicit(&at->trail->held, false, memory_order_release);
}

/* ---- what is received --------------------------------------------------------------------------------- */

void trail_meet(place *at, const conversation *one)
{
    trail *of = at->trail;

    trail_hold(at);
    if (of->conversations < CONVERSATIONS) of->salts[of->conversations] = one->salt;
    of->conversations++;
    trail_let_go(at);
}

/* Where nothing was received it may be the beginning of any of them; where they part, of a later one, too. */
static void let_begin(const place *at)
{
    trail *of = at->trail;
    uint32_t i = 0;

    if (of->has_received && !at->parts_ways) return;
    if (of->has_received)
        while (i < of->conversations && memchr(of->here[i], true, sizeof of->here[i]) == NULL) i++;
    for (i += of->has_received; i < of->conversations; i++) of->here[i][0] = true;
}

static void judge(const call *made, const unsigned char *bytes, size_t size)
{
    trail *of = made->at->trail;
    bool found = false;
    uint32_t i;
    size_t k;

    if (size == 0 || of->conversations > CONVERSATIONS) return;
    let_begin(made->at);
    memset(of->next, 0, sizeof of->next);
    for (i = 0; i < of->conversations; i++)
        for (k = 0; k + size <= HOST_WRITES; k++) {
            if (!of->here[i][k] || !pattern_holds(bytes, size, of->salts[i], k)) continue;
            of->next[i][made->peeks ? k : k + size] = found = true;
        }
    check(found, "received what is not what comes next", made);
    memcpy(of->here, of->next, sizeof of->here);
    of->has_received = of->has_received || !made->peeks;
}

/* Those before one that has found something are over: what their buffers show is all that they get. */
static void judge_early(call *made)
{
    while (made->seen < made->size && made->data != NULL && made->data[made->seen] != 0xFF) made->seen++;
    made->is_seen = true;
    if (!made->peeks) judge(made, made->data, made->seen);
}

static uint32_t count_over(const place *at)
{
    uint32_t count = at->receive_count;

    for (; count != 0; count--) {
        const call *made = at->receives[count - 1];
        if (made->is_taken && made->kept_size != 0 && !made->peeks) break;
    }
    return count;
}

static void judge_all(place *at)
{
    uint32_t over = sim_is_seeded() ? count_over(at) : 0;
    trail *of = at->trail;

    for (; of->judged < at->receive_count; of->judged++) {
        call *made = at->receives[of->judged];

        if (made->is_taken)
            judge(made, made->kept, made->kept_size);
        else if (of->judged < over)
            judge_early(made);
        else
            break;
    }
}

void trail_receive(call *made)
{
    place *at = made->at;

    if (made->kind != CALL_RECEIVE || at->datagram) return;
    trail_hold(at);
    if (!made->is_taken) {
        made->is_taken = true;
        if (made->is_seen && !made->peeks)
            check(made->seen == made->kept_size, "received something after a later one", made);
        judge_all(at);
    }
    trail_let_go(at);
}

/* ---- what is read -------------------------------------------------------------------------------------- */

/* How much of it went out; -1 if nobody knows yet. */
static int64_t known_bytes(const call *made)
{
    if (!sim_is_seeded() || !made->is_told || (made->files && made->error != APM_ERROR_SUCCESS)) return -1;
    return (int64_t)made->bytes;
}

static void add_position(trail *of, uint32_t index, size_t bytes)
{
    uint32_t i;

    for (i = 0; i < of->then_count; i++)
        if (of->then[i].index == index && of->then[i].bytes == bytes) return;
    if (of->then_count == POSITIONS) {
        of->is_uncertain = true;
        return;
    }
    of->then[of->then_count].index = index;
    of->then[of->then_count++].bytes = bytes;
}

static bool is_next(const call *made, size_t bytes, unsigned char byte)
{
    return bytes < made->size && pattern_holds(&byte, 1, made->at->salt, made->offset + bytes);
}

/* The next of this send; or, where that may have ended here, the first of one behind it. */
static void go_on(const place *at, uint32_t index, size_t bytes, unsigned char byte)
{
    for (; index < at->send_count; index++, bytes = 0) {
        const call *made = at->sends[index];
        int64_t known = known_bytes(made);

        if ((known < 0 || bytes < (size_t)known) && is_next(made, bytes, byte))
            add_position(at->trail, index, bytes + 1);
        if (known >= 0 && bytes != (size_t)known) return;
    }
}

static void read_byte(const place *at, unsigned char byte)
{
    trail *of = at->trail;
    uint32_t i;

    of->then_count = 0;
    if (of->is_fresh && !at->parts_ways)
        go_on(at, 0, 0, byte);
    else if (of->is_fresh) /* what is before may be lost with the conversation before */
        for (i = of->first; i < at->send_count; i++) {
            if (is_next(at->sends[i], 0, byte)) add_position(of, i, 1);
        }
    for (i = 0; i < of->count; i++) go_on(at, of->at[i].index, of->at[i].bytes, byte);
    check_at(of->then_count != 0, "a host reads what is not what was sent next", at);
    of->is_fresh = false;
    of->count = of->then_count;
    memcpy(of->at, of->then, of->count * sizeof *of->at);
}

/* Each send is read in one conversation. */
static void begin_reading(place *at, const conversation *one)
{
    trail *of = at->trail;
    uint32_t least = UINT32_MAX, i;

    check_at(of->reader == NULL || at->parts_ways, "two hosts read", at);
    for (i = 0; i < of->count && !of->is_uncertain; i++)
        if (of->at[i].index < least) least = of->at[i].index;
    if (least != UINT32_MAX) of->first = least + 1;
    of->reader = one;
    of->is_fresh = true;
    of->is_uncertain = false;
    of->count = 0;
}

void trail_read(place *at, const conversation *one, const unsigned char *data, size_t size)
{
    size_t i;

    trail_hold(at);
    if (at->trail->reader != one) begin_reading(at, one);
    for (i = 0; i < size && !at->trail->is_uncertain; i++) read_byte(at, data[i]);
    trail_let_go(at);
}
