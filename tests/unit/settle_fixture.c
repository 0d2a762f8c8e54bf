/* SPDX-License-Identifier: MIT */
#include "tests/unit/settle_fixture.h"

#include <stdio.h>

int next_call;

void
begin(struct session *s)
{
	next_call = 3;
	fetch(s);
}

/* Has the node keep what `desc` says; its reference. */
waldo_ref *
give(struct session *s, const char *desc)
{
	char frame[200], want[40];

	(void) snprintf(frame, sizeof(frame), "[1,%d,-2,'store',[%s],{}] [<0>]",
	                next_call, desc);
	send(s, frame);
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] nil", next_call);
	assert_string_equal(peer_receive(&s->peer), want);
	next_call += 2;
	return s->f->service->stored[s->f->service->stored_count - 1];
}

/* A promise of the peer's, with a call on its way unless it is `unused`. The
 * name `order` is number 1 from here on. */
waldo_ref *
give_used(struct session *s)
{
	waldo_ref *ref;

	begin(s);
	ref = give(s, "[1,-1]");
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,[1,'order'],[],{}] [1]");
	return ref;
}

/* The next frame is a flush to `target`. */
struct flush
take_flush(struct session *s, const char *target)
{
	struct flush flush = {0};
	const char *frame = peer_receive(&s->peer), *p;
	char want[100];

	if (sscanf(frame, "[1,%d,", &flush.id) != 1) {
		fail_msg("\"%s\" is no call", frame);
	}
	(void) snprintf(want, sizeof(want), "[1,%d,%s,0,[],{}] [x'", flush.id,
	                target);
	assert_begins(frame, want);
	p = strrchr(frame, '[') + 1;
	assert_int_equal(strlen(p), 36); /* x'', 16 bytes, and the list's end */
	(void) snprintf(flush.token, sizeof(flush.token), "%.35s", p);
	return flush;
}

/* The peer passes the flush on to `target`, as its own call, byte for byte
 * (P42); its id. */
int
forward(struct session *s, const struct flush *flush, const char *target)
{
	char frame[100];
	int id = next_call;

	(void) snprintf(frame, sizeof(frame),
	                "[1,%d,%s,0,[],{5:1}] =91c410%.32s=", id, target,
	                flush->token + 2);
	send(s, frame);
	next_call += 2;
	return id;
}

void
answer(struct session *s, const struct flush *flush)
{
	char frame[100];

	(void) snprintf(frame, sizeof(frame), "[2,%d,0,false,[]] %s", flush->id,
	                flush->token);
	send(s, frame);
	(void) memory_settle();
}

void
assert_order(const struct service *service, size_t count)
{
	assert_int_equal(service->order_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(service->order[i], i + 1);
	}
}

/* The gate of a node with these limits, in place of the fixture's. */
void
reopen(struct session *s, const waldo_limits *limits)
{
	waldo_ref *ref = NULL;

	s->f->third = node_new(limits);
	s->f->service = service_new(s->f, s->f->third, &ref);
	assert_non_null(s->f->service);
	assert_ok(waldo_listen(s->f->third, "inproc:other", NULL));
	assert_ok(waldo_publish(s->f->third, "gate", ref));
	waldo_ref_release(s->f->service_ref);
	s->f->service_ref = ref;
	peer_fini(&s->peer);
	assert_true(peer_dial(&s->peer, "other"));
}
