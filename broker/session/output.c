/* SPDX-License-Identifier: MIT */
#include "broker/session/output.h"
#include "serial/frame.h"
#include "serial/pack.h"

#include <stdlib.h>
#include <string.h>

#define SLAB_ROOM  (WALDOI_SLAB - sizeof(waldoi_piece))
#define SMALL_ROOM (WALDOI_SMALL - sizeof(waldoi_piece))

void
waldoi_output_init(waldoi_output *output)
{
	*output = (waldoi_output){.retain = true};
}

/* ---- pieces */

/* NULL: it is one of its own. */
static waldoi_pool *
pool_of(waldo_node *node, size_t cap)
{
	return cap == SMALL_ROOM  ? &node->small_pool
	       : cap == SLAB_ROOM ? &node->slab_pool
	                          : NULL;
}

/* One for `len` bytes, at least one of `cap`. */
static waldoi_piece *
new_piece(waldo_node *node, size_t len, size_t cap)
{
	waldoi_piece *piece;
	waldoi_pool *pool;

	cap = len <= cap ? cap : len <= SLAB_ROOM ? SLAB_ROOM : len;
	pool = pool_of(node, cap);
	piece = pool != NULL ? waldoi_pool_take(pool)
	                     : malloc(sizeof(*piece) + cap);
	if (piece == NULL) {
		return NULL;
	}
	*piece = (waldoi_piece){.data = piece->store,
	                        .cap = (uint32_t) cap,
	                        .since = waldoi_node_now(node)};
	node->bytes += sizeof(*piece) + cap;
	return piece;
}

static waldoi_piece *
new_taken_piece(waldo_node *node, waldoi_taken *taken)
{
	waldoi_piece *piece = malloc(sizeof(*piece));

	if (piece == NULL) {
		return NULL;
	}
	*piece = (waldoi_piece){.data = taken->data,
	                        .len = (uint32_t) taken->len,
	                        .cap = (uint32_t) taken->len,
	                        .taken = taken,
	                        .since = waldoi_node_now(node)};
	node->bytes += sizeof(*piece) + taken->len;
	return piece;
}

static void
free_piece(waldo_node *node, waldoi_piece *piece)
{
	waldoi_pool *pool = NULL;

	node->bytes -= sizeof(*piece) + piece->cap;
	if (piece->taken != NULL) {
		piece->taken->give_back(piece->taken, piece->taken->context);
	} else {
		pool = pool_of(node, piece->cap);
	}
	if (pool != NULL) {
		waldoi_pool_give(pool, piece);
	} else {
		free(piece);
	}
}

/* Drops pieces that nobody made ours yet: what they have taken stays the
 * writer's. */
static void
free_chain(waldo_node *node, waldoi_piece *piece)
{
	while (piece != NULL) {
		waldoi_piece *next = piece->next;

		if (piece->taken != NULL) {
			node->bytes -= sizeof(*piece) + piece->cap;
			free(piece);
		} else {
			free_piece(node, piece);
		}
		piece = next;
	}
}

/* ---- queueing */

static void
add_bytes(waldoi_piece *piece, const uint8_t *data, size_t len)
{
	memcpy(piece->store + piece->len, data, len);
	piece->len += (uint32_t) len;
}

static void
append(waldoi_output *output, waldoi_piece *piece)
{
	if (output->tail == NULL) {
		output->head = piece;
	} else {
		output->tail->next = piece;
	}
	output->tail = piece;
	if (output->current == NULL) {
		output->current = piece;
	}
}

/* What the tail cannot take, for it is full, or so old that its frames and the
 * new one cannot share one AGE. */
uint8_t *
waldoi_output_make_room(waldoi_output *output, waldo_node *node, size_t len)
{
	waldoi_piece *tail = output->tail;

	if (tail == NULL || tail->cap - tail->len < len ||
	    tail->sent < tail->len) {
		tail = new_piece(node, len,
		                 output->unsent == 0 ? SMALL_ROOM : SLAB_ROOM);
		if (tail == NULL) {
			return NULL;
		}
		append(output, tail);
	} else {
		tail->since = waldoi_node_now(node);
	}
	if (output->current == NULL) {
		output->current = tail;
	}
	return tail->store + tail->len;
}

static bool
queue_plain(waldoi_output *output, waldo_node *node, const uint8_t *head,
            size_t head_len, const uint8_t *payload, size_t len)
{
	uint8_t *to = waldoi_output_room(output, node, head_len + len);

	if (to == NULL) {
		return false;
	}
	memcpy(to, head, head_len);
	memcpy(to + head_len, payload, len);
	waldoi_output_put(output, node, head_len + len);
	return true;
}

/* Where our own bytes end that stand before `t` or, if it is empty, a later
 * one. */
static size_t
end_of_own(const waldoi_taken *t, size_t len)
{
	while (t != NULL && t->len == 0) {
		t = t->next;
	}
	return t == NULL ? len : t->offset;
}

/* Our own bytes and the taken ones in turn; built aside, so that running out
 * of memory leaves no trace. */
static bool
queue_taken(waldoi_output *output, waldo_node *node, const uint8_t *head,
            size_t head_len, const uint8_t *payload, size_t len,
            waldo_writer *writer)
{
	size_t total = head_len + len + writer->taken_bytes;
	waldoi_piece *first = new_piece(
	    node, head_len + end_of_own(writer->taken, len), SMALL_ROOM);
	waldoi_piece *last = first;
	size_t at = 0;

	if (first == NULL) {
		return false;
	}
	add_bytes(first, head, head_len);
	waldoi_pack_be(first->store, total - 4, 4);
	for (waldoi_taken *t = writer->taken; t != NULL; t = t->next) {
		add_bytes(last, payload + at, t->offset - at);
		at = t->offset;
		if (t->len == 0) {
			continue;
		}
		last->next = new_taken_piece(node, t);
		if (last->next == NULL ||
		    (last->next->next =
		         new_piece(node, end_of_own(t->next, len) - at,
		                   SMALL_ROOM)) == NULL) {
			free_chain(node, first);
			return false;
		}
		last = last->next->next;
	}
	add_bytes(last, payload + at, len - at);
	for (waldoi_piece *p = first; p != NULL; p = p->next) {
		p->last = output->frames + 1;
		p->open = p != last;
	}
	append(output, first);
	output->tail = last;
	output->frames++;
	output->unsent += total;
	node->gathered += total;
	return true;
}

static void
give_up_empty(waldo_writer *writer)
{
	waldoi_taken *taken = writer->taken;

	/* Those with bytes belong to their pieces now. */
	writer->taken = NULL;
	while (taken != NULL) {
		waldoi_taken *next = taken->next;

		if (taken->len == 0) {
			taken->give_back(taken, taken->context);
		}
		taken = next;
	}
}

bool
waldoi_output_frame(waldoi_output *output, waldo_node *node,
                    const uint8_t *head, size_t head_len,
                    const uint8_t *payload, size_t len, waldo_writer *writer)
{
	if (writer == NULL || writer->taken == NULL) {
		return queue_plain(output, node, head, head_len, payload, len);
	}
	if (!queue_taken(output, node, head, head_len, payload, len, writer)) {
		return false;
	}
	give_up_empty(writer);
	return true;
}

/* ---- link frames */

static void
free_link(waldoi_output *output, waldo_node *node)
{
	if (output->link_cap == WALDOI_SMALL) {
		waldoi_pool_give(&node->small_pool, output->link);
	} else {
		free(output->link);
	}
	output->link = NULL;
	output->link_len = output->link_sent = output->link_cap = 0;
}

/* The steady state, an ACK and a PONG at most, allocates nothing. */
static bool
grow_link(waldoi_output *output, waldo_node *node, size_t len)
{
	size_t used = output->link_len;
	size_t cap = used == 0 ? WALDOI_SMALL : used + WALDOI_LINK_FRAME + len;
	uint8_t *link;

	if (cap > UINT16_MAX) {
		return false;
	}
	link = used == 0 ? waldoi_pool_take(&node->small_pool) : malloc(cap);
	if (link == NULL) {
		return false;
	}
	if (used > 0) {
		uint16_t sent = output->link_sent;

		memcpy(link, output->link, used);
		free_link(output, node);
		output->link_len = (uint16_t) used;
		output->link_sent = sent;
	}
	output->link = link;
	output->link_cap = (uint16_t) cap;
	return true;
}

bool
waldoi_output_link(waldoi_output *output, waldo_node *node,
                   const uint8_t *frame, size_t len)
{
	if ((size_t) (output->link_cap - output->link_len) < len &&
	    !grow_link(output, node, len)) {
		return false;
	}
	memcpy(output->link + output->link_len, frame, len);
	output->link_len = (uint16_t) (output->link_len + len);
	return true;
}

void
waldoi_output_fini(waldoi_output *output, waldo_node *node)
{
	while (output->head != NULL) {
		waldoi_piece *piece = output->head;

		output->head = piece->next;
		free_piece(node, piece);
	}
	free_link(output, node);
	waldoi_output_init(output);
}

/* ---- sending */

static size_t
room_of(const waldoi_output *output)
{
	return output->retain ? output->max_retained - output->retained
	                      : SIZE_MAX;
}

static const waldoi_piece *
first_unsent(const waldoi_output *output)
{
	const waldoi_piece *piece = output->current;

	while (piece->sent == piece->len) {
		piece = piece->next;
	}
	return piece;
}

static uint32_t
age_of(const waldoi_piece *piece, uint64_t now)
{
	uint64_t ms = (now - piece->since) / 1000;

	return ms < WALDOI_AGE_MS ? 0
	       : ms > UINT32_MAX  ? UINT32_MAX
	                          : (uint32_t) ms;
}

/* Tells the peer how long the frames that come next have waited, if that is
 * not what it was told last. */
static void
tell_age(waldoi_output *output, waldo_node *node, uint32_t age_ms)
{
	uint8_t frame[32], *p = frame + WALDOI_FRAME_HEAD;

	/* For the same frame again only when it has grown twice as old: a link
	 * that takes a few bytes at a time would carry nothing else, and after
	 * one that stalled the peer must not take an old frame for a new one.
	 */
	if (age_ms == output->age_ms ||
	    (output->age_told && age_ms / 2 < output->age_ms)) {
		return;
	}
	p = waldoi_pack_array(p, 2);
	p = waldoi_pack_uint(p, 8);
	p = waldoi_pack_uint(p, age_ms);
	waldoi_pack_be(frame, (size_t) (p - frame) - 4, 4);
	frame[4] = 2;
	if (waldoi_output_link(output, node, frame, (size_t) (p - frame))) {
		output->age_ms = age_ms;
		output->age_told = true;
	}
}

static bool
is_near(uint32_t a_ms, uint32_t b_ms)
{
	return (a_ms == 0) == (b_ms == 0) &&
	       (a_ms > b_ms ? a_ms - b_ms : b_ms - a_ms) < WALDOI_SHARED_MS;
}

static size_t
gather_frames(waldoi_output *output, uint64_t now, size_t most,
              struct iovec *iov, size_t max)
{
	uint32_t age_ms = output->age_ms;
	waldoi_piece *piece = output->current;
	size_t n = 0;

	for (; piece != NULL && n < max && most > 0; piece = piece->next) {
		size_t len = piece->len - piece->sent;

		if (len == 0) {
			continue;
		}
		if (n > 0 && !is_near(age_of(piece, now), age_ms)) {
			break; /* it is told another age first */
		}
		len = len < most ? len : most;
		iov[n].iov_base =
		    (void *) (uintptr_t) (piece->data + piece->sent);
		iov[n].iov_len = len;
		most -= len;
		n++;
	}
	return n;
}

size_t
waldoi_output_gather(waldoi_output *output, waldo_node *node, struct iovec *iov,
                     size_t max)
{
	uint64_t now = waldoi_node_now(node);
	size_t n = 0;

	if (output->frame_left > 0 && (output->link_len > 0 || output->ended ||
	                               waldoi_output_is_full(output))) {
		/* First the rest of the frame that is under way. */
		return gather_frames(output, now, output->frame_left, iov, max);
	}
	if (output->frame_left == 0 && output->link_sent == 0 &&
	    waldoi_output_may_send(output)) {
		tell_age(output, node, age_of(first_unsent(output), now));
	}
	if (output->link_len > 0) {
		iov[n].iov_base = output->link + output->link_sent;
		iov[n].iov_len =
		    (size_t) (output->link_len - output->link_sent);
		n++;
	}
	if (output->link_sent == 0 && waldoi_output_may_send(output)) {
		n += gather_frames(output, now, room_of(output), iov + n,
		                   max - n);
	}
	return n;
}

static size_t
sent_link(waldoi_output *output, waldo_node *node, size_t len)
{
	size_t left = (size_t) (output->link_len - output->link_sent);

	if (len < left) {
		output->link_sent = (uint16_t) (output->link_sent + len);
		return 0;
	}
	free_link(output, node);
	return len - left;
}

static uint32_t
length_at(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 |
	       (uint32_t) p[2] << 8 | p[3];
}

/* How much of `len` bytes that have left belongs to the frame under way. */
static size_t
step(waldoi_output *output, const waldoi_piece *piece, size_t len)
{
	size_t left = piece->len - piece->sent;

	if (len >= left && !piece->open) {
		/* All of the piece, and its last frame ends there. */
		output->age_told =
		    output->age_told && left == output->frame_left;
		output->frame_left = 0;
		output->sent = piece->last;
		return left;
	}
	if (output->frame_left == 0) {
		output->age_told = false;
		output->frame_left = 4 + length_at(piece->data + piece->sent);
	}
	len = len < output->frame_left ? len : output->frame_left;
	len = len < left ? len : left;
	output->frame_left -= (uint32_t) len;
	output->sent += output->frame_left == 0;
	return len;
}

static void
drop_sent(waldoi_output *output, waldo_node *node)
{
	while (output->head != NULL && output->head != output->current) {
		waldoi_piece *piece = output->head;

		output->head = piece->next;
		free_piece(node, piece);
	}
	if (output->head == NULL) {
		output->tail = NULL;
	}
}

void
waldoi_output_sent(waldoi_output *output, waldo_node *node, size_t len)
{
	if (output->frame_left == 0 && output->link_len > 0) {
		len = sent_link(output, node, len);
	}
	while (len > 0) {
		waldoi_piece *piece = output->current;
		size_t done;

		if (piece->sent == piece->len) {
			output->current = piece->next;
			continue;
		}
		done = step(output, piece, len);
		piece->sent += (uint32_t) done;
		len -= done;
		output->unsent -= done;
		output->retained += output->retain ? done : 0;
	}
	while (output->current != NULL &&
	       output->current->sent == output->current->len) {
		output->current = output->current->next;
	}
	if (!output->retain) {
		drop_sent(output, node);
	}
}

void
waldoi_output_let_go(waldoi_output *output, waldo_node *node)
{
	output->retain = false;
	output->retained = 0;
	drop_sent(output, node);
}

void
waldoi_output_acked(waldoi_output *output, waldo_node *node, uint64_t number)
{
	while (output->head != NULL && output->head != output->current &&
	       output->head->last <= number) {
		waldoi_piece *piece = output->head;

		output->head = piece->next;
		output->retained -= piece->len;
		free_piece(node, piece);
	}
	if (output->head == NULL) {
		output->tail = NULL;
	}
}

uint64_t
waldoi_output_begun(const waldoi_output *output)
{
	return output->sent + (output->frame_left > 0);
}
