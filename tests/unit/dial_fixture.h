/* SPDX-License-Identifier: MIT */
/*
 * unit/dial_fixture.h - nodes in memory that meet over encrypted links
 *
 * Who listens at "tcp:NAME:1" is found as NAME; what stands there is a Service
 * "gate" (conformance/service.c). What the client is asked about unknown hosts
 * is noted, and answered as `then` says.
 */
#ifndef WALDO_TEST_DIAL_FIXTURE_H
#define WALDO_TEST_DIAL_FIXTURE_H

#include "tests/conformance/fixture.h"
#include "tests/memory/driver.h"

struct asked {
	enum { LATER, ACCEPT, REFUSE } then;
	int count;
	waldo_trust *question;
	char host[64];
	uint8_t key[WALDO_KEY_BYTES];
};

extern struct asked asked;

/* A server "host" and a client that remembers hosts, and asks. */
int dial_setup(void **state);

waldo_key *key_new(void);

/* A node that has the key (taken; or NULL), remembers hosts or not, and asks
 * if it does. */
waldo_node *keyed_node(waldo_key *key, bool remembers);

/* Publishes a service of `node` and listens at "tcp:NAME:1". */
struct service *serve(struct fixture *f, waldo_node *node, const char *name);

/* "waldo://KEY@PLACES/gate", with the public half of `key`; NULL: none. */
const char *uri_of(const waldo_key *key, const char *places);

/* The outcome of add(1) on what the URI names. */
struct outcome *reach(struct fixture *f, waldo_node *node, const char *uri);

size_t count_sessions(const waldo_node *node);

/* The key of f->server; borrowed. */
extern waldo_key *host_key;

#define dial_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, dial_setup, teardown)

#define assert_denied(got, about)                                              \
	do {                                                                   \
		const struct outcome *denied = (got);                          \
		assert_failed(denied, WALDO_EDENIED, WALDO_NOT_SENT);          \
		if (strstr(denied->message, about) == NULL) {                  \
			fail_msg("\"%s\" does not say \"%s\"",                 \
			         denied->message, about);                      \
		}                                                              \
	} while (0)

#endif
