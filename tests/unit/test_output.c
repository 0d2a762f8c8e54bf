/* SPDX-License-Identifier: MIT */
/* The bytes of a session on their way out: their order, link frames among them,
 * ages, and what is kept until it is acknowledged (PROTOCOL.md P20, P26, P27,
 * P31, F14, F16). */
#include "tests/unit/output_fixture.h"

#include <stdlib.h>

/* ---- the order of bytes */

static void
nothing_queued_is_nothing_to_send(void **state)
{
	(void) state;
	assert_false(waldoi_output_is_pending(&output));
	assert_int_equal(send_some(100), 0);
}

static void
queue_a_mixture(size_t loan, size_t large)
{
	queue(8);
	queue(100);
	queue_loans(loan);
	queue(9);
	queue(large);
	queue_loans(loan);
}

static void
bytes_leave_in_order_at_every_split(void **state)
{
	size_t total;

	queue_a_mixture(LOAN, 200);
	total = world.want_len;
	for (size_t chunk = 1; chunk <= total; chunk++) {
		start_over(state);
		queue_a_mixture(LOAN, 200);
		assert_int_equal(output.unsent, total);
		drain(chunk);
		assert_int_equal(read_wire(), 6);
		assert_int_equal(output.unsent, 0);
		assert_int_equal(output.sent, 6);
	}
}

static void
large_frames_leave_in_order(void **state)
{
	static const size_t chunks[] = {1000, 16383, 16384, 16385, MAX_WIRE};

	(void) state;
	for (size_t i = 0; i < 5; i++) {
		queue_a_mixture(LARGE_LOAN, 50000);
		drain(chunks[i]);
		assert_int_equal(read_wire(), 6 * (i + 1));
	}
}

/* More pieces than one sendmsg takes. */
static void
many_pieces_leave_in_order(void **state)
{
	(void) state;
	for (int i = 0; i < 40; i++) {
		queue(10000);
	}
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 40);
}

/* P27. At every place in a frame a link frame is queued: it waits for the
 * frame's end and goes before the next. */
static void
a_link_frame_goes_between_two_frames(void **state)
{
	size_t first = 100;

	for (size_t cut = 0; cut <= first; cut++) {
		start_over(state);
		queue(first);
		queue(50);
		send_exactly(cut);
		say(9);
		drain(1 + cut % 13);
		assert_int_equal(read_wire(), 2);
		assert_int_equal(link_count, 1);
		assert_link(0, 6, 9, cut == 0 ? 0 : 1);
	}
}

/* P27. The same when the frame that is cut has lent bytes in it. */
static void
a_link_frame_does_not_go_between_the_pieces_of_a_frame(void **state)
{
	size_t total;

	queue_loans(LOAN);
	total = world.want_len;
	for (size_t cut = 1; cut < total; cut++) {
		start_over(state);
		queue_loans(LOAN);
		queue(20);
		send_exactly(cut);
		say(1);
		say(2);
		drain(MAX_WIRE);
		assert_int_equal(read_wire(), 2);
		assert_int_equal(link_count, 2);
		assert_link(0, 6, 1, 1);
		assert_link(1, 6, 2, 1);
	}
}

static void
a_link_frame_that_left_in_part_is_finished_first(void **state)
{
	(void) state;
	say(1);
	assert_int_equal(send_some(3), 3);
	queue(30);
	say(2);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 1);
	assert_int_equal(link_count, 2);
	assert_link(0, 6, 1, 0);
	assert_link(1, 6, 2, 0);
}

static void
link_frames_are_bounded(void **state)
{
	uint8_t frame[WALDOI_LINK_FRAME] = {0, 0, 1, 0xfc, 2, 0x92, 6, 1};
	size_t count = 0;

	(void) state;
	while (waldoi_output_link(&output, node, frame, sizeof(frame))) {
		count++;
		assert_true(count < 1000);
	}
	assert_true(count > 100);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 0);
	assert_int_equal(link_count, count);
	say(1);
	assert_true(waldoi_output_is_pending(&output));
}

/* ---- ages, PROTOCOL.md F16 */

/* P31. */
static void
a_frame_that_leaves_soon_has_no_age(void **state)
{
	(void) state;
	queue(20);
	let_pass(49);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 1);
	assert_int_equal(link_count, 0);
}

/* P31. */
static void
a_frame_that_has_waited_comes_behind_its_age(void **state)
{
	(void) state;
	queue(20);
	let_pass(20 * 1000);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 1);
	assert_int_equal(link_count, 1);
	assert_link(0, 8, 20000, 0);
}

/* P31. */
static void
a_young_frame_behind_an_old_one_takes_the_age_back(void **state)
{
	(void) state;
	queue(20);
	queue(20);
	let_pass(300);
	queue(20);
	drain(MAX_WIRE);
	queue(20);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 4);
	assert_int_equal(link_count, 2);
	assert_link(0, 8, 300, 0);
	assert_link(1, 8, 0, 2);
}

/* P31. However slowly the link takes bytes, and however fast the age grows
 * while it does, frames get through, and the age that stands is true to a half.
 * */
static void
a_link_that_crawls_carries_frames_and_not_only_ages(void **state)
{
	static const uint64_t steps_ms[] = {1, 20, 60, 1000};

	for (size_t i = 0; i < 4; i++) {
		int bytes = 0;

		start_over(state);
		queue(20);
		let_pass(100);
		queue(20);
		while (waldoi_output_is_pending(&output)) {
			let_pass(steps_ms[i]);
			assert_int_equal(send_some(1), 1);
			assert_true(++bytes < 400);
		}
		assert_int_equal(read_wire(), 2);
		assert_true(link_count >= 1);
	}
}

static void
a_stalled_link_tells_the_age_of_the_moment(void **state)
{
	struct iovec iov[4];

	(void) state;
	queue(20);
	let_pass(60);
	(void) offer(iov, 4); /* EAGAIN */
	let_pass(5000);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 1);
	assert_true(link_count >= 1);
	assert_link(link_count - 1, 8, 5060, 0);
}

/* ---- retention, PROTOCOL.md P20 and F14 */

static void
what_was_sent_is_kept_until_it_is_acknowledged(void **state)
{
	(void) state;
	queue(100);
	queue_loans(LOAN);
	queue(100);
	drain(MAX_WIRE);
	assert_int_equal(output.retained, world.want_len);
	assert_false(waldoi_output_is_pending(&output));

	waldoi_output_acked(&output, node, 1);
	waldoi_node_run_jobs(node);
	assert_int_equal(done[0] + done[1], 0);

	waldoi_output_acked(&output, node, 3);
	waldoi_node_run_jobs(node);
	assert_int_equal(done[0], 1);
	assert_int_equal(done[1], 1);
	assert_int_equal(output.retained, 0);
	assert_int_equal(node->bytes, 0);
}

static void
an_acknowledgement_of_some_frees_no_more_than_those(void **state)
{
	(void) state;
	for (int i = 0; i < 10; i++) {
		queue(20000); /* a piece each */
	}
	drain(MAX_WIRE);
	for (uint64_t n = 0; n <= 10; n++) {
		waldoi_output_acked(&output, node, n);
		assert_int_equal(output.retained, (10 - n) * 20000);
	}
	assert_int_equal(node->bytes, 0);
}

static void
when_retention_is_full_no_frame_begins(void **state)
{
	(void) state;
	output.max_retained = 30000;
	queue(20000);
	queue(20000); /* begins, so it is finished */
	queue(20000);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 2);
	assert_false(waldoi_output_is_pending(&output));
	assert_int_equal(output.retained, 40000);

	say(3); /* held by no limit */
	drain(MAX_WIRE);
	assert_int_equal(link_count, 0);
	assert_int_equal(read_wire(), 2);
	assert_int_equal(link_count, 1);

	waldoi_output_acked(&output, node, 1);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 3);
}

/* The largest message, behind small ones that share its slab's fate. */
static void
full_retention_always_empties(void **state)
{
	uint64_t acked = 0;

	(void) state;
	output.max_retained = 64 * 1024;
	for (int i = 0; i < 8; i++) {
		queue(300);
		queue(64 * 1024);
	}
	while (output.sent < 16) {
		drain(5000);
		assert_true(output.sent > acked);
		acked = output.sent;
		waldoi_output_acked(&output, node, acked);
	}
	assert_int_equal(read_wire(), 16);
	assert_int_equal(output.retained, 0);
}

/* P20, P26. */
static void
without_acknowledgements_nothing_is_kept(void **state)
{
	(void) state;
	queue(100);
	drain(MAX_WIRE);
	queue_loans(LOAN);
	(void) send_some(10);
	waldoi_output_let_go(&output, node);
	assert_int_equal(output.retained, 0);
	drain(MAX_WIRE);
	queue(20000);
	drain(7);
	waldoi_node_run_jobs(node);
	assert_int_equal(done[0], 1);
	assert_int_equal(done[1], 1);
	assert_int_equal(read_wire(), 3);
	assert_int_equal(node->bytes, 0);
}

/* ---- the end */

/* P27. */
static void
once_it_has_ended_no_frame_begins(void **state)
{
	(void) state;
	queue(100);
	queue(100);
	assert_int_equal(send_some(10), 10);
	output.ended = true;
	say(7);
	drain(3);
	assert_int_equal(read_wire(), 1);
	assert_link(0, 6, 7, 1);
	assert_int_equal(output.unsent, 100);
	assert_int_equal(waldoi_output_begun(&output), 1);
}

static void
a_frame_has_begun_when_its_first_byte_has_left(void **state)
{
	(void) state;
	queue(20);
	queue(20);
	say(1);
	assert_int_equal(waldoi_output_begun(&output), 0);
	assert_int_equal(send_some(8), 8); /* the link frame */
	assert_int_equal(waldoi_output_begun(&output), 0);
	assert_int_equal(send_some(1), 1);
	assert_int_equal(waldoi_output_begun(&output), 1);
	assert_int_equal(send_some(19), 19);
	assert_int_equal(waldoi_output_begun(&output), 1);
	assert_int_equal(send_some(1), 1);
	assert_int_equal(waldoi_output_begun(&output), 2);
}

static void
at_the_end_what_was_lent_is_given_back_once(void **state)
{
	(void) state;
	queue_loans(LOAN);
	(void) send_some(40);
	waldoi_output_fini(&output, node);
	waldoi_node_run_jobs(node);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(done[i], 1);
	}
	assert_int_equal(node->bytes, 0);
}

/* ---- out of memory */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static unsigned fail_in; /* the one that many from now; 0: none */

void *
__wrap_malloc(size_t size)
{
	return fail_in > 0 && --fail_in == 0 ? NULL : __real_malloc(size);
}

static void
a_frame_that_finds_no_memory_leaves_its_writer_whole(void **state)
{
	waldo_writer writer;
	unsigned n = 1;

	(void) state;
	fill_with_loans(&writer, LOAN);
	for (;; n++) {
		fail_in = n;
		if (queue_writer(&writer)) {
			break;
		}
		assert_int_equal(fail_in, 0);
		assert_int_equal(node->bytes, 0);
		assert_int_equal(output.frames, 0);
		assert_false(waldoi_output_is_pending(&output));
		assert_int_equal(writer.taken_bytes, 2 * LOAN);
		waldoi_node_run_jobs(node);
		assert_int_equal(done[0] + done[1] + done[2], 0);
	}
	fail_in = 0;
	assert_true(n > 3);
	waldoi_writer_fini(&writer);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 1);
	waldoi_output_acked(&output, node, 1);
	waldoi_node_run_jobs(node);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(done[i], 1);
	}
}

static void
a_plain_frame_that_finds_no_memory_changes_nothing(void **state)
{
	static const uint8_t payload[20000];
	uint8_t head[8] = {0};

	(void) state;
	queue(50);
	fail_in = 1;
	assert_false(waldoi_output_frame(&output, node, head, 8, payload,
	                                 sizeof(payload), NULL));
	assert_int_equal(output.frames, 1);
	assert_int_equal(output.unsent, 50);
	queue(60);
	drain(MAX_WIRE);
	assert_int_equal(read_wire(), 2);
}

/* ---- anything in any order */

static void
do_anything(uint64_t *acked, uint8_t *said)
{
	switch (rand() % 8) {
	case 0: queue(8 + (size_t) rand() % 300); break;
	case 1: queue(rand() % 4 == 0 ? 17000 : 40); break;
	case 2: queue_loans(1 + (size_t) rand() % 200); break;
	case 3:
		if (*said < 100) {
			say((*said)++);
		}
		break;
	case 4: let_pass((uint64_t) rand() % 100); break;
	case 5:
		*acked += (uint64_t) rand() % (output.sent - *acked + 1);
		waldoi_output_acked(&output, node, *acked);
		waldoi_node_run_jobs(node);
		break;
	default: (void) send_some(1 + (size_t) rand() % 400);
	}
}

static void
whatever_comes_in_whatever_order_frames_stay_whole(void **state)
{
	for (int round = 0; round < 60; round++) {
		uint64_t acked = 0;
		uint8_t said = 0, heard = 0;

		start_over(state);
		output.max_retained = 20000;
		for (int i = 0; i < 200; i++) {
			do_anything(&acked, &said);
		}
		while (output.unsent > 0 || output.link_len > 0) {
			drain(1000);
			waldoi_output_acked(&output, node, output.sent);
		}
		assert_int_equal(read_wire(), world.frames);
		for (size_t i = 0; i < link_count; i++) {
			if (links[i].code == 6) {
				assert_int_equal(links[i].number, heard);
				heard++;
			}
		}
		assert_int_equal(heard, said);
		assert_int_equal(output.retained, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(nothing_queued_is_nothing_to_send),
	    waldo_test(bytes_leave_in_order_at_every_split),
	    waldo_test(large_frames_leave_in_order),
	    waldo_test(many_pieces_leave_in_order),
	    waldo_test(a_link_frame_goes_between_two_frames),
	    waldo_test(a_link_frame_does_not_go_between_the_pieces_of_a_frame),
	    waldo_test(a_link_frame_that_left_in_part_is_finished_first),
	    waldo_test(link_frames_are_bounded),
	    waldo_test(a_frame_that_leaves_soon_has_no_age),
	    waldo_test(a_frame_that_has_waited_comes_behind_its_age),
	    waldo_test(a_young_frame_behind_an_old_one_takes_the_age_back),
	    waldo_test(a_link_that_crawls_carries_frames_and_not_only_ages),
	    waldo_test(a_stalled_link_tells_the_age_of_the_moment),
	    waldo_test(what_was_sent_is_kept_until_it_is_acknowledged),
	    waldo_test(an_acknowledgement_of_some_frees_no_more_than_those),
	    waldo_test(when_retention_is_full_no_frame_begins),
	    waldo_test(full_retention_always_empties),
	    waldo_test(without_acknowledgements_nothing_is_kept),
	    waldo_test(once_it_has_ended_no_frame_begins),
	    waldo_test(a_frame_has_begun_when_its_first_byte_has_left),
	    waldo_test(at_the_end_what_was_lent_is_given_back_once),
	    waldo_test(a_frame_that_finds_no_memory_leaves_its_writer_whole),
	    waldo_test(a_plain_frame_that_finds_no_memory_changes_nothing),
	    waldo_test(whatever_comes_in_whatever_order_frames_stay_whole),
	};

	srand(1);
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
