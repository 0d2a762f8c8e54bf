/* SPDX-License-Identifier: MIT */
/*
 * broker/session/output.h - what a session has to send, and has sent
 *
 * Numbered frames stand in pieces, oldest first:
 *
 *	[ sent, not acknowledged | sent in part | not sent ]
 *
 * A piece is a slab of many small frames, a frame of its own if it is large,
 * or bytes of the user's (waldo_put_bytes_take). Where frames are
 * acknowledged (PROTOCOL.md P20), they stay until they are; else until they
 * are sent. Link frames have no number and are never kept: they go out of a
 * small buffer of their own, between two frames.
 */
#ifndef WALDOI_OUTPUT_H
#define WALDOI_OUTPUT_H

#include "broker/node.h"

#define WALDOI_SLAB       (16 * 1024) /* a piece, all in all */
#define WALDOI_AGE_MS     50          /* PROTOCOL.md F16 */
#define WALDOI_SHARED_MS  10 /* by which frames may differ that share one */
#define WALDOI_FEW_LINK   40
#define WALDOI_LINK_FRAME 512 /* a link frame is at most that long */

typedef struct waldoi_piece waldoi_piece;

typedef struct waldoi_output {
	waldoi_piece *head;    /* the oldest; NULL: all is sent and settled */
	waldoi_piece *current; /* the first with bytes that are not sent */
	waldoi_piece *tail;
	uint64_t frames;   /* queued so far; the number of the last */
	uint64_t sent;     /* of them, given to the kernel whole */
	size_t frame_left; /* bytes still to go of the one that is under way */
	size_t unsent, retained; /* bytes of frames */
	size_t max_retained;
	bool age_told;   /* and no frame has begun since */
	uint32_t age_ms; /* as the peer was last told */
	bool ended;      /* no frame is begun any more */
	bool retain;     /* frames are kept until they are acknowledged */
	uint8_t *link;   /* link frames that have not left; NULL: in `few` */
	uint16_t link_len, link_sent, link_cap;
	uint8_t few[WALDOI_FEW_LINK]; /* an ACK and a PONG: the steady state
	                               * allocates nothing */
} waldoi_output;

void waldoi_output_init(waldoi_output *output);
/* Gives back what was taken; nothing is sent any more. */
void waldoi_output_fini(waldoi_output *output, waldo_node *node);

/*
 * Queues one numbered frame: `head` (length and kind included, the length
 * filled in here) and a payload in one piece or, if `writer` is not NULL,
 * with what it has taken, which moves over on success. False without memory:
 * then nothing has changed.
 */
bool waldoi_output_frame(waldoi_output *output, waldo_node *node, uint8_t *head,
                         size_t head_len, const uint8_t *payload, size_t len,
                         waldo_writer *writer);

/* Queues a link frame, complete. False without memory. */
bool waldoi_output_link(waldoi_output *output, const uint8_t *frame,
                        size_t len);

/* True if waldoi_output_gather() has something. */
bool waldoi_output_is_pending(const waldoi_output *output);

/* What to send next, as for waldoi_channel_output(). */
size_t waldoi_output_gather(waldoi_output *output, uint64_t now,
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
