/* SPDX-License-Identifier: MIT */
/* Watches: each change once, the break last. */
#include "tests/conformance/fixture.h"

struct seen {
	struct fixture *f;
	int far, broken, other;
	waldo_watch *watch;  /* of this one */
	struct seen *victim; /* whose watch it stops */
	bool stop_self;
};

static void
see(waldo_ref *ref, waldo_state state, void *user)
{
	struct seen *seen = user;

	(void) ref;
	seen->far += state == WALDO_FAR;
	seen->broken += state == WALDO_BROKEN;
	seen->other += state != WALDO_FAR && state != WALDO_BROKEN;
	if (seen->victim != NULL) {
		waldo_watch_stop(seen->victim->watch);
		seen->victim->watch = NULL;
	}
	if (seen->stop_self) {
		waldo_watch_stop(seen->watch);
		seen->watch = NULL;
	}
}

static void
watch(struct seen *seen, struct fixture *f)
{
	seen->f = f;
	assert_ok(waldo_ref_watch(f->gate, see, seen, &seen->watch));
	assert_int_equal(seen->far + seen->broken + seen->other, 0);
}

static void
a_connected_reference_becomes_far_once(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	assert_int_equal(waldo_ref_get_state(f->gate), WALDO_PENDING);
	watch(&seen, f);
	until(f, seen.far > 0);
	assert_int_equal(waldo_ref_get_state(f->gate), WALDO_FAR);
	barrier(f);
	assert_int_equal(seen.far, 1);
	assert_int_equal(seen.broken + seen.other, 0);
	waldo_watch_stop(seen.watch);
}

/* Promise 4: every watch fires once. */
static void
a_lost_session_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	barrier(f);
	watch(&seen, f);
	node_free(&f->server);
	until(f, seen.broken > 0);
	for (int i = 0; i < 20; i++) {
		pump(f);
	}
	assert_int_equal(seen.broken, 1);
	assert_int_equal(seen.far + seen.other, 0);
	assert_err(waldo_ref_get_failure(f->gate)->code, WALDO_ELOST);
	waldo_watch_stop(seen.watch);
}

static void
a_watch_on_a_broken_reference_fires_in_the_next_turn(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	barrier(f);
	waldo_ref_end_session(f->gate, "over");
	assert_int_equal(waldo_ref_get_state(f->gate), WALDO_BROKEN);
	watch(&seen, f);
	until(f, seen.broken > 0);
	assert_int_equal(seen.broken, 1);
	waldo_watch_stop(seen.watch);
}

static void
a_stopped_watch_tells_nothing(void **state)
{
	struct fixture *f = *state;
	struct seen stopped = {0}, seen = {0};

	barrier(f);
	watch(&stopped, f);
	watch(&seen, f);
	waldo_watch_stop(stopped.watch);
	waldo_ref_end_session(f->gate, "over");
	until(f, seen.broken > 0);
	assert_int_equal(stopped.broken, 0);
	waldo_watch_stop(seen.watch);
}

static void
a_watch_may_be_stopped_between_the_break_and_its_turn(void **state)
{
	struct fixture *f = *state;
	struct seen stopped = {0}, seen = {0};

	barrier(f);
	watch(&stopped, f);
	watch(&seen, f);
	waldo_ref_end_session(f->gate, "over");
	waldo_watch_stop(stopped.watch);
	until(f, seen.broken > 0);
	assert_int_equal(stopped.broken, 0);
	waldo_watch_stop(seen.watch);
}

static void
a_watch_may_stop_itself(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {.stop_self = true};

	watch(&seen, f);
	until(f, seen.far > 0);
	waldo_ref_end_session(f->gate, "over");
	for (int i = 0; i < 20; i++) {
		pump(f);
	}
	assert_int_equal(seen.far, 1);
	assert_int_equal(seen.broken, 0);
}

static void
a_watch_may_stop_the_next_one(void **state)
{
	struct fixture *f = *state;
	struct seen second = {0}, first = {.victim = &second};

	barrier(f);
	watch(&first, f);
	watch(&second, f);
	waldo_ref_end_session(f->gate, "over");
	until(f, first.broken > 0);
	for (int i = 0; i < 20; i++) {
		pump(f);
	}
	assert_int_equal(second.broken, 0);
	waldo_watch_stop(first.watch);
}

static void
a_watch_may_stop_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct seen first = {0}, second = {.victim = &first};

	barrier(f);
	watch(&first, f);
	watch(&second, f);
	waldo_ref_end_session(f->gate, "over");
	until(f, second.broken > 0);
	assert_int_equal(first.broken, 1);
	waldo_watch_stop(second.watch);
}

static void
a_watch_without_a_handle_belongs_to_the_reference(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	assert_ok(waldo_ref_watch(f->gate, see, &seen, NULL));
	until(f, seen.far == 1);
	waldo_ref_end_session(f->gate, "over");
	until(f, seen.broken == 1);
}

/* The watch retains what it watches. */
static void
a_watched_reference_may_be_released(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	barrier(f);
	watch(&seen, f);
	waldo_ref_release(f->gate);
	f->gate = NULL;
	node_free(&f->server);
	until(f, seen.broken > 0);
	assert_int_equal(seen.broken, 1);
	waldo_watch_stop(seen.watch);
}

static void
a_near_reference_is_not_broken_by_the_end_of_a_session(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct outcome *o;

	(void) service_new(f, f->client, &mine);
	waldo_ref_end_session(mine, "nothing");
	assert_int_equal(waldo_ref_get_state(mine), WALDO_NEAR);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	waldo_ref_end_session(f->gate, "over");
	assert_int_equal(waldo_ref_get_state(mine), WALDO_NEAR);
	o = outcome_of(f, waldo_ref_invoke(mine, "add", "i", 1));
	assert_integer(o, 2);
	waldo_ref_release(mine);
}

static void
the_end_of_the_node_is_told_too(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	barrier(f);
	watch(&seen, f);
	node_free(&f->client);
	assert_int_equal(seen.broken, 1);
	waldo_watch_stop(seen.watch);
}

const struct CMUnitTest watching_tests[] = {
    waldo_test(a_connected_reference_becomes_far_once),
    waldo_test(a_lost_session_is_told_once),
    waldo_test(a_watch_on_a_broken_reference_fires_in_the_next_turn),
    waldo_test(a_stopped_watch_tells_nothing),
    waldo_test(a_watch_may_be_stopped_between_the_break_and_its_turn),
    waldo_test(a_watch_may_stop_itself),
    waldo_test(a_watch_may_stop_the_next_one),
    waldo_test(a_watch_may_stop_the_one_before),
    waldo_test(a_watch_without_a_handle_belongs_to_the_reference),
    waldo_test(a_watched_reference_may_be_released),
    waldo_test(a_near_reference_is_not_broken_by_the_end_of_a_session),
    waldo_test(the_end_of_the_node_is_told_too),
};
END_SUITE(watching);
