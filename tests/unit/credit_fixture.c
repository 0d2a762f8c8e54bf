/* SPDX-License-Identifier: MIT */
#include "tests/unit/credit_fixture.h"
#include "serial/pack.h"
#include "tests/memory/text.h"

#include <stdio.h>
#include <stdlib.h>

struct seen seen;

waldo_limits
small(void)
{
	return (waldo_limits){.size = sizeof(waldo_limits),
	                      .message_bytes = FRAME,
	                      .retained_bytes = FRAME,
	                      .queued_bytes = 128 * KIB,
	                      .call_window = FRAME};
}

void
reopen(struct session *s, waldo_limits limits, const char *hello)
{
	struct fixture *f = s->f;

	memset(&seen, 0, sizeof(seen));
	peer_fini(&s->peer);
	waldo_ref_release(f->service_ref);
	node_free(&f->server);
	f->server = node_new(&limits);
	f->service = service_new(f, f->server, &f->service_ref);
	assert_ok(waldo_listen(f->server, "inproc:n", NULL));
	assert_ok(waldo_publish(f->server, "gate", f->service_ref));
	memset(&s->peer, 0, sizeof(s->peer));
	s->peer.raw = memory_raw_dial("n");
	assert_non_null(s->peer.raw);
	assert_true(peer_send_bytes(&s->peer, peer_preamble, 12));
	send(s, hello);
	assert_begins(peer_receive(&s->peer), "![0,{");
}

size_t
send_call(struct session *s, const char *head, int n, size_t len)
{
	static uint8_t frame[FRAME + 64];
	uint8_t *p = frame + 5 + text_encode(head, frame + 5, 8 * KIB);

	p = waldoi_pack_array(p, 2);
	p = waldoi_pack_int(p, n);
	*p++ = 0xc6;
	p = waldoi_pack_be(p, len, 4);
	memset(p, 'x', len);
	p += len;
	waldoi_pack_be(frame, (size_t) (p - frame) - 4, 4);
	frame[4] = 0;
	assert_true(peer_send_bytes(&s->peer, frame, (size_t) (p - frame)));
	return (size_t) (p - frame) - 4;
}

static void
note_frame(const uint8_t *p, size_t len, const char *text)
{
	if (p[4] != 0) {
		return;
	}
	assert_true(seen.count < MAX_SEEN);
	(void) snprintf(seen.texts[seen.count++], sizeof(seen.texts[0]),
	                "%.63s", text);
	if (strncmp(text, "[1,", 3) == 0) {
		seen.calls += len;
	} else if (strncmp(text, "[6,0,", 5) == 0) {
		seen.credits++;
		seen.total = strtoull(text + 5, NULL, 10);
	}
}

void
take(struct session *s)
{
	static char text[8 * KIB];
	size_t have, len;
	const uint8_t *p;

	(void) memory_settle();
	while ((p = memory_raw_received(s->peer.raw, &have)), have >= 5) {
		len = (size_t) p[0] << 24 | (size_t) p[1] << 16 |
		      (size_t) p[2] << 8 | p[3];
		if (have < len + 4) {
			return;
		}
		text_decode(p + 5, len - 1, text, sizeof(text));
		note_frame(p, len, text);
		memory_raw_skip(s->peer.raw, len + 4);
	}
}

void
read_on(struct session *s)
{
	size_t before;
	char ack[32];

	take(s);
	do {
		before = seen.count;
		(void) snprintf(ack, sizeof(ack), "![5,%zu]", before);
		send(s, ack);
		take(s);
	} while (seen.count > before);
}

size_t
find_seen(const char *start)
{
	size_t n = 0;

	while (n < seen.count &&
	       strncmp(seen.texts[n], start, strlen(start)) != 0) {
		n++;
	}
	return n;
}

bool
was_seen(const char *start)
{
	return find_seen(start) < seen.count;
}

void
open_gate(struct session *s, waldo_limits limits)
{
	reopen(s, limits, PEER_HELLO);
	send(s, "[1,1,0,'fetch',[],{}] ['gate']");
	take(s);
	assert_true(was_seen("[2,1,0,true,[[0,-2,nil]]]"));
}
