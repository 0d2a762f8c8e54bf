/* SPDX-License-Identifier: MIT */
/*
 * What a writer packs, beside what msgpack-c packs of the same values: wherever
 * formats change, and for every sample.
 */
#include "serial/head.h"
#include "serial/writer.h"
#include "tests/unit/samples.h"
#include "tests/waldo_test.h"

#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_BYTES    600000

struct fixture {
	waldo_writer writer;
	msgpack_sbuffer oracle;
	msgpack_packer packer;
};

static void *
retain(void *handle)
{
	return handle;
}

static void
release(void *handle)
{
	(void) handle;
}

static int
setup(void **state)
{
	static const waldoi_writer_ops ops = {retain, release};
	static const waldoi_writer_limits limits = {
	    .message_bytes = MAX_BYTES, .depth = 64, .refs_per_message = 1000};
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		return -1;
	}
	waldoi_writer_init(&f->writer, &ops, &limits, NULL, NULL);
	msgpack_sbuffer_init(&f->oracle);
	msgpack_packer_init(&f->packer, &f->oracle, msgpack_sbuffer_write);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	waldoi_writer_fini(&f->writer);
	msgpack_sbuffer_destroy(&f->oracle);
	free(f);
	return 0;
}

/* Both have packed the same, and are emptied. */
static void
assert_same(struct fixture *f, bool list)
{
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (waldoi_writer_finish(&f->writer, list, &bytes, &len) != WALDO_OK) {
		fail_msg("%s", f->writer.message);
	}
	assert_int_equal(len, f->oracle.size);
	assert_memory_equal(bytes, f->oracle.data, len);
	waldoi_writer_reset(&f->writer);
	msgpack_sbuffer_clear(&f->oracle);
}

/* W5 */
static void
integers_are_as_msgpack_c_packs_them(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3 * 64; i++) {
		uint64_t v = (UINT64_C(1) << i / 3) + i % 3 - 1;

		waldo_put_uint(&f->writer, v);
		msgpack_pack_uint64(&f->packer, v);
		assert_same(f, false);
		waldo_put_int(&f->writer, (int64_t) v);
		msgpack_pack_int64(&f->packer, (int64_t) v);
		assert_same(f, false);
		waldo_put_int(&f->writer, (int64_t) (0 - v));
		msgpack_pack_int64(&f->packer, (int64_t) (0 - v));
		assert_same(f, false);
	}
	waldo_put_uint(&f->writer, UINT64_MAX);
	msgpack_pack_uint64(&f->packer, UINT64_MAX);
	assert_same(f, false);
}

/* W5: a double keeps its bits. */
static void
doubles_booleans_and_nil_are_as_msgpack_c_packs_them(void **state)
{
	static const double doubles[] = {0,   -0.0,      1,        -1.5,
	                                 0.1, 1e308,     16777217, 5e-324,
	                                 NAN, -INFINITY, INFINITY};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(doubles); i++) {
		waldo_put_double(&f->writer, doubles[i]);
		msgpack_pack_double(&f->packer, doubles[i]);
		assert_same(f, false);
	}
	msgpack_pack_array(&f->packer, 3);
	waldo_put_bool(&f->writer, true);
	msgpack_pack_true(&f->packer);
	waldo_put_bool(&f->writer, false);
	msgpack_pack_false(&f->packer);
	waldo_put_nil(&f->writer);
	msgpack_pack_nil(&f->packer);
	assert_same(f, true);
}

/* Up to 300 and around 2^16. */
static size_t
length(size_t i)
{
	return i < 300 ? i : 65536 - 305 + i;
}

#define LENGTHS 310

/* W6; the same text, ASCII or with a character of two bytes at its end, in the
 * ways in which a string is put. */
static void
strings_of_any_length_are_as_msgpack_c_packs_them(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(length(LENGTHS) + 1);

	assert_non_null(text);
	for (size_t i = 0; i < 2 * LENGTHS; i++) {
		size_t len = length(i / 2);

		for (size_t at = 0; at < len; at++) {
			text[at] = (char) ('0' + at % 64);
		}
		text[len] = '\0';
		if (i % 2 == 1 && len >= 2) {
			memcpy(text + len - 2, "\xc3\xa9", 2);
		}
		msgpack_pack_array(&f->packer, 3);
		waldo_put_str(&f->writer, text);
		waldo_put_strn(&f->writer, text, len);
		waldo_putf(&f->writer, "s", text);
		for (int n = 0; n < 3; n++) {
			msgpack_pack_str_with_body(&f->packer, text, len);
		}
		assert_same(f, true);
	}
	free(text);
}

/* W7 */
static void
bytes_of_any_length_are_as_msgpack_c_packs_them(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = calloc(1, length(LENGTHS));

	assert_non_null(data);
	for (size_t i = 0; i < LENGTHS; i++) {
		data[i] = (uint8_t) i;
		waldo_put_bytes(&f->writer, data, length(i));
		msgpack_pack_bin_with_body(&f->packer, data, length(i));
		assert_same(f, false);
	}
	free(data);
}

/* W8: their heads; what is in them is counted by hand. */
static void
lists_and_maps_are_as_msgpack_c_packs_them(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LENGTHS; i++) {
		msgpack_pack_array(&f->packer, 2);
		waldo_put_list(&f->writer, length(i));
		msgpack_pack_array(&f->packer, length(i));
		for (size_t n = 0; n < length(i); n++) {
			waldo_put_nil(&f->writer);
			msgpack_pack_nil(&f->packer);
		}
		waldo_put_map(&f->writer, length(i));
		msgpack_pack_map(&f->packer, length(i));
		for (size_t n = 0; n < length(i); n++) {
			waldo_putf(&f->writer, "nn");
			msgpack_pack_nil(&f->packer);
			msgpack_pack_nil(&f->packer);
		}
		assert_same(f, true);
	}
}

/* W2, W8: the list of all arguments. */
static void
any_number_of_arguments_is_a_list_of_msgpack_c(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LENGTHS; i++) {
		msgpack_pack_array(&f->packer, length(i));
		for (size_t n = 0; n < length(i); n++) {
			int64_t v = n % 3 == 0 ? 7 : 0 - (INT64_C(1) << n % 63);

			waldo_put_int(&f->writer, v);
			msgpack_pack_int64(&f->packer, v);
		}
		assert_same(f, true);
	}
}

/* W11 */
static void
references_are_as_msgpack_c_packs_extensions(void **state)
{
	struct fixture *f = *state;

	msgpack_pack_array(&f->packer, 600);
	for (unsigned i = 0; i < 600; i++) {
		uint8_t body[2] = {(uint8_t) (i >> 8), (uint8_t) i};
		size_t len = i > 255 ? 2 : 1;

		waldoi_put_handle(&f->writer, f);
		msgpack_pack_ext_with_body(&f->packer, body + 2 - len, len,
		                           WALDOI_EXT_REF);
	}
	assert_same(f, true);
}

/* Puts the value that msgpack-c has decoded. False for what a program cannot
 * put, or what the writer packs otherwise. */
static bool
put_object(struct fixture *f, const msgpack_object *object)
{
	bool fits = true;

	switch (object->type) {
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		waldo_put_uint(&f->writer, object->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		waldo_put_int(&f->writer, object->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT64:
		waldo_put_double(&f->writer, object->via.f64);
		break;
	case MSGPACK_OBJECT_NIL: waldo_put_nil(&f->writer); break;
	case MSGPACK_OBJECT_BOOLEAN:
		waldo_put_bool(&f->writer, object->via.boolean);
		break;
	case MSGPACK_OBJECT_STR:
		waldo_put_strn(&f->writer,
		               object->via.str.size > 0 ? object->via.str.ptr
		                                        : "",
		               object->via.str.size);
		break;
	case MSGPACK_OBJECT_BIN:
		waldo_put_bytes(&f->writer, object->via.bin.ptr,
		                object->via.bin.size);
		break;
	case MSGPACK_OBJECT_ARRAY:
		waldo_put_list(&f->writer, object->via.array.size);
		for (uint32_t i = 0; i < object->via.array.size; i++) {
			fits &= put_object(f, &object->via.array.ptr[i]);
		}
		break;
	case MSGPACK_OBJECT_MAP:
		waldo_put_map(&f->writer, object->via.map.size);
		for (uint32_t i = 0; i < object->via.map.size; i++) {
			fits &= put_object(f, &object->via.map.ptr[i].key);
			fits &= put_object(f, &object->via.map.ptr[i].val);
		}
		break;
	default: return false; /* a float32, an extension */
	}
	return fits;
}

static void
every_sample_is_put_as_msgpack_c_packs_it(void **state)
{
	struct fixture *f = *state;
	size_t compared = 0;
	msgpack_unpacked tree;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		size_t at = 0;

		msgpack_unpacked_init(&tree);
		if (msgpack_unpack_next(&tree, samples[i].bytes, samples[i].len,
		                        &at) == MSGPACK_UNPACK_SUCCESS &&
		    put_object(f, &tree.data)) {
			msgpack_pack_object(&f->packer, tree.data);
			assert_same(f, false);
			compared++;
		}
		waldoi_writer_reset(&f->writer);
		msgpack_unpacked_destroy(&tree);
	}
	assert_true(compared > SAMPLE_COUNT / 2);
}

static void
put_kind(waldo_writer *writer, int kind)
{
	switch (kind) {
	case 0: waldo_put_nil(writer); break;
	case 1: waldo_put_int(writer, INT64_MIN); break;
	case 2: waldo_put_uint(writer, 1000); break;
	case 3: waldo_put_double(writer, 1); break;
	case 4: waldo_put_str(writer, "short"); break;
	case 5:
		waldo_put_str(writer, "longer than 31 bytes, at that so");
		break;
	case 6: waldo_put_bytes(writer, "bytes", 5); break;
	case 7: waldo_put_list(writer, 0); break;
	case 8: waldo_put_map(writer, 0); break;
	case 9: waldo_put_time(writer, 1500000); break;
	default: waldoi_put_handle(writer, writer); break;
	}
}

/* A value that ends anywhere around the end of the small buffer, with the limit
 * there too, or one byte before. */
static void
any_value_may_end_at_the_limit_and_not_behind_it(void **state)
{
	static char fill[180 + 60];
	struct fixture *f = *state;
	waldoi_writer_limits *limits = &f->writer.limits;
	const uint8_t *bytes = NULL;
	size_t len = 0;

	for (size_t i = 0; i < 11 * (size_t) 60; i++) {
		limits->message_bytes = MAX_BYTES;
		waldoi_writer_reset(&f->writer);
		waldo_put_bytes(&f->writer, fill, 180 + i / 11);
		put_kind(&f->writer, (int) (i % 11));
		assert_ok(waldoi_writer_finish(&f->writer, true, &bytes, &len));
		for (size_t less = 0; less < 2; less++) {
			limits->message_bytes = len - 1 - less;
			waldoi_writer_reset(&f->writer);
			waldo_put_bytes(&f->writer, fill, 180 + i / 11);
			put_kind(&f->writer, (int) (i % 11));
			assert_err(f->writer.error,
			           less == 0 ? WALDO_OK : WALDO_ELIMIT);
		}
	}
}

/* Also one that a writer is given whole. */
static void
a_payload_above_the_limit_stays_refused(void **state)
{
	static const uint8_t payload[] = "\x92\x01\x02";
	struct fixture *f = *state;
	const uint8_t *bytes = NULL;
	size_t len = 0;

	waldoi_writer_set_payload(&f->writer, payload, 3, NULL, 0);
	assert_ok(waldoi_writer_finish(&f->writer, true, &bytes, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, payload, 3);
	f->writer.limits.message_bytes = 2;
	waldoi_writer_reset(&f->writer);
	waldoi_writer_set_payload(&f->writer, payload, 3, NULL, 0);
	for (int i = 0; i < 2; i++) {
		assert_err(waldoi_writer_finish(&f->writer, true, &bytes, &len),
		           WALDO_ELIMIT);
	}
}

/* What fails after the payload was closed opens it again. */
static void
a_payload_that_was_closed_can_still_fail_and_grow(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bytes = NULL;
	size_t len = 0;

	waldo_put_int(&f->writer, 1);
	assert_ok(waldoi_writer_finish(&f->writer, true, &bytes, &len));
	waldo_put_int(&f->writer, 2);
	assert_ok(waldoi_writer_finish(&f->writer, true, &bytes, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "\x92\x01\x02", 3);
	waldoi_writer_fail(&f->writer, WALDO_EINVAL, "too late");
	assert_err(waldoi_writer_finish(&f->writer, true, &bytes, &len),
	           WALDO_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(integers_are_as_msgpack_c_packs_them),
	    waldo_test(doubles_booleans_and_nil_are_as_msgpack_c_packs_them),
	    waldo_test(strings_of_any_length_are_as_msgpack_c_packs_them),
	    waldo_test(bytes_of_any_length_are_as_msgpack_c_packs_them),
	    waldo_test(lists_and_maps_are_as_msgpack_c_packs_them),
	    waldo_test(any_number_of_arguments_is_a_list_of_msgpack_c),
	    waldo_test(references_are_as_msgpack_c_packs_extensions),
	    waldo_test(any_value_may_end_at_the_limit_and_not_behind_it),
	    waldo_test(a_payload_above_the_limit_stays_refused),
	    waldo_test(a_payload_that_was_closed_can_still_fail_and_grow),
	    waldo_test(every_sample_is_put_as_msgpack_c_packs_it),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
