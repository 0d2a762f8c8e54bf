/* SPDX-License-Identifier: MIT */
/* Portals: who is let in, and as whom. */
#include "tests/unit/portal_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- credentials and checkers */

static void
who_is_accepted_gets_his_perspective(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "bob");

	assert_string_equal(ask(f, ref, "name"), "bob");
	assert_int_equal(f->asked, 1);
	assert_non_null(strstr(f->log, "login='bob'"));
	waldo_ref_release(ref);
}

static void
the_next_checker_is_asked_when_one_denies(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "Ann");

	assert_string_equal(ask(f, ref, "name"), "ann");
	assert_int_equal(f->asked, 2);
	waldo_ref_release(ref);
}

static void
whom_nobody_knows_is_denied(void **state)
{
	fixture *f = *state;

	assert_string_equal(outcome(f, send_word(f, "Eve")),
	                    "waldo.Denied: login failed");
	assert_int_equal(f->asked, 2);
	assert_int_equal(f->admitted, 0);
}

static void
what_others_wrote_is_quoted_in_the_log(void **state)
{
	fixture *f = *state;

	outcome(f, send_word(f, "Eve"));
	assert_non_null(
	    strstr(f->log,
	           "denied='not \\x1b[2J a small \\x27letter\\x27\\x0d\\x0a'"));
	assert_null(strchr(f->log, '\x1b'));
	assert_null(strchr(f->log, '\r'));
}

static void
the_log_is_not_flooded(void **state)
{
	fixture *f = *state;
	answer a[60];
	int lines = 0;

	for (int i = 0; i < 60; i++) {
		want(send_word(f, "Eve"), &a[i]);
	}
	until(f, a[59].count > 0);
	for (const char *at = f->log; (at = strchr(at, '\n')) != NULL; at++) {
		lines++;
	}
	/* 120 were denied, in two seconds at most. */
	assert_in_range(lines, 10, 22);
}

static void
credentials_that_nobody_takes_are_told_what_is_taken(void **state)
{
	fixture *f = *state;
	const char *told = "waldo.Denied: login: the credentials must be: "
	                   "word, or  word , or user password";

	assert_string_equal(outcome(f, waldo_ref_invoke(f->gate, "login",
	                                                "{ss}n", "wrd", "bob")),
	                    told);
	assert_string_equal(
	    outcome(f, waldo_ref_invoke(f->gate, "login", "{ssss}n", "word",
	                                "bob", "more", "x")),
	    told);
	assert_string_equal(
	    outcome(f, waldo_ref_invoke(f->gate, "login", "{}")), told);
	assert_int_equal(f->asked, 0);
}

static void
too_many_credentials_are_refused(void **state)
{
	fixture *f = *state;
	static const char most[] =
	    "waldo.Limit: login: at most 8 credentials, with 256 bytes of "
	    "names and 4096 bytes of texts";
	char text[4200];

	assert_string_equal(
	    outcome(f,
	            waldo_ref_invoke(f->gate, "login", "{ssssssssssssssssss}n",
	                             "a", "", "b", "", "c", "", "d", "", "e",
	                             "", "f", "", "g", "", "h", "", "i", "")),
	    most);
	memset(text, 'x', sizeof(text));
	text[4097] = '\0';
	assert_string_equal(outcome(f, send_word(f, text)), most);
	text[257] = '\0';
	assert_string_equal(
	    outcome(f, waldo_ref_invoke(f->gate, "login", "{ss}n", text, "")),
	    most);
}

static void
malformed_credentials_are_bad_arguments(void **state)
{
	fixture *f = *state;

	assert_non_null(
	    strstr(outcome(f, waldo_ref_invoke(f->gate, "login", "sn", "bob")),
	           "waldo.BadArguments: login"));
	assert_non_null(strstr(
	    outcome(f, waldo_ref_invoke(f->gate, "login", "{si}n", "word", 5)),
	    "waldo.BadArguments: login"));
	assert_non_null(
	    strstr(outcome(f, waldo_ref_invoke(f->gate, "login", "{ss}s",
	                                       "word", "bob", "mind")),
	           "waldo.BadArguments: login"));
	assert_non_null(
	    strstr(outcome(f, waldo_ref_invoke(f->gate, "login", "{ssss}n",
	                                       "word", "bob", "word", "ann")),
	           "waldo.BadArguments: login"));
	assert_int_equal(f->asked, 0);
}

static void
a_checker_may_put_off(void **state)
{
	fixture *f = *state;

	assert_string_equal(outcome(f, send_word(f, "busy")),
	                    "waldo.Limit: come back");
	assert_int_equal(f->asked, 1);
}

static void
a_login_is_answered_once(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "twice");

	assert_string_equal(ask(f, ref, "name"), "twice");
	assert_non_null(strstr(f->log, "misuse="));
	waldo_ref_release(ref);
	assert_string_equal(outcome(f, send_word(f, "twice no")),
	                    "waldo.Denied: login failed");
}

static void
checkers_and_realm_may_answer_later(void **state)
{
	fixture *f = *state;
	answer a;

	f->later = true;
	want(send_word(f, "bob"), &a);
	until(f, f->held != NULL);
	turns(f, 5);
	waldo_login_accept(f->held, "bob");
	f->held = NULL;
	assert_null(f->held); /* the realm is not called beneath us */
	until(f, f->held != NULL);
	turns(f, 5);
	assert_int_equal(a.count, 0);
	admit(f, f->held);
	until(f, a.count > 0);
	assert_string_equal(ask(f, a.ref, "name"), "bob");
	waldo_ref_release(a.ref);
}

static void
the_realm_may_refuse(void **state)
{
	fixture *f = *state;

	assert_string_equal(outcome(f, send_word(f, "barred")),
	                    "waldo.Denied: you know why");
}

static void
a_realm_without_a_perspective_is_logged_out(void **state)
{
	fixture *f = *state;

	assert_non_null(strstr(outcome(f, send_word(f, "none")), "waldo."));
	until(f, f->logouts == 1);
}

static void
anybody_may_come_without_credentials(void **state)
{
	fixture *f = *state;
	answer a;

	assert_ok(waldo_portal_allow_anonymous(f->portal, "guest"));
	want(waldo_ref_invoke(f->gate, "login", "{}"), &a);
	until(f, a.count > 0);
	assert_string_equal(ask(f, a.ref, "name"), "guest");
	waldo_ref_release(a.ref);
}

static void
a_portal_is_made_with_care(void **state)
{
	fixture *f = *state;
	waldo_portal_options options = {.size = sizeof(options)};
	waldo_checker checker = {.size = sizeof(checker),
	                         .needs = "a b c d e f g h i",
	                         .check = check_ann};
	waldo_portal *portal = NULL;
	waldo_limits limits = {.size = sizeof(limits), .depth = 1000};
	waldo_ref *ref = NULL;

	assert_err(waldo_portal_new(f->server, &options, &portal, &ref),
	           WALDO_EINVAL);
	options.realm = realm;
	options.limits = &limits;
	assert_err(waldo_portal_new(f->server, &options, &portal, &ref),
	           WALDO_EINVAL);
	options.size = 1;
	assert_err(waldo_portal_new(f->server, &options, &portal, &ref),
	           WALDO_EINVAL);
	assert_null(ref);
	assert_err(waldo_portal_add_checker(f->portal, &checker, f),
	           WALDO_EINVAL);
	checker.needs = NULL;
	assert_err(waldo_portal_add_checker(f->portal, &checker, f),
	           WALDO_EINVAL);
}

/* ---- secrets */

static bool
exposed(const char *address)
{
	waldo_peer peer = {address, NULL, -1, -1};

	return waldoi_peer_is_exposed(&peer);
}

static void
what_leaves_the_machine_in_clear_is_exposed(void **state)
{
	(void) state;
	assert_true(exposed("tcp-insecure:192.0.2.7:51234"));
	assert_true(exposed("tcp-insecure:[2001:db8::1]:51234"));
	assert_true(exposed("tcp-insecure:[::ffff:192.0.2.7]:51234"));
	assert_true(exposed("tcp-insecure:[::127]:51234"));
	assert_false(exposed("tcp-insecure:127.0.0.1:51234"));
	assert_false(exposed("tcp-insecure:127.9.9.9:51234"));
	assert_false(exposed("tcp-insecure:[::1]:51234"));
	assert_false(exposed("tcp-insecure:[::ffff:127.0.0.1]:1"));
	assert_false(exposed("tcp:192.0.2.7:51234"));
	assert_false(exposed("unix:"));
	assert_false(exposed("near:"));
}

/* ---- perspectives */

static void
the_first_call_needs_no_round_trip(void **state)
{
	fixture *f = *state;
	waldo_promise *login = send_word(f, "bob");
	answer a, b;

	want(waldo_ref_invoke(waldo_promise_get_ref(login), "name", ""), &a);
	want(waldo_ref_invoke(waldo_promise_get_ref(login), "whose", ""), &b);
	waldo_promise_release(login);
	until(f, b.count > 0);
	assert_string_equal(a.text, "bob");
	assert_string_equal(b.text, "bob");
	until(f, f->logouts == 1); /* nobody holds it */
}

static void
what_waits_for_a_login_that_fails_fails(void **state)
{
	fixture *f = *state;
	waldo_promise *login = send_word(f, "Eve");
	answer a;

	want(waldo_ref_invoke(waldo_promise_get_ref(login), "name", ""), &a);
	waldo_promise_release(login);
	until(f, a.count > 0);
	assert_string_equal(a.text, "waldo.Denied: login failed");
}

static void
each_perspective_is_told_to_its_own_methods(void **state)
{
	fixture *f = *state;
	waldo_ref *ann = log_in(f, "Ann"), *bob = log_in(f, "bob");

	assert_string_equal(ask(f, ann, "whose"), "ann");
	assert_string_equal(ask(f, bob, "whose"), "bob");
	waldo_ref_release(ann);
	waldo_ref_release(bob);
}

static void
poke(void *self, waldo_call *call)
{
	snprintf(self, 40, "%s",
	         waldo_read_str(waldo_call_get_args(call), NULL));
	waldo_call_reply(call, "");
}

static void
the_mind_can_be_called(void **state)
{
	fixture *f = *state;
	static const waldo_method methods[] = {{"poke", poke, NULL, 0}, {0}};
	static const waldo_class mind_class = {WALDO_CLASS_SIZES, "Mind",
	                                       methods, NULL, NULL};
	char poked[40] = "";
	waldo_ref *mind;
	answer a;

	assert_ok(waldo_object_new(f->client, &mind_class, poked, &mind));
	want(waldo_ref_invoke(f->gate, "login", "{ss}r", "word", "bob", mind),
	     &a);
	until(f, a.count > 0);
	assert_string_equal(ask(f, a.ref, "poke"), "");
	until(f, poked[0] != '\0');
	assert_string_equal(poked, "bob");
	waldo_ref_release(mind);
	waldo_ref_release(a.ref);
}

static void
several_logins_go_on_at_the_same_time(void **state)
{
	fixture *f = *state;
	static const char *const names[MANY] = {"a", "b", "c", "d",
	                                        "e", "f", "g", "h"};
	answer a[MANY];

	for (int i = 0; i < MANY; i++) {
		want(send_word(f, names[i]), &a[i]);
	}
	for (int i = 0; i < MANY; i++) {
		until(f, a[i].count > 0);
	}
	for (int i = 0; i < MANY; i++) {
		assert_string_equal(ask(f, a[i].ref, "name"), names[i]);
		waldo_ref_release(a[i].ref);
	}
	until(f, f->logouts == MANY);
}

/* ---- limits */

static void
calls_of_strangers_that_wait_for_a_login_are_few(void **state)
{
	fixture *f = *state;
	waldo_promise *login;
	answer a[40];
	int refused = 0;

	/* More than parked_bytes of a stranger holds, less than a guest's. */
	f->later = true;
	login = send_word(f, "bob");
	for (int i = 0; i < 14; i++) {
		char text[501];

		memset(text, 'x', 500);
		text[500] = '\0';
		want(waldo_ref_invoke(waldo_promise_get_ref(login), "name", "s",
		                      text),
		     &a[i]);
	}
	until(f, f->held != NULL);
	turns(f, 20);
	for (int i = 0; i < 14; i++) {
		refused +=
		    a[i].count > 0 && strstr(a[i].text, "parked_bytes") != NULL;
	}
	assert_in_range(refused, 6, 12);
	waldo_login_deny(f->held, "no");
	f->later = false;
	for (int i = 0; i < 14; i++) {
		until(f, a[i].count > 0);
	}
	waldo_promise_release(login);
}

static void
limits_are_raised_with_the_answer(void **state)
{
	fixture *f = *state;
	char *text = malloc(80001);
	waldo_ref *ref;

	memset(text, 'x', 80000);
	text[80000] = '\0';
	assert_non_null(
	    strstr(outcome(f, waldo_ref_invoke(f->gate, "login", "s", text)),
	           "waldo.Limit: message_bytes"));
	ref = log_in(f, "bob");
	/* In the very turn in which the answer has come. */
	assert_non_null(
	    strstr(outcome(f, waldo_ref_invoke(ref, "name", "s", text)),
	           "waldo.BadArguments"));
	waldo_ref_release(ref);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(who_is_accepted_gets_his_perspective),
	    waldo_test(the_next_checker_is_asked_when_one_denies),
	    waldo_test(whom_nobody_knows_is_denied),
	    waldo_test(what_others_wrote_is_quoted_in_the_log),
	    waldo_test(the_log_is_not_flooded),
	    waldo_test(credentials_that_nobody_takes_are_told_what_is_taken),
	    waldo_test(too_many_credentials_are_refused),
	    waldo_test(malformed_credentials_are_bad_arguments),
	    waldo_test(a_checker_may_put_off),
	    waldo_test(a_login_is_answered_once),
	    waldo_test(checkers_and_realm_may_answer_later),
	    waldo_test(the_realm_may_refuse),
	    waldo_test(a_realm_without_a_perspective_is_logged_out),
	    waldo_test(anybody_may_come_without_credentials),
	    waldo_test(a_portal_is_made_with_care),
	    cmocka_unit_test(what_leaves_the_machine_in_clear_is_exposed),
	    waldo_test(the_first_call_needs_no_round_trip),
	    waldo_test(what_waits_for_a_login_that_fails_fails),
	    waldo_test(each_perspective_is_told_to_its_own_methods),
	    waldo_test(the_mind_can_be_called),
	    waldo_test(several_logins_go_on_at_the_same_time),
	    of(setup_wary, calls_of_strangers_that_wait_for_a_login_are_few),
	    of(setup_wary, limits_are_raised_with_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
