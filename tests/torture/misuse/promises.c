/* SPDX-License-Identifier: MIT */
/* Promises and requests. */
#include "torture/misuse/misuse.h"

static waldo_promise *
invoke(struct world *w)
{
	return waldo_ref_invoke(w->gate, "echo", "i", MAX_OUTCOMES - 1);
}

/* ---- NULL is one that memory was not enough for */

MISUSE(waldo_promise_when, null)
{
	int done = 0;

	assert_err(waldo_promise_when(NULL, count_done, &done), WALDO_ENOMEM);
	pump();
	assert_int_equal(done, 0);
	(void) w;
}

MISUSE(waldo_promise_get_ref, null)
{
	(void) w;
	assert_null(waldo_promise_get_ref(NULL));
}

MISUSE(waldo_promise_get_ref_at, null)
{
	(void) w;
	assert_null(waldo_promise_get_ref_at(NULL, "a/1"));
}

MISUSE(waldo_promise_cancel, null)
{
	(void) w;
	waldo_promise_cancel(NULL);
}

MISUSE(waldo_promise_forget, null)
{
	(void) w;
	waldo_promise_forget(NULL);
}

MISUSE(waldo_promise_wait, null)
{
	(void) w;
	assert_err(waldo_promise_wait(NULL, -1), WALDO_ENOMEM);
}

MISUSE(waldo_promise_get_result, null)
{
	(void) w;
	assert_true(waldo_read_error(waldo_promise_get_result(NULL)) !=
	            WALDO_OK);
}

MISUSE(waldo_promise_get_failure, null)
{
	(void) w;
	assert_err(waldo_promise_get_failure(NULL)->code, WALDO_ENOMEM);
}

MISUSE(waldo_promise_retain, null)
{
	(void) w;
	assert_null(waldo_promise_retain(NULL));
}

MISUSE(waldo_promise_release, null)
{
	(void) w;
	waldo_promise_release(NULL);
}

/* ---- too early, twice, too late */

MISUSE(waldo_promise_get_result, too_early)
{
	waldo_promise *promise = invoke(w);
	waldo_reader *result = waldo_promise_get_result(promise);

	assert_true(waldo_read_error(result) != WALDO_OK);
	assert_ok(waldo_promise_wait(promise, -1));
	result = waldo_promise_get_result(promise);
	assert_ok(waldo_read_error(result));
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_get_failure, too_early)
{
	waldo_promise *promise = invoke(w);

	assert_non_null(waldo_promise_get_failure(promise));
	assert_ok(waldo_promise_wait(promise, -1));
	assert_null(waldo_promise_get_failure(promise));
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_when, without_a_callback)
{
	assert_err(waldo_promise_when(invoke(w), NULL, NULL), WALDO_EINVAL);
}

MISUSE(waldo_promise_when, twice)
{
	waldo_promise *promise = invoke(w);
	int done = 0;

	assert_ok(waldo_promise_when(waldo_promise_retain(promise), count_done,
	                             &done));
	assert_err(waldo_promise_when(promise, count_done, &done),
	           WALDO_EINVAL);
	pump();
	assert_int_equal(done, 1);
}

MISUSE(waldo_promise_when, after_the_node)
{
	waldo_promise *promise = invoke(w);
	int done = 0;

	free_node(&w->client);
	assert_err(waldo_promise_when(promise, count_done, &done), WALDO_ELOST);
	assert_int_equal(done, 0);
}

MISUSE(waldo_promise_when, of_what_is_settled)
{
	waldo_promise *promise = invoke(w);
	int done = 0;

	pump();
	assert_ok(waldo_promise_when(promise, count_done, &done));
	assert_int_equal(done, 0);
	pump();
	assert_int_equal(done, 1);
}

MISUSE(waldo_promise_wait, with_a_callback)
{
	waldo_promise *promise = invoke(w);
	int done = 0;

	assert_ok(waldo_promise_when(waldo_promise_retain(promise), count_done,
	                             &done));
	assert_err(waldo_promise_wait(promise, 0), WALDO_EINVAL);
	waldo_promise_release(promise);
	pump();
	assert_int_equal(done, 1);
}

struct waiting {
	waldo_promise *promise;
	waldo_err err;
};

static void
wait_in_callback(void *user)
{
	struct waiting *waiting = user;

	waiting->err = waldo_promise_wait(waiting->promise, -1);
}

MISUSE(waldo_promise_wait, in_a_callback)
{
	struct waiting waiting = {invoke(w), WALDO_OK};

	in_callback(w, wait_in_callback, &waiting);
	assert_err(waiting.err, WALDO_EINVAL);
	waldo_promise_release(waiting.promise);
}

MISUSE(waldo_promise_wait, after_the_node)
{
	waldo_promise *promise = invoke(w);

	free_node(&w->client);
	assert_err(waldo_promise_wait(promise, -1), WALDO_ELOST);
	assert_err(waldo_promise_get_failure(promise)->code, WALDO_ELOST);
	assert_true(waldo_read_error(waldo_promise_get_result(promise)) !=
	            WALDO_OK);
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_cancel, twice_and_late)
{
	waldo_promise *promise = invoke(w);

	waldo_promise_cancel(promise);
	waldo_promise_cancel(promise);
	assert_err(waldo_promise_wait(promise, -1), WALDO_ECANCELLED);
	waldo_promise_cancel(promise);
	assert_err(waldo_promise_wait(promise, -1), WALDO_ECANCELLED);
	waldo_promise_release(promise);

	promise = invoke(w);
	assert_ok(waldo_promise_wait(promise, -1));
	waldo_promise_cancel(promise);
	assert_ok(waldo_promise_wait(promise, -1));
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_cancel, after_the_node)
{
	waldo_promise *promise = invoke(w);

	free_node(&w->client);
	waldo_promise_cancel(promise);
	waldo_promise_forget(promise);
	waldo_promise_release(waldo_promise_retain(promise));
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_forget, twice_and_late)
{
	waldo_promise *promise = invoke(w);
	int done = 0;

	waldo_promise_forget(promise); /* of what has no callback yet */
	assert_ok(waldo_promise_when(waldo_promise_retain(promise), count_done,
	                             &done));
	waldo_promise_forget(promise);
	waldo_promise_forget(promise);
	pump();
	assert_int_equal(done, 0);
	waldo_promise_forget(promise);
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_retain, released_in_any_order)
{
	waldo_promise *promise = invoke(w);
	waldo_ref *ref = waldo_ref_retain(waldo_promise_get_ref(promise));
	waldo_promise *again = waldo_promise_retain(promise);

	waldo_promise_release(promise);
	waldo_ref_release(ref);
	waldo_promise_release(again);
}

MISUSE(waldo_promise_release, after_the_node)
{
	waldo_promise *promise = invoke(w);
	waldo_ref *ref = waldo_promise_get_ref(promise);

	free_node(&w->client);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_int_equal(
	    waldo_ref_get_state(waldo_promise_get_ref_at(promise, "a")),
	    WALDO_BROKEN);
	waldo_promise_release(promise);
}

/* ---- places in a result */

static void
expect_broken(struct world *w, const char *path)
{
	waldo_promise *promise = invoke(w);
	waldo_ref *ref = waldo_promise_get_ref_at(promise, path);

	if (waldo_ref_get_state(ref) != WALDO_BROKEN) {
		fail_msg("not broken: \"%s\"", path);
	}
	assert_err(outcome_of(waldo_ref_invoke(ref, "echo", "")),
	           waldo_ref_get_failure(ref)->code);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_get_ref_at, a_malformed_path)
{
	static char long_step[300];

	memset(long_step, 'x', sizeof(long_step) - 1);
	expect_broken(w, "/");
	expect_broken(w, "a/");
	expect_broken(w, "/a");
	expect_broken(w, "a//b");
	expect_broken(w, "1/2/3/4/5/6/7/8/9");
	expect_broken(w, long_step);
}

/* It must not cost the session, either. */
MISUSE(waldo_promise_get_ref_at, not_utf8)
{
	expect_broken(w, "\xff");
	expect_broken(w, "a/\xed\xa0\x80");
	assert_ok(outcome_of(waldo_ref_invoke(w->gate, ".ping", "")));
}

MISUSE(waldo_promise_get_ref_at, null_path)
{
	waldo_promise *promise = invoke(w);

	assert_int_equal(
	    waldo_ref_get_state(waldo_promise_get_ref_at(promise, NULL)),
	    WALDO_BROKEN);
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_get_ref_at, that_leads_nowhere)
{
	waldo_promise *promise = invoke(w);
	waldo_ref *ref = waldo_promise_get_ref_at(promise, "no/such/place");

	pump();
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	waldo_promise_release(promise);
}

MISUSE(waldo_promise_get_ref, of_a_result_that_was_read)
{
	waldo_promise *promise =
	    waldo_ref_invoke(w->gate, "make", "i", MAX_OUTCOMES - 1);

	assert_ok(waldo_promise_wait(promise, -1));
	assert_non_null(waldo_read_ref(waldo_promise_get_result(promise)));
	assert_int_equal(waldo_ref_get_state(waldo_promise_get_ref(promise)),
	                 WALDO_BROKEN);
	waldo_promise_release(promise);
}

/* ---- requests */

MISUSE(waldo_request_new, of_null)
{
	(void) w;
	assert_true(outcome_of(waldo_request_send(
	                waldo_request_new(NULL, "echo", NULL))) != WALDO_OK);
}

static void
expect_bad_method(struct world *w, const char *method)
{
	waldo_request *request = waldo_request_new(w->gate, method, NULL);

	assert_err(outcome_of(waldo_request_send(request)), WALDO_EINVAL);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
}

MISUSE(waldo_request_new, no_name_of_a_method)
{
	char name[130];

	memset(name, 'x', sizeof(name));
	name[129] = '\0';
	expect_bad_method(w, NULL);
	expect_bad_method(w, "");
	expect_bad_method(w, "a/b");
	expect_bad_method(w, "a\nb");
	expect_bad_method(w, "\xff");
	expect_bad_method(w, name);
}

static void
expect_bad_options(struct world *w, const waldo_options *options)
{
	waldo_request *request = waldo_request_new(w->gate, "echo", options);

	assert_err(outcome_of(waldo_request_send(request)), WALDO_EINVAL);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
}

MISUSE(waldo_request_new, options_of_a_wrong_size)
{
	const waldo_options none = {0, 0, 0}, part = {4, 0, 0};

	expect_bad_options(w, &none);
	expect_bad_options(w, &part);
}

MISUSE(waldo_request_new, unknown_flags)
{
	waldo_options options = {.size = sizeof(options), .flags = 8};

	assert_err(outcome_of(waldo_request_send(
	               waldo_request_new(w->gate, "echo", &options))),
	           WALDO_EINVAL);
	assert_non_null(strstr(probe_message, "waldo_options.flags"));
}

MISUSE(waldo_request_new, the_longest_timeout)
{
	const waldo_options options = {sizeof(options), UINT32_MAX, 0};
	waldo_request *request = waldo_request_new(w->gate, "echo", &options);

	waldo_put_int(waldo_request_get_args(request), MAX_OUTCOMES - 1);
	assert_ok(outcome_of(waldo_request_send(request)));
}

MISUSE(waldo_request_get_args, null)
{
	(void) w;
	assert_null(waldo_request_get_args(NULL));
}

MISUSE(waldo_request_send, null)
{
	(void) w;
	assert_err(outcome_of(waldo_request_send(NULL)), WALDO_ENOMEM);
}

MISUSE(waldo_request_send, after_the_node)
{
	waldo_request *request = new_echo(w);

	free_node(&w->client);
	assert_err(outcome_of(waldo_request_send(request)), WALDO_ELOST);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
}

MISUSE(waldo_request_send, on_what_broke_meanwhile)
{
	waldo_request *request = new_echo(w);

	waldo_ref_end_session(w->gate, "no more");
	assert_err(outcome_of(waldo_request_send(request)), WALDO_ELOST);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
}

MISUSE(waldo_request_free, null)
{
	(void) w;
	waldo_request_free(NULL);
}

MISUSE(waldo_request_free, after_the_node)
{
	waldo_request *request = new_echo(w);
	int done = 0;

	waldo_put_ref(waldo_request_get_args(request), w->gate);
	waldo_put_bytes_take(waldo_request_get_args(request), "data", 4,
	                     count_task, &done);
	free_node(&w->client);
	waldo_put_int(waldo_request_get_args(request), 1);
	waldo_request_free(request);
	assert_int_equal(done, 1);
}

const struct row promise_rows[] = {
    ROW(waldo_promise_when, null),
    ROW(waldo_promise_when, without_a_callback),
    ROW(waldo_promise_when, twice),
    ROW(waldo_promise_when, after_the_node),
    ROW(waldo_promise_when, of_what_is_settled),
    ROW(waldo_promise_get_ref, null),
    ROW(waldo_promise_get_ref, of_a_result_that_was_read),
    ROW(waldo_promise_get_ref_at, null),
    ROW(waldo_promise_get_ref_at, null_path),
    ROW(waldo_promise_get_ref_at, a_malformed_path),
    ROW(waldo_promise_get_ref_at, not_utf8),
    ROW(waldo_promise_get_ref_at, that_leads_nowhere),
    ROW(waldo_promise_cancel, null),
    ROW(waldo_promise_cancel, twice_and_late),
    ROW(waldo_promise_cancel, after_the_node),
    ROW(waldo_promise_forget, null),
    ROW(waldo_promise_forget, twice_and_late),
    ROW(waldo_promise_wait, null),
    ROW(waldo_promise_wait, with_a_callback),
    ROW(waldo_promise_wait, in_a_callback),
    ROW(waldo_promise_wait, after_the_node),
    ROW(waldo_promise_get_result, null),
    ROW(waldo_promise_get_result, too_early),
    ROW(waldo_promise_get_failure, null),
    ROW(waldo_promise_get_failure, too_early),
    ROW(waldo_promise_retain, null),
    ROW(waldo_promise_retain, released_in_any_order),
    ROW(waldo_promise_release, null),
    ROW(waldo_promise_release, after_the_node),
    ROW(waldo_request_new, of_null),
    ROW(waldo_request_new, unknown_flags),
    ROW(waldo_request_new, no_name_of_a_method),
    ROW(waldo_request_new, options_of_a_wrong_size),
    ROW(waldo_request_new, the_longest_timeout),
    ROW(waldo_request_get_args, null),
    ROW(waldo_request_send, null),
    ROW(waldo_request_send, after_the_node),
    ROW(waldo_request_send, on_what_broke_meanwhile),
    ROW(waldo_request_free, null),
    ROW(waldo_request_free, after_the_node),
};
END_ROWS(promise);
