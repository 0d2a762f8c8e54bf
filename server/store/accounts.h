/* SPDX-License-Identifier: MIT */
/* server/store/accounts.h - what accounts consist of, and what tests set */
#ifndef WALDOI_ACCOUNTS_H
#define WALDOI_ACCOUNTS_H

#include "server/store/people.h"
#include "server/store/verify.h"
#include <waldo/accounts.h>

/* Logins that wait since too many have failed: of one source, and of all. */
#define WALDOI_WAITING_OF_SOURCE 4
#define WALDOI_WAITING           256

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
	struct waldoi_attempts *attempts; /* by account and by source, */
	struct waldoi_throttle *throttle; /* and by key: the node's */
	waldoi_verify_cost cost;
	int64_t (*now)(void);
	LIST_HEAD(, waldoi_attempt) under_way;
	size_t waiting;
};

/* A user has gone: the handle, or a checker with its portal. */
void waldoi_accounts_release(waldo_accounts *accounts);

/* checkers.c: all that are under way are denied. */
void waldoi_accounts_end_attempts(waldo_accounts *accounts);

/* What passwords that are set from now on cost, how long a second of the
 * throttles is (microseconds), and the clock that it goes by (NULL: as before).
 * Before anybody logs in. */
waldo_err waldoi_accounts_tune(waldo_accounts *accounts,
                               waldoi_verify_cost cost, int64_t second,
                               int64_t (*now)(void)) WALDO_MUST_CHECK;

#endif
