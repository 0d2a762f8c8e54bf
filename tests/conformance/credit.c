/* SPDX-License-Identifier: MIT */
/* Backpressure, as a program meets it: calls that wait for their peer, errors
 * that say so, and the news that there is room again (P16, P38, P39). */
#include "tests/conformance/fixture.h"

#include <stdio.h>

enum { KIB = 1024, LARGE = 20 * KIB, PIECE = 8 * KIB, MAX_WAITING = 16 };

static const uint8_t data[LARGE];

/* As narrow as windows may be. */
static waldo_limits
narrow(void)
{
	return (waldo_limits){.size = sizeof(waldo_limits),
	                      .message_bytes = 64 * KIB,
	                      .queued_bytes = 256 * KIB,
	                      .call_window = 64 * KIB};
}

static void
open_narrow(struct fixture *f)
{
	waldo_limits limits = narrow();

	fixture_open(f, &limits, &limits);
	barrier(f);
}

/* ---- an object that calls back, and one that makes wait */

struct player {
	waldo_ref *self; /* not counted */
	waldo_call *waits[MAX_WAITING];
	size_t wait_count;
	int order[MAX_WAITING];
	size_t order_count;
};

/* bounce(other, n, bytes): n calls more, to and fro. */
static void
player_bounce(void *self, waldo_call *call)
{
	struct player *player = self;
	waldo_reader *args = waldo_call_get_args(call);
	waldo_ref *other = waldo_read_ref(args);
	int64_t n = waldo_read_int(args, 0, 100);
	size_t len = 0;
	const void *bytes = waldo_read_bytes(args, &len);

	if (!waldo_call_check(call)) {
		return;
	}
	if (n == 0) {
		waldo_call_reply(call, "i", 0);
		return;
	}
	waldo_call_follow(call,
	                  waldo_ref_invoke(other, "bounce", "riy", player->self,
	                                   (int) n - 1, bytes, len));
}

/* wait(): this object, once somebody says go(). */
static void
player_wait(void *self, waldo_call *call)
{
	struct player *player = self;

	if (player->wait_count < MAX_WAITING) {
		player->waits[player->wait_count++] =
		    waldo_call_defer(call, NULL, NULL);
	}
}

static void
player_go(void *self, waldo_call *call)
{
	struct player *player = self;

	while (player->wait_count > 0) {
		waldo_call_reply(player->waits[--player->wait_count], "r",
		                 player->self);
	}
	waldo_call_reply(call, "");
}

/* note(n, ...) */
static void
player_note(void *self, waldo_call *call)
{
	struct player *player = self;
	int64_t n = waldo_read_int(waldo_call_get_args(call), 0, 1000);

	if (player->order_count < MAX_WAITING) {
		player->order[player->order_count++] = (int) n;
	}
	waldo_call_reply(call, "i", (int) n);
}

static const waldo_method player_methods[] = {
    {"bounce", player_bounce, NULL, 0},
    {"wait", player_wait, NULL, 0},
    {"go", player_go, NULL, 0},
    {"note", player_note, NULL, 0},
    {NULL, NULL, NULL, 0},
};
static const waldo_class player_class = {WALDO_CLASS_SIZES, "Player",
                                         player_methods, NULL, NULL};

static waldo_ref *
player_new(waldo_node *node, struct player *player)
{
	*player = (struct player){0};
	assert_ok(waldo_object_new(node, &player_class, player, &player->self));
	return player->self;
}

/* The server's, as the client sees it. */
static waldo_ref *
far_player(struct fixture *f, struct player *player)
{
	waldo_ref *ref = player_new(f->server, player);
	char uri[600];

	assert_ok(waldo_publish(f->server, "player", ref));
	waldo_ref_release(ref);
	(void) snprintf(uri, sizeof(uri), "%s/player", f->uri);
	assert_ok(waldo_connect(f->client, uri, &ref));
	return ref;
}

/* ---- progress */

/* P16, F24: both windows are full of calls that wait for calls in the other
 * direction. */
static void
full_windows_and_mutual_callbacks_make_progress(void **state)
{
	enum { GAMES = 10, BOUNCES = 7 };
	struct fixture *f = *state;
	struct player ours, theirs;
	struct outcome *o[GAMES];
	waldo_ref *far, *near;

	open_narrow(f);
	far = far_player(f, &theirs);
	near = player_new(f->client, &ours);
	for (int i = 0; i < GAMES; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(far, "bounce", "riy",
		                                         near, BOUNCES, data,
		                                         (size_t) LARGE));
	}
	for (int i = 0; i < GAMES; i++) {
		until(f, o[i]->count > 0);
		assert_integer(o[i], 0);
	}
	waldo_ref_release(near);
	waldo_ref_release(far);
}

/* F24: the call that settles what the others are parked on is behind them. */
static void
the_call_that_settles_a_promise_passes_those_that_wait_for_it(void **state)
{
	struct fixture *f = *state;
	struct player theirs;
	struct outcome *o[8], *go;
	waldo_ref *far, *place;
	waldo_promise *promise;

	open_narrow(f);
	far = far_player(f, &theirs);
	promise = waldo_ref_invoke(far, "wait", "");
	place = waldo_promise_get_ref(promise);
	for (int i = 0; i < 8; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(place, "note", "iy", i,
		                                         data, (size_t) LARGE));
	}
	go = outcome_of(f, waldo_ref_invoke(far, "go", ""));
	assert_ok(go->code);
	for (int i = 0; i < 8; i++) {
		until(f, o[i]->count > 0);
		assert_integer(o[i], i);
		assert_int_equal(theirs.order[i], i);
	}
	waldo_promise_release(promise);
	waldo_ref_release(far);
}

/* P16: a call that is never answered holds no room. */
static void
calls_that_are_never_answered_hold_no_window(void **state)
{
	struct fixture *f = *state;
	enum { CALLS = 11 };
	struct outcome *o[CALLS];

	open_narrow(f);
	for (int i = 0; i < CALLS; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", "y",
		                                         data, (size_t) LARGE));
	}
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	assert_int_equal(f->service->held_count, CALLS);
	assert_int_equal(o[0]->count, 0);
}

/* ---- room */

struct room {
	int told;
	waldo_state state;
	waldo_watch *watch;
};

static void
note_room(waldo_ref *ref, waldo_state state, void *user)
{
	struct room *room = user;

	(void) ref;
	room->told++;
	room->state = state;
}

static void
step(waldo_node *node)
{
	for (int i = 0; i < 20; i++) {
		wire->pump(&node, 1);
	}
}

/* mark(from), mark(from + 1), ... until one finds no room: returns that one. */
static int
fill(waldo_ref *ref, int from)
{
	waldo_err err;
	int n = from;

	while ((err = waldo_ref_notify(ref, "mark", "iy", n, data,
	                               (size_t) PIECE)) == WALDO_OK) {
		n++;
		assert_true(n < from + 1000);
	}
	assert_err(err, WALDO_ELIMIT);
	return n;
}

static void
assert_marked(const struct service *service, int count)
{
	assert_int_equal(service->order_count, count);
	for (int i = 0; i < count; i++) {
		assert_int_equal(service->order[i], i);
	}
}

/* P38, and waldo_ref_watch_room(): whoever was told WALDO_ELIMIT hears when it
 * may go on, and what was taken arrives, in order. */
static void
who_found_no_room_is_told_of_it(void **state)
{
	struct fixture *f = *state;
	struct room room = {0};
	const char *message;
	int sent, more;

	open_narrow(f);
	sent = fill(f->gate, 0);
	assert_true(sent > 16);
	message = waldo_node_get_message(f->client);
	assert_non_null(strstr(message, "queued_bytes: "));
	assert_non_null(strstr(message, "bytes wait for a peer that does not "
	                                "keep up, at most 262144 may"));
	/* The window leaves, and no more: the peer does not step. */
	waldo_node_flush(f->client);
	more = fill(f->gate, sent);
	assert_true(more > sent && more - sent <= 64 * KIB / PIECE);
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &room, NULL));
	assert_int_equal(room.told, 0);
	until(f, room.told > 0);
	assert_int_equal(room.state, WALDO_FAR);
	assert_ok(waldo_ref_notify(f->gate, "mark", "i", more));
	barrier(f);
	assert_marked(f->service, more + 1);
	assert_int_equal(room.told, 1);
}

static void
a_call_that_finds_no_room_was_not_sent(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	open_narrow(f);
	(void) fill(f->gate, 0);
	o = watch_outcome(f, waldo_ref_invoke(f->gate, "mark", "iy", 1, data,
	                                      (size_t) PIECE));
	until(f, o->count > 0);
	assert_failed(o, WALDO_ELIMIT, WALDO_NOT_SENT);
	assert_memory_equal(o->message, "queued_bytes: ", 14);
}

static void
room_that_is_there_is_told_in_the_next_turn(void **state)
{
	struct fixture *f = *state;
	struct room far = {0}, near = {0};

	open_narrow(f);
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &far, &far.watch));
	assert_ok(waldo_ref_watch_room(f->service_ref, note_room, &near, NULL));
	assert_int_equal(far.told + near.told, 0);
	until(f, far.told > 0 && near.told > 0);
	assert_int_equal(far.state, WALDO_FAR);
	assert_int_equal(near.state, WALDO_NEAR);
	barrier(f);
	assert_int_equal(far.told, 1);
	assert_int_equal(near.told, 1);
	waldo_watch_stop(far.watch);
}

static void
where_there_never_will_be_room_the_break_is_told(void **state)
{
	struct fixture *f = *state;
	struct room full = {0}, broken = {0};

	open_narrow(f);
	(void) fill(f->gate, 0);
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &full, NULL));
	node_free(&f->server);
	until(f, full.told > 0);
	assert_int_equal(full.state, WALDO_BROKEN);
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &broken, NULL));
	assert_int_equal(broken.told, 0);
	until(f, broken.told > 0);
	assert_int_equal(broken.state, WALDO_BROKEN);
	step(f->client);
	assert_int_equal(full.told + broken.told, 2);
}

static void
a_watch_for_room_can_be_stopped(void **state)
{
	struct fixture *f = *state;
	struct room one = {0}, other = {0};

	open_narrow(f);
	(void) fill(f->gate, 0);
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &one, &one.watch));
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &other, NULL));
	waldo_watch_stop(one.watch);
	until(f, other.told > 0);
	assert_int_equal(one.told, 0);
}

/* Parked calls run all at once. What they answer leaves as it comes, and is not
 * held against a peer that had no chance to read it. */
static void
many_answers_in_one_turn_leave_as_they_come(void **state)
{
	struct fixture *f = *state;
	struct outcome *o[40];
	waldo_promise *promise;
	waldo_ref *place;

	open_narrow(f);
	promise = waldo_ref_invoke(f->gate, "hold", "");
	place = waldo_promise_get_ref(promise);
	for (int i = 0; i < 40; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(place, "echo", "y",
		                                         data, (size_t) LARGE));
		barrier(f);
	}
	service_answer_ref(f->service, f->service_ref);
	for (int i = 0; i < 40; i++) {
		until(f, o[i]->count > 0);
		assert_ok(o[i]->code);
		assert_int_equal(o[i]->len, LARGE);
	}
	waldo_promise_release(promise);
}

struct filler {
	struct fixture *f;
	int next;
	bool found_room; /* by the one that is told last */
	int told;
};

/* The first takes all the room that there is. */
static void
take_room(waldo_ref *ref, waldo_state state, void *user)
{
	struct filler *filler = user;
	waldo_err err;

	(void) state;
	filler->told++;
	if (filler->told == 2) {
		filler->found_room =
		    waldo_ref_notify(ref, "mark", "i", filler->next++) ==
		    WALDO_OK;
		return;
	}
	while ((err = waldo_ref_notify(ref, "mark", "iy", filler->next, data,
	                               (size_t) PIECE)) == WALDO_OK) {
		filler->next++;
	}
}

static void
room_that_was_taken_meanwhile_is_waited_for_again(void **state)
{
	struct fixture *f = *state;
	struct filler filler = {.f = f};

	open_narrow(f);
	filler.next = fill(f->gate, 0);
	for (int i = 0; i < 2; i++) {
		assert_ok(
		    waldo_ref_watch_room(f->gate, take_room, &filler, NULL));
	}
	until(f, filler.told == 2);
	assert_true(filler.found_room);
	barrier(f);
	assert_marked(f->service, filler.next);
}

/* The teardown frees the node. */
static void
a_watch_for_room_ends_with_its_node(void **state)
{
	struct fixture *f = *state;
	static struct room room;

	open_narrow(f);
	(void) fill(f->gate, 0);
	assert_ok(waldo_ref_watch_room(f->gate, note_room, &room, &room.watch));
	node_free(&f->client);
	waldo_watch_stop(room.watch);
}

/* ---- room in this node */

static void
calls_within_a_node_wait_for_its_turn(void **state)
{
	struct fixture *f = *state;
	struct room room = {0};
	int sent;

	open_narrow(f);
	sent = fill(f->service_ref, 0);
	assert_ok(waldo_ref_watch_room(f->service_ref, note_room, &room, NULL));
	assert_int_equal(room.told, 0);
	until(f, room.told > 0);
	assert_int_equal(room.state, WALDO_NEAR);
	step(f->server);
	assert_marked(f->service, sent);
}

/* A promise of this node's, and what waits for it here. */
static waldo_promise *
fill_promise(struct fixture *f, struct room *room, int *ret_sent)
{
	waldo_promise *promise = waldo_ref_invoke(f->service_ref, "hold", "");
	waldo_ref *place = waldo_promise_get_ref(promise);

	until(f, f->service->held_count == 1);
	*ret_sent = fill(place, 0);
	assert_ok(waldo_ref_watch_room(place, note_room, room, NULL));
	step(f->server);
	assert_int_equal(room->told, 0);
	return promise;
}

static void
a_watch_for_room_follows_a_reference_that_settles(void **state)
{
	struct fixture *f = *state;
	struct room room = {0};
	waldo_promise *promise;
	int sent;

	open_narrow(f);
	promise = fill_promise(f, &room, &sent);
	service_answer_ref(f->service, f->service_ref);
	until(f, room.told > 0);
	assert_int_equal(room.state, WALDO_NEAR);
	step(f->server);
	assert_marked(f->service, sent);
	waldo_promise_release(promise);
}

static void
a_watch_for_room_follows_a_reference_that_breaks(void **state)
{
	struct fixture *f = *state;
	struct room room = {0};
	waldo_promise *promise;
	int sent;

	open_narrow(f);
	promise = fill_promise(f, &room, &sent);
	service_answer(f->service, 1); /* no reference */
	until(f, room.told > 0);
	assert_int_equal(room.state, WALDO_BROKEN);
	waldo_promise_release(promise);
}

/* ---- fairness */

/* P36: whoever floods has its turn, and not that of others. */
static void
a_peer_that_floods_does_not_starve_another(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = narrow();
	waldo_ref *flood = NULL;
	char uri[600];

	open_narrow(f);
	f->third = node_new(&limits);
	(void) snprintf(uri, sizeof(uri), "%s/gate", f->uri);
	assert_ok(waldo_connect(f->third, uri, &flood));
	for (int i = 0; i < 20; i++) {
		struct outcome *o =
		    watch_outcome(f, waldo_ref_invoke(f->gate, "add", "i", i));
		int pumps = 0;

		for (; o->count == 0 && pumps < 50; pumps++) {
			while (waldo_ref_notify(flood, "echo", "y", data,
			                        (size_t) 500) == WALDO_OK) {
			}
			pump(f);
		}
		assert_integer(o, i + 1);
	}
	assert_true(f->service->calls > 20); /* its own were run, too */
	waldo_ref_release(flood);
}

#define credit_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, setup_nothing, teardown)

const struct CMUnitTest credit_tests[] = {
    credit_test(full_windows_and_mutual_callbacks_make_progress),
    credit_test(the_call_that_settles_a_promise_passes_those_that_wait_for_it),
    credit_test(calls_that_are_never_answered_hold_no_window),
    credit_test(who_found_no_room_is_told_of_it),
    credit_test(a_call_that_finds_no_room_was_not_sent),
    credit_test(room_that_is_there_is_told_in_the_next_turn),
    credit_test(where_there_never_will_be_room_the_break_is_told),
    credit_test(many_answers_in_one_turn_leave_as_they_come),
    credit_test(a_watch_for_room_can_be_stopped),
    credit_test(room_that_was_taken_meanwhile_is_waited_for_again),
    credit_test(a_watch_for_room_ends_with_its_node),
    credit_test(calls_within_a_node_wait_for_its_turn),
    credit_test(a_watch_for_room_follows_a_reference_that_settles),
    credit_test(a_watch_for_room_follows_a_reference_that_breaks),
    credit_test(a_peer_that_floods_does_not_starve_another),
};
END_SUITE(credit);
