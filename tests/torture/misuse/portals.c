/* SPDX-License-Identifier: MIT */
#include "torture/misuse/misuse.h"

#include <waldo/portal.h>

/* A portal at the server whose checker and realm do what a row says. */
static void (*on_check)(waldo_login *login);
static void (*on_realm)(waldo_login *login);
static waldo_ref *lent; /* the server's, as perspective */
static int logouts;

static void
check(void *self, waldo_login *login)
{
	(void) self;
	on_check(login);
}

static void
realm(void *self, waldo_login *login)
{
	(void) self;
	on_realm(login);
}

static void
logged_out(void *user)
{
	(void) user;
	logouts++;
}

static void
accept(waldo_login *login)
{
	waldo_login_accept(login, "ann");
}

static void
admit(waldo_login *login)
{
	waldo_login_admit(login, lent, logged_out, NULL);
}

static const waldo_checker checker = {
    .size = sizeof(checker), .needs = "name", .check = check};

static waldo_portal *
open_portal(struct world *w, waldo_ref **ret_ref)
{
	const waldo_portal_options options = {.size = sizeof(options),
	                                      .realm = realm};
	waldo_portal *portal = NULL;

	lent = w->service;
	logouts = 0;
	assert_ok(waldo_portal_new(w->server, &options, &portal, ret_ref));
	assert_ok(waldo_portal_add_checker(portal, &checker, NULL));
	return portal;
}

/* What a login comes to; the perspective is let go of. */
static waldo_err
log_in(struct world *w, void (*at_check)(waldo_login *login),
       void (*at_realm)(waldo_login *login))
{
	waldo_ref *gate = NULL;
	waldo_err err;

	(void) open_portal(w, &gate);
	on_check = at_check;
	on_realm = at_realm;
	err =
	    outcome_of(waldo_ref_invoke(gate, "login", "{ss}n", "name", "ann"));
	waldo_ref_release(gate);
	pump();
	return err;
}

MISUSE(waldo_portal_new, null)
{
	const waldo_portal_options options = {.size = sizeof(options)};
	waldo_portal *portal = NULL;
	waldo_ref *ref = NULL;

	assert_err(waldo_portal_new(NULL, &options, &portal, &ref),
	           WALDO_EINVAL);
	assert_err(waldo_portal_new(w->server, NULL, &portal, &ref),
	           WALDO_EINVAL);
	assert_err(waldo_portal_new(w->server, &options, &portal, &ref),
	           WALDO_EINVAL);
	assert_err(waldo_portal_new(w->server, &options, NULL, NULL),
	           WALDO_EINVAL);
	assert_null(ref);
}

MISUSE(waldo_portal_add_checker, null)
{
	const waldo_checker empty = {.size = sizeof(empty), .needs = ""};
	waldo_ref *ref = NULL;
	waldo_portal *portal = open_portal(w, &ref);

	assert_err(waldo_portal_add_checker(NULL, &checker, NULL),
	           WALDO_EINVAL);
	assert_err(waldo_portal_add_checker(portal, NULL, NULL), WALDO_EINVAL);
	assert_err(waldo_portal_add_checker(portal, &empty, NULL),
	           WALDO_EINVAL);
	waldo_ref_release(ref);
}

MISUSE(waldo_portal_allow_anonymous, null)
{
	waldo_ref *ref = NULL;
	waldo_portal *portal = open_portal(w, &ref);

	assert_err(waldo_portal_allow_anonymous(NULL, "ann"), WALDO_EINVAL);
	assert_err(waldo_portal_allow_anonymous(portal, NULL), WALDO_EINVAL);
	waldo_ref_release(ref);
}

MISUSE(waldo_portal_logout, null)
{
	waldo_ref *ref = NULL;
	waldo_portal *portal = open_portal(w, &ref);

	assert_int_equal(waldo_portal_logout(NULL, "ann"), 0);
	assert_int_equal(waldo_portal_logout(portal, NULL), 0);
	waldo_ref_release(ref);
}

MISUSE(waldo_login_get, null)
{
	(void) w;
	assert_null(waldo_login_get(NULL, "name"));
}

MISUSE(waldo_login_get_peer, null)
{
	(void) w;
	assert_string_equal(waldo_login_get_peer(NULL)->address, "");
}

MISUSE(waldo_login_get_mind, null)
{
	(void) w;
	assert_null(waldo_login_get_mind(NULL));
}

MISUSE(waldo_login_get_account, null)
{
	(void) w;
	assert_null(waldo_login_get_account(NULL));
}

static void
accept_nobody(waldo_login *login)
{
	waldo_login_accept(NULL, "ann");
	waldo_login_accept(login, NULL);
}

MISUSE(waldo_login_accept, null)
{
	assert_err(log_in(w, accept_nobody, admit), WALDO_EINVAL);
}

static void
accept_and_admit(waldo_login *login)
{
	waldo_login_accept(login, "ann");
	admit(login);
}

MISUSE(waldo_login_accept, by_the_realm)
{
	assert_ok(log_in(w, accept, accept_and_admit));
	assert_int_equal(logouts, 1);
}

static void
deny_for_nothing(waldo_login *login)
{
	waldo_login_deny(NULL, "why");
	waldo_login_deny(login, NULL);
}

MISUSE(waldo_login_deny, null)
{
	assert_err(log_in(w, deny_for_nothing, admit), WALDO_EDENIED);
}

static void
accept_then_deny(waldo_login *login)
{
	accept(login);
	waldo_login_deny(login, "no");
}

MISUSE(waldo_login_deny, after_an_answer)
{
	assert_ok(log_in(w, accept_then_deny, admit));
}

static void
postpone_for_nothing(waldo_login *login)
{
	waldo_login_postpone(NULL, "why");
	waldo_login_postpone(login, NULL);
	waldo_login_postpone(login, NULL);
}

MISUSE(waldo_login_postpone, null_and_twice)
{
	assert_err(log_in(w, postpone_for_nothing, admit), WALDO_ELIMIT);
	assert_err(log_in(w, accept, postpone_for_nothing), WALDO_ELIMIT);
}

static void
admit_nothing(waldo_login *login)
{
	waldo_login_admit(NULL, NULL, NULL, NULL);
	waldo_login_admit(login, NULL, logged_out, NULL);
}

MISUSE(waldo_login_admit, null)
{
	assert_err(log_in(w, accept, admit_nothing), WALDO_EINVAL);
	assert_int_equal(logouts, 1);
}

static void
admit_twice(waldo_login *login)
{
	admit(login);
	admit(login);
}

MISUSE(waldo_login_admit, twice)
{
	assert_ok(log_in(w, accept, admit_twice));
	assert_int_equal(logouts, 1);
}

MISUSE(waldo_login_admit, by_a_checker)
{
	assert_ok(log_in(w, accept_and_admit, admit));
	assert_int_equal(logouts, 1);
}

static void
refuse_for_nothing(waldo_login *login)
{
	waldo_login_refuse(NULL, "why");
	waldo_login_refuse(login, NULL);
	waldo_login_refuse(login, NULL);
}

MISUSE(waldo_login_refuse, null_and_twice)
{
	assert_err(log_in(w, accept, refuse_for_nothing), WALDO_EDENIED);
}

const struct row portal_rows[] = {
    ROW(waldo_portal_new, null),
    ROW(waldo_portal_add_checker, null),
    ROW(waldo_portal_allow_anonymous, null),
    ROW(waldo_portal_logout, null),
    ROW(waldo_login_get, null),
    ROW(waldo_login_get_peer, null),
    ROW(waldo_login_get_mind, null),
    ROW(waldo_login_get_account, null),
    ROW(waldo_login_accept, null),
    ROW(waldo_login_accept, by_the_realm),
    ROW(waldo_login_deny, null),
    ROW(waldo_login_deny, after_an_answer),
    ROW(waldo_login_postpone, null_and_twice),
    ROW(waldo_login_admit, null),
    ROW(waldo_login_admit, twice),
    ROW(waldo_login_admit, by_a_checker),
    ROW(waldo_login_refuse, null_and_twice),
};
END_ROWS(portal);
