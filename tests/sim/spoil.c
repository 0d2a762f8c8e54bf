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

/* Goes along with who receives these bytes from item to item: a message, or a
 * record. Once the first that is behind a change is whole, or ends with it, he
 * cannot but notice; before, he may wait for it very long, since a length that
 * was changed, or heard where there is none, may say too much. */
static void
follow(sim_end *from, const uint8_t *data, size_t len)
{
	sim_pipe *out = &from->out;

	for (size_t i = 0; i < len; i++) {
		uint64_t passed = out->passed + i + 1;

		if (passed <= WALDOI_PREAMBLE && from == &from->link->ends[0]) {
			continue;
		}
		if (out->item_left > 0) {
			out->item_left--;
		} else {
			out->item_length = out->item_length << 8 | data[i];
			if (++out->item_head < 2) {
				continue;
			}
			out->item_left = out->item_length;
			out->item_head = out->item_length = 0;
		}
		out->flipped |= out->item_left == 0 && out->changed > 0 &&
		                passed >= out->changed;
	}
}

/* So many of the `len` bytes that are about to arrive do, perhaps changed. */
size_t
sim_spoil(sim_end *from, size_t len)
{
	sim_pipe *out = &from->out;
	uint8_t *data = out->data + out->start;
	sim_spoiling how = out->spoil;
	size_t before;

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
	before = out->spoil_at - out->passed;
	if (how == SIM_FLIP) {
		data[before] ^=
		    (uint8_t) (1u << sim_below(from->link->world, 8));
		out->changed = out->spoil_at + 1;
	} else if (how == SIM_CUT) {
		len = before;
		out->len = len;
		out->eof = true;
	} else {
		sim_pipe_again(out, len);
	}
	follow(from, out->data + out->start, len);
	return len;
}
