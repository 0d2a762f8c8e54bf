/* SPDX-License-Identifier: MIT */
/*
 * unit/credit_fixture.h - a session whose windows are small, and a peer that
 * counts what it has been sent
 */
#ifndef WALDO_TEST_CREDIT_FIXTURE_H
#define WALDO_TEST_CREDIT_FIXTURE_H

#include "tests/unit/session_fixture.h"

enum { KIB = 1024, FRAME = 64 * KIB, MAX_SEEN = 256 };

/* The node's limits: as small as they may be, so that a result and a half stop
 * its output until the peer acknowledges. */
waldo_limits small(void);

/* The setup opened a session with a node of the default limits: here is one
 * with others, and with a peer that says `hello`. */
void reopen(struct session *s, waldo_limits limits, const char *hello);

/* The same with PEER_HELLO, and the peer has fetched the gate, -2. */
void open_gate(struct session *s, waldo_limits limits);

/* A CALL, less its payload, which is [n, len bytes]. Returns `length`. */
size_t send_call(struct session *s, const char *head, int n, size_t len);

/* What the node has sent since the session began. */
extern struct seen {
	char texts[MAX_SEEN][64]; /* of numbered frames, as they begin */
	size_t count;
	uint64_t calls; /* their lengths, of CALLs */
	int credits;
	uint64_t total; /* as the last CREDIT said */
} seen;

/* Takes all that has come. */
void take(struct session *s);

/* The same, and acknowledges it, until nothing more comes. */
void read_on(struct session *s);

/* The first frame that begins so; seen.count if there is none. */
size_t find_seen(const char *start);
bool was_seen(const char *start);

#endif
