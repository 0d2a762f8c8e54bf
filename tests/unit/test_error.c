/* SPDX-License-Identifier: MIT */
#include "tests/waldo_test.h"

#include <waldo/version.h>

#include <string.h>

#define LAST WALDO_ESYSTEM

static void
every_error_has_a_text_of_its_own(void **state)
{
	(void) state;

	for (int a = 0; a <= LAST; a++) {
		assert_true(strlen(waldo_strerror((waldo_err) a)) > 3);
		for (int b = 0; b < a; b++) {
			assert_string_not_equal(waldo_strerror((waldo_err) a),
			                        waldo_strerror((waldo_err) b));
			assert_string_not_equal(waldo_err_type((waldo_err) a),
			                        waldo_err_type((waldo_err) b));
		}
	}
}

static void
the_type_names_are_those_of_the_wire(void **state)
{
	static const char *const names[] = {
	    "waldo.Ok",       "waldo.Invalid",   "waldo.NoMemory",
	    "waldo.Limit",    "waldo.Address",   "waldo.Connect",
	    "waldo.Lost",     "waldo.Protocol",  "waldo.Denied",
	    "waldo.Deadline", "waldo.Cancelled", "waldo.Revoked",
	    "waldo.NoName",   "waldo.NoMethod",  "waldo.BadArguments",
	    "waldo.Remote",   "waldo.System",
	};

	(void) state;

	for (int i = 0; i <= LAST; i++) {
		assert_string_equal(waldo_err_type((waldo_err) i), names[i]);
	}
}

static void
an_unknown_error_has_a_text_too(void **state)
{
	(void) state;

	assert_string_equal(waldo_strerror((waldo_err) (LAST + 1)),
	                    "unknown error");
	assert_string_equal(waldo_strerror((waldo_err) -1), "unknown error");
	assert_string_equal(waldo_err_type((waldo_err) 1000), "waldo.Unknown");
}

static void
the_library_is_the_version_of_its_headers(void **state)
{
	(void) state;

	assert_string_equal(waldo_version(), WALDO_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_error_has_a_text_of_its_own),
	    cmocka_unit_test(the_type_names_are_those_of_the_wire),
	    cmocka_unit_test(an_unknown_error_has_a_text_too),
	    cmocka_unit_test(the_library_is_the_version_of_its_headers),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
