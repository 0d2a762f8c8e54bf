/* SPDX-License-Identifier: MIT */
/* server/store/people.h - accounts in the store */
#ifndef WALDOI_PEOPLE_H
#define WALDOI_PEOPLE_H

#include "server/store/store.h"
#include <waldo/accounts.h>

#include <sodium.h>

#define WALDOI_ACCOUNT_NAME 64

extern const char waldoi_people_schema[];

typedef struct waldoi_people {
	const waldoi_store *store;
	waldo_node *node;
	sqlite3_stmt *by_name, *by_token, *by_key, *seen;
} waldoi_people;

typedef struct waldoi_person {
	int64_t id;
	bool disabled;
	char name[WALDOI_ACCOUNT_NAME + 1];
	char verifier[crypto_pwhash_STRBYTES]; /* empty: there is none */
} waldoi_person;

/* The statements live until the store is closed. */
waldo_err waldoi_people_open(waldo_node *node, const waldoi_store *store,
                             waldoi_people *people) WALDO_MUST_CHECK;

/* WALDO_ENAME, without a message, if there is nobody. */
waldo_err waldoi_people_by_name(const waldoi_people *people, const char *name,
                                waldoi_person *ret_person) WALDO_MUST_CHECK;
waldo_err waldoi_people_by_token(const waldoi_people *people, const char *token,
                                 waldoi_person *ret_person) WALDO_MUST_CHECK;
waldo_err waldoi_people_by_key(const waldoi_people *people, const uint8_t *key,
                               waldoi_person *ret_person) WALDO_MUST_CHECK;

/* It logs in now. WALDO_ENAME if it is gone or disabled by now. This alone may
 * be lost if the power is: nobody waits for a disk to log in. */
waldo_err waldoi_people_see(const waldoi_people *people, int64_t id)
    WALDO_MUST_CHECK;

/* The changes of <waldo/accounts.h>. */
waldo_err waldoi_people_add(const waldoi_people *people, const char *name)
    WALDO_MUST_CHECK;
waldo_err waldoi_people_set_verifier(const waldoi_people *people,
                                     const char *name, const char *verifier)
    WALDO_MUST_CHECK;
waldo_err waldoi_people_add_key(const waldoi_people *people, const char *name,
                                const uint8_t *key) WALDO_MUST_CHECK;
waldo_err waldoi_people_add_token(const waldoi_people *people, const char *name,
                                  const char *token) WALDO_MUST_CHECK;
waldo_err waldoi_people_disable(const waldoi_people *people, const char *name,
                                bool disabled) WALDO_MUST_CHECK;
waldo_err waldoi_people_remove(const waldoi_people *people, const char *name)
    WALDO_MUST_CHECK;
waldo_err waldoi_people_list(const waldoi_people *people,
                             void (*cb)(const waldo_account_info *info,
                                        void *user),
                             void *user) WALDO_MUST_CHECK;

#endif
