/* SPDX-License-Identifier: MIT */
#include "serial/writer.h"

#include "serial/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
waldoi_writer_init(waldo_writer *writer, const waldoi_writer_ops *ops,
                   const waldoi_writer_limits *limits,
                   void (*give_back)(waldoi_taken *taken, void *context),
                   void *context)
{
	writer->data = writer->small;
	writer->len = 0;
	writer->cap = sizeof(writer->small);
	writer->front = 0;
	writer->taken_bytes = 0;
	writer->taken = NULL;
	writer->taken_end = &writer->taken;
	writer->handles = writer->few;
	writer->handle_count = 0;
	writer->handle_cap = WALDOI_WRITER_FEW;
	writer->count = 0;
	writer->depth = 0;
	writer->deepest = 0;
	writer->error = WALDO_OK;
	writer->whole = false;
	writer->ops = ops;
	writer->limits = *limits;
	if (limits->depth > WALDOI_MAX_DEPTH) {
		writer->limits.depth = WALDOI_MAX_DEPTH;
	}
	writer->give_back = give_back;
	writer->context = context;
	writer->message[0] = '\0';
}

void
waldoi_writer_fini(waldo_writer *writer)
{
	waldoi_taken *taken;

	while ((taken = writer->taken) != NULL) {
		writer->taken = taken->next;
		taken->give_back(taken, taken->context);
	}
	for (uint32_t i = 0; i < writer->handle_count; i++) {
		writer->ops->release(writer->handles[i]);
	}
	writer->handle_count = 0;
	if (writer->handles != writer->few) {
		free(writer->handles);
		writer->handles = writer->few;
	}
	if (writer->data != writer->small) {
		free(writer->data);
		writer->data = writer->small;
	}
}

void
waldoi_writer_reset(waldo_writer *writer)
{
	waldoi_writer_limits limits = writer->limits;

	waldoi_writer_fini(writer);
	waldoi_writer_init(writer, writer->ops, &limits, writer->give_back,
	                   writer->context);
}

void
waldoi_writer_orphan(waldo_writer *writer)
{
	writer->context = NULL;
	for (waldoi_taken *t = writer->taken; t != NULL; t = t->next) {
		t->context = NULL;
	}
}

void
waldoi_writer_fail(waldo_writer *writer, waldo_err err, const char *format, ...)
{
	va_list args;

	if (writer == NULL || writer->error != WALDO_OK) {
		return;
	}
	writer->error = err;
	va_start(args, format);
	vsnprintf(writer->message, sizeof(writer->message), format, args);
	va_end(args);
}

static void
fail_bytes(waldo_writer *writer)
{
	waldoi_writer_fail(writer, WALDO_ELIMIT,
	                   "message_bytes: a message of more than %zu bytes",
	                   writer->limits.message_bytes);
}

static void
fail_depth(waldo_writer *writer)
{
	waldoi_writer_fail(writer, WALDO_ELIMIT,
	                   "depth: more than %" PRIu32 " levels",
	                   writer->limits.depth);
}

void
waldoi_writer_fail_memory(waldo_writer *writer)
{
	waldoi_writer_fail(writer, WALDO_ENOMEM, "no memory for a message");
}

/* Makes the buffer hold `need` bytes from its beginning. */
static bool
grow(waldo_writer *writer, size_t need)
{
	size_t cap = writer->cap;
	uint8_t *data;

	while (cap < need) {
		cap *= 2;
	}
	if (writer->data == writer->small) {
		data = malloc(cap);
		if (data != NULL) {
			memcpy(data, writer->small, sizeof(writer->small));
		}
	} else {
		data = realloc(writer->data, cap);
	}
	if (data == NULL) {
		waldoi_writer_fail_memory(writer);
		return false;
	}
	writer->data = data;
	writer->cap = cap;
	return true;
}

/* True if a message may have `more` bytes than now. */
bool
waldoi_writer_may_have(waldo_writer *writer, size_t more)
{
	size_t now = writer->len + writer->taken_bytes;

	if (now > writer->limits.message_bytes ||
	    more > writer->limits.message_bytes - now) {
		fail_bytes(writer);
		return false;
	}
	return true;
}

/* What msgpack-c calls with each piece that it has packed. */
int
waldoi_writer_append(void *to, const char *bytes, size_t len)
{
	waldo_writer *writer = to;
	size_t at = WALDOI_WRITER_ROOM + writer->len;

	if (writer->error != WALDO_OK || !waldoi_writer_may_have(writer, len) ||
	    (len > writer->cap - at && !grow(writer, at + len))) {
		return -1;
	}
	if (len > 0) {
		memcpy(writer->data + at, bytes, len);
	}
	writer->len += len;
	return 0;
}

/* Counts a value where it stands. */
static void
count_value(waldo_writer *writer)
{
	if (writer->depth == 0) {
		writer->count++;
	} else {
		writer->left[writer->depth - 1]--;
	}
}

/* A value is complete, and with it the lists and maps that it was last in. */
static void
close_levels(waldo_writer *writer)
{
	while (writer->depth > 0 && writer->left[writer->depth - 1] == 0) {
		writer->depth--;
	}
}

/* Goes into a list or map of `count` values. An empty one is a level too, as
 * it is for the checker. */
bool
waldoi_writer_open(waldo_writer *writer, size_t count)
{
	uint32_t depth;

	if (writer == NULL || writer->error != WALDO_OK) {
		return false;
	}
	depth = writer->depth + 1;
	if (depth > writer->limits.depth) {
		fail_depth(writer);
		return false;
	}
	/* Each value will have at least one byte. */
	if (count > UINT32_MAX || !waldoi_writer_may_have(writer, count)) {
		fail_bytes(writer);
		return false;
	}
	count_value(writer);
	if (depth > writer->deepest) {
		writer->deepest = depth;
	}
	writer->left[writer->depth++] = (uint32_t) count;
	close_levels(writer);
	return true;
}

/* Counts a value that has nothing in it. */
bool
waldoi_writer_scalar(waldo_writer *writer)
{
	if (writer == NULL || writer->error != WALDO_OK) {
		return false;
	}
	count_value(writer);
	close_levels(writer);
	return true;
}

/* The values that are owed to open lists and maps. */
static uint64_t
owed(const waldo_writer *writer)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < writer->depth; i++) {
		sum += writer->left[i];
	}
	return sum;
}

/* Packs the head of the list of all that was put, into the room in front of
 * it; returns its length. */
static size_t
pack_front(waldo_writer *writer)
{
	uint8_t front[WALDOI_WRITER_ROOM];
	size_t len = (size_t) (waldoi_pack_array(front, writer->count) - front);

	memcpy(writer->data + WALDOI_WRITER_ROOM - len, front, len);
	return len;
}

/* Whether what was put makes a list or one value; nil is put for none. */
static bool
is_whole(waldo_writer *writer, bool list)
{
	if (writer->depth > 0) {
		waldoi_writer_fail(writer, WALDO_EINVAL,
		                   "a list or map lacks %" PRIu64 " values",
		                   owed(writer));
	} else if (list && writer->deepest >= writer->limits.depth) {
		fail_depth(writer);
	} else if (!list && writer->count > 1) {
		waldoi_writer_fail(writer, WALDO_EINVAL,
		                   "%" PRIu32 " values where one belongs",
		                   writer->count);
	} else if (!list && writer->count == 0) {
		waldo_put_nil(writer);
	}
	return writer->error == WALDO_OK;
}

waldo_err
waldoi_writer_finish(waldo_writer *writer, bool list, const uint8_t **ret_bytes,
                     size_t *ret_len)
{
	size_t front = 0;

	if (writer->error != WALDO_OK ||
	    (!writer->whole && !is_whole(writer, list))) {
		return writer->error;
	}
	if (list && !writer->whole) {
		front = pack_front(writer);
		if (!waldoi_writer_may_have(writer, front)) {
			return writer->error;
		}
	}
	for (waldoi_taken *t = writer->taken; t != NULL; t = t->next) {
		t->offset += front - writer->front;
	}
	writer->front = front;
	*ret_bytes = writer->data + WALDOI_WRITER_ROOM - front;
	*ret_len = writer->len + front;
	return WALDO_OK;
}

void
waldoi_writer_copy_out(const waldo_writer *writer, const uint8_t *bytes,
                       size_t len, uint8_t *to)
{
	size_t at = 0;

	for (const waldoi_taken *t = writer->taken; t != NULL; t = t->next) {
		memcpy(to, bytes + at, t->offset - at);
		to += t->offset - at;
		at = t->offset;
		if (t->len > 0) {
			memcpy(to, t->data, t->len);
			to += t->len;
		}
	}
	memcpy(to, bytes + at, len - at);
}
