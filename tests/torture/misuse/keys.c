/* SPDX-License-Identifier: MIT */
#include "torture/misuse/misuse.h"

#include <waldo/key.h>

static const uint8_t zero[32];

static waldo_key *
key_new(void)
{
	waldo_key *key = NULL;

	assert_ok(waldo_key_new(&key));
	return key;
}

MISUSE(waldo_key_new, more_than_a_node_has)
{
	waldo_key *keys[9];

	for (int i = 0; i < 9; i++) {
		keys[i] = key_new();
		assert_err(waldo_node_add_key(w->server, keys[i]),
		           i < 8 ? WALDO_OK : WALDO_EINVAL);
	}
	for (int i = 0; i < 9; i++) {
		waldo_key_release(keys[i]);
	}
}

MISUSE(waldo_key_load, where_there_is_no_key)
{
	waldo_key *key = NULL;

	(void) w;
	assert_err(waldo_key_load("/nonexistent/key", &key), WALDO_ESYSTEM);
	assert_int_not_equal(waldo_key_load("/dev/null", &key), WALDO_OK);
	assert_int_not_equal(waldo_key_load("/", &key), WALDO_OK);
	assert_int_not_equal(waldo_key_load("", &key), WALDO_OK);
	assert_null(key);
	assert_string_not_equal(waldo_node_get_message(NULL), "");
}

MISUSE(waldo_key_retain, null)
{
	(void) w;
	assert_null(waldo_key_retain(NULL));
}

MISUSE(waldo_key_release, null)
{
	(void) w;
	waldo_key_release(NULL);
}

MISUSE(waldo_key_release, before_the_node_that_has_it)
{
	waldo_key *key = key_new();

	assert_ok(waldo_node_add_key(w->server, key));
	waldo_key_release(key);
}

MISUSE(waldo_key_get_public, null)
{
	(void) w;
	assert_null(waldo_key_get_public(NULL));
}

MISUSE(waldo_key_format, of_no_point)
{
	char text[WALDO_KEY_TEXT];

	(void) w;
	waldo_key_format(zero, text);
	assert_int_equal(strlen(text), WALDO_KEY_TEXT - 1);
}

MISUSE(waldo_key_parse, what_is_no_key)
{
	static const char *const bad[] = {
	    "",
	    "a",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=",
	    "\xff\xff",
	};
	uint8_t key[WALDO_KEY_BYTES];

	(void) w;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(waldo_key_parse(bad[i], key));
	}
}

MISUSE(waldo_key_fingerprint, of_no_point)
{
	char print[WALDO_KEY_PRINT];

	(void) w;
	waldo_key_fingerprint(zero, print);
	assert_int_equal(strlen(print), WALDO_KEY_PRINT - 1);
}

/* What is done with a question in its turn is in tests/unit/test_dial.c. */
MISUSE(waldo_trust_get_host, null)
{
	(void) w;
	assert_string_equal(waldo_trust_get_host(NULL), "");
}

MISUSE(waldo_trust_get_key, null)
{
	(void) w;
	assert_null(waldo_trust_get_key(NULL));
}

MISUSE(waldo_trust_accept, null)
{
	(void) w;
	waldo_trust_accept(NULL);
}

MISUSE(waldo_trust_refuse, null)
{
	(void) w;
	waldo_trust_refuse(NULL);
}

MISUSE(waldo_node_add_key, null)
{
	waldo_key *key = key_new();

	assert_err(waldo_node_add_key(NULL, key), WALDO_EINVAL);
	assert_err(waldo_node_add_key(w->server, NULL), WALDO_EINVAL);
	waldo_key_release(key);
}

MISUSE(waldo_node_add_key, twice)
{
	waldo_key *key = key_new();

	assert_ok(waldo_node_add_key(w->server, key));
	assert_err(waldo_node_add_key(w->server, key), WALDO_EINVAL);
	assert_string_not_equal(waldo_node_get_message(w->server), "");
	waldo_key_release(key);
}

MISUSE(waldo_node_set_psk, null)
{
	assert_err(waldo_node_set_psk(NULL, 1, zero, false), WALDO_EINVAL);
	assert_ok(waldo_node_set_psk(w->server, 1, NULL, false));
}

MISUSE(waldo_node_set_psk, in_a_slot_that_is_none)
{
	assert_err(waldo_node_set_psk(w->server, 0, zero, false), WALDO_EINVAL);
	assert_err(waldo_node_set_psk(w->server, 256, zero, false),
	           WALDO_EINVAL);
	assert_string_not_equal(waldo_node_get_message(w->server), "");
}

const struct row key_rows[] = {
    ROW(waldo_key_new, more_than_a_node_has),
    ROW(waldo_key_load, where_there_is_no_key),
    ROW(waldo_key_retain, null),
    ROW(waldo_key_release, null),
    ROW(waldo_key_release, before_the_node_that_has_it),
    ROW(waldo_key_get_public, null),
    ROW(waldo_key_format, of_no_point),
    ROW(waldo_key_parse, what_is_no_key),
    ROW(waldo_key_fingerprint, of_no_point),
    ROW(waldo_trust_get_host, null),
    ROW(waldo_trust_get_key, null),
    ROW(waldo_trust_accept, null),
    ROW(waldo_trust_refuse, null),
    ROW(waldo_node_add_key, null),
    ROW(waldo_node_add_key, twice),
    ROW(waldo_node_set_psk, null),
    ROW(waldo_node_set_psk, in_a_slot_that_is_none),
};
END_ROWS(key);
