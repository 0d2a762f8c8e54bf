/* SPDX-License-Identifier: MIT */
/*
 * unit/settle_fixture.h - promises of a peer's that settle, and the flushes
 * behind what was called on them (PROTOCOL.md "Settling", P10)
 */
#ifndef WALDO_TEST_SETTLE_FIXTURE_H
#define WALDO_TEST_SETTLE_FIXTURE_H

#include "tests/unit/session_fixture.h"

/* The peer's next id; each test says where it begins. */
extern int next_call;

/* Fetches the gate, export -2; the next call is 3. */
void begin(struct session *s);

/* Has the node keep what `desc` says; its reference. */
waldo_ref *give(struct session *s, const char *desc);

/* Begins, and gives a promise of the peer's, -1, with a call on its way. The name `order` is
 * number 1 from here on. */
waldo_ref *give_used(struct session *s);

struct flush {
	int id;
	char token[40]; /* as text */
};

/* The next frame is a flush to `target`. */
struct flush take_flush(struct session *s, const char *target);

/* The peer passes the flush on to `target`, as its own call, byte for byte
 * (P42); its id. */
int forward(struct session *s, const struct flush *flush, const char *target);

/* The flush is back. */
void answer(struct session *s, const struct flush *flush);

/* order() has been called with 1 to `count`, in that order. */
void assert_order(const struct service *service, size_t count);

/* The gate of a node with these limits, in place of the fixture's. */
void reopen(struct session *s, const waldo_limits *limits);

#endif
