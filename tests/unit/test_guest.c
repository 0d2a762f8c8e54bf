/* SPDX-License-Identifier: MIT */
/* Links that have not proved who they are: PROTOCOL.md N4, N7, N8. */
#include "tests/unit/dial_fixture.h"
#include "broker/source.h"

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

static unsigned
take(waldoi_rate *rates, const char *address, unsigned times, uint64_t now)
{
	const waldoi_source source = waldoi_source_of(address);
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++) {
		taken += waldoi_rate_take(rates, &source, 100, now);
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
	    cmocka_unit_test(a_source_has_so_many_handshakes_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
