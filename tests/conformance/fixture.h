/* SPDX-License-Identifier: MIT */
/*
 * conformance/fixture.h - two nodes, a link, and objects that take notes
 *
 * A test holds the client's end of `gate`, a Service of the server. With the
 * transport "near" both are one node and `gate` is the object itself: what
 * holds for a far reference holds for a near one.
 *
 * Callbacks of the library only take notes (struct outcome, struct service);
 * tests assert in their bodies.
 */
#ifndef WALDO_CONFORMANCE_FIXTURE_H
#define WALDO_CONFORMANCE_FIXTURE_H

#include "tests/conformance/transport.h"
#include "tests/waldo_test.h"

#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#include <string.h>

enum {
	MAX_NODES = 3,
	MAX_SERVICES = 128,
	MAX_OUTCOMES = 512,
	MAX_HELD = 128,
	MAX_ORDER = 512
};

struct fixture;

/* What came of one call. */
struct outcome {
	struct fixture *f;
	int count;    /* how often it was settled */
	int sequence; /* when, among all that was noted */
	waldo_err code;
	waldo_fate fate;
	bool remote;
	char kind[64], message[512]; /* of the failure */
	waldo_type type;             /* of the result */
	int64_t integer;
	uint64_t uinteger;
	double number;
	char *text; /* also bytes; and a NUL behind them */
	size_t len;
	size_t count_in; /* of a list or map */
	waldo_ref *ref;  /* released by the teardown */
	waldo_err end;   /* what waldo_read_end() said */
};

/* An object with a method for each thing that a callee can do. */
struct service {
	struct fixture *f;
	waldo_node *node;
	bool made;
	int destroyed;
	int destroyed_at; /* sequence */
	int calls;        /* of all methods */
	waldo_call *held[MAX_HELD];
	size_t held_count;
	int cancelled;               /* calls of waldo_cancel_cb */
	waldo_ref *kept;             /* by keep() */
	waldo_ref *stored[MAX_HELD]; /* by store() */
	size_t stored_count;
	waldo_ref *target; /* not counted: itself, while it lives */
	int64_t order[MAX_ORDER];
	size_t order_count;
	uint32_t time_left; /* of the last hold() */
	bool is_near;       /* the last call's peer is "near:" */
	bool has_key;       /* and has proved who it is */
	bool has_binding;   /* nor has its link a name */
	uint8_t binding[32];
	uint8_t key[32];              /* that it had */
	const waldo_ref *perspective; /* of the last call; not counted */
};

struct fixture {
	waldo_node *server, *client, *third;
	waldo_listener *listener;
	char uri[512]; /* of the server, without a name */
	struct service *service;
	waldo_ref *service_ref; /* near, at the server */
	waldo_ref *gate;        /* as the client sees it */
	int sequence;
	struct service services[MAX_SERVICES];
	size_t service_count;
	struct outcome outcomes[MAX_OUTCOMES];
	size_t outcome_count;
};

extern const transport *wire;
extern const waldo_class service_class;

/* Nodes, a service published as "gate", and a reference to it. */
int setup(void **state);
int setup_nothing(void **state);
int teardown(void **state);
void fixture_open(struct fixture *f, const waldo_limits *server,
                  const waldo_limits *client);
/* The same with nodes that are there. */
void fixture_join(struct fixture *f);
waldo_node *node_new(const waldo_limits *limits);

/* Frees a node before the teardown does. */
void node_free(waldo_node **node);

/* A new service, and the one reference to it that is the caller's. */
struct service *service_new(struct fixture *f, waldo_node *node,
                            waldo_ref **ret_ref);

/* Ends the oldest call that is held. */
void service_answer(struct service *service, int value);
void service_answer_ref(struct service *service, waldo_ref *ref);

/* Where the outcome of `promise`, which is taken, will be noted. */
struct outcome *watch_outcome(struct fixture *f, waldo_promise *promise);
struct outcome *outcome_new(struct fixture *f);
waldo_done_cb note_outcome;

/* The same, and waits for it. */
struct outcome *outcome_of(struct fixture *f, waldo_promise *promise);

void pump(struct fixture *f);

/* All that was sent before has been dealt with, in both directions. */
void barrier(struct fixture *f);

#define until(f, condition)                                                    \
	do {                                                                   \
		uint64_t give_up = wire->now_ms() + 5000;                      \
		while (!(condition)) {                                         \
			if (wire->now_ms() > give_up) {                        \
				fail_msg("not within 5 s: %s", #condition);    \
			}                                                      \
			pump(f);                                               \
		}                                                              \
	} while (0)

#define assert_failed(got, want_code, want_fate)                               \
	do {                                                                   \
		const struct outcome *seen = (got);                            \
		assert_int_equal(seen->count, 1);                              \
		assert_err(seen->code, want_code);                             \
		assert_int_equal(seen->fate, want_fate);                       \
	} while (0)

/* For a call that the callee refused: it answered, so that it may have run;
 * unless both ends are this node, which knows that it has not. */
#define assert_refused(got, want_code)                                         \
	do {                                                                   \
		const struct outcome *seen = (got);                            \
		assert_int_equal(seen->count, 1);                              \
		assert_err(seen->code, want_code);                             \
		assert_true(seen->fate == WALDO_EXECUTED ||                    \
		            (wire->is_near && seen->fate == WALDO_NOT_SENT));  \
	} while (0)

#define assert_integer(got, want)                                              \
	do {                                                                   \
		const struct outcome *seen = (got);                            \
		assert_string_equal(seen->message, "");                        \
		assert_ok(seen->code);                                         \
		assert_int_equal(seen->integer, want);                         \
	} while (0)

/* Suites that hold for near references too, and those that need a wire. */
#define SUITE(name)                                                            \
	extern const struct CMUnitTest name##_tests[];                         \
	extern const size_t name##_count
SUITE(values);
SUITE(calls);
SUITE(pipelining);
SUITE(cancelling);
SUITE(deadlines);
SUITE(reentrancy);
SUITE(revoking);
SUITE(facets);
SUITE(views);
SUITE(vines);
SUITE(references);
SUITE(release);
SUITE(sessions);
SUITE(naming);
SUITE(watching);
SUITE(limits);
SUITE(credit);
SUITE(misuse);
SUITE(settling);
SUITE(relaying);
SUITE(balance);
SUITE(draining);
SUITE(strangers);

#define END_SUITE(name)                                                        \
	const size_t name##_count = sizeof(name##_tests) / sizeof(*name##_tests)

#endif
