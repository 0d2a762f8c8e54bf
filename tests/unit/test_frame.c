/* SPDX-License-Identifier: MIT */
#include "serial/frame.h"
#include "tests/waldo_test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAME (8 * 1024 * 1024)
#define SMALL     (4 * 1024) /* what a cutter may own without reason */

static size_t
put_length(uint8_t *p, uint32_t length)
{
	p[0] = (uint8_t) (length >> 24);
	p[1] = (uint8_t) (length >> 16);
	p[2] = (uint8_t) (length >> 8);
	p[3] = (uint8_t) length;
	return 4;
}

/* A frame of `len` bytes of body, which depend on `kind`. */
static size_t
put_frame(uint8_t *p, uint8_t kind, size_t len)
{
	put_length(p, (uint32_t) len + 1);
	p[4] = kind;
	for (size_t i = 0; i < len; i++) {
		p[WALDOI_FRAME_HEAD + i] = (uint8_t) (kind + i * 7);
	}
	return WALDOI_FRAME_HEAD + len;
}

static bool
is_frame(const waldoi_frame *frame, uint8_t kind, size_t len)
{
	if (frame->kind != kind || frame->len != len) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (frame->body[i] != (uint8_t) (kind + i * 7)) {
			return false;
		}
	}
	return true;
}

static uint8_t *
large(size_t size)
{
	uint8_t *data = malloc(size);

	assert_non_null(data);
	return data;
}

static const size_t sizes[] = {0, 1, 3, 0, 40, 300, 2, 0, 70};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* The frames of `sizes`, whose kinds are their numbers. */
static size_t
put_stream(uint8_t *to)
{
	size_t len = 0;

	for (size_t i = 0; i < SIZES; i++) {
		len += put_frame(to + len, (uint8_t) i, sizes[i]);
	}
	return len;
}

/* Feeds a copy, so that a frame that is lent too long is seen, cuts what there
 * is, but at most `most` frames, and keeps the rest. Returns the next kind. */
static size_t
feed(waldoi_cutter *cutter, const uint8_t *data, size_t len, size_t next,
     size_t most)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	waldoi_frame frame;

	assert_non_null(copy);
	memcpy(copy, data, len);
	waldoi_cutter_feed(cutter, copy, len);
	while (most-- > 0 &&
	       waldoi_cutter_next(cutter, &frame) == WALDOI_CUT_FRAME) {
		assert_true(next < SIZES);
		assert_true(is_frame(&frame, (uint8_t) next, sizes[next]));
		next++;
	}
	assert_ok(waldoi_cutter_keep(cutter));
	free(copy);
	return next;
}

static void
a_stream_is_cut_alike_wherever_it_is_split(void **state)
{
	uint8_t stream[1024];
	size_t len = put_stream(stream);
	waldoi_cutter cutter;
	size_t next;

	(void) state;

	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b += 1 + a % 5) {
			waldoi_cutter_init(&cutter, MAX_FRAME);
			next = feed(&cutter, stream, a, 0, SIZES);
			next = feed(&cutter, stream + a, b - a, next, SIZES);
			next = feed(&cutter, stream + b, len - b, next, SIZES);
			assert_int_equal(next, SIZES);
			assert_int_equal(waldoi_cutter_owned(&cutter), 0);
			waldoi_cutter_fini(&cutter);
		}
	}
}

static void
a_stream_that_trickles_is_cut_alike(void **state)
{
	uint8_t stream[1024];
	size_t len = put_stream(stream);
	waldoi_cutter cutter;
	size_t next = 0;

	(void) state;

	waldoi_cutter_init(&cutter, MAX_FRAME);
	for (size_t i = 0; i < len; i++) {
		next = feed(&cutter, stream + i, 1, next, SIZES);
	}
	assert_int_equal(next, SIZES);
	assert_int_equal(waldoi_cutter_owned(&cutter), 0);
	waldoi_cutter_fini(&cutter);
}

static void
frames_kept_from_a_turn_cut_short_come_first(void **state)
{
	uint8_t stream[1024];
	size_t len = put_stream(stream);
	waldoi_cutter cutter;
	size_t next;

	(void) state;

	for (size_t split = 0; split <= len; split++) {
		waldoi_cutter_init(&cutter, MAX_FRAME);
		next = feed(&cutter, stream, split, 0, 1);
		next = feed(&cutter, stream + split, len - split, next, 2);
		while (next < SIZES) {
			assert_true(waldoi_cutter_is_ready(&cutter));
			next = feed(&cutter, stream, 0, next, 1);
		}
		assert_false(waldoi_cutter_is_ready(&cutter));
		assert_int_equal(waldoi_cutter_owned(&cutter), 0);
		waldoi_cutter_fini(&cutter);
	}
}

static void
a_whole_frame_is_lent_not_copied(void **state)
{
	uint8_t data[64];
	size_t len = put_frame(data, 1, 10);
	waldoi_cutter cutter;
	waldoi_frame frame;

	(void) state;

	waldoi_cutter_init(&cutter, MAX_FRAME);
	waldoi_cutter_feed(&cutter, data, len);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_ptr_equal(frame.body, data + WALDOI_FRAME_HEAD);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_MORE);
	assert_int_equal(waldoi_cutter_owned(&cutter), 0);
	waldoi_cutter_fini(&cutter);
}

/* The first frame is completed in the cutter, the second stays where it is. */
static void
only_the_missing_bytes_of_a_frame_are_copied(void **state)
{
	uint8_t data[256];
	size_t first = put_frame(data, 1, 20);
	size_t len = first + put_frame(data + first, 2, 30);
	waldoi_cutter cutter;
	waldoi_frame frame;

	(void) state;

	waldoi_cutter_init(&cutter, MAX_FRAME);
	waldoi_cutter_feed(&cutter, data, 9);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_MORE);
	assert_ok(waldoi_cutter_keep(&cutter));
	waldoi_cutter_feed(&cutter, data + 9, len - 9);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_true(is_frame(&frame, 1, 20));
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_true(is_frame(&frame, 2, 30));
	assert_ptr_equal(frame.body, data + first + WALDOI_FRAME_HEAD);
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_int_equal(waldoi_cutter_owned(&cutter), 0);
	waldoi_cutter_fini(&cutter);
}

static void
a_length_above_the_limit_is_told_before_its_frame_comes(void **state)
{
	uint8_t data[8];
	waldoi_cutter cutter;
	waldoi_frame frame;

	(void) state;

	put_length(data, 1001);
	waldoi_cutter_init(&cutter, 1000);
	waldoi_cutter_feed(&cutter, data, 4);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_LIMIT);
	assert_int_equal(frame.len, 1001);
	assert_true(waldoi_cutter_is_ready(&cutter));
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_LIMIT);
	assert_true(waldoi_cutter_owned(&cutter) <= SMALL);
	waldoi_cutter_fini(&cutter);
}

static void
a_frame_as_long_as_the_limit_is_cut(void **state)
{
	uint8_t data[1004];
	size_t len = put_frame(data, 0, 999);
	waldoi_cutter cutter;
	waldoi_frame frame;

	(void) state;

	waldoi_cutter_init(&cutter, 1000);
	waldoi_cutter_feed(&cutter, data, len);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_true(is_frame(&frame, 0, 999));
	waldoi_cutter_fini(&cutter);
}

static void
a_length_of_zero_is_broken(void **state)
{
	uint8_t data[5] = {0, 0, 0, 0, 1};
	waldoi_cutter cutter;
	waldoi_frame frame;

	(void) state;

	for (size_t split = 0; split < 4; split++) {
		waldoi_cutter_init(&cutter, 1000);
		waldoi_cutter_feed(&cutter, data, split);
		assert_int_equal(waldoi_cutter_next(&cutter, &frame),
		                 WALDOI_CUT_MORE);
		assert_ok(waldoi_cutter_keep(&cutter));
		waldoi_cutter_feed(&cutter, data + split, 5 - split);
		assert_int_equal(waldoi_cutter_next(&cutter, &frame),
		                 WALDOI_CUT_BROKEN);
		waldoi_cutter_fini(&cutter);
	}
}

/* The same frame sent with whatever room the cutter offers. */
static void
a_large_frame_is_received_in_place(void **state)
{
	const size_t body = 1024 * 1024;
	uint8_t *data = large(body + 64);
	size_t len = put_frame(data, 5, body);
	waldoi_cutter cutter;
	waldoi_frame frame;
	uint8_t *space;
	size_t at = 1000;
	size_t room;

	(void) state;

	waldoi_cutter_init(&cutter, MAX_FRAME);
	waldoi_cutter_feed(&cutter, data, at);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_MORE);
	assert_ok(waldoi_cutter_keep(&cutter));
	while (at < len) {
		space = waldoi_cutter_space(&cutter, &room);
		assert_non_null(space);
		assert_true(room > 0 && room <= len - at);
		room = room > 3000 ? room - 1 : room;
		memcpy(space, data + at, room);
		waldoi_cutter_received(&cutter, room);
		at += room;
		assert_true(waldoi_cutter_owned(&cutter) <= SMALL ||
		            waldoi_cutter_owned(&cutter) <= 4 * at);
	}
	assert_null(waldoi_cutter_space(&cutter, &room));
	assert_true(waldoi_cutter_is_ready(&cutter));
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_true(is_frame(&frame, 5, body));
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_MORE);
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_int_equal(waldoi_cutter_owned(&cutter), 0);
	waldoi_cutter_fini(&cutter);
	free(data);
}

static void
no_space_is_offered_for_a_small_frame(void **state)
{
	uint8_t data[64];
	waldoi_cutter cutter;
	size_t room;

	(void) state;

	put_length(data, WALDOI_DIRECT);
	waldoi_cutter_init(&cutter, MAX_FRAME);
	assert_null(waldoi_cutter_space(&cutter, &room));
	waldoi_cutter_feed(&cutter, data, 10);
	assert_null(waldoi_cutter_space(&cutter, &room));
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_null(waldoi_cutter_space(&cutter, &room));
	waldoi_cutter_fini(&cutter);

	put_length(data, WALDOI_DIRECT + 1);
	waldoi_cutter_init(&cutter, MAX_FRAME);
	waldoi_cutter_feed(&cutter, data, 10);
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_non_null(waldoi_cutter_space(&cutter, &room));
	assert_int_equal(room, SMALL - 10); /* more when more has come */
	waldoi_cutter_fini(&cutter);
}

static void
no_space_is_offered_beyond_a_length_that_is_refused(void **state)
{
	uint8_t data[8] = {0xff, 0xff, 0xff, 0xff, 0};
	waldoi_cutter cutter;
	size_t room;

	(void) state;

	waldoi_cutter_init(&cutter, MAX_FRAME);
	waldoi_cutter_feed(&cutter, data, 5);
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_null(waldoi_cutter_space(&cutter, &room));
	waldoi_cutter_fini(&cutter);
}

/* A frame of 8 MiB that comes in pieces is never paid for in advance. */
static void
memory_grows_with_what_has_come_not_with_what_is_claimed(void **state)
{
	static uint8_t piece[50000];
	waldoi_cutter cutter;
	waldoi_frame frame;
	size_t come = 0;

	(void) state;

	put_length(piece, MAX_FRAME);
	waldoi_cutter_init(&cutter, MAX_FRAME);
	while (come + sizeof(piece) < MAX_FRAME) {
		waldoi_cutter_feed(&cutter, piece, sizeof(piece));
		come += sizeof(piece);
		assert_int_equal(waldoi_cutter_next(&cutter, &frame),
		                 WALDOI_CUT_MORE);
		assert_ok(waldoi_cutter_keep(&cutter));
		assert_true(waldoi_cutter_owned(&cutter) >= come);
		assert_true(waldoi_cutter_owned(&cutter) <= 4 * come);
	}
	waldoi_cutter_fini(&cutter);
}

static void
a_large_buffer_does_not_stay_for_a_small_rest(void **state)
{
	const size_t body = 1024 * 1024;
	uint8_t *data = large(body + 64);
	size_t first = put_frame(data, 5, body);
	size_t len = first + put_frame(data + first, 6, 20) - 1;
	waldoi_cutter cutter;
	waldoi_frame frame;

	(void) state;

	waldoi_cutter_init(&cutter, MAX_FRAME);
	waldoi_cutter_feed(&cutter, data, len);
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_ok(waldoi_cutter_keep(&cutter));
	assert_true(waldoi_cutter_owned(&cutter) <= SMALL);
	waldoi_cutter_feed(&cutter, data + len, 1);
	assert_int_equal(waldoi_cutter_next(&cutter, &frame), WALDOI_CUT_FRAME);
	assert_true(is_frame(&frame, 6, 20));
	waldoi_cutter_fini(&cutter);
	free(data);
}

/* Small frames that are left over each time cost no allocation. */
static void
a_small_buffer_is_spared_for_the_next_rest(void **state)
{
	uint8_t data[600];
	size_t first = put_frame(data, 1, 200);
	size_t len = first + put_frame(data + first, 2, 300);
	waldoi_spares spares = {0};
	waldoi_cutter cutter;
	waldoi_frame frame;
	const waldoi_kept *spare;

	(void) state;

	waldoi_cutter_init(&cutter, 1000);
	cutter.spares = &spares;
	for (int i = 0; i < 2; i++) {
		spare = spares.of[0];
		waldoi_cutter_feed(&cutter, data, len);
		assert_int_equal(waldoi_cutter_next(&cutter, &frame),
		                 WALDOI_CUT_FRAME);
		assert_ok(waldoi_cutter_keep(&cutter));
		assert_null(spares.of[0]);
		assert_true(i == 0 || cutter.own == spare);
		assert_int_equal(waldoi_cutter_next(&cutter, &frame),
		                 WALDOI_CUT_FRAME);
		assert_true(is_frame(&frame, 2, 300));
		assert_ok(waldoi_cutter_keep(&cutter));
		assert_int_equal(waldoi_cutter_owned(&cutter), 0);
		assert_non_null(spares.of[0]);
	}
	waldoi_cutter_fini(&cutter);
	waldoi_spares_fini(&spares);
	assert_null(spares.of[0]);
}

/* Begins with the first 1,000 bytes of a frame. */
static void
begin_large(waldoi_cutter *cutter, waldoi_spares *spares, uint8_t *data)
{
	waldoi_frame frame;

	waldoi_cutter_init(cutter, MAX_FRAME);
	cutter->spares = spares;
	waldoi_cutter_feed(cutter, data, 1000);
	assert_int_equal(waldoi_cutter_next(cutter, &frame), WALDOI_CUT_MORE);
	assert_ok(waldoi_cutter_keep(cutter));
}

/* Returns in how many parts it had to be received. */
static unsigned
end_large(waldoi_cutter *cutter, const uint8_t *data, size_t body)
{
	size_t len = WALDOI_FRAME_HEAD + body, at = 1000, room;
	unsigned parts = 0;
	waldoi_frame frame;
	uint8_t *space;

	while (at < len) {
		space = waldoi_cutter_space(cutter, &room);
		assert_non_null(space);
		assert_in_range(room, 1, len - at);
		memcpy(space, data + at, room);
		waldoi_cutter_received(cutter, room);
		at += room;
		parts++;
	}
	assert_int_equal(waldoi_cutter_next(cutter, &frame), WALDOI_CUT_FRAME);
	assert_true(is_frame(&frame, data[4], body));
	assert_ok(waldoi_cutter_keep(cutter));
	assert_int_equal(waldoi_cutter_owned(cutter), 0);
	return parts;
}

static void
a_large_buffer_is_spared_for_the_next_frame(void **state)
{
	const size_t body = 1024 * 1024;
	uint8_t *data = large(body + 64);
	waldoi_spares spares = {0};
	waldoi_cutter cutter;
	const waldoi_kept *spare;

	(void) state;

	(void) put_frame(data, 5, body);
	begin_large(&cutter, &spares, data);
	assert_in_range(end_large(&cutter, data, body), 3, 10);
	spare = spares.large;
	assert_non_null(spare);
	(void) put_frame(data, 6, body - 70);
	begin_large(&cutter, &spares, data);
	assert_ptr_equal(cutter.own, spare);
	assert_int_equal(end_large(&cutter, data, body - 70), 1);
	assert_ptr_equal(spares.large, spare);
	waldoi_spares_fini(&spares);
	assert_null(spares.large);
	free(data);
}

/* Else each of many peers could have one for the beginning of a frame. */
static void
a_large_buffer_is_lent_to_one_at_a_time(void **state)
{
	const size_t body = 1024 * 1024;
	uint8_t *data = large(body + 64);
	waldoi_spares spares = {0};
	waldoi_cutter cutters[3];

	(void) state;

	(void) put_frame(data, 5, body);
	begin_large(&cutters[0], &spares, data);
	(void) end_large(&cutters[0], data, body);
	begin_large(&cutters[0], &spares, data);
	begin_large(&cutters[1], &spares, data);
	(void) end_large(&cutters[1], data, body);
	assert_non_null(spares.large);
	begin_large(&cutters[2], &spares, data);
	assert_in_range(waldoi_cutter_owned(&cutters[2]), 1000, SMALL);
	waldoi_cutter_fini(&cutters[0]);
	(void) end_large(&cutters[2], data, body);
	begin_large(&cutters[2], &spares, data);
	assert_int_equal(end_large(&cutters[2], data, body), 1);
	waldoi_spares_fini(&spares);
	free(data);
}

static void
a_buffer_beyond_all_measure_is_not_spared(void **state)
{
	const size_t body = 3 * 1024 * 1024;
	uint8_t *data = large(body + 64);
	waldoi_spares spares = {0};
	waldoi_cutter cutter;

	(void) state;

	(void) put_frame(data, 5, body);
	begin_large(&cutter, &spares, data);
	(void) end_large(&cutter, data, body);
	assert_null(spares.large);
	waldoi_spares_fini(&spares);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stream_is_cut_alike_wherever_it_is_split),
	    cmocka_unit_test(a_stream_that_trickles_is_cut_alike),
	    cmocka_unit_test(frames_kept_from_a_turn_cut_short_come_first),
	    cmocka_unit_test(a_whole_frame_is_lent_not_copied),
	    cmocka_unit_test(only_the_missing_bytes_of_a_frame_are_copied),
	    cmocka_unit_test(
	        a_length_above_the_limit_is_told_before_its_frame_comes),
	    cmocka_unit_test(a_frame_as_long_as_the_limit_is_cut),
	    cmocka_unit_test(a_length_of_zero_is_broken),
	    cmocka_unit_test(a_large_frame_is_received_in_place),
	    cmocka_unit_test(no_space_is_offered_for_a_small_frame),
	    cmocka_unit_test(
	        no_space_is_offered_beyond_a_length_that_is_refused),
	    cmocka_unit_test(
	        memory_grows_with_what_has_come_not_with_what_is_claimed),
	    cmocka_unit_test(a_large_buffer_does_not_stay_for_a_small_rest),
	    cmocka_unit_test(a_small_buffer_is_spared_for_the_next_rest),
	    cmocka_unit_test(a_large_buffer_is_spared_for_the_next_frame),
	    cmocka_unit_test(a_large_buffer_is_lent_to_one_at_a_time),
	    cmocka_unit_test(a_buffer_beyond_all_measure_is_not_spared),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
