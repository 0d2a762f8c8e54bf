/* SPDX-License-Identifier: MIT */
/* Calls, their results, their errors and their order. */
#include "tests/conformance/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void
a_call_returns_its_result(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 41));

	assert_integer(o, 42);
	assert_int_equal(f->service->calls, 1);
}

/* Promise 5, F35: near or far, nothing runs inside waldo_ref_invoke(). */
static void
a_call_runs_from_the_loop_only(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "add", "i", 1));

	assert_int_equal(f->service->calls, 0);
	assert_int_equal(o->count, 0);
	until(f, o->count > 0);
	assert_int_equal(f->service->calls, 1);
}

static void
a_call_on_a_near_reference_says_so_to_the_callee(void **state)
{
	struct fixture *f = *state;

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_int_equal(f->service->is_near, wire->is_near);
}

static void
a_reply_without_a_value_is_nil(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "let_go", ""));

	assert_ok(o->code);
	assert_int_equal(o->type, WALDO_TYPE_NIL);
}

/* DESIGN 4.3, 7: the call fails, not the link. */
static void
a_reply_of_two_values_fails_that_call(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_of(f, waldo_ref_invoke(f->gate, "two", ""));

	assert_int_not_equal(o->code, WALDO_OK);
	assert_int_equal(o->fate, WALDO_EXECUTED);
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
}

static void
an_error_has_its_type_its_message_and_its_fate(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(f->gate, "fail", "ss", "game.Blocked",
	                        "a wall, 100% of stone"));

	assert_failed(o, WALDO_EREMOTE, WALDO_EXECUTED);
	assert_string_equal(o->kind, "game.Blocked");
	assert_string_equal(o->message, "a wall, 100% of stone");
	assert_int_equal(o->end, WALDO_EREMOTE);
}

/* DESIGN 4.3, 10: data for a terminal must not move its cursor. */
static void
the_text_of_an_error_is_one_line(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(f->gate, "fail", "ss", "a.B", "x\n\x1b[2Jy"));

	assert_err(o->code, WALDO_EREMOTE);
	assert_null(strchr(o->message, '\n'));
	assert_null(strchr(o->message, '\x1b'));
}

static void
an_error_of_the_library_keeps_its_code(void **state)
{
	struct fixture *f = *state;

	for (int err = WALDO_EINVAL; err <= WALDO_ESYSTEM; err++) {
		struct outcome *o = outcome_of(
		    f, waldo_ref_invoke(f->gate, "fail_err", "i", err));

		assert_failed(o, (waldo_err) err, WALDO_EXECUTED);
		assert_string_equal(o->kind, waldo_err_type((waldo_err) err));
	}
}

static void
a_failure_is_passed_on_as_it_came(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "pass", "r", f->gate));

	assert_failed(o, WALDO_EREMOTE, WALDO_EXECUTED);
	assert_string_equal(o->kind, "a.B");
	assert_string_equal(o->message, "c");
}

static void
a_call_that_follows_another_has_its_result(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(f->gate, "call", "rs", f->gate, "add"));

	assert_integer(o, 8);
}

static void
a_call_that_follows_another_has_its_failure(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(f->gate, "call", "rs", f->gate, "nothing"));

	assert_refused(o, WALDO_EMETHOD);
}

static void
a_deferred_reply_is_overtaken_by_later_calls(void **state)
{
	struct fixture *f = *state;
	struct outcome *held =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	struct outcome *later =
	    outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1));

	assert_integer(later, 2);
	assert_int_equal(held->count, 0);
	service_answer(f->service, 5);
	until(f, held->count > 0);
	assert_integer(held, 5);
}

static void
deferred_replies_come_in_any_order(void **state)
{
	struct fixture *f = *state;
	struct outcome *a =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	struct outcome *b =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	waldo_call *first;

	until(f, f->service->held_count == 2);
	first = f->service->held[0];
	f->service->held[0] = f->service->held[1];
	f->service->held[1] = first;
	service_answer(f->service, 2);
	until(f, b->count > 0);
	assert_int_equal(a->count, 0);
	service_answer(f->service, 1);
	until(f, a->count > 0);
	assert_integer(a, 1);
	assert_integer(b, 2);
}

/* P30. Promise 3, P8. */
static void
calls_are_dispatched_in_the_order_made(void **state)
{
	struct fixture *f = *state;
	struct outcome *last = NULL;

	for (int i = 0; i < 400; i++) {
		if (i % 3 == 0) {
			assert_ok(waldo_ref_notify(f->gate, "order", "i", i));
		} else if (i % 7 == 0) {
			/* A gap, never a swap. */
			waldo_promise_release(
			    waldo_ref_invoke(f->gate, "order", "s", "x"));
			assert_ok(waldo_ref_notify(f->gate, "order", "i", i));
		} else {
			last = watch_outcome(
			    f, waldo_ref_invoke(f->gate, "order", "i", i));
		}
	}
	until(f, last->count > 0);
	barrier(f);
	assert_int_equal(f->service->order_count, 400);
	for (int i = 0; i < 400; i++) {
		assert_int_equal(f->service->order[i], i);
	}
}

/* P30, F21: what exceeds the floor waits until the peer has said what it takes,
 * and all that is behind it waits, too. */
static void
a_small_call_does_not_overtake_a_large_one(void **state)
{
	struct fixture *f = *state;
	static char data[100000];
	struct outcome *o;

	assert_ok(waldo_ref_notify(f->gate, "mark", "i", 0));
	assert_ok(
	    waldo_ref_notify(f->gate, "mark", "iy", 1, data, sizeof(data)));
	assert_ok(waldo_ref_notify(f->gate, "mark", "i", 2));
	o = outcome_of(f, waldo_ref_invoke(f->gate, "mark", "i", 3));
	assert_integer(o, 3);
	assert_int_equal(f->service->order_count, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(f->service->order[i], i);
	}
}

static void
replies_of_one_kind_come_in_order_too(void **state)
{
	struct fixture *f = *state;
	struct outcome *o[50];

	for (int i = 0; i < 50; i++) {
		o[i] =
		    watch_outcome(f, waldo_ref_invoke(f->gate, "add", "i", i));
	}
	until(f, o[49]->count > 0);
	for (int i = 0; i < 50; i++) {
		assert_integer(o[i], i + 1);
		assert_true(i == 0 || o[i]->sequence > o[i - 1]->sequence);
	}
}

/* P29, F30. */
static void
a_one_way_request_settles_with_nil(void **state)
{
	struct fixture *f = *state;
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_ONE_WAY};
	waldo_request *request = waldo_request_new(f->gate, "add", &options);
	struct outcome *o;

	waldo_put_int(waldo_request_get_args(request), 1);
	o = outcome_of(f, waldo_request_send(request));
	assert_ok(o->code);
	assert_int_equal(o->type, WALDO_TYPE_NIL);
	until(f, f->service->calls == 1);
}

/* P29: delivered is not executed. */
static void
a_one_way_request_does_not_tell_how_it_went(void **state)
{
	struct fixture *f = *state;
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_ONE_WAY};
	struct outcome *o =
	    outcome_of(f, waldo_request_send(waldo_request_new(
	                      f->gate, "no_such_method", &options)));

	assert_ok(o->code);
}

static void
a_method_that_does_not_answer_fails_the_call(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "silent", ""));

	assert_int_not_equal(o->code, WALDO_OK);
	assert_int_equal(o->fate, WALDO_EXECUTED);
	assert_string_equal(o->kind, "waldo.NoReply");
}

static void
a_method_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "fly", "i", 1));

	assert_refused(o, WALDO_EMETHOD);
	assert_non_null(strstr(o->message, "Service"));
	assert_non_null(strstr(o->message, "fly"));
	assert_int_equal(f->service->calls, 0);
}

static void
a_method_of_the_librarys_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, ".fly", ""));

	assert_err(o->code, WALDO_EMETHOD);
	assert_non_null(strstr(o->message, ".fly"));
}

static void
names_that_no_method_can_have_are_not_sent(void **state)
{
	struct fixture *f = *state;
	char long_name[130];
	const char *names[] = {"", "a/b", "a\nb", "\xff", long_name};

	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct outcome *o =
		    outcome_of(f, waldo_ref_invoke(f->gate, names[i], ""));

		assert_failed(o, WALDO_EINVAL, WALDO_NOT_SENT);
		assert_err(waldo_ref_notify(f->gate, names[i], ""),
		           WALDO_EINVAL);
	}
}

static void
a_name_of_128_bytes_is_one(void **state)
{
	struct fixture *f = *state;
	char name[129];
	struct outcome *o;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	o = outcome_of(f, waldo_ref_invoke(f->gate, name, ""));
	assert_refused(o, WALDO_EMETHOD);
	assert_non_null(strstr(o->message, name));
}

static void
an_argument_that_does_not_fit_is_named(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "add", "s", "x"));

	assert_failed(o, WALDO_EARGS, WALDO_EXECUTED);
	assert_string_equal(
	    o->message,
	    "add(n: i64): argument 1: expected integer, found string");
	o = outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 5000));
	assert_failed(o, WALDO_EARGS, WALDO_EXECUTED);
	assert_string_equal(o->message, "add(n: i64): argument 1: expected "
	                                "integer in -1000..1000, found 5000");
	o = outcome_of(f, waldo_ref_invoke(f->gate, "add", ""));
	assert_string_equal(
	    o->message,
	    "add(n: i64): argument 1: expected integer, found nothing");
	assert_int_equal(f->service->calls, 0);
}

static void
an_argument_too_many_is_named(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "add", "iss", 1, "x", "y"));

	assert_failed(o, WALDO_EARGS, WALDO_EXECUTED);
	assert_non_null(strstr(o->message, "add(n: i64): "));
	assert_non_null(strstr(o->message, "argument 2"));
}

struct description {
	int count;
	char class_name[32];
	size_t pairs, methods;
	char first[32], signature[64];
	bool second_has_none;
	int64_t flags;
};

static void
read_key(waldo_reader *r, char key[16])
{
	(void) snprintf(key, 16, "%s", waldo_read_str(r, NULL));
}

static void
read_method(waldo_reader *r, size_t i, struct description *d)
{
	size_t pairs = waldo_read_map(r);
	char key[16];

	for (size_t k = 0; k < pairs; k++) {
		read_key(r, key);
		if (strcmp(key, "name") == 0 && i == 0) {
			(void) snprintf(d->first, sizeof(d->first), "%s",
			                waldo_read_str(r, NULL));
		} else if (strcmp(key, "signature") == 0 && i == 0) {
			(void) snprintf(d->signature, sizeof(d->signature),
			                "%s", waldo_read_str(r, NULL));
		} else if (strcmp(key, "flags") == 0 && i == 0) {
			d->flags = waldo_read_int(r, 0, 1000);
		} else {
			if (strcmp(key, "signature") == 0 && i == 1) {
				d->second_has_none =
				    waldo_read_type(r) == WALDO_TYPE_NIL;
			}
			waldo_read_skip(r);
		}
	}
}

static void
read_description(waldo_reader *r, const waldo_failure *failure, void *user)
{
	struct description *d = user;
	char key[16];

	(void) failure;
	d->count++;
	d->pairs = waldo_read_map(r);
	for (size_t i = 0; i < d->pairs; i++) {
		read_key(r, key);
		if (strcmp(key, "class") == 0) {
			(void) snprintf(d->class_name, sizeof(d->class_name),
			                "%s", waldo_read_str(r, NULL));
		} else if (strcmp(key, "methods") == 0) {
			d->methods = waldo_read_list(r);
			for (size_t m = 0; m < d->methods; m++) {
				read_method(r, m, d);
			}
		} else {
			waldo_read_skip(r);
		}
	}
}

static void
an_object_describes_itself(void **state)
{
	struct fixture *f = *state;
	struct description d = {0};

	assert_ok(waldo_promise_when(waldo_ref_invoke(f->gate, ".describe", ""),
	                             read_description, &d));
	until(f, d.count > 0);
	assert_string_equal(d.class_name, "Service");
	assert_int_equal(d.methods, 21);
	assert_string_equal(d.first, "echo");
	assert_string_equal(d.signature, "(value: any) -> any");
	assert_int_equal(d.flags, WALDO_READONLY);
	assert_true(d.second_has_none);
}

static void
an_object_answers_a_ping_with_nil(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, ".ping", ""));

	assert_ok(o->code);
	assert_int_equal(o->type, WALDO_TYPE_NIL);
	assert_int_equal(f->service->calls, 0);
}

static const waldo_class other_class = {WALDO_CLASS_SIZES, "Other", NULL, NULL,
                                        NULL};

static void
say_name(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_reply(call, "s", waldo_call_get_method(call));
}

static void
methods_that_are_not_in_the_table_go_to_other(void **state)
{
	struct fixture *f = *state;
	static waldo_class with_other;
	waldo_ref *ref = NULL;
	struct outcome *o, *bare;

	with_other = other_class;
	with_other.other = say_name;
	assert_ok(waldo_object_new(f->server, &with_other, f, &ref));
	(void) outcome_of(f,
	                  waldo_ref_invoke(f->service_ref, "keep", "r", ref));
	waldo_ref_release(ref);
	o = outcome_of(f, waldo_ref_invoke(f->service_ref, "call", "rs",
	                                   f->service->kept, "any"));
	bare = outcome_of(f, waldo_ref_invoke(f->service_ref, "call", "rs",
	                                      f->service->kept, ".any"));
	assert_string_equal(o->text, "any");
	assert_err(bare->code, WALDO_EMETHOD);
}

static void
the_callee_knows_the_methods_name(void **state)
{
	struct fixture *f = *state;

	/* Once with its definition, once by its number (P15). */
	for (int i = 0; i < 2; i++) {
		struct outcome *o =
		    outcome_of(f, waldo_ref_invoke(f->gate, "whoami", ""));

		assert_string_equal(o->text, "whoami");
	}
}

static void
a_call_on_a_near_object_may_be_waited_for(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise =
	    waldo_ref_invoke(f->service_ref, "add", "i", 1);

	assert_ok(waldo_promise_wait(promise, 1000));
	assert_int_equal(
	    waldo_read_int(waldo_promise_get_result(promise), 0, 10), 2);
	assert_null(waldo_promise_get_failure(promise));
	waldo_promise_release(promise);
}

struct asked {
	waldo_promise *promise;
	bool same;
};

static void
ask_again(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct asked *asked = user;

	asked->same = failure == NULL &&
	              waldo_promise_get_result(asked->promise) == result;
}

static void
a_callback_may_ask_its_promise_for_the_result(void **state)
{
	struct fixture *f = *state;
	struct asked asked = {waldo_ref_invoke(f->gate, "add", "i", 1), false};

	waldo_promise_retain(asked.promise);
	assert_ok(waldo_promise_when(asked.promise, ask_again, &asked));
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 2));
	assert_true(asked.same);
	assert_err(waldo_read_error(waldo_promise_get_result(asked.promise)),
	           WALDO_EINVAL);
	waldo_promise_release(asked.promise);
}

static void
a_wait_gives_up_and_the_call_goes_on(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->service_ref, "hold", "");

	assert_err(waldo_promise_wait(promise, 20), WALDO_EDEADLINE);
	assert_int_equal(f->service->cancelled, 0);
	service_answer(f->service, 3);
	assert_ok(waldo_promise_wait(promise, 1000));
	waldo_promise_release(promise);
}

static void
a_wait_has_the_failures_code(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->service_ref, "fly", "");

	assert_err(waldo_promise_wait(promise, 1000), WALDO_EMETHOD);
	assert_non_null(waldo_promise_get_failure(promise));
	assert_err(waldo_read_error(waldo_promise_get_result(promise)),
	           WALDO_EMETHOD);
	waldo_promise_release(promise);
}

const struct CMUnitTest calls_tests[] = {
    waldo_test(a_call_returns_its_result),
    waldo_test(a_call_runs_from_the_loop_only),
    waldo_test(a_call_on_a_near_reference_says_so_to_the_callee),
    waldo_test(a_reply_without_a_value_is_nil),
    waldo_test(a_reply_of_two_values_fails_that_call),
    waldo_test(an_error_has_its_type_its_message_and_its_fate),
    waldo_test(the_text_of_an_error_is_one_line),
    waldo_test(an_error_of_the_library_keeps_its_code),
    waldo_test(a_failure_is_passed_on_as_it_came),
    waldo_test(a_call_that_follows_another_has_its_result),
    waldo_test(a_call_that_follows_another_has_its_failure),
    waldo_test(a_deferred_reply_is_overtaken_by_later_calls),
    waldo_test(deferred_replies_come_in_any_order),
    waldo_test(calls_are_dispatched_in_the_order_made),
    waldo_test(a_small_call_does_not_overtake_a_large_one),
    waldo_test(replies_of_one_kind_come_in_order_too),
    waldo_test(a_one_way_request_settles_with_nil),
    waldo_test(a_one_way_request_does_not_tell_how_it_went),
    waldo_test(a_method_that_does_not_answer_fails_the_call),
    waldo_test(a_method_that_is_not_there_is_named),
    waldo_test(a_method_of_the_librarys_that_is_not_there_is_named),
    waldo_test(names_that_no_method_can_have_are_not_sent),
    waldo_test(a_name_of_128_bytes_is_one),
    waldo_test(an_argument_that_does_not_fit_is_named),
    waldo_test(an_argument_too_many_is_named),
    waldo_test(an_object_describes_itself),
    waldo_test(an_object_answers_a_ping_with_nil),
    waldo_test(methods_that_are_not_in_the_table_go_to_other),
    waldo_test(the_callee_knows_the_methods_name),
    waldo_test(a_call_on_a_near_object_may_be_waited_for),
    waldo_test(a_callback_may_ask_its_promise_for_the_result),
    waldo_test(a_wait_gives_up_and_the_call_goes_on),
    waldo_test(a_wait_has_the_failures_code),
};
END_SUITE(calls);
