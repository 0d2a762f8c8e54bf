/* SPDX-License-Identifier: MIT */
/*
 * unit/accounts_fixture.h - accounts behind a portal, over an encrypted link
 *
 * Two nodes of one thread. "ann" has the password "sesame"; a perspective tells
 * its account by name().
 */
#ifndef WALDO_TEST_ACCOUNTS_FIXTURE_H
#define WALDO_TEST_ACCOUNTS_FIXTURE_H

#include "tests/waldo_test.h"

#include "server/store/accounts.h"
#include <waldo/client.h>

#define FAILED "waldo.Denied: login failed"

extern const waldoi_verify_cost cheap;
extern const waldoi_verify_cost dear; /* some ten milliseconds */

typedef struct fixture {
	char folder[32], path[48], uri[200];
	waldo_node *server, *client;
	waldo_key *key;
	waldo_accounts *accounts;
	waldo_portal *portal;
	waldo_ref *portal_ref, *gate;
	char log[400]; /* the last line */
} fixture;

int accounts_setup(void **state);
int accounts_teardown(void **state);
#define setup    accounts_setup
#define teardown accounts_teardown

int open_server(fixture *f);
int open_client(fixture *f);
void close_client(fixture *f);
void close_server(fixture *f);
void turn(fixture *f);

/* The name that was told, or "type: message". */
typedef struct answer {
	int count;
	char text[200];
} answer;

/* Logs in and asks for the name in one flight; takes `login`. */
void ask(waldo_promise *login, answer *a);
void await(fixture *f, const answer *a);

/* The answer; borrowed until the next. */
const char *outcome(fixture *f, waldo_promise *login);
const char *by_password(fixture *f, const char *user, const char *password);
/* With one credential: a token, a key. */
const char *by_text(fixture *f, const char *kind, const char *text);

waldo_promise *send_password(fixture *f, const char *user,
                             const char *password);

#endif
