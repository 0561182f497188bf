/* SPDX-License-Identifier: MIT */
/*
 * A random program over the public interface, and what is known of it afterwards.
 *
 * Places are sockets with somebody to talk to; actors are threads that do things to them. Each
 * place has one actor that connects and sends and one that receives, so that the order of
 * Begin is known; everything else (cancelling, waiting, closing ...) is done by anybody. What a
 * callback and a thread note of a call belongs to whoever writes it until the end, when
 * everybody has been joined.
 */
#ifndef STRESS_PROGRAM_H
#define STRESS_PROGRAM_H

#include <apmsock/apmsock.h>
#include <stdatomic.h>

#include "script.h"
#include "sim.h"

enum { SLOTS = 4, CALLS = 160, LARGEST = 400, ADDRESSES = 5, PARTS = 150, POLLERS = 3 };
enum { HOST_WRITES = 600 }; /* to one connection, at most */

typedef struct program program;
typedef struct place place;
typedef struct call call;
typedef struct trail trail;

/* ---- a call ---------------------------------------------------------------------------------- */

enum call_kind { CALL_CONNECT, CALL_SEND, CALL_RECEIVE, CALL_DISCONNECT };
enum call_way { WAY_ONE, WAY_MANY, WAY_HOST }; /* of a connect */
enum call_end { END_IN_CALLBACK, END_IN_THREAD, END_NEVER };
enum call_deed {
    DEED_NONE,
    DEED_CLOSE,
    DEED_BLOCK,
    DEED_MEDDLE,
    DEED_SHARE,
    DEED_NEXT,
    DEED_LIBRARY,
    DEED_ASK,
    DEED_AWAIT,
    DEEDS
};
enum call_letter { LETTER_NONE, LETTER_TO, LETTER_FROM, LETTER_MESSAGE }; /* the members of datagram.h */

struct call {
    place *at;
    enum call_kind kind;
    enum call_end end;
    enum call_deed deed;
    bool calls_back, wants_result, peeks;
    bool blocks; /* a blocking member */
    enum call_letter letter;
    const place *to;          /* of a letter that is sent */
    bool reuses;              /* a disconnect */
    uint32_t begun_before[2]; /* receives, sends: when it began */
    enum call_way way;        /* a connect */
    uint32_t parts;           /* a list of so many buffers; 0: one buffer */
    bool files;               /* a send: as a file with something before and after it */
    int32_t file_flags;
    bool is_pathless;
    size_t size;
    uint64_t offset;     /* of a send in the place's stream */
    uint64_t stream;     /* chance, for its callback */
    unsigned char *data; /* of its own, and of its very size; NULL once nobody may touch it */
    unsigned char *kept; /* what a receive found in it */
    size_t kept_size;
    bool damaged;           /* bytes behind what was received have changed */
    bool is_taken, is_seen; /* trail.c: what it found is known; or was seen in its buffer */
    size_t seen;
    bool is_early, is_outlived; /* begun before anybody closed its place; and called back after that */
    bool precedes_end;          /* begun before anybody ended our stream */
    bool precedes_close;        /* and before anybody closed its place */
    uint64_t begin_thread, begin_time;

    apm_async_result *result; /* what Begin gave; given back when `released` */
    bool begun, released;
    apm_error begin_error;
    bool synchronously; /* as Begin's caller saw it */

    _Atomic uint32_t callbacks;
    _Atomic(void *) handle; /* of its event, if somebody asked */
    bool seen_synchronously;
    uint64_t callback_thread;

    _Atomic bool cancelled, timed; /* somebody has asked for it */
    _Atomic uint32_t winners;      /* Ends that ended it */
    apm_error error;               /* and what the one said */
    size_t bytes;
    bool is_told;      /* these two are there: where nobody else runs */
    apm_endpoint from; /* of a letter that was received */
    int32_t flags;
    apm_packet_information information;
};

/* ---- a conversation: what the host of a place saw of one connection -------------------------------- */

typedef struct conversation {
    struct conversation *next;
    uint64_t salt;
    uint64_t written;
    unsigned char *read;
    size_t read_size, read_room;
    int64_t outcome; /* SIM_END, SIM_RESET, or SIM_TIMEOUT: it was the host who left */
    bool ended;      /* the host ended its stream */
} conversation;

/* ---- a place -------------------------------------------------------------------------------------------- */

struct place {
    program *in;
    uint32_t index;
    apm_socket *socket;
    bool present;              /* otherwise nothing of it is there */
    uint32_t sender, receiver; /* actors */
    bool datagram;             /* the traits of script.h */
    bool bound, nobody, parts_ways, parallel, free, dual, adopted;
    int32_t family;           /* of its endpoints */
    bool is_named;            /* was bound when it was adopted */
    bool nameless;            /* of a datagram socket nobody knows where it is */
    _Atomic uint32_t hops[8]; /* what somebody set as its TTL: bits */
    int32_t first_hops;       /* what it was; -1: nobody knows */
    _Atomic bool is_hops_set;
    int32_t connect_timeout; /* 0: none */
    bool chained_sends, chained_receives;
    uint64_t stream; /* chance, for what is done to it before and after the actors */
    uint64_t salt;
    apm_endpoint remote;
    apm_endpoint remotes[ADDRESSES]; /* with others that do not answer, or answer too late */
    uint32_t remote_count;
    char host_name[16];

    sim_listener *listener;
    sim_thread *host;
    uint64_t host_stream;
    conversation *first, *last;
    trail *trail;
    _Atomic bool finishing; /* the host ends its stream and reads to the end */
    _Atomic bool over;      /* the host has read to the end, or was reset */
    bool drained;           /* receives have come to the end, without an error */

    call *sends[CALLS], *receives[CALLS], *connects[CALLS];
    uint32_t send_count, receive_count, connect_count;
    uint64_t offset;        /* of the next send in the stream */
    uint32_t chain_left[2]; /* of receives, of sends: what callbacks may still begin */
    bool chain_begun[2];    /* the actor's */
    _Atomic bool closed;    /* somebody has called close, */
    _Atomic uint32_t ways;  /* in these ways: bits */
    _Atomic bool sends_all; /* and what was closed is what waits until all is sent */
    _Atomic bool is_ended;  /* somebody has begun to shut down sending */
};

typedef struct actor {
    program *in;
    uint32_t index;
    uint64_t stream; /* of the step that it takes */
    const step *steps;
    uint32_t step_count;
    call *own[CALLS]; /* with a result that it gives back */
    uint32_t own_count;
    struct fleeting *fleet;
    sim_thread *thread;
} actor;

enum tally_number {
    TALLY_COMPLETED,
    TALLY_CANCELLED,
    TALLY_FAILED,
    TALLY_SENT,
    TALLY_RECEIVED,
    TALLY_NUMBERS
};

struct program {
    sim_profile profile;
    apm_options options;
    uint32_t memory_failures; /* of 1000 allocations */
    place places[PLACES];
    actor actors[ACTORS];
    _Atomic(apm_async_result *) slots[SLOTS];
    apm_manual_reset_event *gate; /* everybody's; NULL where none was to be had */
    _Atomic bool stopping;        /* the hosts */
    _Atomic bool cleaned_up;      /* the end has begun */
    bool cleans_early, drains, hostile;
    uint32_t cleans_after;    /* ms */
    uint32_t users;           /* of apm_startup */
    _Atomic uint32_t waiting; /* callbacks that wait for an operation */

    uint32_t polls;   /* who calls back: */
    uint32_t pollers; /* so many threads poll */
    _Atomic uint32_t tells;
    _Atomic bool told;
    sim_thread *poller[POLLERS];

    bool settles; /* everything is closed before the end, and the statistics compared */
    bool is_settled;
    apm_statistics settled;
    _Atomic uint64_t tally[TALLY_NUMBERS]; /* the most that anybody has seen */
    struct {
        uint64_t begun, sent, received, letters; /* operations; bytes, and at most so many more */
    } fleets;

    bool logs;
    _Atomic bool over; /* nothing may be told any more */
    _Atomic uint32_t told_begun, told_over;
};

enum { POLLS_NOT, POLLS_TOLD, POLLS_WORKLESS };

/* setting.c: the settings' places in a run. */
void setting_calm(program *run, enum script_profile profile);
void setting_collect(const program *run, uint32_t *values);
void setting_apply(program *run, const uint32_t *values);
/* weather.c: draws the settings. */
void weather_draw(program *run, enum script_profile profile, uint64_t *stream);

uint32_t draw(uint64_t *stream, uint32_t limit);

/* Ends the process when `good` is false. */
void check(bool good, const char *text, const call *made);
void check_at(bool good, const char *text, const place *at);

/* A stream's bytes: below 0x80, while untouched buffers hold 0xFF. */
void pattern_fill(unsigned char *data, size_t size, uint64_t salt, uint64_t offset);
bool pattern_holds(const unsigned char *data, size_t size, uint64_t salt, uint64_t offset);

/* call.c */
call *call_new(place *at, enum call_kind kind, uint64_t *stream);
/* Its place knows of it, and a send has its bytes. False if there is no room. */
bool call_enter(call *made);
/* Begins it; true if that succeeded. Afterwards it is known to its place. */
bool call_begin(call *made);
/* A connect that has just ended: in its time. */
void call_check_time(const call *made);
/* The End of its kind: notes what it says. */
apm_error call_finish(call *made, apm_async_result *result);
void call_release(call *made);
/* For as long as anything may take, though the clock may jump. */
bool call_wait(const call *made);
apm_error call_cancel(call *made, apm_async_result *result);
apm_error call_cancel_after(call *made, apm_async_result *result, uint32_t timeout);
/* The manual-reset event of its result: the same each time, and never too early. */
void call_ask_for_handle(call *made, apm_async_result *result, uint64_t *stream);
void call_take_data(call *made); /* it has completed: keeps what was received, frees the buffer */
void call_delete(call *made);

/* blocking.c: begins and ends it in one. Afterwards it is known to its place. */
void call_block(call *made);
/* await.c: in a callback: ends a call whether or not it is pending; a blocking member. Not, if no worker
 * would be left. */
void await_end(program *run, call *made, apm_async_result *result, uint64_t *stream);
bool await_block(place *at, enum call_kind kind, uint64_t *stream);
/* misuse.c: what has to fail: an End of it that is not its own, a Begin of nonsense. */
void call_misuse(call *made, uint64_t *stream);

/* letter.c: datagrams to and from anybody. Whether this call is one; its Begin; its End. */
void letter_draw(call *made, uint64_t *stream);
apm_error letter_begin(call *made, apm_async_callback callback, apm_async_result **result);
apm_error letter_end(call *made, apm_async_result *result, size_t *bytes);

/* parcel.c: a send whose middle is a file, or which has none; some disconnect, too. */
void parcel_draw(call *made, uint64_t *stream);
apm_error parcel_begin(call *made, apm_async_callback callback, apm_async_result **result);

/* slot.c: puts a reference of the result into a slot; takes one out and does something to it. */
void slot_share(program *run, apm_async_result *result, uint64_t *stream);
void slot_meddle(program *run, uint64_t *stream);
void slot_await(program *run, uint64_t *stream); /* in a callback: ends what is pending */
void slot_empty(program *run);

void actor_run(void *argument);
void host_run(void *argument);
/* addresses.c: the remotes of a place, and the name that has them. */
void addresses_draw(place *at, uint64_t *stream);
void place_close(place *at, bool calls_back, uint64_t *stream);

/* question.c: asks it something, or tells it; asks a result for its message. */
void place_ask(place *at, uint64_t *stream);
void place_know_hops(place *at);
void result_ask(call *made, apm_async_result *result, uint64_t *stream);

/* log.c: listens to what is told. */
void log_install(program *run);
void log_check(program *run);

/* tally.c: the statistics, at any time, and when everything is closed; against what the calls know. */
void tally_ask(program *run);
void tally_settle(program *run);
void tally_check(const program *run);

/* poller.c: threads in apm_poll. */
void poller_install(program *run);
void poller_start(program *run);
void poller_join(program *run);

/* gate.c: everybody's event, and one's own. */
void gate_make(program *run);
void gate_use(program *run, uint64_t *stream);
void gate_close(program *run);

/* trail.c: a stream's bytes, while the run goes on. */
trail *trail_new(void);
void trail_hold(place *at); /* its lists of calls */
void trail_let_go(place *at);
void trail_meet(place *at, const conversation *one); /* begins */
void trail_receive(call *made);                      /* what it found, if anything, is known */
void trail_read(place *at, const conversation *one, const unsigned char *data, size_t size);

/* reach.c: adds to what runs have reached. */
void reach_count(const program *run);

/* fleet.c: sockets that are let go with everything under way. */
void fleet_launch(actor *one);
void fleet_wait(const actor *one);
bool fleet_is_open(const actor *one); /* a callback that has not come holds one of them */
void fleet_check(actor *one);         /* at the end; deletes them */

/* ledger.c: the counting allocator. */
void ledger_install(apm_options *options, uint32_t failures);
int64_t ledger_live(void);

/* check.c: what has to hold when everything is over. */
void check_program(program *run);
/* How much of a send went out; -1 if nobody knows: it was never ended. */
int64_t call_sent_bytes(const call *made);
/* check_partings.c: of a place with one conversation after the other. */
void check_partings(const place *at);
/* check_letters.c: of datagrams, each of which is whole, or cut and says so. */
void check_letters(const place *at);
/* Places that could be one by the way they are. */
bool place_has_letters(const place *at);

#endif
