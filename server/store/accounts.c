/* SPDX-License-Identifier: MIT */
#include "server/store/accounts.h"

#include "serial/api.h"
#include "server/store/attempts.h"
#include "server/store/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_PASSWORD 1024
#define SECOND       INT64_C(1000000)

#define TEXT_OF(number) #number
#define TEXT(macro)     TEXT_OF(macro)
#define WAITING         TEXT(WALDOI_VERIFY_WAITING)

/* One login by password or token that we think about. */
typedef struct attempt {
	LIST_ENTRY(attempt) entry;
	waldo_accounts *accounts;
	waldo_login *login;
	void (*begin)(struct attempt *attempt);
	waldo_watch *wait; /* NULL: it does not wait, or not any more */
	waldoi_attempts_key account, source;
	bool by_account; /* failures count for the account, too */
	waldoi_person person;
	bool known;
	waldoi_verify task;
} attempt;

struct waldo_accounts {
	waldo_node *node;
	waldo_ref *object; /* whose `self` this is, and with which it closes:
	                    * retained as long as there are users */
	size_t users;      /* the handle and the checkers */
	bool handle;       /* the user's is among them */
	bool closed;
	waldoi_store *store;
	waldoi_people people;
	waldoi_verifiers *verifiers; /* NULL: nobody has come with a password */
	waldoi_attempts *attempts;
	waldoi_verify_cost cost;
	int64_t (*now)(void);
	LIST_HEAD(, attempt) under_way;
	size_t waiting;
};

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
	char who[WALDOI_ACCOUNT_NAME + 1];

	waldoi_attempts_fail(accounts->attempts, &a->source, now);
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
	if (wait == 0) {
		a->begin(a);
	} else if (!may_wait(a)) {
		postpone(a, "login: too many attempts; wait a minute");
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
		                            : "key: it is nobody's");
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

static void release(waldo_accounts *accounts);

static void
let_go(void *self)
{
	release(self);
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

/* ---- opening and closing */

/* For the throttle: no user sets this clock. */
static int64_t
steady_now(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * SECOND + now.tv_nsec / 1000;
}

static void
shut(waldo_accounts *accounts)
{
	attempt *a;

	accounts->closed = true;
	accounts->users++; /* those who are told may be the last users */
	waldoi_verifiers_close(accounts->verifiers);
	accounts->verifiers = NULL;
	while ((a = LIST_FIRST(&accounts->under_way)) != NULL) {
		waldo_login *login = a->login;

		attempt_free(a);
		waldo_login_deny(login, "the accounts were closed");
	}
	waldoi_attempts_free(accounts->attempts);
	waldoi_store_close(accounts->store);
	accounts->attempts = NULL;
	accounts->store = NULL;
}

/* The last user has gone, or the node goes. */
static void
destroy(void *self)
{
	waldo_accounts *accounts = self;

	shut(accounts);
	if (accounts->handle) {
		accounts->handle = false;
		release(accounts);
	}
	release(accounts); /* shut()'s */
}

static void
release(waldo_accounts *accounts)
{
	waldo_ref *object = accounts->object;

	if (--accounts->users > 0) {
		return;
	}
	if (accounts->closed) {
		free(accounts);
	} else {
		accounts->object = NULL; /* with which it closes */
	}
	waldo_ref_release(object);
}

static const waldo_class accounts_class = {
    WALDO_CLASS_SIZES, "waldo.Accounts", NULL, destroy, NULL,
};

static waldo_err
open_parts(waldo_accounts *accounts, const char *path)
{
	waldo_err err = waldoi_store_open(
	    accounts->node, path, waldoi_people_schema, &accounts->store);

	if (err == WALDO_OK) {
		err = waldoi_people_open(accounts->node, accounts->store,
		                         &accounts->people);
	}
	if (err == WALDO_OK) {
		accounts->attempts = waldoi_attempts_new(SECOND);
		err = accounts->attempts != NULL
		          ? waldo_object_new(accounts->node, &accounts_class,
		                             accounts, &accounts->object)
		          : waldo_node_fail(accounts->node, WALDO_ENOMEM,
		                            "out of memory");
	}
	return err;
}

WALDO_API waldo_err
waldo_accounts_open(waldo_node *node, const char *path,
                    waldo_accounts **ret_accounts)
{
	waldo_accounts *accounts;
	waldo_err err;

	if (node == NULL || path == NULL || ret_accounts == NULL) {
		return waldo_node_fail(node, WALDO_EINVAL,
		                       "accounts: a store needs a node and a "
		                       "path");
	}
	accounts = calloc(1, sizeof(*accounts));
	if (accounts == NULL) {
		return waldo_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	accounts->node = node;
	accounts->users = 1;
	accounts->handle = true;
	accounts->cost =
	    (waldoi_verify_cost){crypto_pwhash_OPSLIMIT_INTERACTIVE,
	                         crypto_pwhash_MEMLIMIT_INTERACTIVE};
	accounts->now = steady_now;
	LIST_INIT(&accounts->under_way);
	err = open_parts(accounts, path);
	if (err != WALDO_OK) {
		waldoi_attempts_free(accounts->attempts);
		waldoi_store_close(accounts->store);
		free(accounts);
		return err;
	}
	*ret_accounts = accounts;
	return WALDO_OK;
}

WALDO_API void
waldo_accounts_close(waldo_accounts *accounts)
{
	if (accounts != NULL && accounts->handle) {
		accounts->handle = false;
		release(accounts);
	}
}

waldo_err
waldoi_accounts_tune(waldo_accounts *accounts, waldoi_verify_cost cost,
                     int64_t second, int64_t (*now)(void))
{
	waldoi_attempts *attempts = waldoi_attempts_new(second);

	if (attempts == NULL) {
		return WALDO_ENOMEM;
	}
	waldoi_attempts_free(accounts->attempts);
	accounts->attempts = attempts;
	accounts->cost = cost;
	accounts->now = now == NULL ? accounts->now : now;
	return WALDO_OK;
}

/* ---- changing */

static bool
has_controls(const char *name)
{
	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char) *name;

		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && (unsigned char) name[1] < 0xa0)) {
			return true;
		}
	}
	return false;
}

WALDO_API waldo_err
waldo_account_add(waldo_accounts *accounts, const char *name)
{
	if (accounts == NULL) {
		return WALDO_EINVAL;
	}
	if (!waldoi_store_is_text(name, WALDOI_ACCOUNT_NAME) ||
	    has_controls(name)) {
		return waldo_node_fail(accounts->node, WALDO_EINVAL,
		                       "accounts: a name has 1 to %d bytes of "
		                       "UTF-8 without control characters",
		                       WALDOI_ACCOUNT_NAME);
	}
	return waldoi_people_add(&accounts->people, name);
}

WALDO_API waldo_err
waldo_account_set_password(waldo_accounts *accounts, const char *name,
                           const char *password)
{
	char verifier[crypto_pwhash_STRBYTES];
	size_t len = password == NULL ? 0 : strlen(password);
	waldo_err err;

	if (accounts == NULL || name == NULL) {
		return WALDO_EINVAL;
	}
	if (password == NULL) {
		return waldoi_people_set_verifier(&accounts->people, name,
		                                  NULL);
	}
	if (len == 0 || len > MAX_PASSWORD) {
		return waldo_node_fail(accounts->node, WALDO_EINVAL,
		                       "accounts: a password has 1 to %d bytes",
		                       MAX_PASSWORD);
	}
	if (crypto_pwhash_str(verifier, password, len, accounts->cost.ops,
	                      accounts->cost.memory) != 0) {
		return waldo_node_fail(accounts->node, WALDO_ENOMEM,
		                       "accounts: no memory for Argon2id");
	}
	err = waldoi_people_set_verifier(&accounts->people, name, verifier);
	sodium_memzero(verifier, sizeof(verifier));
	return err;
}

WALDO_API waldo_err
waldo_account_add_key(waldo_accounts *accounts, const char *name,
                      const uint8_t key[32])
{
	return accounts == NULL || name == NULL || key == NULL
	           ? WALDO_EINVAL
	           : waldoi_people_add_key(&accounts->people, name, key);
}

WALDO_API waldo_err
waldo_account_add_token(waldo_accounts *accounts, const char *name,
                        char token[WALDO_TOKEN_TEXT])
{
	uint8_t bits[32];
	char made[WALDO_TOKEN_TEXT];
	waldo_err err;

	if (accounts == NULL || name == NULL || token == NULL) {
		return WALDO_EINVAL;
	}
	randombytes_buf(bits, sizeof(bits));
	(void) sodium_bin2base64(made, sizeof(made), bits, sizeof(bits),
	                         sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	err = waldoi_people_add_token(&accounts->people, name, made);
	if (err == WALDO_OK) {
		memcpy(token, made, sizeof(made));
	}
	sodium_memzero(bits, sizeof(bits));
	sodium_memzero(made, sizeof(made));
	return err;
}

WALDO_API waldo_err
waldo_account_disable(waldo_accounts *accounts, const char *name, bool disabled)
{
	return accounts == NULL || name == NULL
	           ? WALDO_EINVAL
	           : waldoi_people_disable(&accounts->people, name, disabled);
}

WALDO_API waldo_err
waldo_account_remove(waldo_accounts *accounts, const char *name)
{
	return accounts == NULL || name == NULL
	           ? WALDO_EINVAL
	           : waldoi_people_remove(&accounts->people, name);
}

WALDO_API waldo_err
waldo_accounts_list(waldo_accounts *accounts,
                    void (*cb)(const waldo_account_info *info, void *user),
                    void *user)
{
	return accounts == NULL || cb == NULL
	           ? WALDO_EINVAL
	           : waldoi_people_list(&accounts->people, cb, user);
}
