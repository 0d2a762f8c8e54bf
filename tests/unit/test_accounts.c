/* SPDX-License-Identifier: MIT */
/* Accounts: each way to log in with one, who may not, and what guessing
 * costs. */
#include "waldo_test.h"

#include "server/store/accounts.h"
#include "server/store/attempts.h"
#include <waldo/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FAILED "waldo.Denied: login failed"

static const waldoi_verify_cost cheap = {crypto_pwhash_OPSLIMIT_MIN,
                                         crypto_pwhash_MEMLIMIT_MIN};
/* Some ten milliseconds. */
static const waldoi_verify_cost dear = {2, 16 * 1024 * 1024};

typedef struct fixture {
	char folder[32], path[48], uri[200];
	waldo_node *server, *client;
	waldo_key *key;
	waldo_accounts *accounts;
	waldo_portal *portal;
	waldo_ref *portal_ref, *gate;
	char log[400]; /* the last line */
} fixture;

/* ---- a realm whose perspectives tell their names */

static void
name(void *self, waldo_call *call)
{
	waldo_call_reply(call, "s", self);
}

static const waldo_method methods[] = {{"name", name, NULL, 0}, {0}};
static const waldo_class avatar_class = {WALDO_CLASS_SIZES, "Avatar", methods,
                                         free, NULL};

static void
realm(void *self, waldo_login *login)
{
	fixture *f = self;
	waldo_ref *ref = NULL;

	if (waldo_object_new(f->server, &avatar_class,
	                     strdup(waldo_login_get_account(login)),
	                     &ref) != WALDO_OK) {
		abort();
	}
	waldo_login_admit(login, ref, NULL, NULL);
	waldo_ref_release(ref);
}

static void
keep_line(waldo_log_level level, const char *line, void *user)
{
	fixture *f = user;

	(void) level;
	snprintf(f->log, sizeof(f->log), "%s", line);
}

/* ---- two nodes of one thread, the link between them encrypted */

static int
open_server(fixture *f)
{
	waldo_node_options options = {
	    .size = sizeof(options), .log = keep_line, .log_user = f};
	waldo_portal_options portal = {
	    .size = sizeof(portal), .realm = realm, .self = f};
	waldo_listener *listener = NULL;

	if (waldo_node_new(&options, &f->server) != WALDO_OK ||
	    waldo_accounts_open(f->server, f->path, &f->accounts) != WALDO_OK ||
	    waldoi_accounts_tune(f->accounts, cheap, 1000000, NULL) !=
	        WALDO_OK ||
	    waldo_portal_new(f->server, &portal, &f->portal, &f->portal_ref) !=
	        WALDO_OK ||
	    waldo_portal_add_accounts(f->portal, f->accounts) != WALDO_OK ||
	    waldo_publish(f->server, "gate", f->portal_ref) != WALDO_OK ||
	    waldo_listen(f->server, "tcp:127.0.0.1:0", &listener) != WALDO_OK) {
		return -1;
	}
	snprintf(f->uri, sizeof(f->uri), "%s/gate",
	         waldo_listener_get_uri(listener));
	return 0;
}

static int
open_client(fixture *f)
{
	waldo_node_options options = {.size = sizeof(options), .key = f->key};

	return waldo_node_new(&options, &f->client) == WALDO_OK &&
	               waldo_connect(f->client, f->uri, &f->gate) == WALDO_OK
	           ? 0
	           : -1;
}

static int
setup(void **state)
{
	fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->folder, "/tmp/waldo-accounts-XXXXXX");
	if (mkdtemp(f->folder) == NULL) {
		return -1;
	}
	snprintf(f->path, sizeof(f->path), "%s/store", f->folder);
	if (waldo_key_new(&f->key) != WALDO_OK || open_server(f) != 0 ||
	    open_client(f) != 0 ||
	    waldo_account_add(f->accounts, "ann") != WALDO_OK ||
	    waldo_account_set_password(f->accounts, "ann", "sesame") !=
	        WALDO_OK) {
		return -1;
	}
	return 0;
}

static void
close_client(fixture *f)
{
	waldo_ref_release(f->gate);
	waldo_node_free(f->client);
	f->gate = NULL;
	f->client = NULL;
}

static void
close_server(fixture *f)
{
	waldo_ref_release(f->portal_ref);
	waldo_node_free(f->server);
	f->portal_ref = NULL;
	f->server = NULL;
	f->accounts = NULL;
}

static int
teardown(void **state)
{
	fixture *f = *state;
	char command[64];

	close_client(f);
	close_server(f);
	waldo_key_release(f->key);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	free(f);
	return system(command) == 0 ? 0 : -1;
}

/* ---- logging in */

typedef struct answer {
	int count;
	char text[200];
} answer;

static void
answered(waldo_reader *result, const waldo_failure *failure, void *user)
{
	answer *a = user;

	a->count++;
	if (failure != NULL) {
		snprintf(a->text, sizeof(a->text), "%s: %s", failure->type,
		         failure->message);
	} else {
		snprintf(a->text, sizeof(a->text), "%s",
		         waldo_read_str(result, NULL));
	}
}

static void
turn(fixture *f)
{
	assert_ok(waldo_node_step(f->client, 1));
	assert_ok(waldo_node_step(f->server, 1));
}

static void
await(fixture *f, const answer *a)
{
	time_t end = time(NULL) + 20;

	while (a->count == 0) {
		assert_true(time(NULL) < end);
		turn(f);
	}
}

/* Logs in and asks for the name in one flight; takes `login`. */
static void
ask(waldo_promise *login, answer *a)
{
	*a = (answer){0};
	assert_ok(waldo_promise_when(
	    waldo_ref_invoke(waldo_promise_get_ref(login), "name", ""),
	    answered, a));
	waldo_promise_release(login);
}

static const char *
outcome(fixture *f, waldo_promise *login)
{
	static answer a;

	ask(login, &a);
	await(f, &a);
	return a.text;
}

static waldo_promise *
send_password(fixture *f, const char *user, const char *password)
{
	return waldo_ref_invoke(f->gate, "login", "{ssss}n", "user", user,
	                        "password", password);
}

static const char *
by_password(fixture *f, const char *user, const char *password)
{
	return outcome(f, send_password(f, user, password));
}

static const char *
by_text(fixture *f, const char *kind, const char *text)
{
	return outcome(f,
	               waldo_ref_invoke(f->gate, "login", "{ss}n", kind, text));
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- passwords */

static void
the_right_password_lets_in(void **state)
{
	fixture *f = *state;

	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
}

static void
whatever_is_wrong_is_told_alike_and_logged_apart(void **state)
{
	fixture *f = *state;

	assert_ok(waldo_account_add(f->accounts, "bob"));
	assert_ok(waldo_account_add(f->accounts, "eve"));
	assert_ok(waldo_account_set_password(f->accounts, "eve", "apple"));
	assert_ok(waldo_account_disable(f->accounts, "eve", true));
	assert_string_equal(by_password(f, "ann", "sesam"), FAILED);
	assert_non_null(strstr(f->log, "denied='ann: wrong password'"));
	assert_string_equal(by_password(f, "nobody", "sesame"), FAILED);
	assert_non_null(
	    strstr(f->log, "denied='nobody: there is no such account'"));
	assert_string_equal(by_password(f, "bob", "sesame"), FAILED);
	assert_non_null(
	    strstr(f->log, "denied='bob: the account has no password'"));
	assert_string_equal(by_password(f, "eve", "apple"), FAILED);
	assert_non_null(
	    strstr(f->log, "denied='eve: the account is disabled'"));
	assert_null(strstr(f->log, "apple"));
}

static int
compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *) a, right = *(const int64_t *) b;

	return (left > right) - (left < right);
}

static int64_t
median_time(fixture *f, const char *user)
{
	int64_t times[9];

	for (int i = 0; i < 9; i++) {
		int64_t since = now_us();

		assert_string_equal(by_password(f, user, "wrong"), FAILED);
		times[i] = now_us() - since;
	}
	qsort(times, 9, sizeof(*times), compare);
	return times[4];
}

static void
who_is_not_there_takes_as_long(void **state)
{
	fixture *f = *state;
	int64_t known, unknown, without;

	/* The throttle sleeps. */
	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	assert_ok(waldo_account_add(f->accounts, "bob"));
	known = median_time(f, "ann");
	unknown = median_time(f, "nobody");
	without = median_time(f, "bob");
	assert_true(known > 5000);
	assert_in_range(unknown, known / 2, known * 2);
	assert_in_range(without, known / 2, known * 2);
}

static void
a_disabled_account_can_be_enabled_again(void **state)
{
	fixture *f = *state;

	assert_ok(waldo_account_disable(f->accounts, "ann", true));
	assert_string_equal(by_password(f, "ann", "sesame"), FAILED);
	assert_ok(waldo_account_disable(f->accounts, "ann", false));
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_ok(waldo_account_set_password(f->accounts, "ann", NULL));
	assert_string_equal(by_password(f, "ann", "sesame"), FAILED);
}

static void
what_another_process_changes_counts_at_once(void **state)
{
	fixture *f = *state;
	waldo_node *node;
	waldo_accounts *other;

	assert_ok(waldo_node_new(NULL, &node));
	assert_ok(waldo_accounts_open(node, f->path, &other));
	assert_ok(waldo_account_disable(other, "ann", true));
	assert_string_equal(by_password(f, "ann", "sesame"), FAILED);
	assert_ok(waldo_account_disable(other, "ann", false));
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	waldo_accounts_close(other);
	waldo_node_free(node);
}

static void
an_account_disabled_while_its_password_is_verified_stays_out(void **state)
{
	fixture *f = *state;
	answer a;

	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	ask(send_password(f, "ann", "sesame"), &a);
	for (int i = 0; i < 3; i++) {
		turn(f);
	}
	assert_int_equal(a.count, 0);
	assert_ok(waldo_account_disable(f->accounts, "ann", true));
	await(f, &a);
	assert_string_equal(a.text, FAILED);
}

static void
many_log_in_at_the_same_time(void **state)
{
	fixture *f = *state;
	answer a[30];

	for (int i = 0; i < 30; i++) {
		ask(send_password(f, "ann", i % 3 == 0 ? "no" : "sesame"),
		    &a[i]);
	}
	for (int i = 0; i < 30; i++) {
		await(f, &a[i]);
		assert_string_equal(a[i].text, i % 3 == 0 ? FAILED : "ann");
	}
}

static void
more_than_can_wait_are_told_so(void **state)
{
	fixture *f = *state;
	answer a[60];
	int refused = 0, in = 0;

	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	for (int i = 0; i < 60; i++) {
		ask(send_password(f, "ann", "sesame"), &a[i]);
	}
	for (int i = 0; i < 60; i++) {
		await(f, &a[i]);
		refused += strcmp(a[i].text, "waldo.Limit: login: too many "
		                             "logins at a time") == 0;
		in += strcmp(a[i].text, "ann") == 0;
	}
	assert_int_equal(in + refused, 60);
	assert_true(in >= WALDOI_VERIFY_WAITING);
	assert_true(refused > 0);
}

/* ---- tokens and keys */

static void
a_token_lets_in(void **state)
{
	fixture *f = *state;
	char token[WALDO_TOKEN_TEXT], other[WALDO_TOKEN_TEXT];

	assert_ok(waldo_account_add_token(f->accounts, "ann", token));
	assert_ok(waldo_account_add_token(f->accounts, "ann", other));
	assert_int_equal(strlen(token), WALDO_TOKEN_TEXT - 1);
	assert_string_equal(by_text(f, "token", token), "ann");
	assert_string_equal(by_text(f, "token", other), "ann");
	token[5] = token[5] == 'A' ? 'B' : 'A';
	assert_string_equal(by_text(f, "token", token), FAILED);
	assert_string_equal(by_text(f, "token", ""), FAILED);
	assert_ok(waldo_account_disable(f->accounts, "ann", true));
	assert_string_equal(by_text(f, "token", other), FAILED);
}

static void
the_key_of_the_link_lets_in(void **state)
{
	fixture *f = *state;

	assert_string_equal(by_text(f, "key", ""), FAILED);
	assert_ok(waldo_account_add_key(f->accounts, "ann",
	                                waldo_key_get_public(f->key)));
	assert_string_equal(by_text(f, "key", ""), "ann");
	assert_string_equal(by_text(f, "key", "ann"), "ann");
	assert_string_equal(by_text(f, "key", "bob"), FAILED);
	assert_ok(waldo_account_disable(f->accounts, "ann", true));
	assert_string_equal(by_text(f, "key", ""), FAILED);
}

static void
without_a_key_there_is_no_login_by_key(void **state)
{
	fixture *f = *state;

	assert_ok(waldo_account_add_key(f->accounts, "ann",
	                                waldo_key_get_public(f->key)));
	assert_ok(waldo_listen(f->server, "inproc:accounts", NULL));
	waldo_ref_release(f->gate);
	assert_ok(
	    waldo_connect(f->client, "waldo+inproc:accounts/gate", &f->gate));
	assert_string_equal(by_text(f, "key", ""), FAILED);
}

static void
a_key_belongs_to_one_account(void **state)
{
	fixture *f = *state;
	const uint8_t *key = waldo_key_get_public(f->key);

	assert_ok(waldo_account_add(f->accounts, "bob"));
	assert_ok(waldo_account_add_key(f->accounts, "ann", key));
	assert_ok(waldo_account_add_key(f->accounts, "ann", key));
	assert_err(waldo_account_add_key(f->accounts, "bob", key),
	           WALDO_EINVAL);
	assert_string_equal(by_text(f, "key", ""), "ann");
}

/* ---- what is kept */

static void
names_are_checked(void **state)
{
	fixture *f = *state;
	static const char *const bad[] = {"", "a\nb", "a\x7f", "\xff\xfe",
	                                  "a\xc2\x85z"};
	char long_name[66];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_err(waldo_account_add(f->accounts, bad[i]),
		           WALDO_EINVAL);
	}
	memset(long_name, 'x', 65);
	long_name[65] = '\0';
	assert_err(waldo_account_add(f->accounts, long_name), WALDO_EINVAL);
	assert_ok(waldo_account_add(f->accounts, long_name + 1));
	assert_ok(waldo_account_add(f->accounts, "Zo\xc3\xab"));
	assert_err(waldo_account_add(f->accounts, "ann"), WALDO_EINVAL);
	assert_err(waldo_account_add(f->accounts, NULL), WALDO_EINVAL);
	assert_err(waldo_account_set_password(f->accounts, "ann", ""),
	           WALDO_EINVAL);
}

static void
who_is_not_there_cannot_be_changed(void **state)
{
	fixture *f = *state;
	char token[WALDO_TOKEN_TEXT] = "";

	assert_err(waldo_account_set_password(f->accounts, "bob", "x"),
	           WALDO_ENAME);
	assert_string_equal(waldo_node_get_message(f->server),
	                    "accounts: there is no account 'bob'");
	assert_err(waldo_account_add_key(f->accounts, "bob",
	                                 waldo_key_get_public(f->key)),
	           WALDO_ENAME);
	assert_err(waldo_account_add_token(f->accounts, "bob", token),
	           WALDO_ENAME);
	assert_string_equal(token, "");
	assert_err(waldo_account_disable(f->accounts, "bob", true),
	           WALDO_ENAME);
	assert_err(waldo_account_remove(f->accounts, "bob"), WALDO_ENAME);
}

static void
what_belonged_to_an_account_goes_with_it(void **state)
{
	fixture *f = *state;
	char token[WALDO_TOKEN_TEXT];

	assert_ok(waldo_account_add_token(f->accounts, "ann", token));
	assert_ok(waldo_account_add_key(f->accounts, "ann",
	                                waldo_key_get_public(f->key)));
	assert_ok(waldo_account_remove(f->accounts, "ann"));
	assert_ok(waldo_account_add(f->accounts, "ann"));
	assert_string_equal(by_text(f, "token", token), FAILED);
	assert_string_equal(by_text(f, "key", "ann"), FAILED);
	assert_string_equal(by_password(f, "ann", "sesame"), FAILED);
}

struct listed {
	char text[300];
	int64_t made, last_login;
};

static void
list_one(const waldo_account_info *info, void *user)
{
	struct listed *l = user;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%s%s %d%d %u %u",
	         len == 0 ? "" : ", ", info->name, info->disabled,
	         info->has_password, info->keys, info->tokens);
	l->made = info->made;
	l->last_login = info->last_login;
}

static void
they_are_listed_and_survive_a_restart(void **state)
{
	fixture *f = *state;
	struct listed before = {0}, after = {0};
	char token[WALDO_TOKEN_TEXT];

	assert_ok(waldo_account_add_token(f->accounts, "ann", token));
	assert_ok(waldo_accounts_list(f->accounts, list_one, &before));
	assert_string_equal(before.text, "ann 01 0 1");
	assert_int_equal(before.last_login, 0);
	assert_true(before.made > 0);
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_ok(waldo_account_add(f->accounts, "Abe"));
	assert_ok(waldo_account_disable(f->accounts, "Abe", true));
	assert_ok(waldo_account_add_key(f->accounts, "Abe",
	                                waldo_key_get_public(f->key)));
	close_client(f);
	close_server(f);
	assert_int_equal(open_server(f), 0);
	assert_int_equal(open_client(f), 0);
	assert_ok(waldo_accounts_list(f->accounts, list_one, &after));
	assert_string_equal(after.text, "Abe 10 1 0, ann 01 0 1");
	assert_true(after.last_login >= before.made);
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_string_equal(by_text(f, "token", token), "ann");
}

/* Whether any file of the store has these bytes. */
static bool
is_in_store(fixture *f, const char *bytes)
{
	char command[200];

	snprintf(command, sizeof(command), "grep -rqaF -e '%s' %s", bytes,
	         f->folder);
	return system(command) == 0;
}

static void
neither_password_nor_token_is_in_the_file(void **state)
{
	fixture *f = *state;
	char token[WALDO_TOKEN_TEXT];

	assert_ok(waldo_account_add_token(f->accounts, "ann", token));
	assert_true(is_in_store(f, "$argon2id$"));
	assert_false(is_in_store(f, "sesame"));
	assert_false(is_in_store(f, token));
}

/* ---- guessing */

static void
after_five_failures_an_attempt_waits(void **state)
{
	fixture *f = *state;
	int64_t since;

	assert_ok(waldoi_accounts_tune(f->accounts, cheap, 50000, NULL));
	for (int i = 0; i < 5; i++) {
		assert_string_equal(by_password(f, "ann", "no"), FAILED);
	}
	since = now_us();
	assert_string_equal(by_password(f, "ann", "no"), FAILED);
	assert_true(now_us() - since >= 50000);
	since = now_us();
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
	assert_true(now_us() - since >= 100000);
}

static void
few_of_one_source_may_wait(void **state)
{
	fixture *f = *state;
	answer a[8];
	int refused = 0;

	assert_ok(waldoi_accounts_tune(f->accounts, cheap, 100000, NULL));
	for (int i = 0; i < 5; i++) {
		assert_string_equal(by_text(f, "token", "x"), FAILED);
	}
	for (int i = 0; i < 8; i++) {
		ask(send_password(f, "ann", "sesame"), &a[i]);
	}
	for (int i = 0; i < 8; i++) {
		await(f, &a[i]);
		refused +=
		    strcmp(a[i].text, "waldo.Limit: login: too many attempts; "
		                      "wait a minute") == 0;
	}
	assert_int_equal(refused, 8 - WALDOI_WAITING_OF_SOURCE);
}

static void
a_key_need_not_wait(void **state)
{
	fixture *f = *state;

	assert_ok(waldo_account_add_key(f->accounts, "ann",
	                                waldo_key_get_public(f->key)));
	assert_ok(waldoi_accounts_tune(f->accounts, cheap, 1000000000, NULL));
	for (int i = 0; i < 5; i++) {
		assert_string_equal(by_password(f, "ann", "no"), FAILED);
	}
	assert_string_equal(by_text(f, "key", ""), "ann");
}

static bool
same_source(waldoi_attempts *attempts, const char *a, const char *b)
{
	waldo_peer left = {a, NULL, -1, -1}, right = {b, NULL, -1, -1};
	waldoi_attempts_key one, other;

	waldoi_attempts_of_peer(attempts, &left, &one);
	waldoi_attempts_of_peer(attempts, &right, &other);
	return memcmp(&one, &other, sizeof(one)) == 0;
}

static void
a_source_is_a_host_or_its_network(void **state)
{
	waldoi_attempts *a = waldoi_attempts_new(1);

	(void) state;
	assert_true(same_source(a, "tcp:192.0.2.7:1", "tcp:192.0.2.7:2"));
	assert_true(
	    same_source(a, "tcp:192.0.2.7:1", "tcp-insecure:192.0.2.7:1"));
	assert_true(
	    same_source(a, "tcp:192.0.2.7:1", "tcp:[::ffff:192.0.2.7]:1"));
	assert_false(same_source(a, "tcp:192.0.2.7:1", "tcp:192.0.2.8:1"));
	assert_true(same_source(a, "tcp:[2001:db8::1]:1",
	                        "tcp:[2001:db8:0:0:ffff::2]:9"));
	assert_false(
	    same_source(a, "tcp:[2001:db8::1]:1", "tcp:[2001:db8:0:1::1]:1"));
	assert_false(same_source(a, "tcp:192.0.2.7:1", "unix:"));
	waldoi_attempts_free(a);
}

static void
the_wait_doubles_up_to_a_minute(void **state)
{
	static const int64_t waits[] = {0, 0, 0,  0,  0,  1, 2,
	                                4, 8, 16, 32, 60, 60};
	waldoi_attempts *a = waldoi_attempts_new(1000);
	waldoi_attempts_key key;

	(void) state;
	waldoi_attempts_of_account(a, "ann", &key);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		assert_int_equal(waldoi_attempts_wait(a, &key, 5),
		                 waits[i] * 1000);
		waldoi_attempts_fail(a, &key, 5);
	}
	assert_int_equal(waldoi_attempts_wait(a, &key, 600005), 60000);
	assert_int_equal(waldoi_attempts_wait(a, &key, 600006), 0);
	for (int i = 0; i < 6; i++) {
		waldoi_attempts_fail(a, &key, 5);
	}
	waldoi_attempts_forget(a, &key);
	assert_int_equal(waldoi_attempts_wait(a, &key, 5), 0);
	waldoi_attempts_free(a);
}

static void
what_failed_longest_ago_is_forgotten_first(void **state)
{
	waldoi_attempts *a = waldoi_attempts_new(1000);
	waldoi_attempts_key first, second, other;
	char text[20];

	(void) state;
	waldoi_attempts_of_account(a, "first", &first);
	waldoi_attempts_of_account(a, "second", &second);
	for (int i = 0; i < 6; i++) {
		waldoi_attempts_fail(a, &first, 1);
		waldoi_attempts_fail(a, &second, 1);
	}
	waldoi_attempts_fail(a, &first, 2);
	for (int i = 0; i < WALDOI_ATTEMPTS - 1; i++) {
		snprintf(text, sizeof(text), "%d", i);
		waldoi_attempts_of_account(a, text, &other);
		waldoi_attempts_fail(a, &other, 3);
	}
	assert_int_equal(waldoi_attempts_wait(a, &second, 3), 0);
	assert_true(waldoi_attempts_wait(a, &first, 3) > 0);
	waldoi_attempts_free(a);
}

/* ---- ends */

static void
the_node_may_be_freed_while_passwords_are_verified(void **state)
{
	fixture *f = *state;
	answer a[20];

	assert_ok(waldoi_accounts_tune(f->accounts, dear, 1000000, NULL));
	assert_ok(waldo_account_set_password(f->accounts, "ann", "sesame"));
	for (int i = 0; i < 20; i++) {
		ask(send_password(f, "ann", "sesame"), &a[i]);
	}
	while (a[0].count == 0) {
		turn(f);
	}
	close_server(f);
	assert_int_equal(open_server(f), 0);
	for (int i = 0; i < 20; i++) {
		await(f, &a[i]);
	}
	assert_string_equal(a[0].text, "ann");
	assert_non_null(strstr(a[19].text, "waldo.Lost"));
}

static void
the_node_may_be_freed_while_attempts_wait(void **state)
{
	fixture *f = *state;
	answer a;

	assert_ok(waldoi_accounts_tune(f->accounts, cheap, 1000000, NULL));
	for (int i = 0; i < 5; i++) {
		assert_string_equal(by_text(f, "token", "x"), FAILED);
	}
	ask(send_password(f, "ann", "sesame"), &a);
	for (int i = 0; i < 20; i++) {
		turn(f);
	}
	close_server(f);
	assert_int_equal(open_server(f), 0);
	await(f, &a);
	assert_non_null(strstr(a.text, "waldo.Lost"));
}

static void
a_portal_keeps_the_accounts(void **state)
{
	fixture *f = *state;

	waldo_accounts_close(f->accounts);
	f->accounts = NULL;
	assert_string_equal(by_password(f, "ann", "sesame"), "ann");
}

static void
accounts_may_be_closed_after_the_portal(void **state)
{
	fixture *f = *state;

	waldo_unpublish(f->server, "gate");
	waldo_ref_release(f->portal_ref);
	f->portal_ref = NULL;
	waldo_accounts_close(f->accounts);
	waldo_accounts_close(NULL);
	f->accounts = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(the_right_password_lets_in),
	    waldo_test(whatever_is_wrong_is_told_alike_and_logged_apart),
	    waldo_test(who_is_not_there_takes_as_long),
	    waldo_test(a_disabled_account_can_be_enabled_again),
	    waldo_test(what_another_process_changes_counts_at_once),
	    waldo_test(
	        an_account_disabled_while_its_password_is_verified_stays_out),
	    waldo_test(many_log_in_at_the_same_time),
	    waldo_test(more_than_can_wait_are_told_so),
	    waldo_test(a_token_lets_in),
	    waldo_test(the_key_of_the_link_lets_in),
	    waldo_test(without_a_key_there_is_no_login_by_key),
	    waldo_test(a_key_belongs_to_one_account),
	    waldo_test(names_are_checked),
	    waldo_test(who_is_not_there_cannot_be_changed),
	    waldo_test(what_belonged_to_an_account_goes_with_it),
	    waldo_test(they_are_listed_and_survive_a_restart),
	    waldo_test(neither_password_nor_token_is_in_the_file),
	    waldo_test(after_five_failures_an_attempt_waits),
	    waldo_test(few_of_one_source_may_wait),
	    waldo_test(a_key_need_not_wait),
	    cmocka_unit_test(a_source_is_a_host_or_its_network),
	    cmocka_unit_test(the_wait_doubles_up_to_a_minute),
	    cmocka_unit_test(what_failed_longest_ago_is_forgotten_first),
	    waldo_test(the_node_may_be_freed_while_passwords_are_verified),
	    waldo_test(the_node_may_be_freed_while_attempts_wait),
	    waldo_test(a_portal_keeps_the_accounts),
	    waldo_test(accounts_may_be_closed_after_the_portal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
