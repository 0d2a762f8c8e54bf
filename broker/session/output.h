/* SPDX-License-Identifier: MIT */
/*
 * broker/session/output.h - what a session has to send, and has sent
 *
 * Numbered frames stand in pieces, oldest first:
 *
 *	[ sent, not acknowledged | sent in part | not sent ]
 *
 * A piece is a slab of many small frames, a frame of its own if it is large,
 * or bytes of the user's (waldo_put_bytes_take). A turn begins with a small
 * slab, so that a session with a frame now and then costs little, and takes
 * large ones when there is more to say. Where frames are
 * acknowledged (PROTOCOL.md P20), they stay until they are; else until they
 * are sent. Link frames have no number and are never kept: they go out of a
 * small buffer of their own, between two frames.
 */
#ifndef WALDOI_OUTPUT_H
#define WALDOI_OUTPUT_H

#include "broker/node.h"
#include "serial/pack.h"

#define WALDOI_SLAB       (16 * 1024) /* a piece, all in all */
#define WALDOI_SMALL      512         /* the first one of a turn */
#define WALDOI_AGE_MS     50          /* PROTOCOL.md F16 */
#define WALDOI_SHARED_MS  10  /* by which frames may differ that share one */
#define WALDOI_LINK_FRAME 512 /* a link frame is at most that long */

typedef struct waldoi_piece waldoi_piece;
struct waldoi_piece {
	waldoi_piece *next;
	const uint8_t *data; /* `store`, or the user's */
	waldoi_taken *taken; /* whose bytes they are; NULL for our own */
	uint64_t last;  /* the number of the last frame that has bytes here */
	uint64_t since; /* when the first that is not sent was queued */
	uint32_t len, sent;
	uint32_t cap; /* as `len`, if they are not our own */
	bool open;    /* the last frame goes on in the next piece */
	uint8_t store[];
};

typedef struct waldoi_output {
	waldoi_piece *head;    /* the oldest; NULL: all is sent and settled */
	waldoi_piece *current; /* the first with bytes that are not sent */
	waldoi_piece *tail;
	uint64_t frames;         /* queued so far; the number of the last */
	uint64_t sent;           /* of them, given to the kernel whole */
	size_t unsent, retained; /* bytes of frames */
	size_t max_retained;
	uint32_t frame_left; /* bytes still to go of the one under way */
	uint32_t age_ms;     /* as the peer was last told */
	uint8_t *link;       /* link frames that have not left; NULL: none */
	uint16_t link_len, link_sent, link_cap;
	bool age_told : 1; /* and no frame has begun since */
	bool ended : 1;    /* no frame is begun any more */
	bool retain : 1;   /* frames are kept until they are acknowledged */
} waldoi_output;

void waldoi_output_init(waldoi_output *output);
/* Gives back what was taken; nothing is sent any more. */
void waldoi_output_fini(waldoi_output *output, waldo_node *node);

/*
 * Where a frame of at most `len` bytes may be written; NULL without memory. It
 * is queued by waldoi_output_put(), which fills in its length; until then
 * nothing else is called.
 */
uint8_t *waldoi_output_make_room(waldoi_output *output, waldo_node *node,
                                 size_t len);

static inline uint8_t *
waldoi_output_room(waldoi_output *output, waldo_node *node, size_t len)
{
	waldoi_piece *tail = output->tail;

	/* Its frames and the new one can share one AGE. What was all sent is
	 * as old as what comes next. */
	return tail != NULL && tail->cap - tail->len >= len &&
	               tail->sent < tail->len &&
	               waldoi_node_now(node) - tail->since <=
	                   WALDOI_SHARED_MS * UINT64_C(1000)
	           ? tail->store + tail->len
	           : waldoi_output_make_room(output, node, len);
}

static inline void
waldoi_output_put(waldoi_output *output, waldo_node *node, size_t len)
{
	waldoi_piece *tail = output->tail;

	waldoi_pack_be(tail->store + tail->len, len - 4, 4);
	tail->len += (uint32_t) len;
	tail->last = ++output->frames;
	output->unsent += len;
	node->gathered += len;
}

/*
 * Queues one numbered frame: `head` (length and kind included, the length
 * as it is counted here) and a payload in one piece or, if `writer` is not NULL,
 * with what it has taken, which moves over on success. False without memory:
 * then nothing has changed.
 */
bool waldoi_output_frame(waldoi_output *output, waldo_node *node,
                         const uint8_t *head, size_t head_len,
                         const uint8_t *payload, size_t len,
                         waldo_writer *writer);

/* Queues a link frame, complete. False without memory. */
bool waldoi_output_link(waldoi_output *output, waldo_node *node,
                        const uint8_t *frame, size_t len);

/* As much is kept as may be: nothing more begins until it is acknowledged. */
static inline bool
waldoi_output_is_full(const waldoi_output *output)
{
	return output->retain && output->retained >= output->max_retained;
}

static inline bool
waldoi_output_may_send(const waldoi_output *output)
{
	return output->unsent > 0 &&
	       (output->frame_left > 0 ||
	        (!output->ended && !waldoi_output_is_full(output)));
}

/* True if waldoi_output_gather() has something. */
static inline bool
waldoi_output_is_pending(const waldoi_output *output)
{
	return output->link_len > 0 || waldoi_output_may_send(output);
}

/* What to send next, as for waldoi_channel_output(). */
size_t waldoi_output_gather(waldoi_output *output, waldo_node *node,
                            struct iovec *iov, size_t max);
void waldoi_output_sent(waldoi_output *output, waldo_node *node, size_t len);

/* Frames up to `number`, all of them sent, need not be kept. */
void waldoi_output_acked(waldoi_output *output, waldo_node *node,
                         uint64_t number);

/* The peer does not acknowledge: nothing is kept beyond its sending. */
void waldoi_output_let_go(waldoi_output *output, waldo_node *node);

/* The last frame of which a byte was given to the kernel. */
uint64_t waldoi_output_begun(const waldoi_output *output);

#endif
