/* SPDX-License-Identifier: MIT */
#include "tests/unit/portal_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
note(fixture *f, const char *what, const char *who)
{
	size_t len = strlen(f->order);

	snprintf(f->order + len, sizeof(f->order) - len, "%s%s %s",
	         len == 0 ? "" : ", ", what, who);
}

/* ---- perspectives */

static void
avatar_name(void *self, waldo_call *call)
{
	avatar *a = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "s", a->account);
	}
}

static const waldo_class avatar_class;

/* Whose perspective it was called through. */
static void
avatar_whose(void *self, waldo_call *call)
{
	avatar *a =
	    waldo_ref_get_self(waldo_call_get_perspective(call), &avatar_class);

	(void) self;
	waldo_call_reply(call, "s", a == NULL ? "nobody's" : a->account);
}

static void
avatar_hold(void *self, waldo_call *call)
{
	avatar *a = self;

	a->f->call = waldo_call_defer(call, NULL, NULL);
}

static void
avatar_poke(void *self, waldo_call *call)
{
	avatar *a = self;

	(void) waldo_ref_notify(a->f->mind, "poke", "s", a->account);
	waldo_call_reply(call, "");
}

static void
avatar_destroy(void *self)
{
	avatar *a = self;

	a->f->destroyed++;
}

static const waldo_method avatar_methods[] = {{"name", avatar_name, NULL, 0},
                                              {"whose", avatar_whose, NULL, 0},
                                              {"hold", avatar_hold, NULL, 0},
                                              {"poke", avatar_poke, NULL, 0},
                                              {0}};
static const waldo_class avatar_class = {WALDO_CLASS_SIZES, "Avatar",
                                         avatar_methods, avatar_destroy, NULL};

/* ---- the realm */

void
logged_out(void *user)
{
	avatar *a = user;

	a->logouts++;
	a->f->logouts++;
	note(a->f, "out", a->account);
}

void
admit(fixture *f, waldo_login *login)
{
	avatar *a = &f->avatars[f->admitted++];
	waldo_ref *ref = NULL;

	a->f = f;
	snprintf(a->account, sizeof(a->account), "%s",
	         waldo_login_get_account(login));
	note(f, "in", a->account);
	waldo_ref_release(f->mind);
	f->mind = waldo_ref_retain(waldo_login_get_mind(login));
	if (waldo_object_new(f->server, &avatar_class, a, &ref) != WALDO_OK) {
		abort();
	}
	waldo_login_admit(login, ref, logged_out, a);
	waldo_ref_release(ref);
}

void
realm(void *self, waldo_login *login)
{
	fixture *f = self;

	if (f->later) {
		f->held = login;
	} else if (strcmp(waldo_login_get_account(login), "barred") == 0) {
		waldo_login_refuse(login, "you know why");
	} else if (strcmp(waldo_login_get_account(login), "none") == 0) {
		avatar *a = &f->avatars[f->admitted++];

		a->f = f;
		waldo_login_admit(login, NULL, logged_out, a);
	} else {
		admit(f, login);
	}
}

/* ---- checkers: the word is the name; the second knows "Ann" alone */

static void
check_word(void *self, waldo_login *login)
{
	fixture *f = self;
	const char *word = waldo_login_get(login, "word");

	f->asked++;
	if (f->later) {
		f->held = login;
	} else if (strcmp(word, "busy") == 0) {
		waldo_login_postpone(login, "come back");
	} else if (strcmp(word, "twice") == 0) {
		waldo_login_accept(login, "twice");
		waldo_login_accept(login, "thrice");
		waldo_login_deny(login, "no");
	} else if (strcmp(word, "twice no") == 0) {
		waldo_login_deny(login, "no");
		waldo_login_deny(login, "no");
		waldo_login_admit(login, NULL, NULL, NULL);
	} else if (word[0] < 'a') {
		waldo_login_deny(login, "not \x1b[2J a small 'letter'\r\n");
	} else {
		waldo_login_accept(login, word);
	}
}

void
check_ann(void *self, waldo_login *login)
{
	fixture *f = self;

	f->asked++;
	if (strcmp(waldo_login_get(login, "word"), "Ann") == 0) {
		waldo_login_accept(login, "ann");
	} else {
		waldo_login_deny(login, "she is not Ann");
	}
}

static void
checker_destroyed(void *self)
{
	fixture *f = self;

	note(f, "checker", "gone");
}

static const waldo_checker word_checker = {
    .size = sizeof(word_checker), .needs = "word", .check = check_word};
static const waldo_checker ann_checker = {
    .size = sizeof(ann_checker), .needs = " word ", .check = check_ann};
static const waldo_checker secret_checker = {.size = sizeof(secret_checker),
                                             .needs = "user password",
                                             .check = check_ann,
                                             .destroy = checker_destroyed,
                                             .secret = true};

/* ---- two nodes of one thread */

static void
keep_line(waldo_log_level level, const char *line, void *user)
{
	fixture *f = user;
	size_t len = strlen(f->log);

	(void) level;
	snprintf(f->log + len, sizeof(f->log) - len, "%s\n", line);
}

static int
open_portal(fixture *f, waldo_second_login second, const waldo_limits *limits,
            const waldo_limits *strangers)
{
	waldo_node_options options = {.size = sizeof(options),
	                              .strangers = strangers,
	                              .log = keep_line,
	                              .log_user = f};
	waldo_portal_options portal = {.size = sizeof(portal),
	                               .realm = realm,
	                               .self = f,
	                               .second = second,
	                               .limits = limits};

	if (waldo_node_new(&options, &f->server) != WALDO_OK ||
	    waldo_node_new(NULL, &f->client) != WALDO_OK ||
	    waldo_portal_new(f->server, &portal, &f->portal, &f->portal_ref) !=
	        WALDO_OK ||
	    waldo_portal_add_checker(f->portal, &word_checker, f) != WALDO_OK ||
	    waldo_portal_add_checker(f->portal, &ann_checker, f) != WALDO_OK ||
	    waldo_portal_add_checker(f->portal, &secret_checker, f) !=
	        WALDO_OK ||
	    waldo_publish(f->server, "gate", f->portal_ref) != WALDO_OK ||
	    waldo_listen(f->server, "inproc:portal", NULL) != WALDO_OK ||
	    waldo_connect(f->client, "waldo+inproc:portal/gate", &f->gate) !=
	        WALDO_OK) {
		return -1;
	}
	return 0;
}

void
close_server(fixture *f)
{
	waldo_ref_release(f->mind);
	waldo_ref_release(f->portal_ref);
	waldo_node_free(f->server);
	f->mind = f->portal_ref = NULL;
	f->server = NULL;
}

static void
close_nodes(fixture *f)
{
	waldo_ref_release(f->gate);
	waldo_node_free(f->client);
	f->gate = NULL;
	f->client = NULL;
	close_server(f);
}

int
setup(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_ALLOW, NULL, NULL);
}

int
setup_replace(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_REPLACE, NULL, NULL);
}

int
setup_refuse(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_REFUSE, NULL, NULL);
}

static const waldo_limits strangers = {.size = sizeof(strangers),
                                       .message_bytes = 65536,
                                       .open_calls = 16,
                                       .parked_bytes = 8192};
static const waldo_limits guests = {.size = sizeof(guests),
                                    .message_bytes = 1000000,
                                    .open_calls = 100,
                                    .parked_bytes = 65536};

int
setup_wary(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_ALLOW, &guests, &strangers);
}

/* Every test: whoever was admitted was logged out once, and is gone. */
int
teardown(void **state)
{
	fixture *f = *state;
	int bad = 0;

	close_nodes(f);
	for (int i = 0; i < f->admitted; i++) {
		bad += f->avatars[i].logouts != 1;
	}
	if (bad > 0) {
		print_error("%d not logged out exactly once: %s\n", bad,
		            f->order);
	}
	free(f);
	return bad == 0 ? 0 : -1;
}

/* ---- stepping */

void
turn(fixture *f)
{
	assert_ok(waldo_node_step(f->client, 1));
	if (f->server != NULL) {
		assert_ok(waldo_node_step(f->server, 1));
	}
}

void
turns(fixture *f, int count)
{
	for (int i = 0; i < count; i++) {
		turn(f);
	}
}

static void
answered(waldo_reader *result, const waldo_failure *failure, void *user)
{
	answer *a = user;

	a->count++;
	if (failure != NULL) {
		snprintf(a->text, sizeof(a->text), "%s: %s", failure->type,
		         failure->message);
	} else if (waldo_read_type(result) == WALDO_TYPE_REF) {
		a->ref = waldo_ref_retain(waldo_read_ref(result));
	} else {
		snprintf(a->text, sizeof(a->text), "%s",
		         waldo_read_type(result) == WALDO_TYPE_STR
		             ? waldo_read_str(result, NULL)
		             : "");
	}
}

void
want(waldo_promise *promise, answer *a)
{
	*a = (answer){0};
	assert_ok(waldo_promise_when(promise, answered, a));
}

waldo_promise *
send_word(fixture *f, const char *word)
{
	return waldo_ref_invoke(f->gate, "login", "{ss}n", "word", word);
}

waldo_ref *
log_in(fixture *f, const char *word)
{
	answer a;

	want(send_word(f, word), &a);
	until(f, a.count > 0);
	assert_string_equal(a.text, "");
	return a.ref;
}

/* What a promise comes to. */
const char *
outcome(fixture *f, waldo_promise *promise)
{
	static answer a;

	want(promise, &a);
	until(f, a.count > 0);
	assert_int_equal(a.count, 1);
	waldo_ref_release(a.ref);
	return a.ref != NULL ? "a reference" : a.text;
}

const char *
ask(fixture *f, waldo_ref *ref, const char *method)
{
	return outcome(f, waldo_ref_invoke(ref, method, ""));
}
