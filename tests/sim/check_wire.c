/* SPDX-License-Identifier: MIT */
/* The rules of the wire, between two honest nodes. */
#include "sim/wire.h"

enum {
	CALL = 1,
	RETURN = 2,
	RESOLVE = 3,
	DROP = 4,
	CANCEL = 5,
	CREDIT = 6,
	GOAWAY = 8,
	LIMITS = 9
};

enum { HELLO = 0, BYE = 9, ABORT = 10 };

#define MOST_HOPS  16
#define KEY_WINDOW 5
#define MOST       ((UINT64_C(1) << 53) - 1)

/* The frame that is looked at. */
typedef struct frame {
	sim_world *world;
	sim_link *link;
	sim_end *end;
	sim_wire *wire;
	waldoi_cursor c;
	size_t length; /* of kind and body */
	uint64_t at;   /* the link's bytes up to its end */
} frame;

static sim_wire *
peer_of(const frame *f)
{
	return sim_end_peer(f->end)->wire;
}

static void
tell(frame *f, uint64_t window, bool going)
{
	sim_news *news = sim_alloc(sizeof(*news));

	*news = (sim_news){f->at, window, going};
	sim_list_add(&f->wire->news, news);
}

/* ---- promises */

static sim_given *
find_given(const sim_wire *wire, int64_t id)
{
	for (unsigned i = wire->given.count; i-- > 0;) {
		sim_given *given = wire->given.items[i];

		if (given->id == id) {
			return given;
		}
	}
	return NULL;
}

static void
note_promise(frame *f, int64_t id)
{
	sim_given *given = find_given(f->wire, id);

	sim_expect(f->world, SIM_RESOLVE_RULE,
	           given == NULL || !given->resolved,
	           "link %u: promise %" PRId64 " is mentioned after RESOLVE",
	           f->link->id, id);
	if (given == NULL) {
		given = sim_alloc(sizeof(*given));
		given->id = id;
		sim_list_add(&f->wire->given, given);
	}
	f->world->stats->frames[SIM_PROMISE_FRAME]++;
}

/* Returns its code. */
static uint64_t
read_descriptor(frame *f)
{
	uint32_t count = waldoi_cursor_array(&f->c);
	uint64_t code = waldoi_cursor_uint(&f->c, MOST);
	uint32_t left = count > 0 ? count - 1 : 0;

	if (code == 1 && left == 1) {
		note_promise(f, waldoi_cursor_int(&f->c));
		return code;
	}
	while (left-- > 0) {
		waldoi_cursor_skip(&f->c);
	}
	return code;
}

static void
read_descriptors(frame *f)
{
	uint32_t count = waldoi_cursor_array(&f->c);

	while (count-- > 0 && !f->c.failed) {
		(void) read_descriptor(f);
	}
}

/* P12: once, and never to what may change again. */
static void
read_resolve(frame *f)
{
	int64_t id = waldoi_cursor_int(&f->c);
	sim_given *given = find_given(f->wire, id);
	uint64_t code;

	sim_expect(f->world, SIM_RESOLVE_RULE,
	           given != NULL && !given->resolved,
	           "link %u: RESOLVE of %" PRId64 ", which %s", f->link->id, id,
	           given == NULL ? "was no promise" : "had one");
	if (given != NULL) {
		given->resolved = true;
	}
	code = read_descriptor(f);
	sim_expect(f->world, SIM_RESOLVE_RULE, code != 1,
	           "link %u: RESOLVE of %" PRId64 " to another promise",
	           f->link->id, id);
	f->world->stats->frames[SIM_RESOLVE_FRAME]++;
}

/* ---- calls */

/* Which invocation it is for, by its arguments. */
static sim_inv *
read_inv(frame *f)
{
	uint32_t count = waldoi_cursor_array(&f->c);
	uint64_t id = count > 0 ? waldoi_cursor_uint(&f->c, MOST) : 0;

	if (f->c.failed || id == 0 || id > f->world->invs.count) {
		return NULL;
	}
	return f->world->invs.items[id - 1];
}

static uint64_t
read_hops(frame *f)
{
	uint32_t count = waldoi_cursor_map(&f->c);
	uint64_t hops = 0;

	while (count-- > 0 && !f->c.failed) {
		uint64_t key = waldoi_cursor_uint(&f->c, MOST);

		if (key == 5) {
			hops = waldoi_cursor_uint(&f->c, MOST);
		} else {
			waldoi_cursor_skip(&f->c);
		}
	}
	return hops;
}

/* True if it is the flush: number 0. */
static bool
read_method(frame *f)
{
	bool flush = waldoi_cursor_peek(&f->c) == 0;

	waldoi_cursor_skip(&f->c);
	return flush;
}

/* Made when its node knew already; what stood in the queue then still goes. */
static bool
is_too_late(const frame *f, const sim_sent *sent)
{
	return f->wire->heard_going > 0 && sent->inv != NULL &&
	       sent->inv->hops == 0 && sent->inv->began > f->wire->heard_going;
}

/* P38: bytes, P40: nothing but flushes for whom goes away. */
static void
check_sending(frame *f, const sim_sent *sent)
{
	const sim_wire *peer = peer_of(f);

	f->wire->call_bytes += f->length;
	sim_expect(
	    f->world, SIM_WINDOW_RULE, f->wire->call_bytes <= f->wire->window,
	    "link %u: %" PRIu64 " bytes of calls, %" PRIu64 " were granted",
	    f->link->id, f->wire->call_bytes, f->wire->window);
	if (peer != NULL && peer->going && !sent->flush) {
		sim_expect(f->world, SIM_GOAWAY_RULE, !is_too_late(f, sent),
		           "link %u: a call to a node that is known to go away",
		           f->link->id);
		if (sent->inv != NULL) {
			sent->inv->unwelcome = f->link;
		}
	}
}

/* Who passes calls on cannot say when their answers come. */
static void
note_leg(frame *f, sim_inv *inv, unsigned hops)
{
	if (inv->leg != NULL && hops > 0) {
		inv->leg->link->passes_on = true;
	}
	inv->leg = f->end;
	inv->hops = hops > inv->hops ? hops : inv->hops;
}

static void
read_call(frame *f)
{
	sim_sent *sent = sim_alloc(sizeof(*sent));
	uint64_t hops;

	if (waldoi_cursor_is_nil(&f->c)) {
		waldoi_cursor_nil(&f->c);
	} else {
		sent->id = waldoi_cursor_int(&f->c);
	}
	sent->frame = f->wire->numbered;
	waldoi_cursor_skip(&f->c); /* the target */
	sent->flush = read_method(f);
	read_descriptors(f);
	hops = read_hops(f);
	sim_expect(f->world, SIM_HOPS_RULE, hops <= MOST_HOPS && !f->c.failed,
	           "link %u: a call with %" PRIu64 " hops", f->link->id, hops);
	sent->inv = sent->flush ? NULL : read_inv(f);
	if (sent->inv != NULL) {
		note_leg(f, sent->inv, (unsigned) hops);
	}
	sim_list_add(&f->wire->sent, sent);
	check_sending(f, sent);
	f->world->stats->frames[SIM_CALL_FRAME]++;
	f->world->stats->frames[SIM_FLUSH_FRAME] += sent->flush;
}

static void
read_return(frame *f)
{
	int64_t id = waldoi_cursor_int(&f->c);
	uint64_t status = waldoi_cursor_uint(&f->c, MOST);
	sim_wire *peer = peer_of(f);
	sim_sent *sent = NULL;

	waldoi_cursor_skip(&f->c); /* keep */
	for (unsigned i = peer != NULL ? peer->sent.count : 0; i-- > 0;) {
		sent = peer->sent.items[i];
		if (sent->id == id) {
			break;
		}
		sent = NULL;
	}
	sim_expect(f->world, SIM_ANSWER_RULE, sent != NULL && !sent->returned,
	           "link %u: RETURN of %" PRId64 ", which %s", f->link->id, id,
	           sent == NULL ? "was not called" : "had one");
	if (sent != NULL) {
		sent->returned = true;
		/* Order starts anew where a flush has failed. */
		f->world->upsets += sent->flush && status != 0;
	}
	read_descriptors(f);
	f->world->stats->frames[SIM_RETURN_FRAME]++;
}

/* ---- limits */

static void
read_credit(frame *f)
{
	uint64_t id = waldoi_cursor_uint(&f->c, MOST);
	uint64_t total = waldoi_cursor_uint(&f->c, MOST);

	sim_expect(f->world, SIM_CREDIT_RULE,
	           id == 0 && total >= f->wire->granted && !f->c.failed,
	           "link %u: CREDIT of %" PRIu64 " after %" PRIu64, f->link->id,
	           total, f->wire->granted);
	f->wire->granted = total;
	tell(f, total, false);
	f->world->stats->frames[SIM_CREDIT_FRAME]++;
}

static void
set_limit(frame *f, uint64_t key, uint64_t value)
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
static void
read_limits(frame *f)
{
	uint32_t count = waldoi_cursor_map(&f->c);

	while (count-- > 0 && !f->c.failed) {
		uint64_t key = waldoi_cursor_uint(&f->c, MOST);

		if ((key >= 2 && key <= 7) || key == 10) {
			set_limit(f, key, waldoi_cursor_uint(&f->c, MOST));
		} else {
			waldoi_cursor_skip(&f->c);
		}
	}
}

/* ---- the end */

static void
read_goaway(frame *f)
{
	sim_wire *peer = peer_of(f);

	f->wire->last = waldoi_cursor_uint(&f->c, MOST);
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

/* P40, P28: what was taken is answered, if there was time. */
static void
read_bye(frame *f)
{
	const sim_wire *peer = peer_of(f);
	const sim_node *node = f->end->node;

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
static void
read_abort(frame *f)
{
	uint64_t code = waldoi_cursor_uint(&f->c, MOST);

	sim_expect(f->world, SIM_HONEST_RULE, code != 1,
	           "link %u: ABORT because of the protocol", f->link->id);
	if (code == 2) {
		f->link->touched = true;
		f->world->calm = false;
	}
	sim_expect(f->world, SIM_PAUSE_RULE, code != 2 || f->link->passes_on,
	           "link %u: ABORT because of a limit", f->link->id);
}

/* ---- all */

static void
read_op(frame *f)
{
	uint64_t op;

	f->wire->numbered++;
	f->world->last_op = f->world->now;
	(void) waldoi_cursor_array(&f->c);
	op = waldoi_cursor_uint(&f->c, MOST);
	switch (op) {
	case CALL: read_call(f); break;
	case RETURN: read_return(f); break;
	case RESOLVE: read_resolve(f); break;
	case DROP: f->world->stats->frames[SIM_DROP_FRAME]++; break;
	case CANCEL: f->world->stats->frames[SIM_CANCEL_FRAME]++; break;
	case CREDIT: read_credit(f); break;
	case GOAWAY: read_goaway(f); break;
	case LIMITS:
		read_limits(f);
		f->world->stats->frames[SIM_LIMITS_FRAME]++;
		break;
	default:
		sim_violated(f->world, SIM_HONEST_RULE,
		             "link %u: an operation %" PRIu64, f->link->id, op);
	}
}

static void
read_link_frame(frame *f)
{
	(void) waldoi_cursor_array(&f->c);
	switch (waldoi_cursor_uint(&f->c, MOST)) {
	case HELLO:
		read_limits(f);
		f->wire->greeted = true;
		break;
	case BYE: read_bye(f); break;
	case ABORT: read_abort(f); break;
	default: break;
	}
}

void
sim_check_frame(sim_end *end, const uint8_t *body, size_t len, size_t length,
                uint64_t at)
{
	frame f = {.world = end->link->world,
	           .link = end->link,
	           .end = end,
	           .wire = end->wire,
	           .length = length,
	           .at = at};

	f.c = waldoi_cursor_of(body + 1, len - 1);
	if (body[0] == 0) {
		read_op(&f);
	} else if (body[0] == 2) {
		read_link_frame(&f);
	}
}
