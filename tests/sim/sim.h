/* SPDX-License-Identifier: MIT */
/*
 * sim/sim.h - what the files of the simulator share
 *
 * A world is a few nodes in one thread, joined by pipes in memory, under a
 * clock of its own. All that happens is drawn from one seed. The nodes are
 * used through the public headers; what they are promised is written down
 * twice, by the caller and by the callee, in records that nobody frees before
 * the world ends (sim_alloc), and compared.
 *
 *	main             arguments, workers, the report
 *	world            the clock and its events, the course of a run
 *	node, driver     nodes: their lives, what drives them
 *	link, pipe       what joins them
 *	ops              references that users hold, and calls on them
 *	acts, acts_other what users do
 *	object, answer   what is called: the methods, and their answers
 *	outcome          what comes back to callers
 *	check, check_end what was promised
 *	fault, hostile   what goes wrong
 *	bytes, memory, stats
 */
#ifndef WALDO_SIM_H
#define WALDO_SIM_H

#include "broker/driver.h"
#include "sim/memory.h"
#include "sim/stats.h"
#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#include <inttypes.h>

#define SIM_NODES   6
#define SIM_NAMES   3   /* published at each node: obj0, obj1, obj2 */
#define SIM_HELD    40  /* references that a node's user keeps at most */
#define SIM_TURN_US 300 /* between an event and its turn, at most */

typedef struct sim_world sim_world;
typedef struct sim_node sim_node;
typedef struct sim_link sim_link;
typedef struct sim_object sim_object;
typedef struct sim_hold sim_hold;
typedef struct sim_inv sim_inv;
typedef struct sim_call sim_call;

typedef struct sim_rng {
	uint64_t state;
} sim_rng;

/* A list that grows; its memory is the world's. */
typedef struct sim_list {
	void **items;
	unsigned count, cap;
} sim_list;

/* ---- links (link.c, pipe.c) */

/* Into which pieces the bytes of a link are cut. */
typedef enum sim_style {
	SIM_WHOLE,
	SIM_PIECES,
	SIM_CRUMBS,
	SIM_STYLES
} sim_style;

/* One direction of a link: what is under way. */
typedef struct sim_pipe {
	uint8_t *data;
	size_t start, len, cap; /* bytes data[start] on */
	size_t room;            /* how many fit, like a socket's buffer */
	uint64_t stalled_until; /* nothing arrives before; UINT64_MAX: ever */
	bool eof;               /* no more is put in */
	bool reset;             /* what is inside is lost */
	bool scheduled;         /* a delivery is among the events */
	uint64_t passed;        /* bytes that arrived */
} sim_pipe;

typedef struct sim_end {
	waldoi_link base; /* first */
	sim_link *link;
	sim_node *node; /* NULL: a fake peer */
	sim_pipe out;
	bool open;    /* the broker has it and has not let go, nor been told */
	bool waiting; /* the pipe was full */
	bool kicked;  /* and an event says that it is no more */
	bool paused;  /* the broker wants no input */
} sim_end;

struct sim_link {
	sim_world *world;
	unsigned id;
	char name[24];       /* peer address of both ends: tells calls' links */
	sim_end ends[2];     /* 0: who dialled */
	sim_node *target;    /* whom it dialled; NULL: a fake node */
	bool established;    /* somebody answered */
	bool refused;        /* nobody did */
	bool touched;        /* something happened that may have ended it */
	unsigned delay_us;   /* on the way, at least */
	unsigned style;      /* how it is cut into pieces */
	unsigned running[2]; /* calls from this end not yet answered, P16 */
	uint32_t latest[2];  /* the last made of its calls that began here */
	bool deaf;           /* a fake peer that never reads */
};

/* `from` NULL: dialled by a fake peer. */
sim_link *sim_link_new(sim_world *world, sim_node *from);
sim_link *sim_link_open(sim_node *from, const char *host);
bool sim_link_answer(sim_link *link, const char *host);
bool sim_link_is_hostile(const sim_link *link);
sim_link *sim_link_from_name(sim_world *world, const char *name);
void sim_link_flush(waldoi_link *base);
void sim_link_close(waldoi_link *base, waldoi_close how);
void sim_link_reset(sim_link *link);
bool sim_link_is_up(const sim_link *link);
sim_end *sim_link_end_of(sim_link *link, const sim_node *node);
sim_end *sim_end_peer(sim_end *end);
void sim_end_lost(sim_end *end, waldo_err err, const char *what);
void sim_pipe_put(sim_end *from, const void *data, size_t len);
void sim_pipe_schedule(sim_end *from);

/* ---- nodes (node.c, driver.c) */

struct sim_node {
	sim_world *world;
	unsigned index;
	char name[16]; /* node0 */
	unsigned incarnation;
	waldo_node *node; /* NULL between lives */
	waldo_limits limits;
	waldo_listener *listener;
	sim_rng rng; /* the broker's */

	int64_t skew;        /* its clock less the world's */
	uint64_t busy_until; /* its user's code takes that long */
	uint64_t armed;      /* by its own clock */
	unsigned timer_version;
	bool turn_pending, in_turn, freeing, abrupt;
	uint64_t turns;
	bool stop_called;
	unsigned depth; /* callbacks that run */
	sim_memory memory;

	sim_list objects;   /* sim_object, all of this life */
	sim_list holds;     /* sim_hold, not given back */
	sim_list promises;  /* sim_inv with a promise that is kept */
	sim_list calls;     /* sim_call, deferred */
	sim_list watches;   /* sim_watch, not stopped */
	sim_list deadlines; /* sim_inv that wait and have one, or cancelled */
	sim_list tasks;     /* posted */
	sim_object *named[SIM_NAMES];
	bool was_unpublished[SIM_NAMES];
};

extern const waldoi_driver_ops sim_driver_ops;

uint64_t sim_node_now(const sim_node *node);
bool sim_node_start(sim_node *node);
void sim_node_kill(sim_node *node, bool abrupt);
void sim_node_release_all(sim_node *node);
void sim_node_touch(sim_node *node); /* its links may end now */
void sim_node_postpone(sim_node *node, void (*run)(void *what, uint64_t arg),
                       void *what, uint64_t arg);
void sim_node_timer_again(sim_node *node);
void sim_node_wake(void *driver);

/* Around each function of the library: where callbacks may not run. */
typedef enum sim_api {
	SIM_API_NONE,
	SIM_API_ANY,
	SIM_API_RELEASE, /* waldo_ref_release(), waldo_object_revoke() */
	SIM_API_TAKE     /* waldo_put_bytes_take() */
} sim_api;
typedef struct sim_scope {
	sim_api api;
	sim_memory *memory;
	size_t largest; /* what a callback allocates is its own affair */
} sim_scope;
sim_scope sim_enter(sim_node *node, sim_api api);
void sim_leave(sim_node *node, sim_scope scope);

/* Around what a driver hands to the broker: callbacks may run there. */
sim_scope sim_event_begin(sim_node *node);
void sim_event_end(sim_node *node, sim_scope scope);

/* Around each callback; `allowed`: the functions that may call it, too. */
sim_scope sim_callback_begin(sim_node *node, sim_api allowed);
void sim_callback_end(sim_node *node, sim_scope scope);

/* ---- records */

struct sim_object {
	sim_node *node;
	unsigned incarnation, serial;
	unsigned destroyed;
	bool revoked;
	bool plain;       /* its class has no `other` */
	unsigned running; /* its calls, deferred ones too */
};

/* A reference that a user holds, and the stream of calls on it. */
struct sim_hold {
	sim_node *node;
	unsigned incarnation;
	waldo_ref *ref;  /* NULL once given back */
	unsigned count;  /* of ours */
	bool given_back; /* by the user, not by the node's death */
	bool lost;       /* was no far reference any more when its node died */
	sim_object *object; /* what it leads to, as far as known */
	sim_inv *from;      /* whose result it is */
	sim_hold *origin;   /* what the caller passed that came as this */
	bool from_path;     /* ... by a path */
	sim_link *link;     /* through which; NULL: near or not known */
	sim_node *peer;     /* calls go there first; NULL: not known */
	int connected;      /* name that was asked for, or -1 */
	bool hostile;
	bool immortal; /* a watch without a handle keeps it */
	bool proxy; /* a promise, or passed on by others: equals itself alone */
	uint32_t next_seq;
	uint32_t last_seq[3]; /* dispatched: made while pending, later, all */
};

typedef enum sim_plan {
	SIM_ECHO,
	SIM_WHO,
	SIM_MAKE,
	SIM_GET,
	SIM_GIVE,
	SIM_BACK,
	SIM_LATER,
	SIM_FAIL,
	SIM_FAIL_ERR,
	SIM_TABLE,
	SIM_BIG,
	SIM_TYPES,
	SIM_HOME,
	SIM_BLOCK,
	SIM_NO_REPLY,
	SIM_PLANS,   /* those above are in the table */
	SIM_DYNAMIC, /* any name, taken by `other` if the class has it */
	SIM_UNKNOWN, /* no such method */
	SIM_PING     /* the library's own */
} sim_plan;

/* One invocation, seen from both sides. */
struct sim_inv {
	uint32_t id;
	sim_node *caller;
	unsigned incarnation;
	sim_hold *target;
	uint32_t seq;
	bool pending;   /* the target was, when it was made */
	bool near;      /* so was it */
	sim_link *link; /* by which it leaves; NULL: near or not known */
	sim_node *peer; /* where it goes first; NULL: not known */
	sim_plan plan;
	bool wrong_args, one_way, notify, cancelled, hostile;
	bool vague;          /* its arguments may not get through */
	uint64_t made_at;    /* by the caller's clock */
	uint64_t deadline;   /* by the caller's clock; 0: none */
	sim_hold *arg;       /* the reference that was passed */
	bool passed_promise; /* it, or the result, was pending */
	uint32_t size;       /* of a big payload, of the time to block */
	char method[24];

	/* caller */
	waldo_promise *promise;   /* kept; NULL: given away */
	uint32_t cancelled_after; /* the last invocation before that */
	uint64_t cancel_turn;     /* of the caller, when it was cancelled */
	bool awaited;             /* a callback was registered */
	bool refused;             /* failed at once: no promise, or no notify */
	unsigned completed;
	waldo_err code;
	waldo_fate fate;

	/* callee */
	unsigned executed;
	sim_link *came_by;
	bool answered;
	sim_object *ran_on;
	sim_object *made;  /* the result, if that is a new object */
	sim_hold *gave;    /* the result, if that is a reference held there */
	sim_inv *followed; /* the result is that of another */
};

/* A deferred call. */
struct sim_call {
	sim_node *node;
	sim_inv *inv; /* NULL: a fake peer's */
	waldo_call *call;
	sim_object *object;
	sim_link *link;
	unsigned side;  /* of the link whose node called */
	sim_inv *waits; /* answered by that one's outcome; NULL: any time */
	bool returned, answered;
	unsigned cancels;
};

/* A watch of a reference, or a timer. */
typedef struct sim_watch {
	sim_hold *hold;
	waldo_watch *handle;
	unsigned up, broken;
	bool stopped;
	uint64_t due;
	sim_node *node;
	unsigned incarnation;
} sim_watch;

/* ---- the world */

typedef struct sim_event {
	uint64_t at, order;
	void (*run)(void *what, uint64_t arg);
	void *what;
	uint64_t arg;
} sim_event;

typedef enum sim_stage {
	SIM_BUSY,     /* users act, faults happen */
	SIM_SETTLING, /* no more of that: all must come to an end */
	SIM_OVER      /* all was given back */
} sim_stage;

struct sim_world {
	uint64_t seed;
	sim_rng rng;
	uint64_t now, order;
	sim_event *events;
	size_t event_count, event_cap;
	uint64_t events_run;
	sim_node nodes[SIM_NODES];
	unsigned node_count;
	sim_list links, objects, holds, invs, watches;
	sim_stage stage;
	sim_api api; /* inside which function of the library we are */
	bool verbose;
	uint64_t hash; /* of the history */
	bool waiting;  /* inside waldo_promise_wait(): users stand still */
	bool failed;
	char violation[400];
	bool oom_seen;
	unsigned taken, taken_done; /* waldo_put_bytes_take() */
	unsigned acts, act_kinds, faults;
	uint32_t fault_gap_us; /* between two, on the average half of it */
	bool act_seen[SIM_MAX_ACTS];
	uint8_t *heard[2]; /* what honest nodes sent, for fake peers */
	size_t heard_len[2];
	sim_stats *stats;
};

/* True if nothing was violated; else world->violation says what. */
bool sim_world_run(sim_world *world, uint64_t seed, bool verbose,
                   sim_stats *stats);
void sim_at(sim_world *world, uint64_t at, void (*run)(void *, uint64_t),
            void *what, uint64_t arg);
bool sim_world_step(sim_world *world);

/* One entry of the history. */
void sim_note(sim_world *world, const char *what, uint64_t a, uint64_t b,
              uint64_t c);

/* A promise or a rule was kept once more, or was not. */
void sim_kept(sim_world *world, sim_rule rule);
void sim_violated(sim_world *world, sim_rule rule, const char *format, ...)
    WALDO_PRINTF(3, 4);

/* `claim` or a violation. */
#define sim_expect(world, rule, claim, ...)                                    \
	do {                                                                   \
		if (claim) {                                                   \
			sim_kept(world, rule);                                 \
		} else {                                                       \
			sim_violated(world, rule, __VA_ARGS__);                \
		}                                                              \
	} while (0)

uint64_t sim_random(sim_rng *rng);
uint32_t sim_below(sim_world *world, uint32_t n); /* 0 .. n-1 */
bool sim_chance(sim_world *world, uint32_t percent);

void sim_list_add(sim_list *list, void *item);
bool sim_list_drop(sim_list *list, const void *item);
void *sim_list_pick(sim_world *world, const sim_list *list);

/* ---- users (ops.c, acts.c, object.c, outcome.c) */

/* Something a user does at `node`. False if there was nothing to do it to. */
typedef struct sim_act {
	const char *name;
	unsigned weight;
	bool (*run)(sim_node *node);
} sim_act;
extern const sim_act sim_calls[], sim_acts[]; /* a NULL name ends them */

void sim_act_any(sim_node *node);
void sim_burst(sim_node *node, sim_hold *target);
unsigned sim_act_count(void);
const char *sim_act_name(unsigned index);

sim_inv *sim_inv_new(sim_node *node, sim_hold *target, sim_plan plan);
void sim_inv_arm(sim_inv *inv); /* completes by a time */
/* What becomes of the promise that an invocation returned; taken. */
void sim_inv_sent(sim_inv *inv, waldo_promise *promise);
bool sim_call_plan(sim_node *node, sim_hold *target, sim_plan plan);
void sim_call_send(sim_inv *inv, bool keep);
sim_inv *sim_call_kept(sim_node *node, sim_hold *target, sim_plan plan);
/* The reference that the kept promise of `inv` will be. */
sim_hold *sim_hold_promised(sim_inv *inv, const char *path);
void sim_promise_drop(sim_inv *inv);
void sim_done(waldo_reader *result, const waldo_failure *failure, void *user);

/* Keeps a reference that was lent; NULL for a NULL one. */
sim_hold *sim_hold_keep(sim_node *node, waldo_ref *ref);
sim_hold *sim_hold_own(sim_node *node, waldo_ref *ref); /* ... or given */
void sim_hold_give_back(sim_hold *hold);
sim_object *sim_hold_object(sim_hold *hold);
sim_object *sim_hold_near(sim_hold *hold); /* NULL if it is not */
/* True if it is known to lead to its object through one session, hold->link;
 * others may go through proxies, also of the object's own node. */
bool sim_hold_is_direct(sim_hold *hold);
waldo_state sim_hold_state(sim_hold *hold);
sim_hold *sim_hold_pick(sim_node *node);
void sim_hold_connected(sim_node *node, sim_link *link, const char *host);

sim_object *sim_object_new(sim_node *node, waldo_ref **ret_ref);
const waldo_class *sim_object_class(const sim_object *object);
void sim_object_revoked(sim_object *object); /* or is about to be */
extern const char *const sim_methods[SIM_PLANS];
void sim_call_answer(sim_call *call);
/* With a reference to a new object, which is the caller's alone. */
void sim_reply_object(sim_node *node, sim_inv *inv, waldo_call *call);
void sim_call_ended(sim_object *object, sim_link *link, unsigned side);
void sim_on_cancel(waldo_call *waldo, void *user);
void sim_bytes_put(sim_node *node, waldo_writer *writer, uint32_t id,
                   size_t size);
bool sim_bytes_are(const uint8_t *data, size_t len, uint32_t id, size_t size);

/* ---- faults (fault.c, hostile.c) */

void sim_fault_any(sim_world *world);
void sim_faults_end(sim_world *world);
void sim_hostile_dial(sim_world *world, sim_node *node);
void sim_hostile_answer(sim_link *link);
void sim_hostile_hear(sim_link *link, unsigned side, const uint8_t *data,
                      size_t len);

/* ---- what was promised (check.c) */

void sim_check_dispatch(sim_inv *inv, sim_object *object, waldo_call *call);
void sim_check_cancelled(sim_inv *inv, sim_link *link, unsigned side);
void sim_check_destroy(sim_object *object);
void sim_check_failure(sim_inv *inv, const waldo_failure *failure);
void sim_check_turn(sim_node *node, uint64_t began);
void sim_check_bytes(sim_node *node);
bool sim_is_acked(sim_world *world);
void sim_check_settled(sim_world *world);
void sim_check_released(sim_node *node);
void sim_check_end(sim_world *world);

#endif
