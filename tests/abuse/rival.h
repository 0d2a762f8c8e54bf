/* SPDX-License-Identifier: MIT */
/* abuse/rival.h - what else the server has to do: hostile peers, honest ones */
#ifndef WALDO_ABUSE_RIVAL_H
#define WALDO_ABUSE_RIVAL_H

#include "abuse/arena.h"

/* What the limits grant a peer whatever it has sent, or let bytes of its
 * occupy: which of them an attack is after. */
enum {
	GRANT_CALLS = 1,   /* open_calls */
	GRANT_OBJECTS = 2, /* exports */
	GRANT_REPLIES = 4, /* queued_bytes and retained_bytes, up to
	                    * total_bytes: they were asked for */
	ROOM_WINDOW = 8,   /* call_window */
	ROOM_PARKED = 16,  /* parked_bytes */
	ROOM_MESSAGE = 32, /* message_bytes, for each link */
	ROOM_NAMES = 64    /* names */
};

/* The honest peers that do the same work: nothing; small one-way calls, as fast
 * as the window lets them go; calls as large as may be; a few calls now and
 * then, on many links. */
enum reference { IDLE, BUSY, LARGE, CROWD, REFERENCES };

struct rival {
	const char *name;                 /* a sentence */
	const char *tag;                  /* for the table */
	void (*run)(struct arena *arena); /* until arena->over */
	enum reference as;
	unsigned links;   /* at a time; MANY: as many as the limits allow */
	unsigned takes;   /* GRANT_, ROOM_ */
	const char *says; /* what the log or an error names; NULL: all that it
	                   * does is allowed */
};

enum { MANY = 0 };

extern const struct rival references[REFERENCES];
extern const struct rival attacks[];
extern const unsigned attack_count;

/* How many links MANY is. */
unsigned rival_many(const struct arena *arena);

#endif
