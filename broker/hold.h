/* SPDX-License-Identifier: MIT */
/*
 * broker/hold.h - a reference that has settled, while calls are on their way
 *
 * What calls were made on by one path has turned out to be reached by another.
 * Those that are made now would overtake them; so they wait in `place`, a
 * pending reference, until a flush came back over the old path (PROTOCOL.md
 * P10, P11). Then `place` becomes what it is to be.
 */
#ifndef WALDOI_HOLD_H
#define WALDOI_HOLD_H

#include "broker/pending.h"

#define WALDOI_TOKEN 16 /* bytes */

typedef struct waldoi_hold {
	LIST_ENTRY(waldoi_hold) entry; /* of the node's */
	waldoi_pending *place;         /* retained; NULL once it is lifted */
	waldo_ref *target;             /* retained; likewise */
	uint8_t token[WALDOI_TOKEN];   /* by which the flush is known */
} waldoi_hold;

/* NULL without memory. */
waldoi_hold *waldoi_hold_new(waldo_node *node, waldo_ref *target);

/* Lifts it when the flush is answered, and frees it. Takes `flush`. */
void waldoi_hold_until(waldoi_hold *hold, waldo_promise *flush);

/* Nothing is on its way: lifts and frees it at once. */
void waldoi_hold_lift(waldoi_hold *hold);

/* A flush waits in `pending`. If it is that of a hold whose place this is, the
 * old path leads back to where it began: then the place breaks, and with it
 * what waits there (PROTOCOL.md P12). */
void waldoi_hold_break(waldoi_pending *pending, const waldoi_message *args);

/* A flush has come to an object of ours in its turn. If it is our own, there
 * is no need to wait for its answer. Borrows. */
void waldoi_holds_see(waldo_node *node, const waldoi_message *args);

#endif
