/* SPDX-License-Identifier: MIT */
/* WALDO_CONFIDENTIAL: what may be told only to a peer whose key was known
 * before it was dialled. */
#include "tests/unit/dial_fixture.h"

#include <waldo/facet.h>

static waldo_promise *
whisper(waldo_ref *ref)
{
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_CONFIDENTIAL};
	waldo_request *request = waldo_request_new(ref, "add", &options);

	waldo_putf(waldo_request_get_args(request), "i", 1);
	return waldo_request_send(request);
}

static struct outcome *
whispered(struct fixture *f, waldo_ref *ref)
{
	return outcome_of(f, whisper(ref));
}

static void
connect_to(struct fixture *f, const char *uri)
{
	waldo_ref_release(f->gate);
	f->gate = NULL;
	assert_ok(waldo_connect(f->client, uri, &f->gate));
}

static void
a_key_in_the_uri_is_trusted(void **state)
{
	struct fixture *f = *state;

	connect_to(f, uri_of(host_key, "host:1"));
	assert_integer(whispered(f, f->gate), 2);
	assert_integer(whispered(f, f->gate), 2);
}

static void
who_has_another_key_than_the_uri_says_hears_nothing(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new();

	connect_to(f, uri_of(other, "host:1"));
	assert_denied(whispered(f, f->gate), "had proved");
	assert_int_equal(f->service->calls, 0);
	waldo_key_release(other);
}

static void
a_host_at_first_sight_is_not_trusted(void **state)
{
	struct fixture *f = *state;

	asked.then = REFUSE;
	connect_to(f, uri_of(NULL, "host:1"));
	assert_denied(whispered(f, f->gate),
	              "tcp:host:1 was not dialled for a key that was known");
	memory_advance(1000000);
	assert_int_equal(f->service->calls, 0);
}

/* Not in that session, in the next one. */
static void
a_host_whose_key_was_accepted_is_trusted_from_then_on(void **state)
{
	struct fixture *f = *state;

	asked.then = ACCEPT;
	connect_to(f, uri_of(NULL, "host:1"));
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	assert_denied(whispered(f, f->gate), "confidential");
	assert_int_equal(f->service->calls, 1);
	waldo_ref_end_session(f->gate, "again");
	(void) memory_settle();
	connect_to(f, uri_of(NULL, "host:1"));
	assert_integer(whispered(f, f->gate), 2);
	assert_int_equal(asked.count, 1);
}

static void
every_place_must_be_known(void **state)
{
	struct fixture *f = *state;

	asked.then = ACCEPT;
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	memory_advance(1000000);
	connect_to(f, uri_of(NULL, "host:1,elsewhere:1"));
	assert_denied(whispered(f, f->gate), "confidential");
}

/* No link has proved anything yet when the call is made. */
static void
a_host_that_shows_another_key_than_the_remembered_hears_nothing(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	asked.then = ACCEPT;
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	node_free(&f->server);
	f->server = keyed_node(key_new(), false);
	f->service = serve(f, f->server, "host");
	memory_advance(1000000);
	connect_to(f, uri_of(NULL, "host:1"));
	o = watch_outcome(f, whisper(f->gate));
	until(f, o->count > 0);
	assert_denied(o, "another key");
	assert_int_equal(f->service->calls, 0);
}

static void
a_key_that_is_forgotten_meanwhile_hears_nothing(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	asked.then = ACCEPT;
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	memory_advance(1000000);
	connect_to(f, uri_of(NULL, "host:1"));
	o = watch_outcome(f, whisper(f->gate));
	memory_forget();
	until(f, o->count > 0);
	assert_denied(o, "the key of host:1 has been forgotten meanwhile");
	assert_int_equal(f->service->calls, 1);
	assert_int_equal(asked.count, 1);
}

static void
this_machine_is_trusted(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct service *here = service_new(f, f->client, &ref);

	assert_integer(whispered(f, ref), 2);
	assert_int_equal(here->calls, 1);
	waldo_ref_release(ref);
	assert_ok(waldo_listen(f->server, "inproc:here", NULL));
	connect_to(f, "waldo+inproc:here/gate");
	assert_integer(whispered(f, f->gate), 2);
}

/* It knocked; nobody has said beforehand who it is. */
static void
who_has_dialled_us_is_not_trusted_until_he_is_named(void **state)
{
	struct fixture *f = *state;
	waldo_key *key = waldo_key_retain(key_new());
	waldo_ref *visitor = NULL, *named = NULL;
	struct service *other;

	f->third = keyed_node(key, false);
	other = serve(f, f->third, "third");
	(void) service_new(f, f->third, &visitor);
	assert_ok(
	    waldo_connect(f->third, uri_of(host_key, "host:1"), &f->gate));
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "store", "r", visitor));
	assert_int_equal(f->service->stored_count, 1);
	assert_denied(whispered(f, f->service->stored[0]), "confidential");
	assert_ok(waldo_connect(f->server, uri_of(key, "nowhere:1"), &named));
	assert_integer(whispered(f, named), 2);
	assert_int_equal(other->calls, 1);
	waldo_ref_release(named);
	waldo_ref_release(visitor);
	waldo_key_release(key);
}

static struct outcome *
whispered_to_visitor_from(struct fixture *f, const char *address)
{
	waldo_ref *visitor = NULL;

	waldo_ref_release(f->gate);
	f->gate = NULL;
	node_free(&f->third);
	assert_ok(memory_node_new(NULL, &f->third));
	(void) service_new(f, f->third, &visitor);
	memory_set_source(address);
	assert_ok(waldo_connect(f->third, "waldo+inproc:here/gate", &f->gate));
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "store", "r", visitor));
	memory_set_source(NULL);
	waldo_ref_release(visitor);
	return whispered(f, f->service->stored[f->service->stored_count - 1]);
}

static void
who_has_come_in_clear_is_not_trusted(void **state)
{
	struct fixture *f = *state;

	assert_ok(waldo_listen(f->server, "inproc:here", NULL));
	assert_integer(whispered_to_visitor_from(f, NULL), 2);
	assert_denied(whispered_to_visitor_from(f, "tcp-insecure:192.0.2.7:5"),
	              "tcp-insecure:192.0.2.7:5 is reached in clear");
}

static void
it_stays_so_where_it_is_passed_on(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = NULL;

	asked.then = ACCEPT;
	connect_to(f, uri_of(NULL, "host:1"));
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	assert_ok(waldo_facet_new(f->gate, NULL, &facet));
	assert_denied(whispered(f, facet), "confidential");
	assert_int_equal(f->service->calls, 1);
	waldo_ref_release(facet);
}

static void
it_stays_so_where_it_waits(void **state)
{
	struct fixture *f = *state;
	waldo_ref *here = NULL;
	struct service *keeper = service_new(f, f->client, &here);
	waldo_promise *held = waldo_ref_invoke(here, "hold", "");
	struct outcome *o =
	    watch_outcome(f, whisper(waldo_promise_get_ref(held)));

	asked.then = ACCEPT;
	until(f, keeper->held_count == 1);
	connect_to(f, uri_of(NULL, "host:1"));
	service_answer_ref(keeper, f->gate);
	until(f, o->count > 0);
	assert_denied(o, "confidential");
	assert_int_equal(f->service->calls, 0);
	waldo_promise_release(held);
	waldo_ref_release(here);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    dial_test(a_key_in_the_uri_is_trusted),
	    dial_test(who_has_another_key_than_the_uri_says_hears_nothing),
	    dial_test(a_host_at_first_sight_is_not_trusted),
	    dial_test(a_host_whose_key_was_accepted_is_trusted_from_then_on),
	    dial_test(every_place_must_be_known),
	    dial_test(
	        a_host_that_shows_another_key_than_the_remembered_hears_nothing),
	    dial_test(a_key_that_is_forgotten_meanwhile_hears_nothing),
	    dial_test(this_machine_is_trusted),
	    dial_test(who_has_dialled_us_is_not_trusted_until_he_is_named),
	    dial_test(who_has_come_in_clear_is_not_trusted),
	    dial_test(it_stays_so_where_it_is_passed_on),
	    dial_test(it_stays_so_where_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
