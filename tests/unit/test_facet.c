/* SPDX-License-Identifier: MIT */
/* A facet between two peers whose every byte the test writes: what goes along
 * with a call, and what a far target may say of itself. */
#include "tests/unit/session_fixture.h"

#include <waldo/facet.h>

#include <stdio.h>
#include <stdlib.h>

/* The caller is s->peer, which has the facet as -4; its target is the bootstrap
 * object of `end`. */
struct relay {
	struct session *s;
	struct peer end;
	waldo_ref *facet;
};

static const char *const some[] = {"add", "echo", NULL};

static int
open_relay(void **state)
{
	const waldo_facet_options options = {.size = sizeof(options),
	                                     .methods = some};
	struct relay *r = calloc(1, sizeof(*r));
	void *session;
	waldo_ref *ref = NULL;

	if (r == NULL || open_session(&session) != 0 ||
	    !peer_listen(&r->end, "end")) {
		return -1;
	}
	r->s = session;
	assert_ok(waldo_connect(r->s->f->server, "waldo+inproc:end/", &ref));
	assert_ok(waldo_facet_new(ref, &options, &r->facet));
	waldo_ref_release(ref);
	r->s->f->service->kept = waldo_ref_retain(r->facet);
	(void) memory_settle();
	assert_true(peer_send(&r->end, PEER_HELLO));
	assert_begins(peer_receive(&r->end), "![0,");
	fetch(r->s);
	send(r->s, "[1,3,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&r->s->peer),
	                    "[2,3,0,true,[[0,-4,nil]]] <0>");
	send(r->s, "[4,3,1]");
	(void) memory_settle();
	*state = r;
	return 0;
}

static int
close_relay(void **state)
{
	struct relay *r = *state;
	void *session = r->s;

	waldo_ref_release(r->facet);
	peer_fini(&r->end);
	free(r);
	return close_session(&session);
}

#define relay_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, open_relay, close_relay)

/* P12, P14, P33: hops, deadline, idempotence. */
static void
what_comes_with_a_call_goes_along(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'add',[],{}] =dc0001cd0007=");
	assert_string_equal(peer_receive(&r->end),
	                    "[1,1,0,[1,'add'],[],{5:1}] [7]");
	send(r->s, "[1,7,-4,'add',[],{2:2,5:3}] []");
	assert_string_equal(peer_receive(&r->end), "[1,3,0,1,[],{2:2,5:4}] []");
	send(r->s, "[1,9,-4,'add',[],{0:500}] []");
	assert_string_equal(peer_receive(&r->end),
	                    "[1,5,0,1,[],{0:500,5:1}] []");
	send(r->s, "[1,nil,-4,'echo',[],{}] [1]");
	assert_string_equal(peer_receive(&r->end),
	                    "[1,nil,0,[2,'echo'],[],{5:1}] [1]");
	send(r->s, "[1,11,-4,'add',[],{5:16}] []");
	assert_begins(peer_receive(&r->s->peer), "[2,11,1,false,[]] [");
	assert_string_equal(peer_receive(&r->end), "");
}

/* P42: whoever only passes on looks into nothing. */
static void
what_is_not_valid_is_passed_on_too(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'add',[],{}] =91a2ff20=");
	assert_begins(peer_receive(&r->end), "[1,1,0,");
	assert_true(peer_send(&r->end, "[2,1,0,false,[]] =c1="));
	assert_begins(peer_receive(&r->s->peer), "[2,5,0,false,[]] ");
	assert_alive(r->s, 1);
}

static void
what_is_denied_goes_nowhere(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'order',[],{}] []", "[1,nil,-4,'order',[],{}] []");
	assert_begins(peer_receive(&r->s->peer), "[2,5,1,false,[]] [");
	assert_string_equal(peer_receive(&r->end), "");
	assert_alive(r->s, 1);
}

/* P13 */
static void
a_cancellation_goes_along(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'add',[],{}] []");
	assert_begins(peer_receive(&r->end), "[1,1,");
	send(r->s, "[5,5]");
	assert_string_equal(peer_receive(&r->end), "[5,1]");
}

/* The caller hears of it in the turn of the revocation, and the callee does;
 * its late answer changes nothing. */
static void
a_revocation_is_told_to_both_ends_in_one_turn(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'add',[],{}] []");
	assert_begins(peer_receive(&r->end), "[1,1,");
	waldo_object_revoke(r->facet);
	(void) waldo_node_step(r->s->f->server, 0);
	assert_begins(peer_receive(&r->s->peer), "[2,5,1,false,[]] [");
	assert_string_equal(peer_receive(&r->end), "[5,1]");
	assert_true(peer_send(&r->end, "[2,1,0,false,[]] 7"));
	send(r->s, "[1,7,-4,'add',[],{}] []");
	assert_begins(peer_receive(&r->s->peer), "[2,7,1,false,[]] [");
	/* It has let go of its target, for which alone that session was. */
	assert_begins(peer_receive(&r->end), "![9,0,");
	assert_alive(r->s, 1);
}

/* P11: a flush is answered by the node that has the facet. */
static void
a_flush_ends_at_the_facet(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'add',[],{}] []", "[1,7,-4,0,[],{}] [3]");
	assert_string_equal(peer_receive(&r->s->peer), "[2,7,0,false,[]] 3");
	assert_begins(peer_receive(&r->end), "[1,1,");
	assert_string_equal(peer_receive(&r->end), "");
}

/* ---- what a far target says of itself */

static void
describe(struct relay *r, const char *said)
{
	send(r->s, "[1,5,-4,'.describe',[],{}] []");
	assert_string_equal(peer_receive(&r->end),
	                    "[1,1,0,[1,'.describe'],[],{5:1}] []");
	assert_true(peer_send(&r->end, said));
}

static void
a_description_is_filtered(void **state)
{
	struct relay *r = *state;

	describe(r, "[2,1,0,false,[]] {'x':[1],'methods':[{'name':'order',"
	            "'signature':nil,'flags':0},{'more':{'a':1},'flags':9,"
	            "'signature':'()','name':'echo'},{}],'class':'Far'}");
	assert_string_equal(peer_receive(&r->s->peer),
	                    "[2,5,0,false,[]] {'class':'Far','methods':["
	                    "{'name':'echo','signature':'()','flags':9}]}");
}

/* However often it is there: what is kept of it is bounded by our own list. */
static void
a_method_that_is_there_twice_is_told_once(void **state)
{
	struct relay *r = *state;

	describe(r, "[2,1,0,false,[]] {'methods':[{'name':'add'},"
	            "{'name':'add'},{'name':'add','flags':1}]}");
	assert_string_equal(peer_receive(&r->s->peer),
	                    "[2,5,0,false,[]] {'class':'','methods':["
	                    "{'name':'add','signature':nil,'flags':1}]}");
}

static void
a_description_that_is_none_is_an_error(void **state)
{
	static const char *const none[] = {
	    "7",
	    "{'methods':7}",
	    "{'methods':[7]}",
	    "{'methods':[{'name':7}]}",
	    "{'methods':[{'name':'add','flags':-1}]}",
	    "{'class':7}",
	    "{7:7}",
	    "=c1=",
	    "=81a7=",
	    "",
	};
	struct relay *r = *state;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		char frame[200], start[100];
		int id = 1 + 2 * (int) i;

		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-4,'.describe',[],{}] []", id + 4);
		send(r->s, frame);
		assert_begins(peer_receive(&r->end), "[1,");
		(void) snprintf(frame, sizeof(frame), "[2,%d,0,false,[]] %s",
		                id, none[i]);
		assert_true(peer_send(&r->end, frame));
		(void) snprintf(start, sizeof(start), "[2,%d,1,false,[]] [",
		                id + 4);
		assert_begins(peer_receive(&r->s->peer), start);
	}
	assert_alive(r->s, 1);
}

static void
a_facet_may_end_while_it_is_described(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'.describe',[],{}] []");
	assert_begins(peer_receive(&r->end), "[1,1,");
	waldo_object_revoke(r->facet);
	assert_begins(peer_receive(&r->s->peer), "[2,5,1,false,[]] [");
	assert_true(peer_send(&r->end, "[2,1,0,false,[]] {}"));
	assert_alive(r->s, 1);
}

/* ---- near ones */

/* Peers may have it grow, one call at a time. */
static void
a_long_chain_of_facets_is_released(void **state)
{
	struct fixture *f = session_of(state)->f;
	waldo_ref *ref = NULL;
	struct service *service = service_new(f, f->server, &ref);

	for (int i = 0; i < 100 * 1000; i++) {
		waldo_ref *next = NULL;

		assert_ok(waldo_facet_new(ref, NULL, &next));
		waldo_ref_release(ref);
		ref = next;
	}
	assert_int_equal(service->destroyed, 0);
	waldo_ref_release(ref);
	assert_int_equal(service->destroyed, 1);
}

static size_t
calls_let_through(struct fixture *f, waldo_ref *facet, int count)
{
	struct service *service = &f->services[f->service_count - 1];
	int before = service->calls;

	for (int i = 0; i < count; i++) {
		assert_ok(waldo_ref_notify(facet, "whoami", ""));
	}
	(void) memory_settle();
	return (size_t) (service->calls - before);
}

static void
a_rate_is_kept_to_the_microsecond(void **state)
{
	const waldo_facet_options options = {
	    .size = sizeof(options), .calls_per_second = 4, .burst = 6};
	struct fixture *f = session_of(state)->f;
	waldo_ref *ref = NULL, *facet = NULL;

	(void) service_new(f, f->server, &ref);
	assert_ok(waldo_facet_new(ref, &options, &facet));
	assert_int_equal(calls_let_through(f, facet, 10), 6);
	memory_advance(250 * 1000 - 1);
	assert_int_equal(calls_let_through(f, facet, 10), 0);
	memory_advance(1);
	assert_int_equal(calls_let_through(f, facet, 10), 1);
	memory_advance(1000 * 1000);
	assert_int_equal(calls_let_through(f, facet, 10), 4);
	memory_advance(UINT64_C(1) << 36); /* 19 hours */
	assert_int_equal(calls_let_through(f, facet, 10), 6);
	waldo_ref_release(facet);
	waldo_ref_release(ref);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    relay_test(what_comes_with_a_call_goes_along),
	    relay_test(what_is_not_valid_is_passed_on_too),
	    relay_test(what_is_denied_goes_nowhere),
	    relay_test(a_cancellation_goes_along),
	    relay_test(a_revocation_is_told_to_both_ends_in_one_turn),
	    relay_test(a_flush_ends_at_the_facet),
	    relay_test(a_description_is_filtered),
	    relay_test(a_method_that_is_there_twice_is_told_once),
	    relay_test(a_description_that_is_none_is_an_error),
	    relay_test(a_facet_may_end_while_it_is_described),
	    session_test(a_long_chain_of_facets_is_released),
	    session_test(a_rate_is_kept_to_the_microsecond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
