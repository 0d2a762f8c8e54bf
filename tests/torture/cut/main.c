/* SPDX-License-Identifier: MIT */
/*
 * torture/cut/main.c - a conversation that is cut at every byte
 *
 * What two nodes say to each other is first heard to its end. Then it is said
 * again and again: in pieces, and in two behind each byte, when all must come
 * out as before; with the link lost behind each byte in each direction; and
 * with something done to it in each callback. Whatever happens, promises 1, 2, 4 and 5 hold: every call
 * ends once, with its own outcome or the failure that was promised, its fate
 * is true, and all that was held is given back.
 */
#include "memory/driver.h"
#include "world/ground.h"
#include "world/conversation.h"
#include "waldo_test.h"

#include <stdio.h>
#include <string.h>

static struct world world;
static enum { WHOLE, SPLIT, CUT, STRUCK, KINDS } kind; /* what is done to it */
static size_t points[KINDS];
static bool every_one;

enum { OPENING = 300 };  /* bytes */
static bool nil_is_kept; /* a reference to be returned was released before */

/* ---- the conversation */

/* What came of each call in a run. */
struct transcript {
	size_t outcomes;
	struct {
		int settled, runs;
		waldo_err code;
		waldo_fate fate;
	} of[MAX_OUTCOMES];
};

static struct transcript heard;

static void
note_transcript(struct transcript *t)
{
	memset(t, 0, sizeof(*t));
	t->outcomes = world.outcome_count;
	for (int i = 0; i < MAX_OUTCOMES; i++) {
		t->of[i].settled = world.outcomes[i].settled;
		t->of[i].runs = world.outcomes[i].runs;
		t->of[i].code = world.outcomes[i].code;
		/* Who says first that the time is up, knows more or less. */
		if (t->of[i].code != WALDO_EDEADLINE) {
			t->of[i].fate = world.outcomes[i].fate;
		}
	}
}

static void
talk(void)
{
	for (size_t i = 0; i < conversation_steps; i++) {
		conversation[i].act(&world);
		ground_advance(conversation[i].ms);
	}
}

/* A call that did not come out as it was to has failed as was promised. */
static const char *
check_failures(void)
{
	static char wrong[80];

	for (size_t i = 0; i < world.outcome_count; i++) {
		const struct outcome *o = &world.outcomes[i];

		if (o->settled == 0 || o->code == o->want ||
		    o->code == WALDO_ELOST || o->code == WALDO_ECONNECT ||
		    o->code == WALDO_EREVOKED ||
		    (o->code == WALDO_EINVAL && nil_is_kept)) {
			continue;
		}
		(void) snprintf(wrong, sizeof(wrong),
		                "call %zu failed otherwise: %s", i,
		                waldo_strerror(o->code));
		return wrong;
	}
	return NULL;
}

/* Says all of it; `cut`: something may come in between. */
static void
converse(const char *where, size_t at, bool cut,
         void (*interrupt)(struct world *w, waldo_node *node))
{
	const char *bad;

	world = (struct world){.interrupt = interrupt};
	assert_true(world_open_server(&world, "inproc:talk"));
	talk();
	world.interrupt = NULL;
	memory_set_tap(NULL, NULL);
	answer_held(&world);
	world_settle();
	bad = world_check_settled(&world, cut);
	if (bad == NULL) {
		bad = check_failures();
	}
	if (bad == NULL) {
		bad = world_release(&world);
	}
	world_close(&world);
	if (bad == NULL) {
		bad = world_check_closed(&world);
	}
	if (bad != NULL) {
		fail_msg("%s %zu: %s", where, at, bad);
	}
	points[kind]++;
}

/* ---- whole */

/* What each side received, and where the large payload stands in it. */
struct count {
	size_t bytes, begin, end;
};

static struct count whole[SIDES];

static size_t
count_bytes(bool to_initiator, const void *data, size_t len, void *user)
{
	struct count *count = &whole[to_initiator ? CLIENT : SERVER];

	(void) data;
	(void) user;
	if (len > 4096) {
		count->begin = count->bytes;
		count->end = count->bytes + len;
	}
	count->bytes += len;
	return len;
}

static void
it_is_said_to_the_end(void **state)
{
	(void) state;
	memory_set_tap(count_bytes, NULL);
	converse("whole", 0, false, NULL);
	note_transcript(&heard);
	assert_true(whole[CLIENT].end > 0 && whole[SERVER].end > 0);
}

static void
expect_the_same(const char *how, size_t at)
{
	static struct transcript again;

	kind = SPLIT;
	converse(how, at, false, NULL);
	note_transcript(&again);
	assert_memory_equal(&again, &heard, sizeof(heard));
}

static void
it_is_the_same_in_pieces(void **state)
{
	(void) state;
	for (size_t size = 1; size < 64; size += size) {
		memory_set_chunk(size);
		expect_the_same("in pieces of", size);
		memory_set_chunk(0);
	}
}

/* Within the large payload one byte is like the other. */
static size_t
next_cut(size_t at, const struct count *count)
{
	bool large = at > count->begin + 100 && at + 400 < count->end;

	return at + (large && !every_one ? 211 : 1);
}

/* Where what one side receives is held up for a moment. */
static struct {
	enum side side;
	size_t at[2], seen;
	size_t held; /* how often, in all */
} split;

static size_t
hold_up(bool to_initiator, size_t len)
{
	if ((to_initiator ? CLIENT : SERVER) != split.side) {
		return len;
	}
	for (int i = 0; i < 2; i++) {
		if (split.seen < split.at[i] &&
		    split.seen + len > split.at[i]) {
			len = split.at[i] - split.seen;
			split.held++;
		}
	}
	split.seen += len;
	return len;
}

static void
split_at(enum side side, size_t first, size_t second)
{
	split.side = side;
	split.at[0] = first;
	split.at[1] = second;
	split.seen = 0;
	memory_set_gate(hold_up);
	expect_the_same(side == CLIENT ? "split before the client's byte"
	                               : "split before the server's byte",
	                first);
	memory_set_gate(NULL);
}

static void
it_is_the_same_split_at_every_byte(void **state)
{
	(void) state;
	for (enum side side = CLIENT; side <= SERVER; side++) {
		const struct count *count = &whole[side];

		for (size_t at = 1; at < count->bytes;
		     at = next_cut(at, count)) {
			split_at(side, at, 0);
		}
	}
	assert_true(split.held > 1000); /* not just between frames */
}

/* The opening, HELLO and the first calls: all pairs, or those of some. */
static void
it_is_the_same_split_twice(void **state)
{
	size_t step = every_one ? 1 : 13;

	(void) state;
	for (enum side side = CLIENT; side <= SERVER; side++) {
		for (size_t a = 1; a < OPENING; a += step) {
			for (size_t b = a + 1; b < OPENING; b += step) {
				split_at(side, a, b);
			}
		}
	}
}

/* ---- cut */

struct cut {
	enum side side; /* whose input it is */
	size_t left;    /* bytes that it has still to get */
	bool done;      /* what comes on another link does come */
};

static size_t
cut_off(bool to_initiator, const void *data, size_t len, void *user)
{
	struct cut *cut = user;
	size_t pass;

	(void) data;
	if ((to_initiator ? CLIENT : SERVER) != cut->side || cut->done) {
		return len;
	}
	pass = len < cut->left ? len : cut->left;
	cut->left -= pass;
	cut->done = pass < len;
	return pass;
}

static void
cut_everywhere(enum side side)
{
	const struct count *count = &whole[side];

	kind = CUT;
	for (size_t at = 0; at < count->bytes; at = next_cut(at, count)) {
		struct cut cut = {.side = side, .left = at};

		memory_set_tap(cut_off, &cut);
		converse(side == CLIENT ? "cut before the client's byte"
		                        : "cut before the server's byte",
		         at, true, NULL);
	}
}

static void
the_client_loses_its_link_at_every_byte(void **state)
{
	(void) state;
	cut_everywhere(CLIENT);
}

static void
the_server_loses_its_link_at_every_byte(void **state)
{
	(void) state;
	cut_everywhere(SERVER);
}

/* ---- in callbacks */

static size_t callbacks, until; /* the callback that interrupts */
static bool free_client, free_server;

/* True in the one callback that it is about. */
static bool
is_now(void)
{
	return ++callbacks == until;
}

static void
lose_the_link(struct world *w, waldo_node *node)
{
	(void) w;
	(void) node;
	if (is_now()) {
		memory_cut();
	}
}

static void
end_the_session(struct world *w, waldo_node *node)
{
	if (is_now()) {
		waldo_ref_end_session(node == w->server ? w->kept : w->gate,
		                      "no more");
	}
}

static void
free_node(waldo_node **node)
{
	waldo_node *gone = *node;

	*node = NULL;
	ground_node_free(gone);
}

/* In a callback of one, the other. */
static void
free_the_peer(struct world *w, waldo_node *node)
{
	if (node == NULL || !is_now()) {
		return;
	}
	free_node(node == w->server ? &w->client : &w->server);
}

/* A node cannot go in a callback of its own, but right behind it. */
static void
free_itself(struct world *w, waldo_node *node)
{
	if (node != NULL && is_now()) {
		free_server = node == w->server;
		free_client = !free_server;
	}
}

static void
free_what_is_due(void)
{
	if (free_server) {
		free_server = false;
		free_node(&world.server);
	}
	if (free_client) {
		free_client = false;
		free_node(&world.client);
	}
}

static void
stop_at_once(struct world *w, waldo_node *node)
{
	(void) w;
	if (node != NULL && is_now()) {
		waldo_node_stop(node, 0);
	}
}

static void
revoke_all(struct world *w, waldo_node *node)
{
	(void) node;
	if (is_now()) {
		waldo_object_revoke(w->service);
		waldo_object_revoke(w->hand);
	}
}

static void
release_all(struct world *w, waldo_node *node)
{
	waldo_ref *refs[] = {w->gate, w->kept, w->hand};

	(void) node;
	if (!is_now()) {
		return;
	}
	w->gate = w->kept = w->hand = NULL;
	nil_is_kept = true;
	for (int i = 0; i < 3; i++) {
		waldo_ref_release(refs[i]);
	}
}

static void
in_every_callback(void (*interrupt)(struct world *w, waldo_node *node))
{
	size_t last = SIZE_MAX;

	kind = STRUCK;
	for (until = 1; until <= last; until++) {
		callbacks = 0;
		nil_is_kept = false;
		converse("callback", until, true, interrupt);
		if (callbacks < until) {
			last = 0; /* it was not reached any more */
		}
	}
	assert_true(until > 50);
}

#define IN_EVERY_CALLBACK(name)                                                \
	static void name##_in_every_callback(void **state)                     \
	{                                                                      \
		(void) state;                                                  \
		in_every_callback(name);                                       \
	}

IN_EVERY_CALLBACK(lose_the_link)
IN_EVERY_CALLBACK(end_the_session)
IN_EVERY_CALLBACK(free_the_peer)
IN_EVERY_CALLBACK(free_itself)
IN_EVERY_CALLBACK(stop_at_once)
IN_EVERY_CALLBACK(revoke_all)
IN_EVERY_CALLBACK(release_all)

/* --long: also at each byte of the large payload, and all pairs. */
int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_said_to_the_end),
	    cmocka_unit_test(it_is_the_same_in_pieces),
	    cmocka_unit_test(it_is_the_same_split_at_every_byte),
	    cmocka_unit_test(it_is_the_same_split_twice),
	    cmocka_unit_test(the_client_loses_its_link_at_every_byte),
	    cmocka_unit_test(the_server_loses_its_link_at_every_byte),
	    cmocka_unit_test(lose_the_link_in_every_callback),
	    cmocka_unit_test(end_the_session_in_every_callback),
	    cmocka_unit_test(free_the_peer_in_every_callback),
	    cmocka_unit_test(free_itself_in_every_callback),
	    cmocka_unit_test(stop_at_once_in_every_callback),
	    cmocka_unit_test(revoke_all_in_every_callback),
	    cmocka_unit_test(release_all_in_every_callback),
	};
	int status;

	every_one = argc > 1 && strcmp(argv[1], "--long") == 0;
	ground_between(free_what_is_due);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	(void) printf("%zu conversations of %zu and %zu bytes were split, %zu "
	              "cut, %zu struck in a callback\n",
	              points[SPLIT], whole[SERVER].bytes, whole[CLIENT].bytes,
	              points[CUT], points[STRUCK]);
	return status;
}
