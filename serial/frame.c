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

/* The largest that is spared. */
#define LARGE_SPARE ((size_t) 2 * 1024 * 1024)

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
	free(spares->large);
	spares->large = NULL;
}

/* Where one of that size is spared; NULL: nowhere. */
static waldoi_kept **
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

static waldoi_kept *
take_own(waldoi_cutter *cutter, size_t cap)
{
	waldoi_kept **spare = spare_of(cutter, cap), *own;

	if (spare != NULL && *spare != NULL) {
		own = *spare;
		*spare = NULL;
	} else {
		own = malloc(sizeof(*own) + cap);
	}
	if (own != NULL) {
		own->pos = own->len = 0;
		own->cap = cap;
		own->lent = false;
	}
	return own;
}

/* Of two large ones the larger is spared. */
static void
spare_large(waldoi_spares *spares, waldoi_kept *own)
{
	waldoi_kept *other = spares->large;

	if (own->lent) {
		spares->lent = false;
	}
	if (own->cap > MOST_SPARE && own->cap <= LARGE_SPARE &&
	    (other == NULL || other->cap < own->cap)) {
		spares->large = own;
		own = other;
	}
	free(own);
}

/* ---- the own buffer */

static void
own_free(waldoi_cutter *cutter)
{
	waldoi_kept *own = cutter->own;
	waldoi_kept **spare = own == NULL ? NULL : spare_of(cutter, own->cap);

	if (spare != NULL && *spare == NULL) {
		*spare = own;
	} else if (own != NULL && cutter->spares != NULL) {
		spare_large(cutter->spares, own);
	} else {
		free(own);
	}
	cutter->own = NULL;
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
	return cutter->own == NULL ? 0 : cutter->own->len - cutter->own->pos;
}

/* Where what is left begins; there is some. */
static uint8_t *
own_begin(const waldoi_cutter *cutter)
{
	return cutter->own->bytes + cutter->own->pos;
}

/* Room for what is left and what comes behind it. */
static size_t
own_room(const waldoi_cutter *cutter)
{
	return cutter->own == NULL ? 0 : cutter->own->cap - cutter->own->pos;
}

static size_t
own_bound(size_t used)
{
	return 4 * used > OWN_SMALL ? 4 * used : OWN_SMALL;
}

/* Moves what is left to the front and makes the capacity `cap`, which is not
 * less than what is left. */
static bool
own_resize(waldoi_cutter *cutter, size_t cap)
{
	waldoi_kept *old = cutter->own, *own;

	if (old != NULL && old->pos > 0) {
		old->len -= old->pos;
		memmove(old->bytes, old->bytes + old->pos, old->len);
		old->pos = 0;
	}
	if (old != NULL && cap == old->cap) {
		return true;
	}
	if (old != NULL && spare_of(cutter, cap) == NULL &&
	    spare_of(cutter, old->cap) == NULL) {
		own = realloc(old, sizeof(*own) + cap);
		if (own == NULL) {
			return false;
		}
		own->cap = cap;
		cutter->own = own;
		return true;
	}
	own = take_own(cutter, cap);
	if (own == NULL) {
		return false;
	}
	if (old != NULL) {
		memcpy(own->bytes, old->bytes, old->len);
		own->len = old->len;
		own_free(cutter);
	}
	cutter->own = own;
	return true;
}

/* Has the large one be the own, if it is spared, and of use for `want` bytes.
 */
static bool
own_borrow(waldoi_cutter *cutter, size_t want)
{
	waldoi_spares *spares = cutter->spares;
	waldoi_kept *large = spares == NULL ? NULL : spares->large;

	if (want <= MOST_SPARE || large == NULL || large->cap < want ||
	    spares->lent) {
		return false;
	}
	spares->large = NULL;
	spares->lent = large->lent = true;
	large->pos = 0;
	large->len = own_left(cutter);
	if (large->len > 0) {
		memcpy(large->bytes, own_begin(cutter), large->len);
	}
	own_free(cutter);
	cutter->own = large;
	return true;
}

/* Makes room behind what is left, up to `want` bytes altogether if that is
 * in proportion to what has come (`used`). */
static bool
own_reserve(waldoi_cutter *cutter, size_t want, size_t used)
{
	size_t cap = want < own_bound(used) ? want : own_bound(used);

	return own_room(cutter) >= cap || own_borrow(cutter, want) ||
	       own_resize(cutter, cap);
}

/* Moves up to `len` fed bytes into the own buffer, which has the room. */
static void
own_append(waldoi_cutter *cutter, size_t len)
{
	waldoi_kept *own = cutter->own;

	if (len > cutter->fed_len) {
		len = cutter->fed_len;
	}
	if (len > 0) {
		memcpy(own->bytes + own->len, cutter->fed, len);
		own->len += len;
		cutter->fed += len;
		cutter->fed_len -= (uint32_t) len;
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
	return LENGTH_BYTES + waldoi_be_load32(own_begin(cutter));
}

uint8_t *
waldoi_cutter_space(waldoi_cutter *cutter, size_t *ret_len)
{
	waldoi_frame frame;
	size_t awaited;
	size_t room;

	if (cutter->fed_len > 0 || own_left(cutter) == 0 ||
	    look(cutter, own_begin(cutter), own_left(cutter), &frame) !=
	        WALDOI_CUT_MORE) {
		return NULL;
	}
	awaited = own_awaited(cutter);
	if (awaited <= LENGTH_BYTES + WALDOI_DIRECT ||
	    !own_reserve(cutter, awaited, own_left(cutter))) {
		return NULL;
	}
	room = cutter->own->cap - cutter->own->len;
	awaited -= own_left(cutter);
	*ret_len = awaited < room ? awaited : room;
	return cutter->own->bytes + cutter->own->len;
}

void
waldoi_cutter_received(waldoi_cutter *cutter, size_t len)
{
	assert(len <= cutter->own->cap - cutter->own->len);
	cutter->own->len += len;
}

void
waldoi_cutter_feed(waldoi_cutter *cutter, uint8_t *data, size_t len)
{
	assert(cutter->fed_len == 0 && len <= UINT32_MAX);
	cutter->fed = data;
	cutter->fed_len = (uint32_t) len;
}

/* A frame that begins in the own buffer; what it lacks is taken from what was
 * fed, and no more than that, so that the frames behind it are not copied. */
static WALDOI_APART waldoi_cut
next_own(waldoi_cutter *cutter, waldoi_frame *ret_frame)
{
	waldoi_cut cut;
	size_t awaited;
	size_t lacks;

	while ((cut = look(cutter, own_begin(cutter), own_left(cutter),
	                   ret_frame)) == WALDOI_CUT_MORE &&
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
		cutter->own->pos += WALDOI_FRAME_HEAD + ret_frame->len;
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
		cutter->fed_len -= (uint32_t) size;
	}
	return cut;
}

/* How much the frame takes that begins what was fed, or all of it if that is
 * more: nothing is left from earlier. */
static size_t
fed_awaited(const waldoi_cutter *cutter)
{
	size_t size =
	    cutter->fed_len < LENGTH_BYTES
	        ? LENGTH_BYTES
	        : LENGTH_BYTES + (size_t) waldoi_be_load32(cutter->fed);

	return size < cutter->fed_len ? cutter->fed_len : size;
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

/* Has the own buffer have room for `need` bytes, and be in proportion. */
static bool
own_fit(waldoi_cutter *cutter, size_t need)
{
	bool is_too_large =
	    waldoi_cutter_owned(cutter) > own_bound(need) && !cutter->own->lent;

	if (cutter->own == NULL && own_borrow(cutter, fed_awaited(cutter))) {
		return true;
	}
	return (own_room(cutter) >= need && !is_too_large) ||
	       own_resize(cutter, own_size(need));
}

waldo_err
waldoi_cutter_keep(waldoi_cutter *cutter)
{
	size_t need = own_left(cutter) + cutter->fed_len;

	if (cutter->own != NULL && own_left(cutter) == 0) {
		own_free(cutter);
	}
	if (need == 0) {
		return WALDO_OK;
	}
	if (!own_fit(cutter, need)) {
		return WALDO_ENOMEM;
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
	       look(cutter, own_begin(cutter), own_left(cutter), &frame) !=
	           WALDOI_CUT_MORE;
}
