/* SPDX-License-Identifier: MIT */
/* NULL where the headers accept it, and the order of things that nobody
 * should do. */
#include "tests/conformance/fixture.h"

static void
note_state(waldo_ref *ref, waldo_state state, void *user)
{
	(void) ref;
	(void) state;
	(void) user;
}

static void
null_is_a_broken_reference(void **state)
{
	struct fixture *f = *state;
	waldo_watch *watch = NULL;

	assert_null(waldo_ref_retain(NULL));
	waldo_ref_release(NULL);
	assert_int_equal(waldo_ref_get_state(NULL), WALDO_BROKEN);
	assert_non_null(waldo_ref_get_failure(NULL));
	assert_false(waldo_ref_equal(NULL, f->gate));
	assert_false(waldo_ref_equal(f->gate, NULL));
	assert_null(waldo_ref_get_self(NULL, &service_class));
	waldo_ref_end_session(NULL, "nothing");
	waldo_object_revoke(NULL);
	assert_int_not_equal(waldo_ref_notify(NULL, "add", "i", 1), WALDO_OK);
	assert_err(waldo_ref_watch(NULL, note_state, f, &watch), WALDO_EINVAL);
	assert_null(watch);
}

static void
a_call_on_null_fails(void **state)
{
	waldo_promise *promise = waldo_ref_invoke(NULL, "add", "i", 1);
	const waldo_failure *failure = waldo_promise_get_failure(promise);

	(void) state;
	assert_non_null(failure);
	assert_int_not_equal(failure->code, WALDO_OK);
	assert_int_equal(failure->fate, WALDO_NOT_SENT);
	waldo_promise_release(promise);
}

static void
null_is_a_promise_that_failed(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_new(f);

	assert_err(waldo_promise_when(NULL, note_outcome, o), WALDO_ENOMEM);
	assert_null(waldo_promise_get_ref(NULL));
	assert_null(waldo_promise_get_ref_at(NULL, "a"));
	waldo_promise_cancel(NULL);
	waldo_promise_forget(NULL);
	assert_err(waldo_promise_wait(NULL, 0), WALDO_ENOMEM);
	assert_int_not_equal(waldo_read_error(waldo_promise_get_result(NULL)),
	                     WALDO_OK);
	assert_non_null(waldo_promise_get_failure(NULL));
	assert_err(waldo_promise_get_failure(NULL)->code, WALDO_ENOMEM);
	assert_null(waldo_promise_retain(NULL));
	waldo_promise_release(NULL);
	barrier(f);
	assert_int_equal(o->count, 0);
}

static void
null_is_a_request_without_memory(void **state)
{
	waldo_promise *promise;

	(void) state;
	assert_null(waldo_request_get_args(NULL));
	promise = waldo_request_send(NULL);
	assert_non_null(waldo_promise_get_failure(promise));
	assert_err(waldo_promise_get_failure(promise)->code, WALDO_ENOMEM);
	waldo_promise_release(promise);
	waldo_request_free(NULL);
}

static void
a_request_on_null_arrives_as_a_failure(void **state)
{
	waldo_request *request = waldo_request_new(NULL, "add", NULL);
	waldo_promise *promise;

	(void) state;
	waldo_put_int(waldo_request_get_args(request), 1);
	promise = waldo_request_send(request);
	assert_non_null(waldo_promise_get_failure(promise));
	waldo_promise_release(promise);
}

static void
null_writers_and_readers_are_failed_ones(void **state)
{
	(void) state;
	waldo_put_nil(NULL);
	waldo_put_ref(NULL, NULL);
	waldo_putf(NULL, "is", 1, "x");
	waldo_put_rest(NULL, NULL);
	assert_null(waldo_read_ref(NULL));
	assert_int_equal(waldo_read_type(NULL), WALDO_TYPE_END);
	assert_int_not_equal(waldo_read_error(NULL), WALDO_OK);
	assert_int_not_equal(waldo_read_end(NULL), WALDO_OK);
	assert_string_equal(waldo_read_str(NULL, NULL), "");
	assert_non_null(waldo_read_message(NULL));
}

static void
null_is_nothing_to_free(void **state)
{
	(void) state;
	waldo_node_free(NULL);
	waldo_listener_close(NULL);
	waldo_watch_stop(NULL);
	assert_non_null(waldo_node_get_message(NULL));
}

static void
a_request_may_be_given_up(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	waldo_request *request = waldo_request_new(f->gate, "keep", NULL);

	waldo_put_ref(waldo_request_get_args(request), mine);
	waldo_ref_release(mine);
	assert_int_equal(service->destroyed, 0);
	waldo_request_free(request);
	assert_int_equal(service->destroyed, 1);
}

static waldo_err
try_class(struct fixture *f, const waldo_class *kind)
{
	waldo_ref *ref = NULL;
	waldo_err err = waldo_object_new(f->server, kind, f, &ref);

	if (err != WALDO_OK) {
		assert_null(ref);
	}
	waldo_ref_release(ref);
	return err;
}

static waldo_err
try_method(struct fixture *f, const char *name, waldo_method_fn *fn)
{
	const waldo_method methods[] = {{name, fn, NULL, 0},
	                                {NULL, NULL, NULL, 0}};
	const waldo_class kind = {WALDO_CLASS_SIZES, "Tried", methods, NULL,
	                          NULL};

	return try_class(f, &kind);
}

static void
do_nothing(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_reply(call, "");
}

static void
a_class_that_is_not_as_it_must_be_is_refused(void **state)
{
	struct fixture *f = *state;
	waldo_class kind = service_class;

	kind.size = 1;
	assert_err(try_class(f, &kind), WALDO_EINVAL);
	kind = service_class;
	kind.method_size = 1;
	assert_err(try_class(f, &kind), WALDO_EINVAL);
	kind = service_class;
	kind.name = NULL;
	assert_err(try_class(f, &kind), WALDO_EINVAL);
	kind.name = "";
	assert_err(try_class(f, &kind), WALDO_EINVAL);
	assert_err(try_class(f, NULL), WALDO_EINVAL);
	assert_err(try_method(f, "", do_nothing), WALDO_EINVAL);
	assert_err(try_method(f, ".dot", do_nothing), WALDO_EINVAL);
	assert_err(try_method(f, "a/b", do_nothing), WALDO_EINVAL);
	assert_err(try_method(f, "a\tb", do_nothing), WALDO_EINVAL);
	assert_err(try_method(f, "\xff", do_nothing), WALDO_EINVAL);
	assert_err(try_method(f, "go", NULL), WALDO_EINVAL);
	assert_non_null(strstr(waldo_node_get_message(f->server), "go"));
	assert_ok(try_method(f, "go", do_nothing));
}

static waldo_err
try_limits(const waldo_limits *limits)
{
	waldo_node_options options = {.size = sizeof(options),
	                              .limits = limits};
	waldo_node *node = NULL;
	waldo_err err = wire->node_new(&options, &node);

	waldo_node_free(node);
	return err;
}

static void
limits_out_of_range_are_refused(void **state)
{
	waldo_limits limits = {.size = sizeof(limits)};
	waldo_node_options options = {.size = 3};
	waldo_node *node = NULL;

	(void) state;
	assert_err(wire->node_new(&options, &node), WALDO_EINVAL);
	assert_string_not_equal(waldo_node_get_message(NULL), "");
	assert_ok(try_limits(&limits));
	limits.message_bytes = 65535;
	assert_err(try_limits(&limits), WALDO_EINVAL);
	assert_non_null(strstr(waldo_node_get_message(NULL), "message_bytes"));
	limits.message_bytes = (size_t) 1024 * 1024 * 1024 + 1;
	assert_err(try_limits(&limits), WALDO_EINVAL);
	limits.message_bytes = 65536;
	assert_ok(try_limits(&limits));
	limits.queued_bytes = 65535;
	assert_err(try_limits(&limits), WALDO_EINVAL);
	assert_non_null(strstr(waldo_node_get_message(NULL), "queued_bytes"));
	limits.queued_bytes = 0;
	limits.retained_bytes = 65535;
	assert_err(try_limits(&limits), WALDO_EINVAL);
	limits.retained_bytes = 0;
	limits.depth = 65;
	assert_err(try_limits(&limits), WALDO_EINVAL);
	limits.depth = 0;
	limits.dead_peer_ms = 99;
	assert_err(try_limits(&limits), WALDO_EINVAL);
	limits.dead_peer_ms = 0;
	limits.size = 1;
	assert_err(try_limits(&limits), WALDO_EINVAL);
}

static void
errors_at_once_leave_the_outputs_alone(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = f->gate;
	waldo_listener *listener = f->listener;

	assert_err(waldo_connect(f->client, "x", &ref), WALDO_EADDRESS);
	assert_ptr_equal(ref, f->gate);
	assert_err(waldo_listen(f->server, "x", &listener), WALDO_EADDRESS);
	assert_ptr_equal(listener, f->listener);
}

const struct CMUnitTest misuse_tests[] = {
    waldo_test(null_is_a_broken_reference),
    waldo_test(a_call_on_null_fails),
    waldo_test(null_is_a_promise_that_failed),
    waldo_test(null_is_a_request_without_memory),
    waldo_test(a_request_on_null_arrives_as_a_failure),
    waldo_test(null_writers_and_readers_are_failed_ones),
    waldo_test(null_is_nothing_to_free),
    waldo_test(a_request_may_be_given_up),
    waldo_test(a_class_that_is_not_as_it_must_be_is_refused),
    waldo_test(limits_out_of_range_are_refused),
    waldo_test(errors_at_once_leave_the_outputs_alone),
};
END_SUITE(misuse);
