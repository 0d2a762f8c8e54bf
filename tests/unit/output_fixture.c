/* SPDX-License-Identifier: MIT */
#include "tests/unit/bare_node.h"
#include "tests/unit/output_fixture.h"
#include "serial/frame.h"

waldo_node *node;
waldoi_output output;
struct output_world world;
int done[LENT];
struct seen_link links[MAX_LINKS];
size_t link_count;

static uint8_t lent[LENT][LARGE_LOAN];

int
setup(void **state)
{
	(void) state;
	node = bare_node_new();
	waldoi_output_init(&output);
	output.max_retained = MAX_WIRE;
	world.want_len = world.wire_len = world.frames = 0;
	for (size_t i = 0; i < LENT; i++) {
		memset(lent[i], (int) (0xa0 + i), sizeof(lent[i]));
		done[i] = 0;
	}
	return node == NULL ? -1 : 0;
}

int
teardown(void **state)
{
	size_t left;

	(void) state;
	waldoi_output_fini(&output, node);
	left = node->bytes;
	waldo_node_free(node);
	return left == 0 ? 0 : -1;
}

void
start_over(void **state)
{
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
}

void
let_pass(uint64_t ms)
{
	bare_clock += ms * 1000;
}

/* ---- queueing */

static void
want(const uint8_t *data, size_t len)
{
	assert_true(world.want_len + len <= MAX_WIRE);
	memcpy(world.want + world.want_len, data, len);
	world.want_len += len;
}

static void
want_frame(const uint8_t *head, size_t head_len, const uint8_t *payload,
           size_t len)
{
	uint8_t length[4];

	waldoi_pack_be(length, head_len - 4 + len, 4);
	want(length, 4);
	want(head + 4, head_len - 4);
	want(payload, len);
	world.ends[world.frames++] = world.want_len;
}

void
queue(size_t len)
{
	static uint8_t payload[MAX_WIRE];
	uint8_t head[8] = {0, 0, 0, 0, 0, 1, 2, (uint8_t) world.frames};

	for (size_t i = 0; i < len - 8; i++) {
		payload[i] = (uint8_t) (world.frames * 31 + i * 7);
	}
	assert_true(waldoi_output_frame(&output, node, head, sizeof(head),
	                                payload, len - 8, NULL));
	want_frame(head, sizeof(head), payload, len - 8);
}

static void
note_done(void *user)
{
	++*(int *) user;
}

static const waldoi_writer_limits limits = {MAX_WIRE, 64, 16};
static const waldoi_writer_ops no_handles = {NULL, NULL};

void
fill_with_loans(waldo_writer *writer, size_t len)
{
	waldoi_writer_init(writer, &no_handles, &limits, waldoi_node_give_back,
	                   node);
	waldo_putf(writer, "i", 7);
	waldo_put_bytes_take(writer, lent[0], len, note_done, &done[0]);
	waldo_putf(writer, "s", "between");
	waldo_put_bytes_take(writer, lent[1], len, note_done, &done[1]);
	waldo_put_bytes_take(writer, lent[2], 0, note_done, &done[2]);
}

bool
queue_writer(waldo_writer *writer)
{
	static uint8_t whole[MAX_WIRE];
	uint8_t head[WALDOI_FRAME_HEAD] = {0};
	const uint8_t *bytes = NULL;
	size_t len = 0;
	size_t total;

	assert_ok(waldoi_writer_finish(writer, true, &bytes, &len));
	total = len + writer->taken_bytes;
	waldoi_writer_copy_out(writer, bytes, len, whole);
	if (!waldoi_output_frame(&output, node, head, sizeof(head), bytes, len,
	                         writer)) {
		return false;
	}
	want_frame(head, sizeof(head), whole, total);
	return true;
}

void
queue_loans(size_t len)
{
	waldo_writer writer;

	fill_with_loans(&writer, len);
	assert_true(queue_writer(&writer));
	waldoi_writer_fini(&writer);
}

void
say(uint8_t number)
{
	const uint8_t frame[] = {0, 0, 0, 4, 2, 0x92, 6, number};

	assert_true(waldoi_output_link(&output, node, frame, sizeof(frame)));
}

/* ---- sending */

size_t
offer(struct iovec *iov, size_t count)
{
	return waldoi_output_gather(&output, node, iov, count);
}

size_t
send_some(size_t most)
{
	struct iovec iov[4];
	size_t count = offer(iov, 4);
	size_t sent = 0;

	assert_int_equal(count > 0, waldoi_output_is_pending(&output));
	assert_true(count <= 4);
	for (size_t i = 0; i < count && sent < most; i++) {
		size_t len = iov[i].iov_len;

		assert_true(len > 0);
		len = len < most - sent ? len : most - sent;
		assert_true(world.wire_len + len <= MAX_WIRE);
		memcpy(world.wire + world.wire_len, iov[i].iov_base, len);
		world.wire_len += len;
		sent += len;
	}
	if (sent > 0) {
		waldoi_output_sent(&output, node, sent);
	}
	return sent;
}

void
send_exactly(size_t len)
{
	while (len > 0) {
		size_t sent = send_some(len);

		assert_true(sent > 0);
		len -= sent;
	}
}

void
drain(size_t chunk)
{
	while (waldoi_output_is_pending(&output)) {
		assert_true(send_some(chunk) > 0);
	}
}

/* ---- what has left */

static void
take_link(const uint8_t *frame, size_t len, size_t before)
{
	assert_true(link_count < MAX_LINKS);
	assert_int_equal(frame[5], 0x92);
	links[link_count].before = before;
	links[link_count].code = frame[6];
	links[link_count].number = frame[7];
	if (frame[7] >= 0xcc) {
		links[link_count].number = 0;
		for (size_t i = 8; i < len; i++) {
			links[link_count].number =
			    links[link_count].number << 8 | frame[i];
		}
	}
	link_count++;
}

size_t
read_wire(void)
{
	size_t at = 0, numbered = 0, frames = 0;

	link_count = 0;
	while (at < world.wire_len) {
		const uint8_t *p = world.wire + at;
		size_t len;

		assert_true(world.wire_len - at >= WALDOI_FRAME_HEAD);
		len = 4 + ((size_t) p[0] << 24 | (size_t) p[1] << 16 |
		           (size_t) p[2] << 8 | p[3]);
		assert_true(world.wire_len - at >= len);
		if (p[4] == 2) {
			take_link(p, len, frames);
		} else {
			assert_true(numbered + len <= world.want_len);
			assert_memory_equal(p, world.want + numbered, len);
			numbered += len;
			frames++;
		}
		at += len;
	}
	assert_int_equal(numbered, frames == 0 ? 0 : world.ends[frames - 1]);
	return frames;
}

void
assert_link(size_t i, uint8_t code, uint64_t number, size_t before)
{
	assert_true(i < link_count);
	assert_int_equal(links[i].code, code);
	assert_int_equal(links[i].number, number);
	assert_int_equal(links[i].before, before);
}
