/* SPDX-License-Identifier: MIT */
/* The rules of the wire: what peers let each other use, and the end. */
#include "sim/wire.h"

#define KEY_WINDOW 5

static void
tell(sim_reading *f, uint64_t window, bool going)
{
	sim_news *news = sim_alloc(sizeof(*news));

	*news = (sim_news){f->at, window, going};
	sim_list_add(&f->wire->news, news);
}

void
sim_read_credit(sim_reading *f)
{
	uint64_t id = waldoi_cursor_uint(&f->c, SIM_MOST);
	uint64_t total = waldoi_cursor_uint(&f->c, SIM_MOST);

	sim_expect(f->world, SIM_CREDIT_RULE,
	           id == 0 && total >= f->wire->granted && !f->c.failed,
	           "link %u: CREDIT of %" PRIu64 " after %" PRIu64, f->link->id,
	           total, f->wire->granted);
	f->wire->granted = total;
	tell(f, total, false);
	f->world->stats->frames[SIM_CREDIT_FRAME]++;
}

static void
set_limit(sim_reading *f, uint64_t key, uint64_t value)
{
	uint64_t *limit = &f->wire->limits[key];

	if (f->wire->greeted) {
		sim_expect(f->world, SIM_LIMITS_RULE, value >= *limit,
		           "link %u: LIMITS has %" PRIu64 " for key %" PRIu64
		           ", HELLO or LIMITS had %" PRIu64,
		           f->link->id, value, key, *limit);
	}
	if (key == KEY_WINDOW) {
		f->wire->granted += value - *limit;
		tell(f, f->wire->granted, false);
	}
	*limit = value;
}

/* Of HELLO, and of LIMITS. */
void
sim_read_limits(sim_reading *f)
{
	uint32_t count = waldoi_cursor_map(&f->c);

	while (count-- > 0 && !f->c.failed) {
		uint64_t key = waldoi_cursor_uint(&f->c, SIM_MOST);

		if ((key >= 2 && key <= 7) || key == 10) {
			set_limit(f, key, waldoi_cursor_uint(&f->c, SIM_MOST));
		} else {
			waldoi_cursor_skip(&f->c);
		}
	}
}

/* ---- the end */

void
sim_read_goaway(sim_reading *f)
{
	sim_wire *peer = sim_wire_peer(f);

	f->wire->last = waldoi_cursor_uint(&f->c, SIM_MOST);
	sim_expect(f->world, SIM_GOAWAY_RULE,
	           !f->wire->going &&
	               f->wire->last <= (peer != NULL ? peer->numbered : 0),
	           "link %u: GOAWAY with last %" PRIu64 ", which cannot be",
	           f->link->id, f->wire->last);
	f->wire->going = true;
	tell(f, 0, true);
	for (unsigned i = 0; peer != NULL && i < peer->sent.count; i++) {
		sim_sent *sent = peer->sent.items[i];

		if (sent->frame > f->wire->last && sent->inv != NULL) {
			sent->inv->unwelcome = f->link;
		}
	}
	f->world->stats->frames[SIM_GOAWAY_FRAME]++;
}

/* Who dialled a link ends it when he has no use for it, perhaps at the moment
 * when his peer makes use of it. */
void
sim_link_ended_unused(sim_link *link)
{
	const sim_wire *wire = link->ends[0].wire;

	if (link->reused && wire != NULL && wire->ended) {
		link->touched = true;
		link->world->calm = false;
	}
}

/* P40, P28: what was taken is answered, if there was time. */
void
sim_read_bye(sim_reading *f)
{
	const sim_wire *peer = sim_wire_peer(f);
	const sim_node *node = f->end->node;

	f->wire->ended = true;
	sim_link_ended_unused(f->link);
	if (!f->wire->going || node->ended_one || node->freeing ||
	    sim_node_now(node) >= node->stop_by || peer == NULL) {
		return;
	}
	for (unsigned i = 0; i < peer->sent.count; i++) {
		const sim_sent *sent = peer->sent.items[i];

		sim_expect(f->world, SIM_DRAINED_RULE,
		           sent->id == 0 || sent->returned ||
		               sent->frame > f->wire->last,
		           "link %u: BYE before the grace is over, and call "
		           "%" PRId64 " was not answered",
		           f->link->id, sent->id);
	}
}

/* Nobody honest is told that he broke the protocol, nor that he read too
 * little (P39: his calls waited), unless answers to many came at once. */
void
sim_read_abort(sim_reading *f)
{
	uint64_t code = waldoi_cursor_uint(&f->c, SIM_MOST);

	sim_expect(f->world, SIM_HONEST_RULE, code != 1,
	           "link %u: ABORT because of the protocol", f->link->id);
	if (code == 2) {
		f->link->touched = true;
		f->world->calm = false;
	}
	sim_expect(f->world, SIM_PAUSE_RULE, code != 2 || f->link->passes_on,
	           "link %u: ABORT because of a limit", f->link->id);
}
