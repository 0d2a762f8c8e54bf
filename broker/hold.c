/* SPDX-License-Identifier: MIT */
#include "broker/hold.h"

#include <stdlib.h>
#include <string.h>

waldoi_hold *
waldoi_hold_new(waldo_node *node, waldo_ref *target)
{
	waldoi_hold *hold = malloc(sizeof(*hold));

	if (hold == NULL) {
		return NULL;
	}
	hold->place = waldoi_pending_new(node);
	if (hold->place == NULL) {
		free(hold);
		return NULL;
	}
	hold->target = waldo_ref_retain(target);
	hold->place->awaits = target;
	node->driver->random(node->driver_data, hold->token,
	                     sizeof(hold->token));
	LIST_INSERT_HEAD(&node->holds, hold, entry);
	return hold;
}

static void
lift(waldoi_hold *hold, waldoi_failure *failure)
{
	waldoi_pending *place = hold->place;
	waldo_ref *target = hold->target;

	if (place == NULL) {
		return; /* our own token came back before its answer */
	}
	hold->place = NULL;
	hold->target = NULL;
	place->awaits = NULL;
	waldoi_pending_settle(place, target, failure);
	waldo_ref_release(&place->ref);
	waldo_ref_release(target);
}

static void
end(waldoi_hold *hold, waldoi_failure *failure)
{
	LIST_REMOVE(hold, entry);
	lift(hold, failure);
	free(hold);
}

void
waldoi_hold_lift(waldoi_hold *hold)
{
	end(hold, NULL);
}

static void
flushed(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	end(user, failure == NULL ? NULL : waldoi_failure_of(failure));
}

void
waldoi_hold_until(waldoi_hold *hold, waldo_promise *flush)
{
	if (waldo_promise_when(flush, flushed, hold) != WALDO_OK) {
		waldoi_failure *failure = waldoi_failure_new(
		    WALDO_ENOMEM, WALDO_NOT_SENT, "out of memory");

		end(hold, failure);
		waldoi_failure_release(failure);
	}
}

/* Ours, by its token; NULL if it is none. */
static waldoi_hold *
find(waldo_node *node, const waldoi_message *args)
{
	/* A list of 16 bytes, as waldo_put_bytes() packs it. */
	const uint8_t head[] = {0x91, 0xc4, WALDOI_TOKEN};
	waldoi_hold *hold;

	if (args->len != sizeof(head) + WALDOI_TOKEN ||
	    memcmp(args->body, head, sizeof(head)) != 0) {
		return NULL;
	}
	LIST_FOREACH(hold, &node->holds, entry) {
		if (memcmp(args->body + sizeof(head), hold->token,
		           WALDOI_TOKEN) == 0) {
			return hold;
		}
	}
	return NULL;
}

void
waldoi_holds_see(waldo_node *node, const waldoi_message *args)
{
	waldoi_hold *hold = find(node, args);

	if (hold != NULL) {
		lift(hold, NULL);
	}
}

void
waldoi_hold_break(waldoi_pending *pending, const waldoi_message *args)
{
	waldoi_hold *hold = find(pending->ref.node, args);
	waldoi_failure *loop;

	if (hold == NULL || hold->place != pending) {
		return;
	}
	loop = waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
	                          "the reference was resolved to itself");
	waldo_ref_release(hold->target);
	hold->target = NULL;
	lift(hold, loop);
	waldoi_failure_release(loop);
}
