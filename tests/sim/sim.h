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
 *	world, clock     the course of a run; chance, lists, events
 *	node, driver     nodes: their lives, what drives them
 *	link, pipe       what joins them
 *	tap, wire        what is said there
 *	keys, race, spoil
 *	                 ... if it is encrypted
 *	hold, origin     references that users hold, where they come from
 *	ops              calls on them
 *	choose           what users do:
 *	acts, acts_other calls, and all that is no call
 *	acts_promise     ... with promises that travel
 *	acts_credit      ... to those who do not keep up
 *	acts_drain       ... to go away, and to let others use more
 *	watch            ... to be told
 *	object, answer   what is called: the methods, and their answers
 *	relay            ... those that pass references on
 *	outcome          what comes back to callers
 *	check, check_end what was promised
 *	check_wire, check_limits
 *	                 ... and how it is said
 *	fault, hostile   what goes wrong
 *	bytes, memory, stats
 */
#ifndef WALDO_SIM_H
#define WALDO_SIM_H

#include "sim/net.h"
#include "sim/records.h"
#include "sim/stats.h"
#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#define SIM_NODES   6
#define SIM_NAMES   3   /* published at each node: obj0, obj1, obj2 */
#define SIM_HELD    40  /* references that a node's user keeps at most */
#define SIM_TURN_US 300 /* between an event and its turn, at most */
#define SIM_KEYS    6   /* that a node has had, at most */

/* ---- nodes (node.c, driver.c) */

struct sim_node {
	sim_world *world;
	unsigned index;
	char name[16]; /* node0 */
	unsigned incarnation;
	waldo_node *node; /* NULL between lives */
	waldo_limits limits, strangers;
	waldo_listener *listener;
	sim_rng rng; /* the broker's */

	int64_t skew;        /* its clock less the world's */
	uint64_t busy_until; /* its user's code takes that long */
	uint64_t armed;      /* by its own clock */
	unsigned timer_version;
	bool turn_pending, in_turn, freeing, abrupt;
	uint64_t turns;
	bool stop_called, ended_one; /* its user: a session */
	uint64_t stop_by; /* the end of its grace, by its own clock */
	unsigned depth;   /* callbacks that run */
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

	/* On encrypted links (keys.c); these outlive a node. */
	uint8_t keys[SIM_KEYS][WALDO_KEY_BYTES]; /* those that were made */
	unsigned key;                            /* who it is */
	bool announces;                          /* the next one */
	bool wants_psk;
	sim_pipe known;    /* its file of hosts */
	bool dialling;     /* its user connects, */
	sim_link *dialled; /* by a new link */
};

extern const waldoi_driver_ops sim_driver_ops;

uint64_t sim_node_now(const sim_node *node);
bool sim_node_start(sim_node *node);
void sim_node_kill(sim_node *node, bool abrupt);
void sim_node_release_all(sim_node *node);
bool sim_node_can_act(const sim_node *node); /* its user, at this moment */
void sim_node_touch(sim_node *node);         /* its links may end now */
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
	bool calm;   /* nothing ends a session, so nothing may be lost */
	bool sealed; /* links are encrypted */
	unsigned taken, taken_done;     /* waldo_put_bytes_take() */
	size_t heap_bytes, heap_blocks; /* that there were before */
	unsigned acts, act_kinds, faults;
	uint64_t last_op;      /* when the last numbered frame was sent */
	unsigned upsets;       /* what may part calls from those before them */
	uint32_t fault_gap_us; /* between two, on the average half of it */
	bool act_seen[SIM_MAX_ACTS];
	uint8_t *heard[2]; /* what honest nodes sent, for fake peers */
	size_t heard_len[2];
	sim_stats *stats;
};

/* Which worlds have encrypted links. */
typedef enum sim_sealing { SIM_SOME, SIM_ALL, SIM_NONE } sim_sealing;

/* True if nothing was violated; else world->violation says what. */
bool sim_world_run(sim_world *world, uint64_t seed, sim_sealing sealing,
                   bool verbose, sim_stats *stats);
void sim_at(sim_world *world, uint64_t at, void (*run)(void *, uint64_t),
            void *what, uint64_t arg);
bool sim_world_step(sim_world *world);
sim_event sim_next_event(sim_world *world); /* there is one */

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
/* A NULL name ends them. */
extern const sim_act sim_calls[], sim_acts[], sim_promise_acts[],
    sim_credit_acts[], sim_watch_acts[], sim_drain_acts[];

void sim_act_any(sim_node *node);
void sim_stream(sim_hold *hold); /* calls, some now, some later */
void sim_burst(sim_node *node, sim_hold *target);
unsigned sim_act_count(void);
const char *sim_act_name(unsigned index);

sim_inv *sim_inv_new(sim_node *node, sim_hold *target, sim_plan plan);
void sim_inv_arm(sim_inv *inv); /* completes by a time */
/* What becomes of the promise that an invocation returned; taken. */
void sim_inv_sent(sim_inv *inv, waldo_promise *promise);
/* Sends it; what comes of it is the caller's. NULL: out of memory. */
waldo_promise *sim_call_promise(sim_inv *inv);
bool sim_call_plan(sim_node *node, sim_hold *target, sim_plan plan);
void sim_call_send(sim_inv *inv, bool keep);
void sim_notify_send(sim_inv *inv);
bool sim_call_notify(sim_node *node, sim_hold *target, sim_plan plan);
sim_inv *sim_call_kept(sim_node *node, sim_hold *target, sim_plan plan);
/* The reference that the kept promise of `inv` will be. */
sim_hold *sim_hold_promised(sim_inv *inv, const char *path);
void sim_promise_drop(sim_inv *inv);
void sim_done(waldo_reader *result, const waldo_failure *failure, void *user);

/* A call that is being dispatched. */
typedef struct sim_dispatch {
	sim_object *object;
	sim_node *node;
	sim_inv *inv; /* NULL: a fake peer's */
	sim_link *link;
	unsigned side;
	waldo_call *call;
	sim_call *deferred;
} sim_dispatch;

sim_call *sim_call_defer(sim_dispatch *d);
sim_hold *sim_argument_keep(sim_dispatch *d, waldo_ref *ref);

/* `raise` (acts_drain.c), and how many calls of its peer's an end takes. */
void sim_raise(sim_dispatch *d);
uint32_t sim_open_calls(const sim_link *link, unsigned side);

/* `relay` (relay.c): passes its argument on to other nodes, and what comes
 * back home. */
void sim_relay(sim_dispatch *d, waldo_reader *args);
void sim_relay_answer(sim_call *call);
/* One that is to be sent, `deep` nodes beyond its target. */
sim_inv *sim_relay_new(sim_node *node, sim_hold *target, uint32_t deep,
                       sim_finish finish, sim_hold *arg);

bool sim_watch_room(sim_node *node, sim_hold *hold);

/* Keeps a reference that was lent; NULL for a NULL one. */
sim_hold *sim_hold_keep(sim_node *node, waldo_ref *ref);
sim_hold *sim_hold_own(sim_node *node, waldo_ref *ref); /* ... or given */
void sim_hold_give_back(sim_hold *hold);
void sim_hold_let_go(sim_hold *hold);      /* unless a watch keeps it */
sim_object *sim_hold_near(sim_hold *hold); /* NULL if it is not */
waldo_state sim_hold_state(sim_hold *hold);
sim_hold *sim_hold_pick(sim_node *node);
/* A far reference to something of `peer`'s; NULL if there is none. */
sim_hold *sim_hold_to(sim_node *node, const sim_node *peer);
sim_hold *sim_hold_in(sim_node *node, waldo_state state); /* one of these */
void sim_hold_connected(sim_node *node, sim_link *link, const char *host);
/* The reference to what `peer` publishes, anew; NULL if that failed. */
sim_hold *sim_connect(sim_node *node, sim_node *peer, int name);

/* ---- where references come from (origin.c) */

/* Prints it, for people. */
void sim_hold_explain(sim_hold *hold);
/* What it leads to; NULL: not known. */
sim_object *sim_hold_object(sim_hold *hold);
/* True if it is known to lead to its object through one session, hold->link;
 * others may go through proxies, also of the object's own node. */
bool sim_hold_is_direct(sim_hold *hold);
/* True if calls on it wait for nobody's answer. */
bool sim_hold_is_known(sim_hold *hold);
/* True if none of the calls that it is the result of, or may yet be, waits for
 * another: an answer that is the result of what waits for it never comes. */
bool sim_hold_is_sure(sim_hold *hold);
/* True if it was answered with itself, by way of others. */
bool sim_hold_is_knot(sim_hold *hold);
/* A result that is no reference to a new object breaks what was built on it,
 * with any code; so may one that leads on to another node, and what somebody
 * passed on that had it so. */
bool sim_hold_is_doubtful(sim_hold *hold);

sim_object *sim_object_new(sim_node *node, waldo_ref **ret_ref);
const waldo_class *sim_object_class(const sim_object *object);
void sim_object_revoked(sim_object *object); /* or is about to be */
extern const char *const sim_methods[SIM_PLANS];
void sim_call_answer(sim_call *call);
/* With the outcome of `next`, which is made. */
void sim_call_follow(waldo_call *call, sim_inv *inv, sim_inv *next);
/* With a reference to a new object, which is the caller's alone. */
void sim_reply_object(sim_node *node, sim_inv *inv, waldo_call *call);
void sim_call_ended(sim_object *object, sim_link *link, unsigned side);
void sim_on_cancel(waldo_call *waldo, void *user);
void sim_bytes_put(sim_node *node, waldo_writer *writer, uint32_t id,
                   size_t size);
void sim_bytes_fill(uint8_t *data, uint32_t id, size_t size);
bool sim_bytes_are(const uint8_t *data, size_t len, uint32_t id, size_t size);

/* ---- faults (fault.c, hostile.c) */

void sim_fault_any(sim_world *world);
void sim_faults_end(sim_world *world);
void sim_hostile_dial(sim_world *world, sim_node *node);
void sim_hostile_answer(sim_link *link);
void sim_hostile_hear(sim_link *link, unsigned side, const uint8_t *data,
                      size_t len);

/* ---- encrypted links (keys.c, race.c, spoil.c) */

waldo_key *sim_keys_begin(sim_node *node); /* who it is in this life */
void sim_keys_add(sim_node *node);
bool sim_node_has_key(const sim_node *node, unsigned number);
waldo_err sim_keys_remember(void *driver, const char *path, const char *line);
waldo_err sim_keys_recall(void *driver, const char *path, char **ret_text,
                          size_t *ret_len);
void sim_keys_ask(waldo_trust *trust, void *user);

waldo_err sim_race_connect(sim_node *node, sim_node *peer, const char *name,
                           waldo_ref **ret_ref, sim_link **ret_link);
waldo_err sim_race_connect_evil(sim_node *node, waldo_ref **ret_ref);
void sim_race_enter(sim_link *link, const waldoi_attempt *attempt);
void sim_race_arrives(sim_link *link);
void sim_race_won(sim_end *end);
void sim_race_lost(sim_link *link);
void sim_race_denied(sim_node *node, const waldo_trust *trust);

void sim_spoil_new(sim_link *link);
bool sim_spoil_one(sim_link *link);
size_t sim_spoil(sim_end *from, size_t len);

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
