/* SPDX-License-Identifier: MIT */
/*
 * A living node, and a peer whose bytes are the fuzzer's.
 *
 * The first byte says how they are fed:
 *	bit 0     the node dialled (the bytes are a responder's), else it
 *	          listens
 *	bit 1     raw: the rest is what comes after the peer's HELLO
 *	bits 2-7  how many bytes are handed over at a time; 0: all
 * If not raw, the rest is cut into acts: kind, u16be n, n bytes. A kind below
 * 240 makes a frame of them; the others move time and the node's own hands.
 *
 * No crash, no leak, and no more memory than the limits say (promises 6, 7).
 */
#include "tests/fuzz/fuzz.h"
#include "tests/memory/peer.h"

#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HELD = 8, MAX_REFS = 8 };

/* What the node under test has in its hands. */
static struct world {
	waldo_node *node;
	waldo_ref *gate;
	waldo_call *held[MAX_HELD];
	waldo_ref *refs[MAX_REFS];
	waldo_promise *promise;
	unsigned next_held, next_ref, alive;
} world;

static void
keep_ref(waldo_ref *ref)
{
	waldo_ref **slot = &world.refs[world.next_ref++ % MAX_REFS];
	waldo_ref *old = *slot;

	*slot = waldo_ref_retain(ref);
	waldo_ref_release(old);
}

static void
cancelled(waldo_call *call, void *user)
{
	(void) user;
	(void) waldo_call_get_time_left_ms(call);
}

static void
do_echo(void *self, waldo_call *call)
{
	(void) self;
	waldo_put_rest(waldo_call_get_result(call), waldo_call_get_args(call));
	waldo_call_reply(call, "");
}

static void
do_hold(void *self, waldo_call *call)
{
	waldo_call **slot = &world.held[world.next_held++ % MAX_HELD];
	waldo_call *old = *slot;

	*slot = waldo_call_defer(call, cancelled, self);
	if (old != NULL) {
		waldo_call_reply(old, "r", world.gate);
	}
}

static void
do_keep(void *self, waldo_call *call)
{
	waldo_ref *ref = waldo_read_ref(waldo_call_get_args(call));

	(void) self;
	if (waldo_call_check(call)) {
		keep_ref(ref);
		waldo_call_reply(call, "[r{sr}]", ref, "again", ref);
	}
}

static void
note(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) user;
	if (failure == NULL && waldo_read_type(result) == WALDO_TYPE_REF) {
		keep_ref(waldo_read_ref(result));
	} else if (failure != NULL && strlen(failure->message) > 100000) {
		abort();
	}
}

static void
do_call(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	waldo_ref *ref = waldo_read_ref(args);
	const char *method = waldo_read_str(args, NULL);

	(void) self;
	(void) waldo_ref_notify(ref, "noticed", "r", world.gate);
	waldo_call_follow(call, waldo_ref_invoke(ref, method, "r", ref));
}

static void
object_destroy(void *self)
{
	(void) self;
	world.alive--;
}

static void do_make(void *self, waldo_call *call);

static void
do_fail(void *self, waldo_call *call)
{
	const char *text = waldo_read_str(waldo_call_get_args(call), NULL);

	(void) self;
	waldo_call_fail(call, "fuzz.Error", "%s", text);
}

/* More than a link takes before it is acknowledged. */
static void
do_big(void *self, waldo_call *call)
{
	static const uint8_t zeros[60000];
	int64_t n = waldo_read_int(waldo_call_get_args(call), 0,
	                           (int64_t) sizeof(zeros));

	(void) self;
	waldo_call_reply(call, "y", zeros, (size_t) n);
}

static void
do_revoke(void *self, waldo_call *call)
{
	(void) self;
	waldo_object_revoke(world.refs[world.next_ref % MAX_REFS]);
	waldo_call_reply(call, "");
}

static void
do_silent(void *self, waldo_call *call)
{
	(void) self;
	(void) waldo_call_get_peer(call);
}

static void
do_login(void *self, waldo_call *call)
{
	(void) self;
	if (waldo_call_raise_limits(call, NULL) != WALDO_OK) {
		waldo_call_fail_err(call, WALDO_EINVAL);
	} else {
		waldo_call_reply(call, "");
	}
}

static const waldo_method methods[] = {
    {"echo", do_echo, "(value: any) -> any", WALDO_READONLY},
    {"hold", do_hold, NULL, 0},
    {"keep", do_keep, NULL, 0},
    {"call", do_call, NULL, 0},
    {"make", do_make, NULL, 0},
    {"big", do_big, NULL, 0},
    {"fail", do_fail, NULL, 0},
    {"revoke", do_revoke, NULL, 0},
    {"silent", do_silent, NULL, 0},
    {"login", do_login, NULL, 0},
    {NULL, NULL, NULL, 0},
};
static const waldo_class kind = {WALDO_CLASS_SIZES, "Fuzz", methods,
                                 object_destroy, do_echo};

static waldo_ref *
make_object(void)
{
	waldo_ref *ref = NULL;

	if (waldo_object_new(world.node, &kind, &world, &ref) == WALDO_OK) {
		world.alive++;
	}
	return ref;
}

static void
do_make(void *self, waldo_call *call)
{
	waldo_ref *ref = make_object();

	(void) self;
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

/* ---- the node's own hands */

static void
answer_held(void)
{
	for (int i = 0; i < MAX_HELD; i++) {
		if (world.held[i] != NULL) {
			waldo_call_reply(world.held[i], "r", world.gate);
			world.held[i] = NULL;
		}
	}
}

static void
invoke_refs(void)
{
	for (int i = 0; i < MAX_REFS; i++) {
		waldo_promise *p =
		    waldo_ref_invoke(world.refs[i], "m", "ri",
		                     world.refs[(i + 1) % MAX_REFS], i);
		waldo_ref *inner = waldo_promise_get_ref_at(p, "a/0");

		waldo_promise_release(waldo_ref_invoke(inner, "n", "r", inner));
		/* It is refused where there is no reference. */
		if (waldo_promise_when(p, note, NULL) != WALDO_OK) {
			continue;
		}
	}
}

static void
release_refs(void)
{
	for (int i = 0; i < MAX_REFS; i++) {
		waldo_ref_release(world.refs[i]);
		world.refs[i] = NULL;
	}
}

/* Calls that are open when the hostile responder begins to speak. */
static void
open_calls(void)
{
	waldo_promise *p;
	waldo_ref *mine = make_object();

	keep_ref(world.gate);
	p = waldo_ref_invoke(world.gate, "first", "rs", mine, "text");
	waldo_promise_release(
	    waldo_ref_invoke(waldo_promise_get_ref(p), "second", "i", 1));
	waldo_promise_release(waldo_ref_invoke(
	    waldo_promise_get_ref_at(p, "a/0"), "third", "i", 1));
	keep_ref(waldo_promise_get_ref(p));
	waldo_promise_release(world.promise);
	world.promise = waldo_promise_retain(p);
	if (waldo_promise_when(p, note, NULL) != WALDO_OK) {
		abort();
	}
	waldo_ref_release(mine);
}

static void
act(unsigned what, size_t n)
{
	switch (what % 16) {
	case 0: memory_advance(n * 1000); break;
	case 1: answer_held(); break;
	case 2: invoke_refs(); break;
	case 3: release_refs(); break;
	case 4: open_calls(); break;
	case 5: waldo_promise_cancel(world.promise); break;
	case 6: waldo_ref_end_session(world.refs[n % MAX_REFS], "x"); break;
	case 8: waldo_node_stop(world.node, (uint32_t) n); break;
	default: waldo_object_revoke(world.gate); break;
	}
}

/* ---- feeding */

static const waldo_limits limits = {
    .size = sizeof(limits),
    .message_bytes = 65536,
    .queued_bytes = 131072,
    .retained_bytes = 65536,
    .call_window = 65536,
    .parked_bytes = 65536,
    .exports = 256,
    .imports = 256,
    .open_calls = 64,
};

static const waldo_limits strangers = {
    .size = sizeof(strangers),
    .parked_bytes = 8192,
    .exports = 16,
    .imports = 64,
    .open_calls = 16,
    .refs_per_message = 16,
    .names = 64,
};

static void
check_memory(void)
{
	waldoi_counts counts;

	waldoi_node_count(world.node, &counts);
	/* Queued (replies up to twice as much), retained, a partial message
	 * and its growth; parked; paused. */
	if (counts.bytes > 131072 * 3 + 65536 * 7 || counts.imports > 256 ||
	    counts.exports > 256) {
		(void) fprintf(stderr, "%zu bytes, %zu imports, %zu exports\n",
		               counts.bytes, counts.imports, counts.exports);
		abort();
	}
}

static void
settle(void)
{
	if (!memory_settle()) {
		(void) fprintf(stderr, "no end of work\n");
		abort();
	}
	check_memory();
}

static void
feed_frame(struct peer *peer, unsigned frame_kind, const uint8_t *data,
           size_t n)
{
	const uint8_t head[5] = {0, 0, (uint8_t) ((n + 1) >> 8),
	                         (uint8_t) (n + 1), (uint8_t) frame_kind};

	if (n + 1 < 65536) {
		(void) peer_send_bytes(peer, head, sizeof(head));
		(void) peer_send_bytes(peer, data, n);
	}
}

static void
feed_acts(struct peer *peer, const uint8_t *data, size_t len)
{
	while (len >= 3) {
		unsigned what = data[0];
		size_t n = (size_t) data[1] << 8 | data[2];

		data += 3;
		len -= 3;
		if (what >= 240) {
			act(what, n);
		} else {
			n = n < len ? n : len;
			feed_frame(peer, what, data, n);
			data += n;
			len -= n;
		}
		settle();
	}
}

static void
open_world(struct peer *peer, bool dialled)
{
	const waldo_node_options options = {.size = sizeof(options),
	                                    .limits = &limits,
	                                    .strangers = &strangers};

	memset(&world, 0, sizeof(world));
	if (memory_node_new(&options, &world.node) != WALDO_OK) {
		abort();
	}
	if (dialled) {
		waldo_ref *peers;

		if (!peer_listen(peer, "p") ||
		    waldo_connect(world.node, "waldo+inproc:p/", &peers) !=
		        WALDO_OK) {
			abort();
		}
		world.gate = peers;
		open_calls();
		settle();
		(void) peer_send(peer, PEER_HELLO);
	} else {
		world.gate = make_object();
		if (waldo_listen(world.node, "inproc:n", NULL) != WALDO_OK ||
		    waldo_publish(world.node, "gate", world.gate) != WALDO_OK ||
		    !peer_dial(peer, "n")) {
			abort();
		}
	}
	settle();
}

static void
close_world(struct peer *peer)
{
	waldoi_counts counts;

	peer_fini(peer);
	settle();
	waldoi_node_count(world.node, &counts);
	if (counts.sessions + counts.exports + counts.imports > 0) {
		(void) fprintf(stderr, "%zu sessions are left\n",
		               counts.sessions);
		abort();
	}
	release_refs();
	waldo_promise_release(world.promise);
	waldo_ref_release(world.gate);
	world.gate = NULL;
	waldo_node_free(world.node);
	answer_held();
	if (world.alive > 0) {
		(void) fprintf(stderr, "%u objects are left\n", world.alive);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct peer peer;

	if (len == 0) {
		return 0;
	}
	open_world(&peer, (data[0] & 1) != 0);
	memory_set_chunk(data[0] >> 2);
	if ((data[0] & 2) != 0) {
		(void) peer_send_bytes(&peer, data + 1, len - 1);
		settle();
	} else {
		feed_acts(&peer, data + 1, len - 1);
	}
	memory_set_chunk(0);
	close_world(&peer);
	return 0;
}
