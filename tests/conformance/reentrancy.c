/* SPDX-License-Identifier: MIT */
/* Callbacks may free, end and begin anything (promise 5). */
#include "tests/conformance/fixture.h"

/* Runs `act` in the callback of a promise, or of a watch. */
struct deed {
	struct fixture *f;
	void (*act)(struct deed *deed);
	int done;
	waldo_err err;
	waldo_promise *promise;
	waldo_ref *ref;
	waldo_watch *watch;
	struct outcome *outcome;
};

static void
do_deed(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct deed *deed = user;

	(void) result;
	(void) failure;
	deed->done++;
	deed->act(deed);
}

static struct deed
deed_of(struct fixture *f, void (*act)(struct deed *deed))
{
	struct deed deed = {.f = f, .act = act};

	return deed;
}

static void
perform(struct deed *deed, waldo_promise *promise)
{
	assert_ok(waldo_promise_when(promise, do_deed, deed));
	until(deed->f, deed->done > 0);
	barrier(deed->f);
	assert_int_equal(deed->done, 1);
}

static void
release_promise(struct deed *deed)
{
	waldo_promise_cancel(deed->promise);
	waldo_promise_forget(deed->promise);
	waldo_promise_release(deed->promise);
}

static void
a_callback_may_cancel_forget_and_release_its_own_promise(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, release_promise);

	deed.promise = waldo_ref_invoke(f->gate, "make", "");
	(void) waldo_promise_get_ref(deed.promise);
	perform(&deed, waldo_promise_retain(deed.promise));
}

static void
release_ref(struct deed *deed)
{
	waldo_ref_release(deed->ref);
}

static void
a_callback_may_release_the_last_reference(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, release_ref);
	struct outcome *made =
	    outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));

	deed.ref = made->ref;
	made->ref = NULL;
	perform(&deed, waldo_ref_invoke(deed.ref, "add", "i", 1));
	until(f, f->services[1].destroyed == 1);
}

static void
invoke_again(struct deed *deed)
{
	deed->promise = waldo_ref_invoke(deed->f->gate, "add", "i", 10);
	deed->err =
	    waldo_promise_when(deed->promise, note_outcome, deed->outcome);
}

static void
a_callback_may_invoke(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, invoke_again);

	deed.outcome = outcome_new(f);
	perform(&deed, waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_ok(deed.err);
	until(f, deed.outcome->count > 0);
	assert_integer(deed.outcome, 11);
}

static void
try_to_wait(struct deed *deed)
{
	waldo_promise *promise = waldo_ref_invoke(deed->f->gate, "add", "i", 1);

	deed->err = waldo_promise_wait(promise, 1000);
	waldo_promise_release(promise);
}

static void
a_callback_may_not_wait(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, try_to_wait);

	perform(&deed, waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_err(deed.err, WALDO_EINVAL);
}

static void
try_to_step(struct deed *deed)
{
	deed->err = waldo_node_step(deed->f->client, 0);
	if (deed->err == WALDO_EINVAL) {
		deed->err = waldo_node_run(deed->f->client);
	}
}

static void
a_callback_may_not_step_or_run_its_node(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, try_to_step);

	perform(&deed, waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_err(deed.err, WALDO_EINVAL);
}

static void
post_step(void *user)
{
	struct deed *deed = user;

	deed->done++;
	deed->err = waldo_node_step(deed->f->client, 0);
}

static void
neither_may_a_task(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, try_to_step);

	assert_ok(waldo_node_post(f->client, post_step, &deed));
	until(f, deed.done > 0);
	assert_err(deed.err, WALDO_EINVAL);
}

static void
revoke_service(struct deed *deed)
{
	waldo_object_revoke(deed->f->service_ref);
}

static void
a_callback_may_revoke_the_object(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, revoke_service);

	perform(&deed, waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_int_equal(f->service->destroyed, 1);
}

/* A method that ends its own object. */
struct suicide {
	waldo_ref *self;
	bool revoke;
	int destroyed;
	int destroyed_inside; /* of a method of its own */
	waldo_node *node;
};

static void
suicide_go(void *self, waldo_call *call)
{
	struct suicide *suicide = self;
	waldo_ref *ref = suicide->self;

	suicide->self = NULL;
	waldo_unpublish(suicide->node, "suicide");
	if (suicide->revoke) {
		waldo_object_revoke(ref);
	}
	waldo_ref_release(ref);
	suicide->destroyed_inside = suicide->destroyed;
	waldo_call_reply(call, "i", 9);
}

static void
suicide_destroy(void *self)
{
	((struct suicide *) self)->destroyed++;
}

static const waldo_method suicide_methods[] = {{"go", suicide_go, NULL, 0},
                                               {NULL, NULL, NULL, 0}};
static const waldo_class suicide_class = {
    WALDO_CLASS_SIZES, "Suicide", suicide_methods, suicide_destroy, NULL};

static void
end_itself(struct fixture *f, struct suicide *suicide)
{
	struct outcome *o;

	suicide->node = f->server;
	assert_ok(waldo_object_new(f->server, &suicide_class, suicide,
	                           &suicide->self));
	/* Passed through the service, so that the caller is whoever. */
	(void) outcome_of(
	    f, waldo_ref_invoke(f->service_ref, "keep", "r", suicide->self));
	o = watch_outcome(f, waldo_ref_invoke(f->service_ref, "call", "rs",
	                                      f->service->kept, "go"));
	(void) outcome_of(f, waldo_ref_invoke(f->service_ref, "let_go", ""));
	until(f, o->count > 0);
	until(f, suicide->destroyed > 0);
	barrier(f);
	assert_int_equal(suicide->destroyed, 1);
	assert_int_equal(suicide->destroyed_inside, 0);
}

static void
a_method_may_release_its_object(void **state)
{
	struct suicide suicide = {0};

	end_itself(*state, &suicide);
}

static void
a_method_may_revoke_its_object(void **state)
{
	struct suicide suicide = {.revoke = true};

	end_itself(*state, &suicide);
}

static void
end_session(struct deed *deed)
{
	waldo_ref_end_session(deed->f->gate, "enough");
}

static void
a_callback_may_end_the_session(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, end_session);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	assert_ok(waldo_promise_when(waldo_ref_invoke(f->gate, "add", "i", 1),
	                             do_deed, &deed));
	until(f, deed.done > 0);
	if (!wire->is_near) {
		until(f, o->count > 0);
		assert_err(o->code, WALDO_ELOST);
		assert_int_equal(waldo_ref_get_state(f->gate), WALDO_BROKEN);
		until(f, f->service->cancelled == 1);
	}
	assert_int_equal(deed.done, 1);
}

/* The service lives in the notes of a cancelled call, too. */
struct answering {
	waldo_call *call;
	int cancelled;
};

static void
answer_when_cancelled(waldo_call *call, void *user)
{
	struct answering *answering = user;

	answering->cancelled++;
	waldo_call_fail_err(call, WALDO_ECANCELLED);
}

static void
answering_hold(void *self, waldo_call *call)
{
	struct answering *answering = self;

	answering->call =
	    waldo_call_defer(call, answer_when_cancelled, answering);
}

static const waldo_method answering_methods[] = {
    {"hold", answering_hold, NULL, 0}, {NULL, NULL, NULL, 0}};
static const waldo_class answering_class = {WALDO_CLASS_SIZES, "Answering",
                                            answering_methods, NULL, NULL};

static void
a_cancel_callback_may_answer(void **state)
{
	struct fixture *f = *state;
	struct answering answering = {0};
	waldo_ref *ref;
	waldo_promise *promise;
	struct outcome *o;

	assert_ok(
	    waldo_object_new(f->server, &answering_class, &answering, &ref));
	promise = waldo_ref_invoke(ref, "hold", "");
	o = watch_outcome(f, waldo_promise_retain(promise));
	until(f, answering.call != NULL);
	waldo_promise_cancel(promise);
	until(f, answering.cancelled > 0 && o->count > 0);
	barrier(f);
	assert_int_equal(answering.cancelled, 1);
	assert_err(o->code, WALDO_ECANCELLED);
	waldo_promise_release(promise);
	waldo_ref_release(ref);
}

static void
watch_deed(waldo_ref *ref, waldo_state state, void *user)
{
	struct deed *deed = user;

	(void) ref;
	(void) state;
	deed->done++;
	deed->act(deed);
}

static void
drop_all(struct deed *deed)
{
	waldo_watch_stop(deed->watch);
	waldo_ref_release(deed->ref);
	waldo_ref_release(deed->f->gate);
	deed->f->gate = NULL;
}

static void
a_watch_may_stop_itself_and_release_all(void **state)
{
	struct fixture *f = *state;
	struct deed deed = deed_of(f, drop_all);

	deed.ref = waldo_ref_retain(f->service_ref);
	assert_ok(
	    waldo_ref_watch(f->service_ref, watch_deed, &deed, &deed.watch));
	waldo_object_revoke(f->service_ref);
	until(f, deed.done > 0);
	assert_int_equal(deed.done, 1);
}

/* A reply that triggers a call must not recurse (DESIGN 4.3, 9): 20,000
 * frames of any stack would be seen. */
struct chain {
	struct fixture *f;
	int left, failures;
};

static void
next_link(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct chain *chain = user;

	(void) result;
	chain->failures += failure != NULL;
	if (chain->left-- > 0 &&
	    waldo_promise_when(waldo_ref_invoke(chain->f->gate, "add", "i", 1),
	                       next_link, chain) != WALDO_OK) {
		chain->failures++;
	}
}

static void
calls_from_callbacks_do_not_recurse(void **state)
{
	struct fixture *f = *state;
	struct chain chain = {f, wire->is_near ? 20000 : 300, 0};

	next_link(NULL, NULL, &chain);
	until(f, chain.left < 0);
	assert_int_equal(chain.failures, 0);
}

const struct CMUnitTest reentrancy_tests[] = {
    waldo_test(a_callback_may_cancel_forget_and_release_its_own_promise),
    waldo_test(a_callback_may_release_the_last_reference),
    waldo_test(a_callback_may_invoke),
    waldo_test(a_callback_may_not_wait),
    waldo_test(a_callback_may_not_step_or_run_its_node),
    waldo_test(neither_may_a_task),
    waldo_test(a_callback_may_revoke_the_object),
    waldo_test(a_method_may_release_its_object),
    waldo_test(a_method_may_revoke_its_object),
    waldo_test(a_callback_may_end_the_session),
    waldo_test(a_cancel_callback_may_answer),
    waldo_test(a_watch_may_stop_itself_and_release_all),
    waldo_test(calls_from_callbacks_do_not_recurse),
};
END_SUITE(reentrancy);
