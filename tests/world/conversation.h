/* SPDX-License-Identifier: MIT */
/*
 * world/conversation.h - two nodes that say all that there is to say
 *
 * In steps, each the act of one side, so that one side can also be played
 * alone, to a recording of the other's bytes.
 */
#ifndef WALDO_WORLD_CONVERSATION_H
#define WALDO_WORLD_CONVERSATION_H

#include "world/world.h"

enum side { CLIENT, SERVER, SIDES };

struct step {
	const char *name;
	enum side side;
	void (*act)(struct world *w);
	uint32_t ms; /* that pass afterwards; 0: what is said is answered */
	bool dials;  /* a link of its own begins */
};

extern const struct step conversation[];
extern const size_t conversation_steps;

/* Those from one name to another. */
void converse_from(struct world *w, const char *first, const char *last);

#endif
