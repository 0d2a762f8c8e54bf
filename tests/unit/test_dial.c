/* SPDX-License-Identifier: MIT */
/* Reaching a peer that has to prove its key: PROTOCOL.md N1, N6, A9. */
#include "tests/unit/dial_fixture.h"

#include <stdio.h>

#define FIRST_WORDS 62 /* the preamble and message 1, with its length */

/* ---- the way there */

struct seen {
	const struct service *service;
	int to_server; /* deliveries */
	int calls;     /* that the second one brought */
};

static size_t
count_deliveries(bool to_initiator, const void *data, size_t len, void *user)
{
	struct seen *seen = user;

	(void) data;
	if (!to_initiator && ++seen->to_server == 3) {
		seen->calls = seen->service->calls;
	}
	return len;
}

/* N1: connect, fetch and a call wait for nothing but message 2. */
static void
the_first_call_travels_with_message_3(void **state)
{
	struct fixture *f = *state;
	struct seen wires = {f->service, 0, 0};

	memory_set_tap(count_deliveries, &wires);
	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
	(void) memory_settle();
	memory_set_tap(NULL, NULL);
	if (wires.to_server > 2) {
		assert_int_equal(wires.calls, 1);
	}
	assert_int_equal(f->service->calls, 1);
}

static void
the_callee_knows_the_key_of_its_caller(void **state)
{
	struct fixture *f = *state;

	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
	assert_true(f->service->has_key);
}

/* F13: nothing that anybody could use leaves on a link that is not taken. */
static void
a_silent_host_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	memory_raw *silent = memory_raw_listen("silent");
	uint64_t start = memory_now();
	size_t len;

	assert_integer(reach(f, f->client, uri_of(host_key, "silent:1,host:1")),
	               2);
	assert_in_range(memory_now() - start, 250000, 1000000);
	(void) memory_settle();
	(void) memory_raw_received(silent, &len);
	assert_int_equal(len, FIRST_WORDS);
	assert_true(memory_raw_is_closed(silent));
	memory_raw_free(silent);
}

static void
a_host_where_nobody_listens_is_passed_over_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t start = memory_now();

	assert_integer(reach(f, f->client, uri_of(host_key, "nobody:1,host:1")),
	               2);
	assert_in_range(memory_now() - start, 0, 100000);
}

static void
a_host_with_another_key_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct service *other;

	f->third = keyed_node(key_new(), false);
	other = serve(f, f->third, "other");
	assert_integer(reach(f, f->client, uri_of(host_key, "other:1,host:1")),
	               2);
	assert_int_equal(other->calls, 0);
	assert_int_equal(count_sessions(f->third), 0);
}

static void
the_second_host_is_left_alone_if_the_first_answers(void **state)
{
	struct fixture *f = *state;
	memory_raw *second = memory_raw_listen("second");
	size_t len;

	assert_integer(reach(f, f->client, uri_of(host_key, "host:1,second:1")),
	               2);
	memory_advance(1000000);
	(void) memory_raw_received(second, &len);
	assert_int_equal(len, 0);
	memory_raw_free(second);
}

/* N6. */
static void
another_key_at_the_only_place_is_denied(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new();

	assert_denied(reach(f, f->client, uri_of(other, "host:1")),
	              "before it had proved that it has the key that was asked "
	              "for");
	assert_int_equal(f->service->calls, 0);
	assert_int_equal(count_sessions(f->server), 0);
	waldo_key_release(other);
}

static void
what_was_denied_explains_more_than_what_was_not_there(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new();

	assert_denied(reach(f, f->client, uri_of(other, "host:1,nobody:1")),
	              "had proved");
	waldo_key_release(other);
}

static void
nobody_at_any_place_is_no_connection(void **state)
{
	struct fixture *f = *state;

	assert_failed(reach(f, f->client, uri_of(host_key, "a:1,b:1,c:1")),
	              WALDO_ECONNECT, WALDO_NOT_SENT);
}

/* ---- one session for a peer */

static void
a_key_has_one_session_whatever_the_place(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;

	assert_ok(
	    waldo_connect(f->client, uri_of(host_key, "host:1"), &f->gate));
	assert_ok(
	    waldo_connect(f->client, uri_of(host_key, "elsewhere:7"), &ref));
	assert_integer(outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1)), 2);
	assert_int_equal(count_sessions(f->client), 1);
	waldo_ref_release(ref);
}

/* N6: not even at the same place. */
static void
another_key_has_no_part_in_the_session(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new();

	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
	assert_ok(
	    waldo_connect(f->client, uri_of(host_key, "host:1"), &f->gate));
	assert_denied(reach(f, f->client, uri_of(other, "host:1")),
	              "had proved");
	waldo_key_release(other);
}

/* As reach(), and the session stays. */
static void
meet(struct fixture *f, waldo_node *node, const char *uri)
{
	assert_ok(waldo_connect(node, uri, &f->gate));
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
}

static void
a_peer_that_dialled_us_is_not_dialled(void **state)
{
	struct fixture *f = *state;
	waldo_key *key = waldo_key_retain(key_new());

	f->third = keyed_node(key, false);
	(void) serve(f, f->third, "third");
	meet(f, f->third, uri_of(host_key, "host:1"));
	assert_integer(reach(f, f->server, uri_of(key, "nowhere:1")), 2);
	assert_int_equal(count_sessions(f->server), 1);
	waldo_key_release(key);
}

/* N6: it is who it has proved to be. */
static void
a_peer_that_dialled_us_is_not_taken_for_another(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new();
	struct service *service;

	f->third = keyed_node(key_new(), false);
	service = serve(f, f->third, "third");
	meet(f, f->third, uri_of(host_key, "host:1"));
	assert_failed(reach(f, f->server, uri_of(other, "nowhere:1")),
	              WALDO_ECONNECT, WALDO_NOT_SENT);
	assert_int_equal(service->calls, 0);
	waldo_key_release(other);
}

/* It knows us by the key that it dialled, which is not who we are. */
static void
a_peer_that_dialled_another_key_of_ours_is_dialled(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new();
	waldo_key *key = waldo_key_retain(key_new());
	struct service *service;

	assert_ok(waldo_node_add_key(f->server, other));
	f->third = keyed_node(key, false);
	service = serve(f, f->third, "third");
	meet(f, f->third, uri_of(other, "host:1"));
	assert_integer(reach(f, f->server, uri_of(key, "third:1")), 2);
	assert_memory_equal(service->key, waldo_key_get_public(host_key),
	                    WALDO_KEY_BYTES);
	waldo_key_release(key);
	waldo_key_release(other);
}

/* A client without a key is nobody in its session; with one it is somebody. */
static void
who_has_a_key_now_has_no_part_in_the_session_of_nobody(void **state)
{
	struct fixture *f = *state;
	waldo_key *key = key_new();

	meet(f, f->client, uri_of(host_key, "host:1"));
	assert_ok(waldo_node_add_key(f->client, key));
	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
	assert_memory_equal(f->service->key, waldo_key_get_public(key),
	                    WALDO_KEY_BYTES);
	waldo_key_release(key);
}

/* Without a key the places say who is meant: the second of two is not the
 * first. */
static void
who_was_met_at_another_place_is_not_asked(void **state)
{
	struct fixture *f = *state;
	struct service *other;

	asked.then = ACCEPT;
	meet(f, f->client, uri_of(NULL, "late:1,host:1"));
	f->third = keyed_node(key_new(), false);
	other = serve(f, f->third, "late");
	assert_integer(reach(f, f->client, uri_of(NULL, "late:1")), 2);
	assert_int_equal(other->calls, 1);
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	assert_int_equal(f->service->calls, 2);
	assert_int_equal(count_sessions(f->client), 1);
}

/* Whoever made up the first URI keeps nobody from the peer. */
static void
a_place_that_says_nothing_does_not_stand_for_another(void **state)
{
	struct fixture *f = *state;
	memory_raw *silent = memory_raw_listen("silent");

	assert_ok(
	    waldo_connect(f->client, uri_of(host_key, "silent:1"), &f->gate));
	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
	memory_raw_free(silent);
}

/* ---- hosts that are asked for their key */

/* So much later it waits for the answer. */
static struct outcome *
call_in_question(struct fixture *f, uint64_t us)
{
	struct outcome *o;

	assert_ok(waldo_connect(f->client, uri_of(NULL, "host:1"), &f->gate));
	o = watch_outcome(f, waldo_ref_invoke(f->gate, "add", "i", 1));
	memory_advance(us);
	assert_int_equal(asked.count, 1);
	return o;
}

static void
an_unknown_host_is_asked_about_before_it_hears_anything(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = call_in_question(f, 1000000);

	assert_string_equal(asked.host, "host:1");
	assert_memory_equal(asked.key, waldo_key_get_public(host_key),
	                    WALDO_KEY_BYTES);
	assert_int_equal(o->count, 0);
	assert_int_equal(f->service->calls, 0);
	assert_int_equal(count_sessions(f->server), 0);
	assert_string_equal(memory_known(), "");
	waldo_trust_accept(asked.question);
	until(f, o->count == 1);
	assert_integer(o, 2);
}

static void
an_accepted_key_is_remembered(void **state)
{
	struct fixture *f = *state;
	char text[WALDO_KEY_TEXT], line[128];

	asked.then = ACCEPT;
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	waldo_key_format(waldo_key_get_public(host_key), text);
	(void) snprintf(line, sizeof(line), "host host:1 %s\n", text);
	assert_string_equal(memory_known(), line);
	memory_advance(1000000);
	f->third = keyed_node(NULL, true);
	assert_integer(reach(f, f->third, uri_of(NULL, "host:1")), 2);
	assert_int_equal(asked.count, 1);
}

static void
a_refused_key_is_denied_and_forgotten(void **state)
{
	struct fixture *f = *state;

	asked.then = REFUSE;
	assert_denied(reach(f, f->client, uri_of(NULL, "host:1")), "host:1");
	assert_string_equal(memory_known(), "");
	assert_int_equal(count_sessions(f->server), 0);
}

static void
where_nobody_can_be_asked_nobody_is_trusted(void **state)
{
	struct fixture *f = *state;
	waldo_node_options options = {.size = sizeof(options),
	                              .known_hosts = "known"};
	char print[WALDO_KEY_PRINT];

	assert_ok(memory_node_new(&options, &f->third));
	waldo_key_fingerprint(waldo_key_get_public(host_key), print);
	assert_denied(reach(f, f->third, uri_of(NULL, "host:1")), print);
}

/* The host ends, and another with that key (taken) is in its place. */
static void
go_on_with(struct fixture *f, waldo_key *key)
{
	node_free(&f->server);
	f->server = keyed_node(key, false);
	f->service = serve(f, f->server, "host");
	memory_advance(1000000);
}

static void
a_changed_key_shows_both_fingerprints(void **state)
{
	struct fixture *f = *state;
	char was[WALDO_KEY_PRINT], is[WALDO_KEY_PRINT];
	waldo_key *key = key_new();
	struct outcome *o;

	asked.then = ACCEPT;
	waldo_key_fingerprint(waldo_key_get_public(host_key), was);
	waldo_key_fingerprint(waldo_key_get_public(key), is);
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	go_on_with(f, key);
	o = reach(f, f->client, uri_of(NULL, "host:1"));
	assert_denied(o, was);
	assert_denied(o, is);
	assert_int_equal(asked.count, 1);
	assert_int_equal(f->service->calls, 0);
}

static void
a_question_may_be_answered_when_the_link_is_gone(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = call_in_question(f, 1000);

	memory_cut();
	until(f, o->count == 1);
	assert_int_equal(o->fate, WALDO_NOT_SENT);
	assert_string_equal(waldo_trust_get_host(asked.question), "host:1");
	waldo_trust_accept(asked.question);
	assert_string_not_equal(memory_known(), "");
}

static void
a_question_may_be_answered_when_the_node_is_gone(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = call_in_question(f, 1000);

	node_free(&f->client);
	assert_int_equal(o->count, 1);
	assert_memory_equal(waldo_trust_get_key(asked.question),
	                    waldo_key_get_public(host_key), WALDO_KEY_BYTES);
	waldo_trust_refuse(asked.question);
}

/* ---- a key that changes (waldo_node_add_key) */

static void
a_next_key_that_was_announced_is_followed(void **state)
{
	struct fixture *f = *state;
	waldo_key *old = waldo_key_retain(host_key);
	waldo_key *next = key_new();
	struct outcome *o;

	assert_ok(waldo_node_add_key(f->server, next));
	assert_integer(reach(f, f->client, uri_of(old, "host:1")), 2);
	assert_integer(reach(f, f->client, uri_of(next, "host:1")), 2);
	go_on_with(f, next);
	o = reach(f, f->client, uri_of(old, "host:1"));
	assert_integer(o, 2);
	waldo_key_release(old);
}

static void
a_host_may_go_on_with_the_key_that_it_announced(void **state)
{
	struct fixture *f = *state;
	waldo_key *next = key_new();

	asked.then = ACCEPT;
	assert_ok(waldo_node_add_key(f->server, next));
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	go_on_with(f, next);
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	assert_int_equal(asked.count, 1);
}

/* What others say of themselves is nothing to it. */
static void
a_host_may_not_go_on_with_the_key_that_another_announced(void **state)
{
	struct fixture *f = *state;
	waldo_key *other = key_new(), *next = key_new();

	asked.then = ACCEPT;
	assert_integer(reach(f, f->client, uri_of(NULL, "host:1")), 2);
	f->third = keyed_node(other, false);
	assert_ok(waldo_node_add_key(f->third, next));
	(void) serve(f, f->third, "third");
	assert_integer(reach(f, f->client, uri_of(NULL, "third:1")), 2);
	assert_non_null(strstr(memory_known(), "next "));
	go_on_with(f, next);
	assert_denied(reach(f, f->client, uri_of(NULL, "host:1")),
	              "another key");
	assert_int_equal(f->service->calls, 0);
}

/* N6: nothing counts before the key does. */
static void
what_a_key_announces_waits_until_it_is_accepted(void **state)
{
	struct fixture *f = *state;
	waldo_key *next = key_new();

	assert_ok(waldo_node_add_key(f->server, next));
	assert_ok(waldo_connect(f->client, uri_of(NULL, "host:1"), &f->gate));
	memory_advance(1000000);
	assert_int_equal(asked.count, 1);
	assert_string_equal(memory_known(), "");
	waldo_trust_accept(asked.question);
	assert_non_null(strstr(memory_known(), "host host:1 "));
	assert_non_null(strstr(memory_known(), "next "));
	waldo_key_release(next);
}

static size_t
count_lines(const char *text, const char *word)
{
	size_t count = 0;

	while ((text = strstr(text, word)) != NULL) {
		count++;
		text++;
	}
	return count;
}

/* Whoever announces other keys each time does not fill the file. */
static void
of_what_a_key_announces_so_much_is_remembered(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		waldo_key *same = waldo_key_retain(host_key);

		for (int k = 0; k < 7; k++) {
			waldo_key *next = key_new();

			assert_ok(waldo_node_add_key(f->server, next));
			waldo_key_release(next);
		}
		assert_integer(reach(f, f->client, uri_of(same, "host:1")), 2);
		go_on_with(f, same);
	}
	assert_int_equal(count_lines(memory_known(), "next "), 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    dial_test(the_first_call_travels_with_message_3),
	    dial_test(the_callee_knows_the_key_of_its_caller),
	    dial_test(a_silent_host_is_not_waited_for),
	    dial_test(a_host_where_nobody_listens_is_passed_over_at_once),
	    dial_test(a_host_with_another_key_is_passed_over),
	    dial_test(the_second_host_is_left_alone_if_the_first_answers),
	    dial_test(another_key_at_the_only_place_is_denied),
	    dial_test(what_was_denied_explains_more_than_what_was_not_there),
	    dial_test(nobody_at_any_place_is_no_connection),
	    dial_test(a_key_has_one_session_whatever_the_place),
	    dial_test(another_key_has_no_part_in_the_session),
	    dial_test(a_peer_that_dialled_us_is_not_dialled),
	    dial_test(a_peer_that_dialled_us_is_not_taken_for_another),
	    dial_test(a_peer_that_dialled_another_key_of_ours_is_dialled),
	    dial_test(who_has_a_key_now_has_no_part_in_the_session_of_nobody),
	    dial_test(who_was_met_at_another_place_is_not_asked),
	    dial_test(a_place_that_says_nothing_does_not_stand_for_another),
	    dial_test(an_unknown_host_is_asked_about_before_it_hears_anything),
	    dial_test(an_accepted_key_is_remembered),
	    dial_test(a_refused_key_is_denied_and_forgotten),
	    dial_test(where_nobody_can_be_asked_nobody_is_trusted),
	    dial_test(a_changed_key_shows_both_fingerprints),
	    dial_test(a_question_may_be_answered_when_the_link_is_gone),
	    dial_test(a_question_may_be_answered_when_the_node_is_gone),
	    dial_test(a_next_key_that_was_announced_is_followed),
	    dial_test(a_host_may_go_on_with_the_key_that_it_announced),
	    dial_test(a_host_may_not_go_on_with_the_key_that_another_announced),
	    dial_test(what_a_key_announces_waits_until_it_is_accepted),
	    dial_test(of_what_a_key_announces_so_much_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
