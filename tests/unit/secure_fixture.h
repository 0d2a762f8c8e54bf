/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/secure_fixture.h - two encrypted channels in memory
 *
 * Each end has a session that only remembers what came and has bytes to send,
 * and an owner that does as it is told. All that is random is a counter, so
 * that a conversation can be had again, byte for byte. Nothing here asserts:
 * fuzz targets use it too.
 */
#ifndef WALDO_SECURE_FIXTURE_H
#define WALDO_SECURE_FIXTURE_H

#include "broker/channel/secure.h"

struct bytes {
	uint8_t *data;
	size_t len, cap;
};

void bytes_add(struct bytes *bytes, const void *data, size_t len);
void bytes_fini(struct bytes *bytes);

/* What a channel takes for its session. */
struct waldoi_session {
	struct bytes out; /* to be sent */
	size_t out_sent;
	size_t piece; /* given in pieces of so many bytes; 0: one */
	struct bytes in;
	uint8_t *space; /* where a large frame is awaited */
	size_t space_len;
	unsigned inputs, received, signs, opened, sent_0, lost;
	waldo_err broken;
	const char *why_broken;
	waldo_err why_lost;
	char lost_message[256];
	bool busy; /* does not want input */
};

struct end {
	waldoi_channel channel;
	struct waldoi_session session;
	waldoi_sealer *sealer;
	waldoi_keypair keys[2];
	uint8_t psk[WALDOI_KEY];
	uint8_t seed;
	unsigned accepted; /* patterns, as bits */
	const char *payload;
	waldoi_verdict verdict, afforded;
	/* What came of it. */
	unsigned met, asked; /* asked: for a key */
	uint8_t key[WALDOI_KEY];
	struct bytes said;
	waldo_err failed;
	const char *why;
	struct bytes wire; /* all that it has sent */
};

/* Keys and policy, not the channel: [0] dials [1], which accepts everything.
 * False: no memory. */
bool ends_init(struct end ends[2]);
void ends_fini(struct end ends[2]);

/* The channels. With their sessions, the responder's too when it has met the
 * initiator. */
bool ends_open(struct end ends[2], waldoi_pattern pattern);

/* With a dialler's keys that are not right. */
bool end_dial(struct end *end, const waldoi_dial_keys *dial);
bool end_accept(struct end *end);

/* Takes all that the end has to send, as a kernel would that takes `most`
 * bytes at a time; returns how much. It is added to end->wire. */
size_t end_take(struct end *end, size_t most);

/* Bytes come, `chunk` at a time; 0: all at once. */
void end_give(struct end *end, const uint8_t *data, size_t len, size_t chunk);

/* Until neither has more to send. */
void ends_settle(struct end ends[2], size_t chunk);

/* The session has this to send. */
void end_say(struct end *end, const void *data, size_t len);

/* All of the other's words have come. */
bool end_heard(const struct end *end, const struct end *other);

#endif
