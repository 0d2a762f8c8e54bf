/* SPDX-License-Identifier: MIT */
/*
 * What somebody on the way does to an encrypted link: changes a bit, cuts it
 * anywhere, says again what was said. The ends notice (N7, N13) and hear
 * nothing that was not said to them (wire.c).
 */
#include "sim/sim.h"

#define SOON  600  /* bytes: of a handshake and what follows at once */
#define LATER 3000 /* ... of what follows */

static void
plan(sim_link *link, unsigned side, uint32_t within)
{
	static const sim_fault faults[] = {
	    [SIM_FLIP] = SIM_FLIP_FAULT,
	    [SIM_CUT] = SIM_CUT_FAULT,
	    [SIM_AGAIN] = SIM_AGAIN_FAULT,
	};
	sim_world *world = link->world;
	sim_pipe *out = &link->ends[side].out;
	uint32_t way = sim_below(world, 10);

	out->spoil = way < 6 ? SIM_FLIP : way < 8 ? SIM_CUT : SIM_AGAIN;
	out->spoil_at = out->passed + sim_below(world, within);
	world->stats->faults[faults[out->spoil]]++;
}

/* A new link, perhaps: most of the handshakes that are spoiled are. */
void
sim_spoil_new(sim_link *link)
{
	sim_world *world = link->world;

	if (!world->calm && world->stage == SIM_BUSY &&
	    link->ends[0].node != NULL && sim_chance(world, 4)) {
		plan(link, sim_below(world, 2), SOON);
	}
}

bool
sim_spoil_one(sim_link *link)
{
	unsigned side = sim_below(link->world, 2);

	if (!link->sealed || link->ends[0].node == NULL ||
	    link->ends[side].out.spoil != SIM_SOUND) {
		return false;
	}
	plan(link, side, LATER);
	return true;
}

/* Where in the stream of preamble, messages and records the next byte is. */
static bool
is_length(const sim_pipe *out)
{
	return out->item_left == 0;
}

static void
follow(sim_end *from, const uint8_t *data, size_t len)
{
	sim_pipe *out = &from->out;

	for (size_t i = 0; i < len; i++) {
		if (out->passed + i < WALDOI_PREAMBLE &&
		    from == &from->link->ends[0]) {
			continue;
		}
		if (out->item_left > 0) {
			out->item_left--;
			continue;
		}
		out->item_length = out->item_length << 8 | data[i];
		if (++out->item_head == 2) {
			out->item_left = out->item_length;
			out->item_head = out->item_length = 0;
		}
	}
}

static void
flip(sim_end *from, uint8_t *data, size_t at)
{
	sim_pipe *out = &from->out;
	size_t before = at - out->passed;

	follow(from, data, before);
	/* A length that says too much is waited for. */
	out->flipped = !is_length(out);
	data[before] ^= (uint8_t) (1u << sim_below(from->link->world, 8));
}

/* So many of the `len` bytes that are about to arrive do, perhaps changed. */
size_t
sim_spoil(sim_end *from, size_t len)
{
	sim_pipe *out = &from->out;
	uint8_t *data = out->data + out->start;
	sim_spoiling how = out->spoil;

	if (how == SIM_SOUND || out->spoil_at >= out->passed + len) {
		follow(from, data, len);
		return len;
	}
	sim_note(from->link->world, "spoil", from->link->id, how,
	         out->spoil_at);
	out->spoil = SIM_SOUND;
	from->link->touched = true;
	from->link->spoiled = true;
	sim_race_lost(from->link); /* those that it stands for may fail now */
	from->link->world->upsets++;
	if (how == SIM_FLIP) {
		flip(from, data, out->spoil_at);
	} else if (how == SIM_CUT) {
		len = out->spoil_at - out->passed;
		out->len = len;
		out->eof = true;
	} else {
		sim_pipe_again(out, len);
	}
	return len;
}
