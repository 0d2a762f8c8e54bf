/* SPDX-License-Identifier: MIT */
/*
 * unit/session_fixture.h - a node, and a peer that says exactly what the test
 * tells it to
 *
 * The node listens and has published a Service (conformance/service.c) as
 * "gate"; the peer has dialled it, as the initiator, and HELLO has been said.
 */
#ifndef WALDO_TEST_SESSION_FIXTURE_H
#define WALDO_TEST_SESSION_FIXTURE_H

#include "tests/conformance/fixture.h"
#include "tests/memory/peer.h"

struct session {
	struct fixture *f;
	struct peer peer;
};

struct session *session_of(void **state);
int open_session(void **state);
int close_session(void **state);
void send_all(struct session *s, const char *const *frames);

/* Call 1: the gate, which is export -2. */
void fetch(struct session *s);
void fetch_of(struct peer *peer); /* another peer of its node */

/* The other way round: the node has dialled the peer, which is the responder,
 * and holds its bootstrap object as the gate. */
int open_client(void **state);

/* Each frame ends a session of its own with PROTOCOL. */
void assert_each_is_an_error(const char *const *frames, size_t count);

#define client_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, open_client, close_session)

#define session_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, open_session, close_session)

#define send(s, ...) send_all(s, (const char *const[]){__VA_ARGS__, NULL})

#define assert_begins(text, start)                                             \
	do {                                                                   \
		const char *got = (text);                                      \
		if (strncmp(got, start, strlen(start)) != 0) {                 \
			fail_msg("\"%s\" does not begin with \"%s\"", got,     \
			         start);                                       \
		}                                                              \
	} while (0)

/* ABORT with code PROTOCOL, which is 1, and the end of the session. */
#define assert_protocol_error(s, about)                                        \
	do {                                                                   \
		const char *said = peer_await(&(s)->peer, "![10,");            \
		assert_begins(said, "![10,1,");                                \
		if (strstr(said, about) == NULL) {                             \
			fail_msg("\"%s\" does not say \"%s\"", said, about);   \
		}                                                              \
		assert_true(peer_is_closed(&(s)->peer));                       \
	} while (0)

#define assert_alive(s, number)                                                \
	do {                                                                   \
		send(s, "![6," #number "]");                                   \
		assert_string_equal(peer_await(&(s)->peer, "![7,"),            \
		                    "![7," #number "]");                       \
	} while (0)

#endif
