/* SPDX-License-Identifier: MIT */
#include <waldo/writer.h>

#include "serial/api.h"
#include "serial/head.h"
#include "serial/put.h"

#include <inttypes.h>
#include <msgpack/pack.h>
#include <stdlib.h>
#include <string.h>

/* The most positions that a reference of two bytes can say. */
#define MAX_HANDLES 65536

WALDO_API void
waldo_put_nil(waldo_writer *writer)
{
	waldoi_put_nil(writer);
}

WALDO_API void
waldo_put_bool(waldo_writer *writer, bool value)
{
	waldoi_put_bool(writer, value);
}

WALDO_API void
waldo_put_int(waldo_writer *writer, int64_t value)
{
	waldoi_put_int(writer, value);
}

WALDO_API void
waldo_put_uint(waldo_writer *writer, uint64_t value)
{
	waldoi_put_uint(writer, value);
}

WALDO_API void
waldo_put_double(waldo_writer *writer, double value)
{
	waldoi_put_double(writer, value);
}

void
waldoi_put_text(waldo_writer *writer, const char *value, size_t len)
{
	uint8_t *p;

	if (value == NULL && len == 0) {
		waldoi_put_nil(writer);
		return;
	}
	if (writer == NULL || (p = waldoi_writer_begin(writer, len)) == NULL) {
		return;
	}
	p = waldoi_pack_str_head(p, len);
	if (!waldoi_ascii_copy(p, value, len) && !waldoi_is_utf8(value, len)) {
		waldoi_writer_fail(writer, WALDO_EINVAL,
		                   "a string that is not UTF-8");
		return;
	}
	waldoi_writer_scalar(writer, p + len);
}

WALDO_API void
waldo_put_str(waldo_writer *writer, const char *value)
{
	waldoi_put_str(writer, value);
}

WALDO_API void
waldo_put_strn(waldo_writer *writer, const char *value, size_t len)
{
	waldoi_put_strn(writer, value, len);
}

WALDO_API void
waldo_put_bytes(waldo_writer *writer, const void *data, size_t len)
{
	waldoi_put_bytes(writer, data, len);
}

WALDO_API void
waldo_put_list(waldo_writer *writer, size_t count)
{
	waldoi_put_list(writer, count);
}

WALDO_API void
waldo_put_map(waldo_writer *writer, size_t count)
{
	waldoi_put_map(writer, count);
}

/* Packs the head of `taken` and remembers the place behind it. */
static bool
put_taken(waldo_writer *writer, waldoi_taken *taken)
{
	if (writer->error != WALDO_OK ||
	    !waldoi_writer_may_have(writer, taken->len) ||
	    !waldoi_writer_commit(
	        writer, waldoi_pack_bin_head(writer->p, taken->len)) ||
	    !waldoi_writer_may_have(writer, taken->len)) {
		return false;
	}
	waldoi_writer_count(writer);
	taken->offset = waldoi_writer_len(writer);
	*writer->taken_end = taken;
	writer->taken_end = &taken->next;
	writer->taken_bytes += taken->len;
	waldoi_writer_set_end(writer);
	return true;
}

WALDO_API void
waldo_put_bytes_take(waldo_writer *writer, const void *data, size_t len,
                     void (*done)(void *user), void *user)
{
	waldoi_taken *taken = writer != NULL ? calloc(1, sizeof(*taken)) : NULL;

	if (taken == NULL) {
		if (writer != NULL) {
			waldoi_writer_fail_memory(writer);
		}
		if (done != NULL) {
			done(user);
		}
		return;
	}
	taken->data = data;
	taken->len = len;
	taken->done = done;
	taken->user = user;
	taken->give_back = writer->give_back;
	taken->context = writer->context;
	if (!put_taken(writer, taken)) {
		taken->give_back(taken, taken->context);
	}
}

WALDO_API void
waldo_put_time(waldo_writer *writer, int64_t microseconds)
{
	msgpack_timestamp time;
	int64_t rest = microseconds % 1000000;
	msgpack_packer packer;

	if (writer == NULL) {
		return;
	}
	/* Nanoseconds only count forwards. */
	time.tv_sec = microseconds / 1000000 - (rest < 0);
	time.tv_nsec = (uint32_t) (rest < 0 ? rest + 1000000 : rest) * 1000;
	msgpack_packer_init(&packer, writer, waldoi_writer_append);
	msgpack_pack_timestamp(&packer, &time);
	waldoi_writer_count(writer);
}

static bool
grow_handles(waldo_writer *writer)
{
	uint32_t cap = 2 * writer->handle_cap;
	void **few = writer->few;
	void **handles = writer->handles != few ? writer->handles : NULL;

	handles = realloc(handles, cap * sizeof(*handles));
	if (handles == NULL) {
		waldoi_writer_fail_memory(writer);
		return false;
	}
	if (writer->handles == few) {
		memcpy(handles, few, sizeof(writer->few));
	}
	writer->handles = handles;
	writer->handle_cap = cap;
	return true;
}

void
waldoi_writer_set_payload(waldo_writer *writer, const uint8_t *bytes,
                          size_t len, void *const *handles, uint32_t count)
{
	(void) waldoi_writer_append(writer, (const char *) bytes, len);
	for (uint32_t i = 0; i < count && writer->error == WALDO_OK; i++) {
		if (i < writer->handle_cap || grow_handles(writer)) {
			writer->handles[i] = writer->ops->retain(handles[i]);
			writer->handle_count = i + 1;
		}
	}
	if (writer->error == WALDO_OK) {
		writer->finished = writer->p;
	}
}

/* At most 4 bytes. */
static uint8_t *
pack_ref(uint8_t *p, uint32_t position)
{
	size_t len = position > UINT8_MAX ? 2 : 1;

	*p++ = len == 1 ? 0xd4 : 0xd5; /* fixext 1 and 2 */
	*p++ = WALDOI_EXT_REF;
	return waldoi_pack_be(p, position, len);
}

/* Retains `handle` and packs its position. */
static void
pack_handle(waldo_writer *writer, void *handle)
{
	uint32_t max = writer->limits.refs_per_message < MAX_HANDLES
	                   ? writer->limits.refs_per_message
	                   : MAX_HANDLES;
	uint32_t position = writer->handle_count;

	if (writer->error != WALDO_OK) {
		return;
	}
	if (position >= max) {
		waldoi_writer_fail(
		    writer, WALDO_ELIMIT,
		    "refs_per_message: more than %" PRIu32 " references", max);
		return;
	}
	if (position == writer->handle_cap && !grow_handles(writer)) {
		return;
	}
	writer->handles[writer->handle_count++] = writer->ops->retain(handle);
	(void) waldoi_writer_commit(writer, pack_ref(writer->p, position));
}

void
waldoi_put_handle(waldo_writer *writer, void *handle)
{
	if (handle == NULL) {
		waldoi_put_nil(writer);
	} else if (writer != NULL) {
		pack_handle(writer, handle);
		waldoi_writer_count(writer);
	}
}

/*
 * Copies the checked values from `p` to `end` in runs that have no reference
 * in them, since those have other positions here. Each value is counted as if
 * it had been put.
 */
static void
put_checked(waldo_writer *writer, const uint8_t *p, const uint8_t *end,
            void *const *handles)
{
	const uint8_t *run = p;
	waldoi_head head;

	while (writer->error == WALDO_OK && waldoi_head_read(&head, p, end)) {
		if (waldoi_head_is_container(&head)) {
			waldoi_writer_open(writer, head.count);
		} else {
			if (head.type == WALDO_TYPE_REF) {
				waldoi_writer_append(writer, (const char *) run,
				                     (size_t) (p - run));
				pack_handle(writer,
				            handles[waldoi_head_ref(&head)]);
				run = waldoi_head_next(&head);
			}
			waldoi_writer_count(writer);
		}
		p = waldoi_head_next(&head);
	}
	waldoi_writer_append(writer, (const char *) run, (size_t) (p - run));
}

WALDO_API void
waldo_put_rest(waldo_writer *writer, waldo_reader *reader)
{
	if (writer == NULL) {
		return;
	}
	if (waldo_read_error(reader) != WALDO_OK) {
		waldoi_writer_fail(writer, waldo_read_error(reader), "%s",
		                   waldo_read_message(reader));
		return;
	}
	if (writer->error == WALDO_OK) {
		put_checked(writer, reader->p, reader->end, reader->handles);
	}
	while (waldo_read_type(reader) != WALDO_TYPE_END) {
		waldo_read_skip(reader);
	}
}
