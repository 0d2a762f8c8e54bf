/* SPDX-License-Identifier: MIT */
#include "serial/frame.h"

#include "serial/api.h"
#include "serial/be.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4

/* The own buffer is never larger than this or four times what is in it,
 * whichever is more: a claimed length alone costs a peer nothing. */
#define OWN_SMALL (4 * 1024)

/* Sizes of buffers that are spared, each four times the last. */
#define LEAST_SPARE 1024
#define MOST_SPARE  (16 * 1024)

void
waldoi_cutter_init(waldoi_cutter *cutter, uint32_t max_frame)
{
	memset(cutter, 0, sizeof(*cutter));
	cutter->max_frame = max_frame;
}

/* ---- spares */

void
waldoi_spares_fini(waldoi_spares *spares)
{
	for (int i = 0; i < WALDOI_SPARES; i++) {
		free(spares->of[i]);
		spares->of[i] = NULL;
	}
}

/* Where one of that size is spared; NULL: nowhere. */
static uint8_t **
spare_of(const waldoi_cutter *cutter, size_t cap)
{
	size_t size = LEAST_SPARE;
	int i = 0;

	while (size < cap && size < MOST_SPARE) {
		size *= 4;
		i++;
	}
	return cutter->spares == NULL || size != cap ? NULL
	                                             : &cutter->spares->of[i];
}

static uint8_t *
take_own(waldoi_cutter *cutter, size_t cap)
{
	uint8_t **spare = spare_of(cutter, cap), *own;

	if (spare == NULL || *spare == NULL) {
		return malloc(cap);
	}
	own = *spare;
	*spare = NULL;
	return own;
}

static void
give_own(waldoi_cutter *cutter)
{
	uint8_t **spare = spare_of(cutter, cutter->own_cap);

	if (cutter->own != NULL && spare != NULL && *spare == NULL) {
		*spare = cutter->own;
	} else {
		free(cutter->own);
	}
}

/* ---- the own buffer */

static void
own_free(waldoi_cutter *cutter)
{
	give_own(cutter);
	cutter->own = NULL;
	cutter->own_pos = cutter->own_len = cutter->own_cap = 0;
}

void
waldoi_cutter_fini(waldoi_cutter *cutter)
{
	own_free(cutter);
	cutter->fed = NULL;
	cutter->fed_len = 0;
}

static size_t
own_left(const waldoi_cutter *cutter)
{
	return cutter->own_len - cutter->own_pos;
}

static size_t
own_bound(size_t used)
{
	return 4 * used > OWN_SMALL ? 4 * used : OWN_SMALL;
}

static void
own_move_to_front(waldoi_cutter *cutter)
{
	if (cutter->own_pos > 0) {
		cutter->own_len = own_left(cutter);
		memmove(cutter->own, cutter->own + cutter->own_pos,
		        cutter->own_len);
		cutter->own_pos = 0;
	}
}

/* Moves what is left to the front and makes the capacity `cap`, which is not
 * less than what is left. */
static bool
own_resize(waldoi_cutter *cutter, size_t cap)
{
	uint8_t *own;

	own_move_to_front(cutter);
	if (cap == cutter->own_cap) {
		return true;
	}
	if (spare_of(cutter, cap) == NULL &&
	    spare_of(cutter, cutter->own_cap) == NULL) {
		own = realloc(cutter->own, cap);
	} else {
		own = take_own(cutter, cap);
		if (own != NULL && cutter->own_len > 0) {
			memcpy(own, cutter->own, cutter->own_len);
		}
		if (own != NULL) {
			give_own(cutter);
		}
	}
	if (own == NULL) {
		return false;
	}
	cutter->own = own;
	cutter->own_cap = cap;
	return true;
}

/* Makes room behind what is left, up to `want` bytes altogether if that is
 * in proportion to what has come (`used`). */
static bool
own_reserve(waldoi_cutter *cutter, size_t want, size_t used)
{
	size_t cap = want < own_bound(used) ? want : own_bound(used);

	if (cutter->own_cap - cutter->own_pos >= cap) {
		return true;
	}
	return own_resize(cutter, cap);
}

/* Moves up to `len` fed bytes into the own buffer, which has the room. */
static void
own_append(waldoi_cutter *cutter, size_t len)
{
	if (len > cutter->fed_len) {
		len = cutter->fed_len;
	}
	if (len > 0) {
		memcpy(cutter->own + cutter->own_len, cutter->fed, len);
		cutter->own_len += len;
		cutter->fed += len;
		cutter->fed_len -= len;
	}
}

/* What the `len` bytes at `p` begin with; FRAME and LIMIT fill *ret_frame. */
static inline waldoi_cut
look(const waldoi_cutter *cutter, uint8_t *p, size_t len,
     waldoi_frame *ret_frame)
{
	size_t length;

	if (len < LENGTH_BYTES) {
		return WALDOI_CUT_MORE;
	}
	length = waldoi_be_load32(p);
	if (length == 0) {
		return WALDOI_CUT_BROKEN;
	}
	if (length > cutter->max_frame) {
		ret_frame->len = length;
		return WALDOI_CUT_LIMIT;
	}
	if (len - LENGTH_BYTES < length) {
		return WALDOI_CUT_MORE;
	}
	ret_frame->kind = p[LENGTH_BYTES];
	ret_frame->body = p + WALDOI_FRAME_HEAD;
	ret_frame->len = length - 1;
	return WALDOI_CUT_FRAME;
}

/* The size of the frame that the own buffer begins with and that look()
 * found incomplete; that of the length alone as long as it is not there. */
static size_t
own_awaited(const waldoi_cutter *cutter)
{
	if (own_left(cutter) < LENGTH_BYTES) {
		return LENGTH_BYTES;
	}
	return LENGTH_BYTES + waldoi_be_load32(cutter->own + cutter->own_pos);
}

uint8_t *
waldoi_cutter_space(waldoi_cutter *cutter, size_t *ret_len)
{
	waldoi_frame frame;
	size_t awaited;
	size_t room;

	if (cutter->fed_len > 0 || own_left(cutter) == 0 ||
	    look(cutter, cutter->own + cutter->own_pos, own_left(cutter),
	         &frame) != WALDOI_CUT_MORE) {
		return NULL;
	}
	awaited = own_awaited(cutter);
	if (awaited <= LENGTH_BYTES + WALDOI_DIRECT ||
	    !own_reserve(cutter, awaited, own_left(cutter))) {
		return NULL;
	}
	room = cutter->own_cap - cutter->own_len;
	awaited -= own_left(cutter);
	*ret_len = awaited < room ? awaited : room;
	return cutter->own + cutter->own_len;
}

void
waldoi_cutter_received(waldoi_cutter *cutter, size_t len)
{
	assert(len <= cutter->own_cap - cutter->own_len);
	cutter->own_len += len;
}

void
waldoi_cutter_feed(waldoi_cutter *cutter, uint8_t *data, size_t len)
{
	assert(cutter->fed_len == 0);
	cutter->fed = data;
	cutter->fed_len = len;
}

/* A frame that begins in the own buffer; what it lacks is taken from what was
 * fed, and no more than that, so that the frames behind it are not copied. */
static WALDOI_APART waldoi_cut
next_own(waldoi_cutter *cutter, waldoi_frame *ret_frame)
{
	waldoi_cut cut;
	size_t awaited;
	size_t lacks;

	while ((cut = look(cutter, cutter->own + cutter->own_pos,
	                   own_left(cutter), ret_frame)) == WALDOI_CUT_MORE &&
	       cutter->fed_len > 0) {
		awaited = own_awaited(cutter);
		lacks = awaited - own_left(cutter);
		if (lacks > cutter->fed_len) {
			lacks = cutter->fed_len;
		}
		if (!own_reserve(cutter, awaited, own_left(cutter) + lacks)) {
			return WALDOI_CUT_NOMEM;
		}
		own_append(cutter, lacks);
	}
	if (cut == WALDOI_CUT_FRAME) {
		cutter->own_pos += WALDOI_FRAME_HEAD + ret_frame->len;
	}
	return cut;
}

waldoi_cut
waldoi_cutter_next(waldoi_cutter *cutter, waldoi_frame *ret_frame)
{
	waldoi_cut cut;
	size_t size;

	if (own_left(cutter) > 0) {
		return next_own(cutter, ret_frame);
	}
	cut = look(cutter, cutter->fed, cutter->fed_len, ret_frame);
	if (cut == WALDOI_CUT_FRAME) {
		size = WALDOI_FRAME_HEAD + ret_frame->len;
		cutter->fed += size;
		cutter->fed_len -= size;
	}
	return cut;
}

/* One that is spared, if it is in proportion. */
static size_t
own_size(size_t need)
{
	size_t size = LEAST_SPARE;

	while (size < need && size < MOST_SPARE) {
		size *= 4;
	}
	return size < need ? need : size;
}

waldo_err
waldoi_cutter_keep(waldoi_cutter *cutter)
{
	size_t need = own_left(cutter) + cutter->fed_len;

	if (own_left(cutter) == 0) {
		own_free(cutter);
	}
	if (need == 0) {
		return WALDO_OK;
	}
	if (cutter->own_cap - cutter->own_pos < need ||
	    cutter->own_cap > own_bound(need)) {
		if (!own_resize(cutter, own_size(need))) {
			return WALDO_ENOMEM;
		}
	}
	own_append(cutter, cutter->fed_len);
	cutter->fed = NULL;
	return WALDO_OK;
}

bool
waldoi_cutter_is_ready(const waldoi_cutter *cutter)
{
	waldoi_frame frame;

	if (own_left(cutter) == 0) {
		return look(cutter, cutter->fed, cutter->fed_len, &frame) !=
		       WALDOI_CUT_MORE;
	}
	return cutter->fed_len > 0 ||
	       look(cutter, cutter->own + cutter->own_pos, own_left(cutter),
	            &frame) != WALDOI_CUT_MORE;
}

size_t
waldoi_cutter_owned(const waldoi_cutter *cutter)
{
	return cutter->own_cap;
}
