/* SPDX-License-Identifier: MIT */
/* Readers and writers. */
#include "torture/misuse/misuse.h"

#include <waldo/packed.h>
#include <waldo/version.h>

#include <math.h>
#include <stdlib.h>

/* ---- NULL, which reads as failed and is written to without effect */

#define NO_WRITER(function, ...)                                               \
	MISUSE(function, null)                                                 \
	{                                                                      \
		(void) w;                                                      \
		function(__VA_ARGS__);                                         \
	}

NO_WRITER(waldo_put_nil, NULL)
NO_WRITER(waldo_put_bool, NULL, true)
NO_WRITER(waldo_put_int, NULL, 1)
NO_WRITER(waldo_put_uint, NULL, 1)
NO_WRITER(waldo_put_double, NULL, 1)
NO_WRITER(waldo_put_str, NULL, "text")
NO_WRITER(waldo_put_strn, NULL, "text", 4)
NO_WRITER(waldo_put_bytes, NULL, "data", 4)
NO_WRITER(waldo_put_time, NULL, 1)
NO_WRITER(waldo_put_list, NULL, 1)
NO_WRITER(waldo_put_map, NULL, 1)
NO_WRITER(waldo_put_rest, NULL, NULL)
NO_WRITER(waldo_put_ref, NULL, NULL)
NO_WRITER(waldo_putf, NULL, "is", 1, "text")
NO_WRITER(waldo_put_packed, NULL, "\x90", 1)
NO_WRITER(waldo_writer_free, NULL)

static void
vput(waldo_writer *writer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	waldo_vputf(writer, format, args);
	va_end(args);
}

MISUSE(waldo_vputf, null)
{
	(void) w;
	vput(NULL, "i", 1);
}

MISUSE(waldo_writer_get_message, null)
{
	(void) w;
	assert_string_equal(waldo_writer_get_message(NULL), "out of memory");
}

MISUSE(waldo_writer_pack, null)
{
	uint8_t *data;
	size_t len;

	(void) w;
	assert_err(waldo_writer_pack(NULL, &data, &len), WALDO_ENOMEM);
}

/* The writer's error, as packing tells it. */
static waldo_err
packed(waldo_writer *writer)
{
	uint8_t *data = NULL;
	size_t len;
	waldo_err err = waldo_writer_pack(writer, &data, &len);

	free(data);
	waldo_writer_free(writer);
	return err;
}

MISUSE(waldo_writer_pack, a_reference)
{
	waldo_writer *writer = waldo_writer_new(100);

	waldo_put_ref(writer, w->gate);
	assert_err(packed(writer), WALDO_EINVAL);
}

MISUSE(waldo_writer_pack, a_short_list)
{
	waldo_writer *writer = waldo_writer_new(100);

	(void) w;
	waldo_put_list(writer, 1);
	assert_err(packed(writer), WALDO_EINVAL);
}

MISUSE(waldo_writer_new, without_room)
{
	waldo_writer *writer = waldo_writer_new(0);

	(void) w;
	waldo_put_int(writer, 1);
	assert_err(packed(writer), WALDO_ELIMIT);
}

MISUSE(waldo_vputf, a_wrong_format)
{
	waldo_writer *writer = waldo_writer_new(100);

	(void) w;
	vput(writer, "[");
	assert_err(packed(writer), WALDO_EINVAL);
}

MISUSE(waldo_put_packed, what_is_none)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
	    {NULL, 0},
	    {"", 0},
	    {"\x01", 1},
	    {"\x91", 1},
	    {"\x90\x90", 2},
	    /* a list of a billion */
	    {"\xdd\x3f\xff\xff\xff", 5},
	    /* a reference */
	    {"\x91\xd4\x01\x00", 4},
	};

	(void) w;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		waldo_writer *writer = waldo_writer_new(100);

		waldo_put_packed(writer, bad[i].data, bad[i].len);
		assert_true(waldo_writer_get_message(writer)[0] != '\0');
		assert_err(packed(writer), WALDO_EARGS);
	}
}

#define NO_READER(function, claim)                                             \
	MISUSE(function, null)                                                 \
	{                                                                      \
		(void) w;                                                      \
		assert_true(claim);                                            \
	}

NO_READER(waldo_read_type, waldo_read_type(NULL) == WALDO_TYPE_END)
NO_READER(waldo_read_count, waldo_read_count(NULL) == 0)
NO_READER(waldo_read_bool, !waldo_read_bool(NULL))
NO_READER(waldo_read_int, waldo_read_int(NULL, 1, 2) == 0)
NO_READER(waldo_read_uint, waldo_read_uint(NULL, 2) == 0)
NO_READER(waldo_read_double, waldo_read_double(NULL) <= 0)
NO_READER(waldo_read_str, strcmp(waldo_read_str(NULL, NULL), "") == 0)
NO_READER(waldo_read_bytes, waldo_read_bytes(NULL, NULL) == NULL)
NO_READER(waldo_read_time, waldo_read_time(NULL) == 0)
NO_READER(waldo_read_list, waldo_read_list(NULL) == 0)
NO_READER(waldo_read_map, waldo_read_map(NULL) == 0)
NO_READER(waldo_read_ref, waldo_read_ref(NULL) == NULL)
NO_READER(waldo_read_error, waldo_read_error(NULL) != WALDO_OK)
NO_READER(waldo_read_end, waldo_read_end(NULL) != WALDO_OK)
NO_READER(waldo_read_message, waldo_read_message(NULL)[0] != '\0')

MISUSE(waldo_read_skip, null)
{
	(void) w;
	waldo_read_skip(NULL);
}

MISUSE(waldo_put_bytes_take, null)
{
	int done = 0;

	(void) w;
	waldo_put_bytes_take(NULL, "data", 4, count_task, &done);
	assert_int_equal(done, 1);
	waldo_put_bytes_take(NULL, "data", 4, NULL, NULL);
}

/* ---- readers that have failed stay so, and lengths are told all the same */

static waldo_err misfit_error;

static void
misfit(waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	size_t len = 99;

	(void) waldo_read_str(args, &len); /* it is an integer */
	misfit_error = waldo_read_error(args);
	if (len != 0 || waldo_read_int(args, 0, 10) != 0 ||
	    waldo_read_list(args) != 0 || waldo_read_ref(args) != NULL ||
	    waldo_read_type(args) != WALDO_TYPE_END ||
	    waldo_read_bytes(args, &len) != NULL || len != 0) {
		misfit_error = WALDO_OK;
	}
	waldo_read_skip(args);
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "");
	}
}

MISUSE(waldo_read_str, of_an_integer)
{
	assert_err(probe(w, misfit), WALDO_EARGS);
	assert_err(misfit_error, WALDO_EARGS);
	assert_non_null(strstr(probe_message, "expected string"));
}

static void
beyond(waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);

	waldo_read_skip(args);
	waldo_read_skip(args);
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "");
	}
}

MISUSE(waldo_read_skip, beyond_the_end)
{
	assert_err(probe(w, beyond), WALDO_EARGS);
}

static void
upside_down(waldo_call *call)
{
	(void) waldo_read_int(waldo_call_get_args(call), 10, 0);
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "");
	}
}

MISUSE(waldo_read_int, of_an_empty_range)
{
	assert_err(probe(w, upside_down), WALDO_EARGS);
}

static void
leave_some(waldo_call *call)
{
	if (waldo_read_end(waldo_call_get_args(call)) == WALDO_OK) {
		waldo_call_reply(call, "");
	} else {
		waldo_call_fail_err(call, WALDO_EARGS);
	}
}

MISUSE(waldo_read_end, with_values_left)
{
	assert_err(probe(w, leave_some), WALDO_EARGS);
}

/* ---- values that cannot be written */

#define UNSENDABLE(function, how, want, put)                                   \
	MISUSE(function, how)                                                  \
	{                                                                      \
		waldo_request *request = new_echo(w);                          \
		waldo_writer *args = waldo_request_get_args(request);          \
                                                                               \
		put;                                                           \
		waldo_put_int(args, 1); /* comes too late to mend it */        \
		assert_err(outcome_of(waldo_request_send(request)), want);     \
		assert_int_equal(probe_fate, WALDO_NOT_SENT);                  \
		assert_string_not_equal(probe_message, "");                    \
	}

UNSENDABLE(waldo_put_str, not_utf8, WALDO_EINVAL, waldo_put_str(args, "\xff"))
UNSENDABLE(waldo_put_strn, cut_in_a_character, WALDO_EINVAL,
           waldo_put_strn(args, "\xc3\xa4", 1))
UNSENDABLE(waldo_put_strn, a_surrogate, WALDO_EINVAL,
           waldo_put_strn(args, "\xed\xa0\x80", 3))
UNSENDABLE(waldo_put_strn, longer_than_memory, WALDO_ELIMIT,
           waldo_put_strn(args, "x", SIZE_MAX))
UNSENDABLE(waldo_put_bytes, longer_than_memory, WALDO_ELIMIT,
           waldo_put_bytes(args, "x", SIZE_MAX))
UNSENDABLE(waldo_put_bytes_take, longer_than_memory, WALDO_ELIMIT,
           waldo_put_bytes_take(args, "x", SIZE_MAX, NULL, NULL))
UNSENDABLE(waldo_put_list, of_too_few, WALDO_EINVAL, waldo_put_list(args, 9))
UNSENDABLE(waldo_put_list, of_all_there_are, WALDO_ELIMIT,
           waldo_put_list(args, SIZE_MAX))
UNSENDABLE(waldo_put_map, of_too_few, WALDO_EINVAL, waldo_put_map(args, 1))
UNSENDABLE(waldo_put_map, of_all_there_are, WALDO_ELIMIT,
           waldo_put_map(args, SIZE_MAX))
UNSENDABLE(waldo_put_rest, of_nothing, WALDO_EINVAL, waldo_put_rest(args, NULL))
UNSENDABLE(waldo_put_ref, of_another_node, WALDO_EINVAL,
           waldo_put_ref(args, w->service))
UNSENDABLE(waldo_putf, an_unknown_letter, WALDO_EINVAL,
           waldo_putf(args, "q", 1))
UNSENDABLE(waldo_putf, a_space, WALDO_EINVAL, waldo_putf(args, "i i", 1, 2))
UNSENDABLE(waldo_putf, not_closed, WALDO_EINVAL, waldo_putf(args, "[i", 1))
UNSENDABLE(waldo_putf, never_opened, WALDO_EINVAL, waldo_putf(args, "i]", 1))
UNSENDABLE(waldo_putf, crossed, WALDO_EINVAL, waldo_putf(args, "[{]}"))
UNSENDABLE(waldo_putf, no_format, WALDO_EINVAL, waldo_putf(args, NULL))
UNSENDABLE(waldo_putf, a_key_alone, WALDO_EINVAL, waldo_putf(args, "{s}", "k"))
UNSENDABLE(waldo_putf, a_string_not_utf8, WALDO_EINVAL,
           waldo_putf(args, "s", "\xc0\x80"))

MISUSE(waldo_putf, too_deep)
{
	waldo_request *request = new_echo(w);
	char format[200];

	memset(format, '[', 70);
	memset(format + 70, ']', 70);
	format[140] = '\0';
	waldo_putf(waldo_request_get_args(request), format);
	assert_err(outcome_of(waldo_request_send(request)), WALDO_EINVAL);
}

MISUSE(waldo_put_list, too_deep)
{
	waldo_request *request = new_echo(w);

	for (int i = 0; i < 70; i++) {
		waldo_put_list(waldo_request_get_args(request), 1);
	}
	waldo_put_nil(waldo_request_get_args(request));
	assert_err(outcome_of(waldo_request_send(request)), WALDO_ELIMIT);
	assert_non_null(strstr(probe_message, "depth"));
}

/* A refused loan comes back, from the loop. */
MISUSE(waldo_put_bytes_take, by_a_writer_that_failed)
{
	waldo_request *request = new_echo(w);
	waldo_writer *args = waldo_request_get_args(request);
	int done = 0;

	waldo_put_str(args, "\xff");
	waldo_put_bytes_take(args, "data", 4, count_task, &done);
	assert_int_equal(done, 0);
	waldo_request_free(request);
	pump();
	assert_int_equal(done, 1);
}

MISUSE(waldo_put_str, null_is_nil)
{
	waldo_request *request = new_echo(w);

	waldo_put_str(waldo_request_get_args(request), NULL);
	assert_ok(outcome_of(waldo_request_send(request)));
}

MISUSE(waldo_put_double, not_a_number)
{
	waldo_request *request = new_echo(w);

	waldo_put_double(waldo_request_get_args(request), NAN);
	assert_ok(outcome_of(waldo_request_send(request)));
}

MISUSE(waldo_put_time, the_ends_of_time)
{
	waldo_request *request = new_echo(w);

	waldo_put_time(waldo_request_get_args(request), INT64_MIN);
	waldo_put_time(waldo_request_get_args(request), INT64_MAX);
	assert_ok(outcome_of(waldo_request_send(request)));
}

MISUSE(waldo_put_ref, null_is_nil)
{
	waldo_request *request = new_echo(w);

	waldo_put_ref(waldo_request_get_args(request), NULL);
	assert_ok(outcome_of(waldo_request_send(request)));
}

/* ---- errors */

MISUSE(waldo_strerror, no_error_of_ours)
{
	(void) w;
	assert_non_null(waldo_strerror((waldo_err) 17));
	assert_non_null(waldo_strerror((waldo_err) -1));
	assert_non_null(waldo_strerror((waldo_err) 0x7fffffff));
}

MISUSE(waldo_err_type, no_error_of_ours)
{
	(void) w;
	assert_non_null(waldo_err_type((waldo_err) 17));
	assert_non_null(waldo_err_type((waldo_err) -1));
}

MISUSE(waldo_version, has_none)
{
	(void) w;
	assert_non_null(waldo_version());
}

const struct row value_rows[] = {
    ROW(waldo_put_nil, null),
    ROW(waldo_put_bool, null),
    ROW(waldo_put_int, null),
    ROW(waldo_put_uint, null),
    ROW(waldo_put_double, null),
    ROW(waldo_put_double, not_a_number),
    ROW(waldo_put_str, null),
    ROW(waldo_put_str, null_is_nil),
    ROW(waldo_put_str, not_utf8),
    ROW(waldo_put_strn, null),
    ROW(waldo_put_strn, cut_in_a_character),
    ROW(waldo_put_strn, a_surrogate),
    ROW(waldo_put_strn, longer_than_memory),
    ROW(waldo_put_bytes, null),
    ROW(waldo_put_bytes, longer_than_memory),
    ROW(waldo_put_bytes_take, null),
    ROW(waldo_put_bytes_take, longer_than_memory),
    ROW(waldo_put_bytes_take, by_a_writer_that_failed),
    ROW(waldo_put_time, null),
    ROW(waldo_put_time, the_ends_of_time),
    ROW(waldo_put_list, null),
    ROW(waldo_put_list, of_too_few),
    ROW(waldo_put_list, of_all_there_are),
    ROW(waldo_put_list, too_deep),
    ROW(waldo_put_map, null),
    ROW(waldo_put_map, of_too_few),
    ROW(waldo_put_map, of_all_there_are),
    ROW(waldo_put_rest, null),
    ROW(waldo_put_rest, of_nothing),
    ROW(waldo_put_ref, null),
    ROW(waldo_put_ref, null_is_nil),
    ROW(waldo_put_ref, of_another_node),
    ROW(waldo_putf, null),
    ROW(waldo_put_packed, null),
    ROW(waldo_put_packed, what_is_none),
    ROW(waldo_vputf, null),
    ROW(waldo_vputf, a_wrong_format),
    ROW(waldo_writer_free, null),
    ROW(waldo_writer_get_message, null),
    ROW(waldo_writer_new, without_room),
    ROW(waldo_writer_pack, null),
    ROW(waldo_writer_pack, a_reference),
    ROW(waldo_writer_pack, a_short_list),
    ROW(waldo_putf, an_unknown_letter),
    ROW(waldo_putf, a_space),
    ROW(waldo_putf, not_closed),
    ROW(waldo_putf, never_opened),
    ROW(waldo_putf, crossed),
    ROW(waldo_putf, no_format),
    ROW(waldo_putf, a_key_alone),
    ROW(waldo_putf, a_string_not_utf8),
    ROW(waldo_putf, too_deep),
    ROW(waldo_read_type, null),
    ROW(waldo_read_count, null),
    ROW(waldo_read_skip, null),
    ROW(waldo_read_skip, beyond_the_end),
    ROW(waldo_read_bool, null),
    ROW(waldo_read_int, null),
    ROW(waldo_read_int, of_an_empty_range),
    ROW(waldo_read_uint, null),
    ROW(waldo_read_double, null),
    ROW(waldo_read_str, null),
    ROW(waldo_read_str, of_an_integer),
    ROW(waldo_read_bytes, null),
    ROW(waldo_read_time, null),
    ROW(waldo_read_list, null),
    ROW(waldo_read_map, null),
    ROW(waldo_read_ref, null),
    ROW(waldo_read_error, null),
    ROW(waldo_read_end, null),
    ROW(waldo_read_end, with_values_left),
    ROW(waldo_read_message, null),
    ROW(waldo_strerror, no_error_of_ours),
    ROW(waldo_err_type, no_error_of_ours),
    ROW(waldo_version, has_none),
};
END_ROWS(value);
