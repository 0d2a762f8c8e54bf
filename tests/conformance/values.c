/* SPDX-License-Identifier: MIT */
/* Every kind of value goes there and comes back as it was. */
#include "tests/conformance/fixture.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static waldo_request *
echo(struct fixture *f)
{
	return waldo_request_new(f->gate, "echo", NULL);
}

static struct outcome *
answer(struct fixture *f, waldo_request *request)
{
	struct outcome *o = outcome_of(f, waldo_request_send(request));

	assert_string_equal(o->message, "");
	assert_ok(o->code);
	return o;
}

static const int64_t integers[] = {
    0,         1,          -1,          127,          128,       -32,
    -33,       -128,       -129,        255,          256,       32767,
    32768,     -32768,     -32769,      65535,        65536,     INT32_MAX,
    INT32_MIN, UINT32_MAX, 0x100000000, -0x80000001L, INT64_MAX, INT64_MIN,
};

static void
integers_of_every_width_come_back(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(integers) / sizeof(*integers); i++) {
		waldo_request *request = echo(f);
		struct outcome *o;

		waldo_put_int(waldo_request_get_args(request), integers[i]);
		o = answer(f, request);
		assert_int_equal(o->type, WALDO_TYPE_INT);
		assert_true(o->integer == integers[i]);
		assert_ok(o->end);
	}
}

static void
note_uint(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct outcome *o = user;

	o->count++;
	o->code = failure == NULL ? waldo_read_error(result) : failure->code;
	o->uinteger = waldo_read_uint(result, UINT64_MAX);
}

static void
an_integer_above_the_signed_ones_comes_back(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_new(f);

	assert_ok(waldo_promise_when(
	    waldo_ref_invoke(f->gate, "echo", "U", UINT64_MAX), note_uint, o));
	until(f, o->count > 0);
	assert_ok(o->code);
	assert_true(o->uinteger == UINT64_MAX);
}

static void
doubles_come_back_bit_for_bit(void **state)
{
	struct fixture *f = *state;
	const double doubles[] = {0.0,      -0.0,      1.5,
	                          -1e300,   DBL_MIN,   DBL_MAX,
	                          INFINITY, -INFINITY, DBL_TRUE_MIN};

	for (size_t i = 0; i < sizeof(doubles) / sizeof(*doubles); i++) {
		struct outcome *o = outcome_of(
		    f, waldo_ref_invoke(f->gate, "echo", "d", doubles[i]));

		assert_int_equal(o->type, WALDO_TYPE_DOUBLE);
		assert_memory_equal(&o->number, &doubles[i], sizeof(double));
	}
}

static void
a_nan_stays_one(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "echo", "d", (double) NAN));

	assert_int_equal(o->type, WALDO_TYPE_DOUBLE);
	assert_true(isnan(o->number));
}

static void
booleans_and_nil_come_back(void **state)
{
	struct fixture *f = *state;
	struct outcome *yes =
	    outcome_of(f, waldo_ref_invoke(f->gate, "echo", "b", true));
	struct outcome *no =
	    outcome_of(f, waldo_ref_invoke(f->gate, "echo", "b", false));
	struct outcome *nil =
	    outcome_of(f, waldo_ref_invoke(f->gate, "echo", "n"));

	assert_int_equal(yes->type, WALDO_TYPE_BOOL);
	assert_int_equal(yes->integer, 1);
	assert_int_equal(no->type, WALDO_TYPE_BOOL);
	assert_int_equal(no->integer, 0);
	assert_int_equal(nil->type, WALDO_TYPE_NIL);
}

static void
times_come_back_to_the_microsecond(void **state)
{
	struct fixture *f = *state;
	const int64_t times[] = {0,
	                         1,
	                         -1,
	                         1767322945678901,
	                         17179869184000000,
	                         -62135596800000000,
	                         253402300799999999};

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		waldo_request *request = echo(f);
		struct outcome *o;

		waldo_put_time(waldo_request_get_args(request), times[i]);
		o = answer(f, request);
		assert_int_equal(o->type, WALDO_TYPE_TIME);
		assert_true(o->integer == times[i]);
	}
}

/* Around every change of width of MessagePack. */
static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 200000};

static void
strings_of_every_length_come_back(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(200000);

	assert_non_null(text);
	memset(text, 'x', 200000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		waldo_request *request = echo(f);
		struct outcome *o;

		waldo_put_strn(waldo_request_get_args(request), text, sizes[i]);
		o = answer(f, request);
		assert_int_equal(o->type, WALDO_TYPE_STR);
		assert_int_equal(o->len, sizes[i]);
		assert_memory_equal(o->text, text, sizes[i]);
	}
	free(text);
}

static void
a_string_may_contain_nul_and_any_letter(void **state)
{
	static const char text[] = "a\0b\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	struct outcome *o;

	waldo_put_strn(waldo_request_get_args(request), text, sizeof(text) - 1);
	o = answer(f, request);
	assert_int_equal(o->len, sizeof(text) - 1);
	assert_memory_equal(o->text, text, sizeof(text) - 1);
}

static void
text_that_is_not_utf8_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "echo", "s", "\xff"));

	assert_failed(o, WALDO_EINVAL, WALDO_NOT_SENT);
	barrier(f);
	assert_int_equal(f->service->calls, 0);
}

static void
bytes_of_every_length_come_back(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = malloc(200000);

	assert_non_null(data);
	for (size_t i = 0; i < 200000; i++) {
		data[i] = (uint8_t) (i * 7 + i / 251);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct outcome *o = outcome_of(
		    f, waldo_ref_invoke(f->gate, "echo", "y", data, sizes[i]));

		assert_int_equal(o->type, WALDO_TYPE_BYTES);
		assert_int_equal(o->len, sizes[i]);
		assert_memory_equal(o->text, data, sizes[i]);
	}
	free(data);
}

struct taken {
	uint8_t *data;
	int done;
};

static void
give_back(void *user)
{
	struct taken *taken = user;

	free(taken->data);
	taken->data = NULL;
	taken->done++;
}

enum { TAKEN = 1024 * 1024 };

static void
taken_init(struct taken *taken, size_t len)
{
	taken->done = 0;
	taken->data = malloc(len);
	assert_non_null(taken->data);
	memset(taken->data, 0x5a, len);
}

static void
taken_bytes_are_given_back_once_from_the_loop(void **state)
{
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	struct taken taken;
	struct outcome *o;

	taken_init(&taken, TAKEN);
	waldo_put_bytes_take(waldo_request_get_args(request), taken.data, TAKEN,
	                     give_back, &taken);
	o = watch_outcome(f, waldo_request_send(request));
	assert_int_equal(taken.done, 0);
	until(f, o->count > 0 && taken.done > 0);
	assert_ok(o->code);
	assert_int_equal(o->len, TAKEN);
	assert_int_equal((uint8_t) o->text[TAKEN - 1], 0x5a);
	barrier(f);
	assert_int_equal(taken.done, 1);
}

static void
taken_bytes_of_a_request_that_is_not_sent_come_back_too(void **state)
{
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	struct taken taken;

	taken_init(&taken, 20000);
	waldo_put_bytes_take(waldo_request_get_args(request), taken.data, 20000,
	                     give_back, &taken);
	waldo_request_free(request);
	assert_int_equal(taken.done, 0);
	until(f, taken.done > 0);
	barrier(f);
	assert_int_equal(taken.done, 1);
}

static void
taken_bytes_of_a_failed_writer_come_back_too(void **state)
{
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	waldo_writer *args = waldo_request_get_args(request);
	struct taken taken;
	struct outcome *o;

	taken_init(&taken, 20000);
	waldo_put_str(args, "\xff");
	waldo_put_bytes_take(args, taken.data, 20000, give_back, &taken);
	assert_int_equal(taken.done, 0);
	o = outcome_of(f, waldo_request_send(request));
	assert_failed(o, WALDO_EINVAL, WALDO_NOT_SENT);
	until(f, taken.done > 0);
	assert_int_equal(taken.done, 1);
}

static void
taken_bytes_without_a_writer_come_back_at_once(void **state)
{
	struct taken taken;

	(void) state;
	taken_init(&taken, 10);
	waldo_put_bytes_take(NULL, taken.data, 10, give_back, &taken);
	assert_int_equal(taken.done, 1);
}

static void
taken_bytes_come_back_when_the_node_is_freed(void **state)
{
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	struct taken taken;
	struct outcome *o;

	taken_init(&taken, TAKEN);
	waldo_put_bytes_take(waldo_request_get_args(request), taken.data, TAKEN,
	                     give_back, &taken);
	o = watch_outcome(f, waldo_request_send(request));
	if (f->client == f->server) {
		f->server = NULL;
	}
	node_free(&f->client);
	assert_int_equal(taken.done, 1);
	assert_int_equal(o->count, 1);
}

struct tree {
	int count;
	waldo_err end;
	int64_t first, inner, last;
	char key[8], text[8];
	size_t pairs, items, empty_list, empty_map;
};

static void
read_tree(waldo_reader *r, const waldo_failure *failure, void *user)
{
	struct tree *tree = user;

	(void) failure;
	tree->count++;
	tree->items = waldo_read_list(r);
	tree->first = waldo_read_int(r, 0, 10);
	tree->pairs = waldo_read_map(r);
	(void) strncpy(tree->key, waldo_read_str(r, NULL), 7);
	(void) waldo_read_list(r);
	tree->inner = waldo_read_int(r, 0, 10);
	(void) strncpy(tree->text, waldo_read_str(r, NULL), 7);
	tree->empty_map = waldo_read_map(r);
	tree->empty_list = waldo_read_list(r);
	tree->last = waldo_read_int(r, 0, 10);
	tree->end = waldo_read_end(r);
}

static void
nested_lists_and_maps_come_back(void **state)
{
	struct fixture *f = *state;
	struct tree tree = {0};

	assert_ok(waldo_promise_when(waldo_ref_invoke(f->gate, "list",
	                                              "ii{s[is{}]}[]i", 4, 1,
	                                              "key", 2, "text", 3),
	                             read_tree, &tree));
	until(f, tree.count > 0);
	assert_ok(tree.end);
	assert_int_equal(tree.items, 4);
	assert_int_equal(tree.first, 1);
	assert_int_equal(tree.pairs, 1);
	assert_string_equal(tree.key, "key");
	assert_int_equal(tree.inner, 2);
	assert_string_equal(tree.text, "text");
	assert_int_equal(tree.empty_map, 0);
	assert_int_equal(tree.empty_list, 0);
	assert_int_equal(tree.last, 3);
}

static void
an_argument_one_level_deeper_than_the_limit_is_not_sent(void **state)
{
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	struct outcome *o;

	for (int i = 0; i < 70; i++) {
		waldo_put_list(waldo_request_get_args(request), 1);
	}
	waldo_put_nil(waldo_request_get_args(request));
	o = outcome_of(f, waldo_request_send(request));
	assert_failed(o, WALDO_ELIMIT, WALDO_NOT_SENT);
	assert_non_null(strstr(o->message, "depth"));
	assert_non_null(strstr(o->message, "64"));
}

static void
a_list_that_lacks_a_value_is_not_sent(void **state)
{
	struct fixture *f = *state;
	waldo_request *request = echo(f);
	struct outcome *o;

	waldo_put_list(waldo_request_get_args(request), 2);
	waldo_put_nil(waldo_request_get_args(request));
	o = outcome_of(f, waldo_request_send(request));
	assert_failed(o, WALDO_EINVAL, WALDO_NOT_SENT);
}

static void
a_wrong_format_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "echo", "q"));

	assert_failed(o, WALDO_EINVAL, WALDO_NOT_SENT);
	assert_non_null(strstr(o->message, "'q'"));
	assert_err(waldo_ref_notify(f->gate, "echo", "]"), WALDO_EINVAL);
}

const struct CMUnitTest values_tests[] = {
    waldo_test(integers_of_every_width_come_back),
    waldo_test(an_integer_above_the_signed_ones_comes_back),
    waldo_test(doubles_come_back_bit_for_bit),
    waldo_test(a_nan_stays_one),
    waldo_test(booleans_and_nil_come_back),
    waldo_test(times_come_back_to_the_microsecond),
    waldo_test(strings_of_every_length_come_back),
    waldo_test(a_string_may_contain_nul_and_any_letter),
    waldo_test(text_that_is_not_utf8_is_not_sent),
    waldo_test(bytes_of_every_length_come_back),
    waldo_test(taken_bytes_are_given_back_once_from_the_loop),
    waldo_test(taken_bytes_of_a_request_that_is_not_sent_come_back_too),
    waldo_test(taken_bytes_of_a_failed_writer_come_back_too),
    waldo_test(taken_bytes_without_a_writer_come_back_at_once),
    waldo_test(taken_bytes_come_back_when_the_node_is_freed),
    waldo_test(nested_lists_and_maps_come_back),
    waldo_test(an_argument_one_level_deeper_than_the_limit_is_not_sent),
    waldo_test(a_list_that_lacks_a_value_is_not_sent),
    waldo_test(a_wrong_format_is_not_sent),
};
END_SUITE(values);
