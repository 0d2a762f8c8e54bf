/* SPDX-License-Identifier: MIT */
#include "tests/unit/secure_test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int
secure_setup(void **state)
{
	(void) state;
	return sodium_init() < 0 ? -1 : 0;
}

int
ends_setup(void **state)
{
	struct end *ends = malloc(2 * sizeof(*ends));

	*state = ends;
	return ends != NULL && ends_init(ends) ? 0 : -1;
}

int
open_setup(void **state)
{
	if (ends_setup(state) != 0) {
		return -1;
	}
	secure_reopen(*state);
	return 0;
}

int
ends_teardown(void **state)
{
	ends_fini(*state);
	free(*state);
	return 0;
}

void
secure_restart(struct end ends[2])
{
	ends_fini(ends);
	assert_true(ends_init(ends));
}

void
secure_reopen(struct end ends[2])
{
	secure_restart(ends);
	assert_true(ends_open(ends, WALDOI_XK));
	ends_settle(ends, 0);
	assert_opened(ends);
	ends[0].wire.len = ends[1].wire.len = 0;
}

void
assert_opened(struct end ends[2])
{
	for (int i = 0; i < 2; i++) {
		const struct end *end = &ends[i], *other = &ends[1 - i];

		assert_int_equal(end->session.opened, 1);
		assert_int_equal(end->met, 1);
		assert_ok(end->failed);
		assert_ok(end->session.broken);
		assert_memory_equal(end->key, other->keys[0].public,
		                    WALDOI_KEY);
		assert_memory_equal(waldoi_channel_get_key(&end->channel),
		                    other->keys[0].public, WALDOI_KEY);
		assert_int_equal(end->said.len, strlen(other->payload));
		assert_memory_equal(end->said.data, other->payload,
		                    end->said.len);
		assert_true(end_heard(end, other));
	}
	assert_memory_equal(waldoi_channel_get_binding(&ends[0].channel),
	                    waldoi_channel_get_binding(&ends[1].channel),
	                    WALDOI_HASH);
}

void
assert_broken(const struct end *end, waldo_err err)
{
	assert_err(end->session.broken, err);
	assert_int_equal(end->session.lost, 0);
}

void
assert_silent(struct end *end)
{
	size_t before = end->wire.len;

	end_say(end, "too late", 8);
	assert_int_equal(end_take(end, SIZE_MAX), 0);
	assert_int_equal(end->wire.len, before);
	assert_false(waldoi_channel_owes(&end->channel));
}

void
say_many(struct end *end, size_t len)
{
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	randombytes_buf(data, len);
	end_say(end, data, len);
	free(data);
}

waldoi_records *
records_of(struct end *end)
{
	return end->channel.secure->records;
}
