/* SPDX-License-Identifier: MIT */
/*
 * unit/portal_fixture.h - a portal of one node, and a client
 *
 * The checkers know words: one is the account itself if it has small letters.
 * The realm makes avatars, which remember whom they are for.
 */
#ifndef WALDO_TEST_PORTAL_FIXTURE_H
#define WALDO_TEST_PORTAL_FIXTURE_H

#include "tests/waldo_test.h"

#include "server/portal.h"
#include <waldo/client.h>
#include <waldo/portal.h>

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

#define of(setup_, name) cmocka_unit_test_setup_teardown(name, setup_, teardown)

#define setup    portal_setup
#define teardown portal_teardown

void logged_out(void *user);
void admit(fixture *f, waldo_login *login);
void realm(void *self, waldo_login *login);
void check_ann(void *self, waldo_login *login);
void close_server(fixture *f);
int setup(void **state);
int setup_replace(void **state);
int setup_refuse(void **state);
int setup_wary(void **state);
/* Every test: whoever was admitted was logged out once, and is gone. */
int teardown(void **state);
void turn(fixture *f);
void turns(fixture *f, int count);
void want(waldo_promise *promise, answer *a);
waldo_promise *send_word(fixture *f, const char *word);
waldo_ref *log_in(fixture *f, const char *word);
/* What a promise comes to. */
const char *outcome(fixture *f, waldo_promise *promise);
const char *ask(fixture *f, waldo_ref *ref, const char *method);

#endif
