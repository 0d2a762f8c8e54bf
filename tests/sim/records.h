/* SPDX-License-Identifier: MIT */
/*
 * sim/records.h - what is written down of objects, references and calls
 */
#ifndef WALDO_SIM_RECORDS_H
#define WALDO_SIM_RECORDS_H

#include "sim/net.h"
#include <waldo/object.h>

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
	unsigned serial, incarnation;
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
	bool own;      /* an object of this node, from the beginning */
	bool immortal; /* a watch without a handle keeps it */
	bool proxy; /* a promise, or passed on by others: equals itself alone */
	bool tied;  /* a promise that is answered with itself, in a circle */
	uint32_t next_seq;
	uint32_t last_seq; /* dispatched */
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
	SIM_RELAY,
	SIM_BOUNCE,
	SIM_RAISE,
	SIM_PULL,
	SIM_PLANS,   /* those above are in the table */
	SIM_DYNAMIC, /* any name, taken by `other` if the class has it */
	SIM_UNKNOWN, /* no such method */
	SIM_PING     /* the library's own */
} sim_plan;

/* How `relay` answers at the last node. */
typedef enum sim_finish {
	SIM_NEW,    /* a new object */
	SIM_ARG,    /* the argument that came all the way */
	SIM_OTHER,  /* something that this node holds, pending perhaps */
	SIM_DEFER,  /* later, by any of these */
	SIM_BROKEN, /* a broken reference */
	SIM_ERROR,
	SIM_FINISHES
} sim_finish;

/* How the nodes before it answer. */
typedef enum sim_way {
	SIM_FOLLOW,  /* with the outcome of the call that they make */
	SIM_PROMISE, /* at once, with the promise of its result */
	SIM_AWAIT,   /* with its result, when that is there */
	SIM_WAYS,
	SIM_ANY_WAY
} sim_way;

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
	bool vague;           /* its arguments may not get through */
	uint64_t began;       /* by the world's clock */
	uint64_t made_at;     /* by the caller's */
	uint64_t deadline;    /* by the caller's clock; 0: none */
	sim_hold *arg;        /* the reference that was passed */
	bool passed_promise;  /* it, or the result, was pending */
	uint32_t size;        /* of a big payload, of the time to block */
	uint32_t deep, again; /* relay: how far it goes, and how often then */
	sim_finish finish;
	sim_way way;
	sim_hold *tie;  /* relay: what it is answered with, at the callee */
	unsigned upset; /* world->upsets when it was made */
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
	sim_end *leg;        /* who sent it last */
	unsigned hops;       /* how often it was forwarded, by what was seen */
	sim_link *unwelcome; /* reached a node there that goes away: not run */
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
	unsigned side;      /* of the link whose node called */
	sim_inv *waits;     /* answered by that one's outcome; NULL: any time */
	sim_hold *arg;      /* what came with it; NULL: nothing, or not kept */
	sim_hold *promised; /* the result of what it waits for */
	bool returned, answered;
	unsigned cancels;
};

/* A watch of a reference, or a timer. */
typedef struct sim_watch {
	sim_hold *hold;
	waldo_watch *handle;
	unsigned up, broken;
	bool stopped, room;
	uint64_t due;
	sim_node *node;
	unsigned incarnation;
} sim_watch;

#endif
