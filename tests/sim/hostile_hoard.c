/* SPDX-License-Identifier: MIT */
/*
 * A peer that keeps to the words of the protocol and gives nothing back: it
 * calls for objects and never drops them, has its bytes sent back and never
 * reads, and acknowledges nothing though it said that it would. What it costs
 * is bounded, and nobody else is to notice.
 */
#include "sim/hostile.h"

#define STEP_US  100000
#define MOST_IDS 14 /* calls that it may have open, with any node */

typedef struct hoard {
	sim_link *link;
	uint64_t until;
	uint32_t calls; /* with an id, so far */
} hoard;

static sim_buffer out; /* large */

static void
put_hello(void)
{
	static const uint8_t preamble[WALDOI_PREAMBLE] = {0xc1, 'W', 'D', 1};
	static const uint32_t limits[][2] = {
	    {1, 1},     {2, 4 << 20}, {3, 64},    {4, 1024},  {5, 8 << 20},
	    {6, 16384}, {7, 256},     {10, 1024}, {12, 60000}};
	const unsigned count = sizeof(limits) / sizeof(limits[0]);
	size_t start;

	sim_put(&out, preamble, sizeof(preamble));
	start = sim_frame_begin(&out, 2);
	sim_put_array(&out, 2);
	sim_put_int(&out, 0);
	sim_put_byte(&out, 0x80 | (count + 1));
	sim_put_int(&out, 0);
	sim_put_array(&out, 2);
	sim_put_int(&out, 1);
	sim_put_int(&out, 1);
	for (unsigned i = 0; i < count; i++) {
		sim_put_int(&out, limits[i][0]);
		sim_put_int(&out, limits[i][1]);
	}
	sim_frame_end(&out, start);
}

/* The first fetches something, the others call what that is. */
static void
put_call(hoard *h)
{
	sim_world *world = h->link->world;
	bool first = h->calls == 0, named = first || h->calls < MOST_IDS;
	size_t start = sim_frame_begin(&out, 0);
	uint32_t size = sim_below(world, 1500);

	sim_put_array(&out, 6);
	sim_put_int(&out, 1);
	if (named) {
		sim_put_int(&out, 1 + 2 * (int64_t) h->calls++);
	} else {
		sim_put_byte(&out, 0xc0);
	}
	sim_put_int(&out, first ? 0 : 1);
	sim_put_text(&out, first ? "fetch" : "make");
	sim_put_array(&out, 0);
	sim_put_byte(&out, 0x80);
	sim_put_array(&out, first ? 1 : 2);
	if (first) {
		sim_put_text(&out, "obj0");
		sim_frame_end(&out, start);
		return;
	}
	sim_put_int(&out, 1);
	sim_put_byte(&out, 0xc5);
	sim_put_be(&out, size, 2);
	while (size-- > 0) {
		sim_put_byte(&out, 'x');
	}
	sim_frame_end(&out, start);
}

static void
on_step(void *what, uint64_t arg)
{
	hoard *h = what;
	sim_world *world = h->link->world;

	if (world->now >= h->until || world->stage != SIM_BUSY ||
	    !h->link->ends[1].open) {
		sim_hostile_gone(h->link, arg);
		return;
	}
	out.len = 0;
	for (uint32_t i = sim_below(world, 4); i > 0; i--) {
		put_call(h);
	}
	sim_pipe_put(&h->link->ends[0], out.data, out.len);
	sim_at(world, world->now + sim_below(world, STEP_US), on_step, h, arg);
}

void
sim_hoard(sim_link *link)
{
	sim_world *world = link->world;
	hoard *h = sim_alloc(sizeof(*h));

	*h = (hoard){link, world->now + sim_below(world, 5000000), 0};
	link->touched = true;
	link->deaf = sim_chance(world, 50);
	world->stats->faults[link->deaf ? SIM_HOSTILE_DEAF_FAULT
	                                : SIM_HOSTILE_HOARD_FAULT]++;
	out.len = 0;
	put_hello();
	put_call(h);
	sim_pipe_put(&link->ends[0], out.data, out.len);
	sim_at(world, world->now + sim_below(world, STEP_US), on_step, h, 0);
}
