/* SPDX-License-Identifier: MIT */
/* Accounts: each way to log in with one, who may not, and what is kept. */
#include "tests/unit/accounts_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

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
	/* It is nobody's now. */
	assert_ok(waldo_account_add_key(f->accounts, "ann",
	                                waldo_key_get_public(f->key)));
	assert_string_equal(by_text(f, "key", ""), "ann");
}

struct listed {
	char text[4000];
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

/* ---- what survives */

enum { ROUNDS = 200, STEPS = 6 };

/* What a process does to accounts until it is killed: six steps for each, in
 * the same order every time, so that their number says how all stand. */
static waldo_err
take_step(waldo_accounts *accounts, int round, int step)
{
	uint8_t key[WALDO_KEY_BYTES] = {9};
	char who[32], token[WALDO_TOKEN_TEXT];
	int number = step / STEPS;

	(void) snprintf(who, sizeof(who), "%d-%03d", round, number);
	memcpy(key + 1, &round, sizeof(round));
	memcpy(key + 9, &number, sizeof(number));
	switch (step % STEPS) {
	case 0: return waldo_account_add(accounts, who);
	case 1: return waldo_account_add_token(accounts, who, token);
	case 2: return waldo_account_set_password(accounts, who, "sesame");
	case 3: return waldo_account_add_key(accounts, who, key);
	case 4: return waldo_account_disable(accounts, who, true);
	default:
		return number % 2 == 0
		           ? waldo_account_remove(accounts, who)
		           : waldo_account_disable(accounts, who, false);
	}
}

/* How they stand after so many steps, as list_one() writes it. */
static void
stand_after(int steps, int round, struct listed *ret)
{
	struct listed all = {0};

	for (int number = 0; number * STEPS < steps; number++) {
		int done = steps - number * STEPS;
		char who[32];
		waldo_account_info info = {.name = who,
		                           .tokens = done > 1,
		                           .has_password = done > 2,
		                           .keys = done > 3,
		                           .disabled = done == 5};

		(void) snprintf(who, sizeof(who), "%d-%03d", round, number);
		if (done < STEPS || number % 2 != 0) {
			list_one(&info, &all);
		}
	}
	*ret = all;
}

static void
change_for_ever(const fixture *f, int round, int out)
{
	waldo_node *node = NULL;
	waldo_accounts *accounts = NULL;
	int step = 0;

	if (waldo_node_new(NULL, &node) != WALDO_OK ||
	    waldo_accounts_open(node, f->path, &accounts) != WALDO_OK ||
	    waldoi_accounts_tune(accounts, cheap, 1, NULL) != WALDO_OK) {
		_exit(1);
	}
	while (take_step(accounts, round, step) == WALDO_OK) {
		step++;
		if (write(out, &step, sizeof(step)) != sizeof(step)) {
			_exit(2);
		}
	}
	_exit(3);
}

/* The steps that were done, as far as it could tell, until it was killed `us`
 * after the first. */
static int
kill_while_it_changes(const fixture *f, int round, useconds_t us)
{
	int out[2], status, next, steps = 0;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void) close(out[0]);
		change_for_ever(f, round, out[1]);
	}
	(void) close(out[1]);
	while (read(out[0], &next, sizeof(next)) == sizeof(next)) {
		if (steps == 0) {
			(void) usleep(us);
			assert_int_equal(kill(pid, SIGKILL), 0);
		}
		steps = next;
	}
	(void) close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return steps;
}

/* By somebody who opens it afresh, and lets them go. */
static void
list_and_forget(const fixture *f, struct listed *ret)
{
	struct listed kept = {0};
	waldo_node *node;
	waldo_accounts *accounts;
	char *next, *who;

	assert_ok(waldo_node_new(NULL, &node));
	assert_ok(waldo_accounts_open(node, f->path, &accounts));
	assert_ok(waldo_accounts_list(accounts, list_one, &kept));
	*ret = kept;
	for (who = strtok_r(kept.text, ",", &next); who != NULL;
	     who = strtok_r(NULL, ",", &next)) {
		who += *who == ' ';
		who[strcspn(who, " ")] = '\0';
		assert_ok(waldo_account_remove(accounts, who));
	}
	waldo_accounts_close(accounts);
	waldo_node_free(node);
}

static void
no_change_is_lost_when_its_process_is_killed(void **state)
{
	fixture *f = *state;
	unsigned seed = (unsigned) getpid();
	int total = 0;

	assert_ok(waldo_account_remove(f->accounts, "ann"));
	/* SQLite takes locks of a process for held that one it was made from by
	 * fork() has. */
	close_client(f);
	close_server(f);
	for (int round = 0; round < ROUNDS; round++) {
		int steps = kill_while_it_changes(
		    f, round, (useconds_t) (rand_r(&seed) % 20000));
		struct listed done, more, found;

		stand_after(steps, round, &done);
		/* One may have been done and not told. */
		stand_after(steps + 1, round, &more);
		list_and_forget(f, &found);
		if (strcmp(found.text, more.text) != 0) {
			assert_string_equal(found.text, done.text);
		}
		total += steps;
	}
	print_message("%d changes in %d kills\n", total, ROUNDS);
}

/* ---- closing */

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
	    waldo_test(a_disabled_account_can_be_enabled_again),
	    waldo_test(what_another_process_changes_counts_at_once),
	    waldo_test(a_token_lets_in),
	    waldo_test(the_key_of_the_link_lets_in),
	    waldo_test(without_a_key_there_is_no_login_by_key),
	    waldo_test(a_key_belongs_to_one_account),
	    waldo_test(names_are_checked),
	    waldo_test(who_is_not_there_cannot_be_changed),
	    waldo_test(what_belonged_to_an_account_goes_with_it),
	    waldo_test(they_are_listed_and_survive_a_restart),
	    waldo_test(neither_password_nor_token_is_in_the_file),
	    waldo_test(no_change_is_lost_when_its_process_is_killed),
	    waldo_test(a_portal_keeps_the_accounts),
	    waldo_test(accounts_may_be_closed_after_the_portal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
