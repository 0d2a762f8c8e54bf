/* SPDX-License-Identifier: MIT */
/*
 * A stream in pieces: the cutter gives the frames that a plain cut of the
 * whole stream gives, and owns no more than it may.
 *
 * The first byte is the number of steps, each a byte: how much is fed (low
 * five bits, times the sixth: 1 or 97) and whether only one frame is cut
 * before the rest is kept. The steps are repeated until the stream ends.
 */
#include "serial/frame.h"
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAME 100000

struct stream {
	const uint8_t *data;
	size_t len;
	size_t pos; /* of the next frame that is expected */
};

static void
require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "not so: %s\n", what);
		abort();
	}
}

/* What the plain cut says stands at stream->pos, of `come` bytes. */
static waldoi_cut
plain(const struct stream *stream, size_t come, size_t *ret_length)
{
	const uint8_t *p = stream->data + stream->pos;

	if (come - stream->pos < 4) {
		return WALDOI_CUT_MORE;
	}
	*ret_length = (size_t) p[0] << 24 | (size_t) p[1] << 16 |
	              (size_t) p[2] << 8 | p[3];
	if (*ret_length == 0) {
		return WALDOI_CUT_BROKEN;
	}
	if (*ret_length > MAX_FRAME) {
		return WALDOI_CUT_LIMIT;
	}
	return come - stream->pos - 4 < *ret_length ? WALDOI_CUT_MORE
	                                            : WALDOI_CUT_FRAME;
}

/* Cuts one frame and compares; false if there is none. */
static bool
cut(waldoi_cutter *cutter, struct stream *stream, size_t come)
{
	const uint8_t *p = stream->data + stream->pos;
	waldoi_frame frame;
	size_t length = 0;
	waldoi_cut want = plain(stream, come, &length);
	bool ready = waldoi_cutter_is_ready(cutter);

	require(ready || want == WALDOI_CUT_MORE, "ready");
	require(waldoi_cutter_next(cutter, &frame) == want, "same cut");
	if (want == WALDOI_CUT_LIMIT) {
		require(frame.len == length, "length told");
	}
	if (want != WALDOI_CUT_FRAME) {
		return false;
	}
	require(frame.kind == p[4], "same kind");
	require(frame.len == length - 1, "same length");
	require(memcmp(frame.body, p + 5, frame.len) == 0, "same body");
	stream->pos += 4 + length;
	return true;
}

/* Hands over up to `len` bytes, in the cutter's space if it has some, cuts
 * and keeps. Returns how many bytes were handed over. */
static size_t
step(waldoi_cutter *cutter, struct stream *stream, size_t come, size_t len,
     bool cut_short)
{
	uint8_t *piece = NULL;
	size_t room;
	uint8_t *space = waldoi_cutter_space(cutter, &room);

	if (space != NULL) {
		len = len < room ? len : room;
		memcpy(space, stream->data + come, len);
		waldoi_cutter_received(cutter, len);
	} else {
		/* Of its own size, and gone after keep. */
		piece = malloc(len > 0 ? len : 1);
		require(piece != NULL, "memory");
		memcpy(piece, stream->data + come, len);
		waldoi_cutter_feed(cutter, piece, len);
	}
	come += len;
	while (cut(cutter, stream, come) && !cut_short) {
	}
	require(waldoi_cutter_keep(cutter) == WALDO_OK, "kept");
	free(piece);
	require(waldoi_cutter_owned(cutter) <= 4 * 1024 ||
	            waldoi_cutter_owned(cutter) <= 4 * (come - stream->pos),
	        "memory in proportion");
	require(come > stream->pos || waldoi_cutter_owned(cutter) == 0,
	        "nothing owned for nothing");
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	waldoi_cutter cutter;
	struct stream stream;
	const uint8_t *steps = data + 1;
	size_t count, come = 0;
	size_t piece;

	if (len < 2 || data[0] == 0 || (size_t) data[0] + 1 > len) {
		return 0;
	}
	count = data[0];
	stream.data = data + 1 + count;
	stream.len = len - 1 - count;
	stream.pos = 0;
	waldoi_cutter_init(&cutter, MAX_FRAME);
	for (size_t i = 0; come < stream.len; i++) {
		piece = (steps[i % count] & 31) + (size_t) 1;
		piece *= (steps[i % count] & 32) != 0 ? 97 : 1;
		piece = piece < stream.len - come ? piece : stream.len - come;
		come += step(&cutter, &stream, come, piece,
		             (steps[i % count] & 64) != 0);
	}
	while (cut(&cutter, &stream, come)) {
	}
	waldoi_cutter_fini(&cutter);
	return 0;
}
