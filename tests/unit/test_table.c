/* SPDX-License-Identifier: MIT */
#include "broker/session/table.h"
#include "tests/waldo_test.h"

#include <stdlib.h>
#include <time.h>

enum { KEYS = 300, MANY = 200000 };

static char values[KEYS];

/* One that belongs at `home` in a table without a secret of that size: its hash
 * begins with that. */
static uint64_t
key_at(uint32_t bits, uint32_t home, uint32_t number)
{
	uint64_t ratio = UINT64_C(0x9e3779b97f4a7c15), inverse = ratio;

	for (int i = 0; i < 5; i++) {
		inverse *= 2 - ratio * inverse; /* twice as many bits */
	}
	return ((uint64_t) home << (64 - bits) | number) * inverse;
}

static waldoi_table
plain(void)
{
	waldoi_table table;

	waldoi_table_init(&table, 0);
	return table;
}

static waldoi_table
hashed(void)
{
	waldoi_table table;

	waldoi_table_init(&table, 7);
	return table;
}

static void
insert(waldoi_table *table, uint64_t key, void *value)
{
	assert_true(waldoi_table_insert(table, key, value));
}

static void
an_empty_table_owns_and_finds_nothing(void **state)
{
	waldoi_table table = hashed();
	uint32_t at = 0;
	uint64_t key;

	(void) state;
	assert_int_equal(table.bits, 0);
	assert_null(waldoi_table_next(&table, &at));
	assert_null(waldoi_table_find(&table, 1));
	assert_null(waldoi_table_remove(&table, 1));
	assert_null(waldoi_table_any(&table, &key));
	waldoi_table_fini(&table);
}

static void
check_all(const waldoi_table *table, const uint64_t *keys, const bool *there)
{
	uint32_t count = 0;

	for (int i = 0; i < KEYS; i++) {
		assert_ptr_equal(waldoi_table_find(table, keys[i]),
		                 there[i] ? &values[i] : NULL);
		count += there[i];
	}
	assert_int_equal(table->count, count);
}

static void
one_entry_needs_no_memory(void **state)
{
	waldoi_table table = hashed();
	uint32_t at = 0;
	uint64_t key;

	(void) state;
	insert(&table, 5, &values[5]);
	assert_int_equal(table.bits, 0);
	assert_ptr_equal(waldoi_table_find(&table, 5), &values[5]);
	assert_null(waldoi_table_find(&table, 7));
	assert_null(waldoi_table_remove(&table, 7));
	assert_ptr_equal(waldoi_table_any(&table, &key), &values[5]);
	assert_int_equal(key, 5);
	assert_ptr_equal(waldoi_table_next(&table, &at)->value, &values[5]);
	assert_null(waldoi_table_next(&table, &at));
	assert_ptr_equal(waldoi_table_remove(&table, 5), &values[5]);
	assert_null(waldoi_table_find(&table, 5));
}

/* A session that had two calls once does not pay for it as long as it lives. */
static void
a_small_table_that_is_empty_owns_nothing(void **state)
{
	waldoi_table table = plain();

	(void) state;
	insert(&table, 1, &values[1]);
	insert(&table, 3, &values[3]);
	assert_true(table.bits > 0);
	assert_ptr_equal(waldoi_table_remove(&table, 1), &values[1]);
	assert_ptr_equal(waldoi_table_find(&table, 3), &values[3]);
	assert_ptr_equal(waldoi_table_remove(&table, 3), &values[3]);
	assert_int_equal(table.bits, 0);
}

static void
a_large_table_that_is_empty_is_trimmed(void **state)
{
	waldoi_table table = plain();

	(void) state;
	for (uint64_t i = 0; i < 20; i++) {
		insert(&table, 2 * i, &values[i]);
	}
	waldoi_table_trim(&table);
	for (uint64_t i = 0; i < 20; i++) {
		assert_ptr_equal(waldoi_table_remove(&table, 2 * i),
		                 &values[i]);
	}
	assert_true(table.bits > 0);
	waldoi_table_trim(&table);
	assert_int_equal(table.bits, 0);
}

/* Else to remove one would be to look at all. */
static void
ids_that_follow_each_other_are_not_neighbours(void **state)
{
	waldoi_table table = plain();
	uint32_t in_a_row = 0, mask;

	(void) state;
	for (uint64_t i = 0; i < 250; i++) {
		insert(&table, 2001 + 2 * i, &values[i]);
	}
	assert_int_equal(table.bits, 9);
	mask = (UINT32_C(1) << table.bits) - 1;
	for (uint32_t i = 0; i <= mask + 4; i++) {
		in_a_row =
		    table.slots->at[i & mask].value == NULL ? 0 : in_a_row + 1;
		assert_true(in_a_row <= 2);
	}
	waldoi_table_fini(&table);
}

/* In phases that mostly insert and mostly remove, so that the table grows and
 * shrinks over and over. */
static void
compare_with_a_plain_model(waldoi_table table, const uint64_t *keys)
{
	bool there[KEYS] = {false};

	for (int step = 0; step < 6000; step++) {
		int i = rand() % KEYS;
		bool put = rand() % 8 < (step / 1000 % 2 == 0 ? 6 : 1);

		if (put && !there[i]) {
			insert(&table, keys[i], &values[i]);
			there[i] = true;
		} else if (!put) {
			assert_ptr_equal(waldoi_table_remove(&table, keys[i]),
			                 there[i] ? &values[i] : NULL);
			there[i] = false;
		}
		if (step % 16 == 0) {
			check_all(&table, keys, there);
		}
	}
	check_all(&table, keys, there);
	waldoi_table_fini(&table);
}

static void
it_is_a_map_from_counters(void **state)
{
	uint64_t keys[KEYS];

	(void) state;
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int i = 0; i < KEYS; i++) {
			keys[i] = (uint64_t) (sign * (2 * i + 1));
		}
		compare_with_a_plain_model(plain(), keys);
		compare_with_a_plain_model(hashed(), keys);
	}
}

static void
it_is_a_map_when_all_keys_collide(void **state)
{
	uint64_t keys[KEYS];

	(void) state;
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = key_at(10, 5, i);
	}
	compare_with_a_plain_model(plain(), keys);
}

/* Clusters that reach over the end and mix with those at the beginning. */
static void
it_is_a_map_when_keys_collide_at_its_end(void **state)
{
	static const uint32_t homes[] = {1020, 1022, 1023, 0, 1, 3};
	uint64_t keys[KEYS];

	(void) state;
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = key_at(10, homes[(uint32_t) rand() % 6], i);
	}
	compare_with_a_plain_model(plain(), keys);
}

static void
a_gap_is_closed_around_the_end(void **state)
{
	waldoi_table table = plain();

	(void) state;
	/* In 8 places: 7, then 0 and 1 by collision, then 2 pushed by those. */
	insert(&table, key_at(3, 7, 1), &values[1]);
	insert(&table, key_at(3, 7, 2), &values[2]);
	insert(&table, key_at(3, 7, 3), &values[3]);
	insert(&table, key_at(3, 0, 4), &values[4]);
	assert_int_equal(table.bits, 3);

	assert_ptr_equal(waldoi_table_remove(&table, key_at(3, 7, 1)),
	                 &values[1]);

	assert_ptr_equal(waldoi_table_find(&table, key_at(3, 7, 2)),
	                 &values[2]);
	assert_ptr_equal(waldoi_table_find(&table, key_at(3, 7, 3)),
	                 &values[3]);
	assert_ptr_equal(waldoi_table_find(&table, key_at(3, 0, 4)),
	                 &values[4]);
	assert_ptr_equal(table.slots->at[7].value, &values[2]);
	assert_null(table.slots->at[2].value);
	waldoi_table_fini(&table);
}

static void
it_shrinks_when_it_is_nearly_empty(void **state)
{
	waldoi_table table = hashed();
	uint32_t largest;

	(void) state;
	for (uint64_t key = 1; key <= 10000; key++) {
		insert(&table, key, &values[key % KEYS]);
	}
	largest = UINT32_C(1) << table.bits;
	for (uint64_t key = 10000; key > 1; key--) {
		assert_non_null(waldoi_table_remove(&table, key));
	}
	assert_true(largest >= 20000);
	assert_true(table.bits <= 6);
	assert_ptr_equal(waldoi_table_find(&table, 1), &values[1]);
	waldoi_table_fini(&table);
}

/* As a session does at its end. The quadratic way would take minutes. */
/* `leave` of `count` entries go between; the table does not grow. */
static void
reserve_and_insert(uint64_t count, uint64_t leave)
{
	waldoi_table table = plain();
	uint8_t bits;

	for (uint64_t key = 1; key <= count; key++) {
		insert(&table, key, &values[key]);
	}
	assert_true(waldoi_table_reserve(&table));
	for (uint64_t key = 1; key <= leave; key++) {
		waldoi_table_remove(&table, key);
	}
	bits = table.bits;
	insert(&table, KEYS, &values[0]);
	assert_int_equal(table.bits, bits);
	assert_ptr_equal(waldoi_table_find(&table, KEYS), &values[0]);
	waldoi_table_fini(&table);
}

static void
reserved_room_stays_until_it_is_used(void **state)
{
	(void) state;
	for (uint64_t count = 0; count < KEYS; count++) {
		for (uint64_t leave = 0; leave <= count;
		     leave += 1 + count / 16) {
			reserve_and_insert(count, leave);
		}
		reserve_and_insert(count, count);
	}
}

static void
emptying_it_is_linear(void **state)
{
	clock_t begin = clock();
	waldoi_table table = hashed();
	uint64_t key, sum = 0;

	(void) state;
	skip_under_valgrind();
	for (key = 1; key <= MANY; key++) {
		insert(&table, key, &values[0]);
	}
	while (waldoi_table_any(&table, &key) != NULL) {
		sum += key;
		assert_non_null(waldoi_table_remove(&table, key));
	}
	assert_int_equal(table.count, 0);
	assert_int_equal(sum, (uint64_t) MANY * (MANY + 1) / 2);
	assert_true((clock() - begin) / CLOCKS_PER_SEC < 10);
	waldoi_table_fini(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_table_owns_and_finds_nothing),
	    cmocka_unit_test(one_entry_needs_no_memory),
	    cmocka_unit_test(a_small_table_that_is_empty_owns_nothing),
	    cmocka_unit_test(a_large_table_that_is_empty_is_trimmed),
	    cmocka_unit_test(ids_that_follow_each_other_are_not_neighbours),
	    cmocka_unit_test(it_is_a_map_from_counters),
	    cmocka_unit_test(it_is_a_map_when_all_keys_collide),
	    cmocka_unit_test(it_is_a_map_when_keys_collide_at_its_end),
	    cmocka_unit_test(a_gap_is_closed_around_the_end),
	    cmocka_unit_test(it_shrinks_when_it_is_nearly_empty),
	    cmocka_unit_test(reserved_room_stays_until_it_is_used),
	    cmocka_unit_test(emptying_it_is_linear),
	};

	srand(1);
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
