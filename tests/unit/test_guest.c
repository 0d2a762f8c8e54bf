/* SPDX-License-Identifier: MIT */
/* Links that have not proved who they are: PROTOCOL.md N4, N7, N8. */
#include "tests/unit/dial_fixture.h"
#include "broker/source.h"

#include <stdio.h>

#define SECOND UINT64_C(1000000)

/* XK, suite 1, no flags, a hint that is nobody's. */
static const uint8_t preamble[12] = {0xc1, 'W', 'D', 1, 1, 1, 0, 0, 9, 9, 9, 9};

static void
who_proves_nothing_has_five_seconds(void **state)
{
	struct fixture *f = *state;
	memory_raw *raw = memory_raw_dial("host");

	memory_approach(5 * SECOND - 1000);
	(void) memory_settle();
	assert_false(memory_raw_is_closed(raw));
	memory_advance(2000);
	assert_true(memory_raw_is_closed(raw));
	assert_int_equal(count_sessions(f->server), 0);
	memory_raw_free(raw);
}

/* What it says meanwhile does not lengthen that. */
static void
who_proves_it_slowly_has_no_more(void **state)
{
	memory_raw *raw = memory_raw_dial("host");

	(void) state;
	for (int i = 0; i < 4; i++) {
		assert_true(memory_raw_send(raw, preamble + i, 1));
		memory_advance(SECOND);
	}
	assert_false(memory_raw_is_closed(raw));
	memory_advance(SECOND + 1000);
	assert_true(memory_raw_is_closed(raw));
	memory_raw_free(raw);
}

static void
another_version_is_told_ours(void **state)
{
	static const uint8_t other[12] = {0xc1, 'W', 'D', 99};
	memory_raw *raw = memory_raw_dial("host");
	const uint8_t *said;
	size_t len;

	(void) state;
	assert_true(memory_raw_send(raw, other, sizeof(other)));
	(void) memory_settle();
	said = memory_raw_received(raw, &len);
	assert_int_equal(len, 4);
	assert_memory_equal(said, "\xc1WD\1", 4);
	assert_true(memory_raw_is_closed(raw));
	memory_raw_free(raw);
}

static void
who_asks_for_another_key_is_told_nothing(void **state)
{
	memory_raw *raw = memory_raw_dial("host");
	size_t len;

	(void) state;
	assert_true(memory_raw_send(raw, preamble, sizeof(preamble)));
	(void) memory_settle();
	(void) memory_raw_received(raw, &len);
	assert_int_equal(len, 0);
	assert_true(memory_raw_is_closed(raw));
	memory_raw_free(raw);
}

static void
a_stop_does_not_wait_for_strangers(void **state)
{
	struct fixture *f = *state;
	memory_raw *raw = memory_raw_dial("host");

	(void) memory_settle();
	waldo_node_stop(f->server, 60000);
	memory_advance(1000);
	assert_false(waldo_node_is_running(f->server));
	assert_true(memory_raw_is_closed(raw));
	memory_raw_free(raw);
}

static void
a_node_is_freed_with_strangers(void **state)
{
	struct fixture *f = *state;
	memory_raw *raws[10];

	for (int i = 0; i < 10; i++) {
		raws[i] = memory_raw_dial("host");
		if (i % 2 == 0) {
			(void) memory_raw_send(raws[i], preamble, 7);
		}
	}
	(void) memory_settle();
	node_free(&f->server);
	for (int i = 0; i < 10; i++) {
		assert_true(memory_raw_is_closed(raws[i]));
		memory_raw_free(raws[i]);
	}
}

static void
one_session_too_many_is_told_so(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits;
	waldo_node_options options = {.size = sizeof(options),
	                              .limits = &limits};
	struct outcome *o;

	memset(&limits, 0, sizeof(limits));
	limits.size = sizeof(limits);
	limits.sessions = 1;
	assert_ok(memory_node_new(&options, &f->third));
	(void) serve(f, f->third, "small");
	asked.then = ACCEPT;
	assert_ok(waldo_connect(f->client, uri_of(NULL, "small:1"), &f->gate));
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	node_free(&f->server);
	f->server = keyed_node(NULL, true);
	o = reach(f, f->server, uri_of(NULL, "small:1"));
	assert_err(o->code, WALDO_ELOST);
	assert_non_null(strstr(o->message, "sessions: at most 1"));
}

/* ---- who comes in numbers */

enum { MANY = 10000, OF_ONE = 64 };

static size_t
count_open(memory_raw *const *raws, size_t count)
{
	size_t open = 0;

	for (size_t i = 0; i < count; i++) {
		open += !memory_raw_is_closed(raws[i]);
	}
	return open;
}

static void
strangers_in_numbers_leave_room_for_the_honest(void **state)
{
	static memory_raw *raws[MANY];
	struct fixture *f = *state;
	uint64_t start = memory_now();

	for (size_t i = 0; i < MANY; i++) {
		raws[i] = memory_raw_dial("host");
		assert_non_null(raws[i]);
		(void) memory_raw_send(raws[i], preamble, 8);
		if (i % 50 == 0) {
			(void) memory_settle();
		}
	}
	(void) memory_settle();
	assert_int_equal(count_open(raws, MANY), OF_ONE);
	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
	assert_in_range(memory_now() - start, 0, 2 * SECOND);
	for (size_t i = 0; i < MANY; i++) {
		memory_raw_free(raws[i]);
	}
}

/* ---- who comes from where */

enum { ROOM = 64 };

static const waldo_limits small = {
    .size = sizeof(small), .handshakes = ROOM, .handshakes_per_source = ROOM};

static struct {
	int lines;
	char last[300];
} told;

static void
take_line(waldo_log_level level, const char *line, void *user)
{
	(void) level;
	(void) user;
	told.lines++;
	(void) snprintf(told.last, sizeof(told.last), "%s", line);
}

static void
serve_within(struct fixture *f, const waldo_limits *limits)
{
	waldo_node_options options = {
	    .size = sizeof(options), .limits = limits, .log = take_line};

	memset(&told, 0, sizeof(told));
	assert_ok(memory_node_new(&options, &f->third));
	(void) serve(f, f->third, "small");
}

static memory_raw *
knock_from(unsigned source)
{
	char address[64];
	memory_raw *raw;

	(void) snprintf(address, sizeof(address), "tcp:198.18.%u.%u:5",
	                source / 256, source % 256);
	memory_set_source(address);
	raw = memory_raw_dial("small");
	memory_set_source(NULL);
	assert_non_null(raw);
	(void) memory_settle();
	return raw;
}

static void
free_all(memory_raw **raws, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memory_raw_free(raws[i]);
	}
}

/* Which of them make room is not to be foreseen: neither the first nor the
 * last. */
static void
strangers_of_all_sources_are_no_more_than_there_is_room_for(void **state)
{
	enum { COUNT = ROOM + ROOM / 2 };
	memory_raw *raws[COUNT];

	serve_within(*state, &small);
	for (unsigned i = 0; i < COUNT; i++) {
		raws[i] = knock_from(i);
		assert_false(memory_raw_is_closed(raws[i]));
	}
	assert_int_equal(count_open(raws, COUNT), ROOM);
	assert_in_range(count_open(raws, ROOM / 2), 1, ROOM / 2 - 1);
	assert_in_range(count_open(raws + ROOM, ROOM / 2), 1, ROOM / 2 - 1);
	free_all(raws, COUNT);
}

static void
who_comes_in_numbers_makes_room_himself(void **state)
{
	enum { HONEST = 4, COUNT = 2 * ROOM };
	memory_raw *raws[COUNT];

	serve_within(*state, &small);
	for (unsigned i = 0; i < COUNT; i++) {
		raws[i] = knock_from(i < HONEST ? i : HONEST);
	}
	assert_int_equal(count_open(raws, COUNT), ROOM);
	assert_int_equal(count_open(raws, HONEST), HONEST);
	free_all(raws, COUNT);
}

static void
strangers_of_one_source_have_a_limit_of_their_own(void **state)
{
	enum { MOST = 5, OTHERS = 10, COUNT = 40 };
	const waldo_limits limits = {.size = sizeof(limits),
	                             .handshakes_per_source = MOST};
	memory_raw *raws[COUNT];

	serve_within(*state, &limits);
	for (unsigned i = 0; i < COUNT; i++) {
		raws[i] = knock_from(i < OTHERS ? i : OTHERS);
	}
	assert_int_equal(count_open(raws, OTHERS), OTHERS);
	assert_int_equal(count_open(raws, COUNT), OTHERS + MOST);
	free_all(raws, COUNT);
}

static void
strangers_that_are_refused_do_not_fill_the_log(void **state)
{
	enum { COUNT = 100 };
	memory_raw *raws[COUNT];

	serve_within(*state, &small);
	for (unsigned i = 0; i < COUNT; i++) {
		if (i == COUNT - 1) {
			assert_int_equal(told.lines, 1);
			memory_advance(SECOND);
		}
		raws[i] = knock_from(i);
		(void) memory_raw_send(raws[i], "GET", 3);
		(void) memory_settle();
	}
	assert_int_equal(told.lines, 2);
	assert_non_null(strstr(told.last, "(and 98 others before)"));
	free_all(raws, COUNT);
}

/* ---- time for all of them */

/* XX, and any point. */
static const uint8_t message_1[12 + 2 + 32] = {0xc1, 'W', 'D', 1, 2, 1,  0, 0,
                                               0,    0,   0,   0, 0, 32, 9};

enum { WAITING = 30 };

/* Those of a server with a budget of 10 a second that is busy with them. */
static void
wait_in_numbers(struct fixture *f, memory_raw *raws[WAITING])
{
	waldo_limits limits = {.size = sizeof(limits), .handshake_budget = 10};
	waldo_node_options options = {.size = sizeof(options),
	                              .limits = &limits};

	assert_ok(memory_node_new(&options, &f->third));
	(void) serve(f, f->third, "busy");
	for (int i = 0; i < WAITING; i++) {
		raws[i] = memory_raw_dial("busy");
		assert_true(
		    memory_raw_send(raws[i], message_1, sizeof(message_1)));
	}
	(void) memory_settle();
}

static unsigned
count_answered(memory_raw *const *raws)
{
	unsigned answered = 0;
	size_t len;

	for (int i = 0; i < WAITING; i++) {
		(void) memory_raw_received(raws[i], &len);
		answered += len > 0;
	}
	return answered;
}

static void
more_handshakes_than_there_is_time_for_wait(void **state)
{
	memory_raw *raws[WAITING];

	wait_in_numbers(*state, raws);
	assert_int_equal(count_answered(raws), 1);
	memory_advance(SECOND / 10);
	assert_int_equal(count_answered(raws), 2);
	for (int i = 0; i < 10; i++) {
		memory_advance(SECOND / 10);
	}
	assert_int_equal(count_answered(raws), 12);
	assert_int_equal(count_open(raws, WAITING), WAITING);
	free_all(raws, WAITING);
}

static void
who_waits_too_long_is_late_as_others_are(void **state)
{
	memory_raw *raws[WAITING];

	wait_in_numbers(*state, raws);
	for (int i = 0; i < 55; i++) {
		memory_advance(SECOND / 10);
	}
	assert_int_equal(count_open(raws, WAITING), 0);
	free_all(raws, WAITING);
}

static void
who_waits_and_leaves_is_forgotten(void **state)
{
	memory_raw *raws[WAITING];
	struct fixture *f = *state;

	wait_in_numbers(f, raws);
	free_all(raws, WAITING);
	(void) memory_settle();
	memory_advance(SECOND / 10);
	assert_integer(reach(f, f->client, uri_of(host_key, "host:1")), 2);
}

static void
who_waits_must_not_speak(void **state)
{
	memory_raw *raws[WAITING];

	wait_in_numbers(*state, raws);
	assert_true(memory_raw_send(raws[WAITING - 1], message_1, 1));
	(void) memory_settle();
	assert_int_equal(count_open(raws, WAITING), WAITING - 1);
	free_all(raws, WAITING);
}

static void
a_node_is_freed_while_some_wait(void **state)
{
	memory_raw *raws[WAITING];
	struct fixture *f = *state;

	wait_in_numbers(f, raws);
	node_free(&f->third);
	assert_int_equal(count_open(raws, WAITING), 0);
	free_all(raws, WAITING);
}

static memory_raw *
ask_from(unsigned source)
{
	memory_raw *raw = knock_from(source);

	(void) memory_raw_send(raw, message_1, sizeof(message_1));
	return raw;
}

/* Two seconds' worth of five. */
static void
a_source_that_asks_too_often_is_refused(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .handshake_rate = 5};
	memory_raw *raws[WAITING];

	serve_within(*state, &limits);
	for (unsigned i = 0; i < WAITING; i++) {
		raws[i] = ask_from(i < 20 ? 1 : 2 + i % 2);
		(void) memory_settle();
	}
	memory_advance(SECOND / 10);
	assert_int_equal(count_open(raws, 20), 10);
	assert_int_equal(count_open(raws, WAITING), WAITING - 10);
	assert_int_equal(count_answered(raws), WAITING - 10);
	free_all(raws, WAITING);
}

static void
who_has_asked_for_least_is_answered_next(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .handshake_budget = 10};
	memory_raw *raws[WAITING];
	size_t len;

	serve_within(*state, &limits);
	for (unsigned i = 0; i < WAITING; i++) {
		raws[i] = ask_from(i < WAITING - 1 ? 1 : 2);
	}
	(void) memory_settle();
	assert_int_equal(count_answered(raws), 1);
	memory_advance(SECOND / 10);
	assert_int_equal(count_answered(raws), 2);
	(void) memory_raw_received(raws[WAITING - 1], &len);
	assert_true(len > 0);
	free_all(raws, WAITING);
}

/* A fifth of it at most: an answer that takes 10 ms takes 50. */
static void
on_a_slow_machine_strangers_have_a_part_of_its_time(void **state)
{
	memory_raw *raws[WAITING];

	serve_within(*state, &small);
	for (unsigned i = 0; i < WAITING; i++) {
		raws[i] = knock_from(i);
	}
	for (unsigned i = 0; i < WAITING; i++) {
		(void) memory_raw_send(raws[i], message_1, sizeof(message_1));
	}
	memory_set_cost(SECOND / 100);
	(void) memory_settle();
	memory_advance(SECOND / 2);
	memory_set_cost(0);
	assert_in_range(count_answered(raws), 9, 12);
	free_all(raws, WAITING);
}

static void
a_pace_is_kept(void **state)
{
	waldoi_pace pace = {0};
	uint64_t again = 0;
	unsigned taken = 0;

	(void) state;
	while (waldoi_pace_take(&pace, 1000, 20000, SECOND, &again)) {
		taken++;
	}
	assert_int_equal(taken, 20);
	assert_int_equal(again, SECOND + 1000);
	assert_false(waldoi_pace_take(&pace, 1000, 20000, again - 1, &again));
	assert_true(waldoi_pace_take(&pace, 1000, 20000, again, &again));
	waldoi_pace_charge(&pace, 1000, 900);
	assert_int_equal(pace.spent_until, again + 20000);
	waldoi_pace_charge(&pace, 1000, 1500);
	assert_int_equal(pace.spent_until, again + 20500);
	/* One is always to be had, however long it takes. */
	pace.spent_until = 0;
	assert_true(waldoi_pace_take(&pace, 1, 20000, SECOND, &again));
	assert_false(waldoi_pace_take(&pace, 1, 20000, SECOND, &again));
	assert_int_equal(again, 2 * SECOND);
	assert_true(waldoi_pace_take(&pace, 1, 20000, again, &again));
}

/* ---- time for one source */

static unsigned
take(waldoi_rate *rates, const char *address, unsigned times, uint64_t now)
{
	const waldoi_source source = waldoi_source_of(address);
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++) {
		taken += waldoi_rate_take(rates, source, 100, now);
	}
	return taken;
}

static void
a_source_has_so_many_handshakes_a_second(void **state)
{
	waldoi_rate rates[WALDOI_RATES] = {0};

	(void) state;
	assert_int_equal(take(rates, "tcp:192.0.2.7:5", 1000, SECOND), 200);
	assert_int_equal(take(rates, "tcp:192.0.2.7:6", 10, SECOND), 0);
	assert_int_equal(take(rates, "tcp:192.0.2.8:5", 10, SECOND), 10);
	assert_int_equal(
	    take(rates, "tcp:192.0.2.7:5", 10, SECOND + SECOND / 20), 5);
	assert_int_equal(take(rates, "tcp:[2001:db8::1]:5", 300, SECOND), 200);
	assert_int_equal(take(rates, "tcp:[2001:db8::2]:5", 1, SECOND), 0);
	assert_int_equal(take(rates, "tcp:[2001:db8:0:1::2]:5", 1, SECOND), 1);
	assert_int_equal(take(rates, "tcp:127.0.0.1:5", 1000, SECOND), 1000);
	assert_int_equal(take(rates, "tcp:[::1]:5", 1000, SECOND), 1000);
	assert_int_equal(take(rates, "inproc:", 1000, SECOND), 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    dial_test(who_proves_nothing_has_five_seconds),
	    dial_test(who_proves_it_slowly_has_no_more),
	    dial_test(another_version_is_told_ours),
	    dial_test(who_asks_for_another_key_is_told_nothing),
	    dial_test(a_stop_does_not_wait_for_strangers),
	    dial_test(a_node_is_freed_with_strangers),
	    dial_test(one_session_too_many_is_told_so),
	    dial_test(strangers_in_numbers_leave_room_for_the_honest),
	    dial_test(
	        strangers_of_all_sources_are_no_more_than_there_is_room_for),
	    dial_test(who_comes_in_numbers_makes_room_himself),
	    dial_test(strangers_of_one_source_have_a_limit_of_their_own),
	    dial_test(strangers_that_are_refused_do_not_fill_the_log),
	    dial_test(more_handshakes_than_there_is_time_for_wait),
	    dial_test(who_waits_too_long_is_late_as_others_are),
	    dial_test(who_waits_and_leaves_is_forgotten),
	    dial_test(who_waits_must_not_speak),
	    dial_test(a_node_is_freed_while_some_wait),
	    dial_test(a_source_that_asks_too_often_is_refused),
	    dial_test(who_has_asked_for_least_is_answered_next),
	    dial_test(on_a_slow_machine_strangers_have_a_part_of_its_time),
	    cmocka_unit_test(a_pace_is_kept),
	    cmocka_unit_test(a_source_has_so_many_handshakes_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
