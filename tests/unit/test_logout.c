/* SPDX-License-Identifier: MIT */
/* Whoever was let in is logged out exactly once, however it ends. */
#include "tests/unit/portal_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- logging out */

static void
releasing_it_logs_out(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "bob");

	turns(f, 20);
	assert_int_equal(f->logouts, 0);
	waldo_ref_release(ref);
	until(f, f->logouts == 1);
	assert_int_equal(f->destroyed, 1);
}

static void
logout_logs_out_whoever_holds_it(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "bob");
	answer held;

	want(waldo_ref_invoke(ref, "hold", ""), &held);
	until(f, f->call != NULL);
	assert_string_equal(ask(f, ref, ".logout"), "");
	assert_int_equal(f->logouts, 1);
	until(f, held.count > 0);
	assert_string_equal(held.text, "waldo.Revoked: logged out");
	waldo_call_reply(f->call, "");
	assert_non_null(strstr(ask(f, ref, "name"), "waldo.Revoked"));
	assert_non_null(strstr(ask(f, ref, ".logout"), "waldo.Revoked"));
	waldo_ref_release(ref);
	turns(f, 20);
	assert_int_equal(f->logouts, 1);
}

static void
a_lost_session_logs_out(void **state)
{
	fixture *f = *state;
	waldo_ref *a = log_in(f, "ann"), *b = log_in(f, "bob");

	waldo_ref_end_session(a, "enough");
	until(f, f->logouts == 2);
	waldo_ref_release(a);
	waldo_ref_release(b);
}

static void
the_program_logs_out_an_account_wherever_it_is_in(void **state)
{
	fixture *f = *state;
	waldo_ref *first = log_in(f, "bob"), *second = log_in(f, "bob");
	waldo_ref *ann = log_in(f, "ann");

	assert_int_equal(waldo_portal_logout(f->portal, "bob"), 2);
	assert_int_equal(f->logouts, 2);
	assert_int_equal(waldo_portal_logout(f->portal, "bob"), 0);
	assert_non_null(strstr(ask(f, first, "name"), "waldo.Revoked"));
	assert_non_null(strstr(ask(f, second, "name"), "waldo.Revoked"));
	assert_string_equal(ask(f, ann, "name"), "ann");
	waldo_ref_release(first);
	waldo_ref_release(second);
	waldo_ref_release(ann);
}

static void
the_end_of_the_node_logs_out(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "bob");

	close_server(f);
	assert_int_equal(f->logouts, 1);
	assert_non_null(strstr(f->order, "checker gone"));
	waldo_ref_release(ref);
}

static void
who_is_in_stays_in_without_the_portal(void **state)
{
	fixture *f = *state;
	waldo_ref *ref = log_in(f, "bob");

	waldo_unpublish(f->server, "gate");
	waldo_ref_release(f->gate);
	f->gate = NULL;
	waldo_ref_release(f->portal_ref);
	f->portal_ref = NULL;
	until(f, strstr(f->order, "checker gone") != NULL);
	assert_string_equal(ask(f, ref, "name"), "bob");
	waldo_ref_release(ref);
	until(f, f->logouts == 1);
}

static void
another_facet_of_it_does_not_log_out(void **state)
{
	fixture *f = *state;
	static const char *const methods[] = {"name", NULL};
	waldo_facet_options options = {.size = sizeof(options),
	                               .methods = methods};
	waldo_ref *ref = log_in(f, "bob"), *less;

	assert_ok(waldo_facet_new(ref, &options, &less));
	assert_string_equal(ask(f, less, "name"), "bob");
	assert_string_equal(
	    ask(f, less, ".logout"),
	    "waldo.Denied: the facet does not let '.logout' through");
	assert_int_equal(f->logouts, 0);
	assert_non_null(strstr(ask(f, f->gate, ".logout"), "waldo.NoMethod"));
	waldo_ref_release(less);
	waldo_ref_release(ref);
}

/* ---- answers that do not arrive (F37) */

/* The checker knows "bob" by now, and the realm thinks. */
static void
come_to_the_realm(fixture *f)
{
	until(f, f->held != NULL);
	waldo_login_accept(f->held, "bob");
	f->held = NULL;
	until(f, f->held != NULL);
}

/* Ends a login that the realm thinks about; then the realm admits it. */
static void
lose_and_admit(fixture *f, waldo_promise *login,
               void (*lose)(fixture *f, waldo_promise *login))
{
	come_to_the_realm(f);
	lose(f, login);
	turns(f, 30);
	assert_int_equal(f->logouts, 0);
	admit(f, f->held);
	/* Not beneath the realm. */
	assert_int_equal(f->logouts, 0);
	until(f, f->logouts == 1);
	assert_int_equal(f->destroyed, 1);
}

static void
cancel(fixture *f, waldo_promise *login)
{
	(void) f;
	waldo_promise_cancel(login);
}

static void
end_session(fixture *f, waldo_promise *login)
{
	(void) login;
	until(f, waldo_ref_get_state(f->gate) == WALDO_FAR);
	waldo_ref_end_session(f->gate, "enough");
}

static void
forget(fixture *f, waldo_promise *login)
{
	(void) f;
	(void) login;
}

static void
a_login_that_was_cancelled_is_logged_out(void **state)
{
	fixture *f = *state;
	waldo_promise *login;

	f->later = true;
	login = send_word(f, "bob");
	lose_and_admit(f, login, cancel);
	waldo_promise_release(login);
}

static void
a_login_whose_session_has_ended_is_logged_out(void **state)
{
	fixture *f = *state;
	waldo_promise *login;

	f->later = true;
	login = send_word(f, "bob");
	lose_and_admit(f, login, end_session);
	waldo_promise_release(login);
}

static void
a_login_that_came_too_late_is_logged_out(void **state)
{
	fixture *f = *state;
	waldo_options options = {.size = sizeof(options), .timeout_ms = 20};
	waldo_request *request = waldo_request_new(f->gate, "login", &options);
	waldo_promise *login;

	f->later = true;
	waldo_putf(waldo_request_get_args(request), "{ss}n", "word", "bob");
	login = waldo_request_send(request);
	lose_and_admit(f, login, forget);
	waldo_promise_release(login);
}

static void
a_login_that_nobody_wants_any_more_is_logged_out(void **state)
{
	fixture *f = *state;
	waldo_promise *login;

	f->later = true;
	login = send_word(f, "bob");
	waldo_promise_release(login);
	lose_and_admit(f, NULL, forget);
}

static void
the_realm_is_not_asked_for_a_client_that_is_lost(void **state)
{
	fixture *f = *state;
	waldo_login *login;

	f->later = true;
	waldo_promise_release(send_word(f, "bob"));
	until(f, f->held != NULL);
	login = f->held;
	f->held = NULL;
	end_session(f, NULL);
	turns(f, 30);
	waldo_login_accept(login, "bob");
	turns(f, 30);
	assert_null(f->held);
}

static void
a_login_outlives_its_node(void **state)
{
	fixture *f = *state;
	waldo_promise *login;

	f->later = true;
	login = send_word(f, "bob");
	until(f, f->held != NULL);
	close_server(f);
	assert_string_equal(waldo_login_get(f->held, "word"), "bob");
	assert_string_equal(f->order, "");
	waldo_login_accept(f->held, "bob");
	assert_string_equal(f->order, "checker gone");
	waldo_promise_release(login);
}

static void
a_realm_that_answers_after_the_end_is_logged_out(void **state)
{
	fixture *f = *state;
	waldo_promise *login;

	f->later = true;
	login = send_word(f, "bob");
	come_to_the_realm(f);
	close_server(f);
	f->admitted = 1;
	f->avatars[0].f = f;
	waldo_login_admit(f->held, NULL, logged_out, &f->avatars[0]);
	assert_int_equal(f->logouts, 1);
	waldo_promise_release(login);
}

/* ---- a second login */

static void
a_second_login_may_be_let_in_too(void **state)
{
	fixture *f = *state;
	waldo_ref *first = log_in(f, "bob"), *second = log_in(f, "bob");

	assert_string_equal(ask(f, first, "name"), "bob");
	assert_string_equal(ask(f, second, "name"), "bob");
	assert_string_equal(f->order, "in bob, in bob");
	waldo_ref_release(first);
	until(f, f->logouts == 1);
	assert_string_equal(ask(f, second, "name"), "bob");
	waldo_ref_release(second);
}

static void
a_second_login_may_end_the_first(void **state)
{
	fixture *f = *state;
	waldo_ref *first = log_in(f, "bob"), *ann = log_in(f, "ann");
	waldo_ref *second = log_in(f, "bob");

	assert_string_equal(f->order, "in bob, in ann, out bob, in bob");
	assert_non_null(strstr(ask(f, first, "name"), "waldo.Revoked"));
	assert_string_equal(ask(f, second, "name"), "bob");
	assert_string_equal(ask(f, ann, "name"), "ann");
	waldo_ref_release(first);
	waldo_ref_release(second);
	waldo_ref_release(ann);
}

/* The realm does not think about those that come after it. */
static waldo_login *
want_while_the_realm_thinks(fixture *f, answer *a)
{
	f->later = true;
	want(send_word(f, "bob"), a);
	come_to_the_realm(f);
	f->later = false;
	return f->held;
}

static void
a_second_login_ends_one_that_the_realm_thinks_about(void **state)
{
	fixture *f = *state;
	answer a, b;
	waldo_login *first = want_while_the_realm_thinks(f, &a);

	want(send_word(f, "bob"), &b);
	until(f, b.count > 0);
	admit(f, first);
	until(f, a.count > 0);
	assert_string_equal(a.text,
	                    "waldo.Denied: login: the account was logged out");
	assert_string_equal(ask(f, b.ref, "name"), "bob");
	until(f, f->logouts == 1);
	waldo_ref_release(b.ref);
}

static void
a_second_login_may_be_refused_until_the_first_has_gone(void **state)
{
	fixture *f = *state;
	waldo_ref *first = log_in(f, "bob");

	assert_string_equal(outcome(f, send_word(f, "bob")),
	                    "waldo.Denied: login: the account is in already");
	waldo_ref_release(log_in(f, "ann"));
	waldo_ref_release(first);
	until(f, f->logouts == 2);
	waldo_ref_release(log_in(f, "bob"));
}

static void
a_second_login_is_refused_while_the_realm_thinks_about_the_first(void **state)
{
	fixture *f = *state;
	answer a;
	waldo_login *first = want_while_the_realm_thinks(f, &a);

	assert_string_equal(outcome(f, send_word(f, "bob")),
	                    "waldo.Denied: login: the account is in already");
	waldo_ref_release(log_in(f, "ann"));
	admit(f, first);
	until(f, a.count > 0);
	assert_string_equal(ask(f, a.ref, "name"), "bob");
	waldo_ref_release(a.ref);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(releasing_it_logs_out),
	    waldo_test(logout_logs_out_whoever_holds_it),
	    waldo_test(a_lost_session_logs_out),
	    waldo_test(the_program_logs_out_an_account_wherever_it_is_in),
	    waldo_test(the_end_of_the_node_logs_out),
	    waldo_test(who_is_in_stays_in_without_the_portal),
	    waldo_test(another_facet_of_it_does_not_log_out),
	    waldo_test(a_login_that_was_cancelled_is_logged_out),
	    waldo_test(a_login_whose_session_has_ended_is_logged_out),
	    waldo_test(a_login_that_came_too_late_is_logged_out),
	    waldo_test(a_login_that_nobody_wants_any_more_is_logged_out),
	    waldo_test(the_realm_is_not_asked_for_a_client_that_is_lost),
	    waldo_test(a_login_outlives_its_node),
	    waldo_test(a_realm_that_answers_after_the_end_is_logged_out),
	    waldo_test(a_second_login_may_be_let_in_too),
	    of(setup_replace, a_second_login_may_end_the_first),
	    of(setup_replace,
	       a_second_login_ends_one_that_the_realm_thinks_about),
	    of(setup_refuse,
	       a_second_login_may_be_refused_until_the_first_has_gone),
	    of(setup_refuse,
	       a_second_login_is_refused_while_the_realm_thinks_about_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
