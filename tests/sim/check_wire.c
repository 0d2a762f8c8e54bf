/* SPDX-License-Identifier: MIT */
/* The rules of the wire: calls, answers and promises. */
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

#define MOST_HOPS     16
#define BROKEN_TARGET 4 /* a status */

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
note_promise(sim_reading *f, int64_t id)
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
read_descriptor(sim_reading *f)
{
	uint32_t count = waldoi_cursor_array(&f->c);
	uint64_t code = waldoi_cursor_uint(&f->c, SIM_MOST);
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
read_descriptors(sim_reading *f)
{
	uint32_t count = waldoi_cursor_array(&f->c);

	while (count-- > 0 && !f->c.failed) {
		(void) read_descriptor(f);
	}
}

/* P12: once, and never to what may change again. */
static void
read_resolve(sim_reading *f)
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
read_inv(sim_reading *f)
{
	uint32_t count = waldoi_cursor_array(&f->c);
	uint64_t id = count > 0 ? waldoi_cursor_uint(&f->c, SIM_MOST) : 0;

	if (f->c.failed || id == 0 || id > f->world->invs.count) {
		return NULL;
	}
	return f->world->invs.items[id - 1];
}

static uint64_t
read_hops(sim_reading *f)
{
	uint32_t count = waldoi_cursor_map(&f->c);
	uint64_t hops = 0;

	while (count-- > 0 && !f->c.failed) {
		uint64_t key = waldoi_cursor_uint(&f->c, SIM_MOST);

		if (key == 5) {
			hops = waldoi_cursor_uint(&f->c, SIM_MOST);
		} else {
			waldoi_cursor_skip(&f->c);
		}
	}
	return hops;
}

static int64_t
read_target(sim_reading *f)
{
	uint32_t steps = 0;
	int64_t id;

	if (waldoi_cursor_is_array(&f->c)) {
		steps = waldoi_cursor_array(&f->c) - 1;
	}
	id = waldoi_cursor_int(&f->c);
	while (steps-- > 0 && !f->c.failed) {
		waldoi_cursor_skip(&f->c);
	}
	return id;
}

/* True if it is the flush: number 0. */
static bool
read_method(sim_reading *f)
{
	bool flush = waldoi_cursor_peek(&f->c) == 0;

	waldoi_cursor_skip(&f->c);
	return flush;
}

/* Made when its node knew already; what stood in the queue then still goes. */
static bool
is_too_late(const sim_reading *f, const sim_sent *sent)
{
	return f->wire->heard_going > 0 && sent->inv != NULL &&
	       sent->inv->hops == 0 && sent->inv->began > f->wire->heard_going;
}

/* P38: bytes, P40: nothing but flushes for whom goes away. */
static void
check_sending(sim_reading *f, const sim_sent *sent)
{
	const sim_wire *peer = sim_wire_peer(f);

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
note_leg(sim_reading *f, sim_inv *inv, unsigned hops)
{
	if (inv->leg != NULL && hops > 0) {
		inv->leg->link->passes_on = true;
	}
	inv->leg = f->end;
	inv->hops = hops > inv->hops ? hops : inv->hops;
}

static void
read_call(sim_reading *f)
{
	sim_sent *sent = sim_alloc(sizeof(*sent));
	uint64_t hops;

	if (waldoi_cursor_is_nil(&f->c)) {
		waldoi_cursor_nil(&f->c);
	} else {
		sent->id = waldoi_cursor_int(&f->c);
	}
	sent->frame = f->wire->numbered;
	sent->target = read_target(f);
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

static sim_sent *
find_sent(const sim_wire *wire, int64_t id)
{
	for (unsigned i = wire != NULL ? wire->sent.count : 0; i-- > 0;) {
		sim_sent *sent = wire->sent.items[i];

		if (sent->id == id) {
			return sent;
		}
	}
	return NULL;
}

/* P9: why a result cannot be called is told before that it was called. */
static void
check_broken(sim_reading *f, const sim_sent *sent)
{
	sim_sent *on =
	    sent->target > 0 ? find_sent(sim_wire_peer(f), sent->target) : NULL;

	if (on != NULL) {
		on->early |= !on->returned;
	}
}

static void
check_failed(sim_reading *f, const sim_sent *sent)
{
	sim_expect(f->world, SIM_REASON_FIRST_RULE,
	           !sent->early || f->world->oom_seen,
	           "link %u: a call on the result of %" PRId64 " failed before "
	           "that was there",
	           f->link->id, sent->id);
}

static void
read_return(sim_reading *f)
{
	int64_t id = waldoi_cursor_int(&f->c);
	uint64_t status = waldoi_cursor_uint(&f->c, SIM_MOST);
	sim_sent *sent = find_sent(sim_wire_peer(f), id);

	waldoi_cursor_skip(&f->c); /* keep */
	sim_expect(f->world, SIM_ANSWER_RULE, sent != NULL && !sent->returned,
	           "link %u: RETURN of %" PRId64 ", which %s", f->link->id, id,
	           sent == NULL ? "was not called" : "had one");
	if (sent != NULL) {
		sent->returned = true;
		check_failed(f, sent);
		/* Order starts anew where a flush has failed. */
		f->world->upsets += sent->flush && status != 0;
	}
	if (sent != NULL && status == BROKEN_TARGET) {
		check_broken(f, sent);
	}
	read_descriptors(f);
	f->world->stats->frames[SIM_RETURN_FRAME]++;
}

/* ---- all */

static void
read_op(sim_reading *f)
{
	uint64_t op;

	f->wire->numbered++;
	f->world->last_op = f->world->now;
	(void) waldoi_cursor_array(&f->c);
	op = waldoi_cursor_uint(&f->c, SIM_MOST);
	switch (op) {
	case CALL: read_call(f); break;
	case RETURN: read_return(f); break;
	case RESOLVE: read_resolve(f); break;
	case DROP: f->world->stats->frames[SIM_DROP_FRAME]++; break;
	case CANCEL: f->world->stats->frames[SIM_CANCEL_FRAME]++; break;
	case CREDIT: sim_read_credit(f); break;
	case GOAWAY: sim_read_goaway(f); break;
	case LIMITS:
		sim_read_limits(f);
		f->world->stats->frames[SIM_LIMITS_FRAME]++;
		break;
	default:
		sim_violated(f->world, SIM_HONEST_RULE,
		             "link %u: an operation %" PRIu64, f->link->id, op);
	}
}

static void
read_link_frame(sim_reading *f)
{
	(void) waldoi_cursor_array(&f->c);
	switch (waldoi_cursor_uint(&f->c, SIM_MOST)) {
	case HELLO:
		sim_read_limits(f);
		f->wire->greeted = true;
		break;
	case BYE: sim_read_bye(f); break;
	case ABORT: sim_read_abort(f); break;
	default: break;
	}
}

void
sim_check_frame(sim_end *end, const uint8_t *body, size_t len, size_t length,
                uint64_t at)
{
	sim_reading f = {.world = end->link->world,
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
