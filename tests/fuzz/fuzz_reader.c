/* SPDX-License-Identifier: MIT */
/*
 * Any program of read functions over any checked payload: no byte outside is
 * touched, the error is sticky and has a message.
 *
 * The first byte is the number of steps, one byte each: the function and,
 * in the high half, its parameter. With an odd first step the payload is
 * opened as arguments, if it is a list.
 */
#include "serial/check.h"
#include "serial/writer.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES 4

static int objects[HANDLES];
static void *const handles[HANDLES] = {&objects[0], &objects[1], &objects[2],
                                       &objects[3]};

static void
require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "not so: %s\n", what);
		abort();
	}
}

static void *
retain(void *handle)
{
	++*(int *) handle;
	return handle;
}

static void
release(void *handle)
{
	--*(int *) handle;
}

static void
give_back(waldoi_taken *taken, void *context)
{
	(void) context;
	free(taken);
}

/* What is left moves to a writer, and is valid there too. */
static void
move_rest(waldo_reader *reader)
{
	static const waldoi_writer_ops ops = {retain, release};
	static const waldoi_writer_limits limits = {
	    .message_bytes = 1 << 20, .depth = 64, .refs_per_message = 100};
	char message[WALDOI_CHECK_MESSAGE];
	waldo_err before = waldo_read_error(reader);
	waldo_writer writer;
	const uint8_t *bytes;
	size_t len;

	waldoi_writer_init(&writer, &ops, &limits, give_back, NULL);
	waldo_put_rest(&writer, reader);
	require(waldo_read_end(reader) == before, "reader at its end");
	require(before == WALDO_OK || writer.error == before, "error moves");
	if (waldoi_writer_finish(&writer, true, &bytes, &len) == WALDO_OK) {
		require(waldoi_check(bytes, len, 64, writer.handle_count,
		                     message) == WALDO_OK,
		        "the rest is valid");
	}
	waldoi_writer_fini(&writer);
	for (int i = 0; i < HANDLES; i++) {
		require(objects[i] == 0, "as often released as retained");
	}
}

static void
read_text(waldo_reader *reader, bool with_length)
{
	size_t len = 0;
	const char *text = waldo_read_str(reader, with_length ? &len : NULL);

	require(with_length || strlen(text) < 1 << 20, "ends with NUL");
	require(text[len] == '\0' || !with_length, "ends with NUL there");
	require(!with_length || waldoi_is_utf8(text, len), "UTF-8");
}

static void
read_one(waldo_reader *reader, uint8_t op)
{
	int64_t bound = (int64_t) 1 << (op >> 4) * 4;
	const uint8_t *bytes;
	unsigned sum = 0;
	size_t len;

	switch (op % 13) {
	case 0: waldo_read_skip(reader); break;
	case 1: waldo_read_bool(reader); break;
	case 2:
		require(waldo_read_int(reader, -bound, bound) <= bound, "max");
		break;
	case 3:
		require(waldo_read_uint(reader, (uint64_t) bound) <=
		            (uint64_t) bound,
		        "max");
		break;
	case 4: waldo_read_double(reader); break;
	case 5: read_text(reader, true); break;
	case 6: read_text(reader, false); break;
	case 7:
		bytes = waldo_read_bytes(reader, &len);
		for (size_t i = 0; i < len; i++) {
			sum += bytes[i];
		}
		require(sum <= 255 * len, "sum");
		break;
	case 8: waldo_read_time(reader); break;
	case 9: waldo_read_list(reader); break;
	case 10: waldo_read_map(reader); break;
	case 11: waldoi_read_handle(reader); break;
	default:
		/* Whatever is next, as a program that knows types would. */
		if (waldo_read_type(reader) == WALDO_TYPE_LIST) {
			waldo_read_list(reader);
		} else if (waldo_read_type(reader) == WALDO_TYPE_MAP) {
			waldo_read_map(reader);
		} else if (waldo_read_type(reader) == WALDO_TYPE_STR) {
			read_text(reader, true);
		} else if (waldo_read_type(reader) != WALDO_TYPE_END) {
			waldo_read_skip(reader);
		}
		break;
	}
}

static void
run(waldo_reader *reader, const uint8_t *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		waldo_err before = waldo_read_error(reader);

		read_one(reader, steps[i]);
		require(before == WALDO_OK ||
		            waldo_read_error(reader) == before,
		        "sticky");
		require((waldo_read_error(reader) == WALDO_OK) ==
		            (waldo_read_message(reader)[0] == '\0'),
		        "an error has a message");
		require(waldo_read_type(reader) == WALDO_TYPE_END ||
		            waldo_read_error(reader) == WALDO_OK,
		        "nothing left after an error");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char message[WALDOI_CHECK_MESSAGE];
	waldo_reader reader;
	uint8_t *payload;
	size_t count, size;
	bool open;

	if (len < 2 || (size_t) data[0] + 1 >= len) {
		return 0;
	}
	count = data[0];
	size = len - 1 - count;
	payload = malloc(size);
	require(payload != NULL, "memory");
	memcpy(payload, data + 1 + count, size);
	if (waldoi_check(payload, size, WALDOI_MAX_DEPTH, HANDLES, message) ==
	    WALDO_OK) {
		open = data[1] % 2 == 1 && count > 0 &&
		       strcmp(waldoi_payload_type_name(payload, size),
		              "list") == 0;
		waldoi_reader_init(&reader, payload, size, open, handles,
		                   HANDLES);
		run(&reader, data + 1, count);
		move_rest(&reader);
	}
	free(payload);
	return 0;
}
