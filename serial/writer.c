/* SPDX-License-Identifier: MIT */
#include "serial/writer.h"

#include "serial/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
waldoi_writer_set_end(waldo_writer *writer)
{
	size_t buffer = writer->cap - WALDOI_WRITER_ROOM - WALDOI_WRITER_SLACK;
	size_t limit = writer->limits.message_bytes - writer->taken_bytes;

	writer->end = writer->data + WALDOI_WRITER_ROOM +
	              (buffer < limit ? buffer : limit);
}

void
waldoi_writer_init(waldo_writer *writer, const waldoi_writer_ops *ops,
                   const waldoi_writer_limits *limits,
                   void (*give_back)(waldoi_taken *taken, void *context),
                   void *context)
{
	writer->left = WALDOI_WRITER_COUNT;
	writer->depth = 0;
	writer->deepest = 0;
	writer->error = WALDO_OK;
	writer->limits = *limits;
	if (limits->depth > WALDOI_MAX_DEPTH) {
		writer->limits.depth = WALDOI_MAX_DEPTH;
	}
	writer->data = writer->small;
	writer->cap = sizeof(writer->small);
	writer->finished = NULL;
	writer->front = 0;
	writer->taken_bytes = 0;
	writer->taken = NULL;
	writer->taken_end = &writer->taken;
	writer->handles = writer->few;
	writer->handle_count = 0;
	writer->handle_cap = WALDOI_WRITER_FEW;
	writer->ops = ops;
	writer->give_back = give_back;
	writer->context = context;
	writer->message[0] = '\0';
	writer->p = writer->small + WALDOI_WRITER_ROOM;
	waldoi_writer_set_end(writer);
}

void
waldoi_writer_drop(waldo_writer *writer)
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
	writer->end = writer->p;
	writer->finished = NULL;
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
	size_t at = (size_t) (writer->p - writer->data);
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
	writer->p = data + at;
	writer->finished = NULL;
	waldoi_writer_set_end(writer);
	return true;
}

bool
waldoi_writer_may_have(waldo_writer *writer, size_t more)
{
	size_t now = waldoi_writer_size(writer);

	if (now > writer->limits.message_bytes ||
	    more > writer->limits.message_bytes - now) {
		fail_bytes(writer);
		return false;
	}
	return true;
}

bool
waldoi_writer_room(waldo_writer *writer, size_t len)
{
	size_t need = WALDOI_WRITER_ROOM + waldoi_writer_len(writer) +
	              WALDOI_WRITER_SLACK;

	return writer->error == WALDO_OK &&
	       waldoi_writer_may_have(writer, len) &&
	       (len <= writer->cap - need || grow(writer, need + len));
}

bool
waldoi_writer_extend(waldo_writer *writer, size_t len)
{
	/* What is in the slack is kept when the buffer grows. */
	if (!waldoi_writer_room(writer, len)) {
		return false;
	}
	writer->p += len;
	return true;
}

/* What msgpack-c calls with each piece that it has packed. */
int
waldoi_writer_append(void *to, const char *bytes, size_t len)
{
	waldo_writer *writer = to;

	if (!waldoi_writer_room(writer, len)) {
		return -1;
	}
	if (len > 0) {
		memcpy(writer->p, bytes, len);
	}
	writer->p += len;
	return 0;
}

void
waldoi_writer_close(waldo_writer *writer)
{
	while (writer->left == 0 && writer->depth > 0) {
		writer->left = writer->around[--writer->depth];
	}
}

bool
waldoi_writer_may_open(waldo_writer *writer, size_t count)
{
	if (writer->error != WALDO_OK) {
		return false;
	}
	if (writer->depth >= writer->limits.depth) {
		fail_depth(writer);
		return false;
	}
	if (count > UINT32_MAX) {
		fail_bytes(writer);
		return false;
	}
	return waldoi_writer_may_have(writer, count);
}

/* The values at the top. */
static uint32_t
top_count(const waldo_writer *writer)
{
	return WALDOI_WRITER_COUNT -
	       (writer->depth > 0 ? writer->around[0] : writer->left);
}

/* The values that are owed to open lists and maps. */
static uint64_t
owed(const waldo_writer *writer)
{
	uint64_t sum = writer->left;

	for (uint32_t i = 1; i < writer->depth; i++) {
		sum += writer->around[i];
	}
	return sum;
}

/* Packs the head of the list of all that was put, into the room in front of
 * it; returns its length. */
static size_t
pack_front(waldo_writer *writer)
{
	uint32_t count = top_count(writer);
	size_t len = count <= 15 ? 1 : count <= UINT16_MAX ? 3 : 5;

	waldoi_pack_array(writer->data + WALDOI_WRITER_ROOM - len, count);
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
	} else if (!list && top_count(writer) > 1) {
		waldoi_writer_fail(writer, WALDO_EINVAL,
		                   "%" PRIu32 " values where one belongs",
		                   top_count(writer));
	} else if (!list && top_count(writer) == 0) {
		waldoi_writer_scalar(writer, waldoi_pack_nil(writer->p));
	}
	return writer->error == WALDO_OK;
}

waldo_err
waldoi_writer_close_payload(waldo_writer *writer, bool list)
{
	size_t front = 0;

	if (!is_whole(writer, list)) {
		return writer->error;
	}
	if (list) {
		front = pack_front(writer);
		if (!waldoi_writer_may_have(writer, front)) {
			return writer->error;
		}
	}
	for (waldoi_taken *t = writer->taken; t != NULL; t = t->next) {
		t->offset += front - writer->front;
	}
	writer->front = front;
	writer->finished = writer->p;
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
