/* SPDX-License-Identifier: MIT */
/* Portals: who is let in, as whom, and that he is logged out exactly once. */
#include "tests/waldo_test.h"

#include "server/portal.h"
#include <waldo/client.h>
#include <waldo/portal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MANY 8

/* The realm's perspective. */
typedef struct avatar {
	struct fixture *f;
	char account[40];
	int logouts;
} avatar;

typedef struct fixture {
	waldo_node *server, *client;
	waldo_portal *portal;
	waldo_ref *portal_ref, *gate;
	avatar avatars[MANY]; /* in the order in which they were admitted */
	int admitted, logouts, destroyed, asked;
	char order[200]; /* of logins and logouts */
	bool later;      /* checkers and realm answer when they are told to */
	waldo_login *held;
	waldo_ref *mind;
	waldo_call *call;
	char log[4000];
} fixture;

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

static void
logged_out(void *user)
{
	avatar *a = user;

	a->logouts++;
	a->f->logouts++;
	note(a->f, "out", a->account);
}

static void
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

static void
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

static void
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

static void
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

static int
setup(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_ALLOW, NULL, NULL);
}

static int
setup_replace(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_REPLACE, NULL, NULL);
}

static int
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

static int
setup_wary(void **state)
{
	*state = calloc(1, sizeof(fixture));
	return open_portal(*state, WALDO_SECOND_ALLOW, &guests, &strangers);
}

/* Every test: whoever was admitted was logged out once, and is gone. */
static int
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

static void
turn(fixture *f)
{
	assert_ok(waldo_node_step(f->client, 1));
	if (f->server != NULL) {
		assert_ok(waldo_node_step(f->server, 1));
	}
}

static void
turns(fixture *f, int count)
{
	for (int i = 0; i < count; i++) {
		turn(f);
	}
}

#define until(f, claim)                                                        \
	for (int left_ = 1000; !(claim); left_--) {                            \
		assert_true(left_ > 0);                                        \
		turn(f);                                                       \
	}

typedef struct answer {
	int count;
	waldo_ref *ref;
	char text[300]; /* its text, or "code type: message" */
} answer;

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

static void
want(waldo_promise *promise, answer *a)
{
	*a = (answer){0};
	assert_ok(waldo_promise_when(promise, answered, a));
}

static waldo_promise *
send_word(fixture *f, const char *word)
{
	return waldo_ref_invoke(f->gate, "login", "{ss}n", "word", word);
}

static waldo_ref *
log_in(fixture *f, const char *word)
{
	answer a;

	want(send_word(f, word), &a);
	until(f, a.count > 0);
	assert_string_equal(a.text, "");
	return a.ref;
}

/* What a promise comes to. */
static const char *
outcome(fixture *f, waldo_promise *promise)
{
	static answer a;

	want(promise, &a);
	until(f, a.count > 0);
	assert_int_equal(a.count, 1);
	waldo_ref_release(a.ref);
	return a.ref != NULL ? "a reference" : a.text;
}

static const char *
ask(fixture *f, waldo_ref *ref, const char *method)
{
	return outcome(f, waldo_ref_invoke(ref, method, ""));
}

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

/* Ends a login that the realm thinks about; then the realm admits it. */
static void
lose_and_admit(fixture *f, waldo_promise *login,
               void (*lose)(fixture *f, waldo_promise *login))
{
	f->later = true;
	until(f, f->held != NULL);
	waldo_login_accept(f->held, "bob");
	f->held = NULL;
	until(f, f->held != NULL);
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
	until(f, f->held != NULL);
	waldo_login_accept(f->held, "bob");
	f->held = NULL;
	until(f, f->held != NULL);
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

static void
a_second_login_ends_one_that_the_realm_thinks_about(void **state)
{
	fixture *f = *state;
	waldo_login *first;
	answer a, b;

	want(send_word(f, "bob"), &a);
	f->later = true;
	until(f, f->held != NULL);
	waldo_login_accept(f->held, "bob");
	f->held = NULL;
	until(f, f->held != NULL);
	first = f->held;
	f->later = false;
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

#define of(setup_, name) cmocka_unit_test_setup_teardown(name, setup_, teardown)

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
