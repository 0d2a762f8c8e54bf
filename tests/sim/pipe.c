/* SPDX-License-Identifier: MIT */
/* Pipes: what a socket and a network do to the bytes of a link. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

static void on_deliver(void *what, uint64_t arg);

static sim_end *
end_of(waldoi_link *base)
{
	return (sim_end *) base;
}

/* ---- bytes */

void
sim_pipe_append(sim_pipe *out, const void *data, size_t len)
{
	if (out->start > 0 && out->start + out->len + len > out->cap) {
		memmove(out->data, out->data + out->start, out->len);
		out->start = 0;
	}
	if (out->start + out->len + len > out->cap) {
		size_t cap = (out->len + len) * 2;
		uint8_t *more = sim_alloc(cap);

		if (out->len > 0) {
			memcpy(more, out->data + out->start, out->len);
		}
		out->data = more;
		out->start = 0;
		out->cap = cap;
	}
	memcpy(out->data + out->start + out->len, data, len);
	out->len += len;
}

void
sim_pipe_again(sim_pipe *out, size_t len)
{
	sim_pipe all = {0};

	sim_pipe_append(&all, out->data + out->start, len);
	sim_pipe_append(&all, out->data + out->start, out->len);
	out->data = all.data;
	out->start = 0;
	out->len = all.len;
	out->cap = all.cap;
}

void
sim_pipe_schedule(sim_end *from)
{
	sim_world *world = from->link->world;
	sim_pipe *out = &from->out;
	uint64_t at = world->now + from->link->delay_us;

	if (out->scheduled || out->stalled_until == UINT64_MAX ||
	    (out->len == 0 && !out->eof && !out->reset)) {
		return;
	}
	at += sim_below(world, from->link->delay_us / 4 + 1);
	out->scheduled = true;
	sim_at(world, at > out->stalled_until ? at : out->stalled_until,
	       on_deliver, from, 0);
}

void
sim_pipe_put(sim_end *from, const void *data, size_t len)
{
	if (!from->out.eof && !from->out.reset && len > 0) {
		sim_pipe_append(&from->out, data, len);
	}
	sim_pipe_schedule(from);
}

/* ---- what the broker asks for */

static void
on_writable(void *what, uint64_t arg)
{
	sim_end *end = what;
	sim_scope scope;

	end->kicked = false;
	if (!end->open || !end->waiting || end->node->abrupt) {
		return;
	}
	if (end->node->busy_until > end->link->world->now) {
		end->kicked = true;
		sim_node_postpone(end->node, on_writable, what, arg);
		return;
	}
	end->waiting = false;
	scope = sim_event_begin(end->node);
	sim_link_flush(&end->base);
	sim_event_end(end->node, scope);
}

/* The socket has room again, or a moment has passed. */
static void
writable_soon(sim_end *end)
{
	sim_link *link = end->link;

	if (end->waiting && !end->kicked) {
		end->kicked = true;
		sim_at(link->world, link->world->now + 1 + link->delay_us,
		       on_writable, end, 0);
	}
}

/* Gives at most `room` bytes of the pieces to the pipe; returns how many. */
static size_t
write_pieces(sim_end *end, const struct iovec *iov, size_t count, size_t room)
{
	unsigned side = end == &end->link->ends[0] ? 0 : 1;
	size_t done = 0;

	for (size_t i = 0; i < count && done < room; i++) {
		size_t len = iov[i].iov_len;

		len = len < room - done ? len : room - done;
		sim_hostile_hear(end->link, side, iov[i].iov_base, len);
		sim_pipe_put(end, iov[i].iov_base, len);
		done += len;
	}
	return done;
}

void
sim_link_flush(waldoi_link *base)
{
	sim_end *end = end_of(base);
	sim_world *world = end->link->world;
	struct iovec iov[8];
	size_t quota = SIZE_MAX;

	if (end->paused) {
		end->paused = false;
		sim_pipe_schedule(sim_end_peer(end));
	}
	if (end->node->abrupt) {
		return; /* its process is dead */
	}
	if (!end->link->established) {
		return; /* goes on when somebody answers */
	}
	if (sim_chance(world, 10)) {
		quota = 1 + sim_below(world, 600);
	}
	while (end->open) {
		size_t used = end->out.eof ? 0 : end->out.len;
		size_t room = end->out.room > used ? end->out.room - used : 0;
		size_t count = waldoi_channel_output(&base->channel, iov, 8);
		size_t sent;

		if (count == 0) {
			return;
		}
		sent =
		    write_pieces(end, iov, count, room < quota ? room : quota);
		quota -= quota == SIZE_MAX ? 0 : sent;
		if (sent == 0) {
			end->waiting = true;
			if (room > 0) {
				writable_soon(end);
			}
			return;
		}
		waldoi_channel_sent(&base->channel, sent);
	}
}

void
sim_link_close(waldoi_link *base, waldoi_close how)
{
	sim_end *end = end_of(base);
	sim_world *world = end->link->world;

	sim_note(world, "close", end->link->id, how, 0);
	end->open = false;
	waldoi_channel_fini(&base->channel);
	sim_race_lost(end->link);
	world->upsets += end->link->touched;
	if (end->node->abrupt || !end->link->established) {
		return;
	}
	/* What is under way when a socket is closed at once may arrive, or be
	 * lost to a reset. */
	if (how == WALDOI_CLOSE_NOW && sim_chance(world, 30)) {
		end->out.reset = true;
	}
	end->out.eof = true;
	sim_pipe_schedule(end);
}

/* ---- what the network does */

/* Tells the broker that a link is gone; the socket closes. */
void
sim_end_lost(sim_end *end, waldo_err err, const char *what)
{
	sim_scope scope;
	char message[80];

	sim_note(end->link->world, "lost", end->link->id, err,
	         end == &end->link->ends[1]);
	end->link->world->upsets += end->link->touched;
	(void) snprintf(message, sizeof(message), "%s: %s", end->link->name,
	                what);
	sim_race_lost(end->link);
	scope = sim_event_begin(end->node);
	waldoi_channel_lost(&end->base.channel, err, message);
	waldoi_channel_fini(&end->base.channel);
	sim_event_end(end->node, scope);
	end->open = false;
	end->out.eof = true;
	sim_pipe_schedule(end);
}

static void
hand_over(sim_end *to, const uint8_t *data, size_t len)
{
	waldoi_channel *channel = &to->base.channel;
	uint8_t *space;
	size_t room = 0;

	space = waldoi_channel_space(channel, &room);
	if (space == NULL) {
		uint8_t *copy = sim_block(len);

		memcpy(copy, data, len);
		waldoi_channel_input(channel, copy, len);
		sim_block_free(copy);
		return;
	}
	memcpy(space, data, len < room ? len : room);
	waldoi_channel_received(channel, len < room ? len : room);
	if (len > room) {
		hand_over(to, data + room, len - room);
	}
}

/* How much arrives in one piece. */
static size_t
piece(sim_end *from)
{
	sim_world *world = from->link->world;
	size_t len = from->out.len;

	if (len > 65536) {
		len = 65536;
	}
	if (from->link->style == SIM_CRUMBS && from->out.passed < 400) {
		size_t crumb = 1 + sim_below(world, 7);

		return crumb < len ? crumb : len;
	}
	if (from->link->style == SIM_WHOLE || sim_chance(world, 50)) {
		return len;
	}
	return 1 + sim_below(world, (uint32_t) len);
}

static void
receive(sim_end *from, sim_end *to)
{
	sim_world *world = from->link->world;
	sim_pipe *out = &from->out;
	size_t len = piece(from);
	const uint8_t *data;
	uint64_t mark = 0;
	sim_scope scope;

	len = from->link->sealed ? sim_spoil(from, len) : len;
	data = out->data + out->start;
	for (size_t i = 0; i < len && i < 64; i++) {
		mark = mark * 31 + data[i];
	}
	sim_note(world, "in", from->link->id, len, mark);
	world->stats->bytes += len;
	out->passed += len;
	out->start += len;
	out->len -= len;
	scope = sim_event_begin(to->node);
	to->node->memory.largest = 0;
	hand_over(to, data, len);
	if (to->open && waldoi_channel_answers(&to->base.channel)) {
		sim_link_flush(&to->base);
	}
	sim_event_end(to->node, scope);
	if (from->node == NULL) {
		/* A frame buffer grows at most four times as fast as the
		 * bytes that are there; the rest is small change. */
		sim_expect(world, SIM_HOSTILE_HEAP_RULE,
		           to->node->memory.largest <=
		               8 * out->passed + 64 * 1024,
		           "%zu bytes at once for %" PRIu64 " received",
		           to->node->memory.largest, out->passed);
	}
}

static void
discard(sim_end *from)
{
	from->out.start = from->out.len = 0;
	writable_soon(from);
}

static void
on_deliver(void *what, uint64_t arg)
{
	sim_end *from = what, *to = sim_end_peer(from);
	sim_world *world = from->link->world;
	sim_pipe *out = &from->out;

	out->scheduled = false;
	if (!to->open) {
		discard(from);
		return;
	}
	if (out->stalled_until > world->now) {
		sim_pipe_schedule(from);
		return;
	}
	if (to->node == NULL) {
		if (from->link->deaf && !out->reset && !out->eof) {
			return;
		}
		if (out->reset || out->eof) {
			to->open = false;
		}
		discard(from);
		return;
	}
	if (to->node->busy_until > world->now) {
		out->scheduled = true;
		sim_node_postpone(to->node, on_deliver, what, arg);
		return;
	}
	if (out->reset) {
		sim_end_lost(to, WALDO_ELOST, "connection reset by peer");
		return;
	}
	if (out->len == 0) {
		if (out->eof) {
			sim_end_lost(to, WALDO_ELOST,
			             "peer closed the connection");
		}
		return;
	}
	if (!waldoi_channel_wants_input(&to->base.channel)) {
		to->paused = true;
		return;
	}
	receive(from, to);
	sim_pipe_schedule(from);
	writable_soon(from);
}

void
sim_link_reset(sim_link *link)
{
	for (int side = 0; side < 2; side++) {
		link->ends[side].out.reset = true;
		sim_pipe_schedule(&link->ends[side]);
	}
}
