/* SPDX-License-Identifier: MIT */
/*
 * broker/session/dialling.h - the inside of dialling
 *
 * dial.c tries places and keys; trust.c knows whose keys are remembered, and
 * asks about the others.
 */
#ifndef WALDOI_DIALLING_H
#define WALDOI_DIALLING_H

#include "broker/identity.h"
#include "broker/known_hosts.h"
#include "broker/session/dial.h"

/* A key that is tried at a place. */
typedef struct waldoi_attempt {
	LIST_ENTRY(waldoi_attempt) entry;
	struct waldoi_dialling *dialling;
	waldoi_link *link;  /* NULL once it is the session's or gone */
	const uint8_t *key; /* that it must have; NULL: it is asked */
	const char *place;
	bool closing;
	bool denied;    /* why is noted */
	waldoi_job job; /* to close the link */
} waldoi_attempt;

typedef struct waldoi_dialling waldoi_dialling;

struct waldoi_dialling {
	waldoi_session *session;
	waldoi_uri uri;
	/* The peer's keys, the most likely first; none: it is asked. */
	uint8_t keys[1 + WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	size_t key_count;
	size_t next; /* place and key: next / keys, next % keys */
	LIST_HEAD(, waldoi_attempt) attempts;
	waldoi_attempt *winner; /* whose link the session has */
	waldoi_timer stagger;
	waldoi_failure *why; /* the best explanation so far */
	waldo_trust *question;
	bool asking;            /* the user's callback runs */
	waldoi_verdict verdict; /* that it gave there */
	waldoi_keypair own;     /* for this session, if the node has none; its
	                     * secret half is `secret` */
	uint8_t secret[WALDO_KEY_BYTES];
};

struct waldo_trust {
	waldoi_dialling *dialling; /* NULL: it has been given up */
	waldo_node *node;          /* NULL: it was freed */
	LIST_ENTRY(waldo_trust) entry;
	uint8_t key[WALDO_KEY_BYTES];
	/* What it announces, which counts when it is accepted. */
	uint8_t next[WALDOI_MAX_KEYS][WALDO_KEY_BYTES];
	size_t next_count;
	char place[WALDOI_MAX_ADDRESS];
};

static inline waldo_node *
waldoi_dialling_node(const waldoi_dialling *dialling)
{
	return dialling->session->node;
}

/* Why this one will not do; takes `failure`. */
void waldoi_dial_deny(waldoi_attempt *attempt, waldoi_failure *failure);

/* Its link is the session's; the others are too late. */
void waldoi_dial_win(waldoi_attempt *attempt);

/* What is remembered, malloc'ed; nothing if there is no file, or none of use.
 */
waldo_err waldoi_trust_recall(waldo_node *node, char **ret_text,
                              size_t *ret_len) WALDO_MUST_CHECK;

/* The keys of all places of a URI without one are remembered. */
bool waldoi_trust_knows(waldo_node *node, const waldoi_uri *uri);

/* A host that was asked for its key shows this one: it must be the one that is
 * remembered; if none is the user is asked, and the attempt has won. */
waldoi_verdict waldoi_trust_look_up(waldoi_attempt *attempt,
                                    const uint8_t *key);

/* Remembers what the peer says it will be, as far as it is news and not more
 * than counts, when its key is accepted. False: it is malformed. */
bool waldoi_trust_learn_next(waldoi_dialling *dialling, const uint8_t *key,
                             const uint8_t *payload, size_t len);

#endif
