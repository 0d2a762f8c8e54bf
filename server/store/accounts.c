/* SPDX-License-Identifier: MIT */
/* Accounts that are opened, changed and closed. */
#include "server/store/accounts.h"

#include "serial/api.h"
#include "server/store/attempts.h"
#include "server/store/throttle.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PASSWORD 1024
#define SECOND       INT64_C(1000000)

/* ---- opening and closing */

static void
shut(waldo_accounts *accounts)
{
	accounts->closed = true;
	accounts->users++; /* those who are told may be the last users */
	waldoi_verifiers_close(accounts->verifiers);
	accounts->verifiers = NULL;
	waldoi_accounts_end_attempts(accounts);
	waldoi_attempts_free(accounts->attempts);
	waldoi_throttle_release(accounts->throttle);
	waldoi_store_close(accounts->store);
	accounts->attempts = NULL;
	accounts->throttle = NULL;
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
		waldoi_accounts_release(accounts);
	}
	waldoi_accounts_release(accounts); /* shut()'s */
}

void
waldoi_accounts_release(waldo_accounts *accounts)
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
		accounts->throttle = waldoi_throttle_of(accounts->node);
		err = accounts->attempts != NULL && accounts->throttle != NULL
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
	accounts->now = waldoi_store_steady;
	LIST_INIT(&accounts->under_way);
	err = open_parts(accounts, path);
	if (err != WALDO_OK) {
		waldoi_attempts_free(accounts->attempts);
		waldoi_throttle_release(accounts->throttle);
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
		waldoi_accounts_release(accounts);
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
	accounts->throttle->miss = second;
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
	char made[WALDO_TOKEN_TEXT];
	waldo_err err;

	if (accounts == NULL || name == NULL || token == NULL) {
		return WALDO_EINVAL;
	}
	waldoi_store_draw(made);
	err = waldoi_people_add_token(&accounts->people, name, made);
	if (err == WALDO_OK) {
		memcpy(token, made, sizeof(made));
	}
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
