/* SPDX-License-Identifier: MIT */
/* Reading along: bytes become frames, and news for whom they reach. */
#include "sim/wire.h"

#include <string.h>

static sim_wire *
wire_of(sim_end *end)
{
	sim_wire *wire = end->wire;

	if (wire == NULL) {
		wire = sim_alloc(sizeof(*wire));
		wire->window = SIM_WIRE_FLOOR;
		end->wire = wire;
	}
	return wire;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What is missing of the length, then of the frame. */
static size_t
missing(const sim_wire *wire)
{
	return (wire->length == 0 ? 4 : wire->length) - wire->have;
}

/* Takes what belongs to the frame that is under way. */
static size_t
take(sim_wire *wire, const uint8_t *data, size_t len)
{
	size_t kept = smaller(wire->have, sizeof(wire->head));

	len = smaller(len, missing(wire));
	memcpy(wire->head + kept, data,
	       smaller(len, sizeof(wire->head) - kept));
	wire->have += len;
	wire->bytes += len;
	if (wire->length == 0 && wire->have == 4) {
		wire->length =
		    4 + ((size_t) wire->head[0] << 24 |
		         (size_t) wire->head[1] << 16 |
		         (size_t) wire->head[2] << 8 | (size_t) wire->head[3]);
	}
	return len;
}

void
sim_wire_sent(sim_end *end, const uint8_t *data, size_t len)
{
	sim_wire *wire;

	if (end->node == NULL || sim_end_peer(end)->node == NULL) {
		return; /* who knows what a fake peer means */
	}
	wire = wire_of(end);
	sim_pipe_append(&wire->said, data, len);
	while (len > 0 && !end->link->world->failed) {
		size_t looked = smaller(wire->have, sizeof(wire->head));
		size_t taken = take(wire, data, len);
		size_t now = smaller(wire->have, sizeof(wire->head));

		data += taken;
		len -= taken;
		if (wire->length == 0) {
			continue;
		}
		/* Once, as soon as there is enough of it. */
		if (now > looked &&
		    now == smaller(wire->length, sizeof(wire->head))) {
			sim_check_frame(end, wire->head + 4, now - 4,
			                wire->length - 4,
			                wire->bytes + missing(wire));
		}
		if (missing(wire) == 0) {
			wire->have = wire->length = 0;
		}
	}
}

/* What `from` has told is known to its peer. */
static void
learn_news(sim_end *from)
{
	sim_wire *wire = from->wire, *peer;

	while (wire->news.count > 0) {
		sim_news *news = wire->news.items[0];

		if (news->at > wire->heard) {
			return;
		}
		peer = wire_of(sim_end_peer(from));
		if (news->window > peer->window) {
			peer->window = news->window;
		}
		if (news->going) {
			peer->heard_going = from->link->world->now;
		}
		(void) sim_list_drop(&wire->news, news);
	}
}

/* N13, N14: whatever happens to the bytes on their way, what is heard is a
 * beginning of what was said. N6: strangers say nothing on an encrypted link.
 */
void
sim_wire_heard(sim_end *end, const uint8_t *data, size_t len, bool looked_at)
{
	sim_end *from = sim_end_peer(end);
	sim_world *world = end->link->world;
	sim_wire *wire;

	if (from->node == NULL) {
		sim_expect(world, SIM_STRANGER_RULE,
		           !end->link->sealed || len == 0,
		           "link %u: a stranger is heard", end->link->id);
		return;
	}
	if (len == 0) {
		return; /* it lives */
	}
	wire = wire_of(from);
	sim_expect(world, SIM_HEARD_RULE,
	           len <= wire->said.len &&
	               memcmp(wire->said.data + wire->said.start, data, len) ==
	                   0,
	           "link %u: byte %" PRIu64 " or one of the %zu behind it was "
	           "not said",
	           end->link->id, wire->heard, len);
	if (world->failed) {
		return;
	}
	wire->said.start += len;
	wire->said.len -= len;
	wire->heard += len;
	if (looked_at) {
		learn_news(from);
	}
}
