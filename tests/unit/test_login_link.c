/* SPDX-License-Identifier: MIT */
/* Logins and revocations as an encrypted link sees them: what they cost, and
 * what a cut leaves. */
#include "tests/unit/dial_fixture.h"

#include <waldo/facet.h>
#include <waldo/portal.h>

#include <stdio.h>

/* A portal at the server of a fixture. */
static struct door {
	struct fixture *f;
	struct service *avatar;
	waldo_ref *avatar_ref, *portal; /* the latter is not counted */
	int admitted, logouts;
	bool has_key; /* whoever came last */
} door;

static void
logged_out(void *user)
{
	(void) user;
	door.logouts++;
}

static void
realm(void *self, waldo_login *login)
{
	(void) self;
	door.admitted++;
	waldo_login_admit(login, door.avatar_ref, logged_out, NULL);
}

static void
check(void *self, waldo_login *login)
{
	(void) self;
	door.has_key = waldo_login_get_peer(login)->key != NULL;
	waldo_login_accept(login, waldo_login_get(login, "user"));
}

static const waldo_checker checker = {.size = sizeof(checker),
                                      .needs = "user password",
                                      .check = check,
                                      .secret = true};

/* What stands at the server as `name`. */
static void
reach_for(struct fixture *f, const char *name)
{
	char uri[600];
	const char *gate = uri_of(host_key, "host:1");

	(void) snprintf(uri, sizeof(uri), "%.*s%s",
	                (int) (strlen(gate) - strlen("gate")), gate, name);
	assert_ok(waldo_connect(f->client, uri, &f->gate));
}

static void
open_door(struct fixture *f)
{
	waldo_portal_options options = {.size = sizeof(options),
	                                .realm = realm};
	waldo_portal *portal;
	waldo_ref *ref;

	door = (struct door){.f = f};
	door.avatar = service_new(f, f->server, &door.avatar_ref);
	assert_ok(waldo_portal_new(f->server, &options, &portal, &ref));
	assert_ok(waldo_portal_add_checker(portal, &checker, NULL));
	assert_ok(waldo_publish(f->server, "door", ref));
	waldo_ref_release(ref);
	door.portal = ref;
	reach_for(f, "door");
}

/* Logs in and makes a first call. */
static waldo_promise *
enter(struct fixture *f, struct outcome **ret_first)
{
	const waldo_options secret = {.size = sizeof(secret),
	                              .flags = WALDO_CONFIDENTIAL};
	waldo_request *request = waldo_request_new(f->gate, "login", &secret);
	waldo_promise *login;

	waldo_putf(waldo_request_get_args(request), "{ssss}", "user", "ann",
	           "password", "sesame");
	login = waldo_request_send(request);
	*ret_first = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(login), "add", "i", 1));
	return login;
}

static void
leave(waldo_promise *login)
{
	waldo_promise_release(login);
	(void) memory_settle();
	assert_int_equal(door.logouts, 1);
	waldo_ref_release(door.avatar_ref);
	(void) memory_settle();
	assert_int_equal(door.avatar->destroyed, 1);
}

/* ---- a facet before the portal */

/* Who comes in clear, or too often, must not pass for this node. */
static void
a_portal_sees_through_facets_who_logs_in(void **state)
{
	struct fixture *f = *state;
	waldo_ref *portal, *inner, *outer;
	waldo_promise *login;
	struct outcome *first;

	open_door(f);
	portal = waldo_ref_retain(door.portal);
	assert_ok(waldo_facet_new(portal, NULL, &inner));
	assert_ok(waldo_facet_new(inner, NULL, &outer));
	assert_ok(waldo_publish(f->server, "hatch", outer));
	waldo_ref_release(f->gate);
	reach_for(f, "hatch");
	login = enter(f, &first);
	until(f, first->count == 1);
	assert_integer(first, 2);
	assert_true(door.has_key);
	waldo_ref_release(portal);
	waldo_ref_release(inner);
	waldo_ref_release(outer);
	leave(login);
}

static const char *
told_to(struct fixture *f, const char *uri)
{
	struct outcome *first;

	waldo_ref_release(f->gate);
	f->gate = NULL;
	assert_ok(waldo_connect(f->client, uri, &f->gate));
	waldo_promise_release(enter(f, &first));
	until(f, first->count == 1);
	return first->message;
}

static void
secrets_that_came_in_clear_are_not_looked_at(void **state)
{
	static const char refused[] = "'user password' came in clear";
	struct fixture *f = *state;
	waldo_ref *hatch;

	open_door(f);
	assert_ok(waldo_facet_new(door.portal, NULL, &hatch));
	assert_ok(waldo_publish(f->server, "hatch", hatch));
	waldo_ref_release(hatch);
	assert_ok(waldo_listen(f->server, "inproc:clear", NULL));
	memory_set_source("tcp-insecure:192.0.2.7:5");
	assert_non_null(strstr(told_to(f, "waldo+inproc:clear/door"), refused));
	assert_non_null(
	    strstr(told_to(f, "waldo+inproc:clear/hatch"), refused));
	assert_int_equal(door.admitted, 0);
	waldo_ref_end_session(f->gate, "again");
	memory_set_source("tcp-insecure:127.0.0.1:5");
	assert_string_equal(told_to(f, "waldo+inproc:clear/door"), "");
	memory_set_source(NULL);
	waldo_ref_release(door.avatar_ref);
}

/* ---- flights */

struct wires {
	int to_server, to_client; /* deliveries */
	int words;                /* to the client before the first answer */
	int asked; /* deliveries to the server before that answer */
	int calls; /* of the perspective, by then */
};

static size_t
count_deliveries(bool to_initiator, const void *data, size_t len, void *user)
{
	struct wires *wires = user;

	(void) data;
	if (!to_initiator) {
		wires->to_server++;
	} else if (wires->to_client++ == wires->words) {
		wires->asked = wires->to_server;
		wires->calls = door.avatar->calls;
	}
	return len;
}

static void
assert_flights(struct fixture *f, int words, int flights)
{
	struct wires wires = {.words = words};
	struct outcome *first;
	waldo_promise *login;

	memory_set_tap(count_deliveries, &wires);
	login = enter(f, &first);
	until(f, first->count > 0);
	memory_set_tap(NULL, NULL);
	assert_integer(first, 2);
	assert_int_equal(wires.asked, flights);
	assert_int_equal(wires.calls, 1);
	leave(login);
}

static void
login_and_first_call_cost_one_flight(void **state)
{
	struct fixture *f = *state;

	open_door(f);
	until(f, waldo_ref_get_state(f->gate) == WALDO_FAR);
	(void) memory_settle();
	assert_flights(f, 0, 1);
}

/* With message 3; the server has said nothing but message 2 by then. */
static void
a_login_from_nothing_costs_one_more_for_the_handshake(void **state)
{
	struct fixture *f = *state;

	open_door(f);
	assert_flights(f, 1, 2);
}

/* ---- answers that are cut (F37) */

struct cut {
	bool to_initiator;
	size_t left; /* bytes until then */
	size_t seen;
};

static size_t
cut_behind(bool to_initiator, const void *data, size_t len, void *user)
{
	struct cut *cut = user;
	size_t now = len < cut->left ? len : cut->left;

	(void) data;
	if (to_initiator != cut->to_initiator) {
		return len;
	}
	cut->seen += now;
	cut->left -= now;
	return now;
}

/* Returns whether all there was got through. */
static bool
cut_at(bool to_initiator, size_t at)
{
	struct cut cut = {to_initiator, at, 0};
	struct outcome *first;
	waldo_promise *login;
	struct fixture *f;
	void *state = NULL;
	bool whole;

	assert_int_equal(dial_setup(&state), 0);
	f = state;
	open_door(f);
	until(f, waldo_ref_get_state(f->gate) == WALDO_FAR);
	(void) memory_settle();
	memory_set_tap(cut_behind, &cut);
	login = enter(f, &first);
	(void) memory_settle();
	memory_set_tap(NULL, NULL);
	whole = first->count == 1 && first->code == WALDO_OK &&
	        count_sessions(f->server) == 1;
	assert_int_equal(first->count, 1);
	assert_int_equal(door.logouts, whole ? 0 : door.admitted);
	assert_true(door.admitted <= 1);
	waldo_promise_release(login);
	(void) memory_settle();
	assert_int_equal(door.logouts, door.admitted);
	waldo_ref_release(door.avatar_ref);
	assert_int_equal(teardown(&state), 0);
	return whole;
}

static void
a_login_whose_answer_is_cut_anywhere_is_logged_out_once(void **state)
{
	size_t at = 0;

	(void) state;
	while (!cut_at(true, at)) {
		at++;
	}
	assert_in_range(at, 20, 400);
}

static void
a_login_that_is_cut_anywhere_is_logged_out_if_it_was_in(void **state)
{
	size_t at = 0;

	(void) state;
	while (!cut_at(false, at)) {
		at++;
	}
	assert_in_range(at, 40, 400);
}

/* ---- revocations */

struct heard {
	int turn;                /* that is under way */
	int by_client, by_third; /* in which they heard of it; 0: not yet */
};

/* The client has dialled both others. */
static size_t
note_turn(bool to_initiator, const void *data, size_t len, void *user)
{
	struct heard *heard = user;
	int *at = to_initiator ? &heard->by_client : &heard->by_third;

	(void) data;
	*at = *at == 0 ? heard->turn : *at;
	return len;
}

static void
take_turn(struct heard *heard, const struct outcome *near,
          const struct outcome *far)
{
	heard->turn++;
	(void) memory_turn();
	assert_int_equal(near->count, heard->by_client != 0);
	assert_int_equal(far->count, heard->by_third != 0);
}

static void
a_deferred_call_ends_in_the_turn_in_which_the_caller_hears(void **state)
{
	struct fixture *f = *state;
	waldo_key *key = waldo_key_retain(key_new());
	struct heard heard = {0};
	struct outcome *near, *far;
	struct service *third;
	waldo_ref *facet, *vine;

	assert_ok(waldo_facet_new(f->service->target, NULL, &facet));
	assert_ok(waldo_publish(f->server, "view", facet));
	f->third = keyed_node(key, false);
	third = serve(f, f->third, "third");
	reach_for(f, "view");
	assert_ok(waldo_connect(f->client, uri_of(key, "third:1"), &vine));
	assert_ok(
	    outcome_of(f, waldo_ref_invoke(vine, "keep", "r", f->gate))->code);
	near = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	far = watch_outcome(f, waldo_ref_invoke(third->kept, "hold", ""));
	until(f, f->service->held_count == 2);
	(void) memory_settle();
	memory_set_tap(note_turn, &heard);
	waldo_object_revoke(facet);
	while (heard.by_third == 0) {
		assert_true(heard.turn < 6);
		take_turn(&heard, near, far);
	}
	memory_set_tap(NULL, NULL);
	/* One node after the other, each in its next turn. */
	assert_in_range(heard.by_client, 1, 2);
	assert_in_range(heard.by_third, heard.by_client, heard.by_client + 1);
	assert_string_equal(near->kind, "waldo.Revoked");
	assert_string_equal(far->kind, "waldo.Revoked");
	assert_int_equal(f->service->cancelled, 2);
	waldo_ref_release(vine);
	waldo_ref_release(facet);
	waldo_key_release(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    dial_test(a_portal_sees_through_facets_who_logs_in),
	    dial_test(secrets_that_came_in_clear_are_not_looked_at),
	    dial_test(login_and_first_call_cost_one_flight),
	    dial_test(a_login_from_nothing_costs_one_more_for_the_handshake),
	    cmocka_unit_test(
	        a_login_whose_answer_is_cut_anywhere_is_logged_out_once),
	    cmocka_unit_test(
	        a_login_that_is_cut_anywhere_is_logged_out_if_it_was_in),
	    dial_test(
	        a_deferred_call_ends_in_the_turn_in_which_the_caller_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
