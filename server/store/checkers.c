/* SPDX-License-Identifier: MIT */
/* How accounts are asked: by password, token or key, and not too often. */
#include "server/store/accounts.h"

#include "serial/api.h"
#include "server/store/attempts.h"
#include "server/store/throttle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(number) #number
#define TEXT(macro)     TEXT_OF(macro)
#define WAITING         TEXT(WALDOI_VERIFY_WAITING)

/* One login by password or token that we think about. */
typedef struct waldoi_attempt {
	LIST_ENTRY(waldoi_attempt) entry;
	waldo_accounts *accounts;
	waldo_login *login;
	void (*begin)(struct waldoi_attempt *attempt);
	waldo_watch *wait; /* NULL: it does not wait, or not any more */
	waldoi_attempts_key account, source;
	bool by_account; /* failures count for the account, too */
	waldoi_person person;
	bool known;
	waldoi_verify task;
} attempt;

/* ---- answers */

static void
attempt_free(attempt *a)
{
	if (a->wait != NULL) {
		a->accounts->waiting--;
		waldo_watch_stop(a->wait);
	}
	LIST_REMOVE(a, entry);
	sodium_memzero(a, sizeof(*a));
	free(a);
}

static void
deny(waldo_login *login, const char *who, const char *why)
{
	char text[160];

	(void) snprintf(text, sizeof(text), "%s: %s", who, why);
	waldo_login_deny(login, text);
}

/* The answer ends the login, and with it maybe the accounts: it is last. */
static void
fail_attempt(attempt *a, const char *why)
{
	waldo_accounts *accounts = a->accounts;
	int64_t now = accounts->now();
	waldo_login *login = a->login;
	const uint8_t *key = waldo_login_get_peer(login)->key;
	char who[WALDOI_ACCOUNT_NAME + 1];

	waldoi_attempts_fail(accounts->attempts, &a->source, now);
	if (key != NULL) {
		waldoi_throttle_miss(accounts->throttle, key, now);
	}
	if (a->by_account) {
		waldoi_attempts_fail(accounts->attempts, &a->account, now);
	}
	(void) snprintf(who, sizeof(who), "%s",
	                a->by_account ? waldo_login_get(login, "user")
	                : a->known    ? a->person.name
	                              : "token");
	attempt_free(a);
	deny(login, who, why);
}

static void
postpone(attempt *a, const char *why)
{
	waldo_login *login = a->login;

	attempt_free(a);
	waldo_login_postpone(login, why);
}

/* Notes that it is in; false, and denied, if it may not any more. */
static bool
see(waldo_accounts *accounts, waldo_login *login, const waldoi_person *person)
{
	waldo_err err = waldoi_people_see(&accounts->people, person->id);

	if (err == WALDO_ENAME) {
		deny(login, person->name, "the account is disabled or gone");
		return false;
	}
	/* Who may log in can do so while the disk is full. */
	if (err != WALDO_OK) {
		waldo_node_log(accounts->node, WALDO_LOG_ERROR, "accounts: %s",
		               waldo_node_get_message(accounts->node));
	}
	return true;
}

static void
accept_attempt(attempt *a)
{
	waldo_accounts *accounts = a->accounts;
	waldoi_person person = a->person;
	waldo_login *login = a->login;

	if (a->by_account) {
		waldoi_attempts_forget(accounts->attempts, &a->account);
	}
	attempt_free(a);
	if (see(accounts, login, &person)) {
		waldo_login_accept(login, person.name);
	}
	sodium_memzero(&person, sizeof(person));
}

/* The store could not be asked. */
static void
fail_store(waldo_accounts *accounts)
{
	waldo_node_log(accounts->node, WALDO_LOG_ERROR, "accounts: %s",
	               waldo_node_get_message(accounts->node));
}

/* ---- passwords */

static void
password_verified(waldoi_verify *task)
{
	attempt *a =
	    (attempt *) (void *) ((char *) task - offsetof(attempt, task));

	if (a->accounts->closed) {
		waldo_login *login = a->login;

		attempt_free(a);
		waldo_login_deny(login, "the accounts were closed");
	} else if (!a->known) {
		fail_attempt(a, "there is no such account");
	} else if (a->task.verifier[0] == '\0') {
		fail_attempt(a, "the account has no password");
	} else if (!task->good) {
		fail_attempt(a, "wrong password");
	} else if (a->person.disabled) {
		fail_attempt(a, "the account is disabled");
	} else {
		accept_attempt(a);
	}
}

/* Whoever it is, and whether it is anybody: as much is computed. */
static void
begin_password(attempt *a)
{
	waldo_accounts *accounts = a->accounts;
	waldo_err err = waldoi_people_by_name(
	    &accounts->people, waldo_login_get(a->login, "user"), &a->person);

	if (err != WALDO_OK && err != WALDO_ENAME) {
		fail_store(accounts);
		postpone(a, "login: the accounts cannot be read");
		return;
	}
	a->known = err == WALDO_OK;
	a->task.password = waldo_login_get(a->login, "password");
	a->task.cost = accounts->cost;
	a->task.done = password_verified;
	if (a->known) {
		memcpy(a->task.verifier, a->person.verifier,
		       sizeof(a->task.verifier));
	}
	if (accounts->verifiers == NULL) {
		accounts->verifiers = waldoi_verifiers_new(accounts->node);
	}
	err = accounts->verifiers == NULL
	          ? WALDO_ENOMEM
	          : waldoi_verifiers_submit(accounts->verifiers, &a->task);
	if (err != WALDO_OK) {
		postpone(a, err == WALDO_ELIMIT
		                ? "login: passwords: at most " WAITING
		                  " wait to be verified"
		                : "login: passwords cannot be verified now");
	}
}

/* ---- tokens */

static void
begin_token(attempt *a)
{
	waldo_accounts *accounts = a->accounts;
	waldo_err err = waldoi_people_by_token(
	    &accounts->people, waldo_login_get(a->login, "token"), &a->person);

	a->known = err == WALDO_OK;
	if (err == WALDO_ENAME) {
		fail_attempt(a, "there is no such token");
	} else if (err != WALDO_OK) {
		fail_store(accounts);
		postpone(a, "login: the accounts cannot be read");
	} else if (a->person.disabled) {
		fail_attempt(a, "the account is disabled");
	} else {
		accept_attempt(a);
	}
}

/* ---- waiting */

static void
waited(void *user)
{
	attempt *a = user;

	a->accounts->waiting--;
	waldo_watch_stop(a->wait);
	a->wait = NULL;
	a->begin(a);
}

static bool
may_wait(const attempt *a)
{
	const attempt *other;
	size_t count = 0;

	LIST_FOREACH(other, &a->accounts->under_way, entry) {
		count +=
		    other->wait != NULL &&
		    memcmp(&other->source, &a->source, sizeof(a->source)) == 0;
	}
	return count < WALDOI_WAITING_OF_SOURCE &&
	       a->accounts->waiting < WALDOI_WAITING;
}

/* Who has no key is not taken for all others who have none. */
static bool
may_try(const attempt *a, int64_t now)
{
	const uint8_t *key = waldo_login_get_peer(a->login)->key;

	return key == NULL ||
	       waldoi_throttle_admits(a->accounts->throttle, key, now);
}

static void
begin_or_wait(attempt *a)
{
	waldo_accounts *accounts = a->accounts;
	int64_t now = accounts->now();
	int64_t wait =
	    waldoi_attempts_wait(accounts->attempts, &a->source, now);

	if (a->by_account) {
		int64_t of_account =
		    waldoi_attempts_wait(accounts->attempts, &a->account, now);

		wait = of_account > wait ? of_account : wait;
	}
	if (!may_try(a, now) || (wait > 0 && !may_wait(a))) {
		postpone(a, "login: too many attempts; wait a minute");
	} else if (wait == 0) {
		a->begin(a);
	} else if (waldo_node_after(accounts->node,
	                            (uint32_t) ((wait + 999) / 1000), waited, a,
	                            &a->wait) != WALDO_OK) {
		a->wait = NULL;
		postpone(a, "login: out of memory");
	} else {
		accounts->waiting++;
	}
}

static void
start(waldo_accounts *accounts, waldo_login *login,
      void (*begin)(attempt *attempt), const char *name)
{
	attempt *a;

	if (accounts->closed) {
		waldo_login_deny(login, "the accounts were closed");
		return;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL) {
		waldo_login_postpone(login, "login: out of memory");
		return;
	}
	a->accounts = accounts;
	a->login = login;
	a->begin = begin;
	waldoi_attempts_of_peer(accounts->attempts, waldo_login_get_peer(login),
	                        &a->source);
	if (name != NULL) {
		a->by_account = true;
		waldoi_attempts_of_account(accounts->attempts, name,
		                           &a->account);
	}
	LIST_INSERT_HEAD(&accounts->under_way, a, entry);
	begin_or_wait(a);
}

/* ---- the checkers */

static void
check_password(void *self, waldo_login *login)
{
	start(self, login, begin_password, waldo_login_get(login, "user"));
}

static void
check_token(void *self, waldo_login *login)
{
	start(self, login, begin_token, NULL);
}

/* There is nothing to be guessed. */
static void
check_key(void *self, waldo_login *login)
{
	waldo_accounts *accounts = self;
	const uint8_t *key = waldo_login_get_peer(login)->key;
	const char *name = waldo_login_get(login, "key");
	waldoi_person person;
	waldo_err err = WALDO_ENAME;

	if (!accounts->closed && key != NULL) {
		err = waldoi_people_by_key(&accounts->people, key, &person);
	}
	if (err == WALDO_ENAME) {
		waldo_login_deny(login, key == NULL
		                            ? "key: the link proves none"
		                            : "key: no account has it");
	} else if (err != WALDO_OK) {
		fail_store(accounts);
		waldo_login_postpone(login,
		                     "login: the accounts cannot be read");
	} else if (name[0] != '\0' && strcmp(name, person.name) != 0) {
		deny(login, name, "the key is another account's");
	} else if (see(accounts, login, &person)) {
		waldo_login_accept(login, person.name);
	}
}

static void
let_go(void *self)
{
	waldoi_accounts_release(self);
}

static const waldo_checker checkers[] = {
    {sizeof(waldo_checker), "user password", check_password, let_go, true},
    {sizeof(waldo_checker), "token", check_token, let_go, true},
    {sizeof(waldo_checker), "key", check_key, let_go, false},
};

WALDO_API waldo_err
waldo_portal_add_accounts(waldo_portal *portal, waldo_accounts *accounts)
{
	waldo_err err = WALDO_OK;

	if (portal == NULL || accounts == NULL || accounts->closed) {
		return WALDO_EINVAL;
	}
	for (size_t i = 0;
	     i < sizeof(checkers) / sizeof(*checkers) && err == WALDO_OK; i++) {
		err = waldo_portal_add_checker(portal, &checkers[i], accounts);
		accounts->users += err == WALDO_OK;
	}
	return err;
}

void
waldoi_accounts_end_attempts(waldo_accounts *accounts)
{
	attempt *a;

	while ((a = LIST_FIRST(&accounts->under_way)) != NULL) {
		waldo_login *login = a->login;

		attempt_free(a);
		waldo_login_deny(login, "the accounts were closed");
	}
}
