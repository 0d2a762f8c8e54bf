/* SPDX-License-Identifier: MIT */
/*
 * Fake peers: somebody who knows the protocol and does not keep it. They dial
 * nodes and are dialled; they send frames made up here, what honest nodes
 * were heard to send, or noise, with bytes changed.
 */
#include "sim/hostile.h"

#include <string.h>

#define HEARD 4096 /* bytes that are remembered of each side */

void
sim_hostile_hear(sim_link *link, unsigned side, const uint8_t *data, size_t len)
{
	sim_world *world = link->world;

	if (link->id != 1 || world->heard_len[side] + len > HEARD) {
		return;
	}
	if (world->heard[side] == NULL) {
		world->heard[side] = sim_alloc(HEARD);
	}
	memcpy(world->heard[side] + world->heard_len[side], data, len);
	world->heard_len[side] += len;
}

/* ---- frames */

static int64_t
any_id(sim_liar *l)
{
	static const int64_t ids[] = {0,  1,  2,  3,  4,   -1,  -2,
	                              -3, -4, -6, 99, -99, 100, INT64_MIN};

	return sim_chance(l->world, 30) ? l->call - 2
	                                : ids[sim_below(l->world, 14)];
}

/* Payloads that claim more than there is, among others that do not. */
static void
put_payload(sim_liar *l)
{
	sim_buffer *to = &l->out;
	uint32_t way = sim_below(l->world, 12);

	if (way == 0) {
		sim_put_byte(to, 0xdd); /* an array of four thousand millions */
		sim_put_be(to, 0xffffffff, 4);
	} else if (way == 1) {
		sim_put_byte(to, 0xdb);
		sim_put_be(to, 0x7fffffff, 4);
	} else if (way == 2) {
		for (int i = 0; i < 200; i++) {
			sim_put_array(to, 1); /* 200 levels */
		}
		sim_put_byte(to, 0xc0);
	} else if (way == 3) {
		sim_put_byte(to, 0xc1);
	} else if (way < 7) {
		sim_put_array(to, 2);
		sim_put_int(to, 1 + sim_below(l->world, 300));
		sim_put_byte(to, 0xd4); /* ext 1: reference 0 */
		sim_put_be(to, 0x0100, 2);
	} else if (way == 7) {
		sim_put_array(to, 1);
		sim_put_text(to, "obj0");
	} else {
		sim_put_array(to, 2);
		sim_put_int(to, 1 + sim_below(l->world, 300));
		sim_put_text(to, "text");
	}
}

static void
put_refs(sim_liar *l)
{
	uint32_t count = sim_below(l->world, 3);

	sim_put_array(&l->out, count);
	while (count-- > 0) {
		uint32_t kind = sim_below(l->world, 8);

		sim_put_array(&l->out, kind == 0 ? 3 : 2);
		sim_put_int(&l->out, kind);
		sim_put_int(&l->out,
		            sim_chance(l->world, 60) ? l->sign : any_id(l));
		if (kind == 0) {
			sim_put_byte(&l->out, 0xc0);
		}
	}
}

static void
put_method(sim_liar *l)
{
	uint32_t way = sim_below(l->world, 4);
	const char *name =
	    way == 0 ? "fetch" : sim_methods[sim_below(l->world, SIM_PLANS)];

	if (way == 1) {
		sim_put_int(&l->out,
		            sim_below(l->world, (uint32_t) l->name + 2));
	} else if (way == 2) {
		sim_put_text(&l->out, name);
	} else {
		sim_put_array(&l->out, 2);
		sim_put_int(&l->out, l->name++);
		sim_put_text(&l->out, name);
	}
}

static void
put_call(sim_liar *l)
{
	sim_put_array(&l->out, 6);
	sim_put_int(&l->out, 1);
	if (sim_chance(l->world, 80)) {
		sim_put_int(&l->out, l->call);
		l->call += 2;
	} else {
		sim_put_byte(&l->out, 0xc0);
	}
	if (sim_chance(l->world, 20)) {
		sim_put_array(&l->out, 2);
		sim_put_int(&l->out, any_id(l));
		sim_put_int(&l->out, 0);
	} else {
		sim_put_int(&l->out, sim_chance(l->world, 50) ? 0 : any_id(l));
	}
	put_method(l);
	put_refs(l);
	sim_put_byte(&l->out, 0x80);
	put_payload(l);
}

static void
put_return(sim_liar *l)
{
	sim_put_array(&l->out, 5);
	sim_put_int(&l->out, 2);
	sim_put_int(&l->out,
	            sim_chance(l->world, 60)
	                ? 3 - (l->sign & 1) + 2 * sim_below(l->world, 3)
	                : any_id(l));
	sim_put_int(&l->out, sim_below(l->world, 6));
	sim_put_byte(&l->out, sim_chance(l->world, 50) ? 0xc3 : 0xc2);
	put_refs(l);
	put_payload(l);
}

/* Any other operation: numbers, as many as it likes. */
static void
put_numbers(sim_liar *l)
{
	uint32_t count = 1 + sim_below(l->world, 4);

	sim_put_array(&l->out, count + 1);
	sim_put_int(&l->out, sim_below(l->world, 14));
	while (count-- > 0) {
		sim_put_int(&l->out, sim_chance(l->world, 50)
		                         ? any_id(l)
		                         : sim_below(l->world, 9));
	}
}

static void
put_frame(sim_liar *l)
{
	uint32_t kind = sim_chance(l->world, 75) ? 0 : sim_below(l->world, 4);
	size_t start = sim_frame_begin(&l->out, kind);

	if (kind == 0 && sim_chance(l->world, 60)) {
		put_call(l);
	} else if (kind == 0 && sim_chance(l->world, 50)) {
		put_return(l);
	} else {
		put_numbers(l);
	}
	sim_frame_end(&l->out, start);
}

/* ---- what is sent */

/* The preamble and the HELLO of somebody honest. */
static void
put_opening(sim_liar *l, unsigned side)
{
	static const uint8_t preamble[WALDOI_PREAMBLE] = {0xc1, 'W', 'D', 1};
	const uint8_t *heard = l->world->heard[side];
	size_t len = l->world->heard_len[side], frame;

	if (len < WALDOI_PREAMBLE + 4) {
		sim_put(&l->out, preamble, sizeof(preamble));
		sim_put(&l->out, "\0\0\0\4\2\x92\0\x80", 8);
		return;
	}
	frame = (size_t) heard[14] << 8 | heard[15];
	frame += WALDOI_PREAMBLE + 4;
	sim_put(&l->out, heard, frame < len ? frame : len);
}

static void
mutate(sim_liar *l)
{
	uint32_t times = sim_below(l->world, 4);

	while (times-- > 0 && l->out.len > 0) {
		size_t at = sim_below(l->world, (uint32_t) l->out.len);
		uint32_t way = sim_below(l->world, 8);

		if (way == 0) {
			l->out.len = at; /* cut short */
		} else if (way == 1 && at + 4 < l->out.len) {
			memset(l->out.data + at, 0xff, 4);
		} else {
			l->out.data[at] ^=
			    (uint8_t) (1u << sim_below(l->world, 8));
		}
	}
}

static void
speak(sim_liar *l, unsigned side)
{
	sim_world *world = l->world;
	uint32_t way = sim_below(world, l->sealed ? 5 : 10);
	uint32_t count;

	if (way == 0) {
		count = 1 + sim_below(world, 400);
		while (count-- > 0) {
			sim_put_byte(&l->out, sim_below(world, 256));
		}
		world->stats->faults[SIM_HOSTILE_NOISE_FAULT]++;
	} else if (way < 4 && world->heard_len[side] > 0) {
		sim_put(&l->out, world->heard[side], world->heard_len[side]);
		mutate(l);
		world->stats->faults[SIM_HOSTILE_REPLAY_FAULT]++;
	} else {
		put_opening(l, side);
		count = 1 + sim_below(world, 12);
		while (count-- > 0) {
			put_frame(l);
		}
		if (sim_chance(world, 40)) {
			mutate(l);
		}
		world->stats->faults[SIM_HOSTILE_FRAMES_FAULT]++;
	}
}

/* N6: it has proved nothing, so nobody has a session with it. */
static void
check_stranger(sim_link *link)
{
	unsigned side = link->ends[0].node == NULL ? 1 : 0;

	sim_expect(link->world, SIM_STRANGER_RULE,
	           link->ends[side].base.channel.session == NULL,
	           "link %u: a stranger has a session", link->id);
	link->world->stats->trust[SIM_STRANGER_TRUST]++;
}

void
sim_hostile_gone(void *what, uint64_t arg)
{
	sim_link *link = what;

	(void) arg;
	/* It did what it could; whom it did it to goes on. A protocol error
	 * that somebody honest were told of would be a violation (check.c). */
	sim_kept(link->world, SIM_HONEST_RULE);
	if (link->sealed) {
		check_stranger(link);
	}
	if (sim_chance(link->world, 50)) {
		sim_link_reset(link);
	} else {
		link->ends[0].out.eof = link->ends[1].out.eof = true;
		sim_pipe_schedule(&link->ends[0]);
		sim_pipe_schedule(&link->ends[1]);
	}
}

static void
lie(sim_link *link, unsigned side)
{
	static sim_liar l; /* large */
	sim_world *world = link->world;

	l.world = world;
	l.sealed = link->sealed;
	l.out.len = 0;
	l.call = side == 0 ? 1 : 2;
	l.name = 1;
	l.sign = side == 0 ? -1 : -2;
	link->touched = true;
	link->deaf = sim_chance(world, 30);
	speak(&l, side);
	sim_pipe_put(&link->ends[side], l.out.data, l.out.len);
	sim_at(world, world->now + sim_below(world, 2000000), sim_hostile_gone,
	       link, 0);
}

void
sim_hostile_dial(sim_world *world, sim_node *node)
{
	sim_link *link = sim_link_new(world, NULL);

	link->established = true;
	if (!sim_link_answer(link, node->name)) {
		return;
	}
	if (!link->sealed && sim_chance(world, 40)) {
		sim_hoard(link);
	} else {
		lie(link, 0);
	}
}

void
sim_hostile_answer(sim_link *link)
{
	link->established = true;
	lie(link, 1);
}
