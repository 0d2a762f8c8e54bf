/* SPDX-License-Identifier: MIT */
#include "broker/limits.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <string.h>

#define KIBI (size_t) 1024
#define MEBI (1024 * KIBI)

/* What <waldo/limits.h> says. */
static const waldo_limits defaults = {
    .size = sizeof(waldo_limits),
    .message_bytes = 4 * MEBI,
    .depth = 64,
    .exports = 16384,
    .open_calls = 1024,
    .queued_bytes = 16 * MEBI,
    .total_bytes = 256 * MEBI,
    .sessions = 16384,
    .call_timeout_ms = 0,
    .dead_peer_ms = 20000,
    .imports = 16384,
    .refs_per_message = 256,
    .names = 1024,
    .parked_bytes = 1 * MEBI,
    .retained_bytes = 8 * MEBI,
    .call_window = 8 * MEBI,
    .handshakes = 1024,
    .handshakes_per_source = 64,
    .handshake_rate = 100,
    .handshake_budget = 1000,
};

static char message[200];

#define SAME(field) assert_int_equal(limits->field, want->field)

static void
assert_limits(const waldo_limits *limits, const waldo_limits *want)
{
	SAME(size);
	SAME(message_bytes);
	SAME(depth);
	SAME(exports);
	SAME(open_calls);
	SAME(queued_bytes);
	SAME(total_bytes);
	SAME(sessions);
	SAME(call_timeout_ms);
	SAME(dead_peer_ms);
	SAME(imports);
	SAME(refs_per_message);
	SAME(names);
	SAME(parked_bytes);
	SAME(retained_bytes);
	SAME(call_window);
	SAME(handshakes);
	SAME(handshakes_per_source);
	SAME(handshake_rate);
	SAME(handshake_budget);
}

static void
without_any_given_they_are_the_defaults(void **state)
{
	const waldo_limits zero = {0}, sized = {.size = sizeof(sized)};
	const waldo_limits *given[] = {NULL, &zero, &sized};

	(void) state;
	for (size_t i = 0; i < 3; i++) {
		waldo_limits limits;

		memset(&limits, 0xff, sizeof(limits));
		assert_ok(waldoi_limits_set(given[i], &limits, message));
		assert_limits(&limits, &defaults);
	}
}

static void
what_is_given_is_taken_and_the_rest_is_the_default(void **state)
{
	const waldo_limits given = {.size = sizeof(given),
	                            .message_bytes = 64 * KIBI,
	                            .depth = 17,
	                            .exports = 1,
	                            .open_calls = 18,
	                            .queued_bytes = 65 * KIBI,
	                            .total_bytes = 64 * KIBI,
	                            .sessions = 2,
	                            .call_timeout_ms = 3,
	                            .dead_peer_ms = 100,
	                            .imports = 64,
	                            .refs_per_message = 19,
	                            .names = 64,
	                            .parked_bytes = 4,
	                            .retained_bytes = 66 * KIBI,
	                            .call_window = 67 * KIBI,
	                            .handshakes = 5,
	                            .handshakes_per_source = 6,
	                            .handshake_rate = 7,
	                            .handshake_budget = 8};
	const waldo_limits one = {.size = sizeof(one), .open_calls = 64};
	waldo_limits limits, want = defaults;

	(void) state;
	assert_ok(waldoi_limits_set(&given, &limits, message));
	assert_limits(&limits, &given);

	want.open_calls = 64;
	assert_ok(waldoi_limits_set(&one, &limits, message));
	assert_limits(&limits, &want);
}

/* A message that says "limits.NAME is VALUE, not in ...". */
static void
assert_refused(const waldo_limits *given, const char *name, size_t value)
{
	char want[100];
	waldo_limits limits;

	(void) snprintf(want, sizeof(want), "limits.%s is %zu, not ", name,
	                value);
	message[0] = '\0';
	assert_err(waldoi_limits_set(given, &limits, message), WALDO_EINVAL);
	assert_memory_equal(message, want, strlen(want));
}

#define REFUSED(field, bad)                                                    \
	do {                                                                   \
		waldo_limits given = {.size = sizeof(given)};                  \
		given.field = (bad);                                           \
		assert_refused(&given, #field, (bad));                         \
	} while (0)

/* PROTOCOL.md F21: below the floor nobody could keep to them. */
static void
a_limit_that_is_too_small_is_named(void **state)
{
	(void) state;
	REFUSED(message_bytes, 64 * KIBI - 1);
	REFUSED(depth, 15);
	REFUSED(open_calls, 15);
	REFUSED(imports, 63);
	REFUSED(refs_per_message, 15);
	REFUSED(names, 63);
	REFUSED(dead_peer_ms, 99);
	REFUSED(queued_bytes, 4 * MEBI - 1);
	REFUSED(retained_bytes, 4 * MEBI - 1);
	REFUSED(call_window, 4 * MEBI - 1);
	REFUSED(size, sizeof(waldo_limits) - 1);
}

static void
a_limit_that_is_too_large_is_named(void **state)
{
	(void) state;
	REFUSED(message_bytes, 1024 * MEBI + 1);
	REFUSED(depth, 65);
	REFUSED(refs_per_message, 257);
	REFUSED(names, 65537);
	REFUSED(handshake_rate, 1000001);
	REFUSED(handshake_budget, 1000001);
	REFUSED(call_window, (size_t) UINT32_MAX + 1);
	REFUSED(dead_peer_ms, 24 * 3600 * 1000 + 1);
}

static void
what_must_hold_a_message_is_as_large_as_one(void **state)
{
	waldo_limits given = {.size = sizeof(given),
	                      .message_bytes = 17 * MEBI};
	waldo_limits limits;

	(void) state;
	assert_refused(&given, "queued_bytes", 16 * MEBI);
	given.queued_bytes = 17 * MEBI;
	assert_refused(&given, "retained_bytes", 8 * MEBI);
	given.retained_bytes = 17 * MEBI;
	assert_refused(&given, "call_window", 8 * MEBI);
	given.call_window = 17 * MEBI;
	assert_ok(waldoi_limits_set(&given, &limits, message));
}

/* A program that was compiled with a later header, which has more fields. */
static void
a_larger_structure_is_taken_as_far_as_it_is_known(void **state)
{
	struct {
		waldo_limits known;
		uint64_t more;
	} later = {{.size = sizeof(later), .depth = 20}, 1};
	waldo_limits limits;

	(void) state;
	assert_ok(waldoi_limits_set(&later.known, &limits, message));
	assert_int_equal(limits.depth, 20);
	assert_int_equal(limits.names, defaults.names);
}

/* ---- of strangers, and raised */

static void
what_is_not_said_of_strangers_is_as_for_all(void **state)
{
	const waldo_limits zero = {0}, sized = {.size = sizeof(sized)};
	const waldo_limits one = {.size = sizeof(one), .open_calls = 16};
	const waldo_limits *given[] = {NULL, &zero, &sized, &defaults};
	waldo_limits limits, want = defaults;

	(void) state;
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		memset(&limits, 0xff, sizeof(limits));
		assert_ok(waldoi_limits_set_strangers(given[i], &defaults,
		                                      &limits, message));
		assert_limits(&limits, &defaults);
	}
	want.open_calls = 16;
	assert_ok(
	    waldoi_limits_set_strangers(&one, &defaults, &limits, message));
	assert_limits(&limits, &want);
}

static void
refuse_stranger(const waldo_limits *given, const char *name)
{
	char want[64];
	waldo_limits limits;

	(void) snprintf(want, sizeof(want), "strangers.%s is ", name);
	message[0] = '\0';
	assert_err(
	    waldoi_limits_set_strangers(given, &defaults, &limits, message),
	    WALDO_EINVAL);
	assert_memory_equal(message, want, strlen(want));
}

#define NO_STRANGER(field, bad)                                                \
	do {                                                                   \
		waldo_limits given = {.size = sizeof(given)};                  \
		given.field = (bad);                                           \
		refuse_stranger(&given, #field);                               \
	} while (0)

static void
a_limit_of_strangers_that_is_out_of_range_is_named(void **state)
{
	(void) state;
	NO_STRANGER(message_bytes, 4 * MEBI + 1);
	NO_STRANGER(message_bytes, 64 * KIBI - 1);
	NO_STRANGER(depth, 65);
	NO_STRANGER(depth, 15);
	NO_STRANGER(exports, 16385);
	NO_STRANGER(imports, 16385);
	NO_STRANGER(imports, 63);
	NO_STRANGER(open_calls, 1025);
	NO_STRANGER(open_calls, 15);
	NO_STRANGER(call_window, 8 * MEBI + 1);
	NO_STRANGER(call_window, 64 * KIBI);
	NO_STRANGER(refs_per_message, 257);
	NO_STRANGER(refs_per_message, 15);
	NO_STRANGER(names, 1025);
	NO_STRANGER(names, 63);
	NO_STRANGER(parked_bytes, 1 * MEBI + 1);
	NO_STRANGER(size, sizeof(waldo_limits) - 1);
}

/* Rather than that a limit be ignored. */
static void
what_is_no_limit_of_one_peer_is_not_one_of_strangers(void **state)
{
	(void) state;
	NO_STRANGER(queued_bytes, 8 * MEBI);
	NO_STRANGER(retained_bytes, 4 * MEBI);
	NO_STRANGER(total_bytes, 128 * MEBI);
	NO_STRANGER(sessions, 16);
	NO_STRANGER(call_timeout_ms, 1);
	NO_STRANGER(dead_peer_ms, 1000);
}

static void
limits_are_raised_and_never_lowered(void **state)
{
	const waldo_limits given = {.size = sizeof(given),
	                            .message_bytes = 5 * MEBI,
	                            .depth = 17,
	                            .exports = 16385,
	                            .open_calls = 1025,
	                            .call_window = 9 * MEBI,
	                            .queued_bytes = 32 * MEBI,
	                            .imports = 64,
	                            .parked_bytes = 2 * MEBI};
	waldo_limits limits = defaults, want = defaults;

	(void) state;
	want.message_bytes = 5 * MEBI;
	want.exports = 16385;
	want.open_calls = 1025;
	want.call_window = 9 * MEBI;
	want.parked_bytes = 2 * MEBI;
	assert_ok(waldoi_limits_raise(&given, &limits, message));
	assert_limits(&limits, &want);
}

static void
limits_that_cannot_be_raised_stay(void **state)
{
	const waldo_limits deep = {
	    .size = sizeof(deep), .open_calls = 2000, .depth = 65};
	const waldo_limits small = {.size = 8, .open_calls = 2000};
	waldo_limits limits = defaults;

	(void) state;
	assert_err(waldoi_limits_raise(&deep, &limits, message), WALDO_EINVAL);
	assert_string_equal(message, "limits.depth is 65, not in 16..64");
	assert_err(waldoi_limits_raise(&small, &limits, message), WALDO_EINVAL);
	assert_limits(&limits, &defaults);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_any_given_they_are_the_defaults),
	    cmocka_unit_test(
	        what_is_given_is_taken_and_the_rest_is_the_default),
	    cmocka_unit_test(a_limit_that_is_too_small_is_named),
	    cmocka_unit_test(a_limit_that_is_too_large_is_named),
	    cmocka_unit_test(what_must_hold_a_message_is_as_large_as_one),
	    cmocka_unit_test(a_larger_structure_is_taken_as_far_as_it_is_known),
	    cmocka_unit_test(what_is_not_said_of_strangers_is_as_for_all),
	    cmocka_unit_test(
	        a_limit_of_strangers_that_is_out_of_range_is_named),
	    cmocka_unit_test(
	        what_is_no_limit_of_one_peer_is_not_one_of_strangers),
	    cmocka_unit_test(limits_are_raised_and_never_lowered),
	    cmocka_unit_test(limits_that_cannot_be_raised_stay),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
