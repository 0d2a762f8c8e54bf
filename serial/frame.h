/* SPDX-License-Identifier: MIT */
/*
 * serial/frame.h - cutting a byte stream into frames
 *
 *	u32be length | u8 kind | length - 1 bytes of body
 *
 * The cutter lends what it cuts: a frame that lies whole in the bytes that it
 * was fed is never copied. What is left over is copied into a buffer of the
 * cutter's own, which grows with the bytes that are there, not with what a
 * length claims: it is at most 64 KiB or four times as large as they are,
 * whichever is more, unless a large one is spared. An idle cutter owns nothing.
 * A frame above WALDOI_DIRECT is received straight into that buffer
 * (waldoi_cutter_space).
 */
#ifndef WALDOI_FRAME_H
#define WALDOI_FRAME_H

#include <waldo/error.h>

#define WALDOI_FRAME_HEAD 5 /* length and kind */
#define WALDOI_DIRECT     (16 * 1024)

typedef struct waldoi_frame {
	uint8_t kind;
	uint8_t *body; /* writable: a reader ends strings in place */
	size_t len;    /* of the body */
} waldoi_frame;

/* What is left over from earlier. */
typedef struct waldoi_kept {
	size_t pos; /* cut so far, of `len` bytes */
	size_t len, cap;
	bool lent; /* it was spared, and is large */
	uint8_t bytes[];
} waldoi_kept;

/* Buffers that no cutter of a thread needs at the moment: small ones, one of
 * each size, so that none is allocated where some frames are left over in each
 * turn; and a large one. Whoever has that need not grow its own, and copy what
 * is there each time. It is lent to one at a time: peers that begin frames and
 * do not end them cost no more than that. */
enum { WALDOI_SPARES = 3 };
typedef struct waldoi_spares {
	waldoi_kept *of[WALDOI_SPARES]; /* NULL: none is left */
	waldoi_kept *large;             /* as well */
	bool lent;                      /* a large one, which will come back */
} waldoi_spares;

void waldoi_spares_fini(waldoi_spares *spares);

typedef struct waldoi_cutter {
	waldoi_spares *spares; /* borrowed, set behind init; NULL: none */
	waldoi_kept *own;      /* NULL if nothing is left over */
	uint8_t *fed;          /* borrowed from the caller of feed until keep */
	uint32_t fed_len;
	uint32_t max_frame; /* the most that `length` may say */
} waldoi_cutter;

typedef enum waldoi_cut {
	WALDOI_CUT_FRAME,  /* *ret_frame is one */
	WALDOI_CUT_MORE,   /* more bytes are needed */
	WALDOI_CUT_LIMIT,  /* a length above max_frame; *ret_frame.len has it */
	WALDOI_CUT_BROKEN, /* a length of 0 */
	WALDOI_CUT_NOMEM
} waldoi_cut;

void waldoi_cutter_init(waldoi_cutter *cutter, uint32_t max_frame);
void waldoi_cutter_fini(waldoi_cutter *cutter);

/*
 * Where the next bytes should be received: inside the own buffer, when the
 * rest of a frame above WALDOI_DIRECT is awaited; then they are announced
 * by waldoi_cutter_received(). NULL: wherever the caller likes, and then fed.
 * Space never reaches beyond the awaited frame.
 */
uint8_t *waldoi_cutter_space(waldoi_cutter *cutter, size_t *ret_len);
void waldoi_cutter_received(waldoi_cutter *cutter, size_t len);

/* Lends `data`, less than 4 GiB, until waldoi_cutter_keep(). Nothing else may be
 * fed and not yet kept. */
void waldoi_cutter_feed(waldoi_cutter *cutter, uint8_t *data, size_t len);

/* The next frame, which lives until the next call of a function here. */
waldoi_cut waldoi_cutter_next(waldoi_cutter *cutter, waldoi_frame *ret_frame);

/* Copies out what was fed and not cut, whole frames too, so that the caller
 * has its buffer back; frees the own buffer if there is nothing. */
waldo_err waldoi_cutter_keep(waldoi_cutter *cutter) WALDO_MUST_CHECK;

/* True if whole frames may be waiting, from a turn that was cut short. */
bool waldoi_cutter_is_ready(const waldoi_cutter *cutter);

/* Bytes of the peer's that the cutter has room for. */
static inline size_t
waldoi_cutter_owned(const waldoi_cutter *cutter)
{
	return cutter->own == NULL ? 0 : cutter->own->cap;
}

#endif
