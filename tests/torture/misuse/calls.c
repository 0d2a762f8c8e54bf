/* SPDX-License-Identifier: MIT */
/* What a callee may get wrong. */
#include "torture/misuse/misuse.h"

#include <waldo/server.h>

static waldo_ref *foreign; /* of another node than the callee's */

#define NO_CALL(function, claim)                                               \
	MISUSE(function, null)                                                 \
	{                                                                      \
		(void) w;                                                      \
		assert_true(claim);                                            \
	}

NO_CALL(waldo_call_get_args, waldo_call_get_args(NULL) == NULL)
NO_CALL(waldo_call_check, !waldo_call_check(NULL))
NO_CALL(waldo_call_get_result, waldo_call_get_result(NULL) == NULL)
NO_CALL(waldo_call_defer, waldo_call_defer(NULL, NULL, NULL) == NULL)
NO_CALL(waldo_call_get_time_left_ms,
        waldo_call_get_time_left_ms(NULL) == UINT32_MAX)
NO_CALL(waldo_call_get_node, waldo_call_get_node(NULL) == NULL)
NO_CALL(waldo_call_get_method, waldo_call_get_method(NULL)[0] == '\0')
NO_CALL(waldo_call_get_binding, waldo_call_get_binding(NULL) == NULL)
NO_CALL(waldo_call_get_perspective, waldo_call_get_perspective(NULL) == NULL)
NO_CALL(waldo_call_get_peer, waldo_call_get_peer(NULL)->address != NULL)

MISUSE(waldo_call_reply, null)
{
	(void) w;
	waldo_call_reply(NULL, "i", 1);
}

MISUSE(waldo_call_fail, null)
{
	(void) w;
	waldo_call_fail(NULL, "test.Type", "%d", 1);
}

MISUSE(waldo_call_fail_err, null)
{
	(void) w;
	waldo_call_fail_err(NULL, WALDO_EDENIED);
}

MISUSE(waldo_call_fail_with, null)
{
	(void) w;
	waldo_call_fail_with(NULL, waldo_ref_get_failure(NULL));
	waldo_call_fail_with(NULL, NULL);
}

MISUSE(waldo_call_follow, null)
{
	waldo_promise *promise = waldo_ref_invoke(w->gate, "echo", "i", 1);

	waldo_call_follow(NULL, promise); /* is taken all the same */
	waldo_call_follow(NULL, NULL);
}

/* ---- a method does this, and its caller hears that */

#define METHOD(function, how, want, ...)                                       \
	static void function##_##how##_method(waldo_call *call)                \
	{                                                                      \
		__VA_ARGS__;                                                   \
	}                                                                      \
	MISUSE(function, how)                                                  \
	{                                                                      \
		foreign = service_new(w, w->client);                           \
		assert_err(probe(w, function##_##how##_method), want);         \
		waldo_ref_release(foreign);                                    \
	}

METHOD(waldo_call_reply, not_at_all, WALDO_EREMOTE, (void) call)
METHOD(waldo_call_reply, twice, WALDO_OK, {
	waldo_call_reply(call, "i", 1);
	waldo_call_reply(call, "i", 2);
	waldo_call_fail_err(call, WALDO_EDENIED);
})
METHOD(waldo_call_reply, two_values, WALDO_EINVAL,
       waldo_call_reply(call, "ii", 1, 2))
METHOD(waldo_call_reply, a_wrong_format, WALDO_EINVAL,
       waldo_call_reply(call, "["))
METHOD(waldo_call_reply, a_reference_of_another_node, WALDO_EINVAL,
       waldo_call_reply(call, "r", foreign))
METHOD(waldo_call_reply, not_utf8, WALDO_EINVAL,
       waldo_call_reply(call, "s", "\xff"))
METHOD(waldo_call_get_result, too_few, WALDO_EINVAL, {
	waldo_put_list(waldo_call_get_result(call), 2);
	waldo_call_reply(call, "");
})
METHOD(waldo_call_get_result, after_the_answer, WALDO_OK, {
	waldo_call_reply(call, "");
	waldo_put_int(waldo_call_get_result(call), 1);
})
METHOD(waldo_call_check, after_the_answer, WALDO_OK, {
	waldo_call_reply(call, "");
	if (!waldo_call_check(call)) {
		waldo_call_fail_err(call, WALDO_EARGS);
	}
})
METHOD(waldo_call_check, and_then_an_answer, WALDO_EARGS, {
	if (!waldo_call_check(call)) {
		waldo_call_reply(call, "i", 1);
	}
})
METHOD(waldo_call_fail, null_type, WALDO_EREMOTE,
       waldo_call_fail(call, NULL, "no type"))
METHOD(waldo_call_fail, an_empty_type, WALDO_EREMOTE,
       waldo_call_fail(call, "", "no type"))
METHOD(waldo_call_fail, not_utf8, WALDO_EREMOTE,
       waldo_call_fail(call, "\xff\xfe", "%s", "\xc3(\xa0\xa1"))
METHOD(waldo_call_fail, control_characters, WALDO_EREMOTE,
       waldo_call_fail(call, "a\nb", "\033[2J%c", 7))
METHOD(waldo_call_fail_err, that_is_none, WALDO_EINVAL,
       waldo_call_fail_err(call, WALDO_OK))
METHOD(waldo_call_fail_err, of_nobody, WALDO_EREMOTE,
       waldo_call_fail_err(call, (waldo_err) 999))
METHOD(waldo_call_fail_err, below_zero, WALDO_EREMOTE,
       waldo_call_fail_err(call, (waldo_err) -5))
METHOD(waldo_call_fail_with, null_failure, WALDO_EINVAL,
       waldo_call_fail_with(call, NULL))
METHOD(waldo_call_follow, null_promise, WALDO_ENOMEM,
       waldo_call_follow(call, NULL))
METHOD(waldo_call_follow, of_another_node, WALDO_EINVAL,
       waldo_call_follow(call, waldo_ref_invoke(foreign, ".ping", "")))
METHOD(waldo_call_follow, after_the_answer, WALDO_OK, {
	waldo_call_reply(call, "");
	waldo_call_follow(call, waldo_ref_invoke(NULL, "none", ""));
})
METHOD(waldo_call_defer, after_the_answer, WALDO_OK, {
	waldo_call_reply(call, "");
	(void) waldo_call_defer(call, NULL, NULL);
})
METHOD(waldo_call_defer, twice_and_then_answered, WALDO_OK, {
	(void) waldo_call_defer(call, NULL, NULL);
	waldo_call_reply(waldo_call_defer(call, NULL, NULL), "");
})
METHOD(waldo_call_get_node, to_be_run, WALDO_EINVAL, {
	waldo_err err = waldo_node_run(waldo_call_get_node(call));

	waldo_call_fail_err(call, err);
})

static char long_text[20000];

METHOD(waldo_call_fail, too_long, WALDO_EREMOTE, {
	memset(long_text, 'x', sizeof(long_text) - 1);
	waldo_call_fail(call, long_text, "%s", long_text);
})

/* ---- what follows already, or is waited for */

METHOD(waldo_call_follow, that_has_a_callback, WALDO_EINVAL, {
	waldo_promise *promise = waldo_ref_invoke(NULL, "none", "");
	static int done;

	if (waldo_promise_when(waldo_promise_retain(promise), count_done,
	                       &done) == WALDO_OK) {
		waldo_call_fail_err(call, WALDO_EREMOTE);
	}
	waldo_call_follow(call, promise);
})

static waldo_promise *followed;

static void
follow_kept(waldo_call *call)
{
	waldo_call_follow(call, waldo_promise_retain(followed));
}

MISUSE(waldo_call_follow, by_two_calls)
{
	waldo_promise *first;
	waldo_ref *near;

	followed = waldo_ref_invoke(w->service, "hold", "i", MAX_OUTCOMES - 1);
	first = waldo_ref_invoke(w->hand, "probe", "i", 7);
	assert_err(probe(w, follow_kept), WALDO_EINVAL);
	answer_held(w);
	assert_ok(outcome_of(first));
	near = waldo_promise_get_ref(followed);
	assert_int_equal(waldo_ref_get_state(near), WALDO_NEAR);
	waldo_promise_release(followed);
}

/* ---- calls that outlive their session and node */

/* Two calls, which wait for their answer. */
static waldo_call *both[2];
static int both_count;

static void
keep_both(waldo_call *call)
{
	both[both_count++] = waldo_call_defer(call, NULL, NULL);
}

static void
defer_two(struct world *w)
{
	both_count = 0;
	waldo_promise_release(waldo_ref_invoke(w->hand, "probe", "i", 7));
	assert_err(probe(w, keep_both), WALDO_EDEADLINE);
	assert_int_equal(both_count, 2);
}

MISUSE(waldo_call_get_args, after_the_method)
{
	waldo_reader *args;

	defer_two(w);
	args = waldo_call_get_args(both[0]);
	assert_int_equal(waldo_read_int(args, 0, 9), 0);
	assert_true(waldo_read_error(args) != WALDO_OK);
	waldo_call_reply(both[1], "");
	waldo_call_reply(both[0], "");
}

MISUSE(waldo_call_get_peer, after_the_session)
{
	defer_two(w);
	waldo_ref_end_session(w->gate, "no more");
	pump();
	assert_string_equal(waldo_call_get_peer(both[0])->address, "");
	waldo_call_reply(both[1], "");
	waldo_call_fail_err(both[0], WALDO_EDENIED);
}

static void
use_without_node(waldo_call *call)
{
	assert_null(waldo_call_get_node(call));
	assert_string_equal(waldo_call_get_method(call), "probe");
	assert_non_null(waldo_call_get_peer(call));
	(void) waldo_call_get_time_left_ms(call);
	assert_true(waldo_read_error(waldo_call_get_args(call)) != WALDO_OK);
	waldo_put_int(waldo_call_get_result(call), 1);
}

MISUSE(waldo_call_reply, after_the_node)
{
	defer_two(w);
	free_node(&w->server);
	use_without_node(both[0]);
	waldo_call_reply(both[0], "r", w->hand);
	waldo_call_fail_with(both[1], waldo_ref_get_failure(w->hand));
}

MISUSE(waldo_call_follow, after_the_node)
{
	defer_two(w);
	free_node(&w->server);
	waldo_call_follow(both[0], waldo_ref_invoke(w->hand, "probe", ""));
	assert_false(waldo_call_check(both[1])); /* which answers it */
}

/* ---- limits */

MISUSE(waldo_call_raise_limits, null)
{
	(void) w;
	assert_err(waldo_call_raise_limits(NULL, NULL), WALDO_EINVAL);
}

static void
raise_to(waldo_call *call, const waldo_limits *limits)
{
	waldo_err err = waldo_call_raise_limits(call, limits);

	waldo_call_fail_err(call, err == WALDO_OK ? WALDO_EREMOTE : err);
}

METHOD(waldo_call_raise_limits, of_a_wrong_size, WALDO_EINVAL, {
	const waldo_limits limits = {.size = 3, .open_calls = 2000};

	raise_to(call, &limits);
})
METHOD(waldo_call_raise_limits, out_of_range, WALDO_EINVAL, {
	const waldo_limits limits = {.size = sizeof(limits), .depth = 65};

	raise_to(call, &limits);
})

static waldo_err raise_error;

static void
raise_near(waldo_call *call)
{
	raise_error = waldo_call_raise_limits(call, NULL);
	waldo_call_reply(call, "");
}

MISUSE(waldo_call_raise_limits, of_a_near_call)
{
	assert_ok(probe_near(w, raise_near));
	assert_err(raise_error, WALDO_EINVAL);
}

MISUSE(waldo_call_raise_limits, after_the_session)
{
	defer_two(w);
	waldo_ref_end_session(w->gate, "no more");
	pump();
	assert_err(waldo_call_raise_limits(both[0], NULL), WALDO_ELOST);
	waldo_call_reply(both[0], "");
	free_node(&w->server);
	assert_err(waldo_call_raise_limits(both[1], NULL), WALDO_ELOST);
	waldo_call_reply(both[1], "");
}

const struct row call_rows[] = {
    ROW(waldo_call_get_args, null),
    ROW(waldo_call_get_args, after_the_method),
    ROW(waldo_call_check, null),
    ROW(waldo_call_check, after_the_answer),
    ROW(waldo_call_check, and_then_an_answer),
    ROW(waldo_call_get_result, null),
    ROW(waldo_call_get_result, too_few),
    ROW(waldo_call_get_result, after_the_answer),
    ROW(waldo_call_reply, null),
    ROW(waldo_call_reply, not_at_all),
    ROW(waldo_call_reply, twice),
    ROW(waldo_call_reply, two_values),
    ROW(waldo_call_reply, a_wrong_format),
    ROW(waldo_call_reply, a_reference_of_another_node),
    ROW(waldo_call_reply, not_utf8),
    ROW(waldo_call_reply, after_the_node),
    ROW(waldo_call_fail, null),
    ROW(waldo_call_fail, null_type),
    ROW(waldo_call_fail, an_empty_type),
    ROW(waldo_call_fail, not_utf8),
    ROW(waldo_call_fail, control_characters),
    ROW(waldo_call_fail, too_long),
    ROW(waldo_call_fail_err, null),
    ROW(waldo_call_fail_err, that_is_none),
    ROW(waldo_call_fail_err, of_nobody),
    ROW(waldo_call_fail_err, below_zero),
    ROW(waldo_call_fail_with, null),
    ROW(waldo_call_fail_with, null_failure),
    ROW(waldo_call_follow, null),
    ROW(waldo_call_follow, null_promise),
    ROW(waldo_call_follow, of_another_node),
    ROW(waldo_call_follow, after_the_answer),
    ROW(waldo_call_follow, that_has_a_callback),
    ROW(waldo_call_follow, by_two_calls),
    ROW(waldo_call_follow, after_the_node),
    ROW(waldo_call_defer, null),
    ROW(waldo_call_defer, after_the_answer),
    ROW(waldo_call_defer, twice_and_then_answered),
    ROW(waldo_call_get_time_left_ms, null),
    ROW(waldo_call_get_node, null),
    ROW(waldo_call_get_node, to_be_run),
    ROW(waldo_call_get_method, null),
    ROW(waldo_call_get_binding, null),
    ROW(waldo_call_get_perspective, null),
    ROW(waldo_call_raise_limits, null),
    ROW(waldo_call_raise_limits, of_a_wrong_size),
    ROW(waldo_call_raise_limits, out_of_range),
    ROW(waldo_call_raise_limits, of_a_near_call),
    ROW(waldo_call_raise_limits, after_the_session),
    ROW(waldo_call_get_peer, null),
    ROW(waldo_call_get_peer, after_the_session),
};
END_ROWS(call);
