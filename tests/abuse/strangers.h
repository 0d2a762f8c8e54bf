/* SPDX-License-Identifier: MIT */
/*
 * abuse/strangers.h - a flood of links that never prove who they are
 *
 * Raw sockets from many addresses of this machine, in a process of their own.
 * Those that the server closes come again, until arena->over.
 */
#ifndef WALDO_ABUSE_STRANGERS_H
#define WALDO_ABUSE_STRANGERS_H

#include "abuse/arena.h"

enum stranger_kind {
	SILENT,        /* connected */
	PREAMBLE,      /* and has said how it wants to talk */
	MESSAGE_1,     /* and begun: the server owes it products of X25519 */
	SLOWLY,        /* the same, a byte at a time, and never the last */
	STRANGER_KINDS /* so many */
};

struct flood {
	enum stranger_kind kind;
	unsigned count;   /* at a time */
	unsigned sources; /* from so many addresses; 0: from [::1] */
	unsigned rate;    /* new ones each second, */
	unsigned later;   /* and when so many have come */
};

extern const char *const stranger_names[STRANGER_KINDS];

/* False: the kernel does not give a process so many descriptors. */
bool flood_may_have(unsigned count);

/* arena->ready when all have come and said what they say, and were answered if
 * that is to be. Does not return. */
void flood_run(struct arena *arena, const struct flood *flood)
    __attribute__((noreturn));

#endif
