/* SPDX-License-Identifier: MIT */
/*
 * world/world.h - nodes that run out of memory, and what must hold even then
 *
 * A scenario acts in a world of up to three nodes. Everything that it starts
 * is noted, in memory that is not the library's: calls and what came of them,
 * how often a method ran for each, bytes that were lent, watches, objects.
 * Nothing here may rely on success, since any allocation may fail.
 */
#ifndef WALDO_WORLD_WORLD_H
#define WALDO_WORLD_WORLD_H

#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

enum {
	MAX_OUTCOMES = 64,
	MAX_LOANS = 16,
	MAX_WATCHES = 16,
	MAX_SERVICES = 64,
	MAX_HELD = 16,
	BIG = 100 * 1000 /* bytes; more than is ever copied */
};

struct world;

/* One call, from both ends. */
struct outcome {
	struct world *w;
	int number;      /* the first argument of most methods */
	bool registered; /* the promise was there, so it must be settled */
	bool unseen;     /* whether it has a result does not say that it ran */
	bool not_ours;   /* made by a service; only its runs are counted */
	bool at_end;     /* only the end of its node settles it */
	int settled, runs;
	waldo_err want; /* what comes of it while memory lasts */
	waldo_err code;
	waldo_fate fate;
	waldo_ref *ref; /* of the result */
};

struct loan {
	struct world *w;
	int done;
};

struct watch {
	struct world *w;
	bool registered, stopped;
	int told; /* of the break, of room, or of the time */
	waldo_watch *handle;
};

struct service {
	struct world *w;
	waldo_node *node;
	bool made;
	int destroyed, cancelled;
};

struct world {
	bool near;     /* client and server are one node */
	bool stopping; /* the server must come to its end */
	bool broken;   /* a node has logged that its peer broke the protocol */
	waldo_node *server, *client, *third;
	char uri[512];          /* of the server, without a name */
	waldo_ref *service;     /* near, at the server */
	waldo_ref *gate;        /* the same, as the client sees it */
	waldo_ref *kept;        /* by the method keep() */
	waldo_ref *hand;        /* what a scenario goes on with */
	waldo_promise *promise; /* likewise */

	/* Called by each callback, of `node` if that is known; NULL: nothing. */
	void (*interrupt)(struct world *w, waldo_node *node);
	waldo_call *held[MAX_HELD];
	size_t held_count, outcome_count, loan_count, watch_count;
	size_t service_count;
	struct outcome outcomes[MAX_OUTCOMES];
	struct loan loans[MAX_LOANS];
	struct watch watches[MAX_WATCHES];
	struct service services[MAX_SERVICES];
};

/* The server listens at `address`, and the client holds its gate; NULL: both
 * are one node. */
void world_open(struct world *w, const char *address);

/* One of the two alone, in a world that is empty: the server, false if it
 * cannot listen; and the client, of whoever listens at w->uri. */
bool world_open_server(struct world *w, const char *address);
void world_open_client(struct world *w);

/* Has the server listen and publish its gate; false if it cannot. */
bool world_serve(struct world *w, const char *address);

/* Lets time pass until every call that can end has ended. */
void world_settle(void);

/* Gives everything back while the nodes live; NULL, or what they keep of it
 * all the same. */
const char *world_release(struct world *w);

/* Ends the nodes, and then whatever the world still holds. */
void world_close(struct world *w);

/* What a world that was settled, and one that was closed, must be like; NULL,
 * or what is wrong. With `failed` false everything must have come as wanted. */
const char *world_check_settled(const struct world *w, bool failed);
const char *world_check_closed(const struct world *w);

/* Releases all that it holds but the gate. */
void world_release_refs(struct world *w);

/* What each callback does first: what w->interrupt says. */
void world_interrupt(struct world *w, waldo_node *node);

/* Bytes go around, no time passes. */
void pump(void);

/* NULL if memory ran out. */
waldo_node *node_new(struct world *w);
waldo_ref *service_new(struct world *w, waldo_node *node);

/* Another reference to the server's gate; NULL if `node` cannot have one. */
waldo_ref *gate_of(const struct world *w, waldo_node *node);

/* Answers the calls that hold() has deferred, with the service. */
void answer_held(struct world *w);

/* The same, with `ref`. */
void answer_held_with(struct world *w, waldo_ref *ref);

/* A call that is about to be made; `want` is its outcome while memory lasts. */
struct outcome *expect(struct world *w, waldo_err want);

/* The call was made: takes `promise`. */
void watch_outcome(struct outcome *outcome, waldo_promise *promise);

/* Makes one, of a method that wants nothing but its number. */
struct outcome *ask(struct world *w, waldo_ref *ref, const char *method,
                    waldo_err want);

/* The server calls an object of the client's back. */
void pass_a_callback(struct world *w);

/* Puts bytes that are lent, at most BIG. */
void lend(struct world *w, waldo_writer *writer, size_t len);

void watch_ref(struct world *w, waldo_ref *ref);
void watch_room(struct world *w, waldo_ref *ref);
void watch_time(struct world *w, waldo_node *node, uint32_t delay_ms);

/* Nothing need be told any more. */
void stop_watches(struct world *w);

#endif
