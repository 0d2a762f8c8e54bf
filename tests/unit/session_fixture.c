/* SPDX-License-Identifier: MIT */
#include "tests/unit/session_fixture.h"

#include <stdlib.h>

struct session *
session_of(void **state)
{
	return *state;
}

int
open_session(void **state)
{
	struct session *s = calloc(1, sizeof(*s));
	void *fixture;

	wire = transport_find("memory");
	if (s == NULL || setup_nothing(&fixture) != 0) {
		return -1;
	}
	s->f = fixture;
	s->f->server = node_new(NULL);
	s->f->service = service_new(s->f, s->f->server, &s->f->service_ref);
	assert_ok(waldo_listen(s->f->server, "inproc:n", NULL));
	assert_ok(waldo_publish(s->f->server, "gate", s->f->service_ref));
	*state = s;
	return peer_dial(&s->peer, "n") ? 0 : -1;
}

int
open_client(void **state)
{
	struct session *s = calloc(1, sizeof(*s));
	void *fixture;

	wire = transport_find("memory");
	if (s == NULL || setup_nothing(&fixture) != 0 ||
	    !peer_listen(&s->peer, "p")) {
		return -1;
	}
	s->f = fixture;
	s->f->client = node_new(NULL);
	assert_ok(waldo_connect(s->f->client, "waldo+inproc:p/", &s->f->gate));
	(void) memory_settle();
	*state = s;
	return peer_send(&s->peer, PEER_HELLO) && memory_settle() ? 0 : -1;
}

int
close_session(void **state)
{
	struct session *s = *state;
	void *fixture = s->f;

	peer_fini(&s->peer);
	free(s);
	return teardown(&fixture);
}

void
send_all(struct session *s, const char *const *frames)
{
	for (; *frames != NULL; frames++) {
		assert_true(peer_send(&s->peer, *frames));
	}
}

void
fetch_of(struct peer *peer)
{
	assert_true(peer_send(peer, "[1,1,0,'fetch',[],{}] ['gate']"));
	assert_string_equal(peer_receive(peer),
	                    "[2,1,0,true,[[0,-2,nil]]] <0>");
	assert_true(peer_send(peer, "[4,1,1]"));
}

void
fetch(struct session *s)
{
	fetch_of(&s->peer);
}

void
assert_each_is_an_error(const char *const *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void *opened = NULL;
		struct session *s;

		assert_int_equal(open_client(&opened), 0);
		s = opened;
		send(s, frames[i]);
		assert_begins(peer_await(&s->peer, "![10,"), "![10,1,");
		assert_int_equal(close_session(&opened), 0);
	}
}
